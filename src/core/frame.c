/* SPDX-License-Identifier: Apache-2.0 */
#include "core/frame.h"

#include <errno.h>

#define WHOLE (MW_FRAME_HEAD + MW_FRAME_TAIL)
/* Memory a framer may keep between two lines. There are two framers a channel. */
#define KEEP 8192

void mw_framer_init(struct mw_framer *f, const struct mw_alloc *a, size_t max)
{
	*f = (struct mw_framer){ .a = a, .max = max < WHOLE ? WHOLE : max };
	mw_buf_init(&f->line, a, f->max);
}

void mw_framer_done(struct mw_framer *f)
{
	uint64_t n_nomem = f->n_nomem;

	mw_buf_done(&f->line);
	mw_framer_init(f, f->a, f->max);
	f->n_nomem = n_nomem;
}

int mw_framer_push(struct mw_framer *f, const struct mw_chunk *c)
{
	if (f->has_chunk)
		return -EBUSY;
	if (c->evicted)
		return 0;
	f->chunk = *c;
	f->pos = 0;
	f->has_chunk = true;
	return 0;
}

/* --- the line in progress -------------------------------------------------------------- */

static void line_reset(struct mw_framer *f)
{
	mw_buf_reset(&f->line, KEEP);
	f->lent = f->cut = false;
	f->len = 0;
}

/* The last bytes of a line over max: a ring behind its head, so that it never needs more memory. */
static void ring_put(struct mw_framer *f, const uint8_t *p, size_t n)
{
	uint8_t *ring = f->line.p + MW_FRAME_HEAD;
	size_t held = f->line.len - MW_FRAME_HEAD, first;

	if (n > MW_FRAME_TAIL) {
		p += n - MW_FRAME_TAIL;
		n = MW_FRAME_TAIL;
	}
	first = MW_FRAME_TAIL - f->ring_pos;
	if (first > n)
		first = n;
	memcpy(ring + f->ring_pos, p, first);
	memcpy(ring, p + first, n - first);
	f->ring_pos = (f->ring_pos + n) % MW_FRAME_TAIL;
	f->line.len = MW_FRAME_HEAD + (held + n < MW_FRAME_TAIL ? held + n : MW_FRAME_TAIL);
}

static void ring_straighten(struct mw_framer *f)
{
	uint8_t *ring = f->line.p + MW_FRAME_HEAD, old[MW_FRAME_TAIL];

	if (f->line.len < WHOLE || f->ring_pos == 0)
		return;
	memcpy(old, ring, f->ring_pos);
	memmove(ring, ring + f->ring_pos, MW_FRAME_TAIL - f->ring_pos);
	memcpy(ring + MW_FRAME_TAIL - f->ring_pos, old, f->ring_pos);
	f->ring_pos = 0;
}

/* The line becomes longer than max with these bytes. */
static int line_cut(struct mw_framer *f, const uint8_t *p, size_t n)
{
	struct mw_buf *b = &f->line;
	size_t tail;
	int r;

	if (b->cap < WHOLE) {
		r = mw_buf_reserve(b, WHOLE - b->len);
		if (r < 0)
			return r;
	}
	if (b->len < MW_FRAME_HEAD) {
		size_t take = MW_FRAME_HEAD - b->len;

		memcpy(b->p + b->len, p, take);
		b->len += take;
		p += take;
		n -= take;
	}
	tail = b->len - MW_FRAME_HEAD;
	if (tail > MW_FRAME_TAIL) {
		memmove(b->p + MW_FRAME_HEAD, b->p + b->len - MW_FRAME_TAIL, MW_FRAME_TAIL);
		tail = MW_FRAME_TAIL;
	}
	b->len = MW_FRAME_HEAD + tail;
	if (b->cap > WHOLE) {
		uint8_t *q = b->a->resize(b->a->ctx, b->p, b->cap, WHOLE);

		if (q) {
			b->p = q;
			b->cap = WHOLE;
		}
	}
	f->cut = true;
	f->ring_pos = tail % MW_FRAME_TAIL;
	ring_put(f, p, n);
	return 0;
}

static int line_add(struct mw_framer *f, const uint8_t *p, size_t n)
{
	if (f->cut) {
		ring_put(f, p, n);
		return 0;
	}
	if (n > f->max - f->line.len)
		return line_cut(f, p, n);
	return mw_buf_append(&f->line, p, n);
}

/* --- out ------------------------------------------------------------------------------- */

static bool empty(const uint8_t *p, size_t n)
{
	return n == 0 || (n == 1 && *p == '\r');
}

/* The line in progress comes out, with these bytes; what follows is a line of its own. */
static void give(struct mw_framer *f, struct mw_slice bytes, bool whole, struct mw_frame *ret)
{
	*ret = (struct mw_frame){ .bytes = bytes,
				  .off = f->off,
				  .len = f->len,
				  .begin_ns = f->begin_ns,
				  .end_ns = f->end_ns,
				  .proc = f->proc,
				  .tid = f->tid,
				  .cut = f->cut,
				  .broken = !whole || f->headless,
				  .headless = f->headless,
				  .gap = f->gap };
	f->headless = !whole;
	f->gap = 0;
	f->len = 0;
}

static void give_buffered(struct mw_framer *f, bool whole, struct mw_frame *ret)
{
	if (f->cut)
		ring_straighten(f);
	give(f, mw_buf_slice(&f->line), whole, ret);
	f->lent = true;
}

/* No memory for these bytes: what is there so far comes out, and they themselves straight from the
 * chunk, either as broken. */
static int give_up(struct mw_framer *f, const uint8_t *p, size_t n, bool ends, struct mw_frame *ret)
{
	f->n_nomem++;
	if (f->len) {
		give_buffered(f, false, ret);
		return 1;
	}
	f->len = n;
	f->end_ns = f->chunk.ts_ns;
	f->proc = f->chunk.proc;
	f->tid = f->chunk.tid;
	f->pos += n + ends;
	f->cut = n > f->max;
	give(f, mw_slice(p, f->cut ? MW_FRAME_HEAD : n), ends, ret);
	ret->broken = true;
	f->cut = false;
	return 1;
}

static int next_gap(struct mw_framer *f, struct mw_frame *ret)
{
	if (f->len) {
		give_buffered(f, false, ret);
		return 1;
	}
	f->headless = true;
	if (__builtin_add_overflow(f->gap, f->chunk.gap, &f->gap))
		f->gap = UINT64_MAX;
	f->has_chunk = false;
	return 0;
}

int mw_framer_next(struct mw_framer *f, struct mw_frame *ret)
{
	if (f->lent)
		line_reset(f);
	if (!f->has_chunk)
		return 0;
	if (f->chunk.gap)
		return next_gap(f, ret);
	while (f->pos < f->chunk.bytes.n) {
		const uint8_t *p = f->chunk.bytes.p + f->pos, *lf;
		size_t left = f->chunk.bytes.n - f->pos, n;

		lf = memchr(p, '\n', left);
		n = lf ? (size_t)(lf - p) : left;
		if (f->len == 0) {
			f->off = f->chunk.off + f->pos;
			f->begin_ns = f->chunk.ts_ns;
		}
		if (!(lf && f->len == 0 && n <= f->max) && line_add(f, p, n) < 0)
			return give_up(f, p, n, lf, ret);
		f->end_ns = f->chunk.ts_ns;
		f->proc = f->chunk.proc;
		f->tid = f->chunk.tid;
		f->len += n;
		f->pos += n;
		if (!lf)
			break;
		f->pos++;
		if (f->line.len == 0) {
			if (empty(p, n) && !f->headless) {
				f->len = 0;
				continue;
			}
			give(f, mw_slice(p, n), true, ret);
			return 1;
		}
		if (empty(f->line.p, f->line.len) && !f->headless) {
			line_reset(f);
			continue;
		}
		give_buffered(f, true, ret);
		return 1;
	}
	f->has_chunk = false;
	return 0;
}

int mw_framer_finish(struct mw_framer *f, struct mw_frame *ret)
{
	if (f->lent)
		line_reset(f);
	if (f->len == 0)
		return 0;
	give_buffered(f, false, ret);
	return 1;
}

struct mw_slice mw_framer_partial(const struct mw_framer *f)
{
	struct mw_slice s = mw_buf_slice(&f->line);

	if (f->lent)
		return mw_slice(NULL, 0);
	if (f->cut)
		s.n = MW_FRAME_HEAD;
	return s;
}
