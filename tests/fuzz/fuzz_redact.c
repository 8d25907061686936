/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>

#include "base/json.h"
#include "core/redact.h"

#define SECRET "Zq9ZqZq9"
/* of the rule below: no text that is found elsewhere goes on into it */
#define TOKEN "acme_zqzqzqzqzq"

/* One rule as gitleaks has them, one that backtracks for ever, one without a keyword. */
static const struct mw_redact_rule some[] = {
	{ .id = "acme",
	  .pattern = "acme_[a-z]{10}",
	  .keywords = (const char *const[]){ "acme_" },
	  .n_keywords = 1 },
	{ .id = "corp",
	  .pattern = "(?i)[\\w.-]{0,50}?(?:corp|firm)(?:[ \\t\\w.-]{0,20})[\\s'\"]{0,3}(?:=|:|=>)"
		     "[\\x60'\"\\s=]{0,5}([a-f0-9]{8,})(?:[\\x60'\"\\s;]|\\\\[nr]|\\z)",
	  .keywords = (const char *const[]){ "corp", "firm" },
	  .n_keywords = 2 },
	{ .id = "slow",
	  .pattern = "(x+)+y",
	  .keywords = (const char *const[]){ "xx" },
	  .n_keywords = 1 },
	{ .id = "any", .pattern = "Q[0-9]{4}" },
};

static void mac(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	(void)ctx;
	(void)p;
	memset(out, (int)(n + use), 32);
}

/* By name alone, and by all there is; for the run of the fuzzer. */
static struct mw_redact *redact_of(uint8_t how)
{
	static const struct mw_redact_rules rules = {
		.rule = some, .n = sizeof(some) / sizeof(some[0]), .countries = ~0u
	};
	static struct mw_redact *x;
	struct mw_redact_error e;

	if (!(how & 0x80))
		return NULL;
	if (!x)
		FUZZ_CHECK(mw_redact_new(&fuzz_alloc, &rules, mac, NULL, &e, &x) == 0);
	return x;
}

static unsigned int kind_of(uint8_t how)
{
	/* without rules there is no token to be planted */
	return (how & 0x7f) % (how & 0x80 ? 7 : 5);
}

static bool contains(const struct mw_buf *b, const char *what)
{
	return b->len && memmem(b->p, b->len, what, strlen(what));
}

/* The first byte says what the rest is: JSON, text, argv, or a frame around a planted secret; its
 * highest bit, whether there are rules. */
static int redact(uint8_t how, struct mw_slice s, struct mw_buf *in, struct mw_buf *out, bool *lossy)
{
	struct mw_redact *x = redact_of(how);
	int r;

	switch (kind_of(how)) {
	case 0:
		return mw_redact_json(x, out, s, lossy);
	case 1:
		FUZZ_CHECK(mw_buf_append_byte(out, '"') == 0);
		r = mw_redact_text(x, out, s, lossy);
		FUZZ_CHECK(r == 0 && mw_buf_append_byte(out, '"') == 0);
		return 0;
	case 2:
		return mw_redact_argv(x, out, s, lossy);
	case 3: /* a member of a secret's name before any other JSON value */
		mw_buf_append_str(in, "{\"a\":[{\"db_password\":\"" SECRET "\"},");
		mw_buf_append(in, s.p, s.n);
		mw_buf_append_str(in, "]}");
		return mw_redact_json(x, out, mw_buf_slice(in), lossy);
	case 5: /* what a pattern finds, among whatever: the text ends in white space */
		mw_buf_append(in, s.p, s.n);
		mw_buf_append_str(in, " " TOKEN " ");
		FUZZ_CHECK(mw_buf_append_byte(out, '"') == 0);
		r = mw_redact_text(x, out, mw_buf_slice(in), lossy);
		FUZZ_CHECK(r == 0 && mw_buf_append_byte(out, '"') == 0);
		return 0;
	case 6: { /* the beginning of a text: no more of the token than of the whole */
		size_t stop = s.n ? s.p[0] : 0;

		mw_buf_append_str(in, "\"a");
		for (size_t i = 0; i < s.n; i++)
			mw_buf_append_byte(in, (uint8_t)(' ' + s.p[i] % 2));
		mw_buf_append_str(in, " " TOKEN " \"");
		r = mw_redact_json_head(x, out, mw_buf_slice(in), stop, lossy);
		FUZZ_CHECK(r >= 0 && !contains(out, "acme_"));
		mw_buf_reset(out, 0);
		return mw_redact_json(x, out, mw_buf_slice(in), lossy);
	}
	default: /* an argument after a flag of a secret's name; no other argument before it */
		mw_buf_append(in, "x\0--api-key\0" SECRET, 20);
		mw_buf_append_byte(in, 0);
		mw_buf_append(in, s.p, s.n);
		return mw_redact_argv(x, out, mw_buf_slice(in), lossy);
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
		if (kind_of(data[0]) == 0)
			FUZZ_CHECK(mw_json_check(s, MW_JSON_DEPTH_MAX, NULL, NULL) == r);
		mw_buf_done(&in);
		mw_buf_done(&out);
		return 0;
	}
	FUZZ_CHECK(mw_json_check(mw_buf_slice(&out), MW_JSON_DEPTH_MAX, &flags, NULL) == 0);
	FUZZ_CHECK(!(flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE)));
	if (kind_of(data[0]) >= 3 && !memmem(s.p, s.n, SECRET, strlen(SECRET)))
		FUZZ_CHECK(!contains(&out, SECRET));
	if (kind_of(data[0]) >= 5)
		FUZZ_CHECK(!contains(&out, TOKEN));

	/* with less room: the same, or nothing */
	mw_buf_init(&small, &fuzz_alloc, out.len > 1 ? out.len - 1 : 1);
	if (kind_of(data[0]) == 0) {
		r = mw_redact_json(redact_of(data[0]), &small, s, &lossy);
		FUZZ_CHECK(r == -E2BIG ? small.len == 0 : r == 0);
		if (r == 0)
			FUZZ_CHECK(out.len <= 1);
	}
	mw_buf_done(&small);
	mw_buf_done(&in);
	mw_buf_done(&out);
	return 0;
}
