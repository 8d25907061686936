/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_seq.c - one after the other
 *
 * Of each step the latest facts that held are kept, with the chain that leads to each: the one that
 * began last, as that is the last to run out of time. Facts that wait for their tie come later than
 * they were, so all chains are looked at again with each fact that holds: few steps, few of each.
 */
#include <errno.h>

#include "base/hash.h"
#include "core/policy_state.h"

size_t mw_policy_chains(const struct mw_rule_set *s, uint32_t rule)
{
	const struct mw_rule_of *o = &s->rule[rule];

	for (size_t i = 0; i < o->from->n_steps; i++)
		if (o->steps[i].n_same)
			return MW_CHAINS_SAME;
	return MW_CHAINS;
}

/* --- what an alert will speak of ----------------------------------------------------------------
 */

int mw_ref_init(struct mw_policy *p, const struct mw_look_at *x, const struct mw_state * not,
		struct mw_ref *ret)
{
	const struct mw_fact *f = x->f;
	struct mw_ref r = { .call = x->n_calls ? x->calls[0] : 0, .seq = f->seq };
	struct mw_slice s = { 0 };

	if (f->effect && f->effect->act)
		s = f->effect->act->target;
	if (s.n > MW_TARGET_MAX)
		s.n = MW_TARGET_MAX;
	if (s.n) {
		while (!(r.target = mw_alloc_zero(&p->budget.alloc, sizeof(*r.target) + s.n)))
			if (!mw_policy_make_room(p, not ))
				return -ENOMEM;
		r.target->users = 1;
		r.target->n = (uint32_t)s.n;
		memcpy(r.target->p, s.p, s.n);
	}
	*ret = r;
	return 0;
}

static struct mw_ref ref_copy(const struct mw_ref *r)
{
	if (r->target)
		r->target->users++;
	return *r;
}

void mw_ref_done(struct mw_policy *p, struct mw_ref *r)
{
	if (r->target && --r->target->users == 0)
		mw_alloc_free(&p->budget.alloc, r->target, sizeof(*r->target) + r->target->n);
	r->target = NULL;
}

/* --- chains -------------------------------------------------------------------------------------
 */

static void path_done(struct mw_policy *p, struct mw_chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		mw_ref_done(p, &c->path[i]);
	c->n = 0;
}

/* The place of a step's chains for a new one: an empty one, or the earliest's. NULL: it is earlier
 * than all. */
static struct mw_chain *place_for(struct mw_policy *p, struct mw_chain *v, size_t n, uint64_t ts_ns)
{
	struct mw_chain *at = &v[0];

	for (size_t i = 0; i < n; i++) {
		if (v[i].serial == 0)
			return &v[i];
		if (v[i].ts_ns < at->ts_ns)
			at = &v[i];
	}
	if (at->ts_ns > ts_ns)
		return NULL;
	mw_ref_done(p, &at->self);
	path_done(p, at);
	return at;
}

/* All of these fields' values in one; false: one is not known. */
static bool same_hash(const struct mw_step_of *st, const struct mw_look_at *x, uint64_t *ret)
{
	uint64_t h = 0, v;

	for (size_t i = 0; i < st->n_same; i++) {
		if (!mw_policy_value_hash(st->same[i], x, &v))
			return false;
		h = mw_hash64(mw_slice(&v, sizeof(v)), h);
	}
	*ret = h;
	return true;
}

/* Of one time, the records' order counts, and where there are none that of coming here. */
static bool is_after(const struct mw_chain *a, const struct mw_chain *b)
{
	if (a->ts_ns != b->ts_ns)
		return a->ts_ns < b->ts_ns;
	if (a->self.seq != UINT64_MAX && b->self.seq != UINT64_MAX)
		return a->self.seq < b->self.seq;
	return a->serial < b->serial;
}

static bool follows(const struct mw_chain *a, const struct mw_chain *b, const struct mw_step_of *st,
		    uint64_t over_ns)
{
	if (a->n == 0 || !is_after(a, b) || b->ts_ns - a->begin_ns > over_ns)
		return false;
	return st->n_same == 0 || (a->has_out && b->has_in && a->out == b->in);
}

static void link_chain(struct mw_policy *p, const struct mw_chain *a, struct mw_chain *b)
{
	if (b->n && b->begin_ns >= a->begin_ns)
		return;
	path_done(p, b);
	for (size_t i = 0; i < a->n; i++)
		b->path[i] = ref_copy(&a->path[i]);
	b->path[a->n] = ref_copy(&b->self);
	b->n = a->n + 1;
	b->begin_ns = a->begin_ns;
}

static void link_all(struct mw_policy *p, struct mw_state *s, const struct mw_rule_of *o,
		     size_t from)
{
	const size_t n = s->n_chains / o->from->n_steps;

	for (size_t step = from ? from : 1; step < o->from->n_steps; step++) {
		const struct mw_chain *before = &s->chain[(step - 1) * n];

		for (size_t i = 0; i < n; i++) {
			struct mw_chain *b = &s->chain[step * n + i];

			for (size_t k = 0; b->serial && k < n; k++)
				if (follows(&before[k], b, &o->steps[step], o->from->over_ns))
					link_chain(p, &before[k], b);
		}
	}
}

int mw_policy_step(struct mw_policy *p, uint32_t rule, unsigned int step,
		   const struct mw_look_at *x, struct mw_cause *ret)
{
	const struct mw_rule_of *o = &p->set->rule[rule];
	const size_t n = mw_policy_chains(p->set, rule), n_steps = o->from->n_steps;
	struct mw_chain c = { .ts_ns = x->f->ts_ns, .serial = x->serial }, *at;
	struct mw_state *s;
	int r;

	r = mw_policy_state(p, rule, x, &s);
	if (r <= 0)
		return r;
	r = mw_ref_init(p, x, s, &c.self);
	if (r < 0)
		return r;
	at = place_for(p, &s->chain[step * n], n, c.ts_ns);
	if (!at) {
		mw_ref_done(p, &c.self);
		return 0;
	}
	if (step > 0)
		c.has_in = same_hash(&o->steps[step], x, &c.in);
	if (step + 1 < n_steps)
		c.has_out = same_hash(&o->steps[step + 1], x, &c.out);
	if (step == 0) {
		c.n = 1;
		c.begin_ns = c.ts_ns;
		c.path[0] = ref_copy(&c.self);
	}
	*at = c;
	link_all(p, s, o, step);
	for (size_t i = (n_steps - 1) * n; i < n_steps * n; i++) {
		struct mw_chain *end = &s->chain[i];

		if (end->n != n_steps || end->fired)
			continue;
		end->fired = true;
		*ret = (struct mw_cause){ .rule = rule, .count = 1, .chain = end };
		ret->window_ns = end->ts_ns - end->begin_ns;
		return 1;
	}
	return 0;
}
