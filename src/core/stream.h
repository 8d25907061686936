/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - I/O events in, ordered bytes with explicit gaps out
 *
 * A channel is bytes in one direction. It is seen at up to two ends: where it is written and where
 * it is read. Each end is a half with its own offsets from 0: chunks of a half come out in the
 * order of their offsets, each byte once, and what is missing comes out as a gap of known length,
 * never silently. Chunks that overtook each other between two cpus are held until the hole before
 * them is filled, or until a tick finds that the hole is known for MW_STREAM_WAIT_NS; then the hole
 * is a gap. A chunk that finds no room (MW_STREAM_HELD_*, or no memory) is not lost: the holes
 * before it become gaps at once. What arrives for a place already passed is dropped and counted.
 *
 * Pipes and unix sockets are found by kind and `chan`, and `gen` tells two lives of it apart. TCP
 * is found by namespace and by the two addresses in the direction of the bytes (a write goes from
 * local to peer, a read comes from peer to local; ::ffff:a.b.c.d is a.b.c.d), so that both sockets
 * of a connection meet; a socket without addresses has its two directions alone. A later gen of a
 * known end begins a new channel and evicts the old one; bytes of an earlier gen are late.
 *
 * The two channels of one connection know each other (`back`): those of a TCP connection by their
 * addresses, those of a unix socket by mw_ev_io.other.
 */
#ifndef MW_CORE_STREAM_H
#define MW_CORE_STREAM_H

#include "base/alloc.h"
#include "core/types.h"

#define MW_STREAM_WAIT_NS 200000000ull
/* What the other side sent before it ended its sending may be read later: so long nothing must have been
 * read until the reading end counts as closed, if it is not closed itself. */
#define MW_STREAM_QUIET_NS 1000000000ull
/* Held at once: bytes (with bookkeeping) and chunks of one half, and bytes of all halves. */
#define MW_STREAM_HELD_MAX    (8u << 20)
#define MW_STREAM_HELD_CHUNKS 256u
#define MW_STREAM_HELD_TOTAL  (64u << 20)

enum mw_gap_reason {
	MW_GAP_LOST = 1,    /* the event that carried it was lost (a hole in the offsets) */
	MW_GAP_FAULT = 2,   /* the page was not there */
	MW_GAP_LIMIT = 3,   /* over a limit of the kernel side */
	MW_GAP_CARRIER = 4, /* moved by a call whose bytes cannot be read */
	MW_GAP_MEMORY = 5,  /* no memory here; not by this stage */
	MW_GAP_URING = 6,   /* moved by io_uring */
};

struct mw_half; /* private */

/* Identity is borrowed by everyone who holds the pointer until a chunk with `evicted` names it. */
struct mw_chan {
	uint64_t id;		   /* running number from 1; never reused */
	uint8_t kind;		   /* enum mw_chan_kind */
	uint64_t ino;		   /* 0 unknown */
	uint64_t chan, gen;	   /* as in mw_ev_io of the end seen first: for mw_control */
	uint64_t chan2, gen2;	   /* TCP: of the other end, if seen; else 0 */
	struct mw_addr src, dst;   /* TCP: who writes, who reads */
	struct mw_prockey last[2]; /* by enum mw_end: the process that touched it last; or none */
	struct mw_half *half[2];   /* private; NULL: this end was never seen */
	struct mw_chan *back;	   /* the way back of the same connection, if seen; else NULL */
	bool candidate;		   /* only candidates have touched it so far */
	/* TCP: how much the offsets of the writing end are ahead of those of the reading end, by the
	 * sequence numbers of both; aligned false: one of them is not known. */
	bool aligned;
	int64_t ahead;
	void *ends, *session;	   /* the next stages' own; start NULL */
	void *wire[2];		   /* likewise, by enum mw_end */
	bool wanted;		   /* its bytes are looked at also where they are no MCP (wire.h) */
};

struct mw_chunk {
	struct mw_chan *chan;
	enum mw_end end;
	bool evicted;	       /* the channel ends here; besides `chan` nothing is set */
	uint64_t off;	       /* of the first byte, in this half */
	struct mw_slice bytes; /* borrowed until the next call */
	bool inside;	       /* the first byte is not the first one of a system call */
	bool closed;	       /* nothing more comes at this end: the connection was closed */
	uint64_t gap;	       /* > 0: that many bytes are missing here, and bytes is empty */
	enum mw_gap_reason reason;
	uint64_t ts_ns; /* end of the system call that moved them */
	struct mw_prockey proc;
	uint32_t tid;
	struct mw_move move;
	uint16_t flags;	    /* of its event: MW_EVF_CANDIDATE, MW_EVF_STREAM */
	uint64_t sock, gen; /* `chan` and `gen` as this end names them */
};

struct mw_stream;

struct mw_stream_stats {
	uint64_t bytes, gap_bytes; /* given out */
	uint64_t late_bytes;	   /* for a place already passed */
	uint64_t dropped_bytes; /* no memory for their channel: a hole, if the channel ever comes */
	uint64_t held_bytes;	/* now, with bookkeeping */
	uint64_t evicted;	/* channels given up because the table was full */
	uint64_t replaced;	/* channels that ended because a later gen took their place */
};

/*
 * chan_max: most channels followed at once; beyond, the one longest unused is given up: what it
 * holds comes out, then a chunk with `evicted`. If it is used again it is a new channel, and all
 * before that is a gap. 0, -EINVAL (chan_max 0), -ENOMEM.
 */
int mw_stream_new(const struct mw_alloc *a, size_t chan_max, struct mw_stream **ret);
/* Takes NULL. Channels end without a word. */
void mw_stream_free(struct mw_stream *s);
/*
 * One checked MW_EV_IO; borrowed until next has said 0. Pull until 0 after each push, also after a
 * failed one. 0; -ENOMEM: there is no memory for its channel (the bytes are in dropped_bytes);
 * -EBUSY: not pulled to the end, nothing happened.
 */
int mw_stream_push(struct mw_stream *s, const struct mw_ev_io *ev);
/* One checked MW_EV_CLOSE: a chunk with `closed` for each end that it ends, behind what that end
 * holds; if only the other side ended its sending, after MW_STREAM_QUIET_NS. Each end says so once,
 * unless bytes come after it. Of a connection nothing was seen of: nothing. Pull until 0. 0, -EBUSY.
 */
int mw_stream_close(struct mw_stream *s, const struct mw_ev_close *ev);
/* Time passed: holes that waited long enough become gaps. Pull until 0. */
void mw_stream_tick(struct mw_stream *s, uint64_t now_ns);
/* All holes become gaps now: the end of input. Pull until 0. */
void mw_stream_finish(struct mw_stream *s);
/* 1 a chunk, 0 nothing more now. A chunk and its bytes are borrowed until the next call of next,
 * push or free; an evicted channel likewise. */
int mw_stream_next(struct mw_stream *s, struct mw_chunk *ret);
void mw_stream_stats(const struct mw_stream *s, struct mw_stream_stats *ret);
/* How many channels are followed. */
size_t mw_stream_count(const struct mw_stream *s);

#endif
