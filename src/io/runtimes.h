/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtimes.h - the runtimes of the watched processes: looked for once, told once, kept in the
 * kernel's map
 *
 * A process is looked at when it runs a new program or is met running; one whose runtime has not
 * begun is asked again after 2 ms, 4 ms and so on, MW_RUNTIMES_TRIES times. A process made by fork
 * has its parent's runtime: the kernel side has copied the entry by then (bpf/proc.h), so it holds
 * from the fork on.
 *
 * Invariants
 *  1. What is in the table is in the kernel's map or waits to be asked again; only what has a
 * runtime stays.
 *  2. The map's entry is written before MW_EV_RUNTIME is told, whose time is from when on hdr.task
 * is meant so: what is older has none, or that of the program before.
 *  3. What found no room, or gave no answer, is told with reads = 0 and a note, and counted.
 */
#ifndef MW_IO_RUNTIMES_H
#define MW_IO_RUNTIMES_H

#include "io/looker.h"
#include "io/runtime.h"

#define MW_RUNTIMES_MAX	  4096 /* as many as the map `runtimes` holds */
#define MW_RUNTIMES_TRIES 14   /* the last one some 30 s after the first */

struct mw_runtimes_ops {
	mw_look_fn *look; /* struct mw_runtime_found; in another thread: looker.h */
	/* The kernel's map: 0, or -E2BIG: full. */
	int (*put)(void *ctx, uint32_t tgid, const struct mw_runtime *rt);
	void (*drop)(void *ctx, uint32_t tgid);
	/* To queue MW_EV_RUNTIME: of `of`: tgid, start_ns, flags, ts_ns. */
	void (*tell)(void *ctx, const struct mw_event_hdr *of,
		     const struct mw_runtime_found *found);
	/* The process has a runtime and is OBSERVED: once; it is OBSERVED no more, runs another
	 * program, or has ended. May be NULL. */
	void (*begin)(void *ctx, uint32_t tgid, uint64_t start_ns,
		      const struct mw_runtime_found *found);
	void (*end)(void *ctx, uint32_t tgid, uint64_t start_ns,
		    const struct mw_runtime_found *found);
	uint64_t (*now)(void *ctx); /* CLOCK_BOOTTIME */
	bool (*is_alive)(void *ctx, uint32_t tgid, uint64_t start_ns);
};

struct mw_runtimes_stats {
	uint64_t looks, refused; /* refused: no room in the table, the map or among the threads */
	size_t n, waiting;
};

struct mw_runtimes;

/* `ops` and ctx are borrowed. 0, -ENOMEM. */
int mw_runtimes_new(const struct mw_runtimes_ops *ops, void *ctx, struct mw_runtimes **ret);
void mw_runtimes_free(struct mw_runtimes *r); /* takes NULL; without drop and end */

/* `h` is of an EXEC, and after it: the process runs a new program. */
void mw_runtimes_exec(struct mw_runtimes *r, const struct mw_event_hdr *h, bool observed);
/* A running process was met: looked at unless it is known. */
void mw_runtimes_met(struct mw_runtimes *r, const struct mw_event_hdr *h, bool observed);
void mw_runtimes_fork(struct mw_runtimes *r, const struct mw_ev_fork *e, bool observed);
void mw_runtimes_exit(struct mw_runtimes *r, uint32_t tgid, uint64_t start_ns);
/* Its tag was changed. */
void mw_runtimes_tag(struct mw_runtimes *r, uint32_t tgid, bool watched, bool observed);

/* When something is to be asked again: 0 never; and does so. */
uint64_t mw_runtimes_due(const struct mw_runtimes *r);
void mw_runtimes_poll(struct mw_runtimes *r);

void mw_runtimes_stats(const struct mw_runtimes *r, struct mw_runtimes_stats *ret);

#endif
