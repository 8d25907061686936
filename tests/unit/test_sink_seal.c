/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_seal.c - a crash before each step of a seal, and each step failing */
#include "support_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void open_ok(void)
{
	if (logw_open(&w) < 0)
		fail_msg("refused: %s", w.err);
}

/* What a step meets. Steps run in the sealing thread, one at a time. */
static struct plan {
	enum mw_log_step step;
	int skip;  /* so many times it goes well */
	int crash; /* then the process dies */
	int error; /* or it fails, so many times */
	int times;
} plan;

static int before(void *ctx, enum mw_log_step step)
{
	struct plan *p = ctx;

	if (step != p->step || p->skip-- > 0)
		return 0;
	if (p->crash)
		_exit(77);
	return p->times-- > 0 ? p->error : 0;
}

/* In a process of its own: a run that dies at the step of its nth seal. True: it did. */
static bool crash(enum mw_log_step step, int nth)
{
	int status, i;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		plan = (struct plan){ .step = step, .skip = nth, .crash = 1 };
		w.cfg.before = before;
		w.cfg.before_ctx = &plan;
		if (logw_open(&w) < 0)
			_exit(1);
		for (i = 0; i <= nth; i++) {
			logw_write(&w, 200, true);
			logw_write(&w, 200, false);
			logw_until_sealed(&w, w.seals);
			logw_ask(&w, w.now_ns + 30000000);
		}
		logw_stop(&w);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 77;
}

static void go_on(size_t at_least)
{
	open_ok();
	assert_false(w.found.torn);
	assert_false(w.found.damaged);
	logw_write(&w, 200, false);
	assert_int_equal(logw_stop(&w), 0);
	assert_true(logw_check(&w) >= at_least);
}

static void test_crash_each_step(void **state)
{
	int step, nth;

	for (step = MW_LOG_SYNC; step <= MW_LOG_ADVANCE; step++)
		for (nth = 0; nth < 3; nth++) {
			teardown(NULL);
			setup(NULL);
			assert_true(crash(step, nth));
			/* what was begun is done at the start, before anything is written */
			open_ok();
			logw_close(&w);
			assert_int_equal(logw_check(&w), nth + 1);
			go_on((size_t)nth + 2);
		}
}

/* The start that does it again dies as well. */
static void test_crash_twice(void **state)
{
	int first, second;

	for (first = MW_LOG_SYNC; first <= MW_LOG_ADVANCE; first++)
		for (second = MW_LOG_SYNC; second <= MW_LOG_ADVANCE; second++) {
			teardown(NULL);
			setup(NULL);
			assert_true(crash(first, 1));
			assert_true(crash(second, 0));
			go_on(3);
		}
}

/* The epoch's line in seals.jsonl is there in part. */
static void test_torn_seal(void **state)
{
	char *line = strdup("{\"epoch\":1,\"checkpoint\":\"x"), *p;
	int fd;

	for (p = line + strlen(line); p > line; *--p = '\0') {
		teardown(NULL);
		setup(NULL);
		assert_true(crash(MW_LOG_SEALS, 1));
		fd = open(in_log("seals.jsonl"), O_WRONLY | O_APPEND);
		assert_int_equal(write(fd, line, strlen(line)), strlen(line));
		close(fd);
		go_on(3);
	}
	free(line);
}

static void test_step_fails(void **state)
{
	static const int errors[] = { -EIO, -ENOSPC };
	int step;
	size_t i;

	for (i = 0; i < 2; i++)
		for (step = MW_LOG_SYNC; step <= MW_LOG_ADVANCE; step++) {
			teardown(NULL);
			setup(NULL);
			/* a full disk's first failure is answered by the reserve */
			plan = (struct plan){
				.step = step, .skip = 1, .error = errors[i], .times = 4
			};
			w.cfg.before = before;
			w.cfg.before_ctx = &plan;
			w.cfg.retry_ns = 20000000;
			open_ok();
			logw_write(&w, 200, false);
			logw_until_sealed(&w, 1);
			logw_write(&w, 200, true);
			while (!w.stops)
				logw_ask(&w, w.now_ns + 1000000);
			/* counted while nothing can be sealed, said when it can */
			logw_write(&w, 200, false);
			logw_write(&w, 200, false);
			assert_true(w.stopped);
			while (w.stopped) {
				usleep(1000);
				logw_ask(&w, w.now_ns + 1000000);
			}
			assert_int_equal(w.missing, 2);
			assert_int_equal(logw_write(&w, 200, false), 0);
			assert_int_equal(logw_stop(&w), 0);
			assert_int_equal(logw_check(&w), w.seals);
		}
}

/* Unsealed lines behind the last seal, cut at every byte. */
static void test_torn_tail(void **state)
{
	char *all, want[200], path[800];
	struct stat st;
	off_t sealed, cut;
	int fd, status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		w.cfg.seal_ns = 3600000000000ull;
		if (logw_open(&w) < 0)
			_exit(1);
		logw_write(&w, 120, false);
		logw_until_sealed(&w, 1);
		stat(in_log(SEG), &st);
		logw_write(&w, 120, false);
		logw_write(&w, 120, false);
		logw_write(&w, 130, false);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(stat(in_log(SEG), &st), 0);
	sealed = st.st_size - 121 - 121 - 131;
	all = malloc((size_t)st.st_size);
	fd = open(in_log(SEG), O_RDWR);
	assert_int_equal(read(fd, all, (size_t)st.st_size), st.st_size);
	for (cut = sealed; cut <= st.st_size; cut++) {
		const off_t rest = cut - sealed;
		const uint64_t whole = rest < 121 ? 0 : rest < 242 ? 1 : cut < st.st_size ? 2 : 3;
		const off_t torn = whole == 3 ? 0 : rest - (off_t)whole * 121;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, all, (size_t)cut, 0), cut);
		open_ok();
		assert_false(w.found.damaged);
		assert_int_equal(w.found.next_seq, 2 + whole);
		assert_int_equal(w.found.unsealed, whole);
		assert_int_equal(w.found.torn, torn > 0);
		assert_int_equal(w.found.torn_n, torn);
		logw_close(&w);
		assert_int_equal(stat(in_log(SEG), &st), 0);
		assert_int_equal(st.st_size, cut - torn);
		st.st_size = sealed + 121 + 121 + 131;
		if (!torn)
			continue;
		snprintf(path, sizeof(path), "%s", w.found.torn_path);
		status = open(path, O_RDONLY);
		assert_int_equal(read(status, want, sizeof(want)), torn);
		close(status);
		assert_memory_equal(want, all + cut - torn, (size_t)torn);
		unlink(path);
	}
	close(fd);
	free(all);
	go_on(2);
}

/* Lines that no log writes behind a seal: they, and what follows, are moved away. */
static void test_foreign_tail(void **state)
{
	static const char *const lines[] = {
		"no json\n",
		"\n",
		"{\"v\":1,\"seq\":9,\"type\":\"effect\"}\n",
		"{\"v\":1,\"seq\":2}\n",
		"{\"v\":1,\"seq\":2,\"type\":\"seal\",\"epoch\":1,\"next_vkey\":\"x+00000000+"
		"AAAA\"}\n",
		"{\"v\":1,\"seq\":2,\"type\":\"seal\",\"epoch\":7,\"next_vkey\":\"x\"}\n",
	};
	size_t i;
	int fd;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		teardown(NULL);
		setup(NULL);
		open_ok();
		logw_write(&w, 120, false);
		logw_until_sealed(&w, 1);
		logw_close(&w);
		fd = open(in_log(SEG), O_WRONLY | O_APPEND);
		assert_int_equal(write(fd, lines[i], strlen(lines[i])), strlen(lines[i]));
		close(fd);
		open_ok();
		assert_true(w.found.torn);
		assert_int_equal(w.found.torn_n, strlen(lines[i]));
		assert_int_equal(w.found.next_seq, 2);
		logw_close(&w);
		go_on(2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_crash_each_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_seal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_step_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_tail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_tail, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
