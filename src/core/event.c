/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event.h"

#include <errno.h>

/* Bytes every event of a type has before its variable data; 0: a type we do not know. */
static size_t body_len(uint16_t type)
{
	switch (type) {
	case MW_EV_IO:
		return sizeof(struct mw_ev_io);
	case MW_EV_FORK:
		return sizeof(struct mw_ev_fork);
	case MW_EV_EXEC:
	case MW_EV_PROC:
		return sizeof(struct mw_ev_proc);
	case MW_EV_EXIT:
		return sizeof(struct mw_ev_exit);
	case MW_EV_ACT:
		return sizeof(struct mw_ev_act);
	case MW_EV_SOCK:
		return sizeof(struct mw_ev_sock);
	case MW_EV_CLOSE:
		return sizeof(struct mw_ev_close);
	case MW_EV_NAME:
		return sizeof(struct mw_ev_name);
	case MW_EV_META:
		return sizeof(struct mw_ev_meta);
	case MW_EV_TICK:
		return sizeof(struct mw_event_hdr);
	case MW_EV_LOST:
		return sizeof(struct mw_ev_lost);
	case MW_EV_CLOCK:
		return sizeof(struct mw_ev_clock);
	case MW_EV_USER:
		return sizeof(struct mw_ev_user);
	case MW_EV_TASK:
		return sizeof(struct mw_ev_task);
	case MW_EV_DGRAM:
		return sizeof(struct mw_ev_dgram);
	case MW_EV_RUNTIME:
		return sizeof(struct mw_ev_runtime);
	case MW_EV_MOUNTS:
		return sizeof(struct mw_ev_mounts);
	case MW_EV_ENV:
		return sizeof(struct mw_ev_env);
	case MW_EV_SEAL:
		return sizeof(struct mw_ev_seal);
	case MW_EV_STORE:
		return sizeof(struct mw_ev_store);
	case MW_EV_STATE:
		return sizeof(struct mw_ev_state);
	case MW_EV_OUTLET:
		return sizeof(struct mw_ev_outlet);
	default:
		return 0;
	}
}

static bool io_sound(const struct mw_ev_io *ev)
{
	uint64_t end;

	/* dir and kind choose array slots further down */
	return ev->dir <= MW_DIR_WRITE && ev->kind >= MW_CHAN_PIPE && ev->kind <= MW_CHAN_TCP6 &&
	       ev->captured <= ev->moved && !__builtin_add_overflow(ev->off, ev->moved, &end);
}

/* The sums cannot overflow: at most five lengths of 16 bits, or one of 32 in 64. */
static size_t data_len(const struct mw_event_hdr *h)
{
	const void *p = h;

	switch (h->type) {
	case MW_EV_IO:
		return ((const struct mw_ev_io *)p)->captured;
	case MW_EV_EXEC:
	case MW_EV_PROC: {
		const struct mw_ev_proc *ev = p;

		return (size_t)ev->exe_len + ev->argv_len + ev->cwd_len + ev->cgroup_len;
	}
	case MW_EV_ACT: {
		const struct mw_ev_act *ev = p;

		return (size_t)ev->path_len + ev->base_len + ev->asked_len + ev->base2_len +
		       ev->asked2_len;
	}
	case MW_EV_META: {
		const struct mw_ev_meta *ev = p;

		return (size_t)ev->host_len + ev->kernel_len + ev->boot_id_len + ev->mcpwatch_len +
		       ev->sources_len;
	}
	case MW_EV_USER: {
		const struct mw_ev_user *ev = p;

		return (size_t)ev->name_len + ev->home_len;
	}
	case MW_EV_DGRAM:
		return ((const struct mw_ev_dgram *)p)->captured;
	case MW_EV_RUNTIME: {
		const struct mw_ev_runtime *ev = p;

		return (size_t)ev->version_len + ev->note_len;
	}
	case MW_EV_MOUNTS: {
		const struct mw_ev_mounts *ev = p;

		return (size_t)ev->host_len + ev->ns_len;
	}
	case MW_EV_ENV:
		return ((const struct mw_ev_env *)p)->env_len;
	case MW_EV_SEAL:
		return ((const struct mw_ev_seal *)p)->vkey_len;
	case MW_EV_STATE:
		return ((const struct mw_ev_state *)p)->len;
	case MW_EV_OUTLET:
		return ((const struct mw_ev_outlet *)p)->name_len;
	case MW_EV_NAME: {
		const struct mw_ev_name *ev = p;

		return (size_t)ev->name_len + ev->file_len;
	}
	default:
		return 0;
	}
}

int mw_event_check(const void *p, size_t n)
{
	const struct mw_event_hdr *h = p;
	size_t body;

	if (n >= sizeof(h->len) &&
	    (h->len < sizeof(*h) || h->len > MW_EVENT_MAX || h->len % 8 != 0))
		return -EBADMSG;
	if (n < sizeof(*h))
		return 0;
	body = body_len(h->type);
	if (h->len < body)
		return -EBADMSG;
	if (h->len > n)
		return 0;
	if (data_len(h) > h->len - body)
		return -EBADMSG;
	if (h->type == MW_EV_IO && !io_sound(p))
		return -EBADMSG;
	return (int)h->len;
}

static struct mw_slice cut(const uint8_t **p, size_t n)
{
	struct mw_slice s = { *p, n };

	*p += n;
	return s;
}

struct mw_slice mw_event_io_bytes(const struct mw_ev_io *ev)
{
	return mw_slice(ev + 1, ev->captured);
}

struct mw_event_proc_strings mw_event_proc_strings(const struct mw_ev_proc *ev)
{
	const uint8_t *p = (const uint8_t *)(ev + 1);
	struct mw_event_proc_strings s;

	s.exe = cut(&p, ev->exe_len);
	s.argv = cut(&p, ev->argv_len);
	s.cwd = cut(&p, ev->cwd_len);
	s.cgroup = cut(&p, ev->cgroup_len);
	return s;
}

struct mw_event_act_strings mw_event_act_strings(const struct mw_ev_act *ev)
{
	const uint8_t *p = (const uint8_t *)(ev + 1);
	struct mw_event_act_strings s;

	s.path = cut(&p, ev->path_len);
	s.base = cut(&p, ev->base_len);
	s.asked = cut(&p, ev->asked_len);
	s.base2 = cut(&p, ev->base2_len);
	s.asked2 = cut(&p, ev->asked2_len);
	return s;
}

struct mw_event_meta_strings mw_event_meta_strings(const struct mw_ev_meta *ev)
{
	const uint8_t *p = (const uint8_t *)(ev + 1);
	struct mw_event_meta_strings s;

	s.host = cut(&p, ev->host_len);
	s.kernel = cut(&p, ev->kernel_len);
	s.boot_id = cut(&p, ev->boot_id_len);
	s.mcpwatch = cut(&p, ev->mcpwatch_len);
	s.sources = cut(&p, ev->sources_len);
	return s;
}

struct mw_slice mw_event_env(const struct mw_ev_env *ev)
{
	return mw_slice(ev + 1, ev->env_len);
}

struct mw_slice mw_event_seal_vkey(const struct mw_ev_seal *ev)
{
	return mw_slice(ev + 1, ev->vkey_len);
}

struct mw_slice mw_event_user(const struct mw_ev_user *ev, struct mw_slice *ret_home)
{
	const uint8_t *p = (const uint8_t *)(ev + 1);
	struct mw_slice name = cut(&p, ev->name_len);

	*ret_home = cut(&p, ev->home_len);
	return name;
}

struct mw_slice mw_event_state(const struct mw_ev_state *ev)
{
	return mw_slice(ev + 1, ev->len);
}

struct mw_slice mw_event_outlet(const struct mw_ev_outlet *ev)
{
	return mw_slice(ev + 1, ev->name_len);
}

struct mw_slice mw_event_name(const struct mw_ev_name *ev, struct mw_slice *ret_file)
{
	const uint8_t *p = (const uint8_t *)(ev + 1);
	struct mw_slice name = cut(&p, ev->name_len);

	*ret_file = cut(&p, ev->file_len);
	return name;
}

/* --- holes in the sequence ----------------------------------------------------------------------
 *
 * Of a cpu: every number below `base` is judged; bit i says whether base + i was seen.
 */
struct seq_cpu {
	uint64_t base, seen;
	bool started;
};

struct mw_seq {
	const struct mw_alloc *a;
	unsigned int n_cpu;
	uint64_t unfollowed;
	struct seq_cpu cpu[];
};

_Static_assert(MW_SEQ_WINDOW == 64, "one bit of seq_cpu.seen each");

static size_t seq_size(unsigned int n_cpu)
{
	return sizeof(struct mw_seq) + (size_t)n_cpu * sizeof(struct seq_cpu);
}

int mw_seq_new(const struct mw_alloc *a, unsigned int n_cpu_max, struct mw_seq **ret)
{
	struct mw_seq *s = mw_alloc_zero(a, seq_size(n_cpu_max));

	if (!s)
		return -ENOMEM;
	s->a = a;
	s->n_cpu = n_cpu_max;
	*ret = s;
	return 0;
}

void mw_seq_free(struct mw_seq *s)
{
	if (s)
		mw_alloc_free(s->a, s, seq_size(s->n_cpu));
}

/* Not __builtin_popcountll: without the instruction it calls libgcc. */
static uint64_t count_bits(uint64_t v)
{
	uint64_t n;

	for (n = 0; v; n++)
		v &= v - 1;
	return n;
}

/* Moves the window up to `base`; how many unseen numbers fell out of it. */
static uint64_t seq_advance(struct seq_cpu *c, uint64_t base)
{
	uint64_t shift = base - c->base, lost;

	if (shift == 0)
		return 0;
	if (shift >= MW_SEQ_WINDOW) {
		lost = shift - count_bits(c->seen);
		c->seen = 0;
	} else {
		uint64_t out = c->seen & ((UINT64_C(1) << shift) - 1);

		lost = shift - count_bits(out);
		c->seen >>= shift;
	}
	c->base = base;
	return lost;
}

uint64_t mw_seq_push(struct mw_seq *s, uint32_t cpu, uint64_t seq)
{
	struct seq_cpu *c;
	uint64_t lost = 0;

	if (cpu >= s->n_cpu) {
		s->unfollowed++;
		return 0;
	}
	c = &s->cpu[cpu];
	if (!c->started) {
		c->started = true;
		c->base = seq <= MW_SEQ_WINDOW ? 0 : seq;
	}
	if (seq < c->base)
		return 0; /* already counted as lost, or from before we joined */
	if (seq - c->base >= MW_SEQ_WINDOW)
		lost = seq_advance(c, seq - MW_SEQ_WINDOW + 1);
	c->seen |= UINT64_C(1) << (seq - c->base);
	return lost;
}

bool mw_seq_broken(const struct mw_seq *s, uint32_t cpu)
{
	/* the seen numbers of the window are its lowest ones if none is missing */
	return cpu < s->n_cpu && (s->cpu[cpu].seen & (s->cpu[cpu].seen + 1)) != 0;
}

uint64_t mw_seq_finish(struct mw_seq *s, uint32_t cpu, uint64_t next)
{
	struct seq_cpu *c;

	if (cpu >= s->n_cpu) {
		s->unfollowed++;
		return 0;
	}
	c = &s->cpu[cpu];
	c->started = true;
	return next > c->base ? seq_advance(c, next) : 0;
}

uint64_t mw_seq_unfollowed(const struct mw_seq *s)
{
	return s->unfollowed;
}
