/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_args.c
 *
 * Both texts are canonical, so their members have one order: each of the host's is looked for from
 * where the last one was found, and the first that is not there ends it. Time goes with the length,
 * times the depth, which is bounded.
 */
#include "io/trail_args.h"

#include <strings.h>

#include "base/json.h"

#define DEPTH_MAX 24

static const struct mw_slice marks[] = { { (const uint8_t *)"[REDACTED:", 10 },
					 { (const uint8_t *)"[CUT:", 5 } };

/* The first mark in s: its place and length, up to its bracket. */
static bool find_mark(struct mw_slice s, size_t *ret_at, size_t *ret_n)
{
	const uint8_t *best = NULL, *p, *end;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		p = s.n ? memmem(s.p, s.n, marks[i].p, marks[i].n) : NULL;
		if (p && (!best || p < best))
			best = p;
	}
	if (!best)
		return false;
	end = memchr(best, ']', s.n - (size_t)(best - s.p));
	*ret_at = (size_t)(best - s.p);
	*ret_n = end ? (size_t)(end - best) + 1 : s.n - *ret_at;
	return true;
}

bool mw_trail_marked(struct mw_slice text)
{
	size_t at, n;

	return find_mark(text, &at, &n);
}

bool mw_trail_hidden(struct mw_slice text)
{
	if (text.n == 0)
		return false;
	if (memmem(text.p, text.n, "***", 3))
		return true;
	for (size_t i = 0; i + 8 <= text.n; i++)
		if ((text.p[i] | 0x20) == 'r' &&
		    strncasecmp((const char *)text.p + i, "redacted", 8) == 0)
			return true;
	return false;
}

bool mw_trail_fits(struct mw_slice text, struct mw_slice host)
{
	bool open = false; /* a mark stands before what is left of host */
	size_t at, n;

	while (find_mark(host, &at, &n)) {
		const struct mw_slice piece = mw_slice(host.p, at);
		const uint8_t *p = text.p;

		if (open && piece.n)
			p = text.n ? memmem(text.p, text.n, piece.p, piece.n) : NULL;
		else if (!mw_slice_starts(text, piece))
			p = NULL;
		if (!p)
			return false;
		p += piece.n;
		text = mw_slice(p, text.n - (size_t)(p - text.p));
		host = mw_slice_from(host, at + n);
		open = true;
	}
	return open ? mw_slice_ends(text, host) : mw_slice_eq(text, host);
}

struct comparing {
	struct mw_buf *scratch;
	bool marked;   /* the host's has marks somewhere */
	bool compared; /* something was, and was equal */
};

static struct mw_slice inside(struct mw_slice raw)
{
	return raw.n >= 2 && raw.p[0] == '"' ? mw_slice_inside(raw) : raw;
}

/* False: they differ. */
static bool scalar(struct comparing *c, struct mw_slice trail, struct mw_slice host)
{
	struct mw_slice t = inside(trail), h = inside(host);

	if (!c->marked || !mw_trail_marked(h)) {
		if (!mw_slice_eq(t, h))
			return mw_trail_hidden(t);
		c->compared = true;
		return true;
	}
	/* a mark may stand for escapes of any length */
	c->scratch->len = 0;
	if (trail.n && trail.p[0] == '"' && mw_json_str_decode(trail, c->scratch) == 0) {
		const size_t n = c->scratch->len;

		if (mw_json_str_decode(host, c->scratch) < 0)
			return true;
		t = mw_slice(c->scratch->p, n);
		h = mw_slice(c->scratch->p + n, c->scratch->len - n);
	}
	return mw_trail_fits(t, h) || mw_trail_hidden(t);
}

static bool value(struct comparing *c, struct mw_slice trail, struct mw_slice host, int depth);

/* The next member of an object that `j` reads; 0 at its end. */
static int member(struct mw_json *j, struct mw_slice *key, struct mw_slice *v)
{
	struct mw_json_item it;

	if (mw_json_next(j, &it) != 1 || it.tok != MW_JSON_KEY || mw_json_skip(j, &it, v) < 0)
		return 0;
	*key = it.raw;
	return 1;
}

static bool object(struct comparing *c, struct mw_slice trail, struct mw_slice host, int depth)
{
	struct mw_slice key, v, trail_key, trail_v;
	struct mw_json t, h;
	struct mw_json_item it;

	mw_json_init(&t, trail, MW_JSON_DEPTH_MAX);
	mw_json_init(&h, host, MW_JSON_DEPTH_MAX);
	(void)mw_json_next(&t, &it);
	(void)mw_json_next(&h, &it);
	while (member(&h, &key, &v)) {
		if (c->marked && mw_trail_marked(key))
			continue;
		do {
			if (!member(&t, &trail_key, &trail_v))
				return false;
		} while (!mw_slice_eq(trail_key, key));
		if (!value(c, trail_v, v, depth))
			return false;
	}
	return true;
}

static bool array(struct comparing *c, struct mw_slice trail, struct mw_slice host, int depth)
{
	struct mw_json_item ti, hi;
	struct mw_slice tv, hv;
	struct mw_json t, h;

	mw_json_init(&t, trail, MW_JSON_DEPTH_MAX);
	mw_json_init(&h, host, MW_JSON_DEPTH_MAX);
	(void)mw_json_next(&t, &ti);
	(void)mw_json_next(&h, &hi);
	while (mw_json_next(&h, &hi) == 1 && hi.tok != MW_JSON_ARRAY_END) {
		if (mw_json_skip(&h, &hi, &hv) < 0 || mw_json_next(&t, &ti) != 1 ||
		    ti.tok == MW_JSON_ARRAY_END || mw_json_skip(&t, &ti, &tv) < 0 ||
		    !value(c, tv, hv, depth))
			return false;
	}
	return mw_json_next(&t, &ti) == 1 && ti.tok == MW_JSON_ARRAY_END;
}

static bool value(struct comparing *c, struct mw_slice trail, struct mw_slice host, int depth)
{
	const uint8_t h = host.n ? host.p[0] : 0, t = trail.n ? trail.p[0] : 0;
	const bool nested = h == '{' || h == '[';

	if (mw_slice_eq(trail, host)) {
		c->compared |= !c->marked || !mw_trail_marked(host);
		return true;
	}
	/* a mark in place of a whole object or array */
	if (!nested && (t == '{' || t == '['))
		return h == '"' && mw_trail_marked(host);
	if (!nested)
		return scalar(c, trail, host);
	if (t != h)
		return mw_trail_hidden(trail);
	if (depth == 0) /* beyond any sense: not known */
		return true;
	return h == '{' ? object(c, trail, host, depth - 1) : array(c, trail, host, depth - 1);
}

enum mw_trail_rel mw_trail_args(struct mw_slice trail, struct mw_slice host, bool marked,
				struct mw_buf *scratch)
{
	struct comparing c = { .scratch = scratch, .marked = marked };

	if (trail.n == 0 || host.n == 0)
		return MW_REL_UNKNOWN;
	if (!marked && mw_slice_eq(trail, host))
		return MW_REL_EQUAL;
	if (!value(&c, trail, host, DEPTH_MAX))
		return MW_REL_UNLIKE;
	/* {} says nothing of what a trail's {"a":1} is */
	return c.compared ? MW_REL_EQUAL : MW_REL_UNKNOWN;
}
