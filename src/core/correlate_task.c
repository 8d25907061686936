/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_task.c - the tasks of a server's runtime: who came of whom, and what waits for them
 *
 * Invariants
 *  1. `up` is the parent that was told first, and never below the task itself: chains are trees.
 *  2. A claim of a task that is given up waits on without it.
 */
#include "core/correlate_priv.h"

#include <errno.h>

#define TASKS_MAX 16384u
#define DEPTH_MAX 256
/* How many that were used since are passed over before one goes all the same. */
#define CHANCES 64

struct mw_corr_task *mw_corr_task_get(const struct mw_corr_mind *m, uint64_t id)
{
	return m && m->tasks && id ? mw_table_get(m->tasks, &id) : NULL;
}

static void task_free(struct mw_corr_mind *m, struct mw_corr_task *t)
{
	struct mw_corr_task *child;
	struct mw_kin_tie *tie;

	while (t->claims)
		mw_corr_task_del(t->claims);
	while ((tie = t->forks)) {
		t->forks = tie->next;
		tie->next = NULL;
		mw_kin_tie_unref(m->a, tie);
	}
	while ((child = t->child)) {
		t->child = child->sib;
		child->up = child->sib = child->sib_prev = NULL;
	}
	if (t->sib_prev)
		t->sib_prev->sib = t->sib;
	else if (t->up)
		t->up->child = t->sib;
	if (t->sib)
		t->sib->sib_prev = t->sib_prev;
	mw_alloc_free(m->a, t, sizeof(*t));
}

void mw_corr_tasks_free(struct mw_corr_mind *m)
{
	struct mw_corr_task *t;

	while (m->tasks && (t = mw_table_oldest(m->tasks))) {
		mw_table_remove(m->tasks, &t->id);
		task_free(m, t);
	}
	mw_table_free(m->tasks);
	m->tasks = NULL;
}

/* The one unused longest, more or less, but not this one. */
static void evict(struct mw_corr_mind *m, const struct mw_corr_task *keep)
{
	struct mw_corr_task *t = NULL;

	for (int i = 0; i < CHANCES; i++) {
		t = mw_table_oldest(m->tasks);
		if (!t->used && !t->claims && t != keep)
			break;
		mw_table_remove(m->tasks, &t->id);
		t->used = false;
		if (mw_table_put(m->tasks, &t->id, t) < 0) {
			task_free(m, t); /* it cannot be kept */
			return;
		}
	}
	t = mw_table_oldest(m->tasks);
	if (t == keep)
		return;
	mw_table_remove(m->tasks, &t->id);
	task_free(m, t);
}

static struct mw_corr_task *make(struct mw_corr_mind *m, uint64_t id,
				 const struct mw_corr_task *keep)
{
	struct mw_corr_task *t = mw_corr_task_get(m, id);

	if (t)
		return t;
	if (!m->tasks && mw_table_new(m->a, sizeof(uint64_t), TASKS_MAX + 1, &m->tasks) < 0)
		return NULL;
	t = mw_alloc_zero(m->a, sizeof(*t));
	if (!t)
		return NULL;
	t->id = id;
	if (mw_table_count(m->tasks) >= TASKS_MAX)
		evict(m, keep);
	if (mw_table_put(m->tasks, &t->id, t) < 0) {
		mw_alloc_free(m->a, t, sizeof(*t));
		return NULL;
	}
	return t;
}

static void link_up(struct mw_corr_task *t, struct mw_corr_task *up)
{
	const struct mw_corr_task *x = up;

	/* one with nothing below it is below nothing of its own */
	for (int i = 0; t->child && x; i++, x = x->up)
		if (x == t || i == DEPTH_MAX)
			return;
	t->up = up;
	t->sib = up->child;
	if (t->sib)
		t->sib->sib_prev = t;
	up->child = t;
}

struct mw_corr_task *mw_corr_task(struct mw_corr_mind *m, uint64_t id, uint64_t parent)
{
	struct mw_corr_task *t, *up;

	if (!m || !id)
		return NULL;
	t = make(m, id, NULL);
	if (!t)
		return NULL;
	t->used = true;
	if (!parent || t->parent || parent == id)
		return t;
	up = make(m, parent, t);
	if (!up) /* its line ends here: less is known */
		return t;
	t->parent = parent;
	link_up(t, up);
	return t;
}

void mw_corr_task_add(struct mw_corr_task *t, struct mw_claim *cl)
{
	cl->task = t;
	cl->task_prev = t->claims_tail;
	*(cl->task_prev ? &cl->task_prev->task_next : &t->claims) = cl;
	t->claims_tail = cl;
}

void mw_corr_task_del(struct mw_claim *cl)
{
	struct mw_corr_task *t = cl->task;

	*(cl->task_prev ? &cl->task_prev->task_next : &t->claims) = cl->task_next;
	*(cl->task_next ? &cl->task_next->task_prev : &t->claims_tail) = cl->task_prev;
	cl->task = NULL;
	cl->task_prev = cl->task_next = NULL;
}

struct mw_corr_task *mw_corr_task_below(struct mw_corr_task *t, const struct mw_corr_task *root,
					bool into)
{
	if (into && t->child)
		return t->child;
	while (t != root) {
		if (t->sib)
			return t->sib;
		t = t->up;
	}
	return NULL;
}
