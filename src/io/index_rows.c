/* SPDX-License-Identifier: Apache-2.0 */
/* index_rows.c - the segments and columns of an index's file, and whether they fit the log */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "io/file.h"
#include "io/index_db_priv.h"

/* A file that was changed less than that ago could be changed again without another time. */
#define RACY_NS 20000000ll

/* --- rows ---------------------------------------------------------------------------------------
 */

static int64_t ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int stamp(struct mw_index_db *db, const struct mw_segment *s, struct mw_index_stamp *ret)
{
	char name[MW_SEGMENT_FILE_MAX];
	struct stat st;

	mw_segment_file(s, name);
	if (fstatat(db->seg_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = (struct mw_index_stamp){ st.st_dev, st.st_ino, (uint64_t)st.st_size, ns(&st.st_mtim),
					ns(&st.st_ctim) };
	return 0;
}

int mw_index_db_stamp(struct mw_index_db *db, uint64_t first, struct mw_index_stamp *ret)
{
	struct mw_segment s = { .first = first };
	struct timespec now;
	int r = stamp(db, &s, ret);

	if (r == -ENOENT) {
		s.zst = true;
		r = stamp(db, &s, ret);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	if (r == 0 && ns(&now) - ret->ctime_ns < RACY_NS)
		usleep(RACY_NS / 1000);
	return r;
}

static bool same_stamp(const struct mw_index_stamp *a, const struct mw_index_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static int read_row(struct mw_index_db *db, sqlite3_stmt *s, struct mw_index_row *ret)
{
	const void *beside = sqlite3_column_blob(s, 9), *state;
	const size_t n_beside = (size_t)sqlite3_column_bytes(s, 9);
	size_t n;

	*ret = (struct mw_index_row){
		.first = (uint64_t)sqlite3_column_int64(s, 0),
		.n = (uint64_t)sqlite3_column_int64(s, 1),
		.stamp = { (uint64_t)sqlite3_column_int64(s, 2),
			   (uint64_t)sqlite3_column_int64(s, 3),
			   (uint64_t)sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5),
			   sqlite3_column_int64(s, 6) },
		.place = { (uint64_t)sqlite3_column_int64(s, 7),
			   (uint64_t)sqlite3_column_int64(s, 8) },
	};
	if (n_beside != sizeof(ret->beside) || ret->n > MW_INDEX_RECORDS_MAX)
		return mw_index_db_fail(db, -EBADMSG, "it is damaged");
	memcpy(ret->beside, beside, n_beside);
	state = sqlite3_column_blob(s, 10);
	n = (size_t)sqlite3_column_bytes(s, 10);
	ret->state = malloc(n + 1);
	if (!ret->state)
		return mw_index_db_fail(db, -ENOMEM, "not enough memory");
	if (n)
		memcpy(ret->state, state, n);
	ret->n_state = n;
	if (mw_index_row_sum(ret) == sqlite3_column_int64(s, 11))
		return 0;
	free(MW_TAKE(ret->state));
	return mw_index_db_fail(db, -EBADMSG, "it is damaged");
}

/* Whether the row behind `before` (NULL: none) is of this segment, as that is now. */
static bool fits(struct mw_index_db *db, const struct mw_index_row *before,
		 const struct mw_index_row *row, const struct mw_segment *s)
{
	static const struct mw_verify_place nowhere;
	struct mw_index_stamp now;
	uint8_t beside[32];

	if (row->first != s->first || (before && before->first + before->n != row->first) ||
	    stamp(db, s, &now) < 0 || !same_stamp(&now, &row->stamp))
		return false;
	return mw_verify_beside(db->dir_fd, before ? &before->place : &nowhere, &row->place,
				beside) == 0 &&
	       memcmp(beside, row->beside, sizeof(beside)) == 0;
}

int mw_index_db_rows(struct mw_index_db *db, struct mw_index_row **ret, size_t *ret_n)
{
	struct mw_index_row *rows = NULL, row;
	struct mw_segment *segs = NULL;
	STMT *s = NULL;
	size_t n = 0, n_segs = 0;
	int r, step = SQLITE_DONE;

	r = mw_segments_list(db->seg_fd, &segs, &n_segs);
	if (r < 0)
		return mw_index_db_fail(db, r, strerror(-r));
	if (n_segs)
		rows = calloc(n_segs, sizeof(*rows));
	if (n_segs && !rows)
		r = mw_index_db_fail(db, -ENOMEM, "not enough memory");
	if (r == 0)
		r = mw_index_db_prepare(db, "SELECT * FROM segment ORDER BY first", &s);
	/* the newest segment is being written */
	while (r == 0 && n + 1 < n_segs && (step = sqlite3_step(s)) == SQLITE_ROW) {
		r = read_row(db, s, &row);
		if (r < 0)
			break;
		if (!fits(db, n ? &rows[n - 1] : NULL, &row, &segs[n])) {
			free(row.state);
			break;
		}
		rows[n++] = row;
	}
	if (r == 0 && step != SQLITE_ROW && step != SQLITE_DONE)
		r = mw_index_db_sql_fail(db);
	free(segs);
	if (r < 0) {
		mw_index_rows_free(rows, n);
		return r;
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}

bool mw_index_db_empty(struct mw_index_db *db)
{
	int64_t any = 0;

	return mw_index_db_number(db, "SELECT count(*) FROM segment", &any) == 0 && any == 0;
}

void mw_index_rows_free(struct mw_index_row *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(rows[i].state);
	free(rows);
}

int mw_index_db_column(struct mw_index_db *db, uint64_t first, unsigned int column,
		       struct mw_index_column *ret)
{
	STMT *s = NULL;
	const void *p;
	size_t n;
	int r =
	    mw_index_db_prepare(db, "SELECT data, sum FROM col WHERE first = ? AND field = ?", &s);

	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
	sqlite3_bind_int(s, 2, (int)column);
	r = sqlite3_step(s);
	if (r == SQLITE_DONE)
		return mw_index_db_fail(db, -EBADMSG, "it is damaged");
	if (r != SQLITE_ROW)
		return mw_index_db_sql_fail(db);
	p = sqlite3_column_blob(s, 0);
	n = (size_t)sqlite3_column_bytes(s, 0);
	if (!p || mw_index_sum(first, column, p, n) != sqlite3_column_int64(s, 1))
		return mw_index_db_fail(db, -EBADMSG, "it is damaged");
	r = mw_index_column_open(p, n, ret);
	return r == 0
		   ? 0
		   : mw_index_db_fail(db, r, r == -ENOMEM ? "not enough memory" : "it is damaged");
}

/* --- written ------------------------------------------------------------------------------------
 */

int mw_index_db_cut(struct mw_index_db *db, uint64_t first)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE; DELETE FROM segment WHERE first >= %jd;"
		 "DELETE FROM col WHERE first >= %jd; COMMIT",
		 (intmax_t)first, (intmax_t)first);
	return mw_index_db_exec(db, sql);
}

/* Whether nobody added one meanwhile. */
static int check_last(struct mw_index_db *db, const struct mw_index_row *before)
{
	int64_t last = -1;
	int r = mw_index_db_number(db, "SELECT ifnull(max(first), -1) FROM segment", &last);

	if (r == 0 && last != (before ? (int64_t)before->first : -1))
		r = mw_index_db_fail(db, -EBUSY, "somebody else is writing it");
	return r;
}

static int insert_tally(struct mw_index_db *db, uint64_t first, const struct mw_index_blob *tally)
{
	const size_t bound = ZSTD_compressBound(tally->n);
	_cleanup_(mw_freep) void *z = malloc(bound);
	STMT *s = NULL;
	size_t n;
	int r;

	if (!z)
		return mw_index_db_fail(db, -ENOMEM, "not enough memory");
	n = ZSTD_compress(z, bound, tally->n ? tally->p : "", tally->n, 1);
	if (ZSTD_isError(n))
		return mw_index_db_fail(db, -ENOMEM, "not enough memory");
	r = mw_index_db_exec(db, "DELETE FROM tally");
	if (r == 0)
		r = mw_index_db_prepare(db, "INSERT INTO tally VALUES (?,?,?)", &s);
	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
	sqlite3_bind_blob(s, 2, z, (int)n, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, mw_index_sum(first, MW_INDEX_ALL, z, n));
	return sqlite3_step(s) == SQLITE_DONE ? 0 : mw_index_db_sql_fail(db);
}

int mw_index_db_tally(struct mw_index_db *db, uint64_t first, struct mw_index_blob *ret)
{
	unsigned long long len;
	STMT *s = NULL;
	const void *z;
	size_t n;
	void *p;
	int r = mw_index_db_prepare(db, "SELECT data, sum FROM tally WHERE first = ?", &s);

	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
	r = sqlite3_step(s);
	if (r == SQLITE_DONE)
		return -ENOENT;
	if (r != SQLITE_ROW)
		return mw_index_db_sql_fail(db);
	z = sqlite3_column_blob(s, 0);
	n = (size_t)sqlite3_column_bytes(s, 0);
	if (!z || mw_index_sum(first, MW_INDEX_ALL, z, n) != sqlite3_column_int64(s, 1))
		return mw_index_db_fail(db, -EBADMSG, "it is damaged");
	len = ZSTD_getFrameContentSize(z, n);
	if (len > MW_INDEX_COLUMN_MAX)
		return mw_index_db_fail(db, -EBADMSG, "it is damaged");
	p = malloc((size_t)len + 1);
	if (!p)
		return mw_index_db_fail(db, -ENOMEM, "not enough memory");
	if (ZSTD_decompress(p, (size_t)len, z, n) != len) {
		free(p);
		return mw_index_db_fail(db, -EBADMSG, "it is damaged");
	}
	*ret = (struct mw_index_blob){ p, (size_t)len };
	return 0;
}

static int insert(struct mw_index_db *db, const struct mw_index_row *row,
		  const struct mw_index_blob column[MW_INDEX_ALL])
{
	STMT *s = NULL, *c = NULL;
	int i,
	    r = mw_index_db_prepare(db, "INSERT INTO segment VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", &s);
	const int64_t number[] = { (int64_t)row->first,		 (int64_t)row->n,
				   (int64_t)row->stamp.dev,	 (int64_t)row->stamp.ino,
				   (int64_t)row->stamp.size,	 row->stamp.mtime_ns,
				   row->stamp.ctime_ns,		 (int64_t)row->place.sealed,
				   (int64_t)row->place.seals_len };

	if (r == 0)
		r = mw_index_db_prepare(db, "INSERT INTO col VALUES (?,?,?,?)", &c);
	if (r < 0)
		return r;
	for (i = 0; i < 9; i++)
		sqlite3_bind_int64(s, i + 1, number[i]);
	sqlite3_bind_blob(s, 10, row->beside, sizeof(row->beside), SQLITE_STATIC);
	sqlite3_bind_blob(s, 11, row->n_state ? row->state : "", (int)row->n_state, SQLITE_STATIC);
	sqlite3_bind_int64(s, 12, mw_index_row_sum(row));
	if (sqlite3_step(s) != SQLITE_DONE)
		return mw_index_db_sql_fail(db);
	for (i = 0; i < MW_INDEX_ALL; i++) {
		sqlite3_bind_int64(c, 1, number[0]);
		sqlite3_bind_int(c, 2, i);
		sqlite3_bind_blob(c, 3, column[i].p, (int)column[i].n, SQLITE_STATIC);
		sqlite3_bind_int64(
		    c, 4, mw_index_sum(row->first, (unsigned int)i, column[i].p, column[i].n));
		if (sqlite3_step(c) != SQLITE_DONE)
			return mw_index_db_sql_fail(db);
		sqlite3_reset(c);
	}
	return 0;
}

int mw_index_db_add(struct mw_index_db *db, struct mw_index_row *row,
		    const struct mw_index_row *before,
		    const struct mw_index_blob column[MW_INDEX_ALL],
		    const struct mw_index_blob *tally)
{
	static const struct mw_verify_place nowhere;
	struct mw_index_stamp now;
	int r;

	r = mw_verify_beside(db->dir_fd, before ? &before->place : &nowhere, &row->place,
			     row->beside);
	if (r == 0)
		r = mw_index_db_stamp(db, row->first, &now);
	if (r < 0 || !same_stamp(&now, &row->stamp))
		return mw_index_db_fail(db, -ESTALE,
					"the log was changed while it was read; try again");
	r = mw_index_db_exec(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = check_last(db, before);
	if (r == 0)
		r = insert(db, row, column);
	if (r == 0)
		r = insert_tally(db, row->first, tally);
	if (r == 0)
		return mw_index_db_exec(db, "COMMIT");
	sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
