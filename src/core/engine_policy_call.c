/* SPDX-License-Identifier: Apache-2.0 */
/* engine_policy_call.c - what rules may ask of a call, from its beginning to what comes after it */
#include "core/engine_policy.h"

#include <errno.h>

#include "core/path.h"
#include "core/power.h"
#include "core/verbs.h"

#define RPC_ID_MAX 1024u

/* --- life ---------------------------------------------------------------------------------------
 */

static void open_leave(struct mw_engine *e, struct pol_call *pc)
{
	struct pol_server *ps = mw_table_get(e->policy->servers, &pc->server);

	if (!pc->is_open)
		return;
	pc->is_open = false;
	if (!ps)
		return;
	*(pc->prev ? &pc->prev->next : &ps->open) = pc->next;
	*(pc->next ? &pc->next->prev : &ps->open_tail) = pc->prev;
	pc->prev = pc->next = NULL;
}

static void call_free(struct mw_engine *e, struct pol_call *pc)
{
	mw_pol_texts_free(e, &pc->texts);
	mw_args_free(pc->args);
	mw_alloc_free(e->a, pc, sizeof(*pc));
}

void mw_pol_calls_free(struct mw_engine *e)
{
	struct mw_table *both[2] = { e->policy->calls, e->policy->ended };
	struct pol_call *pc;

	for (size_t i = 0; i < 2; i++) {
		while (both[i] && (pc = mw_table_oldest(both[i]))) {
			(void)mw_table_remove(both[i], &pc->id);
			call_free(e, pc);
		}
		mw_table_free(both[i]);
	}
}

struct pol_call *mw_pol_call_by_id(const struct mw_engine *e, uint64_t id)
{
	struct pol_call *pc = id ? mw_table_get(e->policy->calls, &id) : NULL;

	return pc || !id ? pc : mw_table_get(e->policy->ended, &id);
}

static unsigned int verbs_of(struct mw_engine *e, struct mw_slice name)
{
	struct pol_verbs *known;

	if (!name.n || name.n > MW_POL_VERBS_LEN)
		return mw_verbs(name, mw_slice(NULL, 0));
	known = &e->policy->verbs[(name.n * 31u + name.p[0] * 7u + name.p[name.n / 2] * 13u +
				   name.p[name.n - 1]) %
				  MW_POL_VERBS];
	if (known->n != name.n || memcmp(known->name, name.p, name.n) != 0) {
		known->verbs = mw_verbs(name, mw_slice(NULL, 0));
		known->n = (uint8_t)name.n;
		memcpy(known->name, name.p, name.n);
	}
	return known->verbs;
}

static void put_tool(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c)
{
	const struct pol_tool *t = mw_pol_tool(e, c->server, c->name);
	unsigned int verbs;

	pc->f.declared = mw_eng_declared(e, c->server, c->name);
	pc->f.known_tool = t != NULL;
	pc->f.annotated = t && t->annotated;
	pc->f.readonly = t && t->readonly;
	pc->f.destructive_hint = !(t && t->not_destructive);
	if (!e->policy->wants.verbs)
		return;
	verbs = t ? t->verbs : verbs_of(e, pc->f.tool);
	pc->f.verb_acts = verbs & MW_VERB_ACTS;
	pc->f.verb_deletes = verbs & MW_VERB_DELETES;
	pc->f.verb_sends = verbs & MW_VERB_SENDS;
}

/* A process that is not known is not on another host for that: it may have been found too late. */
static bool is_remote(const struct mw_call *c)
{
	const struct mw_addr *from = &c->client_addr;

	return from->family != 0 && !mw_addr_loopback(from) &&
	       !(c->server && mw_addr_one_host(from, &c->server->addr));
}

/* What its request says, as far as it is known. */
static void fill(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c)
{
	const bool tool = mw_json_str_eq(c->method, "tools/call");
	struct mw_slice id = c->rpc_id;
	int r;

	mw_pol_texts_free(e, &pc->texts);
	pc->unexpected = pc->arg_secrets = pc->result_secrets = pc->arg_hosts =
	    (struct pol_list){ 0 };
	pc->f = (struct mw_fact_call){ .id = c->id,
				       .session = c->session,
				       .s2c = c->s2c,
				       .args_bytes = c->args_bytes,
				       .declared = MW_POWER_UNDECLARED,
				       .destructive_hint = true,
				       .remote = is_remote(c) };
	pc->server = c->server ? c->server->id : 0;
	pc->who = mw_eng_who_called(c);
	if (id.n > RPC_ID_MAX)
		id.n = RPC_ID_MAX;
	r = mw_pol_keep_json(e, &pc->texts, c->method, &pc->f.method);
	if (r == 0 && tool)
		r = mw_pol_keep_json(e, &pc->texts, c->name, &pc->f.tool);
	if (r == 0)
		r = mw_pol_keep(e, &pc->texts, id, &pc->rpc_id);
	mw_eng_note_error(e, r);
	if (tool)
		put_tool(e, pc, c);
	mw_pol_who_fill(e, pc, c);
}

/* Made if there is none. */
static struct pol_call *call_of(struct mw_engine *e, struct mw_call *c)
{
	struct pol_call *pc = mw_table_get(e->policy->calls, &c->id);

	if (pc)
		return pc;
	pc = mw_alloc_zero(e->a, sizeof(*pc));
	if (!pc) {
		mw_eng_note_error(e, -ENOMEM);
		return NULL;
	}
	pc->id = c->id;
	pc->live = c;
	if (mw_table_put(e->policy->calls, &pc->id, pc) < 0) {
		mw_alloc_free(e->a, pc, sizeof(*pc));
		mw_eng_note_error(e, -ENOMEM);
		return NULL;
	}
	fill(e, pc, c);
	return pc;
}

const struct mw_fact_call *mw_pol_call_fact(struct pol_call *pc)
{
	pc->f.args = pc->live ? pc->live->args : mw_slice(NULL, 0);
	return &pc->f;
}

const struct mw_args *mw_pol_args(struct mw_engine *e, const struct pol_call *pc)
{
	return pc->args ? pc->args : mw_correlate_args_of(e->correlate, pc->id);
}

/* --- begin --------------------------------------------------------------------------------------
 */

static void open_enter(struct pol_call *pc, struct pol_server *ps, uint64_t begin_ns)
{
	if (pc->is_open || !ps)
		return;
	if (!ps->ready_ns)
		ps->ready_ns = begin_ns;
	pc->begin_ns = begin_ns;
	pc->others = ps->open != NULL;
	pc->opens = ++ps->opens;
	pc->is_open = true;
	pc->prev = ps->open_tail;
	pc->next = NULL;
	*(pc->prev ? &pc->prev->next : &ps->open) = pc;
	ps->open_tail = pc;
}

void mw_eng_policy_open(struct mw_engine *e, struct mw_call *c, bool acts)
{
	struct pol_server *ps;
	struct pol_call *pc;

	if (!e->policy)
		return;
	ps = mw_pol_server(e, c->server);
	pc = call_of(e, c);
	if (!pc || !ps)
		return;
	if (pc->f.remote && !ps->remote_client) {
		ps->remote_client = true;
		ps->f.remote = true;
	}
	if (acts)
		open_enter(pc, ps, c->begin_ns);
}

void mw_eng_policy_moved(struct mw_engine *e, struct mw_call *c)
{
	struct pol_call *pc = e->policy ? mw_table_get(e->policy->calls, &c->id) : NULL;
	const bool was_open = pc && pc->is_open;

	if (!pc || !c->server || pc->server == c->server->id)
		return;
	open_leave(e, pc);
	pc->server = c->server->id;
	if (mw_json_str_eq(c->method, "tools/call"))
		put_tool(e, pc, c);
	if (was_open)
		open_enter(pc, mw_pol_server(e, c->server), c->begin_ns);
}

void mw_eng_policy_answered(struct mw_engine *e, const struct mw_call *c)
{
	struct pol_server *ps = e->policy && !c->s2c ? mw_pol_server(e, c->server) : NULL;

	if (ps && !ps->ready_ns)
		ps->ready_ns = c->end_ns;
}

/* --- the request --------------------------------------------------------------------------------
 */

/* What redaction took out since it was watched. */
static void keep_secrets(struct mw_engine *e, struct pol_call *pc, struct pol_list *l,
			 struct mw_texts *fact)
{
	const char *const *seen;
	const size_t n = mw_redact_seen(e->head.redact, &seen);

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < l->n && !mw_slice_eq_str(l->v[k], seen[i]))
			k++;
		if (k < l->n)
			continue;
		if (mw_pol_list_add(e, &pc->texts, l, mw_slice_str(seen[i])) < 0) {
			mw_eng_note_error(e, -ENOMEM);
			return;
		}
	}
	*fact = (struct mw_texts){ l->v, l->n };
}

static void look_for_hosts(struct mw_engine *e, struct pol_call *pc, struct mw_slice args)
{
	struct pol_list *l = &pc->arg_hosts;
	struct mw_slice hosts[MW_POL_TEXTS_MAX];
	int n, r = 0;

	e->policy->text.len = 0;
	n = mw_arg_hosts(e->a, args, &e->policy->text, hosts, MW_POL_TEXTS_MAX);
	l->n = 0;
	for (int i = 0; i < n && r == 0; i++)
		r = mw_pol_list_add(e, &pc->texts, l, hosts[i]);
	mw_eng_note_error(e, n < 0 ? n : r);
	pc->f.arg_hosts = (struct mw_texts){ l->v, l->n };
}

static void check_schema(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c,
			 struct mw_slice args)
{
	const struct pol_tool *t = mw_pol_tool(e, c->server, c->name);
	struct mw_slice wrong[MW_POL_TEXTS_MAX];
	int n;

	if (!t || !t->schema)
		return;
	e->policy->text.len = 0;
	n = mw_schema_check(t->schema, args, &e->policy->text, wrong, MW_POL_TEXTS_MAX);
	if (n < 0)
		mw_eng_note_error(e, n);
	pc->unexpected.n = 0;
	for (int i = 0; i < n && i < (int)MW_POL_TEXTS_MAX; i++)
		if (mw_pol_list_add(e, &pc->texts, &pc->unexpected, wrong[i]) < 0) {
			mw_eng_note_error(e, -ENOMEM);
			break;
		}
	pc->f.unexpected = (struct mw_texts){ pc->unexpected.v, pc->unexpected.n };
}

static bool is_poisoned(struct mw_engine *e, struct mw_slice text)
{
	struct mw_poison_found found;
	int r;

	if (!text.n || !e->policy->poison)
		return false;
	if (text.n > MW_POL_POISON_MAX)
		text.n = MW_POL_POISON_MAX;
	r = mw_poison_scan_data(e->policy->poison, text, &found);
	mw_eng_note_error(e, r);
	return r == 0 && found.score >= MW_POL_POISON_SCORE;
}

static bool is_new_shape(struct mw_engine *e, const struct pol_call *pc, struct mw_slice args)
{
	struct pol_server *ps = mw_pol_server_by_id(e, pc->server);
	int r;

	if (!ps || !ps->f.key.n || !pc->f.tool.n)
		return false;
	r = mw_state_shape(e->state, ps->f.key, pc->f.tool, mw_shape(args, 0), mw_eng_realtime(e));
	mw_eng_note_error(e, r < 0 ? r : 0);
	return r == 1;
}

void mw_eng_policy_request(struct mw_engine *e, const struct mw_sess_event *ev, uint64_t seq)
{
	struct mw_fact f = { .kind = MW_FACT_REQUEST, .ts_ns = ev->ts_ns, .seq = seq };
	struct mw_call *c = ev->call;
	struct pol_call *pc;

	if (!e->policy)
		return;
	pc = call_of(e, c);
	if (!pc)
		return;
	if (c->differs)
		fill(e, pc, c);
	mw_pol_turn(e, pc, c->begin_ns);
	if (e->policy->wants.arg_secrets)
		keep_secrets(e, pc, &pc->arg_secrets, &pc->f.arg_secrets);
	if (pc->f.tool.n) {
		if (e->policy->wants.schema)
			check_schema(e, pc, c, ev->args);
		pc->f.new_shape = is_new_shape(e, pc, ev->args);
		if (e->policy->wants.arg_hosts)
			look_for_hosts(e, pc, ev->args);
	}
	if (c->s2c && e->policy->wants.poison_args)
		pc->f.poison_args = is_poisoned(e, ev->args);
	f.call = mw_pol_call_fact(pc);
	mw_pol_push(e, &f, mw_pol_server(e, c->server), pc);
}

/* --- the end ------------------------------------------------------------------------------------
 */

static bool acts_by_kind(enum mw_effect_kind k)
{
	switch (k) {
	case MW_EFFECT_FILE_OPEN:
	case MW_EFFECT_FILE_CLOSE:
	case MW_EFFECT_PROC_EXIT:
	case MW_EFFECT_NET_CLOSE:
	case MW_EFFECT_NET_DNS:
		return false;
	default:
		return true;
	}
}

/* Of the call's effects those that change or leave something. What is not listed may be such. */
static uint64_t acts_of(const struct mw_engine *e, uint64_t call, unsigned int power)
{
	const unsigned int writes = MW_POWER_WRITE_LOW | MW_POWER_WRITE_HIGH | MW_POWER_DESTRUCTIVE;
	const uint64_t all = mw_correlate_effects_n(e->correlate, call);
	uint64_t n = 0, listed = 0;
	struct mw_call_effect ef;
	size_t pos = 0;

	while (mw_correlate_effects(e->correlate, call, &pos, &ef) == 1) {
		listed += ef.n;
		if (acts_by_kind(ef.kind) && ef.ret >= 0)
			n += ef.n;
	}
	n += all > listed ? all - listed : 0;
	return n || !(power & writes) ? n : 1;
}

void mw_eng_policy_settle(struct mw_engine *e, const struct mw_call *c)
{
	struct pol_call *pc = e->policy ? mw_table_get(e->policy->calls, &c->id) : NULL;

	if (!pc)
		return;
	e->policy->busy = true; /* their alerts come behind the call's record */
	mw_pol_wait_settle(e, pc);
}

static void put_end(struct mw_engine *e, struct pol_call *pc, const struct mw_sess_event *ev)
{
	const struct pol_server *ps = mw_pol_server_by_id(e, pc->server);
	const struct mw_call *c = ev->call;
	const uint64_t end = c->end_ns > c->begin_ns ? c->end_ns : c->begin_ns;

	pc->f.status = mw_slice_str(mw_eng_status_name(c->status));
	pc->f.has_result = ev->result.n != 0;
	pc->f.result_bytes = ev->result.n;
	pc->f.elapsed_ms = (end - c->begin_ns) / 1000000;
	pc->f.observed = mw_correlate_power(e->correlate, c->id);
	pc->f.effects = mw_correlate_effects_n(e->correlate, c->id);
	pc->f.acts = acts_of(e, c->id, pc->f.observed);
	pc->f.evidence = mw_slice_str(mw_eng_evidence_name(c));
	pc->f.overlapped = pc->others || (ps && pc->opens && ps->opens != pc->opens);
}

/* Answers that define what a server has: facts of their own, not what a tool gave. */
static bool is_definition(const struct pol_call *pc)
{
	static const char *const methods[] = { "initialize",	 "server/discover",
					       "tools/list",	 "prompts/list",
					       "resources/list", "resources/templates/list" };

	if (pc->f.tool.n) /* tools/call */
		return false;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (mw_slice_eq_str(pc->f.method, methods[i]))
			return true;
	return false;
}

void mw_eng_policy_call(struct mw_engine *e, const struct mw_sess_event *ev)
{
	struct mw_fact f = { .kind = MW_FACT_CALL, .ts_ns = ev->ts_ns, .seq = UINT64_MAX };
	struct mw_call *c = ev->call;
	struct pol_call *pc;

	if (!e->policy)
		return;
	e->policy->busy = true;
	pc = call_of(e, c);
	if (!pc)
		return;
	put_end(e, pc, ev);
	if (e->policy->wants.result_secrets && ev->result.n && !is_definition(pc))
		keep_secrets(e, pc, &pc->result_secrets, &pc->f.result_secrets);
	if (e->policy->wants.poison_result && !c->s2c && !is_definition(pc))
		pc->f.poison_result = is_poisoned(e, ev->result);
	f.call = mw_pol_call_fact(pc);
	mw_pol_push(e, &f, mw_pol_server(e, c->server), pc);
}

/* Its record is written: it stays for a while, for what comes after. */
static void retire(struct mw_engine *e, struct pol_call *pc)
{
	struct mw_table *t = e->policy->ended;
	struct pol_call *old;

	(void)mw_table_remove(e->policy->calls, &pc->id);
	pc->live = NULL;
	pc->args = mw_correlate_args_take(e->correlate, pc->id);
	if (pc->f.args_bytes > MW_POL_ARGS_KEEP) {
		mw_args_free(pc->args);
		pc->args = NULL;
	}
	if (mw_table_count(t) == MW_POL_ENDED_MAX) {
		old = mw_table_oldest(t);
		(void)mw_table_remove(t, &old->id);
		call_free(e, old);
	}
	if (mw_table_put(t, &pc->id, pc) < 0) {
		call_free(e, pc);
		mw_eng_note_error(e, -ENOMEM);
	}
}

/* What its server did that no call that is open can have: pushed before its facts are forgotten. */
static void flush(struct mw_engine *e, const struct pol_call *pc)
{
	struct pol_server *ps = mw_table_get(e->policy->servers, &pc->server);

	if (ps && ps->wait)
		mw_pol_wait_flush(e, ps, ps->open ? ps->open->begin_ns : UINT64_MAX);
}

void mw_eng_policy_call_done(struct mw_engine *e, const struct mw_sess_event *ev)
{
	const struct mw_call *c = ev->call;
	struct pol_server *ps;
	struct pol_call *pc;
	bool roots = false;

	if (!e->policy)
		return;
	e->policy->busy = false;
	mw_pol_alerts(e);
	pc = mw_table_get(e->policy->calls, &c->id);
	if (!pc)
		return;
	ps = mw_pol_server(e, c->server);
	if (ps && c->s2c && ev->result.n && mw_slice_eq_str(pc->f.method, "roots/list"))
		roots = mw_pol_roots_listed(e, ps, ev->result);
	else if (ps && !c->s2c && ev->result.n)
		mw_pol_told(e, ps, pc->f.method, ev->result, ev->ts_ns);
	open_leave(e, pc);
	flush(e, pc);
	retire(e, pc);
	mw_policy_forget(e->policy->policy, c->id);
	if (roots)
		mw_eng_say_server_again(e, c->server);
}

void mw_eng_policy_withdrawn(struct mw_engine *e, const struct mw_call *c)
{
	struct pol_call *pc = e->policy ? mw_table_get(e->policy->calls, &c->id) : NULL;

	if (!pc)
		return;
	open_leave(e, pc);
	(void)mw_table_remove(e->policy->calls, &pc->id);
	flush(e, pc);
	call_free(e, pc);
	mw_policy_forget(e->policy->policy, c->id);
}
