/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.h - what the unit tests share
 *
 * Memory that is counted, memory that runs out, and input that ends where the mapping ends.
 * Includes cmocka and what it wants before it.
 */
#ifndef MW_TESTS_SUPPORT_H
#define MW_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mcpwatch/sink.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

/* Backed by malloc; checks that `old` is what the block was last given. */
extern const struct mw_alloc test_alloc;
/* Bytes and calls that gave memory, of test_alloc and test_alloc_failing together. */
size_t test_alloc_live(void);
size_t test_alloc_calls(void);

/* As test_alloc, but the nth call from now (1 is the next) that asks for memory fails, and only it;
 * 0 never. */
extern const struct mw_alloc test_alloc_failing;
void test_alloc_fail_at(size_t nth);
/* Whether that call has come since. */
bool test_alloc_failed(void);

/*
 * Fails every allocation of a piece of work in turn:
 *	TEST_EACH_FAILURE(n) { r = work(&test_alloc_failing); ... }
 * runs the body with the 1st, 2nd, ... allocation failing until one run needs no more; after each
 * the body must have given everything back.
 */
#define TEST_EACH_FAILURE(n)                                                             \
	for (size_t n = (test_alloc_fail_at(1), 1), n##_live = test_alloc_live(); n;     \
	     assert_int_equal(test_alloc_live(), n##_live),                              \
		    n = test_alloc_failed() ? n + 1 : 0, test_alloc_fail_at(n))

/*
 * A copy of n bytes whose end is the end of what may be read: one byte more is SIGSEGV. Valid until
 * test_guard_free; take as many as wanted.
 */
struct test_guard {
	uint8_t *map;
	size_t map_len, max;
};
/* Room for copies of at most max bytes. */
void test_guard_init(struct test_guard *g, size_t max);
void test_guard_done(struct test_guard *g);
/* The copy; the one before it is gone. */
struct mw_slice test_guard_copy(struct test_guard *g, struct mw_slice s);

#define assert_slice_equal(s, str)                                                                 \
	do {                                                                                       \
		struct mw_slice s_ = (s);                                                          \
		const char *str_ = (str);                                                          \
		if (s_.n != strlen(str_) || (s_.n && memcmp(s_.p, str_, s_.n)))                    \
			fail_msg("got '%.*s', want '%s'", (int)s_.n, (const char *)s_.p, str_);    \
	} while (0)
#define assert_buf_equal(b, str) assert_slice_equal(mw_buf_slice(b), str)

/* One line to a sink, as a record of no special kind. */
static inline int sink_line(struct mw_sink *s, const char *json, size_t len)
{
	const struct mw_record record = { .json = json, .len = len };

	return mw_sink_write(s, &record);
}

#endif
