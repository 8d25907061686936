/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "io/export_html.h"
#include "io/export_out.h"
#include "io/heap.h"

/* Enough that neither side waits for the other while records come evenly. */
#define JOBS 4
/* The records are most of the page and most of the work: the level that is fast. */
#define LEVEL 1

enum state { FREE, WAITING, DONE };

struct job {
	struct mw_buf in, out; /* out: base64 */
	char class;
	enum state state;
	int error;
};

struct mw_html_pack {
	FILE *out;
	pthread_t thread;
	bool started, stop; /* stop: under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job jobs[JOBS]; /* a job's state: under the lock; the rest belongs to who it names */
	unsigned int head, tail; /* of the main thread: next to fill, next to write */
	struct libdeflate_compressor *z;
	uint8_t *packed; /* of the thread */
	size_t packed_cap;
};

static int compress(struct mw_html_pack *p, struct job *j)
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
	struct mw_html_pack *p = arg;
	unsigned int at = 0;
	struct job *j;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		j = &p->jobs[at % JOBS];
		while (!p->stop && j->state != WAITING)
			pthread_cond_wait(&p->work, &p->lock);
		if (j->state != WAITING)
			break;
		pthread_mutex_unlock(&p->lock);
		j->error = compress(p, j);
		pthread_mutex_lock(&p->lock);
		j->state = DONE;
		pthread_cond_signal(&p->done);
		at++;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int mw_html_pack_new(FILE *out, struct mw_html_pack **ret)
{
	struct mw_html_pack *p = calloc(1, sizeof(*p));
	unsigned int i;
	int r;

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
	p->z = libdeflate_alloc_compressor(LEVEL);
	r = p->z ? -pthread_create(&p->thread, NULL, work, p) : -ENOMEM;
	if (r < 0) {
		mw_html_pack_free(p);
		return r;
	}
	p->started = true;
	*ret = p;
	return 0;
}

/* Writes the oldest job, waiting for it. */
static int write_one(struct mw_html_pack *p)
{
	struct job *j = &p->jobs[p->tail % JOBS];

	pthread_mutex_lock(&p->lock);
	while (j->state == WAITING)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	p->tail++;
	j->state = FREE;
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
	if (p->started) {
		pthread_mutex_lock(&p->lock);
		p->stop = true;
		pthread_cond_signal(&p->work);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
	}
	for (i = 0; i < JOBS; i++) {
		mw_buf_done(&p->jobs[i].in);
		mw_buf_done(&p->jobs[i].out);
	}
	libdeflate_free_compressor(p->z);
	free(p->packed);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
