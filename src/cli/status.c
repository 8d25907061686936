/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - mcpwatch status: how the running daemon is, on one screen */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "io/control_sock.h"
#include "io/escape.h"
#include "io/render.h"
#include "io/sink_screen.h"
#include "io/when.h"

#define SERVERS_MAX 12
#define NAME_COLS   24

struct status_opts {
	const char *control;
	bool json;
};

#define AT(member) offsetof(struct status_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_FLAG("json", 0, AT(json), "as one JSON object: all there is"),
	MW_OPTION_TEXT("control", 0, "PATH", AT(control),
		       "the daemon's socket (default: the configuration's, else " MW_DEFAULT_CONTROL
		       ")"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "status [--json] [--control PATH]",
	.what = "How the running daemon is: what it watches and since when, what it lost, how far\n"
		"the log is sealed, its servers and how well each is seen, alerts, and what wants\n"
		"to be looked at.\n",
	.table = table,
	.after = "Exit status: 0 it does its work; 1 it does not run, or does not do it: a line\n"
		 "says why.\n",
};

static double num(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static const cJSON *obj(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static const char *str(const cJSON *o, const char *name)
{
	const char *s = mw_rec_str(o, name);

	return s ? s : "";
}

struct page {
	bool colour;
	unsigned int cols;
};

static struct mw_line begin(const struct page *p, const char *head)
{
	struct mw_line l = { .colour = p->colour, .max_cols = p->cols };

	if (head)
		mw_line_printf(&l, "1", "%-10s", head);
	return l;
}

static void end(struct mw_line *l)
{
	if (l->p)
		fwrite(l->p, 1, l->len, stdout);
	fputc('\n', stdout);
	mw_line_done(l);
}

/* "3 s", "12 min", "5 h", "8 days". */
static void put_age(struct mw_line *l, double s)
{
	if (s < 120)
		mw_line_printf(l, NULL, "%.0f s", s);
	else if (s < 7200)
		mw_line_printf(l, NULL, "%.0f min", s / 60);
	else if (s < 172800)
		mw_line_printf(l, NULL, "%.0f h", s / 3600);
	else
		mw_line_printf(l, NULL, "%.0f days", s / 86400);
}

static void put_bytes(struct mw_line *l, double n)
{
	if (n < 1 << 20)
		mw_line_printf(l, NULL, "%.0f KiB", n / 1024);
	else if (n < 10.0 * (1 << 30))
		mw_line_printf(l, NULL, "%.0f MiB", n / (1 << 20));
	else
		mw_line_printf(l, NULL, "%.0f GiB", n / (1 << 30));
}

static void print_head(const struct page *p, const cJSON *o)
{
	const bool healthy = cJSON_IsTrue(obj(o, "healthy"));
	const char *started = str(o, "started");
	struct mw_line l = begin(p, NULL);
	char when[MW_WHEN_LEN];
	int64_t ns;

	mw_line_puts(&l, healthy ? "1;32" : "1;31",
		     !healthy				? "NOT HEALTHY"
		     : cJSON_IsTrue(obj(o, "stopping")) ? "stopping"
							: "watching");
	mw_line_puts(&l, NULL, "  ");
	mw_line_puts(&l, NULL, str(o, "host"));
	mw_line_puts(&l, NULL, ", since ");
	if (mw_when_rfc3339(started, strlen(started), &ns) == 0) {
		mw_when_format(ns, true, when);
		mw_line_put(&l, NULL, when, sizeof("2026-01-31 10:30:00") - 1);
	}
	mw_line_puts(&l, NULL, " (");
	put_age(&l, num(o, "uptime"));
	mw_line_printf(&l, NULL, "), mcpwatch %s, pid %.0f", str(o, "version"), num(o, "pid"));
	end(&l);
}

static void print_kernel(const struct page *p, const cJSON *o)
{
	const cJSON *src = obj(o, "source"), *lost = obj(o, "lost");
	struct mw_line l = begin(p, "kernel");
	double n;

	mw_line_printf(&l, NULL, "%.0f events (%s), ring ", num(src, "events"), str(src, "kind"));
	put_bytes(&l, num(src, "ring"));
	n = num(src, "lost_ring") > num(lost, "events") ? num(src, "lost_ring")
							: num(lost, "events");
	if (n > 0)
		mw_line_printf(&l, "31", ", %.0f events LOST", n);
	else
		mw_line_puts(&l, NULL, ", no event lost");
	end(&l);
}

static void print_calls(const struct page *p, const cJSON *o)
{
	const cJSON *calls = obj(o, "calls"), *effects = obj(o, "effects");
	const cJSON *sure = obj(effects, "confidence");
	struct mw_line l = begin(p, "calls");
	const double ok = num(obj(calls, "status"), "ok");

	mw_line_printf(&l, NULL, "%.0f, %.0f of them failed; %.0f in flight; %.0f servers run",
		       num(calls, "n"), num(calls, "n") - ok, num(calls, "open"),
		       num(o, "servers_alive"));
	end(&l);
	l = begin(p, "effects");
	mw_line_printf(&l, NULL, "%.0f: %.0f certain, %.0f likely, %.0f shared, %.0f of no call",
		       num(effects, "n"), num(sure, "certain"), num(sure, "likely"),
		       num(sure, "shared"), num(sure, "none"));
	end(&l);
}

static void print_gaps(const struct page *p, const cJSON *o)
{
	struct mw_line l = begin(p, "gaps");
	const cJSON *gap, *list = obj(o, "gaps");

	if (cJSON_GetArraySize(list) == 0)
		mw_line_puts(&l, NULL, "none");
	cJSON_ArrayForEach(gap, list)
	{
		mw_line_puts(&l, NULL, gap == list->child ? "" : ", ");
		mw_line_puts(&l, "33", str(gap, "reason"));
		mw_line_printf(&l, NULL, " %.0f", num(gap, "n"));
		if (num(gap, "events") > 0)
			mw_line_printf(&l, NULL, " (%.0f events)", num(gap, "events"));
		else if (num(gap, "bytes") > 0)
			mw_line_printf(&l, NULL, " (%.0f bytes)", num(gap, "bytes"));
	}
	end(&l);
}

static void print_log(const struct page *p, const cJSON *o)
{
	const cJSON *log = obj(o, "log");
	const double waits = num(log, "records") - num(log, "sealed");
	struct mw_line l = begin(p, "log");

	mw_line_printf(&l, NULL, "%.0f records", num(log, "records"));
	if (waits > 0)
		mw_line_printf(&l, NULL, ", sealed up to %.0f", num(log, "sealed"));
	else
		mw_line_puts(&l, NULL, ", all sealed");
	if (obj(log, "seal_age")) {
		mw_line_puts(&l, NULL, " ");
		put_age(&l, num(log, "seal_age"));
		mw_line_puts(&l, NULL, " ago");
	}
	mw_line_puts(&l, NULL, ", in ");
	mw_line_puts(&l, NULL, str(log, "dir"));
	end(&l);
}

static void print_alerts(const struct page *p, const cJSON *o)
{
	static const char *const names[] = { "critical", "high", "medium", "low" };
	static const char *const sgr[] = { "1;31", "31", "33", NULL };
	const cJSON *alerts = obj(o, "alerts"), *hour = obj(alerts, "last_hour");
	struct mw_line l = begin(p, "alerts");
	size_t i;

	for (i = 0; i < 4; i++) {
		const double n = num(hour, names[i]);

		mw_line_printf(&l, n > 0 ? sgr[i] : NULL, "%s%.0f %s", i ? ", " : "", n, names[i]);
	}
	mw_line_printf(&l, NULL, " in the last hour; %.0f since the start", num(alerts, "n"));
	end(&l);
}

static void print_places(const struct page *p, const cJSON *o)
{
	const cJSON *anchors = obj(o, "anchors"), *outlets = obj(o, "outlets");
	const cJSON *memory = obj(o, "memory");
	struct mw_line l = begin(p, "outlets");

	mw_line_printf(&l, NULL, "%.0f of alerts: %.0f sent, %.0f not; %.0f anchors: %.0f sent",
		       num(outlets, "n"), num(outlets, "sent"), num(outlets, "not_sent"),
		       num(anchors, "n"), num(anchors, "sent"));
	if (num(anchors, "failed") > 0)
		mw_line_printf(&l, "33", ", failed %.0f times", num(anchors, "failed"));
	end(&l);
	l = begin(p, "memory");
	put_bytes(&l, num(memory, "rss"));
	mw_line_printf(&l, NULL, ", reassembly %.0f%% of its limit; %.1f s of processor time",
		       num(memory, "reassembly_max") > 0
			   ? 100 * num(memory, "reassembly") / num(memory, "reassembly_max")
			   : 0,
		       num(o, "cpu_seconds"));
	end(&l);
}

static void print_problems(const struct page *p, const cJSON *o)
{
	const cJSON *problem;

	cJSON_ArrayForEach(problem, obj(o, "problems"))
	{
		const bool bad = cJSON_IsTrue(obj(problem, "bad"));
		struct mw_line l = { .colour = p->colour };

		mw_line_puts(&l, bad ? "1;31" : "33", bad ? "BAD       " : "look at   ");
		mw_line_puts(&l, NULL, str(problem, "what"));
		end(&l);
	}
}

static int by_calls(const void *a, const void *b)
{
	const double x = num(*(const cJSON *const *)a, "calls");
	const double y = num(*(const cJSON *const *)b, "calls");

	return x < y ? 1 : x > y ? -1 : 0;
}

/* A name in a column of its own. */
static void put_name(struct mw_line *l, const char *name)
{
	const size_t n = strlen(name);
	unsigned int cols, all = 0;
	char esc[MW_ESCAPE_MAX];
	size_t at, used;

	for (at = 0; at < n; at += used, all += cols) {
		used = mw_escape_next(name + at, n - at, esc, &cols);
		if (all + cols > NAME_COLS - (at + used < n)) {
			mw_line_puts(l, NULL, "…");
			all++;
			break;
		}
		mw_line_put(l, NULL, name + at, used);
	}
	if (all < NAME_COLS)
		mw_line_printf(l, NULL, "%*s", (int)(NAME_COLS - all), "");
}

static void print_server(const struct page *p, const cJSON *s)
{
	struct mw_line l = begin(p, NULL);

	put_name(&l, str(s, "name"));
	mw_line_printf(&l, NULL, " %7.0f %5.0f %6.0f %8.0f", num(s, "calls"), num(s, "in_flight"),
		       num(s, "failed"), num(s, "effects"));
	mw_line_printf(&l, num(s, "alerts") > 0 ? "31" : NULL, " %6.0f", num(s, "alerts"));
	mw_line_puts(&l, NULL, "  ");
	mw_line_puts(&l, NULL, str(s, "seen"));
	end(&l);
}

static void print_servers(const struct page *p, const cJSON *o)
{
	const cJSON *list = obj(o, "servers"), *s;
	const size_t n = (size_t)cJSON_GetArraySize(list);
	const cJSON **all = calloc(n ? n : 1, sizeof(*all));
	struct mw_line l;
	size_t i = 0;

	if (n && all) {
		cJSON_ArrayForEach(s, list) all[i++] = s;
		qsort(all, n, sizeof(*all), by_calls);
		l = begin(p, NULL);
		mw_line_printf(&l, "1", "%-*s %7s %5s %6s %8s %6s  %s", NAME_COLS, "SERVER",
			       "CALLS", "OPEN", "FAILED", "EFFECTS", "ALERTS", "READ");
		end(&l);
		for (i = 0; i < n && i < SERVERS_MAX; i++)
			print_server(p, all[i]);
		if (n > SERVERS_MAX)
			printf("and %zu more: 'mcpwatch status --json', 'mcpwatch top'\n",
			       n - SERVERS_MAX);
	}
	free(all);
}

static int print_page(const cJSON *o)
{
	const struct page p = { .colour = mw_screen_colour(stdout),
				.cols = mw_screen_width(stdout) };

	print_head(&p, o);
	print_kernel(&p, o);
	print_calls(&p, o);
	print_gaps(&p, o);
	print_log(&p, o);
	print_alerts(&p, o);
	print_places(&p, o);
	print_problems(&p, o);
	print_servers(&p, o);
	return mw_cli_stdout_done();
}

/* The exit status says whether it does its work; on stderr stands why it does not. */
static int judge(const cJSON *o)
{
	const cJSON *problem;

	if (cJSON_IsTrue(obj(o, "healthy")))
		return MW_EXIT_OK;
	cJSON_ArrayForEach(
	    problem,
	    obj(o, "problems")) if (cJSON_IsTrue(obj(problem,
						     "bad"))) return mw_cli_fail("not healthy: %s",
										 str(problem,
										     "what"));
	return mw_cli_fail("not healthy");
}

static int show(const struct mw_buf *text, const void *opts)
{
	cJSON *o = cJSON_ParseWithLength((const char *)text->p, text->len);
	int status;

	if (!o || strcmp(str(o, "type"), "status") != 0) {
		cJSON_Delete(o);
		return mw_cli_fail("the daemon's answer is not whole: is it another version?");
	}
	if (((const struct status_opts *)opts)->json) {
		fwrite(text->p, 1, text->len, stdout);
		status = mw_cli_stdout_done();
	} else {
		status = print_page(o);
	}
	if (status == MW_EXIT_OK)
		status = judge(o);
	cJSON_Delete(o);
	return status;
}

int cmd_status(int argc, char **argv)
{
	struct status_opts o = { 0 };

	return mw_cli_control_verb(&options, argc, argv, &o, &o.control, "status", show);
}
