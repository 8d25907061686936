/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "io/escape.h"

#define GAP 2

void mw_rows_put(struct mw_rows *r, const char *sgr, const char *fmt, ...)
{
	char **cells;
	const char **colours;
	va_list ap;
	int n;

	if ((r->n_cells & (r->n_cells - 1)) == 0) {
		size_t cap = r->n_cells ? 2 * r->n_cells : 1;

		cells = reallocarray(r->cells, cap, sizeof(*cells));
		if (cells)
			r->cells = cells;
		colours = reallocarray(r->sgr, cap, sizeof(*colours));
		if (colours)
			r->sgr = colours;
		if (!cells || !colours)
			exit(mw_cli_fail("not enough memory"));
	}
	va_start(ap, fmt);
	n = vasprintf(&r->cells[r->n_cells], fmt, ap);
	va_end(ap);
	if (n < 0)
		exit(mw_cli_fail("not enough memory"));
	r->sgr[r->n_cells++] = sgr;
}

static unsigned int width_of(const char *s)
{
	struct mw_line line = { 0 };
	unsigned int cols;

	mw_line_puts(&line, NULL, s);
	cols = line.cols;
	mw_line_done(&line);
	return cols;
}

static unsigned int total(const unsigned int *width, size_t n)
{
	unsigned int sum = 0, shown = 0;

	for (size_t i = 0; i < n; i++) {
		sum += width[i];
		shown += width[i] > 0;
	}
	return sum + (shown ? (shown - 1) * GAP : 0);
}

/* A column without anything in it is none. */
static void measure(const struct mw_rows *r, unsigned int *width, bool limits)
{
	for (size_t c = 0; c < r->n_columns; c++) {
		width[c] = 0;
		for (size_t i = c; i < r->n_cells; i += r->n_columns) {
			unsigned int w = width_of(r->cells[i]);

			if (w > width[c])
				width[c] = w;
		}
		if (width[c] && width[c] < width_of(r->columns[c].title))
			width[c] = width_of(r->columns[c].title);
		if (limits && r->columns[c].max && width[c] > r->columns[c].max)
			width[c] = r->columns[c].max;
	}
}

static void fit(const struct mw_rows *r, unsigned int *width, unsigned int max)
{
	while (max && total(width, r->n_columns) > max) {
		size_t least = SIZE_MAX, widest = 0;

		for (size_t c = 0; c < r->n_columns; c++) {
			if (width[c] && r->columns[c].worth &&
			    (least == SIZE_MAX || r->columns[c].worth < r->columns[least].worth))
				least = c;
			if (width[c] > width[widest])
				widest = c;
		}
		if (least != SIZE_MAX)
			width[least] = 0;
		else if (width[widest] > 1)
			width[widest]--;
		else
			break;
	}
}

static void print_row(const struct mw_rows *r, const struct mw_pager *out, size_t row,
		      const unsigned int *width)
{
	unsigned int due = 0;

	for (size_t c = 0; c < r->n_columns; c++) {
		const size_t at = row * r->n_columns + c;
		const char *s = row == SIZE_MAX ? r->columns[c].title : r->cells[at];
		const char *sgr = row == SIZE_MAX ? "2" : r->sgr[at];
		struct mw_line cell = { .colour = out->colour };
		unsigned int w = width_of(s);

		if (!width[c])
			continue;
		cell.max_cols = w > width[c] ? width[c] : 0;
		mw_line_puts(&cell, sgr, s);
		if (w > width[c])
			w = width[c];
		if (r->columns[c].right)
			due += width[c] - w;
		printf("%*s%s", (int)due, "", cell.p ? cell.p : "");
		due = GAP + (r->columns[c].right ? 0 : width[c] - w);
		mw_line_done(&cell);
	}
	putchar('\n');
}

void mw_rows_print(const struct mw_rows *r, const struct mw_pager *out)
{
	unsigned int width[MW_ROWS_COLUMNS_MAX];

	if (!r->n_cells)
		return;
	measure(r, width, out->width != 0);
	fit(r, width, out->width);
	print_row(r, out, SIZE_MAX, width);
	for (size_t i = 0; i < r->n_cells / r->n_columns; i++)
		print_row(r, out, i, width);
}

void mw_rows_done(struct mw_rows *r)
{
	for (size_t i = 0; i < r->n_cells; i++)
		free(r->cells[i]);
	free(r->cells);
	free(r->sgr);
	r->cells = NULL;
	r->sgr = NULL;
	r->n_cells = 0;
}
