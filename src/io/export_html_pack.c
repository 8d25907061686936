/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <unistd.h>

#include "io/export_html.h"
#include "io/export_out.h"
#include "io/heap.h"

/* Compressing is most of the work; more of them would wait for who brings it. */
#define WORKERS_MAX 3
/* Enough that neither side waits for the other while records come evenly. */
#define JOBS 6
/* The records are most of the page and most of the work: the level that is fast. */
#define LEVEL 1

enum state { FREE, WAITING, TAKEN, DONE };

struct job {
	struct mw_buf in, out; /* out: base64 */
	char class;
	enum state state;
	int error;
};

struct worker {
	struct mw_html_pack *pack;
	pthread_t thread;
	struct libdeflate_compressor *z;
	uint8_t *packed;
	size_t packed_cap;
};

struct mw_html_pack {
	struct mw_outbuf *out;
	struct worker worker[WORKERS_MAX];
	unsigned int n_workers; /* that run */
	bool stop;		/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job jobs[JOBS]; /* a job's state: under the lock; the rest belongs to who it names */
	unsigned int taken;    /* under the lock: next to compress */
	unsigned int head, tail; /* of the main thread: next to fill, next to write */
};

static int compress(struct worker *p, struct job *j)
{
	size_t bound = libdeflate_deflate_compress_bound(p->z, j->in.len), n;
	int r;

	if (bound > p->packed_cap) {
		free(p->packed);
		p->packed_cap = 0;
		p->packed = malloc(bound);
		if (!p->packed)
			return -ENOMEM;
		p->packed_cap = bound;
	}
	n = libdeflate_deflate_compress(p->z, j->in.p, j->in.len, p->packed, p->packed_cap);
	mw_buf_reset(&j->out, j->out.cap);
	/* digits and a NUL */
	r = mw_buf_reserve(&j->out, (n + 2) / 3 * 4 + 1);
	if (r < 0)
		return r;
	j->out.len = (size_t)EVP_EncodeBlock(j->out.p, p->packed, (int)n);
	return 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct mw_html_pack *p = w->pack;
	struct job *j;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stop && p->jobs[p->taken % JOBS].state != WAITING)
			pthread_cond_wait(&p->work, &p->lock);
		j = &p->jobs[p->taken % JOBS];
		if (j->state != WAITING)
			break;
		j->state = TAKEN;
		p->taken++;
		pthread_mutex_unlock(&p->lock);
		j->error = compress(w, j);
		pthread_mutex_lock(&p->lock);
		j->state = DONE;
		pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int start(struct mw_html_pack *p, struct worker *w)
{
	int r;

	w->pack = p;
	w->z = libdeflate_alloc_compressor(LEVEL);
	r = w->z ? -pthread_create(&w->thread, NULL, work, w) : -ENOMEM;
	p->n_workers += r == 0;
	return r;
}

int mw_html_pack_new(struct mw_outbuf *out, struct mw_html_pack **ret)
{
	struct mw_html_pack *p = calloc(1, sizeof(*p));
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int i;
	int r = 0;

	if (!p)
		return -ENOMEM;
	p->out = out;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	for (i = 0; i < JOBS; i++) {
		mw_buf_init(&p->jobs[i].in, &mw_heap, MW_HTML_BLOCK_MAX);
		mw_buf_init(&p->jobs[i].out, &mw_heap, 2 * (size_t)MW_HTML_BLOCK_MAX);
	}
	for (i = 0; r == 0 && i < WORKERS_MAX && (i == 0 || (long)i < cpus); i++)
		r = start(p, &p->worker[i]);
	/* fewer do, too */
	if (!p->n_workers) {
		mw_html_pack_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

/* Writes the oldest job, waiting for it. */
static int write_one(struct mw_html_pack *p)
{
	struct job *j = &p->jobs[p->tail % JOBS];

	pthread_mutex_lock(&p->lock);
	while (j->state != DONE)
		pthread_cond_wait(&p->done, &p->lock);
	j->state = FREE;
	pthread_mutex_unlock(&p->lock);
	p->tail++;
	if (j->error < 0)
		return j->error;
	mw_out_str(p->out, "<script type=\"text/plain\" class=\"");
	mw_out_char(p->out, j->class);
	mw_out_str(p->out, "\">");
	mw_out_slice(p->out, mw_buf_slice(&j->out));
	mw_out_str(p->out, "</script>\n");
	return 0;
}

int mw_html_pack_push(struct mw_html_pack *p, char class, struct mw_buf *in)
{
	struct mw_buf spare;
	struct job *j;
	int r;

	if (in->len == 0)
		return 0;
	r = p->head - p->tail == JOBS ? write_one(p) : 0;
	if (r < 0)
		return r;
	j = &p->jobs[p->head++ % JOBS];
	spare = j->in;
	j->in = *in;
	*in = spare;
	mw_buf_reset(in, in->cap);
	j->class = class;
	j->error = 0;
	pthread_mutex_lock(&p->lock);
	j->state = WAITING;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

int mw_html_pack_end(struct mw_html_pack *p)
{
	int r = 0, one;

	while (p->head != p->tail) {
		one = write_one(p);
		r = r < 0 ? r : one;
	}
	return r;
}

void mw_html_pack_free(struct mw_html_pack *p)
{
	unsigned int i;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->n_workers; i++)
		pthread_join(p->worker[i].thread, NULL);
	for (i = 0; i < WORKERS_MAX; i++) {
		libdeflate_free_compressor(p->worker[i].z);
		free(p->worker[i].packed);
	}
	for (i = 0; i < JOBS; i++) {
		mw_buf_done(&p->jobs[i].in);
		mw_buf_done(&p->jobs[i].out);
	}
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
