/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - the verb `index`: makes questions to a large log quick */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/known.h"
#include "cli/options.h"
#include "io/file.h"
#include "io/index.h"

struct index_opts {
	struct mw_cli_list logs;
	const char *file;
	bool json;
};

#define AT(member) offsetof(struct index_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_LIST("log", 0, "DIR", AT(logs),
		       "a log folder; repeatable (default " MW_DEFAULT_LOG ")"),
	MW_OPTION_TEXT("index", 0, "FILE", AT(file),
		       "where the index is (default " MW_INDEX_NAME " in the log folder)"),
	MW_OPTION_FLAG("json", 0, AT(json), "what was done, as one JSON object a log"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "index [--log DIR]... [OPTION...]",
	.what = "Makes an index of a log, or adds what it lacks: log, show, servers and tools\n"
		"then answer at once. They answer the same without it; it may be removed at any\n"
		"time. Finished segments are in it, verified as they are read; the log may be\n"
		"written meanwhile. verify, timeline and bundle never use an index.\n",
	.table = table,
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int build(const char *dir, const char *file, bool json)
{
	const int64_t begin = now_ms();
	struct mw_index_built b;
	char err[MW_ERR_MAX];
	double s;
	struct mw_known_tally *tally;
	int r;

	if (mw_known_tally_new(dir, file, &tally) < 0)
		return mw_cli_fail("not enough memory");
	r = mw_index_build(dir, file, mw_known_tally(tally), err, sizeof(err), &b);
	mw_known_tally_free(tally);
	if (r < 0) {
		mw_cli_fail("no index was made: %s", err);
		return r == -EUCLEAN ? MW_EXIT_TAMPERED : MW_EXIT_FAIL;
	}
	s = (double)(now_ms() - begin) / 1000;
	if (b.anew)
		mw_cli_fail("%s/%s did not fit the log and was made anew", file ? "" : dir,
			    file ? file : MW_INDEX_NAME);
	if (json)
		printf("{\"records\":%" PRIu64 ",\"added\":%" PRIu64 ",\"segments\":%" PRIu64
		       ",\"bytes\":%" PRIu64 ",\"anew\":%s,\"seconds\":%.3f}\n",
		       b.records, b.added, b.segments, b.size, b.anew ? "true" : "false", s);
	else
		printf("%" PRIu64 " records of %" PRIu64 " finished segment%s, %" PRIu64
		       " of them new; %.1f MB, %.1f s\n",
		       b.records, b.segments, b.segments == 1 ? "" : "s", b.added,
		       (double)b.size / 1e6, s);
	return MW_EXIT_OK;
}

int cmd_index(int argc, char **argv)
{
	struct index_opts o = { 0 };
	int status, one;
	size_t i;

	status = mw_options_parse(&options, argc, argv, &o);
	if (status != MW_OPTIONS_GO_ON) {
		mw_cli_list_done(&o.logs);
		return status;
	}
	status = MW_EXIT_OK;
	if (optind < argc)
		status = mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	else if (o.file && o.logs.n > 1)
		status = mw_cli_usage(argv[0], "--index is of one log");
	if (o.logs.n == 0)
		mw_cli_list_add(&o.logs, MW_DEFAULT_LOG);
	for (i = 0; status == MW_EXIT_OK && i < o.logs.n; i++)
		status = build(o.logs.p[i], o.file, o.json);
	mw_cli_list_done(&o.logs);
	one = mw_cli_stdout_done();
	return status == MW_EXIT_OK ? one : status;
}
