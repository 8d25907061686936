/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_feed.h - where top's lines come from: the running daemon, or a log that is followed
 *
 * Of a log folder the last segment is read, then what is appended to it and to those that follow:
 * so it begins at once however long the log is, and nothing of it is verified.
 */
#ifndef MW_CLI_TOP_FEED_H
#define MW_CLI_TOP_FEED_H

#include "io/live.h"

struct mw_top_feed;

/* log NULL: the daemon at `control` (NULL: where it is by default). 0, or MW_EXIT_FAIL after a line
 * on stderr. */
int mw_top_feed_open(const char *log, const char *control, struct mw_top_feed **ret);
void mw_top_feed_close(struct mw_top_feed *f);
/* What polls readable when there may be more; -1: ask again after a while. */
int mw_top_feed_fd(const struct mw_top_feed *f);
/* Gives what there is to the picture, without waiting, at most a few thousand lines: how many;
 * -ENODATA: the daemon has ended; other negative errno: *ret_why says it. */
int mw_top_feed_pull(struct mw_top_feed *f, struct mw_live *l, int64_t now_ns,
		     const char **ret_why);

#endif
