/* SPDX-License-Identifier: Apache-2.0 */
/* Input: raw JSON arguments, also taken as a name and a title. */
#include "fuzz.h"

#include "core/verbs.h"

#define MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct mw_slice in = mw_slice(data, n);
	struct mw_slice v[MAX];
	struct mw_buf text;
	int r;

	FUZZ_CHECK(mw_verbs(in, in) < 2 * MW_VERB_KEEPS);
	mw_buf_init(&text, &fuzz_alloc, 1 << 16);
	r = mw_arg_hosts(&fuzz_alloc, in, &text, v, MAX);
	FUZZ_CHECK(r >= 0 && r <= MAX);
	/* each once, one behind the other, in lower case */
	for (int i = 0; i < r; i++) {
		FUZZ_CHECK(v[i].n && v[i].p >= text.p && v[i].p + v[i].n <= text.p + text.len);
		for (int k = 0; k < i; k++)
			FUZZ_CHECK(!mw_slice_eq(v[i], v[k]));
		for (size_t k = 0; k < v[i].n; k++)
			FUZZ_CHECK(v[i].p[k] < 'A' || v[i].p[k] > 'Z');
	}
	mw_buf_done(&text);
	return 0;
}
