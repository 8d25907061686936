/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <xxhash.h>

uint64_t mw_hash64(struct mw_slice s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.p, s.n, seed);
}
