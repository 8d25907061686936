/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - a table for a terminal
 *
 * Every column is as wide as its longest cell, on a terminal up to its limit. What does not fit the
 * width goes: first the columns of least worth, each whole, then the end of the widest. Where there
 * is no width (into a pipe, a file) nothing goes. What is in a cell is escaped.
 */
#ifndef MW_CLI_ROWS_H
#define MW_CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/pager.h"

#define MW_ROWS_COLUMNS_MAX 16

struct mw_rows_column {
	const char *title;
	unsigned int worth; /* the least goes first; 0: never goes */
	unsigned int max;   /* columns of the terminal; 0: no limit */
	bool right;
};

struct mw_rows {
	const struct mw_rows_column *columns;
	size_t n_columns;
	char **cells; /* one row after the other */
	const char **sgr;
	size_t n_cells;
};

/* The next cell, in the order of the columns; copied. `sgr`: its colour, borrowed; may be NULL.
 * Without memory it ends the process with a line. */
void mw_rows_put(struct mw_rows *r, const char *sgr, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void mw_rows_print(const struct mw_rows *r, const struct mw_pager *out);
void mw_rows_done(struct mw_rows *r);

#endif
