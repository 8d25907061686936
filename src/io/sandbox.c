/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no seccomp filter for this architecture"
#endif

/* Answered with EPERM. */
static const int denied[] = {
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kcmp,
	SYS_kill,
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_unshare,
	SYS_setns,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsmount,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_open_by_handle_at,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	SYS_personality,
	SYS_truncate,
	SYS_ftruncate,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchownat,
	SYS_unlinkat,
	SYS_renameat2,
	SYS_linkat,
	SYS_symlinkat,
	SYS_mkdirat,
	SYS_mknodat,
#ifdef SYS_fork
	SYS_fork,
	SYS_vfork,
	SYS_creat,
	SYS_unlink,
	SYS_rename,
	SYS_link,
	SYS_symlink,
	SYS_mkdir,
	SYS_mknod,
	SYS_chmod,
	SYS_chown,
	SYS_rmdir,
#endif
};

#define N_DENIED (sizeof(denied) / sizeof(denied[0]))
#define NR	 offsetof(struct seccomp_data, nr)
/* The low half: both architectures are little endian, and what is asked is an int. */
#define ARG(n)		   offsetof(struct seccomp_data, args[n])
#define FAIL(e)		   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (e))
#define ALLOW		   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(at)	   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define IS(k, yes, no)	   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (yes), (no))
#define HAS(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), (yes), (no))

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int filter(void)
{
	static const struct sock_filter head[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IS(ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(NR),
		/* x32's numbers */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
		FAIL(ENOSYS),
		/* their arguments cannot be looked at; libc goes on with the older ones */
		IS(SYS_clone3, 1, 0),
		IS(SYS_openat2, 0, 1),
		FAIL(ENOSYS),
	};
	static const struct sock_filter tail[] = {
#ifdef SYS_open
		IS(SYS_open, 0, 4),
		LOAD(ARG(1)),
		HAS(WRITES, 0, 1),
		FAIL(EACCES),
		ALLOW,
#endif
		IS(SYS_openat, 0, 4),
		LOAD(ARG(2)),
		HAS(WRITES, 0, 1),
		FAIL(EACCES),
		ALLOW,
		/* threads are no children */
		IS(SYS_clone, 0, 4),
		LOAD(ARG(0)),
		HAS(CLONE_THREAD, 1, 0),
		FAIL(EPERM),
		ALLOW,
		IS(SYS_socket, 0, 6),
		LOAD(ARG(0)),
		IS(AF_UNIX, 4, 0),
		IS(AF_INET, 3, 0),
		IS(AF_INET6, 2, 0),
		IS(AF_NETLINK, 1, 0),
		FAIL(EAFNOSUPPORT),
		ALLOW,
	};
	struct sock_filter
	    code[sizeof(head) / sizeof(head[0]) + 2 * N_DENIED + sizeof(tail) / sizeof(tail[0])];
	struct sock_fprog prog = { .filter = code };
	unsigned short n = 0;
	size_t i;

	for (i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		code[n++] = head[i];
	for (i = 0; i < N_DENIED; i++) {
		code[n++] = (struct sock_filter)IS((unsigned int)denied[i], 0, 1);
		code[n++] = (struct sock_filter)FAIL(EPERM);
	}
	for (i = 0; i < sizeof(tail) / sizeof(tail[0]); i++)
		code[n++] = tail[i];
	prog.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ? -errno : 0;
}

static int limit(int what, rlim_t most)
{
	struct rlimit l = { most, most };

	return setrlimit(what, &l) < 0 ? -errno : 0;
}

int mw_sandbox_drop(uint32_t uid, uint32_t gid)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	unsigned long cap;

	if (geteuid() == 0) {
		for (cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
			;
		if (errno != EINVAL || !cap)
			return -errno;
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			return -errno;
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none) < 0)
		return -errno;
	/* after the change of user, which undoes the first two */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int mw_sandbox_enter(void)
{
	int r;

	r = mw_sandbox_drop(MW_NOBODY, MW_NOBODY);
	if (r < 0)
		return r;
	r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, 0);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, 64);
	if (r == 0)
		r = limit(RLIMIT_MEMLOCK, 0);
/* their shadow alone is terabytes */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (r == 0)
		r = limit(RLIMIT_AS, 512u << 20);
#endif
	return r < 0 ? r : filter();
}
