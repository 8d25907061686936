/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - the verb `export`: one record with its proof */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/number.h"
#include "cli/options.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/proof.h"

struct args {
	const char *log, *output, *record;
	uint64_t seq;
	bool have_seq, json;
};

static int take_seq(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	struct args *a = at;

	(void)o;
	if (mw_parse_u64(value, &a->seq) < 0)
		return mw_cli_usage(verb, "--proof '%s' is no record's number", value);
	a->have_seq = true;
	return 0;
}

#define AT(member) offsetof(struct args, member)

static const struct mw_option table[] = {
	MW_OPTION_FN("proof", 0, "SEQ", 0, take_seq, 0, "which record"),
	MW_OPTION_TEXT("output", 'o', "F", AT(output), "the proof (default stdout)"),
	MW_OPTION_TEXT(
	    "record", 0, "F", AT(record),
	    "the record's exact bytes, without a newline: what the leaf is made of (with "
	    "-o the default is the name of the proof and '.record')"),
	MW_OPTION_FLAG("json", 0, AT(json), "one JSON object with both, instead of files"),
	MW_OPTION_TEXT("log", 0, "DIR", AT(log), "the log (default " MW_DEFAULT_LOG ")"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "export --proof SEQ [-o F [--record F]] [--json] [--log DIR]",
	.what = "Writes the proof that a record is in a sealed log, as a C2SP tlog-proof: the\n"
		"record itself, the hashes from it to the root, and the signed checkpoint with\n"
		"that root. Who has it and the log's verifier key needs nothing else. SEQ is the\n"
		"record's number (its field seq).\n",
	.table = table,
	.after = "Exit status: 0 done, 3 the record is not what was sealed, 1 could not, 2 wrong\n"
		 "usage.\n",
};

static int write_file(const char *path, const struct mw_buf *b)
{
	_cleanup_(mw_close) int fd = -1;
	char err[MW_ERR_MAX];
	int r;

	fd = mw_file_create(path, err, sizeof(err));
	if (fd < 0)
		return mw_cli_fail("%s", err);
	r = mw_file_write(fd, b->p, b->len, NULL);
	return r < 0 ? mw_cli_fail("cannot write %s: %s", path, strerror(-r)) : MW_EXIT_OK;
}

static int write_json(const struct args *a, struct mw_buf *line, struct mw_buf *proof)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	/* a NUL behind each; a record has none in it, and a proof neither */
	if (mw_buf_append_byte(line, 0) < 0 || mw_buf_append_byte(proof, 0) < 0)
		return mw_cli_fail("not enough memory");
	cJSON_AddNumberToObject(o, "seq", (double)a->seq);
	cJSON_AddStringToObject(o, "record", (const char *)line->p);
	cJSON_AddStringToObject(o, "proof", (const char *)proof->p);
	text = cJSON_PrintUnformatted(o);
	if (text)
		puts(text);
	cJSON_free(text);
	cJSON_Delete(o);
	return text ? mw_cli_stdout_done() : mw_cli_fail("not enough memory");
}

static int write_out(const struct args *a, struct mw_buf *line, struct mw_buf *proof)
{
	_cleanup_(mw_freep) char *name = NULL;
	const char *record = a->record;
	int status;

	if (a->json)
		return write_json(a, line, proof);
	if (!record && a->output && strcmp(a->output, "-") != 0) {
		if (asprintf(&name, "%s.record", a->output) < 0) {
			name = NULL;
			return mw_cli_fail("not enough memory");
		}
		record = name;
	}
	status = write_file(a->output ? a->output : "-", proof);
	if (status == MW_EXIT_OK && record)
		status = write_file(record, line);
	return status;
}

static int export_proof(const struct args *a)
{
	struct mw_buf line, proof;
	char err[MW_ERR_MAX];
	int r, status;

	mw_buf_init(&line, &mw_heap, MW_PROOF_TEXT_MAX);
	mw_buf_init(&proof, &mw_heap, MW_PROOF_TEXT_MAX);
	r = mw_proof_export(a->log, a->seq, &line, &proof, err, sizeof(err));
	if (r < 0) {
		mw_cli_fail("%s", err);
		status = r == -EBADMSG ? MW_EXIT_TAMPERED : MW_EXIT_FAIL;
	} else {
		status = write_out(a, &line, &proof);
	}
	mw_buf_done(&line);
	mw_buf_done(&proof);
	return status;
}

int cmd_export(int argc, char **argv)
{
	struct args a = { .log = MW_DEFAULT_LOG };
	int r;

	r = mw_options_parse(&options, argc, argv, &a);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (!a.have_seq)
		return mw_cli_usage(argv[0], "which record? (--proof SEQ)");
	return export_proof(&a);
}
