/* SPDX-License-Identifier: Apache-2.0 */
/* trail_judge.h - one entry of a trail and the call it claims: where the two say something else */
#ifndef MW_IO_TRAIL_JUDGE_H
#define MW_IO_TRAIL_JUDGE_H

#include "io/trail_match.h"

struct mw_judge {
	const struct mw_seen *seen;
	struct mw_buf *scratch;
	int64_t tolerance_ns;
	bool ids_hold; /* the trail's ids are those of the requests */
	/* what was found */
	struct mw_diff diff[MW_DIFFS_MAX];
	size_t n;
	uint64_t no_word; /* bare names of targets that stand nowhere */
};

/* Fills j->diff. A difference is undecided where the host's evidence does not carry it. */
void mw_judge(struct mw_judge *j, const struct mw_trail_entry *e, const struct mw_seen_call *c);

#endif
