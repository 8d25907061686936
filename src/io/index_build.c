/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/index_priv.h"
#include "io/logread_priv.h"

struct builder {
	struct mw_index_db *db;
	const char *dir;
	struct mw_index_maker maker[MW_INDEX_ALL];
	struct mw_index_row row, before; /* the one being made; the last one that is there */
	bool any, have_before;
	int64_t last_ns;
	uint64_t seq; /* of the record being looked at */
	/* The log is not in order: it is read to its end all the same, to hear what was done to it.
	 */
	bool disorder;
	const struct mw_index_tally *tally;
	struct mw_index_built *built;
	char *err;
	size_t err_len;
	struct mw_logread *l;
};

static int fail(struct builder *b, int r, const char *what)
{
	snprintf(b->err, b->err_len, "%s: %s", b->dir, what);
	return r;
}

static int fail_tampered(struct builder *b)
{
	snprintf(b->err, b->err_len, "THE LOG IS TAMPERED OR FORGED: %s",
		 mw_logread_tampered(b->l));
	return -EUCLEAN;
}

static int disorder(struct builder *b)
{
	b->disorder = true;
	return fail(b, -EBADMSG, "its records do not follow each other: see 'mcpwatch verify'");
}

static int term(void *arg, unsigned int column, struct mw_slice value)
{
	struct builder *b = arg;

	return mw_index_maker_term(&b->maker[column], value);
}

static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int tie(void *arg, uint64_t seq)
{
	struct builder *b = arg;

	return mw_index_maker_number(&b->maker[MW_INDEX_TIES], zigzag((int64_t)(b->seq - seq)));
}

static int add_record(struct builder *b, const struct mw_logrec *rec)
{
	unsigned int i;
	int r;

	/* its number is its place, or nothing is found by it */
	if (!b->any || rec->seq != b->row.first + b->row.n)
		return disorder(b);
	b->seq = rec->seq;
	r = mw_index_terms(rec, term, tie, b);
	if (r == 0)
		r = mw_index_maker_number(&b->maker[MW_INDEX_TIME],
					  zigzag(rec->time_ns - b->last_ns));
	if (r == 0)
		r = mw_index_maker_number(&b->maker[MW_INDEX_LEN], rec->len + 1);
	for (i = 0; i < MW_INDEX_ALL && r == 0; i++)
		r = mw_index_maker_row(&b->maker[i], i < MW_INDEX_TIME);
	b->last_ns = rec->time_ns;
	b->row.n++;
	if (r == 0 && b->tally)
		r = b->tally->record(b->tally->arg, rec);
	if (r == 0 && b->row.n > MW_INDEX_RECORDS_MAX)
		r = -E2BIG;
	return r < 0 ? fail(b, r, strerror(-r)) : 0;
}

static int save_state(struct builder *b, const struct mw_verify *v)
{
	struct mw_buf buf;
	int r;

	mw_buf_init(&buf, &mw_heap, MW_INDEX_COLUMN_MAX);
	r = mw_verify_save(v, &buf, &b->row.place);
	if (r == 0) {
		b->row.n_state = buf.len;
		b->row.state = malloc(buf.len + 1);
		if (!b->row.state)
			r = -ENOMEM;
		else
			memcpy(b->row.state, buf.p, buf.len);
	}
	mw_buf_done(&buf);
	if (r == -EINVAL && mw_logread_tampered(b->l))
		return fail_tampered(b);
	if (r == -EINVAL)
		return fail(b, -EBADMSG, "the log is not whole: see 'mcpwatch verify'");
	return r < 0 ? fail(b, r, strerror(-r)) : 0;
}

static int finish(struct builder *b, const struct mw_verify *v)
{
	struct mw_index_blob blob[MW_INDEX_ALL] = { { 0 } };
	struct mw_buf tally;
	unsigned int i;
	int r;

	mw_buf_init(&tally, &mw_heap, MW_INDEX_COLUMN_MAX);
	r = v ? save_state(b, v) : 0;
	if (r == 0 && b->tally) {
		r = b->tally->save(b->tally->arg, b->row.first + b->row.n, &tally);
		if (r < 0)
			fail(b, r, strerror(-r));
	}
	for (i = 0; i < MW_INDEX_ALL && r == 0; i++) {
		r = mw_index_maker_take(&b->maker[i], &blob[i].p, &blob[i].n);
		if (r < 0)
			fail(b, r, strerror(-r));
	}
	if (r == 0)
		r = mw_index_db_add(b->db, &b->row, b->have_before ? &b->before : NULL, blob,
				    &(struct mw_index_blob){ tally.p, tally.len });
	for (i = 0; i < MW_INDEX_ALL; i++)
		free(blob[i].p);
	mw_buf_done(&tally);
	free(MW_TAKE(b->row.state));
	if (r < 0)
		return r;
	b->built->segments++;
	b->built->added += b->row.n;
	b->before = b->row;
	b->have_before = true;
	return 0;
}

/* Whether it is the newest by now: that one is written to. */
static int is_last(struct builder *b, uint64_t first, bool *ret)
{
	_cleanup_(mw_freep) struct mw_segment *segs = NULL;
	_cleanup_(mw_close) int dir = -1, fd = -1;
	size_t n = 0;
	int r = 0;

	dir = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		fd = openat(dir, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : mw_segments_list(fd, &segs, &n);
	if (r < 0)
		return r;
	*ret = n == 0 || segs[n - 1].first <= first;
	return 0;
}

/* A segment is read to its end, and that which begins at `next` follows. */
static int at_segment(void *arg, struct mw_verify *v, uint64_t next)
{
	struct builder *b = arg;
	bool last = false;
	int r = 0;

	if (b->any && b->row.first + b->row.n != next)
		disorder(b);
	if (b->disorder)
		return 0;
	if (b->any)
		r = finish(b, v);
	if (r < 0)
		return r;
	b->any = true;
	b->last_ns = 0;
	b->row = (struct mw_index_row){ .first = next };
	r = is_last(b, next, &last);
	if (r == 0 && !last)
		r = mw_index_db_stamp(b->db, next, &b->row.stamp);
	return r < 0 ? fail(b, r, strerror(-r)) : last;
}

static int read_log(struct builder *b)
{
	struct mw_logrec rec;
	int r;

	while ((r = mw_logread_next(b->l, &rec)) == 1) {
		const int added = b->disorder ? 0 : add_record(b, &rec);

		if (added < 0 && !b->disorder)
			return added;
	}
	if (r == -ENODATA && !b->disorder)
		return 0;
	if (mw_logread_tampered(b->l))
		return fail_tampered(b);
	/* said already where it was not the reader's */
	if (!b->err[0])
		snprintf(b->err, b->err_len, "%s", mw_logread_error(b->l));
	return b->disorder ? -EBADMSG : r;
}

/* Goes on where it was left. *n: rows; 0 where it cannot be gone on, and all is made anew. */
static int begin_tally(struct builder *b, const struct mw_index_row *rows, size_t *n)
{
	struct mw_index_blob saved = { 0 };
	uint64_t next = 0;
	int r = 0;

	if (*n) {
		next = rows[*n - 1].first + rows[*n - 1].n;
		r = mw_index_db_tally(b->db, rows[*n - 1].first, &saved);
	}
	if (r == -ENOENT) {
		*n = 0;
		next = 0;
		r = 0;
	}
	if (r == 0) {
		r = b->tally->begin(b->tally->arg, mw_slice(saved.p, saved.n), next);
		if (r < 0)
			fail(b, r, strerror(-r));
	}
	free(saved.p);
	return r;
}

static int build(struct builder *b, struct mw_index_row *rows, size_t n)
{
	_cleanup_(mw_logread_freep) struct mw_logread *l = NULL;
	struct mw_lr_hook hook = { at_segment, b };
	int r = b->tally ? begin_tally(b, rows, &n) : 0;

	if (r < 0)
		return r;
	b->built->segments = n;
	for (size_t i = 0; i < n; i++)
		b->built->records += rows[i].n;
	if (n) {
		b->before = rows[n - 1];
		b->have_before = true;
	}
	r = mw_logread_new(&b->dir, 1, false, b->err, b->err_len, &l);
	if (r < 0)
		return r;
	b->l = l;
	r = mw_lr_build(l, n ? b->before.first + b->before.n : 0,
			n ? mw_slice(b->before.state, b->before.n_state) : mw_slice(NULL, 0),
			&hook);
	if (r < 0)
		return fail(b, r, strerror(-r));
	r = mw_index_db_cut(b->db, n ? b->before.first + b->before.n : 0);
	if (r == 0)
		r = read_log(b);
	b->built->records += b->built->added;
	return r;
}

int mw_index_build(const char *dir, const char *file, const struct mw_index_tally *tally, char *err,
		   size_t err_len, struct mw_index_built *ret)
{
	_cleanup_(mw_index_db_closep) struct mw_index_db *db = NULL;
	struct builder b = { .dir = dir, .err = err, .err_len = err_len };
	struct mw_index_row *rows = NULL;
	struct mw_index_built built = { 0 };
	size_t n = 0;
	unsigned int i;
	int r;

	r = mw_index_db_open(dir, file, true, &built.anew, err, err_len, &db);
	if (r == 0)
		r = mw_index_db_rows(db, &rows, &n);
	if (r < 0)
		return r;
	b.db = db;
	b.tally = tally;
	b.built = &built;
	for (i = 0; i < MW_INDEX_ALL; i++)
		mw_index_maker_init(&b.maker[i]);
	r = build(&b, rows, n);
	for (i = 0; i < MW_INDEX_ALL; i++)
		mw_index_maker_done(&b.maker[i]);
	mw_index_rows_free(rows, n);
	built.size = mw_index_db_size(db);
	if (r == 0)
		*ret = built;
	return r;
}
