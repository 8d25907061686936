/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sql_priv.h"

/* --- what a statement acts on ------------------------------------------------------------------
 */

/* Appends what fits. */
static void put(char *out, size_t max, struct mw_slice s)
{
	size_t n = strlen(out);

	for (size_t i = 0; i < s.n && n + 1 < max; i++)
		out[n++] = (char)s.p[i];
	out[n] = '\0';
}

static void put_verb(struct mw_sql *q, const struct token *t)
{
	q->verb[0] = '\0';
	put(q->verb, sizeof(q->verb), t->s);
	for (char *p = q->verb; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
}

/* A name at *t, which goes on to the token behind it. False: there is none. */
static bool put_name(struct lexer *l, struct token *t, struct mw_sql *q)
{
	if (t->kind != MW_SQL_WORD && t->kind != MW_SQL_NAME)
		return false;
	for (;;) {
		put(q->table, sizeof(q->table), t->s);
		*t = mw_sql_token(l);
		if (!is_punct(t, '.'))
			return true;
		put(q->table, sizeof(q->table), MW_SLICE_LIT("."));
		*t = mw_sql_token(l);
		if (t->kind != MW_SQL_WORD && t->kind != MW_SQL_NAME)
			return true;
	}
}

static void skip_words(struct lexer *l, struct token *t, const char *const *words)
{
	while (mw_sql_is_any(t, words))
		*t = mw_sql_token(l);
}

/* On to the first of these words that stands in no parentheses; false: there is none. */
static bool seek(struct lexer *l, struct token *t, const char *const *words)
{
	unsigned int depth = 0;

	for (; t->kind != MW_SQL_END && !is_punct(t, ';'); *t = mw_sql_token(l)) {
		if (is_punct(t, '('))
			depth++;
		else if (is_punct(t, ')'))
			depth -= depth > 0;
		else if (depth == 0 && mw_sql_is_any(t, words))
			return true;
	}
	return false;
}

static void table_behind(struct lexer *l, struct token *t, struct mw_sql *q,
			 const char *const *words, const char *const *skip)
{
	if (!seek(l, t, words))
		return;
	*t = mw_sql_token(l);
	skip_words(l, t, skip);
	put_name(l, t, q);
}

static void names(struct lexer *l, struct token *t, struct mw_sql *q)
{
	while (put_name(l, t, q) && is_punct(t, ',')) {
		put(q->table, sizeof(q->table), MW_SLICE_LIT(","));
		*t = mw_sql_token(l);
		skip_words(l, t, WORDS("ONLY"));
	}
}

/* CREATE, ALTER, DROP: [OR REPLACE] [TEMP] kind [IF EXISTS] name; an index is of a table. */
static void object(struct lexer *l, struct token *t, struct mw_sql *q, bool list)
{
	bool index;

	skip_words(l, t,
		   WORDS("OR", "REPLACE", "GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED",
			 "UNIQUE", "FULLTEXT", "SPATIAL", "MATERIALIZED", "FOREIGN", "RECURSIVE",
			 "ONLINE", "OFFLINE", "IGNORE", "EVENT"));
	index = mw_sql_is(t, "INDEX") || mw_sql_is(t, "TRIGGER") || mw_sql_is(t, "POLICY") ||
		mw_sql_is(t, "RULE");
	*t = mw_sql_token(l);
	skip_words(
	    l, t,
	    WORDS("DATA", "WRAPPER", "MAPPING", "CONCURRENTLY", "IF", "NOT", "EXISTS", "ONLY"));
	if (list) {
		names(l, t, q);
	} else if (!put_name(l, t, q)) {
		return;
	}
	if (index && seek(l, t, WORDS("ON"))) {
		*t = mw_sql_token(l);
		skip_words(l, t, WORDS("ONLY"));
		q->table[0] = '\0';
		put_name(l, t, q);
	}
}

static void table_of(struct lexer *l, struct token *t, struct mw_sql *q)
{
	const struct token verb = *t;

	*t = mw_sql_token(l);
	if (mw_sql_is(&verb, "DELETE") || mw_sql_is(&verb, "SELECT") || mw_sql_is(&verb, "SHOW"))
		table_behind(l, t, q, WORDS("FROM"), WORDS("ONLY", "LATERAL"));
	else if (mw_sql_is(&verb, "INSERT") || mw_sql_is(&verb, "REPLACE") ||
		 mw_sql_is(&verb, "MERGE"))
		skip_words(l, t,
			   WORDS("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OVERWRITE",
				 "INTO", "ONLY")),
		    put_name(l, t, q);
	else if (mw_sql_is(&verb, "UPDATE"))
		skip_words(l, t, WORDS("LOW_PRIORITY", "IGNORE", "ONLY")), put_name(l, t, q);
	else if (mw_sql_is(&verb, "TRUNCATE") || mw_sql_is(&verb, "LOCK"))
		skip_words(l, t, WORDS("TABLE", "TABLES", "ONLY")), names(l, t, q);
	else if (mw_sql_is(&verb, "DROP"))
		object(l, t, q, true);
	else if (mw_sql_is(&verb, "CREATE") || mw_sql_is(&verb, "ALTER"))
		object(l, t, q, false);
	else if (mw_sql_is(&verb, "GRANT") || mw_sql_is(&verb, "REVOKE"))
		table_behind(l, t, q, WORDS("ON"),
			     WORDS("TABLE", "SEQUENCE", "SCHEMA", "DATABASE", "FUNCTION"));
	else if (mw_sql_is(&verb, "LOAD"))
		table_behind(l, t, q, WORDS("TABLE"), WORDS("ONLY"));
	else if (mw_sql_is(&verb, "RENAME"))
		skip_words(l, t, WORDS("TABLE", "USER")), put_name(l, t, q);
	else if (mw_sql_is_any(&verb, WORDS("COPY", "TABLE", "USE", "CALL", "EXECUTE", "PREPARE",
					    "REINDEX", "DESCRIBE", "DESC", "VACUUM", "ANALYZE",
					    "OPTIMIZE")))
		skip_words(l, t, WORDS("TABLE", "INDEX", "FULL", "VERBOSE", "ANALYZE", "FREEZE")),
		    put_name(l, t, q);
}

static bool changes(const struct token *t)
{
	return mw_sql_is_any(t, WORDS("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"));
}

static bool begins_query(const struct token *t)
{
	return changes(t) || mw_sql_is_any(t, WORDS("SELECT", "VALUES", "TABLE"));
}

/* Behind WITH: the place of the verb that counts, or of the end. */
static struct lexer behind_with(struct lexer *l, struct token *t)
{
	struct lexer hidden = *l;
	unsigned int depth = 0;
	bool has_hidden = false, opened = false;
	struct token h = { .kind = MW_SQL_END };

	for (; t->kind != MW_SQL_END && !is_punct(t, ';'); *t = mw_sql_token(l)) {
		if (is_punct(t, '(')) {
			depth++;
			opened = true;
			continue;
		}
		if (is_punct(t, ')')) {
			depth -= depth > 0;
			opened = false;
			continue;
		}
		if (depth && opened && changes(t) && !has_hidden) {
			has_hidden = true;
			hidden = *l;
			h = *t;
		}
		opened = false;
		if (depth == 0 && begins_query(t))
			break;
	}
	if (has_hidden && !changes(t)) {
		*t = h;
		return hidden;
	}
	return *l;
}

/* EXPLAIN [ANALYZE] [VERBOSE] or EXPLAIN (ANALYZE, ...) query: whether it runs the query, and then
 * that query is at *t. */
static bool explain_runs(struct lexer *l, struct token *t)
{
	struct lexer x = *l;
	bool runs = false;
	struct token k;

	for (k = mw_sql_token(&x); k.kind != MW_SQL_END && !is_punct(&k, ';');
	     k = mw_sql_token(&x)) {
		runs |= mw_sql_is(&k, "ANALYZE") || mw_sql_is(&k, "ANALYSE");
		if (begins_query(&k) || mw_sql_is(&k, "WITH")) {
			if (!runs)
				return false;
			*l = x;
			*t = k;
			return true;
		}
	}
	return false;
}

static void understand(struct mw_sql *q, enum mw_sql_dialect d)
{
	struct lexer l = { .text = q->text, .d = d };
	struct token t = mw_sql_token(&l);

	while (is_punct(&t, '('))
		t = mw_sql_token(&l);
	if (t.kind != MW_SQL_WORD)
		return;
	put_verb(q, &t);
	if ((mw_sql_is(&t, "EXPLAIN") || mw_sql_is(&t, "DESCRIBE") || mw_sql_is(&t, "DESC")) &&
	    explain_runs(&l, &t))
		put_verb(q, &t);
	if (mw_sql_is(&t, "WITH")) {
		t = mw_sql_token(&l);
		l = behind_with(&l, &t);
		if (t.kind != MW_SQL_WORD)
			return;
		put_verb(q, &t);
	}
	const bool picks = mw_sql_is(&t, "UPDATE") || mw_sql_is(&t, "DELETE");

	table_of(&l, &t, q);
	q->where = picks && seek(&l, &t, WORDS("WHERE"));
}

int mw_sql_next(struct mw_slice text, enum mw_sql_dialect d, size_t *pos, struct mw_sql *ret)
{
	struct lexer l = { .text = text, .pos = *pos, .d = d };
	struct token t = mw_sql_token(&l);
	size_t from, to;

	while (is_punct(&t, ';'))
		t = mw_sql_token(&l);
	if (t.kind == MW_SQL_END) {
		*pos = text.n;
		return 0;
	}
	*ret = (struct mw_sql){ 0 };
	/* a comment that is code begins before its first token */
	from = l.in_code ? *pos : t.at;
	for (to = t.end; t.kind != MW_SQL_END && !is_punct(&t, ';'); t = mw_sql_token(&l))
		to = t.end;
	while (l.in_code && to < text.n && mw_sql_is_space(text.p[to]))
		to++;
	*pos = t.kind == MW_SQL_END ? text.n : t.end;
	ret->text = mw_slice(text.p + from, to - from);
	understand(ret, d);
	return 1;
}

bool mw_sql_looks(struct mw_slice text)
{
	struct lexer l = { .text = text };
	struct token t = mw_sql_token(&l);

	while (is_punct(&t, '('))
		t = mw_sql_token(&l);
	return begins_query(&t) ||
	       mw_sql_is_any(&t,
			     WORDS("WITH", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE",
				   "EXPLAIN", "COPY", "CALL", "SET", "SHOW", "BEGIN", "VACUUM",
				   "DO", "LOAD", "LOCK", "RENAME", "EXECUTE", "PRAGMA"));
}

int mw_sql_constant(struct mw_slice text, enum mw_sql_dialect d, size_t *pos, struct mw_slice *ret)
{
	struct lexer l = { .text = text, .pos = *pos, .d = d };
	struct token t;

	for (t = mw_sql_token(&l); t.kind != MW_SQL_END; t = mw_sql_token(&l)) {
		if (t.kind != MW_SQL_STRING && t.kind != MW_SQL_NUMBER)
			continue;
		*pos = l.pos;
		*ret = t.s;
		return 1;
	}
	*pos = text.n;
	return 0;
}

int mw_sql_fold(struct mw_buf *out, struct mw_slice text)
{
	const size_t start = out->len;
	bool gap = false;
	int r;

	while (text.n && (mw_sql_is_space(text.p[text.n - 1]) || text.p[text.n - 1] == ';'))
		text.n--;
	r = mw_buf_reserve(out, text.n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < text.n; i++) {
		if (mw_sql_is_space(text.p[i])) {
			gap = out->len > start;
			continue;
		}
		if (gap)
			out->p[out->len++] = ' ';
		gap = false;
		out->p[out->len++] = text.p[i];
	}
	return 0;
}
