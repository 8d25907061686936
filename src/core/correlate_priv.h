/* SPDX-License-Identifier: Apache-2.0 */
/* What correlate.c (calls and processes) and correlate_tie.c (the decision) share, and nobody
 * else. */
#ifndef MW_CORE_CORRELATE_PRIV_H
#define MW_CORE_CORRELATE_PRIV_H

#include "base/table.h"
#include "core/args.h"
#include "core/correlate.h"
#include "core/effects.h"
#include "core/kin.h"

/* A call at one server's process. The first one is in `calls` and has all else; the others are
 * those it was reopened at, behind it in `also`. */
struct mw_corr_call {
	uint64_t id, begin_ns, end_ns;
	uint64_t was_begin_ns, was_end_ns; /* the round before; 0, 0: there was none */
	bool open;	  /* not answered: in its server's list sent or open, by `read` */
	bool read;	  /* seen to be read by the server */
	bool unconfirmed; /* only the server's own end has shown the request so far */
	bool doubted;	  /* events were lost while it was open: its end may be among them */
	struct mw_kin_server *server;
	struct mw_args *args;	/* NULL: not known. Of the first one; so are the effects */
	struct mw_kin_tie *tie; /* lineage to this call; NULL: none asked for it yet */
	struct mw_effects effects;
	struct mw_corr_call *prev, *next; /* in its server's list */
	struct mw_corr_call *first;	  /* itself, if it is that */
	struct mw_corr_call *also;	  /* the next place of the same call */
};

/* Whether a call was open here at ts_ns: in the round it is in, or in the one before. */
static inline bool mw_corr_was_open(const struct mw_corr_call *x, uint64_t ts_ns)
{
	return (x->begin_ns <= ts_ns && (x->open || x->end_ns >= ts_ns)) ||
	       (x->was_end_ns && x->was_begin_ns <= ts_ns && x->was_end_ns >= ts_ns);
}

/* Since when it was, where it was. */
static inline uint64_t mw_corr_since(const struct mw_corr_call *x, uint64_t ts_ns)
{
	return x->was_end_ns && ts_ns <= x->was_end_ns ? x->was_begin_ns : x->begin_ns;
}

struct mw_correlate {
	struct mw_correlate_config cfg;
	const struct mw_alloc *a;
	struct mw_table *calls;
	struct mw_table *lost; /* call to server */
	struct mw_kin *kin;
	struct mw_correlate_stats stats;
};

struct mw_corr_call *mw_corr_call(const struct mw_correlate *c, uint64_t id);
/* Of the calls that were read and open at ts_ns the one after prev (NULL: the first); those closed
 * since come first, else oldest first. NULL: there is none. */
struct mw_corr_call *mw_corr_candidate(const struct mw_kin_server *s, uint64_t ts_ns,
				       const struct mw_corr_call *prev);
/* A tie to one call, with one reference. NULL: no memory. */
struct mw_kin_tie *mw_corr_tie_new(const struct mw_correlate *c, const struct mw_corr_call *call,
				   const char *why);

#endif
