/* SPDX-License-Identifier: Apache-2.0 */
/* session_priv.h - what session.c and its parts share */
#ifndef MW_CORE_SESSION_PRIV_H
#define MW_CORE_SESSION_PRIV_H

#include "base/hash.h"
#include "base/table.h"
#include "core/http.h"
#include "core/session.h"

/* --- lists --------------------------------------------------------------------------------------
 */

/* A ring with its head; an entry that is in none points to itself. */
struct dl {
	struct dl *prev, *next;
};

#define MW_OF(link, type, member)                                                                  \
	((type *)(void *)((uint8_t *)(void *)(link)-offsetof(type, member)))

static inline void dl_init(struct dl *l)
{
	l->prev = l->next = l;
}

static inline bool dl_empty(const struct dl *l)
{
	return l->next == l;
}

static inline void dl_add(struct dl *head, struct dl *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void dl_del(struct dl *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	dl_init(l);
}

/* --- who and where ------------------------------------------------------------------------------
 */

/* A server and what the session itself keeps of it. */
struct serv {
	struct mw_server pub; /* first: what the outside sees */
	size_t refs;	      /* conversations and calls */
	struct dl calls;      /* the public ones that it has now; passed ones last */
	struct dl exiting;    /* in s->exiting from its process's end to MW_SESS_SERVER_GONE */
	uint64_t exit_ns;
	bool controlled; /* MW_CONTROL_SERVER was said */
	bool by_addr;	 /* it is the one in s->addrs */
};

/* What the notifications that passed a relay are known by. */
#define MW_SESS_RECENT 16

/* A conversation. It lives as long as anything refers to it. */
struct conv {
	uint64_t id;
	size_t refs;
	struct dl all;	   /* the one used last at the end */
	struct dl lacking; /* lines: one of the two channels is not known yet */
	struct dl ending;  /* a process of it has ended */
	struct dl calls;   /* open, oldest first */
	uint64_t key[2];   /* HTTP: in s->conv_by_key */
	bool keyed;
	bool scoped; /* HTTP without a session: an answer comes in its request's exchange */
	bool said_gap;
	enum mw_transport transport;
	struct mw_chan *c2s, *s2c; /* lines */
	struct mw_server *server;  /* NULL until the reading end or a settled request was seen */
	struct mw_prockey client;
	struct mw_addr client_addr;
	uint64_t server_exit_ns, client_exit_ns; /* 0 alive */
	bool over;	    /* nothing more is said in it: it is found by nobody */
	bool client_unseen; /* its end of the channel of requests is not seen */
	bool read_seen;	    /* the server was seen to read a request */
	/* relays: session_relay.c */
	struct conv *up; /* what comes in here was passed on from there; counted in its refs */
	struct dl downs, down_of;
	bool relay;  /* its server passes on what it reads */
	bool direct; /* what its server says goes past its client, to one further up */
	uint64_t recent[2][MW_SESS_RECENT];
	unsigned int n_recent[2];
};

/* One connection that carries HTTP: its two channels, as far as they are known. */
struct conn {
	uint64_t id;
	struct dl all;
	struct dl closing;	   /* one of its sides ended: in s->closing until it is judged */
	struct mw_chan *chan[2];   /* by s2c; NULL not seen, or given up */
	struct mw_addr addr, from; /* TCP: the server's and the client's; else family 0 */
	struct mw_prockey server, client;
	struct dl xchgs; /* oldest first */
	size_t n_xchgs;
	struct xchg *last[2];	  /* whose head came last, by s2c; or NULL */
	struct xchg *upgraded;	  /* the one that made it a WebSocket, counted in its refs */
	uint64_t closed_ns[2][2]; /* by s2c and end: when that ended, as seen there; 0 not yet */
	bool mcp, no_mcp, client_unseen;
};

/* A request of HTTP and its answer. It lives as long as anything refers to it. */
struct xchg {
	uint64_t id;
	size_t refs;
	struct conn *conn; /* NULL: it is not in its queue any more */
	struct dl in_conn;
	struct dl calls;   /* that were asked in it, open */
	struct conv *conv; /* of what is in it; NULL not known */
	uint64_t n[2][2];  /* by s2c and end: the number in that half, 0 unknown */
	bool settled[2];   /* by s2c: the head is */
	enum mw_end first[2];
	uint64_t first_ns[2];
	bool asked, answered, ended; /* the request's head, the answer's, its end was seen */
	bool doubt; /* bytes of the connection are missing since: what answers it is not sure */
	bool mcp, stream, get, del, fixed;
	bool requests; /* a JSON-RPC request was in it */
	bool cut;      /* a part of an answer came, and no more */
	bool odd_said; /* how it ended */
	uint64_t cut_len;
	bool closes; /* the end of its stream ends its calls: no stream can be resumed */
	unsigned int status;
	uint8_t *text; /* holds the slices */
	size_t text_n;
	struct mw_slice method, target, fields, session, version, mcp_method, mcp_name;
};

/* Where a message stands. */
struct place {
	struct mw_chan *chan;
	struct conv *conv;
	struct conn *conn; /* HTTP; else NULL. Not kept beyond the call */
	struct xchg *x;	   /* HTTP: its exchange, NULL unknown. WebSocket: the upgrade */
	bool s2c;
};

/* One JSON-RPC message inside a channel message (several in a batch), from FIRST to SETTLED. */
struct item {
	struct item *next;
	struct mw_rpc rpc;   /* slices relative to base */
	const uint8_t *base; /* where the text was when it was parsed */
	enum mw_end end;     /* whose copy that was */
	struct call *call;   /* the call it begins or answers; NULL none (any more) */
	bool passed;	     /* it is on its way to a call that a server behind asked */
};

/* The slot of a channel message. */
struct slot {
	struct dl all;
	struct place at; /* conv and x are counted in their refs */
	struct item *items;
	int error; /* why it is no message: -EBADMSG, -EPROTO, -E2BIG; 0 sound */
	unsigned int json_flags;
};

struct call {
	struct mw_call pub; /* first: what the outside sees */
	struct dl all;	    /* all open ones, oldest first */
	struct dl in_conv, in_serv, in_x;
	struct dl held;	 /* its request is to be said yet */
	struct dl waits; /* for its next round, or for its task */
	struct conv *conv;
	struct xchg *x;		     /* that it was asked in; NULL: no HTTP */
	struct call *same;	     /* later one with the same id in flight */
	struct item *asks, *answers; /* items that point here */
	struct mw_slice id;	     /* raw, owned: of the round in progress */
	uint64_t key[3];	     /* conv, scope and direction, hash of id */
	bool keyed;
	enum mw_end first_end; /* whose copy it was opened from */
	uint64_t cancelled_ns, held_ns, waits_ns;
	/* relays */
	struct call
	    *lead; /* this one is only a way that call went on; NULL it is the call itself */
	struct call *last;		/* the way on that was seen last; or NULL */
	bool shadow;			/* it is such a way, also when its call is gone */
	uint64_t text_hash, sense_hash; /* of the request's text; of what it asks, 0 not computed */
	/* rounds and tasks */
	bool waiting, is_task;
	uint64_t wait_key[2];
	struct mw_slice task_ref; /* raw, owned: the task that it asks for (tasks/get, ...) */
	struct mw_slice result;	  /* raw, owned: what it was answered so far */
};

struct sess_chan {
	struct dl all;
	struct mw_chan *chan;
	struct conv *conv; /* lines; counted in its refs */
	struct conn *conn; /* HTTP */
	bool s2c, no_mcp;
	bool kept[2];	   /* by end: MW_CONTROL_CHAN_KEEP was said */
	bool client_asked; /* MW_CONTROL_CLIENT was said */
	uint64_t seen_bytes, early_gap;
	uint64_t junk_bytes; /* of seen_bytes: lines that were no message */
	uint64_t early_gap_ns;
	unsigned int n_faults;
	uint64_t n_odd[2], n_odd_said; /* broken places, by end */
};

/* A process that is the client of a conversation. */
struct client {
	struct mw_prockey key;
	size_t n; /* conversations */
};

struct mw_session {
	struct mw_session_config cfg;
	const struct mw_alloc *a;
	struct mw_sess_event *queue;
	size_t q_len, q_cap, q_pos;
	struct dl gone_calls; /* freed at the next call of next */
	struct dl convs, lacking, ending;
	struct dl conns, closing;
	struct dl slots, chans;
	struct early *early, *early_gone; /* oldest first; to be freed with gone_calls */
	size_t n_early, early_bytes;
	struct dl calls;
	size_t n_calls, n_convs, n_conns;
	size_t n_cancelled; /* calls that were, and are open */
	struct dl held;	    /* calls whose request is to be said yet, oldest first */
	struct dl waiting;  /* calls that wait for their next round, oldest first */
	size_t n_waiting;
	size_t result_bytes;	      /* of results that calls keep */
	struct mw_table *by_key;      /* open calls */
	struct mw_table *by_wait;     /* waiting calls and tasks */
	struct mw_table *conv_by_key; /* HTTP */
	struct mw_table *servers;     /* by process */
	struct mw_table *addrs;	      /* servers by address */
	struct mw_table *clients;     /* struct client by process */
	struct dl exiting;	      /* servers whose process has ended */
	struct serv **all_servers;
	size_t n_servers, servers_cap;
	uint64_t last_conv, last_call, last_server, last_xchg, last_conn;
	uint64_t now_ns, ticked_ns;
};

static inline struct serv *mw_serv(struct mw_server *sv)
{
	return (struct serv *)sv;
}

/* The other side of the sights. */
static inline const struct mw_sight *mw_server_sight(const struct mw_msg *m, bool s2c)
{
	return &m->seen[s2c ? MW_END_WRITE : MW_END_READ];
}

static inline const struct mw_sight *mw_client_sight(const struct mw_msg *m, bool s2c)
{
	return &m->seen[s2c ? MW_END_READ : MW_END_WRITE];
}

/* What the server did with the call's own message, as far as this shows. */
static inline void mw_note_sight(struct call *c, const struct mw_msg *m, bool answer)
{
	const struct mw_sight *sight = &m->seen[answer ? MW_END_WRITE : MW_END_READ];

	if (c->shadow)
		c = c->lead;
	if (!c || c->pub.s2c || !sight->seen)
		return;
	if (!answer && c->pub.server && c->pub.read.seen &&
	    mw_prockey_eq(c->pub.read.proc, c->pub.server->proc) &&
	    !mw_prockey_eq(sight->proc, c->pub.server->proc))
		return; /* a relay's, and the server's is known */
	if (!answer)
		c->pub.read = *sight;
	else if (c->pub.server && mw_prockey_eq(c->pub.server->proc, sight->proc))
		c->pub.wrote = *sight;
}

static inline bool mw_is_http(const struct mw_msg *m)
{
	return m->kind != MW_FRAME_IS_MESSAGE || m->carrier == MW_CARRIER_BODY ||
	       m->carrier == MW_CARRIER_SSE;
}

/* Copies n > 0 bytes, or gives an empty slice. 0, -ENOMEM. */
int mw_sess_copy(struct mw_session *s, struct mw_slice from, struct mw_slice *ret);
void mw_sess_drop(struct mw_session *s, struct mw_slice *sl);

/* session.c */
void mw_sess_slot_free(struct mw_session *s, struct slot *sl);

/* session_settle.c */
int mw_sess_on_settled(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		       struct slot *sl);
int mw_sess_on_answer(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		      struct item *it, const struct mw_rpc *rpc);
/* odd: what is strange in how the bytes came (mw_msg.odd), or NULL. */
int mw_sess_say_odd(struct mw_session *s, const struct place *at, const struct mw_msg *m,
		    struct call *c);

/* session_early.c */
/* Keeps a copy. 0; -ENOSPC, -ENOMEM: it is not kept. */
int mw_sess_early_hold(struct mw_session *s, const struct place *at, const struct mw_msg *m,
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
int mw_sess_say_anomaly(struct mw_session *s, const char *what, const struct place *at,
			struct mw_slice bytes, uint64_t n, struct call *c);
int mw_sess_say_gap(struct mw_session *s, const struct conv *cv, bool s2c, uint64_t bytes,
		    enum mw_gap_reason reason);
/* The server acts on it from now on: once a call. */
int mw_sess_open_call(struct mw_session *s, struct call *c);
/* It acts no more: once a call and round. */
int mw_sess_answered(struct mw_session *s, struct call *c);
/* Another process of a server has it now. */
int mw_sess_move_call(struct mw_session *s, struct call *c, struct mw_server *sv);
/* args: where the settled text stands now; empty: the call's own copy. */
int mw_sess_settle_request(struct mw_session *s, struct call *c, struct mw_slice args);
/* result and error may be empty. The call is retired. */
int mw_sess_end_call(struct mw_session *s, struct call *c, enum mw_call_status status,
		     struct mw_slice result, struct mw_slice error);
/* As mw_sess_end_call, without an answer; a call that waits for a round ends with what it has. */
int mw_sess_close_call(struct mw_session *s, struct call *c, enum mw_call_status status);

/* session_ctl.c */
int mw_sess_keep(struct mw_session *s, struct sess_chan *sc);
int mw_sess_say_drop(struct mw_session *s, const struct mw_chan *chan);
/* The server's process is known: it is to be observed. Once a process. */
int mw_sess_control_server(struct mw_session *s, struct mw_server *sv);
/* Who writes here is not seen. Once a channel. */
int mw_sess_control_client(struct mw_session *s, struct sess_chan *sc, const struct mw_server *sv);

/* session_hold.c */
/* The server's own record, before all that names it. Once a server. */
int mw_sess_say_server(struct mw_session *s, struct mw_server *sv);
/* Says the settled request now, or keeps it back until it is clear whose it is. */
int mw_sess_say_request(struct mw_session *s, struct call *c, struct mw_slice args);
/* A request that is kept back is said now, with its server. */
int mw_sess_release(struct mw_session *s, struct call *c);
/* Those of this conversation. */
int mw_sess_release_conv(struct mw_session *s, struct conv *cv);
int mw_sess_hold_tick(struct mw_session *s);

/* session_conv.c */
struct conv *mw_conv_new(struct mw_session *s, enum mw_transport t);
/* The conversation of this key, made if there is none and `make`. NULL: none, or no memory. */
struct conv *mw_conv_at(struct mw_session *s, const uint64_t key[2], enum mw_transport t,
			bool make);
struct conv *mw_conv_get(struct conv *cv);
/* Takes NULL. */
void mw_conv_put(struct mw_session *s, struct conv *cv);
/* Its calls end, and nobody finds it any more. */
int mw_conv_over(struct mw_session *s, struct conv *cv, uint64_t end_ns,
		 enum mw_call_status status);
/* Takes all back that keeps it, at the end of the session. */
void mw_conv_free_all(struct mw_session *s);
/* The processes of a conversation become known as their ends are seen. */
int mw_sess_note_peers(struct mw_session *s, const struct place *at, const struct mw_msg *m);
int mw_conv_tick(struct mw_session *s, bool last);

/* session_chan.c */
/* Puts the channel of a first message into its conversation, if the message is of MCP. */
int mw_sess_recognise(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		      const struct mw_rpc *rpc);
/* Whether it is a message of MCP by itself, and who sends such. */
bool mw_sess_is_mcp(const struct mw_rpc *rpc, enum mw_rpc_sender *ret);
/* Whether a conversation that lacks a channel has one of this channel's processes: then it may be
 * the one that is lacking, whatever it brought so far. */
bool mw_sess_relates(const struct mw_session *s, const struct mw_chan *chan);
/* Channels that were let go before anyone knew whose they are. */
int mw_sess_revive(struct mw_session *s);
/* What was lost of a channel before it was recognised. */
int mw_sess_say_early_gap(struct mw_session *s, struct sess_chan *sc, struct conv *cv, bool s2c);

/* session_http.c */
/* FIRST of anything of HTTP: its place, as far as it can be told. *ret_go: it is a message, to be
 * parsed. */
int mw_sess_http_first(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m,
		       struct place *ret);
/* A head's FIRST: it opens or answers an exchange. */
int mw_sess_http_on_head(struct mw_session *s, struct place *at, const struct mw_msg *m);
int mw_sess_http_settled(struct mw_session *s, struct slot *sl, const struct mw_msg *m);
void mw_sess_http_denied(struct mw_session *s, struct slot *sl, const struct mw_msg *m);
int mw_sess_http_gap(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m);
int mw_sess_http_closed(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m);
void mw_sess_http_chan_gone(struct mw_session *s, struct sess_chan *sc);
int mw_sess_http_tick(struct mw_session *s, bool last);
void mw_sess_http_free_all(struct mw_session *s);

/* session_broken.c */
/* What is left of a message: BROKEN or UNFINISHED. */
int mw_sess_on_broken(struct mw_session *s, struct sess_chan *sc, const struct mw_msg *m);
/* An END whose body is not whole, as this copy says. */
void mw_sess_note_cut(struct xchg *x, const struct mw_msg *m);
/* What is strange in how an HTTP message ended, once. */
int mw_sess_say_end_odd(struct mw_session *s, const struct place *at, const struct mw_msg *m);
/* A call ends without its answer: what came of it is said. */
int mw_sess_say_cut(struct mw_session *s, struct call *c);

/* session_xchg.c */
/* The one that has this number at this end of a half, or at the other end if this one has not shown
 * it yet; or NULL. */
struct xchg *mw_xchg_at(const struct conn *cn, bool s2c, enum mw_end end, uint64_t number);
struct xchg *mw_xchg_new(struct mw_session *s, struct conn *cn);
struct xchg *mw_xchg_get(struct xchg *x);
void mw_xchg_put(struct mw_session *s, struct xchg *x);
/* Takes it out of its connection's queue. */
void mw_xchg_leave(struct mw_session *s, struct xchg *x);
/* Copies what a head says. */
int mw_xchg_request(struct mw_session *s, struct xchg *x, const struct mw_http_head *h);
int mw_xchg_response(struct mw_session *s, struct xchg *x, const struct mw_http_head *h);
void mw_xchg_set_conv(struct mw_session *s, struct xchg *x, struct conv *cv);
/* What of the exchange a call's record says, copied. */
int mw_xchg_describe(struct mw_session *s, const struct xchg *x, struct mw_call_http *ret);
void mw_xchg_describe_free(struct mw_session *s, struct mw_call_http *h);
/* Whether the headers of a request say what its body says. */
bool mw_xchg_says(struct mw_session *s, const struct xchg *x, const struct mw_rpc *rpc);

/* session_where.c */
/* The conversation of an exchange, from what is known of it now; its calls move with it. */
int mw_sess_http_where(struct mw_session *s, struct conn *cn, struct xchg *x);
/* The place of a message of HTTP: at->conv, NULL if it is none of MCP. */
int mw_sess_http_place(struct mw_session *s, struct place *at, const struct mw_msg *m,
		       const struct mw_rpc *rpc);
/* An event that names where the POSTs of this stream go (HTTP+SSE, 2024-11-05). */
int mw_sess_http_endpoint(struct mw_session *s, struct place *at, struct mw_slice url);
/* Whether its server, or the process that would be it, is known as one of MCP. */
bool mw_sess_http_known(const struct mw_session *s, const struct conn *cn);
int mw_sess_http_recognised(struct mw_session *s, struct conn *cn);
/* The open call that an answer is for. */
struct call *mw_sess_find_answered(struct mw_session *s, const struct place *at,
				   const struct mw_rpc *rpc, const enum mw_end *over);

/* session_call.c */
/* lead: of a way on, its call; NULL a call of its own. */
int mw_call_new(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc,
		struct call *lead, struct call **ret);
/* What it asks is what this message says. -ENOMEM: it is as before. */
int mw_call_set_request(struct mw_session *s, struct call *c, const struct mw_rpc *rpc);
/* The id of its next round. -ENOMEM: it is as before. */
int mw_call_set_id(struct mw_session *s, struct call *c, const struct place *at,
		   struct mw_slice id);
/* Nobody finds it by its id any more. */
void mw_call_unkey(struct mw_session *s, struct call *c);
void mw_call_set_conv(struct mw_session *s, struct call *c, struct conv *cv);
void mw_call_set_xchg(struct mw_session *s, struct call *c, struct xchg *x);
void mw_call_set_server(struct mw_session *s, struct call *c, struct mw_server *sv);
/* Takes it out of every list and leaves it to be freed when the queue has been read. */
void mw_call_retire(struct mw_session *s, struct call *c);
void mw_call_free_gone(struct mw_session *s);
/* The open call of that id that has no answer, one of exchange x first, then the oldest of equal
 * ones. An answer that only an end other than `over` showed is none. */
struct call *mw_call_find(struct mw_session *s, const struct conv *conv, const struct xchg *x,
			  bool s2c, struct mw_slice id, const enum mw_end *over);
/* The only such one in a list of calls (linked by in_conv or in_x), whatever its exchange. */
struct call *mw_call_find_only(struct mw_session *s, const struct conv *conv, bool s2c,
			       struct mw_slice id, const enum mw_end *over);
struct mw_slice mw_call_args_of(const struct mw_rpc *rpc);

/* session_relay.c */
/* The open call that this request passes on, or NULL. */
struct call *mw_relay_match(struct mw_session *s, const struct place *at, const struct mw_msg *m,
			    const struct mw_rpc *rpc);
/* c is a way on of its lead: hops. */
void mw_relay_passed(struct mw_session *s, struct call *c, const struct mw_msg *m);
/* The next one has it. */
int mw_relay_read(struct mw_session *s, struct call *c, const struct mw_msg *m);
void mw_relay_forget(struct mw_session *s, struct call *c);
/* The client has its answer: no other is waited for on ways back that nobody can read. */
void mw_relay_answered(struct mw_session *s, struct call *c);
/* Whether this answer of a server goes past the relays, to the client of the call itself. */
bool mw_relay_is_direct(struct call *c, const struct place *at, const struct mw_msg *m);
/* Whether this client's answer is one to a server behind, which asked it directly. */
bool mw_relay_asked_below(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc);
/* When the first of a conversation's processes ended, of those that its calls need; 0: none. */
uint64_t mw_relay_exit_ns(const struct conv *cv);
/* Whether this notification was said already, on another hop. */
bool mw_relay_again(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc);
void mw_relay_conv_gone(struct mw_session *s, struct conv *cv);

/* session_round.c */
/* A result that does not end its call: 1 it is kept waiting (or is a task), 0 it ends it, or
 * -ENOMEM. */
int mw_round_answer(struct mw_session *s, struct call *c, const struct mw_rpc *rpc);
/* The call that this request goes on with, or NULL. */
struct call *mw_round_match(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc);
int mw_round_begin(struct mw_session *s, struct call *c, const struct place *at,
		   const struct mw_msg *m, const struct mw_rpc *rpc);
/* Its request was none after all. */
int mw_round_denied(struct mw_session *s, struct call *c);
/* What a message says of a task: an answer to `asked`, or a notification (asked NULL). */
int mw_task_said(struct mw_session *s, const struct place *at, const struct call *asked,
		 const struct mw_rpc *rpc);
void mw_round_forget(struct mw_session *s, struct call *c);
int mw_round_tick(struct mw_session *s);

/* session_server.c */
/* The server that is this process, or serves at this address where the process is none; made if
 * there is none. NULL: no room. */
struct mw_server *mw_server_of(struct mw_session *s, struct mw_prockey proc,
			       const struct mw_addr *addr);
/* The one last seen at this address, or NULL. */
struct mw_server *mw_server_at(const struct mw_session *s, const struct mw_addr *addr);
int mw_server_learn(struct mw_session *s, struct mw_server *sv, const struct mw_rpc *rpc,
		    struct mw_slice method, bool *ret_changed);
int mw_server_learn_client(struct mw_session *s, struct mw_server *sv, const struct mw_rpc *rpc);
void mw_server_free_all(struct mw_session *s);

#endif
