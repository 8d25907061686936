/* SPDX-License-Identifier: Apache-2.0 */
/* session_server.c - the servers of the conversations, and what the two sides say of themselves */
#include <errno.h>

#include "core/session_priv.h"

#define SAID_MAX 1024

static void server_free(struct mw_session *s, struct serv *v)
{
	dl_del(&v->exiting);
	mw_sess_drop(s, &v->pub.name);
	mw_sess_drop(s, &v->pub.version);
	mw_sess_drop(s, &v->pub.protocol);
	mw_sess_drop(s, &v->pub.client_name);
	mw_sess_drop(s, &v->pub.client_version);
	mw_sess_drop(s, &v->pub.sni);
	mw_alloc_free(s->a, v, sizeof(*v));
}

static bool is_spoken_of(const struct mw_session *s, const struct serv *v)
{
	size_t i;

	if (v->refs || (!dl_empty(&v->exiting) && v->pub.said))
		return true;
	for (i = s->q_pos; i < s->q_len; i++)
		if (s->queue[i].server == &v->pub)
			return true;
	return false;
}

/* No padding: it is a table key. */
struct addr_key {
	uint64_t ip[2], port;
};

static struct addr_key key_of(const struct mw_addr *a)
{
	struct addr_key k = { .port = (uint64_t)a->family << 16 | a->port };

	memcpy(k.ip, a->ip, sizeof(k.ip));
	return k;
}

static void forget_addr(struct mw_session *s, struct serv *v)
{
	struct addr_key k = key_of(&v->pub.addr);

	if (v->by_addr)
		(void)mw_table_remove(s->addrs, &k);
	v->by_addr = false;
}

struct mw_server *mw_server_at(const struct mw_session *s, const struct mw_addr *addr)
{
	struct addr_key k = key_of(addr);

	return addr->family ? mw_table_get(s->addrs, &k) : NULL;
}

/* It serves at this address, as the latest one. Without room for that it is found by its process
 * alone. */
static void note_addr(struct mw_session *s, struct serv *v, const struct mw_addr *addr)
{
	struct addr_key k = key_of(addr);
	struct serv *old;

	if (!addr->family || v->by_addr) /* one at several is found by the first */
		return;
	old = mw_table_get(s->addrs, &k);
	if (old)
		forget_addr(s, old);
	v->pub.addr = *addr;
	v->by_addr = mw_table_put(s->addrs, &k, v) == 0;
}

/* Makes room by the oldest server that no conversation speaks of any more; false: there is none. */
static bool forget_one(struct mw_session *s)
{
	size_t i;

	for (i = 0; i < s->n_servers; i++) {
		struct serv *v = s->all_servers[i];

		if (is_spoken_of(s, v))
			continue;
		if (!mw_prockey_none(v->pub.proc))
			(void)mw_table_remove(s->servers, &v->pub.proc);
		forget_addr(s, v);
		memmove(&s->all_servers[i], &s->all_servers[i + 1],
			(s->n_servers - i - 1) * sizeof(v));
		s->n_servers--;
		server_free(s, v);
		return true;
	}
	return false;
}

static struct serv *server_new(struct mw_session *s, struct mw_prockey proc)
{
	struct serv *v;

	if (s->n_servers == s->cfg.servers_max && !forget_one(s))
		return NULL;
	if (s->n_servers == s->servers_cap) {
		size_t cap = s->servers_cap ? s->servers_cap * 2 : 16;
		void *p;

		if (cap > s->cfg.servers_max)
			cap = s->cfg.servers_max;
		p = s->a->resize(s->a->ctx, s->all_servers, s->servers_cap * sizeof(v),
				 cap * sizeof(v));
		if (!p)
			return NULL;
		s->all_servers = p;
		s->servers_cap = cap;
	}
	v = mw_alloc_zero(s->a, sizeof(*v));
	if (!v)
		return NULL;
	dl_init(&v->calls);
	dl_init(&v->exiting);
	v->pub.proc = proc;
	if (!mw_prockey_none(proc) && mw_table_put(s->servers, &proc, v) < 0) {
		mw_alloc_free(s->a, v, sizeof(*v));
		return NULL;
	}
	v->pub.id = ++s->last_server;
	s->all_servers[s->n_servers++] = v;
	return v;
}

struct mw_server *mw_server_of(struct mw_session *s, struct mw_prockey proc,
			       const struct mw_addr *addr)
{
	struct serv *v = NULL, *at = (struct serv *)mw_server_at(s, addr);

	if (!mw_prockey_none(proc)) {
		v = mw_table_get(s->servers, &proc);
		/* until now it was only known by where it serves */
		if (!v && at && mw_prockey_none(at->pub.proc) &&
		    mw_table_put(s->servers, &proc, at) == 0) {
			at->pub.proc = proc;
			v = at;
		}
	} else if (at) {
		return &at->pub;
	}
	if (!v)
		v = server_new(s, proc);
	if (!v)
		return NULL;
	note_addr(s, v, addr);
	return &v->pub;
}

int mw_session_opaque(struct mw_session *s, struct mw_prockey proc, const struct mw_opaque_conn *o)
{
	struct serv *v = mw_table_get(s->servers, &proc);
	bool *serves, was;
	int r;

	if (!v)
		return 0;
	if (!o->in) {
		*(o->tls ? &v->pub.tls_out : &v->pub.http2_out) += 1;
		return 0;
	}
	*(o->tls ? &v->pub.tls_in : &v->pub.http2_in) += 1;
	if (!o->answered)
		return 0;
	serves = o->tls ? &v->pub.serves_tls : &v->pub.serves_http2;
	was = *serves;
	*serves = true;
	if (!o->name.n || v->pub.sni.n)
		return !was;
	r = mw_sess_copy(s, o->name, &v->pub.sni);
	return r < 0 ? r : 1;
}

const struct mw_server *mw_session_each_server(const struct mw_session *s, size_t *pos)
{
	return *pos < s->n_servers ? &s->all_servers[(*pos)++]->pub : NULL;
}

void mw_server_free_all(struct mw_session *s)
{
	size_t i;

	for (i = 0; i < s->n_servers; i++)
		server_free(s, s->all_servers[i]);
	mw_alloc_free(s->a, s->all_servers, s->servers_cap * sizeof(struct mw_server *));
}

/* The decoded string `name` of an object replaces *field if it is another. */
static int learn(struct mw_session *s, struct mw_slice object, const char *name,
		 struct mw_slice *field, bool *changed)
{
	struct mw_slice raw;
	struct mw_buf b;
	uint8_t *p;
	int r = 0;

	if (!object.n || mw_json_member(object, name, &raw, NULL) < 0 || raw.n < 3 ||
	    raw.p[0] != '"')
		return 0;
	mw_buf_init(&b, s->a, SAID_MAX);
	r = mw_json_str_decode(raw, &b);
	if (r < 0 || !b.len || mw_slice_eq(mw_buf_slice(&b), *field)) {
		mw_buf_done(&b);
		return r == -ENOMEM ? r : 0; /* longer than any name: none */
	}
	p = s->a->resize(s->a->ctx, NULL, 0, b.len);
	if (p) {
		memcpy(p, b.p, b.len);
		mw_sess_drop(s, field);
		*field = mw_slice(p, b.len);
		*changed = true;
	} else {
		r = -ENOMEM;
	}
	mw_buf_done(&b);
	return r;
}

int mw_server_learn_client(struct mw_session *s, struct mw_server *sv, const struct mw_rpc *rpc)
{
	struct mw_slice info = { NULL, 0 };
	bool changed = false;
	int r;

	if (mw_json_str_eq(rpc->method, "initialize"))
		(void)mw_json_member(rpc->params, "clientInfo", &info, NULL);
	else if (rpc->mcp_meta)
		(void)mw_json_member(rpc->meta, "io.modelcontextprotocol/clientInfo", &info, NULL);
	r = learn(s, info, "name", &sv->client_name, &changed);
	if (r == 0)
		r = learn(s, info, "version", &sv->client_version, &changed);
	if (r == 0 && rpc->mcp_meta)
		r = learn(s, rpc->meta, "io.modelcontextprotocol/protocolVersion", &sv->protocol,
			  &changed);
	return r;
}

int mw_server_learn(struct mw_session *s, struct mw_server *sv, const struct mw_rpc *rpc,
		    struct mw_slice method, bool *ret_changed)
{
	struct mw_slice info = { NULL, 0 };
	bool changed = false;
	int r;

	if (mw_json_str_eq(method, "initialize")) {
		(void)mw_json_member(rpc->result, "serverInfo", &info, NULL);
		r = learn(s, rpc->result, "protocolVersion", &sv->protocol, &changed);
		if (r < 0)
			return r;
	} else if (rpc->mcp_meta) {
		(void)mw_json_member(rpc->meta, "io.modelcontextprotocol/serverInfo", &info, NULL);
	}
	r = learn(s, info, "name", &sv->name, &changed);
	if (r == 0)
		r = learn(s, info, "version", &sv->version, &changed);
	*ret_changed = changed;
	return r;
}
