/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/act.h"

static struct mw_act *new_act(size_t max)
{
	struct mw_act *a;

	assert_int_equal(mw_act_new(&test_alloc, max, &a), 0);
	return a;
}

/* Pushes and wants nothing out. */
static void quiet(struct mw_act *a, const struct mw_event_hdr *ev)
{
	struct mw_action x;

	assert_int_equal(mw_act_push(a, ev), 0);
	assert_int_equal(mw_act_next(a, &x), 0);
}

/* The one action that comes of an event; borrowed until the next. */
static struct mw_action one(struct mw_act *a, const struct mw_event_hdr *ev)
{
	struct mw_action x;

	assert_int_equal(mw_act_push(a, ev), 0);
	assert_int_equal(mw_act_next(a, &x), 1);
	return x;
}

static struct mw_action next(struct mw_act *a)
{
	struct mw_action x;

	assert_int_equal(mw_act_next(a, &x), 1);
	return x;
}

static void none(struct mw_act *a)
{
	struct mw_action x;

	assert_int_equal(mw_act_next(a, &x), 0);
}

static void open_by_the_kernel(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN,
					     .proc = tp(1),
					     .ts = 7,
					     .ret = 3,
					     .path = "/srv/x",
					     .base = "/srv",
					     .asked = "x",
					     .flags = O_RDWR | O_CREAT | O_TRUNC,
					     .mode = S_IFREG | 0644,
					     .dev = 5,
					     .ino = 6 }));
	assert_int_equal(x.kind, MW_EFFECT_FILE_OPEN);
	assert_string_equal(mw_effect_kind_name(x.kind), "file.open");
	assert_int_equal(x.ts_ns, 7);
	assert_true(mw_prockey_eq(x.proc, tp(1)));
	assert_true(x.from_kernel);
	assert_slice_equal(x.target, "/srv/x");
	assert_slice_equal(x.asked, "x");
	assert_string_equal(x.mode, "rw+create+trunc");
	assert_int_equal(x.ret, 3);
	assert_int_equal(x.dev, 5);
	assert_int_equal(x.ino, 6);
	assert_false(x.is_dir);
	none(a);

	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN,
					     .path = "/srv",
					     .asked = "/srv",
					     .mode = S_IFDIR,
					     .flags = O_PATH | O_DIRECTORY }));
	assert_int_equal(x.asked.n, 0);
	assert_string_equal(x.mode, "");
	assert_true(x.is_dir);
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN,
					     .path = "pipe:[1]",
					     .path_state = MW_PATH_NAME,
					     .asked = "/proc/self/fd/1",
					     .flags = O_WRONLY | O_APPEND }));
	assert_slice_equal(x.target, "pipe:[1]");
	assert_slice_equal(x.asked, "/proc/self/fd/1");
	assert_true(x.from_kernel);
	assert_string_equal(x.mode, "a");
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN,
					     .path = "/gone",
					     .asked = "/l\xff\n",
					     .path_state = MW_PATH_DELETED,
					     .flags = O_WRONLY }));
	assert_slice_equal(x.target, "/gone");
	assert_slice_equal(x.asked, "/l\xff\n");
	assert_string_equal(x.mode, "w+deleted");
	mw_act_free(a);
}

static void open_by_the_string(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	x = one(
	    a,
	    tev_act((struct tev_act){
		.op = MW_OP_OPEN, .ret = -ENOENT, .base = "/srv/app", .asked = "../no\nne\xfe" }));
	assert_false(x.from_kernel);
	assert_slice_equal(x.target, "/srv/no\nne\xfe");
	assert_slice_equal(x.asked, "../no\nne\xfe");
	assert_int_equal(x.ret, -ENOENT);
	assert_string_equal(x.mode, "r");
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN,
					     .ret = -EACCES,
					     .asked = "/etc/shadow",
					     .flags = O_WRONLY | O_TRUNC }));
	assert_slice_equal(x.target, "/etc/shadow");
	assert_int_equal(x.asked.n, 0);
	assert_string_equal(x.mode, "w+trunc");
	/* a directory that is only a name is no base; an argument that was not readable no target
	 */
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN,
					     .ret = -ENOTDIR,
					     .base = "pipe:[3]",
					     .base_state = MW_PATH_NAME,
					     .asked = "x" }));
	assert_slice_equal(x.target, "x");
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_OPEN, .ret = -EFAULT, .base = "/srv" }));
	assert_int_equal(x.target.n, 0);
	mw_act_free(a);
}

static void unlink_rmdir_rename(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	x = one(a, tev_act((struct tev_act){ .op = MW_OP_UNLINK, .base = "/t", .asked = "f" }));
	assert_int_equal(x.kind, MW_EFFECT_FILE_DELETE);
	assert_slice_equal(x.target, "/t/f");
	assert_slice_equal(x.asked, "f");
	assert_string_equal(x.mode, "");
	assert_false(x.from_kernel);
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_RMDIR, .asked = "/t/d/" }));
	assert_int_equal(x.kind, MW_EFFECT_FILE_RMDIR);
	assert_slice_equal(x.target, "/t/d");
	assert_slice_equal(x.asked, "/t/d/");
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_RENAME,
					     .base = "/a",
					     .asked = "f.tmp",
					     .base2 = "/b",
					     .asked2 = "../c/f",
					     .ret = -EXDEV }));
	assert_int_equal(x.kind, MW_EFFECT_FILE_RENAME);
	assert_slice_equal(x.target, "/a/f.tmp");
	assert_slice_equal(x.target2, "/c/f");
	assert_int_equal(x.ret, -EXDEV);
	mw_act_free(a);
}

static void longest_strings(void **state)
{
	struct mw_act *a = new_act(4);
	static char base[30001], asked[30001];
	struct mw_action x;

	memset(base, 'b', sizeof(base) - 1);
	memset(asked, 'a', sizeof(asked) - 1);
	base[0] = '/';
	for (int i = 0; i < 3; i++) {
		x = one(a, tev_act((struct tev_act){
			       .op = MW_OP_UNLINK, .base = base, .asked = asked }));
		assert_int_equal(x.target.n, 60001);
		quiet(a, tev_act((struct tev_act){ .op = 99 }));
	}
	mw_act_free(a);
}

static void exec_and_exit(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	x = one(a, tev_proc((struct tev_proc){ .proc = tp(3),
					       .exe = "/bin/ls",
					       .argv = "ls\0-l\0",
					       .argv_len = 6,
					       .dev = 1,
					       .ino = 2,
					       .ts = 5 }));
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXEC);
	assert_slice_equal(x.target, "/bin/ls");
	assert_true(x.from_kernel);
	assert_int_equal(x.argv.n, 6);
	assert_int_equal(x.ret, 0);
	assert_int_equal(x.ino, 2);
	x = one(a, tev_act((struct tev_act){
		       .op = MW_OP_EXEC, .base = "/w", .asked = "./no", .ret = -ENOENT }));
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXEC);
	assert_slice_equal(x.target, "/w/no");
	assert_slice_equal(x.asked, "./no");
	assert_false(x.from_kernel);
	assert_int_equal(x.ret, -ENOENT);
	x = one(a, tev_exit(tp(3), 7 << 8, 9));
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXIT);
	assert_int_equal(x.code, 7);
	assert_int_equal(x.signal, 0);
	assert_int_equal(x.target.n, 0);
	x = one(a, tev_exit(tp(3), 9 | 0x80, 9)); /* with a core dump */
	assert_int_equal(x.code, -1);
	assert_int_equal(x.signal, 9);
	mw_act_free(a);
}

static struct tev_act connect_to(const char *ip, uint16_t port, uint64_t chan, int64_t ret,
				 uint64_t ts)
{
	return (struct tev_act){ .op = MW_OP_CONNECT,
				 .proc = tp(1),
				 .ts = ts,
				 .ret = ret,
				 .chan = chan,
				 .gen = 1,
				 .peer = t_addr4(ip, port),
				 .peer_from = 1 };
}

static void connect_at_once(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	x = one(a, tev_act(connect_to("10.1.2.3", 443, 1, 0, 5)));
	assert_int_equal(x.kind, MW_EFFECT_NET_CONNECT);
	assert_slice_equal(x.target, "10.1.2.3:443");
	assert_true(x.from_kernel);
	assert_int_equal(x.peer.port, 443);
	x = one(a, tev_act(connect_to("10.1.2.3", 443, 2, -ECONNREFUSED, 6)));
	assert_int_equal(x.ret, -ECONNREFUSED);
	x = one(a, tev_act((struct tev_act){ .op = MW_OP_CONNECT,
					     .peer = t_addr6("::ffff:1.2.3.4", 5) }));
	assert_slice_equal(x.target, "1.2.3.4:5");
	assert_false(x.from_kernel);
	/* in progress, but nothing to join it by */
	x = one(a, tev_act((struct tev_act){
		       .op = MW_OP_CONNECT, .peer = t_addr6("::1", 5), .ret = -EINPROGRESS }));
	assert_slice_equal(x.target, "[::1]:5");
	assert_int_equal(x.ret, -EINPROGRESS);
	/* AF_UNSPEC undoes a connect */
	quiet(a, tev_act((struct tev_act){ .op = MW_OP_CONNECT }));
	mw_act_free(a);
}

static void connect_unix(void **state)
{
	struct mw_act *a = new_act(4);
	struct tev_act e = { .op = MW_OP_CONNECT, .peer = { .family = AF_UNIX } };
	struct mw_action x;

	e.asked = "/run/x.sock\0rubbish";
	e.asked_len = 19;
	x = one(a, tev_act(e));
	assert_slice_equal(x.target, "unix:/run/x.sock");
	assert_false(x.from_kernel);
	e.path_state = MW_PATH_FULL;
	e.asked = "\0bus\0x";
	e.asked_len = 6;
	e.ret = -EAGAIN;
	x = one(a, tev_act(e));
	assert_true(x.from_kernel);
	assert_int_equal(x.target.n, 5 + 1 + 5);
	assert_memory_equal(x.target.p, "unix:@bus\0x", 11);
	assert_int_equal(x.ret, -EAGAIN);
	e.path_state = 0;
	e.asked_len = 0;
	e.asked = "d/../x.sock";
	e.base = "/home";
	x = one(a, tev_act(e));
	assert_slice_equal(x.target, "unix:/home/x.sock");
	assert_slice_equal(x.asked, "d/../x.sock");
	e.base = NULL;
	e.ret = -EINPROGRESS;
	x = one(a, tev_act(e));
	assert_slice_equal(x.target, "unix:d/../x.sock");
	mw_act_free(a);
}

static void connect_in_progress(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	quiet(a, tev_act(connect_to("10.0.0.1", 80, 1, -EINPROGRESS, 5)));
	quiet(a, tev_act(connect_to("10.0.0.2", 80, 2, -EINPROGRESS, 6)));
	quiet(a, tev_act(connect_to("10.0.0.2", 80, 2, -EALREADY, 6)));
	quiet(a, tev_sock(2, 99, 0, 7)); /* another generation of it */
	x = one(a, tev_sock(2, 1, ECONNREFUSED, 8));
	assert_slice_equal(x.target, "10.0.0.2:80");
	assert_int_equal(x.ret, -ECONNREFUSED);
	assert_int_equal(x.ts_ns, 6);
	none(a);
	x = one(a, tev_sock(1, 1, 0, 9));
	assert_slice_equal(x.target, "10.0.0.1:80");
	assert_int_equal(x.ret, 0);
	none(a);
	/* the loop asks whether it is connected: that is no second one */
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 1, 0, 10)));
	/* but another peer is */
	one(a, tev_act(connect_to("10.0.0.9", 80, 1, -EISCONN, 10)));
	/* and a second attempt after a failed one */
	x = one(a, tev_act(connect_to("10.0.0.2", 80, 2, 0, 11)));
	assert_int_equal(x.ret, 0);
	mw_act_free(a);
}

static void result_before_its_connect(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	quiet(a, tev_sock(1, 1, ECONNREFUSED, 5));
	x = one(a, tev_act(connect_to("10.0.0.1", 80, 1, -EINPROGRESS, 6)));
	assert_int_equal(x.ret, -ECONNREFUSED);
	none(a);
	/* it is used up */
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 1, -EINPROGRESS, 7)));
	x = one(a, tev_sock(1, 1, 0, 8));
	assert_int_equal(x.ret, 0);
	none(a);
	/* a blocking connect has both; its result is no later one's */
	quiet(a, tev_sock(3, 1, 0, 9));
	one(a, tev_act(connect_to("10.0.0.1", 80, 3, 0, 9)));
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 3, -EINPROGRESS, 10)));
	/* one of long ago is none either */
	quiet(a, tev_sock(4, 1, 0, 10));
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 4, -EINPROGRESS, 60000000000)));
	/* the last 64 are remembered */
	for (uint64_t i = 0; i < 65; i++)
		quiet(a, tev_sock(100 + i, 1, 0, 20));
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 100, -EINPROGRESS, 21)));
	one(a, tev_act(connect_to("10.0.0.1", 80, 101, -EINPROGRESS, 21)));
	mw_act_free(a);
}

static void connect_polled_to_its_end(void **state)
{
	struct mw_act *a = new_act(4);
	struct mw_action x;

	quiet(a, tev_act(connect_to("10.0.0.1", 80, 1, -EINPROGRESS, 5)));
	x = one(a, tev_act(connect_to("10.0.0.1", 80, 1, -EISCONN, 6)));
	assert_int_equal(x.ret, 0);
	assert_int_equal(x.ts_ns, 5);
	none(a);
	quiet(a, tev_sock(1, 1, 0, 7)); /* its event was late */
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 2, -EINPROGRESS, 8)));
	x = one(a, tev_act(connect_to("10.0.0.1", 80, 2, -ETIMEDOUT, 9)));
	assert_int_equal(x.ret, -ETIMEDOUT);
	/* tried again without an end in between */
	quiet(a, tev_act(connect_to("10.0.0.1", 80, 3, -EINPROGRESS, 10)));
	x = one(a, tev_act(connect_to("10.0.0.2", 80, 3, -EINPROGRESS, 11)));
	assert_slice_equal(x.target, "10.0.0.1:80");
	assert_int_equal(x.ret, -EINPROGRESS);
	none(a);
	x = one(a, tev_sock(3, 1, 0, 12));
	assert_slice_equal(x.target, "10.0.0.2:80");
	mw_act_free(a);
}

static void held_come_out(void **state)
{
	struct mw_act *a = new_act(2);
	struct mw_action x;

	quiet(a, tev_act(connect_to("10.0.0.1", 1, 1, -EINPROGRESS, 5)));
	quiet(a, tev_act(connect_to("10.0.0.1", 2, 2, -EINPROGRESS, 6)));
	/* too many: the oldest is given up */
	x = one(a, tev_act(connect_to("10.0.0.1", 3, 3, -EINPROGRESS, 7)));
	assert_slice_equal(x.target, "10.0.0.1:1");
	assert_int_equal(x.ret, -EINPROGRESS);
	none(a);
	/* time */
	mw_act_tick(a, 6 + MW_ACT_CONNECT_WAIT_NS);
	none(a);
	mw_act_tick(a, 7 + MW_ACT_CONNECT_WAIT_NS);
	x = next(a);
	assert_slice_equal(x.target, "10.0.0.1:2");
	none(a);
	/* the end of its process: first it, then the end */
	x = one(a, tev_exit(tp(1), 0, 8));
	assert_slice_equal(x.target, "10.0.0.1:3");
	assert_int_equal(x.ret, -EINPROGRESS);
	x = next(a);
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXIT);
	none(a);
	/* the end of all */
	quiet(a, tev_act(connect_to("10.0.0.1", 4, 4, -EINPROGRESS, 9)));
	mw_act_finish(a);
	x = next(a);
	assert_slice_equal(x.target, "10.0.0.1:4");
	none(a);
	quiet(a, tev_act(connect_to("10.0.0.1", 5, 5, -EINPROGRESS, 9)));
	mw_act_free(a); /* with one held, one lent */
}

static void memory_may_fail(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_act *a;
		struct mw_action x;
		const struct mw_event_hdr *ev[5];
		int r, n_out = 0, n_lost = 0;

		r = mw_act_new(&test_alloc_failing, 4, &a);
		if (r < 0)
			continue;
		ev[0] = tev_act((struct tev_act){ .op = MW_OP_UNLINK, .base = "/b", .asked = "a" });
		ev[1] = tev_act(connect_to("10.0.0.1", 1, 1, -EINPROGRESS, 5));
		ev[2] = tev_act((struct tev_act){ .op = MW_OP_CONNECT,
						  .base = "/h",
						  .asked = "rather/long/relative/name/of/a/socket",
						  .peer = { .family = AF_UNIX } });
		ev[3] = tev_act(connect_to("10.0.0.1", 2, 2, -EINPROGRESS, 5));
		ev[4] = tev_exit(tp(9), 0, 8);
		for (int i = 0; i < 5; i++) {
			r = mw_act_push(a, ev[i]);
			assert_true(r == 0 || r == -ENOMEM);
			n_lost += r < 0;
			while (mw_act_next(a, &x))
				n_out++;
		}
		mw_act_finish(a);
		while (mw_act_next(a, &x))
			n_out++;
		/* no silent loss; without memory to hold one it comes out as it is */
		assert_int_equal(n_out + n_lost, 5);
		mw_act_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_by_the_kernel),
		cmocka_unit_test(open_by_the_string),
		cmocka_unit_test(unlink_rmdir_rename),
		cmocka_unit_test(longest_strings),
		cmocka_unit_test(exec_and_exit),
		cmocka_unit_test(connect_at_once),
		cmocka_unit_test(connect_unix),
		cmocka_unit_test(connect_in_progress),
		cmocka_unit_test(result_before_its_connect),
		cmocka_unit_test(connect_polled_to_its_end),
		cmocka_unit_test(held_come_out),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
