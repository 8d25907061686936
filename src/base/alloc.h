/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.h - the one way the core gets memory
 *
 * The core never calls malloc: it is handed this. Tests hand it one that fails the Nth time.
 */
#ifndef MW_BASE_ALLOC_H
#define MW_BASE_ALLOC_H

#include <stddef.h>

struct mw_alloc {
	/* realloc(3)'s meaning: p NULL allocates, n 0 frees and returns NULL; NULL on failure, and
	 * then p is untouched. `old` is the size p was last given, for accounting. */
	void *(*resize)(void *ctx, void *p, size_t old, size_t n);
	void *ctx;
};

/* Zeroed memory of n > 0 bytes, or NULL. */
void *mw_alloc_zero(const struct mw_alloc *a, size_t n);
/* Frees p of n bytes; takes NULL. */
void mw_alloc_free(const struct mw_alloc *a, void *p, size_t n);

#endif
