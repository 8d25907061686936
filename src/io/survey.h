/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survey.h - the two readings of a log that make an export (exporter.h)
 *
 * The first reading verifies, and learns what stands behind what it belongs to: which records are
 * exported, what is counted and named at the head, to which call an effect belongs by the end, and
 * which calls of two hosts' logs are one call. The second reading hands the records over. It gives
 * exactly what the first one saw: a log that is written meanwhile has more by then, which is left
 * out; where a byte differs, the export fails.
 *
 * Memory: 24 bytes a record, about 40 a call, 24 an alert or gap, 16 for each further call that a
 * record names; and names, at most MW_SURVEY_NAMES_MAX of a kind. Nothing is kept of what records
 * say.
 */
#ifndef MW_IO_SURVEY_H
#define MW_IO_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/exporter.h"

struct mw_survey;

/* Logs that are read together, at most. */
#define MW_SURVEY_INPUTS_MAX 256
/* Different servers, tools or principals that are told apart; what comes then counts as one. */
#define MW_SURVEY_NAMES_MAX 65536
/* A call's id that is longer ties nothing: ours are short. */
#define MW_SURVEY_ID_MAX 255
/* Clocks of two hosts differ by less, or a call seen on both is taken for two. */
#define MW_SURVEY_SKEW_NS (300 * 1000000000ll)

/* What a filter says of a record, by itself. */
enum {
	/* All that it asks of the record: time, type, kind, text. */
	MW_SURVEY_OWN = 1,
	/* What it asks of the call: server, tool, who called. A record of a call for which that
	 * holds is let through, too, if it has OWN. */
	MW_SURVEY_WHO = 2,
	/* A call, that has OWN if an effect of its has. */
	MW_SURVEY_BY_EFFECT = 16,
};

struct mw_survey_config {
	/* Folders and files, at least one; borrowed for the survey's life. */
	const char *const *paths;
	size_t n_paths;
	const char *filter; /* as it was typed, for the head; copied */
	int64_t now_ns;	    /* since 1970 */
	unsigned int (*match)(void *arg, const struct mw_logrec *rec);
	/* NULL; else given every record of a server before any is matched: 0, or why it fails. */
	int (*learn)(void *arg, const struct mw_logrec *rec);
	void *arg;
};

/*
 * Reads all of it once. 0; negative errno and one line in err: what mw_logread_new and
 * mw_logread_next fail with, -ENOMEM, -E2BIG (too many logs), -ESPIPE (no folder and no regular
 * file: it could not be read twice), -EOVERFLOW (more calls than can be told apart: 2^32).
 *
 * A sealed log that was tampered with so that it cannot be read on is no failure: what stands
 * before is surveyed, and about.wrong says it.
 */
int mw_survey_new(const struct mw_survey_config *config, char *err, size_t err_len,
		  struct mw_survey **ret);
void mw_survey_free(struct mw_survey *s);

static inline void mw_survey_freep(struct mw_survey **s)
{
	mw_survey_free(*s);
}

/* Owned by the survey. */
const struct mw_export_about *mw_survey_about(const struct mw_survey *s);
/* Of all that was read, exported or not. */
uint64_t mw_survey_read(const struct mw_survey *s);

/*
 * Reads it again, and gives it to an exporter from its begin to its end. 0; negative errno and one
 * line in err: what the exporter fails with (-EIO: its output), what reading fails with, -ESTALE:
 * the log is not what it was.
 */
int mw_survey_export(struct mw_survey *s, struct mw_exporter *e, char *err, size_t err_len);

#endif
