/* SPDX-License-Identifier: Apache-2.0 */
#include "io/heap.h"

#include <malloc.h>
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

/*
 * Below MAP_FROM a buffer comes from memory that is there already: mapped anew for each message of
 * a megabyte, the page faults cost more than all else that is done with it. Above, it goes back to
 * the system when it is freed. Set, because the library would move both limits by itself.
 */
#define MAP_FROM  (4 << 20)
#define TRIM_FROM (8 << 20)

void mw_heap_init(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MAP_FROM);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
}

const struct mw_alloc mw_heap = { .resize = heap_resize };

void mw_sha256(const void *p, size_t n, uint8_t out[32])
{
	SHA256(p, n, out);
}
