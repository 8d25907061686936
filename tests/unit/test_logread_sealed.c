/* SPDX-License-Identifier: Apache-2.0 */
/* test_logread_sealed.c - a sealed log read back: compressed, changed, and while it is written */
#include "support_forge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include "io/logread.h"

static void make(struct fx *f)
{
	fx_new(f, 3);
	fx_record(f, "daemon", ",\"event\":\"start\"");
	fx_calls(f, 400);
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 400);
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 20);
	fx_record(f, "daemon", ",\"event\":\"stop\"");
	fx_seal(f);
	fx_write(f);
}

static void compress(struct fx *f, size_t seg)
{
	static char in[1 << 20], out[1 << 20];
	char name[96];
	size_t n;
	int fd;

	fd = openat(f->dir_fd, fx_seg_name(f, seg), O_RDONLY);
	n = (size_t)read(fd, in, sizeof(in));
	close(fd);
	n = ZSTD_compress(out, sizeof(out), in, n, 3);
	assert_false(ZSTD_isError(n));
	snprintf(name, sizeof(name), "%s.zst", fx_seg_name(f, seg));
	fx_put(f, name, out, n);
	unlinkat(f->dir_fd, fx_seg_name(f, seg), 0);
}

static struct mw_logread *open_log(struct fx *f, bool follow)
{
	const char *path = f->dir;
	struct mw_logread *l;
	char err[512];

	assert_int_equal(mw_logread_new(&path, 1, follow, err, sizeof(err), &l), 0);
	return l;
}

/* Reads to the end: what it ended with. */
static int read_all(struct mw_logread *l, size_t *n)
{
	struct mw_logrec rec;
	int r;

	for (*n = 0; (r = mw_logread_next(l, &rec)) == 1; ++*n)
		;
	return r;
}

static void test_whole(void **state)
{
	struct mw_logread *l;
	struct fx f;
	size_t n, i;

	make(&f);
	for (i = 0; i < 3; i++) {
		l = open_log(&f, false);
		assert_int_equal(read_all(l, &n), -ENODATA);
		assert_int_equal(n, f.n);
		assert_null(mw_logread_tampered(l));
		assert_null(mw_logread_hole(l));
		mw_logread_free(l);
		compress(&f, i);
	}
	fx_done(&f);
}

static void test_changed(void **state)
{
	struct mw_logread *l;
	struct fx f;
	size_t n;

	/* a record of another content; all are given, and it is known as soon as its seal is read
	 */
	make(&f);
	strstr(f.line[500], "\"ok\"")[1] = 'k';
	fx_write(&f);
	compress(&f, 1);
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -ENODATA);
	assert_int_equal(n, f.n);
	assert_non_null(mw_logread_tampered(l));
	assert_non_null(strstr(mw_logread_tampered(l), "line 99: record 500 was edited"));
	mw_logread_free(l);
	fx_done(&f);
	/* one that is no record any more, in front of another */
	make(&f);
	f.line[500][0] = '[';
	strstr(f.line[499], "\"ok\"")[1] = 'k';
	fx_write(&f);
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -EBADMSG);
	assert_int_equal(n, 500);
	assert_non_null(strstr(mw_logread_error(l), "line 99: "));
	assert_non_null(strstr(mw_logread_tampered(l), "line 98: record 499 was edited"));
	mw_logread_free(l);
	/* cut off, and compressed and cut off */
	fx_remove(&f, 823);
	fx_write(&f);
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -EBADMSG);
	assert_non_null(mw_logread_tampered(l));
	mw_logread_free(l);
	fx_done(&f);
	make(&f);
	compress(&f, 0);
	{
		char path[128];

		snprintf(path, sizeof(path), "%s/%s.zst", f.dir, fx_seg_name(&f, 0));
		assert_int_equal(truncate(path, 300), 0);
	}
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -EBADMSG);
	assert_non_null(mw_logread_tampered(l));
	mw_logread_free(l);
	fx_done(&f);
}

/* Unsealed lines at the end are no fault; half a line is none where somebody writes. */
static void test_live(void **state)
{
	struct mw_logread *l;
	struct fx f;
	size_t n;
	int fd, lock;

	make(&f);
	fx_calls(&f, 7);
	fx_write(&f);
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -ENODATA);
	assert_int_equal(n, f.n);
	assert_null(mw_logread_tampered(l));
	mw_logread_free(l);
	fd = openat(f.dir_fd, fx_seg_name(&f, 2), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"v\":1", 6), 6);
	close(fd);
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -EBADMSG);
	mw_logread_free(l);
	lock = open(f.dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -ENODATA);
	assert_int_equal(n, f.n);
	assert_null(mw_logread_tampered(l));
	mw_logread_free(l);
	close(lock);
	fx_done(&f);
}

/* -f over a new segment, over one that is compressed meanwhile, over seals as they come. */
static void test_follow(void **state)
{
	struct mw_logread *l;
	struct fx f;
	size_t n;

	fx_new(&f, 3);
	fx_calls(&f, 10);
	fx_write(&f);
	l = open_log(&f, true);
	assert_int_equal(read_all(l, &n), 0);
	assert_int_equal(n, 10);
	fx_calls(&f, 5);
	fx_seal(&f);
	fx_write(&f);
	assert_int_equal(read_all(l, &n), 0);
	assert_int_equal(n, 6);
	fx_segment(&f);
	fx_calls(&f, 3);
	fx_seal(&f);
	fx_segment(&f);
	fx_calls(&f, 3);
	fx_write(&f);
	compress(&f, 0);
	compress(&f, 1);
	assert_int_equal(read_all(l, &n), 0);
	assert_int_equal(n, 7);
	assert_null(mw_logread_tampered(l));
	/* what was given before its seal came is not what is sealed */
	f.line[f.n - 2][60] ^= 1;
	fx_seal(&f);
	fx_write(&f);
	assert_int_equal(read_all(l, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(read_all(l, &n), 0);
	assert_non_null(mw_logread_tampered(l));
	mw_logread_free(l);
	fx_done(&f);
}

/* Once more: the same records, whatever came meanwhile; and not where one is another. */
static void test_again(void **state)
{
	struct mw_logread *l;
	struct fx f;
	size_t n, first;

	make(&f);
	fx_calls(&f, 7);
	fx_write(&f);
	first = f.n;
	l = open_log(&f, false);
	assert_int_equal(mw_logread_again(l), -EINVAL);
	assert_int_equal(read_all(l, &n), -ENODATA);
	fx_calls(&f, 5);
	fx_write(&f);
	compress(&f, 0);
	assert_int_equal(mw_logread_again(l), 0);
	assert_int_equal(read_all(l, &n), -ENODATA);
	assert_int_equal(n, first);
	assert_null(mw_logread_tampered(l));
	assert_null(mw_logread_hole(l));
	strstr(f.line[500], "\"ok\"")[1] = 'k';
	fx_write(&f);
	assert_int_equal(mw_logread_again(l), 0);
	assert_int_equal(read_all(l, &n), -ESTALE);
	assert_true(n <= 500);
	assert_non_null(strstr(mw_logread_error(l), "changed"));
	mw_logread_free(l);
	/* what was found stays found, and a missing segment is told */
	l = open_log(&f, false);
	assert_int_equal(read_all(l, &n), -ENODATA);
	assert_non_null(mw_logread_tampered(l));
	assert_int_equal(mw_logread_again(l), 0);
	assert_int_equal(read_all(l, &first), -ENODATA);
	assert_int_equal(n, first);
	assert_non_null(mw_logread_tampered(l));
	assert_int_equal(unlinkat(f.dir_fd, fx_seg_name(&f, 2), 0), 0);
	assert_int_equal(mw_logread_again(l), 0);
	assert_int_equal(read_all(l, &n), -ENOENT);
	mw_logread_free(l);
	fx_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_live),  cmocka_unit_test(test_follow),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
