/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_log.c - the sealed log: what is written, when it is sealed, a disk that takes nothing
 */
#include "support_log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS 1000000ull

static char dir[LOGW_TMP_LEN];
static struct logw w;

static int setup(void **state)
{
	return logw_init_tmp(&w, dir);
}

static int teardown(void **state)
{
	char cmd[128];

	logw_done(&w);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *in_log(const char *name)
{
	static char path[64][512];
	static unsigned int n;

	n = (n + 1) % 64;
	snprintf(path[n], sizeof(path[n]), "%s/%s", w.dir, name);
	return path[n];
}

#define SEG "seg/00000000000000000000.jsonl"

static unsigned int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_size;
}

static void open_ok(void)
{
	if (logw_open(&w) < 0)
		fail_msg("refused: %s", w.err);
}

static void test_new(void **state)
{
	static const char *const files[] = { "origin", "vkeys", "seals.jsonl", "checkpoint", SEG };
	static const char *const folders[] = { "", "seg", "tile" };
	struct mw_sink *other;
	size_t i;

	open_ok();
	assert_int_equal(w.found.next_seq, 0);
	assert_false(w.found.torn || w.found.damaged);
	assert_int_equal(mw_sink_log_new(&w.cfg, w.err, sizeof(w.err), &w.found, &other), -EBUSY);
	assert_non_null(strstr(w.err, "another mcpwatch"));
	assert_int_equal(logw_write(&w, 100, false), 0);
	/* written at once, and the first seal asked for */
	assert_int_equal(logw_lines(w.dir, SEG), 2);
	assert_int_equal(w.last_reason, MW_SEAL_START);
	assert_int_equal(logw_write(&w, 100, false), 0);
	logw_until_sealed(&w, 1);
	assert_int_equal(logw_stop(&w), 0);
	assert_int_equal(w.last_reason, MW_SEAL_STOP);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(mode_of(in_log(files[i])), 0600);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(mode_of(in_log(folders[i])), 0700);
	assert_int_equal(access(in_log("reserve"), F_OK), -1);
	assert_int_equal(logw_check(&w), 2);
	assert_int_equal(w.seq, 4);
}

static void test_goes_on(void **state)
{
	int i;

	/* a segment ends behind a seal */
	w.cfg.segment_max = 1000;
	for (i = 0; i < 5; i++) {
		open_ok();
		assert_int_equal(w.found.unsealed, 0);
		assert_int_equal(logw_write(&w, 600, false), 0);
		assert_int_equal(logw_stop(&w), 0);
	}
	assert_int_equal(access(in_log(SEG), F_OK), 0);
	assert_true(access(in_log("seg/00000000000000000003.jsonl"), F_OK) == 0);
	assert_int_equal(logw_check(&w), w.seals);
	/* what is not a segment's name is not one */
	close(open(in_log("seg/9.jsonl"), O_CREAT | O_WRONLY, 0600));
	close(open(in_log("seg/99999999999999999999.jsonl"), O_CREAT | O_WRONLY, 0600));
	open_ok();
	assert_int_equal(w.found.next_seq, w.seq);
}

/* When a seal is asked for. Each waits for the one before, as there is one at a time. */
static void test_cadence(void **state)
{
	const struct mw_sink_log_config cfg = { .seal_records = 10 };
	uint64_t seals, t;
	int i;

	w.cfg.seal_records = cfg.seal_records;
	open_ok();
	logw_ask(&w, w.now_ns);
	assert_int_equal(w.seals, 0); /* nothing was written yet */
	logw_write(&w, 100, false);
	logw_until_sealed(&w, 1);
	/* one record: within a second */
	t = w.now_ns;
	logw_write(&w, 100, false);
	logw_ask(&w, t + 999 * MS);
	assert_int_equal(w.seals, 1);
	logw_ask(&w, t + 1001 * MS);
	assert_int_equal(w.seals, 2);
	assert_int_equal(w.last_reason, MW_SEAL_TIME);
	/* many records: at once, when the seal before is done */
	logw_until_sealed(&w, 2);
	for (i = 0; i < 10; i++)
		logw_write(&w, 100, false);
	assert_int_equal(w.seals, 3);
	assert_int_equal(w.last_reason, MW_SEAL_COUNT);
	logw_until_sealed(&w, 3);
	/* an urgent one at once; the next not before 20 ms */
	logw_ask(&w, w.now_ns + 30 * MS);
	t = w.now_ns;
	logw_write(&w, 100, true);
	assert_int_equal(w.seals, 4);
	assert_int_equal(w.last_reason, MW_SEAL_URGENT);
	mw_sink_flush(w.sink);
	logw_ask(&w, t);
	logw_write(&w, 100, true);
	assert_int_equal(w.seals, 4);
	logw_ask(&w, t + 19 * MS);
	assert_int_equal(w.seals, 4);
	logw_ask(&w, t + 20 * MS);
	assert_int_equal(w.seals, 5);
	logw_until_sealed(&w, 5);
	/* nothing: a sign of life */
	t = w.now_ns;
	seals = w.seals;
	logw_ask(&w, t + 29000 * MS);
	assert_int_equal(w.seals, seals);
	logw_ask(&w, t + 30001 * MS);
	assert_int_equal(w.seals, seals + 1);
	assert_int_equal(w.last_reason, MW_SEAL_IDLE);
	assert_int_equal(logw_stop(&w), 0);
	assert_int_equal(logw_check(&w), w.seals);
}

static void test_refused(void **state)
{
	struct mw_record rec = { .json = "{}", .len = 2, .seq = 1 };

	snprintf(w.dir, sizeof(w.dir), "%s/file", dir);
	close(open(w.dir, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(logw_open(&w), -ENOTDIR);
	assert_non_null(strstr(w.err, "it is a file"));
	snprintf(w.dir, sizeof(w.dir), "%s/file/x", dir);
	assert_int_equal(logw_open(&w), -ENOTDIR);
	w.dir[0] = '\0';
	assert_int_equal(logw_open(&w), -ENOENT);
	/* the keys must not lie in it */
	snprintf(w.dir, sizeof(w.dir), "%s", dir);
	assert_int_equal(logw_open(&w), -EINVAL);
	assert_non_null(strstr(w.err, "lies in the log's folder"));
	assert_int_equal(access(in_log("seg"), F_OK), -1);
	/* a number that is not the next, and a line that is two */
	snprintf(w.dir, sizeof(w.dir), "%s/log", dir);
	open_ok();
	assert_int_equal(mw_sink_write(w.sink, &rec), -EINVAL);
	logw_close(&w);
	open_ok();
	rec = (struct mw_record){ .json = "{\n}", .len = 3 };
	assert_int_equal(mw_sink_write(w.sink, &rec), -EINVAL);
	logw_close(&w);
	/* other keys than it was made with */
	open_ok();
	logw_write(&w, 100, false);
	logw_stop(&w);
	mw_keys_free(w.keys);
	w.keys = NULL;
	snprintf(w.keys_dir, sizeof(w.keys_dir), "%s/keys2", dir);
	assert_int_equal(logw_open(&w), -ENOENT);
	assert_non_null(strstr(w.err, "has no keys in"));
	assert_null(strchr(w.err, '\n'));
}

/* No file may grow beyond `max`: writes end in the middle of a line, and of a seal. */
static void limit(rlim_t max)
{
	struct rlimit rl = { max, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

static void test_full(void **state)
{
	uint64_t at;
	int i;

	open_ok();
	logw_write(&w, 100, false);
	logw_until_sealed(&w, 1);
	logw_write(&w, 100, false);
	at = w.seq;
	limit((rlim_t)size_of(in_log(SEG)) + 40);
	/* taken, and then not written after all */
	assert_int_equal(logw_write(&w, 100, false), 0);
	/* it was told, and what comes is counted */
	assert_true(w.stopped);
	assert_int_equal(w.seq, at);
	assert_true(w.stops >= 1);
	for (i = 0; i < 7; i++)
		logw_write(&w, 100, false);
	assert_int_equal(logw_lines(w.dir, SEG), at);
	logw_ask(&w, w.now_ns + 1500 * MS);
	assert_true(w.stopped);
	/* room again: within a second */
	limit(RLIM_INFINITY);
	logw_ask(&w, w.now_ns + 1500 * MS);
	assert_false(w.stopped);
	assert_int_equal(logw_write(&w, 100, false), 0);
	assert_int_equal(logw_stop(&w), 0);
	assert_int_equal(logw_check(&w), w.seals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cadence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
