/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_csv.c - a row a record, for a spreadsheet
 *
 * RFC 4180: a header row, CRLF, text in quotes; a record is one line. Formulas are defused and
 * control characters visible (export_out.h). Where the log is not to be relied on, the first row
 * below the header has the type "warning" and says why. A field longer than a spreadsheet's cell is
 * cut, and says so.
 */
#include <stdlib.h>

#include "io/export_out.h"
#include "io/exporter.h"
#include "io/heap.h"

/* Excel: 32,767 characters a cell. */
#define CELL_MAX 32000
/* A record's longest text, each byte of it escaped. */
#define TEXT_MAX (4 << 20)

struct csv {
	struct mw_exporter base;
	struct mw_buf tmp, cut;
};

enum kind { CALL, EFFECT, ALERT, GAP, ANOMALY, OTHER, KINDS };

struct row {
	struct csv *csv;
	struct mw_outbuf *out;
	const struct mw_export_item *item;
	enum kind kind;
};

struct column {
	const char *name;
	/* 0, negative errno */
	int (*put)(const struct row *r, const struct column *c);
	const char *member[KINDS]; /* NULL: none of this type's */
};

static struct mw_slice get(const struct row *r, const char *member)
{
	return member ? mw_logrec_get(r->item->rec, member) : mw_slice(NULL, 0);
}

static int put_slice(const struct row *r, struct mw_slice s, bool raw)
{
	struct mw_buf *cut = &r->csv->cut;
	const size_t all = s.n;

	if (all > CELL_MAX) {
		/* not within a character */
		for (s.n = CELL_MAX; s.n > CELL_MAX - 4 && (s.p[s.n] & 0xc0) == 0x80; s.n--)
			;
		mw_buf_reset(cut, cut->cap);
		if (mw_buf_append(cut, s.p, s.n) < 0 ||
		    mw_buf_append_str(cut, "... [cut; bytes in all: ") < 0 ||
		    mw_buf_append_u64(cut, all) < 0 || mw_buf_append_byte(cut, ']') < 0)
			return -ENOMEM;
		s = mw_buf_slice(cut);
	}
	if (s.n && raw)
		mw_out_csv_raw(r->out, s);
	else if (s.n)
		mw_out_csv(r->out, s);
	return 0;
}

static int put_text(const struct row *r, const struct column *c)
{
	struct mw_slice text, raw = get(r, c->member[r->kind]);
	int err;

	if (!raw.n)
		return 0;
	err = mw_out_text(raw, &r->csv->tmp, &text);
	if (err < 0)
		return err;
	return put_slice(r, text, !mw_out_is_str(raw));
}

static int put_json(const struct row *r, const struct column *c)
{
	return put_slice(r, get(r, c->member[r->kind]), true);
}

static int put_number(const struct row *r, const struct column *c)
{
	const struct mw_slice raw = get(r, c->member[r->kind]);

	if (raw.n && raw.p[0] >= '0' && raw.p[0] <= '9')
		mw_out_slice(r->out, raw);
	else if (raw.n)
		return put_slice(r, raw, true);
	return 0;
}

/* The elements of a list, or the one value, with blanks between. */
static int put_list(const struct row *r, const struct column *c)
{
	const struct mw_slice raw = get(r, c->member[r->kind]);
	struct mw_buf *tmp = &r->csv->tmp;
	struct mw_json_array a;
	struct mw_slice v;
	int err = 0;

	if (!raw.n || raw.p[0] != '[')
		return put_text(r, c);
	mw_buf_reset(tmp, tmp->cap);
	mw_json_array_init(&a, raw);
	while (err == 0 && mw_json_array_next(&a, &v)) {
		if (tmp->len)
			err = mw_buf_append_byte(tmp, ' ');
		if (err == 0)
			err = mw_out_is_str(v) ? mw_json_str_decode(v, tmp)
					       : mw_buf_append(tmp, v.p, v.n);
	}
	return err < 0 ? err : put_slice(r, mw_buf_slice(tmp), false);
}

/* --- columns that are no member of the record ----------------------------------------------------
 */

static int put_own(const struct row *r, const char *text)
{
	if (*text)
		mw_out_csv(r->out, mw_slice_str(text));
	return 0;
}

static int put_time(const struct row *r, const struct column *c)
{
	(void)c;
	mw_out_time(r->out, r->item->rec->time_ns);
	return 0;
}

static int put_host(const struct row *r, const struct column *c)
{
	(void)c;
	return put_own(r, r->item->host);
}

static int put_seq(const struct row *r, const struct column *c)
{
	(void)c;
	mw_out_u64(r->out, r->item->rec->seq);
	return 0;
}

static int put_type(const struct row *r, const struct column *c)
{
	(void)c;
	return put_own(r, r->item->rec->type);
}

static int put_who(const struct row *r, const struct column *c)
{
	struct mw_slice text;
	int err;

	err = mw_out_text(mw_out_server(get(r, c->member[OTHER])), &r->csv->tmp, &text);
	return err < 0 ? err : put_slice(r, text, false);
}

static int put_principal(const struct row *r, const struct column *c)
{
	struct mw_slice text;
	int err;

	err = mw_out_principal(get(r, c->member[OTHER]), &r->csv->tmp, &text);
	return err < 0 ? err : put_slice(r, text, false);
}

static int put_call(const struct row *r, const struct column *c)
{
	return r->kind == EFFECT ? put_own(r, r->item->tie.call) : put_list(r, c);
}

static int put_link(const struct row *r, const struct column *c)
{
	(void)c;
	return r->kind == EFFECT ? put_own(r, r->item->tie.link) : 0;
}

static int put_confidence(const struct row *r, const struct column *c)
{
	(void)c;
	return r->kind == EFFECT ? put_own(r, r->item->tie.confidence) : 0;
}

static int put_error(const struct row *r, const struct column *c)
{
	struct mw_slice text;
	int err;

	if (r->kind != CALL)
		return put_text(r, c);
	err = mw_out_text(mw_out_get(get(r, "error"), "message"), &r->csv->tmp, &text);
	return err < 0 ? err : put_slice(r, text, false);
}

static int put_joined(const struct row *r, const struct column *c)
{
	(void)c;
	return r->kind == CALL ? put_own(r, r->item->joined) : 0;
}

/* clang-format off */
static const struct column columns[] = {
	{ "time", put_time, { NULL } },
	{ "host", put_host, { NULL } },
	{ "seq", put_seq, { NULL } },
	{ "type", put_type, { NULL } },
	{ "what", put_text, { "method", "kind", "rule", "reason", "what", "event" } },
	{ "severity", put_text, { [ALERT] = "severity" } },
	{ "title", put_text, { [ALERT] = "title" } },
	{ "server", put_who, { [OTHER] = "server" } },
	{ "tool", put_text, { [CALL] = "tool", [ALERT] = "tool", [OTHER] = "tool" } },
	{ "principal", put_principal, { [OTHER] = "principal" } },
	{ "client", put_who, { [OTHER] = "client" } },
	{ "call", put_call, { "call", NULL, "calls", "calls", "call", "call" } },
	{ "status", put_text, { [CALL] = "status", [EFFECT] = "result", [ALERT] = "outcome" } },
	{ "target", put_list, { [EFFECT] = "target", [ALERT] = "targets", [GAP] = "where", [ANOMALY] = "where" } },
	{ "target2", put_text, { [EFFECT] = "target2" } },
	{ "name", put_text, { [EFFECT] = "name" } },
	{ "mode", put_text, { [EFFECT] = "mode" } },
	{ "link", put_link, { NULL } },
	{ "confidence", put_confidence, { NULL } },
	{ "count", put_number, { [CALL] = "effects_n", [EFFECT] = "n", [ALERT] = "count", [GAP] = "events" } },
	{ "bytes", put_number, { [CALL] = "result_bytes", [GAP] = "bytes", [ANOMALY] = "bytes_n" } },
	{ "bytes_read", put_number, { [EFFECT] = "bytes_r" } },
	{ "bytes_written", put_number, { [EFFECT] = "bytes_w" } },
	{ "begin", put_text, { [CALL] = "begin", [GAP] = "from" } },
	{ "end", put_text, { [CALL] = "end", [GAP] = "to" } },
	{ "elapsed_ms", put_number, { [CALL] = "elapsed_ms" } },
	{ "pid", put_number, { [EFFECT] = "pid" } },
	{ "exe", put_text, { [EFFECT] = "exe" } },
	{ "argv", put_list, { [EFFECT] = "argv" } },
	{ "detail", put_error, { [EFFECT] = "why", [ALERT] = "detail" } },
	{ "args", put_json, { [CALL] = "args" } },
	{ "alerts", put_list, { [CALL] = "alerts" } },
	{ "evidence", put_text, { [CALL] = "evidence" } },
	{ "transport", put_text, { [CALL] = "transport", [OTHER] = "transport" } },
	{ "session", put_text, { [CALL] = "session", [ALERT] = "session" } },
	{ "rpc_id", put_text, { [CALL] = "rpc_id", [ALERT] = "rpc_id" } },
	{ "joined", put_joined, { NULL } },
};
/* clang-format on */

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static enum kind kind_of(const char *type)
{
	return strcmp(type, "effect") == 0    ? EFFECT
	       : strcmp(type, "call") == 0    ? CALL
	       : strcmp(type, "alert") == 0   ? ALERT
	       : strcmp(type, "gap") == 0     ? GAP
	       : strcmp(type, "anomaly") == 0 ? ANOMALY
					      : OTHER;
}

static void warn(struct mw_outbuf *o, const struct mw_export_about *a)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		if (i)
			mw_out_char(o, ',');
		if (strcmp(columns[i].name, "time") == 0)
			mw_out_time(o, a->made_ns);
		else if (strcmp(columns[i].name, "type") == 0)
			mw_out_csv(o, mw_slice_str("warning"));
		else if (strcmp(columns[i].name, "severity") == 0)
			mw_out_csv(o, mw_slice_str("critical"));
		else if (strcmp(columns[i].name, "title") == 0)
			mw_out_csv(o, mw_slice_str("Do not rely on this table"));
		else if (strcmp(columns[i].name, "detail") == 0)
			mw_out_csv(o, mw_slice_str(a->wrong));
	}
	mw_out_str(o, "\r\n");
}

static int begin(struct mw_exporter *e, const struct mw_export_about *a)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		if (i)
			mw_out_char(&e->out, ',');
		mw_out_str(&e->out, columns[i].name);
	}
	mw_out_str(&e->out, "\r\n");
	if (a->wrong)
		warn(&e->out, a);
	return mw_out_error(&e->out);
}

static int item(struct mw_exporter *e, const struct mw_export_item *it)
{
	const struct row r = { (struct csv *)e, &e->out, it, kind_of(it->rec->type) };
	size_t i;
	int err;

	for (i = 0; i < COLUMNS; i++) {
		if (i)
			mw_out_char(&e->out, ',');
		err = columns[i].put(&r, &columns[i]);
		if (err < 0)
			return err;
	}
	mw_out_str(&e->out, "\r\n");
	return 0;
}

static int end(struct mw_exporter *e)
{
	return mw_out_error(&e->out);
}

static void free_exporter(struct mw_exporter *e)
{
	struct csv *csv = (struct csv *)e;

	mw_buf_done(&csv->tmp);
	mw_buf_done(&csv->cut);
	mw_out_done(&e->out);
	free(csv);
}

static int twin(const struct mw_exporter *e, struct mw_exporter **ret)
{
	return mw_export_csv_new(e->to, ret);
}

int mw_export_csv_new(FILE *to, struct mw_exporter **ret)
{
	static const struct mw_exporter_ops ops = { begin, item, end, free_exporter, twin };
	struct csv *csv = calloc(1, sizeof(*csv));

	if (!csv)
		return -ENOMEM;
	csv->base = (struct mw_exporter){ &ops, to, { 0 } };
	mw_buf_init(&csv->tmp, &mw_heap, TEXT_MAX);
	mw_buf_init(&csv->cut, &mw_heap, TEXT_MAX);
	*ret = &csv->base;
	return 0;
}
