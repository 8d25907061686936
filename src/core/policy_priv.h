/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_priv.h - rules compiled, and what is kept of what they saw
 *
 * A set (policy_set.c) is what the rules came to and never changes. Equal tests and equal parts of
 * conditions are one node in it, looked at once a fact. What is kept over facts (counts, sequences,
 * what is folded, what fired for a call) is struct mw_policy's, and knows its rule by id: it goes
 * on when the set changes.
 */
#ifndef MW_CORE_POLICY_PRIV_H
#define MW_CORE_POLICY_PRIV_H

#include "base/buf.h"
#include "base/table.h"
#include "core/fact_field.h"
#include "core/pcre.h"

#define MW_COND_MAX	 4096u /* nodes of one condition */
#define MW_STEPS_MAX	 8u    /* of a sequence */
#define MW_DISTINCT_MAX	 256u
#define MW_POLICY_KINDS	 64u	/* more than there are kinds of effects */
#define MW_STATES_MAX	 16384u /* counts and sequences: rules times keys */
#define MW_FOLDS_MAX	 16384u
#define MW_FIRED_IDS_MAX 64u   /* rules of one */
#define MW_ALERT_DEPTH	 4     /* alerts of alerts */
#define MW_GATE_MAX	 32u   /* tests that an entry is found by */
#define MW_NEEDS_MAX	 4u    /* fields that are looked at before all else */

/* --- policy_strs.c: numbers by their hash; sets of texts; memory that goes all at once ----------
 */

struct mw_ids_slot {
	uint32_t hash, id; /* id + 1; 0: empty */
};
struct mw_ids {
	struct mw_ids_slot *slot;
	size_t n, n_slots;
};
struct mw_ids_pos {
	uint64_t hash;
	size_t gone; /* slots looked at */
};
/* The ids that may have this hash: false at the end. { .hash } at the start. */
bool mw_ids_next(const struct mw_ids *x, struct mw_ids_pos *pos, uint32_t *ret);
int mw_ids_add(const struct mw_alloc *a, struct mw_ids *x, uint64_t hash, uint32_t id);
void mw_ids_done(const struct mw_alloc *a, struct mw_ids *x);

/* A heap, as qsort takes memory of its own. */
void mw_sort_u32(uint32_t *v, size_t n);

/* Room for n elements of `size` bytes in the array *p, which has room for *cap. */
int mw_grow(const struct mw_alloc *a, void *p, size_t *cap, size_t n, size_t size);

struct mw_arena_block;
struct mw_arena {
	const struct mw_alloc *a;
	struct mw_arena_block *last;
};
void *mw_arena_zero(struct mw_arena *m, size_t n);
void mw_arena_done(struct mw_arena *m);

/* Texts, borrowed. */
struct mw_strs {
	struct mw_ids ids;
	struct mw_slice *v;
	size_t n, cap;
	/* their lengths, each once: where to look in a text for one that begins or ends it */
	size_t *len;
	size_t n_len, cap_len;
};
int mw_strs_add(const struct mw_alloc *a, struct mw_strs *x, struct mw_slice s);
bool mw_strs_has(const struct mw_strs *x, struct mw_slice s);
void mw_strs_done(const struct mw_alloc *a, struct mw_strs *x);

/* What was found of a fact: by id the epoch it was hit in, and which those of this one are. */
struct mw_hits {
	uint32_t *at, epoch;
	uint32_t *v;
	size_t n;
};
static inline void mw_hit(struct mw_hits *h, uint32_t id)
{
	if (h->at[id] == h->epoch)
		return;
	h->at[id] = h->epoch;
	h->v[h->n++] = id;
}

/* --- policy_path.c: paths, and what lies below them ---------------------------------------------
 */

struct mw_paths;
int mw_paths_new(const struct mw_alloc *a, struct mw_paths **ret);
void mw_paths_free(struct mw_paths *x);
/* Borrowed; of `id`. 0, -ENOMEM, -EINVAL: begins with neither "/" nor "~/", or is longer than 4096
 * bytes. */
int mw_paths_add(struct mw_paths *x, struct mw_slice path, uint32_t id);
/* Whose "~" is meant, beside any of /root and /home/NAME: of the fact's process and server. */
struct mw_homes {
	struct mw_slice v[2];
};
struct mw_homes mw_homes_of(const struct mw_fact *fact);
/* Hits all that have a path which is this one, or above it. */
void mw_paths_mark(const struct mw_paths *x, struct mw_slice path, struct mw_homes home,
		   struct mw_hits *hits);
/* * and ?; *steps is taken from, and 0 when it was not enough: then false. */
bool mw_glob(struct mw_slice pattern, struct mw_slice s, uint64_t *steps);

/* --- policy_test.c, policy_try.c: one test ------------------------------------------------------
 */

#define MW_WORDS_MIN	    8u /* values, from which on they are looked for by hash */
#define MW_IEQ_MAX	    1024u
#define MW_HOST_MAX	    253u
#define MW_PATTERN_MAX	    65536u
#define MW_PATTERN_HEAP_KIB 8192u

struct mw_words;

struct mw_test {
	enum mw_cond_op op;
	uint32_t field;
	enum mw_field_type type;
	const struct mw_cond_value *v;
	size_t n;
	uint64_t hash;	     /* of all this */
	uint64_t mask;	     /* ENUM, BOOL: for which of its values it holds; POWER: which bits */
	size_t longest;	     /* of the values */
	struct mw_strs strs; /* EQ, IEQ, HOST, CIDR; STARTSWITH, ENDSWITH of many values */
	unsigned int *bits;  /* CIDR: numbers of bits that networks have, each once */
	size_t n_bits, cap_bits;
	struct mw_paths *paths; /* UNDER */
	struct mw_words *words; /* CONTAINS, ICONTAINS of many values */
	pcre2_code **code;	/* REGEX */
	/* mw_share: it holds if it is hit, and only then (sure), or may hold only then */
	bool shared, sure;
	uint32_t shared_at;
};

/* What trying needs beside the fact. */
struct mw_try {
	const struct mw_fact *fact;
	enum mw_fact_kind kind; /* of an alert: of what it fired on */
	pcre2_match_context *match;
	pcre2_match_data *data;
	uint64_t *failed; /* patterns that ran into their limits */
};

struct mw_compile {
	const struct mw_alloc *a;
	struct mw_arena *arena;
	pcre2_compile_context *pcre;
	struct mw_policy_error *error;
};
int mw_refuse(const struct mw_compile *c, const char *why);
/* Makes *t, which has its op, field, v, n. 0, -ENOMEM, -EINVAL. mw_test_done also after failure. */
int mw_test_init(const struct mw_compile *c, struct mw_test *t);
void mw_test_done(const struct mw_alloc *a, struct mw_test *t);
bool mw_test_try(const struct mw_test *t, const struct mw_try *x);
/* Whether a text passes; x is NULL for tests that need nothing of it. */
bool mw_test_text(const struct mw_test *t, const struct mw_try *x, struct mw_slice s);
/* The first `bits` of an address, and how many. */
void mw_net_key(const uint8_t addr[16], unsigned int bits, uint8_t ret[17]);

/* --- policy_cond.c: conditions ------------------------------------------------------------------
 */

enum mw_node_op { MW_NODE_FALSE, MW_NODE_TRUE, MW_NODE_TEST, MW_NODE_NOT, MW_NODE_AND, MW_NODE_OR };

struct mw_node {
	enum mw_node_op op;
	uint32_t at; /* TEST: of tests; NOT: node; AND, OR: first of n in kids */
	uint32_t n;
	uint32_t cost;
	uint64_t hash;
};

/* Of all tests of one field. */
struct mw_shared {
	uint32_t field;
	struct mw_paths *paths; /* ids: tests */
	struct mw_words *words;
	struct mw_ids eq; /* texts */
	struct mw_shared_text *text;
	size_t n_texts, cap_texts;
	uint32_t of; /* epoch that it was last looked at in */
};
struct mw_shared_text {
	struct mw_slice s;
	uint32_t test;
};

/* node 0 is false, 1 is true */
struct mw_conds {
	struct mw_test *test;
	size_t n_tests, cap_tests;
	struct mw_ids test_ids;
	struct mw_node *node;
	size_t n_nodes, cap_nodes;
	struct mw_ids node_ids;
	uint32_t *kids;
	size_t n_kids, cap_kids;
	struct mw_shared *shared;
	size_t n_shared, cap_shared;
};

/* Adds a condition: its node. `without_same`: tests of MW_COND_SAME that all of it depends on are
 * left out, any other is refused; else all are. */
int mw_conds_add(const struct mw_compile *c, struct mw_conds *x, const struct mw_when *when,
		 bool without_same, uint32_t *ret);
int mw_conds_and(const struct mw_alloc *a, struct mw_conds *x, const uint32_t *v, size_t n,
		 uint32_t *ret);
int mw_conds_not(const struct mw_alloc *a, struct mw_conds *x, uint32_t node, uint32_t *ret);
/* What is left of a condition for effects of this kind. memo: of what was asked for this kind, by
 * node, node + 1; 0 not yet. It has room for `n` nodes; nodes above are not kept. */
int mw_conds_of_kind(const struct mw_alloc *a, struct mw_conds *x, uint32_t node, unsigned int kind,
		     uint32_t *memo, size_t n, uint32_t *ret);
void mw_conds_done(const struct mw_alloc *a, struct mw_conds *x);

/* Answers of one fact, by node: epoch * 2 + answer. */
struct mw_answers {
	uint32_t *v;
	uint32_t epoch;
	struct mw_hits hits; /* tests */
};
bool mw_conds_hold(const struct mw_conds *x, uint32_t node, struct mw_answers *m,
		   const struct mw_try *t);

/* --- policy_factor.c, policy_field.c: what many tests share -------------------------------------
 */

/* Texts of two bytes or more, in lower case and with a NUL behind them, one of which is in whatever
 * the pattern matches. 0; -EINVAL: none are known; -ENOMEM. */
int mw_factors(struct mw_arena *arena, struct mw_slice pattern, const struct mw_slice **ret,
	       size_t *ret_n);
/* Makes the test, the at-th of x, one of those that are looked for together, if it can be. */
int mw_share(const struct mw_compile *c, struct mw_conds *x, struct mw_test *t, uint32_t at);
/* Looks for all of one field together, once a fact. */
void mw_shared_look(const struct mw_conds *x, uint32_t shared, struct mw_answers *m,
		    const struct mw_try *t);
void mw_shared_done(const struct mw_alloc *a, struct mw_conds *x);

/* --- policy_set.c: rules ------------------------------------------------------------------------
 */

/* A rule, or a step of one, in the list of what it looks at. */
struct mw_entry {
	uint32_t rule, node;
	uint16_t step;
	bool tied; /* waits for what an effect is tied to */
	uint8_t n_needs;
	struct mw_fact_plain need[MW_NEEDS_MAX]; /* it holds for no fact that lacks one of these */
};
/* Many entries can hold only where one of some tests is hit, and are found by these. */
struct mw_gate {
	uint32_t test, entry;
};
struct mw_entries {
	struct mw_entry *v;
	size_t n, cap;
	struct mw_ids by_test;
	struct mw_gate *gate;
	size_t n_gates, cap_gates;
	uint32_t *open; /* the others, in order */
	size_t n_open, cap_open;
	uint32_t *shared; /* fields to look at */
	size_t n_shared, cap_shared;
	uint32_t *taken; /* by entry: epoch */
};

struct mw_step_of {
	uint32_t *same; /* fields that are to be those of the step before */
	size_t n_same;
};

struct mw_rule_of {
	const struct mw_policy_rule *from;
	uint64_t id;   /* hash */
	uint64_t form; /* of what its counts and sequences depend on: kept for an equal one only */
	uint32_t *raise; /* nodes */
	struct mw_step_of *steps;
};

struct mw_rule_set {
	const struct mw_alloc *a;
	struct mw_arena arena;
	struct mw_rule_of *rule;
	size_t n;
	struct mw_conds conds;
	struct mw_entries kind[MW_FACT_KINDS];
	struct mw_entries effect[MW_POLICY_KINDS];
	uint8_t *wanted; /* by field */
	pcre2_general_context *general;
	pcre2_match_context *match;
	pcre2_match_data *data;
	struct mw_answers answers;
	struct mw_ids by_id;
	uint32_t *order[MW_ALERT_DEPTH + 1]; /* entries to be looked at, by depth */
	size_t n_order;
};

int mw_rule_set_new(const struct mw_alloc *a, const struct mw_policy_rules *rules,
		    struct mw_policy_error *error, struct mw_rule_set **ret);
void mw_rule_set_free(struct mw_rule_set *s);
/* Sorts the entries of a list once all are there. 0, -ENOMEM. */
int mw_entries_sort(const struct mw_alloc *a, struct mw_entries *l, const struct mw_conds *x);
void mw_entries_done(const struct mw_alloc *a, struct mw_entries *l);
/* Which entries of l may hold for this fact: indexes, in order, lent until the next for this depth.
 * *ret NULL: all of them. */
size_t mw_entries_pick(struct mw_rule_set *s, struct mw_entries *l, int depth,
		       const struct mw_try *t, const uint32_t **ret);
/* The rule of this id, or UINT32_MAX. */
uint32_t mw_rule_set_find(const struct mw_rule_set *s, const char *id);

#endif
