/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc.h"

#include <errno.h>

/*
 * A message is read twice: mw_json_check proves that it is JSON and notices what hides in it, then
 * the walk below finds the members, passing over each byte once. The walk relies on the proof for
 * what it takes a byte to mean, never for where the text ends.
 */
struct walk {
	const uint8_t *p, *end;
};

static void space_skip(struct walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
		w->p++;
}

/* From the opening quote to behind the closing one. */
static int string_skip(struct walk *w)
{
	const uint8_t *p = w->p + 1;

	for (;;) {
		const uint8_t *quote, *q;

		quote = p < w->end ? memchr(p, '"', (size_t)(w->end - p)) : NULL;
		if (!quote)
			return -EBADMSG;
		for (q = quote; q > p && q[-1] == '\\'; q--)
			;
		/* an odd number of backslashes escapes it; they all lie behind the last quote */
		p = quote + 1;
		if ((quote - q) % 2 == 0)
			break;
	}
	w->p = p;
	return 0;
}

/* What may end a value or begin one inside it. */
static const bool ends_run[256] = {
	['"'] = true, ['{'] = true, ['['] = true,  ['}'] = true,  [']'] = true,
	[','] = true, [' '] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true,
};

static int value_skip(struct walk *w)
{
	const uint8_t *start = w->p, *p = start, *end = w->end;
	size_t depth = 0;
	int r;

	for (;;) {
		while (p < end && !ends_run[*p])
			p++;
		if (p == end)
			break;
		switch (*p) {
		case '"':
			w->p = p;
			r = string_skip(w);
			if (r < 0)
				return r;
			if (depth == 0)
				return 0;
			p = w->p;
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				goto out;
			if (--depth == 0) {
				p++;
				goto out;
			}
			break;
		default:
			if (depth == 0)
				goto out;
			break;
		}
		p++;
	}
out:
	if (depth || p == start)
		return -EBADMSG;
	w->p = p;
	return 0;
}

/* Begins an object: false if the value is none, and nothing moved. */
static bool object_enter(struct walk *w)
{
	if (w->p == w->end || *w->p != '{')
		return false;
	w->p++;
	return true;
}

/* 1 and the next key, at its value; 0 behind the object. */
static int key_next(struct walk *w, struct mw_slice *ret)
{
	const uint8_t *start;
	int r;

	space_skip(w);
	if (w->p < w->end && *w->p == ',') {
		w->p++;
		space_skip(w);
	}
	if (w->p == w->end)
		return -EBADMSG;
	if (*w->p == '}') {
		w->p++;
		return 0;
	}
	if (*w->p != '"')
		return -EBADMSG;
	start = w->p;
	r = string_skip(w);
	if (r < 0)
		return r;
	*ret = mw_slice(start, (size_t)(w->p - start));
	space_skip(w);
	if (w->p == w->end || *w->p != ':')
		return -EBADMSG;
	w->p++;
	space_skip(w);
	return 1;
}

static int value_take(struct walk *w, struct mw_slice *ret)
{
	const uint8_t *start = w->p;
	int r = value_skip(w);

	if (r < 0)
		return r;
	*ret = mw_slice(start, (size_t)(w->p - start));
	return 0;
}

/* Whether a raw string is this text, n bytes; nearly all are written without escapes. */
static bool str_is(struct mw_slice raw, const char *want, size_t n)
{
	/* an escape is at most six bytes for one */
	if (raw.n < n + 2 || raw.n > 6 * n + 2)
		return false;
	if (raw.n == n + 2)
		return memcmp(raw.p + 1, want, n) == 0;
	return memchr(raw.p, '\\', raw.n) && mw_json_str_eq(raw, want);
}
#define STR_IS(raw, lit) str_is(raw, lit, sizeof(lit) - 1)

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether a raw string, decoded, begins with this ASCII text. */
static bool str_begins(struct mw_slice raw, const char *want)
{
	const uint8_t *p = raw.p + 1, *end = raw.p + raw.n - 1;

	for (; *want; want++) {
		int c;

		if (p >= end)
			return false;
		c = *p++;
		if (c == '\\' && p < end) {
			c = *p++;
			if (c == 'u') {
				c = 0;
				for (int i = 0; i < 4; i++) {
					int h = p < end ? hex(*p++) : -1;

					if (h < 0)
						return false;
					c = c << 4 | h;
				}
			} else if (c != '/') {
				return false; /* the others stand for nothing a name of ours has */
			}
		}
		if (c != *want)
			return false;
	}
	return true;
}

/* What the walk has found so far. */
struct found {
	struct mw_rpc m;
	struct mw_slice version;
	struct mw_slice result_meta; /* m.meta is that of params until the kind is known */
	bool result_mcp_meta;
};

static int meta_take(struct walk *w, struct mw_slice *ret, bool *ret_mcp)
{
	const uint8_t *start = w->p;
	struct mw_slice key, value;
	int r;

	*ret_mcp = false;
	if (!object_enter(w))
		return value_take(w, ret);
	while ((r = key_next(w, &key)) > 0) {
		*ret_mcp |= str_begins(key, "io.modelcontextprotocol/");
		r = value_take(w, &value);
		if (r < 0)
			break;
	}
	*ret = mw_slice(start, (size_t)(w->p - start));
	return r;
}

static int params_take(struct walk *w, struct mw_rpc *m)
{
	const uint8_t *start = w->p;
	struct mw_slice none = { 0 }, key;
	int r;

	/* of equal keys the last one counts, with all that is in it */
	m->name = m->uri = m->arguments = m->meta = m->request_id = none;
	m->mcp_meta = false;
	if (!object_enter(w))
		return value_take(w, &m->params);
	while ((r = key_next(w, &key)) > 0) {
		struct mw_slice other, *slot = &other;

		if (STR_IS(key, "_meta")) {
			r = meta_take(w, &m->meta, &m->mcp_meta);
			if (r < 0)
				break;
			continue;
		}
		if (STR_IS(key, "name"))
			slot = &m->name;
		else if (STR_IS(key, "uri"))
			slot = &m->uri;
		else if (STR_IS(key, "arguments"))
			slot = &m->arguments;
		else if (STR_IS(key, "requestId"))
			slot = &m->request_id;
		r = value_take(w, slot);
		if (r < 0)
			break;
	}
	m->params = mw_slice(start, (size_t)(w->p - start));
	return r;
}

static int result_take(struct walk *w, struct found *f)
{
	const uint8_t *start = w->p;
	struct mw_slice none = { 0 }, key;
	int r;

	f->result_meta = none;
	f->result_mcp_meta = f->m.is_error = false;
	if (!object_enter(w))
		return value_take(w, &f->m.result);
	while ((r = key_next(w, &key)) > 0) {
		struct mw_slice value;

		if (STR_IS(key, "_meta")) {
			r = meta_take(w, &f->result_meta, &f->result_mcp_meta);
		} else {
			r = value_take(w, &value);
			if (r == 0 && STR_IS(key, "isError"))
				f->m.is_error = *value.p == 't';
		}
		if (r < 0)
			break;
	}
	f->m.result = mw_slice(start, (size_t)(w->p - start));
	return r;
}

static int members_take(struct walk *w, struct found *f)
{
	struct mw_slice key, other;
	struct mw_rpc *m = &f->m;
	int r;

	while ((r = key_next(w, &key)) > 0) {
		if (STR_IS(key, "params"))
			r = params_take(w, m);
		else if (STR_IS(key, "result"))
			r = result_take(w, f);
		else if (STR_IS(key, "id"))
			r = value_take(w, &m->id);
		else if (STR_IS(key, "method"))
			r = value_take(w, &m->method);
		else if (STR_IS(key, "error"))
			r = value_take(w, &m->error);
		else if (STR_IS(key, "jsonrpc"))
			r = value_take(w, &f->version);
		else
			r = value_take(w, &other);
		if (r < 0)
			return r;
	}
	return r;
}

static bool id_sound(struct mw_slice id)
{
	return *id.p == '"' || *id.p == 'n' || *id.p == '-' || (*id.p >= '0' && *id.p <= '9');
}

static int kind_of(const struct mw_rpc *m, struct mw_slice version, enum mw_rpc_kind *ret)
{
	if (version.n == 0 || *version.p != '"' || !STR_IS(version, "2.0"))
		return -EPROTO;
	if (m->id.n && !id_sound(m->id))
		return -EPROTO;
	if (m->method.n) {
		if (*m->method.p != '"' || m->result.n || m->error.n)
			return -EPROTO;
		*ret = m->id.n ? MW_RPC_REQUEST : MW_RPC_NOTIFICATION;
		return 0;
	}
	/* an error may come without an id: the request's could not be read */
	if (!m->error.n && !(m->result.n && m->id.n))
		return -EPROTO;
	*ret = MW_RPC_RESPONSE;
	return 0;
}

int mw_rpc_parse(struct mw_slice text, struct mw_rpc *ret, size_t *ret_off)
{
	struct walk w = { text.p, text.n ? text.p + text.n : text.p };
	struct found f = { 0 };
	const uint8_t *start;
	int r;

	r = mw_json_check(text, MW_JSON_DEPTH_MAX, &f.m.json_flags, ret_off);
	if (r < 0)
		return r;
	space_skip(&w);
	start = w.p;
	if (!object_enter(&w))
		return -EPROTO;
	r = members_take(&w, &f);
	if (r < 0)
		return r;
	f.m.whole = mw_slice(start, (size_t)(w.p - start));
	r = kind_of(&f.m, f.version, &f.m.kind);
	if (r < 0)
		return r;
	if (f.m.kind == MW_RPC_RESPONSE) {
		f.m.meta = f.result_meta;
		f.m.mcp_meta = f.result_mcp_meta;
	}
	*ret = f.m;
	return 0;
}

bool mw_rpc_is_batch(struct mw_slice text)
{
	struct walk w = { text.p, text.n ? text.p + text.n : text.p };

	space_skip(&w);
	return w.p < w.end && *w.p == '[';
}

int mw_rpc_batch_next(struct mw_slice text, size_t *pos, struct mw_slice *ret)
{
	struct walk w = { text.p, text.n ? text.p + text.n : text.p };
	bool first = *pos == 0;
	int r;

	if (*pos > text.n)
		return -EBADMSG;
	if (*pos)
		w.p += *pos;
	space_skip(&w);
	if (w.p == w.end)
		return -EBADMSG;
	/* at the end *pos stays before the bracket, so that it can be asked again */
	if (!first && *w.p == ']')
		return 0;
	if (*w.p != (first ? '[' : ','))
		return -EBADMSG;
	w.p++;
	space_skip(&w);
	if (first && w.p < w.end && *w.p == ']') {
		*pos = (size_t)(w.p - text.p);
		return 0;
	}
	r = value_take(&w, ret);
	if (r < 0)
		return r;
	*pos = (size_t)(w.p - text.p);
	return 1;
}

static const struct {
	const char *name;
	size_t n;
	enum mw_rpc_sender sender;
} methods[] = {
#define CLIENT(s) s, sizeof(s) - 1, MW_RPC_SENDER_CLIENT
#define SERVER(s) s, sizeof(s) - 1, MW_RPC_SENDER_SERVER
#define EITHER(s) s, sizeof(s) - 1, MW_RPC_SENDER_EITHER
	/* 2024-11-05 and on */
	{ CLIENT("tools/call") },
	{ CLIENT("tools/list") },
	{ CLIENT("resources/read") },
	{ CLIENT("resources/list") },
	{ CLIENT("resources/templates/list") },
	{ CLIENT("resources/subscribe") },
	{ CLIENT("resources/unsubscribe") },
	{ CLIENT("prompts/get") },
	{ CLIENT("prompts/list") },
	{ CLIENT("completion/complete") },
	{ CLIENT("logging/setLevel") },
	{ CLIENT("initialize") },
	{ CLIENT("notifications/initialized") },
	{ CLIENT("notifications/roots/list_changed") },
	{ SERVER("roots/list") },
	{ SERVER("sampling/createMessage") },
	{ SERVER("notifications/message") },
	{ SERVER("notifications/tools/list_changed") },
	{ SERVER("notifications/prompts/list_changed") },
	{ SERVER("notifications/resources/list_changed") },
	{ SERVER("notifications/resources/updated") },
	{ EITHER("ping") },
	{ EITHER("notifications/cancelled") },
	{ EITHER("notifications/progress") },
	/* 2025-06-18 */
	{ SERVER("elicitation/create") },
	/* 2025-11-25 */
	{ SERVER("notifications/elicitation/complete") },
	{ EITHER("tasks/get") },
	{ EITHER("tasks/result") },
	{ EITHER("tasks/list") },
	{ EITHER("tasks/cancel") },
	{ EITHER("notifications/tasks/status") },
	/* 2026-07-28, with its extension io.modelcontextprotocol/tasks */
	{ CLIENT("server/discover") },
	{ CLIENT("subscriptions/listen") },
	{ SERVER("notifications/subscriptions/acknowledged") },
	{ EITHER("tasks/update") },
};

enum mw_rpc_sender mw_rpc_method_sender(struct mw_slice method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_is(method, methods[i].name, methods[i].n))
			return methods[i].sender;
	return MW_RPC_SENDER_UNKNOWN;
}
