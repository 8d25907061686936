/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - a source of its own for tests of what the kernel side finds by itself
 *
 * It sees every process of the machine, so each test asks for the events of those it knows.
 */
#ifndef MW_TESTS_WATCH_H
#define MW_TESTS_WATCH_H

#include "live.h"

struct watch {
	struct mw_source *source;
	struct mw_event_hdr *ev[4096];
	size_t n_ev;
};

extern struct watch watch;

void watch_begin(bool execs, uint64_t undecided, uint64_t candidate);
void watch_end(void);
/* Adds what there is; forgets what there was. */
void watch_collect(void);
void watch_forget(void);
/* The n-th event of a type by a process (0: any), or NULL. */
const void *watch_nth(uint16_t type, uint32_t tgid, size_t n);
size_t watch_count(uint16_t type, uint32_t tgid);

/* On 127.0.0.1; port 0: any, and says which. -1: it failed. */
int watch_listen_on(uint16_t *port);
int watch_connect_to(uint16_t port);
uint64_t watch_ino_of(int fd);

/* A child that runs act(what) for each byte `what` it is sent, and answers with its value. */
struct puppet {
	pid_t pid;
	int ask, answer;
};

struct puppet watch_puppet_start(int (*act)(int));
int watch_tell(struct puppet *p, unsigned char what);
void watch_puppet_end(struct puppet *p);

#endif
