/* SPDX-License-Identifier: Apache-2.0 */
/* sink_log_open.c - start: the folder, its name and its keys */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int mw_log_start_fail(struct mw_log_start *st, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(st->err, st->err_len, fmt, ap);
	va_end(ap);
	return r;
}

int mw_log_start_damaged(struct mw_log_start *st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(st->why, sizeof(st->why), fmt, ap);
	va_end(ap);
	return -EUCLEAN;
}

int mw_log_file_read(int at, const char *name, char *buf, size_t max, size_t *ret_n)
{
	_cleanup_(mw_close) int fd = -1;
	struct stat st;
	size_t n = 0;
	ssize_t k;

	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	while (n < max) {
		k = read(fd, buf + n, max - n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0) {
			*ret_n = n;
			return 0;
		}
		n += (size_t)k;
	}
	return -EFBIG;
}

int mw_log_file_write(int at, const char *name, const char *text, size_t n)
{
	_cleanup_(mw_close) int fd = -1;
	char beside[64];
	int r;

	snprintf(beside, sizeof(beside), "%s.new", name);
	fd = openat(at, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = mw_file_write(fd, text, n, NULL);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(at, beside, at, name) < 0 || fsync(at) < 0)
		return -errno;
	return 0;
}

/* --- a new log --- */

/* A note's name has no space and no '+', and this one no slash of its own. */
static void clean_host(char *host)
{
	char *p;

	for (p = host; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		      (*p >= '0' && *p <= '9') || *p == '.' || *p == '-' || *p == '_'))
			*p = '-';
	if (!*host)
		memcpy(host, "host", sizeof("host"));
}

static int write_names(struct mw_log_start *st)
{
	struct mw_log_sealer *q = &st->log->seal;
	char name[MW_NOTE_NAME_MAX], first[MW_VKEY_MAX], id[MW_VKEY_MAX], text[2 * MW_VKEY_MAX];
	struct mw_skey key;
	int r, n;

	mw_epoch_name(q->origin, 0, name);
	r = mw_skey_of(name, q->epoch.seed, &key);
	if (r == 0) {
		mw_vkey_print(&key.pub, first);
		mw_vkey_print(&q->identity.pub, id);
		n = snprintf(text, sizeof(text), "%s\n%s\n", id, first);
		r = mw_log_file_write(st->log->dir_fd, "vkeys", text, (size_t)n);
	}
	mw_skey_done(&key);
	if (r < 0)
		return r;
	/* the log is there when its name is */
	n = snprintf(text, sizeof(text), "%s\n", q->origin);
	return mw_log_file_write(st->log->dir_fd, "origin", text, (size_t)n);
}

static int create(struct mw_log_start *st)
{
	struct mw_log_sealer *q = &st->log->seal;
	char host[128] = "", uuid[MW_UUID_TEXT_LEN + 1];
	int r;

	(void)gethostname(host, sizeof(host) - 1); /* what is not known has a name of its own */
	clean_host(host);
	r = mw_uuid_new(st->uuid);
	if (r < 0)
		return mw_log_start_fail(st, r, "cannot make log %s: no randomness", st->log->dir);
	mw_uuid_print(st->uuid, uuid);
	snprintf(q->origin, sizeof(q->origin), "%s/mcpwatch/%s", host, uuid);
	r = mw_epoch_new(st->log->cfg.keys, st->uuid, st->err, st->err_len, &q->epoch, &q->key_fd);
	if (r < 0)
		return r;
	q->seals_fd = openat(st->log->dir_fd, "seals.jsonl",
			     O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = q->seals_fd < 0 ? -errno : 0;
	if (r == 0)
		r = mw_skey_of(q->origin, mw_keys_identity(st->log->cfg.keys), &q->identity);
	if (r == 0)
		r = mw_log_sealer_name(q);
	if (r == 0)
		r = mw_tiles_open(st->log->dir_fd, 0, &q->tiles);
	if (r == 0)
		r = write_names(st);
	if (r < 0)
		return mw_log_start_fail(st, r, "cannot make log %s: %s", st->log->dir,
					 strerror(-r));
	return 0;
}

/* --- an existing one --- */

static bool is_empty(struct mw_log *s)
{
	_cleanup_(mw_freep) struct mw_segment *all = NULL;
	struct stat st;
	size_t n = 0;

	return mw_segments_list(s->seg_dir_fd, &all, &n) == 0 && n == 0 &&
	       faccessat(s->dir_fd, "checkpoint", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       (fstatat(s->dir_fd, "seals.jsonl", &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size == 0);
}

/* 0: there is a log of this name; 1: there is none. */
static int read_origin(struct mw_log_start *st)
{
	struct mw_log *s = st->log;
	char text[MW_NOTE_NAME_MAX];
	size_t n;
	int r;

	r = mw_log_file_read(s->dir_fd, "origin", text, sizeof(text), &n);
	if (r == -ENOENT && is_empty(s))
		return 1;
	if (r == -ENOENT)
		return mw_log_start_damaged(st, "origin is gone");
	if (r < 0 && r != -EFBIG && r != -EBADMSG && r != -ELOOP)
		return mw_log_start_fail(st, r, "cannot read %s/origin: %s", s->dir, strerror(-r));
	if (r < 0 || n < MW_UUID_TEXT_LEN + 2 || text[n - 1] != '\n' || memchr(text, '\n', n - 1) ||
	    text[n - 2 - MW_UUID_TEXT_LEN] != '/' ||
	    mw_uuid_parse(text + n - 1 - MW_UUID_TEXT_LEN, MW_UUID_TEXT_LEN, st->uuid) < 0)
		return mw_log_start_damaged(st, "origin is no log's name");
	text[n - 1] = '\0';
	memcpy(s->seal.origin, text, n);
	memcpy(st->origin, text, n);
	return 0;
}

static int open_folder(struct mw_log_start *st)
{
	struct mw_log *s = st->log;
	int r;

	r = mw_file_make_dirs(s->dir);
	if (r == 0) {
		s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = s->dir_fd < 0 ? -errno : 0;
	}
	if (r == -ENOTDIR || r == -EEXIST)
		return mw_log_start_fail(st, -ENOTDIR,
					 "cannot open log %s: it is a file; name a folder", s->dir);
	if (r == 0 && flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r == -EWOULDBLOCK)
			return mw_log_start_fail(
			    st, -EBUSY,
			    "log %s is being written by another mcpwatch; name another folder",
			    s->dir);
	}
	if (r == 0)
		r = mw_keys_inside(s->cfg.keys, s->dir_fd);
	if (r == 1)
		return mw_log_start_fail(st, -EINVAL,
					 "keys folder %s lies in the log's folder %s; name one "
					 "outside of it",
					 mw_keys_dir(s->cfg.keys), s->dir);
	if (r < 0)
		return mw_log_start_fail(st, r, "cannot open log %s: %s", s->dir, strerror(-r));
	return 0;
}

int mw_log_open(struct mw_log *s, struct mw_sink_log_found *found, char *err, size_t err_len)
{
	struct mw_log_start st = { .log = s, .found = found, .err = err, .err_len = err_len };
	_cleanup_(mw_freep) struct mw_segment *all = NULL;
	int r;

	*err = '\0';
	r = open_folder(&st);
	if (r == 0)
		r = mw_log_damaged_look(&st);
	if (r < 0)
		return r;
	s->seg_dir_fd = mw_log_dir_at(s->dir_fd, "seg");
	if (s->seg_dir_fd < 0)
		return mw_log_start_fail(&st, s->seg_dir_fd, "cannot open log %s: %s", s->dir,
					 strerror(-s->seg_dir_fd));
	s->seal.dir_fd = s->dir_fd;
	s->seal.seg_dir_fd = s->seg_dir_fd;
	r = read_origin(&st);
	if (r == 0)
		r = mw_log_check(&st);
	if (r == -EUCLEAN) {
		r = mw_log_damaged_move(&st);
		if (r == 0)
			r = 1;
	}
	if (r == 1)
		r = create(&st);
	if (r < 0)
		return r;
	r = mw_segments_list(s->seg_dir_fd, &all, &s->n_segments);
	if (r < 0)
		return mw_log_start_fail(&st, r, "cannot read log %s: %s", s->dir, strerror(-r));
	if (s->cfg.append_only)
		mw_log_append_only(s->seal.seals_fd, true);
	s->keep.dir_fd = s->dir_fd;
	s->keep.seg_dir_fd = s->seg_dir_fd;
	s->keep.sealed = s->n_sealed = mw_tiles_size(s->seal.tiles);
	found->next_seq = s->next_seq;
	/* without one a full disk leaves no last words, but a gap all the same */
	(void)mw_log_reserve(s->dir_fd);
	return 0;
}

int mw_sink_log_names(const char *dir, char *err, size_t err_len, struct mw_sink_log_names *ret)
{
	_cleanup_(mw_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct mw_sink_log_names names;
	size_t n_origin = 0, n_vkeys = 0;
	int r = fd < 0 ? -errno : 0;

	if (r == 0)
		r = mw_log_file_read(fd, "origin", names.origin, sizeof(names.origin), &n_origin);
	if (r == 0)
		r = mw_log_file_read(fd, "vkeys", names.vkeys, sizeof(names.vkeys), &n_vkeys);
	if (r < 0) {
		snprintf(err, err_len, "cannot read log %s: %s", dir, strerror(-r));
		return r;
	}
	names.vkeys[n_vkeys] = '\0';
	names.origin[n_origin] = '\0';
	names.origin[strcspn(names.origin, "\n")] = '\0';
	*ret = names;
	return 0;
}
