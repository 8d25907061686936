/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_live_runtime_go.c - goroutines as the kernel side names them, against who they say they are
 *
 * The programs are tests/live/go/tasks, built in several ways into the folder `go` beside this
 * program, or into that which LIVE_GO names: tests/live/go-versions does so with other versions of
 * Go.
 */
#include "live.h"

#include <dirent.h>

#define STEPS	   4416 /* 64 goroutines, and one child of each, 23 opens three times in all */
#define GOROUTINES 64
#define PROGRAMS   5
#define WRONG	   5
#define FORGED	   4242

static const char *folder(void)
{
	static char path[4096];
	const char *env = getenv("LIVE_GO");
	ssize_t n;

	if (env)
		return env;
	n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	assert_true(n > 0);
	path[n] = '\0';
	snprintf(strrchr(path, '/'), 8, "/go");
	return path;
}

static int run(void *arg)
{
	char *argv[] = { arg, live.dir, NULL };

	execv(argv[0], argv);
	return 99;
}

/* The name of the n-th open of an absolute name in our folder, by whichever process; NULL: no more.
 */
static const char *opened(size_t *pos, const struct mw_ev_act **ret)
{
	static char name[256];
	size_t len = strlen(live.dir);

	for (; *pos < live.n_ev; (*pos)++) {
		const struct mw_ev_act *e = (const void *)live.ev[*pos];
		const char *asked = (const char *)(e + 1) + e->path_len + e->base_len;

		if (e->hdr.type != MW_EV_ACT || e->op != MW_OP_OPEN || e->asked_len <= len + 1 ||
		    e->asked_len - len > sizeof(name) || memcmp(asked, live.dir, len) != 0)
			continue;
		memcpy(name, asked + len + 1, e->asked_len - len - 1);
		name[e->asked_len - len - 1] = '\0';
		*ret = e;
		(*pos)++;
		return name;
	}
	return NULL;
}

static const struct mw_ev_runtime *runtime_of(uint32_t tgid, char version[64])
{
	const struct mw_ev_runtime *e = live_nth(MW_EV_RUNTIME, (pid_t)tgid, 0);

	if (!e)
		return NULL;
	memcpy(version, e + 1, e->version_len);
	version[e->version_len] = '\0';
	return e;
}

/* On a machine that has other things to do the look takes its time. */
static void wait_known(void)
{
	for (int i = 0; i < 30000 && !live_nth(MW_EV_RUNTIME, live.pid, 0); i++) {
		usleep(1000);
		live_drain();
	}
}

/* What came before the kernel side knew has no task at all, and nothing of that is of our folder.
 */
static void check_runtime(bool *parents)
{
	char version[64];
	const struct mw_ev_runtime *e = runtime_of((uint32_t)live.pid, version);
	unsigned int minor;

	assert_non_null(e);
	assert_int_equal(live_count(MW_EV_RUNTIME, live.pid), 1);
	assert_int_equal(e->kind, MW_RT_GO);
	assert_int_equal(e->reads, 1);
	assert_int_equal(e->exact, 1);
	assert_int_equal(e->note_len, 0);
	assert_int_equal(sscanf(version, "go1.%u", &minor), 1);
	*parents = minor >= 21;
	print_message("           %s\n", version);
}

static void check_tasks(bool parents, bool cgo)
{
	size_t n_g = 0, n_c = 0, n_n = 0, n_f = 0, pos = 0;
	unsigned long id, parent;
	const struct mw_ev_act *e;
	const char *name;

	while ((name = opened(&pos, &e))) {
		assert_int_equal(e->ret, -ENOENT);
		assert_int_equal(e->hdr.tgid, live.pid);
		if (sscanf(name, "g%lu.p%lu.", &id, &parent) == 2) {
			n_g++;
			assert_int_equal(e->hdr.task, id);
			assert_int_equal(e->hdr.task_of, parent);
			assert_int_equal(parent != 0, parents);
		} else if (sscanf(name, "c%lu.", &id) == 1) {
			n_c++;
			assert_int_equal(e->hdr.task, id);
		} else if (sscanf(name, "n%lu.", &id) == 1) {
			n_n++;
			assert_int_equal(e->hdr.task, id);
		} else {
			n_f++;
			assert_int_equal(name[0], 'f');
			assert_int_equal(e->hdr.task, FORGED);
			assert_int_equal(e->hdr.task_of, parents ? FORGED : 0);
		}
	}
	assert_int_equal(n_g, STEPS);
	assert_int_equal(n_c, cgo ? GOROUTINES : 0);
	assert_int_equal(n_n, cgo ? GOROUTINES * WRONG : 0);
	assert_int_equal(n_f, n_c);
}

/* A child whose exec fails is still what its parent was when it tries, from its first call on. */
static size_t check_failed(const struct mw_ev_fork *f)
{
	const struct mw_ev_act *e = live_nth(MW_EV_ACT, (pid_t)f->child_tgid, 0);
	unsigned long id;
	char name[256];

	if (!e)
		return 0; /* at its start the runtime tries whether it may clone with CLONE_PIDFD */
	assert_int_equal(e->op, MW_OP_EXEC);
	assert_int_equal(e->ret, -ENOENT);
	assert_true(e->asked_len < sizeof(name));
	memcpy(name, (const char *)(e + 1) + e->path_len + e->base_len, e->asked_len);
	name[e->asked_len] = '\0';
	assert_int_equal(sscanf(strrchr(name, '/'), "/x%lu", &id), 1);
	assert_int_equal(e->hdr.task, id);
	assert_int_equal(f->hdr.task, id);
	return 1;
}

/* The goroutine that starts a program is that of the fork; what runs then is not Go. */
static void check_programs(void)
{
	size_t n = 0, n_failed = 0;

	for (size_t i = 0; i < live.n_ev; i++) {
		const struct mw_ev_fork *f = (const void *)live.ev[i];
		const struct mw_ev_proc *e;
		struct live_proc p;
		unsigned long id;

		if (f->hdr.type != MW_EV_FORK)
			continue;
		assert_int_equal(f->hdr.tgid, live.pid);
		e = live_nth(MW_EV_EXEC, (pid_t)f->child_tgid, 0);
		if (!e) {
			n_failed += check_failed(f);
			continue;
		}
		p = live_proc(e);
		assert_int_equal(sscanf(p.argv + strlen(p.argv) + 1, "g%lu", &id), 1);
		assert_int_equal(f->hdr.task, id);
		/* it was Go until it ran its program */
		assert_int_equal(live_count(MW_EV_RUNTIME, (pid_t)f->child_tgid), 1);
		live_proc_done(&p);
		n++;
	}
	assert_int_equal(n, PROGRAMS);
	assert_int_equal(n_failed, PROGRAMS);
}

static void test_goroutines(void **state)
{
	DIR *d = opendir(folder());
	struct dirent *at;
	size_t n = 0;
	bool parents;

	if (!d)
		skip();
	while ((at = readdir(d))) {
		char path[4400];

		if (at->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder(), at->d_name);
		print_message("           %s\n", at->d_name);
		live.on_stop = wait_known;
		live_run(run, path);
		assert_int_equal(live.status, 0);
		check_runtime(&parents);
		check_tasks(parents, strstr(at->d_name, "cgo") != NULL);
		check_programs();
		n++;
	}
	closedir(d);
	assert_true(n > 0);
}

const struct CMUnitTest live_runtime_go_tests[] = {
	cmocka_unit_test(test_goroutines),
};
const size_t n_live_runtime_go_tests =
    sizeof(live_runtime_go_tests) / sizeof(live_runtime_go_tests[0]);
