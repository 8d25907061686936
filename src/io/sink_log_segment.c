/* SPDX-License-Identifier: Apache-2.0 */
/* sink_log_segment.c - segments: names, room, flags */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Set aside at a time: seldom enough not to be felt, little enough to be given back. */
#define ROOM_STEP (4u << 20)

void mw_log_segment_name(uint64_t first, char ret[MW_LOG_NAME_MAX])
{
	snprintf(ret, MW_LOG_NAME_MAX, MW_SEGMENT_NAME_FMT, first);
}

int mw_log_dir_at(int at, const char *name)
{
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void mw_log_append_only(int fd, bool on)
{
	int flags;

	/* a help against mistakes: where the file system has no such flag, or it may not be set,
	 * the seals still show every change */
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_APPEND_FL) == !on)
		return;
	flags ^= FS_APPEND_FL;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

int mw_log_cut(int fd, uint64_t len, bool append_only)
{
	struct stat st;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size <= len)
		return (uint64_t)st.st_size == len ? 0 : -EUCLEAN;
	mw_log_append_only(fd, false);
	if (ftruncate(fd, (off_t)len) < 0)
		r = -errno;
	if (append_only)
		mw_log_append_only(fd, true);
	return r;
}

int mw_log_segment_room(struct mw_log *s, uint64_t len)
{
	if (s->no_room || s->end + len <= s->room)
		return 0;
	/* FALLOC_FL_KEEP_SIZE: whoever reads the file sees its lines only */
	if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)s->end, ROOM_STEP) < 0) {
		if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
			/* less may do */
			return fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)s->end, (off_t)len) < 0
				   ? -errno
				   : 0;
		s->no_room = true;
		return 0;
	}
	s->room = s->end + ROOM_STEP;
	return 0;
}

void mw_log_segment_close(struct mw_log *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	/* a cut to the length it has gives back what lies behind */
	if (s->room > s->end && fstat(s->fd, &st) == 0) {
		mw_log_append_only(s->fd, false);
		(void)!ftruncate(s->fd, st.st_size);
		if (s->cfg.append_only)
			mw_log_append_only(s->fd, true);
	}
	mw_close(&s->fd);
	s->end = s->room = 0;
}

int mw_log_segment_next(struct mw_log *s)
{
	char name[MW_LOG_NAME_MAX];
	int fd, r;

	r = mw_log_out(s);
	if (r < 0)
		return r;
	mw_log_segment_name(s->next_seq, name);
	fd = openat(s->seg_dir_fd, name,
		    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (s->cfg.append_only)
		mw_log_append_only(fd, true);
	mw_log_segment_close(s);
	s->fd = fd;
	s->first = s->next_seq;
	s->from = 0;
	s->new_name = s->new_segment = true;
	s->n_segments++;
	return 0;
}

int mw_log_segment_open(struct mw_log *s, uint64_t first, uint64_t end)
{
	char name[MW_LOG_NAME_MAX];
	int fd;

	mw_log_segment_name(first, name);
	fd = openat(s->seg_dir_fd, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (s->cfg.append_only)
		mw_log_append_only(fd, true);
	s->fd = fd;
	s->first = first;
	s->from = s->end = end;
	s->room = 0;
	return 0;
}
