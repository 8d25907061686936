/* SPDX-License-Identifier: Apache-2.0 */
/* show_print.c - a call with everything known about it, for people and as JSON */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/show.h"
#include "io/escape.h"
#include "io/render.h"
#include "io/when.h"

#define LABEL "  %-11s"

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static void text(const char *s)
{
	mw_escape_print(stdout, s, strlen(s));
}

/* " (a, b)" of a label and a value, numbers too; nothing if it is not there. */
static void detail(const cJSON *json, const char *name, const char *label, bool *first)
{
	const cJSON *v = get(json, name);

	if (!cJSON_IsString(v) && !cJSON_IsNumber(v))
		return;
	fputs(*first ? " (" : ", ", stdout);
	*first = false;
	if (*label)
		printf("%s ", label);
	if (cJSON_IsString(v))
		text(v->valuestring);
	else
		printf("%.0f", v->valuedouble);
}

static void details_end(bool first)
{
	puts(first ? "" : ")");
}

void mw_shown_field(const char *label, const char *value)
{
	if (!value)
		return;
	printf(LABEL, label);
	text(value);
	putchar('\n');
}

/* --- JSON values, as they stand in the record: cJSON would round numbers ------------------------
 */

static void json_bytes(struct mw_slice s)
{
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t used;

	/* a backslash is JSON's own already */
	for (; s.n > 0; s = mw_slice_from(s, used)) {
		if (*s.p == '\\') {
			putchar('\\');
			used = 1;
			continue;
		}
		used = mw_escape_next((const char *)s.p, s.n, esc, &cols);
		fputs(esc, stdout);
	}
}

static void json_indent(unsigned int depth)
{
	printf("\n%*s", 4 + 2 * (int)(depth < 30 ? depth : 30), "");
}

/* A valid JSON value over several lines. */
void mw_shown_json_pretty(struct mw_slice value)
{
	enum mw_json_tok before = 0;
	struct mw_json_item it;
	unsigned int depth = 0;
	struct mw_json j;

	mw_json_init(&j, value, MW_JSON_DEPTH_MAX);
	fputs("    ", stdout);
	while (mw_json_next(&j, &it) == 1) {
		bool opens = it.tok == MW_JSON_OBJECT || it.tok == MW_JSON_ARRAY;
		bool closes = it.tok == MW_JSON_OBJECT_END || it.tok == MW_JSON_ARRAY_END;
		bool after_open = before == MW_JSON_OBJECT || before == MW_JSON_ARRAY;

		if (closes)
			depth--;
		if (closes ? !after_open : before && before != MW_JSON_KEY) {
			if (!closes && !after_open)
				putchar(',');
			json_indent(depth);
		}
		json_bytes(opens || closes ? mw_slice(it.raw.p, 1) : it.raw);
		if (it.tok == MW_JSON_KEY)
			fputs(": ", stdout);
		if (opens)
			depth++;
		before = it.tok;
	}
	putchar('\n');
}

static bool member(const struct mw_kept_list *l, const char *name, struct mw_slice *ret)
{
	return l->n && mw_json_member(mw_slice(l->p[0].line, l->p[0].len), name, ret, NULL) == 0;
}

/* The parts of a content, in order, as one text on the heap; NULL: there are none. *ret_missing:
 * not every part is there. */
static char *join_body(const struct mw_shown *s, const char *what, size_t *ret_n, bool *ret_missing)
{
	double next = 1, of = 0;
	char *all = NULL;
	size_t n = 0, i;

	for (i = 0; i < s->bodies.n; i++) {
		const cJSON *json = s->bodies.p[i].json;
		const char *part = mw_rec_str(json, "text"), *w = mw_rec_str(json, "what");
		char *p;

		if (!part || !w || strcmp(w, what) != 0)
			continue;
		if (cJSON_GetNumberValue(get(json, "part")) != next)
			break;
		of = cJSON_GetNumberValue(get(json, "of"));
		p = realloc(all, n + strlen(part) + 1);
		if (!p)
			break;
		all = p;
		memcpy(all + n, part, strlen(part) + 1);
		n += strlen(part);
		next++;
	}
	*ret_n = n;
	*ret_missing = next != of + 1;
	return all;
}

static void content(const struct mw_shown *s, const char *label, const char *what)
{
	char name[32], *body;
	struct mw_slice v;
	bool missing;
	size_t n;

	snprintf(name, sizeof(name), "%s_bytes", what);
	body = join_body(s, what, &n, &missing);
	if (!body && !member(&s->call, what, &v) && !member(&s->request, what, &v))
		return;
	printf("  %s", label);
	if (s->call.n && cJSON_IsNumber(get(s->call.p[0].json, name)))
		printf(" (%.0f bytes)", cJSON_GetNumberValue(get(s->call.p[0].json, name)));
	if (body && missing)
		fputs(" (not all of it is in the log)", stdout);
	putchar('\n');
	if (body)
		v = mw_slice(body, n);
	if (mw_json_check(v, MW_JSON_DEPTH_MAX, NULL, NULL) == 0) {
		mw_shown_json_pretty(v);
	} else { /* it was cut */
		fputs("    ", stdout);
		json_bytes(v);
		putchar('\n');
	}
	free(body);
}

/* --- the parts ----------------------------------------------------------------------------------
 */

static void party(const cJSON *json, const char *name)
{
	const cJSON *p = get(json, name);
	const char *what = mw_rec_str(p, "name");
	bool first = true;

	if (!p)
		return;
	printf(LABEL, name);
	text(what ? what : mw_rec_str(p, "exe") ? mw_rec_str(p, "exe") : "unnamed");
	detail(p, "id", "", &first);
	detail(p, "pid", "pid", &first);
	detail(p, what ? "exe" : "", "", &first);
	detail(p, "key", "key", &first);
	detail(p, "addr", "", &first);
	detail(p, "forwarded_for", "forwarded for", &first);
	details_end(first);
}

/* The HTTP exchange, the relays, the rounds. */
static void way(const cJSON *json)
{
	const cJSON *http = get(json, "http"), *e;
	bool first = true;

	mw_shown_field("transport", mw_rec_str(json, "transport"));
	if (http) {
		printf(LABEL, "http");
		text(mw_rec_str(http, "method") ? mw_rec_str(http, "method") : "");
		putchar(' ');
		text(mw_rec_str(http, "path") ? mw_rec_str(http, "path") : "");
		detail(http, "status", "", &first);
		details_end(first);
	}
	cJSON_ArrayForEach(e, get(json, "hops"))
	{
		first = true;
		printf(LABEL, e == get(json, "hops")->child ? "via" : "");
		text(mw_rec_str(e, "exe") ? mw_rec_str(e, "exe") : "unknown");
		detail(e, "pid", "pid", &first);
		detail(e, "transport", "on by", &first);
		details_end(first);
	}
	cJSON_ArrayForEach(e, get(json, "rounds"))
	{
		first = true;
		printf(LABEL, e == get(json, "rounds")->child ? "rounds" : "");
		text(mw_rec_str(e, "begin") ? mw_rec_str(e, "begin") : "unknown");
		if (mw_rec_str(e, "end")) {
			fputs(" to ", stdout);
			text(mw_rec_str(e, "end"));
		}
		detail(e, "rpc_id", "rpc id", &first);
		details_end(first);
	}
	mw_shown_field("task", mw_rec_str(json, "task"));
}

static void principal(const cJSON *json)
{
	const cJSON *p = get(json, "principal"), *e;
	const char *user = mw_rec_str(p, "user"), *unit = mw_rec_str(p, "unit");
	bool first = true;

	if (!p)
		return;
	printf(LABEL, "principal");
	text(user ? user : "unnamed user");
	detail(p, "uid", "uid", &first);
	detail(p, "gid", "gid", &first);
	detail(p, "loginuid", "loginuid", &first);
	detail(p, "audit_session", "audit session", &first);
	details_end(first);
	mw_shown_field("unit", unit);
	mw_shown_field("container", mw_rec_str(p, "container"));
	mw_shown_field("cgroup", mw_rec_str(p, "cgroup"));
	cJSON_ArrayForEach(e, get(p, "parents"))
	{
		first = true;
		printf(LABEL, e == get(p, "parents")->child ? "started by" : "");
		text(mw_rec_str(e, "exe") ? mw_rec_str(e, "exe") : "unknown");
		detail(e, "pid", "pid", &first);
		detail(e, "uid", "uid", &first);
		details_end(first);
	}
	cJSON_ArrayForEach(e, get(p, "tokens"))
	{
		first = true;
		printf(LABEL, "claims");
		text(mw_rec_str(e, "kind") ? mw_rec_str(e, "kind") : "token");
		detail(e, "where", "in", &first);
		detail(e, "sub", "sub", &first);
		detail(e, "iss", "iss", &first);
		detail(e, "aud", "aud", &first);
		detail(e, "client_id", "client", &first);
		detail(e, "scope", "scope", &first);
		detail(e, "fingerprint", "fingerprint", &first);
		details_end(first);
	}
}

void mw_shown_who(const cJSON *json)
{
	party(json, "server");
	party(json, "client");
	principal(json);
}

static bool put_time(const char *rfc3339)
{
	char when[MW_WHEN_LEN];
	int64_t ns;

	if (!rfc3339 || mw_when_rfc3339(rfc3339, strlen(rfc3339), &ns) < 0)
		return false;
	mw_when_format(ns, true, when);
	fputs(when, stdout);
	return true;
}

void mw_shown_time(const char *label, const char *rfc3339)
{
	printf(LABEL, label);
	puts(put_time(rfc3339) ? "" : "unknown");
}

/* In local time, as `log` has it; for the evidence as it stands in the record. */
static void times(const cJSON *call, bool why)
{
	const char *begin = mw_rec_str(call, "begin"), *end = mw_rec_str(call, "end");
	const cJSON *ms = get(call, "elapsed_ms");

	if (!begin)
		return;
	printf(LABEL, "time");
	put_time(begin);
	if (end) {
		fputs(" to ", stdout);
		put_time(end);
	}
	if (cJSON_IsNumber(ms)) {
		struct mw_line line = { 0 };

		mw_render_elapsed(&line, ms->valuedouble);
		printf(" (%s)", line.p ? line.p : "");
		mw_line_done(&line);
	}
	putchar('\n');
	if (!why)
		return;
	printf(LABEL, "recorded");
	text(begin);
	if (end) {
		fputs(" to ", stdout);
		text(end);
	}
	putchar('\n');
}

/* What the tool's annotations declare, and what its effects amount to. */
static void power(const cJSON *call)
{
	static const char *const names[] = { "declared", "observed" };
	const cJSON *v, *power = get(call, "power");

	for (size_t i = 0; i < 2; i++) {
		const cJSON *list = get(power, names[i]);

		if (!list)
			continue;
		printf(LABEL, names[i]);
		if (cJSON_IsString(list))
			text(list->valuestring);
		cJSON_ArrayForEach(v, list)
		{
			if (v != list->child)
				fputs(", ", stdout);
			text(cJSON_IsString(v) ? v->valuestring : "?");
		}
		putchar('\n');
	}
}

static void status(const cJSON *call)
{
	const cJSON *error = get(call, "error"), *code = get(error, "code");
	const char *message = mw_rec_str(error, "message");

	mw_shown_field("status", mw_rec_str(call, "status"));
	if (!error)
		return;
	printf(LABEL, "error");
	if (cJSON_IsNumber(code))
		printf("%.0f ", code->valuedouble);
	if (message)
		text(message);
	putchar('\n');
}

void mw_shown_lines(const struct mw_kept_list *l, const char *head)
{
	size_t i;

	if (!l->n)
		return;
	printf("  %s\n", head);
	for (i = 0; i < l->n; i++) {
		struct mw_line line = { 0 };

		if (l->p[i].json && mw_render_record(&line, l->p[i].json, true) && line.p)
			printf("    %s  [%" PRIu64 "]\n", line.p, l->p[i].seq);
		mw_line_done(&line);
	}
}

/* What its bytes are known by, and where that stands: from there the ties lead on. */
static void bytes(const struct mw_shown *s)
{
	const cJSON *call = s->call.n ? s->call.p[0].json : NULL;
	static const char *const what[][3] = {
		{ "request", "args_bytes", "args_hmac" },
		{ "answer", "result_bytes", "result_hmac" },
	};

	printf(LABEL, "records");
	if (s->request.n)
		printf("request %" PRIu64 "%s", s->request.p[0].seq, s->call.n ? ", " : "");
	if (s->call.n)
		printf("call %" PRIu64, s->call.p[0].seq);
	for (size_t i = 0; i < s->ties.n; i++)
		printf("%s%" PRIu64, i ? ", " : ", ties ", s->ties.p[i].seq);
	for (size_t i = 0; i < s->bodies.n; i++)
		printf("%s%" PRIu64, i ? ", " : ", body ", s->bodies.p[i].seq);
	puts(" (mcpwatch export --proof N proves one)");
	for (size_t i = 0; i < 2; i++) {
		const char *hmac = mw_rec_str(call, what[i][2]);

		if (!cJSON_IsNumber(get(call, what[i][1])))
			continue;
		printf(LABEL, what[i][0]);
		printf("%.0f bytes", cJSON_GetNumberValue(get(call, what[i][1])));
		if (hmac) {
			fputs(", keyed hash ", stdout);
			text(hmac);
		}
		putchar('\n');
	}
}

void mw_shown_print(const struct mw_shown *s, bool why)
{
	const cJSON *call = s->call.n ? s->call.p[0].json : NULL;
	const cJSON *request = s->request.n ? s->request.p[0].json : NULL;
	const cJSON *json = call ? call : request;
	const char *tool = mw_rec_str(json, "tool"), *method = mw_rec_str(json, "method");
	const char *evidence = mw_rec_str(call, "evidence"), *dir = mw_rec_str(json, "dir");

	fputs("call ", stdout);
	text(s->id);
	fputs("  ", stdout);
	if (method)
		text(method);
	if (tool) {
		putchar(' ');
		text(tool);
	}
	puts(dir && strcmp(dir, "s2c") == 0 ? "  (asked by the server)" : "");
	if (!json) {
		puts("  its record is too deep to show; see it with --json");
		return;
	}
	party(json, "server");
	party(json, "client");
	/* the request has the parents, too */
	principal(get(request, "principal") ? request : json);
	mw_shown_field("session", mw_rec_str(json, "session"));
	way(json);
	mw_shown_field("rpc id", mw_rec_str(json, "rpc_id"));
	mw_shown_field("trace", mw_rec_str(call, "trace"));
	if (call) {
		times(call, why);
		status(call);
		power(call);
	} else {
		mw_shown_time("time", mw_rec_str(request, "time"));
		mw_shown_field("status", "open: the log does not have its end");
	}
	mw_shown_field("evidence", evidence);
	if (why)
		bytes(s);
	content(s, "arguments", "args");
	content(s, "result", "result");
	if (s->effects.n || !call || !get(call, "effects_n"))
		mw_shown_effects(s, &s->effects, "effects", why);
	else
		puts("  effects     none seen");
	mw_shown_missing_effects(s);
	mw_shown_effects(s, &s->shared, "effects that it or another call caused", why);
	mw_shown_effects(s, &s->undone, "effects first tied to it, and not any more at its end",
			 why);
	mw_shown_lines(&s->alerts, "alerts");
	mw_shown_lines(&s->gaps, "missing evidence");
	mw_shown_lines(&s->anomalies, "anomalies");
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void json_list(const char *name, const struct mw_kept_list *l)
{
	size_t i;

	if (!l->n)
		return;
	printf(",\"%s\":[", name);
	for (i = 0; i < l->n; i++)
		printf("%s%s", i ? "," : "", l->p[i].line);
	putchar(']');
}

void mw_shown_print_json(const struct mw_shown *s)
{
	if (s->record.n)
		printf("{\"record\":%s", s->record.p[0].line);
	else
		printf("{\"call\":%s", s->call.n ? s->call.p[0].line : "null");
	json_list("calls", &s->calls);
	if (s->request.n)
		printf(",\"request\":%s", s->request.p[0].line);
	json_list("bodies", &s->bodies);
	json_list("ties", &s->ties);
	json_list("effects", &s->effects);
	json_list("shared", &s->shared);
	json_list("untied", &s->undone);
	json_list("alerts", &s->alerts);
	json_list("gaps", &s->gaps);
	json_list("anomalies", &s->anomalies);
	puts("}");
}
