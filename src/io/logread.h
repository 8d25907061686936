/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logread.h - reads records back: from a log folder, or a file of JSON lines
 *
 * Every line is checked to be one valid JSON object with the head of a record (record.h) before it is
 * given; only what a caller asks for is parsed into a tree (mw_logread_json). Several inputs are
 * merged by time: within one, the order of its lines is kept; at equal times the input named first
 * comes first. Finished segments may be compressed (segment.h).
 *
 * A sealed log (sink_log.h) is verified while it is read (verify.h), with the keys that it names itself:
 * nothing is read twice, and what was changed shows at the end of the seal it is in. Whoever prints
 * what is read asks mw_logread_tampered.
 */
#ifndef MW_IO_LOGREAD_H
#define MW_IO_LOGREAD_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/segment.h"

struct cJSON;
struct mw_logread;

/* The seq of a record's line. 0, -EINVAL (it has none). */
int mw_record_seq(const char *line, size_t n, uint64_t *ret);

/* One record. Everything is owned by the reader and valid until the next call on it. */
struct mw_logrec {
	const char *line; /* len bytes, no newline, NUL-terminated */
	size_t len;
	const char *type; /* NUL-terminated */
	uint64_t seq;
	int64_t time_ns; /* since 1970 */
	const char *file; /* where it stands */
	uint64_t line_no; /* from 1 */
	size_t input;	  /* which of the paths */
};

/*
 * Opens n >= 1 paths, each a log folder or a file. `follow`: at the end wait for more instead
 * (mw_logread_next then says 0). 0; on failure err holds one line.
 */
int mw_logread_new(const char *const *paths, size_t n, bool follow, char *err, size_t err_len,
		   struct mw_logread **ret);
/*
 * The next record: 1; 0: none now, ask again later (follow only); -ENODATA: the end; -EBADMSG: a line
 * that is no record, or cut off, or of a newer version (-EPROTONOSUPPORT); another negative errno. An
 * error stays.
 */
int mw_logread_next(struct mw_logread *l, struct mw_logrec *ret);
/* The record's tree (see cJSON.h), freed with cJSON_Delete; NULL without memory. */
struct cJSON *mw_logread_json(const struct mw_logrec *rec);
/* One line for what `next` failed with; names file and line. */
const char *mw_logread_error(const struct mw_logread *l);
/* The first place where the numbers of the records (seq) do not follow each other, as one line that
 * names file and line: records are missing, doubled or out of place there. NULL: none so far. */
const char *mw_logread_hole(const struct mw_logread *l);
/* What shows that a sealed log is not what was written, as one line that names file, line and record;
 * NULL: nothing so far; all of it is known at the end. */
const char *mw_logread_tampered(struct mw_logread *l);
void mw_logread_free(struct mw_logread *l);

static inline void mw_logread_freep(struct mw_logread **l)
{
	mw_logread_free(*l);
}

#endif
