/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_procops.c - signals, tracing, others' memory and files, ids, namespaces */
#include "live.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define NOBODY 4194303 /* PID_MAX_LIMIT - 1: hardly anybody */

static int64_t result(long r)
{
	return r < 0 ? -errno : r;
}

/* By the 32-bit entry. */
static int64_t call32(long nr, unsigned long a, unsigned long b, unsigned long c)
{
	long r;

	asm volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return (int32_t)r;
}

/* The n-th act of a kind by any process of the test. */
static const struct mw_ev_act *act_of(pid_t pid, uint16_t op, size_t n)
{
	const struct mw_ev_act *e;

	for (size_t i = 0; (e = live_nth(MW_EV_ACT, pid, i)); i++)
		if (e->op == op && n-- == 0)
			return e;
	return NULL;
}

/* A child that does nothing until it is killed. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void bury(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* --- signals --------------------------------------------------------------------------------- */

static int send_signals(void *arg)
{
	int64_t *v = live.sh->v;
	siginfo_t info = { .si_code = SI_QUEUE };
	int pidfd, self = getpid();
	pid_t t;

	(void)arg;
	signal(SIGUSR1, SIG_IGN);
	setpgid(0, 0);
	t = sleeper();
	pidfd = (int)syscall(SYS_pidfd_open, t, 0);
	info.si_signo = SIGUSR1;
	info.si_pid = self;
	v[0] = t;
	v[1] = getpgrp();
	v[2] = pidfd;
	v[10] = result(kill(t, SIGUSR1));
	v[11] = result(syscall(SYS_tkill, t, SIGUSR1));
	v[12] = result(syscall(SYS_tgkill, t, t, SIGUSR1));
	v[13] = result(syscall(SYS_rt_sigqueueinfo, t, SIGUSR1, &info));
	v[14] = result(syscall(SYS_rt_tgsigqueueinfo, t, t, SIGUSR1, &info));
	v[15] = result(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
	v[16] = result(kill(t, 0));
	v[17] = result(kill(0, 0));
	v[18] = result(kill(-getpgrp(), 0));
	v[19] = result(kill(NOBODY, SIGUSR1));
	v[20] = result(kill(t, 99));
	v[21] = result(syscall(SYS_pidfd_send_signal, 99, SIGUSR1, NULL, 0));
	v[22] = result(kill(-1, 0));
	v[23] = call32(37, (unsigned long)t, SIGUSR1, 0);
	v[24] = result(kill(self, SIGUSR1));
	/* not told: how Go and glibc speak to their own threads */
	signal(SIGURG, SIG_IGN);
	syscall(SYS_tgkill, self, self, SIGURG);
	bury(t);
	return 0;
}

static void test_kill(void **state)
{
	static const struct {
		int sysno, to, signal, found, ret;
	} want[] = {
		/* to: 0 the target, 1 none (pidfd), else as given. found: 1 the target, 2 the
		 * group, which the sender leads, 3 the sender */
		{ SYS_kill, 0, SIGUSR1, 1, 0 },
		{ SYS_tkill, 0, SIGUSR1, 1, 0 },
		{ SYS_tgkill, 0, SIGUSR1, 1, 0 },
		{ SYS_rt_sigqueueinfo, 0, SIGUSR1, 1, 0 },
		{ SYS_rt_tgsigqueueinfo, 0, SIGUSR1, 1, 0 },
		{ SYS_pidfd_send_signal, 1, SIGUSR1, 1, 0 },
		{ SYS_kill, 0, 0, 1, 0 },
		{ SYS_kill, 2, 0, 2, 0 },
		{ SYS_kill, 3, 0, 2, 0 },
		{ SYS_kill, 4, SIGUSR1, 0, -ESRCH },
		{ SYS_kill, 0, 99, 1, -EINVAL },
		{ SYS_pidfd_send_signal, 5, SIGUSR1, 0, -EBADF },
		{ SYS_kill, 6, 0, 0, 0 },
		{ 37, 0, SIGUSR1, 1, 0 },
		{ SYS_kill, 7, SIGUSR1, 3, 0 },
	};
	const size_t n = sizeof(want) / sizeof(*want);

	(void)state;
	live_run(send_signals, NULL);
	assert_int_equal(live.status, 0);
	/* and the end of the target */
	assert_int_equal(live_count_act(MW_OP_KILL), n + 1);
	for (size_t i = 0; i < n; i++) {
		struct live_act a = live_act(MW_OP_KILL, i);
		const int64_t *v = live.sh->v;
		const int64_t given[] = { v[0], 0, 0, -v[1], NOBODY, 0, -1, live.pid };
		const int64_t found[] = { 0, v[0], v[1], live.pid };

		assert_int_equal(a.e->sysno, want[i].sysno);
		assert_int_equal(!!(a.e->hdr.flags & MW_EVF_COMPAT), want[i].sysno == 37);
		assert_int_equal(a.e->ret, want[i].ret);
		assert_int_equal(a.e->ret, v[10 + i]);
		assert_int_equal((int64_t)a.e->num[0], given[want[i].to]);
		assert_int_equal(a.e->num[1], want[i].signal);
		assert_int_equal(a.e->num[2], found[want[i].found]);
		if (want[i].found == 1)
			assert_true(a.e->num[3] > a.e->hdr.start_ns &&
				    a.e->num[3] < a.e->hdr.ts_ns);
		else
			assert_int_equal(a.e->num[3], want[i].found ? a.e->hdr.start_ns : 0);
		assert_int_equal(a.e->fd, want[i].to == 1 ? v[2] : want[i].to == 5 ? 99 : -1);
		assert_true(a.e->mntns != 0);
		live_act_done(&a);
	}
}

/* In a pid namespace of its own 1 is another process than outside. */
static int signal_inside(void *arg)
{
	pid_t pid, first;
	int status;

	(void)arg;
	if (unshare(CLONE_NEWPID))
		return 1;
	first = fork();
	if (first == 0) {
		pid = fork();
		if (pid == 0)
			for (;;)
				pause();
		if (pid != 2 || kill(2, 0) || kill(1, 0))
			_exit(1);
		bury(pid);
		_exit(0);
	}
	live.sh->v[0] = first;
	return waitpid(first, &status, 0) != first || status;
}

static void test_kill_in_pid_namespace(void **state)
{
	const struct mw_ev_fork *f;
	const struct mw_ev_act *e;
	pid_t first;

	(void)state;
	live_run(signal_inside, NULL);
	assert_int_equal(live.status, 0);
	first = (pid_t)live.sh->v[0];
	f = live_nth(MW_EV_FORK, first, 0);
	assert_non_null(f);
	e = act_of(first, MW_OP_KILL, 0);
	assert_non_null(e);
	assert_int_equal(e->num[0], 2);
	assert_int_equal(e->num[2], f->child_tgid);
	assert_int_equal(e->num[3], f->child_start_ns);
	e = act_of(first, MW_OP_KILL, 1);
	assert_non_null(e);
	assert_int_equal(e->num[0], 1);
	assert_int_equal(e->num[2], first);
	assert_int_equal(e->num[3], e->hdr.start_ns);
}

/* --- tracing --------------------------------------------------------------------------------- */

static long word;

static int trace(void *arg)
{
	int status;
	pid_t t, own;

	(void)arg;
	t = sleeper();
	live.sh->v[0] = t;
	live.sh->v[1] = result(ptrace(PTRACE_ATTACH, t, NULL, NULL));
	if (live.sh->v[1])
		return 100; /* forbidden here */
	waitpid(t, &status, __WALL);
	ptrace(PTRACE_PEEKDATA, t, &word, NULL);
	live.sh->v[2] = result(ptrace(PTRACE_POKEDATA, t, &word, 7L));
	live.sh->v[3] = result(ptrace(PTRACE_DETACH, t, NULL, NULL));
	live.sh->v[4] = result(ptrace(PTRACE_SEIZE, NOBODY, NULL, NULL));
	bury(t);
	own = fork();
	if (own == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 1 : 0);
	live.sh->v[5] = own;
	waitpid(own, &status, 0);
	return status ? 1 : 0;
}

static void test_ptrace(void **state)
{
	static const int want[] = { PTRACE_ATTACH, PTRACE_POKEDATA, PTRACE_DETACH, PTRACE_SEIZE };
	const struct mw_ev_act *e;

	(void)state;
	live_run(trace, NULL);
	if (live.status == 100 << 8)
		skip();
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_PTRACE), 4);
	for (size_t i = 0; i < 4; i++) {
		struct live_act a = live_act(MW_OP_PTRACE, i);

		assert_int_equal(a.e->sysno, SYS_ptrace);
		assert_int_equal(a.e->num[0], want[i]);
		assert_int_equal(a.e->num[1], i == 3 ? NOBODY : live.sh->v[0]);
		assert_int_equal(a.e->num[2], i == 3 ? 0 : live.sh->v[0]);
		assert_int_equal(a.e->num[3] > a.e->hdr.start_ns, i != 3);
		assert_int_equal(a.e->ret, i == 3 ? -ESRCH : 0);
		assert_int_equal(a.e->ret, live.sh->v[i + 1]);
		live_act_done(&a);
	}
	e = act_of((pid_t)live.sh->v[5], MW_OP_PTRACE, 0);
	assert_non_null(e);
	assert_int_equal(e->num[0], PTRACE_TRACEME);
	assert_int_equal(e->num[2], live.pid);
	assert_int_equal(e->ret, 0);
}

static int touch_memory(void *arg)
{
	static char here[64], there[64];
	struct iovec l = { here, 23 }, r = { there, 23 };
	pid_t t = sleeper();

	(void)arg;
	live.sh->v[0] = t;
	live.sh->v[1] = result(process_vm_readv(t, &l, 1, &r, 1, 0));
	l.iov_len = 7;
	live.sh->v[2] = result(process_vm_writev(t, &l, 1, &r, 1, 0));
	live.sh->v[3] = result(process_vm_readv(NOBODY, &l, 1, &r, 1, 0));
	bury(t);
	return 0;
}

static void test_vm(void **state)
{
	(void)state;
	live_run(touch_memory, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_VM), 3);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(MW_OP_VM, i);

		assert_int_equal(a.e->sysno, i == 1 ? SYS_process_vm_writev : SYS_process_vm_readv);
		assert_int_equal(a.e->flags, i == 1);
		assert_int_equal(a.e->num[1], i == 2 ? NOBODY : live.sh->v[0]);
		assert_int_equal(a.e->num[2], i == 2 ? 0 : live.sh->v[0]);
		assert_int_equal(a.e->ret, live.sh->v[i + 1]);
		live_act_done(&a);
	}
	assert_int_equal(live.sh->v[1], 23);
	assert_int_equal(live.sh->v[3], -ESRCH);
}

/* --- ids ------------------------------------------------------------------------------------- */

#define SAME 0xffffffffu

static const struct {
	int nr, n;
	uint64_t arg[3];
} ids[] = {
	{ SYS_setuid, 1, { 0 } },
	{ SYS_setgid, 1, { 0 } },
	{ SYS_setreuid, 2, { 0, SAME } },
	{ SYS_setregid, 2, { SAME, 0 } },
	{ SYS_setresuid, 3, { 0, SAME, 0 } },
	{ SYS_setresgid, 3, { SAME, SAME, SAME } },
	{ SYS_setfsuid, 1, { 0 } },
	{ SYS_setfsgid, 1, { 0 } },
};
#define N_IDS (sizeof(ids) / sizeof(*ids))

static int set_ids(void *arg)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	gid_t groups[4] = { 5, 6, 7, 8 };

	(void)arg;
	for (size_t i = 0; i < N_IDS; i++)
		live.sh->v[i] = syscall(ids[i].nr, ids[i].arg[0], ids[i].arg[1], ids[i].arg[2]);
	syscall(SYS_setgroups, 4, groups);
	syscall(SYS_setgroups, 70000, groups);
	if (syscall(SYS_capget, &head, data))
		return 1;
	memcpy(live.sh->text, data, sizeof(data));
	if (syscall(SYS_capset, &head, data))
		return 2;
	call32(23, 0, 0, 0);
	call32(164, 0xffff, 0xffff, 0xffff);
	prctl(PR_SET_NAME, "other");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 3;
	if (setresuid(65534, 65534, 65534))
		return 4;
	return syscall(SYS_setuid, 0) != -1 || errno != EPERM;
}

static void test_setid(void **state)
{
	const struct mw_ev_act *e;
	struct live_act a;
	uint32_t caps[6];

	(void)state;
	live_run(set_ids, NULL);
	assert_int_equal(live.status, 0);
	for (size_t i = 0; i < N_IDS; i++) {
		a = live_act(MW_OP_SETID, i);
		assert_int_equal(a.e->sysno, ids[i].nr);
		for (int k = 0; k < ids[i].n; k++)
			assert_int_equal(a.e->num[k], ids[i].arg[k]);
		assert_int_equal(a.e->ret, live.sh->v[i]);
		assert_int_equal(a.e->flags, 0);
		live_act_done(&a);
	}
	for (size_t i = 0; i < 2; i++) {
		a = live_act(MW_OP_SETID, N_IDS + i);
		assert_int_equal(a.e->sysno, SYS_setgroups);
		assert_int_equal(a.e->num[0], i ? 70000 : 4);
		for (uint64_t k = 0; k < 3; k++)
			assert_int_equal(a.e->num[1 + k], 5 + k);
		assert_int_equal(a.e->ret, i ? -EINVAL : 0);
		live_act_done(&a);
	}
	a = live_act(MW_OP_SETID, N_IDS + 2);
	assert_int_equal(a.e->sysno, SYS_capset);
	memcpy(caps, live.sh->text, sizeof(caps));
	for (int k = 0; k < 3; k++)
		assert_int_equal(a.e->num[k], caps[k] | (uint64_t)caps[k + 3] << 32);
	assert_true(a.e->num[0] != 0);
	live_act_done(&a);
	a = live_act(MW_OP_SETID, N_IDS + 3);
	assert_int_equal(a.e->sysno, 23);
	assert_true(a.e->hdr.flags & MW_EVF_COMPAT);
	assert_int_equal(a.e->num[0], 0);
	live_act_done(&a);
	a = live_act(MW_OP_SETID, N_IDS + 4);
	assert_int_equal(a.e->sysno, 164);
	assert_int_equal(a.e->num[2], 0xffff);
	live_act_done(&a);
	a = live_act(MW_OP_SETID, N_IDS + 5);
	assert_int_equal(a.e->sysno, SYS_prctl);
	assert_int_equal(a.e->flags, 1);
	assert_int_equal(a.e->ret, 0);
	live_act_done(&a);
	e = act_of(live.pid, MW_OP_SETID, N_IDS + 7);
	assert_non_null(e);
	assert_int_equal(e->sysno, SYS_setuid);
	assert_int_equal(e->ret, -EPERM);
	assert_int_equal(e->hdr.uid, 65534);
	assert_null(act_of(live.pid, MW_OP_SETID, N_IDS + 8));
}

/* --- files without a path, and others' ------------------------------------------------------- */

static int make_memfd(void *arg)
{
	/* on the stack: the kernel refuses the flags before it has read the name, and a page that nobody
	 * has touched is not there for us either */
	char other[] = "other";
	struct stat st;

	(void)arg;
	live.sh->v[0] = memfd_create("a name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fstat((int)live.sh->v[0], &st))
		return 1;
	live.sh->v[1] = (int64_t)st.st_ino;
	live.sh->v[2] = result(memfd_create(other, 0x800));
	live.sh->v[3] = result(syscall(SYS_memfd_create, 8, 0));
	return 0;
}

static void test_memfd(void **state)
{
	struct live_act a;

	(void)state;
	live_run(make_memfd, NULL);
	assert_int_equal(live.status, 0);
	a = live_act(MW_OP_MEMFD, 0);
	assert_int_equal(a.e->ret, live.sh->v[0]);
	assert_int_equal(a.e->fd, live.sh->v[0]);
	assert_int_equal(a.e->ino, live.sh->v[1]);
	assert_int_equal(a.e->flags, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_string_equal(a.path, "memfd:a name");
	assert_int_equal(a.e->path_state, MW_PATH_NAME);
	assert_string_equal(a.asked, "a name");
	assert_true(a.e->file != 0);
	live_act_done(&a);
	a = live_act(MW_OP_MEMFD, 1);
	assert_int_equal(a.e->ret, -EINVAL);
	assert_string_equal(a.asked, "other");
	assert_string_equal(a.path, "");
	assert_int_equal(a.e->fd, -1);
	live_act_done(&a);
	a = live_act(MW_OP_MEMFD, 2);
	assert_int_equal(a.e->ret, -EFAULT);
	assert_int_equal(a.e->asked_cut, 1);
	live_act_done(&a);
	assert_int_equal(live_count_act(MW_OP_MEMFD), 3);
}

static int take_fd(void *arg)
{
	int fd = open("/dev/zero", O_RDONLY), pidfd;
	pid_t t = sleeper();

	(void)arg;
	pidfd = (int)syscall(SYS_pidfd_open, t, 0);
	live.sh->v[0] = t;
	live.sh->v[1] = fd;
	live.sh->v[2] = result(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
	live.sh->v[3] = result(syscall(SYS_pidfd_getfd, pidfd, 999, 0));
	live.sh->v[4] = result(syscall(SYS_pidfd_getfd, 99, fd, 0));
	bury(t);
	return 0;
}

static void test_pidfd_getfd(void **state)
{
	(void)state;
	live_run(take_fd, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_PIDFD_GETFD), 3);
	assert_true(live.sh->v[2] >= 0);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(MW_OP_PIDFD_GETFD, i);

		assert_int_equal(a.e->ret, i ? -EBADF : live.sh->v[2]);
		assert_int_equal(a.e->ret, live.sh->v[2 + i]);
		assert_int_equal(a.e->num[0], i == 2 ? 0 : live.sh->v[0]);
		assert_int_equal(a.e->num[1], i == 1 ? 999 : live.sh->v[1]);
		assert_int_equal(a.e->num[3] > a.e->hdr.start_ns, i != 2);
		assert_int_equal(a.e->fd, i ? -1 : live.sh->v[2]);
		assert_string_equal(a.path, i ? "" : "/dev/zero");
		live_act_done(&a);
	}
}

/* --- namespaces ------------------------------------------------------------------------------ */

static int change_namespaces(void *arg)
{
	uint64_t args[11] = { CLONE_NEWUTS | CLONE_NEWIPC, [4] = SIGCHLD };
	int64_t *v = live.sh->v;
	struct stat st;
	pid_t t, pid;
	int fd, status, pidfd;

	(void)arg;
	t = sleeper();
	pidfd = (int)syscall(SYS_pidfd_open, t, 0);
	fd = open("/proc/self/ns/uts", O_RDONLY);
	if (fstat(fd, &st))
		return 1;
	v[0] = (int64_t)st.st_ino;
	v[1] = fd;
	v[2] = t;
	v[3] = pidfd;
	v[10] = result(unshare(CLONE_NEWUTS | CLONE_NEWNET));
	unshare(CLONE_FILES); /* no namespace */
	v[11] = result(setns(fd, CLONE_NEWUTS));
	v[12] = result(setns(99, 0));
	v[13] = result(setns(pidfd, CLONE_NEWUTS));
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	v[14] = pid;
	pid = (pid_t)syscall(SYS_clone3, args, sizeof(args));
	if (pid == 0)
		_exit(0);
	v[15] = pid;
	v[16] = result(unshare(CLONE_NEWTIME | 0x7));
	bury(t);
	while (wait(&status) > 0)
		;
	return 0;
}

static void test_namespaces(void **state)
{
	const int64_t *v = live.sh->v;
	const struct {
		int sysno;
		uint64_t flags, ino, type, tgid;
	} want[] = {
		{ SYS_unshare, CLONE_NEWUTS | CLONE_NEWNET, 0, 0, 0 },
		{ SYS_setns, CLONE_NEWUTS, 1, CLONE_NEWUTS, 0 },
		{ SYS_setns, 0, 0, 0, 0 },
		{ SYS_setns, CLONE_NEWUTS, 0, 0, 1 },
		{ SYS_clone, CLONE_NEWUTS, 0, 0, 0 },
		{ SYS_clone3, CLONE_NEWUTS | CLONE_NEWIPC, 0, 0, 0 },
		{ SYS_unshare, CLONE_NEWTIME, 0, 0, 0 },
	};

	(void)state;
	live_run(change_namespaces, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_NS), 7);
	for (size_t i = 0; i < 7; i++) {
		struct live_act a = live_act(MW_OP_NS, i);

		assert_int_equal(a.e->sysno, want[i].sysno);
		assert_int_equal(a.e->ret, v[10 + i]);
		assert_int_equal(a.e->num[0], want[i].flags);
		assert_int_equal(a.e->num[1], want[i].ino ? v[0] : 0);
		assert_int_equal(a.e->num[2], want[i].type);
		assert_int_equal(a.e->num[3], want[i].tgid ? v[2] : 0);
		assert_int_equal(a.e->fd, i == 1 ? v[1] : i == 2 ? 99 : i == 3 ? v[3] : -1);
		live_act_done(&a);
	}
	assert_int_equal(v[10], 0);
	assert_int_equal(v[11], 0);
	assert_int_equal(v[12], -EBADF);
	assert_int_equal(v[16], -EINVAL);
}

const struct CMUnitTest live_procop_tests[] = {
	cmocka_unit_test(test_kill),	    cmocka_unit_test(test_kill_in_pid_namespace),
	cmocka_unit_test(test_ptrace),	    cmocka_unit_test(test_vm),
	cmocka_unit_test(test_setid),	    cmocka_unit_test(test_memfd),
	cmocka_unit_test(test_pidfd_getfd), cmocka_unit_test(test_namespaces),
};
const size_t n_live_procop_tests = sizeof(live_procop_tests) / sizeof(*live_procop_tests);
