/* SPDX-License-Identifier: Apache-2.0 */
/* token.h: what is a JWT and what it claims, schemes, and where credentials are found */
#include "support.h"

#include <errno.h>
#include <stdio.h>

#include "core/token.h"

/* {"alg":"HS256","typ":"JWT"} {"alg":"none"} */
#define HS256 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define NONE  "eyJhbGciOiJub25lIn0"
#define SIG   "c2lnbmF0dXJl"
/* {"sub":"x"} */
#define SUB "eyJzdWIiOiJ4In0"
#define JWT HS256 "." SUB "." SIG

/* --- made tokens --- */

static size_t enc64(char *out, const void *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *b = p;
	size_t at = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)b[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)b[i + 1] << 8;
		if (i + 2 < n)
			v |= b[i + 2];
		for (size_t k = 0; k < 4 && k < n - i + 1; k++)
			out[at++] = digits[v >> (18 - 6 * k) & 63];
	}
	out[at] = '\0';
	return at;
}

/* In static memory. */
static struct mw_slice made_n(const char *header, const void *payload, size_t n)
{
	static char text[4 << 20];
	size_t at = enc64(text, header, strlen(header));

	text[at++] = '.';
	at += enc64(text + at, payload, n);
	text[at++] = '.';
	at += enc64(text + at, "sig", 3);
	return mw_slice(text, at);
}

static struct mw_slice made(const char *header, const char *payload)
{
	return made_n(header, payload, strlen(payload));
}

static const char alg[] = "{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}";

/* --- what a JWT is --- */

static void forms(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{ JWT, true },
		{ NONE "." SUB ".", true },
		/* RFC 7515, appendix A.1: white space and a line end in the header */
		{ "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
		  "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		  true },
		{ "ewogImFsZyI6ICJub25lIgp9." SUB ".", true }, /* {, line end */
		{ NONE "." SUB, false },
		{ NONE "..", false },
		{ "." SUB "." SIG, false },
		{ JWT "." SIG, false },
		{ JWT "=", false },
		{ JWT "." SIG "." SIG, false }, /* a JWE has five */
		{ " " JWT, false },
		{ JWT " ", false },
		{ "eyJ.a.b", false },			/* half a byte too few */
		{ "eyJhbGciOiJub25lIn1." SUB ".", false }, /* stray bits */
		{ "eyJhbGciOiJub25lIg." SUB ".", false },  /* no end */
		{ "eyJhbGciOiJub25lIn19." SUB ".", false },
		{ "WyJhIl0." SUB ".", false }, /* an array */
		{ "eyJhbGciOiJub25l+n0." SUB ".", false },
		{ "", false },
		{ ".", false },
		{ "..", false },
		{ "eyJ", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (mw_jwt_is(mw_slice_str(cases[i].text)) != cases[i].is)
			fail_msg("%s", cases[i].text);
	assert_true(mw_jwt_is(made("{\"a\":1}", "no JSON at all")));
	assert_false(mw_jwt_is(made("{\"a\":1}x", "{}")));
}

static void found_in_text(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "Bearer " JWT, 1 },
		{ "a " JWT ", b " JWT ".", 2 },
		{ "x=" JWT "&y=" NONE "." SUB ".&z", 2 },
		{ "mail: a.b.c eyJ.eyJ.eyJ " JWT, 1 },
		{ JWT "." SIG "." SIG, 0 },
		{ "x" JWT, 0 }, /* it begins elsewhere */
		{ "(" JWT ")\n\"" JWT "\"", 2 },
		{ "www.example.com/a.b?c.d", 0 },
		{ "", 0 },
	};
	struct mw_slice jwt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t pos = 0, n = 0;

		while (mw_jwt_find(mw_slice_str(cases[i].text), &pos, &jwt)) {
			assert_true(mw_jwt_is(jwt));
			n++;
		}
		if (n != cases[i].n)
			fail_msg("%zu, not %zu: %s", n, cases[i].n, cases[i].text);
	}
}

/* A text made to be looked through again and again takes no longer for it. */
static void find_is_linear(void **state)
{
	static const char *const parts[] = { "eyJ", "eyJ.", "eyJhbGciOiJub25lIn0.", "e", "." };
	const size_t n = 4 << 20;
	uint8_t *text = malloc(n);
	struct mw_slice jwt;
	size_t pos, k;

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		for (k = 0; k < n; k++)
			text[k] = (uint8_t)parts[i][k % strlen(parts[i])];
		for (pos = 0; mw_jwt_find(mw_slice(text, n), &pos, &jwt);)
			;
		assert_int_equal(pos, n);
	}
	/* a header of a megabyte is none, whatever it holds */
	memset(text, 'A', n);
	memcpy(text, "eyJ", 3);
	memcpy(text + n - 8, ".e30.AAA", 8);
	assert_false(mw_jwt_is(mw_slice(text, n)));
	free(text);
}

/* --- claims --- */

static int claims(struct mw_slice jwt, struct mw_claims *ret)
{
	static struct mw_buf text;
	int r;

	mw_buf_done(&text);
	mw_buf_init(&text, &test_alloc, MW_JWT_MAX);
	r = mw_jwt_claims(jwt, &text, ret);
	if (r < 0)
		mw_buf_done(&text);
	return r;
}

static void assert_raw(struct mw_slice raw, const char *want)
{
	if (!mw_slice_eq_str(raw, want))
		fail_msg("%.*s, not %s", (int)raw.n, (const char *)raw.p, want);
}

static void all_claims(void **state)
{
	struct mw_claims c;

	assert_int_equal(claims(made(alg, "{\"iss\":\"https://idp/\",\"sub\":\"alice@example.com\",\"aud\":[\"a\",\"b\"],"
					  "\"client_id\":\"c\",\"azp\":\"z\",\"scope\":\"read write\",\"exp\":1767225600,"
					  "\"other\":{\"sub\":\"not this\"}}"),
				&c),
			 0);
	assert_raw(c.sub, "\"alice@example.com\"");
	assert_raw(c.iss, "\"https://idp/\"");
	assert_raw(c.aud, "[\"a\",\"b\"]");
	assert_raw(c.client_id, "\"c\"");
	assert_raw(c.azp, "\"z\"");
	assert_raw(c.scope, "\"read write\"");
	assert_true(c.has_exp && c.exp == 1767225600);
	/* names count decoded, as they do for who verifies it */
	assert_int_equal(claims(made(alg, "{\"s\\u0075b\":\"x\",\"scp\":[\"a\"],\"exp\":1.9e0}"), &c), 0);
	assert_raw(c.sub, "\"x\"");
	assert_raw(c.scope, "[\"a\"]");
	assert_false(c.has_exp);
	assert_int_equal(claims(made(alg, "{\"scp\":\"b\",\"scope\":\"a\",\"exp\":-5.99}"), &c), 0);
	assert_raw(c.scope, "\"a\"");
	assert_true(c.has_exp && c.exp == -5);
	assert_int_equal(claims(mw_slice_str(NONE "." SUB "."), &c), 0);
	assert_raw(c.sub, "\"x\"");
	assert_int_equal(claims(mw_slice_str(""), &c), -EBADMSG);
}

/* What is of another type is no claim; the others stay. */
static void wrong_types(void **state)
{
	static const char *const wrong[] = {
		"\"sub\":1",	       "\"sub\":null",	      "\"sub\":[\"a\"]",     "\"sub\":\"\"",
		"\"sub\":{\"a\":1}",   "\"aud\":[\"a\",1]",   "\"aud\":[]",	     "\"aud\":[[\"a\"]]",
		"\"aud\":{\"a\":1}",   "\"scope\":[\"a\",{}]", "\"scope\":true",      "\"exp\":\"1767225600\"",
		"\"exp\":[1]",	       "\"exp\":1e10",	      "\"exp\":9999999999999999", "\"exp\":true",
		"\"client_id\":false", "\"azp\":7",
	};
	char text[128];
	struct mw_claims c;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "{%s,\"iss\":\"i\"}", wrong[i]);
		assert_int_equal(claims(made(alg, text), &c), 0);
		assert_raw(c.iss, "\"i\"");
		if (c.sub.n || c.aud.n || c.scope.n || c.has_exp || c.client_id.n || c.azp.n)
			fail_msg("%s", text);
	}
}

/* Of what may mean two things, or is not whole, nothing is claimed. */
static void refused(void **state)
{
	static const struct {
		const char *header, *payload;
	} cases[] = {
		{ alg, "" },
		{ alg, "x" },
		{ alg, "[]" },
		{ alg, "\"sub\"" },
		{ alg, "{\"sub\":\"a\"" },
		{ alg, "{\"sub\":\"a\"}x" },
		{ alg, " {\"sub\":\"a\"}" },
		{ alg, "{\"sub\":\"a\",\"sub\":\"b\"}" },
		{ alg, "{\"sub\":\"a\",\"s\\u0075b\":\"b\"}" },
		{ alg, "{\"sub\":\"a\",\"o\":{\"k\":1,\"k\":2}}" },
		{ alg, "{\"sub\":\"a\\u0000b\"}" },
		{ alg, "{\"sub\":\"\\ud800\"}" },
		{ alg, "{\"sub\":\"\xff\"}" },
		{ "{}", "{\"sub\":\"a\"}" },
		{ "{\"alg\":1}", "{\"sub\":\"a\"}" },
		{ "{\"alg\":\"\"}", "{\"sub\":\"a\"}" },
		{ "{\"alg\":\"HS256\",\"alg\":\"none\"}", "{\"sub\":\"a\"}" },
	};
	struct mw_claims c = { .exp = 7 };
	char deep[256];
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (claims(made(cases[i].header, cases[i].payload), &c) != -EBADMSG)
			fail_msg("%s %s", cases[i].header, cases[i].payload);
	n = (size_t)snprintf(deep, sizeof(deep), "{\"sub\":\"a\",\"x\":");
	memset(deep + n, '[', 40);
	memset(deep + n + 40, ']', 40);
	deep[n + 80] = '}';
	deep[n + 81] = '\0';
	assert_int_equal(claims(made(alg, deep), &c), -E2BIG);
	/* broken base64 of payload and signature: still a JWT, of which nothing is known */
	assert_true(mw_jwt_is(mw_slice_str(HS256 ".eyJzdWIiOiJ4In1." SIG)));
	assert_int_equal(claims(mw_slice_str(HS256 ".eyJzdWIiOiJ4In1." SIG), &c), -EBADMSG);
	assert_int_equal(claims(mw_slice_str(HS256 "." SUB ".abcde"), &c), -EBADMSG);
	assert_true(mw_jwt_is(mw_slice_str(HS256 "." SUB ".abcde")));
	assert_int_equal(c.exp, 7); /* untouched */
}

/* A megabyte. */
static void huge(void **state)
{
	const size_t n = 1 << 20;
	char *payload = malloc(n);
	struct mw_slice jwt;
	struct mw_claims c;
	size_t pos = 0;

	assert_non_null(payload);
	memset(payload, ' ', n);
	memcpy(payload, "{\"sub\":\"a\"", 10);
	payload[n - 1] = '}';
	jwt = made_n(alg, payload, n);
	assert_true(jwt.n > n && mw_jwt_is(jwt));
	assert_int_equal(claims(jwt, &c), -E2BIG);
	assert_true(mw_jwt_find(jwt, &pos, &jwt));
	assert_int_equal(pos, jwt.n);
	free(payload);
}

static void claims_each_failure(void **state)
{
	struct mw_slice jwt = made(alg, "{\"sub\":\"a\"}");
	struct mw_claims c;
	struct mw_buf text;
	int r;

	TEST_EACH_FAILURE(n)
	{
		mw_buf_init(&text, &test_alloc_failing, MW_JWT_MAX);
		r = mw_jwt_claims(jwt, &text, &c);
		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
		mw_buf_done(&text);
	}
}

/* --- schemes --- */

static void schemes(void **state)
{
	static const struct {
		const char *value;
		bool known;
		int kind; /* 0: none */
		const char *bytes;
	} cases[] = {
		{ "Bearer abc", true, MW_TOKEN_BEARER, "abc" },
		{ "  bearer \t abc ", true, MW_TOKEN_BEARER, "abc" },
		{ "Bearer " JWT, true, MW_TOKEN_JWT, JWT },
		{ "DPoP " JWT, true, MW_TOKEN_JWT, JWT },
		{ "Bearer " JWT "=", true, MW_TOKEN_BEARER, JWT "=" },
		{ "Basic dTpw", true, MW_TOKEN_BASIC, "dTpw" },
		{ "token ghp_x", true, MW_TOKEN_API_KEY, "ghp_x" },
		{ "ApiKey k", true, MW_TOKEN_API_KEY, "k" },
		{ "Digest username=\"u\"", true, 0, NULL },
		{ "Negotiate YII", true, 0, NULL },
		{ "Negotiate YII", false, MW_TOKEN_API_KEY, "Negotiate YII" },
		{ "correct horse", false, MW_TOKEN_API_KEY, "correct horse" },
		{ "sk-1", true, MW_TOKEN_API_KEY, "sk-1" },
		{ JWT, false, MW_TOKEN_JWT, JWT },
		{ "Bearer", true, MW_TOKEN_API_KEY, "Bearer" },
		{ "", true, 0, NULL },
		{ "  ", false, 0, NULL },
	};
	struct mw_token t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is = mw_token_of(mw_slice_str(cases[i].value), cases[i].known, &t);

		if (is != (cases[i].kind != 0) || (is && (int)t.kind != cases[i].kind))
			fail_msg("%s", cases[i].value);
		if (is)
			assert_raw(t.bytes, cases[i].bytes);
	}
}

static void basic(void **state)
{
	static const struct {
		const char *text, *user; /* user NULL: not shown */
	} cases[] = {
		{ "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin" }, /* RFC 7617, section 2 */
		{ "QWxhZGRpbjpvcGVuIHNlc2FtZQ", "Aladdin" },
		{ "YTpiOmM=", "a" },
		{ "c2tfdGVzdF94Og==", NULL },		  /* sk_test_x: */
		{ "c2tfdGVzdF94Ong=", NULL },		  /* sk_test_x:x */
		{ "Z2hwX2E6eC1vYXV0aC1iYXNpYw==", NULL }, /* ghp_a:x-oauth-basic */
		{ "OnB3", NULL },
		{ "bm9jb2xvbg==", NULL },
		{ "QWxh*", NULL },
		{ "", NULL },
		{ "====", NULL },
	};
	struct mw_buf text;

	mw_buf_init(&text, &test_alloc, 1024);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text.len = 0;
		assert_int_equal(mw_basic_user(mw_slice_str(cases[i].text), &text), cases[i].user ? 1 : 0);
		assert_raw(mw_buf_slice(&text), cases[i].user ? cases[i].user : "");
	}
	mw_buf_done(&text);
}

/* --- where they stand --- */

struct got {
	char text[16384];
	size_t n, stop_at;
};

static int add(void *ctx, const struct mw_token *t)
{
	struct got *g = ctx;
	size_t at = strlen(g->text);

	snprintf(g->text + at, sizeof(g->text) - at, "%s%s %.*s%s=%.*s", at ? "\n" : "",
		 mw_token_kind_name(t->kind), (int)t->where.n, (const char *)t->where.p,
		 t->where_n > t->where.n ? "+" : "", (int)(t->bytes.n < 100 ? t->bytes.n : 100),
		 (const char *)t->bytes.p);
	return ++g->n == g->stop_at ? -ECANCELED : 0;
}

static struct got got;
static const struct mw_token_scan scan = { .a = &test_alloc, .found = add, .ctx = &got };

static void assert_found(int r, const char *want)
{
	static struct got is;

	is = got;
	memset(&got, 0, sizeof(got));
	assert_int_equal(r, 0);
	if (strcmp(is.text, want) != 0)
		fail_msg("found:\n%s\nnot:\n%s", is.text, want);
	assert_int_equal(test_alloc_live(), 0);
}

#define IN_JSON(json, want) assert_found(mw_tokens_in_json(&scan, "args", mw_slice_str(json)), want)
#define J NONE "." SUB "."

static void in_json(void **state)
{
	IN_JSON("{\"token\":\"k1\"}", "api_key args.token=k1");
	IN_JSON("{\"invoice\":7,\"who\":\"" J "\"}", "jwt args.who=" J);
	IN_JSON("{\"a\":{\"b\":[1,{\"c\":[0,\"x " J "\"]}]}}", "jwt args.a.b[1].c[1]=" J);
	IN_JSON("{\"headers\":{\"Authorization\":\"Bearer abc\",\"X-Api-Key\":\"k\"}}",
		"bearer args.headers.Authorization=abc\napi_key args.headers.X-Api-Key=k");
	IN_JSON("{\"tokens\":[\"a\",[\"b\"]],\"x\":\"c\"}", "");
	IN_JSON("{\"api_keys\":[\"a\",[\"b\"]],\"x\":\"c\"}", "api_key args.api_keys[0]=a\napi_key args.api_keys[1][0]=b");
	IN_JSON("{\"secrets\":[{\"x\":\"a\",\"pin\":2}]}", "");
	IN_JSON("{\"password\":12345,\"secret\":true,\"token\":null,\"pwd\":\"\"}", "api_key args.password=12345");
	IN_JSON("{\"max_tokens\":5,\"page_token\":\"abc\",\"nextPageToken\":\"x\",\"progressToken\":1}", "");
	/* names and values are decoded */
	IN_JSON("{\"t\\u006fken\":\"a\\u0062c\"}", "api_key args.token=abc");
	IN_JSON("{\"x\":\"\\u0065" "yJhbGciOiJub25lIn0." SUB ".\"}", "jwt args.x=" J);
	/* JSON in strings, and in those again */
	IN_JSON("{\"body\":\"{\\\"token\\\":\\\"k\\\",\\\"in\\\":\\\"[{\\\\\\\"pw\\\\\\\":\\\\\\\"q\\\\\\\"}]\\\"}\"}",
		"api_key args.body.token=k\napi_key args.body.in[0].pw=q");
	IN_JSON("{\"body\":\"{\\\"token\\\":\\\"k\\\"\"}", ""); /* no JSON, and a name is no value */
	IN_JSON("{\"body\":\"{ " J " \"}", "jwt args.body=" J);
	IN_JSON("{\"" J "\":1}", "jwt args=" J);
	IN_JSON("{\"authorization\":\"Custom a=" J "\"}", "api_key args.authorization=Custom a=" J "\njwt args.authorization=" J);
	IN_JSON("\"" J "\"", "jwt args=" J);
	IN_JSON("[\"" J "\",\"" J "\"]", "jwt args[0]=" J "\njwt args[1]=" J);
	IN_JSON("", "");
	IN_JSON("{", "");
}

static void long_paths(void **state)
{
	char json[4096], name[200], want[512];
	size_t n = 0, i;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(json, sizeof(json), "{\"%s\":{\"token\":\"k\"}}", name);
	IN_JSON(json, "api_key args.[CUT:199].token=k");
	for (i = 0; i < 100; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, "{\"abcde\":");
	n += (size_t)snprintf(json + n, sizeof(json) - n, "{\"token\":\"k\"}");
	for (i = 0; i < 100; i++)
		json[n++] = '}';
	json[n] = '\0';
	n = (size_t)snprintf(want, sizeof(want), "api_key args");
	for (i = 0; i < 31; i++)
		n += (size_t)snprintf(want + n, sizeof(want) - n, ".abcde");
	snprintf(want + n, sizeof(want) - n, ".+=k");
	IN_JSON(json, want);
	/* a shorter one behind it is whole again */
	n = (size_t)snprintf(json, sizeof(json), "[[[{");
	for (i = 0; i < 60; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, "\"abcde\":{");
	n += (size_t)snprintf(json + n, sizeof(json) - n, "\"x\":1");
	for (i = 0; i < 60; i++)
		json[n++] = '}';
	snprintf(json + n, sizeof(json) - n, ",\"token\":\"k\"}]]]");
	IN_JSON(json, "api_key args[0][0][0].token=k");
}

static void in_fields(void **state)
{
#define IN_FIELDS(fields, want) assert_found(mw_tokens_in_fields(&scan, mw_slice_str(fields)), want)
	IN_FIELDS("Authorization: Bearer a\r\nX-API-Key: b\r\nX-Auth-Token: " J "\r\nHost: h\r\n",
		  "bearer http.authorization=a\napi_key http.x-api-key=b\njwt http.x-auth-token=" J);
	IN_FIELDS("Proxy-Authorization: Basic dTpw\r\nApi-Key: x y\r\n",
		  "basic http.proxy-authorization=dTpw\napi_key http.api-key=x y");
	IN_FIELDS("Mcp-Session-Id: " J "\r\nX-Amzn-Oidc-Data: " J "\r\n", "jwt http.x-amzn-oidc-data=" J);
	IN_FIELDS("Cookie: theme=dark; sid=abc; connect.sid=s%3A1; jwt=" J "; a; =b; x=" J "\r\n",
		  "api_key http.cookie.sid=abc\napi_key http.cookie.connect.sid=s%3A1\njwt http.cookie.jwt=" J
		  "\njwt http.cookie.x=" J);
	IN_FIELDS("Authorization: Digest username=\"u\"\r\nAuthorization:\r\n", "");
	IN_FIELDS("Authorization: Custom x=" J "\r\n", "jwt http.authorization=" J);
	IN_FIELDS("", "");
	assert_true(mw_token_in_field(mw_slice_str("X-Vault-Token"), mw_slice_str("x")));
	assert_true(mw_token_in_field(mw_slice_str("X-Any"), mw_slice_str("a " J)));
	assert_false(mw_token_in_field(mw_slice_str("Accept"), mw_slice_str("text/html")));
	assert_false(mw_token_in_field(mw_slice_str("Mcp-Session-Id"), mw_slice_str(J)));
}

static void in_env(void **state)
{
	static const char env[] = "PWD=/home/alice\0HOME=/x\0GITHUB_TOKEN=ghp_1\0EMPTY_TOKEN=\0noequals\0=x\0"
				  "HEADERS={\"Authorization\":\"Bearer q\"}\0JUST=" J "\0SSH_AUTH_SOCK=/run/x\0DB_PASSWORD=a b";

	assert_found(mw_tokens_in_env(&scan, mw_slice(env, sizeof(env) - 1)),
		     "api_key env.GITHUB_TOKEN=ghp_1\nbearer env.HEADERS.Authorization=q\njwt env.JUST=" J
		     "\napi_key env.DB_PASSWORD=a b");
}

static void in_argv(void **state)
{
#define IN_ARGV(s, want) assert_found(mw_tokens_in_argv(&scan, mw_slice(s, sizeof(s) - 1)), want)
	IN_ARGV("server\0--token\0abc\0--api-key=k\0-v\0--password-file\0/x\0",
		"api_key argv.--token=abc\napi_key argv.--api-key=k");
	IN_ARGV("TOKEN=x\0TOKEN=y z\0--header\0Authorization: Bearer q\0",
		"api_key argv.TOKEN=y\nbearer argv.Authorization=q");
	IN_ARGV("s\0--token\0--verbose\0" J "\0{\"token\":\"k\"}\0https://h:80/?a=" J,
		"jwt argv[3]=" J "\napi_key argv[4].token=k\njwt argv[5]=" J);
	IN_ARGV("s\0--token", "");
	IN_ARGV("", "");
}

static void stops_and_failures(void **state)
{
	static const char json[] = "{\"token\":\"\\u0061\",\"secret\":\"\\u0062\",\"b\":\"{\\\"pw\\\":\\\"x\\\"}\"}";
	const struct mw_token_scan failing = { .a = &test_alloc_failing, .found = add, .ctx = &got };
	int r;

	got.stop_at = 2;
	assert_int_equal(mw_tokens_in_json(&scan, "a", mw_slice_str(json)), -ECANCELED);
	assert_int_equal(got.n, 2);
	TEST_EACH_FAILURE(n)
	{
		memset(&got, 0, sizeof(got));
		r = mw_tokens_in_json(&failing, "a", mw_slice_str(json));
		assert_int_equal(r, test_alloc_failed() ? -ENOMEM : 0);
	}
	assert_int_equal(got.n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(found_in_text),
		cmocka_unit_test(find_is_linear),
		cmocka_unit_test(all_claims),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(refused),
		cmocka_unit_test(huge),
		cmocka_unit_test(claims_each_failure),
		cmocka_unit_test(schemes),
		cmocka_unit_test(basic),
		cmocka_unit_test(in_json),
		cmocka_unit_test(long_paths),
		cmocka_unit_test(in_fields),
		cmocka_unit_test(in_env),
		cmocka_unit_test(in_argv),
		cmocka_unit_test(stops_and_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
