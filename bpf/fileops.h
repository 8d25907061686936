/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * fileops.h - calls that change what a file is: size, names, mode, owner, times, attributes, mounts
 *
 * They differ in where their arguments stand, so a table says that, and one function makes the
 * event. A call on an fd, or on "" with AT_EMPTY_PATH, has the kernel's own file as its object; a
 * call on a path has only the string.
 */
#ifndef MW_BPF_FILEOPS_H
#define MW_BPF_FILEOPS_H

#include "file.h"

/* Which argument it is, from 1; 0: it has none. */
struct mw_shape {
	__u8 op;
	__u8 fd;	  /* of the object */
	__u8 dir, name;	  /* the first name; dir 0: relative to cwd */
	__u8 dir2, name2; /* the second one */
	__u8 raw;	  /* bit 0, 1: the first, second name is a string and no path */
	__u8 flags, mode;
	__u8 num[2];
	__u8 empty; /* name may be "" or NULL: the object is `dir`. The argument with the flags that
		     * say so, or MW_EMPTY_NULL */
};
#define MW_EMPTY_NULL 7 /* no flags: only NULL means the fd */

static const struct mw_shape mw_shapes[MW_C_N_FILE] = {
#define SHAPE(class, ...) [MW_C_##class - MW_C_FILE_FIRST] = { __VA_ARGS__ }
	SHAPE(TRUNCATE, .op = MW_OP_TRUNCATE, .name = 1, .num = { 2 }),
	SHAPE(FTRUNCATE, .op = MW_OP_TRUNCATE, .fd = 1, .num = { 2 }),
	SHAPE(TRUNCATE64, .op = MW_OP_TRUNCATE, .name = 1),
	SHAPE(FTRUNCATE64, .op = MW_OP_TRUNCATE, .fd = 1),
	SHAPE(FALLOCATE, .op = MW_OP_TRUNCATE, .fd = 1, .flags = 2, .num = { 4, 3 }),
	SHAPE(MKDIR, .op = MW_OP_MKDIR, .name = 1, .mode = 2),
	SHAPE(MKDIRAT, .op = MW_OP_MKDIR, .dir = 1, .name = 2, .mode = 3),
	SHAPE(MKNOD, .op = MW_OP_MKNOD, .name = 1, .mode = 2, .num = { 3 }),
	SHAPE(MKNODAT, .op = MW_OP_MKNOD, .dir = 1, .name = 2, .mode = 3, .num = { 4 }),
	SHAPE(LINK, .op = MW_OP_LINK, .name = 1, .name2 = 2),
	SHAPE(LINKAT, .op = MW_OP_LINK, .dir = 1, .name = 2, .dir2 = 3, .name2 = 4, .flags = 5,
	      .empty = 5),
	SHAPE(SYMLINK, .op = MW_OP_SYMLINK, .name = 1, .name2 = 2, .raw = 1),
	SHAPE(SYMLINKAT, .op = MW_OP_SYMLINK, .name = 1, .dir2 = 2, .name2 = 3, .raw = 1),
	SHAPE(CHMOD, .op = MW_OP_CHMOD, .name = 1, .mode = 2),
	SHAPE(FCHMOD, .op = MW_OP_CHMOD, .fd = 1, .mode = 2),
	SHAPE(FCHMODAT, .op = MW_OP_CHMOD, .dir = 1, .name = 2, .mode = 3),
	SHAPE(FCHMODAT2, .op = MW_OP_CHMOD, .dir = 1, .name = 2, .mode = 3, .flags = 4, .empty = 4),
	SHAPE(CHOWN, .op = MW_OP_CHOWN, .name = 1, .num = { 2, 3 }),
	SHAPE(FCHOWN, .op = MW_OP_CHOWN, .fd = 1, .num = { 2, 3 }),
	SHAPE(FCHOWNAT, .op = MW_OP_CHOWN, .dir = 1, .name = 2, .num = { 3, 4 }, .flags = 5,
	      .empty = 5),
	SHAPE(CHOWN16, .op = MW_OP_CHOWN, .name = 1, .num = { 2, 3 }),
	SHAPE(FCHOWN16, .op = MW_OP_CHOWN, .fd = 1, .num = { 2, 3 }),
	SHAPE(UTIME, .op = MW_OP_UTIMES, .name = 1),
	SHAPE(FUTIMESAT, .op = MW_OP_UTIMES, .dir = 1, .name = 2, .empty = MW_EMPTY_NULL),
	SHAPE(UTIMENSAT, .op = MW_OP_UTIMES, .dir = 1, .name = 2, .flags = 4, .empty = 4),
	SHAPE(SETXATTR, .op = MW_OP_XATTR, .name = 1, .name2 = 2, .raw = 2),
	SHAPE(FSETXATTR, .op = MW_OP_XATTR, .fd = 1, .name2 = 2, .raw = 2),
	SHAPE(SETXATTRAT, .op = MW_OP_XATTR, .dir = 1, .name = 2, .name2 = 4, .raw = 2, .empty = 3),
	SHAPE(REMOVEXATTR, .op = MW_OP_XATTR, .name = 1, .name2 = 2, .raw = 2),
	SHAPE(FREMOVEXATTR, .op = MW_OP_XATTR, .fd = 1, .name2 = 2, .raw = 2),
	SHAPE(REMOVEXATTRAT, .op = MW_OP_XATTR, .dir = 1, .name = 2, .name2 = 4, .raw = 2,
	      .empty = 3),
	SHAPE(MOUNT, .op = MW_OP_MOUNT, .name = 2, .name2 = 1, .raw = 2, .num = { 4 }),
	SHAPE(MOVE_MOUNT, .op = MW_OP_MOUNT, .dir = 3, .name = 4, .dir2 = 1, .name2 = 2, .flags = 5,
	      .empty = 5),
	SHAPE(UMOUNT, .op = MW_OP_UMOUNT, .name = 1),
	SHAPE(UMOUNT2, .op = MW_OP_UMOUNT, .name = 1, .flags = 2),
#undef SHAPE
};

static __always_inline __u64 mw_arg(const struct mw_scratch *s, __u64 which)
{
	asm volatile("" : "+r"(which));
	return which && which <= 6 ? s->call.arg[which - 1] : 0;
}

/* What some calls pass otherwise than the table can say. */
static __always_inline void mw_file_op_odd(struct mw_scratch *s, struct mw_ev_act *e, __u32 class)
{
	const __u64 *arg = s->call.arg;

	switch (class) {
	case MW_C_TRUNCATE:
	case MW_C_FTRUNCATE:
		if (s->call.compat)
			e->num[0] = (__s64)(__s32)e->num[0];
		break;
	case MW_C_TRUNCATE64:
	case MW_C_FTRUNCATE64:
		e->num[0] = (__u32)arg[1] | arg[2] << 32;
		break;
	case MW_C_FALLOCATE:
		e->num[2] = 1;
		if (s->call.compat) {
			e->num[0] = (__u32)arg[4] | arg[5] << 32;
			e->num[1] = (__u32)arg[2] | arg[3] << 32;
		}
		break;
	case MW_C_MKNOD:
	case MW_C_MKNODAT: /* as the kernel's new_decode_dev() */
		e->num[0] =
		    (e->num[0] & 0xfff00) << 24 | (e->num[0] & 0xff) | (e->num[0] >> 12 & 0xfff00);
		break;
	case MW_C_CHOWN16:
	case MW_C_FCHOWN16:
		e->num[0] = (__u32)(__s32)(__s16)e->num[0];
		e->num[1] = (__u32)(__s32)(__s16)e->num[1];
		break;
	case MW_C_CHOWN:
	case MW_C_FCHOWN:
	case MW_C_FCHOWNAT:
		e->num[0] = (__u32)e->num[0];
		e->num[1] = (__u32)e->num[1];
		break;
	case MW_C_REMOVEXATTR:
	case MW_C_FREMOVEXATTR:
	case MW_C_REMOVEXATTRAT:
		e->flags = 1;
		break;
	case MW_C_MOVE_MOUNT:
		e->num[1] = 1;
		break;
	}
}

/* Whether the name is none, and the object what the fd before it is. */
static __always_inline bool mw_name_is_fd(const struct mw_scratch *s, const struct mw_shape *sh,
					  __u32 class, __s32 dirfd)
{
	__u64 user = mw_arg(s, sh->name), flags = mw_arg(s, sh->empty);
	__u64 bit = class == MW_C_MOVE_MOUNT ? MOVE_MOUNT_T_EMPTY_PATH : AT_EMPTY_PATH;
	char first = 1;

	if (!sh->empty)
		return false;
	/* utimensat(2), futimesat(2) */
	if (!user && (class == MW_C_UTIMENSAT || class == MW_C_FUTIMESAT))
		return dirfd != AT_FDCWD;
	if (!(flags & bit))
		return false;
	/* NULL is as good as "" from 6.11 on: the call has failed where it is not */
	return !user || (!bpf_probe_read_user(&first, 1, (void *)user) && !first);
}

/* The open file, or the working directory, as the object. Returns the length of its path. */
static __always_inline __u32 mw_act_fd(struct mw_scratch *s, __s32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mw_ev_act *e = (void *)s->ev;
	struct inode *inode;

	if (fd != AT_FDCWD) {
		e->fd = fd;
		return mw_act_file(mw_number(s, mw_fd_file(task, fd)), 0);
	}
	inode = BPF_CORE_READ(task, fs, pwd.dentry, d_inode);
	e->ino = BPF_CORE_READ(inode, i_ino);
	e->dev = mw_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	e->mode = BPF_CORE_READ(inode, i_mode);
	e->path_from = 1;
	e->path_len = mw_append_path(s, MW_ACT_BODY, 0, &mw_as(task_struct, task)->fs->pwd, &e->path_state);
	return e->path_len;
}

__noinline int mw_file_op(__u32 class)
{
	struct mw_scratch *s = mw_scratch_get();
	const struct mw_shape *sh;
	struct mw_ev_act *e;
	__u64 i = class - MW_C_FILE_FIRST;
	__s32 dirfd;
	__u32 off = 0, len;

	asm volatile("" : "+r"(i));
	if (!s || i >= MW_C_N_FILE)
		return 0;
	sh = &mw_shapes[i];
	e = mw_act_begin(s, sh->op);
	dirfd = sh->dir ? (__s32)mw_arg(s, sh->dir) : AT_FDCWD;
	if (sh->fd)
		off = mw_act_fd(s, mw_arg(s, sh->fd));
	else if (mw_name_is_fd(s, sh, class, dirfd))
		off = mw_act_fd(s, dirfd);
	e->flags = mw_arg(s, sh->flags);
	if (sh->mode)
		e->mode = mw_arg(s, sh->mode) & 0xffff;
	e->num[0] = mw_arg(s, sh->num[0]);
	e->num[1] = mw_arg(s, sh->num[1]);
	mw_file_op_odd(s, e, class);
	if (sh->raw & 1) {
		e->asked_len = mw_act_string(s, off, mw_arg(s, sh->name));
		off += e->asked_len;
	} else if (sh->name && !e->path_from) {
		off += mw_act_name(off, dirfd, mw_arg(s, sh->name), false);
	}
	if (sh->raw & 2) {
		len = mw_act_string(s, off, mw_arg(s, sh->name2));
		e->asked2_len = len;
		off += len;
	} else if (sh->name2) {
		dirfd = sh->dir2 ? (__s32)mw_arg(s, sh->dir2) : AT_FDCWD;
		off += mw_act_name(off, dirfd, mw_arg(s, sh->name2), true);
	}
	return mw_send(MW_ACT_BODY + off);
}

#endif
