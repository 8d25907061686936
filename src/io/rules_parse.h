/* SPDX-License-Identifier: Apache-2.0 */
/* rules_parse.h - a condition being read: its words (rules_word.c), its tree (rules_cond.c) */
#ifndef MW_IO_RULES_PARSE_H
#define MW_IO_RULES_PARSE_H

#include "io/rules_priv.h"

enum mw_rules_token { END, OPEN, CLOSE, COMMA, SYMBOL, WORD, QUOTED };

struct mw_rules_parse {
	struct mw_rules *set;
	struct mw_yaml_read r;
	const struct mw_rules_at *at;
	unsigned int on;
	bool first;
	unsigned int depth;
	struct mw_cond *cond;
	size_t n;
	struct mw_cond_value *value; /* of the test being read */
	size_t n_values;
	/* the token read last: where, and its text without quotes */
	enum mw_rules_token token;
	size_t from, pos;
	struct mw_slice text;
};

struct mw_rules_op {
	const char *name;
	enum mw_cond_op op;
	bool negated;
};

/* Says what is wrong at byte `where` of the condition. -EINVAL. */
#define fail_at(p, where, ...) mw_yaml_fail_in(&(p)->r, (p)->at->at, where, __VA_ARGS__)

/* Reads the next token. 0, -EINVAL: a quote without end; -ENOMEM. */
int mw_rules_next(struct mw_rules_parse *p);
/* Whether the token is this word, without quotes. */
bool mw_rules_is(const struct mw_rules_parse *p, const char *word);
/* The operator that the token is, or NULL. */
const struct mw_rules_op *mw_rules_op(const struct mw_rules_parse *p);
/* Whether it is a word of the language. */
bool mw_rules_reserved(const struct mw_rules_parse *p);
/* "expected WHAT, not 'x'". -EINVAL. */
int mw_rules_unexpected(const struct mw_rules_parse *p, const char *what);

#endif
