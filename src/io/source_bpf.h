/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_bpf.h - the running kernel as a source of events
 *
 * Loads and attaches the programs of bpf/ and gives what they send, in the order of the ring
 * buffer. In between stand the events the source makes itself, so that the stream is complete:
 *
 *   META  first of all   TICK     every 100 ms of boot time, in order with the time stamps of the
 * kernel's events   USER  before the first event of a uid   PROC  after each EXEC: the process as
 * /proc shows it, and each ancestor not yet reported   CLOCK      when real time against boot
 * time was stepped by more than 50 ms   LOST  at a tick, when a loss was counted since the last
 * one
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

/* Tags: bits, 0 for not watched; loader.h says what each brings. */
#define MW_SOURCE_CANDIDATE 1 /* may be a server: watched until it is decided */
#define MW_SOURCE_OBSERVED 2
#define MW_SOURCE_LISTENER 4 /* what comes in on its listening TCP ports */
#define MW_SOURCE_STREAM 8   /* a client: its MCP streams alone */

struct mw_source_bpf_config {
	uint32_t ring_len;	/* bytes, a power of two and pages; 0: 32 MiB */
	uint32_t simulate_loss; /* not 0: drop each so-manieth event of the kernel, for tests */
	uint64_t undecided_max; /* bytes taken of a channel nobody has decided on; 0: 64 MiB */
	uint64_t candidate_max; /* likewise, where only candidates and listeners use it; 0: 256 KiB */
	bool watch_execs;	/* what is started with a pipe or socket as its fd 0 and its fd 1
				 * becomes a candidate, and its parent is tagged STREAM; who listens
				 * on TCP becomes a LISTENER; who connects to one of mcp_ports is
				 * tagged STREAM */
	char *err;		/* on failure: one line, what and why and what to do; may be NULL */
	size_t err_len;
};

/*
 * What its events come from, as doctor and the log's records name it: so many are written to ret,
 * of static text. uring, hooks: whether this kernel has what io_uring is seen by, and what
 * bpf/hook.h names.
 */
#define MW_SOURCE_BPF_NAMES_MAX 6
size_t mw_source_bpf_names(bool uring, bool hooks, const char *ret[MW_SOURCE_BPF_NAMES_MAX]);

/*
 * 0, or: -EINVAL the configuration, -EPERM not allowed (root or CAP_BPF and CAP_PERFMON, or a
 * local policy), -ENOENT the kernel has no BTF, -EXDEV not in the initial pid namespace, or
 * another errno.
 */
int mw_source_bpf_new(const struct mw_source_bpf_config *cfg, struct mw_source **ret);

/* Sets the tag of a process, 0 to let go of it. Its children so far keep theirs. -ERANGE: no pid. */
int mw_source_bpf_tag(struct mw_source *s, uint32_t tgid, unsigned int tag);

/* Sets and clears single bits of a tag; atomic against the kernel side. -ERANGE. */
int mw_source_bpf_tag_change(struct mw_source *s, uint32_t tgid, unsigned int set,
			     unsigned int clear);

/* Makes a channel's entry (its first touch is now), so that STREAM processes are seen on it. 0,
 * negative errno. */
int mw_source_bpf_watch(struct mw_source *s, uint64_t chan, uint64_t ino);

/*
 * Ports as loader.h has them: somebody listens here (on: one socket more, off: one less, never
 * below none; sockets that begin or end to listen while the source runs count themselves); MCP is
 * served here.
 */
void mw_source_bpf_listen_port(struct mw_source *s, uint16_t port, bool on);
void mw_source_bpf_mcp_port(struct mw_source *s, uint16_t port, bool on);

/*
 * All open pipe ends and stream sockets of all processes of the host, as they are now: *ret is an
 * array for free(), of struct mw_fd_info (loader.h). A file that several fds or processes have
 * stands there for each; threads that share their leader's files do not. 0, -ENOMEM, negative
 * errno.
 */
struct mw_fd_info;
int mw_source_bpf_files(struct mw_source *s, struct mw_fd_info **ret, size_t *ret_n);

/* Queues MW_EV_NAME for a process. 0, -ENOMEM, -E2BIG. What next() lent is no longer valid. */
int mw_source_bpf_name(struct mw_source *s, uint32_t tgid, uint64_t start_ns, const char *name,
		       const char *file);

/* The tag a process has now. */
unsigned int mw_source_bpf_tag_of(struct mw_source *s, uint32_t tgid);

/*
 * Queues MW_EV_PROC for a living process and for its ancestors up to pid 1, each unless it was
 * reported before. Call it after the tag is set. -ESRCH: there is no such process. What next() lent
 * is no longer valid.
 */
int mw_source_bpf_snapshot(struct mw_source *s, uint32_t tgid);

/* What the kernel source has beside what every source has. */
struct mw_source_bpf_stats {
	uint64_t runtimes_looks, runtimes_refused, uv_failed, uv_refused;
	uint64_t runtimes, runtimes_waiting; /* processes now */
};
void mw_source_bpf_stats(struct mw_source *s, struct mw_source_bpf_stats *ret);

/*
 * Detaches: nothing new comes. next() then gives what is left, MW_EV_LOST with the last counts and
 * with the next sequence number of every cpu (MW_LOST_SEQ), and at last -ENODATA.
 */
int mw_source_bpf_finish(struct mw_source *s);

#endif
