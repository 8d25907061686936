/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_text.c - secrets in free text: NAME=VALUE, NAME: VALUE, --name VALUE, URLs
 *
 * One pass over the runs of name bytes around the signs of a pair; every helper looks ahead only
 * over what it then takes out, or over a bounded stretch, so that the time stays linear in the
 * text.
 */
#include "core/redact_priv.h"

#include "base/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool eq_nocase(struct mw_slice s, const char *want)
{
	size_t i, n = strlen(want);

	if (s.n != n)
		return false;
	for (i = 0; i < n; i++)
		if (mw_lower(s.p[i]) != (uint8_t)want[i])
			return false;
	return true;
}

int mw_redact_put_mark(struct mw_buf *out, size_t n)
{
	int r;

	r = mw_buf_append_str(out, "[REDACTED:key:");
	if (r < 0)
		return r;
	r = mw_buf_append_u64(out, n);
	if (r < 0)
		return r;
	return mw_buf_append_byte(out, ']');
}

/* What stands between `from` and `to` is to be taken out; the search goes on at `to`. */
struct cut {
	size_t from, to;
};

static bool is_quote(uint8_t c)
{
	return c == '"' || c == '\'' || c == '`';
}

static int hex_value(uint8_t c)
{
	if (mw_is_digit(c))
		return c - '0';
	c = mw_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The last bytes of a name as it stands in text, percent-decoded. How many. */
static size_t name_decode(struct mw_slice run, uint8_t dec[3 * MW_REDACT_NAME_N])
{
	const size_t max = 3 * MW_REDACT_NAME_N;
	size_t n = 0, i;

	if (run.n > max) {
		run.p += run.n - max;
		run.n = max;
	}
	/* "[token" of "[token=x]": a bracket that opens is not the name's */
	for (i = 0; i < run.n; i++) {
		int hi = -1, lo = -1;

		if (run.p[i] == '%' && i + 2 < run.n) {
			hi = hex_value(run.p[i + 1]);
			lo = hex_value(run.p[i + 2]);
		}
		if (hi >= 0 && lo >= 0) {
			dec[n++] = (uint8_t)(hi << 4 | lo);
			i += 2;
		} else {
			dec[n++] = run.p[i];
		}
	}
	return n;
}

bool mw_redact_text_name(struct mw_slice run)
{
	uint8_t dec[3 * MW_REDACT_NAME_N];

	return mw_redact_name(mw_slice(dec, name_decode(run, dec)));
}

bool mw_redact_query_name(struct mw_slice run)
{
	static const char want[] = "sessionid";
	uint8_t dec[3 * MW_REDACT_NAME_N];
	size_t n = name_decode(run, dec), k = sizeof(want) - 1;

	if (mw_redact_name(mw_slice(dec, n)))
		return true;
	while (n > 0 && k > 0) {
		uint8_t c = mw_lower(dec[--n]);

		if (c == '_' || c == '-' || c == '.')
			continue;
		if (c != (uint8_t)want[--k])
			return false;
	}
	return k == 0;
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
static bool find_pair(struct mw_slice t, size_t from, size_t prev, size_t to, struct cut *ret)
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
	if (!mw_redact_text_name(name) &&
	    !(prev < from && mw_redact_text_name(mw_slice(t.p + prev, to - prev))))
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
static bool find_follower(struct mw_slice t, size_t from, size_t to, struct cut *ret)
{
	struct mw_slice name = mw_slice(t.p + from, to - from);
	struct place pl = { .before = from ? t.p[from - 1] : 0 };
	bool bearer = eq_nocase(name, "bearer");
	size_t at = to, i;

	if (!bearer && (name.n < 3 || name.p[0] != '-' || (from && mw_is_name_byte(t.p[from - 1]))))
		return false;
	while (at < t.n && (t.p[at] == ' ' || t.p[at] == '\t'))
		at++;
	if (at == to || at == t.n || (!bearer && !mw_redact_text_name(name)))
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
enum {
	SIGN = 1, /* may be one */
	ODD	  /* is escaped, or begins JSON */
};

static const uint8_t loud[256] = {
	[0 ... 0x1f] = ODD, ['"'] = ODD,	   ['\\'] = ODD, ['{'] = ODD,
	['['] = ODD,	    [0x80 ... 0xff] = ODD, ['='] = SIGN, [':'] = SIGN,
	['-'] = SIGN,	    ['b'] = SIGN,	   ['B'] = SIGN
};

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
	while (i < t.n && !(loud[t.p[i]] == SIGN && is_sign(t, i)))
		i++;
	return i;
}

#define QUIET_MAX 64

bool mw_redact_is_quiet(struct mw_slice text)
{
	if (text.n > QUIET_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t what = loud[text.p[i]];

		if (what && (what != SIGN || is_sign(text, i)))
			return false;
	}
	return true;
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
	size_t at, done;
	size_t prev, prev_end; /* 0: none */
};

/* The next word of the text, from its beginning or what comes before it. 1: something is to go. */
static bool word_next(struct mw_slice t, struct pass *w, struct cut *ret)
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
	return find_userinfo(t, to, ret) || find_pair(t, from, two, to, ret) ||
	       find_follower(t, from, to, ret);
}

int mw_redact_put_text(struct mw_buf *out, struct mw_slice t, bool *lossy)
{
	struct pass w = { 0 };
	size_t sign, from;
	struct cut cut;
	int r;

	if (mw_redact_is_quiet(t))
		return mw_buf_append(out, t.p, t.n);
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
			if (!word_next(t, &w, &cut))
				continue;
			r = mw_json_escape(out, mw_slice(t.p + w.done, cut.from - w.done), lossy);
			if (r < 0)
				return r;
			r = mw_redact_put_mark(out, cut.to - cut.from);
			if (r < 0)
				return r;
			w.done = w.at = cut.to;
			w.prev_end = 0;
		}
	}
	return mw_json_escape(out, mw_slice(t.p + w.done, t.n - w.done), lossy);
}

int mw_redact_text(struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	size_t len = out->len;
	bool bad = false;
	int r;

	r = mw_redact_put_text(out, text, &bad);
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return 0;
}
