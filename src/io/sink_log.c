/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log.c
 *
 * Held by tests/unit/test_sink.c:
 *  1. A segment holds whole lines only, whatever write failed and whenever the process was killed,
 *     except for one torn last line after a kill, which the next start moves away.
 *  2. No byte of a whole line is ever changed.
 */
#include "io/sink_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/logread.h"

#define SEGMENT_MAX (64ull << 20)
/* Of a segment's end: room for a whole line, the torn one behind it, and the newline before both.
 */
#define TAIL_LEN (2 * (MW_RECORD_MAX + 1) + 1)

struct log {
	struct mw_sink sink;
	char *dir;
	uint64_t segment_max;
	int dir_fd, seg_dir_fd, fd;
	off_t end;     /* of the last whole record in fd */
	bool broken;   /* half a line that could not be taken back: nothing may follow it */
	bool new_name; /* the folder has an entry that is not on disk yet */
	char line[MW_RECORD_MAX + 1];
};

static int sync_fd(int fd)
{
	return fd >= 0 && fdatasync(fd) < 0 ? -errno : 0;
}

static int log_flush(struct mw_sink *sink)
{
	struct log *s = (struct log *)sink;
	int r;

	r = sync_fd(s->fd);
	if (r < 0)
		return r;
	if (s->new_name && fsync(s->seg_dir_fd) < 0)
		return -errno;
	s->new_name = false;
	return 0;
}

static int next_segment(struct log *s, uint64_t seq)
{
	char name[MW_SEGMENT_NAME_LEN + 1];
	int fd, r;

	r = log_flush(&s->sink);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), MW_SEGMENT_NAME_FMT, seq);
	fd = openat(s->seg_dir_fd, name,
		    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	mw_close(&s->fd);
	s->fd = fd;
	s->end = 0;
	s->new_name = true;
	return 0;
}

static int log_write(struct mw_sink *sink, const char *json, size_t len)
{
	struct log *s = (struct log *)sink;
	uint64_t seq;
	size_t n;
	int r;

	if (s->broken)
		return -EIO;
	if (len > MW_RECORD_MAX)
		return -E2BIG;
	if (s->fd < 0 || (uint64_t)s->end >= s->segment_max) {
		r = mw_record_seq(json, len, &seq);
		if (r < 0)
			return r;
		r = next_segment(s, seq);
		if (r < 0)
			return r;
	}
	memcpy(s->line, json, len);
	s->line[len] = '\n';
	r = mw_file_write(s->fd, s->line, len + 1, &n);
	if (r == 0)
		s->end += (off_t)len + 1;
	else if (n > 0 && ftruncate(s->fd, s->end) < 0)
		s->broken = true;
	return r;
}

static void log_free(struct mw_sink *sink)
{
	struct log *s = (struct log *)sink;

	log_flush(sink);
	mw_close(&s->fd);
	mw_close(&s->seg_dir_fd);
	mw_close(&s->dir_fd);
	free(s->dir);
	free(s);
}

static const struct mw_sink_ops log_ops = {
	.write = log_write,
	.flush = log_flush,
	.free = log_free,
};

/* dir and what is missing above it, each 0700. */
static int make_dirs(const char *dir)
{
	char path[PATH_MAX];
	size_t n = strlen(dir), i;

	if (n == 0)
		return -ENOENT;
	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, n + 1);
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		path[i] = dir[i];
	}
	return 0;
}

static int open_dir_at(int at, const char *name)
{
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The number of the last segment. 1, 0 there is none, or negative errno. */
static int find_last(int seg_dir_fd, uint64_t *ret)
{
	uint64_t last = 0, seq;
	struct dirent *e;
	bool any = false;
	DIR *d;
	int r;

	r = mw_segments_open(seg_dir_fd, &d);
	if (r < 0)
		return r;
	while ((e = readdir(d)) != NULL) {
		if (!mw_segment_name_parse(e->d_name, &seq))
			continue;
		if (!any || seq > last)
			last = seq;
		any = true;
	}
	closedir(d);
	if (any)
		*ret = last;
	return any;
}

/* Moves [from, end) of the segment into quarantine/, on disk before it is cut off here. */
static int quarantine(struct log *s, const char *name, off_t from, struct mw_sink_log_found *found)
{
	_cleanup_(mw_close) int dir_fd = -1, out = -1, in = -1;
	char path[MW_SEGMENT_NAME_LEN + 48], buf[65536];
	off_t at = from;
	int r, i;

	dir_fd = open_dir_at(s->dir_fd, "quarantine");
	if (dir_fd < 0)
		return dir_fd;
	in = openat(s->seg_dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return -errno;
	for (i = 0; out < 0; i++) {
		snprintf(path, sizeof(path), "%s.%jd.%d", name, (intmax_t)from, i);
		out = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			     0600);
		if (out < 0 && (errno != EEXIST || i == 1000))
			return -errno;
	}
	for (;;) {
		ssize_t n = pread(in, buf, sizeof(buf), at);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		r = mw_file_write(out, buf, (size_t)n, NULL);
		if (r < 0)
			return r;
		at += n;
	}
	if (fsync(out) < 0 || fsync(dir_fd) < 0 || ftruncate(s->fd, from) < 0 ||
	    fdatasync(s->fd) < 0)
		return -errno;
	found->torn = true;
	found->torn_n = (uint64_t)(at - from);
	snprintf(found->torn_path, sizeof(found->torn_path), "%s/quarantine/%s", s->dir, path);
	return 0;
}

/* Finds where the segment's last whole line begins and ends. -EBADMSG: it has none where one must
 * be. */
static int find_last_line(int fd, off_t size, char *buf, size_t *ret_n, off_t *ret_end)
{
	off_t from = size > TAIL_LEN ? size - TAIL_LEN : 0;
	char *end, *begin;
	ssize_t got;
	size_t n;

	got = pread(fd, buf, TAIL_LEN, from);
	if (got < 0)
		return -errno;
	n = (size_t)got;
	end = memrchr(buf, '\n', n);
	if (!end) {
		if (from > 0 || n > MW_RECORD_MAX)
			return -EBADMSG;
		*ret_n = 0;
		*ret_end = 0;
		return 0;
	}
	begin = end > buf ? memrchr(buf, '\n', (size_t)(end - buf)) : NULL;
	if (!begin && from > 0)
		return -EBADMSG;
	begin = begin ? begin + 1 : buf;
	*ret_end = from + (end - buf) + 1;
	*ret_n = (size_t)(end - begin);
	memmove(buf, begin, *ret_n);
	return 0;
}

static int go_on(struct log *s, uint64_t first, struct mw_sink_log_found *found, char *err,
		 size_t err_len)
{
	_cleanup_(mw_freep) char *buf = malloc(TAIL_LEN);
	_cleanup_(mw_close) int in = -1;
	char name[MW_SEGMENT_NAME_LEN + 1];
	struct stat st;
	off_t end = 0;
	size_t n = 0;
	int r;

	snprintf(name, sizeof(name), MW_SEGMENT_NAME_FMT, first);
	s->fd = openat(s->seg_dir_fd, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	in = openat(s->seg_dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0 || in < 0 || fstat(in, &st) < 0) {
		r = -errno;
		snprintf(err, err_len, "cannot open %s/seg/%s: %s", s->dir, name, strerror(-r));
		return r;
	}
	if (!buf) {
		snprintf(err, err_len, "cannot open log %s: not enough memory", s->dir);
		return -ENOMEM;
	}
	r = find_last_line(in, st.st_size, buf, &n, &end);
	found->next_seq = first;
	if (r == 0 && end > 0) {
		r = mw_record_seq(buf, n, &found->next_seq);
		if (r == 0 && found->next_seq++ < first)
			r = -EBADMSG;
	}
	if (r < 0) {
		snprintf(err, err_len,
			 "%s/seg/%s does not end in a record; keep that log as it is and "
			 "name a new folder",
			 s->dir, name);
		return r == -EINVAL ? -EBADMSG : r;
	}
	s->end = end;
	if (end == st.st_size)
		return 0;
	r = quarantine(s, name, end, found);
	if (r < 0)
		snprintf(err, err_len, "cannot move the torn last line of %s/seg/%s away: %s",
			 s->dir, name, strerror(-r));
	return r;
}

static int open_log(struct log *s, struct mw_sink_log_found *found, char *err, size_t err_len)
{
	uint64_t first = 0;
	int r;

	r = make_dirs(s->dir);
	if (r == 0) {
		s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = s->dir_fd < 0 ? -errno : 0;
	}
	if (r == -ENOTDIR || r == -EEXIST) {
		snprintf(err, err_len, "cannot open log %s: it is a file; name a folder", s->dir);
		return -ENOTDIR;
	}
	if (r == 0 && flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r == -EWOULDBLOCK) {
			snprintf(err, err_len,
				 "log %s is being written by another mcpwatch; name another folder",
				 s->dir);
			return -EBUSY;
		}
	}
	if (r == 0) {
		s->seg_dir_fd = open_dir_at(s->dir_fd, "seg");
		r = s->seg_dir_fd < 0 ? s->seg_dir_fd : 0;
	}
	if (r == 0) {
		r = find_last(s->seg_dir_fd, &first);
		if (r == 1)
			return go_on(s, first, found, err, err_len);
	}
	if (r < 0)
		snprintf(err, err_len, "cannot open log %s: %s", s->dir, strerror(-r));
	return r;
}

int mw_sink_log_new(const char *dir, uint64_t segment_max, char *err, size_t err_len,
		    struct mw_sink_log_found *ret_found, struct mw_sink **ret)
{
	_cleanup_(mw_sink_freep) struct mw_sink *sink = NULL;
	struct mw_sink_log_found found = { 0 };
	struct log *s = malloc(sizeof(*s));
	int r;

	if (!s) {
		snprintf(err, err_len, "cannot open log %s: not enough memory", dir);
		return -ENOMEM;
	}
	*s = (struct log){ .sink.ops = &log_ops, .dir_fd = -1, .seg_dir_fd = -1, .fd = -1 };
	s->segment_max = segment_max ? segment_max : SEGMENT_MAX;
	sink = &s->sink;
	s->dir = strdup(dir);
	if (!s->dir) {
		snprintf(err, err_len, "cannot open log %s: not enough memory", dir);
		return -ENOMEM;
	}
	r = open_log(s, &found, err, err_len);
	if (r < 0)
		return r;
	*ret_found = found;
	*ret = MW_TAKE(sink);
	return 0;
}
