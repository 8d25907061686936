/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_file.h - the metrics as a file, for node_exporter's textfile collector
 *
 * Written beside (PATH.tmp), then renamed, so that who reads it sees one whole text. A thread of its
 * own does it, so that a slow disk holds up nobody; while it is busy a new text is left out, the next
 * one will do. The file is for all to read (0644): the collector is another user. When the daemon
 * ends the file is removed, as its numbers are of nobody then.
 */
#ifndef MW_IO_METRICS_FILE_H
#define MW_IO_METRICS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct mw_metrics_file;

/* Begins the thread. 0, -ENOMEM and others. */
int mw_metrics_file_new(const char *path, struct mw_metrics_file **ret);
/* Ends the thread, for which it waits a second at most, and removes the file. Takes NULL. */
void mw_metrics_file_free(struct mw_metrics_file *f);
const char *mw_metrics_file_path(const struct mw_metrics_file *f);
/* Whether it would take a text now. Never waits. */
bool mw_metrics_file_ready(struct mw_metrics_file *f);
/* Takes the text over (the buffer is empty then) if it is ready. Never waits. */
void mw_metrics_file_write(struct mw_metrics_file *f, struct mw_buf *text);
/* Times that it could not be written; *ret_error: the last errno, negative; 0: the last one was. */
uint64_t mw_metrics_file_failed(struct mw_metrics_file *f, int *ret_error);

#endif
