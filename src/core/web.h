/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web.h - frames of one half of an HTTP/1.1 connection: heads, messages of bodies, ends
 *
 * Puts http.h, sse.h and ws.h together. A body whose first byte that is not white space is '{' or
 * '[' is one message when it is whole, whatever its type says; one of type text/event-stream gives
 * a message an event, but for events whose data is empty or white; others are counted and not kept. Behind a 101 that names websocket, and
 * behind a request that asked for it, come WebSocket messages; behind an upgrade to anything else
 * what tunnel.h reads, its lines with no number.
 *
 * Offsets of frames are offsets in the half: of a head its first byte, of a body and of END the
 * byte behind the head, of an event the byte behind the event before it, of a WebSocket message its
 * frame.
 */
#ifndef MW_CORE_WEB_H
#define MW_CORE_WEB_H

#include "core/frame.h"

/* What bytes begin. */
enum mw_web_start {
	MW_WEB_NO = 0,
	MW_WEB_MORE,	  /* too few bytes to tell */
	MW_WEB_HTTP,	  /* an HTTP message */
	MW_WEB_CHUNKED,	  /* a chunk of an event stream */
	MW_WEB_EVENTS,	  /* a line of an event stream */
	MW_WEB_WS_CLIENT, /* a WebSocket frame of text, masked */
	MW_WEB_WS_SERVER, /* one that is not */
};

/* joined: also what begins in the middle of a message. There an event stream or a WebSocket is only
 * believed if its first data begin a JSON object or array. */
enum mw_web_start mw_web_sniff(struct mw_slice bytes, bool joined);

struct mw_web;

/* max: longest message kept whole. 0, -ENOMEM. */
int mw_web_new(const struct mw_alloc *a, size_t max, struct mw_web **ret);
/* Takes NULL. */
void mw_web_free(struct mw_web *w);
/* What comes next, at this offset, is this (HTTP or what is above it), whatever was before. Numbers
 * go on. */
void mw_web_begin(struct mw_web *w, enum mw_web_start start, uint64_t off);
/*
 * The next frame of a chunk (bytes or gap) from byte *pos on, which moves on. 1 a frame; 0 all is
 * used; -EBADMSG: the place is lost, what was in progress has come out, and the rest of the chunk
 * is for nobody.
 */
int mw_web_next(struct mw_web *w, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret);
/* After -EBADMSG: the offset from which on nothing was understood. */
uint64_t mw_web_lost(const struct mw_web *w);
/* The end of the bytes; closed: of the connection, which ends some bodies as they should. 1 a
 * frame, 0 none left. */
int mw_web_finish(struct mw_web *w, bool closed, struct mw_frame *ret);
void mw_web_bodyless(struct mw_web *w, uint64_t n);
/* Times that a lack of memory broke a frame. */
uint64_t mw_web_nomem(const struct mw_web *w);

#endif
