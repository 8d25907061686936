/* SPDX-License-Identifier: Apache-2.0 */
/* scope.c - what becomes of each event: scope.h */
#include "io/scope.h"

#include <errno.h>
#include <unistd.h>

#include "core/event.h"
#include "io/heap.h"
#include "io/scope_priv.h"
#include "io/source_bpf.h"

_Static_assert(MW_TAG_CANDIDATE == MW_SOURCE_CANDIDATE && MW_TAG_OBSERVED == MW_SOURCE_OBSERVED &&
		   MW_TAG_LISTENER == MW_SOURCE_LISTENER && MW_TAG_STREAM == MW_SOURCE_STREAM,
	       "tags");

#define PENDING_MAX 4096

int mw_scope_new(const struct mw_config *config, const struct mw_scope_ops *ops, void *ctx,
		 struct mw_scope **ret)
{
	struct mw_scope *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = config;
	s->ops = ops;
	s->ctx = ctx;
	s->self = (uint32_t)getpid();
	s->store.all_max = MW_HOLD_ALL_MAX;
	s->store.each_max = MW_HOLD_EACH_MAX;
	s->out.max = s->later.max = SIZE_MAX;
	r = mw_table_new(&mw_heap, sizeof(struct mw_prockey), MW_SCOPE_MEMBERS_MAX, &s->members);
	if (r == 0)
		r = mw_table_new(&mw_heap, sizeof(struct mw_pending_key), PENDING_MAX, &s->pending);
	if (r == 0)
		r = mw_table_new(&mw_heap, sizeof(uint32_t), MW_SCOPE_STREAMS_MAX, &s->streams);
	if (r == 0)
		r = mw_table_new(&mw_heap, sizeof(struct mw_prockey), MW_SCOPE_SERVERS_MAX,
				 &s->servers);
	if (r == 0)
		r = mw_table_new(&mw_heap, sizeof(uint64_t), MW_SCOPE_PAIRS_MAX, &s->pairs);
	if (r == 0)
		r = mw_table_new(&mw_heap, sizeof(uint64_t), MW_SCOPE_HIDDEN_MAX, &s->hidden);
	if (r == 0)
		r = mw_names_new(&s->names);
	if (r < 0) {
		mw_scope_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void mw_scope_free(struct mw_scope *s)
{
	struct mw_pending *p;
	size_t pos = 0;

	if (!s)
		return;
	mw_tree_free_all(s);
	while (s->pending && (p = mw_table_next(s->pending, &pos)))
		free(p);
	mw_table_free(s->pending);
	mw_scope_find_free(s);
	mw_hold_clear(&s->store, &s->out);
	mw_hold_clear(&s->store, &s->later);
	free(s->lent);
	mw_names_free(s->names);
	free(s);
}

void mw_scope_stats(const struct mw_scope *s, struct mw_scope_stats *ret)
{
	*ret = s->stats;
	ret->held_bytes = s->store.bytes;
	ret->dropped = s->store.dropped;
}

const struct mw_event_hdr *mw_scope_held(void *scope)
{
	struct mw_scope *s = scope;

	free(s->lent);
	s->lent = NULL;
	if (s->n_lost) {
		s->lost = (struct mw_ev_lost){ .hdr = { .len = sizeof(s->lost),
							.type = MW_EV_LOST,
							.ts_ns = s->ops->now(s->ctx),
							.cpu = MW_CPU_NONE },
					       .count = s->n_lost,
					       .reason = MW_LOST_TABLE,
					       .cpu = MW_CPU_NONE };
		s->n_lost = 0;
		return &s->lost.hdr;
	}
	s->lent = mw_hold_take(&s->store, &s->out);
	return s->lent ? s->lent->ev : NULL;
}

/* --- bytes ---------------------------------------------------------------------------------------
 */

/* Lets go of what is not to be looked at, whatever the kernel side thought of it. */
static void release(struct mw_scope *s, uint32_t tgid)
{
	(void)mw_scope_tag(s, tgid, 0,
			   MW_TAG_CANDIDATE | MW_TAG_LISTENER | MW_TAG_STREAM | MW_TAG_OBSERVED);
}

/*
 * The first bytes of a process that was not introduced: a listener, a client. They wait until what
 * is told of it now has been heard.
 */
static bool introduce(struct mw_scope *s, const struct mw_event_hdr *h)
{
	const bool client = !(h->flags & MW_EVF_CANDIDATE);
	enum mw_verdict_of v = MW_FREE;

	if (mw_scope_has_lists(s))
		v = mw_scope_verdict(s, h->tgid);
	if (v == MW_IGNORED || (v == MW_FREE && !s->config->discover && !client)) {
		release(s, h->tgid);
		return false;
	}
	*mw_scope_known(s, mw_prockey_of(h)) = mw_prockey_of(h);
	if (v == MW_WATCHED)
		mw_scope_observe(s, h->tgid);
	else if (s->ops->snapshot(s->ctx, h->tgid) < 0)
		return true; /* it has ended: nothing will be told */
	mw_hold_add(&s->store, &s->later, mw_prockey_of(h), h);
	if (s->later.tail)
		s->later.tail->ev->flags = h->flags;
	return false;
}

static bool on_io(struct mw_scope *s, const struct mw_event_hdr *h)
{
	struct mw_prockey key = mw_prockey_of(h), *known;
	struct mw_member *m;

	if (!(h->flags & (MW_EVF_CANDIDATE | MW_EVF_STREAM)))
		return true;
	if (mw_scope_is_hidden(s, ((const struct mw_ev_io *)h)->chan))
		return false;
	known = mw_scope_known(s, key);
	if (mw_prockey_eq(*known, key))
		return true;
	m = mw_member_get(s, key);
	if (!m)
		return introduce(s, h);
	if (m->tree->state == MW_TREE_GONE && h->flags & MW_EVF_CANDIDATE)
		return false;
	*known = key;
	return true;
}

/* --- processes and what they do ------------------------------------------------------------------
 */

static void hold(struct mw_scope *s, struct mw_member *m, const struct mw_event_hdr *h)
{
	mw_hold_add(&s->store, &m->tree->hold, m->key, h);
}

/* An event of a candidate that no tree knows: its fork was lost, or found no room. */
static bool on_stranger(struct mw_scope *s, const struct mw_event_hdr *h)
{
	unsigned int tag = s->ops->tag_of(s->ctx, h->tgid);

	if (tag & MW_TAG_OBSERVED) {
		mw_scope_out(s, h);
		return false;
	}
	if (tag & MW_TAG_CANDIDATE)
		(void)mw_scope_tag(s, h->tgid, 0, MW_TAG_CANDIDATE);
	return h->type == MW_EV_EXIT || h->type == MW_EV_PROC;
}

static bool is_on(const struct mw_tree *t, const struct mw_ev_proc *ev)
{
	return (ev->chan_in && (ev->chan_in == t->chan_in || ev->chan_in == t->chan_out)) ||
	       (ev->chan_out && (ev->chan_out == t->chan_in || ev->chan_out == t->chan_out));
}

/* A tree of its own: both its ends are others than those of the tree it was started in. */
static struct mw_member *root(struct mw_scope *s, struct mw_member *m, const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings str = mw_event_proc_strings(ev);
	struct mw_prockey key = mw_prockey_of(&ev->hdr);
	struct mw_prockey parent = { ev->parent_start_ns, ev->parent_tgid };
	struct mw_tree *t = mw_tree_new(s, key, parent);

	if (!t)
		goto refused;
	t->chan_in = ev->chan_in;
	t->chan_out = ev->chan_out;
	mw_scope_unhide(s, ev->chan_in); /* another object at the same address */
	mw_scope_unhide(s, ev->chan_out);
	t->argv_len = str.argv.n < MW_SCOPE_ARGV_MAX ? str.argv.n : MW_SCOPE_ARGV_MAX;
	t->argv = malloc(t->argv_len + 1);
	if (t->argv)
		memcpy(t->argv, str.argv.p, t->argv_len);
	else
		t->argv_len = 0;
	if (m) {
		t->above = m->tree;
		mw_member_move(s, m, t);
	} else {
		m = mw_member_new(s, t, key, parent);
	}
	if (!m) {
		mw_tree_free_empty(s, t);
		goto refused;
	}
	mw_member_set_on(s, m, true);
	return m;
refused:
	(void)mw_scope_tag(s, ev->hdr.tgid, 0, MW_TAG_CANDIDATE);
	return NULL;
}

/* What the configuration names is observed whatever it says. */
static void watched(struct mw_scope *s, struct mw_member *m)
{
	struct mw_tree *t = mw_tree_split(s, m);

	if (t)
		mw_tree_promote(s, t);
}

static struct mw_config_who who_of(const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings str = mw_event_proc_strings(ev);

	return (struct mw_config_who){ str.exe, str.argv, str.cgroup, ev->hdr.uid };
}

static bool on_exec(struct mw_scope *s, const struct mw_ev_proc *ev)
{
	struct mw_member *m = mw_member_get(s, mw_prockey_of(&ev->hdr));
	const bool both = ev->chan_in && ev->chan_out;
	struct mw_config_who who = who_of(ev);

	if (m && m->tree->state == MW_TREE_GONE) {
		/* it was let go, and is a candidate again by what it runs now */
		if (!both || s->ops->tag_of(s->ctx, ev->hdr.tgid) == 0)
			return false;
		m = root(s, m, ev);
	} else if (!m && both) {
		m = root(s, NULL, ev);
	} else if (m && m->tree->state == MW_TREE_HELD) {
		if (both && !is_on(m->tree, ev))
			m = root(s, m, ev);
		else
			mw_member_set_on(s, m, is_on(m->tree, ev));
	}
	if (!m)
		return on_stranger(s, &ev->hdr);
	if (m->tree->state == MW_TREE_OBSERVED) {
		mw_scope_out(s, &ev->hdr);
		return false;
	}
	hold(s, m, &ev->hdr);
	if (mw_config_match(&s->config->watch, &who)) {
		watched(s, m);
		return false;
	}
	return true;
}

/* It stands behind the EXEC and knows the cgroup: the configuration's word is final here. */
static bool on_proc(struct mw_scope *s, const struct mw_ev_proc *ev)
{
	struct mw_member *m = mw_member_get(s, mw_prockey_of(&ev->hdr));
	struct mw_config_who who = who_of(ev);
	enum mw_verdict_of v;
	struct mw_tree *t;

	if (!m || m->tree->state != MW_TREE_HELD)
		return !m || m->tree->state == MW_TREE_OBSERVED;
	v = mw_scope_judge(s, &who);
	if (v == MW_WATCHED) {
		watched(s, m);
		return true;
	}
	/* what an ancestor of its root's brings was not asked yet */
	if (v == MW_FREE && s->config->ignore.n && mw_prockey_eq(m->key, m->tree->root))
		v = mw_scope_verdict(s, ev->parent_tgid);
	if (v != MW_IGNORED && s->config->discover)
		return true;
	t = v == MW_IGNORED ? mw_tree_split(s, m) : m->tree;
	if (t) {
		mw_scope_hide(s, t);
		mw_tree_let_go(s, t);
	}
	if (v == MW_IGNORED)
		release(s, ev->hdr.tgid);
	return false;
}

static bool on_fork(struct mw_scope *s, const struct mw_ev_fork *ev)
{
	struct mw_member *m = mw_member_get(s, mw_prockey_of(&ev->hdr)), *child;
	struct mw_prockey key = { ev->child_start_ns, ev->child_tgid };
	enum mw_tree_state state;

	if (!m)
		return on_stranger(s, &ev->hdr);
	state = m->tree->state;
	if (state == MW_TREE_OBSERVED) {
		(void)mw_scope_tag(s, ev->child_tgid, MW_TAG_OBSERVED, MW_TAG_CANDIDATE);
		(void)mw_member_new(s, m->tree, key, m->key);
		mw_scope_out(s, &ev->hdr);
		return false;
	}
	if (state == MW_TREE_GONE)
		(void)mw_scope_tag(s, ev->child_tgid, 0, MW_TAG_CANDIDATE);
	child = mw_member_new(s, m->tree, key, m->key);
	if (!child)
		(void)mw_scope_tag(s, ev->child_tgid, 0, MW_TAG_CANDIDATE);
	else if (state == MW_TREE_HELD)
		mw_member_set_on(s, child, m->on);
	return state == MW_TREE_HELD;
}

/* It stands behind the EXEC, FORK or PROC of the process, and is held with it. */
static bool on_runtime(struct mw_scope *s, const struct mw_event_hdr *h)
{
	struct mw_member *m = mw_member_get(s, mw_prockey_of(h));

	if (!m)
		return true; /* a listener */
	if (m->tree->state == MW_TREE_OBSERVED) {
		mw_scope_out(s, h);
		return false;
	}
	if (m->tree->state == MW_TREE_HELD)
		hold(s, m, h);
	return m->tree->state == MW_TREE_HELD;
}

static bool on_end(struct mw_scope *s, const struct mw_event_hdr *h)
{
	struct mw_prockey key = mw_prockey_of(h), *known = mw_scope_known(s, key);
	struct mw_member *m = mw_member_get(s, key);
	enum mw_tree_state state = m ? m->tree->state : MW_TREE_GONE;
	bool pass = true;

	mw_scope_ended(s, key);
	if (mw_prockey_eq(*known, key))
		*known = (struct mw_prockey){ 0 };
	if (m && state == MW_TREE_HELD) {
		hold(s, m, h);
	} else if (m && state == MW_TREE_OBSERVED && h->flags & MW_EVF_CANDIDATE) {
		mw_scope_out(s, h);
		pass = false;
	}
	if (m)
		mw_member_end(s, m);
	return pass;
}

/* A connect that its result will follow: it is to come out, or not, with the action. */
static void note_connect(struct mw_scope *s, struct mw_member *m, const struct mw_ev_act *ev)
{
	struct mw_pending *p, *old;
	int r;

	if (ev->op != MW_OP_CONNECT || ev->ret != -EINPROGRESS)
		return;
	p = malloc(sizeof(*p));
	if (!p)
		return;
	p->key = (struct mw_pending_key){ ev->chan, ev->gen };
	p->who = m->key;
	r = mw_table_put(s->pending, &p->key, p);
	if (r == -ENOSPC) {
		old = mw_table_oldest(s->pending);
		free(mw_table_remove(s->pending, &old->key));
		r = mw_table_put(s->pending, &p->key, p);
	}
	if (r < 0)
		free(p);
}

static bool on_act(struct mw_scope *s, const struct mw_ev_act *ev)
{
	struct mw_member *m = mw_member_get(s, mw_prockey_of(&ev->hdr));

	if (!m)
		return on_stranger(s, &ev->hdr);
	if (m->tree->state == MW_TREE_OBSERVED) {
		mw_scope_out(s, &ev->hdr);
	} else if (m->tree->state == MW_TREE_HELD) {
		hold(s, m, &ev->hdr);
		note_connect(s, m, ev);
	}
	return false;
}

static bool on_sock(struct mw_scope *s, const struct mw_ev_sock *ev)
{
	struct mw_pending_key key = { ev->chan, ev->gen };
	struct mw_pending *p =
	    mw_table_count(s->pending) ? mw_table_remove(s->pending, &key) : NULL;
	struct mw_member *m;
	bool pass = true;

	if (!p)
		return true;
	m = mw_member_get(s, p->who);
	if (m && m->tree->state == MW_TREE_HELD)
		hold(s, m, &ev->hdr);
	if (!m || m->tree->state != MW_TREE_OBSERVED)
		pass = false;
	free(p);
	return pass;
}

static void on_tick(struct mw_scope *s, const struct mw_event_hdr *h)
{
	mw_tree_tick(s, h->ts_ns);
	mw_scope_find_tick(s, h->ts_ns);
}

bool mw_scope_event(void *scope, const struct mw_event_hdr *h)
{
	const bool only = h->flags & MW_EVF_CANDIDATE;
	struct mw_scope *s = scope;

	if (s->later.head && h->type != MW_EV_PROC && h->type != MW_EV_USER)
		mw_hold_merge(&s->out, &s->later);
	switch (h->type) {
	case MW_EV_IO:
		return on_io(s, h);
	case MW_EV_EXEC:
		return !only || on_exec(s, (const struct mw_ev_proc *)h);
	case MW_EV_PROC:
		return !only || on_proc(s, (const struct mw_ev_proc *)h);
	case MW_EV_FORK:
		return !only || on_fork(s, (const struct mw_ev_fork *)h);
	case MW_EV_ACT:
		return !only || on_act(s, (const struct mw_ev_act *)h);
	case MW_EV_RUNTIME:
		return !only || on_runtime(s, (const void *)h);
	case MW_EV_EXIT:
		return on_end(s, h);
	case MW_EV_SOCK:
		return on_sock(s, (const struct mw_ev_sock *)h);
	case MW_EV_TICK:
		on_tick(s, h);
		return true;
	default:
		return true;
	}
}
