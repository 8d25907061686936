/* SPDX-License-Identifier: Apache-2.0 */
/* policy_count.c - how often something held, for how many values, or with what sum */
#include <errno.h>

#include "core/policy_state.h"

#define AMOUNT_MAX (1ull << 55)

/* --- states -------------------------------------------------------------------------------------
 */

static void chain_done(struct mw_policy *p, struct mw_chain *c)
{
	mw_ref_done(p, &c->self);
	for (size_t i = 0; i < c->n; i++)
		mw_ref_done(p, &c->path[i]);
}

void mw_policy_state_free(struct mw_policy *p, struct mw_state *s)
{
	const struct mw_alloc *a = &p->budget.alloc;

	for (size_t i = 0; i < s->n_marks; i++)
		mw_ref_done(p, &s->mark[i].ref);
	for (size_t i = 0; i < s->n_chains; i++)
		chain_done(p, &s->chain[i]);
	mw_alloc_free(a, s->mark, s->cap_marks * sizeof(*s->mark));
	mw_alloc_free(a, s->chain, s->n_chains * sizeof(*s->chain));
	mw_alloc_free(a, s, sizeof(*s));
}

/* Nothing in it counts any more. */
static bool is_over(const struct mw_policy *p, const struct mw_state *s)
{
	return p->now_ns - s->last_ns >= p->set->rule[s->rule].from->over_ns;
}

static void give_up(struct mw_policy *p, struct mw_state *s)
{
	if (!is_over(p, s))
		p->stats.evicted++;
	mw_table_remove(p->states, s->key);
	mw_policy_state_free(p, s);
}

bool mw_policy_make_room(struct mw_policy *p, const struct mw_state * not )
{
	struct mw_state *s = mw_table_oldest(p->states);

	if (!s || s == not )
		return false;
	give_up(p, s);
	return true;
}

static struct mw_state *state_new(struct mw_policy *p, uint32_t rule, const uint8_t key[16])
{
	const struct mw_policy_rule *from = p->set->rule[rule].from;
	struct mw_state *s;
	size_t n = 0;

	while (!(s = mw_alloc_zero(&p->budget.alloc, sizeof(*s))))
		if (!mw_policy_make_room(p, NULL))
			return NULL;
	memcpy(s->key, key, sizeof(s->key));
	s->rule = rule;
	if (from->n_steps) {
		n = mw_policy_chains(p->set, rule) * from->n_steps;
		while (!(s->chain = mw_alloc_zero(&p->budget.alloc, n * sizeof(*s->chain)))) {
			if (mw_policy_make_room(p, NULL))
				continue;
			mw_alloc_free(&p->budget.alloc, s, sizeof(*s));
			return NULL;
		}
		s->n_chains = n;
	}
	return s;
}

int mw_policy_state(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x,
		    struct mw_state **ret)
{
	const struct mw_rule_of *o = &p->set->rule[rule];
	struct mw_state *s, *old;
	uint8_t key[16];
	int r;

	if (!mw_policy_key(o, o->from->by, x, false, key))
		return 0;
	s = mw_table_renew(p->states, key);
	if (s) {
		s->last_ns = p->now_ns;
		*ret = s;
		return 1;
	}
	for (int i = 0; i < 2 && (old = mw_table_oldest(p->states)) && is_over(p, old); i++)
		give_up(p, old);
	s = state_new(p, rule, key);
	if (!s)
		return -ENOMEM;
	s->last_ns = p->now_ns;
	while ((r = mw_table_put(p->states, key, s)) == -ENOSPC)
		if (!mw_policy_make_room(p, NULL))
			break;
	if (r < 0) {
		mw_policy_state_free(p, s);
		return -ENOMEM;
	}
	*ret = s;
	return 1;
}

/* --- marks --------------------------------------------------------------------------------------
 */

static void mark_drop(struct mw_policy *p, struct mw_state *s, size_t i)
{
	mw_ref_done(p, &s->mark[i].ref);
	memmove(&s->mark[i], &s->mark[i + 1], (s->n_marks - i - 1) * sizeof(*s->mark));
	s->n_marks--;
}

/* Those that are too old beside the newest. */
static void marks_age(struct mw_policy *p, struct mw_state *s, uint64_t over_ns)
{
	size_t n = 0;

	while (n < s->n_marks && s->mark[s->n_marks - 1].ts_ns - s->mark[n].ts_ns >= over_ns)
		mw_ref_done(p, &s->mark[n++].ref);
	memmove(s->mark, s->mark + n, (s->n_marks - n) * sizeof(*s->mark));
	s->n_marks -= n;
}

/* In its place by time: what waits for its tie comes later than it was. `max` are kept. */
static int mark_add(struct mw_policy *p, struct mw_state *s, const struct mw_look_at *x, uint64_t n,
		    size_t max)
{
	struct mw_mark m = { .ts_ns = x->f->ts_ns, .n = n };
	size_t at = s->n_marks;
	int r;

	if (s->n_marks >= max)
		mark_drop(p, s, 0);
	while ((r = mw_grow(&p->budget.alloc, &s->mark, &s->cap_marks, s->n_marks + 1,
			    sizeof(*s->mark))) < 0)
		if (!mw_policy_make_room(p, s))
			return r;
	r = mw_ref_init(p, x, s, &m.ref);
	if (r < 0)
		return r;
	at = s->n_marks;
	while (at > 0 && s->mark[at - 1].ts_ns > m.ts_ns)
		at--;
	memmove(&s->mark[at + 1], &s->mark[at], (s->n_marks - at) * sizeof(*s->mark));
	s->mark[at] = m;
	s->n_marks++;
	return 0;
}

/* The most that lies in one window. */
static uint64_t most_in(const struct mw_state *s, uint64_t over_ns, bool each)
{
	uint64_t most = 0, sum = 0;
	size_t from = 0;

	for (size_t i = 0; i < s->n_marks; i++) {
		const uint64_t n = each ? 1 : s->mark[i].n;

		sum += n;
		while (s->mark[i].ts_ns - s->mark[from].ts_ns >= over_ns) {
			sum -= each ? 1 : s->mark[from].n;
			from++;
		}
		if (sum > most)
			most = sum;
	}
	return most;
}

static int add_distinct(struct mw_policy *p, struct mw_state *s, const struct mw_policy_rule *from,
			const struct mw_look_at *x)
{
	uint64_t hash;

	if (!mw_policy_value_hash(from->distinct - 1, x, &hash))
		return 0;
	for (size_t i = 0; i < s->n_marks; i++) {
		if (s->mark[i].n != hash)
			continue;
		if (s->mark[i].ts_ns >= x->f->ts_ns)
			return 1;
		mark_drop(p, s, i);
		break;
	}
	return mark_add(p, s, x, hash, (size_t)from->at_least) < 0 ? -ENOMEM : 1;
}

/* So that no sum of marks runs over. */
static uint64_t least(uint64_t n)
{
	return n < AMOUNT_MAX ? n : AMOUNT_MAX;
}

/* Few are kept each; of many, those of one slice of the window in one mark at its beginning: they
 * are forgotten together, too early rather than too late. */
static int add_plain(struct mw_policy *p, struct mw_state *s, const struct mw_policy_rule *from,
		     const struct mw_look_at *x)
{
	const uint64_t slice = from->over_ns / MW_MARKS_EXACT;
	const bool exact = !from->sum && from->at_least <= MW_MARKS_EXACT;
	struct mw_mark *last = s->n_marks ? &s->mark[s->n_marks - 1] : NULL;
	struct mw_value v = { .number = 1 };

	if (from->sum) {
		mw_fact_get(x->f, x->kind, from->sum - 1, &v);
		if (!v.known || v.number <= 0)
			return 0;
	}
	if (!exact && last && x->f->ts_ns >= last->ts_ns && x->f->ts_ns - last->ts_ns < slice) {
		last->n = least(last->n + (uint64_t)v.number);
		return 1;
	}
	return mark_add(p, s, x, least((uint64_t)v.number),
			exact ? (size_t)from->at_least : MW_MARKS_EXACT + 1) < 0
		   ? -ENOMEM
		   : 1;
}

int mw_policy_count(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x,
		    struct mw_cause *ret)
{
	const struct mw_policy_rule *from = p->set->rule[rule].from;
	struct mw_state *s;
	uint64_t n;
	int r;

	r = mw_policy_state(p, rule, x, &s);
	if (r <= 0)
		return r;
	r = from->distinct ? add_distinct(p, s, from, x) : add_plain(p, s, from, x);
	if (r <= 0)
		return r;
	marks_age(p, s, from->over_ns);
	n = most_in(s, from->over_ns, from->distinct != 0);
	if (n < from->at_least)
		return 0;
	*ret =
	    (struct mw_cause){ .rule = rule, .count = n, .window_ns = from->over_ns, .state = s };
	return 1;
}
