/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/anchors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "io/file.h"

#define STOP_MS 5000

struct mw_cli_anchor_set {
	struct mw_anchor_list list; /* borrowed by those that run */
	struct mw_anchors *running; /* NULL: there are none */
};

static void on_sealed(void *ctx, const char *checkpoint, size_t n, uint64_t size)
{
	struct mw_cli_anchors *x = ctx;

	pthread_mutex_lock(&x->lock);
	if (x->set->running)
		mw_anchors_push(x->set->running, checkpoint, n, size);
	pthread_mutex_unlock(&x->lock);
}

static int start(struct mw_anchor_list *list, const char *dir, struct mw_cli_anchor_set **ret)
{
	struct mw_cli_anchor_set *set = calloc(1, sizeof(*set));
	int r = 0;

	if (!set)
		return -ENOMEM;
	set->list = *list;
	if (list->n)
		r = mw_anchors_new(&set->list, dir, mw_cli_say, NULL, &set->running);
	if (r < 0) {
		free(set);
		return r;
	}
	*list = (struct mw_anchor_list){ 0 };
	*ret = set;
	return 0;
}

int mw_cli_anchors_start(struct mw_cli_anchors *x, struct mw_anchor_list *list,
			 struct mw_sink_log_config *log)
{
	int r;

	x->dir = strdup(log->dir);
	r = x->dir ? start(list, x->dir, &x->set) : -ENOMEM;
	if (r < 0) {
		mw_cli_fail("cannot start the anchors: %s", strerror(-r));
		return r;
	}
	pthread_mutex_init(&x->lock, NULL);
	log->sealed = on_sealed;
	log->sealed_ctx = x;
	return 0;
}

/* Those that have not got it in time may hang still: they keep what they were given. */
static void stop(struct mw_cli_anchor_set *set, unsigned int timeout_ms)
{
	size_t n = mw_anchors_stop(set->running, timeout_ms);

	if (n) {
		fprintf(stderr, "mcpwatch: %zu of %zu anchors have not got the last checkpoint\n",
			n, set->list.n);
		return;
	}
	mw_anchor_list_done(&set->list);
	free(set);
}

static void *stop_thread(void *set)
{
	stop(set, STOP_MS);
	return NULL;
}

int mw_cli_anchors_prepare(struct mw_cli_anchors *x, struct mw_anchor_list *list)
{
	mw_cli_anchors_cancel(x);
	return start(list, x->dir, &x->next);
}

void mw_cli_anchors_commit(struct mw_cli_anchors *x)
{
	struct mw_cli_anchor_set *old;
	pthread_t thread;

	if (!x->next)
		return;
	pthread_mutex_lock(&x->lock);
	old = x->set;
	x->set = x->next;
	pthread_mutex_unlock(&x->lock);
	x->next = NULL;
	if (pthread_create(&thread, NULL, stop_thread, old) == 0)
		pthread_detach(thread);
	else
		stop(old, 0);
}

/* They were never given anything. */
void mw_cli_anchors_cancel(struct mw_cli_anchors *x)
{
	if (x->next)
		stop(x->next, STOP_MS);
	x->next = NULL;
}

void mw_cli_anchors_stats(struct mw_cli_anchors *x, struct mw_anchors_stats *ret, size_t *ret_n)
{
	pthread_mutex_lock(&x->lock);
	*ret_n = x->set->list.n;
	*ret = (struct mw_anchors_stats){ 0 };
	if (x->set->running)
		mw_anchors_stats(x->set->running, ret);
	pthread_mutex_unlock(&x->lock);
}

void mw_cli_anchors_done(struct mw_cli_anchors *x)
{
	mw_cli_anchors_cancel(x);
	if (x->set) {
		stop(x->set, STOP_MS);
		pthread_mutex_destroy(&x->lock);
	}
	free(x->dir);
}
