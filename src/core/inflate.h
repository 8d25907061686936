/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate.h - coded bytes in, decoded pieces out, within limits
 *
 * Source: RFC 1950 to 1952 by zlib, with the core's memory: about 48 KiB from the first byte on.
 *
 * The limit on growth is reckoned by blocks of MW_INFLATE_BLOCK coded bytes: what comes of the
 * blocks up to and with number k (from 0) may be MW_INFLATE_FREE + k * MW_INFLATE_BLOCK *
 * MW_INFLATE_RATIO bytes. So it does not depend on how the bytes are split.
 */
#ifndef MW_CORE_INFLATE_H
#define MW_CORE_INFLATE_H

#include "base/alloc.h"
#include "base/slice.h"

#define MW_INFLATE_BLOCK 4096u
#define MW_INFLATE_RATIO 200u
#define MW_INFLATE_FREE	 (1u << 20)

enum mw_coding {
	MW_CODING_NONE = 0,
	MW_CODING_GZIP,	   /* members one behind the other are one body */
	MW_CODING_DEFLATE, /* as named in HTTP: in zlib's wrapping, or (against RFC 9110) raw */
	MW_CODING_RAW,	   /* raw; what follows a last block goes on with the window it left */
	MW_CODING_OTHER,   /* not known here; not for mw_inflate_new */
};

struct mw_inflate;

/* 0, -ENOMEM. */
int mw_inflate_new(const struct mw_alloc *a, enum mw_coding coding, struct mw_inflate **ret);
/* Takes NULL. */
void mw_inflate_free(struct mw_inflate *i);
/*
 * The next piece of what the bytes decode to; *used says how many of them it took. Call again with
 * the rest (also an empty one) until 0. 1 a piece, borrowed until the next call; 0 all used and
 * given. From an error on always that error, no byte used: -EBADMSG not so coded, -E2BIG over the
 * limit, -ENOMEM.
 */
int mw_inflate_next(struct mw_inflate *i, struct mw_slice bytes, size_t *used,
		    struct mw_slice *ret);
/* Whether the coded data have come to an end of theirs, so that no byte is wanting. */
bool mw_inflate_ended(const struct mw_inflate *i);
/* The limit is reckoned anew from here, as for a new message; the window stays. */
void mw_inflate_recount(struct mw_inflate *i);

#endif
