/* SPDX-License-Identifier: Apache-2.0 */
/* rules_priv.h - what rules.c reads and rules_set.c makes a set of */
#ifndef MW_IO_RULES_PRIV_H
#define MW_IO_RULES_PRIV_H

#include "io/rules.h"

#define MW_RULES_MAX 4096u

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
};

/* Appends to a growing array, `array` being the address of its pointer. 0, -ENOMEM. */
int mw_rules_push(void *array, size_t *n, size_t size, const void *item);

#endif
