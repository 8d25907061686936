/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_damaged.c - a damaged generation goes away whole, and the next one says so
 *
 * damaged/next is written before anything is moved and removed when the generation that follows has
 * said it under a seal: whatever moment a crash comes at, the next start goes on from there.
 *
 *	<uuid, of the folder in damaged/>
 *	<origin, or an empty line>
 *	<size> <root, hex>
 *	<what is wrong>
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Its name goes last: while that is there, there is something to move. */
static const char *const parts[] = { "seg",	     "tile",	   "quarantine", "seals.jsonl",
				     "pruned.jsonl", "checkpoint", "vkeys",	 "origin" };

struct next {
	char text[2048];
	char *uuid, *origin, *tree, *why; /* in text */
};

static int next_read(int damaged_fd, struct next *ret)
{
	char **line[] = { &ret->uuid, &ret->origin, &ret->tree, &ret->why };
	char *p = ret->text, *nl;
	size_t n, i;
	int r;

	r = mw_log_file_read(damaged_fd, "next", ret->text, sizeof(ret->text) - 1, &n);
	if (r < 0)
		return r;
	ret->text[n] = '\0';
	for (i = 0; i < 4; i++) {
		nl = strchr(p, '\n');
		if (!nl)
			return -EBADMSG;
		*nl = '\0';
		*line[i] = p;
		p = nl + 1;
	}
	return strlen(ret->uuid) == MW_UUID_TEXT_LEN ? 0 : -EBADMSG;
}

static int move_parts(int dir_fd, int to_fd)
{
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int fd = openat(dir_fd, parts[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

		if (fd >= 0)
			mw_log_append_only(fd, false);
		mw_close(&fd);
		/* what is there already was moved before a crash, and what is here is of the next
		 */
		if (renameat2(dir_fd, parts[i], to_fd, parts[i], RENAME_NOREPLACE) < 0 &&
		    errno != ENOENT && errno != EEXIST)
			return -errno;
	}
	return fsync(to_fd) < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}

/* Where the generation that `next` names still is in the folder. */
static bool is_here(int dir_fd, const struct next *next)
{
	char text[MW_NOTE_NAME_MAX + 1];
	size_t n = 0;

	if (mw_log_file_read(dir_fd, "origin", text, sizeof(text), &n) < 0)
		return faccessat(dir_fd, "origin", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		       faccessat(dir_fd, "vkeys", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	return n > MW_UUID_TEXT_LEN + 1 &&
	       (memcmp(text + n - 1 - MW_UUID_TEXT_LEN, next->uuid, MW_UUID_TEXT_LEN) == 0 ||
		!*next->origin);
}

static int move(struct mw_log_start *st, int damaged_fd, const struct next *next)
{
	_cleanup_(mw_close) int to_fd = -1;
	int r;

	to_fd = mw_log_dir_at(damaged_fd, next->uuid);
	if (to_fd < 0)
		return to_fd;
	r = mw_log_file_write(to_fd, "why", next->why, strlen(next->why));
	return r < 0 ? r : move_parts(st->log->dir_fd, to_fd);
}

static void tell(struct mw_log_start *st, const struct next *next)
{
	struct mw_sink_log_found *f = st->found;
	char *end;

	f->damaged = true;
	snprintf(f->damaged_origin, sizeof(f->damaged_origin), "%s", next->origin);
	snprintf(f->damaged_why, sizeof(f->damaged_why), "%s", next->why);
	f->damaged_size = strtoull(next->tree, &end, 10);
	if (f->damaged_size && *end == ' ')
		snprintf(f->damaged_root, sizeof(f->damaged_root), "%s", end + 1);
}

int mw_log_damaged_look(struct mw_log_start *st)
{
	_cleanup_(mw_close) int damaged_fd = -1;
	struct next next;
	int r;

	damaged_fd =
	    openat(st->log->dir_fd, "damaged", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (damaged_fd < 0 && errno == ENOENT)
		return 0;
	r = damaged_fd < 0 ? -errno : next_read(damaged_fd, &next);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && is_here(st->log->dir_fd, &next))
		r = move(st, damaged_fd, &next);
	if (r < 0)
		return mw_log_start_fail(st, r, "cannot read %s/damaged/next: %s", st->log->dir,
					 strerror(-r));
	tell(st, &next);
	return 0;
}

static int print_next(const struct mw_log_start *st, char *text, size_t max)
{
	char uuid[MW_UUID_TEXT_LEN + 1], root[2 * MW_HASH_LEN + 1];
	size_t i;

	mw_uuid_print(st->uuid, uuid);
	for (i = 0; i < MW_HASH_LEN; i++)
		snprintf(root + 2 * i, 3, "%02x", st->root.p[i]);
	return snprintf(text, max, "%s\n%s\n%" PRIu64 " %s\n%s\n", uuid, st->origin, st->size, root,
			st->why);
}

/* All that was opened of it is closed. */
static void forget(struct mw_log *s)
{
	struct mw_log_sealer *q = &s->seal;

	mw_tiles_close(q->tiles);
	q->tiles = NULL;
	mw_close(&q->key_fd);
	mw_close(&q->seals_fd);
	mw_epoch_done(&q->epoch);
	mw_skey_done(&q->identity);
	q->seals_end = 0;
	mw_close(&s->fd);
	mw_close(&s->seg_dir_fd);
	s->end = s->room = s->next_seq = 0;
	s->leaves.n = 0;
}

int mw_log_damaged_move(struct mw_log_start *st)
{
	_cleanup_(mw_close) int damaged_fd = -1;
	struct mw_log *s = st->log;
	struct next next;
	int r, n;

	forget(s);
	/* one whose name is not known gets another for its folder */
	r = *st->origin ? 0 : mw_uuid_new(st->uuid);
	damaged_fd = r < 0 ? r : mw_log_dir_at(s->dir_fd, "damaged");
	r = damaged_fd;
	if (r >= 0) {
		n = print_next(st, next.text, sizeof(next.text));
		r = mw_log_file_write(damaged_fd, "next", next.text, (size_t)n);
	}
	if (r == 0)
		r = next_read(damaged_fd, &next);
	if (r == 0)
		r = move(st, damaged_fd, &next);
	if (r == 0) {
		s->seg_dir_fd = r = mw_log_dir_at(s->dir_fd, "seg");
		s->seal.seg_dir_fd = r;
	}
	if (r < 0)
		return mw_log_start_fail(st, r, "cannot move damaged log %s away (%s): %s", s->dir,
					 st->why, strerror(-r));
	*st->found = (struct mw_sink_log_found){ 0 };
	tell(st, &next);
	return 0;
}

void mw_log_damaged_said(int dir_fd)
{
	(void)!unlinkat(dir_fd, "damaged/next", 0);
}
