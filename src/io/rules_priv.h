/* SPDX-License-Identifier: Apache-2.0 */
/* rules_priv.h - what rules.c reads and rules_set.c makes a set of */
#ifndef MW_IO_RULES_PRIV_H
#define MW_IO_RULES_PRIV_H

#include "core/policy.h"
#include "io/rules.h"

#define MW_RULES_MAX	    4096u
#define MW_RULES_KNOWN_MAX  16384u   /* lists and macros of all files */
#define MW_RULES_COND_MAX   4096u    /* tests and operators of one condition, macros expanded */
#define MW_RULES_CONDS_MAX  1000000u /* of all */
#define MW_RULES_VALUES_MAX 1000000u /* what tests compare with and lists have, expanded, of all   \
				      */
#define MW_RULES_DEPTH_MAX 32	     /* lists in lists, macros in macros */
#define MW_RULES_ID_MAX	   64

/* All texts and nodes lie in the trees of the files. */
struct mw_rules_entry {
	struct mw_redact_rule rule;
	const char *description;
	struct mw_yaml *y;
	const struct mw_yaml_node *at, *pattern, *allow, *match,
	    *pass; /* the last three may be NULL */
	bool disabled;
};

/* One that goes for all rules. */
struct mw_rules_allow {
	struct mw_redact_allow allow;
	struct mw_yaml *y;
	const struct mw_yaml_node *at;
};

struct mw_rules_disable {
	struct mw_yaml *y;
	const struct mw_yaml_node *at;
};

/* --- rules that alert; all that is read lies in the trees of the files --------------------- */

/* A node, and the file it is of; of several in a row the next. */
struct mw_rules_at {
	struct mw_yaml *y;
	const struct mw_yaml_node *at;
	struct mw_rules_at *next;
};

enum mw_rules_state { MW_RULES_RAW = 0, MW_RULES_OPEN, MW_RULES_DONE };

/* A list or a macro. */
struct mw_rules_known {
	const char *id; /* first: by this they are found */
	struct mw_rules_at at;
	enum mw_rules_state state;
	/* a list: its items as each file has them; lists within in their places when DONE */
	struct mw_rules_at *part, *item;
	size_t n;
	/* a macro; cond when DONE */
	struct mw_rules_at text;
	struct mw_when when;
};

struct mw_rules_alert {
	const char *id; /* first, likewise */
	struct mw_rules_at at, when, steps, distinct, sum, detail;
	struct mw_rules_at *except, *raise; /* lists: its own, and those of overrides */
	bool has_count, has_sequence, disabled;
	struct mw_policy_rule rule;
};

/* A pattern, for the fault that shows when all are compiled. */
struct mw_rules_pattern {
	struct mw_rules_at at;
	size_t offset;	     /* of the value in the text; SIZE_MAX: the text is the value */
	struct mw_cond cond; /* without its value */
	struct mw_cond_value value;
};

struct mw_rules {
	struct mw_yaml **file;
	size_t n_files;
	struct mw_rules_entry *entry;
	size_t n;
	struct mw_rules_allow *allow;
	size_t n_allow;
	const char **name;
	size_t n_names;
	struct mw_rules_disable *disable;
	size_t n_disable;
	/* what finish makes of it; the switches stand in `redact` as they are read */
	struct mw_redact_rules redact;
	struct mw_redact_rule *rules;
	struct mw_redact_allow *allows;

	struct mw_rules_alert **alert; /* by order of files */
	size_t n_alerts;
	size_t n_powers; /* entries of `power`, which are numbered over all files */
	struct mw_rules_at *override;
	size_t n_overrides;
	void *lists, *macros, *alerts; /* by id: trees of tsearch(3) */
	size_t n_known, n_conds, n_values;
	unsigned int depth; /* of lists and macros being written out */
	struct mw_rules_pattern *pattern;
	size_t n_patterns;
	struct mw_policy_rule *policy_rule;
	struct mw_rules_alert **in_force; /* behind each of these */
	struct mw_policy_rules policy;
};

/* Appends to a growing array, `array` being the address of its pointer. 0, -ENOMEM. */
int mw_rules_push(void *array, size_t *n, size_t size, const void *item);

/* What lists, macros, rules and overrides hold; `set` is a struct mw_rules. rules_alert.c */
int mw_rules_top_lists(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *set);
int mw_rules_top_macros(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *set);
int mw_rules_top_rules(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *set);
/* Each entry is made into two rules. rules_power.c */
int mw_rules_top_power(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *set);
/* A rule that was read, of which v is the place. -EINVAL: there is one of that id; -ENOMEM. */
int mw_rules_add_alert(const struct mw_yaml_read *r, const struct mw_yaml_node *v,
		       struct mw_rules *set, struct mw_rules_alert *a);
int mw_rules_top_overrides(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *set);
/* An override read into the rule it is of. */
int mw_rules_override(const struct mw_rules_at *override, struct mw_rules_alert *rule,
		      struct mw_yaml_err err);
/* By id; NULL: none. The root is set->lists, macros or alerts. */
void *mw_rules_find(void *root, const char *id);
/* An enum mw_fact_kind, or 0. */
unsigned int mw_rules_kind(const char *name);
const char *mw_rules_kind_name(unsigned int kind);

/* All files are there: rules as the policy takes them. rules_make.c. As mw_rules_finish. */
int mw_rules_make(struct mw_rules *set, bool whole, struct mw_yaml_err err);

/*
 * A condition. `on`: what it is held against, an enum mw_fact_kind, 0 for a macro's (of any);
 * `first`: no step came before it, so that nothing can be the `same`. -EINVAL, -ENOMEM.
 * rules_cond.c
 */
int mw_rules_macro(struct mw_rules *set, struct mw_rules_known *macro, struct mw_yaml_err err);
int mw_rules_when(struct mw_rules *set, const struct mw_rules_at *text, unsigned int on, bool first,
		  struct mw_yaml_err err, struct mw_when *ret);
/* A list with those within it in their places. rules_names.c */
int mw_rules_list(struct mw_rules *set, struct mw_rules_known *list, struct mw_yaml_err err);
/* All macros, also those that no rule names. */
int mw_rules_macros(struct mw_rules *set, struct mw_yaml_err err);
struct mw_rules_near;
void mw_rules_near_known(const void *root, struct mw_rules_near *near);

/* One value of a test of that field; why it cannot be one, in `why`. 0, -EINVAL, -ENOMEM. Texts are
 * borrowed, or lie in y. rules_value.c */
int mw_rules_value(struct mw_yaml *y, uint32_t field, enum mw_cond_op op, struct mw_slice text,
		   struct mw_cond_value *ret, char *why, size_t len);
/* "4096", "64KiB", "10MiB", "1GiB". 0, -EINVAL. */
int mw_rules_size(struct mw_slice text, int64_t *ret);
/* "500ms", "60s", "5m", "1h", "1d"; at most a week. 0, -EINVAL. */
int mw_rules_duration(struct mw_slice text, uint64_t *ret_ns);
/* Says which of the known names is nearest, as "; did you mean 'x'?", if one is near; else "". */
struct mw_rules_near {
	struct mw_slice name;
	const char *best;
	size_t distance;
};
void mw_rules_near_try(struct mw_rules_near *near, const char *known);
const char *mw_rules_near_say(const struct mw_rules_near *near, char *buf, size_t len);

#endif
