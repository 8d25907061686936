/* SPDX-License-Identifier: Apache-2.0 */
#include "io/hold.h"

static size_t cost(const struct mw_held *e)
{
	return sizeof(*e) + e->ev->len;
}

static void append(struct mw_hold *h, struct mw_held *e)
{
	e->next = NULL;
	if (h->tail)
		h->tail->next = e;
	else
		h->head = e;
	h->tail = e;
	h->bytes += cost(e);
}

struct mw_held *mw_hold_take(struct mw_hold_store *s, struct mw_hold *h)
{
	struct mw_held *e = h->head;

	if (!e)
		return NULL;
	h->head = e->next;
	if (!h->head)
		h->tail = NULL;
	h->bytes -= cost(e);
	s->bytes -= cost(e);
	return e;
}

static void drop_one(struct mw_hold_store *s, struct mw_hold *h)
{
	s->dropped++;
	h->dropped++;
}

void mw_hold_add(struct mw_hold_store *s, struct mw_hold *h, struct mw_prockey who,
		 const struct mw_event_hdr *ev)
{
	const size_t n = sizeof(struct mw_held) + ev->len, max = h->max ? h->max : s->each_max;
	struct mw_held *e;

	while (h->head && (h->bytes + n > max || s->bytes + n > s->all_max)) {
		free(mw_hold_take(s, h));
		drop_one(s, h);
	}
	e = n > max || s->bytes + n > s->all_max ? NULL : malloc(n);
	if (!e) {
		drop_one(s, h);
		return;
	}
	e->order = ++s->order;
	e->who = who;
	memcpy(e->ev, ev, ev->len);
	e->ev->flags &= (uint16_t)~MW_EVF_CANDIDATE;
	e->ev->cpu = MW_CPU_NONE;
	e->ev->seq = 0;
	append(h, e);
	s->bytes += n;
}

void mw_hold_merge(struct mw_hold *into, struct mw_hold *from)
{
	struct mw_held *a = into->head, *b = from->head, *e;
	struct mw_hold out = { .max = into->max, .dropped = into->dropped + from->dropped };

	while (a || b) {
		if (!b || (a && a->order < b->order)) {
			e = a;
			a = a->next;
		} else {
			e = b;
			b = b->next;
		}
		append(&out, e);
	}
	*into = out;
	*from = (struct mw_hold){ .max = from->max };
}

void mw_hold_split(struct mw_hold *from, struct mw_prockey who, struct mw_hold *to)
{
	struct mw_hold rest = { .max = from->max, .dropped = from->dropped };
	struct mw_held *e, *next;

	for (e = from->head; e; e = next) {
		next = e->next;
		append(mw_prockey_eq(e->who, who) ? to : &rest, e);
	}
	*from = rest;
}

void mw_hold_clear(struct mw_hold_store *s, struct mw_hold *h)
{
	struct mw_held *e;

	while ((e = mw_hold_take(s, h)))
		free(e);
	h->dropped = 0;
}
