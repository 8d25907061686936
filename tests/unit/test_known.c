/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that was checked before (known.h), and what takes values out of it (mw_out_get) */
#include "support.h"

#include <errno.h>

#include "io/export_out.h"
#include "io/known.h"

static void members(const char *text, const char *want, int want_r)
{
	struct mw_known k = mw_known_members(mw_slice_str(text));
	struct mw_slice key, value;
	char got[256] = "";
	size_t n = 0;
	int r;

	while ((r = mw_known_next(&k, &key, &value)) == 1)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s=%.*s ", (int)key.n,
				      (const char *)key.p, (int)value.n, (const char *)value.p);
	assert_string_equal(got, want);
	assert_int_equal(r, want_r);
}

static void test_members(void **state)
{
	members("{\"a\":1,\"b\":\"x\\\"}\",\"c\":[{},\"]\"],\"\":null}",
		"\"a\"=1 \"b\"=\"x\\\"}\" \"c\"=[{},\"]\"] \"\"=null ", 0);
	members("{\"a\\\\\":\"\\\\\"}", "\"a\\\\\"=\"\\\\\" ", 0);
	/* what is not laid out so */
	members("", "", -EINVAL);
	members("[1]", "", -EINVAL);
	members("7", "", -EINVAL);
	members("{ \"a\":1}", "", -EINVAL);
	members("{\"a\" :1}", "", -EINVAL);
	members("{\"a\": 1}", "", -EINVAL);
	members("{\"a\":1 }", "", -EINVAL);
	members("{\"a\":1,}", "\"a\"=1 ", -EINVAL);
	members("{\"a\":1} ", "\"a\"=1 ", -EINVAL);
	members("{\"a\":1,\"b\":[", "\"a\"=1 ", -EINVAL);
}

/* Cut anywhere, and each byte changed to what means something: nothing outside is read (the text is
 * of its own, for a sanitizer), and what mw_json_member finds in JSON is found. */
static void test_same_as_checked(void **state)
{
	static const char text[] =
	    "{\"a\":{\"b\":[1,{\"c\":\"\\\\\"}]},\"n\":-1.5e3,\"a\":\"\\u00e9\"}";
	static const char odd[] = "{}[]\":,\\ 1";
	struct mw_slice v;

	for (size_t n = 0; n < sizeof(text); n++)
		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < sizeof(odd); k++) {
				char *copy = memcpy(test_malloc(n), text, n);
				const struct mw_slice s = mw_slice(copy, n);

				copy[i] = odd[k];
				if (mw_json_check(s, 16, NULL, NULL) == 0) {
					if (mw_json_member(s, "a", &v, NULL) < 0)
						v = mw_slice(NULL, 0);
					assert_true(mw_slice_eq(mw_out_get(s, "a"), v));
				} else {
					mw_out_get(s, "a");
				}
				test_free(copy);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_same_as_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
