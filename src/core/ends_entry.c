/* SPDX-License-Identifier: Apache-2.0 */
/* ends_entry.c - copies that wait for their other one: where they are kept, and how they are found
 */
#include "base/cleanup.h"
#include "core/ends_priv.h"

/* Longer bytes are not copied but taken over. */
#define TAKE_MIN 16384

/* --- the index ---------------------------------------------------------------------------------
 */

static size_t bucket(const struct mw_chan *chan, enum mw_end end, uint64_t hash)
{
	uint64_t x = hash ^ (2 * chan->id + (uint64_t)end) * 0x9e3779b97f4a7c15ull;

	return (size_t)(x ^ x >> 32) % MW_ENDS_BUCKETS;
}

static void index_add(struct mw_ends *e, struct entry *en)
{
	size_t i = bucket(en->chan, en->end, en->hash);

	en->same_next = NULL;
	en->same_prev = e->index[i].tail;
	*(en->same_prev ? &en->same_prev->same_next : &e->index[i].head) = en;
	e->index[i].tail = en;
}

static void index_remove(struct mw_ends *e, struct entry *en)
{
	size_t i = bucket(en->chan, en->end, en->hash);

	*(en->same_prev ? &en->same_prev->same_next : &e->index[i].head) = en->same_next;
	*(en->same_next ? &en->same_next->same_prev : &e->index[i].tail) = en->same_prev;
}

uint64_t mw_ends_number(const struct ends_chan *c, enum mw_end end, uint64_t xchg)
{
	return end == MW_END_READ && xchg ? xchg + (uint64_t)c->xdelta : xchg;
}

/*
 * The same head comes again and again: where the ends' offsets can be compared, its place tells
 * which one it is. An END has no bytes: it is known by where its body begins (it may be cut short
 * at one end) or ends (one end may have been joined inside it), else by its number.
 */
static bool same_place(const struct ends_chan *c, const struct entry *en, const struct mw_frame *f)
{
	uint64_t a = mw_ends_at_other(c, en->end, en->frame.off), b = f->off;

	return a == b || (f->kind == MW_FRAME_IS_END && a + en->frame.span == b + f->span);
}

static bool same(const struct ends_chan *c, const struct entry *en, const struct mw_frame *f,
		 uint64_t hash)
{
	if (en->hash != hash || en->frame.kind != f->kind || en->frame.carrier != f->carrier)
		return false;
	if (c->chan->aligned && f->kind != MW_FRAME_IS_MESSAGE)
		return same_place(c, en, f);
	if (f->kind == MW_FRAME_IS_END)
		return mw_ends_number(c, en->end, en->frame.xchg) ==
		       mw_ends_number(c, mw_ends_other(en->end), f->xchg);
	return en->frame.len == f->len;
}

/* The copy at the same place; else the oldest that waits: how the offsets differ may not be known
 * yet. Of lines whose places cannot be compared, which several may have written, the oldest. */
struct entry *mw_ends_find(struct mw_ends *e, struct ends_chan *c, enum mw_end end,
			   const struct mw_frame *f, uint64_t hash)
{
	struct entry *en = e->index[bucket(c->chan, end, hash)].head, *oldest = NULL;
	bool line = f->carrier == MW_CARRIER_LINE;

	for (; en; en = en->same_next) {
		if (en->chan != c->chan || en->end != end || !same(c, en, f, hash))
			continue;
		if ((line && !c->chan->aligned) || same_place(c, en, f))
			return en;
		if (!oldest && (line || !en->done))
			oldest = en;
	}
	return oldest;
}

/* --- entries -----------------------------------------------------------------------------------
 */

struct entry *mw_ends_add(struct mw_ends *e, struct ends_chan *c, enum mw_end end,
			  const struct mw_frame *f, uint64_t hash)
{
	struct entry *en = mw_alloc_zero(e->a, sizeof(*en));
	struct list *l = &c->pending[end];

	if (!en)
		return NULL;
	en->chan = c->chan;
	en->end = end;
	en->hash = hash;
	en->frame = *f;
	en->number = mw_ends_number(c, end, f->xchg);
	en->pending = true;
	en->prev = l->tail;
	*(l->tail ? &l->tail->next : &l->head) = en;
	l->tail = en;
	l->n++;
	index_add(e, en);
	return en;
}

void mw_ends_remove(struct mw_ends *e, struct ends_chan *c, struct entry *en)
{
	struct list *l = &c->pending[en->end];

	en->pending = false;
	*(en->prev ? &en->prev->next : &l->head) = en->next;
	*(en->next ? &en->next->prev : &l->tail) = en->prev;
	l->n--;
	index_remove(e, en);
}

static struct mw_slice copy(struct mw_ends *e, struct mw_slice s)
{
	uint8_t *p = NULL;

	if (s.n && e->held_bytes + s.n <= MW_ENDS_BYTES_MAX)
		p = e->a->resize(e->a->ctx, NULL, 0, s.n);
	if (!p)
		return mw_slice(NULL, 0);
	memcpy(p, s.p, s.n);
	e->held_bytes += s.n;
	return mw_slice(p, s.n);
}

/* The framer's own buffer, instead of a second one as large. */
static struct mw_slice take(struct mw_ends *e, struct mw_buf *b)
{
	uint8_t *p = b->p;
	size_t n = b->len;

	if (e->held_bytes + n > MW_ENDS_BYTES_MAX)
		return mw_slice(NULL, 0);
	if (n < b->cap) {
		p = e->a->resize(e->a->ctx, p, b->cap, n);
		if (!p)
			return mw_slice(NULL, 0);
	}
	b->p = NULL;
	b->len = b->cap = 0;
	e->held_bytes += n;
	return mw_slice(p, n);
}

void mw_ends_hold(struct mw_ends *e, struct entry *en)
{
	struct mw_frame *f = &en->frame;

	if (f->store && f->bytes.n >= TAKE_MIN)
		en->held = take(e, f->store);
	else
		en->held = copy(e, f->bytes);
	en->held_event = copy(e, f->event);
	if (en->held.n < f->bytes.n || en->held_event.n < f->event.n) {
		e->n_nomem++;
		f->cut |= en->held.n < f->bytes.n;
	}
	f->bytes = en->held;
	f->event = en->held_event;
	f->store = NULL;
}

static void drop(struct mw_ends *e, struct mw_slice *s)
{
	e->held_bytes -= s->n;
	mw_alloc_free(e->a, (void *)(uintptr_t)s->p, s->n);
	*s = mw_slice(NULL, 0);
}

static void drop_held(struct mw_ends *e, struct entry *en)
{
	drop(e, &en->held);
	drop(e, &en->held_event);
	en->frame.bytes = en->frame.event = mw_slice(NULL, 0);
}

void mw_ends_entry_free(struct mw_ends *e, struct entry *en)
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
		mw_ends_entry_free(e, en);
}

void mw_ends_forget_all(struct mw_ends *e, struct ends_chan *c)
{
	for (int i = 0; i < 2; i++) {
		while (c->pending[i].head) {
			struct entry *en = c->pending[i].head;

			mw_ends_remove(e, c, en);
			mw_ends_forget(e, en);
		}
		c->n_done[i] = 0;
	}
}

void mw_ends_give_back(struct mw_ends *e)
{
	struct entry *en = MW_TAKE(e->lent);

	if (!en)
		return;
	en->out = false;
	en->user = NULL;
	drop_held(e, en);
	if (!en->pending)
		mw_ends_entry_free(e, en);
}
