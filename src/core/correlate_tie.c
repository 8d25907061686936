/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: a claim on one call (argument, sole) is made only where every other call that was open
 * is known and excluded by the rule; else it is shared. Lineage repeats such a claim.
 */
#include "core/correlate_priv.h"

/* With more calls open on one server their arguments are not compared: it would cost too much. */
#define MATCH_MAX 256

static const char why_no_server[] = "the process belongs to no server";
static const char why_no_call[] = "no call was open on the server";
static const char why_older[] = "the process is older than every open call and no server";
static const char why_sole[] = "it was the only call open on the server";
static const char why_shared[] = "several calls were open on the server and nothing decides";
static const char why_lost[] = "another call open on the server could not be followed";
static const char why_doubted[] =
    "events were lost: which calls are open on the server is not known";
static const char why_unconfirmed[] =
    "it was the only call open on the server, as far as the server's own end shows";
static const char why_named_unconfirmed[] =
    "named in the arguments of this open call only, which only the server's own end shows";
static const char why_sent[] = "sent to the server, which was not seen to read it so far";
static const char why_argument[] = "named in the arguments of this open call only";
static const char why_several[] = "named in the arguments of several open calls";
static const char why_not_whole[] =
    "named in the arguments of one open call, but those of another are not known whole";
static const char why_habit[] = "the server does the same when no call is open";
static const char why_alike[] = "one call was open, and the server does the like when none is";
static const char why_elsewhere[] =
    "one call was open, and what the runtime shows of the task does not speak for it";
static const char why_settled[] =
    "done by a process, or one below it, that acted on what only this call's arguments name";

void mw_corr_put_one(struct mw_tie *tie, enum mw_link link, uint64_t call, const char *why)
{
	tie->link = link;
	tie->confidence = MW_CONF_LIKELY;
	tie->call = call;
	tie->why = why;
}

void mw_corr_put_shared(struct mw_tie *tie, const char *why)
{
	tie->link = MW_LINK_SHARED;
	tie->confidence = MW_CONF_SHARED;
	tie->why = why;
}

/* A count of the calls that name an action, one after the other. */
struct naming {
	struct mw_args_query query;
	bool ready;
	bool not_whole; /* a call that does not name it may do so in what is not known */
	bool doubted;	/* which calls there are is not known */
	size_t n;
	struct mw_corr_call *last;
};

static void naming_add(struct naming *m, const struct mw_action *act, struct mw_corr_call *x,
		       enum mw_args_hit least)
{
	const struct mw_args *args = x->first->args;

	if (!m->ready) {
		mw_args_query_init(&m->query, act);
		m->ready = true;
	}
	m->doubted |= x->doubted;
	if (args && mw_args_match(args, &m->query) >= least) {
		m->n++;
		m->last = x;
	} else if (!args || !mw_args_whole(args)) {
		m->not_whole = true;
	}
}

static void naming_init(struct naming *m)
{
	m->ready = m->not_whole = m->doubted = false;
	m->n = 0;
	m->last = NULL;
}

static void put_candidates(struct mw_tie *tie, const struct mw_kin_server *s, uint64_t ts_ns,
			   uint64_t born_ns)
{
	for (struct mw_corr_call *x = NULL; (x = mw_corr_candidate(s, ts_ns, x));) {
		if (mw_corr_since(x, ts_ns) > born_ns)
			continue;
		if (tie->n_candidates < MW_CANDIDATES_MAX)
			tie->candidates[tie->n_candidates] = x->id;
		tie->n_candidates++;
	}
}

/* By the calls that were sent to the server. */
static void tie_sent(const struct mw_kin_server *s, uint64_t born_ns, const struct mw_action *act,
		     struct mw_tie *tie)
{
	for (const struct mw_corr_call *x = s->sent.head; x; x = x->next) {
		if (x->begin_ns > born_ns || x->begin_ns > act->ts_ns)
			continue;
		if (tie->n_candidates < MW_CANDIDATES_MAX)
			tie->candidates[tie->n_candidates] = x->id;
		tie->n_candidates++;
	}
	if (!tie->n_candidates)
		return;
	mw_corr_put_shared(tie, why_sent);
	if (tie->n_candidates == 1)
		tie->sent = tie->candidates[0]; /* note leaves out doubted ones */
	tie->later = MW_LINK_SOLE;
}

/* By the calls open at the time. A process born before a call began is tied to it only by what the
 * call's arguments name exactly. */
static void tie_open(struct mw_correlate *c, const struct mw_kin_node *of, uint64_t born_ns,
		     const struct mw_action *act, struct mw_tie *tie)
{
	const struct mw_kin_server *s = of->server;
	const bool match = s->n_open <= MATCH_MAX;
	size_t n = 0, n_all = 0;
	struct mw_corr_call *one = NULL;
	enum mw_corr_habit habit;
	struct naming m;

	naming_init(&m);
	m.not_whole = s->given_up != 0;
	for (struct mw_corr_call *x = NULL; (x = mw_corr_candidate(s, act->ts_ns, x)); n_all++) {
		const bool young = mw_corr_since(x, act->ts_ns) <= born_ns;

		if (young) {
			n++;
			one = x;
		}
		if (match)
			naming_add(&m, act, x, young ? MW_ARGS_LOOSE : MW_ARGS_EXACT);
	}
	tie->several = n_all > 1;
	if (m.n == 1 && !m.not_whole && !m.doubted && !m.last->unconfirmed) {
		mw_corr_put_one(tie, MW_LINK_ARGUMENT, m.last->id, why_argument);
		return;
	}
	if (m.n == 0 && mw_corr_by_flow(c, of, act, false, tie))
		return;
	if (n == 0 && m.n == 0) {
		tie->why = n_all ? why_older : why_no_call;
		if (!n_all)
			tie_sent(s, born_ns, act, tie);
		if (!n_all && tie->link == MW_LINK_NONE && of->is_server)
			mw_corr_habit_note(of->server, act);
		return;
	}
	if (m.n == 1 && !m.not_whole && !m.doubted) {
		mw_corr_put_shared(tie, why_named_unconfirmed);
		tie->sent = m.last->id;
		tie->later = MW_LINK_ARGUMENT;
		put_candidates(tie, s, act->ts_ns, UINT64_MAX);
		return;
	}
	if (n == 1 && m.n == 0 && s->given_up == 0 && (one->doubted || one->unconfirmed)) {
		mw_corr_put_shared(tie, one->doubted ? why_doubted : why_unconfirmed);
		tie->sent = one->doubted ? 0 : one->id;
		tie->later = MW_LINK_SOLE;
		put_candidates(tie, s, act->ts_ns, born_ns);
		return;
	}
	habit = m.n == 0 && of->is_server ? mw_corr_habit(s, act) : MW_HABIT_NO;
	if (habit == MW_HABIT_SAME) {
		tie->elsewhere = true;
		tie->why = why_habit;
		return;
	}
	if (n == 1 && m.n == 0 && s->given_up == 0 && (habit || tie->elsewhere)) {
		mw_corr_put_shared(tie, habit ? why_alike : why_elsewhere);
		put_candidates(tie, s, act->ts_ns, born_ns);
		tie->elsewhere = true;
		return;
	}
	if (n == 1 && m.n == 0 && s->given_up == 0) {
		mw_corr_put_one(tie, MW_LINK_SOLE, one->id, why_sole);
		return;
	}
	if (m.n > 1)
		mw_corr_put_shared(tie, why_several);
	else if (m.n == 1)
		mw_corr_put_shared(tie, m.doubted ? why_doubted : why_not_whole);
	else
		mw_corr_put_shared(tie, n == 1 ? why_lost : why_shared);
	put_candidates(tie, s, act->ts_ns, m.n ? UINT64_MAX : born_ns);
}

bool mw_corr_had_ended(const struct mw_correlate *c, uint64_t call, uint64_t ts_ns)
{
	const struct mw_corr_call *x = mw_corr_call(c, call);

	/* what was done before the times that are known here was done before an end */
	for (; x; x = x->also)
		if (mw_corr_was_open(x, ts_ns) || ts_ns < mw_corr_since(x, 0))
			return false;
	return true;
}

/* By what the process inherited. */
static void tie_inherited(struct mw_correlate *c, struct mw_kin_node *n,
			  const struct mw_action *act, struct mw_tie *tie)
{
	const struct mw_kin_tie *was = n->tie;
	struct mw_kin_tie *settled;
	struct naming m;

	if (was->call) {
		mw_corr_put_one(tie, MW_LINK_LINEAGE, was->call, was->why);
		if (was->certain)
			tie->confidence = MW_CONF_CERTAIN;
		tie->by_runtime = was->by_runtime;
		tie->after = mw_corr_had_ended(c, was->call, act->ts_ns);
		return;
	}
	naming_init(&m);
	for (size_t i = 0; i < was->n && was->n_all == was->n && !was->lost; i++) {
		struct mw_corr_call *x = mw_corr_call(c, was->ids[i]);

		if (x)
			naming_add(&m, act, x, MW_ARGS_LOOSE);
	}
	if (m.n == 1 && !m.not_whole && !m.doubted) {
		mw_corr_put_one(tie, MW_LINK_ARGUMENT, m.last->id, why_argument);
		tie->after = mw_corr_had_ended(c, m.last->id, act->ts_ns);
		/* without memory it stays shared: less is said, nothing wrong */
		settled = mw_corr_tie_new(c, m.last, why_settled);
		if (settled) {
			mw_kin_set_tie(c->kin, n, settled);
			mw_kin_tie_unref(c->a, settled);
		}
		return;
	}
	if (mw_corr_by_flow(c, n, act, false, tie))
		return;
	mw_corr_put_shared(tie, was->why);
	tie->after = was->n_all == was->n && !was->lost;
	for (size_t i = 0; i < was->n; i++) {
		tie->candidates[i] = was->ids[i];
		if (tie->after && !mw_corr_had_ended(c, was->ids[i], act->ts_ns))
			tie->after = false;
	}
	tie->n_candidates = was->n_all;
}

static void tie_else(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		     struct mw_tie *tie)
{
	if (n->is_server)
		tie_open(c, n, UINT64_MAX, act, tie);
	else if (n->tie)
		tie_inherited(c, n, act, tie);
	else
		tie_open(c, n, n->judged ? 0 : n->key.start_ns, act, tie);
}

/* Whether an answer may yet say more of it. */
static bool waits(const struct mw_correlate *c, const struct mw_kin_node *n,
		  const struct mw_action *act, const struct mw_tie *tie)
{
	if (tie->confidence == MW_CONF_SHARED && tie->n_candidates > 1)
		return !tie->sent;
	if (tie->elsewhere && !tie->sent)
		return n->is_server && mw_corr_may_prove(n, act->task.id);
	if (!tie->call || tie->confidence != MW_CONF_LIKELY || tie->after)
		return false;
	if (n->is_server)
		return mw_corr_may_prove(n, act->task.id);
	return n->tie && mw_corr_may_prove(mw_kin_get(c->kin, n->server->key), n->tie->task);
}

int mw_correlate_act(struct mw_correlate *c, const struct mw_action *act, struct mw_tie *ret)
{
	struct mw_kin_node *n = mw_kin_get(c->kin, act->proc);

	ret->link = MW_LINK_NONE;
	ret->confidence = MW_CONF_NONE;
	ret->call = 0;
	ret->n_candidates = 0;
	ret->sent = 0;
	ret->excluded = false;
	ret->after = ret->several = ret->by_runtime = ret->pending = ret->elsewhere = false;
	ret->why = why_no_server;
	ret->server = (struct mw_prockey){ 0, 0 };
	if (!n || !n->server)
		return 0;
	ret->server = n->server->key;
	if (mw_corr_by_task(c, n, act, ret))
		ret->excluded = ret->link == MW_LINK_NONE;
	else if (!mw_corr_by_flow(c, n, act, true, ret))
		tie_else(c, n, act, ret);
	ret->pending = waits(c, n, act, ret);
	return 0;
}
