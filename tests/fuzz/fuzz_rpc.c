/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>

#include "core/rpc.h"

/* A part lies within the text and is JSON by itself. */
static void part(struct mw_slice text, struct mw_slice v)
{
	if (v.n == 0)
		return;
	FUZZ_CHECK(v.p > text.p && v.n <= (size_t)(text.p + text.n - v.p));
	FUZZ_CHECK(mw_json_check(v, MW_JSON_DEPTH_MAX, NULL, NULL) == 0);
}

/* It is what the scanner finds under that name. */
static void member(struct mw_slice object, const char *name, struct mw_slice v)
{
	struct mw_slice want = { 0 };

	if (object.n)
		mw_json_member(object, name, &want, NULL);
	FUZZ_CHECK(v.p == want.p && v.n == want.n);
}

static void message(struct mw_slice text, const struct mw_rpc *m)
{
	struct mw_rpc again;

	part(text, m->id);
	part(text, m->method);
	part(text, m->params);
	part(text, m->result);
	part(text, m->error);
	member(text, "id", m->id);
	member(text, "method", m->method);
	member(text, "params", m->params);
	member(text, "result", m->result);
	member(text, "error", m->error);
	member(m->params, "name", m->name);
	member(m->params, "uri", m->uri);
	member(m->params, "arguments", m->arguments);
	member(m->params, "requestId", m->request_id);
	member(m->kind == MW_RPC_RESPONSE ? m->result : m->params, "_meta", m->meta);
	member(m->kind == MW_RPC_RESPONSE ? m->result : m->params, "requestState", m->state);
	member(m->result, "resultType", m->result_type);
	part(text, m->task_id);
	part(text, m->status);
	FUZZ_CHECK(!m->is_task || (m->task_id.n && m->kind == MW_RPC_RESPONSE));
	FUZZ_CHECK(!m->mcp_meta || m->meta.n);
	FUZZ_CHECK(!m->is_error || m->result.n);
	FUZZ_CHECK((m->kind == MW_RPC_RESPONSE) == (m->method.n == 0));
	FUZZ_CHECK(m->kind != MW_RPC_REQUEST || m->id.n);
	FUZZ_CHECK(mw_rpc_parse(m->whole, &again, NULL) == 0);
	FUZZ_CHECK(mw_slice_eq(again.whole, m->whole) && again.kind == m->kind);
	mw_rpc_method_sender(m->method);
}

/* Checked or not, the elements lie in the text, in order; of a checked one they are JSON. */
static void batch(struct mw_slice text, bool sound)
{
	const uint8_t *last = text.p;
	struct mw_slice el;
	struct mw_rpc m;
	size_t pos = 0;
	int r;

	while ((r = mw_rpc_batch_next(text, &pos, &el)) == 1) {
		FUZZ_CHECK(el.n > 0 && el.p > last && el.n <= (size_t)(text.p + text.n - el.p));
		last = el.p + el.n - 1;
		if (sound) {
			FUZZ_CHECK(mw_json_check(el, MW_JSON_DEPTH_MAX, NULL, NULL) == 0);
			r = mw_rpc_parse(el, &m, NULL);
			FUZZ_CHECK(r == 0 || r == -EPROTO);
		}
	}
	FUZZ_CHECK(r == 0 || (r == -EBADMSG && !sound));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_slice text = mw_slice(data, n);
	size_t off = SIZE_MAX;
	bool sound;
	struct mw_rpc m;
	int r;

	sound = mw_json_check(text, MW_JSON_DEPTH_MAX, NULL, NULL) == 0;
	r = mw_rpc_parse(text, &m, &off);
	FUZZ_CHECK(r == 0 || r == -EPROTO || ((r == -EBADMSG || r == -E2BIG) && off <= n));
	FUZZ_CHECK(sound == (r == 0 || r == -EPROTO));
	if (r == 0)
		message(text, &m);
	batch(text, sound && mw_rpc_is_batch(text));
	mw_rpc_method_sender(text);
	return 0;
}
