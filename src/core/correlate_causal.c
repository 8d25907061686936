/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_causal.c - what a runtime's tasks say: whose an effect is, by whose answer
 *
 * Invariant: `certain` is said only of a call whose whole time was seen (no events lost), that the
 * client confirmed, and where no other call of the server had to be given up.
 */
#include "core/correlate_priv.h"

static const char why_id[] = "done in the context of the request with this call's id";
static const char why_id_weak[] =
    "done in the context of the request with this call's id, but events were lost or another call "
    "could not be followed";
static const char why_id_second[] =
    "done in the context of a request with this call's id, but not in the one seen first";
static const char why_id_unconfirmed[] =
    "done in the context of the request with this call's id, which only the server's own end shows";
static const char why_ids[] =
    "done in the context of a request whose id several calls have, of different sessions";
static const char why_id_seen[] =
    "done in a request's context that belonged to this call before, and whose id several have";
static const char why_id_again[] =
    "done in the context of a request with this call's id, which one that ended before had, too";
static const char why_id_after[] = "done in this call's context after its answer";
static const char why_id_ended[] =
    "done in a request's context whose id several calls have had that have ended";
static const char why_no_request[] = "the task serves no request";
static const char why_reader[] =
    "done by the goroutine that read this call's request and nothing else";
static const char why_writer[] = "done by the goroutine that then wrote this call's answer";
static const char why_after[] = "done by the goroutine that had written this call's answer, later";
static const char why_idle[] =
    "the goroutine is older than every open call and acted when none was open";
static const char why_contrary[] = "equally strong evidence ties it to several calls";

bool mw_corr_may_prove(const struct mw_kin_node *n, uint64_t task)
{
	return n && n->rt_reads && task && (n->rt_kind == MW_RT_GO || n->rt_kind == MW_RT_NODE);
}

static bool is_sure(const struct mw_corr_call *x, const struct mw_kin_server *s)
{
	return !x->doubted && !x->unconfirmed && !s->given_up;
}

void mw_corr_prove(struct mw_claim *cl, struct mw_corr_call *call, enum mw_link link,
		   enum mw_confidence confidence, const char *why)
{
	if (cl->torn || (cl->proven && confidence < cl->confidence))
		return;
	if (cl->proven && cl->lean && cl->lean != call->first && cl->confidence == confidence) {
		cl->torn = true;
		mw_claim_lean(cl, NULL, MW_LINK_SHARED, MW_CONF_SHARED, false, why_contrary);
		return;
	}
	if (cl->proven && cl->lean == call->first && cl->confidence >= confidence)
		return;
	cl->proven = true;
	mw_claim_lean(cl, call, link, confidence, true, why);
	mw_corr_flow_decided(cl);
}

/* --- Python: the context says the id -------------------------------------------------------------
 */

static bool has_id(const struct mw_corr_call *x, struct mw_task task)
{
	const struct mw_corr_id *id = &x->first->rpc;

	if (!id->known)
		return false;
	return task.flags & MW_EVF_ID_STR ? id->hash == task.of : id->is_int && id->num == task.of;
}

static struct mw_corr_task *remember(struct mw_correlate *c, struct mw_kin_node *n,
				     struct mw_task task, uint64_t call)
{
	struct mw_corr_task *t = mw_corr_task(mw_corr_mind(c, n->server), task.id, 0);

	if (t) { /* without memory only what comes after the answer is less known */
		t->call = call;
		t->of = task.of;
	}
	return t;
}

/* The call that has this id, of those that are open; how many have. */
static size_t with_id(const struct mw_kin_server *s, struct mw_task task, uint64_t ts_ns,
		      struct mw_tie *tie, struct mw_corr_call **one)
{
	size_t n = 0;

	for (struct mw_corr_call *x = NULL; (x = mw_corr_candidate(s, ts_ns, x));) {
		tie->several = x != s->open.head || x->next;
		if (!has_id(x, task))
			continue;
		if (n < MW_CANDIDATES_MAX)
			tie->candidates[n] = x->id;
		n++;
		*one = x;
	}
	for (struct mw_corr_call *x = s->sent.head; x; x = x->next) {
		if (!has_id(x, task) || x->begin_ns > ts_ns)
			continue;
		if (n < MW_CANDIDATES_MAX)
			tie->candidates[n] = x->id;
		n++;
	}
	return n;
}

/* In the context of a request that no open call has. */
static bool by_past(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		    const struct mw_corr_task *t, struct mw_tie *tie)
{
	const struct mw_kin_server *s = n->server;
	const struct mw_corr_past *p = mw_corr_past(s->mind, act->task);
	const bool own = t && t->call && t->of == act->task.of;
	size_t near = p ? mw_corr_past_near(p, act->ts_ns, tie->candidates) : 0;
	uint64_t call = near == 1 ? tie->candidates[0] : p && p->n == 1 ? p->of[0].call : 0;

	if (!p && !own) {
		tie->elsewhere = s->mind->agrees && !s->sent.head;
		return false;
	}
	if (!own && !s->mind->agrees)
		return false;
	s->mind->late = true;
	if (own && (near <= 1 || t->call == p->of[0].call))
		call = t->call;
	if (!call && near && near <= MW_PAST_KEPT) {
		mw_corr_put_shared(tie, why_id_ended);
		tie->n_candidates = near;
		tie->by_runtime = tie->after = true;
		return true;
	}
	if (!call) {
		tie->why = why_id_ended;
		return true;
	}
	mw_corr_put_one(tie, MW_LINK_CAUSAL, call, why_id_after);
	tie->by_runtime = tie->after = true;
	if (own && p && p->n == 1 && !s->mind->past_went && !s->n_open && !s->sent.head &&
	    !s->given_up)
		tie->confidence = MW_CONF_CERTAIN;
	remember(c, n, act->task, call);
	return true;
}

/*
 * Whether what is done with the id of an open call may be done by a task that a call of another
 * session has left behind, and what is known then: true, the tie is said.
 */
static bool by_either(struct mw_corr_mind *m, const struct mw_action *act, struct mw_corr_call *x,
		      const struct mw_corr_task *t, struct mw_tie *tie, bool *doubtful)
{
	const struct mw_corr_past *p = mw_corr_past(m, act->task);
	struct mw_args_query q;
	size_t near;

	*doubtful = false;
	if (!p || p->of[0].call == x->id)
		return false;
	near = mw_corr_past_near(p, x->begin_ns, tie->candidates);
	if (!near && !m->late)
		return false;
	/* an address is no more than a host, which many calls name */
	mw_args_query_init(&q, act);
	if (!act->peer.family && x->first->args &&
	    mw_args_match(x->first->args, &q) == MW_ARGS_EXACT)
		return false;
	*doubtful = true;
	if (!near || !m->late || near > MW_PAST_KEPT || (t && t->call == x->id))
		return false;
	tie->candidates[near] = x->id;
	tie->n_candidates = near + 1;
	tie->by_runtime = true;
	mw_corr_put_shared(tie, why_id_again);
	return true;
}

static bool by_python(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		      struct mw_tie *tie)
{
	const struct mw_kin_server *s = n->server;
	const struct mw_task task = act->task;
	struct mw_corr_mind *m = mw_corr_mind(c, n->server);
	struct mw_corr_call *x = NULL;
	struct mw_corr_task *t;
	bool doubtful;
	size_t n_with;

	if (!m)
		return false;
	if (task.flags & MW_EVF_NO_REQUEST) {
		tie->why = why_no_request;
		return m->variable;
	}
	if (!(task.flags & (MW_EVF_ID_INT | MW_EVF_ID_STR))) {
		/* a thread of its own, maybe, where all that serve requests say so */
		tie->elsewhere = m->variable;
		return false;
	}
	m->variable = true;
	n_with = with_id(s, task, act->ts_ns, tie, &x);
	t = mw_corr_task_get(m, task.id);
	if (n_with == 1 && x && x->unconfirmed) {
		mw_corr_put_shared(tie, why_id_unconfirmed);
		tie->n_candidates = 1;
		tie->by_runtime = true;
		tie->sent = x->id;
		tie->later = MW_LINK_CAUSAL;
		return true;
	}
	if (n_with == 1 && x) {
		m->agrees = true;
		if (by_either(m, act, x, t, tie, &doubtful))
			return true;
		mw_corr_put_one(tie, MW_LINK_CAUSAL, x->id, why_id);
		tie->by_runtime = true;
		if (!x->context)
			x->context = task.id;
		if (!is_sure(x, s))
			tie->why = why_id_weak;
		else if (doubtful)
			tie->why = why_id_again;
		else if (x->context != task.id)
			tie->why = why_id_second;
		else
			tie->confidence = MW_CONF_CERTAIN;
		remember(c, n, task, x->id);
		return true;
	}
	for (size_t i = 0; t && n_with > 1 && i < n_with && i < MW_CANDIDATES_MAX; i++)
		if (t->call == tie->candidates[i]) {
			mw_corr_put_one(tie, MW_LINK_CAUSAL, t->call, why_id_seen);
			tie->by_runtime = true;
			return true;
		}
	if (n_with > 1) {
		mw_corr_put_shared(tie, why_ids);
		tie->n_candidates = n_with;
		tie->by_runtime = true;
		return true;
	}
	return by_past(c, n, act, t, tie);
}

/* --- Go: who reads and who answers ---------------------------------------------------------------
 */

static bool put_go(struct mw_tie *tie, const struct mw_kin_node *n, const struct mw_corr_call *x,
		   const char *why)
{
	if (x->unconfirmed)
		return false;
	mw_corr_put_one(tie, MW_LINK_CAUSAL, x->id, why);
	tie->by_runtime = true;
	if (n->rt_exact && is_sure(x, n->server))
		tie->confidence = MW_CONF_CERTAIN;
	return true;
}

static bool by_go(struct mw_correlate *c, struct mw_kin_node *n, struct mw_task task,
		  uint64_t ts_ns, struct mw_tie *tie)
{
	struct mw_kin_server *s = n->server;
	struct mw_corr_task *t =
	    mw_corr_task(mw_corr_mind(c, s), task.id, n->rt_exact ? task.of : 0);
	struct mw_corr_call *x, *any = mw_corr_candidate(s, ts_ns, NULL);

	if (!t)
		return false;
	if (!t->first_ns)
		t->first_ns = ts_ns;
	if (t->answer && ts_ns > t->from_ns && ts_ns <= t->answer_ns) {
		x = mw_corr_place(mw_corr_call(c, t->answer), s);
		if (x && mw_corr_was_open(x, ts_ns))
			return put_go(tie, n, x, why_writer);
	}
	if (t->read_call && ts_ns >= t->read_ns && t->read_ns > t->answer_ns) {
		x = mw_corr_place(mw_corr_call(c, t->read_call), s);
		if (x && mw_corr_was_open(x, ts_ns))
			return put_go(tie, n, x, why_reader);
	}
	if (!any && !s->sent.head) {
		if (t->own && ts_ns > t->answer_ns) {
			mw_corr_put_one(tie, MW_LINK_CAUSAL, t->answer, why_after);
			tie->by_runtime = tie->after = true;
			return true;
		}
		t->idle |= s->mind->asked;
		return false;
	}
	/* a task of its own, as old as the process's work without calls */
	if (any && n->rt_exact && t->idle && !t->read_ns && !t->answer) {
		for (x = any; x; x = mw_corr_candidate(s, ts_ns, x))
			if (mw_corr_since(x, ts_ns) <= t->first_ns)
				return false;
		tie->why = why_idle;
		return true;
	}
	return false;
}

/* --- all of them ---------------------------------------------------------------------------------
 */

bool mw_corr_by_task(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		     struct mw_tie *tie)
{
	const struct mw_task task = act->task;

	if (!n->rt_reads || !n->is_server)
		return false;
	switch (n->rt_kind) {
	case MW_RT_PYTHON:
		return by_python(c, n, act, tie);
	case MW_RT_GO:
		return task.id && by_go(c, n, task, act->ts_ns, tie);
	case MW_RT_NODE:
		return task.id && mw_corr_by_node(c, n, task, act->ts_ns, tie);
	}
	return false;
}
