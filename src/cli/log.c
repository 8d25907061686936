/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - the verb `log`: lists calls, effects and alerts */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/filter.h"
#include "io/escape.h"
#include "io/keys.h"
#include "io/logread.h"
#include "io/render.h"
#include "io/sink_screen.h"

#define FOLLOW_POLL_US 100000

static const char help[] =
    "Usage: mcpwatch log [--log DIR|FILE]... [FILTER...] [-f] [--json]\n"
    "\n"
    "Lists calls, effects, alerts, and what is missing (gaps, anomalies), newest last.\n"
    "\n"
    "  --log DIR|FILE        a log folder, or a file of 'exec --output'; repeatable: merged\n"
    "                        by time (default " MW_DEFAULT_LOG ")\n"
    "  -f, --follow          wait for more\n"
    "  --json                the records themselves, one a line\n"
    "  --help                this text\n"
    "\n"
    "  --args-match FILE     calls whose arguments are exactly the bytes of FILE (with or without\n"
    "                        a newline at its end), by the keyed hash in their records\n"
    "  --keys DIR            where the key for that is (default " MW_DEFAULT_KEYS ")\n"
    "\n"
    "Filters:\n" MW_FILTER_HELP "\n"
    "Before an effect of a call, ~ says that the tie is likely and ? that the effect is shared\n"
    "with other calls; without a mark it is certain. 'mcpwatch show CALL' says more of one.\n";

static const char *const shown[] = { "call", "effect", "alert", "gap", "anomaly", NULL };

static void print_line(const struct mw_logrec *rec, const cJSON *json, bool colour)
{
	struct mw_line line = { .max_cols = mw_screen_width(stdout), .colour = colour };

	if (!json)
		printf("(record %" PRIu64 " of %s is too deep to show; see it with --json)\n",
		       rec->seq, rec->file);
	else if (mw_render_record(&line, json, true) && line.p)
		puts(line.p);
	else /* one that has no line of its own, but was asked for */
		printf("record %" PRIu64 "  %s\n", rec->seq, rec->type);
	mw_line_done(&line);
}

static int learn(struct mw_filter *f, const struct mw_cli_list *logs)
{
	struct mw_logread *l = mw_cli_open_logs(logs, false);
	struct mw_logrec rec;
	int r;

	if (!l)
		return MW_EXIT_FAIL;
	while ((r = mw_logread_next(l, &rec)) == 1)
		mw_filter_learn(f, &rec);
	mw_logread_free(l);
	/* what is wrong with the log is said when it is read to be shown */
	return MW_EXIT_OK;
}

static int list(struct mw_filter *f, const struct mw_cli_list *logs, bool follow, bool json_out)
{
	bool tree = mw_filter_needs_tree(f) || !json_out, colour = mw_screen_colour(stdout);
	struct mw_logread *l;
	struct mw_logrec rec;
	bool said = false, shown_since = false;
	int r, status;

	if (mw_filter_wants_learning(f) && learn(f, logs) != MW_EXIT_OK)
		return MW_EXIT_FAIL;
	l = mw_cli_open_logs(logs, follow);
	if (!l)
		return MW_EXIT_FAIL;
	while ((r = mw_logread_next(l, &rec)) >= 0 && !ferror(stdout)) {
		cJSON *json;

		mw_cli_watch_logs(l, &said);
		if (r == 0) {
			fflush(stdout);
			usleep(FOLLOW_POLL_US);
			continue;
		}
		if (!mw_filter_head(f, &rec, shown))
			continue;
		/* a record that cannot be parsed is shown rather than passed over in silence */
		json = tree ? mw_logread_json(&rec) : NULL;
		if (json && mw_filter_needs_tree(f) && !mw_filter_tree(f, &rec, json)) {
			cJSON_Delete(json);
			continue;
		}
		shown_since |= said;
		if (json_out) {
			fwrite(rec.line, 1, rec.len, stdout);
			putchar('\n');
		} else {
			print_line(&rec, json, colour);
		}
		cJSON_Delete(json);
	}
	status = mw_cli_close_logs(l, r, said && !shown_since);
	return mw_cli_stdout_done() == MW_EXIT_OK ? status : MW_EXIT_FAIL;
}

int cmd_log(int argc, char **argv)
{
	static const struct option options[] = { MW_FILTER_OPTIONS,
						 { "log", required_argument, NULL, 'l' },
						 { "follow", no_argument, NULL, 'f' },
						 { "json", no_argument, NULL, 'j' },
						 { "args-match", required_argument, NULL, 'a' },
						 { "keys", required_argument, NULL, 'k' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	const char *args = NULL, *keys = MW_DEFAULT_KEYS;
	bool follow = false, json = false;
	struct mw_cli_list logs = { 0 };
	struct mw_filter f = { 0 };
	int c, status = MW_EXIT_OK;

	while (status == MW_EXIT_OK && (c = getopt_long(argc, argv, ":fh", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			mw_cli_list_add(&logs, optarg);
			break;
		case 'f':
			follow = true;
			break;
		case 'j':
			json = true;
			break;
		case 'a':
			args = optarg;
			break;
		case 'k':
			keys = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return mw_cli_stdout_done();
		case '?':
		case ':':
			status = mw_cli_bad_option(argv, c);
			break;
		default:
			status = mw_filter_option(&f, argv[0], c, optarg);
			break;
		}
	}
	if (status == MW_EXIT_OK && optind < argc)
		status = mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (status == MW_EXIT_OK && args)
		status = mw_filter_args(&f, args, keys);
	if (status == MW_EXIT_OK)
		status = list(&f, &logs, follow, json);
	mw_filter_done(&f);
	mw_cli_list_done(&logs);
	return status;
}
