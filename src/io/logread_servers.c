/* SPDX-License-Identifier: Apache-2.0 */
/* logread_servers.c - the records of servers, before all others */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/logread_priv.h"

/* More than a record has, so that what is left of one always fits. */
#define ROOM (1u << 20)
/* The type stands in a record's head. */
#define HEAD_LEN 1024

struct scan {
	struct mw_lr_input *in;
	mw_logread_fn *fn;
	void *arg;
	char *buf; /* ROOM and a byte */
	size_t len;
};

static int line(struct scan *s, char *p, size_t n)
{
	static const char mark[] = "\"type\":\"server\"";
	struct mw_logrec *rec = &s->in->rec;

	if (!memmem(p, n < HEAD_LEN ? n : HEAD_LEN, mark, sizeof(mark) - 1))
		return 0;
	p[n] = '\0';
	/* what is no record is said when it is read */
	if (mw_lr_check(s->in, p, n) || strcmp(s->in->type, "server") != 0)
		return 0;
	rec->line = p;
	rec->len = n;
	rec->type = s->in->type;
	rec->file = s->in->file;
	return s->fn(s->arg, rec);
}

/* The whole lines there are; what is left stands at the beginning then. */
static int lines(struct scan *s)
{
	char *p = s->buf, *const end = s->buf + s->len, *nl;
	int r = 0;

	while (r == 0 && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		r = line(s, p, (size_t)(nl - p));
		p = nl + 1;
	}
	s->len = (size_t)(end - p);
	/* longer than a record can be */
	if (s->len == ROOM)
		s->len = 0;
	memmove(s->buf, p, s->len);
	return r;
}

/* At most `max` bytes of it. What cannot be read is said when it is read. */
static int segment(struct scan *s, struct mw_segread *from, uint64_t max)
{
	ssize_t n = 1;
	int r = 0;

	for (s->len = 0; r == 0 && max > 0; max -= (uint64_t)n) {
		const size_t room = ROOM - s->len;

		n = mw_segread_read(from, s->buf + s->len, max < room ? (size_t)max : room);
		if (n <= 0)
			break;
		s->len += (size_t)n;
		r = lines(s);
	}
	return r;
}

static int whole_segment(struct scan *s, const struct mw_segment *at)
{
	_cleanup_(mw_segread_freep) struct mw_segread *from = NULL;
	struct mw_segment zst = { .first = at->first, .zst = true };
	int r;

	r = mw_segread_open(s->in->seg_dir_fd, at, &from);
	if (r == -ENOENT && !at->zst)
		r = mw_segread_open(s->in->seg_dir_fd, &zst, &from);
	return r < 0 ? 0 : segment(s, from, UINT64_MAX);
}

static int by_plan(struct scan *s)
{
	_cleanup_(mw_segread_freep) struct mw_segread *from = NULL;
	struct mw_index_range range;
	uint64_t first = UINT64_MAX;
	int r = 0;

	mw_index_servers(s->in->plan, true);
	while (r == 0 && mw_index_next(s->in->plan, ROOM, &range)) {
		struct mw_segment at = { .first = range.first };

		if (range.first != first) {
			mw_segread_free(MW_TAKE(from));
			r = mw_segread_open(s->in->seg_dir_fd, &at, &from);
			at.zst = true;
			if (r == -ENOENT)
				r = mw_segread_open(s->in->seg_dir_fd, &at, &from);
			first = range.first;
		}
		if (r < 0 || !from || mw_segread_seek(from, range.off) < 0) {
			r = 0;
			continue;
		}
		r = segment(s, from, range.len);
	}
	mw_index_servers(s->in->plan, false);
	return r;
}

static int file(struct scan *s)
{
	off_t off = 0;
	ssize_t n;
	int r = 0;

	for (s->len = 0; r == 0; off += n) {
		n = pread(s->in->fd, s->buf + s->len, ROOM - s->len, off);
		if (n <= 0)
			break;
		s->len += (size_t)n;
		r = lines(s);
	}
	return r;
}

static int input(struct scan *s, bool *all)
{
	struct mw_lr_input *in = s->in;
	struct stat st;
	size_t i;
	int r = 0;

	if (in->seg_dir_fd < 0) {
		if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode))
			return file(s);
		*all = false;
		return 0;
	}
	if (in->plan)
		r = by_plan(s);
	for (i = 0; i < in->n_segs && r == 0; i++)
		if (in->segs[i].first >= in->from)
			r = whole_segment(s, &in->segs[i]);
	return r;
}

int mw_logread_servers(struct mw_logread *l, mw_logread_fn *fn, void *arg, bool *ret_all)
{
	_cleanup_(mw_freep) char *buf = malloc(ROOM + 1);
	bool all = true;
	size_t i;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < l->n && r == 0; i++) {
		struct scan s = { &l->inputs[i], fn, arg, buf, 0 };

		s.in->rec.input = i;
		r = input(&s, &all);
		s.in->rec = (struct mw_logrec){ 0 };
	}
	if (r == 0)
		*ret_all = all;
	return r;
}
