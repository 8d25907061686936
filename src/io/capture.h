/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture.h - writes a capture file (event.h says its format)
 *
 * It holds raw bytes of conversations, secrets included: 0600, and an existing file is overwritten
 * as tcpdump -w does, but never through a symbolic link.
 */
#ifndef MW_IO_CAPTURE_H
#define MW_IO_CAPTURE_H

#include <stddef.h>

struct mw_capture;

/* "-" is stdout. 0, or a negative errno and one line in err. */
int mw_capture_new(const char *path, char *err, size_t err_len, struct mw_capture **ret);
/* Takes one whole event, buffered. 0, or the first error there was: nothing is written after it. */
int mw_capture_write(struct mw_capture *c, const void *event, size_t len);
/* Marks the end: without it the file counts as cut off. 0, or the first error. */
int mw_capture_end(struct mw_capture *c);
/* Everything taken so far is with the kernel when it returns 0. Returns the first error. */
int mw_capture_flush(struct mw_capture *c);
/* Flushes what it can and frees; takes NULL. */
void mw_capture_free(struct mw_capture *c);

static inline void mw_capture_freep(struct mw_capture **c)
{
	mw_capture_free(*c);
}

#endif
