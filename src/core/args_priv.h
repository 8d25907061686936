/* SPDX-License-Identifier: Apache-2.0 */
/* args_priv.h - what args.c (taking the strings out) and args_match.c (asking) share */
#ifndef MW_CORE_ARGS_PRIV_H
#define MW_CORE_ARGS_PRIV_H

#include "base/ascii.h"
#include "core/args.h"
#include "core/sql.h"

#define END_MIN 4 /* bytes of a relative string */
#define MENTION_MAX 65536
/* Constants of a statement that arguments may name: bytes, digits of a number. */
#define CONSTANT_MIN 6
#define DIGITS_MIN   5

struct word {
	uint64_t fwd, rev;
	uint32_t off, n; /* in text */
	bool dir;	 /* an absolute path of two components or more, or a URL */
	bool end;	 /* relative */
};

/* Words beyond the strings: the path in a URL, a tidier form of a path or URL, statements. */
#define WORDS_MAX (6 * MW_ARGS_STRINGS_MAX)
_Static_assert(WORDS_MAX < UINT16_MAX, "slots are 16 bits");

/* A host by its name, in lower case; port 0: any. */
struct host {
	uint64_t hash;
	uint32_t off, n; /* in text */
	uint16_t port;
};

struct mw_args {
	const struct mw_alloc *a;
	struct host *hosts;
	size_t n_hosts, cap_hosts;
	struct mw_buf text;
	struct word *words;
	struct mw_addr *addrs; /* family AF_UNSPEC: localhost; port 0: any */
	uint16_t *slots;       /* by fwd, then by rev: index + 1 */
	size_t n_words, cap_words, n_addrs, cap_addrs, n_slots, n_strings, max;
	bool whole;
};

/* Rolling, so that one pass over a path gives the hash of each of its beginnings. */
static inline uint64_t hash_step(uint64_t h, uint8_t c)
{
	return (h + c + 1) * 0x9e3779b97f4a7c15ull;
}

static inline size_t hash_slot(uint64_t h, size_t mask)
{
	return (size_t)((h ^ h >> 29) * 0xbf58476d1ce4e5b9ull >> 40) & mask;
}

static inline uint64_t hash_fwd(struct mw_slice s)
{
	uint64_t h = 0;

	for (size_t i = 0; i < s.n; i++)
		h = hash_step(h, s.p[i]);
	return h;
}

static inline uint64_t hash_rev(struct mw_slice s)
{
	uint64_t h = 0;

	for (size_t i = s.n; i > 0; i--)
		h = hash_step(h, s.p[i - 1]);
	return h;
}

static inline size_t find(struct mw_slice s, uint8_t c)
{
	const uint8_t *p = s.n ? memchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

static inline struct mw_slice from(struct mw_slice s, size_t i)
{
	return i < s.n ? mw_slice_from(s, i) : mw_slice(s.p, 0);
}

static inline struct mw_slice word_text(const struct mw_args *x, const struct word *w)
{
	return mw_slice(x->text.p + w->off, w->n);
}

/* Writes an http, https, ws or wss URL in the form that all like it have: scheme and host in lower
 * case, no user, no default port, no fragment; without its query, unless that is wanted, and then
 * without '/' at its end. How many bytes of out; 0: it is none, or longer than max. */
size_t mw_args_url_put(uint8_t *out, size_t max, struct mw_slice url, bool query);

#endif
