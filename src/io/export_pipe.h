/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_pipe.h - reading a log, making another format of it and writing that, side by side
 *
 * Items are copied into batches. A thread makes text of each; of a format that has twins
 * (exporter.h) several do, each of a batch of its own. One more writes them, in the order of the
 * log. Between new and finish nobody else may use the exporter, nor where it goes to. Memory: up to
 * 8 batches of 1.1 MiB and what becomes of them.
 */
#ifndef MW_IO_EXPORT_PIPE_H
#define MW_IO_EXPORT_PIPE_H

#include "io/exporter.h"

struct mw_export_pipe;

/* What `e` has appended to its `out` goes to its `to`: 0, -EIO with the errno of that, -ENOMEM. */
int mw_export_flush(struct mw_exporter *e);
/* `e` has begun, and is borrowed until the pipe is freed; without threads to be had, items go to it
 * at once. 0, -ENOMEM. */
int mw_export_pipe_new(struct mw_exporter *e, struct mw_export_pipe **ret);
/* Copies the item's record; its other strings must stay until finish. 0, or what the exporter, or
 * its `to`, said of this or an earlier item; with the errno of that. */
int mw_export_pipe_item(struct mw_export_pipe *p, const struct mw_export_item *item);
/* Waits until all is written. As item. */
int mw_export_pipe_finish(struct mw_export_pipe *p);
/* What is not finished is left out. Takes NULL. */
void mw_export_pipe_free(struct mw_export_pipe *p);

static inline void mw_export_pipe_freep(struct mw_export_pipe **p)
{
	mw_export_pipe_free(*p);
}

#endif
