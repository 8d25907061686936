/* SPDX-License-Identifier: Apache-2.0 */
/* trail_seen_ask.c - the index once all was added: groups, times, what is known of a target */
#include <cjson/cJSON.h>
#include <errno.h>

#include "base/hash.h"
#include "base/table.h"
#include "io/trail_args.h"
#include "io/trail_seen_priv.h"

void mw_seen_json_freep(cJSON **json)
{
	cJSON_Delete(*json);
}

/* --- spans of time --- */

int mw_seen_put_span(struct mw_seen *s, struct mw_seen_spans *l, int64_t from, int64_t to)
{
	int r = mw_seen_grow(s, &l->p, sizeof(*l->p), l->n, &l->cap);

	if (r == 0)
		l->p[l->n++] = (struct mw_seen_span){ from, to };
	return r;
}

static int cmp_span(const void *a, const void *b)
{
	const struct mw_seen_span *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Sorted, and those that touch made one. */
static void merge(struct mw_seen_spans *l)
{
	size_t n = 0;

	if (l->n == 0)
		return;
	qsort(l->p, l->n, sizeof(*l->p), cmp_span);
	for (size_t i = 1; i < l->n; i++) {
		if (l->p[i].from > l->p[n].to)
			l->p[++n] = l->p[i];
		else if (l->p[i].to > l->p[n].to)
			l->p[n].to = l->p[i].to;
	}
	l->n = n + 1;
}

static bool meets(const struct mw_seen_spans *l, int64_t from, int64_t to)
{
	size_t lo = 0, hi = l->n; /* the first that begins behind `to` */

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (l->p[mid].from <= to)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 && l->p[lo - 1].to >= from;
}

bool mw_seen_watched(const struct mw_seen *s, int64_t ns)
{
	return meets(&s->watched, ns, ns);
}

bool mw_seen_gap(const struct mw_seen *s, int64_t from_ns, int64_t to_ns)
{
	return meets(&s->gaps, from_ns, to_ns);
}

int mw_seen_watch(struct mw_seen *s, size_t input, int64_t ns)
{
	struct mw_seen_input *in;
	int r;

	while (s->n_inputs <= input) {
		r = mw_seen_grow(s, &s->inputs, sizeof(*s->inputs), s->n_inputs, &s->cap_inputs);
		if (r < 0)
			return r;
		s->inputs[s->n_inputs++] = (struct mw_seen_input){ 0 };
	}
	in = &s->inputs[input];
	if (!in->on)
		*in = (struct mw_seen_input){ ns, ns, ns, true };
	in->prior = in->last;
	if (ns > in->last)
		in->last = ns;
	return 0;
}

int mw_seen_daemon(struct mw_seen *s, size_t input, int64_t ns, const char *event)
{
	struct mw_seen_input *in = &s->inputs[input];
	int r;

	if (!event)
		return 0;
	if (strcmp(event, "start") == 0) {
		/* where no stop stands before it (a crash), it watched up to the record before */
		r = in->from < ns ? mw_seen_put_span(s, &s->watched, in->from, in->prior) : 0;
		*in = (struct mw_seen_input){ ns, ns, ns, true };
		return r;
	}
	if (strcmp(event, "stop") == 0) {
		r = mw_seen_put_span(s, &s->watched, in->from, ns);
		in->on = false;
		return r;
	}
	return 0;
}

/* --- what is known of a text --- */

int mw_seen_put_around(struct mw_seen *s, struct mw_slice text, int64_t ns, uint64_t call)
{
	struct mw_target t;
	int r;

	s->scratch.len = 0;
	r = mw_target_parse(text, &s->scratch, &t);
	if (r == -E2BIG)
		return 0;
	if (r == 0)
		r = mw_seen_grow(s, &s->around, sizeof(*s->around), s->n_around, &s->cap_around);
	if (r == 0)
		s->around[s->n_around++] =
		    (struct mw_seen_around){ mw_hash64(t.text, s->seed), call, ns };
	return r;
}

static int cmp_around(const void *a, const void *b)
{
	const struct mw_seen_around *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

int mw_seen_around(const struct mw_seen *s, struct mw_slice text, bool net,
		   const struct mw_seen_call *call, int64_t slack_ns)
{
	const uint64_t h = mw_hash64(text, s->seed),
		       id = mw_hash64(mw_slice_str(call->call), s->seed);
	size_t lo = 0, hi = s->n_around;
	int found = 0;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (s->around[mid].hash < h)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->n_around && s->around[lo].hash == h; lo++) {
		const struct mw_seen_around *a = &s->around[lo];

		if (a->call == id)
			return 2;
		if (net || (a->ns >= call->begin_ns - slack_ns && a->ns <= call->end_ns + slack_ns))
			found = 1;
	}
	return found;
}

/* --- groups --- */

uint64_t mw_seen_key(const struct mw_seen *s, enum mw_seen_key key, struct mw_slice id,
		     struct mw_slice tool, struct mw_slice args)
{
	uint64_t h = s->seed + key;

	if (key == MW_SEEN_BY_ID_TOOL || key == MW_SEEN_BY_ID)
		h = mw_hash64(id, h);
	if (key != MW_SEEN_BY_ID)
		h = mw_hash64(tool, h);
	if (key == MW_SEEN_BY_TOOL_ARGS)
		h = mw_hash64(args, h);
	return h;
}

struct by {
	const struct mw_seen_call *calls;
	enum mw_seen_key key;
};

static int cmp_order(const void *a, const void *b, void *ctx)
{
	const struct by *by = ctx;
	const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct mw_seen_call *x = &by->calls[i], *y = &by->calls[k];

	if (x->key[by->key] != y->key[by->key])
		return x->key[by->key] < y->key[by->key] ? -1 : 1;
	return i < k ? -1 : i > k; /* they are in the order of their begin already */
}

static int cmp_call(const void *a, const void *b)
{
	const struct mw_seen_call *x = a, *y = b;

	if (x->begin_ns != y->begin_ns)
		return x->begin_ns < y->begin_ns ? -1 : 1;
	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

static void set_keys(const struct mw_seen *s, struct mw_seen_call *c)
{
	for (int k = 0; k < MW_SEEN_KEYS; k++)
		c->key[k] = mw_seen_key(s, (enum mw_seen_key)k, c->id, c->tool, c->args);
	/* arguments that are not known to the byte are like no others */
	c->args_marked = mw_trail_marked(c->args);
	if (c->args.n > 2 && !c->args_marked)
		c->key[MW_SEEN_BY_TOOL_VAGUE] = 0;
	if (c->args.n == 0 || c->args_marked)
		c->key[MW_SEEN_BY_TOOL_ARGS] = 0;
}

int mw_seen_finish(struct mw_seen *s)
{
	size_t i;
	int r, k;

	for (i = 0; i < s->n_inputs; i++) {
		r = s->inputs[i].on
			? mw_seen_put_span(s, &s->watched, s->inputs[i].from, s->inputs[i].last)
			: 0;
		if (r < 0)
			return r;
	}
	merge(&s->watched);
	merge(&s->gaps);
	mw_table_free(s->open);
	s->open = NULL;
	if (s->n_calls > UINT32_MAX)
		return -E2BIG;
	if (s->n_around)
		qsort(s->around, s->n_around, sizeof(*s->around), cmp_around);
	if (s->n_calls == 0)
		return 0;
	qsort(s->calls, s->n_calls, sizeof(*s->calls), cmp_call);
	for (i = 0; i < s->n_calls; i++) {
		struct mw_seen_call *c = &s->calls[i];

		set_keys(s, c);
		if (c->end_ns < c->begin_ns)
			c->end_ns = c->begin_ns;
		if (c->end_ns - c->begin_ns > s->longest)
			s->longest = c->end_ns - c->begin_ns;
	}
	for (k = 0; k < MW_SEEN_KEYS; k++) {
		struct by by = { s->calls, (enum mw_seen_key)k };

		s->order[k] = mw_seen_take(s, s->n_calls * sizeof(*s->order[k]));
		if (!s->order[k])
			return mw_seen_no_memory(s);
		for (i = 0; i < s->n_calls; i++)
			s->order[k][i] = (uint32_t)i;
		qsort_r(s->order[k], s->n_calls, sizeof(*s->order[k]), cmp_order, &by);
	}
	return 0;
}

static size_t lower_bound(const struct mw_seen *s, enum mw_seen_key key, uint64_t value)
{
	size_t lo = 0, hi = s->n_calls;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (s->calls[s->order[key][mid]].key[key] < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const uint32_t *mw_seen_group(const struct mw_seen *s, enum mw_seen_key key, uint64_t value,
			      size_t *ret_n)
{
	const size_t from = lower_bound(s, key, value);

	*ret_n = s->n_calls == 0 || value == UINT64_MAX ? 0 : lower_bound(s, key, value + 1) - from;
	return s->n_calls ? s->order[key] + from : NULL;
}

/* --- the rest --- */

size_t mw_seen_servers(const struct mw_seen *s, const char *const **ret_names)
{
	*ret_names = s->names;
	return s->n_different;
}

struct mw_seen_call *mw_seen_calls(struct mw_seen *s, size_t *ret_n)
{
	*ret_n = s->n_calls;
	return s->calls;
}

size_t mw_seen_bytes(const struct mw_seen *s)
{
	return s->budget.used;
}

bool mw_seen_known(const struct mw_seen *s)
{
	return s->known;
}

bool mw_seen_unread(const struct mw_seen *s)
{
	return s->unread;
}

int64_t mw_seen_longest_ns(const struct mw_seen *s)
{
	return s->longest;
}

void mw_seen_free(struct mw_seen *s)
{
	struct mw_seen_chunk *c, *next;
	const struct mw_alloc *a;

	if (!s)
		return;
	a = &s->budget.alloc;
	mw_table_free(s->open);
	for (c = s->chunk; c; c = next) {
		next = c->next;
		mw_alloc_free(a, c, sizeof(*c) + c->len);
	}
	mw_alloc_free(a, s->calls, s->cap_calls * sizeof(*s->calls));
	mw_alloc_free(a, s->around, s->cap_around * sizeof(*s->around));
	mw_alloc_free(a, s->gaps.p, s->gaps.cap * sizeof(*s->gaps.p));
	mw_alloc_free(a, s->watched.p, s->watched.cap * sizeof(*s->watched.p));
	mw_alloc_free(a, s->inputs, s->cap_inputs * sizeof(*s->inputs));
	mw_buf_done(&s->scratch);
	free(s);
}
