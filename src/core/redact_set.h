/* SPDX-License-Identifier: Apache-2.0 */
/* redact_set.h - rules compiled: keywords looked for in one pass, patterns behind them */
#ifndef MW_CORE_REDACT_SET_H
#define MW_CORE_REDACT_SET_H

#include "core/pcre.h"
#include "core/redact_priv.h"

/* Steps of the interpreter for one place where a match may begin, and its memory in KiB. What wants
 * more goes unscanned. */
#define MW_SET_STEPS_MAX 20000u
#define MW_SET_HEAP_KIB	 8192u
#define MW_SET_RULES_MAX 4096u
#define MW_SET_WORDS_MAX 65535u
#define MW_SET_WORD_MAX	 255u

/* --- words --------------------------------------------------------------------------------------
 * Many words looked for at once, in any case: of each the three bytes that ordinary text has most
 * seldom are hashed, and at each place of a text its three.
 */

#define MW_WORDS_MAP 65536u

#define MW_WORDS_HEADS 2048u

struct mw_word {
	struct mw_slice text; /* in lower case; borrowed */
	uint32_t id;	      /* the caller's */
	uint32_t next;	      /* 1 + index of the next in its chain; 0: none */
	uint16_t skip;	      /* of its three bytes */
	uint16_t hash;
};

struct mw_words {
	const struct mw_alloc *a;
	struct mw_word *e;
	size_t n, cap;
	uint32_t map[MW_WORDS_MAP / 32]; /* a bit a hash */
	uint32_t head[MW_WORDS_HEADS];	 /* by the hash's low bits */
};

int mw_words_new(const struct mw_alloc *a, struct mw_words **ret);
void mw_words_free(struct mw_words *w);
/* 0; -EINVAL: shorter than two bytes or too long, or no room for more; -ENOMEM. */
int mw_words_add(struct mw_words *w, const char *word, uint32_t id);

/* Goes over a text: { .text } at the start. */
struct mw_words_pos {
	struct mw_slice text;
	size_t i;      /* the three bytes looked at */
	uint32_t next; /* in their chain */
	size_t at;     /* where the word begins that was found */
};
/* The next word in the text, by its place and then any: it, or NULL. */
const struct mw_word *mw_words_next(const struct mw_words *w, struct mw_words_pos *p);
bool mw_words_any(const struct mw_words *w, struct mw_slice text);

/* --- rules --------------------------------------------------------------------------------------
 */

struct mw_set_allow {
	const struct mw_redact_allow *from;
	pcre2_code **code;
	struct mw_words *words; /* NULL: none */
};

struct mw_set_rule {
	const struct mw_redact_rule *from;
	pcre2_code *code;
	struct mw_set_allow *allow;
	size_t min; /* no match is shorter */
	bool context; /* the pattern has been compiled without what may stand before a keyword */
	/* Every match begins with a keyword, so only there is looked. */
	bool leads;
	bool bound;  /* it does so where a word begins ("\b") */
	bool always; /* has no keyword that could be looked for */
};

struct mw_set {
	const struct mw_alloc *a;
	struct mw_set_rule *rule;
	size_t n;
	size_t n_always, min; /* no match of any rule is shorter */
	struct mw_set_allow *allow;
	size_t n_allow;
	/* id: the rule, or MW_SET_RULES_MAX and more: a keyword of mw_command_keyword */
	struct mw_words *gate;
	uint8_t *wanted;       /* by rule: to be tried on this text */
	pcre2_general_context *general;
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
};

/* Whether every match of this pattern begins with one of the rule's keywords; false also where that
 * is not seen. *ret_bound: and does so only at the border of a word. */
bool mw_lead_check(const struct mw_redact_rule *rule, struct mw_slice pattern, bool *ret_bound);

#endif
