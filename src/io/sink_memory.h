/* SPDX-License-Identifier: Apache-2.0 */
/* sink_memory.h - records kept in memory, for tests */
#ifndef MW_IO_SINK_MEMORY_H
#define MW_IO_SINK_MEMORY_H

#include <mcpwatch/sink.h>

/* `fail_at`: the write of that number (1 is the first) and all after it fail with -ENOSPC; 0 none.
 * 0, -ENOMEM. */
int mw_sink_memory_new(size_t fail_at, struct mw_sink **ret);
size_t mw_sink_memory_count(const struct mw_sink *s);
/* The i-th record, NUL-terminated, owned by the sink; NULL beyond the last. */
const char *mw_sink_memory_get(const struct mw_sink *s, size_t i);

#endif
