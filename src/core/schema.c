/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - a schema read once: nodes, their properties, patterns, references */
#include "core/schema_priv.h"

#include <errno.h>
#include "base/json.h"
#include "core/pcre.h"

static int compile(struct mw_schema *s, struct mw_slice v, unsigned int depth, uint32_t *ret);

/* --- going over members and items ----------------------------------------------------------------
 */

struct each {
	struct mw_json j;
	struct mw_json_item it;
	struct mw_slice key, value;
};

static bool each_init(struct each *e, struct mw_slice v, enum mw_json_tok open)
{
	mw_json_init(&e->j, v, MW_JSON_DEPTH_MAX);
	return mw_json_next(&e->j, &e->it) == 1 && e->it.tok == open;
}

static bool each_next(struct each *e)
{
	if (mw_json_next(&e->j, &e->it) != 1 || e->it.tok == MW_JSON_OBJECT_END ||
	    e->it.tok == MW_JSON_ARRAY_END)
		return false;
	e->key = e->it.raw;
	return mw_json_skip(&e->j, &e->it, &e->value) == 0;
}

/* --- keywords ------------------------------------------------------------------------------------
 */

static uint32_t type_of(struct mw_slice raw)
{
	static const struct {
		const char *name;
		uint32_t bits;
	} types[] = {
		{ "string", MW_IS_STRING }, { "integer", MW_IS_INTEGER },
		{ "number", MW_IS_NUMBER }, { "boolean", MW_IS_BOOL },
		{ "object", MW_IS_OBJECT }, { "array", MW_IS_ARRAY },
		{ "null", MW_IS_NULL },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (mw_json_str_eq(raw, types[i].name))
			return types[i].bits;
	return UINT32_MAX; /* a type of another language: anything */
}

static int set_types(struct mw_schema *s, uint32_t node, struct mw_slice v)
{
	uint32_t bits = 0;
	struct each e;

	if (each_init(&e, v, MW_JSON_ARRAY)) {
		while (each_next(&e))
			bits |= type_of(e.value);
	} else {
		bits = type_of(v);
	}
	mw_schema_node(s, node)->types = bits;
	return 0;
}

static int add_enum(struct mw_schema *s, struct mw_slice v)
{
	uint64_t h = 0;
	int r = mw_schema_hash(s, v, &h);

	return r < 0 ? r : mw_buf_append(&s->enums, &h, sizeof(h));
}

/* What cannot be compared, or is too much: nothing is asked. */
static int set_enum(struct mw_schema *s, uint32_t node, struct mw_slice v, bool one)
{
	const size_t start = s->enums.len;
	size_t longest = v.n;
	struct mw_schema_node *k;
	struct each e;
	int r = 0;

	if (one) {
		r = add_enum(s, v);
	} else {
		if (!each_init(&e, v, MW_JSON_ARRAY))
			return 0;
		for (longest = 0; r == 0 && each_next(&e);) {
			r = add_enum(s, e.value);
			longest = e.value.n > longest ? e.value.n : longest;
		}
	}
	if (r < 0) {
		s->enums.len = start;
		return r == -ENOMEM ? r : 0;
	}
	k = mw_schema_node(s, node);
	k->has |= MW_HAS_ENUM;
	k->enum_max = longest;
	k->enums = (uint32_t)(start / sizeof(uint64_t));
	k->n_enums = (uint32_t)((s->enums.len - start) / sizeof(uint64_t));
	return 0;
}

static int set_required(struct mw_schema *s, uint32_t node, struct mw_slice v)
{
	uint32_t i = MW_NONE;
	struct each e;
	int r = 0;

	if (!each_init(&e, v, MW_JSON_ARRAY))
		return 0;
	while (r == 0 && each_next(&e)) {
		i = MW_NONE;
		if (e.value.p[0] == '"')
			r = mw_schema_prop_of(s, node, e.value, &i);
		if (r == 0 && i != MW_NONE)
			mw_schema_prop(s, i)->required = true;
	}
	return r;
}

static int set_props(struct mw_schema *s, uint32_t node, struct mw_slice v, unsigned int depth)
{
	uint32_t i, sub;
	struct each e;
	int r = 0;

	if (!each_init(&e, v, MW_JSON_OBJECT))
		return 0;
	mw_schema_node(s, node)->has |= MW_HAS_PROPS;
	while (r == 0 && each_next(&e)) {
		i = MW_NONE;
		r = mw_schema_prop_of(s, node, e.key, &i);
		if (r == 0 && i == MW_NONE) { /* too many: the rest is not known to be unknown */
			mw_schema_node(s, node)->has |= MW_HAS_MORE;
			return 0;
		}
		if (r == 0)
			r = compile(s, e.value, depth + 1, &sub);
		if (r == 0)
			mw_schema_prop(s, i)->node = sub;
	}
	return r;
}

/* A pattern of JSON Schema is one of ECMA-262; what PCRE2 does not take asks nothing. */
static int pattern_new(struct mw_schema *s, struct mw_slice raw, uint32_t *ret)
{
	const uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_ALT_BSUX |
				 PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS |
				 PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
	pcre2_code *code;
	PCRE2_SIZE at;
	int err, r;

	*ret = MW_NONE;
	if (raw.p[0] != '"' || s->n_patterns == MW_SCHEMA_PATTERNS_MAX)
		return 0;
	s->work.len = 0;
	r = mw_json_str_decode(raw, &s->work);
	if (r < 0 || s->work.len > MW_SCHEMA_PATTERN_MAX)
		return r == -ENOMEM ? r : 0;
	code = pcre2_compile(s->work.p ? s->work.p : (const uint8_t *)"", s->work.len, options,
			     &err, &at, s->compile);
	if (!code)
		return err == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : 0;
	*ret = s->n_patterns;
	s->pattern[s->n_patterns++] = code;
	return 0;
}

static int set_matches(struct mw_schema *s, uint32_t node, struct mw_slice v, unsigned int depth)
{
	struct mw_schema_match m;
	struct each e;
	int r = 0;

	if (!each_init(&e, v, MW_JSON_OBJECT))
		return 0;
	while (r == 0 && each_next(&e)) {
		r = pattern_new(s, e.key, &m.pattern);
		if (r == 0 && m.pattern == MW_NONE) { /* it may allow any name */
			mw_schema_node(s, node)->has |= MW_HAS_MORE;
			continue;
		}
		if (r == 0)
			r = compile(s, e.value, depth + 1, &m.node);
		if (r < 0)
			break;
		m.next = mw_schema_node(s, node)->first_match;
		r = mw_buf_append(&s->matches, &m, sizeof(m));
		if (r == 0)
			mw_schema_node(s, node)->first_match =
			    (uint32_t)(s->matches.len / sizeof(m) - 1);
	}
	return r;
}

static int set_list(struct mw_schema *s, uint32_t node, enum mw_schema_list which,
		    struct mw_slice v, unsigned int depth)
{
	uint32_t last = MW_NONE, i;
	struct mw_schema_link k;
	struct each e;
	int r = 0;

	if (!each_init(&e, v, MW_JSON_ARRAY))
		return 0;
	while (r == 0 && each_next(&e)) {
		k.next = MW_NONE;
		r = compile(s, e.value, depth + 1, &k.node);
		if (r == 0)
			r = mw_buf_append(&s->links, &k, sizeof(k));
		if (r < 0)
			break;
		i = (uint32_t)(s->links.len / sizeof(k) - 1);
		if (last == MW_NONE)
			mw_schema_node(s, node)->list[which] = i;
		else
			mw_schema_link(s, last)->next = i;
		last = i;
	}
	return r;
}

/* --- references ----------------------------------------------------------------------------------
 */

/* The member or item that one step of a JSON pointer (RFC 6901) names. */
static bool step(struct mw_schema *s, struct mw_slice *at, struct mw_slice token)
{
	const bool list = at->p[0] == '[';
	uint8_t name[256];
	size_t n = 0, index = 0;
	struct each e;

	if (__builtin_add_overflow(s->walked, at->n, &s->walked) || s->walked > MW_SCHEMA_WALK_MAX)
		return false;
	for (size_t i = 0; i < token.n; i++) {
		uint8_t c = token.p[i];

		if (c == '~' && i + 1 < token.n)
			c = token.p[++i] == '1' ? '/' : '~';
		if (n == sizeof(name))
			return false;
		name[n++] = c;
		if (list && (c < '0' || c > '9' || n > 6))
			return false;
		index = index * 10 + (size_t)(c - '0');
	}
	if (!each_init(&e, *at, list ? MW_JSON_ARRAY : MW_JSON_OBJECT))
		return false;
	for (size_t i = 0; each_next(&e); i++) {
		if (list ? i != index : !mw_json_str_eq_slice(e.key, mw_slice(name, n)))
			continue;
		*at = e.value;
		return true;
	}
	return false;
}

static int set_ref(struct mw_schema *s, uint32_t node, struct mw_slice v)
{
	struct mw_slice at = mw_buf_slice(&s->text), ref, token;
	size_t i = 1, end;
	uint32_t sub;
	uint8_t copy[1024];
	int r;

	s->work.len = 0;
	r = v.p[0] == '"' ? mw_json_str_decode(v, &s->work) : -EINVAL;
	ref = mw_buf_slice(&s->work);
	mw_schema_node(s, node)->ref = MW_NODE_ANY;
	if (r < 0 || ref.n == 0 || ref.n > sizeof(copy) || ref.p[0] != '#')
		return r == -ENOMEM ? r : 0;
	memcpy(copy, ref.p, ref.n);
	while (i < ref.n) {
		if (copy[i] != '/')
			return 0; /* an anchor */
		for (end = ++i; end < ref.n && copy[end] != '/';)
			end++;
		token = mw_slice(copy + i, end - i);
		if (!step(s, &at, token))
			return 0;
		i = end;
	}
	/* a chain of references is not nesting: each place is compiled once */
	r = compile(s, at, 0, &sub);
	if (r == 0)
		mw_schema_node(s, node)->ref = sub;
	return r;
}

/* --- a node --------------------------------------------------------------------------------------
 */

static uint64_t size_of(struct mw_slice v)
{
	const double d = mw_schema_type(v) & MW_IS_NUMBER ? mw_schema_number(v) : 0;

	return d < 0 ? 0 : d > 1e15 ? UINT64_MAX : (uint64_t)d;
}

/* clang-format off */
enum keyword {
	K_TYPE, K_ENUM, K_CONST, K_REQUIRED, K_PROPERTIES, K_MORE, K_MATCHES, K_ITEMS, K_PREFIX,
	K_ANY, K_ONE, K_ALL, K_NOT, K_REF, K_MIN, K_MAX, K_OVER, K_UNDER, K_LEN_MIN, K_LEN_MAX,
	K_ITEMS_MIN, K_ITEMS_MAX, K_PROPS_MIN, K_PROPS_MAX, K_PATTERN, K_OPEN,
};

static const struct {
	const char *name;
	enum keyword k;
} keywords[] = {
	{ "type", K_TYPE }, { "enum", K_ENUM }, { "const", K_CONST }, { "required", K_REQUIRED },
	{ "properties", K_PROPERTIES }, { "additionalProperties", K_MORE },
	{ "patternProperties", K_MATCHES }, { "items", K_ITEMS }, { "prefixItems", K_PREFIX },
	{ "anyOf", K_ANY }, { "oneOf", K_ONE }, { "allOf", K_ALL }, { "not", K_NOT },
	{ "$ref", K_REF }, { "minimum", K_MIN }, { "maximum", K_MAX },
	{ "exclusiveMinimum", K_OVER }, { "exclusiveMaximum", K_UNDER },
	{ "minLength", K_LEN_MIN }, { "maxLength", K_LEN_MAX }, { "minItems", K_ITEMS_MIN },
	{ "maxItems", K_ITEMS_MAX }, { "minProperties", K_PROPS_MIN },
	{ "maxProperties", K_PROPS_MAX }, { "pattern", K_PATTERN },
	/* these may name properties, and are not looked into */
	{ "if", K_OPEN }, { "then", K_OPEN }, { "else", K_OPEN }, { "dependentSchemas", K_OPEN },
	{ "dependencies", K_OPEN }, { "unevaluatedProperties", K_OPEN },
	{ "$dynamicRef", K_OPEN }, { "$recursiveRef", K_OPEN },
};
/* clang-format on */

static int set_number(struct mw_schema_node *n, enum keyword k, struct mw_slice v)
{
	double d;

	if (!(mw_schema_type(v) & MW_IS_NUMBER)) /* draft-04: exclusiveMinimum: true */
		return 0;
	d = mw_schema_number(v);
	switch (k) {
	case K_MIN:
		n->has |= MW_HAS_MIN;
		n->min = d;
		return 0;
	case K_MAX:
		n->has |= MW_HAS_MAX;
		n->max = d;
		return 0;
	case K_OVER:
		n->has |= MW_HAS_OVER;
		n->over = d;
		return 0;
	default:
		n->has |= MW_HAS_UNDER;
		n->under = d;
		return 0;
	}
}

static int set_size(struct mw_schema_node *n, enum keyword k, struct mw_slice v)
{
	uint64_t *const where[] = { &n->len_min,   &n->len_max,	  &n->items_min,
				    &n->items_max, &n->props_min, &n->props_max };

	if (mw_schema_type(v) & MW_IS_NUMBER) {
		n->has |= MW_HAS_SIZE;
		*where[k - K_LEN_MIN] = size_of(v);
	}
	return 0;
}

static int set(struct mw_schema *s, uint32_t node, enum keyword k, struct mw_slice v,
	       unsigned int depth)
{
	uint32_t sub = MW_NONE;
	int r = 0;

	switch (k) {
	case K_TYPE:
		return set_types(s, node, v);
	case K_ENUM:
	case K_CONST:
		return set_enum(s, node, v, k == K_CONST);
	case K_REQUIRED:
		return set_required(s, node, v);
	case K_PROPERTIES:
		return set_props(s, node, v, depth);
	case K_MATCHES:
		return set_matches(s, node, v, depth);
	case K_PREFIX:
		return set_list(s, node, MW_PREFIX, v, depth);
	case K_ANY:
		return set_list(s, node, MW_ANY_OF, v, depth);
	case K_ONE:
		return set_list(s, node, MW_ONE_OF, v, depth);
	case K_ALL:
		return set_list(s, node, MW_ALL_OF, v, depth);
	case K_REF:
		return set_ref(s, node, v);
	case K_ITEMS:
		if (v.p[0] == '[') /* draft-07 */
			return set_list(s, node, MW_PREFIX, v, depth);
		r = compile(s, v, depth + 1, &sub);
		mw_schema_node(s, node)->items = sub;
		return r;
	case K_NOT:
		r = compile(s, v, depth + 1, &sub);
		mw_schema_node(s, node)->not = sub;
		return r;
	case K_MORE:
		r = compile(s, v, depth + 1, &sub);
		mw_schema_node(s, node)->more = sub;
		mw_schema_node(s, node)->has |= MW_HAS_MORE;
		return r;
	case K_PATTERN:
		r = pattern_new(s, v, &sub);
		mw_schema_node(s, node)->pattern = sub;
		return r;
	case K_OPEN:
		mw_schema_node(s, node)->has |= MW_HAS_MORE;
		return 0;
	case K_MIN:
	case K_MAX:
	case K_OVER:
	case K_UNDER:
		return set_number(mw_schema_node(s, node), k, v);
	default:
		return set_size(mw_schema_node(s, node), k, v);
	}
}

static int node_new(struct mw_schema *s, size_t at, uint32_t *ret)
{
	const struct mw_schema_node n = {
		.at = at,
		.first_prop = MW_NONE,
		.first_match = MW_NONE,
		.items = MW_NONE,
		.more = MW_NONE,
		.not = MW_NONE,
		.ref = MW_NONE,
		.list = { MW_NONE, MW_NONE, MW_NONE, MW_NONE },
		.pattern = MW_NONE,
		.len_max = UINT64_MAX,
		.items_max = UINT64_MAX,
		.props_max = UINT64_MAX,
	};
	int r = mw_buf_append(&s->nodes, &n, sizeof(n));

	if (r == 0)
		*ret = (uint32_t)(s->nodes.len / sizeof(n) - 1);
	return r;
}

static bool known(const struct mw_schema *s, size_t at, uint32_t *ret)
{
	const uint32_t n = (uint32_t)(s->nodes.len / sizeof(struct mw_schema_node));

	for (uint32_t i = 1; i < n; i++) {
		if (mw_schema_node(s, i)->at != at)
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static int compile(struct mw_schema *s, struct mw_slice v, unsigned int depth, uint32_t *ret)
{
	const bool never = mw_slice_eq_str(v, "false");
	const size_t at = (size_t)(v.p - s->text.p);
	uint32_t node;
	struct each e;
	int r;

	*ret = MW_NODE_ANY;
	if (known(s, at, ret))
		return 0;
	if ((!never && v.p[0] != '{') || depth > MW_SCHEMA_DEPTH_MAX ||
	    s->depth > 4 * MW_SCHEMA_DEPTH_MAX ||
	    s->nodes.len / sizeof(struct mw_schema_node) >= MW_SCHEMA_NODES_MAX)
		return 0;
	r = node_new(s, at, &node);
	if (r < 0)
		return r;
	*ret = node;
	if (never)
		mw_schema_node(s, node)->has |= MW_HAS_NEVER;
	if (never || !each_init(&e, v, MW_JSON_OBJECT))
		return 0;
	s->depth++;
	while (r == 0 && each_next(&e)) {
		for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
			if (!mw_json_str_eq(e.key, keywords[i].name))
				continue;
			r = set(s, node, keywords[i].k, e.value, depth);
			break;
		}
	}
	s->depth--;
	return r;
}

/* --- the whole -----------------------------------------------------------------------------------
 */

static int matching_init(struct mw_schema *s)
{
	s->general = mw_pcre_context(s->a);
	if (!s->general)
		return -ENOMEM;
	s->compile = pcre2_compile_context_create(s->general);
	s->match = pcre2_match_context_create(s->general);
	s->data = pcre2_match_data_create(1, s->general);
	if (!s->compile || !s->match || !s->data)
		return -ENOMEM;
	(void)pcre2_set_match_limit(s->match, MW_SCHEMA_MATCH_MAX);
	(void)pcre2_set_depth_limit(s->match, MW_SCHEMA_MATCH_MAX);
	(void)pcre2_set_heap_limit(s->match, 1024);
	return 0;
}

int mw_schema_new(const struct mw_alloc *a, struct mw_slice json, struct mw_schema **ret)
{
	struct mw_slice all = { 0 };
	struct mw_schema *s;
	uint32_t root;
	struct each e;
	int r;

	if (!each_init(&e, json, MW_JSON_OBJECT) || mw_json_skip(&e.j, &e.it, &all) < 0)
		return -EINVAL;
	s = mw_alloc_zero(a, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->a = a;
	mw_buf_init(&s->text, a, MW_SCHEMA_BYTES_MAX);
	mw_buf_init(&s->names, a, 2 * MW_SCHEMA_BYTES_MAX);
	mw_buf_init(&s->work, a, 4 * MW_SCHEMA_BYTES_MAX);
	mw_buf_init(&s->nodes, a, (MW_SCHEMA_NODES_MAX + 1) * sizeof(struct mw_schema_node));
	mw_buf_init(&s->props, a, MW_SCHEMA_PROPS_MAX * sizeof(struct mw_schema_prop));
	mw_buf_init(&s->matches, a, MW_SCHEMA_PATTERNS_MAX * sizeof(struct mw_schema_match));
	mw_buf_init(&s->links, a, MW_SCHEMA_BYTES_MAX * sizeof(struct mw_schema_link));
	mw_buf_init(&s->enums, a, MW_SCHEMA_ENUMS_MAX * sizeof(uint64_t));
	r = node_new(s, SIZE_MAX, &root); /* MW_NODE_ANY */
	if (r == 0)
		r = matching_init(s);
	if (r == 0 && all.n <= MW_SCHEMA_BYTES_MAX) {
		r = mw_buf_append(&s->text, all.p, all.n);
		if (r == 0)
			r = compile(s, mw_buf_slice(&s->text), 0, &s->root);
	}
	if (r < 0) {
		mw_schema_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void mw_schema_free(struct mw_schema *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_patterns; i++)
		pcre2_code_free(s->pattern[i]);
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->match);
	pcre2_compile_context_free(s->compile);
	pcre2_general_context_free(s->general);
	mw_buf_done(&s->text);
	mw_buf_done(&s->names);
	mw_buf_done(&s->work);
	mw_buf_done(&s->nodes);
	mw_buf_done(&s->props);
	mw_buf_done(&s->matches);
	mw_buf_done(&s->links);
	mw_buf_done(&s->enums);
	if (s->slots)
		mw_alloc_free(s->a, s->slots, s->n_slots * sizeof(*s->slots));
	mw_alloc_free(s->a, s, sizeof(*s));
}
