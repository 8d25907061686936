/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_seen.c
 *
 * Texts lie in chunks that are never given back before all is; arrays grow by doubling. Everything
 * is counted against one budget. A call is taken at its request record, so that one whose end the
 * log does not have is known too, and completed by its call and ties records.
 */
#include "io/trail_seen.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fnmatch.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/table.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/render.h"
#include "io/trail_args.h"
#include "io/trail_line.h"
#include "io/trail_seen_priv.h"
#include "io/when.h"

#define CHUNK_LEN   (256u << 10)
#define ID_LEN	    48u
#define OPEN_MAX    (1u << 18)
#define TARGETS_MAX 100000u

/* --- memory --- */

void *mw_seen_take(struct mw_seen *s, size_t n)
{
	struct mw_seen_chunk *c = s->chunk;
	const size_t want = (n + 7) & ~(size_t)7;
	size_t len;

	if (!c || c->len - c->used < want) {
		len = want > CHUNK_LEN / 4 ? want : CHUNK_LEN;
		c = mw_alloc_zero(&s->budget.alloc, sizeof(*c) + len);
		if (!c)
			return NULL;
		c->len = len;
		if (s->chunk && len == want) { /* one of its own: the open one stays in front */
			c->next = s->chunk->next;
			s->chunk->next = c;
		} else {
			c->next = s->chunk;
			s->chunk = c;
		}
	}
	c->used += want;
	return c->p + c->used - want;
}

/* With a NUL behind it. 0, -E2BIG, -ENOMEM. */
static int copy_of(struct mw_seen *s, struct mw_slice text, struct mw_slice *ret)
{
	uint8_t *p = mw_seen_take(s, text.n + 1);

	if (!p)
		return mw_seen_no_memory(s);
	if (text.n)
		memcpy(p, text.p, text.n);
	p[text.n] = '\0';
	*ret = mw_slice(p, text.n);
	return 0;
}

int mw_seen_no_memory(const struct mw_seen *s)
{
	return s->budget.n_refused ? -E2BIG : -ENOMEM;
}

int mw_seen_grow(struct mw_seen *s, void *array, size_t size, size_t n, size_t *cap)
{
	void **p = array, *now;
	const size_t more = *cap ? 2 * *cap : 64;

	if (n < *cap)
		return 0;
	now = s->budget.alloc.resize(s->budget.alloc.ctx, *p, *cap * size, more * size);
	if (!now)
		return mw_seen_no_memory(s);
	*p = now;
	*cap = more;
	return 0;
}

/* --- records --- */

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static bool is(const cJSON *json, const char *name, const char *want)
{
	const char *v = mw_rec_str(json, name);

	return v && strcmp(v, want) == 0;
}

static bool wanted(const struct mw_seen *s, const cJSON *json)
{
	static const char *const names[] = { "name", "configured_name", "key", "id" };

	for (size_t i = 0; i < s->n_servers; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			const char *v = mw_rec_str2(json, "server", names[k]);

			if (v && fnmatch(s->servers[i], v, 0) == 0)
				return true;
		}
	return s->n_servers == 0;
}

static int64_t time_of(const cJSON *json, const char *name, int64_t otherwise)
{
	const char *v = mw_rec_str(json, name);
	int64_t ns;

	return v && mw_when_rfc3339(v, strlen(v), &ns) == 0 ? ns : otherwise;
}

static int learn_server(struct mw_seen *s, const cJSON *json)
{
	const char *key = mw_rec_str2(json, "server", "key"), *name = mw_rec_server(json);
	struct mw_slice copy;
	uint64_t h;
	int r;

	h = mw_hash64(mw_slice_str(key ? key : name ? name : ""), s->seed);
	for (size_t i = 0; i < s->n_different && i < MW_SEEN_SERVERS; i++)
		if (s->different[i] == h)
			return 0;
	if (s->n_different < MW_SEEN_SERVERS) {
		r = copy_of(s, mw_slice_str(name ? name : "(no name)"), &copy);
		if (r < 0)
			return r;
		s->different[s->n_different] = h;
		s->names[s->n_different] = (const char *)copy.p;
	}
	s->n_different++;
	return 0;
}

static int add_call(struct mw_seen *s, const char *id, struct mw_seen_call **ret)
{
	struct mw_slice copy = { NULL, 0 };
	size_t n = s->n_calls;
	int r;

	r = mw_seen_grow(s, &s->calls, sizeof(*s->calls), n, &s->cap_calls);
	if (r == 0)
		r = copy_of(s, mw_slice_str(id), &copy);
	if (r < 0)
		return r;
	s->calls[n] = (struct mw_seen_call){ .call = (const char *)copy.p };
	s->n_calls = n + 1;
	*ret = &s->calls[n];
	return 0;
}

/* Calls whose records are not all there yet, by id: number in `calls` and one more. */
static bool open_key(const char *id, char ret[ID_LEN])
{
	const size_t n = strnlen(id, ID_LEN);

	if (n == 0 || n >= ID_LEN)
		return false;
	memset(ret, 0, ID_LEN);
	memcpy(ret, id, n);
	return true;
}

static struct mw_seen_call *find_open(struct mw_seen *s, const char *id)
{
	char key[ID_LEN];
	uintptr_t n = 0;

	if (open_key(id, key))
		n = (uintptr_t)mw_table_get(s->open, key);
	return n ? &s->calls[n - 1] : NULL;
}

/* A call that more records will name. */
static int keep_open(struct mw_seen *s, const char *id, size_t n)
{
	char key[ID_LEN];
	int r;

	if (!open_key(id, key))
		return 0;
	r = mw_table_put(s->open, key, (void *)(uintptr_t)(n + 1));
	return r == -EEXIST ? 0 : r == -ENOSPC ? -E2BIG : r;
}

static void close_open(struct mw_seen *s, const char *id)
{
	char key[ID_LEN];

	if (open_key(id, key))
		(void)mw_table_remove(s->open, key);
}

static int set_args(struct mw_seen *s, const struct mw_logrec *rec, struct mw_seen_call *c)
{
	struct mw_slice raw;
	unsigned int same;
	int r;

	if (mw_json_member(mw_slice(rec->line, rec->len), "lossy", &raw, &same) == 0)
		return 0; /* bytes were replaced, and it is not known where */
	if (mw_json_member(mw_slice(rec->line, rec->len), "args", &raw, &same) < 0)
		raw = MW_SLICE_LIT("{}");
	if (raw.p[0] != '{')
		return 0;
	s->scratch.len = 0;
	r = mw_json_canonical(raw, &s->scratch);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return copy_of(s, mw_buf_slice(&s->scratch), &c->args);
}

/* What a request record and a call record both say. */
static int describe(struct mw_seen *s, const struct mw_logrec *rec, const cJSON *json,
		    struct mw_seen_call *c)
{
	const char *tool = mw_rec_str(json, "tool"), *id = mw_rec_str(json, "rpc_id");
	int r;

	s->scratch.len = 0;
	r = copy_of(s, mw_slice_str(tool ? tool : ""), &c->tool);
	if (r == 0)
		r = copy_of(s, mw_trail_id(mw_slice_str(id ? id : ""), &s->scratch), &c->id);
	c->begin_ns = time_of(json, "begin", rec->time_ns);
	c->end_ns = rec->time_ns;
	c->state = MW_SEEN_NO_END;
	c->incomplete = true;
	c->status = MW_SLICE_LIT("without an end in the log");
	return r;
}

static uint8_t effect_what(const char *kind)
{
	if (strncmp(kind, "file.", 5) == 0 || strcmp(kind, "proc.exec") == 0)
		return MW_SEEN_FILE;
	if (strncmp(kind, "net.", 4) == 0 || strncmp(kind, "db.", 3) == 0)
		return MW_SEEN_NET;
	return MW_SEEN_OTHER;
}

static int add_targets(struct mw_seen *s, const cJSON *json, struct mw_seen_call *c)
{
	static const char *const members[] = { "target", "target2" };
	const cJSON *list = get(json, "effects"), *e;
	struct mw_seen_target *now;
	size_t n = (size_t)cJSON_GetArraySize(list), k = c->n_targets;
	int r;

	if (n == 0 || c->n_targets > TARGETS_MAX)
		return 0;
	now = mw_seen_take(s, (k + 2 * n) * sizeof(*now));
	if (!now)
		return mw_seen_no_memory(s);
	if (k)
		memcpy(now, c->target, k * sizeof(*now));
	cJSON_ArrayForEach(e, list)
	{
		const char *kind = mw_rec_str(e, "kind");
		const cJSON *times = get(e, "n");
		const uint64_t had = cJSON_IsNumber(times) ? (uint64_t)times->valuedouble : 1;

		c->effects_left -= had < c->effects_left ? had : c->effects_left;
		for (size_t i = 0; kind && i < 2; i++) {
			const char *t = mw_rec_str(e, members[i]);

			if (!t)
				continue;
			now[k].what = effect_what(kind);
			r = copy_of(s, mw_slice_str(t), &now[k++].text);
			if (r < 0)
				return r;
		}
	}
	c->target = now;
	c->n_targets = (uint32_t)k;
	return 0;
}

static bool is_tool_call(const cJSON *json)
{
	return is(json, "method", "tools/call") && !is(json, "dir", "s2c");
}

static int on_request(struct mw_seen *s, const struct mw_logrec *rec, const cJSON *json)
{
	const char *id = mw_rec_call(json);
	struct mw_seen_call *c;
	int r;

	if (!id || !is_tool_call(json) || !wanted(s, json) || find_open(s, id))
		return 0;
	r = add_call(s, id, &c);
	if (r == 0)
		r = describe(s, rec, json, c);
	if (r == 0)
		r = set_args(s, rec, c);
	return r < 0 ? r : keep_open(s, id, s->n_calls - 1);
}

static int on_call(struct mw_seen *s, const struct mw_logrec *rec, const cJSON *json)
{
	const char *id = mw_rec_call(json), *status = mw_rec_str(json, "status");
	const cJSON *n = get(json, "effects_n");
	struct mw_seen_call *c;
	int r = 0;

	if (!id || !status || !is_tool_call(json) || !wanted(s, json))
		return 0;
	c = find_open(s, id);
	if (!c) {
		r = add_call(s, id, &c);
		if (r == 0)
			r = describe(s, rec, json, c);
		/* where they are too long for the record, they are none of it */
		if (r == 0 && (get(json, "args") || !get(json, "args_bytes")))
			r = set_args(s, rec, c);
	}
	if (r == 0)
		r = copy_of(s, mw_slice_str(status), &c->status);
	c->effects_left = cJSON_IsNumber(n) ? (uint64_t)n->valuedouble : 0;
	if (r == 0)
		r = add_targets(s, json, c);
	if (r < 0)
		return r;
	c->begin_ns = time_of(json, "begin", c->begin_ns);
	c->end_ns = time_of(json, "end", rec->time_ns);
	c->state = strcmp(status, "ok") == 0 ? MW_SEEN_OK
		   : strcmp(status, "tool_error") == 0 || strcmp(status, "rpc_error") == 0
		       ? MW_SEEN_ERROR
		       : MW_SEEN_NO_END;
	c->incomplete = !is(json, "evidence", "complete");
	if (c->effects_left == 0)
		close_open(s, id);
	else /* ties records follow */
		r = keep_open(s, id, (size_t)(c - s->calls));
	return r < 0 ? r : learn_server(s, json);
}

static int on_ties(struct mw_seen *s, const cJSON *json)
{
	const cJSON *part = get(json, "part"), *of = get(json, "of");
	const char *id = mw_rec_call(json);
	struct mw_seen_call *c = id ? find_open(s, id) : NULL;

	if (!c)
		return 0;
	if (part && of && part->valuedouble == of->valuedouble)
		close_open(s, id);
	return add_targets(s, json, c);
}

static int on_effect(struct mw_seen *s, const struct mw_logrec *rec, const cJSON *json)
{
	static const char *const always[] = { "asked", "host_target", "name", "object" };
	static const char *const unsure[] = { "target", "target2" };
	const char *id = mw_rec_call(json), *kind = mw_rec_str(json, "kind"), *t;
	const bool sure = is(json, "confidence", "certain");
	const uint64_t call = id ? mw_hash64(mw_slice_str(id), s->seed) : 0;
	int r = 0;

	if (!kind || (get(json, "server") && !wanted(s, json)))
		return 0;
	for (size_t i = 0; i < 4 && r == 0; i++)
		if ((t = mw_rec_str(json, always[i])))
			r = mw_seen_put_around(s, mw_slice_str(t), rec->time_ns, call);
	for (size_t i = 0; i < 2 && r == 0 && (!sure || effect_what(kind) == MW_SEEN_NET); i++)
		if ((t = mw_rec_str(json, unsure[i])))
			r = mw_seen_put_around(s, mw_slice_str(t), rec->time_ns, call);
	return r;
}

static int on_gap(struct mw_seen *s, const struct mw_logrec *rec, const cJSON *json)
{
	int64_t to = time_of(json, "to", rec->time_ns);
	/* of one that does not say when it began nothing before it is sure */
	int64_t from = time_of(json, "from", INT64_MIN);

	if (get(json, "server") && !wanted(s, json))
		return 0;
	return mw_seen_put_span(s, &s->gaps, from, to > rec->time_ns ? to : rec->time_ns);
}

static int on_server(struct mw_seen *s, const cJSON *json)
{
	const char *io = mw_rec_str2(json, "tier", "io");

	if (!wanted(s, json))
		return 0;
	s->known = true;
	s->unread |= io && strcmp(io, "clear") != 0;
	return 0;
}

int mw_seen_add(struct mw_seen *s, const struct mw_logrec *rec)
{
	_cleanup_(mw_seen_json_freep) cJSON *json = NULL;
	int r;

	r = mw_seen_watch(s, rec->input, rec->time_ns);
	if (r < 0)
		return r;
	if (strcmp(rec->type, "call") != 0 && strcmp(rec->type, "request") != 0 &&
	    strcmp(rec->type, "effect") != 0 && strcmp(rec->type, "ties") != 0 &&
	    strcmp(rec->type, "gap") != 0 && strcmp(rec->type, "server") != 0 &&
	    strcmp(rec->type, "daemon") != 0)
		return 0;
	json = mw_logread_json(rec);
	if (!json) /* nested beyond sense, or no memory: what it says is missing */
		return mw_seen_put_span(s, &s->gaps, rec->time_ns, rec->time_ns);
	switch (rec->type[0]) {
	case 'c':
		s->known = s->known || wanted(s, json);
		return on_call(s, rec, json);
	case 'r':
		return on_request(s, rec, json);
	case 'e':
		return on_effect(s, rec, json);
	case 't':
		return on_ties(s, json);
	case 'g':
		return on_gap(s, rec, json);
	case 's':
		return on_server(s, json);
	default:
		return mw_seen_daemon(s, rec->input, rec->time_ns, mw_rec_str(json, "event"));
	}
}

int mw_seen_new(const struct mw_seen_options *o, struct mw_seen **ret)
{
	_cleanup_(mw_seen_freep) struct mw_seen *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	mw_budget_init(&s->budget, &mw_heap, MW_SEEN_BYTES);
	mw_buf_init(&s->scratch, &mw_heap, 1u << 20);
	s->servers = o->servers;
	s->n_servers = o->n_servers;
	s->seed = (uint64_t)(uintptr_t)s * 0x9e3779b97f4a7c15u;
	if (mw_table_new(&s->budget.alloc, ID_LEN, OPEN_MAX, &s->open) < 0)
		return -ENOMEM;
	*ret = MW_TAKE(s);
	return 0;
}
