/* SPDX-License-Identifier: Apache-2.0 */
#include "io/render.h"

#include <limits.h>

#include <cjson/cJSON.h>

#include "io/escape.h"
#include "io/render_priv.h"
#include "io/when.h"

const char *mw_rec_str(const cJSON *rec, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(rec, name));
}

const char *mw_rec_str2(const cJSON *rec, const char *name, const char *sub)
{
	return mw_rec_str(cJSON_GetObjectItemCaseSensitive(rec, name), sub);
}

const char *mw_rec_server(const cJSON *rec)
{
	static const char *const names[] = { "name", "configured_name", "key", "id" };
	const char *s = mw_rec_str(rec, "server");

	for (size_t i = 0; !s && i < sizeof(names) / sizeof(names[0]); i++)
		s = mw_rec_str2(rec, "server", names[i]);
	return s;
}

const char *mw_rec_call(const cJSON *rec)
{
	return mw_rec_str(rec, "call");
}

double mw_rec_num(const cJSON *rec, const char *name, double otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(rec, name);

	return cJSON_IsNumber(v) ? v->valuedouble : otherwise;
}

/* A piece after the two spaces that part it from the one before; nothing for NULL. */
static void piece(struct mw_line *l, const char *sgr, const char *text)
{
	if (!text)
		return;
	mw_line_puts(l, NULL, "  ");
	mw_line_puts(l, sgr, text);
}

void mw_render_elapsed(struct mw_line *l, double ms)
{
	if (ms >= 1000)
		mw_line_printf(l, NULL, "%.2f s", ms / 1000);
	else
		mw_line_printf(l, NULL, "%.1f ms", ms);
}

struct mw_slice mw_render_key(struct mw_slice key)
{
	static const char uid[] = " uid=";
	const uint8_t *end = memmem(key.p, key.n, uid, sizeof(uid) - 1), *at;

	end = end ? end : key.p + key.n;
	for (at = end; at > key.p && at[-1] != '/' && at[-1] != ' '; at--)
		;
	return mw_slice(at, (size_t)(end - at));
}

struct mw_slice mw_render_server(const cJSON *rec)
{
	const char *name = mw_rec_server(rec), *key = mw_rec_str2(rec, "server", "key");

	return name && name == key ? mw_render_key(mw_slice_str(key)) : mw_slice_str(name);
}

static void piece_server(struct mw_line *l, const cJSON *rec)
{
	const struct mw_slice name = mw_render_server(rec);

	if (!name.p)
		return;
	mw_line_puts(l, NULL, "  ");
	mw_line_put(l, NULL, (const char *)name.p, name.n);
}

const char *mw_render_status_sgr(const char *status)
{
	if (strcmp(status, "ok") == 0)
		return GREEN;
	return strstr(status, "_error") ? RED : YELLOW;
}

/* What a reader wants to see first; last what was folded and has no target of its own: loading. */
static int rank(const cJSON *e, const struct mw_render_row *row)
{
	static const char *const order[] = {
		"file.delete", "file.rmdir",   "kernel.",   "proc.ptrace", "proc.vm_access",
		"proc.setid",  "proc.exec",    "proc.kill", "file.rename", "net.connect",
		"net.http",    "db.statement", "net.",	    "file.chmod",  "file.chown",
		"file.t",      "file.l",       "file.s",    "file.m",	   "file.open",
	};
	const char *kind = mw_rec_str(e, "kind"), *result = mw_rec_str(e, "result");
	size_t i;

	if (row && row->prefer && row->prefer(row->ctx, e))
		return -1;
	if (!kind || !mw_rec_str(e, "target"))
		return INT_MAX;
	/* a search along PATH: what it found says more */
	if (strcmp(kind, "proc.exec") == 0 && result && strcmp(result, "ENOENT") == 0)
		return INT_MAX - 1;
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (strncmp(kind, order[i], strlen(order[i])) == 0)
			break;
	return (int)i;
}

static void put_effect_short(struct mw_line *l, const cJSON *e)
{
	const char *kind = mw_rec_str(e, "kind"), *target = mw_rec_str(e, "target");
	const char *confidence = mw_rec_str(e, "confidence"), *result = mw_rec_str(e, "result");
	double n = mw_rec_num(e, "n", 1);

	if (confidence && strcmp(confidence, "likely") == 0)
		mw_line_puts(l, DIM, "~");
	else if (confidence && strcmp(confidence, "shared") == 0)
		mw_line_puts(l, DIM, "?");
	if (!target && kind && strcmp(kind, "file.open") == 0) {
		mw_line_printf(l, NULL, n > 1 ? "loading %.0f files" : "loading a file", n);
		return;
	}
	mw_line_puts(l, BOLD, kind ? kind : "effect");
	if (target) {
		mw_line_puts(l, NULL, " ");
		mw_line_put_path(l, NULL, target, strlen(target));
	}
	if (n > 1)
		mw_line_printf(l, NULL, " (%.0f times)", n);
	if (result && strcmp(result, "ok") != 0) {
		mw_line_puts(l, NULL, " ");
		mw_line_puts(l, YELLOW, result);
	}
}

void mw_render_effects(struct mw_line *l, const cJSON *rec, const struct mw_render_row *row)
{
	const cJSON *effects = cJSON_GetObjectItemCaseSensitive(rec, "effects"), *e;
	const cJSON *best[EFFECTS_SHOWN];
	double total, shown = 0;
	int n_best = 0, i;

	cJSON_ArrayForEach(e, effects)
	{
		for (i = n_best; i > 0; i--) {
			if (rank(best[i - 1], row) <= rank(e, row))
				break;
			if (i < EFFECTS_SHOWN)
				best[i] = best[i - 1];
		}
		if (i < EFFECTS_SHOWN)
			best[i] = e;
		if (n_best < EFFECTS_SHOWN)
			n_best++;
	}
	if (n_best == 0)
		return;
	total = mw_rec_num(rec, "effects_n", cJSON_GetArraySize(effects));
	mw_line_puts(l, NULL, "  ");
	for (i = 0; i < n_best; i++) {
		struct mw_line probe = { 0 };
		bool fits;

		/* the first is shown as far as it goes; another only if it and what follows fit */
		put_effect_short(&probe, best[i]);
		fits = !l->max_cols || l->cols + probe.cols + sizeof(", , +9999") < l->max_cols;
		mw_line_done(&probe);
		if (i > 0 && !fits)
			break;
		if (i > 0)
			mw_line_puts(l, NULL, ", ");
		put_effect_short(l, best[i]);
		shown += mw_rec_num(best[i], "n", 1);
	}
	if (total > shown)
		mw_line_printf(l, NULL, ", +%.0f", total - shown);
}

/* How the call came, where it is worth a word: an answer of another status than 2xx, relays,
 * rounds. */
void mw_render_way(struct mw_line *l, const cJSON *rec)
{
	const char *transport = mw_rec_str(rec, "transport"), *exe, *base;
	const cJSON *http = cJSON_GetObjectItemCaseSensitive(rec, "http"), *hop;
	double status = mw_rec_num(http, "status", 0);
	double rounds = mw_rec_num(
	    rec, "rounds_n", cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(rec, "rounds")));

	if (transport && strcmp(transport, "stdio") != 0) {
		piece(l, DIM, "by ");
		mw_line_puts(l, DIM, transport);
	}
	if (status >= 300 || (status > 0 && status < 200))
		mw_line_printf(l, YELLOW, " %.0f", status);
	cJSON_ArrayForEach(hop, cJSON_GetObjectItemCaseSensitive(rec, "hops"))
	{
		exe = mw_rec_str(hop, "exe");
		base = exe ? strrchr(exe, '/') : NULL;
		mw_line_puts(l, DIM, "  via ");
		mw_line_puts(l, DIM, base ? base + 1 : exe ? exe : "unknown");
	}
	if (rounds > 0)
		mw_line_printf(l, DIM, "  in %.0f rounds", rounds);
}

static void put_call(struct mw_line *l, const cJSON *rec)
{
	const char *tool = mw_rec_str(rec, "tool"), *method = mw_rec_str(rec, "method");
	const char *status = mw_rec_str(rec, "status"), *dir = mw_rec_str(rec, "dir");
	const char *evidence = mw_rec_str(rec, "evidence");
	const cJSON *elapsed = cJSON_GetObjectItemCaseSensitive(rec, "elapsed_ms");
	const cJSON *alert;

	piece_server(l, rec);
	piece(l, BOLD, tool ? tool : method);
	if (dir && strcmp(dir, "s2c") == 0)
		mw_line_puts(l, DIM, " (asked by the server)");
	if (status)
		piece(l, mw_render_status_sgr(status), status);
	if (cJSON_IsNumber(elapsed)) {
		mw_line_puts(l, NULL, "  ");
		mw_render_elapsed(l, elapsed->valuedouble);
	}
	mw_render_way(l, rec);
	cJSON_ArrayForEach(alert, cJSON_GetObjectItemCaseSensitive(rec, "alerts"))
	{
		const char *rule = cJSON_GetStringValue(alert);

		mw_line_puts(l, NULL, "  ");
		mw_line_puts(l, BOLD_RED, "! ");
		mw_line_puts(l, BOLD_RED, rule ? rule : "alert");
	}
	if (evidence && strcmp(evidence, "complete") != 0) {
		mw_line_puts(l, NULL, "  ");
		mw_line_printf(l, YELLOW, "[%s]", evidence);
	}
	mw_render_effects(l, rec, NULL);
}

static void put_effect(struct mw_line *l, const cJSON *rec)
{
	const char *target2 = mw_rec_str(rec, "target2"), *mode = mw_rec_str(rec, "mode");
	const char *result = mw_rec_str(rec, "result"), *name = mw_rec_str(rec, "name");
	const char *link = mw_rec_str(rec, "link"), *confidence = mw_rec_str(rec, "confidence");
	const char *call = mw_rec_call(rec);
	double n = mw_rec_num(rec, "n", 1);

	piece_server(l, rec);
	piece(l, BOLD, mw_rec_str(rec, "kind"));
	piece(l, NULL, mw_rec_str(rec, "target"));
	if (target2) {
		mw_line_puts(l, NULL, " -> ");
		mw_line_puts(l, NULL, target2);
	}
	if (name) {
		mw_line_puts(l, NULL, " (");
		mw_line_puts(l, NULL, name);
		mw_line_puts(l, NULL, ")");
	}
	piece(l, NULL, mode);
	if (result)
		piece(l, strcmp(result, "ok") == 0 ? GREEN : YELLOW, result);
	if (n > 1)
		mw_line_printf(l, NULL, "  (%.0f times)", n);
	if (call) {
		piece(l, NULL, "call ");
		mw_line_puts(l, NULL, call);
	}
	if (link) {
		mw_line_puts(l, NULL, call ? " " : "  ");
		mw_line_puts(l, DIM, "(");
		mw_line_puts(l, DIM, link);
		if (confidence && strcmp(confidence, link) != 0) {
			mw_line_puts(l, DIM, ", ");
			mw_line_puts(l, DIM, confidence);
		}
		mw_line_puts(l, DIM, ")");
	}
}

static void put_alert(struct mw_line *l, const cJSON *rec)
{
	const char *severity = mw_rec_str(rec, "severity"), *tool = mw_rec_str(rec, "tool");
	const cJSON *calls = cJSON_GetObjectItemCaseSensitive(rec, "calls"), *t;
	bool bad = severity && (*severity == 'h' || *severity == 'c');

	piece(l, bad ? BOLD_RED : YELLOW, "ALERT");
	piece(l, bad ? BOLD_RED : YELLOW, severity);
	piece(l, BOLD, mw_rec_str(rec, "rule"));
	piece(l, NULL, mw_rec_str(rec, "title"));
	piece_server(l, rec);
	piece(l, NULL, tool);
	cJSON_ArrayForEach(t, cJSON_GetObjectItemCaseSensitive(rec, "targets"))
	    piece(l, NULL, cJSON_GetStringValue(t));
	if (mw_rec_num(rec, "count", 1) > 1)
		mw_line_printf(l, NULL, "  (%.0f times)", mw_rec_num(rec, "count", 1));
	t = cJSON_GetArrayItem(calls, 0);
	if (cJSON_IsString(t)) {
		piece(l, NULL, "call ");
		mw_line_puts(l, NULL, t->valuestring);
		if (cJSON_GetArraySize(calls) > 1)
			mw_line_printf(l, NULL, ", +%d", cJSON_GetArraySize(calls) - 1);
	}
}

void mw_render_gap(struct mw_line *l, const cJSON *rec)
{
	double bytes = mw_rec_num(rec, "bytes", 0), events = mw_rec_num(rec, "events", 0);
	const char *reason = mw_rec_str(rec, "reason"), *from = mw_rec_str(rec, "from");
	const char *to = mw_rec_str(rec, "to");
	int64_t from_ns, to_ns;

	if (events > 0)
		mw_line_printf(l, NULL, "  %.0f events missing", events);
	if (bytes > 0)
		mw_line_printf(l, NULL, "  %.0f bytes missing", bytes);
	if (reason && strcmp(reason, "restarted") == 0 && from && to &&
	    mw_when_rfc3339(from, strlen(from), &from_ns) == 0 &&
	    mw_when_rfc3339(to, strlen(to), &to_ns) == 0) {
		mw_line_puts(l, NULL, "  nothing was watched for ");
		mw_render_elapsed(l, (double)(to_ns - from_ns) / 1e6);
	}
}

static void put_gap(struct mw_line *l, const cJSON *rec)
{
	piece(l, YELLOW, "GAP");
	piece(l, BOLD, mw_rec_str(rec, "reason"));
	piece(l, NULL, mw_rec_str(rec, "where"));
	piece_server(l, rec);
	mw_render_gap(l, rec);
}

static void put_anomaly(struct mw_line *l, const cJSON *rec)
{
	piece(l, YELLOW, "ANOMALY");
	piece(l, BOLD, mw_rec_str(rec, "what"));
	piece(l, NULL, mw_rec_str(rec, "where"));
	piece_server(l, rec);
	if (mw_rec_call(rec)) {
		piece(l, NULL, "call ");
		mw_line_puts(l, NULL, mw_rec_call(rec));
	}
}

/* server, tool, request, notice, daemon and what later versions add. */
static void put_other(struct mw_line *l, const cJSON *rec, const char *type)
{
	static const char *const names[] = { "event",	  "tool", "method",
					     "transport", "exe",  "version" };
	size_t i;

	piece_server(l, rec);
	piece(l, DIM, type);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		piece(l, i == 0 ? BOLD : NULL, mw_rec_str(rec, names[i]));
	if (mw_rec_call(rec)) {
		piece(l, NULL, "call ");
		mw_line_puts(l, NULL, mw_rec_call(rec));
	}
}

bool mw_render_record(struct mw_line *l, const cJSON *rec, bool date)
{
	static const struct {
		const char *type;
		void (*put)(struct mw_line *l, const cJSON *rec);
	} types[] = {
		{ "call", put_call }, { "effect", put_effect },	  { "alert", put_alert },
		{ "gap", put_gap },   { "anomaly", put_anomaly },
	};
	const char *type = mw_rec_str(rec, "type"), *time = mw_rec_str(rec, "time");
	char when[MW_WHEN_LEN];
	int64_t ns;
	size_t i;

	if (!type || !time || mw_when_rfc3339(time, strlen(time), &ns) < 0)
		return false;
	if (strcmp(type, "body") == 0 || strcmp(type, "ties") == 0 || strcmp(type, "seal") == 0)
		return false;
	mw_when_format(ns, date, when);
	mw_line_puts(l, DIM, when);
	if (date && strcmp(type, "call") == 0)
		piece(l, DIM, mw_rec_call(rec));
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i].type) == 0) {
			types[i].put(l, rec);
			return true;
		}
	put_other(l, rec, type);
	return true;
}
