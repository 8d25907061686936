/* SPDX-License-Identifier: Apache-2.0 */
#include "io/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"

enum { SLOTS_MIN = 256, TEXTS_MAX = INT32_MAX };

static uint32_t hash_of(const struct mw_intern *t, uint32_t tag, struct mw_slice s)
{
	return (uint32_t)mw_hash64(s, t->seed + tag);
}

static uint32_t *slot_of(const struct mw_intern *t, uint32_t tag, uint32_t hash, struct mw_slice s)
{
	size_t i = hash & (t->n_slots - 1);

	for (; t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
		const struct mw_intern_text *e = &t->e[t->slots[i] - 1];

		if (e->hash == hash && e->tag == tag && e->len == s.n &&
		    memcmp(t->text + e->at, s.p, s.n) == 0)
			break;
	}
	return &t->slots[i];
}

/* The slots never more than half full. */
static int grow_slots(struct mw_intern *t)
{
	size_t n = t->n_slots ? 2 * t->n_slots : SLOTS_MIN, i, k;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	/* so that who names things does not choose who collides */
	if (!t->n_slots && getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		t->seed = (uintptr_t)slots;
	for (i = 0; i < t->n; i++) {
		for (k = t->e[i].hash & (n - 1); slots[k]; k = (k + 1) & (n - 1))
			;
		slots[k] = (uint32_t)i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

/* Room for one more of n bytes. */
static int grow(struct mw_intern *t, size_t n)
{
	void *p;

	if (t->text_len + n + 1 > UINT32_MAX || t->n == TEXTS_MAX)
		return -EOVERFLOW;
	if (t->text_len + n + 1 > t->text_cap) {
		p = realloc(t->text, 2 * (t->text_len + n + 1));
		if (!p)
			return -ENOMEM;
		t->text = p;
		t->text_cap = 2 * (t->text_len + n + 1);
	}
	if (t->n == t->cap) {
		p = reallocarray(t->e, t->cap ? 2 * t->cap : SLOTS_MIN, sizeof(*t->e));
		if (!p)
			return -ENOMEM;
		t->e = p;
		t->cap = t->cap ? 2 * t->cap : SLOTS_MIN;
	}
	return 0;
}

int mw_intern_put(struct mw_intern *t, uint32_t tag, struct mw_slice s, uint32_t *ret)
{
	uint32_t hash, *slot;
	int r;

	if (2 * (t->n + 1) > t->n_slots) {
		r = grow_slots(t);
		if (r < 0)
			return r;
	}
	hash = hash_of(t, tag, s);
	slot = slot_of(t, tag, hash, s);
	if (*slot) {
		*ret = *slot - 1;
		return 0;
	}
	r = grow(t, s.n);
	if (r < 0)
		return r;
	t->e[t->n] = (struct mw_intern_text){ (uint32_t)t->text_len, (uint32_t)s.n, hash, tag };
	if (s.n)
		memcpy(t->text + t->text_len, s.p, s.n);
	t->text_len += s.n;
	t->text[t->text_len++] = '\0';
	*slot = (uint32_t)++t->n;
	*ret = *slot - 1;
	return 1;
}

int mw_intern_find(const struct mw_intern *t, uint32_t tag, struct mw_slice s, uint32_t *ret)
{
	uint32_t *slot;

	if (!t->n)
		return -ENOENT;
	slot = slot_of(t, tag, hash_of(t, tag, s), s);
	if (!*slot)
		return -ENOENT;
	*ret = *slot - 1;
	return 0;
}

const char *mw_intern_str(const struct mw_intern *t, uint32_t number)
{
	return t->text + t->e[number].at;
}

void mw_intern_done(struct mw_intern *t)
{
	free(t->e);
	free(t->slots);
	free(t->text);
	*t = (struct mw_intern){ 0 };
}
