/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_priv.h - what the sql*.c share: a text as tokens
 *
 *	sql_token.c	strings, quoted names, comments, words
 *	sql.c		statements: their verb, and what it acts on
 *	sql_secret.c	constants that are secrets
 */
#ifndef MW_CORE_SQL_PRIV_H
#define MW_CORE_SQL_PRIV_H

#include "core/sql.h"

enum mw_sql_kind {
	MW_SQL_END = 0,
	MW_SQL_WORD,
	MW_SQL_NAME,
	MW_SQL_STRING,
	MW_SQL_NUMBER,
	MW_SQL_PUNCT
};

struct token {
	enum mw_sql_kind kind;
	struct mw_slice s; /* NAME, STRING: inside of the quotes */
	size_t at, end;	   /* in the text, quotes included */
};

struct lexer {
	struct mw_slice text;
	size_t pos;
	enum mw_sql_dialect d;
	bool in_code; /* inside of a comment that is code */
};

/* The next token, white space and comments passed over; END at the end, as often as asked. */
struct token mw_sql_token(struct lexer *l);
/* Whether it is this word, in any case; one of these, which end with NULL. */
bool mw_sql_is(const struct token *t, const char *word);
bool mw_sql_is_any(const struct token *t, const char *const *words);
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static inline bool is_punct(const struct token *t, char c)
{
	return t->kind == MW_SQL_PUNCT && t->s.p[0] == (uint8_t)c;
}

static inline bool mw_sql_is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

#endif
