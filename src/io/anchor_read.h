/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor_read.h - the checkpoints that an anchor holds
 *
 * Whatever the file is, each checkpoint in it is found: signed notes one after another (a file
 * anchor, a copy of `checkpoint` or of what a witness cosigned), lines of syslog (anchor_text.h),
 * what journalctl gives with -o json or -o export. Other lines are passed over. Nothing here knows
 * a key: who calls holds the signatures against one.
 */
#ifndef MW_IO_ANCHOR_READ_H
#define MW_IO_ANCHOR_READ_H

#include <stddef.h>
#include <stdint.h>

#include "io/note.h"

struct mw_anchor_found {
	struct mw_checkpoint checkpoint;
	const char *note; /* the whole signed note, NUL-terminated; borrowed for the call */
	size_t n;
	uint64_t line; /* where it begins, from 1; in an export of the journal the entry's field */
};

/*
 * Reads a file ("-": stdin) to its end, whatever its size, in bounded memory, and calls fn for each
 * checkpoint in the file's order; a negative answer of fn ends it. *ret_n (may be NULL) is how many
 * there were, *ret_bad (may be NULL) how many looked like one and were none (cut, altered). 0; what
 * fn answered; -EINVAL: the file holds none, or is a device; -ENOENT and others: it cannot be read; -ENOMEM. On
 * failure but fn's own err has one line.
 */
int mw_anchor_file_read(const char *path, int (*fn)(void *ctx, const struct mw_anchor_found *found),
			void *ctx, uint64_t *ret_n, uint64_t *ret_bad, char *err, size_t err_len);

#endif
