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
#include "io/anchor_read.h"
#include "io/escape.h"
#include "io/file.h"
#include "io/when.h"

static const char help[] =
    "Usage: mcpwatch verify [--vkey K]... [--anchor F]... [--json] [--log DIR | DIR]\n"
    "\n"
    "Proves a sealed log whole, or names the first record where it is not. DIR is a log folder\n"
    "or a copy of one; neither secret keys nor root are needed.\n"
    "\n"
    "  --vkey K              a verifier key that was enrolled off the host, or a file that holds\n"
    "                        some, one a line: of the log's identity, of its epoch 0, of\n"
    "                        witnesses; repeatable. Without them the log's own word is taken\n"
    "                        for its keys, and one that replaces it whole is not noticed\n"
    "  --anchor F            a file with checkpoints of this log that was kept elsewhere: as\n"
    "                        they are, lines of syslog, or of the journal (-o json, export);\n"
    "                        repeatable. Shows what was cut off or rolled back since\n"
    "  --log DIR             the log (default " MW_DEFAULT_LOG ")\n"
    "  --json                one JSON object\n"
    "  --help                this text\n"
    "\n"
    "Exit status: 0 whole, 3 tampered or forged, 4 intact, but it ends early, is stale or is not\n"
    "sealed at its end, 1 could not be read, 2 wrong usage.\n";

#define KEYS_MAX (1u << 20)

struct args {
	struct mw_cli_list logs, vkeys, anchors;
	bool json;
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

static void print_json(const char *dir, const struct mw_verify_report *r)
{
	cJSON *o = cJSON_CreateObject(), *f, *a;
	char *text, when[40];
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
	text = cJSON_PrintUnformatted(o);
	puts(text ? text : "");
	cJSON_free(text);
	cJSON_Delete(o);
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

static void print(const char *dir, const struct mw_verify_report *r)
{
	static const char *const word[] = {
		[MW_LOG_WHOLE] = "whole",
		[MW_LOG_SHORT] = "intact, but not to its end",
		[MW_LOG_TAMPERED] = "TAMPERED OR FORGED",
	};
	char when[MW_WHEN_LEN];
	unsigned int i;

	say("%s: %s", dir, word[r->verdict]);
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

/* --- the verb -----------------------------------------------------------------------------------
 */

static int verify(const struct args *a, const char *dir)
{
	static const int status[] = { [MW_LOG_WHOLE] = MW_EXIT_OK,
				      [MW_LOG_SHORT] = MW_EXIT_SHORT,
				      [MW_LOG_TAMPERED] = MW_EXIT_TAMPERED };
	struct mw_verify_config config = { 0 };
	struct mw_verify_report report;
	struct given g = { 0 };
	char err[MW_ERR_MAX];
	struct timespec now;
	struct stat st;
	int r = MW_EXIT_OK;
	size_t i;

	for (i = 0; r == MW_EXIT_OK && i < a->vkeys.n; i++)
		r = take_keys(&g, a->vkeys.p[i]);
	for (i = 0; r == MW_EXIT_OK && i < a->anchors.n; i++)
		r = take_anchors(&g, a->anchors.p[i]);
	if (r == MW_EXIT_OK && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		r = mw_cli_fail(
		    "cannot verify %s: it is no log folder, and bundles are not in this "
		    "version",
		    dir);
	if (r == MW_EXIT_OK) {
		clock_gettime(CLOCK_REALTIME, &now);
		config.vkeys = g.keys;
		config.n_vkeys = g.n_keys;
		config.anchors = (const char *const *)g.texts;
		config.n_anchors = g.n_texts;
		config.now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
		if (mw_verify_folder(dir, &config, err, sizeof(err), &report) < 0) {
			r = mw_cli_fail("%s", err);
		} else {
			if (a->json)
				print_json(dir, &report);
			else
				print(dir, &report);
			r = mw_cli_stdout_done() == MW_EXIT_OK ? status[report.verdict]
							       : MW_EXIT_FAIL;
		}
	}
	given_done(&g);
	return r;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option options[] = { { "vkey", required_argument, NULL, 'k' },
						 { "anchor", required_argument, NULL, 'a' },
						 { "log", required_argument, NULL, 'l' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	int c, status = MW_EXIT_OK;
	struct args a = { 0 };

	while (status == MW_EXIT_OK && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			mw_cli_list_add(&a.vkeys, optarg);
			break;
		case 'a':
			mw_cli_list_add(&a.anchors, optarg);
			break;
		case 'l':
			mw_cli_list_add(&a.logs, optarg);
			break;
		case 'j':
			a.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return mw_cli_stdout_done();
		default:
			status = mw_cli_bad_option(argv, c);
			break;
		}
	}
	for (; optind < argc; optind++)
		mw_cli_list_add(&a.logs, argv[optind]);
	if (status == MW_EXIT_OK && a.logs.n > 1)
		status = mw_cli_usage(argv[0], "unexpected '%s': one log at a time", a.logs.p[1]);
	if (status == MW_EXIT_OK)
		status = verify(&a, a.logs.n ? a.logs.p[0] : MW_DEFAULT_LOG);
	mw_cli_list_done(&a.logs);
	mw_cli_list_done(&a.vkeys);
	mw_cli_list_done(&a.anchors);
	return status;
}
