/* SPDX-License-Identifier: Apache-2.0 */
#include "core/stream_priv.h"

#include <errno.h>

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

/* The offsets of the whole system call; a hostile capture's as far as they can be. */
static struct mw_move move_of(const struct mw_ev_io *ev)
{
	struct mw_move m = { .task = mw_task_of(&ev->hdr), .to = ev->off + ev->moved };

	m.from = ev->off - (ev->call_off < ev->off ? ev->call_off : ev->off);
	if (ev->call_len > m.to - m.from && ev->call_len <= UINT64_MAX - m.from)
		m.to = m.from + ev->call_len;
	return m;
}

static struct piece piece_of(const struct mw_ev_io *ev)
{
	return (struct piece){
		.off = ev->off,
		.ts_ns = ev->hdr.ts_ns,
		.proc = mw_prockey_of(&ev->hdr),
		.bytes = mw_event_io_bytes(ev).p,
		.tid = ev->hdr.tid,
		.flags = ev->hdr.flags & (MW_EVF_CANDIDATE | MW_EVF_STREAM),
		.moved = ev->moved,
		.captured = ev->captured,
		.miss = ev->miss,
		.inside = ev->call_off != 0,
		.move = move_of(ev),
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
	case MW_MISS_URING:
		return MW_GAP_URING;
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
				  .tid = p->tid,
				  .move = p->move,
				  .flags = p->flags,
				  .sock = h->chan,
				  .gen = h->gen };
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
	ret->inside = p->inside || skip;
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

/* What a half holds, and behind it that it ended. */
static int give_half(struct mw_stream *s, struct mw_half *h, uint64_t through, struct mw_chunk *ret)
{
	if (give_held(s, h, through, ret))
		return 1;
	if (!h->closing || h->head)
		return 0;
	h->closing = false;
	h->closed = true;
	*ret = (struct mw_chunk){ .chan = &h->of->pub,
				  .end = h->end,
				  .closed = true,
				  .off = h->next,
				  .ts_ns = h->close_ns,
				  .proc = h->close_proc,
				  .tid = h->close_tid,
				  .sock = h->chan,
				  .gen = h->gen };
	return 1;
}

static int give_leaving(struct mw_stream *s, struct mw_chunk *ret)
{
	struct chan *c = s->leaving;

	for (int i = 0; i < 2; i++)
		if (give_half(s, &c->half[i], UINT64_MAX, ret))
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

		if (give_half(s, h, s->finishing ? UINT64_MAX : 0, ret))
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

static bool is_busy(const struct mw_stream *s)
{
	return s->rest.gap || s->leaving || s->ev || s->work_first;
}

int mw_stream_push(struct mw_stream *s, const struct mw_ev_io *ev)
{
	struct mw_half *h;
	struct chan *c;
	int r;

	if (is_busy(s))
		return -EBUSY;
	give_back(s);
	if (ev->hdr.ts_ns > s->now_ns)
		s->now_ns = ev->hdr.ts_ns;
	r = mw_stream_chan_of(s, ev, &c);
	if (r > 0) {
		s->stats.late_bytes += ev->moved;
		return 0;
	}
	if (r < 0) {
		s->stats.dropped_bytes += ev->moved;
		return r;
	}
	h = mw_stream_touch(s, c, ev);
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

void mw_stream_ending(struct mw_stream *s, struct mw_half *h, bool ending)
{
	if (h->ending == ending)
		return;
	h->ending = ending;
	if (ending) {
		h->ending_prev = NULL;
		h->ending_next = s->ending_first;
		if (h->ending_next)
			h->ending_next->ending_prev = h;
		s->ending_first = h;
		return;
	}
	*(h->ending_prev ? &h->ending_prev->ending_next : &s->ending_first) = h->ending_next;
	if (h->ending_next)
		h->ending_next->ending_prev = h->ending_prev;
}

static void half_close(struct mw_stream *s, struct mw_half *h)
{
	mw_stream_ending(s, h, false);
	h->closing = true;
	work_add(s, h);
}

int mw_stream_close(struct mw_stream *s, const struct mw_ev_close *ev)
{
	if (is_busy(s))
		return -EBUSY;
	give_back(s);
	if (ev->hdr.ts_ns > s->now_ns)
		s->now_ns = ev->hdr.ts_ns;
	for (int dir = 0; dir < 2; dir++) {
		struct mw_half *h;

		if (ev->how == (dir == MW_DIR_READ ? MW_CLOSE_LOCAL : MW_CLOSE_PEER))
			continue;
		h = mw_stream_half_of(s, ev, dir);
		if (!h || h->closed || h->closing)
			continue;
		h->close_ns = ev->hdr.ts_ns;
		h->close_proc = mw_prockey_of(&ev->hdr);
		h->close_tid = ev->hdr.tid;
		if (ev->how == MW_CLOSE_PEER)
			mw_stream_ending(s, h, true);
		else
			half_close(s, h);
	}
	return 0;
}

/* Those that have read nothing for so long that nothing is left to be read. */
static void close_ending(struct mw_stream *s, uint64_t quiet_ns)
{
	struct mw_half *h, *next;

	for (h = s->ending_first; h; h = next) {
		uint64_t since = h->last_ns > h->close_ns ? h->last_ns : h->close_ns;

		next = h->ending_next;
		if (s->tick_ns < since || s->tick_ns - since < quiet_ns)
			continue;
		h->close_ns = since;
		half_close(s, h);
	}
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
	close_ending(s, MW_STREAM_QUIET_NS);
}

void mw_stream_finish(struct mw_stream *s)
{
	struct mw_half *h;

	s->finishing = true;
	s->tick_ns = s->now_ns;
	close_ending(s, 0);
	for (h = s->wait_first; h; h = h->wait_next)
		work_add(s, h);
}

void mw_stream_stats(const struct mw_stream *s, struct mw_stream_stats *ret)
{
	*ret = s->stats;
}

size_t mw_stream_count(const struct mw_stream *s)
{
	return mw_table_count(s->table);
}
