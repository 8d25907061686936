/* SPDX-License-Identifier: Apache-2.0 */
/* support_web.h - a framer, fed and written down, for test_web and test_web_join */
#ifndef MW_TEST_SUPPORT_WEB_H
#define MW_TEST_SUPPORT_WEB_H

#include "support.h"

#include "core/frame.h"

/*
 * A case is bytes in which \001 to \007 stand for gaps of 1 to 7 bytes, \010 for the beginning of a
 * system call and a last \016 for the connection's end. What comes out is written down, one word a
 * frame: head, body, sse, ws, end or line; then off+span, "r" of an answer, #xchg, its marks, "="
 * and its bytes or ":" and their number.
 */
struct web {
	struct mw_framer f;
	struct mw_chan chan;
	struct test_guard g;
	struct mw_buf out;
	uint64_t off, ts;
	size_t n_broken;
};

static inline void web_init(struct web *w, const struct mw_alloc *a)
{
	memset(w, 0, sizeof(*w));
	w->chan.kind = MW_CHAN_TCP4;
	mw_framer_init(&w->f, a, 0);
	test_guard_init(&w->g, 1 << 18);
	mw_buf_init(&w->out, &test_alloc, 1 << 24);
	mw_buf_reserve(&w->out, 1);
}

static inline void web_done(struct web *w)
{
	mw_framer_done(&w->f);
	test_guard_done(&w->g);
	mw_buf_done(&w->out);
}

static inline const char *web_word(const struct mw_frame *f)
{
	static const char *const carriers[] = { "line", "body", "sse", "ws" };

	return f->kind == MW_FRAME_IS_HEAD  ? "head"
	       : f->kind == MW_FRAME_IS_END ? "end"
					    : carriers[f->carrier];
}

static inline void web_note(struct web *w, const struct mw_frame *f)
{
	char s[256];

	assert_true(f->len >= f->bytes.n);
	assert_true(f->kind != MW_FRAME_IS_END || f->bytes.n == 0);
	assert_true(!f->headless || f->broken);
	assert_true(f->begin_ns <= f->end_ns);
	assert_true(!f->store || (f->store->len == f->bytes.n && f->store->p == f->bytes.p));
	snprintf(s, sizeof(s), "%s %llu+%llu%s", web_word(f), (unsigned long long)f->off,
		 (unsigned long long)f->span, f->response ? "r" : "");
	mw_buf_append_str(&w->out, s);
	if (f->xchg) {
		snprintf(s, sizeof(s), "#%llu", (unsigned long long)f->xchg);
		mw_buf_append_str(&w->out, s);
	}
	mw_buf_append_str(&w->out, f->cut ? " cut" : "");
	mw_buf_append_str(&w->out, f->broken ? " broken" : "");
	mw_buf_append_str(&w->out, f->headless ? " headless" : "");
	mw_buf_append_str(&w->out, f->partial ? " partial" : "");
	if (f->gap) {
		snprintf(s, sizeof(s), " gap%llu", (unsigned long long)f->gap);
		mw_buf_append_str(&w->out, s);
	}
	if (f->odd) {
		mw_buf_append_byte(&w->out, ' ');
		mw_buf_append_str(&w->out, f->odd);
	}
	if (f->event.n) {
		mw_buf_append_byte(&w->out, ' ');
		mw_buf_append(&w->out, f->event.p, f->event.n);
	}
	if (f->kind == MW_FRAME_IS_MESSAGE && f->bytes.n && f->bytes.n < 200) {
		mw_buf_append_byte(&w->out, '=');
		mw_buf_append(&w->out, f->bytes.p, f->bytes.n);
	} else if (f->len) {
		snprintf(s, sizeof(s), ":%llu", (unsigned long long)f->len);
		mw_buf_append_str(&w->out, s);
	}
	mw_buf_append_byte(&w->out, '\n');
	w->n_broken += f->broken;
}

static inline void web_push(struct web *w, struct mw_chunk c)
{
	struct mw_frame f;

	c.chan = &w->chan;
	c.off = w->off;
	c.ts_ns = ++w->ts;
	if (c.bytes.n)
		c.bytes = test_guard_copy(&w->g, c.bytes);
	w->off += c.bytes.n + c.gap;
	assert_int_equal(mw_framer_push(&w->f, &c), 0);
	while (mw_framer_next(&w->f, &f) == 1)
		web_note(w, &f);
	assert_int_equal(mw_framer_next(&w->f, &f), 0);
}

/* step: the most bytes a chunk has; 0 as they come. */
static inline void web_feed(struct web *w, struct mw_slice text, size_t step)
{
	bool inside = true;
	size_t at = 0, n;
	struct mw_frame f;

	for (; at < text.n; at += n) {
		uint8_t c = text.p[at];

		n = 1;
		if (c == 010) {
			inside = false;
			continue;
		}
		if (c >= 1 && c <= 7) {
			web_push(w, (struct mw_chunk){ .gap = c, .reason = MW_GAP_LOST });
			continue;
		}
		if (c == 016) {
			web_push(w, (struct mw_chunk){ .closed = true });
			continue;
		}
		while (at + n < text.n && !(text.p[at + n] <= 010 && text.p[at + n]) &&
		       text.p[at + n] != 016 && n != step)
			n++;
		web_push(w, (struct mw_chunk){ .bytes = mw_slice(text.p + at, n),
					       .inside = inside && w->off });
		inside = true;
	}
	while (mw_framer_finish(&w->f, &f) == 1)
		web_note(w, &f);
}

struct web_case {
	const char *name;
	struct mw_slice text;
	const char *want;
};
#define WEB_CASE(name, text, want)                                                                 \
	{                                                                                          \
		name, MW_SLICE_LIT(text), want                                                     \
	}

static inline void web_check(const struct web_case *c)
{
	static const size_t steps[] = { 0, 1, 2, 3, 7, 16, 31, 100 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct web w;

		web_init(&w, &test_alloc);
		web_feed(&w, c->text, steps[i]);
		mw_buf_append_byte(&w.out, 0);
		if (strcmp((const char *)w.out.p, c->want) != 0)
			fail_msg("%s, step %zu\ngot:\n%s\nwant:\n%s", c->name, steps[i],
				 (const char *)w.out.p, c->want);
		web_done(&w);
		assert_int_equal(test_alloc_live(), 0);
	}
}

#endif
