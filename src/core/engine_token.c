/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_token.c - what a caller claims to be: the tokens of a call, and those a server was given
 *
 * Of a token leave the core: its kind, its place, the keyed hash of its bytes, and, of a call's own
 * JWT, what it claims. Of a server's environment and command line nothing is kept but names and
 * hashes, until a while after its process has ended.
 */
#include <errno.h>

#include "core/engine_priv.h"
#include "core/fact.h"
#include "core/token.h"

/* Of a call's own, and of its server's. */
#define TOKENS_MAX 8
/* Servers whose tokens are kept. */
#define SERVERS_MAX 4096
/* How long after the end of their process: its calls end later. */
#define LINGER_NS (2 * MW_SESSION_LINGER_NS)

#define CLAIM_MAX 256
#define AUD_MAX	  8
#define SCOPE_MAX 512
#define USER_MAX  1024

/* --- keyed hashes --------------------------------------------------------------------------------
 */

bool mw_eng_put_mac(struct mw_engine *e, struct mw_emit *r, const char *key, struct mw_slice exact,
		    uint8_t ret[32])
{
	if (!e->cfg.mac || !exact.n)
		return false;
	e->cfg.mac(e->cfg.mac_ctx, MW_MAC_CONTENT, exact.p, exact.n, ret);
	mw_emit_hex(r, key, ret, 32);
	return true;
}

/* --- one token -----------------------------------------------------------------------------------
 */

static void put_strings(struct mw_emit *r, const char *key, struct mw_slice raw)
{
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	if (!raw.n || raw.p[0] == '"') {
		mw_emit_claim_json(r, key, raw, CLAIM_MAX);
		return;
	}
	mw_emit_open(r, key, '[');
	mw_json_init(&j, raw, 2);
	while (mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING && n++ < AUD_MAX)
			mw_emit_claim_json(r, NULL, it.raw, CLAIM_MAX);
	if (n > AUD_MAX)
		mw_emit_cut(r, NULL, raw.n);
	mw_emit_close(r, ']');
}

/* A list as one text, as RFC 8693, section 4.2 has it. */
static void put_scope(struct mw_engine *e, struct mw_emit *r, struct mw_slice raw)
{
	struct mw_json_item it;
	struct mw_json j;
	struct mw_buf text;
	int err = 0;

	if (!raw.n || raw.p[0] == '"') {
		mw_emit_claim_json(r, "scope", raw, SCOPE_MAX);
		return;
	}
	mw_buf_init(&text, e->a, 3 * raw.n + 16);
	mw_json_init(&j, raw, 2);
	while (err == 0 && mw_json_next(&j, &it) == 1) {
		if (it.tok != MW_JSON_STRING)
			continue;
		if (text.len)
			err = mw_buf_append_byte(&text, ' ');
		if (err == 0)
			err = mw_json_str_decode(it.raw, &text);
	}
	if (err == 0)
		mw_emit_claim(r, "scope", mw_buf_slice(&text), SCOPE_MAX);
	else if (!r->error)
		r->error = err;
	mw_buf_done(&text);
}

static void put_claims(struct mw_engine *e, struct mw_emit *r, struct mw_slice jwt)
{
	struct mw_claims c;
	struct mw_buf text;
	int err;

	mw_buf_init(&text, e->a, MW_JWT_MAX);
	err = mw_jwt_claims(jwt, &text, &c);
	if (err == 0) {
		mw_emit_claim_json(r, "sub", c.sub, CLAIM_MAX);
		mw_emit_claim_json(r, "iss", c.iss, CLAIM_MAX);
		put_strings(r, "aud", c.aud);
		mw_emit_claim_json(r, "client_id", c.client_id, CLAIM_MAX);
		mw_emit_claim_json(r, "azp", c.azp, CLAIM_MAX);
		put_scope(e, r, c.scope);
		if (c.has_exp)
			mw_emit_i64(r, "exp", c.exp);
	} else if (err == -ENOMEM && !r->error) {
		r->error = err;
	}
	mw_buf_done(&text);
}

static void put_user(struct mw_engine *e, struct mw_emit *r, struct mw_slice credentials)
{
	struct mw_buf text;
	int err;

	mw_buf_init(&text, e->a, USER_MAX);
	err = mw_basic_user(credentials, &text);
	if (err == 1)
		mw_emit_claim(r, "sub", mw_buf_slice(&text), CLAIM_MAX);
	else if (err < 0 && !r->error)
		r->error = err;
	mw_buf_done(&text);
}

/* --- a call's own --------------------------------------------------------------------------------
 */

struct own {
	struct mw_engine *e;
	struct mw_emit *r;
	const struct mw_call *c;
	uint64_t n;
};

static int put_own(void *ctx, const struct mw_token *t)
{
	struct own *o = ctx;
	struct mw_emit *r = o->r;
	char print[MW_FINGERPRINT_LEN + 1];

	mw_eng_policy_token(o->e, o->c, t);
	if (o->n++ >= TOKENS_MAX)
		return 0;
	mw_emit_open(r, NULL, '{');
	mw_emit_str(r, "kind", mw_token_kind_name(t->kind));
	mw_emit_text_of(r, "where", t->where, t->where_n);
	if (t->kind == MW_TOKEN_JWT)
		put_claims(o->e, r, t->bytes);
	else if (t->kind == MW_TOKEN_BASIC)
		put_user(o->e, r, t->bytes);
	if (mw_redact_fingerprint(r->redact, t->bytes, print))
		mw_emit_str(r, "fingerprint", print);
	mw_emit_bool(r, "verified", false);
	mw_emit_close(r, '}');
	return r->error;
}

/* Of the request as it is, in an array that was opened; kept for the call's record. */
static uint64_t put_request(struct mw_engine *e, struct mw_emit *r, struct mw_call *c,
			    struct mw_slice args)
{
	struct own own = { .e = e, .r = r, .c = c };
	const struct mw_token_scan scan = { .a = e->a, .found = put_own, .ctx = &own };
	const size_t at = e->out.len;
	int err;

	if (c->kept.known && c->kept.tokens.n <= mw_emit_room(r)) {
		if (c->kept.tokens.n)
			mw_emit_again(r, c->kept.tokens);
		return c->kept.n_tokens;
	}
	mw_eng_policy_tokens_begin(e, c);
	err = mw_tokens_in_fields(&scan, c->http.fields);
	if (err == 0 && args.n)
		err = mw_tokens_in_json(&scan, "args", args);
	if (err == 0 && !r->error) {
		err = mw_session_keep(e->session, c, mw_slice(e->out.p + at, e->out.len - at));
		c->kept.n_tokens = own.n;
		c->kept.known = err == 0;
	}
	if (!r->error) /* without memory some may be missing: that is said */
		mw_eng_note_error(e, err);
	return own.n;
}

/* --- a server's ----------------------------------------------------------------------------------
 */

struct given {
	enum mw_token_kind kind;
	struct mw_slice where; /* redacted and escaped */
	char print[MW_FINGERPRINT_LEN + 1];
};

struct server_tokens {
	struct mw_prockey key;
	uint64_t ended_ns; /* 0: it lives */
	bool has_argv;
	uint64_t n; /* in all; may be more than the array holds */
	struct given given[TOKENS_MAX];
};

static size_t n_given(const struct server_tokens *s)
{
	return s->n < TOKENS_MAX ? (size_t)s->n : TOKENS_MAX;
}

static void given_drop(struct mw_engine *e, struct server_tokens *s)
{
	for (size_t i = 0; i < n_given(s); i++)
		mw_alloc_free(e->a, (void *)(uintptr_t)s->given[i].where.p, s->given[i].where.n);
	*s = (struct server_tokens){ .key = s->key, .ended_ns = s->ended_ns };
}

static void drop(struct mw_engine *e, struct server_tokens *s)
{
	(void)mw_table_remove(e->tokens, &s->key);
	if (s->ended_ns)
		e->tokens_ended--;
	given_drop(e, s);
	mw_alloc_free(e->a, s, sizeof(*s));
}

int mw_eng_tokens_new(struct mw_engine *e)
{
	return mw_table_new(e->a, sizeof(struct mw_prockey), SERVERS_MAX, &e->tokens);
}

void mw_eng_tokens_free(struct mw_engine *e)
{
	struct server_tokens *s;

	while (e->tokens && (s = mw_table_oldest(e->tokens)))
		drop(e, s);
	mw_table_free(e->tokens);
}

static void ask_env(struct mw_engine *e, struct mw_prockey proc)
{
	const struct mw_control ask = { .kind = MW_CONTROL_ENV,
					.start_ns = proc.start_ns,
					.tgid = (uint32_t)proc.tgid };

	mw_eng_control(e, &ask);
}

void mw_eng_tokens_watch(struct mw_engine *e, struct mw_prockey proc)
{
	struct server_tokens *s;
	int r;

	if (mw_table_get(e->tokens, &proc))
		return;
	if (mw_table_count(e->tokens) == SERVERS_MAX) {
		drop(e, mw_table_oldest(e->tokens));
		e->tokens_evicted++;
	}
	s = mw_alloc_zero(e->a, sizeof(*s));
	if (!s) {
		mw_eng_note_error(e, -ENOMEM);
		return;
	}
	s->key = proc;
	r = mw_table_put(e->tokens, &s->key, s);
	if (r < 0) {
		mw_alloc_free(e->a, s, sizeof(*s));
		mw_eng_note_error(e, r);
		return;
	}
	ask_env(e, proc);
}

void mw_eng_tokens_exec(struct mw_engine *e, struct mw_prockey proc)
{
	struct server_tokens *s = mw_table_get(e->tokens, &proc);

	if (!s)
		return;
	given_drop(e, s);
	ask_env(e, proc);
}

void mw_eng_tokens_exit(struct mw_engine *e, struct mw_prockey proc)
{
	struct server_tokens *s = mw_table_get(e->tokens, &proc);

	if (!s || s->ended_ns)
		return;
	s->ended_ns = e->now_ns;
	e->tokens_ended++;
}

void mw_eng_tokens_tick(struct mw_engine *e)
{
	struct server_tokens *s;
	size_t pos = 0;

	while (e->tokens_ended && (s = mw_table_next(e->tokens, &pos))) {
		if (!s->ended_ns || e->now_ns < s->ended_ns + LINGER_NS)
			continue;
		drop(e, s);
	}
}

struct taker {
	struct mw_engine *e;
	struct server_tokens *s;
};

/* The place as it will be written: redaction is not done again for each record. */
static int place(struct mw_engine *e, const struct mw_token *t, struct mw_slice *ret)
{
	struct mw_emit r = { .out = &e->scratch, .scratch = &e->body, .redact = e->head.redact };
	uint8_t *p;

	e->scratch.len = 0;
	r.error = mw_buf_append_byte(&e->scratch, '[');
	mw_emit_text_of(&r, NULL, t->where, t->where_n);
	if (r.error)
		return r.error;
	*ret = mw_slice(e->scratch.p + 2, e->scratch.len - 3); /* not the bracket and the quotes */
	p = e->a->resize(e->a->ctx, NULL, 0, ret->n);
	if (!p)
		return -ENOMEM;
	memcpy(p, ret->p, ret->n);
	ret->p = p;
	return 0;
}

static int take(void *ctx, const struct mw_token *t)
{
	struct taker *k = ctx;
	struct given *g;
	int r;

	if (k->s->n >= TOKENS_MAX) {
		k->s->n++;
		return 0;
	}
	g = &k->s->given[k->s->n];
	r = place(k->e, t, &g->where);
	if (r < 0)
		return r;
	g->kind = t->kind;
	if (!mw_redact_fingerprint(k->e->head.redact, t->bytes, g->print))
		g->print[0] = '\0';
	k->s->n++;
	return 0;
}

/* What rules know to be a secret, whatever its name is. */
struct by_rule {
	struct taker *k;
	struct mw_token t;
};

static int take_secret(void *ctx, struct mw_slice secret)
{
	struct by_rule *b = ctx;

	b->t.kind = MW_TOKEN_API_KEY;
	b->t.bytes = secret;
	return take(b->k, &b->t);
}

static int take_other(void *ctx, const struct mw_token *at, struct mw_slice text)
{
	struct by_rule by = { ctx, *at };

	return mw_redact_each(by.k->e->head.redact, by.k->e->a, text, take_secret, &by);
}

/* What the command line has, once that is known. */
static void take_argv(struct mw_engine *e, struct server_tokens *s)
{
	const struct mw_proc *p = s->has_argv ? NULL : mw_procs_get(e->procs, s->key);
	struct taker taker = { e, s };
	const struct mw_token_scan scan = {
		.a = e->a, .found = take, .other = take_other, .ctx = &taker
	};

	if (!p || !p->argv.n)
		return;
	s->has_argv = true;
	mw_eng_note_error(e, mw_tokens_in_argv(&scan, p->argv));
}

/* What it has beyond is not known. */
static void say_cut(struct mw_engine *e, const struct mw_ev_env *ev)
{
	const struct mw_server *sv = mw_session_server(e->session, mw_prockey_of(&ev->hdr));
	const struct mw_fact_gap gap = { .reason = MW_SLICE_LIT("env_unread"),
					 .where = MW_SLICE_LIT("environment") };
	const uint64_t seq = e->head.seq;
	struct mw_emit r = mw_eng_begin(e, "gap", e->now_ns);

	mw_emit_str(&r, "reason", "env_unread");
	mw_emit_str(&r, "where", "environment");
	mw_eng_server_ref(e, &r, sv);
	mw_eng_end(e, &r);
	mw_eng_said_gap(e, sv, &gap, seq);
}

void mw_eng_on_env(struct mw_engine *e, const struct mw_ev_env *ev)
{
	const struct mw_prockey key = mw_prockey_of(&ev->hdr);
	struct server_tokens *s = mw_table_get(e->tokens, &key);
	struct taker taker = { e, s };
	const struct mw_token_scan scan = {
		.a = e->a, .found = take, .other = take_other, .ctx = &taker
	};
	uint64_t n;

	if (!s)
		return; /* nobody asked, or it is forgotten again */
	if (ev->cut)
		say_cut(e, ev);
	take_argv(e, s);
	n = s->n;
	mw_eng_note_error(e, mw_tokens_in_env(&scan, mw_event_env(ev)));
	if (s->n != n)
		mw_eng_say_again(e, key);
}

static uint64_t put_given(struct mw_engine *e, struct mw_emit *r, struct mw_prockey proc)
{
	struct server_tokens *s = mw_table_get(e->tokens, &proc);

	if (!s)
		return 0;
	take_argv(e, s);
	for (size_t i = 0; i < n_given(s); i++) {
		mw_emit_open(r, NULL, '{');
		mw_emit_str(r, "kind", mw_token_kind_name(s->given[i].kind));
		mw_emit_escaped(r, "where", s->given[i].where);
		mw_emit_str(r, "fingerprint", s->given[i].print);
		mw_emit_bool(r, "verified", false);
		mw_emit_close(r, '}');
	}
	return s->n;
}

/* --- all -----------------------------------------------------------------------------------------
 */

void mw_eng_put_tokens(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv,
		       struct mw_call *c, struct mw_slice args)
{
	const size_t at = e->out.len;
	uint64_t own = 0, given = 0;

	mw_emit_open(r, "tokens", '[');
	if (c)
		own = put_request(e, r, c, args);
	if (sv && !mw_prockey_none(sv->proc))
		given = put_given(e, r, sv->proc);
	if (r->error)
		return;
	if (!own && !given) {
		e->out.len = at;
		return;
	}
	mw_emit_close(r, ']');
	if (own > TOKENS_MAX || given > TOKENS_MAX)
		mw_emit_u64(r, "tokens_n", own + given);
}
