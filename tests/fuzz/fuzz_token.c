/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_token - credentials in hostile bytes
 *
 * What is found lies in the input or in what it decodes to, is what it is said to be, and its claims
 * are of the types that are promised. The first byte chooses where it is looked for.
 */
#include "fuzz.h"

#include <errno.h>

#include "base/json.h"
#include "core/token.h"

static void string(struct mw_slice raw)
{
	if (!raw.n)
		return;
	FUZZ_CHECK(raw.n > 2 && raw.p[0] == '"' && raw.p[raw.n - 1] == '"');
	FUZZ_CHECK(mw_json_check(raw, 1, NULL, NULL) == 0);
}

static void strings(struct mw_slice raw)
{
	struct mw_json_item it;
	struct mw_json j;

	if (!raw.n || raw.p[0] == '"') {
		string(raw);
		return;
	}
	mw_json_init(&j, raw, 2);
	FUZZ_CHECK(mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_ARRAY);
	while (mw_json_next(&j, &it) == 1 && it.tok != MW_JSON_ARRAY_END)
		FUZZ_CHECK(it.tok == MW_JSON_STRING);
	FUZZ_CHECK(mw_json_next(&j, &it) == 0);
}

static void jwt(struct mw_slice s)
{
	struct mw_claims c;
	struct mw_buf text;
	int r;

	FUZZ_CHECK(mw_jwt_is(s));
	mw_buf_init(&text, &fuzz_alloc, MW_JWT_MAX);
	r = mw_jwt_claims(s, &text, &c);
	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -E2BIG);
	if (r == 0) {
		FUZZ_CHECK(mw_json_check(mw_buf_slice(&text), MW_JWT_DEPTH_MAX, NULL, NULL) == 0);
		string(c.sub);
		string(c.iss);
		string(c.client_id);
		string(c.azp);
		strings(c.aud);
		strings(c.scope);
	}
	mw_buf_done(&text);
}

static size_t n_left;

static int found(void *ctx, const struct mw_token *t)
{
	struct mw_buf text;

	(void)ctx;
	FUZZ_CHECK(t->bytes.n > 0);
	FUZZ_CHECK(t->where.n <= MW_TOKEN_WHERE_MAX && t->where.n <= t->where_n);
	FUZZ_CHECK(mw_token_kind_name(t->kind));
	if (t->kind == MW_TOKEN_JWT)
		jwt(t->bytes);
	mw_buf_init(&text, &fuzz_alloc, 256);
	FUZZ_CHECK(mw_basic_user(t->bytes, &text) >= 0);
	mw_buf_done(&text);
	return --n_left == 0 ? -ECANCELED : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct mw_token_scan scan = { .a = &fuzz_alloc, .found = found };
	struct mw_slice text, got;
	struct mw_token t;
	size_t pos = 0, last = 0;
	int r;

	if (!n)
		return 0;
	text = mw_slice(data + 1, n - 1);
	n_left = 1 + data[0] / 4;
	switch (data[0] % 4) {
	case 0:
		r = mw_tokens_in_json(&scan, "args", text);
		break;
	case 1:
		r = mw_tokens_in_fields(&scan, text);
		break;
	case 2:
		r = mw_tokens_in_env(&scan, text);
		break;
	default:
		r = mw_tokens_in_argv(&scan, text);
		break;
	}
	FUZZ_CHECK(r == 0 || (r == -ECANCELED && n_left == 0));
	while (mw_jwt_find(text, &pos, &got)) {
		FUZZ_CHECK(got.p >= text.p + last && got.p + got.n == text.p + pos);
		last = pos;
		jwt(got);
	}
	FUZZ_CHECK(pos == text.n);
	if (mw_token_of(text, data[0] & 1, &t)) {
		FUZZ_CHECK(t.bytes.n && t.bytes.p >= text.p &&
			   t.bytes.p + t.bytes.n <= text.p + text.n);
		FUZZ_CHECK((t.kind == MW_TOKEN_JWT) == mw_jwt_is(t.bytes));
	}
	return 0;
}
