/* SPDX-License-Identifier: Apache-2.0 */
/* anchor.c - a thread for each anchor, the newest checkpoint for all */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/anchor_priv.h"
#include "io/net_helper.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define SAY_MS	     60000

int64_t mw_anchor_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int mw_anchor_why(struct mw_anchor *a, int e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	return e;
}

static int deliver(struct mw_anchor *a)
{
	switch (a->cfg->type) {
	case MW_ANCHOR_SYSLOG:
		return mw_anchor_to_syslog(a);
	case MW_ANCHOR_JOURNAL:
		return mw_anchor_to_journal(a);
	case MW_ANCHOR_FILE:
		return mw_anchor_to_file(a);
	case MW_ANCHOR_WITNESS:
		return mw_anchor_to_witness(a);
	}
	return -EINVAL;
}

static void say(struct mw_anchor *a, bool works)
{
	int64_t now = mw_anchor_now_ms();
	char line[MW_NET_ADDRESS_MAX + MW_ANCHOR_WHY_MAX + 128];

	if (!a->all->say || (a->said_ms && now - a->said_ms < SAY_MS && !works))
		return;
	if (works)
		snprintf(line, sizeof(line), "anchor %s: works again, after %" PRIu64 " failures",
			 a->cfg->address, a->n_failing);
	else
		snprintf(line, sizeof(line),
			 "anchor %s: %s: the checkpoint of %" PRIu64 " records did not get there; "
			 "the newest one is tried again",
			 a->cfg->address, a->why, a->size);
	a->all->say(a->all->say_ctx, line);
	a->said_ms = works ? 0 : now;
}

/* Until something is pushed behind `at`, the time has come (negative: none), or it is to end. */
static void wait_until(struct mw_anchors *all, uint64_t at, int64_t until_ms)
{
	struct timespec ts = { until_ms / 1000, until_ms % 1000 * 1000000 };
	int r = 0;

	while (!all->stopping && r == 0 && (until_ms >= 0 || all->pushed == at))
		r = until_ms >= 0 ? pthread_cond_timedwait(&all->changed, &all->lock, &ts)
				  : pthread_cond_wait(&all->changed, &all->lock);
}

static void *run(void *p)
{
	struct mw_anchor *a = p;
	struct mw_anchors *all = a->all;
	int64_t begin, retry = RETRY_MIN_MS;
	uint64_t taken;
	bool last;
	int r;

	pthread_mutex_lock(&all->lock);
	for (;;) {
		wait_until(all, a->at, -1);
		last = all->stopping;
		if (a->at == all->pushed || all->given_up)
			break; /* it is to end, and nothing is left, or no time */
		memcpy(a->note, all->note, all->n_note + 1);
		a->n = all->n_note;
		a->size = all->size;
		taken = all->pushed;
		pthread_mutex_unlock(&all->lock);
		begin = mw_anchor_now_ms();
		r = deliver(a);
		if (r < 0) {
			a->n_failing++;
			say(a, false);
		} else if (a->n_failing) {
			say(a, true);
			a->n_failing = 0;
		}
		pthread_mutex_lock(&all->lock);
		if (r < 0)
			all->stats.failed++;
		else
			all->stats.sent++;
		if (r == 0) {
			a->at = taken;
			retry = RETRY_MIN_MS;
		} else if (last) {
			break;
		}
		wait_until(all, 0, begin + (r < 0 ? retry : a->cfg->every_ms));
		if (r < 0)
			retry = retry * 2 < RETRY_MAX_MS ? retry * 2 : RETRY_MAX_MS;
	}
	pthread_mutex_unlock(&all->lock);
	mw_helper_end(&a->helper);
	if (a->dir_fd >= 0)
		close(a->dir_fd);
	pthread_mutex_lock(&all->lock);
	a->is_done = true;
	pthread_cond_broadcast(&all->changed);
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* The threads take no signals: those are the daemon's loop's. */
static int start(struct mw_anchor *a)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

static void free_all(struct mw_anchors *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		mw_helper_done(&a->anchor[i].helper);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a->dir);
	free(a);
}

int mw_anchors_new(const struct mw_anchor_list *list, const char *dir,
		   void (*said)(void *ctx, const char *line), void *ctx, struct mw_anchors **ret)
{
	struct mw_anchors *a = calloc(1, sizeof(*a) + list->n * sizeof(a->anchor[0]));
	pthread_condattr_t attr;
	size_t i;
	int r = 0;

	if (!a)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->changed, &attr);
	pthread_condattr_destroy(&attr);
	a->say = said;
	a->say_ctx = ctx;
	a->dir = strdup(dir);
	if (!a->dir) {
		free_all(a);
		return -ENOMEM;
	}
	for (i = 0; i < list->n && r == 0; i++) {
		a->anchor[i].all = a;
		a->anchor[i].cfg = &list->anchor[i];
		a->anchor[i].dir_fd = -1;
		mw_helper_init(&a->anchor[i].helper);
		r = start(&a->anchor[i]);
		if (r == 0)
			a->n++;
	}
	if (r < 0) {
		mw_anchors_stop(a, 1000);
		return r;
	}
	*ret = a;
	return 0;
}

void mw_anchors_push(struct mw_anchors *a, const char *checkpoint, size_t n, uint64_t size)
{
	if (n > MW_NOTE_MAX)
		return;
	pthread_mutex_lock(&a->lock);
	memcpy(a->note, checkpoint, n);
	a->note[n] = '\0';
	a->n_note = n;
	a->size = size;
	a->pushed++;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void mw_anchors_stats(const struct mw_anchors *a, struct mw_anchors_stats *ret)
{
	struct mw_anchors *all = (struct mw_anchors *)a; /* the lock alone is changed */

	pthread_mutex_lock(&all->lock);
	*ret = a->stats;
	pthread_mutex_unlock(&all->lock);
}

/* Guarded by the lock: whether all threads have ended. */
static bool all_done(const struct mw_anchors *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (!a->anchor[i].is_done)
			return false;
	return true;
}

/* Until then, or until the time has come. */
static bool wait_done(struct mw_anchors *a, int64_t until_ms)
{
	struct timespec ts = { until_ms / 1000, until_ms % 1000 * 1000000 };
	int r = 0;

	while (!all_done(a) && r == 0)
		r = pthread_cond_timedwait(&a->changed, &a->lock, &ts);
	return all_done(a);
}

size_t mw_anchors_stop(struct mw_anchors *a, unsigned int timeout_ms)
{
	int64_t now = mw_anchor_now_ms();
	size_t i, n_behind = 0;
	bool done;

	if (!a)
		return 0;
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_broadcast(&a->changed);
	done = wait_done(a, now + timeout_ms);
	if (!done) {
		/* a helper that is waited for ends, and so does the waiting */
		for (i = 0; i < a->n; i++)
			if (!a->anchor[i].is_done)
				mw_helper_kill(&a->anchor[i].helper);
		a->given_up = true;
		done = wait_done(a, mw_anchor_now_ms() + 500);
	}
	for (i = 0; i < a->n; i++)
		n_behind += a->anchor[i].at != a->pushed;
	pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->n; i++)
		if (done)
			pthread_join(a->anchor[i].thread, NULL);
		else
			pthread_detach(a->anchor[i].thread);
	if (done)
		free_all(a);
	return n_behind;
}
