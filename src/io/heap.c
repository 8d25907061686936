/* SPDX-License-Identifier: Apache-2.0 */
#include "io/heap.h"

#include <stdlib.h>

#include <openssl/sha.h>

static void *heap_resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	(void)old;
	if (n)
		return realloc(p, n);
	free(p);
	return NULL;
}

const struct mw_alloc mw_heap = { .resize = heap_resize };

void mw_sha256(const void *p, size_t n, uint8_t out[32])
{
	SHA256(p, n, out);
}
