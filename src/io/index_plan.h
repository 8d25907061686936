/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_plan.h - sets of records, calls and servers, and the plan made of them
 *
 * Sets of records are bits from the index's first record on. Calls and servers are known by a hash
 * of their id: two that are alike only widen what is read.
 */
#ifndef MW_IO_INDEX_PLAN_H
#define MW_IO_INDEX_PLAN_H

#include <xxhash.h>

#include "io/index_priv.h"

struct mw_index_bits {
	uint64_t *w;
};

struct mw_index_set {
	uint64_t *p; /* 0: free */
	size_t n, cap;
};

/* A segment of the index. */
struct mw_index_part {
	uint64_t first, n;
	struct mw_index_column call, ties, len; /* open as long as raw is there */
	uint64_t *call_hash;
};

struct mw_index_plan {
	struct mw_index_part *part;
	size_t n_parts;
	uint64_t base, n; /* the records of all */
	struct mw_index_bits want, servers;
	void *state;
	size_t n_state;
	/* the next: of which set, its part, its place in that, and where the lengths of it and what
	 * follows stand
	 */
	const struct mw_index_bits *now;
	size_t at_part;
	uint64_t at, off;
	struct mw_slice lens;
};

/* Empty, for the records of a plan. 0, -ENOMEM. */
int mw_index_bits_new(const struct mw_index_plan *p, struct mw_index_bits *ret);
void mw_index_bits_done(struct mw_index_bits *b);
void mw_index_bits_and(const struct mw_index_plan *p, struct mw_index_bits *b,
		       const struct mw_index_bits *with);
void mw_index_bits_or(const struct mw_index_plan *p, struct mw_index_bits *b,
		      const struct mw_index_bits *with);

/* A record that the index does not know is in no set. */
static inline void mw_index_bit_set(const struct mw_index_plan *p, struct mw_index_bits *b,
				    uint64_t seq)
{
	const uint64_t i = seq - p->base;

	if (seq >= p->base && i < p->n)
		b->w[i / 64] |= (uint64_t)1 << i % 64;
}

static inline void mw_index_bit_clear(const struct mw_index_plan *p, struct mw_index_bits *b,
				      uint64_t seq)
{
	const uint64_t i = seq - p->base;

	if (seq >= p->base && i < p->n)
		b->w[i / 64] &= ~((uint64_t)1 << i % 64);
}

static inline bool mw_index_bit(const struct mw_index_plan *p, const struct mw_index_bits *b,
				uint64_t seq)
{
	const uint64_t i = seq - p->base;

	return seq >= p->base && i < p->n && b->w[i / 64] >> i % 64 & 1;
}

static inline uint64_t mw_index_hash(struct mw_slice s)
{
	const uint64_t h = XXH3_64bits(s.p, s.n);

	return h ? h : 1;
}

bool mw_index_set_has(const struct mw_index_set *s, uint64_t v);
/* v is not 0. 0, -ENOMEM. */
int mw_index_set_add(struct mw_index_set *s, uint64_t v);
void mw_index_set_done(struct mw_index_set *s);

/* A question while it is answered. */
struct mw_index_asking {
	struct mw_index_plan *p;
	struct mw_index_db *db;
	const struct mw_index_query *q;
};

/* --- index_calls.c --- */

/* Opens the columns of calls and ties, of all parts. 0, -EBADMSG, -ENOMEM, others, as the others.
 */
int mw_index_open_calls(struct mw_index_asking *a);
/* The calls that these records are tied to, by their own word or by a call's. */
int mw_index_calls_of(struct mw_index_asking *a, const struct mw_index_bits *of,
		      struct mw_index_set *ret);
/* What is tied to these calls; of the records in `only` (NULL: all, and the effects they name). */
int mw_index_tied_to(struct mw_index_asking *a, const struct mw_index_set *calls,
		     const struct mw_index_bits *only, struct mw_index_bits *out);
/*
 * The calls that were open for longer than the span, or are still: an effect that may be of any
 * call on its server is not settled before they are. *ret_since: where begins what the records
 * behind the index may still settle.
 */
int mw_index_long_calls(struct mw_index_asking *a, const struct mw_index_bits *requests,
			const struct mw_index_bits *ends, struct mw_index_set *ret,
			uint64_t *ret_since);

/* --- index_grep.c --- */

/* Of the records that are wanted, leaves those whose lines have the text that is asked for. Reads
 * the segments, in several threads; 0, -EBADMSG: they are not what the index says; others. */
int mw_index_grep(struct mw_index_asking *a);

/* Frees what is needed for the question only. */
void mw_index_calls_done(struct mw_index_part *part);

#endif
