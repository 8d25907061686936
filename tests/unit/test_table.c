/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "base/table.h"

static int values[100000]; /* what the tables point to: values[i] is i's */

static uint64_t key_of(size_t i)
{
	return (uint64_t)i * 0x9E3779B97F4A7C15u;
}

static int put(struct mw_table *t, size_t i)
{
	uint64_t key = key_of(i);

	return mw_table_put(t, &key, &values[i]);
}

static void *get(struct mw_table *t, size_t i)
{
	uint64_t key = key_of(i);

	return mw_table_get(t, &key);
}

static void *take(struct mw_table *t, size_t i)
{
	uint64_t key = key_of(i);

	return mw_table_remove(t, &key);
}

static void refuses_bad_shapes(void **state)
{
	struct mw_table *t = (void *)1;

	assert_int_equal(mw_table_new(&test_alloc, 0, 1, &t), -EINVAL);
	assert_int_equal(mw_table_new(&test_alloc, 65, 1, &t), -EINVAL);
	assert_int_equal(mw_table_new(&test_alloc, 8, 0, &t), -EINVAL);
	assert_int_equal(mw_table_new(&test_alloc, 8, SIZE_MAX, &t), -EINVAL);
	assert_ptr_equal(t, (void *)1);
	mw_table_free(NULL);
}

static void empty_has_nothing(void **state)
{
	struct mw_table *t;
	size_t pos = 0;

	assert_int_equal(mw_table_new(&test_alloc, 8, 5, &t), 0);
	assert_null(get(t, 1));
	assert_null(take(t, 1));
	assert_null(mw_table_oldest(t));
	assert_null(mw_table_next(t, &pos));
	assert_int_equal(mw_table_count(t), 0);
	mw_table_free(t);
}

static void puts_gets_removes(void **state)
{
	size_t live = test_alloc_live();
	struct mw_table *t;

	assert_int_equal(mw_table_new(&test_alloc, 8, 1000, &t), 0);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(put(t, i), 0);
	assert_int_equal(put(t, 7), -EEXIST);
	assert_int_equal(put(t, 1000), -ENOSPC);
	assert_int_equal(mw_table_count(t), 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(get(t, i), &values[i]);
	assert_null(get(t, 1000));
	for (size_t i = 0; i < 1000; i += 2)
		assert_ptr_equal(take(t, i), &values[i]);
	assert_null(take(t, 0));
	assert_int_equal(mw_table_count(t), 500);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(get(t, i), i % 2 ? &values[i] : NULL);
	mw_table_free(t);
	assert_int_equal(test_alloc_live(), live);
}

static void iterates_in_the_order_of_insertion(void **state)
{
	struct mw_table *t;
	size_t pos = 0, want = 0;
	int *v;

	assert_int_equal(mw_table_new(&test_alloc, 8, 500, &t), 0);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(put(t, i), 0);
	/* removes the one just returned, sometimes */
	while ((v = mw_table_next(t, &pos))) {
		assert_ptr_equal(v, &values[want]);
		if (want % 3 == 0)
			assert_ptr_equal(take(t, want), v);
		want++;
	}
	assert_int_equal(want, 500);
	assert_null(mw_table_next(t, &pos));
	assert_ptr_equal(mw_table_oldest(t), &values[1]);
	for (size_t i = 500; i < 600; i++)
		assert_int_equal(put(t, i), 0);
	pos = 0;
	for (want = 0; want < 600; want++) {
		if (want < 500 && want % 3 == 0)
			continue;
		assert_ptr_equal(mw_table_next(t, &pos), &values[want]);
	}
	assert_null(mw_table_next(t, &pos));
	mw_table_free(t);
}

static void a_full_table_that_evicts_keeps_its_memory(void **state)
{
	size_t high = 0, at_start, calls;
	struct mw_table *t;

	at_start = test_alloc_live();
	assert_int_equal(mw_table_new(&test_alloc, 8, 100, &t), 0);
	calls = test_alloc_calls();
	for (size_t i = 0; i < 100000; i++) {
		if (i >= 100) {
			assert_int_equal(put(t, i), -ENOSPC);
			assert_ptr_equal(mw_table_oldest(t), &values[i - 100]);
			assert_ptr_equal(take(t, i - 100), &values[i - 100]);
		}
		assert_int_equal(put(t, i), 0);
		assert_ptr_equal(get(t, i), &values[i]);
		if (test_alloc_live() - at_start > high)
			high = test_alloc_live() - at_start;
	}
	assert_true(high < 158 * 24 + 512 * 4 + 512);
	assert_true(test_alloc_calls() - calls < 20);
	mw_table_free(t);
}

/* Against a plain array, with keys of each length. */
static void model(size_t key_len)
{
	enum { N = 300, MAX = 120 };
	unsigned int seed = 1 + (unsigned int)key_len;
	size_t order[MAX], n = 0;
	struct mw_table *t;

	assert_int_equal(mw_table_new(&test_alloc, key_len, MAX, &t), 0);
	for (size_t step = 0; step < 20000; step++) {
		uint8_t key[64] = { 0 };
		size_t i, at, pos;
		int r;

		seed = seed * 1103515245 + 12345;
		i = (seed >> 16) % (key_len == 1 ? 200 : N);
		key[0] = (uint8_t)i;
		if (key_len > 1)
			key[key_len - 1] = (uint8_t)(i >> 8);
		for (at = 0; at < n && order[at] != i; at++)
			;
		assert_ptr_equal(mw_table_get(t, key), at < n ? &values[i] : NULL);
		if ((seed >> 8) % 7 == 0) {
			assert_ptr_equal(mw_table_renew(t, key), at < n ? &values[i] : NULL);
			if (at < n) {
				memmove(order + at, order + at + 1, (n - at - 1) * sizeof(*order));
				order[n - 1] = i;
			}
		} else if ((seed >> 8) % 3) {
			r = mw_table_put(t, key, &values[i]);
			assert_int_equal(r, at < n ? -EEXIST : n == MAX ? -ENOSPC : 0);
			if (r == 0)
				order[n++] = i;
		} else {
			assert_ptr_equal(mw_table_remove(t, key), at < n ? &values[i] : NULL);
			if (at < n) {
				n--;
				memmove(order + at, order + at + 1, (n - at) * sizeof(*order));
			}
		}
		assert_int_equal(mw_table_count(t), n);
		assert_ptr_equal(mw_table_oldest(t), n ? &values[order[0]] : NULL);
		if (step % 16)
			continue;
		pos = 0;
		for (at = 0; at < n; at++)
			assert_ptr_equal(mw_table_next(t, &pos), &values[order[at]]);
		assert_null(mw_table_next(t, &pos));
	}
	mw_table_free(t);
}

static void behaves_like_a_list(void **state)
{
	for (size_t key_len = 1; key_len <= 64; key_len++)
		model(key_len);
}

static void of_one_entry(void **state)
{
	struct mw_table *t;

	assert_int_equal(mw_table_new(&test_alloc, 8, 1, &t), 0);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(put(t, i), 0);
		assert_int_equal(put(t, i + 1), -ENOSPC);
		assert_ptr_equal(take(t, i), &values[i]);
	}
	mw_table_free(t);
}

static void stays_as_it_was_without_memory(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		bool there[400] = { false };
		struct mw_table *t;
		size_t count = 0;
		int r;

		r = mw_table_new(&test_alloc_failing, 8, 300, &t);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			continue;
		}
		for (size_t i = 0; i < 400; i++) {
			/* a hole now and then */
			if (i % 5 == 4 && there[i - 2]) {
				assert_ptr_equal(take(t, i - 2), &values[i - 2]);
				there[i - 2] = false;
				count--;
			}
			r = put(t, i);
			assert_true(r == 0 || r == -ENOSPC || (r == -ENOMEM && test_alloc_failed()));
			there[i] = r == 0;
			count += r == 0;
			assert_int_equal(mw_table_count(t), count);
		}
		for (size_t i = 0; i < 400; i++)
			assert_ptr_equal(get(t, i), there[i] ? &values[i] : NULL);
		mw_table_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_shapes),
		cmocka_unit_test(empty_has_nothing),
		cmocka_unit_test(puts_gets_removes),
		cmocka_unit_test(iterates_in_the_order_of_insertion),
		cmocka_unit_test(a_full_table_that_evicts_keeps_its_memory),
		cmocka_unit_test(behaves_like_a_list),
		cmocka_unit_test(of_one_entry),
		cmocka_unit_test(stays_as_it_was_without_memory),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
