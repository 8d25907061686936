/* SPDX-License-Identifier: Apache-2.0 */
/* source_bpf_load.c - loads the programs with what this kernel has, and attaches them */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/probe.h"
#include "io/source_bpf_priv.h"
#include "io/uprobes.h"

/* More than the longest message kept whole: a first message is not cut before it is known as one.
 */
#define UNDECIDED_MAX (64u << 20)
/* Of what may be any program on the host; its first message of MCP is far shorter. */
#define CANDIDATE_MAX (256u << 10)

/* The first warning of libbpf about a program: it has no other way to say which one was refused. */
static __thread char refused[200];

static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[sizeof(refused)];

	if (level != LIBBPF_WARN || refused[0])
		return 0;
	if (vsnprintf(line, sizeof(line), fmt, ap) > 0 && strstr(line, "prog '")) {
		memcpy(refused, line, sizeof(refused));
		refused[strcspn(refused, "\n")] = '\0';
	}
	return 0;
}

int mw_source_bpf_fail(const struct mw_source_bpf_config *cfg, int r, const char *fmt, ...)
{
	va_list ap;

	if (cfg->err && cfg->err_len) {
		va_start(ap, fmt);
		vsnprintf(cfg->err, cfg->err_len, fmt, ap);
		va_end(ap);
	}
	return r;
}

/* Welcome, but nothing depends on it: from 5.11 on BPF memory is not charged here. */
static void raise_limits(void)
{
	struct rlimit inf = { RLIM_INFINITY, RLIM_INFINITY }, n;

	setrlimit(RLIMIT_MEMLOCK, &inf);
	if (!getrlimit(RLIMIT_NOFILE, &n) && n.rlim_cur < n.rlim_max) {
		n.rlim_cur = n.rlim_max;
		setrlimit(RLIMIT_NOFILE, &n);
	}
}

size_t mw_source_bpf_names(bool uring, bool hooks, const char *ret[MW_SOURCE_BPF_NAMES_MAX])
{
	size_t n = 0;

	ret[n++] = "raw_tp sys_exit";
	ret[n++] = "tp_btf sched_process_fork, sched_process_exec, sched_process_exit";
	ret[n++] = "tp_btf inet_sock_set_state";
	ret[n++] = "iter task, task_file";
	if (uring)
		ret[n++] = "tp_btf io_uring submit and complete";
	if (hooks)
		ret[n++] = "fentry security_path_unlink, _rmdir, _rename";
	return n;
}

/* How many arguments a tracepoint has, or -1 where the kernel has not got it. */
static int tracepoint_args(const struct btf *btf, const char *name)
{
	const struct btf_type *t;
	char type[64];
	int id;

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	/* a typedef of a pointer to a function, whose first argument is the kernel's own */
	t = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
	t = btf__type_by_id(btf, t->type);
	return btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1;
}

/* Programs in kernel functions are welcome, and refused in many places: so it is tried. */
static void fit_hooks(struct mcpwatch_bpf *k)
{
	bool hooks = mw_probe_hooks() == 0;

	k->rodata->cfg_hooks = hooks;
	bpf_program__set_autoload(k->progs.mw_path_unlink, hooks);
	bpf_program__set_autoload(k->progs.mw_path_rmdir, hooks);
	bpf_program__set_autoload(k->progs.mw_path_rename, hooks);
	if (!hooks)
		bpf_map__set_max_entries(k->maps.hooked, 1);
}

/* What kernels differ in is asked of their own description, not of their version. */
static int fit(struct mcpwatch_bpf *k)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int complete;

	if (!btf)
		return -errno;
	complete = tracepoint_args(btf, "io_uring_complete");
	k->rodata->cfg_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	k->rodata->cfg_uring_cqe = complete == 3;
	bpf_program__set_autoload(k->progs.mw_uring_complete, complete > 0);
	bpf_program__set_autoload(k->progs.mw_uring_submit_req,
				  tracepoint_args(btf, "io_uring_submit_req") > 0);
	bpf_program__set_autoload(k->progs.mw_uring_submit_sqe,
				  tracepoint_args(btf, "io_uring_submit_sqe") > 0);
	btf__free(btf);
	fit_hooks(k);
	mw_uprobes_prepare(k->progs.mw_uv_call);
	mw_uprobes_prepare(k->progs.mw_uv_begin);
	mw_uprobes_prepare(k->progs.mw_uv_end);
	return 0;
}

static int set_up(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg,
		  uint32_t ring_len)
{
	struct mcpwatch_bpf *k = b->skel;
	uint64_t secret;

	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		return -errno;
	k->rodata->cfg_secret = secret;
	k->rodata->cfg_ring_quarter = ring_len / 4;
	k->rodata->cfg_ring_check = ring_len / 16 / (uint32_t)b->n_cpus;
	k->rodata->cfg_undecided_max = cfg->undecided_max ? cfg->undecided_max : UNDECIDED_MAX;
	k->rodata->cfg_candidate_max = cfg->candidate_max ? cfg->candidate_max : CANDIDATE_MAX;
	k->rodata->cfg_watch_execs = cfg->watch_execs;
	k->rodata->cfg_own_tgid = (uint32_t)getpid();
	bpf_map__set_max_entries(k->maps.ring, ring_len);
	bpf_map__set_max_entries(k->maps.scratch, (uint32_t)b->n_cpus);
	return 0;
}

static int load(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg, uint32_t ring_len)
{
	int r;

	b->skel = mcpwatch_bpf__open();
	if (!b->skel)
		return mw_source_bpf_fail(cfg, -errno, "cannot prepare the kernel programs: %s",
					  strerror(errno));
	r = set_up(b, cfg, ring_len);
	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "no random numbers: %s", strerror(-r));
	r = fit(b->skel);
	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "cannot read the kernel's description: %s",
					  strerror(-r));
	r = mcpwatch_bpf__load(b->skel);
	if (r == -EPERM || r == -EACCES)
		return mw_source_bpf_fail(
		    cfg, r,
		    "the kernel does not allow BPF (%s%s%s): run as root with CAP_BPF and "
		    "CAP_PERFMON, or see 'mcpwatch doctor'",
		    strerror(-r), refused[0] ? ": " : "", refused);
	if (r < 0)
		return mw_source_bpf_fail(
		    cfg, r,
		    "the kernel refused the programs (%s%s%s): Linux 5.17 or later is "
		    "needed; 'mcpwatch doctor' says what this one allows",
		    strerror(-r), refused[0] ? ": " : "", refused);
	return 0;
}

/* Lets the kernel side know our root, and refuses where its pids are not ours. */
static int introduce(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg)
{
	struct mw_init_arg arg = { 0 };
	int r = mw_source_bpf_call(b->skel->progs.mw_init, &arg, sizeof(arg));

	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "cannot run a program in the kernel: %s",
					  strerror(-r));
	if (arg.tgid != (uint32_t)getpid())
		return mw_source_bpf_fail(
		    cfg, -EXDEV,
		    "this is a nested pid namespace (pid %d here, %u in the kernel): run on "
		    "the host, or in a container with the host's pid namespace",
		    (int)getpid(), arg.tgid);
	return 0;
}

static int map(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg, uint32_t ring_len)
{
	int ring_fd = bpf_map__fd(b->skel->maps.ring), r;
	struct epoll_event ev = { .events = EPOLLIN };
	void *p;

	r = mw_bpf_ring_init(&b->ring, ring_fd, ring_len);
	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "cannot map the ring buffer: %s", strerror(-r));
	p = mmap(NULL, sizeof(*b->ports), PROT_READ | PROT_WRITE, MAP_SHARED,
		 bpf_map__fd(b->skel->maps.ports), 0);
	if (p == MAP_FAILED)
		return mw_source_bpf_fail(cfg, -errno, "cannot map the table of ports: %s",
					  strerror(errno));
	b->ports = p;
	b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll_fd < 0 || epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, ring_fd, &ev) < 0)
		return mw_source_bpf_fail(cfg, -errno, "cannot wait on the ring buffer: %s",
					  strerror(errno));
	return 0;
}

/* The first event: this host, and what was loaded. */
static int introduce_host(struct mw_bpf_source *b)
{
	const struct mcpwatch_bpf *k = b->skel;
	const char *names[MW_SOURCE_BPF_NAMES_MAX];
	const size_t n = mw_source_bpf_names(bpf_program__autoload(k->progs.mw_uring_complete),
					     k->rodata->cfg_hooks, names);

	return mw_facts_meta(&b->queue, b->realtime_ns, names, n);
}

static int start(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg, uint32_t ring_len)
{
	int r = load(b, cfg, ring_len);

	if (r < 0)
		return r;
	r = introduce(b, cfg);
	if (r < 0)
		return r;
	r = mw_uv_new(&(struct mw_uv_progs){ .call = b->skel->progs.mw_uv_call,
					     .begin = b->skel->progs.mw_uv_begin,
					     .end = b->skel->progs.mw_uv_end },
		      &b->uv);
	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "out of memory");
	r = map(b, cfg, ring_len);
	if (r < 0)
		return r;
	b->realtime_ns = mw_realtime_offset();
	b->next_tick = mw_boot_ns() + MW_BPF_TICK_NS;
	r = introduce_host(b);
	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "cannot describe this host: %s", strerror(-r));
	bpf_program__set_autoattach(b->skel->progs.mw_task_iter, false);
	bpf_program__set_autoattach(b->skel->progs.mw_file_iter, false);
	r = mcpwatch_bpf__attach(b->skel);
	if (r < 0)
		return mw_source_bpf_fail(cfg, r, "cannot attach to the kernel (%s%s%s)",
					  strerror(-r), refused[0] ? ": " : "", refused);
	return 0;
}

int mw_source_bpf_start(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg,
			uint32_t ring_len)
{
	libbpf_print_fn_t print;
	int r;

	raise_limits();
	refused[0] = '\0';
	print = libbpf_set_print(keep_warning);
	r = start(b, cfg, ring_len);
	libbpf_set_print(print);
	return r;
}
