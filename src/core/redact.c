/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.c - secrets out of JSON and argv
 *
 * Held by tests/unit/test_redact*.c and fuzz_redact:
 *  1. A value whose name is a secret's never reaches the output, whatever its type.
 *  2. What is appended to `out` is always the inside of a valid JSON text, or nothing.
 *  3. In doubt more is taken away: an unquoted value ends at white space only; a text that a
 *     pattern does not get done with goes whole.
 *  4. What is cut is looked at further than it is written.
 */
#include "core/redact_priv.h"

#include <errno.h>

#include "base/json.h"

/* --- JSON ---------------------------------------------------------------------------------------
 */

/* A pass over one JSON text that copies it, secrets out, and stops at strings. What stays as it is,
 * is copied in runs as long as they come. */
struct walk {
	struct mw_redact *x;
	struct mw_json j;
	const uint8_t *from, *prev; /* copied up to here; looked at up to here */
	const uint8_t *end;
	bool keep_space, cut; /* cut: a string was longer than stop */
	size_t stop;	      /* no string is looked at further than this */
	size_t out_stop;      /* when there is more than this, it is enough */
	struct mw_look look;  /* the string stopped at, decoded; or a name */
	struct mw_buf str;    /* its bytes, if it had to be decoded */
	struct mw_slice key;  /* the last name, decoded, or the end of it */
	bool hot;	      /* a rule's keyword is in it */
	/* {"name": "TOKEN", "value": ...}: the object has said a secret's name */
	unsigned int named_depth; /* 1 + its members' depth; 0: none has */
	uint8_t key_bytes[128];
};

static void walk_init(struct walk *w, struct mw_redact *x, struct mw_slice text, bool keep_space,
		      const struct mw_buf *out)
{
	w->x = x;
	w->look = (struct mw_look){ 0 };
	w->key = mw_slice(NULL, 0);
	w->hot = false;
	w->named_depth = 0;
	mw_json_init(&w->j, text, MW_JSON_DEPTH_MAX);
	w->from = w->prev = text.p;
	w->end = text.p + text.n;
	w->keep_space = keep_space;
	w->cut = false;
	w->stop = SIZE_MAX;
	w->out_stop = SIZE_MAX;
	/* decoding makes at most three bytes of one */
	mw_buf_init(&w->str, out->a, text.n < SIZE_MAX / 4 ? 3 * text.n + 16 : SIZE_MAX / 2);
}

static int walk_copy(struct walk *w, struct mw_buf *out, const uint8_t *to)
{
	int r = mw_buf_append(out, w->from, (size_t)(to - w->from));

	w->from = to;
	return r;
}

/* Between two items stand only commas, colons and white space. */
static int walk_gap(struct walk *w, struct mw_buf *out, const uint8_t *to)
{
	int r = 0;

	for (; w->prev < to && r == 0; w->prev++)
		if (!w->keep_space && mw_is_space(*w->prev)) {
			r = walk_copy(w, out, w->prev);
			w->from = w->prev + 1;
		}
	return r;
}

/* Whether a string stays as it is, also as the text of a JSON value: one that is easily seen to. */
static bool stays(const struct walk *w, const struct mw_json_item *it)
{
	return it->flags == 0 && it->raw.n - 2 <= w->stop && mw_redact_is_quiet(w->x, &w->look);
}

/* Of a string that is longer than is written, what is written and what is looked at. */
static void walk_cut(struct walk *w, bool more)
{
	struct mw_look *k = &w->look;
	size_t n;

	w->cut = true;
	if (k->show > w->stop)
		k->show = w->stop;
	while (k->show > 0 && k->show < k->text.n && (k->text.p[k->show] & 0xc0) == 0x80)
		k->show--;
	/* half a URL does not show any more that what stands in it is a password */
	for (n = more ? k->text.n : 0; n > 0 && !mw_is_space(k->text.p[n - 1]); n--)
		if (n >= 3 && memcmp(k->text.p + n - 3, "://", 3) == 0)
			k->text.n = n;
	if (k->show > k->text.n)
		k->show = k->text.n;
}

static int walk_decode(struct walk *w, const struct mw_json_item *it, bool *lossy)
{
	const size_t most = w->stop < SIZE_MAX - MW_REDACT_LOOK ? w->stop + MW_REDACT_LOOK
								 : SIZE_MAX;
	int r;

	if (it->flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE))
		*lossy = true;
	if (!(it->flags & (MW_JSON_ESCAPED | MW_JSON_BAD_UTF8)) && it->raw.n - 2 <= w->stop) {
		w->look.text.p = it->raw.p + 1;
		w->look.text.n = w->look.show = it->raw.n - 2;
		return 0;
	}
	mw_buf_reset(&w->str, 65536);
	r = mw_json_str_decode_head(it->raw, most, &w->str);
	if (r < 0)
		return r;
	w->look.text = mw_buf_slice(&w->str);
	w->look.show = w->look.text.n;
	if (r == 1 || w->look.text.n > w->stop)
		walk_cut(w, r == 1);
	return 0;
}

static int put_as_text(struct walk *w, struct mw_buf *out, const struct mw_look *k, bool *lossy)
{
	int r;

	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_redact_put_text(w->x, out, k, lossy);
	return r < 0 ? r : mw_buf_append_byte(out, '"');
}

static int put_mark_string(struct walk *w, struct mw_buf *out, const char *rule,
			   struct mw_slice secret)
{
	int r;

	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_redact_put_mark(w->x, out, rule, secret);
	return r < 0 ? r : mw_buf_append_byte(out, '"');
}

/* The value of a secret's name: gone, whatever it is. */
static int walk_secret(struct walk *w, struct mw_buf *out, const struct mw_json_item *key)
{
	struct mw_slice value;
	int r;

	r = mw_json_skip(&w->j, key, &value);
	if (r < 0)
		return r;
	r = walk_gap(w, out, value.p);
	if (r == 0)
		r = walk_copy(w, out, value.p);
	if (r < 0)
		return r;
	w->from = w->prev = value.p + value.n;
	if (value.n > 1 && value.p[0] == '"') {
		mw_buf_reset(&w->str, 65536);
		r = mw_json_str_decode(value, &w->str);
		if (r < 0)
			return r;
		value = mw_buf_slice(&w->str);
	}
	return put_mark_string(w, out, "key", value);
}

/* The name of the value that comes is kept: escaped ones' bytes do not last. */
static void walk_keep_key(struct walk *w, bool hot)
{
	struct mw_slice key = w->look.text;

	if (!w->x || !w->x->rules)
		return;
	if (key.p == w->str.p) {
		if (key.n > sizeof(w->key_bytes))
			key = mw_slice(key.p + key.n - sizeof(w->key_bytes), sizeof(w->key_bytes));
		memcpy(w->key_bytes, key.p, key.n);
		key.p = w->key_bytes;
	}
	w->key = key;
	w->hot = hot;
}

static bool is_one_of(struct mw_slice s, const char *const *words)
{
	for (; *words; words++)
		if (mw_slice_eq_str(s, *words))
			return true;
	return false;
}

/* Where what is known of a name may stand; NULL: of such it is not kept. */
static struct mw_redact_key *known_key(const struct walk *w, struct mw_slice key)
{
	size_t h;

	if (!w->x || !w->x->rules || key.n == 0 || key.n > MW_REDACT_KEY_MAX)
		return NULL;
	h = key.n + 7U * key.p[0] + 31U * key.p[key.n / 2] + 131U * key.p[key.n - 1];
	return &w->x->keys[h % MW_REDACT_KEYS];
}

/* The name itself, redacted as text. */
static int walk_name(struct walk *w, struct mw_buf *out, const struct mw_json_item *it, bool *lossy,
		     struct mw_redact_key *ret)
{
	struct mw_redact_key *known = it->flags ? NULL : known_key(w, w->look.text);
	const struct mw_slice text = w->look.text;
	int r;

	if (known && known->n == text.n && memcmp(known->text, text.p, text.n) == 0) {
		*ret = *known;
		return 0;
	}
	ret->hot = mw_redact_is_hot(w->x, text);
	ret->name = mw_redact_is_name(w->x, text);
	w->look.key.n = 0;
	w->look.hot = false;
	w->look.cold = !ret->hot;
	if (stays(w, it)) {
		if (known) {
			*known = (struct mw_redact_key){ (uint8_t)text.n, ret->name, ret->hot, { 0 } };
			memcpy(known->text, text.p, text.n);
		}
		return 0;
	}
	r = walk_copy(w, out, it->raw.p);
	if (r == 0)
		r = put_as_text(w, out, &w->look, lossy);
	w->from = w->prev;
	return r;
}

static int walk_key(struct walk *w, struct mw_buf *out, const struct mw_json_item *it, bool *lossy)
{
	static const char *const values[] = { "value", "Value", "values", "val", NULL };
	struct mw_redact_key known = { 0 };
	int r;

	r = walk_decode(w, it, lossy);
	if (r == 0)
		r = walk_name(w, out, it, lossy, &known);
	if (r < 0)
		return r;
	if (known.name ||
	    (w->named_depth == it->depth + 1 && is_one_of(w->look.text, values)))
		return walk_secret(w, out, it);
	walk_keep_key(w, known.hot);
	return 0;
}

/* What a string says of the members that follow it. */
static void walk_note(struct walk *w, const struct mw_json_item *it)
{
	static const char *const names[] = { "name", "Name", "key", "Key", "header", NULL };

	if (w->x && w->x->rules && is_one_of(w->key, names))
		w->named_depth = mw_redact_is_name(w->x, w->look.text) ? it->depth + 1 : 0;
}

/* A number that is a card's, or a rule's secret. */
static int walk_number(struct walk *w, struct mw_buf *out, const struct mw_json_item *it)
{
	struct mw_look k = mw_look(it->raw);
	struct mw_cuts *c = &w->x->cuts;
	int r;

	k.key = w->key;
	k.hot = w->hot;
	k.number = true;
	c->n = 0;
	r = mw_find_numbers(w->x, &k, c);
	if (r == 0 && w->hot)
		r = mw_find_rules(w->x, &k, c);
	if (r < 0 || (r == 0 && c->n == 0))
		return r;
	w->x->stats.unscanned += r == MW_REDACT_UNSCANNED;
	r = walk_copy(w, out, it->raw.p);
	w->from = w->prev;
	return r < 0 ? r : put_mark_string(w, out, c->n ? c->e[0].rule : "unscanned", it->raw);
}

/* Numbers shorter than this are none of those looked for. */
#define NUMBER_MIN 9

static int walk_item(struct walk *w, struct mw_buf *out, const struct mw_json_item *it, bool *lossy)
{
	switch (it->tok) {
	case MW_JSON_KEY:
		return walk_key(w, out, it, lossy);
	case MW_JSON_STRING:
		return walk_decode(w, it, lossy);
	case MW_JSON_NUMBER:
		if (it->raw.n < NUMBER_MIN || !w->x || !w->x->rules)
			return 0;
		return walk_number(w, out, it);
	case MW_JSON_OBJECT:
	case MW_JSON_OBJECT_END:
		w->named_depth = 0;
		w->key.n = 0;
		w->hot = false;
		return 0;
	default:
		return 0;
	}
}

/* 1: a string value; w->look is its text, and the caller appends what it is to be. 0: the end, or
 * out is longer than w->out_stop, or a string was cut. */
static int walk_next(struct walk *w, struct mw_buf *out, bool *lossy)
{
	struct mw_json_item it;
	int r = 0;

	while (out->len + (size_t)(w->prev - w->from) <= w->out_stop && !w->cut) {
		r = mw_json_next(&w->j, &it);
		if (r < 0)
			return r;
		if (r == 0) {
			r = walk_gap(w, out, w->end);
			break;
		}
		r = walk_gap(w, out, it.raw.p);
		if (r < 0)
			return r;
		w->prev = it.raw.p + it.raw.n;
		r = walk_item(w, out, &it, lossy);
		if (r < 0)
			return r;
		if (it.tok != MW_JSON_STRING)
			continue;
		w->look.key = w->key;
		w->look.hot = w->hot;
		w->look.cold = false;
		walk_note(w, &it);
		if (stays(w, &it))
			continue;
		r = walk_copy(w, out, it.raw.p);
		w->from = w->prev;
		return r < 0 ? r : 1;
	}
	return r < 0 ? r : walk_copy(w, out, w->prev);
}

/* The text of a JSON value inside a string, its strings redacted as text only. -EBADMSG: none. */
static int put_inner_json(struct mw_redact *x, struct mw_buf *out, struct mw_slice text,
			  bool *lossy)
{
	struct walk w;
	int r;

	walk_init(&w, x, text, true, out);
	while ((r = walk_next(&w, out, lossy)) == 1) {
		r = put_as_text(&w, out, &w.look, lossy);
		if (r < 0)
			break;
	}
	mw_buf_done(&w.str);
	return r;
}

/* A string with its quotes: its text, or the JSON text it holds, redacted. */
static int put_string(struct walk *w, struct mw_buf *out, const struct mw_look *k, bool *lossy)
{
	struct mw_slice t = k->text;
	bool bad = *lossy;
	struct mw_buf inner;
	size_t len;
	int r;

	while (t.n > 0 && mw_is_space(t.p[0]))
		t = mw_slice_from(t, 1);
	if (t.n < 2 || (t.p[0] != '{' && t.p[0] != '[') || k->show < k->text.n)
		return put_as_text(w, out, k, lossy);

	len = out->len;
	r = mw_buf_append_byte(out, '"');
	if (r < 0)
		return r;
	mw_buf_init(&inner, out->a, out->max);
	r = put_inner_json(w->x, &inner, k->text, &bad);
	if (r == 0)
		r = mw_json_escape(out, mw_buf_slice(&inner), &bad);
	mw_buf_done(&inner);
	if (r == 0) {
		*lossy = bad;
		return mw_buf_append_byte(out, '"');
	}
	if (r == -ENOMEM)
		return r;
	/* no JSON, or too deep or long for it: its pairs are looked for all the same */
	out->len = len;
	return put_as_text(w, out, k, lossy);
}

int mw_redact_json_head(struct mw_redact *x, struct mw_buf *out, struct mw_slice value,
			size_t stop, bool *lossy)
{
	size_t len = out->len;
	bool bad = false;
	struct walk w;
	int r;

	walk_init(&w, x, value, false, out);
	if (stop < SIZE_MAX - len) {
		w.stop = stop + 1;
		w.out_stop = len + stop;
	}
	while ((r = walk_next(&w, out, &bad)) == 1) {
		r = put_string(&w, out, &w.look, &bad);
		if (r < 0)
			break;
	}
	mw_buf_done(&w.str);
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return out->len > w.out_stop || w.cut;
}

int mw_redact_json(struct mw_redact *x, struct mw_buf *out, struct mw_slice value, bool *lossy)
{
	return mw_redact_json_head(x, out, value, SIZE_MAX, lossy);
}

/* --- argv ---------------------------------------------------------------------------------------
 */

/* NAME=... or NAME: ... at the start of an argument: all that follows is the value. */
static size_t arg_value(const struct mw_redact *x, struct mw_slice arg)
{
	size_t n = 0, at;

	while (n < arg.n && mw_is_name_byte(arg.p[n]))
		n++;
	if (n == 0 || n == arg.n || (arg.p[n] != '=' && arg.p[n] != ':'))
		return 0;
	if (!mw_redact_text_name(x, mw_slice(arg.p, n)))
		return 0;
	at = n + 1;
	while (at < arg.n && mw_is_space(arg.p[at]))
		at++;
	return at < arg.n ? at : 0;
}

/* secret_at: from there on it is a secret; SIZE_MAX: not known. */
static int put_arg(struct mw_redact *x, struct mw_buf *out, const struct mw_look *arg,
		   size_t secret_at, bool *lossy)
{
	const struct mw_slice t = arg->text;
	size_t at = secret_at < t.n ? secret_at : arg_value(x, t);
	struct walk w = { .x = x };
	int r;

	if (secret_at >= t.n && !at)
		return put_string(&w, out, arg, lossy);
	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_json_escape(out, mw_slice(t.p, at), lossy);
	if (r == 0)
		r = mw_redact_put_mark(x, out, "key", mw_slice_from(t, at));
	if (r == 0)
		r = mw_buf_append_byte(out, '"');
	return r;
}

/* "--token", whose value is the next argument. */
static bool is_flag(struct mw_slice arg)
{
	size_t i;

	if (arg.n < 3 || arg.p[0] != '-')
		return false;
	for (i = 0; i < arg.n; i++)
		if (!mw_is_name_byte(arg.p[i]))
			return false;
	return true;
}

int mw_redact_argv(struct mw_redact *x, struct mw_buf *out, struct mw_slice argv, bool *lossy)
{
	size_t len = out->len, at = 0;
	bool bad = false, secret = false;
	struct mw_command command = { 0 };
	struct mw_slice key = { 0 };
	size_t from;
	int r;

	r = mw_buf_append_byte(out, '[');
	while (r == 0 && at < argv.n) {
		const uint8_t *nul = memchr(argv.p + at, 0, argv.n - at);
		size_t n = nul ? (size_t)(nul - argv.p) - at : argv.n - at;
		struct mw_look arg = mw_look(mw_slice(argv.p + at, n));

		arg.key = key;
		arg.hot = key.n && mw_redact_is_hot(x, key);
		if (!mw_command_word(&command, arg.text, &from))
			from = SIZE_MAX;
		if (at > 0)
			r = mw_buf_append_byte(out, ',');
		if (r == 0)
			r = put_arg(x, out, &arg, secret ? 0 : from, &bad);
		key = is_flag(arg.text) ? arg.text : mw_slice(NULL, 0);
		secret = !secret && key.n && mw_redact_is_name(x, key);
		at += n + 1;
	}
	if (r == 0)
		r = mw_buf_append_byte(out, ']');
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return 0;
}
