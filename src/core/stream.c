/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/table.h"
#include "core/event.h"

/*
 * Invariants
 *  1. Between two pulls to the end, the first held chunk of a half lies beyond its `next`: there is
 * a hole before it. `next` only grows.
 *  2. Held chunks are in the order of their offsets; they may overlap, and are trimmed when they
 * come out. `since` of one is when a chunk at or behind it was first seen: how long the hole before
 *     it is known.
 *  3. A half is in the waiting list exactly while it holds chunks.
 *  4. A chunk that cannot be held is not lost: the holes before it are given up instead, and it
 * goes out from the event itself.
 */
/* What an event brings, and whence. */
struct piece {
	uint64_t off, ts_ns;
	struct mw_prockey proc;
	const uint8_t *bytes;
	uint32_t tid, moved, captured;
	uint8_t miss;
};

struct held {
	struct held *next;
	uint64_t since;
	struct piece piece;
	uint8_t bytes[];
};

struct mw_half {
	uint64_t chan, gen; /* as this end names it */
	uint64_t next;	    /* offset of the first byte not given out */
	struct held *head, *tail;
	size_t n_held, held_bytes;
	struct mw_half *wait_prev, *wait_next;
	struct mw_half *work_next;
	struct chan *of;
	bool queued;
	uint8_t end; /* enum mw_end */
};

struct chan {
	struct mw_chan pub;
	struct mw_half half[2];
	struct chan *newer, *older; /* by last use */
	uint64_t key[6];
};

struct mw_stream {
	const struct mw_alloc *a;
	size_t chan_max;
	struct mw_table *table;
	struct chan *newest, *oldest;
	struct mw_half *wait_first;
	struct mw_half *work_first, *work_last; /* halves that may have something to give */
	const struct mw_ev_io *ev;		/* to be given out of ev_half; not ours */
	struct mw_half *ev_half;
	struct mw_chunk rest;	  /* the gap behind what was just given out; gap 0: none */
	struct held *lent;	  /* its bytes are with the caller */
	struct chan *leaving;	  /* evicted, not all given out yet */
	struct chan *left;	  /* evicted, and said so: freed at the next call */
	uint64_t now_ns, tick_ns; /* the latest of all, and of the ticks */
	uint64_t last_id;
	bool finishing;
	struct mw_stream_stats stats;
};

int mw_stream_new(const struct mw_alloc *a, size_t chan_max, struct mw_stream **ret)
{
	struct mw_stream *s;
	int r;

	if (chan_max == 0)
		return -EINVAL;
	s = mw_alloc_zero(a, sizeof(*s));
	if (!s)
		return -ENOMEM;
	r = mw_table_new(a, sizeof(((struct chan *)NULL)->key), chan_max, &s->table);
	if (r < 0) {
		mw_alloc_free(a, s, sizeof(*s));
		return r;
	}
	s->a = a;
	s->chan_max = chan_max;
	*ret = s;
	return 0;
}

static void held_free(struct mw_stream *s, struct held *e)
{
	if (e)
		mw_alloc_free(s->a, e, sizeof(*e) + e->piece.captured);
}

static void chan_free(struct mw_stream *s, struct chan *c)
{
	if (!c)
		return;
	for (int i = 0; i < 2; i++) {
		struct held *e, *next;

		for (e = c->half[i].head; e; e = next) {
			next = e->next;
			held_free(s, e);
		}
	}
	mw_alloc_free(s->a, c, sizeof(*c));
}

/* What the caller had until now. */
static void give_back(struct mw_stream *s)
{
	held_free(s, s->lent);
	s->lent = NULL;
	chan_free(s, s->left);
	s->left = NULL;
}

void mw_stream_free(struct mw_stream *s)
{
	struct chan *c, *older;

	if (!s)
		return;
	give_back(s);
	chan_free(s, s->leaving);
	for (c = s->newest; c; c = older) {
		older = c->older;
		chan_free(s, c);
	}
	mw_table_free(s->table);
	mw_alloc_free(s->a, s, sizeof(*s));
}

/* --- channels -------------------------------------------------------------------------- */

static void lru_unlink(struct mw_stream *s, struct chan *c)
{
	*(c->newer ? &c->newer->older : &s->newest) = c->older;
	*(c->older ? &c->older->newer : &s->oldest) = c->newer;
	c->newer = c->older = NULL;
}

static void lru_link(struct mw_stream *s, struct chan *c)
{
	c->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = c;
	s->newest = c;
}

/* IPv4, however it is written, becomes IPv4. False: no address we could join ends by. */
static bool addr_normal(const struct mw_addr *in, struct mw_addr *ret)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct mw_addr a = { .port = in->port, .family = in->family };

	if (in->port == 0)
		return false;
	if (in->family == AF_INET) {
		memcpy(a.ip, in->ip, 4);
	} else if (in->family == AF_INET6 && memcmp(in->ip, mapped, sizeof(mapped)) == 0) {
		a.family = AF_INET;
		memcpy(a.ip, in->ip + 12, 4);
	} else if (in->family == AF_INET6) {
		memcpy(a.ip, in->ip, 16);
	} else {
		return false;
	}
	*ret = a;
	return true;
}

/* What a channel is found by. TCP: both addresses in the direction of the bytes. */
struct chan_name {
	uint64_t key[6];
	struct mw_addr src, dst;
	uint8_t kind;
	bool joined; /* TCP with addresses: each end has its own chan and gen */
};

static void chan_name(const struct mw_ev_io *ev, struct chan_name *n)
{
	bool out = ev->dir == MW_DIR_WRITE;

	*n = (struct chan_name){ .kind = ev->kind, .key = { ev->kind, ev->chan } };
	if (ev->kind != MW_CHAN_TCP4 && ev->kind != MW_CHAN_TCP6)
		return;
	if (!addr_normal(out ? &ev->local : &ev->peer, &n->src) ||
	    !addr_normal(out ? &ev->peer : &ev->local, &n->dst)) {
		/* without addresses a socket still has its two directions */
		n->src = n->dst = (struct mw_addr){ 0 };
		n->key[2] = (uint64_t)ev->dir + 1;
		return;
	}
	n->joined = true;
	n->kind = n->src.family == AF_INET ? MW_CHAN_TCP4 : MW_CHAN_TCP6;
	n->key[0] = (uint64_t)n->src.port << 48 | (uint64_t)n->dst.port << 32 |
		    (uint64_t)n->src.family << 16 | (uint64_t)n->dst.family << 8 | n->kind;
	n->key[1] = ev->netns;
	memcpy(&n->key[2], n->src.ip, 16);
	memcpy(&n->key[4], n->dst.ip, 16);
}

static void chan_evict(struct mw_stream *s, struct chan *c)
{
	mw_table_remove(s->table, c->key);
	lru_unlink(s, c);
	s->leaving = c;
}

static int chan_add(struct mw_stream *s, const struct mw_ev_io *ev, const struct chan_name *n,
		    struct chan **ret)
{
	struct chan *c = mw_alloc_zero(s->a, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	if (mw_table_count(s->table) >= s->chan_max) {
		s->stats.evicted++;
		chan_evict(s, s->oldest);
	}
	memcpy(c->key, n->key, sizeof(c->key));
	r = mw_table_put(s->table, c->key, c);
	if (r < 0) {
		mw_alloc_free(s->a, c, sizeof(*c));
		return r;
	}
	c->pub = (struct mw_chan){ .id = ++s->last_id,
				   .kind = n->kind,
				   .chan = ev->chan,
				   .gen = ev->gen,
				   .src = n->src,
				   .dst = n->dst };
	for (uint8_t i = 0; i < 2; i++) {
		c->half[i].of = c;
		c->half[i].end = i;
	}
	lru_link(s, c);
	*ret = c;
	return 0;
}

/* The channel of this event, made if need be; 1 if the event speaks of an older one of this name.
 */
static int chan_find(struct mw_stream *s, const struct mw_ev_io *ev, struct chan **ret)
{
	struct chan_name n;
	struct chan *c;
	uint64_t chan, gen;

	chan_name(ev, &n);
	c = mw_table_get(s->table, n.key);
	if (!c)
		return chan_add(s, ev, &n, ret);
	if (!n.joined) {
		chan = c->pub.chan;
		gen = c->pub.gen;
	} else if (c->pub.half[ev->dir]) {
		chan = c->half[ev->dir].chan;
		gen = c->half[ev->dir].gen;
	} else {
		chan = ev->chan;
		gen = ev->gen;
	}
	if (gen != ev->gen || chan != ev->chan) {
		if (ev->gen < gen)
			return 1;
		s->stats.replaced++;
		chan_evict(s, c);
		return chan_add(s, ev, &n, ret);
	}
	lru_unlink(s, c);
	lru_link(s, c);
	*ret = c;
	return 0;
}

static struct mw_half *half_touch(struct chan *c, const struct mw_ev_io *ev)
{
	struct mw_half *h = &c->half[ev->dir];

	if (!c->pub.half[ev->dir]) {
		c->pub.half[ev->dir] = h;
		h->chan = ev->chan;
		h->gen = ev->gen;
		if (ev->chan != c->pub.chan || ev->gen != c->pub.gen) {
			c->pub.chan2 = ev->chan;
			c->pub.gen2 = ev->gen;
		}
	}
	if (c->pub.ino == 0)
		c->pub.ino = ev->ino;
	if (ev->hdr.tgid)
		c->pub.last[ev->dir] = mw_prockey_of(&ev->hdr);
	return h;
}

/* --- held chunks ----------------------------------------------------------------------- */

static void wait_link(struct mw_stream *s, struct mw_half *h)
{
	h->wait_prev = NULL;
	h->wait_next = s->wait_first;
	if (s->wait_first)
		s->wait_first->wait_prev = h;
	s->wait_first = h;
}

static void wait_unlink(struct mw_stream *s, struct mw_half *h)
{
	*(h->wait_prev ? &h->wait_prev->wait_next : &s->wait_first) = h->wait_next;
	if (h->wait_next)
		h->wait_next->wait_prev = h->wait_prev;
	h->wait_prev = h->wait_next = NULL;
}

static void work_add(struct mw_stream *s, struct mw_half *h)
{
	if (h->queued || h->of == s->leaving)
		return;
	h->queued = true;
	h->work_next = NULL;
	*(s->work_last ? &s->work_last->work_next : &s->work_first) = h;
	s->work_last = h;
}

static struct piece piece_of(const struct mw_ev_io *ev)
{
	return (struct piece){
		.off = ev->off,
		.ts_ns = ev->hdr.ts_ns,
		.proc = mw_prockey_of(&ev->hdr),
		.bytes = mw_event_io_bytes(ev).p,
		.tid = ev->hdr.tid,
		.moved = ev->moved,
		.captured = ev->captured,
		.miss = ev->miss,
	};
}

/* 0, or -ENOMEM: not held, also when a limit says so. */
static int hold(struct mw_stream *s, struct mw_half *h, const struct mw_ev_io *ev)
{
	size_t size = sizeof(struct held) + ev->captured;
	struct held *e, **at;

	if (h->n_held >= MW_STREAM_HELD_CHUNKS || h->held_bytes + size > MW_STREAM_HELD_MAX ||
	    s->stats.held_bytes + size > MW_STREAM_HELD_TOTAL)
		return -ENOMEM;
	e = s->a->resize(s->a->ctx, NULL, 0, size);
	if (!e)
		return -ENOMEM;
	*e = (struct held){ .since = s->now_ns, .piece = piece_of(ev) };
	if (ev->captured)
		memcpy(e->bytes, e->piece.bytes, ev->captured);
	e->piece.bytes = e->bytes;
	/* nearly always the last one */
	at = h->tail && h->tail->piece.off <= ev->off ? &h->tail->next : &h->head;
	while (*at && (*at)->piece.off <= ev->off)
		at = &(*at)->next;
	e->next = *at;
	*at = e;
	if (e->next)
		e->since = e->next->since;
	else
		h->tail = e;
	if (h->n_held++ == 0)
		wait_link(s, h);
	h->held_bytes += size;
	s->stats.held_bytes += size;
	return 0;
}

static struct held *unhold(struct mw_stream *s, struct mw_half *h)
{
	struct held *e = h->head;
	size_t size = sizeof(*e) + e->piece.captured;

	h->head = e->next;
	if (!h->head)
		h->tail = NULL;
	h->held_bytes -= size;
	s->stats.held_bytes -= size;
	if (--h->n_held == 0)
		wait_unlink(s, h);
	return e;
}

/* --- out ------------------------------------------------------------------------------- */

static enum mw_gap_reason gap_reason(uint8_t miss)
{
	switch (miss) {
	case MW_MISS_FAULT:
		return MW_GAP_FAULT;
	case MW_MISS_LIMIT:
		return MW_GAP_LIMIT;
	case MW_MISS_CARRIER:
		return MW_GAP_CARRIER;
	default:
		return MW_GAP_LOST;
	}
}

static struct mw_chunk chunk_of(struct mw_half *h, const struct piece *p)
{
	return (struct mw_chunk){ .chan = &h->of->pub,
				  .end = h->end,
				  .off = h->next,
				  .ts_ns = p->ts_ns,
				  .proc = p->proc,
				  .tid = p->tid };
}

static void give_gap(struct mw_stream *s, struct mw_half *h, const struct piece *p, uint64_t n,
		     enum mw_gap_reason reason, struct mw_chunk *ret)
{
	*ret = chunk_of(h, p);
	ret->gap = n;
	ret->reason = reason;
	h->next += n;
	s->stats.gap_bytes += n;
}

/* Gives out a piece that begins at or before `next`; 0 if all of it is behind us. */
static int give_piece(struct mw_stream *s, struct mw_half *h, const struct piece *p,
		      struct mw_chunk *ret)
{
	uint64_t skip = h->next - p->off;

	if (skip >= p->moved) {
		s->stats.late_bytes += p->moved;
		return 0;
	}
	s->stats.late_bytes += skip;
	if (skip >= p->captured) {
		give_gap(s, h, p, p->moved - skip, gap_reason(p->miss), ret);
		return 1;
	}
	*ret = chunk_of(h, p);
	ret->bytes = mw_slice(p->bytes + skip, p->captured - skip);
	h->next += ret->bytes.n;
	s->stats.bytes += ret->bytes.n;
	if (p->moved > p->captured)
		give_gap(s, h, p, p->moved - p->captured, gap_reason(p->miss), &s->rest);
	return 1;
}

/* As of the last tick: so an event never ends a hole that its other half would have filled. */
static bool overdue(const struct mw_stream *s, const struct mw_half *h)
{
	return s->tick_ns >= h->head->since && s->tick_ns - h->head->since >= MW_STREAM_WAIT_NS;
}

/* One chunk of what a half holds; holes before `through` are given up. 0: it waits or is empty. */
static int give_held(struct mw_stream *s, struct mw_half *h, uint64_t through, struct mw_chunk *ret)
{
	while (h->head &&
	       (h->head->piece.off < through || h->head->piece.off <= h->next || overdue(s, h))) {
		struct piece p = h->head->piece;
		struct held *e;

		if (p.off > h->next) {
			give_gap(s, h, &p, p.off - h->next, MW_GAP_LOST, ret);
			return 1;
		}
		e = unhold(s, h);
		if (give_piece(s, h, &p, ret)) {
			s->lent = e;
			return 1;
		}
		held_free(s, e);
	}
	return 0;
}

static int give_leaving(struct mw_stream *s, struct mw_chunk *ret)
{
	struct chan *c = s->leaving;

	for (int i = 0; i < 2; i++)
		if (give_held(s, &c->half[i], UINT64_MAX, ret))
			return 1;
	s->leaving = NULL;
	s->left = c;
	*ret = (struct mw_chunk){ .chan = &c->pub, .evicted = true };
	return 1;
}

static int give_event(struct mw_stream *s, struct mw_chunk *ret)
{
	struct piece p = piece_of(s->ev);
	struct mw_half *h = s->ev_half;

	if (give_held(s, h, p.off, ret))
		return 1;
	if (p.off > h->next) {
		give_gap(s, h, &p, p.off - h->next, MW_GAP_LOST, ret);
		return 1;
	}
	s->ev = NULL;
	return give_piece(s, h, &p, ret);
}

int mw_stream_next(struct mw_stream *s, struct mw_chunk *ret)
{
	give_back(s);
	if (s->rest.gap) {
		*ret = s->rest;
		s->rest.gap = 0;
		return 1;
	}
	if (s->leaving)
		return give_leaving(s, ret);
	if (s->ev && give_event(s, ret))
		return 1;
	while (s->work_first) {
		struct mw_half *h = s->work_first;

		if (give_held(s, h, s->finishing ? UINT64_MAX : 0, ret))
			return 1;
		s->work_first = h->work_next;
		if (!s->work_first)
			s->work_last = NULL;
		h->queued = false;
	}
	s->finishing = false;
	return 0;
}

/* --- in -------------------------------------------------------------------------------- */

int mw_stream_push(struct mw_stream *s, const struct mw_ev_io *ev)
{
	struct mw_half *h;
	struct chan *c;
	int r;

	if (s->rest.gap || s->leaving || s->ev || s->work_first)
		return -EBUSY;
	give_back(s);
	if (ev->hdr.ts_ns > s->now_ns)
		s->now_ns = ev->hdr.ts_ns;
	r = chan_find(s, ev, &c);
	if (r > 0) {
		s->stats.late_bytes += ev->moved;
		return 0;
	}
	if (r < 0) {
		s->stats.dropped_bytes += ev->moved;
		return r;
	}
	h = half_touch(c, ev);
	if (ev->moved == 0)
		return 0;
	if (ev->off <= h->next || hold(s, h, ev) < 0) {
		s->ev = ev;
		s->ev_half = h;
	}
	if (h->head)
		work_add(s, h);
	return 0;
}

void mw_stream_tick(struct mw_stream *s, uint64_t now_ns)
{
	struct mw_half *h;

	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	if (now_ns > s->tick_ns)
		s->tick_ns = now_ns;
	for (h = s->wait_first; h; h = h->wait_next)
		if (overdue(s, h))
			work_add(s, h);
}

void mw_stream_finish(struct mw_stream *s)
{
	struct mw_half *h;

	s->finishing = true;
	for (h = s->wait_first; h; h = h->wait_next)
		work_add(s, h);
}

void mw_stream_stats(const struct mw_stream *s, struct mw_stream_stats *ret)
{
	*ret = s->stats;
}
