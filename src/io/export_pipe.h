/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_pipe.h - a format's items in a thread of its own, so that reading and writing share the work
 *
 * Items are copied into batches, which the thread takes in their order. Between new and finish nobody
 * else may use the exporter, nor its `out`.
 */
#ifndef MW_IO_EXPORT_PIPE_H
#define MW_IO_EXPORT_PIPE_H

#include "io/exporter.h"

struct mw_export_pipe;

/* `e` is borrowed until the pipe is freed; without a thread to be had, items go to it at once. 0,
 * -ENOMEM. */
int mw_export_pipe_new(struct mw_exporter *e, struct mw_export_pipe **ret);
/* Copies the item's record; its other strings must stay until finish. 0, or what the exporter, or its
 * `out`, said of this or an earlier item; with the errno of that. */
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
