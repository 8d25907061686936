/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_policy_tool.c - what rules may ask of a definition
 *
 * Of a tool its schema and annotations stay, for its calls; of each client the names of its
 * servers' tools, for what one of them says of another's.
 */
#include "core/engine_policy.h"

#include <errno.h>

#include "base/ascii.h"
#include "base/hash.h"
#include "core/power.h"
#include "core/verbs.h"

#define NAME_MAX_  256u
#define OTHERS_MAX 256u
#define LISTED_MAX 1024u
#define PARAMS_MAX 32u
#define WORDS_MAX  64u
#define WORDS_LEN  4096u
#define WORDS_MIN  3u /* of fewer nothing is said */

/* A tool's name at one client. */
struct name {
	uint64_t key[2]; /* client, hash of the name */
	uint64_t server, server_key;
	uint64_t params[PARAMS_MAX]; /* hashes of what it takes */
	uint32_t words[WORDS_MAX]; /* of the first ones that describe it, each once */
	size_t n_params, n_words;
	size_t n;
	uint8_t text[];
};

struct pol_tool *mw_pol_tool(const struct mw_engine *e, const struct mw_server *sv,
			     struct mw_slice raw_name)
{
	const uint64_t key[2] = { sv ? sv->id : 0, mw_hash64(raw_name, e->run_id) };

	return mw_table_get(e->policy->tools, key);
}

/* --- what stays ---------------------------------------------------------------------------------
 */

static void tool_drop(struct mw_engine *e, struct pol_tool *t)
{
	(void)mw_table_remove(e->policy->tools, t->key);
	e->policy->tools_bytes -= t->n_bytes;
	mw_schema_free(t->schema);
	mw_alloc_free(e->a, t, sizeof(*t));
}

static void name_drop(struct mw_engine *e, struct name *n)
{
	(void)mw_table_remove(e->policy->names, n->key);
	mw_alloc_free(e->a, n, sizeof(*n) + n->n);
}

void mw_pol_tools_free(struct mw_engine *e)
{
	struct pol_tool *t;
	struct name *n;

	while (e->policy->tools && (t = mw_table_oldest(e->policy->tools)))
		tool_drop(e, t);
	while (e->policy->names && (n = mw_table_oldest(e->policy->names)))
		name_drop(e, n);
	mw_table_free(e->policy->tools);
	mw_table_free(e->policy->names);
}

/* True, false, or -1: it says nothing. */
static int hint(struct mw_slice annotations, const char *name)
{
	struct mw_slice v;

	if (!annotations.n || annotations.p[0] != '{' ||
	    mw_json_member(annotations, name, &v, NULL) < 0)
		return -1;
	return mw_slice_eq_str(v, "true") ? 1 : mw_slice_eq_str(v, "false") ? 0 : -1;
}

static void read_verbs(struct mw_engine *e, struct pol_tool *t, const struct mw_eng_tool *d)
{
	struct pol_texts text = { NULL };
	struct mw_slice name = { NULL, 0 }, title = { NULL, 0 }, raw;
	int r;

	if (!e->policy->wants.verbs)
		return;
	r = mw_pol_keep_json(e, &text, d->raw_name, &name);
	if (r == 0 && (mw_json_member(d->definition, "title", &raw, NULL) == 0 ||
		       mw_json_member(d->annotations, "title", &raw, NULL) == 0))
		r = mw_pol_keep_json(e, &text, raw, &title);
	mw_eng_note_error(e, r);
	t->verbs = mw_verbs(name, title);
	mw_pol_texts_free(e, &text);
}

static void read_definition(struct mw_engine *e, struct pol_tool *t, const struct mw_eng_tool *d)
{
	struct mw_slice schema;
	int r = 0;

	t->annotated = d->declared != MW_POWER_UNDECLARED;
	t->readonly = hint(d->annotations, "readOnlyHint") == 1;
	t->not_destructive = hint(d->annotations, "destructiveHint") == 0;
	read_verbs(e, t, d);
	if (e->policy->wants.schema &&
	    mw_json_member(d->definition, "inputSchema", &schema, NULL) == 0)
		r = mw_schema_new(e->a, schema, &t->schema);
	mw_eng_note_error(e, r == -ENOMEM ? r : 0);
}

static void keep_tool(struct mw_engine *e, const struct mw_eng_tool *d)
{
	struct mw_eng_policy *p = e->policy;
	struct pol_tool *t = mw_pol_tool(e, d->server, d->raw_name);

	if (t)
		tool_drop(e, t);
	while ((t = mw_table_oldest(p->tools)) &&
	       (mw_table_count(p->tools) == MW_POL_TOOLS_MAX ||
		p->tools_bytes + d->definition.n > MW_POL_TOOLS_BYTES)) {
		tool_drop(e, t);
		p->lost.tools++;
	}
	t = mw_alloc_zero(e->a, sizeof(*t));
	if (!t) {
		mw_eng_note_error(e, -ENOMEM);
		return;
	}
	t->key[0] = d->server->id;
	t->key[1] = mw_hash64(d->raw_name, e->run_id);
	t->n_bytes = d->definition.n;
	p->tools_bytes += t->n_bytes;
	read_definition(e, t, d);
	if (mw_table_put(p->tools, t->key, t) < 0) {
		p->tools_bytes -= t->n_bytes;
		mw_schema_free(t->schema);
		mw_alloc_free(e->a, t, sizeof(*t));
		mw_eng_note_error(e, -ENOMEM);
	}
}

/* --- names at a client --------------------------------------------------------------------------
 */

/* The names of what a tool takes, as they stand in its schema. */
static size_t params_of(const struct mw_engine *e, struct mw_slice definition,
			uint64_t ret[PARAMS_MAX])
{
	struct mw_slice schema, properties, skipped;
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	if (mw_json_member(definition, "inputSchema", &schema, NULL) < 0 || schema.p[0] != '{' ||
	    mw_json_member(schema, "properties", &properties, NULL) < 0 || properties.p[0] != '{')
		return 0;
	mw_json_init(&j, properties, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1)
		return 0;
	while (n < PARAMS_MAX && mw_json_next(&j, &it) == 1 && it.tok != MW_JSON_OBJECT_END) {
		ret[n++] = mw_hash64(it.raw, e->run_id);
		if (mw_json_skip(&j, &it, &skipped) < 0)
			break;
	}
	return n;
}

static uint8_t letter_of(uint8_t c)
{
	return mw_is_alnum(c) || c >= 0x80 ? mw_lower(c) : 0;
}

/* The different words of its description, in lower case. */
static size_t words_of(const struct mw_engine *e, struct mw_slice definition,
		       uint32_t ret[WORDS_MAX])
{
	struct mw_buf *text = &e->policy->text;
	struct mw_slice raw;
	uint8_t word[32];
	size_t n = 0, len = 0, k;

	text->len = 0;
	if (mw_json_member(definition, "description", &raw, NULL) < 0 ||
	    mw_json_str_decode_head(raw, WORDS_LEN, text) < 0)
		return 0;
	for (size_t i = 0; i <= text->len && n < WORDS_MAX; i++) {
		const uint8_t c = i < text->len ? letter_of(text->p[i]) : 0;

		if (c && len < sizeof(word))
			word[len++] = c;
		if (c || !len)
			continue;
		ret[n] = (uint32_t)mw_hash64(mw_slice(word, len), e->run_id);
		for (k = 0; ret[k] != ret[n]; k++)
			;
		n += k == n;
		len = 0;
	}
	return n;
}

/* Whether one describes itself as the other does: three in five of all words are of both. */
static bool same_words(const struct mw_engine *e, const struct name *n, struct mw_slice definition)
{
	uint32_t words[WORDS_MAX];
	const size_t n_words = words_of(e, definition, words);
	size_t i, k, both = 0;

	for (i = 0; i < n_words; i++) {
		for (k = 0; k < n->n_words && n->words[k] != words[i]; k++)
			;
		both += k < n->n_words;
	}
	return both >= WORDS_MIN && 5 * both >= 3 * (n->n_words + n_words - both);
}

/* Whether what takes the one would do for the other: at least half of all names are of both. */
static bool alike(const struct mw_engine *e, const struct name *n, struct mw_slice definition)
{
	uint64_t params[PARAMS_MAX];
	const size_t n_params = params_of(e, definition, params);
	size_t i, k, both = 0;

	for (i = 0; i < n_params; i++) {
		for (k = 0; k < n->n_params && n->params[k] != params[i]; k++)
			;
		both += k < n->n_params;
	}
	return 2 * both >= n->n_params + n_params - both;
}

static void keep_name(struct mw_engine *e, const struct pol_server *ps, struct mw_slice name,
		      struct mw_slice definition)
{
	const uint64_t key[2] = { ps->f.client, mw_hash64(name, e->run_id) };
	struct mw_table *t = e->policy->names;
	struct name *n = mw_table_get(t, key);

	if (!ps->f.client || !name.n || name.n > NAME_MAX_)
		return;
	if (n)
		name_drop(e, n);
	if (mw_table_count(t) == MW_POL_NAMES_MAX) {
		name_drop(e, mw_table_oldest(t));
		e->policy->lost.tools++;
	}
	n = mw_alloc_zero(e->a, sizeof(*n) + name.n);
	if (n) {
		n->key[0] = key[0];
		n->key[1] = key[1];
		n->server = ps->id;
		n->server_key = mw_hash64(ps->f.key, e->run_id);
		n->n_params = params_of(e, definition, n->params);
		n->n_words = words_of(e, definition, n->words);
		n->n = name.n;
		memcpy(n->text, name.p, name.n);
	}
	if (!n || mw_table_put(t, n->key, n) < 0) {
		mw_alloc_free(e->a, n, sizeof(*n) + name.n);
		mw_eng_note_error(e, -ENOMEM);
	}
}

/* Names of tools of the client's other servers. */
static size_t others_of(const struct mw_engine *e, const struct pol_server *ps,
			struct mw_slice *ret)
{
	const struct name *n;
	size_t pos = 0, k = 0;

	while (ps->f.client && k < OTHERS_MAX && (n = mw_table_next(e->policy->names, &pos)))
		if (n->key[0] == ps->f.client && n->server != ps->id &&
		    n->server_key != mw_hash64(ps->f.key, e->run_id))
			ret[k++] = mw_slice(n->text, n->n);
	return k;
}

static const struct name *name_of(const struct mw_engine *e, const struct pol_server *ps,
				  struct mw_slice name)
{
	const uint64_t key[2] = { ps->f.client, mw_hash64(name, e->run_id) };

	return ps->f.client ? mw_table_get(e->policy->names, key) : NULL;
}

/* --- the fact -----------------------------------------------------------------------------------
 */

static void look_for_poison(struct mw_engine *e, const struct pol_server *ps,
			    struct mw_fact_tool *f, struct mw_slice words[8])
{
	struct mw_slice others[OTHERS_MAX];
	struct mw_poison_found found;
	size_t n;
	int r;

	if (!e->policy->wants.poison || !e->policy->poison)
		return;
	n = others_of(e, ps, others);
	r = mw_poison_scan(e->policy->poison, f->definition, f->name, others, n, &found);
	mw_eng_note_error(e, r);
	if (r < 0)
		return;
	f->poison_score = found.score;
	f->poison.v = words;
	for (unsigned int bit = 1; bit <= MW_POISON_SEND; bit <<= 1)
		if (found.bits & bit)
			words[f->poison.n++] = mw_slice_str(mw_poison_name(bit));
}

/* The same name at another server of its client, that lives. */
static struct mw_slice shadowed(struct mw_engine *e, const struct pol_server *ps,
				const struct name *n)
{
	struct pol_server *other = n ? mw_pol_server_by_id(e, n->server) : NULL;

	if (!other || other->id == ps->id || other->sv->gone ||
	    mw_slice_eq(other->f.key, ps->f.key))
		return mw_slice(NULL, 0);
	return other->f.key;
}

static void push(struct mw_engine *e, struct pol_server *ps, struct mw_fact_tool *t, uint64_t ts_ns,
		 uint64_t seq)
{
	struct mw_fact f = { .kind = MW_FACT_TOOL, .ts_ns = ts_ns, .seq = seq, .tool = t };
	struct mw_slice words[8];

	look_for_poison(e, ps, t, words);
	mw_pol_push(e, &f, ps, NULL);
}

void mw_eng_policy_tool(struct mw_engine *e, const struct mw_eng_tool *d, uint64_t ts_ns,
			uint64_t seq)
{
	struct mw_fact_tool t = { .what = MW_SLICE_LIT("tool"), .definition = d->definition };
	struct pol_texts text = { NULL };
	const struct name *n;
	struct pol_server *ps;

	if (!e->policy)
		return;
	keep_tool(e, d);
	ps = mw_pol_server(e, d->server);
	if (!ps)
		return;
	mw_eng_note_error(e, mw_pol_keep_json(e, &text, d->raw_name, &t.name));
	n = name_of(e, ps, t.name);
	t.changed = d->changed || d->pin.changed;
	t.in_session =
	    d->changed || (d->pin.changed && n && n->server_key == mw_hash64(ps->f.key, e->run_id));
	t.new_tool = d->pin.known && !d->pin.pinned;
	t.shadows = shadowed(e, ps, n);
	t.shadows_alike = t.shadows.n && alike(e, n, d->definition);
	t.shadows_copied = t.shadows_alike && same_words(e, n, d->definition);
	t.declared = d->declared;
	t.annotated = d->declared != MW_POWER_UNDECLARED;
	push(e, ps, &t, ts_ns, seq);
	/* of two servers with one name the first keeps it while it lives */
	if (!t.shadows.n)
		keep_name(e, ps, t.name, d->definition);
	mw_pol_texts_free(e, &text);
}

/* --- what else a server tells the model ---------------------------------------------------------
 */

static void other(struct mw_engine *e, struct pol_server *ps, const char *what,
		  struct mw_slice raw_name, struct mw_slice definition, bool pinned, uint64_t ts_ns)
{
	struct mw_fact_tool t = { .what = mw_slice_str(what), .definition = definition };
	struct pol_texts text = { NULL };
	struct mw_state_pin pin = { 0 };
	uint8_t hash[32];
	int err = 0;

	if (raw_name.n)
		mw_eng_note_error(e, mw_pol_keep_json(e, &text, raw_name, &t.name));
	if (pinned && (err = mw_eng_hash_definition(e, definition, hash)) == 0)
		mw_eng_pin(e, ps->sv, t.what, t.name, hash, &pin);
	mw_eng_note_error(e, err);
	t.changed = pin.changed;
	t.new_tool = pin.known && !pin.pinned;
	push(e, ps, &t, ts_ns, UINT64_MAX);
	mw_pol_texts_free(e, &text);
}

static void listed(struct mw_engine *e, struct pol_server *ps, const char *what,
		   struct mw_slice result, const char *member, bool pinned, uint64_t ts_ns)
{
	struct mw_slice all, one, name;
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	if (mw_json_member(result, member, &all, NULL) < 0 || all.p[0] != '[')
		return;
	mw_json_init(&j, all, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1)
		return;
	while (n++ < LISTED_MAX && mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_OBJECT) {
		if (mw_json_skip(&j, &it, &one) < 0)
			return;
		name = mw_slice(NULL, 0);
		(void)mw_json_member(one, "name", &name, NULL);
		other(e, ps, what, name, one, pinned, ts_ns);
	}
}

void mw_pol_told(struct mw_engine *e, struct pol_server *ps, struct mw_slice method,
		 struct mw_slice result, uint64_t ts_ns)
{
	struct mw_slice text;

	if (!e->policy->wants.poison)
		return;
	if (mw_slice_eq_str(method, "prompts/list"))
		listed(e, ps, "prompt", result, "prompts", true, ts_ns);
	else if (mw_slice_eq_str(method, "resources/list"))
		listed(e, ps, "resource", result, "resources", false, ts_ns);
	else if (mw_slice_eq_str(method, "resources/templates/list"))
		listed(e, ps, "resource", result, "resourceTemplates", false, ts_ns);
	else if ((mw_slice_eq_str(method, "initialize") ||
		  mw_slice_eq_str(method, "server/discover")) &&
		 mw_json_member(result, "instructions", &text, NULL) == 0 && text.p[0] == '"')
		other(e, ps, "instructions", mw_slice(NULL, 0), text, true, ts_ns);
}
