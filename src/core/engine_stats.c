/* SPDX-License-Identifier: Apache-2.0 */
/* engine_stats.c - the counters of all stages, for who asks from outside */
#include "core/engine_priv.h"
#include "core/policy.h"
#include "core/redact.h"

const char *const mw_eng_table_names[MW_ENG_TABLES] = { "channels",
							"calls",
							"processes",
							"process tree",
							"cpus",
							"effects without a tie",
							"files and connections",
							"connections",
							"questions",
							"names",
							"open files",
							"open connections",
							"tokens of servers",
							"servers that rules look at",
							"definitions that rules look at",
							"effects that wait for their tie",
							"effects before a server was known",
							"files that servers made",
							"counts of rules" };

void mw_eng_tables_lost(const struct mw_engine *e, uint64_t ret[MW_ENG_TABLES])
{
	struct mw_eng_policy_lost policy;
	struct mw_resolve_stats names;
	struct mw_correlate_stats corr;
	struct mw_stream_stats stream;
	struct mw_wire_stats wire;

	mw_correlate_stats(e->correlate, &corr);
	mw_stream_stats(e->stream, &stream);
	mw_wire_stats(e->wire, &wire);
	mw_resolve_stats(e->resolve, &names);
	mw_eng_policy_lost(e, &policy);
	ret[0] = stream.evicted;
	ret[1] = corr.calls_evicted;
	ret[2] = mw_procs_evicted(e->procs);
	ret[3] = corr.procs_evicted;
	ret[4] = mw_seq_unfollowed(e->seq);
	ret[5] = corr.claims_evicted;
	ret[6] = corr.flows_evicted;
	ret[7] = wire.evicted + wire.long_idle + wire.pending;
	ret[8] = names.asked_evicted;
	ret[9] = names.names_evicted;
	ret[10] = mw_act_files_lost(e->act);
	ret[11] = mw_act_conns_lost(e->act);
	ret[12] = e->tokens_evicted;
	ret[13] = policy.servers;
	ret[14] = policy.tools;
	ret[15] = policy.wait;
	ret[16] = policy.early;
	ret[17] = policy.made;
	ret[18] = policy.rules;
}

size_t mw_engine_tables(const struct mw_engine *e, struct mw_engine_table ret[MW_ENGINE_TABLES])
{
	struct mw_session_counts sess = { 0 };
	uint64_t lost[MW_ENG_TABLES];
	size_t n = 0, i;

	_Static_assert(MW_ENG_TABLES + 4 <= MW_ENGINE_TABLES, "all of them have room");
	if (e->session)
		mw_session_count(e->session, &sess);
	mw_eng_tables_lost(e, lost);
	for (i = 0; i < MW_ENG_TABLES; i++)
		ret[n++] = (struct mw_engine_table){ .name = mw_eng_table_names[i],
						     .lost = lost[i] };
	ret[0].n = mw_stream_count(e->stream);
	ret[0].max = MW_ENG_CHANS_MAX;
	ret[1].n = sess.calls;
	ret[1].max = MW_ENG_CALLS_MAX;
	ret[2].n = mw_procs_count(e->procs);
	ret[2].max = MW_ENG_PROCS_MAX;
	ret[n++] = (struct mw_engine_table){ "servers", sess.servers, MW_ENG_SERVERS_MAX, 0 };
	ret[n++] = (struct mw_engine_table){ "conversations", sess.convs, MW_SESSION_CONVS_MAX, 0 };
	ret[n++] =
	    (struct mw_engine_table){ "HTTP connections", sess.conns, MW_SESSION_CONNS_MAX, 0 };
	ret[n++] = (struct mw_engine_table){ "definitions of tools", mw_table_count(e->tools),
					     MW_ENG_TOOLS_MAX, 0 };
	return n;
}

/* "s", the run's number in eight hex digits, "-", the server's (mw_emit_id). */
static void put_id(char ret[40], uint32_t run, uint64_t n)
{
	char digits[20];
	size_t at = 0, k = 0;

	ret[at++] = 's';
	for (unsigned int shift = 32; shift > 0; shift -= 4)
		ret[at++] = "0123456789abcdef"[run >> (shift - 4) & 15];
	ret[at++] = '-';
	do
		digits[k++] = (char)('0' + n % 10);
	while (n /= 10);
	while (k)
		ret[at++] = digits[--k];
	ret[at] = '\0';
}

size_t mw_engine_opaque(const struct mw_engine *e, struct mw_engine_opaque *ret, size_t max)
{
	const struct mw_server *sv;
	size_t pos = 0, n = 0;

	while (n < max && e->session && (sv = mw_session_each_server(e->session, &pos))) {
		if (!(sv->tls_in | sv->http2_in | sv->tls_out | sv->http2_out))
			continue;
		put_id(ret[n].id, e->run, sv->id);
		ret[n].tls_in = sv->tls_in;
		ret[n].http2_in = sv->http2_in;
		ret[n].tls_out = sv->tls_out;
		ret[n++].http2_out = sv->http2_out;
	}
	return n;
}

void mw_engine_stats(const struct mw_engine *e, struct mw_engine_stats *ret)
{
	struct mw_policy_stats policy = { 0 };
	struct mw_redact_stats redact = { 0 };
	struct mw_engine_stats s = e->stats;
	struct mw_resolve_stats names;
	struct mw_correlate_stats corr;
	struct mw_stream_stats stream;
	struct mw_state_stats state;
	struct mw_wire_stats wire;

	mw_stream_stats(e->stream, &stream);
	mw_correlate_stats(e->correlate, &corr);
	mw_wire_stats(e->wire, &wire);
	mw_resolve_stats(e->resolve, &names);
	mw_state_stats(e->state, &state);
	mw_eng_policy_stats(e, &policy);
	if (e->head.redact)
		mw_redact_stats(e->head.redact, &redact);
	s.gap_bytes = stream.gap_bytes;
	s.late_bytes = stream.late_bytes;
	s.dropped_bytes = stream.dropped_bytes;
	s.held_bytes = stream.held_bytes;
	s.places_lost = wire.lost;
	s.effects_unlisted = corr.effects_unlisted;
	s.effects_waiting = corr.claims_waiting;
	s.facts = policy.facts;
	s.alerts_folded = policy.folded;
	s.regex_failed = policy.regex_failed;
	s.redacted = redact.n;
	s.unscanned = redact.unscanned;
	s.bad_names = names.malformed;
	s.state_pins = state.pins;
	s.state_tools = state.tools;
	s.state_evicted = state.evicted;
	s.state_refused = state.refused;
	s.memory = e->bytes.used;
	s.memory_max = e->bytes.max;
	s.memory_refused = e->bytes.n_refused;
	*ret = s;
}
