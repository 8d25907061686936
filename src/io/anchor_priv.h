/* SPDX-License-Identifier: Apache-2.0 */
/* anchor_priv.h - the threads (anchor.c) and what each kind of anchor does (anchor_place.c,
 * anchor_ask.c) */
#ifndef MW_IO_ANCHOR_PRIV_H
#define MW_IO_ANCHOR_PRIV_H

#include <pthread.h>
#include <sys/types.h>

#include "io/anchor.h"
#include "io/helper.h"

#define MW_ANCHOR_WHY_MAX 256

struct mw_anchor {
	struct mw_anchors *all;
	const struct mw_anchor_config *cfg;
	pthread_t thread;
	/* the checkpoint that is being delivered; the thread's own, as all that follows */
	char note[MW_NOTE_MAX + 1];
	size_t n;
	uint64_t size;
	char why[MW_ANCHOR_WHY_MAX]; /* the last failure */
	uint64_t known;		     /* WITNESS: how many records it has seen */
	int dir_fd;		     /* WITNESS: the log folder; -1: not opened yet */
	uint64_t n_failing;	     /* failures since it worked */
	int64_t said_ms;	     /* when that was said */
	struct mw_helper helper;     /* of what goes over the network */
	bool is_done; /* guarded: the thread has ended */
	uint64_t at;  /* guarded: the push that was delivered last */
};

struct mw_anchors {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	struct mw_anchors_stats stats;
	/* the newest */
	char note[MW_NOTE_MAX + 1];
	size_t n_note;
	uint64_t size, pushed; /* pushed: how many there were */
	bool stopping, given_up; /* given_up: the time for stopping is over */
	char *dir;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	size_t n;
	struct mw_anchor anchor[];
};

int64_t mw_anchor_now_ms(void);
/* Writes why it failed. Returns e. */
int mw_anchor_why(struct mw_anchor *a, int e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each delivers a->note. 0, or a negative errno with a->why. */
int mw_anchor_to_file(struct mw_anchor *a);
int mw_anchor_to_journal(struct mw_anchor *a);
int mw_anchor_to_syslog(struct mw_anchor *a);
int mw_anchor_to_witness(struct mw_anchor *a);

#endif
