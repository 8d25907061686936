/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_line.c
 *
 * One pass over the members of the line; each key is held only against the paths that begin with
 * its first byte. What is decoded goes into one buffer that never moves, so that slices of it stay
 * good.
 */
#include "io/trail_line.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "io/heap.h"

#define SCRATCH_MAX   (4u << 20)
#define LOGFMT_MAX    (8u << 20)
#define GLOB_TEXT_MAX 4096u
/* Of one name of a path; a longer one is in no line. */
#define NAME_MAX_LEN 256u

/* A path of a field, or of a condition (field MW_TRAIL_N_FIELDS, index that of the condition). */
struct want {
	const char *path;
	size_t len;
	unsigned int field, index;
	int next; /* with the same first byte; -1: none */
};

struct mw_trail_parser {
	const struct mw_trail_map *map;
	struct want *want;
	size_t n_want;
	int first[256];
	struct mw_buf scratch, json;
	/* of the line being read */
	uint32_t seen[MW_TRAIL_N_FIELDS + 1]; /* a bit a path whose head stood in it */
	uint32_t holds;			      /* a bit a condition */
	unsigned int rank[MW_TRAIL_N_FIELDS];
	struct mw_slice value[MW_TRAIL_N_FIELDS]; /* raw */
	struct mw_slice inner_raw, inner;	  /* the string decoded last to look into */
	struct mw_trail_entry *e;
	const char *why;
};

static int bad(struct mw_trail_parser *p, const char *why)
{
	p->why = why;
	return -EBADMSG;
}

/* --- values --- */

static bool is_text(struct mw_slice raw)
{
	return raw.n >= 2 && raw.p[0] == '"';
}

/* The bytes of a raw string; of anything else the raw text. The buffer never moves. */
static int decode(struct mw_slice raw, struct mw_buf *out, struct mw_slice *ret)
{
	const size_t at = out->len;
	int r;

	if (!is_text(raw)) {
		*ret = raw;
		return 0;
	}
	if (!memchr(raw.p, '\\', raw.n)) {
		*ret = mw_slice_inside(raw);
		return 0;
	}
	r = mw_json_str_decode(raw, out);
	if (r < 0)
		return r;
	*ret = mw_slice(out->p + at, out->len - at);
	return 0;
}

struct mw_slice mw_trail_id(struct mw_slice raw, struct mw_buf *out)
{
	struct mw_slice s;

	return decode(raw, out, &s) < 0 ? raw : s;
}

static bool is_null(struct mw_slice raw)
{
	return mw_slice_eq_str(raw, "null") || mw_slice_eq_str(raw, "\"\"");
}

/* --- paths --- */

/* The object that a text is, decoded. */
static int look_into(struct mw_trail_parser *p, struct mw_slice *v)
{
	struct mw_slice s;
	int r;

	if (!is_text(*v))
		return 0;
	if (p->inner_raw.p != v->p) {
		r = decode(*v, &p->scratch, &s);
		if (r < 0)
			return r;
		p->inner_raw = *v;
		/* what is no JSON object is a text and nothing more */
		p->inner = mw_slice(NULL, 0);
		if (s.n && s.p[0] == '{' && mw_json_check(s, MW_TRAIL_DEPTH, NULL, NULL) == 0)
			p->inner = s;
	}
	*v = p->inner;
	return 0;
}

static int found(struct mw_trail_parser *p, const struct want *w, struct mw_slice raw);

/* Follows the rest of a path: "", ".name...", "[]...". */
static int follow(struct mw_trail_parser *p, const struct want *w, const char *rest,
		  struct mw_slice v)
{
	char name[NAME_MAX_LEN];
	struct mw_json_item it;
	struct mw_json j;
	unsigned int same;
	size_t n;
	int r;

	if (*rest == '\0')
		return found(p, w, v);
	if (rest[0] == '[') {
		if (v.n == 0 || v.p[0] != '[')
			return 0;
		mw_json_init(&j, v, MW_TRAIL_DEPTH);
		r = mw_json_next(&j, &it);
		while (r == 1 && (r = mw_json_next(&j, &it)) == 1 && it.tok != MW_JSON_ARRAY_END) {
			r = mw_json_skip(&j, &it, &v);
			if (r == 0)
				r = follow(p, w, rest + 2, v);
			r = r < 0 ? r : 1;
		}
		return r < 0 ? r : 0;
	}
	r = look_into(p, &v);
	if (r < 0)
		return r;
	if (v.n == 0 || v.p[0] != '{')
		return 0;
	rest++;
	n = strcspn(rest, ".[");
	snprintf(name, sizeof(name), "%.*s", (int)n, rest);
	if (mw_json_member(v, name, &v, &same) < 0)
		return 0;
	if (same > 1)
		return bad(p, "a member that counts stands in it twice");
	return follow(p, w, rest + n, v);
}

static int add_target(struct mw_trail_parser *p, struct mw_slice raw)
{
	struct mw_trail_entry *e = p->e;
	struct mw_slice s;
	int r;

	if (!is_text(raw) || is_null(raw))
		return 0;
	if (e->n_targets == MW_TRAIL_TARGETS) {
		e->more_targets = true;
		return 0;
	}
	r = decode(raw, &p->scratch, &s);
	if (r == 0)
		e->target[e->n_targets++] = s;
	return r;
}

static int check_only(struct mw_trail_parser *p, const struct want *w, struct mw_slice raw)
{
	char text[GLOB_TEXT_MAX];
	struct mw_slice s;
	int r = decode(raw, &p->scratch, &s);

	if (r < 0)
		return r;
	if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (fnmatch(p->map->only[w->index].glob, text, 0) == 0)
		p->holds |= 1u << w->index;
	return 0;
}

/* A path led to a value. */
static int found(struct mw_trail_parser *p, const struct want *w, struct mw_slice raw)
{
	struct mw_json_item it;
	struct mw_slice v;
	struct mw_json j;
	int r;

	if (w->field == MW_TRAIL_N_FIELDS)
		return check_only(p, w, raw);
	if (is_null(raw))
		return 0;
	if (w->field != MW_TRAIL_TARGET) {
		if (w->index >= p->rank[w->field])
			return 0;
		p->rank[w->field] = w->index;
		p->value[w->field] = raw;
		return 0;
	}
	if (raw.p[0] != '[')
		return add_target(p, raw);
	mw_json_init(&j, raw, MW_TRAIL_DEPTH);
	r = mw_json_next(&j, &it);
	while (r == 1 && (r = mw_json_next(&j, &it)) == 1 && it.tok != MW_JSON_ARRAY_END) {
		r = mw_json_skip(&j, &it, &v);
		if (r == 0)
			r = add_target(p, v);
		r = r < 0 ? r : 1;
	}
	return r < 0 ? r : 0;
}

static int on_member(struct mw_trail_parser *p, struct mw_slice key_raw, struct mw_slice v)
{
	struct mw_slice key;
	int i, r;

	r = decode(key_raw, &p->scratch, &key);
	if (r < 0 || key.n == 0)
		return r;
	for (i = p->first[key.p[0]]; i >= 0; i = p->want[i].next) {
		const struct want *w = &p->want[i];
		const char *rest;

		/* the whole path, or its first names */
		if (key.n > w->len || memcmp(w->path, key.p, key.n) != 0)
			continue;
		rest = w->path + key.n;
		if (*rest != '\0' && *rest != '.' && *rest != '[')
			continue;
		if (p->seen[w->field] & 1u << w->index)
			return bad(p, "a member that counts stands in it twice");
		p->seen[w->field] |= 1u << w->index;
		r = follow(p, w, rest, v);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- what the values mean --- */

static bool is_word(struct mw_slice s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == s.n && strncasecmp((const char *)s.p, words[i], s.n) == 0)
			return true;
	return false;
}

static enum mw_trail_outcome outcome_of(const struct mw_trail_map *map, struct mw_slice s)
{
	static const char *const ok[] = { "ok",		"success", "succeeded",
					  "successful", "true",	   "completed",
					  "complete",	"done",	   "passed" };
	static const char *const error[] = { "error",	"err",	    "failed",	  "failure",
					     "fail",	"false",    "exception",  "denied",
					     "refused", "rejected", "tool_error", "rpc_error" };

	if (is_word(s, map->ok.p, map->ok.n))
		return MW_TRAIL_OK;
	if (is_word(s, map->error.p, map->error.n))
		return MW_TRAIL_ERROR;
	if (is_word(s, ok, sizeof(ok) / sizeof(ok[0])))
		return MW_TRAIL_OK;
	if (is_word(s, error, sizeof(error) / sizeof(error[0])))
		return MW_TRAIL_ERROR;
	if (s.n == 3 && s.p[0] >= '2' && s.p[0] <= '5' && isdigit(s.p[1]) && isdigit(s.p[2]))
		return s.p[0] == '2'   ? MW_TRAIL_OK
		       : s.p[0] >= '4' ? MW_TRAIL_ERROR
				       : MW_TRAIL_UNSAID;
	return MW_TRAIL_UNSAID;
}

/* Whether it failed, by a member that is there to say so. */
static enum mw_trail_outcome failed_of(struct mw_slice raw)
{
	if (mw_slice_eq_str(raw, "false") || mw_slice_eq_str(raw, "\"false\""))
		return MW_TRAIL_OK;
	if (mw_slice_eq_str(raw, "0") || mw_slice_eq_str(raw, "{}") || mw_slice_eq_str(raw, "[]"))
		return MW_TRAIL_UNSAID;
	return MW_TRAIL_ERROR;
}

static int set_args(struct mw_trail_parser *p, struct mw_slice raw)
{
	struct mw_slice s = raw;
	size_t at;
	int r;

	r = decode(raw, &p->scratch, &s);
	if (r < 0 || s.n == 0 || s.p[0] != '{')
		return r;
	if (is_text(raw) && mw_json_check(s, MW_TRAIL_DEPTH, NULL, NULL) < 0)
		return 0;
	at = p->scratch.len;
	r = mw_json_canonical(s, &p->scratch);
	if (r == -EINVAL) /* equal keys and the like: nobody knows what such arguments say */
		return 0;
	if (r == 0)
		p->e->args = mw_slice(p->scratch.p + at, p->scratch.len - at);
	return r;
}

static int text_of(struct mw_trail_parser *p, enum mw_trail_field f, struct mw_slice *ret)
{
	struct mw_slice raw = p->value[f];

	/* an object or array names nothing */
	if (raw.n == 0 || raw.p[0] == '{' || raw.p[0] == '[')
		return 0;
	return decode(raw, &p->scratch, ret);
}

static int fill(struct mw_trail_parser *p)
{
	struct mw_trail_entry *e = p->e;
	struct mw_slice s = { NULL, 0 };
	int r;

	if (p->holds != (1u << p->map->n_only) - 1)
		return 0;
	r = text_of(p, MW_TRAIL_TOOL, &e->tool);
	if (r < 0 || e->tool.n == 0)
		return r;
	e->is_call = true;
	r = text_of(p, MW_TRAIL_ID, &e->id);
	if (r == 0 && p->map->records)
		e->id = mw_trail_id(e->id, &p->scratch);
	if (r == 0)
		r = text_of(p, MW_TRAIL_USER, &e->user);
	if (r == 0)
		r = text_of(p, MW_TRAIL_OUTCOME, &s);
	if (r == 0 && s.n)
		e->outcome = outcome_of(p->map, s);
	if (e->outcome == MW_TRAIL_UNSAID && p->value[MW_TRAIL_FAILED].n)
		e->outcome = failed_of(p->value[MW_TRAIL_FAILED]);
	s = mw_slice(NULL, 0);
	if (r == 0)
		r = text_of(p, MW_TRAIL_TIME, &s);
	if (r == 0 && s.n) {
		if (mw_trail_time(p->map, s, &e->time_ns) < 0)
			return bad(p, "its time is none that is known (see `unit` and `zone`)");
		e->has_time = true;
	}
	if (r == 0 && p->value[MW_TRAIL_ARGS].n)
		r = set_args(p, p->value[MW_TRAIL_ARGS]);
	return r;
}

/* Records of a newer program may mean something else. */
static int check_version(struct mw_trail_parser *p, struct mw_slice line)
{
	struct mw_slice v;
	unsigned int same;
	unsigned long n;
	char *end;

	if (mw_json_member(line, "v", &v, &same) < 0 || same != 1 || v.n > 9 || !isdigit(v.p[0]))
		return bad(p, "not a record of mcpwatch");
	n = strtoul((const char *)v.p, &end, 10); /* a digit stands there, and a , or } behind */
	if ((const uint8_t *)end != v.p + v.n || n == 0)
		return bad(p, "not a record of mcpwatch");
	if (n > MW_RECORD_VERSION) {
		p->why = "written by a newer mcpwatch; compare it with that one";
		return -EPROTONOSUPPORT;
	}
	return 0;
}

static int scan(struct mw_trail_parser *p, struct mw_slice line, size_t *at)
{
	struct mw_json_item it;
	struct mw_slice v;
	struct mw_json j;
	int r;

	mw_json_init(&j, line, MW_TRAIL_DEPTH);
	r = mw_json_next(&j, &it);
	if (r == 1 && it.tok != MW_JSON_OBJECT)
		return bad(p, "not a JSON object");
	while (r == 1) {
		r = mw_json_next(&j, &it);
		if (r != 1 || it.tok != MW_JSON_KEY)
			continue;
		r = mw_json_skip(&j, &it, &v);
		if (r < 0)
			break;
		*at = (size_t)(it.raw.p - line.p);
		r = on_member(p, it.raw, v);
		if (r < 0)
			return r;
		r = 1;
	}
	if (r < 0)
		*at = (size_t)(j.p - line.p);
	if (r == -EBADMSG)
		return bad(p, line.n ? "not valid JSON" : "empty");
	return r;
}

int mw_trail_parse(struct mw_trail_parser *p, struct mw_slice line, const char **ret_why,
		   size_t *ret_at, struct mw_trail_entry *ret)
{
	struct mw_trail_entry e = { 0 };
	size_t at = 0;
	int r = 0;

	p->e = &e;
	p->why = NULL;
	p->holds = 0;
	p->inner_raw = mw_slice(NULL, 0);
	memset(p->seen, 0, sizeof(p->seen));
	memset(p->value, 0, sizeof(p->value));
	for (unsigned int f = 0; f < MW_TRAIL_N_FIELDS; f++)
		p->rank[f] = MW_TRAIL_PATHS_MAX;
	p->scratch.len = 0;
	if (p->map->logfmt) {
		p->json.len = 0;
		r = mw_trail_logfmt(line, &p->json, &at);
		if (r == -EBADMSG)
			p->why = "not logfmt (key=value)";
		line = mw_buf_slice(&p->json);
	}
	if (r == 0)
		r = scan(p, line, &at);
	if (r == 0)
		at = 0;
	if (r == 0 && p->map->records)
		r = check_version(p, line);
	if (r == 0)
		r = fill(p);
	p->e = NULL;
	if (r < 0) {
		*ret_why = r == -E2BIG	  ? "nested too deeply, or too long"
			   : r == -ENOMEM ? "not enough memory"
			   : p->why	  ? p->why
					  : "not what the format says";
		*ret_at = at;
		return r;
	}
	if (!e.is_call)
		e = (struct mw_trail_entry){ 0 };
	*ret = e;
	return 0;
}

/* --- the parser --- */

static void add_want(struct mw_trail_parser *p, const char *path, unsigned int field,
		     unsigned int index)
{
	struct want *w = &p->want[p->n_want];
	const uint8_t c = (uint8_t)path[0];

	*w = (struct want){ path, strlen(path), field, index, p->first[c] };
	p->first[c] = (int)p->n_want++;
}

int mw_trail_parser_new(const struct mw_trail_map *map, struct mw_trail_parser **ret)
{
	_cleanup_(mw_trail_parser_freep) struct mw_trail_parser *p = calloc(1, sizeof(*p));
	size_t n = map->n_only, i;
	unsigned int f;

	if (!p)
		return -ENOMEM;
	p->map = map;
	mw_buf_init(&p->scratch, &mw_heap, SCRATCH_MAX);
	mw_buf_init(&p->json, &mw_heap, LOGFMT_MAX);
	for (f = 0; f < MW_TRAIL_N_FIELDS; f++)
		n += map->field[f].n;
	p->want = calloc(n + 1, sizeof(*p->want));
	if (!p->want || mw_buf_reserve(&p->scratch, SCRATCH_MAX) < 0)
		return -ENOMEM;
	memset(p->first, 0xff, sizeof(p->first));
	for (f = 0; f < MW_TRAIL_N_FIELDS; f++)
		for (i = 0; i < map->field[f].n; i++)
			add_want(p, map->field[f].p[i], f, (unsigned int)i);
	for (i = 0; i < map->n_only; i++)
		add_want(p, map->only[i].path, MW_TRAIL_N_FIELDS, (unsigned int)i);
	*ret = MW_TAKE(p);
	return 0;
}

void mw_trail_parser_free(struct mw_trail_parser *p)
{
	if (!p)
		return;
	mw_buf_done(&p->scratch);
	mw_buf_done(&p->json);
	free(p->want);
	free(p);
}
