/* SPDX-License-Identifier: Apache-2.0 */
/* show.h - between show.c, which gathers what is known of a call, and show_print.c, which prints it */
#ifndef MW_CLI_SHOW_H
#define MW_CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

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

/* Everything a log says of one call. */
/* An entry of the settled ties, by one of its effects' numbers. */
struct mw_shown_seq {
	uint64_t seq;
	const struct cJSON *tie;
};

struct mw_shown {
	const char *id;
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
};

/* What the call's record or its ties say of the effect of that number; NULL: nothing. */
const struct cJSON *mw_shown_tie(const struct mw_shown *s, uint64_t seq);
void mw_shown_print(const struct mw_shown *s, bool why);
void mw_shown_print_json(const struct mw_shown *s);

#endif
