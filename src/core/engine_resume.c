/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_resume.c - what an earlier run left is closed: the time between, and the calls in flight
 *
 * Its request records are redacted already, so what they say is written again as it stands.
 */
#include "core/engine_priv.h"
#include "core/fact.h"

/* Calls that the gap names. */
#define CALLS_MAX 64

/* Members of a request record, as they stand there: key and value. Those that a call record has,
 * in its order. */
enum {
	CALL,
	DIR,
	SERVER,
	CLIENT,
	PRINCIPAL,
	SESSION,
	TRANSPORT,
	HTTP,
	HOPS,
	HOPS_N,
	ROUNDS,
	ROUNDS_N,
	TASK,
	RPC_ID,
	METHOD,
	TOOL,
	CONTENT,
	ARGS,
	ARGS_HMAC,
	BEGIN,
	LOSSY,
	N_MEMBERS
};
static const char *const names[N_MEMBERS] = {
	[CALL] = "\"call\"",	       [DIR] = "\"dir\"",
	[SERVER] = "\"server\"",       [CLIENT] = "\"client\"",
	[PRINCIPAL] = "\"principal\"", [SESSION] = "\"session\"",
	[TRANSPORT] = "\"transport\"", [HTTP] = "\"http\"",
	[HOPS] = "\"hops\"",	       [HOPS_N] = "\"hops_n\"",
	[ROUNDS] = "\"rounds\"",       [ROUNDS_N] = "\"rounds_n\"",
	[TASK] = "\"task\"",	       [RPC_ID] = "\"rpc_id\"",
	[METHOD] = "\"method\"",       [TOOL] = "\"tool\"",
	[CONTENT] = "\"content\"",     [ARGS] = "\"args\"",
	[ARGS_HMAC] = "\"args_hmac\"", [BEGIN] = "\"begin\"",
	[LOSSY] = "\"lossy\"",
};

/* Takes the members out. False: it is no request record. */
static bool take(struct mw_slice record, struct mw_slice ret[N_MEMBERS])
{
	struct mw_json_item it;
	struct mw_slice value;
	struct mw_json j;
	int i, r;

	memset(ret, 0, N_MEMBERS * sizeof(*ret));
	mw_json_init(&j, record, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1 || it.tok != MW_JSON_OBJECT)
		return false;
	while ((r = mw_json_next(&j, &it)) == 1 && it.tok == MW_JSON_KEY) {
		struct mw_slice key = it.raw;

		if (mw_json_skip(&j, &it, &value) < 0)
			return false;
		for (i = 0; i < N_MEMBERS; i++)
			if (mw_slice_eq_str(key, names[i]))
				ret[i] = mw_slice(key.p, (size_t)(value.p + value.n - key.p));
	}
	/* behind the last member its end, and nothing more */
	return r == 1 && mw_json_next(&j, &it) == 0 && ret[CALL].n && ret[DIR].n && ret[METHOD].n;
}

static void again(struct mw_emit *r, const struct mw_slice *m, int from, int to)
{
	for (; from <= to; from++)
		if (m[from].n && m[from].n <= mw_emit_room(r))
			mw_emit_again(r, m[from]);
}

static void say_lost_call(struct mw_engine *e, const struct mw_slice *m)
{
	struct mw_emit r = mw_eng_begin(e, "call", e->now_ns);

	again(&r, m, CALL, ARGS_HMAC);
	mw_emit_str(&r, "status", "lost");
	again(&r, m, BEGIN, BEGIN);
	mw_emit_str(&r, "evidence", "incomplete");
	r.lossy = m[LOSSY].n;
	mw_eng_end(e, &r);
	e->stats.calls++;
}

/* ns since 1970 as the boot time that would be written as it; before the boot it wraps, as does
 * what writes it. */
static uint64_t as_boot(const struct mw_engine *e, int64_t ns)
{
	return (uint64_t)ns - (uint64_t)e->head.realtime_ns;
}

static void say_between(struct mw_engine *e, const struct mw_engine_resume *from,
			struct mw_slice boot_id)
{
	const bool rebooted =
	    from->boot_id && boot_id.n && !mw_slice_eq_str(boot_id, from->boot_id);
	const int64_t now = (int64_t)(e->now_ns + (uint64_t)e->head.realtime_ns);
	const struct mw_fact_gap gap = { MW_SLICE_LIT("restarted"),
					 mw_slice_str(rebooted ? "host" : "mcpwatch"), 0, 0 };
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "gap", e->now_ns);
	struct mw_slice m[N_MEMBERS];
	size_t i, n = 0;

	mw_emit_str(&r, "reason", "restarted");
	mw_emit_str(&r, "where", rebooted ? "host" : "mcpwatch");
	/* a clock that was set back in between would make it end before it begins */
	mw_emit_time(&r, "from", &e->head,
		     from->last_ns < now ? as_boot(e, from->last_ns) : e->now_ns);
	mw_emit_time(&r, "to", &e->head, e->now_ns);
	for (i = 0; i < from->n_open && n < CALLS_MAX; i++) {
		struct mw_slice id;

		if (!take(mw_slice(from->open[i].record, from->open[i].n), m))
			continue;
		id = mw_slice(m[CALL].p + strlen(names[CALL]), m[CALL].n - strlen(names[CALL]));
		while (id.n && id.p[0] != '"')
			id = mw_slice_from(id, 1);
		if (n++ == 0)
			mw_emit_open(&r, "calls", '[');
		mw_emit_again(&r, id);
	}
	if (n)
		mw_emit_close(&r, ']');
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, NULL, &gap, seq);
}

static void say_dropped(struct mw_engine *e, const struct mw_engine_resume *from)
{
	const struct mw_fact_gap gap = { MW_SLICE_LIT("table_full"),
					 MW_SLICE_LIT("calls in flight at the restart"),
					 from->n_dropped, 0 };
	const uint64_t seq = e->head.seq;
	struct mw_emit r;

	if (!from->n_dropped)
		return;
	r = mw_eng_begin(e, "gap", e->now_ns);
	mw_emit_str(&r, "reason", "table_full");
	mw_emit_str(&r, "where", "calls in flight at the restart");
	mw_emit_u64(&r, "events", from->n_dropped);
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, NULL, &gap, seq);
}

static void say_torn(struct mw_engine *e, const struct mw_engine_found *found)
{
	const uint64_t seq = e->head.seq;
	struct mw_fact_gap gap = { MW_SLICE_LIT("torn_record"), MW_SLICE_LIT("log"), 0, 0 };
	struct mw_emit r;

	if (!found || !found->torn_n)
		return;
	gap.bytes = found->torn_n;
	r = mw_eng_begin(e, "gap", e->now_ns);
	mw_emit_str(&r, "reason", "torn_record");
	mw_emit_str(&r, "where", "log");
	mw_emit_u64(&r, "bytes", found->torn_n);
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, NULL, &gap, seq);
}

void mw_eng_found(struct mw_engine *e, struct mw_emit *r)
{
	const struct mw_engine_found *found = e->cfg.found;

	if (found && found->unsealed)
		mw_emit_u64(r, "unsealed", found->unsealed);
	if (!found || !found->damaged_why)
		return;
	mw_emit_open(r, "damaged", '{');
	mw_emit_text(r, "origin", mw_slice_str(found->damaged_origin));
	if (found->damaged_size) {
		mw_emit_u64(r, "size", found->damaged_size);
		mw_emit_text(r, "root", mw_slice_str(found->damaged_root));
	}
	mw_emit_text(r, "what", mw_slice_str(found->damaged_why));
	mw_emit_close(r, '}');
}

void mw_eng_resume(struct mw_engine *e, struct mw_slice boot_id)
{
	const struct mw_engine_resume *from = e->cfg.resume;
	struct mw_slice m[N_MEMBERS];
	size_t i;

	say_torn(e, e->cfg.found);
	if (!from)
		return;
	say_between(e, from, boot_id);
	say_dropped(e, from);
	for (i = 0; i < from->n_open; i++)
		if (take(mw_slice(from->open[i].record, from->open[i].n), m))
			say_lost_call(e, m);
}
