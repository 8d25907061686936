/* SPDX-License-Identifier: Apache-2.0 */
/* engine_policy.c - the policy's life in the engine, and the facts that need little filling */
#include "core/engine_policy.h"

#include <errno.h>

#define TEXT_MAX   (64u << 10)
#define BLOCK_SIZE 96u /* a method, a tool, an id: of most calls that is all */

/* --- texts --------------------------------------------------------------------------------------
 */

struct pol_block {
	struct pol_block *next;
	size_t n, size;
	_Alignas(struct mw_slice) uint8_t p[];
};

int mw_pol_keep(struct mw_engine *e, struct pol_texts *t, struct mw_slice s, struct mw_slice *ret)
{
	struct pol_block *b = t->head;
	size_t size;

	if (!s.n) {
		*ret = mw_slice(NULL, 0);
		return 0;
	}
	if (!b || b->size - b->n < s.n) {
		size = s.n > BLOCK_SIZE ? s.n : BLOCK_SIZE;
		b = mw_alloc_zero(e->a, sizeof(*b) + size);
		if (!b)
			return -ENOMEM;
		b->size = size;
		b->next = t->head;
		t->head = b;
	}
	memcpy(b->p + b->n, s.p, s.n);
	*ret = mw_slice(b->p + b->n, s.n);
	b->n += s.n;
	return 0;
}

int mw_pol_keep_json(struct mw_engine *e, struct pol_texts *t, struct mw_slice raw,
		     struct mw_slice *ret)
{
	struct mw_buf *b = &e->policy->text;
	struct mw_slice plain;
	int r;

	if (raw.n < TEXT_MAX / 4 && mw_json_str_plain(raw, &plain))
		return mw_pol_keep(e, t, plain, ret);
	b->len = 0;
	r = mw_json_str_decode_head(raw, TEXT_MAX / 4, b);
	if (r == -ENOMEM)
		return r;
	return mw_pol_keep(e, t, r < 0 ? mw_slice(NULL, 0) : mw_buf_slice(b), ret);
}

int mw_pol_list_add(struct mw_engine *e, struct pol_texts *t, struct pol_list *l, struct mw_slice s)
{
	struct pol_block *b;
	int r;

	if (l->n == MW_POL_TEXTS_MAX)
		return 0;
	if (!l->v) {
		const size_t size = MW_POL_TEXTS_MAX * sizeof(*l->v);

		/* a block of its own, behind the one that is being filled */
		b = mw_alloc_zero(e->a, sizeof(*b) + size);
		if (!b)
			return -ENOMEM;
		b->n = b->size = size;
		b->next = t->head ? t->head->next : NULL;
		*(t->head ? &t->head->next : &t->head) = b;
		l->v = (void *)b->p;
	}
	r = mw_pol_keep(e, t, s, &l->v[l->n]);
	l->n += r == 0;
	return r;
}

void mw_pol_texts_free(struct mw_engine *e, struct pol_texts *t)
{
	struct pol_block *b;

	while ((b = t->head)) {
		t->head = b->next;
		mw_alloc_free(e->a, b, sizeof(*b) + b->size);
	}
}

/* --- life ---------------------------------------------------------------------------------------
 */

static bool wants(const struct mw_eng_policy *p, const char *field)
{
	const int i = mw_fact_field_find(mw_slice_str(field));

	return i >= 0 && mw_policy_wants(p->policy, (uint32_t)i);
}

static void look_at_wants(struct mw_eng_policy *p)
{
	static const char *const who[] = { "principal.uid",	  "principal.user",
					   "principal.loginuid",  "principal.unit",
					   "principal.container", "principal.address" };

	p->wants.named = wants(p, "effect.named") || wants(p, "effect.named_near");
	p->wants.injected = wants(p, "effect.injected");
	p->wants.own = wants(p, "effect.own");
	p->wants.habit = wants(p, "effect.habit");
	p->wants.roots = wants(p, "effect.outside_roots");
	p->wants.host_target = wants(p, "effect.host_target");
	p->wants.argv = wants(p, "effect.argv");
	p->wants.schema = wants(p, "call.unexpected");
	p->wants.shape = wants(p, "call.new_shape");
	p->wants.arg_secrets = wants(p, "call.arg_secrets");
	p->wants.result_secrets = wants(p, "call.result_secrets");
	p->wants.poison_args = wants(p, "call.poison_args");
	p->wants.poison_result = wants(p, "call.poison_result");
	p->wants.poison = wants(p, "tool.poison") || wants(p, "tool.poison_score");
	p->wants.arg_hosts = wants(p, "call.arg_hosts");
	p->wants.verbs = wants(p, "call.verb_acts") || wants(p, "call.verb_deletes") ||
			 wants(p, "call.verb_sends");
	p->wants.token_back = wants(p, "principal.token_back");
	p->wants.principal = false;
	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++)
		p->wants.principal |= wants(p, who[i]);
}

/* What the rules now in force need. */
static int prepare(struct mw_engine *e)
{
	struct mw_eng_policy *p = e->policy;

	look_at_wants(p);
	if (p->poison || !(p->wants.poison || p->wants.poison_args || p->wants.poison_result))
		return 0;
	return mw_poison_new(e->a, &p->poison);
}

static int tables_new(const struct mw_alloc *a, struct mw_eng_policy *p)
{
	int r;

	r = mw_table_new(a, sizeof(uint64_t), MW_POL_SERVERS_MAX, &p->servers);
	if (r == 0)
		r = mw_table_new(a, sizeof(struct mw_prockey), MW_POL_SERVERS_MAX, &p->launched);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t[2]), MW_POL_TURNS_MAX, &p->turns);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t), MW_POL_CALLS_MAX, &p->calls);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t), MW_POL_ENDED_MAX, &p->ended);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t), MW_POL_WAIT_MAX, &p->wait);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t[2]), MW_POL_MADE_MAX, &p->made);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t[2]), MW_POL_HABITS_MAX, &p->habits);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t[2]), MW_POL_TOOLS_MAX, &p->tools);
	if (r == 0)
		r = mw_table_new(a, sizeof(uint64_t[2]), MW_POL_NAMES_MAX, &p->names);
	return r;
}

static int policy_new(struct mw_engine *e, const struct mw_policy_rules *rules)
{
	struct mw_policy_error error;
	struct mw_eng_policy *p;
	int r;

	_Static_assert(MW_POLICY_CALLS_MAX >= MW_ENG_CALLS_MAX, "each open call has room");
	p = mw_alloc_zero(e->a, sizeof(*p));
	if (!p)
		return -ENOMEM;
	e->policy = p;
	mw_buf_init(&p->text, e->a, TEXT_MAX);
	r = mw_policy_new(e->a, rules, &error, &p->policy);
	if (r == 0)
		r = tables_new(e->a, p);
	if (r == 0)
		r = prepare(e);
	if (r < 0)
		mw_eng_policy_free(e);
	return r;
}

int mw_eng_policy_new(struct mw_engine *e)
{
	return e->cfg.policy ? policy_new(e, e->cfg.policy) : 0;
}

void mw_eng_policy_free(struct mw_engine *e)
{
	struct mw_eng_policy *p = e->policy;

	if (!p)
		return;
	mw_pol_wait_free(e);
	mw_pol_calls_free(e);
	mw_pol_servers_free(e);
	mw_pol_tools_free(e);
	mw_pol_seen_free(e);
	mw_pol_turns_free(e);
	mw_poison_free(p->poison);
	mw_policy_free(p->policy);
	mw_buf_done(&p->text);
	mw_alloc_free(e->a, p, sizeof(*p));
	e->policy = NULL;
}

/* Other rules in place of those, or of none. */
static int change(struct mw_engine *e, const struct mw_policy_rules *rules)
{
	struct mw_policy_error error;
	int r;

	if (!rules) {
		mw_eng_policy_free(e);
		return 0;
	}
	if (!e->policy)
		return policy_new(e, rules);
	r = mw_policy_change(e->policy->policy, rules, &error);
	if (r == 0)
		mw_eng_note_error(e, prepare(e));
	return r;
}

int mw_engine_rules(struct mw_engine *e, const struct mw_redact_rules *redact,
		    const struct mw_policy_rules *policy, const uint8_t rules_hash[32],
		    const uint8_t config_hash[32])
{
	struct mw_redact *fresh = NULL, *old = e->head.redact;
	struct mw_redact_error bad;
	int r = 0;

	if (redact || e->cfg.mac)
		r = mw_redact_new(e->a, redact, e->cfg.mac, e->cfg.mac_ctx, &bad, &fresh);
	if (r == 0)
		r = change(e, policy);
	if (r < 0) {
		mw_redact_free(fresh);
		return r;
	}
	/* what is kept as it was written was redacted by the old ones */
	mw_eng_forget_parts(e);
	e->head.redact = fresh;
	mw_redact_free(old);
	e->cfg.redact = redact;
	e->cfg.policy = policy;
	memset(e->cfg.rules_hash, 0, sizeof(e->cfg.rules_hash));
	memset(e->cfg.config_hash, 0, sizeof(e->cfg.config_hash));
	if (rules_hash)
		memcpy(e->cfg.rules_hash, rules_hash, sizeof(e->cfg.rules_hash));
	if (config_hash)
		memcpy(e->cfg.config_hash, config_hash, sizeof(e->cfg.config_hash));
	mw_eng_say_daemon(e, "reload", NULL);
	return 0;
}

/* --- facts --------------------------------------------------------------------------------------
 */

void mw_pol_push(struct mw_engine *e, struct mw_fact *f, struct pol_server *ps, struct pol_call *pc)
{
	struct mw_eng_policy *p = e->policy;
	struct mw_fact_principal who;

	if (!f->phase)
		f->phase = MW_PHASE_BOTH;
	f->server = ps ? &ps->f : NULL;
	if (pc) {
		mw_pol_principal(e, pc, &who);
		f->principal = &who;
	}
	mw_eng_note_error(e, mw_policy_push(p->policy, f));
	if (!p->busy)
		mw_pol_alerts(e);
}

void mw_eng_policy_stale(struct mw_engine *e)
{
	if (e->policy)
		e->policy->gen++;
}

void mw_eng_policy_server(struct mw_engine *e, const struct mw_server *sv, bool seen, uint64_t seq)
{
	struct mw_fact f = { .kind = MW_FACT_SERVER, .ts_ns = e->now_ns, .seq = seq };
	struct pol_server *ps;

	if (!e->policy)
		return;
	ps = mw_pol_server(e, sv);
	if (!ps)
		return;
	mw_pol_push(e, &f, ps, NULL);
	if (seen)
		mw_pol_wait_server(e, ps);
}

void mw_eng_policy_notice(struct mw_engine *e, const struct mw_sess_event *ev, uint64_t seq)
{
	struct mw_fact_notice n = { .s2c = ev->s2c };
	struct mw_fact f = { .kind = MW_FACT_NOTICE, .ts_ns = ev->ts_ns, .seq = seq, .notice = &n };
	struct pol_texts t = { NULL };

	if (!e->policy)
		return;
	mw_eng_note_error(e, mw_pol_keep_json(e, &t, ev->rpc.method, &n.method));
	mw_pol_push(e, &f, mw_pol_server(e, ev->server), NULL);
	mw_pol_texts_free(e, &t);
}

void mw_eng_policy_anomaly(struct mw_engine *e, const struct mw_sess_event *ev, uint64_t seq)
{
	const struct mw_fact_anomaly a = { .what = mw_slice_str(ev->what),
					   .s2c = ev->s2c,
					   .bytes = ev->bytes_n };
	struct mw_fact f = {
		.kind = MW_FACT_ANOMALY, .ts_ns = ev->ts_ns, .seq = seq, .anomaly = &a
	};
	struct pol_call *pc;

	if (!e->policy)
		return;
	pc = ev->call ? mw_pol_call_by_id(e, ev->call->id) : NULL;
	if (pc)
		f.call = mw_pol_call_fact(pc);
	mw_pol_push(e, &f, mw_pol_server(e, ev->server), pc);
}

void mw_eng_policy_gap(struct mw_engine *e, const struct mw_server *sv,
		       const struct mw_fact_gap *gap, uint64_t seq)
{
	struct mw_fact f = { .kind = MW_FACT_GAP, .ts_ns = e->now_ns, .seq = seq, .gap = gap };

	if (e->policy && !e->policy->finished)
		mw_pol_push(e, &f, mw_pol_server(e, sv), NULL);
}

/* --- time ---------------------------------------------------------------------------------------
 */

void mw_eng_policy_tick(struct mw_engine *e)
{
	struct pol_server *ps;
	size_t pos = 0;

	if (!e->policy)
		return;
	if (mw_table_count(e->policy->wait))
		while ((ps = mw_table_next(e->policy->servers, &pos)))
			if (ps->wait)
				mw_pol_wait_flush(e, ps,
						  !ps->open ? UINT64_MAX
						  : e->now_ns > MW_POL_WAIT_NS
						      ? e->now_ns - MW_POL_WAIT_NS
						      : 0);
	mw_policy_tick(e->policy->policy, e->now_ns);
	mw_pol_alerts(e);
}

void mw_eng_policy_finish(struct mw_engine *e)
{
	struct pol_server *ps;
	size_t pos = 0;

	if (!e->policy)
		return;
	while ((ps = mw_table_next(e->policy->servers, &pos)))
		mw_pol_wait_flush(e, ps, UINT64_MAX);
	mw_policy_finish(e->policy->policy, e->now_ns);
	e->policy->finished = true; /* what comes yet is of the end itself */
	mw_pol_alerts(e);
}

void mw_eng_policy_lost(const struct mw_engine *e, struct mw_eng_policy_lost *ret)
{
	struct mw_policy_stats stats;

	*ret = (struct mw_eng_policy_lost){ 0 };
	if (!e->policy)
		return;
	mw_policy_stats(e->policy->policy, &stats);
	*ret = e->policy->lost;
	ret->rules += stats.evicted;
}

void mw_eng_policy_stats(const struct mw_engine *e, struct mw_policy_stats *ret)
{
	if (e->policy)
		mw_policy_stats(e->policy->policy, ret);
}
