/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel.h - one half of a connection behind an upgrade to something that is no WebSocket
 *
 * Its first byte tells: '{' or '[' begins lines (line.h), as on a bare socket. A container engine's
 * answer has its output in frames: a byte of stream (1 output, 2 errors), three zero bytes, the
 * length in four bytes, most significant first, then so many bytes (Docker Engine API, "Attach to a
 * container", stream format). If the first eight bytes look like that, the lines of stream 1 come
 * out, and what is of stream 2 is passed over. Anything else is passed over to its end.
 *
 * Offsets of lines are places in the half; their span does not count frames' heads within them.
 */
#ifndef MW_CORE_TUNNEL_H
#define MW_CORE_TUNNEL_H

#include "core/frame.h"

#define MW_TUNNEL_HEAD 8u /* of a frame */

struct mw_tunnel {
	struct mw_lines line;
	/* private */
	uint8_t state, head[MW_TUNNEL_HEAD];
	bool response, framed; /* framed: a whole frame's head was read */
	size_t n_head;	       /* bytes so far of the frame's head */
	uint64_t left;	       /* bytes to come of the frame */
};

/* Begins before the first byte. Allocates nothing yet. max: as of line.h. */
void mw_tunnel_init(struct mw_tunnel *t, const struct mw_alloc *a, size_t max, bool response);
/* Frees what it holds; passes all over until the next init. line.n_nomem stays. */
void mw_tunnel_done(struct mw_tunnel *t);
/* The next frame of a chunk (bytes or gap) from byte *pos on, which moves on. 1 a line, 0 all is
 * used, -EBADMSG: it is not known any more where a frame begins; finish comes next. */
int mw_tunnel_next(struct mw_tunnel *t, const struct mw_chunk *c, size_t *pos,
		   struct mw_frame *ret);
/* The end: 1 and the unfinished line as a broken frame, or 0. */
int mw_tunnel_finish(struct mw_tunnel *t, struct mw_frame *ret);

#endif
