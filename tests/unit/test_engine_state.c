/* SPDX-License-Identifier: Apache-2.0 */
/* what earlier runs learned, as the engine takes it (engine_state.c) */
#include "engine_fx.h"

#include "core/state.h"

#define H64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PIN                                                                                        \
	"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64                        \
	"\",\"first\":1,\"since\":1}"

static void lines_are_taken(void **state)
{
	struct mw_out out;
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	tape_state(&f.t, MW_STATE_LINE, PIN);
	tape_tick(&f.t);
	go(&f);
	/* none of it is news, and nothing is wrong */
	assert_null(strstr(f.text, "\"gap\""));
	mw_engine_finish(f.e);
	while (mw_engine_next(f.e, &out) == 1)
		assert_int_not_equal(out.kind, MW_OUT_STATE);
	end(&f);
}

static void what_is_none_becomes_a_gap(void **state)
{
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	tape_state(&f.t, MW_STATE_LINE, PIN);
	tape_state(&f.t, MW_STATE_LINE, "{}");
	tape_state(&f.t, MW_STATE_LINE, "");
	tape_state(&f.t, 77, "{}"); /* of a later version: passed over */
	tape_tick(&f.t);
	tape_tick(&f.t);
	finish(&f);
	assert_non_null(strstr(f.text, "\"type\":\"gap\",\"reason\":\"state_lost\",\"where\":"
				       "\"state\",\"events\":2,"));
	assert_null(strstr(strstr(f.text, "\"state_lost\"") + 1, "\"state_lost\""));
	end(&f);
}

static void why_it_was_lost_is_said(void **state)
{
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	tape_state(&f.t, MW_STATE_LOST, "it is of another version");
	finish(&f);
	assert_non_null(strstr(f.text, "\"type\":\"gap\",\"reason\":\"state_lost\",\"where\":"
				       "\"state\",\"error\":\"it is of another version\",\"to\":"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken),
		cmocka_unit_test(what_is_none_becomes_a_gap),
		cmocka_unit_test(why_it_was_lost_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
