/* SPDX-License-Identifier: Apache-2.0 */
/* source_lossy.h - another source with every Nth kernel event taken out, for tests */
#ifndef MW_IO_SOURCE_LOSSY_H
#define MW_IO_SOURCE_LOSSY_H

#include <mcpwatch/source.h>

/* Owns `from` from now on, also on failure. n >= 1. 0, -ENOMEM. */
int mw_source_lossy_new(struct mw_source *from, uint32_t n, struct mw_source **ret);

#endif
