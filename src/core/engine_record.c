/* SPDX-License-Identifier: Apache-2.0 */
/* engine_record.c - records of what is not a call or an effect: gap, server, tool, notice, ...
 */
#include <errno.h>

#include "core/engine_priv.h"
#include "core/fact.h"

#define GAP_CALLS_MAX 64

void mw_eng_said_gap(struct mw_engine *e, const struct mw_server *sv,
		     const struct mw_fact_gap *gap, uint64_t seq)
{
	e->stats.gaps++;
	e->since_seal.gaps++;
	mw_eng_policy_gap(e, sv, gap, mw_eng_seq_of(e, seq));
}

/* A gap of n events, since a time if that is known; of none nothing. Whether it was said. */
static bool say_lost(struct mw_engine *e, const char *reason, const char *where, uint64_t n,
		     uint64_t since_ns)
{
	const struct mw_fact_gap gap = { mw_slice_str(reason), mw_slice_str(where), n, 0 };
	const uint64_t records = e->stats.records, seq = e->head.seq;
	struct mw_emit r;

	if (!n)
		return false;
	r = mw_eng_begin(e, "gap", e->now_ns);
	mw_emit_str(&r, "reason", reason);
	mw_emit_str(&r, "where", where);
	mw_emit_u64(&r, "events", n);
	if (since_ns)
		mw_emit_time(&r, "from", &e->head, since_ns);
	mw_emit_time(&r, "to", &e->head, e->now_ns);
	mw_eng_end(e, &r);
	if (e->stats.records == records)
		return false;
	mw_eng_said_gap(e, NULL, &gap, seq);
	return true;
}

/* One kind of loss; it counts down only what was said. */
static void say_loss(struct mw_engine *e, const char *reason, const char *where, uint64_t *n)
{
	uint64_t said = *n;

	if (say_lost(e, reason, where, said, e->losses.since_ns))
		*n -= said;
}

/* What the core's own tables had no room for, since they were looked at last. */
static void say_tables(struct mw_engine *e)
{
	uint64_t n[MW_ENG_TABLES];
	struct mw_wire_stats wire;
	size_t i;

	mw_eng_tables_lost(e, n);
	for (i = 0; i < MW_ENG_TABLES; i++)
		if (say_lost(e, "table_full", mw_eng_table_names[i], n[i] - e->losses.said[i],
			     e->losses.looked_ns))
			e->losses.said[i] = n[i];
	mw_wire_stats(e->wire, &wire);
	if (say_lost(e, "place_lost", "connections", wire.lost - e->losses.said_places,
		     e->losses.looked_ns))
		e->losses.said_places = wire.lost;
	e->losses.looked_ns = e->now_ns;
}

void mw_eng_say_losses(struct mw_engine *e)
{
	struct losses *l = &e->losses;

	say_loss(e, "events_lost", "kernel", &l->events);
	say_loss(e, "missed_run", "kernel", &l->missed_runs);
	say_loss(e, "table_full", "kernel", &l->table);
	say_loss(e, "argv_unread", "processes", &l->argv);
	say_loss(e, "no_memory", "mcpwatch", &l->memory);
	say_tables(e);
	/* what failed while this was said stays to be said */
	if (!l->events && !l->missed_runs && !l->table && !l->argv && !l->memory)
		l->since_ns = 0;
}

/* --- servers -------------------------------------------------------------------------------------
 */

static void put_key(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv)
{
	struct mw_buf key;
	int err;

	mw_buf_init(&key, e->a, MW_ENG_KEY_MAX);
	err = mw_eng_server_key(e, sv, &key);
	if (err == 0)
		mw_emit_text_max(r, "key", mw_buf_slice(&key), 2 * MW_ENG_PATH_MAX);
	else if (!r->error)
		r->error = err;
	mw_buf_done(&key);
}

void mw_eng_server_ref(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv)
{
	struct mw_eng_part_key part = { .part = MW_ENG_PART_SERVER };
	const size_t at = e->out.len;

	if (!sv)
		return;
	part.a = sv->id;
	part.b = sv->proc.start_ns;
	if (mw_eng_part_again(e, r, &part))
		return;
	mw_emit_open(r, "server", '{');
	mw_emit_id(r, "id", 's', e->run, sv->id);
	put_key(e, r, sv);
	mw_emit_text_max(r, "name", sv->name, MW_ENG_NAME_MAX);
	mw_emit_text_max(r, "configured_name", mw_eng_configured_name(e, sv), MW_ENG_NAME_MAX);
	if (mw_procs_get(e->procs, sv->proc))
		mw_emit_u64(r, "pid", sv->proc.tgid);
	mw_eng_put_addr(e, r, &sv->addr);
	mw_emit_close(r, '}');
	mw_eng_part_keep(e, r, &part, at);
}

static void put_proc(struct mw_emit *r, const struct mw_proc *p, struct mw_prockey key)
{
	if (mw_prockey_none(key))
		return;
	mw_emit_u64(r, "pid", key.tgid);
	mw_emit_u64(r, "start_ns", key.start_ns);
	if (!p)
		return;
	mw_emit_text(r, "exe", p->exe);
	mw_emit_argv(r, "argv", p->argv);
	mw_emit_text(r, "cwd", p->cwd);
	mw_emit_u64(r, "uid", p->uid);
	mw_emit_text(r, "container", mw_cgroup_container(p->cgroup));
}

/* How well what is said to it is read: HTTP/2 inside of TLS is TLS. What it asks of others says
 * nothing of that. */
static const char *io_of(const struct mw_server *sv)
{
	return sv->serves_tls ? "tls" : sv->serves_http2 ? "unread" : "clear";
}

/* Which runtimes' tasks tie what the server does. */
static void put_links(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv)
{
	static const char *const names[] = {
		[MW_RT_GO] = "go", [MW_RT_PYTHON] = "python", [MW_RT_NODE] = "node"
	};
	const uint32_t kind = mw_correlate_runtime(e->correlate, sv->proc);

	if (kind == MW_RT_NONE || kind >= sizeof(names) / sizeof(names[0]))
		return;
	mw_emit_open(r, "link", '[');
	mw_emit_str(r, NULL, names[kind]);
	mw_emit_close(r, ']');
}

/* What a client said of them is content, and stands where that does. Asked for before a record is
 * begun: rules may have something to say first. */
static struct mw_texts roots_of(struct mw_engine *e, const struct mw_server *sv)
{
	struct mw_texts roots = { NULL, 0 };

	if (mw_eng_content(e, sv) == MW_CONTENT_FULL)
		mw_eng_policy_roots(e, sv, &roots);
	return roots;
}

static void put_roots(struct mw_emit *r, struct mw_texts roots)
{
	if (!roots.n)
		return;
	mw_emit_open(r, "roots", '[');
	for (size_t i = 0; i < roots.n; i++)
		mw_emit_text_max(r, NULL, roots.v[i], MW_ENG_NAME_MAX);
	mw_emit_close(r, ']');
}

static void say_server(struct mw_engine *e, const struct mw_server *sv, const char *event)
{
	const struct mw_texts roots = roots_of(e, sv);
	const struct mw_proc *p = mw_procs_get(e->procs, sv->proc);
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "server", e->now_ns);

	mw_emit_str(&r, "event", event);
	mw_emit_open(&r, "server", '{');
	mw_emit_id(&r, "id", 's', e->run, sv->id);
	put_key(e, &r, sv);
	mw_emit_text_max(&r, "name", sv->name, MW_ENG_NAME_MAX);
	mw_emit_text_max(&r, "version", sv->version, MW_ENG_NAME_MAX);
	mw_emit_text_max(&r, "configured_name", mw_eng_configured_name(e, sv), MW_ENG_NAME_MAX);
	put_proc(&r, p, sv->proc);
	mw_eng_put_addr(e, &r, &sv->addr);
	mw_emit_text_max(&r, "sni", sv->sni, MW_ENG_NAME_MAX);
	put_roots(&r, roots);
	mw_emit_close(&r, '}');
	if (!mw_prockey_none(sv->client) || sv->client_name.n) {
		mw_emit_open(&r, "client", '{');
		mw_emit_text_max(&r, "name", sv->client_name, MW_ENG_NAME_MAX);
		mw_emit_text_max(&r, "version", sv->client_version, MW_ENG_NAME_MAX);
		put_proc(&r, mw_procs_get(e->procs, sv->client), sv->client);
		mw_emit_close(&r, '}');
	}
	mw_eng_put_server_caller(e, &r, sv);
	mw_emit_str(&r, "transport", mw_eng_server_transport(sv));
	mw_emit_text(&r, "protocol", sv->protocol);
	mw_emit_open(&r, "tier", '{');
	mw_emit_str(&r, "io", io_of(sv));
	put_links(e, &r, sv);
	mw_emit_close(&r, '}');
	mw_eng_end(e, &r);
	if (strcmp(event, "gone") != 0)
		mw_eng_policy_server(e, sv, strcmp(event, "seen") == 0, mw_eng_seq_of(e, seq));
}

void mw_eng_say_server_again(struct mw_engine *e, const struct mw_server *sv)
{
	if (sv && sv->said && !sv->gone)
		say_server(e, sv, "changed");
}

void mw_eng_say_again(struct mw_engine *e, struct mw_prockey proc)
{
	mw_eng_say_server_again(e, mw_session_server(e->session, proc));
}

void mw_eng_on_name(struct mw_engine *e, struct mw_prockey named)
{
	const struct mw_server *sv;
	const struct mw_proc *p;
	size_t pos = 0;

	while ((p = mw_procs_next(e->procs, &pos))) {
		sv = mw_session_server(e->session, p->key);
		if (!sv || !sv->said || sv->gone)
			continue;
		if (mw_prockey_eq(mw_procs_named(e->procs, p->key, sv->client), named))
			say_server(e, sv, "changed");
	}
}

/* --- notices, anomalies, gaps --------------------------------------------------------------------
 */

static const char *dir_name(bool s2c)
{
	return s2c ? "s2c" : "c2s";
}

static void say_notice(struct mw_engine *e, const struct mw_sess_event *ev)
{
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "notice", ev->ts_ns);
	const enum mw_content keep = mw_eng_content(e, ev->server);

	mw_eng_server_ref(e, &r, ev->server);
	mw_emit_str(&r, "dir", dir_name(ev->s2c));
	mw_emit_json_str(&r, "method", ev->rpc.method);
	mw_eng_put_content_mark(&r, keep);
	if ((keep == MW_CONTENT_FULL || (keep == MW_CONTENT_ARGS && !ev->s2c)) &&
	    !mw_emit_json(&r, "params", ev->rpc.params, MW_EMIT_VALUE_MAX))
		mw_emit_cut(&r, "params", ev->rpc.params.n);
	mw_eng_end(e, &r);
	mw_eng_policy_notice(e, ev, mw_eng_seq_of(e, seq));
}

static void say_anomaly(struct mw_engine *e, const struct mw_sess_event *ev)
{
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "anomaly", ev->ts_ns);
	uint8_t hash[32];

	mw_emit_str(&r, "what", ev->what);
	mw_emit_str(&r, "where", dir_name(ev->s2c));
	if (ev->bytes.n) {
		e->cfg.sha256(ev->bytes.p, ev->bytes.n, hash);
		mw_emit_hex(&r, "bytes_hash", hash, sizeof(hash));
	}
	mw_emit_u64(&r, "bytes_n", ev->bytes_n);
	mw_eng_server_ref(e, &r, ev->server);
	if (ev->call)
		mw_emit_id(&r, "call", 'c', e->run, ev->call->id);
	if (ev->call && ev->call->n_anomalies < MW_CALL_ANOMALIES_MAX)
		ev->call->anomalies[ev->call->n_anomalies++] =
			mw_eng_seq_keep(e, e->head.seq);
	mw_eng_end(e, &r);
	e->stats.anomalies++;
	mw_eng_policy_anomaly(e, ev, mw_eng_seq_of(e, seq));
}

static void say_gap(struct mw_engine *e, const struct mw_sess_event *ev)
{
	static const char *const reasons[] = {
		[MW_GAP_LOST] = "events_lost", [MW_GAP_FAULT] = "page_missing",
		[MW_GAP_LIMIT] = "over_limit", [MW_GAP_CARRIER] = "carrier",
		[MW_GAP_MEMORY] = "no_memory", [MW_GAP_URING] = "io_uring"
	};
	const struct mw_fact_gap gap = { mw_slice_str(reasons[ev->reason]),
					 mw_slice_str(dir_name(ev->s2c)), 0, ev->gap_bytes };
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "gap", ev->ts_ns);
	uint64_t calls[GAP_CALLS_MAX];
	size_t i, n;

	mw_emit_str(&r, "reason", reasons[ev->reason]);
	mw_emit_str(&r, "where", dir_name(ev->s2c));
	if (ev->gap_bytes)
		mw_emit_u64(&r, "bytes", ev->gap_bytes);
	mw_emit_time(&r, "from", &e->head, ev->ts_ns);
	mw_emit_time(&r, "to", &e->head, e->now_ns);
	mw_eng_server_ref(e, &r, ev->server);
	n = ev->server ? mw_session_open_calls(e->session, ev->server, calls, GAP_CALLS_MAX) : 0;
	if (n) {
		mw_emit_open(&r, "calls", '[');
		for (i = 0; i < n && i < GAP_CALLS_MAX; i++)
			mw_emit_id(&r, NULL, 'c', e->run, calls[i]);
		mw_emit_close(&r, ']');
	}
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, ev->server, &gap, seq);
}

/* --- what the session says -----------------------------------------------------------------------
 */

/* Requests that make a server act. The others are of the protocol itself: while they are answered a
 * server is starting, or some stay open for as long as the conversation does. */
static bool acts(const struct mw_call *c)
{
	static const char *const idle[] = {
		"initialize",		"server/discover", "ping",	   "logging/setLevel",
		"subscriptions/listen", "tasks/get",	   "tasks/result", "tasks/list",
		"tasks/update",		"tasks/cancel"
	};
	size_t i;

	if (c->s2c)
		return false;
	for (i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		if (mw_json_str_eq(c->method, idle[i]))
			return false;
	return true;
}

/* When the round that a call is in began. */
static uint64_t round_begin(const struct mw_sess_event *ev)
{
	const struct mw_call *c = ev->call;

	return c->n_rounds && c->n_rounds <= MW_CALL_ROUNDS_MAX
		   ? c->rounds[c->n_rounds - 1].begin_ns
		   : ev->ts_ns;
}

/* What the server itself did with the call's messages, as far as it was seen by now. */
static void note_sights(struct mw_engine *e, const struct mw_call *c)
{
	const bool round = c->n_rounds && c->n_rounds <= MW_CALL_ROUNDS_MAX;

	mw_correlate_brought(e->correlate, c->id, &c->read,
			     round ? c->rounds[c->n_rounds - 1].rpc_id : c->rpc_id);
	mw_correlate_wrote(e->correlate, c->id, &c->wrote);
}

/* The next round was sent, or read; or another process has the call now. */
static void on_reopened(struct mw_engine *e, const struct mw_sess_event *ev)
{
	const struct mw_call *c = ev->call;
	struct mw_prockey proc;
	int r;

	if (!c->server || mw_prockey_none(c->server->proc))
		return;
	proc = c->server->proc;
	mw_eng_unfold(e, proc);
	if (ev->kind == MW_SESS_MOVED)
		r = mw_correlate_move(e->correlate, c->id, proc, ev->ts_ns);
	else if (c->sent)
		r = mw_correlate_resend(e->correlate, c->id, proc, round_begin(ev));
	else
		r = mw_correlate_reopen(e->correlate, c->id, proc, round_begin(ev));
	mw_eng_note_error(e, r == -ENOENT ? 0 : r); /* it is none that acts */
}

static void on_open(struct mw_engine *e, const struct mw_sess_event *ev)
{
	struct mw_prockey proc;
	int r;

	e->stats.calls_open++;
	if (!ev->call->server || mw_prockey_none(ev->call->server->proc))
		return; /* the reading end was not seen yet: nothing it does is seen either */
	proc = ev->call->server->proc;
	mw_eng_note_error(e, mw_correlate_server(e->correlate, proc, ev->ts_ns));
	mw_eng_unfold(e, proc);
	if (!acts(ev->call))
		return;
	if (ev->call->sent)
		r = mw_correlate_send(e->correlate, ev->call->id, proc, ev->args,
				      ev->call->begin_ns);
	else if (ev->call->unconfirmed)
		r = mw_correlate_open_unconfirmed(e->correlate, ev->call->id, proc, ev->args,
						  ev->call->begin_ns);
	else
		r = mw_correlate_open(e->correlate, ev->call->id, proc, ev->args,
				      ev->call->begin_ns);
	mw_eng_note_error(e, r);
}

static void on_event(struct mw_engine *e, const struct mw_sess_event *ev)
{
	switch (ev->kind) {
	case MW_SESS_SERVER:
		mw_eng_forget_parts(e);
		say_server(e, ev->server, ev->changed ? "changed" : "seen");
		break;
	case MW_SESS_SERVER_GONE:
		say_server(e, ev->server, "gone");
		break;
	case MW_SESS_OPEN:
		mw_eng_policy_open(e, ev->call, acts(ev->call));
		on_open(e, ev);
		break;
	case MW_SESS_READ:
		/* -ENOENT: it is none that acts */
		(void)mw_correlate_read(e->correlate, ev->call->id,
					ev->call->n_rounds > 1 ? ev->ts_ns : ev->call->begin_ns);
		break;
	case MW_SESS_CONFIRMED:
		mw_correlate_confirm(e->correlate, ev->call->id);
		break;
	case MW_SESS_REQUEST:
		mw_eng_on_request(e, ev);
		break;
	case MW_SESS_ANSWERED:
		mw_eng_policy_answered(e, ev->call);
		mw_eng_unfold_call(e, ev->call->id);
		mw_correlate_close(e->correlate, ev->call->id, ev->call->end_ns);
		break;
	case MW_SESS_CALL:
		mw_eng_wire_hurry(e, ev->call->id);
		note_sights(e, ev->call);
		mw_eng_on_call(e, ev);
		break;
	case MW_SESS_WITHDRAWN:
		e->stats.calls_open -= ev->call->opened;
		mw_correlate_close(e->correlate, ev->call->id, ev->ts_ns);
		mw_eng_policy_withdrawn(e, ev->call);
		mw_correlate_forget(e->correlate, ev->call->id);
		break;
	case MW_SESS_NOTICE:
		say_notice(e, ev);
		break;
	case MW_SESS_TOOLS:
		mw_eng_on_tools(e, ev);
		break;
	case MW_SESS_ANOMALY:
		say_anomaly(e, ev);
		break;
	case MW_SESS_GAP:
		say_gap(e, ev);
		break;
	case MW_SESS_REOPENED:
	case MW_SESS_MOVED:
		mw_eng_policy_moved(e, ev->call);
		on_reopened(e, ev);
		break;
	case MW_SESS_CONTROL:
	case MW_SESS_RAW:
		break; /* engine.c */
	}
}

void mw_eng_on_session(struct mw_engine *e, const struct mw_sess_event *ev)
{
	on_event(e, ev);
	switch (ev->kind) {
	case MW_SESS_OPEN:
	case MW_SESS_READ:
	case MW_SESS_CONFIRMED:
	case MW_SESS_REQUEST:
	case MW_SESS_REOPENED:
	case MW_SESS_MOVED:
	case MW_SESS_ANSWERED:
		note_sights(e, ev->call);
		break;
	default:
		break;
	}
}
