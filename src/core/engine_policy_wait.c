/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_policy_wait.c - effects that wait: for their tie, or to be known as a server's
 *
 * Invariants
 *  1. An effect that waits for its tie is in `wait` under its record's number and in its server's
 *     list, in order of coming; it is pushed with MW_PHASE_TIED once, and freed.
 *  2. One that waits for a server is in `early` alone.
 */
#include "core/engine_policy.h"

#include <errno.h>

#define ANCESTORS_MAX 64

struct pol_wait {
	uint64_t seq; /* kept */
	uint64_t server;
	struct pol_wait *prev, *next;
	struct mw_fact_effect f;
	struct mw_action act;
	size_t n_argv, n_calls, size;
	bool all;	 /* calls are all it may be of */
	uint64_t *calls; /* what it may be of; behind this, then argv, then texts */
	struct mw_slice *argv;
	uint8_t *text;
};

static size_t texts_len(const struct mw_fact_effect *f)
{
	const struct mw_action *a = f->act;
	size_t n = a->target.n + a->target2.n + a->asked.n + a->argv.n + a->name.n + a->verb.n +
		   a->object.n + f->exe.n + f->home.n + f->host_target.n;

	for (size_t i = 0; i < a->n_names; i++)
		n += a->names[i].n;
	return n;
}

static void take(struct pol_wait *w, struct mw_slice *s)
{
	if (s->n)
		memcpy(w->text, s->p, s->n);
	s->p = s->n ? w->text : NULL;
	w->text += s->n;
}

/* The arguments are parts of act.argv, wherever that lies now. */
static void take_argv(struct pol_wait *w, const struct mw_fact_effect *f)
{
	const uint8_t *from = f->act->argv.p;

	for (size_t i = 0; i < w->n_argv; i++)
		w->argv[i] = mw_slice(w->act.argv.p + (f->argv.v[i].p - from), f->argv.v[i].n);
	w->f.argv = (struct mw_texts){ w->argv, w->n_argv };
}

static struct pol_wait *wait_new(struct mw_engine *e, const struct mw_fact_effect *f,
				 const uint64_t *calls, size_t n_calls)
{
	const size_t size = sizeof(struct pol_wait) + n_calls * sizeof(*calls) +
			    f->argv.n * sizeof(struct mw_slice) + texts_len(f);
	struct pol_wait *w = mw_alloc_zero(e->a, size);

	if (!w) {
		mw_eng_note_error(e, -ENOMEM);
		return NULL;
	}
	w->size = size;
	w->f = *f;
	w->act = *f->act;
	w->f.act = &w->act;
	w->calls = (uint64_t *)(w + 1);
	w->n_calls = n_calls;
	if (n_calls)
		memcpy(w->calls, calls, n_calls * sizeof(*calls));
	w->argv = (struct mw_slice *)(w->calls + n_calls);
	w->n_argv = f->argv.n;
	w->text = (uint8_t *)(w->argv + w->n_argv);
	take(w, &w->act.target);
	take(w, &w->act.target2);
	take(w, &w->act.asked);
	take(w, &w->act.argv);
	take(w, &w->act.name);
	take(w, &w->act.verb);
	take(w, &w->act.object);
	for (size_t i = 0; i < w->act.n_names; i++)
		take(w, &w->act.names[i]);
	take(w, &w->f.exe);
	take(w, &w->f.home);
	take(w, &w->f.host_target);
	take_argv(w, f);
	return w;
}

static void wait_drop(struct mw_engine *e, struct pol_server *ps, struct pol_wait *w)
{
	*(w->prev ? &w->prev->next : &ps->wait) = w->next;
	*(w->next ? &w->next->prev : &ps->wait_tail) = w->prev;
	(void)mw_table_remove(e->policy->wait, &w->seq);
	mw_alloc_free(e->a, w, w->size);
}

bool mw_pol_wait(struct mw_engine *e, const struct mw_fact_effect *f, const struct mw_tie *tie,
		 uint64_t seq, struct pol_server *ps)
{
	struct mw_table *t = e->policy->wait;
	const bool one = tie->n_candidates == 0 && tie->call;
	size_t n = one ? 1 : tie->n_candidates;
	struct pol_wait *w;

	if (n > MW_CANDIDATES_MAX)
		n = MW_CANDIDATES_MAX;
	if (seq == UINT64_MAX || (!tie->pending && !tie->sent))
		return false; /* nothing more will be known */
	if (mw_table_count(t) == MW_POL_WAIT_MAX) {
		e->policy->lost.wait++;
		return false;
	}
	w = wait_new(e, f, one ? &tie->call : tie->candidates, n);
	if (!w)
		return false;
	w->seq = seq;
	w->server = ps->id;
	w->all = tie->n_candidates == n;
	if (mw_table_put(t, &w->seq, w) < 0) {
		mw_alloc_free(e->a, w, w->size);
		mw_eng_note_error(e, -ENOMEM);
		return false;
	}
	w->prev = ps->wait_tail;
	*(w->prev ? &w->prev->next : &ps->wait) = w;
	ps->wait_tail = w;
	return true;
}

/* --- settled ------------------------------------------------------------------------------------
 */

void mw_pol_wait_settle(struct mw_engine *e, struct pol_call *pc)
{
	struct mw_call_effect ef;
	struct pol_server *ps;
	struct pol_wait *w;
	size_t pos = 0;

	if (!mw_table_count(e->policy->wait))
		return;
	while (mw_correlate_effects(e->correlate, pc->id, &pos, &ef) == 1)
		for (size_t i = 0; i < ef.n_seqs + ef.n_more; i++) {
			w = mw_table_get(e->policy->wait,
					 i < ef.n_seqs ? &ef.seqs[i] : &ef.more[i - ef.n_seqs]);
			ps = w ? mw_pol_server_by_id(e, w->server) : NULL;
			if (!ps)
				continue;
			w->f.link = ef.link;
			w->f.confidence = ef.confidence;
			w->f.by_runtime = ef.by_runtime;
			w->f.after = ef.after;
			w->f.background = false;
			mw_pol_push_effect(e, &w->f, MW_PHASE_TIED, w->seq, ps, pc);
			wait_drop(e, ps, w);
		}
}

void mw_pol_push_shared(struct mw_engine *e, struct mw_fact_effect *f, uint64_t seq,
			struct pol_server *ps, const uint64_t *calls, size_t n, bool all)
{
	struct mw_fact fact = { .kind = MW_FACT_EFFECT,
				.phase = MW_PHASE_TIED,
				.ts_ns = f->act->ts_ns,
				.seq = seq,
				.effect = f,
				.n_candidates = (uint32_t)n };
	struct pol_call *pc[MW_CANDIDATES_MAX];

	for (size_t i = 0; i < n; i++) {
		pc[i] = mw_pol_call_by_id(e, calls[i]);
		all &= pc[i] != NULL;
	}
	if (!all || n < 2) {
		/* of calls that are not known nothing is said, nor that they do not name it */
		mw_pol_effect_of(e, f, NULL);
		f->named_near = true;
		fact.n_candidates = 0;
		mw_pol_push(e, &fact, ps, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		fact.candidate = (uint32_t)i;
		fact.call = mw_pol_call_fact(pc[i]);
		mw_pol_effect_of(e, f, pc[i]);
		mw_pol_push(e, &fact, ps, pc[i]);
	}
}

static void push_unsettled(struct mw_engine *e, struct pol_server *ps, struct pol_wait *w)
{
	if (w->f.link != MW_LINK_NONE) {
		w->f.link = MW_LINK_SHARED;
		w->f.confidence = MW_CONF_SHARED;
	}
	mw_pol_push_shared(e, &w->f, w->seq, ps, w->calls, w->n_calls, w->all);
}

void mw_pol_wait_flush(struct mw_engine *e, struct pol_server *ps, uint64_t before_ns)
{
	while (ps->wait && ps->wait->act.ts_ns < before_ns) {
		push_unsettled(e, ps, ps->wait);
		wait_drop(e, ps, ps->wait);
	}
}

/* --- before it was known as a server's ----------------------------------------------------------
 */

static void early_drop(struct mw_engine *e, struct pol_wait *w)
{
	struct mw_eng_policy *p = e->policy;

	*(w->prev ? &w->prev->next : &p->early) = w->next;
	*(w->next ? &w->next->prev : &p->early_tail) = w->prev;
	p->n_early--;
	mw_alloc_free(e->a, w, w->size);
}

void mw_pol_wait_early(struct mw_engine *e, const struct mw_fact_effect *f, uint64_t seq)
{
	struct mw_eng_policy *p = e->policy;
	struct pol_wait *w;

	if (p->n_early == MW_POL_EARLY_MAX) {
		p->early_lost_ns = p->early->act.ts_ns;
		p->early_lost++;
		early_drop(e, p->early);
	}
	w = wait_new(e, f, NULL, 0);
	if (!w)
		return;
	w->seq = seq;
	w->prev = p->early_tail;
	*(w->prev ? &w->prev->next : &p->early) = w;
	p->early_tail = w;
	p->n_early++;
}

static bool is_of(struct mw_engine *e, struct mw_prockey proc, struct mw_prockey server)
{
	const struct mw_proc *p;

	for (int i = 0; i < ANCESTORS_MAX; i++) {
		if (mw_prockey_eq(proc, server))
			return true;
		p = mw_procs_get(e->procs, proc);
		if (!p || mw_prockey_none(p->parent))
			return false;
		proc = p->parent;
	}
	return false;
}

/*
 * The highest process below the client that the server comes from. Where the client was never seen,
 * as what it is is started by an agent outside of the tree that is watched, all that were seen to
 * be executed.
 */
static struct mw_prockey top_of(const struct mw_engine *e, const struct mw_server *sv)
{
	const bool seen = !mw_prockey_none(sv->client);
	struct mw_prockey top = { 0 };
	const struct mw_proc *p = mw_procs_get(e->procs, sv->proc);

	if (!seen && sv->transport != MW_TRANSPORT_STDIO)
		return top;
	for (int i = 0; p && i < ANCESTORS_MAX; i++) {
		if (mw_prockey_eq(p->parent, sv->client) && seen)
			return top;
		p = mw_prockey_none(p->parent) ? NULL : mw_procs_get(e->procs, p->parent);
		if (!p || (!seen && !p->exec_ns))
			break;
		top = p->key;
	}
	return seen ? (struct mw_prockey){ 0 } : top;
}

struct pol_server *mw_pol_launched(struct mw_engine *e, struct mw_prockey proc)
{
	const struct mw_table *t = e->policy->launched;
	const struct mw_proc *p;
	struct pol_server *ps;

	for (int i = 0; mw_table_count(t) && i < ANCESTORS_MAX; i++) {
		ps = mw_table_get(t, &proc);
		if (ps)
			return ps->sv->gone ? NULL : ps;
		if (mw_session_server(e->session, proc))
			return NULL; /* whose own it is */
		p = mw_procs_get(e->procs, proc);
		if (!p || mw_prockey_none(p->parent))
			return NULL;
		proc = p->parent;
	}
	return NULL;
}

void mw_pol_launch(struct mw_engine *e, struct mw_fact_effect *f, const struct pol_server *ps)
{
	f->startup = f->launch = f->background = true;
	f->leads = is_of(e, ps->sv->proc, f->act->proc);
	/* a launcher ends what it started, the server among it */
	f->own_child = !mw_prockey_none(f->act->other) && is_of(e, f->act->other, ps->top);
	if (e->policy->wants.own)
		f->own = mw_pol_made(e, ps, f->act);
}

static void find_top(struct mw_engine *e, struct pol_server *ps)
{
	struct pol_server *old;
	int r;

	if (!mw_prockey_none(ps->top))
		return;
	ps->top = top_of(e, ps->sv);
	old = mw_table_get(e->policy->launched, &ps->top);
	/* of several with one launcher the first has it */
	if (mw_prockey_none(ps->top) || (old && !old->sv->gone))
		return;
	if (old)
		(void)mw_table_remove(e->policy->launched, &ps->top);
	r = mw_table_put(e->policy->launched, &ps->top, ps);
	mw_eng_note_error(e, r == -ENOMEM ? r : 0);
}

void mw_pol_wait_server(struct mw_engine *e, struct pol_server *ps)
{
	const struct mw_proc *p = mw_procs_get(e->procs, ps->sv->proc);
	struct pol_wait *w, *next;

	if (!p)
		return;
	/* of those that had to go some were done since it began: maybe by it */
	if (e->policy->early_lost && e->policy->early_lost_ns >= p->key.start_ns) {
		e->policy->lost.early += e->policy->early_lost;
		e->policy->early_lost = 0;
	}
	find_top(e, ps);
	for (w = e->policy->early; w; w = next) {
		next = w->next;
		if (is_of(e, w->act.proc, ps->sv->proc)) {
			w->f.startup = !ps->ready_ns || w->act.ts_ns <= ps->ready_ns;
			if (e->policy->wants.own)
				w->f.own = mw_pol_made(e, ps, &w->act);
			w->f.background = true;
		} else if (mw_pol_launched(e, w->act.proc) == ps) {
			mw_pol_launch(e, &w->f, ps);
		} else {
			continue;
		}
		mw_pol_push_effect(e, &w->f, MW_PHASE_BOTH, w->seq, ps, NULL);
		early_drop(e, w);
	}
}

void mw_pol_wait_free(struct mw_engine *e)
{
	struct mw_table *t = e->policy->wait;
	struct pol_wait *w;

	while (t && (w = mw_table_oldest(t))) {
		(void)mw_table_remove(t, &w->seq);
		mw_alloc_free(e->a, w, w->size);
	}
	mw_table_free(t);
	while (e->policy->early)
		early_drop(e, e->policy->early);
}
