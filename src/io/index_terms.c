/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/json.h"
#include "io/heap.h"
#include "io/index_priv.h"

struct giver {
	mw_index_term_fn *term;
	mw_index_tie_fn *tie;
	void *arg;
	int r;
};

static bool is(struct mw_slice key, const char *name)
{
	return mw_slice_eq_str(key, name);
}

static void give(struct giver *g, unsigned int column, struct mw_slice raw)
{
	struct mw_buf buf;

	if (g->r < 0 || raw.n == 0 || raw.p[0] == '{' || raw.p[0] == '[')
		return;
	if (raw.p[0] != '"') {
		g->r = g->term(g->arg, column, raw);
		return;
	}
	if (!memchr(raw.p, '\\', raw.n)) {
		g->r = g->term(g->arg, column, mw_slice_inside(raw));
		return;
	}
	mw_buf_init(&buf, &mw_heap, raw.n * 3);
	g->r = mw_json_str_decode(raw, &buf);
	if (g->r == 0)
		g->r = g->term(g->arg, column, mw_buf_slice(&buf));
	mw_buf_done(&buf);
}

typedef void member_fn(struct giver *g, struct mw_slice key, struct mw_slice value);

static void each_member(struct giver *g, struct mw_slice object, member_fn *fn)
{
	struct mw_json_object o;
	struct mw_slice name, v;

	mw_json_object_init(&o, object);
	while (mw_json_object_next(&o, &name, &v))
		fn(g, mw_slice_inside(name), v);
}

typedef void element_fn(struct giver *g, unsigned int column, struct mw_slice value);

static void each_element(struct giver *g, unsigned int column, struct mw_slice array,
			 element_fn *fn)
{
	struct mw_json_array a;
	struct mw_slice v;

	mw_json_array_init(&a, array);
	while (mw_json_array_next(&a, &v))
		fn(g, column, v);
}

static void server_member(struct giver *g, struct mw_slice key, struct mw_slice v)
{
	if (is(key, "id"))
		give(g, MW_INDEX_SERVER_ID, v);
	if (is(key, "id") || is(key, "key") || is(key, "name") || is(key, "configured_name"))
		give(g, MW_INDEX_SERVER, v);
	else if (is(key, "pid"))
		give(g, MW_INDEX_PID, v);
}

static void client_member(struct giver *g, struct mw_slice key, struct mw_slice v)
{
	if (is(key, "pid"))
		give(g, MW_INDEX_PID, v);
}

static void token_member(struct giver *g, struct mw_slice key, struct mw_slice v)
{
	if (is(key, "sub") || is(key, "client_id") || is(key, "azp") || is(key, "fingerprint"))
		give(g, MW_INDEX_PRINCIPAL, v);
}

static void token(struct giver *g, unsigned int unused, struct mw_slice v)
{
	(void)unused;
	each_member(g, v, token_member);
}

static void principal_member(struct giver *g, struct mw_slice key, struct mw_slice v)
{
	if (is(key, "user") || is(key, "uid") || is(key, "unit") || is(key, "container") ||
	    is(key, "cgroup"))
		give(g, MW_INDEX_PRINCIPAL, v);
	else if (is(key, "tokens"))
		each_element(g, 0, v, token);
}

static void tie(struct giver *g, unsigned int unused, struct mw_slice v)
{
	uint64_t seq = 0;
	size_t i;

	(void)unused;
	for (i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9' || __builtin_mul_overflow(seq, 10, &seq) ||
		    __builtin_add_overflow(seq, (uint64_t)(v.p[i] - '0'), &seq))
			return;
	if (g->r == 0)
		g->r = g->tie(g->arg, seq);
}

static void effect_member(struct giver *g, struct mw_slice key, struct mw_slice v)
{
	if (is(key, "kind"))
		give(g, MW_INDEX_KIND, v);
	else if (is(key, "target") || is(key, "target2"))
		give(g, MW_INDEX_TARGET, v);
	else if (is(key, "seqs"))
		each_element(g, 0, v, tie);
}

static void effect(struct giver *g, unsigned int unused, struct mw_slice v)
{
	(void)unused;
	each_member(g, v, effect_member);
}

/* Members of one value, and those of several. */
static const struct {
	const char *name;
	unsigned int column;
} plain[] = {
	{ "type", MW_INDEX_TYPE },
	{ "host", MW_INDEX_HOST },
	{ "kind", MW_INDEX_KIND },
	{ "target", MW_INDEX_TARGET },
	{ "target2", MW_INDEX_TARGET },
	{ "asked", MW_INDEX_TARGET },
	{ "name", MW_INDEX_TARGET },
	{ "host_target", MW_INDEX_TARGET },
	{ "object", MW_INDEX_TARGET },
	{ "pid", MW_INDEX_PID },
	{ "tid", MW_INDEX_PID },
	{ "call", MW_INDEX_CALL },
	{ "tool", MW_INDEX_TOOL },
	{ "rule", MW_INDEX_ALERT },
	{ "severity", MW_INDEX_SEVERITY },
	{ "status", MW_INDEX_STATUS },
	{ "session", MW_INDEX_SESSION },
	{ "args_hmac", MW_INDEX_ARGS },
	{ "server", MW_INDEX_SERVER },
	{ "server", MW_INDEX_SERVER_ID },
}, lists[] = {
	{ "candidates", MW_INDEX_CALL },
	{ "calls", MW_INDEX_CALL },
	{ "alerts", MW_INDEX_ALERT },
	{ "targets", MW_INDEX_TARGET },
};
#define N(a) (sizeof(a) / sizeof((a)[0]))

static void top_member(struct giver *g, struct mw_slice key, struct mw_slice v)
{
	size_t i;

	switch (v.p[0]) {
	case '{':
		if (is(key, "server"))
			each_member(g, v, server_member);
		else if (is(key, "client"))
			each_member(g, v, client_member);
		else if (is(key, "principal"))
			each_member(g, v, principal_member);
		break;
	case '[':
		if (is(key, "effects"))
			each_element(g, 0, v, effect);
		for (i = 0; i < N(lists); i++)
			if (is(key, lists[i].name))
				each_element(g, lists[i].column, v, give);
		break;
	default:
		for (i = 0; i < N(plain); i++)
			if (is(key, plain[i].name))
				give(g, plain[i].column, v);
		break;
	}
}

int mw_index_terms(const struct mw_logrec *rec, mw_index_term_fn *term, mw_index_tie_fn *tie_fn,
		   void *arg)
{
	struct giver g = { term, tie_fn, arg, 0 };
	size_t i;

	for (i = 0; i < rec->n_members && g.r == 0; i++)
		if (rec->members[i].value.n)
			top_member(&g, rec->members[i].key, rec->members[i].value);
	return g.r;
}
