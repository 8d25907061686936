/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - messages in, conversations out: who serves whom, and requests paired with answers
 *
 * A channel becomes MCP when its bytes say so: a JSON-RPC message with a method of MCP, or with
 * _meta keys of io.modelcontextprotocol/. Who reads the client's requests is the server, whoever
 * holds the ends otherwise. A conversation is a channel of requests and the channel of their
 * answers: that of the same two processes, else the one that brings an answer to an open id.
 * Answers pair by conversation, direction and the raw text of the id, never by id alone; there is
 * no time limit.
 *
 * Over HTTP a connection is a queue of exchanges (session_http.c), and a conversation is a session
 * (Mcp-Session-Id), the old pair of HTTP+SSE (its endpoint), or, without either, a server and a
 * client, where an answer comes in the exchange of its request (session_where.c). A WebSocket is a
 * conversation, as two channels of lines are. An exchange that is over without the answer ends its
 * calls, unless the answer may still come: on the pair's stream, or on one that is resumed.
 *
 * A process that passes on what it reads is a relay: one call, its hops (session_relay.c). So a
 * server's record and the requests that name it wait until it is clear who serves: at most
 * MW_SESSION_HOLD_NS (session_hold.c). A call of several rounds, or one that became a task, ends
 * with the last of it (session_round.c).
 *
 * Of the two copies of a message (ends.h) the first opens and closes calls for the correlation, the
 * settled one makes records. MW_SESS_OPEN comes with the first copy, MW_SESS_SERVER and
 * MW_SESS_REQUEST later; no request, call or end of a server is said before its server.
 */
#ifndef MW_CORE_SESSION_H
#define MW_CORE_SESSION_H

#include <mcpwatch/source.h>

#include "core/ends.h"
#include "core/rpc.h"

/* A call keeps at most this much of its arguments' text until its end. */
#define MW_SESSION_ARGS_MAX (1u << 20)
/* Longest task id that is followed, with its quotes. */
#define MW_SESSION_TASK_MAX 1024u
/* A channel that brought so many bytes and no MCP is none: of lines, of what only candidates have
 * touched, of HTTP. */
#define MW_SESSION_JUDGE_LEN	   16384u
#define MW_SESSION_JUDGE_CANDIDATE 4096u
#define MW_SESSION_JUDGE_HTTP	   65536u
/* How long a server's or client's last bytes are waited for after its process ended. */
#define MW_SESSION_EXIT_NS 200000000ull
/* How long an answer without a request waits for it. */
#define MW_SESSION_EARLY_NS 1000000000ull
/* How long an answer to a cancelled request is waited for. */
#define MW_SESSION_CANCEL_NS 5000000000ull
/* How long a connection's last bytes are waited for after one side of it ended. */
#define MW_SESSION_CLOSE_NS 200000000ull
/* How long a server's record and requests are kept back, in case it only passes them on. */
#define MW_SESSION_HOLD_NS 200000000ull
/* How long a conversation whose process has ended still takes what comes late. */
#define MW_SESSION_LINGER_NS 5000000000ull
/* Calls that wait for their next round (input_required): at most so many, for at most so long. */
#define MW_SESSION_WAITING_MAX 1024u
#define MW_SESSION_WAITING_NS  3600000000000ull
/* Bytes of results that calls keep until they end; beyond, a result is known by its kind only. */
#define MW_SESSION_RESULTS_MAX (8u << 20)
/* Gaps of a channel for pages that were not there, before they are an anomaly. */
#define MW_SESSION_FAULTS_MAX 3u
/* Connections of HTTP and conversations at once; beyond, the one unused longest is given up. */
#define MW_SESSION_CONNS_MAX 16384u
#define MW_SESSION_CONVS_MAX 16384u

enum mw_transport {
	MW_TRANSPORT_STDIO = 1, /* lines over pipes or unix sockets */
	MW_TRANSPORT_STREAM,	/* lines over TCP */
	MW_TRANSPORT_HTTP,	/* Streamable HTTP, 2025-03-26 and later */
	MW_TRANSPORT_SSE,	/* HTTP+SSE of 2024-11-05 */
	MW_TRANSPORT_WEBSOCKET,
};
const char *mw_transport_name(enum mw_transport t);

struct mw_server {
	uint64_t id;		     /* from 1 */
	struct mw_prockey proc;	     /* none if its end was never seen */
	struct mw_addr addr;	     /* HTTP, websocket, stream: where it serves; else family 0 */
	enum mw_transport transport; /* of its first conversation */
	struct mw_prockey client;    /* the first one seen */
	struct mw_slice name, version, protocol;     /* as it says itself (decoded); or empty */
	struct mw_slice client_name, client_version; /* as the client says itself */
	uint8_t chan_kind;
	bool said; /* MW_SESS_SERVER was given out */
	bool gone;
	/* Connections that are not read, since it is known: of others to it, and of it and of what
	 * it started to others. */
	uint64_t tls_in, http2_in, tls_out, http2_out;
	bool serves_tls, serves_http2; /* it has answered such a one */
	struct mw_slice sni;	       /* the first name that it answered for over TLS; or empty */
};

enum mw_call_status {
	MW_CALL_OPEN = 0,
	MW_CALL_OK,
	MW_CALL_TOOL_ERROR,
	MW_CALL_RPC_ERROR,
	MW_CALL_CANCELLED,
	MW_CALL_NO_RESPONSE,
	MW_CALL_LOST,
};

#define MW_CALL_ANOMALIES_MAX 8
#define MW_CALL_HOPS_MAX      8
#define MW_CALL_ROUNDS_MAX    16

/* The HTTP exchange that carried a request. Owned by the call, raw bytes of the observed world. */
struct mw_call_http {
	struct mw_slice method, path;
	struct mw_slice fields; /* the request's field lines that say who asks and for what:
				 * those that may hold a token (token.h), Mcp-*, traceparent,
				 * X-Forwarded-For, Forwarded, User-Agent, Origin; each
				 * "name: value\r\n" */
	unsigned int status;	/* of its answer; 0: none was seen */
};

/* A relay between the client and the server, from the client on: it reads the call and passes it
 * on. */
struct mw_hop {
	struct mw_prockey proc;
	enum mw_transport transport; /* of the way on from it */
};

/* One request of a call that takes several (input_required, 2026-07-28). */
struct mw_round {
	struct mw_slice rpc_id;
	uint64_t begin_ns, end_ns;
};

struct mw_call {
	uint64_t id;	  /* from 1, in order of beginning */
	uint64_t session; /* the conversation, from 1 */
	uint8_t chan_kind;
	enum mw_transport transport;
	bool s2c;
	struct mw_call_http http;   /* method empty: not over HTTP */
	struct mw_addr client_addr; /* of a client on another host; else family 0 */
	struct mw_addr client_end;  /* over HTTP, the client's end of the connection */
	struct mw_hop hops[MW_CALL_HOPS_MAX];
	size_t n_hops;				    /* in all; may be more than the array holds */
	struct mw_round rounds[MW_CALL_ROUNDS_MAX]; /* of a call with several: all, the last too */
	size_t n_rounds;			    /* in all; may be more than the array holds */
	struct mw_slice task;	  /* raw JSON id of the task it became; or empty */
	struct mw_server *server; /* lives as long as the session */
	struct mw_prockey client;
	/* raw JSON, owned by the call */
	struct mw_slice rpc_id, method, name, uri, trace;
	struct mw_slice
	    args; /* params.arguments, or params where the method has none; may be empty */
	uint64_t args_bytes; /* the true length of args */
	uint64_t begin_ns, end_ns;
	/* what the server itself did: the read that brought the request (of the latest round, at
	 * the server that has it), and the write of the answer; as far as they were seen */
	struct mw_sight read, wrote;
	enum mw_call_status status;
	bool opened;	  /* MW_SESS_OPEN was given out */
	bool sent;	  /* it was opened without having been seen to be read */
	bool unconfirmed; /* it was opened by the server's own copy alone */
	bool settled;	  /* MW_SESS_REQUEST was given out */
	bool answered;	  /* MW_SESS_ANSWERED was given out */
	bool cancelled;
	bool incomplete, one_sided, differs, id_reused; /* evidence */
	uint64_t anomalies[MW_CALL_ANOMALIES_MAX]; /* the next stage's: their records' numbers */
	size_t n_anomalies;
	/* the next stage's, of the request as it is: forgotten when another text of it counts */
	struct {
		bool known;
		bool mac_known;
		uint8_t mac[32];	/* of its arguments */
		struct mw_slice tokens; /* mw_session_keep */
		uint64_t n_tokens;
	} kept;
};

enum mw_sess_kind {
	MW_SESS_SERVER = 1,  /* server: seen, or changed if `changed` */
	MW_SESS_SERVER_GONE, /* server */
	MW_SESS_OPEN,	     /* call: begun; the server has read it, unless `sent` */
	MW_SESS_READ,	     /* call: one that was `sent` has now been read */
	MW_SESS_CONFIRMED,   /* call: one that was `unconfirmed` was sent by the client */
	MW_SESS_REQUEST,     /* call, args: the request is settled */
	MW_SESS_ANSWERED,    /* call: the answer was written; it acts no more */
	MW_SESS_REOPENED,    /* call: one that was answered acts again, from ts_ns on: its next
			      * round was read, or sent (`sent`); args are that round's */
	MW_SESS_MOVED,	     /* call: call->server has it from ts_ns on: what that does is the
			      * call's, and no more what the one before does. A relay passed it
			      * on, or another process of the server has read it */
	MW_SESS_CALL,	     /* call, result or error: its end. The call is freed after this */
	MW_SESS_WITHDRAWN,   /* call: was never sent by the client. Freed after this */
	MW_SESS_NOTICE,	     /* server, s2c, rpc: a notification */
	MW_SESS_TOOLS,	     /* server, call, result: the answer of tools/list */
	MW_SESS_ANOMALY,     /* what, s2c, bytes, server, call (may be NULL) */
	MW_SESS_GAP,	     /* server, s2c, gap_bytes, reason, from_ns, end */
	MW_SESS_CONTROL,     /* control */
	MW_SESS_RAW,	     /* bytes: a settled message of a conversation */
};

/* All slices are borrowed until the next call of mw_session_next. */
struct mw_sess_event {
	enum mw_sess_kind kind;
	struct mw_server *server;
	struct mw_call *call;
	bool changed, s2c;
	uint64_t ts_ns;
	struct mw_slice args, result, error; /* raw JSON */
	struct mw_rpc rpc;
	const char *what; /* static */
	struct mw_slice bytes;
	uint64_t bytes_n; /* true length of bytes */
	uint64_t gap_bytes;
	enum mw_gap_reason reason;
	enum mw_end end;
	struct mw_control control;
};

struct mw_session;

struct mw_session_config {
	const struct mw_alloc *alloc;
	struct mw_ends *ends; /* borrowed: told whom to trust and what to drop */
	size_t calls_max;     /* open at once; beyond, the oldest ends as lost, and a gap says so */
	size_t servers_max;
	uint64_t seed;
	bool raw; /* give MW_SESS_RAW */
};

int mw_session_new(const struct mw_session_config *cfg, struct mw_session **ret);
void mw_session_free(struct mw_session *s);
/* One message, borrowed until next has said 0. 0 or -ENOMEM: the message is not followed. */
int mw_session_push(struct mw_session *s, const struct mw_msg *m);
/* A process ended. */
void mw_session_exit(struct mw_session *s, struct mw_prockey proc, uint64_t ts_ns);
/* Time passed. */
int mw_session_tick(struct mw_session *s, uint64_t now_ns);
/* The end: every open call ends, as no_response where its server has ended, else as lost. */
int mw_session_finish(struct mw_session *s, uint64_t now_ns);
/* 1 an event, 0 none. */
int mw_session_next(struct mw_session *s, struct mw_sess_event *ret);
/* Calls of this server that are open now, at most max ids into ids; how many in all. */
size_t mw_session_open_calls(const struct mw_session *s, const struct mw_server *server,
			     uint64_t *ids, size_t max);
/* Copies bytes into call->kept.tokens; they are freed with the call. 0, -ENOMEM. */
int mw_session_keep(struct mw_session *s, struct mw_call *call, struct mw_slice bytes);
/* Whether this channel, or the way back of its connection, carries MCP as far as is known. */
bool mw_session_is_mcp(const struct mw_chan *chan);
/* chan->wanted was taken back: what was let go of this connection meanwhile is dropped now. Pull
 * afterwards. 0, -ENOMEM. */
int mw_session_unwanted(struct mw_session *s, struct mw_chan *chan);
/* The server that is this process, or NULL. */
const struct mw_server *mw_session_server(const struct mw_session *s, struct mw_prockey proc);
/* A connection of this process, which is a server's own, is not read: it is counted there. */
struct mw_opaque_conn {
	bool tls; /* or HTTP/2 */
	bool in;  /* of another one to it */
	bool answered;
	struct mw_slice name; /* that it asks for; or empty */
};
/* 1: what the server is known by has changed; 0; -ENOMEM. */
int mw_session_opaque(struct mw_session *s, struct mw_prockey proc, const struct mw_opaque_conn *o);
/* All that there are; *pos starts at 0. NULL: no more. */
const struct mw_server *mw_session_each_server(const struct mw_session *s, size_t *pos);
/* How many there are now. */
struct mw_session_counts {
	size_t calls, convs, conns, servers; /* calls: open ones */
};
void mw_session_count(const struct mw_session *s, struct mw_session_counts *ret);

#endif
