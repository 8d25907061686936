/* SPDX-License-Identifier: Apache-2.0 */
/* redact_scan.c - a first look at a text, and who is to look closer; percent-encoding */
#include "core/redact_priv.h"

#include <errno.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static void scan_bytes(struct mw_slice t, size_t i, size_t run, struct mw_scan *ret)
{
	for (; i < t.n; i++) {
		const uint8_t c = t.p[i];

		run = mw_is_token_byte(c) ? run + 1 : 0;
		if (run > ret->longest)
			ret->longest = run;
		ret->n_digits += mw_is_digit(c);
		ret->at |= c == '@';
		ret->percent |= c == '%';
	}
}

#ifdef __SSE2__
static __m128i within(__m128i v, char from, char n)
{
	const __m128i x = _mm_sub_epi8(v, _mm_set1_epi8(from));

	return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(n)), x);
}

static __m128i equals(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

void mw_redact_scan(struct mw_slice t, struct mw_scan *ret)
{
	const __m128i zero = _mm_setzero_si128(), ones = _mm_set1_epi8(1);
	__m128i at = zero, percent = zero, sums = zero;
	size_t i, run = 0;

	*ret = (struct mw_scan){ 0 };
	/* A run of 16 has a border of blocks in it, or is one: what lies between two borders need
	 * not be counted. */
	for (i = 0; i + 16 <= t.n; i += 16) {
		const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(t.p + i));
		const __m128i digit = within(v, '0', 9);
		const __m128i letter = within(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 25);
		const __m128i sign = _mm_or_si128(_mm_or_si128(equals(v, '_'), equals(v, '=')),
						  _mm_or_si128(equals(v, '+'), within(v, '-', 2)));
		const unsigned int token = (unsigned int)_mm_movemask_epi8(
			_mm_or_si128(_mm_or_si128(digit, letter), sign));

		at = _mm_or_si128(at, equals(v, '@'));
		percent = _mm_or_si128(percent, equals(v, '%'));
		/* ones of bytes, added up eight by eight */
		sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_and_si128(digit, ones), zero));
		if (token == 0xffff) {
			run += 16;
			continue;
		}
		run += (size_t)__builtin_ctz(~token);
		if (run > ret->longest)
			ret->longest = run;
		/* the ones at its end */
		run = (size_t)__builtin_clz(~(token << 16));
	}
	if (run > ret->longest)
		ret->longest = run;
	ret->n_digits = (size_t)_mm_cvtsi128_si32(sums) +
			(size_t)_mm_cvtsi128_si32(_mm_srli_si128(sums, 8));
	ret->at = _mm_movemask_epi8(at) != 0;
	ret->percent = _mm_movemask_epi8(percent) != 0;
	scan_bytes(t, i, run, ret);
}
#else
void mw_redact_scan(struct mw_slice t, struct mw_scan *ret)
{
	*ret = (struct mw_scan){ 0 };
	scan_bytes(t, 0, 0, ret);
}
#endif

/* --- short texts --------------------------------------------------------------------------------
 */

#ifdef __SSE2__
static uint64_t bits(__m128i v)
{
	return (uint64_t)(unsigned int)_mm_movemask_epi8(v);
}

static inline void masks_of(__m128i v, struct mw_masks *ret)
{
	const __m128i low = _mm_or_si128(v, _mm_set1_epi8(0x20));
	const __m128i digit = within(v, '0', 9);
	const __m128i quote = _mm_or_si128(equals(v, '"'), equals(v, '\\'));
	const __m128i colon = _mm_or_si128(equals(v, ':'), equals(low, 'b'));
	const __m128i equal = equals(v, '=');
	const __m128i dash = equals(v, '-');

	ret->odd = bits(_mm_or_si128(_mm_or_si128(within(v, 0, 0x1f), equals(low, '{')),
				     _mm_or_si128(quote, v)));
	ret->sign = bits(_mm_or_si128(_mm_or_si128(colon, equal), dash));
	ret->coded = bits(_mm_or_si128(equals(v, '@'), equals(v, '%')));
	ret->digit = bits(digit);
	ret->token = bits(_mm_or_si128(
		_mm_or_si128(_mm_or_si128(digit, within(low, 'a', 25)), within(v, '-', 2)),
		_mm_or_si128(_mm_or_si128(equal, equals(v, '_')), equals(v, '+'))));
}

static inline void masks_add(struct mw_masks *m, const struct mw_masks *of, size_t shift)
{
	m->odd |= of->odd << shift;
	m->sign |= of->sign << shift;
	m->coded |= of->coded << shift;
	m->digit |= of->digit << shift;
	m->token |= of->token << shift;
}

static uint64_t load8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Up to 16 bytes; what lies beyond them is a blank. */
static __m128i load_short(struct mw_slice t)
{
	uint64_t low = 0x2020202020202020, high = low;

	if (t.n >= 8) {
		low = load8(t.p);
		if (t.n > 8)
			high = load8(t.p + t.n - 8) >> (128 - 8 * t.n) |
			       (t.n < 16 ? high << (8 * t.n - 64) : 0);
	} else {
		for (size_t i = t.n; i > 0; i--)
			low = low << 8 | t.p[i - 1];
	}
	return _mm_set_epi64x((long long)high, (long long)low);
}

void mw_redact_masks(struct mw_slice t, struct mw_masks *ret)
{
	struct mw_masks m;
	size_t i;

	if (t.n <= 16) {
		masks_of(load_short(t), ret);
		return;
	}
	*ret = (struct mw_masks){ 0 };
	for (i = 0; i + 16 < t.n; i += 16) {
		masks_of(_mm_loadu_si128((const __m128i *)(const void *)(t.p + i)), &m);
		masks_add(ret, &m, i);
	}
	/* the last 16, some of them once more */
	i = t.n - 16;
	masks_of(_mm_loadu_si128((const __m128i *)(const void *)(t.p + i)), &m);
	masks_add(ret, &m, i);
}
#else
void mw_redact_masks(struct mw_slice t, struct mw_masks *ret)
{
	*ret = (struct mw_masks){ 0 };
	for (size_t i = 0; i < t.n; i++) {
		const uint8_t c = t.p[i];
		const uint64_t bit = 1ull << i;

		if (c < 0x20 || c >= 0x80 || mw_is_in(c, "\"\\{["))
			ret->odd |= bit;
		if (mw_is_in(c, "=:-bB"))
			ret->sign |= bit;
		if (c == '@' || c == '%')
			ret->coded |= bit;
		if (mw_is_digit(c))
			ret->digit |= bit;
		if (mw_is_token_byte(c))
			ret->token |= bit;
	}
}
#endif

/* --- who looks closer ---------------------------------------------------------------------------
 */

/* "\\nghp_...": where JSON stands in a text as it is, the 'n' is none of the word's. */
static int find_escaped(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	struct mw_look in = *k;
	bool any = false;
	int r;

	x->decoded.len = 0;
	r = mw_buf_append(&x->decoded, k->text.p, k->text.n);
	if (r < 0)
		return r == -E2BIG ? MW_REDACT_UNSCANNED : r;
	for (size_t i = 0; i + 1 < x->decoded.len; i++) {
		uint8_t *p = x->decoded.p + i;

		if (p[0] != '\\')
			continue;
		if (p[1] == 'n' || p[1] == 'r' || p[1] == 't') {
			p[0] = p[1] = ' ';
			any = true;
		}
		i++;
	}
	if (!any)
		return 0;
	in.text = mw_buf_slice(&x->decoded);
	in.decoded = true;
	x->inner.n = 0;
	r = mw_find(x, &in, &x->inner);
	for (size_t c = 0; c < x->inner.n && r == 0; c++) {
		const struct mw_cut *cut = &x->inner.e[c];

		r = mw_cuts_add(ret, cut->from, cut->to, cut->rule, cut->rank);
	}
	return r;
}

static int find_percent(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret);

int mw_find(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	struct mw_scan scan;
	int r;

	r = mw_find_names(x, k->text, ret);
	if (r || !x || !x->rules)
		return r;
	mw_redact_scan(k->text, &scan);
	if (scan.longest >= 16)
		r = mw_find_forms(x, k, ret);
	if (r == 0)
		r = mw_find_rules(x, k, ret);
	if (r == 0 && !k->claim && scan.n_digits >= MW_REDACT_DIGITS)
		r = mw_find_numbers(x, k, ret);
	if (r == 0 && scan.at && !k->claim && !x->rules->no_pii)
		r = mw_find_emails(x, k, ret);
	if (r == 0 && !k->decoded && k->text.n && memchr(k->text.p, '\\', k->text.n))
		r = find_escaped(x, k, ret);
	if (r == 0 && scan.percent && !k->decoded)
		r = find_percent(x, k, ret);
	return r;
}

/* The byte at *i, percent-decoded; *i goes behind it. */
static uint8_t percent_next(struct mw_slice t, size_t *i)
{
	int hi = -1, lo = -1;

	if (t.p[*i] == '%' && t.n - *i > 2) {
		hi = mw_hex_value(t.p[*i + 1]);
		lo = mw_hex_value(t.p[*i + 2]);
	}
	if (hi >= 0 && lo >= 0) {
		*i += 3;
		return (uint8_t)(hi << 4 | lo);
	}
	return t.p[(*i)++];
}

/* The decoded text is looked at as a whole: a secret in it takes what it was encoded as. */
static int find_percent(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	struct mw_look in = *k;
	size_t i = 0, at = 0, from, c;
	int r;

	x->decoded.len = 0;
	r = mw_buf_reserve(&x->decoded, k->text.n);
	if (r < 0)
		return r == -E2BIG ? MW_REDACT_UNSCANNED : r;
	while (i < k->text.n)
		x->decoded.p[x->decoded.len++] = percent_next(k->text, &i);
	if (x->decoded.len == k->text.n)
		return 0;
	in.text = mw_buf_slice(&x->decoded);
	in.decoded = true;
	x->inner.n = 0;
	r = mw_find(x, &in, &x->inner);
	if (r)
		return r;
	mw_cuts_merge(&x->inner);
	for (c = i = 0; c < x->inner.n; c++) {
		const struct mw_cut *cut = &x->inner.e[c];

		for (; at < cut->from; at++)
			(void)percent_next(k->text, &i);
		from = i;
		for (; at < cut->to; at++)
			(void)percent_next(k->text, &i);
		r = mw_cuts_add(ret, from, i, cut->rule, cut->rank);
		if (r)
			return r;
	}
	return 0;
}
