/* SPDX-License-Identifier: Apache-2.0 */
#include "core/line.h"

#include "core/frame.h"

/* Memory kept between two lines. There are two halves a channel, and thousands of channels. */
#define KEEP 8192

void mw_lines_init(struct mw_lines *l, const struct mw_alloc *a, size_t max)
{
	*l = (struct mw_lines){ 0 };
	mw_keep_init(&l->text, a, max, MW_FRAME_HEAD, MW_FRAME_TAIL);
}

void mw_lines_done(struct mw_lines *l)
{
	uint64_t n_nomem = l->n_nomem;

	mw_keep_done(&l->text);
	*l = (struct mw_lines){ .text = l->text, .n_nomem = n_nomem };
}

static void reset(struct mw_lines *l)
{
	mw_keep_reset(&l->text, KEEP);
	l->lent = false;
	l->len = 0;
}

static bool empty(struct mw_slice s)
{
	return s.n == 0 || (s.n == 1 && *s.p == '\r');
}

/* The line in progress comes out, with these bytes; what follows is a line of its own. */
static void give(struct mw_lines *l, struct mw_slice bytes, bool whole, struct mw_frame *ret)
{
	*ret = (struct mw_frame){ .bytes = bytes,
				  .off = l->off,
				  .len = l->len,
				  .span = l->len + whole,
				  .begin_ns = l->begin_ns,
				  .end_ns = l->end_ns,
				  .proc = l->proc,
				  .tid = l->tid,
				  .move = l->move,
				  .cut = l->len > bytes.n,
				  .broken = !whole || l->headless,
				  .headless = l->headless,
				  .gap = l->gap };
	l->headless = !whole;
	l->gap = 0;
	l->len = 0;
}

static void give_buffered(struct mw_lines *l, bool whole, struct mw_frame *ret)
{
	give(l, mw_keep_slice(&l->text), whole, ret);
	ret->store = &l->text.buf;
	l->lent = true;
}

static void touch(struct mw_lines *l, const struct mw_chunk *c)
{
	l->end_ns = c->ts_ns;
	l->proc = c->proc;
	l->tid = c->tid;
	l->move = c->move;
}

/* No memory for these bytes: what is there so far comes out, and they themselves straight from the
 * chunk, either as broken. */
static int give_up(struct mw_lines *l, const struct mw_chunk *c, size_t *pos, size_t n, bool ends,
		   struct mw_frame *ret)
{
	bool cut = n > l->text.max;

	l->n_nomem++;
	if (l->len) {
		give_buffered(l, false, ret);
		return 1;
	}
	l->len = n;
	touch(l, c);
	give(l, mw_slice(c->bytes.p + *pos, cut ? MW_FRAME_HEAD : n), ends, ret);
	*pos += n + ends;
	ret->broken = true;
	return 1;
}

static int next_gap(struct mw_lines *l, const struct mw_chunk *c, struct mw_frame *ret)
{
	if (l->len) {
		give_buffered(l, false, ret);
		return 1;
	}
	l->headless = true;
	if (__builtin_add_overflow(l->gap, c->gap, &l->gap))
		l->gap = UINT64_MAX;
	return 0;
}

int mw_lines_next(struct mw_lines *l, const struct mw_chunk *c, size_t *pos, struct mw_frame *ret)
{
	if (l->lent)
		reset(l);
	if (c->gap)
		return next_gap(l, c, ret);
	while (*pos < c->bytes.n) {
		struct mw_slice s = mw_slice_from(c->bytes, *pos);
		const uint8_t *lf = memchr(s.p, '\n', s.n);

		if (lf)
			s.n = (size_t)(lf - s.p);
		if (l->len == 0) {
			l->off = c->off + *pos;
			l->begin_ns = c->ts_ns;
		}
		if (!(lf && l->len == 0 && s.n <= l->text.max) &&
		    mw_keep_add(&l->text, s.p, s.n) < 0)
			return give_up(l, c, pos, s.n, lf, ret);
		touch(l, c);
		l->len += s.n;
		*pos += s.n;
		if (!lf)
			break;
		(*pos)++;
		if (empty(l->text.buf.len ? mw_buf_slice(&l->text.buf) : s) && !l->headless) {
			reset(l);
			continue;
		}
		if (l->text.buf.len == 0)
			give(l, s, true, ret);
		else
			give_buffered(l, true, ret);
		return 1;
	}
	return 0;
}

int mw_lines_finish(struct mw_lines *l, struct mw_frame *ret)
{
	if (l->lent)
		reset(l);
	if (l->len == 0)
		return 0;
	give_buffered(l, false, ret);
	return 1;
}

struct mw_slice mw_lines_partial(const struct mw_lines *l)
{
	struct mw_slice s = mw_buf_slice(&l->text.buf);

	if (l->lent)
		return mw_slice(NULL, 0);
	if (l->text.cut)
		s.n = MW_FRAME_HEAD;
	return s;
}
