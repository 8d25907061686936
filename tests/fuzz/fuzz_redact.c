/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>

#include "base/json.h"
#include "core/redact.h"

#define SECRET "Zq9ZqZq9"

static bool contains(const struct mw_buf *b, const char *what)
{
	return b->len && memmem(b->p, b->len, what, strlen(what));
}

/* The first byte says what the rest is: JSON, text, argv, or a frame around a planted secret. */
static int redact(uint8_t how, struct mw_slice s, struct mw_buf *in, struct mw_buf *out, bool *lossy)
{
	int r;

	switch (how % 5) {
	case 0:
		return mw_redact_json(out, s, lossy);
	case 1:
		FUZZ_CHECK(mw_buf_append_byte(out, '"') == 0);
		r = mw_redact_text(out, s, lossy);
		FUZZ_CHECK(r == 0 && mw_buf_append_byte(out, '"') == 0);
		return 0;
	case 2:
		return mw_redact_argv(out, s, lossy);
	case 3: /* a member of a secret's name before any other JSON value */
		mw_buf_append_str(in, "{\"a\":[{\"db_password\":\"" SECRET "\"},");
		mw_buf_append(in, s.p, s.n);
		mw_buf_append_str(in, "]}");
		return mw_redact_json(out, mw_buf_slice(in), lossy);
	default: /* an argument after a flag of a secret's name; no other argument before it */
		mw_buf_append(in, "x\0--api-key\0" SECRET, 20);
		mw_buf_append_byte(in, 0);
		mw_buf_append(in, s.p, s.n);
		return mw_redact_argv(out, mw_buf_slice(in), lossy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_slice s = mw_slice(data + 1, n - 1);
	struct mw_buf in, out, small;
	bool lossy = false;
	unsigned int flags;
	int r;

	if (n < 1 || n > 65536)
		return 0;
	mw_buf_init(&in, &fuzz_alloc, SIZE_MAX / 2);
	mw_buf_init(&out, &fuzz_alloc, SIZE_MAX / 2);
	r = redact(data[0], s, &in, &out, &lossy);
	if (r < 0) {
		FUZZ_CHECK(r == -EBADMSG || r == -E2BIG);
		FUZZ_CHECK(out.len == 0);
		if (data[0] % 5 == 0)
			FUZZ_CHECK(mw_json_check(s, MW_JSON_DEPTH_MAX, NULL, NULL) == r);
		mw_buf_done(&in);
		mw_buf_done(&out);
		return 0;
	}
	FUZZ_CHECK(mw_json_check(mw_buf_slice(&out), MW_JSON_DEPTH_MAX, &flags, NULL) == 0);
	FUZZ_CHECK(!(flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE)));
	if (data[0] % 5 >= 3 && !memmem(s.p, s.n, SECRET, strlen(SECRET)))
		FUZZ_CHECK(!contains(&out, SECRET));

	/* with less room: the same, or nothing */
	mw_buf_init(&small, &fuzz_alloc, out.len > 1 ? out.len - 1 : 1);
	if (data[0] % 5 == 0) {
		r = mw_redact_json(&small, s, &lossy);
		FUZZ_CHECK(r == -E2BIG ? small.len == 0 : r == 0);
		if (r == 0)
			FUZZ_CHECK(out.len <= 1);
	}
	mw_buf_done(&small);
	mw_buf_done(&in);
	mw_buf_done(&out);
	return 0;
}
