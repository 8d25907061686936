/* SPDX-License-Identifier: Apache-2.0 */
/* policy_field.c - what tests of one field share: one walk along a path, one pass for all words */
#include <errno.h>

#include "base/hash.h"
#include "core/policy_priv.h"
#include "core/redact_set.h"

static int shared_of(const struct mw_alloc *a, struct mw_conds *x, struct mw_test *t,
		     struct mw_shared **ret)
{
	uint32_t i = 0;
	int r;

	while (i < x->n_shared && x->shared[i].field != t->field)
		i++;
	if (i == x->n_shared) {
		r = mw_grow(a, &x->shared, &x->cap_shared, x->n_shared + 1, sizeof(*x->shared));
		if (r < 0)
			return r;
		x->shared[x->n_shared++] = (struct mw_shared){ .field = t->field };
	}
	t->shared_at = i;
	*ret = &x->shared[i];
	return 0;
}

static int share_paths(const struct mw_compile *c, struct mw_conds *x, struct mw_test *t,
		       uint32_t at)
{
	struct mw_shared *s;
	int r = shared_of(c->a, x, t, &s);

	if (r == 0 && !s->paths)
		r = mw_paths_new(c->a, &s->paths);
	for (size_t i = 0; i < t->n && r == 0; i++)
		r = mw_paths_add(s->paths, t->v[i].text, at);
	if (r < 0)
		return r;
	mw_paths_free(t->paths);
	t->paths = NULL;
	t->shared = t->sure = true;
	return 0;
}

static int share_texts(const struct mw_compile *c, struct mw_conds *x, struct mw_test *t,
		       uint32_t at)
{
	struct mw_shared *s;
	int r = shared_of(c->a, x, t, &s);

	for (size_t i = 0; i < t->n && r == 0; i++) {
		const struct mw_slice text = t->v[i].text;

		r = mw_grow(c->a, &s->text, &s->cap_texts, s->n_texts + 1, sizeof(*s->text));
		if (r == 0)
			r = mw_ids_add(c->a, &s->eq, mw_hash64(text, 0), (uint32_t)s->n_texts);
		if (r == 0)
			s->text[s->n_texts++] = (struct mw_shared_text){ text, at };
	}
	t->shared = t->sure = r == 0;
	return r;
}

/* Only where all its patterns have words that can be looked for. */
static int share_words(const struct mw_compile *c, struct mw_conds *x, struct mw_test *t,
		       uint32_t at)
{
	const struct mw_slice *v;
	struct mw_shared *s;
	size_t n;
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++)
		r = mw_factors(c->arena, t->v[i].text, &v, &n);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	r = shared_of(c->a, x, t, &s);
	if (r == 0 && !s->words)
		r = mw_words_new(c->a, &s->words);
	for (size_t i = 0; i < t->n && r == 0; i++) {
		r = mw_factors(c->arena, t->v[i].text, &v, &n);
		for (size_t k = 0; k < n && r == 0; k++)
			r = mw_words_add(s->words, (const char *)v[k].p, at);
	}
	t->shared = r == 0;
	return r == -EINVAL ? 0 : r; /* no room: it is tried each time */
}

int mw_share(const struct mw_compile *c, struct mw_conds *x, struct mw_test *t, uint32_t at)
{
	if (t->type != MW_FIELD_TEXT && t->type != MW_FIELD_TEXTS)
		return 0;
	switch (t->op) {
	case MW_COND_EQ:
		return share_texts(c, x, t, at);
	case MW_COND_UNDER:
		return share_paths(c, x, t, at);
	case MW_COND_REGEX:
		return share_words(c, x, t, at);
	default:
		return 0;
	}
}

void mw_shared_done(const struct mw_alloc *a, struct mw_conds *x)
{
	for (size_t i = 0; i < x->n_shared; i++) {
		struct mw_shared *s = &x->shared[i];

		mw_paths_free(s->paths);
		mw_words_free(s->words);
		mw_ids_done(a, &s->eq);
		mw_alloc_free(a, s->text, s->cap_texts * sizeof(*s->text));
	}
	mw_alloc_free(a, x->shared, x->cap_shared * sizeof(*x->shared));
}

static void look_texts(const struct mw_shared *s, struct mw_slice text, struct mw_hits *hits)
{
	struct mw_ids_pos pos = { .hash = mw_hash64(text, 0) };
	uint32_t i;

	while (mw_ids_next(&s->eq, &pos, &i))
		if (mw_slice_eq(s->text[i].s, text))
			mw_hit(hits, s->text[i].test);
}

void mw_shared_look(const struct mw_conds *x, uint32_t shared, struct mw_answers *m,
		    const struct mw_try *t)
{
	struct mw_shared *s = &x->shared[shared];
	const struct mw_word *w;
	struct mw_texts v;
	struct mw_value val;

	if (s->of == m->epoch)
		return;
	s->of = m->epoch;
	mw_fact_get(t->fact, t->kind, s->field, &val);
	if (!val.known)
		return;
	v = mw_fact_field_at(s->field)->type == MW_FIELD_TEXT ? (struct mw_texts){ &val.text, 1 }
							      : val.texts;
	for (size_t i = 0; i < v.n; i++) {
		struct mw_words_pos pos = { .text = v.v[i] };

		if (s->n_texts)
			look_texts(s, v.v[i], &m->hits);
		if (s->paths)
			mw_paths_mark(s->paths, v.v[i], mw_homes_of(t->fact), &m->hits);
		while (s->words && (w = mw_words_next(s->words, &pos)))
			mw_hit(&m->hits, w->id);
	}
}

/* --- entries by what they need ------------------------------------------------------------------
 */

/* How often tests hold, roughly: lists are mostly empty. */
static size_t gate_weight(const struct mw_conds *x, const uint32_t *tests, size_t n)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += x->test[tests[i]].type == MW_FIELD_TEXTS ? 1 : 2;
	return all;
}

/* Tests, at most max, of which one is hit wherever the node holds. How many; 0: it may hold without
 * any. */
static size_t node_gate(const struct mw_conds *x, uint32_t node, uint32_t *ret, size_t max);

static size_t gate_of_kids(const struct mw_conds *x, const struct mw_node *n, uint32_t *ret,
			   size_t max)
{
	uint32_t one[MW_GATE_MAX];
	size_t all = 0;

	for (uint32_t i = 0; i < n->n; i++) {
		const size_t k = node_gate(x, x->kids[n->at + i], one, MW_GATE_MAX);

		if (n->op == MW_NODE_AND) { /* the least of any */
			if (k == 0 || k > max ||
			    (all && gate_weight(x, one, k) >= gate_weight(x, ret, all)))
				continue;
			all = 0;
		} else if (k == 0 || k > max - all) { /* all of them */
			return 0;
		}
		memcpy(ret + all, one, k * sizeof(*ret));
		all += k;
	}
	return all;
}

static size_t node_gate(const struct mw_conds *x, uint32_t node, uint32_t *ret, size_t max)
{
	const struct mw_node *n = &x->node[node];

	switch (n->op) {
	case MW_NODE_TEST:
		if (!x->test[n->at].shared || max == 0)
			return 0;
		*ret = n->at;
		return 1;
	case MW_NODE_AND:
	case MW_NODE_OR:
		return gate_of_kids(x, n, ret, max);
	default:
		return 0;
	}
}

/* Fields that a fact has (a bool: as true) wherever the node holds, at most max. How many. */
static size_t node_needs(const struct mw_conds *x, uint32_t node, uint32_t *ret, size_t max);

static size_t needs_of_kids(const struct mw_conds *x, const struct mw_node *n, uint32_t *ret,
			    size_t max)
{
	uint32_t one[MW_GATE_MAX];
	size_t all = 0;

	for (uint32_t i = 0; i < n->n; i++) {
		const size_t k = node_needs(x, x->kids[n->at + i], one, MW_GATE_MAX);
		size_t both = 0;

		if (n->op == MW_NODE_AND || i == 0) { /* those of any */
			for (size_t j = 0; j < k && all < max; j++)
				ret[all++] = one[j];
			continue;
		}
		for (size_t j = 0; j < all; j++) { /* those of each */
			size_t h = 0;

			while (h < k && one[h] != ret[j])
				h++;
			if (h < k)
				ret[both++] = ret[j];
		}
		all = both;
	}
	return all;
}

static size_t node_needs(const struct mw_conds *x, uint32_t node, uint32_t *ret, size_t max)
{
	const struct mw_node *n = &x->node[node];
	const struct mw_test *t;

	switch (n->op) {
	case MW_NODE_TEST:
		t = &x->test[n->at];
		if (max == 0 ||
		    (t->type == MW_FIELD_BOOL && t->op != MW_COND_EXISTS && t->mask != 2))
			return 0;
		*ret = t->field;
		return 1;
	case MW_NODE_AND:
	case MW_NODE_OR:
		return needs_of_kids(x, n, ret, max);
	default:
		return 0;
	}
}

/* Those that are seen at once, the bools first: they are mostly false. */
static void needs_of(const struct mw_conds *x, struct mw_entry *e)
{
	uint32_t fields[MW_GATE_MAX];
	const size_t n = node_needs(x, e->node, fields, MW_GATE_MAX);

	e->n_needs = 0;
	for (int bools = 1; bools >= 0; bools--)
		for (size_t i = 0; i < n && e->n_needs < MW_NEEDS_MAX; i++) {
			struct mw_fact_plain need;

			if (mw_fact_plain(fields[i], &need) && need.is_bool == bools)
				e->need[e->n_needs++] = need;
		}
}

static uint64_t gate_hash(uint32_t test)
{
	return test * 0x9e3779b97f4a7c15ull;
}

static int gate_add(const struct mw_alloc *a, struct mw_entries *l, const struct mw_conds *x,
		    uint32_t test, uint32_t entry)
{
	const uint32_t shared = x->test[test].shared_at;
	size_t i = 0;
	int r;

	r = mw_grow(a, &l->gate, &l->cap_gates, l->n_gates + 1, sizeof(*l->gate));
	if (r == 0)
		r = mw_grow(a, &l->shared, &l->cap_shared, l->n_shared + 1, sizeof(*l->shared));
	if (r == 0)
		r = mw_ids_add(a, &l->by_test, gate_hash(test), (uint32_t)l->n_gates);
	if (r < 0)
		return r;
	l->gate[l->n_gates++] = (struct mw_gate){ test, entry };
	while (i < l->n_shared && l->shared[i] != shared)
		i++;
	if (i == l->n_shared)
		l->shared[l->n_shared++] = shared;
	return 0;
}

int mw_entries_sort(const struct mw_alloc *a, struct mw_entries *l, const struct mw_conds *x)
{
	uint32_t tests[MW_GATE_MAX];
	int r = 0;

	if (l->n == 0)
		return 0;
	l->taken = mw_alloc_zero(a, l->n * sizeof(*l->taken));
	if (!l->taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n && r == 0; i++) {
		const size_t n = node_gate(x, l->v[i].node, tests, MW_GATE_MAX);

		needs_of(x, &l->v[i]);
		for (size_t k = 0; k < n && r == 0; k++)
			r = gate_add(a, l, x, tests[k], i);
		if (n || r < 0)
			continue;
		r = mw_grow(a, &l->open, &l->cap_open, l->n_open + 1, sizeof(*l->open));
		if (r == 0)
			l->open[l->n_open++] = i;
	}
	return r;
}

void mw_entries_done(const struct mw_alloc *a, struct mw_entries *l)
{
	mw_ids_done(a, &l->by_test);
	mw_alloc_free(a, l->gate, l->cap_gates * sizeof(*l->gate));
	mw_alloc_free(a, l->open, l->cap_open * sizeof(*l->open));
	mw_alloc_free(a, l->shared, l->cap_shared * sizeof(*l->shared));
	mw_alloc_free(a, l->taken, l->n * sizeof(*l->taken));
	mw_alloc_free(a, l->v, l->cap * sizeof(*l->v));
}

size_t mw_entries_pick(struct mw_rule_set *s, struct mw_entries *l, int depth,
		       const struct mw_try *t, const uint32_t **ret)
{
	struct mw_answers *m = &s->answers;
	uint32_t *v = s->order[depth], i;
	size_t n = 0;

	if (l->n_gates == 0) {
		*ret = NULL;
		return l->n;
	}
	for (size_t k = 0; k < l->n_shared; k++)
		mw_shared_look(&s->conds, l->shared[k], m, t);
	for (size_t k = 0; k < m->hits.n; k++) {
		struct mw_ids_pos pos = { .hash = gate_hash(m->hits.v[k]) };

		while (mw_ids_next(&l->by_test, &pos, &i)) {
			const struct mw_gate *g = &l->gate[i];

			if (g->test != m->hits.v[k] || l->taken[g->entry] == m->epoch)
				continue;
			l->taken[g->entry] = m->epoch;
			v[n++] = g->entry;
		}
	}
	if (n == 0) {
		*ret = l->open;
		return l->n_open;
	}
	if (l->n_open)
		memcpy(v + n, l->open, l->n_open * sizeof(*v));
	n += l->n_open;
	mw_sort_u32(v, n);
	*ret = v;
	return n;
}
