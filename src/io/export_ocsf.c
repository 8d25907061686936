/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_ocsf.c - events of the Open Cybersecurity Schema Framework (schema.ocsf.io), as JSON lines
 *
 *	call			6003 API Activity
 *	effect			1001 File System, 1007 Process, 4001 Network Activity
 *	alert			2004 Detection Finding
 *	gap, anomaly, daemon,	0 Base Event: the framework has no class for them
 *	server, tool, notice
 *
 * `request`, `body` and `ties` say nothing that is not in the events of their calls and effects,
 *but a call that has not ended; seals prove the log, not an export. What has no attribute goes into
 * `unmapped`, under names of the contract. An effect is joined to its call by
 *metadata.correlation_uid.
 */
#include <stdlib.h>

#include "io/export_ocsf.h"
#include "io/heap.h"
#include "io/when.h"

#define TEXT_MAX  32000
#define DEPTH_MAX 32 /* of JSON of the observed world, as what it is; deeper, as text */

static const struct mw_ocsf_class api_class = { 6003, 6, "API Activity", "Application Activity" },
				  finding_class = { 2004, 2, "Detection Finding", "Findings" },
				  base_class = { 0, 0, "Base Event", "Uncategorized" };

struct mw_slice mw_ocsf_base(struct mw_slice path)
{
	const struct mw_slice name = mw_slice_name(path);

	/* "/" and "a/" have none: the whole is as good a name */
	return name.n ? name : path;
}

static void put_metadata(struct mw_ocsf *s, const struct mw_export_item *item)
{
	struct mw_ejson *j = &s->j;

	mw_ejson_open(j, "metadata", '{');
	mw_ejson_str(j, "version", MW_OCSF_VERSION);
	/* what lets each class have its device, and its actor */
	mw_ejson_open(j, "profiles", '[');
	mw_ejson_str(j, NULL, "host");
	mw_ejson_close(j, ']');
	mw_ejson_open(j, "product", '{');
	mw_ejson_str(j, "name", "mcpwatch");
	mw_ejson_str(j, "vendor_name", "mcpwatch");
	mw_ejson_str(j, "version", MW_VERSION);
	mw_ejson_close(j, '}');
	if (item) {
		mw_ejson_u64(j, "sequence", item->rec->seq);
		mw_ejson_key(j, "uid");
		mw_out_char(j->o, '"');
		mw_out_json_inside(j->o, mw_slice_str(item->host));
		mw_out_char(j->o, '/');
		mw_out_u64(j->o, item->rec->seq);
		mw_out_char(j->o, '"');
		mw_ejson_text(j, "log_name", mw_slice_str(item->rec->type));
		if (strcmp(item->rec->type, "effect") != 0)
			mw_ejson_raw_str(j, "correlation_uid", mw_logrec_get(item->rec, "call"));
		else if (item->tie.call[0])
			mw_ejson_text(j, "correlation_uid", mw_slice_str(item->tie.call));
	}
	if (s->wrong) {
		mw_ejson_open(j, "labels", '[');
		mw_ejson_str(j, NULL, "tampered-log");
		mw_ejson_close(j, ']');
	}
	mw_ejson_close(j, '}');
}

void mw_ocsf_open(struct mw_ocsf *s, const struct mw_ocsf_class *cl, unsigned int activity,
		  const char *activity_name, enum mw_ocsf_severity severity, int64_t ns,
		  const struct mw_export_item *item)
{
	static const char *const names[] = { "",       "Informational", "Low",
					     "Medium", "High",		"Critical" };
	struct mw_ejson *j = &s->j;
	struct mw_slice kind = item ? mw_logrec_get(item->rec, "kind") : mw_slice(NULL, 0);

	j->comma = false;
	mw_ejson_open(j, NULL, '{');
	mw_ejson_u64(j, "class_uid", cl->uid);
	mw_ejson_str(j, "class_name", cl->name);
	mw_ejson_u64(j, "category_uid", cl->category);
	mw_ejson_str(j, "category_name", cl->category_name);
	mw_ejson_u64(j, "activity_id", activity);
	if (activity_name)
		mw_ejson_str(j, "activity_name", activity_name);
	else if (kind.n)
		mw_ejson_raw_str(j, "activity_name", kind);
	mw_ejson_u64(j, "type_uid", cl->uid * 100 + activity);
	mw_ejson_u64(j, "severity_id", severity);
	mw_ejson_str(j, "severity", names[severity]);
	mw_ejson_i64(j, "time", ns / 1000000);
	mw_ejson_text(j, "message", mw_buf_slice(&s->line));
	put_metadata(s, item);
	mw_ejson_open(j, "device", '{');
	mw_ejson_text(j, "hostname", mw_slice_str(item && item->host[0] ? item->host : "unknown"));
	mw_ejson_u64(j, "type_id", 0);
	mw_ejson_close(j, '}');
}

void mw_ocsf_close(struct mw_ocsf *s)
{
	mw_ejson_close(&s->j, '}');
	mw_out_char(s->j.o, '\n');
}

void mw_ocsf_status(struct mw_ocsf *s, unsigned int id, struct mw_slice detail)
{
	mw_ejson_u64(&s->j, "status_id", id);
	mw_ejson_str(&s->j, "status",
		     id == MW_OCSF_SUCCESS   ? "Success"
		     : id == MW_OCSF_FAILURE ? "Failure"
					     : "Other");
	mw_ejson_raw_str(&s->j, "status_detail", detail);
}

/* What the observed world sent, where the schema takes any JSON. */
static void put_json(struct mw_ejson *j, const char *key, struct mw_slice raw)
{
	if (mw_ejson_depth(raw, DEPTH_MAX) < DEPTH_MAX)
		mw_ejson_raw(j, key, raw);
	else
		mw_ejson_raw_text(j, key, raw);
}

static void put_user(struct mw_ocsf *s, struct mw_slice who)
{
	struct mw_slice uid = mw_out_get(who, "uid");
	struct mw_ejson *j = &s->j;

	if (!mw_out_get(who, "user").n && !uid.n)
		return;
	mw_ejson_open(j, "user", '{');
	mw_ejson_raw_str(j, "name", mw_out_get(who, "user"));
	mw_ejson_raw_text(j, "uid", uid);
	mw_ejson_close(j, '}');
}

static void put_pid(struct mw_ejson *j, struct mw_slice raw)
{
	uint64_t pid;

	if (mw_out_number(raw, &pid) == 0 && pid <= INT32_MAX)
		mw_ejson_u64(j, "pid", pid);
	else
		mw_ejson_str(j, "uid", "unknown");
}

/* The client, as far as it is known; an actor must have something. */
static void put_caller(struct mw_ocsf *s, const struct mw_logrec *rec)
{
	struct mw_slice client = mw_logrec_get(rec, "client"), name = mw_etext_name(client), text;
	struct mw_slice exe = mw_out_get(client, "exe");
	struct mw_ejson *j = &s->j;

	mw_ejson_open(j, "actor", '{');
	if (name.n)
		mw_ejson_raw_text(j, "app_name", name);
	else
		mw_ejson_str(j, "app_name", "unknown");
	put_user(s, mw_logrec_get(rec, "principal"));
	if (mw_out_get(client, "pid").n) {
		mw_ejson_open(j, "process", '{');
		put_pid(j, mw_out_get(client, "pid"));
		if (exe.n && mw_out_text(exe, &s->tmp, &text) == 0)
			mw_ejson_text(j, "name", mw_ocsf_base(text));
		mw_ejson_close(j, '}');
	}
	if (mw_logrec_get(rec, "session").n) {
		mw_ejson_open(j, "session", '{');
		mw_ejson_raw_str(j, "uid", mw_logrec_get(rec, "session"));
		mw_ejson_close(j, '}');
	}
	mw_ejson_close(j, '}');
}

static void put_api(struct mw_ocsf *s, const struct mw_logrec *rec)
{
	struct mw_slice server = mw_logrec_get(rec, "server"), error = mw_logrec_get(rec, "error"),
			method = mw_logrec_get(rec, "method"), id = mw_logrec_get(rec, "rpc_id"),
			code;
	struct mw_ejson *j = &s->j;
	uint64_t v;

	mw_ejson_open(j, "api", '{');
	mw_ejson_raw_text(j, "operation", method.n ? method : MW_SLICE_LIT("\"unknown\""));
	if (mw_etext_name(server).n) {
		mw_ejson_open(j, "service", '{');
		mw_ejson_raw_text(j, "name", mw_etext_name(server));
		mw_ejson_raw_str(j, "uid", mw_out_get(server, "id"));
		mw_ejson_raw_str(j, "version", mw_out_get(server, "version"));
		mw_ejson_close(j, '}');
	}
	mw_ejson_open(j, "request", '{');
	mw_ejson_raw_text(j, "uid", id.n ? id : MW_SLICE_LIT("\"unknown\""));
	put_json(j, "data", mw_logrec_get(rec, "args"));
	mw_ejson_close(j, '}');
	mw_ejson_open(j, "response", '{');
	code = mw_out_get(error, "code");
	/* JSON-RPC's are negative mostly */
	if (code.n &&
	    (mw_out_number(code, &v) == 0 ||
	     (code.p[0] == '-' && mw_out_number(mw_slice_from(code, 1), &v) == 0)) &&
	    v <= INT32_MAX)
		mw_ejson_raw(j, "code", code);
	if (!mw_etext_is(mw_logrec_get(rec, "status"), "ok"))
		mw_ejson_raw_str(j, "error", mw_logrec_get(rec, "status"));
	mw_ejson_raw_str(j, "error_message", mw_out_get(error, "message"));
	put_json(j, "data", mw_logrec_get(rec, "result"));
	mw_ejson_close(j, '}');
	mw_ejson_close(j, '}');
}

static int64_t when_of(const struct mw_logrec *rec, const char *name, int64_t otherwise)
{
	struct mw_slice raw = mw_logrec_get(rec, name);
	int64_t ns;

	if (raw.n < 2 || mw_when_rfc3339((const char *)raw.p + 1, raw.n - 2, &ns) < 0)
		return otherwise;
	return ns;
}

/* Members of the contract that the schema has no attribute for, as they stand. */
static void put_members(struct mw_ejson *j, const struct mw_logrec *rec, const char *const *names,
			size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_json(j, names[i], mw_logrec_get(rec, names[i]));
}

static int put_call(struct mw_ocsf *s, const struct mw_export_item *item)
{
	static const char *const rest[] = {
		"call",	     "dir",	     "tool",	    "transport", "tls",
		"http",	     "hops",	     "rounds",	    "task",	 "args_bytes",
		"args_hmac", "result_bytes", "result_hmac", "effects_n", "power",
		"alerts",    "anomalies",    "evidence",    "trace",
	};
	const struct mw_logrec *rec = item->rec;
	struct mw_slice status = mw_logrec_get(rec, "status"), addr, text;
	int64_t end = when_of(rec, "end", rec->time_ns), begin = when_of(rec, "begin", end);
	struct mw_ejson *j = &s->j;

	mw_ocsf_open(s, &api_class, MW_OCSF_OTHER, "Call", MW_OCSF_INFO, begin, item);
	mw_ocsf_status(s, mw_etext_is(status, "ok") ? MW_OCSF_SUCCESS : MW_OCSF_FAILURE, status);
	mw_ejson_i64(j, "start_time", begin / 1000000);
	mw_ejson_i64(j, "end_time", end / 1000000);
	if (end >= begin)
		mw_ejson_i64(j, "duration", (end - begin) / 1000000);
	put_caller(s, rec);
	put_api(s, rec);
	/* where the call came from: another host, or this one */
	addr = mw_out_get(mw_logrec_get(rec, "client"), "addr");
	mw_ejson_open(j, "src_endpoint", '{');
	if (addr.n && mw_out_text(addr, &s->tmp, &text) == 0)
		mw_ejson_text(j, "name", text);
	else
		mw_ejson_text(j, "name", mw_slice_str(item->host[0] ? item->host : "unknown"));
	mw_ejson_close(j, '}');
	mw_ejson_open(j, "unmapped", '{');
	put_members(j, rec, rest, sizeof(rest) / sizeof(*rest));
	put_json(j, "tokens", mw_out_get(mw_logrec_get(rec, "principal"), "tokens"));
	if (item->joined[0])
		mw_ejson_text(j, "joined", mw_slice_str(item->joined));
	mw_ejson_close(j, '}');
	mw_ocsf_close(s);
	return 0;
}

static enum mw_ocsf_severity severity_of(struct mw_slice raw)
{
	return mw_etext_is(raw, "critical") ? MW_OCSF_CRITICAL
	       : mw_etext_is(raw, "high")   ? MW_OCSF_HIGH
	       : mw_etext_is(raw, "medium") ? MW_OCSF_MEDIUM
					    : MW_OCSF_LOW;
}

static int put_alert(struct mw_ocsf *s, const struct mw_export_item *item)
{
	static const char *const rest[] = { "calls",  "effects", "tool",    "session",
					    "rpc_id", "targets", "outcome", "count",
					    "window", "tags",	 "server" };
	const struct mw_logrec *rec = item->rec;
	struct mw_slice rule = mw_logrec_get(rec, "rule"), title = mw_logrec_get(rec, "title");
	struct mw_ejson *j = &s->j;

	mw_ocsf_open(s, &finding_class, 1, "Create", severity_of(mw_logrec_get(rec, "severity")),
		     rec->time_ns, item);
	mw_ejson_bool(j, "is_alert", true);
	mw_ejson_u64(j, "status_id", 1); /* New */
	mw_ejson_str(j, "status", "New");
	mw_ejson_open(j, "finding_info", '{');
	mw_ejson_key(j, "uid");
	mw_out_char(j->o, '"');
	mw_out_json_inside(j->o, mw_slice_str(item->host));
	mw_out_char(j->o, '/');
	mw_out_u64(j->o, rec->seq);
	mw_out_char(j->o, '"');
	mw_ejson_raw_text(j, "title", title.n ? title : rule);
	mw_ejson_raw_text(j, "desc", mw_logrec_get(rec, "detail"));
	mw_ejson_i64(j, "created_time", rec->time_ns / 1000000);
	mw_ejson_open(j, "analytic", '{');
	mw_ejson_raw_text(j, "name", rule.n ? rule : MW_SLICE_LIT("\"unknown\""));
	mw_ejson_u64(j, "type_id", 1); /* Rule */
	mw_ejson_str(j, "type", "Rule");
	mw_ejson_close(j, '}');
	mw_ejson_close(j, '}');
	mw_ejson_open(j, "unmapped", '{');
	put_members(j, rec, rest, sizeof(rest) / sizeof(*rest));
	mw_ejson_raw_text(j, "user", mw_out_get(mw_logrec_get(rec, "principal"), "user"));
	mw_ejson_close(j, '}');
	mw_ocsf_close(s);
	return 0;
}

/* What there is no class for: its message, and the record as it stands. */
static int put_other(struct mw_ocsf *s, const struct mw_export_item *item)
{
	static const char *const head[] = { "v", "seq", "time", "boot_ns", "host", "type" };
	const struct mw_logrec *rec = item->rec;
	bool loss = strcmp(rec->type, "gap") == 0 || strcmp(rec->type, "anomaly") == 0;

	mw_ocsf_open(s, &base_class, MW_OCSF_OTHER, "Other", loss ? MW_OCSF_LOW : MW_OCSF_INFO,
		     rec->time_ns, item);
	mw_ejson_open(&s->j, "unmapped", '{');
	mw_ejson_text(&s->j, "type", mw_slice_str(rec->type));
	mw_ejson_open(&s->j, "record", '{');
	for (size_t i = 0; i < rec->n_members; i++) {
		const struct mw_logrec_member *m = &rec->members[i];
		bool in_head = false;

		for (size_t k = 0; k < sizeof(head) / sizeof(*head) && !in_head; k++)
			in_head = mw_slice_eq_str(m->key, head[k]);
		if (in_head)
			continue;
		/* a later version's members keep their names */
		mw_ejson_raw(&s->j, NULL, mw_slice(m->key.p - 1, m->key.n + 2));
		mw_out_char(s->j.o, ':');
		s->j.comma = false;
		put_json(&s->j, NULL, m->value);
	}
	mw_ejson_close(&s->j, '}');
	mw_ejson_close(&s->j, '}');
	mw_ocsf_close(s);
	return 0;
}

static int ocsf_item(struct mw_exporter *e, const struct mw_export_item *item)
{
	static const char *const not_in_it[] = { "request", "body", "ties", "seal" };
	struct mw_ocsf *s = (struct mw_ocsf *)e;
	const char *type = item->rec->type;
	int r;

	for (size_t i = 0; i < sizeof(not_in_it) / sizeof(*not_in_it); i++)
		if (strcmp(type, not_in_it[i]) == 0)
			return 0;
	if (strcmp(type, "effect") == 0) {
		r = mw_ocsf_effect(s, item);
		return r < 0 ? r : mw_out_error(&e->out);
	}
	r = mw_etext_line(item, &s->line);
	if (r == 0)
		r = strcmp(type, "call") == 0	 ? put_call(s, item)
		    : strcmp(type, "alert") == 0 ? put_alert(s, item)
						 : put_other(s, item);
	return r < 0 ? r : mw_out_error(&e->out);
}

/* The first event says what this is. Of a tampered log it is a finding, the gravest there is. */
static int ocsf_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	struct mw_ocsf *s = (struct mw_ocsf *)e;
	int r = mw_etext_about(about, &s->line);
	struct mw_ejson *j = &s->j;

	if (r < 0)
		return r;
	s->wrong = about->wrong;
	mw_ocsf_open(s, about->wrong ? &finding_class : &base_class,
		     about->wrong ? 1 : MW_OCSF_OTHER, about->wrong ? "Create" : "Other",
		     about->wrong ? MW_OCSF_CRITICAL : MW_OCSF_INFO, about->first_ns, NULL);
	if (about->wrong) {
		mw_ejson_bool(j, "is_alert", true);
		mw_ejson_open(j, "finding_info", '{');
		mw_ejson_str(j, "uid", "tampered-log");
		mw_ejson_str(j, "title", "The log was tampered with: do not rely on these events");
		mw_ejson_text(j, "desc", mw_slice_str(about->wrong));
		mw_ejson_close(j, '}');
	}
	mw_ejson_open(j, "unmapped", '{');
	mw_ejson_text(j, "filter", mw_slice_str(about->filter[0] ? about->filter : "none"));
	mw_ejson_u64(j, "records", about->records);
	mw_ejson_close(j, '}');
	mw_ocsf_close(s);
	return mw_out_error(&e->out);
}

static int ocsf_end(struct mw_exporter *e)
{
	return mw_out_error(&e->out);
}

static void ocsf_free(struct mw_exporter *e)
{
	struct mw_ocsf *s = (struct mw_ocsf *)e;

	mw_buf_done(&s->line);
	mw_buf_done(&s->tmp);
	mw_out_done(&e->out);
	free(s);
}

static int ocsf_twin(const struct mw_exporter *e, struct mw_exporter **ret)
{
	int r = mw_export_ocsf_new(e->to, ret);

	if (r == 0)
		((struct mw_ocsf *)*ret)->wrong = ((const struct mw_ocsf *)e)->wrong;
	return r;
}

static const struct mw_exporter_ops ocsf_ops = {
	.begin = ocsf_begin,
	.item = ocsf_item,
	.end = ocsf_end,
	.free = ocsf_free,
	.twin = ocsf_twin,
};

int mw_export_ocsf_new(FILE *to, struct mw_exporter **ret)
{
	struct mw_ocsf *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->e = (struct mw_exporter){ .ops = &ocsf_ops, .to = to };
	s->j = (struct mw_ejson){ .o = &s->e.out, .text_max = TEXT_MAX };
	mw_buf_init(&s->line, &mw_heap, 1u << 20);
	mw_buf_init(&s->tmp, &mw_heap, 1u << 20);
	*ret = &s->e;
	return 0;
}
