/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - the first stage: bytes are an event or they are refused
 *
 * After mw_event_check has said yes, every length inside the event is known to lie inside it, and
 * the other stages may use the typed views below without checking again.
 */
#ifndef MW_CORE_EVENT_H
#define MW_CORE_EVENT_H

#include <mcpwatch/event.h>

#include "base/alloc.h"
#include "base/slice.h"

/*
 * Whether the first bytes of p[0..n) are one whole, sound event: its length (> 0, a multiple of 8);
 * 0 if n ends inside it; -EBADMSG if it cannot be one: its length (less than a header or than the
 * body of its type, more than MW_EVENT_MAX, no multiple of 8), inner lengths beyond its end, and of
 * an I/O event: captured > moved, off + moved beyond 64 bits, a dir or kind that does not exist. A
 * type it does not know is sound if its header is. p is 8-aligned.
 *
 * A body is exactly its struct, and the variable data begins right behind it; bytes
 * behind that are passed over. A stream whose MW_EV_META names another version is not for this
 * reader: the source or the engine refuses it there.
 */
int mw_event_check(const void *p, size_t n);

/* The bytes behind an I/O event. */
struct mw_slice mw_event_io_bytes(const struct mw_ev_io *ev);

struct mw_event_proc_strings {
	struct mw_slice exe, argv, cwd, cgroup;
};
struct mw_event_proc_strings mw_event_proc_strings(const struct mw_ev_proc *ev);

struct mw_event_act_strings {
	struct mw_slice path, base, asked, base2, asked2;
};
struct mw_event_act_strings mw_event_act_strings(const struct mw_ev_act *ev);

struct mw_event_meta_strings {
	struct mw_slice host, kernel, boot_id, mcpwatch;
	struct mw_slice sources; /* NUL after each */
};
struct mw_event_meta_strings mw_event_meta_strings(const struct mw_ev_meta *ev);
struct mw_slice mw_event_user(const struct mw_ev_user *ev, struct mw_slice *ret_home);
struct mw_slice mw_event_state(const struct mw_ev_state *ev);
struct mw_slice mw_event_outlet(const struct mw_ev_outlet *ev);
struct mw_slice mw_event_env(const struct mw_ev_env *ev);
struct mw_slice mw_event_seal_vkey(const struct mw_ev_seal *ev);
/* The configured name, and the file that gives it. */
struct mw_slice mw_event_name(const struct mw_ev_name *ev, struct mw_slice *ret_file);

/*
 * Holes in the per-cpu sequence numbers. A nested interrupt may deliver two numbers of one cpu out
 * of order, so a hole is declared only when it lies MW_SEQ_WINDOW behind.
 */
#define MW_SEQ_WINDOW 64
struct mw_seq;
/* Follows the cpus 0 to n_cpu_max - 1; what comes of another is only counted. 0, -ENOMEM. */
int mw_seq_new(const struct mw_alloc *a, unsigned int n_cpu_max, struct mw_seq **ret);
/* Takes NULL. */
void mw_seq_free(struct mw_seq *s);
/*
 * Notes one kernel event (cpu not MW_CPU_NONE) and says how many more events are now known to be
 * lost. The first number seen of a cpu starts it: at most MW_SEQ_WINDOW, the ones from 0 on are
 * expected; beyond, we joined in the middle and nothing before it is missed. A number already
 * judged changes nothing. Constant time, however far it jumps.
 */
uint64_t mw_seq_push(struct mw_seq *s, uint32_t cpu, uint64_t seq);
/* Whether a number between those seen of a cpu is missing now, declared or not yet. */
bool mw_seq_broken(const struct mw_seq *s, uint32_t cpu);
/* The end: `next` is the number the kernel would give next. How many more are now known to be lost;
 * of a cpu nothing was seen of: all of them. */
uint64_t mw_seq_finish(struct mw_seq *s, uint32_t cpu, uint64_t next);
/* Pushes of cpus that are not followed. */
uint64_t mw_seq_unfollowed(const struct mw_seq *s);

#endif
