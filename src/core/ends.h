/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.h - the two copies of one message, brought together
 *
 * A channel is seen where it is written and where it is read. The observed server can change its
 * own copy between the system call and our look at it (a second thread rewrites the buffer, or puts
 * another file behind the fd); the client's copy is out of its reach. So each message is held until
 * both copies are there, and compared by length and hash:
 *
 *   FIRST    a copy of a message nobody has seen yet: what it says holds for now
 *   SETTLED  the message is what it is: both copies are equal, or the trusted end's copy stands
 * alone DENIED   the trusted end passed this place without this message: its FIRST was not true
 *
 * Every message has one FIRST, then exactly one SETTLED or DENIED, with the same `user` slot.
 *
 * When a copy stands alone: what was read, if the writing end was never seen, after
 * MW_ENDS_GRACE_NS (and at once for the later messages of this channel); what lies before the first
 * byte seen of the other end, after MW_ENDS_GRACE_NS; what was written and its
 * reading end never seen, only when mw_ends_alone says so: it may lie in the pipe for long; if the
 * other end was seen, once it has passed this place and MW_ENDS_WAIT_NS went by (exits of two
 * writers overtake each other); at once if the other end has a gap at this place. Offsets of the
 * ends are taken as equal until an equal message teaches their difference; the latest one counts.
 */
#ifndef MW_CORE_ENDS_H
#define MW_CORE_ENDS_H

#include "core/frame.h"

#define MW_ENDS_GRACE_NS 50000000ull
#define MW_ENDS_WAIT_NS	 1000000000ull
#define MW_ENDS_JUNK	 16384u
/* Most unsettled messages of one end of a channel, and their bytes in all. */
#define MW_ENDS_PENDING_MAX 8192
#define MW_ENDS_BYTES_MAX   (64u << 20)

enum mw_msg_state {
	MW_MSG_FIRST = 1,
	MW_MSG_SETTLED,
	MW_MSG_DENIED,
	MW_MSG_GAP,	   /* bytes of the stream are missing: gap_bytes, reason, seen[end] */
	MW_MSG_BROKEN,	   /* what is left of a line that a gap broke: bytes; or the place in HTTP
			    * is lost: odd says why, by the end that says it first */
	MW_MSG_UNFINISHED, /* at the end: a line without its LF: bytes */
	MW_MSG_JUNK, /* MW_ENDS_JUNK bytes without LF that begin no JSON, on a channel nobody trusts
		      * an end of: said once */
	MW_MSG_CLOSED, /* the connection ended its sending at this end: `end`, seen[end].end_ns */
	MW_MSG_EVICTED, /* the channel is given up; all its messages were settled or denied before
			 */
};

/* One end's sight of a message. */
struct mw_sight {
	bool seen;
	uint64_t begin_ns, end_ns, off;
	struct mw_prockey proc;
	uint32_t tid;
	struct mw_task task; /* of the system call that moved its last byte */
	bool alone;	     /* that call ended with it, and began behind the message before it */
};

struct mw_msg {
	enum mw_msg_state state;
	struct mw_chan *chan;
	struct mw_slice bytes; /* borrowed until the next call */
	uint64_t len;	       /* decoded; more than bytes.n if cut */
	bool cut;
	enum mw_frame_kind kind; /* FIRST, SETTLED, DENIED: as in struct mw_frame, and below */
	enum mw_carrier carrier;
	bool response;
	uint64_t xchg;
	struct mw_slice event;
	bool partial;
	const char *odd;
	struct mw_sight seen[2];   /* by enum mw_end */
	bool one_sided;		   /* SETTLED: the other end is not seen at all */
	bool differs;		   /* SETTLED: the other end was seen and did not have this */
	bool incomplete;	   /* SETTLED: the other end has a gap here */
	enum mw_end end;	   /* FIRST, DENIED, GAP, BROKEN: whose */
	uint64_t gap_bytes;	   /* GAP */
	enum mw_gap_reason reason; /* GAP */
	void **user; /* FIRST, SETTLED, DENIED: the message's slot, NULL at first; for the next
			stage */
};

struct mw_ends;

/* message_max: longest message kept whole. seed: of the hash; unknown to the observed. */
int mw_ends_new(const struct mw_alloc *a, size_t message_max, uint64_t seed, struct mw_ends **ret);
void mw_ends_free(struct mw_ends *e);
/* One chunk, borrowed until next has said 0. 0 or -ENOMEM (what was lost comes out as a GAP). */
int mw_ends_push(struct mw_ends *e, const struct mw_chunk *c);
/* Time passed: copies that waited long enough stand alone. */
void mw_ends_tick(struct mw_ends *e, uint64_t now_ns);
/* The end of input: all copies stand alone now. */
void mw_ends_finish(struct mw_ends *e);
/* 1 a message, 0 none now. */
int mw_ends_next(struct mw_ends *e, struct mw_msg *ret);
/* Which end of this channel is out of the server's reach; before it is told, both are. */
void mw_ends_trust(struct mw_ends *e, struct mw_chan *chan, enum mw_end end);
/* The reading end of this channel will not be seen, if it was not so far: what was written there
 * stands alone from now on. */
void mw_ends_alone(struct mw_ends *e, struct mw_chan *chan);
/* Not a channel of messages: forget it and pass over its bytes from now on. */
void mw_ends_drop(struct mw_ends *e, struct mw_chan *chan);
/* It may be one after all: its next line counts again. */
void mw_ends_revive(struct mw_ends *e, struct mw_chan *chan);
/* How often something was lost for lack of memory: a message, its bytes, a channel. */
uint64_t mw_ends_nomem(const struct mw_ends *e);

#endif
