/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logresume.c
 *
 * One pass forward over the end of the log. The lines are this program's own, so they are taken by
 * how it writes them: the head first, and in a request or call record its call next. What does not
 * look like that is passed over, as the header says.
 */
#include "io/logresume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/table.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/when.h"

#define SEGMENTS 2
#define BLOCK	 (256u << 10)
/* Of a line, where the head ends at the latest. */
#define HEAD_LEN 512u
/* A call's id, filled up with zeros: a table key. */
#define ID_LEN	48u
#define IDS_MAX (1u << 20)

/* A request whose call record did not come so far. */
struct asked {
	char id[ID_LEN];
	unsigned int segment;
	off_t at;
	size_t n;
};

struct mw_log_resume {
	struct mw_engine_resume pub;
	struct mw_engine_open *open;
	char *text;
	char *boot_id;
};

struct scan {
	int fd[SEGMENTS]; /* older first */
	off_t size[SEGMENTS];
	unsigned int n;
	struct mw_table *asked; /* in the order of the log */
	int64_t last_ns;	/* of the last record */
	char *boot_id;
	bool any, stopped;
	uint64_t n_forgotten; /* requests the table had no room for */
	char block[BLOCK];
};

static void drop(struct scan *s, struct asked *a)
{
	(void)mw_table_remove(s->asked, a->id);
	free(a);
}

static void scan_free(struct scan *s)
{
	struct asked *a;
	unsigned int i;

	if (!s)
		return;
	while (s->asked && (a = mw_table_oldest(s->asked)))
		drop(s, a);
	mw_table_free(s->asked);
	for (i = 0; i < s->n; i++)
		mw_close(&s->fd[i]);
	free(s->boot_id);
	free(s);
}

static void scan_freep(struct scan **s)
{
	scan_free(*s);
}

/* --- a line --- */

/* What stands behind `mark` in the first `within` bytes, up to the next quote; p NULL: none. */
static struct mw_slice behind(struct mw_slice line, size_t within, const char *mark)
{
	const size_t n = strlen(mark);
	const uint8_t *p, *end;

	p = memmem(line.p, line.n < within ? line.n : within, mark, n);
	if (!p)
		return mw_slice(NULL, 0);
	p += n;
	end = memchr(p, '"', line.n - (size_t)(p - line.p));
	return end ? mw_slice(p, (size_t)(end - p)) : mw_slice(NULL, 0);
}

/* The call a record names right behind its type. */
static bool call_of(struct mw_slice line, struct mw_slice type, char ret[ID_LEN])
{
	const size_t at = (size_t)(type.p + type.n - line.p);
	static const char mark[] = "\",\"call\":\"";
	struct mw_slice rest = mw_slice_from(line, at);
	struct mw_slice id = behind(rest, sizeof(mark) - 1, mark);

	if (!id.n || id.n >= ID_LEN)
		return false;
	memset(ret, 0, ID_LEN);
	memcpy(ret, id.p, id.n);
	return true;
}

static int on_request(struct scan *s, const struct asked *is)
{
	struct asked *a = malloc(sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	*a = *is;
	r = mw_table_put(s->asked, a->id, a);
	if (r < 0)
		free(a);
	s->n_forgotten += r == -ENOSPC;
	return r == -ENOMEM ? r : 0;
}

static int on_daemon(struct scan *s, struct mw_slice line)
{
	struct mw_slice v;
	char *copy;

	if (mw_json_member(line, "event", &v, NULL) == 0)
		s->stopped = mw_slice_eq_str(v, "\"stop\"");
	if (mw_json_member(line, "boot_id", &v, NULL) < 0 || v.n < 3 || v.p[0] != '"')
		return 0;
	copy = strndup((const char *)v.p + 1, v.n - 2);
	if (!copy)
		return -ENOMEM;
	free(s->boot_id);
	s->boot_id = copy;
	return 0;
}

static int on_line(struct scan *s, struct mw_slice line, unsigned int segment, off_t at)
{
	struct mw_slice type = behind(line, HEAD_LEN, "\"type\":\"");
	struct mw_slice time = behind(line, HEAD_LEN, "\"time\":\"");
	struct asked is = { .segment = segment, .at = at, .n = line.n }, *was;

	if (!type.n || !time.n || mw_when_rfc3339((const char *)time.p, time.n, &s->last_ns) < 0)
		return 0;
	s->any = true;
	if (mw_slice_eq_str(type, "daemon"))
		return on_daemon(s, line);
	if (mw_slice_eq_str(type, "request") && call_of(line, type, is.id))
		return on_request(s, &is);
	if (mw_slice_eq_str(type, "call") && call_of(line, type, is.id)) {
		was = mw_table_get(s->asked, is.id);
		if (was)
			drop(s, was);
	}
	return 0;
}

/* --- the files --- */

/* Lines of one segment that begin at or behind `from`. */
static int scan_segment(struct scan *s, unsigned int segment, off_t from)
{
	bool skip = from > 0; /* the line that `from` stands in is not whole */
	size_t have = 0, used;
	off_t at = from; /* of block[0] */
	ssize_t n;
	char *nl;
	int r;

	for (;;) {
		n = pread(s->fd[segment], s->block + have, BLOCK - have, at + (off_t)have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		have += (size_t)n;
		used = 0;
		while ((nl = memchr(s->block + used, '\n', have - used))) {
			struct mw_slice line =
			    mw_slice(s->block + used, (size_t)(nl - s->block) - used);

			if (!skip && line.n <= MW_RECORD_MAX) {
				r = on_line(s, line, segment, at + (off_t)used);
				if (r < 0)
					return r;
			}
			skip = false;
			used += line.n + 1;
		}
		if (used == 0 && have == BLOCK) { /* longer than any record */
			skip = true;
			used = have;
		}
		have -= used;
		memmove(s->block, s->block + used, have);
		at += (off_t)used;
	}
}

/* The first numbers of the last two segments, older first. How many, or negative errno. */
static int last_segments(int seg_fd, uint64_t ret[SEGMENTS])
{
	struct dirent *e;
	uint64_t seq;
	int n = 0, r;
	DIR *d;

	r = mw_segments_open(seg_fd, &d);
	if (r < 0)
		return r;
	while ((e = readdir(d))) {
		if (!mw_segment_name_parse(e->d_name, &seq))
			continue;
		if (n < SEGMENTS) {
			ret[n++] = seq;
		} else {
			if (seq < ret[0])
				continue;
			ret[0] = seq;
		}
		if (n == SEGMENTS && ret[0] > ret[1]) {
			seq = ret[0];
			ret[0] = ret[1];
			ret[1] = seq;
		}
	}
	closedir(d);
	return n;
}

static int open_segments(struct scan *s, const char *dir)
{
	_cleanup_(mw_close) int dir_fd = -1, seg_fd = -1;
	char name[MW_SEGMENT_NAME_LEN + 1];
	uint64_t first[SEGMENTS];
	struct stat st;
	int n, i, fd;

	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	seg_fd = openat(dir_fd, "seg", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (seg_fd < 0)
		return -errno;
	n = last_segments(seg_fd, first);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), MW_SEGMENT_NAME_FMT, first[i]);
		fd = openat(seg_fd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		s->fd[s->n++] = fd;
		if (fstat(fd, &st) < 0)
			return -errno;
		s->size[i] = st.st_size;
	}
	return n < 0 ? n : 0;
}

static int scan(struct scan *s, const char *dir)
{
	off_t from[SEGMENTS] = { 0 }, left = MW_LOG_RESUME_LEN;
	unsigned int i;
	int r;

	r = open_segments(s, dir);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (i = s->n; i-- > 0; left -= s->size[i] - from[i])
		from[i] = s->size[i] > left ? s->size[i] - left : 0;
	for (i = 0; r == 0 && i < s->n; i++)
		if (from[i] < s->size[i])
			r = scan_segment(s, i, from[i]);
	return r;
}

/* --- what is given --- */

/* The newest requests within the limits. */
static int take_open(struct scan *s, struct mw_log_resume *r)
{
	const size_t n = mw_table_count(s->asked);
	size_t pos = 0, len = 0, first = n, i;
	_cleanup_(mw_freep) struct asked **all = calloc(n + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		all[i] = mw_table_next(s->asked, &pos);
	while (first > 0 && n - first < MW_LOG_RESUME_OPEN &&
	       len + all[first - 1]->n <= MW_LOG_RESUME_TEXT)
		len += all[--first]->n;
	r->open = calloc(n - first + 1, sizeof(*r->open));
	r->text = malloc(len + 1);
	if (!r->open || !r->text)
		return -ENOMEM;
	for (i = first, len = 0; i < n; len += all[i++]->n) {
		struct mw_engine_open *o = &r->open[i - first];
		ssize_t got = pread(s->fd[all[i]->segment], r->text + len, all[i]->n, all[i]->at);

		if (got < 0 || (size_t)got != all[i]->n)
			return got < 0 ? -errno : -EIO;
		*o = (struct mw_engine_open){ r->text + len, all[i]->n };
	}
	r->pub.open = r->open;
	r->pub.n_open = n - first;
	r->pub.n_dropped = first + s->n_forgotten;
	return 0;
}

static int resume(struct scan *s, const char *dir, struct mw_log_resume **ret)
{
	_cleanup_(mw_log_resume_freep) struct mw_log_resume *r = NULL;
	int err;

	err = mw_table_new(&mw_heap, ID_LEN, IDS_MAX, &s->asked);
	if (err == 0)
		err = scan(s, dir);
	if (err < 0)
		return err;
	if (!s->any)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	err = take_open(s, r);
	if (err < 0)
		return err;
	r->pub.last_ns = s->last_ns;
	r->boot_id = MW_TAKE(s->boot_id);
	r->pub.boot_id = r->boot_id;
	r->pub.stopped = s->stopped;
	*ret = MW_TAKE(r);
	return 0;
}

int mw_log_resume(const char *dir, char *err, size_t err_len, struct mw_log_resume **ret)
{
	_cleanup_(scan_freep) struct scan *s = calloc(1, sizeof(*s));
	struct mw_log_resume *found = NULL;
	int r = s ? resume(s, dir, &found) : -ENOMEM;

	if (r < 0) {
		snprintf(err, err_len, "cannot read the end of log %s: %s", dir, strerror(-r));
		return r;
	}
	*ret = found;
	return 0;
}

const struct mw_engine_resume *mw_log_resume_engine(const struct mw_log_resume *r)
{
	return r ? &r->pub : NULL;
}

void mw_log_resume_free(struct mw_log_resume *r)
{
	if (!r)
		return;
	free(r->open);
	free(r->text);
	free(r->boot_id);
	free(r);
}
