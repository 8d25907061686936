/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - starts a command that is observed from its first instruction on
 *
 * The child stands still between fork and exec until it is let go, so that its tag is set before it
 * does anything. Its stdio is ours, untouched.
 */
#ifndef MW_IO_CHILD_H
#define MW_IO_CHILD_H

#include <stddef.h>
#include <sys/types.h>

struct mw_child {
	pid_t pid;
	int go;	  /* a byte lets it go */
	int fail; /* its errno, if exec failed; end of file if it did not */
};

/*
 * Finds argv[0] (PATH, as execvp does), forks. user: a name or uid to run as, NULL: as we are. 0;
 * -ENOENT: no such command; -EACCES: not executable; -ESRCH: no such user; other negative errno.
 * err gets one line.
 */
int mw_child_start(char *const argv[], const char *user, char *err, size_t err_len,
		   struct mw_child *ret);
/* Lets it exec. 0, or the errno exec failed with, negative (the child has ended and is reaped). */
int mw_child_go(struct mw_child *c);
/* It will never be let go: ends it. */
void mw_child_cancel(struct mw_child *c);

#endif
