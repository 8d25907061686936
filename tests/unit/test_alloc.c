/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/alloc.h"
#include "base/buf.h"

static void a_budget_is_never_exceeded(void **state)
{
	struct mw_budget b;
	void *p, *q, *r;

	mw_budget_init(&b, &test_alloc, 100);
	p = mw_alloc_zero(&b.alloc, 60);
	assert_non_null(p);
	assert_null(mw_alloc_zero(&b.alloc, 41));
	assert_int_equal(b.used, 60);
	assert_int_equal(b.n_refused, 1);
	q = mw_alloc_zero(&b.alloc, 40);
	assert_non_null(q);
	/* growing, shrinking, freeing */
	assert_null(b.alloc.resize(b.alloc.ctx, p, 60, 61));
	r = b.alloc.resize(b.alloc.ctx, p, 60, 10);
	assert_non_null(r);
	assert_int_equal(b.used, 50);
	p = b.alloc.resize(b.alloc.ctx, r, 10, 60);
	assert_non_null(p);
	assert_int_equal(b.used, 100);
	mw_alloc_free(&b.alloc, p, 60);
	mw_alloc_free(&b.alloc, q, 40);
	assert_int_equal(b.used, 0);
	assert_int_equal(b.n_refused, 2);
	assert_int_equal(test_alloc_live(), 0);
}

static void what_is_refused_below_is_not_counted(void **state)
{
	struct mw_budget b;
	void *p;

	mw_budget_init(&b, &test_alloc_failing, 100);
	p = mw_alloc_zero(&b.alloc, 10);
	test_alloc_fail_at(1);
	assert_null(b.alloc.resize(b.alloc.ctx, p, 10, 20));
	assert_int_equal(b.used, 10);
	assert_int_equal(b.n_refused, 0);
	mw_alloc_free(&b.alloc, p, 10);
	test_alloc_fail_at(0);
}

/* A large buffer takes what it needs where twice its size would go over. */
static void a_large_buffer_fills_it(void **state)
{
	static const uint8_t bytes[4096];
	struct mw_budget b;
	struct mw_buf buf;
	size_t n = 0;

	mw_budget_init(&b, &test_alloc, 3u << 20);
	mw_buf_init(&buf, &b.alloc, 1u << 30);
	while (mw_buf_append(&buf, bytes, sizeof(bytes)) == 0)
		n += sizeof(bytes);
	assert_int_equal(n, 3u << 20);
	assert_int_equal(b.used, n);
	mw_buf_done(&buf);
	assert_int_equal(b.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_is_never_exceeded),
		cmocka_unit_test(what_is_refused_below_is_not_counted),
		cmocka_unit_test(a_large_buffer_fills_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
