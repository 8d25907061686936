/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/number.h"

#define COLS	     80
#define HELP_COL     24 /* where the words begin; further left where all names are short */
#define NAME_MAX_LEN 64
#define LONG_BASE    256 /* getopt_long's answers: letters are below */

/* A table with its groups in their places, and where each one's struct stands. */
struct flat {
	struct {
		const struct mw_option *o;
		size_t base;
	} row[MW_OPTIONS_MAX];
	size_t n;
};

static const struct mw_option help_option = {
	.name = "help", .letter = 'h', .kind = MW_OPT_FLAG, .help = "this text"
};

static void flatten(struct flat *f, const struct mw_option *o, size_t base)
{
	/* one place is --help's */
	for (; o->kind != MW_OPT_END && f->n < MW_OPTIONS_MAX - 1; o++)
		if (o->kind == MW_OPT_GROUP) {
			flatten(f, o->group, base + o->at);
		} else {
			f->row[f->n].o = o;
			f->row[f->n++].base = base;
		}
}

/* Before the first heading: what stands below that belongs to it. */
static void add_help(struct flat *f)
{
	size_t i;

	for (i = 0; i < f->n && f->row[i].o->kind != MW_OPT_HEADING; i++)
		;
	memmove(&f->row[i + 1], &f->row[i], (f->n++ - i) * sizeof(f->row[0]));
	f->row[i].o = &help_option;
}

/* --- --help -------------------------------------------------------------------------------- */

static size_t head(const struct mw_option *o, char *out, size_t n)
{
	const char letter[] = { '-', o->letter, ',', ' ', '\0' };

	return (size_t)snprintf(out, n, "  %s--%s%s%s", o->letter && o->letter != 'h' ? letter : "",
				o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

/* Words from column `at` on, the cursor being there. */
static void wrap(const char *text, size_t at)
{
	size_t col = at, n;

	while (*text) {
		n = strcspn(text, " ");
		if (col > at && col + 1 + n > COLS) {
			printf("\n%*s", (int)at, "");
			col = at;
		} else if (col > at) {
			putchar(' ');
			col++;
		}
		printf("%.*s", (int)n, text);
		col += n;
		text += n + strspn(text + n, " ");
	}
	putchar('\n');
}

static void print_options(const struct flat *f)
{
	char name[NAME_MAX_LEN];
	size_t i, n, widest = 0, at;

	for (i = 0; i < f->n; i++)
		if (f->row[i].o->kind != MW_OPT_HEADING && f->row[i].o->help) {
			n = head(f->row[i].o, name, sizeof(name));
			widest = n > widest ? n : widest;
		}
	at = widest + 2 < HELP_COL ? widest + 2 : HELP_COL;
	for (i = 0; i < f->n; i++) {
		const struct mw_option *o = f->row[i].o;

		if (o->kind == MW_OPT_HEADING) {
			printf("%s%s\n", i ? "\n" : "", o->name);
			continue;
		}
		if (!o->help)
			continue;
		n = head(o, name, sizeof(name));
		if (n + 2 > at)
			printf("%s\n%*s", name, (int)at, "");
		else
			printf("%-*s", (int)at, name);
		wrap(o->help, at);
	}
}

static int print_help(const struct mw_options *v, const struct flat *f)
{
	const char *line = v->usage, *nl;

	for (; (nl = strchr(line, '\n')); line = nl + 1)
		printf("%s mcpwatch %.*s\n", line == v->usage ? "Usage:" : "      ",
		       (int)(nl - line), line);
	printf("%s mcpwatch %s\n\n%s\n", line == v->usage ? "Usage:" : "      ", line, v->what);
	print_options(f);
	if (v->after)
		printf("\n%s", v->after);
	return mw_cli_stdout_done();
}

/* --- wrong usage --------------------------------------------------------------------------- */

static size_t min3(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Optimal string alignment: letters wrong, missing, too many, neighbours swapped. */
static size_t distance(const char *a, const char *b)
{
	size_t d[3][NAME_MAX_LEN], n = strlen(a), m = strlen(b), i, j;
	size_t *row, *up, *up2;

	if (n >= NAME_MAX_LEN || m >= NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (j = 0; j <= m; j++)
		d[0][j] = j;
	for (i = 1; i <= n; i++) {
		row = d[i % 3];
		up = d[(i + 2) % 3];
		up2 = d[(i + 1) % 3];
		row[0] = i;
		for (j = 1; j <= m; j++) {
			row[j] =
			    min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    up2[j - 2] + 1 < row[j])
				row[j] = up2[j - 2] + 1;
		}
	}
	return d[n % 3][m];
}

const char *mw_options_nearest(const char *given, const char *const *names)
{
	size_t best = 3, n;
	const char *found = NULL;

	for (; *names; names++) {
		n = distance(given, *names);
		if (n < best && 2 * n <= strlen(*names)) {
			best = n;
			found = *names;
		}
	}
	return found;
}

static int unknown(const char *verb, const struct flat *f, const char *arg)
{
	const char *names[MW_OPTIONS_MAX + 1], *found, *also = NULL;
	char given[NAME_MAX_LEN];
	size_t i, n = 0, len = strcspn(arg, "=");

	snprintf(given, sizeof(given), "%.*s", (int)(len < sizeof(given) ? len : sizeof(given)),
		 arg);
	for (i = 0, found = NULL; i < f->n; i++) {
		if (f->row[i].o->kind == MW_OPT_HEADING)
			continue;
		names[n++] = f->row[i].o->name;
		if (strncmp(f->row[i].o->name, given, strlen(given)) == 0) {
			also = found;
			found = f->row[i].o->name;
		}
	}
	names[n] = NULL;
	if (also)
		return mw_cli_usage(verb, "option '--%s' may be '--%s' or '--%s'", given, also,
				    found);
	found = mw_options_nearest(given, names);
	if (found)
		return mw_cli_usage(verb, "no option '--%s' (did you mean '--%s'?)", given, found);
	return mw_cli_usage(verb, "no option '--%s'", given);
}

static int bad(char **argv, const struct flat *f, int answer)
{
	const struct mw_option *o = optopt >= LONG_BASE ? f->row[optopt - LONG_BASE].o : NULL;
	const char *arg = optind > 0 && argv[optind - 1] ? argv[optind - 1] : "";
	size_t i;

	if (answer == ':') {
		for (i = 0; !o && i < f->n; i++)
			if (f->row[i].o->letter == optopt)
				o = f->row[i].o;
		return mw_cli_usage(argv[0], "option '--%s' needs a value: %s", o->name, o->arg);
	}
	if (o)
		return mw_cli_usage(argv[0], "option '--%s' takes no value", o->name);
	if (optopt == 0 && strncmp(arg, "--", 2) == 0)
		return unknown(argv[0], f, arg + 2);
	return mw_cli_usage(argv[0], "no option '-%c'", optopt);
}

/* --- parsing ------------------------------------------------------------------------------- */

static int take(const struct mw_option *o, void *at, const char *verb, const char *value)
{
	switch (o->kind) {
	case MW_OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case MW_OPT_TEXT:
		*(const char **)at = value;
		return 0;
	case MW_OPT_LIST:
		mw_cli_list_add(at, value);
		return 0;
	case MW_OPT_U32:
		if (mw_parse_u32(value, at) < 0)
			return mw_cli_usage(verb, "--%s %s: not a whole number from 1 on", o->name,
					    value);
		return 0;
	case MW_OPT_FN:
		return o->fn(at, verb, o, value);
	default:
		return 0;
	}
}

int mw_options_parse(const struct mw_options *v, int argc, char **argv, void *into)
{
	struct option longs[MW_OPTIONS_MAX + 1] = { 0 };
	char shorts[2 * MW_OPTIONS_MAX + 4] = "";
	struct flat f = { 0 };
	size_t i, n = 0, s = 0;
	int c, r;

	flatten(&f, v->table, 0);
	add_help(&f);
	if (v->command)
		shorts[s++] = '+';
	shorts[s++] = ':';
	for (i = 0; i < f.n; i++) {
		const struct mw_option *o = f.row[i].o;

		if (o->kind == MW_OPT_HEADING)
			continue;
		longs[n++] = (struct option){ o->name, o->arg ? required_argument : no_argument,
					      NULL, LONG_BASE + (int)i };
		if (o->letter)
			shorts[s++] = o->letter;
		if (o->letter && o->arg)
			shorts[s++] = ':';
	}
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return bad(argv, &f, c);
		for (i = 0; i < f.n; i++)
			if (c == LONG_BASE + (int)i || c == f.row[i].o->letter)
				break;
		if (f.row[i].o == &help_option)
			return print_help(v, &f);
		r = take(f.row[i].o, (char *)into + f.row[i].base + f.row[i].o->at, argv[0],
			 optarg);
		if (r != 0)
			return r;
	}
	return MW_OPTIONS_GO_ON;
}
