/* SPDX-License-Identifier: Apache-2.0 */
/* engine_tool.c - tools as their servers define them, and what was pinned of them */
#include <errno.h>

#include "base/hash.h"
#include "core/engine_priv.h"
#include "core/power.h"

int mw_eng_hash_definition(struct mw_engine *e, struct mw_slice definition, uint8_t out[32])
{
	int r;

	e->body.len = 0;
	r = mw_json_canonical(definition, &e->body);
	if (r == -ENOMEM)
		return r;
	if (r == 0)
		e->cfg.sha256(e->body.p, e->body.len, out);
	else
		e->cfg.sha256(definition.p, definition.n, out);
	return 0;
}

/* Keeps what was seen last of a tool. 0, -ENOMEM. */
static int remember(struct mw_engine *e, const struct tool *fresh)
{
	struct tool *known = mw_table_get(e->tools, fresh->key);
	int r;

	if (known) {
		*known = *fresh;
		return 0;
	}
	if (mw_table_count(e->tools) == MW_ENG_TOOLS_MAX) {
		known = mw_table_oldest(e->tools);
		mw_alloc_free(e->a, mw_table_remove(e->tools, known->key), sizeof(*known));
	}
	known = mw_alloc_zero(e->a, sizeof(*known));
	if (!known)
		return -ENOMEM;
	*known = *fresh;
	r = mw_table_put(e->tools, known->key, known);
	if (r < 0)
		mw_alloc_free(e->a, known, sizeof(*known));
	return r;
}

/* Against what was pinned for this server, in this run or an earlier one. */
static void look_at_pin(struct mw_engine *e, const struct mw_server *sv, struct mw_slice raw_name,
			const uint8_t hash[32], struct mw_state_pin *ret)
{
	struct mw_buf name;
	int r;

	mw_buf_init(&name, e->a, 3 * MW_ENG_NAME_MAX);
	r = mw_json_str_decode_head(raw_name, MW_ENG_NAME_MAX, &name);
	if (r >= 0)
		mw_eng_pin(e, sv, MW_SLICE_LIT("tool"), mw_buf_slice(&name), hash, ret);
	mw_eng_note_error(e, r == -ENOMEM ? r : 0);
	mw_buf_done(&name);
}

static void say_tool(struct mw_engine *e, const struct mw_sess_event *ev,
		     struct mw_slice definition)
{
	struct mw_slice name = { NULL, 0 }, annotations = { NULL, 0 };
	struct tool *known, fresh = { .key = { ev->server->id, 0 } };
	const uint64_t seq = e->head.seq;
	struct mw_eng_tool told = { .server = ev->server, .definition = definition };
	struct mw_emit r;
	bool whole;
	int err;

	if (mw_json_member(definition, "name", &name, NULL) < 0)
		return;
	(void)mw_json_member(definition, "annotations", &annotations, NULL);
	err = mw_eng_hash_definition(e, definition, fresh.hash);
	if (err < 0) {
		mw_eng_note_error(e, err);
		return;
	}
	fresh.key[1] = mw_hash64(name, e->run_id);
	fresh.declared = mw_power_declared(annotations);
	known = mw_table_get(e->tools, fresh.key);
	if (known && memcmp(known->hash, fresh.hash, sizeof(fresh.hash)) == 0)
		return;
	told.changed = known != NULL;
	look_at_pin(e, ev->server, name, fresh.hash, &told.pin);
	r = mw_eng_begin(e, "tool", ev->ts_ns);
	mw_eng_server_ref(e, &r, ev->server);
	mw_emit_json_str(&r, "tool", name);
	whole = mw_emit_json(&r, "definition", definition, MW_EMIT_VALUE_MAX);
	mw_emit_hex(&r, "hash", fresh.hash, sizeof(fresh.hash));
	if (known)
		mw_emit_hex(&r, "was", known->hash, sizeof(known->hash));
	else if (told.pin.changed)
		mw_emit_hex(&r, "was", told.pin.was, sizeof(told.pin.was));
	if (annotations.n && annotations.p[0] == '{')
		(void)mw_emit_json(&r, "annotations", annotations, MW_EMIT_VALUE_MAX);
	mw_emit_true(&r, "pinned", told.pin.pinned);
	mw_eng_end(e, &r);
	if (!whole)
		mw_eng_body(e, ev->call->id, "definition", definition, ev->ts_ns);
	mw_eng_note_error(e, remember(e, &fresh));
	told.raw_name = name;
	told.annotations = annotations;
	told.declared = fresh.declared;
	mw_eng_policy_tool(e, &told, ev->ts_ns, mw_eng_seq_of(e, seq));
}

unsigned int mw_eng_declared(const struct mw_engine *e, const struct mw_server *sv,
			     struct mw_slice name)
{
	const uint64_t key[2] = { sv ? sv->id : 0, mw_hash64(name, e->run_id) };
	const struct tool *known = mw_table_get(e->tools, key);

	return known ? known->declared : MW_POWER_UNDECLARED;
}

void mw_eng_on_tools(struct mw_engine *e, const struct mw_sess_event *ev)
{
	struct mw_slice tools, one;
	struct mw_json_item it;
	struct mw_json j;

	if (mw_json_member(ev->result, "tools", &tools, NULL) < 0 || tools.p[0] != '[')
		return;
	mw_json_init(&j, tools, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1)
		return;
	while (mw_json_next(&j, &it) == 1 && it.tok != MW_JSON_ARRAY_END)
		if (mw_json_skip(&j, &it, &one) < 0)
			return;
		else if (it.tok == MW_JSON_OBJECT)
			say_tool(e, ev, one);
}
