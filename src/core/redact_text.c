/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_text.c - secrets in free text by name: NAME=VALUE, NAME: VALUE, --name VALUE, URLs
 *
 * One pass over the runs of name bytes around the signs of a pair; every helper looks ahead only
 * over what it then takes out, or over a bounded stretch, so that the time stays linear in the
 * text.
 */
#include "core/redact_priv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool eq_nocase(struct mw_slice s, const char *want)
{
	return mw_slice_eq_nocase(s, mw_slice_str(want));
}

/* What stands between `from` and `to` is to be taken out; the search goes on at `to`. */
struct cut {
	size_t from, to;
};

static bool is_quote(uint8_t c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* The end of a quoted string whose quote stands before `at` behind `n_esc` backslashes. */
static size_t quoted_end(struct mw_slice t, size_t at, uint8_t quote, size_t n_esc)
{
	size_t n = 0;

	for (; at < t.n; at++) {
		if (t.p[at] == quote && (n_esc ? n <= n_esc : n % 2 == 0))
			return n_esc && n == n_esc ? at - n_esc : at;
		n = t.p[at] == '\\' ? n + 1 : 0;
	}
	return t.n;
}

/* The end of a bracketed value beginning at `at`; without its closing bracket the whole rest. */
static size_t bracket_end(struct mw_slice t, size_t at)
{
	size_t depth = 0;

	for (; at < t.n; at++) {
		uint8_t c = t.p[at];

		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at + 1;
		else if (c == '"')
			at = quoted_end(t, at + 1, '"', 0);
	}
	return t.n;
}

static size_t line_end(struct mw_slice t, size_t at, uint8_t quote)
{
	while (at < t.n && t.p[at] != '\n' && t.p[at] != '\r' && !(quote && t.p[at] == quote))
		at++;
	return at;
}

static bool ends_nocase(struct mw_slice s, const char *want)
{
	size_t n = strlen(want);

	return s.n >= n && eq_nocase(mw_slice(s.p + s.n - n, n), want);
}

static bool is_scheme(struct mw_slice s)
{
	static const char *const schemes[] = { "bearer", "basic", "digest", "negotiate", "token" };
	size_t i;

	for (i = 0; i < N_OF(schemes); i++)
		if (eq_nocase(s, schemes[i]))
			return true;
	return false;
}

/* How the name stood there. */
struct place {
	uint8_t before;	 /* the byte before the name, 0 at the start */
	bool quoted;	 /* "name": a member of something like JSON */
	bool whole_line; /* Authorization: and Cookie: have values of several words */
};

static void value_cut(struct mw_slice t, size_t at, struct place pl, struct cut *ret)
{
	uint8_t quote = is_quote(pl.before) && !pl.quoted ? pl.before : 0;
	bool query = pl.before == '?' || pl.before == '&';
	size_t n_esc = 0, word, end;

	while (at + n_esc < t.n && t.p[at + n_esc] == '\\')
		n_esc++;
	if (at + n_esc < t.n && is_quote(t.p[at + n_esc]) && t.p[at + n_esc] != quote) {
		at += n_esc;
		*ret = (struct cut){ at + 1, quoted_end(t, at + 1, t.p[at], n_esc) };
		return;
	}
	if (at < t.n && (t.p[at] == '{' || t.p[at] == '[')) {
		*ret = (struct cut){ at, bracket_end(t, at) };
		return;
	}
	if (pl.whole_line && !pl.quoted && !query) {
		*ret = (struct cut){ at, line_end(t, at, quote) };
		return;
	}
	for (word = at;; word = end) {
		end = word;
		while (end < t.n && !mw_is_space(t.p[end]) && !(quote && t.p[end] == quote) &&
		       !(query && (t.p[end] == '&' || t.p[end] == '#')) &&
		       !(pl.quoted && (t.p[end] == ',' || t.p[end] == '}' || t.p[end] == ']')))
			end++;
		if (word != at || !is_scheme(mw_slice(t.p + at, end - at)))
			break;
		/* "Bearer" itself is no secret: what follows it is */
		while (end < t.n && (t.p[end] == ' ' || t.p[end] == '\t'))
			end++;
	}
	*ret = (struct cut){ at, end };
}

/* NAME=VALUE, NAME: VALUE, "NAME": VALUE, NAME => VALUE; name is t[from, to). */
static bool find_pair(const struct mw_redact *x, struct mw_slice t, size_t from, size_t prev,
		      size_t to, struct cut *ret)
{
	struct place pl = { .before = from ? t.p[from - 1] : 0 };
	struct mw_slice name = mw_slice(t.p + from, to - from);
	size_t at = to, n_space = 0;

	while (at < t.n && t.p[at] == '\\')
		at++;
	if (at < t.n && is_quote(t.p[at])) {
		pl.quoted = true;
		at++;
	} else if (at != to) {
		return false;
	}
	while (at < t.n && (t.p[at] == ' ' || t.p[at] == '\t') && n_space < 16) {
		at++;
		n_space++;
	}
	if (at >= t.n || (t.p[at] != '=' && t.p[at] != ':'))
		return false;
	if (!mw_redact_text_name(x, name) &&
	    !(prev < from && mw_redact_text_name(x, mw_slice(t.p + prev, to - prev))))
		return false;
	pl.whole_line = ends_nocase(name, "authorization") || ends_nocase(name, "cookie");
	at++;
	if (at < t.n && (t.p[at] == '=' || t.p[at] == '>') && t.p[at - 1] == '=')
		at++;
	while (at < t.n && (t.p[at] == ' ' || t.p[at] == '\t'))
		at++;
	value_cut(t, at, pl, ret);
	return ret->to > ret->from;
}

/* --token VALUE, Bearer VALUE; name is t[from, to). */
static bool find_follower(const struct mw_redact *x, struct mw_slice t, size_t from, size_t to,
			  struct cut *ret)
{
	struct mw_slice name = mw_slice(t.p + from, to - from);
	struct place pl = { .before = from ? t.p[from - 1] : 0 };
	bool bearer = eq_nocase(name, "bearer");
	size_t at = to, i;

	if (!bearer && (name.n < 3 || name.p[0] != '-' || (from && mw_is_name_byte(t.p[from - 1]))))
		return false;
	while (at < t.n && (t.p[at] == ' ' || t.p[at] == '\t'))
		at++;
	if (at == to || at == t.n || (!bearer && !mw_redact_text_name(x, name)))
		return false;
	value_cut(t, at, pl, ret);
	if (!bearer)
		return ret->to > ret->from;
	/* prose has bearers too: a token is long or has a digit in it */
	if (ret->to - ret->from >= 16)
		return true;
	for (i = ret->from; i < ret->to; i++)
		if (mw_is_digit(t.p[i]))
			return true;
	return false;
}

/* How far a URL's password is looked for that holds a slash. */
#define USERINFO_ODD_MAX 512

/* scheme://USERINFO@host; "://" stands at t[at]. */
static bool find_userinfo(struct mw_slice t, size_t at, struct cut *ret)
{
	size_t from, i, end = 0, colon = 0;
	bool odd = false;

	if (at + 3 >= t.n || memcmp(t.p + at, "://", 3) != 0)
		return false;
	from = at + 3;
	for (i = from; i < t.n && !mw_is_space(t.p[i]) && !is_quote(t.p[i]); i++) {
		uint8_t c = t.p[i];

		if (c == '<' || c == '>' || (odd && i - from > USERINFO_ODD_MAX))
			break;
		if (c == '@')
			end = i;
		if (c == ':' && !colon)
			colon = i;
		/* The authority ends here, unless this is a password with such a byte in it: then
		 * what follows the colon is no port. */
		if (c == '/' || c == '?' || c == '#') {
			if (end || !colon || t.p[from] == '[' || i - from > USERINFO_ODD_MAX)
				break;
			while (!odd && ++colon < i)
				odd = !mw_is_digit(t.p[colon]);
			if (!odd)
				break;
		}
	}
	if (!end || end == from)
		return false;
	*ret = (struct cut){ from, end };
	return true;
}

/*
 * Nothing is taken out but behind a name with '=' or ':' after it, a word that begins with '-', or
 * "bearer". So only the neighbourhood of such a sign is looked at word by word; most text has few.
 */
static bool is_sign(struct mw_slice t, size_t i)
{
	switch (t.p[i]) {
	case '=':
	case ':':
		return true;
	case '-':
		return i == 0 || !mw_is_name_byte(t.p[i - 1]);
	case 'b':
	case 'B':
		return t.n - i > 2 && mw_lower(t.p[i + 1]) == 'e' && mw_lower(t.p[i + 2]) == 'a';
	default:
		return false;
	}
}

/* The first sign at or behind i, or the end. */
static size_t next_sign(struct mw_slice t, size_t i)
{
#ifdef __SSE2__
	const __m128i equals = _mm_set1_epi8('='), colon = _mm_set1_epi8(':'),
		      dash = _mm_set1_epi8('-'), low = _mm_set1_epi8(0x20), b = _mm_set1_epi8('b'),
		      e = _mm_set1_epi8('e');

	for (; t.n - i > 16; i += 16) {
		const uint8_t *p = t.p + i;
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i w = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
		__m128i be = _mm_and_si128(_mm_cmpeq_epi8(_mm_or_si128(v, low), b),
					   _mm_cmpeq_epi8(_mm_or_si128(w, low), e));
		__m128i pair = _mm_or_si128(_mm_cmpeq_epi8(v, equals), _mm_cmpeq_epi8(v, colon));
		__m128i word = _mm_or_si128(_mm_cmpeq_epi8(v, dash), be);
		unsigned int hits = (unsigned int)_mm_movemask_epi8(_mm_or_si128(pair, word));

		for (; hits; hits &= hits - 1)
			if (is_sign(t, i + (size_t)__builtin_ctz(hits)))
				return i + (size_t)__builtin_ctz(hits);
	}
#endif
	while (i < t.n && !is_sign(t, i))
		i++;
	return i;
}

bool mw_redact_is_quiet(const struct mw_redact *x, const struct mw_look *k)
{
	const struct mw_slice text = k->text;
	struct mw_masks m;

	if (text.n > MW_MASKS_MAX)
		return false;
	mw_redact_masks(text, &m);
	if (m.odd)
		return false;
	for (; m.sign; m.sign &= m.sign - 1)
		if (is_sign(text, (size_t)__builtin_ctzll(m.sign)))
			return false;
	if (!x || !x->rules)
		return true;
	if (k->hot || m.coded)
		return text.n == 0;
	for (int i = 1; i < MW_REDACT_DIGITS; i++)
		m.digit &= m.digit - 1;
	for (int i = 1; i < 16; i *= 2)
		m.token &= m.token >> i;
	return !m.digit && !m.token &&
	       (k->cold || text.n < mw_redact_rule_min(x) || !mw_redact_is_hot(x, text));
}

/* Where the words begin that a sign may be about: the one it ends or is in, and the one before. */
static size_t words_before(struct mw_slice t, size_t from, size_t sign)
{
	size_t i = sign, n_space = 0;

	if (!mw_is_name_byte(t.p[i])) {
		for (; i > from && (t.p[i - 1] == ' ' || t.p[i - 1] == '\t'); i--)
			if (n_space++ == 16)
				return i;
		if (i > from && is_quote(t.p[i - 1]))
			i--;
		while (i > from && t.p[i - 1] == '\\')
			i--;
	}
	while (i > from && mw_is_name_byte(t.p[i - 1]))
		i--;
	if (i > from && t.p[i - 1] == ' ')
		i--;
	while (i > from && mw_is_name_byte(t.p[i - 1]))
		i--;
	return i;
}

/* What was passed over of a text, and the word before. */
struct pass {
	size_t at;
	size_t prev, prev_end; /* 0: none */
};

/* The next word of the text, from its beginning or what comes before it. 1: something is to go. */
static bool word_next(const struct mw_redact *x, struct mw_slice t, struct pass *w,
		      struct cut *ret)
{
	size_t from = w->at, to = from, two;

	while (to < t.n && mw_is_name_byte(t.p[to]))
		to++;
	w->at = to;
	if (to == from) {
		w->at++;
		return false;
	}
	/* "api key: x": the name may be two words */
	two = w->prev_end && w->prev_end + 1 == from && t.p[w->prev_end] == ' ' ? w->prev : from;
	w->prev = from;
	w->prev_end = to;
	return find_userinfo(t, to, ret) || find_pair(x, t, from, two, to, ret) ||
	       find_follower(x, t, from, to, ret);
}

/* What has stood behind a name before it came here (core/sql.h). */
bool mw_redact_is_mark(struct mw_slice s)
{
	static const char head[] = "[REDACTED:key:";

	if (s.n < sizeof(head) || memcmp(s.p, head, sizeof(head) - 1) != 0 || s.p[s.n - 1] != ']')
		return false;
	for (size_t i = sizeof(head) - 1; i < s.n - 1; i++)
		if (mw_hex_value(s.p[i]) < 0 && s.p[i] != ':')
			return false;
	return true;
}

int mw_find_names(struct mw_redact *x, struct mw_slice t, struct mw_cuts *ret)
{
	struct pass w = { 0 };
	size_t sign, from;
	struct cut cut;
	int r;

	while (w.at < t.n) {
		sign = next_sign(t, w.at);
		if (sign == t.n)
			break;
		from = words_before(t, w.at, sign);
		if (from > w.at) {
			w.at = from;
			w.prev_end = 0;
		}
		while (w.at <= sign) {
			if (!word_next(x, t, &w, &cut))
				continue;
			w.at = cut.to;
			w.prev_end = 0;
			if (mw_redact_is_mark(mw_slice(t.p + cut.from, cut.to - cut.from)))
				continue;
			r = mw_cuts_add(ret, cut.from, cut.to, "key", MW_RANK_NAME);
			if (r)
				return r;
		}
	}
	return 0;
}
