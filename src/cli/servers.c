/* SPDX-License-Identifier: Apache-2.0 */
/* servers.c - the verb `servers`: the MCP servers that a log has seen */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/filter_options.h"
#include "cli/rows.h"
#include "cli/known.h"
#include "cli/known_print.h"

static const struct mw_options options = {
	.usage = "servers [NAME...] [OPTION...] [FILTER...]",
	.what = "Lists the MCP servers that were seen: whether they run, who used them, how they\n"
		"speak and how well that can be read, what they were asked and what became of it.\n"
		"A server is one over its restarts. With a NAME (or key, or glob): all that is\n"
		"known of those.\n",
	.table = mw_known_table,
	.after = "Counted is what the filters let through; a server of which nothing does is left\n"
		 "out.\n" MW_FILTER_AFTER,
};

static const struct mw_rows_column columns[] = {
	{ .title = "STATE", .worth = 8, .max = 11 },
	{ .title = "SERVER", .max = 36 },
	{ .title = "HOST", .worth = 2, .max = 24 },
	{ .title = "CLIENTS", .worth = 5, .max = 28 },
	{ .title = "BY", .worth = 6, .max = 24 },
	{ .title = "TRANSPORT", .worth = 4, .max = 18 },
	{ .title = "READ", .worth = 3, .max = 18 },
	{ .title = "CALLS", .right = true },
	{ .title = "FAILED", .worth = 9, .right = true },
	{ .title = "ALERTS", .worth = 10, .right = true },
	{ .title = "FIRST SEEN", .worth = 1 },
	{ .title = "LAST SEEN", .worth = 7 },
};

static const char *state_name(const struct mw_known_server *v)
{
	static const char *const names[] = { [MW_KNOWN_RUNNING] = "running",
					     [MW_KNOWN_GONE] = "gone",
					     [MW_KNOWN_UNWATCHED] = "not watched" };

	return names[mw_known_state(v)];
}

static void put_row(struct mw_rows *r, const struct mw_known_server *v, bool hosts,
		    const struct mw_pager *out)
{
	const uint64_t alerts = mw_known_alerts(v->alerts);
	char text[256];

	mw_rows_put(r, mw_known_state(v) == MW_KNOWN_RUNNING ? "32" : "2", "%s", state_name(v));
	mw_rows_put(r, "1", "%s", mw_known_server_name(v));
	mw_rows_put(r, NULL, "%s", hosts ? v->host : "");
	mw_known_put_names(r, NULL, "", &v->clients, out);
	mw_known_put_names(r, NULL, "", &v->principals, out);
	mw_known_put_names(r, NULL, "", &v->transports, out);
	mw_known_put_names(r, NULL, "", &v->tiers, out);
	mw_rows_put(r, NULL, "%" PRIu64, v->calls);
	mw_rows_put(r, v->failed ? "31" : "2", "%" PRIu64, v->failed);
	mw_rows_put(r, mw_known_alerts_sgr(v->alerts), "%" PRIu64, alerts);
	mw_rows_put(r, "2", "%s", mw_known_time(v->first_ns, text, sizeof(text)));
	mw_rows_put(r, "2", "%s", mw_known_time(v->last_ns, text, sizeof(text)));
}

static void print_one(const struct mw_known_server *v)
{
	char text[256];

	mw_known_heading(mw_known_server_name(v), v->version);
	mw_known_field("state", state_name(v));
	mw_known_field("host", v->host);
	mw_known_field("key", v->key);
	mw_known_field("runs", mw_known_u64(v->runs, text, sizeof(text)));
	mw_known_field("program", v->exe);
	mw_known_raw("arguments", v->argv);
	mw_known_field("in", v->cwd);
	mw_known_field("address", v->addr);
	mw_known_field("container", v->container);
	mw_known_set_of("clients", &v->clients, false);
	mw_known_set_of("by", &v->principals, false);
	mw_known_set_of("transport", &v->transports, false);
	mw_known_field("protocol", v->protocol);
	mw_known_set_of("read", &v->tiers, false);
	mw_known_set_of("calls", &v->statuses, true);
	mw_known_alerts_of(v->alerts);
	mw_known_field("effects", mw_known_u64(v->effects, text, sizeof(text)));
	if (v->gaps)
		mw_known_field("gaps", mw_known_u64(v->gaps, text, sizeof(text)));
	if (v->anomalies)
		mw_known_field("anomalies", mw_known_u64(v->anomalies, text, sizeof(text)));
	mw_known_field("first seen", mw_known_time(v->first_ns, text, sizeof(text)));
	mw_known_field("last seen", mw_known_time(v->last_ns, text, sizeof(text)));
}

static void print_json(const struct mw_known_server *v)
{
	cJSON *o = cJSON_CreateObject();

	mw_known_json_str(o, "server", v->name);
	mw_known_json_str(o, "key", v->key);
	mw_known_json_str(o, "host", v->host);
	mw_known_json_str(o, "version", v->version);
	cJSON_AddStringToObject(o, "state", state_name(v));
	mw_known_json_u64(o, "runs", v->runs);
	mw_known_json_u64(o, "running", v->running);
	mw_known_json_str(o, "exe", v->exe);
	mw_known_json_raw(o, "argv", v->argv);
	mw_known_json_str(o, "cwd", v->cwd);
	mw_known_json_str(o, "addr", v->addr);
	mw_known_json_str(o, "container", v->container);
	mw_known_json_names(o, "clients", &v->clients);
	mw_known_json_names(o, "principals", &v->principals);
	mw_known_json_names(o, "transports", &v->transports);
	mw_known_json_str(o, "protocol", v->protocol);
	mw_known_json_raw(o, "tier", v->tier_raw);
	mw_known_json_u64(o, "calls", v->calls);
	mw_known_json_u64(o, "failed", v->failed);
	mw_known_json_counts(o, "statuses", &v->statuses);
	mw_known_json_alerts(o, v->alerts);
	mw_known_json_u64(o, "effects", v->effects);
	mw_known_json_u64(o, "gaps", v->gaps);
	mw_known_json_u64(o, "anomalies", v->anomalies);
	mw_known_json_time(o, "first_seen", v->first_ns);
	mw_known_json_time(o, "last_seen", v->last_ns);
	mw_known_json_print(o);
}

static bool several_hosts(const struct mw_known *s)
{
	for (size_t i = 1; i < s->n_servers; i++)
		if (strcmp(s->servers[i]->host, s->servers[0]->host) != 0)
			return true;
	return false;
}

/* What runs first, then what was used last. */
static int by_use(const void *pa, const void *pb)
{
	const struct mw_known_server *a = *(struct mw_known_server *const *)pa;
	const struct mw_known_server *b = *(struct mw_known_server *const *)pb;
	const bool ra = mw_known_state(a) == MW_KNOWN_RUNNING,
		   rb = mw_known_state(b) == MW_KNOWN_RUNNING;

	if (ra != rb)
		return ra ? -1 : 1;
	if (a->last_ns != b->last_ns)
		return a->last_ns < b->last_ns ? 1 : -1;
	return strcmp(a->key, b->key);
}

static uint64_t print_all(struct mw_known *s, const struct mw_known_ask *ask)
{
	struct mw_rows rows = { columns, sizeof(columns) / sizeof(columns[0]), NULL, NULL, 0 };
	const bool hosts = several_hosts(s);
	uint64_t n = 0;

	if (s->n_servers)
		qsort(s->servers, s->n_servers, sizeof(struct mw_known_server *), by_use);
	for (size_t i = 0; i < s->n_servers; i++) {
		struct mw_known_server *v = s->servers[i];

		if (!v->matched || !mw_known_named(ask, mw_known_server_name(v), v->key))
			continue;
		mw_known_names_sort(&v->clients);
		mw_known_names_sort(&v->principals);
		if (ask->json)
			print_json(v);
		else if (ask->names.n)
			print_one(v);
		else
			put_row(&rows, v, hosts, &ask->out);
		n++;
	}
	mw_rows_print(&rows, &ask->out);
	mw_rows_done(&rows);
	return n;
}

int cmd_servers(int argc, char **argv)
{
	return mw_known_verb(argc, argv, &options, "server", print_all);
}
