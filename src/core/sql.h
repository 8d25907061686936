/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.h - what a text of SQL does, as far as its words tell
 *
 * No grammar: a tokenizer that knows strings, quoted names, comments and parentheses, and for each
 * verb where its table stands. Source: PostgreSQL 17, chapter 4.1 (lexical structure) and part VI
 * (commands); MySQL 8.4, chapters 11 (language structure) and 15 (statements).
 *
 * The text is hostile; whoever wants to hide something from words alone (EXECUTE of a string, a
 * function's body) can. What a server reports beside it (PostgreSQL's command tag) does not lie.
 */
#ifndef MW_CORE_SQL_H
#define MW_CORE_SQL_H

#include "base/buf.h"
#include "base/slice.h"

struct mw_redact;

enum mw_sql_dialect {
	MW_SQL_ANY = 0,	 /* not known: where the two differ, as PostgreSQL */
	MW_SQL_POSTGRES, /* "x" names, E'' escapes, $$ strings, nested comments */
	MW_SQL_MYSQL,	 /* `x` names, "x" strings, \ escapes, # comments, code in / *! * / */
};

#define MW_SQL_VERB_MAX 24
/* Of the tables that one statement names, and of one name. */
#define MW_SQL_TABLE_MAX 256

struct mw_sql {
	struct mw_slice text; /* of the statement, without white space around it and its ';' */
	/*
	 * The first keyword, in upper case. WITH: what comes behind its queries, or if one of these
	 * changes data and that does not, what it is. EXPLAIN ANALYZE: what it runs. "": none.
	 */
	char verb[MW_SQL_VERB_MAX];
	/* Its table, with its schema, without quotes; DROP and TRUNCATE: all, with ',' between.
	 * Of other verbs what they act on, where one name says it (DROP USER: the user). "": not
	 * told. */
	char table[MW_SQL_TABLE_MAX];
	bool where; /* UPDATE, DELETE: it has a WHERE of its own, not one of a query inside */
};

/* The next statement of a text (*pos starts at 0), empty ones passed over: 1, 0 the end. */
int mw_sql_next(struct mw_slice text, enum mw_sql_dialect d, size_t *pos, struct mw_sql *ret);
/* Whether the text begins with a word that begins statements. */
bool mw_sql_looks(struct mw_slice text);
/* The next string or number constant in a text (*pos starts at 0), inside of its quotes, escapes as
 * they are. 1, 0 the end. */
int mw_sql_constant(struct mw_slice text, enum mw_sql_dialect d, size_t *pos, struct mw_slice *ret);
/* Appends the text with each run of white space as one blank, none at the ends and no ';' there.
 * 0, -E2BIG, -ENOMEM; then out is as it was. */
int mw_sql_fold(struct mw_buf *out, struct mw_slice text);
/* Of a text that begins with a word that says a secret (as below): the string constant that is it,
 * inside of its quotes. False: none follows. */
bool mw_sql_secret(struct mw_slice text, enum mw_sql_dialect d, struct mw_slice *ret);
/* Appends the text; string constants that say a secret (behind PASSWORD, IDENTIFIED BY, SECRET, or
 * a name that is a secret's and '=') as marks of core/redact.h in quotes, which leaves them as they
 * are. redact may be NULL. 0, -E2BIG, -ENOMEM. */
int mw_sql_redact(struct mw_redact *redact, struct mw_buf *out, struct mw_slice text,
		  enum mw_sql_dialect d);

#endif
