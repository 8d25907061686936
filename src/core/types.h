/* SPDX-License-Identifier: Apache-2.0 */
/* types.h - what several stages of the core speak of */
#ifndef MW_CORE_TYPES_H
#define MW_CORE_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/event.h>

#include "base/slice.h"

/* A process, also after its pid was reused. {0, 0} is none. No padding: it is a table key. */
struct mw_prockey {
	uint64_t start_ns;
	uint64_t tgid;
};

static inline struct mw_prockey mw_prockey_of(const struct mw_event_hdr *h)
{
	return (struct mw_prockey){ h->start_ns, h->tgid };
}

static inline bool mw_prockey_eq(struct mw_prockey a, struct mw_prockey b)
{
	return a.start_ns == b.start_ns && a.tgid == b.tgid;
}

static inline bool mw_prockey_none(struct mw_prockey k)
{
	return k.tgid == 0;
}

/* The two ends of a channel. Same numbers as enum mw_dir. */
enum mw_end { MW_END_READ = 0, MW_END_WRITE = 1 };

#endif
