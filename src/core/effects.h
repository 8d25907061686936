/* SPDX-License-Identifier: Apache-2.0 */
/* effects.h - what one call has done: a list in order, equal ones folded, bounded in bytes */
#ifndef MW_CORE_EFFECTS_H
#define MW_CORE_EFFECTS_H

#include "base/alloc.h"
#include "core/correlate.h"

struct mw_effects {
	const struct mw_alloc *a;
	struct mw_effects_entry **list;
	uint32_t *slots; /* private: by hash, index + 1 */
	size_t n, cap, n_slots;
	size_t bytes, bytes_max; /* all memory it holds */
	uint64_t total, unlisted; /* actions: all; in no entry */
	unsigned int power;	  /* enum mw_power, of all of them */
};

/* Empty; allocates nothing. */
void mw_effects_init(struct mw_effects *e, const struct mw_alloc *a, size_t bytes_max);
void mw_effects_done(struct mw_effects *e);
/* Counts an action under its record's number and lists it while there is room. Kind, targets,
 * result and the tie (but for why) equal: folded. `said`: its own record says this very tie, so
 * that it need not be named. 0; -ENOMEM: counted only. */
int mw_effects_add(struct mw_effects *e, const struct mw_action *act, const struct mw_tie *tie,
		   uint64_t seq, bool said);
/* In the order of their first records. Without memory it stays as it is. */
void mw_effects_sort(struct mw_effects *e);
/* The i-th, borrowed until the next add, its slices until done; NULL: there is none. */
const struct mw_call_effect *mw_effects_at(const struct mw_effects *e, size_t i);

#endif
