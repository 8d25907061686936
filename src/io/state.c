/* SPDX-License-Identifier: Apache-2.0 */
#include "io/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "core/state.h"
#include "io/file.h"
#include "io/heap.h"

#define NAME	 "state.jsonl"
#define NAME_NEW "state.new"
#define HEAD	 "{\"mcpwatch_state\":1}"
#define CHUNK	 65536

struct mw_state_dir {
	char *dir;
	int dir_fd, fd;
	bool writes;
	struct mw_state *loaded; /* until all of it was told */
	struct mw_state_walk at;
	uint64_t len, base;    /* of the file; of it as it was rewritten last */
	char lost[MW_ERR_MAX]; /* to be told, or "" */
	int error;
	uint64_t unkept;
	union {
		struct mw_ev_state ev;
		uint8_t bytes[sizeof(struct mw_ev_state) + MW_STATE_LINE_MAX + 8];
	} out;
};

/* What reading found. */
struct found {
	struct mw_state *state;
	uint64_t lines, bad, size; /* size: bytes of the file */
	bool torn;		   /* its last line has no end: somebody may be writing it */
	bool foreign;		   /* it does not begin as ours do */
	long newer;		   /* a version above ours, 0 not */
};

static int __attribute__((format(printf, 4, 5)))
fail(int r, char *err, size_t err_len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_len, fmt, ap);
	va_end(ap);
	return r;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static void take_head(struct found *f, struct mw_slice line)
{
	struct mw_slice v;
	long n = 0;
	size_t i;

	if (mw_slice_eq_str(line, HEAD))
		return;
	f->foreign = true;
	if (mw_json_member(line, "mcpwatch_state", &v, NULL) < 0 || v.n > 9)
		return;
	for (i = 0; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
		n = n * 10 + (v.p[i] - '0');
	if (i == v.n && n > 1)
		f->newer = n;
}

static int take_line(struct found *f, struct mw_slice line)
{
	int r;

	if (f->lines++ == 0) {
		take_head(f, line);
		return 0;
	}
	if (f->foreign)
		return 0;
	r = mw_state_load(f->state, line);
	f->bad += r == -EINVAL;
	return r == -EINVAL ? 0 : r;
}

/* All lines of a file; one that is too long is a bad one. */
static int read_all(int fd, struct found *f)
{
	_cleanup_(mw_freep) char *buf = malloc(CHUNK + MW_STATE_LINE_MAX);
	size_t have = 0, at, n;
	bool skip = false; /* what comes up to the next end is the rest of a line too long */
	ssize_t got;
	char *end;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	while ((got = read(fd, buf + have, CHUNK)) > 0) {
		f->size += (uint64_t)got;
		if (f->size > MW_STATE_DIR_MAX)
			return -EFBIG;
		have += (size_t)got;
		for (at = 0; (end = memchr(buf + at, '\n', have - at)); at += n + 1) {
			n = (size_t)(end - buf) - at;
			if (!skip)
				r = take_line(f, mw_slice(buf + at, n));
			if (r < 0)
				return r;
			skip = false;
		}
		have -= at;
		memmove(buf, buf + at, have);
		if (have > MW_STATE_LINE_MAX) {
			f->bad += !skip;
			f->foreign |= f->lines++ == 0;
			skip = true;
			have = 0;
		}
	}
	f->torn = have > 0 || skip;
	return got < 0 ? -errno : 0;
}

static int open_file(struct mw_state_dir *d, char *err, size_t err_len)
{
	struct stat st;
	int r;

	d->fd = openat(d->dir_fd, NAME,
		       (d->writes ? O_RDWR | O_APPEND : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK |
			   O_NOCTTY | O_CLOEXEC);
	if (d->fd < 0 || fstat(d->fd, &st) < 0) {
		r = -errno;
		if (r == -ENOENT)
			return r;
		return fail(r, err, err_len, "cannot open %s/" NAME ": %s", d->dir,
			    r == -ELOOP ? "it is a symbolic link" : strerror(-r));
	}
	if (!S_ISREG(st.st_mode))
		return fail(-EPERM, err, err_len, "%s/" NAME " is no plain file", d->dir);
	if (st.st_uid != geteuid() || (st.st_mode & 0077))
		return fail(-EPERM, err, err_len,
			    "%s/" NAME " belongs to user %u with mode %04o: it must be ours and "
			    "nobody else's",
			    d->dir, st.st_uid, st.st_mode & 07777);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* Lines gathered, so that a rewritten file is not one system call a line. */
struct out {
	int fd;
	size_t n;
	uint64_t len;
	char buf[CHUNK];
};

static int out_flush(struct out *o)
{
	int r = mw_file_write(o->fd, o->buf, o->n, NULL);

	o->len += o->n;
	o->n = 0;
	return r;
}

static int out_line(struct out *o, struct mw_slice line)
{
	int r = 0;

	if (o->n + line.n + 1 > sizeof(o->buf))
		r = out_flush(o);
	if (r < 0)
		return r;
	memcpy(o->buf + o->n, line.p, line.n);
	o->n += line.n;
	o->buf[o->n++] = '\n';
	return 0;
}

/* Writes all of `state` (NULL: nothing) beside, and puts it in the file's place. */
static int rewrite(struct mw_state_dir *d, struct mw_state *state)
{
	_cleanup_(mw_freep) struct out *o = calloc(1, sizeof(*o));
	struct mw_state_walk at = { 0 };
	struct mw_slice line;
	int r;

	if (!o)
		return -ENOMEM;
	if (unlinkat(d->dir_fd, NAME_NEW, 0) < 0 && errno != ENOENT)
		return -errno;
	o->fd = openat(d->dir_fd, NAME_NEW,
		       O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (o->fd < 0)
		return -errno;
	r = out_line(o, mw_slice_str(HEAD));
	while (r == 0 && state && (r = mw_state_all(state, &at, &line)) == 1)
		r = out_line(o, line);
	if (r == 0)
		r = out_flush(o);
	if (r == 0 && (fchmod(o->fd, 0600) < 0 || fsync(o->fd) < 0 ||
		       renameat(d->dir_fd, NAME_NEW, d->dir_fd, NAME) < 0 || fsync(d->dir_fd) < 0))
		r = -errno;
	if (r < 0) {
		close(o->fd);
		return r;
	}
	mw_close(&d->fd);
	d->fd = o->fd;
	d->len = d->base = o->len;
	return 0;
}

/* The file as it is gets another name: nothing that was learned is thrown away unseen. */
static int move_aside(struct mw_state_dir *d, char name[48])
{
	snprintf(name, 48, "damaged-%lld", (long long)time(NULL));
	if (renameat(d->dir_fd, NAME, d->dir_fd, name) < 0)
		return -errno;
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------
 */

/* What was found is not all there should be: it is kept for who wants to look, and what could be
 * read of it goes on. */
static int damaged(struct mw_state_dir *d, const struct found *f, const char *why, char *note,
		   size_t note_len)
{
	char aside[48] = "";
	int r;

	if (!d->writes) {
		snprintf(note, note_len, "%s/" NAME ": %s", d->dir, why);
		snprintf(d->lost, sizeof(d->lost), "%s", why);
		return 0;
	}
	r = move_aside(d, aside);
	if (r == 0)
		r = rewrite(d, f->state);
	if (r < 0)
		return fail(r, note, note_len, "%s/" NAME ": %s; and it cannot be made anew: %s",
			    d->dir, why, strerror(-r));
	snprintf(note, note_len,
		 "%s/" NAME ": %s: it was moved to %s, and what could be read goes on", d->dir, why,
		 aside);
	snprintf(d->lost, sizeof(d->lost), "%s", why);
	return 0;
}

static int judge(struct mw_state_dir *d, const struct found *f, int r, char *note, size_t note_len)
{
	const bool torn = f->torn && d->writes; /* else it is being written */
	struct mw_state_stats st;
	char why[96];

	if (r == -EFBIG)
		snprintf(why, sizeof(why), "it is longer than %u bytes", MW_STATE_DIR_MAX);
	else if (r < 0)
		return fail(r, note, note_len, "cannot read %s/" NAME ": %s", d->dir, strerror(-r));
	else if (f->newer)
		return fail(-EPROTONOSUPPORT, note, note_len,
			    "%s/" NAME " is of version %ld, of a newer mcpwatch", d->dir, f->newer);
	else if (f->foreign || !f->lines)
		snprintf(why, sizeof(why), "it is no file of state");
	else if (f->bad)
		snprintf(why, sizeof(why), "%llu of its lines cannot be read",
			 (unsigned long long)f->bad);
	else if (torn)
		snprintf(why, sizeof(why), "its last line is cut");
	else
		why[0] = '\0';
	if (why[0])
		return damaged(d, f, why, note, note_len);
	mw_state_stats(f->state, &st);
	d->len = d->base = f->size;
	/* what was replaced, or forgotten for room, needs no line any more */
	if (d->writes && f->lines - 1 != st.pins + st.tools) {
		r = rewrite(d, f->state);
		if (r < 0)
			return fail(r, note, note_len, "cannot write %s/" NAME ": %s", d->dir,
				    strerror(-r));
	}
	return 0;
}

static int load(struct mw_state_dir *d, char *note, size_t note_len)
{
	struct found f = { 0 };
	int r;

	r = open_file(d, note, note_len);
	if (r == -ENOENT) {
		if (!d->writes)
			return 0;
		r = rewrite(d, NULL);
		return r < 0 ? fail(r, note, note_len, "cannot make %s/" NAME ": %s", d->dir,
				    strerror(-r))
			     : 0;
	}
	if (r < 0)
		return r;
	r = mw_state_new(&mw_heap, &f.state);
	if (r == 0)
		r = read_all(d->fd, &f);
	r = judge(d, &f, r, note, note_len);
	if (r < 0) {
		mw_state_free(f.state);
		return r;
	}
	d->loaded = f.state;
	return 0;
}

int mw_state_dir_open(const char *dir, bool write, char *note, size_t note_len,
		      struct mw_state_dir **ret)
{
	_cleanup_(mw_state_dir_closep) struct mw_state_dir *d = calloc(1, sizeof(*d));
	bool held = false;
	size_t n;
	int r;

	note[0] = '\0';
	if (d)
		d->dir_fd = d->fd = -1;
	if (!d || !(d->dir = strdup(dir)))
		return fail(-ENOMEM, note, note_len, "no memory");
	d->writes = write;
	r = mw_file_open_private(dir, "state", write, note, note_len);
	/* there is nothing to read, then */
	if (r == -ENOENT && !write) {
		note[0] = '\0';
		*ret = MW_TAKE(d);
		return 0;
	}
	if (r < 0)
		return r;
	d->dir_fd = r;
	if (write && flock(d->dir_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return fail(-errno, note, note_len, "cannot lock state folder %s: %s", dir,
				    strerror(errno));
		held = true;
		d->writes = false;
	}
	r = load(d, note, note_len);
	if (r < 0)
		return r;
	if (held) {
		n = strlen(note);
		snprintf(note + n, note_len - n,
			 "%sstate folder %s is in use by another mcpwatch: what this one learns is "
			 "not kept",
			 n ? "; " : "", dir);
	}
	*ret = MW_TAKE(d);
	return 0;
}

int mw_state_dir_none(const char *why, struct mw_state_dir **ret)
{
	struct mw_state_dir *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->dir_fd = d->fd = -1;
	snprintf(d->lost, sizeof(d->lost), "%s", why);
	*ret = d;
	return 0;
}

/* --- while it runs ------------------------------------------------------------------------------
 */

static const struct mw_event_hdr *event(struct mw_state_dir *d, uint32_t kind, struct mw_slice text)
{
	struct mw_ev_state *ev = &d->out.ev;

	memset(&d->out, 0, sizeof(*ev) + (text.n + 7) / 8 * 8);
	*ev = (struct mw_ev_state){
		.hdr = { .type = MW_EV_STATE,
			 .len = (uint32_t)(sizeof(*ev) + (text.n + 7) / 8 * 8),
			 .cpu = MW_CPU_NONE },
		.len = (uint32_t)text.n,
		.kind = kind,
	};
	memcpy(ev + 1, text.p, text.n);
	return &ev->hdr;
}

const struct mw_event_hdr *mw_state_dir_next(struct mw_state_dir *d)
{
	const struct mw_event_hdr *h;
	struct mw_slice line;
	int r;

	if (d->loaded) {
		r = mw_state_all(d->loaded, &d->at, &line);
		if (r == 1)
			return event(d, MW_STATE_LINE, line);
		mw_state_free(d->loaded);
		d->loaded = NULL;
		if (r < 0)
			return event(d, MW_STATE_LOST, mw_slice_str("no memory"));
	}
	if (!d->lost[0])
		return NULL;
	h = event(d, MW_STATE_LOST, mw_slice_str(d->lost));
	d->lost[0] = '\0';
	return h;
}

/* The file has grown by what it says twice: as at the start. */
static int shrink(struct mw_state_dir *d)
{
	struct found f = { 0 };
	int r;

	r = mw_state_new(&mw_heap, &f.state);
	if (r == 0 && lseek(d->fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = read_all(d->fd, &f);
	if (r == 0 && (f.bad || f.torn || f.foreign))
		r = -EBADMSG;
	if (r == 0)
		r = rewrite(d, f.state);
	mw_state_free(f.state);
	return r;
}

static int append(struct mw_state_dir *d, struct mw_slice line)
{
	char buf[MW_STATE_LINE_MAX + 1];
	size_t done;
	int r = 0;

	if (line.n > MW_STATE_LINE_MAX)
		return -EINVAL;
	if (d->len - d->base > MW_STATE_DIR_GROW)
		r = shrink(d);
	if (r < 0)
		return r;
	memcpy(buf, line.p, line.n);
	buf[line.n] = '\n';
	r = mw_file_write(d->fd, buf, line.n + 1, &done);
	/* no half a line, which the next run would take for damage */
	if (r < 0 && done && ftruncate(d->fd, (off_t)d->len) < 0)
		r = -errno;
	if (r == 0)
		d->len += line.n + 1;
	return r;
}

void mw_state_dir_write(struct mw_state_dir *d, struct mw_slice line)
{
	if (!d->writes)
		return;
	if (!d->error) {
		d->error = append(d, line);
		if (d->error)
			snprintf(d->lost, sizeof(d->lost), "what is learned cannot be kept: %s",
				 strerror(-d->error));
	}
	d->unkept += d->error != 0;
}

uint64_t mw_state_dir_unkept(const struct mw_state_dir *d, int *ret_error)
{
	if (ret_error)
		*ret_error = d->error;
	return d->unkept;
}

void mw_state_dir_close(struct mw_state_dir *d)
{
	if (!d)
		return;
	if (d->fd >= 0 && d->writes)
		(void)fsync(d->fd);
	mw_state_free(d->loaded);
	mw_close(&d->fd);
	mw_close(&d->dir_fd);
	free(d->dir);
	free(d);
}
