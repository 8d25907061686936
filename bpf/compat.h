/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * compat.h - what differs between machines and kernel versions
 */
#ifndef MW_BPF_COMPAT_H
#define MW_BPF_COMPAT_H

#include "maps.h"

/* Of no header BPF can include. */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_VSOCK		40
#define AT_FDCWD (-100)
#define AT_REMOVEDIR 0x200
#define IPPROTO_TCP 6
#define MSG_OOB 0x1
#define MSG_PEEK 0x2
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000
#define O_CREAT_WRONLY_TRUNC 01101
#define AT_EMPTY_PATH		0x1000
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#define CLOSE_RANGE_CLOEXEC	4
#define EBADF			9
#define S_IFREG			0100000
#define S_IFBLK			0060000
#define FMODE_READ	     0x1
#define FMODE_WRITE 0x2
#define PAGE_LEN 4096
#define S_IFMT 0170000
#define S_IFIFO 0010000
#define S_IFSOCK 0140000
#define SIGNAL_GROUP_EXIT 0x4
#define PF_IO_WORKER		0x10
#define PROC_SUPER_MAGIC	0x9fa0
#define RCV_SHUTDOWN		1
#define SEND_SHUTDOWN		2
#define EAGAIN			11
#define ECONNABORTED 103
#define UIO_MAXIOV	     1024

#ifndef __TARGET_ARCH_x86
#error "registers and system call numbers are known for x86-64 only so far"
#endif

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/*
 * A field of the struct `type` at kernel address `p`, which may be a number: from 6.2 on one load
 * (a fault gives 0), before that a call. Where the bytes of a call are taken this is a third of the
 * cost.
 */
#define mw_load(type, p, field)                                                                    \
	(cfg_cast                                                                                  \
	     ? ((struct type *)bpf_rdonly_cast((void *)(p), bpf_core_type_id_kernel(struct type))) \
		   ->field                                                                         \
	     : BPF_CORE_READ((struct type *)(p), field))

/*
 * The struct `type` at a pointer that the verifier trusts, to read pointers from. At each load of a
 * pointer from a trusted one it looks for up to four names in all the kernel's types, one by one
 * (btf_nested_type_is_trusted, from 6.4 on): that was more than half of a start.
 */
#define mw_as(type, p)                                                                             \
	((struct type *)(cfg_cast ? bpf_rdonly_cast((p), bpf_core_type_id_kernel(struct type))     \
				  : (void *)(p)))

#define MW_TS_COMPAT 0x0002	/* thread_info.status: this call came by the 32-bit entry */
#define MW_X32_BIT 0x40000000u

/* The number of the call that ends here. At exit orig_ax still holds it. */
static __always_inline void mw_call_number(struct task_struct *task, struct pt_regs *regs,
					   __u64 *nr, bool *compat, bool *narrow)
{
	__u32 n = regs->orig_ax;

	*compat = task->thread_info.status & MW_TS_COMPAT;
	*narrow = *compat || (n & MW_X32_BIT);
	*nr = *compat ? n : n & ~MW_X32_BIT;
}

static __always_inline void mw_call_args(struct pt_regs *regs, bool compat, __u64 arg[6])
{
	if (compat) {
		arg[0] = (__u32)regs->bx;
		arg[1] = (__u32)regs->cx;
		arg[2] = (__u32)regs->dx;
		arg[3] = (__u32)regs->si;
		arg[4] = (__u32)regs->di;
		arg[5] = (__u32)regs->bp;
	} else {
		arg[0] = regs->di;
		arg[1] = regs->si;
		arg[2] = regs->dx;
		arg[3] = regs->r10;
		arg[4] = regs->r8;
		arg[5] = regs->r9;
	}
}

/* When the process of a thread was made. */
static __always_inline __u64 mw_start_ns(struct task_struct *task)
{
	return mw_as(task_struct, task)->group_leader->start_boottime;
}

/* loginuid and sessionid are there with CONFIG_AUDIT only. */
static __always_inline __u32 mw_loginuid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid))
		return 0xffffffff;
	return BPF_CORE_READ(task, loginuid.val);
}

static __always_inline __u32 mw_sessionid(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->sessionid))
		return 0xffffffff;
	return BPF_CORE_READ(task, sessionid);
}

static __always_inline struct mount *mw_real_mount(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* The inode of a socket: both live in one struct socket_alloc, the socket first. */
static __always_inline __u64 mw_socket_ino(struct socket *sock)
{
	return sock ? mw_load(socket_alloc, sock, vfs_inode.i_ino) : 0;
}

/* s_dev to the form of event.h; the kernel's own dev_t has 12 and 20 bits. */
static __always_inline __u64 mw_dev(__u32 s_dev)
{
	return (__u64)(s_dev >> 20) << 32 | (s_dev & 0xfffff);
}

#endif
