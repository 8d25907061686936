/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "io/control_ask.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/segment.h"

/* In one pull: then the screen and the keys have their turn. */
#define LINES_MAX 20000

struct mw_top_feed {
	/* the daemon */
	int fd;
	struct mw_buf buf;
	size_t at; /* what is before it was given */
	/* a log */
	char *path, *seg_dir; /* seg_dir NULL: it is one file */
	struct mw_segment segment;
	struct mw_logread *log;
	char why[MW_ERR_MAX];
};

/* --- a log --------------------------------------------------------------------------------------
 */

/* The segment that begins last; 0 or negative errno. */
static int last_segment(const struct mw_top_feed *f, struct mw_segment *ret)
{
	_cleanup_(mw_close) int fd = open(f->seg_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(mw_freep) struct mw_segment *all = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return -errno;
	r = mw_segments_list(fd, &all, &n);
	if (r < 0)
		return r;
	if (!n)
		return -ENOENT;
	*ret = all[n - 1];
	return 0;
}

static int open_segment(struct mw_top_feed *f, const struct mw_segment *s)
{
	_cleanup_(mw_freep) char *path = NULL;
	const char *paths[1];
	char name[MW_SEGMENT_FILE_MAX];
	struct mw_logread *log;
	int r;

	mw_segment_file(s, name);
	if (asprintf(&path, "%s/%s", f->seg_dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	paths[0] = path;
	r = mw_logread_new(paths, 1, true, f->why, sizeof(f->why), &log);
	if (r < 0)
		return r;
	mw_logread_free(f->log);
	f->log = log;
	f->segment = *s;
	return 0;
}

static int open_log(struct mw_top_feed *f, const char *path)
{
	struct mw_segment last;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return mw_cli_fail("cannot read %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		r = mw_logread_new(&path, 1, true, f->why, sizeof(f->why), &f->log);
		return r < 0 ? mw_cli_fail("%s", f->why) : 0;
	}
	if (asprintf(&f->seg_dir, "%s/seg", path) < 0) {
		f->seg_dir = NULL;
		return mw_cli_fail("not enough memory");
	}
	r = last_segment(f, &last);
	if (r < 0)
		return mw_cli_fail("%s is no log: %s: %s", path, f->seg_dir, strerror(-r));
	r = open_segment(f, &last);
	return r < 0 ? mw_cli_fail("%s", f->why) : 0;
}

static int pull_log(struct mw_top_feed *f, struct mw_live *l, int64_t now_ns)
{
	struct mw_segment last;
	struct mw_logrec rec;
	int n = 0, r = 0;

	while (n < LINES_MAX && (r = mw_logread_next(f->log, &rec)) == 1) {
		(void)mw_live_feed(l, rec.line, rec.len, now_ns);
		n++;
	}
	/* a finished segment grows no more */
	if (r == 0 && n == 0 && f->seg_dir && last_segment(f, &last) == 0 &&
	    last.first > f->segment.first)
		r = open_segment(f, &last);
	if (r < 0 && r != -ENODATA) {
		if (!f->why[0])
			snprintf(f->why, sizeof(f->why), "%s", mw_logread_error(f->log));
		return r;
	}
	return n;
}

/* --- the daemon ---------------------------------------------------------------------------------
 */

static int open_daemon(struct mw_top_feed *f, const char *control)
{
	f->path = mw_cli_control_path(control);
	if (!f->path)
		return MW_EXIT_FAIL;
	f->fd = mw_control_ask(f->path, "watch", f->why, sizeof(f->why));
	return f->fd < 0 ? mw_cli_fail("%s", f->why) : 0;
}

static int give_lines(struct mw_top_feed *f, struct mw_live *l, int64_t now_ns)
{
	static const char error[] = "error: ";
	const char *p = (const char *)f->buf.p, *nl;
	int n = 0;

	while (f->at < f->buf.len && (nl = memchr(p + f->at, '\n', f->buf.len - f->at))) {
		const size_t len = (size_t)(nl - p) - f->at;

		if (len > sizeof(error) && memcmp(p + f->at, error, sizeof(error) - 1) == 0) {
			snprintf(f->why, sizeof(f->why), "the daemon says: %.*s",
				 (int)(len < 200 ? len - sizeof(error) + 1 : 200),
				 p + f->at + sizeof(error) - 1);
			return -EREMOTEIO;
		}
		(void)mw_live_feed(l, p + f->at, len, now_ns);
		f->at += len + 1;
		n++;
	}
	mw_buf_consume(&f->buf, f->at);
	f->at = 0;
	return n;
}

static int pull_daemon(struct mw_top_feed *f, struct mw_live *l, int64_t now_ns)
{
	ssize_t k = 1;
	int n = 0, r;

	while (n < LINES_MAX && k > 0) {
		r = mw_buf_reserve(&f->buf, 65536);
		if (r < 0) {
			snprintf(f->why, sizeof(f->why), "the daemon's answer: %s", strerror(-r));
			return r;
		}
		k = recv(f->fd, f->buf.p + f->buf.len, f->buf.cap - f->buf.len, MSG_DONTWAIT);
		if (k > 0) {
			f->buf.len += (size_t)k;
			r = give_lines(f, l, now_ns);
			if (r < 0)
				return r;
			n += r;
		}
	}
	if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR))
		return n ? n : -ENODATA;
	return n;
}

/* --- both ---------------------------------------------------------------------------------------
 */

int mw_top_feed_open(const char *log, const char *control, struct mw_top_feed **ret)
{
	struct mw_top_feed *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return mw_cli_fail("not enough memory");
	f->fd = -1;
	mw_buf_init(&f->buf, &mw_heap, MW_CONTROL_ANSWER_MAX);
	r = log ? open_log(f, log) : open_daemon(f, control);
	if (r) {
		mw_top_feed_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

void mw_top_feed_close(struct mw_top_feed *f)
{
	if (!f)
		return;
	mw_close(&f->fd);
	mw_buf_done(&f->buf);
	mw_logread_free(f->log);
	free(f->path);
	free(f->seg_dir);
	free(f);
}

int mw_top_feed_fd(const struct mw_top_feed *f)
{
	return f->fd;
}

int mw_top_feed_pull(struct mw_top_feed *f, struct mw_live *l, int64_t now_ns, const char **ret_why)
{
	int r = f->log ? pull_log(f, l, now_ns) : pull_daemon(f, l, now_ns);

	if (r == -ENODATA)
		snprintf(f->why, sizeof(f->why), "the daemon has ended");
	*ret_why = f->why;
	return r;
}
