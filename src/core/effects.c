/* SPDX-License-Identifier: Apache-2.0 */
#include "core/effects.h"

#include <errno.h>

#include "base/hash.h"
#include "core/power.h"

struct mw_effects_entry {
	struct mw_call_effect pub; /* targets lie in text */
	uint64_t hash;
	uint64_t *more; /* pub's, of this capacity */
	size_t more_cap;
	uint8_t text[];
};

static size_t entry_size(size_t n_text)
{
	return sizeof(struct mw_effects_entry) + n_text;
}

void mw_effects_init(struct mw_effects *e, const struct mw_alloc *a, size_t bytes_max)
{
	*e = (struct mw_effects){ .a = a, .bytes_max = bytes_max };
}

void mw_effects_done(struct mw_effects *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct mw_effects_entry *x = e->list[i];

		mw_alloc_free(e->a, x->more, x->more_cap * sizeof(*x->more));
		mw_alloc_free(e->a, x, entry_size(x->pub.target.n + x->pub.target2.n));
	}
	mw_alloc_free(e->a, e->list, e->cap * sizeof(*e->list));
	mw_alloc_free(e->a, e->slots, e->n_slots * sizeof(*e->slots));
	mw_effects_init(e, e->a, e->bytes_max);
}

static int64_t result_of(const struct mw_action *act)
{
	/* which fd an open gave makes it no other effect */
	return act->ret < 0 ? act->ret : 0;
}

static uint64_t hash_of(const struct mw_effects *e, const struct mw_action *act,
			const struct mw_tie *tie)
{
	/* the seed is not known to who chooses the names; order does not depend on it */
	uint64_t h = (uint64_t)(uintptr_t)e ^ (uint64_t)act->kind << 56 ^
		     (uint64_t)tie->link << 48 ^ (uint64_t)tie->confidence << 44 ^
		     (uint64_t)result_of(act);

	h = mw_hash64(act->target, h);
	return act->target2.n ? mw_hash64(act->target2, h) : h;
}

static bool same(const struct mw_call_effect *e, const struct mw_action *act,
		 const struct mw_tie *tie)
{
	/* never two confidences in one: the entry would claim the better for both */
	return e->kind == act->kind && e->link == tie->link && e->confidence == tie->confidence &&
	       e->by_runtime == tie->by_runtime && e->after == tie->after &&
	       e->ret == result_of(act) && mw_slice_eq(e->target, act->target) &&
	       mw_slice_eq(e->target2, act->target2);
}

static void slot_add(uint32_t *slots, size_t n_slots, uint64_t hash, size_t i)
{
	size_t s = hash & (n_slots - 1);

	while (slots[s])
		s = (s + 1) & (n_slots - 1);
	slots[s] = (uint32_t)(i + 1);
}

/* Room for one more entry of that size: 0, -ENOSPC, -ENOMEM. */
static int grow(struct mw_effects *e, size_t size)
{
	size_t cap = e->cap, n_slots, more = size;
	struct mw_effects_entry **list;
	uint32_t *slots;

	if (e->n == e->cap)
		cap = e->cap ? 2 * e->cap : 4;
	n_slots = 4 * cap;
	if (cap != e->cap)
		more += (cap - e->cap) * sizeof(*list) + (n_slots - e->n_slots) * sizeof(*slots);
	if (more > e->bytes_max - e->bytes || cap > UINT32_MAX / 8)
		return -ENOSPC;
	if (cap == e->cap)
		return 0;
	slots = mw_alloc_zero(e->a, n_slots * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	list = e->a->resize(e->a->ctx, e->list, e->cap * sizeof(*list), cap * sizeof(*list));
	if (!list) {
		mw_alloc_free(e->a, slots, n_slots * sizeof(*slots));
		return -ENOMEM;
	}
	for (size_t i = 0; i < e->n; i++)
		slot_add(slots, n_slots, list[i]->hash, i);
	mw_alloc_free(e->a, e->slots, e->n_slots * sizeof(*slots));
	e->slots = slots;
	e->n_slots = n_slots;
	e->list = list;
	e->cap = cap;
	e->bytes += more - size;
	return 0;
}

static struct mw_effects_entry *look(const struct mw_effects *e, uint64_t hash,
				     const struct mw_action *act, const struct mw_tie *tie)
{
	if (e->n_slots == 0)
		return NULL;
	for (size_t s = hash & (e->n_slots - 1); e->slots[s]; s = (s + 1) & (e->n_slots - 1)) {
		struct mw_effects_entry *x = e->list[e->slots[s] - 1];

		if (x->hash == hash && same(&x->pub, act, tie))
			return x;
	}
	return NULL;
}

static int add(struct mw_effects *e, uint64_t hash, const struct mw_action *act,
	       const struct mw_tie *tie, struct mw_effects_entry **ret)
{
	const size_t size = entry_size(act->target.n + act->target2.n);
	struct mw_effects_entry *x;
	int r;

	r = grow(e, size);
	if (r < 0)
		return r;
	x = mw_alloc_zero(e->a, size);
	if (!x)
		return -ENOMEM;
	x->hash = hash;
	x->pub = (struct mw_call_effect){
		.kind = act->kind,
		.target = mw_slice(x->text, act->target.n),
		.target2 = mw_slice(x->text + act->target.n, act->target2.n),
		.link = tie->link,
		.confidence = tie->confidence,
		.by_runtime = tie->by_runtime,
		.after = tie->after,
		.why = tie->why,
		.ret = result_of(act),
	};
	if (act->target.n)
		memcpy(x->text, act->target.p, act->target.n);
	if (act->target2.n)
		memcpy(x->text + act->target.n, act->target2.p, act->target2.n);
	slot_add(e->slots, e->n_slots, hash, e->n);
	e->list[e->n++] = x;
	e->bytes += size;
	*ret = x;
	return 0;
}

/* Without room it is counted in n, and not named. */
static void name_more(struct mw_effects *e, struct mw_effects_entry *x, uint64_t seq)
{
	const size_t cap = x->more_cap ? 2 * x->more_cap : 8;
	uint64_t *p;

	if (x->pub.n_more == x->more_cap) {
		if ((cap - x->more_cap) * sizeof(*p) > e->bytes_max - e->bytes)
			return;
		p = e->a->resize(e->a->ctx, x->more, x->more_cap * sizeof(*p), cap * sizeof(*p));
		if (!p)
			return;
		e->bytes += (cap - x->more_cap) * sizeof(*p);
		x->pub.more = x->more = p;
		x->more_cap = cap;
	}
	x->more[x->pub.n_more++] = seq;
}

int mw_effects_add(struct mw_effects *e, const struct mw_action *act, const struct mw_tie *tie,
		   uint64_t seq, bool said)
{
	struct mw_effects_entry *x;
	uint64_t hash;
	int r;

	const uint64_t n = act->n ? act->n : 1;

	e->total += n;
	e->power |= mw_power_observed(act);
	hash = hash_of(e, act, tie);
	x = look(e, hash, act, tie);
	if (!x) {
		r = add(e, hash, act, tie, &x);
		if (r < 0) {
			e->unlisted += n;
			return r == -ENOSPC ? 0 : r;
		}
	}
	if (x->pub.n_seqs < sizeof(x->pub.seqs) / sizeof(x->pub.seqs[0]))
		x->pub.seqs[x->pub.n_seqs++] = seq;
	else if (!said)
		name_more(e, x, seq);
	x->pub.n += n;
	return 0;
}

static bool in_order(const struct mw_effects *e)
{
	for (size_t i = 1; i < e->n; i++)
		if (e->list[i]->pub.seqs[0] < e->list[i - 1]->pub.seqs[0])
			return false;
	return true;
}

void mw_effects_sort(struct mw_effects *e)
{
	struct mw_effects_entry **tmp, **from = e->list, **to;

	if (in_order(e))
		return;
	tmp = mw_alloc_zero(e->a, e->cap * sizeof(*tmp));
	if (!tmp)
		return;
	to = tmp;
	for (size_t size = 1; size < e->n; size *= 2) {
		struct mw_effects_entry **swap = from;

		for (size_t at = 0; at < e->n; at += 2 * size) {
			size_t l = at, mid = at + size < e->n ? at + size : e->n, r = mid;
			const size_t end = mid + size < e->n ? mid + size : e->n;

			for (size_t i = at; i < end; i++)
				to[i] = l < mid && (r >= end ||
						    from[l]->pub.seqs[0] <= from[r]->pub.seqs[0])
					    ? from[l++]
					    : from[r++];
		}
		from = to;
		to = swap;
	}
	memset(e->slots, 0, e->n_slots * sizeof(*e->slots));
	for (size_t i = 0; i < e->n; i++)
		slot_add(e->slots, e->n_slots, from[i]->hash, i);
	e->list = from;
	mw_alloc_free(e->a, to, e->cap * sizeof(*to));
}

const struct mw_call_effect *mw_effects_at(const struct mw_effects *e, size_t i)
{
	return i < e->n ? &e->list[i]->pub : NULL;
}
