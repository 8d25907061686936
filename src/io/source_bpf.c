/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mcpwatch/event.h>

#include <mcpwatch/loader.h>
#include "base/cleanup.h"
#include "io/bpf_facts.h"
#include "io/bpf_ring.h"
#include "io/source_bpf.h"
#include "mcpwatch.skel.h"

/* One 20 MiB write is seen at both its ends within a few milliseconds: of 8 MiB such bursts lost a
 * fifth, of 16 MiB a tenth, of 32 MiB nothing. */
#define RING_LEN      (32u << 20)
/* More than the longest message kept whole: a first message is not cut before it is known as one. */
#define UNDECIDED_MAX (64u << 20)
#define TICK_NS	      100000000ull
#define CLOCK_STEP_NS 50000000ll
#define N_PROGS_MAX   16

struct losses {
	uint64_t ring, run, table, faults;
};

struct bpf_source {
	struct mw_source source;
	struct mcpwatch_bpf *skel;
	struct mw_bpf_ring ring;
	struct mw_evq queue;
	struct mw_u64set uids;	/* uid + 1 */
	struct mw_u64set procs; /* hash of tgid and start */
	struct losses told;	/* what LOST events have said */
	struct mw_cpu *cpus;	/* room to read the counters of all */
	int n_cpus;
	int epoll_fd;
	int64_t realtime_ns;
	uint64_t next_tick;
	uint32_t simulate_loss, n_kernel;
	bool lent_record; /* the ring's oldest record is out at the caller */
	bool lent_queued; /* so is the queue's */
	bool judged;	  /* simulate_loss has let the oldest record pass */
	bool finishing, told_end;
	uint64_t n_events, n_bytes;
};

static struct bpf_source *bpf_source(struct mw_source *s)
{
	return (struct bpf_source *)(void *)s;
}

/* --- losses -------------------------------------------------------------------------------------
 */

static int read_cpus(struct bpf_source *b)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.cpus), &zero, b->cpus) ? -errno : 0;
}

static void read_losses(struct bpf_source *b, struct losses *ret)
{
	struct losses l = { 0 };
	struct bpf_program *p;

	if (!read_cpus(b)) {
		for (int i = 0; i < b->n_cpus; i++) {
			l.ring += b->cpus[i].lost_ring;
			l.table += b->cpus[i].lost_table;
			l.faults += b->cpus[i].faults;
		}
	}
	bpf_object__for_each_program(p, b->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		/* what one of these misses the other does */
		if (p == b->skel->progs.mw_sock_state || p == b->skel->progs.mw_sock_state_2)
			continue;
		if (!bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len))
			l.run += info.recursion_misses;
	}
	*ret = l;
}

static int tell_loss(struct bpf_source *b, uint32_t reason, uint64_t now, uint64_t *told)
{
	int r = 0;

	if (now > *told) {
		r = mw_facts_lost(&b->queue, reason, MW_CPU_NONE, now - *told);
		if (!r)
			*told = now;
	}
	return r;
}

static int tell_losses(struct bpf_source *b)
{
	struct losses now;
	int r;

	read_losses(b, &now);
	r = tell_loss(b, MW_LOST_RING, now.ring, &b->told.ring);
	if (!r)
		r = tell_loss(b, MW_LOST_MISSED_RUN, now.run, &b->told.run);
	if (!r)
		r = tell_loss(b, MW_LOST_TABLE, now.table, &b->told.table);
	return r;
}

/* The end: with the next number of every cpu a hole before it can be seen. */
static int tell_end(struct bpf_source *b)
{
	int r = tell_losses(b);

	if (!r)
		r = read_cpus(b);
	for (int i = 0; !r && i < b->n_cpus; i++)
		if (b->cpus[i].seq)
			r = mw_facts_lost(&b->queue, MW_LOST_SEQ, (uint32_t)i, b->cpus[i].seq);
	b->told_end = !r;
	return r;
}

/* --- processes ----------------------------------------------------------------------------------
 */

static bool proc_is_new(struct bpf_source *b, uint32_t tgid, uint64_t start_ns)
{
	return mw_u64set_add(&b->procs, (start_ns ^ (uint64_t)tgid << 40) | 1);
}

/* Asks the kernel for the exact start of a process and for its parent. */
static int ask_task(struct bpf_source *b, uint32_t tgid, struct mw_ev_proc *ret)
{
	/* bpf_iter_link_info of 6.2 and later begins with task.tid; before, it is not looked at */
	uint32_t info[4] = { tgid };
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = (void *)info,
			    .link_info_len = sizeof(info));
	struct bpf_link *link;
	struct mw_task_info t;
	ssize_t n;
	int fd;

	b->skel->data->wanted_tgid = tgid;
	link = bpf_program__attach_iter(b->skel->progs.mw_task_iter, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	n = fd < 0 ? -1 : read(fd, &t, sizeof(t));
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (n != sizeof(t) || t.tgid != tgid)
		return -ESRCH;
	*ret = (struct mw_ev_proc){
		.hdr = { .tgid = tgid, .start_ns = t.start_ns, .cgroup = t.cgroup, .uid = t.uid },
		.parent_tgid = t.parent_tgid,
		.parent_start_ns = t.parent_start_ns,
		.dev = t.dev,
		.ino = t.ino,
		.gid = t.gid,
		.loginuid = t.loginuid,
		.audit_session = t.audit_session,
	};
	return 0;
}

/* The name of a uid goes before its first event. A uid without one is no error. */
static void tell_user(struct bpf_source *b, const struct mw_event_hdr *h)
{
	if (h->tgid && mw_u64set_add(&b->uids, (uint64_t)h->uid + 1))
		mw_facts_user(&b->queue, h->uid);
}

static int tell_proc(struct bpf_source *b, const struct mw_ev_proc *p)
{
	tell_user(b, &p->hdr);
	return mw_facts_proc(&b->queue, p);
}

/* The ancestors that were not reported yet, nearest first. Who is gone meanwhile ends the line. */
static void tell_ancestors(struct bpf_source *b, const struct mw_ev_proc *of)
{
	uint32_t tgid = of->parent_tgid;
	uint64_t start_ns = of->parent_start_ns;
	struct mw_ev_proc p;

	while (tgid && proc_is_new(b, tgid, start_ns)) {
		if (ask_task(b, tgid, &p) || p.hdr.start_ns != start_ns ||
		    tell_proc(b, &p))
			return;
		tgid = p.parent_tgid;
		start_ns = p.parent_start_ns;
	}
}

static void tell_exec(struct bpf_source *b, const struct mw_ev_proc *exec)
{
	proc_is_new(b, exec->hdr.tgid, exec->hdr.start_ns);
	tell_proc(b, exec);
	tell_ancestors(b, exec);
}

int mw_source_bpf_snapshot(struct mw_source *s, uint32_t tgid)
{
	struct bpf_source *b = bpf_source(s);
	struct mw_ev_proc p;
	int r = ask_task(b, tgid, &p);

	if (r < 0)
		return r;
	if (proc_is_new(b, tgid, p.hdr.start_ns)) {
		r = tell_proc(b, &p);
		if (r < 0)
			return r;
	}
	tell_ancestors(b, &p);
	return 0;
}

int mw_source_bpf_tag(struct mw_source *s, uint32_t tgid, unsigned int tag)
{
	if (tgid == 0 || tgid >= MW_N_TAGS)
		return -ERANGE;
	__atomic_store_n(&bpf_source(s)->skel->bss->tags[tgid], (uint8_t)tag, __ATOMIC_RELEASE);
	return 0;
}

unsigned int mw_source_bpf_tag_of(struct mw_source *s, uint32_t tgid)
{
	if (tgid >= MW_N_TAGS)
		return 0;
	return __atomic_load_n(&bpf_source(s)->skel->bss->tags[tgid], __ATOMIC_ACQUIRE);
}

/* --- the stream ---------------------------------------------------------------------------------
 */

static int tell_tick(struct bpf_source *b, uint64_t ts_ns)
{
	struct mw_event_hdr *h = mw_evq_add(&b->queue, MW_EV_TICK, sizeof(*h), 0);
	int64_t now = mw_realtime_offset();
	int64_t step = now - b->realtime_ns;

	if (!h)
		return -ENOMEM;
	h->ts_ns = ts_ns;
	b->next_tick = ts_ns + TICK_NS;
	if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS) {
		struct mw_ev_clock *c = mw_evq_add(&b->queue, MW_EV_CLOCK, sizeof(*c), 0);

		if (!c)
			return -ENOMEM;
		c->realtime_ns = now;
		b->realtime_ns = now;
	}
	return tell_losses(b);
}

static int lend(struct bpf_source *b, const struct mw_event_hdr *h, bool *lent, const void **ret)
{
	*lent = true;
	b->n_events++;
	b->n_bytes += h->len;
	*ret = h;
	return (int)h->len;
}

static void give_back(struct bpf_source *b)
{
	if (b->lent_record)
		mw_bpf_ring_release(&b->ring);
	if (b->lent_queued)
		mw_evq_pop(&b->queue);
	if (b->lent_record)
		b->judged = false;
	b->lent_record = b->lent_queued = false;
}

/* The oldest record that is not to be dropped on purpose. */
static const struct mw_event_hdr *peek_record(struct bpf_source *b)
{
	const void *p;

	while (mw_bpf_ring_peek(&b->ring, &p)) {
		if (!b->simulate_loss || b->judged || ++b->n_kernel % b->simulate_loss) {
			b->judged = true;
			return p;
		}
		mw_bpf_ring_release(&b->ring);
	}
	return NULL;
}

static int bpf_wait(struct bpf_source *b, int timeout_ms)
{
	struct epoll_event ev;
	uint64_t now = mw_boot_ns();
	int until_tick = b->next_tick > now ? (int)((b->next_tick - now) / 1000000) + 1 : 0;

	if (timeout_ms < 0 || timeout_ms > until_tick)
		timeout_ms = until_tick;
	return epoll_wait(b->epoll_fd, &ev, 1, timeout_ms) < 0 ? -errno : 0;
}

static int bpf_next(struct mw_source *s, int timeout_ms, const void **ret)
{
	struct bpf_source *b = bpf_source(s);
	const struct mw_event_hdr *h;
	bool waited = false;
	int r = 0;

	give_back(b);
	for (;;) {
		h = mw_evq_peek(&b->queue);
		if (h)
			return lend(b, h, &b->lent_queued, ret);
		h = peek_record(b);
		if (h) {
			/* ticks stand in the order of the kernel's own time stamps */
			if (h->ts_ns >= b->next_tick)
				r = tell_tick(b, h->ts_ns);
			tell_user(b, h);
			if (r < 0)
				return r;
			if (mw_evq_peek(&b->queue))
				continue;
			if (h->type == MW_EV_EXEC)
				tell_exec(b, (const struct mw_ev_proc *)(const void *)h);
			return lend(b, h, &b->lent_record, ret);
		}
		if (b->told_end)
			return -ENODATA;
		if (b->finishing)
			r = tell_end(b);
		else if (mw_boot_ns() >= b->next_tick)
			r = tell_tick(b, mw_boot_ns());
		else if (waited || timeout_ms == 0)
			return 0;
		else if ((r = bpf_wait(b, timeout_ms)) == 0)
			waited = true;
		if (r < 0)
			return r;
	}
}

static int bpf_control(struct mw_source *s, const struct mw_control *c)
{
	struct mw_decide arg = { .chan = c->chan, .gen = c->gen };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arg, .ctx_size_in = sizeof(arg));

	switch (c->kind) {
	case MW_CONTROL_CHAN_KEEP:
		arg.verdict = MW_VERDICT_KEEP;
		break;
	case MW_CONTROL_CHAN_DROP:
		arg.verdict = MW_VERDICT_DROP;
		break;
	default:
		return -EINVAL;
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf_source(s)->skel->progs.mw_chan_decide),
				   &opts) < 0)
		return -errno;
	return opts.retval ? -ENOENT : 0;
}

static void bpf_stats(struct mw_source *s, struct mw_source_stats *ret)
{
	struct bpf_source *b = bpf_source(s);
	struct losses l;

	read_losses(b, &l);
	*ret = (struct mw_source_stats){
		.events = b->n_events,
		.bytes = b->n_bytes,
		.lost_ring = l.ring,
		.lost_run = l.run,
		.lost_table = l.table,
		.faults = l.faults,
		.ring_len = b->ring.len,
	};
}

static int bpf_fd(struct mw_source *s)
{
	return bpf_source(s)->epoll_fd;
}

int mw_source_bpf_finish(struct mw_source *s)
{
	struct bpf_source *b = bpf_source(s);

	if (b->finishing)
		return 0;
	mcpwatch_bpf__detach(b->skel);
	/* a program that still runs somewhere has ended when this returns: it waits for every cpu
	 */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	b->finishing = true;
	return 0;
}

static void bpf_free(struct mw_source *s)
{
	struct bpf_source *b = bpf_source(s);

	if (!b)
		return;
	if (b->epoll_fd >= 0)
		close(b->epoll_fd);
	mw_bpf_ring_done(&b->ring);
	mcpwatch_bpf__destroy(b->skel);
	mw_evq_done(&b->queue);
	mw_u64set_done(&b->uids);
	mw_u64set_done(&b->procs);
	free(b->cpus);
	free(b);
}

static const struct mw_source_ops bpf_ops = {
	.next = bpf_next,
	.control = bpf_control,
	.stats = bpf_stats,
	.fd = bpf_fd,
	.free = bpf_free,
};

/* --- start --------------------------------------------------------------------------------------
 */

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

__attribute__((format(printf, 3, 4))) static int fail(const struct mw_source_bpf_config *cfg, int r,
						      const char *fmt, ...)
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

static int set_up(struct bpf_source *b, const struct mw_source_bpf_config *cfg, uint32_t ring_len)
{
	struct mcpwatch_bpf *k = b->skel;
	uint64_t secret;

	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		return -errno;
	k->rodata->cfg_secret = secret;
	k->rodata->cfg_ring_quarter = ring_len / 4;
	k->rodata->cfg_undecided_max = cfg->undecided_max ? cfg->undecided_max : UNDECIDED_MAX;
	k->rodata->cfg_watch_execs = cfg->watch_execs;
	bpf_map__set_max_entries(k->maps.ring, ring_len);
	bpf_map__set_max_entries(k->maps.scratch, (uint32_t)b->n_cpus);
	return 0;
}

static int load(struct bpf_source *b, const struct mw_source_bpf_config *cfg, uint32_t ring_len)
{
	int r;

	b->skel = mcpwatch_bpf__open();
	if (!b->skel)
		return fail(cfg, -errno, "cannot prepare the kernel programs: %s", strerror(errno));
	r = set_up(b, cfg, ring_len);
	if (r < 0)
		return fail(cfg, r, "no random numbers: %s", strerror(-r));
	r = mcpwatch_bpf__load(b->skel);
	if (r == -EPERM || r == -EACCES)
		return fail(cfg, r,
			    "the kernel does not allow BPF (%s%s%s): run as root with CAP_BPF and "
			    "CAP_PERFMON, or ask for `mcpwatch doctor`",
			    strerror(-r), refused[0] ? ": " : "", refused);
	if (r < 0)
		return fail(cfg, r,
			    "the kernel refused the programs (%s%s%s): Linux 5.17 or later is "
			    "needed; `mcpwatch doctor` says what this one allows",
			    strerror(-r), refused[0] ? ": " : "", refused);
	return 0;
}

/* Lets the kernel side know our root, and refuses where its pids are not ours. */
static int introduce(struct bpf_source *b, const struct mw_source_bpf_config *cfg)
{
	struct mw_init_arg arg = { 0 };
	/* a syscall program's context goes in and, whatever the name says, comes back */
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arg, .ctx_size_in = sizeof(arg));

	if (bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.mw_init), &opts) < 0)
		return fail(cfg, -errno, "cannot run a program in the kernel: %s", strerror(errno));
	if (arg.tgid != (uint32_t)getpid())
		return fail(
		    cfg, -EXDEV,
		    "this is a nested pid namespace (pid %d here, %u in the kernel): run on "
		    "the host, or in a container with the host's pid namespace",
		    (int)getpid(), arg.tgid);
	return 0;
}

static int start(struct bpf_source *b, const struct mw_source_bpf_config *cfg, uint32_t ring_len)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int r, ring_fd;

	r = load(b, cfg, ring_len);
	if (r < 0)
		return r;
	r = introduce(b, cfg);
	if (r < 0)
		return r;
	ring_fd = bpf_map__fd(b->skel->maps.ring);
	r = mw_bpf_ring_init(&b->ring, ring_fd, ring_len);
	if (r < 0)
		return fail(cfg, r, "cannot map the ring buffer: %s", strerror(-r));
	b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll_fd < 0 || epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, ring_fd, &ev) < 0)
		return fail(cfg, -errno, "cannot wait on the ring buffer: %s", strerror(errno));
	b->realtime_ns = mw_realtime_offset();
	b->next_tick = mw_boot_ns() + TICK_NS;
	r = mw_facts_meta(&b->queue, b->realtime_ns);
	if (r < 0)
		return fail(cfg, r, "cannot describe this host: %s", strerror(-r));
	bpf_program__set_autoattach(b->skel->progs.mw_task_iter, false);
	r = mcpwatch_bpf__attach(b->skel);
	if (r < 0)
		return fail(cfg, r, "cannot attach to the kernel (%s%s%s)", strerror(-r),
			    refused[0] ? ": " : "", refused);
	return 0;
}

int mw_source_bpf_new(const struct mw_source_bpf_config *cfg, struct mw_source **ret)
{
	_cleanup_(mw_source_freep) struct mw_source *s = NULL;
	uint32_t ring_len = cfg->ring_len ? cfg->ring_len : RING_LEN;
	libbpf_print_fn_t print;
	struct bpf_source *b;
	int r;

	if (ring_len & (ring_len - 1) || ring_len < (uint32_t)sysconf(_SC_PAGESIZE))
		return fail(cfg, -EINVAL, "a ring of %u bytes: it must be a power of two",
			    ring_len);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return fail(
		    cfg, -ENOENT,
		    "this kernel does not describe itself (/sys/kernel/btf/vmlinux: %s): it "
		    "needs CONFIG_DEBUG_INFO_BTF, as distribution kernels have",
		    strerror(errno));
	b = calloc(1, sizeof(*b));
	if (!b)
		return fail(cfg, -ENOMEM, "out of memory");
	s = &b->source;
	b->source.ops = &bpf_ops;
	b->epoll_fd = -1;
	b->simulate_loss = cfg->simulate_loss;
	b->n_cpus = libbpf_num_possible_cpus();
	if (b->n_cpus <= 0)
		return fail(cfg, -EIO, "cannot count the processors");
	b->cpus = calloc((size_t)b->n_cpus, sizeof(*b->cpus));
	if (!b->cpus || mw_u64set_init(&b->uids, 8192) || mw_u64set_init(&b->procs, 65536))
		return fail(cfg, -ENOMEM, "out of memory");

	raise_limits();
	refused[0] = '\0';
	print = libbpf_set_print(keep_warning);
	r = start(b, cfg, ring_len);
	libbpf_set_print(print);
	if (r < 0)
		return r;
	*ret = MW_TAKE(s);
	return 0;
}
