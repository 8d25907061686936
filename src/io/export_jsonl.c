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

static void member_u64(FILE *f, const char *key, uint64_t v)
{
	fprintf(f, ",\"%s\":", key);
	mw_out_u64(f, v);
}

/* What is not known is left out, as in any record. */
static void member_str(FILE *f, const char *key, const char *v)
{
	if (!v || !*v)
		return;
	fprintf(f, ",\"%s\":", key);
	mw_out_json_str(f, v);
}

static void member_time(FILE *f, const char *key, int64_t ns)
{
	fprintf(f, ",\"%s\":\"", key);
	mw_out_time(f, ns);
	mw_out_char(f, '"');
}

static const char *verdict(const struct mw_verify_report *report)
{
	return !report					? "not_sealed"
	       : report->verdict == MW_LOG_TAMPERED	? "tampered"
	       : report->finding == MW_FOUND_NOT_SEALED ? "not_sealed"
	       : report->verdict == MW_LOG_SHORT	? "short"
							: "whole";
}

static void input(FILE *f, const struct mw_export_input *in)
{
	const struct mw_verify_report *report = in->report;

	fputs("{\"path\":", f);
	mw_out_json_str(f, in->path);
	member_str(f, "host", in->host);
	member_str(f, "version", in->version);
	member_u64(f, "records", in->n);
	if (in->n) {
		member_time(f, "from", in->first_ns);
		member_time(f, "to", in->last_ns);
	}
	member_str(f, "verdict", verdict(report));
	if (report) {
		member_str(f, "text", report->text);
		member_str(f, "origin", report->origin);
		member_u64(f, "sealed", report->sealed);
		member_u64(f, "seals", report->seals);
	}
	member_str(f, "checkpoint", in->checkpoint);
	fputc('}', f);
}

static int begin(struct mw_exporter *e, const struct mw_export_about *a)
{
	FILE *f = e->out;
	size_t i;

	fprintf(f, "{\"v\":%d,\"seq\":0", MW_RECORD_VERSION);
	member_time(f, "time", a->made_ns);
	member_u64(f, "boot_ns", 0);
	member_str(f, "type", "export");
	member_str(f, "wrong", a->wrong);
	member_str(f, "version", MW_VERSION);
	member_str(f, "filter", a->filter);
	member_u64(f, "records", a->records);
	if (a->records) {
		member_time(f, "from", a->first_ns);
		member_time(f, "to", a->last_ns);
	}
	fputs(",\"inputs\":[", f);
	for (i = 0; i < a->n_inputs; i++) {
		if (i)
			fputc(',', f);
		input(f, &a->inputs[i]);
	}
	fputs("]}\n", f);
	return mw_out_error(f);
}

static int item(struct mw_exporter *e, const struct mw_export_item *it)
{
	fwrite_unlocked(it->rec->line, 1, it->rec->len, e->out);
	mw_out_char(e->out, '\n');
	return 0;
}

static int end(struct mw_exporter *e)
{
	return mw_out_error(e->out);
}

static void free_exporter(struct mw_exporter *e)
{
	free(e);
}

int mw_export_jsonl_new(FILE *out, struct mw_exporter **ret)
{
	static const struct mw_exporter_ops ops = { begin, item, end, free_exporter };
	struct mw_exporter *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = (struct mw_exporter){ &ops, out };
	*ret = e;
	return 0;
}
