/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_check.c - start: seals, keys, checkpoint and tiles held against each other
 *
 * What a crash may leave, whatever moment it came at (sink_log.h has the order):
 *   epoch file without a plan	seals.jsonl ends with the epoch before it
 *   epoch file with a plan	the same, or with a torn line behind it, or with this epoch's line
 *   checkpoint			of the last line, or of the one before it
 * and behind it lines that are not sealed. Anything else is damage.
 */
#include "io/sink_log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "io/heap.h"

/* Of seals.jsonl: the last lines, of which each is a note in JSON. */
#define TAIL_LEN (3 * 2 * MW_NOTE_MAX)

struct seal {
	bool any;
	uint64_t epoch;
	struct mw_checkpoint at;
	struct mw_buf text; /* the note */
	off_t begin, end;   /* its line */
};

struct seals {
	struct seal last, before;
	char *tail;
	size_t n;
	off_t tail_at;
};

static void seals_done(struct seals *s)
{
	mw_buf_done(&s->last.text);
	mw_buf_done(&s->before.text);
	free(s->tail);
}

static bool parse_u64(struct mw_slice v, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(v.p[i] - '0'), &n))
			return false;
	*ret = n;
	return v.n > 0;
}

/* One line, without its newline. 0, -EUCLEAN, -ENOMEM. */
static int parse_seal(struct mw_slice line, struct seal *s)
{
	struct mw_slice epoch, note;
	struct mw_note parts;
	int r;

	if (mw_json_member(line, "epoch", &epoch, NULL) < 0 || !parse_u64(epoch, &s->epoch) ||
	    mw_json_member(line, "checkpoint", &note, NULL) < 0 || note.n < 2 || note.p[0] != '"')
		return -EUCLEAN;
	mw_buf_init(&s->text, &mw_heap, MW_NOTE_MAX);
	r = mw_json_str_decode(note, &s->text);
	if (r < 0)
		return r == -ENOMEM ? r : -EUCLEAN;
	if (mw_note_parse((const char *)s->text.p, s->text.len, &parts) < 0 ||
	    mw_checkpoint_parse(parts.body, parts.body_len, &s->at) < 0)
		return -EUCLEAN;
	s->any = true;
	return 0;
}

/* The line that ends at or before tail[end]. 0: it or none is in *ret. */
static int take_seal(const struct seals *all, size_t end, struct seal *ret)
{
	const char *p = all->tail, *nl;
	size_t begin;
	int r;

	if (end == 0)
		return 0;
	nl = end > 1 ? memrchr(p, '\n', end - 1) : NULL;
	if (!nl && all->tail_at > 0)
		return 0; /* an older one than is read */
	begin = nl ? (size_t)(nl + 1 - p) : 0;
	r = parse_seal(mw_slice(p + begin, end - 1 - begin), ret);
	ret->begin = all->tail_at + (off_t)begin;
	ret->end = all->tail_at + (off_t)end;
	return r;
}

static int read_tail(struct mw_log_start *st, struct seals *all)
{
	struct mw_log_sealer *q = &st->log->seal;
	struct stat sb;
	ssize_t n;

	q->seals_fd = openat(st->log->dir_fd, "seals.jsonl",
			     O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (q->seals_fd < 0 && errno == ENOENT)
		return mw_log_start_damaged(st, "seals.jsonl is gone");
	if (q->seals_fd < 0 || fstat(q->seals_fd, &sb) < 0)
		return -errno;
	all->tail = malloc(TAIL_LEN);
	if (!all->tail)
		return -ENOMEM;
	all->tail_at = sb.st_size > TAIL_LEN ? sb.st_size - TAIL_LEN : 0;
	n = pread(q->seals_fd, all->tail, TAIL_LEN, all->tail_at);
	if (n < 0)
		return -errno;
	all->n = (size_t)n;
	return 0;
}

static int read_seals(struct mw_log_start *st, struct seals *all)
{
	const char *nl;
	size_t end;
	int r;

	r = read_tail(st, all);
	if (r < 0)
		return r;
	/* a torn line was not followed by anything: its seal is done again */
	nl = all->n ? memrchr(all->tail, '\n', all->n) : NULL;
	end = nl ? (size_t)(nl + 1 - all->tail) : 0;
	if (end == 0 && all->tail_at > 0)
		return mw_log_start_damaged(st, "seals.jsonl does not end in a seal");
	r = take_seal(all, end, &all->last);
	if (r == 0 && all->last.any)
		r = take_seal(all, (size_t)(all->last.begin - all->tail_at), &all->before);
	return r == -EUCLEAN ? mw_log_start_damaged(st, "seals.jsonl does not end in a seal") : r;
}

/* What the last seal says is this log's, and signed by this host. */
static int check_seal(struct mw_log_start *st, const struct seal *s)
{
	const struct mw_log_sealer *q = &st->log->seal;
	struct mw_note note;
	int r;

	if (strcmp(s->at.origin, q->origin) != 0)
		return mw_log_start_damaged(st, "the last seal is of another log");
	r = mw_note_parse((const char *)s->text.p, s->text.len, &note);
	if (r == 0)
		r = mw_note_verify(&note, &q->identity.pub, NULL);
	if (r == 0)
		return mw_log_start_fail(
		    st, -EPERM,
		    "log %s was not signed with %s/identity.key; name the keys "
		    "folder it was made with",
		    st->log->dir, mw_keys_dir(st->log->cfg.keys));
	return r < 0 ? mw_log_start_damaged(st, "the last seal is not signed by this host") : 0;
}

/* Which seal is the last whole one, by the epoch file; that of its plan is done again. */
static int check_epochs(struct mw_log_start *st, struct seals *all)
{
	struct mw_log_sealer *q = &st->log->seal;
	const struct mw_epoch *e = &q->epoch;
	struct seal *s = &all->last;
	int r;

	if (s->any) {
		r = check_seal(st, s);
		if (r < 0)
			return r;
		/* named in the record if something is wrong from here on */
		st->size = s->at.size;
		st->root = s->at.root;
	}
	if (s->any && e->plan_size && e->epoch == s->epoch) {
		if (e->plan_size != s->at.size ||
		    memcmp(&e->plan_root, &s->at.root, sizeof(s->at.root)) != 0)
			return mw_log_start_damaged(st, "the last seal is not the planned one");
		s = &all->before;
		if (!s->any && e->epoch > 0)
			return mw_log_start_damaged(st, "the seal before the last one is gone");
	}
	if (!s->any && e->epoch > 0)
		return mw_log_start_damaged(
		    st, "its seals are gone: its keys are at epoch %" PRIu64, e->epoch);
	if (s->any && e->epoch > s->epoch + 1)
		return mw_log_start_damaged(st,
					    "its last seals are gone: they end with epoch %" PRIu64
					    ", its keys are at %" PRIu64,
					    s->epoch, e->epoch);
	if (s->any && e->epoch < s->epoch + 1)
		return mw_log_start_damaged(
		    st, "its keys are older than it: they are at epoch %" PRIu64, e->epoch);
	q->seals_end = s->any ? s->end : 0;
	st->epoch = s->epoch;
	st->size = s->any ? s->at.size : 0;
	st->root = s->at.root;
	return 0;
}

static bool is_text(const struct seal *s, const char *text, size_t n)
{
	return s->any && s->text.len == n && memcmp(s->text.p, text, n) == 0;
}

/* The newest checkpoint, as the seals have it. */
static int check_checkpoint(struct mw_log_start *st, const struct seals *all)
{
	char text[MW_NOTE_MAX + 1];
	size_t n = 0;
	int r;

	r = mw_log_file_read(st->log->dir_fd, "checkpoint", text, sizeof(text), &n);
	if (r == -ENOENT && (!all->last.any || all->last.epoch == 0))
		r = 0;
	else if (r == -ENOENT || r == -EFBIG || r == -EBADMSG || r == -ELOOP)
		return mw_log_start_damaged(st, "checkpoint is gone or no file");
	else if (r == 0 && !is_text(&all->last, text, n) && !is_text(&all->before, text, n))
		return mw_log_start_damaged(st, "checkpoint is not that of the last seal");
	if (r == 0 && all->last.any && !is_text(&all->last, text, n))
		r = mw_log_file_write(st->log->dir_fd, "checkpoint", (const char *)all->last.text.p,
				      all->last.text.len);
	return r;
}

/* Tiles are made of lines: they can be made again. */
static int make_tiles(struct mw_log_start *st)
{
	_cleanup_(mw_freep) struct mw_segment *all = NULL;
	struct mw_log *s = st->log;
	struct mw_tiles *t = NULL;
	struct mw_hash root;
	size_t n = 0, i;
	int r;

	r = mw_segments_list(s->seg_dir_fd, &all, &n);
	if (r < 0)
		return r;
	for (i = n; i-- > 0;) {
		if (all[i].first > st->size || mw_tiles_open(s->dir_fd, all[i].first, &t) < 0)
			continue;
		r = mw_log_tiles_of_lines(st, all + i, n - i, t);
		mw_tiles_root(t, &root);
		if (r == 0 && memcmp(&root, &st->root, sizeof(root)) == 0)
			r = mw_tiles_write(t);
		else
			r = -EUCLEAN;
		if (r == 0) {
			s->seal.tiles = t;
			return 0;
		}
		mw_tiles_close(t);
		t = NULL;
		if (r != -EUCLEAN)
			return r;
	}
	return mw_log_start_damaged(st, "its tiles do not make the root of the last seal");
}

static int check_tiles(struct mw_log_start *st)
{
	struct mw_log *s = st->log;
	struct mw_hash root;
	int r;

	r = mw_tiles_open(s->dir_fd, st->size, &s->seal.tiles);
	if (r == 0 && st->size > 0) {
		mw_tiles_root(s->seal.tiles, &root);
		if (memcmp(&root, &st->root, sizeof(root)) != 0) {
			mw_tiles_close(s->seal.tiles);
			s->seal.tiles = NULL;
			r = -EBADMSG;
		}
	}
	return r == -EBADMSG || r == -ENOENT ? make_tiles(st) : r;
}

int mw_log_check(struct mw_log_start *st)
{
	_cleanup_(seals_done) struct seals all = { 0 };
	struct mw_log *s = st->log;
	struct mw_log_sealer *q = &s->seal;
	int r;

	r = mw_epoch_open(s->cfg.keys, st->uuid, st->err, st->err_len, &q->epoch, &q->key_fd);
	if (r == -ENOENT)
		return mw_log_start_fail(st, r,
					 "log %s has no keys in %s; name the keys folder it was "
					 "made with, or another log folder",
					 s->dir, mw_keys_dir(s->cfg.keys));
	if (r < 0)
		return r;
	r = mw_skey_of(q->origin, mw_keys_identity(s->cfg.keys), &q->identity);
	if (r == -EINVAL)
		return mw_log_start_damaged(st, "origin is no log's name");
	if (r == 0)
		r = mw_log_sealer_name(q);
	if (r == 0)
		r = read_seals(st, &all);
	if (r == 0)
		r = check_epochs(st, &all);
	if (r == 0)
		r = check_checkpoint(st, &all);
	if (r == 0)
		r = check_tiles(st);
	if (r == 0)
		r = mw_log_check_lines(st);
	if (r < 0 && r != -EUCLEAN && !*st->err)
		mw_log_start_fail(st, r, "cannot open log %s: %s", s->dir, strerror(-r));
	return r;
}
