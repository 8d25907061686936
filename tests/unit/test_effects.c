/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "core/effects.h"

static void add(struct mw_effects *e, const struct mw_tie *tie, uint64_t seq)
{
	const struct mw_action act = { .kind = MW_EFFECT_PROC_EXEC,
				       .target = mw_slice_str("/usr/bin/touch") };

	assert_int_equal(mw_effects_add(e, &act, tie, seq, true), 0);
}

/* An entry's one confidence is that of all its records. */
static void only_equal_ties_fold(void **state)
{
	const struct mw_tie certain = { .link = MW_LINK_LINEAGE,
					.confidence = MW_CONF_CERTAIN,
					.by_runtime = true };
	struct mw_tie other[3] = { certain, certain, certain };
	struct mw_effects e;

	other[0].confidence = MW_CONF_LIKELY;
	other[1].by_runtime = false;
	other[2].after = true;
	mw_effects_init(&e, &test_alloc, 1 << 20);
	add(&e, &certain, 7);
	for (size_t i = 0; i < 3; i++)
		add(&e, &other[i], 10 + i);
	add(&e, &certain, 20);
	assert_int_equal(e.n, 4);
	assert_int_equal(mw_effects_at(&e, 0)->n, 2);
	assert_int_equal(mw_effects_at(&e, 0)->seqs[1], 20);
	assert_int_equal(mw_effects_at(&e, 0)->confidence, MW_CONF_CERTAIN);
	for (size_t i = 0; i < 3; i++) {
		const struct mw_call_effect *x = mw_effects_at(&e, 1 + i);

		assert_int_equal(x->n, 1);
		assert_int_equal(x->seqs[0], 10 + i);
		assert_int_equal(x->confidence, other[i].confidence);
		assert_int_equal(x->by_runtime, other[i].by_runtime);
		assert_int_equal(x->after, other[i].after);
	}
	mw_effects_done(&e);
	assert_int_equal(test_alloc_live(), 0);
}

/* What its own record does not say is named, as long as there is room; the first of the others. */
static void what_is_not_said_is_named(void **state)
{
	const struct mw_action act = { .kind = MW_EFFECT_PROC_EXEC,
				       .target = mw_slice_str("/usr/bin/touch") };
	const struct mw_tie tie = { .link = MW_LINK_LINEAGE, .confidence = MW_CONF_CERTAIN };
	const struct mw_call_effect *x;
	struct mw_effects e;
	uint64_t seq;

	mw_effects_init(&e, &test_alloc, 4096);
	for (seq = 0; seq < 60; seq++)
		assert_int_equal(mw_effects_add(&e, &act, &tie, seq, seq % 2), 0);
	x = mw_effects_at(&e, 0);
	assert_int_equal(x->n, 60);
	assert_int_equal(x->n_seqs, 8);
	assert_int_equal(x->n_more, 26);
	for (size_t i = 0; i < 26; i++)
		assert_int_equal(x->more[i], 8 + 2 * i);
	for (; seq < 2000; seq++)
		assert_int_equal(mw_effects_add(&e, &act, &tie, seq, false), 0);
	x = mw_effects_at(&e, 0);
	assert_int_equal(x->n, 2000);
	assert_in_range(x->n_more, 26, 4096 / sizeof(uint64_t));
	assert_true(e.bytes <= 4096);
	mw_effects_done(&e);
	assert_int_equal(test_alloc_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_equal_ties_fold),
		cmocka_unit_test(what_is_not_said_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
