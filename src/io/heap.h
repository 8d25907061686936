/* SPDX-License-Identifier: Apache-2.0 */
/* heap.h - what the edges lend the core: the C library's heap, libcrypto's SHA-256 */
#ifndef MW_IO_HEAP_H
#define MW_IO_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

extern const struct mw_alloc mw_heap;
/* How the heap keeps and gives back memory; once, before anything large is allocated. */
void mw_heap_init(void);

/* SHA-256 as mw_engine_config wants it. */
void mw_sha256(const void *p, size_t n, uint8_t out[32]);

#endif
