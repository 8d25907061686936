/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "base/json.h"
#include "core/redact.h"

static void test_names(void **state)
{
	static const char *const secrets[] = {
		"password", "PASSWORD",	    "db_password",   "X-Api-Key",      "apiKey",
		"api key",  "githubToken",  "GITHUB_TOKEN",  "token",	       "--token",
		"secret",   "clientSecret", "Authorization", "Proxy-Authorization", "Cookie",
		"password2", "DB_PASS",	    "dbPass",	     "pass",	       "smtp.pwd",
		"AWS_SECRET_ACCESS_KEY",    "private_key",   "Mcp-Session-Id", "user[password]",
		"credentials", "auth",	    "MYSQL_PWD",     "X-Amz-Signature", "jwt",
	};
	static const char *const plain[] = {
		"max_tokens", "tokenizer", "bypass", "compass", "author",   "authorize", "key",
		"keyboard",   "tokens",	   "",	     "-",	"passport", "pin",	 "signature",
		"secretary",  "cookiecutter", "progressToken", "path", "target", "_", "12",
	};
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (!mw_redact_name(mw_slice_str(secrets[i])))
			fail_msg("'%s' must be a secret's name", secrets[i]);
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (mw_redact_name(mw_slice_str(plain[i])))
			fail_msg("'%s' must not be a secret's name", plain[i]);
}

struct pair {
	const char *in, *want;
};

static void check_pairs(const struct pair *pairs, size_t n,
			int (*fn)(struct mw_redact *, struct mw_buf *, struct mw_slice, bool *))
{
	struct mw_buf out;
	size_t i;

	mw_buf_init(&out, &test_alloc, 1 << 20);
	for (i = 0; i < n; i++) {
		bool lossy = false;

		mw_buf_reset(&out, 4096);
		assert_int_equal(mw_buf_reserve(&out, 1), 0);
		assert_int_equal(fn(NULL, &out, mw_slice_str(pairs[i].in), &lossy), 0);
		assert_buf_equal(&out, pairs[i].want);
		assert_false(lossy);
	}
	mw_buf_done(&out);
	assert_int_equal(test_alloc_live(), 0);
}

static void test_json(void **state)
{
	static const struct pair pairs[] = {
		{ "{}", "{}" },
		{ " [ 1 , 2.50e+3 , \"a\" , null ] ", "[1,2.50e+3,\"a\",null]" },
		{ "{\"password\":\"hunter2\"}", "{\"password\":\"[REDACTED:key:7]\"}" },
		{ "{\"a\":1,\"token\" : 12345 , \"b\":2}",
		  "{\"a\":1,\"token\":\"[REDACTED:key:5]\",\"b\":2}" },
		{ "{\"secret\":{\"a\":[1,2]},\"x\":[]}",
		  "{\"secret\":\"[REDACTED:key:11]\",\"x\":[]}" },
		{ "{\"credentials\":[\"a\",\"b\"]}", "{\"credentials\":\"[REDACTED:key:9]\"}" },
		{ "[{\"api_key\":null},{\"apiKey\":true}]",
		  "[{\"api_key\":\"[REDACTED:key:4]\"},{\"apiKey\":\"[REDACTED:key:4]\"}]" },
		/* the name is compared decoded, the length is that of the decoded value */
		{ "{\"pass\\u0077ord\":\"\\u0041\\n\"}", "{\"password\":\"[REDACTED:key:2]\"}" },
		{ "{\"max_tokens\":100,\"tokenizer\":\"x\"}",
		  "{\"max_tokens\":100,\"tokenizer\":\"x\"}" },
		/* JSON in a string, with its white space */
		{ "{\"text\":\"{\\\"user\\\": \\\"a\\\", \\\"token\\\": \\\"s3cr3t\\\"}\"}",
		  "{\"text\":\"{\\\"user\\\": \\\"a\\\", \\\"token\\\": "
		  "\\\"[REDACTED:key:6]\\\"}\"}" },
		{ "{\"text\":\" [{\\\"pwd\\\":1}]\\n\"}",
		  "{\"text\":\" [{\\\"pwd\\\":\\\"[REDACTED:key:1]\\\"}]\\n\"}" },
		/* what only looks like it */
		{ "{\"text\":\"{'token': 's3cr3t', 'b': 1}\"}",
		  "{\"text\":\"{'token': '[REDACTED:key:6]', 'b': 1}\"}" },
		{ "{\"text\":\"{\\\"token\\\": 123, \\\"b\\\": {\"}",
		  "{\"text\":\"{\\\"token\\\": [REDACTED:key:3], \\\"b\\\": {\"}" },
		/* text in strings, and in a name */
		{ "{\"cmd\":\"deploy --token abc /x\"}",
		  "{\"cmd\":\"deploy --token [REDACTED:key:3] /x\"}" },
		{ "{\"GH_TOKEN=abc\":1}", "{\"GH_TOKEN=[REDACTED:key:3]\":1}" },
		{ "\"https://u:p@h/\"", "\"https://[REDACTED:key:3]@h/\"" },
		/* equal names: both go */
		{ "{\"token\":\"a\",\"token\":\"bb\"}",
		  "{\"token\":\"[REDACTED:key:1]\",\"token\":\"[REDACTED:key:2]\"}" },
	};

	check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), mw_redact_json);
}

static void test_json_lossy(void **state)
{
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, 4096);
	assert_int_equal(mw_redact_json(NULL, &out, MW_SLICE_LIT("[\"a\xff\"]"), &lossy), 0);
	assert_buf_equal(&out, "[\"a\xef\xbf\xbd\"]");
	assert_true(lossy);
	mw_buf_reset(&out, 0);
	lossy = true;
	assert_int_equal(mw_redact_json(NULL, &out, MW_SLICE_LIT("[\"a\"]"), &lossy), 0);
	assert_true(lossy);
	mw_buf_done(&out);
}

static void test_json_broken(void **state)
{
	static const char *const broken[] = { "",	   "{",		 "[1,]",       "{\"a\":}",
					      "{\"token\"", "{\"token\":", "{\"token\":x}", "1 2",
					      "\"abc" };
	struct mw_buf out;
	bool lossy = false;
	size_t i;

	mw_buf_init(&out, &test_alloc, 4096);
	mw_buf_append_str(&out, "kept");
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(mw_redact_json(NULL, &out, mw_slice_str(broken[i]), &lossy), -EBADMSG);
		assert_buf_equal(&out, "kept");
	}
	mw_buf_done(&out);
	mw_buf_init(&out, &test_alloc, 8);
	assert_int_equal(mw_redact_json(NULL, &out, MW_SLICE_LIT("{\"token\":1}"), &lossy), -E2BIG);
	assert_int_equal(out.len, 0);
	mw_buf_done(&out);
	assert_false(lossy);
}

/* The beginning of a long value: never more of a secret than of the whole. */
static void test_json_head(void **state)
{
	static const char in[] = "{\"a\":\"x https://user:hunter2@host/p y\",\"token\":\"hunter2\","
				 "\"b\":[\"PASSWORD=hunter2 z\",\"--api-key hunter2\"]}";
	size_t n = sizeof(in) - 1, stop;
	struct mw_buf out;
	int r;

	mw_buf_init(&out, &test_alloc, 4096);
	for (stop = 1; stop < 200; stop++) {
		bool lossy = false;

		out.len = 0;
		r = mw_redact_json_head(NULL, &out, mw_slice(in, n), stop, &lossy);
		assert_in_range(r, 0, 1);
		if (r == 0)
			assert_int_equal(mw_json_check(mw_buf_slice(&out), 8, NULL, NULL), 0);
		assert_null(memmem(out.p, out.len, "hun", 3));
		assert_null(memmem(out.p, out.len, "user", 4));
	}
	mw_buf_done(&out);
}

static void test_text(void **state)
{
	static const struct pair pairs[] = {
		{ "", "" },
		{ "plain \"text\"\n", "plain \\\"text\\\"\\n" },
		{ "GITHUB_TOKEN=abc run", "GITHUB_TOKEN=[REDACTED:key:3] run" },
		{ "PASSWORD='a b' x", "PASSWORD='[REDACTED:key:3]' x" },
		{ "PASSWORD=\"a \\\" b\" x", "PASSWORD=\\\"[REDACTED:key:6]\\\" x" },
		{ "PASSWORD=\"a b", "PASSWORD=\\\"[REDACTED:key:3]" },
		{ "export A_SECRET=x;ls", "export A_SECRET=[REDACTED:key:4]" },
		{ "sh -c \"T_TOKEN=ab cd\"", "sh -c \\\"T_TOKEN=[REDACTED:key:2] cd\\\"" },
		{ "sh -c \"X_TOKEN=ab\"", "sh -c \\\"X_TOKEN=[REDACTED:key:2]\\\"" },
		{ "--api-key=k1 --x=y", "--api-key=[REDACTED:key:2] --x=y" },
		{ "--password  hunter2 --x", "--password  [REDACTED:key:7] --x" },
		{ "--token-file /x", "--token-file /x" },
		{ "password: hunter2", "password: [REDACTED:key:7]" },
		{ "api key: k1", "api key: [REDACTED:key:2]" },
		{ "password:", "password:" },
		{ "the password is not here", "the password is not here" },
		{ "max_tokens=5", "max_tokens=5" },
		{ "Authorization: Bearer abc.def\nHost: x",
		  "Authorization: [REDACTED:key:14]\\nHost: x" },
		{ "curl -H 'Cookie: a=b; c=d' https://x",
		  "curl -H 'Cookie: [REDACTED:key:8]' https://x" },
		{ "token=Bearer abc x", "token=[REDACTED:key:10] x" },
		{ "Bearer abcdefghijklmnop x", "Bearer [REDACTED:key:16] x" },
		{ "bearer of news", "bearer of news" },
		{ "https://user:pw@host/p?q=1", "https://[REDACTED:key:7]@host/p?q=1" },
		{ "postgres://u:a/b?c@h:5/db", "postgres://[REDACTED:key:7]@h:5/db" },
		{ "http://h:80/a@b http://h/a@b", "http://h:80/a@b http://h/a@b" },
		{ "http://[::1]:80/a@b", "http://[::1]:80/a@b" },
		{ "https://h/?a=1&token=t&b=2#f", "https://h/?a=1&token=[REDACTED:key:1]&b=2#f" },
		{ "https://h/?pass%77ord=t&b=2", "https://h/?pass%77ord=[REDACTED:key:1]&b=2" },
		{ "{\"token\":\"a\",\"b\":1}",
		  "{\\\"token\\\":\\\"[REDACTED:key:1]\\\",\\\"b\\\":1}" },
		{ "\\\"token\\\": \\\"a\\\", 1", "\\\\\\\"token\\\\\\\": \\\\\\\"[REDACTED:key:1]"
						   "\\\\\\\", 1" },
		{ ":secret => 'x'", ":secret => '[REDACTED:key:1]'" },
		{ "token: {\"a\": [\"}\"]} z", "token: [REDACTED:key:12] z" },
		{ "token==", "token==" },
	};

	check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), mw_redact_text);
}

/* Every text of the table above, cut anywhere: no read beyond it, and always a JSON string's inside. */
static void test_text_cut(void **state)
{
	static const char text[] = "--token 'a' https://u:p/@h?password=%77#x Bearer 12 "
				   "\"api key\": {[\"x\\\"]} Cookie: a\nTOKEN=\\\"x\\\"";
	struct test_guard guard;
	struct mw_buf out;
	size_t from, to;

	test_guard_init(&guard, sizeof(text));
	mw_buf_init(&out, &test_alloc, 4096);
	for (from = 0; from < sizeof(text) - 1; from++)
		for (to = from; to < sizeof(text); to++) {
			struct mw_slice s = test_guard_copy(&guard, mw_slice(text + from, to - from));
			bool lossy = false;

			mw_buf_reset(&out, 4096);
			assert_int_equal(mw_buf_append_byte(&out, '"'), 0);
			assert_int_equal(mw_redact_text(NULL, &out, s, &lossy), 0);
			assert_int_equal(mw_buf_append_byte(&out, '"'), 0);
			assert_int_equal(mw_json_check(mw_buf_slice(&out), 4, NULL, NULL), 0);
		}
	mw_buf_done(&out);
	test_guard_done(&guard);
}

/* Time that grows with the square of the text would stand here for minutes. */
static void test_text_linear(void **state)
{
	static const char *const units[] = { "a://b:x/", "token ", "\\\"",    "--token",
					     "{\"token\":", "bearer ", "x=y:", "token=" };
	size_t n = 1 << 20, i, k;
	char *p = malloc(n);
	struct mw_buf out;

	assert_non_null(p);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		bool lossy = false;

		for (k = 0; k < n; k++)
			p[k] = units[i][k % strlen(units[i])];
		mw_buf_init(&out, &test_alloc, 16 * n);
		assert_int_equal(mw_redact_text(NULL, &out, mw_slice(p, n), &lossy), 0);
		mw_buf_done(&out);
	}
	free(p);
}

/* What begins a pair is found wherever it lies among the bytes that are looked at together. */
static void test_text_everywhere(void **state)
{
	static const char *const pairs[][2] = {
		{ "pw=x1", "pw=[REDACTED:key:2]" },
		{ "api key: x1", "api key: [REDACTED:key:2]" },
		{ "\\\"token\\\" :  x1", "\\\\\\\"token\\\\\\\" :  [REDACTED:key:2]" },
		{ "--token x1", "--token [REDACTED:key:2]" },
		{ "BEARER x1", "BEARER [REDACTED:key:2]" },
		{ "ftp://u:p@h", "ftp://[REDACTED:key:3]@h" },
		{ "max-b-bea", "max-b-bea" },
	};
	static const char fill[] = "aa cc dd ee ff gg hh ii jj kk ll mm nn oo pp qq rr ss tt uu vv";
	char in[256], want[256];

	for (size_t k = 0; k < sizeof(pairs) / sizeof(pairs[0]); k++)
		for (int before = 0; before < 40; before++)
			for (int after = 0; after < 40; after++) {
				const int cut = before ? before - 1 : 0;
				struct mw_buf out;
				bool lossy = false;

				snprintf(in, sizeof(in), "%.*s%s%s%s%.*s", cut, fill,
					 before ? "/" : "", pairs[k][0], after ? " " : "", after,
					 fill);
				snprintf(want, sizeof(want), "%.*s%s%s%s%.*s", cut, fill,
					 before ? "/" : "", pairs[k][1], after ? " " : "", after,
					 fill);
				mw_buf_init(&out, &test_alloc, 4096);
				assert_int_equal(mw_redact_text(NULL, &out, mw_slice_str(in), &lossy), 0);
				assert_buf_equal(&out, want);
				mw_buf_done(&out);
			}
}

/* Runs that stay as they are, interrupted in each way there is. */
static void test_json_runs(void **state)
{
	static const struct pair pairs[] = {
		{ "[1,\"a\",{\"b\":\"c\"},true,\"\",[]]", "[1,\"a\",{\"b\":\"c\"},true,\"\",[]]" },
		{ "[1, 2,3 ,\"a\\/b\",4]\n", "[1,2,3,\"a/b\",4]" },
		{ "{\"a\":1,\"pw\":2,\"b\":\"pw=x1\",\"c\":\"d\"}",
		  "{\"a\":1,\"pw\":\"[REDACTED:key:1]\",\"b\":\"pw=[REDACTED:key:2]\",\"c\":"
		  "\"d\"}" },
		{ "{\"\\u0061\":[],\"x\" : \" {\\\"pw\\\": 1 }\"}",
		  "{\"a\":[],\"x\":\" {\\\"pw\\\": \\\"[REDACTED:key:1]\\\" }\"}" },
	};

	check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), mw_redact_json);
}

static void test_argv(void **state)
{
	static const struct {
		struct mw_slice in;
		const char *want;
	} cases[] = {
		{ MW_SLICE_LIT(""), "[]" },
		{ MW_SLICE_LIT("srv\0-v\0"), "[\"srv\",\"-v\"]" },
		{ MW_SLICE_LIT("srv\0cut"), "[\"srv\",\"cut\"]" },
		{ MW_SLICE_LIT("srv\0\0x\0"), "[\"srv\",\"\",\"x\"]" },
		{ MW_SLICE_LIT("srv\0--token\0abc\0--x\0"),
		  "[\"srv\",\"--token\",\"[REDACTED:key:3]\",\"--x\"]" },
		{ MW_SLICE_LIT("srv\0--token=abc\0"), "[\"srv\",\"--token=[REDACTED:key:3]\"]" },
		{ MW_SLICE_LIT("env\0PASSWORD=a b c\0"), "[\"env\",\"PASSWORD=[REDACTED:key:5]\"]" },
		{ MW_SLICE_LIT("curl\0-H\0Authorization: Bearer a\0"),
		  "[\"curl\",\"-H\",\"Authorization: [REDACTED:key:8]\"]" },
		{ MW_SLICE_LIT("x\0{\"token\":\"a\"}\0"),
		  "[\"x\",\"{\\\"token\\\":\\\"[REDACTED:key:1]\\\"}\"]" },
		{ MW_SLICE_LIT("sh\0-c\0run --token abc\0"),
		  "[\"sh\",\"-c\",\"run --token [REDACTED:key:3]\"]" },
		{ MW_SLICE_LIT("x\0--token\0--token\0a\0"),
		  "[\"x\",\"--token\",\"[REDACTED:key:7]\",\"a\"]" },
	};
	struct mw_buf out;
	size_t i;

	mw_buf_init(&out, &test_alloc, 4096);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool lossy = false;

		mw_buf_reset(&out, 4096);
		assert_int_equal(mw_buf_reserve(&out, 1), 0);
		assert_int_equal(mw_redact_argv(NULL, &out, cases[i].in, &lossy), 0);
		assert_buf_equal(&out, cases[i].want);
	}
	mw_buf_done(&out);
}

static void test_no_memory(void **state)
{
	static const char in[] = "{\"a\":\"{\\\"token\\\":[1,2]}\",\"password\":\"x\",\"b\":[1]}";
	bool done = false;

	TEST_EACH_FAILURE(n)
	{
		struct mw_buf out;
		bool lossy = false;
		int r;

		mw_buf_init(&out, &test_alloc_failing, 4096);
		r = mw_redact_json(NULL, &out, MW_SLICE_LIT(in), &lossy);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(out.len, 0);
		} else {
			done = true;
			assert_buf_equal(&out,
					 "{\"a\":\"{\\\"token\\\":\\\"[REDACTED:key:5]\\\"}\","
					 "\"password\":\"[REDACTED:key:1]\",\"b\":[1]}");
		}
		mw_buf_done(&out);
	}
	assert_true(done);
}

/* The same text in a smaller and smaller buffer: refused as a whole, never half. */
static void test_no_room(void **state)
{
	static const char in[] = "{\"t\":\"{\\\"token\\\":\\\"ab\\\"}\",\"secret\":1}";
	struct mw_buf out;
	size_t max;

	for (max = 1; max < 100; max++) {
		bool lossy = false;
		int r;

		mw_buf_init(&out, &test_alloc, max);
		r = mw_redact_json(NULL, &out, MW_SLICE_LIT(in), &lossy);
		if (r == 0)
			assert_int_equal(mw_json_check(mw_buf_slice(&out), 8, NULL, NULL), 0);
		else
			assert_true(r == -E2BIG && out.len == 0);
		assert_null(memmem(out.p ? (char *)out.p : "", out.len, "ab", 2));
		mw_buf_done(&out);
	}
}

static void test_target(void **state)
{
	static const struct pair pairs[] = {
		{ "/mcp", "/mcp" },
		{ "", "" },
		{ "/messages/?session_id=0123456789abcdef",
		  "/messages/?session_id=[REDACTED:key:16]" },
		{ "/message?sessionId=abc&x=1&y", "/message?sessionId=[REDACTED:key:3]&x=1&y" },
		{ "/m?mcp-session-id=abc#sessionid=d",
		  "/m?mcp-session-id=[REDACTED:key:3]#sessionid=[REDACTED:key:1]" },
		{ "/m?session%5Fid=abc;api_key=k", "/m?session%5Fid=[REDACTED:key:3];api_key=[REDACTED:key:1]" },
		{ "/m?a=1&access_token=e%20f=g&b=2", "/m?a=1&access_token=[REDACTED:key:7]&b=2" },
		{ "/m?session=x&sessions_ids=1&ssession_idx=2&session_id=",
		  "/m?session=x&sessions_ids=1&ssession_idx=2&session_id=" },
		{ "http://u:pw@host/p?q=\"", "http://[REDACTED:key:4]@host/p?q=\\\"" },
		{ "?&;#", "?&;#" },
	};

	check_pairs(pairs, sizeof(pairs) / sizeof(pairs[0]), mw_redact_target);
	TEST_EACH_FAILURE(n)
	{
		struct mw_buf out;
		bool lossy = false;

		mw_buf_init(&out, &test_alloc_failing, 1 << 20);
		if (mw_redact_target(NULL, &out, MW_SLICE_LIT("/m?token=a&b=c"), &lossy) < 0)
			assert_int_equal(out.len, 0);
		mw_buf_done(&out);
	}
}

/* Which values behind a secret's name are told as seen. */
static void test_seen_by_name(void **state)
{
	static const struct {
		const char *text;
		bool told;
	} pairs[] = {
		{ "password: leave it as it is", false },
		{ "password: somewhere else", false },
		{ "token=abc123", false },
		{ "password=hunter22", true },
		{ "password: Somewhere", true },
		{ "token=abcdefghijklmnopqrstuvwxyz", true },
	};
	struct mw_redact *x;
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, 1 << 16);
	assert_int_equal(mw_redact_new(&test_alloc, NULL, NULL, NULL, NULL, &x), 0);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct mw_slice text = mw_slice_str(pairs[i].text);
		const char *const *seen;
		size_t n;

		mw_buf_reset(&out, 4096);
		mw_redact_seen_clear(x);
		mw_redact_watch(x, true);
		assert_int_equal(mw_redact_text(x, &out, text, &lossy), 0);
		mw_redact_watch(x, false);
		n = mw_redact_seen(x, &seen);
		assert_non_null(memmem(out.p, out.len, "[REDACTED:key:", 14));
		if (n != pairs[i].told || (n && strcmp(seen[0], "key") != 0))
			fail_msg("%zu told: %s", n, pairs[i].text);
	}
	mw_buf_done(&out);
	mw_redact_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	     cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_lossy),   cmocka_unit_test(test_json_broken),
		cmocka_unit_test(test_json_head),    cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_cut),     cmocka_unit_test(test_text_linear),
		cmocka_unit_test(test_argv),	     cmocka_unit_test(test_text_everywhere),
		cmocka_unit_test(test_json_runs),    cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_room),	     cmocka_unit_test(test_target),
		cmocka_unit_test(test_seen_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
