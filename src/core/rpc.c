/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rpc.h"

#include <errno.h>

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
	/* of result; those of m are of params until the kind is known */
	struct mw_slice result_meta, state, task_id, status;
	bool result_mcp_meta, in_task;
};

/*
 * One pass over the text: the scanner proves that it is JSON and notices what hides in it, while
 * the members are picked up on the way. Behind a KEY each of these takes that member's value.
 */

/* The value, if it is no object: 0 and it is taken whole. 1: an object, and its keys come next. */
static int value_enter(struct mw_json *j, struct mw_slice *ret)
{
	struct mw_json_item it;
	int r = mw_json_next(j, &it);

	if (r < 0)
		return r;
	*ret = it.raw;
	if (it.tok == MW_JSON_OBJECT)
		return 1;
	return mw_json_skip(j, &it, ret);
}

/* 1 and the next key of an object that was entered, 0 behind it. */
static int key_next(struct mw_json *j, struct mw_json_item *ret)
{
	int r = mw_json_next(j, ret);

	return r < 0 ? r : ret->tok == MW_JSON_KEY;
}

/* From its opening bracket to here. */
static struct mw_slice up_to(struct mw_slice open, const struct mw_json *j)
{
	return mw_slice(open.p, (size_t)(j->p - open.p));
}

static int meta_take(struct mw_json *j, struct mw_slice *ret, bool *ret_mcp)
{
	struct mw_slice open, value;
	struct mw_json_item key;
	bool mcp = false;
	int r;

	r = value_enter(j, &open);
	if (r > 0) {
		while ((r = key_next(j, &key)) > 0) {
			mcp |= str_begins(key.raw, "io.modelcontextprotocol/");
			r = mw_json_skip(j, &key, &value);
			if (r < 0)
				return r;
		}
		open = up_to(open, j);
	}
	if (r < 0)
		return r;
	*ret = open;
	*ret_mcp = mcp;
	return 0;
}

static int params_take(struct mw_json *j, struct mw_rpc *m)
{
	struct mw_slice none = { 0 }, open;
	struct mw_json_item key;
	int r;

	/* of equal keys the last one counts, with all that is in it */
	m->name = m->uri = m->arguments = m->meta = m->request_id = none;
	m->state = m->task_id = m->status = none;
	m->mcp_meta = false;
	r = value_enter(j, &open);
	if (r <= 0) {
		m->params = open;
		return r;
	}
	while ((r = key_next(j, &key)) > 0) {
		struct mw_slice other, *slot = &other;

		if (STR_IS(key.raw, "name"))
			slot = &m->name;
		else if (STR_IS(key.raw, "uri"))
			slot = &m->uri;
		else if (STR_IS(key.raw, "arguments"))
			slot = &m->arguments;
		else if (STR_IS(key.raw, "requestId"))
			slot = &m->request_id;
		else if (STR_IS(key.raw, "requestState"))
			slot = &m->state;
		else if (STR_IS(key.raw, "taskId"))
			slot = &m->task_id;
		else if (STR_IS(key.raw, "status"))
			slot = &m->status;
		if (STR_IS(key.raw, "_meta"))
			r = meta_take(j, &m->meta, &m->mcp_meta);
		else
			r = mw_json_skip(j, &key, slot);
		if (r < 0)
			return r;
	}
	m->params = up_to(open, j);
	return r;
}

static int task_take(struct mw_json *j, struct found *f)
{
	struct mw_json_item key;
	struct mw_slice open, value;
	int r = value_enter(j, &open);

	if (r <= 0)
		return r;
	while ((r = key_next(j, &key)) > 0) {
		r = mw_json_skip(j, &key, &value);
		if (r < 0)
			return r;
		if (STR_IS(key.raw, "taskId")) {
			f->task_id = value;
			f->in_task = true;
		} else if (STR_IS(key.raw, "status")) {
			f->status = value;
		}
	}
	return r;
}

static int result_take(struct mw_json *j, struct found *f)
{
	struct mw_slice none = { 0 }, open, value;
	struct mw_json_item key;
	int r;

	f->result_meta = f->state = f->task_id = f->status = f->m.result_type = none;
	f->in_task = false;
	f->result_mcp_meta = f->m.is_error = false;
	r = value_enter(j, &open);
	if (r <= 0) {
		f->m.result = open;
		return r;
	}
	while ((r = key_next(j, &key)) > 0) {
		struct mw_slice other, *slot = &other;

		if (STR_IS(key.raw, "resultType"))
			slot = &f->m.result_type;
		else if (STR_IS(key.raw, "requestState"))
			slot = &f->state;
		else if (STR_IS(key.raw, "taskId"))
			slot = &f->task_id;
		else if (STR_IS(key.raw, "status"))
			slot = &f->status;
		else if (STR_IS(key.raw, "isError"))
			slot = &value;
		if (STR_IS(key.raw, "_meta"))
			r = meta_take(j, &f->result_meta, &f->result_mcp_meta);
		else if (STR_IS(key.raw, "task"))
			r = task_take(j, f);
		else
			r = mw_json_skip(j, &key, slot);
		if (r < 0)
			return r;
		if (slot == &value)
			f->m.is_error = *value.p == 't';
	}
	f->m.result = up_to(open, j);
	return r;
}

static int members_take(struct mw_json *j, struct found *f)
{
	struct mw_rpc *m = &f->m;
	struct mw_json_item key;
	int r;

	while ((r = key_next(j, &key)) > 0) {
		struct mw_slice other, *slot = &other;

		if (STR_IS(key.raw, "id"))
			slot = &m->id;
		else if (STR_IS(key.raw, "method"))
			slot = &m->method;
		else if (STR_IS(key.raw, "error"))
			slot = &m->error;
		else if (STR_IS(key.raw, "jsonrpc"))
			slot = &f->version;
		if (STR_IS(key.raw, "params"))
			r = params_take(j, m);
		else if (STR_IS(key.raw, "result"))
			r = result_take(j, f);
		else
			r = mw_json_skip(j, &key, slot);
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
	struct mw_json_keys keys;
	struct found f = { 0 };
	struct mw_json_item it;
	struct mw_slice whole;
	struct mw_json j;
	bool object;
	int r;

	mw_json_init(&j, text, MW_JSON_DEPTH_MAX);
	mw_json_watch_keys(&j, &keys);
	r = value_enter(&j, &whole);
	object = r > 0;
	if (object) {
		r = members_take(&j, &f);
		whole = up_to(whole, &j);
	}
	if (r == 0) /* nothing may follow */
		r = mw_json_next(&j, &it);
	if (r < 0) {
		if (ret_off)
			*ret_off = (size_t)(j.p - j.start);
		return r;
	}
	if (!object)
		return -EPROTO;
	f.m.json_flags = j.flags;
	f.m.whole = whole;
	r = kind_of(&f.m, f.version, &f.m.kind);
	if (r < 0)
		return r;
	if (f.m.kind == MW_RPC_RESPONSE) {
		f.m.meta = f.result_meta;
		f.m.mcp_meta = f.result_mcp_meta;
		f.m.state = f.state;
		f.m.task_id = f.task_id;
		f.m.status = f.status;
		f.m.is_task = f.task_id.n && *f.task_id.p == '"' &&
			      (f.in_task || (f.m.result_type.n && STR_IS(f.m.result_type, "task")));
	}
	*ret = f.m;
	return 0;
}

static size_t space_end(struct mw_slice text, size_t i)
{
	while (i < text.n &&
	       (text.p[i] == ' ' || text.p[i] == '\t' || text.p[i] == '\n' || text.p[i] == '\r'))
		i++;
	return i;
}

bool mw_rpc_is_batch(struct mw_slice text)
{
	size_t i = space_end(text, 0);

	return i < text.n && text.p[i] == '[';
}

int mw_rpc_batch_next(struct mw_slice text, size_t *pos, struct mw_slice *ret)
{
	bool first = *pos == 0;
	size_t i = space_end(text, *pos);
	struct mw_json_item it;
	struct mw_json j;

	if (i >= text.n)
		return -EBADMSG;
	/* at the end *pos stays before the bracket, so that it can be asked again */
	if (!first && text.p[i] == ']')
		return 0;
	if (text.p[i] != (first ? '[' : ','))
		return -EBADMSG;
	i = space_end(text, i + 1);
	if (first && i < text.n && text.p[i] == ']') {
		*pos = i;
		return 0;
	}
	mw_json_init(&j, mw_slice_from(text, i), MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1 || mw_json_skip(&j, &it, ret) < 0)
		return -EBADMSG;
	*pos = (size_t)(j.p - text.p);
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
