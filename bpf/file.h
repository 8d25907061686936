/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * file.h - calls that name files: open, unlink, rmdir, rename, and an exec that failed
 *
 * What was opened is told from the file itself, what was unlinked or renamed from the dentry where
 * the kernel allows it (hook.h). The strings are those that stand in user memory when the call
 * ends: another thread may have changed them, so they prove nothing about the object. Where they
 * are all there is, they are read again and again for a while: who swaps two of them, so that one
 * is acted on and the other one read, is seen to do so.
 */
#ifndef MW_BPF_FILE_H
#define MW_BPF_FILE_H

#include "hook.h"
#include "openfile.h"

/* The string at `user` into s->str; its length, or -1 if it cannot be read. */
static __always_inline __s64 mw_str_load(struct mw_scratch *s, __u64 user, bool *cut)
{
	long n = bpf_probe_read_user_str(s->str, MW_PATH_MAX + 1, (void *)user);

	*cut = n < 0 || n > MW_PATH_MAX;
	return n < 0 ? -1 : n - 1;
}

/* How often a string is read again: some microseconds, in which who swaps two paths does so. */
#define MW_STR_AGAIN 12

struct mw_str_again {
	__u64 user;
	__u64 len; /* with its NUL */
	__u64 differs;
};

static long mw_str_step(__u32 i, void *ctx)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_str_again *a = ctx;
	__u64 off = i * 8ull, bits;

	asm volatile("" : "+r"(off));
	if (!s || off > MW_PATH_MAX - 8)
		return 1;
	bits = *(__u64 *)(s->str + off) ^ *(__u64 *)(s->walk + off);
	if (a->len - off < 8)
		bits <<= 8 * (8 - (a->len - off)); /* what stands behind is of others */
	a->differs |= bits;
	return bits != 0;
}

static long mw_str_read(__u32 i, void *ctx)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_str_again *a = ctx;
	long n;

	if (!s)
		return 1;
	n = bpf_probe_read_user_str(s->walk, MW_PATH_MAX + 1, (void *)a->user);
	if (n < 0)
		return 1;
	if (n != a->len)
		a->differs = 1;
	else
		bpf_loop((n + 7) / 8, mw_str_step, a, 0);
	return a->differs != 0;
}

/*
 * Whether the string at `user`, of which s->str has `len` bytes with the NUL, becomes another one.
 * While its call is in the kernel nobody has a reason to change it. Global, so that the verifier
 * looks at it once.
 */
__noinline int mw_str_changes(__u64 user, __u32 len)
{
	struct mw_str_again a = { .user = user, .len = len };

	bpf_loop(MW_STR_AGAIN, mw_str_read, &a, 0);
	return a.differs != 0;
}

/* A string that is no path, or that nothing is to be put before. Returns its length. */
static __always_inline __u32 mw_act_string(struct mw_scratch *s, __u32 off, __u64 user)
{
	struct mw_ev_act *e = (void *)s->ev;
	bool cut = false;
	__s64 n = mw_str_load(s, user, &cut);

	if (cut)
		e->asked_cut |= MW_ASKED_CUT;
	return n > 0 ? mw_append_str(MW_ACT_BODY, off, n, 0) : 0;
}

/*
 * A name as the caller gave it, with the directory it is relative to before it. Returns how many
 * bytes both take. Global, as mw_send.
 */
__noinline int mw_act_name(__u32 off, __s32 dirfd, __u64 user, __u32 second)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_scratch *s = mw_scratch_get();
	__u32 base_len = 0, asked_len = 0;
	__u8 state = MW_PATH_NONE;
	struct mw_ev_act *e;
	bool cut = false;
	__s64 n;

	if (!s)
		return 0;
	e = (void *)s->ev;
	n = mw_str_load(s, user, &cut);
	if (n >= 0 && s->str[0] != '/') {
		struct file *dir;

		if (dirfd == AT_FDCWD) {
			base_len = mw_append_path(s, MW_ACT_BODY, off, &mw_as(task_struct, task)->fs->pwd, &state);
		} else {
			dir = mw_fd_file(task, dirfd);
			if (dir)
				base_len = mw_append_path(s, MW_ACT_BODY, off, &dir->f_path,
							  &state);
		}
	}
	if (n > 0)
		asked_len = mw_append_str(MW_ACT_BODY, off + base_len, n, 0);
	if (second) {
		e->base2_len = base_len;
		e->base2_state = state;
		e->asked2_len = asked_len;
	} else {
		e->base_len = base_len;
		e->base_state = state;
		e->asked_len = asked_len;
	}
	if (cut)
		e->asked_cut |= MW_ASKED_CUT;
	else if (!e->path_from && e->op != MW_OP_OPEN && mw_str_changes(user, n + 1))
		e->asked_cut |= MW_ASKED_CHANGED;
	return base_len + asked_len;
}

/* The object behind the new fd. Returns the length of its path. */
static __always_inline __u32 mw_act_opened(struct mw_scratch *s, __s64 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_ev_act *e = (void *)s->ev;

	e->fd = fd;
	return mw_act_file(mw_number(s, mw_fd_file(task, fd)), 1);
}

/* One of the two names that were hooked, at `off`. */
static __always_inline __u32 mw_act_walked(struct mw_scratch *s, __u32 off, const struct mw_walk *w,
					   const __u8 *walk, __u8 *state)
{
	__u64 pos = w->pos;

	*state = w->state;
	asm volatile("" : "+r"(pos));
	if (pos >= MW_PATH_MAX)
		return 0;
	return mw_append(s, MW_ACT_BODY, off, MW_PATH_MAX - pos, walk + pos);
}

/* What the hooks saw of the call that ends; the length of its path. */
static __always_inline __u32 mw_act_hooked(struct mw_scratch *s, const struct mw_hooked *h)
{
	struct mw_ev_act *e = (void *)s->ev;

	if (!h)
		return 0;
	e->ino = h->ino;
	e->dev = h->dev;
	e->mode = h->mode;
	e->path_from = 1;
	e->path_len = mw_act_walked(s, 0, &h->w[0], h->walk[0], &e->path_state);
	return e->path_len;
}

static __always_inline void mw_act_unhook(struct mw_hooked *h)
{
	__u32 tid = bpf_get_current_pid_tgid();

	if (h)
		bpf_map_delete_elem(&hooked, &tid);
}

__noinline int mw_file_open(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	__s32 dirfd = AT_FDCWD;
	__u64 name, flags;
	__u32 off = 0;

	if (!s)
		return 0;
	if (s->call.ret >= 0)
		mw_fd_closed(s->call.ret); /* what had this fd before, if its close was not seen */
	e = mw_act_begin(s, MW_OP_OPEN);
	name = s->call.arg[0];
	flags = s->call.arg[1];
	if (class == MW_C_CREAT)
		flags = O_CREAT_WRONLY_TRUNC;
	if (class == MW_C_OPENAT || class == MW_C_OPENAT2) {
		dirfd = s->call.arg[0];
		name = s->call.arg[1];
		flags = s->call.arg[2];
	}
	if (class == MW_C_OPENAT2) {
		/* struct open_how begins with its flags */
		flags = 0;
		bpf_probe_read_user(&flags, sizeof(flags), (void *)s->call.arg[2]);
	}
	if (class == MW_C_OPEN_HANDLE)
		flags = s->call.arg[2];
	e->flags = flags;
	if (s->call.ret >= 0)
		off = mw_act_opened(s, s->call.ret);
	if (class != MW_C_OPEN_HANDLE) /* which has no name, the file alone */
		off += mw_act_name(off, dirfd, name, false);
	return mw_send(MW_ACT_BODY + off);
}

__noinline int mw_file_unlink(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	struct mw_hooked *h = cfg_hooks ? mw_hooked_get() : NULL;
	bool at = class == MW_C_UNLINKAT;
	__u32 off;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_UNLINK);
	if (at)
		e->flags = s->call.arg[2];
	if (class == MW_C_RMDIR || e->flags & AT_REMOVEDIR)
		e->op = MW_OP_RMDIR;
	off = mw_act_hooked(s, h);
	mw_act_unhook(h);
	off += mw_act_name(off, at ? (__s32)s->call.arg[0] : AT_FDCWD, s->call.arg[at], false);
	return mw_send(MW_ACT_BODY + off);
}

__noinline int mw_file_rename(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	struct mw_hooked *h = cfg_hooks ? mw_hooked_get() : NULL;
	bool at = class == MW_C_RENAMEAT;
	__u32 off, len;

	if (!s)
		return 0;
	e = mw_act_begin(s, MW_OP_RENAME);
	if (at && mw_is_renameat2(&s->call))
		e->flags = s->call.arg[4];
	off = mw_act_hooked(s, h);
	off += mw_act_name(off, at ? (__s32)s->call.arg[0] : AT_FDCWD, s->call.arg[at ? 1 : 0],
			   false);
	if (h) {
		e->base2_len = mw_act_walked(s, off, &h->w[1], h->walk[1], &e->base2_state);
		off += e->base2_len;
		/* the second name as it was asked for, without what it is relative to */
		len = mw_act_string(s, off, s->call.arg[at ? 3 : 1]);
		e->asked2_len = len;
		off += len;
	} else {
		off += mw_act_name(off, at ? (__s32)s->call.arg[2] : AT_FDCWD,
				   s->call.arg[at ? 3 : 1], true);
	}
	mw_act_unhook(h);
	return mw_send(MW_ACT_BODY + off);
}

__noinline int mw_file_exec_failed(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	struct mw_ev_act *e;
	bool at = class == MW_C_EXECVEAT;
	__u32 off;

	if (!s || s->call.ret >= 0)
		return 0;
	e = mw_act_begin(s, MW_OP_EXEC);
	if (at)
		e->flags = s->call.arg[4];
	off = mw_act_name(0, at ? (__s32)s->call.arg[0] : AT_FDCWD, s->call.arg[at], false);
	return mw_send(MW_ACT_BODY + off);
}

#endif
