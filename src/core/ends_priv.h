/* SPDX-License-Identifier: Apache-2.0 */
/* ends_priv.h - what ends.c and ends_judge.c share */
#ifndef MW_CORE_ENDS_PRIV_H
#define MW_CORE_ENDS_PRIV_H

#include "core/ends.h"

#define MW_ENDS_GAPS 8

struct entry {
	struct entry *next, *prev; /* pending */
	struct entry *after;	   /* ready */
	struct mw_chan *chan;
	uint64_t hash, len;
	struct mw_slice held; /* own copy of the bytes; n 0 if there was no room */
	struct mw_slice now;  /* where they are at this moment, for the output */
	struct mw_sight seen[2];
	enum mw_end end;
	enum mw_msg_state say; /* on the ready list: what to say */
	bool pending, out;
	bool cut, done, one_sided, differs, incomplete;
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
	bool seen[2];
	uint64_t pos[2]; /* offset behind the last byte or gap of each end */
	int64_t delta;	 /* offset at the writing end minus offset at the reading end */
	bool one_sided, trusted_known, dropped, junk_said;
	enum mw_end trusted;
	struct list pending[2];
	size_t n_done[2];
	uint64_t n_nomem[2]; /* of its framers, as counted already */
	struct {
		uint64_t from, to;
	} gaps[2][MW_ENDS_GAPS];
	unsigned int n_gaps[2];
};

struct mw_ends {
	const struct mw_alloc *a;
	size_t message_max;
	uint64_t seed;
	size_t held_bytes;
	uint64_t ticked_ns;
	struct ends_chan *chans;
	struct entry *ready, *ready_last; /* to be given out, in order */
	struct entry *lent;		  /* was given out last */
	uint64_t n_nomem;
	struct ends_chan *current; /* whose framer may hold more frames */
	enum mw_end current_end;
	struct ends_chan *ending; /* at the end: whose unfinished lines are next */
	unsigned int ending_end;
	struct mw_msg gap; /* a GAP to be given out first */
	bool gap_pending, evict_pending;
	struct mw_chan *evict_chan;
};

static inline enum mw_end mw_ends_other(enum mw_end end)
{
	return end == MW_END_READ ? MW_END_WRITE : MW_END_READ;
}

/* ends.c */
void mw_ends_remove(struct list *l, struct entry *en);
/* It is pending no more; freed unless it is out. */
void mw_ends_forget(struct mw_ends *e, struct entry *en);

/* ends_judge.c */
/* The message is given out by next. It stays pending, done, where its other copy may still come and
 * must not count as a new message. */
void mw_ends_stand_alone(struct mw_ends *e, struct ends_chan *c, struct entry *en,
			 enum mw_msg_state say);
/* Its other copy came after all, or will not come. */
void mw_ends_forget_done(struct mw_ends *e, struct ends_chan *c, struct entry *en);
/* All copies of the channel stand alone now; in order. */
void mw_ends_settle(struct mw_ends *e, struct ends_chan *c);
/* Too many are pending: the oldest go. */
void mw_ends_make_room(struct mw_ends *e, struct ends_chan *c, enum mw_end end);

#endif
