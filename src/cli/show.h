/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - between show.c, which gathers what is known of a call, and show_print.c, which prints
 * it */
#ifndef MW_CLI_SHOW_H
#define MW_CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct cJSON;
struct mw_cli_list;
struct mw_logread;
struct mw_logrec;

/* A record kept: its exact line and its tree (NULL: too deep for it). */
struct mw_kept {
	char *line;
	size_t len, input;
	uint64_t seq;
	struct cJSON *json;
};

struct mw_kept_list {
	struct mw_kept *p;
	size_t n;
};

/* An entry of the settled ties, by one of its effects' numbers. */
struct mw_shown_seq {
	uint64_t seq;
	const struct cJSON *tie;
};

#define MW_SHOWN_IDS_MAX 8

/* Everything a log says of one call; or of one record, which then is in `record`. */
struct mw_shown {
	const char *index; /* as mw_cli_open_narrow takes it */
	bool by_id;	   /* only what is tied to calls whose id begins with id is asked for */
	uint64_t *seqs;	   /* only these records, and those of calls that they name or that name them */
	size_t n_seqs;
	struct mw_logread *log; /* between two readings, else NULL */
	uint64_t n_read;	/* records of the first of them */
	int failed;		/* how it ended: -ENODATA, or an error */
	const char *id;
	char *ids[MW_SHOWN_IDS_MAX]; /* that begin with it */
	size_t n_ids;
	bool more_ids;
	struct mw_shown_seq *by_seq; /* in order */
	size_t n_by_seq;
	const struct cJSON **folded; /* entries that stand for more effects than they name */
	size_t n_folded;
	struct mw_kept_list call;      /* one at most */
	struct mw_kept_list request;   /* one at most */
	struct mw_kept_list bodies, ties;
	struct mw_kept_list effects;   /* tied to it, by the settled ties */
	struct mw_kept_list shared;    /* name it among their candidates */
	struct mw_kept_list undone;    /* tied to it when written, by its end not any more */
	struct mw_kept_list gaps, anomalies, alerts;
	/* One record that was asked for by its number: then `effects` are those that it names or
	 * is, `calls` those that it names or that settle them. */
	uint64_t seq;
	struct mw_kept_list record, calls;
};

/* A record into a list; takes json. Without memory it ends the process with a line. */
void mw_kept_add(struct mw_kept_list *l, const struct mw_logrec *rec, struct cJSON *json);
/* Notes which effects a call's record or its ties settle. */
void mw_shown_add_ties(struct mw_shown *s, const struct cJSON *rec);
/* To be called when all of them are noted. */
void mw_shown_sort_ties(struct mw_shown *s);
/*
 * Reads all of the logs; `last`: for the last time, so what is wrong with them is said. Without an
 * index every reading but the first is of the very bytes of the first, which are not verified
 * again (mw_logread_again). 0 or an exit status after a line; *ret_whole is set where they are not
 * what was written.
 */
int mw_shown_read(const struct mw_cli_list *logs, bool last, int *ret_whole,
		  void (*take)(struct mw_shown *s, const struct mw_logrec *rec),
		  struct mw_shown *s);
/* The record of that number (show_record.c): an exit status. Of a call's own record only s->id is
 * set. */
int mw_shown_find_record(struct mw_shown *s, uint64_t seq, const struct mw_cli_list *logs,
			 int *ret_whole);
void mw_shown_print_record(const struct mw_shown *s, bool why);
/* Parts of it: fields, effects with their ties, records as lines; nothing of an empty list. */
void mw_shown_field(const char *label, const char *value);
void mw_shown_effects(const struct mw_shown *s, const struct mw_kept_list *l, const char *head,
		      bool why);
/* Says how many effects the call's record counts whose own records are not in what was read. */
void mw_shown_missing_effects(const struct mw_shown *s);
/* A record's time, in local time. */
void mw_shown_time(const char *label, const char *rfc3339);
void mw_shown_lines(const struct mw_kept_list *l, const char *head);
void mw_shown_who(const struct cJSON *json);

/* What the call's record or its ties say of the effect of that number; NULL: nothing. */
const struct cJSON *mw_shown_tie(const struct mw_shown *s, uint64_t seq);
/* A valid JSON value over several lines, escaped for a terminal. */
void mw_shown_json_pretty(struct mw_slice value);
void mw_shown_print(const struct mw_shown *s, bool why);
void mw_shown_print_json(const struct mw_shown *s);

#endif
