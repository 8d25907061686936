/* SPDX-License-Identifier: Apache-2.0 */
/* policy_tell.c - what an alert tells */
#include <errno.h>
#include <stdio.h>

#include "core/policy_state.h"
#include "core/power.h"

/* --- texts: what finds no room is left out ------------------------------------------------------
 */

static int span(struct mw_tell *t, struct mw_slice s, size_t max, struct mw_span_of *ret)
{
	const size_t at = t->text.len;
	int r;

	r = mw_buf_append(&t->text, s.p, s.n < max ? s.n : max);
	if (r == -E2BIG)
		return 0;
	if (r == 0)
		*ret = (struct mw_span_of){ (uint32_t)at, (uint32_t)(t->text.len - at) };
	return r;
}

static int put(struct mw_tell *t, struct mw_slice s, size_t end)
{
	size_t room = end > t->text.len ? end - t->text.len : 0;
	int r;

	if (s.n > MW_DETAIL_EACH)
		s.n = MW_DETAIL_EACH;
	r = mw_buf_append(&t->text, s.p, s.n < room ? s.n : room);
	return r == -E2BIG ? 0 : r;
}

static int put_power(struct mw_tell *t, unsigned int bits, size_t end)
{
	bool any = false;
	int r = 0;

	for (unsigned int i = 0; i < MW_POWERS && r == 0; i++) {
		if (!(bits >> i & 1))
			continue;
		if (any)
			r = put(t, MW_SLICE_LIT(","), end);
		if (r == 0)
			r = put(t, mw_slice_str(mw_power_name(i)), end);
		any = true;
	}
	return r;
}

static int put_value(struct mw_tell *t, uint32_t field, const struct mw_value *v, size_t end)
{
	char buf[64];
	int r = 0;

	switch (mw_fact_field_at(field)->type) {
	case MW_FIELD_POWER:
		return put_power(t, v->ord, end);
	case MW_FIELD_TEXTS:
		for (size_t i = 0; i < v->texts.n && r == 0 && t->text.len < end; i++) {
			if (i)
				r = put(t, MW_SLICE_LIT(","), end);
			if (r == 0)
				r = put(t, v->texts.v[i], end);
		}
		return r;
	default:
		return put(t, mw_value_text(field, v, buf), end);
	}
}

static int detail(struct mw_tell *t, const struct mw_policy_rule *from, const struct mw_look_at *x)
{
	const size_t at = t->text.len, end = at + MW_DETAIL_BYTES;
	struct mw_value v;
	int r = 0;

	for (size_t i = 0; i < from->n_detail && r == 0; i++) {
		mw_fact_get(x->f, x->kind, from->detail[i], &v);
		if (!v.known)
			continue;
		if (t->text.len > at)
			r = put(t, MW_SLICE_LIT(" "), end);
		if (r == 0)
			r = put(t, mw_slice_str(mw_fact_field_at(from->detail[i])->name), end);
		if (r == 0)
			r = put(t, MW_SLICE_LIT("="), end);
		if (r == 0)
			r = put_value(t, from->detail[i], &v, end);
	}
	t->detail = (struct mw_span_of){ (uint32_t)at, (uint32_t)(t->text.len - at) };
	return r;
}

/* "20 in 60 s": what a count came to, where the rule names nothing to tell. */
static int detail_count(struct mw_tell *t, const struct mw_policy_rule *from,
			const struct mw_cause *c)
{
	const size_t at = t->text.len;
	char buf[64];
	int n = snprintf(buf, sizeof(buf), "%s%llu in %llu s",
			 from->sum	  ? "sum "
			 : from->distinct ? "different "
					  : "",
			 (unsigned long long)c->count,
			 (unsigned long long)(from->over_ns / 1000000000ull));
	int r = put(t, mw_slice(buf, (size_t)n), at + sizeof(buf));

	t->detail = (struct mw_span_of){ (uint32_t)at, (uint32_t)(t->text.len - at) };
	return r;
}

/* --- what it is about ---------------------------------------------------------------------------
 */

static void add_call(struct mw_tell *t, uint64_t call)
{
	if (call == 0 || t->n_calls == MW_ALERT_CALLS_MAX)
		return;
	for (size_t i = 0; i < t->n_calls; i++)
		if (t->calls[i] == call)
			return;
	t->calls[t->n_calls++] = call;
}

static void add_seq(struct mw_tell *t, uint64_t seq)
{
	if (seq == UINT64_MAX || t->n_seqs == MW_ALERT_SEQS_MAX)
		return;
	for (size_t i = 0; i < t->n_seqs; i++)
		if (t->seqs[i] == seq)
			return;
	t->seqs[t->n_seqs++] = seq;
}

static int add_target(struct mw_tell *t, struct mw_slice s)
{
	struct mw_span_of at = { 0 };
	int r;

	if (s.n == 0 || t->n_targets == MW_ALERT_TARGETS_MAX)
		return 0;
	if (s.n > MW_TARGET_MAX)
		s.n = MW_TARGET_MAX;
	for (size_t i = 0; i < t->n_targets; i++)
		if (mw_slice_eq(s, mw_slice(t->text.p + t->targets[i].at, t->targets[i].n)))
			return 0;
	r = span(t, s, MW_TARGET_MAX, &at);
	if (r == 0 && at.n)
		t->targets[t->n_targets++] = at;
	return r;
}

static int add_ref(struct mw_tell *t, const struct mw_ref *f)
{
	add_call(t, f->call);
	add_seq(t, f->seq);
	return f->target ? add_target(t, mw_slice(f->target->p, f->target->n)) : 0;
}

static int add_fact(struct mw_tell *t, const struct mw_cause *c, const struct mw_look_at *x)
{
	int r = 0;

	for (size_t i = 0; i < x->n_calls; i++)
		add_call(t, x->calls[i]);
	add_seq(t, x->f->seq);
	if (x->f->effect && x->f->effect->act)
		r = add_target(t, x->f->effect->act->target);
	for (size_t i = c->state ? c->state->n_marks : 0; i-- > 0 && r == 0;)
		r = add_ref(t, &c->state->mark[i].ref);
	for (size_t i = 0; c->chain && i < c->chain->n && r == 0; i++)
		r = add_ref(t, &c->chain->path[i]);
	return r;
}

static struct mw_slice outcome_of(const struct mw_look_at *x, struct mw_value *v)
{
	const struct mw_fact *f = x->f;

	if (f->effect && f->effect->act)
		return mw_slice_str(mw_errno_name(f->effect->act->ret, v->buf));
	if (f->call && x->kind == MW_FACT_CALL)
		return f->call->status;
	return mw_slice(NULL, 0);
}

static struct mw_slice tool_of(const struct mw_fact *f)
{
	if (f->call && f->call->tool.n)
		return f->call->tool;
	return f->tool ? f->tool->name : mw_slice(NULL, 0);
}

int mw_tell_new(const struct mw_policy *p, const struct mw_cause *c, const struct mw_look_at *x,
		struct mw_tell **ret)
{
	const struct mw_policy_rule *from = p->set->rule[c->rule].from;
	const struct mw_fact *f = x->f;
	struct mw_tell *t = mw_alloc_zero(p->a, sizeof(*t));
	struct mw_value v;
	int r;

	if (!t)
		return -ENOMEM;
	mw_buf_init(&t->text, p->a, MW_TELL_BYTES);
	t->rule = c->rule;
	t->severity = c->severity;
	t->ts_ns = f->ts_ns;
	t->server = f->server ? f->server->id : 0;
	if (f->call && !(x->missing & MW_KEY_SESSION))
		t->session = f->call->session;
	if (f->principal && !(x->missing & MW_KEY_PRINCIPAL))
		t->principal = f->principal->id;
	t->count = c->count;
	t->window_ns = c->window_ns;
	r = x->missing & MW_KEY_TOOL ? 0 : span(t, tool_of(f), MW_TARGET_MAX, &t->tool);
	if (r == 0)
		r = span(t, outcome_of(x, &v), MW_TARGET_MAX, &t->outcome);
	if (r == 0)
		r = from->n_detail || !c->state ? detail(t, from, x) : detail_count(t, from, c);
	if (r == 0)
		r = add_fact(t, c, x);
	if (r < 0) {
		mw_tell_free(p, t);
		return r;
	}
	*ret = t;
	return 0;
}

void mw_tell_add(const struct mw_policy *p, struct mw_tell *t, const struct mw_cause *c,
		 const struct mw_look_at *x)
{
	struct mw_cause alone = { .rule = c->rule };

	(void)p;
	t->count++;
	if (c->severity > t->severity)
		t->severity = c->severity;
	if (x->f->ts_ns > t->ts_ns)
		t->ts_ns = x->f->ts_ns;
	/* a target that finds no memory is left out: the count says that there were more */
	(void)add_fact(t, &alone, x);
}

void mw_tell_free(const struct mw_policy *p, struct mw_tell *t)
{
	if (!t)
		return;
	mw_buf_done(&t->text);
	mw_alloc_free(p->a, t, sizeof(*t));
}

static struct mw_slice text_of(const struct mw_tell *t, struct mw_span_of s)
{
	return s.n ? mw_slice(t->text.p + s.at, s.n) : mw_slice(NULL, 0);
}

void mw_tell_alert(const struct mw_policy *p, struct mw_tell *t, struct mw_alert *ret)
{
	*ret = (struct mw_alert){
		.rule = p->set->rule[t->rule].from,
		.severity = t->severity,
		.ts_ns = t->ts_ns,
		.server = t->server,
		.session = t->session,
		.principal = t->principal,
		.tool = text_of(t, t->tool),
		.n_calls = t->n_calls,
		.n_seqs = t->n_seqs,
		.n_targets = t->n_targets,
		.outcome = text_of(t, t->outcome),
		.count = t->count,
		.window_ns = t->window_ns,
		.detail = text_of(t, t->detail),
	};
	memcpy(ret->calls, t->calls, sizeof(t->calls));
	memcpy(ret->seqs, t->seqs, sizeof(t->seqs));
	for (size_t i = 0; i < t->n_targets; i++)
		ret->targets[i] = text_of(t, t->targets[i]);
}
