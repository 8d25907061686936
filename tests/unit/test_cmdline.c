/* SPDX-License-Identifier: Apache-2.0 */
/* test_cmdline.c - arguments of processes; of one that cannot be read in time, none */
#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mcpwatch/event.h>

#include "io/cmdline.h"

static void test_own(void **state)
{
	char buf[MW_ARGV_MAX + 1], few[4];
	size_t n = mw_cmdline_read((uint32_t)getpid(), 0, buf, sizeof(buf));

	assert_true(n > 12 && buf[n - 1] == '\0');
	assert_non_null(strstr(buf, "test_cmdline"));
	assert_int_equal(mw_cmdline_read((uint32_t)getpid(), 1, few, sizeof(few)), sizeof(few));
	assert_memory_equal(few, buf, sizeof(few));
}

static void test_gone(void **state)
{
	char buf[16];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(mw_cmdline_read((uint32_t)pid, 0, buf, sizeof(buf)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
