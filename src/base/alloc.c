/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <string.h>

void *mw_alloc_zero(const struct mw_alloc *a, size_t n)
{
	void *p = a->resize(a->ctx, NULL, 0, n);

	if (p)
		memset(p, 0, n);
	return p;
}

void mw_alloc_free(const struct mw_alloc *a, void *p, size_t n)
{
	if (p)
		a->resize(a->ctx, p, n, 0);
}

static void *budget_resize(void *ctx, void *p, size_t old, size_t n)
{
	struct mw_budget *b = ctx;
	void *q;

	if (n > old && n - old > b->max - b->used) {
		b->n_refused++;
		return NULL;
	}
	q = b->under->resize(b->under->ctx, p, old, n);
	if (q || n == 0)
		b->used = b->used - old + n;
	return q;
}

void mw_budget_init(struct mw_budget *b, const struct mw_alloc *under, size_t max)
{
	*b = (struct mw_budget){ .alloc = { .resize = budget_resize, .ctx = b },
				 .under = under,
				 .max = max };
}
