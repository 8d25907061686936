/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_mind.c - effects that wait until their candidates' answers are known
 *
 * Invariants
 *  1. A claim is in its server's list, in at most one task's, in at most one call's (`lean`), and
 * in at most one group of each kind. Freed, it is in none.
 *  2. A claim becomes an effect of one call, once: mw_claims_list frees it.
 */
#include "core/correlate_priv.h"

#include <errno.h>

#include "core/power.h"

#define CLAIMS_MAX   16384u
#define BYTES_MAX    (8u << 20) /* of one server */
#define BYTES_IN_ALL (64u << 20)

struct mw_corr_mind *mw_corr_mind(struct mw_correlate *c, struct mw_kin_server *s)
{
	struct mw_corr_mind *m = s->mind;

	if (m)
		return m;
	m = mw_alloc_zero(c->a, sizeof(*m));
	if (!m)
		return NULL;
	m->a = c->a;
	m->bytes_all = &c->claims_bytes;
	m->n_all = &c->stats.claims_waiting;
	s->mind = m;
	return m;
}

static void claim_free(struct mw_claim *cl);

void mw_corr_mind_free(const struct mw_alloc *a, struct mw_corr_mind *m)
{
	if (!m)
		return;
	while (m->head)
		claim_free(m->head);
	mw_corr_tasks_free(m);
	mw_corr_habits_free(m);
	mw_corr_past_free(m);
	mw_alloc_free(a, m, sizeof(*m));
}

/* --- one claim --- */

static size_t size_of(const struct mw_claim *cl)
{
	return sizeof(*cl) + cl->n_target + cl->n_target2;
}

static void lean_leave(struct mw_claim *cl)
{
	if (!cl->lean)
		return;
	*(cl->lean_prev ? &cl->lean_prev->lean_next : &cl->lean->leans) = cl->lean_next;
	if (cl->lean_next)
		cl->lean_next->lean_prev = cl->lean_prev;
	cl->lean = NULL;
	cl->lean_prev = cl->lean_next = NULL;
}

static void claim_free(struct mw_claim *cl)
{
	struct mw_corr_mind *m = cl->mind;

	lean_leave(cl);
	mw_corr_flow_leave(cl);
	if (cl->task)
		mw_corr_task_del(cl);
	*(cl->prev ? &cl->prev->next : &m->head) = cl->next;
	*(cl->next ? &cl->next->prev : &m->tail) = cl->prev;
	m->n--;
	(*m->n_all)--;
	m->bytes -= size_of(cl);
	*m->bytes_all -= size_of(cl);
	mw_kin_tie_unref(m->a, cl->via);
	mw_alloc_free(m->a, cl, size_of(cl));
}

void mw_claim_lean(struct mw_claim *cl, struct mw_corr_call *call, enum mw_link link,
		   enum mw_confidence confidence, bool by_runtime, const char *why)
{
	lean_leave(cl);
	cl->link = link;
	cl->confidence = confidence;
	cl->by_runtime = by_runtime;
	cl->why = why;
	if (!call)
		return;
	cl->lean = call->first;
	cl->lean_next = call->first->leans;
	if (cl->lean_next)
		cl->lean_next->lean_prev = cl;
	call->first->leans = cl;
}

static bool is_among(const struct mw_kin_tie *via, uint64_t id)
{
	for (size_t i = 0; i < via->n; i++)
		if (via->ids[i] == id)
			return true;
	return via->call == id;
}

bool mw_claim_could_be(const struct mw_claim *cl, struct mw_corr_call *call,
		       struct mw_prockey server)
{
	const struct mw_corr_call *x = call->first;

	if (cl->via)
		return is_among(cl->via, call->id);
	while (x && !mw_prockey_eq(x->server->key, server))
		x = x->also;
	return x && mw_corr_was_open(x, cl->ts_ns) && mw_corr_since(x, cl->ts_ns) <= cl->born_ns;
}

/* --- keeping them --- */

static int note_as(struct mw_claim *cl, struct mw_corr_call *call)
{
	const struct mw_action act = { .kind = cl->kind,
				       .target = mw_slice(cl->text, cl->n_target),
				       .target2 = mw_slice(cl->text + cl->n_target, cl->n_target2),
				       .ret = cl->ret,
				       .n = cl->n };
	const struct mw_tie tie = { .link = cl->link,
				    .confidence = cl->confidence,
				    .call = call->id,
				    .by_runtime = cl->by_runtime,
				    .after = cl->after,
				    .why = cl->why };

	const bool said = cl->said_call == call->id && cl->said_link == cl->link &&
			  cl->said_confidence == cl->confidence &&
			  cl->said_by_runtime == cl->by_runtime;

	call->effects.power |= cl->power;
	return mw_effects_add(&call->effects, &act, &tie, cl->seq, said);
}

/* One that leans to a call is its; of the others the evidence is lost, and that is counted. */
static void evict(struct mw_correlate *c, struct mw_corr_mind *m)
{
	struct mw_claim *cl = m->head;

	if (!cl->lean || note_as(cl, cl->lean) < 0)
		c->stats.claims_evicted++;
	claim_free(cl);
}

static bool has_room(const struct mw_correlate *c, const struct mw_corr_mind *m, size_t size)
{
	return m->n < CLAIMS_MAX && m->bytes + size <= BYTES_MAX &&
	       c->claims_bytes + size <= BYTES_IN_ALL;
}

int mw_claim_add(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		 const struct mw_tie *tie, uint64_t seq)
{
	const size_t size = sizeof(struct mw_claim) + act->target.n + act->target2.n;
	struct mw_corr_mind *m = mw_corr_mind(c, n->server);
	struct mw_kin_tie *via = n->is_server ? NULL : n->tie;
	struct mw_corr_task *task = NULL;
	struct mw_corr_call *lean = tie->call ? mw_corr_call(c, tie->call) : NULL;
	const uint64_t id = via ? via->task : n->is_server ? act->task.id : 0;
	struct mw_claim *cl;

	if (!m)
		return -ENOMEM;
	while (m->head && !has_room(c, m, size))
		evict(c, m);
	cl = has_room(c, m, size) ? mw_alloc_zero(c->a, size) : NULL;
	if (!cl)
		return -ENOMEM;
	cl->mind = m;
	cl->seq = seq;
	cl->kind = act->kind;
	cl->ret = act->ret;
	cl->power = mw_power_observed(act);
	cl->n = act->n;
	cl->ts_ns = act->ts_ns;
	cl->born_ns = n->is_server ? UINT64_MAX : n->judged ? 0 : n->key.start_ns;
	cl->after = tie->after;
	cl->several = tie->several;
	cl->said_call = tie->call;
	cl->said_link = tie->link;
	cl->said_confidence = tie->confidence;
	cl->said_by_runtime = tie->by_runtime;
	cl->n_target = act->target.n;
	cl->n_target2 = act->target2.n;
	if (act->target.n)
		memcpy(cl->text, act->target.p, act->target.n);
	if (act->target2.n)
		memcpy(cl->text + act->target.n, act->target2.p, act->target2.n);
	if (via) {
		cl->via = via;
		via->refs++;
	}
	cl->prev = m->tail;
	*(cl->prev ? &cl->prev->next : &m->head) = cl;
	m->tail = cl;
	m->n++;
	(*m->n_all)++;
	m->bytes += size;
	c->claims_bytes += size;
	mw_claim_lean(cl, lean, tie->link, tie->confidence, tie->by_runtime, tie->why);
	if (mw_corr_may_prove(mw_kin_get(c->kin, n->server->key), id))
		task = mw_corr_task(m, id, 0);
	if (task)
		mw_corr_task_add(task, cl);
	/* without memory it waits alone */
	(void)mw_corr_flow_note(c, n, act, tie, cl);
	return 0;
}

void mw_claims_list(struct mw_correlate *c, struct mw_corr_call *call)
{
	struct mw_claim *cl, *next;

	for (cl = call->leans; cl; cl = next) {
		next = cl->lean_next;
		if (note_as(cl, call) < 0)
			c->stats.claims_evicted++;
		claim_free(cl);
	}
	mw_effects_sort(&call->effects);
}

static uint64_t oldest_of(const struct mw_corr_list *l, uint64_t least)
{
	for (const struct mw_corr_call *x = l->head; x; x = x->next) {
		if (x->begin_ns < least)
			least = x->begin_ns;
		if (x->was_end_ns && x->was_begin_ns < least)
			least = x->was_begin_ns;
	}
	return least;
}

void mw_claims_trim(struct mw_correlate *c, struct mw_kin_server *s)
{
	struct mw_corr_mind *m = s->mind;
	struct mw_claim *cl, *next;
	uint64_t oldest;

	(void)c;
	if (!m || !m->head)
		return;
	oldest = oldest_of(&s->closed, oldest_of(&s->open, oldest_of(&s->sent, UINT64_MAX)));
	/* of a process that was started for one of several calls those count that were open then */
	for (cl = m->head; cl && cl->ts_ns < oldest; cl = next) {
		next = cl->next;
		if (!cl->lean && (cl->via ? cl->via->ts_ns : cl->ts_ns) < oldest)
			claim_free(cl);
	}
}
