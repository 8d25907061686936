/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * path.h - the path of a dentry and its mount, walked upwards
 *
 * The walk ends at the daemon's own root directory (a container or a chroot may be its world) or at
 * the top of the mount namespace. What ends elsewhere has no path: pipes, sockets, memfds and
 * anonymous inodes stand below no mount, and get only their d_name. A path whose namespace is not
 * that of the process (an fd inherited from outside a container) is said to be cut: it is not an
 * absolute path of the process.
 */
#ifndef MW_BPF_PATH_H
#define MW_BPF_PATH_H

#include "emit.h"

/* The deepest path walked. A path of MW_PATH_MAX could have 2048 components. */
#define MW_WALK_MAX 512

/* The memory of a walk: `w` and the bytes of the path, MW_PATH_MAX + 256 of them. */
static __always_inline bool mw_walk_prepend(struct mw_walk *w, __u8 *walk, bool slash)
{
	struct dentry *d = w->dentry;
	const unsigned char *name = BPF_CORE_READ(d, d_name.name);
	__u64 len = BPF_CORE_READ(d, d_name.len), pos = w->pos;

	asm volatile("" : "+r"(len));
	if (len > 255)
		len = 255; /* NAME_MAX; only made-up names are longer */
	if (pos < len + 1)
		return false;
	pos -= len + 1;
	asm volatile("" : "+r"(pos));
	if (pos >= MW_PATH_MAX)
		return false;
	walk[pos] = '/';
	bpf_probe_read_kernel(&walk[pos + 1], len, name);
	w->pos = slash ? pos : pos + 1;
	return true;
}

static __always_inline __u32 mw_walk_end(struct mount *m, bool own_root)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mnt_namespace *ns = BPF_CORE_READ(m, mnt_ns);

	/* NULL: taken off its namespace; an error pointer: a mount of the kernel's own */
	if (!ns || (__u64)ns >= -4095ul)
		return own_root ? MW_PATH_FULL : MW_PATH_NAME;
	return ns == BPF_CORE_READ(task, nsproxy, mnt_ns) ? MW_PATH_FULL : MW_PATH_CUT;
}

/* One step up; 1 at the end. */
static __always_inline long mw_walk_up(struct mw_walk *w, __u8 *walk)
{
	struct mount *m = w->mnt, *parent_mnt;
	struct dentry *d = w->dentry, *parent;
	bool own = (__u64)d == own_root_dentry &&
		   (__u64)m + bpf_core_field_offset(struct mount, mnt) == own_root_mnt;

	if (own || d == BPF_CORE_READ(m, mnt.mnt_root)) {
		parent_mnt = BPF_CORE_READ(m, mnt_parent);
		if (own || parent_mnt == m || !parent_mnt) {
			w->state = mw_walk_end(m, own);
			return 1;
		}
		w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		w->mnt = parent_mnt;
		return 0;
	}
	parent = BPF_CORE_READ(d, d_parent);
	if (parent == d || !parent) {
		w->state = MW_PATH_NAME;
		return 1;
	}
	if (!mw_walk_prepend(w, walk, true))
		return 1; /* longer than we take: stays MW_PATH_CUT */
	w->dentry = parent;
	return 0;
}

static __always_inline void mw_walk_begin(struct mw_walk *w, __u64 vfsmount, __u64 dentry)
{
	w->pos = MW_PATH_MAX;
	w->state = MW_PATH_CUT;
	w->mnt = mw_real_mount((void *)vfsmount);
	w->dentry = (void *)dentry;
}

/* What is left to be said of a walk from `first` that has come to its end. */
static __always_inline void mw_walk_finish(struct mw_walk *w, __u8 *walk, struct dentry *first)
{
	if (w->state == MW_PATH_NAME) {
		w->pos = MW_PATH_MAX;
		w->dentry = first;
		mw_walk_prepend(w, walk, false);
	} else if (w->state == MW_PATH_FULL && w->pos == MW_PATH_MAX) {
		w->pos = MW_PATH_MAX - 1;
		walk[MW_PATH_MAX - 1] = '/';
	}
	/* an unhashed dentry has lost its name; roots never had one */
	if (w->state == MW_PATH_FULL && !BPF_CORE_READ(first, d_hash.pprev) &&
	    BPF_CORE_READ(first, d_parent) != first)
		w->state = MW_PATH_DELETED;
}

static long mw_walk_step(__u32 i, void *unused)
{
	struct mw_scratch *s = mw_scratch_get();

	return s ? mw_walk_up(&s->w, s->walk) : 1;
}

/*
 * Walks from a struct vfsmount and dentry; the result stands in the scratch, in walk[w.pos] up to
 * MW_PATH_MAX, with its worth in w.state. Global, so that the verifier looks at it once.
 */
__noinline int mw_walk_path(__u64 vfsmount, __u64 dentry)
{
	struct mw_scratch *s = mw_scratch_get();

	if (!s)
		return 0;
	s->w.pos = MW_PATH_MAX;
	s->w.state = MW_PATH_NONE;
	if (!vfsmount || !dentry)
		return 0;
	mw_walk_begin(&s->w, vfsmount, dentry);
	bpf_loop(MW_WALK_MAX, mw_walk_step, NULL, 0);
	mw_walk_finish(&s->w, s->walk, (void *)dentry);
	return 0;
}

/* Appends the path of `p` behind a body; sets its state and returns its length. */
static __always_inline __u32 mw_append_path(struct mw_scratch *s, __u32 body, __u64 off,
					    const struct path *p, __u8 *state)
{
	mw_walk_path((__u64)BPF_CORE_READ(p, mnt), (__u64)BPF_CORE_READ(p, dentry));
	*state = s->w.state;
	return mw_append_walk(body, off);
}

#endif
