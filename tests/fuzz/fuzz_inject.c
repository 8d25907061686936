/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a command text, a newline, raw JSON of arguments. A text that holds no string of the
 * arguments, or puts each in single quotes, is no injection. */
#include "fuzz.h"

#include "core/inject.h"

static enum mw_inject find(const char *shell, struct mw_slice text, const struct mw_args *args)
{
	uint8_t argv[1 << 13];
	size_t n = strlen(shell) + 1;

	if (text.n > sizeof(argv) - 64)
		text.n = sizeof(argv) - 64;
	memcpy(argv, shell, n);
	memcpy(argv + n, "-c", 3);
	n += 3;
	memcpy(argv + n, text.p, text.n);
	return mw_inject_find(mw_slice_str(shell), mw_slice(argv, n + text.n), args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *nl = n ? memchr(data, '\n', n) : NULL;
	static const char *const shells[] = { "sh", "python3", "ssh", "git", "env" };
	struct mw_args *args;
	struct mw_slice text;
	uint8_t quoted[4096];

	if (!nl)
		return 0;
	text = mw_slice(data, (size_t)(nl - data));
	if (mw_args_new(&fuzz_alloc, mw_slice(nl + 1, n - text.n - 1), 1 << 16, &args) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		FUZZ_CHECK(find(shells[i], text, args) <= MW_INJECT_SHELL);
	if (text.n + 2 <= sizeof(quoted) && !memchr(text.p, '\'', text.n) &&
	    !memchr(nl + 1, '\'', n - text.n - 1) && !memchr(text.p, 0, text.n)) {
		quoted[0] = '\'';
		memcpy(quoted + 1, text.p, text.n);
		quoted[text.n + 1] = '\'';
		FUZZ_CHECK(find("sh", mw_slice(quoted, text.n + 2), args) == MW_INJECT_NONE);
	}
	mw_args_free(args);
	return 0;
}
