/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kin.h - the tree of processes as correlate needs it: whose server's tree, which inherited tie
 *
 * A part of correlate of its own for its size. It knows nothing of calls but their numbers.
 */
#ifndef MW_CORE_KIN_H
#define MW_CORE_KIN_H

#include "base/alloc.h"
#include "base/table.h"
#include "core/types.h"

struct mw_corr_call; /* correlate_priv.h */
struct mw_corr_mind;

struct mw_corr_list {
	struct mw_corr_call *head, *tail;
};

/* A tie that processes inherit; counted references. Once it is shared it changes only where its
 * task's call becomes known, for all that have it. */
struct mw_kin_tie {
	size_t refs;
	struct mw_prockey server;
	uint64_t call; /* lineage; 0: shared among ids */
	bool certain, by_runtime;
	const char *why;
	uint64_t task, ts_ns;	 /* of the runtime, that started the process then; 0 not known */
	struct mw_kin_tie *next; /* of the same task */
	size_t n, n_all; /* ids that follow; candidates there were */
	bool lost;	 /* and calls that could not be followed */
	uint64_t ids[];
};

/* What is known of a server. Counted references: of the processes labelled with it, of its
 * calls. */
struct mw_kin_server {
	size_t refs;
	struct mw_prockey key;
	struct mw_corr_list sent, open, closed; /* oldest first */
	size_t n_open;
	uint64_t closed_end_ns; /* no call in closed ended later */
	uint64_t given_up;	/* open calls that could not be kept */
	struct mw_kin_tie *tie; /* to all open calls; NULL or of now */
	struct mw_corr_mind *mind; /* NULL or mw_corr_mind_free's */
};

struct mw_kin_node {
	struct mw_prockey key;
	struct mw_kin_node *parent, *child, *sibling_prev, *sibling;
	struct mw_kin_node *prev, *next; /* in list */
	struct mw_kin_list *list;
	struct mw_kin_server *server; /* of whose tree it is; NULL none */
	struct mw_kin_tie *tie;	      /* inherited; NULL none */
	bool is_server;
	bool parent_known; /* learned once; also if the parent is gone from here */
	bool judged;	   /* its tie was decided when it was started (tie NULL: to no call) */
	uint8_t rt_kind;   /* enum mw_runtime_kind */
	bool rt_reads, rt_exact;
};

struct mw_kin_list {
	struct mw_kin_node *head, *tail;
	size_t n;
};

struct mw_kin {
	const struct mw_alloc *a;
	struct mw_table *table;
	struct mw_kin_list living, servers, ended; /* oldest first */
	size_t max;
	uint64_t evicted; /* living ones */
};

/* 0, -ENOMEM. max is at least 16 whatever is said. */
int mw_kin_new(const struct mw_alloc *a, size_t max, struct mw_kin **ret);
void mw_kin_free(struct mw_kin *k);
/* NULL unknown. Borrowed until the next note. */
struct mw_kin_node *mw_kin_get(const struct mw_kin *k, struct mw_prockey key);
/* Finds or makes; the oldest may go for it, but not `keep`. 0, -ENOMEM. */
int mw_kin_note(struct mw_kin *k, struct mw_prockey key, const struct mw_kin_node *keep,
		struct mw_kin_node **ret);
/* Makes child a child of parent, and of its server's tree with all below it. False: its parent is
 * known already, or it would be its own ancestor. */
bool mw_kin_link(struct mw_kin *k, struct mw_kin_node *child, struct mw_kin_node *parent);
/* Becomes a server: all below it, down to other servers, is of its tree now and loses ties to calls
 * of others. 0, -ENOMEM. */
int mw_kin_serve(struct mw_kin *k, struct mw_kin_node *n);
void mw_kin_end(struct mw_kin *k, struct mw_kin_node *n);
/* Takes a reference of its own; NULL takes the tie away. */
void mw_kin_set_tie(struct mw_kin *k, struct mw_kin_node *n, struct mw_kin_tie *tie);

/* With one reference, n ids of room. NULL: no memory. */
struct mw_kin_tie *mw_kin_tie_new(const struct mw_alloc *a, struct mw_prockey server, size_t n);
/* Take NULL. */
void mw_kin_tie_unref(const struct mw_alloc *a, struct mw_kin_tie *tie);
void mw_kin_server_unref(const struct mw_alloc *a, struct mw_kin_server *s);
/* correlate_mind.c. Takes NULL. */
void mw_corr_mind_free(const struct mw_alloc *a, struct mw_corr_mind *mind);

#endif
