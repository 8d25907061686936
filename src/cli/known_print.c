/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/known_print.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/filter_options.h"
#include "cli/narrow.h"
#include "io/escape.h"
#include "io/render.h"
#include "io/when.h"

static const char *const severities[] = { "low", "medium", "high", "critical" };

/* --- the verb -----------------------------------------------------------------------------------
 */

static int run(struct mw_known_ask *ask, const char *what,
	       uint64_t (*print)(struct mw_known *s, const struct mw_known_ask *ask))
{
	_cleanup_(mw_known_freep) struct mw_known *s = NULL;
	int whole = MW_EXIT_OK, status;
	uint64_t n, more;

	if (mw_known_new(&s) < 0)
		return mw_cli_fail("not enough memory");
	status = mw_known_read(s, &ask->f, &ask->logs, ask->index, &whole);
	if (status != MW_EXIT_OK)
		return status;
	mw_pager_open(&ask->out, true);
	n = print(s, ask);
	more = *what == 's' ? s->more_servers : s->more_tools;
	if (more)
		mw_cli_fail("there are more %ss than are counted: %" PRIu64
			    " records of others are left out; narrow it with --server or --since",
			    what, more);
	if (n == 0 && ask->names.n)
		status = mw_cli_fail("no %s of that name was seen; 'mcpwatch %ss' lists them", what,
				     what);
	else if (n == 0 && !ask->json)
		fprintf(stderr, "mcpwatch: no %s was seen%s\n", what,
			*mw_filter_text(&ask->f) ? " that the filter lets through" : "");
	/* once more behind it, where it is not overlooked */
	if (whole != MW_EXIT_OK)
		mw_cli_fail("the log is not what was written, see above: do not rely on this");
	if (mw_pager_done(&ask->out) != MW_EXIT_OK)
		return MW_EXIT_FAIL;
	return whole != MW_EXIT_OK ? whole : status;
}

#define AT(member) offsetof(struct mw_known_ask, member)

const struct mw_option mw_known_table[] = {
	MW_OPTION_FLAG("json", 0, AT(json), "one object a line"),
	MW_LOG_ROW(AT(logs)),
	MW_INDEX_ROW(AT(index)),
	MW_PAGER_ROWS(AT(out)),
	MW_FILTER_ROWS(AT(f), mw_filter_take),
	{ 0 },
};

int mw_known_verb(int argc, char **argv, const struct mw_options *options, const char *what,
		  uint64_t (*print)(struct mw_known *s, const struct mw_known_ask *ask))
{
	struct mw_known_ask ask = { 0 };
	int status, r;

	status = mw_options_parse(options, argc, argv, &ask);
	for (; status == MW_OPTIONS_GO_ON && optind < argc; optind++) {
		r = mw_patterns_add_name(&ask.names, argv[optind]);
		if (r == -ENOMEM)
			exit(mw_cli_fail("not enough memory"));
		if (r < 0)
			status = mw_cli_usage(argv[0], "'%s' is no name", argv[optind]);
	}
	if (status == MW_OPTIONS_GO_ON)
		status = run(&ask, what, print);
	mw_patterns_done(&ask.names);
	mw_filter_done(&ask.f);
	mw_cli_list_done(&ask.logs);
	return status;
}

bool mw_known_named(const struct mw_known_ask *ask, const char *name, const char *other)
{
	struct mw_matched m = { 0 };

	mw_patterns_name(&ask->names, mw_slice_str(name), &m);
	if (other)
		mw_patterns_name(&ask->names, mw_slice_str(other), &m);
	return mw_patterns_pass(&ask->names, m);
}

const char *mw_known_server_name(const struct mw_known_server *v)
{
	static char word[16384]; /* no key is longer */
	struct mw_slice s;

	if (v->name)
		return v->name;
	s = mw_render_key(mw_slice_str(v->key));
	snprintf(word, sizeof(word), "%.*s", (int)s.n, (const char *)s.p);
	return word;
}

/* --- texts --------------------------------------------------------------------------------------
 */

uint64_t mw_known_alerts(const uint64_t alerts[4])
{
	return alerts[0] + alerts[1] + alerts[2] + alerts[3];
}

const char *mw_known_alerts_sgr(const uint64_t alerts[4])
{
	if (alerts[2] + alerts[3])
		return "1;31";
	return mw_known_alerts(alerts) ? "33" : "2";
}

void mw_known_put_names(struct mw_rows *r, const char *sgr, const char *lead,
			const struct mw_known_names *l, const struct mw_pager *out)
{
	const size_t most = out->width ? 3 : l->n;
	char *text = NULL;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	for (i = 0; f && i < l->n && i < most; i++)
		fprintf(f, "%s%s", i ? ", " : lead, l->p[i].name);
	if (f && l->n > i)
		fprintf(f, ", +%zu", l->n - i);
	if (!f || fclose(f) != 0)
		exit(mw_cli_fail("not enough memory"));
	mw_rows_put(r, sgr, "%s", text);
	free(text);
}

const char *mw_known_time(int64_t ns, char *buf, size_t n)
{
	char when[MW_WHEN_LEN];

	if (n)
		buf[0] = '\0';
	if (ns) {
		mw_when_format(ns, true, when);
		/* seconds are enough */
		snprintf(buf, n, "%.19s", when);
	}
	return buf;
}

const char *mw_known_u64(uint64_t v, char *buf, size_t n)
{
	snprintf(buf, n, "%" PRIu64, v);
	return buf;
}

const char *mw_known_ms(double ms, char *buf, size_t n)
{
	struct mw_line line = { 0 };

	mw_render_elapsed(&line, ms);
	snprintf(buf, n, "%s", line.p ? line.p : "");
	mw_line_done(&line);
	return buf;
}

static void label_of(const char *label)
{
	printf("  %-12s", label);
}

static void text(const char *s)
{
	mw_escape_print(stdout, s, strlen(s));
}

void mw_known_heading(const char *name, const char *behind)
{
	text(name);
	if (behind) {
		putchar(' ');
		text(behind);
	}
	putchar('\n');
}

void mw_known_field(const char *label, const char *value)
{
	if (!value || !*value)
		return;
	label_of(label);
	text(value);
	putchar('\n');
}

/* A backslash is JSON's own already, and what it stands for is escaped there. */
void mw_known_raw(const char *label, const char *json)
{
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t n = json ? strlen(json) : 0, used;

	if (!n)
		return;
	label_of(label);
	for (; n > 0; json += used, n -= used) {
		used = 1;
		if (*json == '\\') {
			putchar('\\');
			continue;
		}
		used = mw_escape_next(json, n, esc, &cols);
		fputs(esc, stdout);
	}
	putchar('\n');
}

void mw_known_set_of(const char *label, const struct mw_known_names *l, bool counts)
{
	if (!l->n)
		return;
	label_of(label);
	for (size_t i = 0; i < l->n; i++) {
		fputs(i ? ", " : "", stdout);
		if (counts)
			printf("%" PRIu64 " ", l->p[i].n);
		text(l->p[i].name);
	}
	if (l->more)
		printf(", and others");
	putchar('\n');
}

void mw_known_list_of(const char *label, const struct mw_known_names *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct mw_known_name *e = &l->p[i];

		label_of(i ? "" : label);
		/* as `log` has it: likely, where no tie of its is certain */
		printf("%s%5" PRIu64 "  ", e->certain ? " " : "~", e->n);
		text(e->name);
		if (e->certain && e->certain < e->n)
			printf("  (%" PRIu64 " of them certain)", e->certain);
		putchar('\n');
	}
	if (l->more) {
		label_of("");
		printf(" %5" PRIu64 "  others\n", l->more);
	}
}

void mw_known_alerts_of(const uint64_t alerts[4])
{
	bool first = true;

	if (!mw_known_alerts(alerts))
		return;
	label_of("alerts");
	for (int i = 3; i >= 0; i--)
		if (alerts[i]) {
			printf("%s%" PRIu64 " %s", first ? "" : ", ", alerts[i], severities[i]);
			first = false;
		}
	putchar('\n');
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void must(const void *p)
{
	if (!p)
		exit(mw_cli_fail("not enough memory"));
}

void mw_known_json_str(cJSON *o, const char *name, const char *v)
{
	if (v && *v)
		must(cJSON_AddStringToObject(o, name, v));
}

void mw_known_json_raw(cJSON *o, const char *name, const char *json)
{
	if (json)
		must(cJSON_AddRawToObject(o, name, json));
}

/* cJSON's numbers are doubles */
void mw_known_json_u64(cJSON *o, const char *name, uint64_t v)
{
	char buf[24];

	must(cJSON_AddRawToObject(o, name, mw_known_u64(v, buf, sizeof(buf))));
}

void mw_known_json_time(cJSON *o, const char *name, int64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	char buf[40], all[64];
	struct tm tm;

	if (!ns || !gmtime_r(&t, &tm))
		return;
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(all, sizeof(all), "%s.%09dZ", buf, (int)(ns % 1000000000));
	must(cJSON_AddStringToObject(o, name, all));
}

static void more_of(cJSON *o, const char *name, const struct mw_known_names *l)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_more", name);
	if (l->more)
		mw_known_json_u64(o, key, l->more);
}

void mw_known_json_names(cJSON *o, const char *name, const struct mw_known_names *l)
{
	cJSON *a;

	if (!l->n)
		return;
	a = cJSON_AddArrayToObject(o, name);
	must(a);
	for (size_t i = 0; i < l->n; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(l->p[i].name));
	more_of(o, name, l);
}

void mw_known_json_counts(cJSON *o, const char *name, const struct mw_known_names *l)
{
	cJSON *a;

	if (!l->n)
		return;
	a = cJSON_AddObjectToObject(o, name);
	must(a);
	for (size_t i = 0; i < l->n; i++)
		mw_known_json_u64(a, l->p[i].name, l->p[i].n);
	more_of(o, name, l);
}

void mw_known_json_tied(cJSON *o, const char *name, const struct mw_known_names *l)
{
	cJSON *a, *e;

	if (!l->n)
		return;
	a = cJSON_AddArrayToObject(o, name);
	must(a);
	for (size_t i = 0; i < l->n; i++) {
		e = cJSON_CreateObject();
		must(e);
		must(cJSON_AddStringToObject(e, "name", l->p[i].name));
		mw_known_json_u64(e, "n", l->p[i].n);
		mw_known_json_u64(e, "certain", l->p[i].certain);
		cJSON_AddItemToArray(a, e);
	}
	more_of(o, name, l);
}

void mw_known_json_alerts(cJSON *o, const uint64_t alerts[4])
{
	cJSON *a;

	if (!mw_known_alerts(alerts))
		return;
	a = cJSON_AddObjectToObject(o, "alerts");
	must(a);
	for (int i = 0; i < 4; i++)
		if (alerts[i])
			mw_known_json_u64(a, severities[i], alerts[i]);
}

void mw_known_json_print(cJSON *o)
{
	char *s = cJSON_PrintUnformatted(o);

	must(s);
	puts(s);
	cJSON_free(s);
	cJSON_Delete(o);
}
