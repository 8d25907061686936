/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_round.c - calls that one answer does not end: rounds and tasks
 *
 * 2026-07-28: a result with resultType input_required asks for more; the client asks the same again
 * under a new id, with the requestState it was given. That is the same call. MCP 2025-11-25, and an
 * extension of 2026-07-28: a result with a task goes on until what is said of the task is final.
 * Either waits in by_wait, and is found by no id meanwhile.
 */
#include <errno.h>

#include "core/session_priv.h"

static uint64_t hash(const struct mw_session *s, struct mw_slice sl, uint64_t salt)
{
	return mw_hash64(sl, s->cfg.seed + salt);
}

static uint64_t whose(const struct conv *cv)
{
	return cv->server ? cv->server->id : ~cv->id;
}

static void round_key(const struct mw_session *s, const struct conv *cv, struct mw_slice method,
		      struct mw_slice name, struct mw_slice state, struct mw_slice args,
		      uint64_t key[2])
{
	uint64_t parts[3] = { whose(cv), hash(s, method, 1), hash(s, name, 2) };

	key[0] = hash(s, mw_slice(parts, sizeof(parts)), 3);
	/* without a state the arguments must do */
	key[1] = state.n ? hash(s, state, 4) : hash(s, args, 5);
}

static void task_key(const struct mw_session *s, const struct conv *cv, struct mw_slice id,
		     uint64_t key[2])
{
	uint64_t who = whose(cv);

	key[0] = hash(s, mw_slice(&who, sizeof(who)), 6);
	key[1] = hash(s, id, 7);
}

/* Keeps what it was answered. -ENOSPC: there is no room. */
static int keep_result(struct mw_session *s, struct call *c, struct mw_slice result)
{
	struct mw_slice held;
	int r;

	if (s->result_bytes - c->result.n + result.n > MW_SESSION_RESULTS_MAX)
		return -ENOSPC;
	r = mw_sess_copy(s, result, &held);
	if (r < 0)
		return r;
	s->result_bytes = s->result_bytes - c->result.n + held.n;
	mw_sess_drop(s, &c->result);
	c->result = held;
	return 0;
}

static void set_waiting(struct mw_session *s, struct call *c)
{
	mw_call_unkey(s, c);
	if (c->answers)
		c->answers->call = NULL;
	if (c->asks)
		c->asks->call = NULL;
	c->answers = c->asks = NULL;
}

static int note_round(struct mw_session *s, struct call *c, struct mw_slice id, uint64_t begin_ns)
{
	struct mw_round *r;
	int ret;

	if (c->pub.n_rounds < MW_CALL_ROUNDS_MAX) {
		r = &c->pub.rounds[c->pub.n_rounds];
		ret = mw_sess_copy(s, id, &r->rpc_id);
		if (ret < 0)
			return ret;
		r->begin_ns = begin_ns;
		r->end_ns = 0;
	}
	c->pub.n_rounds++;
	return 0;
}

static int wait_for_round(struct mw_session *s, struct call *c, const struct mw_rpc *rpc)
{
	struct call *oldest;
	int r;

	while (s->n_waiting >= MW_SESSION_WAITING_MAX) {
		oldest = MW_OF(s->waiting.next, struct call, waits);
		r = mw_sess_close_call(s, oldest, MW_CALL_OK);
		if (r < 0)
			return r;
	}
	r = keep_result(s, c, rpc->result);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	round_key(s, c->conv, c->pub.method, c->pub.name.n ? c->pub.name : c->pub.uri, rpc->state,
		  c->pub.args, c->wait_key);
	if (!c->pub.n_rounds) {
		r = note_round(s, c, c->pub.rpc_id, c->pub.begin_ns);
		if (r < 0)
			return r;
	}
	r = mw_table_put(s->by_wait, c->wait_key, c);
	if (r < 0) /* one that looks the same waits already */
		return r == -ENOMEM ? r : 0;
	if (c->pub.n_rounds <= MW_CALL_ROUNDS_MAX)
		c->pub.rounds[c->pub.n_rounds - 1].end_ns = c->pub.end_ns;
	c->waiting = true;
	c->waits_ns = s->now_ns;
	dl_add(&s->waiting, &c->waits);
	s->n_waiting++;
	set_waiting(s, c);
	return 1;
}

static int become_task(struct mw_session *s, struct call *c, const struct mw_rpc *rpc)
{
	int r;

	if (rpc->task_id.n > MW_SESSION_TASK_MAX)
		return 0;
	r = keep_result(s, c, rpc->result);
	if (r < 0)
		return r == -ENOSPC ? 0 : r;
	mw_sess_drop(s, &c->pub.task);
	r = mw_sess_copy(s, rpc->task_id, &c->pub.task);
	if (r < 0)
		return r;
	task_key(s, c->conv, c->pub.task, c->wait_key);
	r = mw_table_put(s->by_wait, c->wait_key, c);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	c->is_task = true;
	set_waiting(s, c);
	return 1;
}

/* What a task's status means for its call; MW_CALL_OPEN: it goes on. */
static enum mw_call_status final(struct mw_slice status)
{
	if (!status.n)
		return MW_CALL_OPEN;
	if (mw_json_str_eq(status, "completed"))
		return MW_CALL_OK;
	if (mw_json_str_eq(status, "failed"))
		return MW_CALL_TOOL_ERROR;
	return mw_json_str_eq(status, "cancelled") ? MW_CALL_CANCELLED : MW_CALL_OPEN;
}

int mw_round_answer(struct mw_session *s, struct call *c, const struct mw_rpc *rpc)
{
	if (c->waiting || c->is_task || !rpc->result.n)
		return 0;
	if (rpc->result_type.n && mw_json_str_eq(rpc->result_type, "input_required"))
		return wait_for_round(s, c, rpc);
	if (rpc->is_task && !c->task_ref.n && final(rpc->status) == MW_CALL_OPEN)
		return become_task(s, c, rpc);
	return 0;
}

struct call *mw_round_match(struct mw_session *s, const struct place *at, const struct mw_rpc *rpc)
{
	struct mw_slice responses;
	uint64_t key[2];
	struct call *c;

	if (!s->n_waiting || !rpc->params.n ||
	    (!rpc->state.n && mw_json_member(rpc->params, "inputResponses", &responses, NULL) < 0))
		return NULL;
	round_key(s, at->conv, rpc->method, rpc->name.n ? rpc->name : rpc->uri, rpc->state,
		  mw_call_args_of(rpc), key);
	c = mw_table_get(s->by_wait, key);
	return c && c->waiting && c->pub.s2c == at->s2c ? c : NULL;
}

static void wait_no_more(struct mw_session *s, struct call *c)
{
	if (c->waiting || c->is_task)
		(void)mw_table_remove(s->by_wait, c->wait_key);
	if (c->waiting) {
		dl_del(&c->waits);
		s->n_waiting--;
	}
	c->waiting = c->is_task = false;
}

int mw_round_begin(struct mw_session *s, struct call *c, const struct place *at,
		   const struct mw_msg *m, const struct mw_rpc *rpc)
{
	const struct mw_sight *read = &m->seen[MW_END_READ], *written = &m->seen[MW_END_WRITE];
	int r;

	wait_no_more(s, c);
	mw_relay_forget(s, c);
	mw_call_set_conv(s, c, at->conv);
	mw_call_set_xchg(s, c, at->x);
	mw_call_set_server(s, c, at->conv->server);
	c->pub.answered = false;
	c->pub.sent = !read->seen;
	c->text_hash = mw_hash64(rpc->whole, s->cfg.seed);
	r = note_round(s, c, rpc->id, read->seen ? read->begin_ns : written->end_ns);
	if (r == 0)
		r = mw_call_set_id(s, c, at, rpc->id);
	return r < 0 ? r : mw_sess_say_call(s, MW_SESS_REOPENED, c);
}

int mw_round_denied(struct mw_session *s, struct call *c)
{
	size_t last = --c->pub.n_rounds;

	if (last < MW_CALL_ROUNDS_MAX)
		mw_sess_drop(s, &c->pub.rounds[last].rpc_id);
	set_waiting(s, c);
	if (mw_table_put(s->by_wait, c->wait_key, c) == 0) {
		c->waiting = true;
		c->waits_ns = s->now_ns;
		dl_add(&s->waiting, &c->waits);
		s->n_waiting++;
	}
	return mw_sess_answered(s, c);
}

void mw_round_forget(struct mw_session *s, struct call *c)
{
	wait_no_more(s, c);
	dl_del(&c->waits);
}

int mw_round_tick(struct mw_session *s)
{
	int r = 0;

	while (!dl_empty(&s->waiting) && r == 0) {
		struct call *c = MW_OF(s->waiting.next, struct call, waits);

		if (s->now_ns < c->waits_ns + MW_SESSION_WAITING_NS)
			break;
		r = mw_sess_close_call(s, c, MW_CALL_OK);
	}
	return r;
}

int mw_task_said(struct mw_session *s, const struct place *at, const struct call *asked,
		 const struct mw_rpc *rpc)
{
	struct mw_slice id = asked ? asked->task_ref : rpc->task_id;
	struct mw_slice result = { NULL, 0 }, error = rpc->error;
	enum mw_call_status status = final(rpc->status);
	uint64_t key[2];
	struct call *c;

	if (!id.n || !at->conv ||
	    (!asked && !mw_json_str_eq(rpc->method, "notifications/tasks/status")))
		return 0;
	task_key(s, at->conv, id, key);
	c = mw_table_get(s->by_wait, key);
	if (!c || !c->is_task)
		return 0;
	if (asked && mw_json_str_eq(asked->pub.method, "tasks/result")) {
		/* answered with what the task's request would have been */
		status = rpc->error.n	 ? MW_CALL_RPC_ERROR
			 : rpc->is_error ? MW_CALL_TOOL_ERROR
					 : MW_CALL_OK;
		result = rpc->result;
	} else if (asked && !rpc->error.n) {
		(void)mw_json_member(rpc->result, "result", &result, NULL);
		(void)mw_json_member(rpc->result, "error", &error, NULL);
	} else if (asked) {
		return 0; /* what failed is the question */
	}
	if (status == MW_CALL_OPEN)
		return 0;
	if (error.n && status == MW_CALL_TOOL_ERROR)
		status = MW_CALL_RPC_ERROR;
	c->pub.end_ns = s->now_ns;
	return mw_sess_end_call(s, c, status, result.n || error.n ? result : c->result, error);
}
