/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keep.h"

void mw_keep_init(struct mw_keep *k, const struct mw_alloc *a, size_t max, size_t head, size_t tail)
{
	*k = (struct mw_keep){ .max = max, .head = head, .tail = tail };
	mw_buf_init(&k->buf, a, max);
}

void mw_keep_done(struct mw_keep *k)
{
	mw_keep_reset(k, 0);
}

void mw_keep_reset(struct mw_keep *k, size_t bytes)
{
	mw_buf_reset(&k->buf, bytes);
	k->len = 0;
	k->cut = false;
	k->ring_pos = 0;
}

/* The last bytes: a ring behind the head, so that it never needs more memory. */
static void ring_put(struct mw_keep *k, const uint8_t *p, size_t n)
{
	uint8_t *ring = k->buf.p + k->head;
	size_t first;

	if (n > k->tail) {
		p += n - k->tail;
		n = k->tail;
	}
	first = k->tail - k->ring_pos;
	if (first > n)
		first = n;
	memcpy(ring + k->ring_pos, p, first);
	memcpy(ring, p + first, n - first);
	k->ring_pos = (k->ring_pos + n) % k->tail;
}

static void reverse(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t c = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = c;
	}
}

/* It becomes longer than max with these bytes: what there is, is at most max. */
static int cut(struct mw_keep *k, const uint8_t *p, size_t n)
{
	size_t whole = k->head + k->tail, held, take;
	struct mw_buf *b = &k->buf;
	int r;

	if (b->cap < whole) {
		r = mw_buf_reserve(b, whole - b->len);
		if (r < 0)
			return r;
	}
	if (b->len < whole) {
		take = whole - b->len;
		memcpy(b->p + b->len, p, take);
		p += take;
		n -= take;
	} else {
		held = b->len - k->tail;
		memmove(b->p + k->head, b->p + held, k->tail);
	}
	b->len = whole;
	if (b->cap > whole) {
		uint8_t *q = b->a->resize(b->a->ctx, b->p, b->cap, whole);

		if (q) {
			b->p = q;
			b->cap = whole;
		}
	}
	k->cut = true;
	k->ring_pos = 0;
	ring_put(k, p, n);
	return 0;
}

int mw_keep_add(struct mw_keep *k, const void *p, size_t n)
{
	int r = 0;

	if (k->cut)
		ring_put(k, p, n);
	else if (n > k->max - k->buf.len)
		r = cut(k, p, n);
	else
		r = mw_buf_append(&k->buf, p, n);
	if (r < 0)
		return r;
	k->len += n;
	return 0;
}

struct mw_slice mw_keep_slice(struct mw_keep *k)
{
	if (k->cut && k->ring_pos) {
		uint8_t *ring = k->buf.p + k->head;

		reverse(ring, k->ring_pos);
		reverse(ring + k->ring_pos, k->tail - k->ring_pos);
		reverse(ring, k->tail);
		k->ring_pos = 0;
	}
	return mw_buf_slice(&k->buf);
}
