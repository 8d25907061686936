/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sse.h - server-sent events from a body's bytes
 *
 * Source: WHATWG HTML, section 9.2 (event stream): lines end with CR, LF or CRLF; `data` lines are
 * joined by LF; an empty line gives the event out; lines that begin with ':' are comments; a BOM at
 * the very beginning is passed over. An event without data lines is not given out, but for one that
 * a gap broke: what lies behind a gap up to the next empty line comes out exactly once, as broken.
 *
 * The same bytes give the same events however they are split. So an event whose last line end is
 * CRLF is given out, and ends, at the CR.
 */
#ifndef MW_CORE_SSE_H
#define MW_CORE_SSE_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

#define MW_SSE_NAME_MAX 128u /* of the event's type and of its id; longer ones are cut */

struct mw_sse_event {
	struct mw_slice data;	 /* if cut: its head and its tail; borrowed until the next call */
	struct mw_buf *store;	 /* what holds data and nothing else: it may be emptied */
	struct mw_slice type;	 /* "" stands for "message" */
	struct mw_slice id;	 /* the last one named, here or before */
	uint64_t len;		 /* bytes of data in the stream, >= data.n */
	uint64_t from, to;	 /* the event's place among the bytes pushed, from 0: its first
				  * line to its empty line */
	bool cut;
	bool broken; /* bytes of it are missing, or the stream ended inside it */
};

struct mw_sse; /* a few hundred bytes, and the event in progress */

/* data_max: longest data kept whole; beyond, the first head and the last tail bytes. head + tail <=
 * data_max, tail > 0. 0, -ENOMEM. */
int mw_sse_new(const struct mw_alloc *a, size_t data_max, size_t head, size_t tail,
	       struct mw_sse **ret);
void mw_sse_free(struct mw_sse *s);
/* The next event from bytes; *used says how many it took. 1 an event, 0 all used, -ENOMEM (the
 * event in progress is broken; go on). */
int mw_sse_next(struct mw_sse *s, struct mw_slice bytes, size_t *used, struct mw_sse_event *ret);
/* Bytes are missing here: the event in progress is broken, and what follows up to the next empty
 * line is not taken for a whole one. */
void mw_sse_gap(struct mw_sse *s);
/* The end: 1 and the unfinished event (with data, or behind a gap) as broken, or 0. */
int mw_sse_finish(struct mw_sse *s, struct mw_sse_event *ret);
/* Whether an event is in progress, and where it began among the bytes pushed. */
bool mw_sse_open(const struct mw_sse *s, uint64_t *ret_from);
/* Whether bytes could be the beginning of a line of an event stream: a field's name or a comment.
 * To join one in the middle. */
bool mw_sse_looks(struct mw_slice bytes);

#endif
