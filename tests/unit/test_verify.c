/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_verify.c - whole logs are whole, and each attack on one is found at its first bad record
 *
 * The attacker has what a break-in gives: all files, the identity's key, and the one-time key of
 * the epoch of that time. Seals before it were made with keys that are gone: what is re-signed here
 * for an old epoch is signed with another key.
 */
#include "support_forge.h"

#include "io/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { WHOLE = MW_LOG_WHOLE, SHORT = MW_LOG_SHORT, TAMPERED = MW_LOG_TAMPERED };

static void check(struct fx *f, int verdict, enum mw_finding finding, int64_t seq)
{
	fx_write(f);
	fx_verify(f, NULL);
	fx_expect(f, (enum mw_verdict)verdict, finding, seq);
	fx_done(f);
}

static void test_whole(void **state)
{
	struct mw_verify_config c = { 0 };
	struct fx f;

	fx_make(&f);
	fx_write(&f);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_int_equal(f.rep.sealed, f.n);
	assert_int_equal(f.rep.seals, 6);
	assert_int_equal(f.rep.n_notices, 0);
	assert_int_equal(f.rep.sealed_ns, FX_TIME_NS + (int64_t)(f.n - 1) * 1000000);
	assert_true(f.rep.identity_enrolled && f.rep.epoch_enrolled && !f.rep.writer);
	/* by its own word */
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_false(f.rep.identity_enrolled || f.rep.epoch_enrolled);
	fx_done(&f);
}

/* Each place, and each seal record among them. */
static void test_edited(void **state)
{
	struct fx f;
	size_t i;

	for (i = 0; i < 923; i += i < 20 || (i > 310 && i < 325) ? 1 : 61) {
		char line[2048];

		fx_make(&f);
		snprintf(line, sizeof(line), "%s", f.line[i]);
		line[strlen(line) - 3] ^= 1;
		fx_set(&f, i, line);
		fx_write(&f);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_EDITED, (int64_t)i);
		assert_int_equal(f.rep.line, i < 16 ? i + 1 : i < 320 ? i - 15 : i - 319);
		assert_non_null(strstr(f.rep.file, "seg/0000000000"));
		fx_done(&f);
	}
}

static void number_anew(struct fx *f)
{
	char line[2048];
	size_t i;

	for (i = 0; i < f->n; i++) {
		snprintf(line, sizeof(line), "{\"v\":1,\"seq\":%zu%s", i,
			 strstr(f->line[i], ",\"time\""));
		fx_set(f, i, line);
	}
}

static void test_deleted(void **state)
{
	static const size_t at[] = { 0, 5, 11, 15, 16, 200, 318, 500, 922 };
	struct fx f;
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
		fx_make(&f);
		fx_remove(&f, at[i]);
		check(&f, TAMPERED, at[i] == 922 ? MW_FOUND_CUT : MW_FOUND_DELETED, (int64_t)at[i]);
		fx_make(&f);
		fx_remove(&f, at[i]);
		number_anew(&f);
		fx_write(&f);
		fx_verify(&f, NULL);
		assert_int_equal(f.rep.verdict, TAMPERED);
		assert_int_equal(f.rep.seq, at[i]);
		fx_done(&f);
	}
	/* several, and the tiles too: by their numbers */
	fx_make(&f);
	fx_remove(&f, 100);
	fx_remove(&f, 100);
	fx_write(&f);
	fx_put(&f, "tile/0/000", "x", 1);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_DELETED, 100);
	fx_done(&f);
}

static void test_inserted(void **state)
{
	static const size_t at[] = { 0, 5, 12, 16, 200, 318, 500, 922 };
	struct fx f;
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
		fx_make(&f);
		fx_insert(&f, at[i], "{\"v\":1,\"seq\":5,\"time\":\"\",\"type\":\"call\"}");
		check(&f, TAMPERED, MW_FOUND_INSERTED, (int64_t)at[i]);
		fx_make(&f);
		fx_insert(&f, at[i], f.line[3]);
		fx_write(&f);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_INSERTED,
			  (int64_t)(at[i] == 0 ? 0 : at[i]));
		fx_done(&f);
	}
}

static void test_moved(void **state)
{
	struct fx f;
	char *keep;

	fx_make(&f);
	keep = f.line[100];
	f.line[100] = f.line[101];
	f.line[101] = keep;
	check(&f, TAMPERED, MW_FOUND_MOVED, 100);
	fx_make(&f);
	keep = f.line[50];
	f.line[50] = f.line[250];
	f.line[250] = keep;
	check(&f, TAMPERED, MW_FOUND_MOVED, 50);
	fx_make(&f);
	keep = strdup(f.line[40]);
	fx_set(&f, 60, keep);
	free(keep);
	check(&f, TAMPERED, MW_FOUND_EDITED, 60);
}

/* Lines at the end of what is sealed, whole and half. */
static void test_cut(void **state)
{
	struct fx f;
	size_t i;

	for (i = 1; i < 40; i += 6) {
		size_t k;

		fx_make(&f);
		for (k = 0; k < i; k++)
			fx_remove(&f, f.n - 1);
		check(&f, TAMPERED, MW_FOUND_CUT, 923 - (int64_t)i);
	}
	fx_make(&f);
	fx_write(&f);
	assert_int_equal(truncate("/dev/null", 0), -1);
	{
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", f.dir, fx_seg_name(&f, 2));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(truncate(path, st.st_size - 1), 0);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_CUT, 922);
		assert_int_equal(truncate(path, 0), 0);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_CUT, 320);
		snprintf(path, sizeof(path), "%s/%s", f.dir, fx_seg_name(&f, 1));
		assert_int_equal(truncate(path, 1000), 0);
		fx_verify(&f, NULL);
		assert_int_equal(f.rep.verdict, TAMPERED);
		assert_in_range(f.rep.seq, 17, 30);
	}
	fx_done(&f);
}

static void test_segments(void **state)
{
	char a[64], b[64];
	struct fx f;
	size_t i;

	for (i = 0; i < 3; i++) {
		fx_make(&f);
		fx_write(&f);
		assert_int_equal(unlinkat(f.dir_fd, fx_seg_name(&f, i), 0), 0);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, i == 2 ? MW_FOUND_CUT : MW_FOUND_DELETED,
			  (int64_t)f.seg[i]);
		fx_done(&f);
	}
	/* under each other's names */
	fx_make(&f);
	fx_write(&f);
	snprintf(a, sizeof(a), "%s", fx_seg_name(&f, 1));
	snprintf(b, sizeof(b), "%s", fx_seg_name(&f, 2));
	assert_int_equal(renameat(f.dir_fd, a, f.dir_fd, "x"), 0);
	assert_int_equal(renameat(f.dir_fd, b, f.dir_fd, a), 0);
	assert_int_equal(renameat(f.dir_fd, "x", f.dir_fd, b), 0);
	fx_verify(&f, NULL);
	assert_int_equal(f.rep.verdict, TAMPERED);
	assert_int_equal(f.rep.seq, 16);
	fx_done(&f);
	/* all */
	fx_make(&f);
	fx_write(&f);
	for (i = 0; i < 3; i++)
		unlinkat(f.dir_fd, fx_seg_name(&f, i), 0);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_CUT, 0);
	assert_int_equal(unlinkat(f.dir_fd, "seg", AT_REMOVEDIR), 0);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_CUT, 0);
	fx_done(&f);
}

/* Every tile file, each with a bit changed, and gone. */
static void test_tiles(void **state)
{
	static const char *const tile[] = { "tile/0/000",	"tile/0/001",
					    "tile/0/003.p/155", "tile/0/003.p/155",
					    "tile/1/000.p/1",	"tile/1/000.p/3" };
	char buf[256 * 32];
	struct fx f;
	ssize_t n;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(tile) / sizeof(*tile); i++) {
		fx_make(&f);
		fx_write(&f);
		fd = openat(f.dir_fd, tile[i], O_RDONLY);
		if (fd < 0)
			fail_msg("%s", tile[i]);
		n = read(fd, buf, sizeof(buf));
		close(fd);
		for (ssize_t k = 0; k < n; k += n - 1) {
			buf[k] ^= 4;
			fx_put(&f, tile[i], buf, (size_t)n);
			fx_verify(&f, NULL);
			fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_TILE, -1);
			buf[k] ^= 4;
		}
		assert_non_null(strstr(f.rep.text, tile[i]));
		assert_int_equal(f.rep.sealed, f.n);
		unlinkat(f.dir_fd, tile[i], 0);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_TILE, -1);
		/* a record is worse */
		f.line[f.n - 2][60] ^= 1;
		fx_write(&f);
		fx_verify(&f, NULL);
		assert_int_equal(f.rep.verdict, TAMPERED);
		assert_true(f.rep.has_seq);
		fx_done(&f);
	}
}

/* Segments that are compressed, in one frame or several. */
static void compress(struct fx *f, size_t seg)
{
	static char in[1 << 20], out[1 << 20];
	char name[96];
	size_t n, a, b;
	int fd;

	fd = openat(f->dir_fd, fx_seg_name(f, seg), O_RDONLY);
	n = (size_t)read(fd, in, sizeof(in));
	close(fd);
	a = ZSTD_compress(out, sizeof(out), in, n / 2, 3);
	b = ZSTD_compress(out + a, sizeof(out) - a, in + n / 2, n - n / 2, 3);
	assert_false(ZSTD_isError(a) || ZSTD_isError(b));
	unlinkat(f->dir_fd, fx_seg_name(f, seg), 0);
	snprintf(name, sizeof(name), "%s.zst", fx_seg_name(f, seg));
	fx_put(f, name, out, a + b);
}

static void test_compressed(void **state)
{
	char name[96], path[160];
	struct stat st;
	struct fx f;
	size_t i;

	fx_make(&f);
	fx_write(&f);
	compress(&f, 0);
	compress(&f, 1);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	/* both: compressing was not finished */
	fx_write(&f);
	snprintf(name, sizeof(name), "%s.zst", fx_seg_name(&f, 0));
	fx_put(&f, name, "half", 4);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	fx_done(&f);

	fx_make(&f);
	fx_write(&f);
	compress(&f, 1);
	snprintf(path, sizeof(path), "%s/%s.zst", f.dir, fx_seg_name(&f, 1));
	assert_int_equal(stat(path, &st), 0);
	for (i = 0; i < (size_t)st.st_size; i += 41) {
		assert_int_equal(truncate(path, (off_t)i), 0);
		fx_verify(&f, NULL);
		assert_int_equal(f.rep.verdict, TAMPERED);
		assert_in_range(f.rep.seq, 16, 319);
		fx_write(&f);
		compress(&f, 1);
	}
	fx_done(&f);
	/* edited within */
	fx_make(&f);
	f.line[100][50] ^= 1;
	fx_write(&f);
	compress(&f, 1);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_EDITED, 100);
	fx_done(&f);
}

static void fx_unlink(struct fx *f, size_t seg)
{
	char name[96];

	snprintf(name, sizeof(name), "%s.zst", fx_seg_name(f, seg));
	unlinkat(f->dir_fd, name, 0);
	unlinkat(f->dir_fd, fx_seg_name(f, seg), 0);
}

/* Segments that retention deleted: a sealed record says so, and the tiles have the leaves. */
static void make_pruned(struct fx *f, bool say)
{
	int seg_fd;
	size_t i;

	fx_make(f);
	if (say)
		fx_record(f, "daemon", ",\"event\":\"prune\",\"from_seq\":0,\"to_seq\":%zu",
			  f->seg[2] - 1);
	fx_record(f, "daemon", ",\"event\":\"stop\"");
	fx_seal(f);
	fx_write(f);
	seg_fd = openat(f->dir_fd, "seg", O_RDONLY | O_DIRECTORY);
	for (i = 0; i < 2; i++) {
		const struct mw_segment seg = { .first = f->seg[i], .zst = i == 1 };

		if (seg.zst)
			compress(f, i);
		/* a crash between keeping and deleting, and in the middle of keeping */
		assert_int_equal(mw_segment_keep_seals(f->dir_fd, seg_fd, &seg), 0);
		if (i == 0) {
			int fd = openat(f->dir_fd, "pruned.jsonl", O_WRONLY | O_APPEND);

			assert_int_equal(write(fd, "{\"v\":1,\"seq\":31", 16), 16);
			close(fd);
		}
		assert_int_equal(mw_segment_keep_seals(f->dir_fd, seg_fd, &seg), 0);
	}
	close(seg_fd);
	fx_unlink(f, 0);
	fx_unlink(f, 1);
}

static void test_pruned(void **state)
{
	char line[2048], *text;
	struct fx f;
	int fd;

	make_pruned(&f, true);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_int_equal(f.rep.deleted, 320);
	assert_int_equal(f.rep.sealed, f.n);
	/* a record behind it is found as ever */
	f.line[600][50] ^= 1;
	fx_write(&f);
	fx_unlink(&f, 0);
	fx_unlink(&f, 1);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_EDITED, 600);
	fx_done(&f);
	/* not said */
	make_pruned(&f, false);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_DELETED, 0);
	fx_done(&f);
	/* more than was said */
	make_pruned(&f, true);
	unlinkat(f.dir_fd, fx_seg_name(&f, 2), 0);
	fx_verify(&f, NULL);
	assert_int_equal(f.rep.verdict, TAMPERED);
	fx_done(&f);
	/* the tiles are all there is of them */
	make_pruned(&f, true);
	fd = openat(f.dir_fd, "tile/0/000", O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 32 * 200), 1);
	close(fd);
	fx_verify(&f, NULL);
	assert_int_equal(f.rep.verdict, TAMPERED);
	assert_int_equal(f.rep.seq, 16);
	fx_done(&f);
	/* a seal record that is another */
	make_pruned(&f, true);
	snprintf(line, sizeof(line), "%s\n", f.line[f.size[0] - 1]);
	text = strstr(line, "reason");
	text[0] ^= 1;
	fx_put(&f, "pruned.jsonl", line, strlen(line));
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_DELETED, 0);
	unlinkat(f.dir_fd, "pruned.jsonl", 0);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_DELETED, 0);
	fx_done(&f);
}

/* A clock that goes back is said, and is no fault. */
static void back(struct fx *f, size_t i)
{
	char *p = strstr(f->line[i], "T10:");

	p[1] = '0';
	p[2] = '9';
}

static void test_clock(void **state)
{
	struct fx f;

	fx_new(&f, 7);
	fx_calls(&f, 6);
	back(&f, 5); /* it tells of what was before: nothing to say */
	fx_seal(&f);
	fx_record(&f, "daemon", ",\"event\":\"reload\"");
	back(&f, 7);
	fx_record(&f, "daemon", ",\"event\":\"stop\"");
	fx_seal(&f);
	fx_write(&f);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_int_equal(f.rep.n_notices, 1);
	assert_non_null(strstr(f.rep.notice[0], "record 7"));
	fx_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	   cmocka_unit_test(test_edited),
		cmocka_unit_test(test_deleted),	   cmocka_unit_test(test_inserted),
		cmocka_unit_test(test_moved),	   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_segments),   cmocka_unit_test(test_tiles),
		cmocka_unit_test(test_compressed), cmocka_unit_test(test_pruned),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
