/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTP/1.1 messages in one direction of a connection, incrementally
 *
 * Source: RFC 9112 (syntax, framing), RFC 9110 (fields, codings). The parser is a state machine
 * over the caller's bytes: what it gives out are slices of them, of its own head buffer, or of its
 * own decoding buffer. It never holds a body; what it holds is bounded by MW_HTTP_HEAD_MAX and,
 * while a coded body passes, by what zlib needs (inflate.h). Between two messages it holds nothing.
 *
 * Framing follows RFC 9112 section 6.3, as a careful recipient: chunked wins over content-length
 * and both together are said (`odd`), equal content-lengths are one, different ones are refused. A
 * transfer coding other than chunked (or chunked not last) ends with the connection in an answer
 * and is refused in a request; gzip or deflate below chunked is decoded. "Refused" is BROKEN: the
 * framing of this half is lost from here on, until mw_http_resync. An LF alone ends a line of a
 * head or a trailer (said), but none of a chunk.
 *
 * Interim answers (1xx but 101) are passed over: they have no events and no number. Every HEAD is
 * followed by exactly one END, also where the place gets lost (partial), but for mw_http_resync and
 * mw_http_done, which forget it.
 *
 * The same bytes give the same events however they are split, but that BODY comes in other pieces.
 */
#ifndef MW_CORE_HTTP_H
#define MW_CORE_HTTP_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

#define MW_HTTP_HEAD_MAX 65536u /* start line and fields; a longer head is BROKEN */
#define MW_HTTP_FIELDS_MAX 256u

/* --- a head, taken apart --------------------------------------------------------------- */

struct mw_http_head {
	bool response;
	struct mw_slice method, target; /* of a request */
	unsigned int status;		/* of a response */
	unsigned int minor;		/* HTTP/1.minor */
	struct mw_slice fields;		/* the field lines, each with its line end */
};

/* The bytes of a whole head, the empty line included or not. Slices into it. 0, -EBADMSG: the start
 * line is none; the fields are not judged. */
int mw_http_head_parse(struct mw_slice bytes, struct mw_http_head *ret);
/* The next field: *pos starts at 0. 1, 0 the end. Name as written; value without white space around
 * it. A folded line (obs-fold) belongs to its value. A line without a colon is a name alone, its
 * value's p NULL. */
int mw_http_field_next(const struct mw_http_head *h, size_t *pos, struct mw_slice *ret_name,
		       struct mw_slice *ret_value);
/* The value of the first field of this name (ASCII case does not matter); n == 0, p NULL: none.
 * ret_n, may be NULL: how many there are. White space between name and colon does not matter. */
struct mw_slice mw_http_field(const struct mw_http_head *h, const char *name, size_t *ret_n);
/* Whether a comma-separated list has this token (case does not matter; parameters behind ';' are
 * passed over). */
bool mw_http_has_token(struct mw_slice list, const char *token);

/* --- sniffing -------------------------------------------------------------------------- */

enum mw_sniff { MW_SNIFF_NO = 0, MW_SNIFF_MORE, MW_SNIFF_YES };
/* Whether the bytes begin a request (a token of at most 32 as method, a target, "HTTP/1.") or a
 * response ("HTTP/1."), empty lines before it passed over. MORE: too few bytes to tell. The HTTP/2
 * preface ("PRI * HTTP/2.0") is NO. *ret_response with YES only. */
enum mw_sniff mw_http_sniff(struct mw_slice bytes, bool *ret_response);

/* --- the parser ------------------------------------------------------------------------ */

enum mw_http_event_kind {
	MW_HTTP_NEED = 0, /* all bytes are used */
	MW_HTTP_HEAD,	  /* head (taken apart) and bytes (as on the wire, to the empty line) */
	MW_HTTP_BODY,	  /* bytes: a decoded piece of the body, never empty */
	MW_HTTP_END,	  /* the message ends here (trailers are passed over) */
	MW_HTTP_UPGRADED, /* what follows is not HTTP any more: behind a 101 or the 2xx to a CONNECT; of
			   * requests behind one for an upgrade or a CONNECT, at a byte that begins
			   * no request. The rest of the bytes is not used, now and later */
	MW_HTTP_BROKEN,	  /* not HTTP here; why: odd. The rest of the bytes is not used, now and
			   * later */
};

struct mw_http_event {
	enum mw_http_event_kind kind;
	struct mw_http_head head;
	struct mw_slice bytes; /* borrowed until the next call */
	uint64_t n;	       /* number of the message in this half, from 1 */
	uint64_t wire;	       /* END: bytes of the whole message on the wire, gaps in it included */
	bool partial;	       /* END: bytes are missing: its head (joined), a gap, the close, a place
				* that got lost, or no memory to decode them */
	/*
	 * An anomaly's name (static), the first one met, or NULL. HEAD, about the head:
	 * "http.bare_lf", "http.two_lengths" (equal), "http.length_and_transfer",
	 * "http.transfer_1_0", "http.transfer" (an answer whose end is its connection's, or
	 * an empty element), "http.obs_fold", "http.space_colon", "http.control" (characters).
	 * END, about the body: "http.bare_lf", "http.obs_fold", "http.space_colon" of trailers,
	 * "http.control" also of chunks; "http.coding": a coding not known here, or bytes not so
	 * coded, from there on no BODY; "http.bomb": more than inflate.h allows, likewise.
	 * BROKEN, always: "http.start", "http.head_long", "http.fields" (too many), "http.field",
	 * "http.space_colon", "http.bare_cr", "http.nul", "http.length", "http.two_lengths",
	 * "http.transfer", "http.chunk", "http.chunk_long" (extensions), "http.trailer_long",
	 * "http.direction" (an answer among requests), "http.gap", "http.memory".
	 */
	const char *odd;
};

struct mw_http_start { /* of the matcher of start lines */
	unsigned int phase, n;
	bool told, response; /* told: it is known which */
};

struct mw_http {
	const struct mw_alloc *a;
	struct mw_buf head; /* after NEED: the bytes so far of an unfinished head (or trailer) */
	uint64_t n;	    /* messages begun */
	uint64_t n_wire;    /* bytes of the message in progress */
	uint64_t left;	    /* bytes to come of the body, or of the chunk */
	/* the rest is private to http.c */
	struct mw_inflate *inflate;
	uint64_t bodyless[16];
	unsigned int n_bodyless, state, after;
	struct mw_http_start start;
	uint64_t n_head; /* bytes of the head of the message in progress */
	size_t line;	 /* bytes so far of a head's line; of a chunk's first line, its digits or rest */
	unsigned int coding, status;
	bool blind;
	bool begun_cr, started, lent, chunked, response, known, open, partial, mute, upgrade;
	const char *odd, *why;
};

/* Begins before the first byte of a message. Allocates nothing yet. */
void mw_http_init(struct mw_http *h, const struct mw_alloc *a);
/* Right behind mw_http_init: bodies are passed over, none is decoded and there is no BODY. */
void mw_http_heads_only(struct mw_http *h);
/* Frees what it holds; as new. */
void mw_http_done(struct mw_http *h);
/* Joins, as new or after a resync, inside a chunked body, at the beginning of a chunk. Its END is
 * `partial`, as there is no HEAD. It has a number of its own. */
void mw_http_join_chunked(struct mw_http *h);
/* Joins likewise inside a body that ends with the connection. */
void mw_http_join_identity(struct mw_http *h);
/*
 * The next event from bytes; *used says how many of them it took (also with NEED: all). Call again
 * with the rest until NEED, UPGRADED or BROKEN. MW_HTTP_* or -ENOMEM: of a head in progress, then
 * the place is lost; of a coded body, then no more of it is given out; call again with the rest.
 */
int mw_http_next(struct mw_http *h, struct mw_slice bytes, size_t *used, struct mw_http_event *ret);
/*
 * n bytes of the stream are missing here, after NEED. True: they lie inside a body or chunk of
 * known length (or one until close), which goes on behind them (a coded one gives no more out); its
 * END will be `partial`. False: the place is lost; the next events are the END of the message in
 * progress, if there is one, and BROKEN.
 */
bool mw_http_gap(struct mw_http *h, uint64_t n);
/* The stream ends here, after NEED: 1 and the END of a body that ends with the connection, or of
 * one cut (partial); or 0. Begins before a message then. */
int mw_http_close(struct mw_http *h, struct mw_http_event *ret);
/* Whether a body whose length is told has begun and is not whole. Of an answer its first byte must
 * have come: one to a HEAD has a length and no body. */
bool mw_http_is_short(const struct mw_http *h);
/* Forgets the place and the direction; the next byte begins a message. Numbers go on. */
void mw_http_resync(struct mw_http *h);
/* Responses only: the answer number n (as in the events) has no body: its request was a HEAD. May
 * come before or after its HEAD, but before its body's first byte; the latest 16 count. */
void mw_http_bodyless(struct mw_http *h, uint64_t n);
/* Likewise: its request was a CONNECT, so that behind a 2xx comes a tunnel. */
void mw_http_tunnel(struct mw_http *h, uint64_t n);

#endif
