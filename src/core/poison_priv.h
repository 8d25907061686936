/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poison_priv.h - how a text is looked at
 *
 *	bytes -> fold: lower case, compatibility forms, look-alikes and marks as plain letters, what
 *	is invisible left out and counted -> terms found in one pass (redact_words.c), each of a
 *class
 *	("to send", "the user", "a file of secrets") -> rules: classes near each other
 *
 * What is spaced out, written in digits, turned by 13 letters or backwards is folded once more and
 * looked for with the terms folded the same way. Time is linear in the text: a term costs its
 * rules, and these are few.
 */
#ifndef MW_CORE_POISON_PRIV_H
#define MW_CORE_POISON_PRIV_H

#include "base/buf.h"
#include "base/json.h"
#include "core/poison.h"
#include "core/redact_set.h"

/* --- terms (poison_words.c) ----------------------------------------------------------------------
 */

enum mw_term_class {
	MW_TERM_OVERRIDE, /* ignore, forget */
	MW_TERM_PRIOR,	  /* previous, all other */
	MW_TERM_INSTR,	  /* instructions, rules */
	MW_TERM_NOT,
	MW_TERM_TELL,
	MW_TERM_USER,
	MW_TERM_CONCEAL, /* silently, keep this hidden */
	MW_TERM_FILE,	 /* a file that holds secrets */
	MW_TERM_SECRET,	 /* password, API key */
	MW_TERM_CONVO,	 /* the conversation, the system prompt */
	MW_TERM_READ,
	MW_TERM_SEND,
	MW_TERM_ORDER, /* must, always */
	MW_TERM_WIDE,  /* of all that the model does: whenever you, any other tool */
	MW_TERM_MODEL, /* the assistant */
	MW_TERM_MARK,  /* <IMPORTANT>, [SYSTEM] */
	MW_TERM_FRAME, /* what frames a model's messages: <|im_start|>, [INST] */
	MW_TERM_COVER, /* otherwise the tool will not work */
	MW_TERM_URL,
	MW_TERM_RUN,	 /* a command line to run */
	MW_TERM_CHANGE,	 /* replace, redirect, instead */
	MW_TERM_APPROVE, /* without asking */
	MW_TERM_RANK,	 /* with priority over, obey */
	MW_TERM_FIRST,	 /* before using, prior to */
	MW_TERM_SIDE,	 /* `sidenote`, `debug_info` */
	MW_TERM_HIDE,	 /* a comment, or a style that shows nothing */
	MW_TERM_CHANNEL, /* letter by letter, as a label */
	MW_TERM_CODED,	 /* base64 */
	MW_TERM_OTHER,	 /* another tool's name; not in the table */
	MW_TERM_ROT,	 /* a term of the above turned by 13 letters, backwards */
	MW_TERM_BACK,
	MW_TERM_CLASSES, /* 32 at most: a bit each */
};

/* Written as people write them; a '*' at the end: the word may go on. */
struct mw_term_list {
	enum mw_term_class class;
	const char *const *v;
	size_t n;
};
const struct mw_term_list *mw_term_lists(size_t *ret_n);

/* --- folding (poison_fold.c) ---------------------------------------------------------------------
 */

struct mw_fold {
	struct mw_buf out;    /* the folded text; '"' for every mark of quotation */
	struct mw_buf breaks; /* size_t: where sentences end in it */
	struct mw_buf hidden; /* what tag characters and variation selectors spell */
	struct mw_buf marks;  /* size_t: where every 64th byte of the text came to stand */
	/* what was found; a run is of characters in a row */
	size_t n_zero, zero_run, n_tags, n_vs, n_bidi, n_bidi_override, n_rtl, n_control, n_escape;
	size_t space_run, line_run; /* the longest with text behind it */
	size_t n_mixed, n_leet, letters_run;
	/* private: where it stands */
	size_t word, run_zero, run_vs, run_space, run_line, run_letters;
	uint32_t last; /* character */
	bool latin, other, digit, flag;
};

void mw_fold_init(struct mw_fold *f, const struct mw_alloc *a);
void mw_fold_done(struct mw_fold *f);
/* The fold of a whole text. 0, -ENOMEM, -E2BIG. */
int mw_fold_text(struct mw_fold *f, struct mw_slice text);
/* The same in less time for ASCII that writes nothing in codes and has no long runs of space: out,
 * n_leet and letters_run alone are set. 1; 0: the text is another; -ENOMEM, -E2BIG. */
int mw_fold_plain(struct mw_fold *f, struct mw_slice text);
/* Where about the text's byte `at` came to stand. */
size_t mw_fold_place(const struct mw_fold *f, size_t at);

/* --- other spellings (poison_code.c) -------------------------------------------------------------
 */

/* Letters and digits alone, digits that stand for letters as these, 'l' as 'i'. */
int mw_code_squeeze(struct mw_buf *out, struct mw_slice folded);
/* A folded text with words in place of so many single letters or more, with one byte between each
 * two ("i-g-n-o-r-e", "i g n o r e"). */
#define MW_SPELLED_MIN 4
int mw_code_join(struct mw_buf *out, struct mw_slice folded);
/* A text with spaces where words run into each other by capital letters ("IgnoreAllRules"), and
 * without what parts a word ("pre-vious"). 1; 0: it has none of these; -ENOMEM, -E2BIG. */
int mw_code_unjoin(struct mw_buf *out, struct mw_slice text);
int mw_code_rot13(struct mw_buf *out, struct mw_slice folded);
int mw_code_reverse(struct mw_buf *out, struct mw_slice folded);
/* Appends the next run of base64, hex digits or "\x41"-like pairs behind *pos that decodes to text.
 * 1, 0: no more; -ENOMEM, -E2BIG. */
int mw_code_next(struct mw_slice text, size_t *pos, struct mw_buf *out);
/* Whether there is a run that mw_code_next would try; looks at few bytes. */
bool mw_code_may_be(struct mw_slice text);

/* --- rules (poison_rule.c) -----------------------------------------------------------------------
 */

#define MW_POISON_RULES_MAX 128

/* Rules that hold: a bit each. */
struct mw_fired {
	uint64_t w[MW_POISON_RULES_MAX / 64];
};

/* Which rules name a class. */
struct mw_rules {
	struct mw_fired of[MW_TERM_CLASSES];
};
void mw_rules_init(struct mw_rules *k);

/* Where terms were last seen in one text, and which rules that made hold. */
struct mw_rules_at {
	size_t at[MW_TERM_CLASSES]; /* 1 + place; 0: nowhere */
	size_t sentence[MW_TERM_CLASSES];
	unsigned int n[MW_TERM_CLASSES];
	uint32_t seen;	/* a bit a class */
	size_t not_end; /* of the last MW_TERM_NOT */
	struct mw_fired fired;
};

void mw_rules_see(const struct mw_rules *k, struct mw_rules_at *x, enum mw_term_class class,
		  size_t at, size_t end, size_t sentence);
/* What they count in all, and what they say. */
unsigned int mw_rules_score(const struct mw_fired *f, bool data);
unsigned int mw_rules_bits(const struct mw_fired *f);

/* --- one text (poison_text.c) --------------------------------------------------------------------
 */

struct mw_poison_term {
	uint32_t class;
	bool start, end; /* a word must begin, end here */
};

/* Terms folded in one way. */
struct mw_poison_terms {
	struct mw_words *words;
	struct mw_poison_term *term;
	size_t n;
	struct mw_buf text; /* theirs, NUL after each */
};

/* Names of other tools: a table by hash, borrowed texts. */
struct mw_poison_names {
	struct mw_slice *v;
	size_t n; /* places: 0 or a power of two */
	struct mw_slice own;
};

/* A short string of JSON as it was written, found to be of no matter in data: the names of members
 * come again with every call. */
#define MW_POISON_KNOWN	    256u
#define MW_POISON_KNOWN_LEN 30u

struct mw_poison_known {
	uint8_t n; /* 0: none */
	bool key;
	uint8_t text[MW_POISON_KNOWN_LEN];
};

struct mw_poison_scan {
	const struct mw_alloc *a;
	struct mw_rules rules;
	struct mw_poison_terms plain, squeezed;
	struct mw_fold fold, inner;
	struct mw_poison_names others;
	struct mw_buf text, split, code, path;
	struct mw_poison_known known[MW_POISON_KNOWN];
	struct mw_slice keys[MW_JSON_DEPTH_MAX + 1]; /* of the members that a string stands in */
	bool data;
};

struct mw_poison_text {
	struct mw_fired fired;
	unsigned int score, bits; /* of all that was found in it */
};

int mw_poison_terms_new(struct mw_poison_scan *p);
void mw_poison_terms_free(struct mw_poison_scan *p);
/* Looks at one decoded text. key: it is a member's name; odd: it stands where no sentences are
 * expected (an enum, a default, a title). 0, -ENOMEM. */
int mw_poison_look(struct mw_poison_scan *p, struct mw_slice text, bool key, bool odd,
		   struct mw_poison_text *ret);
/* Of data (p->data): true only where mw_poison_look would give a score of 0; in a small part of its
 * time, and true of nearly all that tools are given and give. */
bool mw_poison_is_quiet(struct mw_poison_scan *p, struct mw_slice text, bool key);

#endif
