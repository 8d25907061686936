/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logresume.h - what the run before this one left in a log folder, for the engine to go on from
 *
 *	mw_sink_log_new(dir, ..., &found, &log);	the lock is ours, a torn last line is gone
 *	mw_log_resume(dir, err, sizeof(err), &resume);
 *	cfg.first_seq = found.next_seq;
 *	cfg.resume = mw_log_resume_engine(resume);	NULL where the log is new
 *	mw_engine_new(&cfg, &engine);
 *	...						the first event is pushed: MW_EV_META
 *	mw_log_resume_free(resume);
 *
 * Only the end of the log is read, so that a start is quick however big the log is: of its last two
 * segments at most the last MW_LOG_RESUME_LEN bytes. A request that stands before that, and its
 *call record nowhere, is not found: it stays without one.
 */
#ifndef MW_IO_LOGRESUME_H
#define MW_IO_LOGRESUME_H

#include <stddef.h>

#include <mcpwatch/engine.h>

#define MW_LOG_RESUME_LEN (64u << 20)
/* Most requests without a call record that are given, and the bytes of their records; the oldest
 * ones beyond that are only counted (n_dropped). */
#define MW_LOG_RESUME_OPEN 4096u
#define MW_LOG_RESUME_TEXT (16u << 20)

struct mw_log_resume;

/*
 * Reads the end of the log in folder `dir`. Lines that are no records of ours are passed over: that
 * a log is damaged is for `verify` to say, and no reason not to start. 0, and *ret NULL if there is
 * no record in it (a new log, or no folder); -ENOMEM, -EIO and others: err holds one line.
 */
int mw_log_resume(const char *dir, char *err, size_t err_len, struct mw_log_resume **ret);
/* For the engine's configuration; NULL for NULL. Borrowed until free. */
const struct mw_engine_resume *mw_log_resume_engine(const struct mw_log_resume *r);
/* Takes NULL. */
void mw_log_resume_free(struct mw_log_resume *r);

static inline void mw_log_resume_freep(struct mw_log_resume **r)
{
	mw_log_resume_free(*r);
}

#endif
