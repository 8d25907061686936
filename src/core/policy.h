/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - rules over facts: what is worth an alert
 *
 * Facts in (mw_policy_push), alerts out (mw_policy_next). Rules are plain structs, made by io/rules
 * from YAML and compiled once here: what a fact costs depends on the rules of its kind only, of an
 * effect on those that its kind (file.open, net.connect, ...) can satisfy.
 *
 * Of each rule those tests count first that are looked up for all rules at once (one look at a
 * path, a text, the words of patterns): a rule that needs one which does not hold is not looked at.
 *
 * A condition is a tree in an array: MW_COND_AND, OR, NOT over tests of one field. A test of a
 * field that is not known is false. Every pattern is PCRE2 with limits on steps and memory, over
 * the first 16 KiB of a text; one that runs into them counts as no match, and is counted
 * (stats.regex_failed).
 *
 * A rule fires when `when` holds and none of `except` does, and then
 *   count     only when it held at_least times (or for so many distinct values of a field, or with
 *             such a sum of one) within `over_ns` for the same key;
 *   sequence  the rule has steps instead: each of them has to hold after the one before, within
 *             `over_ns` of the first, for the same key. A step may be `on` a kind of fact of its
 *             own.
 * A key is made of parts (enum mw_key); a fact that lacks a part does not count. Up to 32 each
 * counts by its own time, more of them (and sums) in 32nds of `over_ns`, forgotten too early rather
 * than too late. Steps are in order of time, and of records where that is equal; a fact that comes
 * later than it was (TIED) still takes its place. What is told of an effect whose rule was SEEN is
 * noted for its call when it is TIED (mw_policy_fired), and not said again.
 *
 * What fires again for the same suppression key within suppress_ns is folded: counted, and said by
 * one alert with that count when the time is over. Beyond MW_POLICY_BURST alerts of one rule, and
 * MW_POLICY_BURST_ALL of all in a minute, they are folded into one alert of that rule. All tables
 * are bounded; what was evicted is counted (stats) and becomes a gap.
 */
#ifndef MW_CORE_POLICY_H
#define MW_CORE_POLICY_H

#include "core/fact.h"

enum mw_severity {
	MW_SEVERITY_LOW = 1,
	MW_SEVERITY_MEDIUM,
	MW_SEVERITY_HIGH,
	MW_SEVERITY_CRITICAL,
};
/* "low", ...; NULL for what is none. */
const char *mw_severity_name(unsigned int s);

enum mw_cond_op {
	MW_COND_AND = 1,
	MW_COND_OR,
	MW_COND_NOT,
	MW_COND_EXISTS,	    /* known; a list: not empty; a bool: true */
	MW_COND_EQ,	    /* any of the values; numbers as numbers; a list: any of its items */
	MW_COND_IEQ,	    /* in any case */
	MW_COND_LT,
	MW_COND_LE,
	MW_COND_GT,
	MW_COND_GE,
	MW_COND_CONTAINS,
	MW_COND_ICONTAINS,
	MW_COND_STARTSWITH,
	MW_COND_ENDSWITH,
	MW_COND_GLOB,	    /* * and ?, also over slashes */
	MW_COND_REGEX,
	MW_COND_UNDER,	    /* a path is one of these or below it; "~" is the home of the process's
			     * user, and any of /root and /home/NAME; a component may be a glob */
	MW_COND_CIDR,	    /* an address lies in one of these networks; v4-mapped v6 as v4 */
	MW_COND_HOST,	    /* a host name is one of these or ends with "." and it */
	MW_COND_SAME,	    /* sequences: equals the same field of the step before (no values) */
};

/* One value of a test, as the rule has it: text, and what it is as a number or network. */
struct mw_cond_value {
	struct mw_slice text;
	int64_t number;	  /* if is_number */
	uint8_t net[16];  /* CIDR: v4 mapped to v6 */
	uint8_t net_bits; /* 0..128 */
	bool is_number;
};

struct mw_cond {
	enum mw_cond_op op;
	uint32_t left, right; /* AND, OR: their operands; NOT: left. Indexes below their own */
	uint32_t field;	      /* mw_fact_field_find */
	const struct mw_cond_value *values;
	size_t n_values;
};

struct mw_when {
	const struct mw_cond *cond; /* the last one is the root */
	size_t n;		    /* 0: always */
};

enum mw_key {
	MW_KEY_SERVER = 1,    /* server.key */
	MW_KEY_TOOL = 2,      /* server.key and call.tool (or tool.name) */
	MW_KEY_PRINCIPAL = 4,
	MW_KEY_SESSION = 8,   /* conversation */
	MW_KEY_CALL = 16,
	MW_KEY_CLIENT = 32,   /* the agent: all servers of one client */
	MW_KEY_TARGET = 64,   /* effect.target (suppress) */
	MW_KEY_HTTP_SESSION = 128,
};

struct mw_policy_step {
	enum mw_fact_kind on;
	struct mw_when when;
};

struct mw_policy_raise {
	unsigned int to; /* enum mw_severity; the highest that holds counts */
	struct mw_when when;
};

struct mw_policy_rule {
	const char *id, *title;
	unsigned int severity;
	const char *const *tags;
	size_t n_tags;
	enum mw_fact_kind on; /* of a sequence: of its last step */
	struct mw_when when;
	const struct mw_when *except;
	size_t n_except;
	const struct mw_policy_raise *raise; /* looked at with the fact that fired it */
	size_t n_raise;
	const struct mw_policy_step *steps; /* a sequence's, two to eight; else none */
	size_t n_steps;
	unsigned int by; /* enum mw_key bits, of count and sequence */
	uint64_t over_ns;
	uint64_t at_least; /* 0: no count */
	uint32_t distinct; /* 0 none, else 1 + field whose different values are counted: to 256 */
	uint32_t sum;	   /* 0 none, else 1 + field whose values are added */
	unsigned int suppress_by; /* 0: as `by`, or server, tool and target */
	uint64_t suppress_ns;	  /* 0: 5 minutes */
	/* Which fields of the fact `detail` tells, by field number. */
	const uint32_t *detail;
	size_t n_detail;
};

struct mw_policy_rules {
	const struct mw_policy_rule *rule;
	size_t n;
};

/* Fields by their names in rules. */
enum mw_field_type {
	MW_FIELD_BOOL = 1,
	MW_FIELD_NUMBER,
	MW_FIELD_TEXT,
	MW_FIELD_TEXTS,
	MW_FIELD_ADDR,	/* an address without its port */
	MW_FIELD_ENUM,	/* a text of a fixed set */
	MW_FIELD_POWER, /* bits by their names (power.h) */
};
struct mw_fact_field {
	const char *name;	 /* "effect.target" */
	enum mw_field_type type;
	const char *doc;	 /* one line, for `rules list --fields` */
	unsigned int kinds;	 /* bit 1 << enum mw_fact_kind: where it can be known */
	bool tie;		 /* of an effect only known when it is tied */
};
/* Its number, or -ENOENT. */
int mw_fact_field_find(struct mw_slice name);
/* NULL beyond the last. */
const struct mw_fact_field *mw_fact_field_at(uint32_t i);

#define MW_POLICY_RULES_MAX 16384u
#define MW_POLICY_CALLS_MAX  65536u /* whose rules are kept: as many as can be open */
#define MW_POLICY_BURST	    60
#define MW_POLICY_BURST_ALL 600
#define MW_ALERT_CALLS_MAX  16
#define MW_ALERT_SEQS_MAX   32
#define MW_ALERT_TARGETS_MAX 8

struct mw_alert {
	const struct mw_policy_rule *rule;
	unsigned int severity;
	uint64_t ts_ns;
	uint64_t server;	/* mw_server.id; 0 none */
	uint64_t session, principal;
	struct mw_slice tool;
	uint64_t calls[MW_ALERT_CALLS_MAX];
	size_t n_calls;
	uint64_t seqs[MW_ALERT_SEQS_MAX]; /* of effect (and other) records it speaks of */
	size_t n_seqs;
	struct mw_slice targets[MW_ALERT_TARGETS_MAX];
	size_t n_targets;
	struct mw_slice outcome; /* the call's status, or the effect's result; empty: not known yet */
	uint64_t count;		 /* what was folded, or counted; 1 */
	uint64_t window_ns;	 /* within which; 0 */
	struct mw_slice detail;	 /* "field=value ..." of what `detail` names, or of the count */
};

struct mw_policy;

/* What is wrong with a rule: its number, and a static sentence. */
struct mw_policy_error {
	size_t rule;
	const char *why;
	uint64_t offset; /* in a pattern */
};

/* Compiles; the rules are borrowed until the next mw_policy_rules or free. 0, -ENOMEM, -EINVAL with
 * error set (a pattern that does not compile, a test that its field's type has not). */
int mw_policy_new(const struct mw_alloc *a, const struct mw_policy_rules *rules,
		  struct mw_policy_error *error, struct mw_policy **ret);
void mw_policy_free(struct mw_policy *p);
/* Other rules from now on; what is folded, and counts and sequences of the same form, of rules that
 * are equal by id goes on. The old ones are still read here. Pull before: alerts of rules that are
 * gone go with them, and are counted as evicted. As new: on failure the old ones stay. */
int mw_policy_change(struct mw_policy *p, const struct mw_policy_rules *rules,
		     struct mw_policy_error *error);
/* Whether any rule looks at this field: what costs to know need not be found out else. */
bool mw_policy_wants(const struct mw_policy *p, uint32_t field);
/* Borrowed for the call. 0, -ENOMEM: what it means for counts is lost, and counted. */
int mw_policy_push(struct mw_policy *p, const struct mw_fact *fact);
/* Time passed: what was folded becomes due. Pull afterwards; so after finish, which gives all. */
void mw_policy_tick(struct mw_policy *p, uint64_t now_ns);
void mw_policy_finish(struct mw_policy *p, uint64_t now_ns);
/* 1 an alert, borrowed until the next call of anything on p; 0 none. */
int mw_policy_next(struct mw_policy *p, struct mw_alert *ret);
/* Rules that fired for a call so far, at most max into ids; how many in all. They are forgotten
 * with mw_policy_forget, or for room. */
size_t mw_policy_fired(const struct mw_policy *p, uint64_t call, const char **ids, size_t max);
void mw_policy_forget(struct mw_policy *p, uint64_t call);

struct mw_policy_stats {
	uint64_t facts, alerts, folded, evicted, regex_failed, nomem;
};
void mw_policy_stats(const struct mw_policy *p, struct mw_policy_stats *ret);

#endif
