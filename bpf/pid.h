/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * pid.h - which process a number or a pidfd means
 *
 * Numbers are those of the caller's pid namespace. Its table is walked as the kernel's own
 * find_pid_ns() does (an xarray: lib/xarray.c, xas_load), as no helper is there before 6.2; what is
 * found must bear the number that was looked for. All is read when the call has ended: what was
 * killed and reaped by then is not found.
 */
#ifndef MW_BPF_PID_H
#define MW_BPF_PID_H

#include "maps.h"
#include "compat.h"

#define XA_CHUNK_SHIFT 6
#define XA_CHUNK_MASK  63
#define XA_LEVELS      6 /* of 6 bits each: an index of 32 */

struct mw_target {
	__u64 start_ns;
	__u32 tgid; /* in the initial namespace; 0: not found */
};

static __always_inline __s32 mw_pid_number(struct pid *pid, __u32 level)
{
	__u64 at = (__u64)pid + bpf_core_field_offset(struct pid, numbers) +
		   (level & 31) * sizeof(struct upid);

	return BPF_CORE_READ((struct upid *)at, nr);
}

static __always_inline struct pid *mw_pid_find(struct task_struct *task, __u32 nr)
{
	struct pid *own = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(own, level), shift;
	__u64 at = (__u64)own + bpf_core_field_offset(struct pid, numbers) +
		   (level & 31) * sizeof(struct upid);
	struct pid_namespace *ns = BPF_CORE_READ((struct upid *)at, ns);
	__u64 entry = (__u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head);

	for (int i = 0; i < XA_LEVELS; i++) {
		/* the two lowest bits of an inner node's entry are 10 */
		if ((entry & 3) != 2)
			break;
		entry -= 2;
		shift = BPF_CORE_READ((struct xa_node *)entry, shift) & 31;
		if (i == 0 && nr >> shift > XA_CHUNK_MASK)
			return NULL;
		at = entry + bpf_core_field_offset(struct xa_node, slots) +
		     (nr >> shift & XA_CHUNK_MASK) * sizeof(void *);
		entry = 0;
		bpf_probe_read_kernel(&entry, sizeof(entry), (void *)at);
	}
	if (!entry || entry & 3 || mw_pid_number((void *)entry, level) != (__s32)nr)
		return NULL;
	return (void *)entry;
}

/* A thread's number stands for its process. */
static __always_inline void mw_target_of(struct pid *pid, struct mw_target *t)
{
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
	struct task_struct *task;

	if (!pid || !first)
		return;
	task = (void *)first - bpf_core_field_offset(struct task_struct, pid_links);
	if (BPF_CORE_READ(task, thread_pid) != pid)
		return;
	t->tgid = BPF_CORE_READ(task, tgid);
	t->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
}

static __always_inline void mw_target_find(struct task_struct *task, __s32 nr, struct mw_target *t)
{
	if (nr > 0)
		mw_target_of(mw_pid_find(task, nr), t);
}

/*
 * The pid stands in the file until 6.8, in its inode (pidfs) from 6.9 on; a directory of /proc will
 * do as well (pidfd_send_signal). What is none fails the test of mw_target_of.
 */
static __always_inline void mw_target_of_file(struct file *file, struct mw_target *t)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct proc_inode *proc;

	mw_target_of(BPF_CORE_READ(file, private_data), t);
	if (!t->tgid)
		mw_target_of(BPF_CORE_READ(inode, i_private), t);
	if (!t->tgid && BPF_CORE_READ(inode, i_sb, s_magic) == PROC_SUPER_MAGIC) {
		proc = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
		mw_target_of(BPF_CORE_READ(proc, pid), t);
	}
}

#endif
