/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http.h"

#include <errno.h>

#include "core/http_priv.h"

/* Hex digits of a chunk's size, leading zeros included, and bytes of its extensions. */
#define DIGITS_MAX    16u
#define CHUNK_EXT_MAX 16384u

enum {
	AT_START = 0, /* between two messages */
	AT_HEAD,
	AT_BODY, /* `left` bytes of it (or of a chunk) to come; UINT64_MAX: until the close */
	AT_CHUNK_SIZE,
	AT_CHUNK_WHITE, /* behind the digits */
	AT_CHUNK_EXT,
	AT_CHUNK_LF,  /* of its first line, the CR has been */
	AT_CHUNK_END, /* the line end behind its data */
	AT_CHUNK_END_LF,
	AT_TRAILER,
	AT_END, /* END is to be given, then it goes on with `after` */
	AT_UPGRADED,
	AT_LOST, /* `why` */
};

/* What a step came to. */
enum { GO_ON = 0, EVENT, NEED };

static const uint64_t until_close = UINT64_MAX;

void mw_http_init(struct mw_http *h, const struct mw_alloc *a)
{
	*h = (struct mw_http){ .a = a };
	mw_buf_init(&h->head, a, MW_HTTP_HEAD_MAX);
}

void mw_http_heads_only(struct mw_http *h)
{
	h->blind = true;
}

static void release(struct mw_http *h)
{
	mw_buf_done(&h->head);
	mw_inflate_free(h->inflate);
	h->inflate = NULL;
	h->lent = false;
}

void mw_http_done(struct mw_http *h)
{
	const bool blind = h->blind;

	release(h);
	mw_http_init(h, h->a);
	h->blind = blind;
}

/* Before the first byte of a message. */
static void message_reset(struct mw_http *h)
{
	h->start = (struct mw_http_start){ 0 };
	h->started = h->begun_cr = h->open = h->partial = h->mute = h->chunked = false;
	h->n_wire = h->n_head = h->left = 0;
	h->line = 0;
	h->coding = MW_CODING_NONE;
	h->status = 0;
	h->odd = NULL;
	h->state = h->after = AT_START;
}

void mw_http_resync(struct mw_http *h)
{
	release(h);
	message_reset(h);
	h->known = h->upgrade = false;
}

static void join(struct mw_http *h)
{
	mw_http_resync(h);
	h->n++;
	h->open = h->partial = true;
}

void mw_http_join_chunked(struct mw_http *h)
{
	join(h);
	h->chunked = true;
	h->state = AT_CHUNK_SIZE;
}

void mw_http_join_identity(struct mw_http *h)
{
	join(h);
	h->left = until_close;
	h->state = AT_BODY;
}

static void lose(struct mw_http *h, const char *why)
{
	release(h);
	h->why = why;
	h->state = h->after = AT_LOST;
	if (h->open) {
		h->state = AT_END;
		h->partial = true;
	}
}

static void odd(struct mw_http *h, const char *what)
{
	if (!h->odd)
		h->odd = what;
}

static void end_give(struct mw_http *h, struct mw_http_event *ret)
{
	unsigned int after = h->after;

	if (h->inflate && !mw_inflate_ended(h->inflate) && !h->partial)
		odd(h, "http.coding");
	*ret = (struct mw_http_event){ .kind = MW_HTTP_END,
				       .n = h->n,
				       .wire = h->n_wire,
				       .partial = h->partial,
				       .odd = h->odd };
	release(h);
	message_reset(h);
	h->state = after;
}

/* --- heads and trailers ---------------------------------------------------------------- */

/* Takes bytes up to the empty line: 1 and all of them, 0 more are needed, -E2BIG, -ENOMEM. */
static int section_take(struct mw_http *h, struct mw_slice in, size_t *used, struct mw_slice *ret)
{
	size_t n = MW_HTTP_HEAD_MAX - h->head.len, pos = 0;
	bool whole = false;
	int r;

	if (n > in.n)
		n = in.n;
	while (pos < n && !whole) {
		const uint8_t *p = in.p + pos, *lf = memchr(p, '\n', n - pos);
		size_t len = lf ? (size_t)(lf - p) : n - pos;

		if (h->line == 0 && len)
			h->begun_cr = p[0] == '\r';
		h->line += len;
		pos += len;
		if (!lf)
			break;
		pos++;
		whole = h->line == 0 || (h->line == 1 && h->begun_cr);
		h->line = 0;
	}
	*used += pos;
	h->n_wire += pos;
	if (whole && h->head.len == 0) {
		*ret = mw_slice(in.p, pos);
		return 1;
	}
	r = mw_buf_append(&h->head, in.p, pos);
	if (r < 0)
		return r;
	if (whole) {
		*ret = mw_buf_slice(&h->head);
		h->lent = true;
		return 1;
	}
	return h->head.len == MW_HTTP_HEAD_MAX ? -E2BIG : 0;
}

/* What the caller said of the request to answer n: 0 nothing, 1 HEAD, 2 CONNECT. */
static unsigned int asked_by(const struct mw_http *h, uint64_t n)
{
	for (size_t i = 0; i < sizeof(h->bodyless) / sizeof(*h->bodyless); i++)
		if (h->bodyless[i] >> 1 == n && n)
			return h->bodyless[i] & 1 ? 2 : 1;
	return 0;
}

/* The answer has no body after all. */
static void bodyless_apply(struct mw_http *h)
{
	unsigned int by = asked_by(h, h->n);
	bool tunnel = by == 2 && h->status >= 200 && h->status < 300;

	if (by == 1 || tunnel)
		h->state = AT_END;
	if (tunnel)
		h->after = AT_UPGRADED;
}

static void body_begin(struct mw_http *h, const struct mw_http_framing *f)
{
	h->coding = h->blind ? MW_CODING_NONE : f->coding;
	h->chunked = f->body == MW_HTTP_BODY_CHUNKED;
	h->upgrade = f->upgrade;
	h->left = f->body == MW_HTTP_BODY_CLOSE ? until_close : f->length;
	h->line = 0;
	switch (f->body) {
	case MW_HTTP_BODY_NONE:
		h->state = AT_END;
		break;
	case MW_HTTP_BODY_CHUNKED:
		h->state = AT_CHUNK_SIZE;
		break;
	default:
		h->state = AT_BODY;
	}
	if (h->response)
		bodyless_apply(h);
	if (h->status == 101)
		h->after = AT_UPGRADED;
}

static int head_done(struct mw_http *h, struct mw_slice bytes, struct mw_http_event *ret)
{
	struct mw_http_framing f;
	struct mw_http_head head;
	const char *why;

	if (mw_http_head_check(bytes, &head, &f, &why) < 0) {
		lose(h, why);
		return 0;
	}
	h->known = true;
	h->response = head.response;
	if (head.response && head.status < 200 && head.status != 101) {
		release(h);
		message_reset(h);
		return 0;
	}
	h->n++;
	h->open = true;
	h->n_head = h->n_wire;
	h->status = head.status;
	body_begin(h, &f);
	*ret = (struct mw_http_event){
		.kind = MW_HTTP_HEAD, .head = head, .bytes = bytes, .n = h->n, .odd = f.odd
	};
	return 1;
}

/* What cannot become a start line is not gathered: why, or NULL. */
static const char *starts_not(struct mw_http *h, struct mw_slice in)
{
	size_t max = MW_HTTP_HEAD_MAX - h->head.len;

	for (size_t i = 0; !h->started && i < in.n && i < max; i++) {
		enum mw_sniff r = mw_http_start_feed(&h->start, in.p[i]);

		if (r == MW_SNIFF_NO)
			return "http.start";
		if (h->known && h->start.told && h->start.response != h->response)
			return "http.direction";
		h->started = r == MW_SNIFF_YES;
	}
	return NULL;
}

static int head_step(struct mw_http *h, struct mw_slice in, size_t *used, struct mw_http_event *ret)
{
	const char *why = starts_not(h, in);
	struct mw_slice bytes;
	int r;

	if (why) {
		lose(h, why);
		return 0;
	}
	r = section_take(h, in, used, &bytes);
	if (r > 0)
		return head_done(h, bytes, ret);
	if (r < 0)
		lose(h, r == -E2BIG ? "http.head_long" : "http.memory");
	return r == -ENOMEM ? r : 0;
}

static int trailer_step(struct mw_http *h, struct mw_slice in, size_t *used)
{
	struct mw_slice bytes;
	const char *what;
	int r;

	r = section_take(h, in, used, &bytes);
	if (r == 0)
		return 0;
	if (r < 0) {
		lose(h, r == -E2BIG ? "http.trailer_long" : "http.memory");
		return r == -ENOMEM ? r : 0;
	}
	if (mw_http_trailer_check(bytes, &what) < 0) {
		lose(h, what);
		return 0;
	}
	if (what)
		odd(h, what);
	h->state = AT_END;
	return 0;
}

/* Empty lines before a message are passed over (RFC 9112 section 2.2). */
static void start_step(struct mw_http *h, uint8_t c, size_t *used)
{
	if (h->begun_cr && c != '\n') {
		lose(h, "http.bare_cr");
	} else if (c == '\r' || c == '\n') {
		h->begun_cr = c == '\r';
		++*used;
	} else if (h->upgrade && !mw_http_tchar(c)) {
		h->state = AT_UPGRADED;
	} else {
		h->begun_cr = false;
		h->state = AT_HEAD;
	}
}

/* --- bodies ---------------------------------------------------------------------------- */

static void body_take(struct mw_http *h, size_t n, size_t *used)
{
	*used += n;
	h->n_wire += n;
	if (h->left != until_close)
		h->left -= n;
}

static int decode_failed(struct mw_http *h, int r)
{
	mw_inflate_free(h->inflate);
	h->inflate = NULL;
	h->mute = true;
	if (r == -ENOMEM)
		h->partial = true;
	else
		odd(h, r == -E2BIG ? "http.bomb" : "http.coding");
	return r == -ENOMEM ? r : 0;
}

static int body_step(struct mw_http *h, struct mw_slice in, size_t *used, struct mw_http_event *ret)
{
	struct mw_slice out = in;
	size_t n = 0;
	int r;

	if (in.n > h->left)
		in.n = out.n = (size_t)h->left;
	if (in.n && h->coding == MW_CODING_OTHER && !h->mute)
		decode_failed(h, -EBADMSG);
	if (h->coding == MW_CODING_NONE || h->mute || (in.n == 0 && !h->inflate)) {
		n = in.n;
		r = n && !h->mute && !h->blind ? 1 : 0;
	} else {
		r = h->inflate ? 0 : mw_inflate_new(h->a, h->coding, &h->inflate);
		if (r == 0)
			r = mw_inflate_next(h->inflate, in, &n, &out);
	}
	body_take(h, n, used);
	if (r < 0)
		return decode_failed(h, r);
	if (r == 0 && h->left == 0)
		h->state = h->chunked ? AT_CHUNK_END : AT_END;
	else if (r == 0 && in.n == 0)
		return NEED;
	if (r == 0)
		return GO_ON;
	*ret = (struct mw_http_event){ .kind = MW_HTTP_BODY, .bytes = out, .n = h->n };
	return EVENT;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void chunk_begin(struct mw_http *h)
{
	h->line = 0;
	if (h->left > (uint64_t)INT64_MAX)
		lose(h, "http.chunk");
	else
		h->state = h->left ? AT_BODY : AT_TRAILER;
}

/* A byte of a chunk's first line behind its digits. */
static void chunk_rest(struct mw_http *h, uint8_t c)
{
	if (c == '\r') {
		h->state = AT_CHUNK_LF;
	} else if (c == '\n') { /* some pass over it up to a CR: RFC 9112 section 2.2 allows none */
		lose(h, "http.chunk");
	} else if (h->state == AT_CHUNK_EXT || c == ';') {
		h->line = h->state == AT_CHUNK_EXT ? h->line + 1 : 0;
		h->state = AT_CHUNK_EXT;
		if (h->line > CHUNK_EXT_MAX)
			lose(h, "http.chunk_long");
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			odd(h, "http.control");
	} else if (c != ' ') { /* some pad the size with them */
		lose(h, "http.chunk");
	} else if (++h->line > CHUNK_EXT_MAX) {
		lose(h, "http.chunk_long");
	} else {
		h->state = AT_CHUNK_WHITE;
	}
}

static void chunk_step(struct mw_http *h, uint8_t c)
{
	int d;

	switch (h->state) {
	case AT_CHUNK_SIZE:
		d = hex(c);
		if (d < 0 && h->line) {
			chunk_rest(h, c);
		} else if (d < 0 || ++h->line > DIGITS_MAX) {
			lose(h, "http.chunk");
		} else {
			h->left = h->left << 4 | (unsigned int)d;
		}
		break;
	case AT_CHUNK_WHITE:
	case AT_CHUNK_EXT:
		chunk_rest(h, c);
		break;
	case AT_CHUNK_LF:
		if (c == '\n')
			chunk_begin(h);
		else
			lose(h, "http.bare_cr");
		break;
	case AT_CHUNK_END:
		if (c == '\r')
			h->state = AT_CHUNK_END_LF;
		else
			lose(h, "http.chunk");
		break;
	default:
		if (c == '\n')
			h->state = AT_CHUNK_SIZE;
		else
			lose(h, "http.chunk");
	}
}

/* --- events ---------------------------------------------------------------------------- */

/* EVENT, GO_ON, NEED, -ENOMEM. */
static int step(struct mw_http *h, struct mw_slice in, size_t *used, struct mw_http_event *ret)
{
	switch (h->state) {
	case AT_BODY:
		return body_step(h, in, used, ret);
	case AT_END:
		end_give(h, ret);
		return EVENT;
	case AT_UPGRADED:
		*ret = (struct mw_http_event){ .kind = MW_HTTP_UPGRADED, .n = h->n };
		return EVENT;
	case AT_LOST:
		*ret = (struct mw_http_event){ .kind = MW_HTTP_BROKEN, .n = h->n, .odd = h->why };
		return EVENT;
	default:
		break;
	}
	if (in.n == 0)
		return NEED;
	switch (h->state) {
	case AT_START:
		start_step(h, in.p[0], used);
		return 0;
	case AT_HEAD:
		return head_step(h, in, used, ret);
	case AT_TRAILER:
		return trailer_step(h, in, used);
	default:
		++*used;
		h->n_wire++;
		chunk_step(h, in.p[0]);
		return 0;
	}
}

int mw_http_next(struct mw_http *h, struct mw_slice bytes, size_t *used, struct mw_http_event *ret)
{
	int r;

	*used = 0;
	if (h->lent)
		mw_buf_reset(&h->head, 0);
	h->lent = false;
	do
		r = step(h, mw_slice_from(bytes, *used), used, ret);
	while (r == GO_ON);
	if (r < 0)
		return r;
	if (r == NEED)
		*ret = (struct mw_http_event){ .kind = MW_HTTP_NEED, .n = h->n };
	return (int)ret->kind;
}

bool mw_http_gap(struct mw_http *h, uint64_t n)
{
	if (n == 0)
		return true;
	if (h->state == AT_UPGRADED || h->state == AT_LOST)
		return false;
	if (h->state == AT_END) { /* whole, and not pulled yet */
		h->after = AT_LOST;
		h->why = "http.gap";
		return false;
	}
	if (__builtin_add_overflow(h->n_wire, n, &h->n_wire))
		h->n_wire = UINT64_MAX;
	if (h->state != AT_BODY || n > h->left) {
		lose(h, "http.gap");
		return false;
	}
	if (h->left != until_close)
		h->left -= n;
	h->partial = true;
	if (h->coding != MW_CODING_NONE) {
		mw_inflate_free(h->inflate);
		h->inflate = NULL;
		h->mute = true;
	}
	return true;
}

int mw_http_close(struct mw_http *h, struct mw_http_event *ret)
{
	bool open = h->open;

	if (open) {
		if (h->state != AT_END && (h->state != AT_BODY || h->left != until_close ||
					   (h->inflate && !mw_inflate_ended(h->inflate))))
			h->partial = true;
		end_give(h, ret);
	}
	mw_http_resync(h);
	return open;
}

bool mw_http_is_short(const struct mw_http *h)
{
	return h->open && h->state == AT_BODY && !h->chunked && h->left != until_close &&
	       (!h->response || h->n_wire > h->n_head);
}

static void asked(struct mw_http *h, uint64_t n, unsigned int tunnel)
{
	size_t max = sizeof(h->bodyless) / sizeof(*h->bodyless);

	h->bodyless[h->n_bodyless++ % max] = n << 1 | tunnel;
	if (h->open && h->known && h->response && h->n_wire == h->n_head && h->state != AT_END)
		bodyless_apply(h);
}

void mw_http_bodyless(struct mw_http *h, uint64_t n)
{
	asked(h, n, 0);
}

void mw_http_tunnel(struct mw_http *h, uint64_t n)
{
	asked(h, n, 1);
}
