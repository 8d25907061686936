/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_alert_thread.c - a queue and a thread for each outlet
 *
 * The rate is GCRA's: full_ns is when the bucket would be full again. An alert costs 60 s / rate,
 * and is allowed while the bucket lacks less than burst - 1 alerts.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "io/alert_text.h"
#include "io/sink_alert_priv.h"

#define MS	     1000000ll
#define MINUTE_NS    60000000000ll
#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000
#define SAY_MS	     60000
/* For threads whose helpers have been killed. */
#define KILLED_MS 500

int64_t mw_alert_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* --- the queue: all guarded ---------------------------------------------------------------------
 */

/* When the rate allows one more. */
static int64_t allowed_ns(const struct mw_alert_out *o)
{
	return o->full_ns - (int64_t)(o->cfg->burst - 1) * (MINUTE_NS / o->cfg->rate);
}

static bool has_room(const struct mw_alert_out *o, size_t len)
{
	return o->n < MW_ALERT_QUEUE_MAX && o->bytes + len <= MW_ALERT_QUEUE_BYTES;
}

static void enqueue(struct mw_alert_out *o, struct mw_alert_item *item, int64_t now)
{
	o->full_ns = (o->full_ns > now ? o->full_ns : now) + MINUTE_NS / o->cfg->rate;
	item->next = NULL;
	*o->last = item;
	o->last = &item->next;
	o->n++;
	o->bytes += item->len;
}

static void not_sent(struct mw_alert_out *o, uint64_t n, int error)
{
	o->more += n;
	o->untold += n;
	o->stats.not_sent += n;
	if (n)
		o->error = error;
}

static struct mw_alert_item *item_of(const struct mw_record *record, int64_t now)
{
	struct mw_alert_item *item = malloc(sizeof(*item) + record->len);

	if (!item)
		return NULL;
	*item = (struct mw_alert_item){ .since_ms = now / MS,
					.severity = record->alert,
					.len = record->len };
	memcpy(item->json, record->json, record->len);
	return item;
}

/* Held until the rate allows, if nothing as severe is held already. Whether nothing was. */
static bool hold(struct mw_alert_out *o, const struct mw_record *record, int64_t now, int error)
{
	bool first = !o->held;

	struct mw_alert_item *item;

	if (o->held && o->held->severity >= record->alert) {
		not_sent(o, 1, error);
		return false;
	}
	item = item_of(record, now);
	if (!item) {
		not_sent(o, 1, -ENOMEM);
		return false;
	}
	if (o->held)
		not_sent(o, 1, error);
	free(o->held);
	o->held = item;
	return first;
}

/* What is held, if it may go now. */
static void promote(struct mw_alert_out *o, int64_t now)
{
	if (!o->held || (!o->stopping && allowed_ns(o) > now) || !has_room(o, o->held->len))
		return;
	enqueue(o, o->held, now);
	o->held = NULL;
}

void mw_alert_out_push(struct mw_alert_out *o, const struct mw_record *record)
{
	int64_t now = mw_alert_now_ns();
	struct mw_alert_item *item;
	bool room, wake;

	pthread_mutex_lock(&o->lock);
	if (o->stopping) {
		not_sent(o, 1, -ESHUTDOWN);
		pthread_mutex_unlock(&o->lock);
		return;
	}
	promote(o, now);
	room = has_room(o, record->len);
	if (room && !o->held && allowed_ns(o) <= now) {
		item = item_of(record, now);
		wake = item != NULL;
		if (item)
			enqueue(o, item, now);
		else
			not_sent(o, 1, -ENOMEM);
	} else {
		wake = hold(o, record, now, room ? 0 : o->failing ? o->failing : -ENOBUFS);
	}
	if (wake)
		pthread_cond_signal(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

static void drop_first(struct mw_alert_out *o)
{
	struct mw_alert_item *item = o->first;

	o->first = item->next;
	if (!o->first)
		o->last = &o->first;
	o->n--;
	o->bytes -= item->len;
	free(item);
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static void say(struct mw_alert_out *o, bool works, size_t waiting)
{
	int64_t now = mw_alert_now_ns() / MS;
	char line[MW_ALERT_WHY_MAX + 512];

	if (!o->set->say || (o->said_ms && now - o->said_ms < SAY_MS && !works))
		return;
	if (works)
		snprintf(line, sizeof(line),
			 "alerts to %s: works again, after %" PRIu64 " failures", o->cfg->name,
			 o->n_failing);
	else
		snprintf(line, sizeof(line), "alerts to %s: %s: %s; %zu wait", o->cfg->name, o->why,
			 o->for_good ? "an alert did not get there" : "it is tried again", waiting);
	o->set->say(o->set->say_ctx, line);
	o->said_ms = works ? 0 : now;
}

static void wait_until(struct mw_alert_out *o, int64_t until_ns)
{
	struct timespec ts = { until_ns / 1000000000, until_ns % 1000000000 };

	pthread_cond_timedwait(&o->changed, &o->lock, &ts);
}

/* Guarded: the next one to deliver, waited for; NULL: it is to end and there is none, or no time.
 */
static struct mw_alert_item *next(struct mw_alert_out *o)
{
	for (;;) {
		if (o->given_up)
			return NULL;
		promote(o, mw_alert_now_ns());
		if (o->first || o->stopping)
			return o->first;
		if (o->held)
			wait_until(o, allowed_ns(o));
		else
			pthread_cond_wait(&o->changed, &o->lock);
	}
}

/* Guarded: what came of a try. False: it is to end. */
static bool judge(struct mw_alert_out *o, int r, uint64_t more, int64_t *pause_ms)
{
	const int64_t now = mw_alert_now_ns();
	int64_t until;

	o->failing = r;
	if (r == 0) {
		o->stats.sent++;
		o->more -= more;
		drop_first(o);
		*pause_ms = RETRY_MIN_MS;
		return true;
	}
	o->stats.failed++;
	if (o->for_good || now / MS - o->first->since_ms > MW_ALERT_KEEP_MS) {
		drop_first(o);
		not_sent(o, 1, r);
	}
	if (o->for_good)
		return true;
	if (o->stopping)
		return false; /* the others would fare no better */
	for (until = now + *pause_ms * MS; !o->stopping && mw_alert_now_ns() < until;)
		wait_until(o, until);
	*pause_ms = *pause_ms * 2 < RETRY_MAX_MS ? *pause_ms * 2 : RETRY_MAX_MS;
	return true;
}

/* Guarded: all that is left was not delivered. */
static void give_up(struct mw_alert_out *o, int error)
{
	size_t n = o->n + (o->held != NULL);

	while (o->first)
		drop_first(o);
	free(o->held);
	o->held = NULL;
	if (!o->is_left)
		not_sent(o, n, error);
}

static void *run(void *p)
{
	struct mw_alert_out *o = p;
	char *buf = malloc(MW_ALERT_TEXT_MAX);
	int64_t pause_ms = RETRY_MIN_MS;
	struct mw_alert_item *item;
	size_t waiting;
	uint64_t more;
	int r = buf ? 0 : -ENOMEM;

	/* the loop's own is raised */
	(void)setpriority(PRIO_PROCESS, 0, 0);
	pthread_mutex_lock(&o->lock);
	while (buf && (item = next(o))) {
		more = o->more;
		waiting = o->n;
		pthread_mutex_unlock(&o->lock);
		o->for_good = false;
		r = mw_alert_deliver(o, item, more, buf);
		if (r < 0) {
			o->n_failing++;
			say(o, false, waiting);
		} else if (o->n_failing) {
			say(o, true, 0);
			o->n_failing = 0;
		}
		pthread_mutex_lock(&o->lock);
		if (!judge(o, r, more, &pause_ms))
			break;
	}
	give_up(o, r < 0 ? r : -ESHUTDOWN);
	pthread_mutex_unlock(&o->lock);
	mw_helper_end(&o->helper);
	free(buf);
	pthread_mutex_lock(&o->lock);
	o->is_done = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

/* --- all outlets --------------------------------------------------------------------------------
 */

/* The threads take no signals: those are the daemon's loop's. */
static int start(struct mw_alert_out *o)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int r;

	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&o->changed, &attr);
	pthread_condattr_destroy(&attr);
	mw_helper_init(&o->helper);
	o->last = &o->first;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&o->thread, NULL, run, o);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int mw_alert_set_new(struct mw_alert_list *list, void (*said)(void *ctx, const char *line),
		     void *ctx, struct mw_alert_set **ret)
{
	struct mw_alert_set *set = calloc(1, sizeof(*set) + list->n * sizeof(set->out[0]));
	size_t i;
	int r = 0;

	if (!set)
		return -ENOMEM;
	set->say = said;
	set->say_ctx = ctx;
	for (i = 0; i < list->n && r == 0; i++) {
		set->out[i].set = set;
		set->out[i].cfg = &list->outlet[i];
		r = start(&set->out[i]);
		if (r == 0)
			set->n++;
	}
	if (r < 0) {
		mw_alert_set_stop(set, mw_alert_now_ns() / MS + MW_ALERT_STOP_MS);
		(void)mw_alert_set_done(set, true);
		mw_alert_set_free(set); /* the list is still its owner's */
		return r;
	}
	set->list = list;
	*ret = set;
	return 0;
}

void mw_alert_set_stop(struct mw_alert_set *set, int64_t until_ms)
{
	size_t i;

	if (!set->until_ms)
		set->until_ms = until_ms;
	for (i = 0; i < set->n; i++) {
		pthread_mutex_lock(&set->out[i].lock);
		set->out[i].stopping = true;
		pthread_cond_broadcast(&set->out[i].changed);
		pthread_mutex_unlock(&set->out[i].lock);
	}
}

static bool is_done(struct mw_alert_set *set, bool wait)
{
	struct timespec ts = { set->until_ms / 1000, set->until_ms % 1000 * MS };
	bool all = true;
	size_t i;
	int r;

	for (i = 0; i < set->n; i++) {
		struct mw_alert_out *o = &set->out[i];

		pthread_mutex_lock(&o->lock);
		for (r = 0; wait && !o->is_done && r == 0;)
			r = pthread_cond_timedwait(&o->changed, &o->lock, &ts);
		all &= o->is_done;
		pthread_mutex_unlock(&o->lock);
	}
	return all;
}

/* The time is over: a helper that is waited for ends, and so does the waiting. */
static void kill_helpers(struct mw_alert_set *set)
{
	size_t i;

	for (i = 0; i < set->n; i++) {
		pthread_mutex_lock(&set->out[i].lock);
		set->out[i].given_up = true;
		if (!set->out[i].is_done)
			mw_helper_kill(&set->out[i].helper);
		pthread_mutex_unlock(&set->out[i].lock);
	}
	set->until_ms = mw_alert_now_ns() / MS + KILLED_MS;
	set->killed = true;
}

bool mw_alert_set_done(struct mw_alert_set *set, bool wait)
{
	size_t i;

	if (is_done(set, wait))
		return true;
	if (!set->killed && mw_alert_now_ns() / MS >= set->until_ms)
		kill_helpers(set);
	if (is_done(set, wait))
		return true;
	if (!set->killed || mw_alert_now_ns() / MS < set->until_ms)
		return false;
	/* left behind: what it holds it does not deliver */
	for (i = 0; i < set->n; i++) {
		struct mw_alert_out *o = &set->out[i];

		pthread_mutex_lock(&o->lock);
		if (!o->is_done && !o->is_left)
			not_sent(o, o->n + (o->held != NULL), -ETIMEDOUT);
		o->is_left = true;
		pthread_mutex_unlock(&o->lock);
	}
	return true;
}

void mw_alert_set_free(struct mw_alert_set *set)
{
	bool all = is_done(set, false);
	size_t i;

	for (i = 0; i < set->n; i++)
		if (all)
			pthread_join(set->out[i].thread, NULL);
		else
			pthread_detach(set->out[i].thread);
	if (!all)
		return;
	for (i = 0; i < set->n; i++) {
		pthread_cond_destroy(&set->out[i].changed);
		pthread_mutex_destroy(&set->out[i].lock);
		mw_helper_done(&set->out[i].helper);
	}
	mw_alert_list_free(set->list);
	free(set);
}
