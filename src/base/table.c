/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. entries[0..n_used) are in the order they were put; a removed one stays as a hole (value NULL)
 *     until the next put that finds no room closes the holes.
 *  2. Every live entry is in slots[] once, as its index + 1, on its linear probe path with no empty
 *     slot before it (removal shifts the path back, so there are no tombstones there).
 *  3. n_slots is a power of two and at least 2 * cap: a probe always meets an empty slot.
 *  4. No entry before `first` is live; if n > 0, entries[first] is.
 * Order of iteration does not depend on the hash, so the seed may: it is the table's own address,
 * which the observed cannot know.
 */
#include "base/table.h"

#include <errno.h>

/* Keys have few lengths, and with those known the whole hash is a handful of instructions. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define KEY_LEN_MAX 64
#define CAP_FIRST 16
#define TABLE_MAX ((size_t)1 << 28)

struct entry {
	void *value; /* NULL: a hole */
	uint32_t hash;
	uint8_t key[];
};

struct mw_table {
	const struct mw_alloc *a;
	size_t key_len, max;
	size_t stride; /* bytes an entry */
	size_t n, n_used, cap, first;
	uint8_t *entries;
	uint32_t *slots; /* index + 1, 0 empty */
	size_t n_slots;
};

static struct entry *entry_at(const struct mw_table *t, size_t i)
{
	return (struct entry *)(void *)(t->entries + i * t->stride);
}

static uint32_t hash_of(const struct mw_table *t, const void *key)
{
	const uint64_t seed = (uint64_t)(uintptr_t)t;

	switch (t->key_len) {
	case 8:
		return (uint32_t)XXH3_64bits_withSeed(key, 8, seed);
	case 16:
		return (uint32_t)XXH3_64bits_withSeed(key, 16, seed);
	default:
		return (uint32_t)XXH3_64bits_withSeed(key, t->key_len, seed);
	}
}

static bool key_eq(const struct mw_table *t, const uint8_t *a, const void *b)
{
	switch (t->key_len) {
	case 8:
		return memcmp(a, b, 8) == 0;
	case 16:
		return memcmp(a, b, 16) == 0;
	default:
		return memcmp(a, b, t->key_len) == 0;
	}
}

int mw_table_new(const struct mw_alloc *a, size_t key_len, size_t max, struct mw_table **ret)
{
	struct mw_table *t;

	if (key_len < 1 || key_len > KEY_LEN_MAX || max < 1 || max > TABLE_MAX)
		return -EINVAL;
	t = mw_alloc_zero(a, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->a = a;
	t->key_len = key_len;
	t->max = max;
	t->stride = (offsetof(struct entry, key) + key_len + sizeof(void *) - 1) /
		    sizeof(void *) * sizeof(void *);
	*ret = t;
	return 0;
}

void mw_table_free(struct mw_table *t)
{
	if (!t)
		return;
	mw_alloc_free(t->a, t->entries, t->cap * t->stride);
	mw_alloc_free(t->a, t->slots, t->n_slots * sizeof(*t->slots));
	mw_alloc_free(t->a, t, sizeof(*t));
}

/* The slot that holds key, or n_slots. */
static size_t slot_find(const struct mw_table *t, const void *key, uint32_t hash)
{
	size_t mask = t->n_slots - 1;

	if (t->n == 0)
		return t->n_slots;
	for (size_t s = hash & mask; t->slots[s]; s = (s + 1) & mask) {
		const struct entry *e = entry_at(t, t->slots[s] - 1);

		if (e->hash == hash && key_eq(t, e->key, key))
			return s;
	}
	return t->n_slots;
}

static void slot_add(uint32_t *slots, size_t n_slots, uint32_t hash, size_t i)
{
	size_t s = hash & (n_slots - 1);

	while (slots[s])
		s = (s + 1) & (n_slots - 1);
	slots[s] = (uint32_t)(i + 1);
}

/* Empties slot s and moves back what its being full had pushed along. */
static void slot_remove(struct mw_table *t, size_t s)
{
	size_t mask = t->n_slots - 1, hole = s;

	for (s = (s + 1) & mask; t->slots[s]; s = (s + 1) & mask) {
		size_t home = entry_at(t, t->slots[s] - 1)->hash & mask;

		/* its home lies cyclically in (hole, s]: it is where it may be */
		if (((s - home) & mask) < ((s - hole) & mask))
			continue;
		t->slots[hole] = t->slots[s];
		hole = s;
	}
	t->slots[hole] = 0;
}

static void close_holes(struct mw_table *t)
{
	size_t n = 0;

	memset(t->slots, 0, t->n_slots * sizeof(*t->slots));
	for (size_t i = t->first; i < t->n_used; i++) {
		struct entry *e = entry_at(t, i);

		if (!e->value)
			continue;
		if (i != n)
			memcpy(entry_at(t, n), e, t->stride);
		slot_add(t->slots, t->n_slots, entry_at(t, n)->hash, n);
		n++;
	}
	t->n_used = n;
	t->first = 0;
}

static int grow(struct mw_table *t)
{
	/* room for holes beyond max, so that a full table that churns closes them seldom */
	size_t cap_max = t->max + t->max / 2 + 8, cap = t->cap ? t->cap * 2 : CAP_FIRST;
	size_t n_slots = t->n_slots ? t->n_slots : 2 * CAP_FIRST;
	uint32_t *slots;
	uint8_t *entries;

	if (cap > cap_max)
		cap = cap_max;
	while (n_slots < 2 * cap)
		n_slots *= 2;
	slots = mw_alloc_zero(t->a, n_slots * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	entries = t->a->resize(t->a->ctx, t->entries, t->cap * t->stride, cap * t->stride);
	if (!entries) {
		mw_alloc_free(t->a, slots, n_slots * sizeof(*slots));
		return -ENOMEM;
	}
	mw_alloc_free(t->a, t->slots, t->n_slots * sizeof(*t->slots));
	t->entries = entries;
	t->cap = cap;
	t->slots = slots;
	t->n_slots = n_slots;
	close_holes(t);
	return 0;
}

/* Makes entries[n_used] free to use. */
static int make_room(struct mw_table *t)
{
	if (t->n_used < t->cap)
		return 0;
	/* a quarter of holes is worth closing; less is worth growing, while there is a way up */
	if (t->n_used - t->n > t->cap / 4 || t->cap >= t->max + t->max / 2 + 8) {
		close_holes(t);
		return 0;
	}
	if (grow(t) == 0)
		return 0;
	if (t->n == t->n_used)
		return -ENOMEM;
	close_holes(t);
	return 0;
}

void *mw_table_get(const struct mw_table *t, const void *key)
{
	size_t s = slot_find(t, key, hash_of(t, key));

	return s == t->n_slots ? NULL : entry_at(t, t->slots[s] - 1)->value;
}

int mw_table_put(struct mw_table *t, const void *key, void *value)
{
	uint32_t hash = hash_of(t, key);
	struct entry *e;
	int r;

	if (slot_find(t, key, hash) != t->n_slots)
		return -EEXIST;
	if (t->n >= t->max)
		return -ENOSPC;
	r = make_room(t);
	if (r < 0)
		return r;
	e = entry_at(t, t->n_used);
	e->value = value;
	e->hash = hash;
	memcpy(e->key, key, t->key_len);
	slot_add(t->slots, t->n_slots, hash, t->n_used);
	if (t->n == 0)
		t->first = t->n_used;
	t->n_used++;
	t->n++;
	return 0;
}

void *mw_table_remove(struct mw_table *t, const void *key)
{
	size_t s = slot_find(t, key, hash_of(t, key)), i;
	void *value;

	if (s == t->n_slots)
		return NULL;
	i = t->slots[s] - 1;
	slot_remove(t, s);
	value = entry_at(t, i)->value;
	entry_at(t, i)->value = NULL;
	t->n--;
	while (t->first < t->n_used && !entry_at(t, t->first)->value)
		t->first++;
	return value;
}

void *mw_table_renew(struct mw_table *t, const void *key)
{
	const uint32_t hash = hash_of(t, key);
	const size_t s = slot_find(t, key, hash);
	struct entry *e;
	void *value;
	size_t i;

	if (s == t->n_slots)
		return NULL;
	i = t->slots[s] - 1;
	e = entry_at(t, i);
	value = e->value;
	if (i + 1 == t->n_used)
		return value;
	if (t->n_used == t->cap) {
		(void)mw_table_remove(t, key);
		(void)mw_table_put(t, key, value); /* the hole that it left is room */
		return value;
	}
	memcpy(entry_at(t, t->n_used), e, t->stride);
	e->value = NULL;
	t->slots[s] = (uint32_t)++t->n_used;
	while (!entry_at(t, t->first)->value)
		t->first++;
	return value;
}

void *mw_table_oldest(const struct mw_table *t)
{
	return t->n ? entry_at(t, t->first)->value : NULL;
}

size_t mw_table_count(const struct mw_table *t)
{
	return t->n;
}

void *mw_table_next(const struct mw_table *t, size_t *pos)
{
	size_t i = *pos < t->first ? t->first : *pos;

	for (; i < t->n_used; i++) {
		void *value = entry_at(t, i)->value;

		if (value) {
			*pos = i + 1;
			return value;
		}
	}
	*pos = i;
	return NULL;
}
