/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * filter.h - the first tests: is the process watched, is the system call one of ours
 */
#ifndef MW_BPF_FILTER_H
#define MW_BPF_FILTER_H

#include "maps.h"
#include "calls.h"
#include "compat.h"

enum mw_class {
	MW_C_NONE = 0,
	MW_C_READ,
	MW_C_WRITE,
	MW_C_READV,
	MW_C_WRITEV,
	MW_C_RECVFROM,
	MW_C_SENDTO,
	MW_C_RECVMSG,
	MW_C_SENDMSG,
	MW_C_RECVMMSG,
	MW_C_SENDMMSG,
	MW_C_SPLICE, /* bytes move without passing user memory */
	MW_C_SENDFILE,
	MW_C_TEE,
	MW_C_VMSPLICE,
	MW_C_SOCKETCALL, /* becomes one of the others */
	/* fileops.h, by what their arguments are */
	MW_C_TRUNCATE,
	MW_C_FTRUNCATE,
	MW_C_TRUNCATE64, /* i386: a length in two registers */
	MW_C_FTRUNCATE64,
	MW_C_FALLOCATE,
	MW_C_MKDIR,
	MW_C_MKDIRAT,
	MW_C_MKNOD,
	MW_C_MKNODAT,
	MW_C_LINK,
	MW_C_LINKAT,
	MW_C_SYMLINK,
	MW_C_SYMLINKAT,
	MW_C_CHMOD,
	MW_C_FCHMOD,
	MW_C_FCHMODAT,
	MW_C_FCHMODAT2,
	MW_C_CHOWN,
	MW_C_FCHOWN,
	MW_C_FCHOWNAT,
	MW_C_CHOWN16, /* i386: ids of 16 bits */
	MW_C_FCHOWN16,
	MW_C_UTIME,
	MW_C_FUTIMESAT,
	MW_C_UTIMENSAT,
	MW_C_SETXATTR,
	MW_C_FSETXATTR,
	MW_C_SETXATTRAT,
	MW_C_REMOVEXATTR,
	MW_C_FREMOVEXATTR,
	MW_C_REMOVEXATTRAT,
	MW_C_MOUNT,
	MW_C_MOVE_MOUNT,
	MW_C_UMOUNT,
	MW_C_UMOUNT2,
	/* openfile.h */
	MW_C_CLOSE,
	MW_C_CLOSE_RANGE,
	MW_C_DUP2,
	/* file.h, net.h */
	MW_C_OPEN,
	MW_C_OPENAT,
	MW_C_OPENAT2,
	MW_C_OPEN_HANDLE,
	MW_C_CREAT,
	MW_C_UNLINK,
	MW_C_UNLINKAT,
	MW_C_RMDIR,
	MW_C_RENAME,
	MW_C_RENAMEAT,
	MW_C_CONNECT,
	MW_C_EXECVE,
	MW_C_EXECVEAT,
	/* on processes: procops.h */
	MW_C_KILL,
	MW_C_TKILL,
	MW_C_TGKILL,
	MW_C_SIGQUEUE,
	MW_C_TGSIGQUEUE,
	MW_C_PIDFD_SIGNAL,
	MW_C_PTRACE,
	MW_C_VM_READ,
	MW_C_VM_WRITE,
	MW_C_SETID,
	MW_C_SETGROUPS,
	MW_C_CAPSET,
	MW_C_PRCTL,
	MW_C_MEMFD,
	MW_C_PIDFD_GETFD,
	MW_C_UNSHARE,
	MW_C_SETNS,
	MW_C_CLONE,
	MW_C_CLONE3,
	/* on sockets: net.h */
	MW_C_BIND,
	MW_C_LISTEN,
	MW_C_ACCEPT,
	/* on the kernel: kernelops.h */
	MW_C_BPF,
	MW_C_URING_SETUP,
	MW_C_MODULE_INIT,
	MW_C_MODULE_FINIT,
	MW_C_MODULE_DELETE,
};
#define MW_C_FILE_FIRST MW_C_TRUNCATE
#define MW_C_FILE_LAST	MW_C_UMOUNT2
#define MW_C_N_FILE	(MW_C_FILE_LAST - MW_C_FILE_FIRST + 1)
#define MW_C_IO_LAST MW_C_VMSPLICE

#define MW_N_CALLS 1024

/* x86-64; from 512 on those that the x32 ABI has of its own */
const volatile __u8 calls_native[MW_N_CALLS] = {
	/* files */
	[3] = MW_C_CLOSE,
	[17] = MW_C_READ,
	[18] = MW_C_WRITE,
	[33] = MW_C_DUP2,
	[76] = MW_C_TRUNCATE,
	[77] = MW_C_FTRUNCATE,
	[83] = MW_C_MKDIR,
	[86] = MW_C_LINK,
	[88] = MW_C_SYMLINK,
	[90] = MW_C_CHMOD,
	[91] = MW_C_FCHMOD,
	[92] = MW_C_CHOWN,
	[93] = MW_C_FCHOWN,
	[94] = MW_C_CHOWN,
	[132] = MW_C_UTIME,
	[133] = MW_C_MKNOD,
	[165] = MW_C_MOUNT,
	[166] = MW_C_UMOUNT2,
	[188] = MW_C_SETXATTR,
	[189] = MW_C_SETXATTR,
	[190] = MW_C_FSETXATTR,
	[197] = MW_C_REMOVEXATTR,
	[198] = MW_C_REMOVEXATTR,
	[199] = MW_C_FREMOVEXATTR,
	[235] = MW_C_UTIME,
	[258] = MW_C_MKDIRAT,
	[259] = MW_C_MKNODAT,
	[260] = MW_C_FCHOWNAT,
	[261] = MW_C_FUTIMESAT,
	[265] = MW_C_LINKAT,
	[266] = MW_C_SYMLINKAT,
	[268] = MW_C_FCHMODAT,
	[280] = MW_C_UTIMENSAT,
	[285] = MW_C_FALLOCATE,
	[292] = MW_C_DUP2,
	[295] = MW_C_READV,
	[296] = MW_C_WRITEV,
	[326] = MW_C_SPLICE, /* copy_file_range: alike */
	[429] = MW_C_MOVE_MOUNT,
	[436] = MW_C_CLOSE_RANGE,
	[452] = MW_C_FCHMODAT2,
	[463] = MW_C_SETXATTRAT,
	[466] = MW_C_REMOVEXATTRAT,
	[534] = MW_C_READV,
	[535] = MW_C_WRITEV,
	/* others */
	[0] = MW_C_READ,
	[1] = MW_C_WRITE,
	[2] = MW_C_OPEN,
	[19] = MW_C_READV,
	[20] = MW_C_WRITEV,
	[40] = MW_C_SENDFILE,
	[42] = MW_C_CONNECT,
	[44] = MW_C_SENDTO,
	[45] = MW_C_RECVFROM,
	[46] = MW_C_SENDMSG,
	[47] = MW_C_RECVMSG,
	[59] = MW_C_EXECVE,
	[82] = MW_C_RENAME,
	[84] = MW_C_RMDIR,
	[85] = MW_C_CREAT,
	[87] = MW_C_UNLINK,
	[257] = MW_C_OPENAT,
	[263] = MW_C_UNLINKAT,
	[264] = MW_C_RENAMEAT,
	[275] = MW_C_SPLICE,
	[276] = MW_C_TEE,
	[278] = MW_C_VMSPLICE,
	[299] = MW_C_RECVMMSG,
	[304] = MW_C_OPEN_HANDLE,
	[307] = MW_C_SENDMMSG,
	[316] = MW_C_RENAMEAT,
	[322] = MW_C_EXECVEAT,
	[327] = MW_C_READV,
	[328] = MW_C_WRITEV,
	[437] = MW_C_OPENAT2,
	[515] = MW_C_READV,
	[516] = MW_C_WRITEV,
	[517] = MW_C_RECVFROM,
	[518] = MW_C_SENDMSG,
	[519] = MW_C_RECVMSG,
	[520] = MW_C_EXECVE,
	[532] = MW_C_VMSPLICE,
	[537] = MW_C_RECVMMSG,
	[538] = MW_C_SENDMMSG,
	[545] = MW_C_EXECVEAT,
	[546] = MW_C_READV,
	[547] = MW_C_WRITEV,
	MW_CALLS_OPS
};

/* i386 */
const volatile __u8 calls_compat[MW_N_CALLS] = {
	/* files */
	[6] = MW_C_CLOSE,
	[9] = MW_C_LINK,
	[14] = MW_C_MKNOD,
	[15] = MW_C_CHMOD,
	[16] = MW_C_CHOWN16,
	[21] = MW_C_MOUNT,
	[22] = MW_C_UMOUNT,
	[30] = MW_C_UTIME,
	[39] = MW_C_MKDIR,
	[52] = MW_C_UMOUNT2,
	[63] = MW_C_DUP2,
	[83] = MW_C_SYMLINK,
	[92] = MW_C_TRUNCATE,
	[93] = MW_C_FTRUNCATE,
	[94] = MW_C_FCHMOD,
	[95] = MW_C_FCHOWN16,
	[180] = MW_C_READ,
	[181] = MW_C_WRITE,
	[182] = MW_C_CHOWN16,
	[193] = MW_C_TRUNCATE64,
	[194] = MW_C_FTRUNCATE64,
	[198] = MW_C_CHOWN,
	[207] = MW_C_FCHOWN,
	[212] = MW_C_CHOWN,
	[226] = MW_C_SETXATTR,
	[227] = MW_C_SETXATTR,
	[228] = MW_C_FSETXATTR,
	[235] = MW_C_REMOVEXATTR,
	[236] = MW_C_REMOVEXATTR,
	[237] = MW_C_FREMOVEXATTR,
	[271] = MW_C_UTIME,
	[296] = MW_C_MKDIRAT,
	[297] = MW_C_MKNODAT,
	[298] = MW_C_FCHOWNAT,
	[299] = MW_C_FUTIMESAT,
	[303] = MW_C_LINKAT,
	[304] = MW_C_SYMLINKAT,
	[306] = MW_C_FCHMODAT,
	[320] = MW_C_UTIMENSAT,
	[324] = MW_C_FALLOCATE,
	[330] = MW_C_DUP2,
	[333] = MW_C_READV,
	[334] = MW_C_WRITEV,
	[377] = MW_C_SPLICE,
	[412] = MW_C_UTIMENSAT,
	[429] = MW_C_MOVE_MOUNT,
	[436] = MW_C_CLOSE_RANGE,
	[452] = MW_C_FCHMODAT2,
	[463] = MW_C_SETXATTRAT,
	[466] = MW_C_REMOVEXATTRAT,
	/* others */
	[3] = MW_C_READ,
	[4] = MW_C_WRITE,
	[5] = MW_C_OPEN,
	[8] = MW_C_CREAT,
	[10] = MW_C_UNLINK,
	[11] = MW_C_EXECVE,
	[38] = MW_C_RENAME,
	[40] = MW_C_RMDIR,
	[102] = MW_C_SOCKETCALL,
	[145] = MW_C_READV,
	[146] = MW_C_WRITEV,
	[187] = MW_C_SENDFILE,
	[239] = MW_C_SENDFILE,
	[295] = MW_C_OPENAT,
	[301] = MW_C_UNLINKAT,
	[302] = MW_C_RENAMEAT,
	[313] = MW_C_SPLICE,
	[315] = MW_C_TEE,
	[316] = MW_C_VMSPLICE,
	[337] = MW_C_RECVMMSG,
	[342] = MW_C_OPEN_HANDLE,
	[345] = MW_C_SENDMMSG,
	[353] = MW_C_RENAMEAT,
	[358] = MW_C_EXECVEAT,
	[362] = MW_C_CONNECT,
	[369] = MW_C_SENDTO,
	[370] = MW_C_SENDMSG,
	[371] = MW_C_RECVFROM,
	[372] = MW_C_RECVMSG,
	[378] = MW_C_READV,
	[379] = MW_C_WRITEV,
	[417] = MW_C_RECVMMSG,
	[437] = MW_C_OPENAT2,
	MW_CALLS_OPS_COMPAT
};

/* renameat has no flags argument; these are the numbers of renameat2 */
static __always_inline bool mw_is_renameat2(const struct mw_call *c)
{
	return c->nr == (c->compat ? 353 : 316);
}

static __always_inline __u32 mw_call_class(__u64 nr, bool compat)
{
	/* clang proves the bound from the type and drops it, the verifier cannot */
	asm volatile("" : "+r"(nr));
	if (nr >= MW_N_CALLS)
		return MW_C_NONE;
	return compat ? calls_compat[nr] : calls_native[nr];
}

/* Whether the call may have a class by one of the tables; `at`: the address of the registers. */
static __always_inline bool mw_call_may(__u64 at)
{
	struct pt_regs *regs = bpf_rdonly_cast((void *)at, bpf_core_type_id_kernel(struct pt_regs));
	__u64 nr = (__u32)regs->orig_ax & ~MW_X32_BIT;

	asm volatile("" : "+r"(nr));
	return nr < MW_N_CALLS && (calls_native[nr] || calls_compat[nr]);
}

static __always_inline __u32 mw_tag_of(__u32 tgid)
{
	__u64 i = tgid;

	asm volatile("" : "+r"(i));
	return i < MW_N_TAGS ? tags[i] : 0;
}

static __always_inline __u64 mw_stack_slot(__u64 at)
{
	__u64 i = at >> MW_STACK_SHIFT;

	asm volatile("" : "+r"(i));
	return i & (MW_N_STACKS - 1);
}

/* What is known of threads is no longer true. After the tag was set, before the thread runs. */
static __always_inline void mw_epoch_begin(void)
{
	__sync_fetch_and_add(&epoch, 1);
}

/* All that a process does is wanted, not some of its bytes alone. */
#define MW_TAG_WHOLE (MW_TAG_CANDIDATE | MW_TAG_OBSERVED)

/*
 * Clears and then sets bits of a tag; what it was before. Atomic on the word around it: user space
 * and other cpus change it at the same time, and of two threads that end at once exactly one gets
 * the tag, and with it the exit event.
 */
static __always_inline __u32 mw_tag_clear(__u32 tgid, __u32 bits)
{
	__u64 i = tgid & ~3u;
	__u32 shift = (tgid & 3) * 8;

	asm volatile("" : "+r"(i));
	if (i >= MW_N_TAGS - 3)
		return 0;
	return __sync_fetch_and_and((__u32 *)&tags[i], ~(bits << shift)) >> shift & 0xff;
}

static __always_inline void mw_tag_add(__u32 tgid, __u32 bits)
{
	__u64 i = tgid & ~3u;
	__u32 shift = (tgid & 3) * 8;

	asm volatile("" : "+r"(i));
	if (i >= MW_N_TAGS - 3 || tgid == cfg_own_tgid)
		return;
	__sync_fetch_and_or((__u32 *)&tags[i], bits << shift);
	mw_epoch_begin();
}

#endif
