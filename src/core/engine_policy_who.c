/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_policy_who.c - what rules may ask of who called
 *
 * Of the host part nothing is kept: it is looked up for each fact that needs it. Of tokens what
 * they claim, and whether one had expired; as keys of counts their hashes.
 */
#include "core/engine_policy.h"

#include <errno.h>
#include <stdio.h>

#include "base/hash.h"
#include "core/host.h"
#include "core/http.h"
#include "core/path.h"
#include "core/token.h"

static int put_session(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c)
{
	const struct mw_http_head head = { .fields = c->http.fields };
	const struct mw_slice id = mw_http_field(&head, "mcp-session-id", NULL);
	char print[MW_FINGERPRINT_LEN + 1];

	if (!id.n)
		return 0;
	/* it may be told by a rule's detail, and is a credential */
	if (!mw_redact_fingerprint(e->head.redact, id, print))
		snprintf(print, sizeof(print), "%012llx",
			 (unsigned long long)(mw_hash64(id, e->run_id) >> 16));
	return mw_pol_keep(e, &pc->texts, mw_slice_str(print), &pc->f.http_session);
}

static int put_address(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c)
{
	struct mw_addr addr = c->client_addr;
	struct mw_slice text;
	struct mw_buf b;
	int r;

	if (!addr.family)
		return 0;
	addr.port = 1; /* each of its connections has another */
	mw_buf_init(&b, e->a, 128);
	r = mw_addr_print(&b, &addr, mw_slice(NULL, 0));
	if (r == 0) {
		text = mw_buf_slice(&b);
		while (text.n && text.p[text.n - 1] != ':')
			text.n--;
		if (text.n)
			text.n--;
		r = mw_pol_keep(e, &pc->texts, text, &pc->principal.address);
	}
	mw_buf_done(&b);
	return r == -EINVAL ? 0 : r;
}

void mw_pol_who_fill(struct mw_engine *e, struct pol_call *pc, const struct mw_call *c)
{
	int r = 0;

	pc->principal = (struct mw_fact_principal){ 0 };
	pc->has_exp = false;
	pc->tokens_hash = 0;
	if (c->http.fields.n)
		r = put_session(e, pc, c);
	if (r == 0)
		r = put_address(e, pc, c);
	mw_eng_note_error(e, r);
}

/* --- tokens -------------------------------------------------------------------------------------
 */

static int claim(struct mw_engine *e, struct pol_call *pc, struct mw_slice raw,
		 struct mw_slice *ret)
{
	if (!raw.n || raw.p[0] != '"' || ret->n)
		return 0;
	return mw_pol_keep_json(e, &pc->texts, raw, ret);
}

static int put_claims(struct mw_engine *e, struct pol_call *pc, struct mw_slice jwt)
{
	struct mw_fact_principal *p = &pc->principal;
	struct mw_claims c;
	struct mw_buf text;
	int r;

	mw_buf_init(&text, e->a, MW_JWT_MAX);
	r = mw_jwt_claims(jwt, &text, &c);
	if (r < 0) {
		mw_buf_done(&text);
		return r == -ENOMEM ? r : 0;
	}
	r = claim(e, pc, c.sub, &p->sub);
	if (r == 0)
		r = claim(e, pc, c.iss, &p->iss);
	if (r == 0)
		r = claim(e, pc, c.client_id, &p->client_id);
	if (r == 0)
		r = claim(e, pc, c.scope, &p->scope);
	if (c.has_exp && (!pc->has_exp || c.exp < pc->exp)) {
		pc->has_exp = true;
		pc->exp = c.exp;
	}
	mw_buf_done(&text);
	return r;
}

void mw_eng_policy_token(struct mw_engine *e, const struct mw_call *c, const struct mw_token *t)
{
	struct pol_call *pc = e->policy ? mw_table_get(e->policy->calls, &c->id) : NULL;
	int r = 0;

	if (!pc)
		return;
	if (!pc->principal.tokens++)
		pc->principal.token_kind = mw_slice_str(mw_token_kind_name(t->kind));
	pc->tokens_hash ^= mw_hash64(t->bytes, e->run_id + pc->principal.tokens);
	pc->f.credential = true;
	if (t->kind == MW_TOKEN_JWT)
		r = put_claims(e, pc, t->bytes);
	mw_eng_note_error(e, r);
}

void mw_eng_policy_tokens_begin(struct mw_engine *e, const struct mw_call *c)
{
	struct pol_call *pc = e->policy ? mw_table_get(e->policy->calls, &c->id) : NULL;

	if (!pc)
		return;
	pc->principal = (struct mw_fact_principal){ .address = pc->principal.address };
	pc->has_exp = pc->f.credential = false;
	pc->tokens_hash = 0;
}

/* --- the tokens of a session --------------------------------------------------------------------
 */

#define TURN_TOKENS 4u
/* Requests that were under way when a token was renewed still bear the old one. */
#define TURN_GRACE_NS 2000000000ull

struct turn {
	uint64_t key[2]; /* server, hash of the session's fingerprint */
	uint64_t tokens[TURN_TOKENS], first_ns[TURN_TOKENS]; /* in order of coming */
	size_t n;
};

static void turn_drop(struct mw_engine *e, struct turn *t)
{
	(void)mw_table_remove(e->policy->turns, t->key);
	mw_alloc_free(e->a, t, sizeof(*t));
}

static struct turn *turn_of(struct mw_engine *e, const uint64_t key[2])
{
	struct mw_table *all = e->policy->turns;
	struct turn *t = mw_table_get(all, key);

	if (t)
		return t;
	if (mw_table_count(all) == MW_POL_TURNS_MAX) {
		turn_drop(e, mw_table_oldest(all));
		e->policy->lost.rules++;
	}
	t = mw_alloc_zero(e->a, sizeof(*t));
	if (t)
		memcpy(t->key, key, sizeof(t->key));
	if (!t || mw_table_put(all, t->key, t) < 0) {
		mw_alloc_free(e->a, t, sizeof(*t));
		mw_eng_note_error(e, -ENOMEM);
		return NULL;
	}
	return t;
}

void mw_pol_turn(struct mw_engine *e, struct pol_call *pc, uint64_t ts_ns)
{
	const uint64_t key[2] = { pc->server, mw_hash64(pc->f.http_session, e->run_id) };
	struct turn *t;
	size_t i = 0;

	if (!e->policy->wants.token_back || !pc->f.http_session.n || !pc->tokens_hash)
		return;
	t = turn_of(e, key);
	if (!t)
		return;
	while (i < t->n && t->tokens[i] != pc->tokens_hash)
		i++;
	if (i < t->n) {
		pc->principal.token_back =
		    i + 1 < t->n && ts_ns >= t->first_ns[t->n - 1] + TURN_GRACE_NS;
		return;
	}
	if (t->n == TURN_TOKENS) {
		t->n--;
		memmove(t->tokens, t->tokens + 1, t->n * sizeof(*t->tokens));
		memmove(t->first_ns, t->first_ns + 1, t->n * sizeof(*t->first_ns));
	}
	t->tokens[t->n] = pc->tokens_hash;
	t->first_ns[t->n++] = ts_ns;
}

void mw_pol_turns_free(struct mw_engine *e)
{
	struct turn *t;

	while (e->policy->turns && (t = mw_table_oldest(e->policy->turns)))
		turn_drop(e, t);
	mw_table_free(e->policy->turns);
}

/* --- all ----------------------------------------------------------------------------------------
 */

static void put_host_part(struct mw_engine *e, const struct mw_proc *p,
			  struct mw_fact_principal *ret)
{
	ret->uid = p->uid;
	ret->has_uid = true;
	ret->loginuid = p->loginuid;
	ret->has_loginuid = p->known && p->loginuid != UINT32_MAX;
	if (!e->policy->wants.principal)
		return;
	ret->user = mw_procs_user(e->procs, p->uid);
	ret->unit = mw_cgroup_unit(p->cgroup);
	ret->container = mw_cgroup_container(p->cgroup);
}

void mw_pol_principal(struct mw_engine *e, const struct pol_call *pc, struct mw_fact_principal *ret)
{
	const struct mw_proc *p = mw_procs_get(e->procs, pc->who);
	const int64_t at = (int64_t)((uint64_t)e->head.realtime_ns +
				     (pc->live && pc->live->end_ns ? pc->live->end_ns : e->now_ns));
	uint64_t who[4] = { 0 };

	*ret = pc->principal;
	ret->token_expired = pc->has_exp && pc->exp < at / 1000000000;
	if (p)
		put_host_part(e, p, ret);
	who[0] = p ? (uint64_t)p->uid << 32 | p->loginuid : 0;
	who[1] = pc->tokens_hash;
	who[2] = p != NULL;
	who[3] = ret->address.n ? mw_hash64(ret->address, e->run_id) : 0;
	if (who[1] || who[2] || who[3])
		ret->id = mw_hash64(mw_slice(who, sizeof(who)), e->run_id) | 1;
}
