/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inflate.h"

#include <errno.h>
#include <zlib.h>

#define OUT_MAX 4096u

struct mw_inflate {
	const struct mw_alloc *a;
	z_stream z;
	enum mw_coding coding;
	uint64_t n_in, n_out;
	int failed;
	bool begun, pending, ended;
	uint8_t out[OUT_MAX];
};

/* zlib does not say the size of what it gives back: it stands in front, and keeps the alignment. */
union size_head {
	size_t n;
	max_align_t align;
};

static void *z_take(void *ctx, unsigned int items, unsigned int size)
{
	union size_head *p;
	size_t n;

	if (__builtin_mul_overflow((size_t)items, (size_t)size, &n) ||
	    __builtin_add_overflow(n, sizeof(*p), &n))
		return NULL;
	p = mw_alloc_zero(ctx, n);
	if (!p)
		return NULL;
	p->n = n;
	return p + 1;
}

static void z_give(void *ctx, void *q)
{
	union size_head *p = q;

	if (p)
		mw_alloc_free(ctx, p - 1, p[-1].n);
}

int mw_inflate_new(const struct mw_alloc *a, enum mw_coding coding, struct mw_inflate **ret)
{
	struct mw_inflate *i = mw_alloc_zero(a, sizeof(*i));

	if (!i)
		return -ENOMEM;
	i->a = a;
	i->coding = coding;
	*ret = i;
	return 0;
}

void mw_inflate_free(struct mw_inflate *i)
{
	if (!i)
		return;
	if (i->begun)
		inflateEnd(&i->z);
	mw_alloc_free(i->a, i, sizeof(*i));
}

/* The first byte tells zlib's wrapping: method 8 and a window of at most 32 KiB. A raw block that
 * began so would be a stored one with a bit set in its padding, which nobody writes. */
static int window_bits(const struct mw_inflate *i, uint8_t first)
{
	if (i->coding == MW_CODING_GZIP)
		return MAX_WBITS + 16;
	if (i->coding == MW_CODING_DEFLATE && (first & 0x8f) == 0x08)
		return MAX_WBITS;
	return -MAX_WBITS;
}

static int begin(struct mw_inflate *i, uint8_t first)
{
	i->z.zalloc = z_take;
	i->z.zfree = z_give;
	i->z.opaque = (void *)i->a;
	if (inflateInit2(&i->z, window_bits(i, first)) != Z_OK)
		return -ENOMEM;
	i->begun = true;
	return 0;
}

/* There are bytes behind the end of the coded data. */
static int go_on(struct mw_inflate *i)
{
	int r;

	if (i->coding == MW_CODING_GZIP)
		r = inflateReset(&i->z);
	else if (i->coding == MW_CODING_RAW)
		r = inflateResetKeep(&i->z);
	else
		return -EBADMSG;
	i->ended = false;
	return r == Z_OK ? 0 : -EBADMSG;
}

static uint64_t out_max(const struct mw_inflate *i)
{
	uint64_t block = i->n_in ? (i->n_in - 1) / MW_INFLATE_BLOCK : 0, n;

	if (__builtin_mul_overflow(block, (uint64_t)MW_INFLATE_BLOCK * MW_INFLATE_RATIO, &n) ||
	    __builtin_add_overflow(n, (uint64_t)MW_INFLATE_FREE, &n))
		return UINT64_MAX;
	return n;
}

static int result(struct mw_inflate *i, int z)
{
	switch (z) {
	case Z_STREAM_END:
		i->ended = true;
		return 0;
	case Z_OK:
	case Z_BUF_ERROR: /* no bytes in, or no room: no error */
		return 0;
	case Z_MEM_ERROR:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

/* Decodes up to n bytes of p; what it made is in out. How many it took. */
static size_t step(struct mw_inflate *i, const uint8_t *p, size_t n, size_t *ret_made)
{
	uint64_t room;
	int z;

	i->n_in += n;
	room = out_max(i) - i->n_out;
	i->n_in -= n;
	i->z.next_in = (uint8_t *)p;
	i->z.avail_in = (unsigned int)n;
	i->z.next_out = i->out;
	/* at the limit: one byte more would be over it */
	i->z.avail_out = room == 0 ? 1 : room < OUT_MAX ? (unsigned int)room : OUT_MAX;
	z = inflate(&i->z, Z_SYNC_FLUSH);
	n -= i->z.avail_in;
	i->n_in += n;
	i->pending = z == Z_OK && i->z.avail_out == 0;
	i->failed = result(i, z);
	*ret_made = (size_t)(i->z.next_out - i->out);
	if (room == 0 && *ret_made) {
		i->failed = -E2BIG;
		*ret_made = 0;
	}
	i->n_out += *ret_made;
	return n;
}

int mw_inflate_next(struct mw_inflate *i, struct mw_slice bytes, size_t *used, struct mw_slice *ret)
{
	*used = 0;
	while (!i->failed) {
		size_t n = MW_INFLATE_BLOCK - i->n_in % MW_INFLATE_BLOCK, n_made;

		/* what the bytes before still hold belongs to their block */
		if (i->pending)
			n = 0;
		else if (n > bytes.n - *used)
			n = bytes.n - *used;
		if (n == 0 && !i->pending)
			return 0;
		if (!i->begun)
			i->failed = begin(i, bytes.p[*used]);
		else if (i->ended)
			i->failed = go_on(i);
		if (i->failed)
			break;
		*used += step(i, n ? bytes.p + *used : NULL, n, &n_made);
		if (n_made) {
			*ret = mw_slice(i->out, n_made);
			return 1;
		}
	}
	return i->failed;
}

bool mw_inflate_ended(const struct mw_inflate *i)
{
	return i->ended && !i->failed;
}

void mw_inflate_recount(struct mw_inflate *i)
{
	i->n_in = i->n_out = 0;
}
