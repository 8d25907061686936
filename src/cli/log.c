/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - the verb `log`: lists calls, effects and alerts */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/filter_options.h"
#include "cli/join.h"
#include "cli/narrow.h"
#include "cli/number.h"
#include "io/escape.h"
#include "io/keys.h"
#include "io/logread.h"
#include "io/render.h"

#define FOLLOW_POLL_MS 100
#define FOLLOW_LAST    10     /* shown before what comes */
#define REVERSE_LAST   100000 /* kept to be turned round */
#define LAST_MAX       1000000
/* Of the files that a process reads outside of calls, so many are shown before they are counted. */
#define FOLD_FIRST 3

static const char *const shown[] = { "call", "effect", "alert", "gap", "anomaly", NULL };

/* A record that is kept to be shown, with all that its line needs. */
struct kept {
	struct mw_joined item;
	char *mem;
};

struct listing {
	struct mw_filter f;
	struct mw_cli_list logs;
	struct mw_pager out;
	const char *args, *keys, *index;
	bool follow, json, reverse, all, limited;
	uint64_t last; /* records; 0: all */
	/* the last of them, in a ring, while they are kept */
	struct kept *ring;
	uint64_t n_kept;
	bool keeping;
	/* what is being folded: files that a process reads outside of calls */
	double pid;
	uint64_t n_same;
	char *fold_exe;
	int day; /* of the line before; -1: none yet */
};

static void *must(void *p)
{
	if (!p)
		exit(mw_cli_fail("not enough memory"));
	return p;
}

/* --- lines --------------------------------------------------------------------------------------
 */

static void put(const char *line, size_t n)
{
	fwrite(line, 1, n, stdout);
	putchar('\n');
}

static void put_line(const struct mw_line *line)
{
	if (line->p && !line->failed)
		put(line->p, line->len);
}

static struct mw_line new_line(const struct listing *o)
{
	return (struct mw_line){ .max_cols = o->out.width, .colour = o->out.colour };
}

/* Where lines have no date, it stands on a line of its own. */
static void put_day(struct listing *o, int64_t ns)
{
	struct mw_line line = new_line(o);
	time_t t = (time_t)(ns / 1000000000);
	char text[40];
	struct tm tm;

	if (!mw_render_row_no_date(o->out.width) || !localtime_r(&t, &tm) ||
	    tm.tm_yday + 1000 * tm.tm_year == o->day)
		return;
	o->day = tm.tm_yday + 1000 * tm.tm_year;
	strftime(text, sizeof(text), "%Y-%m-%d, %A", &tm);
	mw_line_puts(&line, "1", text);
	put_line(&line);
	mw_line_done(&line);
}

/* --- folding ------------------------------------------------------------------------------------
 */

static void end_fold(struct listing *o)
{
	struct mw_line line = new_line(o);

	if (o->n_same > FOLD_FIRST) {
		mw_line_printf(&line, "2", "  ... %" PRIu64 " more on files that ",
			       o->n_same - FOLD_FIRST);
		mw_line_puts(&line, "2", o->fold_exe ? o->fold_exe : "a process");
		mw_line_printf(&line, "2", " (pid %.0f) read in no call; see --all", o->pid);
		put_line(&line);
	}
	mw_line_done(&line);
	free(o->fold_exe);
	o->fold_exe = NULL;
	o->n_same = 0;
}

/* Whether this one is counted rather than shown. Who asks for effects gets each. */
static bool fold(struct listing *o, const cJSON *json, const struct mw_joined *item)
{
	const char *kind = mw_rec_str(json, "kind"), *exe = mw_rec_str(json, "exe");
	const char *mode = mw_rec_str(json, "mode");
	const double pid = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "pid"));
	const bool may = !o->all && !o->f.have_types && !mw_filter_asks_effects(&o->f) &&
			 !o->f.have_grep && kind && mode &&
			 (strcmp(kind, "file.open") == 0 || strcmp(kind, "file.close") == 0) &&
			 strcmp(mode, "r") == 0 && strcmp(item->link, "none") == 0;

	if (!may || pid != o->pid)
		end_fold(o);
	if (!may)
		return false;
	if (o->n_same == 0) {
		o->pid = pid;
		o->fold_exe = exe ? must(strdup(exe)) : NULL;
	}
	return o->n_same++ >= FOLD_FIRST;
}

/* --- one record ---------------------------------------------------------------------------------
 */

static bool prefer(void *ctx, const cJSON *entry)
{
	const struct mw_filter *f = ctx;
	char *text = cJSON_PrintUnformatted(entry);
	bool is = text && mw_filter_effect(f, mw_slice_str(text));

	cJSON_free(text);
	return is;
}

/* A string of the facts, on the heap; NULL: none. */
static char *fact(struct mw_slice raw)
{
	cJSON *json = raw.n ? cJSON_ParseWithLength((const char *)raw.p, raw.n) : NULL;
	const char *s = cJSON_GetStringValue(json);
	char *copy = s ? must(strdup(s)) : NULL;

	cJSON_Delete(json);
	return copy;
}

static void show_row(struct listing *o, const struct mw_joined *item, const cJSON *json)
{
	char call[64] = "", *tool = fact(item->facts.tool);
	struct mw_render_row row = { .tool = tool,
				     .undone = item->tie == MW_TIE_UNDONE,
				     .open = item->tie == MW_TIE_OPEN,
				     .prefer = mw_filter_asks_effects(&o->f) ? prefer : NULL,
				     .ctx = &o->f };
	struct mw_line line = new_line(o);

	if (item->tie == MW_TIE_SETTLED && item->facts.call.n < sizeof(call)) {
		memcpy(call, item->facts.call.p, item->facts.call.n);
		row.call = call;
		row.link = item->link;
		row.confidence = item->confidence;
	}
	put_day(o, item->rec.time_ns);
	if (!json)
		mw_line_printf(&line, NULL, "(record %" PRIu64 " is too deep to show; see --json)",
			       item->rec.seq);
	else if (!mw_render_row(&line, json, &row))
		mw_line_printf(&line, NULL, "(record %" PRIu64 " is damaged; see --json)",
			       item->rec.seq);
	put_line(&line);
	mw_line_done(&line);
	free(tool);
}

static void show_item(struct listing *o, const struct mw_joined *item)
{
	cJSON *json;

	if (o->json) {
		put(item->rec.line, item->rec.len);
		return;
	}
	/* what cannot be parsed is shown rather than passed over in silence */
	json = mw_logread_json(&item->rec);
	if (!fold(o, json, item))
		show_row(o, item, json);
	cJSON_Delete(json);
}

/* --- the last of them ---------------------------------------------------------------------------
 */

static const char *copy(char **at, const void *p, size_t n)
{
	char *to = *at;

	memcpy(to, p ? p : "", n);
	to[n] = '\0';
	*at += n + 1;
	return to;
}

static void keep(struct listing *o, const struct mw_joined *item)
{
	struct kept *k = &o->ring[o->n_kept++ % o->last];
	const struct mw_slice tool = item->facts.tool, call = item->facts.call;
	char *at;

	free(k->mem);
	k->item = *item;
	k->mem = at = must(malloc(item->rec.len + tool.n + call.n + strlen(item->link) +
				  strlen(item->confidence) + strlen(item->rec.type) + 6));
	k->item.rec.line = copy(&at, item->rec.line, item->rec.len);
	k->item.rec.type = copy(&at, item->rec.type, strlen(item->rec.type));
	k->item.link = copy(&at, item->link, strlen(item->link));
	k->item.confidence = copy(&at, item->confidence, strlen(item->confidence));
	k->item.facts =
	    (struct mw_filter_facts){ .tool = mw_slice(copy(&at, tool.p, tool.n), tool.n),
				      .call = mw_slice(copy(&at, call.p, call.n), call.n) };
}

/* What was kept; from now on records are shown as they come. */
static void let_go(struct listing *o)
{
	uint64_t n = o->n_kept < o->last ? o->n_kept : o->last;

	if (!o->keeping)
		return;
	o->keeping = false;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = o->reverse ? o->n_kept - 1 - i : o->n_kept - n + i;

		if (!mw_pager_gone(&o->out))
			show_item(o, &o->ring[at % o->last].item);
	}
	if (o->reverse && o->n_kept > n && o->last == REVERSE_LAST)
		mw_cli_fail("%" PRIu64 " older records are left out; see -n and --until",
			    o->n_kept - n);
	for (uint64_t i = 0; i < n; i++)
		free(o->ring[i].mem);
	free(o->ring);
	o->ring = NULL;
}

static void take(struct listing *o, const struct mw_joined *item)
{
	if (o->keeping)
		keep(o, item);
	else
		show_item(o, item);
}

/* --- the list -----------------------------------------------------------------------------------
 */

/* Whether the records pass or not by themselves, and are shown as they are. */
static bool is_plain(const struct listing *o)
{
	return o->json && !mw_filter_asks_call(&o->f) && !mw_filter_asks_effects(&o->f);
}

static bool show_all(struct listing *o, struct mw_join *join)
{
	struct mw_joined item;
	bool any = false;

	while (!mw_pager_gone(&o->out) && mw_join_next(join, &item)) {
		take(o, &item);
		any = true;
	}
	return any;
}

/* Nothing more for now: what waits is shown with what is known. */
static bool idle(struct listing *o, struct mw_join *join)
{
	bool any;

	mw_join_flush(join);
	any = show_all(o, join);
	let_go(o);
	end_fold(o);
	fflush(stdout);
	mw_pager_gone(&o->out); /* notes why, where that failed */
	return any;
}

static int read_logs(struct listing *o, struct mw_logread *l, struct mw_join *join)
{
	bool said = false, shown_since = false;
	const bool plain = is_plain(o);
	struct mw_joined item = { .link = "", .confidence = "" };
	struct mw_logrec rec;
	int r = -ENODATA, status;

	while (!mw_pager_gone(&o->out) && (r = mw_logread_next(l, &rec)) >= 0) {
		bool any = false;

		mw_cli_watch_logs(l, &said);
		if (r == 0) {
			shown_since |= idle(o, join) && said;
			if (!mw_pager_gone(&o->out))
				mw_pager_wait(&o->out, FOLLOW_POLL_MS);
			continue;
		}
		/* of one that came since */
		if (mw_filter_learn(&o->f, &rec) < 0)
			must(NULL);
		if (plain) {
			any = mw_filter_match(&o->f, &rec, shown, NULL);
			item.rec = rec;
			if (any)
				take(o, &item);
		} else {
			if (mw_join_push(join, &rec) < 0)
				must(NULL);
			any = show_all(o, join);
		}
		shown_since |= any && said;
	}
	if (mw_pager_gone(&o->out))
		r = -ENODATA;
	shown_since |= idle(o, join) && said;
	status = mw_cli_close_logs(l, r, said && !shown_since);
	return status;
}

static int list(struct listing *o)
{
	_cleanup_(mw_join_freep) struct mw_join *join = NULL;
	struct mw_logread *l;
	int status, r;

	if (mw_join_new(&o->f, shown, &join) < 0)
		return mw_cli_fail("not enough memory");
	l = mw_cli_open_filtered(&o->logs, o->follow, &o->f, shown, o->index);
	if (!l)
		return MW_EXIT_FAIL;
	if (o->last) {
		o->keeping = true;
		o->ring = must(calloc(o->last, sizeof(*o->ring)));
	}
	o->day = -1;
	mw_pager_open(&o->out, !o->follow);
	status = read_logs(o, l, join);
	r = mw_pager_done(&o->out);
	return r == MW_EXIT_OK ? status : r;
}

static int take_last(void *at, const char *verb, const struct mw_option *opt, const char *value)
{
	struct listing *o = at;
	uint32_t n;

	(void)opt;
	o->limited = true;
	o->last = 0;
	if (strcmp(value, "all") == 0)
		return 0;
	if (mw_parse_u32(value, &n) < 0 || n > LAST_MAX)
		return mw_cli_usage(verb, "--limit: '%s' is no number of records (1 to %d, or all)",
				    value, LAST_MAX);
	o->last = n;
	return 0;
}

#define AT(member) offsetof(struct listing, member)

static const struct mw_option table[] = {
	MW_OPTION_FLAG("follow", 'f', AT(follow),
		       "the last 10 records, then what comes; -n all: all before it"),
	MW_OPTION_FN("limit", 'n', "N", 0, take_last, 0, "the last N records only, or all"),
	MW_OPTION_FN("lines", 0, "N", 0, take_last, 0, NULL),
	MW_OPTION_FLAG("reverse", 'r', AT(reverse), "newest first"),
	MW_OPTION_FLAG("all", 0, AT(all),
		       "all that is read outside of calls; else it is counted"),
	MW_OPTION_FLAG("json", 0, AT(json), "the records themselves, one a line"),
	MW_LOG_ROW(AT(logs)),
	MW_INDEX_ROW(AT(index)),
	MW_OPTION_TEXT(
	    "args-match", 0, "FILE", AT(args),
	    "calls whose arguments are exactly the bytes of FILE (with or without a newline "
	    "at its end), by the keyed hash in their records"),
	MW_OPTION_TEXT("keys", 0, "DIR", AT(keys),
		       "where the key for that is (default " MW_DEFAULT_KEYS ")"),
	MW_PAGER_ROWS(AT(out)),
	MW_FILTER_ROWS(AT(f), mw_filter_take),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "log [FILTER...] [OPTION...]",
	.what = "Lists calls, effects, alerts, and what is missing (gaps, anomalies), newest\n"
		"last.\n",
	.table = table,
	.after = MW_FILTER_AFTER
	"\n"
	"Effects are shown with the call that they turned out to be of. Before the id of\n"
	"a call ~ says that this is likely, ? that it is open or shared with other calls;\n"
	"without a mark it is certain. 'mcpwatch show CALL --why' says how it is known.\n"
	"\n"
	"  mcpwatch log --target /etc/passwd                which calls touched this file\n"
	"  mcpwatch log --target 10.0.0.0/8 --kind 'net.*'  who talked to these addresses\n"
	"  mcpwatch log --tool 'delete_*' --since yesterday --status '!ok'\n",
};

/* MW_OPTIONS_GO_ON; else the exit status. */
static int parse(struct listing *o, int argc, char **argv)
{
	int r;

	r = mw_options_parse(&options, argc, argv, o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (o->follow && o->reverse)
		return mw_cli_usage(argv[0], "what is followed cannot be reversed");
	if (!o->limited && o->follow)
		o->last = FOLLOW_LAST;
	if (!o->last && o->reverse)
		o->last = REVERSE_LAST;
	return MW_OPTIONS_GO_ON;
}

int cmd_log(int argc, char **argv)
{
	struct listing o = { .keys = MW_DEFAULT_KEYS };
	int status;

	status = parse(&o, argc, argv);
	if (status == MW_OPTIONS_GO_ON) {
		status = o.args ? mw_filter_args(&o.f, o.args, o.keys) : 0;
		if (status == 0)
			status = list(&o);
	}
	mw_filter_done(&o.f);
	mw_cli_list_done(&o.logs);
	return status;
}
