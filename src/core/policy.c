/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - facts in, alerts out */
#include <errno.h>

#include "core/policy_state.h"

/* Alerts that one fact makes others look at. */
#define ALERT_FACTS_MAX 256u

static int look(struct mw_policy *p, const struct mw_look_at *x);

/* --- one rule that holds ------------------------------------------------------------------------
 */

static void taken_reset(struct mw_entries *l)
{
	if (l->n)
		memset(l->taken, 0, l->n * sizeof(*l->taken));
}

/* Another fact: nothing is known of it. */
static void new_answers(struct mw_rule_set *s)
{
	struct mw_answers *m = &s->answers;

	if (++m->epoch == UINT32_MAX / 2) {
		memset(m->v, 0, s->conds.n_nodes * sizeof(*m->v));
		memset(m->hits.at, 0, s->conds.n_tests * sizeof(*m->hits.at));
		for (size_t i = 0; i < s->conds.n_shared; i++)
			s->conds.shared[i].of = 0;
		for (size_t i = 0; i < MW_FACT_KINDS; i++)
			taken_reset(&s->kind[i]);
		for (size_t i = 0; i < MW_POLICY_KINDS; i++)
			taken_reset(&s->effect[i]);
		m->epoch = 1;
	}
	m->hits.epoch = m->epoch;
	m->hits.n = 0;
}

static struct mw_try try_of(struct mw_policy *p, const struct mw_look_at *x)
{
	return (struct mw_try){ .fact = x->f,
				.kind = x->kind,
				.match = p->set->match,
				.data = p->set->data,
				.failed = &p->stats.regex_failed };
}

static bool holds(struct mw_policy *p, uint32_t node, const struct mw_look_at *x)
{
	const struct mw_try t = try_of(p, x);

	return mw_conds_hold(&p->set->conds, node, &p->set->answers, &t);
}

static unsigned int severity_of(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x)
{
	const struct mw_rule_of *o = &p->set->rule[rule];
	unsigned int s = o->from->severity;

	for (size_t i = 0; i < o->from->n_raise; i++)
		if (o->from->raise[i].to > s && holds(p, o->raise[i], x))
			s = o->from->raise[i].to;
	return s;
}

/* Steps that are on alerts see this one, also when it is folded. */
static int tell_steps(struct mw_policy *p, const struct mw_cause *c, const struct mw_look_at *x)
{
	const struct mw_fact_alert alert = { mw_slice_str(p->set->rule[c->rule].from->id),
					     c->severity };
	struct mw_fact f = *x->f;
	struct mw_look_at y = *x;
	int r;

	if (p->set->kind[MW_FACT_ALERT].n == 0 || x->depth >= MW_ALERT_DEPTH)
		return 0;
	if (p->n_alert_facts++ >= ALERT_FACTS_MAX) {
		p->stats.evicted++;
		return 0;
	}
	f.kind = MW_FACT_ALERT;
	f.phase = MW_PHASE_BOTH;
	f.alert = &alert;
	y.f = &f;
	y.depth++;
	y.by_rule = c->rule;
	r = look(p, &y);
	new_answers(p->set);
	return r;
}

static int fire(struct mw_policy *p, const struct mw_cause *c, const struct mw_look_at *x)
{
	int r = mw_policy_note_fired(p, c->rule, x), r2;

	r2 = mw_policy_fire(p, c, x);
	if (r == 0)
		r = r2;
	r2 = tell_steps(p, c, x);
	return r < 0 ? r : r2;
}

/* The entry's condition holds. */
static int act(struct mw_policy *p, const struct mw_entry *e, unsigned int severity,
	       const struct mw_look_at *x)
{
	const struct mw_policy_rule *from = p->set->rule[e->rule].from;
	struct mw_cause c = { .rule = e->rule, .count = 1 };
	int r = 1;

	if (from->n_steps)
		r = mw_policy_step(p, e->rule, e->step, x, &c);
	else if (from->at_least)
		r = mw_policy_count(p, e->rule, x, &c);
	if (r <= 0)
		return r;
	c.severity = severity;
	return fire(p, &c, x);
}

/* --- all rules of a fact ------------------------------------------------------------------------
 */

/* NULL: no rule looks at what this is. */
static struct mw_entries *list_of(const struct mw_policy *p, const struct mw_fact *f)
{
	if (f->kind == MW_FACT_EFFECT) {
		if (!f->effect || !f->effect->act || f->effect->act->kind >= MW_POLICY_KINDS)
			return NULL;
		return &p->set->effect[f->effect->act->kind];
	}
	return f->kind < MW_FACT_KINDS ? &p->set->kind[f->kind] : NULL;
}

static bool is_plain(const struct mw_policy *p, const struct mw_entry *e)
{
	const struct mw_policy_rule *from = p->set->rule[e->rule].from;

	return from->n_steps == 0 && from->at_least == 0;
}

/* One entry, of a fact of one call or none. */
static int look_one(struct mw_policy *p, const struct mw_entry *e, const struct mw_look_at *x)
{
	const unsigned int phase = x->f->phase ? x->f->phase : MW_PHASE_BOTH;

	for (unsigned int i = 0; i < e->n_needs; i++)
		if (mw_fact_lacks(x->f, e->need[i]))
			return 0;
	if (x->depth && e->rule == x->by_rule)
		return 0;
	if (!(phase & (e->tied ? MW_PHASE_TIED : MW_PHASE_SEEN))) {
		/* it fired when the effect was seen; now the call is known */
		if (!e->tied && x->n_calls && is_plain(p, e) && holds(p, e->node, x))
			return mw_policy_note_fired(p, e->rule, x);
		return 0;
	}
	return holds(p, e->node, x) ? act(p, e, severity_of(p, e->rule, x), x) : 0;
}

static int look(struct mw_policy *p, const struct mw_look_at *x)
{
	const struct mw_try t = try_of(p, x);
	struct mw_entries *l = list_of(p, x->f);
	const uint32_t *order;
	int r = 0, r2;
	size_t n;

	if (!l)
		return 0;
	new_answers(p->set);
	n = mw_entries_pick(p->set, l, x->depth, &t, &order);
	for (size_t i = 0; i < n; i++) {
		r2 = look_one(p, &l->v[order ? order[i] : i], x);
		if (r2 < 0) {
			p->stats.nomem++;
			r = r2;
		}
	}
	return r;
}

/* --- effects of one of several calls ------------------------------------------------------------
 */

static const unsigned int shared_keys[] = { MW_KEY_SESSION, MW_KEY_PRINCIPAL, MW_KEY_TOOL,
					    MW_KEY_HTTP_SESSION };

/* What the candidates have in common goes on being known. */
static void compare_keys(struct mw_held *h, const struct mw_fact *f)
{
	for (size_t i = 0; i < sizeof(shared_keys) / sizeof(*shared_keys); i++) {
		uint64_t part = 0;

		if (!mw_policy_key_part(shared_keys[i], f, &part) ||
		    (f->candidate && part != h->part[i]))
			h->missing |= shared_keys[i];
		h->part[i] = part;
	}
	if (f->call && h->n_calls < MW_CANDIDATES_MAX)
		h->calls[h->n_calls++] = f->call->id;
}

static int held_add(struct mw_policy *p, size_t entry, unsigned int severity)
{
	struct mw_held *h = &p->held;
	int r = mw_grow(p->a, &h->v, &h->cap, h->n + 1, sizeof(*h->v));

	if (r == 0)
		h->v[h->n++] = (struct mw_held_entry){ entry, severity };
	return r;
}

static int first_candidate(struct mw_policy *p, const struct mw_entries *l,
			   const struct mw_look_at *x)
{
	struct mw_held *h = &p->held;
	int r = 0;

	h->n = h->n_calls = 0;
	h->of = x->f->n_candidates;
	h->next = 0;
	h->seq = x->f->seq;
	h->missing = MW_KEY_CALL;
	for (size_t i = 0; i < l->n && r == 0; i++)
		if (l->v[i].tied && holds(p, l->v[i].node, x))
			r = held_add(p, i, severity_of(p, l->v[i].rule, x));
	if (r < 0)
		h->of = 0;
	return r;
}

static void later_candidate(struct mw_policy *p, const struct mw_entries *l,
			    const struct mw_look_at *x)
{
	struct mw_held *h = &p->held;
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct mw_entry *e = &l->v[h->v[i].entry];
		unsigned int severity;

		if (!holds(p, e->node, x))
			continue;
		severity = severity_of(p, e->rule, x);
		h->v[n].entry = h->v[i].entry;
		h->v[n++].severity = severity < h->v[i].severity ? severity : h->v[i].severity;
	}
	h->n = n;
}

static int push_candidate(struct mw_policy *p, const struct mw_look_at *one)
{
	const struct mw_fact *f = one->f;
	const struct mw_entries *l = list_of(p, f);
	struct mw_held *h = &p->held;
	struct mw_look_at x = *one;
	int r = 0, r2;

	if (!l)
		return 0;
	new_answers(p->set);
	for (size_t i = 0; i < l->n; i++) {
		r2 = l->v[i].tied ? 0 : look_one(p, &l->v[i], one);
		if (r2 < 0)
			r = r2;
	}
	if (f->candidate == 0) {
		r2 = first_candidate(p, l, one);
		if (r2 < 0)
			r = r2;
	} else if (h->of != f->n_candidates || h->next != f->candidate || h->seq != f->seq) {
		h->of = 0;
	} else {
		later_candidate(p, l, one);
	}
	if (h->of == 0)
		return r;
	compare_keys(h, f);
	if (++h->next < h->of)
		return r;
	x.calls = h->calls;
	x.n_calls = h->n_calls;
	x.missing = h->missing;
	h->of = 0;
	for (size_t i = 0; i < h->n; i++) {
		r2 = act(p, &l->v[h->v[i].entry], h->v[i].severity, &x);
		if (r2 < 0)
			r = r2;
	}
	return r;
}

/* --- from outside -------------------------------------------------------------------------------
 */

static void take_back(struct mw_policy *p)
{
	mw_tell_free(p, p->lent);
	p->lent = NULL;
}

static void now(struct mw_policy *p, uint64_t ns)
{
	if (ns > p->now_ns)
		p->now_ns = ns;
}

int mw_policy_push(struct mw_policy *p, const struct mw_fact *f)
{
	struct mw_look_at x = { .f = f, .kind = f->kind, .serial = ++p->stats.facts };
	int r;

	take_back(p);
	now(p, f->ts_ns);
	p->n_alert_facts = 0;
	if (f->call && f->call->id) {
		x.calls = &f->call->id;
		x.n_calls = 1;
	}
	if (f->kind == MW_FACT_EFFECT && f->n_candidates > 1) {
		r = push_candidate(p, &x);
		if (r < 0)
			p->stats.nomem++;
		return r;
	}
	p->held.of = 0;
	return look(p, &x);
}

void mw_policy_tick(struct mw_policy *p, uint64_t now_ns)
{
	take_back(p);
	now(p, now_ns);
	mw_policy_due(p, p->now_ns, false);
}

void mw_policy_finish(struct mw_policy *p, uint64_t now_ns)
{
	take_back(p);
	now(p, now_ns);
	mw_policy_due(p, p->now_ns, true);
}

int mw_policy_next(struct mw_policy *p, struct mw_alert *ret)
{
	take_back(p);
	if (!p->first)
		return 0;
	p->lent = p->first;
	p->first = p->first->next;
	if (!p->first)
		p->last = NULL;
	mw_tell_alert(p, p->lent, ret);
	return 1;
}

bool mw_policy_wants(const struct mw_policy *p, uint32_t field)
{
	return mw_fact_field_at(field) && p->set->wanted[field];
}

void mw_policy_stats(const struct mw_policy *p, struct mw_policy_stats *ret)
{
	*ret = p->stats;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static struct mw_burst *bursts_new(const struct mw_alloc *a, const struct mw_rule_set *s)
{
	return mw_alloc_zero(a, (s->n + 1) * sizeof(struct mw_burst));
}

static void bursts_free(struct mw_policy *p, struct mw_burst *b, size_t n)
{
	for (size_t i = 0; b && i < n; i++)
		mw_tell_free(p, b[i].tell);
	mw_alloc_free(p->a, b, (n + 1) * sizeof(*b));
}

int mw_policy_new(const struct mw_alloc *a, const struct mw_policy_rules *rules,
		  struct mw_policy_error *error, struct mw_policy **ret)
{
	struct mw_policy *p = mw_alloc_zero(a, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->a = a;
	p->due_ns = UINT64_MAX;
	mw_budget_init(&p->budget, a, MW_STATE_BYTES);
	r = mw_rule_set_new(a, rules, error, &p->set);
	if (r == 0)
		r = mw_table_new(a, 16, MW_STATES_MAX, &p->states);
	if (r == 0)
		r = mw_table_new(a, 16, MW_FOLDS_MAX, &p->folds);
	if (r == 0)
		r = mw_table_new(a, 8, MW_POLICY_CALLS_MAX, &p->fired);
	if (r == 0) {
		p->burst = bursts_new(a, p->set);
		if (!p->burst)
			r = -ENOMEM;
	}
	if (r < 0) {
		mw_policy_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

static void tables_free(struct mw_policy *p)
{
	struct mw_state *s;
	struct mw_fold *f;
	struct mw_fired *c;
	size_t pos = 0;

	while (p->states && (s = mw_table_next(p->states, &pos)))
		mw_policy_state_free(p, s);
	pos = 0;
	while (p->folds && (f = mw_table_next(p->folds, &pos)))
		mw_policy_fold_free(p, f);
	pos = 0;
	while (p->fired && (c = mw_table_next(p->fired, &pos)))
		mw_policy_fired_free(p, c);
	mw_table_free(p->states);
	mw_table_free(p->folds);
	mw_table_free(p->fired);
}

void mw_policy_free(struct mw_policy *p)
{
	struct mw_tell *t;

	if (!p)
		return;
	take_back(p);
	while ((t = p->first)) {
		p->first = t->next;
		mw_tell_free(p, t);
	}
	tables_free(p);
	if (p->burst)
		bursts_free(p, p->burst, p->set->n);
	mw_alloc_free(p->a, p->held.v, p->held.cap * sizeof(*p->held.v));
	mw_rule_set_free(p->set);
	mw_alloc_free(p->a, p, sizeof(*p));
}

/* --- other rules --------------------------------------------------------------------------------
 */

/* Rules by their old numbers: the new ones, UINT32_MAX where one is gone. */
static uint32_t *moved(const struct mw_policy *p, const struct mw_rule_set *to)
{
	uint32_t *m = mw_alloc_zero(p->a, (p->set->n + 1) * sizeof(*m));

	for (size_t i = 0; m && i < p->set->n; i++)
		m[i] = mw_rule_set_find(to, p->set->rule[i].from->id);
	return m;
}

static void move_states(struct mw_policy *p, const struct mw_rule_set *to, const uint32_t *m)
{
	struct mw_state *s;
	size_t pos = 0;

	while ((s = mw_table_next(p->states, &pos))) {
		const uint32_t rule = m[s->rule];

		if (rule != UINT32_MAX && to->rule[rule].form == p->set->rule[s->rule].form) {
			s->rule = rule;
			continue;
		}
		mw_table_remove(p->states, s->key);
		mw_policy_state_free(p, s);
	}
}

/* What a rule had folded goes with it, and is counted. */
static bool move_tell(struct mw_policy *p, struct mw_tell *t, const uint32_t *m)
{
	if (t && m[t->rule] == UINT32_MAX) {
		p->stats.evicted++;
		mw_tell_free(p, t);
		return false;
	}
	if (t)
		t->rule = m[t->rule];
	return true;
}

static void move_folds(struct mw_policy *p, const uint32_t *m)
{
	struct mw_fold *f;
	size_t pos = 0;

	while ((f = mw_table_next(p->folds, &pos))) {
		if (m[f->rule] != UINT32_MAX) {
			(void)move_tell(p, f->tell, m);
			f->rule = m[f->rule];
			continue;
		}
		(void)move_tell(p, f->tell, m);
		f->tell = NULL;
		mw_table_remove(p->folds, f->key);
		mw_policy_fold_free(p, f);
	}
}

static void move_fired(struct mw_policy *p, const uint32_t *m)
{
	struct mw_fired *f;
	size_t pos = 0;

	while ((f = mw_table_next(p->fired, &pos))) {
		size_t n = 0;

		for (size_t i = 0; i < f->n_ids; i++)
			if (m[f->id[i]] != UINT32_MAX)
				f->id[n++] = m[f->id[i]];
		f->n -= f->n_ids - n;
		f->n_ids = n;
	}
}

static void move_queue(struct mw_policy *p, const uint32_t *m)
{
	struct mw_tell *t = p->first, *next;

	p->first = p->last = NULL;
	for (; t; t = next) {
		next = t->next;
		if (!move_tell(p, t, m))
			continue;
		t->next = NULL;
		if (p->last)
			p->last->next = t;
		else
			p->first = t;
		p->last = t;
	}
}

int mw_policy_change(struct mw_policy *p, const struct mw_policy_rules *rules,
		     struct mw_policy_error *error)
{
	struct mw_rule_set *to;
	struct mw_burst *burst;
	uint32_t *m;
	int r;

	take_back(p);
	r = mw_rule_set_new(p->a, rules, error, &to);
	if (r < 0)
		return r;
	burst = bursts_new(p->a, to);
	m = moved(p, to);
	if (!burst || !m) {
		mw_alloc_free(p->a, burst, (to->n + 1) * sizeof(*burst));
		mw_alloc_free(p->a, m, (p->set->n + 1) * sizeof(*m));
		mw_rule_set_free(to);
		return -ENOMEM;
	}
	move_states(p, to, m);
	move_folds(p, m);
	move_fired(p, m);
	move_queue(p, m);
	for (size_t i = 0; i < p->set->n; i++) {
		if (move_tell(p, p->burst[i].tell, m) && m[i] != UINT32_MAX)
			burst[m[i]] = p->burst[i];
		p->burst[i].tell = NULL;
	}
	bursts_free(p, p->burst, p->set->n);
	mw_alloc_free(p->a, m, (p->set->n + 1) * sizeof(*m));
	mw_rule_set_free(p->set);
	p->set = to;
	p->burst = burst;
	p->held.of = 0;
	return 0;
}
