/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_ahead.c - the identity's signatures of the seals that come, before they are needed
 *
 * Of what a log costs to verify nearly half are signatures, two a seal. Which key signs an epoch
 * stands in the records before it; the identity is known from the start, so its half can be done by
 * another thread. What it finds out goes with the very text it looked at, and counts for nothing
 * else.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/json.h"
#include "io/heap.h"
#include "io/verify_priv.h"

/* Notes that are done and not asked for yet; a line that is longer than ours are ends it. */
#define NOTES_MAX    32
#define LINE_MAX_LEN 4096

struct done {
	uint64_t line_no;
	int r; /* of mw_note_verify */
	size_t n;
	char text[LINE_MAX_LEN];
};

struct mw_vf_ahead {
	int fd; /* borrowed */
	off_t off;
	struct mw_vkey identity;
	pthread_t thread;
	struct mw_buf text; /* of the thread, and so is: */
	char buf[LINE_MAX_LEN];
	size_t len;
	uint64_t line_no;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t room;
	struct done done[NOTES_MAX];
	size_t first, n;
	uint64_t asked; /* the newest line asked for: it and those before are of no use any more */
	bool quit;
};

/* The next whole line, in a->buf; false: there is none that is of use. */
static bool next_line(struct mw_vf_ahead *a, size_t *line_len)
{
	char *nl;
	ssize_t n;

	memmove(a->buf, a->buf + *line_len, a->len - *line_len);
	a->len -= *line_len;
	while (!(nl = memchr(a->buf, '\n', a->len))) {
		if (a->len == sizeof(a->buf))
			return false;
		do
			n = pread(a->fd, a->buf + a->len, sizeof(a->buf) - a->len, a->off);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return false;
		a->off += n;
		a->len += (size_t)n;
	}
	*line_len = (size_t)(nl - a->buf) + 1;
	a->line_no++;
	return true;
}

/* What the identity's signature is worth; false: that is for the other thread to say. */
static bool look(struct mw_vf_ahead *a, struct mw_slice line, int *ret)
{
	struct mw_slice checkpoint;
	struct mw_note note;

	mw_buf_reset(&a->text, LINE_MAX_LEN);
	if (mw_json_member(line, "checkpoint", &checkpoint, NULL) < 0 ||
	    mw_json_str_decode(checkpoint, &a->text) < 0 ||
	    mw_note_parse((const char *)a->text.p, a->text.len, &note) < 0)
		return false;
	*ret = mw_note_verify(&note, &a->identity, NULL);
	return *ret != -ENOMEM;
}

static void keep(struct mw_vf_ahead *a, int r)
{
	struct done *d = &a->done[(a->first + a->n) % NOTES_MAX];

	d->line_no = a->line_no;
	d->r = r;
	d->n = a->text.len;
	memcpy(d->text, a->text.p, d->n);
	a->n++;
}

static void *loop(void *arg)
{
	struct mw_vf_ahead *a = arg;
	size_t line_len = 0;
	bool wanted, known;
	int r;

	pthread_mutex_lock(&a->lock);
	while (!a->quit) {
		pthread_mutex_unlock(&a->lock);
		if (!next_line(a, &line_len))
			return NULL;
		pthread_mutex_lock(&a->lock);
		wanted = a->line_no > a->asked;
		pthread_mutex_unlock(&a->lock);
		known = wanted && look(a, mw_slice(a->buf, line_len - 1), &r);
		pthread_mutex_lock(&a->lock);
		while (a->n == NOTES_MAX && !a->quit)
			pthread_cond_wait(&a->room, &a->lock);
		if (known && a->line_no > a->asked)
			keep(a, r);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct mw_vf_ahead *mw_vf_ahead_new(int fd, off_t off, uint64_t line_no,
				    const struct mw_vkey *identity)
{
	struct mw_vf_ahead *a = calloc(1, sizeof(*a));
	sigset_t all, old;
	int r;

	if (!a)
		return NULL;
	a->fd = fd;
	a->off = off;
	a->line_no = a->asked = line_no;
	a->identity = *identity;
	mw_buf_init(&a->text, &mw_heap, LINE_MAX_LEN);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->room, NULL);
	/* signals are for who started the reading */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&a->thread, NULL, loop, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		return a;
	pthread_cond_destroy(&a->room);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

bool mw_vf_ahead_get(struct mw_vf_ahead *a, uint64_t line_no, struct mw_slice text, int *ret)
{
	const struct done *d;
	bool known = false;

	pthread_mutex_lock(&a->lock);
	for (; a->n && !known && a->done[a->first].line_no <= line_no; a->n--) {
		d = &a->done[a->first];
		known = d->line_no == line_no && mw_slice_eq(mw_slice(d->text, d->n), text);
		if (known)
			*ret = d->r;
		a->first = (a->first + 1) % NOTES_MAX;
	}
	a->asked = line_no;
	pthread_cond_signal(&a->room);
	pthread_mutex_unlock(&a->lock);
	return known;
}

void mw_vf_ahead_free(struct mw_vf_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	pthread_cond_signal(&a->room);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->room);
	pthread_mutex_destroy(&a->lock);
	mw_buf_done(&a->text);
	free(a);
}
