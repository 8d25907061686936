/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_timesketch.c - rows for Timesketch, as JSON lines
 *
 * Each row has message, datetime and timestamp_desc, as its importer asks, and the useful fields of
 * its record, flat. The file's name must end in ".jsonl" or the importer refuses it.
 *
 * Its index limits what a timeline may hold (data/generic.mappings, OPENSEARCH_MAPPING_UPPER_LIMIT
 * of google/timesketch): about 330 fields, each of one type for ever. So fields have fixed names,
 * fewer than 80 (nothing of a record becomes a name), and what may be a number or a text is always
 * a text. Beyond 32,766 bytes a text is not searchable: it is cut before, and says so.
 *
 * A row is what a record tells, but for `ties`, which only say again what the rows of effects
 * settle.
 */
#include <stdlib.h>

#include "io/export_json.h"
#include "io/export_out.h"
#include "io/export_text.h"
#include "io/exporter.h"
#include "io/heap.h"

#define TEXT_MAX   32000
#define FIELDS_MAX 80

#define HEADS 64 /* a power of two */

struct sketch {
	struct mw_exporter e;
	struct mw_ejson j;
	struct mw_buf line;
	bool wrong;
	uint8_t head[HEADS]; /* 1 + the first field of those whose names begin and end so */
	uint8_t next[FIELDS_MAX];
};

enum how { TEXT, INT, REAL };

#define NAME(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
/* What a row takes from its record: its name there, and in the row. */
static const struct {
	struct mw_slice name;
	const char *field;
	enum how how;
} fields[] = {
	{ NAME("event"), "event", TEXT },
	{ NAME("call"), "call", TEXT },
	{ NAME("dir"), "direction", TEXT },
	{ NAME("session"), "session", TEXT },
	{ NAME("transport"), "transport", TEXT },
	{ NAME("rpc_id"), "rpc_id", TEXT },
	{ NAME("method"), "method", TEXT },
	{ NAME("tool"), "tool", TEXT },
	{ NAME("args"), "args", TEXT },
	{ NAME("args_bytes"), "args_bytes", INT },
	{ NAME("args_hmac"), "args_hmac", TEXT },
	{ NAME("params"), "params", TEXT },
	{ NAME("status"), "status", TEXT },
	{ NAME("error"), "error", TEXT },
	{ NAME("result_bytes"), "result_bytes", INT },
	{ NAME("result_hmac"), "result_hmac", TEXT },
	{ NAME("begin"), "begin", TEXT },
	{ NAME("end"), "end", TEXT },
	{ NAME("elapsed_ms"), "elapsed_ms", REAL },
	{ NAME("effects_n"), "effects_n", INT },
	{ NAME("power"), "power", TEXT },
	{ NAME("alerts"), "alerts", TEXT },
	{ NAME("anomalies"), "anomalies", TEXT },
	{ NAME("evidence"), "evidence", TEXT },
	{ NAME("trace"), "traceparent", TEXT },
	{ NAME("task"), "task", TEXT },
	{ NAME("kind"), "effect_kind", TEXT },
	{ NAME("target"), "target", TEXT },
	{ NAME("target_from"), "target_from", TEXT },
	{ NAME("asked"), "asked", TEXT },
	{ NAME("target2"), "target2", TEXT },
	{ NAME("host_target"), "host_target", TEXT },
	{ NAME("mode"), "mode", TEXT },
	{ NAME("bytes_r"), "bytes_read", INT },
	{ NAME("bytes_w"), "bytes_written", INT },
	{ NAME("name"), "name", TEXT },
	{ NAME("verb"), "verb", TEXT },
	{ NAME("object"), "object", TEXT },
	{ NAME("code"), "exit_code", TEXT },
	{ NAME("signal"), "signal", INT },
	{ NAME("pid"), "pid", INT },
	{ NAME("tid"), "tid", INT },
	{ NAME("exe"), "exe", TEXT },
	{ NAME("argv"), "argv", TEXT },
	{ NAME("n"), "times", INT },
	{ NAME("candidates"), "candidates", TEXT },
	{ NAME("basis"), "basis", TEXT },
	{ NAME("why"), "why", TEXT },
	{ NAME("rule"), "rule", TEXT },
	{ NAME("severity"), "severity", TEXT },
	{ NAME("title"), "title", TEXT },
	{ NAME("detail"), "detail", TEXT },
	{ NAME("calls"), "calls", TEXT },
	{ NAME("effects"), "effects", TEXT },
	{ NAME("targets"), "targets", TEXT },
	{ NAME("outcome"), "outcome", TEXT },
	{ NAME("count"), "count", INT },
	{ NAME("tags"), "rule_tags", TEXT },
	{ NAME("hash"), "definition_hash", TEXT },
	{ NAME("was"), "definition_hash_was", TEXT },
	{ NAME("what"), "what", TEXT },
	{ NAME("where"), "where", TEXT },
	{ NAME("reason"), "reason", TEXT },
	{ NAME("bytes"), "lost_bytes", INT },
	{ NAME("events"), "lost_events", INT },
	{ NAME("from"), "from", TEXT },
	{ NAME("to"), "to", TEXT },
	{ NAME("part"), "part", INT },
	{ NAME("of"), "parts", INT },
	{ NAME("text"), "text", TEXT },
	{ NAME("version"), "version", TEXT },
};

static const char *desc_of(const struct mw_logrec *rec)
{
	static const char *const descs[][2] = {
		{ "request", "Call Began" },	     { "call", "Call Ended" },
		{ "effect", "Effect Seen" },	     { "alert", "Alert Raised" },
		{ "gap", "Evidence Missing" },	     { "anomaly", "Anomaly Seen" },
		{ "server", "Server Event" },	     { "tool", "Tool Definition Seen" },
		{ "notice", "Notification Passed" }, { "daemon", "Watcher Event" },
		{ "body", "Content Recorded" },	     { "seal", "Log Sealed" },
	};

	for (size_t i = 0; i < sizeof(descs) / sizeof(*descs); i++)
		if (strcmp(descs[i][0], rec->type) == 0)
			return descs[i][1];
	return "Record Written";
}

/* The head of a row. Timesketch keeps microseconds; the nanoseconds stand beside. */
static void row_open(struct sketch *s, struct mw_slice message, int64_t ns, const char *desc)
{
	struct mw_ejson *j = &s->j;

	j->comma = false;
	mw_ejson_open(j, NULL, '{');
	mw_ejson_text(j, "message", message);
	mw_ejson_key(j, "datetime");
	mw_out_char(j->o, '"');
	mw_out_time(j->o, ns);
	mw_out_char(j->o, '"');
	mw_ejson_i64(j, "timestamp", ns / 1000);
	mw_ejson_str(j, "timestamp_desc", desc);
	mw_ejson_i64(j, "time_ns", ns);
}

static void row_tag(struct sketch *s, const char *tag)
{
	/* a list: Timesketch shows it beside the row */
	if (s->wrong || tag) {
		mw_ejson_open(&s->j, "tag", '[');
		if (s->wrong)
			mw_ejson_str(&s->j, NULL, "tampered-log");
		if (tag)
			mw_ejson_str(&s->j, NULL, tag);
		mw_ejson_close(&s->j, ']');
	}
}

static void row_close(struct sketch *s)
{
	mw_ejson_close(&s->j, '}');
	mw_out_char(s->j.o, '\n');
}

static int sketch_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	struct sketch *s = (struct sketch *)e;
	int r = mw_etext_about(about, &s->line);

	if (r < 0)
		return r;
	s->wrong = about->wrong;
	/* stands first in time, too: that is how Timesketch sorts */
	row_open(s, mw_buf_slice(&s->line), about->first_ns,
		 about->wrong ? "TAMPERED LOG" : "Export Begins");
	mw_ejson_str(&s->j, "data_type", "mcpwatch:export");
	if (about->wrong)
		mw_ejson_text(&s->j, "error", mw_slice_str(about->wrong));
	row_tag(s, NULL);
	row_close(s);
	return mw_out_error(&e->out);
}

static void put_who(struct sketch *s, const struct mw_logrec *rec)
{
	struct mw_slice server = mw_logrec_get(rec, "server"),
			client = mw_logrec_get(rec, "client"),
			who = mw_logrec_get(rec, "principal");
	struct mw_ejson *j = &s->j;

	if (server.n) {
		mw_ejson_raw_text(j, "server", mw_etext_name(server));
		mw_ejson_raw_text(j, "server_id", mw_out_get(server, "id"));
		mw_ejson_raw_int(j, "server_pid", mw_out_get(server, "pid"));
	}
	if (client.n) {
		mw_ejson_raw_text(j, "client", mw_etext_name(client));
		mw_ejson_raw_int(j, "client_pid", mw_out_get(client, "pid"));
		mw_ejson_raw_text(j, "client_addr", mw_out_get(client, "addr"));
	}
	if (who.n) {
		mw_ejson_raw_text(j, "user", mw_out_get(who, "user"));
		mw_ejson_raw_int(j, "uid", mw_out_get(who, "uid"));
		mw_ejson_raw_text(j, "tokens", mw_out_get(who, "tokens"));
	}
}

static void put_field(struct mw_ejson *j, const char *field, enum how how, struct mw_slice raw)
{
	if (how == INT)
		mw_ejson_raw_int(j, field, raw);
	else if (how == TEXT)
		mw_ejson_raw_text(j, field, raw);
	/* one without a point would make it a field of whole numbers */
	else if (raw.n && raw.p[0] >= '0' && raw.p[0] <= '9' && memchr(raw.p, '.', raw.n))
		mw_ejson_raw(j, field, raw);
}

static size_t head_of(struct mw_slice name)
{
	return (name.p[0] * 3u + name.p[name.n - 1] + name.n) & (HEADS - 1);
}

static void index_fields(struct sketch *s)
{
	_Static_assert(sizeof(fields) / sizeof(*fields) <= FIELDS_MAX, "each has its place");

	for (size_t i = sizeof(fields) / sizeof(*fields); i > 0; i--) {
		uint8_t *head = &s->head[head_of(fields[i - 1].name)];

		s->next[i - 1] = *head;
		*head = (uint8_t)i;
	}
}

/* In one go through the record's members, in its order. */
static void put_fields(struct sketch *s, const struct mw_logrec *rec)
{
	bool effect = strcmp(rec->type, "effect") == 0;

	for (size_t m = 0; m < rec->n_members; m++) {
		const struct mw_logrec_member *mb = &rec->members[m];
		size_t i;

		/* what is known at the end is written instead */
		if (!mb->key.n || (effect && mw_slice_eq_str(mb->key, "call")))
			continue;
		i = s->head[head_of(mb->key)];
		while (i && !mw_slice_eq(mb->key, fields[i - 1].name))
			i = s->next[i - 1];
		if (i)
			put_field(&s->j, fields[i - 1].field, fields[i - 1].how, mb->value);
	}
}

static int sketch_item(struct mw_exporter *e, const struct mw_export_item *item)
{
	struct sketch *s = (struct sketch *)e;
	const struct mw_logrec *rec = item->rec;
	bool effect = strcmp(rec->type, "effect") == 0;
	int r;

	if (strcmp(rec->type, "ties") == 0)
		return 0;
	r = mw_etext_line(item, &s->line);
	if (r < 0)
		return r;
	row_open(s, mw_buf_slice(&s->line), rec->time_ns, desc_of(rec));
	mw_ejson_key(&s->j, "data_type");
	mw_out_slice(s->j.o, MW_SLICE_LIT("\"mcpwatch:"));
	mw_out_json_inside(s->j.o, mw_ejson_head(mw_slice_str(rec->type), 64));
	mw_out_char(s->j.o, '"');
	mw_ejson_text(&s->j, "host", mw_slice_str(item->host));
	mw_ejson_u64(&s->j, "seq", rec->seq);
	put_who(s, rec);
	put_fields(s, rec);
	/* what is known of it at the end, not what was when it was written */
	if (effect && item->tie.call[0])
		mw_ejson_text(&s->j, "call", mw_slice_str(item->tie.call));
	if (effect) {
		mw_ejson_text(&s->j, "tie", mw_slice_str(item->tie.link));
		mw_ejson_text(&s->j, "confidence", mw_slice_str(item->tie.confidence));
	}
	if (item->joined[0])
		mw_ejson_text(&s->j, "joined_call", mw_slice_str(item->joined));
	row_tag(s, strcmp(rec->type, "alert") == 0 ? "alert"
		   : strcmp(rec->type, "gap") == 0 ? "gap"
						   : NULL);
	row_close(s);
	return mw_out_error(&e->out);
}

static int sketch_end(struct mw_exporter *e)
{
	return mw_out_error(&e->out);
}

static void sketch_free(struct mw_exporter *e)
{
	struct sketch *s = (struct sketch *)e;

	mw_buf_done(&s->line);
	mw_out_done(&e->out);
	free(s);
}

static int sketch_twin(const struct mw_exporter *e, struct mw_exporter **ret)
{
	int r = mw_export_timesketch_new(e->to, ret);

	if (r == 0)
		((struct sketch *)*ret)->wrong = ((const struct sketch *)e)->wrong;
	return r;
}

static const struct mw_exporter_ops sketch_ops = {
	.begin = sketch_begin,
	.item = sketch_item,
	.end = sketch_end,
	.free = sketch_free,
	.twin = sketch_twin,
};

int mw_export_timesketch_new(FILE *to, struct mw_exporter **ret)
{
	struct sketch *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->e = (struct mw_exporter){ .ops = &sketch_ops, .to = to };
	s->j = (struct mw_ejson){ .o = &s->e.out, .text_max = TEXT_MAX };
	mw_buf_init(&s->line, &mw_heap, 1u << 20);
	index_fields(s);
	*ret = &s->e;
	return 0;
}
