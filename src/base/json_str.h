/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_str.h - shared inside the JSON files of base, not for others: runs of plain bytes, and the
 * characters of a string one by one
 */
#ifndef MW_BASE_JSON_STR_H
#define MW_BASE_JSON_STR_H

#include "base/json.h"
#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
/* Which of the 16 bytes at p are not plain, a bit each; and the bytes themselves. */
static inline unsigned int mw_json_mask16(const uint8_t *p, __m128i *ret)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'),
		      space = _mm_set1_epi8(' ');
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	/* signed: below a space is a control or has the high bit */
	__m128i hit = _mm_or_si128(
	    _mm_cmplt_epi8(v, space),
	    _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));

	*ret = v;
	return (unsigned int)_mm_movemask_epi8(hit);
}
#endif

static inline bool mw_json_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte in [p, end) that is not plain (a quote, a backslash, a control, or outside ASCII),
 * or end. */
static inline const uint8_t *mw_json_plain_end(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i v;
		unsigned int mask = mw_json_mask16(p, &v);

		if (mask)
			return p + __builtin_ctz(mask);
	}
#endif
	while (p < end && mw_json_is_plain(*p))
		p++;
	return p;
}

/* As mw_json_plain_end, and copies what lies before it to `to`. There must be room for all of
 * [p, end): some of what follows may be copied too. */
static inline const uint8_t *mw_json_plain_copy(const uint8_t *p, const uint8_t *end, uint8_t *to)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16, to += 16) {
		__m128i v;
		unsigned int mask = mw_json_mask16(p, &v);

		_mm_storeu_si128((__m128i *)(void *)to, v);
		if (mask)
			return p + __builtin_ctz(mask);
	}
#endif
	while (p < end && mw_json_is_plain(*p))
		*to++ = *p++;
	return p;
}

/* What a backslash with this byte stands for; 0: more than that byte decides (\u), or nothing. */
extern const uint8_t mw_json_short_escape[256];

/* The four hex digits at p, or -1; end says where the bytes end. */
static inline int mw_json_hex4(const uint8_t *p, const uint8_t *end)
{
	unsigned int v = 0;

	if (end - p < 4)
		return -1;
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int c = p[i], low = c | 0x20;

		if (c - '0' <= 9)
			v = v << 4 | (c - '0');
		else if (low - 'a' <= 5)
			v = v << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return (int)v;
}

/* One escape; p is behind the backslash. How many bytes it takes from there, or 0 if it is none.
 * A lone surrogate gives U+FFFD and MW_JSON_LONE; a pair is one escape of 11 bytes. */
unsigned int mw_json_escape_get(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp,
				unsigned int *flags);

/* The escape of an ASCII byte that must have one; how many bytes of out. */
unsigned int mw_json_escape_put(uint8_t c, uint8_t out[6]);

/* The inside of a raw string, or false if raw has no quotes around it. */
static inline bool mw_json_inside(struct mw_slice raw, struct mw_slice *ret)
{
	if (raw.n < 2 || raw.p[0] != '"' || raw.p[raw.n - 1] != '"')
		return false;
	*ret = mw_slice_inside(raw);
	return true;
}

/* Takes the plain run at the front of *s. */
static inline struct mw_slice mw_json_take_plain(struct mw_slice *s)
{
	struct mw_slice run = *s;

	if (s->n == 0)
		return run;
	s->p = mw_json_plain_end(run.p, run.p + run.n);
	run.n = (size_t)(s->p - run.p);
	s->n -= run.n;
	return run;
}

/* The next character of the inside of a string: 1, 0 at its end, -EINVAL. *flags gets what was
 * noticed. */
int mw_json_char(struct mw_slice *s, uint32_t *ret_cp, unsigned int *flags);

/* Whether two raw strings decode to the same bytes. */
bool mw_json_str_same(struct mw_slice raw_a, struct mw_slice raw_b);
/* <0, 0, >0 by the UTF-16 code units of what they decode to. */
int mw_json_str_cmp_utf16(struct mw_slice raw_a, struct mw_slice raw_b);
/* mw_hash64 of the decoded bytes; flags are those of the string's item. */
uint64_t mw_json_str_hash(struct mw_slice raw, unsigned int flags, uint64_t seed);

/* The significant digits of a number, as ASCII, no leading zeros, at most max >= 2; beyond it a
 * last '1' stands for anything that is not zero. The value is 0.DIGITS x 10^exp10. How many; 0 if the
 * number is zero. raw must be a valid number. */
size_t mw_json_num_digits(struct mw_slice raw, uint8_t *digits, size_t max, int64_t *ret_exp10);
/* Whether its magnitude is beyond double: not finite, or not zero and yet rounded to zero. */
bool mw_json_num_outside(struct mw_slice raw);
/* Appends the ECMAScript form of a number. -EINVAL not finite, -E2BIG, -ENOMEM. */
int mw_json_num_canonical(struct mw_slice raw, struct mw_buf *out);

#endif
