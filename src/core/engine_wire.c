/* SPDX-License-Identifier: Apache-2.0 */
/* engine_wire.c - actions that are read from bytes, and the names of addresses */
#include "core/engine_priv.h"

/* A call that ends looks at so many requests that wait for an answer. */
#define HURRIED_MAX   64
#define ANCESTORS_MAX 64

int mw_eng_wire_new(struct mw_engine *e)
{
	int r = mw_wire_new(e->a, 0, &e->wire);

	return r < 0 ? r : mw_resolve_new(e->a, &e->resolve);
}

void mw_eng_wire_free(struct mw_engine *e)
{
	mw_wire_free(e->wire);
	mw_resolve_free(e->resolve);
}

/* --- names -------------------------------------------------------------------------------------
 */

static bool is_below(const struct mw_procs *procs, struct mw_prockey p, struct mw_prockey above)
{
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		const struct mw_proc *x = mw_procs_get(procs, p);

		if (!x || mw_prockey_none(x->parent))
			return false;
		p = x->parent;
		if (mw_prockey_eq(p, above))
			return true;
	}
	return false;
}

static bool kin(const void *procs, struct mw_prockey a, struct mw_prockey b)
{
	return is_below(procs, a, b) || is_below(procs, b, a);
}

void mw_eng_name(struct mw_engine *e, struct mw_action *act)
{
	if (act->kind < MW_EFFECT_NET_CONNECT || act->kind > MW_EFFECT_DB_STATEMENT ||
	    act->kind == MW_EFFECT_NET_DNS || !act->peer.family)
		return;
	act->n_names = mw_resolve_names(e->resolve, &act->peer, act->proc, act->ts_ns, kin,
					e->procs, act->names);
	if (act->n_names)
		act->name = act->names[0];
}

static void pull_resolve(struct mw_engine *e)
{
	struct mw_action act;

	while (mw_resolve_next(e->resolve, &act) == 1)
		mw_eng_on_action(e, &act);
}

void mw_eng_on_dgram(struct mw_engine *e, const struct mw_ev_dgram *ev)
{
	mw_eng_note_error(e, mw_procs_push(e->procs, &ev->hdr));
	if (ev->hdr.flags & MW_EVF_STREAM)
		return;
	mw_eng_note_error(e, mw_resolve_push(e->resolve, ev));
	pull_resolve(e);
}

/* --- requests and statements -------------------------------------------------------------------
 */

/* It counts for the server that the process is, or that is nearest above it. */
static void on_opaque(struct mw_engine *e, const struct mw_wire_event *ev)
{
	const struct mw_opaque_conn o = { .tls = ev->opaque == MW_OPAQUE_TLS,
					  .in = ev->end == MW_END_READ,
					  .answered = ev->answered,
					  .name = ev->name };
	struct mw_prockey p = ev->proc;
	int r;

	for (int i = 0; i < ANCESTORS_MAX && !mw_prockey_none(p); i++) {
		const struct mw_proc *x = mw_procs_get(e->procs, p);

		if (mw_session_server(e->session, p)) {
			r = mw_session_opaque(e->session, p, &o);
			mw_eng_note_error(e, r);
			if (r == 1)
				mw_eng_say_again(e, p);
			return;
		}
		p = x ? x->parent : (struct mw_prockey){ 0 };
	}
}

static void pull_wire(struct mw_engine *e)
{
	struct mw_wire_event ev;
	struct mw_control keep = { .kind = MW_CONTROL_CHAN_KEEP };

	while (mw_wire_next(e->wire, &ev) == 1) {
		switch (ev.kind) {
		case MW_WIRE_ACTION:
			if (!mw_session_is_mcp(ev.chan))
				mw_eng_on_action(e, &ev.act);
			break;
		case MW_WIRE_KEEP:
			keep.chan = ev.sock;
			keep.gen = ev.gen;
			mw_eng_control(e, &keep);
			break;
		case MW_WIRE_OPAQUE:
			on_opaque(e, &ev);
			break;
		case MW_WIRE_DROP:
			mw_eng_note_error(e, mw_session_unwanted(e->session, ev.chan));
			mw_eng_pull_session(e);
			break;
		}
	}
}

void mw_eng_wire_push(struct mw_engine *e, const struct mw_chunk *c)
{
	mw_eng_note_error(e, mw_wire_push(e->wire, c));
	pull_wire(e);
}

void mw_eng_wire_connect(struct mw_engine *e, const struct mw_ev_act *ev)
{
	mw_eng_note_error(e, mw_wire_connect(e->wire, ev));
}

void mw_eng_wire_tick(struct mw_engine *e)
{
	mw_wire_tick(e->wire, e->now_ns);
	pull_wire(e);
	mw_resolve_tick(e->resolve, e->now_ns);
	pull_resolve(e);
}

void mw_eng_wire_finish(struct mw_engine *e)
{
	mw_wire_finish(e->wire);
	pull_wire(e);
	mw_resolve_finish(e->resolve);
	pull_resolve(e);
}

/* Whether a tie is to this call, or may yet be. */
static bool may_be_of(const struct mw_tie *tie, uint64_t call)
{
	if (tie->call == call)
		return true;
	for (size_t i = 0; i < tie->n_candidates && i < MW_CANDIDATES_MAX; i++)
		if (tie->candidates[i] == call)
			return true;
	return false;
}

void mw_eng_wire_hurry(struct mw_engine *e, uint64_t call)
{
	uint64_t ids[HURRIED_MAX], pos = 0;
	struct mw_wire_event ev;
	struct mw_tie tie;
	size_t n = 0;

	for (int i = 0; i < HURRIED_MAX && mw_wire_waiting(e->wire, &pos, &ev); i++) {
		if (mw_session_is_mcp(ev.chan))
			continue;
		mw_eng_name(e, &ev.act);
		if (mw_correlate_act(e->correlate, &ev.act, &tie) == 0 && may_be_of(&tie, call))
			ids[n++] = ev.id;
	}
	for (size_t i = 0; i < n; i++)
		mw_wire_hurry(e->wire, ids[i]);
	pull_wire(e);
}
