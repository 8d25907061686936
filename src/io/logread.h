/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logread.h - reads records back: from a log folder, or a file of JSON lines
 *
 * Every line is checked to be one valid JSON object with the head of a record (record.h) before it
 * is given; only what a caller asks for is parsed into a tree (mw_logread_json). Several inputs are
 * merged by time: within one, the order of its lines is kept; at equal times the input named first
 * comes first. Finished segments may be compressed (segment.h).
 *
 * A sealed log (sink_log.h) is verified while it is read (verify.h), with the keys that it names
 * itself, in a thread of its own, which is at most 2 MiB behind: nothing is read twice, and what
 * was changed shows soon behind the end of the seal it is in. Whoever prints what is read asks
 * mw_logread_tampered.
 */
#ifndef MW_IO_LOGREAD_H
#define MW_IO_LOGREAD_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "io/segment.h"

struct cJSON;
struct mw_logread;
struct mw_verify_report;

/* The seq of a record's line. 0, -EINVAL (it has none). */
int mw_record_seq(const char *line, size_t n, uint64_t *ret);

#define MW_LOGREC_MEMBERS_MAX 64

/* A member of a record: the exact bytes, of the key without its quotes, of the value with them. */
struct mw_logrec_member {
	struct mw_slice key, value;
};

/* One record. Everything is owned by the reader and valid until the next call on it. */
struct mw_logrec {
	const char *line; /* len bytes, no newline, NUL-terminated */
	size_t len;
	const char *type; /* NUL-terminated */
	uint64_t seq;
	int64_t time_ns;  /* since 1970 */
	const char *file; /* where it stands */
	uint64_t line_no; /* from 1 */
	size_t input;	  /* which of the paths */
	/* In their order, the head's too; beyond MW_LOGREC_MEMBERS_MAX left out. */
	const struct mw_logrec_member *members;
	size_t n_members;
};

/* The raw value of a member, found without parsing the line again; n 0: it has none. Values inside
 * it: mw_json_member, mw_json_path, struct mw_json. */
static inline struct mw_slice mw_logrec_get(const struct mw_logrec *rec, const char *name)
{
	const struct mw_logrec_member *m = rec->members, *end = m + rec->n_members;
	const size_t n = strlen(name);

	for (; m < end; m++)
		if (m->key.n == n && memcmp(m->key.p, name, n) == 0)
			return m->value;
	return mw_slice(NULL, 0);
}

/*
 * Opens n >= 1 paths, each a log folder or a file. `follow`: at the end wait for more instead
 * (mw_logread_next then says 0). 0; on failure err holds one line.
 */
int mw_logread_new(const char *const *paths, size_t n, bool follow, char *err, size_t err_len,
		   struct mw_logread **ret);
/*
 * Before the first record: of what an index (index.h) knows of an input only what its plan wants is
 * read, and what is behind that as always. Takes the plan, also when it fails. 0; -EBADMSG: the
 * plan is of another log, and the reader is of no use any more; -ENOMEM.
 */
struct mw_index_plan;
int mw_logread_narrow(struct mw_logread *l, size_t input, struct mw_index_plan *plan);
/* Whether that was done, with an index that there is. */
bool mw_logread_narrowed(const struct mw_logread *l, size_t input);
/*
 * Before the first record, and behind mw_logread_narrow: every record of the type `server` that there
 * is now, of all inputs in turn, so that what a record's server is called later is known when it is
 * read. Lines are looked for, not verified; what is wrong with them is said when they are read. 0, or
 * what fn fails with; *ret_all false: an input that can be read only once was left out; -ENOMEM.
 */
typedef int mw_logread_fn(void *arg, const struct mw_logrec *rec);
int mw_logread_servers(struct mw_logread *l, mw_logread_fn *fn, void *arg, bool *ret_all);
/*
 * The next record: 1; 0: none now, ask again later (follow only); -ENODATA: the end; -EBADMSG: a
 * line that is no record, or cut off, or of a newer version (-EPROTONOSUPPORT); another negative
 * errno. An error stays.
 */
int mw_logread_next(struct mw_logread *l, struct mw_logrec *ret);
/*
 * Reads all of it once more from the beginning, after the end or an error of the first reading, and
 * as often as wanted from then on (not with `follow`): the
 * very records of the first reading, of a log that has grown meanwhile no more. Bytes are only held
 * against a keyed hash of those read before (XXH3, 128 bits), so that nothing is verified twice;
 * where they differ, mw_logread_next says -ESTALE. What was found of the log stays. 0; -EINVAL: it
 * is not there; -ESPIPE and others, with mw_logread_error.
 */
int mw_logread_again(struct mw_logread *l);
/* The record's tree (see cJSON.h), freed with cJSON_Delete; NULL without memory. */
struct cJSON *mw_logread_json(const struct mw_logrec *rec);
/* One line for what `next` failed with; names file and line. */
const char *mw_logread_error(const struct mw_logread *l);
/* The first place where the numbers of the records (seq) do not follow each other, as one line that
 * names file and line: records are missing, doubled or out of place there. NULL: none so far. A file
 * that begins with a line of the type `export` (export_jsonl.c) is an excerpt, and has none. */
const char *mw_logread_hole(const struct mw_logread *l);
/* What shows that a sealed log is not what was written, as one line that names file, line and
 * record; or what an export says of the log it was made from. NULL: nothing so far; all of it is known at the end. */
const char *mw_logread_tampered(struct mw_logread *l);
/* What is proved of one input so far, final when all is read (verify.h); NULL: nothing proves it, a
 * file of records. Valid as long as the reader. */
const struct mw_verify_report *mw_logread_report(const struct mw_logread *l, size_t input);
void mw_logread_free(struct mw_logread *l);

static inline void mw_logread_freep(struct mw_logread **l)
{
	mw_logread_free(*l);
}

#endif
