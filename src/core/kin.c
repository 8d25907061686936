/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. The nodes are trees: links are made once, never to a node below itself. A node that is made
 *     by a fork has nothing below it; for others the way up is walked, at most DEPTH_MAX, or
 *     refused.
 *  2. Every node is in `table` and in one list: servers while it lives and is one, ended, or
 *  living.
 *  3. A server that lives is not evicted, unless more than half of all nodes are such.
 */
#include "core/kin.h"

#include <errno.h>

#define DEPTH_MAX 1024
#define NODES_MIN 16

static void list_del(struct mw_kin_node *n)
{
	struct mw_kin_list *l = n->list;

	if (n->prev)
		n->prev->next = n->next;
	else
		l->head = n->next;
	if (n->next)
		n->next->prev = n->prev;
	else
		l->tail = n->prev;
	l->n--;
}

static void list_add(struct mw_kin_list *l, struct mw_kin_node *n)
{
	n->list = l;
	n->prev = l->tail;
	n->next = NULL;
	if (l->tail)
		l->tail->next = n;
	else
		l->head = n;
	l->tail = n;
	l->n++;
}

static void list_move(struct mw_kin_list *l, struct mw_kin_node *n)
{
	list_del(n);
	list_add(l, n);
}

struct mw_kin_tie *mw_kin_tie_new(const struct mw_alloc *a, struct mw_prockey server, size_t n)
{
	struct mw_kin_tie *tie = mw_alloc_zero(a, sizeof(*tie) + n * sizeof(tie->ids[0]));

	if (!tie)
		return NULL;
	tie->refs = 1;
	tie->server = server;
	tie->n = n;
	return tie;
}

void mw_kin_tie_unref(const struct mw_alloc *a, struct mw_kin_tie *tie)
{
	if (tie && --tie->refs == 0)
		mw_alloc_free(a, tie, sizeof(*tie) + tie->n * sizeof(tie->ids[0]));
}

void mw_kin_server_unref(const struct mw_alloc *a, struct mw_kin_server *s)
{
	if (!s || --s->refs)
		return;
	mw_kin_tie_unref(a, s->tie);
	mw_corr_mind_free(a, s->mind);
	mw_alloc_free(a, s, sizeof(*s));
}

void mw_kin_set_tie(struct mw_kin *k, struct mw_kin_node *n, struct mw_kin_tie *tie)
{
	if (tie)
		tie->refs++;
	mw_kin_tie_unref(k->a, n->tie);
	n->tie = tie;
}

static void set_server(struct mw_kin *k, struct mw_kin_node *n, struct mw_kin_server *s)
{
	s->refs++;
	mw_kin_server_unref(k->a, n->server);
	n->server = s;
	if (n->tie && !mw_prockey_eq(n->tie->server, s->key))
		mw_kin_set_tie(k, n, NULL);
	n->judged = n->tie != NULL;
}

static void node_free(struct mw_kin *k, struct mw_kin_node *n)
{
	mw_kin_tie_unref(k->a, n->tie);
	mw_kin_server_unref(k->a, n->server);
	mw_alloc_free(k->a, n, sizeof(*n));
}

int mw_kin_new(const struct mw_alloc *a, size_t max, struct mw_kin **ret)
{
	struct mw_kin *k = mw_alloc_zero(a, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->a = a;
	k->max = max < NODES_MIN ? NODES_MIN : max;
	r = mw_table_new(a, sizeof(struct mw_prockey), k->max, &k->table);
	if (r < 0) {
		mw_kin_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

void mw_kin_free(struct mw_kin *k)
{
	struct mw_kin_node *n;
	size_t pos = 0;

	if (!k)
		return;
	while (k->table && (n = mw_table_next(k->table, &pos)))
		node_free(k, n);
	mw_table_free(k->table);
	mw_alloc_free(k->a, k, sizeof(*k));
}

struct mw_kin_node *mw_kin_get(const struct mw_kin *k, struct mw_prockey key)
{
	return mw_table_get(k->table, &key);
}

static void evict(struct mw_kin *k, const struct mw_kin_node *keep)
{
	struct mw_kin_node *n = k->ended.head, *c;

	if (n && n == keep)
		n = n->next;
	if (!n) {
		n = k->living.head;
		if (n && n == keep)
			n = n->next;
		if (!n)
			n = k->servers.head == keep ? keep->next : k->servers.head;
		k->evicted++;
	}
	/* what is below keeps its label and its tie */
	while ((c = n->child)) {
		n->child = c->sibling;
		c->parent = c->sibling = c->sibling_prev = NULL;
	}
	if (n->sibling_prev)
		n->sibling_prev->sibling = n->sibling;
	else if (n->parent)
		n->parent->child = n->sibling;
	if (n->sibling)
		n->sibling->sibling_prev = n->sibling_prev;
	list_del(n);
	mw_table_remove(k->table, &n->key);
	node_free(k, n);
}

int mw_kin_note(struct mw_kin *k, struct mw_prockey key, const struct mw_kin_node *keep,
		struct mw_kin_node **ret)
{
	struct mw_kin_node *n = mw_table_get(k->table, &key);
	int r;

	if (n) {
		*ret = n;
		return 0;
	}
	n = mw_alloc_zero(k->a, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->key = key;
	while ((r = mw_table_put(k->table, &key, n)) == -ENOSPC)
		evict(k, keep);
	if (r < 0) {
		node_free(k, n);
		return r;
	}
	list_add(&k->living, n);
	*ret = n;
	return 0;
}

/* Of the tree below root in preorder, the node after n; into: also those below n. */
static struct mw_kin_node *preorder(struct mw_kin_node *n, const struct mw_kin_node *root,
				    bool into)
{
	if (into && n->child)
		return n->child;
	while (n != root) {
		if (n->sibling)
			return n->sibling;
		n = n->parent;
	}
	return NULL;
}

static void label(struct mw_kin *k, struct mw_kin_node *root, struct mw_kin_server *s)
{
	struct mw_kin_node *n = root;
	bool into;

	while (n) {
		into = n == root || !n->is_server;
		if (into)
			set_server(k, n, s);
		n = preorder(n, root, into);
	}
}

bool mw_kin_link(struct mw_kin *k, struct mw_kin_node *child, struct mw_kin_node *parent)
{
	const struct mw_kin_node *up = parent;

	if (child->parent_known || child == parent)
		return false;
	for (int i = 0; child->child && up; i++, up = up->parent)
		if (up == child || i == DEPTH_MAX)
			return false;
	child->parent_known = true;
	child->parent = parent;
	child->sibling = parent->child;
	if (child->sibling)
		child->sibling->sibling_prev = child;
	parent->child = child;
	if (parent->server && !child->server)
		label(k, child, parent->server);
	return true;
}

int mw_kin_serve(struct mw_kin *k, struct mw_kin_node *n)
{
	struct mw_kin_server *s;

	if (n->is_server)
		return 0;
	s = mw_alloc_zero(k->a, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->key = n->key;
	n->is_server = true;
	label(k, n, s); /* takes the first reference */
	if (n->list != &k->living)
		return 0;
	list_move(&k->servers, n);
	if (k->servers.n > k->max / 2)
		list_move(&k->ended, k->servers.head);
	return 0;
}

void mw_kin_end(struct mw_kin *k, struct mw_kin_node *n)
{
	if (n->list != &k->ended)
		list_move(&k->ended, n);
}
