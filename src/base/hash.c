/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

/* Most of what is hashed is short: with its code at hand that is a handful of instructions. */
#define XXH_INLINE_ALL
#include <xxhash.h>

static __attribute__((noinline)) uint64_t hash_long(struct mw_slice s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.p, s.n, seed);
}

uint64_t mw_hash64(struct mw_slice s, uint64_t seed)
{
	if (s.n == 8)
		return XXH3_64bits_withSeed(s.p, 8, seed);
	return s.n <= 16 ? XXH3_64bits_withSeed(s.p, s.n, seed) : hash_long(s, seed);
}
