/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * mcpwatch.bpf.c - the programs
 *
 * Everything hangs on the end of system calls and on the life of processes; nothing is kept between
 * the begin and the end of a call. A process without a tag leaves at the first test. `tp_btf` loads
 * from 5.5 on, also where fentry, lsm and kprobes are refused; bpf_loop makes it 5.17.
 */
#include "maps.h"
#include "compat.h"
#include "filter.h"
#include "emit.h"
#include "path.h"
#include "chan.h"
#include "io.h"
#include "file.h"
#include "net.h"
#include "proc.h"

/* -ERESTARTSYS .. -ERESTART_RESTARTBLOCK: the call goes on, its end comes later */
#define MW_RESTART_FIRST (-516)
#define MW_RESTART_LAST (-512)

static __always_inline int mw_dispatch(__u32 class)
{
	switch (class) {
	case MW_C_OPEN:
	case MW_C_OPENAT:
	case MW_C_OPENAT2:
	case MW_C_CREAT:
		return mw_file_open(class);
	case MW_C_UNLINK:
	case MW_C_UNLINKAT:
	case MW_C_RMDIR:
		return mw_file_unlink(class);
	case MW_C_RENAME:
	case MW_C_RENAMEAT:
		return mw_file_rename(class);
	case MW_C_CONNECT:
		return mw_net_connect(class);
	case MW_C_EXECVE:
	case MW_C_EXECVEAT:
		return mw_file_exec_failed(class);
	case MW_C_SPLICE:
	case MW_C_SENDFILE:
	case MW_C_TEE:
		return mw_io_move(class);
	default:
		return mw_io_read_write(class);
	}
}

SEC("tp_btf/sys_exit")
int BPF_PROG(mw_sys_exit, struct pt_regs *regs, long ret)
{
	__u32 tag = mw_tag_of(bpf_get_current_pid_tgid() >> 32), class;
	struct task_struct *task;
	struct mw_scratch *s;
	bool compat, narrow;
	__u64 nr;

	if (!tag)
		return 0;
	task = bpf_get_current_task_btf();
	mw_call_number(task, regs, &nr, &compat, &narrow);
	class = mw_call_class(nr, compat);
	if (class == MW_C_NONE)
		return 0;
	s = mw_scratch_get();
	if (!s)
		return 0;
	mw_call_args(regs, compat, s->call.arg);
	if (class == MW_C_SOCKETCALL)
		class = mw_socketcall(&s->call);
	if (class == MW_C_NONE || (class <= MW_C_IO_LAST && ret <= 0) ||
	    (ret >= MW_RESTART_FIRST && ret <= MW_RESTART_LAST))
		return 0;
	s->call.ret = ret;
	s->call.nr = nr;
	s->call.class = class;
	s->call.tag = tag;
	s->call.compat = compat;
	s->call.narrow = narrow;
	return mw_dispatch(class);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(mw_sched_fork, struct task_struct *parent, struct task_struct *child)
{
	mw_fork(parent, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(mw_sched_exec, struct task_struct *task)
{
	mw_exec(task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(mw_sched_exit, struct task_struct *task)
{
	mw_exit(task);
	return 0;
}

static __always_inline void mw_sock_changed(struct sock *sk, int oldstate, int newstate)
{
	if (oldstate != TCP_SYN_SENT && oldstate != TCP_SYN_RECV)
		return;
	/* closed without an error: it was the process that gave up */
	if (newstate == TCP_ESTABLISHED)
		mw_connect_end(sk, 0);
	else if (newstate == TCP_CLOSE)
		mw_connect_end(sk, sk->sk_err ? sk->sk_err : ECONNABORTED);
}

/*
 * Two programs for one thing: a program does not run on top of itself, and softirq that interrupts it
 * may bring the ends of a whole batch of connects. What one of the two misses so, the other does.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(mw_sock_state, struct sock *sk, int oldstate, int newstate)
{
	if (newstate != TCP_SYN_SENT)
		mw_sock_changed(sk, oldstate, newstate);
	else if (sk->sk_protocol == IPPROTO_TCP && mw_tag_of(bpf_get_current_pid_tgid() >> 32))
		mw_connect_begin(sk);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(mw_sock_state_2, struct sock *sk, int oldstate, int newstate)
{
	mw_sock_changed(sk, oldstate, newstate);
	return 0;
}

/* --- asked by user space, run in its context --------------------------------------------------- */

/* Remembers the caller's root directory; tells it its pid as we see it. */
SEC("syscall")
int mw_init(struct mw_init_arg *arg)
{
	struct task_struct *task = bpf_get_current_task_btf();

	own_root_mnt = (__u64)BPF_CORE_READ(task, fs, root.mnt);
	own_root_dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	arg->tgid = bpf_get_current_pid_tgid() >> 32;
	return 0;
}

/* In place, as an update from user space would undo offsets that moved meanwhile. */
SEC("syscall")
int mw_chan_decide(struct mw_decide *arg)
{
	__u64 key = arg->chan ^ cfg_secret;
	struct mw_chan *c = bpf_map_lookup_elem(&chans, &key);

	if (!c || c->gen != arg->gen)
		return 1;
	c->verdict = arg->verdict;
	return 0;
}

/* Exact facts about one process, where /proc rounds its start to clock ticks. */
SEC("iter/task")
int mw_task_iter(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *parent;
	struct mw_task_info t = {};
	struct file *exe;

	/* from 6.2 on the iterator itself goes to that one only */
	if (!task || task->pid != task->tgid || task->tgid != wanted_tgid)
		return 0;
	parent = task->real_parent;
	t.tgid = task->tgid;
	t.start_ns = task->start_boottime;
	t.parent_tgid = parent->tgid;
	t.parent_start_ns = parent->group_leader->start_boottime;
	t.uid = task->cred->euid.val;
	t.gid = task->cred->egid.val;
	t.loginuid = mw_loginuid(task);
	t.audit_session = mw_sessionid(task);
	t.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	exe = BPF_CORE_READ(task, mm, exe_file);
	if (exe) {
		t.dev = mw_dev(BPF_CORE_READ(exe, f_inode, i_sb, s_dev));
		t.ino = BPF_CORE_READ(exe, f_inode, i_ino);
	}
	bpf_seq_write(ctx->meta->seq, &t, sizeof(t));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
