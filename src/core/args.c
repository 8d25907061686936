/* SPDX-License-Identifier: Apache-2.0 */
#include "core/args.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "core/host.h"
#include "core/path.h"

#define DEPTH_MAX 256
/* No path and no element of an argv is longer than an event has room for. */
#define WORD_MAX MW_ARGV_MAX
#define END_MIN 4 /* bytes of a relative string */

struct word {
	uint64_t fwd, rev;
	uint32_t off, n; /* in text */
	bool dir;	 /* absolute, two components or more */
	bool end;	 /* relative */
};

/* Words beyond the strings: the path in a URL and a tidier form of a path. */
#define WORDS_MAX (3 * MW_ARGS_STRINGS_MAX)
_Static_assert(WORDS_MAX < UINT16_MAX, "slots are 16 bits");

struct mw_args {
	const struct mw_alloc *a;
	struct mw_buf text;
	struct word *words;
	struct mw_addr *addrs; /* family AF_UNSPEC: localhost; port 0: any */
	uint16_t *slots;       /* by fwd, then by rev: index + 1 */
	size_t n_words, cap_words, n_addrs, cap_addrs, n_slots, n_strings, max;
	bool whole;
};

/* Rolling, so that one pass over a path gives the hash of each of its beginnings. */
static inline uint64_t hash_step(uint64_t h, uint8_t c)
{
	return (h + c + 1) * 0x9e3779b97f4a7c15ull;
}

static inline size_t hash_slot(uint64_t h, size_t mask)
{
	return (size_t)((h ^ h >> 29) * 0xbf58476d1ce4e5b9ull >> 40) & mask;
}

static uint64_t hash_fwd(struct mw_slice s)
{
	uint64_t h = 0;

	for (size_t i = 0; i < s.n; i++)
		h = hash_step(h, s.p[i]);
	return h;
}

static uint64_t hash_rev(struct mw_slice s)
{
	uint64_t h = 0;

	for (size_t i = s.n; i > 0; i--)
		h = hash_step(h, s.p[i - 1]);
	return h;
}

static size_t find(struct mw_slice s, uint8_t c)
{
	const uint8_t *p = s.n ? memchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

static struct mw_slice from(struct mw_slice s, size_t i)
{
	return i < s.n ? mw_slice(s.p + i, s.n - i) : mw_slice(s.p, 0);
}

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

static struct mw_slice word_text(const struct mw_args *x, const struct word *w)
{
	return mw_slice(x->text.p + w->off, w->n);
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

static int add_forms(struct mw_args *x, size_t off)
{
	struct mw_slice s = mw_slice(x->text.p + off, x->text.len - off), scheme, rest;
	struct mw_addr addr;
	size_t n;

	if (s.p[0] == '/')
		return add_path(x, off, s.n);
	n = find(s, ':');
	scheme = mw_slice(s.p, n);
	rest = from(s, n + 1);
	if (mw_slice_lower_eq(scheme, "file") || mw_slice_lower_eq(scheme, "unix")) {
		if (mw_slice_starts(rest, MW_SLICE_LIT("//")))
			rest = from(rest, 2 + find(from(rest, 2), '/'));
		return add_url_path(x, rest);
	}
	if (n < s.n && mw_slice_starts(rest, MW_SLICE_LIT("//")))
		return mw_host_url(s, &addr) ? add_addr(x, &addr) : 0;
	if (mw_host_parse(s, 0, &addr))
		return add_addr(x, &addr);
	return add_path(x, off, s.n);
}

static bool looks_nested(struct mw_slice raw)
{
	for (size_t i = 1; i < raw.n; i++)
		if (raw.p[i] != ' ')
			return raw.p[i] == '{' || raw.p[i] == '[';
	return false;
}

static int take(struct mw_args *x, struct mw_slice json, bool nested);

static int take_nested(struct mw_args *x, struct mw_slice raw)
{
	_cleanup_(mw_buf_done) struct mw_buf text;
	int r;

	/* a byte that is not UTF-8 becomes three */
	mw_buf_init(&text, x->a, 3 * raw.n);
	r = mw_json_str_decode(raw, &text);
	return r < 0 ? r : take(x, mw_buf_slice(&text), true);
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

/* -ENOMEM only; every limit just ends it. Calls itself once: nested texts are not looked into. */
static int take(struct mw_args *x, struct mw_slice json, bool nested)
{
	struct mw_json_item it;
	struct mw_json j;
	int r;

	mw_json_init(&j, json, DEPTH_MAX);
	while ((r = mw_json_next(&j, &it)) == 1) {
		if (it.tok != MW_JSON_STRING)
			continue;
		if (x->n_strings == MW_ARGS_STRINGS_MAX) {
			r = -E2BIG;
			break;
		}
		x->n_strings++;
		r = take_string(x, it.raw);
		if (r == 0 && !nested && looks_nested(it.raw))
			r = take_nested(x, it.raw);
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
	if (max > UINT32_MAX / 8)
		max = UINT32_MAX / 8;
	mw_buf_init(&x->text, a, 2 * max + 4 * WORD_MAX);
	if (json.n > max) {
		json.n = max;
		x->whole = false;
	}
	r = json.n ? take(x, json, false) : 0;
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
	mw_alloc_free(x->a, x->addrs, x->cap_addrs * sizeof(*x->addrs));
	mw_alloc_free(x->a, x->slots, 2 * x->n_slots * sizeof(*x->slots));
	mw_alloc_free(x->a, x, sizeof(*x));
}

bool mw_args_whole(const struct mw_args *x)
{
	return x->whole;
}

/* --- asking --- */

static void query_path(struct mw_args_query *q, struct mw_slice s, bool ends)
{
	struct mw_args_path *p = &q->path[q->n_path];
	uint64_t h = 0;

	if (s.n == 0)
		return;
	q->n_path++;
	p->s = s;
	p->n_above = p->n_end = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '/' && i > 0 && p->n_above < sizeof(p->above) / sizeof(p->above[0])) {
			p->above[p->n_above].hash = h;
			p->above[p->n_above++].n = i;
		}
		h = hash_step(h, s.p[i]);
	}
	p->full = h;
	if (!ends || s.p[0] != '/')
		return;
	h = 0;
	for (size_t i = s.n; i > 0 && p->n_end < sizeof(p->end) / sizeof(p->end[0]); i--) {
		if (s.p[i - 1] == '/' && s.n - i >= END_MIN) {
			p->end[p->n_end].hash = h;
			p->end[p->n_end++].n = s.n - i;
		}
		h = hash_step(h, s.p[i - 1]);
	}
}

static void query_argv(struct mw_args_query *q, struct mw_slice argv)
{
	while (argv.n && q->n_word < sizeof(q->word) / sizeof(q->word[0])) {
		struct mw_slice s = mw_slice(argv.p, find(argv, '\0'));

		if (s.n >= 6 || (s.n >= 3 && find(s, '/') < s.n)) {
			q->word[q->n_word].s = s;
			q->word[q->n_word++].hash = hash_fwd(s);
		}
		argv = from(argv, s.n + 1);
	}
}

void mw_args_query_init(struct mw_args_query *q, const struct mw_action *act)
{
	static const struct mw_slice unix_ = MW_SLICE_LIT("unix:");

	q->n_path = q->n_word = 0;
	q->addr = act->kind == MW_EFFECT_NET_CONNECT &&
		  (act->peer.family == AF_INET || act->peer.family == AF_INET6);
	q->peer = act->peer;
	if (q->addr)
		return;
	if (act->kind == MW_EFFECT_NET_CONNECT && mw_slice_starts(act->target, unix_)) {
		query_path(q, from(act->target, unix_.n), true);
		return;
	}
	query_path(q, act->target, true);
	query_path(q, act->target2, true);
	query_path(q, act->asked, false);
	if (act->kind == MW_EFFECT_PROC_EXEC)
		query_argv(q, act->argv);
}

static const struct word *look(const struct mw_args *x, uint64_t hash, struct mw_slice s)
{
	size_t mask = x->n_slots - 1;

	for (size_t i = hash_slot(hash, mask); x->slots[i]; i = (i + 1) & mask) {
		const struct word *w = &x->words[x->slots[i] - 1];

		if (w->fwd == hash && mw_slice_eq(word_text(x, w), s))
			return w;
	}
	return NULL;
}

static bool look_end(const struct mw_args *x, uint64_t hash, struct mw_slice s)
{
	const uint16_t *slots = x->slots + x->n_slots;
	size_t mask = x->n_slots - 1;

	for (size_t i = hash_slot(hash, mask); slots[i]; i = (i + 1) & mask) {
		const struct word *w = &x->words[slots[i] - 1];

		if (w->rev == hash && mw_slice_eq(word_text(x, w), s))
			return true;
	}
	return false;
}

static bool match_addr(const struct mw_args *x, const struct mw_addr *peer)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	uint32_t v4 = 0, want;
	bool is_v4 = mw_addr_v4(peer, &v4), hit;

	for (size_t i = 0; i < x->n_addrs; i++) {
		const struct mw_addr *a = &x->addrs[i];

		if (a->port && a->port != peer->port)
			continue;
		if (a->family == AF_UNSPEC)
			hit = is_v4 ? v4 >> 24 == 127 : memcmp(peer->ip, loopback6, 16) == 0;
		else if (mw_addr_v4(a, &want))
			hit = is_v4 && v4 == want;
		else
			hit = !is_v4 && memcmp(a->ip, peer->ip, 16) == 0;
		if (hit)
			return true;
	}
	return false;
}

static bool match_loose(const struct mw_args *x, const struct mw_args_path *p)
{
	const struct word *w;

	for (size_t i = 0; i < p->n_above; i++) {
		w = look(x, p->above[i].hash, mw_slice(p->s.p, p->above[i].n));
		if (w && w->dir)
			return true;
	}
	for (size_t i = 0; i < p->n_end; i++)
		if (look_end(x, p->end[i].hash,
			     mw_slice(p->s.p + p->s.n - p->end[i].n, p->end[i].n)))
			return true;
	return false;
}

enum mw_args_hit mw_args_match(const struct mw_args *x, const struct mw_args_query *q)
{
	if (q->addr)
		return match_addr(x, &q->peer) ? MW_ARGS_EXACT : MW_ARGS_NONE;
	if (x->n_words == 0)
		return MW_ARGS_NONE;
	for (size_t i = 0; i < q->n_path; i++)
		if (look(x, q->path[i].full, q->path[i].s))
			return MW_ARGS_EXACT;
	for (size_t i = 0; i < q->n_word; i++)
		if (look(x, q->word[i].hash, q->word[i].s))
			return MW_ARGS_EXACT;
	for (size_t i = 0; i < q->n_path; i++)
		if (match_loose(x, &q->path[i]))
			return MW_ARGS_LOOSE;
	return MW_ARGS_NONE;
}
