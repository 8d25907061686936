/* SPDX-License-Identifier: Apache-2.0 */
/* index_db_priv.h - between index_db.c, the file, and index_rows.c, what stands in it */
#ifndef MW_IO_INDEX_DB_PRIV_H
#define MW_IO_INDEX_DB_PRIV_H

#include "base/cleanup.h"
#include "io/index_priv.h"

struct mw_index_db {
	sqlite3 *sql;
	int dir_fd, seg_fd;
	char path[4096];
	char *err;
	size_t err_len;
};

/* The line of what failed. Returns r. */
int mw_index_db_fail(struct mw_index_db *db, int r, const char *what);
/* What SQLite answered, as an errno and a line. */
int mw_index_db_sql_fail(struct mw_index_db *db);
int mw_index_db_exec(struct mw_index_db *db, const char *sql);
int mw_index_db_prepare(struct mw_index_db *db, const char *sql, sqlite3_stmt **ret);
/* The number that a statement gives. */
int mw_index_db_number(struct mw_index_db *db, const char *sql, int64_t *ret);

static inline void mw_index_db_finalize(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}
#define STMT _cleanup_(mw_index_db_finalize) sqlite3_stmt

#endif
