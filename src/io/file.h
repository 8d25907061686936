/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - opening and writing the files that hold what was observed
 *
 * They hold secrets or nearly so: 0600, and never through a symbolic link somebody else laid.
 */
#ifndef MW_IO_FILE_H
#define MW_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Long enough for one line that says what went wrong with a file. */
#define MW_ERR_MAX 512

/*
 * Opens a file to be written anew: made 0600 or, if it is there, emptied and set to 0600. "-" is
 * stdout. A device or pipe is taken as it is. The descriptor, or a negative errno and one line (no
 * newline) in err: -ELOOP for a symbolic link.
 */
int mw_file_create(const char *path, char *err, size_t err_len);

/* The whole of p[0..n), whatever the number of write calls. 0 or negative errno. *ret_n (may be
 * NULL) is how much was written, also on failure. */
int mw_file_write(int fd, const void *p, size_t n, size_t *ret_n);

/* Makes the folder `dir` and what is missing above it, each 0700. 0 (also where it is there), or negative
 * errno: -EEXIST and -ENOTDIR mean that a file is in the way. */
int mw_file_make_dirs(const char *dir);

/*
 * Opens a folder of this user's own that nobody else may look into: 0700, no symbolic link at its
 * end. `what` ("keys") names it in err; `make`: it is made first where it is missing. The
 * descriptor, or a negative errno and one line in err: -EPERM where owner or mode are others.
 */
int mw_file_open_private(const char *dir, const char *what, bool make, char *err, size_t err_len);

/* For _cleanup_: closes unless negative; frees. */
void mw_close(int *fd);
void mw_freep(void *p);

#endif
