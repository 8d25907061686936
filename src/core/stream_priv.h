/* SPDX-License-Identifier: Apache-2.0 */
/* stream_priv.h - what stream.c and stream_chan.c share */
#ifndef MW_CORE_STREAM_PRIV_H
#define MW_CORE_STREAM_PRIV_H

#include "base/table.h"
#include "core/stream.h"

/* What an event brings, and whence. */
struct piece {
	uint64_t off, ts_ns;
	struct mw_prockey proc;
	const uint8_t *bytes;
	uint32_t tid, moved, captured;
	struct mw_move move;
	uint16_t flags;
	uint8_t miss;
	bool inside; /* not the beginning of a system call */
};

struct held {
	struct held *next;
	uint64_t since;
	struct piece piece;
	uint8_t bytes[];
};

struct mw_half {
	uint64_t chan, gen; /* as this end names it */
	uint64_t next;	    /* offset of the first byte not given out */
	struct held *head, *tail;
	size_t n_held, held_bytes;
	struct mw_half *wait_prev, *wait_next;
	struct mw_half *work_next;
	struct chan *of;
	struct mw_half *ending_prev, *ending_next;
	uint64_t last_ns;  /* of its latest event */
	uint32_t seq0;	   /* if has_seq: TCP sequence number of offset 0, by the latest event */
	uint64_t close_ns; /* what the latest close said, as are proc and tid */
	struct mw_prockey close_proc;
	uint32_t close_tid;
	bool queued, has_seq;
	bool ending;  /* the other side sends no more, but what it sent may not be read yet */
	bool closing; /* nothing more comes: to be said behind what it holds */
	bool closed;  /* and it was said */
	uint8_t end;  /* enum mw_end */
};

struct chan {
	struct mw_chan pub;
	struct mw_half half[2];
	struct chan *newer, *older; /* by last use */
	uint64_t key[6];
};

struct mw_stream {
	const struct mw_alloc *a;
	size_t chan_max;
	struct mw_table *table;
	struct chan *newest, *oldest;
	struct mw_half *wait_first;
	struct mw_half *ending_first;		/* halves that are ending */
	struct mw_half *work_first, *work_last; /* halves that may have something to give */
	const struct mw_ev_io *ev;		/* to be given out of ev_half; not ours */
	struct mw_half *ev_half;
	struct mw_chunk rest;	  /* the gap behind what was just given out; gap 0: none */
	struct held *lent;	  /* its bytes are with the caller */
	struct chan *leaving;	  /* evicted, not all given out yet */
	struct chan *left;	  /* evicted, and said so: freed at the next call */
	uint64_t now_ns, tick_ns; /* the latest of all, and of the ticks */
	uint64_t last_id;
	bool finishing;
	struct mw_stream_stats stats;
};

/* stream_chan.c */
/* The channel of this event, made if need be; 1 if the event speaks of an older one of this name;
 * -ENOMEM. It may leave one to be given up in s->leaving. */
int mw_stream_chan_of(struct mw_stream *s, const struct mw_ev_io *ev, struct chan **ret);
/* Its half at the end that the event speaks of, which brings what is known of it up to date. */
struct mw_half *mw_stream_touch(struct mw_stream *s, struct chan *c, const struct mw_ev_io *ev);
/* The half of this connection that bytes go through in this direction, if it was seen; else NULL.
 */
struct mw_half *mw_stream_half_of(struct mw_stream *s, const struct mw_ev_close *ev,
				  enum mw_dir dir);
/* stream.c */
void mw_stream_ending(struct mw_stream *s, struct mw_half *h, bool ending);

#endif
