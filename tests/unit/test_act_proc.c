/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "core/act.h"
#include "core/opnames.h"

static struct mw_act *act;

static int set_up(void **state)
{
	(void)state;
	return mw_act_new(&test_alloc, 4, &act);
}

static int tear_down(void **state)
{
	(void)state;
	mw_act_free(act);
	return 0;
}

/* The one action that comes of it; borrowed until the next. */
static struct mw_action one(struct tev_act a)
{
	struct mw_action x, y;

	a.proc = tp(1);
	assert_int_equal(mw_act_push(act, tev_act(a)), 0);
	assert_int_equal(mw_act_next(act, &x), 1);
	assert_int_equal(mw_act_next(act, &y), 0);
	assert_true(mw_prockey_eq(x.proc, tp(1)));
	assert_int_equal(x.ret, a.ret);
	return x;
}

static void expect(const struct mw_action *x, enum mw_effect_kind kind, const char *target,
		   bool from_kernel, const char *asked, const char *mode)
{
	assert_int_equal(x->kind, kind);
	assert_slice_equal(x->target, target);
	assert_int_equal(x->from_kernel, from_kernel);
	assert_slice_equal(x->asked, asked);
	assert_string_equal(x->mode, mode);
}

static void signals(void **state)
{
	const uint64_t minus5 = (uint64_t)-5, minus1 = (uint64_t)-1;
	struct mw_action x;

	(void)state;
	/* what was asked for is what was found */
	x = one((struct tev_act){ .op = MW_OP_KILL, .num = { 77, SIGTERM, 77, 9 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pid:77", true, "", "SIGTERM");
	assert_int_equal(x.other.tgid, 77);
	assert_int_equal(x.other.start_ns, 9);
	/* a thread, or a pid of another namespace */
	x = one((struct tev_act){ .op = MW_OP_KILL, .num = { 2, SIGKILL, 77, 9 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pid:77", true, "pid:2", "SIGKILL");
	/* nobody */
	x = one((struct tev_act){ .op = MW_OP_KILL, .ret = -ESRCH, .num = { 78, 0 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pid:78", false, "", "0 (asks only)");
	assert_int_equal(x.other.tgid, 0);
	/* groups, and all */
	x = one((struct tev_act){ .op = MW_OP_KILL, .num = { 0, SIGINT, 40 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pgid:40", true, "pid:0", "SIGINT");
	assert_int_equal(x.other.tgid, 0);
	x = one((struct tev_act){ .op = MW_OP_KILL, .num = { minus5, 34, 41, 9 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pgid:41", true, "pid:-5", "SIGRT_2");
	assert_int_equal(x.other.tgid, 41);
	assert_int_equal(x.other.start_ns, 9);
	x = one((struct tev_act){ .op = MW_OP_KILL, .num = { minus1, 99 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pid:-1", false, "", "99");
	/* by pidfd */
	x = one((struct tev_act){ .op = MW_OP_KILL, .fd = 5, .num = { 0, SIGUSR1, 77, 9 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pid:77", true, "pidfd:5", "SIGUSR1");
	x = one((struct tev_act){ .op = MW_OP_KILL, .ret = -EBADF, .fd = 5, .num = { 0, 1 } });
	expect(&x, MW_EFFECT_PROC_KILL, "pidfd:5", false, "", "SIGHUP");
}

static void others_memory(void **state)
{
	struct mw_action x;

	(void)state;
	x = one((struct tev_act){ .op = MW_OP_PTRACE, .num = { PTRACE_ATTACH, 5, 5, 9 } });
	expect(&x, MW_EFFECT_PROC_PTRACE, "pid:5", true, "", "PTRACE_ATTACH");
	assert_int_equal(x.other.tgid, 5);
	x = one((struct tev_act){ .op = MW_OP_PTRACE, .num = { 0, 0, 3, 9 } });
	expect(&x, MW_EFFECT_PROC_PTRACE, "pid:3", true, "", "PTRACE_TRACEME");
	x = one((struct tev_act){ .op = MW_OP_PTRACE, .ret = -ESRCH, .num = { 0x4206, 5 } });
	expect(&x, MW_EFFECT_PROC_PTRACE, "pid:5", false, "", "PTRACE_SEIZE");
	x = one((struct tev_act){ .op = MW_OP_PTRACE, .ret = -EIO, .num = { 0x7777, 5, 5, 9 } });
	assert_string_equal(x.mode, "0x7777");

	x = one((struct tev_act){ .op = MW_OP_VM, .ret = 23, .num = { 0, 5, 5, 9 } });
	expect(&x, MW_EFFECT_PROC_VM_ACCESS, "pid:5", true, "", "process_vm_readv");
	assert_true(x.has_bytes);
	assert_int_equal(x.bytes_r, 23);
	assert_int_equal(x.bytes_w, 0);
	x = one((struct tev_act){ .op = MW_OP_VM, .ret = 7, .flags = 1, .num = { 0, 5, 5, 9 } });
	assert_string_equal(x.mode, "process_vm_writev");
	assert_int_equal(x.bytes_w, 7);
	x = one((struct tev_act){ .op = MW_OP_VM, .ret = -EPERM, .num = { 0, 5, 5, 9 } });
	assert_false(x.has_bytes);

	x = one((struct tev_act){ .op = MW_OP_PIDFD_GETFD,
				  .ret = 8,
				  .fd = 8,
				  .path = "/etc/shadow",
				  .ino = 3,
				  .num = { 5, 4, 0, 9 } });
	expect(&x, MW_EFFECT_PROC_PIDFD_GETFD, "pid:5", true, "", "fd=4");
	assert_slice_equal(x.object, "/etc/shadow");
	assert_int_equal(x.ino, 3);
	x = one((struct tev_act){ .op = MW_OP_PIDFD_GETFD, .ret = -EBADF, .num = { 0, 4 } });
	expect(&x, MW_EFFECT_PROC_PIDFD_GETFD, "", false, "", "fd=4");

	x = one((struct tev_act){ .op = MW_OP_MEMFD,
				  .ret = 5,
				  .fd = 5,
				  .flags = 3,
				  .path = "memfd:x",
				  .path_state = MW_PATH_NAME,
				  .asked = "x" });
	expect(&x, MW_EFFECT_PROC_MEMFD, "memfd:x", true, "", "MFD_CLOEXEC|MFD_ALLOW_SEALING");
	x = one((struct tev_act){ .op = MW_OP_MEMFD, .ret = -EINVAL, .asked = "y" });
	expect(&x, MW_EFFECT_PROC_MEMFD, "memfd:y", false, "", "");
}

static void ids(void **state)
{
	static const struct {
		uint32_t sysno;
		bool compat;
		uint64_t num[4];
		const char *mode;
	} want[] = {
		{ SYS_setuid, false, { 1000 }, "setuid uid=1000" },
		{ SYS_setresuid, false, { 0, 0, 0 }, "setresuid ruid=0 euid=0 suid=0" },
		{ SYS_setregid, false, { 0xffffffff, 5 }, "setregid rgid=-1 egid=5" },
		{ SYS_setfsuid, false, { 7 }, "setfsuid fsuid=7" },
		{ SYS_setgroups, false, { 2, 4, 27 }, "setgroups 2 [4,27]" },
		{ SYS_setgroups, false, { 9, 1, 2, 3 }, "setgroups 9 [1,2,3,...]" },
		{ SYS_setgroups, false, { (uint64_t)-1 }, "setgroups -1 []" },
		{ SYS_capset,
		  false,
		  { 0x1ffffffffff, 1, 0 },
		  "capset eff=1ffffffffff perm=1 inh=0" },
		{ 23, true, { 5 }, "setuid uid=5" },
		{ 70, true, { 0xffff, 0xffff0005 }, "setreuid ruid=-1 euid=5" },
		{ 208, true, { 0xffffffff, 0xffff, 3 }, "setresuid ruid=-1 euid=65535 suid=3" },
		{ 999, false, { 0 }, "999" },
	};
	const uint32_t most = 4294967294u;
	struct mw_action x;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		struct tev_act a = { .op = MW_OP_SETID,
				     .sysno = want[i].sysno,
				     .compat = want[i].compat };

		memcpy(a.num, want[i].num, sizeof(a.num));
		x = one(a);
		expect(&x, MW_EFFECT_PROC_SETID, "", false, "", want[i].mode);
	}
	x = one((struct tev_act){ .op = MW_OP_SETID, .sysno = SYS_prctl, .flags = 1 });
	expect(&x, MW_EFFECT_PROC_SETID, "", false, "", "no_new_privs");
	/* the longest there is fits */
	x = one((struct tev_act){
	    .op = MW_OP_SETID, .sysno = SYS_setresuid, .num = { most, most, most } });
	assert_string_equal(x.mode, "setresuid ruid=4294967294 euid=4294967294 suid=4294967294");
	x = one((struct tev_act){ .op = MW_OP_SETID,
				  .sysno = SYS_capset,
				  .num = { UINT64_MAX, UINT64_MAX, UINT64_MAX } });
	assert_string_equal(
	    x.mode, "capset eff=ffffffffffffffff perm=ffffffffffffffff inh=ffffffffffffffff");
}

static void namespaces(void **state)
{
	struct mw_action x;

	(void)state;
	x = one((struct tev_act){
	    .op = MW_OP_NS, .sysno = SYS_unshare, .num = { CLONE_NEWNS | CLONE_NEWUSER } });
	expect(&x, MW_EFFECT_PROC_NS, "", false, "", "unshare CLONE_NEWNS|CLONE_NEWUSER");
	x = one((struct tev_act){ .op = MW_OP_NS, .sysno = SYS_unshare, .num = { 0x7e020080 } });
	assert_string_equal(x.mode,
			    "unshare CLONE_NEWTIME|CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|"
			    "CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET");
	x = one((struct tev_act){
	    .op = MW_OP_NS, .sysno = SYS_clone3, .ret = 88, .num = { CLONE_NEWPID } });
	expect(&x, MW_EFFECT_PROC_NS, "pid:88", false, "", "clone CLONE_NEWPID");
	x = one((struct tev_act){
	    .op = MW_OP_NS, .sysno = SYS_clone, .ret = -EPERM, .num = { CLONE_NEWNET } });
	expect(&x, MW_EFFECT_PROC_NS, "", false, "", "clone CLONE_NEWNET");
	x = one((struct tev_act){
	    .op = MW_OP_NS, .sysno = SYS_setns, .fd = 4, .num = { 0, 4026531840, CLONE_NEWNET } });
	expect(&x, MW_EFFECT_PROC_NS, "net:[4026531840]", true, "", "setns CLONE_NEWNET");
	x = one((struct tev_act){ .op = MW_OP_NS,
				  .sysno = 346,
				  .compat = true,
				  .fd = 4,
				  .num = { CLONE_NEWNS | CLONE_NEWPID, 0, 0, 77 } });
	expect(&x, MW_EFFECT_PROC_NS, "pid:77", true, "", "setns CLONE_NEWNS|CLONE_NEWPID");
	x = one((struct tev_act){ .op = MW_OP_NS, .sysno = SYS_setns, .ret = -EBADF, .fd = 9 });
	expect(&x, MW_EFFECT_PROC_NS, "fd:9", false, "", "setns");
}

static void kernel(void **state)
{
	struct mw_action x;

	(void)state;
	x = one((struct tev_act){ .op = MW_OP_BPF, .ret = 5, .num = { 5 } });
	expect(&x, MW_EFFECT_KERNEL_BPF, "", false, "", "BPF_PROG_LOAD");
	x = one((struct tev_act){ .op = MW_OP_BPF, .ret = -EINVAL, .num = { 777 } });
	expect(&x, MW_EFFECT_KERNEL_BPF, "", false, "", "777");

	x = one((struct tev_act){ .op = MW_OP_URING_SETUP, .ret = 5, .num = { 8 } });
	expect(&x, MW_EFFECT_KERNEL_IO_URING, "", false, "", "io_uring_setup");
	x = one((struct tev_act){ .op = MW_OP_URING, .num = { 22, 1000 } });
	expect(&x, MW_EFFECT_KERNEL_IO_URING, "", false, "", "IORING_OP_READ");
	assert_int_equal(x.n, 1000);
	x = one((struct tev_act){
	    .op = MW_OP_URING, .num = { 18, 1 }, .base = "/srv/a", .asked = "../b" });
	expect(&x, MW_EFFECT_KERNEL_IO_URING, "/srv/b", false, "../b", "IORING_OP_OPENAT");
	x = one((struct tev_act){
	    .op = MW_OP_URING, .num = { 35, 1 }, .asked = "/a", .base2 = "/srv", .asked2 = "c" });
	expect(&x, MW_EFFECT_KERNEL_IO_URING, "/a", false, "", "IORING_OP_RENAMEAT");
	assert_slice_equal(x.target2, "/srv/c");
	x = one((struct tev_act){
	    .op = MW_OP_URING, .num = { 16, 1 }, .peer = t_addr4("10.0.0.1", 80) });
	expect(&x, MW_EFFECT_KERNEL_IO_URING, "10.0.0.1:80", false, "", "IORING_OP_CONNECT");
	x = one((struct tev_act){ .op = MW_OP_URING, .num = { 200, 1 } });
	assert_string_equal(x.mode, "200");

	x = one((struct tev_act){ .op = MW_OP_MODULE, .ret = -EPERM });
	expect(&x, MW_EFFECT_KERNEL_MODULE, "", false, "", "init_module");
	x = one((struct tev_act){ .op = MW_OP_MODULE, .fd = 4, .path = "/x.ko", .ino = 4 });
	expect(&x, MW_EFFECT_KERNEL_MODULE, "/x.ko", true, "", "finit_module");
	assert_int_equal(x.ino, 4);
	x = one((struct tev_act){ .op = MW_OP_MODULE, .flags = 1, .asked = "nf_tables" });
	expect(&x, MW_EFFECT_KERNEL_MODULE, "nf_tables", false, "", "delete_module");
}

/* Every number has a name or stays a number, and no name is longer than promised. */
static void names(void **state)
{
	static void (*const fn[])(uint64_t, char *, size_t) = { mw_signal_name, mw_ptrace_name,
								mw_bpf_name, mw_uring_name };
	char out[128], least[48];

	(void)state;
	for (size_t i = 0; i < sizeof(fn) / sizeof(*fn); i++) {
		for (uint64_t n = 0; n < 20000; n++) {
			fn[i](n, out, sizeof(out));
			assert_true(out[0] != '\0');
			if (i == 0) {
				fn[i](n, least, sizeof(least));
				assert_string_equal(out, least);
			}
		}
		fn[i](UINT64_MAX, out, sizeof(out));
		assert_true(out[0] != '\0');
	}
	mw_signal_name(31, out, sizeof(out));
	assert_string_equal(out, "SIGSYS");
	mw_signal_name(64, out, sizeof(out));
	assert_string_equal(out, "SIGRT_32");
	mw_bpf_name(35, out, sizeof(out));
	assert_string_equal(out, "BPF_PROG_BIND_MAP");
	mw_uring_name(48, out, sizeof(out));
	assert_string_equal(out, "IORING_OP_SENDMSG_ZC");
	mw_ptrace_name(0x420e, out, sizeof(out));
	assert_string_equal(out, "PTRACE_GET_SYSCALL_INFO");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(signals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(namespaces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kernel, set_up, tear_down),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
