/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/cmdline.h"
#include "io/source_bpf_priv.h"

/* One 20 MiB write is seen at both its ends within a few milliseconds: of 8 MiB such bursts lost a
 * fifth, of 16 MiB a tenth, of 32 MiB nothing. */
#define RING_LEN      (32u << 20)
#define EPOCHS_MAX    (1u << 20)

/* --- losses ---------------------------------------------------------------------------------- */

static int read_cpus(struct mw_bpf_source *b)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.cpus), &zero, b->cpus) ? -errno : 0;
}

static void read_losses(struct mw_bpf_source *b, struct mw_bpf_losses *ret)
{
	struct mw_bpf_losses l = { 0 };
	struct bpf_program *p;

	if (!read_cpus(b)) {
		for (int i = 0; i < b->n_cpus; i++) {
			l.ring += b->cpus[i].lost_ring;
			l.table += b->cpus[i].lost_table;
			l.faults += b->cpus[i].faults;
			l.task_faults += b->cpus[i].task_faults;
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

static int tell_loss(struct mw_bpf_source *b, uint32_t reason, uint64_t now, uint64_t *told)
{
	int r = 0;

	if (now > *told) {
		r = mw_facts_lost(&b->queue, reason, MW_CPU_NONE, now - *told);
		if (!r)
			*told = now;
	}
	return r;
}

static int tell_losses(struct mw_bpf_source *b)
{
	struct mw_bpf_losses now;
	int r;

	read_losses(b, &now);
	r = tell_loss(b, MW_LOST_RING, now.ring, &b->told.ring);
	if (!r)
		r = tell_loss(b, MW_LOST_MISSED_RUN, now.run, &b->told.run);
	if (!r)
		r = tell_loss(b, MW_LOST_TABLE, now.table, &b->told.table);
	if (!r)
		r = tell_loss(b, MW_LOST_ARGV, mw_cmdline_unread(), &b->told.argv);
	return r;
}

/* The end: with the next number of every cpu a hole before it can be seen. */
static int tell_end(struct mw_bpf_source *b)
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

/* --- the stream ------------------------------------------------------------------------------ */

/* What the kernel side knows of stacks is told apart by bits 27 and up: see bpf/maps.h. */
static void clear_stacks(struct mw_bpf_source *b)
{
	uint64_t now = __atomic_load_n(&b->skel->data->epoch, __ATOMIC_ACQUIRE);

	if (now - b->cleared_epoch < EPOCHS_MAX)
		return;
	memset(b->skel->data->stacks, 0, sizeof(b->skel->data->stacks));
	b->cleared_epoch = now;
}

static int tell_tick(struct mw_bpf_source *b, uint64_t ts_ns)
{
	struct mw_event_hdr *h = mw_evq_add(&b->queue, MW_EV_TICK, sizeof(*h), 0);
	int r;

	if (!h)
		return -ENOMEM;
	h->ts_ns = ts_ns;
	b->next_tick = ts_ns + MW_BPF_TICK_NS;
	clear_stacks(b);
	mw_environs_poll(b->environs);
	r = mw_facts_clock(&b->queue, mw_realtime_offset(), &b->realtime_ns);
	if (r < 0)
		return r;
	return tell_losses(b);
}

static int lend(struct mw_bpf_source *b, const struct mw_event_hdr *h, bool *lent, const void **ret)
{
	*lent = true;
	b->n_events++;
	b->n_bytes += h->len;
	*ret = h;
	return (int)h->len;
}

static void give_back(struct mw_bpf_source *b)
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
static const struct mw_event_hdr *peek_record(struct mw_bpf_source *b)
{
	const void *p;

	while (mw_bpf_ring_peek(&b->ring, &p)) {
		if (((const struct mw_event_hdr *)p)->type == MW_EV_UV) {
			mw_uv_learn(b->uv, p);
			mw_bpf_ring_release(&b->ring);
			continue;
		}
		if (!b->simulate_loss || b->judged || ++b->n_kernel % b->simulate_loss) {
			b->judged = true;
			return p;
		}
		mw_bpf_ring_release(&b->ring);
	}
	return NULL;
}

static int bpf_wait(struct mw_bpf_source *b, int timeout_ms)
{
	struct epoll_event ev;
	uint64_t now = mw_boot_ns(), due = mw_runtimes_due(b->runtimes);
	int until;

	if (!due || due > b->next_tick)
		due = b->next_tick;
	until = due > now ? (int)((due - now) / 1000000) + 1 : 0;
	if (timeout_ms < 0 || timeout_ms > until)
		timeout_ms = until;
	return epoll_wait(b->epoll_fd, &ev, 1, timeout_ms) < 0 ? -errno : 0;
}

static int bpf_next(struct mw_source *s, int timeout_ms, const void **ret)
{
	struct mw_bpf_source *b = mw_bpf_source(s);
	const struct mw_event_hdr *h;
	bool waited = false;
	int r = 0;

	give_back(b);
	mw_runtimes_poll(b->runtimes);
	for (;;) {
		h = mw_evq_peek(&b->queue);
		if (h)
			return lend(b, h, &b->lent_queued, ret);
		h = peek_record(b);
		if (h) {
			/* ticks stand in the order of the kernel's own time stamps */
			if (h->ts_ns >= b->next_tick)
				r = tell_tick(b, h->ts_ns);
			mw_source_bpf_tell_user(b, h);
			if (r < 0)
				return r;
			if (mw_evq_peek(&b->queue))
				continue;
			if (h->type == MW_EV_EXEC)
				mw_source_bpf_tell_exec(b,
							(const struct mw_ev_proc *)(const void *)h);
			mw_source_bpf_note(b, h);
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
	int r;

	switch (c->kind) {
	case MW_CONTROL_CHAN_KEEP:
		arg.verdict = MW_VERDICT_KEEP;
		break;
	case MW_CONTROL_CHAN_DROP:
		arg.verdict = MW_VERDICT_DROP;
		break;
	case MW_CONTROL_SERVER:
	case MW_CONTROL_CLIENT:
		return -EOPNOTSUPP; /* who is a server's other end is found by scope.h */
	case MW_CONTROL_ENV:
		mw_environs_ask(mw_bpf_source(s)->environs, c->tgid, c->start_ns);
		return 0;
	default:
		return -EINVAL;
	}
	r = mw_source_bpf_call(mw_bpf_source(s)->skel->progs.mw_chan_decide, &arg, sizeof(arg));
	return r > 0 ? -ENOENT : r;
}

static void bpf_stats(struct mw_source *s, struct mw_source_stats *ret)
{
	struct mw_bpf_source *b = mw_bpf_source(s);
	struct mw_bpf_losses l;

	read_losses(b, &l);
	*ret = (struct mw_source_stats){
		.events = b->n_events,
		.bytes = b->n_bytes,
		.lost_ring = l.ring,
		.lost_run = l.run,
		.lost_table = l.table,
		.faults = l.faults,
		.task_faults = l.task_faults,
		.ring_len = b->ring.len,
	};
}

void mw_source_bpf_stats(struct mw_source *s, struct mw_source_bpf_stats *ret)
{
	struct mw_bpf_source *b = mw_bpf_source(s);
	struct mw_runtimes_stats rt;
	struct mw_uv_stats uv;

	mw_runtimes_stats(b->runtimes, &rt);
	mw_uv_stats(b->uv, &uv);
	*ret = (struct mw_source_bpf_stats){ .runtimes_looks = rt.looks,
					     .runtimes_refused = rt.refused,
					     .uv_failed = uv.failed,
					     .uv_refused = uv.refused,
					     .runtimes = rt.n,
					     .runtimes_waiting = rt.waiting };
}

static int bpf_fd(struct mw_source *s)
{
	return mw_bpf_source(s)->epoll_fd;
}

int mw_source_bpf_finish(struct mw_source *s)
{
	struct mw_bpf_source *b = mw_bpf_source(s);

	if (b->finishing)
		return 0;
	mcpwatch_bpf__detach(b->skel);
	b->skel->data->uv_off = 1; /* to take its probes away may take long */
	/* a program that still runs somewhere has ended when this returns: it waits for every cpu
	 */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	b->finishing = true;
	return 0;
}

static void bpf_free(struct mw_source *s)
{
	struct mw_bpf_source *b = mw_bpf_source(s);

	if (!b)
		return;
	if (b->epoll_fd >= 0)
		close(b->epoll_fd);
	mw_bpf_ring_done(&b->ring);
	if (b->ports)
		munmap(b->ports, sizeof(*b->ports));
	mw_runtimes_free(b->runtimes);
	mw_uv_free(b->uv);
	mw_environs_free(b->environs);
	mcpwatch_bpf__destroy(b->skel);
	mw_evq_done(&b->queue);
	mw_u64set_done(&b->uids);
	mw_u64set_done(&b->procs);
	mw_u64set_done(&b->mounts);
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

int mw_source_bpf_new(const struct mw_source_bpf_config *cfg, struct mw_source **ret)
{
	_cleanup_(mw_source_freep) struct mw_source *s = NULL;
	uint32_t ring_len = cfg->ring_len ? cfg->ring_len : RING_LEN;
	struct mw_bpf_source *b;
	int r;

	if (ring_len & (ring_len - 1) || ring_len < (uint32_t)sysconf(_SC_PAGESIZE))
		return mw_source_bpf_fail(
		    cfg, -EINVAL, "a ring of %u bytes: it must be a power of two", ring_len);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return mw_source_bpf_fail(
		    cfg, -ENOENT,
		    "this kernel does not describe itself (/sys/kernel/btf/vmlinux: %s): it "
		    "needs CONFIG_DEBUG_INFO_BTF, as distribution kernels have",
		    strerror(errno));
	b = calloc(1, sizeof(*b));
	if (!b)
		return mw_source_bpf_fail(cfg, -ENOMEM, "out of memory");
	s = &b->source;
	b->source.ops = &bpf_ops;
	b->epoll_fd = -1;
	b->simulate_loss = cfg->simulate_loss;
	b->n_cpus = libbpf_num_possible_cpus();
	if (b->n_cpus <= 0)
		return mw_source_bpf_fail(cfg, -EIO, "cannot count the processors");
	b->cpus = calloc((size_t)b->n_cpus, sizeof(*b->cpus));
	if (!b->cpus || mw_u64set_init(&b->uids, 8192) || mw_u64set_init(&b->procs, 65536) ||
	    mw_u64set_init(&b->mounts, 4096) || mw_environs_new(&b->queue, &b->environs) ||
	    mw_runtimes_new(&mw_source_bpf_runtimes, b, &b->runtimes))
		return mw_source_bpf_fail(cfg, -ENOMEM, "out of memory");

	r = mw_source_bpf_start(b, cfg, ring_len);
	if (r < 0)
		return r;
	*ret = MW_TAKE(s);
	return 0;
}
