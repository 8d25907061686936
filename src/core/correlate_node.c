/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_node.c - the graph of libuv's requests: from the read that brought a call to its answer
 *
 * What a callback submits comes of it. A continuation that waits for another call's (a queue, a
 * lock, a shared promise) runs in that one's callback, and then the graph shows the other's line.
 * So while calls overlap a line makes no more than `likely`, until all the others have ended on
 * lines of their own; and a server where one did not is never sure again (`entangled`).
 */
#include "core/correlate_priv.h"

/* Of one answer's line, and of what hangs from it. */
#define STEPS_MAX 65536

static const char why_below[] =
    "done in what the read that brought this call's request, and nothing else, set going";
static const char why_late[] = "done in what this call's request set going, after its answer";
static const char why_line[] =
    "on the unbroken line of requests from the read of this call's request to its answer";
static const char why_beside[] =
    "submitted on the unbroken line of requests from the read of this call's request to its answer";
static const char why_order[] =
    "the line of requests that ends in this call's answer; a timer or the "
    "like breaks it before the request";
static const char why_entangled[] =
    "its line of requests ends in the answer of a call that another "
    "line brought";

/* One request, one callback: what it is called back for is what was submitted. */
static bool is_strict(uint32_t kind)
{
	return kind == MW_TASK_FS || kind == MW_TASK_WORK || kind == MW_TASK_WRITE ||
	       kind == MW_TASK_EXIT || kind == MW_TASK_CLOSE;
}

void mw_corr_node_edge(struct mw_corr_mind *m, const struct mw_ev_task *ev)
{
	struct mw_corr_task *t = mw_corr_task(m, ev->child, ev->hdr.task), *up;

	if (!t || t->first_ns)
		return;
	t->first_ns = ev->hdr.ts_ns;
	t->strict = is_strict(ev->kind);
	up = t->up;
	if (!up)
		return;
	t->root = up->read_ns || !up->root ? up->id : up->root;
	if (!up->read_ns)
		t->strict &= up->strict || !up->up;
}

/* The read that all this came of, or NULL. */
static struct mw_corr_task *root_of(const struct mw_corr_mind *m, struct mw_corr_task *t)
{
	struct mw_corr_task *root = t->read_ns ? t : mw_corr_task_get(m, t->root);

	return root && root->read_ns ? root : NULL;
}

static bool is_sure(const struct mw_corr_call *x)
{
	return !x->doubted && !x->unconfirmed && !x->server->given_up;
}

bool mw_corr_by_node(struct mw_correlate *c, struct mw_kin_node *n, struct mw_task task,
		     uint64_t ts_ns, struct mw_tie *tie)
{
	struct mw_kin_server *s = n->server;
	struct mw_corr_mind *m = mw_corr_mind(c, s);
	struct mw_corr_task *t = mw_corr_task(m, task.id, 0), *root;
	struct mw_corr_call *x, *other = NULL;

	root = t ? root_of(m, t) : NULL;
	if (!root || !root->read_call || root->many || (t->answer && t->answer != root->read_call))
		return false;
	x = mw_corr_place(mw_corr_call(c, root->read_call), s);
	if (x && (x->unconfirmed || ts_ns < x->begin_ns))
		return false;
	while ((other = mw_corr_candidate(s, ts_ns, other)) && other == x)
		;
	tie->several = other || s->sent.head;
	tie->after = !x || !mw_corr_was_open(x, ts_ns);
	if (t->tangled || (tie->after && tie->several)) {
		tie->after = false;
		tie->elsewhere = true;
		return false; /* what waited for it may go on here */
	}
	mw_corr_put_one(tie, MW_LINK_CAUSAL, root->read_call, tie->after ? why_late : why_below);
	tie->by_runtime = true;
	if (!tie->several && !tie->after && !m->entangled && (t == root || t->strict) && is_sure(x))
		tie->confidence = MW_CONF_CERTAIN;
	return true;
}

/* Whether every call that overlapped it has ended on a line of its own. */
static bool others_are_clean(const struct mw_corr_call *x)
{
	const struct mw_kin_server *s = x->server;

	if (s->sent.head || s->given_up)
		return false;
	for (const struct mw_corr_call *y = s->open.head; y; y = y->next)
		if (y != x)
			return false;
	for (const struct mw_corr_call *y = s->closed.head; y; y = y->next)
		if (y != x && y->end_ns >= x->begin_ns && !y->clean)
			return false;
	return !x->others_went;
}

/* The line from an answer up to a read, or to where it is known no more. False: too long. */
static bool walk(struct mw_corr_task *from, struct mw_corr_task **ret_top, bool *ret_strict)
{
	struct mw_corr_task *t = from;

	*ret_strict = true;
	for (int i = 0; i < STEPS_MAX; i++) {
		if (t->read_ns || !t->up) {
			*ret_top = t;
			return true;
		}
		*ret_strict &= t->strict;
		t = t->up;
	}
	return false;
}

/* Another line's claim of what stands on this one does not hold. */
static void on_entangled(struct mw_corr_mind *m, struct mw_corr_task *t,
			 const struct mw_corr_task *top, const struct mw_corr_call *x)
{
	m->entangled = true;
	for (int i = 0; t != top && i < STEPS_MAX && (!t->answer || t->answer == x->id);
	     i++, t = t->up) {
		t->tangled = true;
		for (struct mw_claim *cl = t->claims; cl; cl = cl->task_next)
			if (cl->lean && cl->lean != x->first && !cl->proven)
				mw_claim_lean(cl, NULL, MW_LINK_SHARED, MW_CONF_SHARED, false,
					      why_entangled);
	}
}

void mw_corr_node_answer(struct mw_corr_mind *m, struct mw_corr_call *x, uint64_t task,
			 uint64_t ts_ns)
{
	struct mw_corr_task *from = mw_corr_task(m, task, 0), *top, *t, *below;
	enum mw_confidence confidence = MW_CONF_LIKELY;
	bool strict, alone, whole, into = true;

	if (!from || !walk(from, &top, &strict))
		return;
	whole = top->read_ns && top->id == x->read_task;
	if (top->read_ns && !whole) {
		on_entangled(m, from, top, x);
		return;
	}
	if (!whole && top->first_ns < x->begin_ns)
		return; /* older than the request: it came of something else */
	alone = whole && top->read_call == x->id && !top->many;
	if (whole && strict && !m->entangled && is_sure(x) && others_are_clean(x))
		confidence = MW_CONF_CERTAIN;
	/* the line itself, and below it its topmost request that is of this call only */
	below = alone || !whole ? top : NULL;
	for (t = from; t; t = t == top ? NULL : t->up) {
		if (t->up == top && !below)
			below = t;
		if ((t == top && whole && !alone) || (t->answer && t->answer != x->id))
			continue;
		t->answer = x->id;
		m->works |=
		    mw_corr_prove_task(t, x, 0, ts_ns, whole ? MW_LINK_CAUSAL : MW_LINK_ORDER,
				       confidence, whole ? why_line : why_order) != 0;
	}
	x->clean = whole;
	x->first->proven |= whole;
	for (t = below; t; t = mw_corr_task_below(t, below, into)) {
		into = t == below ||
		       (!t->read_ns && !t->tangled && (!t->answer || t->answer == x->id));
		if (into && t->answer != x->id)
			mw_corr_prove_task(t, x, 0, ts_ns, whole ? MW_LINK_CAUSAL : MW_LINK_ORDER,
					   confidence, whole ? why_beside : why_order);
	}
}
