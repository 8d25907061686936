/* SPDX-License-Identifier: Apache-2.0 */
/* wire_priv.h - what wire.c and its protocols share */
#ifndef MW_CORE_WIRE_PRIV_H
#define MW_CORE_WIRE_PRIV_H

#include "base/table.h"
#include "core/http.h"
#include "core/sql.h"
#include "core/tls.h"
#include "core/wire.h"

/* An action that waits for its answer. It lives while it is in its connection's list, in ready, or
 * lent. */
struct wire_act {
	struct wire_act *next;	     /* in its connection's list */
	struct wire_act *ready_next; /* in ready */
	struct mw_action act;	     /* its slices lie in text */
	struct mw_chan *chan;
	uint64_t id, asked_n, judge_ns;
	uint64_t left; /* answers to come, of act.n */
	size_t n_text;
	bool listed, out; /* in its connection's list; in ready or lent */
	bool confirm;	  /* it is none without an answer */
	bool said;	  /* given already, or none: it only keeps its place in the list */
	bool barrier;	  /* no action: an error before it does not touch what is behind it */
	bool answered;	  /* it waits only for the session's word */
	uint8_t verb[24]; /* of what is only known by its answer */
	uint8_t text[];
};

/* One direction of a database's messages. */
struct wire_msg {
	uint8_t head[8];
	unsigned int n_head;
	uint32_t left;	   /* bytes of the payload to come */
	bool inside;	   /* the head is whole */
	bool partial;	   /* bytes of the payload are missing */
	uint64_t len;	   /* of the payload */
	struct mw_buf buf; /* what is kept of it */
};

/* A prepared statement, or a portal (whose text is its statement's). */
struct wire_stmt {
	struct wire_stmt *next;
	bool portal;
	uint64_t name; /* hash of it; MySQL: its number */
	uint64_t len;  /* of the text */
	size_t n;
	uint8_t text[];
};
#define WIRE_STMTS_MAX 256u

enum wire_proto { WIRE_NEW = 0, WIRE_HTTP, WIRE_PG, WIRE_MYSQL };

struct wire_http {
	struct mw_http half[2]; /* by enum mw_end: what it reads, what it writes */
	bool out_done;
	bool has_early; /* an answer overtook its request */
	unsigned int early_status;
	uint64_t early_ns;
};

struct wire_pg {
	enum { PG_STARTUP = 0, PG_ASKED_TLS, PG_AUTH, PG_READY } state;
	bool skipping; /* an error: nothing is run up to the next barrier */
};

struct wire_mysql {
	enum { MY_GREETING = 0, MY_LOGIN, MY_AUTH, MY_READY } state;
	enum { MY_FIRST = 0, MY_PARAMS, MY_COLS, MY_ROWS, MY_UNKNOWN } answer;
	uint32_t caps;	   /* the client's and the server's */
	uint8_t asked[64]; /* commands without an answer, a ring */
	unsigned int n_asked, first_asked;
	uint64_t n_defs;   /* definitions to come, an EOF with them */
	uint64_t prepared; /* texts that wait for their number, in the order of asking: */
	uint64_t numbered; /* the next one's place; mw_wire_db_prepare has them by it */
	bool continued[2]; /* by end: a packet of 2^24-1 bytes goes on in the next */
};

struct wire_conn {
	struct wire_conn *newer, *older;
	struct wire_conn *wait_prev, *wait_next; /* those with something in `first` */
	struct mw_chan *chan[2];		 /* by enum mw_end: what it reads, what it writes */
	uint64_t sock, gen;
	struct mw_addr peer;
	enum wire_proto proto;
	bool joined;  /* not from its beginning */
	bool kept[2]; /* KEEP was said */
	uint64_t idle;
	enum mw_end start_end;
	struct mw_prockey start_proc;
	struct mw_buf start; /* the first bytes at that end, until it is known what they begin */
	struct wire_act *first, *last;
	size_t n_acts;
	/* databases */
	struct wire_msg msg[2];
	struct wire_stmt *stmts;
	size_t n_stmts;
	struct mw_buf base; /* target of its statements */
	union {
		struct wire_http http;
		struct wire_pg pg;
		struct wire_mysql my;
	};
};

struct mw_wire {
	const struct mw_alloc *under;
	struct mw_budget budget;
	size_t conns_max, n_conns;
	struct wire_conn *newest, *oldest, *waiting;
	struct wire_act *ready, *ready_last, *lent;
	struct mw_table *unix_names;
	struct {
		enum mw_wire_kind kind;
		struct mw_chan *chan;
		uint64_t sock, gen;
	} ctl[4];
	unsigned int n_ctl;
	struct mw_wire_event opaque; /* of this push; kind 0: none */
	uint8_t opaque_name[MW_TLS_NAME_MAX];
	uint64_t now_ns, last_id;
	struct mw_wire_stats stats;
	struct mw_buf scratch;
};

static inline const struct mw_alloc *wire_mem(struct mw_wire *w)
{
	return &w->budget.alloc;
}

/* --- wire.c --- */
/* A new action of this connection at the end of its list, from the chunk that ends it, with room
 * for n_text bytes in text. 0; -ENOMEM; -EPROTO: too many wait. */
int mw_wire_add(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		enum mw_effect_kind kind, size_t n_text, struct wire_act **ret);
/* The first of the list has its result: it leaves the list, and comes out unless it did before. */
void mw_wire_done(struct mw_wire *w, struct wire_conn *c, int64_t ret);
/* --- wire_opaque.c --- */
/* Whether the first bytes begin what is not read. YES: all that is wanted of them is there. */
enum mw_sniff mw_wire_sniff_opaque(struct mw_slice bytes, enum mw_opaque *ret);
/* What c->start begins, if that is it, becomes an event; ch: what comes behind it. */
void mw_wire_note_opaque(struct mw_wire *w, const struct wire_conn *c, const struct mw_chunk *ch);
/* --- wire_unix.c --- */
int mw_wire_unix_new(struct mw_wire *w);
void mw_wire_unix_free(struct mw_wire *w);
/* "unix:/run/x.sock:", "1.2.3.4:80" of the peer. 0, -errno. */
int mw_wire_put_peer(struct mw_wire *w, const struct wire_conn *c, struct mw_buf *out);

/* --- the protocols: 0; -EPROTO the place is lost; -ENODATA nothing more is wanted of it; -ENOMEM
 * --- */
int mw_wire_http_begin(struct mw_wire *w, struct wire_conn *c);
int mw_wire_http_push(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch);
void mw_wire_http_done(struct wire_conn *c);

/* What bytes that are written at the beginning of a system call begin. */
enum mw_sniff mw_wire_pg_sniff(struct mw_slice bytes);
int mw_wire_pg_push(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch);

/* What the server says first. */
enum mw_sniff mw_wire_mysql_sniff(struct mw_slice bytes);
int mw_wire_mysql_push(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch);

/* --- wire_db.c --- */
void mw_wire_db_begin(struct mw_wire *w, struct wire_conn *c);
void mw_wire_db_done(struct mw_wire *w, struct wire_conn *c);
/* "scheme://peer/database" becomes the target of its statements. 0, -ENOMEM. */
int mw_wire_db_target(struct mw_wire *w, struct wire_conn *c, const char *scheme,
		      struct mw_slice database);
/* The statements of a text, each an action. partial: what follows `text` is not known (len: how
 * long it is in all). None in it: one action without text if `always`. 0, -ENOMEM. */
int mw_wire_db_text(struct mw_wire *w, struct wire_conn *c, const struct mw_chunk *ch,
		    struct mw_slice text, uint64_t len, bool always);
/* The first statement has its result, unless a barrier stands there. error: its code ("42P01"). */
void mw_wire_db_result(struct mw_wire *w, struct wire_conn *c, int64_t ret, struct mw_slice error);
/* All up to the first barrier have this result; with the barrier, if `through`. */
void mw_wire_db_rest(struct mw_wire *w, struct wire_conn *c, int64_t ret, bool through);
int mw_wire_db_barrier(struct mw_wire *w, struct wire_conn *c);
/* A prepared statement's text; NULL: not known. */
struct wire_stmt *mw_wire_db_stmt(const struct wire_conn *c, bool portal, uint64_t name);
/* Takes the place of one of that name. 0; -ENOMEM: it is not known. */
int mw_wire_db_prepare(struct mw_wire *w, struct wire_conn *c, bool portal, uint64_t name,
		       struct mw_slice text, uint64_t len);
void mw_wire_db_forget(struct mw_wire *w, struct wire_conn *c, bool portal, uint64_t name);
/*
 * One step of a direction's messages: takes bytes from *in until a message is whole. 1 it is (its
 * payload in m->buf, as much as is kept, m->partial); 0 more is needed; -EPROTO; -ENOMEM. n_head:
 * bytes of a head; len: its payload's length by its head, or negative errno.
 */
int mw_wire_db_take(struct wire_msg *m, struct mw_slice *in, unsigned int n_head,
		    int64_t (*len)(const uint8_t *head));
/* Bytes are missing: 0 inside of a payload; else -EPROTO. */
int mw_wire_db_gap(struct wire_msg *m, uint64_t n);
void mw_wire_db_next(struct wire_msg *m);

#endif
