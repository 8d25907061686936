/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_tape.h - a whole sequence of events made by hand, as a source would give them
 *
 * A tape is the bytes of a capture file behind its header. Each builder adds sound events at the
 * tape's own time, which goes on by TAPE_STEP_NS with each, and for kernel events numbers them on
 * the cpu the tape is set to. Used by unit tests, replay cases and fuzzers: aborts where it must, so
 * that it needs no test framework.
 */
#ifndef MW_TESTS_SUPPORT_TAPE_H
#define MW_TESTS_SUPPORT_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "core/types.h"

#define TAPE_STEP_NS 10000ull
#define TAPE_CPUS 4

struct tape {
	uint8_t *p;
	size_t len, cap;
	uint64_t ts_ns;
	uint32_t cpu;		  /* of the next events, below TAPE_CPUS */
	uint64_t seq[TAPE_CPUS]; /* of the next event of each */
	uint64_t last_chan;
	uint64_t n_events;
	struct mw_task task; /* of the next bytes moved, actions and forks */
};

/* Empty, at 100 s after boot; no META yet. */
void tape_init(struct tape *t);
void tape_done(struct tape *t);
/* The event at *pos (starts at 0), which moves behind it; NULL at the end. */
const struct mw_event_hdr *tape_next(const struct tape *t, size_t *pos);
/* Adds a whole event as it is, its number and time untouched. */
void tape_copy(struct tape *t, const struct mw_event_hdr *h);
/* An event's bytes changed in place afterwards: the last one added. */
struct mw_event_hdr *tape_last(struct tape *t);

/* --- of the source --- */
void tape_meta(struct tape *t, uint64_t run_id);
/* sources: NUL after each. */
void tape_meta_from(struct tape *t, uint64_t run_id, struct mw_slice sources);
void tape_tick(struct tape *t);
/* Time goes by with a tick every 10 ms. */
void tape_wait(struct tape *t, uint64_t ns);
void tape_lost(struct tape *t, uint32_t reason, uint64_t count);
void tape_clock(struct tape *t, int64_t realtime_ns);
void tape_user(struct tape *t, uint32_t uid, const char *name);
/* A configuration file calls what this process runs so. */
void tape_name(struct tape *t, uint32_t pid, const char *name);
/* A process's environment, NUL behind each variable. */
void tape_env(struct tape *t, uint32_t pid, const char *env, size_t n);
/* A line of state, or why there is none. */
void tape_state(struct tape *t, uint32_t kind, const char *text);
/* The number is used, the event never comes. */
void tape_hole(struct tape *t, uint64_t n);

/* --- of processes: a process is its pid, its start a fixed function of it --- */
struct mw_prockey tape_pid(uint32_t pid);
struct tape_exe {
	const char *exe, *cwd, *cgroup;
	const char *argv; /* blanks between arguments */
	uint32_t uid, parent;
};
/* type: MW_EV_EXEC or MW_EV_PROC */
void tape_proc(struct tape *t, uint16_t type, uint32_t pid, struct tape_exe x);
void tape_fork(struct tape *t, uint32_t parent, uint32_t child);
void tape_exit(struct tape *t, uint32_t pid, int32_t status);
void tape_open(struct tape *t, uint32_t pid, const char *path, uint32_t flags, int64_t ret);
void tape_unlink(struct tape *t, uint32_t pid, const char *path, int64_t ret);
void tape_rename(struct tape *t, uint32_t pid, const char *from, const char *to);
void tape_connect4(struct tape *t, uint32_t pid, const char *ip, uint16_t port, int64_t ret);
/* Any action: a's header is filled in, the five strings (n 0: none) put behind it. */
void tape_act(struct tape *t, uint32_t pid, struct mw_ev_act a, const struct mw_slice s[5]);

/* Which runtime a process has; its tasks are read, exactly. */
void tape_runtime(struct tape *t, uint32_t pid, uint32_t kind, const char *version);
/* NODE: the parent submitted the child. */
void tape_edge(struct tape *t, uint32_t pid, uint64_t parent, uint64_t child, uint32_t kind);

/* --- of channels --- */
struct tape_chan {
	uint8_t kind;
	uint64_t chan[2], gen[2]; /* by enum mw_end; equal but for TCP */
	uint64_t off[2];
	struct mw_addr src, dst; /* TCP: of who writes, of who reads */
};
struct tape_chan tape_chan(struct tape *t, uint8_t kind);
/* The way back of a TCP connection. */
struct tape_chan tape_chan_back(const struct tape_chan *c);
/* One system call of n bytes at one end; as many events as it takes. */
void tape_io(struct tape *t, struct tape_chan *c, enum mw_end end, uint32_t pid, const void *p,
	     size_t n);
/* Of `moved` bytes only the first n are there. */
void tape_io_miss(struct tape *t, struct tape_chan *c, enum mw_end end, uint32_t pid,
		  const void *p, size_t n, uint32_t moved, uint8_t miss);
/* The string is written and then read, whole; a line feed is added. */
void tape_line(struct tape *t, struct tape_chan *c, uint32_t writer, uint32_t reader,
	       const char *s);
void tape_write(struct tape *t, struct tape_chan *c, uint32_t pid, const char *s);
void tape_read(struct tape *t, struct tape_chan *c, uint32_t pid, const char *s);

#endif
