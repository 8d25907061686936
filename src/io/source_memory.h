/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_memory.h - events from memory, for tests
 *
 * Gives the events of p[0..n), laid back to back, then -ENODATA. They are checked for their length
 * only: the core is to be tested with what is not sound, too.
 */
#ifndef MW_IO_SOURCE_MEMORY_H
#define MW_IO_SOURCE_MEMORY_H

#include <mcpwatch/source.h>

/* p is borrowed for the source's life, 8-aligned. 0, -ENOMEM. */
int mw_source_memory_new(const void *p, size_t n, struct mw_source **ret);
/* What was asked through mw_source_control so far, in order; owned by the source. */
const struct mw_control *mw_source_memory_controls(const struct mw_source *s, size_t *ret_n);

#endif
