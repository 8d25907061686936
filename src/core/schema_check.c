/* SPDX-License-Identifier: Apache-2.0 */
/* schema_check.c - what a schema does not allow in arguments */
#include <errno.h>

#include "base/json.h"
#include "core/schema_priv.h"

#define NAME_MAX_ 128u
/* Nodes that hold for one value together: itself, its references and branches. */
#define TOGETHER_MAX 64u
#define DEPTH_MAX    128u

struct check {
	struct mw_schema *s;
	struct mw_buf *text;
	struct mw_slice *ret;
	size_t start, max, n;
	unsigned int silent, depth;
	size_t steps, subjects;
	struct mw_buf path;
	bool nomem;
};

static int check(struct check *c, uint32_t node, struct mw_slice v, bool branch);

/* --- what is said --------------------------------------------------------------------------------
 */

static int say(struct check *c, const char *what, struct mw_slice name)
{
	struct mw_buf *b = c->text;
	const size_t at = b->len;
	int r;

	c->n++;
	if (c->silent || c->n > c->max)
		return 0;
	if (name.n > NAME_MAX_)
		name.n = NAME_MAX_;
	r = mw_buf_append_str(b, what);
	if (r == 0)
		r = mw_buf_append_byte(b, ':');
	if (r == 0)
		r = mw_buf_append(b, c->path.p, c->path.len);
	if (r == 0 && name.n && c->path.len)
		r = mw_buf_append_byte(b, '.');
	if (r == 0)
		r = mw_buf_append(b, name.p, name.n);
	/* where it lies is known once `text` no longer moves */
	c->ret[c->n - 1] = mw_slice(NULL, r == 0 ? b->len - at : 0);
	if (r < 0)
		b->len = at;
	return r == -ENOMEM ? r : 0;
}

static const struct mw_slice no_name = { 0 };

/* Goes into a member; what mw_buf_append said. *ret: the path's length before. */
static int enter(struct check *c, struct mw_slice name, size_t *ret)
{
	int r = 0;

	*ret = c->path.len;
	if (c->silent)
		return 0;
	if (name.n > NAME_MAX_)
		name.n = NAME_MAX_;
	if (c->path.len)
		r = mw_buf_append_byte(&c->path, '.');
	if (r == 0)
		r = mw_buf_append(&c->path, name.p, name.n);
	return r == -ENOMEM ? r : 0; /* too long: a shorter path */
}

/* --- values --------------------------------------------------------------------------------------
 */

static bool matches(struct check *c, uint32_t pattern, struct mw_slice t)
{
	struct mw_schema *s = c->s;
	int r;

	if (t.n > MW_SCHEMA_SUBJECT_MAX || c->subjects + t.n > MW_SCHEMA_SUBJECTS_MAX)
		return true;
	c->subjects += t.n + 16;
	r = pcre2_match(s->pattern[pattern], t.p ? t.p : (const uint8_t *)"", t.n, 0,
			PCRE2_NO_UTF_CHECK, s->data, s->match);
	c->nomem |= r == PCRE2_ERROR_NOMEMORY;
	return r != PCRE2_ERROR_NOMATCH; /* in doubt it is allowed */
}

static uint64_t n_chars(struct mw_slice t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t.n; i++)
		n += (t.p[i] & 0xc0) != 0x80;
	return n;
}

static int check_string(struct check *c, const struct mw_schema_node *k, struct mw_slice v)
{
	struct mw_buf *b = &c->s->work;
	uint64_t n;
	int r;

	if (!(k->has & MW_HAS_SIZE) && k->pattern == MW_NONE)
		return 0;
	c->steps += v.n / 64;
	if (c->steps > MW_SCHEMA_STEPS_MAX)
		return 0;
	b->len = 0;
	r = mw_json_str_decode(v, b);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	n = n_chars(mw_buf_slice(b));
	if (n < k->len_min || n > k->len_max) {
		r = say(c, "range", no_name);
		if (r < 0)
			return r;
	}
	if (k->pattern != MW_NONE && !matches(c, k->pattern, mw_buf_slice(b)))
		return say(c, "pattern", no_name);
	return 0;
}

static int check_number(struct check *c, const struct mw_schema_node *k, struct mw_slice v)
{
	double d;

	if (!(k->has & (MW_HAS_MIN | MW_HAS_MAX | MW_HAS_OVER | MW_HAS_UNDER)))
		return 0;
	d = mw_schema_number(v);
	if ((k->has & MW_HAS_MIN && d < k->min) || (k->has & MW_HAS_MAX && d > k->max) ||
	    (k->has & MW_HAS_OVER && d <= k->over) || (k->has & MW_HAS_UNDER && d >= k->under))
		return say(c, "range", no_name);
	return 0;
}

static int check_array(struct check *c, const struct mw_schema_node *k, struct mw_slice v)
{
	uint32_t prefix = k->list[MW_PREFIX];
	struct mw_json_item it;
	struct mw_slice item;
	struct mw_json j;
	uint64_t n = 0;
	size_t was;
	int r;

	mw_json_init(&j, v, MW_JSON_DEPTH_MAX);
	(void)mw_json_next(&j, &it);
	for (; mw_json_next(&j, &it) == 1 && it.tok != MW_JSON_ARRAY_END; n++) {
		uint32_t node = k->items;
		char name[24];

		if (mw_json_skip(&j, &it, &item) < 0)
			break;
		if (prefix != MW_NONE) {
			node = mw_schema_link(c->s, prefix)->node;
			prefix = mw_schema_link(c->s, prefix)->next;
		}
		if (node == MW_NONE || node == MW_NODE_ANY || c->steps > MW_SCHEMA_STEPS_MAX)
			continue;
		(void)snprintf(name, sizeof(name), "%llu", (unsigned long long)n);
		r = enter(c, mw_slice_str(name), &was);
		if (r == 0)
			r = check(c, node, item, false);
		c->path.len = was;
		if (r < 0)
			return r;
	}
	return n < k->items_min || n > k->items_max ? say(c, "range", no_name) : 0;
}

/* --- objects -------------------------------------------------------------------------------------
 */

struct together {
	uint32_t v[TOGETHER_MAX];
	size_t n;
	bool open;  /* one of them says itself what else is allowed, or they are too many */
	bool named; /* one of them has properties */
};

static void gather(const struct mw_schema *s, uint32_t node, struct together *t)
{
	const struct mw_schema_node *k = mw_schema_node(s, node);

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i] == node)
			return;
	t->open |= node == MW_NODE_ANY || t->n == TOGETHER_MAX || k->has & MW_HAS_MORE;
	if (t->open)
		return;
	t->v[t->n++] = node;
	t->named |= (k->has & MW_HAS_PROPS) != 0;
	if (k->ref != MW_NONE)
		gather(s, k->ref, t);
	for (int l = MW_ALL_OF; l <= MW_ONE_OF; l++)
		for (uint32_t i = k->list[l]; i != MW_NONE && !t->open;
		     i = mw_schema_link(s, i)->next)
			gather(s, mw_schema_link(s, i)->node, t);
}

static bool is_named(struct check *c, const struct together *t, struct mw_slice name)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct mw_schema_node *k = mw_schema_node(c->s, t->v[i]);

		if (mw_schema_find(c->s, t->v[i], name) != MW_NONE)
			return true;
		for (uint32_t m = k->first_match; m != MW_NONE; m = mw_schema_match(c->s, m)->next)
			if (matches(c, mw_schema_match(c->s, m)->pattern, name))
				return true;
	}
	return false;
}

/* A member of a name that `k` names, or a pattern of it, or nobody. `name` is in c->s->work and
 * goes with the first check. */
static int check_member(struct check *c, uint32_t node, struct mw_slice name, struct mw_slice v,
			uint64_t visit)
{
	const struct mw_schema_node k = *mw_schema_node(c->s, node);
	const uint32_t prop = mw_schema_find(c->s, node, name);
	uint32_t by[8], n = 0;
	bool matched = false;
	size_t was;
	int r;

	if (prop != MW_NONE) {
		struct mw_schema_prop *p = mw_schema_prop(c->s, prop);

		p->seen = visit;
		matched = p->node != MW_NONE;
		if (matched)
			by[n++] = p->node;
	}
	for (uint32_t m = k.first_match; m != MW_NONE; m = mw_schema_match(c->s, m)->next) {
		if (!matches(c, mw_schema_match(c->s, m)->pattern, name))
			continue;
		matched = true;
		if (n < sizeof(by) / sizeof(by[0]))
			by[n++] = mw_schema_match(c->s, m)->node;
	}
	if (!matched && k.more != MW_NONE) {
		if (mw_schema_node(c->s, k.more)->has & MW_HAS_NEVER)
			return say(c, "unknown", name);
		by[n++] = k.more;
	}
	r = enter(c, name, &was);
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = check(c, by[i], v, false);
	c->path.len = was;
	return r;
}

static int check_missing(struct check *c, uint32_t node, uint64_t visit)
{
	int r = 0;

	for (uint32_t i = mw_schema_node(c->s, node)->first_prop; i != MW_NONE && r == 0;
	     i = mw_schema_prop(c->s, i)->next) {
		const struct mw_schema_prop *p = mw_schema_prop(c->s, i);

		c->steps++;
		if (p->required && p->seen != visit)
			r = say(c, "missing", mw_schema_name(c->s, p));
	}
	return r;
}

/* Members once over: which there are (seen), or (visit 0) what they hold. */
static int each_member(struct check *c, uint32_t node, struct mw_slice v, uint64_t visit,
		       const struct together *t, uint64_t *ret_n)
{
	struct mw_slice key, value, name;
	struct mw_json_object o;
	uint32_t i;
	int r = 0;

	mw_json_object_init(&o, v);
	for (; r == 0 && mw_json_object_next(&o, &key, &value); (*ret_n)++) {
		if (c->steps++ > MW_SCHEMA_STEPS_MAX)
			break;
		c->s->work.len = 0;
		r = mw_json_str_decode(key, &c->s->work);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
		name = mw_buf_slice(&c->s->work);
		if (!visit) {
			r = check_member(c, node, name, value, 0);
			continue;
		}
		i = mw_schema_find(c->s, node, name);
		if (i != MW_NONE)
			mw_schema_prop(c->s, i)->seen = visit;
		if (t && !is_named(c, t, name))
			r = say(c, "unknown", name);
	}
	return r;
}

static int check_object(struct check *c, uint32_t node, struct mw_slice v, bool branch)
{
	const struct mw_schema_node k = *mw_schema_node(c->s, node);
	const uint64_t visit = ++c->s->visit;
	struct together t = { .n = 0 };
	uint64_t n = 0, again = 0;
	bool asks = false;
	int r;

	if (!branch) {
		gather(c->s, node, &t);
		asks = t.named && !t.open;
	}
	r = each_member(c, node, v, visit, asks ? &t : NULL, &n);
	/* not all were seen */
	if (r == 0 && c->steps > MW_SCHEMA_STEPS_MAX)
		return 0;
	if (r == 0)
		r = check_missing(c, node, visit);
	if (r == 0 && (n < k.props_min || n > k.props_max))
		r = say(c, "range", no_name);
	if (r < 0 || (k.first_prop == MW_NONE && k.first_match == MW_NONE && k.more == MW_NONE))
		return r;
	return each_member(c, node, v, 0, NULL, &again);
}

/* --- branches ------------------------------------------------------------------------------------
 */

/* How many faults it would have. */
static int try(struct check *c, uint32_t node, struct mw_slice v, size_t *ret)
{
	const size_t was = c->n;
	int r;

	c->silent++;
	r = check(c, node, v, true);
	c->silent--;
	*ret = c->n - was;
	c->n = was;
	return r;
}

static int check_any(struct check *c, uint32_t list, struct mw_slice v)
{
	const unsigned int type = mw_schema_type(v);
	uint32_t only = MW_NONE;
	size_t fit = 0, faults;
	int r;

	for (uint32_t i = list; i != MW_NONE; i = mw_schema_link(c->s, i)->next) {
		const uint32_t node = mw_schema_link(c->s, i)->node;
		const uint32_t types = mw_schema_node(c->s, node)->types;

		r = try(c, node, v, &faults);
		if (r < 0 || faults == 0)
			return r;
		if (types == 0 || types & type) {
			only = node;
			fit++;
		}
	}
	/* the one that was meant says best what is wrong */
	return fit == 1 ? check(c, only, v, true) : say(c, "type", no_name);
}

static int check_branches(struct check *c, const struct mw_schema_node *k, struct mw_slice v)
{
	size_t faults;
	int r = 0;

	if (k->ref != MW_NONE)
		r = check(c, k->ref, v, true);
	for (uint32_t i = k->list[MW_ALL_OF]; i != MW_NONE && r == 0;
	     i = mw_schema_link(c->s, i)->next)
		r = check(c, mw_schema_link(c->s, i)->node, v, true);
	if (r == 0 && k->list[MW_ANY_OF] != MW_NONE)
		r = check_any(c, k->list[MW_ANY_OF], v);
	if (r == 0 && k->list[MW_ONE_OF] != MW_NONE)
		r = check_any(c, k->list[MW_ONE_OF], v);
	if (r == 0 && k->not != MW_NONE) {
		r = try(c, k->not, v, &faults);
		/* where the steps ran out nothing is known */
		if (r == 0 && faults == 0 && c->steps <= MW_SCHEMA_STEPS_MAX)
			r = say(c, "type", no_name);
	}
	return r;
}

static int check_enum(struct check *c, const struct mw_schema_node *k, struct mw_slice v)
{
	uint64_t h, e;
	int r;

	/* an escape has at most six bytes for one */
	if (v.p[0] == '"' && v.n / 6 > k->enum_max)
		return say(c, "enum", no_name);
	c->steps += v.n / 64;
	if (c->steps > MW_SCHEMA_STEPS_MAX)
		return 0;
	r = mw_schema_hash(c->s, v, &h);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	c->steps += k->n_enums / 64;
	for (uint32_t i = 0; i < k->n_enums; i++) {
		memcpy(&e, c->s->enums.p + (k->enums + i) * sizeof(e), sizeof(e));
		if (e == h)
			return 0;
	}
	return say(c, "enum", no_name);
}

static int check_node(struct check *c, uint32_t node, struct mw_slice v, bool branch)
{
	const struct mw_schema_node k = *mw_schema_node(c->s, node);
	const unsigned int type = mw_schema_type(v);
	int r = 0;

	if (k.has & MW_HAS_NEVER || (k.types && !(k.types & type)))
		return say(c, "type", no_name);
	if (k.has & MW_HAS_ENUM)
		r = check_enum(c, &k, v);
	if (r == 0 && type & MW_IS_STRING)
		r = check_string(c, &k, v);
	if (r == 0 && type & MW_IS_NUMBER)
		r = check_number(c, &k, v);
	if (r == 0 && type & MW_IS_ARRAY)
		r = check_array(c, &k, v);
	if (r == 0 && type & MW_IS_OBJECT)
		r = check_object(c, node, v, branch);
	return r < 0 ? r : check_branches(c, &k, v);
}

/* branch: of a value that another node speaks of too, so that names it does not know are not
 * unknown.
 */
static int check(struct check *c, uint32_t node, struct mw_slice v, bool branch)
{
	int r;

	if (node == MW_NODE_ANY || c->steps++ > MW_SCHEMA_STEPS_MAX || c->depth == DEPTH_MAX)
		return 0;
	c->depth++;
	r = check_node(c, node, v, branch);
	c->depth--;
	return r;
}

int mw_schema_check(struct mw_schema *s, struct mw_slice args, struct mw_buf *text,
		    struct mw_slice *ret, size_t max)
{
	struct check c = { .s = s, .text = text, .ret = ret, .start = text->len, .max = max };
	size_t at = c.start;
	struct mw_json_item it;
	struct mw_json j;
	int r;

	if (args.n == 0)
		args = MW_SLICE_LIT("{}");
	/* its one value, without white space about it */
	mw_json_init(&j, args, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1 || mw_json_skip(&j, &it, &args) < 0)
		return 0;
	mw_buf_init(&c.path, s->a, 4096);
	r = check(&c, s->root, args, false);
	mw_buf_done(&c.path);
	if (r < 0 || c.nomem)
		return -ENOMEM;
	for (size_t i = 0; i < c.n && i < max; i++) {
		ret[i].p = text->p + at;
		at += ret[i].n;
	}
	return c.n > INT32_MAX ? INT32_MAX : (int)c.n;
}
