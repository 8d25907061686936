/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape.h - text of the observed world made safe for a terminal
 *
 * What could move the cursor, recolour, reorder or hide what stands beside it is written visibly:
 * control characters (C0, DEL, C1) and bytes that are not UTF-8 as \xNN, with \n, \r and \t by
 * their letters; bidi, format, invisible, private-use and unassigned characters and line
 * separators as \u{N}; a backslash as \\, so that nothing that was escaped can be meant by the
 * text.
 */
#ifndef MW_IO_ESCAPE_H
#define MW_IO_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The longest escape, and the longest UTF-8 character. */
#define MW_ESCAPE_MAX 16

/*
 * The next character of p[0..n), n > 0: how many bytes were used; *ret holds what stands for it,
 * NUL-terminated, *ret_cols how wide that is.
 */
size_t mw_escape_next(const char *p, size_t n, char ret[MW_ESCAPE_MAX], unsigned int *ret_cols);

/* All of it to a stream. */
void mw_escape_print(FILE *f, const char *p, size_t n);

/*
 * A line that is put together piece by piece and kept within a width. Zero it, set max_cols (0: no
 * limit) and colour, then put; mw_line_done frees.
 */
struct mw_line {
	char *p; /* the line so far, NUL-terminated once something was put */
	size_t len, cap;
	unsigned int cols, max_cols;
	bool colour;
	bool full;   /* the width is used up: the line ends in an ellipsis */
	bool failed; /* no memory */
};

/* Appends text, escaped. `sgr` (may be NULL): the terminal's colour for it ("31", "1;33"). */
void mw_line_put(struct mw_line *l, const char *sgr, const char *text, size_t n);
void mw_line_puts(struct mw_line *l, const char *sgr, const char *text);
/* As mw_line_put; what does not fit loses its middle, since the end of a path says more than
 * that. */
void mw_line_put_path(struct mw_line *l, const char *sgr, const char *text, size_t n);
/* As printf, for what is our own. */
void mw_line_printf(struct mw_line *l, const char *sgr, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void mw_line_done(struct mw_line *l);

#endif
