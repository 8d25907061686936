/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_otlp_span.c - records as spans, with the names of OpenTelemetry's conventions
 *
 * (docs/gen-ai/mcp.md of open-telemetry/semantic-conventions; its general ones for files,
 * processes, networks, databases and HTTP.) What they have no name for is mcpwatch.*.
 */
#include "io/export_otlp.h"
#include "io/when.h"

static int64_t when_of(const struct mw_logrec *rec, const char *name, int64_t otherwise)
{
	struct mw_slice raw = mw_logrec_get(rec, name);
	int64_t ns;

	if (raw.n < 2 || mw_when_rfc3339((const char *)raw.p + 1, raw.n - 2, &ns) < 0)
		return otherwise;
	return ns;
}

static void put_transport(struct mw_otlp *o, struct mw_slice transport)
{
	bool http = mw_etext_is(transport, "http") || mw_etext_is(transport, "sse");

	if (mw_etext_is(transport, "stdio"))
		mw_otlp_attr_str(o, "network.transport", "pipe");
	else if (transport.n)
		mw_otlp_attr_str(o, "network.transport", "tcp");
	if (http)
		mw_otlp_attr_str(o, "network.protocol.name", "http");
	else if (mw_etext_is(transport, "websocket"))
		mw_otlp_attr_str(o, "network.protocol.name", "websocket");
}

/* The id as text: 7 and "7" are both 7, as the convention has it; the raw one stands beside. */
static void put_rpc_id(struct mw_otlp *o, struct mw_slice raw)
{
	struct mw_slice text;

	if (raw.n == 0 || mw_out_text(raw, &o->line, &text) < 0)
		return;
	if (mw_out_is_str(text) && text.p[text.n - 1] == '"')
		mw_otlp_attr_raw(o, "jsonrpc.request.id", text);
	else
		mw_otlp_attr_text(o, "jsonrpc.request.id", text);
	mw_otlp_attr_text(o, "mcpwatch.rpc_id", text);
}

/* What went wrong, by the convention: the code of an error, or tool_error; else how it ended. */
static void put_error(struct mw_otlp *o, const struct mw_logrec *rec)
{
	struct mw_slice status = mw_logrec_get(rec, "status"),
			code = mw_out_get(mw_logrec_get(rec, "error"), "code");

	mw_otlp_attr_raw(o, "rpc.response.status_code", code);
	if (!mw_etext_is(status, "ok"))
		mw_otlp_attr_raw(o, "error.type", code.n ? code : status);
}

/* The low-cardinality end of a name: the tool, or the prompt. */
static struct mw_slice target_of(const struct mw_logrec *rec, bool *ret_prompt)
{
	struct mw_slice tool = mw_logrec_get(rec, "tool");

	*ret_prompt = tool.n == 0 && mw_etext_is(mw_logrec_get(rec, "method"), "prompts/get");
	return *ret_prompt ? mw_out_get(mw_logrec_get(rec, "args"), "name") : tool;
}

static int call_name(struct mw_otlp *o, const struct mw_logrec *rec)
{
	struct mw_slice method = mw_logrec_get(rec, "method"), target;
	bool prompt;
	int r = 0;

	mw_buf_reset(&o->line, o->line.cap);
	if (mw_out_is_str(method))
		r = mw_json_str_decode_head(method, MW_ETEXT_PART_MAX, &o->line);
	target = target_of(rec, &prompt);
	if (r >= 0 && mw_out_is_str(target)) {
		r = mw_buf_append_byte(&o->line, ' ');
		if (r == 0)
			r = mw_json_str_decode_head(target, MW_ETEXT_PART_MAX, &o->line);
	}
	return r < 0 ? r : 0;
}

static void put_call_links(struct mw_otlp *o, const struct mw_export_item *item, bool in_trace)
{
	struct mw_slice trace = mw_otlp_inside(mw_logrec_get(item->rec, "trace"));
	struct mw_otlp_id id, unused;
	bool linked = !in_trace && mw_otlp_traceparent(trace, &id) == 0;

	if (!linked && !item->joined[0])
		return;
	mw_otlp_links_open(o);
	if (linked)
		mw_otlp_link(o, &id, "traceparent of the request");
	if (item->joined[0]) {
		mw_otlp_call_id(o, mw_slice_str(item->joined), &id, &unused);
		mw_otlp_link(o, &id, "the same call, seen on another host");
	}
	mw_otlp_links_close(o);
}

int mw_otlp_call(struct mw_otlp *o, const struct mw_export_item *item)
{
	static const char *const texts[][2] = {
		{ "mcpwatch.call", "call" },	 { "mcpwatch.direction", "dir" },
		{ "mcpwatch.status", "status" }, { "mcpwatch.evidence", "evidence" },
		{ "mcpwatch.power", "power" },	 { "mcpwatch.args_hmac", "args_hmac" },
		{ "mcpwatch.alerts", "alerts" }, { "mcpwatch.anomalies", "anomalies" },
		{ "mcpwatch.hops", "hops" },	 { "mcpwatch.rounds", "rounds" },
		{ "mcpwatch.task", "task" },	 { "mcpwatch.result_hmac", "result_hmac" },
		{ "mcp.method.name", "method" }, { "mcp.session.id", "session" },
	};
	const struct mw_logrec *rec = item->rec;
	struct mw_slice call = mw_otlp_inside(mw_logrec_get(rec, "call")),
			method = mw_logrec_get(rec, "method"), args = mw_logrec_get(rec, "args"),
			status = mw_logrec_get(rec, "status"), http = mw_logrec_get(rec, "http"),
			client = mw_logrec_get(rec, "client"), error = mw_logrec_get(rec, "error");
	int64_t end = when_of(rec, "end", rec->time_ns), begin = when_of(rec, "begin", end);
	struct mw_otlp_id id, parent;
	bool in_trace = mw_otlp_call_id(o, call, &id, &parent), prompt;
	int r = call_name(o, rec);

	if (r < 0)
		return r;
	mw_otlp_span(o, &id, in_trace ? &parent : NULL, mw_buf_slice(&o->line), MW_OTLP_SERVER,
		     begin, end < begin ? begin : end);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		mw_otlp_attr_raw(o, texts[i][0], mw_logrec_get(rec, texts[i][1]));
	put_rpc_id(o, mw_logrec_get(rec, "rpc_id"));
	if (mw_etext_is(method, "tools/call")) {
		mw_otlp_attr_str(o, "gen_ai.operation.name", "execute_tool");
		mw_otlp_attr_raw(o, "gen_ai.tool.call.arguments", args);
		mw_otlp_attr_raw(o, "gen_ai.tool.call.result", mw_logrec_get(rec, "result"));
	} else {
		mw_otlp_attr_raw(o, "mcpwatch.args", args);
		mw_otlp_attr_raw(o, "mcpwatch.result", mw_logrec_get(rec, "result"));
	}
	mw_otlp_attr_raw(
	    o, target_of(rec, &prompt).n && prompt ? "gen_ai.prompt.name" : "gen_ai.tool.name",
	    target_of(rec, &prompt));
	if (mw_slice_starts(method, MW_SLICE_LIT("\"resources/")))
		mw_otlp_attr_raw(o, "mcp.resource.uri", mw_out_get(args, "uri"));
	put_transport(o, mw_logrec_get(rec, "transport"));
	mw_otlp_attr_addr(o, "server", mw_out_get(mw_logrec_get(rec, "server"), "addr"));
	mw_otlp_attr_addr(o, "client", mw_out_get(client, "addr"));
	mw_otlp_attr_raw(o, "http.request.method", mw_out_get(http, "method"));
	mw_otlp_attr_int(o, "http.response.status_code", mw_out_get(http, "status"));
	mw_otlp_attr_raw(o, "mcpwatch.client", mw_etext_name(client));
	mw_otlp_attr_raw(o, "user.name", mw_out_get(mw_logrec_get(rec, "principal"), "user"));
	mw_otlp_attr_int(o, "mcpwatch.effects_n", mw_logrec_get(rec, "effects_n"));
	mw_otlp_attr_u64(o, "mcpwatch.seq", rec->seq);
	put_error(o, rec);
	mw_otlp_attrs_end(o);
	put_call_links(o, item, in_trace);
	mw_otlp_span_end(o, !mw_etext_is(status, "ok"),
			 mw_out_get(error, "message").n ? mw_out_get(error, "message") : status);
	return 0;
}

static void put_net(struct mw_otlp *o, const struct mw_logrec *rec, struct mw_slice kind)
{
	struct mw_slice verb = mw_logrec_get(rec, "verb"), object = mw_logrec_get(rec, "object"),
			name = mw_logrec_get(rec, "name"), target = mw_logrec_get(rec, "target");

	if (mw_etext_is(kind, "net.http")) {
		mw_otlp_attr_raw(o, "http.request.method", verb);
		mw_otlp_attr_raw(o, "url.full", object);
	} else if (mw_etext_is(kind, "db.statement")) {
		mw_otlp_attr_raw(o, "db.operation.name", verb);
		mw_otlp_attr_raw(o, "db.collection.name", object);
	} else if (mw_etext_is(kind, "net.dns")) {
		mw_otlp_attr_raw(o, "dns.question.name", name.n ? name : target);
		mw_otlp_attr_raw(o, "mcpwatch.dns.type", verb);
		mw_otlp_attr_raw(o, "mcpwatch.dns.answers", object);
	}
	mw_otlp_attr_addr(o, "network.peer", target);
	mw_otlp_attr_raw(o, "server.address", name);
}

int mw_otlp_effect(struct mw_otlp *o, const struct mw_export_item *item)
{
	static const char *const texts[][2] = {
		{ "mcpwatch.effect.kind", "kind" },
		{ "mcpwatch.effect.target", "target" },
		{ "mcpwatch.effect.target_from", "target_from" },
		{ "mcpwatch.effect.target2", "target2" },
		{ "mcpwatch.effect.mode", "mode" },
		{ "mcpwatch.effect.result", "result" },
		{ "mcpwatch.effect.basis", "basis" },
		{ "mcpwatch.effect.why", "why" },
		{ "mcpwatch.effect.candidates", "candidates" },
		{ "process.executable.path", "exe" },
	};
	static const char *const ints[][2] = {
		{ "process.pid", "pid" },
		{ "thread.id", "tid" },
		{ "process.exit.code", "code" },
		{ "mcpwatch.effect.bytes_read", "bytes_r" },
		{ "mcpwatch.effect.bytes_written", "bytes_w" },
		{ "mcpwatch.effect.times", "n" },
		{ "mcpwatch.effect.signal", "signal" },
	};
	const struct mw_logrec *rec = item->rec;
	struct mw_slice kind = mw_logrec_get(rec, "kind"), result = mw_logrec_get(rec, "result"),
			name;
	struct mw_otlp_id id, parent;
	bool failed = result.n && !mw_etext_is(result, "ok");
	int r;

	mw_otlp_record_id(o, item, mw_slice_str(item->tie.call), &id, &parent);
	r = mw_out_text(kind, &o->line, &name);
	if (r < 0)
		return r;
	mw_otlp_span(o, &id, item->tie.call[0] ? &parent : NULL, name, MW_OTLP_INTERNAL,
		     rec->time_ns, rec->time_ns);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		mw_otlp_attr_raw(o, texts[i][0], mw_logrec_get(rec, texts[i][1]));
	for (size_t i = 0; i < sizeof(ints) / sizeof(*ints); i++)
		mw_otlp_attr_int(o, ints[i][0], mw_logrec_get(rec, ints[i][1]));
	mw_otlp_attr_array(o, "process.command_args", mw_logrec_get(rec, "argv"));
	if (mw_slice_starts(kind, MW_SLICE_LIT("\"file.")))
		mw_otlp_attr_raw(o, "file.path", mw_logrec_get(rec, "target"));
	else if (mw_slice_starts(kind, MW_SLICE_LIT("\"net.")) ||
		 mw_slice_starts(kind, MW_SLICE_LIT("\"db.")))
		put_net(o, rec, kind);
	mw_otlp_attr_str(o, "mcpwatch.call", item->tie.call);
	mw_otlp_attr_str(o, "mcpwatch.effect.link", item->tie.link);
	mw_otlp_attr_str(o, "mcpwatch.effect.confidence", item->tie.confidence);
	mw_otlp_attr_u64(o, "mcpwatch.seq", rec->seq);
	if (failed)
		mw_otlp_attr_raw(o, "error.type", result);
	mw_otlp_attrs_end(o);
	/* that a file is not there is no failure of the call */
	mw_otlp_span_end(o, false, mw_slice(NULL, 0));
	return 0;
}

int mw_otlp_alert(struct mw_otlp *o, const struct mw_export_item *item)
{
	static const char *const texts[][2] = {
		{ "mcpwatch.alert.rule", "rule" },	 { "mcpwatch.alert.severity", "severity" },
		{ "mcpwatch.alert.title", "title" },	 { "mcpwatch.alert.detail", "detail" },
		{ "mcpwatch.alert.outcome", "outcome" }, { "mcpwatch.alert.effects", "effects" },
		{ "gen_ai.tool.name", "tool" },		 { "mcp.session.id", "session" },
	};
	const struct mw_logrec *rec = item->rec;
	struct mw_slice rule = mw_logrec_get(rec, "rule"), call, first = { 0 };
	struct mw_otlp_id id, parent, unused;
	struct mw_json_array a;
	unsigned int n = 0;
	int r;

	mw_json_array_init(&a, mw_logrec_get(rec, "calls"));
	if (mw_json_array_next(&a, &call))
		first = mw_otlp_inside(call);
	mw_otlp_record_id(o, item, first, &id, &parent);
	mw_buf_reset(&o->line, o->line.cap);
	r = mw_buf_append_str(&o->line, "alert ");
	if (r == 0 && mw_out_is_str(rule))
		r = mw_json_str_decode_head(rule, MW_ETEXT_PART_MAX, &o->line);
	if (r < 0)
		return r;
	mw_otlp_span(o, &id, first.n ? &parent : NULL, mw_buf_slice(&o->line), MW_OTLP_INTERNAL,
		     rec->time_ns, rec->time_ns);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		mw_otlp_attr_raw(o, texts[i][0], mw_logrec_get(rec, texts[i][1]));
	mw_otlp_attr_array(o, "mcpwatch.alert.calls", mw_logrec_get(rec, "calls"));
	mw_otlp_attr_array(o, "mcpwatch.alert.targets", mw_logrec_get(rec, "targets"));
	mw_otlp_attr_array(o, "mcpwatch.alert.tags", mw_logrec_get(rec, "tags"));
	mw_otlp_attr_int(o, "mcpwatch.alert.count", mw_logrec_get(rec, "count"));
	mw_otlp_attr_u64(o, "mcpwatch.seq", rec->seq);
	mw_otlp_attr_raw(o, "error.type", rule);
	mw_otlp_attrs_end(o);
	mw_otlp_links_open(o);
	while (n++ < 64 && mw_json_array_next(&a, &call)) {
		mw_otlp_call_id(o, mw_otlp_inside(call), &parent, &unused);
		mw_otlp_link(o, &parent, "a call of this alert");
	}
	mw_otlp_links_close(o);
	mw_otlp_span_end(o, true, mw_logrec_get(rec, "title"));
	return 0;
}

int mw_otlp_other(struct mw_otlp *o, const struct mw_export_item *item)
{
	const struct mw_logrec *rec = item->rec;
	bool gap = strcmp(rec->type, "gap") == 0, notice = strcmp(rec->type, "notice") == 0;
	struct mw_slice call = mw_otlp_inside(mw_logrec_get(rec, "call")), name;
	int64_t end = gap ? when_of(rec, "to", rec->time_ns) : rec->time_ns;
	int64_t begin = gap ? when_of(rec, "from", end) : end;
	struct mw_otlp_id id, parent;
	int r;

	mw_otlp_record_id(o, item, call, &id, &parent);
	name = mw_slice_str(gap ? "gap: evidence is missing" : "anomaly");
	r = notice ? mw_out_text(mw_logrec_get(rec, "method"), &o->tmp, &name) : 0;
	if (r == 0)
		r = mw_etext_line(item, &o->line);
	if (r < 0)
		return r;
	mw_otlp_span(o, &id, call.n ? &parent : NULL, name,
		     notice ? MW_OTLP_SERVER : MW_OTLP_INTERNAL, begin, end < begin ? begin : end);
	mw_otlp_attr_text(o, "mcpwatch.message", mw_buf_slice(&o->line));
	if (notice) {
		mw_otlp_attr_raw(o, "mcp.method.name", mw_logrec_get(rec, "method"));
		mw_otlp_attr_raw(o, "mcpwatch.params", mw_logrec_get(rec, "params"));
		mw_otlp_attr_raw(o, "mcpwatch.direction", mw_logrec_get(rec, "dir"));
	}
	mw_otlp_attr_raw(o, "mcpwatch.gap.reason", mw_logrec_get(rec, "reason"));
	mw_otlp_attr_int(o, "mcpwatch.gap.bytes", mw_logrec_get(rec, "bytes"));
	mw_otlp_attr_int(o, "mcpwatch.gap.events", mw_logrec_get(rec, "events"));
	mw_otlp_attr_raw(o, "mcpwatch.anomaly.what", mw_logrec_get(rec, "what"));
	mw_otlp_attr_raw(o, "mcpwatch.where", mw_logrec_get(rec, "where"));
	mw_otlp_attr_u64(o, "mcpwatch.seq", rec->seq);
	if (!notice)
		mw_otlp_attr_str(o, "error.type", rec->type);
	mw_otlp_attrs_end(o);
	mw_otlp_span_end(o, !notice, mw_logrec_get(rec, gap ? "reason" : "what"));
	return 0;
}
