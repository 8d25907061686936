/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - the verb `compare`: a server's own audit trail against what the host saw */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/compare.h"
#include "cli/options.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/rules.h"
#include "io/trail_sig.h"
#include "io/when.h"

#define TOLERANCE_DEFAULT_S 5.0
#define TOLERANCE_MAX_S	    3600.0

struct options {
	struct mw_cli_list logs, servers;
	const char *trail, *format, *map, *key;
	int64_t since_ns, until_ns, tolerance_ns;
	bool all, json;
};

static int take_time(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (mw_when_parse(value, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, at) < 0)
		return mw_cli_usage(verb, "--%s: '%s' is no time", o->name, value);
	return 0;
}

static int take_tolerance(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	double v;
	char *end;

	(void)o;
	errno = 0;
	v = strtod(value, &end);
	if (end == value || *end || errno || !(v >= 0 && v <= TOLERANCE_MAX_S))
		return mw_cli_usage(verb, "--tolerance: '%s' is no number of seconds up to 3600",
				    value);
	*(int64_t *)at = (int64_t)(v * 1e9);
	return 0;
}

#define AT(member) offsetof(struct options, member)

static const struct mw_option table[] = {
	MW_OPTION_LIST(
	    "log", 0, "DIR|FILE", AT(logs),
	    "a log folder, or a file of 'exec --output'; repeatable (default " MW_DEFAULT_LOG ")"),
	MW_OPTION_LIST(
	    "server", 0, "NAME", AT(servers),
	    "the server whose trail it is: its name, key or id (a glob); needed where the "
	    "log has calls of several"),
	MW_OPTION_TEXT("format", 0, "F", AT(format),
		       "json, python-json, pino, logfmt or mcpwatch; default: by the first line"),
	MW_OPTION_TEXT("map", 0, "F.yaml", AT(map),
		       "where the lines hold tool, id, arguments, target, outcome, time"),
	MW_OPTION_FN("since", 0, "T", AT(since_ns), take_time, 0,
		     "only what happened from T on; needed where the trail covers less time than "
		     "the log"),
	MW_OPTION_FN("until", 0, "T", AT(until_ns), take_time, 0, "only what happened before T"),
	MW_OPTION_FN("tolerance", 0, "S", AT(tolerance_ns), take_tolerance, 0,
		     "an entry may be S seconds off its call (default 5)"),
	MW_OPTION_TEXT(
	    "pubkey", 0, "K", AT(key),
	    "the trail must be signed (Ed25519) by this key: PEM, base64, ssh-ed25519 or a "
	    "verifier key, or a file that holds one; TRAIL.sig signs it whole, else each "
	    "line has its \"sig\""),
	MW_OPTION_TEXT("vkey", 0, "K", AT(key), "another name of --pubkey"),
	MW_OPTION_FLAG("all", 0, AT(all), "the calls that agree too"),
	MW_OPTION_FLAG("json", 0, AT(json), "one object a finding, and one with the sums"),
	{ 0 },
};

static const struct mw_options verb = {
	.usage = "compare TRAIL [--log DIR|FILE]... [OPTION...]",
	.what = "Holds a server's own audit trail against the tool calls the host saw, and says\n"
		"of each call: claimed and seen, claimed but not seen, seen but not claimed, or\n"
		"where the two differ.\n",
	.table = table,
	.after =
	    "Exit status: 0 they agree, 3 they do not, or the trail's signature or the log is\n"
	    "wrong, 1 nothing could be decided, 2 wrong usage. What the host cannot decide is\n"
	    "'undecided' and is not held against the server.\n",
};

/* MW_OPTIONS_GO_ON; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	int r;

	r = mw_options_parse(&verb, argc, argv, o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind == argc)
		return mw_cli_usage(argv[0], "which trail?");
	if (optind + 1 < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind + 1]);
	if (o->since_ns > o->until_ns)
		return mw_cli_usage(argv[0], "--since is later than --until, so there is nothing "
					     "between them");
	if (o->format && o->map)
		return mw_cli_usage(argv[0],
				    "--format is given in the map (format:), not beside it");
	if (o->format && !mw_trail_preset(o->format))
		return mw_cli_usage(argv[0], "--format: there is no format '%s'", o->format);
	o->trail = argv[optind];
	return MW_OPTIONS_GO_ON;
}

static int open_trail(const struct options *o, const struct mw_trail_map *map,
		      struct mw_trail **ret)
{
	char err[MW_ERR_MAX];

	if (o->format)
		map = mw_trail_preset(o->format);
	if (mw_trail_open(o->trail, map, err, sizeof(err), ret) < 0)
		return mw_cli_fail("%s", err);
	return MW_EXIT_OK;
}

static int check_signature(const struct options *o, struct mw_trail *t)
{
	uint8_t key[MW_TRAIL_KEY_LEN];
	char err[MW_ERR_MAX];
	bool lines;
	int r;

	if (!o->key)
		return MW_EXIT_OK;
	if (mw_trail_key_load(o->key, err, sizeof(err), key) < 0)
		return mw_cli_fail("%s", err);
	r = mw_trail_sig_check(t, key, err, sizeof(err), &lines);
	if (r < 0) {
		mw_cli_fail("%s", err);
		return r == -EKEYREJECTED ? MW_EXIT_TAMPERED : MW_EXIT_FAIL;
	}
	fprintf(stderr, "mcpwatch: the trail's signature is good (%s)\n",
		lines ? "each line by itself" : "the whole file");
	return MW_EXIT_OK;
}

/* Several servers' calls: which of them made the trail? */
static int check_servers(const struct options *o, const struct mw_seen *s)
{
	const char *const *names;
	char text[512] = "";
	size_t n = mw_seen_servers(s, &names), i, len = 0;

	if (n > 1) {
		for (i = 0; i < n && i < MW_SEEN_SERVERS && len < sizeof(text); i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						i ? ", " : "", names[i]);
		return mw_cli_fail(
		    "the log has calls of %zu servers%s; say with --server whose trail "
		    "it is: %s",
		    n, o->servers.n ? " of that name" : "", text);
	}
	if (!mw_seen_known(s))
		return mw_cli_fail(
		    "the log holds no server%s, so nothing to hold the trail against",
		    o->servers.n ? " of that name" : "");
	return MW_EXIT_OK;
}

static int read_logs(const struct options *o, struct mw_seen *s)
{
	struct mw_logread *l = mw_cli_open_logs(&o->logs, false);
	struct mw_logrec rec;
	int r, add = 0, status;

	if (!l)
		return MW_EXIT_FAIL;
	while ((r = mw_logread_next(l, &rec)) == 1 && add == 0)
		add = mw_seen_add(s, &rec);
	if (add < 0)
		r = -ENODATA;
	status = mw_cli_close_logs(l, r, false);
	if (add == 0)
		add = mw_seen_finish(s);
	if (add == -E2BIG)
		return mw_cli_fail(
		    "the log has more calls than fit into %llu MiB of memory; compare "
		    "parts of it (files of --log), or name the --server",
		    MW_SEEN_BYTES >> 20);
	if (add < 0)
		return mw_cli_fail("cannot hold the log's calls: %s", strerror(-add));
	/* a log that is not whole is no witness */
	return status == MW_EXIT_OK ? check_servers(o, s) : status;
}

/* Nothing but lines that are no entries: the names do not fit, rather than the server is silent. */
static int check_entries(const struct options *o, struct mw_trail *t,
			 const struct mw_match_sum *sum)
{
	if (sum->lines == 0)
		fprintf(stderr, "mcpwatch: %s is empty: the server claims nothing\n", o->trail);
	else if (sum->entries == 0 && !o->map)
		return mw_cli_fail("%s: none of %" PRIu64
				   " lines names a tool in the time meant (read "
				   "as %s); say with --map where they do",
				   o->trail, sum->lines, mw_trail_map(t)->name);
	return MW_EXIT_OK;
}

static int judge(const struct mw_match_sum *sum)
{
	if (sum->n[MW_VERDICT_DIFFERS] || sum->n[MW_VERDICT_CLAIMED_ONLY] ||
	    sum->n[MW_VERDICT_CLAIMED_AGAIN] || sum->n[MW_VERDICT_SEEN_ONLY])
		return MW_EXIT_TAMPERED;
	if (sum->n[MW_VERDICT_UNDECIDED] && !sum->n[MW_VERDICT_AGREES])
		return mw_cli_fail("nothing could be decided: all %" PRIu64 " are undecided",
				   sum->n[MW_VERDICT_UNDECIDED]);
	return MW_EXIT_OK;
}

static int match(const struct options *o, struct mw_trail *t, struct mw_seen *seen,
		 struct mw_redact *redact)
{
	struct mw_compare_out out = {
		.trail = o->trail, .redact = redact, .json = o->json, .all = o->all
	};
	const struct mw_match_options mo = { o->tolerance_ns, o->since_ns, o->until_ns };
	_cleanup_(mw_match_freep) struct mw_match *m = NULL;
	int r, status;

	r = mw_match_new(t, seen, &mo, &m);
	if (r == 0) {
		status = check_entries(o, t, mw_match_sum(m));
		if (status != MW_EXIT_OK)
			return status;
		r = mw_match_report(m, mw_compare_print, &out);
	}
	if (r < 0)
		return mw_cli_fail("%s", r == -ENOMEM ? "not enough memory" : mw_trail_error(t));
	mw_compare_print_sum(&out, mw_match_sum(m));
	status = mw_cli_stdout_done();
	if (out.failed)
		return mw_cli_fail("not enough memory to print all findings");
	r = judge(mw_match_sum(m));
	return status == MW_EXIT_OK ? r : status;
}

static void redact_freep(struct mw_redact **x)
{
	mw_redact_free(*x);
}

/* A trail holds what its server wrote, secrets too. */
static int make_redact(struct mw_rules **ret_rules, struct mw_redact **ret)
{
	struct mw_redact_error error;
	char err[MW_ERR_MAX] = "not enough memory";
	int r;

	r = mw_rules_new(ret_rules);
	if (r == 0)
		r = mw_rules_add_default(*ret_rules, (struct mw_yaml_err){ err, sizeof(err) });
	if (r == 0)
		r = mw_rules_finish(*ret_rules, true, (struct mw_yaml_err){ err, sizeof(err) });
	if (r == 0)
		r = mw_redact_new(&mw_heap, mw_rules_redact(*ret_rules), NULL, NULL, &error, ret);
	return r < 0 ? mw_cli_fail("cannot make the rules of redaction: %s", err) : MW_EXIT_OK;
}

static int compare(const struct options *o, struct mw_trail *t)
{
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	_cleanup_(redact_freep) struct mw_redact *redact = NULL;
	const struct mw_seen_options so = { o->servers.p, o->servers.n };
	_cleanup_(mw_seen_freep) struct mw_seen *seen = NULL;
	int status;

	status = check_signature(o, t);
	if (status != MW_EXIT_OK)
		return status;
	if (mw_seen_new(&so, &seen) < 0)
		return mw_cli_fail("not enough memory");
	status = make_redact(&rules, &redact);
	if (status == MW_EXIT_OK)
		status = read_logs(o, seen);
	return status == MW_EXIT_OK ? match(o, t, seen, redact) : status;
}

static int run(const struct options *o)
{
	_cleanup_(mw_trail_map_freep) struct mw_trail_map_file *map = NULL;
	_cleanup_(mw_trail_closep) struct mw_trail *t = NULL;
	char err[MW_ERR_MAX];
	int status;

	if (o->map && mw_trail_map_load(o->map, err, sizeof(err), &map) < 0)
		return mw_cli_fail("%s", err);
	status = open_trail(o, map ? mw_trail_map_of(map) : NULL, &t);
	return status == MW_EXIT_OK ? compare(o, t) : status;
}

int cmd_compare(int argc, char **argv)
{
	struct options o = { .since_ns = INT64_MIN,
			     .until_ns = INT64_MAX,
			     .tolerance_ns = (int64_t)(TOLERANCE_DEFAULT_S * 1e9) };
	int status = parse(argc, argv, &o);

	if (status == MW_OPTIONS_GO_ON)
		status = run(&o);
	mw_cli_list_done(&o.logs);
	mw_cli_list_done(&o.servers);
	return status;
}
