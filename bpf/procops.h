/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * procops.h - calls on processes: signals, tracing, others' memory and files, ids, namespaces
 *
 * Not told: ptrace requests that only look or let go on (a debugger makes them by the thousand),
 * and the signals by which Go (SIGURG) and glibc (32, 33) talk to threads of their own process.
 */
#ifndef MW_BPF_PROCOPS_H
#define MW_BPF_PROCOPS_H

#include "file.h"
#include "pid.h"

/* uapi/asm-generic/signal.h; nptl/internal-signals.h */
#define SIGURG_OF_GO  23
#define SIG_OF_GLIBC  32
#define SIG_OF_GLIBC2 33
/* uapi/linux/prctl.h, sched.h */
#define PR_SET_NO_NEW_PRIVS 38
#define CLONE_NS_OLD	    0x7e020000u /* all CLONE_NEW* but CLONE_NEWTIME */
#define CLONE_NEWTIME	    0x00000080u /* clone(2) has its signal there */
#define NSFS_MAGIC	    0x6e736673

/* Until 6.17 the type of a namespace stood with its operations, later with itself. */
struct ns_common___new {
	__u32 ns_type;
} __attribute__((preserve_access_index));
struct proc_ns_operations___old {
	int type;
} __attribute__((preserve_access_index));

static __always_inline bool mw_signal_is_runtimes(__u32 class, __s32 sig)
{
	return (class == MW_C_TKILL || class == MW_C_TGKILL || class == MW_C_TGSIGQUEUE) &&
	       (sig == SIGURG_OF_GO || sig == SIG_OF_GLIBC || sig == SIG_OF_GLIBC2);
}

/* The group that kill(2)'s number means: its own in the initial namespace, and when its leader
 * started, if there still is one. */
static __always_inline void mw_group_find(struct task_struct *task, __s32 pid, struct mw_target *t)
{
	struct pid *group =
	    pid ? mw_pid_find(task, -pid) : BPF_CORE_READ(task, signal, pids[PIDTYPE_PGID]);

	if (pid == -1 || !group)
		return;
	mw_target_of(group, t);
	t->tgid = mw_pid_number(group, 0);
}

__noinline int mw_proc_kill(__u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	bool thread = class == MW_C_TGKILL || class == MW_C_TGSIGQUEUE;
	struct mw_target t = {};
	struct mw_ev_act *e;
	__s32 pid, sig;

	if (!s)
		return 0;
	pid = s->call.arg[0];
	sig = s->call.arg[thread ? 2 : 1];
	if (class == MW_C_PIDFD_SIGNAL) {
		mw_target_of_file(mw_fd_file(task, pid), &t);
		/* PIDFD_SELF_* (6.14) */
		if (pid < 0 && s->call.ret == 0) {
			t.tgid = task->tgid;
			t.start_ns = mw_start_ns(task);
		}
	} else if (pid > 0) {
		mw_target_find(task, thread ? (__s32)s->call.arg[1] : pid, &t);
		if (!t.tgid && thread)
			mw_target_find(task, pid, &t);
	}
	if (t.tgid == task->tgid && mw_signal_is_runtimes(class, sig))
		return 0;
	e = mw_act_begin(s, MW_OP_KILL);
	if (class == MW_C_PIDFD_SIGNAL)
		e->fd = pid;
	else
		e->num[0] = (__s64)pid;
	e->num[1] = (__s64)sig;
	if (class != MW_C_PIDFD_SIGNAL && pid <= 0)
		mw_group_find(task, pid, &t);
	e->num[2] = t.tgid;
	e->num[3] = t.start_ns;
	return mw_send(MW_ACT_BODY);
}

/* Looks at a process, or lets it go on. */
static __always_inline bool mw_ptrace_is_quiet(__u32 request)
{
	switch (request) {
	case 1 ... 3:		/* PEEKTEXT, PEEKDATA, PEEKUSER */
	case 7:			/* CONT */
	case 9:			/* SINGLESTEP */
	case 12:		/* GETREGS */
	case 14:		/* GETFPREGS */
	case 18:		/* GETFPXREGS */
	case 24:		/* SYSCALL */
	case 25:		/* GET_THREAD_AREA */
	case 31 ... 33:		/* SYSEMU, SYSEMU_SINGLESTEP, SINGLEBLOCK */
	case 0x4200 ... 0x4202: /* SETOPTIONS, GETEVENTMSG, GETSIGINFO */
	case 0x4204:		/* GETREGSET */
	case 0x4207 ... 0x420a: /* INTERRUPT, LISTEN, PEEKSIGINFO, GETSIGMASK */
	case 0x420c ... 0x420f: /* SECCOMP_GET_FILTER to GET_RSEQ_CONFIGURATION */
	case 0x4211:		/* GET_SYSCALL_USER_DISPATCH_CONFIG */
		return true;
	}
	return false;
}

__noinline int mw_proc_ptrace(void)
{
	struct task_struct *task = bpf_get_current_task_btf(), *parent;
	struct mw_scratch *s = mw_scratch_get();
	struct mw_target t = {};
	struct mw_ev_act *e;

	if (!s || mw_ptrace_is_quiet(s->call.arg[0]))
		return 0;
	e = mw_act_begin(s, MW_OP_PTRACE);
	e->num[0] = s->call.arg[0];
	if (e->num[0] == 0) { /* TRACEME: the parent it is that traces */
		parent = BPF_CORE_READ(task, real_parent);
		t.tgid = BPF_CORE_READ(parent, tgid);
		t.start_ns = BPF_CORE_READ(parent, group_leader, start_boottime);
	} else {
		e->num[1] = (__s64)(__s32)s->call.arg[1];
		mw_target_find(task, s->call.arg[1], &t);
	}
	e->num[2] = t.tgid;
	e->num[3] = t.start_ns;
	return mw_send(MW_ACT_BODY);
}

__noinline int mw_proc_vm(__u32 class)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_target t = {};
	struct mw_ev_act *e;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_VM);
	e->flags = class == MW_C_VM_WRITE;
	e->num[1] = (__s64)(__s32)s->call.arg[0];
	mw_target_find(task, s->call.arg[0], &t);
	e->num[2] = t.tgid;
	e->num[3] = t.start_ns;
	return mw_send(MW_ACT_BODY);
}

/* setgroups(2): how many, and the first three. The oldest of i386 has ids of 16 bits. */
static __always_inline void mw_groups_load(struct mw_scratch *s, struct mw_ev_act *e)
{
	bool is16 = s->call.compat && s->call.nr == 81;
	__u32 v[3] = {}, n = s->call.arg[0] < 3 ? s->call.arg[0] : 3;
	__u16 v16[3] = {};

	e->num[0] = (__s64)(__s32)s->call.arg[0];
	n *= is16 ? sizeof(*v16) : sizeof(*v);
	asm volatile("" : "+r"(n));
	if (n == 0 || n > sizeof(v))
		return;
	if (is16) {
		if (n <= sizeof(v16) && !bpf_probe_read_user(v16, n, (void *)s->call.arg[1]))
			for (int i = 0; i < 3; i++)
				e->num[i + 1] = v16[i];
	} else if (!bpf_probe_read_user(v, n, (void *)s->call.arg[1])) {
		for (int i = 0; i < 3; i++)
			e->num[i + 1] = v[i];
	}
}

/* capset(2), of 64 bits each: effective, permitted, inheritable; and the pid it names. */
static __always_inline void mw_caps_load(struct mw_scratch *s, struct mw_ev_act *e)
{
	__u32 head[2] = {}, data[6] = {};

	bpf_probe_read_user(head, sizeof(head), (void *)s->call.arg[0]);
	bpf_probe_read_user(data, sizeof(data), (void *)s->call.arg[1]);
	for (int i = 0; i < 3; i++)
		e->num[i] = data[i] | (__u64)data[i + 3] << 32;
	e->num[3] = head[1];
}

__noinline int mw_proc_setid(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;

	if (!s || (class == MW_C_PRCTL && (__u32)s->call.arg[0] != PR_SET_NO_NEW_PRIVS))
		return 0;
	e = mw_act_begin(s, MW_OP_SETID);
	if (class == MW_C_PRCTL) {
		e->flags = 1;
	} else if (class == MW_C_SETGROUPS) {
		mw_groups_load(s, e);
	} else if (class == MW_C_CAPSET) {
		mw_caps_load(s, e);
	} else {
		for (int i = 0; i < 3; i++)
			e->num[i] = (__u32)s->call.arg[i];
	}
	return mw_send(MW_ACT_BODY);
}

__noinline int mw_proc_memfd(void)
{
	struct mw_scratch *s = mw_scratch_get();
	bool cut = false;
	struct mw_ev_act *e;
	__u32 off = 0;
	__s64 n;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_MEMFD);
	e->flags = s->call.arg[1];
	if (s->call.ret >= 0)
		off = mw_act_opened(s, s->call.ret);
	n = mw_str_load(s, s->call.arg[0], &cut);
	e->asked_cut = cut;
	if (n > 0)
		e->asked_len = mw_append_str(MW_ACT_BODY, off, n, 0);
	return mw_send(MW_ACT_BODY + off + e->asked_len);
}

__noinline int mw_proc_pidfd_getfd(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct mw_target t = {};
	struct mw_ev_act *e;
	__u32 off = 0;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_PIDFD_GETFD);
	mw_target_of_file(mw_fd_file(task, (__s32)s->call.arg[0]), &t);
	e->num[0] = t.tgid;
	e->num[1] = (__s64)(__s32)s->call.arg[1];
	e->num[3] = t.start_ns;
	if (s->call.ret >= 0)
		off = mw_act_opened(s, s->call.ret);
	return mw_send(MW_ACT_BODY + off);
}

/* --- namespaces ------------------------------------------------------------------------------ */

__noinline int mw_proc_clone(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 mask = class == MW_C_CLONE ? CLONE_NS_OLD : CLONE_NS_OLD | CLONE_NEWTIME;
	struct mw_ev_act *e;
	__u64 flags;

	if (!s)
		return 0;
	flags = s->call.arg[0];
	/* the child comes by here too: that it is there is told by its parent */
	if (class != MW_C_UNSHARE && s->call.ret == 0)
		return 0;
	if (class == MW_C_CLONE3) {
		/* struct clone_args begins with its flags */
		flags = 0;
		bpf_probe_read_user(&flags, sizeof(flags), (void *)s->call.arg[0]);
	}
	if (!(flags & mask))
		return 0;
	e = mw_act_begin(s, MW_OP_NS);
	e->num[0] = flags & mask;
	return mw_send(MW_ACT_BODY);
}

__noinline int mw_proc_setns(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	struct ns_common___new *ns_new;
	struct proc_ns_operations___old *ops;
	struct mw_target t = {};
	struct ns_common *ns;
	struct mw_ev_act *e;
	struct inode *inode;
	struct file *file;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_NS);
	e->fd = s->call.arg[0];
	e->num[0] = (__u32)s->call.arg[1];
	file = mw_fd_file(task, e->fd);
	inode = BPF_CORE_READ(file, f_inode);
	if (file && BPF_CORE_READ(inode, i_sb, s_magic) == NSFS_MAGIC) {
		ns = BPF_CORE_READ(inode, i_private);
		e->num[1] = BPF_CORE_READ(ns, inum);
		ns_new = (void *)ns;
		ops = (void *)BPF_CORE_READ(ns, ops);
		if (bpf_core_field_exists(ns_new->ns_type))
			e->num[2] = BPF_CORE_READ(ns_new, ns_type);
		else
			e->num[2] = BPF_CORE_READ(ops, type);
	} else if (file) {
		mw_target_of_file(file, &t);
		e->num[3] = t.tgid;
	}
	return mw_send(MW_ACT_BODY);
}

static __always_inline int mw_procops(__u32 class)
{
	switch (class) {
	case MW_C_KILL ... MW_C_PIDFD_SIGNAL:
		return mw_proc_kill(class);
	case MW_C_PTRACE:
		return mw_proc_ptrace();
	case MW_C_VM_READ:
	case MW_C_VM_WRITE:
		return mw_proc_vm(class);
	case MW_C_SETID ... MW_C_PRCTL:
		return mw_proc_setid(class);
	case MW_C_MEMFD:
		return mw_proc_memfd();
	case MW_C_PIDFD_GETFD:
		return mw_proc_pidfd_getfd();
	case MW_C_SETNS:
		return mw_proc_setns();
	default:
		return mw_proc_clone(class);
	}
}

#endif
