/* SPDX-License-Identifier: Apache-2.0 */
/* policy_set.c - rules compiled */
#include <errno.h>

#include "base/hash.h"
#include "core/policy_priv.h"

/* --- what a rule may say ------------------------------------------------------------------------
 */

#define ON(k)	     (1u << MW_FACT_##k)
#define HAVE_CALL    (ON(REQUEST) | ON(CALL) | ON(EFFECT) | ON(ANOMALY) | ON(ALERT))
#define KEYS_OF_CALL (MW_KEY_SESSION | MW_KEY_CALL | MW_KEY_PRINCIPAL | MW_KEY_HTTP_SESSION)

static int check_fields(const struct mw_compile *c, const struct mw_when *w, enum mw_fact_kind on)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct mw_fact_field *f;

		if (w->cond[i].op <= MW_COND_NOT)
			continue;
		f = mw_fact_field_at(w->cond[i].field);
		if (!f)
			return mw_refuse(c, "there is no such field");
		if (!(f->kinds & 1u << on))
			return mw_refuse(c, "what the rule is on never has this field");
	}
	return 0;
}

static int check_keys(const struct mw_compile *c, unsigned int by, enum mw_fact_kind on)
{
	if (by >= MW_KEY_HTTP_SESSION << 1)
		return mw_refuse(c, "there is no such key");
	if ((by & KEYS_OF_CALL && !(HAVE_CALL & 1u << on)) ||
	    (by & MW_KEY_TOOL && !((HAVE_CALL | ON(TOOL)) & 1u << on)) ||
	    (by & MW_KEY_TARGET && !((ON(EFFECT) | ON(ALERT)) & 1u << on)))
		return mw_refuse(c, "what the rule is on never has this key");
	return 0;
}

static int check_count(const struct mw_compile *c, const struct mw_policy_rule *x)
{
	const struct mw_fact_field *f;
	uint32_t field = x->distinct ? x->distinct : x->sum;

	if (x->at_least == 0)
		return field ? mw_refuse(c, "a count without at_least") : 0;
	if (x->over_ns == 0)
		return mw_refuse(c, "a count without a time");
	if (x->distinct && x->sum)
		return mw_refuse(c, "a count of both different values and a sum");
	if (x->distinct && x->at_least > MW_DISTINCT_MAX)
		return mw_refuse(c, "at most 256 different values are counted");
	f = field ? mw_fact_field_at(field - 1) : NULL;
	if (field && !f)
		return mw_refuse(c, "there is no such field");
	if (f && !(f->kinds & 1u << x->on))
		return mw_refuse(c, "what the rule is on never has this field");
	if (x->sum && f->type != MW_FIELD_NUMBER)
		return mw_refuse(c, "only numbers have a sum");
	return check_keys(c, x->by, x->on);
}

static int check_rule(const struct mw_compile *c, const struct mw_policy_rule *x)
{
	if (!x->id || !x->id[0])
		return mw_refuse(c, "a rule without an id");
	if (!mw_severity_name(x->severity))
		return mw_refuse(c, "a rule without a severity");
	if (x->on < MW_FACT_REQUEST || x->on >= MW_FACT_KINDS)
		return mw_refuse(c, "a rule on nothing that is known");
	if (x->n_steps == 0 && x->on == MW_FACT_ALERT)
		return mw_refuse(c, "only a step of a sequence is on alerts");
	if (x->n_steps == 1 || x->n_steps > MW_STEPS_MAX)
		return mw_refuse(c, "a sequence has two to eight steps");
	if (x->n_steps && x->at_least)
		return mw_refuse(c, "a rule has a count or steps, not both");
	if (x->n_steps && x->over_ns == 0)
		return mw_refuse(c, "a sequence without a time");
	for (size_t i = 0; i < x->n_steps; i++)
		if (x->steps[i].on < MW_FACT_REQUEST || x->steps[i].on >= MW_FACT_KINDS)
			return mw_refuse(c, "a step on nothing that is known");
	if (x->n_steps && x->steps[x->n_steps - 1].on != x->on)
		return mw_refuse(c, "a sequence is on what its last step is on");
	for (size_t i = 0; i < x->n_detail; i++)
		if (!mw_fact_field_at(x->detail[i]))
			return mw_refuse(c, "there is no such field");
	return check_count(c, x);
}

/* --- one rule -----------------------------------------------------------------------------------
 */

struct building {
	struct mw_compile c;
	struct mw_rule_set *s;
	struct mw_entries effects; /* before they go to their kinds */
};

static int entries_add(const struct mw_alloc *a, struct mw_entries *l, struct mw_entry e)
{
	int r = mw_grow(a, &l->v, &l->cap, l->n + 1, sizeof(*l->v));

	if (r == 0)
		l->v[l->n++] = e;
	return r;
}

static bool names_tie(const struct mw_when *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->cond[i].op > MW_COND_NOT && mw_fact_field_at(w->cond[i].field)->tie)
			return true;
	return false;
}

static bool is_tied(const struct mw_policy_rule *x, const struct mw_when *when)
{
	const uint32_t field = x->distinct ? x->distinct : x->sum;
	bool tied = names_tie(when);

	for (size_t i = 0; i < x->n_except; i++)
		tied |= names_tie(&x->except[i]);
	for (size_t i = 0; i < x->n_raise; i++)
		tied |= names_tie(&x->raise[i].when);
	if (x->at_least || x->n_steps)
		tied |= (x->by & (KEYS_OF_CALL | MW_KEY_TOOL)) != 0;
	return tied || (field && mw_fact_field_at(field - 1)->tie);
}

static void want(struct mw_rule_set *s, const struct mw_when *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->cond[i].op > MW_COND_NOT)
			s->wanted[w->cond[i].field] = 1;
}

/* A condition of the rule: checked, its fields noted. */
static int when_add(struct building *b, const struct mw_when *w, enum mw_fact_kind on, bool same,
		    uint32_t *ret)
{
	int r = check_fields(&b->c, w, on);

	if (r == 0)
		r = mw_conds_add(&b->c, &b->s->conds, w, same, ret);
	if (r == 0)
		want(b->s, w);
	return r;
}

static int entry_add(struct building *b, enum mw_fact_kind on, struct mw_entry e)
{
	const struct mw_alloc *a = b->c.a;

	e.tied &= on == MW_FACT_EFFECT;
	return entries_add(a, on == MW_FACT_EFFECT ? &b->effects : &b->s->kind[on], e);
}

/* Not one of the exceptions. */
static int excepts_add(struct building *b, const struct mw_policy_rule *x, uint32_t *ret)
{
	uint32_t node, no = MW_NODE_TRUE, pair[2];
	int r = 0;

	for (size_t i = 0; i < x->n_except && r == 0; i++) {
		r = when_add(b, &x->except[i], x->on, false, &node);
		if (r == 0)
			r = mw_conds_not(b->c.a, &b->s->conds, node, &node);
		pair[0] = no;
		pair[1] = node;
		if (r == 0)
			r = mw_conds_and(b->c.a, &b->s->conds, pair, 2, &no);
	}
	if (r == 0)
		*ret = no;
	return r;
}

static int same_of(struct building *b, const struct mw_when *w, struct mw_step_of *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->cond[i].op == MW_COND_SAME;
	if (n == 0)
		return 0;
	ret->same = mw_arena_zero(&b->s->arena, n * sizeof(*ret->same));
	if (!ret->same)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++)
		if (w->cond[i].op == MW_COND_SAME)
			ret->same[ret->n_same++] = w->cond[i].field;
	return 0;
}

static int steps_add(struct building *b, const struct mw_policy_rule *x, struct mw_rule_of *ret,
		     struct mw_entry e, uint32_t except)
{
	int r = 0;

	ret->steps = mw_arena_zero(&b->s->arena, x->n_steps * sizeof(*ret->steps));
	if (!ret->steps)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_steps && r == 0; i++) {
		const struct mw_policy_step *st = &x->steps[i];
		uint32_t pair[2] = { MW_NODE_TRUE, except };

		r = when_add(b, &st->when, st->on, i > 0, &pair[0]);
		if (r == 0)
			r = same_of(b, &st->when, &ret->steps[i]);
		if (r == 0)
			r = check_keys(&b->c, x->by, st->on);
		/* what is to be the same in this step has to be known in the one before */
		for (size_t k = 0; k < ret->steps[i].n_same && r == 0; k++)
			if (!(mw_fact_field_at(ret->steps[i].same[k])->kinds &
			      1u << x->steps[i - 1].on))
				r = mw_refuse(&b->c, "the step before never has this field");
		if (r == 0 && i == x->n_steps - 1)
			r = mw_conds_and(b->c.a, &b->s->conds, pair, 2, &pair[0]);
		if (r < 0)
			return r;
		e.node = pair[0];
		e.step = (uint16_t)i;
		e.tied = is_tied(x, &st->when);
		for (size_t k = 0; i + 1 < x->n_steps && k < x->steps[i + 1].when.n; k++) {
			const struct mw_cond *next = &x->steps[i + 1].when.cond[k];

			if (next->op == MW_COND_SAME && mw_fact_field_at(next->field) &&
			    mw_fact_field_at(next->field)->tie)
				e.tied = true;
		}
		r = entry_add(b, st->on, e);
	}
	return r;
}

static uint64_t hash_more(uint64_t h, uint64_t v)
{
	return mw_hash64(mw_slice(&v, sizeof(v)), h);
}

static uint64_t form_of(const struct mw_policy_rule *x)
{
	uint64_t h = hash_more(x->by, x->over_ns);

	h = hash_more(h, x->at_least);
	h = hash_more(h, (uint64_t)x->distinct << 32 | x->sum);
	for (size_t i = 0; i < x->n_steps; i++)
		h = hash_more(h, (uint64_t)x->steps[i].on);
	return h;
}

uint32_t mw_rule_set_find(const struct mw_rule_set *s, const char *id)
{
	struct mw_ids_pos pos = { .hash = mw_hash64(mw_slice_str(id), 0) };
	uint32_t i;

	while (mw_ids_next(&s->by_id, &pos, &i))
		if (mw_slice_eq_str(mw_slice_str(id), s->rule[i].from->id))
			return i;
	return UINT32_MAX;
}

static int rule_add(struct building *b, const struct mw_policy_rule *x, uint32_t at)
{
	struct mw_rule_of *o = &b->s->rule[at];
	struct mw_entry e = { .rule = at };
	uint32_t except = MW_NODE_TRUE, pair[2];
	int r = check_rule(&b->c, x);

	if (r == 0 && mw_rule_set_find(b->s, x->id) != UINT32_MAX)
		r = mw_refuse(&b->c, "two rules of this id");
	if (r < 0)
		return r;
	o->from = x;
	o->id = mw_hash64(mw_slice_str(x->id), 0);
	o->form = form_of(x);
	r = mw_ids_add(b->c.a, &b->s->by_id, o->id, at);
	if (r == 0)
		r = excepts_add(b, x, &except);
	if (r == 0 && x->n_raise) {
		o->raise = mw_arena_zero(&b->s->arena, x->n_raise * sizeof(*o->raise));
		if (!o->raise)
			return -ENOMEM;
	}
	for (size_t i = 0; i < x->n_raise && r == 0; i++) {
		r = when_add(b, &x->raise[i].when, x->on, false, &o->raise[i]);
		if (r == 0 && !mw_severity_name(x->raise[i].to))
			r = mw_refuse(&b->c, "raised to no severity");
	}
	if (x->distinct || x->sum)
		b->s->wanted[(x->distinct ? x->distinct : x->sum) - 1] = 1;
	for (size_t i = 0; i < x->n_detail; i++)
		b->s->wanted[x->detail[i]] = 1;
	if (r < 0)
		return r;
	if (x->n_steps)
		return steps_add(b, x, o, e, except);
	r = when_add(b, &x->when, x->on, false, &pair[0]);
	pair[1] = except;
	if (r == 0)
		r = mw_conds_and(b->c.a, &b->s->conds, pair, 2, &e.node);
	if (r < 0)
		return r;
	e.tied = is_tied(x, &x->when);
	return entry_add(b, x->on, e);
}

/* --- all of them --------------------------------------------------------------------------------
 */

/* Of each kind of effect, what may hold for it, as far as it is open then. */
static int kinds_of_effects(struct building *b)
{
	struct mw_rule_set *s = b->s;
	const size_t n = s->conds.n_nodes;
	uint32_t *memo;
	int r = 0;

	if (n == 0)
		return 0;
	memo = mw_alloc_zero(s->a, n * sizeof(*memo));
	if (!memo)
		return -ENOMEM;
	for (unsigned int k = 0; k < MW_POLICY_KINDS && r == 0; k++) {
		if (!mw_fact_enum_name((uint32_t)mw_fact_field_find(MW_SLICE_LIT("effect.kind")),
				       k))
			continue;
		memset(memo, 0, n * sizeof(*memo));
		for (size_t i = 0; i < b->effects.n && r == 0; i++) {
			struct mw_entry e = b->effects.v[i];

			r = mw_conds_of_kind(s->a, &s->conds, e.node, k, memo, n, &e.node);
			if (r == 0 && e.node != MW_NODE_FALSE)
				r = entries_add(s->a, &s->effect[k], e);
		}
	}
	mw_alloc_free(s->a, memo, n * sizeof(*memo));
	return r;
}

static size_t n_fields(void)
{
	uint32_t n = 0;

	while (mw_fact_field_at(n))
		n++;
	return n;
}

static int matching_init(struct mw_rule_set *s)
{
	s->match = pcre2_match_context_create(s->general);
	s->data = pcre2_match_data_create(1, s->general);
	if (!s->match || !s->data)
		return -ENOMEM;
	(void)pcre2_set_heap_limit(s->match, MW_PATTERN_HEAP_KIB);
	s->answers.v = mw_alloc_zero(s->a, (s->conds.n_nodes + 1) * sizeof(*s->answers.v));
	s->answers.hits.at = mw_alloc_zero(s->a, (s->conds.n_tests + 1) * sizeof(uint32_t));
	s->answers.hits.v = mw_alloc_zero(s->a, (s->conds.n_tests + 1) * sizeof(uint32_t));
	return s->answers.v && s->answers.hits.at && s->answers.hits.v ? 0 : -ENOMEM;
}

static int sort_list(struct mw_rule_set *s, struct mw_entries *l)
{
	if (l->n > s->n_order)
		s->n_order = l->n;
	return mw_entries_sort(s->a, l, &s->conds);
}

static int sort_lists(struct mw_rule_set *s)
{
	int r = 0;

	for (size_t i = 0; i < MW_FACT_KINDS && r == 0; i++)
		r = sort_list(s, &s->kind[i]);
	for (size_t i = 0; i < MW_POLICY_KINDS && r == 0; i++)
		r = sort_list(s, &s->effect[i]);
	for (size_t i = 0; i <= MW_ALERT_DEPTH && r == 0 && s->n_order; i++) {
		s->order[i] = mw_alloc_zero(s->a, s->n_order * sizeof(uint32_t));
		if (!s->order[i])
			r = -ENOMEM;
	}
	return r;
}

static int build(struct building *b, const struct mw_policy_rules *rules)
{
	struct mw_rule_set *s = b->s;
	int r = 0;

	s->general = mw_pcre_context(s->a);
	if (!s->general)
		return -ENOMEM;
	b->c.pcre = pcre2_compile_context_create(s->general);
	s->wanted = mw_alloc_zero(s->a, n_fields());
	if (!b->c.pcre || !s->wanted)
		return -ENOMEM;
	(void)pcre2_set_newline(b->c.pcre, PCRE2_NEWLINE_LF);
	if (rules->n) {
		s->rule = mw_alloc_zero(s->a, rules->n * sizeof(*s->rule));
		if (!s->rule)
			return -ENOMEM;
	}
	s->n = rules->n;
	for (size_t i = 0; i < rules->n && r == 0; i++) {
		b->c.error->rule = i;
		r = rule_add(b, &rules->rule[i], (uint32_t)i);
	}
	if (r == 0)
		r = kinds_of_effects(b);
	if (r == 0)
		r = sort_lists(s);
	return r < 0 ? r : matching_init(s);
}

int mw_rule_set_new(const struct mw_alloc *a, const struct mw_policy_rules *rules,
		    struct mw_policy_error *error, struct mw_rule_set **ret)
{
	struct building b = { .c = { .a = a, .error = error } };
	int r;

	*error = (struct mw_policy_error){ 0 };
	if (rules->n > MW_POLICY_RULES_MAX)
		return mw_refuse(&b.c, "more than 16384 rules");
	b.s = mw_alloc_zero(a, sizeof(*b.s));
	if (!b.s)
		return -ENOMEM;
	b.s->a = a;
	b.s->arena.a = a;
	b.c.arena = &b.s->arena;
	r = build(&b, rules);
	pcre2_compile_context_free(b.c.pcre);
	mw_alloc_free(a, b.effects.v, b.effects.cap * sizeof(*b.effects.v));
	if (r < 0) {
		mw_rule_set_free(b.s);
		return r;
	}
	*ret = b.s;
	return 0;
}

void mw_rule_set_free(struct mw_rule_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < MW_FACT_KINDS; i++)
		mw_entries_done(s->a, &s->kind[i]);
	for (size_t i = 0; i < MW_POLICY_KINDS; i++)
		mw_entries_done(s->a, &s->effect[i]);
	for (size_t i = 0; i <= MW_ALERT_DEPTH; i++)
		mw_alloc_free(s->a, s->order[i], s->n_order * sizeof(uint32_t));
	mw_alloc_free(s->a, s->answers.v, (s->conds.n_nodes + 1) * sizeof(*s->answers.v));
	mw_alloc_free(s->a, s->answers.hits.at, (s->conds.n_tests + 1) * sizeof(uint32_t));
	mw_alloc_free(s->a, s->answers.hits.v, (s->conds.n_tests + 1) * sizeof(uint32_t));
	mw_conds_done(s->a, &s->conds);
	mw_alloc_free(s->a, s->rule, s->n * sizeof(*s->rule));
	mw_alloc_free(s->a, s->wanted, n_fields());
	mw_ids_done(s->a, &s->by_id);
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->match);
	pcre2_general_context_free(s->general);
	mw_arena_done(&s->arena);
	mw_alloc_free(s->a, s, sizeof(*s));
}
