/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_carrier.c - how a call came, and what it says of who sent it
 *
 * Transport, HTTP exchange, relays, rounds, addresses, and whose process called. Every text has a
 * bound of its own, so that a hostile one takes no room from the fields behind it.
 */
#include <errno.h>

#include "core/engine_priv.h"
#include "core/host.h"
#include "core/http.h"
#include "core/path.h"

#define METHOD_MAX    64
#define HOP_EXE_MAX   512
#define RPC_ID_MAX    256
#define FORWARDED_MAX 512
#define TASK_MAX      256
#define TRACE_MAX     256
/* Tokens of one request that are written. */
#define TOKENS_MAX 8

static const char *transport_name(enum mw_transport t, uint8_t chan_kind)
{
	if (t)
		return mw_transport_name(t);
	return chan_kind == MW_CHAN_PIPE || chan_kind == MW_CHAN_UNIX ? "stdio" : "stream";
}

const char *mw_eng_server_transport(const struct mw_server *sv)
{
	return transport_name(sv->transport, sv->chan_kind);
}

/* --- addresses --- */

void mw_eng_put_addr(struct mw_engine *e, struct mw_emit *r, const struct mw_addr *addr)
{
	struct mw_buf text;
	int err;

	if (!addr->family)
		return;
	mw_buf_init(&text, e->a, 128);
	err = mw_addr_print(&text, addr, mw_slice(NULL, 0));
	if (err == 0)
		mw_emit_text(r, "addr", mw_buf_slice(&text));
	else if (err != -EINVAL && !r->error)
		r->error = err;
	mw_buf_done(&text);
}

/* --- fields of the request --- */

static bool name_is(struct mw_slice name, const char *want)
{
	return mw_slice_lower_eq(name, want);
}

/* Appends all values of one field, as one list (RFC 9110, section 5.3). 0, -E2BIG, -ENOMEM. */
static int field_values(const struct mw_call_http *http, const char *want, struct mw_buf *out)
{
	const struct mw_http_head head = { .fields = http->fields };
	struct mw_slice name, value;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && mw_http_field_next(&head, &pos, &name, &value) == 1) {
		if (!value.n || !name_is(name, want))
			continue;
		if (out->len)
			r = mw_buf_append_str(out, ", ");
		if (r == 0)
			r = mw_buf_append(out, value.p, value.n);
	}
	return r;
}

static void put_forwarded(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	struct mw_buf text;
	int err;

	mw_buf_init(&text, e->a, MW_HTTP_HEAD_MAX * 2);
	err = field_values(&c->http, "x-forwarded-for", &text);
	if (err == 0 && !text.len)
		err = field_values(&c->http, "forwarded", &text);
	if (err == 0)
		mw_emit_text_max(r, "forwarded_for", mw_buf_slice(&text), FORWARDED_MAX);
	else if (!r->error)
		r->error = err;
	mw_buf_done(&text);
}

/* What goes for all calls of this client to this server. */
static void put_client_process(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	const struct mw_proc *p = mw_procs_get(e->procs, c->client);
	struct mw_eng_part_key part = { MW_ENG_PART_CLIENT | c->client.tgid << 8,
					c->client.start_ns, c->server ? c->server->id : 0 };
	const size_t at = e->out.len;

	if (mw_eng_part_again(e, r, &part))
		return;
	mw_emit_open(r, "client", '{');
	if (c->server)
		mw_emit_text_max(r, "name", c->server->client_name, MW_ENG_NAME_MAX);
	if (!mw_prockey_none(c->client))
		mw_emit_u64(r, "pid", c->client.tgid);
	if (p)
		mw_emit_text_max(r, "exe", p->exe, MW_ENG_PATH_MAX);
	mw_emit_close(r, '}');
	mw_eng_part_keep(e, r, &part, at);
}

/* Whether what was written last is an object without members; then it is taken back to `at`. */
static bool take_back_empty(struct mw_engine *e, const struct mw_emit *r, size_t at)
{
	if (r->error || e->out.p[e->out.len - 1] != '{')
		return false;
	e->out.len = at;
	return true;
}

void mw_eng_put_client(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	const size_t at = e->out.len;

	put_client_process(e, r, c);
	mw_emit_reopen(r);
	mw_eng_put_addr(e, r, &c->client_addr);
	/* of a server elsewhere, by which that host's log knows the connection */
	if (!c->client_addr.family && c->server && mw_prockey_none(c->server->proc))
		mw_eng_put_addr(e, r, &c->client_end);
	if (c->http.fields.n)
		put_forwarded(e, r, c);
	if (!take_back_empty(e, r, at))
		mw_emit_close(r, '}');
}

/* --- who --- */

struct mw_prockey mw_eng_who_called(const struct mw_call *c)
{
	if (mw_prockey_none(c->client) && c->server && !c->client_addr.family)
		return c->server->proc;
	return c->client;
}

/* What is kept of a process goes for all its calls: the tokens are this one's. */
static void put_principal(struct mw_engine *e, struct mw_emit *r, struct mw_prockey who,
			  bool parents, const struct mw_server *sv, struct mw_call *c,
			  struct mw_slice args)
{
	const size_t at = e->out.len;

	mw_eng_principal(e, r, who, parents);
	if (r->error)
		return;
	if (e->out.len > at)
		mw_emit_reopen(r);
	else
		mw_emit_open(r, "principal", '{');
	mw_eng_put_tokens(e, r, sv, c, args);
	if (!take_back_empty(e, r, at))
		mw_emit_close(r, '}');
}

void mw_eng_put_caller(struct mw_engine *e, struct mw_emit *r, struct mw_call *c,
		       struct mw_slice args, bool parents)
{
	put_principal(e, r, mw_eng_who_called(c), parents, c->server, c, args);
}

void mw_eng_put_server_caller(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv)
{
	put_principal(e, r, mw_prockey_none(sv->client) ? sv->proc : sv->client, true, sv, NULL,
		      mw_slice(NULL, 0));
}

/* --- the way --- */

static void put_http(struct mw_emit *r, const struct mw_call_http *http)
{
	if (!http->method.n)
		return;
	mw_emit_open(r, "http", '{');
	mw_emit_text_max(r, "method", http->method, METHOD_MAX);
	mw_emit_target(r, "path", http->path, MW_ENG_PATH_MAX);
	if (http->status)
		mw_emit_u64(r, "status", http->status);
	mw_emit_close(r, '}');
}

static void put_hops(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	size_t i;

	if (!c->n_hops)
		return;
	mw_emit_open(r, "hops", '[');
	for (i = 0; i < c->n_hops && i < MW_CALL_HOPS_MAX; i++) {
		const struct mw_proc *p = mw_procs_get(e->procs, c->hops[i].proc);

		mw_emit_open(r, NULL, '{');
		mw_emit_u64(r, "pid", c->hops[i].proc.tgid);
		if (p)
			mw_emit_text_max(r, "exe", p->exe, HOP_EXE_MAX);
		if (c->hops[i].transport)
			mw_emit_str(r, "transport", mw_transport_name(c->hops[i].transport));
		mw_emit_close(r, '}');
	}
	mw_emit_close(r, ']');
	if (c->n_hops > MW_CALL_HOPS_MAX)
		mw_emit_u64(r, "hops_n", c->n_hops);
}

static void put_rounds(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	size_t i;

	if (!c->n_rounds)
		return;
	mw_emit_open(r, "rounds", '[');
	for (i = 0; i < c->n_rounds && i < MW_CALL_ROUNDS_MAX; i++) {
		const struct mw_round *round = &c->rounds[i];

		mw_emit_open(r, NULL, '{');
		mw_emit_text_max(r, "rpc_id", round->rpc_id, RPC_ID_MAX);
		if (round->begin_ns)
			mw_emit_time(r, "begin", &e->head, round->begin_ns);
		if (round->end_ns)
			mw_emit_time(r, "end", &e->head, round->end_ns);
		mw_emit_close(r, '}');
	}
	mw_emit_close(r, ']');
	if (c->n_rounds > MW_CALL_ROUNDS_MAX)
		mw_emit_u64(r, "rounds_n", c->n_rounds);
}

void mw_eng_put_way(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	mw_emit_str(r, "transport", transport_name(c->transport, c->chan_kind));
	put_http(r, &c->http);
	put_hops(e, r, c);
	put_rounds(e, r, c);
	if (c->task.n && c->task.p[0] == '"')
		mw_emit_json_str_max(r, "task", c->task, TASK_MAX);
	else
		mw_emit_text_max(r, "task", c->task, TASK_MAX);
}

void mw_eng_put_trace(struct mw_emit *r, const struct mw_call *c)
{
	const struct mw_http_head head = { .fields = c->http.fields };

	if (c->trace.n)
		mw_emit_json_str_max(r, "trace", c->trace, TRACE_MAX);
	else if (head.fields.n)
		mw_emit_text_max(r, "trace", mw_http_field(&head, "traceparent", NULL), TRACE_MAX);
}
