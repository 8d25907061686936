/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_tree.c - trees of candidates and their members
 *
 * Invariants
 *  1. A member is in s->members and in its tree's list. A tree without members is freed.
 *  2. A living member of a HELD tree has the tag CANDIDATE, of a GONE one has not; what was forked
 *     before that was known says so by its FORK event, which is still to come.
 *  3. Only a HELD tree has held events.
 */
#include <errno.h>

#include "io/heap.h"
#include "io/scope_priv.h"

#define ABOVE_MAX MW_SCOPE_TREES_MAX

struct mw_member *mw_member_get(const struct mw_scope *s, struct mw_prockey key)
{
	return mw_prockey_none(key) ? NULL : mw_table_get(s->members, &key);
}

void mw_scope_refuse(struct mw_scope *s)
{
	s->stats.refused++;
	s->n_lost++;
}

void mw_scope_out(struct mw_scope *s, const struct mw_event_hdr *h)
{
	mw_hold_add(&s->store, &s->out, mw_prockey_of(h), h);
	s->n_lost += s->out.dropped;
	s->out.dropped = 0;
}

/* --- trees ---------------------------------------------------------------------------------------
 */

static void tree_free(struct mw_scope *s, struct mw_tree *t)
{
	for (struct mw_tree *o = s->trees; o; o = o->next)
		if (o->above == t)
			o->above = t->above;
	if (t->state == MW_TREE_HELD)
		s->n_held--;
	if (!mw_prockey_none(t->parent))
		mw_stream_unref(s, (uint32_t)t->parent.tgid);
	mw_hold_clear(&s->store, &t->hold);
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	s->stats.trees--;
	free(t->argv);
	free(t);
}

/* The oldest undecided tree makes room; one that nobody lives in any more before all others. */
static void evict(struct mw_scope *s)
{
	struct mw_tree *oldest = NULL, *t;

	for (t = s->trees; t; t = t->next)
		if (t->state == MW_TREE_HELD && (!oldest || !t->n_alive || oldest->n_alive))
			oldest = t;
	if (!oldest)
		return;
	if (oldest->n_alive)
		mw_scope_refuse(s);
	mw_tree_let_go(s, oldest);
}

struct mw_tree *mw_tree_new(struct mw_scope *s, struct mw_prockey root, struct mw_prockey parent)
{
	struct mw_tree *t = calloc(1, sizeof(*t));

	if (!t) {
		mw_scope_refuse(s);
		return NULL;
	}
	if (s->n_held >= MW_SCOPE_TREES_MAX)
		evict(s);
	t->root = root;
	t->parent = parent;
	t->next = s->trees;
	t->at = &s->trees;
	if (t->next)
		t->next->at = &t->next;
	s->trees = t;
	s->n_held++;
	s->stats.trees++;
	if (!mw_prockey_none(parent))
		mw_stream_ref(s, (uint32_t)parent.tgid);
	return t;
}

void mw_tree_free_empty(struct mw_scope *s, struct mw_tree *t)
{
	if (!t->members)
		tree_free(s, t);
}

/* --- members -------------------------------------------------------------------------------------
 */

static void unlink_member(struct mw_member *m)
{
	*m->at = m->next;
	if (m->next)
		m->next->at = m->at;
}

static void link_member(struct mw_tree *t, struct mw_member *m)
{
	m->tree = t;
	m->next = t->members;
	m->at = &t->members;
	if (m->next)
		m->next->at = &m->next;
	t->members = m;
}

/* Counts a living member in or out. */
static void count(struct mw_scope *s, struct mw_member *m, int by)
{
	struct mw_tree *t = m->tree;

	if (m->ended)
		return;
	t->n_alive += (size_t)by;
	if (m->on)
		t->n_on += (size_t)by;
	t->idle_ns = t->n_on ? 0 : s->ops->now(s->ctx);
}

/* Remembered for a while: its last events are still to come. */
static void leave(struct mw_scope *s, struct mw_member *m)
{
	if (m->due_ns)
		return;
	m->due_ns = s->ops->now(s->ctx) + MW_SCOPE_LINGER_NS;
	m->leave_next = NULL;
	m->leave_prev = s->leave_tail;
	if (s->leave_tail)
		s->leave_tail->leave_next = m;
	else
		s->leave_head = m;
	s->leave_tail = m;
}

static void stay(struct mw_scope *s, struct mw_member *m)
{
	if (!m->due_ns)
		return;
	if (m->leave_next)
		m->leave_next->leave_prev = m->leave_prev;
	else
		s->leave_tail = m->leave_prev;
	if (m->leave_prev)
		m->leave_prev->leave_next = m->leave_next;
	else
		s->leave_head = m->leave_next;
	m->due_ns = 0;
}

static void member_free(struct mw_scope *s, struct mw_member *m)
{
	struct mw_tree *t = m->tree;

	stay(s, m);
	count(s, m, -1);
	(void)mw_table_remove(s->members, &m->key);
	s->stats.members--;
	unlink_member(m);
	free(m);
	if (!t->members)
		tree_free(s, t);
}

struct mw_member *mw_member_new(struct mw_scope *s, struct mw_tree *t, struct mw_prockey key,
				struct mw_prockey parent)
{
	struct mw_member *m = mw_member_get(s, key);

	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m || mw_table_put(s->members, &key, m) < 0) {
		free(m);
		mw_scope_refuse(s);
		return NULL;
	}
	m->key = key;
	m->parent = parent;
	link_member(t, m);
	s->stats.members++;
	count(s, m, 1);
	if (t->state == MW_TREE_GONE)
		leave(s, m);
	return m;
}

static void relink(struct mw_scope *s, struct mw_member *m, struct mw_tree *to)
{
	count(s, m, -1);
	unlink_member(m);
	link_member(to, m);
	count(s, m, 1);
}

void mw_member_move(struct mw_scope *s, struct mw_member *m, struct mw_tree *to)
{
	struct mw_tree *from = m->tree;

	relink(s, m, to);
	if (!m->ended && to->state == MW_TREE_HELD)
		stay(s, m);
	if (!from->members)
		tree_free(s, from);
}

void mw_member_set_on(struct mw_scope *s, struct mw_member *m, bool on)
{
	count(s, m, -1);
	m->on = on;
	count(s, m, 1);
}

void mw_member_end(struct mw_scope *s, struct mw_member *m)
{
	count(s, m, -1);
	m->ended = true;
	if (m->tree->state == MW_TREE_OBSERVED)
		member_free(s, m);
	else
		leave(s, m);
}

/* --- verdicts ------------------------------------------------------------------------------------
 */

static bool is_below(const struct mw_tree *t, const struct mw_tree *top)
{
	for (size_t i = 0; t && i < ABOVE_MAX; i++, t = t->above)
		if (t == top)
			return true;
	return false;
}

static void promote_one(struct mw_scope *s, struct mw_tree *t)
{
	struct mw_member *m;

	t->state = MW_TREE_OBSERVED;
	s->n_held--;
	s->stats.promoted++;
	s->n_lost += t->hold.dropped;
	t->hold.dropped = 0;
	mw_hold_merge(&s->out, &t->hold);
	for (m = t->members; m; m = m->next)
		if (!m->ended)
			(void)mw_scope_tag(s, (uint32_t)m->key.tgid, MW_TAG_OBSERVED,
					   MW_TAG_CANDIDATE | MW_TAG_STREAM);
}

void mw_tree_promote(struct mw_scope *s, struct mw_tree *top)
{
	struct mw_tree *t, *next;

	for (t = s->trees; t; t = next) {
		next = t->next;
		if (t->state == MW_TREE_HELD && t != top && is_below(t, top))
			promote_one(s, t);
	}
	if (top->state == MW_TREE_HELD)
		promote_one(s, top);
}

static bool descends(const struct mw_scope *s, const struct mw_member *m, struct mw_prockey of)
{
	for (size_t i = 0; m && i < MW_SCOPE_MEMBERS_MAX; i++) {
		if (mw_prockey_eq(m->key, of))
			return true;
		m = mw_member_get(s, m->parent);
	}
	return false;
}

struct mw_tree *mw_tree_split(struct mw_scope *s, struct mw_member *top)
{
	struct mw_tree *from = top->tree, *t;
	struct mw_member *m, *next;
	struct mw_hold mine;

	if (mw_prockey_eq(from->root, top->key))
		return from;
	/* may push out the oldest tree, even this one: then nothing is left to split */
	t = mw_tree_new(s, top->key, (struct mw_prockey){ 0 });
	if (!t)
		return NULL;
	if (from->state != MW_TREE_HELD) {
		tree_free(s, t);
		return from;
	}
	t->above = from;
	t->chan_in = from->chan_in;
	t->chan_out = from->chan_out;
	for (m = from->members; m; m = next) {
		next = m->next;
		if (!descends(s, m, top->key))
			continue;
		mine = (struct mw_hold){ 0 };
		mw_hold_split(&from->hold, m->key, &mine);
		mw_hold_merge(&t->hold, &mine);
		relink(s, m, t);
	}
	for (struct mw_tree *o = s->trees; o; o = o->next)
		if (o != t && o->above == from && mw_member_get(s, o->parent) &&
		    mw_member_get(s, o->parent)->tree == t)
			o->above = t;
	if (!from->members)
		tree_free(s, from);
	return t;
}

void mw_scope_say_gone(struct mw_scope *s, struct mw_prockey key)
{
	struct mw_ev_exit ev = {
		.hdr = { .len = sizeof(ev),
			 .type = MW_EV_EXIT,
			 .ts_ns = s->ops->now(s->ctx),
			 .start_ns = key.start_ns,
			 .tgid = (uint32_t)key.tgid,
			 .tid = (uint32_t)key.tgid },
	};

	mw_scope_out(s, &ev.hdr);
	if (s->out.tail)
		s->out.tail->ev->flags |= MW_EVF_CANDIDATE;
}

void mw_tree_let_go(struct mw_scope *s, struct mw_tree *t)
{
	struct mw_member *m;

	if (t->state != MW_TREE_HELD)
		return;
	t->state = MW_TREE_GONE;
	s->n_held--;
	s->stats.let_go++;
	s->stats.dropped += t->hold.dropped;
	mw_hold_clear(&s->store, &t->hold);
	if (!mw_prockey_none(t->parent))
		mw_stream_unref(s, (uint32_t)t->parent.tgid);
	t->parent = (struct mw_prockey){ 0 };
	for (m = t->members; m; m = m->next) {
		struct mw_prockey *known = mw_scope_known(s, m->key);

		if (mw_prockey_eq(*known, m->key))
			*known = (struct mw_prockey){ 0 };
		if (!m->ended) {
			(void)mw_scope_tag(s, (uint32_t)m->key.tgid, 0, MW_TAG_CANDIDATE);
			/* without any tag not even its end is heard of */
			if (!s->ops->tag_of(s->ctx, (uint32_t)m->key.tgid))
				mw_scope_say_gone(s, m->key);
		}
		leave(s, m);
	}
}

void mw_tree_tick(struct mw_scope *s, uint64_t ts_ns)
{
	struct mw_tree *t, *next;
	struct mw_member *m;

	while ((m = s->leave_head) && m->due_ns < ts_ns)
		member_free(s, m);
	for (t = s->trees; t; t = next) {
		next = t->next;
		if (t->state == MW_TREE_HELD && t->n_alive && t->idle_ns &&
		    t->idle_ns + MW_SCOPE_LINGER_NS < ts_ns)
			mw_tree_let_go(s, t);
	}
}

void mw_tree_free_all(struct mw_scope *s)
{
	struct mw_member *m;
	size_t pos = 0;

	while (s->members && (m = mw_table_next(s->members, &pos))) {
		struct mw_tree *t = m->tree;

		unlink_member(m);
		free(m);
		if (!t->members)
			tree_free(s, t);
	}
	mw_table_free(s->members);
}
