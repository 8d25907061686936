/* SPDX-License-Identifier: Apache-2.0 */
/* policy_state.h - what a policy keeps from fact to fact */
#ifndef MW_CORE_POLICY_STATE_H
#define MW_CORE_POLICY_STATE_H

#include "core/policy_priv.h"

#define MW_STATE_BYTES	(32u << 20) /* of counts and sequences in all */
#define MW_TARGET_MAX	256u	    /* bytes of a target that are kept for an alert to come */
#define MW_MARKS_EXACT	32u	    /* up to here each one counts by its own time */
#define MW_CHAINS	4u /* kept of a step; of one that has to be the same in something: */
#define MW_CHAINS_SAME	16u
#define MW_TELL_BYTES	4096u
#define MW_DETAIL_BYTES 1024u
#define MW_DETAIL_EACH	200u
#define MW_MINUTE_NS	60000000000ull

/* A fact on its way through the rules. */
struct mw_look_at {
	const struct mw_fact *f;
	enum mw_fact_kind kind; /* of an alert: of what it fired on */
	uint64_t serial;	/* of the push */
	int depth;		/* alerts of alerts */
	uint32_t by_rule;	/* if depth: whose alert it is */
	const uint64_t *calls;	/* of all candidates, or of the one */
	size_t n_calls;
	unsigned int missing; /* keys that are not those of all candidates */
};

/* One thing that an alert will speak of. */
struct mw_ref {
	uint64_t call, seq; /* 0; UINT64_MAX: none */
	struct mw_told *target;
};

/* A text kept by several. */
struct mw_told {
	uint32_t users, n;
	uint8_t p[];
};

struct mw_mark {
	uint64_t ts_ns;
	uint64_t n; /* how many, how much; or the hash of the value */
	struct mw_ref ref;
};

struct mw_chain {
	uint64_t ts_ns, serial;
	uint64_t begin_ns; /* the latest first step that leads here; if n */
	uint64_t in, out;  /* hash of what is to be as before; of what the next step looks at */
	bool has_in, has_out, fired;
	size_t n; /* of path: steps up to this one; 0: none leads here */
	struct mw_ref self, path[MW_STEPS_MAX];
};

struct mw_state {
	uint8_t key[16];
	uint32_t rule;
	uint64_t last_ns;     /* when it was last of use */
	struct mw_mark *mark; /* of a count, by time */
	size_t n_marks, cap_marks;
	struct mw_chain *chain; /* of a sequence: MW_CHAINS or _SAME a step */
	size_t n_chains;
};

/* What an alert tells. */
struct mw_span_of {
	uint32_t at, n;
};
struct mw_tell {
	struct mw_tell *next;
	uint32_t rule;
	unsigned int severity;
	uint64_t ts_ns, server, session, principal, count, window_ns;
	uint64_t calls[MW_ALERT_CALLS_MAX], seqs[MW_ALERT_SEQS_MAX];
	size_t n_calls, n_seqs, n_targets;
	struct mw_span_of tool, outcome, detail, targets[MW_ALERT_TARGETS_MAX];
	struct mw_buf text;
};

struct mw_fold {
	uint8_t key[16];
	uint32_t rule;
	uint64_t until_ns;
	struct mw_tell *tell; /* NULL: nothing was folded */
};

struct mw_fired {
	uint64_t call, n;
	uint32_t *id; /* rules: MW_FIRED_IDS_MAX at most */
	size_t n_ids, cap_ids;
};

/* Of each rule: what it said in this minute, and what went into one. */
struct mw_burst {
	uint64_t from_ns, n;
	struct mw_tell *tell;
};

/* Entries that held for the candidates of an effect so far. */
struct mw_held_entry {
	size_t entry;	       /* in the list of the effect's kind */
	unsigned int severity; /* the least so far */
};
struct mw_held {
	struct mw_held_entry *v;
	size_t n, cap;
	uint32_t next, of; /* candidate; 0: none */
	uint64_t seq;
	uint64_t calls[MW_CANDIDATES_MAX];
	size_t n_calls;
	uint64_t part[4]; /* keys that candidates share: their hashes */
	unsigned int missing;
};

struct mw_policy {
	const struct mw_alloc *a;
	struct mw_rule_set *set;
	struct mw_budget budget; /* of states */
	struct mw_table *states, *folds, *fired;
	struct mw_burst *burst;	     /* by rule */
	uint64_t all_from_ns, all_n; /* alerts of this minute */
	struct mw_held held;
	struct mw_tell *first, *last, *lent;
	uint64_t due_ns, looked_ns; /* nothing folded is due before; last time it was looked for */
	uint64_t now_ns;
	unsigned int n_alert_facts; /* of this push */
	struct mw_policy_stats stats;
};

/* Why a rule fires. */
struct mw_cause {
	uint32_t rule;
	unsigned int severity;
	uint64_t count, window_ns;
	const struct mw_state *state; /* of a count; NULL */
	const struct mw_chain *chain; /* of a sequence */
};

/* --- policy_key.c -------------------------------------------------------------------------------
 */

/* The key of a rule's state, or of what it folds: parts that the fact lacks are empty if `any`,
 * else it has none: false. */
bool mw_policy_key(const struct mw_rule_of *rule, unsigned int by, const struct mw_look_at *x,
		   bool any, uint8_t ret[16]);
/* Of the part that this one bit is; false: it lacks it. */
bool mw_policy_key_part(unsigned int bit, const struct mw_fact *f, uint64_t *ret);
/* The hash of a field's value; false: not known. */
bool mw_policy_value_hash(uint32_t field, const struct mw_look_at *x, uint64_t *ret);

/* --- policy_count.c, policy_seq.c ---------------------------------------------------------------
 * It held for this fact. 1 the rule fires, *ret says why; 0 not (yet); -ENOMEM.
 */

int mw_policy_count(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x,
		    struct mw_cause *ret);
int mw_policy_step(struct mw_policy *p, uint32_t rule, unsigned int step,
		   const struct mw_look_at *x, struct mw_cause *ret);

/* The state of a rule for the fact's key, made if need be, as the latest. 1; 0: it has no key;
 * -ENOMEM. */
int mw_policy_state(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x,
		    struct mw_state **ret);
void mw_policy_state_free(struct mw_policy *p, struct mw_state *s);
/* Takes NULL. */
void mw_policy_fired_free(struct mw_policy *p, struct mw_fired *f);
/* How many chains of each step are kept. */
size_t mw_policy_chains(const struct mw_rule_set *s, uint32_t rule);
/* Gives up states that are older, for their memory. False: there is none but `not`. */
bool mw_policy_make_room(struct mw_policy *p, const struct mw_state * not );
/* What the fact adds to an alert. 0, -ENOMEM. */
int mw_ref_init(struct mw_policy *p, const struct mw_look_at *x, const struct mw_state * not,
		struct mw_ref *ret);
void mw_ref_done(struct mw_policy *p, struct mw_ref *r);

/* --- policy_alert.c, policy_tell.c --------------------------------------------------------------
 */

/* Says it, or folds it. 0, -ENOMEM: it is counted as lost. */
int mw_policy_fire(struct mw_policy *p, const struct mw_cause *c, const struct mw_look_at *x);
/* A rule fired for the calls that a fact is of. */
int mw_policy_note_fired(struct mw_policy *p, uint32_t rule, const struct mw_look_at *x);
/* What is folded and due by now; `all`: due or not. */
void mw_policy_due(struct mw_policy *p, uint64_t now_ns, bool all);
void mw_policy_fold_free(struct mw_policy *p, struct mw_fold *f);

int mw_tell_new(const struct mw_policy *p, const struct mw_cause *c, const struct mw_look_at *x,
		struct mw_tell **ret);
/* Another one of the same. */
void mw_tell_add(const struct mw_policy *p, struct mw_tell *t, const struct mw_cause *c,
		 const struct mw_look_at *x);
void mw_tell_free(const struct mw_policy *p, struct mw_tell *t);
void mw_tell_alert(const struct mw_policy *p, struct mw_tell *t, struct mw_alert *ret);

#endif
