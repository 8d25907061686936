/* SPDX-License-Identifier: Apache-2.0 */
/* schema_shape.c - the shape of arguments, as a hash */
#include "base/hash.h"
#include "base/json.h"
#include "core/redact_priv.h"
#include "core/schema.h"

#define DEPTH_MAX 8
/* Different shapes of one array's items that count. */
#define SHAPES_MAX 32
#define LONG	   512

enum text {
	EMPTY = 1,
	NUMBER,
	PATH,
	URL,
	HOST,
	EMAIL,
	SHELL,
	LONGER,
	WORDS,
	BOOL,
	NIL,
	DEEP,
	ARRAY,
	OBJECT,
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	const uint64_t v[2] = { a, b };

	return mw_hash64(mw_slice(v, sizeof(v)), 0);
}

static bool has(struct mw_slice s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* Whether any byte is there that all that is_shell looks for has one of. */
static bool has_sign(struct mw_slice s)
{
	static const bool sign[256] = {
		['$'] = true, ['`'] = true, ['&'] = true, ['|'] = true, [';'] = true, ['\\'] = true
	};

	for (size_t i = 0; i < s.n; i++)
		if (sign[s.p[i]])
			return true;
	return false;
}

/* What one would hardly write but for a shell; ';', '&' and '<' alone stand in ordinary texts. */
static bool is_shell(struct mw_slice s)
{
	static const char *const signs[] = { "$(",  "`",    "&&",  "||",  "${",
					     " | ", ";\\n", "|sh", "\\n/" };

	if (!has_sign(s))
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (has(s, signs[i]))
			return true;
	/* "a; b" of one line without a sentence's capital */
	for (size_t i = 0; i + 2 < s.n; i++)
		if (s.p[i] == ';' && (mw_is_alnum(s.p[i + 1]) || s.p[i + 1] == '/'))
			return true;
	return false;
}

/* Of a string's inside as it is written: its escapes matter to none of these. */
static enum text class_of(struct mw_slice s)
{
	size_t digits = 0, dots = 0, letters = 0, slashes = 0, spaces = 0, at = 0;

	if (s.n == 0)
		return EMPTY;
	for (size_t i = 0; i < s.n && i < LONG; i++) {
		digits += mw_is_digit(s.p[i]);
		letters += mw_is_alnum(s.p[i]) && !mw_is_digit(s.p[i]);
		dots += s.p[i] == '.';
		slashes += s.p[i] == '/';
		spaces += s.p[i] == ' ' || s.p[i] >= 0x80;
		at += s.p[i] == '@';
	}
	if (!spaces && has(s, "://"))
		return URL;
	if (is_shell(s))
		return SHELL;
	if (s.n > LONG)
		return LONGER;
	if (!letters && digits && digits + dots + 1 >= s.n)
		return NUMBER;
	if (spaces)
		return s.p[0] == '/' ? PATH : WORDS;
	if (at == 1 && dots && !slashes)
		return EMAIL;
	if (slashes || s.p[0] == '~')
		return PATH;
	return dots && letters ? HOST : WORDS;
}

/* A set has each shape once, in no order. */
struct shapes {
	uint64_t v[SHAPES_MAX];
	size_t n;
};

static void add(struct shapes *x, uint64_t h)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i] == h)
			return;
	if (x->n < SHAPES_MAX)
		x->v[x->n++] = h;
}

static uint64_t sum(const struct shapes *x)
{
	uint64_t h = 0;

	for (size_t i = 0; i < x->n; i++)
		h += x->v[i];
	return h;
}

static uint64_t shape(struct mw_json *j, const struct mw_json_item *it, unsigned int depth);

/* Calls itself, at most DEPTH_MAX deep. Items arrive as a set; members add up, in no order. */
static uint64_t inside(struct mw_json *j, bool object, unsigned int depth)
{
	struct shapes items = { .n = 0 };
	struct mw_json_item it;
	uint64_t members = 0, h;

	while (mw_json_next(j, &it) == 1 && it.tok != MW_JSON_OBJECT_END &&
	       it.tok != MW_JSON_ARRAY_END) {
		if (!object) {
			add(&items, shape(j, &it, depth + 1));
			continue;
		}
		h = mw_hash64(it.raw, OBJECT);
		if (mw_json_next(j, &it) != 1)
			break;
		members += mix(h, shape(j, &it, depth + 1));
	}
	return object ? mix(OBJECT, members) : mix(ARRAY, sum(&items));
}

static uint64_t shape(struct mw_json *j, const struct mw_json_item *it, unsigned int depth)
{
	struct mw_slice skipped;

	switch (it->tok) {
	case MW_JSON_OBJECT:
	case MW_JSON_ARRAY:
		if (depth < DEPTH_MAX)
			return inside(j, it->tok == MW_JSON_OBJECT, depth);
		(void)mw_json_skip(j, it, &skipped);
		return mix(DEEP, 0);
	case MW_JSON_STRING:
		return mix(class_of(mw_slice_inside(it->raw)), 1);
	case MW_JSON_NUMBER:
		return mix(NUMBER, 0);
	case MW_JSON_TRUE:
	case MW_JSON_FALSE:
		return mix(BOOL, 0);
	default:
		return mix(NIL, 0);
	}
}

uint64_t mw_shape(struct mw_slice args, uint64_t seed)
{
	struct mw_json_item it;
	struct mw_json j;

	if (args.n == 0)
		args = MW_SLICE_LIT("{}");
	mw_json_init(&j, args, MW_JSON_DEPTH_MAX);
	return mix(mw_json_next(&j, &it) == 1 ? shape(&j, &it, 0) : 0, seed);
}
