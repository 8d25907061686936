/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>

#define CAP_FIRST 64
/* Under a limit of memory a large one may have room, but not for twice its size. */
#define LARGE (1u << 20)

void mw_buf_init(struct mw_buf *b, const struct mw_alloc *a, size_t max)
{
	*b = (struct mw_buf){ .a = a, .max = max };
}

void mw_buf_done(struct mw_buf *b)
{
	mw_alloc_free(b->a, b->p, b->cap);
	b->p = NULL;
	b->len = b->cap = 0;
}

void mw_buf_reset(struct mw_buf *b, size_t keep)
{
	uint8_t *p;

	b->len = 0;
	if (b->cap <= keep)
		return;
	p = keep ? b->a->resize(b->a->ctx, b->p, b->cap, keep) : NULL;
	if (!p) {
		mw_buf_done(b);
		return;
	}
	b->p = p;
	b->cap = keep;
}

int mw_buf_reserve(struct mw_buf *b, size_t n)
{
	size_t need, cap;
	uint8_t *p;

	if (n <= b->cap - b->len)
		return 0;
	if (b->len > b->max || n > b->max - b->len)
		return -E2BIG;
	need = b->len + n;
	if (__builtin_mul_overflow(b->cap, (size_t)2, &cap))
		cap = b->max;
	if (cap < CAP_FIRST)
		cap = CAP_FIRST;
	if (cap < need)
		cap = need;
	if (cap > b->max)
		cap = b->max;
	p = b->a->resize(b->a->ctx, b->p, b->cap, cap);
	if (!p && cap >= LARGE && cap > need) {
		cap = need;
		p = b->a->resize(b->a->ctx, b->p, b->cap, cap);
	}
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int mw_buf_append_str(struct mw_buf *b, const char *s)
{
	return mw_buf_append(b, s, strlen(s));
}

/* Writes v so that it ends before `end`; where it begins. */
static uint8_t *u64_backwards(uint64_t v, uint8_t *end)
{
	do
		*--end = (uint8_t)('0' + v % 10);
	while (v /= 10);
	return end;
}

int mw_buf_append_u64(struct mw_buf *b, uint64_t v)
{
	uint8_t tmp[20], *p = u64_backwards(v, tmp + sizeof(tmp));

	return mw_buf_append(b, p, (size_t)(tmp + sizeof(tmp) - p));
}

int mw_buf_append_i64(struct mw_buf *b, int64_t v)
{
	uint8_t tmp[21], *p;

	/* 0 - (uint64_t)v: the magnitude of INT64_MIN too */
	p = u64_backwards(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, tmp + sizeof(tmp));
	if (v < 0)
		*--p = '-';
	return mw_buf_append(b, p, (size_t)(tmp + sizeof(tmp) - p));
}

int mw_buf_append_hex(struct mw_buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *s = p;
	size_t n_out;
	int r;

	if (__builtin_mul_overflow(n, (size_t)2, &n_out))
		return -E2BIG;
	r = mw_buf_reserve(b, n_out);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		b->p[b->len++] = (uint8_t)digits[s[i] >> 4];
		b->p[b->len++] = (uint8_t)digits[s[i] & 15];
	}
	return 0;
}

void mw_buf_consume(struct mw_buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	b->len -= n;
	if (n && b->len)
		memmove(b->p, b->p + n, b->len);
}
