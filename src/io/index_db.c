/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/index_db_priv.h"

#define APPLICATION 0x4d435749 /* "MCWI" */
#define BUSY_MS	    5000

int mw_index_db_fail(struct mw_index_db *db, int r, const char *what)
{
	snprintf(db->err, db->err_len, "%s: %s", db->path, what);
	return r;
}

int mw_index_db_sql_fail(struct mw_index_db *db)
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
	return mw_index_db_fail(
	    db, r, r == -EBUSY ? "somebody else is writing it" : sqlite3_errmsg(db->sql));
}

int mw_index_db_exec(struct mw_index_db *db, const char *sql)
{
	return sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
									 : mw_index_db_sql_fail(db);
}

int mw_index_db_prepare(struct mw_index_db *db, const char *sql, sqlite3_stmt **ret)
{
	return sqlite3_prepare_v2(db->sql, sql, -1, ret, NULL) == SQLITE_OK
		   ? 0
		   : mw_index_db_sql_fail(db);
}

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
	int r = mw_index_db_prepare(db, "SELECT value FROM meta WHERE key = ?", &s);

	if (r < 0)
		return r;
	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	r = sqlite3_step(s);
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return mw_index_db_sql_fail(db);
	have = r == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	*ret = have && strcmp(have, want) == 0;
	return 0;
}

int mw_index_db_number(struct mw_index_db *db, const char *sql, int64_t *ret)
{
	STMT *s = NULL;
	int r = mw_index_db_prepare(db, sql, &s);

	if (r < 0)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return mw_index_db_sql_fail(db);
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
		return mw_index_db_fail(db, -EPERM, "it is no plain file, and not used");
	if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & 022)
		return mw_index_db_fail(db, -EPERM, "others can write it: it is not used");
	return 0;
}

static int open_sql(struct mw_index_db *db, bool make)
{
	int flags = (make ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOFOLLOW |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;

	if (sqlite3_open_v2(db->path, &db->sql, flags, NULL) != SQLITE_OK)
		return mw_index_db_sql_fail(db);
	sqlite3_extended_result_codes(db->sql, 0);
	sqlite3_busy_timeout(db->sql, BUSY_MS);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db->sql, SQLITE_LIMIT_LENGTH, (int)MW_INDEX_COLUMN_MAX);
	return mw_index_db_exec(
	    db, "PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0; PRAGMA temp_store = 2");
}

static int make_tables(struct mw_index_db *db)
{
	STMT *s = NULL;
	char name[256], kept[160];
	int r = origin(db, name, sizeof(name));

	if (r == 0)
		r = pruned(db, kept, sizeof(kept));
	if (r < 0)
		return mw_index_db_fail(db, r, strerror(-r));
	r = mw_index_db_exec(
	    db, "PRAGMA page_size = 16384; PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;"
		"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
		"CREATE TABLE segment(first INTEGER PRIMARY KEY, n INTEGER NOT NULL,"
		" dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL,"
		" mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, sealed INTEGER NOT NULL,"
		" seals_len INTEGER NOT NULL, beside BLOB NOT NULL, state BLOB NOT NULL,"
		" state_sum INTEGER NOT NULL);"
		"CREATE TABLE col(first INTEGER NOT NULL, field INTEGER NOT NULL,"
		" data BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(first, field));"
		"CREATE TABLE tally(first INTEGER PRIMARY KEY, data BLOB NOT NULL,"
		" sum INTEGER NOT NULL);");
	if (r == 0)
		r = mw_index_db_prepare(db, "INSERT INTO meta VALUES ('origin', ?), ('pruned', ?)",
					&s);
	if (r < 0)
		return r;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, kept, -1, SQLITE_STATIC);
	if (sqlite3_step(s) != SQLITE_DONE)
		return mw_index_db_sql_fail(db);
	sqlite3_reset(s);
	{
		char sql[128];

		snprintf(sql, sizeof(sql),
			 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			 APPLICATION, MW_INDEX_VERSION);
		return mw_index_db_exec(db, sql);
	}
}

/* Whether it is an index of this version, of this log. 0, -EBADMSG, -ESTALE, others. */
static int check(struct mw_index_db *db)
{
	char name[256], kept[160];
	bool same, kept_same;
	int64_t app = 0, version = 0;
	int r = mw_index_db_number(db, "PRAGMA application_id", &app);

	if (r == 0)
		r = mw_index_db_number(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (app != APPLICATION)
		return mw_index_db_fail(db, -EBADMSG, "it is no index of a log");
	if (version != MW_INDEX_VERSION)
		return mw_index_db_fail(db, -ESTALE, "it was made by another version of mcpwatch");
	r = origin(db, name, sizeof(name));
	if (r == 0)
		r = pruned(db, kept, sizeof(kept));
	if (r < 0)
		return mw_index_db_fail(db, r, strerror(-r));
	r = meta_is(db, "origin", name, &same);
	if (r == 0)
		r = meta_is(db, "pruned", kept, &kept_same);
	if (r < 0)
		return r;
	if (!same)
		return mw_index_db_fail(db, -ESTALE, "it is of another log");
	if (!kept_same)
		return mw_index_db_fail(db, -ESTALE, "old segments were deleted since it was made");
	return 0;
}

static int create(struct mw_index_db *db)
{
	int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return mw_index_db_fail(db, -errno, strerror(errno));
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
		return mw_index_db_fail(db, -errno, strerror(errno));
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
			r = mw_index_db_exec(db, "BEGIN");
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

int mw_index_db_segments(const struct mw_index_db *db)
{
	return db->seg_fd;
}

uint64_t mw_index_db_size(struct mw_index_db *db)
{
	struct stat st;

	return stat(db->path, &st) == 0 ? (uint64_t)st.st_size : 0;
}
