/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "io/probe.h"

/* Of linux/proc_ns.h: the inode number of the initial pid namespace. */
#define PID_NS_INITIAL 4026531836u

/* r0 = 0; exit */
static const struct bpf_insn nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static void add(struct mw_probe_report *r, const char *name, bool needed, int err, const char *means)
{
	if (r->n_items == MW_PROBE_MAX)
		return;
	r->item[r->n_items++] = (struct mw_probe_item){
		.name = name, .ok = err == 0, .needed = needed, .err = err, .means = means
	};
	if (err && needed)
		r->can_run = false;
}

/* --- the process ----------------------------------------------------------------------------- */

static int capable(unsigned int cap)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return errno;
	return d[cap / 32].effective & 1u << cap % 32 ? 0 : EPERM;
}

static int pid_ns_initial(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return errno;
	return st.st_ino == PID_NS_INITIAL ? 0 : EXDEV;
}

static int readable(const char *path)
{
	return access(path, R_OK) < 0 ? errno : 0;
}

/* --- programs -------------------------------------------------------------------------------- */

/* 0 or the errno of loading and, if `attach`, attaching the program that does nothing. */
static int try_tracing(enum bpf_prog_type type, enum bpf_attach_type attach_type, const char *target)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type);
	int id = libbpf_find_vmlinux_btf_id(target, attach_type), fd, link, err;

	if (id < 0)
		return -id;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(type, "mw_probe", "GPL", nothing, 2, &opts);
	if (fd < 0)
		return errno;
	link = bpf_raw_tracepoint_open(NULL, fd);
	err = link < 0 ? errno : 0;
	if (link >= 0)
		close(link);
	close(fd);
	return err;
}

int mw_probe_hooks(void)
{
	static const char *const hooked[] = { "security_path_unlink", "security_path_rmdir",
					      "security_path_rename" };
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(hooked) / sizeof(hooked[0]); i++)
		err = try_tracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, hooked[i]);
	return err;
}

/* A kprobe or uprobe of the perf kind, which both are types of their own of perf_event_open. */
static int try_probe(const char *pmu)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmu);
	return readable(path);
}

static int try_load(enum bpf_prog_type type)
{
	int fd = bpf_prog_load(type, "mw_probe", "GPL", nothing, 2, NULL);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Attaching one takes a program of its own per kind; loading says as much. */
static int try_iterator(const char *target)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER);
	int id = libbpf_find_vmlinux_btf_id(target, BPF_TRACE_ITER), fd;

	if (id < 0)
		return -id;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "mw_probe", "GPL", nothing, 2, &opts);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int has_function(const char *name)
{
	int id = libbpf_find_vmlinux_btf_id(name, BPF_TRACE_FENTRY);

	return id < 0 ? -id : 0;
}

static int try_ring(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "mw_probe", 0, 0,
				(__u32)sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* libbpf asks by loading programs that call it: 1 there, 0 not, negative it cannot be told. */
static int try_helper(enum bpf_func_id id)
{
	int r = libbpf_probe_bpf_helper(BPF_PROG_TYPE_SYSCALL, id, NULL);

	return r > 0 ? 0 : r < 0 ? -r : EOPNOTSUPP;
}

static int first(int a, int b)
{
	return a ? a : b;
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

void mw_probe_run(struct mw_probe_report *ret)
{
	struct mw_probe_report r = { .can_run = true };
	libbpf_print_fn_t print = libbpf_set_print(silent);
	struct utsname u;
	int n = libbpf_num_possible_cpus(), bpf, perfmon;

	if (!uname(&u)) {
		memcpy(r.kernel, u.release, sizeof(r.kernel));
		memcpy(r.machine, u.machine, sizeof(r.machine));
	}
	r.n_cpus = n > 0 ? (unsigned long)n : 0;

	/* CAP_SYS_ADMIN stands for both, as it did before 5.8 */
	bpf = capable(CAP_SYS_ADMIN) ? capable(CAP_BPF) : 0;
	perfmon = capable(CAP_SYS_ADMIN) ? capable(CAP_PERFMON) : 0;
	add(&r, "root", false, geteuid() ? EPERM : 0,
	    "reads /proc of every user and writes the log; without it only some facts are there");
	add(&r, "cap_bpf", true, first(bpf, perfmon),
	    "CAP_BPF and CAP_PERFMON: may load programs that read kernel memory");
	add(&r, "pid_namespace", true, pid_ns_initial(),
	    "the initial pid namespace: in another one the kernel's pids are not ours");
	add(&r, "btf", true, readable("/sys/kernel/btf/vmlinux"),
	    "the kernel describes its structures: one program fits all versions");
	add(&r, "ringbuf", true, try_ring(), "the way of events to user space (Linux 5.8)");
	add(&r, "bpf_loop", true, try_helper(BPF_FUNC_loop),
	    "calls of any length and paths of any depth (Linux 5.17)");
	add(&r, "sys_exit", true, try_tracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sys_exit"),
	    "raw tracepoint at the end of system calls: bytes on pipes and sockets, files, "
	    "connects");
	add(&r, "sched", true,
	    try_tracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_process_exec"),
	    "tp_btf at fork, exec and exit: who is whose child");
	add(&r, "sock_state", true,
	    try_tracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "inet_sock_set_state"),
	    "tp_btf at TCP states: listeners, ends of connections, results of connects");
	add(&r, "io_uring", false,
	    try_tracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "io_uring_complete"),
	    "tp_btf at io_uring: bytes moved by such a ring are a gap of known length; without it "
	    "they stay unseen");
	add(&r, "iterators", true, try_iterator("task_file"),
	    "open files of every process: servers that ran before the daemon (Linux 5.8)");
	add(&r, "casts", false, has_function("bpf_rdonly_cast"),
	    "kernel memory read without a call: cheaper for what is observed (Linux 6.2)");
	add(&r, "syscall", true, try_helper(BPF_FUNC_get_current_task_btf),
	    "programs user space runs itself: verdicts on channels (Linux 5.14)");
	add(&r, "fentry", false, mw_probe_hooks(),
	    "hooks in security_path_unlink, _rmdir and _rename: the target of an unlink, rmdir or "
	    "rename is the dentry itself (target_from kernel); without them the string that named "
	    "it (target_from string)");
	add(&r, "lsm", false, try_tracing(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "file_open"),
	    "hooks of the security modules; nothing depends on them");
	add(&r, "kprobe", false, first(try_load(BPF_PROG_TYPE_KPROBE), try_probe("kprobe")),
	    "probes in kernel functions; nothing depends on them");
	add(&r, "uprobe", false, first(try_load(BPF_PROG_TYPE_KPROBE), try_probe("uprobe")),
	    "probes in user programs: without them TLS stays unread and node gives no causal ties");
	libbpf_set_print(print);
	*ret = r;
}
