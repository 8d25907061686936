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
 * Of the two copies of a message (ends.h) the first opens and closes calls for the correlation, the
 * settled one makes records.
 */
#ifndef MW_CORE_SESSION_H
#define MW_CORE_SESSION_H

#include <mcpwatch/source.h>

#include "core/ends.h"
#include "core/rpc.h"

/* A call keeps at most this much of its arguments' text until its end. */
#define MW_SESSION_ARGS_MAX (1u << 20)
/* A channel that brought so many bytes and no MCP is none. */
#define MW_SESSION_JUDGE_LEN 16384u
/* How long a server's or client's last bytes are waited for after its process ended. */
#define MW_SESSION_EXIT_NS 200000000ull
/* How long an answer without a request waits for it. */
#define MW_SESSION_EARLY_NS 1000000000ull
/* How long an answer to a cancelled request is waited for. */
#define MW_SESSION_CANCEL_NS 5000000000ull

struct mw_server {
	uint64_t id;				     /* from 1 */
	struct mw_prockey proc;			     /* none if its end was never seen */
	struct mw_prockey client;		     /* the first one seen */
	struct mw_slice name, version, protocol;     /* as it says itself (decoded); or empty */
	struct mw_slice client_name, client_version; /* as the client says itself */
	uint8_t chan_kind;
	bool said; /* MW_SESS_SERVER was given out */
	bool gone;
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

struct mw_call {
	uint64_t id;	  /* from 1, in order of beginning */
	uint64_t session; /* the conversation, from 1 */
	uint8_t chan_kind;
	bool s2c;
	struct mw_server *server; /* lives as long as the session */
	struct mw_prockey client;
	/* raw JSON, owned by the call */
	struct mw_slice rpc_id, method, name, uri, trace;
	struct mw_slice
	    args; /* params.arguments, or params where the method has none; may be empty */
	uint64_t args_bytes; /* the true length of args */
	uint64_t begin_ns, end_ns;
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
};

enum mw_sess_kind {
	MW_SESS_SERVER = 1,  /* server: seen, or changed if `changed` */
	MW_SESS_SERVER_GONE, /* server */
	MW_SESS_OPEN,	     /* call: begun; the server has read it, unless `sent` */
	MW_SESS_READ,	     /* call: one that was `sent` has now been read */
	MW_SESS_CONFIRMED,   /* call: one that was `unconfirmed` was sent by the client */
	MW_SESS_REQUEST,     /* call, args: the request is settled */
	MW_SESS_ANSWERED,    /* call: the answer was written; it acts no more */
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
/* The server that is this process, or NULL. */
const struct mw_server *mw_session_server(const struct mw_session *s, struct mw_prockey proc);

#endif
