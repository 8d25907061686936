/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_grep.c - which records have a text, by the segments themselves
 *
 * A list of all texts' parts (FTS5's trigrams) would be larger than the log. But the segments are
 * as they were when they were verified, so they need only be looked through: at the speed of
 * memory, a thread each.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/index_plan.h"
#include "io/segment.h"

#define ROOM	    (1u << 20)
#define THREADS_MAX 8
/* Of fewer of all records each is read at once. */
#define FEW 32

struct search {
	struct mw_index_asking *a;
	struct mw_index_bits found;
	atomic_size_t next; /* part */
	atomic_int failed;
};

/* Where the hits of one part lie among its lines; they come in order. */
struct cursor {
	const struct mw_index_part *part;
	struct mw_slice lens;
	uint64_t at, off, len; /* the line, where it begins, its length */
	bool broken;
};

static bool next_line(struct cursor *c)
{
	c->off += c->len;
	c->at++;
	c->broken = c->at >= c->part->n || !mw_index_number(&c->lens, &c->len);
	return !c->broken;
}

/* A hit begins at `off` of the segment: marks its line; where that ends. */
static uint64_t hit(struct search *s, struct cursor *c, uint64_t off)
{
	const uint64_t i = c->part->first - s->a->p->base;
	uint64_t n;

	while (!c->broken && off >= c->off + c->len)
		next_line(c);
	n = i + c->at;
	if (!c->broken)
		__atomic_fetch_or(&s->found.w[n / 64], (uint64_t)1 << n % 64, __ATOMIC_RELAXED);
	return c->off + c->len;
}

/* What is behind `base` of the segment; how much of its end is to be looked at again with more. */
static size_t look(struct search *s, struct cursor *c, const char *buf, size_t len, uint64_t base)
{
	const struct mw_slice text = s->a->q->text;
	const char *p = buf, *const end = buf + len;
	uint64_t behind;

	while (!c->broken && (p = memmem(p, (size_t)(end - p), text.p, text.n))) {
		behind = hit(s, c, base + (uint64_t)(p - buf));
		if (c->broken)
			break;
		/* the rest of that line says nothing more */
		if (behind >= base + len)
			return 0;
		p = buf + (behind - base);
	}
	return len < text.n ? len : text.n - 1;
}

static struct mw_segread *open_part(struct search *s, uint64_t first, int *ret)
{
	struct mw_segment at = { .first = first };
	const int fd = mw_index_db_segments(s->a->db);
	struct mw_segread *from = NULL;

	*ret = mw_segread_open(fd, &at, &from);
	at.zst = true;
	if (*ret == -ENOENT)
		*ret = mw_segread_open(fd, &at, &from);
	return *ret < 0 ? NULL : from;
}

static int search_part(struct search *s, const struct mw_index_part *part, char *buf)
{
	_cleanup_(mw_segread_freep) struct mw_segread *from = NULL;
	struct cursor c = { .part = part, .lens = part->len.rows };
	uint64_t base = 0;
	size_t len = 0, keep;
	ssize_t n;
	int r;

	if (!mw_index_number(&c.lens, &c.len))
		return part->n ? -EBADMSG : 0;
	from = open_part(s, part->first, &r);
	if (!from)
		return r;
	while ((n = mw_segread_read(from, buf + len, ROOM - len)) > 0) {
		len += (size_t)n;
		keep = look(s, &c, buf, len, base);
		base += len - keep;
		memmove(buf, buf + len - keep, keep);
		len = keep;
	}
	/* as many bytes as its lines have */
	while (!c.broken && c.at + 1 < part->n)
		next_line(&c);
	if (n < 0)
		return (int)n;
	return c.broken || c.off + c.len != base + len ? -EBADMSG : 0;
}

static void *work(void *arg)
{
	struct search *s = arg;
	_cleanup_(mw_freep) char *buf = malloc(ROOM);
	size_t i;
	int r = buf ? 0 : -ENOMEM;

	while (r == 0 && (i = atomic_fetch_add(&s->next, 1)) < s->a->p->n_parts)
		if (s->a->p->part[i].len.raw)
			r = search_part(s, &s->a->p->part[i], buf);
	if (r < 0)
		atomic_store(&s->failed, r);
	return NULL;
}

static size_t n_threads(const struct mw_index_plan *p)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const size_t n = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (size_t)cpus;

	return n < p->n_parts ? n : p->n_parts;
}

static bool is_few(const struct mw_index_plan *p)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i <= p->n / 64; i++)
		n += (uint64_t)__builtin_popcountll(p->want.w[i]);
	return n < p->n / FEW;
}

int mw_index_grep(struct mw_index_asking *a)
{
	struct search s = { .a = a };
	pthread_t thread[THREADS_MAX];
	sigset_t all, old;
	size_t i, n = 0;
	int r;

	if (is_few(a->p))
		return 0;
	r = mw_index_bits_new(a->p, &s.found);
	if (r < 0)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n + 1 < n_threads(a->p) && pthread_create(&thread[n], NULL, work, &s) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	work(&s);
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	r = atomic_load(&s.failed);
	if (r == 0)
		mw_index_bits_and(a->p, &a->p->want, &s.found);
	mw_index_bits_done(&s.found);
	return r;
}
