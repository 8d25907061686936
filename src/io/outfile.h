/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outfile.h - a file that is there whole or not at all
 *
 * What is written has no name until it is complete (O_TMPFILE; where the file system has none of
 * these, a name of its own beside the file's), and takes the place of an older file at once. 0600:
 * it holds what was observed.
 */
#ifndef MW_IO_OUTFILE_H
#define MW_IO_OUTFILE_H

#include <stddef.h>
#include <stdio.h>

struct mw_outfile;

/* "-" is stdout; a device or a pipe is written as it is. 0; negative errno and one line in err. */
int mw_outfile_open(const char *path, char *err, size_t err_len, struct mw_outfile **ret);
/* Fully buffered; owned by o. */
FILE *mw_outfile_stream(struct mw_outfile *o);
/* All is written: it gets its name. 0; negative errno and one line in err, and there is no file. */
int mw_outfile_commit(struct mw_outfile *o, char *err, size_t err_len);
/* One line in err for a write that failed with errno `error`; returns -error. */
int mw_outfile_failed(const struct mw_outfile *o, int error, char *err, size_t err_len);
/* What was not committed is gone. */
void mw_outfile_free(struct mw_outfile *o);

static inline void mw_outfile_freep(struct mw_outfile **o)
{
	mw_outfile_free(*o);
}

#endif
