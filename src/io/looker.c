/* SPDX-License-Identifier: Apache-2.0 */
#include "io/looker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state { IDLE = 0, ASKED, LOOKING, ANSWERED };

struct slot {
	enum state state;
	bool forgotten; /* nobody waits for its answer */
	bool running;	/* it has a thread */
	uint32_t pid;
	uint64_t start_ns;
	int r;
	uint8_t *found; /* the answer, and behind it where the next one is made */
	pthread_cond_t asked;
	struct mw_looker *of;
};

struct mw_looker {
	mw_look_fn *fn;
	size_t len;
	pthread_mutex_t lock;
	pthread_cond_t answered; /* by CLOCK_MONOTONIC */
	struct slot slot[MW_LOOKER_THREADS];
	int n_running;
	bool ending;
};

static void destroy(struct mw_looker *l)
{
	for (size_t i = 0; i < MW_LOOKER_THREADS; i++) {
		pthread_cond_destroy(&l->slot[i].asked);
		free(l->slot[i].found);
	}
	pthread_cond_destroy(&l->answered);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

int mw_looker_new(mw_look_fn *fn, size_t len, struct mw_looker **ret)
{
	struct mw_looker *l = calloc(1, sizeof(*l));
	pthread_condattr_t attr;

	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->len = len;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->answered, &attr);
	pthread_condattr_destroy(&attr);
	for (size_t i = 0; i < MW_LOOKER_THREADS; i++) {
		pthread_cond_init(&l->slot[i].asked, NULL);
		l->slot[i].of = l;
	}
	*ret = l;
	return 0;
}

void mw_looker_free(struct mw_looker *l)
{
	bool last;

	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->ending = true;
	for (size_t i = 0; i < MW_LOOKER_THREADS; i++)
		pthread_cond_signal(&l->slot[i].asked);
	last = l->n_running == 0;
	pthread_mutex_unlock(&l->lock);
	if (last)
		destroy(l);
}

static void *work(void *arg)
{
	struct slot *s = arg;
	struct mw_looker *l = s->of;
	bool last;
	int r;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (s->state != ASKED && !l->ending)
			pthread_cond_wait(&s->asked, &l->lock);
		if (l->ending)
			break;
		s->state = LOOKING;
		pthread_mutex_unlock(&l->lock);
		r = l->fn(s->pid, s->start_ns, s->found + l->len);
		pthread_mutex_lock(&l->lock);
		s->state = s->forgotten ? IDLE : ANSWERED;
		s->r = r;
		if (r == 0)
			memcpy(s->found, s->found + l->len, l->len);
		pthread_cond_broadcast(&l->answered);
	}
	last = --l->n_running == 0;
	pthread_mutex_unlock(&l->lock);
	if (last)
		destroy(l);
	return NULL;
}

/* The signals are the main thread's. */
static int begin_thread(struct mw_looker *l, struct slot *s)
{
	sigset_t all, was;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (!s->found)
		s->found = calloc(2, l->len);
	if (!s->found)
		return -ENOMEM;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 << 10);
	r = pthread_create(&thread, &attr, work, s);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (r)
		return -r;
	s->running = true;
	l->n_running++;
	return 0;
}

static struct slot *find(struct mw_looker *l, uint32_t pid, uint64_t start_ns)
{
	for (size_t i = 0; i < MW_LOOKER_THREADS; i++) {
		struct slot *s = &l->slot[i];

		if (s->state != IDLE && s->pid == pid && s->start_ns == start_ns)
			return s;
	}
	return NULL;
}

/* One with a thread already, if there is any. */
static struct slot *find_idle(struct mw_looker *l)
{
	struct slot *idle = NULL;

	for (size_t i = 0; i < MW_LOOKER_THREADS; i++)
		if (l->slot[i].state == IDLE && (!idle || (l->slot[i].running && !idle->running)))
			idle = &l->slot[i];
	return idle;
}

static struct timespec after_ms(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms * 1000000l;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static int ask(struct mw_looker *l, uint32_t pid, uint64_t start_ns, int wait_ms, void *ret)
{
	struct timespec until;
	struct slot *s = find(l, pid, start_ns);
	int r;

	if (s && s->forgotten)
		return -EINPROGRESS; /* stuck in a look at what it ran before */
	if (!s) {
		s = find_idle(l);
		if (!s)
			return -EBUSY;
		if (!s->running && (r = begin_thread(l, s)) < 0)
			return r;
		s->state = ASKED;
		s->forgotten = false;
		s->pid = pid;
		s->start_ns = start_ns;
		pthread_cond_signal(&s->asked);
		until = after_ms(wait_ms);
		while (s->state != ANSWERED &&
		       pthread_cond_timedwait(&l->answered, &l->lock, &until) == 0)
			;
	}
	if (s->state != ANSWERED)
		return -EINPROGRESS;
	s->state = IDLE;
	if (s->r == 0)
		memcpy(ret, s->found, l->len);
	return s->r;
}

int mw_looker_ask(struct mw_looker *l, uint32_t pid, uint64_t start_ns, int wait_ms, void *ret)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = ask(l, pid, start_ns, wait_ms, ret);
	pthread_mutex_unlock(&l->lock);
	return r;
}

void mw_looker_forget(struct mw_looker *l, uint32_t pid, uint64_t start_ns)
{
	struct slot *s;

	pthread_mutex_lock(&l->lock);
	s = find(l, pid, start_ns);
	if (s && s->state == ANSWERED)
		s->state = IDLE;
	else if (s)
		s->forgotten = true;
	pthread_mutex_unlock(&l->lock);
}
