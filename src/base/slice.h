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

/* What stands behind the first n bytes, n <= s.n. */
static inline struct mw_slice mw_slice_from(struct mw_slice s, size_t n)
{
	return n ? mw_slice(s.p + n, s.n - n) : s; /* NULL + 0 is undefined */
}

/* Without its first and last byte, s.n >= 2: what a JSON string has between its quotes. */
static inline struct mw_slice mw_slice_inside(struct mw_slice s)
{
	return mw_slice(s.p + 1, s.n - 2);
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

/* What stands behind the last slash of a path; all of it where there is none. Part of path. */
static inline struct mw_slice mw_slice_name(struct mw_slice path)
{
	size_t i = path.n;

	while (i > 0 && path.p[i - 1] != '/')
		i--;
	return mw_slice_from(path, i);
}

#endif
