/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sql.h"

#include <errno.h>

#include "core/redact.h"

enum tok { END = 0, WORD, NAME, STRING, NUMBER, PUNCT };

struct token {
	enum tok kind;
	struct mw_slice s; /* NAME, STRING: inside of the quotes */
	size_t at, end;	   /* in the text, quotes included */
};

struct lexer {
	struct mw_slice text;
	size_t pos;
	enum mw_sql_dialect d;
	bool in_code; /* inside of a comment that is code */
};

/* --- tokens ------------------------------------------------------------------------------------
 */

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || is_digit(c) || c == '_' || c == '$' ||
	       c >= 0x80;
}

static uint8_t at(const struct lexer *l, size_t i)
{
	return i < l->text.n ? l->text.p[i] : 0;
}

/* The end of a quoted text that begins at pos, its quotes included; of one without an end all. */
static size_t quoted_end(const struct lexer *l, size_t pos, bool escapes)
{
	const uint8_t q = l->text.p[pos];

	for (pos++; pos < l->text.n; pos++) {
		if (l->text.p[pos] == '\\' && escapes)
			pos++;
		else if (l->text.p[pos] == q && at(l, pos + 1) == q)
			pos++;
		else if (l->text.p[pos] == q)
			return pos + 1;
	}
	return l->text.n;
}

/* $tag$ at pos: its length, or 0. */
static size_t dollar_tag(const struct lexer *l, size_t pos)
{
	size_t n = 1;

	if (is_digit(at(l, pos + 1)))
		return 0;
	while (is_word(at(l, pos + n)) && at(l, pos + n) != '$')
		n++;
	return at(l, pos + n) == '$' ? n + 1 : 0;
}

static size_t find_from(const struct lexer *l, size_t pos, struct mw_slice what)
{
	const uint8_t *p;

	if (pos >= l->text.n)
		return l->text.n;
	p = memmem(l->text.p + pos, l->text.n - pos, what.p, what.n);
	return p ? (size_t)(p - l->text.p) : l->text.n;
}

static size_t line_end(const struct lexer *l, size_t pos)
{
	return find_from(l, pos, MW_SLICE_LIT("\n"));
}

static size_t comment_end(const struct lexer *l, size_t pos)
{
	unsigned int depth = 1;

	for (pos += 2; pos < l->text.n; pos++) {
		if (at(l, pos) == '*' && at(l, pos + 1) == '/') {
			pos++;
			if (--depth == 0)
				return pos + 1;
		} else if (l->d != MW_SQL_MYSQL && at(l, pos) == '/' && at(l, pos + 1) == '*') {
			pos++;
			depth++;
		}
	}
	return l->text.n;
}

/* Whether white space or a comment was passed over. */
static bool skip_one(struct lexer *l)
{
	const bool my = l->d == MW_SQL_MYSQL;
	const uint8_t c = at(l, l->pos), next = at(l, l->pos + 1);

	if (l->pos >= l->text.n)
		return false;
	if (is_space(c) || c == 0) {
		l->pos++;
	} else if (c == '-' && next == '-' &&
		   (!my || l->pos + 2 >= l->text.n || is_space(at(l, l->pos + 2)))) {
		l->pos = line_end(l, l->pos);
	} else if (c == '#' && my) {
		l->pos = line_end(l, l->pos);
	} else if (my && c == '/' && next == '*' &&
		   (at(l, l->pos + 2) == '!' ||
		    (at(l, l->pos + 2) == 'M' && at(l, l->pos + 3) == '!'))) {
		l->pos += at(l, l->pos + 2) == '!' ? 3 : 4;
		while (is_digit(at(l, l->pos)))
			l->pos++;
		l->in_code = true;
	} else if (my && l->in_code && c == '*' && next == '/') {
		l->pos += 2;
		l->in_code = false;
	} else if (c == '/' && next == '*') {
		l->pos = comment_end(l, l->pos);
	} else {
		return false;
	}
	return true;
}

static struct token quoted(struct lexer *l, enum tok kind, size_t quote_at, bool escapes)
{
	struct token t = { .kind = kind, .at = l->pos };
	const size_t end = quoted_end(l, quote_at, escapes);
	const bool closed = end - quote_at >= 2 && l->text.p[end - 1] == l->text.p[quote_at];

	t.s = mw_slice(l->text.p + quote_at + 1, end - quote_at - 1 - closed);
	t.end = l->pos = end;
	return t;
}

static struct token dollar(struct lexer *l, size_t n_tag)
{
	struct token t = { .kind = STRING, .at = l->pos };
	const size_t from = l->pos + n_tag;
	const size_t end = find_from(l, from, mw_slice(l->text.p + l->pos, n_tag));

	t.s = mw_slice(l->text.p + from, end - from);
	l->pos = end + n_tag < l->text.n ? end + n_tag : l->text.n;
	t.end = l->pos;
	return t;
}

static struct token next(struct lexer *l)
{
	const bool my = l->d == MW_SQL_MYSQL;
	struct token t = { .kind = END };
	uint8_t c;
	size_t n;

	while (skip_one(l))
		;
	t.at = t.end = l->pos;
	if (l->pos >= l->text.n)
		return t;
	c = at(l, l->pos);
	if (c == '\'')
		return quoted(l, STRING, l->pos, my);
	if (c == '"')
		return quoted(l, my ? STRING : NAME, l->pos, my);
	if (c == '`')
		return quoted(l, NAME, l->pos, false);
	if ((c | 0x20) == 'e' && at(l, l->pos + 1) == '\'' && !my)
		return quoted(l, STRING, l->pos + 1, true);
	n = c == '$' && !my ? dollar_tag(l, l->pos) : 0;
	if (n)
		return dollar(l, n);
	t.kind = PUNCT;
	n = 1;
	if (is_digit(c)) {
		t.kind = NUMBER;
		while (is_word(at(l, l->pos + n)) || at(l, l->pos + n) == '.')
			n++;
	} else if (is_word(c)) {
		t.kind = WORD;
		while (is_word(at(l, l->pos + n)))
			n++;
	}
	t.s = mw_slice(l->text.p + l->pos, n);
	l->pos += n;
	t.end = l->pos;
	return t;
}

static bool is(const struct token *t, const char *word)
{
	const size_t n = strlen(word);

	if (t->kind != WORD || t->s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((t->s.p[i] & 0xdf) != (uint8_t)word[i] && t->s.p[i] != (uint8_t)word[i])
			return false;
	return true;
}

static bool is_any(const struct token *t, const char *const *words)
{
	for (; *words; words++)
		if (is(t, *words))
			return true;
	return false;
}

static bool is_punct(const struct token *t, char c)
{
	return t->kind == PUNCT && t->s.p[0] == (uint8_t)c;
}

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
	if (t->kind != WORD && t->kind != NAME)
		return false;
	for (;;) {
		put(q->table, sizeof(q->table), t->s);
		*t = next(l);
		if (!is_punct(t, '.'))
			return true;
		put(q->table, sizeof(q->table), MW_SLICE_LIT("."));
		*t = next(l);
		if (t->kind != WORD && t->kind != NAME)
			return true;
	}
}

static void skip_words(struct lexer *l, struct token *t, const char *const *words)
{
	while (is_any(t, words))
		*t = next(l);
}

/* On to the first of these words that stands in no parentheses; false: there is none. */
static bool seek(struct lexer *l, struct token *t, const char *const *words)
{
	unsigned int depth = 0;

	for (; t->kind != END && !is_punct(t, ';'); *t = next(l)) {
		if (is_punct(t, '('))
			depth++;
		else if (is_punct(t, ')'))
			depth -= depth > 0;
		else if (depth == 0 && is_any(t, words))
			return true;
	}
	return false;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void table_behind(struct lexer *l, struct token *t, struct mw_sql *q,
			 const char *const *words, const char *const *skip)
{
	if (!seek(l, t, words))
		return;
	*t = next(l);
	skip_words(l, t, skip);
	put_name(l, t, q);
}

static void names(struct lexer *l, struct token *t, struct mw_sql *q)
{
	while (put_name(l, t, q) && is_punct(t, ',')) {
		put(q->table, sizeof(q->table), MW_SLICE_LIT(","));
		*t = next(l);
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
	index = is(t, "INDEX") || is(t, "TRIGGER") || is(t, "POLICY") || is(t, "RULE");
	*t = next(l);
	skip_words(
	    l, t,
	    WORDS("DATA", "WRAPPER", "MAPPING", "CONCURRENTLY", "IF", "NOT", "EXISTS", "ONLY"));
	if (list) {
		names(l, t, q);
	} else if (!put_name(l, t, q)) {
		return;
	}
	if (index && seek(l, t, WORDS("ON"))) {
		*t = next(l);
		skip_words(l, t, WORDS("ONLY"));
		q->table[0] = '\0';
		put_name(l, t, q);
	}
}

static void table_of(struct lexer *l, struct token *t, struct mw_sql *q)
{
	const struct token verb = *t;

	*t = next(l);
	if (is(&verb, "DELETE") || is(&verb, "SELECT") || is(&verb, "SHOW"))
		table_behind(l, t, q, WORDS("FROM"), WORDS("ONLY", "LATERAL"));
	else if (is(&verb, "INSERT") || is(&verb, "REPLACE") || is(&verb, "MERGE"))
		skip_words(l, t,
			   WORDS("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OVERWRITE",
				 "INTO", "ONLY")),
		    put_name(l, t, q);
	else if (is(&verb, "UPDATE"))
		skip_words(l, t, WORDS("LOW_PRIORITY", "IGNORE", "ONLY")), put_name(l, t, q);
	else if (is(&verb, "TRUNCATE") || is(&verb, "LOCK"))
		skip_words(l, t, WORDS("TABLE", "TABLES", "ONLY")), names(l, t, q);
	else if (is(&verb, "DROP"))
		object(l, t, q, true);
	else if (is(&verb, "CREATE") || is(&verb, "ALTER"))
		object(l, t, q, false);
	else if (is(&verb, "GRANT") || is(&verb, "REVOKE"))
		table_behind(l, t, q, WORDS("ON"),
			     WORDS("TABLE", "SEQUENCE", "SCHEMA", "DATABASE", "FUNCTION"));
	else if (is(&verb, "LOAD"))
		table_behind(l, t, q, WORDS("TABLE"), WORDS("ONLY"));
	else if (is(&verb, "RENAME"))
		skip_words(l, t, WORDS("TABLE", "USER")), put_name(l, t, q);
	else if (is_any(&verb,
			WORDS("COPY", "TABLE", "USE", "CALL", "EXECUTE", "PREPARE", "REINDEX",
			      "DESCRIBE", "DESC", "VACUUM", "ANALYZE", "OPTIMIZE")))
		skip_words(l, t, WORDS("TABLE", "INDEX", "FULL", "VERBOSE", "ANALYZE", "FREEZE")),
		    put_name(l, t, q);
}

static bool changes(const struct token *t)
{
	return is_any(t, WORDS("INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"));
}

static bool begins_query(const struct token *t)
{
	return changes(t) || is_any(t, WORDS("SELECT", "VALUES", "TABLE"));
}

/* Behind WITH: the place of the verb that counts, or of the end. */
static struct lexer behind_with(struct lexer *l, struct token *t)
{
	struct lexer hidden = *l;
	unsigned int depth = 0;
	bool has_hidden = false, opened = false;
	struct token h = { .kind = END };

	for (; t->kind != END && !is_punct(t, ';'); *t = next(l)) {
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

	for (k = next(&x); k.kind != END && !is_punct(&k, ';'); k = next(&x)) {
		runs |= is(&k, "ANALYZE") || is(&k, "ANALYSE");
		if (begins_query(&k) || is(&k, "WITH")) {
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
	struct token t = next(&l);

	while (is_punct(&t, '('))
		t = next(&l);
	if (t.kind != WORD)
		return;
	put_verb(q, &t);
	if ((is(&t, "EXPLAIN") || is(&t, "DESCRIBE") || is(&t, "DESC")) && explain_runs(&l, &t))
		put_verb(q, &t);
	if (is(&t, "WITH")) {
		t = next(&l);
		l = behind_with(&l, &t);
		if (t.kind != WORD)
			return;
		put_verb(q, &t);
	}
	const bool picks = is(&t, "UPDATE") || is(&t, "DELETE");

	table_of(&l, &t, q);
	q->where = picks && seek(&l, &t, WORDS("WHERE"));
}

int mw_sql_next(struct mw_slice text, enum mw_sql_dialect d, size_t *pos, struct mw_sql *ret)
{
	struct lexer l = { .text = text, .pos = *pos, .d = d };
	struct token t = next(&l);
	size_t from, to;

	while (is_punct(&t, ';'))
		t = next(&l);
	if (t.kind == END) {
		*pos = text.n;
		return 0;
	}
	*ret = (struct mw_sql){ 0 };
	/* a comment that is code begins before its first token */
	from = l.in_code ? *pos : t.at;
	for (to = t.end; t.kind != END && !is_punct(&t, ';'); t = next(&l))
		to = t.end;
	while (l.in_code && to < text.n && is_space(at(&l, to)))
		to++;
	*pos = t.kind == END ? text.n : t.end;
	ret->text = mw_slice(text.p + from, to - from);
	understand(ret, d);
	return 1;
}

bool mw_sql_looks(struct mw_slice text)
{
	struct lexer l = { .text = text };
	struct token t = next(&l);

	while (is_punct(&t, '('))
		t = next(&l);
	return begins_query(&t) ||
	       is_any(&t, WORDS("WITH", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE",
				"EXPLAIN", "COPY", "CALL", "SET", "SHOW", "BEGIN", "VACUUM", "DO",
				"LOAD", "LOCK", "RENAME", "EXECUTE", "PRAGMA"));
}

int mw_sql_constant(struct mw_slice text, enum mw_sql_dialect d, size_t *pos, struct mw_slice *ret)
{
	struct lexer l = { .text = text, .pos = *pos, .d = d };
	struct token t;

	for (t = next(&l); t.kind != END; t = next(&l)) {
		if (t.kind != STRING && t.kind != NUMBER)
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

	while (text.n && (is_space(text.p[text.n - 1]) || text.p[text.n - 1] == ';'))
		text.n--;
	r = mw_buf_reserve(out, text.n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < text.n; i++) {
		if (is_space(text.p[i])) {
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

/* What stands between a secret's name and its text: IDENTIFIED WITH plugin BY 'x' AS 'x'; PASSWORD
 * FOR 'user'@'host' = 'x'; password = 'x'. */
struct secret {
	bool on, plugin, whose;
};

static void secret_word(struct secret *x, const struct token *t)
{
	if (mw_redact_name(t->s) || is(t, "IDENTIFIED"))
		*x = (struct secret){ .on = true };
	else if (x->on && is(t, "FOR"))
		x->whose = true;
	else if (x->on && t->kind == WORD && is_any(t, WORDS("BY", "AS", "WITH", "USING", "TO")))
		x->plugin = is(t, "WITH");
	else if (x->on && x->plugin)
		x->plugin = false;
	else if (!x->whose)
		x->on = false;
}

static void secret_punct(struct secret *x, const struct token *t)
{
	if (is_punct(t, '='))
		x->whose = false;
	else if (!x->whose && !is_punct(t, '(') && !is_punct(t, '.') && !is_punct(t, ':'))
		x->on = false;
}

bool mw_sql_secret(struct mw_slice text, enum mw_sql_dialect d, struct mw_slice *ret)
{
	struct lexer l = { .text = text, .d = d };
	struct secret x = { 0 };
	struct token t;

	for (t = next(&l); t.kind != END; t = next(&l)) {
		if (t.kind == WORD || t.kind == NAME)
			secret_word(&x, &t);
		else if (t.kind == PUNCT)
			secret_punct(&x, &t);
		else if (x.on && !x.whose)
			break;
		if (!x.on)
			return false;
	}
	if (t.kind != STRING)
		return false;
	*ret = t.s;
	return true;
}

int mw_sql_redact(struct mw_redact *redact, struct mw_buf *out, struct mw_slice text,
		  enum mw_sql_dialect d)
{
	struct lexer l = { .text = text, .d = d };
	const size_t start = out->len;
	struct secret x = { 0 };
	struct token t;
	size_t done = 0;
	int r = 0;

	for (t = next(&l); t.kind != END && r == 0; t = next(&l)) {
		if (t.kind == WORD || t.kind == NAME) {
			secret_word(&x, &t);
		} else if (t.kind == PUNCT) {
			secret_punct(&x, &t);
		} else if (!x.on) {
			continue;
		} else if (!x.whose) {
			r = mw_buf_append(out, text.p + done, t.at - done);
			if (r == 0)
				r = mw_buf_append_byte(out, '\'');
			if (r == 0)
				r = mw_redact_put_key_mark(redact, out, t.s);
			if (r == 0)
				r = mw_buf_append_byte(out, '\'');
			done = t.end;
			x.on = false;
		}
	}
	if (r == 0)
		r = mw_buf_append(out, text.p + done, text.n - done);
	if (r < 0)
		out->len = start;
	return r;
}
