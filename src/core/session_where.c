/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_where.c - which conversation a message of HTTP belongs to
 *
 * One of a session (Mcp-Session-Id, of the request or of the answer to initialize), one of the old
 * HTTP+SSE pair (the path that the endpoint event named), else one of a server and a client: their
 * processes, or addresses. A server is where it serves: the address, else its process, else the
 * connection. What is known at a message's first copy may be less than at its second: then the
 * exchange, and the calls in it, move.
 */
#include <errno.h>

#include "core/session_priv.h"

/* No padding: it is hashed. */
struct whom {
	uint64_t by, a[2], c;
};

static struct whom server_of(const struct conn *cn)
{
	struct whom w = { 0 };

	if (cn->addr.family) {
		w.by = 1;
		memcpy(w.a, cn->addr.ip, sizeof(cn->addr.ip));
		w.c = (uint64_t)cn->addr.family << 16 | cn->addr.port;
	} else if (!mw_prockey_none(cn->server)) {
		w = (struct whom){ 2, { cn->server.start_ns, cn->server.tgid }, 0 };
	} else {
		w = (struct whom){ 3, { cn->id, 0 }, 0 };
	}
	return w;
}

static struct whom client_of(const struct conn *cn)
{
	struct whom w = { 0 };

	if (!mw_prockey_none(cn->client)) {
		w = (struct whom){ 2, { cn->client.start_ns, cn->client.tgid }, 0 };
	} else if (cn->from.family) {
		w.by = 1;
		memcpy(w.a, cn->from.ip, sizeof(cn->from.ip));
	} else {
		w = (struct whom){ 3, { cn->id, 0 }, 0 };
	}
	return w;
}

enum named_by { BY_SESSION = 1, BY_ENDPOINT, BY_PEERS };

static struct conv *named(struct mw_session *s, const struct conn *cn, enum named_by by,
			  struct mw_slice name, bool make)
{
	struct whom srv = server_of(cn);
	uint64_t key[2] = { mw_hash64(mw_slice(&srv, sizeof(srv)), s->cfg.seed + by),
			    mw_hash64(name, s->cfg.seed + by) };
	struct conv *cv =
	    mw_conv_at(s, key, by == BY_ENDPOINT ? MW_TRANSPORT_SSE : MW_TRANSPORT_HTTP, make);

	if (cv && by == BY_PEERS)
		cv->scoped = true;
	return cv;
}

int mw_sess_http_where(struct mw_session *s, struct conn *cn, struct xchg *x)
{
	struct whom client = client_of(cn);
	struct conv *cv = NULL;

	if (x->fixed && x->conv && !x->conv->over)
		return 0;
	if (x->session.n)
		cv = named(s, cn, BY_SESSION, x->session, true);
	else if (x->target.n)
		cv = named(s, cn, BY_ENDPOINT, x->target, false);
	if (!cv && !x->session.n)
		cv = named(s, cn, BY_PEERS, mw_slice(&client, sizeof(client)), true);
	if (!cv)
		return -ENOMEM;
	mw_xchg_set_conv(s, x, cv);
	return 0;
}

/* The one conversation with a name of its own that this client has with this server, of an answer
 * whose request was not seen; or NULL. */
static struct conv *only_named(const struct mw_session *s, const struct conn *cn)
{
	struct conv *found = NULL;
	const struct dl *l;

	if (mw_prockey_none(cn->client) || mw_prockey_none(cn->server))
		return NULL;
	for (l = s->convs.next; l != &s->convs; l = l->next) {
		struct conv *cv = MW_OF(l, struct conv, all);

		if (!cv->keyed || cv->scoped || !cv->server ||
		    !mw_prockey_eq(cv->client, cn->client) ||
		    !mw_prockey_eq(cv->server->proc, cn->server))
			continue;
		if (found)
			return NULL;
		found = cv;
	}
	return found;
}

bool mw_sess_http_known(const struct mw_session *s, const struct conn *cn)
{
	return mw_server_at(s, &cn->addr) ||
	       (!mw_prockey_none(cn->server) && mw_table_get(s->servers, &cn->server));
}

int mw_sess_http_recognised(struct mw_session *s, struct conn *cn)
{
	int i, r = 0;

	cn->mcp = true;
	for (i = 0; i < 2 && r == 0; i++) {
		struct sess_chan *sc = cn->chan[i] ? cn->chan[i]->session : NULL;

		if (!sc)
			continue;
		mw_ends_trust(s->cfg.ends, sc->chan, i ? MW_END_READ : MW_END_WRITE);
		if (i && cn->client_unseen)
			mw_ends_alone(s->cfg.ends, sc->chan);
		r = mw_sess_keep(s, sc);
		if (r == 0)
			r = mw_sess_say_early_gap(s, sc, NULL, i);
	}
	return r;
}

/* An answer alone is of MCP if it is one to a request that is open between the two. */
static bool is_answer(struct mw_session *s, const struct conn *cn, const struct xchg *x,
		      const struct mw_rpc *rpc)
{
	struct whom client = client_of(cn);
	struct conv *cv;

	if (x && x->conv)
		return mw_call_find(s, x->conv, NULL, false, rpc->id, NULL) != NULL;
	cv = named(s, cn, BY_PEERS, mw_slice(&client, sizeof(client)), false);
	if (cv && mw_call_find_only(s, cv, false, rpc->id, NULL))
		return true;
	cv = only_named(s, cn);
	return cv && mw_call_find(s, cv, NULL, false, rpc->id, NULL);
}

/* Of an answer whose request is not known: where its id is open, on this connection first. NULL: it
 * will be told as if it were asked here. */
static struct conv *of_orphan(struct mw_session *s, const struct conn *cn, const struct mw_rpc *rpc)
{
	struct whom client = client_of(cn);
	struct conv *cv;
	struct dl *l;

	if (rpc->kind == MW_RPC_RESPONSE) {
		cv = named(s, cn, BY_PEERS, mw_slice(&client, sizeof(client)), false);
		if (cv && mw_call_find_only(s, cv, false, rpc->id, NULL))
			return cv;
		for (l = cn->xchgs.next; l != &cn->xchgs; l = l->next) {
			const struct xchg *x = MW_OF(l, struct xchg, in_conn);

			if (x->asked && !x->answered && x->conv && !x->conv->scoped &&
			    mw_call_find(s, x->conv, NULL, false, rpc->id, NULL))
				return x->conv;
		}
	}
	return only_named(s, cn);
}

int mw_sess_http_place(struct mw_session *s, struct place *at, const struct mw_msg *m,
		       const struct mw_rpc *rpc)
{
	struct conn *cn = at->conn;
	enum mw_rpc_sender sender;
	struct xchg *x = at->x;
	struct conv *cv;
	int r = 0;

	if (!cn->mcp) {
		if (!mw_sess_is_mcp(rpc, &sender) &&
		    !(rpc->kind == MW_RPC_RESPONSE && at->s2c && is_answer(s, cn, x, rpc)))
			return 0;
		r = mw_sess_http_recognised(s, cn);
		if (r < 0)
			return r;
	}
	if (!x) { /* its head was not seen */
		x = mw_xchg_new(s, cn);
		if (!x)
			return -ENOMEM;
		x->asked = !at->s2c;
		x->answered = at->s2c;
		x->n[at->s2c][m->end] = m->xchg;
		x->stream = m->carrier == MW_CARRIER_SSE;
		cn->last[at->s2c] = x;
		at->x = x;
	}
	x->mcp = true;
	if (!x->conv && at->s2c && !x->asked) {
		cv = of_orphan(s, cn, rpc);
		if (cv) {
			mw_xchg_set_conv(s, x, cv);
			x->fixed = true;
		}
	}
	if (!x->conv || x->conv->over)
		r = mw_sess_http_where(s, cn, x);
	at->conv = x->conv;
	return r;
}

/* The path and query that a URL names, seen from where the stream was asked for. In out. */
static int resolve(struct mw_slice url, struct mw_slice base, struct mw_buf *out)
{
	const uint8_t *p = url.p, *end = url.p + url.n, *at;
	size_t i, dir = 0;
	int r = 0;

	at = memchr(p, ':', url.n);
	if (at && end - at > 2 && at[1] == '/' && at[2] == '/') { /* scheme://authority */
		p = memchr(at + 3, '/', (size_t)(end - at - 3));
		if (!p)
			p = end;
	}
	if (p == end || *p != '/') {
		for (i = 0; i < base.n && base.p[i] != '?'; i++)
			if (base.p[i] == '/')
				dir = i + 1;
		r = dir ? mw_buf_append(out, base.p, dir) : mw_buf_append(out, "/", 1);
	}
	if (r == 0)
		r = mw_buf_append(out, p, (size_t)(end - p));
	return r;
}

int mw_sess_http_endpoint(struct mw_session *s, struct place *at, struct mw_slice url)
{
	struct xchg *x = at->x;
	struct mw_buf path;
	struct conv *cv;
	int r;

	while (url.n && (url.p[url.n - 1] == '\r' || url.p[url.n - 1] == ' '))
		url.n--;
	if (!x || !url.n || x->fixed || x->session.n)
		return 0;
	mw_buf_init(&path, s->a, 16384);
	r = resolve(url, x->target, &path);
	cv = r == 0 ? named(s, at->conn, BY_ENDPOINT, mw_buf_slice(&path), true) : NULL;
	mw_buf_done(&path);
	if (!cv)
		return r == -E2BIG ? 0 : -ENOMEM;
	mw_xchg_set_conv(s, x, cv);
	x->fixed = true;
	return 0;
}

/* An answer came elsewhere than in its own exchange: what was asked before it on that connection
 * has no answer any more. */
static void found_in_doubt(const struct place *at, struct call *c)
{
	struct xchg *x = c->x;
	struct dl *l;

	if (!x || !x->conn || x->conn != at->x->conn)
		return;
	x->status = at->x->status;
	x->stream = at->x->stream;
	for (l = x->conn->xchgs.next; l != &x->in_conn; l = l->next)
		MW_OF(l, struct xchg, in_conn)->answered |= MW_OF(l, struct xchg, in_conn)->asked;
	x->answered = true;
}

static struct call *find_elsewhere(struct mw_session *s, const struct place *at,
				   const struct mw_rpc *rpc, const enum mw_end *over)
{
	struct call *c = mw_call_find_only(s, at->conv, false, rpc->id, over);

	if (!c || !c->x || (c->x->answered && c->x->status != 202 && c->x != at->x))
		return NULL;
	if (c->x->conn && c->x->conn == at->x->conn)
		found_in_doubt(at, c);
	else if (at->x->stream)
		c->pub.transport = MW_TRANSPORT_SSE; /* of the old pair, joined in the middle */
	else
		return NULL;
	return c;
}

/* The only call that was asked in the exchange and has no answer. */
static struct call *only_one(const struct xchg *x)
{
	struct call *c;

	if (dl_empty(&x->calls) || x->calls.next != x->calls.prev)
		return NULL;
	c = MW_OF(x->calls.next, struct call, in_x);
	return c->answers || c->pub.s2c || c->waiting || c->is_task ? NULL : c;
}

struct call *mw_sess_find_answered(struct mw_session *s, const struct place *at,
				   const struct mw_rpc *rpc, const enum mw_end *over)
{
	const struct xchg *x = at->x;
	struct call *c;

	if (!at->conv)
		return NULL;
	c = mw_call_find(s, at->conv, x, !at->s2c, rpc->id, over);
	/* with the exchange unknown, an equal id of another one would have been found */
	if (c && at->conv->scoped && at->s2c && c->x != x)
		c = NULL;
	if (c || !x || !at->s2c)
		return c;
	if (at->conv->scoped && (!x->asked || x->get || x->doubt))
		c = find_elsewhere(s, at, rpc, over);
	/* an error that could not name its request */
	if (!c && x->asked && !x->doubt && !x->stream && rpc->error.n &&
	    (!rpc->id.n || rpc->id.p[0] == 'n'))
		c = only_one(x);
	return c;
}
