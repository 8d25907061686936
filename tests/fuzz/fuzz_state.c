/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_state - lines of state that were damaged or written by somebody else
 *
 * Each line of the input is loaded; what was taken is given back as the same bytes, and what is
 * learned on top of it can be loaded by the next run.
 */
#include "fuzz.h"

#include <errno.h>

#include "core/state.h"

static void check(struct mw_state *s, const struct mw_state_stats *want)
{
	struct mw_state_walk at = { 0 };
	struct mw_state_stats st;
	struct mw_state *t;
	struct mw_slice line;
	int r;

	FUZZ_CHECK(mw_state_new(&fuzz_alloc, &t) == 0);
	while ((r = mw_state_all(s, &at, &line)) == 1) {
		FUZZ_CHECK(line.n <= MW_STATE_LINE_MAX && !memchr(line.p, '\n', line.n));
		FUZZ_CHECK(mw_state_load(t, line) == 0);
	}
	FUZZ_CHECK(r == 0);
	mw_state_stats(t, &st);
	FUZZ_CHECK(st.pins == want->pins && st.tools == want->tools && !st.refused);
	mw_state_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_slice rest = { data, n }, line, got;
	struct mw_state_walk at = { 0 };
	struct mw_state_stats st;
	struct mw_state_pin pin;
	struct mw_state *s;
	uint64_t refused = 0;
	int r;

	FUZZ_CHECK(mw_state_new(&fuzz_alloc, &s) == 0);
	while (rest.n) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);

		line = mw_slice(rest.p, end ? (size_t)(end - rest.p) : rest.n);
		rest.p += line.n + (end != NULL);
		rest.n -= line.n + (end != NULL);
		r = mw_state_load(s, line);
		FUZZ_CHECK(r == 0 || r == -EINVAL);
		refused += r < 0;
		/* any text is a name */
		if (r < 0 && line.n >= 32) {
			FUZZ_CHECK(mw_state_pin(s, line, mw_slice(line.p, 4),
						mw_slice(line.p + 4, line.n - 4), line.p, line.p[0],
						&pin) == 0);
			FUZZ_CHECK(mw_state_shape(s, line, line, line.p[1], line.p[2]) >= 0);
		}
	}
	mw_state_stats(s, &st);
	FUZZ_CHECK(st.refused == refused);
	check(s, &st);
	while (mw_state_next(s, &got))
		FUZZ_CHECK(got.n <= MW_STATE_LINE_MAX);
	while (mw_state_all(s, &at, &got) == 1)
		;
	mw_state_free(s);
	return 0;
}
