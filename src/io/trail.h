/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail.h - a server's audit trail, read line by line and more than once
 *
 * Memory does not grow with the file: one line of at most MW_TRAIL_LINE_MAX bytes is held. Read is
 * what the file held when it was opened; that every pass reads the same bytes is checked, so that
 * what was found in one pass holds in the next.
 */
#ifndef MW_IO_TRAIL_H
#define MW_IO_TRAIL_H

#include "io/trail_line.h"

struct mw_trail;

/*
 * Opens a regular file. map NULL: that of its first line that is not blank (mw_trail_guess); else
 * borrowed. 0; -EINVAL: the first line is of no known format; another negative errno; then err
 * holds one line.
 */
int mw_trail_open(const char *path, const struct mw_trail_map *map, char *err, size_t err_len,
		  struct mw_trail **ret);
void mw_trail_close(struct mw_trail *t);

static inline void mw_trail_closep(struct mw_trail **t)
{
	mw_trail_close(*t);
}

const char *mw_trail_path(const struct mw_trail *t);
const struct mw_trail_map *mw_trail_map(const struct mw_trail *t);

/* From the first line again. 0 or negative errno (mw_trail_error). */
int mw_trail_rewind(struct mw_trail *t);
/*
 * The next line that is not blank, without its newline, lent until the next call: 1; 0: the end;
 * -E2BIG: it is longer than MW_TRAIL_LINE_MAX; -ESTALE: the file has changed since the first pass;
 * -EBADMSG: cut off (logfmt only: a cut line of JSON shows by itself); another negative errno.
 */
int mw_trail_line(struct mw_trail *t, struct mw_slice *ret, uint64_t *ret_no);
/* Parses the line that mw_trail_line gave last. 0, or as mw_trail_parse. */
int mw_trail_entry(struct mw_trail *t, struct mw_trail_entry *ret);
/* What the last failure was, as one line that names file and line. */
const char *mw_trail_error(const struct mw_trail *t);

/* All of it, as one pass: at most max bytes, to be freed. 0, -EFBIG, -ENOMEM, and as mw_trail_line.
 */
int mw_trail_slurp(struct mw_trail *t, size_t max, uint8_t **ret, size_t *ret_n);
/* All of it, as one pass, to a function; what that answers below 0 ends it. */
int mw_trail_feed(struct mw_trail *t, int (*fn)(void *ctx, const void *p, size_t n), void *ctx);

#endif
