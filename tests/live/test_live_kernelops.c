/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_kernelops.c - bpf, modules, io_uring_setup */
#include "live.h"

#include <linux/bpf.h>
#include <linux/io_uring.h>

static int64_t result(long r)
{
	return r < 0 ? -errno : r;
}

static int call_kernel(void *arg)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	struct io_uring_params p = { .flags = IORING_SETUP_CLAMP };
	int64_t *v = live.sh->v;
	int fd = open("/dev/null", O_RDONLY);
	long r;

	(void)arg;
	v[0] = result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
	v[1] = result(syscall(SYS_bpf, 9999, &attr, sizeof(attr)));
	asm volatile("int $0x80" : "=a"(r) : "a"(357L), "b"(5555L), "c"(0L), "d"(0L) : "memory");
	v[2] = (int32_t)r;
	v[3] = result(syscall(SYS_io_uring_setup, 8, &p));
	v[4] = result(syscall(SYS_io_uring_setup, 0, &p));
	v[5] = result(syscall(SYS_init_module, NULL, 0, ""));
	v[6] = result(syscall(SYS_finit_module, fd, "", 0));
	v[7] = result(syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
	v[8] = fd;
	return 0;
}

static void test_bpf(void **state)
{
	static const uint64_t cmd[] = { BPF_MAP_CREATE, 9999, 5555 };

	(void)state;
	live_run(call_kernel, NULL);
	assert_int_equal(live.status, 0);
	assert_int_equal(live_count_act(MW_OP_BPF), 3);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(MW_OP_BPF, i);

		assert_int_equal(a.e->num[0], cmd[i]);
		assert_int_equal(a.e->ret, live.sh->v[i]);
		assert_int_equal(a.e->sysno, i == 2 ? 357 : SYS_bpf);
		assert_int_equal(!!(a.e->hdr.flags & MW_EVF_COMPAT), i == 2);
		live_act_done(&a);
	}
	assert_true(live.sh->v[1] < 0 && live.sh->v[2] < 0);
}

static void test_uring_setup(void **state)
{
	(void)state;
	live_run(call_kernel, NULL);
	assert_int_equal(live_count_act(MW_OP_URING_SETUP), 2);
	for (size_t i = 0; i < 2; i++) {
		struct live_act a = live_act(MW_OP_URING_SETUP, i);

		assert_int_equal(a.e->num[0], i ? 0 : 8);
		assert_int_equal(a.e->flags, IORING_SETUP_CLAMP);
		assert_int_equal(a.e->ret, live.sh->v[3 + i]);
		assert_int_equal(a.e->fd, live.sh->v[3 + i] < 0 ? -1 : live.sh->v[3 + i]);
		live_act_done(&a);
	}
	assert_true(live.sh->v[4] < 0);
}

static void test_modules(void **state)
{
	static const int sysno[] = { SYS_init_module, SYS_finit_module, SYS_delete_module };

	(void)state;
	live_run(call_kernel, NULL);
	assert_int_equal(live_count_act(MW_OP_MODULE), 3);
	for (size_t i = 0; i < 3; i++) {
		struct live_act a = live_act(MW_OP_MODULE, i);

		assert_int_equal(a.e->sysno, sysno[i]);
		assert_int_equal(a.e->ret, live.sh->v[5 + i]);
		assert_true(a.e->ret < 0);
		assert_int_equal(a.e->flags, i == 2);
		assert_string_equal(a.path, i == 1 ? "/dev/null" : "");
		assert_int_equal(a.e->fd, i == 1 ? live.sh->v[8] : -1);
		assert_string_equal(a.asked, i == 2 ? "no_such_module" : "");
		live_act_done(&a);
	}
}

const struct CMUnitTest live_kernelop_tests[] = {
	cmocka_unit_test(test_bpf),
	cmocka_unit_test(test_uring_setup),
	cmocka_unit_test(test_modules),
};
const size_t n_live_kernelop_tests = sizeof(live_kernelop_tests) / sizeof(*live_kernelop_tests);
