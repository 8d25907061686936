/* SPDX-License-Identifier: Apache-2.0 */
/* pcre.c - PCRE2 does not say how much memory it gives back: so each block has its size before it */
#include "core/pcre.h"

struct block {
	size_t n;
	max_align_t bytes[];
};

static void *block_new(size_t n, void *ctx)
{
	const struct mw_alloc *a = ctx;
	struct block *b;

	if (n > SIZE_MAX / 2)
		return NULL;
	n += sizeof(*b);
	b = a->resize(a->ctx, NULL, 0, n);
	if (!b)
		return NULL;
	b->n = n;
	return b->bytes;
}

static void block_free(void *p, void *ctx)
{
	struct block *b;

	if (!p)
		return;
	b = (struct block *)((char *)p - offsetof(struct block, bytes));
	mw_alloc_free(ctx, b, b->n);
}

pcre2_general_context *mw_pcre_context(const struct mw_alloc *a)
{
	return pcre2_general_context_create(block_new, block_free, (void *)(uintptr_t)a);
}
