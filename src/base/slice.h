/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.h - bytes are slices: a pointer and a length, borrowed, never NUL-terminated
 */
#ifndef MW_BASE_SLICE_H
#define MW_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mw_slice {
	const uint8_t *p;
	size_t n;
};

#define MW_SLICE_LIT(s) ((struct mw_slice){ (const uint8_t *)(s), sizeof(s) - 1 })

static inline struct mw_slice mw_slice(const void *p, size_t n)
{
	return (struct mw_slice){ p, n };
}

/* Of a NUL-terminated string that is ours. */
static inline struct mw_slice mw_slice_str(const char *s)
{
	return (struct mw_slice){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

static inline bool mw_slice_eq(struct mw_slice a, struct mw_slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool mw_slice_eq_str(struct mw_slice a, const char *s)
{
	return mw_slice_eq(a, mw_slice_str(s));
}

static inline bool mw_slice_ends(struct mw_slice a, struct mw_slice tail)
{
	return a.n >= tail.n &&
	       (tail.n == 0 || memcmp(a.p + a.n - tail.n, tail.p, tail.n) == 0);
}

static inline bool mw_slice_starts(struct mw_slice a, struct mw_slice head)
{
	return a.n >= head.n && (head.n == 0 || memcmp(a.p, head.p, head.n) == 0);
}

#endif
