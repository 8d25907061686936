/* SPDX-License-Identifier: Apache-2.0 */
/* policy_strs.c - numbers by their hash, sets of texts, memory that goes all at once */
#include <errno.h>

#include "base/hash.h"
#include "core/policy_priv.h"

/* --- arrays and arenas --------------------------------------------------------------------------
 */

int mw_grow(const struct mw_alloc *a, void *p, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap ? *cap : 8;
	void *old, *new;

	if (n <= *cap)
		return 0;
	while (want < n)
		want *= 2;
	memcpy(&old, p, sizeof(old));
	new = a->resize(a->ctx, old, *cap * size, want * size);
	if (!new)
		return -ENOMEM;
	memcpy(p, &new, sizeof(new));
	*cap = want;
	return 0;
}

/* So few are put in order one by one. */
#define FEW 24u

static void sift(uint32_t *v, size_t i, size_t n)
{
	for (size_t kid; (kid = 2 * i + 1) < n; i = kid) {
		const uint32_t t = v[i];

		if (kid + 1 < n && v[kid] < v[kid + 1])
			kid++;
		if (t >= v[kid])
			return;
		v[i] = v[kid];
		v[kid] = t;
	}
}

void mw_sort_u32(uint32_t *v, size_t n)
{
	if (n <= FEW) {
		for (size_t i = 1, k; i < n; i++) {
			const uint32_t t = v[i];

			for (k = i; k > 0 && v[k - 1] > t; k--)
				v[k] = v[k - 1];
			v[k] = t;
		}
		return;
	}
	for (size_t i = n / 2; i-- > 0;)
		sift(v, i, n);
	for (size_t i = n; i-- > 1;) {
		const uint32_t t = v[0];

		v[0] = v[i];
		v[i] = t;
		sift(v, 0, i);
	}
}

#define BLOCK_MIN 16384u

struct mw_arena_block {
	struct mw_arena_block *before;
	size_t used, size; /* of bytes */
	max_align_t bytes[];
};

void *mw_arena_zero(struct mw_arena *m, size_t n)
{
	struct mw_arena_block *b = m->last;
	size_t size;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!b || n > b->size - b->used) {
		size = n > BLOCK_MIN ? n : BLOCK_MIN;
		b = mw_alloc_zero(m->a, sizeof(*b) + size);
		if (!b)
			return NULL;
		b->before = m->last;
		b->size = size;
		m->last = b;
	}
	p = (uint8_t *)b->bytes + b->used;
	b->used += n;
	return p;
}

void mw_arena_done(struct mw_arena *m)
{
	struct mw_arena_block *b = m->last, *before;

	for (; b; b = before) {
		before = b->before;
		mw_alloc_free(m->a, b, sizeof(*b) + b->size);
	}
	m->last = NULL;
}

/* --- numbers by their hash ----------------------------------------------------------------------
 */

static uint32_t short_of(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

bool mw_ids_next(const struct mw_ids *x, struct mw_ids_pos *pos, uint32_t *ret)
{
	const uint32_t hash = short_of(pos->hash);

	while (pos->gone < x->n_slots) {
		const struct mw_ids_slot *s = &x->slot[(hash + pos->gone) & (x->n_slots - 1)];

		if (s->id == 0)
			return false;
		pos->gone++;
		if (s->hash == hash) {
			*ret = s->id - 1;
			return true;
		}
	}
	return false;
}

static void place(struct mw_ids_slot *slot, size_t n_slots, struct mw_ids_slot s)
{
	size_t i = s.hash & (n_slots - 1);

	while (slot[i].id)
		i = (i + 1) & (n_slots - 1);
	slot[i] = s;
}

int mw_ids_add(const struct mw_alloc *a, struct mw_ids *x, uint64_t hash, uint32_t id)
{
	size_t n_slots = x->n_slots ? x->n_slots * 2 : 16;
	struct mw_ids_slot *slot;

	if (2 * (x->n + 1) > x->n_slots) {
		slot = mw_alloc_zero(a, n_slots * sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		for (size_t i = 0; i < x->n_slots; i++)
			if (x->slot[i].id)
				place(slot, n_slots, x->slot[i]);
		mw_alloc_free(a, x->slot, x->n_slots * sizeof(*slot));
		x->slot = slot;
		x->n_slots = n_slots;
	}
	place(x->slot, x->n_slots, (struct mw_ids_slot){ short_of(hash), id + 1 });
	x->n++;
	return 0;
}

void mw_ids_done(const struct mw_alloc *a, struct mw_ids *x)
{
	mw_alloc_free(a, x->slot, x->n_slots * sizeof(*x->slot));
}

/* --- sets of texts ------------------------------------------------------------------------------
 */

bool mw_strs_has(const struct mw_strs *x, struct mw_slice s)
{
	struct mw_ids_pos pos = { .hash = mw_hash64(s, 0) };
	uint32_t i;

	while (mw_ids_next(&x->ids, &pos, &i))
		if (mw_slice_eq(x->v[i], s))
			return true;
	return false;
}

int mw_strs_add(const struct mw_alloc *a, struct mw_strs *x, struct mw_slice s)
{
	size_t i;
	int r;

	if (mw_strs_has(x, s))
		return 0;
	r = mw_grow(a, &x->v, &x->cap, x->n + 1, sizeof(*x->v));
	if (r == 0)
		r = mw_grow(a, &x->len, &x->cap_len, x->n_len + 1, sizeof(*x->len));
	if (r == 0)
		r = mw_ids_add(a, &x->ids, mw_hash64(s, 0), (uint32_t)x->n);
	if (r < 0)
		return r;
	x->v[x->n++] = s;
	for (i = 0; i < x->n_len && x->len[i] != s.n; i++)
		;
	if (i == x->n_len)
		x->len[x->n_len++] = s.n;
	return 0;
}

void mw_strs_done(const struct mw_alloc *a, struct mw_strs *x)
{
	mw_ids_done(a, &x->ids);
	mw_alloc_free(a, x->v, x->cap * sizeof(*x->v));
	mw_alloc_free(a, x->len, x->cap_len * sizeof(*x->len));
}
