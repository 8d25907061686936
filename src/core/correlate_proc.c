/* SPDX-License-Identifier: Apache-2.0 */
/* correlate_proc.c - processes come and go: ancestry, and the ties that a child inherits */
#include "core/correlate_priv.h"

#include <errno.h>

static const char why_inherited[] =
    "done by a process that was started while several calls were open";
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
	tie->lost = s->given_up != 0;
	tie->why = why_inherited;
	return tie;
}

/* Gives a process the tie that being started by parent at ts_ns means. 0, -ENOMEM. */
static int judge(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_kin_node *parent,
		 uint64_t ts_ns)
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
	first = mw_corr_candidate(s, ts_ns, NULL);
	if (!first) {
		n->judged = true;
		return 0;
	}
	for (x = first; x; x = mw_corr_candidate(s, ts_ns, x)) {
		n_all++;
		n_open += x->open;
	}
	if (n_all == 1 && s->given_up == 0 && !first->doubted && !first->unconfirmed)
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
		    uint64_t ts_ns)
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
	return mw_kin_link(c->kin, n, up) ? judge(c, n, up, ts_ns) : 0;
}

int mw_correlate_push(struct mw_correlate *c, const struct mw_event_hdr *ev)
{
	const struct mw_ev_fork *fork = (const struct mw_ev_fork *)ev;
	const struct mw_ev_proc *proc = (const struct mw_ev_proc *)ev;
	struct mw_kin_node *n;

	switch (ev->type) {
	case MW_EV_FORK:
		return on_child(c, (struct mw_prockey){ fork->child_start_ns, fork->child_tgid },
				mw_prockey_of(ev), ev->ts_ns);
	case MW_EV_EXEC:
	case MW_EV_PROC:
		return on_child(c, mw_prockey_of(ev),
				(struct mw_prockey){ proc->parent_start_ns, proc->parent_tgid },
				ev->start_ns);
	case MW_EV_EXIT:
		n = mw_kin_get(c->kin, mw_prockey_of(ev));
		if (n)
			mw_kin_end(c->kin, n);
	}
	return 0;
}
