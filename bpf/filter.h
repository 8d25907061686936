/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * filter.h - the first tests: is the process watched, is the system call one of ours
 */
#ifndef MW_BPF_FILTER_H
#define MW_BPF_FILTER_H

#include "maps.h"
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
	MW_C_OPEN,
	MW_C_OPENAT,
	MW_C_OPENAT2,
	MW_C_CREAT,
	MW_C_UNLINK,
	MW_C_UNLINKAT,
	MW_C_RMDIR,
	MW_C_RENAME,
	MW_C_RENAMEAT,
	MW_C_CONNECT,
	MW_C_EXECVE,
	MW_C_EXECVEAT,
};
#define MW_C_IO_LAST MW_C_VMSPLICE

#define MW_N_CALLS 1024

/* x86-64; from 512 on those that the x32 ABI has of its own */
const volatile __u8 calls_native[MW_N_CALLS] = {
	[0] = MW_C_READ,       [1] = MW_C_WRITE,      [2] = MW_C_OPEN,	     [19] = MW_C_READV,
	[20] = MW_C_WRITEV,    [40] = MW_C_SENDFILE,  [42] = MW_C_CONNECT,   [44] = MW_C_SENDTO,
	[45] = MW_C_RECVFROM,  [46] = MW_C_SENDMSG,   [47] = MW_C_RECVMSG,   [59] = MW_C_EXECVE,
	[82] = MW_C_RENAME,    [84] = MW_C_RMDIR,     [85] = MW_C_CREAT,     [87] = MW_C_UNLINK,
	[257] = MW_C_OPENAT,   [263] = MW_C_UNLINKAT, [264] = MW_C_RENAMEAT, [275] = MW_C_SPLICE,
	[276] = MW_C_TEE,      [278] = MW_C_VMSPLICE, [299] = MW_C_RECVMMSG, [307] = MW_C_SENDMMSG,
	[316] = MW_C_RENAMEAT, [322] = MW_C_EXECVEAT, [327] = MW_C_READV,    [328] = MW_C_WRITEV,
	[437] = MW_C_OPENAT2,  [515] = MW_C_READV,    [516] = MW_C_WRITEV,   [517] = MW_C_RECVFROM,
	[518] = MW_C_SENDMSG,  [519] = MW_C_RECVMSG,  [520] = MW_C_EXECVE,   [532] = MW_C_VMSPLICE,
	[537] = MW_C_RECVMMSG, [538] = MW_C_SENDMMSG, [545] = MW_C_EXECVEAT, [546] = MW_C_READV,
	[547] = MW_C_WRITEV,
};

/* i386 */
const volatile __u8 calls_compat[MW_N_CALLS] = {
	[3] = MW_C_READ,       [4] = MW_C_WRITE,      [5] = MW_C_OPEN,
	[8] = MW_C_CREAT,      [10] = MW_C_UNLINK,    [11] = MW_C_EXECVE,
	[38] = MW_C_RENAME,    [40] = MW_C_RMDIR,     [102] = MW_C_SOCKETCALL,
	[145] = MW_C_READV,    [146] = MW_C_WRITEV,   [187] = MW_C_SENDFILE,
	[239] = MW_C_SENDFILE, [295] = MW_C_OPENAT,   [301] = MW_C_UNLINKAT,
	[302] = MW_C_RENAMEAT, [313] = MW_C_SPLICE,   [315] = MW_C_TEE,
	[316] = MW_C_VMSPLICE, [337] = MW_C_RECVMMSG, [345] = MW_C_SENDMMSG,
	[353] = MW_C_RENAMEAT, [358] = MW_C_EXECVEAT, [362] = MW_C_CONNECT,
	[369] = MW_C_SENDTO,   [370] = MW_C_SENDMSG,  [371] = MW_C_RECVFROM,
	[372] = MW_C_RECVMSG,  [378] = MW_C_READV,    [379] = MW_C_WRITEV,
	[417] = MW_C_RECVMMSG, [437] = MW_C_OPENAT2,
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
