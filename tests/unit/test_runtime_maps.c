/* SPDX-License-Identifier: Apache-2.0 */
/* test_runtime_maps.c - where files lie in a process: this one, whose loader knows it too */
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/runtime_maps.h"

struct wanted {
	const char *name;
	uint64_t bias;
};

static int look(struct dl_phdr_info *i, size_t size, void *arg)
{
	struct wanted *w = arg;

	(void)size;
	if (!(w->name ? strstr(i->dlpi_name, w->name) != NULL : !i->dlpi_name[0]))
		return 0;
	w->bias = i->dlpi_addr;
	return 1;
}

static void test_library(void **state)
{
	struct wanted w = { .name = "/libc.so.6" };
	struct mw_binary b = { 0 };
	struct mw_mapping m;
	Elf64_Sym sym;
	uint64_t bias;
	int r;

	(void)state;
	assert_int_equal(dl_iterate_phdr(look, &w), 1);
	assert_int_equal(mw_maps_find((uint32_t)getpid(), "libc.so.", 0, &m), 0);
	r = mw_maps_open((uint32_t)getpid(), &m, &b);
	if (r == -EPERM)
		skip(); /* not root */
	assert_int_equal(r, 0);
	assert_int_equal(mw_binary_symbol(&b, "gnu_get_libc_version", &sym), 0);
	assert_int_equal(mw_maps_bias(&m, &b, &bias), 0);
	assert_int_equal(bias, w.bias);
	mw_binary_close(&b);
	/* and no second one */
	assert_int_equal(mw_maps_find((uint32_t)getpid(), "libc.so.", m.end, &m), -ENOENT);
}

static void test_program(void **state)
{
	struct wanted w = { 0 };
	struct mw_binary b = { 0 };
	uint64_t bias;

	(void)state;
	assert_int_equal(dl_iterate_phdr(look, &w), 1);
	assert_int_equal(mw_binary_open((uint32_t)getpid(), &b), 0);
	assert_int_equal(mw_maps_bias_exe((uint32_t)getpid(), &b, &bias), 0);
	assert_int_equal(bias, w.bias);
	mw_binary_close(&b);
}

static void test_none(void **state)
{
	struct mw_mapping m = { 1, 2 };

	(void)state;
	assert_int_equal(mw_maps_find((uint32_t)getpid(), "libpython3.", 0, &m), -ENOENT);
	assert_int_equal(mw_maps_find(0x7fffffff, "libc.so.", 0, &m), -ESRCH);
	assert_int_equal(m.start, 1);
	assert_int_equal(m.end, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
