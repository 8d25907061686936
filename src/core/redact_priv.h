/* SPDX-License-Identifier: Apache-2.0 */
/* redact_priv.h - shared by redact.c and redact_text.c, and by nobody else */
#ifndef MW_CORE_REDACT_PRIV_H
#define MW_CORE_REDACT_PRIV_H

#include "core/redact.h"

/* Of a name no more than this counts, from its end. */
#define MW_REDACT_NAME_N 48

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

static inline bool mw_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == 0;
}

/* What a name in free text is made of. */
static inline bool mw_is_name_byte(uint8_t c)
{
	return mw_is_lower(c) || mw_is_upper(c) || mw_is_digit(c) || c == '_' || c == '-' ||
	       c == '.' || c == '%' || c == '[' || c == ']' || c >= 0x80;
}

static inline uint8_t mw_lower(uint8_t c)
{
	return mw_is_upper(c) ? (uint8_t)(c | 0x20) : c;
}

/* Whether a name as it stands in text, percent-encoded perhaps, is a secret's. */
bool mw_redact_text_name(struct mw_slice run);
/* The same of a name in a URL's query: also that of a session's id. */
bool mw_redact_query_name(struct mw_slice run);
/* Whether redaction and escaping leave a text as it is, and it is no JSON; false where that takes
 * longer to find out. */
bool mw_redact_is_quiet(struct mw_slice text);
/* As mw_redact_text, but leaves behind what it had appended when it fails. */
int mw_redact_put_text(struct mw_buf *out, struct mw_slice text, bool *lossy);
/* What stands for `n` bytes taken out. */
int mw_redact_put_mark(struct mw_buf *out, size_t n);

#endif
