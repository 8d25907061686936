/* SPDX-License-Identifier: Apache-2.0 */
/* engine_call.c - requests, calls, and what follows them: principal, bodies, ties */
#include "core/engine_priv.h"
#include "core/power.h"

#define PARENTS_MAX	16
#define PARENT_TEXT_MAX 512
/* Effects written into the call's own record, in bytes; more go into ties records. */
#define EFFECTS_LEN 12288
#define TIES_LEN    49152
/* Of one of its texts, whatever stands beside it: a list is laid out twice, and equally. */
#define EFFECT_TEXT_MAX 6144
/* Arguments and result that stand in the record itself. */
#define ARGS_LEN   14336
#define RESULT_LEN 14336
#define RPC_ID_MAX 4096

/*
 * What ends the line of parents between a process and its parent; NULL: nothing. Of a login that is
 * the audit session, which sshd, login, cron or the user's service manager sets once and nobody
 * changes (sudo and su do not, pam_loginuid(8)); without one it is the unit of a service or of a
 * container.
 */
static const char *line_end(const struct mw_proc *p, const struct mw_proc *up)
{
	if (!up->known)
		return NULL;
	if (p->audit_session != UINT32_MAX)
		return up->audit_session != p->audit_session ? "login" : NULL;
	if (!up->cgroup.n || !p->cgroup.n)
		return NULL;
	return mw_slice_eq(mw_cgroup_unit(p->cgroup), mw_cgroup_unit(up->cgroup)) ? NULL
										  : "service";
}

/* Who began it, and on whose behalf: up to the login or the service. Where another user's process
 * is among them, as below sudo, its name too. */
static void put_parents(struct mw_engine *e, struct mw_emit *r, const struct mw_proc *p)
{
	const struct mw_proc *up = mw_procs_get(e->procs, p->parent);
	const size_t at = e->out.len;
	const char *end = NULL;
	unsigned int n = 0;

	mw_emit_open(r, "parents", '[');
	while (up && !end) {
		end = n == PARENTS_MAX ? "limit" : line_end(p, up);
		if (end)
			break;
		n++;
		mw_emit_open(r, NULL, '{');
		mw_emit_u64(r, "pid", up->key.tgid);
		mw_emit_text_max(r, "exe", up->exe, PARENT_TEXT_MAX);
		mw_emit_u64(r, "uid", up->uid);
		if (up->uid != p->uid)
			mw_emit_claim(r, "user", mw_procs_user(e->procs, up->uid), MW_ENG_NAME_MAX);
		mw_emit_close(r, '}');
		if (up->key.tgid == 1)
			end = "init";
		p = up;
		up = mw_procs_get(e->procs, p->parent);
	}
	if (r->error)
		return;
	if (n)
		mw_emit_close(r, ']');
	else
		e->out.len = at;
	mw_emit_str(r, "parents_end", end);
}

void mw_eng_principal(struct mw_engine *e, struct mw_emit *r, struct mw_prockey who, bool parents)
{
	const struct mw_proc *p = mw_procs_get(e->procs, who);
	struct mw_eng_part_key part = { parents ? MW_ENG_PART_PARENTS : MW_ENG_PART_PRINCIPAL,
					who.start_ns, who.tgid };
	const size_t at = e->out.len;

	if (!p || mw_eng_part_again(e, r, &part))
		return;
	mw_emit_open(r, "principal", '{');
	mw_emit_u64(r, "uid", p->uid);
	if (p->known)
		mw_emit_u64(r, "gid", p->gid);
	mw_emit_claim(r, "user", mw_procs_user(e->procs, p->uid), MW_ENG_NAME_MAX);
	if (p->known && p->loginuid != ~0u)
		mw_emit_u64(r, "loginuid", p->loginuid);
	if (p->known && p->audit_session != ~0u)
		mw_emit_u64(r, "audit_session", p->audit_session);
	mw_emit_claim(r, "cgroup", p->cgroup, MW_ENG_PATH_MAX);
	mw_emit_claim(r, "unit", mw_cgroup_unit(p->cgroup), MW_ENG_NAME_MAX);
	mw_emit_claim(r, "container", mw_cgroup_container(p->cgroup), MW_ENG_NAME_MAX);
	if (parents && !mw_prockey_none(p->parent))
		put_parents(e, r, p);
	mw_emit_close(r, '}');
	mw_eng_part_keep(e, r, &part, at);
}

/* A content that follows in body records. */
struct laid_out {
	size_t parts;
	bool lossy;
};

/* Lays a content out in e->body, where it stays until the next one's. */
static struct laid_out lay_out(struct mw_engine *e, struct mw_slice value)
{
	struct laid_out b = { 0 };
	int r = mw_emit_body(e->head.redact, &e->body, &e->scratch, value, &b.lossy, &b.parts);

	mw_eng_note_error(e, r);
	return r < 0 ? (struct laid_out){ 0 } : b;
}

static void say_body(struct mw_engine *e, uint64_t call, const char *what, struct laid_out b,
		     uint64_t ts_ns)
{
	struct mw_emit r;
	size_t i;

	for (i = 0; i < b.parts; i++) {
		r = mw_eng_begin(e, "body", ts_ns);
		mw_emit_id(&r, "call", 'c', e->run, call);
		mw_emit_str(&r, "what", what);
		mw_emit_u64(&r, "part", i + 1);
		mw_emit_u64(&r, "of", b.parts);
		mw_emit_escaped(&r, "text", mw_emit_body_part(mw_buf_slice(&e->body), i));
		r.lossy |= b.lossy;
		mw_eng_end(e, &r);
	}
}

void mw_eng_body(struct mw_engine *e, uint64_t call, const char *what, struct mw_slice value,
		 uint64_t ts_ns)
{
	say_body(e, call, what, lay_out(e, value), ts_ns);
}

void mw_eng_on_request(struct mw_engine *e, const struct mw_sess_event *ev)
{
	struct mw_call *c = ev->call;
	const enum mw_content keep = mw_eng_content(e, c->server);
	const uint64_t seq = e->head.seq;
	struct laid_out rest = { 0 };
	struct mw_emit r;
	bool whole;

	/* what its tokens are is told while they are written */
	mw_eng_policy_open(e, c, false);
	r = mw_eng_begin(e, "request", ev->ts_ns);

	mw_emit_id(&r, "call", 'c', e->run, c->id);
	mw_emit_str(&r, "dir", c->s2c ? "s2c" : "c2s");
	mw_eng_server_ref(e, &r, c->server);
	mw_eng_put_client(e, &r, c);
	mw_emit_id(&r, "session", 'x', e->run, c->session);
	mw_eng_put_way(e, &r, c);
	mw_emit_text_max(&r, "rpc_id", c->rpc_id, RPC_ID_MAX);
	mw_emit_json_str(&r, "method", c->method);
	if (mw_json_str_eq(c->method, "tools/call"))
		mw_emit_json_str(&r, "tool", c->name);
	mw_eng_put_content_mark(&r, keep);
	mw_redact_seen_clear(e->head.redact);
	mw_redact_watch(e->head.redact, true);
	whole = mw_eng_put_content(&r, "args", ev->args, MW_EMIT_VALUE_MAX,
				   keep != MW_CONTENT_HASH);
	mw_redact_watch(e->head.redact, false);
	if (ev->args.n == c->args_bytes)
		c->kept.mac_known = mw_eng_put_mac(e, &r, "args_hmac", ev->args, c->kept.mac);
	if (!c->sent)
		mw_emit_time(&r, "begin", &e->head, c->begin_ns);
	mw_eng_put_caller(e, &r, c, ev->args, true);
	mw_eng_end(e, &r);
	mw_redact_watch(e->head.redact, true);
	if (!whole)
		rest = lay_out(e, ev->args);
	mw_redact_watch(e->head.redact, false);
	if (keep != MW_CONTENT_HASH)
		say_body(e, c->id, "args", rest, ev->ts_ns);
	if (c->differs && ev->args.n)
		mw_eng_note_error(e, mw_correlate_args(e->correlate, c->id, ev->args));
	mw_eng_policy_request(e, ev, mw_eng_seq_of(e, seq));
}

/* Behind an entry's numbers stands less. */
#define EFFECT_TAIL 512
/* Of an entry that is not the last of a record, at least so many of its numbers. */
#define SEQS_MIN 8

/* Where among the effects, and of that one among its numbers. */
struct place {
	size_t pos, at;
};

/* With its numbers from *at on, as many as fit before `end` of the output; *at is behind them then.
 * Its parts' n add up. */
static void put_effect(struct mw_engine *e, struct mw_emit *r, const struct mw_call_effect *ef,
		       size_t *at, size_t end)
{
	const size_t from = *at, n = ef->n_seqs + ef->n_more;
	uint64_t seq;
	char name[16];
	size_t i;

	mw_emit_open(r, NULL, '{');
	mw_emit_str(r, "kind", mw_effect_kind_name(ef->kind));
	mw_emit_text_max(r, "target", ef->target, EFFECT_TEXT_MAX);
	mw_emit_text_max(r, "target2", ef->target2, EFFECT_TEXT_MAX);
	mw_emit_open(r, "seqs", '[');
	for (i = from; i < n && (i - from < SEQS_MIN || e->out.len < end); i++)
		if (mw_eng_seq_written(e, i < ef->n_seqs ? ef->seqs[i] : ef->more[i - ef->n_seqs],
				       &seq))
			mw_emit_u64(r, NULL, seq);
	*at = i;
	mw_emit_close(r, ']');
	mw_emit_u64(r, "n", from ? i - from : ef->n - (n - i));
	mw_emit_str(r, "link", mw_link_name(ef->link));
	mw_emit_str(r, "confidence", mw_confidence_name(ef->confidence));
	mw_emit_str(r, "basis", ef->by_runtime ? "runtime" : "kernel");
	mw_emit_str(r, "why", ef->why);
	mw_emit_str(r, "result", mw_errno_name(ef->ret, name));
	mw_emit_close(r, '}');
}

/* Effects from *p on, as many as fit in max bytes, but the first one in any case if `one`;
 * whether all are written. */
static bool put_effects(struct mw_engine *e, struct mw_emit *r, uint64_t call, struct place *p,
			size_t max, bool one)
{
	const size_t start = e->out.len, end = start + (max > EFFECT_TAIL ? max - EFFECT_TAIL : 0);
	size_t at, next = p->pos, n = 0, seqs;
	struct mw_call_effect ef;

	if (mw_correlate_effects(e->correlate, call, &next, &ef) == 0)
		return true;
	mw_emit_open(r, "effects", '[');
	do {
		at = e->out.len;
		seqs = p->at;
		put_effect(e, r, &ef, &seqs, end);
		if (r->error)
			return false;
		if (e->out.len - start > max && !(one && n == 0)) {
			e->out.len = n ? at : start; /* this one does not fit any more */
			if (n)
				mw_emit_close(r, ']');
			return false;
		}
		n++;
		p->at = seqs;
		if (seqs < ef.n_seqs + ef.n_more) {
			mw_emit_close(r, ']');
			return false;
		}
		*p = (struct place){ next, 0 };
	} while (mw_correlate_effects(e->correlate, call, &next, &ef) == 1);
	mw_emit_close(r, ']');
	return true;
}

/* The effects that did not fit. How many records they take is known when they are written, so they
 * are laid out twice: once to count. */
static size_t put_ties(struct mw_engine *e, const struct mw_call *c, struct place p, size_t of,
		       uint64_t ts_ns)
{
	struct mw_emit_head head = e->head;
	size_t part = 0, len = e->out.len, n_outs = e->n_outs;
	uint64_t records = e->stats.records;
	bool all = false;

	while (!all) {
		struct mw_emit r = mw_eng_begin(e, "ties", ts_ns);

		mw_emit_id(&r, "call", 'c', e->run, c->id);
		mw_emit_u64(&r, "part", ++part);
		mw_emit_u64(&r, "of", of);
		all = put_effects(e, &r, c->id, &p, TIES_LEN, true) || r.error;
		mw_eng_end(e, &r);
	}
	if (!of) {
		e->head = head;
		e->out.len = len;
		e->n_outs = n_outs;
		e->stats.records = records;
	}
	return part;
}

const char *mw_eng_status_name(enum mw_call_status s)
{
	static const char *const names[] = { [MW_CALL_OK] = "ok",
					     [MW_CALL_TOOL_ERROR] = "tool_error",
					     [MW_CALL_RPC_ERROR] = "rpc_error",
					     [MW_CALL_CANCELLED] = "cancelled",
					     [MW_CALL_NO_RESPONSE] = "no_response",
					     [MW_CALL_LOST] = "lost" };

	return names[s];
}

const char *mw_eng_evidence_name(const struct mw_call *c)
{
	return c->incomplete ? "incomplete" : c->one_sided || c->differs ? "one_sided" : "complete";
}

static void put_error(struct mw_emit *r, struct mw_slice error, bool with_message)
{
	struct mw_slice code = { NULL, 0 }, message = { NULL, 0 };

	if (!error.n || error.p[0] != '{')
		return;
	(void)mw_json_member(error, "code", &code, NULL);
	(void)mw_json_member(error, "message", &message, NULL);
	mw_emit_open(r, "error", '{');
	if (code.n && code.n < 32)
		(void)mw_emit_json(r, "code", code, 64);
	if (with_message && message.n && message.p[0] == '"')
		mw_emit_json_str(r, "message", message);
	mw_emit_close(r, '}');
}

static void put_powers(struct mw_emit *r, const char *key, unsigned int bits)
{
	mw_emit_open(r, key, '[');
	for (unsigned int i = 0; i < MW_POWERS; i++)
		if (bits & 1u << i)
			mw_emit_str(r, NULL, mw_power_name(i));
	mw_emit_close(r, ']');
}

static void put_power(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c)
{
	if (!mw_json_str_eq(c->method, "tools/call"))
		return;
	mw_emit_open(r, "power", '{');
	put_powers(r, "declared", mw_eng_declared(e, c->server, c->name));
	put_powers(r, "observed", mw_correlate_power(e->correlate, c->id));
	mw_emit_close(r, '}');
}

/* Of the request that was said; where its copies differ, of the one whose arguments stand here. */
static void put_args_mac(struct mw_engine *e, struct mw_emit *r, struct mw_call *c)
{
	if (c->kept.mac_known && !c->differs)
		mw_emit_hex(r, "args_hmac", c->kept.mac, sizeof(c->kept.mac));
	else if (c->args.n == c->args_bytes)
		(void)mw_eng_put_mac(e, r, "args_hmac", c->args, c->kept.mac);
}

void mw_eng_on_call(struct mw_engine *e, const struct mw_sess_event *ev)
{
	struct mw_call *c = ev->call;
	const enum mw_content keep = mw_eng_content(e, c->server);
	uint8_t mac[32];
	uint64_t end = c->end_ns > c->begin_ns ? c->end_ns : c->begin_ns;
	struct mw_emit r;
	struct laid_out rest = { 0 };
	bool all;
	size_t room, i;
	struct place pos = { 0 };
	uint64_t seq;

	mw_correlate_settle(e->correlate, c->id, ev->result.n ? ev->result : ev->error);
	mw_eng_policy_settle(e, c);
	r = mw_eng_begin(e, "call", ev->ts_ns);

	mw_emit_id(&r, "call", 'c', e->run, c->id);
	mw_emit_str(&r, "dir", c->s2c ? "s2c" : "c2s");
	mw_eng_server_ref(e, &r, c->server);
	mw_eng_put_client(e, &r, c);
	mw_eng_put_caller(e, &r, c, c->args, false);
	mw_emit_id(&r, "session", 'x', e->run, c->session);
	mw_eng_put_way(e, &r, c);
	mw_emit_text_max(&r, "rpc_id", c->rpc_id, RPC_ID_MAX);
	mw_emit_json_str(&r, "method", c->method);
	if (mw_json_str_eq(c->method, "tools/call"))
		mw_emit_json_str(&r, "tool", c->name);
	mw_eng_put_content_mark(&r, keep);
	if (keep != MW_CONTENT_HASH)
		(void)mw_emit_json(&r, "args", c->args, ARGS_LEN);
	if (c->args_bytes)
		mw_emit_u64(&r, "args_bytes", c->args_bytes);
	put_args_mac(e, &r, c);
	mw_emit_str(&r, "status", mw_eng_status_name(c->status));
	put_error(&r, ev->error, keep == MW_CONTENT_FULL);
	mw_redact_seen_clear(e->head.redact);
	mw_redact_watch(e->head.redact, true);
	if (!mw_eng_put_content(&r, "result", ev->result, RESULT_LEN, keep == MW_CONTENT_FULL))
		rest = lay_out(e, ev->result);
	mw_redact_watch(e->head.redact, false);
	mw_eng_policy_call(e, ev);
	if (ev->result.n)
		mw_emit_u64(&r, "result_bytes", ev->result.n);
	(void)mw_eng_put_mac(e, &r, "result_hmac", ev->result, mac);
	mw_emit_time(&r, "begin", &e->head, c->begin_ns);
	mw_emit_time(&r, "end", &e->head, end);
	mw_emit_ms(&r, "elapsed_ms", end - c->begin_ns);
	room = mw_emit_room(&r);
	all = put_effects(e, &r, c->id, &pos, room < EFFECTS_LEN ? room : EFFECTS_LEN, false);
	mw_emit_u64(&r, "effects_n", mw_correlate_effects_n(e->correlate, c->id));
	put_power(e, &r, c);
	mw_eng_policy_put_alerts(e, &r, c->id);
	if (c->n_anomalies) {
		mw_emit_open(&r, "anomalies", '[');
		for (i = 0; i < c->n_anomalies; i++)
			if (mw_eng_seq_written(e, c->anomalies[i], &seq))
				mw_emit_u64(&r, NULL, seq);
		mw_emit_close(&r, ']');
	}
	mw_emit_str(&r, "evidence", mw_eng_evidence_name(c));
	mw_eng_put_trace(&r, c);
	mw_eng_end(e, &r);
	if (keep == MW_CONTENT_FULL)
		say_body(e, c->id, "result", rest, ev->ts_ns);
	if (!all)
		put_ties(e, c, pos, put_ties(e, c, pos, 0, ev->ts_ns), ev->ts_ns);
	mw_eng_policy_call_done(e, ev);
	mw_correlate_forget(e->correlate, c->id);
	e->stats.calls++;
	e->since_seal.calls++;
	e->stats.calls_open -= c->opened;
}
