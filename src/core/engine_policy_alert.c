/* SPDX-License-Identifier: Apache-2.0 */
/* engine_policy_alert.c - alerts as records, and the rules that a call's record names */
#include "core/engine_policy.h"

/* Of one target, of what is told, and of an alert's title. */
#define TARGET_MAX 2048
#define DETAIL_MAX 8192
#define TITLE_MAX  1024
#define TOOL_MAX   1024
#define RPC_ID_MAX 1024
#define TAGS_MAX   32
/* Rules that a call's record names. */
#define FIRED_MAX 32

/* A text of a rule's, which is the user's own and may hold what JSON must escape: not redacted. */
static void put_ours(struct mw_engine *e, struct mw_emit *r, const char *key, const char *text)
{
	struct mw_slice s = mw_slice_str(text);
	bool lossy = false;
	int err;

	if (!s.n)
		return;
	if (s.n > TITLE_MAX)
		s.n = TITLE_MAX;
	e->body.len = 0;
	err = mw_json_escape(&e->body, s, &lossy);
	if (err == 0)
		mw_emit_escaped(r, key, mw_buf_slice(&e->body));
	else if (!r->error)
		r->error = err;
	r->lossy |= lossy;
}

static void put_calls(struct mw_engine *e, struct mw_emit *r, const struct mw_alert *a)
{
	if (!a->n_calls)
		return;
	mw_emit_open(r, "calls", '[');
	for (size_t i = 0; i < a->n_calls && i < MW_ALERT_CALLS_MAX; i++)
		mw_emit_id(r, NULL, 'c', e->run, a->calls[i]);
	mw_emit_close(r, ']');
}

static void put_seqs(struct mw_engine *e, struct mw_emit *r, const struct mw_alert *a)
{
	const size_t at = e->out.len;
	uint64_t seq;
	size_t n = 0;

	mw_emit_open(r, "effects", '[');
	for (size_t i = 0; i < a->n_seqs && i < MW_ALERT_SEQS_MAX; i++) {
		if (a->seqs[i] == UINT64_MAX || !mw_eng_seq_written(e, a->seqs[i], &seq))
			continue;
		mw_emit_u64(r, NULL, seq);
		n++;
	}
	if (n)
		mw_emit_close(r, ']');
	else if (!r->error)
		e->out.len = at;
}

static void put_targets(struct mw_emit *r, const struct mw_alert *a)
{
	if (!a->n_targets)
		return;
	mw_emit_open(r, "targets", '[');
	for (size_t i = 0; i < a->n_targets && i < MW_ALERT_TARGETS_MAX; i++)
		mw_emit_text_max(r, NULL, a->targets[i], TARGET_MAX);
	mw_emit_close(r, ']');
}

static void put_tags(struct mw_engine *e, struct mw_emit *r, const struct mw_policy_rule *rule)
{
	if (!rule->n_tags)
		return;
	mw_emit_open(r, "tags", '[');
	for (size_t i = 0; i < rule->n_tags && i < TAGS_MAX; i++)
		put_ours(e, r, NULL, rule->tags[i]);
	mw_emit_close(r, ']');
}

static void say_alert(struct mw_engine *e, const struct mw_alert *a)
{
	const struct pol_call *pc = a->n_calls ? mw_pol_call_by_id(e, a->calls[0]) : NULL;
	const struct pol_server *ps = a->server ? mw_pol_server_by_id(e, a->server) : NULL;
	const uint64_t records = e->stats.records;
	struct mw_emit r = mw_eng_begin(e, "alert", a->ts_ns);

	put_ours(e, &r, "rule", a->rule->id);
	mw_emit_str(&r, "severity", mw_severity_name(a->severity));
	put_ours(e, &r, "title", a->rule->title);
	put_calls(e, &r, a);
	put_seqs(e, &r, a);
	if (ps)
		mw_eng_server_ref(e, &r, ps->sv);
	mw_emit_text_max(&r, "tool", a->tool, TOOL_MAX);
	if (pc) {
		mw_eng_principal(e, &r, pc->who, false);
		mw_emit_id(&r, "session", 'x', e->run, pc->f.session);
		if (a->n_calls == 1)
			mw_emit_text_max(&r, "rpc_id", pc->rpc_id, RPC_ID_MAX);
	} else if (a->session) {
		mw_emit_id(&r, "session", 'x', e->run, a->session);
	}
	put_targets(&r, a);
	mw_emit_text_max(&r, "outcome", a->outcome, TOOL_MAX);
	mw_emit_u64(&r, "count", a->count);
	if (a->window_ns)
		mw_emit_ms(&r, "window", a->window_ns);
	/* what is quoted of a call is its content */
	if (a->rule->on == MW_FACT_EFFECT || !ps ||
	    mw_eng_content(e, ps->sv) == MW_CONTENT_FULL)
		mw_emit_text_max(&r, "detail", a->detail, DETAIL_MAX);
	put_tags(e, &r, a->rule);
	r.urgent = true;
	r.alert = a->severity;
	mw_eng_end(e, &r);
	if (e->stats.records == records)
		return;
	e->stats.alerts++;
	e->since_seal.alerts++;
}

void mw_pol_alerts(struct mw_engine *e)
{
	struct mw_alert a;

	while (mw_policy_next(e->policy->policy, &a) == 1)
		say_alert(e, &a);
}

void mw_eng_policy_put_alerts(struct mw_engine *e, struct mw_emit *r, uint64_t call)
{
	const char *ids[FIRED_MAX];
	size_t n;

	n = e->policy ? mw_policy_fired(e->policy->policy, call, ids, FIRED_MAX) : 0;
	if (!n)
		return;
	mw_emit_open(r, "alerts", '[');
	for (size_t i = 0; i < n && i < FIRED_MAX; i++)
		put_ours(e, r, NULL, ids[i]);
	mw_emit_close(r, ']');
}
