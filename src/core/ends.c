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

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"

static void list_add(struct list *l, struct entry *e)
{
	e->pending = true;
	e->next = NULL;
	e->prev = l->tail;
	if (l->tail)
		l->tail->next = e;
	else
		l->head = e;
	l->tail = e;
	l->n++;
}

void mw_ends_remove(struct list *l, struct entry *e)
{
	e->pending = false;
	if (e->prev)
		e->prev->next = e->next;
	else
		l->head = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		l->tail = e->prev;
	l->n--;
}

static void drop_held(struct mw_ends *e, struct entry *en)
{
	if (en->held.n)
		e->held_bytes -= en->held.n;
	mw_alloc_free(e->a, (void *)(uintptr_t)en->held.p, en->held.n);
	en->held = mw_slice(NULL, 0);
}

static void entry_free(struct mw_ends *e, struct entry *en)
{
	if (!en)
		return;
	drop_held(e, en);
	mw_alloc_free(e->a, en, sizeof(*en));
}

void mw_ends_forget(struct mw_ends *e, struct entry *en)
{
	en->pending = false;
	if (!en->out)
		entry_free(e, en);
}

/* What the caller had until now. */
static void give_back(struct mw_ends *e)
{
	struct entry *en = MW_TAKE(e->lent);

	if (!en)
		return;
	en->out = false;
	en->user = NULL;
	en->now = mw_slice(NULL, 0);
	drop_held(e, en);
	if (!en->pending)
		entry_free(e, en);
}

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
	struct entry *en, *next;
	int i;

	for (i = 0; i < 2; i++) {
		for (en = c->pending[i].head; en; en = next) {
			next = en->next;
			mw_ends_forget(e, en);
		}
		mw_framer_done(&c->framer[i]);
	}
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
		entry_free(e, en);
	}
	give_back(e);
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
	struct entry *en, *next, **at;
	int i;

	if (!c)
		return;
	c->dropped = true;
	for (i = 0; i < 2; i++) {
		for (en = c->pending[i].head; en; en = next) {
			next = en->next;
			mw_ends_forget(e, en);
		}
		c->pending[i] = (struct list){ 0 };
		c->n_done[i] = 0;
		mw_framer_done(&c->framer[i]);
	}
	e->ready_last = NULL;
	for (at = &e->ready; (en = *at);) {
		if (en->chan == chan) {
			*at = en->after;
			entry_free(e, en);
		} else {
			e->ready_last = en;
			at = &en->after;
		}
	}
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
	e->gap.seen[ch->end] = (struct mw_sight){ .seen = true,
						  .begin_ns = ch->ts_ns,
						  .end_ns = ch->ts_ns,
						  .off = ch->off,
						  .proc = ch->proc,
						  .tid = ch->tid };
}

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
		say_gap(e, ch, ch->bytes.n + ch->gap, MW_GAP_MEMORY);
		return -ENOMEM;
	}
	if (c->dropped)
		return 0;
	c->seen[ch->end] = true;
	if (c->seen[mw_ends_other(ch->end)])
		c->one_sided = false;
	c->pos[ch->end] = ch->off + ch->bytes.n + ch->gap;
	if (ch->gap) {
		unsigned int i = c->n_gaps[ch->end]++ % MW_ENDS_GAPS;

		c->gaps[ch->end][i].from = ch->off;
		c->gaps[ch->end][i].to = ch->off + ch->gap;
		say_gap(e, ch, ch->gap, ch->reason);
	}
	r = mw_framer_push(&c->framer[ch->end], ch);
	e->current = c;
	e->current_end = ch->end;
	return r;
}

static struct entry *find_copy(struct ends_chan *c, enum mw_end end, uint64_t hash, uint64_t len)
{
	struct entry *en;

	for (en = c->pending[end].head; en; en = en->next)
		if (en->hash == hash && en->len == len)
			return en;
	return NULL;
}

/* The copy must outlive the frame it came in; without room the message is known by its length. */
static void hold(struct mw_ends *e, struct entry *en, struct mw_slice bytes)
{
	uint8_t *p = NULL;

	if (bytes.n && e->held_bytes + bytes.n <= MW_ENDS_BYTES_MAX)
		p = e->a->resize(e->a->ctx, NULL, 0, bytes.n);
	if (!p) {
		e->n_nomem += bytes.n != 0;
		en->cut = true;
		return;
	}
	memcpy(p, bytes.p, bytes.n);
	en->held = mw_slice(p, bytes.n);
	e->held_bytes += bytes.n;
}

static void fill(struct mw_msg *m, struct entry *en, enum mw_msg_state state, struct mw_slice bytes)
{
	*m = (struct mw_msg){ .state = state,
			      .chan = en->chan,
			      .bytes = bytes,
			      .len = en->len,
			      .cut = en->cut,
			      .seen = { en->seen[0], en->seen[1] },
			      .one_sided = en->one_sided,
			      .differs = en->differs,
			      .incomplete = en->incomplete,
			      .end = en->end,
			      .user = &en->user };
}

static struct mw_sight sight_of(const struct mw_frame *f)
{
	return (struct mw_sight){ .seen = true,
				  .begin_ns = f->begin_ns,
				  .end_ns = f->end_ns,
				  .off = f->off,
				  .proc = f->proc,
				  .tid = f->tid };
}

/* A message that is gone for lack of memory. */
static int lost(struct mw_ends *e, struct ends_chan *c, enum mw_end end, const struct mw_frame *f,
		const struct mw_sight *sight, struct mw_msg *ret)
{
	e->n_nomem++;
	*ret = (struct mw_msg){ .state = MW_MSG_GAP,
				.chan = c->chan,
				.end = end,
				.gap_bytes = f->len,
				.reason = MW_GAP_MEMORY };
	ret->seen[end] = *sight;
	return 1;
}

/* What follows a gap up to the next LF is a whole line if it is one JSON object: the end of a
 * longer object never is, for it closes more than it opened. */
static bool is_whole(const struct mw_frame *f)
{
	return !f->cut && f->bytes.n && f->bytes.p[0] == '{' &&
	       mw_json_check(f->bytes, MW_JSON_DEPTH_MAX, NULL, NULL) == 0;
}

/* One frame: 1 if it is worth saying something, 0 if it was the late copy of a settled message. */
static int on_frame(struct mw_ends *e, struct ends_chan *c, enum mw_end end, struct mw_frame *f,
		    struct mw_msg *ret)
{
	struct mw_sight sight = sight_of(f);
	enum mw_end o = mw_ends_other(end);
	struct entry *en;
	uint64_t hash;

	if (f->headless && is_whole(f))
		f->broken = false;
	if (f->broken && c->framer[end].n_nomem != c->n_nomem[end]) {
		c->n_nomem[end] = c->framer[end].n_nomem;
		return lost(e, c, end, f, &sight, ret);
	}
	if (f->broken) {
		*ret = (struct mw_msg){ .state = MW_MSG_BROKEN,
					.chan = c->chan,
					.bytes = f->bytes,
					.len = f->len,
					.end = end };
		ret->seen[end] = sight;
		return 1;
	}
	hash = mw_hash64(f->bytes, e->seed);
	en = find_copy(c, o, hash, f->len);
	if (en) {
		/* learned anew each time: the first ones may be those of two writers that overtook
		 */
		c->delta = (int64_t)(end == MW_END_WRITE ? f->off - en->seen[o].off
							 : en->seen[o].off - f->off);
		if (en->done) {
			mw_ends_forget_done(e, c, en);
			return 0;
		}
		mw_ends_remove(&c->pending[o], en);
		en->seen[end] = sight;
		en->cut = f->cut;
		en->out = true;
		fill(ret, en, MW_MSG_SETTLED, f->bytes);
		e->lent = en;
		return 1;
	}
	en = mw_alloc_zero(e->a, sizeof(*en));
	if (!en)
		return lost(e, c, end, f, &sight, ret);
	en->chan = c->chan;
	en->hash = hash;
	en->len = f->len;
	en->cut = f->cut;
	en->end = end;
	en->seen[end] = sight;
	list_add(&c->pending[end], en);
	fill(ret, en, MW_MSG_FIRST, f->bytes);
	if (c->one_sided) {
		/* the frame's bytes stay until the next frame is asked for, which is after this */
		en->one_sided = true;
		en->now = f->bytes;
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
	} else {
		bool cut = en->cut;

		hold(e, en, f->bytes);
		ret->cut = cut;
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

static int next_unfinished(struct mw_ends *e, struct mw_msg *ret)
{
	struct ends_chan *c;
	struct mw_frame f;
	enum mw_end end;

	while ((c = e->ending)) {
		end = e->ending_end ? MW_END_WRITE : MW_END_READ;
		if (e->ending_end)
			e->ending = c->next;
		e->ending_end = !e->ending_end;
		if (c->dropped || mw_framer_finish(&c->framer[end], &f) != 1)
			continue;
		*ret = (struct mw_msg){ .state = MW_MSG_UNFINISHED,
					.chan = c->chan,
					.bytes = f.bytes,
					.len = f.len,
					.end = end };
		ret->seen[end] = sight_of(&f);
		return 1;
	}
	return 0;
}

int mw_ends_next(struct mw_ends *e, struct mw_msg *ret)
{
	struct mw_frame f;
	int r;

	give_back(e);
	if (e->ready) {
		struct entry *en = e->ready;

		e->ready = en->after;
		if (!e->ready)
			e->ready_last = NULL;
		fill(ret, en, en->say, en->now);
		e->lent = en;
		return 1;
	}
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

		r = mw_framer_next(&c->framer[e->current_end], &f);
		if (r <= 0) {
			e->current = NULL;
			return is_junk(c, e->current_end, ret);
		}
		r = on_frame(e, c, e->current_end, &f, ret);
		if (r)
			return r;
	}
	return next_unfinished(e, ret);
}
