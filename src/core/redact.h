/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h - secrets out, before a record is built
 *
 * By name: the value of a JSON member, KEY=VALUE word, --flag value pair, or URL part whose name is
 * that of a secret (password, token, api_key, authorization, ...) goes. Whole values go, also
 * numbers, objects and arrays. Names are compared decoded, in lower case, with '-', '_', '.' and
 * ' ' taken out, by whole word or ending ("X-Api-Key", "githubToken", "db_password"; not
 * "max_tokens", "tokenizer"). The value of {"name": a secret's, "value": ...} goes too, and what
 * known commands, .netrc and SQL take as secrets. By rules (struct mw_redact_rules) and by form:
 * what a pattern, a checksum or its randomness shows to be a secret, in any text, and in what
 * stands there in base64 or percent-encoded (one level: the encoded text goes).
 *
 * What went is replaced by [REDACTED:<rule>:<length in bytes>:<fingerprint>], the fingerprint being
 * the first 12 hex digits of the keyed hash of its bytes, so that equal secrets are seen to be
 * equal; without a key the last part is missing. Beside the rules' ids there are: key (by name),
 * jwt, private-key, entropy, card, iban, phone, email, us-ssn, gb-nhs, gb-nino, de-steuer-id,
 * fr-nir, es-dni, it-codice-fiscale, nl-bsn, pl-pesel, in-aadhaar, br-cpf, and unscanned.
 */
#ifndef MW_CORE_REDACT_H
#define MW_CORE_REDACT_H

#include <mcpwatch/engine.h>

#include "base/alloc.h"
#include "base/buf.h"

/* What is no secret though a rule's pattern found it. Texts in UTF-8, NUL-terminated. */
struct mw_redact_allow {
	const char *const *patterns; /* PCRE2, as mw_redact_rule.pattern */
	size_t n_patterns;
	const char *const *words; /* in lower case: the secret holds one of them, in any case */
	size_t n_words;
	enum {
		MW_ALLOW_SECRET, /* patterns are held against what is to go */
		MW_ALLOW_MATCH,	 /* against all the pattern found */
		MW_ALLOW_LINE,	 /* against the line that stands in */
	} target;
	bool all; /* both a pattern and a word must hold, where it has both */
};

struct mw_redact_rule {
	const char *id;	     /* of the mark: [a-z0-9_-], at most 48 bytes */
	const char *pattern; /* PCRE2's syntax, UTF off */
	/* The pattern is only tried on a text that holds one of them, in any case (they are in lower
	 * case). None: on every text. */
	const char *const *keywords;
	size_t n_keywords;
	unsigned int group;    /* which group is the secret; 0: the first one, else all */
	unsigned int entropy;  /* Shannon's, of the secret, at least: 1/1000 bit a byte; 0: any */
	const struct mw_redact_allow *allow; /* one of them holding is enough */
	size_t n_allow;
};

/* National identity numbers that are looked for, each with its own check digits. */
enum mw_redact_country {
	MW_COUNTRY_US = 1 << 0, /* social security number: form and unissued ranges only */
	MW_COUNTRY_GB = 1 << 1, /* NHS number, national insurance number */
	MW_COUNTRY_DE = 1 << 2, /* tax id (Steuer-ID) */
	MW_COUNTRY_FR = 1 << 3, /* NIR */
	MW_COUNTRY_ES = 1 << 4, /* DNI, NIE */
	MW_COUNTRY_IT = 1 << 5, /* codice fiscale */
	MW_COUNTRY_NL = 1 << 6, /* BSN */
	MW_COUNTRY_PL = 1 << 7, /* PESEL */
	MW_COUNTRY_IN = 1 << 8, /* Aadhaar */
	MW_COUNTRY_BR = 1 << 9, /* CPF */
};

struct mw_redact_rules {
	const struct mw_redact_rule *rule;
	size_t n;
	const struct mw_redact_allow *allow; /* goes for every rule */
	size_t n_allow;
	const char *const *names; /* further secrets' names, as mw_redact_name normalises: endings */
	size_t n_names;
	unsigned int countries; /* enum mw_redact_country */
	bool no_pii;	 /* e-mail, telephone, card and account numbers, national ids stay */
	bool no_entropy; /* what is only random-looking stays */
};

struct mw_redact;

/* Which rule does not compile, and why. */
struct mw_redact_error {
	size_t rule;   /* index; of rules->n: in the allow-lists that go for all */
	size_t offset; /* in its pattern */
	char why[160];
};

/*
 * Compiles rules, whose texts and arrays are borrowed for the life of *ret; NULL: by name alone,
 * also what has a secret's form stays. mac may be NULL. In doubt more goes: a pattern that takes
 * longer than its limit takes the whole text with it ("unscanned"). 0; -EINVAL: *ret_error says
 * which rule; -ENOMEM.
 */
int mw_redact_new(const struct mw_alloc *a, const struct mw_redact_rules *rules,
		  void (*mac)(void *ctx, enum mw_mac_use use, const void *p, size_t n,
			      uint8_t out[32]),
		  void *mac_ctx, struct mw_redact_error *ret_error, struct mw_redact **ret);
void mw_redact_free(struct mw_redact *x);

struct mw_redact_stats {
	uint64_t n;	    /* marks written */
	uint64_t unscanned; /* texts that went whole because a pattern met its limit */
};
void mw_redact_stats(const struct mw_redact *x, struct mw_redact_stats *ret);

/* Which rules take something out while it is watched: each id once, ours or the rules', as long as
 * these last; at most MW_REDACT_SEEN_MAX, more are not told. Not what is personal (card, iban,
 * phone, email, national ids), nor unscanned, nor by name alone ("key") what is shorter than 8
 * bytes or a word of 20 lower-case letters at most: prose has such. x may be NULL. */
#define MW_REDACT_SEEN_MAX 16
void mw_redact_watch(struct mw_redact *x, bool on);
size_t mw_redact_seen(const struct mw_redact *x, const char *const **ret);
/* What was seen so far is forgotten. */
void mw_redact_seen_clear(struct mw_redact *x);

/* The first 12 hex digits of a secret's keyed hash; false: there is no key. */
#define MW_FINGERPRINT_LEN 12
bool mw_redact_fingerprint(struct mw_redact *x, struct mw_slice secret,
			   char ret[MW_FINGERPRINT_LEN + 1]);

/* Appends the mark of what went by name; x may be NULL. Such a mark behind a secret's name is
 * left as it is by what follows. 0, -E2BIG, -ENOMEM; then half a mark may be there. */
int mw_redact_put_key_mark(struct mw_redact *x, struct mw_buf *out, struct mw_slice secret);

/* Whether a (decoded) name is a secret's, by the built-in list. */
bool mw_redact_name(struct mw_slice name);
/* All that follow take x NULL: then by name alone, and without fingerprints. */
/* Appends one valid JSON value, redacted, without white space between tokens, its numbers as they
 * were written, bytes that are not UTF-8 as \ufffd. JSON objects and arrays inside strings are
 * redacted too (one level). *lossy is set, never cleared. 0, -EBADMSG, -E2BIG, -ENOMEM (out as
 * before). */
int mw_redact_json(struct mw_redact *x, struct mw_buf *out, struct mw_slice value, bool *lossy);
/* As mw_redact_json, but no more than is needed for the first `stop` bytes: 1 if there is more;
 * what was appended then is the beginning of the redacted text, and no whole JSON. 0 if it is
 * whole. The time is bounded by `stop`, but for passing over the string that it cuts. */
int mw_redact_json_head(struct mw_redact *x, struct mw_buf *out, struct mw_slice value,
			size_t stop, bool *lossy);
/* Appends free text as the inside of a JSON string: KEY=VALUE words, --flag=value, URL user info
 * and query values redacted. 0, -E2BIG, -ENOMEM. */
int mw_redact_text(struct mw_redact *x, struct mw_buf *out, struct mw_slice text, bool *lossy);
/* As mw_redact_text, of what says who somebody is (a token's claim, a user's name): secrets by name
 * and by rules go, what is personal or only random-looking stays. 0, -E2BIG, -ENOMEM. */
int mw_redact_claim(struct mw_redact *x, struct mw_buf *out, struct mw_slice text, bool *lossy);
/* Each secret that mw_redact_claim would take out of a text, as it stands there. found() may redact
 * other texts. 0, -ENOMEM, or what found() returned below 0; of a text that cannot be looked
 * through in time none is told. Memory is of `a`. */
int mw_redact_each(struct mw_redact *x, const struct mw_alloc *a, struct mw_slice text,
		   int (*found)(void *ctx, struct mw_slice secret), void *ctx);
/* As mw_redact_text, of a request's target (RFC 9112, section 3.2): of its query also the ids of
 * sessions, which are credentials there ("session_id", "sessionId"). 0, -E2BIG, -ENOMEM. */
int mw_redact_target(struct mw_redact *x, struct mw_buf *out, struct mw_slice target, bool *lossy);
/* Appends an argv (NUL after each argument) as a JSON array; "--token" redacts the next
 * argument. */
int mw_redact_argv(struct mw_redact *x, struct mw_buf *out, struct mw_slice argv, bool *lossy);

#endif
