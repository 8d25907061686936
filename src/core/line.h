/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - lines: one JSON text a line, LF at the end, no LF inside
 *
 * MCP over stdio and over a bare socket (MCP specification, transports: stdio). A CR before the LF
 * stays in the bytes. Lines that are empty but for such a CR are passed over. A line longer than
 * `max` keeps its first MW_FRAME_HEAD and its last MW_FRAME_TAIL bytes.
 *
 * After a gap the place is known again at the next LF. What there was of the line before the gap
 * comes out as `broken`; what follows the gap up to the LF comes out as `broken` and `headless`,
 * exactly once a gap, even if it is empty: nobody can know whether the gap ended within a line or
 * between two. A lack of memory breaks a line the same way, but no byte is missing then (gap 0).
 */
#ifndef MW_CORE_LINE_H
#define MW_CORE_LINE_H

#include "core/keep.h"
#include "core/types.h"

struct mw_chunk;
struct mw_frame;

struct mw_lines {
	struct mw_keep text; /* the part of a line that came before */
	uint64_t n_nomem;    /* times that a lack of memory broke a line */
	/* the line in progress; the rest is private */
	uint64_t len;		/* its bytes so far */
	uint64_t off, begin_ns; /* of its first byte */
	uint64_t end_ns;	/* of its last byte so far, as are proc, tid and move */
	struct mw_prockey proc;
	uint64_t gap; /* before it */
	uint32_t tid;
	struct mw_move move;
	bool lent, headless;
};

/* Allocates nothing yet. max: longest line kept whole, at least MW_FRAME_HEAD + MW_FRAME_TAIL. */
void mw_lines_init(struct mw_lines *l, const struct mw_alloc *a, size_t max);
/* Frees what it holds and forgets where it was; usable again. */
void mw_lines_done(struct mw_lines *l);
/* The next frame of a chunk (bytes or gap) from byte *pos on, which moves on. 1 a frame, 0 all is
 * used. */
int mw_lines_next(struct mw_lines *l, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret);
/* The end of the bytes, or of the lines: 1 and the unfinished line as a broken frame, or 0. */
int mw_lines_finish(struct mw_lines *l, struct mw_frame *ret);
/* The bytes of the line in progress (of one over max its head). Borrowed until the next call. */
struct mw_slice mw_lines_partial(const struct mw_lines *l);

#endif
