/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - the digits of base64 and base64url (RFC 4648, sections 4 and 5) */
#ifndef MW_BASE_BASE64_H
#define MW_BASE_BASE64_H

#include <stdint.h>

/* The value of a digit of either alphabet; negative: it is none. */
static inline int mw_base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

#endif
