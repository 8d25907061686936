/* SPDX-License-Identifier: Apache-2.0 */
/* scope_priv.h - what scope.c and its parts share */
#ifndef MW_IO_SCOPE_PRIV_H
#define MW_IO_SCOPE_PRIV_H

#include "base/table.h"
#include "io/hold.h"
#include "io/names.h"
#include "io/scope.h"

#define MW_SCOPE_KNOWN	      4096 /* a power of two */
#define MW_SCOPE_ARGV_MAX     4096
#define MW_SCOPE_CLIENTS_EACH 16
#define MW_SCOPE_HIDDEN_MAX   4096

enum mw_tree_state {
	MW_TREE_HELD,	  /* undecided */
	MW_TREE_OBSERVED, /* a server's, or watched */
	MW_TREE_GONE,	  /* let go */
};

struct mw_member {
	struct mw_prockey key, parent;
	struct mw_tree *tree;
	struct mw_member *next, **at;		   /* in the tree */
	struct mw_member *leave_next, *leave_prev; /* in the order of due_ns, oldest first */
	uint64_t due_ns;			   /* when it is forgotten; 0: not yet */
	bool on; /* holds one of the tree's channels, as far as is known */
	bool ended;
};

struct mw_tree {
	struct mw_tree *next, **at; /* newest first */
	struct mw_tree *above;	    /* what it was started in; NULL none */
	enum mw_tree_state state;
	struct mw_prockey root, parent; /* parent: none once its stream was given back */
	uint64_t chan_in, chan_out;
	struct mw_member *members;
	size_t n_alive, n_on; /* of the living */
	uint64_t idle_ns;     /* since when nobody is on its channels; 0 */
	struct mw_hold hold;
	uint8_t *argv; /* how its root was started; may be NULL */
	size_t argv_len;
};

/* A process that is tagged STREAM by us, or by the kernel for a tree. */
struct mw_stream_tag {
	uint32_t tgid;
	unsigned int refs;
	uint64_t idle_ns; /* since when nobody needs it; 0 */
};

struct mw_found_server {
	struct mw_prockey key;
	uint16_t port; /* 0: not over TCP */
	size_t n_clients;
	uint32_t clients[MW_SCOPE_CLIENTS_EACH];
	bool named;
};

/* Two processes that talked already; by each of their channels. */
struct mw_found_pair {
	uint64_t chan;
	uint32_t a, b;
};

struct mw_pending_key {
	uint64_t chan, gen;
};

/* A connect in progress whose action is held. */
struct mw_pending {
	struct mw_pending_key key;
	struct mw_prockey who;
};

/* A channel that is not to be looked at; until what was under way when that was decided has passed.
 */
struct mw_hidden {
	uint64_t chan, due_ns;
};

struct mw_scope {
	const struct mw_config *config;
	const struct mw_scope_ops *ops;
	void *ctx;
	struct mw_table *members; /* by prockey */
	struct mw_tree *trees;
	size_t n_held; /* trees in state HELD */
	struct mw_member *leave_head, *leave_tail;
	struct mw_hold_store store;
	struct mw_hold out;   /* may be seen now */
	struct mw_hold later; /* once what is told of their process has been heard */
	struct mw_held *lent;
	struct mw_table *pending;		 /* by pending_key */
	struct mw_table *streams;		 /* by tgid */
	struct mw_table *servers;		 /* by prockey */
	struct mw_table *pairs;			 /* by channel */
	struct mw_table *hidden;		 /* by channel */
	struct mw_prockey known[MW_SCOPE_KNOWN]; /* whose bytes need no look-up */
	struct mw_control clients[MW_SCOPE_CLIENTS_MAX];
	size_t n_clients;
	uint64_t asked_ns; /* when all open files were looked at last */
	uint32_t self;
	bool scanned;	 /* the ports of what listened at start are told */
	uint64_t n_lost; /* to be said */
	struct mw_ev_lost lost;
	struct mw_names *names;
	struct mw_look look;
	struct mw_scope_stats stats;
};

enum mw_verdict_of { MW_FREE, MW_WATCHED, MW_IGNORED };

static inline int mw_scope_tag(struct mw_scope *s, uint32_t tgid, unsigned int set,
			       unsigned int clear)
{
	return s->ops->tag_change(s->ctx, tgid, set, clear);
}

static inline struct mw_prockey *mw_scope_known(struct mw_scope *s, struct mw_prockey key)
{
	return &s->known[(key.tgid ^ key.start_ns >> 20) & (MW_SCOPE_KNOWN - 1)];
}

/* --- scope_tree.c --- */

struct mw_member *mw_member_get(const struct mw_scope *s, struct mw_prockey key);
/* NULL: no room, and that was counted. */
struct mw_tree *mw_tree_new(struct mw_scope *s, struct mw_prockey root, struct mw_prockey parent);
void mw_tree_free_empty(struct mw_scope *s, struct mw_tree *t);
struct mw_member *mw_member_new(struct mw_scope *s, struct mw_tree *t, struct mw_prockey key,
				struct mw_prockey parent);
void mw_member_move(struct mw_scope *s, struct mw_member *m, struct mw_tree *to);
/* Whether it holds a channel of its tree. */
void mw_member_set_on(struct mw_scope *s, struct mw_member *m, bool on);
void mw_member_end(struct mw_scope *s, struct mw_member *m);
/* A tree, and those started in it, become observed. */
void mw_tree_promote(struct mw_scope *s, struct mw_tree *t);
/* A tree of its own of a member and what is below it; the tree itself where it is its root. NULL:
 * no room. */
struct mw_tree *mw_tree_split(struct mw_scope *s, struct mw_member *m);
void mw_tree_let_go(struct mw_scope *s, struct mw_tree *t);
void mw_tree_tick(struct mw_scope *s, uint64_t ts_ns);
void mw_tree_free_all(struct mw_scope *s);
/* Puts an event into the way out. */
void mw_scope_out(struct mw_scope *s, const struct mw_event_hdr *h);
/* Something found no room. */
void mw_scope_refuse(struct mw_scope *s);

/* --- scope_find.c --- */

void mw_stream_ref(struct mw_scope *s, uint32_t tgid);
void mw_stream_unref(struct mw_scope *s, uint32_t tgid);
void mw_scope_ended(struct mw_scope *s, struct mw_prockey key);
void mw_scope_find_tick(struct mw_scope *s, uint64_t ts_ns);
void mw_scope_find_free(struct mw_scope *s);
/* Tags a running process, and what is below it, as observed. */
void mw_scope_observe(struct mw_scope *s, uint32_t tgid);
/* Of a process by its own facts; what the configuration says of it. */
enum mw_verdict_of mw_scope_judge(const struct mw_scope *s, const struct mw_config_who *who);
/* Of a running process, by the nearest of itself and its ancestors that has one. */
enum mw_verdict_of mw_scope_verdict(struct mw_scope *s, uint32_t pid);
bool mw_scope_has_lists(const struct mw_scope *s);
/* For the core: nothing more comes of a process. */
void mw_scope_say_gone(struct mw_scope *s, struct mw_prockey key);

/* Whoever else holds a tree's channels is not to be seen on them: the tree is ignored. */
void mw_scope_hide(struct mw_scope *s, const struct mw_tree *t);
void mw_scope_unhide(struct mw_scope *s, uint64_t chan);
bool mw_scope_is_hidden(const struct mw_scope *s, uint64_t chan);

/* --- scope_name.c --- */

/* Looks up the configured name of a server, and tells it. client 0: who started it. Whether there
 * is one. */
bool mw_scope_name(struct mw_scope *s, const struct mw_control *c, uint32_t client);

#endif
