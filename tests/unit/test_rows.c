/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <unistd.h>

#include "cli/rows.h"
#include "io/escape.h"

static const struct mw_rows_column columns[] = {
	{ .title = "NAME" },
	{ .title = "NOTE", .worth = 1, .max = 10 },
	{ .title = "EMPTY", .worth = 9 },
	{ .title = "N", .worth = 2, .right = true },
};

/* What is printed in so many columns. */
static void expect(unsigned int width, const char *want)
{
	struct mw_rows rows = { .columns = columns, .n_columns = 4 };
	const struct mw_pager out = { .width = width };
	char got[1024] = "", path[] = "/tmp/mw-rows-XXXXXX";
	int fd = mkstemp(path), saved;
	ssize_t n;

	for (int i = 0; i < 2; i++) {
		mw_rows_put(&rows, "1", "%s", i ? "\x1b[2Jx" : "日本");
		mw_rows_put(&rows, NULL, "%s", i ? "" : "twelve letters");
		mw_rows_put(&rows, NULL, "%s", "");
		mw_rows_put(&rows, NULL, "%d", i ? 7 : 1234);
	}
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	mw_rows_print(&rows, &out);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = pread(fd, got, sizeof(got) - 1, 0);
	close(fd);
	unlink(path);
	got[n > 0 ? n : 0] = '\0';
	assert_string_equal(got, want);
	mw_rows_done(&rows);
}

static void test_fit(void **state)
{
	/* into a pipe nothing is cut */
	expect(0, "NAME      NOTE               N\n"
		  "日本      twelve letters  1234\n"
		  "\\x1b[2Jx                     7\n");
	expect(26, "NAME      NOTE           N\n"
		   "日本      twelve le…  1234\n"
		   "\\x1b[2Jx                 7\n");
	/* the column of least worth goes whole, then the next */
	expect(25, "NAME         N\n"
		   "日本      1234\n"
		   "\\x1b[2Jx     7\n");
	expect(13, "NAME\n"
		   "日本\n"
		   "\\x1b[2Jx\n");
	/* and what must stay is cut */
	expect(5, "NAME\n"
		  "日本\n"
		  "\\x1b…\n");
	expect(1, "…\n…\n…\n");
}

static void test_none(void **state)
{
	struct mw_rows rows = { .columns = columns, .n_columns = 4 };
	const struct mw_pager out = { 0 };

	mw_rows_print(&rows, &out);
	mw_rows_done(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
