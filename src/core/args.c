/* SPDX-License-Identifier: Apache-2.0 */
#include "core/args_priv.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "core/host.h"
#include "core/path.h"

#define DEPTH_MAX 256
/* How deep JSON in strings in JSON is looked into. */
#define NEST_MAX 4
/* No path and no element of an argv is longer than an event has room for. */
#define WORD_MAX MW_ARGV_MAX
#define HOST_MAX 255

/* --- taking the strings out --- */

static int add_addr(struct mw_args *x, const struct mw_addr *addr)
{
	size_t cap = x->cap_addrs ? 2 * x->cap_addrs : 4;
	struct mw_addr *p;

	if (x->n_addrs == x->cap_addrs) {
		p = x->a->resize(x->a->ctx, x->addrs, x->cap_addrs * sizeof(*p), cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		x->addrs = p;
		x->cap_addrs = cap;
	}
	x->addrs[x->n_addrs++] = *addr;
	return 0;
}

/* What stands in text behind off becomes a word; the same one again takes no place. */
static int add_word(struct mw_args *x, size_t off)
{
	size_t cap = x->cap_words ? 2 * x->cap_words : 8;
	struct mw_slice s = mw_slice(x->text.p + off, x->text.len - off);
	struct word *w;

	if (x->n_words) {
		const struct word *last = &x->words[x->n_words - 1];

		if (mw_slice_eq(s, word_text(x, last))) {
			x->text.len = off;
			return 0;
		}
	}
	if (x->n_words == WORDS_MAX)
		return -E2BIG;
	if (x->n_words == x->cap_words) {
		w = x->a->resize(x->a->ctx, x->words, x->cap_words * sizeof(*w), cap * sizeof(*w));
		if (!w)
			return -ENOMEM;
		x->words = w;
		x->cap_words = cap;
	}
	w = &x->words[x->n_words++];
	*w = (struct word){ .fwd = hash_fwd(s), .off = (uint32_t)off, .n = (uint32_t)s.n };
	if (s.p[0] == '/') {
		w->dir = s.n > 1 && find(from(s, 1), '/') < s.n - 1;
	} else if (s.n >= END_MIN) {
		w->end = true;
		w->rev = hash_rev(s);
	}
	return 0;
}

/* The n bytes at off in text, as a path: without what the kernel's paths have not either. */
static int add_path(struct mw_args *x, size_t off, size_t n)
{
	static const struct mw_slice up = MW_SLICE_LIT("../");
	const size_t start = x->text.len;
	struct mw_slice s;
	int r;

	if (n == 0 || n > MW_PATH_MAX)
		return 0;
	r = mw_buf_reserve(&x->text, n + 2); /* before s: it may move the text */
	if (r < 0)
		return r;
	s = mw_slice(x->text.p + off, n);
	if (n > 2 && s.p[0] == '~' && s.p[1] == '/')
		s = from(s, 2);
	r = mw_path_join(&x->text, mw_slice(NULL, 0), s);
	if (r < 0)
		return r;
	for (n = start; mw_slice_starts(mw_slice(x->text.p + n, x->text.len - n), up);)
		n += up.n;
	memmove(x->text.p + start, x->text.p + n, x->text.len - n);
	x->text.len -= n - start;
	return x->text.len > start ? add_word(x, start) : 0;
}

/* The host at off in text names the address of whoever has that name. */
static int add_host(struct mw_args *x, struct mw_slice host, unsigned int port)
{
	const size_t cap = x->cap_hosts ? 2 * x->cap_hosts : 4, off = (size_t)(host.p - x->text.p);
	struct host *p;
	uint64_t h = 0;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0)
		return 0;
	if (x->n_hosts == x->cap_hosts) {
		p = x->a->resize(x->a->ctx, x->hosts, x->cap_hosts * sizeof(*p), cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		x->hosts = p;
		x->cap_hosts = cap;
	}
	for (size_t i = 0; i < host.n; i++)
		h = hash_step(h, mw_lower(host.p[i]));
	x->hosts[x->n_hosts++] = (struct host){
		.hash = h, .off = (uint32_t)off, .n = (uint32_t)host.n, .port = (uint16_t)port
	};
	return 0;
}

/* "name" or "name:port": letters, digits, '-', '_' and dots; without a port or scheme at least one
 * dot inside, or any word would be one. False: it is none. */
static bool host_port(struct mw_slice s, bool sure, struct mw_slice *ret, unsigned int *port)
{
	const size_t n = find(s, ':');
	unsigned int v = 0;
	bool dot = false;

	if (n == 0 || n > HOST_MAX || s.n - n > 6)
		return false;
	for (size_t i = 0; i < n; i++) {
		const uint8_t c = mw_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
		    c != '.')
			return false;
		dot |= c == '.' && i > 0 && i + 1 < n;
	}
	for (size_t i = n + 1; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (unsigned int)(s.p[i] - '0');
	}
	if (v > 65535 || (n < s.n && v == 0) || !(sure || dot || n < s.n))
		return false;
	*ret = mw_slice(s.p, n);
	*port = v ? v : *port;
	return true;
}

static int add_url(struct mw_args *x, size_t off, size_t n)
{
	const size_t start = x->text.len;
	struct mw_slice url, authority, host;
	struct mw_addr addr;
	unsigned int port;
	int r;

	r = mw_buf_reserve(&x->text, n + 2); /* before url: it may move the text */
	if (r < 0)
		return r;
	url = mw_slice(x->text.p + off, n);
	x->text.len += mw_args_url_put(x->text.p + start, n, url, true);
	if (x->text.len > start) {
		r = add_word(x, start);
		if (r < 0)
			return r;
		/* below it are other URLs, and it ends no path */
		x->words[x->n_words - 1].dir = true;
		x->words[x->n_words - 1].end = false;
	}
	url = mw_slice(x->text.p + off, n);
	if (mw_host_url(url, &addr))
		return add_addr(x, &addr);
	authority = mw_host_authority(url, &port);
	return host_port(authority, true, &host, &port) ? add_host(x, host, port) : 0;
}

/* A text of SQL: each of its statements, white space folded. */
static int add_statements(struct mw_args *x, size_t off, size_t n)
{
	struct mw_sql q;
	size_t pos = 0, at;
	int r = 0;

	if (!mw_sql_looks(mw_slice(x->text.p + off, n)))
		return 0;
	r = mw_buf_reserve(&x->text, 2 * n); /* once: the text must not move */
	while (r == 0 && mw_sql_next(mw_slice(x->text.p + off, n), MW_SQL_ANY, &pos, &q) == 1) {
		at = x->text.len;
		r = mw_sql_fold(&x->text, q.text);
		if (r == 0 && x->text.len > at)
			r = add_word(x, at);
	}
	return r;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of a file: or unix: URL, percent-decoded (RFC 3986, 2.1; RFC 8089). */
static int add_url_path(struct mw_args *x, struct mw_slice path)
{
	const size_t start = x->text.len;
	size_t off = (size_t)(path.p - x->text.p), n = path.n, i;
	int r;

	path.n = find(path, '?');
	path.n = find(path, '#');
	n = path.n;
	r = mw_buf_reserve(&x->text, n);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		const uint8_t *p = x->text.p + off + i;

		if (*p == '%' && n - i > 2 && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			x->text.p[x->text.len++] = (uint8_t)(hex(p[1]) << 4 | hex(p[2]));
			i += 2;
		} else {
			x->text.p[x->text.len++] = *p;
		}
	}
	return add_path(x, start, x->text.len - start);
}

static int add_forms(struct mw_args *x, size_t off);

/* --file=/a/b: what is behind the '=' is named too. */
static int add_value(struct mw_args *x, struct mw_slice value)
{
	const size_t at = x->text.len, off = (size_t)(value.p - x->text.p);
	int r = mw_buf_reserve(&x->text, value.n);

	if (r < 0)
		return r;
	memcpy(x->text.p + at, x->text.p + off, value.n);
	x->text.len += value.n;
	r = add_word(x, at);
	return r < 0 || x->text.len == at ? r : add_forms(x, at);
}

static int add_forms(struct mw_args *x, size_t off)
{
	struct mw_slice s = mw_slice(x->text.p + off, x->text.len - off), scheme, rest, host;
	struct mw_addr addr;
	unsigned int port = 0;
	size_t n;
	int r;

	if (s.p[0] == '/')
		return add_path(x, off, s.n);
	n = find(s, '=');
	if (s.p[0] == '-' && n + 1 < s.n)
		return add_value(x, from(s, n + 1));
	n = find(s, ':');
	scheme = mw_slice(s.p, n);
	rest = from(s, n + 1);
	if (mw_slice_lower_eq(scheme, "file") || mw_slice_lower_eq(scheme, "unix")) {
		if (mw_slice_starts(rest, MW_SLICE_LIT("//")))
			rest = from(rest, 2 + find(from(rest, 2), '/'));
		return add_url_path(x, rest);
	}
	if (n < s.n && mw_slice_starts(rest, MW_SLICE_LIT("//")))
		return add_url(x, off, s.n);
	if (mw_host_parse(s, 0, &addr))
		return add_addr(x, &addr);
	if (host_port(s, false, &host, &port)) {
		r = add_host(x, host, port);
		if (r < 0)
			return r;
	}
	n = s.n;
	r = add_statements(x, off, n);
	return r < 0 ? r : add_path(x, off, n);
}

static bool looks_nested(struct mw_slice raw)
{
	for (size_t i = 1; i < raw.n; i++)
		if (raw.p[i] != ' ')
			return raw.p[i] == '{' || raw.p[i] == '[';
	return false;
}

static int take(struct mw_args *x, struct mw_slice json, unsigned int nested);

static int take_nested(struct mw_args *x, struct mw_slice raw, unsigned int nested)
{
	_cleanup_(mw_buf_done) struct mw_buf text;
	int r;

	/* a byte that is not UTF-8 becomes three */
	mw_buf_init(&text, x->a, 3 * raw.n);
	r = mw_json_str_decode(raw, &text);
	return r < 0 ? r : take(x, mw_buf_slice(&text), nested + 1);
}

static int take_string(struct mw_args *x, struct mw_slice raw)
{
	const size_t off = x->text.len;
	int r;

	if (raw.n <= 2 || raw.n > 6 * WORD_MAX + 2)
		return 0;
	r = mw_json_str_decode(raw, &x->text);
	if (r < 0)
		return r;
	if (x->text.len - off > WORD_MAX) {
		x->text.len = off;
		return 0;
	}
	r = add_word(x, off);
	/* equal to the one before: its forms are there */
	return r < 0 || x->text.len == off ? r : add_forms(x, off);
}

/* A number may be an id in a statement. */
static int take_number(struct mw_args *x, struct mw_slice raw)
{
	const size_t off = x->text.len;
	int r;

	if (raw.n < DIGITS_MIN || raw.n > 20)
		return 0;
	r = mw_buf_append(&x->text, raw.p, raw.n);
	return r < 0 ? r : add_word(x, off);
}

/* -ENOMEM only; every limit just ends it. Calls itself, at most NEST_MAX deep. */
static int take(struct mw_args *x, struct mw_slice json, unsigned int nested)
{
	struct mw_json_item it;
	struct mw_json j;
	int r;

	mw_json_init(&j, json, DEPTH_MAX);
	while ((r = mw_json_next(&j, &it)) == 1) {
		if (it.tok != MW_JSON_STRING && it.tok != MW_JSON_NUMBER)
			continue;
		if (x->n_strings == MW_ARGS_STRINGS_MAX) {
			r = -E2BIG;
			break;
		}
		x->n_strings++;
		if (it.tok == MW_JSON_NUMBER)
			r = take_number(x, it.raw);
		else
			r = take_string(x, it.raw);
		if (r == 0 && it.tok == MW_JSON_STRING && nested < NEST_MAX && looks_nested(it.raw))
			r = take_nested(x, it.raw, nested);
		if (r < 0)
			break;
	}
	if (r == -ENOMEM)
		return r;
	/* a string that only looks like JSON is whole as it is */
	if (r < 0 && !(nested && r == -EBADMSG))
		x->whole = false;
	return 0;
}

static int build(struct mw_args *x)
{
	size_t n = 4, mask, s;
	uint16_t *t;

	if (x->n_words == 0)
		return 0;
	while (n < 2 * x->n_words)
		n *= 2;
	x->slots = mw_alloc_zero(x->a, 2 * n * sizeof(*x->slots));
	if (!x->slots)
		return -ENOMEM;
	x->n_slots = n;
	mask = n - 1;
	for (size_t i = 0; i < x->n_words; i++) {
		const struct word *w = &x->words[i];
		const struct word *was;

		for (s = hash_slot(w->fwd, mask), t = x->slots; t[s]; s = (s + 1) & mask) {
			was = &x->words[t[s] - 1];
			if (was->fwd == w->fwd && mw_slice_eq(word_text(x, was), word_text(x, w)))
				break;
		}
		if (t[s]) /* the same text again: long chains of equals would cost */
			continue;
		t[s] = (uint16_t)(i + 1);
		if (!w->end)
			continue;
		for (s = hash_slot(w->rev, mask), t = x->slots + n; t[s];)
			s = (s + 1) & mask;
		t[s] = (uint16_t)(i + 1);
	}
	return 0;
}

int mw_args_new(const struct mw_alloc *a, struct mw_slice json, size_t max, struct mw_args **ret)
{
	struct mw_args *x = mw_alloc_zero(a, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->a = a;
	x->whole = true;
	if (max > UINT32_MAX / 16)
		max = UINT32_MAX / 16;
	mw_buf_init(&x->text, a, 12 * max + 8 * WORD_MAX);
	if (json.n > max) {
		json.n = max;
		x->whole = false;
	}
	r = json.n ? take(x, json, 0) : 0;
	if (r == 0)
		r = build(x);
	if (r < 0) {
		mw_args_free(x);
		return r;
	}
	*ret = x;
	return 0;
}

void mw_args_free(struct mw_args *x)
{
	if (!x)
		return;
	mw_buf_done(&x->text);
	mw_alloc_free(x->a, x->words, x->cap_words * sizeof(*x->words));
	mw_alloc_free(x->a, x->hosts, x->cap_hosts * sizeof(*x->hosts));
	mw_alloc_free(x->a, x->addrs, x->cap_addrs * sizeof(*x->addrs));
	mw_alloc_free(x->a, x->slots, 2 * x->n_slots * sizeof(*x->slots));
	mw_alloc_free(x->a, x, sizeof(*x));
}

bool mw_args_whole(const struct mw_args *x)
{
	return x->whole;
}
