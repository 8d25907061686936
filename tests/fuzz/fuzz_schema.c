/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a schema, a newline, arguments. */
#include "fuzz.h"

#include "core/schema.h"

#define MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *nl = n ? memchr(data, '\n', n) : NULL;
	struct mw_slice schema, args, v[MAX], w[MAX];
	struct mw_schema *s;
	struct mw_buf text;
	int r;

	if (!nl)
		return 0;
	schema = mw_slice(data, (size_t)(nl - data));
	args = mw_slice(nl + 1, n - schema.n - 1);
	FUZZ_CHECK(mw_shape(args, 1) == mw_shape(args, 1));
	if (mw_schema_new(&fuzz_alloc, schema, &s) < 0)
		return 0;
	mw_buf_init(&text, &fuzz_alloc, 1 << 20);
	r = mw_schema_check(s, args, &text, v, MAX);
	FUZZ_CHECK(r >= 0);
	/* the texts lie one behind the other */
	for (int i = 0; i < r && i < MAX; i++)
		FUZZ_CHECK(v[i].n && v[i].p >= text.p && v[i].p + v[i].n <= text.p + text.len);
	/* and the second time it says the same */
	FUZZ_CHECK(mw_schema_check(s, args, &text, w, MAX) == r);
	mw_buf_done(&text);
	mw_schema_free(s);
	return 0;
}
