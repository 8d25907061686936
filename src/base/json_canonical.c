/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass makes a node of every value, in the order of the text, each linked to its next sibling,
 * its first child and its container. An object's list is sorted when it closes. Then the links are
 * followed and the output is written; nothing recurses.
 */
#include <errno.h>

#include "base/json_str.h"

#define NONE UINT32_MAX

struct node {
	uint32_t key, key_n; /* offset and length in the text; 0 length: not a member */
	uint32_t val, val_n; /* a container: its first byte */
	uint32_t next, first, up;
	uint32_t last; /* the newest child, while the container is open */
};

struct doc {
	struct mw_slice text;
	struct mw_buf mem;
	struct node *nodes; /* mem's bytes */
	uint32_t n;
};

static struct mw_slice key_of(const struct doc *d, uint32_t i)
{
	return mw_slice(d->text.p + d->nodes[i].key, d->nodes[i].key_n);
}

static int add_node(struct doc *d, uint32_t up, uint32_t *ret)
{
	struct node *n;
	int r;

	r = mw_buf_reserve(&d->mem, sizeof(*n));
	if (r < 0)
		return r;
	d->nodes = (struct node *)(void *)d->mem.p;
	d->mem.len += sizeof(*n);
	n = &d->nodes[d->n];
	*n = (struct node){ .next = NONE, .first = NONE, .last = NONE, .up = up };
	if (up != NONE) {
		struct node *c = &d->nodes[up];

		if (c->last == NONE)
			c->first = d->n;
		else
			d->nodes[c->last].next = d->n;
		c->last = d->n;
	}
	*ret = d->n++;
	return 0;
}

/* Merges two sorted lists; -EINVAL at equal keys. */
static int merge(const struct doc *d, uint32_t a, uint32_t b, uint32_t *ret_head,
		 uint32_t *ret_tail)
{
	uint32_t head = NONE, tail = NONE, *take;

	while (a != NONE || b != NONE) {
		if (a != NONE && b != NONE) {
			int c = mw_json_str_cmp_utf16(key_of(d, a), key_of(d, b));

			if (c == 0)
				return -EINVAL;
			take = c < 0 ? &a : &b;
		} else {
			take = a != NONE ? &a : &b;
		}
		if (head == NONE)
			head = *take;
		else
			d->nodes[tail].next = *take;
		tail = *take;
		*take = d->nodes[tail].next;
	}
	*ret_head = head;
	*ret_tail = tail;
	return 0;
}

/* Cuts n nodes off the front of list; what follows them. */
static uint32_t cut(const struct doc *d, uint32_t list, size_t n)
{
	uint32_t rest;

	while (list != NONE && --n)
		list = d->nodes[list].next;
	if (list == NONE)
		return NONE;
	rest = d->nodes[list].next;
	d->nodes[list].next = NONE;
	return rest;
}

/* A merge sort from the bottom up, over the links. */
static int sort_members(struct doc *d, uint32_t object)
{
	uint32_t list = d->nodes[object].first;

	for (size_t width = 1;; width *= 2) {
		uint32_t rest = list, tail = NONE, head, last;
		size_t n_merges = 0;

		list = NONE;
		while (rest != NONE) {
			uint32_t a = rest, b = cut(d, a, width);
			int r;

			rest = cut(d, b, width);
			r = merge(d, a, b, &head, &last);
			if (r < 0)
				return r;
			if (list == NONE)
				list = head;
			else
				d->nodes[tail].next = head;
			tail = last;
			n_merges++;
		}
		if (n_merges <= 1)
			break;
	}
	d->nodes[object].first = list;
	return 0;
}

static int build(struct doc *d)
{
	struct mw_json_item it, key = { 0 };
	uint32_t up = NONE, i;
	struct mw_json j;
	bool has_form = true; /* -EINVAL waits for the end: not JSON at all comes before it */
	int r;

	mw_json_init(&j, d->text, MW_JSON_DEPTH_MAX);
	while ((r = mw_json_next(&j, &it)) > 0) {
		if (it.flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE))
			has_form = false;
		switch (it.tok) {
		case MW_JSON_KEY:
			key = it;
			continue;
		case MW_JSON_OBJECT_END:
			if (has_form && sort_members(d, up) < 0)
				has_form = false;
			/* fall through */
		case MW_JSON_ARRAY_END:
			up = d->nodes[up].up;
			continue;
		default:
			break;
		}
		r = add_node(d, up, &i);
		if (r < 0)
			return r;
		if (key.raw.n) {
			d->nodes[i].key = (uint32_t)(key.raw.p - d->text.p);
			d->nodes[i].key_n = (uint32_t)key.raw.n;
			key.raw.n = 0;
		}
		d->nodes[i].val = (uint32_t)(it.raw.p - d->text.p);
		d->nodes[i].val_n = (uint32_t)it.raw.n;
		if (it.tok == MW_JSON_OBJECT || it.tok == MW_JSON_ARRAY)
			up = i;
	}
	if (r < 0)
		return r;
	return has_form ? 0 : -EINVAL;
}

/* RFC 8785, 3.2.2.2: only ", \ and controls are escaped, and in one way. */
static int put_string(struct mw_buf *out, struct mw_slice raw)
{
	unsigned int flags = 0;
	struct mw_slice s, run;
	uint8_t c[6];
	uint32_t cp;
	int r;

	if (!memchr(raw.p, '\\', raw.n))
		return mw_buf_append(out, raw.p, raw.n);
	if (!mw_json_inside(raw, &s))
		return -EINVAL;
	r = mw_buf_append_byte(out, '"');
	while (r == 0) {
		run = mw_json_take_plain(&s);
		r = mw_buf_append(out, run.p, run.n);
		if (r < 0)
			return r;
		r = mw_json_char(&s, &cp, &flags);
		if (r < 0)
			return r;
		if (r == 0)
			return mw_buf_append_byte(out, '"');
		if (cp < 0x20 || cp == '"' || cp == '\\')
			r = mw_buf_append(out, c, mw_json_escape_put((uint8_t)cp, c));
		else
			r = mw_buf_append(out, c, mw_utf8_put(cp, c));
	}
	return r;
}

static int put_begin(const struct doc *d, const struct node *n, struct mw_buf *out)
{
	struct mw_slice val = mw_slice(d->text.p + n->val, n->val_n);
	int r;

	if (n->key_n) {
		r = put_string(out, mw_slice(d->text.p + n->key, n->key_n));
		if (r < 0)
			return r;
		r = mw_buf_append_byte(out, ':');
		if (r < 0)
			return r;
	}
	if (*val.p == '"')
		return put_string(out, val);
	if (*val.p == '-' || (*val.p >= '0' && *val.p <= '9'))
		return mw_json_num_canonical(val, out);
	return mw_buf_append(out, val.p, val.n);
}

static int put_all(const struct doc *d, struct mw_buf *out)
{
	uint32_t i = 0;
	int r;

	for (;;) {
		const struct node *n = &d->nodes[i];
		uint8_t c = d->text.p[n->val];

		r = put_begin(d, n, out);
		if (r < 0)
			return r;
		if (n->first != NONE) {
			i = n->first;
			continue;
		}
		if (c == '{' || c == '[') {
			r = mw_buf_append_byte(out, (uint8_t)(c + 2));
			if (r < 0)
				return r;
		}
		while (d->nodes[i].next == NONE) {
			i = d->nodes[i].up;
			if (i == NONE)
				return 0;
			/* } and ] stand two behind { and [ */
			r = mw_buf_append_byte(out, (uint8_t)(d->text.p[d->nodes[i].val] + 2));
			if (r < 0)
				return r;
		}
		r = mw_buf_append_byte(out, ',');
		if (r < 0)
			return r;
		i = d->nodes[i].next;
	}
}

int mw_json_canonical(struct mw_slice text, struct mw_buf *out)
{
	struct doc d = { .text = text };
	size_t len = out->len;
	int r;

	if (text.n >= NONE)
		return -E2BIG;
	/* a value takes a byte and one that parts it from the next */
	mw_buf_init(&d.mem, out->a, (text.n / 2 + 2) * sizeof(struct node));
	r = build(&d);
	if (r == 0)
		r = put_all(&d, out);
	mw_buf_done(&d.mem);
	if (r < 0)
		out->len = len;
	return r;
}
