/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_pipe.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/export_out.h"

#define BATCHES	   4
#define ITEMS_MAX  1024
#define MEMBERS_MAX  (32 * ITEMS_MAX)
/* of lines, each with its NUL; a line is always less */
#define BYTES_MAX (1u << 20)
#define NAME_MAX_LEN 32

_Static_assert(MEMBERS_MAX >= MW_LOGREC_MEMBERS_MAX && BYTES_MAX > MW_RECORD_MAX, "one always fits");

struct batch {
	struct mw_export_item item[ITEMS_MAX];
	struct mw_logrec rec[ITEMS_MAX];
	char type[ITEMS_MAX][NAME_MAX_LEN];
	struct mw_logrec_member member[MEMBERS_MAX];
	char bytes[BYTES_MAX];
	size_t n, n_members, n_bytes;
	char *file; /* where its records stand: of one file each */
};

struct mw_export_pipe {
	struct mw_exporter *e;
	struct batch *batch[BATCHES];
	uint64_t filled, written; /* batches; under the lock */
	int error;		  /* likewise; the first one */
	int why;		  /* errno of it, as stdio left it */
	bool end;
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
};

static int write_item(struct mw_exporter *e, const struct mw_export_item *item)
{
	int r = e->ops->item(e, item);

	return r < 0 ? r : mw_out_error(e->out);
}

static void *run(void *arg)
{
	struct mw_export_pipe *p = arg;
	int r = 0, why = 0;

	pthread_mutex_lock(&p->lock);
	while (p->written < p->filled || !p->end) {
		const struct batch *b = p->batch[p->written % BATCHES];

		if (p->written == p->filled) {
			pthread_cond_wait(&p->more, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		for (size_t i = 0; i < b->n && r == 0; i++) {
			errno = 0;
			r = write_item(p->e, &b->item[i]);
			why = r < 0 ? errno : 0;
		}
		pthread_mutex_lock(&p->lock);
		p->error = r;
		p->why = why;
		p->written++;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int mw_export_pipe_new(struct mw_exporter *e, struct mw_export_pipe **ret)
{
	_cleanup_(mw_export_pipe_freep) struct mw_export_pipe *p = calloc(1, sizeof(*p));
	size_t i;

	if (!p)
		return -ENOMEM;
	p->e = e;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	for (i = 0; i < BATCHES; i++) {
		p->batch[i] = malloc(sizeof(*p->batch[i]));
		if (!p->batch[i])
			return -ENOMEM;
		p->batch[i]->n = 0;
		p->batch[i]->file = NULL;
	}
	p->threaded = pthread_create(&p->thread, NULL, run, p) == 0;
	*ret = MW_TAKE(p);
	return 0;
}

/* The thread's error, with its errno. */
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
	pthread_cond_signal(&p->more);
	while (p->filled - p->written >= BATCHES)
		pthread_cond_wait(&p->more, &p->lock);
	r = failed(p);
	pthread_mutex_unlock(&p->lock);
	b = p->batch[p->filled % BATCHES];
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
	snprintf(b->type[b->n], NAME_MAX_LEN, "%s", rec->type);
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

	if (!p->threaded)
		return write_item(p->e, item);
	if (!fits(p->batch[p->filled % BATCHES], item->rec)) {
		r = hand_over(p);
		if (r < 0)
			return r;
	}
	return put(p->batch[p->filled % BATCHES], item);
}

/* Ends the thread, after what was handed over. */
static void stop(struct mw_export_pipe *p)
{
	if (!p->threaded)
		return;
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	p->threaded = false;
}

int mw_export_pipe_finish(struct mw_export_pipe *p)
{
	if (p->threaded) {
		(void)hand_over(p);
		stop(p);
	}
	return failed(p);
}

void mw_export_pipe_free(struct mw_export_pipe *p)
{
	size_t i;

	if (!p)
		return;
	stop(p);
	for (i = 0; i < BATCHES; i++) {
		if (p->batch[i])
			free(p->batch[i]->file);
		free(p->batch[i]);
	}
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
