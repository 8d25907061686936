/* SPDX-License-Identifier: Apache-2.0 */
#include "io/metrics.h"

#include <errno.h>
#include <stdarg.h>

#include "io/escape.h"

struct text {
	struct mw_buf *out;
	const struct mw_health *h;
	const char *name; /* of the family that was begun */
	int error;
};

static void append(struct text *t, const char *p, size_t n)
{
	if (t->error == 0)
		t->error = mw_buf_append(t->out, p, n);
}

static void __attribute__((format(printf, 2, 3))) print(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(line))
		append(t, line, (size_t)n);
	else if (t->error == 0)
		t->error = -E2BIG;
}

static void family(struct text *t, const char *name, const char *type, const char *help)
{
	t->name = name;
	print(t, "# HELP mcpwatch_%s %s\n# TYPE mcpwatch_%s %s\n", name, help, name, type);
}

/* Text of the observed world is shown as a terminal would get it, so that no view is fooled by it.
 */
static void label(struct text *t, const char *value)
{
	const size_t n = strlen(value);
	char one[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t at = 0, i;

	while (at < n) {
		at += mw_escape_next(value + at, n - at, one, &cols);
		for (i = 0; one[i]; i++) {
			if (one[i] == '\\' || one[i] == '"')
				append(t, "\\", 1);
			append(t, &one[i], 1);
		}
	}
}

static void sample(struct text *t, double v)
{
	print(t, "mcpwatch_%s %.17g\n", t->name, v);
}

static void labelled(struct text *t, const char *key, const char *value, double v)
{
	print(t, "mcpwatch_%s{%s=\"", t->name, key);
	label(t, value);
	print(t, "\"} %.17g\n", v);
}

/* --- plain numbers ------------------------------------------------------------------------------
 */

struct number {
	const char *name, *type, *help;
	size_t at; /* of a uint64_t in struct mw_health */
};

#define COUNTER(name, member, help)                                                                \
	{                                                                                          \
		name "_total", "counter", help, offsetof(struct mw_health, member)                 \
	}
#define GAUGE(name, member, help)                                                                  \
	{                                                                                          \
		name, "gauge", help, offsetof(struct mw_health, member)                            \
	}

static const struct number numbers[] = {
	GAUGE("stopping", stopping, "1: it was told to end, and finishes what it has begun."),
	GAUGE("resident_memory_bytes", rss, "Memory of the daemon that is in RAM."),
	COUNTER("source_events", source.events, "Events of the kernel delivered."),
	COUNTER("source_bytes", source.bytes, "Bytes of events delivered."),
	COUNTER("source_lost_ring", source.lost_ring, "Events without room in the ring buffer."),
	COUNTER("source_lost_run", source.lost_run, "Kernel programs that did not run."),
	COUNTER("source_lost_table", source.lost_table, "Entries without room in kernel tables."),
	COUNTER("source_faults", source.faults, "Reads of user memory that failed."),
	COUNTER("source_task_faults", source.task_faults,
		"Acts whose runtime's memory could not be read: for whom is not known."),
	GAUGE("runtimes", bpf.runtimes, "Processes with a runtime that is followed."),
	GAUGE("runtimes_waiting", bpf.runtimes_waiting, "Processes to be looked at again."),
	COUNTER("runtime_looks", bpf.runtimes_looks, "Looks at the runtimes of processes."),
	COUNTER("runtime_refused", bpf.runtimes_refused, "Runtimes that found no room or answer."),
	COUNTER("uprobes_failed", bpf.uv_failed, "Processes in which probes could not be put."),
	COUNTER("uprobes_refused", bpf.uv_refused, "Probes without room."),
	COUNTER("events", engine.events, "Events taken by the core."),
	COUNTER("lost_events", engine.lost_events, "Events that never came, by their numbers."),
	COUNTER("lost_runs", engine.lost_runs, "Kernel programs that did not run, as told."),
	COUNTER("arguments_unread", engine.lost_argv,
		"Processes whose arguments could not be read."),
	COUNTER("lost_kernel_table", engine.lost_table, "Entries lost by kernel tables, as told."),
	COUNTER("no_memory", engine.alloc_failed, "Times that memory was short."),
	COUNTER("stream_bytes", engine.stream_bytes, "Bytes of channels that were read."),
	COUNTER("stream_gap_bytes", engine.gap_bytes, "Bytes of channels that are missing."),
	COUNTER("stream_late_bytes", engine.late_bytes, "Bytes that came after their place."),
	COUNTER("stream_dropped_bytes", engine.dropped_bytes, "Bytes dropped without memory."),
	GAUGE("stream_held_bytes", engine.held_bytes, "Bytes that wait for those before them."),
	COUNTER("places_lost", engine.places_lost, "Connections whose next message is unknown."),
	GAUGE("calls_in_flight", engine.calls_open, "Calls without their end."),
	COUNTER("effects_unlisted", engine.effects_unlisted,
		"Effects a call's record only counts."),
	GAUGE("effects_waiting", engine.effects_waiting,
	      "Effects that wait for proof of their tie."),
	COUNTER("policy_facts", engine.facts, "Facts held against the rules."),
	COUNTER("alerts_folded", engine.alerts_folded, "Alerts counted in another one."),
	COUNTER("regex_failed", engine.regex_failed, "Patterns of rules that met their limit."),
	COUNTER("redactions", engine.redacted, "Secrets taken out."),
	COUNTER("redact_unscanned", engine.unscanned,
		"Texts taken out whole for a pattern's time."),
	COUNTER("bad_dns", engine.bad_names, "Datagrams that were no DNS message."),
	GAUGE("state_pins", engine.state_pins, "Definitions that are pinned."),
	GAUGE("state_tools", engine.state_tools, "Tools whose use is learned."),
	COUNTER("state_evicted", engine.state_evicted, "Lines of state forgotten for room."),
	COUNTER("state_refused", engine.state_refused, "Lines of state that were none."),
	COUNTER("state_unkept", state_unkept, "Lines of state that could not be written."),
	GAUGE("reassembly_bytes", engine.memory, "Memory of reassembly."),
	GAUGE("reassembly_max_bytes", engine.memory_max, "Its limit."),
	COUNTER("reassembly_refused", engine.memory_refused, "Requests beyond that limit."),
	COUNTER("unwritten_records", engine.unwritten, "Records that the log did not take."),
	GAUGE("scope_held_bytes", scope.held_bytes, "Events of candidates held back."),
	COUNTER("scope_promoted", scope.promoted, "Candidates that proved to be servers."),
	COUNTER("scope_let_go", scope.let_go, "Candidates that did not."),
	COUNTER("scope_dropped", scope.dropped, "Held events pushed out."),
	COUNTER("scope_refused", scope.refused, "What found no room in the tables of the scope."),
	COUNTER("log_records", log.records, "Records in the log, of all runs."),
	COUNTER("log_sealed_records", log.sealed, "Of them under a seal on disk."),
	COUNTER("log_seals", log.seals, "Seals of this run."),
	COUNTER("log_bytes", log.bytes, "Bytes of records written by this run."),
	GAUGE("anchors", n_anchors, "Anchors that are configured."),
	COUNTER("anchor_sent", anchors.sent, "Checkpoints sent to anchors."),
	COUNTER("anchor_failed", anchors.failed, "Tries of anchors that failed."),
	GAUGE("outlets", outlets.outlets, "Outlets of alerts that are configured."),
	COUNTER("outlet_sent", outlets.sent, "Alerts sent by outlets."),
	COUNTER("outlet_failed", outlets.failed, "Tries of outlets that failed."),
	COUNTER("outlet_not_sent", outlets.not_sent, "Alerts that an outlet did not deliver."),
	GAUGE("outlet_waiting", outlets.waiting, "Alerts in the queues of outlets."),
	COUNTER("reloads", reloads, "Configurations taken by SIGHUP."),
	COUNTER("reloads_failed", reloads_failed, "Configurations that were refused."),
	GAUGE("control_clients", control.clients, "Clients of the control socket."),
	COUNTER("control_requests", control.requests, "Requests it answered."),
	COUNTER("control_refused", control.refused, "Clients it turned away."),
	COUNTER("control_slow", control.slow, "Clients let go because they were slow."),
	COUNTER("control_dropped_records", control.dropped,
		"Records that a watching client missed."),
	COUNTER("metrics_file_failed", metrics_failed, "Times the metrics file was not written."),
};

static void put_numbers(struct text *t)
{
	uint64_t v;
	size_t i;

	_Static_assert(sizeof(size_t) == sizeof(uint64_t), "scope's sizes are read as such");
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		memcpy(&v, (const char *)t->h + numbers[i].at, sizeof(v));
		family(t, numbers[i].name, numbers[i].type, numbers[i].help);
		sample(t, (double)v);
	}
}

/* --- by label -----------------------------------------------------------------------------------
 */

static void put_words(struct text *t, const char *name, const char *key, const char *help,
		      const struct mw_tally_words *words)
{
	size_t i;

	family(t, name, "counter", help);
	for (i = 0; i < words->n; i++)
		labelled(t, key, words->w[i].name, (double)words->w[i].n);
}

static void put_records(struct text *t)
{
	const struct mw_tally *y = t->h->tally;
	size_t i;

	put_words(t, "records_total", "type", "Records by type.", &y->types);
	put_words(t, "calls_total", "status", "Calls that ended, by status.", &y->status);
	put_words(t, "effects_total", "kind", "Effects by kind.", &y->kinds);
	put_words(t, "effect_ties_total", "confidence",
		  "Effects by how far their tie is to be trusted.", &y->sure);
	put_words(t, "alert_rules_total", "rule", "Alerts by rule.", &y->rules);
	put_words(t, "anomalies_total", "what", "Anomalies.", &y->anomalies);
	put_words(t, "gaps_total", "reason", "Gaps, each a record of missing evidence.",
		  &y->reasons);
	family(t, "gap_events_total", "counter", "Events that gaps speak of.");
	for (i = 0; i < y->reasons.n; i++)
		labelled(t, "reason", y->reasons.w[i].name, (double)y->reasons.w[i].events);
	family(t, "gap_bytes_total", "counter", "Bytes that gaps speak of.");
	for (i = 0; i < y->reasons.n; i++)
		labelled(t, "reason", y->reasons.w[i].name, (double)y->reasons.w[i].bytes);
	family(t, "alerts_total", "counter", "Alerts by severity.");
	for (i = 0; i < MW_TALLY_SEVERITIES; i++)
		labelled(t, "severity", mw_tally_severity[i], (double)y->alerts[i]);
	family(t, "tally_unread_total", "counter", "Records that were counted by number only.");
	sample(t, (double)y->unread);
	family(t, "servers_untold_total", "counter", "Servers without room among those told.");
	sample(t, (double)y->refused);
}

static void put_names(struct text *t)
{
	static const struct {
		const char *name, *help;
		size_t at;
	} of[] = {
		{ "server_calls_total", "Calls that ended, by server.",
		  offsetof(struct mw_tally_count, calls) },
		{ "server_tool_calls_total", "Of them calls of tools.",
		  offsetof(struct mw_tally_count, tool_calls) },
		{ "server_call_failures_total", "Calls that ended otherwise than ok.",
		  offsetof(struct mw_tally_count, failed) },
		{ "server_effects_total", "Effects of servers.",
		  offsetof(struct mw_tally_count, effects) },
		{ "server_alerts_total", "Alerts about servers.",
		  offsetof(struct mw_tally_count, alerts) },
		{ "server_gaps_total", "Gaps that name a server.",
		  offsetof(struct mw_tally_count, gaps) },
		{ "server_anomalies_total", "Anomalies of servers.",
		  offsetof(struct mw_tally_count, anomalies) },
	};
	const struct mw_tally *y = t->h->tally;
	uint64_t v;
	size_t i, k;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		family(t, of[i].name, "counter", of[i].help);
		for (k = 0; k < y->n_names; k++) {
			memcpy(&v, (const char *)&y->names[k].c + of[i].at, sizeof(v));
			labelled(t, "server", y->names[k].name, (double)v);
		}
	}
	family(t, "server_call_seconds_total", "counter", "Time that calls took, together.");
	for (k = 0; k < y->n_names; k++)
		labelled(t, "server", y->names[k].name, y->names[k].c.call_seconds);
}

/* Running servers that have the same labels. */
struct tier {
	const char *name, *io, *link;
	uint64_t n, in_flight;
};

static size_t tiers(const struct mw_tally *y, struct tier ret[MW_TALLY_NAMES_MAX])
{
	size_t n = 0, i, k;

	for (i = 0; i < y->n_servers; i++) {
		const struct mw_tally_server *s = &y->servers[i];
		struct tier x = { s->name, s->io, s->link, 0, 0 };

		if (s->gone)
			continue;
		for (k = 0; k < n; k++)
			if (strcmp(ret[k].name, x.name) == 0 && strcmp(ret[k].io, x.io) == 0 &&
			    strcmp(ret[k].link, x.link) == 0)
				break;
		if (k == MW_TALLY_NAMES_MAX)
			k--;
		else if (k == MW_TALLY_NAMES_MAX - 1)
			x = (struct tier){ "other", "", "", 0, 0 };
		if (k == n) {
			ret[k] = x;
			n++;
		}
		ret[k].n++;
		ret[k].in_flight += s->in_flight;
	}
	return n;
}

static void put_tier(struct text *t, const struct tier *x, uint64_t v)
{
	print(t, "mcpwatch_%s{server=\"", t->name);
	label(t, x->name);
	print(t, "\",io=\"");
	label(t, x->io);
	print(t, "\",link=\"");
	label(t, x->link);
	print(t, "\"} %llu\n", (unsigned long long)v);
}

static void put_tiers(struct text *t)
{
	struct tier x[MW_TALLY_NAMES_MAX];
	const size_t n = tiers(t->h->tally, x);
	size_t i;

	family(t, "servers", "gauge", "Running servers, by name and tier.");
	for (i = 0; i < n; i++)
		put_tier(t, &x[i], x[i].n);
	family(t, "server_calls_in_flight", "gauge", "Requests of running servers without an end.");
	for (i = 0; i < n; i++)
		put_tier(t, &x[i], x[i].in_flight);
}

static void put_ties(struct text *t)
{
	const struct mw_tally *y = t->h->tally;
	size_t i, k;

	family(t, "server_effect_ties_total", "counter",
	       "Effects of servers by how far their tie is to be trusted.");
	for (i = 0; i < y->n_names; i++)
		for (k = 0; k < MW_TALLY_TIES; k++) {
			print(t, "mcpwatch_%s{server=\"", t->name);
			label(t, y->names[i].name);
			print(t, "\",confidence=\"%s\"} %llu\n", mw_tally_tie[k],
			      (unsigned long long)y->names[i].c.ties[k]);
		}
}

/* Of all servers together: two of one name would be one line twice. */
static void put_opaque(struct text *t)
{
	struct mw_engine_opaque all = { 0 };
	size_t i;

	for (i = 0; i < t->h->n_opaque; i++) {
		all.tls_in += t->h->opaque[i].tls_in;
		all.http2_in += t->h->opaque[i].http2_in;
		all.tls_out += t->h->opaque[i].tls_out;
		all.http2_out += t->h->opaque[i].http2_out;
	}
	family(t, "opaque_connections_total", "counter",
	       "Connections to and from servers that are not read, by what they began with.");
	labelled(t, "begin", "tls_in", (double)all.tls_in);
	labelled(t, "begin", "http2_in", (double)all.http2_in);
	labelled(t, "begin", "tls_out", (double)all.tls_out);
	labelled(t, "begin", "http2_out", (double)all.http2_out);
}

static void put_tables(struct text *t)
{
	const struct mw_health *h = t->h;
	size_t i;

	family(t, "table_entries", "gauge", "Entries of tables of the core.");
	for (i = 0; i < h->n_tables; i++)
		if (h->tables[i].max)
			labelled(t, "table", h->tables[i].name, (double)h->tables[i].n);
	family(t, "table_max_entries", "gauge", "Their limits.");
	for (i = 0; i < h->n_tables; i++)
		if (h->tables[i].max)
			labelled(t, "table", h->tables[i].name, (double)h->tables[i].max);
	family(t, "table_evicted_total", "counter", "What found no room in tables of the core.");
	for (i = 0; i < h->n_tables; i++)
		labelled(t, "table", h->tables[i].name, (double)h->tables[i].lost);
}

static void put_rest(struct text *t)
{
	const struct mw_health *h = t->h;
	struct mw_health_problem p[MW_HEALTH_PROBLEMS_MAX];
	const size_t n = mw_health_problems(h, p);

	family(t, "build_info", "gauge", "Which mcpwatch this is.");
	labelled(t, "version", h->version, 1);
	family(t, "healthy", "gauge", "1: it does its work; 0: see 'mcpwatch status'.");
	sample(t, n == 0 || !p[0].bad);
	family(t, "problems", "gauge", "Lines of 'mcpwatch status' that want to be looked at.");
	sample(t, (double)n);
	family(t, "start_time_seconds", "gauge", "When it began, since 1970.");
	sample(t, (double)h->started_ns / 1e9);
	family(t, "cpu_seconds_total", "counter", "Processor time that it took.");
	sample(t, h->cpu_seconds);
	family(t, "log_taking_records", "gauge", "1: the log takes records and is sealed.");
	sample(t, h->log.error == 0);
	family(t, "log_last_seal_timestamp_seconds", "gauge",
	       "When the log was sealed last; 0: never.");
	sample(t, h->log.sealed_ns
		      ? (double)(h->now_ns - (int64_t)(h->boot_ns - h->log.sealed_ns)) / 1e9
		      : 0);
}

int mw_metrics_print(const struct mw_health *h, struct mw_buf *out)
{
	struct text t = { .out = out, .h = h };

	put_rest(&t);
	put_numbers(&t);
	put_records(&t);
	put_names(&t);
	put_tiers(&t);
	put_ties(&t);
	put_opaque(&t);
	put_tables(&t);
	append(&t, "# EOF\n", 6);
	return t.error;
}
