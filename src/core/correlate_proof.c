/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_proof.c - what the server's own reads and writes prove of what its tasks did
 *
 * Invariant: a proof names effects of an interval only that the task spent on this one call: since
 * its answer before, or since the read that brought this call and nothing else.
 */
#include "core/correlate_priv.h"

#include <errno.h>

/* Tasks below one that are looked at for one answer. */
#define BELOW_MAX 65536

static const char why_writer[] = "done by the goroutine that then wrote this call's answer";
static const char why_address[] = "done by the goroutine that then wrote this call's answer, known "
				  "by the place of its memory only";
static const char why_below[] = "done by a goroutine started while this call ran, by the one that "
				"wrote its answer or one below it";
static const char why_started[] =
    "done by a process, or one below it, that this call's task started";
static const char why_started_below[] =
    "done by a process, or one below it, that a task below this call's had started";

/* --- the ids of requests ------------------------------------------------------------------------
 */

static uint64_t fnv(struct mw_slice s)
{
	uint64_t h = MW_ID_HASH_INIT;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * MW_ID_HASH_MUL;
	return h;
}

/* Only as they are nearly always written: no fraction, no exponent, no sign of plus, no leading
 * zero. Python's str of such a number is its own digits. */
static bool number_of(struct mw_slice s, uint64_t *ret)
{
	const bool minus = s.n && s.p[0] == '-';
	uint64_t v = 0;

	if (minus)
		s = mw_slice_from(s, 1);
	if (s.n == 0 || s.n > 18 || (s.p[0] == '0' && (s.n > 1 || minus)))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = minus ? 0 - v : v;
	return true;
}

static struct mw_corr_id id_of(struct mw_slice raw)
{
	struct mw_corr_id id = { .known = false };

	if (raw.n >= 2 && raw.p[0] == '"') {
		raw = mw_slice_inside(raw);
		/* an escaped one is compared by nobody: it is then less known, not wrong */
		id.known = raw.n && raw.n <= MW_ID_MAX && !memchr(raw.p, '\\', raw.n);
	} else {
		id.known = number_of(raw, &id.num);
	}
	if (!id.known)
		return id;
	id.is_int = number_of(raw, &id.num);
	id.hash = fnv(raw);
	return id;
}

/* --- reads ---------------------------------------------------------------------------------------
 */

static struct mw_kin_node *server_node(const struct mw_correlate *c, struct mw_prockey proc)
{
	struct mw_kin_node *n = mw_kin_get(c->kin, proc);

	return n && n->is_server ? n : NULL;
}

void mw_correlate_moved(struct mw_correlate *c, const struct mw_sight *read)
{
	struct mw_kin_node *n = server_node(c, read->proc);
	struct mw_corr_task *t;

	if (!n || !mw_corr_may_prove(n, read->task.id))
		return;
	t = mw_corr_task(mw_corr_mind(c, n->server), read->task.id,
			 n->rt_kind == MW_RT_GO && n->rt_exact ? read->task.of : 0);
	if (!t || read->end_ns <= t->read_ns)
		return;
	t->many |= t->read_ns != 0;
	t->read_ns = read->end_ns;
	t->read_call = 0;
	t->own = false;
}

void mw_correlate_brought(struct mw_correlate *c, uint64_t call, const struct mw_sight *read,
			  struct mw_slice rpc_id)
{
	struct mw_corr_call *first = mw_corr_call(c, call), *x;
	struct mw_kin_node *n = read->seen ? server_node(c, read->proc) : NULL;
	struct mw_corr_mind *m;
	struct mw_corr_task *t;

	if (!first)
		return;
	first->rpc = id_of(rpc_id);
	x = n ? mw_corr_place(first, n->server) : NULL;
	m = x ? mw_corr_mind(c, n->server) : NULL;
	if (!m)
		return;
	m->asked = true;
	x->read_task = read->task.id;
	x->read_ns = read->end_ns;
	x->read_alone = read->alone;
	if (!mw_corr_may_prove(n, read->task.id))
		return;
	mw_correlate_moved(c, read);
	t = mw_corr_task_get(m, read->task.id);
	if (t && t->read_ns == read->end_ns && read->alone &&
	    !(t->many && n->rt_kind == MW_RT_NODE))
		t->read_call = call;
}

/* --- answers -------------------------------------------------------------------------------------
 */

static void prove_forks(struct mw_corr_task *t, const struct mw_corr_call *x, uint64_t from_ns,
			uint64_t to_ns, bool certain, const char *why)
{
	for (struct mw_kin_tie *tie = t->forks; tie; tie = tie->next) {
		if (tie->ts_ns <= from_ns || tie->ts_ns > to_ns || (tie->call && tie->certain) ||
		    !mw_corr_was_open(x, tie->ts_ns))
			continue;
		tie->call = x->id;
		tie->certain = certain;
		tie->by_runtime = true;
		tie->why = why;
	}
}

size_t mw_corr_prove_task(struct mw_corr_task *t, struct mw_corr_call *x, uint64_t from_ns,
			  uint64_t to_ns, enum mw_link link, enum mw_confidence confidence,
			  const char *why)
{
	struct mw_claim *cl, *next;
	size_t n = 0;

	prove_forks(t, x, from_ns, to_ns, confidence == MW_CONF_CERTAIN, why_started);
	for (cl = t->claims; cl; cl = next) {
		next = cl->task_next;
		if (cl->via) {
			if (cl->via->call == x->id && cl->via->by_runtime)
				mw_corr_prove(cl, x, MW_LINK_LINEAGE,
					      cl->via->certain ? MW_CONF_CERTAIN : MW_CONF_LIKELY,
					      cl->via->why);
			continue;
		}
		if (cl->ts_ns <= from_ns || cl->ts_ns > to_ns ||
		    !mw_claim_could_be(cl, x, x->server->key))
			continue;
		mw_corr_prove(cl, x, link, confidence, why);
		n++;
	}
	return n;
}

/* Whether a task brought other calls than this one that are or were open meanwhile: what it started
 * is then not of this one alone. */
static bool reads_for_others(const struct mw_corr_task *t, const struct mw_corr_call *x)
{
	const struct mw_kin_server *s = x->server;
	const struct mw_corr_call *lists[] = { s->open.head, s->closed.head };

	if (!t->read_ns)
		return false;
	for (size_t i = 0; i < 2; i++)
		for (const struct mw_corr_call *y = lists[i]; y; y = y->next)
			if (y != x && y->read_task == t->id &&
			    (y->open || y->end_ns >= x->begin_ns))
				return true;
	return false;
}

/*
 * What is said on a connection is said by goroutines of its own, which go on for the next call that
 * takes it from a pool: who started them does not say for whom. Its connect does (flow).
 */
static bool of_connection(enum mw_effect_kind kind)
{
	return kind == MW_EFFECT_NET_HTTP || kind == MW_EFFECT_DB_STATEMENT ||
	       kind == MW_EFFECT_NET_CLOSE;
}

/* What goroutines below did that this one, or one below it, started for the call. */
static size_t prove_below(struct mw_corr_task *root, struct mw_corr_call *x, uint64_t to_ns)
{
	struct mw_corr_task *t = root;
	struct mw_claim *cl, *next;
	bool into = !reads_for_others(root, x);
	size_t n = 0;

	for (int i = 0; i < BELOW_MAX && (t = mw_corr_task_below(t, root, into)); i++) {
		/* an older one was there before, one that reads or answers has calls of its own */
		into = t->first_ns >= x->begin_ns && !t->read_ns && !t->answer;
		if (!into)
			continue;
		prove_forks(t, x, x->begin_ns, to_ns, false, why_started_below);
		for (cl = t->claims; cl; cl = next) {
			next = cl->task_next;
			if (of_connection(cl->kind))
				continue;
			if (cl->via
				? cl->via->call != x->id || !cl->via->by_runtime
				: cl->ts_ns > to_ns || !mw_claim_could_be(cl, x, x->server->key))
				continue;
			mw_corr_prove(cl, x, MW_LINK_LINEAGE, MW_CONF_LIKELY,
				      cl->via ? why_started_below : why_below);
			n++;
		}
	}
	return n;
}

static void go_answer(struct mw_correlate *c, struct mw_kin_node *n, struct mw_corr_call *x,
		      const struct mw_sight *w)
{
	struct mw_corr_mind *m = mw_corr_mind(c, n->server);
	struct mw_corr_task *t = mw_corr_task(m, w->task.id, n->rt_exact ? w->task.of : 0);
	const bool sure = n->rt_exact && !x->doubted && !x->unconfirmed && !n->server->given_up;
	uint64_t from;
	size_t found;

	if (!t || w->end_ns <= t->answer_ns)
		return;
	from = t->answer_ns > t->read_ns ? t->answer_ns : t->read_ns;
	t->own = t->own ? false : !t->answer && !t->read_ns && t->first_ns >= x->begin_ns;
	t->answer_ns = w->end_ns;
	t->answer = 0;
	if (from == t->read_ns && from && t->read_call != x->id)
		return; /* it read others' too: which of them it served first is not known */
	t->answer = x->id;
	t->from_ns = from;
	found = mw_corr_prove_task(t, x, from, w->end_ns, MW_LINK_CAUSAL,
				   sure ? MW_CONF_CERTAIN : MW_CONF_LIKELY,
				   n->rt_exact ? why_writer : why_address);
	if (n->rt_exact)
		found += prove_below(t, x, w->end_ns);
	x->first->proven = true;
	m->works |= found != 0;
}

void mw_correlate_wrote(struct mw_correlate *c, uint64_t call, const struct mw_sight *wrote)
{
	struct mw_kin_node *n = wrote->seen ? server_node(c, wrote->proc) : NULL;
	struct mw_corr_call *x = n ? mw_corr_place(mw_corr_call(c, call), n->server) : NULL;

	if (!x || x->wrote_ns == wrote->end_ns)
		return;
	x->wrote_ns = wrote->end_ns;
	x->wrote_task = wrote->task.id;
	if (!mw_corr_may_prove(n, wrote->task.id))
		return;
	if (n->rt_kind == MW_RT_GO)
		go_answer(c, n, x, wrote);
	else
		mw_corr_node_answer(mw_corr_mind(c, n->server), x, wrote->task.id, wrote->end_ns);
}

/* --- the end -------------------------------------------------------------------------------------
 */

/* Whether it, or one above it, has ever answered a call. */
static bool born_of_a_call(const struct mw_corr_task *t)
{
	for (; t; t = t->up)
		if (t->answer_ns)
			return true;
	return false;
}

/* What only its arguments name, while several were open, was done by a task that is not its own:
 * where answers come from the tasks that act, that speaks against it. So it does where it was the
 * only call, and the task is older and came of none. */
static void drop_foreign(struct mw_correlate *c, struct mw_corr_call *call)
{
	const struct mw_kin_node *n = mw_kin_get(c->kin, call->server->key);
	struct mw_claim *cl, *next;

	if (!n || n->rt_kind != MW_RT_GO)
		return;

	for (cl = call->leans; cl; cl = next) {
		next = cl->lean_next;
		if (cl->proven || !cl->task || cl->via || !cl->mind->works ||
		    cl->link == MW_LINK_CAUSAL ||
		    (cl->link == MW_LINK_FLOW && of_connection(cl->kind)))
			continue;
		if (cl->several ||
		    (cl->link == MW_LINK_SOLE && cl->task->first_ns < call->begin_ns &&
		     !born_of_a_call(cl->task)))
			mw_claim_lean(cl, NULL, MW_LINK_SHARED, MW_CONF_SHARED, false, cl->why);
	}
}

void mw_correlate_settle(struct mw_correlate *c, uint64_t call, struct mw_slice text)
{
	struct mw_corr_call *x = mw_corr_call(c, call);

	if (!x)
		return;
	if (x->proven)
		drop_foreign(c, x);
	for (struct mw_corr_call *place = x; place; place = place->also)
		mw_corr_by_response(c, place, text);
	mw_claims_list(c, x);
}
