/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_args.h - what a trail says a call's arguments and targets were, held against what the host
 * saw
 *
 * The host's texts are redacted ([REDACTED:...]) and may be cut ([CUT:...]): such a mark stands for
 * any bytes. A trail redacts in its own ways: a string of it that holds "***" or "redacted" says
 * nothing.
 */
#ifndef MW_IO_TRAIL_ARGS_H
#define MW_IO_TRAIL_ARGS_H

#include "base/buf.h"

enum mw_trail_rel {
	MW_REL_UNKNOWN, /* one side has none, or all of it is redacted */
	MW_REL_EQUAL,	/* all that can be compared is equal */
	MW_REL_UNLIKE,
};

/*
 * Both are JSON objects in canonical form, or empty. The trail's may have more members (defaults
 * that the server filled in), never fewer. Scalars are compared by their text, so "5" is 5:
 * frameworks convert. `marked`: mw_trail_marked(host). `scratch` is used and emptied.
 */
enum mw_trail_rel mw_trail_args(struct mw_slice trail, struct mw_slice host, bool marked,
				struct mw_buf *scratch);

/* Whether a text of the host holds a mark. */
bool mw_trail_marked(struct mw_slice text);
/* Whether a text of the trail is redacted by it. */
bool mw_trail_hidden(struct mw_slice text);
/* Whether a text could be what the host saw, marks standing for anything. */
bool mw_trail_fits(struct mw_slice text, struct mw_slice host);

#endif
