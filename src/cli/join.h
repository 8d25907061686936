/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.h - records of a log, each with what others say of it, in one reading
 *
 * An effect's record has the tie that was known when it was written; the record of the call it
 * belongs to says later which it is, and what tool, status and principal the call had. So records
 * wait, in their order, until what may still settle them has been read:
 *
 *	an effect	whose tie is not certain: until every call that was open on its server when
 *			it was written has its record, and the `ties` behind that
 *	a call		until its `ties` have been read
 *
 * What has waited for MW_JOIN_SPAN records, and what waits at the end or while a log is followed
 * (mw_join_flush), goes out with what is known and says that its call is open. A call is forgotten
 * as many records behind its end. Both count the log's records by their numbers, and nothing is
 * settled but what waits for it: so the same comes out whether all records come in or those that an
 * index (io/index.h) leaves. MW_JOIN_BYTES is for records no log of ours is full of.
 *
 * Push in, pull out: mw_join_push, then mw_join_next until it says 0.
 */
#ifndef MW_CLI_JOIN_H
#define MW_CLI_JOIN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/filter.h"
#include "io/index.h"
#include "io/logread.h"

#define MW_JOIN_SPAN  MW_INDEX_SPAN
#define MW_JOIN_BYTES (64u << 20)
/* Calls that are known of, open and ended; then the oldest is forgotten. */
#define MW_JOIN_OPEN_MAX  16384
#define MW_JOIN_ENDED_MAX MW_JOIN_SPAN

enum mw_tie_state {
	MW_TIE_OWN = 0, /* as the record says */
	MW_TIE_SETTLED, /* as the call's record says */
	MW_TIE_UNDONE,	/* the call that it names has ended and says it is not its own */
	MW_TIE_OPEN,	/* a call that may settle it has no record yet */
};

struct mw_joined {
	struct mw_logrec rec;
	struct mw_filter_facts facts;
	/* of an effect; the call is facts.call */
	enum mw_tie_state tie;
	const char *link, *confidence; /* NUL-terminated; "" where it has none */
};

struct mw_join;

/* Only what passes the filter comes out again; `types` as for mw_filter_match. Both are borrowed.
 * 0, -ENOMEM. */
int mw_join_new(const struct mw_filter *f, const char *const *types, struct mw_join **ret);
void mw_join_free(struct mw_join *j);
/* The next record of the log; copied where it is kept. 0, -ENOMEM: it is lost to what is shown. */
int mw_join_push(struct mw_join *j, const struct mw_logrec *rec);
/* The next that need not wait: 1, valid until the next call; 0: none. */
int mw_join_next(struct mw_join *j, struct mw_joined *ret);
/* The number of the first record that waits, of one log; UINT64_MAX: none does. */
uint64_t mw_join_waits(const struct mw_join *j);
/* Nothing waits any longer. */
void mw_join_flush(struct mw_join *j);

static inline void mw_join_freep(struct mw_join **j)
{
	mw_join_free(*j);
}

#endif
