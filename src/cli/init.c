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
#include "io/file.h"
#include "io/heap.h"
#include "io/keys.h"
#include "io/sink_log.h"

static const char help[] =
    "usage: mcpwatch init [OPTION...]\n"
    "\n"
    "Makes the keys and the log, where they are not there yet, and prints the log's verifier "
    "keys.\n"
    "Keep them off this host: 'mcpwatch verify --vkey' holds a log against them.\n"
    "\n"
    "  --log DIR           the log folder (default " MW_DEFAULT_LOG ")\n"
    "  --keys DIR          the keys folder (default " MW_DEFAULT_KEYS ")\n"
    "  --json              as one JSON object\n"
    "  --help\n";

struct init_opts {
	const char *log, *keys;
	bool json;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct init_opts *o)
{
	enum { LOG = 1, KEYS, JSON, HELP };
	static const struct option options[] = {
		{ "log", required_argument, NULL, LOG },
		{ "keys", required_argument, NULL, KEYS },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1)
		switch (c) {
		case LOG:
			o->log = optarg;
			break;
		case KEYS:
			o->keys = optarg;
			break;
		case JSON:
			o->json = true;
			break;
		case HELP:
			fputs(help, stdout);
			return MW_EXIT_OK;
		default:
			return mw_cli_bad_option(argv, c);
		}
	return optind == argc ? -1 : mw_cli_usage("init", "it takes no arguments");
}

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

	r = parse(argc, argv, &o);
	if (r >= 0)
		return r;
	r = find_or_make(&o, &names, err, sizeof(err));
	if (r < 0)
		return mw_cli_fail("%s", err);
	if (o.json)
		print_json(&o, names.origin, names.vkeys);
	else
		print_text(&o, names.origin, names.vkeys);
	return mw_cli_stdout_done();
}
