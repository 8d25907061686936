/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "base/cleanup.h"

static void grows_and_gives_back(void **state)
{
	size_t live = test_alloc_live();
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 1 << 20);
	assert_int_equal(test_alloc_live(), live);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(mw_buf_append(&b, "0123456789", 10), 0);
	assert_int_equal(b.len, 10000);
	assert_true(b.cap >= 10000 && b.cap <= 20000);
	for (unsigned int i = 0; i < b.len; i++)
		assert_int_equal(b.p[i], '0' + i % 10);
	mw_buf_done(&b);
	assert_int_equal(test_alloc_live(), live);
	assert_int_equal(mw_buf_append_str(&b, "again"), 0);
	assert_buf_equal(&b, "again");
	mw_buf_done(&b);
	mw_buf_done(&b);
	assert_int_equal(test_alloc_live(), live);
}

static void appends_numbers(void **state)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 1000);
	assert_int_equal(mw_buf_append_u64(&b, 0), 0);
	assert_int_equal(mw_buf_append_byte(&b, ' '), 0);
	assert_int_equal(mw_buf_append_u64(&b, UINT64_MAX), 0);
	assert_int_equal(mw_buf_append_byte(&b, ' '), 0);
	assert_int_equal(mw_buf_append_i64(&b, INT64_MIN), 0);
	assert_int_equal(mw_buf_append_byte(&b, ' '), 0);
	assert_int_equal(mw_buf_append_i64(&b, INT64_MAX), 0);
	assert_int_equal(mw_buf_append_byte(&b, ' '), 0);
	assert_int_equal(mw_buf_append_i64(&b, -1), 0);
	assert_int_equal(mw_buf_append_byte(&b, ' '), 0);
	assert_int_equal(mw_buf_append_hex(&b, "\x00\x7f\xff\xa5", 4), 0);
	assert_buf_equal(&b, "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1 "
			     "007fffa5");
	mw_buf_done(&b);
}

static void never_beyond_max(void **state)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 10);
	assert_int_equal(mw_buf_append_str(&b, "12345678"), 0);
	assert_true(b.cap <= 10);
	assert_int_equal(mw_buf_append_str(&b, "123"), -E2BIG);
	assert_int_equal(mw_buf_append_hex(&b, "ab", 2), -E2BIG);
	assert_int_equal(mw_buf_append_hex(&b, "ab", SIZE_MAX / 2 + 1), -E2BIG);
	assert_int_equal(mw_buf_append_u64(&b, 123), -E2BIG);
	assert_int_equal(mw_buf_append_i64(&b, -12), -E2BIG);
	assert_int_equal(mw_buf_reserve(&b, 3), -E2BIG);
	assert_int_equal(mw_buf_reserve(&b, SIZE_MAX), -E2BIG);
	assert_buf_equal(&b, "12345678");
	assert_int_equal(mw_buf_append_str(&b, "90"), 0);
	assert_int_equal(mw_buf_append(&b, NULL, 0), 0);
	assert_int_equal(mw_buf_append_byte(&b, 'x'), -E2BIG);
	assert_buf_equal(&b, "1234567890");
	assert_int_equal(b.cap, 10);
	mw_buf_done(&b);

	mw_buf_init(&b, &test_alloc, 0);
	assert_int_equal(mw_buf_append(&b, "", 0), 0);
	assert_int_equal(mw_buf_append_byte(&b, 'x'), -E2BIG);
	mw_buf_done(&b);
}

static void without_max_size_max_works(void **state)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, SIZE_MAX);
	assert_int_equal(mw_buf_append_str(&b, "x"), 0);
	assert_int_equal(mw_buf_reserve(&b, SIZE_MAX), -E2BIG);
	assert_buf_equal(&b, "x");
	mw_buf_done(&b);
}

static void consumes_from_the_front(void **state)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 100);
	mw_buf_consume(&b, 0);
	assert_int_equal(mw_buf_append_str(&b, "hello world"), 0);
	mw_buf_consume(&b, 0);
	assert_buf_equal(&b, "hello world");
	mw_buf_consume(&b, 6);
	assert_buf_equal(&b, "world");
	mw_buf_consume(&b, 5);
	assert_buf_equal(&b, "");
	assert_int_equal(mw_buf_append_str(&b, "x"), 0);
	assert_buf_equal(&b, "x");
	mw_buf_done(&b);
}

static void reset_keeps_what_it_is_told(void **state)
{
	size_t live = test_alloc_live();
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 1 << 20);
	assert_int_equal(mw_buf_reserve(&b, 5000), 0);
	assert_int_equal(mw_buf_append_str(&b, "abc"), 0);
	mw_buf_reset(&b, 8192);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, 5000);
	mw_buf_reset(&b, 100);
	assert_int_equal(b.cap, 100);
	assert_int_equal(test_alloc_live(), live + 100);
	mw_buf_reset(&b, 0);
	assert_int_equal(b.cap, 0);
	assert_null(b.p);
	assert_int_equal(test_alloc_live(), live);
	mw_buf_reset(&b, 0);
	assert_int_equal(mw_buf_append_str(&b, "abc"), 0);
	assert_buf_equal(&b, "abc");
	mw_buf_done(&b);
}

static void stays_as_it_was_without_memory(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_buf b;
		size_t want = 0;

		mw_buf_init(&b, &test_alloc_failing, 4096);
		for (unsigned int i = 0; i < 100; i++) {
			int r = mw_buf_append_str(&b, "0123456789");

			assert_true(r == 0 || r == -ENOMEM);
			if (r == 0)
				want += 10;
			assert_int_equal(b.len, want);
			for (size_t k = 0; k < b.len; k++)
				assert_int_equal(b.p[k], '0' + (int)(k % 10));
		}
		assert_int_equal(want, test_alloc_failed() ? 990 : 1000);
		mw_buf_done(&b);
	}
}

static void reset_survives_a_shrink_that_fails(void **state)
{
	size_t live = test_alloc_live();
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc_failing, 4096);
	test_alloc_fail_at(0);
	assert_int_equal(mw_buf_reserve(&b, 1000), 0);
	test_alloc_fail_at(1);
	mw_buf_reset(&b, 10);
	assert_int_equal(b.cap, 0);
	assert_int_equal(test_alloc_live(), live);
	mw_buf_done(&b);
	test_alloc_fail_at(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_gives_back),
		cmocka_unit_test(appends_numbers),
		cmocka_unit_test(never_beyond_max),
		cmocka_unit_test(without_max_size_max_works),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(reset_keeps_what_it_is_told),
		cmocka_unit_test(stays_as_it_was_without_memory),
		cmocka_unit_test(reset_survives_a_shrink_that_fails),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
