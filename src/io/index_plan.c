/* SPDX-License-Identifier: Apache-2.0 */
/* index_plan.c - sets, and what of a log is read by a plan */
#include "io/index_plan.h"

#include <errno.h>

/* Lines that are further apart than that are not read together. */
#define GAP (16u << 10)

/* --- sets ---------------------------------------------------------------------------------------
 */

int mw_index_bits_new(const struct mw_index_plan *p, struct mw_index_bits *ret)
{
	ret->w = calloc((size_t)(p->n / 64 + 1), sizeof(*ret->w));
	return ret->w ? 0 : -ENOMEM;
}

void mw_index_bits_done(struct mw_index_bits *b)
{
	free(b->w);
}

void mw_index_bits_and(const struct mw_index_plan *p, struct mw_index_bits *b,
		       const struct mw_index_bits *with)
{
	for (uint64_t i = 0; i <= p->n / 64; i++)
		b->w[i] &= with->w[i];
}

void mw_index_bits_or(const struct mw_index_plan *p, struct mw_index_bits *b,
		      const struct mw_index_bits *with)
{
	for (uint64_t i = 0; i <= p->n / 64; i++)
		b->w[i] |= with->w[i];
}

void mw_index_set_done(struct mw_index_set *s)
{
	free(s->p);
}

static size_t set_place(const struct mw_index_set *s, uint64_t v)
{
	size_t i = (size_t)v & (s->cap - 1);

	while (s->p[i] && s->p[i] != v)
		i = (i + 1) & (s->cap - 1);
	return i;
}

bool mw_index_set_has(const struct mw_index_set *s, uint64_t v)
{
	return s->n && s->p[set_place(s, v)];
}

int mw_index_set_add(struct mw_index_set *s, uint64_t v)
{
	struct mw_index_set big = { .cap = s->cap ? 2 * s->cap : 64, .n = s->n };
	size_t i;

	if (s->n >= s->cap / 2) {
		big.p = calloc(big.cap, sizeof(*big.p));
		if (!big.p)
			return -ENOMEM;
		for (i = 0; i < s->cap; i++)
			if (s->p[i])
				big.p[set_place(&big, s->p[i])] = s->p[i];
		free(s->p);
		*s = big;
	}
	i = set_place(s, v);
	s->n += !s->p[i];
	s->p[i] = v;
	return 0;
}

/* --- its life --------------------------------------------------------------------------------
 */

void mw_index_calls_done(struct mw_index_part *part)
{
	mw_index_column_done(&part->call);
	mw_index_column_done(&part->ties);
	free(part->call_hash);
	part->call_hash = NULL;
}

void mw_index_plan_free(struct mw_index_plan *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < p->n_parts; i++) {
		mw_index_calls_done(&p->part[i]);
		mw_index_column_done(&p->part[i].len);
	}
	free(p->part);
	free(p->want.w);
	free(p->servers.w);
	free(p->state);
	free(p);
}

/* --- what is to be read -------------------------------------------------------------------------
 */

void mw_index_servers(struct mw_index_plan *p, bool alone)
{
	p->now = alone ? &p->servers : &p->want;
	p->at_part = 0;
	p->at = p->off = 0;
}

bool mw_index_wants(const struct mw_index_plan *p, uint64_t seq)
{
	return mw_index_bit(p, &p->want, seq);
}

uint64_t mw_index_rest(const struct mw_index_plan *p)
{
	return p->base + p->n;
}

struct mw_slice mw_index_state(const struct mw_index_plan *p)
{
	return mw_slice(p->state, p->n_state);
}

/* Goes over the lines that nobody wants. False: there is none left in this part. */
static bool seek(struct mw_index_plan *p, const struct mw_index_part *part)
{
	uint64_t len;
	struct mw_slice s = p->lens;

	for (; p->at < part->n && mw_index_number(&s, &len); p->at++) {
		if (mw_index_bit(p, p->now, part->first + p->at))
			return true;
		p->off += len;
		p->lens = s;
	}
	return false;
}

static void gather(struct mw_index_plan *p, const struct mw_index_part *part, size_t max,
		   struct mw_index_range *ret)
{
	struct mw_slice s = p->lens;
	uint64_t at = p->at, gap = 0, len;

	*ret =
	    (struct mw_index_range){ .first = part->first, .off = p->off, .seq = part->first + at };
	while (at < part->n && mw_index_number(&s, &len) && len <= UINT32_MAX) {
		const bool wanted = mw_index_bit(p, p->now, part->first + at);

		gap += len;
		if (ret->n_lines && (ret->len + gap > max || (!wanted && gap > GAP)))
			break;
		at++;
		if (!wanted)
			continue;
		/* all up to here */
		ret->len += (size_t)gap;
		ret->n_lines = (size_t)(at - p->at);
		gap = 0;
	}
	/* the next one begins behind the last that is wanted */
	for (at = 0; at < ret->n_lines; at++)
		mw_index_number(&p->lens, &len);
	p->at += ret->n_lines;
	p->off += ret->len;
}

bool mw_index_next(struct mw_index_plan *p, size_t max, struct mw_index_range *ret)
{
	for (; p->at_part < p->n_parts; p->at_part++) {
		const struct mw_index_part *part = &p->part[p->at_part];

		if (p->at == 0) {
			p->lens = part->len.rows;
			p->off = 0;
		}
		if (part->len.raw && seek(p, part)) {
			gather(p, part, max, ret);
			return ret->n_lines > 0;
		}
		p->at = 0;
	}
	return false;
}
