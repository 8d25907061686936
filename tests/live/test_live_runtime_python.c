/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_runtime_python.c - the request a Python thread works for (python_tasks.py) */
#include "live.h"

#include <glob.h>
#include <time.h>

#define N 16

static struct {
	char python[256], folder[256], script[256];
	const char *name, *form, *extra;
} run;

static int run_script(void *arg)
{
	(void)arg;
	execl(run.python, run.python, run.script, run.name, run.form, run.extra, "16", NULL);
	return 127;
}

/* The kernel side must know the runtime before the script goes on. */
static void wait_for_runtime(void)
{
	const struct mw_ev_runtime *e;
	const char *seconds = getenv("LIVE_SECONDS");
	time_t end = time(NULL) + (seconds ? strtol(seconds, NULL, 10) : 60);

	while (!(e = live_nth(MW_EV_RUNTIME, live.pid, 0)) && time(NULL) <= end) {
		live_drain();
		usleep(1000);
	}
	assert_non_null(e);
	if (!e->reads)
		fail_msg("%s: %.*s", run.python, (int)e->note_len,
			 (const char *)(e + 1) + e->version_len);
	assert_int_equal(e->kind, MW_RT_PYTHON);
}

/* As id_of in the script: what task_of is to be, and the flag. */
static uint64_t task_of(int i, uint16_t *flag)
{
	uint64_t hash = MW_ID_HASH_INIT;
	char id[MW_ID_MAX + 1];
	int n;

	if (strcmp(run.form, "int") == 0) {
		*flag = MW_EVF_ID_INT;
		return i == 3  ? (uint64_t)-3
		       : i < 8 ? (uint64_t)i
			       : (1ull << (14 + 3 * i)) - (uint64_t)i;
	}
	*flag = MW_EVF_ID_STR;
	memset(id, 'x', sizeof(id));
	n = snprintf(id, sizeof(id), "id-%d-", i);
	id[n] = 'x';
	if (n < 6 + 4 * i - (i == 15) * 2)
		n = 6 + 4 * i - (i == 15) * 2;
	assert_true(n <= MW_ID_MAX);
	for (int k = 0; k < n; k++)
		hash = (hash ^ (uint8_t)id[k]) * MW_ID_HASH_MUL;
	return hash;
}

#define ID_FLAGS (MW_EVF_ID_INT | MW_EVF_ID_STR | MW_EVF_NO_REQUEST)

static uint64_t faults(void)
{
	struct mw_source_stats st;

	mw_source_stats(live.source, &st);
	return st.task_faults;
}

/* Counts by kind and request. */
enum kind { ASYNC, THREAD, SUB, RUN, AFTER, FORK, INNER, OWN, PLAIN, RESET, NONE, EARLY, N_KINDS };
static const char *const kinds[] = { "async", "thread", "sub",	 "run",	  "after", "fork",
				     "inner", "own",	"plain", "reset", "none",  "early" };
static int seen[N_KINDS][N];
static uint64_t tasks[N];

static void check(const struct mw_event_hdr *h, const char *what)
{
	const char *dash = strchr(what, '-');
	enum kind k = 0;
	uint64_t id;
	uint16_t flag;
	int i;

	if (!dash)
		return;
	while (k < N_KINDS && (strlen(kinds[k]) != (size_t)(dash - what) ||
			       strncmp(what, kinds[k], strlen(kinds[k])) != 0))
		k++;
	if (k == N_KINDS)
		return;
	i = (int)strtol(dash + 1, NULL, 10);
	if (k == EARLY || k == NONE) {
		seen[k][0]++;
		assert_int_equal(h->task_of, 0);
		/* before the first request nobody knows the variable */
		if (k == EARLY)
			assert_int_equal(h->flags & ID_FLAGS, 0);
		else if (!(h->flags & MW_EVF_NO_REQUEST))
			seen[EARLY][1]++;
		return;
	}
	assert_in_range(i, 0, N - 1);
	seen[k][i]++;
	id = task_of(i, &flag);
	switch (k) {
	case INNER:
	case OWN:
	case PLAIN:
		flag = 0;
		break;
	case RESET:
		flag = MW_EVF_NO_REQUEST;
		break;
	default:
		break;
	}
	if ((h->flags & ID_FLAGS) != flag)
		fail_msg("%s %s %s +%s: %s has flags %x, task %llx; %llu acts not read", run.python,
			 run.name, run.form, run.extra, what, h->flags, (unsigned long long)h->task,
			 (unsigned long long)faults());
	if (k == OWN || k == PLAIN || k == RESET) {
		assert_int_equal(h->task | h->task_of, 0);
		return;
	}
	if (k == INNER) { /* a request of its own, of which no id is known */
		assert_int_equal(h->task_of, 0);
		assert_true(h->task && h->task != tasks[i]);
		return;
	}
	if (h->task_of != id)
		fail_msg("%s: %s is of %llx", run.python, what, (unsigned long long)h->task_of);
	assert_true(h->task);
	if (!tasks[i])
		tasks[i] = h->task;
	assert_int_equal(h->task, tasks[i]);
}

/* The program a child runs names its request; the fork that made the child is what is checked. */
static void check_child(const struct mw_ev_fork *e)
{
	struct live_proc p;
	const void *x = live_nth(MW_EV_EXEC, (pid_t)e->child_tgid, 0);

	if (!x)
		return;
	p = live_proc(x);
	check(&e->hdr, p.argv + strlen(p.argv) + 1);
	live_proc_done(&p);
}

static void check_all(void)
{
	memset(seen, 0, sizeof(seen));
	memset(tasks, 0, sizeof(tasks));
	for (size_t i = 0; i < live.n_ev; i++) {
		const struct mw_event_hdr *h = live.ev[i];
		const struct mw_ev_act *e = (const void *)h;

		if (h->type == MW_EV_FORK) {
			check_child((const void *)h);
		} else if (h->type == MW_EV_ACT && e->op == MW_OP_OPEN) {
			char what[64];
			const char *asked = (const char *)(e + 1) + e->path_len + e->base_len;

			snprintf(what, sizeof(what), "%.*s", (int)e->asked_len, asked);
			check(h, what);
		}
	}
	for (int i = 0; i < N; i++) {
		assert_int_equal(seen[ASYNC][i], 3);
		for (enum kind k = THREAD; k <= RESET; k++)
			if (seen[k][i] != 1)
				fail_msg("%s %d: seen %d times", kinds[k], i, seen[k][i]);
		for (int j = 0; j < i; j++)
			assert_true(tasks[i] != tasks[j]);
	}
	assert_int_equal(seen[EARLY][0], 1);
	/* some of the background's acts come before the variable is known */
	assert_true(seen[NONE][0] - seen[EARLY][1] > 3);
}

static void find_folder(void)
{
	char exe[256], *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	/* build/live/test_live, or build/SAN/live/test_live */
	assert_true(n > 0);
	exe[n] = 0;
	while ((slash = strrchr(exe, '/'))) {
		*slash = 0;
		snprintf(run.folder, sizeof(run.folder), "%.200s/tests/live", exe);
		if (access(run.folder, R_OK) == 0)
			return;
	}
	fail_msg("no tests/live above the test");
}

/* Every interpreter of 3.10 to 3.13 there is, or those of LIVE_PYTHON. */
static void each_python(void (*fn)(void))
{
	const char *home = getenv("HOME"), *only = getenv("LIVE_PYTHON");
	char pattern[256];
	size_t n = 0;
	glob_t g = { 0 };

	find_folder();
	snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/bin/python3.1[0-3]",
		 home ? home : "/root");
	glob(only ? only : "/usr/bin/python3.1[0-3]", 0, NULL, &g);
	if (!only)
		glob(pattern, GLOB_APPEND, NULL, &g);
	for (; n < g.gl_pathc; n++) {
		snprintf(run.python, sizeof(run.python), "%s", g.gl_pathv[n]);
		fn();
	}
	globfree(&g);
	assert_true(n > 0);
}

static void one_run(void)
{
	uint64_t before = faults();

	snprintf(run.script, sizeof(run.script), "%.200s/python_tasks.py", run.folder);
	live.on_stop = wait_for_runtime;
	live_run(run_script, NULL);
	assert_int_equal(live.status, 0);
	check_all();
	/*
	 * None; but a page may be on its way to another place just when it is read, more often
	 * where the machine is busy. What is out of memory for good fails with each of 200 and more
	 * looks.
	 */
	assert_in_range(faults() - before, 0, 64);
}

static void all_forms(void)
{
	static const char *const names[] = { "request_ctx", "fastmcp_request_ctx" };
	static const char *const forms[] = { "int", "str" };
	/* a node of pairs, a root of 32 nodes */
	static const char *const extras[] = { "0", "60" };

	for (int i = 0; i < 4; i++) {
		run.name = names[i & 1];
		run.form = forms[i >> 1];
		run.extra = extras[(i ^ i >> 1) & 1];
		one_run();
	}
}

static void test_python_requests(void **state)
{
	(void)state;
	each_python(all_forms);
}

/* --- forged ---------------------------------------------------------------------------------- */

static const struct mw_event_hdr *opened(const char *name, size_t n)
{
	for (size_t i = 0; i < live.n_ev; i++) {
		const struct mw_ev_act *e = (const void *)live.ev[i];
		const char *asked = (const char *)(e + 1) + e->path_len + e->base_len;

		if (e->hdr.type == MW_EV_ACT && e->op == MW_OP_OPEN &&
		    e->asked_len == strlen(name) && memcmp(asked, name, e->asked_len) == 0 &&
		    n-- == 0)
			return &e->hdr;
	}
	fail_msg("%s: %s was not seen", run.python, name);
	return NULL;
}

static void forge(void)
{
	static const char *const nothing[] = { "garbage-0",  "kernel-0", "odd-0",  "other-0",
					       "rootless-0", "array-0",	 "size-0", "bitmap-0",
					       "keys-0",     "selves-0", "type-0" };
	static const char *const unknown[] = { "huge-0", "long-0", "wide-0", "none-0" };
	const uint64_t before = faults();
	const struct mw_event_hdr *h;

	snprintf(run.script, sizeof(run.script), "%.200s/python_forge.py", run.folder);
	live.on_stop = wait_for_runtime;
	live_run(run_script, NULL);
	assert_int_equal(live.status, 0);
	/* "garbage", "kernel" and "keys": each is an act that is counted */
	assert_true(faults() >= before + 3);
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		h = opened(nothing[i], 0);
		if (h->task || h->task_of || h->flags & (MW_EVF_ID_INT | MW_EVF_ID_STR))
			fail_msg("%s: %s gives %llx", run.python, nothing[i],
				 (unsigned long long)h->task_of);
	}
	/* a request, but none whose id is read */
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		h = opened(unknown[i], 0);
		assert_true(h->task);
		assert_int_equal(h->task_of, 0);
		assert_int_equal(h->flags & ID_FLAGS, 0);
	}
	/* its word is taken, and moves nothing but its own act */
	assert_int_equal(opened("lie-0", 0)->task_of, 999);
	assert_int_equal(opened("lie-0", 0)->flags & ID_FLAGS, MW_EVF_ID_INT);
	/* nothing behind what the request is read from */
	assert_int_equal(opened("edge-0", 0)->task_of, 12345);
	assert_int_equal(opened("last-0", 0)->task_of, 12345);
	/* the first one was before the kernel side knew the process: of these three, two are read
	 */
	for (size_t i = 1; i < 3; i++) {
		h = opened("honest-0", i);
		assert_int_equal(h->task_of, 7);
		assert_int_equal(h->flags & ID_FLAGS, MW_EVF_ID_INT);
	}
}

static void test_python_forged(void **state)
{
	(void)state;
	run.name = run.form = run.extra = "0";
	each_python(forge);
}

const struct CMUnitTest live_runtime_python_tests[] = {
	cmocka_unit_test(test_python_requests),
	cmocka_unit_test(test_python_forged),
};
const size_t n_live_runtime_python_tests =
    sizeof(live_runtime_python_tests) / sizeof(live_runtime_python_tests[0]);
