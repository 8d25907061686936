/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - ordered bytes of one half in, one message's bytes out: lines
 *
 * MCP over stdio (and over a bare socket) is one JSON text a line, LF at the end, no LF inside (MCP
 * specification, transports: stdio). A CR before the LF stays in the bytes. Lines that are empty
 * but for such a CR are passed over. A line longer than `max` keeps its first MW_FRAME_HEAD and its
 * last MW_FRAME_TAIL bytes.
 *
 * After a gap the framer is back at the next LF. What there was of the line before the gap comes
 * out as `broken`; what follows the gap up to the LF comes out as `broken` and `headless`, exactly
 * once a gap, even if it is empty: nobody can know whether the gap ended within a line or between
 * two. A lack of memory breaks a line the same way, but no byte is missing then (gap 0).
 *
 * The same bytes give the same frames however they are split into chunks, but for the times and the
 * processes, which are the chunks'.
 */
#ifndef MW_CORE_FRAME_H
#define MW_CORE_FRAME_H

#include "base/buf.h"
#include "core/stream.h"

#define MW_FRAME_HEAD 65536u
#define MW_FRAME_TAIL 4096u

struct mw_frame {
	struct mw_slice
	    bytes;    /* without the LF; borrowed until the next call. If cut: head then tail */
	uint64_t off; /* of its first byte in the half */
	uint64_t len; /* bytes it has in the stream, without the LF; >= bytes.n */
	uint64_t begin_ns,
	    end_ns; /* of the chunks with its first byte and its LF (broken: its last) */
	struct mw_prockey proc; /* who moved its LF (broken: its last byte) */
	uint32_t tid;
	bool cut;      /* longer than max */
	bool broken;   /* no whole line: its end or its beginning is missing */
	bool headless; /* broken, and it follows a gap */
	uint64_t gap;  /* headless: bytes missing just before it */
};

struct mw_framer {
	const struct mw_alloc *a;
	struct mw_buf line; /* the part of a line that came before; if cut, head and a ring */
	size_t max;
	uint64_t n_nomem; /* times that a lack of memory broke a line */
	/* private */
	struct mw_chunk chunk;
	size_t pos;		/* in chunk.bytes */
	uint64_t len;		/* bytes of the line in progress so far */
	uint64_t off, begin_ns; /* of its first byte */
	uint64_t end_ns;	/* of its last byte so far, as are proc and tid */
	struct mw_prockey proc;
	uint32_t tid;
	uint64_t gap;	 /* before the line in progress */
	size_t ring_pos; /* where the next byte goes in the tail */
	bool has_chunk, lent, cut, headless;
};

/* Allocates nothing yet. max: longest line kept whole, at least MW_FRAME_HEAD + MW_FRAME_TAIL (less
 * is taken as that). */
void mw_framer_init(struct mw_framer *f, const struct mw_alloc *a, size_t max);
/* Frees what it holds and forgets where it was; usable again. */
void mw_framer_done(struct mw_framer *f);
/* One chunk (bytes or gap; one that says `evicted` is passed over), borrowed until next has said 0.
 * 0, or -EBUSY: not pulled to the end, nothing happened. */
int mw_framer_push(struct mw_framer *f, const struct mw_chunk *c);
/* 1 a frame, 0 need more. */
int mw_framer_next(struct mw_framer *f, struct mw_frame *ret);
/* The end of the bytes, after next has said 0: 1 and the unfinished line as a broken frame, or 0.
 */
int mw_framer_finish(struct mw_framer *f, struct mw_frame *ret);
/* The bytes of an unfinished line so far (of a line over max its head), after next has said 0: to
 * judge what kind of stream this is. Borrowed until the next call. */
struct mw_slice mw_framer_partial(const struct mw_framer *f);

#endif
