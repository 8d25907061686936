/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - ordered bytes of one half in, one message's bytes out, whatever carries them
 *
 * The first bytes tell lines (MCP over stdio or a bare socket), HTTP/1.1 (bodies, server-sent
 * events) and, behind an upgrade, WebSocket apart. A half that is joined in the middle, or whose
 * place was lost, is judged anew at the first byte of each chunk: a message, a chunk of a chunked
 * body, an event or a frame nearly always begins with a system call.
 *
 * Of HTTP come out: a HEAD (its bytes as on the wire), the messages of its body, an END. A body is
 * one message if its first byte that is not white space is '{' or '['; an event stream gives one
 * message an event with data that is not only white space; other bodies give none, and are not
 * kept.
 *
 * Lines are those of line.h (behind an upgrade those of tunnel.h), HTTP is that of web.h. What is
 * neither is taken for lines, until a system call begins HTTP behind it. Bytes passed over until
 * the place in HTTP is known again come out as one `broken`, `headless` frame without bytes: `len`
 * says how many.
 *
 * The same bytes give the same frames however a system call's are split into chunks, but for the
 * times and the processes, which are the chunks'.
 */
#ifndef MW_CORE_FRAME_H
#define MW_CORE_FRAME_H

#include "core/line.h"
#include "core/stream.h"

#define MW_FRAME_HEAD 65536u
#define MW_FRAME_TAIL 4096u

enum mw_frame_kind {
	MW_FRAME_IS_MESSAGE = 0, /* one JSON text, it is hoped */
	MW_FRAME_IS_HEAD,	 /* of an HTTP message */
	MW_FRAME_IS_END,	 /* of an HTTP message: bytes empty */
};

enum mw_carrier {
	MW_CARRIER_LINE = 0,
	MW_CARRIER_BODY, /* a whole HTTP body */
	MW_CARRIER_SSE,	 /* an event of an HTTP body */
	MW_CARRIER_WS,
};

struct mw_frame {
	struct mw_slice
	    bytes;    /* without the LF; borrowed until the next call. If cut: head then tail */
	uint64_t off; /* of its first byte in the half */
	uint64_t
	    len; /* bytes it has, without the LF, decoded; >= bytes.n. END: of the whole body */
	uint64_t span; /* bytes of the half from `off` on that it stands for, the LF included. Of a
			* body and of END: the body as it is on the wire */
	enum mw_frame_kind kind;
	enum mw_carrier carrier; /* of HEAD and END: MW_CARRIER_BODY */
	bool response;		 /* HTTP: of the half that answers */
	uint64_t xchg;		 /* HTTP: number of the HTTP message in the half, from 1; else 0 */
	struct mw_slice event;	 /* MW_CARRIER_SSE: the event's type, empty for "message" */
	bool partial;		 /* END: a gap or the connection's end cut the body */
	/*
	 * An anomaly's name (static), or NULL: those of http.h and ws.h; of END also "http.cut",
	 * the connection ended before the length that was told; broken: why the place is lost,
	 * once for each lost place, also before anything was understood ("http.start" to
	 * "http.memory", "ws.broken", "tunnel.frame").
	 */
	const char *odd;
	uint64_t begin_ns,
	    end_ns; /* of the chunks with its first byte and its LF (broken: its last) */
	struct mw_prockey proc; /* who moved its LF (broken: its last byte) */
	uint32_t tid;
	struct mw_move move; /* and with which system call */
	bool cut;      /* longer than max */
	bool broken;   /* not whole: its end or its beginning is missing */
	bool headless; /* broken, and it follows a gap */
	/* not NULL: all this buffer holds is `bytes`; who wants to keep them may empty it */
	struct mw_buf *store;
	uint64_t gap; /* headless: bytes missing just before it */
};

struct mw_web;

struct mw_framer {
	const struct mw_alloc *a;
	size_t max;
	uint64_t n_nomem; /* times that a lack of memory broke a frame */
	/* private */
	struct mw_lines line;
	struct mw_web *web;  /* NULL until HTTP was seen */
	struct mw_buf maybe; /* bytes too few to tell what they begin */
	uint64_t maybe_ns, maybe_off;
	struct mw_prockey maybe_proc;
	uint32_t maybe_tid;
	struct mw_move maybe_move;
	uint16_t starts[4]; /* where in them system calls began, behind the first */
	uint8_t n_starts;
	size_t n_taken; /* bytes of `maybe` that are `chunk`; `late` comes behind them */
	struct mw_chunk chunk, late;
	size_t pos;				/* in chunk.bytes */
	uint64_t n_nomem_before;		/* by what is gone already */
	uint64_t lost_from, lost_len, lost_gap; /* the place is lost: where, bytes passed over */
	uint64_t bodyless;			/* numbers told before there was HTTP, a bit each */
	uint8_t mode, n_tries;
	bool has_chunk, has_late, judged, late_judged;
	bool dropped; /* what `maybe` holds is not what it first held */
	bool joined;  /* what comes next may be the middle of something */
	bool known;   /* lines, and nothing else any more */
	bool counted; /* HTTP from the half's first byte on: its numbers are the connection's */
};

/* Allocates nothing yet. max: longest message kept whole, at least MW_FRAME_HEAD + MW_FRAME_TAIL
 * (less is taken as that). */
void mw_framer_init(struct mw_framer *f, const struct mw_alloc *a, size_t max);
/* Frees what it holds and forgets where it was; usable again. */
void mw_framer_done(struct mw_framer *f);
/* One chunk (bytes, gap or closed; one that says `evicted` is passed over), borrowed until next has
 * said 0. 0, or -EBUSY: not pulled to the end, nothing happened. */
int mw_framer_push(struct mw_framer *f, const struct mw_chunk *c);
/* 1 a frame, 0 need more. Behind `closed` what is unfinished comes out as broken. */
int mw_framer_next(struct mw_framer *f, struct mw_frame *ret);
/* The end of the bytes, after next has said 0: 1 and what is unfinished as a broken frame, or the
 * END of an HTTP message as partial; again, until 0. */
int mw_framer_finish(struct mw_framer *f, struct mw_frame *ret);
/* The bytes of an unfinished line so far (of a line over max its head), after next has said 0: to
 * judge what kind of stream this is. Empty where it is HTTP. Borrowed until the next call. */
struct mw_slice mw_framer_partial(const struct mw_framer *f);
/* Whether the place is lost, and since which offset: nothing behind it was understood. */
bool mw_framer_lost(const struct mw_framer *f, uint64_t *ret_from);
/* The answer number n of this half has no body: its request was a HEAD. Only if `counted`, or
 * nothing came yet: other numbers are not the connection's. May come before the answer or late. */
void mw_framer_bodyless(struct mw_framer *f, uint64_t n);

#endif
