/* SPDX-License-Identifier: Apache-2.0 */
/* ends_priv.h - what ends.c and ends_judge.c share */
#ifndef MW_CORE_ENDS_PRIV_H
#define MW_CORE_ENDS_PRIV_H

#include "core/ends.h"

#define MW_ENDS_GAPS	8
#define MW_ENDS_HEADS	8
#define MW_ENDS_BUCKETS 1024

struct entry {
	struct entry *next, *prev;	     /* pending */
	struct entry *same_next, *same_prev; /* pending, in one bucket of the index */
	struct entry *after;		     /* ready */
	struct mw_chan *chan;
	uint64_t hash;
	struct mw_slice held;	    /* own copy of the bytes; n 0 if there was no room */
	struct mw_slice held_event; /* and of the event's type */
	/* What is said of it: bytes is where they are at this moment; off, times and process are
	 * those of seen[end]. */
	struct mw_frame frame;
	uint64_t number; /* of its HTTP message, as its FIRST said */
	struct mw_sight seen[2];
	enum mw_end end;
	enum mw_msg_state say; /* on the ready list: what to say */
	bool pending, out;
	bool done, one_sided, differs, incomplete;
	void *user;
};

struct list {
	struct entry *head, *tail;
	size_t n;
};

struct ends_chan {
	struct ends_chan *next, *prev; /* all of them, for the tick */
	struct mw_chan *chan;
	struct mw_framer framer[2];
	bool seen[2], closed[2];
	uint64_t pos[2]; /* offset behind the last byte or gap of each end */
	struct {
		bool seen;
		uint64_t off;
	} head[2];	 /* the first head of an HTTP message of each end */
	int64_t delta;	 /* offset at the writing end minus offset at the reading end */
	int64_t xdelta;	 /* the same of the numbers of HTTP messages */
	uint64_t
	    last_xchg[2]; /* number of the latest HTTP message begun at each end, as it counts */
	bool one_sided, trusted_known, dropped, junk_said;
	enum mw_end trusted;
	struct list pending[2];
	size_t n_done[2];
	uint64_t after[2];   /* offset behind the last message of each end */
	uint64_t n_nomem[2]; /* of its framers, as counted already */
	struct {
		uint64_t from, to;
	} gaps[2][MW_ENDS_GAPS];
	unsigned int n_gaps[2];
	struct {
		const char *name; /* why the place was lost there last; or NULL */
		uint64_t off;
	} odd[2];
	/* the latest requests by HEAD at each end: their numbers, 0 none */
	uint64_t heads[2][MW_ENDS_HEADS];
	unsigned int n_heads[2];
};

struct mw_ends {
	const struct mw_alloc *a;
	size_t message_max;
	uint64_t seed;
	size_t held_bytes;
	uint64_t ticked_ns;
	struct ends_chan *chans;
	struct {
		struct entry *head, *tail;
	} index[MW_ENDS_BUCKETS]; /* pending entries, by channel, end and hash; oldest first */
	struct entry *ready, *ready_last; /* to be given out, in order */
	struct entry *lent;		  /* was given out last */
	uint64_t n_nomem;
	struct ends_chan *current; /* whose framer may hold more frames */
	enum mw_end current_end;
	struct ends_chan *ending; /* at the end: whose unfinished lines are next */
	unsigned int ending_end;
	struct mw_msg gap, closed; /* to be given out first, and behind the frames */
	bool gap_pending, closed_pending, evict_pending;
	struct mw_chan *evict_chan;
};

static inline enum mw_end mw_ends_other(enum mw_end end)
{
	return end == MW_END_READ ? MW_END_WRITE : MW_END_READ;
}

/* An offset at one end as the other end counts. */
static inline uint64_t mw_ends_at_other(const struct ends_chan *c, enum mw_end end, uint64_t off)
{
	int64_t delta = c->chan->aligned ? c->chan->ahead : c->delta;

	return end == MW_END_WRITE ? off - (uint64_t)delta : off + (uint64_t)delta;
}

/* It was found inside of an HTTP message, whose head only the other end has. */
static inline bool mw_ends_headless(const struct ends_chan *c, enum mw_end end)
{
	return c->chan->aligned && !c->head[end].seen && c->head[mw_ends_other(end)].seen;
}

/* ends_entry.c */
/* A copy that waits for its other one: of this frame, seen at `end`. NULL: no memory. */
struct entry *mw_ends_add(struct mw_ends *e, struct ends_chan *c, enum mw_end end,
			  const struct mw_frame *f, uint64_t hash);
/* The oldest copy at `end` that is this frame, seen at the other end, or the one at its place if
 * places can be compared; or NULL. */
struct entry *mw_ends_find(struct mw_ends *e, struct ends_chan *c, enum mw_end end,
			   const struct mw_frame *f, uint64_t hash);
/* Makes the bytes its own, or counts that there is no room. */
void mw_ends_hold(struct mw_ends *e, struct entry *en);
void mw_ends_remove(struct mw_ends *e, struct ends_chan *c, struct entry *en);
/* It is pending no more; freed unless it is out. */
void mw_ends_forget(struct mw_ends *e, struct entry *en);
void mw_ends_entry_free(struct mw_ends *e, struct entry *en);
/* All that is pending at both ends. */
void mw_ends_forget_all(struct mw_ends *e, struct ends_chan *c);
/* What the caller had until now. */
void mw_ends_give_back(struct mw_ends *e);
/* The number of an HTTP message as the writing end counts. */
uint64_t mw_ends_number(const struct ends_chan *c, enum mw_end end, uint64_t xchg);

/* ends_judge.c */
/* The message is given out by next. It stays pending, done, where its other copy may still come and
 * must not count as a new message. */
void mw_ends_stand_alone(struct mw_ends *e, struct ends_chan *c, struct entry *en,
			 enum mw_msg_state say);
/* Its other copy came after all, or will not come. */
void mw_ends_forget_done(struct mw_ends *e, struct ends_chan *c, struct entry *en);
/* All copies of the channel stand alone now; in order. */
void mw_ends_settle(struct mw_ends *e, struct ends_chan *c);
/* Bytes at this end that nobody could read. */
void mw_ends_note_gap(struct ends_chan *c, enum mw_end end, uint64_t from, uint64_t n);
/* Too many are pending: the oldest go. */
void mw_ends_make_room(struct mw_ends *e, struct ends_chan *c, enum mw_end end);

#endif
