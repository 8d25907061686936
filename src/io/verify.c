/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c
 *
 * Held by tests/unit/test_verify*.c:
 *  1. A leaf is in `tree` only after the tree that its seal signs had it, at that place.
 *  2. A seal is looked at only with the key of its epoch, which stands in the leaf of the seal
 * before.
 *  3. What is not in `tree` proves nothing: what such records say of the log is not believed.
 */
#include "io/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include "base/cleanup.h"
#include "io/verify_priv.h"
#include "io/when.h"

/* --- findings -----------------------------------------------------------------------------------
 */

const char *mw_finding_name(enum mw_finding f)
{
	static const char *const name[] = {
		[MW_FOUND_NONE] = "none",
		[MW_FOUND_EDITED] = "edited",
		[MW_FOUND_DELETED] = "deleted",
		[MW_FOUND_INSERTED] = "inserted",
		[MW_FOUND_MOVED] = "moved",
		[MW_FOUND_CUT] = "cut",
		[MW_FOUND_CHANGED] = "changed",
		[MW_FOUND_DAMAGED] = "damaged",
		[MW_FOUND_SEAL_MISSING] = "seal_missing",
		[MW_FOUND_SEAL_FORGED] = "seal_forged",
		[MW_FOUND_SEAL_DAMAGED] = "seal_damaged",
		[MW_FOUND_CHECKPOINT] = "checkpoint",
		[MW_FOUND_REPLACED] = "replaced",
		[MW_FOUND_ANCHOR] = "anchor",
		[MW_FOUND_TILE] = "tile",
		[MW_FOUND_GENERATION] = "generation",
		[MW_FOUND_UNSEALED] = "unsealed",
		[MW_FOUND_STALE] = "stale",
		[MW_FOUND_EARLY] = "early",
		[MW_FOUND_NOT_SEALED] = "not_sealed",
	};

	return name[f];
}

static void found(struct mw_verify *v, enum mw_finding f, uint64_t seq, const char *fmt, va_list ap)
{
	struct mw_verify_report *rep = &v->rep;

	v->stop = true;
	rep->finding = f;
	rep->verdict = f >= MW_FOUND_UNSEALED ? MW_LOG_SHORT : MW_LOG_TAMPERED;
	rep->has_seq = seq != UINT64_MAX;
	rep->seq = rep->has_seq ? seq : 0;
	vsnprintf(rep->text, sizeof(rep->text), fmt, ap);
}

void mw_vf_found(struct mw_verify *v, enum mw_finding f, uint64_t seq, const char *fmt, ...)
{
	size_t i = v->n_segs;
	va_list ap;

	if (v->rep.finding)
		return;
	va_start(ap, fmt);
	found(v, f, seq, fmt, ap);
	va_end(ap);
	while (i > 1 && v->segs[i - 1].first > seq)
		i--;
	if (i == 0 || v->segs[i - 1].first > seq)
		return;
	snprintf(v->rep.file, sizeof(v->rep.file), "seg/%s", v->segs[i - 1].file);
	v->rep.line = seq - v->segs[i - 1].first + 1;
}

void mw_vf_found_in(struct mw_verify *v, enum mw_finding f, uint64_t seq, const char *file,
		    uint64_t line, const char *fmt, ...)
{
	va_list ap;

	if (v->rep.finding)
		return;
	va_start(ap, fmt);
	found(v, f, seq, fmt, ap);
	va_end(ap);
	snprintf(v->rep.file, sizeof(v->rep.file), "%s", file);
	v->rep.line = line;
}

void mw_vf_soft(struct mw_verify *v, enum mw_finding f, const char *fmt, ...)
{
	va_list ap;

	if (v->soft)
		return;
	v->soft = f;
	va_start(ap, fmt);
	vsnprintf(v->soft_text, sizeof(v->soft_text), fmt, ap);
	va_end(ap);
}

void mw_vf_notice(struct mw_verify *v, const char *fmt, ...)
{
	va_list ap;

	if (v->rep.n_notices == MW_VERIFY_NOTICES) {
		v->rep.more_notices++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(v->rep.notice[v->rep.n_notices++], MW_VERIFY_TEXT, fmt, ap);
	va_end(ap);
}

void mw_vf_error(struct mw_verify *v, int r)
{
	if (!v->error)
		v->error = r;
	v->stop = true;
}

/* --- what a seal settles ------------------------------------------------------------------------
 */

/* A tile, as far as it goes in a tree of that size, against what the lines gave. */
static void check_tile(struct mw_verify *v, uint64_t size, unsigned int level, uint64_t index)
{
	struct mw_hash tile[MW_TILE_WIDTH];
	char name[MW_TILE_NAME_MAX];
	unsigned int n;
	int r;

	if (v->soft)
		return;
	r = mw_tiles_read(v->dir_fd, size, level, index, tile, &n);
	if (r == 0 && memcmp(tile, v->tile[level], n * sizeof(*tile)) == 0)
		return;
	mw_tile_name(size, level, index, name);
	mw_vf_soft(v, MW_FOUND_TILE, "%s %s; the records are as they were sealed", name,
		   r == -ENOENT ? "is missing" : "is not what the records give");
}

/* Whether the anchors that saw the tree at its present size saw this one. */
void mw_vf_anchors_here(struct mw_verify *v)
{
	struct mw_hash root;

	if (v->next_anchor == v->n_anchors || v->anchor[v->next_anchor].c.size != v->tree.n)
		return;
	mw_tlog_root(&v->tree, &root);
	for (; v->next_anchor < v->n_anchors && v->anchor[v->next_anchor].c.size == v->tree.n;
	     v->next_anchor++)
		if (!v->bad_anchor &&
		    memcmp(&root, &v->anchor[v->next_anchor].c.root, sizeof(root)) != 0)
			v->bad_anchor = &v->anchor[v->next_anchor];
}

static void add_leaves(struct mw_verify *v, uint64_t size)
{
	struct mw_hash full[MW_TILE_LEVELS];
	unsigned int i, n;
	size_t k;

	for (k = 0; v->tree.n < size; k++) {
		v->tile[0][v->tree.n % MW_TILE_WIDTH] = v->wait[k];
		n = mw_tlog_add_tiles(&v->tree, &v->wait[k], full);
		for (i = 0; i < n && i < MW_TILE_LEVELS; i++) {
			/* the tile that is full now, and its root in the one above */
			const uint64_t done = v->tree.n >> (8 * (i + 1));

			check_tile(v, v->tree.n, i, done - 1);
			if (i + 1 < MW_TILE_LEVELS)
				v->tile[i + 1][(done - 1) % MW_TILE_WIDTH] = full[i];
		}
		mw_vf_anchors_here(v);
	}
	for (i = 0; i < MW_TILE_LEVELS; i++) {
		const uint64_t all = size >> (8 * i);

		n = (unsigned int)(all % MW_TILE_WIDTH);
		if (n && n != v->tile_seen[i])
			check_tile(v, size, i, all / MW_TILE_WIDTH);
		v->tile_seen[i] = n;
	}
}

/* Adds what the seal covers; if that is not what it signs, the tree stays as it was. */
static bool add_sealed(struct mw_verify *v)
{
	const struct mw_tlog_tree tree = v->tree;
	const enum mw_finding soft = v->soft;
	struct mw_hash root;

	add_leaves(v, v->next.size);
	mw_tlog_root(&v->tree, &root);
	if (memcmp(&root, &v->next.root, sizeof(root)) == 0)
		return true;
	v->tree = tree;
	v->soft = soft;
	return false;
}

/*
 * A clock that goes back is no fault of the log's; it is worth saying. Records of seals and of the
 * daemon have the time they are written at, all others that of what they tell of.
 */
static void look_at_clock(struct mw_verify *v, const struct mw_line_mark *m)
{
	if (m->time_ns < v->last_ns && v->n_back++ == 0)
		v->back_at = m->seq;
	v->last_ns = m->time_ns;
}

void mw_vf_told(struct mw_verify *v, const struct mw_line_mark *m)
{
	look_at_clock(v, m);
	if (m->kind != MW_LINE_DAEMON)
		return;
	v->stopped = m->stop;
	v->says_damaged |= m->damaged;
	if (m->prune_to > v->prune_to)
		v->prune_to = m->prune_to;
}

/* What the records that are sealed now say of the log. The last of them must be the seal's own. */
static void take_marks(struct mw_verify *v, struct mw_line_mark *seal)
{
	size_t i;

	for (i = 0; i < v->n_mark && v->mark[i].seq < v->next.size; i++) {
		const struct mw_line_mark *m = &v->mark[i];

		mw_vf_told(v, m);
		if (m->kind == MW_LINE_SEAL && m->seq == v->next.size - 1)
			*seal = *m;
	}
	v->n_mark -= i;
	memmove(v->mark, v->mark + i, v->n_mark * sizeof(*v->mark));
}

static void take_next_key(struct mw_verify *v, const struct mw_line_mark *seal)
{
	char name[MW_NOTE_NAME_MAX];
	const uint64_t seq = v->next.size - 1;

	if (seal->kind != MW_LINE_SEAL || !seal->good) {
		mw_vf_found(v, MW_FOUND_SEAL_FORGED, seq,
			    "is no seal record, though seal %" PRIu64 " says it is its own",
			    v->next.epoch);
		return;
	}
	if (seal->epoch != v->next.epoch) {
		mw_vf_found(v, MW_FOUND_SEAL_FORGED, seq,
			    "is the record of seal %" PRIu64 ", but seal %" PRIu64 " signs it",
			    seal->epoch, v->next.epoch);
		return;
	}
	mw_epoch_name(v->origin, v->next.epoch + 1, name);
	if (seal->next.alg != MW_NOTE_ED25519 || strcmp(seal->next.name, name) != 0) {
		mw_vf_found(v, MW_FOUND_SEAL_FORGED, seq, "names a next key that is not '%s'",
			    name);
		return;
	}
	v->key = seal->next;
	v->rep.sealed_ns = seal->time_ns;
}

void mw_vf_bad_anchor(struct mw_verify *v)
{
	if (v->bad_anchor)
		mw_vf_found(v, MW_FOUND_ANCHOR, v->bad_anchor->c.size - 1,
			    "or one before it is not what %s has seen: the log was rolled "
			    "back and gone on with, or forged with stolen keys",
			    v->bad_anchor->name);
}

void mw_vf_sealed(struct mw_verify *v, const struct mw_line_mark *seal)
{
	if (!v->stop)
		take_next_key(v, seal);
	if (v->stop)
		return;
	v->before = v->last;
	v->last = v->next;
	v->have_next = false;
	v->n_seals++;
	v->epoch = v->last.epoch + 1;
	v->rep.sealed = v->tree.n;
	v->rep.seals = v->n_seals;
}

static void settle(struct mw_verify *v)
{
	const uint64_t old = v->tree.n, size = v->next.size, n = size - old;
	struct mw_line_mark seal = { 0 };

	if (!add_sealed(v)) {
		mw_vf_find(v, MW_TROUBLE_ROOT, 0);
		return;
	}
	mw_vf_bad_anchor(v);
	if (!v->stop && size <= v->from_tiles && !mw_vf_seal_kept(v, size - 1, &v->wait[n - 1], &seal))
		mw_vf_found(v, MW_FOUND_DELETED, old,
			    "is gone, and so is the record of seal %" PRIu64
			    " that says which key comes next",
			    v->next.epoch);
	take_marks(v, &seal);
	mw_vf_sealed(v, &seal);
	if (v->stop)
		return;
	v->n_wait -= n;
	memmove(v->wait, v->wait + n, v->n_wait * sizeof(*v->wait));
	/* numbers that are not their place were sealed so: nobody has changed them since */
	if (v->odd && v->odd_at < size)
		mw_vf_found(v, MW_FOUND_EDITED, v->odd_at,
			    "was sealed with another number in it: this is no log of ours");
}

/* Settles what can be. */
static void advance(struct mw_verify *v)
{
	while (!v->stop && (v->have_next || mw_vf_seal_next(v)) && v->next.size <= mw_vf_end(v))
		settle(v);
}

/* --- lines --------------------------------------------------------------------------------------
 */

static bool wait_room(struct mw_verify *v)
{
	size_t cap = v->cap_wait ? 2 * v->cap_wait : 1024;
	struct mw_hash *p;

	if (v->n_wait < v->cap_wait)
		return true;
	if (v->n_wait == MW_VERIFY_WAIT_MAX) {
		mw_vf_found(v, MW_FOUND_UNSEALED, v->tree.n,
			    "and all behind it are not sealed: more than any log leaves so");
		return false;
	}
	p = reallocarray(v->wait, cap, sizeof(*p));
	if (!p) {
		mw_vf_error(v, -ENOMEM);
		return false;
	}
	v->wait = p;
	v->cap_wait = cap;
	return true;
}

static void add_mark(struct mw_verify *v, const char *line, size_t n,
		     const struct mw_line_head *head)
{
	/* the last ones count: the one in front of a seal that comes */
	if (v->n_mark == MW_VERIFY_MARKS)
		memmove(v->mark, v->mark + 1, --v->n_mark * sizeof(*v->mark));
	mw_line_mark(line, n, head, &v->mark[v->n_mark]);
	v->mark[v->n_mark++].seq = mw_vf_end(v);
}

void mw_verify_line(struct mw_verify *v, const char *line, size_t n)
{
	struct mw_line_head head;

	if (v->stop)
		return;
	if (v->n_wait == MW_VERIFY_WAIT_MAX)
		mw_verify_poll(v);
	if (v->stop || !wait_room(v))
		return;
	mw_line_head(line, n, &head);
	if (!v->odd && (!head.has_seq || head.seq != mw_vf_end(v))) {
		v->odd = true;
		v->odd_at = mw_vf_end(v);
		v->odd_seq = head.has_seq ? head.seq : UINT64_MAX;
	}
	if (head.kind)
		add_mark(v, line, n, &head);
	mw_tlog_leaf(line, n, &v->wait[v->n_wait++]);
	v->rep.read_len += n + 1;
	if (v->have_next && v->next.size == mw_vf_end(v))
		advance(v);
}

/* The oldest records are gone: their leaves are in the tiles. */
static void take_tiles(struct mw_verify *v, uint64_t first)
{
	uint64_t to;
	int r;

	v->from_tiles = first;
	while (!v->stop && mw_vf_end(v) < first) {
		advance(v);
		if (v->stop)
			return;
		if (!v->have_next) {
			mw_vf_found(v, MW_FOUND_DELETED, mw_vf_end(v),
				    "and all to %" PRIu64 " are gone, and were never sealed",
				    first - 1);
			return;
		}
		to = v->next.size < first ? v->next.size : first;
		while (!v->stop && mw_vf_end(v) < to) {
			uint64_t at = mw_vf_end(v);
			size_t n = MW_TILE_WIDTH - at % MW_TILE_WIDTH;
			struct mw_hash leaf[MW_TILE_WIDTH];

			n = n < to - at ? n : (size_t)(to - at);
			r = mw_tiles_leaves(v->dir_fd, v->next.size, at, n, leaf);
			if (r < 0) {
				mw_vf_found(v, MW_FOUND_DELETED, at,
					    "is gone, and the tile that had its hash too");
				return;
			}
			for (size_t i = 0; i < n && wait_room(v); i++)
				v->wait[v->n_wait++] = leaf[i];
		}
		advance(v);
	}
}

void mw_verify_segment(struct mw_verify *v, uint64_t first, const char *file)
{
	struct mw_verify_segment *p;

	if (v->stop)
		return;
	if (v->n_segs == 0 && first > 0)
		take_tiles(v, first);
	else
		advance(v);
	if (!v->stop && first != mw_vf_end(v))
		mw_vf_find(v, MW_TROUBLE_NEXT, first);
	if (v->stop)
		return;
	if ((v->n_segs & (v->n_segs - 1)) == 0) {
		p = reallocarray(v->segs, v->n_segs ? 2 * v->n_segs : 1, sizeof(*p));
		if (!p) {
			mw_vf_error(v, -ENOMEM);
			return;
		}
		v->segs = p;
	}
	v->segs[v->n_segs].first = first;
	snprintf(v->segs[v->n_segs++].file, sizeof(v->segs[0].file), "%s", file);
}

void mw_verify_broken(struct mw_verify *v, const char *why)
{
	if (v->stop)
		return;
	/* what stands before it may be the first that is bad */
	if (v->odd)
		mw_vf_find(v, MW_TROUBLE_END, 0);
	mw_vf_found(v, MW_FOUND_DAMAGED, mw_vf_end(v), "cannot be read: %s", why);
}

bool mw_verify_poll(struct mw_verify *v)
{
	if (!v->stop)
		advance(v);
	return !v->stop && v->have_next;
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void check_deleted(struct mw_verify *v)
{
	if (v->from_tiles > v->prune_to)
		mw_vf_found(v, MW_FOUND_DELETED, v->prune_to,
			    "and all to %" PRIu64
			    " are gone with their segments, and no sealed record says so",
			    v->from_tiles - 1);
	v->rep.deleted = v->from_tiles;
}

void mw_vf_age(struct mw_verify *v)
{
	const int64_t age = v->now_ns - v->rep.sealed_ns;

	if (!v->now_ns || !v->n_seals || v->stopped || age < MW_VERIFY_STALE_NS)
		return;
	mw_vf_found(v, MW_FOUND_STALE, v->tree.n - 1,
		    "is the last one: sealed %" PRId64
		    " s ago, and the log does not end with a stop: what followed may be cut off",
		    age / 1000000000);
}

void mw_vf_early(struct mw_verify *v)
{
	if (v->next_anchor < v->n_anchors)
		mw_vf_found(v, MW_FOUND_EARLY, v->tree.n,
			    "and all behind it are missing: %s has seen %" PRIu64 " records",
			    v->anchor[v->n_anchors - 1].name, v->anchor[v->n_anchors - 1].c.size);
}

static void check_tail(struct mw_verify *v, uint64_t torn)
{
	v->rep.tail = v->n_wait;
	if (v->rep.writer)
		return;
	if (v->n_wait)
		mw_vf_found(
		    v, MW_FOUND_UNSEALED, v->tree.n,
		    "and all behind it (%zu) are not sealed, and nobody is writing: nothing "
		    "proves them",
		    v->n_wait);
	else if (torn)
		mw_vf_found(v, MW_FOUND_UNSEALED, v->tree.n,
			    "has no end (%" PRIu64 " bytes), and nobody is writing", torn);
	else if (v->n_seals == 0)
		mw_vf_found_in(v, MW_FOUND_UNSEALED, UINT64_MAX, MW_VERIFY_SEALS, 0,
			       "nothing was sealed yet, and nobody is writing");
}

void mw_verify_end(struct mw_verify *v, uint64_t torn)
{
	struct mw_verify_report *rep = &v->rep;

	if (!v->stop && v->have_next)
		mw_vf_find(v, MW_TROUBLE_END, 0);
	if (!v->stop)
		mw_vf_checkpoint(v);
	if (!v->stop && v->odd)
		mw_vf_found(v, MW_FOUND_EDITED, v->odd_at,
			    "is not sealed, and its line does not say that number");
	if (!v->stop)
		check_deleted(v);
	if (v->says_damaged)
		mw_vf_soft(
		    v, MW_FOUND_GENERATION,
		    "the log says that an older generation of it was found damaged, and that "
		    "is not in damaged/ any more");
	if (v->soft && !v->rep.finding) {
		mw_vf_found_in(v, v->soft, UINT64_MAX, "", 0, "%s", v->soft_text);
	} else if (v->soft) {
		mw_vf_notice(v, "%s", v->soft_text);
	}
	if (!v->stop)
		mw_vf_early(v);
	if (!v->stop)
		check_tail(v, torn);
	if (!v->stop)
		mw_vf_age(v);
	if (v->n_back)
		mw_vf_notice(v, "the clock goes back at record %" PRIu64 "%s", v->back_at,
			     v->n_back > 1 ? ", and at others" : "");
	if (!rep->finding && !rep->writer && !v->error)
		rep->tail = 0;
}

/* A thread costs more than a few seals. */
#define AHEAD_BEHIND 16

void mw_verify_ahead(struct mw_verify *v)
{
	if (!v->store.seals)
		v->ahead_in = AHEAD_BEHIND;
}

const struct mw_verify_report *mw_verify_report(const struct mw_verify *v)
{
	return &v->rep;
}

int mw_verify_error(const struct mw_verify *v)
{
	return v->error;
}

void mw_verify_free(struct mw_verify *v)
{
	if (!v)
		return;
	/* first the thread: it reads the seals */
	mw_vf_ahead_free(v->ahead);
	mw_close(&v->dir_fd);
	mw_close(&v->seals.fd);
	mw_close(&v->kept.fd);
	free(v->seals.buf);
	free(v->kept.buf);
	mw_buf_done(&v->text);
	free(v->witness);
	free(v->wait);
	free(v->mark);
	free(v->segs);
	free(v->anchor);
	free(v);
}
