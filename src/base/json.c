/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <stdarg.h>

#include "base/hash.h"
#include "base/json_str.h"

enum {
	ST_VALUE, /* a value must come */
	ST_FIRST, /* behind [: a value or ] */
	ST_KEY_FIRST, /* behind {: a key or } */
	ST_KEY, /* behind a comma in an object */
	ST_COLON, /* behind a key */
	ST_AFTER, /* behind a value inside a container */
	ST_DONE,
	ST_BROKEN, /* a fault was reported; it stays */
	ST_DEEP,
};

void mw_json_init(struct mw_json *j, struct mw_slice text, unsigned int depth_max)
{
	if (depth_max < 1)
		depth_max = 1;
	if (depth_max > MW_JSON_DEPTH_MAX)
		depth_max = MW_JSON_DEPTH_MAX;
	/* the stack is written before it is read */
	j->p = j->start = text.p;
	j->end = text.n ? text.p + text.n : text.p;
	j->depth = 0;
	j->depth_max = depth_max;
	j->flags = 0;
	j->keys = NULL;
	j->state = ST_VALUE;
}

static int fault(struct mw_json *j, const uint8_t *p)
{
	j->p = p;
	j->state = ST_BROKEN;
	return -EBADMSG;
}

static bool in_object(const struct mw_json *j)
{
	unsigned int level = j->depth - 1;

	return j->stack[level / 8] >> level % 8 & 1;
}

static void push(struct mw_json *j, bool object)
{
	unsigned int level = j->depth++, bit = 1u << level % 8;

	if (object)
		j->stack[level / 8] |= (uint8_t)bit;
	else
		j->stack[level / 8] &= (uint8_t)~bit;
}

/*
 * Equal keys: a set of the keys of the open objects, kept as one stack. A closing object pops its
 * own; chains run from the newest entry to older ones, so an entry below the innermost object's
 * first ends a search, and popping an entry is making its successor the head of its chain. The hash
 * is seeded with the text's own, so that nobody can choose keys that collide.
 */
#define KEYS_HEADS MW_JSON_KEYS_OPEN
#define KEYS_NONE  UINT16_MAX

void mw_json_watch_keys(struct mw_json *j, struct mw_json_keys *k)
{
	k->n = 0;
	k->ready = false;
	j->keys = k;
}

/* An object is opened, whose members have this depth. */
static inline void keys_open(struct mw_json_keys *k, unsigned int depth)
{
	if (k)
		k->base[depth] = (uint16_t)k->n;
}

static inline void keys_close(struct mw_json_keys *k, unsigned int depth)
{
	while (k && k->n > k->base[depth]) {
		k->n--;
		k->head[k->e[k->n].hash % KEYS_HEADS] = k->e[k->n].next;
	}
}

static void keys_ready(struct mw_json_keys *k, const struct mw_json *j)
{
	struct mw_slice text = mw_slice(j->start, (size_t)(j->end - j->start));

	k->seed = mw_hash64(text, text.n);
	memset(k->head, 0xFF, sizeof(k->head));
	k->ready = true;
}

/* MW_JSON_DUP, MW_JSON_UNSURE or 0; flags are those of the key itself. */
static unsigned int keys_add(const struct mw_json *j, struct mw_slice raw, unsigned int flags)
{
	struct mw_json_keys *k = j->keys;
	unsigned int base = k->base[j->depth], i;
	uint32_t hash;

	if (!k->ready)
		keys_ready(k, j);
	hash = (uint32_t)mw_json_str_hash(raw, flags, k->seed);
	i = k->head[hash % KEYS_HEADS];
	for (; i != KEYS_NONE && i >= base; i = k->e[i].next)
		if (k->e[i].hash == hash && mw_json_str_same(k->e[i].raw, raw))
			return MW_JSON_DUP;
	if (k->n == MW_JSON_KEYS_OPEN || k->n - base == MW_JSON_KEYS_OBJECT)
		return MW_JSON_UNSURE;
	k->e[k->n].raw = raw;
	k->e[k->n].hash = hash;
	k->e[k->n].next = k->head[hash % KEYS_HEADS];
	k->head[hash % KEYS_HEADS] = (uint16_t)k->n;
	k->n++;
	return 0;
}

/* Behind the closing quote of the string whose inside begins at p; NULL and *ret_fault. */
static const uint8_t *string_end(const uint8_t *p, const uint8_t *end, unsigned int *flags,
				 const uint8_t **ret_fault)
{
	for (;;) {
		unsigned int n;
		uint32_t cp;

		p = mw_json_plain_end(p, end);
		if (p == end)
			break;
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			if (end - p > 1 && mw_json_short_escape[p[1]]) {
				*flags |= MW_JSON_ESCAPED;
				p += 2;
				continue;
			}
			n = mw_json_escape_get(p + 1, end, &cp, flags);
			if (n == 0)
				break;
			*flags |= MW_JSON_ESCAPED;
			p += 1 + n;
			continue;
		}
		if (*p < 0x20)
			break;
		do {
			n = mw_utf8_len(p, end);
			if (n == 0) {
				*flags |= MW_JSON_BAD_UTF8;
				n = 1;
			}
			p += n;
		} while (p < end && *p >= 0x80);
	}
	*ret_fault = p;
	return NULL;
}

static const uint8_t *digits_end(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (unsigned int)*p - '0' <= 9)
		p++;
	return p;
}

/* Behind the number that begins at p (a digit or a minus); NULL and *ret_fault. */
static const uint8_t *number_end(const uint8_t *p, const uint8_t *end, unsigned int *flags,
				 const uint8_t **ret_fault)
{
	const uint8_t *start = p, *from;
	bool plain = true;
	size_t n;

	if (*p == '-')
		p++;
	from = p;
	p = digits_end(p, end);
	n = (size_t)(p - from);
	if (n == 0 || (n > 1 && *from == '0'))
		goto broken;
	if (p < end && *p == '.') {
		from = ++p;
		p = digits_end(p, end);
		if (p == from)
			goto broken;
		plain = false;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		p = digits_end(p, end);
		if (p == from)
			goto broken;
		if (mw_json_num_outside(mw_slice(start, (size_t)(p - start))))
			*flags |= MW_JSON_BIGNUM;
	} else if (plain) {
		if (n > 16 || (n == 16 && memcmp(from, "9007199254740992", 16) > 0))
			*flags |= MW_JSON_BIGNUM;
	} else if (p - start > 300 && mw_json_num_outside(mw_slice(start, (size_t)(p - start)))) {
		*flags |= MW_JSON_BIGNUM;
	}
	return p;
broken:
	*ret_fault = p;
	return NULL;
}

static bool is_word(const uint8_t *p, const uint8_t *end, const char *word, size_t n)
{
	return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

static inline void set_item(struct mw_json_item *it, enum mw_json_tok tok, const uint8_t *p,
			    const uint8_t *end, unsigned int depth, unsigned int flags)
{
	it->tok = tok;
	it->raw = mw_slice(p, (size_t)(end - p));
	it->depth = depth;
	it->flags = flags;
}

/* Behind the string, number or word that begins at p; NULL and *ret_fault. */
static inline const uint8_t *scalar_end(const uint8_t *p, const uint8_t *end,
					enum mw_json_tok *ret_tok, unsigned int *flags,
					const uint8_t **ret_fault)
{
	*ret_fault = p;
	switch (*p) {
	case '"':
		*ret_tok = MW_JSON_STRING;
		return string_end(p + 1, end, flags, ret_fault);
	case 't':
		*ret_tok = MW_JSON_TRUE;
		return is_word(p, end, "true", 4) ? p + 4 : NULL;
	case 'f':
		*ret_tok = MW_JSON_FALSE;
		return is_word(p, end, "false", 5) ? p + 5 : NULL;
	case 'n':
		*ret_tok = MW_JSON_NULL;
		return is_word(p, end, "null", 4) ? p + 4 : NULL;
	case '-':
	case '0' ... '9':
		*ret_tok = MW_JSON_NUMBER;
		return number_end(p, end, flags, ret_fault);
	default:
		return NULL;
	}
}

/* The value that begins at p. */
static inline int value(struct mw_json *j, const uint8_t *p, struct mw_json_item *ret)
{
	const uint8_t *end = j->end, *to, *bad = p;
	unsigned int flags = 0;
	enum mw_json_tok tok;

	switch (*p) {
	case '{':
	case '[':
		if (j->depth >= j->depth_max) {
			j->p = p;
			j->state = ST_DEEP;
			return -E2BIG;
		}
		set_item(ret, *p == '{' ? MW_JSON_OBJECT : MW_JSON_ARRAY, p, p + 1, j->depth, 0);
		push(j, *p == '{');
		if (*p == '{')
			keys_open(j->keys, j->depth);
		j->state = *p == '{' ? ST_KEY_FIRST : ST_FIRST;
		j->p = p + 1;
		return 1;
	default:
		to = scalar_end(p, end, &tok, &flags, &bad);
	}
	if (!to)
		return fault(j, bad);
	set_item(ret, tok, p, to, j->depth, flags);
	j->flags |= flags;
	j->state = j->depth ? ST_AFTER : ST_DONE;
	j->p = to;
	return 1;
}

static inline int close_container(struct mw_json *j, const uint8_t *p, struct mw_json_item *ret)
{
	enum mw_json_tok tok = *p == '}' ? MW_JSON_OBJECT_END : MW_JSON_ARRAY_END;

	if (*p == '}')
		keys_close(j->keys, j->depth);
	j->depth--;
	set_item(ret, tok, p, p + 1, j->depth, 0);
	j->state = j->depth ? ST_AFTER : ST_DONE;
	j->p = p + 1;
	return 1;
}

static inline int key(struct mw_json *j, const uint8_t *p, struct mw_json_item *ret)
{
	const uint8_t *to, *bad = p;
	unsigned int flags = 0;

	to = *p == '"' ? string_end(p + 1, j->end, &flags, &bad) : NULL;
	if (!to)
		return fault(j, bad);
	set_item(ret, MW_JSON_KEY, p, to, j->depth, flags);
	if (j->keys)
		flags |= keys_add(j, ret->raw, flags);
	j->flags |= flags;
	j->state = ST_COLON;
	j->p = to;
	return 1;
}

static inline const uint8_t *space_end(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

static inline int step(struct mw_json *j, struct mw_json_item *ret)
{
	const uint8_t *p = j->p, *end = j->end;

	if (j->state == ST_BROKEN)
		return -EBADMSG;
	if (j->state == ST_DEEP)
		return -E2BIG;
	p = space_end(p, end);
	if (j->state == ST_DONE) {
		if (p != end)
			return fault(j, p);
		j->p = p;
		return 0;
	}
	if (p == end)
		return fault(j, p);

	switch (j->state) {
	case ST_AFTER:
		if (*p == ',') {
			p = space_end(p + 1, end);
			if (p == end)
				return fault(j, p);
			return in_object(j) ? key(j, p, ret) : value(j, p, ret);
		}
		if (*p != (in_object(j) ? '}' : ']'))
			return fault(j, p);
		return close_container(j, p, ret);
	case ST_COLON:
		if (*p != ':')
			return fault(j, p);
		p = space_end(p + 1, end);
		if (p == end)
			return fault(j, p);
		return value(j, p, ret);
	case ST_FIRST:
		return *p == ']' ? close_container(j, p, ret) : value(j, p, ret);
	case ST_KEY_FIRST:
		return *p == '}' ? close_container(j, p, ret) : key(j, p, ret);
	default:
		return value(j, p, ret);
	}
}

int mw_json_next(struct mw_json *j, struct mw_json_item *ret)
{
	return step(j, ret);
}

/*
 * The rest of a container whose opening bracket was read last, up to behind the end of the one at
 * `depth`. The same grammar as step's, without items and with the state in the place in the code:
 * several times as fast, and most of what passes is only looked at here.
 */
static int rest(struct mw_json *j, unsigned int depth)
{
	const uint8_t *p = space_end(j->p, j->end), *end = j->end, *bad = p, *from;
	bool object = in_object(j);
	enum mw_json_tok tok;
	unsigned int flags;

	if (p == end)
		return fault(j, p);
	if (*p == (object ? '}' : ']'))
		goto close;
	if (!object)
		goto value;
key:
	flags = 0;
	from = p;
	bad = p;
	p = *p == '"' ? string_end(p + 1, end, &flags, &bad) : NULL;
	if (!p)
		return fault(j, bad);
	if (j->keys)
		flags |= keys_add(j, mw_slice(from, (size_t)(p - from)), flags);
	j->flags |= flags;
	p = space_end(p, end);
	if (p == end || *p != ':')
		return fault(j, p);
	p = space_end(p + 1, end);
	if (p == end)
		return fault(j, p);
value:
	if (*p == '{' || *p == '[') {
		if (j->depth >= j->depth_max) {
			j->p = p;
			j->state = ST_DEEP;
			return -E2BIG;
		}
		object = *p == '{';
		push(j, object);
		if (object)
			keys_open(j->keys, j->depth);
		p = space_end(p + 1, end);
		if (p == end)
			return fault(j, p);
		if (*p == (object ? '}' : ']'))
			goto close;
		if (object)
			goto key;
		goto value;
	}
	flags = 0;
	p = scalar_end(p, end, &tok, &flags, &bad);
	if (!p)
		return fault(j, bad);
	j->flags |= flags;
after:
	p = space_end(p, end);
	if (p == end)
		return fault(j, p);
	if (*p == ',') {
		p = space_end(p + 1, end);
		if (p == end)
			return fault(j, p);
		if (object)
			goto key;
		goto value;
	}
	if (*p != (object ? '}' : ']'))
		return fault(j, p);
close:
	if (object)
		keys_close(j->keys, j->depth);
	p++;
	if (--j->depth > depth) {
		object = in_object(j);
		goto after;
	}
	j->state = j->depth ? ST_AFTER : ST_DONE;
	j->p = p;
	return 0;
}

int mw_json_skip(struct mw_json *j, const struct mw_json_item *it, struct mw_slice *ret)
{
	struct mw_json_item cur = *it;
	int r;

	if (cur.tok == MW_JSON_KEY) {
		r = step(j, &cur);
		if (r < 0)
			return r;
	}
	if (cur.tok == MW_JSON_OBJECT || cur.tok == MW_JSON_ARRAY) {
		r = rest(j, cur.depth);
		if (r < 0)
			return r;
	}
	*ret = mw_slice(cur.raw.p, (size_t)(j->p - cur.raw.p));
	return 0;
}

/* Into the container that the text is; what is none is gone through to its end at once. */
static void enter(struct mw_json *j, struct mw_slice text, enum mw_json_tok container)
{
	struct mw_json_item it;

	mw_json_init(j, text, MW_JSON_DEPTH_MAX);
	if (mw_json_next(j, &it) != 1 || it.tok != container)
		mw_json_init(j, mw_slice(NULL, 0), MW_JSON_DEPTH_MAX);
}

void mw_json_array_init(struct mw_json_array *a, struct mw_slice text)
{
	enter(&a->json, text, MW_JSON_ARRAY);
}

bool mw_json_array_next(struct mw_json_array *a, struct mw_slice *ret)
{
	struct mw_json_item it;

	return mw_json_next(&a->json, &it) == 1 && it.tok != MW_JSON_ARRAY_END &&
	       mw_json_skip(&a->json, &it, ret) == 0;
}

void mw_json_object_init(struct mw_json_object *o, struct mw_slice text)
{
	enter(&o->json, text, MW_JSON_OBJECT);
}

bool mw_json_object_next(struct mw_json_object *o, struct mw_slice *ret_name,
			 struct mw_slice *ret_value)
{
	struct mw_json_item it;

	if (mw_json_next(&o->json, &it) != 1 || it.tok != MW_JSON_KEY)
		return false;
	*ret_name = it.raw;
	return mw_json_skip(&o->json, &it, ret_value) == 0;
}

int mw_json_check(struct mw_slice text, unsigned int depth_max, unsigned int *ret_flags,
		  size_t *ret_off)
{
	struct mw_json_keys k;
	struct mw_json_item it;
	struct mw_slice all;
	struct mw_json j;
	int r;

	mw_json_init(&j, text, depth_max);
	mw_json_watch_keys(&j, &k);
	r = step(&j, &it);
	if (r > 0)
		r = mw_json_skip(&j, &it, &all);
	if (r == 0) /* nothing may follow */
		r = step(&j, &it);
	if (r < 0) {
		if (ret_off)
			*ret_off = (size_t)(j.p - j.start);
		return r;
	}
	if (ret_flags)
		*ret_flags = j.flags;
	return 0;
}

static int member(struct mw_slice object, const char *name, struct mw_slice *ret,
		  unsigned int *ret_n_same)
{
	struct mw_slice want = mw_slice_str(name), found = { NULL, 0 }, v;
	struct mw_json_item it;
	unsigned int n_same = 0;
	struct mw_json j;
	int r;

	mw_json_init(&j, object, MW_JSON_DEPTH_MAX);
	r = step(&j, &it);
	if (r < 0)
		return r;
	if (it.tok != MW_JSON_OBJECT)
		return -ENOENT;
	while ((r = step(&j, &it)) > 0 && it.tok == MW_JSON_KEY) {
		bool same = mw_json_str_eq_slice(it.raw, want);

		r = mw_json_skip(&j, &it, &v);
		if (r < 0)
			return r;
		if (same) {
			found = v;
			n_same++;
		}
	}
	if (r > 0) /* the end of the object: nothing may follow */
		r = step(&j, &it);
	if (r < 0)
		return r;
	if (n_same == 0)
		return -ENOENT;
	*ret = found;
	if (ret_n_same)
		*ret_n_same = n_same;
	return 0;
}

int mw_json_member(struct mw_slice object, const char *name, struct mw_slice *ret,
		   unsigned int *ret_n_same)
{
	return member(object, name, ret, ret_n_same);
}

int mw_json_path(struct mw_slice object, struct mw_slice *ret, ...)
{
	struct mw_slice cur = object;
	const char *name;
	va_list ap;
	int r = 0;

	va_start(ap, ret);
	while ((name = va_arg(ap, const char *)) != NULL) {
		r = member(cur, name, &cur, NULL);
		if (r < 0)
			break;
	}
	va_end(ap);
	if (r < 0)
		return r;
	*ret = cur;
	return 0;
}
