/* SPDX-License-Identifier: Apache-2.0 */
/* verify.c - the verb `verify`: proves a log whole, or names the first record where it is not */
#include "io/verify.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "io/anchor_read.h"
#include "io/bundle.h"
#include "io/escape.h"
#include "io/file.h"
#include "io/when.h"

#define KEYS_MAX (1u << 20)

struct args {
	struct mw_cli_list logs, vkeys, anchors;
	bool json;
};

#define AT(member) offsetof(struct args, member)

static const struct mw_option table[] = {
	MW_OPTION_LIST(
	    "vkey", 0, "K", AT(vkeys),
	    "a verifier key that was enrolled off the host, or a file that holds some, one "
	    "a line: of the log's identity, of its epoch 0, of witnesses; repeatable. "
	    "Without them the log's own word is taken for its keys, and one that replaces "
	    "it whole is not noticed"),
	MW_OPTION_LIST(
	    "anchor", 0, "F", AT(anchors),
	    "a file with checkpoints of this log that was kept elsewhere: as they are, "
	    "lines of syslog, or of the journal (-o json, export); repeatable. Shows what "
	    "was cut off or rolled back since"),
	MW_OPTION_LIST("log", 0, "DIR", AT(logs), "the log (default " MW_DEFAULT_LOG ")"),
	MW_OPTION_FLAG("json", 0, AT(json), "one JSON object"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "verify [OPTION...] [DIR|F]",
	.what = "Proves a sealed log whole, or names the first record where it is not. DIR is a\n"
		"log folder or a copy of one; neither secret keys nor root are needed. F is a\n"
		"bundle: each record in it is proved, and how many others the log has; that\n"
		"these are the right ones is not.\n",
	.table = table,
	.after = "Exit status: 0 whole, 3 tampered or forged, 4 intact, but it ends early, is\n"
		 "stale or is not sealed at its end, 1 could not be read, 2 wrong usage.\n",
};

/* --- what was kept elsewhere --------------------------------------------------------------------
 */

struct given {
	struct mw_vkey *keys;
	size_t n_keys;
	char **texts; /* of anchors */
	size_t n_texts;
};

static int read_file(const char *path, char **ret, size_t *ret_n)
{
	_cleanup_(mw_freep) char *buf = malloc(KEYS_MAX + 1);
	FILE *f = buf ? fopen(path, "re") : NULL;
	size_t n;

	if (!f)
		return buf ? -errno : -ENOMEM;
	n = fread(buf, 1, KEYS_MAX + 1, f);
	fclose(f);
	if (n > KEYS_MAX)
		return -EFBIG;
	buf[n] = '\0';
	*ret = MW_TAKE(buf);
	*ret_n = n;
	return 0;
}

static int add_key(struct given *g, const char *text, size_t n)
{
	struct mw_vkey k, *p;

	if (mw_vkey_parse(text, n, &k) < 0)
		return -EINVAL;
	p = reallocarray(g->keys, g->n_keys + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	g->keys = p;
	p[g->n_keys++] = k;
	return 0;
}

/* The key itself, or a file of them; '#' begins a remark. An exit status. */
static int take_keys(struct given *g, const char *arg)
{
	_cleanup_(mw_freep) char *text = NULL;
	char *line, *nl;
	size_t n, line_no = 0, before = g->n_keys;
	int r;

	if (add_key(g, arg, strlen(arg)) == 0)
		return MW_EXIT_OK;
	r = read_file(arg, &text, &n);
	if (r < 0)
		return mw_cli_fail("cannot read the verifier key '%s': %s", arg,
				   r == -ENOENT ? "it is neither a key nor a file" : strerror(-r));
	for (line = text; *line; line = nl + (*nl == '\n')) {
		size_t len = strcspn(line, "\r\n");

		line_no++;
		nl = line + len + (line[len] == '\r');
		if (len > 0 && line[0] != '#' && add_key(g, line, len) < 0)
			return mw_cli_fail("%s: line %zu: not a verifier key", arg, line_no);
	}
	return g->n_keys > before ? MW_EXIT_OK : mw_cli_fail("%s: holds no verifier key", arg);
}

static int keep_anchor(void *ctx, const struct mw_anchor_found *found)
{
	struct given *g = ctx;
	char **p = reallocarray(g->texts, g->n_texts + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	g->texts = p;
	p[g->n_texts] = strdup(found->note);
	return p[g->n_texts] ? (g->n_texts++, 0) : -ENOMEM;
}

static int take_anchors(struct given *g, const char *path)
{
	char err[MW_ERR_MAX] = "not enough memory";
	uint64_t bad = 0;

	if (mw_anchor_file_read(path, keep_anchor, g, NULL, &bad, err, sizeof(err)) < 0)
		return mw_cli_fail("%s", err);
	if (bad)
		mw_cli_fail("%s: %" PRIu64
			    " of what looks like a checkpoint are none and passed over",
			    path, bad);
	return MW_EXIT_OK;
}

static void given_done(struct given *g)
{
	size_t i;

	for (i = 0; i < g->n_texts; i++)
		free(g->texts[i]);
	free(g->texts);
	free(g->keys);
}

/* --- what is said -------------------------------------------------------------------------------
 */

static const char *verdict_name(enum mw_verdict v)
{
	return v == MW_LOG_WHOLE ? "whole" : v == MW_LOG_SHORT ? "short" : "tampered";
}

static void put_json(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	puts(text ? text : "");
	cJSON_free(text);
	cJSON_Delete(o);
}

static cJSON *report_json(const char *dir, const struct mw_verify_report *r)
{
	cJSON *o = cJSON_CreateObject(), *f, *a;
	char when[40];
	unsigned int i;

	cJSON_AddStringToObject(o, "verdict", verdict_name(r->verdict));
	cJSON_AddStringToObject(o, "log", dir);
	if (r->origin[0])
		cJSON_AddStringToObject(o, "origin", r->origin);
	cJSON_AddNumberToObject(o, "sealed", (double)r->sealed);
	cJSON_AddNumberToObject(o, "seals", (double)r->seals);
	if (r->sealed_ns) {
		snprintf(when, sizeof(when), "%" PRId64, r->sealed_ns);
		cJSON_AddRawToObject(o, "sealed_ns", when);
	}
	if (r->deleted)
		cJSON_AddNumberToObject(o, "deleted", (double)r->deleted);
	if (r->tail)
		cJSON_AddNumberToObject(o, "unsealed", (double)r->tail);
	cJSON_AddBoolToObject(o, "writer", r->writer);
	cJSON_AddBoolToObject(o, "identity_enrolled", r->identity_enrolled);
	cJSON_AddBoolToObject(o, "epoch_0_enrolled", r->epoch_enrolled);
	if (r->finding) {
		f = cJSON_AddObjectToObject(o, "finding");
		cJSON_AddStringToObject(f, "kind", mw_finding_name(r->finding));
		if (r->has_seq)
			cJSON_AddNumberToObject(f, "seq", (double)r->seq);
		if (r->file[0])
			cJSON_AddStringToObject(f, "file", r->file);
		if (r->line)
			cJSON_AddNumberToObject(f, "line", (double)r->line);
		cJSON_AddStringToObject(f, "text", r->text);
	}
	a = cJSON_AddArrayToObject(o, "notices");
	for (i = 0; i < r->n_notices; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(r->notice[i]));
	return o;
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	char text[2 * MW_VERIFY_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mw_escape_print(stdout, text, strlen(text));
	putchar('\n');
}

static void print_finding(const struct mw_verify_report *r)
{
	char place[MW_VERIFY_TEXT] = "";

	if (r->file[0] && r->line)
		snprintf(place, sizeof(place), " (%s: line %" PRIu64 ")", r->file, r->line);
	else if (r->file[0])
		snprintf(place, sizeof(place), " (%s)", r->file);
	if (r->has_seq)
		say("record %" PRIu64 "%s %s", r->seq, place, r->text);
	else
		say("%s%s", r->text, place);
}

static void print_keys(const struct mw_verify_report *r)
{
	if (r->identity_enrolled && r->epoch_enrolled)
		say("signed by the enrolled keys, epoch by epoch");
	else if (r->epoch_enrolled || r->identity_enrolled)
		say("signed by the log's keys; only that of %s was enrolled",
		    r->epoch_enrolled ? "epoch 0" : "the identity");
	else
		say("signed by the log's own keys; none was enrolled (--vkey), so a log that "
		    "replaces this one whole would not be noticed");
}

static const char *verdict_words(enum mw_verdict v)
{
	return v == MW_LOG_WHOLE   ? "whole"
	       : v == MW_LOG_SHORT ? "intact, but not to its end"
				   : "TAMPERED OR FORGED";
}

static void print(const char *dir, const struct mw_verify_report *r)
{
	char when[MW_WHEN_LEN];
	unsigned int i;

	say("%s: %s", dir, verdict_words(r->verdict));
	if (r->finding)
		print_finding(r);
	if (r->origin[0])
		say("log %s", r->origin);
	if (r->sealed) {
		mw_when_format(r->sealed_ns, true, when);
		say("proved: %" PRIu64 " records in %" PRIu64 " seals, the last of %s", r->sealed,
		    r->seals, when);
		if (r->verdict != MW_LOG_TAMPERED)
			print_keys(r);
	}
	if (r->deleted)
		say("of these the oldest %" PRIu64 " were deleted, as sealed records say",
		    r->deleted);
	if (r->tail)
		say("not sealed yet: %" PRIu64 " records%s", r->tail,
		    r->writer ? ", and the log is being written" : "");
	for (i = 0; i < r->n_notices; i++)
		say("note: %s", r->notice[i]);
	if (r->more_notices)
		say("note: and %u more", r->more_notices);
}

/* --- a bundle -----------------------------------------------------------------------------------
 */

/* What no signature covers. */
static const char unproved[] =
    "not proved: that no record was left out that should be here; the README, the manifest%s";
static const char unproved_page[] = ", and the page, which shows what the records say";

static void print_bundle(const char *path, const struct mw_bundle_report *b)
{
	char when[MW_WHEN_LEN], text[sizeof(unproved) + sizeof(unproved_page)];
	size_t i;

	say("%s: %s", path, verdict_words(b->verdict));
	if (b->file[0])
		say("%s %s", b->file, b->text);
	mw_when_format(b->made_ns, true, when);
	say("a bundle of %zu log%s, made by mcpwatch %s at %s, %s%s", b->n_logs,
	    b->n_logs > 1 ? "s" : "", b->version, when,
	    b->filter[0] ? "with the filters " : "of all records", b->filter);
	for (i = 0; i < b->n_logs; i++) {
		const struct mw_bundle_log *l = &b->logs[i];

		print(l->folder, &l->report);
		say("in here: %" PRIu64 " of these records; %" PRIu64
		    " are left out, their hashes are known",
		    l->records, l->left_out);
		if (l->unproved)
			say("and %" PRIu64 " behind the last seal, which nothing proves",
			    l->unproved);
	}
	snprintf(text, sizeof(text), unproved, b->page ? unproved_page : "");
	say("%s", text);
}

static void print_bundle_json(const char *path, const struct mw_bundle_report *b)
{
	cJSON *o = cJSON_CreateObject(), *logs, *l, *f;
	const cJSON *first = NULL;
	char made[40];
	size_t i;

	cJSON_AddStringToObject(o, "verdict", verdict_name(b->verdict));
	cJSON_AddStringToObject(o, "bundle", path);
	cJSON_AddStringToObject(o, "mcpwatch", b->version);
	snprintf(made, sizeof(made), "%" PRId64, b->made_ns);
	cJSON_AddRawToObject(o, "made_ns", made);
	cJSON_AddStringToObject(o, "filter", b->filter);
	cJSON_AddBoolToObject(o, "page", b->page);
	logs = cJSON_AddArrayToObject(o, "logs");
	for (i = 0; i < b->n_logs; i++) {
		l = report_json(b->logs[i].folder, &b->logs[i].report);
		cJSON_AddNumberToObject(l, "records", (double)b->logs[i].records);
		cJSON_AddNumberToObject(l, "left_out", (double)b->logs[i].left_out);
		cJSON_AddNumberToObject(l, "unproved", (double)b->logs[i].unproved);
		cJSON_AddItemToArray(logs, l);
		if (!first)
			first = cJSON_GetObjectItemCaseSensitive(l, "finding");
	}
	/* that of a log names a record */
	if (first) {
		cJSON_AddItemToObject(o, "finding", cJSON_Duplicate(first, true));
	} else if (b->file[0]) {
		f = cJSON_AddObjectToObject(o, "finding");
		cJSON_AddStringToObject(f, "kind", mw_finding_name(MW_FOUND_CHANGED));
		cJSON_AddStringToObject(f, "file", b->file);
		cJSON_AddStringToObject(f, "text", b->text);
	}
	put_json(o);
}

/* --- the verb -----------------------------------------------------------------------------------
 */

/* An exit status. */
static int verify_folder(const struct args *a, const char *dir,
			 const struct mw_verify_config *config, enum mw_verdict *ret)
{
	struct mw_verify_report report;
	char err[MW_ERR_MAX];

	if (mw_verify_folder(dir, config, err, sizeof(err), &report) < 0)
		return mw_cli_fail("%s", err);
	if (a->json)
		put_json(report_json(dir, &report));
	else
		print(dir, &report);
	*ret = report.verdict;
	return mw_cli_stdout_done();
}

static int verify_bundle(const struct args *a, const char *path,
			 const struct mw_verify_config *config, enum mw_verdict *ret)
{
	_cleanup_(mw_bundle_report_freep) struct mw_bundle_report *report = NULL;
	char err[MW_ERR_MAX];
	int r = mw_bundle_verify(path, config, err, sizeof(err), &report);

	if (r == -EILSEQ && mw_bundle_claims(path)) {
		mw_cli_fail("%s; it calls itself a bundle: it was CHANGED, or packed anew, since "
			    "mcpwatch made it, and nothing in it is proved",
			    err);
		return MW_EXIT_TAMPERED;
	}
	if (r < 0)
		return mw_cli_fail("%s", err);
	if (a->json)
		print_bundle_json(path, report);
	else
		print_bundle(path, report);
	*ret = report->verdict;
	return mw_cli_stdout_done();
}

static int verify(const struct args *a, const char *path)
{
	static const int status[] = { [MW_LOG_WHOLE] = MW_EXIT_OK,
				      [MW_LOG_SHORT] = MW_EXIT_SHORT,
				      [MW_LOG_TAMPERED] = MW_EXIT_TAMPERED };
	enum mw_verdict verdict = MW_LOG_WHOLE;
	struct mw_verify_config config = { 0 };
	struct given g = { 0 };
	struct timespec now;
	struct stat st;
	int r = MW_EXIT_OK;
	size_t i;

	for (i = 0; r == MW_EXIT_OK && i < a->vkeys.n; i++)
		r = take_keys(&g, a->vkeys.p[i]);
	for (i = 0; r == MW_EXIT_OK && i < a->anchors.n; i++)
		r = take_anchors(&g, a->anchors.p[i]);
	clock_gettime(CLOCK_REALTIME, &now);
	config.vkeys = g.keys;
	config.n_vkeys = g.n_keys;
	config.anchors = (const char *const *)g.texts;
	config.n_anchors = g.n_texts;
	config.now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (r == MW_EXIT_OK && stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		r = mw_bundle_is(path)
			? verify_bundle(a, path, &config, &verdict)
			: mw_cli_fail("cannot verify %s: it is neither a log folder nor a bundle; "
				      "nothing proves a file of records",
				      path);
	} else if (r == MW_EXIT_OK) {
		r = verify_folder(a, path, &config, &verdict);
	}
	if (r == MW_EXIT_OK)
		r = status[verdict];
	given_done(&g);
	return r;
}

int cmd_verify(int argc, char **argv)
{
	struct args a = { 0 };
	int status;

	status = mw_options_parse(&options, argc, argv, &a);
	for (; status == MW_OPTIONS_GO_ON && optind < argc; optind++)
		mw_cli_list_add(&a.logs, argv[optind]);
	if (status == MW_OPTIONS_GO_ON && a.logs.n > 1)
		status = mw_cli_usage(argv[0], "unexpected '%s': one log at a time", a.logs.p[1]);
	if (status == MW_OPTIONS_GO_ON)
		status = verify(&a, a.logs.n ? a.logs.p[0] : MW_DEFAULT_LOG);
	mw_cli_list_done(&a.logs);
	mw_cli_list_done(&a.vkeys);
	mw_cli_list_done(&a.anchors);
	return status;
}
