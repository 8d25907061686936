/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * iter.h - what user space asks of the kernel's tables: a process, the open pipes and stream
 * sockets
 */
#ifndef MW_BPF_ITER_H
#define MW_BPF_ITER_H

#include "chan.h"

/* The iterators may be preempted, so they have a place of their own; one reads them at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mw_end);
} iter_end SEC(".maps");

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

/* Each open file of each table of files; the kernel leaves out threads that share their leader's.
 */
SEC("iter/task_file")
int mw_file_iter(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct mw_fd_info f = {};
	struct mw_end *end;
	__u32 mode, zero = 0;
	struct sock *sk;

	end = bpf_map_lookup_elem(&iter_end, &zero);
	if (!task || !file || !end)
		return 0;
	mw_end_of(end, file, MW_DIR_WRITE);
	if (!end->kind)
		return 0;
	mode = (__u32)file->f_mode;
	f.readable = !!(mode & FMODE_READ);
	f.writable = !!(mode & FMODE_WRITE);
	f.chan = mw_chan_name(end->key);
	f.ino = end->ino;
	f.tgid = task->tgid;
	f.fd = ctx->fd;
	if (end->kind == MW_CHAN_PIPE) {
		f.is = MW_FD_PIPE;
	} else if (end->kind == MW_CHAN_UNIX) {
		f.is = MW_FD_UNIX;
		f.other = mw_chan_name(end->other);
	} else {
		sk = (void *)end->sk;
		f.is = mw_load(sock, sk, __sk_common.skc_state) == TCP_LISTEN ? MW_FD_LISTEN
									      : MW_FD_TCP;
		f.other = f.chan;
		f.netns = mw_sock_netns(sk);
		mw_sock_addrs(sk, end->family, &f.local, &f.peer);
	}
	bpf_seq_write(ctx->meta->seq, &f, sizeof(f));
	return 0;
}

#endif
