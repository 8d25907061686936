/* SPDX-License-Identifier: Apache-2.0 */
#include "io/survey_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"
#include "io/export_out.h"
#include "io/logread.h"
#include "io/survey.h"
#include "io/when.h"

enum { LEVEL_TRACE, LEVEL_ENDS, LEVEL_SERVER };
enum { ROLE_CLIENT = 1, ROLE_SERVER = 2 };

static int add(struct mw_pairs *p, struct mw_pair_key key)
{
	if (p->n == p->cap) {
		const size_t cap = p->cap ? 2 * p->cap : 256;
		void *keys = reallocarray(p->keys, cap, sizeof(*p->keys));

		if (!keys)
			return -ENOMEM;
		p->keys = keys;
		p->cap = cap;
	}
	p->keys[p->n++] = key;
	return 0;
}

/* Each part with its length, so that none runs into the next. */
static uint64_t mix(uint64_t h, struct mw_slice s)
{
	return mw_hash64(s, h + s.n);
}

/* A remote end has no process here. */
static uint8_t role_of(struct mw_slice server, struct mw_slice client)
{
	const bool has_server = mw_out_get(server, "pid").n > 0;
	const bool has_client = mw_out_get(client, "pid").n > 0;

	return has_server == has_client ? 0 : has_server ? ROLE_SERVER : ROLE_CLIENT;
}

int mw_pairs_add(struct mw_pairs *p, const struct mw_logrec *rec, uint32_t source, uint32_t call)
{
	const struct mw_slice server = mw_logrec_get(rec, "server");
	const struct mw_slice client = mw_logrec_get(rec, "client");
	const struct mw_slice trace = mw_logrec_get(rec, "trace"),
			      begin = mw_logrec_get(rec, "begin");
	struct mw_slice to = mw_out_get(server, "addr"), from = mw_out_get(client, "addr");
	struct mw_pair_key key = { .begin_ns = rec->time_ns, .call = call, .source = source };
	uint64_t what;
	int r = 0;

	key.role = role_of(server, client);
	if (!key.role || (!trace.n && !to.n))
		return 0;
	if (!p->seed && getrandom(&p->seed, sizeof(p->seed), 0) != sizeof(p->seed))
		p->seed = (uintptr_t)p;
	if (mw_out_is_str(begin))
		mw_when_rfc3339((const char *)begin.p + 1, begin.n - 2, &key.begin_ns);
	if (from.n)
		key.from = mix(p->seed, from) | 1;
	what = mix(p->seed, mw_logrec_get(rec, "rpc_id"));
	what = mix(what, mw_logrec_get(rec, "method"));
	what = mix(what, mw_logrec_get(rec, "tool"));
	if (trace.n) {
		key.level = LEVEL_TRACE;
		key.key = mix(what, trace);
		r = add(p, key);
	}
	if (!to.n)
		return r;
	what = mix(mix(what, mw_logrec_get(rec, "args_bytes")), to);
	if (r == 0 && from.n) {
		key.level = LEVEL_ENDS;
		key.key = mix(what, from);
		r = add(p, key);
	}
	if (r == 0) {
		key.level = LEVEL_SERVER;
		key.key = what;
		r = add(p, key);
	}
	return r;
}

static int by_key(const void *a, const void *b)
{
	const struct mw_pair_key *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->begin_ns != y->begin_ns)
		return x->begin_ns < y->begin_ns ? -1 : 1;
	return x->call < y->call ? -1 : x->call > y->call;
}

/* Whether they could be the same call by key and time; sorted, a before b. */
static bool near(const struct mw_pair_key *a, const struct mw_pair_key *b)
{
	/* times are 1970 to 2261: no overflow */
	return a->level == b->level && a->key == b->key &&
	       b->begin_ns - a->begin_ns <= MW_SURVEY_SKEW_NS;
}

/* Whether two that are alone with their key are one call. */
static bool fit(const struct mw_pair_key *a, const struct mw_pair_key *b)
{
	if (a->role == b->role || a->source == b->source)
		return false;
	/* of another connection, but for what a traceparent says */
	return a->level != LEVEL_SERVER || !a->from || !b->from || a->from == b->from;
}

void mw_pairs_finish(struct mw_pairs *p, void (*pair)(void *arg, uint32_t a, uint32_t b), void *arg)
{
	const struct mw_pair_key *k = p->keys;
	size_t i;

	if (p->n)
		qsort(p->keys, p->n, sizeof(*p->keys), by_key);
	for (i = 0; i + 1 < p->n; i++)
		if (near(&k[i], &k[i + 1]) && (i == 0 || !near(&k[i - 1], &k[i])) &&
		    (i + 2 == p->n || !near(&k[i + 1], &k[i + 2])) && fit(&k[i], &k[i + 1]))
			pair(arg, k[i].call, k[i + 1].call);
}

void mw_pairs_done(struct mw_pairs *p)
{
	free(p->keys);
	*p = (struct mw_pairs){ 0 };
}
