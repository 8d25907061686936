/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_cond.c - conditions
 *
 *  1. Equal tests are one, equal nodes are one, and the kids of a node stand before it.
 *  2. AND and OR have two kids or more, none of them true, false or their own kind; NOT has no NOT
 *     below it. Their kids are in order of cost, then of number.
 */
#include <errno.h>

#include "base/hash.h"
#include "core/policy_priv.h"

/* --- tests --------------------------------------------------------------------------------------
 */

static uint64_t hash_more(uint64_t h, uint64_t v)
{
	return mw_hash64(mw_slice(&v, sizeof(v)), h);
}

static uint64_t test_hash(const struct mw_test *t)
{
	uint64_t h = hash_more((uint64_t)t->op << 32 | t->field, t->n);

	for (size_t i = 0; i < t->n; i++)
		h = mw_hash64(t->v[i].text, h);
	return h;
}

static bool value_eq(const struct mw_cond_value *a, const struct mw_cond_value *b)
{
	return mw_slice_eq(a->text, b->text) && a->is_number == b->is_number &&
	       a->number == b->number && a->net_bits == b->net_bits &&
	       memcmp(a->net, b->net, sizeof(a->net)) == 0;
}

static bool test_eq(const struct mw_test *a, const struct mw_test *b)
{
	if (a->op != b->op || a->field != b->field || a->n != b->n || a->hash != b->hash)
		return false;
	for (size_t i = 0; i < a->n && a->v != b->v; i++)
		if (!value_eq(&a->v[i], &b->v[i]))
			return false;
	return true;
}

static int test_add(const struct mw_compile *c, struct mw_conds *x, const struct mw_cond *from,
		    uint32_t *ret)
{
	struct mw_test t = {
		.op = from->op, .field = from->field, .v = from->values, .n = from->n_values
	};
	const struct mw_fact_field *field = mw_fact_field_at(from->field);
	struct mw_ids_pos pos = { 0 };
	uint32_t i;
	int r;

	if (!field)
		return mw_refuse(c, "there is no such field");
	t.type = field->type;
	t.hash = pos.hash = test_hash(&t);
	while (mw_ids_next(&x->test_ids, &pos, &i)) {
		if (test_eq(&x->test[i], &t)) {
			*ret = i;
			return 0;
		}
	}
	r = mw_grow(c->a, &x->test, &x->cap_tests, x->n_tests + 1, sizeof(*x->test));
	if (r < 0)
		return r;
	r = mw_test_init(c, &t);
	if (r == 0)
		r = mw_share(c, x, &t, (uint32_t)x->n_tests);
	if (r == 0)
		r = mw_ids_add(c->a, &x->test_ids, t.hash, (uint32_t)x->n_tests);
	if (r < 0) {
		mw_test_done(c->a, &t);
		return r;
	}
	*ret = (uint32_t)x->n_tests;
	x->test[x->n_tests++] = t;
	return 0;
}

/* What a test costs, roughly: the cheap ones are tried first. What is looked for together costs
 * each little. */
static uint32_t test_cost(const struct mw_test *t)
{
	switch (t->op) {
	case MW_COND_UNDER:
		return t->shared ? 3 : 16;
	case MW_COND_CIDR:
	case MW_COND_HOST:
		return 8;
	case MW_COND_CONTAINS:
	case MW_COND_ICONTAINS:
	case MW_COND_GLOB:
		return 32;
	case MW_COND_REGEX:
		return t->shared ? 5 : 256;
	case MW_COND_STARTSWITH:
	case MW_COND_ENDSWITH:
		return 4 + (uint32_t)(t->strs.n ? 2 * t->strs.n_len : t->n);
	default:
		if (t->shared)
			return 3;
		return t->type == MW_FIELD_TEXT || t->type == MW_FIELD_TEXTS ? 4 : 1;
	}
}

/* --- nodes --------------------------------------------------------------------------------------
 */

/* Adds a node, or finds its equal. Its kids, if it has some, are not yet in x. */
static int node_add(const struct mw_alloc *a, struct mw_conds *x, struct mw_node n,
		    const uint32_t *kids, uint32_t *ret)
{
	const bool many = n.op == MW_NODE_AND || n.op == MW_NODE_OR;
	struct mw_ids_pos pos;
	uint32_t i;
	int r;

	n.hash = hash_more((uint64_t)n.op, many ? 0 : n.at);
	if (many)
		n.hash = mw_hash64(mw_slice(kids, n.n * sizeof(*kids)), n.hash);
	pos = (struct mw_ids_pos){ .hash = n.hash };
	while (mw_ids_next(&x->node_ids, &pos, &i)) {
		const struct mw_node *o = &x->node[i];

		if (o->op != n.op || o->n != n.n)
			continue;
		if (many ? memcmp(&x->kids[o->at], kids, n.n * sizeof(*kids)) == 0
			 : o->at == n.at) {
			*ret = i;
			return 0;
		}
	}
	r = mw_grow(a, &x->node, &x->cap_nodes, x->n_nodes + 1, sizeof(*x->node));
	if (r == 0 && many)
		r = mw_grow(a, &x->kids, &x->cap_kids, x->n_kids + n.n, sizeof(*x->kids));
	if (r == 0)
		r = mw_ids_add(a, &x->node_ids, n.hash, (uint32_t)x->n_nodes);
	if (r < 0)
		return r;
	if (many) {
		n.at = (uint32_t)x->n_kids;
		memcpy(&x->kids[n.at], kids, n.n * sizeof(*kids));
		x->n_kids += n.n;
	}
	*ret = (uint32_t)x->n_nodes;
	x->node[x->n_nodes++] = n;
	return 0;
}

/* The two that are there before all others. */
static int first_nodes(const struct mw_alloc *a, struct mw_conds *x)
{
	uint32_t i;
	int r = 0;

	if (x->n_nodes == 0)
		r = node_add(a, x, (struct mw_node){ .op = MW_NODE_FALSE }, NULL, &i);
	if (r == 0 && x->n_nodes == 1)
		r = node_add(a, x, (struct mw_node){ .op = MW_NODE_TRUE }, NULL, &i);
	return r;
}

int mw_conds_not(const struct mw_alloc *a, struct mw_conds *x, uint32_t node, uint32_t *ret)
{
	int r = first_nodes(a, x);

	if (r < 0)
		return r;
	switch (x->node[node].op) {
	case MW_NODE_FALSE:
		*ret = MW_NODE_TRUE;
		return 0;
	case MW_NODE_TRUE:
		*ret = MW_NODE_FALSE;
		return 0;
	case MW_NODE_NOT:
		*ret = x->node[node].at;
		return 0;
	default:
		return node_add(
		    a, x,
		    (struct mw_node){ .op = MW_NODE_NOT, .at = node, .cost = x->node[node].cost },
		    NULL, ret);
	}
}

static bool is_before(const struct mw_conds *x, uint32_t a, uint32_t b)
{
	if (x->node[a].cost != x->node[b].cost)
		return x->node[a].cost < x->node[b].cost;
	return a < b;
}

/* A heap, as qsort takes memory of its own. */
static void sift(const struct mw_conds *x, uint32_t *v, size_t i, size_t n)
{
	for (size_t kid; (kid = 2 * i + 1) < n; i = kid) {
		uint32_t t = v[i];

		if (kid + 1 < n && is_before(x, v[kid], v[kid + 1]))
			kid++;
		if (!is_before(x, t, v[kid]))
			return;
		v[i] = v[kid];
		v[kid] = t;
	}
}

static void sort(const struct mw_conds *x, uint32_t *v, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(x, v, i, n);
	for (size_t i = n; i-- > 1;) {
		uint32_t t = v[0];

		v[0] = v[i];
		v[i] = t;
		sift(x, v, 0, i);
	}
}

struct list {
	uint32_t *v;
	size_t n, cap;
};

static int list_add(const struct mw_alloc *a, struct list *l, const uint32_t *v, size_t n)
{
	int r = mw_grow(a, &l->v, &l->cap, l->n + n, sizeof(*l->v));

	if (r == 0 && n) {
		memcpy(&l->v[l->n], v, n * sizeof(*v));
		l->n += n;
	}
	return r;
}

/* AND or OR of v. */
static int join(const struct mw_alloc *a, struct mw_conds *x, enum mw_node_op op, const uint32_t *v,
		size_t n, uint32_t *ret)
{
	const uint32_t ends = op == MW_NODE_AND ? MW_NODE_FALSE : MW_NODE_TRUE;
	const uint32_t empty = op == MW_NODE_AND ? MW_NODE_TRUE : MW_NODE_FALSE;
	struct mw_node node = { .op = op };
	struct list l = { 0 };
	size_t k = 0;
	int r = first_nodes(a, x);

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct mw_node *kid = &x->node[v[i]];

		if (v[i] == ends) {
			mw_alloc_free(a, l.v, l.cap * sizeof(*l.v));
			*ret = ends;
			return 0;
		}
		if (kid->op == op)
			r = list_add(a, &l, &x->kids[kid->at], kid->n);
		else if (v[i] != empty)
			r = list_add(a, &l, &v[i], 1);
	}
	sort(x, l.v, l.n);
	for (size_t i = 0; i < l.n; i++) {
		if (k && l.v[k - 1] == l.v[i])
			continue;
		l.v[k++] = l.v[i];
		node.cost += x->node[l.v[i]].cost;
	}
	/* all of an OR that is false are tried, of an AND seldom more than the first */
	if (op == MW_NODE_AND && k)
		node.cost = x->node[l.v[0]].cost + 1;
	node.n = (uint32_t)k;
	if (r == 0 && k > 1)
		r = node_add(a, x, node, l.v, ret);
	else if (r == 0)
		*ret = k ? l.v[0] : empty;
	mw_alloc_free(a, l.v, l.cap * sizeof(*l.v));
	return r;
}

int mw_conds_and(const struct mw_alloc *a, struct mw_conds *x, const uint32_t *v, size_t n,
		 uint32_t *ret)
{
	return join(a, x, MW_NODE_AND, v, n, ret);
}

/* --- from rules ---------------------------------------------------------------------------------
 */

/* Marks what all of the condition depends on, and refuses any other MW_COND_SAME. */
static int check_same(const struct mw_compile *c, const struct mw_when *when, bool may)
{
	uint8_t top[MW_COND_MAX / 8] = { 0 };

	for (size_t i = when->n; i-- > 0;) {
		const struct mw_cond *n = &when->cond[i];
		const bool is_top = i == when->n - 1 || top[i / 8] >> i % 8 & 1;

		if (n->op == MW_COND_SAME && !(may && is_top))
			return mw_refuse(c, "\"same\" stands in a step behind the first, and with "
					    "all else of it under \"and\"");
		if (n->op == MW_COND_AND && is_top) {
			top[n->left / 8] |= (uint8_t)(1u << n->left % 8);
			top[n->right / 8] |= (uint8_t)(1u << n->right % 8);
		}
	}
	return 0;
}

static int check(const struct mw_compile *c, const struct mw_when *when)
{
	if (when->n > MW_COND_MAX)
		return mw_refuse(c, "a condition has more than 4096 parts");
	for (size_t i = 0; i < when->n; i++) {
		const struct mw_cond *n = &when->cond[i];

		if (n->op < MW_COND_AND || n->op > MW_COND_SAME)
			return mw_refuse(c, "a condition of no known kind");
		if ((n->op <= MW_COND_NOT && n->left >= i) ||
		    (n->op <= MW_COND_OR && n->right >= i))
			return mw_refuse(c, "a condition whose parts stand behind it");
	}
	return 0;
}

/* A condition on its way to nodes. */
struct making {
	const struct mw_compile *c;
	struct mw_conds *x;
	const struct mw_cond *cond;
	uint32_t *made; /* by part: node + 1; 0 not yet */
	uint32_t *seen; /* by part: the one whose operands it was gathered for, + 1 */
};

static int make(const struct making *m, uint32_t at, uint32_t *ret);

static int make_test(const struct making *m, const struct mw_cond *from, uint32_t *ret)
{
	struct mw_node n = { .op = MW_NODE_TEST };
	int r;

	if (from->op == MW_COND_SAME) {
		*ret = MW_NODE_TRUE;
		return 0;
	}
	r = test_add(m->c, m->x, from, &n.at);
	if (r < 0)
		return r;
	n.cost = test_cost(&m->x->test[n.at]);
	return node_add(m->c->a, m->x, n, NULL, ret);
}

/* All operands of a run of one kind, so that "a and b and c" is one node. */
static int make_run(const struct making *m, uint32_t at, uint32_t *ret)
{
	const enum mw_cond_op op = m->cond[at].op;
	const struct mw_alloc *a = m->c->a;
	struct list open = { 0 }, kids = { 0 };
	uint32_t node, i = at;
	int r = list_add(a, &open, &i, 1);

	while (r == 0 && open.n) {
		i = open.v[--open.n];
		if (m->seen[i] == at + 1)
			continue;
		m->seen[i] = at + 1;
		if (m->cond[i].op == op) {
			r = list_add(a, &open, &m->cond[i].right, 1);
			if (r == 0)
				r = list_add(a, &open, &m->cond[i].left, 1);
			continue;
		}
		r = make(m, i, &node);
		if (r == 0)
			r = list_add(a, &kids, &node, 1);
	}
	if (r == 0)
		r = join(a, m->x, op == MW_COND_AND ? MW_NODE_AND : MW_NODE_OR, kids.v, kids.n,
			 ret);
	mw_alloc_free(a, open.v, open.cap * sizeof(*open.v));
	mw_alloc_free(a, kids.v, kids.cap * sizeof(*kids.v));
	return r;
}

/* Parts have their operands before them: so deep as there are parts, at most. */
static int make(const struct making *m, uint32_t at, uint32_t *ret)
{
	const struct mw_cond *n = &m->cond[at];
	uint32_t node;
	int r;

	if (m->made[at]) {
		*ret = m->made[at] - 1;
		return 0;
	}
	if (n->op == MW_COND_AND || n->op == MW_COND_OR) {
		r = make_run(m, at, &node);
	} else if (n->op == MW_COND_NOT) {
		r = make(m, n->left, &node);
		if (r == 0)
			r = mw_conds_not(m->c->a, m->x, node, &node);
	} else {
		r = make_test(m, n, &node);
	}
	if (r < 0)
		return r;
	m->made[at] = node + 1;
	*ret = node;
	return 0;
}

int mw_conds_add(const struct mw_compile *c, struct mw_conds *x, const struct mw_when *when,
		 bool without_same, uint32_t *ret)
{
	struct making m = { .c = c, .x = x, .cond = when->cond };
	uint32_t root = MW_NODE_TRUE;
	int r = first_nodes(c->a, x);

	if (r == 0)
		r = check(c, when);
	if (r == 0)
		r = check_same(c, when, without_same);
	if (r < 0)
		return r;
	if (when->n) {
		m.made = mw_alloc_zero(c->a, 2 * when->n * sizeof(*m.made));
		if (!m.made)
			return -ENOMEM;
		m.seen = m.made + when->n;
		r = make(&m, (uint32_t)when->n - 1, &root);
		mw_alloc_free(c->a, m.made, 2 * when->n * sizeof(*m.made));
	}
	if (r == 0)
		*ret = root;
	return r;
}

void mw_conds_done(const struct mw_alloc *a, struct mw_conds *x)
{
	for (size_t i = 0; i < x->n_tests; i++)
		mw_test_done(a, &x->test[i]);
	mw_alloc_free(a, x->test, x->cap_tests * sizeof(*x->test));
	mw_alloc_free(a, x->node, x->cap_nodes * sizeof(*x->node));
	mw_alloc_free(a, x->kids, x->cap_kids * sizeof(*x->kids));
	mw_shared_done(a, x);
	mw_ids_done(a, &x->test_ids);
	mw_ids_done(a, &x->node_ids);
}

/* --- for one kind of effect ---------------------------------------------------------------------
 */

int mw_conds_of_kind(const struct mw_alloc *a, struct mw_conds *x, uint32_t node, unsigned int kind,
		     uint32_t *memo, size_t n, uint32_t *ret)
{
	const struct mw_node from = x->node[node];
	const struct mw_test *t;
	struct list l = { 0 };
	uint32_t left = node;
	int r = 0;

	if (node < n && memo[node]) {
		*ret = memo[node] - 1;
		return 0;
	}
	switch (from.op) {
	case MW_NODE_TEST:
		t = &x->test[from.at];
		if (mw_slice_eq_str(MW_SLICE_LIT("effect.kind"), mw_fact_field_at(t->field)->name))
			left = t->op == MW_COND_EXISTS || t->mask >> kind & 1 ? MW_NODE_TRUE
									      : MW_NODE_FALSE;
		break;
	case MW_NODE_NOT:
		r = mw_conds_of_kind(a, x, from.at, kind, memo, n, &left);
		if (r == 0)
			r = mw_conds_not(a, x, left, &left);
		break;
	case MW_NODE_AND:
	case MW_NODE_OR:
		for (uint32_t i = 0; i < from.n && r == 0; i++) {
			r = mw_conds_of_kind(a, x, x->kids[from.at + i], kind, memo, n, &left);
			if (r == 0)
				r = list_add(a, &l, &left, 1);
		}
		if (r == 0)
			r = join(a, x, from.op, l.v, l.n, &left);
		mw_alloc_free(a, l.v, l.cap * sizeof(*l.v));
		break;
	default:
		break;
	}
	if (r < 0)
		return r;
	if (node < n)
		memo[node] = left + 1;
	*ret = left;
	return 0;
}

/* --- of one fact --------------------------------------------------------------------------------
 */

static bool test_holds(const struct mw_conds *x, uint32_t at, struct mw_answers *m,
		       const struct mw_try *t)
{
	const struct mw_test *test = &x->test[at];

	if (test->shared) {
		mw_shared_look(x, test->shared_at, m, t);
		if (m->hits.at[at] != m->epoch)
			return false;
		if (test->sure)
			return true;
	}
	return mw_test_try(test, t);
}

/* Not yet known of this fact. */
static bool find_out(const struct mw_conds *x, uint32_t node, struct mw_answers *m,
		     const struct mw_try *t);

static inline bool hold(const struct mw_conds *x, uint32_t node, struct mw_answers *m,
			const struct mw_try *t)
{
	const uint32_t v = m->v[node];

	return v >> 1 == m->epoch ? v & 1 : find_out(x, node, m, t);
}

static bool find_out(const struct mw_conds *x, uint32_t node, struct mw_answers *m,
		     const struct mw_try *t)
{
	const struct mw_node *n = &x->node[node];
	bool holds = n->op == MW_NODE_AND;

	switch (n->op) {
	case MW_NODE_TEST:
		holds = test_holds(x, n->at, m, t);
		break;
	case MW_NODE_NOT:
		holds = !hold(x, n->at, m, t);
		break;
	case MW_NODE_AND:
	case MW_NODE_OR:
		for (uint32_t i = 0; i < n->n; i++) {
			if (hold(x, x->kids[n->at + i], m, t) == holds)
				continue;
			holds = !holds;
			break;
		}
		break;
	default:
		return n->op == MW_NODE_TRUE;
	}
	m->v[node] = m->epoch << 1 | holds;
	return holds;
}

bool mw_conds_hold(const struct mw_conds *x, uint32_t node, struct mw_answers *m,
		   const struct mw_try *t)
{
	return hold(x, node, m, t);
}
