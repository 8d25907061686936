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
