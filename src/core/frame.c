/* SPDX-License-Identifier: Apache-2.0 */
#include "core/frame.h"

#include <errno.h>

#include "base/json.h"
#include "core/web.h"

/* The longest beginning that is kept because it may yet become HTTP. */
#define MAYBE_MAX 16384u
/* How often a line is scanned to see whether HTTP may follow it. */
#define TRIES_MAX 16

enum mode {
	LINES, /* or nothing yet */
	WEB,
	LOST, /* it was WEB; nothing is known until the next beginning */
};

void mw_framer_init(struct mw_framer *f, const struct mw_alloc *a, size_t max)
{
	size_t least = MW_FRAME_HEAD + MW_FRAME_TAIL;

	*f = (struct mw_framer){ .a = a, .max = max < least ? least : max, .joined = true };
	mw_lines_init(&f->line, a, f->max);
	mw_buf_init(&f->maybe, a, MAYBE_MAX);
}

void mw_framer_done(struct mw_framer *f)
{
	uint64_t n_nomem = f->n_nomem;

	mw_lines_done(&f->line);
	mw_web_free(f->web);
	mw_buf_done(&f->maybe);
	mw_framer_init(f, f->a, f->max);
	f->n_nomem = f->n_nomem_before = n_nomem;
}

/* A gap and the end begin nothing. */
static bool is_plain(const struct mw_chunk *c)
{
	return c->gap || c->closed;
}

int mw_framer_push(struct mw_framer *f, const struct mw_chunk *c)
{
	if (f->has_chunk)
		return -EBUSY;
	if (c->evicted || !(c->bytes.n || is_plain(c)))
		return 0;
	f->chunk = *c;
	f->pos = 0;
	f->has_chunk = true;
	f->judged = is_plain(c);
	return 0;
}

static void chunk_done(struct mw_framer *f)
{
	mw_buf_consume(&f->maybe, f->n_taken);
	f->maybe_off += f->n_taken;
	f->n_taken = 0;
	if (!f->maybe.len)
		mw_buf_done(&f->maybe);
	f->has_chunk = f->has_late;
	if (f->has_late) {
		f->chunk = f->late;
		f->judged = f->late_judged;
	}
	f->has_late = false;
	f->pos = 0;
}

/* --- which it is -------------------------------------------------------------------------------
 */

/* Whether a line in progress may end here without LF: it is no JSON, or it is a whole JSON text. */
static bool may_end(struct mw_framer *f)
{
	struct mw_slice s = mw_lines_partial(&f->line);

	if (s.n == 0 || (*s.p != '{' && *s.p != '['))
		return true;
	if (f->line.text.cut || (s.p[s.n - 1] != '}' && s.p[s.n - 1] != ']') ||
	    f->n_tries >= TRIES_MAX)
		return false;
	f->n_tries++;
	return mw_json_check(s, MW_JSON_DEPTH_MAX, NULL, NULL) == 0;
}

/* The first n bytes of what is kept come first, as a chunk of their own; what came now follows, and
 * is judged again if `again`. */
static void take_maybe(struct mw_framer *f, size_t n, bool again)
{
	if (n == 0)
		return;
	f->n_taken = n;
	f->has_late = f->has_chunk;
	f->late = f->chunk;
	f->late_judged = !again || is_plain(&f->chunk);
	f->chunk = (struct mw_chunk){ .chan = f->late.chan,
				      .end = f->late.end,
				      .off = f->maybe_off,
				      .bytes = mw_slice(f->maybe.p, n),
				      .ts_ns = f->maybe_ns,
				      .proc = f->maybe_proc,
				      .tid = f->maybe_tid,
				      .move = f->maybe_move };
	f->has_chunk = f->judged = true;
	f->pos = 0;
}

/* As much as there is room for. 0, -E2BIG: too many system calls, -ENOMEM. */
static int keep_maybe(struct mw_framer *f, const struct mw_chunk *c)
{
	size_t n = c->bytes.n, kept = f->maybe.len;
	int r;

	if (kept && !c->inside && f->n_starts == sizeof(f->starts) / sizeof(*f->starts))
		return -E2BIG;
	if (n > MAYBE_MAX - kept)
		n = MAYBE_MAX - kept;
	r = mw_buf_append(&f->maybe, c->bytes.p, n);
	if (r < 0)
		return r;
	if (kept == 0) {
		f->maybe_off = c->off;
		f->maybe_ns = c->ts_ns;
		f->maybe_proc = c->proc;
		f->maybe_tid = c->tid;
		f->maybe_move = c->move;
		f->n_starts = 0;
	} else if (!c->inside) {
		f->starts[f->n_starts++] = (uint16_t)kept;
	}
	return 0;
}

/* What is kept begins nothing, up to where the next system call began. */
static void drop_start(struct mw_framer *f)
{
	size_t n = f->maybe.len;

	if (n && f->n_starts) {
		n = f->starts[0];
		for (uint8_t i = 1; i < f->n_starts; i++)
			f->starts[i - 1] = (uint16_t)(f->starts[i] - n);
		f->n_starts--;
	}
	f->dropped = n < f->maybe.len;
	take_maybe(f, n, true);
}

/* What the chunk begins, together with what was kept before it. MORE: it is kept too. */
static enum mw_web_start sniff(struct mw_framer *f)
{
	const struct mw_chunk *c = &f->chunk;
	bool joined = f->mode == LOST ||
		      (f->joined && f->line.len == 0 && c->chan && c->chan->kind != MW_CHAN_PIPE);
	size_t kept = f->maybe.len;
	uint8_t n_starts = f->n_starts;
	enum mw_web_start r;

	if (!kept && c->inside)
		return MW_WEB_NO;
	if (f->mode == LINES && (!kept || f->dropped) && !may_end(f))
		return MW_WEB_NO;
	f->dropped = false;
	if (!kept) {
		r = mw_web_sniff(c->bytes, joined);
		if (r != MW_WEB_MORE)
			return r;
	}
	if (keep_maybe(f, c) < 0)
		return MW_WEB_NO;
	r = mw_web_sniff(mw_buf_slice(&f->maybe), joined);
	if (r == MW_WEB_MORE && f->maybe.len - kept == c->bytes.n)
		return r;
	f->maybe.len = kept;
	f->n_starts = n_starts;
	return r == MW_WEB_MORE ? MW_WEB_NO : r;
}

static void lose(struct mw_framer *f, uint64_t from, uint64_t n)
{
	f->mode = LOST;
	f->counted = false;
	f->lost_from = from;
	f->lost_len = n;
	f->lost_gap = 0;
}

/* What was passed over, up to this offset. */
static void give_lost(struct mw_framer *f, uint64_t to, struct mw_frame *ret)
{
	*ret = (struct mw_frame){ .carrier = MW_CARRIER_BODY,
				  .off = f->lost_from,
				  .len = f->lost_len,
				  .span = to - f->lost_from,
				  .gap = f->lost_gap,
				  .begin_ns = f->chunk.ts_ns,
				  .end_ns = f->chunk.ts_ns,
				  .proc = f->chunk.proc,
				  .tid = f->chunk.tid,
				  .move = f->chunk.move,
				  .cut = f->lost_len > 0,
				  .broken = true,
				  .headless = true };
}

/* The chunk begins HTTP. 1: a frame of what was before it. */
static int web_begin(struct mw_framer *f, enum mw_web_start start, struct mw_frame *ret)
{
	uint64_t off = f->chunk.off;
	bool was_lost = f->mode == LOST;

	if (!f->web && mw_web_new(f->a, f->max, &f->web) < 0) {
		f->web = NULL;
		f->n_nomem_before++;
		lose(f, off, 0);
	} else {
		f->mode = WEB;
		f->counted = off == 0 && start == MW_WEB_HTTP;
		mw_web_begin(f->web, start, off);
		for (uint64_t n = 0; f->counted && n < 64; n++)
			if (f->bodyless >> n & 1)
				mw_web_bodyless(f->web, n + 1);
	}
	if (was_lost) {
		give_lost(f, off, ret);
		return 1;
	}
	return mw_lines_finish(&f->line, ret);
}

/* At a chunk's first byte. 1 a frame. */
static int judge(struct mw_framer *f, struct mw_frame *ret)
{
	enum mw_web_start r;

	f->judged = true;
	if (f->mode == WEB || f->known) {
		take_maybe(f, f->maybe.len, false);
		return 0;
	}
	r = sniff(f);
	if (r == MW_WEB_MORE) {
		f->has_chunk = false;
		return 0;
	}
	f->joined = false;
	if (r == MW_WEB_NO) {
		drop_start(f);
		return 0;
	}
	f->n_starts = 0;
	take_maybe(f, f->maybe.len, false);
	return web_begin(f, r, ret);
}

/* --- out ---------------------------------------------------------------------------------------
 */

static int next_line(struct mw_framer *f, struct mw_frame *ret)
{
	static const struct mw_slice rpc = MW_SLICE_LIT("\"jsonrpc\"");

	if (mw_lines_next(&f->line, &f->chunk, &f->pos, ret) == 0) {
		f->joined |= f->chunk.gap > 0;
		chunk_done(f);
		return 0;
	}
	if (!f->known && !ret->broken && ret->bytes.n &&
	    (*ret->bytes.p == '{' || *ret->bytes.p == '['))
		f->known = memmem(ret->bytes.p, ret->bytes.n, rpc.p, rpc.n);
	return 1;
}

static int next_web(struct mw_framer *f, struct mw_frame *ret)
{
	const struct mw_chunk *c = &f->chunk;
	int r = mw_web_next(f->web, c, &f->pos, ret);

	if (r > 0)
		return r;
	if (r < 0) {
		lose(f, mw_web_lost(f->web), c->off + c->bytes.n - mw_web_lost(f->web));
		f->lost_gap = c->gap;
		f->late_judged = is_plain(&f->late);
	}
	chunk_done(f);
	return 0;
}

static void next_lost(struct mw_framer *f)
{
	f->lost_len += f->chunk.bytes.n;
	if (__builtin_add_overflow(f->lost_gap, f->chunk.gap, &f->lost_gap))
		f->lost_gap = UINT64_MAX;
	chunk_done(f);
}

static int finish(struct mw_framer *f, bool closed, struct mw_frame *ret)
{
	if (f->mode == LINES)
		return mw_lines_finish(&f->line, ret);
	if (f->mode == WEB)
		return mw_web_finish(f->web, closed, ret);
	give_lost(f, f->lost_from + f->lost_len + f->lost_gap, ret);
	f->mode = LINES;
	return 1;
}

static int next(struct mw_framer *f, struct mw_frame *ret)
{
	int r = 0;

	while (f->has_chunk && r == 0) {
		if (is_plain(&f->chunk) && f->maybe.len)
			take_maybe(f, f->maybe.len, false);
		if (!f->judged) {
			r = judge(f, ret);
		} else if (f->chunk.closed) {
			r = finish(f, true, ret);
			if (r == 0)
				mw_framer_done(f);
		} else if (f->mode == WEB) {
			r = next_web(f, ret);
		} else if (f->mode == LINES) {
			r = next_line(f, ret);
		} else {
			next_lost(f);
		}
	}
	return r;
}

static void count_nomem(struct mw_framer *f)
{
	f->n_nomem = f->n_nomem_before + f->line.n_nomem + (f->web ? mw_web_nomem(f->web) : 0);
}

int mw_framer_next(struct mw_framer *f, struct mw_frame *ret)
{
	int r = next(f, ret);

	count_nomem(f);
	return r;
}

int mw_framer_finish(struct mw_framer *f, struct mw_frame *ret)
{
	int r;

	if (!f->has_chunk)
		take_maybe(f, f->maybe.len, false);
	r = next(f, ret);
	if (r == 0)
		r = finish(f, false, ret);
	count_nomem(f);
	return r;
}

struct mw_slice mw_framer_partial(const struct mw_framer *f)
{
	struct mw_slice s = mw_lines_partial(&f->line);

	if (f->mode != LINES)
		return mw_slice(NULL, 0);
	return s.n ? s : f->n_taken ? mw_slice(NULL, 0) : mw_buf_slice(&f->maybe);
}

bool mw_framer_lost(const struct mw_framer *f, uint64_t *ret_from)
{
	*ret_from = f->lost_from;
	return f->mode == LOST;
}

void mw_framer_bodyless(struct mw_framer *f, uint64_t n)
{
	if (f->mode == WEB && f->counted)
		mw_web_bodyless(f->web, n);
	else if (f->mode == LINES && f->joined && n >= 1 && n <= 64)
		f->bodyless |= 1ull << (n - 1);
}
