/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tunnel.h"

#include <errno.h>

#define STREAM_OUT 1
#define STREAM_ERR 2

enum {
	PASSED = 0, /* nothing is read */
	FIRST,	    /* before the first byte */
	LINES,
	FRAMES,
};

void mw_tunnel_init(struct mw_tunnel *t, const struct mw_alloc *a, size_t max, bool response)
{
	uint64_t n_nomem = t->line.n_nomem;

	*t = (struct mw_tunnel){ .state = FIRST, .response = response };
	mw_lines_init(&t->line, a, max);
	t->line.n_nomem = n_nomem;
}

void mw_tunnel_done(struct mw_tunnel *t)
{
	if (t->state != PASSED)
		mw_lines_done(&t->line);
	t->state = PASSED;
}

static void judge(struct mw_tunnel *t, uint8_t c)
{
	if (c == '{' || c == '[')
		t->state = LINES;
	else if (t->response && (c == STREAM_OUT || c == STREAM_ERR))
		t->state = FRAMES;
	else
		mw_tunnel_done(t);
}

/* One byte of a frame's head. 0, -EBADMSG. */
static int head_take(struct mw_tunnel *t, uint8_t c)
{
	static const uint8_t zero[3];
	const uint8_t *h = t->head;

	t->head[t->n_head++] = c;
	if (t->n_head < MW_TUNNEL_HEAD)
		return 0;
	t->n_head = 0;
	if ((h[0] != STREAM_OUT && h[0] != STREAM_ERR) || memcmp(h + 1, zero, sizeof(zero)) != 0) {
		if (t->framed)
			return -EBADMSG;
		mw_tunnel_done(t);
		return 0;
	}
	t->framed = true;
	t->left = (uint64_t)h[4] << 24 | (uint64_t)h[5] << 16 | (uint64_t)h[6] << 8 | h[7];
	return 0;
}

/* Bytes of the frame in progress. 1 a line. */
static int frame_take(struct mw_tunnel *t, const struct mw_chunk *c, size_t *pos,
		      struct mw_frame *ret)
{
	struct mw_chunk part = *c;
	size_t before = *pos, n = c->bytes.n - *pos;
	int r = 0;

	if (n > t->left)
		n = (size_t)t->left;
	part.bytes.n = *pos + n;
	if (t->head[0] == STREAM_OUT)
		r = mw_lines_next(&t->line, &part, pos, ret);
	else
		*pos += n;
	t->left -= *pos - before;
	return r;
}

static int next_gap(struct mw_tunnel *t, const struct mw_chunk *c, struct mw_frame *ret)
{
	size_t pos = 0;

	if (t->state == PASSED)
		return 0;
	if (t->state == FRAMES && c->gap > t->left)
		return -EBADMSG;
	if ((t->state != FRAMES || t->head[0] == STREAM_OUT) &&
	    mw_lines_next(&t->line, c, &pos, ret) == 1)
		return 1;
	if (t->state == FRAMES)
		t->left -= c->gap;
	return 0;
}

int mw_tunnel_next(struct mw_tunnel *t, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret)
{
	int r = 0;

	if (c->gap)
		return next_gap(t, c, ret);
	while (r == 0 && *pos < c->bytes.n) {
		if (t->state == FIRST)
			judge(t, c->bytes.p[*pos]);
		if (t->state == LINES)
			r = mw_lines_next(&t->line, c, pos, ret);
		else if (t->state == PASSED)
			*pos = c->bytes.n;
		else if (t->left)
			r = frame_take(t, c, pos, ret);
		else
			r = head_take(t, c->bytes.p[(*pos)++]);
	}
	return r;
}

int mw_tunnel_finish(struct mw_tunnel *t, struct mw_frame *ret)
{
	return t->state == PASSED ? 0 : mw_lines_finish(&t->line, ret);
}
