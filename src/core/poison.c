/* SPDX-License-Identifier: Apache-2.0 */
/* poison.c - all strings of a definition, and which is the worst */
#include <errno.h>

#include "base/hash.h"
#include "base/json.h"
#include "core/poison_priv.h"

#define TEXT_MAX  (256u << 20)
#define PATH_MAX_ 1024u
#define KEEP	  (256u << 10)

const char *mw_poison_name(unsigned int bit)
{
	switch (bit) {
	case MW_POISON_HIDDEN:
		return "hidden";
	case MW_POISON_BIDI:
		return "bidi";
	case MW_POISON_TAGS:
		return "tags";
	case MW_POISON_IMPERATIVE:
		return "imperative";
	case MW_POISON_SECRET:
		return "secret";
	case MW_POISON_OTHER_TOOL:
		return "other_tool";
	case MW_POISON_CONCEAL:
		return "conceal";
	case MW_POISON_SEND:
		return "send";
	default:
		return "";
	}
}

int mw_poison_new(const struct mw_alloc *a, struct mw_poison_scan **ret)
{
	struct mw_poison_scan *p = mw_alloc_zero(a, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->a = a;
	mw_fold_init(&p->fold, a);
	mw_fold_init(&p->inner, a);
	mw_buf_init(&p->text, a, TEXT_MAX);
	mw_buf_init(&p->split, a, TEXT_MAX);
	mw_buf_init(&p->code, a, TEXT_MAX);
	mw_buf_init(&p->path, a, PATH_MAX_);
	mw_rules_init(&p->rules);
	r = mw_poison_terms_new(p);
	if (r < 0) {
		mw_poison_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void mw_poison_free(struct mw_poison_scan *p)
{
	if (!p)
		return;
	mw_poison_terms_free(p);
	mw_fold_done(&p->fold);
	mw_fold_done(&p->inner);
	mw_buf_done(&p->text);
	mw_buf_done(&p->split);
	mw_buf_done(&p->code);
	mw_buf_done(&p->path);
	mw_alloc_free(p->a, p, sizeof(*p));
}

/* --- names of other tools ------------------------------------------------------------------------
 */

static int others_new(struct mw_poison_scan *p, const struct mw_slice *v, size_t n)
{
	size_t places = 16;

	p->others.n = 0;
	if (n == 0)
		return 0;
	while (places < 2 * n)
		places *= 2;
	p->others.v = mw_alloc_zero(p->a, places * sizeof(*v));
	if (!p->others.v)
		return -ENOMEM;
	p->others.n = places;
	for (size_t i = 0; i < n; i++) {
		size_t k = mw_hash64(v[i], 0) & (places - 1);

		if (v[i].n == 0)
			continue;
		while (p->others.v[k].n && !mw_slice_eq(p->others.v[k], v[i]))
			k = (k + 1) & (places - 1);
		p->others.v[k] = v[i];
	}
	return 0;
}

static void others_free(struct mw_poison_scan *p)
{
	if (p->others.n)
		mw_alloc_free(p->a, p->others.v, p->others.n * sizeof(*p->others.v));
	p->others = (struct mw_poison_names){ 0 };
}

/* --- the way to a string -------------------------------------------------------------------------
 */

struct walk {
	struct mw_json j;
	struct mw_poison_found found;
	struct mw_fired all, best; /* rules of all strings; of the worst */
	unsigned int worst;
	struct mw_slice
	    *key; /* raw, of the member open at this depth; not set before there is one */
};

/* Of what a schema has beside sentences. */
static bool is_odd(struct mw_slice key)
{
	static const char *const odd[] = { "enum",     "default",  "title",  "const",
					   "examples", "$id",	   "format", "pattern",
					   "$comment", "required", "type" };

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (mw_json_str_eq(key, odd[i]))
			return true;
	return false;
}

/* Cut where it is too long: it is for people. */
static void put_path(struct mw_poison_scan *p, const struct walk *w, unsigned int depth)
{
	struct mw_buf *b = &p->path;
	bool first = true;

	b->len = 0;
	for (unsigned int i = 1; i <= depth; i++) {
		const struct mw_slice k = w->key[i];

		if (k.n < 2)
			continue;
		if ((!first && mw_buf_append_byte(b, '.') < 0) ||
		    mw_buf_append(b, k.p + 1, k.n - 2) < 0)
			break;
		first = false;
	}
}

/* Where it is remembered that a string is of no matter; NULL: it is too long. */
static struct mw_poison_known *known_of(struct mw_poison_scan *p, struct mw_slice raw, bool key)
{
	if (raw.n < 3 || raw.n > MW_POISON_KNOWN_LEN)
		return NULL;
	return &p->known[(raw.n * 31u + raw.p[1] * 7u + raw.p[raw.n - 2] + key * 101u) %
			 MW_POISON_KNOWN];
}

static bool is_known(const struct mw_poison_known *k, struct mw_slice raw, bool key)
{
	return k && k->n == raw.n && k->key == key && memcmp(k->text, raw.p, raw.n) == 0;
}

static int look(struct mw_poison_scan *p, struct walk *w, const struct mw_json_item *it)
{
	const unsigned int depth = it->depth;
	const bool key = it->tok == MW_JSON_KEY;
	struct mw_poison_known *known = p->data ? known_of(p, it->raw, key) : NULL;
	struct mw_poison_text t;
	bool odd = false;
	int r;

	if (is_known(known, it->raw, key)) {
		w->found.n_strings++;
		return 0;
	}
	mw_buf_reset(&p->text, KEEP);
	r = mw_json_str_decode(it->raw, &p->text);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	w->found.n_strings++;
	if (p->data && mw_poison_is_quiet(p, mw_buf_slice(&p->text), key)) {
		if (known) {
			known->n = (uint8_t)it->raw.n;
			known->key = key;
			memcpy(known->text, it->raw.p, it->raw.n);
		}
		return 0;
	}
	for (unsigned int i = depth, n = 0; i > 0 && n < 2 && !key; i--, n++)
		odd |= w->key[i].n && is_odd(w->key[i]);
	r = mw_poison_look(p, mw_buf_slice(&p->text), key, odd, &t);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	w->found.bits |= t.score ? t.bits : 0;
	for (size_t i = 0; i < MW_POISON_RULES_MAX / 64; i++)
		w->all.w[i] |= t.fired.w[i];
	if (t.score <= w->worst)
		return 0;
	w->worst = t.score;
	w->best = t.fired;
	put_path(p, w, depth);
	return 0;
}

/* What is spread over several strings counts a third. */
static unsigned int total(const struct walk *w, bool data)
{
	struct mw_fired rest;
	unsigned int sum;

	for (size_t i = 0; i < MW_POISON_RULES_MAX / 64; i++)
		rest.w[i] = w->all.w[i] & ~w->best.w[i];
	sum = w->worst + mw_rules_score(&rest, data) / 3;
	return sum < 100 ? sum : 100;
}

static int scan(struct mw_poison_scan *p, struct mw_slice json, struct mw_poison_found *ret)
{
	struct mw_json_item it;
	struct walk w;
	int r;

	w.found = (struct mw_poison_found){ 0 };
	w.all = w.best = (struct mw_fired){ 0 };
	w.worst = 0;
	w.key = p->keys;
	p->path.len = 0;
	mw_json_init(&w.j, json, MW_JSON_DEPTH_MAX);
	while ((r = mw_json_next(&w.j, &it)) == 1) {
		if (it.tok == MW_JSON_OBJECT || it.tok == MW_JSON_ARRAY)
			w.key[it.depth + 1] = (struct mw_slice){ 0 };
		if (it.tok == MW_JSON_KEY)
			w.key[it.depth] = it.raw;
		r = it.tok == MW_JSON_KEY || it.tok == MW_JSON_STRING ? look(p, &w, &it) : 0;
		if (r < 0)
			return r;
	}
	w.found.score = total(&w, p->data);
	w.found.at = mw_buf_slice(&p->path);
	*ret = w.found;
	return 0;
}

int mw_poison_scan(struct mw_poison_scan *p, struct mw_slice json, struct mw_slice name,
		   const struct mw_slice *others, size_t n_others, struct mw_poison_found *ret)
{
	int r = others_new(p, others, n_others);

	if (r < 0)
		return r;
	p->others.own = name;
	p->data = false;
	r = scan(p, json, ret);
	others_free(p);
	return r;
}

int mw_poison_scan_data(struct mw_poison_scan *p, struct mw_slice json, struct mw_poison_found *ret)
{
	p->data = true;
	return scan(p, json, ret);
}
