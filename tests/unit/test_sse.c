/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/sse.h"

#define MAX  100u
#define HEAD 20u
#define TAIL 10u

/* A stream with a gap at `gap` (SIZE_MAX none), as text: "type|id|data len from..to [flags]". */
struct run {
	struct mw_buf out;
	size_t n_nomem, n_events;
};

static void note(struct run *r, const struct mw_sse_event *e)
{
	char line[128];

	assert_true(e->data.n <= e->len || e->broken);
	assert_int_equal(e->cut, e->data.n < e->len);
	mw_buf_append(&r->out, e->type.p, e->type.n);
	mw_buf_append_str(&r->out, "|");
	mw_buf_append(&r->out, e->id.p, e->id.n);
	mw_buf_append_str(&r->out, "|");
	mw_buf_append(&r->out, e->data.p, e->data.n);
	snprintf(line, sizeof(line), "| %llu %llu..%llu%s%s\n", (unsigned long long)e->len,
		 (unsigned long long)e->from, (unsigned long long)e->to, e->cut ? " cut" : "",
		 e->broken ? " broken" : "");
	mw_buf_append_str(&r->out, line);
	r->n_events++;
}

static void run(struct run *r, const struct mw_alloc *a, struct mw_slice s, size_t gap,
		size_t split, size_t step)
{
	struct mw_sse_event e;
	struct test_guard g;
	struct mw_sse *p;

	memset(r, 0, sizeof(*r));
	mw_buf_init(&r->out, &test_alloc, 1 << 20);
	mw_buf_reserve(&r->out, 1);
	if (mw_sse_new(a, MAX, HEAD, TAIL, &p) < 0) {
		r->n_nomem++;
		return;
	}
	test_guard_init(&g, 1 << 16);
	for (size_t i = 0, n; i < s.n; i += n) {
		struct mw_slice piece;
		size_t used;
		int k;

		if (i == gap)
			mw_sse_gap(p);
		n = s.n - i < step ? s.n - i : step;
		if (i < split && n > split - i)
			n = split - i;
		if (i < gap && n > gap - i)
			n = gap - i;
		piece = test_guard_copy(&g, mw_slice(s.p + i, n));
		do {
			k = mw_sse_next(p, piece, &used, &e);
			assert_true(used <= piece.n);
			piece.p += used;
			piece.n -= used;
			if (k == 1)
				note(r, &e);
			r->n_nomem += k == -ENOMEM;
		} while (k);
		assert_int_equal(piece.n, 0);
	}
	if (s.n == gap)
		mw_sse_gap(p);
	if (mw_sse_finish(p, &e))
		note(r, &e);
	assert_int_equal(mw_sse_finish(p, &e), 0);
	mw_sse_free(p);
	test_guard_done(&g);
}

static void check_gap(struct mw_slice s, size_t gap, const char *want)
{
	size_t live = test_alloc_live();
	struct run r;

	for (size_t step = 1; step < 8; step++) {
		run(&r, &test_alloc, s, gap, 0, step == 7 ? SIZE_MAX : step);
		assert_buf_equal(&r.out, want);
		mw_buf_done(&r.out);
	}
	for (size_t split = 1; split < s.n; split++) {
		run(&r, &test_alloc, s, gap, split, SIZE_MAX);
		assert_buf_equal(&r.out, want);
		mw_buf_done(&r.out);
	}
	assert_int_equal(test_alloc_live(), live);
}

static void check(const char *text, const char *want)
{
	check_gap(mw_slice_str(text), SIZE_MAX, want);
}

static void line_ends(void **state)
{
	check("data: a\n\ndata: b\n\n", "||a| 1 0..9\n||b| 1 9..18\n");
	check("data: a\r\n\r\ndata: b\r\n\r\n", "||a| 1 0..10\n||b| 1 11..21\n");
	check("data: a\r\rdata: b\r\r", "||a| 1 0..9\n||b| 1 9..18\n");
	check("data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\r",
	      "||a| 1 0..10\n||b| 1 10..19\n||c| 1 20..29\n||d| 1 30..39\n");
	check("\n\r\n\r\rdata:a\n\n", "||a| 1 5..13\n");
}

static void fields(void **state)
{
	check("event: message\nid: 7\ndata: {\"a\":1}\n\n", "message|7|{\"a\":1}| 7 0..36\n");
	/* the id stays, the type does not; the last of each counts */
	check("id: 1\nevent: x\ndata: a\n\ndata: b\n\nid\nevent: y\nevent: z\ndata: c\n\n",
	      "x|1|a| 1 0..24\n|1|b| 1 24..33\nz||c| 1 33..63\n");
	/* an id without data stays too */
	check("id: 9\n\ndata: a\n\n", "|9|a| 1 7..16\n");
	check_gap(MW_SLICE_LIT("id: 1\nid: a\0b\ndata:\n\n"), SIZE_MAX, "|1|| 0 0..21\n");
	check("data:a\ndata:  b\ndata\ndata:\n\n", "||a\n b\n\n| 6 0..28\n");
	check("data:{\"x\":\"a:b\"}\n\n", "||{\"x\":\"a:b\"}| 11 0..18\n");
	check(":data: a\nDATA: b\ndata : c\n data: d\ndatas: e\ndat: f\nretry: 5\n\n", "");
	check(": ping\n\n: ping\ndata: a\n\n", "||a| 1 8..24\n");
	check("event: x\n\ndata: a\n\n", "||a| 1 10..19\n");
}

static void mark(void **state)
{
	check("\xef\xbb\xbf"
	      "data: a\n\n",
	      "||a| 1 3..12\n");
	check("\n\xef\xbb\xbf"
	      "data: a\n\ndata: b\n\n",
	      "||b| 1 13..22\n");
	check("\xef\xbb"
	      "data: a\n\ndata: b\n\n",
	      "||b| 1 11..20\n");
	check("\xef\xbb\xbf\xef\xbb\xbf"
	      "data: a\n\n",
	      "");
}

static void long_data(void **state)
{
	char text[4096] = "data: ", want[256];
	size_t n = 6;

	for (size_t i = 0; i < MAX; i++)
		text[n++] = (char)('a' + i % 26);
	memcpy(text + n, "\n\n", 3);
	snprintf(want, sizeof(want), "||%.100s| 100 0..108\n", text + 6);
	check(text, want);
	text[n++] = 'X';
	memcpy(text + n, "\n\n", 3);
	snprintf(want, sizeof(want), "||%.20s%.10s| 101 0..109 cut\n", text + 6, text + n - 10);
	check(text, want);
	/* over many lines; and the one behind is whole */
	for (n = 0; n < 2000; n += 11)
		memcpy(text + n, "data:12345\n", 12);
	memcpy(text + n, "\ndata: a\n\n", 11);
	snprintf(want, sizeof(want),
		 "||12345\n12345\n12345\n122345\n12345| 1091 0..%zu cut\n||a| 1 %zu..%zu\n", n + 1,
		 n + 1, n + 10);
	check(text, want);
	/* names are cut */
	memcpy(text, "event:", 6);
	memset(text + 6, 'e', 200);
	memcpy(text + 206, "\ndata:\n\n", 9);
	memset(want, 'e', MW_SSE_NAME_MAX);
	snprintf(want + MW_SSE_NAME_MAX, 100, "||| 0 0..214\n");
	check(text, want);
}

static void ends(void **state)
{
	check("data: a\n", "||a| 1 0..8 broken\n");
	check("data: a\n\ndata: {\"b", "||a| 1 0..9\n||{\"b| 3 9..18 broken\n");
	check("data: a\n\nevent: x\n: y", "||a| 1 0..9\n");
}

static void gaps(void **state)
{
	struct mw_slice s = mw_slice_str("data: abc\n\ndata: d\n\ndata: e\n\n");

	check_gap(s, 8, "||abc| 3 0..11 broken\n||d| 1 11..20\n||e| 1 20..29\n");
	check_gap(s, 9, "||abc| 3 0..11 broken\n||d| 1 11..20\n||e| 1 20..29\n");
	/* between two: nobody knows whether the second is whole */
	check_gap(s, 11, "||abc| 3 0..11\n||d| 1 11..20 broken\n||e| 1 20..29\n");
	check_gap(s, 0, "||abc| 3 0..11 broken\n||d| 1 11..20\n||e| 1 20..29\n");
	check_gap(s, 29, "||abc| 3 0..11\n||d| 1 11..20\n||e| 1 20..29\n||| 0 29..29 broken\n");
	/* exactly one, also if nothing of it is left */
	check_gap(mw_slice_str("junk\"}\n\ndata: a\n\n"), 0, "||| 0 0..8 broken\n||a| 1 8..17\n");
	check_gap(mw_slice_str("\ndata: a\n\n"), 0, "||| 0 0..1 broken\n||a| 1 1..10\n");
}

static void no_memory(void **state)
{
	struct mw_slice s =
	    mw_slice_str("data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
			 "data: aaa\n\ndata: b\n\n");

	TEST_EACH_FAILURE(n)
	{
		struct run r;

		run(&r, &test_alloc_failing, s, SIZE_MAX, 0, 30);
		/* memory that cannot be given back is no loss */
		assert_true(r.n_nomem <= test_alloc_failed());
		if (r.n_events) {
			assert_int_equal(r.n_events, 2);
			assert_true(
			    mw_slice_ends(mw_buf_slice(&r.out), mw_slice_str("||b| 1 135..144\n")));
			mw_buf_append_byte(&r.out, 0);
			assert_int_equal(!!strstr((const char *)r.out.p, "broken"), r.n_nomem);
		}
		mw_buf_done(&r.out);
	}
}

static void looks(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "data: x", true }, { "data:x", true },     { "event: m", true },
		{ ": ping", true },  { "id: 5\r\n", true },  { "retry: 1", true },
		{ "dat", false },    { "{\"a\":1}", false }, { "5\r\ndata: x", false },
		{ "", false },	     { "identity", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(mw_sse_looks(mw_slice_str(cases[i].text)), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends), cmocka_unit_test(fields), cmocka_unit_test(mark),
		cmocka_unit_test(long_data), cmocka_unit_test(ends),   cmocka_unit_test(gaps),
		cmocka_unit_test(no_memory), cmocka_unit_test(looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
