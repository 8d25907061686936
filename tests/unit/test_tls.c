/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "core/tls.h"
#include "support_tls.h"

static void begins(void **state)
{
	uint8_t odd[8];

	for (size_t n = 0; n < sizeof(hello_tls); n++)
		assert_int_equal(mw_tls_sniff(mw_slice(hello_tls, n)), MW_SNIFF_MORE);
	assert_int_equal(mw_tls_sniff(mw_slice(hello_tls, sizeof(hello_tls))), MW_SNIFF_YES);
	/* another record, another version, a ServerHello */
	for (size_t i = 0; i < 8; i++) {
		memcpy(odd, hello_tls, sizeof(odd));
		odd[i]++;
		assert_int_equal(mw_tls_sniff(mw_slice(odd, sizeof(odd))),
				 i == 0 || i == 1 || i == 5 ? MW_SNIFF_NO : MW_SNIFF_MORE);
	}
}

/* Placed so that what is behind it cannot be read. */
static struct mw_slice name_of(const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);
	struct mw_slice s = { NULL, 0 };

	memcpy(exact, p, n);
	s = mw_tls_name(mw_slice(exact, n));
	assert_true(s.n == 0 || (s.p >= exact && s.p + s.n <= exact + n));
	s = s.n ? mw_slice(p + (s.p - exact), s.n) : s;
	free(exact);
	return s;
}

static void names(void **state)
{
	static const size_t lengths[] = { HELLO_SESSION_LEN, HELLO_EXT_LEN + 1, HELLO_LIST_LEN + 1,
					  HELLO_NAME_LEN + 1, HELLO_EXTS_LEN + 1 };
	static const char odd[] = { '\0', ' ', '\n', '/', '"', '\x80', '\x1b' };
	uint8_t x[sizeof(hello_tls) + 3];

	assert_slice_equal(name_of(hello_tls, sizeof(hello_tls)), "Mcp-1.example.org");
	/* not all of it is there, at any place: none */
	for (size_t n = 0; n < sizeof(hello_tls); n++)
		assert_int_equal(name_of(hello_tls, n).n, 0);
	/* the record ends before it does, though more bytes follow */
	memcpy(x, hello_tls, sizeof(hello_tls));
	for (size_t n = 1; n <= HELLO_NAME_AT + 16 - 5; n++) {
		x[HELLO_RECORD_LEN + 1] = (uint8_t)n;
		assert_int_equal(name_of(x, sizeof(hello_tls)).n, 0);
	}
	/* what is behind the record is another matter */
	memcpy(x, hello_tls, sizeof(hello_tls));
	memcpy(x + sizeof(hello_tls), "\x14\x03\x03", 3);
	assert_slice_equal(name_of(x, sizeof(x)), "Mcp-1.example.org");
	/* a length that leads out of what holds it */
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		memcpy(x, hello_tls, sizeof(hello_tls));
		x[lengths[i]] = 0xff;
		assert_int_equal(name_of(x, sizeof(hello_tls)).n, 0);
	}
	/* no name among the extensions, and another kind of one */
	for (size_t at = HELLO_EXT; at <= HELLO_KIND; at += HELLO_KIND - HELLO_EXT) {
		memcpy(x, hello_tls, sizeof(hello_tls));
		x[at] = 1;
		assert_int_equal(name_of(x, sizeof(hello_tls)).n, 0);
	}
	/* what is no name is not told */
	for (size_t i = 0; i < sizeof(odd); i++) {
		memcpy(x, hello_tls, sizeof(hello_tls));
		x[HELLO_NAME_AT + 3] = (uint8_t)odd[i];
		assert_int_equal(name_of(x, sizeof(hello_tls)).n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
