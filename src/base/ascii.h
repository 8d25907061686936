/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ascii.h - bytes as the letters and digits of ASCII, whatever the locale
 */
#ifndef MW_BASE_ASCII_H
#define MW_BASE_ASCII_H

#include "base/slice.h"

static inline bool mw_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool mw_is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static inline bool mw_is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static inline bool mw_is_letter(uint8_t c)
{
	return mw_is_lower(c) || mw_is_upper(c);
}

static inline bool mw_is_alnum(uint8_t c)
{
	return mw_is_letter(c) || mw_is_digit(c);
}

static inline uint8_t mw_lower(uint8_t c)
{
	return mw_is_upper(c) ? (uint8_t)(c | 0x20) : c;
}

/* Whether they are equal, whatever the case of their letters. */
static inline bool mw_slice_eq_nocase(struct mw_slice a, struct mw_slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (mw_lower(a.p[i]) != mw_lower(b.p[i]))
			return false;
	return true;
}

#endif
