/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_tail.c - start: lines held against the tree, and those behind the last seal
 *
 * Of the sealed lines those in the last segment are read; `verify` reads them all.
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

#define BLOCK_LEN (4u * (MW_RECORD_MAX + 1))
#define BATCH	  4096u

/* The lines of one segment. */
struct lines {
	int fd;
	char name[MW_LOG_NAME_MAX];
	uint64_t at; /* of the line given last, and of what follows it */
	uint64_t next;
	size_t have, used;
	char block[BLOCK_LEN];
};

static void lines_close(struct lines *l)
{
	mw_close(&l->fd);
}

static int lines_open(struct mw_log_start *st, uint64_t first, struct lines *l)
{
	*l = (struct lines){ .fd = -1 };
	mw_log_segment_name(first, l->name);
	l->fd = openat(st->log->seg_dir_fd, l->name,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return l->fd < 0 ? -errno : 0;
}

/* 1: a line; 0: the end; -EBADMSG: what is left is none (torn, or longer than any); others. */
static int lines_next(struct lines *l, struct mw_slice *ret)
{
	const char *nl;
	ssize_t n;

	for (;;) {
		nl = l->used < l->have ? memchr(l->block + l->used, '\n', l->have - l->used) : NULL;
		if (nl) {
			*ret = mw_slice(l->block + l->used, (size_t)(nl - l->block) - l->used);
			l->at = l->next;
			l->next += ret->n + 1;
			l->used += ret->n + 1;
			return ret->n <= MW_RECORD_MAX ? 1 : -EBADMSG;
		}
		memmove(l->block, l->block + l->used, l->have - l->used);
		l->have -= l->used;
		l->used = 0;
		if (l->have == BLOCK_LEN)
			break;
		n = pread(l->fd, l->block + l->have, BLOCK_LEN - l->have,
			  (off_t)(l->next + l->have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && l->have == 0)
			return 0;
		if (n == 0)
			break;
		l->have += (size_t)n;
	}
	l->at = l->next;
	return -EBADMSG;
}

int mw_log_tiles_of_lines(struct mw_log_start *st, const struct mw_segment *all, size_t n,
			  struct mw_tiles *t)
{
	_cleanup_(mw_freep) struct lines *l = malloc(sizeof(*l));
	uint64_t seq = all[0].first;
	struct mw_slice line;
	struct mw_hash leaf;
	size_t i;
	int r = l ? 0 : -ENOMEM;

	for (i = 0; r == 0 && i < n && seq < st->size; i++) {
		if (all[i].zst || all[i].first != seq)
			return -EUCLEAN;
		r = lines_open(st, all[i].first, l);
		while (r == 0 && seq < st->size && (r = lines_next(l, &line)) == 1) {
			mw_tlog_leaf(line.p, line.n, &leaf);
			r = mw_tiles_add(t, &leaf, 1);
			seq++;
		}
		lines_close(l);
	}
	return r < 0 && r != -EBADMSG ? r : seq < st->size ? -EUCLEAN : 0;
}

/* --- what is moved away --- */

static int new_quarantined(int dir_fd, const char *name, uint64_t from, char *path, size_t max)
{
	int i, fd = -1;

	for (i = 0; fd < 0; i++) {
		snprintf(path, max, "%s.%" PRIu64 ".%d", name, from, i);
		fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd < 0 && (errno != EEXIST || i == 1000))
			return -errno;
	}
	return fd;
}

/* Moves what stands from `from` on in the segment into quarantine/, on disk before it is cut here,
 * or removed. */
static int quarantine(struct mw_log_start *st, const char *name, uint64_t from, bool remove)
{
	_cleanup_(mw_close) int dir_fd = -1, out = -1, fd = -1;
	char path[MW_LOG_NAME_MAX + 48], buf[65536];
	uint64_t at = from;
	ssize_t n;
	int r;

	dir_fd = mw_log_dir_at(st->log->dir_fd, "quarantine");
	if (dir_fd < 0)
		return dir_fd;
	fd = openat(st->log->seg_dir_fd, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	out = new_quarantined(dir_fd, name, from, path, sizeof(path));
	if (out < 0)
		return out;
	while ((n = pread(fd, buf, sizeof(buf), (off_t)at)) > 0) {
		r = mw_file_write(out, buf, (size_t)n, NULL);
		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
	if (n < 0 || fsync(out) < 0 || fsync(dir_fd) < 0)
		return -errno;
	r = mw_log_cut(fd, from, st->log->cfg.append_only && !remove);
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r == 0 && remove && unlinkat(st->log->seg_dir_fd, name, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	st->found->torn_n += at - from;
	if (!st->found->torn)
		snprintf(st->found->torn_path, sizeof(st->found->torn_path), "%s/quarantine/%s",
			 st->log->dir, path);
	st->found->torn = true;
	return 0;
}

/* --- lines against the tree --- */

struct check {
	struct mw_log_start *st;
	uint64_t seq; /* of the next line */
	/* leaves of the tree, from batch_at on */
	struct mw_hash batch[BATCH];
	uint64_t batch_at;
	size_t batch_n;
	/* behind the seal */
	uint64_t sealed_to; /* a seal record stands there that was not sealed: the tree's size */
	struct mw_tlog_tree tree;
	struct lines lines;
};

static int check_sealed(struct check *c, const struct mw_hash *leaf)
{
	struct mw_log_start *st = c->st;
	int r;

	if (c->seq - c->batch_at >= c->batch_n) {
		c->batch_at = c->seq;
		c->batch_n = st->size - c->seq < BATCH ? (size_t)(st->size - c->seq) : BATCH;
		r = mw_tiles_leaves(st->log->dir_fd, st->size, c->seq, c->batch_n, c->batch);
		if (r < 0)
			return r == -EBADMSG || r == -ENOENT
				   ? mw_log_start_damaged(st, "its tiles are not whole")
				   : r;
	}
	if (memcmp(&c->batch[c->seq - c->batch_at], leaf, sizeof(*leaf)) != 0)
		return mw_log_start_damaged(st,
					    "record %" PRIu64 " in seg/%s is not what was sealed",
					    c->seq, c->lines.name);
	return 0;
}

static bool is_u64(struct mw_slice v, uint64_t want)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, want);
	return mw_slice_eq_str(v, text);
}

/* Whether a line behind the seal is a record that this log wrote. */
static bool is_record(struct check *c, struct mw_slice line)
{
	const struct mw_log_sealer *q = &c->st->log->seal;
	struct mw_slice type, v;
	uint64_t seq;

	if (mw_record_seq((const char *)line.p, line.n, &seq) < 0 || seq != c->seq ||
	    mw_json_check(line, MW_JSON_DEPTH_MAX, NULL, NULL) < 0 ||
	    mw_json_member(line, "type", &type, NULL) < 0)
		return false;
	if (!mw_slice_eq_str(type, "\"seal\""))
		return true;
	/* only of the epoch that is open, and once */
	if (c->sealed_to || mw_json_member(line, "epoch", &v, NULL) < 0 ||
	    !is_u64(v, q->next_epoch) || mw_json_member(line, "next_vkey", &v, NULL) < 0 ||
	    !mw_json_str_eq(v, q->next_vkey))
		return false;
	c->sealed_to = c->seq + 1;
	return true;
}

static int note_planned(struct check *c)
{
	const struct mw_epoch *e = &c->st->log->seal.epoch;
	struct mw_hash root;

	if (c->seq != e->plan_size || !e->plan_size)
		return 0;
	mw_tlog_root(&c->tree, &root);
	if (memcmp(&root, &e->plan_root, sizeof(root)) != 0)
		return mw_log_start_damaged(c->st,
					    "its last records are not those of the seal that "
					    "was begun");
	return 0;
}

/* 1: a line of a segment is used; 0: it is none of ours. */
static int take_line(struct check *c, struct mw_slice line)
{
	struct mw_log *s = c->st->log;
	struct mw_hash leaf;
	int r;

	mw_tlog_leaf(line.p, line.n, &leaf);
	if (c->seq < c->st->size) {
		r = check_sealed(c, &leaf);
		if (r < 0)
			return r;
	} else {
		if (!is_record(c, line))
			return 0;
		r = mw_log_leaves_add(&s->leaves, &leaf);
		if (r < 0)
			return r;
		mw_tlog_add(&c->tree, &leaf);
	}
	c->seq++;
	r = note_planned(c);
	return r < 0 ? r : 1;
}

/* 1: all lines of the segment are used; 0: those before *ret_end are, and what follows is no
 * record. */
static int check_segment(struct check *c, uint64_t *ret_end)
{
	struct lines *l = &c->lines;
	struct mw_slice line;
	uint64_t end = 0;
	int r;

	while ((r = lines_next(l, &line)) == 1) {
		r = take_line(c, line);
		if (r <= 0)
			break;
		end = l->next;
	}
	if (r < 0 && r != -EBADMSG)
		return r;
	*ret_end = end;
	if (c->seq > c->st->size && fdatasync(l->fd) < 0)
		return -errno;
	return r == 0 && end == l->next && l->used == l->have;
}

static int segment(struct check *c, uint64_t first, bool *cut)
{
	struct mw_log_start *st = c->st;
	struct mw_log *s = st->log;
	uint64_t end = 0;
	int r, whole;

	r = lines_open(st, first, &c->lines);
	if (r < 0)
		return r;
	if (*cut || first != c->seq) {
		/* the lines before it are not there: nothing can follow */
		*cut = true;
		return c->seq < st->size ? 0 : quarantine(st, c->lines.name, 0, true);
	}
	whole = check_segment(c, &end);
	if (whole < 0)
		return whole;
	*cut = !whole;
	if (*cut && c->seq >= st->size)
		r = quarantine(st, c->lines.name, end, false);
	if (r < 0)
		return r;
	mw_close(&s->fd);
	return mw_log_segment_open(s, first, end);
}

/* The segment in which reading begins: the last one with sealed lines, if it is not compressed. */
static int first_to_read(struct mw_log_start *st, const struct mw_segment *all, size_t n,
			 size_t *ret)
{
	size_t i = n;

	while (i > 0 && all[i - 1].first >= st->size)
		i--;
	if (i == 0 && st->size)
		return mw_log_start_damaged(st, "its last records are gone");
	*ret = i && !all[i - 1].zst ? i - 1 : i;
	return 0;
}

static int check_all(struct check *c)
{
	_cleanup_(mw_freep) struct mw_segment *all = NULL;
	struct mw_log_start *st = c->st;
	bool cut = false;
	size_t n = 0, i = 0;
	int r;

	r = mw_segments_list(st->log->seg_dir_fd, &all, &n);
	if (r == 0)
		r = first_to_read(st, all, n, &i);
	if (r < 0)
		return r;
	c->seq = i < n && all[i].first < st->size ? all[i].first : st->size;
	for (; i < n; i++) {
		r = segment(c, all[i].first, &cut);
		lines_close(&c->lines);
		if (r < 0)
			return r;
	}
	if (c->seq < st->size)
		return mw_log_start_damaged(st,
					    "record %" PRIu64 " and those behind it are gone or "
					    "broken, %" PRIu64 " were sealed",
					    c->seq, st->size);
	return 0;
}

/* What was begun is done: the same tree, signed by the same epoch. */
static int seal_again(struct check *c)
{
	struct mw_log *s = c->st->log;
	struct mw_log_sealer *q = &s->seal;
	const uint64_t to = q->epoch.plan_size ? q->epoch.plan_size : c->sealed_to;
	size_t n;
	int r;

	if (!to)
		return 0;
	if (to <= c->st->size || to > c->seq || (c->sealed_to && c->sealed_to != to))
		return mw_log_start_damaged(
		    c->st, "a seal of %" PRIu64 " records was begun, and %" PRIu64 " are there", to,
		    c->seq);
	n = (size_t)(to - c->st->size);
	q->job = (struct mw_log_job){ .size = to, .fd = -1, .new_name = true };
	q->job.leaves.p = calloc(n, sizeof(struct mw_hash));
	if (!q->job.leaves.p)
		return -ENOMEM;
	memcpy(q->job.leaves.p, s->leaves.p, n * sizeof(struct mw_hash));
	q->job.leaves.n = q->job.leaves.cap = n;
	q->step = MW_LOG_SYNC;
	q->added = false;
	r = mw_log_sealer_run(q);
	if (r < 0)
		return mw_log_start_fail(c->st, r,
					 "cannot seal what an earlier run left in log %s: %s",
					 s->dir, strerror(-r));
	free(q->job.leaves.p);
	q->job.leaves = (struct mw_log_leaves){ 0 };
	s->leaves.n -= n;
	memmove(s->leaves.p, s->leaves.p + n, s->leaves.n * sizeof(struct mw_hash));
	return 0;
}

int mw_log_check_lines(struct mw_log_start *st)
{
	_cleanup_(mw_freep) struct check *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->st = st;
	c->lines.fd = -1;
	r = mw_tiles_tree(st->log->dir_fd, st->size, &c->tree);
	if (r == 0)
		r = check_all(c);
	if (r < 0)
		return r;
	st->found->unsealed = c->seq - st->size;
	st->log->next_seq = c->seq;
	r = seal_again(c);
	st->log->seal_last = st->log->leaves.n == 0;
	return r;
}
