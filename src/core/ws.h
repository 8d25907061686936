/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws.h - WebSocket messages in one direction of an upgraded connection
 *
 * Source: RFC 6455. Fragments are joined, masks taken off, control frames (also between fragments)
 * passed over; behind a close frame nothing counts any more. permessage-deflate (RFC 7692, RSV1) is
 * decoded by zlib within the limits of inflate.h (for each message). Whether a message goes on with
 * the window of the one before is not seen here: the window is kept, as one that begins anew does
 * not refer to it. Reserved bits and opcodes otherwise, a control frame longer than 125 bytes or
 * fragmented, a length with its top bit set, a continuation of nothing, a message within a message:
 * no WebSocket.
 *
 * The same bytes give the same messages however they are split.
 */
#ifndef MW_CORE_WS_H
#define MW_CORE_WS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

struct mw_ws_message {
	struct mw_slice bytes; /* decoded; if cut: head and tail; borrowed until the next call */
	struct mw_buf *store;  /* what holds bytes and nothing else: it may be emptied */
	uint64_t len;	       /* decoded; >= bytes.n */
	uint64_t from, to; /* its first frame's beginning and its last one's end among the bytes
			    * pushed, from 0 */
	bool text;	   /* else binary */
	bool cut;
	bool broken;	 /* bytes of it are missing, or could not be decoded */
	const char *odd; /* the first met: "ws.unmasked" (client), "ws.masked" (server), "ws.length"
			  * (not in its shortest form), "ws.deflate" (not so coded, or the window it
			  * refers to is not here), "ws.bomb", or NULL */
};

struct mw_ws;

/* from_client: frames should be masked. max, head, tail: as in sse.h. 0, -ENOMEM. */
int mw_ws_new(const struct mw_alloc *a, bool from_client, size_t max, size_t head, size_t tail,
	      struct mw_ws **ret);
void mw_ws_free(struct mw_ws *w);
/* 1 a message, 0 all used, -EBADMSG no WebSocket here (it stays so, and uses no byte), -ENOMEM (the
 * message in progress is broken; go on). */
int mw_ws_next(struct mw_ws *w, struct mw_slice bytes, size_t *used, struct mw_ws_message *ret);
/* n bytes are missing here. True: they lie inside one frame's payload, which goes on behind them;
 * false: the place is lost (as -EBADMSG). */
bool mw_ws_gap(struct mw_ws *w, uint64_t n);
/* The end, or the place is lost: 1 and the unfinished message as broken, or 0. */
int mw_ws_finish(struct mw_ws *w, struct mw_ws_message *ret);
/* Whether a message is in progress, and where it began among the bytes pushed. */
bool mw_ws_open(const struct mw_ws *w, uint64_t *ret_from);
/*
 * Whether bytes could begin a frame of a message or a control frame: opcode (no continuation),
 * reserved bits, mask, length in its shortest form. A frame that goes beyond the bytes must have
 * its header alone in them, or be longer than 4 KiB; one that ends within them must be followed by
 * what could be a frame, but for a close frame. To join one in the middle.
 */
bool mw_ws_looks(struct mw_slice bytes, bool from_client);

#endif
