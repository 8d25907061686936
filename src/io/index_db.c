/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/index_priv.h"
#include "io/verify.h"

#define APPLICATION 0x4d435749 /* "MCWI" */
#define BUSY_MS	    5000
/* A file that was changed less than that ago could be changed again without another time. */
#define RACY_NS 20000000ll

struct mw_index_db {
	sqlite3 *sql;
	int dir_fd, seg_fd;
	char path[4096];
	char *err;
	size_t err_len;
};

static int fail(struct mw_index_db *db, int r, const char *what)
{
	snprintf(db->err, db->err_len, "%s: %s", db->path, what);
	return r;
}

/* What SQLite answered, as an errno and a line. */
static int sql_fail(struct mw_index_db *db)
{
	const int code = db->sql ? sqlite3_errcode(db->sql) : SQLITE_NOMEM;
	int r;

	switch (code) {
	case SQLITE_NOMEM:
		r = -ENOMEM;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_CONSTRAINT:
		r = -EBUSY;
		break;
	case SQLITE_FULL:
		r = -ENOSPC;
		break;
	case SQLITE_IOERR:
		r = -EIO;
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		r = -EACCES;
		break;
	default: /* damaged, no database, or not with our tables */
		r = -EBADMSG;
		break;
	}
	return fail(db, r, r == -EBUSY ? "somebody else is writing it" : sqlite3_errmsg(db->sql));
}

static int exec(struct mw_index_db *db, const char *sql)
{
	return sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(db);
}

static int prepare(struct mw_index_db *db, const char *sql, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v2(db->sql, sql, -1, ret, NULL) == SQLITE_OK ? 0 : sql_fail(db);
}

static void finalize(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}
#define STMT _cleanup_(finalize) sqlite3_stmt

/* --- which log ----------------------------------------------------------------------------------
 */

/* The log's name; "" of one that is not sealed. */
static int origin(struct mw_index_db *db, char *ret, size_t max)
{
	_cleanup_(mw_close) int fd =
	    openat(db->dir_fd, "origin", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	ret[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, ret, max - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

/* The seal records of deleted segments: where they changed, what was proved with them is not. */
static int pruned(struct mw_index_db *db, char *ret, size_t max)
{
	struct stat st;

	ret[0] = '\0';
	if (fstatat(db->dir_fd, MW_SEGMENT_KEPT, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	snprintf(ret, max, "%ju %ju %jd.%09ld %jd.%09ld", (uintmax_t)st.st_ino,
		 (uintmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
		 (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	return 0;
}

static int meta_is(struct mw_index_db *db, const char *key, const char *want, bool *ret)
{
	STMT *s = NULL;
	const char *have;
	int r = prepare(db, "SELECT value FROM meta WHERE key = ?", &s);

	if (r < 0)
		return r;
	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	r = sqlite3_step(s);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return sql_fail(db);
	have = r == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	*ret = have && strcmp(have, want) == 0;
	return 0;
}

static int pragma_number(struct mw_index_db *db, const char *sql, int64_t *ret)
{
	STMT *s = NULL;
	int r = prepare(db, sql, &s);

	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return sql_fail(db);
	*ret = sqlite3_column_int64(s, 0);
	return 0;
}

/* --- opening ------------------------------------------------------------------------------------
 */

static int look_at_file(struct mw_index_db *db)
{
	struct stat st;

	if (lstat(db->path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return fail(db, -EPERM, "it is no plain file, and not used");
	if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & 022)
		return fail(db, -EPERM, "others can write it: it is not used");
	return 0;
}

static int open_sql(struct mw_index_db *db, bool make)
{
	int flags = (make ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOFOLLOW |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;

	if (sqlite3_open_v2(db->path, &db->sql, flags, NULL) != SQLITE_OK)
		return sql_fail(db);
	sqlite3_extended_result_codes(db->sql, 0);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db->sql, SQLITE_LIMIT_LENGTH, (int)MW_INDEX_COLUMN_MAX);
	return exec(db, "PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0; PRAGMA temp_store = 2");
}

static int make_tables(struct mw_index_db *db)
{
	STMT *s = NULL;
	char name[256], kept[160];
	int r = origin(db, name, sizeof(name));

	if (r == 0)
		r = pruned(db, kept, sizeof(kept));
	if (r < 0)
		return fail(db, r, strerror(-r));
	r = exec(db,
		 "PRAGMA page_size = 16384; PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;"
		 "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
		 "CREATE TABLE segment(first INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
		 " dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,"
		 " mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, sealed INTEGER NOT NULL,"
		 " seals_len INTEGER NOT NULL, beside BLOB NOT NULL, state BLOB NOT NULL,"
		 " state_sum INTEGER NOT NULL);"
		 "CREATE TABLE col(first INTEGER NOT NULL, field INTEGER NOT NULL,"
		 " data BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(first, field));");
	if (r == 0)
		r = prepare(db, "INSERT INTO meta VALUES ('origin', ?), ('pruned', ?)", &s);
	if (r < 0)
		return r;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, kept, -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		return sql_fail(db);
	sqlite3_reset(s);
	{
		char sql[128];

		snprintf(sql, sizeof(sql),
			 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			 APPLICATION, MW_INDEX_VERSION);
		return exec(db, sql);
	}
}

/* Whether it is an index of this version, of this log. 0, -EBADMSG, -ESTALE, others. */
static int check(struct mw_index_db *db)
{
	char name[256], kept[160];
	bool same, kept_same;
	int64_t app = 0, version = 0;
	int r = pragma_number(db, "PRAGMA application_id", &app);

	if (r == 0)
		r = pragma_number(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (app != APPLICATION)
		return fail(db, -EBADMSG, "it is no index of a log");
	if (version != MW_INDEX_VERSION)
		return fail(db, -ESTALE, "it was made by another version of mcpwatch");
	r = origin(db, name, sizeof(name));
	if (r == 0)
		r = pruned(db, kept, sizeof(kept));
	if (r < 0)
		return fail(db, r, strerror(-r));
	r = meta_is(db, "origin", name, &same);
	if (r == 0)
		r = meta_is(db, "pruned", kept, &kept_same);
	if (r < 0)
		return r;
	if (!same)
		return fail(db, -ESTALE, "it is of another log");
	if (!kept_same)
		return fail(db, -ESTALE, "old segments were deleted since it was made");
	return 0;
}

static int create(struct mw_index_db *db)
{
	int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(db, -errno, strerror(errno));
	close(fd);
	return 0;
}

static int open_make(struct mw_index_db *db, bool ours, bool *anew)
{
	int r = look_at_file(db);

	if (r == -ENOENT) {
		r = create(db);
		if (r == 0)
			r = open_sql(db, true);
		return r < 0 ? r : make_tables(db);
	}
	if (r < 0)
		return r;
	r = open_sql(db, true);
	if (r == 0)
		r = check(db);
	/* a file of that name in the log's folder is an index, whatever became of it */
	if (r != -ESTALE && !(r == -EBADMSG && ours))
		return r;
	sqlite3_close(db->sql);
	db->sql = NULL;
	if (unlink(db->path) < 0)
		return fail(db, -errno, strerror(errno));
	*anew = true;
	return open_make(db, ours, anew);
}

int mw_index_db_open(const char *dir, const char *file, bool make, bool *anew, char *err,
		     size_t err_len, struct mw_index_db **ret)
{
	_cleanup_(mw_index_db_closep) struct mw_index_db *db = calloc(1, sizeof(*db));
	int r;

	err[0] = '\0';
	if (!db)
		return -ENOMEM;
	db->dir_fd = db->seg_fd = -1;
	db->err = err;
	db->err_len = err_len;
	if (file)
		snprintf(db->path, sizeof(db->path), "%s", file);
	else
		snprintf(db->path, sizeof(db->path), "%s/" MW_INDEX_NAME, dir);
	db->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dir_fd >= 0)
		db->seg_fd = openat(db->dir_fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->seg_fd < 0) {
		r = -errno;
		snprintf(err, err_len, "%s: %s", dir,
			 r == -ENOENT || r == -ENOTDIR ? "the folder holds no log" : strerror(-r));
		return r;
	}
	if (make) {
		r = open_make(db, !file, anew);
	} else {
		r = look_at_file(db);
		if (r == 0)
			r = open_sql(db, false);
		/* one state of it, however long that takes */
		if (r == 0)
			r = exec(db, "BEGIN");
		if (r == 0)
			r = check(db);
	}
	if (r < 0)
		return r;
	*ret = MW_TAKE(db);
	return 0;
}

void mw_index_db_close(struct mw_index_db *db)
{
	if (!db)
		return;
	sqlite3_close(db->sql);
	mw_close(&db->dir_fd);
	mw_close(&db->seg_fd);
	free(db);
}

uint64_t mw_index_db_size(struct mw_index_db *db)
{
	struct stat st;

	return stat(db->path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

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

static int64_t sum(const void *p, size_t n)
{
	return (int64_t)XXH3_64bits(p, n);
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
		return fail(db, -EBADMSG, "it is damaged");
	memcpy(ret->beside, beside, n_beside);
	state = sqlite3_column_blob(s, 10);
	n = (size_t)sqlite3_column_bytes(s, 10);
	if (sum(state, n) != sqlite3_column_int64(s, 11))
		return fail(db, -EBADMSG, "it is damaged");
	ret->state = malloc(n + 1);
	if (!ret->state)
		return fail(db, -ENOMEM, "not enough memory");
	if (n)
		memcpy(ret->state, state, n);
	ret->n_state = n;
	return 0;
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
		return fail(db, r, strerror(-r));
	if (n_segs)
		rows = calloc(n_segs, sizeof(*rows));
	if (n_segs && !rows)
		r = fail(db, -ENOMEM, "not enough memory");
	if (r == 0)
		r = prepare(db, "SELECT * FROM segment ORDER BY first", &s);
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
		r = sql_fail(db);
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

	return pragma_number(db, "SELECT count(*) FROM segment", &any) == 0 && any == 0;
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
	int r = prepare(db, "SELECT data, sum FROM col WHERE first = ? AND field = ?", &s);

	if (r < 0)
		return r;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)first);
	sqlite3_bind_int(s, 2, (int)column);
	r = sqlite3_step(s);
	if (r == SQLITE_DONE)
		return fail(db, -EBADMSG, "it is damaged");
	if (r != SQLITE_ROW)
		return sql_fail(db);
	p = sqlite3_column_blob(s, 0);
	n = (size_t)sqlite3_column_bytes(s, 0);
	if (!p || sum(p, n) != sqlite3_column_int64(s, 1))
		return fail(db, -EBADMSG, "it is damaged");
	r = mw_index_column_open(p, n, ret);
	return r == 0 ? 0 : fail(db, r, r == -ENOMEM ? "not enough memory" : "it is damaged");
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
	return exec(db, sql);
}

/* Whether nobody added one meanwhile. */
static int check_last(struct mw_index_db *db, const struct mw_index_row *before)
{
	int64_t last = -1;
	int r = pragma_number(db, "SELECT ifnull(max(first), -1) FROM segment", &last);

	if (r == 0 && last != (before ? (int64_t)before->first : -1))
		r = fail(db, -EBUSY, "somebody else is writing it");
	return r;
}

static int insert(struct mw_index_db *db, const struct mw_index_row *row,
		  const struct mw_index_blob column[MW_INDEX_ALL])
{
	STMT *s = NULL, *c = NULL;
	int i, r = prepare(db, "INSERT INTO segment VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", &s);
	const int64_t number[] = { (int64_t)row->first,		 (int64_t)row->n,
				   (int64_t)row->stamp.dev,	 (int64_t)row->stamp.ino,
				   (int64_t)row->stamp.size,	 row->stamp.mtime_ns,
				   row->stamp.ctime_ns,		 (int64_t)row->place.sealed,
				   (int64_t)row->place.seals_len };

	if (r == 0)
		r = prepare(db, "INSERT INTO col VALUES (?,?,?,?)", &c);
	if (r < 0)
		return r;
	for (i = 0; i < 9; i++)
		sqlite3_bind_int64(s, i + 1, number[i]);
	sqlite3_bind_blob(s, 10, row->beside, sizeof(row->beside), SQLITE_STATIC);
	sqlite3_bind_blob(s, 11, row->n_state ? row->state : "", (int)row->n_state, SQLITE_STATIC);
	sqlite3_bind_int64(s, 12, sum(row->state, row->n_state));
	if (sqlite3_step(s) != SQLITE_DONE)
		return sql_fail(db);
	for (i = 0; i < MW_INDEX_ALL; i++) {
		sqlite3_bind_int64(c, 1, number[0]);
		sqlite3_bind_int(c, 2, i);
		sqlite3_bind_blob(c, 3, column[i].p, (int)column[i].n, SQLITE_STATIC);
		sqlite3_bind_int64(c, 4, sum(column[i].p, column[i].n));
		if (sqlite3_step(c) != SQLITE_DONE)
			return sql_fail(db);
		sqlite3_reset(c);
	}
	return 0;
}

int mw_index_db_add(struct mw_index_db *db, struct mw_index_row *row,
		    const struct mw_index_row *before,
		    const struct mw_index_blob column[MW_INDEX_ALL])
{
	static const struct mw_verify_place nowhere;
	struct mw_index_stamp now;
	int r;

	r = mw_verify_beside(db->dir_fd, before ? &before->place : &nowhere, &row->place,
			     row->beside);
	if (r == 0)
		r = mw_index_db_stamp(db, row->first, &now);
	if (r < 0 || !same_stamp(&now, &row->stamp))
		return fail(db, -ESTALE, "the log was changed while it was read; try again");
	r = exec(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = check_last(db, before);
	if (r == 0)
		r = insert(db, row, column);
	if (r == 0)
		return exec(db, "COMMIT");
	sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
