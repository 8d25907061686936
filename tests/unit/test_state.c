/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/state.h"

#define SEC 1000000000ll
#define T0  (1763000000ll * SEC)

static const uint8_t hash_a[32] = { 0xaa, 1 }, hash_b[32] = { 0xbb, 2 };

static struct mw_slice lit(const char *s)
{
	return mw_slice_str(s);
}

static struct mw_state_pin pin(struct mw_state *s, const char *server, const char *name,
			       const uint8_t hash[32], int64_t now)
{
	struct mw_state_pin p;

	assert_int_equal(mw_state_pin(s, lit(server), lit("tool"), lit(name), hash, now, &p), 0);
	return p;
}

static int shape(struct mw_state *s, const char *tool, uint64_t x, int64_t now)
{
	return mw_state_shape(s, lit("srv"), lit(tool), x, now);
}

static void drain(struct mw_state *s)
{
	struct mw_slice line;

	while (mw_state_next(s, &line))
		;
}

/* What s gives from now on, loaded by another. */
static void move(struct mw_state *s, struct mw_state *to)
{
	struct mw_slice line;

	while (mw_state_next(s, &line))
		assert_int_equal(mw_state_load(to, line), 0);
}

static size_t count_lines(struct mw_state *s)
{
	struct mw_slice line;
	size_t n = 0;

	for (; mw_state_next(s, &line); n++)
		;
	return n;
}

static struct mw_state *new_state(void)
{
	struct mw_state *s;

	assert_int_equal(mw_state_new(&test_alloc, &s), 0);
	return s;
}

static void first_is_pinned_change_is_said(void **state)
{
	struct mw_state *s = new_state();
	struct mw_state_pin p = pin(s, "srv", "a", hash_a, T0);
	struct mw_slice line;

	assert_false(p.known || p.pinned || p.changed);
	assert_int_equal(mw_state_next(s, &line), 1);
	assert_slice_equal(
	    line, "{\"pin\":\"tool\",\"server\":\"srv\",\"name\":\"a\",\"hash\":\"aa01"
		  "000000000000000000000000000000000000000000000000000000000000\",\"first\":"
		  "1763000000000000000,\"since\":1763000000000000000}");
	assert_int_equal(mw_state_next(s, &line), 0);
	p = pin(s, "srv", "a", hash_a, T0 + 5);
	assert_true(p.pinned && !p.changed && p.since == T0);
	assert_int_equal(count_lines(s), 0);
	p = pin(s, "srv", "a", hash_b, T0 + 7);
	assert_true(p.pinned && p.changed && p.since == T0);
	assert_memory_equal(p.was, hash_a, 32);
	p = pin(s, "srv", "a", hash_b, T0 + 9);
	assert_true(p.pinned && !p.changed && p.since == T0 + 7);
	assert_int_equal(count_lines(s), 1);
	mw_state_free(s);
}

/* Its own first list, in pages, is no news; what comes later is. */
static void known_is_another_list(void **state)
{
	struct mw_state *s = new_state(), *t = new_state();

	assert_false(pin(s, "srv", "a", hash_a, T0).known);
	assert_false(pin(s, "srv", "b", hash_a, T0 + SEC).known);
	assert_true(pin(s, "srv", "c", hash_a, T0 + 60 * SEC).known);
	assert_false(pin(s, "other", "a", hash_a, T0 + 60 * SEC).known);
	move(s, t);
	assert_true(pin(t, "srv", "d", hash_a, T0 + 61 * SEC).known);
	/* a clock that was set back proves nothing */
	assert_false(pin(t, "srv", "e", hash_a, T0 - 1).known);
	mw_state_free(s);
	mw_state_free(t);
}

static void pins_last(void **state)
{
	struct mw_state *s = new_state(), *t = new_state();
	struct mw_state_pin p;

	pin(s, "srv", "a", hash_a, T0);
	pin(s, "srv", "b", hash_a, T0);
	move(s, t);
	pin(s, "srv", "a", hash_b, T0 + 1);
	move(s, t);
	assert_int_equal(count_lines(t), 0); /* what was loaded is no news */
	p = pin(t, "srv", "a", hash_b, T0 + 2);
	assert_true(p.pinned && !p.changed && p.since == T0 + 1);
	p = pin(t, "srv", "b", hash_b, T0 + 2);
	assert_true(p.changed && p.since == T0);
	/* the same name of another kind, or of another server, is another thing */
	assert_int_equal(mw_state_pin(t, lit("srv"), lit("prompt"), lit("a"), hash_a, T0, &p), 0);
	assert_false(p.pinned);
	assert_false(pin(t, "srva", "", hash_a, T0).pinned);
	mw_state_free(s);
	mw_state_free(t);
}

static void shapes_are_learned_then_said(void **state)
{
	struct mw_state *s = new_state();
	int i;

	for (i = 0; i < 200; i++)
		assert_int_equal(shape(s, "t", (uint64_t)i % 3, T0 + i), 0);
	/* many calls, but not long enough: still learning */
	assert_int_equal(shape(s, "t", 7, T0 + 3599 * SEC), 0);
	assert_int_equal(shape(s, "t", 8, T0 + 3600 * SEC), 1);
	assert_int_equal(shape(s, "t", 8, T0 + 3601 * SEC), 0);
	assert_int_equal(shape(s, "t", 7, T0 + 3601 * SEC), 0);
	/* long enough, but too few calls */
	assert_int_equal(shape(s, "rare", 1, T0), 0);
	for (i = 0; i < 49; i++)
		assert_int_equal(shape(s, "rare", (uint64_t)(i + 100) % 60, T0 + 7200 * SEC), 0);
	assert_int_equal(shape(s, "rare", 9999, T0 + 7200 * SEC), 1);
	mw_state_free(s);
}

static void shapes_last(void **state)
{
	struct mw_state *s = new_state(), *t = new_state(), *u = new_state();
	struct mw_slice line;
	int i;

	for (i = 0; i < 49; i++) {
		assert_int_equal(shape(s, "t", 1, T0), 0);
		move(s, t);
	}
	/* without the end, what was counted behind 32 is gone, and learning goes on longer */
	for (i = 0; i < 18; i++)
		assert_int_equal(shape(t, "t", 1, T0 + 3600 * SEC), 0);
	assert_int_equal(shape(t, "t", 2, T0 + 3600 * SEC), 1);
	mw_state_finish(s);
	assert_int_equal(mw_state_next(s, &line), 1);
	assert_slice_equal(line, "{\"shapes\":\"t\",\"server\":\"srv\",\"calls\":49,\"first\":"
				 "1763000000000000000,\"set\":[\"0000000000000001\"]}");
	assert_int_equal(mw_state_load(u, line), 0);
	assert_int_equal(shape(u, "t", 1, T0 + 3600 * SEC), 0);
	assert_int_equal(shape(u, "t", 2, T0 + 3600 * SEC), 1);
	drain(u);
	mw_state_finish(u);
	assert_int_equal(count_lines(u), 0);
	mw_state_free(s);
	mw_state_free(t);
	mw_state_free(u);
}

static void few_lines_while_learning(void **state)
{
	struct mw_state *s = new_state();
	size_t n = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		shape(s, "t", 5, T0 + i);
		n += count_lines(s);
	}
	assert_int_equal(n, 7); /* 1 2 4 8 16 32 50 */
	mw_state_free(s);
}

static void too_many_shapes_say_nothing(void **state)
{
	struct mw_state *s = new_state();
	uint64_t i;

	for (i = 0; i < MW_STATE_SHAPES_MAX; i++)
		assert_int_equal(shape(s, "t", i, T0), 0);
	assert_int_equal(shape(s, "t", 1000, T0 + 4000 * SEC), 0);
	assert_int_equal(shape(s, "t", 1001, T0 + 4000 * SEC), 0);
	drain(s);
	mw_state_free(s);
}

/* Everything that can be said can be loaded, and is the same thing then. */
static void any_name_comes_back(void **state)
{
	static char big[5000], quotes[1024], bad[1024];
	const struct mw_slice names[] = {
		MW_SLICE_LIT(""),	    MW_SLICE_LIT("plain"),
		MW_SLICE_LIT("\"\\\n\0 x"), MW_SLICE_LIT("\xe2\x80\xa8 \xf0\x9f\x98\x80"),
		MW_SLICE_LIT("\xff\xfe"),   MW_SLICE_LIT("\xff\xfd"),
		mw_slice(big, 5000),	    mw_slice(big, 4999),
		mw_slice(big, 512),	    mw_slice(big, 513),
		mw_slice(quotes, 512),	    mw_slice(quotes, 1024),
		mw_slice(bad, 1024),	    mw_slice(bad, 1),
	};
	const size_t n = sizeof(names) / sizeof(names[0]);
	struct mw_state *s = new_state(), *t = new_state();
	struct mw_state_stats st;
	struct mw_state_pin p;
	struct mw_slice line;
	size_t i, k, lines = 0;

	memset(big, 'b', sizeof(big));
	memset(quotes, '"', sizeof(quotes));
	memset(bad, 1, sizeof(bad));
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			assert_int_equal(
			    mw_state_pin(s, names[i], names[k], names[k], hash_a, T0, &p), 0);
			assert_false(p.pinned);
			assert_int_equal(mw_state_shape(s, names[i], names[k], i + k, T0), 0);
		}
	for (; mw_state_next(s, &line); lines++) {
		assert_true(line.n <= MW_STATE_LINE_MAX);
		assert_int_equal(mw_state_load(t, line), 0);
	}
	assert_int_equal(lines, 2 * n * n);
	mw_state_stats(t, &st);
	assert_int_equal(st.pins, n * n);
	assert_int_equal(st.tools, n * n);
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			assert_int_equal(
			    mw_state_pin(t, names[i], names[k], names[k], hash_a, T0, &p), 0);
			assert_true(p.pinned && !p.changed);
		}
	assert_int_equal(count_lines(t), 0);
	mw_state_free(s);
	mw_state_free(t);
}

#define H64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void refuses_what_it_would_not_write(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"{}",
		"{\"pin\":\"tool\"}",
		/* spaces, order, what is not known, equal keys, upper case */
		"{\"pin\":\"tool\", \"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":1,\"since\":1}",
		"{\"pin\":\"tool\",\"name\":\"a\",\"server\":\"s\",\"hash\":\"" H64
		"\",\"first\":1,\"since\":1}",
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":1,\"since\":1,\"x\":1}",
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"name\":\"b\",\"hash\":\"" H64
		"\",\"first\":1,\"since\":1}",
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"AA" H64
		"\",\"first\":1,\"since\":1}",
		"{\"pin\":\"\\u0074ool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":1,\"since\":1}",
		/* numbers */
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":1e3,\"since\":1}",
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":-0,\"since\":1}",
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":9223372036854775808,\"since\":1}",
		"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
		"\",\"first\":\"1\",\"since\":1}",
		"{\"shapes\":\"t\",\"server\":\"s\",\"calls\":51,\"first\":1,\"set\":[]}",
		"{\"shapes\":\"t\",\"server\":\"s\",\"calls\":-1,\"first\":1,\"set\":[]}",
		"{\"shapes\":\"t\",\"server\":\"s\",\"calls\":1,\"first\":1,\"set\":[1]}",
		"{\"shapes\":\"t\",\"server\":\"s\",\"calls\":1,\"first\":1,\"set\":{}}",
		"{\"shapes\":\"t\",\"server\":\"s\",\"calls\":1,\"first\":1,\"set\":"
		"[\"0000000000000001\",\"0000000000000001\"]}",
		/* more than a line */
		"{\"shapes\":\"t\",\"server\":\"s\",\"calls\":1,\"first\":1,\"set\":[]}\n",
	};
	static const char good[] =
	    "{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
	    "\",\"first\":-9223372036854775808,\"since\":9223372036854775807}";
	struct mw_state *s = new_state();
	struct mw_state_stats st;
	struct test_guard g;
	char many[MW_STATE_LINE_MAX];
	size_t i, n = sizeof(bad) / sizeof(bad[0]);
	int at;

	test_guard_init(&g, MW_STATE_LINE_MAX);
	for (i = 0; i < n; i++)
		if (mw_state_load(s, test_guard_copy(&g, lit(bad[i]))) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	for (i = 0; i < sizeof(good) - 1; i++)
		assert_int_equal(mw_state_load(s, test_guard_copy(&g, mw_slice(good, i))), -EINVAL);
	n += i;
	/* 65 shapes */
	at = snprintf(many, sizeof(many),
		      "{\"shapes\":\"t\",\"server\":\"s\",\"calls\":1,\"first\":1,\"set\":[");
	for (i = 0; i < MW_STATE_SHAPES_MAX + 1; i++)
		at +=
		    snprintf(many + at, sizeof(many) - (size_t)at, "%s\"%016zx\"", i ? "," : "", i);
	snprintf(many + at, sizeof(many) - (size_t)at, "]}");
	assert_int_equal(mw_state_load(s, lit(many)), -EINVAL);
	mw_state_stats(s, &st);
	assert_int_equal(st.refused, n + 1);
	assert_int_equal(st.pins + st.tools, 0);
	assert_int_equal(mw_state_load(s, lit(good)), 0);
	mw_state_free(s);
	test_guard_done(&g);
}

/* A server with too many tools forgets its own; only many servers together those of others. */
static void bounded(void **state)
{
	struct mw_state *s = new_state();
	struct mw_state_stats st;
	char server[32], name[32];
	unsigned int i, k;

	pin(s, "first", "a", hash_a, T0);
	for (i = 0; i < MW_STATE_SERVER_MAX + 10; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		pin(s, "greedy", name, hash_a, T0);
		assert_int_equal(mw_state_shape(s, lit("greedy"), lit(name), i, T0), 0);
	}
	mw_state_stats(s, &st);
	assert_int_equal(st.pins, MW_STATE_SERVER_MAX + 1);
	assert_int_equal(st.tools, MW_STATE_SERVER_MAX);
	assert_int_equal(st.evicted, 20);
	assert_true(pin(s, "first", "a", hash_a, T0).pinned);
	assert_false(pin(s, "greedy", "t3", hash_a, T0).pinned);
	for (k = 0; k < MW_STATE_PINS_MAX / 1024; k++)
		for (i = 0; i < 1024; i++) {
			snprintf(server, sizeof(server), "s%u", k);
			snprintf(name, sizeof(name), "t%u", i);
			pin(s, server, name, hash_a, T0);
		}
	mw_state_stats(s, &st);
	assert_int_equal(st.pins, MW_STATE_PINS_MAX);
	assert_true(st.evicted > MW_STATE_SERVER_MAX);
	assert_false(pin(s, "first", "a", hash_a, T0).pinned);
	assert_true(pin(s, "s63", "t9", hash_a, T0).pinned);
	drain(s);
	mw_state_free(s);
}

static void all_gives_what_there_is(void **state)
{
	struct mw_state *s = new_state(), *t = new_state();
	struct mw_state_walk at = { 0 };
	struct mw_state_stats st;
	struct mw_slice line;
	int r;

	pin(s, "srv", "a", hash_a, T0);
	pin(s, "srv", "b", hash_a, T0);
	shape(s, "t", 1, T0);
	pin(s, "srv", "a", hash_b, T0 + 1);
	while ((r = mw_state_all(s, &at, &line)) == 1)
		assert_int_equal(mw_state_load(t, line), 0);
	assert_int_equal(r, 0);
	mw_state_stats(t, &st);
	assert_int_equal(st.pins, 2);
	assert_int_equal(st.tools, 1);
	assert_false(pin(t, "srv", "a", hash_b, T0).changed);
	assert_int_equal(count_lines(s), 3); /* it took nothing from next */
	at = (struct mw_state_walk){ 0 };
	mw_state_free(s);
	s = new_state();
	assert_int_equal(mw_state_all(s, &at, &line), 0);
	mw_state_free(s);
	mw_state_free(t);
}

static void work(struct mw_state *s)
{
	static const char line[] =
	    "{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"a\",\"hash\":\"" H64
	    "\",\"first\":1,\"since\":1}";
	struct mw_state_walk at = { 0 };
	struct mw_state_pin p;
	struct mw_slice got;

	(void)mw_state_load(s, lit(line));
	(void)mw_state_pin(s, lit("s"), lit("tool"), lit("a"), hash_a, T0, &p);
	(void)mw_state_pin(s, lit("x"), lit("tool"), lit("a"), hash_a, T0, &p);
	(void)mw_state_shape(s, lit("y"), lit("t"), 1, T0);
	while (mw_state_all(s, &at, &got) == 1)
		;
	while (mw_state_next(s, &got))
		;
}

static void any_allocation_may_fail(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_state *s;

		if (mw_state_new(&test_alloc_failing, &s) == 0) {
			work(s);
			mw_state_free(s);
		}
	}
	mw_state_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_is_pinned_change_is_said),
		cmocka_unit_test(known_is_another_list),
		cmocka_unit_test(pins_last),
		cmocka_unit_test(shapes_are_learned_then_said),
		cmocka_unit_test(shapes_last),
		cmocka_unit_test(few_lines_while_learning),
		cmocka_unit_test(too_many_shapes_say_nothing),
		cmocka_unit_test(any_name_comes_back),
		cmocka_unit_test(refuses_what_it_would_not_write),
		cmocka_unit_test(bounded),
		cmocka_unit_test(all_gives_what_there_is),
		cmocka_unit_test(any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
