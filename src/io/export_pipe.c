/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_pipe.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/export_out.h"

/* More would have to wait for who reads the log, and each costs memory. */
#define WORKERS_MAX 3
/* Each of them at work at one, one waiting for each, one being filled, one being written. */
#define BATCHES_MAX (2 * WORKERS_MAX + 2)
#define ITEMS_MAX   512
#define MEMBERS_MAX (32 * ITEMS_MAX)
/* of lines, each with its NUL; a line is always less */
#define BYTES_MAX    (512u << 10)
#define NAME_MAX_LEN 32

_Static_assert(MEMBERS_MAX >= MW_LOGREC_MEMBERS_MAX && BYTES_MAX > MW_RECORD_MAX, "one always fits");

struct batch {
	struct mw_export_item item[ITEMS_MAX];
	struct mw_logrec rec[ITEMS_MAX];
	char type[ITEMS_MAX][NAME_MAX_LEN];
	struct mw_logrec_member member[MEMBERS_MAX];
	char bytes[BYTES_MAX];
	size_t n, n_members, n_bytes;
	char *file;	      /* where its records stand: of one file each */
	struct mw_outbuf out; /* what they became */
	int error;
	bool done; /* under the lock */
};

struct worker {
	struct mw_export_pipe *pipe;
	struct mw_exporter *e; /* the first one's is the caller's */
	pthread_t thread;
};

/*
 * Batches go round: filled, taken by a worker, done, written; each of these in the order of their
 * numbers but `done`.
 */
struct mw_export_pipe {
	struct mw_exporter *e;
	struct batch *batch[BATCHES_MAX];
	size_t n_batches;
	struct worker worker[WORKERS_MAX];
	size_t n_workers; /* that run */
	size_t n_twins;	  /* of worker[], that have an exporter */
	pthread_t writer;
	bool threaded;
	/* under the lock: */
	uint64_t filled, taken, written;
	int error; /* the first one */
	int why;   /* errno of it, as stdio left it */
	bool end;
	pthread_mutex_t lock;
	pthread_cond_t moved;
};

static int write_out(FILE *to, struct mw_outbuf *o)
{
	int r = mw_out_error(o);

	errno = 0;
	if (r == 0 && o->len && fwrite_unlocked(o->p, 1, o->len, to) != o->len)
		r = -EIO;
	o->len = 0;
	return r < 0 ? r : ferror_unlocked(to) ? -EIO : 0;
}

int mw_export_flush(struct mw_exporter *e)
{
	return write_out(e->to, &e->out);
}

/* --- the threads --------------------------------------------------------------------------------
 */

static int format(struct mw_exporter *e, struct batch *b)
{
	struct mw_outbuf spare;
	int r = 0;

	for (size_t i = 0; i < b->n && r == 0; i++)
		r = e->ops->item(e, &b->item[i]);
	r = r < 0 ? r : mw_out_error(&e->out);
	spare = b->out;
	b->out = e->out;
	e->out = spare;
	return r;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct mw_export_pipe *p = w->pipe;
	struct batch *b;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->taken == p->filled && !p->end)
			pthread_cond_wait(&p->moved, &p->lock);
		if (p->taken == p->filled)
			break;
		b = p->batch[p->taken++ % p->n_batches];
		if (p->error == 0) {
			pthread_mutex_unlock(&p->lock);
			b->error = format(w->e, b);
			pthread_mutex_lock(&p->lock);
		}
		b->done = true;
		pthread_cond_broadcast(&p->moved);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Writes what is done, in its order. */
static void *write_all(void *arg)
{
	struct mw_export_pipe *p = arg;
	struct batch *b;
	int r, why;

	pthread_mutex_lock(&p->lock);
	while (p->written < p->filled || !p->end) {
		b = p->batch[p->written % p->n_batches];
		if (p->written == p->filled || !b->done) {
			pthread_cond_wait(&p->moved, &p->lock);
			continue;
		}
		r = p->error ? p->error : b->error;
		why = p->error ? p->why : 0;
		if (r == 0) {
			pthread_mutex_unlock(&p->lock);
			r = write_out(p->e->to, &b->out);
			why = r < 0 ? errno : 0;
			pthread_mutex_lock(&p->lock);
		}
		p->error = r;
		p->why = why;
		b->done = false;
		p->written++;
		pthread_cond_broadcast(&p->moved);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Ends the threads, after what was handed over. */
static void stop(struct mw_export_pipe *p)
{
	size_t i;

	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->n_workers; i++)
		pthread_join(p->worker[i].thread, NULL);
	p->n_workers = 0;
	if (p->threaded)
		pthread_join(p->writer, NULL);
	p->threaded = false;
}

static void start(struct mw_export_pipe *p)
{
	size_t i;

	for (i = 0; i < p->n_twins; i++) {
		p->worker[i].pipe = p;
		if (pthread_create(&p->worker[i].thread, NULL, work, &p->worker[i]) != 0)
			break;
		p->n_workers++;
	}
	p->threaded = p->n_workers && pthread_create(&p->writer, NULL, write_all, p) == 0;
	if (!p->threaded)
		stop(p);
}

/* --- its life -----------------------------------------------------------------------------------
 */

int mw_export_pipe_new(struct mw_exporter *e, struct mw_export_pipe **ret)
{
	_cleanup_(mw_export_pipe_freep) struct mw_export_pipe *p = calloc(1, sizeof(*p));
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t i;
	int r;

	if (!p)
		return -ENOMEM;
	p->e = e;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->moved, NULL);
	p->worker[p->n_twins++].e = e;
	while (e->ops->twin && p->n_twins < WORKERS_MAX && (long)p->n_twins < cpus) {
		r = e->ops->twin(e, &p->worker[p->n_twins].e);
		if (r < 0)
			return r;
		p->n_twins++;
	}
	p->n_batches = 2 * p->n_twins + 2;
	for (i = 0; i < p->n_batches; i++) {
		p->batch[i] = malloc(sizeof(*p->batch[i]));
		if (!p->batch[i])
			return -ENOMEM;
		p->batch[i]->n = p->batch[i]->n_members = p->batch[i]->n_bytes = 0;
		p->batch[i]->file = NULL;
		p->batch[i]->out = (struct mw_outbuf){ 0 };
		p->batch[i]->error = 0;
		p->batch[i]->done = false;
	}
	start(p);
	*ret = MW_TAKE(p);
	return 0;
}

void mw_export_pipe_free(struct mw_export_pipe *p)
{
	size_t i;

	if (!p)
		return;
	stop(p);
	for (i = 0; i < p->n_batches; i++) {
		if (!p->batch[i])
			continue;
		free(p->batch[i]->file);
		mw_out_done(&p->batch[i]->out);
		free(p->batch[i]);
	}
	for (i = 1; i < p->n_twins; i++)
		mw_exporter_freep(&p->worker[i].e);
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* --- what goes in -------------------------------------------------------------------------------
 */

/* The first error, with its errno. */
static int failed(const struct mw_export_pipe *p)
{
	if (p->error < 0)
		errno = p->why;
	return p->error;
}

/* Hands the batch being filled over, and waits for room in the next one. */
static int hand_over(struct mw_export_pipe *p)
{
	struct batch *b;
	int r;

	pthread_mutex_lock(&p->lock);
	p->filled++;
	pthread_cond_broadcast(&p->moved);
	while (p->filled - p->written >= p->n_batches)
		pthread_cond_wait(&p->moved, &p->lock);
	r = failed(p);
	pthread_mutex_unlock(&p->lock);
	b = p->batch[p->filled % p->n_batches];
	b->n = b->n_members = b->n_bytes = 0;
	return r;
}

/* Moves a span of the line to its copy. */
static struct mw_slice moved(struct mw_slice s, const char *from, const char *to)
{
	return mw_slice(to + ((const char *)s.p - from), s.n);
}

static bool fits(const struct batch *b, const struct mw_logrec *rec)
{
	return b->n < ITEMS_MAX && b->n_members + rec->n_members <= MEMBERS_MAX &&
	       b->n_bytes + rec->len + 1 <= BYTES_MAX &&
	       (b->n == 0 || strcmp(b->file, rec->file) == 0);
}

static int put(struct batch *b, const struct mw_export_item *item)
{
	struct mw_logrec *rec = &b->rec[b->n];
	struct mw_logrec_member *m = b->member + b->n_members;
	char *line = b->bytes + b->n_bytes;
	size_t n;

	if (b->n == 0) {
		free(b->file);
		b->file = strdup(item->rec->file);
		if (!b->file)
			return -ENOMEM;
	}
	*rec = *item->rec;
	memcpy(line, rec->line, rec->len + 1);
	for (size_t i = 0; i < rec->n_members; i++) {
		m[i].key = moved(rec->members[i].key, rec->line, line);
		m[i].value = moved(rec->members[i].value, rec->line, line);
	}
	n = strnlen(rec->type, NAME_MAX_LEN - 1);
	memcpy(b->type[b->n], rec->type, n);
	b->type[b->n][n] = '\0';
	b->n_members += rec->n_members;
	b->n_bytes += rec->len + 1;
	rec->line = line;
	rec->members = m;
	rec->type = b->type[b->n];
	rec->file = b->file;
	b->item[b->n] = *item;
	b->item[b->n].rec = rec;
	b->n++;
	return 0;
}

int mw_export_pipe_item(struct mw_export_pipe *p, const struct mw_export_item *item)
{
	int r;

	if (!p->threaded) {
		r = p->e->ops->item(p->e, item);
		return r < 0 ? r : mw_export_flush(p->e);
	}
	if (!fits(p->batch[p->filled % p->n_batches], item->rec)) {
		r = hand_over(p);
		if (r < 0)
			return r;
	}
	return put(p->batch[p->filled % p->n_batches], item);
}

int mw_export_pipe_finish(struct mw_export_pipe *p)
{
	if (p->threaded) {
		(void)hand_over(p);
		stop(p);
	}
	return failed(p);
}
