/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ends_priv.h"

#include <errno.h>

/*
 * Invariants
 *  1. An entry is in the pending list of its end from its FIRST until its other copy came or, if it
 *     stood alone, until nothing that comes can be its other copy any more (`done`).
 *  2. An entry is `out` while it is on the ready list or with the caller; it is freed when it is
 *     neither out nor pending.
 *  3. What lack of memory takes away is counted (n_nomem), whatever else is said of it.
 */

#include "base/hash.h"
#include "base/json.h"
#include "core/http.h"

int mw_ends_new(const struct mw_alloc *a, size_t message_max, uint64_t seed, struct mw_ends **ret)
{
	struct mw_ends *e = mw_alloc_zero(a, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->a = a;
	e->message_max = message_max;
	e->seed = seed;
	*ret = e;
	return 0;
}

static void chan_free(struct mw_ends *e, struct ends_chan *c)
{
	mw_ends_forget_all(e, c);
	mw_framer_done(&c->framer[0]);
	mw_framer_done(&c->framer[1]);
	if (c->prev)
		c->prev->next = c->next;
	else
		e->chans = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (e->current == c)
		e->current = NULL;
	if (e->ending == c)
		e->ending = NULL;
	mw_alloc_free(e->a, c, sizeof(*c));
}

void mw_ends_free(struct mw_ends *e)
{
	struct entry *en, *after;

	if (!e)
		return;
	while (e->chans)
		chan_free(e, e->chans);
	for (en = e->ready; en; en = after) {
		after = en->after;
		mw_ends_entry_free(e, en);
	}
	mw_ends_give_back(e);
	mw_alloc_free(e->a, e, sizeof(*e));
}

static struct ends_chan *chan_of(struct mw_ends *e, struct mw_chan *chan)
{
	struct ends_chan *c = chan->ends;

	if (c)
		return c;
	c = mw_alloc_zero(e->a, sizeof(*c));
	if (!c)
		return NULL;
	c->chan = chan;
	mw_framer_init(&c->framer[0], e->a, e->message_max);
	mw_framer_init(&c->framer[1], e->a, e->message_max);
	c->next = e->chans;
	if (c->next)
		c->next->prev = c;
	e->chans = c;
	chan->ends = c;
	return c;
}

uint64_t mw_ends_nomem(const struct mw_ends *e)
{
	return e->n_nomem;
}

void mw_ends_trust(struct mw_ends *e, struct mw_chan *chan, enum mw_end end)
{
	struct ends_chan *c = chan->ends;

	(void)e;
	if (!c)
		return;
	c->trusted = end;
	c->trusted_known = true;
}

void mw_ends_revive(struct mw_ends *e, struct mw_chan *chan)
{
	struct ends_chan *c = chan->ends;
	int i;

	if (!c || !c->dropped)
		return;
	c->dropped = false;
	for (i = 0; i < 2; i++)
		mw_framer_init(&c->framer[i], e->a, e->message_max);
}

void mw_ends_drop(struct mw_ends *e, struct mw_chan *chan)
{
	struct ends_chan *c = chan->ends;
	struct entry *en, **at;

	if (!c)
		return;
	c->dropped = true;
	mw_ends_forget_all(e, c);
	mw_framer_done(&c->framer[0]);
	mw_framer_done(&c->framer[1]);
	e->ready_last = NULL;
	for (at = &e->ready; (en = *at);) {
		if (en->chan == chan) {
			*at = en->after;
			mw_ends_entry_free(e, en);
		} else {
			e->ready_last = en;
			at = &en->after;
		}
	}
}

static struct mw_sight sight_of_chunk(const struct mw_chunk *ch)
{
	return (struct mw_sight){ .seen = true,
				  .begin_ns = ch->ts_ns,
				  .end_ns = ch->ts_ns,
				  .off = ch->off,
				  .proc = ch->proc,
				  .tid = ch->tid,
				  .task = ch->move.task };
}

static void say_gap(struct mw_ends *e, const struct mw_chunk *ch, uint64_t bytes,
		    enum mw_gap_reason reason)
{
	e->gap_pending = true;
	e->gap = (struct mw_msg){ .state = MW_MSG_GAP,
				  .chan = ch->chan,
				  .end = ch->end,
				  .gap_bytes = bytes,
				  .reason = reason };
	e->gap.seen[ch->end] = sight_of_chunk(ch);
}

/* --- requests by HEAD, whose answers have no body ----------------------------------------------
 */

/* The other half of the same socket answers. */
static void note_head(struct ends_chan *c, enum mw_end end, const struct mw_frame *f)
{
	struct ends_chan *back = c->chan->back ? c->chan->back->ends : NULL;
	struct mw_http_head h;

	if (f->kind != MW_FRAME_IS_HEAD || f->response || !c->framer[end].counted ||
	    mw_http_head_parse(f->bytes, &h) < 0 || !mw_slice_eq_str(h.method, "HEAD"))
		return;
	c->heads[end][c->n_heads[end]++ % MW_ENDS_HEADS] = f->xchg;
	if (back)
		mw_framer_bodyless(&back->framer[mw_ends_other(end)], f->xchg);
}

static void learn_heads(struct ends_chan *c, enum mw_end end)
{
	struct ends_chan *back = c->chan->back ? c->chan->back->ends : NULL;
	unsigned int i;

	for (i = 0; back && i < MW_ENDS_HEADS; i++)
		mw_framer_bodyless(&c->framer[end], back->heads[mw_ends_other(end)][i]);
}

/* --- in ----------------------------------------------------------------------------------------
 */

int mw_ends_push(struct mw_ends *e, const struct mw_chunk *ch)
{
	struct ends_chan *c;
	int r;

	if (ch->evicted) {
		c = ch->chan->ends;
		if (c)
			mw_ends_settle(e, c);
		e->evict_pending = true;
		e->evict_chan = ch->chan;
		return 0;
	}
	mw_ends_tick(e, ch->ts_ns);
	c = chan_of(e, ch->chan);
	if (!c) {
		e->n_nomem++;
		if (ch->bytes.n + ch->gap)
			say_gap(e, ch, ch->bytes.n + ch->gap, MW_GAP_MEMORY);
		return -ENOMEM;
	}
	if (c->dropped)
		return 0;
	if (!c->seen[ch->end])
		learn_heads(c, ch->end);
	c->seen[ch->end] = true;
	if (c->seen[mw_ends_other(ch->end)])
		c->one_sided = false;
	c->pos[ch->end] = ch->off + ch->bytes.n + ch->gap;
	if (ch->gap) {
		mw_ends_note_gap(c, ch->end, ch->off, ch->gap);
		say_gap(e, ch, ch->gap, ch->reason);
	}
	if (ch->closed) {
		e->closed_pending = true;
		e->closed =
		    (struct mw_msg){ .state = MW_MSG_CLOSED, .chan = ch->chan, .end = ch->end };
		e->closed.seen[ch->end] = sight_of_chunk(ch);
	}
	r = mw_framer_push(&c->framer[ch->end], ch);
	e->current = c;
	e->current_end = ch->end;
	c->closed[ch->end] = ch->closed;
	return r;
}

/* --- out ---------------------------------------------------------------------------------------
 */

static void fill(struct mw_msg *m, const struct ends_chan *c, enum mw_msg_state state,
		 enum mw_end end, const struct mw_frame *f)
{
	*m = (struct mw_msg){ .state = state,
			      .chan = c->chan,
			      .bytes = f->bytes,
			      .len = f->len,
			      .cut = f->cut,
			      .kind = f->kind,
			      .carrier = f->carrier,
			      .response = f->response,
			      .xchg = mw_ends_number(c, end, f->xchg),
			      .event = f->event,
			      .partial = f->partial,
			      .odd = f->odd,
			      .end = end };
}

static void fill_entry(struct mw_msg *m, struct entry *en, enum mw_msg_state state)
{
	fill(m, en->chan->ends, state, en->end, &en->frame);
	m->xchg = en->number;
	m->seen[0] = en->seen[0];
	m->seen[1] = en->seen[1];
	m->one_sided = en->one_sided;
	m->differs = en->differs;
	m->incomplete = en->incomplete;
	m->user = &en->user;
}

static struct mw_sight sight_of(const struct mw_frame *f)
{
	return (struct mw_sight){ .seen = true,
				  .begin_ns = f->begin_ns,
				  .end_ns = f->end_ns,
				  .off = f->off,
				  .proc = f->proc,
				  .tid = f->tid,
				  .task = f->move.task };
}

/* Whether the system call that ended it brought nothing of another one, and what it ends at. */
static bool is_alone(struct ends_chan *c, enum mw_end end, const struct mw_frame *f)
{
	const uint64_t to = f->off + f->span;
	const bool alone = f->move.from >= c->after[end] && f->move.to == to;

	if (f->kind != MW_FRAME_IS_HEAD)
		c->after[end] = to;
	return alone;
}

/* A message that is gone for lack of memory. */
static void lost(struct mw_ends *e, struct ends_chan *c, enum mw_end end, const struct mw_frame *f,
		 struct mw_msg *ret)
{
	e->n_nomem++;
	mw_ends_note_gap(c, end, f->off, f->span);
	*ret = (struct mw_msg){ .state = MW_MSG_GAP,
				.chan = c->chan,
				.end = end,
				.gap_bytes = f->len,
				.reason = MW_GAP_MEMORY };
	ret->seen[end] = sight_of(f);
}

/* What follows a gap up to the next LF is a whole line if it is one JSON object: the end of a
 * longer object never is, for it closes more than it opened. */
static bool is_whole(const struct mw_frame *f)
{
	return f->carrier == MW_CARRIER_LINE && !f->cut && f->bytes.n && f->bytes.p[0] == '{' &&
	       mw_json_check(f->bytes, MW_JSON_DEPTH_MAX, NULL, NULL) == 0;
}

/* Whether the other end has said this of this place. */
static bool odd_said(struct ends_chan *c, enum mw_end end, const struct mw_frame *f)
{
	enum mw_end o = mw_ends_other(end);

	c->odd[end].name = f->odd;
	c->odd[end].off = f->off;
	return c->odd[o].name && mw_ends_at_other(c, end, f->off) == c->odd[o].off &&
	       mw_slice_eq_str(mw_slice_str(f->odd), c->odd[o].name);
}

static void on_broken(struct mw_ends *e, struct ends_chan *c, enum mw_end end,
		      const struct mw_frame *f, struct mw_msg *ret)
{
	bool over = c->closed[end] || e->ending;

	if (c->framer[end].n_nomem != c->n_nomem[end]) {
		c->n_nomem[end] = c->framer[end].n_nomem;
		lost(e, c, end, f, ret);
		return;
	}
	/* of a line the gap itself is all that is missing */
	if (f->carrier != MW_CARRIER_LINE)
		mw_ends_note_gap(c, end, f->off, f->span);
	fill(ret, c, over && !f->headless && !f->odd ? MW_MSG_UNFINISHED : MW_MSG_BROKEN, end, f);
	if (f->odd && odd_said(c, end, f))
		ret->odd = NULL;
	ret->seen[end] = sight_of(f);
}

/* The other copy of this came already. False: it was settled without this one. */
static bool on_pair(struct mw_ends *e, struct ends_chan *c, enum mw_end end, struct entry *en,
		    const struct mw_frame *f, bool alone, struct mw_msg *ret)
{
	const struct mw_frame *w = end == MW_END_WRITE ? f : &en->frame;
	const struct mw_frame *r = end == MW_END_WRITE ? &en->frame : f;

	/* learned anew each time: the first ones may be those of two writers that overtook. Heads
	 * and ends are too much alike to learn from, but where their places were compared */
	if (f->kind == MW_FRAME_IS_MESSAGE || c->chan->aligned) {
		c->delta = (int64_t)(w->off - r->off);
		if (w->xchg && r->xchg)
			c->xdelta = (int64_t)(w->xchg - r->xchg);
	}
	if (en->done) {
		mw_ends_forget_done(e, c, en);
		return false;
	}
	mw_ends_remove(e, c, en);
	en->seen[end] = sight_of(f);
	en->seen[end].alone = alone;
	en->out = true;
	fill_entry(ret, en, MW_MSG_SETTLED);
	ret->bytes = f->bytes;
	ret->event = f->event;
	ret->cut = f->cut;
	ret->partial = en->frame.partial && f->partial;
	/* what is whole at one end was cut at the other one only */
	if (f->partial == en->frame.partial ? !ret->odd : en->frame.partial)
		ret->odd = f->odd;
	e->lent = en;
	return true;
}

/* How an end's numbers differ, by its first head: from its other copy `en`, or if there is none
 * yet, it is the one behind the other end's latest. */
static void note_number(struct ends_chan *c, enum mw_end end, const struct mw_frame *f,
			const struct entry *en)
{
	uint64_t there = c->last_xchg[mw_ends_other(end)];
	int64_t ahead;

	if (f->kind != MW_FRAME_IS_HEAD)
		return;
	if (!c->last_xchg[end] && there) {
		ahead = (int64_t)(f->xchg - (en ? en->frame.xchg : there + 1));
		c->xdelta = end == MW_END_WRITE ? ahead : -ahead;
	}
	c->last_xchg[end] = f->xchg;
}

/* One frame: 1 if it is worth saying something, 0 if it was the late copy of a settled message. */
static int on_frame(struct mw_ends *e, struct ends_chan *c, enum mw_end end, struct mw_frame *f,
		    struct mw_msg *ret)
{
	const bool alone = is_alone(c, end, f);
	struct entry *en;
	uint64_t hash;

	if (f->headless && is_whole(f))
		f->broken = false;
	if (f->broken) {
		on_broken(e, c, end, f, ret);
		return 1;
	}
	if (f->kind == MW_FRAME_IS_HEAD && !c->head[end].seen) {
		c->head[end].seen = true;
		c->head[end].off = f->off;
	}
	/* a line of a body, by its end alone */
	if (f->carrier == MW_CARRIER_LINE && mw_ends_headless(c, end))
		return 0;
	note_head(c, end, f);
	hash = mw_hash64(f->bytes, e->seed);
	en = mw_ends_find(e, c, mw_ends_other(end), f, hash);
	note_number(c, end, f, en);
	if (en)
		return on_pair(e, c, end, en, f, alone, ret);
	en = mw_ends_add(e, c, end, f, hash);
	if (!en) {
		lost(e, c, end, f, ret);
		return 1;
	}
	en->seen[end] = sight_of(f);
	en->seen[end].alone = alone;
	if (c->one_sided) {
		/* the frame's bytes stay until the next frame is asked for, which is after this */
		en->one_sided = true;
		fill_entry(ret, en, MW_MSG_FIRST);
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
		ret->one_sided = false;
	} else {
		fill_entry(ret, en, MW_MSG_FIRST);
		mw_ends_hold(e, en);
		if (en->held.n)
			ret->bytes = en->held;
	}
	mw_ends_make_room(e, c, end);
	return 1;
}

static bool is_junk(struct ends_chan *c, enum mw_end end, struct mw_msg *ret)
{
	struct mw_slice line = mw_framer_partial(&c->framer[end]);

	if (c->trusted_known || c->junk_said || line.n < MW_ENDS_JUNK || line.p[0] == '{' ||
	    line.p[0] == '[')
		return false;
	c->junk_said = true;
	*ret = (struct mw_msg){ .state = MW_MSG_JUNK, .chan = c->chan, .len = line.n, .end = end };
	return true;
}

static int next_ready(struct mw_ends *e, struct mw_msg *ret)
{
	struct entry *en = e->ready;

	e->ready = en->after;
	if (!e->ready)
		e->ready_last = NULL;
	fill_entry(ret, en, en->say);
	e->lent = en;
	return 1;
}

static int next_unfinished(struct mw_ends *e, struct mw_msg *ret)
{
	struct ends_chan *c;
	struct mw_frame f;
	enum mw_end end;

	while ((c = e->ending)) {
		end = e->ending_end ? MW_END_WRITE : MW_END_READ;
		if (!c->dropped && mw_framer_finish(&c->framer[end], &f) == 1) {
			if (on_frame(e, c, end, &f, ret))
				return 1;
			continue;
		}
		e->ending_end = !e->ending_end;
		if (e->ending_end)
			continue;
		e->ending = c->next;
		mw_ends_settle(e, c);
		if (e->ready)
			return next_ready(e, ret);
	}
	return 0;
}

int mw_ends_next(struct mw_ends *e, struct mw_msg *ret)
{
	struct mw_frame f;

	mw_ends_give_back(e);
	if (e->ready)
		return next_ready(e, ret);
	if (e->gap_pending) {
		e->gap_pending = false;
		*ret = e->gap;
		return 1;
	}
	if (e->evict_pending) {
		e->evict_pending = false;
		*ret = (struct mw_msg){ .state = MW_MSG_EVICTED, .chan = e->evict_chan };
		if (e->evict_chan->ends)
			chan_free(e, e->evict_chan->ends);
		e->evict_chan->ends = NULL;
		return 1;
	}
	while (e->current && !e->current->dropped) {
		struct ends_chan *c = e->current;

		if (mw_framer_next(&c->framer[e->current_end], &f) <= 0) {
			e->current = NULL;
			if (is_junk(c, e->current_end, ret))
				return 1;
		} else if (on_frame(e, c, e->current_end, &f, ret)) {
			return 1;
		}
	}
	if (e->closed_pending) {
		e->closed_pending = false;
		*ret = e->closed;
		return 1;
	}
	return next_unfinished(e, ret);
}
