/* SPDX-License-Identifier: Apache-2.0 */
/* token_scan.c - where credentials stand: header fields, arguments, environment, command line */
#include <errno.h>

#include "base/json.h"
#include "core/host.h"
#include "core/http.h"
#include "core/redact.h"
#include "core/token.h"

/* JSON texts inside strings of JSON texts. */
#define NEST_MAX 4

/* --- where ---------------------------------------------------------------------------------------
 */

/* Longer names are only counted: half of one might be half of what is not to be seen. */
#define NAME_MAX_ 64

/* n is its whole length, of which `kept` bytes are here: all, or where the next piece found no
 * room.
 */
struct where {
	uint8_t p[MW_TOKEN_WHERE_MAX];
	size_t n, kept;
};

static void where_add(struct where *w, struct mw_slice s)
{
	if (w->n <= sizeof(w->p) && s.n <= sizeof(w->p) - w->n) {
		if (s.n)
			memcpy(w->p + w->n, s.p, s.n);
		w->kept = w->n + s.n;
	}
	w->n += s.n;
}

/* Back to a length it had. */
static void where_back(struct where *w, size_t n)
{
	w->n = n;
	if (n <= sizeof(w->p))
		w->kept = n;
}

static void where_str(struct where *w, const char *s)
{
	where_add(w, mw_slice_str(s));
}

static void where_number(struct where *w, const char *before, size_t i)
{
	char text[24];
	size_t n = sizeof(text);

	text[--n] = ']';
	do
		text[--n] = (char)('0' + i % 10);
	while (i /= 10);
	where_str(w, before);
	where_add(w, mw_slice(text + n, sizeof(text) - n));
}

static void where_name(struct where *w, struct mw_slice name)
{
	where_str(w, ".");
	if (name.n <= NAME_MAX_)
		where_add(w, name);
	else
		where_number(w, "[CUT:", name.n);
}

static void where_field(struct where *w, struct mw_slice name)
{
	where_str(w, "http");
	where_name(w, name);
	for (size_t i = 0; i < w->kept; i++)
		if (w->p[i] >= 'A' && w->p[i] <= 'Z')
			w->p[i] |= 0x20;
}

/* --- values --------------------------------------------------------------------------------------
 */

/* Names that end as a secret's, and are none: the place in a list that goes on, and where a shell
 * is. */
static bool is_harmless(struct mw_slice name)
{
	static const char *const ends[] = { "pagetoken",  "page_token",	       "nexttoken",
					    "next_token", "continuationtoken", "continuation_token",
					    "synctoken",  "sync_token" };

	if (mw_slice_eq_str(name, "PWD"))
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (name.n >= n && mw_slice_lower_eq(mw_slice(name.p + name.n - n, n), ends[i]))
			return true;
	}
	return false;
}

static bool is_secret(struct mw_slice name)
{
	return mw_redact_name(name) && !is_harmless(name);
}

static int tell(const struct mw_token_scan *s, const struct where *w, struct mw_token *t)
{
	t->where = mw_slice(w->p, w->kept);
	t->where_n = w->n;
	return s->found(s->ctx, t);
}

static int tell_jwts(const struct mw_token_scan *s, const struct where *w, struct mw_slice text)
{
	struct mw_token t = { .kind = MW_TOKEN_JWT };
	size_t pos = 0;
	int r = 0;

	while (r == 0 && mw_jwt_find(text, &pos, &t.bytes))
		r = tell(s, w, &t);
	return r;
}

/* The value of a secret's name. */
static int tell_secret(const struct mw_token_scan *s, const struct where *w, struct mw_slice value,
		       bool known)
{
	struct mw_token t;
	int r;

	if (!mw_token_of(value, known, &t))
		return known ? tell_jwts(s, w, value) : 0;
	r = tell(s, w, &t);
	return r < 0 || t.kind == MW_TOKEN_JWT ? r : tell_jwts(s, w, value);
}

/* --- JSON ----------------------------------------------------------------------------------------
 */

struct level {
	uint32_t index; /* of the next element */
	size_t where;	/* how long the path to this container is */
	bool array, secret;
};

static int in_json(const struct mw_token_scan *s, struct where *w, struct mw_slice json, int nest);

static bool may_be_json(struct mw_slice text)
{
	size_t i = 0;

	while (i < text.n &&
	       (text.p[i] == ' ' || text.p[i] == '\t' || text.p[i] == '\n' || text.p[i] == '\r'))
		i++;
	return i < text.n && (text.p[i] == '{' || text.p[i] == '[');
}

static int in_text(const struct mw_token_scan *s, struct where *w, struct mw_slice text,
		   bool secret, int nest)
{
	const struct mw_token place = { .where = mw_slice(w->p, w->kept), .where_n = w->n };
	struct mw_slice jwt;
	size_t pos = 0;

	if (secret)
		return tell_secret(s, w, text, false);
	if (nest < NEST_MAX && may_be_json(text) &&
	    mw_json_check(text, MW_JSON_DEPTH_MAX, NULL, NULL) == 0)
		return in_json(s, w, text, nest + 1);
	if (s->other && !mw_jwt_find(text, &pos, &jwt))
		return s->other(s->ctx, &place, text);
	return tell_jwts(s, w, text);
}

/* The bytes a raw string stands for: in tmp, where it must be decoded. 0, -ENOMEM. */
static int plain(const struct mw_json_item *it, struct mw_buf *tmp, struct mw_slice *ret)
{
	int r;

	if (!(it->flags & MW_JSON_ESCAPED)) {
		*ret = mw_slice_inside(it->raw);
		return 0;
	}
	tmp->len = 0;
	r = mw_json_str_decode(it->raw, tmp);
	if (r == 0)
		*ret = mw_buf_slice(tmp);
	return r;
}

struct walk {
	const struct mw_token_scan *s;
	struct where *w;
	struct mw_buf tmp;
	int nest;
	bool secret; /* the name of the value that comes next is a secret's */
	struct level level[MW_JSON_DEPTH_MAX + 1];
};

static int on_name(struct walk *k, const struct mw_json_item *it)
{
	struct mw_slice name;
	int r = plain(it, &k->tmp, &name);

	if (r < 0)
		return r;
	r = tell_jwts(k->s, k->w, name);
	if (r < 0)
		return r;
	where_name(k->w, name);
	k->secret = is_secret(name);
	return 0;
}

static int on_scalar(struct walk *k, const struct mw_json_item *it)
{
	struct mw_slice text = it->raw;
	int r = 0;

	if (it->tok == MW_JSON_STRING)
		r = plain(it, &k->tmp, &text);
	else if (it->tok != MW_JSON_NUMBER || !k->secret)
		return 0;
	return r < 0 ? r : in_text(k->s, k->w, text, k->secret, k->nest);
}

/* A value begins at this depth: that of its container's members. */
static void enter(struct walk *k, unsigned int depth)
{
	struct level *in = depth ? &k->level[depth - 1] : NULL;

	if (!in || !in->array)
		return;
	where_back(k->w, in->where);
	where_number(k->w, "[", in->index++);
	k->secret = in->secret;
}

static int on_item(struct walk *k, const struct mw_json_item *it)
{
	switch (it->tok) {
	case MW_JSON_KEY:
		where_back(k->w, k->level[it->depth - 1].where);
		return on_name(k, it);
	case MW_JSON_OBJECT:
	case MW_JSON_ARRAY:
		enter(k, it->depth);
		/* in a list each element has its name; members have names of their own */
		k->level[it->depth] = (struct level){ .where = k->w->n,
						      .array = it->tok == MW_JSON_ARRAY,
						      .secret = k->secret };
		return 0;
	case MW_JSON_OBJECT_END:
	case MW_JSON_ARRAY_END:
		return 0;
	default:
		enter(k, it->depth);
		return on_scalar(k, it);
	}
}

static int in_json(const struct mw_token_scan *s, struct where *w, struct mw_slice json, int nest)
{
	const size_t at = w->n;
	struct mw_json_item it;
	struct mw_json j;
	struct walk k;
	int r = 0;

	/* not its levels: those are set as they are entered */
	k.s = s;
	k.w = w;
	k.nest = nest;
	k.secret = false;
	mw_buf_init(&k.tmp, s->a, 3 * json.n + 16);
	mw_json_init(&j, json, MW_JSON_DEPTH_MAX);
	while (r == 0 && mw_json_next(&j, &it) == 1)
		r = on_item(&k, &it);
	mw_buf_done(&k.tmp);
	where_back(w, at);
	return r;
}

int mw_tokens_in_json(const struct mw_token_scan *s, const char *root, struct mw_slice json)
{
	struct where w = { .n = 0 };

	where_str(&w, root);
	return in_json(s, &w, json, 0);
}

/* --- header fields -------------------------------------------------------------------------------
 */

static bool is_authorization(struct mw_slice name)
{
	return mw_slice_lower_eq(name, "authorization") ||
	       mw_slice_lower_eq(name, "proxy-authorization");
}

bool mw_token_in_field(struct mw_slice name, struct mw_slice value)
{
	struct mw_slice jwt;
	size_t pos = 0;

	if (mw_slice_lower_eq(name, "mcp-session-id"))
		return false;
	return mw_redact_name(name) || mw_jwt_find(value, &pos, &jwt);
}

/* Whether a cookie of this name stands for who sends it. */
static bool is_session(struct mw_slice name)
{
	static const char *const ends[] = { "session",	  "sessionid", "session_id",
					    "session-id", "sessid",    "sid" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (name.n >= n && mw_slice_lower_eq(mw_slice(name.p + name.n - n, n), ends[i]))
			return true;
	}
	return is_secret(name);
}

/* name=value; name=value (RFC 6265, section 4.2.1) */
static int in_cookies(const struct mw_token_scan *s, const struct where *cookie,
		      struct mw_slice value)
{
	struct mw_slice pair, name;
	struct where w;
	int r = 0;

	while (value.n && r == 0) {
		const uint8_t *end = memchr(value.p, ';', value.n), *eq;

		pair = mw_slice(value.p, end ? (size_t)(end - value.p) : value.n);
		value = end ? mw_slice(end + 1, value.n - pair.n - 1) : mw_slice(NULL, 0);
		while (pair.n && pair.p[0] == ' ')
			pair = mw_slice_from(pair, 1);
		eq = pair.n ? memchr(pair.p, '=', pair.n) : NULL;
		if (!eq)
			continue;
		name = mw_slice(pair.p, (size_t)(eq - pair.p));
		pair = mw_slice(eq + 1, pair.n - name.n - 1);
		w = *cookie;
		where_name(&w, name);
		r = is_session(name) ? tell_secret(s, &w, pair, false) : tell_jwts(s, &w, pair);
	}
	return r;
}

int mw_tokens_in_fields(const struct mw_token_scan *s, struct mw_slice fields)
{
	const struct mw_http_head head = { .fields = fields };
	struct mw_slice name, value;
	struct where w;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && mw_http_field_next(&head, &pos, &name, &value) == 1) {
		if (!value.n || mw_slice_lower_eq(name, "mcp-session-id"))
			continue;
		where_back(&w, 0);
		where_field(&w, name);
		if (mw_slice_lower_eq(name, "cookie"))
			r = in_cookies(s, &w, value);
		else if (is_secret(name))
			r = tell_secret(s, &w, value, is_authorization(name));
		else
			r = tell_jwts(s, &w, value);
	}
	return r;
}

/* --- environment and command line ----------------------------------------------------------------
 */

/* The next of several texts with a NUL behind each. */
static bool next(struct mw_slice *all, struct mw_slice *ret)
{
	const uint8_t *end = all->n ? memchr(all->p, '\0', all->n) : NULL;

	if (!all->n)
		return false;
	*ret = mw_slice(all->p, end ? (size_t)(end - all->p) : all->n);
	*all = end ? mw_slice(end + 1, all->n - ret->n - 1) : mw_slice(NULL, 0);
	return true;
}

static bool is_name(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i], low = c | 0x20;

		if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '_' &&
		    c != '-' && c != '.')
			return false;
	}
	return s.n > 0;
}

int mw_tokens_in_env(const struct mw_token_scan *s, struct mw_slice env)
{
	struct mw_slice var, name, value;
	const uint8_t *eq;
	struct where w;
	int r = 0;

	while (r == 0 && next(&env, &var)) {
		eq = var.n ? memchr(var.p, '=', var.n) : NULL;
		if (!eq || eq == var.p)
			continue;
		name = mw_slice(var.p, (size_t)(eq - var.p));
		value = mw_slice(eq + 1, var.n - name.n - 1);
		where_back(&w, 0);
		where_str(&w, "env");
		where_name(&w, name);
		r = in_text(s, &w, value, is_secret(name), 0);
	}
	return r;
}

/* --name=value, NAME=value, Name: value. The length of the name; 0: none of these. */
static size_t arg_name(struct mw_slice arg)
{
	for (size_t i = 0; i < arg.n; i++)
		if (arg.p[i] == '=' || arg.p[i] == ':')
			return is_name(mw_slice(arg.p, i)) ? i : 0;
	return 0;
}

static size_t blank_at(struct mw_slice s)
{
	const uint8_t *blank = s.n ? memchr(s.p, ' ', s.n) : NULL;

	return blank ? (size_t)(blank - s.p) : s.n;
}

int mw_tokens_in_argv(const struct mw_token_scan *s, struct mw_slice argv)
{
	struct mw_slice arg, name, value, flag = { NULL, 0 };
	struct where w;
	int r = 0;

	if (!next(&argv, &arg)) /* the program's own name */
		return 0;
	for (uint32_t i = 1; r == 0 && next(&argv, &arg); i++) {
		const bool follows = flag.n && is_secret(flag) && arg.n && arg.p[0] != '-';
		const size_t n = follows ? 0 : arg_name(arg);

		name = follows ? flag : mw_slice(arg.p, n);
		value = n ? mw_slice_from(arg, n + 1) : arg;
		flag = mw_slice(arg.p, !follows && is_name(arg) && arg.p[0] == '-' ? arg.n : 0);
		/* NAME=value for a shell: there it ends */
		if (n && arg.p[n] == '=' && arg.p[0] != '-')
			value.n = blank_at(value);
		where_back(&w, 0);
		where_str(&w, "argv");
		if (follows || (n && is_secret(name))) {
			where_name(&w, name);
			r = tell_secret(s, &w, value, false);
		} else {
			where_number(&w, "[", i);
			r = in_text(s, &w, arg, false, 0);
		}
	}
	return r;
}
