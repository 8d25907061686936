/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - counts what the records say, for status, metrics and top
 *
 * It is given each record as it is written and keeps numbers only: by type, by the words of the
 * contract (status, kind, severity, reason), and by server. Memory is bounded: what finds no room
 * in a list of words or names is counted under "other", so that every sum stays true.
 *
 *	words	what a record says in a word of the contract's: 64 of each sort at most
 *	names	servers by name, from start to start: MW_TALLY_NAMES_MAX, as labels of metrics
 *	servers	each running one: MW_TALLY_SERVERS_MAX; one that has ended goes first
 *
 * A record is looked at once, and no further than what is counted stands in it.
 */
#ifndef MW_IO_TALLY_H
#define MW_IO_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/record.h>

#include "base/slice.h"

#define MW_TALLY_WORDS_MAX   64
#define MW_TALLY_WORD_LEN    64
#define MW_TALLY_NAMES_MAX   64
#define MW_TALLY_SERVERS_MAX 256
#define MW_TALLY_NAME_LEN    128
#define MW_TALLY_SEVERITIES  4 /* low, medium, high, critical */
#define MW_TALLY_MINUTES     60
#define MW_TALLY_TIES	     4 /* certain, likely, shared, none */

/* Counts by word, in the order they came; the last place is "other" once the others are taken. */
struct mw_tally_word {
	char name[MW_TALLY_WORD_LEN];
	uint64_t n, events, bytes; /* events, bytes: of gaps */
};
struct mw_tally_words {
	struct mw_tally_word w[MW_TALLY_WORDS_MAX];
	size_t n;
};

struct mw_tally_count {
	uint64_t calls, tool_calls, failed; /* failed: ended otherwise than ok */
	uint64_t effects, alerts;
	uint64_t ties[MW_TALLY_TIES]; /* of the effects, by confidence */
	uint64_t gaps, anomalies;     /* records of these that name it */
	double call_seconds;	      /* of all calls together */
};

/* A name that servers have, "other" in the last place. */
struct mw_tally_name {
	char name[MW_TALLY_NAME_LEN];
	struct mw_tally_count c;
};

/* One server. Strings are NUL-terminated, cut to their room at a character, "" if not known. */
struct mw_tally_server {
	char id[40];
	char name[MW_TALLY_NAME_LEN]; /* configured name, else its own, else key, else id */
	char key[MW_TALLY_NAME_LEN];
	char transport[16], protocol[16];
	char io[8];    /* clear, tls, unread */
	char link[32]; /* runtimes whose ties serve, joined by a comma */
	uint32_t pid;
	bool gone;
	uint64_t in_flight; /* requests without their call's record */
	uint64_t last_ns;   /* boot time of its last record */
	struct mw_tally_count c;
};

struct mw_tally {
	uint64_t records;
	struct mw_tally_words types;	/* of records */
	struct mw_tally_words status;	/* of calls */
	struct mw_tally_words kinds;	/* of effects */
	struct mw_tally_words sure;	/* of effects: confidence */
	struct mw_tally_words rules;	/* of alerts */
	struct mw_tally_words reasons;	/* of gaps */
	struct mw_tally_words anomalies;
	uint64_t alerts[MW_TALLY_SEVERITIES];
	uint64_t unread; /* records that could not be counted any further than by their number */
	uint64_t refused; /* servers that found no room while all others ran */
	struct mw_tally_name names[MW_TALLY_NAMES_MAX];
	size_t n_names;
	struct mw_tally_server servers[MW_TALLY_SERVERS_MAX];
	size_t n_servers;
	/* private */
	struct {
		uint64_t minute;
		uint32_t n[MW_TALLY_SEVERITIES];
	} hour[MW_TALLY_MINUTES];
	size_t last; /* the server of the record before */
};

/* Begins zeroed, on the heap (some 200 KiB). json[0..n) is a record (record.h) without its newline. */
void mw_tally_add(struct mw_tally *t, const char *json, size_t n);
/* Alerts of the 60 minutes up to `boot_ns`, by severity. */
void mw_tally_hour(const struct mw_tally *t, uint64_t boot_ns, uint64_t ret[MW_TALLY_SEVERITIES]);
/* What is counted under a word; 0 if it never came. */
uint64_t mw_tally_of(const struct mw_tally_words *words, const char *name);
/* Servers that run. */
size_t mw_tally_alive(const struct mw_tally *t);
/* certain, likely, shared, none. */
extern const char *const mw_tally_tie[MW_TALLY_TIES];
/* low, medium, high, critical. */
extern const char *const mw_tally_severity[MW_TALLY_SEVERITIES];

#endif
