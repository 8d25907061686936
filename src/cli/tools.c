/* SPDX-License-Identifier: Apache-2.0 */
/* tools.c - the verb `tools`: the tools that a log has seen, what they say and what they did */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/filter_options.h"
#include "cli/rows.h"
#include "cli/known_print.h"
#include "cli/show.h"

static const struct mw_options options = {
	.usage = "tools [NAME...] [OPTION...] [FILTER...]",
	.what = "Lists the tools that were defined or called: what each declares of itself\n"
		"(annotations) against what it was seen to do, how often it was called and\n"
		"failed, how long that took, and whether its definition changed. With a NAME (or\n"
		"glob): all that is known of those, their definition, the hosts they talked to\n"
		"and the paths they wrote.\n",
	.table = mw_known_table,
	.after = "Counted is what the filters let through; a tool of which nothing does is left\n"
		 "out.\n" MW_FILTER_AFTER
		 "\n"
		 "Effects count for a tool where they are tied to one call of its; ~ says that\n"
		 "this is likely for all of them, and certain for none.\n",
};

static const struct mw_rows_column columns[] = {
	{ .title = "TOOL", .max = 36 },
	{ .title = "SERVER", .worth = 9, .max = 24 },
	{ .title = "DECLARED", .worth = 5, .max = 24 },
	{ .title = "OBSERVED", .worth = 6, .max = 34 },
	{ .title = "DID", .worth = 4, .max = 44 },
	{ .title = "CALLS", .right = true },
	{ .title = "FAILED", .worth = 8, .right = true },
	{ .title = "ALERTS", .worth = 10, .right = true },
	{ .title = "MEDIAN", .worth = 3, .right = true },
	{ .title = "MAX", .worth = 2, .right = true },
	{ .title = "CHANGED", .worth = 7, .right = true },
	{ .title = "HASH", .worth = 1 },
};

static const struct {
	const char *member, *yes, *no;
} hints[] = {
	{ "readOnlyHint", "read-only", "writes" },
	{ "destructiveHint", "destructive", "not destructive" },
	{ "idempotentHint", "idempotent", NULL },
	{ "openWorldHint", "open world", "closed world" },
};

/* What the annotations say, in words; "" nothing. */
static const char *declared(const struct mw_known_tool *t, char *buf, size_t n)
{
	cJSON *json = t->annotations ? cJSON_Parse(t->annotations) : NULL;
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, hints[i].member);
		const char *word = cJSON_IsTrue(v)    ? hints[i].yes
				   : cJSON_IsFalse(v) ? hints[i].no
						      : NULL;

		if (word && len < n)
			len += (size_t)snprintf(buf + len, n - len, "%s%s", len ? ", " : "", word);
	}
	cJSON_Delete(json);
	return buf;
}

/* "3 file.delete, ~1 net.connect" */
static const char *did(const struct mw_known_tool *t, size_t most, char *buf, size_t n)
{
	size_t len = 0, i;

	buf[0] = '\0';
	for (i = 0; i < t->kinds.n && i < most && len < n; i++)
		len += (size_t)snprintf(buf + len, n - len, "%s%s%" PRIu64 " %s", i ? ", " : "",
					t->kinds.p[i].certain ? "" : "~", t->kinds.p[i].n,
					t->kinds.p[i].name);
	if (t->kinds.n > i && len < n)
		snprintf(buf + len, n - len, ", +%zu", t->kinds.n - i);
	return buf;
}

static void put_row(struct mw_rows *r, struct mw_known_tool *t, const struct mw_pager *out)
{
	char text[4096]; /* there are fewer kinds of effect than fill it */
	double median;

	mw_rows_put(r, "1", "%s", t->name);
	mw_rows_put(r, NULL, "%s", mw_known_server_name(t->server));
	declared(t, text, sizeof(text));
	mw_rows_put(r, *text ? NULL : "2", "%s", *text ? text : "nothing");
	mw_known_put_names(r, t->exceeded ? "1;31" : NULL, t->exceeded ? "! " : "", &t->observed,
			   out);
	mw_rows_put(r, NULL, "%s", did(t, out->width ? 4 : t->kinds.n, text, sizeof(text)));
	mw_rows_put(r, NULL, "%" PRIu64, t->calls);
	mw_rows_put(r, t->failed ? "31" : "2", "%" PRIu64, t->failed);
	mw_rows_put(r, mw_known_alerts_sgr(t->alerts), "%" PRIu64, mw_known_alerts(t->alerts));
	if (mw_known_median(t, &median)) {
		mw_rows_put(r, NULL, "%s", mw_known_ms(median, text, sizeof(text)));
		mw_rows_put(r, "2", "%s", mw_known_ms(t->max_ms, text, sizeof(text)));
	} else {
		mw_rows_put(r, NULL, "%s", "");
		mw_rows_put(r, NULL, "%s", "");
	}
	if (t->changes)
		mw_rows_put(r, "1;33", "%" PRIu64, t->changes);
	else
		mw_rows_put(r, "2", "%s", "");
	mw_rows_put(r, "2", "%.12s", t->hash ? t->hash : "");
}

static void print_one(struct mw_known_tool *t)
{
	char text[512];
	double median;

	mw_known_heading(t->name, NULL);
	mw_known_field("server", mw_known_server_name(t->server));
	mw_known_field("host", t->server->host);
	declared(t, text, sizeof(text));
	mw_known_field("declares", *text ? text : t->definition ? "nothing of what it does" : "");
	mw_known_set_of("power", &t->declared, false);
	mw_known_set_of(t->exceeded ? "! observed" : "observed", &t->observed, false);
	mw_known_set_of("calls", &t->statuses, true);
	mw_known_alerts_of(t->alerts);
	if (mw_known_median(t, &median)) {
		mw_known_field("median", mw_known_ms(median, text, sizeof(text)));
		mw_known_field("longest", mw_known_ms(t->max_ms, text, sizeof(text)));
	}
	mw_known_list_of("did", &t->kinds);
	mw_known_list_of("talked to", &t->hosts);
	mw_known_list_of("wrote", &t->written);
	mw_known_field("first seen", mw_known_time(t->first_ns, text, sizeof(text)));
	mw_known_field("last seen", mw_known_time(t->last_ns, text, sizeof(text)));
	mw_known_field("hash", t->hash);
	if (t->changes) {
		mw_known_field("changes", mw_known_u64(t->changes, text, sizeof(text)));
		mw_known_field("the last", mw_known_time(t->changed_ns, text, sizeof(text)));
		mw_known_field("was", t->was);
	}
	mw_known_field("pinned", t->pinned ? "yes" : NULL);
	if (t->definition) {
		puts("  definition");
		mw_shown_json_pretty(mw_slice_str(t->definition));
	}
}

static void print_json(struct mw_known_tool *t)
{
	cJSON *o = cJSON_CreateObject();
	double median;

	mw_known_json_str(o, "tool", t->name);
	mw_known_json_str(o, "server", t->server->name);
	mw_known_json_str(o, "server_key", t->server->key);
	mw_known_json_str(o, "host", t->server->host);
	mw_known_json_raw(o, "definition", t->definition);
	mw_known_json_str(o, "hash", t->hash);
	mw_known_json_str(o, "was", t->was);
	mw_known_json_u64(o, "changes", t->changes);
	mw_known_json_time(o, "changed", t->changed_ns);
	if (t->pinned)
		cJSON_AddBoolToObject(o, "pinned", true);
	mw_known_json_raw(o, "annotations", t->annotations);
	mw_known_json_names(o, "declared", &t->declared);
	mw_known_json_names(o, "observed", &t->observed);
	mw_known_json_u64(o, "exceeded", t->exceeded);
	mw_known_json_u64(o, "calls", t->calls);
	mw_known_json_u64(o, "failed", t->failed);
	mw_known_json_counts(o, "statuses", &t->statuses);
	mw_known_json_alerts(o, t->alerts);
	if (mw_known_median(t, &median)) {
		cJSON_AddNumberToObject(o, "median_ms", median);
		cJSON_AddNumberToObject(o, "max_ms", t->max_ms);
	}
	mw_known_json_tied(o, "effects", &t->kinds);
	mw_known_json_tied(o, "hosts", &t->hosts);
	mw_known_json_tied(o, "written", &t->written);
	mw_known_json_time(o, "first_seen", t->first_ns);
	mw_known_json_time(o, "last_seen", t->last_ns);
	mw_known_json_print(o);
}

static int by_name(const void *pa, const void *pb)
{
	const struct mw_known_tool *a = *(struct mw_known_tool *const *)pa;
	const struct mw_known_tool *b = *(struct mw_known_tool *const *)pb;
	int r = strcmp(a->server->host, b->server->host);

	if (r == 0)
		r = strcmp(a->server->key, b->server->key);
	return r ? r : strcmp(a->name, b->name);
}

static uint64_t print_all(struct mw_known *s, const struct mw_known_ask *ask)
{
	struct mw_rows rows = { columns, sizeof(columns) / sizeof(columns[0]), NULL, NULL, 0 };
	uint64_t n = 0;

	if (s->n_tools)
		qsort(s->tools, s->n_tools, sizeof(struct mw_known_tool *), by_name);
	for (size_t i = 0; i < s->n_tools; i++) {
		struct mw_known_tool *t = s->tools[i];

		if (!t->matched || !mw_known_named(ask, t->name, NULL))
			continue;
		mw_known_names_sort(&t->kinds);
		mw_known_names_sort(&t->hosts);
		mw_known_names_sort(&t->written);
		if (ask->json)
			print_json(t);
		else if (ask->names.n)
			print_one(t);
		else
			put_row(&rows, t, &ask->out);
		n++;
	}
	mw_rows_print(&rows, &ask->out);
	mw_rows_done(&rows);
	return n;
}

int cmd_tools(int argc, char **argv)
{
	return mw_known_verb(argc, argv, &options, "tool", print_all);
}
