/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known.h - JSON that was checked before (json.h), gone through again without that
 *
 * Only what is laid out as records are: no white space between tokens, no deep nesting. Whatever
 * the bytes are, nothing outside of them is read; what is not JSON may pass.
 */
#ifndef MW_IO_KNOWN_H
#define MW_IO_KNOWN_H

#include "base/slice.h"

struct mw_known {
	const uint8_t *p, *end;
};

/* The members of an object, from its first one on. */
static inline struct mw_known mw_known_members(struct mw_slice object)
{
	return (struct mw_known){ object.p, object.n ? object.p + object.n : object.p };
}

/* The next member: the key with its quotes, as it stands, and the raw value. 1; 0: that was all,
 * and the object's end is that of the text; -EINVAL: it is not laid out so, or no object. */
int mw_known_next(struct mw_known *k, struct mw_slice *ret_key, struct mw_slice *ret_value);

#endif
