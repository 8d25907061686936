/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the filters of the verbs that read a log
 *
 * Options of one kind widen (--tool a --tool b: either), different ones narrow; !VALUE leaves out what
 * VALUE matches (pattern.h); what is asked of calls (tool, status, principal, session) never passes what is
 * no call's. What is asked of effects (kind, target) is asked of one effect: a call that
 * opened /a and deleted /b is not found by --kind file.delete --target /a.
 *
 * A filter reads a record's raw members: nothing is parsed into a tree.
 */
#ifndef MW_CLI_FILTER_H
#define MW_CLI_FILTER_H

#include <regex.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/pattern.h"

struct mw_filter_servers;
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
	MW_FILTER_SEVERITY,
	MW_FILTER_STATUS,
	MW_FILTER_CALL,
	MW_FILTER_SESSION,
	MW_FILTER_HOST,
	MW_FILTER_PID,
	MW_FILTER_GREP,
};

struct mw_filter {
	int64_t since_ns, until_ns;
	bool have_since, have_until, have_grep, have_types, all_types;
	unsigned int severity; /* at least: 1 low to 4 critical; 0: not asked */
	unsigned int types;    /* a bit each, as known_types of filter.c has them */
	unsigned int not_types;
	struct mw_patterns servers, tools, kinds, targets, principals, alerts, statuses, calls,
	    sessions, hosts, pids;
	regex_t grep;
	const char *grep_text; /* NULL, or what grep is without any special character */
	struct mw_slice grep_part; /* the longest text that stands in whatever it matches; n 0: none */
	/* Of --args-match: only calls whose args_hmac is one of them. */
	char args_hmac[2][65];
	unsigned int n_args_hmac;
	struct mw_filter_servers *known; /* private: see mw_filter_learn */
	struct mw_buf text; /* the options as they were given */
	bool init;
};

/*
 * What other records say of one (join.h): of what belongs to a call, that call. Raw JSON values as in
 * the records, n 0: not known.
 */
struct mw_filter_facts {
	struct mw_slice call; /* its id without quotes; of an effect, by what is known by now */
	struct mw_slice tool, principal, session, status;
	bool matched; /* of a call: one of its effects passes by the effect's own record */
};

/*
 * Takes a file with the exact bytes of arguments ("-": stdin), and with the key of keys_dir what a log
 * says of them; the same without a newline at its end. 0; an exit status after a line on stderr.
 */
int mw_filter_args(struct mw_filter *f, const char *path, const char *keys_dir);

/* Takes one option; `value` is borrowed. 0; or MW_EXIT_USAGE after a line on stderr. */
int mw_filter_option(struct mw_filter *f, const char *verb, int option, const char *value);
/* All options taken, as one could type them; "" none. Valid until the next option. */
const char *mw_filter_text(const struct mw_filter *f);

/*
 * Which server is called what: of one that is asked for by name all records are meant, also those from
 * before it said its name, and what its process did before it was known to be a server. That is known
 * once every `server` record was given (mw_logread_servers); others are passed over. What it did earlier
 * is known by its process id between its start and its first record. 0, -ENOMEM.
 */
int mw_filter_learn(struct mw_filter *f, const struct mw_logrec *rec);
/* Servers that found no room: by then only what their records say themselves counts. */
uint64_t mw_filter_missed(const struct mw_filter *f);

/*
 * Whether a record passes. `types`: those meant if --type was not given, NULL-terminated; NULL: all.
 * facts NULL: the record's own word counts alone.
 */
bool mw_filter_match(const struct mw_filter *f, const struct mw_logrec *rec,
		     const char *const *types, const struct mw_filter_facts *facts);
/* The parts of it: by time and type; by what else is the record's own (an effect's call is not); by what
 * its call says. A record passes that passes all three. */
bool mw_filter_head(const struct mw_filter *f, const struct mw_logrec *rec,
		    const char *const *types);
bool mw_filter_own(const struct mw_filter *f, const struct mw_logrec *rec,
		   const struct mw_filter_facts *facts);
bool mw_filter_call(const struct mw_filter *f, const struct mw_logrec *rec,
		    const struct mw_filter_facts *facts);
/* Whether mw_filter_call asks for anything; whether kinds or targets are asked for. */
bool mw_filter_asks_call(const struct mw_filter *f);
bool mw_filter_asks_effects(const struct mw_filter *f);
/* Whether an entry of a call's `effects` (an object) has such a kind and target. */
bool mw_filter_effect(const struct mw_filter *f, struct mw_slice entry);
void mw_filter_done(struct mw_filter *f);

#endif
