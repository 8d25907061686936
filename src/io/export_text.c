/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_text.h"

#include "base/json.h"
#include "io/export_json.h"
#include "io/export_out.h"

/* What failed once fails for the whole line: looked at once, at its end. */
struct text {
	struct mw_buf *out;
	const struct mw_logrec *rec;
	const struct mw_export_item *item;
	int r;
};

static void put(struct text *t, const char *ours)
{
	if (t->r == 0)
		t->r = mw_buf_append_str(t->out, ours);
}

static void put_u64(struct text *t, uint64_t v)
{
	if (t->r == 0)
		t->r = mw_buf_append_u64(t->out, v);
}

static void put_raw(struct text *t, struct mw_slice raw)
{
	int r;

	if (t->r < 0 || raw.n == 0)
		return;
	if (mw_out_is_str(raw)) {
		r = mw_json_str_decode_head(raw, MW_ETEXT_PART_MAX, t->out);
		if (r == 1)
			put(t, "...");
		else
			t->r = r;
		return;
	}
	t->r = mw_buf_append(t->out, raw.p, raw.n < MW_ETEXT_PART_MAX ? raw.n : MW_ETEXT_PART_MAX);
}

/* `before`, and the member; nothing where it is missing. */
static void put_member(struct text *t, const char *before, const char *name)
{
	struct mw_slice raw = mw_logrec_get(t->rec, name);

	if (raw.n == 0)
		return;
	put(t, before);
	put_raw(t, raw);
}

struct mw_slice mw_etext_name(struct mw_slice server)
{
	static const char *const names[] = { "configured_name", "name", "key", "id" };
	struct mw_slice v = { 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && v.n == 0; i++)
		v = mw_out_get(server, names[i]);
	return v;
}

static void put_server(struct text *t, const char *before)
{
	struct mw_slice name = mw_etext_name(mw_logrec_get(t->rec, "server"));

	if (name.n == 0)
		return;
	put(t, before);
	put_raw(t, name);
}

static void put_what(struct text *t)
{
	put_server(t, "");
	put(t, t->out->len ? " " : "");
	if (mw_logrec_get(t->rec, "tool").n)
		put_member(t, "", "tool");
	else
		put_member(t, "", "method");
}

static void line_call(struct text *t)
{
	put_what(t);
	put_member(t, ": ", "status");
	put_member(t, " ", "error");
	put_member(t, ", ms: ", "elapsed_ms");
	put_member(t, ", effects: ", "effects_n");
	put_member(t, ", alerts: ", "alerts");
	if (t->item->joined[0]) {
		put(t, ", seen on another host as ");
		put(t, t->item->joined);
	}
}

static void line_effect(struct text *t)
{
	put_member(t, "", "kind");
	put_member(t, " ", "mode");
	put_member(t, " ", "target");
	put_member(t, " -> ", "target2");
	put_member(t, " ", "verb");
	put_member(t, " ", "object");
	put_member(t, ": ", "result");
	put_member(t, ", times: ", "n");
	put_server(t, ", by ");
	put(t, ", tie: ");
	put(t, t->item->tie.link);
	if (t->item->tie.call[0]) {
		put(t, " to ");
		put(t, t->item->tie.call);
		put(t, " (");
		put(t, t->item->tie.confidence);
		put(t, ")");
	}
}

static void line_alert(struct text *t)
{
	put_member(t, "ALERT ", "severity");
	put_member(t, " ", "rule");
	put_member(t, ": ", "title");
	put_member(t, ", ", "detail");
	put_server(t, ", of ");
	put_member(t, " ", "tool");
	put_member(t, ", times: ", "count");
}

static void line_gap(struct text *t)
{
	put_member(t, "GAP: evidence is missing: ", "reason");
	put_member(t, " ", "where");
	put_member(t, ", bytes: ", "bytes");
	put_member(t, ", events: ", "events");
	put_member(t, ", records: ", "records");
	put_member(t, ", from ", "from");
	put_member(t, " to ", "to");
	put_server(t, ", of ");
}

static void line_anomaly(struct text *t)
{
	put_member(t, "ANOMALY: ", "what");
	put_member(t, " in ", "where");
	put_server(t, ", of ");
	put_member(t, ", call ", "call");
}

static void line_request(struct text *t)
{
	put_what(t);
	put(t, ": request read");
}

static void line_notice(struct text *t)
{
	put_what(t);
	put_member(t, ": notification ", "dir");
}

static void line_server(struct text *t)
{
	put_member(t, "server ", "event");
	put_server(t, ": ");
	put_member(t, ", by ", "transport");
}

static void line_tool(struct text *t)
{
	put_member(t, "tool ", "tool");
	put_server(t, " of ");
	put_member(t, ", definition ", "hash");
	put_member(t, ", was ", "was");
}

static void line_daemon(struct text *t)
{
	put_member(t, "mcpwatch ", "event");
	put_member(t, " ", "version");
	put_member(t, ": ", "error");
}

static void line_body(struct text *t)
{
	put_member(t, "", "what");
	put_member(t, " of call ", "call");
	put_member(t, ", part ", "part");
	put_member(t, " of ", "of");
}

static void line_ties(struct text *t)
{
	put_member(t, "more effects of call ", "call");
	put_member(t, ", part ", "part");
	put_member(t, " of ", "of");
}

static void line_seal(struct text *t)
{
	put_member(t, "log sealed, epoch ", "epoch");
	put_member(t, ": ", "reason");
}

int mw_etext_line(const struct mw_export_item *item, struct mw_buf *out)
{
	static const struct {
		const char *type;
		void (*line)(struct text *t);
	} lines[] = {
		{ "effect", line_effect }, { "call", line_call },     { "request", line_request },
		{ "alert", line_alert },   { "gap", line_gap },	      { "anomaly", line_anomaly },
		{ "notice", line_notice }, { "server", line_server }, { "tool", line_tool },
		{ "daemon", line_daemon }, { "body", line_body },     { "ties", line_ties },
		{ "seal", line_seal },
	};
	struct text t = { .out = out, .rec = item->rec, .item = item };

	mw_buf_reset(out, out->cap);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (strcmp(lines[i].type, item->rec->type) == 0)
			lines[i].line(&t);
	if (out->len == 0)
		put(&t, item->rec->type);
	out->len = mw_ejson_head(mw_buf_slice(out), MW_ETEXT_MAX).n;
	return t.r;
}

int mw_etext_about(const struct mw_export_about *about, struct mw_buf *out)
{
	struct text t = { .out = out };

	mw_buf_reset(out, out->cap);
	if (about->wrong) {
		put(&t, "DO NOT RELY ON THIS: the log was tampered with: ");
		put(&t, about->wrong);
		put(&t, "; ");
	}
	put(&t, "exported by mcpwatch " MW_VERSION);
	for (size_t i = 0; i < about->n_inputs; i++) {
		put(&t, i ? ", " : " from ");
		put(&t, about->inputs[i].host[0] ? about->inputs[i].host : about->inputs[i].path);
		put(&t, about->inputs[i].report ? "" : " (a file that nothing proves)");
	}
	put(&t, ": records ");
	put_u64(&t, about->records);
	put(&t, ", calls ");
	put_u64(&t, about->calls);
	put(&t, ", effects ");
	put_u64(&t, about->effects);
	put(&t, ", alerts ");
	put_u64(&t, about->alerts);
	put(&t, ", gaps ");
	put_u64(&t, about->gaps);
	if (about->filter[0]) {
		put(&t, "; filter: ");
		put(&t, about->filter);
	}
	return t.r;
}
