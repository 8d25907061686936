/* SPDX-License-Identifier: Apache-2.0 */
/* session_xchg.c - one request of HTTP and its answer: what their heads say */
#include <errno.h>

#include "base/base64.h"
#include "core/host.h"
#include "core/session_priv.h"
#include "core/token.h"

/* Bounds of what is copied of a head. What is longer is as if it were not there. */
#define METHOD_MAX  64
#define TARGET_MAX  8192
#define SESSION_MAX 1024
#define NAME_MAX_   4096
#define FIELDS_MAX_ MW_HTTP_HEAD_MAX

struct xchg *mw_xchg_get(struct xchg *x)
{
	x->refs++;
	return x;
}

void mw_xchg_put(struct mw_session *s, struct xchg *x)
{
	if (!x || --x->refs)
		return;
	mw_conv_put(s, x->conv);
	mw_alloc_free(s->a, x->text, x->text_n);
	mw_alloc_free(s->a, x, sizeof(*x));
}

struct xchg *mw_xchg_new(struct mw_session *s, struct conn *cn)
{
	struct xchg *x = mw_alloc_zero(s->a, sizeof(*x));

	if (!x)
		return NULL;
	x->id = ++s->last_xchg;
	x->refs = 1;
	x->conn = cn;
	dl_init(&x->in_conn);
	dl_init(&x->calls);
	dl_add(&cn->xchgs, &x->in_conn);
	cn->n_xchgs++;
	return x;
}

struct xchg *mw_xchg_at(const struct conn *cn, bool s2c, enum mw_end end, uint64_t number)
{
	const enum mw_end other = end == MW_END_READ ? MW_END_WRITE : MW_END_READ;
	struct xchg *by_other = NULL;
	const struct dl *l;

	for (l = cn->xchgs.prev; l != &cn->xchgs && number; l = l->prev) {
		struct xchg *x = MW_OF(l, struct xchg, in_conn);

		if (x->n[s2c][end] == number)
			return x;
		if (!by_other && x->n[s2c][other] == number && !x->n[s2c][end])
			by_other = x;
	}
	return by_other;
}

void mw_xchg_leave(struct mw_session *s, struct xchg *x)
{
	struct conn *cn = x->conn;
	int i;

	if (!cn)
		return;
	for (i = 0; i < 2; i++)
		if (cn->last[i] == x)
			cn->last[i] = NULL;
	x->conn = NULL;
	dl_del(&x->in_conn);
	cn->n_xchgs--;
	mw_xchg_put(s, x);
}

void mw_xchg_set_conv(struct mw_session *s, struct xchg *x, struct conv *cv)
{
	struct conv *old = x->conv;
	struct dl *l;

	if (old == cv)
		return;
	x->conv = mw_conv_get(cv);
	/* answers of the other direction (s2c) belong to other exchanges */
	for (l = x->calls.next; l != &x->calls; l = l->next) {
		struct call *c = MW_OF(l, struct call, in_x);

		mw_call_set_conv(s, c, cv);
		if (!c->pub.server && cv->server)
			mw_call_set_server(s, c, cv->server);
	}
	mw_conv_put(s, old);
}

/* The fields that a call's record is made from. */
static bool is_wanted(struct mw_slice name, struct mw_slice value)
{
	static const char *const names[] = { "traceparent", "x-forwarded-for", "forwarded",
					     "user-agent", "origin" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mw_slice_lower_eq(name, names[i]))
			return true;
	if (name.n >= 4 && mw_slice_lower_eq(mw_slice(name.p, 4), "mcp-"))
		return true;
	return mw_token_in_field(name, value);
}

static int put_fields(struct mw_buf *b, const struct mw_http_head *h)
{
	struct mw_slice name, value;
	size_t pos = 0, len;
	int r;

	while (mw_http_field_next(h, &pos, &name, &value) == 1) {
		if (!is_wanted(name, value))
			continue;
		len = b->len;
		r = mw_buf_append(b, name.p, name.n);
		if (r == 0)
			r = mw_buf_append(b, ": ", 2);
		if (r == 0)
			r = mw_buf_append(b, value.p, value.n);
		if (r == 0)
			r = mw_buf_append(b, "\r\n", 2);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			b->len = len;
	}
	return 0;
}

static struct mw_slice at_most(struct mw_slice sl, size_t max)
{
	return sl.n <= max ? sl : mw_slice(NULL, 0);
}

/* A revision is a date: dates compare as text. */
static bool is_stateless(struct mw_slice version)
{
	const struct mw_slice first = MW_SLICE_LIT("2026-07-28");

	return version.n == first.n && memcmp(version.p, first.p, first.n) >= 0;
}

int mw_xchg_request(struct mw_session *s, struct xchg *x, const struct mw_http_head *h)
{
	struct mw_slice from[6] = { at_most(h->method, METHOD_MAX),
				    at_most(h->target, TARGET_MAX),
				    at_most(mw_http_field(h, "mcp-session-id", NULL), SESSION_MAX),
				    at_most(mw_http_field(h, "mcp-protocol-version", NULL), 64),
				    at_most(mw_http_field(h, "mcp-method", NULL), NAME_MAX_),
				    at_most(mw_http_field(h, "mcp-name", NULL), NAME_MAX_) };
	struct mw_slice *to[6] = { &x->method,	&x->target,	&x->session,
				   &x->version, &x->mcp_method, &x->mcp_name };
	struct mw_buf b;
	size_t at[7], i;
	int r = 0;

	mw_buf_init(&b, s->a, TARGET_MAX + SESSION_MAX + 2 * NAME_MAX_ + 256 + FIELDS_MAX_);
	for (i = 0; i < 6 && r == 0; i++) {
		at[i] = b.len;
		r = mw_buf_append(&b, from[i].p, from[i].n);
	}
	at[6] = b.len;
	if (r == 0)
		r = put_fields(&b, h);
	if (r < 0) {
		mw_buf_done(&b);
		return r;
	}
	mw_alloc_free(s->a, x->text, x->text_n);
	x->text = b.p;
	x->text_n = b.cap;
	for (i = 0; i < 6; i++)
		*to[i] = mw_slice(b.p ? b.p + at[i] : NULL, from[i].n);
	x->fields = mw_slice(b.p ? b.p + at[6] : NULL, b.len - at[6]);
	x->asked = true;
	x->get = mw_slice_eq_str(x->method, "GET");
	x->del = mw_slice_eq_str(x->method, "DELETE");
	x->mcp = x->session.n || x->version.n || x->mcp_method.n;
	x->closes = is_stateless(x->version) || x->mcp_method.n;
	return 0;
}

int mw_xchg_response(struct mw_session *s, struct xchg *x, const struct mw_http_head *h)
{
	struct mw_slice type = mw_http_field(h, "content-type", NULL);
	struct mw_slice session = at_most(mw_http_field(h, "mcp-session-id", NULL), SESSION_MAX);
	uint8_t *p;

	x->answered = true;
	x->status = h->status;
	x->stream = type.n >= 17 && mw_slice_lower_eq(mw_slice(type.p, 17), "text/event-stream");
	if (!session.n || x->session.n)
		return 0;
	/* the answer to initialize names the session */
	p = s->a->resize(s->a->ctx, NULL, 0, x->text_n + session.n);
	if (!p)
		return -ENOMEM;
	if (x->text_n)
		memcpy(p, x->text, x->text_n);
	memcpy(p + x->text_n, session.p, session.n);
	struct mw_slice *all[] = { &x->method,	   &x->target,	 &x->version,
				   &x->mcp_method, &x->mcp_name, &x->fields };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i]->n)
			all[i]->p = p + (all[i]->p - x->text);
	x->session = mw_slice(p + x->text_n, session.n);
	mw_alloc_free(s->a, x->text, x->text_n);
	x->text = p;
	x->text_n += session.n;
	x->mcp = true;
	return 0;
}

int mw_xchg_describe(struct mw_session *s, const struct xchg *x, struct mw_call_http *ret)
{
	struct mw_call_http h = { .status = x->status };
	int r;

	r = mw_sess_copy(s, x->method, &h.method);
	if (r == 0)
		r = mw_sess_copy(s, x->target, &h.path);
	if (r == 0)
		r = mw_sess_copy(s, x->fields, &h.fields);
	if (r < 0) {
		mw_xchg_describe_free(s, &h);
		return r;
	}
	*ret = h;
	return 0;
}

void mw_xchg_describe_free(struct mw_session *s, struct mw_call_http *h)
{
	mw_sess_drop(s, &h->method);
	mw_sess_drop(s, &h->path);
	mw_sess_drop(s, &h->fields);
}

/* --- headers that repeat the body (2026-07-28)
 * ----------------------------------------------------
 */

/* =?base64?...?= as the specification writes a name that a field cannot hold. false: it is none,
 * or not sound. */
static bool decode64(struct mw_slice value, uint8_t *out, size_t *ret_n)
{
	const struct mw_slice head = MW_SLICE_LIT("=?base64?"), tail = MW_SLICE_LIT("?=");
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t i, n = 0;

	if (value.n < head.n + tail.n || !mw_slice_starts(value, head) ||
	    !mw_slice_ends(value, tail))
		return false;
	value = mw_slice(value.p + head.n, value.n - head.n - tail.n);
	while (value.n && value.p[value.n - 1] == '=')
		value.n--;
	for (i = 0; i < value.n; i++) {
		int d = mw_base64_digit(value.p[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	*ret_n = n;
	return true;
}

static bool says(struct mw_slice header, struct mw_slice raw)
{
	uint8_t plain[NAME_MAX_];
	size_t n;

	if (!header.n)
		return true;
	if (decode64(header, plain, &n))
		header = mw_slice(plain, n);
	return mw_json_str_eq_slice(raw, header);
}

bool mw_xchg_says(struct mw_session *s, const struct xchg *x, const struct mw_rpc *rpc)
{
	(void)s;
	if (!says(x->mcp_method, rpc->method))
		return false;
	return says(x->mcp_name, rpc->name.n ? rpc->name : rpc->uri);
}
