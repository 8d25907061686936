/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * proc.h - fork, exec, exit, and what user space asks about a process
 */
#ifndef MW_BPF_PROC_H
#define MW_BPF_PROC_H

#include "chan.h"
#include "filter.h"
#include "openfile.h"
#include "path.h"
#include "tcp.h"
#include "uring.h"

#define MW_PROC_BODY sizeof(struct mw_ev_proc)

_Static_assert(2 * MW_PATH_MAX + MW_ARGV_MAX < MW_DATA_MAX, "proc data");

/* So many of the first fds are looked at for a listening socket at exec. */
#define MW_FDS_LISTEN 16

/* The channel that `fd` carries in direction `dir`: 0 none. Leaves its end in the scratch. */
static __noinline __u64 mw_fd_chan(struct mw_scratch *s, struct task_struct *task, __s32 fd,
				   __u32 dir)
{
	struct file *file = mw_fd_file(task, fd);

	s->end.kind = 0;
	if (file)
		mw_end_of(&s->end, file, dir);
	return s->end.kind ? s->end.key : 0;
}

static __always_inline bool mw_fd_is_pipe_or_socket(struct task_struct *task, __s64 fd)
{
	struct file *file = mw_fd_file(task, fd);
	__u16 type;

	if (!file)
		return false;
	type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	return type == S_IFIFO || type == S_IFSOCK;
}

/* Whether an fd of the current process is a listening socket. Global: it is asked in a loop. */
__noinline int mw_fd_listens(__u32 fd)
{
	struct file *file = mw_fd_file(bpf_get_current_task_btf(), fd);
	struct socket *sock;
	struct sock *sk;
	__u16 family;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	sock = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(sock, sk);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	/* unix sockets use the same number for the same state */
	return family == AF_INET || family == AF_INET6;
}

/*
 * A process made by fork has its parent's memory and so its runtime, from its first system call on.
 * Where the table is full user space says so (src/io/runtimes.h).
 */
static __always_inline void mw_fork_runtime(struct task_struct *parent, struct task_struct *child)
{
	__u32 of = parent->tgid, tgid = child->tgid;
	struct mw_runtime *rt = bpf_map_lookup_elem(&runtimes, &of);

	if (!rt || rt->start_ns != mw_start_ns(parent) ||
	    bpf_map_update_elem(&runtimes, &tgid, rt, BPF_ANY))
		return;
	rt = bpf_map_lookup_elem(&runtimes, &tgid);
	if (rt)
		rt->start_ns = child->start_boottime;
}

static __always_inline void mw_runtime_drop(__u32 tgid)
{
	bpf_map_delete_elem(&runtimes, &tgid);
}

static __always_inline void mw_fork(struct task_struct *parent, struct task_struct *child)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 tag = mw_tag_of(parent->tgid);
	struct mw_ev_fork *e;

	if (!tag || !s)
		return;
	if (child->pid != child->tgid) {
		mw_epoch_begin();
		return;
	}
	tag &= ~MW_TAG_STREAM;
	mw_tag_add(child->tgid, tag);
	if (!(tag & MW_TAG_WHOLE))
		return;
	s->wake = 0;
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, parent, MW_EV_FORK, mw_tag_flags(tag));
	mw_task_fill(s, parent);
	mw_fork_runtime(parent, child);
	e->child_tgid = child->tgid;
	e->child_start_ns = child->start_boottime;
	mw_send(sizeof(*e));
}

/* The argument strings of the new program: as much as is there, up to MW_ARGV_MAX. */
static __always_inline __u32 mw_append_argv(struct mw_scratch *s, __u64 off,
					    struct task_struct *task, __u8 *cut)
{
	struct mm_struct *mm = mw_as(task_struct, task)->mm;
	__u64 start = mm->arg_start, len = mm->arg_end - start;

	*cut = len > MW_ARGV_MAX;
	asm volatile("" : "+r"(len));
	if (len > MW_ARGV_MAX)
		len = MW_ARGV_MAX;
	asm volatile("" : "+r"(off));
	if (off >= MW_DATA_MAX || len == 0)
		return 0;
	if (!bpf_probe_read_user(&s->ev[MW_PROC_BODY + off], len, (void *)start))
		return len;
	/* the strings were just written: only their first page is sure to be worth another try */
	*cut = 1;
	len = PAGE_LEN - (start & (PAGE_LEN - 1));
	asm volatile("" : "+r"(len));
	if (len == 0 || len > PAGE_LEN ||
	    bpf_probe_read_user(&s->ev[MW_PROC_BODY + off], len, (void *)start))
		return 0;
	return len;
}

/* Whether the new program listens: a socket of it went on, or came by socket activation. */
static __always_inline __u32 mw_exec_listens(struct task_struct *task, __u32 tag)
{
	if (!(tag & MW_TAG_LISTENER) && !cfg_watch_execs)
		return tag;
	for (int fd = 0; fd < MW_FDS_LISTEN; fd++) {
		if (!mw_fd_listens(fd))
			continue;
		if (!(tag & MW_TAG_LISTENER))
			mw_tag_add(task->tgid, MW_TAG_LISTENER);
		return tag | MW_TAG_LISTENER;
	}
	if (tag & MW_TAG_LISTENER)
		mw_tag_clear(task->tgid, MW_TAG_LISTENER);
	return tag & ~MW_TAG_LISTENER;
}

/* Both channels have an entry from the first byte on, and who started it is seen on them. */
static __always_inline void mw_exec_candidate(struct mw_scratch *s, struct task_struct *task)
{
	__u32 parent = mw_as(task_struct, task)->real_parent->tgid;

	mw_tag_add(task->tgid, MW_TAG_CANDIDATE);
	if (mw_fd_chan(s, task, 0, MW_DIR_READ))
		mw_chan_entry(&s->end.key, s->end.ino);
	if (mw_fd_chan(s, task, 1, MW_DIR_WRITE))
		mw_chan_entry(&s->end.key, s->end.ino);
	if (!(mw_tag_of(parent) & MW_TAG_WHOLE))
		mw_tag_add(parent, MW_TAG_STREAM);
}

static __always_inline void mw_exec(struct task_struct *task)
{
	struct mw_scratch *s = mw_scratch_get();
	struct task_struct *t = mw_as(task_struct, task), *parent = t->real_parent;
	__u32 tag = mw_exec_listens(task, mw_tag_of(task->tgid)), off;
	struct mw_ev_proc *e;
	struct file *exe;

	if (!s)
		return;
	mw_runtime_drop(task->tgid);
	if (!(tag & MW_TAG_WHOLE)) {
		if (!cfg_watch_execs || task->tgid == cfg_own_tgid ||
		    !mw_fd_is_pipe_or_socket(task, 0) || !mw_fd_is_pipe_or_socket(task, 1))
			return;
		tag |= MW_TAG_CANDIDATE;
		mw_exec_candidate(s, task);
	}
	mw_task_forget(s);
	mw_fds_over(s, task, tag, MW_CLOSED_EXEC);
	s->wake = 0;
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_EXEC, mw_tag_flags(tag));
	e->parent_tgid = parent->tgid;
	e->parent_start_ns = mw_start_ns(parent);
	e->gid = t->cred->egid.val;
	e->loginuid = mw_loginuid(task);
	e->audit_session = mw_sessionid(task);
	exe = t->mm->exe_file;
	e->dev = mw_dev(BPF_CORE_READ(exe, f_inode, i_sb, s_dev));
	e->ino = BPF_CORE_READ(exe, f_inode, i_ino);
	e->chan_in = mw_chan_name(mw_fd_chan(s, task, 0, MW_DIR_READ));
	e->chan_out = mw_chan_name(mw_fd_chan(s, task, 1, MW_DIR_WRITE));
	e->exe_len = off = mw_append_path(s, MW_PROC_BODY, 0, &exe->f_path, &e->exe_state);
	e->argv_len = mw_append_argv(s, off, task, &e->argv_cut);
	off += e->argv_len;
	e->cwd_len = mw_append_path(s, MW_PROC_BODY, off, &t->fs->pwd, &e->cwd_state);
	mw_send(MW_PROC_BODY + off + e->cwd_len);
}

static __always_inline void mw_exit(struct task_struct *task)
{
	struct mw_scratch *s = mw_scratch_get();
	struct task_struct *t = mw_as(task_struct, task);
	struct signal_struct *signal = t->signal;
	struct mw_ev_exit *e;
	__u32 tag;

	/* the last thread only. 6.18 hands this in as an argument, 6.1 has none */
	if (!s || !mw_tag_of(task->tgid) || signal->live.counter)
		return;
	tag = mw_tag_clear(task->tgid, 0xff);
	mw_runtime_drop(task->tgid);
	if (!(tag & (MW_TAG_WHOLE | MW_TAG_STREAM)))
		return;
	if (tag & MW_TAG_WHOLE) {
		s->call.tag = tag;
		mw_uring_exit(s, task);
		bpf_loop(MW_FDS_EXIT, mw_exit_fd, NULL, 0);
	}
	mw_task_forget(s);
	mw_fds_over(s, task, tag, MW_CLOSED_EXIT);
	s->wake = 0;
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_EXIT,
		    tag & MW_TAG_WHOLE ? mw_tag_flags(tag) : MW_EVF_STREAM);
	e->code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
						      t->group_leader->exit_code;
	mw_send(sizeof(*e));
}

#endif
