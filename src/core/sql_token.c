/* SPDX-License-Identifier: Apache-2.0 */
/* sql_token.c - a text of SQL as tokens */
#include "core/sql_priv.h"

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
	if (mw_sql_is_space(c) || c == 0) {
		l->pos++;
	} else if (c == '-' && next == '-' &&
		   (!my || l->pos + 2 >= l->text.n || mw_sql_is_space(at(l, l->pos + 2)))) {
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

static struct token quoted(struct lexer *l, enum mw_sql_kind kind, size_t quote_at, bool escapes)
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
	struct token t = { .kind = MW_SQL_STRING, .at = l->pos };
	const size_t from = l->pos + n_tag;
	const size_t end = find_from(l, from, mw_slice(l->text.p + l->pos, n_tag));

	t.s = mw_slice(l->text.p + from, end - from);
	l->pos = end + n_tag < l->text.n ? end + n_tag : l->text.n;
	t.end = l->pos;
	return t;
}

struct token mw_sql_token(struct lexer *l)
{
	const bool my = l->d == MW_SQL_MYSQL;
	struct token t = { .kind = MW_SQL_END };
	uint8_t c;
	size_t n;

	while (skip_one(l))
		;
	t.at = t.end = l->pos;
	if (l->pos >= l->text.n)
		return t;
	c = at(l, l->pos);
	if (c == '\'')
		return quoted(l, MW_SQL_STRING, l->pos, my);
	if (c == '"')
		return quoted(l, my ? MW_SQL_STRING : MW_SQL_NAME, l->pos, my);
	if (c == '`')
		return quoted(l, MW_SQL_NAME, l->pos, false);
	if ((c | 0x20) == 'e' && at(l, l->pos + 1) == '\'' && !my)
		return quoted(l, MW_SQL_STRING, l->pos + 1, true);
	n = c == '$' && !my ? dollar_tag(l, l->pos) : 0;
	if (n)
		return dollar(l, n);
	t.kind = MW_SQL_PUNCT;
	n = 1;
	if (is_digit(c)) {
		t.kind = MW_SQL_NUMBER;
		while (is_word(at(l, l->pos + n)) || at(l, l->pos + n) == '.')
			n++;
	} else if (is_word(c)) {
		t.kind = MW_SQL_WORD;
		while (is_word(at(l, l->pos + n)))
			n++;
	}
	t.s = mw_slice(l->text.p + l->pos, n);
	l->pos += n;
	t.end = l->pos;
	return t;
}

bool mw_sql_is(const struct token *t, const char *word)
{
	const size_t n = strlen(word);

	if (t->kind != MW_SQL_WORD || t->s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((t->s.p[i] & 0xdf) != (uint8_t)word[i] && t->s.p[i] != (uint8_t)word[i])
			return false;
	return true;
}

bool mw_sql_is_any(const struct token *t, const char *const *words)
{
	for (; *words; words++)
		if (mw_sql_is(t, *words))
			return true;
	return false;
}
