/* SPDX-License-Identifier: Apache-2.0 */
/* session_priv.h - what session.c and its parts share */
#ifndef MW_CORE_SESSION_PRIV_H
#define MW_CORE_SESSION_PRIV_H

#include "base/table.h"
#include "core/session.h"

struct conv {
	uint64_t id;
	struct conv *next;
	struct mw_chan *c2s, *s2c;
	struct mw_server *server; /* NULL until the reading end or a settled request was seen */
	struct mw_prockey client;
	size_t n_calls;				 /* open */
	uint64_t server_exit_ns, client_exit_ns; /* 0 alive */
	bool client_unseen; /* its end of the channel of requests is not seen */
	bool read_seen;	    /* the server was seen to read a request */
};

/* One JSON-RPC message inside a channel message (several in a batch), from FIRST to SETTLED. */
struct item {
	struct item *next;
	struct mw_rpc rpc;   /* slices relative to base */
	const uint8_t *base; /* where the text was when it was parsed */
	enum mw_end end;     /* whose copy that was */
	struct call *call;   /* the call it begins or answers; NULL none (any more) */
};

/* The slot of a channel message. */
struct slot {
	struct slot *next, *prev; /* all of them */
	struct item *items;
	int error; /* why it is no message: -EBADMSG, -EPROTO, -E2BIG; 0 sound */
	unsigned int json_flags;
};

struct call {
	struct mw_call pub; /* first: what the outside sees */
	struct conv *conv;
	struct call *next, *prev;    /* all open ones, oldest first */
	struct call *same;	     /* later one with the same id in flight */
	struct item *asks, *answers; /* items that point here */
	uint64_t key[3];	     /* conv, direction, hash of id */
	enum mw_end first_end;	     /* whose copy it was opened from */
	uint64_t cancelled_ns;
};

struct sess_chan {
	struct sess_chan *next, *prev; /* all of them */
	struct mw_chan *chan;
	struct conv *conv;
	bool s2c, no_mcp;
	uint64_t seen_bytes, early_gap;
	uint64_t junk_bytes; /* of seen_bytes: lines that were no message */
	uint64_t early_gap_ns;
};

struct mw_session {
	struct mw_session_config cfg;
	const struct mw_alloc *a;
	struct mw_sess_event *queue;
	size_t q_len, q_cap, q_pos;
	struct call *gone_calls; /* freed at the next call of next */
	struct conv *convs;
	struct slot *slots;
	struct sess_chan *chans;
	struct early *early, *early_gone; /* oldest first; to be freed with gone_calls */
	size_t n_early, early_bytes;
	struct call *calls, *calls_tail;
	size_t n_calls;
	struct mw_table *by_key;  /* open calls */
	struct mw_table *servers; /* by process */
	struct mw_server **all_servers;
	size_t n_servers, servers_cap;
	uint64_t last_conv, last_call, last_server;
	uint64_t now_ns, ticked_ns;
};

/* session.c */
void mw_sess_slot_free(struct mw_session *s, struct slot *sl);

int mw_sess_on_answer(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		      struct item *it, const struct mw_rpc *rpc);

/* session_early.c */
/* Keeps a copy. 0; -ENOSPC, -ENOMEM: it is not kept. */
int mw_sess_early_hold(struct mw_session *s, const struct sess_chan *sc, const struct mw_msg *m,
		       const struct mw_rpc *rpc);
/* If the call's answer has come before it, the call ends. 0 or negative errno. */
int mw_sess_early_answer(struct mw_session *s, struct call *c);
/* Says which ones have waited long enough; last: all. */
int mw_sess_early_tick(struct mw_session *s, bool last);
/* Those of a conversation that is over: none of them is left, whatever is returned. */
int mw_sess_early_leave(struct mw_session *s, const struct conv *cv);
void mw_sess_early_free(struct mw_session *s, bool all);

/* session_life.c */
/* A place at the end of the queue, or NULL: the event is lost, and the caller must say so. */
struct mw_sess_event *mw_sess_say(struct mw_session *s, enum mw_sess_kind kind);
int mw_sess_say_call(struct mw_session *s, enum mw_sess_kind kind, struct call *c);
int mw_sess_say_anomaly(struct mw_session *s, const char *what, const struct sess_chan *sc,
			struct mw_slice bytes, uint64_t n, struct call *c);
int mw_sess_say_control(struct mw_session *s, enum mw_control_kind kind,
			const struct mw_chan *chan);
int mw_sess_say_gap(struct mw_session *s, const struct conv *cv, bool s2c, uint64_t bytes,
		    enum mw_gap_reason reason);
/* The server acts on it from now on: once a call. */
int mw_sess_open_call(struct mw_session *s, struct call *c);
/* args: where the settled text stands now; empty: the call's own copy. */
int mw_sess_settle_request(struct mw_session *s, struct call *c, struct mw_slice args);
/* answer NULL: there is none. The call is retired. */
int mw_sess_end_call(struct mw_session *s, struct call *c, enum mw_call_status status,
		     const struct mw_rpc *answer);

/* session_chan.c */
/* Puts the channel of a first message into its conversation, if the message is of MCP. */
int mw_sess_recognise(struct mw_session *s, struct mw_chan *chan, struct sess_chan *sc,
		      const struct mw_rpc *rpc);
/* Whether a conversation that lacks a channel has one of this channel's processes: then it may be
 * the one that is lacking, whatever it brought so far. */
bool mw_sess_relates(const struct mw_session *s, const struct mw_chan *chan);
/* The processes of a conversation become known as their ends are seen. */
void mw_sess_conv_free(struct mw_session *s, struct conv *cv);
int mw_sess_note_peers(struct mw_session *s, struct conv *cv, const struct mw_msg *m, bool s2c);

/* session_call.c */
int mw_call_new(struct mw_session *s, struct conv *conv, bool s2c, const struct mw_rpc *rpc,
		struct call **ret);
/* What it asks is what this message says. -ENOMEM: it is as before. */
int mw_call_set_request(struct mw_session *s, struct call *c, const struct mw_rpc *rpc);
/* Takes it out of every list and leaves it to be freed when the queue has been read. */
void mw_call_retire(struct mw_session *s, struct call *c);
void mw_call_free_gone(struct mw_session *s);
/* The open call of that id that has no answer, the oldest of equal ones. An answer that only an end
 * other than `over` showed is none. */
struct call *mw_call_find(struct mw_session *s, const struct conv *conv, bool s2c,
			  struct mw_slice id, const enum mw_end *over);
struct mw_slice mw_call_args_of(const struct mw_rpc *rpc);

/* session_server.c */
struct mw_server *mw_server_of(struct mw_session *s, struct mw_prockey proc);
int mw_server_learn(struct mw_session *s, struct mw_server *sv, const struct mw_rpc *rpc,
		    struct mw_slice method, bool *ret_changed);
int mw_server_learn_client(struct mw_session *s, struct mw_server *sv, const struct mw_rpc *rpc);
void mw_server_free_all(struct mw_session *s);

#endif
