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

/* The runtime's task that a thread did something for, as mw_event_hdr has it. */
struct mw_task {
	uint64_t id, of; /* 0 not known */
	uint16_t flags;	 /* MW_EVF_ID_INT, MW_EVF_ID_STR, MW_EVF_NO_REQUEST */
};

static inline struct mw_task mw_task_of(const struct mw_event_hdr *h)
{
	return (struct mw_task){ h->task, h->task_of,
				 (uint16_t)(h->flags &
					    (MW_EVF_ID_INT | MW_EVF_ID_STR | MW_EVF_NO_REQUEST)) };
}

/* The system call that moved bytes: on whose behalf, and which offsets of its half they were. */
struct mw_move {
	struct mw_task task;
	uint64_t from, to;
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
