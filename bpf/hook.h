/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * hook.h - what unlink, rmdir and rename really act on, where the kernel allows fentry
 *
 * Between a path's string and the end of its call another thread may change the string, or what it
 * leads to. security_path_* are handed the dentry itself, with its mount; they do not differ from
 * 4.0 to 6.18. What they see waits in a slot of the thread for the end of the call. A program at
 * fentry can be preempted: it has no scratch but its slot.
 */
#ifndef MW_BPF_HOOK_H
#define MW_BPF_HOOK_H

#include "filter.h"
#include "path.h"

struct mw_hooked {
	__u64 dev, ino;
	__u32 mode;
	__u32 which; /* the walk at work */
	struct mw_walk w[2];
	__u8 walk[2][MW_PATH_MAX + 256];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256); /* threads in such a call at once; 1 where nothing is hooked */
	__type(key, __u32);	  /* tid */
	__type(value, struct mw_hooked);
} hooked SEC(".maps");

/* What a slot is made of: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mw_hooked);
} hooked_empty SEC(".maps");

static __always_inline struct mw_hooked *mw_hooked_get(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&hooked, &tid);
}

static long mw_hook_step(__u32 i, void *unused)
{
	struct mw_hooked *h = mw_hooked_get();

	if (!h)
		return 1;
	return h->which ? mw_walk_up(&h->w[1], h->walk[1]) : mw_walk_up(&h->w[0], h->walk[0]);
}

/* The path of `dentry` in the mount that `dir` is in, as the first or second name of the call. */
static __always_inline void mw_hook_walk(struct mw_hooked *h, const struct path *dir,
					 struct dentry *dentry, bool second)
{
	__u64 mnt = (__u64)BPF_CORE_READ(dir, mnt);

	h->which = second;
	mw_walk_begin(&h->w[second], mnt, (__u64)dentry);
	bpf_loop(MW_WALK_MAX, mw_hook_step, NULL, 0);
	mw_walk_finish(&h->w[second], h->walk[second], dentry);
}

/* A slot for what the current thread is about to do; NULL: it is not watched, or in no such call.
 */
static __always_inline struct mw_hooked *mw_hook_begin(struct dentry *dentry)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0, class, tid = task->pid;
	struct mw_hooked *h, *empty;
	struct inode *inode;
	bool compat, narrow;
	__u64 nr;

	if (!(mw_tag_of(task->tgid) & MW_TAG_WHOLE))
		return NULL;
	/* io_uring's way here has no end of ours that would take the slot */
	mw_call_number(task, (void *)bpf_task_pt_regs(task), &nr, &compat, &narrow);
	class = mw_call_class(nr, compat);
	if (class < MW_C_UNLINK || class > MW_C_RENAMEAT)
		return NULL;
	empty = bpf_map_lookup_elem(&hooked_empty, &zero);
	if (!empty || bpf_map_update_elem(&hooked, &tid, empty, BPF_ANY)) {
		mw_count(lost_table, 1);
		return NULL;
	}
	h = bpf_map_lookup_elem(&hooked, &tid);
	if (!h)
		return NULL;
	inode = BPF_CORE_READ(dentry, d_inode);
	h->ino = BPF_CORE_READ(inode, i_ino);
	h->dev = mw_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	h->mode = BPF_CORE_READ(inode, i_mode);
	return h;
}

static __always_inline void mw_hook_one(const struct path *dir, struct dentry *dentry)
{
	struct mw_hooked *h = mw_hook_begin(dentry);

	if (h)
		mw_hook_walk(h, dir, dentry, false);
}

static __always_inline void mw_hook_two(const struct path *dir, struct dentry *dentry,
					const struct path *dir2, struct dentry *dentry2)
{
	struct mw_hooked *h = mw_hook_begin(dentry);

	if (!h)
		return;
	mw_hook_walk(h, dir, dentry, false);
	mw_hook_walk(h, dir2, dentry2, true);
}

#endif
