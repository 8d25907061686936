/* SPDX-License-Identifier: Apache-2.0 */
/* support_correlate.h - the correlate stage driven by short words: call, end, fork_, act, expect */
#ifndef MW_TESTS_SUPPORT_CORRELATE_H
#define MW_TESTS_SUPPORT_CORRELATE_H

#include "support_event.h"

#include <errno.h>

#include "core/correlate.h"

static struct mw_correlate *corr;

/* Starts are pid + 10 (tp); times are well above, so that nothing is older than it is said to be.
 */
#define T 1000000

static inline void start(size_t calls_max, size_t effects_max, size_t procs_max)
{
	struct mw_correlate_config cfg = { &test_alloc, calls_max, 65536, effects_max, procs_max };

	assert_int_equal(mw_correlate_new(&cfg, &corr), 0);
}

static inline int setup(void **state)
{
	start(1000, 1 << 20, 0);
	return 0;
}

static inline int teardown(void **state)
{
	mw_correlate_free(corr);
	corr = NULL;
	return test_alloc_live() != 0;
}

static inline void serve(uint32_t pid)
{
	assert_int_equal(mw_correlate_server(corr, tp(pid), T), 0);
}

static inline void call(uint64_t id, uint32_t pid, const char *args, uint64_t ts)
{
	assert_int_equal(mw_correlate_open(corr, id, tp(pid), mw_slice_str(args), T + ts), 0);
}

static inline void end(uint64_t id, uint64_t ts)
{
	mw_correlate_close(corr, id, T + ts);
}

static inline void fork_(uint32_t parent, uint32_t child, uint64_t ts)
{
	assert_int_equal(mw_correlate_push(corr, tev_fork(tp(parent), tp(child), T + ts)), 0);
}

static inline void exit_(uint32_t pid, uint64_t ts)
{
	assert_int_equal(mw_correlate_push(corr, tev_exit(tp(pid), 0, T + ts)), 0);
}

static inline struct mw_action action(uint32_t pid, const char *target, uint64_t ts)
{
	return (struct mw_action){ .kind = MW_EFFECT_FILE_OPEN,
				   .proc = tp(pid),
				   .ts_ns = T + ts,
				   .target = mw_slice_str(target) };
}

/* The tie of an open of target by a process. */
static inline struct mw_tie act(uint32_t pid, const char *target, uint64_t ts)
{
	struct mw_action a = action(pid, target, ts);
	struct mw_tie tie;

	memset(&tie, 0xEE, sizeof(tie));
	assert_int_equal(mw_correlate_act(corr, &a, &tie), 0);
	assert_non_null(tie.why);
	assert_int_equal(tie.confidence, tie.link == MW_LINK_NONE     ? MW_CONF_NONE
					 : tie.link == MW_LINK_SHARED ? MW_CONF_SHARED
								      : MW_CONF_LIKELY);
	if (tie.link == MW_LINK_NONE || tie.link == MW_LINK_SHARED)
		assert_int_equal(tie.call, 0);
	if (tie.link != MW_LINK_SHARED)
		assert_int_equal(tie.n_candidates, 0);
	return tie;
}

#define expect(tie_, link_, call_)                                                                 \
	do {                                                                                       \
		struct mw_tie t_ = (tie_);                                                         \
		assert_string_equal(mw_link_name(t_.link), link_);                                 \
		assert_int_equal(t_.call, call_);                                                  \
	} while (0)
#define expect_shared(tie_, n, first, last)                                                        \
	do {                                                                                       \
		struct mw_tie t_ = (tie_);                                                         \
		assert_string_equal(mw_link_name(t_.link), "shared");                              \
		assert_int_equal(t_.call, 0);                                                      \
		assert_int_equal(t_.n_candidates, n);                                              \
		assert_int_equal(t_.candidates[0], first);                                         \
		assert_int_equal(t_.candidates[(n) < 64 ? (n)-1 : 63], last);                      \
	} while (0)

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
