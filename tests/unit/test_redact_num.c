/* SPDX-License-Identifier: Apache-2.0 */
/* test_redact_num.c - cards, accounts, telephone numbers, national ids, e-mail; and other numbers
 */
#include "support.h"

#include "core/redact.h"

static struct mw_redact *make(unsigned int countries, bool no_pii)
{
	const struct mw_redact_rules rules = { .countries = countries, .no_pii = no_pii };
	struct mw_redact_error e;
	struct mw_redact *x;

	assert_int_equal(mw_redact_new(&test_alloc, &rules, NULL, NULL, &e, &x), 0);
	return x;
}

/* The whole text is one mark of this rule (alone: NULL), also inside of others. */
static void check(struct mw_redact *x, const char *in, const char *rule)
{
	static const char *const around[][2] = {
		{ "", "" }, { "a, ", ", b" }, { "(", ")" }, { "x=", "." }
	};
	char text[512], want[512];
	struct mw_buf out;
	bool lossy = false;

	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		snprintf(text, sizeof(text), "%s%s%s", around[i][0], in, around[i][1]);
		snprintf(want, sizeof(want), "%s", text);
		if (rule)
			snprintf(want, sizeof(want), "%s[REDACTED:%s:%zu]%s", around[i][0], rule,
				 strlen(in), around[i][1]);
		mw_buf_init(&out, &test_alloc, 4096);
		assert_int_equal(mw_redact_text(x, &out, mw_slice_str(text), &lossy), 0);
		assert_buf_equal(&out, want);
		mw_buf_done(&out);
	}
}

static void check_json(struct mw_redact *x, const char *in, const char *want)
{
	struct mw_buf out;
	bool lossy = false;

	mw_buf_init(&out, &test_alloc, 4096);
	assert_int_equal(mw_redact_json(x, &out, mw_slice_str(in), &lossy), 0);
	assert_buf_equal(&out, want);
	mw_buf_done(&out);
}

/* Numbers that issuers and payment services publish for tests. */
static void test_cards(void **state)
{
	static const char *const cards[] = {
		"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111",
		"378282246310005",  "3782 822463 10005",   "5555555555554444",
		"2223003122003222", "6011111111111117",	   "30569309025904",
		"3530111333300000", "6200000000000005",	   "6304000000000000",
	};
	static const char *const none[] = {
		"4111111111111112",    "1234567890123452",   "41111111111111111",
		"4111 1111-1111 1111", "1700000000000",	     "1700000000000000000",
		"0.4111111111111111",  "4111111111111111.5", "a4111111111111111",
		"4111111111111111b",   "4006381333931",	     "9780306406157",
	};
	struct mw_redact *x = make(0, false);

	for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
		check(x, cards[i], "card");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check(x, none[i], NULL);
	check_json(x, "{\"n\":4111111111111111,\"m\":4111111111111112}",
		   "{\"n\":\"[REDACTED:card:16]\",\"m\":4111111111111112}");
	check_json(x, "[4222222222222,{\"card\":4222222222222}]",
		   "[4222222222222,{\"card\":\"[REDACTED:card:13]\"}]");
	mw_redact_free(x);
}

/* SWIFT's registry of IBAN formats has these as examples. */
static void test_ibans(void **state)
{
	static const char *const ibans[] = {
		"DE89370400440532013000",	   "DE89 3704 0044 0532 0130 00",
		"GB29NWBK60161331926819",	   "GB29 NWBK 6016 1331 9268 19",
		"FR1420041010050500013M02606",	   "NO9386011117947",
		"MT84MALT011000012345MTLCAST001S", "nl91abna0417164300",
	};
	static const char *const none[] = { "DE88370400440532013000", "DE8937040044053201300",
					    "XX89370400440532013000", "ADE89370400440532013000" };
	struct mw_redact *x = make(0, false);

	for (size_t i = 0; i < sizeof(ibans) / sizeof(ibans[0]); i++)
		check(x, ibans[i], "iban");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check(x, none[i], NULL);
	mw_redact_free(x);
}

static void test_phones(void **state)
{
	static const char *const phones[] = {
		"+14155552671",	     "+1 415-555-2671",	    "+49 30 12345678", "+442079460958",
		"+33 1 23 45 67 89", "+55 (11) 91234-5678", "415-555-2671",    "415.555.2671",
		"1-800-555-2671",    "020 7946 0958",	    "01 23 45 67 89",  "03-1234-5678",
	};
	static const char *const none[] = {
		"+0200",
		"2026-11-21",
		"2026-11-21T09:01:40+01:00",
		"192.168.100.200",
		"10.0.0.255:8080",
		"1.2.3.4567",
		"4155552671",
		"+99912345678901234",
		"115-555-2671",
		"3.14159265358",
		"2026-11-21 09:01:40.123",
		"1732179700",
		"12345-67890",
		"0x415-555-2671",
	};
	struct mw_redact *x = make(0, false);

	for (size_t i = 0; i < sizeof(phones) / sizeof(phones[0]); i++)
		check(x, phones[i], "phone");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check(x, none[i], NULL);
	check_json(x,
		   "{\"homePhone\":\"4155552671\",\"hotel\":\"4155552671\",\"phone\":4155552671}",
		   "{\"homePhone\":\"[REDACTED:phone:10]\",\"hotel\":\"4155552671\","
		   "\"phone\":4155552671}");
	check_json(x, "\"tel. 030 1234567\"", "\"tel. [REDACTED:phone:11]\"");
	check_json(x, "\"call (415) 555-2671\"", "\"call [REDACTED:phone:14]\"");
	mw_redact_free(x);
}

/* Numbers whose check digits were made by the rules of who gives them out. */
static void test_ids(void **state)
{
	static const struct {
		unsigned int country;
		const char *rule, *good, *bad;
	} ids[] = {
		{ MW_COUNTRY_US, "us-ssn", "536-90-4399", "666-90-4399" },
		{ MW_COUNTRY_GB, "gb-nhs", "943 476 5919", "943 476 5918" },
		{ MW_COUNTRY_GB, "gb-nino", "AB 12 34 56 C", "GB 12 34 56 C" },
		{ MW_COUNTRY_GB, "gb-nino", "JG103759A", "JG103759E" },
		{ MW_COUNTRY_DE, "de-steuer-id", "86095742719", "86095742718" },
		{ MW_COUNTRY_FR, "fr-nir", "255081416802538", "255081416802539" },
		{ MW_COUNTRY_FR, "fr-nir", "1 84 12 76 451 089 46", "1 84 13 76 451 089 46" },
		{ MW_COUNTRY_ES, "es-dni", "12345678Z", "12345678A" },
		{ MW_COUNTRY_ES, "es-dni", "X1234567L", "X1234567M" },
		{ MW_COUNTRY_IT, "it-codice-fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562T" },
		{ MW_COUNTRY_PL, "pl-pesel", "44051401359", "44051401358" },
		{ MW_COUNTRY_IN, "in-aadhaar", "2341 2341 2346", "2341 2341 2347" },
		{ MW_COUNTRY_BR, "br-cpf", "529.982.247-25", "529.982.247-26" },
		{ MW_COUNTRY_BR, "br-cpf", "52998224725", "11111111111" },
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct mw_redact *x = make(ids[i].country, false), *none = make(0, false);

		check(x, ids[i].good, ids[i].rule);
		check(x, ids[i].bad, NULL);
		/* each only where its country is asked for */
		check(none, ids[i].good, NULL);
		mw_redact_free(none);
		mw_redact_free(x);
	}
}

/* Digits whose check says little: a word must say what they are. */
static void test_near(void **state)
{
	struct mw_redact *x = make(MW_COUNTRY_NL | MW_COUNTRY_US | MW_COUNTRY_IN, false);

	check_json(x, "{\"bsn\":\"111222333\",\"id\":\"111222333\"}",
		   "{\"bsn\":\"[REDACTED:nl-bsn:9]\",\"id\":\"111222333\"}");
	check_json(x, "\"BSN: 111222334\"", "\"BSN: 111222334\"");
	check_json(x, "{\"ssn\":536904399,\"n\":536904399}",
		   "{\"ssn\":\"[REDACTED:us-ssn:9]\",\"n\":536904399}");
	check_json(x, "[\"Aadhaar 234123412346\",\"n 234123412346\"]",
		   "[\"Aadhaar [REDACTED:in-aadhaar:12]\",\"n 234123412346\"]");
	mw_redact_free(x);
}

static void test_emails(void **state)
{
	static const char *const emails[] = { "joe@example.com",
					      "first.last+tag@mail.example.co.uk",
					      "j\xc3\xb6rg@b\xc3\xbc"
					      "cher.example",
					      "a@b.xn--p1ai" };
	static const char *const none[] = { "@example.com",
					    "joe@localhost",
					    "icon@2x.png",
					    "pkg@1.2.3",
					    "@scope/pkg@1.0.0",
					    "git@github.com:a/b",
					    "getty@tty1.service",
					    "a @ b.com",
					    "x@.com",
					    "x@com." };
	struct mw_redact *x = make(0, false);

	for (size_t i = 0; i < sizeof(emails) / sizeof(emails[0]); i++)
		check(x, emails[i], "email");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check(x, none[i], NULL);
	check_json(x, "\"<joe@example.com>, joe@example.com.\"",
		   "\"<[REDACTED:email:15]>, [REDACTED:email:15].\"");
	mw_redact_free(x);
}

static void test_no_pii(void **state)
{
	struct mw_redact *x = make(~0u, true);
	struct mw_buf out;
	bool lossy = false;

	check_json(
	    x, "[\"joe@example.com 4111111111111111 +14155552671 12345678Z\",4111111111111111]",
	    "[\"joe@example.com 4111111111111111 +14155552671 12345678Z\",4111111111111111]");
	mw_redact_free(x);
	/* of who somebody is, what is personal stays */
	x = make(~0u, false);
	mw_buf_init(&out, &test_alloc, 4096);
	assert_int_equal(
	    mw_redact_claim(x, &out, MW_SLICE_LIT("joe@example.com k9sKd82hFqLx0Zt4Wn7Bv"), &lossy),
	    0);
	assert_buf_equal(&out, "joe@example.com k9sKd82hFqLx0Zt4Wn7Bv");
	mw_buf_done(&out);
	mw_redact_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cards),  cmocka_unit_test(test_ibans),
		cmocka_unit_test(test_phones), cmocka_unit_test(test_ids),
		cmocka_unit_test(test_near),   cmocka_unit_test(test_emails),
		cmocka_unit_test(test_no_pii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
