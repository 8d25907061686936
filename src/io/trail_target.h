/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_target.h - what a trail names as a call's target: a path, a URL, an address, or just a name
 *
 * Only what the host can know is ever held against it: an absolute path, a URL, an address with a
 * port. A bare name ("invoice.pdf", "user 4711") may be found among the effects, and if it is not,
 * that says nothing.
 */
#ifndef MW_IO_TRAIL_TARGET_H
#define MW_IO_TRAIL_TARGET_H

#include "base/buf.h"

enum mw_target_form { MW_TARGET_NAME, MW_TARGET_PATH, MW_TARGET_URL, MW_TARGET_ADDR };

/* A text of either side in the one form it is compared in. Slices are of `out` or of the text. */
struct mw_target {
	enum mw_target_form form;
	struct mw_slice text; /* a path without . .. //; a URL without user, query, default port */
	struct mw_slice authority; /* of a URL or address: host:port in lower case */
	struct mw_slice host;	   /* and its host alone */
	bool numeric;		   /* the host is an address, or localhost */
};

/* Appends to out what is needed; text is not inside out. A URL file:///x is the path /x. 0, -E2BIG,
 * -ENOMEM. */
int mw_target_parse(struct mw_slice text, struct mw_buf *out, struct mw_target *ret);
/* Whether a path of the host is what a trail's bare name or relative path may mean. */
bool mw_target_ends(struct mw_slice path, struct mw_slice name);
/* Whether `dir` is a folder above `path`, or the same. */
bool mw_target_within(struct mw_slice path, struct mw_slice dir);
/* "localhost:80" and "127.0.0.1:80" are the same place, also "[::1]:80". */
bool mw_target_same_authority(struct mw_slice a, struct mw_slice b);

#endif
