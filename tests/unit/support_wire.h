/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_wire.h - a connection made by hand, and what its bytes were taken for
 *
 * A case is what the two sides say in turns; out is what the observed side writes. Each is played
 * whole, byte by byte and in pieces of 7 bytes: the same must come out. An action is written down
 * as a line "VERB object|target|mode|result|asked", let go as "drop".
 */
#ifndef MW_TEST_SUPPORT_WIRE_H
#define MW_TEST_SUPPORT_WIRE_H

#include "support.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/errname.h"
#include "core/wire.h"

struct say {
	enum { SAY_OUT = 1, SAY_IN, SAY_GAP_OUT, SAY_GAP_IN, SAY_CLOSE, SAY_TICK } what;
	const void *p;
	uint64_t n;
};
#define OUT(s)	   ((struct say){ SAY_OUT, s, sizeof(s) - 1 })
#define IN(s)	   ((struct say){ SAY_IN, s, sizeof(s) - 1 })
#define GAP_OUT(n) ((struct say){ SAY_GAP_OUT, NULL, n })
#define GAP_IN(n)  ((struct say){ SAY_GAP_IN, NULL, n })
#define CLOSE	   ((struct say){ SAY_CLOSE, NULL, 0 })
#define TICK(ms)   ((struct say){ SAY_TICK, NULL, (ms)*1000000ull })

struct wire_run {
	struct mw_wire *w;
	struct mw_chan chan[2]; /* by enum mw_end: what is read, what is written */
	uint64_t off[2], ts;
	struct mw_buf out;
	uint16_t flags;
	bool failed;
};

static inline void wr_pull(struct wire_run *r)
{
	struct mw_wire_event ev;
	char name[16];

	while (mw_wire_next(r->w, &ev) == 1) {
		const struct mw_action *a = &ev.act;

		if (ev.kind == MW_WIRE_DROP)
			mw_buf_append_str(&r->out, "drop\n");
		if (ev.kind != MW_WIRE_ACTION)
			continue;
		assert_ptr_equal(ev.chan, &r->chan[MW_END_WRITE]);
		assert_int_equal(a->proc.tgid, 7);
		assert_int_equal(a->tid, 8);
		assert_int_equal(a->task.id, 9);
		assert_int_equal(a->chan, 77);
		mw_buf_append(&r->out, a->verb.p, a->verb.n);
		mw_buf_append_str(&r->out, " ");
		mw_buf_append(&r->out, a->object.p, a->object.n);
		mw_buf_append_str(&r->out, "|");
		mw_buf_append(&r->out, a->target.p, a->target.n);
		mw_buf_append_str(&r->out, "|");
		mw_buf_append_str(&r->out, a->mode);
		mw_buf_append_str(&r->out, "|");
		mw_buf_append_str(&r->out, mw_errno_name(a->ret, name));
		mw_buf_append_str(&r->out, "|");
		mw_buf_append(&r->out, a->asked.p, a->asked.n);
		mw_buf_append_str(&r->out, "\n");
	}
}

static inline struct mw_chunk wr_chunk(struct wire_run *r, enum mw_end end)
{
	return (struct mw_chunk){ .chan = &r->chan[end],
				  .end = end,
				  .off = r->off[end],
				  .ts_ns = ++r->ts,
				  .proc = { 1, 7 },
				  .tid = 8,
				  .move = { .task = { .id = 9 } },
				  .flags = r->flags,
				  .sock = 77,
				  .gen = 78 };
}

static inline void wr_push(struct wire_run *r, struct mw_chunk *c)
{
	r->off[c->end] += c->bytes.n + c->gap;
	if (mw_wire_push(r->w, c) < 0)
		r->failed = true;
	wr_pull(r);
}

static inline void wr_say(struct wire_run *r, const struct say *s, size_t piece)
{
	const enum mw_end end =
	    s->what == SAY_OUT || s->what == SAY_GAP_OUT ? MW_END_WRITE : MW_END_READ;
	struct mw_chunk c;
	size_t n;

	switch (s->what) {
	case SAY_OUT:
	case SAY_IN:
		for (size_t at = 0; at < s->n; at += n) {
			n = piece && piece < s->n - at ? piece : s->n - at;
			c = wr_chunk(r, end);
			c.bytes = mw_slice((const uint8_t *)s->p + at, n);
			c.inside = at != 0;
			wr_push(r, &c);
		}
		break;
	case SAY_GAP_OUT:
	case SAY_GAP_IN:
		c = wr_chunk(r, end);
		c.gap = s->n;
		wr_push(r, &c);
		break;
	case SAY_CLOSE:
		c = wr_chunk(r, MW_END_READ);
		c.closed = true;
		wr_push(r, &c);
		break;
	case SAY_TICK:
		r->ts += s->n;
		mw_wire_tick(r->w, r->ts);
		wr_pull(r);
		break;
	}
}

static inline bool wr_init(struct wire_run *r, const struct mw_alloc *a, uint8_t kind)
{
	*r = (struct wire_run){ .ts = 1000 };
	if (mw_wire_new(a, 4, &r->w) < 0)
		return false;
	mw_buf_init(&r->out, &test_alloc, 1 << 20);
	for (int i = 0; i < 2; i++) {
		r->chan[i].kind = kind;
		r->chan[i].back = &r->chan[!i];
		if (kind == MW_CHAN_UNIX)
			continue;
		r->chan[i].src = r->chan[i].dst = (struct mw_addr){ .family = AF_INET };
		r->chan[i].src.ip[0] = r->chan[i].dst.ip[0] = 10;
		*(i == MW_END_WRITE ? &r->chan[i].src.port : &r->chan[i].dst.port) = 40000;
		*(i == MW_END_WRITE ? &r->chan[i].dst.port : &r->chan[i].src.port) = 8080;
	}
	return true;
}

static inline void wr_done(struct wire_run *r)
{
	struct mw_chunk gone = { .chan = &r->chan[0], .evicted = true };

	if (!r->w)
		return;
	for (int i = 0; i < 2; i++) {
		gone.chan = &r->chan[i];
		mw_wire_push(r->w, &gone);
		wr_pull(r);
	}
	mw_wire_free(r->w);
	mw_buf_done(&r->out);
}

static inline void wr_case(const struct say *s, size_t n, const char *want)
{
	static const size_t pieces[] = { 0, 1, 7 };
	struct wire_run r;

	for (size_t i = 0; i < 3; i++) {
		wr_init(&r, &test_alloc, MW_CHAN_TCP4);
		for (size_t k = 0; k < n; k++)
			wr_say(&r, &s[k], pieces[i]);
		mw_wire_finish(r.w);
		wr_pull(&r);
		assert_buf_equal(&r.out, want);
		assert_false(r.failed);
		wr_done(&r);
	}
	/* nothing is lost silently, nothing leaks */
	TEST_EACH_FAILURE(nth)
	{
		if (!wr_init(&r, &test_alloc_failing, MW_CHAN_TCP4))
			continue;
		for (size_t k = 0; k < n; k++)
			wr_say(&r, &s[k], 7);
		mw_wire_finish(r.w);
		wr_pull(&r);
		wr_done(&r);
	}
}
#define CASE(want, ...)                                                                            \
	do {                                                                                       \
		const struct say say_[] = { __VA_ARGS__ };                                         \
		wr_case(say_, sizeof(say_) / sizeof(say_[0]), want);                               \
	} while (0)

#endif
