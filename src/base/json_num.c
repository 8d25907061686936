/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_str.h"

size_t mw_json_num_digits(struct mw_slice raw, uint8_t *digits, size_t max, int64_t *ret_exp10)
{
	const uint8_t *p = raw.p, *end = raw.p + raw.n;
	int64_t exp10 = 0, e = 0;
	bool in_frac = false, exp_minus = false;
	size_t n = 0;

	if (p < end && *p == '-')
		p++;
	for (; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			in_frac = true;
			continue;
		}
		if (n == 0 && *p == '0') {
			exp10 -= in_frac;
			continue;
		}
		exp10 += !in_frac;
		if (n < max)
			digits[n++] = *p;
		else if (*p != '0')
			digits[max - 1] = '1';
	}
	if (p < end) {
		p++;
		exp_minus = p < end && *p == '-';
		if (p < end && (*p == '-' || *p == '+'))
			p++;
		for (; p < end; p++)
			if (e < INT64_C(100000000000000000)) /* no text is that long */
				e = e * 10 + (*p - '0');
	}
	*ret_exp10 = exp10 + (exp_minus ? -e : e);
	return n;
}

bool mw_json_num_outside(struct mw_slice raw)
{
	/* the first digits of 2^1024 - 2^970, which rounds to infinite, and of 2^-1075, to zero */
	static const char over[] = "179769313486231580793728971405303415079";
	static const char under[] = "247032822920623272088284396434110686182";
	uint8_t digits[sizeof(over)];
	int64_t exp10;
	size_t n = mw_json_num_digits(raw, digits, sizeof(digits), &exp10);

	if (n == 0)
		return false;
	memset(digits + n, '0', sizeof(digits) - n);
	if (exp10 >= 309)
		return exp10 > 309 || memcmp(digits, over, sizeof(over) - 1) >= 0;
	if (exp10 <= -323)
		return exp10 < -323 || memcmp(digits, under, sizeof(under) - 1) <= 0;
	return false;
}

/* strtod and printf are only asked about "DIGITSe±X": no decimal point, so no locale. */
#define DIGITS_MAX 800 /* 768 decide every rounding; the last stands for the rest */

/* 0.DIGITS x 10^exp10, n digits; digits has room for 16 bytes more. */
static double to_double(char *digits, size_t n, int exp10)
{
	snprintf(digits + n, 16, "e%d", exp10 - (int)n);
	return strtod(digits, NULL);
}

/* The next larger number of n digits; true if that took one more before them. */
static bool increment(char *digits, size_t n)
{
	while (n--) {
		if (digits[n] != '9') {
			digits[n]++;
			return false;
		}
		digits[n] = '0';
	}
	digits[0] = '1';
	return true;
}

/* Finds the fewest digits that give v > 0 back. How many, no trailing zeros; v = 0.DIGITS x
 * 10^*ret_exp10. */
static size_t shortest(double v, char digits[40], int *ret_exp10)
{
	/* up to 15 digits survive a double, unless it is subnormal */
	int n_min = v < 0x1p-1022 ? 1 : 15;
	size_t n = 0;
	int exp10 = 0;

	for (int want = n_min; want <= 17; want++) {
		char text[40];
		const char *p = text;

		snprintf(text, sizeof(text), "%.*e", want - 1, v);
		for (n = 0; *p && *p != 'e'; p++)
			if (*p >= '0' && *p <= '9')
				digits[n++] = *p;
		exp10 = (int)strtol(p + 1, NULL, 10) + 1;
		if (to_double(digits, n, exp10) == v)
			break;
		/* above a power of two the doubles lie wider apart than below: the neighbour may do
		 * where the nearest does not */
		exp10 += increment(digits, n);
		if (to_double(digits, n, exp10) == v)
			break;
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	*ret_exp10 = exp10;
	return n;
}

/* ECMA-262, Number::toString: k digits, the point behind the first n of them. */
static int put(struct mw_buf *out, bool minus, const char *digits, int k, int n)
{
	char text[64];
	int len;

	if (k <= n && n <= 21)
		len = snprintf(text, sizeof(text), "%s%.*s%.*s", minus ? "-" : "", k, digits, n - k,
			       "000000000000000000000");
	else if (n > 0 && n <= 21)
		len = snprintf(text, sizeof(text), "%s%.*s.%.*s", minus ? "-" : "", n, digits,
			       k - n, digits + n);
	else if (n > -6 && n <= 0)
		len = snprintf(text, sizeof(text), "%s0.%.*s%.*s", minus ? "-" : "", -n, "00000", k,
			       digits);
	else
		len = snprintf(text, sizeof(text), "%s%c%s%.*se%+d", minus ? "-" : "", digits[0],
			       k > 1 ? "." : "", k - 1, digits + 1, n - 1);
	return mw_buf_append(out, text, (size_t)len);
}

/* An integer short enough to stand for itself. */
static bool is_canonical(struct mw_slice raw)
{
	size_t i = raw.p[0] == '-';

	if (raw.n - i > 15 || (i && raw.p[i] == '0'))
		return false;
	for (; i < raw.n; i++)
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
	return true;
}

int mw_json_num_canonical(struct mw_slice raw, struct mw_buf *out)
{
	char digits[DIGITS_MAX + 16];
	double v = 0;
	int64_t exp10;
	int point;
	size_t n;

	if (is_canonical(raw))
		return mw_buf_append(out, raw.p, raw.n);
	n = mw_json_num_digits(raw, (uint8_t *)digits, DIGITS_MAX, &exp10);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	/* no two numbers of up to 15 digits are the same double: these are the fewest already */
	if (n && n <= 15 && exp10 > -300 && exp10 < 300)
		return put(out, raw.p[0] == '-', digits, (int)n, (int)exp10);
	if (n && exp10 > 400)
		return -EINVAL;
	if (n && exp10 > -400)
		v = to_double(digits, n, (int)exp10);
	if (v == 0)
		return mw_buf_append_byte(out, '0');
	if (__builtin_isinf(v))
		return -EINVAL;
	n = shortest(v, digits, &point);
	return put(out, raw.p[0] == '-', digits, (int)n, point);
}
