/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_bpf.h - the running kernel as a source of events
 *
 * Loads and attaches the programs of bpf/ and gives what they send, in the order of the ring buffer.
 * In between stand the events the source makes itself, so that the stream is complete:
 *
 *   META	first of all
 *   TICK	every 100 ms of boot time, in order with the time stamps of the kernel's events
 *   USER	before the first event of a uid
 *   PROC	after each EXEC: the process as /proc shows it, and each ancestor not yet reported
 *   CLOCK	when real time against boot time was stepped by more than 50 ms
 *   LOST	at a tick, when a loss was counted since the last one
 *
 * Nothing is watched until a tag is set; a process made by a tagged one has the same tag from its
 * first instruction on. One source a process; not for use by several threads at once.
 */
#ifndef MW_IO_SOURCE_BPF_H
#define MW_IO_SOURCE_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/source.h>

/* Tags; 0 for not watched. Their events differ only in MW_EVF_CANDIDATE. */
#define MW_SOURCE_CANDIDATE 1 /* may be a server or a client: watched until it is decided */
#define MW_SOURCE_OBSERVED 2

struct mw_source_bpf_config {
	uint32_t ring_len;	/* bytes, a power of two and pages; 0: 32 MiB */
	uint32_t simulate_loss; /* not 0: drop each so-manieth event of the kernel, for tests */
	uint64_t undecided_max; /* bytes taken of a channel nobody has decided on; 0: 64 MiB */
	bool watch_execs;	/* what is started with a pipe or socket as its fd 0 and its fd 1
				 * becomes a candidate */
	char *err;		/* on failure: one line, what and why and what to do; may be NULL */
	size_t err_len;
};

/*
 * 0, or: -EINVAL the configuration, -EPERM not allowed (root or CAP_BPF and CAP_PERFMON, or a local
 * policy), -ENOENT the kernel has no BTF, -EXDEV not in the initial pid namespace, or another errno.
 */
int mw_source_bpf_new(const struct mw_source_bpf_config *cfg, struct mw_source **ret);

/* Sets the tag of a process, 0 to let go of it. Its children so far keep theirs. -ERANGE: no pid. */
int mw_source_bpf_tag(struct mw_source *s, uint32_t tgid, unsigned int tag);

/* The tag a process has now. */
unsigned int mw_source_bpf_tag_of(struct mw_source *s, uint32_t tgid);

/*
 * Queues MW_EV_PROC for a living process and for its ancestors up to pid 1, each unless it was
 * reported before. Call it after the tag is set. -ESRCH: there is no such process. What next() lent
 * is no longer valid.
 */
int mw_source_bpf_snapshot(struct mw_source *s, uint32_t tgid);

/*
 * Detaches: nothing new comes. next() then gives what is left, MW_EV_LOST with the last counts and
 * with the next sequence number of every cpu (MW_LOST_SEQ), and at last -ENODATA.
 */
int mw_source_bpf_finish(struct mw_source *s);

#endif
