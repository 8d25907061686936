/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_bpf_priv.h - what the files of the kernel source share
 *
 * source_bpf.c is the stream of events, source_bpf_load.c the way to it, source_bpf_ask.c what is
 * asked of the kernel side meanwhile, source_bpf_runtime.c how the runtimes of processes are kept.
 */
#ifndef MW_IO_SOURCE_BPF_PRIV_H
#define MW_IO_SOURCE_BPF_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/loader.h>

#include "io/bpf_facts.h"
#include "io/bpf_ring.h"
#include "io/environs.h"
#include "io/runtimes.h"
#include "io/source_bpf.h"
#include "io/uv.h"
#include "mcpwatch.skel.h"

#define MW_BPF_TICK_NS 100000000ull

/* The map `ports`. */
struct mw_bpf_ports {
	uint32_t listening[65536];
	uint8_t mcp[65536];
};

struct mw_bpf_losses {
	uint64_t ring, run, table, faults, task_faults, argv;
};

struct mw_bpf_source {
	struct mw_source source;
	struct mcpwatch_bpf *skel;
	struct mw_bpf_ring ring;
	struct mw_bpf_ports *ports; /* mapped: as struct mw_ports of bpf/maps.h */
	struct mw_evq queue;
	struct mw_u64set uids;	   /* uid + 1 */
	struct mw_u64set procs;	   /* hash of tgid and start */
	struct mw_u64set mounts;   /* hash of what was told of a mount namespace */
	struct mw_runtimes *runtimes;
	struct mw_uv *uv;
	struct mw_environs *environs;
	struct mw_bpf_losses told; /* what LOST events have said */
	struct mw_cpu *cpus;	   /* room to read the counters of all */
	int n_cpus;
	int epoll_fd;
	int64_t realtime_ns;
	uint64_t next_tick;
	uint64_t cleared_epoch; /* when `stacks` was last cleared */
	uint32_t simulate_loss, n_kernel;
	bool lent_record; /* the ring's oldest record is out at the caller */
	bool lent_queued; /* so is the queue's */
	bool judged;	  /* simulate_loss has let the oldest record pass */
	bool finishing, told_end;
	uint64_t n_events, n_bytes;
};

static inline struct mw_bpf_source *mw_bpf_source(struct mw_source *s)
{
	return (struct mw_bpf_source *)(void *)s;
}

/* Loads, attaches, maps and queues META. 0, or negative errno with cfg->err written. */
int mw_source_bpf_start(struct mw_bpf_source *b, const struct mw_source_bpf_config *cfg,
			uint32_t ring_len);

/* Writes cfg->err, if there is room for it; r. */
__attribute__((format(printf, 3, 4))) int mw_source_bpf_fail(const struct mw_source_bpf_config *cfg,
							     int r, const char *fmt, ...);

/* Runs a program of the kind `syscall` with its argument. Its return value, or negative errno. */
int mw_source_bpf_call(struct bpf_program *prog, void *arg, uint32_t arg_len);

/* What runtimes.h needs of the kernel and the queue. */
extern const struct mw_runtimes_ops mw_source_bpf_runtimes;
/* After an event of the kernel was lent, and for one that queues more itself: what it says of
 * runtimes. */
void mw_source_bpf_note(struct mw_bpf_source *b, const struct mw_event_hdr *h);

/* Queues USER before the first event of the uid that `h` has. */
void mw_source_bpf_tell_user(struct mw_bpf_source *b, const struct mw_event_hdr *h);

/* Queues PROC for an EXEC and for each ancestor not yet reported. */
void mw_source_bpf_tell_exec(struct mw_bpf_source *b, const struct mw_ev_proc *exec);

#endif
