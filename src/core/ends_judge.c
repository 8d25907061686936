/* SPDX-License-Identifier: Apache-2.0 */
/* ends_judge.c - copies that stand alone: when, and what that says */
#include "core/ends_priv.h"

#define DONE_MAX     256
#define DONE_KEEP_NS 10000000000ull
#define TICK_STEP_NS 10000000ull

static bool is_untrusted(const struct ends_chan *c, enum mw_end end)
{
	return c->trusted_known && c->trusted != end;
}

void mw_ends_stand_alone(struct mw_ends *e, struct ends_chan *c, struct entry *en,
			 enum mw_msg_state say)
{
	en->done = true;
	c->n_done[en->end]++;
	en->say = say;
	en->out = true;
	en->after = NULL;
	*(e->ready_last ? &e->ready_last->after : &e->ready) = en;
	e->ready_last = en;
}

void mw_ends_forget_done(struct mw_ends *e, struct ends_chan *c, struct entry *en)
{
	mw_ends_remove(e, c, en);
	c->n_done[en->end]--;
	mw_ends_forget(e, en);
}

static bool earlier(const struct entry *a, const struct entry *b)
{
	return a->seen[a->end].end_ns <= b->seen[b->end].end_ns;
}

/* Several channels were swept: their messages come out in the order of time, so that a request is
 * settled before its answer. A merge sort from the bottom up. */
static void ready_sort(struct mw_ends *e)
{
	struct entry *left, *right, **at, *rest;
	size_t size, n_left, n_right, n_merged;

	for (size = 1;; size *= 2) {
		rest = e->ready;
		at = &e->ready;
		e->ready_last = NULL;
		for (n_merged = 0; rest; n_merged++) {
			left = right = rest;
			for (n_left = 0; n_left < size && right; n_left++)
				right = right->after;
			for (n_right = size; n_left || (n_right && right);) {
				bool l = n_left && !(n_right && right && !earlier(left, right));
				struct entry **from = l ? &left : &right;

				*at = e->ready_last = *from;
				at = &(*at)->after;
				*from = *at;
				if (l)
					n_left--;
				else
					n_right--;
			}
			rest = right;
		}
		*at = NULL;
		if (n_merged <= 1)
			return;
	}
}

void mw_ends_note_gap(struct ends_chan *c, enum mw_end end, uint64_t from, uint64_t n)
{
	unsigned int i = c->n_gaps[end]++ % MW_ENDS_GAPS;

	c->gaps[end][i].from = from;
	c->gaps[end][i].to = from + n;
}

static bool has_gap(const struct ends_chan *c, enum mw_end end, uint64_t from, uint64_t to)
{
	unsigned int i, n = c->n_gaps[end] < MW_ENDS_GAPS ? c->n_gaps[end] : MW_ENDS_GAPS;
	uint64_t lost;

	if (mw_framer_lost(&c->framer[end], &lost) && to > lost)
		return true;
	for (i = 0; i < n; i++)
		if (c->gaps[end][i].from < to && c->gaps[end][i].to > from)
			return true;
	return false;
}

/* The other end is seen since a later place only, or found inside of a message and knows no place
 * before its first head: what it did here nobody knows. */
static bool is_before(const struct ends_chan *c, enum mw_end o, uint64_t from)
{
	const bool known = c->chan->aligned && c->head[o].seen;

	return (int64_t)from < (known ? (int64_t)c->head[o].off : 0) || mw_ends_headless(c, o);
}

/* Whether the copy has waited long enough for the other one, and what follows from that. */
static void judge(struct mw_ends *e, struct ends_chan *c, struct entry *en, uint64_t now_ns,
		  bool last)
{
	enum mw_end o = mw_ends_other(en->end);
	uint64_t at = en->seen[en->end].end_ns;
	uint64_t waited = now_ns > at ? now_ns - at : 0;
	uint64_t from = mw_ends_at_other(c, en->end, en->seen[en->end].off);
	uint64_t to = from + en->frame.span;
	bool before = is_before(c, o, from) || mw_ends_headless(c, en->end);
	bool passed;

	if (!c->seen[o]) {
		if (!last && (en->end == MW_END_WRITE || waited < MW_ENDS_GRACE_NS))
			return;
		if (!last)
			c->one_sided = true;
		en->one_sided = true;
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
		return;
	}
	if (before && (last || waited >= MW_ENDS_GRACE_NS)) {
		en->one_sided = true;
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
		return;
	}
	passed = !before && c->pos[o] >= to;
	if ((passed || last) && has_gap(c, o, from, to)) {
		en->incomplete = true;
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
		return;
	}
	if (!last && ((!passed && !c->closed[o]) || waited < MW_ENDS_WAIT_NS))
		return;
	if (!passed) {
		en->one_sided = true;
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
	} else if (is_untrusted(c, en->end)) {
		mw_ends_stand_alone(e, c, en, MW_MSG_DENIED);
	} else {
		en->differs = true;
		mw_ends_stand_alone(e, c, en, MW_MSG_SETTLED);
	}
}

static void sweep(struct mw_ends *e, struct ends_chan *c, uint64_t now_ns, bool last)
{
	struct entry *en, *next;
	int i;

	for (i = 0; i < 2; i++)
		for (en = c->pending[i].head; en; en = next) {
			next = en->next;
			if (!en->done)
				judge(e, c, en, now_ns, last);
			else if (last || c->n_done[i] > DONE_MAX ||
				 now_ns > en->seen[i].end_ns + DONE_KEEP_NS)
				mw_ends_forget_done(e, c, en);
		}
}

void mw_ends_settle(struct mw_ends *e, struct ends_chan *c)
{
	sweep(e, c, UINT64_MAX, true);
	ready_sort(e);
}

void mw_ends_tick(struct mw_ends *e, uint64_t now_ns)
{
	struct ends_chan *c;

	if (now_ns < e->ticked_ns + TICK_STEP_NS)
		return;
	e->ticked_ns = now_ns;
	for (c = e->chans; c; c = c->next)
		if (c->pending[0].n || c->pending[1].n)
			sweep(e, c, now_ns, false);
	ready_sort(e);
}

void mw_ends_finish(struct mw_ends *e)
{
	struct ends_chan *c;

	for (c = e->chans; c; c = c->next)
		sweep(e, c, UINT64_MAX, true);
	ready_sort(e);
	e->ending = e->chans;
	e->ending_end = 0;
}

void mw_ends_alone(struct mw_ends *e, struct mw_chan *chan)
{
	struct ends_chan *c = chan->ends;

	if (!c || c->seen[MW_END_READ])
		return;
	c->one_sided = true;
	mw_ends_settle(e, c);
}

void mw_ends_make_room(struct mw_ends *e, struct ends_chan *c, enum mw_end end)
{
	struct list *l = &c->pending[end];
	size_t max = c->one_sided ? DONE_MAX : MW_ENDS_PENDING_MAX;

	while (l->n > max) {
		if (!l->head->done)
			judge(e, c, l->head, UINT64_MAX, true);
		mw_ends_forget_done(e, c, l->head);
	}
}
