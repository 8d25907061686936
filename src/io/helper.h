/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helper.h - a process of our own that does for us what we must not do ourselves
 *
 * The program itself started anew (so nothing of our memory is in it), without environment, with
 * the socket as descriptor MW_HELPER_FD and nothing else open: a SOCK_SEQPACKET. It gets a hello,
 * and then gives one answer of fixed size for each message; the end of file ends it. Whoever uses
 * one does so from one thread, which may wait in mw_helper_ask; mw_helper_kill is for the others.
 */
#ifndef MW_IO_HELPER_H
#define MW_IO_HELPER_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

#define MW_HELPER_FD 3

struct mw_helper {
	pthread_mutex_t lock; /* of pid */
	pid_t pid;	      /* 0: not started */
	int fd;		      /* -1: not started */
};

void mw_helper_init(struct mw_helper *h);
/* Ends it first. */
void mw_helper_done(struct mw_helper *h);
/* `verb`: its first argument. 0, or a negative errno. */
int mw_helper_start(struct mw_helper *h, const char *verb, const void *hello, size_t n);
/*
 * One message there and one answer of n_answer bytes back. 0; -ETIMEDOUT: there was none within
 * timeout_ms; -EPIPE: it has ended, or says something else. On failure it is ended, to be started
 * anew.
 */
int mw_helper_ask(struct mw_helper *h, const void *body, size_t n, void *answer, size_t n_answer,
		  unsigned int timeout_ms);
/* Ends it, if there is one, and waits for its end. */
void mw_helper_end(struct mw_helper *h);
/* From any thread: who waits in mw_helper_ask gets -EPIPE. */
void mw_helper_kill(struct mw_helper *h);

#endif
