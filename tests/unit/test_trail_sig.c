/* SPDX-License-Identifier: Apache-2.0 */
/* signatures and keys of trails, and the files of their maps */
#include "support.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "io/heap.h"
#include "io/note.h"
#include "io/trail_sig.h"

#define LINES "{\"tool\":\"a\"}\n{\"tool\":\"b\"}\n"

static struct mw_skey key;
static char dir[64], trail_path[80], sig_path[80];

static int setup(void **state)
{
	const uint8_t seed[MW_KEY_LEN] = { 7 };

	snprintf(dir, sizeof(dir), "/tmp/mcpwatch-test-sig-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(trail_path, sizeof(trail_path), "%s/trail", dir);
	snprintf(sig_path, sizeof(sig_path), "%s/trail.sig", dir);
	assert_int_equal(mw_skey_of("test", seed, &key), 0);
	return 0;
}

static int teardown(void **state)
{
	unlink(trail_path);
	unlink(sig_path);
	return rmdir(dir);
}

static void put(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void sign(const char *text, size_t n, uint8_t ret[64])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key.seed, MW_KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, ret, &len, (const uint8_t *)text, n), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

static void base64(const uint8_t *p, int n, char *ret)
{
	EVP_EncodeBlock((uint8_t *)ret, p, n);
}

/* Checks what stands in the files. */
static int check_by(const uint8_t *public_key, char err[512], bool *ret_lines)
{
	struct mw_trail *t;
	int r;

	assert_int_equal(mw_trail_open(trail_path, NULL, err, 512, &t), 0);
	r = mw_trail_sig_check(t, public_key, err, 512, ret_lines);
	mw_trail_close(t);
	return r;
}

static void test_file(void **state)
{
	char err[512], text[100];
	uint8_t sig[64];
	bool lines = true;

	put(trail_path, LINES, strlen(LINES));
	sign(LINES, strlen(LINES), sig);
	put(sig_path, sig, sizeof(sig));
	assert_int_equal(check_by(key.pub.public_key, err, &lines), 0);
	assert_false(lines);
	base64(sig, 64, text);
	put(sig_path, text, strlen(text));
	assert_int_equal(check_by(key.pub.public_key, err, &lines), 0);
	strncat(text, "\n", 2);
	put(sig_path, text, strlen(text));
	assert_int_equal(check_by(key.pub.public_key, err, &lines), 0);
	/* each bit of either counts */
	for (size_t i = 0; i < strlen(LINES); i++) {
		char other[] = LINES;

		other[i] ^= 1;
		if (other[0] != '{' || other[i] == '\n') /* no trail */
			continue;
		put(trail_path, other, strlen(LINES));
		assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
		assert_non_null(strstr(err, "trail.sig is wrong"));
	}
	put(trail_path, LINES LINES, 2 * strlen(LINES));
	assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
	put(trail_path, LINES, strlen(LINES));
	for (size_t i = 0; i < sizeof(sig); i += 7) {
		sig[i] ^= 1;
		put(sig_path, sig, sizeof(sig));
		assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
		sig[i] ^= 1;
	}
	for (size_t n = 0; n < sizeof(sig); n += 9) {
		put(sig_path, sig, n);
		assert_int_equal(check_by(key.pub.public_key, err, &lines), -EINVAL);
	}
	unlink(sig_path);
}

/* ssh-keygen -Y sign -n file */
static void test_ssh(void **state)
{
	static const char public_key[] =
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPLNXECGcNvb1sODm557rWZWDNfp+ryQgmbLmlfv/0vj test";
#define HEAD                                                                                       \
	"-----BEGIN SSH SIGNATURE-----\n"                                                          \
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg8s1cQIZw29vWw4ObnnutZlYM1+\n"
	static const char good[] = HEAD
	    "n6vJCCZsuaV+//S+MAAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx\n"
	    "OQAAAEASD+S5BJJfrGeAPZ5g3XvMZesYMd6Krp6pTgk9Sbiwo0WlQm+CALYASoHZQ/Q/j9\n"
	    "E8BWX4nDivuV8gFe7ZopoB\n-----END SSH SIGNATURE-----\n";
	/* of the same bytes, for another purpose */
	static const char other[] = HEAD
	    "n6vJCCZsuaV+//S+MAAAAFb3RoZXIAAAAAAAAABnNoYTUxMgAAAFMAAAALc3NoLWVkMjU1\n"
	    "MTkAAABABV+5Z4TF7YREdcCWAEL51+UbsAO+lIBFCK5R0FoznoGoD8wDtBDi1Sx2GxoTo8\n"
	    "aqGpItBLJhNeBfAEmoCakPCA==\n-----END SSH SIGNATURE-----\n";
	uint8_t k[MW_TRAIL_KEY_LEN];
	char err[512], cut[512];
	bool lines;

	assert_int_equal(mw_trail_key_load(public_key, err, sizeof(err), k), 0);
	put(trail_path, LINES, strlen(LINES));
	put(sig_path, good, strlen(good));
	assert_int_equal(check_by(k, err, &lines), 0);
	assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
	put(trail_path, "{\"tool\":\"c\"}\n", 13);
	assert_int_equal(check_by(k, err, &lines), -EKEYREJECTED);
	put(trail_path, LINES, strlen(LINES));
	put(sig_path, other, strlen(other));
	assert_int_equal(check_by(k, err, &lines), -EINVAL);
	for (size_t n = 40; n + 40 < strlen(good); n += 17) {
		snprintf(cut, sizeof(cut), "%.*s\n-----END SSH SIGNATURE-----\n", (int)n, good);
		put(sig_path, cut, strlen(cut));
		assert_int_equal(check_by(k, err, &lines), -EINVAL);
	}
	unlink(sig_path);
}

/* A line with its signature, as a server would write it. */
static size_t signed_line(char *ret, size_t max, const char *body, const char *sep)
{
	uint8_t sig[64];
	char text[100];

	sign(body, strlen(body), sig);
	base64(sig, 64, text);
	if (body[0] != '{')
		return (size_t)snprintf(ret, max, "%s sig=%s\n", body, text);
	return (size_t)snprintf(ret, max, "%.*s%s%s\"}\n", (int)strlen(body) - 1, body, sep, text);
}

static void test_lines(void **state)
{
	static const char *const seps[] = { ",\"sig\":\"", ", \"sig\": \"" };
	char text[4096], err[512];
	bool lines = false;
	size_t n;

	for (int s = 0; s < 2; s++) {
		n = signed_line(text, sizeof(text), "{\"tool\":\"a\",\"id\":1}", seps[s]);
		n += signed_line(text + n, sizeof(text) - n, "{\"tool\":\"b\",\"id\":2}", seps[s]);
		put(trail_path, text, n);
		assert_int_equal(check_by(key.pub.public_key, err, &lines), 0);
		assert_true(lines);
	}
	*strstr(text, "\"b\"") = ' ';
	put(trail_path, text, n);
	assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
	assert_non_null(strstr(err, "line 2: its signature is wrong"));
	n = signed_line(text, sizeof(text), "{\"tool\":\"a\",\"id\":1}", seps[0]);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\n\n{\"tool\":\"b\",\"id\":2}\n");
	put(trail_path, text, n);
	assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
	assert_non_null(strstr(err, "line 4: it bears no signature"));
	/* logfmt */
	n = signed_line(text, sizeof(text), "tool=a id=1", "");
	put(trail_path, text, n);
	assert_int_equal(check_by(key.pub.public_key, err, &lines), 0);
	text[5] = 'b';
	put(trail_path, text, n);
	assert_int_equal(check_by(key.pub.public_key, err, &lines), -EKEYREJECTED);
}

static void test_split(void **state)
{
	static const char zeros[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	static const struct {
		const char *fmt;
		bool logfmt;
		const char *body; /* NULL: none */
	} rows[] = {
		{ "{\"a\":1,\"sig\":\"%s\"}", false, "{\"a\":1}" },
		{ "{\"a\":1,\"sig\":\"%s==\"}", false, "{\"a\":1}" },
		{ "{\"a\":1 , \"sig\" : \"%s\" } ", false, "{\"a\":1 }" },
		{ "{\"a\":1,\"sig\":\"%s=\"", false, NULL },
		{ "{\"sig\":\"%s\"}", false, NULL }, /* of nothing */
		{ "{\"a\":1,\"xsig\":\"%s\"}", false, NULL },
		{ "{\"a\":1,\"sig\":\"x%s\"}", false, NULL },
		{ "{\"a\":{\"b\":1,\"sig\":\"%s\"}}", false, NULL }, /* not the line's own */
		{ "a=1 sig=%s", true, "a=1" },
		{ "a=1  sig=\"%s\"", true, "a=1" },
		{ "sig=%s", true, NULL },
		{ "a=1 xsig=%s", true, NULL },
		{ "%s", true, NULL },
	};
	uint8_t sig[64];
	char line[256];
	struct mw_buf b;

	mw_buf_init(&b, &mw_heap, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(rows[i].fmt, "%s");

		snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - rows[i].fmt), rows[i].fmt, zeros, at + 2);
		assert_int_equal(mw_trail_sig_split(mw_slice_str(line), rows[i].logfmt, &b, sig),
				 rows[i].body ? 0 : -ENODATA);
		if (rows[i].body && !mw_slice_eq_str(mw_buf_slice(&b), rows[i].body))
			fail_msg("%s: '%.*s'", line, (int)b.len, (char *)b.p);
	}
	mw_buf_done(&b);
}

static void test_keys(void **state)
{
	static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
				  "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
				  "-----END PUBLIC KEY-----\n";
	static const char b64[] = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
	static const char *const bad[] = { "/nonexistent/key", "/dev/null", "AAAA",
					   "ssh-ed25519 AAAA", "ssh-rsa AAAA", "" };
	uint8_t k[MW_TRAIL_KEY_LEN], was[MW_TRAIL_KEY_LEN];
	char vkey[MW_VKEY_MAX], err[512];

	assert_int_equal(mw_trail_key_load(pem, err, sizeof(err), was), 0);
	assert_int_equal(mw_trail_key_load(b64, err, sizeof(err), k), 0);
	assert_memory_equal(k, was, sizeof(k));
	put(trail_path, pem, strlen(pem));
	assert_int_equal(mw_trail_key_load(trail_path, err, sizeof(err), k), 0);
	assert_memory_equal(k, was, sizeof(k));
	mw_vkey_print(&key.pub, vkey);
	assert_int_equal(mw_trail_key_load(vkey, err, sizeof(err), k), 0);
	assert_memory_equal(k, key.pub.public_key, sizeof(k));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(k, was, sizeof(k));
		assert_true(mw_trail_key_load(bad[i], err, sizeof(err), k) < 0);
		assert_memory_equal(k, was, sizeof(k));
	}
}

/* --- maps --- */

static struct mw_trail_map_file *load(const char *yaml, char err[512])
{
	struct mw_trail_map_file *f = NULL;
	int r;

	put(trail_path, yaml, strlen(yaml));
	r = mw_trail_map_load(trail_path, err, 512, &f);
	assert_true((r == 0) == (f != NULL));
	return f;
}

static void test_map(void **state)
{
	struct mw_trail_map_file *f;
	struct mw_trail_parser *p;
	struct mw_trail_entry e;
	const char *why;
	char err[512];
	size_t at;

	f = load("format: pino\n"
		 "id: ctx.rpc\n"
		 "tool: [ctx.tool, fallback]\n"
		 "target: ctx.files[].name\n"
		 "outcome: verdict\n"
		 "ok: [fine]\n"
		 "error: [bad, worse]\n"
		 "time: at\nunit: us\nzone: -01:30\n"
		 "only:\n  event: 'tool.*'\n",
		 err);
	assert_non_null(f);
	assert_int_equal(mw_trail_parser_new(mw_trail_map_of(f), &p), 0);
#define PARSE(s) mw_trail_parse(p, MW_SLICE_LIT(s), &why, &at, &e)
	assert_int_equal(PARSE("{\"event\":\"tool.end\",\"ctx\":{\"rpc\":1,\"tool\":\"x\",\"files\":[{\"name\":\"/a\"}]},"
			       "\"verdict\":\"Worse\",\"at\":1000000,\"user\":\"u\"}"),
			 0);
	assert_true(e.is_call);
	assert_true(mw_slice_eq_str(e.id, "1") && mw_slice_eq_str(e.target[0], "/a"));
	assert_true(mw_slice_eq_str(e.user, "u")); /* the preset's */
	assert_int_equal(e.outcome, MW_TRAIL_ERROR);
	assert_int_equal(e.time_ns, 1000000000);
	assert_int_equal(PARSE("{\"event\":\"other\",\"ctx\":{\"tool\":\"x\"}}"), 0);
	assert_false(e.is_call);
	assert_int_equal(PARSE("{\"event\":\"tool.end\",\"fallback\":\"y\",\"at\":\"1970-01-01 00:00:01\"}"), 0);
	assert_true(mw_slice_eq_str(e.tool, "y"));
	assert_int_equal(e.time_ns, 5401000000000);
	mw_trail_parser_free(p);
	mw_trail_map_free(f);
}

static void test_bad_maps(void **state)
{
	static const struct {
		const char *yaml, *says;
	} rows[] = {
		{ "", "is empty" },
		{ "id: a\n", "tool" },
		{ "tool: a\ncolour: red\n", "colour" },
		{ "tool: a..b\n", "'a..b' is no path" },
		{ "tool: a[1].b\n", "no path" },
		{ "tool: a.b.c.d.e.f.g.h.i\n", "no path" },
		{ "tool: {a: b}\n", "" },
		{ "tool: []\n", "one to 16" },
		{ "tool: a\nformat: xml\n", "'format' must be" },
		{ "tool: a\nunit: h\n", "'unit' must be" },
		{ "tool: a\nzone: CET\n", "'zone' must be" },
		{ "tool: a\nzone: +99:00\n", "'zone' must be" },
		{ "tool: a\nonly: x\n", "'only' must be" },
		{ "tool: a\ntool: b\n", "" },
		{ "tool: [\n", "" },
		{ "\x01\x02", "" },
	};
	char err[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err[0] = '\0';
		assert_null(load(rows[i].yaml, err));
		if (!strstr(err, "trail") || !strstr(err, rows[i].says))
			fail_msg("%s: %s", rows[i].yaml, err);
	}
	assert_null(strchr(err, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),  cmocka_unit_test(test_ssh),
		cmocka_unit_test(test_lines), cmocka_unit_test(test_split),
		cmocka_unit_test(test_keys),  cmocka_unit_test(test_map),
		cmocka_unit_test(test_bad_maps),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
