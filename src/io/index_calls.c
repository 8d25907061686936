/* SPDX-License-Identifier: Apache-2.0 */
/* index_calls.c - which records are of which calls, by the index's columns */
#include <errno.h>

#include "io/index_plan.h"

/* --- calls --------------------------------------------------------------------------------------
 */

int mw_index_open_calls(struct mw_index_asking *a)
{
	size_t i, k;
	int r;

	for (i = 0; i < a->p->n_parts; i++) {
		struct mw_index_part *part = &a->p->part[i];

		r = mw_index_db_column(a->db, part->first, MW_INDEX_CALL, &part->call);
		if (r == 0)
			r = mw_index_db_column(a->db, part->first, MW_INDEX_TIES, &part->ties);
		if (r < 0)
			return r;
		part->call_hash = calloc(part->call.n_terms + 1, sizeof(*part->call_hash));
		if (!part->call_hash)
			return -ENOMEM;
		for (k = 0; k < part->call.n_terms; k++)
			part->call_hash[k] = mw_index_hash(part->call.term[k]);
	}
	return 0;
}

/* One record's calls: skipped, or looked at. */
struct calls {
	struct mw_slice call, ties;
	uint64_t n_ties;
};

/* Its calls: how many, behind it c->call stands at the first. */
static int begin_record(struct calls *c, uint64_t *ret_n)
{
	return mw_index_number(&c->call, ret_n) && mw_index_number(&c->ties, &c->n_ties) ? 0
											 : -EBADMSG;
}

/* The effect that it names; zigzag of how far back. */
static int next_tie(struct calls *c, uint64_t seq, uint64_t *ret)
{
	uint64_t z;

	if (!mw_index_number(&c->ties, &z))
		return -EBADMSG;
	*ret = seq - ((z >> 1) ^ (0 - (z & 1)));
	return 0;
}

int mw_index_calls_of(struct mw_index_asking *a, const struct mw_index_bits *of,
		      struct mw_index_set *ret)
{
	uint64_t i, j, n, id, seq, effect;

	for (size_t k = 0; k < a->p->n_parts; k++) {
		const struct mw_index_part *part = &a->p->part[k];
		struct calls c = { part->call.rows, part->ties.rows, 0 };

		for (i = 0; i < part->n; i++) {
			bool in;

			seq = part->first + i;
			in = mw_index_bit(a->p, of, seq);
			if (begin_record(&c, &n) < 0)
				return -EBADMSG;
			for (j = 0; j < c.n_ties; j++) {
				if (next_tie(&c, seq, &effect) < 0)
					return -EBADMSG;
				in |= mw_index_bit(a->p, of, effect);
			}
			for (j = 0; j < n; j++) {
				if (!mw_index_number(&c.call, &id) || id >= part->call.n_terms)
					return -EBADMSG;
				if (in && mw_index_set_add(ret, part->call_hash[id]) < 0)
					return -ENOMEM;
			}
		}
	}
	return 0;
}

int mw_index_tied_to(struct mw_index_asking *a, const struct mw_index_set *calls,
		     const struct mw_index_bits *only, struct mw_index_bits *out)
{
	uint64_t i, j, n, id, seq, effect;

	for (size_t k = 0; k < a->p->n_parts; k++) {
		const struct mw_index_part *part = &a->p->part[k];
		struct calls c = { part->call.rows, part->ties.rows, 0 };

		for (i = 0; i < part->n; i++) {
			bool in = false;

			seq = part->first + i;
			if (begin_record(&c, &n) < 0)
				return -EBADMSG;
			for (j = 0; j < n; j++) {
				if (!mw_index_number(&c.call, &id) || id >= part->call.n_terms)
					return -EBADMSG;
				in = in || mw_index_set_has(calls, part->call_hash[id]);
			}
			if (in && (!only || mw_index_bit(a->p, only, seq)))
				mw_index_bit_set(a->p, out, seq);
			for (j = 0; j < c.n_ties; j++) {
				if (next_tie(&c, seq, &effect) < 0)
					return -EBADMSG;
				if (in && !only)
					mw_index_bit_set(a->p, out, effect);
			}
		}
	}
	return 0;
}

/* Calls that began, by their hash: at which record, or how they ended. */
#define ENDED	   UINT64_MAX
#define ENDED_LATE (UINT64_MAX - 1)
struct begun {
	uint64_t *call, *seq;
	size_t cap;
};

static size_t begun_place(const struct begun *b, uint64_t call)
{
	size_t i = (size_t)call & (b->cap - 1);

	while (b->call[i] && b->call[i] != call)
		i = (i + 1) & (b->cap - 1);
	return i;
}

/* One record of a call. */
static void begun_take(struct begun *b, uint64_t call, uint64_t seq, bool request)
{
	const size_t i = begun_place(b, call);

	if (request && !b->call[i]) {
		b->call[i] = call;
		b->seq[i] = seq;
	} else if (!request && b->call[i] && b->seq[i] < ENDED_LATE) {
		b->seq[i] = seq - b->seq[i] <= MW_INDEX_SPAN ? ENDED : ENDED_LATE;
	}
}

static int begun_walk(struct mw_index_asking *a, const struct mw_index_bits *requests,
		      const struct mw_index_bits *ends, struct begun *b)
{
	uint64_t i, n, id, call;

	for (size_t k = 0; k < a->p->n_parts; k++) {
		const struct mw_index_part *part = &a->p->part[k];
		struct mw_slice rows = part->call.rows;

		for (i = 0; i < part->n; i++) {
			const uint64_t seq = part->first + i;
			const bool request = mw_index_bit(a->p, requests, seq);
			const bool end = mw_index_bit(a->p, ends, seq);

			if (!mw_index_number(&rows, &n))
				return -EBADMSG;
			for (call = 0; n > 0; n--) {
				if (!mw_index_number(&rows, &id) || id >= part->call.n_terms)
					return -EBADMSG;
				call = call ? call : part->call_hash[id];
			}
			if (call && (request || end))
				begun_take(b, call, seq, request);
		}
	}
	return 0;
}

int mw_index_long_calls(struct mw_index_asking *a, const struct mw_index_bits *requests,
			const struct mw_index_bits *ends, struct mw_index_set *ret,
			uint64_t *ret_since)
{
	struct begun b = { .cap = 64 };
	const uint64_t end = a->p->base + a->p->n;
	uint64_t i, n = 0;
	int r = -ENOMEM;

	*ret_since = end;
	for (i = 0; i <= a->p->n / 64; i++)
		n += (uint64_t)__builtin_popcountll(requests->w[i]);
	while (b.cap < 2 * n)
		b.cap *= 2;
	b.call = calloc(b.cap, sizeof(*b.call));
	b.seq = calloc(b.cap, sizeof(*b.seq));
	if (b.call && b.seq)
		r = begun_walk(a, requests, ends, &b);
	for (i = 0; i < b.cap && r == 0; i++) {
		if (!b.call[i] || b.seq[i] == ENDED)
			continue;
		r = mw_index_set_add(ret, b.call[i]);
		if (b.seq[i] < *ret_since)
			*ret_since = b.seq[i];
	}
	if (a->p->n > MW_INDEX_SPAN && *ret_since < end - MW_INDEX_SPAN)
		*ret_since = end - MW_INDEX_SPAN;
	free(b.call);
	free(b.seq);
	return r;
}
