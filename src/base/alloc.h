/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.h - the one way the core gets memory
 *
 * The core never calls malloc: it is handed this. Tests hand it one that fails the Nth time.
 */
#ifndef MW_BASE_ALLOC_H
#define MW_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

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

/* One limit for several: what they get from `alloc` is never more than max bytes in all. */
struct mw_budget {
	struct mw_alloc alloc;
	const struct mw_alloc *under;
	size_t used, max;
	uint64_t n_refused; /* times that a request went over it */
};

/* `under` is borrowed; b does not move while `alloc` is in use. */
void mw_budget_init(struct mw_budget *b, const struct mw_alloc *under, size_t max);

#endif
