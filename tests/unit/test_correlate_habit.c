/* SPDX-License-Identifier: Apache-2.0 */
/* What a server does without calls, and what stands in answers. */
#include "causal_fx.h"

#define MS 1000000u

static struct mw_tie plain(const char *target, uint64_t ts)
{
	return did(1, target, task(0, 0), ts);
}

static void habits(void **state)
{
	serve(1);
	/* before its first request a server starts up: that says nothing */
	expect(plain("/var/lib/s/early", 1), "none", 0);
	call_by(1, 1, "1", "{}", task(0, 0), false, 2);
	end(1, 3);
	mw_correlate_forget(corr, 1);
	/* nor what comes right behind an answer */
	expect(plain("/var/lib/s/tail", 4), "none", 0);
	expect(plain("/var/bg/beat", 30 * MS), "none", 0);
	expect(plain("10.0.0.9:53", 30 * MS), "none", 0);
	call_by(2, 1, "2", "{\"p\":\"/var/bg/named\"}", task(0, 0), false, 31 * MS);
	expect(plain("/var/lib/s/early", 32 * MS), "sole", 2);
	expect(plain("/var/lib/s/tail", 32 * MS), "sole", 2);
	expect(plain("/var/bg/beat", 32 * MS), "none", 0);
	expect_shared(plain("/var/bg/other", 32 * MS), 1, 2, 2);
	expect_shared(plain("10.0.0.9:54", 32 * MS), 1, 2, 2);
	/* what arguments name is the call's all the same */
	expect(plain("/var/bg/named", 32 * MS), "argument", 2);
	/* another kind of effect there is no habit */
	expect(did_on(1, "/var/bg/beat", task(0, 0), 0, MW_EFFECT_FILE_DELETE, 33 * MS), "sole", 2);
	call_by(3, 1, "3", "{}", task(0, 0), false, 34 * MS);
	expect(plain("/var/bg/beat", 35 * MS), "none", 0);
	expect_shared(plain("/var/bg/other", 35 * MS), 2, 2, 3);
}

static void habits_are_bounded(void **state)
{
	char path[40];

	serve(1);
	call_by(1, 1, "1", "{}", task(0, 0), false, 2);
	end(1, 3);
	mw_correlate_forget(corr, 1);
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "/var/bg/%d/x", i);
		expect(plain(path, 30 * MS), "none", 0);
	}
	call_by(2, 1, "2", "{}", task(0, 0), false, 31 * MS);
	expect(plain("/var/bg/9999/x", 32 * MS), "none", 0);
	expect(plain("/var/bg/1/x", 32 * MS), "sole", 2);
}

static void stands_in_the_answer(void **state)
{
	call_by(1, 1, "1", "{}", task(0, 0), false, 1);
	call_by(2, 1, "2", "{\"p\":\"/srv/data/named\"}", task(0, 0), false, 1);
	expect_shared(plain("/srv/data/made", 2), 2, 1, 2);
	expect_shared(plain("/srv/data/made2", 2), 2, 1, 2);
	expect_shared(plain("/srv/data/part", 2), 2, 1, 2);
	expect_shared(plain("/srv/cut", 2), 2, 1, 2);
	expect_shared(plain("/x/y", 2), 2, 1, 2);
	end(1, 5);
	/* done after its answer: not in it */
	expect(plain("/srv/data/late", 6), "sole", 2);
	mw_correlate_settle(corr, 1,
			    MW_SLICE_LIT("{\"content\":[{\"text\":\"wrote /srv/data/made.\\n"
					 "/srv/data/part/of it, /x/y, /srv/data/late\"}],"
					 "\"p\":\"/srv/data/made2\"} /srv/cut"));
	expect_listed(1, "/srv/data/made", "response", MW_CONF_LIKELY);
	expect_listed(1, "/srv/data/made2", "response", MW_CONF_LIKELY);
	assert_int_equal(mw_correlate_effects_n(corr, 1), 2);
	/* and nobody else's any more */
	end(2, 7);
	mw_correlate_settle(corr, 2, MW_SLICE_LIT("\"/srv/data/made\" \"/srv/data/part\" "));
	expect_unlisted(2, "/srv/data/made");
	expect_listed(2, "/srv/data/part", "response", MW_CONF_LIKELY);
}

static void not_where_another_may_have_named_it(void **state)
{
	call_by(1, 1, "1", "{}", task(0, 0), false, 1);
	call_by(2, 1, "2", "{\"dir\":\"/srv/data\"}", task(0, 0), false, 1);
	call_by(3, 1, "3", "{\"dir\":\"/srv/data\"}", task(0, 0), false, 1);
	expect_shared(plain("/srv/data/made", 2), 3, 1, 3);
	end(1, 5);
	mw_correlate_settle(corr, 1, MW_SLICE_LIT("\"/srv/data/made\" "));
	assert_int_equal(mw_correlate_effects_n(corr, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define C(f) cmocka_unit_test_setup_teardown(f, setup_causal, teardown)
		C(habits),
		C(habits_are_bounded),
		C(stands_in_the_answer),
		C(not_where_another_may_have_named_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
