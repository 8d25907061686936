/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of correlate share, and nobody else. */
#ifndef MW_CORE_CORRELATE_PRIV_H
#define MW_CORE_CORRELATE_PRIV_H

#include "base/table.h"
#include "core/args.h"
#include "core/correlate.h"
#include "core/effects.h"
#include "core/kin.h"

struct mw_claim;

/* The id of a request, as a runtime's task may show it. */
struct mw_corr_id {
	bool is_int, known;
	uint64_t num;  /* two's complement; of a string that is such a number as well */
	uint64_t hash; /* FNV-1a of the string, or of the number's digits */
};

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
	struct mw_claim *leans; /* pending effects that are this call's as far as is known */
	struct mw_corr_id rpc;
	/* at this place: the read that brought it, and the write of its answer; ns 0: not seen */
	uint64_t context; /* PYTHON: the first task seen with its id; 0 none */
	uint64_t read_task, read_ns, wrote_task, wrote_ns;
	bool read_alone;  /* and nothing else */
	bool proven;	  /* the answer's task shows which of the effects are its own */
	bool clean;	  /* NODE: its answer came of its own request's read */
	bool others_went; /* one that overlapped it is not known any more, and was not clean */
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

/* What was done on one file, connection or path: one tie for all of it. */
struct mw_corr_group {
	struct mw_corr_group_key {
		uint64_t kind; /* enum mw_corr_same */
		uint64_t a, b;
	} key;
	struct mw_prockey server;
	uint64_t call; /* 0: not known */
	bool certain, by_runtime;
	bool torn;	/* its effects were proven to be of several calls */
	bool nobody;	/* it was opened for no call that is open */
	uint64_t late;	/* it was opened for this one, after its answer; 0 not */
	bool requested; /* a connection: it has carried a request */
	bool detached;	/* its key is another's now: it lives while members wait */
	uint64_t ts_ns;
	struct mw_claim *members; /* that wait */
};
enum mw_corr_same { MW_SAME_FILE = 1, MW_SAME_SOCKET, MW_SAME_PATH };
/* A claim is in at most one group of each: a file or socket, a path. */
enum { MW_GROUP_OBJECT, MW_GROUP_PATH, MW_GROUPS };

/* An effect that waits for what its candidates' answers say. */
struct mw_claim {
	struct mw_claim *prev, *next; /* of the server, oldest first */
	struct mw_claim *task_prev, *task_next;
	struct mw_claim *lean_prev, *lean_next;
	struct mw_claim *group_prev[MW_GROUPS], *group_next[MW_GROUPS];
	struct mw_corr_group *group[MW_GROUPS];
	struct mw_corr_mind *mind;
	struct mw_corr_task *task; /* NULL none */
	struct mw_corr_call *lean; /* the first place; NULL none */
	struct mw_kin_tie *via; /* counted: of a process that inherited it; NULL the server's own */
	uint64_t seq, ts_ns, born_ns, n;
	unsigned int power;
	enum mw_effect_kind kind;
	int64_t ret;
	enum mw_link link;
	enum mw_confidence confidence;
	bool by_runtime, after;
	bool proven;  /* by the task's own call: never changed by less */
	bool torn;    /* equally strong proof for two */
	bool several; /* more than one call was open */
	/* the tie that its record says */
	bool said_by_runtime;
	enum mw_link said_link;
	enum mw_confidence said_confidence;
	uint64_t said_call;
	const char *why;
	size_t n_target, n_target2;
	uint8_t text[];
};

/* A task of a server's runtime. */
struct mw_corr_task {
	uint64_t id, parent; /* 0 not known */
	struct mw_corr_task *up, *child, *sib_prev, *sib;
	struct mw_claim *claims, *claims_tail;
	struct mw_kin_tie *forks;    /* counted */
	uint64_t first_ns;	     /* seen; 0: only as a parent */
	uint64_t read_ns, read_call; /* its last read of messages; the call that it brought alone */
	/* its last answer, and since when it was that call's; NODE: whose line it is on */
	uint64_t answer_ns, from_ns, answer;
	/* PYTHON: whose it is known to be, and the id that it said; its address may be another's
	 * now */
	uint64_t call, of;
	uint64_t root;	 /* NODE: the read that it came of, or the first that is known; 0 itself */
	bool strict;	 /* NODE: from there on each came of exactly one before it */
	bool many;	 /* NODE: it read several times */
	bool tangled;	 /* NODE: an answer came of it that another line brought */
	bool own;	 /* GO: it came after that call and answered nothing else */
	bool used, idle; /* idle: it acted while no call was open, behind the first one */
};

/* What is known of a server beyond its calls. */
struct mw_corr_mind {
	const struct mw_alloc *a;
	size_t *bytes_all; /* of all servers */
	uint64_t *n_all;
	struct mw_claim *head, *tail;
	size_t n, bytes;
	struct mw_table *tasks;	 /* NULL: none yet */
	struct mw_table *habits; /* what it did while no call was open; NULL: nothing yet */
	uint64_t ended_ns;	 /* of the call that ended last */
	struct mw_table *past;	 /* PYTHON: struct mw_corr_past; NULL: none yet */
	bool past_went;		 /* it had no room for all */
	bool variable;		 /* PYTHON: the request variable was seen */
	bool agrees;		 /* PYTHON: it had the id of an open call */
	bool late;		 /* PYTHON: it was seen in use after its call's end */
	bool works;		 /* answers were seen to come from the tasks that act */
	bool asked;		 /* a request was brought to it */
	bool entangled;		 /* NODE: an answer came of another call's line */
};

struct mw_correlate {
	struct mw_correlate_config cfg;
	const struct mw_alloc *a; /* own */
	struct mw_alloc own;	  /* counts what fails: that less is known must be said */
	struct mw_table *calls;
	struct mw_table *lost;	 /* call to server */
	struct mw_table *groups; /* struct mw_corr_group */
	struct mw_kin *kin;
	size_t claims_bytes;
	struct mw_correlate_stats stats;
};

struct mw_corr_call *mw_corr_call(const struct mw_correlate *c, uint64_t id);
/* Of the calls that were read and open at ts_ns the one after prev (NULL: the first); those closed
 * since come first, else oldest first. NULL: there is none. */
struct mw_corr_call *mw_corr_candidate(const struct mw_kin_server *s, uint64_t ts_ns,
				       const struct mw_corr_call *prev);
/* The place of a call at this server, or NULL. */
struct mw_corr_call *mw_corr_place(struct mw_corr_call *x, const struct mw_kin_server *s);
/* A tie to one call, with one reference. NULL: no memory. */
struct mw_kin_tie *mw_corr_tie_new(const struct mw_correlate *c, const struct mw_corr_call *call,
				   const char *why);
bool mw_corr_had_ended(const struct mw_correlate *c, uint64_t call, uint64_t ts_ns);
void mw_corr_put_one(struct mw_tie *tie, enum mw_link link, uint64_t call, const char *why);
void mw_corr_put_shared(struct mw_tie *tie, const char *why);

/* correlate_mind.c */
/* Made if there is none. NULL: no memory. */
struct mw_corr_mind *mw_corr_mind(struct mw_correlate *c, struct mw_kin_server *s);
/* Keeps an effect. -ENOMEM: there is no memory or room. */
int mw_claim_add(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		 const struct mw_tie *tie, uint64_t seq);
/* It is this call's as far as is known (NULL: nobody's), in these terms. */
void mw_claim_lean(struct mw_claim *cl, struct mw_corr_call *call, enum mw_link link,
		   enum mw_confidence confidence, bool by_runtime, const char *why);
/* Whether a call was open here when it was done, to a process of its age. */
bool mw_claim_could_be(const struct mw_claim *cl, struct mw_corr_call *call,
		       struct mw_prockey server);
void mw_claim_free(struct mw_claim *cl);
/* Those that lean to it become its effects. */
void mw_claims_list(struct mw_correlate *c, struct mw_corr_call *call);
/* Those that no call can claim any more go. */
void mw_claims_trim(struct mw_correlate *c, struct mw_kin_server *s);

/* correlate_task.c */
/* A task, made if there is none; its parent, if it is told. NULL: no memory. */
struct mw_corr_task *mw_corr_task(struct mw_corr_mind *m, uint64_t id, uint64_t parent);
struct mw_corr_task *mw_corr_task_get(const struct mw_corr_mind *m, uint64_t id);
void mw_corr_task_add(struct mw_corr_task *t, struct mw_claim *cl);
void mw_corr_task_del(struct mw_claim *cl);
/* The task next in preorder below root, NULL: none is left; into: also those below it. */
struct mw_corr_task *mw_corr_task_below(struct mw_corr_task *t, const struct mw_corr_task *root,
					bool into);
void mw_corr_tasks_free(struct mw_corr_mind *m);

/* correlate_past.c */
#define MW_PAST_KEPT 4
/* The calls that had an id and ended last. */
struct mw_corr_past {
	uint64_t key[2];
	struct {
		uint64_t call, end_ns;
	} of[MW_PAST_KEPT]; /* newest first */
	size_t n;	    /* in all */
};
/* It has ended at this place. Without memory less is known. */
void mw_corr_past_note(struct mw_corr_mind *m, const struct mw_corr_call *x);
/* By the id that the task says (MW_EVF_ID_INT, MW_EVF_ID_STR); NULL: not known. */
const struct mw_corr_past *mw_corr_past(const struct mw_corr_mind *m, struct mw_task task);
/* Those that may still act at ts_ns; how many, of which MW_PAST_KEPT are given. */
size_t mw_corr_past_near(const struct mw_corr_past *p, uint64_t ts_ns, uint64_t ret[]);
void mw_corr_past_free(struct mw_corr_mind *m);

/* correlate_causal.c */
/* Whether the runtime's task says whose this is: the tie, and true; pending may be set otherwise.
 */
bool mw_corr_by_task(struct mw_correlate *c, struct mw_kin_node *n, const struct mw_action *act,
		     struct mw_tie *tie);
/* correlate_habit.c */
enum mw_corr_habit { MW_HABIT_NO = 0, MW_HABIT_ALIKE, MW_HABIT_SAME };
/* It was done while no call was open. */
void mw_corr_habit_note(struct mw_kin_server *s, const struct mw_action *act);
/* Whether the same, or the like in the same place, is done while no call is open. */
enum mw_corr_habit mw_corr_habit(const struct mw_kin_server *s, const struct mw_action *act);
void mw_corr_habits_free(struct mw_corr_mind *m);
/* Effects that wait and whose path stands in this call's answer become its own. */
void mw_corr_by_response(struct mw_correlate *c, struct mw_corr_call *x, struct mw_slice text);
/* correlate_node.c */
void mw_corr_node_edge(struct mw_corr_mind *m, const struct mw_ev_task *ev);
bool mw_corr_by_node(struct mw_correlate *c, struct mw_kin_node *n, struct mw_task task,
		     uint64_t ts_ns, struct mw_tie *tie);
void mw_corr_node_answer(struct mw_corr_mind *m, struct mw_corr_call *x, uint64_t task,
			 uint64_t ts_ns);
/* correlate_proof.c */
/* What this task did for the call in (from_ns, to_ns]: how many effects that waited. */
size_t mw_corr_prove_task(struct mw_corr_task *t, struct mw_corr_call *x, uint64_t from_ns,
			  uint64_t to_ns, enum mw_link link, enum mw_confidence confidence,
			  const char *why);
/* Whether an answer may yet say whose this task was. */
bool mw_corr_may_prove(const struct mw_kin_node *n, uint64_t task);
/* It is proven to be of this call. */
void mw_corr_prove(struct mw_claim *cl, struct mw_corr_call *call, enum mw_link link,
		   enum mw_confidence confidence, const char *why);

/* correlate_flow.c */
/* By the file, socket or path that was acted on: true and the tie. least: only what is certain. */
bool mw_corr_by_flow(struct mw_correlate *c, const struct mw_kin_node *n,
		     const struct mw_action *act, bool certain, struct mw_tie *tie);
/* What was done there has this tie from now on, and waits with it (cl not NULL). */
int mw_corr_flow_note(struct mw_correlate *c, const struct mw_kin_node *n,
		      const struct mw_action *act, const struct mw_tie *tie, struct mw_claim *cl);
/* One of its members was decided. */
void mw_corr_flow_decided(struct mw_claim *cl);
void mw_corr_flow_leave(struct mw_claim *cl);
/* All claims were freed before. */
void mw_corr_flow_free(struct mw_correlate *c);

#endif
