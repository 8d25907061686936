/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_lanes.h - who did it, by log and server, and lanes on which what lasts does not overlap,
 * for the trace
 */
#ifndef MW_IO_EXPORT_LANES_H
#define MW_IO_EXPORT_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/table.h"

#define MW_LANES_MAX	    64
#define MW_LANES_OWNERS_MAX 65536

/* Where each lane's last one ends. */
struct mw_lanes {
	int64_t *end;
	unsigned int n, cap;
};

/*
 * The lane for [begin, end]: of those whose last one has ended the one that ended last, or a new
 * one. Those that are asked for by the order of their ends take as few lanes as can be. -ENOSPC:
 * there are MW_LANES_MAX, and none is free; -ENOMEM.
 */
int mw_lanes_take(struct mw_lanes *l, int64_t begin, int64_t end);

/* Somebody who has tracks. */
struct mw_owner {
	size_t index;	   /* from 0, by the order in which they came */
	uint32_t pid;	   /* as the trace calls it: no two have the same */
	uint32_t declared; /* a bit a track, the user's; so are the following */
	unsigned int n_call_lanes, n_gap_lanes;
	char *name; /* the user's, from malloc(3) */
	struct mw_lanes calls, gaps;
};

/* Grows with the servers, up to MW_LANES_OWNERS_MAX; further ones share the one that came last. */
struct mw_owners {
	struct mw_table *table;
	struct mw_table *pids;
	struct mw_owner *last;
	uint64_t refused;
};

int mw_owners_init(struct mw_owners *o); /* 0, -ENOMEM; done may follow in any case */
void mw_owners_done(struct mw_owners *o);
/* Whom `key` names (by its hash); made if need be, with `pid` if nobody has that yet. 0: has none.
 * 0, -ENOMEM. */
int mw_owners_get(struct mw_owners *o, struct mw_slice key, uint32_t pid, struct mw_owner **ret);
/* Goes through all of them, by their index: `*pos` starts at 0; NULL at the end. */
struct mw_owner *mw_owners_next(const struct mw_owners *o, size_t *pos);

#endif
