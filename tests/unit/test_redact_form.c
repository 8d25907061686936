/* SPDX-License-Identifier: Apache-2.0 */
/* test_redact_form.c - secrets by form, chance and encoding; personal data; what is none of them */
#include "support.h"

#include "core/redact_priv.h"

static struct mw_redact *x;

static int setup(void **state)
{
	static const struct mw_redact_rules rules = { .countries = ~0u };
	struct mw_redact_error e;

	return mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x);
}

static int teardown(void **state)
{
	mw_redact_free(x);
	return test_alloc_live() != 0;
}

static const char *redacted(const char *in)
{
	static char text[16384];
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, sizeof(text));
	assert_int_equal(mw_buf_reserve(&out, 1), 0);
	assert_int_equal(mw_redact_text(x, &out, mw_slice_str(in), &lossy), 0);
	snprintf(text, sizeof(text), "%.*s", (int)out.len, (const char *)out.p);
	mw_buf_done(&out);
	return text;
}

/* Pairs of a text and what becomes of it; alone: it stays. */
static void check(const char *const (*cases)[2])
{
	for (; (*cases)[0]; cases++)
		assert_string_equal(redacted((*cases)[0]), (*cases)[1] ? (*cases)[1] : (*cases)[0]);
}

/* RFC 7519, section 3.1 and 6.1; RFC 7516, A.1 (its beginning) */
#define JWT                                                                                        \
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs"    \
	"DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFW" \
	"FOEjXk"
#define JWT_NONE "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ."
#define JWE                                                                                        \
	"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7L.48V1_ALb6US04U3b."    \
	"5eym"                                                                                     \
	"8TW_c8SuK0lt.XFBoMYUZodetZdvTiFvSkQ"

static void test_jwt(void **state)
{
	static const char *const cases[][2] = {
		{ JWT, "[REDACTED:jwt:179]" },
		{ "x=" JWT ".", "x=[REDACTED:jwt:179]." },
		{ "a " JWT_NONE " b", "a [REDACTED:jwt:39] b" },
		{ "(" JWE ")", "([REDACTED:jwt:124])" },
		/* a header that is none: no object, no algorithm */
		{ "eyJhIjoxfQ.eyJhIjoxfQ.eyJhIjoxfQ", NULL },
		{ "eyJhbGci.hello.world", NULL },
		{ NULL, NULL },
	};

	check(cases);
}

#define B64LINE "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"

static void test_pem(void **state)
{
	static const char *const cases[][2] = {
		{ "a -----BEGIN PRIVATE KEY-----\n" B64LINE "-----END PRIVATE KEY----- b",
		  "a [REDACTED:private-key:118] b" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\\n" B64LINE
		  "-----END OPENSSH PRIVATE KEY-----",
		  "[REDACTED:private-key:135]" },
		/* its end is missing: as far as it goes */
		{ "-----BEGIN RSA PRIVATE KEY-----\n" B64LINE "abc;",
		  "[REDACTED:private-key:100];" },
		{ "-----BEGIN PUBLIC KEY-----\n" B64LINE "-----END PUBLIC KEY-----",
		  "-----BEGIN PUBLIC "
		  "KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7V"
		  "JTUt9Us8cKj\\n-----END PUBLIC KEY-----" },
		{ "begins with -----BEGIN PRIVATE KEY----- and so on", NULL },
		/* PKCS #8 without its envelope */
		{ "key " B64LINE, "key [REDACTED:private-key:64]\\n" },
		{ NULL, NULL },
	};

	check(cases);
}

static void test_random(void **state)
{
	static const char *const cases[][2] = {
		{ "k 9sKd82hFqLx0Zt4Wn7Bv", "k [REDACTED:entropy:20]" },
		{ "q8Zr+Xk2/Lm9Pw7Tj4Vc1Nb6Hd3Gf5Ys0Ae=", "[REDACTED:entropy:36]" },
		{ "k3v9x2m7q1w8z5r4t6y0u3i8p2", "[REDACTED:entropy:26]" },
		{ "/home/u/k9sKd82hFqLx0Zt4Wn7Bv/x", "/home/u/[REDACTED:entropy:21]/x" },
		/* of a temporary folder the name is none, what is below it may be one */
		{ "/tmp/tmp.PYtyr1E2MM/s0/records.jsonl", NULL },
		{ "/tmp/build.Gke4as9L15Mo5drp/incident/log", NULL },
		{ "/tmp/tmp.PYtyr1E2MM/k9sKd82hFqLx0Zt4Wn7Bv/x",
		  "/tmp/tmp.PYtyr1E2MM/[REDACTED:entropy:21]/x" },
		{ "/tmp/tmp.k9sKd82hFqLx0Zt4Wn7Bv/x", "/tmp/tmp.[REDACTED:entropy:23]" },
		{ "/tmp/tmp.PYtyr1E2MM/q8Zr+Xk2/Lm9Pw7Tj4Vc1Nb6Hd3Gf5Ys0Ae",
		  "/tmp/tmp.PYtyr1E2MM/q8Zr+Xk2/[REDACTED:entropy:26]" },
		{ "/v1/key.q8Zr+Xk2/Lm9Pw7Tj4Vc1Nb6Hd3Gf5Ys0Ae",
		  "/v1/key.[REDACTED:entropy:35]" },
		/* by itself it is no path */
		{ "PYtyr1E2MM/s0q8ZrXk2Lm9", "[REDACTED:entropy:23]" },
		/* what is random or long and no secret */
		{ "123e4567-e89b-12d3-a456-426614174000", NULL },
		{ "urn:uuid:123e4567-e89b-12d3-a456-426614174000", NULL },
		{ "commit da39a3ee5e6b4b0d3255bfef95601890afd80709", NULL },
		{ "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL },
		{ "app-da39a3ee5e6b4b0d3255bfef95601890afd80709.js", NULL },
		{ "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL },
		{ "01ARZ3NDEKTSV4RRFFQ69G5FAV", NULL },
		{ "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/"
		  "SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+"
		  "SfaPg==",
		  NULL },
		{ "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDwNv2h3SDkjZqsYdU", NULL },
		{ "h1:PmEvCfVI7ti9dV3s5aMZUY7sS2GxRvG3yzih7E+cS3w=", NULL },
		{ "ssh-ed25519 "
		  "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a",
		  NULL },
		{ "getElementsByTagNameNS2Level3Handler", NULL },
		{ "MW_EMIT_TEXT_MAX_AND_SOME_MORE_OF_IT_2", NULL },
		{ "/usr/lib/python3.11/site-packages/mcp/server/fastmcp/utilities/func_metadata.py",
		  NULL },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", NULL },
		{ "nginx-deployment-7c5ddbdf54-x2x8p", NULL },
		{ "antidisestablishmentarianism", NULL },
		{ "data:image/gif;base64,q8ZrXk2Lm9Pw7Tj4Vc1Nb6Hd3Gf5Ys0Ae", NULL },
		{ "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+"
		  "M9QDwADhgGAWjR9awAAAA",
		  NULL },
		{ NULL, NULL },
	};

	check(cases);
}

/* One level: what it holds takes what it was encoded as. */
static void test_encoded(void **state)
{
	static const char *const cases[][2] = {
		/* {"password":"hunter2"} */
		{ "a eyJwYXNzd29yZCI6Imh1bnRlcjIifQ== b", "a [REDACTED:key:32] b" },
		/* mail joe@example.com now */
		{ "bWFpbCBqb2VAZXhhbXBsZS5jb20gbm93", "[REDACTED:email:32]" },
		{ "nothing bm90aGluZyBzZWNyZXQgaGVyZQ", NULL },
		{ "x=%7B%22password%22%3A%22hunter2%22%7D&y=1",
		  "x=%7B%22password%22%3A%22[REDACTED:key:7]%22%7D&y=1" },
		{ "to=joe%40example.com&b", "to=[REDACTED:email:17]&b" },
		{ "100% of 20%2", NULL },
		/* JSON's escapes, where it is no JSON any more */
		{ "{\"a\": \"b\\n536-90-4399\\tx", "{\\\"a\\\": \\\"b\\\\n[REDACTED:us-ssn:11]\\\\tx" },
		{ NULL, NULL },
	};

	check(cases);
}

static void test_commands(void **state)
{
	static const char *const cases[][2] = {
		{ "curl -s -u joe:hunter2 https://h/",
		  "curl -s -u joe:[REDACTED:key:7] https://h/" },
		{ "curl -ujoe:hunter2 x", "curl -ujoe:[REDACTED:key:7] x" },
		{ "mysql -uroot -phunter2 db", "mysql -uroot -p[REDACTED:key:7] db" },
		{ "mysql -u root -p db", NULL },
		{ "sshpass -p 'a b' ssh h -p 22",
		  "sshpass -p '[REDACTED:key:3]' ssh h -p [REDACTED:key:2]" },
		{ "docker run -p 80:80 x", NULL },
		{ "docker login -u a -p hunter2", "docker login -u a -p [REDACTED:key:7]" },
		{ "machine h login joe password hunter2\n", "machine h login joe password "
							    "[REDACTED:key:7]\\n" },
		{ "the password is long", NULL },
		{ "CREATE USER u IDENTIFIED BY 'hunter2'",
		  "CREATE USER u IDENTIFIED BY '[REDACTED:key:7]'" },
		{ "ALTER ROLE r PASSWORD 'hunter2'", "ALTER ROLE r PASSWORD '[REDACTED:key:7]'" },
		{ NULL, NULL },
	};
	struct mw_buf out;
	bool lossy = false;

	check(cases);
	mw_buf_init(&out, &test_alloc, 4096);
	assert_int_equal(
	    mw_redact_argv(x, &out, MW_SLICE_LIT("/usr/bin/curl\0-u\0joe:hunter2\0h\0"), &lossy),
	    0);
	assert_buf_equal(&out, "[\"/usr/bin/curl\",\"-u\",\"joe:[REDACTED:key:7]\",\"h\"]");
	mw_buf_done(&out);
}

/* Whatever a text of these is cut at and repeated: valid, and no byte beyond it is read. */
static void test_cut(void **state)
{
	static const char text[] =
	    "4111 1111 1111 1111 %7B joe@example.com +1 415 555 2671 DE89 3704 0044 "
	    "0532 0130 00 " JWT " curl -u a:b password 'x' -----BEGIN PRIVATE KEY-----";
	struct test_guard guard;
	struct mw_buf out;

	test_guard_init(&guard, sizeof(text));
	mw_buf_init(&out, &test_alloc, 4096);
	for (size_t from = 0; from < sizeof(text) - 1; from++)
		for (size_t to = from; to < sizeof(text); to += 1 + (to - from) / 16) {
			struct mw_slice s =
			    test_guard_copy(&guard, mw_slice(text + from, to - from));
			bool lossy = false;

			out.len = 0;
			assert_int_equal(mw_redact_text(x, &out, s, &lossy), 0);
		}
	mw_buf_done(&out);
	test_guard_done(&guard);
}

/* Time that grows with the square of the text would stand here for minutes. */
static void test_linear(void **state)
{
	static const char *const units[] = { "-----BEGIN PRIVATE KEY-----",
					     "-----BEGIN -----",
					     "eyJ.",
					     "curl -u ",
					     "password /* ",
					     "mysql ",
					     "1 ",
					     "4111 ",
					     "a@",
					     "a.b@c.",
					     "%41",
					     "eyJhbGciOiJub25lIn0.",
					     "login password ",
					     "DE89 ",
					     "0" };
	const size_t n = 1 << 19;
	char *p = malloc(n);
	struct mw_buf out;

	assert_non_null(p);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		bool lossy = false;

		for (size_t k = 0; k < n; k++)
			p[k] = units[i][k % strlen(units[i])];
		mw_buf_init(&out, &test_alloc, 64 * n);
		assert_int_equal(mw_redact_text(x, &out, mw_slice(p, n), &lossy), 0);
		mw_buf_done(&out);
	}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwt),	 cmocka_unit_test(test_pem),
		cmocka_unit_test(test_random),	 cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_commands), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
