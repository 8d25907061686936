/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages, and what resolve.c makes of them. */
#include "support.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/dns.h"
#include "core/resolve.h"

#define HEAD(id, flags, an) id flags "\0\1" an "\0\0\0\0"
#define Q_A		    "\3www\7example\3com\0\0\1\0\1"
#define AN_A		    "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x5d\xb8\xd8\x22"
#define AN_6		    "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define AN_CN		    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3cdn\xc0\x10"
#define L(s)		    (s), sizeof(s) - 1

static int parse(const char *p, size_t n, struct mw_dns *d)
{
	struct test_guard g;
	int r;

	test_guard_init(&g, n);
	r = mw_dns_parse(test_guard_copy(&g, mw_slice(p, n)), d);
	test_guard_done(&g);
	return r;
}

static void name_is(const struct mw_dns_name *n, const char *want)
{
	assert_slice_equal(mw_slice(n->s, n->n), want);
}

static void question_and_answer(void **state)
{
	static const char q[] = HEAD("\x12\x34", "\1\0", "\0\0") Q_A;
	static const char a[] = HEAD("\x12\x34", "\x81\x80", "\0\3") Q_A AN_CN AN_A AN_6;
	static struct mw_dns d;

	assert_int_equal(parse(L(q), &d), 0);
	assert_false(d.response);
	assert_int_equal(d.id, 0x1234);
	assert_int_equal(d.type, 1);
	name_is(&d.name, "www.example.com");
	assert_int_equal(parse(L(a), &d), 0);
	assert_true(d.response);
	assert_int_equal(d.rcode, 0);
	assert_int_equal(d.n_answers, 3);
	name_is(&d.names[d.answers[0].target - 1], "cdn.example.com");
	assert_int_equal(d.answers[1].addr.family, AF_INET);
	assert_memory_equal(d.answers[1].addr.ip, "\x5d\xb8\xd8\x22", 4);
	assert_int_equal(d.answers[2].addr.family, AF_INET6);
	assert_false(d.cut);
	/* cut anywhere: no question is none, an answer is what came of it */
	for (size_t n = 0; n < sizeof(a) - 1; n++) {
		const int r = parse(a, n, &d);

		assert_int_equal(r, n < sizeof(q) - 1 ? -EBADMSG : 0);
		if (r == 0)
			assert_true(d.cut);
	}
}

static void odd_names(void **state)
{
	static struct mw_dns d;
	char p[600] = "\0\0\1\0\0\1\0\0\0\0\0\0";
	size_t n = 12;

	assert_int_equal(parse(L("\0\0\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"), &d), 0);
	name_is(&d.name, ".");
	assert_int_equal(parse(L("\0\0\1\0\0\1\0\0\0\0\0\0\5a.\\\x00\xff\1B\0\0\1\0\1"), &d), 0);
	name_is(&d.name, "a\\.\\\\\\000\\255.B");
	/* pointers: to itself, forward, to one that comes back */
	assert_int_equal(parse(L("\0\0\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"), &d), -EBADMSG);
	assert_int_equal(parse(L("\0\0\1\0\0\1\0\0\0\0\0\0\xc0\x20\0\1\0\1"), &d), -EBADMSG);
	assert_int_equal(parse(L("\0\0\1\0\0\1\0\0\0\0\0\0\1a\xc0\x0c\0\1\0\1"), &d), -EBADMSG);
	/* labels of a kind that is not used; 255 bytes and one more */
	assert_int_equal(parse(L("\0\0\1\0\0\1\0\0\0\0\0\0\x41"
				 "a\0\0\1\0\1"),
			       &d),
			 -EBADMSG);
	for (int i = 0; i < 127; i++) {
		p[n++] = 1;
		p[n++] = 'a';
	}
	memcpy(p + n, "\0\0\1\0\1", 5);
	assert_int_equal(parse(p, n + 5, &d), 0);
	assert_int_equal(d.name.n, 253);
	memcpy(p + n, "\1a\0\0\1\0\1", 7);
	assert_int_equal(parse(p, n + 7, &d), -EBADMSG);
	/* two questions, an update, no question */
	assert_int_equal(parse(L("\0\0\1\0\0\2\0\0\0\0\0\0" Q_A Q_A), &d), -EBADMSG);
	assert_int_equal(parse(L("\0\0\x28\0\0\1\0\0\0\0\0\0" Q_A), &d), -EBADMSG);
	assert_int_equal(parse(L("\0\0\1\0\0\0\0\0\0\0\0\0"), &d), -EBADMSG);
}

static void many_answers(void **state)
{
	static struct mw_dns d;
	char p[2000];
	size_t n = sizeof(HEAD("\0\1", "\x81\x80", "\0\x20") Q_A) - 1;

	memcpy(p, HEAD("\0\1", "\x81\x80", "\0\x20") Q_A, n);
	for (int i = 0; i < 32; i++, n += sizeof(AN_A) - 1)
		memcpy(p + n, AN_A, sizeof(AN_A) - 1);
	assert_int_equal(parse(p, n, &d), 0);
	assert_int_equal(d.n_answers, MW_DNS_ANSWERS_MAX);
	assert_true(d.cut);
}

/* --- resolve --- */

static union {
	uint64_t align;
	struct mw_ev_dgram ev;
	uint8_t room[sizeof(struct mw_ev_dgram) + 512];
} u;

static const struct mw_ev_dgram *dgram(uint32_t pid, bool out, uint64_t ts, const char *p, size_t n)
{
	u.ev = (struct mw_ev_dgram){ .hdr = { .tgid = pid,
					      .tid = pid + 1,
					      .start_ns = 5,
					      .ts_ns = ts,
					      .type = MW_EV_DGRAM },
				     .chan = 44,
				     .peer = { .family = AF_INET, .port = 53 },
				     .dir = out ? MW_DIR_WRITE : MW_DIR_READ,
				     .len = (uint32_t)n,
				     .captured = (uint32_t)n };
	memcpy(u.room + sizeof(u.ev), p, n);
	return &u.ev;
}

static const char ask[] = HEAD("\x12\x34", "\1\0", "\0\0") Q_A;
static const char ask2[] = HEAD("\x12\x34", "\1\0", "\0\0") "\3wWw\7example\3com\0\0\1\0\1";
static const char yes[] = HEAD("\x12\x34", "\x81\x80", "\0\2") Q_A AN_CN AN_A;
static const char no[] = HEAD("\x12\x34", "\x81\x83", "\0\0") Q_A;
static const char other[] = HEAD("\x12\x35", "\x81\x80", "\0\1") "\1b\0\0\1\0\1" AN_A;

static void one(struct mw_resolve *r, const char *object, const char *mode, int64_t ret, uint64_t n)
{
	struct mw_action a;

	assert_int_equal(mw_resolve_next(r, &a), 1);
	assert_int_equal(a.kind, MW_EFFECT_NET_DNS);
	assert_slice_equal(a.verb, "A");
	assert_slice_equal(a.object, object);
	assert_string_equal(a.mode, mode);
	assert_int_equal(a.ret, ret);
	assert_int_equal(a.n, n);
	assert_int_equal(a.proc.tgid, 3);
	assert_int_equal(a.tid, 4);
	assert_int_equal(mw_resolve_next(r, &a), 0);
}

static bool kin34(const void *ctx, struct mw_prockey a, struct mw_prockey b)
{
	return a.tgid + b.tgid == 7;
}

static void resolve(void **state)
{
	const struct mw_addr addr = { .family = AF_INET, .ip = { 0x5d, 0xb8, 0xd8, 0x22 } };
	const struct mw_addr six = { .family = AF_INET6,
				     .ip = { [10] = 0xff, 0xff, 0x5d, 0xb8, 0xd8, 0x22 } };
	struct mw_slice names[MW_RESOLVE_GIVEN_MAX];
	struct mw_resolve_stats st;
	struct mw_resolve *r;
	struct mw_action a;

	assert_int_equal(mw_resolve_new(&test_alloc, &r), 0);
	/* asked twice, the letters' case differs, answered once */
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 10, L(ask))), 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 11, L(ask2))), 0);
	assert_int_equal(mw_resolve_next(r, &a), 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, false, 12, L(yes))), 0);
	one(r, "cdn.example.com 93.184.216.34", "NOERROR", 0, 2);
	/* the same answer again is one of its own; a name that is not */
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 13, L(ask))), 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, false, 14, L(no))), 0);
	one(r, "", "NXDOMAIN", -ENOENT, 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 15, L(ask))), 0);
	mw_resolve_tick(r, 16 + MW_RESOLVE_WAIT_NS);
	one(r, "", "", -ETIMEDOUT, 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 17, L(ask))), 0);
	mw_resolve_finish(r);
	one(r, "", "", -EINPROGRESS, 0);
	/* names: of the process, of its kin, of nobody else; the latest first; not for ever */
	assert_int_equal(
	    mw_resolve_names(r, &addr, (struct mw_prockey){ 5, 3 }, 20, NULL, NULL, names), 1);
	assert_slice_equal(names[0], "www.example.com");
	assert_int_equal(mw_resolve_push(r, dgram(3, false, 21, L(other))), 0);
	one(r, "93.184.216.34", "NOERROR", 0, 0);
	assert_int_equal(
	    mw_resolve_names(r, &six, (struct mw_prockey){ 5, 3 }, 22, NULL, NULL, names), 2);
	assert_slice_equal(names[0], "b");
	assert_int_equal(
	    mw_resolve_names(r, &addr, (struct mw_prockey){ 5, 4 }, 22, NULL, NULL, names), 0);
	assert_int_equal(
	    mw_resolve_names(r, &addr, (struct mw_prockey){ 5, 4 }, 22, kin34, NULL, names), 2);
	assert_int_equal(
	    mw_resolve_names(r, &addr, (struct mw_prockey){ 5, 9 }, 22, kin34, NULL, names), 0);
	assert_int_equal(
	    mw_resolve_names(r, &addr, (struct mw_prockey){ 5, 3 }, 10, NULL, NULL, names), 0);
	assert_int_equal(mw_resolve_names(r, &addr, (struct mw_prockey){ 5, 3 },
					  22 + MW_RESOLVE_KEEP_NS, NULL, NULL, names),
			 0);
	/* an answer that is sent, a question that is read, what is no DNS: counted */
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 23, L(yes))), 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, false, 24, L(ask))), 0);
	assert_int_equal(mw_resolve_push(r, dgram(3, true, 25, L("x"))), 0);
	assert_int_equal(mw_resolve_next(r, &a), 0);
	mw_resolve_stats(r, &st);
	assert_int_equal(st.malformed, 3);
	mw_resolve_free(r);
}

static void bounded(void **state)
{
	struct mw_resolve_stats st;
	struct mw_resolve *r;
	struct mw_action a;
	char p[sizeof(ask)];
	size_t n = 0;

	assert_int_equal(mw_resolve_new(&test_alloc, &r), 0);
	memcpy(p, ask, sizeof(ask));
	for (unsigned int i = 0; i < MW_RESOLVE_ASKED_MAX + 10; i++) {
		p[0] = (char)(i >> 8);
		p[1] = (char)i;
		assert_int_equal(mw_resolve_push(r, dgram(3, true, 10, p, sizeof(p) - 1)), 0);
		while (mw_resolve_next(r, &a))
			n++;
	}
	assert_int_equal(n, 10);
	mw_resolve_stats(r, &st);
	assert_int_equal(st.asked_evicted, 10);
	mw_resolve_free(r);
	TEST_EACH_FAILURE(k)
	{
		if (mw_resolve_new(&test_alloc_failing, &r) < 0)
			continue;
		(void)mw_resolve_push(r, dgram(3, true, 10, L(ask)));
		(void)mw_resolve_push(r, dgram(3, false, 11, L(yes)));
		(void)mw_resolve_push(r, dgram(3, true, 10, L(ask)));
		while (mw_resolve_next(r, &a))
			;
		mw_resolve_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question_and_answer),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(many_answers),
		cmocka_unit_test(resolve),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
