/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_match.h - a server's trail held against the calls the host saw
 *
 * One entry of the trail claims at most one call. Several passes over the trail, each with weaker
 * evidence than the one before, so that a weak likeness never takes a call from a strong one:
 *
 *	1. same id and tool, arguments not unlike	near in time
 *	2. same tool and arguments			near in time
 *	3. same id and tool; same tool and nothing known of arguments; same id alone	near in time
 *	4. as 1 and 2					within MW_MATCH_LATE_NS
 *	5. same tool, for entries without an id		near in time
 *
 * Near is between the call's begin and end, or less than the tolerance off; of several calls the
 *one that is nearest, one that began before the entry first. Ids begin anew with each client, so an
 *id alone proves little. Of entries without a time the first one claims the first call.
 *
 * What cannot be decided is not held against the server: evidence that is incomplete or missing at
 * that time, a time at which the host was not watched, a call without an answer, a target that the
 * host may not have been able to see.
 *
 * Time: passes times lines, each against at most MW_MATCH_SCAN calls; memory: the index and 16
 *bytes a call.
 */
#ifndef MW_IO_TRAIL_MATCH_H
#define MW_IO_TRAIL_MATCH_H

#include "io/trail.h"
#include "io/trail_seen.h"

#define MW_MATCH_LATE_NS (24 * 3600 * 1000000000ll)
#define MW_MATCH_SCAN	 4096u
/* Of those, on either side of the entry's time, how many calls' arguments are compared member by
 * member. */
#define MW_MATCH_COMPARE      64u
#define MW_MATCH_COMPARE_LATE 8u /* where nothing says that it is near */

enum mw_verdict {
	MW_VERDICT_AGREES,
	MW_VERDICT_DIFFERS,	  /* claimed and seen, not alike */
	MW_VERDICT_CLAIMED_ONLY,  /* claimed but not seen */
	MW_VERDICT_CLAIMED_AGAIN, /* a call that another line has claimed */
	MW_VERDICT_SEEN_ONLY,	  /* seen but not claimed */
	MW_VERDICT_UNDECIDED,
	MW_VERDICTS,
};

enum mw_about {
	MW_ABOUT_TOOL,
	MW_ABOUT_ID,
	MW_ABOUT_ARGS,
	MW_ABOUT_TARGET,
	MW_ABOUT_OUTCOME,
	MW_ABOUT_TIME,
};

/* One thing about which both sides say something else. */
struct mw_diff {
	enum mw_about about;
	const char *undecided; /* why it is not held against the server; NULL: it is */
	struct mw_slice trail, host;
	int64_t late_ns; /* MW_ABOUT_TIME: behind the end; below 0: before the begin */
};

#define MW_DIFFS_MAX (8 + MW_TRAIL_TARGETS)

/* Lent for the call of the function. */
struct mw_finding {
	enum mw_verdict verdict;
	const char *why;		    /* UNDECIDED without diffs: why; else NULL */
	const struct mw_trail_entry *entry; /* NULL: SEEN_ONLY */
	const struct mw_seen_call *call;    /* NULL: CLAIMED_ONLY */
	const struct mw_diff *diff;
	size_t n_diffs;
};

struct mw_match_options {
	int64_t tolerance_ns;
	int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX: without limits */
};

struct mw_match_sum {
	uint64_t lines, entries; /* of the trail; entries in the time meant */
	/* once mw_match_report is through */
	uint64_t n[MW_VERDICTS];
	uint64_t calls; /* seen in that time */
	uint64_t
	    targets_no_word; /* bare names of targets that were not found, which says nothing */
};

struct mw_match;

/* Reads the trail and matches. t and s are borrowed. 0; or the trail's error (mw_trail_error),
 * -ENOMEM. Once it has succeeded all lines of the trail are known to be well-formed. */
int mw_match_new(struct mw_trail *t, struct mw_seen *s, const struct mw_match_options *o,
		 struct mw_match **ret);
void mw_match_free(struct mw_match *m);

static inline void mw_match_freep(struct mw_match **m)
{
	mw_match_free(*m);
}

/* Says all findings: first what the trail has, in its order, then what it has not, in the order of
 * time. Once. 0, or the trail's error. */
int mw_match_report(struct mw_match *m, void (*fn)(void *ctx, const struct mw_finding *f),
		    void *ctx);
const struct mw_match_sum *mw_match_sum(const struct mw_match *m);

#endif
