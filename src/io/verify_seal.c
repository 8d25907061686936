/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_seal.c - seals.jsonl, the newest checkpoint, and the seal records of deleted segments
 *
 * A seal's line is written whole after all it covers, and on disk before the checkpoint is put in
 * place: so a checkpoint may be one seal behind after a crash, and never ahead.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "io/verify_priv.h"

/* --- lines of a file that grows -----------------------------------------------------------------
 */

static ssize_t more(struct mw_verify *v, struct mw_verify_lines *l)
{
	void *p = l->buf + l->len;
	ssize_t n;

	if (l == &v->seals && v->store.seals)
		return v->store.seals(v->store.ctx, p, MW_VERIFY_SEAL_MAX - l->len);
	do
		n = read(l->fd, p, MW_VERIFY_SEAL_MAX - l->len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* 1 and the line; 0: no whole one now; negative errno: -EFBIG (longer than any). */
static int next_line(struct mw_verify *v, struct mw_verify_lines *l, struct mw_slice *ret)
{
	char *nl;
	ssize_t n;

	if (l->fd < 0 && !v->store.seals)
		return 0;
	for (;;) {
		nl = l->len > l->at ? memchr(l->buf + l->at, '\n', l->len - l->at) : NULL;
		if (nl)
			break;
		memmove(l->buf, l->buf + l->at, l->len - l->at);
		l->len -= l->at;
		l->at = 0;
		if (l->len == MW_VERIFY_SEAL_MAX)
			return -EFBIG;
		n = more(v, l);
		if (n <= 0)
			return (int)n;
		l->len += (size_t)n;
	}
	*ret = mw_slice(l->buf + l->at, (size_t)(nl - l->buf) - l->at);
	l->at += ret->n + 1;
	l->line_no++;
	return 1;
}

static int open_lines(struct mw_verify *v, struct mw_verify_lines *l, const char *name)
{
	if (l->fd >= 0)
		return 0;
	if (!l->buf)
		l->buf = malloc(MW_VERIFY_SEAL_MAX);
	if (!l->buf)
		return -ENOMEM;
	if (v->store.seals)
		return 0;
	l->fd = openat(v->dir_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return l->fd < 0 && errno != ENOENT ? -errno : 0;
}

int mw_vf_seals_open(struct mw_verify *v)
{
	return open_lines(v, &v->seals, MW_VERIFY_SEALS);
}

/* --- a seal -------------------------------------------------------------------------------------
 */

static bool parse_u64(struct mw_slice s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	*ret = v;
	return s.n > 0 && (s.n == 1 || s.p[0] != '0');
}

/* {"epoch":N,"checkpoint":"<signed note>"}; the note's text stays in v->text. */
static bool parse_seal(struct mw_verify *v, struct mw_slice line, uint64_t *ret_epoch,
		       struct mw_note *ret)
{
	struct mw_slice epoch, checkpoint;
	unsigned int one, same;

	mw_buf_reset(&v->text, MW_VERIFY_SEAL_MAX);
	return mw_json_check(line, 8, NULL, NULL) == 0 &&
	       mw_json_member(line, "epoch", &epoch, &one) == 0 && one == 1 &&
	       mw_json_member(line, "checkpoint", &checkpoint, &same) == 0 && same == 1 &&
	       parse_u64(epoch, ret_epoch) && mw_json_str_decode(checkpoint, &v->text) == 0 &&
	       mw_note_parse((const char *)v->text.p, v->text.len, ret) == 0;
}

static void start_ahead(struct mw_verify *v)
{
	off_t at = lseek(v->seals.fd, 0, SEEK_CUR);

	if (at >= 0)
		v->ahead = mw_vf_ahead_new(v->seals.fd, at - (off_t)(v->seals.len - v->seals.at),
					   v->seals.line_no, &v->identity);
}

static int check_identity(struct mw_verify *v, const struct mw_note *note)
{
	int r;

	if (v->ahead && mw_vf_ahead_get(v->ahead, v->seals.line_no, mw_buf_slice(&v->text), &r))
		return r;
	return mw_note_verify(note, &v->identity, NULL);
}

/* Whether the note bears both signatures that it must. */
static bool check_signatures(struct mw_verify *v, const struct mw_note *note, uint64_t line_no)
{
	int r = mw_note_verify(note, &v->key, NULL);
	int by_identity = check_identity(v, note);
	const uint64_t seq = v->tree.n;

	if (r == -ENOMEM || by_identity == -ENOMEM)
		mw_vf_error(v, -ENOMEM);
	else if (r == 1 && by_identity == 1)
		return true;
	else if (r == 1)
		mw_vf_found_in(v, MW_FOUND_SEAL_FORGED, seq, MW_VERIFY_SEALS, line_no,
			       "and those behind it are in seal %" PRIu64
			       ", which the log's identity has not signed",
			       v->epoch);
	else
		mw_vf_found_in(v, MW_FOUND_SEAL_FORGED, seq, MW_VERIFY_SEALS, line_no,
			       "and those behind it are in seal %" PRIu64 ", which %s: %s",
			       v->epoch,
			       r == 0 ? "the one-time key of that epoch has not signed"
				      : "bears a wrong signature of that epoch's one-time key",
			       by_identity == 1 ? "the identity's signature alone proves nothing"
						: "nor has the log's identity");
	return false;
}

static bool take_seal(struct mw_verify *v, struct mw_slice line)
{
	const uint64_t line_no = v->seals.line_no, seq = v->tree.n;
	struct mw_checkpoint c;
	struct mw_note note;
	uint64_t epoch;

	if (!parse_seal(v, line, &epoch, &note) ||
	    mw_checkpoint_parse(note.body, note.body_len, &c) < 0) {
		mw_vf_found_in(v, MW_FOUND_SEAL_DAMAGED, seq, MW_VERIFY_SEALS, line_no,
			       "and those behind it are in seal %" PRIu64
			       ", whose line is damaged: it is no seal",
			       v->epoch);
		return false;
	}
	if (epoch != v->epoch) {
		mw_vf_found_in(v, MW_FOUND_SEAL_MISSING, seq, MW_VERIFY_SEALS, line_no,
			       "and those behind it are in seal %" PRIu64
			       ", which is missing: seal %" PRIu64 " stands in its place",
			       v->epoch, epoch);
		return false;
	}
	if (!check_signatures(v, &note, line_no))
		return false;
	if (strcmp(c.origin, v->origin) != 0 || c.size <= v->tree.n ||
	    c.size - v->tree.n > MW_VERIFY_WAIT_MAX) {
		mw_vf_found_in(v, MW_FOUND_SEAL_FORGED, seq, MW_VERIFY_SEALS, line_no,
			       "follows a seal, and the next one, of '%s' and %" PRIu64
			       " records, cannot follow it",
			       c.origin, c.size);
		return false;
	}
	v->next = (struct mw_verify_seal){
		.epoch = epoch, .size = c.size, .root = c.root, .line_no = line_no, .key = v->key
	};
	v->have_next = true;
	return true;
}

bool mw_vf_seal_next(struct mw_verify *v)
{
	struct mw_slice line;
	int r;

	r = open_lines(v, &v->seals, MW_VERIFY_SEALS);
	if (r == 0)
		r = next_line(v, &v->seals, &line);
	if (r == 1 && v->ahead_in && --v->ahead_in == 0)
		start_ahead(v);
	if (r == 1)
		return take_seal(v, line);
	if (r == -EFBIG)
		mw_vf_found_in(v, MW_FOUND_SEAL_DAMAGED, v->tree.n, MW_VERIFY_SEALS,
			       v->seals.line_no + 1, "is in a seal whose line has no end");
	else if (r < 0)
		mw_vf_error(v, r);
	return false;
}

bool mw_vf_seal_kept(struct mw_verify *v, uint64_t seq, const struct mw_hash *leaf,
		     struct mw_line_mark *ret)
{
	struct mw_line_head head;
	struct mw_slice line;
	struct mw_hash hash;

	if (open_lines(v, &v->kept, MW_SEGMENT_KEPT) < 0)
		return false;
	/* in order; one may be there twice: a crash between keeping it and deleting its segment */
	while (next_line(v, &v->kept, &line) == 1) {
		mw_line_head((const char *)line.p, line.n, &head);
		if (!head.has_seq || head.seq != seq)
			continue;
		mw_tlog_leaf(line.p, line.n, &hash);
		if (memcmp(&hash, leaf, sizeof(hash)) != 0)
			return false;
		mw_line_mark((const char *)line.p, line.n, &head, ret);
		return true;
	}
	return false;
}

/* --- the newest ---------------------------------------------------------------------------------
 */

/* Whether the checkpoint is that of a seal, with both signatures. */
static bool is_of(const struct mw_verify *v, const struct mw_note *note,
		  const struct mw_checkpoint *c, const struct mw_verify_seal *seal)
{
	return c->size == seal->size && memcmp(&c->root, &seal->root, sizeof(c->root)) == 0 &&
	       mw_note_verify(note, &v->identity, NULL) == 1 &&
	       mw_note_verify(note, &seal->key, NULL) == 1;
}

static void cosignatures(struct mw_verify *v, const struct mw_note *note)
{
	uint64_t when;
	size_t i;
	int r;

	for (i = 0; i < v->n_witness; i++) {
		r = mw_note_verify(note, &v->witness[i], &when);
		if (r == 1)
			mw_vf_notice(
			    v, "the checkpoint is cosigned by %s, at %" PRIu64 " s since 1970",
			    v->witness[i].name, when);
		else if (r < 0)
			mw_vf_found_in(v, MW_FOUND_CHECKPOINT, UINT64_MAX, "checkpoint", 0,
				       "bears a wrong cosignature of %s", v->witness[i].name);
	}
}

/* 0; 1: the newest; 2: the one before it. Takes seals that came meanwhile. */
static int look_at_checkpoint(struct mw_verify *v, const char **ret_why)
{
	_cleanup_(mw_freep) char *text = NULL;
	struct mw_checkpoint c;
	struct mw_note note;
	size_t n;
	int r;

	r = mw_vf_text(v, "checkpoint", MW_NOTE_MAX, &text, &n);
	*ret_why = "is missing";
	if (r == -ENOENT)
		return v->n_seals == 1 ? 2 : 0;
	*ret_why = "is damaged";
	if (r < 0 || mw_note_parse(text, n, &note) < 0 ||
	    mw_checkpoint_parse(note.body, note.body_len, &c) < 0)
		return 0;
	*ret_why = "is not the newest seal's: one of them was put in the place of another";
	if (is_of(v, &note, &c, &v->last)) {
		cosignatures(v, &note);
		return 1;
	}
	if (c.size > v->last.size) {
		*ret_why = "is newer than all seals: they were cut off";
		/* or the log has grown since they were read */
		return v->rep.writer && mw_vf_seal_next(v);
	}
	return v->n_seals > 1 && is_of(v, &note, &c, &v->before) ? 2 : 0;
}

void mw_vf_checkpoint(struct mw_verify *v)
{
	const char *why;
	int r;

	if (v->n_seals == 0) {
		if (faccessat(v->dir_fd, "checkpoint", F_OK, 0) == 0)
			mw_vf_found_in(v, MW_FOUND_SEAL_MISSING, 0, MW_VERIFY_SEALS, 1,
				       "and all behind it were sealed: there is a checkpoint, but "
				       "no seal any more");
		return;
	}
	r = look_at_checkpoint(v, &why);
	/* who made a bundle had the time to finish it */
	if (r == 0 || (r == 2 && v->store.file))
		mw_vf_found_in(v, MW_FOUND_CHECKPOINT, UINT64_MAX, "checkpoint", 0,
			       "the checkpoint %s", why);
	else if (r == 2 && !v->rep.writer)
		mw_vf_notice(v, "the last seal was not finished: the checkpoint is that of the one "
				"before");
	if (v->seals.at < v->seals.len && v->store.file)
		mw_vf_found_in(v, MW_FOUND_SEAL_DAMAGED, UINT64_MAX, MW_VERIFY_SEALS,
			       v->seals.line_no + 1, "its last line has no end");
	else if (v->seals.at < v->seals.len && !v->rep.writer)
		mw_vf_notice(v, "%s ends with half a line: a seal was not finished",
			     MW_VERIFY_SEALS);
}
