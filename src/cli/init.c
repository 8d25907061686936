/* SPDX-License-Identifier: Apache-2.0 */
/* init.c - mcpwatch init: makes the keys and the log, and prints what to keep elsewhere */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/keys.h"
#include "io/sink_log.h"

struct init_opts {
	const char *log, *keys;
	bool json;
};

#define AT(member) offsetof(struct init_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("log", 0, "DIR", AT(log), "the log folder (default " MW_DEFAULT_LOG ")"),
	MW_OPTION_TEXT("keys", 0, "DIR", AT(keys), "the keys folder (default " MW_DEFAULT_KEYS ")"),
	MW_OPTION_FLAG("json", 0, AT(json), "as one JSON object"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "init [OPTION...]",
	.what = "Makes the keys and the log, where they are not there yet, and prints the log's\n"
		"verifier keys. Keep them off this host: 'mcpwatch verify --vkey' holds a log\n"
		"against them.\n",
	.table = table,
};

static void print_path(const char *path)
{
	struct mw_buf b;
	bool lossy;

	mw_buf_init(&b, &mw_heap, PATH_MAX * 6);
	if (mw_json_escape(&b, mw_slice_str(path), &lossy) == 0)
		printf("\"%.*s\"", (int)b.len, (const char *)b.p);
	else
		printf("\"\"");
	mw_buf_done(&b);
}

static void print_json(const struct init_opts *o, const char *origin, const char *vkeys)
{
	const char *p = vkeys, *nl;

	/* names and keys have no character that JSON would want escaped (note.h) */
	printf("{\"origin\":\"%s\",\"log\":", origin);
	print_path(o->log);
	printf(",\"keys\":");
	print_path(o->keys);
	printf(",\"vkeys\":[");
	for (; (nl = strchr(p, '\n')); p = nl + 1)
		printf("%s\"%.*s\"", p == vkeys ? "" : ",", (int)(nl - p), p);
	printf("]}\n");
}

static void print_text(const struct init_opts *o, const char *origin, const char *vkeys)
{
	printf(
	    "log      %s\n"
	    "folder   %s\n"
	    "keys     %s (never copy them)\n"
	    "\n"
	    "Verifier keys, of this host and of the log's first epoch. Keep them off this host:\n"
	    "only they show that a log is this one and not another that was put in its place.\n"
	    "\n"
	    "%s"
	    "\n"
	    "On another machine, with these lines in a file:\n"
	    "  mcpwatch verify --vkey FILE COPY_OF_THE_LOG\n",
	    origin, o->log, o->keys, vkeys);
}

/* A log that is there is only looked at: it may be being written. */
static int find_or_make(const struct init_opts *o, struct mw_sink_log_names *names, char *err,
			size_t err_len)
{
	_cleanup_(mw_keys_freep) struct mw_keys *keys = NULL;
	struct mw_sink_log_config cfg = { .dir = o->log };
	struct mw_sink_log_found found;
	struct mw_sink *log;
	int r;

	if (mw_keys_in_log(o->keys, o->log)) {
		snprintf(err, err_len,
			 "keys folder %s lies in the log's folder %s; name one outside of it",
			 o->keys, o->log);
		return -EINVAL;
	}
	r = mw_keys_open(o->keys, err, err_len, &keys);
	if (r < 0)
		return r;
	r = mw_sink_log_names(o->log, err, err_len, names);
	if (r != -ENOENT)
		return r;
	cfg.keys = keys;
	r = mw_sink_log_new(&cfg, err, err_len, &found, &log);
	if (r < 0)
		return r;
	mw_sink_free(log);
	return mw_sink_log_names(o->log, err, err_len, names);
}

int cmd_init(int argc, char **argv)
{
	struct init_opts o = { MW_DEFAULT_LOG, MW_DEFAULT_KEYS, false };
	struct mw_sink_log_names names;
	char err[MW_ERR_MAX];
	int r;

	r = mw_options_parse(&options, argc, argv, &o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind < argc)
		return mw_cli_usage("init", "unexpected '%s': it takes no arguments", argv[optind]);
	r = find_or_make(&o, &names, err, sizeof(err));
	if (r < 0)
		return mw_cli_fail("%s", err);
	if (o.json)
		print_json(&o, names.origin, names.vkeys);
	else
		print_text(&o, names.origin, names.vkeys);
	return mw_cli_stdout_done();
}
