/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.c - the verb `timeline`: the log as another form */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/choice.h"
#include "cli/cli.h"
#include "cli/filter_options.h"
#include "io/export_out.h"
#include "io/exporter.h"
#include "io/file.h"
#include "io/intern.h"
#include "io/outfile.h"
#include "io/survey.h"

/* What has a row if no types are asked for, where that is not all. */
static const char *const shown[] = { "call",   "effect", "alert",  "gap", "anomaly",
				     "server", "tool",	 "daemon", NULL };

static const struct format {
	const char *name;
	mw_exporter_new_fn *make;
	bool all;	    /* records of all types, if none are asked for */
	const char *suffix; /* its reader takes no file without it */
} formats[] = {
	{ "html", mw_export_html_new, true, NULL },
	{ "csv", mw_export_csv_new, false, NULL },
	{ "jsonl", mw_export_jsonl_new, true, NULL },
	{ "timesketch", mw_export_timesketch_new, true, ".jsonl" },
	{ "trace", mw_export_trace_new, true, NULL },
	{ "ocsf", mw_export_ocsf_new, true, NULL },
	{ "otlp", mw_export_otlp_new, true, NULL },
};

struct args {
	const struct format *format;
	const char *output;
	struct mw_cli_list logs;
	struct mw_choice choice;
};

/* --- output --------------------------------------------------------------------------------------
 */

static int write_out(struct mw_survey *s, const struct args *a)
{
	_cleanup_(mw_exporter_freep) struct mw_exporter *e = NULL;
	_cleanup_(mw_outfile_freep) struct mw_outfile *out = NULL;
	char err[2 * MW_ERR_MAX];
	int r;

	r = mw_outfile_open(a->output, err, sizeof(err), &out);
	if (r < 0)
		return mw_cli_fail("%s", err);
	if (a->format->make(mw_outfile_stream(out), &e) < 0)
		return mw_cli_fail("not enough memory");
	errno = 0;
	r = mw_survey_export(s, e, err, sizeof(err));
	if (r < 0 && ferror(mw_outfile_stream(out)))
		mw_outfile_failed(out, errno, err, sizeof(err));
	if (r == 0)
		r = mw_outfile_commit(out, err, sizeof(err));
	return r < 0 ? mw_cli_fail("%s", err) : MW_EXIT_OK;
}

/* What came of it, for the person at the terminal. */
static int tell(const struct mw_survey *s, const struct args *a)
{
	const struct mw_export_about *about = mw_survey_about(s);
	const char *what = strcmp(a->output, "-") == 0 ? "the export" : a->output;

	if (about->wrong) {
		mw_cli_fail("DO NOT RELY ON %s, as it says itself: %s", what, about->wrong);
		return MW_EXIT_TAMPERED;
	}
	if (about->records == 0 && mw_survey_read(s) == 0)
		mw_cli_fail("the log is empty, and so is %s", what);
	else if (about->records == 0)
		mw_cli_fail("nothing matched of %" PRIu64 " records; %s is empty",
			    mw_survey_read(s), what);
	return MW_EXIT_OK;
}

static int export(struct args *a)
{
	static const char *const fallback[] = { MW_DEFAULT_LOG };
	_cleanup_(mw_survey_freep) struct mw_survey *s = NULL;
	struct mw_survey_config config = {
		.paths = a->logs.n ? a->logs.p : fallback,
		.n_paths = a->logs.n ? a->logs.n : 1,
		.filter = mw_filter_text(&a->choice.filter),
		.match = mw_choice_match,
		.learn = a->choice.filter.servers.n ? mw_choice_learn : NULL,
		.arg = &a->choice,
	};
	char err[2 * MW_ERR_MAX];
	struct timespec now;
	int r;

	a->choice.types = a->format->all ? NULL : shown;
	clock_gettime(CLOCK_REALTIME, &now);
	config.now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	r = mw_survey_new(&config, err, sizeof(err), &s);
	if (r < 0)
		return mw_cli_fail("%s", err);
	/* a reader that goes away is an error like another */
	signal(SIGPIPE, SIG_IGN);
	r = write_out(s, a);
	return r == MW_EXIT_OK ? tell(s, a) : r;
}

/* --- arguments -----------------------------------------------------------------------------------
 */

static int take_format(void *at, const char *verb, const struct mw_option *o, const char *name)
{
	struct args *a = at;
	char names[128] = "";
	size_t i;

	(void)o;
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			a->format = &formats[i];
			return 0;
		}
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", formats[i].name);
	}
	return mw_cli_usage(verb, "there is no format '%s'; there are %s", name, names);
}

static int check(struct args *a, int argc, char **argv)
{
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (!a->format)
		return mw_cli_usage(argv[0], "which --format?");
	if (!a->output)
		a->output = "-";
	if (strcmp(a->output, "-") == 0 && isatty(STDOUT_FILENO))
		return mw_cli_usage(argv[0], "this is nothing for a terminal: name a file with -o");
	if (a->format->suffix && strcmp(a->output, "-") != 0 &&
	    !mw_slice_ends(mw_slice_str(a->output), mw_slice_str(a->format->suffix)))
		return mw_cli_usage(argv[0],
				    "%s takes only files whose name ends in %s: name it so",
				    a->format->name, a->format->suffix);
	return MW_EXIT_OK;
}

#define AT(member) offsetof(struct args, member)

static const struct mw_option table[] = {
	MW_OPTION_FN("format", 0, "F", 0, take_format, 0, "one of these"),
	MW_OPTION_TEXT("output", 'o', "FILE", AT(output),
		       "whole or not at all (default stdout, if no terminal)"),
	MW_OPTION_LIST("log", 0, "DIR|FILE", AT(logs),
		       "a log folder, or a file of records; repeatable: merged by time, and a "
		       "call seen on both its hosts is joined (default " MW_DEFAULT_LOG ")"),
	MW_FILTER_ROWS(AT(choice.filter), mw_filter_take),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "timeline --format F [-o FILE] [OPTION...] [FILTER...]",
	.what = "Writes a log in another form, for an incident review. F is one of\n"
		"  html        a page to read: one file, no network\n"
		"  csv         a row a record, for a spreadsheet; formulas defused\n"
		"  jsonl       the records themselves, behind a line that says what they are\n"
		"  timesketch  JSON lines for Timesketch; FILE must end in .jsonl\n"
		"  trace       for Perfetto (ui.perfetto.dev)\n"
		"  ocsf        Open Cybersecurity Schema Framework, JSON lines\n"
		"  otlp        spans of OpenTelemetry, OTLP as JSON lines\n",
	.table = table,
	.after = MW_FILTER_AFTER
	"\n"
	"With a call come its effects, alerts and gaps, as far as the filters let them\n"
	"through by themselves: --tool X takes what calls of X did, --kind only effects\n"
	"of a kind. Without --type, csv leaves out requests, notices, bodies, ties and\n"
	"seals; the others take of all types what they have a place for.\n"
	"\n"
	"Exit status: 0 done; 3 done, but the log is tampered with or not whole, as the\n"
	"export says at its head; 1 could not; 2 wrong usage.\n",
};

int cmd_timeline(int argc, char **argv)
{
	struct args a = { 0 };
	int status;

	status = mw_options_parse(&options, argc, argv, &a);
	if (status == MW_OPTIONS_GO_ON) {
		status = check(&a, argc, argv);
		if (status == MW_EXIT_OK)
			status = export(&a);
	}
	mw_choice_done(&a.choice);
	mw_cli_list_done(&a.logs);
	return status;
}
