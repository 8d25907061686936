/* SPDX-License-Identifier: Apache-2.0 */
/* engine_state.c - what earlier runs learned comes in, what this one learns goes out */
#include <errno.h>

#include "core/engine_priv.h"
#include "core/fact.h"

static void say_gap(struct mw_engine *e, const char *reason, uint64_t n, struct mw_slice why)
{
	const struct mw_fact_gap gap = { mw_slice_str(reason), MW_SLICE_LIT("state"), n, 0 };
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "gap", e->now_ns);

	mw_emit_str(&r, "reason", reason);
	mw_emit_str(&r, "where", "state");
	if (n)
		mw_emit_u64(&r, "events", n);
	if (why.n)
		mw_emit_text(&r, "error", why);
	mw_emit_time(&r, "to", &e->head, e->now_ns);
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, NULL, &gap, seq);
}

void mw_eng_on_state(struct mw_engine *e, const struct mw_ev_state *ev)
{
	int r;

	if (ev->kind == MW_STATE_LOST)
		say_gap(e, "state_lost", 0, mw_event_state(ev));
	if (ev->kind != MW_STATE_LINE)
		return;
	r = mw_state_load(e->state, mw_event_state(ev));
	if (r == -ENOMEM)
		mw_eng_note_error(e, r);
}

void mw_eng_state_pull(struct mw_engine *e)
{
	struct mw_slice line;

	while (mw_state_next(e->state, &line))
		mw_eng_put_out(e, MW_OUT_STATE, line);
}

void mw_eng_state_losses(struct mw_engine *e)
{
	const struct mw_slice none = { NULL, 0 };
	struct mw_state_stats st;

	mw_state_stats(e->state, &st);
	if (st.refused != e->state_refused)
		say_gap(e, "state_lost", st.refused - e->state_refused, none);
	if (st.evicted != e->state_evicted)
		say_gap(e, "table_full", st.evicted - e->state_evicted, none);
	e->state_refused = st.refused;
	e->state_evicted = st.evicted;
}

int64_t mw_eng_realtime(const struct mw_engine *e)
{
	return (int64_t)((uint64_t)e->head.realtime_ns + e->now_ns);
}
