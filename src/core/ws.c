/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ws.h"

#include <errno.h>

#include "core/inflate.h"
#include "core/keep.h"

#define HEADER_MAX	   14u
#define CONTROL_MAX	   125u
#define KEEP		   4096u /* memory kept between two messages */
#define FRAME_LIKELY_WHOLE 4096u

enum { OP_CONTINUATION = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

struct header {
	unsigned int opcode;
	bool fin, deflated, masked, shortest;
	size_t n;     /* its own bytes */
	uint64_t len; /* of the payload */
	uint8_t mask[4];
};

struct mw_ws {
	const struct mw_alloc *a;
	struct mw_keep data;
	struct mw_inflate *inflate; /* from the first deflated message on */
	uint64_t off;
	uint8_t head[HEADER_MAX];
	size_t n_head; /* of the frame's header, so far */
	struct header frame;
	uint64_t left; /* of its payload */
	size_t mask_pos;
	bool in_payload;
	bool from_client, closed, lost, lent;
	/* the message in progress */
	uint64_t from;
	bool open, text, deflated, broken;
	bool mute; /* the rest of it cannot be decoded or kept */
	const char *odd;
};

int mw_ws_new(const struct mw_alloc *a, bool from_client, size_t max, size_t head, size_t tail,
	      struct mw_ws **ret)
{
	struct mw_ws *w = mw_alloc_zero(a, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->a = a;
	w->from_client = from_client;
	mw_keep_init(&w->data, a, max, head, tail);
	*ret = w;
	return 0;
}

void mw_ws_free(struct mw_ws *w)
{
	if (!w)
		return;
	mw_keep_done(&w->data);
	mw_inflate_free(w->inflate);
	mw_alloc_free(w->a, w, sizeof(*w));
}

static void message_reset(struct mw_ws *w)
{
	mw_keep_reset(&w->data, KEEP);
	w->open = w->broken = w->mute = w->lent = false;
	w->odd = NULL;
}

static void odd(struct mw_ws *w, const char *what)
{
	if (!w->odd)
		w->odd = what;
}

static void give(struct mw_ws *w, struct mw_ws_message *ret)
{
	*ret = (struct mw_ws_message){ .bytes = mw_keep_slice(&w->data),
				       .store = &w->data.buf,
				       .len = w->data.len,
				       .from = w->from,
				       .to = w->off,
				       .text = w->text,
				       .cut = w->data.cut,
				       .broken = w->broken,
				       .odd = w->odd };
	w->lent = true;
}

/* --- headers --------------------------------------------------------------------------- */

/* 1 a whole header, 0 more bytes are needed, -EBADMSG. Says no before it has all of them. */
static int header_parse(struct mw_slice s, struct header *ret)
{
	struct header h = { 0 };
	size_t n_len = 0;

	if (s.n == 0)
		return 0;
	h.fin = s.p[0] & 0x80;
	h.deflated = s.p[0] & 0x40;
	h.opcode = s.p[0] & 0x0f;
	if (s.p[0] & 0x30 || (h.opcode > OP_BINARY && h.opcode < OP_CLOSE) || h.opcode > OP_PONG)
		return -EBADMSG;
	if (h.opcode >= OP_CLOSE && (!h.fin || h.deflated))
		return -EBADMSG;
	if (h.opcode == OP_CONTINUATION && h.deflated)
		return -EBADMSG;
	if (s.n == 1)
		return 0;
	h.masked = s.p[1] & 0x80;
	h.len = s.p[1] & 0x7f;
	if (h.opcode >= OP_CLOSE && h.len > CONTROL_MAX)
		return -EBADMSG;
	if (h.len > 125)
		n_len = h.len == 126 ? 2 : 8;
	if (n_len && s.n > 2 && n_len == 8 && s.p[2] & 0x80)
		return -EBADMSG;
	h.n = 2 + n_len + (h.masked ? 4 : 0);
	if (s.n < h.n)
		return 0;
	h.shortest = true;
	if (n_len) {
		h.len = 0;
		for (size_t i = 0; i < n_len; i++)
			h.len = h.len << 8 | s.p[2 + i];
		h.shortest = h.len > (n_len == 2 ? 125u : UINT16_MAX);
	}
	if (h.masked)
		memcpy(h.mask, s.p + 2 + n_len, 4);
	*ret = h;
	return 1;
}

/* The frame's header is whole: what it begins. */
static int frame_begin(struct mw_ws *w)
{
	const struct header *f = &w->frame;

	if (f->opcode < OP_CLOSE) {
		if (w->open != (f->opcode == OP_CONTINUATION))
			return -EBADMSG;
		if (!w->open) {
			w->open = true;
			w->text = f->opcode == OP_TEXT;
			w->deflated = f->deflated;
			w->from = w->off - f->n;
			if (w->inflate)
				mw_inflate_recount(w->inflate);
		}
		if (f->masked != w->from_client)
			odd(w, w->from_client ? "ws.unmasked" : "ws.masked");
		if (!f->shortest)
			odd(w, "ws.length");
	}
	w->left = f->len;
	w->mask_pos = 0;
	w->in_payload = true;
	return 0;
}

/* --- payload --------------------------------------------------------------------------- */

/* No more of the message can be decoded: what comes after begins with no window. */
static int deflate_failed(struct mw_ws *w, int r)
{
	mw_inflate_free(w->inflate);
	w->inflate = NULL;
	w->broken = w->mute = true;
	if (r == -ENOMEM)
		return r;
	odd(w, r == -E2BIG ? "ws.bomb" : "ws.deflate");
	return 0;
}

static int keep(struct mw_ws *w, const uint8_t *p, size_t n)
{
	if (n == 0 || mw_keep_add(&w->data, p, n) == 0)
		return 0;
	w->broken = w->mute = true;
	/* the window would not be that of the sender any more */
	mw_inflate_free(w->inflate);
	w->inflate = NULL;
	return -ENOMEM;
}

static int inflate_add(struct mw_ws *w, struct mw_slice in)
{
	struct mw_slice out;
	size_t used;
	int r = 0;

	if (!w->inflate)
		r = mw_inflate_new(w->a, MW_CODING_RAW, &w->inflate);
	while (r == 0) {
		r = mw_inflate_next(w->inflate, in, &used, &out);
		if (r <= 0)
			break;
		in.p += used;
		in.n -= used;
		r = keep(w, out.p, out.n);
		if (r < 0)
			return r;
	}
	return r < 0 ? deflate_failed(w, r) : 0;
}

static int payload_add(struct mw_ws *w, const uint8_t *p, size_t n)
{
	uint8_t plain[512];
	int r = 0;

	if (w->frame.opcode >= OP_CLOSE || w->mute)
		return 0;
	while (n && r == 0 && !w->mute) {
		struct mw_slice in = { p, n };

		if (w->frame.masked) {
			if (in.n > sizeof(plain))
				in.n = sizeof(plain);
			for (size_t i = 0; i < in.n; i++)
				plain[i] = p[i] ^ w->frame.mask[(w->mask_pos + i) % 4];
			in.p = plain;
		}
		w->mask_pos = (w->mask_pos + in.n) % 4;
		r = w->deflated ? inflate_add(w, in) : keep(w, in.p, in.n);
		p += in.n;
		n -= in.n;
	}
	return r;
}

/* RFC 7692 section 7.2.2: what every deflated message would end with is left out. */
static int message_end(struct mw_ws *w)
{
	static const uint8_t tail[] = { 0x00, 0x00, 0xff, 0xff };

	if (!w->deflated || w->mute || (w->inflate && mw_inflate_ended(w->inflate)))
		return 0;
	return inflate_add(w, mw_slice(tail, sizeof(tail)));
}

/* The frame's payload is whole. 1: with it a message, 0, -ENOMEM: call again. */
static int frame_end(struct mw_ws *w, struct mw_ws_message *ret)
{
	bool control = w->frame.opcode >= OP_CLOSE, ends = !control && w->frame.fin;
	int r;

	r = ends ? message_end(w) : 0;
	if (r < 0)
		return r;
	w->in_payload = false;
	w->n_head = 0;
	if (w->frame.opcode == OP_CLOSE) {
		w->closed = true;
		w->broken = ends = w->open;
	}
	if (!ends)
		return 0;
	give(w, ret);
	return 1;
}

int mw_ws_next(struct mw_ws *w, struct mw_slice bytes, size_t *used, struct mw_ws_message *ret)
{
	int r;

	*used = 0;
	if (w->lent)
		message_reset(w);
	while (!w->lost && !w->closed) {
		size_t n = bytes.n - *used;

		if (!w->in_payload) {
			if (n == 0)
				return 0;
			w->head[w->n_head++] = bytes.p[(*used)++];
			w->off++;
			r = header_parse(mw_slice(w->head, w->n_head), &w->frame);
			if (r > 0)
				r = frame_begin(w);
			w->lost = r < 0;
			continue;
		}
		if (n > w->left)
			n = (size_t)w->left;
		r = n ? payload_add(w, bytes.p + *used, n) : 0;
		*used += n;
		w->off += n;
		w->left -= n;
		if (r == 0 && w->left)
			return 0;
		if (r == 0)
			r = frame_end(w, ret);
		if (r)
			return r;
	}
	if (w->lost)
		return -EBADMSG;
	w->off += bytes.n - *used;
	*used = bytes.n;
	return 0;
}

bool mw_ws_gap(struct mw_ws *w, uint64_t n)
{
	if (w->lent)
		message_reset(w);
	if (w->closed || n == 0)
		return !w->lost;
	if (!w->in_payload || n > w->left)
		w->lost = true;
	if (w->lost)
		return false;
	w->left -= n;
	w->mask_pos = (w->mask_pos + (size_t)(n % 4)) % 4;
	if (w->frame.opcode >= OP_CLOSE)
		return true;
	w->broken = true;
	if (w->deflated) {
		mw_inflate_free(w->inflate);
		w->inflate = NULL;
		w->mute = true;
	}
	return true;
}

int mw_ws_finish(struct mw_ws *w, struct mw_ws_message *ret)
{
	if (w->lent)
		message_reset(w);
	if (!w->open)
		return 0;
	w->broken = true;
	give(w, ret);
	return 1;
}

bool mw_ws_open(const struct mw_ws *w, uint64_t *ret_from)
{
	*ret_from = w->from;
	return w->open && !w->lent;
}

bool mw_ws_looks(struct mw_slice bytes, bool from_client)
{
	bool first = true;

	while (bytes.n) {
		struct header h;
		int r = header_parse(bytes, &h);

		if (r < 0 || (bytes.n > 1 && (bool)(bytes.p[1] & 0x80) != from_client))
			return false;
		if (r == 0)
			return !first;
		if (!h.shortest || (first && h.opcode == OP_CONTINUATION))
			return false;
		if (h.len > bytes.n - h.n)
			return !first || bytes.n == h.n || h.len > FRAME_LIKELY_WHOLE;
		if (h.opcode == OP_CLOSE)
			return true;
		bytes.p += h.n + h.len;
		bytes.n -= h.n + (size_t)h.len;
		first = false;
	}
	return !first;
}
