/* SPDX-License-Identifier: Apache-2.0 */
/* survey_priv.h - what the files of the survey share (survey.h) */
#ifndef MW_IO_SURVEY_PRIV_H
#define MW_IO_SURVEY_PRIV_H

#include "base/buf.h"
#include "io/intern.h"
#include "io/survey.h"
#include "io/survey_pair.h"

enum survey_type { TYPE_OTHER, TYPE_CALL, TYPE_EFFECT, TYPE_ALERT, TYPE_GAP, TYPE_ANOMALY };

enum {
	ENTRY_OWN = MW_SURVEY_OWN,
	ENTRY_WHO = MW_SURVEY_WHO,
	ENTRY_SETTLED = 4, /* a call's record has named this effect */
	ENTRY_EXPORT = 8,
	ENTRY_BY_EFFECT = MW_SURVEY_BY_EFFECT,
};

/* One record. */
struct survey_entry {
	uint64_t seq;
	int64_t time_ns;
	uint32_t call; /* 1 + its number in `ids`, the only one, or the first; 0 none */
	uint8_t type;  /* enum survey_type */
	uint8_t link;  /* 1 + place in mw_survey_links; 0 none, or no word of the contract's */
	uint8_t confidence;
	uint8_t flags;
};

/* The records of one host in one input. A file that was exported may hold several hosts'. */
struct survey_source {
	size_t input;
	struct survey_entry *e;
	size_t n, cap;
	size_t at; /* second reading: the next */
};

/* Hosts that are told apart, over all inputs. */
#define SURVEY_SOURCES_MAX 4096

/* A further call that a record may belong to. */
struct survey_more {
	uint32_t source, call;
	uint64_t entry;
};

/* What is counted if it is exported: an alert, a gap, a call. */
struct survey_side {
	uint32_t source;
	uint32_t names[3]; /* 1 + number in `names` of each kind */
	uint64_t entry;
	uint64_t bytes, events;
	uint8_t severity;
};

struct survey_call {
	bool who;      /* its record says that the filter means it */
	bool effect;   /* one of its effects has OWN */
	uint32_t peer; /* 1 + number: the same call on another host */
};

enum { NAME_SERVER, NAME_TOOL, NAME_PRINCIPAL, NAME_KINDS };

struct survey_names {
	struct mw_intern texts;
	struct survey_count {
		uint64_t calls, alerts;
	} * counts; /* as many as texts, and one behind them for all that are not told apart */
	size_t n_counts, cap;
	struct mw_export_name *top; /* for `about` */
	char *text;		    /* what they are called */
};

struct mw_survey {
	struct mw_survey_config config;
	struct mw_logread *log;
	struct mw_export_about about;
	char *filter, *wrong;
	uint64_t n_read;

	struct mw_export_input *inputs;
	char **checkpoints;
	struct mw_intern versions;
	struct survey_input {
		uint32_t host, version; /* 1 + number in `hosts`, `versions`; 0 not known */
		uint32_t last;		/* 1 + the source of its record before */
	} * marks;			/* as many as inputs */

	struct survey_source *sources; /* as many as `hosts`, whose tags are the inputs */
	size_t sources_cap;
	struct mw_intern hosts;

	struct mw_intern ids;	   /* calls, the source as their tag */
	struct survey_call *calls; /* as many as ids */
	size_t calls_cap;
	struct survey_more *more;
	size_t n_more, more_cap;
	struct survey_side *sides;
	size_t n_sides, sides_cap;
	struct survey_names names[NAME_KINDS];
	struct mw_pairs pairs;
	struct mw_buf tmp;
};

extern const char *const mw_survey_links[], *const mw_survey_confidences[];

/* Takes a record of the first reading. 0, -ENOMEM, -EOVERFLOW, -E2BIG. */
int mw_survey_take(struct mw_survey *s, const struct mw_logrec *rec);
/* All is taken: decides what is exported, and counts it. 0, -ENOMEM. */
int mw_survey_finish(struct mw_survey *s);
/* The source of a record; `make`: that is new if need be. 0, -ENOENT, -ENOMEM, -E2BIG (too many).
 */
int mw_survey_source(struct mw_survey *s, const struct mw_logrec *rec, bool make, uint32_t *ret);
/* Makes room for one more behind n of `size` in *array: 0; -ENOMEM, and it is untouched. */
int mw_survey_grow(void *array, size_t n, size_t *cap, size_t size);

/* The number of a name, from 1; 0 it is none. Negative errno: -ENOMEM. */
int64_t mw_survey_name(struct mw_survey *s, unsigned int kind, struct mw_slice text);
void mw_survey_names_done(struct survey_names *n);
/* Fills in `about`. 0, -ENOMEM. */
int mw_survey_names_finish(struct mw_survey *s);

#endif
