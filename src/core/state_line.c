/* SPDX-License-Identifier: Apache-2.0 */
/* state_line.c - the lines of pins and shapes: made, and read back to the byte */
#include <errno.h>

#include "base/json.h"
#include "core/state_priv.h"

/* Of a text as it stands in a line, between the quotes; and behind the head of one that is longer.
 */
#define SERVER_MAX 1024
#define NAME_MAX   512
#define WHAT_MAX   64
#define TEXT_MAX   1024
#define TAIL_LEN   33

void mw_state_lines_init(struct mw_state_lines *l, const struct mw_alloc *a)
{
	l->a = a;
	mw_buf_init(&l->line, a, MW_STATE_LINE_MAX);
	mw_buf_init(&l->server, a, TEXT_MAX);
	mw_buf_init(&l->what, a, TEXT_MAX);
	mw_buf_init(&l->name, a, TEXT_MAX);
}

void mw_state_lines_done(struct mw_state_lines *l)
{
	mw_buf_done(&l->line);
	mw_buf_done(&l->server);
	mw_buf_done(&l->what);
	mw_buf_done(&l->name);
}

struct mw_state_id mw_state_id(struct mw_slice a, struct mw_slice b, struct mw_slice c)
{
	struct mw_state_id id;
	uint64_t i;

	for (i = 0; i < 2; i++)
		id.h[i] = mw_hash64(c, mw_hash64(b, mw_hash64(a, i)));
	return id;
}

static int put_short(struct mw_buf *out, struct mw_slice text, size_t max)
{
	const struct mw_slice none = { NULL, 0 };
	const struct mw_state_id id = mw_state_id(text, none, none);
	uint8_t hash[16];
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < text.n && i < max - TAIL_LEN; i++)
		r = mw_buf_append_byte(out, text.p[i] < 0x20 || text.p[i] >= 0x7f ||
						    text.p[i] == '"' || text.p[i] == '\\'
						? '?'
						: text.p[i]);
	/* the same on every host */
	for (i = 0; i < sizeof(hash); i++)
		hash[i] = (uint8_t)(id.h[i / 8] >> (56 - i % 8 * 8));
	if (r == 0)
		r = mw_buf_append_byte(out, '~');
	return r < 0 ? r : mw_buf_append_hex(out, hash, sizeof(hash));
}

/* The text as it stands in lines, decoded: itself, or its short form. 0, -ENOMEM. */
static int normal(struct mw_state_lines *l, struct mw_slice text, size_t max, struct mw_buf *out,
		  struct mw_slice *ret)
{
	bool lossy = false;
	int r = -E2BIG;

	out->len = 0;
	if (text.n <= max) {
		l->line.len = 0;
		r = mw_json_escape(&l->line, text, &lossy);
		if (r == 0 && (lossy || l->line.len > max))
			r = -E2BIG;
	}
	if (r == 0)
		r = mw_buf_append(out, text.p, text.n);
	else if (r == -E2BIG)
		r = put_short(out, text, max);
	if (r < 0)
		return r;
	*ret = mw_buf_slice(out);
	return 0;
}

static int put_text(struct mw_buf *b, const char *key, struct mw_slice text)
{
	int r = mw_buf_append_str(b, key);

	if (r == 0)
		r = mw_json_escape(b, text, NULL);
	return r < 0 ? r : mw_buf_append_byte(b, '"');
}

static int put_number(struct mw_buf *b, const char *key, int64_t v)
{
	int r = mw_buf_append_str(b, key);

	return r < 0 ? r : mw_buf_append_i64(b, v);
}

static int put_set(struct mw_buf *b, const struct mw_state_said *x)
{
	uint8_t be[8];
	uint64_t i;
	size_t k;
	int r = mw_buf_append_str(b, ",\"set\":[");

	for (i = 0; r == 0 && i < x->n_set; i++) {
		for (k = 0; k < sizeof(be); k++)
			be[k] = (uint8_t)(x->set[i] >> (56 - k * 8));
		r = mw_buf_append_str(b, i ? ",\"" : "\"");
		if (r == 0)
			r = mw_buf_append_hex(b, be, sizeof(be));
		if (r == 0)
			r = mw_buf_append_byte(b, '"');
	}
	return r < 0 ? r : mw_buf_append_str(b, "]}");
}

int mw_state_line_put(struct mw_state_lines *l, const struct mw_state_said *x)
{
	struct mw_buf *b = &l->line;
	int r;

	b->len = 0;
	if (x->shapes)
		r = put_text(b, "{\"shapes\":\"", x->name);
	else
		r = put_text(b, "{\"pin\":\"", x->what);
	if (r == 0)
		r = put_text(b, ",\"server\":\"", x->server);
	if (r == 0 && x->shapes) {
		r = put_number(b, ",\"calls\":", (int64_t)x->calls);
		if (r == 0)
			r = put_number(b, ",\"first\":", x->first);
		return r < 0 ? r : put_set(b, x);
	}
	if (r == 0)
		r = put_text(b, ",\"name\":\"", x->name);
	if (r == 0)
		r = mw_buf_append_str(b, ",\"hash\":\"");
	if (r == 0)
		r = mw_buf_append_hex(b, x->hash, sizeof(x->hash));
	if (r == 0)
		r = put_number(b, "\",\"first\":", x->first);
	if (r == 0)
		r = put_number(b, ",\"since\":", x->since);
	return r < 0 ? r : mw_buf_append_byte(b, '}');
}

static int get_text(struct mw_slice line, const char *key, size_t max, struct mw_buf *out,
		    struct mw_slice *ret)
{
	struct mw_slice raw;
	int r = mw_json_member(line, key, &raw, NULL);

	out->len = 0;
	if (r < 0 || raw.n > max + 2)
		return -EINVAL;
	r = mw_json_str_decode(raw, out);
	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	*ret = mw_buf_slice(out);
	return 0;
}

static int get_number(struct mw_slice line, const char *key, int64_t *ret)
{
	struct mw_slice raw;
	int64_t v = 0;
	size_t i;
	bool minus;

	if (mw_json_member(line, key, &raw, NULL) < 0)
		return -EINVAL;
	minus = raw.p[0] == '-';
	for (i = minus; i < raw.n; i++) {
		const int d = raw.p[i] - '0';

		if (d < 0 || d > 9 || __builtin_mul_overflow(v, (int64_t)10, &v) ||
		    (minus ? __builtin_sub_overflow(v, (int64_t)d, &v)
			   : __builtin_add_overflow(v, (int64_t)d, &v)))
			return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* A raw string of exactly 2n hex digits. Their case is looked at when the line is compared. */
static int get_hex(struct mw_slice raw, uint8_t *ret, size_t n)
{
	size_t i;

	if (raw.n != 2 * n + 2)
		return -EINVAL;
	for (i = 0; i < 2 * n; i++) {
		const unsigned int c = raw.p[1 + i];
		const unsigned int v = c - '0' <= 9 ? c - '0' : c - 'a' <= 5 ? c - 'a' + 10 : 16;

		if (v == 16)
			return -EINVAL;
		ret[i / 2] = (uint8_t)((unsigned int)ret[i / 2] << 4 | v);
	}
	return 0;
}

static int get_set(struct mw_slice line, uint64_t set[MW_STATE_SHAPES_MAX], uint64_t *ret_n)
{
	struct mw_json_item it;
	struct mw_slice raw;
	struct mw_json j;
	uint64_t n = 0, i;
	uint8_t be[8];

	if (mw_json_member(line, "set", &raw, NULL) < 0)
		return -EINVAL;
	mw_json_init(&j, raw, 2);
	if (mw_json_next(&j, &it) != 1 || it.tok != MW_JSON_ARRAY)
		return -EINVAL;
	while (mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_STRING) {
		if (n == MW_STATE_SHAPES_MAX || get_hex(it.raw, be, sizeof(be)) < 0)
			return -EINVAL;
		for (set[n] = 0, i = 0; i < sizeof(be); i++)
			set[n] = set[n] << 8 | be[i];
		for (i = 0; i < n; i++)
			if (set[i] == set[n])
				return -EINVAL;
		n++;
	}
	*ret_n = n;
	return 0;
}

static int parse_shapes(struct mw_state_lines *l, struct mw_slice line,
			uint64_t set[MW_STATE_SHAPES_MAX], struct mw_state_said *x)
{
	int64_t calls = 0;
	int r;

	r = get_text(line, "shapes", NAME_MAX, &l->name, &x->name);
	if (r == 0)
		r = get_number(line, "calls", &calls);
	if (r == 0 && (calls < 0 || calls > MW_STATE_LEARN_CALLS))
		r = -EINVAL;
	x->calls = (uint64_t)calls;
	x->set = set;
	return r < 0 ? r : get_set(line, set, &x->n_set);
}

static int parse_pin(struct mw_state_lines *l, struct mw_slice line, struct mw_state_said *x)
{
	struct mw_slice raw;
	int r;

	r = get_text(line, "pin", WHAT_MAX, &l->what, &x->what);
	if (r == 0)
		r = get_text(line, "name", NAME_MAX, &l->name, &x->name);
	if (r == 0)
		r = get_number(line, "since", &x->since);
	if (r == 0 && mw_json_member(line, "hash", &raw, NULL) < 0)
		r = -EINVAL;
	return r < 0 ? r : get_hex(raw, x->hash, sizeof(x->hash));
}

/* Whether a text is one that lines are made with. */
static int check_normal(struct mw_state_lines *l, struct mw_slice text, size_t max)
{
	struct mw_buf b;
	struct mw_slice same;
	int r;

	mw_buf_init(&b, l->a, TEXT_MAX);
	r = normal(l, text, max, &b, &same);
	if (r == 0 && !mw_slice_eq(text, same))
		r = -EINVAL;
	mw_buf_done(&b);
	return r;
}

int mw_state_line_parse(struct mw_state_lines *l, struct mw_slice line,
			uint64_t set[MW_STATE_SHAPES_MAX], struct mw_state_said *x)
{
	struct mw_slice raw;
	int r;

	if (line.n > MW_STATE_LINE_MAX)
		return -EINVAL;
	x->shapes = mw_json_member(line, "shapes", &raw, NULL) == 0;
	r = get_text(line, "server", SERVER_MAX, &l->server, &x->server);
	if (r == 0)
		r = get_number(line, "first", &x->first);
	if (r == 0)
		r = x->shapes ? parse_shapes(l, line, set, x) : parse_pin(l, line, x);
	if (r == 0)
		r = check_normal(l, x->server, SERVER_MAX);
	if (r == 0)
		r = check_normal(l, x->name, NAME_MAX);
	if (r == 0)
		r = check_normal(l, x->what, WHAT_MAX);
	if (r == 0)
		r = mw_state_line_put(l, x);
	if (r == 0 && !mw_slice_eq(mw_buf_slice(&l->line), line))
		r = -EINVAL;
	return r == -E2BIG ? -EINVAL : r;
}

int mw_state_line_name(struct mw_state_lines *l, struct mw_slice server, struct mw_slice what,
		       struct mw_slice name, struct mw_state_said *x)
{
	int r = normal(l, server, SERVER_MAX, &l->server, &x->server);

	if (r == 0)
		r = normal(l, what, WHAT_MAX, &l->what, &x->what);
	return r < 0 ? r : normal(l, name, NAME_MAX, &l->name, &x->name);
}
