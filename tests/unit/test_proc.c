/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>

#include "core/proc.h"

static const char argv1[] = "prog\0-x\0";

#define ARGV(s) .argv = (s), .argv_len = sizeof(s) - 1

static struct mw_procs *new_procs(size_t max)
{
	struct mw_procs *p;

	assert_int_equal(mw_procs_new(&test_alloc, max, &p), 0);
	return p;
}

static void push(struct mw_procs *p, const struct mw_event_hdr *ev)
{
	assert_int_equal(mw_procs_push(p, ev), 0);
}

static const struct mw_proc *get(struct mw_procs *p, struct mw_prockey key)
{
	const struct mw_proc *x = mw_procs_get(p, key);

	if (!x)
		fail_msg("no process %llu", (unsigned long long)key.tgid);
	assert_true(mw_prockey_eq(x->key, key));
	return x;
}

static void exec_says_what_it_is(void **state)
{
	struct mw_procs *p = new_procs(100);
	const struct mw_proc *x;

	push(p, tev_proc((struct tev_proc){ .proc = tp(5),
					    .parent = tp(4),
					    .ts = 100,
					    .uid = 1,
					    .gid = 2,
					    .loginuid = 3,
					    .session = 4,
					    .dev = 6,
					    .ino = 7,
					    .cgroup_id = 8,
					    .exe = "/bin/prog",
					    .cwd = "/home",
					    ARGV("prog\0-x\0") }));
	x = get(p, tp(5));
	assert_true(mw_prockey_eq(x->parent, tp(4)));
	assert_int_equal(x->since_ns, 100);
	assert_int_equal(x->exec_ns, 100);
	assert_int_equal(x->uid, 1);
	assert_int_equal(x->gid, 2);
	assert_int_equal(x->loginuid, 3);
	assert_int_equal(x->audit_session, 4);
	assert_int_equal(x->dev, 6);
	assert_int_equal(x->ino, 7);
	assert_int_equal(x->cgroup_id, 8);
	assert_true(x->known);
	assert_false(x->exited);
	assert_slice_equal(x->exe, "/bin/prog");
	assert_slice_equal(x->cwd, "/home");
	assert_int_equal(x->argv.n, sizeof(argv1) - 1);
	assert_int_equal(x->cgroup.n, 0);
	assert_null(mw_procs_get(p, tp(4)));
	mw_procs_free(p);
}

static void argv_elements(void **state)
{
	struct mw_slice v = MW_SLICE_LIT("a\0\0bc\0cut");

	assert_slice_equal(mw_argv_at(v, 0), "a");
	assert_slice_equal(mw_argv_at(v, 1), "");
	assert_non_null(mw_argv_at(v, 1).p);
	assert_slice_equal(mw_argv_at(v, 2), "bc");
	assert_slice_equal(mw_argv_at(v, 3), "cut");
	assert_null(mw_argv_at(v, 4).p);
	assert_null(mw_argv_at(mw_slice(NULL, 0), 0).p);
	assert_null(mw_argv_at(mw_slice("a", 2), 1).p);
}

static void fork_copies_and_shares(void **state)
{
	struct mw_procs *p = new_procs(20000);
	static char argv[8192];
	const struct mw_proc *x;
	size_t before;

	memset(argv, 'a', sizeof(argv));
	push(p, tev_proc((struct tev_proc){ .proc = tp(1),
					    .ts = 1,
					    .uid = 0,
					    .gid = 9,
					    .loginuid = 3,
					    .exe = "/bin/sh",
					    .cwd = "/",
					    .argv = argv,
					    .argv_len = sizeof(argv) }));
	push(p, tev_fork(tp(1), tp(2), 2));
	x = get(p, tp(2));
	assert_true(mw_prockey_eq(x->parent, tp(1)));
	assert_false(x->known);
	assert_int_equal(x->exec_ns, 0);
	assert_int_equal(x->gid, 9);
	assert_int_equal(x->loginuid, 3);
	assert_slice_equal(x->exe, "/bin/sh");
	assert_ptr_equal(x->argv.p, get(p, tp(1))->argv.p);

	before = test_alloc_live();
	for (uint32_t i = 0; i < 10000; i++)
		push(p, tev_fork(tp(1), tp(100 + i), 3));
	assert_true(test_alloc_live() - before < 10000 * 500);
	assert_int_equal(mw_procs_evicted(p), 0);
	/* its own program now; the others keep the old */
	push(p, tev_proc(
		    (struct tev_proc){ .proc = tp(100), .ts = 9, .exe = "/bin/ls", ARGV("ls\0") }));
	assert_slice_equal(get(p, tp(100))->exe, "/bin/ls");
	assert_slice_equal(get(p, tp(100))->cwd, "/");
	assert_slice_equal(get(p, tp(101))->exe, "/bin/sh");
	assert_true(mw_prockey_eq(get(p, tp(100))->parent, tp(1)));
	mw_procs_free(p);
}

static void parent_is_learned_once(void **state)
{
	struct mw_procs *p = new_procs(100);

	push(p, tev_exit(tp(7), 0, 1)); /* noted by its header alone */
	assert_true(mw_prockey_none(get(p, tp(7))->parent));
	assert_int_equal(get(p, tp(7))->loginuid, UINT32_MAX);
	push(p, tev_proc((struct tev_proc){ .proc = tp(7), .parent = tp(3), .exe = "/x" }));
	push(p, tev_proc((struct tev_proc){ .proc = tp(7), .parent = tp(1), .exe = "/x" }));
	push(p, tev_fork(tp(2), tp(7), 5));
	assert_true(mw_prockey_eq(get(p, tp(7))->parent, tp(3)));
	assert_slice_equal(get(p, tp(7))->exe, "/x");
	/* itself is nobody's parent */
	push(p, tev_fork(tp(8), tp(8), 5));
	push(p, tev_proc((struct tev_proc){ .proc = tp(8), .parent = tp(8), .exe = "/x" }));
	assert_true(mw_prockey_none(get(p, tp(8))->parent));
	mw_procs_free(p);
}

static void proc_fills_what_is_missing(void **state)
{
	struct mw_procs *p = new_procs(100);
	const struct mw_proc *x;

	push(p, tev_proc((struct tev_proc){ .proc = tp(5),
					    .ts = 100,
					    .exe = "/kernel",
					    .cwd = "/a",
					    .gid = 4,
					    .dev = 1,
					    .ino = 1,
					    ARGV("kernel\0") }));
	push(p, tev_proc((struct tev_proc){ .type = MW_EV_PROC,
					    .proc = tp(5),
					    .ts = 110,
					    .exe = "/proc",
					    .cwd = "/b",
					    .cgroup = "/c",
					    .gid = 5,
					    .parent = tp(2),
					    .dev = 2,
					    .ino = 2,
					    ARGV("renamed\0") }));
	x = get(p, tp(5));
	assert_slice_equal(x->exe, "/kernel");
	assert_slice_equal(mw_argv_at(x->argv, 0), "kernel");
	assert_slice_equal(x->cwd, "/b");
	assert_slice_equal(x->cgroup, "/c");
	assert_int_equal(x->gid, 4);
	assert_int_equal(x->dev, 1);
	assert_true(mw_prockey_eq(x->parent, tp(2)));

	/* read before the exec: what it says of the program and cwd is old */
	push(p, tev_proc((struct tev_proc){ .proc = tp(5), .ts = 200 }));
	assert_int_equal(get(p, tp(5))->exe.n, 0);
	assert_int_equal(get(p, tp(5))->argv.n, 0);
	push(p, tev_proc((struct tev_proc){ .type = MW_EV_PROC,
					    .proc = tp(5),
					    .ts = 150,
					    .exe = "/old",
					    .cwd = "/old",
					    ARGV("old\0") }));
	assert_int_equal(get(p, tp(5))->exe.n, 0);
	assert_slice_equal(get(p, tp(5))->cwd, "/b");
	push(p, tev_proc((struct tev_proc){ .type = MW_EV_PROC,
					    .proc = tp(5),
					    .ts = 250,
					    .exe = "/new",
					    .dev = 3,
					    .ino = 3,
					    ARGV("new\0") }));
	assert_slice_equal(get(p, tp(5))->exe, "/new");
	assert_slice_equal(mw_argv_at(get(p, tp(5))->argv, 0), "new");
	assert_int_equal(get(p, tp(5))->dev, 3);

	/* the kernel's path was cut: /proc's is whole */
	push(p, tev_proc((struct tev_proc){
		    .proc = tp(6), .ts = 1, .exe = "tail/of/it", .exe_state = MW_PATH_CUT }));
	push(p, tev_proc((struct tev_proc){
		    .type = MW_EV_PROC, .proc = tp(6), .ts = 2, .exe = "/whole/tail/of/it" }));
	assert_slice_equal(get(p, tp(6))->exe, "/whole/tail/of/it");

	/* no exec was ever seen: the newest word is the best */
	for (int i = 0; i < 2; i++)
		push(p, tev_proc((struct tev_proc){ .type = MW_EV_PROC,
						    .proc = tp(9),
						    .ts = (uint64_t)i + 1,
						    .exe = i ? "/second" : "/first" }));
	assert_slice_equal(get(p, tp(9))->exe, "/second");
	mw_procs_free(p);
}

static void pid_reuse(void **state)
{
	struct mw_procs *p = new_procs(100);
	struct mw_prockey a = { 100, 5 }, b = { 200, 5 };

	push(p, tev_proc((struct tev_proc){ .proc = a, .ts = 1, .exe = "/a" }));
	push(p, tev_exit(a, 3 << 8, 2));
	push(p, tev_proc((struct tev_proc){ .proc = b, .ts = 3, .exe = "/b" }));
	assert_slice_equal(get(p, a)->exe, "/a");
	assert_slice_equal(get(p, b)->exe, "/b");
	assert_true(get(p, a)->exited);
	assert_int_equal(get(p, a)->code, 3 << 8);
	assert_int_equal(get(p, a)->exit_ns, 2);
	assert_false(get(p, b)->exited);
	push(p, tev_exit(a, 9, 7)); /* again: the first counts */
	assert_int_equal(get(p, a)->code, 3 << 8);
	mw_procs_free(p);
}

static void ended_go_first(void **state)
{
	struct mw_procs *p = new_procs(4);

	for (uint32_t i = 1; i <= 4; i++)
		push(p, tev_proc((struct tev_proc){ .proc = tp(i), .ts = i, .exe = "/x" }));
	push(p, tev_exit(tp(3), 0, 10));
	push(p, tev_exit(tp(2), 0, 11));
	push(p, tev_fork(tp(4), tp(5), 12));
	assert_null(mw_procs_get(p, tp(3)));
	push(p, tev_fork(tp(4), tp(6), 12));
	assert_null(mw_procs_get(p, tp(2)));
	assert_int_equal(mw_procs_evicted(p), 0);
	push(p, tev_fork(tp(4), tp(7), 12));
	assert_null(mw_procs_get(p, tp(1)));
	assert_int_equal(mw_procs_evicted(p), 1);
	/* the oldest now is the parent itself: it is spared */
	push(p, tev_fork(tp(4), tp(8), 13));
	get(p, tp(4));
	assert_null(mw_procs_get(p, tp(5)));
	mw_procs_free(p);
}

static void strings_are_bounded(void **state)
{
	struct mw_procs *p = new_procs(1000);
	static char argv[8192], big[60000];
	size_t base = test_alloc_live(), max = 0;

	for (uint32_t i = 1; i < 3000; i++) {
		snprintf(argv, sizeof(argv), "%u", i);
		push(p, tev_proc((struct tev_proc){ .proc = tp(i),
						    .ts = i,
						    .argv = argv,
						    .argv_len = sizeof(argv),
						    .exe = "/x" }));
		max = test_alloc_live() > max ? test_alloc_live() : max;
		assert_non_null(mw_procs_get(p, tp(i)));
	}
	assert_true(max - base < 1000 * 2048 + 1000 * 600);
	assert_true(mw_procs_evicted(p) > 0);
	memset(big, 'b', sizeof(big));
	push(p, tev_proc((struct tev_proc){
		    .proc = tp(9999), .ts = 1, .argv = big, .argv_len = sizeof(big) }));
	assert_int_equal(get(p, tp(9999))->argv.n, sizeof(big));
	mw_procs_free(p);
}

static void users(void **state)
{
	struct mw_procs *p = new_procs(10);

	assert_int_equal(mw_procs_user(p, 0).n, 0);
	push(p, tev_user(0, "root"));
	push(p, tev_user(1000, "me"));
	push(p, tev_user(1000, "renamed"));
	push(p, tev_user(7, ""));
	assert_int_equal(mw_procs_home(p, 1000).n, 0);
	push(p, tev_home(9, "n", "/srv/n"));
	assert_slice_equal(mw_procs_user(p, 9), "n");
	assert_slice_equal(mw_procs_home(p, 9), "/srv/n");
	assert_slice_equal(mw_procs_user(p, 0), "root");
	assert_slice_equal(mw_procs_user(p, 1000), "renamed");
	assert_int_equal(mw_procs_user(p, 7).n, 0);
	for (uint32_t i = 0; i < 10000; i++)
		push(p, tev_user(100000 + i, "x"));
	assert_slice_equal(mw_procs_user(p, 100000 + 9999), "x");
	assert_int_equal(mw_procs_user(p, 0).n, 0);
	mw_procs_free(p);
}

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void cgroup_paths(void **state)
{
	static const struct {
		const char *path, *container, *unit;
	} t[] = {
		{ "", "", "" },
		{ "/", "", "" },
		{ "/system.slice/docker-" ID ".scope", ID, "docker-" ID ".scope" },
		{ "/docker/" ID, ID, "" },
		{ "/docker/" ID "/", ID, "" },
		{ "/docker/" ID "/docker/" ID2 "/x", ID2, "" },
		{ "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", ID,
		  "cri-containerd-" ID ".scope" },
		{ "/kubepods/burstable/pod8c1/" ID, ID, "" },
		{ "/machine.slice/libpod-" ID ".scope/container", ID, "libpod-" ID ".scope" },
		{ "/machine.slice/libpod-conmon-" ID ".scope", "", "libpod-conmon-" ID ".scope" },
		{ "/lxc.payload.box/system.slice/a.service", "box", "a.service" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/vi.scope", "",
		  "vi.scope" },
		{ "/system.slice/ssh.service", "", "ssh.service" },
		{ "/system.slice/.service", "", "" },
		{ "/x" ID, "", "" },
		{ "/docker/0123", "", "" },
		{ "/docker/" ID "0", "", "" },
		{ "/k8s:cri:" ID, ID, "" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct mw_slice path = mw_slice_str(t[i].path);

		assert_true(mw_slice_eq_str(mw_cgroup_container(path), t[i].container));
		assert_true(mw_slice_eq_str(mw_cgroup_unit(path), t[i].unit));
	}
}

static void any_bytes_pass(void **state)
{
	struct mw_procs *p = new_procs(10);

	push(p, tev_proc((struct tev_proc){ .proc = tp(1), .exe = "/a\xff\n\xc0/b", .cwd = "\n" }));
	assert_slice_equal(get(p, tp(1))->exe, "/a\xff\n\xc0/b");
	mw_procs_free(p);
}

static void memory_may_fail(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_procs *p;
		const struct mw_event_hdr *ev[5];
		bool lost = false;
		int r;

		r = mw_procs_new(&test_alloc_failing, 3, &p);
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			continue;
		}
		ev[0] = tev_proc(
		    (struct tev_proc){ .proc = tp(1), .exe = "/a", .cwd = "/", ARGV("a\0") });
		ev[1] = tev_fork(tp(1), tp(2), 1);
		ev[2] = tev_proc((struct tev_proc){ .proc = tp(2), .exe = "/b", .cgroup = "/c" });
		ev[3] = tev_user(1, "u");
		ev[4] = tev_user(1, "v");
		for (int i = 0; i < 5; i++) {
			r = mw_procs_push(p, ev[i]);
			assert_true(r == 0 || r == -ENOMEM);
			lost |= r < 0;
		}
		assert_int_equal(lost, test_alloc_failed());
		/* never the parent's for the child's own */
		if (mw_procs_get(p, tp(2)) && mw_procs_get(p, tp(2))->exec_ns)
			assert_false(mw_slice_eq_str(mw_procs_get(p, tp(2))->exe, "/a"));
		mw_procs_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exec_says_what_it_is),
		cmocka_unit_test(argv_elements),
		cmocka_unit_test(fork_copies_and_shares),
		cmocka_unit_test(parent_is_learned_once),
		cmocka_unit_test(proc_fills_what_is_missing),
		cmocka_unit_test(pid_reuse),
		cmocka_unit_test(ended_go_first),
		cmocka_unit_test(strings_are_bounded),
		cmocka_unit_test(users),
		cmocka_unit_test(cgroup_paths),
		cmocka_unit_test(any_bytes_pass),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
