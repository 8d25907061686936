/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logread_prove.c - verifies in a thread of its own what is read
 *
 * Hashing and the seals' signatures take as long as everything else that is done with a line. The
 * thread works only between mw_lr_prove_lines and mw_lr_prove_wait: behind the latter the verifier
 * is the caller's.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "io/logread_priv.h"

struct job {
	struct mw_lr_block *block;
	size_t from, to;
};

struct mw_lr_prove {
	struct mw_verify *v;
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock; /* of what follows, and of mw_lr_block.held */
	pthread_cond_t more, done;
	struct job job[MW_LR_BLOCKS];
	size_t first, n; /* the first one is being worked at until it is taken off */
	bool quit;
	atomic_bool tampered;
};

void mw_lr_prove_look(struct mw_lr_prove *p)
{
	if (mw_verify_report(p->v)->verdict == MW_LOG_TAMPERED)
		atomic_store_explicit(&p->tampered, true, memory_order_release);
}

static void work(struct mw_lr_prove *p, const struct job *job)
{
	size_t i, n;

	for (i = job->from; i < job->to; i++) {
		const char *line = mw_lr_line(job->block, i, &n);

		mw_verify_line(p->v, line, n);
	}
	mw_lr_prove_look(p);
}

static void *loop(void *arg)
{
	struct mw_lr_prove *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct job *job = &p->job[p->first];

		while (!p->n && !p->quit)
			pthread_cond_wait(&p->more, &p->lock);
		if (p->quit)
			break;
		pthread_mutex_unlock(&p->lock);
		work(p, job);
		pthread_mutex_lock(&p->lock);
		job->block->held--;
		p->first = (p->first + 1) % MW_LR_BLOCKS;
		p->n--;
		pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct mw_lr_prove *mw_lr_prove_new(struct mw_verify *v)
{
	struct mw_lr_prove *p = calloc(1, sizeof(*p));
	sigset_t all, old;

	if (!p) {
		mw_verify_free(v);
		return NULL;
	}
	p->v = v;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->done, NULL);
	/* signals are for who started the reading */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->threaded = pthread_create(&p->thread, NULL, loop, p) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return p;
}

void mw_lr_prove_lines(struct mw_lr_prove *p, struct mw_lr_block *b, size_t from, size_t to)
{
	const struct job job = { b, from, to };

	if (from == to)
		return;
	if (!p->threaded) {
		work(p, &job);
		return;
	}
	pthread_mutex_lock(&p->lock);
	while (p->n == MW_LR_BLOCKS)
		pthread_cond_wait(&p->done, &p->lock);
	p->job[(p->first + p->n++) % MW_LR_BLOCKS] = job;
	b->held++;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void mw_lr_prove_release(struct mw_lr_prove *p, const struct mw_lr_block *b)
{
	pthread_mutex_lock(&p->lock);
	while (b->held)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

struct mw_verify *mw_lr_prove_wait(struct mw_lr_prove *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->n)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return p->v;
}

const struct mw_verify_report *mw_lr_prove_tampered(const struct mw_lr_prove *p)
{
	return atomic_load_explicit(&p->tampered, memory_order_acquire) ? mw_verify_report(p->v)
									: NULL;
}

void mw_lr_prove_free(struct mw_lr_prove *p)
{
	if (!p)
		return;
	if (p->threaded) {
		pthread_mutex_lock(&p->lock);
		p->quit = true;
		pthread_cond_signal(&p->more);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->more);
	pthread_cond_destroy(&p->done);
	mw_verify_free(p->v);
	free(p);
}
