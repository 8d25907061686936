/* SPDX-License-Identifier: Apache-2.0 */
/* opnames.c - see opnames.h */
#include "core/opnames.h"

#include <stdio.h>
#include <string.h>

#define COUNT(t) (sizeof(t) / sizeof(*(t)))

/* clang-format off */
/* uapi/asm/signal.h */
static const char *const signals[] = {
	[1] = "SIGHUP",
	[2] = "SIGINT",
	[3] = "SIGQUIT",
	[4] = "SIGILL",
	[5] = "SIGTRAP",
	[6] = "SIGABRT",
	[7] = "SIGBUS",
	[8] = "SIGFPE",
	[9] = "SIGKILL",
	[10] = "SIGUSR1",
	[11] = "SIGSEGV",
	[12] = "SIGUSR2",
	[13] = "SIGPIPE",
	[14] = "SIGALRM",
	[15] = "SIGTERM",
	[16] = "SIGSTKFLT",
	[17] = "SIGCHLD",
	[18] = "SIGCONT",
	[19] = "SIGSTOP",
	[20] = "SIGTSTP",
	[21] = "SIGTTIN",
	[22] = "SIGTTOU",
	[23] = "SIGURG",
	[24] = "SIGXCPU",
	[25] = "SIGXFSZ",
	[26] = "SIGVTALRM",
	[27] = "SIGPROF",
	[28] = "SIGWINCH",
	[29] = "SIGIO",
	[30] = "SIGPWR",
	[31] = "SIGSYS",
};

/* uapi/linux/ptrace.h, asm/ptrace-abi.h */
static const char *const requests[] = {
	[0] = "PTRACE_TRACEME",
	[1] = "PTRACE_PEEKTEXT",
	[2] = "PTRACE_PEEKDATA",
	[3] = "PTRACE_PEEKUSR",
	[4] = "PTRACE_POKETEXT",
	[5] = "PTRACE_POKEDATA",
	[6] = "PTRACE_POKEUSR",
	[7] = "PTRACE_CONT",
	[8] = "PTRACE_KILL",
	[9] = "PTRACE_SINGLESTEP",
	[12] = "PTRACE_GETREGS",
	[13] = "PTRACE_SETREGS",
	[14] = "PTRACE_GETFPREGS",
	[15] = "PTRACE_SETFPREGS",
	[16] = "PTRACE_ATTACH",
	[17] = "PTRACE_DETACH",
	[18] = "PTRACE_GETFPXREGS",
	[19] = "PTRACE_SETFPXREGS",
	[21] = "PTRACE_OLDSETOPTIONS",
	[24] = "PTRACE_SYSCALL",
	[25] = "PTRACE_GET_THREAD_AREA",
	[26] = "PTRACE_SET_THREAD_AREA",
	[30] = "PTRACE_ARCH_PRCTL",
	[31] = "PTRACE_SYSEMU",
	[32] = "PTRACE_SYSEMU_SINGLESTEP",
	[33] = "PTRACE_SINGLEBLOCK",
};

/* from 0x4200 on */
static const char *const requests2[] = {
	[0] = "PTRACE_SETOPTIONS",
	[1] = "PTRACE_GETEVENTMSG",
	[2] = "PTRACE_GETSIGINFO",
	[3] = "PTRACE_SETSIGINFO",
	[4] = "PTRACE_GETREGSET",
	[5] = "PTRACE_SETREGSET",
	[6] = "PTRACE_SEIZE",
	[7] = "PTRACE_INTERRUPT",
	[8] = "PTRACE_LISTEN",
	[9] = "PTRACE_PEEKSIGINFO",
	[10] = "PTRACE_GETSIGMASK",
	[11] = "PTRACE_SETSIGMASK",
	[12] = "PTRACE_SECCOMP_GET_FILTER",
	[13] = "PTRACE_SECCOMP_GET_METADATA",
	[14] = "PTRACE_GET_SYSCALL_INFO",
	[15] = "PTRACE_GET_RSEQ_CONFIGURATION",
	[16] = "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG",
	[17] = "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG",
	[18] = "PTRACE_SET_SYSCALL_INFO",
};

/* uapi/linux/bpf.h */
static const char *const bpf_cmds[] = {
	[0] = "BPF_MAP_CREATE",
	[1] = "BPF_MAP_LOOKUP_ELEM",
	[2] = "BPF_MAP_UPDATE_ELEM",
	[3] = "BPF_MAP_DELETE_ELEM",
	[4] = "BPF_MAP_GET_NEXT_KEY",
	[5] = "BPF_PROG_LOAD",
	[6] = "BPF_OBJ_PIN",
	[7] = "BPF_OBJ_GET",
	[8] = "BPF_PROG_ATTACH",
	[9] = "BPF_PROG_DETACH",
	[10] = "BPF_PROG_TEST_RUN",
	[11] = "BPF_PROG_GET_NEXT_ID",
	[12] = "BPF_MAP_GET_NEXT_ID",
	[13] = "BPF_PROG_GET_FD_BY_ID",
	[14] = "BPF_MAP_GET_FD_BY_ID",
	[15] = "BPF_OBJ_GET_INFO_BY_FD",
	[16] = "BPF_PROG_QUERY",
	[17] = "BPF_RAW_TRACEPOINT_OPEN",
	[18] = "BPF_BTF_LOAD",
	[19] = "BPF_BTF_GET_FD_BY_ID",
	[20] = "BPF_TASK_FD_QUERY",
	[21] = "BPF_MAP_LOOKUP_AND_DELETE_ELEM",
	[22] = "BPF_MAP_FREEZE",
	[23] = "BPF_BTF_GET_NEXT_ID",
	[24] = "BPF_MAP_LOOKUP_BATCH",
	[25] = "BPF_MAP_LOOKUP_AND_DELETE_BATCH",
	[26] = "BPF_MAP_UPDATE_BATCH",
	[27] = "BPF_MAP_DELETE_BATCH",
	[28] = "BPF_LINK_CREATE",
	[29] = "BPF_LINK_UPDATE",
	[30] = "BPF_LINK_GET_FD_BY_ID",
	[31] = "BPF_LINK_GET_NEXT_ID",
	[32] = "BPF_ENABLE_STATS",
	[33] = "BPF_ITER_CREATE",
	[34] = "BPF_LINK_DETACH",
	[35] = "BPF_PROG_BIND_MAP",
	[36] = "BPF_TOKEN_CREATE",
	[37] = "BPF_PROG_STREAM_READ_BY_FD",
};

/* uapi/linux/io_uring.h */
static const char *const uring_ops[] = {
	[0] = "IORING_OP_NOP",
	[1] = "IORING_OP_READV",
	[2] = "IORING_OP_WRITEV",
	[3] = "IORING_OP_FSYNC",
	[4] = "IORING_OP_READ_FIXED",
	[5] = "IORING_OP_WRITE_FIXED",
	[6] = "IORING_OP_POLL_ADD",
	[7] = "IORING_OP_POLL_REMOVE",
	[8] = "IORING_OP_SYNC_FILE_RANGE",
	[9] = "IORING_OP_SENDMSG",
	[10] = "IORING_OP_RECVMSG",
	[11] = "IORING_OP_TIMEOUT",
	[12] = "IORING_OP_TIMEOUT_REMOVE",
	[13] = "IORING_OP_ACCEPT",
	[14] = "IORING_OP_ASYNC_CANCEL",
	[15] = "IORING_OP_LINK_TIMEOUT",
	[16] = "IORING_OP_CONNECT",
	[17] = "IORING_OP_FALLOCATE",
	[18] = "IORING_OP_OPENAT",
	[19] = "IORING_OP_CLOSE",
	[20] = "IORING_OP_FILES_UPDATE",
	[21] = "IORING_OP_STATX",
	[22] = "IORING_OP_READ",
	[23] = "IORING_OP_WRITE",
	[24] = "IORING_OP_FADVISE",
	[25] = "IORING_OP_MADVISE",
	[26] = "IORING_OP_SEND",
	[27] = "IORING_OP_RECV",
	[28] = "IORING_OP_OPENAT2",
	[29] = "IORING_OP_EPOLL_CTL",
	[30] = "IORING_OP_SPLICE",
	[31] = "IORING_OP_PROVIDE_BUFFERS",
	[32] = "IORING_OP_REMOVE_BUFFERS",
	[33] = "IORING_OP_TEE",
	[34] = "IORING_OP_SHUTDOWN",
	[35] = "IORING_OP_RENAMEAT",
	[36] = "IORING_OP_UNLINKAT",
	[37] = "IORING_OP_MKDIRAT",
	[38] = "IORING_OP_SYMLINKAT",
	[39] = "IORING_OP_LINKAT",
	[40] = "IORING_OP_MSG_RING",
	[41] = "IORING_OP_FSETXATTR",
	[42] = "IORING_OP_SETXATTR",
	[43] = "IORING_OP_FGETXATTR",
	[44] = "IORING_OP_GETXATTR",
	[45] = "IORING_OP_SOCKET",
	[46] = "IORING_OP_URING_CMD",
	[47] = "IORING_OP_SEND_ZC",
	[48] = "IORING_OP_SENDMSG_ZC",
	[49] = "IORING_OP_READ_MULTISHOT",
	[50] = "IORING_OP_WAITID",
	[51] = "IORING_OP_FUTEX_WAIT",
	[52] = "IORING_OP_FUTEX_WAKE",
	[53] = "IORING_OP_FUTEX_WAITV",
	[54] = "IORING_OP_FIXED_FD_INSTALL",
	[55] = "IORING_OP_FTRUNCATE",
	[56] = "IORING_OP_BIND",
	[57] = "IORING_OP_LISTEN",
	[58] = "IORING_OP_RECV_ZC",
	[59] = "IORING_OP_EPOLL_WAIT",
	[60] = "IORING_OP_READV_FIXED",
	[61] = "IORING_OP_WRITEV_FIXED",
	[62] = "IORING_OP_PIPE",
};
/* clang-format on */

static bool name_of(const char *const *t, size_t n, uint64_t i, char *out, size_t size)
{
	if (i >= n || !t[i])
		return false;
	snprintf(out, size, "%s", t[i]);
	return true;
}

void mw_signal_name(uint64_t n, char *out, size_t size)
{
	if (name_of(signals, COUNT(signals), n, out, size))
		return;
	if (n >= 32 && n <= 64)
		snprintf(out, size, "SIGRT_%d", (int)n - 32);
	else
		snprintf(out, size, "%lld", (long long)n);
}

void mw_ptrace_name(uint64_t request, char *out, size_t size)
{
	if (!name_of(requests, COUNT(requests), request, out, size) &&
	    !(request >= 0x4200 &&
	      name_of(requests2, COUNT(requests2), request - 0x4200, out, size)))
		snprintf(out, size, "0x%llx", (unsigned long long)request);
}

void mw_bpf_name(uint64_t cmd, char *out, size_t size)
{
	if (!name_of(bpf_cmds, COUNT(bpf_cmds), cmd, out, size))
		snprintf(out, size, "%llu", (unsigned long long)cmd);
}

void mw_uring_name(uint64_t opcode, char *out, size_t size)
{
	if (!name_of(uring_ops, COUNT(uring_ops), opcode, out, size))
		snprintf(out, size, "%llu", (unsigned long long)opcode);
}

/* --- flags --- */

struct flag {
	uint64_t bit;
	const char *name;
};

/* uapi/linux/sched.h */
static const struct flag namespaces[] = {
	{ 0x00000080, "CLONE_NEWTIME" },   { 0x00020000, "CLONE_NEWNS" },
	{ 0x02000000, "CLONE_NEWCGROUP" }, { 0x04000000, "CLONE_NEWUTS" },
	{ 0x08000000, "CLONE_NEWIPC" },	   { 0x10000000, "CLONE_NEWUSER" },
	{ 0x20000000, "CLONE_NEWPID" },	   { 0x40000000, "CLONE_NEWNET" },
};
/* as the files of /proc/PID/ns are called */
static const char *const ns_files[] = {
	"time", "mnt", "cgroup", "uts", "ipc", "user", "pid", "net"
};
_Static_assert(COUNT(ns_files) == COUNT(namespaces), "one each");

/* uapi/linux/memfd.h */
static const struct flag memfds[] = {
	{ 1, "MFD_CLOEXEC" },	  { 2, "MFD_ALLOW_SEALING" }, { 4, "MFD_HUGETLB" },
	{ 8, "MFD_NOEXEC_SEAL" }, { 16, "MFD_EXEC" },
};

static void add_flags(const struct flag *t, size_t n, uint64_t flags, char first, char *out,
		      size_t size)
{
	size_t len = strlen(out), i;

	for (i = 0; i < n; i++) {
		if (!(flags & t[i].bit))
			continue;
		if (first)
			snprintf(out + len, size - len, "%c%s", first, t[i].name);
		else
			snprintf(out + len, size - len, "%s", t[i].name);
		len = strlen(out);
		first = '|';
	}
}

void mw_ns_names(const char *what, uint64_t flags, char *out, size_t size)
{
	snprintf(out, size, "%s", what);
	add_flags(namespaces, COUNT(namespaces), flags, ' ', out, size);
}

const char *mw_ns_type(uint64_t flag)
{
	size_t i;

	for (i = 0; i < COUNT(namespaces); i++)
		if (namespaces[i].bit == flag)
			return ns_files[i];
	return NULL;
}

void mw_memfd_names(uint32_t flags, char *out, size_t size)
{
	out[0] = '\0';
	add_flags(memfds, COUNT(memfds), flags, '\0', out, size);
}

/* --- ids --- */

/* arch/x86/entry/syscalls: syscall_64.tbl, syscall_32.tbl */
static const struct mw_setid_call setids[] = {
	{ "setuid", { "uid" }, 105, 213, 23, false, false },
	{ "setgid", { "gid" }, 106, 214, 46, false, false },
	{ "setreuid", { "ruid", "euid" }, 113, 203, 70, false, false },
	{ "setregid", { "rgid", "egid" }, 114, 204, 71, false, false },
	{ "setresuid", { "ruid", "euid", "suid" }, 117, 208, 164, false, false },
	{ "setresgid", { "rgid", "egid", "sgid" }, 119, 210, 170, false, false },
	{ "setfsuid", { "fsuid" }, 122, 215, 138, false, false },
	{ "setfsgid", { "fsgid" }, 123, 216, 139, false, false },
	{ "setgroups", { NULL }, 116, 206, 81, true, false },
	{ "capset", { NULL }, 126, 185, 0, false, true },
};

const struct mw_setid_call *mw_setid_call(uint32_t sysno, bool compat, bool *ret_is16)
{
	size_t i;

	for (i = 0; i < COUNT(setids); i++) {
		const struct mw_setid_call *c = &setids[i];
		const bool is16 = compat && sysno && sysno == c->compat16;

		if (!is16 && sysno != (compat ? c->compat : c->native))
			continue;
		*ret_is16 = is16;
		return c;
	}
	return NULL;
}
