/* SPDX-License-Identifier: Apache-2.0 */
/* intern.h - each different text once, and a number for it */
#ifndef MW_IO_INTERN_H
#define MW_IO_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Zero it before use; mw_intern_done frees. */
struct mw_intern {
	struct mw_intern_text {
		uint32_t at, len, hash, tag;
	} * e;
	size_t n, cap;
	uint32_t *slots; /* 1 + number, 0 free; a power of two of them */
	size_t n_slots;
	char *text;
	size_t text_len, text_cap;
	uint64_t seed;
};

/* The number, from 0 in their order, of a text under a tag (as a namespace). 0; 1: it is new;
 * -ENOMEM; -EOVERFLOW: more than 4 GiB of text, or 2^31 of them. */
int mw_intern_put(struct mw_intern *t, uint32_t tag, struct mw_slice s, uint32_t *ret);
/* The number of one that is there: 0, -ENOENT. */
int mw_intern_find(const struct mw_intern *t, uint32_t tag, struct mw_slice s, uint32_t *ret);
/* NUL-terminated; valid until the next put. */
const char *mw_intern_str(const struct mw_intern *t, uint32_t number);
void mw_intern_done(struct mw_intern *t);

#endif
