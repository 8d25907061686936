/* SPDX-License-Identifier: Apache-2.0 */
/* web_priv.h - what web.c and web_sniff.c share */
#ifndef MW_CORE_WEB_PRIV_H
#define MW_CORE_WEB_PRIV_H

#include "core/web.h"

static inline bool is_json(uint8_t c)
{
	return c == '{' || c == '[';
}

static inline bool is_white(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct mw_slice behind(struct mw_slice s, size_t n)
{
	return mw_slice(n ? s.p + n : s.p, s.n - n);
}

#endif
