/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/frame.h"

#define MAX (MW_FRAME_HEAD + MW_FRAME_TAIL + 1000)

/*
 * A case is bytes in which \001 to \007 stand for gaps of 1 to 7 bytes. What comes out is written
 * down as one line a frame: "off len [flags] bytes".
 */
struct run {
	struct mw_framer f;
	struct test_guard g;
	struct mw_buf out;
	size_t n_bytes; /* in all frames */
	size_t n_frames, n_broken;
	uint64_t ts;
};

static void run_init(struct run *r, const struct mw_alloc *a)
{
	memset(r, 0, sizeof(*r));
	mw_framer_init(&r->f, a, MAX);
	test_guard_init(&r->g, 1 << 18);
	mw_buf_init(&r->out, &test_alloc, 1 << 24);
	mw_buf_reserve(&r->out, 1);
}

static void run_done(struct run *r)
{
	mw_framer_done(&r->f);
	test_guard_done(&r->g);
	mw_buf_done(&r->out);
}

static void note(struct run *r, const struct mw_frame *f)
{
	char head[128];

	assert_true(f->len >= f->bytes.n);
	assert_true(f->cut == (f->len > f->bytes.n) || f->broken);
	assert_true(!f->headless || f->broken);
	assert_true(f->gap == 0 || f->headless);
	assert_true(f->begin_ns <= f->end_ns);
	snprintf(head, sizeof(head), "%llu %llu%s%s%s", (unsigned long long)f->off,
		 (unsigned long long)f->len, f->cut ? " cut" : "", f->broken ? " broken" : "",
		 f->headless ? " headless" : "");
	mw_buf_append_str(&r->out, head);
	if (f->gap) {
		snprintf(head, sizeof(head), " gap%llu", (unsigned long long)f->gap);
		mw_buf_append_str(&r->out, head);
	}
	mw_buf_append_byte(&r->out, ' ');
	mw_buf_append(&r->out, f->bytes.p, f->bytes.n);
	mw_buf_append_byte(&r->out, '\n');
	r->n_bytes += f->bytes.n;
	r->n_frames++;
	r->n_broken += f->broken;
}

static void chunk(struct run *r, uint64_t off, struct mw_slice bytes, uint64_t gap)
{
	struct mw_chunk c = {
		.off = off, .gap = gap, .ts_ns = ++r->ts, .tid = 7, .reason = gap ? MW_GAP_LOST : 0
	};
	struct mw_frame f;

	if (!gap)
		c.bytes = test_guard_copy(&r->g, bytes);
	assert_int_equal(mw_framer_push(&r->f, &c), 0);
	while (mw_framer_next(&r->f, &f) == 1)
		note(r, &f);
	assert_int_equal(mw_framer_next(&r->f, &f), 0);
}

/* Feeds [from, to) in chunks that end at `split` and after every `step` bytes. */
static void feed(struct run *r, struct mw_slice text, size_t split, size_t step)
{
	uint64_t off = 0;
	size_t i = 0;

	while (i < text.n) {
		size_t n = 0;

		if (text.p[i] >= 1 && text.p[i] <= 7) {
			chunk(r, off, mw_slice(NULL, 0), text.p[i]);
			off += text.p[i];
			i++;
			continue;
		}
		while (i + n < text.n && n < step && !(text.p[i + n] >= 1 && text.p[i + n] <= 7) &&
		       (n == 0 || i + n != split))
			n++;
		chunk(r, off, mw_slice(text.p + i, n), 0);
		off += n;
		i += n;
	}
}

static void finish(struct run *r)
{
	struct mw_frame f;
	size_t n = mw_framer_partial(&r->f).n;

	if (mw_framer_finish(&r->f, &f)) {
		assert_true(n > 0);
		note(r, &f);
	} else {
		assert_int_equal(n, 0);
	}
	assert_int_equal(mw_framer_finish(&r->f, &f), 0);
}

static void feed_all(struct run *r, const struct mw_alloc *a, struct mw_slice text, size_t split,
		     size_t step)
{
	run_init(r, a);
	feed(r, text, split, step);
	finish(r);
}

static const struct {
	const char *in, *out;
} cases[] = {
	{ "", "" },
	{ "\n", "" },
	{ "\n\r\n\n\n", "" },
	{ "a\n", "0 1 a\n" },
	{ "abc\ndef\n", "0 3 abc\n4 3 def\n" },
	{ "abc\r\n\r\ndef\n", "0 4 abc\r\n7 3 def\n" },
	{ "\n\nabc\n\n\nd\n", "2 3 abc\n8 1 d\n" },
	{ " \n", "0 1  \n" },
	{ "\r\r\n", "0 2 \r\r\n" },
	{ "abc", "0 3 broken abc\n" },
	{ "a\nbc", "0 1 a\n2 2 broken bc\n" },
	/* a gap inside a line */
	{ "abc\002de\nf\n", "0 3 broken abc\n5 2 broken headless gap2 de\n8 1 f\n" },
	/* between two lines: nobody knows */
	{ "abc\n\004de\nf\n", "0 3 abc\n8 2 broken headless gap4 de\n11 1 f\n" },
	/* it took the LF, and ended before one */
	{ "abc\003\nf\n", "0 3 broken abc\n6 0 broken headless gap3 \n7 1 f\n" },
	{ "abc\n\003\nf\n", "0 3 abc\n7 0 broken headless gap3 \n8 1 f\n" },
	{ "\003abc\nd\n", "3 3 broken headless gap3 abc\n7 1 d\n" },
	/* several */
	{ "a\001\002b\n", "0 1 broken a\n4 1 broken headless gap3 b\n" },
	{ "a\001b\002c\nd\n", "0 1 broken a\n2 1 broken headless gap1 b\n"
			      "5 1 broken headless gap2 c\n7 1 d\n" },
	{ "a\001b", "0 1 broken a\n2 1 broken headless gap1 b\n" },
	{ "a\001", "0 1 broken a\n" },
	{ "\001\n\001\n\001a\n", "1 0 broken headless gap1 \n3 0 broken headless gap1 \n"
				 "5 1 broken headless gap1 a\n" },
	{ "a\n\001\r\nb\n", "0 1 a\n3 1 broken headless gap1 \r\n5 1 b\n" },
};

static void lines(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_slice text = mw_slice_str(cases[i].in);
		struct run r;

		feed_all(&r, &test_alloc, text, 0, SIZE_MAX);
		assert_buf_equal(&r.out, cases[i].out);
		run_done(&r);
		for (size_t split = 1; split < text.n; split++) {
			feed_all(&r, &test_alloc, text, split, SIZE_MAX);
			assert_buf_equal(&r.out, cases[i].out);
			run_done(&r);
		}
		for (size_t step = 1; step < 4; step++) {
			feed_all(&r, &test_alloc, text, 0, step);
			assert_buf_equal(&r.out, cases[i].out);
			run_done(&r);
		}
	}
	assert_int_equal(test_alloc_live(), 0);
}

/* No byte is lost to a lack of memory: it comes out in pieces that say so. */
static void lines_without_memory(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_slice text = mw_slice_str(cases[i].in);

		for (size_t split = 1; split < text.n; split++) {
			struct run good, r;

			feed_all(&good, &test_alloc, text, split, 2);
			TEST_EACH_FAILURE(n)
			{
				feed_all(&r, &test_alloc_failing, text, split, 2);
				/* what may begin HTTP is kept if there is memory, else it is a line */
				assert_true(test_alloc_failed() || !r.f.n_nomem);
				/* more: half an empty line, "\r", is not known to be empty */
				assert_in_range(r.n_bytes, good.n_bytes, text.n);
				if (r.f.n_nomem)
					assert_true(r.n_broken > 0);
				run_done(&r);
			}
			run_done(&good);
		}
	}
}

static void out_of_memory_exactly(void **state)
{
	struct run r;

	/* nothing buffered yet: the beginning comes out straight from the chunk */
	run_init(&r, &test_alloc_failing);
	test_alloc_fail_at(1);
	chunk(&r, 0, MW_SLICE_LIT("{b\ncd"), 0);
	chunk(&r, 5, MW_SLICE_LIT("\"f\ng\n"), 0);
	assert_buf_equal(&r.out, "0 2 {b\n3 2 broken cd\n5 2 broken headless \"f\n8 1 g\n");
	assert_int_equal(r.f.n_nomem, 1);
	run_done(&r);

	/* growing fails: what is buffered comes out, then the rest of the line */
	run_init(&r, &test_alloc_failing);
	test_alloc_fail_at(2);
	chunk(&r, 0, MW_SLICE_LIT("{b"), 0);
	chunk(&r, 2,
	      MW_SLICE_LIT("0123456789012345678901234567890123456789012345678901234567890123"
			   "\nx\n"),
	      0);
	assert_buf_equal(&r.out,
			 "0 2 broken {b\n2 64 broken headless "
			 "0123456789012345678901234567890123456789012345678901234567890123\n"
			 "67 1 x\n");
	run_done(&r);
	test_alloc_fail_at(0);
}

static void zero_copy(void **state)
{
	static const char text[] = "abc\ndef\n";
	struct mw_chunk c = { .bytes = { (const uint8_t *)text, 8 } };
	size_t calls = test_alloc_calls();
	struct mw_framer f;
	struct mw_frame fr;

	mw_framer_init(&f, &test_alloc, MAX);
	assert_int_equal(mw_framer_push(&f, &c), 0);
	assert_int_equal(mw_framer_push(&f, &c), -EBUSY);
	assert_int_equal(mw_framer_next(&f, &fr), 1);
	assert_ptr_equal(fr.bytes.p, text);
	assert_int_equal(mw_framer_next(&f, &fr), 1);
	assert_ptr_equal(fr.bytes.p, text + 4);
	assert_int_equal(mw_framer_next(&f, &fr), 0);
	assert_int_equal(test_alloc_calls(), calls);
	mw_framer_done(&f);
}

static void times_and_owners(void **state)
{
	struct mw_chunk c = {
		.off = 10, .bytes = MW_SLICE_LIT("ab"), .ts_ns = 100, .tid = 1, .proc = { 5, 50 }
	};
	struct mw_framer f;
	struct mw_frame fr;

	mw_framer_init(&f, &test_alloc, MAX);
	mw_framer_push(&f, &c);
	assert_int_equal(mw_framer_next(&f, &fr), 0);
	assert_slice_equal(mw_framer_partial(&f), "ab");
	c = (struct mw_chunk){
		.off = 12, .bytes = MW_SLICE_LIT("cd\ne"), .ts_ns = 200, .tid = 2, .proc = { 6, 60 }
	};
	mw_framer_push(&f, &c);
	assert_int_equal(mw_framer_next(&f, &fr), 1);
	assert_slice_equal(fr.bytes, "abcd");
	assert_int_equal(fr.off, 10);
	assert_int_equal(fr.begin_ns, 100);
	assert_int_equal(fr.end_ns, 200);
	assert_int_equal(fr.tid, 2);
	assert_int_equal(fr.proc.tgid, 60);
	assert_int_equal(mw_framer_partial(&f).n, 0); /* a frame is out */
	assert_int_equal(mw_framer_next(&f, &fr), 0);
	c = (struct mw_chunk){ .off = 16, .gap = 5, .ts_ns = 300 };
	mw_framer_push(&f, &c);
	assert_int_equal(mw_framer_next(&f, &fr), 1);
	assert_true(fr.broken && !fr.headless);
	assert_int_equal(fr.begin_ns, 200);
	assert_int_equal(fr.end_ns, 200);
	assert_int_equal(fr.proc.tgid, 60);
	assert_int_equal(mw_framer_next(&f, &fr), 0);
	c = (struct mw_chunk){ .evicted = true };
	assert_int_equal(mw_framer_push(&f, &c), 0);
	assert_int_equal(mw_framer_next(&f, &fr), 0);
	/* done in the middle of a chunk forgets it */
	c = (struct mw_chunk){ .off = 21, .bytes = MW_SLICE_LIT("xy\nz\n"), .ts_ns = 400 };
	mw_framer_push(&f, &c);
	assert_int_equal(mw_framer_next(&f, &fr), 1);
	mw_framer_done(&f);
	assert_int_equal(mw_framer_next(&f, &fr), 0);
	assert_int_equal(test_alloc_live(), 0);
}

/* --- lines over max -------------------------------------------------------------------- */

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(32 + i % 95);
}

static void long_line(size_t len, size_t step, const char *ends, bool broken)
{
	uint8_t *p = malloc(len + 8);
	struct mw_buf want;
	struct run r;
	bool cut = len > MAX;
	char head[64];

	fill(p, len);
	memcpy(p + len, ends, strlen(ends));
	mw_buf_init(&want, &test_alloc, SIZE_MAX);
	snprintf(head, sizeof(head), "0 %zu%s%s ", len, cut ? " cut" : "", broken ? " broken" : "");
	mw_buf_append_str(&want, head);
	mw_buf_append(&want, p, cut ? MW_FRAME_HEAD : len);
	if (cut)
		mw_buf_append(&want, p + len - MW_FRAME_TAIL, MW_FRAME_TAIL);
	mw_buf_append_byte(&want, '\n');
	if (!broken) {
		snprintf(head, sizeof(head), "%zu 1 z\n", len + 1);
		mw_buf_append_str(&want, head);
	}
	feed_all(&r, &test_alloc, mw_slice(p, len + strlen(ends)), 0, step);
	assert_int_equal(r.out.len, want.len);
	assert_memory_equal(r.out.p, want.p, want.len);
	run_done(&r);
	mw_buf_done(&want);
	free(p);
	assert_int_equal(test_alloc_live(), 0);
}

static void over_max(void **state)
{
	static const size_t lens[] = {
		MW_FRAME_HEAD,	     MAX - 1,	  MAX, MAX + 1, MAX + MW_FRAME_TAIL - 1,
		MAX + MW_FRAME_TAIL, 2 * MAX + 77
	};
	static const size_t steps[] = { 1, 7, 4095, 4096, 4097, 65536, 65537, SIZE_MAX };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			long_line(lens[i], steps[k], "\nz\n", false);
			long_line(lens[i], steps[k], "", true);
		}
}

static void over_max_needs_no_more_memory(void **state)
{
	static uint8_t text[32768];
	struct run r;
	size_t start;

	fill(text, sizeof(text));
	run_init(&r, &test_alloc);
	start = test_alloc_live();
	for (uint64_t off = 0; off < 64u << 20; off += sizeof(text)) {
		chunk(&r, off, mw_slice(text, sizeof(text)), 0);
		assert_true(test_alloc_live() - start <= MAX);
		if (off > 2 * MAX)
			assert_int_equal(test_alloc_live() - start, MW_FRAME_HEAD + MW_FRAME_TAIL);
	}
	assert_int_equal(mw_framer_partial(&r.f).n, MW_FRAME_HEAD);
	chunk(&r, 64u << 20, MW_SLICE_LIT("\n"), 0);
	assert_int_equal(r.n_frames, 1);
	chunk(&r, (64u << 20) + 1, MW_SLICE_LIT("x"), 0);
	/* and between two lines it keeps little */
	assert_in_range(r.f.line.text.buf.cap, 1, 8192);
	run_done(&r);
}

static void over_max_without_memory(void **state)
{
	static uint8_t text[MAX * 2];
	static const size_t steps[] = { 30000, 65537, SIZE_MAX };

	fill(text, sizeof(text));
	memcpy(text + sizeof(text) - 7, "end\nab\n", 7);
	for (size_t k = 0; k < 3; k++)
		TEST_EACH_FAILURE(n)
		{
			struct run r;

			feed_all(&r, &test_alloc_failing, mw_slice(text, sizeof(text)), 0,
				 steps[k]);
			assert_true(r.n_frames >= 2);
			assert_memory_equal(r.out.p + r.out.len - 5, "2 ab\n", 5);
			if (r.f.n_nomem)
				assert_true(r.n_broken >= 1);
			run_done(&r);
		}
}

/* A gap in a line over max gives its head and tail so far. */
static void over_max_broken(void **state)
{
	static uint8_t text[MAX + 5005];
	struct mw_frame f;
	struct mw_framer fr;
	struct mw_chunk c = { .bytes = { text, sizeof(text) } };

	fill(text, sizeof(text));
	mw_framer_init(&fr, &test_alloc, 1); /* less than the least is the least */
	mw_framer_push(&fr, &c);
	assert_int_equal(mw_framer_next(&fr, &f), 0);
	c = (struct mw_chunk){ .off = sizeof(text), .gap = 9 };
	mw_framer_push(&fr, &c);
	assert_int_equal(mw_framer_next(&fr, &f), 1);
	assert_true(f.cut && f.broken && !f.headless);
	assert_int_equal(f.bytes.n, MW_FRAME_HEAD + MW_FRAME_TAIL);
	assert_memory_equal(f.bytes.p, text, MW_FRAME_HEAD);
	assert_memory_equal(f.bytes.p + MW_FRAME_HEAD, text + sizeof(text) - MW_FRAME_TAIL,
			    MW_FRAME_TAIL);
	assert_int_equal(mw_framer_next(&fr, &f), 0);
	c = (struct mw_chunk){ .off = sizeof(text) + 9, .bytes = MW_SLICE_LIT("ab\ncd\n") };
	mw_framer_push(&fr, &c);
	assert_int_equal(mw_framer_next(&fr, &f), 1);
	assert_true(!f.cut && f.broken && f.headless && f.gap == 9);
	assert_int_equal(mw_framer_next(&fr, &f), 1);
	assert_true(!f.cut && !f.broken);
	assert_slice_equal(f.bytes, "cd");
	mw_framer_done(&fr);
}

static void gaps_add_up_to_no_more_than_they_can(void **state)
{
	struct mw_chunk c = { .gap = UINT64_MAX - 1 };
	struct mw_framer f;
	struct mw_frame fr;

	mw_framer_init(&f, &test_alloc, MAX);
	for (int i = 0; i < 3; i++) {
		mw_framer_push(&f, &c);
		assert_int_equal(mw_framer_next(&f, &fr), 0);
	}
	c = (struct mw_chunk){ .bytes = MW_SLICE_LIT("a\n") };
	mw_framer_push(&f, &c);
	assert_int_equal(mw_framer_next(&f, &fr), 1);
	assert_true(fr.gap == UINT64_MAX);
	mw_framer_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(lines_without_memory),
		cmocka_unit_test(out_of_memory_exactly),
		cmocka_unit_test(zero_copy),
		cmocka_unit_test(times_and_owners),
		cmocka_unit_test(over_max),
		cmocka_unit_test(over_max_needs_no_more_memory),
		cmocka_unit_test(over_max_without_memory),
		cmocka_unit_test(over_max_broken),
		cmocka_unit_test(gaps_add_up_to_no_more_than_they_can),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
