/* SPDX-License-Identifier: Apache-2.0 */
/* redact_priv.h - what the redact*.c share
 *
 * A text is looked at whole; what is found to be a secret becomes a cut; then the text is written,
 * cuts out. Where cuts overlap they go as one.
 */
#ifndef MW_CORE_REDACT_PRIV_H
#define MW_CORE_REDACT_PRIV_H

#include "base/ascii.h"
#include "core/redact.h"

/* Of a name no more than this counts, from its end. */
#define MW_REDACT_NAME_N 48
/* Of a text that is to be cut, so much behind the cut is looked at. */
#define MW_REDACT_LOOK 4096
/* Most cuts of one text: one with more goes whole. */
#define MW_REDACT_CUTS_MAX 65536
/* A text with fewer digits in it has no number that is looked for. */
#define MW_REDACT_DIGITS 6
/* A result beside 0 and errors: the text is to go whole, nobody knows what is in it. */
#define MW_REDACT_UNSCANNED 1

static inline bool mw_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == 0;
}

/* What a name in free text is made of. */
static inline bool mw_is_name_byte(uint8_t c)
{
	return mw_is_alnum(c) || c == '_' || c == '-' || c == '.' || c == '%' || c == '[' ||
	       c == ']' || c >= 0x80;
}

/* What tokens, keys, paths and numbers are made of. */
static inline bool mw_is_token_byte(uint8_t c)
{
	return mw_is_alnum(c) || (c >= '-' && c <= '/') || c == '_' || c == '=' || c == '+';
}

static inline bool mw_is_in(uint8_t c, const char *set)
{
	return memchr(set, c, strlen(set)) != NULL;
}

/* The value of a hex digit, else -1. */
static inline int mw_hex_value(uint8_t c)
{
	if (mw_is_digit(c))
		return c - '0';
	c = mw_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* --- cuts ---------------------------------------------------------------------------------------
 */

/* Whose word counts where two cuts begin and end at the same place: the lower one's. */
enum mw_rank {
	MW_RANK_NAME,
	MW_RANK_FORM,
	MW_RANK_RULE,
	MW_RANK_PII,
};

struct mw_cut {
	size_t from, to;
	const char *rule; /* ours, or a rule's id */
	enum mw_rank rank;
};

/* Empty with only `a` set; allocates when the first cut comes. */
struct mw_cuts {
	const struct mw_alloc *a;
	struct mw_cut *e;
	size_t n, cap;
};

/* 0, -ENOMEM, MW_REDACT_UNSCANNED (too many). An empty cut is none. */
int mw_cuts_add(struct mw_cuts *c, size_t from, size_t to, const char *rule, enum mw_rank rank);
void mw_cuts_done(struct mw_cuts *c);
/* In their order, those that overlap as one under the first one's rule. */
void mw_cuts_merge(struct mw_cuts *c);

/* --- what looks ---------------------------------------------------------------------------------
 */

struct mw_set; /* redact_set.h: the rules, compiled */

/* What is known of a member's name that came before: they come again and again. */
#define MW_REDACT_KEYS 256
#define MW_REDACT_KEY_MAX 29
struct mw_redact_key {
	uint8_t n; /* 0: none */
	bool name, hot;
	uint8_t text[MW_REDACT_KEY_MAX];
};

/* Texts that stayed as they are, by a hash of theirs and of what stood beside: paths, programs and
 * names come again and again. */
#define MW_REDACT_CLEAN 1024
#define MW_REDACT_CLEAN_MAX 512
struct mw_redact_hash {
	uint64_t low, high;
};

struct mw_redact {
	const struct mw_alloc *a;
	void (*mac)(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32]);
	void *mac_ctx;
	struct mw_redact_rules given;
	const struct mw_redact_rules *rules; /* given; NULL: by name alone */
	struct mw_set *set;		     /* NULL where rules is */
	struct mw_cuts cuts, inner;	     /* of the text, and of what it holds encoded */
	struct mw_buf decoded, pair;
	struct mw_redact_stats stats;
	const char *seen[MW_REDACT_SEEN_MAX]; /* since mw_redact_watch */
	size_t n_seen;
	bool watched;
	struct mw_redact_hash clean[MW_REDACT_CLEAN];
	struct mw_redact_key keys[MW_REDACT_KEYS]; /* that stay as they are, by their hash */
};

/* A text, and where it stood. */
struct mw_look {
	struct mw_slice text;
	struct mw_slice key; /* of the member or the flag whose value it is; n 0: none */
	size_t show;	     /* so much of it will be written; the rest is looked at only */
	bool hot;	     /* a rule's keyword is in the key */
	bool cold;	     /* none is in the text */
	bool decoded;	     /* it stood encoded: nothing is decoded any more */
	bool number;	     /* it is a JSON number */
	bool claim;	     /* it says who somebody is: what is personal or random stays */
};

static inline struct mw_look mw_look(struct mw_slice text)
{
	return (struct mw_look){ .text = text, .show = text.n };
}

/* What is seen of a text in one quick pass. */
struct mw_scan {
	size_t n_digits;
	size_t longest; /* of the runs of token bytes; those below 16 may be said shorter */
	bool at, percent;
};
void mw_redact_scan(struct mw_slice text, struct mw_scan *ret);

/* Of a short text, a bit a byte. */
#define MW_MASKS_MAX 64
struct mw_masks {
	uint64_t odd;	/* is escaped, or begins JSON */
	uint64_t sign;	/* may part a name from a value: = : - b */
	uint64_t coded; /* @ % */
	uint64_t digit, token;
};
void mw_redact_masks(struct mw_slice text, struct mw_masks *ret);

/* Each appends the cuts it finds. 0, MW_REDACT_UNSCANNED, -ENOMEM. x->rules is there, but for
 * mw_find and mw_find_names (x may be NULL). */
int mw_find(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret); /* all of these */
int mw_find_names(struct mw_redact *x, struct mw_slice text, struct mw_cuts *ret);
int mw_find_rules(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret);
int mw_find_forms(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret);
int mw_find_numbers(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret);
int mw_find_emails(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret);

/* No rule finds anything in a shorter text. x->rules is there. */
size_t mw_redact_rule_min(const struct mw_redact *x);
/* Whether a keyword of a rule is in a text. x may be NULL. */
bool mw_redact_is_hot(const struct mw_redact *x, struct mw_slice text);
/* Whether bytes look like chance: redact_random.c. */
bool mw_redact_is_random(struct mw_slice s);
/* Whether it is random, but known by its form as no secret: an id, a checksum, a public key. */
bool mw_redact_is_known(struct mw_slice s);
/* Whether that is more than a key or a token has: bytes of some file. */
bool mw_redact_is_data(struct mw_slice s);
/* Shannon's entropy of the bytes, in 1/1000 bit a byte. */
unsigned int mw_redact_entropy(struct mw_slice s);

/* --- names --------------------------------------------------------------------------------------
 */

/* As mw_redact_name, and by the rules' names. */
bool mw_redact_is_name(const struct mw_redact *x, struct mw_slice name);
/* Whether a name as it stands in text, percent-encoded perhaps, is a secret's. */
bool mw_redact_text_name(const struct mw_redact *x, struct mw_slice run);
/* The same of a name in a URL's query: also that of a session's id. */
bool mw_redact_query_name(const struct mw_redact *x, struct mw_slice run);

/* --- commands -----------------------------------------------------------------------------------
 */

/* What a word of a command says of the next one, and of itself. */
struct mw_command {
	const void *program; /* private; NULL: none that takes secrets */
	bool login;	     /* its verb */
	unsigned int next;   /* private: of the next word */
};
/* The next word of a command. True: t[*ret_from, end) of it is a secret. */
bool mw_command_word(struct mw_command *c, struct mw_slice word, size_t *ret_from);
/* Where in a text there may be such: at these words; NULL behind the last. */
const char *mw_command_keyword(size_t i);
/* The i-th of them stands at `at`. *done, at first 0, is how far commands have been read. */
int mw_command_look(const struct mw_look *k, size_t i, size_t at, size_t *done,
		    struct mw_cuts *ret);

/* --- writing ------------------------------------------------------------------------------------
 */

/* Whether redaction and escaping leave a text as it is, and it is no JSON; false where that takes
 * longer to find out. */
bool mw_redact_is_quiet(const struct mw_redact *x, const struct mw_look *k);
/* As mw_redact_text, but leaves behind what it had appended when it fails. */
int mw_redact_put_text(struct mw_redact *x, struct mw_buf *out, const struct mw_look *k,
		       bool *lossy);
/* Whether that is all there is: the mark of what went by name. */
bool mw_redact_is_mark(struct mw_slice s);
/* What stands for a secret taken out. x may be NULL. */
int mw_redact_put_mark(struct mw_redact *x, struct mw_buf *out, const char *rule,
		       struct mw_slice secret);

#endif
