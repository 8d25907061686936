/* SPDX-License-Identifier: Apache-2.0 */
/* redact_num.h - numbers in a text, as people and machines write them: digits in groups */
#ifndef MW_CORE_REDACT_NUM_H
#define MW_CORE_REDACT_NUM_H

#include "core/redact_priv.h"

#define MW_NUM_DIGITS 24
#define MW_NUM_GROUPS 10

/* Digits from a place on, with one separator (or a bracket and a blank) between groups of them. */
struct mw_num {
	const struct mw_look *k;
	struct mw_slice t;
	size_t at; /* where the first digit stands; none stands before it */
	unsigned int n, n_groups;
	uint8_t d[MW_NUM_DIGITS];	 /* 0 to 9 */
	uint8_t len[MW_NUM_GROUPS];	 /* of each group */
	uint8_t sep[MW_NUM_GROUPS];	 /* what stands behind it; 0 nothing that parts */
	uint8_t total[MW_NUM_GROUPS];	 /* of it and those before it */
	size_t end[MW_NUM_GROUPS];	 /* where it ends */
	bool more;			 /* the last group goes on, or others follow it */
};

/* What was found to be one. */
struct mw_num_found {
	size_t from, to;
	const char *rule;
};

/* Whether the byte before `from` and that at `to` let what is between them stand for itself. */
bool mw_num_alone(struct mw_slice t, size_t from, size_t to);
/* Whether a word of the list (in lower case, NULL at its end) is in the key, or in the `near` bytes
 * before `from`. */
#define MW_NUM_NEAR 48
bool mw_num_near(const struct mw_look *k, size_t from, const char *const *words, size_t near);

/* True and *ret where such a number begins at x->at, or at letters before it. */
bool mw_num_phone(const struct mw_num *x, struct mw_num_found *ret);
bool mw_num_id(const struct mw_num *x, unsigned int countries, struct mw_num_found *ret);

#endif
