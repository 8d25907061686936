/* SPDX-License-Identifier: Apache-2.0 */
/* redact_words.c - many words looked for in one pass over a text */
#include <errno.h>

#include "core/redact_set.h"

/* How common a byte is in texts and code, roughly; what is not said here is rare. */
static const uint8_t common[256] = {
	[' '] = 9, ['e'] = 9, ['t'] = 8, ['a'] = 8, ['o'] = 7, ['i'] = 7, ['n'] = 7, ['s'] = 7,
	['r'] = 7, ['l'] = 6, ['c'] = 6, ['d'] = 6, ['u'] = 5, ['p'] = 5, ['m'] = 5, ['h'] = 5,
	['f'] = 4, ['g'] = 4, ['b'] = 4, ['y'] = 4, ['w'] = 3, ['v'] = 3, ['k'] = 3, ['.'] = 4,
	['_'] = 3, ['-'] = 3, ['0'] = 3, ['1'] = 3, ['2'] = 3, ['/'] = 4, [':'] = 3,
};

/* Of the first three bytes in v, in any case: the multiplier moves the fourth out. */
static inline uint32_t hash(uint32_t v)
{
	return (v | 0x20202020u) * (0x9e3779b1u << 8) >> 16;
}

static inline uint32_t hash_at(struct mw_slice t, size_t i)
{
	uint32_t v = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (t.n - i >= sizeof(v)) {
		memcpy(&v, t.p + i, sizeof(v));
		return hash(v);
	}
#endif
	for (size_t k = t.n - i < 3 ? t.n : i + 3; k > i; k--)
		v = v << 8 | t.p[k - 1];
	return hash(v);
}

int mw_words_new(const struct mw_alloc *a, struct mw_words **ret)
{
	struct mw_words *w = mw_alloc_zero(a, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->a = a;
	*ret = w;
	return 0;
}

void mw_words_free(struct mw_words *w)
{
	if (!w)
		return;
	mw_alloc_free(w->a, w->e, w->cap * sizeof(*w->e));
	mw_alloc_free(w->a, w, sizeof(*w));
}

static inline uint32_t may_be(const struct mw_words *w, uint32_t h)
{
	return w->map[h >> 5] >> (h & 31) & 1;
}

static int add(struct mw_words *w, struct mw_slice text, uint32_t id, size_t skip, uint32_t h)
{
	uint32_t *head = &w->head[h % MW_WORDS_HEADS];

	for (uint32_t i = *head; i; i = w->e[i - 1].next)
		if (w->e[i - 1].id == id && w->e[i - 1].hash == h &&
		    mw_slice_eq(w->e[i - 1].text, text))
			return 0;
	if (w->n == MW_SET_WORDS_MAX)
		return -EINVAL;
	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		void *p = w->a->resize(w->a->ctx, w->e, w->cap * sizeof(*w->e),
				       cap * sizeof(*w->e));

		if (!p)
			return -ENOMEM;
		w->e = p;
		w->cap = cap;
	}
	w->e[w->n++] = (struct mw_word){ .text = text,
					 .id = id,
					 .next = *head,
					 .skip = (uint16_t)skip,
					 .hash = (uint16_t)h };
	*head = (uint32_t)w->n;
	w->map[h >> 5] |= 1u << (h & 31);
	return 0;
}

int mw_words_add(struct mw_words *w, const char *word, uint32_t id)
{
	const struct mw_slice text = mw_slice_str(word);
	unsigned int cost, least = 256;
	size_t skip = 0;
	int r = 0;

	if (text.n < 2 || text.n > MW_SET_WORD_MAX)
		return -EINVAL;
	if (text.n == 2) { /* whatever follows it, or nothing */
		for (unsigned int c = 0; c < 256 && r == 0; c++) {
			const uint8_t b[3] = { text.p[0], text.p[1], (uint8_t)c };

			r = add(w, text, id, 0, hash_at(mw_slice(b, 3), 0));
		}
		return r;
	}
	for (size_t i = 0; i + 3 <= text.n; i++) {
		cost = 0U + common[text.p[i]] + common[text.p[i + 1]] + common[text.p[i + 2]];
		if (cost < least) {
			least = cost;
			skip = i;
		}
	}
	return add(w, text, id, skip, hash_at(text, skip));
}

static bool stands_at(const struct mw_word *e, struct mw_slice t, size_t at)
{
	if (t.n - at < e->text.n)
		return false;
	for (size_t i = 0; i < e->text.n; i++)
		if (mw_lower(t.p[at + i]) != e->text.p[i])
			return false;
	return true;
}

/* The bytes from i on, eight at most, in the order of their addresses from the low end up. */
static uint64_t load_rest(struct mw_slice t, size_t i)
{
	uint64_t v = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (t.n >= 8) {
		memcpy(&v, t.p + t.n - 8, sizeof(v));
		return v >> (64 - 8 * (t.n - i));
	}
#endif
	for (size_t k = t.n; k > i; k--)
		v = v << 8 | t.p[k - 1];
	return v;
}

/* The next place that may hold a word, at or behind i; the end if there is none. */
static size_t next_place(const struct mw_words *w, struct mw_slice t, size_t i)
{
	uint64_t v;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* five places at once */
	for (; t.n >= 8 && i <= t.n - 8; i += 5) {
		uint32_t found;

		memcpy(&v, t.p + i, sizeof(v));
		found = may_be(w, hash((uint32_t)v)) | may_be(w, hash((uint32_t)(v >> 8))) << 1 |
			may_be(w, hash((uint32_t)(v >> 16))) << 2 |
			may_be(w, hash((uint32_t)(v >> 24))) << 3 |
			may_be(w, hash((uint32_t)(v >> 32))) << 4;
		if (found)
			return i + (size_t)__builtin_ctz(found);
	}
#endif
	for (; t.n - i > 8; i++) {
		v = load_rest(mw_slice(t.p, i + 8), i);
		if (may_be(w, hash((uint32_t)v)))
			return i;
	}
	/* no word has one byte alone */
	for (v = i < t.n ? load_rest(t, i) : 0; i + 1 < t.n; i++, v >>= 8)
		if (may_be(w, hash((uint32_t)v)))
			return i;
	return t.n;
}

const struct mw_word *mw_words_next(const struct mw_words *w, struct mw_words_pos *p)
{
	uint32_t h;

	while (p->i < p->text.n) {
		if (!p->next) {
			p->i = next_place(w, p->text, p->i);
			if (p->i == p->text.n)
				break;
			h = hash_at(p->text, p->i);
			p->next = w->head[h % MW_WORDS_HEADS];
		} else {
			h = hash_at(p->text, p->i);
		}
		while (p->next) {
			const struct mw_word *e = &w->e[p->next - 1];

			p->next = e->next;
			if (e->hash != h || p->i < e->skip || !stands_at(e, p->text, p->i - e->skip))
				continue;
			p->at = p->i - e->skip;
			p->i += !p->next;
			return e;
		}
		p->i++;
	}
	return NULL;
}

bool mw_words_any(const struct mw_words *w, struct mw_slice text)
{
	struct mw_words_pos p = { .text = text };

	return mw_words_next(w, &p) != NULL;
}
