/* SPDX-License-Identifier: Apache-2.0 */
/* correlate_proc.c - processes come and go: ancestry, and the ties that a child inherits */
#include "core/correlate_priv.h"

#include <errno.h>

static const char why_inherited[] =
    "done by a process that was started while several calls were open";
static const char why_started[] =
    "done by a process, or one below it, that this call's task started";
static const char why_lineage[] =
    "done by a process that was started while only this call was open, or by one below it";

struct mw_kin_tie *mw_corr_tie_new(const struct mw_correlate *c, const struct mw_corr_call *call,
				   const char *why)
{
	struct mw_kin_tie *tie = mw_kin_tie_new(c->a, call->server->key, 0);

	if (!tie)
		return NULL;
	tie->call = call->id;
	tie->why = why;
	tie->ts_ns = mw_corr_since(call, 0);
	return tie;
}

static struct mw_kin_tie *tie_to_all(struct mw_correlate *c, const struct mw_kin_server *s,
				     uint64_t ts_ns, size_t n_all)
{
	size_t n = n_all < MW_CANDIDATES_MAX ? n_all : MW_CANDIDATES_MAX, i = 0;
	struct mw_kin_tie *tie = mw_kin_tie_new(c->a, s->key, n);

	if (!tie)
		return NULL;
	for (struct mw_corr_call *x = NULL; i < n && (x = mw_corr_candidate(s, ts_ns, x));)
		tie->ids[i++] = x->id;
	tie->n_all = n_all;
	tie->ts_ns = ts_ns;
	tie->lost = s->given_up != 0;
	tie->why = why_inherited;
	return tie;
}

/* To the calls that are this one's candidates. */
static struct mw_kin_tie *tie_to_some(struct mw_correlate *c, const struct mw_kin_server *s,
				      uint64_t ts_ns, const struct mw_tie *by)
{
	struct mw_kin_tie *tie = mw_kin_tie_new(c->a, s->key, by->n_candidates);

	if (!tie)
		return NULL;
	for (size_t i = 0; i < by->n_candidates; i++)
		tie->ids[i] = by->candidates[i];
	tie->n_all = by->n_candidates;
	tie->ts_ns = ts_ns;
	tie->lost = s->given_up != 0;
	tie->why = by->why;
	return tie;
}

/* By the runtime's task that started it: 1 decided, or kept as the task's until that is; 0 the task
 * says nothing; -ENOMEM. */
static int judge_by_task(struct mw_correlate *c, struct mw_kin_node *n, struct mw_kin_node *parent,
			 struct mw_task task, uint64_t ts_ns)
{
	struct mw_kin_server *s = n->server;
	const struct mw_action started = { .task = task, .ts_ns = ts_ns }; /* names nothing */
	struct mw_tie by = { .link = MW_LINK_NONE };
	const bool known = mw_corr_by_task(c, parent, &started, &by);
	struct mw_corr_call *x = NULL;
	struct mw_corr_task *t = NULL;
	struct mw_kin_tie *tie;
	size_t n_all = 0;

	if (known && !by.call && by.link == MW_LINK_NONE) {
		n->judged = true;
		return 1;
	}
	if (known && by.link == MW_LINK_SHARED && parent->rt_kind == MW_RT_PYTHON &&
	    by.n_candidates > 1 && by.n_candidates <= MW_CANDIDATES_MAX) {
		tie = tie_to_some(c, s, ts_ns, &by);
		if (!tie)
			return -ENOMEM;
		mw_kin_set_tie(c->kin, n, tie);
		mw_kin_tie_unref(c->a, tie);
		n->judged = true;
		return 1;
	}
	while ((x = mw_corr_candidate(s, ts_ns, x)))
		n_all++;
	if (!(known && by.confidence == MW_CONF_CERTAIN) && mw_corr_may_prove(parent, task.id) &&
	    n_all)
		t = mw_corr_task(mw_corr_mind(c, s), task.id, 0);
	if (!(known && by.call) && !t)
		return 0;
	tie = tie_to_all(c, s, ts_ns, n_all);
	if (!tie)
		return -ENOMEM;
	x = mw_corr_candidate(s, ts_ns, NULL);
	if (known) {
		tie->call = by.call;
		tie->certain = by.confidence == MW_CONF_CERTAIN;
		tie->by_runtime = true;
		tie->why = why_started;
	} else if (n_all == 1 && !s->given_up && !x->doubted && !x->unconfirmed) {
		tie->call = x->id;
		tie->why = why_lineage;
	}
	if (t) {
		tie->task = task.id;
		tie->next = t->forks;
		t->forks = tie;
		tie->refs++;
	}
	mw_kin_set_tie(c->kin, n, tie);
	mw_kin_tie_unref(c->a, tie);
	n->judged = true;
	return 1;
}

/* Whether a process without a tie is older than every open call: what it starts may be for one of
 * them, or for none. */
static bool is_older(const struct mw_kin_server *s, const struct mw_kin_node *n, uint64_t ts_ns)
{
	const uint64_t born_ns = n->judged ? 0 : n->key.start_ns;

	for (struct mw_corr_call *x = NULL; (x = mw_corr_candidate(s, ts_ns, x));)
		if (mw_corr_since(x, ts_ns) <= born_ns)
			return false;
	return true;
}

/* Gives a process the tie that being started by parent at ts_ns means. 0, -ENOMEM. */
static int judge(struct mw_correlate *c, struct mw_kin_node *n, struct mw_kin_node *parent,
		 struct mw_task task, uint64_t ts_ns)
{
	struct mw_kin_server *s = n->server;
	struct mw_kin_tie **keep = NULL, *tie;
	struct mw_corr_call *first, *x;
	size_t n_all = 0, n_open = 0;

	if (!s || n->is_server || n->tie)
		return 0;
	if (parent->tie) {
		mw_kin_set_tie(c->kin, n, parent->tie);
		n->judged = true;
		return 0;
	}
	if (parent->is_server && parent->rt_reads) {
		int r = judge_by_task(c, n, parent, task, ts_ns);

		if (r)
			return r < 0 ? r : 0;
	}
	first = mw_corr_candidate(s, ts_ns, NULL);
	if (!first) {
		n->judged = true;
		return 0;
	}
	for (x = first; x; x = mw_corr_candidate(s, ts_ns, x)) {
		n_all++;
		n_open += x->open;
	}
	if (n_all == 1 && s->given_up == 0 && !first->doubted && !first->unconfirmed &&
	    (parent->is_server || !is_older(s, parent, ts_ns)))
		keep = &first->tie;
	else if (n_all == n_open && n_open == s->n_open)
		keep = &s->tie;
	if (keep && *keep) {
		mw_kin_set_tie(c->kin, n, *keep);
		n->judged = true;
		return 0;
	}
	tie = keep == &first->tie ? mw_corr_tie_new(c, first, why_lineage)
				  : tie_to_all(c, s, ts_ns, n_all);
	if (!tie)
		return -ENOMEM;
	mw_kin_set_tie(c->kin, n, tie);
	n->judged = true;
	if (keep)
		*keep = tie;
	else
		mw_kin_tie_unref(c->a, tie);
	return 0;
}

static int on_child(struct mw_correlate *c, struct mw_prockey child, struct mw_prockey parent,
		    struct mw_task task, uint64_t ts_ns)
{
	struct mw_kin_node *n, *up;
	int r;

	if (mw_prockey_none(child) || mw_prockey_none(parent) || mw_prockey_eq(child, parent))
		return 0;
	r = mw_kin_note(c->kin, parent, NULL, &up);
	if (r < 0)
		return r;
	r = mw_kin_note(c->kin, child, up, &n);
	if (r < 0)
		return r;
	return mw_kin_link(c->kin, n, up) ? judge(c, n, up, task, ts_ns) : 0;
}

/* Who came of whom is learned from all that a task does. */
static int on_task(struct mw_correlate *c, const struct mw_event_hdr *ev)
{
	struct mw_kin_node *n = mw_kin_get(c->kin, mw_prockey_of(ev));
	struct mw_corr_task *t;

	if (ev->type == MW_EV_TASK && n && n->is_server && n->rt_kind == MW_RT_NODE && n->rt_reads)
		mw_corr_node_edge(mw_corr_mind(c, n->server), (const struct mw_ev_task *)ev);
	if (!n || !n->is_server || n->rt_kind != MW_RT_GO || !n->rt_reads)
		return 0;
	if (!ev->task)
		return 0;
	t = mw_corr_task(mw_corr_mind(c, n->server), ev->task, n->rt_exact ? ev->task_of : 0);
	if (!t)
		return -ENOMEM;
	if (!t->first_ns)
		t->first_ns = ev->ts_ns;
	return 0;
}

uint32_t mw_correlate_runtime(const struct mw_correlate *c, struct mw_prockey proc)
{
	const struct mw_kin_node *n = mw_kin_get(c->kin, proc);

	return n && n->rt_reads ? n->rt_kind : MW_RT_NONE;
}

static int on_runtime(struct mw_correlate *c, const struct mw_ev_runtime *ev)
{
	struct mw_kin_node *n;
	int r = mw_kin_note(c->kin, mw_prockey_of(&ev->hdr), NULL, &n);

	if (r < 0)
		return r;
	n->rt_kind = (uint8_t)ev->kind;
	n->rt_reads = ev->reads;
	n->rt_exact = ev->exact;
	return 0;
}

int mw_correlate_push(struct mw_correlate *c, const struct mw_event_hdr *ev)
{
	const struct mw_ev_fork *fork = (const struct mw_ev_fork *)ev;
	const struct mw_ev_proc *proc = (const struct mw_ev_proc *)ev;
	struct mw_kin_node *n;

	switch (ev->type) {
	case MW_EV_FORK:
		return on_child(c, (struct mw_prockey){ fork->child_start_ns, fork->child_tgid },
				mw_prockey_of(ev), mw_task_of(ev), ev->ts_ns);
	case MW_EV_EXEC:
		n = mw_kin_get(c->kin, mw_prockey_of(ev));
		if (n) {
			n->rt_kind = MW_RT_NONE;
			n->rt_reads = n->rt_exact = false;
		}
		__attribute__((fallthrough));
	case MW_EV_PROC:
		return on_child(c, mw_prockey_of(ev),
				(struct mw_prockey){ proc->parent_start_ns, proc->parent_tgid },
				(struct mw_task){ 0 }, ev->start_ns);
	case MW_EV_IO:
	case MW_EV_ACT:
	case MW_EV_TASK:
		return on_task(c, ev);
	case MW_EV_RUNTIME:
		return on_runtime(c, (const struct mw_ev_runtime *)ev);
	case MW_EV_EXIT:
		n = mw_kin_get(c->kin, mw_prockey_of(ev));
		if (n)
			mw_kin_end(c->kin, n);
	}
	return 0;
}
