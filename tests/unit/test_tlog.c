/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tlog.c - the tree against RFC 6962's definition, written down once more and by itself; the
 * known roots are those of Certificate Transparency's reference implementation.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/tlog.h"

static char dir[] = "/tmp/mw-tlog-XXXXXX";
static int dir_fd;

static int setup(void **state)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char cmd[128];

	close(dir_fd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static bool same(const struct mw_hash *a, const struct mw_hash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* --- the definition, over all leaves ------------------------------------------------------------
 */

static uint64_t half(uint64_t n)
{
	uint64_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static struct mw_hash node(struct mw_hash l, struct mw_hash r)
{
	uint8_t buf[65] = { 1 };
	struct mw_hash h;

	memcpy(buf + 1, l.p, 32);
	memcpy(buf + 33, r.p, 32);
	SHA256(buf, sizeof(buf), h.p);
	return h;
}

static struct mw_hash mth(const struct mw_hash *d, uint64_t n)
{
	struct mw_hash h;

	if (n == 0) {
		SHA256((const uint8_t *)"", 0, h.p);
		return h;
	}
	if (n == 1)
		return d[0];
	return node(mth(d, half(n)), mth(d + half(n), n - half(n)));
}

static size_t path(uint64_t m, const struct mw_hash *d, uint64_t n, struct mw_hash *out)
{
	uint64_t k = half(n);
	size_t len;

	if (n == 1)
		return 0;
	len = m < k ? path(m, d, k, out) : path(m - k, d + k, n - k, out);
	out[len] = m < k ? mth(d + k, n - k) : mth(d, k);
	return len + 1;
}

static size_t subproof(uint64_t m, const struct mw_hash *d, uint64_t n, bool b, struct mw_hash *out)
{
	uint64_t k = half(n);
	size_t len;

	if (m == n) {
		if (!b)
			out[0] = mth(d, n);
		return !b;
	}
	if (m <= k) {
		len = subproof(m, d, k, b, out);
		out[len] = mth(d + k, n - k);
	} else {
		len = subproof(m - k, d + k, n - k, false, out);
		out[len] = mth(d, k);
	}
	return len + 1;
}

static struct mw_hash *some_leaves(size_t n)
{
	struct mw_hash *h = calloc(n, sizeof(*h));
	size_t i;

	assert_non_null(h);
	for (i = 0; i < n; i++)
		mw_tlog_leaf(&i, sizeof(i), &h[i]);
	return h;
}

/* --- hashes and roots ---------------------------------------------------------------------------
 */

static const char *const known_leaf[8] = {
	"",
	"\x00",
	"\x10",
	"\x20\x21",
	"\x30\x31",
	"\x40\x41\x42\x43",
	"\x50\x51\x52\x53\x54\x55\x56\x57",
	"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
};
static const size_t known_len[8] = { 0, 1, 1, 2, 2, 4, 8, 16 };
static const char *const known_root[9] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void check_known(const struct mw_tlog_tree *t, size_t n)
{
	struct mw_hash root;
	char hex[65];
	size_t i;

	mw_tlog_root(t, &root);
	for (i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", root.p[i]);
	assert_string_equal(hex, known_root[n]);
	assert_int_equal(t->n, n);
}

static void test_known_roots(void **state)
{
	struct mw_tlog_tree t = { 0 };
	struct mw_hash leaf;
	size_t i;

	check_known(&t, 0);
	for (i = 0; i < 8; i++) {
		mw_tlog_leaf(known_leaf[i], known_len[i], &leaf);
		mw_tlog_add(&t, &leaf);
		check_known(&t, i + 1);
	}
}

static void test_roots_by_definition(void **state)
{
	struct mw_hash *h = some_leaves(1030), root, want;
	struct mw_tlog_tree t = { 0 };
	size_t i;

	for (i = 0; i < 1030; i++) {
		mw_tlog_add(&t, &h[i]);
		mw_tlog_root(&t, &root);
		want = mth(h, i + 1);
		assert_true(same(&root, &want));
	}
	free(h);
}

static void *hash_many(void *out)
{
	struct mw_hash *h = some_leaves(20000);

	*(struct mw_hash *)out = mth(h, 20000);
	free(h);
	return NULL;
}

static void test_threads(void **state)
{
	struct mw_hash root[4];
	pthread_t t[4];
	size_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hash_many, &root[i]), 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (i = 1; i < 4; i++)
		assert_true(same(&root[0], &root[i]));
}

/* --- tiles and proofs ---------------------------------------------------------------------------
 */

/* All there is to know about the tree of n leaves, of which the folder holds the tiles. */
static void check_proofs(const struct mw_hash *d, uint64_t n, uint64_t step)
{
	struct mw_hash want[MW_PROOF_MAX], got[MW_PROOF_MAX], root = mth(d, n), to;
	size_t n_want, n_got = 0;
	uint64_t m;

	for (m = 0; m < n; m += step) {
		n_want = path(m, d, n, want);
		assert_int_equal(mw_tiles_prove(dir_fd, n, m, got, &n_got), 0);
		assert_int_equal(n_got, n_want);
		assert_memory_equal(got, want, n_want * sizeof(*want));
		assert_int_equal(mw_tlog_proof_root(n, m, &d[m], got, n_got, &to), 0);
		assert_true(same(&to, &root));
		/* too short, too long, of another leaf, of another place */
		if (n_got > 0) {
			assert_int_equal(mw_tlog_proof_root(n, m, &d[m], got, n_got - 1, &to),
					 -EBADMSG);
			assert_int_equal(mw_tlog_proof_root(n, m, &d[(m + 1) % n], got, n_got, &to),
					 0);
			assert_false(same(&to, &root));
			if (mw_tlog_proof_root(n, (m + 1) % n, &d[m], got, n_got, &to) == 0)
				assert_false(same(&to, &root));
		}
		got[n_got] = root;
		assert_int_equal(mw_tlog_proof_root(n, m, &d[m], got, n_got + 1, &to), -EBADMSG);
	}
	for (m = 1; m <= n; m += step) {
		n_want = subproof(m, d, n, true, want);
		assert_int_equal(mw_tiles_consistency(dir_fd, m, n, got, &n_got), 0);
		assert_int_equal(n_got, n_want);
		assert_memory_equal(got, want, n_want * sizeof(*want));
	}
	n_got = 77;
	assert_int_equal(mw_tiles_prove(dir_fd, n, n, got, &n_got), -EINVAL);
	assert_int_equal(mw_tiles_consistency(dir_fd, 0, n, got, &n_got), -EINVAL);
	assert_int_equal(mw_tiles_consistency(dir_fd, n + 1, n, got, &n_got), -EINVAL);
	assert_int_equal(mw_tlog_proof_root(n, n, &d[0], got, 0, &to), -EBADMSG);
	assert_int_equal(mw_tlog_proof_root(0, 0, &d[0], got, 0, &to), -EBADMSG);
	assert_int_equal(n_got, 77);
}

static void check_read(const struct mw_hash *d, uint64_t n)
{
	struct mw_hash *got = calloc(n + 1, sizeof(*got)), root, want = mth(d, n);
	struct mw_tlog_tree t;

	assert_int_equal(mw_tiles_leaves(dir_fd, n, 0, n, got), 0);
	assert_memory_equal(got, d, n * sizeof(*d));
	if (n > 3) {
		assert_int_equal(mw_tiles_leaves(dir_fd, n, n / 3, n / 3, got), 0);
		assert_memory_equal(got, d + n / 3, n / 3 * sizeof(*d));
	}
	assert_int_equal(mw_tiles_leaves(dir_fd, n, n, 1, got), -EINVAL);
	free(got);
	assert_int_equal(mw_tiles_tree(dir_fd, n, &t), 0);
	assert_int_equal(t.n, n);
	mw_tlog_root(&t, &root);
	assert_true(same(&root, &want));
}

static void check_tiles(const struct mw_tiles *t, const struct mw_hash *d, uint64_t n)
{
	struct mw_hash root, want = mth(d, n);

	mw_tiles_root(t, &root);
	assert_int_equal(mw_tiles_size(t), n);
	assert_true(same(&root, &want));
}

/* Written after each leaf, opened anew each time; all proofs of each size. */
static void test_small(void **state)
{
	struct mw_hash *d = some_leaves(70);
	struct mw_tiles *t;
	uint64_t n;

	for (n = 1; n <= 70; n++) {
		assert_int_equal(mw_tiles_open(dir_fd, n - 1, &t), 0);
		assert_int_equal(mw_tiles_add(t, &d[n - 1], 1), 0);
		check_tiles(t, d, n);
		assert_int_equal(mw_tiles_write(t), 0);
		assert_int_equal(mw_tiles_write(t), 0);
		mw_tiles_close(t);
		check_read(d, n);
		check_proofs(d, n, 1);
	}
	/* older trees, from newer tiles */
	for (n = 1; n <= 70; n++)
		check_proofs(d, n, 7);
	free(d);
}

static bool is_there(const char *name)
{
	return faccessat(dir_fd, name, F_OK, 0) == 0;
}

/* Over the edges of tiles, in steps. */
static void test_edges(void **state)
{
	static const uint64_t size[] = { 255,	256,   257,   511,   512,   513,  1000,
					 65279, 65535, 65536, 65537, 66000, 66048 };
	struct mw_hash *d = some_leaves(66048);
	struct mw_tiles *t;
	uint64_t n = 0;
	size_t i;

	assert_int_equal(mw_tiles_open(dir_fd, 0, &t), 0);
	for (i = 0; i < sizeof(size) / sizeof(*size); i++) {
		assert_int_equal(mw_tiles_add(t, d + n, size[i] - n), 0);
		n = size[i];
		check_tiles(t, d, n);
		assert_int_equal(mw_tiles_write(t), 0);
		check_read(d, n);
		check_proofs(d, n, n < 600 ? 1 : n / 40 + 1);
		if (i % 2) {
			mw_tiles_close(t);
			assert_int_equal(mw_tiles_open(dir_fd, n, &t), 0);
			check_tiles(t, d, n);
		}
	}
	mw_tiles_close(t);
	/* what a full tile replaces is gone; older trees can be read all the same */
	assert_true(is_there("tile/0/000"));
	assert_false(is_there("tile/0/000.p"));
	assert_true(is_there("tile/0/257"));
	assert_false(is_there("tile/0/257.p"));
	assert_true(is_there("tile/1/000"));
	assert_true(is_there("tile/1/001.p/2"));
	assert_true(is_there("tile/2/000.p/1"));
	assert_false(is_there("tile/3"));
	assert_false(is_there("tile/.new"));
	check_read(d, 1000);
	check_proofs(d, 255, 13);
	free(d);
}

static void put_file(const char *name, size_t len)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	close(fd);
}

/* Index 1234067 is x001/x234/067. */
static void test_names(void **state)
{
	const uint64_t size = 1234067ull * 256 + 1;
	struct mw_hash h;

	assert_int_equal(mkdirat(dir_fd, "tile", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "tile/0", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "tile/0/x001", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "tile/0/x001/x234", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "tile/0/x001/x234/067.p", 0700), 0);
	assert_int_equal(mw_tiles_leaves(dir_fd, size, size - 1, 1, &h), -ENOENT);
	put_file("tile/0/x001/x234/067.p/1", 32);
	assert_int_equal(mw_tiles_leaves(dir_fd, size, size - 1, 1, &h), 0);
}

static void test_damage(void **state)
{
	struct mw_hash *d = some_leaves(600), got[600], proof[MW_PROOF_MAX];
	struct mw_tlog_tree tree = { .n = 7 };
	struct mw_tiles *t, *none = NULL;
	size_t n;

	assert_int_equal(mw_tiles_open(dir_fd, 1, &none), -EBADMSG);
	assert_int_equal(mw_tiles_open(dir_fd, 0, &t), 0);
	assert_int_equal(mw_tiles_add(t, d, 600), 0);
	assert_int_equal(mw_tiles_write(t), 0);
	mw_tiles_close(t);

	assert_int_equal(mw_tiles_open(dir_fd, 601, &none), -EBADMSG);
	/* a full tile that does not make the hash above it */
	assert_int_equal(mw_tiles_open(dir_fd, 600, &t), 0);
	mw_tiles_close(t);
	put_file("tile/0/001", 256 * 32);
	assert_int_equal(mw_tiles_open(dir_fd, 600, &none), -EBADMSG);
	/* of the wrong length, and gone */
	put_file("tile/0/002.p/88", 87 * 32);
	assert_int_equal(mw_tiles_tree(dir_fd, 600, &tree), -EBADMSG);
	assert_int_equal(mw_tiles_leaves(dir_fd, 600, 599, 1, got), -EBADMSG);
	assert_int_equal(mw_tiles_prove(dir_fd, 600, 599, proof, &n), -EBADMSG);
	assert_int_equal(mw_tiles_open(dir_fd, 600, &none), -EBADMSG);
	assert_int_equal(unlinkat(dir_fd, "tile/0/002.p/88", 0), 0);
	assert_int_equal(mw_tiles_tree(dir_fd, 600, &tree), -ENOENT);
	assert_int_equal(mw_tiles_leaves(dir_fd, 600, 599, 1, got), -ENOENT);
	assert_int_equal(tree.n, 7);
	assert_null(none);
	free(d);
}

/* What cannot be written is written the next time. */
static void test_write_again(void **state)
{
	struct mw_hash *d = some_leaves(300);
	struct mw_tiles *t;

	assert_int_equal(mw_tiles_open(dir_fd, 0, &t), 0);
	assert_int_equal(mw_tiles_add(t, d, 300), 0);
	put_file("tile", 0);
	assert_int_equal(mw_tiles_write(t), -ENOTDIR);
	assert_int_equal(unlinkat(dir_fd, "tile", 0), 0);
	assert_int_equal(mkdirat(dir_fd, "tile", 0700), 0);
	put_file("tile/1", 0);
	assert_int_equal(mw_tiles_write(t), -ENOTDIR);
	assert_int_equal(unlinkat(dir_fd, "tile/1", 0), 0);
	assert_int_equal(mw_tiles_write(t), 0);
	mw_tiles_close(t);
	check_read(d, 300);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_roots),
		cmocka_unit_test(test_roots_by_definition),
		cmocka_unit_test(test_threads),
		cmocka_unit_test_setup_teardown(test_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
