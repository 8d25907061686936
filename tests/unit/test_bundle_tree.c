/* SPDX-License-Identifier: Apache-2.0 */
/* test_bundle_tree.c - stretches of a tree against RFC 6962's definition, written down by itself */
#include "support.h"

#include <errno.h>
#include <inttypes.h>

#include "io/bundle_tree.h"

static void leaf_of(uint64_t i, struct mw_hash *ret)
{
	mw_tlog_leaf(&i, sizeof(i), ret);
}

/* MTH of section 2.1, of leaves [from, from + n). */
static void mth(uint64_t from, uint64_t n, struct mw_hash *ret)
{
	struct mw_hash left, right;
	uint64_t k = 1;

	if (n == 1) {
		leaf_of(from, ret);
		return;
	}
	while (k * 2 < n)
		k *= 2;
	mth(from, k, &left);
	mth(from + k, n - k, &right);
	mw_tlog_node(&left, &right, ret);
}

static void range_of(uint64_t from, uint64_t to, struct mw_range *ret)
{
	struct mw_hash leaf;

	mw_range_init(ret, from);
	while (ret->to < to) {
		leaf_of(ret->to, &leaf);
		mw_range_add(ret, &leaf);
	}
}

/* Every stretch of small trees: its hashes are those of the widest subtrees, by definition. */
static void test_range(void **state)
{
	uint64_t from, to, at, width;
	struct mw_hash want;
	struct mw_range r;
	unsigned int i;

	for (from = 0; from < 40; from++)
		for (to = from; to < 90; to++) {
			range_of(from, to, &r);
			assert_int_equal(r.from, from);
			assert_int_equal(r.to, to);
			for (i = 0, at = from; at < to; i++, at += width) {
				for (width = 1; at % (2 * width) == 0 && at + 2 * width <= to;)
					width *= 2;
				assert_true(i < r.n);
				mth(at, width, &want);
				assert_memory_equal(&r.hash[i], &want, sizeof(want));
			}
			assert_int_equal(i, r.n);
		}
}

/* Any way to part a tree gives the same root, at each place where a stretch ends. */
static void test_append(void **state)
{
	struct mw_tlog_tree t, before;
	struct mw_hash root, want;
	struct mw_range r;
	unsigned int round;
	uint64_t to;

	srand(7);
	for (round = 0; round < 300; round++) {
		t = (struct mw_tlog_tree){ 0 };
		while (t.n < 300) {
			to = t.n + 1 + (uint64_t)rand() % (round % 70 + 1);
			range_of(t.n, to, &r);
			assert_int_equal(mw_range_append(&t, &r), 0);
			assert_int_equal(t.n, to);
			mw_tlog_root(&t, &root);
			mth(0, to, &want);
			assert_memory_equal(&root, &want, sizeof(want));
		}
		/* what does not follow, or has another number of hashes, changes nothing */
		before = t;
		range_of(t.n + 1, t.n + 9, &r);
		assert_int_equal(mw_range_append(&t, &r), -EBADMSG);
		range_of(t.n, t.n + 9, &r);
		r.n--;
		assert_int_equal(mw_range_append(&t, &r), -EBADMSG);
		r.n += 2;
		assert_int_equal(mw_range_append(&t, &r), -EBADMSG);
		assert_memory_equal(&t, &before, sizeof(t));
	}
}

/* Another leaf anywhere, of a record or of what is left out, is another root. */
static void test_binding(void **state)
{
	struct mw_hash root, want;
	struct mw_range r[2];
	struct mw_tlog_tree t;
	unsigned int i, bit;
	uint64_t cut;

	mth(0, 45, &want);
	for (cut = 1; cut < 45; cut++) {
		range_of(0, cut, &r[0]);
		range_of(cut, 45, &r[1]);
		for (i = 0; i < r[0].n + r[1].n; i++)
			for (bit = 0; bit < 256; bit += 37) {
				struct mw_hash *h =
				    i < r[0].n ? &r[0].hash[i] : &r[1].hash[i - r[0].n];

				h->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
				t = (struct mw_tlog_tree){ 0 };
				assert_int_equal(mw_range_append(&t, &r[0]), 0);
				assert_int_equal(mw_range_append(&t, &r[1]), 0);
				mw_tlog_root(&t, &root);
				assert_memory_not_equal(&root, &want, sizeof(want));
				h->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
	}
}

static void test_text(void **state)
{
	struct mw_range r, back;
	struct mw_buf out;
	uint64_t from, to;
	bool record;

	mw_buf_init(&out, &test_alloc, MW_RANGE_LINE_MAX);
	for (from = 0; from < 70; from++)
		for (to = from + 1; to < 140; to += 1 + to % 3) {
			range_of(from, to, &r);
			mw_buf_reset(&out, MW_RANGE_LINE_MAX);
			assert_int_equal(mw_range_print(&r, to == from + 1, &out), 0);
			assert_int_equal(out.p[out.len - 1], '\n');
			assert_int_equal(
			    mw_range_parse(mw_slice(out.p, out.len - 1), &back, &record), 0);
			assert_int_equal(record, to == from + 1);
			assert_true(back.from == from && back.to == to && back.n == r.n);
			assert_memory_equal(back.hash, r.hash, r.n * sizeof(*r.hash));
		}
	mw_buf_done(&out);
}

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_text_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"record",
		"record ",
		"record 5",
		"record 5 ",
		"record 5 " H " ",
		"record 5 " H " " H,
		"record 05 " H,
		"record -5 " H,
		"record +5 " H,
		"record  5 " H,
		"record 5\t" H,
		" record 5 " H,
		"Record 5 " H,
		"record 18446744073709551616 " H,
		"record 18446744073709551615 " H,
		"record 9223372036854775807 " H,
		"record 5 0123",
		"record 5 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"left-out 5 " H,
		"left-out 5 5 " H,
		"left-out 5 4 " H,
		"left-out 4 6",
		"left-out 4 6 " H " " H,
		"left-out 5 7 " H,
		"left-out 0 9223372036854775808 " H,
		"left-out 0 18446744073709551615 " H,
		"record 5 " H "\n",
	};
	struct mw_range r;
	bool record;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (mw_range_parse(mw_slice_str(bad[i]), &r, &record) != -EBADMSG)
			fail_msg("taken: '%s'", bad[i]);
	assert_int_equal(mw_range_parse(MW_SLICE_LIT("record 5 " H), &r, &record), 0);
	assert_int_equal(mw_range_parse(MW_SLICE_LIT("left-out 4 6 " H), &r, &record), 0);
	assert_int_equal(mw_range_parse(MW_SLICE_LIT("left-out 5 7 " H " " H), &r, &record), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),	 cmocka_unit_test(test_append),
		cmocka_unit_test(test_binding),	 cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
