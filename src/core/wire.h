/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - what processes ask of others in clear text: HTTP requests, SQL statements
 *
 * Chunks of stream sockets in (stream.h), actions out. A connection is looked at from the side that
 * asks: what it writes and what it reads there. So where both sides are observed there is one
 * action, of who sent it. Which protocol it is its first bytes say, never a port: HTTP/1   a
 * request line (RFC 9112). Also CONNECT (what follows is opaque), requests in a proxy's form, over
 * unix sockets. Not HTTP/2 ("PRI * HTTP/2.0" begins no request of HTTP/1) PostgreSQL  protocol 3,
 * its start-up message, then AuthenticationOk (wire_pg.c) MySQL    the server's greeting, then the
 * client's answer (wire_mysql.c) What becomes TLS, compressed or a tunnel is passed over from there
 * on.
 *
 * An HTTP request:
 *   target  "http://host[:port]/path", host from its Host field; over a unix socket whose name is
 *           known "http://unix:/run/x.sock:/path"; CONNECT: "host:port"; of a proxy's form its URL
 *           without the query
 *   verb    the method; object: target with its query
 *   mode    the answer's status
 * A statement, for each in a text that has several (sql.h):
 *   target  "postgresql://address:port/database", "mysql://..."; over a unix socket
 *           "postgresql://unix:/run/x.sock:/database". Never the user
 *   verb, object  of sql.h; where the text is not known, the verb is PostgreSQL's command tag's
 *   asked   the text, at most MW_WIRE_TEXT_MAX of it; asked_n its length if it is longer. Prepared
 *           statements: at each execution, with its places for parameters
 *   mode    of an error its SQLSTATE, or MySQL's number
 *   ret     is the statement's own: that its transaction was rolled back is not told
 * Of both: ts_ns, proc, tid, task are those of the system call that sent the last byte of the head
 * or message, chan and gen name the sending socket, peer is its other side; from_kernel is false
 * (bytes of user memory). ret: 0 answered (whatever the status); -EREMOTEIO the database answered
 * with an error; -ECANCELED not run, as one before it failed; -ECONNRESET the connection ended
 * before an answer; -EINPROGRESS no answer was seen: none for MW_WIRE_WAIT_NS, asked for early
 * (mw_wire_hurry), or bytes are missing.
 *
 * Nothing is claimed where the place is not sure. Bytes that are missing inside of a body (HTTP) or
 * message (SQL) of known length make that one unknown; elsewhere the connection is given up. A
 * connection that is joined in its midst counts as HTTP if a system call begins with a request, and
 * such a request is an action only if an answer comes; as a database's never.
 */
#ifndef MW_CORE_WIRE_H
#define MW_CORE_WIRE_H

#include "core/act.h"
#include "core/stream.h"

/* How long an action waits for its answer. */
#define MW_WIRE_WAIT_NS 10000000000ull
/* An answer that may yet turn out to be MCP's (an event stream) waits so long for that. */
#define MW_WIRE_JUDGE_NS 1000000000ull
/* Most bytes that are kept of a URL and of a statement. */
#define MW_WIRE_TEXT_MAX 16384u
/* Connections followed, and unanswered requests of one; beyond, the oldest are given up. */
#define MW_WIRE_CONNS_MAX   4096u
#define MW_WIRE_PENDING_MAX 4096u
/* Of all connections together. */
#define MW_WIRE_MEMORY_MAX (32u << 20)
/* A connection that brings so many bytes without a request or statement is let go. */
#define MW_WIRE_IDLE_MAX (256u << 20)

enum mw_wire_kind {
	MW_WIRE_ACTION = 1, /* act. If the session has found `chan` to be MCP, it is none */
	MW_WIRE_KEEP,	    /* chan, sock, gen: is to be captured without limit */
	MW_WIRE_DROP,	    /* chan: it needs no more of it; chan->wanted is false now */
	MW_WIRE_OPAQUE,	    /* proc, end: its connection begins with what is not read. Once it is
			     * answered, or it is clear that no answer will be seen */
};

/* What such a connection begins with, at the side that asks: TLS, a ClientHello (RFC 8446, sections
 * 4.1.2 and 5.1); HTTP/2, its preface (RFC 9113, section 3.4). */
enum mw_opaque {
	MW_OPAQUE_NONE = 0,
	MW_OPAQUE_TLS,
	MW_OPAQUE_HTTP2,
};

struct mw_wire_event {
	enum mw_wire_kind kind;
	struct mw_chan *chan; /* what the asking side writes */
	struct mw_action act;
	uint64_t asked_n;
	uint64_t sock, gen;
	uint64_t id; /* for mw_wire_hurry */
	/* OPAQUE; end: READ, proc is asked, WRITE, it asks */
	enum mw_opaque opaque;
	struct mw_prockey proc;
	enum mw_end end;
	bool answered;	      /* by the same: both sides speak it */
	struct mw_slice name; /* of TLS, as mw_tls_name; or empty */
};

struct mw_wire;

struct mw_wire_stats {
	uint64_t evicted;   /* connections given up for others' room */
	uint64_t lost;	    /* because bytes are missing or the place is lost */
	uint64_t long_idle; /* because of MW_WIRE_IDLE_MAX */
	uint64_t pending;   /* actions said without their answer, for others' room */
};

/* conns_max: 0 MW_WIRE_CONNS_MAX. 0, -ENOMEM. */
int mw_wire_new(const struct mw_alloc *a, size_t conns_max, struct mw_wire **ret);
void mw_wire_free(struct mw_wire *w);
/*
 * One chunk, before the session is told of an evicted one, behind it else. Chunks of processes that
 * are seen on their MCP streams alone are passed over. chan->wire and chan->wanted are ours. 0;
 * -ENOMEM: the connection is given up. Pull until 0 in any case.
 */
int mw_wire_push(struct mw_wire *w, const struct mw_chunk *c);
/* A checked connect of a unix socket: the name of its peer. 0, -ENOMEM. */
int mw_wire_connect(struct mw_wire *w, const struct mw_ev_act *ev);
void mw_wire_tick(struct mw_wire *w, uint64_t now_ns);
/* The end: all that waits comes out. */
void mw_wire_finish(struct mw_wire *w);
/* 1 an event, borrowed until the next call of next or push; 0 none. */
int mw_wire_next(struct mw_wire *w, struct mw_wire_event *ret);
/* The actions that wait for their answer; *pos starts at 0, and nothing else is called meanwhile.
 * ret as of next. 1, 0 the end. */
int mw_wire_waiting(const struct mw_wire *w, uint64_t *pos, struct mw_wire_event *ret);
/* This one (ret->id) is said now, as it is known now. Pull afterwards. */
void mw_wire_hurry(struct mw_wire *w, uint64_t id);
void mw_wire_stats(const struct mw_wire *w, struct mw_wire_stats *ret);

#endif
