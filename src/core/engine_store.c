/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_store.c - what the log asks: a seal record, and to be told what it could not take
 *
 * The number of a record is its place in the log. So what the log did not take has none, and the
 * records behind it go on where the log ended.
 */
#include <errno.h>

#include "core/engine_priv.h"
#include "core/fact.h"

#define SEQ_BITS 48

uint64_t mw_eng_seq_keep(const struct mw_engine *e, uint64_t seq)
{
	return seq | e->store_era << SEQ_BITS;
}

uint64_t mw_eng_seq_of(const struct mw_engine *e, uint64_t seq)
{
	return e->head.seq == seq ? UINT64_MAX : mw_eng_seq_keep(e, seq);
}

bool mw_eng_seq_written(const struct mw_engine *e, uint64_t kept, uint64_t *ret_seq)
{
	const uint64_t seq = kept & ((1ull << SEQ_BITS) - 1);
	uint64_t era = kept >> SEQ_BITS;

	if (e->store_era - era > MW_ENG_STORE_ERAS)
		return false;
	for (; era < e->store_era; era++)
		if (seq >= e->store_cut[era % MW_ENG_STORE_ERAS])
			return false;
	*ret_seq = seq;
	return true;
}

void mw_eng_on_seal(struct mw_engine *e, const struct mw_ev_seal *ev)
{
	static const char *const reasons[] = { [MW_SEAL_TIME] = "time",	    [MW_SEAL_COUNT] = "count",
					       [MW_SEAL_URGENT] = "urgent", [MW_SEAL_IDLE] = "idle",
					       [MW_SEAL_START] = "start",   [MW_SEAL_STOP] = "stop",
					       [MW_SEAL_STORE] = "store" };
	struct mw_emit r = mw_eng_begin(e, "seal", e->now_ns);

	mw_emit_u64(&r, "epoch", ev->epoch);
	mw_emit_escaped(&r, "next_vkey", mw_event_seal_vkey(ev));
	mw_emit_open(&r, "counts", '{');
	mw_emit_u64(&r, "records", e->since_seal.records);
	mw_emit_u64(&r, "calls", e->since_seal.calls);
	mw_emit_u64(&r, "effects", e->since_seal.effects);
	mw_emit_u64(&r, "alerts", e->since_seal.alerts);
	mw_emit_u64(&r, "gaps", e->since_seal.gaps);
	mw_emit_close(&r, '}');
	if (ev->reason < sizeof(reasons) / sizeof(reasons[0]))
		mw_emit_str(&r, "reason", reasons[ev->reason]);
	r.seal = true;
	mw_eng_end(e, &r);
	e->since_seal = (__typeof__(e->since_seal)){ 0 };
}

static void stopped(struct mw_engine *e, const struct mw_ev_store *ev)
{
	const uint64_t next = e->head.seq;

	if (e->unwritten.on)
		return;
	e->unwritten.on = true;
	e->unwritten.error = ev->error;
	e->unwritten.records = next > ev->seq ? next - ev->seq : 0;
	e->stats.unwritten += e->unwritten.records;
	if (e->unwritten.said && ev->seq <= e->unwritten.said_seq)
		/* nor was the gap that told of the last time: what it said is missing is so still
		 */
		e->unwritten.records += e->unwritten.said - 1;
	else
		e->unwritten.since_ns = e->now_ns;
	e->unwritten.said = 0;
	e->head.seq = ev->seq;
	e->store_cut[e->store_era++ % MW_ENG_STORE_ERAS] = ev->seq;
}

static void resumed(struct mw_engine *e, const struct mw_ev_store *ev)
{
	const char *reason = e->unwritten.error == -ENOSPC ? "log_full" : "log_error";
	const struct mw_fact_gap gap = { mw_slice_str(reason), MW_SLICE_LIT("log"),
					 e->unwritten.records, 0 };
	struct mw_emit r;
	char name[16];

	if (!e->unwritten.on)
		return;
	e->unwritten.on = false;
	e->head.seq = ev->seq;
	e->unwritten.said = e->unwritten.records;
	e->unwritten.said_seq = ev->seq;
	r = mw_eng_begin(e, "gap", e->now_ns);
	mw_emit_str(&r, "reason", reason);
	mw_emit_str(&r, "where", "log");
	mw_emit_u64(&r, "records", e->unwritten.records);
	mw_emit_str(&r, "error", mw_errno_name(e->unwritten.error, name));
	mw_emit_time(&r, "from", &e->head, e->unwritten.since_ns);
	mw_emit_time(&r, "to", &e->head, e->now_ns);
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, NULL, &gap, ev->seq);
}

static void prune(struct mw_engine *e, const struct mw_ev_store *ev)
{
	struct mw_emit r = mw_eng_begin(e, "daemon", e->now_ns);

	mw_emit_str(&r, "event", "prune");
	mw_emit_u64(&r, "from_seq", ev->first);
	mw_emit_u64(&r, "to_seq", ev->seq);
	mw_eng_end(e, &r);
}

void mw_eng_on_store(struct mw_engine *e, const struct mw_ev_store *ev)
{
	if (ev->state == MW_STORE_STOPPED)
		stopped(e, ev);
	else if (ev->state == MW_STORE_RESUMED)
		resumed(e, ev);
	else if (ev->state == MW_STORE_PRUNE)
		prune(e, ev);
}

void mw_eng_on_outlet(struct mw_engine *e, const struct mw_ev_outlet *ev)
{
	const struct mw_fact_gap gap = { MW_SLICE_LIT("alerts_unsent"), mw_event_outlet(ev),
					 ev->alerts, 0 };
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "gap", e->now_ns);
	char name[16];

	mw_emit_str(&r, "reason", "alerts_unsent");
	mw_emit_text_max(&r, "where", gap.where, MW_ENG_NAME_MAX);
	mw_emit_u64(&r, "events", ev->alerts);
	if (ev->error < 0)
		mw_emit_str(&r, "error", mw_errno_name(ev->error, name));
	mw_emit_time(&r, "to", &e->head, e->now_ns);
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, NULL, &gap, seq);
}
