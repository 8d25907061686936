/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold.h - events kept back until it is decided whether they may be seen
 *
 * Each holder (a tree of processes) has a queue of copies; all share one store with a limit. What
 * does not fit pushes out the oldest of its own queue, and is counted there.
 */
#ifndef MW_IO_HOLD_H
#define MW_IO_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "core/types.h"

#define MW_HOLD_EACH_MAX (1u << 20)
#define MW_HOLD_ALL_MAX	 (32u << 20)

/* A copy of an event, as if of an observed process: without its MW_EVF_CANDIDATE, its cpu
 * MW_CPU_NONE and its seq 0, as MW_EV_SKIP went on in its place. */
struct mw_held {
	struct mw_held *next;
	uint64_t order;	       /* the store's count: the order of arrival */
	struct mw_prockey who; /* whose doing it is */
	struct mw_event_hdr ev[];
};

struct mw_hold_store {
	size_t bytes, all_max, each_max;
	uint64_t order, dropped;
};

struct mw_hold {
	struct mw_held *head, *tail; /* oldest first */
	size_t bytes, max;	     /* max 0: the store's each_max */
	uint64_t dropped;
};

/* Copies the event to the end of a queue. */
void mw_hold_add(struct mw_hold_store *s, struct mw_hold *h, struct mw_prockey who,
		 const struct mw_event_hdr *ev);
/* The oldest, now the caller's to free; NULL: none. */
struct mw_held *mw_hold_take(struct mw_hold_store *s, struct mw_hold *h);
/* Moves all of `from` into `into`, in the order of arrival. */
void mw_hold_merge(struct mw_hold *into, struct mw_hold *from);
/* Moves what is of `who` from one queue to the end of another. */
void mw_hold_split(struct mw_hold *from, struct mw_prockey who, struct mw_hold *to);
/* Forgets all of it. */
void mw_hold_clear(struct mw_hold_store *s, struct mw_hold *h);

#endif
