/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_priv.h - the parts of index.h among themselves
 *
 *	index_terms.c	the values of a record
 *	index_column.c	the values of a segment's records as bytes, and back
 *	index_db.c	the file
 *	index_rows.c	its rows, and whether they fit the log
 *	index_build.c	making it
 *	index_ask.c	which records may answer
 *	index_calls.c	which records are of which calls
 *	index_grep.c	which have a text, by the segments themselves
 *	index_plan.c	sets of them, and what is read of the log by them
 *
 * One row a segment, and for it one column a field. A column is a dictionary of the different
 *values, and for each record how many it has and which, as LEB128 numbers; compressed (zstd), with
 *a checksum. There is nothing that spans segments, so that memory is a segment's, and deleting one
 *is simple.
 */
#ifndef MW_IO_INDEX_PRIV_H
#define MW_IO_INDEX_PRIV_H

#include <sqlite3.h>

#include "base/buf.h"
#include "io/index.h"
#include "io/logread.h"
#include "io/verify.h"

#define MW_INDEX_VERSION 3
/* A segment is 64 MiB, or one record more; what says otherwise is no index of ours. */
#define MW_INDEX_COLUMN_MAX  (256u << 20)
#define MW_INDEX_RECORDS_MAX (16u << 20)

/* Columns: those of enum mw_index_field, and */
enum {
	MW_INDEX_TYPE = MW_INDEX_ASKED, /* type */
	MW_INDEX_SERVER_ID,		/* server, or its id: which records are of one server */
	MW_INDEX_COLUMNS,
	/* those of numbers, without a dictionary */
	MW_INDEX_TIES = MW_INDEX_COLUMNS, /* a call's effects by their numbers: how far back */
	MW_INDEX_TIME,			  /* since the one before, zigzag */
	MW_INDEX_LEN,			  /* of the line, with its newline */
	MW_INDEX_ALL,
};

/* --- index_terms.c --- */

typedef int mw_index_term_fn(void *arg, unsigned int column, struct mw_slice value);
typedef int mw_index_tie_fn(void *arg, uint64_t seq);
/* Gives each value of a record once or more. 0, or the first negative answer; -ENOMEM. */
int mw_index_terms(const struct mw_logrec *rec, mw_index_term_fn *term, mw_index_tie_fn *tie,
		   void *arg);

/* --- index_column.c --- */

/* A column that is being made. */
struct mw_index_maker {
	struct mw_buf dict, rows, now; /* now: the record's, without their number */
	uint64_t n_terms;
	unsigned int n_now;
	uint32_t *table; /* dictionary by hash: term + 1, and where it stands */
	uint32_t *at;
	size_t cap;
};
void mw_index_maker_init(struct mw_index_maker *m);
int mw_index_maker_term(struct mw_index_maker *m, struct mw_slice value);
int mw_index_maker_number(struct mw_index_maker *m, uint64_t v);
/* The record is whole. `counted`: how many values it has is written; else it has exactly one. */
int mw_index_maker_row(struct mw_index_maker *m, bool counted);
/* Its bytes, compressed; *ret is for free(). Empty again. */
int mw_index_maker_take(struct mw_index_maker *m, void **ret, size_t *ret_n);
void mw_index_maker_done(struct mw_index_maker *m);

/* A column read back: n_terms values, then rows. */
struct mw_index_column {
	void *raw;
	size_t n_terms;
	struct mw_slice *term;
	struct mw_slice rows;
};
/* 0, -EBADMSG, -ENOMEM. */
int mw_index_column_open(const void *p, size_t n, struct mw_index_column *ret);
void mw_index_column_done(struct mw_index_column *c);
/* The next number of s. False: there is none. */
static inline bool mw_index_number(struct mw_slice *s, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned int shift;

	for (shift = 0; s->n && shift < 64; shift += 7) {
		const uint8_t c = *s->p++;

		s->n--;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* --- index_db.c --- */

/* A file's identity: nothing that was changed has the same. */
struct mw_index_stamp {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

struct mw_index_row {
	uint64_t first, n;
	struct mw_index_stamp stamp;
	struct mw_verify_place place; /* behind it */
	uint8_t beside[32];	      /* mw_verify_beside, since the row before */
	void *state;		      /* the verifier's behind it; n_state 0: an unsealed log */
	size_t n_state;
};

struct mw_index_db;

/* What stands beside a column, beside what is saved (MW_INDEX_ALL) and beside a row: changed by
 * accident, neither is taken for what it was, nor for another one's. (index_column.c) */
int64_t mw_index_sum(uint64_t first, unsigned int column, const void *p, size_t n);
int64_t mw_index_row_sum(const struct mw_index_row *row);

/* make: to be written; it is made where there is none, and anew where it is none of ours or of
 * another log (*anew). 0, -ENOENT, -EBADMSG (no index of ours), -ESTALE (of another log), -EPERM
 * (not ours alone), -EBUSY, others. */
int mw_index_db_open(const char *dir, const char *file, bool make, bool *anew, char *err,
		     size_t err_len, struct mw_index_db **ret);
void mw_index_db_close(struct mw_index_db *db);

static inline void mw_index_db_closep(struct mw_index_db **db)
{
	mw_index_db_close(*db);
}

/* The rows that fit the log, from its first segment on; the folder must be that of the database. 0,
 * -EBADMSG, others. */
int mw_index_db_rows(struct mw_index_db *db, struct mw_index_row **ret, size_t *ret_n);
bool mw_index_db_empty(struct mw_index_db *db);
void mw_index_rows_free(struct mw_index_row *rows, size_t n);
/* A column of a row. 0, -EBADMSG, others. */
int mw_index_db_column(struct mw_index_db *db, uint64_t first, unsigned int column,
		       struct mw_index_column *ret);
/* Everything from `first` on goes; before rows are added. */
int mw_index_db_cut(struct mw_index_db *db, uint64_t first);
/* What a finished segment's file is now; to be called before it is read. 0, -ENOENT, others. */
int mw_index_db_stamp(struct mw_index_db *db, uint64_t first, struct mw_index_stamp *ret);
/* A row with its columns, at once, and what is saved with it in place of what was; `before`: the
 * row before it, NULL: none. Fills row->beside. -ESTALE: the file is not what row->stamp says. */
struct mw_index_blob {
	void *p;
	size_t n;
};
int mw_index_db_add(struct mw_index_db *db, struct mw_index_row *row,
		    const struct mw_index_row *before,
		    const struct mw_index_blob column[MW_INDEX_ALL],
		    const struct mw_index_blob *tally);
/* What was saved with the row, which is the last; p for free(). 0, -ENOENT, -EBADMSG, others. */
int mw_index_db_tally(struct mw_index_db *db, uint64_t first, struct mw_index_blob *ret);
uint64_t mw_index_db_size(struct mw_index_db *db);
/* The log's folder of segments; the database's. */
int mw_index_db_segments(const struct mw_index_db *db);

#endif
