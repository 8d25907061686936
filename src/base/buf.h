/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a bounded growing buffer
 *
 * Grows by doubling up to `max`; never beyond. On any failure the buffer is as it was before.
 */
#ifndef MW_BASE_BUF_H
#define MW_BASE_BUF_H

#include "base/alloc.h"
#include "base/slice.h"

struct mw_buf {
	const struct mw_alloc *a;
	uint8_t *p;
	size_t len, cap, max;
};

/* Empty; allocates nothing. `a` is borrowed for the buffer's life. */
void mw_buf_init(struct mw_buf *b, const struct mw_alloc *a, size_t max);
/* Frees what it holds; usable again afterwards. */
void mw_buf_done(struct mw_buf *b);
/* len = 0, memory kept up to `keep` bytes, given back beyond. */
void mw_buf_reset(struct mw_buf *b, size_t keep);
/* 0, -E2BIG beyond max, -ENOMEM. p is not inside b itself. */
static inline int mw_buf_append(struct mw_buf *b, const void *p, size_t n);
static inline int mw_buf_append_byte(struct mw_buf *b, uint8_t c);
int mw_buf_append_str(struct mw_buf *b, const char *s);
int mw_buf_append_u64(struct mw_buf *b, uint64_t v); /* decimal */
int mw_buf_append_i64(struct mw_buf *b, int64_t v);  /* decimal */
int mw_buf_append_hex(struct mw_buf *b, const void *p, size_t n); /* lower case */
/* Room for n more bytes behind len: 0, -E2BIG, -ENOMEM. */
int mw_buf_reserve(struct mw_buf *b, size_t n);
/* Drops the first n <= len bytes. */
void mw_buf_consume(struct mw_buf *b, size_t n);

static inline int mw_buf_append(struct mw_buf *b, const void *p, size_t n)
{
	if (n > b->cap - b->len) {
		int r = mw_buf_reserve(b, n);

		if (r < 0)
			return r;
	}
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	return 0;
}

static inline int mw_buf_append_byte(struct mw_buf *b, uint8_t c)
{
	return mw_buf_append(b, &c, 1);
}

static inline struct mw_slice mw_buf_slice(const struct mw_buf *b)
{
	return (struct mw_slice){ b->p, b->len };
}

#endif
