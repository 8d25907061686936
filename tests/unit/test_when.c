/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "io/when.h"

/* Every day that a record may be of, against the C library; one that its month does not have is the
 * next one's. */
static void test_days(void **state)
{
	int64_t ns;
	char text[32];

	for (int year = 1970; year <= 2261; year++)
		for (int month = 1; month <= 12; month++)
			for (int day = 1; day <= 31; day++) {
				struct tm tm = { .tm_year = year - 1900,
						 .tm_mon = month - 1,
						 .tm_mday = day,
						 .tm_hour = 23,
						 .tm_min = 59,
						 .tm_sec = 60 };
				const int n =
				    snprintf(text, sizeof(text), "%04d-%02d-%02dT23:59:60Z", year,
					     month, day);
				const int r = mw_when_rfc3339(text, (size_t)n, &ns);
				const bool none = day == 31 && (month == 4 || month == 6 ||
								month == 9 || month == 11);

				if (none || (month == 2 && day > 29)) {
					assert_int_equal(r, -EINVAL);
					continue;
				}
				assert_int_equal(r, 0);
				assert_true(ns == (int64_t)timegm(&tm) * 1000000000);
			}
}

static void test_zones(void **state)
{
	int64_t ns = 0;

	assert_int_equal(mw_when_rfc3339("1970-01-02T00:30:00.000000001+01:00", 35, &ns), 0);
	assert_true(ns == (86400 - 1800) * 1000000000ll + 1);
	assert_int_equal(mw_when_rfc3339("1970-01-01T00:00:00", 19, &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
