/* SPDX-License-Identifier: Apache-2.0 */
/* test_tgz.c - the archive: what tar makes of it, and all that is refused */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "support_bundle.h"

static char path[] = "/tmp/mw-tgz-XXXXXX";

static int setup(void **state)
{
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	return unlink(path);
}

static void make(struct arc *a)
{
	char *big = calloc(1, 12000);

	a->n = 0;
	memset(big + 1000, 'x', 8000);
	arc_add(a, "d/empty", "", 0);
	arc_add(a, "d/short", "hello\n", 6);
	arc_add(a, "d/block", big, 512);
	arc_add(a, "d/big", big, 12000);
	free(big);
	arc_write(a, path);
}

static void test_round(void **state)
{
	struct arc a, b;
	size_t i;

	make(&a);
	arc_read(&b, path);
	assert_int_equal(a.n, b.n);
	for (i = 0; i < a.n; i++) {
		assert_string_equal(a.file[i].name, b.file[i].name);
		assert_int_equal(a.file[i].n, b.file[i].n);
		assert_memory_equal(a.file[i].p, b.file[i].p, a.file[i].n);
	}
	arc_done(&a);
	arc_done(&b);
}

/* As the tar of the system has it. */
static void test_tar(void **state)
{
	char cmd[256], text[64] = "";
	struct arc a;
	FILE *f;

	make(&a);
	arc_done(&a);
	snprintf(cmd, sizeof(cmd), "tar xzOf %s d/short && tar tzf %s | tr '\\n' ' '", path, path);
	f = popen(cmd, "r");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, f), 6 + 8 + 8 + 8 + 6);
	assert_int_equal(pclose(f), 0);
	assert_string_equal(text, "hello\nd/empty d/short d/block d/big ");
}

/* What reading all of it ends with. */
static int read_all(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	struct mw_tgz_entry e;
	struct mw_tgz *t;

	assert_int_equal(mw_tgz_open(fd, 0, &t), 0);
	while ((r = mw_tgz_next(t, &e)) == 1)
		;
	assert_true(r == 0 || *mw_tgz_why(t));
	/* an error stays */
	assert_int_equal(mw_tgz_next(t, &e), r);
	mw_tgz_free(t);
	close(fd);
	return r;
}

static void put(const void *p, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static char *get(size_t *ret)
{
	FILE *f = fopen(path, "re");
	char *p = malloc(1 << 20);

	*ret = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

/* Cut off anywhere, or gone on with: no archive. A bit changed anywhere: no archive, or another way
 * to write the same bytes. */
static void test_damage(void **state)
{
	size_t n, i, odd = 0;
	struct arc a, b;
	char *p;

	make(&a);
	p = get(&n);
	assert_true(n < 4096);
	for (i = 0; i < n; i++) {
		put(p, i);
		assert_int_equal(read_all(), -EBADMSG);
	}
	p[n] = 0;
	put(p, n + 1);
	assert_int_equal(read_all(), -EBADMSG);
	for (i = 0; i < 8 * n; i++) {
		p[i / 8] ^= (char)(1 << i % 8);
		put(p, n);
		if (read_all() == 0) {
			odd++;
			arc_read(&b, path);
			assert_int_equal(a.n, b.n);
			for (size_t k = 0; k < a.n; k++)
				assert_memory_equal(a.file[k].p, b.file[k].p, a.file[k].n);
			arc_done(&b);
		}
		p[i / 8] ^= (char)(1 << i % 8);
	}
	assert_true(odd < 4 * n);
	free(p);
	arc_done(&a);
}

/* One gzip member of these bytes. */
static size_t gzip(const void *p, size_t n, uint8_t *out, size_t max)
{
	z_stream z = { .next_in = (void *)(uintptr_t)p,
		       .avail_in = (unsigned int)n,
		       .next_out = out,
		       .avail_out = (unsigned int)max };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return max - z.avail_out;
}

/* A header whose sum is right. */
static void sum(uint8_t head[512])
{
	unsigned int n = 0, i;

	memset(head + 148, ' ', 8);
	for (i = 0; i < 512; i++)
		n += head[i];
	snprintf((char *)head + 148, 7, "%06o", n);
}

static const struct {
	const char *what;
	size_t at;
	const char *bytes;
	size_t n;
} odd_heads[] = {
	{ "a symbolic link", 156, "2", 1 },
	{ "a hard link", 156, "1", 1 },
	{ "a folder", 156, "5", 1 },
	{ "a device", 156, "3", 1 },
	{ "a FIFO", 156, "6", 1 },
	{ "a pax header", 156, "x", 1 },
	{ "a GNU long name", 156, "L", 1 },
	{ "a sparse file", 156, "S", 1 },
	{ "an old regular file", 156, "\0", 1 },
	{ "a link's target", 157, "/etc/passwd", 11 },
	{ "a prefix of the name", 345, "../..", 5 },
	{ "bytes behind the name", 50, "x", 1 },
	{ "a mode", 100, "0004755", 7 },
	{ "an owner", 108, "0001750", 7 },
	{ "a time", 136, "00000000001", 11 },
	{ "an owner's name", 265, "root", 4 },
	{ "old GNU's magic", 257, "ustar  ", 8 },
	{ "a size in base 256", 124, "\x80", 1 },
	{ "a size with blanks", 124, " ", 1 },
	{ "a minus", 124, "-", 1 },
	{ "something at the end", 511, "x", 1 },
	{ "no name", 0, "\0\0\0\0", 4 },
};

/* One archive of one file whose header is given, and which is as long as `n`. */
static void one(const uint8_t head[512], size_t n, const void *tail, size_t tail_n)
{
	static uint8_t plain[8192], packed[16384];
	size_t k;

	memset(plain, 0, sizeof(plain));
	memcpy(plain, head, 512);
	if (tail_n)
		memcpy(plain + 512, tail, tail_n);
	k = gzip(plain, n, packed, sizeof(packed));
	memset(plain, 0, 1024);
	k += gzip(plain, 1024, packed + k, sizeof(packed) - k);
	put(packed, k);
}

static void test_heads(void **state)
{
	uint8_t head[512], odd[512];
	struct arc a = { 0 };
	size_t i, n;
	gzFile gz;

	/* one that is right, to be changed */
	arc_add(&a, "d/a", "abcd", 4);
	arc_write(&a, path);
	arc_done(&a);
	gz = gzopen(path, "rb");
	n = (size_t)gzread(gz, head, sizeof(head));
	gzclose(gz);
	assert_int_equal(n, sizeof(head));
	one(head, 1024, "abcd", 4);
	assert_int_equal(read_all(), 0);
	for (i = 0; i < sizeof(odd_heads) / sizeof(*odd_heads); i++) {
		memcpy(odd, head, sizeof(odd));
		memcpy(odd + odd_heads[i].at, odd_heads[i].bytes, odd_heads[i].n);
		sum(odd);
		one(odd, 1024, "abcd", 4);
		if (read_all() != -EILSEQ)
			fail_msg("taken: %s", odd_heads[i].what);
	}
	/* longer and shorter than the header says, and not filled with zeros */
	one(head, 1536, "abcd", 4);
	assert_int_equal(read_all(), -EBADMSG);
	one(head, 1023, "abcd", 4);
	assert_int_equal(read_all(), -EBADMSG);
	one(head, 512, "", 0);
	assert_int_equal(read_all(), -EBADMSG);
	one(head, 1024, "abcde", 5);
	assert_int_equal(read_all(), -EBADMSG);
}

/* All of it in one gzip member, as tar -z writes: not ours. */
static void test_others(void **state)
{
	uint8_t packed[4096], *p = calloc(1, 10240);
	char cmd[128], name[MW_TGZ_NAME_MAX];
	int fd;

	put(packed, gzip(p, 10240, packed, sizeof(packed)));
	assert_int_equal(read_all(), -EBADMSG);
	snprintf(cmd, sizeof(cmd), "tar czf %s -C /etc hostname 2>/dev/null", path);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(read_all(), -EILSEQ);
	/* but what is in it has a name */
	fd = open(path, O_RDONLY);
	assert_int_equal(mw_tgz_first(fd, name), 0);
	assert_string_equal(name, "hostname");
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(mw_tgz_first(fd, name), -EBADMSG);
	close(fd);
	put("", 0);
	assert_int_equal(read_all(), -EBADMSG);
	put("{\"v\":1}\n", 8);
	assert_int_equal(read_all(), -EBADMSG);
	free(p);
}

static void test_writer(void **state)
{
	char name[256];
	uint8_t md[32];
	int fd = open(path, O_RDWR | O_CLOEXEC), mem = memfd_create("x", MFD_CLOEXEC);

	memset(name, 'n', sizeof(name));
	name[101] = '\0';
	assert_int_equal(mw_tgz_add(fd, name, mem, 0, md), -EINVAL);
	assert_int_equal(mw_tgz_add(fd, "", mem, 0, md), -EINVAL);
	assert_int_equal(mw_tgz_add(fd, "a", mem, 1, md), -ENODATA);
	assert_int_equal(mw_tgz_add(fd, "a", mem, 1ull << 33, md), -EFBIG);
	close(mem);
	mem = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(mw_tgz_add(mem, "a", fd, 0, md), -ENOSPC);
	assert_int_equal(mw_tgz_finish(mem), -ENOSPC);
	close(mem);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tar, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
