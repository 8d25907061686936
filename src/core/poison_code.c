/* SPDX-License-Identifier: Apache-2.0 */
/* poison_code.c - texts in other spellings: digits for letters, spaced out, turned, encoded */
#include <errno.h>

#include "base/utf8.h"
#include "core/poison_priv.h"

/* Shorter is a word or a hash. */
#define BASE64_MIN 24
#define HEX_MIN	   32

/* 1 + what a digit of base64 stands for, in either alphabet (RFC 4648, sections 4 and 5); 0: none.
 */
static const uint8_t digit64[256] = {
	['A'] = 1, 2,  3,  4,  5,	   6,  7,  8,	       9,	   10,	       11,
	12,	   13, 14, 15, 16,	   17, 18, 19,	       20,	   21,	       22,
	23,	   24, 25, 26, ['a'] = 27, 28, 29, 30,	       31,	   32,	       33,
	34,	   35, 36, 37, 38,	   39, 40, 41,	       42,	   43,	       44,
	45,	   46, 47, 48, 49,	   50, 51, 52,	       ['0'] = 53, 54,	       55,
	56,	   57, 58, 59, 60,	   61, 62, ['+'] = 63, ['-'] = 63, ['/'] = 64, ['_'] = 64,
};

int mw_code_squeeze(struct mw_buf *out, struct mw_slice t)
{
	int r = mw_buf_reserve(out, t.n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		uint8_t c = t.p[i];

		switch (c) {
		case '0':
			c = 'o';
			break;
		case '1':
		case 'l':
		case '!':
		case '|':
			c = 'i';
			break;
		case '3':
			c = 'e';
			break;
		case '4':
		case '@':
			c = 'a';
			break;
		case '5':
		case '$':
			c = 's';
			break;
		case '7':
			c = 't';
			break;
		case '8':
			c = 'b';
			break;
		default:
			break;
		}
		if (mw_is_alnum(c) || c >= 0x80)
			out->p[out->len++] = c;
	}
	return 0;
}

int mw_code_rot13(struct mw_buf *out, struct mw_slice t)
{
	int r = mw_buf_reserve(out, t.n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < t.n; i++) {
		const uint8_t c = t.p[i];

		out->p[out->len++] =
		    c >= 'a' && c <= 'z' ? (uint8_t)('a' + (c - 'a' + 13) % 26) : c;
	}
	return 0;
}

int mw_code_reverse(struct mw_buf *out, struct mw_slice t)
{
	int r = mw_buf_reserve(out, t.n);

	if (r < 0)
		return r;
	for (size_t i = t.n; i-- > 0;)
		out->p[out->len++] = t.p[i];
	return 0;
}

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Room was reserved. */
static void put(struct mw_buf *out, struct mw_slice s)
{
	memcpy(out->p + out->len, s.p, s.n);
	out->len += s.n;
}

int mw_code_join(struct mw_buf *out, struct mw_slice t)
{
	int r = mw_buf_reserve(out, t.n);

	if (r < 0)
		return r;
	for (size_t i = 0, to; i < t.n; i = to) {
		/* i begins a word, or is none of a word's bytes */
		for (to = i; to + 2 < t.n && mw_is_alnum(t.p[to]) && !mw_is_alnum(t.p[to + 1]) &&
			     t.p[to + 1] < 0x80 && mw_is_alnum(t.p[to + 2]) &&
			     (to + 3 == t.n || (!mw_is_alnum(t.p[to + 3]) && t.p[to + 3] < 0x80));)
			to += 2;
		if ((to - i) / 2 + 1 >= MW_SPELLED_MIN) {
			for (; i <= to; i += 2)
				out->p[out->len++] = t.p[i];
			to++;
			continue;
		}
		for (to = i + 1; to < t.n && (mw_is_alnum(t.p[to - 1]) || t.p[to - 1] >= 0x80);)
			to++;
		put(out, mw_slice(t.p + i, to - i));
	}
	return 0;
}

/* Capital letters that begin a word inside of one: fewer than this are a name's. */
#define HUMPS_MIN 2

static size_t n_humps(struct mw_slice word)
{
	size_t n = 0;

	for (size_t i = 1; i < word.n; i++)
		n += mw_is_upper(word.p[i]) && !mw_is_upper(word.p[i - 1]);
	return n;
}

/* '-' or '_' between two small letters: "pre-vious". */
static bool is_parting(struct mw_slice t, size_t at)
{
	return (t.p[at] == '-' || t.p[at] == '_') && at && at + 1 < t.n &&
	       mw_is_lower(t.p[at - 1]) && mw_is_lower(t.p[at + 1]);
}

#define PARTINGS_MIN 2

int mw_code_unjoin(struct mw_buf *out, struct mw_slice t)
{
	bool any = false;
	size_t n_parted = 0;
	int r = mw_buf_reserve(out, 2 * t.n);

	if (r < 0)
		return r;
	for (size_t i = 0, to; i < t.n; i = to) {
		for (to = i; to < t.n && mw_is_letter(t.p[to]);)
			to++;
		if (to == i) {
			if (is_parting(t, i))
				n_parted++;
			else
				out->p[out->len++] = t.p[i];
			to++;
			continue;
		}
		if (n_humps(mw_slice(t.p + i, to - i)) < HUMPS_MIN) {
			put(out, mw_slice(t.p + i, to - i));
			continue;
		}
		any = true;
		for (size_t k = i; k < to; k++) {
			if (k > i && mw_is_upper(t.p[k]) && !mw_is_upper(t.p[k - 1]))
				out->p[out->len++] = ' ';
			out->p[out->len++] = t.p[k];
		}
	}
	return any || n_parted >= PARTINGS_MIN;
}

/* A text has this many bytes and spaces: nearly all long words and paths decode to bytes that have
 * not, or are UTF-8 nowhere so far. */
#define STRETCH_MIN 12
#define SPACES_MIN  2

static bool has_stretch(struct mw_slice t)
{
	const uint8_t *end = t.p + t.n;
	size_t n = 0, spaces = 0;

	for (const uint8_t *p = t.p; p < end;) {
		const unsigned int len = *p < 0x80 ? 1 : mw_utf8_len(p, end);

		spaces = len ? spaces + (*p == ' ' || len > 1) : 0;
		n = len ? n + len : 0;
		if (n >= STRETCH_MIN && spaces >= SPACES_MIN)
			return true;
		p += len ? len : 1;
	}
	return false;
}

/* Whether decoded bytes are a text: nearly all of it printable, and words in it. A byte that is not
 * UTF-8 now and then does not keep a model from reading it. */
static bool is_text(struct mw_slice t)
{
	size_t odd = 0, high = 0, spaces = 0;

	if (t.n < STRETCH_MIN)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		odd += (t.p[i] < ' ' && t.p[i] != '\n' && t.p[i] != '\t') || t.p[i] == 0x7f;
		high += t.p[i] >= 0x80;
		spaces += t.p[i] == ' ';
	}
	if (odd * 20 > t.n)
		return false;
	return high * 4 <= t.n ? spaces >= SPACES_MIN : has_stretch(t);
}

/* What is not UTF-8 parts words. */
static void part_words(uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		const unsigned int len = *p < 0x80 ? 1 : mw_utf8_len(p, end);

		if (len == 0)
			*p = ' ';
		p += len ? len : 1;
	}
}

/* The decoded bytes of t[from..to), all of it base64. */
static int put_base64(struct mw_buf *out, struct mw_slice t)
{
	unsigned int bits = 0;
	uint32_t v = 0;
	size_t i = 0;
	uint8_t *o;
	int r = mw_buf_reserve(out, t.n);

	if (r < 0)
		return r;
	o = out->p + out->len;
	for (; i + 4 <= t.n; i += 4) {
		for (size_t k = 0; k < 4; k++)
			v = v << 6 | (digit64[t.p[i + k]] - 1u);
		o[0] = (uint8_t)(v >> 16);
		o[1] = (uint8_t)(v >> 8);
		o[2] = (uint8_t)v;
		o += 3;
	}
	for (; i < t.n; i++) {
		v = v << 6 | (digit64[t.p[i]] - 1u);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*o++ = (uint8_t)(v >> bits);
		}
	}
	out->len = (size_t)(o - out->p);
	return 0;
}

/* Pairs of hex digits from `at` on, one space, ',' or ':' between; where they end. */
static size_t put_hex(struct mw_buf *out, struct mw_slice t, size_t at)
{
	while (at + 1 < t.n && hex_of(t.p[at]) >= 0 && hex_of(t.p[at + 1]) >= 0) {
		if (out)
			out->p[out->len++] = (uint8_t)(hex_of(t.p[at]) << 4 | hex_of(t.p[at + 1]));
		at += 2;
		if (at + 1 < t.n && (t.p[at] == ' ' || t.p[at] == ',' || t.p[at] == ':') &&
		    hex_of(t.p[at + 1]) >= 0)
			at++;
	}
	return at;
}

static bool is_digit64(uint8_t c)
{
	return digit64[c] != 0;
}

static bool is_hex_pair(struct mw_slice t, size_t at)
{
	return at + 1 < t.n && hex_of(t.p[at]) >= 0 && hex_of(t.p[at + 1]) >= 0;
}

int mw_code_next(struct mw_slice t, size_t *pos, struct mw_buf *out)
{
	const size_t start = out->len;
	size_t i = *pos, end;
	int r;

	for (;;) {
		while (i < t.n && !is_digit64(t.p[i]))
			i++;
		if (i == t.n)
			break;
		end = is_hex_pair(t, i) ? put_hex(NULL, t, i) : i;
		if (end - i >= HEX_MIN) {
			r = mw_buf_reserve(out, (end - i) / 2);
			if (r < 0)
				return r;
			put_hex(out, t, i);
		} else {
			for (end = i; end < t.n && is_digit64(t.p[end]);)
				end++;
			if (end - i >= BASE64_MIN) {
				r = put_base64(out, mw_slice(t.p + i, end - i));
				if (r < 0)
					return r;
			}
		}
		i = end;
		*pos = end;
		if (out->len > start && is_text(mw_slice(out->p + start, out->len - start))) {
			part_words(out->p + start, out->p + out->len);
			return 1;
		}
		out->len = start;
	}
	*pos = t.n;
	return 0;
}

static bool is_hex_run(uint8_t c)
{
	return hex_of(c) >= 0 || c == ' ' || c == ',' || c == ':';
}

/* Whether `min` bytes in a row are `is`: one of every `min` bytes is in such a run. */
static bool has_run(struct mw_slice t, size_t min, bool (*is)(uint8_t c))
{
	size_t from, to;

	for (size_t i = min - 1; i < t.n; i += min) {
		if (!is(t.p[i]))
			continue;
		for (from = i; from > 0 && is(t.p[from - 1]);)
			from--;
		for (to = i + 1; to < t.n && to - from < min && is(t.p[to]);)
			to++;
		if (to - from >= min)
			return true;
	}
	return false;
}

bool mw_code_may_be(struct mw_slice t)
{
	return has_run(t, BASE64_MIN, is_digit64) || has_run(t, HEX_MIN, is_hex_run);
}
