/* SPDX-License-Identifier: Apache-2.0 */
/* sink_alert_priv.h - the queues and threads (sink_alert.c, sink_alert_thread.c) and what each kind
 * of outlet does (sink_alert_out.c) */
#ifndef MW_IO_SINK_ALERT_PRIV_H
#define MW_IO_SINK_ALERT_PRIV_H

#include <pthread.h>

#include <mcpwatch/record.h>

#include "io/helper.h"
#include "io/sink_alert.h"

#define MW_ALERT_WHY_MAX 256

/* An alert that waits. */
struct mw_alert_item {
	struct mw_alert_item *next;
	int64_t since_ms;
	unsigned int severity;
	size_t len;
	char json[];
};

struct mw_alert_set;

struct mw_alert_out {
	const struct mw_alert_outlet *cfg;
	struct mw_alert_set *set;
	pthread_t thread;
	/* the thread's own */
	struct mw_helper helper;
	char why[MW_ALERT_WHY_MAX]; /* of the last failure */
	bool for_good;		    /* it is of no use to try again */
	bool torn;		    /* STDERR: half a line stands there */
	uint64_t n_failing;	    /* tries since it worked */
	int64_t said_ms;
	/* guarded */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	struct mw_alert_item *first, **last;
	size_t n, bytes;
	struct mw_alert_item *held; /* goes when the rate allows */
	int64_t full_ns;	    /* when the bucket would be full again: the rate (GCRA's TAT) */
	uint64_t more;		    /* not sent since a message went */
	uint64_t untold;	    /* not sent, and not told to the core */
	int error;		    /* of the last of them */
	int failing;		    /* of the last try; 0 */
	struct mw_alert_stats stats;
	bool stopping, given_up, is_done;
	bool is_left; /* it was left behind, and what it holds counted */
	/* the sink's own */
	uint64_t told_ns; /* 0: never */
	unsigned int told_after_stop;
};

/* The outlets of one list. */
struct mw_alert_set {
	struct mw_alert_list *list;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	int64_t until_ms; /* stopping: when to give up */
	bool killed;
	size_t n;
	struct mw_alert_out out[];
};

int64_t mw_alert_now_ns(void);

/* --- sink_alert_thread.c --- */
/* Starts the threads of a list. */
int mw_alert_set_new(struct mw_alert_list *list, void (*say)(void *ctx, const char *line),
		     void *ctx, struct mw_alert_set **ret);
/* An alert for an outlet; never waits. */
void mw_alert_out_push(struct mw_alert_out *o, const struct mw_record *record);
/* All are to end, at this time at the latest. */
void mw_alert_set_stop(struct mw_alert_set *set, int64_t until_ms);
/* Whether all have ended, or are left behind since the time is over; waits for that if asked. */
bool mw_alert_set_done(struct mw_alert_set *set, bool wait);
/* After that. What was left behind keeps its memory. */
void mw_alert_set_free(struct mw_alert_set *set);

/* --- sink_alert_out.c --- */
/* Delivers one; buf has MW_ALERT_TEXT_MAX bytes. 0, or a negative errno with o->why, o->for_good.
 */
int mw_alert_deliver(struct mw_alert_out *o, const struct mw_alert_item *item, uint64_t more,
		     char *buf);

#endif
