/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the filters of the verbs that read a log
 *
 * Options of one kind widen (--tool a --tool b: either), different ones narrow. Names are globs.
 */
#ifndef MW_CLI_FILTER_H
#define MW_CLI_FILTER_H

#include <getopt.h>
#include <regex.h>

#include "cli/cli.h"

struct cJSON;
struct mw_logrec;

enum mw_filter_option {
	MW_FILTER_SINCE = 256,
	MW_FILTER_UNTIL,
	MW_FILTER_SERVER,
	MW_FILTER_TOOL,
	MW_FILTER_TYPE,
	MW_FILTER_KIND,
	MW_FILTER_TARGET,
	MW_FILTER_PRINCIPAL,
	MW_FILTER_ALERT,
	MW_FILTER_CALL,
	MW_FILTER_GREP,
};

/* For a table of long options. */
#define MW_FILTER_OPTIONS                                        \
	{ "since", required_argument, NULL, MW_FILTER_SINCE },    \
	{ "until", required_argument, NULL, MW_FILTER_UNTIL },    \
	{ "server", required_argument, NULL, MW_FILTER_SERVER },  \
	{ "tool", required_argument, NULL, MW_FILTER_TOOL },      \
	{ "type", required_argument, NULL, MW_FILTER_TYPE },      \
	{ "kind", required_argument, NULL, MW_FILTER_KIND },      \
	{ "target", required_argument, NULL, MW_FILTER_TARGET },  \
	{ "principal", required_argument, NULL, MW_FILTER_PRINCIPAL }, \
	{ "alert", required_argument, NULL, MW_FILTER_ALERT },    \
	{ "call", required_argument, NULL, MW_FILTER_CALL },      \
	{ "grep", required_argument, NULL, MW_FILTER_GREP }

/* For a help text. */
#define MW_FILTER_HELP                                                                          \
	"  --since T, --until T  from T on; before T: RFC 3339, '2026-01-31 10:30', '10:30',\n"  \
	"                        'today', 'yesterday', '2 hours ago', '-15m', @seconds\n"        \
	"  --server NAME         of this server: its name, key or id\n"                          \
	"  --tool NAME           calls of this tool, and what is tied to none is left out\n"     \
	"  --type TYPE[,TYPE]    only these records: call, effect, alert, gap, anomaly, server,\n" \
	"                        tool, request, notice, daemon, ties, body; or all\n"            \
	"  --kind KIND           effects of this kind (file.delete, 'net.*'), calls that have one\n" \
	"  --target NAME         effects on this file or address, calls and alerts that have one\n" \
	"  --principal NAME      calls by this user, uid, unit, container or token subject\n"    \
	"  --alert RULE          alerts of this rule, calls that raised one\n"                   \
	"  --call ID             this call, its effects, and what names it\n"                    \
	"  --grep REGEX          records whose text has a match (POSIX extended)\n"              \
	"Names may be globs (*, ?, [...]). An option given twice widens, another one narrows.\n"

struct mw_filter {
	int64_t since_ns, until_ns;
	bool have_since, have_until, have_grep;
	struct mw_cli_list servers, tools, types, kinds, targets, principals, alerts, calls;
	regex_t grep;
	/* Effects that the records of `calls` name by number: mw_filter_learn */
	struct mw_filter_seq {
		size_t input;
		uint64_t seq;
	} *seqs;
	size_t n_seqs;
	/* Of --args-match: only calls whose args_hmac is one of them. */
	char args_hmac[2][65];
	unsigned int n_args_hmac;
};

/*
 * Takes a file with the exact bytes of arguments ("-": stdin), and with the key of keys_dir what a log
 * says of them; the same without a newline at its end. 0; an exit status after a line on stderr.
 */
int mw_filter_args(struct mw_filter *f, const char *path, const char *keys_dir);

/* Takes one option. 0; or MW_EXIT_USAGE after a line on stderr. */
int mw_filter_option(struct mw_filter *f, const char *verb, int option, const char *value);
/* Whether --call was given, and the log is to be read once before for mw_filter_learn. */
bool mw_filter_wants_learning(const struct mw_filter *f);
void mw_filter_learn(struct mw_filter *f, const struct mw_logrec *rec);
/* Whether the head of a record lets it through; cheap. `types`: those meant if --type was not given,
 * NULL-terminated. */
bool mw_filter_head(const struct mw_filter *f, const struct mw_logrec *rec,
		    const char *const *types);
/* Whether the rest does. Only if mw_filter_needs_tree. */
bool mw_filter_tree(const struct mw_filter *f, const struct mw_logrec *rec, const struct cJSON *json);
bool mw_filter_needs_tree(const struct mw_filter *f);
void mw_filter_done(struct mw_filter *f);

#endif
