/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_policy.h - what engine_policy*.c share: what rules look at, kept between the stages
 *
 * Facts (fact.h) are filled here from the stages' own structs and pushed into the policy; its
 * alerts become records. Everything here is missing without rules (mw_engine.policy NULL).
 *
 * An effect whose tie may yet be settled otherwise is pushed twice: as it is seen (MW_PHASE_SEEN),
 * and once its tie is known (MW_PHASE_TIED): by the record of the call that has it, else when no
 * call is open any more that it may be of. Until then it waits here (engine_policy_wait.c). What a
 * process did before it was known to be a server waits likewise, and comes when it is. So does what
 * was done by those that started it, below its client: people's settings start servers by way of
 * sh -c, npx or uvx, and these may run what they fetched. What none of them did is pushed never.
 */
#ifndef MW_CORE_ENGINE_POLICY_H
#define MW_CORE_ENGINE_POLICY_H

#include "core/args.h"
#include "core/engine_priv.h"
#include "core/inject.h"
#include "core/policy.h"
#include "core/poison.h"
#include "core/schema.h"

/* Of arguments and answers so much is looked at for instructions: more than agents hand to a model. */
#define MW_POL_POISON_MAX (128u << 10)
#define MW_POL_SERVERS_MAX 4096u
#define MW_POL_CALLS_MAX   65536u
#define MW_POL_ENDED_MAX   1024u /* calls that are over, for what comes after them */
#define MW_POL_WAIT_MAX	   4096u /* effects that wait for their tie, */
#define MW_POL_EARLY_MAX   2048u /* or to be known as a server's */
#define MW_POL_WAIT_NS	   60000000000ull
#define MW_POL_MADE_MAX	   16384u /* files that servers made */
#define MW_POL_HABITS_MAX  16384u
#define MW_POL_TURNS_MAX   4096u /* HTTP sessions whose tokens are known */
#define MW_POL_TOOLS_MAX   16384u
#define MW_POL_TOOLS_BYTES (16u << 20) /* of definitions whose schemas are kept */
#define MW_POL_NAMES_MAX   16384u
#define MW_POL_ROOTS_MAX   32u
#define MW_POL_ARGV_MAX	   64u
#define MW_POL_TEXTS_MAX   16u /* of one list of a call */
/* What is less sure is no instruction to a model (poison.h). */
#define MW_POL_POISON_SCORE 50u
/* Longest arguments whose strings are kept of a call that is over. */
#define MW_POL_ARGS_KEEP 16384u

/* Texts that go together: they do not move. */
struct pol_texts {
	struct pol_block *head;
};

struct pol_list {
	struct mw_slice *v; /* MW_POL_TEXTS_MAX; NULL: not yet needed */
	size_t n;
};

struct pol_wait;

struct pol_server {
	uint64_t id; /* mw_server.id */
	const struct mw_server *sv;
	struct mw_fact_server f;
	uint64_t gen; /* that f is of */
	struct pol_texts texts;
	struct mw_slice argv[MW_POL_ARGV_MAX], roots[MW_POL_ROOTS_MAX];
	struct mw_buf home;	/* HOME of its environment */
	/* Roots that its clients named, and what a root turned out to be that is a link; NUL after
	 * each. */
	struct mw_buf declared, resolved;
	size_t n_told; /* of f.roots: those of its command line and of its clients */
	bool declared_more, more_roots; /* than are kept: nothing counts as outside of them */
	uint64_t ready_ns; /* it answered its first request, or began to act on one; 0: not yet */
	uint64_t opens;	   /* calls that were opened, in all */
	struct pol_call *open, *open_tail; /* those that act, oldest first */
	struct pol_wait *wait, *wait_tail;
	bool remote_client;
	struct mw_prockey top; /* the highest process that was started for it; none: itself */
};

struct pol_call {
	uint64_t id, server;
	struct mw_call *live; /* NULL: its record is written */
	struct mw_prockey who;
	struct mw_fact_call f;
	struct mw_fact_principal principal; /* what tokens say; the rest is asked for each time */
	struct pol_texts texts;
	struct pol_list unexpected, arg_secrets, result_secrets, arg_hosts;
	struct mw_slice rpc_id;
	struct mw_args *args; /* of one that is over */
	bool has_exp, is_open, others;
	int64_t exp;
	uint64_t tokens_hash;
	uint64_t begin_ns, opens; /* of its server, when it was opened */
	struct pol_call *prev, *next;
};

/* A tool as its definition has it. */
struct pol_tool {
	uint64_t key[2]; /* server, hash of the name */
	struct mw_schema *schema;
	size_t n_bytes;
	bool annotated, readonly, not_destructive;
	unsigned int verbs; /* of its name and title */
};

/* What the words of a name say: calls name few tools. */
#define MW_POL_VERBS	 64u
#define MW_POL_VERBS_LEN 59u

struct pol_verbs {
	uint32_t verbs;
	uint8_t n; /* 0: none */
	uint8_t name[MW_POL_VERBS_LEN];
};

struct mw_eng_policy {
	struct mw_policy *policy;
	struct {
		bool named, injected, own, habit, roots, host_target, argv, principal, schema,
		    shape, arg_secrets, result_secrets, poison_args, poison_result, poison,
		    arg_hosts, verbs, http_session, token_back;
	} wants;
	uint64_t gen;
	struct mw_table *launched; /* servers by `top` */
	struct mw_table *turns;	   /* tokens of HTTP sessions */
	struct mw_table *servers, *calls, *ended, *wait, *made, *habits, *tools, *names;
	struct pol_wait *early, *early_tail;
	size_t n_early;
	uint64_t early_lost, early_lost_ns; /* that had to go; when the last one was done */
	size_t tools_bytes;
	struct mw_poison_scan *poison;
	struct pol_verbs verbs[MW_POL_VERBS];
	struct mw_buf text;
	bool busy; /* a record is being built: alerts wait */
	bool finished;
	struct mw_eng_policy_lost lost;
};

/* engine_policy.c */
/* 0, -ENOMEM. */
int mw_pol_keep(struct mw_engine *e, struct pol_texts *t, struct mw_slice s, struct mw_slice *ret);
/* One more, copied. 0, also where there is no room for it; -ENOMEM. */
int mw_pol_list_add(struct mw_engine *e, struct pol_texts *t, struct pol_list *l,
		    struct mw_slice s);
void mw_pol_texts_free(struct mw_engine *e, struct pol_texts *t);
/* Decoded, of a raw JSON string; empty where it is none. */
int mw_pol_keep_json(struct mw_engine *e, struct pol_texts *t, struct mw_slice raw,
		     struct mw_slice *ret);
/* With the server and the caller of these, either NULL. */
void mw_pol_push(struct mw_engine *e, struct mw_fact *f, struct pol_server *ps,
		 struct pol_call *pc);

/* engine_policy_server.c; NULL: there is none, or no memory */
struct pol_server *mw_pol_server(struct mw_engine *e, const struct mw_server *sv);
struct pol_server *mw_pol_server_by_id(struct mw_engine *e, uint64_t id);
void mw_pol_servers_free(struct mw_engine *e);
/* Below one of its roots, or it has none. */
bool mw_pol_in_roots(const struct pol_server *ps, struct mw_slice path);
/* A client's answer to roots/list. Whether it names one that was not known. */
bool mw_pol_roots_listed(struct mw_engine *e, struct pol_server *ps, struct mw_slice result);
/* What a root of it turned out to be that is a link. */
void mw_pol_root_is(struct mw_engine *e, struct pol_server *ps, struct mw_slice path);

/* engine_policy_call.c */
struct pol_call *mw_pol_call_by_id(const struct mw_engine *e, uint64_t id);
void mw_pol_calls_free(struct mw_engine *e);
/* Its facts as of now. */
const struct mw_fact_call *mw_pol_call_fact(struct pol_call *pc);
/* The strings of its arguments; NULL: not known. */
const struct mw_args *mw_pol_args(struct mw_engine *e, const struct pol_call *pc);

/* engine_policy_who.c */
void mw_pol_who_fill(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c);
void mw_pol_principal(struct mw_engine *e, const struct pol_call *pc,
		      struct mw_fact_principal *ret);
/* Its request bears these tokens: once a call. */
void mw_pol_turn(struct mw_engine *e, struct pol_call *pc, uint64_t ts_ns);
void mw_pol_turns_free(struct mw_engine *e);

/* engine_policy_tool.c */
struct pol_tool *mw_pol_tool(const struct mw_engine *e, const struct mw_server *sv,
			     struct mw_slice raw_name);
void mw_pol_tools_free(struct mw_engine *e);
/* What a server tells the model beside its tools: prompts, resources, instructions, if this is the
 * answer to one of their methods. */
void mw_pol_told(struct mw_engine *e, struct pol_server *ps, struct mw_slice method,
		 struct mw_slice result, uint64_t ts_ns);

/* engine_policy_effect.c */
/* What hangs on the call: whether its arguments name it, and what a shell makes of them. */
void mw_pol_effect_of(struct mw_engine *e, struct mw_fact_effect *f, const struct pol_call *pc);
/* It is this call's (NULL: of none), as tied. */
void mw_pol_push_effect(struct mw_engine *e, struct mw_fact_effect *f, enum mw_fact_phase phase,
			uint64_t seq, struct pol_server *ps, struct pol_call *pc);

/* engine_policy_wait.c */
/* Keeps an effect; false: there is no room, no memory. */
bool mw_pol_wait(struct mw_engine *e, const struct mw_fact_effect *f, const struct mw_tie *tie,
		 uint64_t seq, struct pol_server *ps);
void mw_pol_wait_early(struct mw_engine *e, const struct mw_fact_effect *f, uint64_t seq);
/* This process is a server now: what it did before is its. */
void mw_pol_wait_server(struct mw_engine *e, struct pol_server *ps);
/* The server that this process was started for, or one above it, and no other server's; NULL: there
 * is none that is known yet. */
struct pol_server *mw_pol_launched(struct mw_engine *e, struct mw_prockey proc);
/* What is done by what started a server is no call's, and no habit. */
void mw_pol_launch(struct mw_engine *e, struct mw_fact_effect *f, const struct pol_server *ps);
/* Tied: it is of one of these calls (MW_CANDIDATES_MAX at most), and of no other if `all`. */
void mw_pol_push_shared(struct mw_engine *e, struct mw_fact_effect *f, uint64_t seq,
			struct pol_server *ps, const uint64_t *calls, size_t n, bool all);
/* Those that the call has are pushed. */
void mw_pol_wait_settle(struct mw_engine *e, struct pol_call *pc);
/* Those of a server that no open call can have any more are. */
void mw_pol_wait_flush(struct mw_engine *e, struct pol_server *ps, uint64_t before_ns);
void mw_pol_wait_free(struct mw_engine *e);

/* engine_policy_seen.c */
/* Whether the server made this before; and what it makes with it. */
bool mw_pol_made(struct mw_engine *e, const struct pol_server *ps, const struct mw_action *act);
bool mw_pol_habit(struct mw_engine *e, const struct pol_server *ps, const struct mw_action *act,
		  const struct mw_tie *tie);
void mw_pol_seen_free(struct mw_engine *e);

/* engine_policy_alert.c */
void mw_pol_alerts(struct mw_engine *e);

#endif
