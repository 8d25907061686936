/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - a fast seeded 64-bit hash (XXH3 of libxxhash), for tables and for comparing two copies
 *
 * Not for proof: it is compared together with the length, seeded with what the observed cannot know,
 * and never written down.
 */
#ifndef MW_BASE_HASH_H
#define MW_BASE_HASH_H

#include "base/slice.h"

uint64_t mw_hash64(struct mw_slice s, uint64_t seed);

#endif
