/* SPDX-License-Identifier: Apache-2.0 */
/* test_redact_set.c - rules: patterns, keywords, allow-lists, limits, fingerprints */
#include "support.h"

#include <errno.h>

#include "base/json.h"
#include "core/redact_set.h"

#define WORDS(...)                                                                                 \
	(const char *const[]){ __VA_ARGS__ },                                                      \
	    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)

static void mac(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	const uint8_t *b = p;

	assert_ptr_equal(ctx, mac);
	assert_int_equal(use, MW_MAC_FINGERPRINT);
	memset(out, 0, 32);
	for (size_t i = 0; i < n; i++)
		out[i % 6] = (uint8_t)(out[i % 6] * 31 + b[i]);
}

static struct mw_redact *make(const struct mw_redact_rule *rule, size_t n)
{
	const struct mw_redact_rules rules = { .rule = rule, .n = n };
	struct mw_redact_error e;
	struct mw_redact *x;

	assert_int_equal(mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x), 0);
	return x;
}

static void check(struct mw_redact *x, const char *in, const char *want)
{
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, 4 << 20);
	assert_int_equal(mw_buf_reserve(&out, 1), 0);
	assert_int_equal(mw_redact_text(x, &out, mw_slice_str(in), &lossy), 0);
	assert_buf_equal(&out, want);
	mw_buf_done(&out);
}

static void check_json(struct mw_redact *x, const char *in, const char *want)
{
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, 4 << 20);
	assert_int_equal(mw_redact_json(x, &out, mw_slice_str(in), &lossy), 0);
	assert_buf_equal(&out, want);
	mw_buf_done(&out);
}

#define HEX32 "0123456789abcdef0123456789abcdef"

static const struct mw_redact_rule some[] = {
	{ .id = "acme-key", .pattern = "\\bacme_([a-z]{6})\\b", WORDS("acme_") },
	/* as gitleaks writes its own: context, a keyword, a sign, the secret */
	{ .id = "corp",
	  .pattern = "(?i)[\\w.-]{0,50}?(?:corp|firm)(?:[ \\t\\w.-]{0,20})[\\s'\"]{0,3}(?:=|:|=>)"
		     "[\\x60'\"\\s=]{0,5}([a-f0-9]{32})(?:[\\x60'\"\\s;]|\\\\[nr]|\\z)",
	  WORDS("corp", "firm") },
	{ .id = "second", .pattern = "(x)?zz(y+)", WORDS("zz"), .group = 2 },
	{ .id = "short", .pattern = "Q[0-9]{4}", .keywords = NULL },
};

static void test_patterns(void **state)
{
	struct mw_redact *x = make(some, 4);

	check(x, "an acme_abcdef here", "an acme_[REDACTED:acme-key:6] here");
	check(x, "ACME_abcdef", "ACME_abcdef"); /* the keyword in any case, not the pattern */
	check(x, "xacme_abcdef", "xacme_abcdef");
	check(x, "acme_abcdef acme_fedcba,",
	      "acme_[REDACTED:acme-key:6] acme_[REDACTED:acme-key:6],");
	check(x, "my.Corp-id = '" HEX32 "'", "my.Corp-id = '[REDACTED:corp:32]'");
	check(x, "firm: " HEX32, "firm: [REDACTED:corp:32]");
	check(x, "aa zzyy x", "aa zz[REDACTED:second:2] x");
	check(x, "a Q1234", "a [REDACTED:short:5]");
	/* in names, numbers, arrays, and with the name before the value */
	check_json(x, "{\"acme_abcdef\":1}", "{\"acme_[REDACTED:acme-key:6]\":1}");
	check_json(x, "{\"firm_id\":\"" HEX32 "\"}", "{\"firm_id\":\"[REDACTED:corp:32]\"}");
	check_json(x, "{\"firm\":[\"" HEX32 "\",\"b\"]}",
		   "{\"firm\":[\"[REDACTED:corp:32]\",\"b\"]}");
	check_json(x, "{\"id\":\"" HEX32 "\"}", "{\"id\":\"" HEX32 "\"}");
	check_json(x, "{\"corp\":12345678901234567890123456789012}",
		   "{\"corp\":\"[REDACTED:corp:32]\"}");
	mw_redact_free(x);
	assert_int_equal(test_alloc_live(), 0);
}

/* {"name": a secret's, "value": ...} */
static void test_name_value(void **state)
{
	struct mw_redact *x = make(NULL, 0);

	check_json(x, "[{\"name\":\"API_TOKEN\",\"value\":\"x\"},{\"name\":\"a\",\"value\":\"x\"}]",
		   "[{\"name\":\"API_TOKEN\",\"value\":\"[REDACTED:key:1]\"},"
		   "{\"name\":\"a\",\"value\":\"x\"}]");
	check_json(x, "{\"name\":\"password\",\"o\":{\"value\":1},\"b\":2}",
		   "{\"name\":\"password\",\"o\":{\"value\":1},\"b\":2}");
	mw_redact_free(x);
}

static void test_names(void **state)
{
	const struct mw_redact_rules rules = { .names =
						   (const char *const[]){ "kennwort", "pincode" },
					       .n_names = 2 };
	struct mw_redact_error e;
	struct mw_redact *x;

	assert_int_equal(mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x), 0);
	check_json(x, "{\"Das-Kennwort\":\"x\",\"pinCode2\":1,\"kennworte\":2}",
		   "{\"Das-Kennwort\":\"[REDACTED:key:1]\",\"pinCode2\":\"[REDACTED:key:1]\","
		   "\"kennworte\":2}");
	check(x, "KENNWORT=x y", "KENNWORT=[REDACTED:key:1] y");
	mw_redact_free(x);
}

static void test_allow(void **state)
{
	const struct mw_redact_allow allow[] = {
		{ WORDS("^secret-a"), NULL, 0, MW_ALLOW_SECRET, false },
		{ NULL, 0, WORDS("example"), MW_ALLOW_SECRET, false },
		{ WORDS("^# "), NULL, 0, MW_ALLOW_LINE, false },
		{ WORDS("^k1:"), NULL, 0, MW_ALLOW_MATCH, false },
		{ WORDS("-b"), WORDS("both"), MW_ALLOW_SECRET, true },
	};
	const struct mw_redact_allow all = { WORDS("\\$\\{"), NULL, 0, MW_ALLOW_SECRET, false };
	const struct mw_redact_rule rule = {
		"r", "k\\d:(\\S+)", WORDS("k1:", "k2:"), 0, 0, allow, 5
	};
	const struct mw_redact_rules rules = {
		.rule = &rule, .n = 1, .allow = &all, .n_allow = 1, .no_entropy = true
	};
	struct mw_redact_error e;
	struct mw_redact *x;

	assert_int_equal(mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x), 0);
	check(x, "k2:value", "k2:[REDACTED:r:5]");
	check(x, "k2:secret-a", "k2:secret-a");
	check(x, "k2:anEXAMPLE", "k2:anEXAMPLE");
	check(x, "# k2:value\\n", "# k2:value\\\\n");
	check(x, "k1:value", "k1:value");
	check(x, "k2:x-both", "k2:x-both");
	check(x, "k2:both", "k2:[REDACTED:r:4]");
	check(x, "k2:x-b", "k2:[REDACTED:r:3]");
	check(x, "k2:${X}", "k2:${X}");
	mw_redact_free(x);
	assert_int_equal(test_alloc_live(), 0);
}

static void test_entropy(void **state)
{
	const struct mw_redact_rule rule = {
		.id = "r", .pattern = "k=(\\w+)", WORDS("k="), .entropy = 2500
	};
	struct mw_redact *x = make(&rule, 1);

	assert_int_equal(mw_redact_entropy(MW_SLICE_LIT("aaaa")), 0);
	assert_int_equal(mw_redact_entropy(MW_SLICE_LIT("abab")), 1000);
	assert_in_range(mw_redact_entropy(MW_SLICE_LIT("abcdefgh")), 2999, 3000);
	check(x, "k=aabbaabb", "k=aabbaabb");
	check(x, "k=abcdefgh", "k=[REDACTED:r:8]");
	mw_redact_free(x);
}

static void test_bad_rules(void **state)
{
	static const struct {
		struct mw_redact_rule rule;
		size_t offset;
	} bad[] = {
		{ { .id = "a", .pattern = "(x" }, 2 },
		{ { .id = "a", .pattern = "[\\w.-]{0,50}?x)y" }, 14 },
		{ { .id = "a", .pattern = "(*UTF)x" }, 6 },
		{ { .id = "a", .pattern = "x\\Cy" }, 3 },
	};
	struct mw_redact_error e;
	struct mw_redact *x = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct mw_redact_rule two[] = { some[0], bad[i].rule };
		const struct mw_redact_rules rules = { .rule = two, .n = 2 };

		memset(&e, 0xff, sizeof(e));
		assert_int_equal(mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x), -EINVAL);
		assert_int_equal(e.rule, 1);
		assert_int_equal(e.offset, bad[i].offset);
		assert_true(strlen(e.why) > 8 && strlen(e.why) < sizeof(e.why));
		assert_null(x);
	}
	const struct mw_redact_allow allow = { WORDS("ok", "["), NULL, 0, MW_ALLOW_SECRET, false };
	const struct mw_redact_rules rules = {
		.rule = some, .n = 1, .allow = &allow, .n_allow = 1
	};

	assert_int_equal(mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x), -EINVAL);
	assert_int_equal(e.rule, 1);
	assert_int_equal(test_alloc_live(), 0);
}

/* Patterns that go on for ever, or deep: the text goes, in a time that is bounded. */
static void test_fail_closed(void **state)
{
	static const char *const patterns[] = { "(a+)+$", "(a|aa)+$", "^(?:.*?a){20}[yz]" };
	const size_t n = 100000;
	char *text = malloc(n + 2);

	memset(text, 'a', n);
	text[n] = '!';
	text[n + 1] = '\0';
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		const struct mw_redact_rule rule = { .id = "slow",
						     .pattern = patterns[i],
						     WORDS("aa") };
		struct mw_redact *x = make(&rule, 1);
		struct mw_redact_stats stats;

		check(x, text, "[REDACTED:unscanned:100001]");
		mw_redact_stats(x, &stats);
		assert_int_equal(stats.unscanned, 1);
		assert_int_equal(stats.n, 1);
		check_json(x, "{\"a\":\"b a\",\"c\":1}", "{\"a\":\"b a\",\"c\":1}");
		mw_redact_free(x);
	}
	free(text);
	assert_int_equal(test_alloc_live(), 0);
}

static void test_fingerprint(void **state)
{
	const struct mw_redact_rules rules = { .rule = some, .n = 4 };
	char a[MW_FINGERPRINT_LEN + 1], b[MW_FINGERPRINT_LEN + 1];
	struct mw_redact_error e;
	struct mw_redact *x;

	assert_false(mw_redact_fingerprint(NULL, MW_SLICE_LIT("a"), a));
	for (int with = 0; with < 2; with++) {
		assert_int_equal(
		    mw_redact_new(&test_alloc, with ? &rules : NULL, mac, (void *)mac, &e, &x), 0);
		assert_true(mw_redact_fingerprint(x, MW_SLICE_LIT("hunter2"), a));
		assert_string_equal(a, "ca756e746572");
		assert_true(mw_redact_fingerprint(x, MW_SLICE_LIT("hunter3"), b));
		assert_string_not_equal(a, b);
		/* of a string's decoded bytes, of another value's raw ones */
		check_json(x, "{\"pw\":\"hunter\\u0032\",\"token\":[1]}",
			   "{\"pw\":\"[REDACTED:key:7:ca756e746572]\","
			   "\"token\":\"[REDACTED:key:3:5b315d000000]\"}");
		check(x, "pw=hunter2 --token hunter2 https://hunter2@h/",
		      "pw=[REDACTED:key:7:ca756e746572] --token [REDACTED:key:7:ca756e746572] "
		      "https://[REDACTED:key:7:ca756e746572]@h/");
		/* what SQL's words showed already */
		check(x, "password = '[REDACTED:key:7:ca756e746572]'",
		      "password = '[REDACTED:key:7:ca756e746572]'");
		mw_redact_free(x);
	}
	assert_int_equal(test_alloc_live(), 0);
}

/* Every word at every place of a text, and none that is not there. */
static void test_words(void **state)
{
	static const char *const all[] = { "ab", "abc", "q~", "key", "password", "x9z", "--begin" };
	char text[64];
	struct mw_words *w;

	assert_int_equal(mw_words_new(&test_alloc, &w), 0);
	assert_int_equal(mw_words_add(w, "a", 1), -EINVAL);
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(mw_words_add(w, all[i], i), 0);
	for (uint32_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (size_t before = 0; before < 24; before++)
			for (size_t after = 0; after < 12; after++) {
				struct mw_words_pos p = { .text = mw_slice(text, 0) };
				const struct mw_word *e;
				bool seen = false;

				memset(text, '.', sizeof(text));
				memcpy(text + before, all[i], strlen(all[i]));
				text[before] = (char)mw_lower((uint8_t)text[before]);
				p.text.n = before + strlen(all[i]) + after;
				while ((e = mw_words_next(w, &p)))
					seen |= e->id == i && p.at == before;
				assert_true(seen);
				p = (struct mw_words_pos){ .text = mw_slice(
							       text, before + strlen(all[i]) - 1) };
				while ((e = mw_words_next(w, &p)))
					assert_int_not_equal(e->id, i);
			}
	mw_words_free(w);
	assert_int_equal(test_alloc_live(), 0);
}

static void test_leads(void **state)
{
	static const struct {
		const char *pattern;
		bool leads, bound;
	} cases[] = {
		{ "key", true, false },
		{ "\\bkey=(a+)", true, true },
		{ "(?i)(?:key|tok(?:en)?s?)[ =]", false, false },
		{ "(?i)(?:key|tok(?:en|xx))[ =]", false, false },
		{ "(?i)(?:key|token)[ =]", true, false },
		{ "(?i:K[Ee]y|(?-i:TOKEN))x", true, false },
		{ "\\b((?P<a>key)|\\btoken)", true, true },
		{ "key|\\btoken", true, false },
		{ "\\bkey|b", false, true },
		{ "k{1}ey", true, false },
		{ "k?ey", false, false },
		{ "k+ey", false, false },
		{ "[a-k]ey", false, false },
		{ ".key", false, false },
		{ "(?=x)key", false, false },
		{ "(?#(x)key", false, false },
		{ "\\Qkey\\E", false, false },
		{ "(key", false, false },
		{ "", false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct mw_redact_rule rule = { .id = "r",
						     .pattern = cases[i].pattern,
						     WORDS("key", "token") };
		bool bound;

		if (mw_lead_check(&rule, mw_slice_str(rule.pattern), &bound) != cases[i].leads)
			fail_msg("'%s'", cases[i].pattern);
		if (cases[i].leads)
			assert_int_equal(bound, cases[i].bound);
	}
}

static void test_no_memory(void **state)
{
	static const char in[] = "{\"a\":\"acme_abcdef zzyy Q1234\",\"firm\":\"" HEX32 "\","
				 "\"b\":\"acme%5Fabcdef\"}";
	const struct mw_redact_allow allow = { WORDS("^no"), WORDS("none"), MW_ALLOW_LINE, false };
	const struct mw_redact_rules rules = {
		.rule = some, .n = 4, .allow = &allow, .n_allow = 1
	};
	bool done = false;

	TEST_EACH_FAILURE(n)
	{
		struct mw_redact_error e;
		struct mw_redact *x = NULL;
		struct mw_buf out;
		bool lossy = false;
		int r;

		mw_buf_init(&out, &test_alloc_failing, 4096);
		r = mw_redact_new(&test_alloc_failing, &rules, NULL, NULL, &e, &x);
		if (r == 0)
			r = mw_redact_json(x, &out, MW_SLICE_LIT(in), &lossy);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(out.len, 0);
		} else {
			done = true;
			assert_buf_equal(&out, "{\"a\":\"acme_[REDACTED:acme-key:6] "
					       "zz[REDACTED:second:2] [REDACTED:short:5]\","
					       "\"firm\":\"[REDACTED:corp:32]\","
					       "\"b\":\"acme%5F[REDACTED:acme-key:6]\"}");
		}
		mw_redact_free(x);
		mw_buf_done(&out);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),    cmocka_unit_test(test_name_value),
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_allow),
		cmocka_unit_test(test_entropy),	    cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_fail_closed), cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_words),	    cmocka_unit_test(test_leads),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
