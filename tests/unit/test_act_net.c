/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/act.h"

#define TCP                                                                                        \
	{                                                                                          \
		0, 0, SOCK_STREAM, IPPROTO_TCP                                                     \
	}
#define UDP                                                                                        \
	{                                                                                          \
		0, 0, SOCK_DGRAM, IPPROTO_UDP                                                      \
	}

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

/* An action is lent until the next one is asked for; the tests ask at once. */
static struct mw_slice kept(struct mw_slice s)
{
	static uint8_t mem[64][4200];
	static unsigned int at;
	uint8_t *to = mem[at++ % 64];

	assert_true(s.n <= sizeof(mem[0]));
	if (s.n)
		memcpy(to, s.p, s.n);
	return mw_slice(to, s.n);
}

static struct mw_action next(void)
{
	struct mw_action x;

	assert_int_equal(mw_act_next(act, &x), 1);
	x.target = kept(x.target);
	x.target2 = kept(x.target2);
	x.asked = kept(x.asked);
	x.verb = kept(x.verb);
	x.object = kept(x.object);
	return x;
}

static void none(void)
{
	struct mw_action x;

	assert_int_equal(mw_act_next(act, &x), 0);
}

static struct mw_action one(struct tev_act a)
{
	struct mw_action x;

	if (!a.proc.tgid)
		a.proc = tp(1);
	assert_int_equal(mw_act_push(act, tev_act(a)), 0);
	x = next();
	none();
	return x;
}

static void expect(const struct mw_action *x, enum mw_effect_kind kind, const char *target,
		   bool from_kernel, const char *asked)
{
	assert_int_equal(x->kind, kind);
	assert_slice_equal(x->target, target);
	assert_int_equal(x->from_kernel, from_kernel);
	assert_slice_equal(x->asked, asked);
}

static void bind_and_listen(void **state)
{
	struct mw_action x;

	(void)state;
	x = one((struct tev_act){ .op = MW_OP_BIND,
				  .chan = 1,
				  .gen = 2,
				  .ino = 3,
				  .local = t_addr4("0.0.0.0", 8080),
				  .peer = t_addr4("0.0.0.0", 8080) });
	expect(&x, MW_EFFECT_NET_BIND, "0.0.0.0:8080", true, "");
	assert_int_equal(x.peer.port, 8080);
	assert_int_equal(x.chan, 1);
	assert_int_equal(x.gen, 2);
	assert_int_equal(x.ino, 3);
	/* the kernel has chosen the port */
	x = one((struct tev_act){
	    .op = MW_OP_BIND, .local = t_addr6("::1", 40000), .peer = t_addr6("::1", 0) });
	expect(&x, MW_EFFECT_NET_BIND, "[::1]:40000", true, "[::1]:0");
	x = one((struct tev_act){ .op = MW_OP_BIND,
				  .ret = -EADDRINUSE,
				  .local = t_addr4("0.0.0.0", 0),
				  .peer = t_addr4("127.0.0.1", 80) });
	expect(&x, MW_EFFECT_NET_BIND, "127.0.0.1:80", false, "");
	x = one((struct tev_act){ .op = MW_OP_BIND,
				  .local = { .family = AF_UNIX },
				  .peer = { .family = AF_UNIX },
				  .path_state = MW_PATH_FULL,
				  .base = "/run",
				  .asked = "x.sock" });
	expect(&x, MW_EFFECT_NET_BIND, "unix:/run/x.sock", true, "x.sock");
	x = one((struct tev_act){
	    .op = MW_OP_BIND, .ret = -EACCES, .peer = { .family = AF_UNIX }, .asked = "/run/y" });
	expect(&x, MW_EFFECT_NET_BIND, "unix:/run/y", false, "");

	x = one((struct tev_act){ .op = MW_OP_LISTEN,
				  .local = t_addr4("0.0.0.0", 8080),
				  .num = { 128, 0, SOCK_STREAM, IPPROTO_TCP } });
	expect(&x, MW_EFFECT_NET_LISTEN, "0.0.0.0:8080", true, "");
	assert_string_equal(x.mode, "backlog=128");
	x = one((struct tev_act){ .op = MW_OP_LISTEN, .ret = -EBADF, .num = { (uint64_t)-1 } });
	expect(&x, MW_EFFECT_NET_LISTEN, "", false, "");
	assert_string_equal(x.mode, "backlog=-1");
}

static void accept_and_send(void **state)
{
	struct mw_action x;

	(void)state;
	x = one((struct tev_act){ .op = MW_OP_ACCEPT,
				  .ret = 7,
				  .local = t_addr4("10.0.0.1", 80),
				  .peer = t_addr4("10.0.0.2", 4000) });
	expect(&x, MW_EFFECT_NET_ACCEPT, "10.0.0.2:4000", true, "");
	x = one((struct tev_act){
	    .op = MW_OP_ACCEPT, .ret = -EMFILE, .local = t_addr4("10.0.0.1", 80) });
	expect(&x, MW_EFFECT_NET_ACCEPT, "10.0.0.1:80", true, "");
	x = one((struct tev_act){
	    .op = MW_OP_ACCEPT, .ret = 7, .local = { .family = AF_UNIX }, .asked = "/run/x" });
	expect(&x, MW_EFFECT_NET_ACCEPT, "unix:/run/x", true, "");
	x = one((struct tev_act){ .op = MW_OP_ACCEPT, .ret = -EBADF });
	expect(&x, MW_EFFECT_NET_ACCEPT, "", false, "");

	x = one((struct tev_act){
	    .op = MW_OP_SEND, .ret = 31, .peer = t_addr4("8.8.8.8", 53), .num = UDP });
	expect(&x, MW_EFFECT_NET_SEND, "8.8.8.8:53", false, "");
	assert_true(x.has_bytes);
	assert_int_equal(x.bytes_w, 31);
	x = one((struct tev_act){
	    .op = MW_OP_SEND, .ret = -EPERM, .peer_from = 1, .peer = t_addr4("8.8.8.8", 53) });
	expect(&x, MW_EFFECT_NET_SEND, "8.8.8.8:53", true, "");
	assert_false(x.has_bytes);
	x = one((struct tev_act){ .op = MW_OP_SEND,
				  .ret = 3,
				  .peer = { .family = AF_UNIX },
				  .base = "/",
				  .asked = "dev/log" });
	expect(&x, MW_EFFECT_NET_SEND, "unix:/dev/log", false, "dev/log");
	/* an address without a printed form */
	assert_int_equal(
	    mw_act_push(act, tev_act((struct tev_act){
				 .op = MW_OP_SEND, .proc = tp(1), .peer = { .family = 16 } })),
	    0);
	none();
	x = one((struct tev_act){ .op = MW_OP_CONNECT,
				  .peer = { .family = AF_VSOCK, .ip = { 2, 0, 0, 0, 0xd2, 4 } } });
	expect(&x, MW_EFFECT_NET_CONNECT, "vsock:2:1234", false, "");
}

static struct tev_act connected(uint32_t pid, uint64_t chan)
{
	return (struct tev_act){ .op = MW_OP_CONNECT,
				 .proc = tp(pid),
				 .ts = 5,
				 .chan = chan,
				 .gen = 1,
				 .ino = 9,
				 .peer_from = 1,
				 .peer = t_addr4("10.0.0.2", 443),
				 .num = TCP };
}

static void push(const struct mw_event_hdr *ev)
{
	assert_int_equal(mw_act_push(act, ev), 0);
}

static void closes(void **state)
{
	struct tev_act a = connected(1, 7);
	struct mw_action x;

	(void)state;
	x = one(a);
	assert_int_equal(x.kind, MW_EFFECT_NET_CONNECT);
	/* one side alone is not its end */
	push(tev_close(7, 1, false, 1, 2, 8));
	none();
	push(tev_close(7, 1, true, 100, 2000, 9));
	x = next();
	none();
	expect(&x, MW_EFFECT_NET_CLOSE, "10.0.0.2:443", true, "");
	assert_true(mw_prockey_eq(x.proc, tp(1)));
	assert_int_equal(x.ts_ns, 9);
	assert_int_equal(x.chan, 7);
	assert_int_equal(x.gen, 1);
	assert_int_equal(x.ino, 9);
	assert_int_equal(x.ret, 0);
	assert_true(x.has_bytes);
	assert_int_equal(x.bytes_w, 100);
	assert_int_equal(x.bytes_r, 2000);
	/* once */
	push(tev_close(7, 1, true, 100, 2000, 9));
	none();

	/* in progress first */
	a = connected(1, 8);
	a.ret = -EINPROGRESS;
	push(tev_act(a));
	none();
	push(tev_sock(8, 1, 0, 6));
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_NET_CONNECT);
	none();
	push(tev_close(8, 1, true, 1, 2, 9));
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_NET_CLOSE);
	assert_int_equal(x.bytes_r, 2);
	none();

	/* what failed was no connection, nor is what is no TCP */
	a = connected(1, 9);
	a.ret = -ECONNREFUSED;
	one(a);
	a = connected(1, 10);
	a.num[2] = SOCK_DGRAM;
	a.num[3] = IPPROTO_UDP;
	one(a);
	push(tev_exit(tp(1), 0, 20));
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXIT);
	none();
}

static void closes_before_known(void **state)
{
	struct tev_act a = connected(1, 7);
	struct mw_action x;

	(void)state;
	/* what a candidate did is held back, the end of its connection is not */
	push(tev_close(7, 1, true, 3, 4, 6));
	none();
	push(tev_act(a));
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_NET_CONNECT);
	x = next();
	none();
	expect(&x, MW_EFFECT_NET_CLOSE, "10.0.0.2:443", true, "");
	assert_int_equal(x.ts_ns, 6);
	assert_int_equal(x.bytes_w, 3);
	/* the same of one in progress */
	push(tev_close(8, 1, true, 5, 6, 7));
	a = connected(1, 8);
	a.ret = -EINPROGRESS;
	push(tev_act(a));
	none();
	push(tev_sock(8, 1, 0, 6));
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_NET_CONNECT);
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_NET_CLOSE);
	assert_int_equal(x.bytes_r, 6);
	none();
}

static void open_at_the_end(void **state)
{
	struct tev_act a = connected(1, 7);
	struct mw_action x;

	(void)state;
	one(a);
	one(connected(2, 8));
	a = connected(1, 9);
	a.op = MW_OP_ACCEPT;
	a.ret = 5;
	a.local = t_addr4("10.0.0.1", 80);
	one(a);
	push(tev_exit(tp(1), 0, 20));
	x = next();
	expect(&x, MW_EFFECT_NET_CLOSE, "10.0.0.2:443", true, "");
	assert_int_equal(x.chan, 7);
	assert_int_equal(x.ts_ns, 20);
	assert_false(x.has_bytes); /* nobody has said how many */
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_NET_CLOSE);
	assert_int_equal(x.chan, 9);
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXIT);
	none();
	/* a pid that is used again is another process */
	push(tev_exit((struct mw_prockey){ 99, 2 }, 0, 21));
	x = next();
	assert_int_equal(x.kind, MW_EFFECT_PROC_EXIT);
	none();
	push(tev_close(7, 1, true, 1, 1, 22));
	none();
}

static void too_many(void **state)
{
	const uint64_t n = 8192 + 23;

	(void)state;
	for (uint64_t i = 0; i < n; i++)
		one(connected(1, 1 + i));
	assert_int_equal(mw_act_conns_lost(act), 23);
	push(tev_close(1, 1, true, 1, 1, 9));
	none();
	push(tev_close(n, 1, true, 1, 1, 9));
	assert_int_equal(next().chan, n);
	none();
	/* the same socket again: its end before was not seen, and no room is taken */
	one(connected(1, n - 1));
	assert_int_equal(mw_act_conns_lost(act), 23);
}

static void memory_may_fail(void **state)
{
	(void)state;
	TEST_EACH_FAILURE(n)
	{
		struct mw_act *a;
		struct mw_action x;
		size_t n_out = 0, n_lost = 0;

		if (mw_act_new(&test_alloc_failing, 4, &a) < 0)
			continue;
		n_lost += mw_act_push(a, tev_act(connected(1, 7))) < 0;
		while (mw_act_next(a, &x))
			n_out++;
		n_lost += mw_act_push(a, tev_close(7, 1, true, 1, 2, 9)) < 0;
		while (mw_act_next(a, &x))
			n_out++;
		/* no silent loss */
		assert_true(n_out == 2 || n_lost);
		mw_act_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bind_and_listen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(accept_and_send, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closes_before_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(open_at_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many, set_up, tear_down),
		cmocka_unit_test(memory_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
