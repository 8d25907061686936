/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * proc.h - fork, exec, exit, and what user space asks about a process
 */
#ifndef MW_BPF_PROC_H
#define MW_BPF_PROC_H

#include "chan.h"
#include "filter.h"
#include "path.h"

#define MW_PROC_BODY sizeof(struct mw_ev_proc)

_Static_assert(2 * MW_PATH_MAX + MW_ARGV_MAX < MW_DATA_MAX, "proc data");

static __always_inline bool mw_fd_carries(struct task_struct *task, __s64 fd)
{
	struct file *file = mw_fd_file(task, fd);
	__u16 type;

	if (!file)
		return false;
	type = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	return type == S_IFIFO || type == S_IFSOCK;
}

static __always_inline void mw_fork(struct task_struct *parent, struct task_struct *child)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 tag = mw_tag_of(parent->tgid);
	struct mw_ev_fork *e;

	if (!tag || !s || child->pid != child->tgid)
		return;
	mw_tag_set(child->tgid, tag);
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, parent, MW_EV_FORK, tag);
	e->child_tgid = child->tgid;
	e->child_start_ns = child->start_boottime;
	mw_emit(s, sizeof(*e));
}

/* The argument strings of the new program: as much as is there, up to MW_ARGV_MAX. */
static __always_inline __u32 mw_append_argv(struct mw_scratch *s, __u64 off,
					    struct task_struct *task, __u8 *cut)
{
	__u64 start = task->mm->arg_start, len = task->mm->arg_end - start;

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

static __always_inline void mw_exec(struct task_struct *task)
{
	struct mw_scratch *s = mw_scratch_get();
	__u32 tgid = task->tgid, tag = mw_tag_of(tgid), off;
	struct task_struct *parent = task->real_parent;
	struct mw_ev_proc *e;
	struct file *exe;

	if (!s)
		return;
	if (!tag) {
		if (!cfg_watch_execs || !mw_fd_carries(task, 0) || !mw_fd_carries(task, 1))
			return;
		tag = MW_TAG_CANDIDATE;
		mw_tag_set(tgid, tag);
	}
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_EXEC, tag);
	e->parent_tgid = parent->tgid;
	e->parent_start_ns = parent->group_leader->start_boottime;
	e->gid = task->cred->egid.val;
	e->loginuid = mw_loginuid(task);
	e->audit_session = mw_sessionid(task);
	exe = task->mm->exe_file;
	e->dev = mw_dev(BPF_CORE_READ(exe, f_inode, i_sb, s_dev));
	e->ino = BPF_CORE_READ(exe, f_inode, i_ino);
	e->exe_len = off = mw_append_path(s, MW_PROC_BODY, 0, &exe->f_path, &e->exe_state);
	e->argv_len = mw_append_argv(s, off, task, &e->argv_cut);
	off += e->argv_len;
	e->cwd_len = mw_append_path(s, MW_PROC_BODY, off, &task->fs->pwd, &e->cwd_state);
	mw_emit(s, MW_PROC_BODY + off + e->cwd_len);
}

static __always_inline void mw_exit(struct task_struct *task)
{
	struct mw_scratch *s = mw_scratch_get();
	struct signal_struct *signal = task->signal;
	struct mw_ev_exit *e;
	__u32 tag;

	/* the last thread only. 6.18 hands this in as an argument, 6.1 has none */
	if (!s || !mw_tag_of(task->tgid) || signal->live.counter)
		return;
	tag = mw_tag_take(task->tgid);
	if (!tag)
		return;
	e = (void *)s->ev;
	__builtin_memset(e, 0, sizeof(*e));
	mw_hdr_fill(&e->hdr, task, MW_EV_EXIT, tag);
	e->code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
						      task->group_leader->exit_code;
	mw_emit(s, sizeof(*e));
}

#endif
