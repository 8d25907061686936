/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_proc.c - fork, exec, exit, tags, and what the source adds from /proc */
#include "live.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

/* --- exec ------------------------------------------------------------------------------------ */

static int exec_true(void *arg)
{
	char *const argv[] = { "a name", "second", "", "last\n", NULL };

	(void)arg;
	execv("/bin/true", argv);
	return 1;
}

static void test_exec(void **state)
{
	static const char argv[] = "a name\0second\0\0last\n";
	struct live_proc p;
	char exe[4096];

	(void)state;
	live_run(exec_true, NULL);
	assert_int_equal(live.status, 0);
	assert_non_null(realpath("/bin/true", exe));
	assert_int_equal(live_count(MW_EV_EXEC, live.pid), 1);
	p = live_proc(live_nth(MW_EV_EXEC, live.pid, 0));
	live_check_hdr(&p.e->hdr);
	assert_string_equal(p.exe, exe);
	assert_int_equal(p.e->exe_state, MW_PATH_FULL);
	assert_int_equal(p.e->argv_len, sizeof(argv));
	assert_memory_equal(p.argv, argv, sizeof(argv));
	assert_int_equal(p.e->argv_cut, 0);
	assert_string_equal(p.cwd, live.dir);
	assert_int_equal(p.e->cwd_state, MW_PATH_FULL);
	assert_int_equal(p.e->cgroup_len, 0);
	live_check_ino(p.e->dev, p.e->ino, exe);
	assert_int_equal(p.e->parent_tgid, getpid());
	assert_int_equal(p.e->gid, getegid());
	assert_true(p.e->parent_start_ns && p.e->parent_start_ns < p.e->hdr.start_ns);
	live_proc_done(&p);
	/* a successful exec is no failed one */
	assert_int_equal(live_count_act(MW_OP_EXEC), 0);
}

static int exec_long(void *arg)
{
	static char a[5000], b[5000];
	char *const argv[] = { "long", a, b, NULL };

	(void)arg;
	memset(a, 'a', sizeof(a) - 1);
	memset(b, 'b', sizeof(b) - 1);
	execv("/bin/true", argv);
	return 1;
}

static void test_exec_long_argv(void **state)
{
	struct live_proc p;

	(void)state;
	live_run(exec_long, NULL);
	p = live_proc(live_nth(MW_EV_EXEC, live.pid, 0));
	assert_int_equal(p.e->argv_len, MW_ARGV_MAX);
	assert_int_equal(p.e->argv_cut, 1);
	assert_memory_equal(p.argv, "long\0aaaa", 9);
	assert_int_equal(p.argv[MW_ARGV_MAX - 1], 'b');
	assert_string_equal(p.cwd, live.dir);
	live_proc_done(&p);
}

static int exec_fails(void *arg)
{
	char *const argv[] = { "x", NULL };

	(void)arg;
	execv("/no/such/program", argv);
	execv("made-up", argv);
	syscall(SYS_execveat, AT_FDCWD, "made-up", argv, NULL, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static void test_exec_fails(void **state)
{
	static const char *const asked[] = { "/no/such/program", "made-up", "made-up" };

	(void)state;
	live_run(exec_fails, NULL);
	assert_int_equal(live_count_act(MW_OP_EXEC), 3);
	assert_int_equal(live_count(MW_EV_EXEC, 0), 0);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(MW_OP_EXEC, i);

		assert_int_equal(a.e->ret, -ENOENT);
		assert_string_equal(a.asked, asked[i]);
		assert_string_equal(a.base, i ? live.dir : "");
		assert_int_equal(a.e->sysno, i == 2 ? SYS_execveat : SYS_execve);
		assert_int_equal(a.e->flags, i == 2 ? AT_SYMLINK_NOFOLLOW : 0);
		live_act_done(&a);
	}
}

static void *exec_in_thread(void *arg)
{
	exec_true(arg);
	return NULL;
}

static int exec_from_thread(void *arg)
{
	pthread_t t;

	(void)arg;
	pthread_create(&t, NULL, exec_in_thread, NULL);
	pthread_join(t, NULL);
	return 1;
}

static void test_exec_from_a_thread(void **state)
{
	const struct mw_ev_proc *e;

	(void)state;
	live_run(exec_from_thread, NULL);
	assert_int_equal(live.status, 0);
	e = live_nth(MW_EV_EXEC, live.pid, 0);
	assert_non_null(e);
	live_check_hdr(&e->hdr); /* it has the leader's pid and start now */
	assert_int_equal(live_count(MW_EV_FORK, live.pid), 0);
}

/* --- what the source adds -------------------------------------------------------------------- */

/* It is there until all of it was collected. */
static int exec_and_stop(void *arg)
{
	char *const argv[] = { "sh", "-c", "kill -STOP $$", NULL };

	(void)arg;
	execv("/bin/sh", argv);
	return 1;
}

static void test_proc_after_exec(void **state)
{
	struct live_proc x, p;
	const struct mw_event_hdr *h = NULL;
	size_t i;

	(void)state;
	live_run(exec_and_stop, NULL);
	assert_int_equal(live.status, 0);
	for (i = 0; i < live.n_ev; i++)
		if (live.ev[i]->type == MW_EV_EXEC)
			h = live.ev[i + 1];
	assert_non_null(h);
	assert_int_equal(h->type, MW_EV_PROC);
	assert_int_equal(h->cpu, MW_CPU_NONE);
	assert_int_equal(h->seq, 0);
	x = live_proc(live_nth(MW_EV_EXEC, live.pid, 0));
	p = live_proc(h);
	assert_int_equal(h->tgid, live.pid);
	assert_int_equal(h->start_ns, x.e->hdr.start_ns);
	assert_int_equal(h->cgroup, x.e->hdr.cgroup);
	assert_int_equal(h->uid, x.e->hdr.uid);
	assert_string_equal(p.exe, x.exe);
	assert_int_equal(p.e->exe_state, MW_PATH_FULL);
	assert_int_equal(p.e->argv_len, x.e->argv_len);
	assert_memory_equal(p.argv, x.argv, x.e->argv_len);
	assert_string_equal(p.cwd, x.cwd);
	assert_int_equal(p.e->parent_tgid, getpid());
	assert_int_equal(p.e->parent_start_ns, x.e->parent_start_ns);
	assert_int_equal(p.e->dev, x.e->dev);
	assert_int_equal(p.e->ino, x.e->ino);
	live_proc_done(&x);
	live_proc_done(&p);
}

static void test_snapshot_of_a_line(void **state)
{
	struct mw_source_bpf_config cfg = { 0 };
	struct mw_source *s;
	const struct mw_ev_proc *e;
	uint32_t want = (uint32_t)getpid();
	uint64_t want_start = 0;
	const void *p;
	bool user = false;

	(void)state;
	assert_int_equal(mw_source_bpf_new(&cfg, &s), 0);
	assert_int_equal(mw_source_bpf_snapshot(s, want), 0);
	assert_int_equal(mw_source_bpf_snapshot(s, want), 0); /* once is enough */
	while (mw_source_next(s, 0, &p) > 0) {
		e = p;
		if (e->hdr.type == MW_EV_USER)
			user = true;
		if (e->hdr.type != MW_EV_PROC)
			continue;
		assert_true(user);
		assert_int_equal(e->hdr.tgid, want);
		if (want_start)
			assert_int_equal(e->hdr.start_ns, want_start);
		want = e->parent_tgid;
		want_start = e->parent_start_ns;
	}
	assert_true(want <= 1); /* pid 1 was the last; a local policy may hide it */
	assert_int_equal(mw_source_bpf_snapshot(s, 4000000), -ESRCH);
	mw_source_free(s);
}

/* What comes at the end, and that a dropped event is a hole. */
static void test_finish(void **state)
{
	struct mw_source_bpf_config cfg = { .simulate_loss = 5 };
	uint64_t told = 0, seen = 0, ticks = 0;
	const struct mw_event_hdr *h;
	struct mw_source_stats st;
	struct mw_source *s;
	const void *p;
	int fd[2], r, status;
	pid_t pid;

	(void)state;
	assert_int_equal(mw_source_bpf_new(&cfg, &s), 0);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		for (int i = 0; i < 98; i++)
			if (write(fd[1], "x", 1) != 1)
				_exit(1);
		usleep(250000);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	mw_source_bpf_tag(s, (uint32_t)pid, MW_SOURCE_OBSERVED);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	assert_int_equal(mw_source_bpf_finish(s), 0);
	while ((r = mw_source_next(s, 10, &p)) >= 0) {
		h = p;
		if (r && h->cpu != MW_CPU_NONE)
			seen++;
		if (r && h->type == MW_EV_TICK)
			ticks++;
		if (r && h->type == MW_EV_LOST) {
			const struct mw_ev_lost *l = p;

			assert_int_equal(l->reason, MW_LOST_SEQ);
			told += l->count;
		}
	}
	assert_int_equal(r, -ENODATA);
	assert_int_equal(mw_source_next(s, 10, &p), -ENODATA);
	assert_int_equal(told, 99); /* 98 writes and the exit */
	assert_int_equal(seen, 80);
	assert_true(ticks >= 1);
	mw_source_stats(s, &st);
	assert_int_equal(st.lost_ring, 0);
	assert_int_equal(st.ring_len, 32u << 20);
	close(fd[0]);
	close(fd[1]);
	mw_source_free(s);
}

/* A ring that is too small: what did not fit is counted, and the numbers show where. */
static void test_full_ring(void **state)
{
	struct mw_source_bpf_config cfg = { .ring_len = 65536 };
	uint64_t told = 0, seen = 0, lost = 0;
	struct mw_source_stats st;
	struct mw_source *s;
	const void *p;
	int fd[2], r, status;
	pid_t pid;

	(void)state;
	assert_int_equal(mw_source_bpf_new(&cfg, &s), 0);
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		for (int i = 0; i < 4000; i++)
			if (write(fd[1], "x", 1) != 1)
				_exit(1);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	mw_source_bpf_tag(s, (uint32_t)pid, MW_SOURCE_OBSERVED);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	mw_source_bpf_finish(s);
	while ((r = mw_source_next(s, 10, &p)) >= 0) {
		const struct mw_ev_lost *l = p;

		if (r && l->hdr.cpu != MW_CPU_NONE)
			seen++;
		if (r && l->hdr.type == MW_EV_LOST && l->reason == MW_LOST_SEQ)
			told += l->count;
		if (r && l->hdr.type == MW_EV_LOST && l->reason == MW_LOST_RING)
			lost += l->count;
	}
	assert_int_equal(told, 4001);
	assert_true(lost > 0);
	assert_int_equal(seen + lost, 4001);
	mw_source_stats(s, &st);
	assert_int_equal(st.lost_ring, lost);
	close(fd[0]);
	close(fd[1]);
	mw_source_free(s);
}

static void test_ticks(void **state)
{
	uint64_t last = 0, n = 0;
	const void *p;
	struct timespec now;
	time_t end;

	(void)state;
	live_drain();
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + 1;
	do {
		int r = mw_source_next(live.source, 10, &p);
		const struct mw_event_hdr *h = p;

		assert_true(r >= 0);
		if (r && h->type == MW_EV_TICK) {
			if (last)
				assert_true(h->ts_ns - last >= 100000000);
			last = h->ts_ns;
			n++;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec <= end);
	assert_true(n >= 8 && n <= 21);
}

static void test_bad_ring(void **state)
{
	char err[256] = "";
	struct mw_source_bpf_config cfg = { .ring_len = 12345, .err = err, .err_len = sizeof(err) };
	struct mw_source *s = NULL;

	(void)state;
	assert_int_equal(mw_source_bpf_new(&cfg, &s), -EINVAL);
	assert_null(s);
	assert_non_null(strstr(err, "power of two"));
	assert_null(strchr(err, '\n'));
}

static void test_not_allowed(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		char err[256] = "";
		struct mw_source_bpf_config cfg = { .err = err, .err_len = sizeof(err) };
		struct mw_source *s = NULL;

		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (mw_source_bpf_new(&cfg, &s) != -EPERM || s || !strstr(err, "root"))
			_exit(2);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* --- fork, exit and tags --------------------------------------------------------------------- */

static int fork_many(void *arg)
{
	int p[2];

	(void)arg;
	if (pipe(p))
		return 1;
	live.sh->v[60] = p[1];
	for (int i = 0; i < LIVE_N; i++) {
		pid_t pid = fork();

		/* the very first thing it does */
		if (pid == 0)
			_exit(syscall(SYS_write, p[1], "c", 1) != 1);
		live.sh->v[i] = pid;
	}
	for (int i = 0; i < LIVE_N; i++)
		wait(NULL);
	return 0;
}

static void test_fork_inherits(void **state)
{
	(void)state;
	live_run(fork_many, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count(MW_EV_FORK, 0), LIVE_N);
	for (size_t i = 0; i < LIVE_N; i++) {
		const struct mw_ev_fork *f = live_nth(MW_EV_FORK, live.pid, i);
		const struct mw_ev_io *e = live_io((pid_t)live.sh->v[i], MW_DIR_WRITE, 0);
		const struct mw_ev_exit *x = live_nth(MW_EV_EXIT, (pid_t)live.sh->v[i], 0);

		live_check_hdr(&f->hdr);
		assert_int_equal(f->child_tgid, live.sh->v[i]);
		assert_non_null(e);
		assert_int_equal(e->hdr.start_ns, f->child_start_ns);
		assert_true(f->child_start_ns > f->hdr.start_ns);
		assert_non_null(x);
		assert_int_equal(x->code, 0);
		assert_int_equal(x->hdr.start_ns, f->child_start_ns);
		assert_int_equal(mw_source_bpf_tag_of(live.source, (uint32_t)live.sh->v[i]), 0);
	}
}

static void *write_in_thread(void *arg)
{
	live.sh->v[1] = gettid();
	if (write(*(int *)arg, "t", 1) != 1)
		_exit(9);
	return NULL;
}

static int thread_writes(void *arg)
{
	pthread_t t;
	int p[2];

	(void)arg;
	if (pipe(p) || pthread_create(&t, NULL, write_in_thread, &p[1]))
		return 1;
	pthread_join(t, NULL);
	return 7;
}

static void test_threads_are_no_processes(void **state)
{
	const struct mw_ev_io *e;

	(void)state;
	live_run(thread_writes, NULL);
	assert_int_equal(WEXITSTATUS(live.status), 7);
	assert_int_equal(live_count(MW_EV_FORK, 0), 0);
	e = live_io(live.pid, MW_DIR_WRITE, 0);
	assert_int_equal(e->hdr.tid, live.sh->v[1]);
	assert_int_equal(e->hdr.tgid, live.pid);
	/* one exit, when the last thread is gone */
	assert_int_equal(live_count(MW_EV_EXIT, 0), 1);
}

static int ends(void *arg)
{
	switch (*(int *)arg) {
	case 0:
		_exit(42);
	case 1:
		kill(getpid(), SIGKILL);
		return 0;
	default:
		signal(SIGSEGV, SIG_DFL);
		raise(SIGTERM);
		return 0;
	}
}

static void test_exit_codes(void **state)
{
	static const int want[] = { 42 << 8, SIGKILL, SIGTERM };

	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct mw_ev_exit *e;

		live_run(ends, &i);
		e = live_nth(MW_EV_EXIT, live.pid, 0);
		live_check_hdr(&e->hdr);
		assert_int_equal(e->code, want[i]);
		assert_int_equal(e->code & 0xff7f, live.status & 0xff7f);
	}
}

static void *leave_later(void *arg)
{
	(void)arg;
	usleep(50000);
	_exit(5);
}

static int leader_leaves_first(void *arg)
{
	pthread_t t;

	(void)arg;
	pthread_create(&t, NULL, leave_later, NULL);
	syscall(SYS_exit, 3); /* this thread only */
	return 0;
}

static void test_leader_leaves_first(void **state)
{
	const struct mw_ev_exit *e;

	(void)state;
	live_run(leader_leaves_first, NULL);
	assert_int_equal(live.status, 5 << 8);
	assert_int_equal(live_count(MW_EV_EXIT, 0), 1);
	e = live_nth(MW_EV_EXIT, live.pid, 0);
	assert_int_equal(e->code, 5 << 8);
}

static int drop_root(void *arg)
{
	(void)arg;
	if (setegid(12345) || seteuid(12346))
		return 1;
	open("/nowhere", O_RDONLY);
	return 0;
}

static void test_effective_uid(void **state)
{
	const struct mw_ev_act *e;

	(void)state;
	live_run(drop_root, NULL);
	assert_int_equal(live.status, 0);
	/* setegid, seteuid, open */
	e = live_nth(MW_EV_ACT, live.pid, 2);
	assert_int_equal(e->op, MW_OP_OPEN);
	assert_int_equal(e->hdr.uid, 12346);
}

static void test_candidate_flag(void **state)
{
	(void)state;
	live.tag = MW_SOURCE_CANDIDATE;
	live_run(fork_many, NULL);
	live.tag = MW_SOURCE_OBSERVED;
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < LIVE_N; i++)
		assert_int_equal(live_io((pid_t)live.sh->v[i], MW_DIR_WRITE, 0)->hdr.flags,
				 MW_EVF_CANDIDATE);
}

/*
 * What nobody tagged becomes a candidate by what its fd 0 and 1 are. This sees every process of the
 * machine, so it has a source of its own.
 */
static void watch_exec(struct mw_source *s, int in, int out, bool want)
{
	bool exec = false, ended = false;
	const void *p;
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		execl("/bin/sleep", "sleep", "0.05", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	while (mw_source_next(s, 0, &p) > 0) {
		const struct mw_event_hdr *h = p;

		if (h->tgid != (uint32_t)pid)
			continue;
		if (h->type == MW_EV_EXEC)
			exec = true;
		if (h->type == MW_EV_EXIT)
			ended = true;
		if (h->type != MW_EV_PROC)
			assert_int_equal(h->flags, MW_EVF_CANDIDATE);
	}
	assert_int_equal(exec, want);
	assert_int_equal(ended, want);
	assert_int_equal(mw_source_bpf_tag_of(s, (uint32_t)pid), 0);
}

static void test_watch_execs(void **state)
{
	struct mw_source_bpf_config cfg = { .watch_execs = true };
	int p[2], s[2], null = open("/dev/null", O_RDWR);
	struct mw_source *src;

	(void)state;
	assert_int_equal(mw_source_bpf_new(&cfg, &src), 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	watch_exec(src, p[0], p[1], true);
	watch_exec(src, s[0], s[0], true);
	watch_exec(src, p[0], s[1], true);
	watch_exec(src, null, p[1], false);
	watch_exec(src, p[0], null, false);
	watch_exec(src, null, null, false);
	close(p[0]);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	close(null);
	mw_source_free(src);
}

static int nothing(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	syscall(1023);
	syscall(100000);
	return 0;
}

static void test_other_calls_say_nothing(void **state)
{
	(void)state;
	live_run(nothing, NULL);
	for (size_t i = 0; i < live.n_ev; i++)
		assert_true(live.ev[i]->tgid != (uint32_t)live.pid ||
			    live.ev[i]->type == MW_EV_EXIT);
	assert_int_equal(mw_source_bpf_tag(live.source, 0, 1), -ERANGE);
	assert_int_equal(mw_source_bpf_tag(live.source, 1u << 22, 1), -ERANGE);
}

const struct CMUnitTest live_proc_tests[] = {
	cmocka_unit_test(test_exec), cmocka_unit_test(test_exec_long_argv),
	cmocka_unit_test(test_exec_fails), cmocka_unit_test(test_exec_from_a_thread),
	cmocka_unit_test(test_proc_after_exec), cmocka_unit_test(test_snapshot_of_a_line),
	cmocka_unit_test(test_finish), cmocka_unit_test(test_full_ring),
	cmocka_unit_test(test_ticks), cmocka_unit_test(test_bad_ring),
	cmocka_unit_test(test_not_allowed), cmocka_unit_test(test_fork_inherits),
	cmocka_unit_test(test_threads_are_no_processes), cmocka_unit_test(test_exit_codes),
	cmocka_unit_test(test_leader_leaves_first), cmocka_unit_test(test_effective_uid),
	cmocka_unit_test(test_candidate_flag), cmocka_unit_test(test_watch_execs),
	cmocka_unit_test(test_other_calls_say_nothing),
};
const size_t n_live_proc_tests = sizeof(live_proc_tests) / sizeof(*live_proc_tests);
