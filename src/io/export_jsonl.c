/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_jsonl.c - the records themselves, as they were written, one a line
 *
 * Before them stands one line of our own, of the type `export`: what it is an export of, and what
 * is wrong with that. It has a record's head, so whatever reads records reads it, too; by it
 * logread knows that numbers may be missing behind it.
 */
#include <stdlib.h>

#include <mcpwatch/record.h>

#include "io/export_out.h"
#include "io/exporter.h"

static void member_key(struct mw_outbuf *o, const char *key)
{
	mw_out_str(o, ",\"");
	mw_out_str(o, key);
	mw_out_str(o, "\":");
}

static void member_u64(struct mw_outbuf *o, const char *key, uint64_t v)
{
	member_key(o, key);
	mw_out_u64(o, v);
}

/* What is not known is left out, as in any record. */
static void member_str(struct mw_outbuf *o, const char *key, const char *v)
{
	if (!v || !*v)
		return;
	member_key(o, key);
	mw_out_json_str(o, v);
}

static void member_time(struct mw_outbuf *o, const char *key, int64_t ns)
{
	member_key(o, key);
	mw_out_char(o, '"');
	mw_out_time(o, ns);
	mw_out_char(o, '"');
}

static const char *verdict(const struct mw_verify_report *report)
{
	return !report					? "not_sealed"
	       : report->verdict == MW_LOG_TAMPERED	? "tampered"
	       : report->finding == MW_FOUND_NOT_SEALED ? "not_sealed"
	       : report->verdict == MW_LOG_SHORT	? "short"
							: "whole";
}

static void input(struct mw_outbuf *o, const struct mw_export_input *in)
{
	const struct mw_verify_report *report = in->report;

	mw_out_str(o, "{\"path\":");
	mw_out_json_str(o, in->path);
	member_str(o, "host", in->host);
	member_str(o, "version", in->version);
	member_u64(o, "records", in->n);
	if (in->n) {
		member_time(o, "from", in->first_ns);
		member_time(o, "to", in->last_ns);
	}
	member_str(o, "verdict", verdict(report));
	if (report) {
		member_str(o, "text", report->text);
		member_str(o, "origin", report->origin);
		member_u64(o, "sealed", report->sealed);
		member_u64(o, "seals", report->seals);
	}
	member_str(o, "checkpoint", in->checkpoint);
	mw_out_char(o, '}');
}

static int begin(struct mw_exporter *e, const struct mw_export_about *a)
{
	struct mw_outbuf *o = &e->out;
	size_t i;

	mw_out_str(o, "{\"v\":");
	mw_out_u64(o, MW_RECORD_VERSION);
	mw_out_str(o, ",\"seq\":0");
	member_time(o, "time", a->made_ns);
	member_u64(o, "boot_ns", 0);
	member_str(o, "type", "export");
	member_str(o, "wrong", a->wrong);
	member_str(o, "version", MW_VERSION);
	member_str(o, "filter", a->filter);
	member_u64(o, "records", a->records);
	if (a->records) {
		member_time(o, "from", a->first_ns);
		member_time(o, "to", a->last_ns);
	}
	mw_out_str(o, ",\"inputs\":[");
	for (i = 0; i < a->n_inputs; i++) {
		if (i)
			mw_out_char(o, ',');
		input(o, &a->inputs[i]);
	}
	mw_out_str(o, "]}\n");
	return mw_out_error(o);
}

static int item(struct mw_exporter *e, const struct mw_export_item *it)
{
	mw_out_slice(&e->out, mw_slice(it->rec->line, it->rec->len));
	mw_out_char(&e->out, '\n');
	return 0;
}

static int end(struct mw_exporter *e)
{
	return mw_out_error(&e->out);
}

static void free_exporter(struct mw_exporter *e)
{
	mw_out_done(&e->out);
	free(e);
}

static int twin(const struct mw_exporter *e, struct mw_exporter **ret)
{
	return mw_export_jsonl_new(e->to, ret);
}

int mw_export_jsonl_new(FILE *to, struct mw_exporter **ret)
{
	static const struct mw_exporter_ops ops = { begin, item, end, free_exporter, twin };
	struct mw_exporter *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = (struct mw_exporter){ &ops, to, { 0 } };
	*ret = e;
	return 0;
}
