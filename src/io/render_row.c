/* SPDX-License-Identifier: Apache-2.0 */
/* render_row.c - a record in columns */
#include <cjson/cJSON.h>
#include <limits.h>
#include <string.h>

#include "io/escape.h"
#include "io/render_priv.h"
#include "io/when.h"

/* The widths of the columns, of lines of at least `from`; 0: without that column. */
struct layout {
	unsigned int from;
	bool date;
	unsigned int time; /* characters of it */
	unsigned int call, server, what, result;
	bool pad; /* whether they are filled up */
};

static const struct layout layouts[] = {
	{ 130, true, 23, 14, 12, 18, 10, true }, { 100, false, 12, 14, 12, 16, 6, true },
	{ 76, false, 8, 14, 10, 12, 2, true },	 { 56, false, 8, 0, 10, 14, 2, true },
	{ 36, false, 8, 0, 0, 14, 2, false },	 { 0, false, 5, 0, 0, 1, 2, false },
};

static const struct layout *layout_of(unsigned int max_cols)
{
	size_t i = 0;

	while (max_cols && layouts[i].from > max_cols)
		i++;
	return &layouts[i];
}

bool mw_render_row_no_date(unsigned int max_cols)
{
	return !layout_of(max_cols)->date;
}

struct out {
	struct mw_line *l;
	const struct layout *lay;
	unsigned int due; /* spaces that come before what comes next */
};

static void spaces(struct mw_line *l, unsigned int n)
{
	mw_line_printf(l, NULL, "%*s", (int)n, "");
}

/* How many bytes of a text fit, and how wide they are. */
static size_t fits(const char *p, size_t n, unsigned int max, unsigned int *ret_cols)
{
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t i = 0, used;

	for (*ret_cols = 0; i < n; i += used) {
		used = mw_escape_next(p + i, n - i, esc, &cols);
		if (*ret_cols + cols > max)
			break;
		*ret_cols += cols;
	}
	return i;
}

/* A column. What is too long goes beyond it, up to twice its width; longer names are cut. */
static void column(struct out *o, const char *sgr, const char *p, size_t n, unsigned int width)
{
	const unsigned int max = 2 * width < 12 ? 12 : 2 * width;
	unsigned int cols;
	size_t fit;

	if (width == 0)
		return;
	/* no blanks at a line's end */
	if (n == 0) {
		o->due += o->lay->pad ? width + 2 : 0;
		return;
	}
	spaces(o->l, o->due);
	/* where nothing is lined up the end of the line is limit enough */
	fit = fits(p, n, o->lay->pad ? max : UINT_MAX, &cols);
	if (fit < n)
		fit = fits(p, n, max - 1, &cols);
	mw_line_put(o->l, sgr, p, fit);
	if (fit < n) {
		mw_line_puts(o->l, sgr, "…");
		cols++;
	}
	o->due = o->lay->pad && cols < width ? width - cols + 2 : 2;
}

static void columns(struct out *o, const char *sgr, const char *text, unsigned int width)
{
	column(o, sgr, text ? text : "", text ? strlen(text) : 0, width);
}

/* A piece of the rest; nothing for NULL. */
static void piece(struct out *o, const char *sgr, const char *text)
{
	if (!text)
		return;
	spaces(o->l, o->due);
	o->due = 2;
	mw_line_puts(o->l, sgr, text);
}

/* What puts its own two spaces. */
static void before_parts(struct out *o)
{
	if (o->due > 2)
		spaces(o->l, o->due - 2);
	o->due = 2;
}

static void column_time(struct out *o, const char *time)
{
	char when[MW_WHEN_LEN];
	int64_t ns;

	if (mw_when_rfc3339(time, strlen(time), &ns) < 0)
		ns = 0;
	mw_when_format(ns, o->lay->date, when);
	mw_line_put(o->l, DIM, when, o->lay->time < strlen(when) ? o->lay->time : strlen(when));
	o->due = 2;
}

/* Before its id a mark says how far to trust that it is this call. */
static void column_call(struct out *o, const char *id, char mark)
{
	char text[80];

	snprintf(text, sizeof(text), "%c%s", mark, id ? id : "");
	columns(o, DIM, id || mark != ' ' ? text : NULL, o->lay->call ? o->lay->call + 1 : 0);
}

static void column_server(struct out *o, const cJSON *rec)
{
	const struct mw_slice s = mw_render_server(rec);

	column(o, NULL, s.p ? (const char *)s.p : "", s.n, o->lay->server);
}

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* --- each type ----------------------------------------------------------------------------------
 */

static void row_call(struct out *o, const cJSON *rec, const struct mw_render_row *row)
{
	const char *tool = mw_rec_str(rec, "tool"), *status = mw_rec_str(rec, "status");
	const char *dir = mw_rec_str(rec, "dir"), *evidence = mw_rec_str(rec, "evidence");
	const cJSON *elapsed = get(rec, "elapsed_ms"), *alert;
	struct mw_line took = { 0 };

	columns(o, BOLD, tool ? tool : mw_rec_str(rec, "method"), o->lay->what);
	columns(o, status ? mw_render_status_sgr(status) : NULL, status, o->lay->result);
	if (cJSON_IsNumber(elapsed))
		mw_render_elapsed(&took, elapsed->valuedouble);
	if (o->lay->call && o->lay->from >= 100)
		o->due += took.cols < 8 ? 8 - took.cols : 0;
	if (o->lay->call && took.p)
		piece(o, DIM, took.p);
	mw_line_done(&took);
	if (dir && strcmp(dir, "s2c") == 0)
		piece(o, DIM, "(asked by the server)");
	cJSON_ArrayForEach(alert, get(rec, "alerts"))
	{
		const char *rule = cJSON_GetStringValue(alert);

		piece(o, BOLD_RED, "!");
		o->due = 1;
		piece(o, BOLD_RED, rule ? rule : "alert");
	}
	if (evidence && strcmp(evidence, "complete") != 0) {
		piece(o, YELLOW, "[");
		mw_line_puts(o->l, YELLOW, evidence);
		mw_line_puts(o->l, YELLOW, "]");
	}
	before_parts(o);
	mw_render_effects(o->l, rec, row);
	mw_render_way(o->l, rec);
}

/* The calls that it may belong to, where that is open. */
static void candidates(struct out *o, const cJSON *list)
{
	const cJSON *e;
	int n = 0;

	cJSON_ArrayForEach(e, list)
	{
		if (n == 2)
			break;
		mw_line_puts(o->l, DIM, n++ ? ", " : " by ");
		mw_line_puts(o->l, DIM, cJSON_IsString(e) ? e->valuestring : "?");
	}
	if (cJSON_GetArraySize(list) > n)
		mw_line_printf(o->l, DIM, " or %d more", cJSON_GetArraySize(list) - n);
}

static void tie(struct out *o, const cJSON *rec, const struct mw_render_row *row, const char *link,
		const char *confidence, bool settled)
{
	const char *named = mw_rec_call(rec);

	if (row->undone) {
		piece(o, DIM, "(first tied to ");
		mw_line_puts(o->l, DIM, named ? named : "a call");
		mw_line_puts(o->l, DIM, ", not any more at its end)");
		return;
	}
	if (!link || !*link || strcmp(link, "none") == 0)
		return;
	piece(o, NULL, row->tool);
	piece(o, DIM, "(");
	mw_line_puts(o->l, DIM, link);
	if (!settled && strcmp(link, "shared") == 0)
		candidates(o, get(rec, "candidates"));
	if (confidence && *confidence && strcmp(confidence, link) != 0) {
		mw_line_puts(o->l, DIM, ", ");
		mw_line_puts(o->l, DIM, confidence);
	}
	mw_line_puts(o->l, DIM, row->open ? "; its call has not ended)" : ")");
}

static void row_effect(struct out *o, const cJSON *rec, const struct mw_render_row *row)
{
	const char *result = mw_rec_str(rec, "result"), *target = mw_rec_str(rec, "target");
	const char *target2 = mw_rec_str(rec, "target2"), *name = mw_rec_str(rec, "name");
	const char *mode = mw_rec_str(rec, "mode"), *object = mw_rec_str(rec, "object");
	const char *verb = mw_rec_str(rec, "verb");
	const char *link = row->link ? row->link : mw_rec_str(rec, "link");
	const char *confidence = row->confidence ? row->confidence : mw_rec_str(rec, "confidence");
	const bool ok = result && strcmp(result, "ok") == 0;
	double n = mw_rec_num(rec, "n", 1);

	columns(o, BOLD, mw_rec_str(rec, "kind"), o->lay->what);
	columns(o, ok ? GREEN : YELLOW, result, o->lay->result);
	if (!target)
		target = mw_rec_str(rec, "summary");
	if (target) {
		spaces(o->l, o->due);
		o->due = 2;
		mw_line_put_path(o->l, NULL, target, strlen(target));
	}
	if (target2) {
		mw_line_puts(o->l, NULL, " -> ");
		mw_line_puts(o->l, NULL, target2);
	}
	if (name) {
		mw_line_puts(o->l, NULL, " (");
		mw_line_puts(o->l, NULL, name);
		mw_line_puts(o->l, NULL, ")");
	}
	piece(o, NULL, verb);
	if (verb && object)
		o->due = 1;
	piece(o, NULL, object);
	piece(o, DIM, mode);
	if (n > 1 && mw_rec_str(rec, "target")) {
		piece(o, NULL, "(");
		mw_line_printf(o->l, NULL, "%.0f times)", n);
	}
	tie(o, rec, row, link, confidence, row->link != NULL);
}

static void row_alert(struct out *o, const cJSON *rec)
{
	const char *severity = mw_rec_str(rec, "severity");
	const bool bad = severity && (*severity == 'h' || *severity == 'c');
	const cJSON *t;

	columns(o, bad ? BOLD_RED : YELLOW, "ALERT", o->lay->what);
	columns(o, bad ? BOLD_RED : YELLOW, severity, o->lay->result);
	piece(o, BOLD, mw_rec_str(rec, "rule"));
	piece(o, NULL, mw_rec_str(rec, "title"));
	piece(o, BOLD, mw_rec_str(rec, "tool"));
	cJSON_ArrayForEach(t, get(rec, "targets")) piece(o, NULL, cJSON_GetStringValue(t));
	if (mw_rec_num(rec, "count", 1) > 1) {
		piece(o, NULL, "(");
		mw_line_printf(o->l, NULL, "%.0f times)", mw_rec_num(rec, "count", 1));
	}
	if (cJSON_GetArraySize(get(rec, "calls")) > 1) {
		piece(o, DIM, "and ");
		mw_line_printf(o->l, DIM, "%d more call%s",
			       cJSON_GetArraySize(get(rec, "calls")) - 1,
			       cJSON_GetArraySize(get(rec, "calls")) > 2 ? "s" : "");
	}
}

static void row_gap(struct out *o, const cJSON *rec)
{
	columns(o, YELLOW, "GAP", o->lay->what);
	columns(o, NULL, NULL, o->lay->result);
	piece(o, BOLD, mw_rec_str(rec, "reason"));
	piece(o, NULL, mw_rec_str(rec, "where"));
	mw_render_gap(o->l, rec);
}

static void row_anomaly(struct out *o, const cJSON *rec)
{
	columns(o, YELLOW, "ANOMALY", o->lay->what);
	columns(o, NULL, NULL, o->lay->result);
	piece(o, BOLD, mw_rec_str(rec, "what"));
	piece(o, NULL, mw_rec_str(rec, "where"));
}

/* What it is about goes by its type; a type of a later version shows its name. */
static void row_other(struct out *o, const cJSON *rec, const char *type)
{
	static const char *const names[] = { "event",	  "tool",    "method", "what",
					     "transport", "version", "reason" };
	const char *exe = mw_rec_str2(rec, "server", "exe");

	columns(o, DIM, type, o->lay->what);
	columns(o, NULL, NULL, o->lay->result);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		piece(o, i == 0 ? BOLD : NULL, mw_rec_str(rec, names[i]));
	if (strcmp(type, "server") == 0)
		piece(o, NULL, exe);
	if (strcmp(type, "tool") == 0 && mw_rec_str(rec, "was"))
		piece(o, YELLOW, "its definition changed");
}

static const char *first_call(const cJSON *rec)
{
	const char *call = mw_rec_call(rec);

	return call ? call : cJSON_GetStringValue(cJSON_GetArrayItem(get(rec, "calls"), 0));
}

static char mark_of(const cJSON *rec, const struct mw_render_row *row)
{
	const char *confidence = row->confidence ? row->confidence : mw_rec_str(rec, "confidence");

	if (!confidence || strcmp(confidence, "certain") == 0 || strcmp(confidence, "none") == 0 ||
	    row->undone)
		return ' ';
	return row->open || strcmp(confidence, "likely") != 0 ? '?' : '~';
}

bool mw_render_row(struct mw_line *l, const cJSON *rec, const struct mw_render_row *row)
{
	static const struct mw_render_row plain;
	const char *type = mw_rec_str(rec, "type"), *time = mw_rec_str(rec, "time"), *call;
	struct out o = { .l = l, .lay = layout_of(l->max_cols) };
	bool effect;

	if (!type || !time)
		return false;
	row = row ? row : &plain;
	effect = strcmp(type, "effect") == 0;
	call = effect && row->link ? row->call : first_call(rec);
	column_time(&o, time);
	column_call(&o, row->undone ? NULL : call, effect ? mark_of(rec, row) : ' ');
	column_server(&o, rec);
	if (effect)
		row_effect(&o, rec, row);
	else if (strcmp(type, "call") == 0)
		row_call(&o, rec, row);
	else if (strcmp(type, "alert") == 0)
		row_alert(&o, rec);
	else if (strcmp(type, "gap") == 0)
		row_gap(&o, rec);
	else if (strcmp(type, "anomaly") == 0)
		row_anomaly(&o, rec);
	else
		row_other(&o, rec, type);
	/* the blanks before what then had nothing to say */
	for (; l->len && l->p[l->len - 1] == ' '; l->cols--)
		l->p[--l->len] = '\0';
	return true;
}
