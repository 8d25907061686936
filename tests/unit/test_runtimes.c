/* SPDX-License-Identifier: Apache-2.0 */
/* runtimes.h and looker.h: what is asked, when, and what is told of it */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "io/runtimes.h"

#define SEC 1000000000ull

static struct {
	pthread_mutex_t lock;
	pthread_cond_t go_on;
	bool stuck;	     /* look() waits */
	int answer, n_looks; /* of look() */
	struct mw_runtime_found found;

	uint64_t now;
	uint32_t map[64]; /* tgids that are in it */
	size_t n_map, map_max;
	struct mw_event_hdr told[8192];
	struct mw_runtime_found told_found;
	size_t n_told;
	int begun, ended;
	bool all_dead;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER, .go_on = PTHREAD_COND_INITIALIZER };

static int look(uint32_t pid, uint64_t start_ns, void *p)
{
	struct mw_runtime_found *ret = p;
	int r;

	pthread_mutex_lock(&fake.lock);
	while (fake.stuck)
		pthread_cond_wait(&fake.go_on, &fake.lock);
	fake.n_looks++;
	*ret = fake.found;
	r = fake.answer;
	pthread_mutex_unlock(&fake.lock);
	return r;
}

/* Lets them go on, and waits until n have looked. */
static void unstick(int n)
{
	pthread_mutex_lock(&fake.lock);
	fake.stuck = false;
	pthread_cond_broadcast(&fake.go_on);
	for (int i = 0; i < 60000 && fake.n_looks < n; i++) {
		pthread_mutex_unlock(&fake.lock);
		usleep(1000);
		pthread_mutex_lock(&fake.lock);
	}
	pthread_mutex_unlock(&fake.lock);
	usleep(50000);
}

static size_t in_map(uint32_t tgid)
{
	size_t n = 0;

	for (size_t i = 0; i < fake.n_map; i++)
		n += fake.map[i] == tgid;
	return n;
}

static int put(void *ctx, uint32_t tgid, const struct mw_runtime *rt)
{
	assert_true(rt->start_ns != 0 && rt->kind != MW_RT_NONE);
	if (fake.map_max == SIZE_MAX || in_map(tgid))
		return 0;
	if (fake.n_map == fake.map_max)
		return -E2BIG;
	fake.map[fake.n_map++] = tgid;
	return 0;
}

static void drop(void *ctx, uint32_t tgid)
{
	for (size_t i = 0; i < fake.n_map; i++)
		if (fake.map[i] == tgid)
			fake.map[i] = fake.map[--fake.n_map];
}

static void tell(void *ctx, const struct mw_event_hdr *of, const struct mw_runtime_found *found)
{
	assert_true(fake.n_told < sizeof(fake.told) / sizeof(fake.told[0]));
	fake.told[fake.n_told++] = *of;
	fake.told_found = *found;
}

static void begin(void *ctx, uint32_t tgid, uint64_t start_ns, const struct mw_runtime_found *found)
{
	assert_int_not_equal(found->rt.kind, MW_RT_NONE);
	fake.begun++;
}

static void end(void *ctx, uint32_t tgid, uint64_t start_ns, const struct mw_runtime_found *found)
{
	fake.ended++;
}

static uint64_t now(void *ctx)
{
	return fake.now;
}

static bool is_alive(void *ctx, uint32_t tgid, uint64_t start_ns)
{
	return !fake.all_dead;
}

static const struct mw_runtimes_ops ops = {
	.look = look,
	.put = put,
	.drop = drop,
	.tell = tell,
	.begin = begin,
	.end = end,
	.now = now,
	.is_alive = is_alive,
};

static struct mw_runtimes *new (void)
{
	struct mw_runtimes *r;

	fake.answer = fake.n_looks = fake.begun = fake.ended = 0;
	fake.n_map = fake.n_told = 0;
	fake.map_max = 64;
	fake.all_dead = false;
	fake.now = 100 * SEC;
	fake.found = (struct mw_runtime_found){ .rt = { .kind = MW_RT_GO }, .reads = true };
	assert_int_equal(mw_runtimes_new(&ops, NULL, &r), 0);
	return r;
}

static struct mw_event_hdr head(uint32_t tgid, uint64_t start_ns)
{
	return (struct mw_event_hdr){ .tgid = tgid, .start_ns = start_ns, .ts_ns = fake.now };
}

static struct mw_ev_fork forked(uint32_t tgid, uint32_t child, uint64_t ts_ns)
{
	struct mw_ev_fork e = { .hdr = head(tgid, tgid), .child_tgid = child };

	e.hdr.ts_ns = ts_ns;
	e.child_start_ns = child;
	return e;
}

static size_t known(const struct mw_runtimes *r)
{
	struct mw_runtimes_stats s;

	mw_runtimes_stats(r, &s);
	return s.n;
}

static void test_life(void **state)
{
	struct mw_runtimes *r = new ();
	struct mw_event_hdr h = head(7, 7);

	/* told once, written before, with the time it holds from */
	mw_runtimes_exec(r, &h, false);
	assert_int_equal(fake.n_told, 1);
	assert_int_equal(fake.told[0].tgid, 7);
	assert_int_equal(fake.told[0].start_ns, 7);
	assert_int_equal(fake.told[0].ts_ns, fake.now);
	assert_int_equal(fake.told[0].flags, MW_EVF_CANDIDATE);
	assert_true(fake.told_found.reads);
	assert_int_equal(fake.told_found.rt.start_ns, 7);
	assert_int_equal(in_map(7), 1);
	mw_runtimes_met(r, &h, false);
	assert_int_equal(fake.n_looks, 1);

	/* a hook when it is observed, once, and one at its end */
	assert_int_equal(fake.begun, 0);
	mw_runtimes_tag(r, 7, true, true);
	mw_runtimes_tag(r, 7, true, true);
	assert_int_equal(fake.begun, 1);
	mw_runtimes_tag(r, 7, true, false);
	assert_int_equal(fake.ended, 1);
	mw_runtimes_tag(r, 7, true, true);

	/* another program: looked at anew; one without a runtime leaves nothing behind */
	fake.found.rt.kind = MW_RT_NONE;
	mw_runtimes_exec(r, &h, true);
	assert_int_equal(fake.ended, 2);
	assert_int_equal(fake.n_told, 1);
	assert_int_equal(in_map(7), 0);
	assert_int_equal(known(r), 0);

	/* the end of another process of that number is none of this one */
	fake.found.rt.kind = MW_RT_GO;
	mw_runtimes_exec(r, &h, true);
	assert_int_equal(fake.told[1].flags, 0);
	mw_runtimes_exit(r, 7, 6);
	assert_int_equal(in_map(7), 1);
	mw_runtimes_exit(r, 7, 7);
	assert_int_equal(in_map(7), 0);
	assert_int_equal(fake.begun, fake.ended);
	mw_runtimes_exec(r, &h, true);
	mw_runtimes_tag(r, 7, false, false); /* let go */
	assert_int_equal(known(r), 0);
	assert_int_equal(in_map(7), 0);
	/* gone before it could be looked at */
	fake.answer = -ESRCH;
	mw_runtimes_exec(r, &h, true);
	assert_int_equal(known(r), 0);
	mw_runtimes_free(r);
}

static void test_fork(void **state)
{
	struct mw_runtimes *r = new ();
	struct mw_event_hdr h = head(7, 7);
	struct mw_ev_fork e;

	mw_runtimes_exec(r, &h, true);
	/* after it was written: it holds from the fork on */
	e = forked(7, 8, fake.now + 5);
	mw_runtimes_fork(r, &e, true);
	assert_int_equal(fake.n_looks, 1);
	assert_int_equal(fake.n_told, 2);
	assert_int_equal(fake.told[1].tgid, 8);
	assert_int_equal(fake.told[1].ts_ns, fake.now + 5);
	assert_int_equal(fake.told_found.rt.start_ns, 8);
	assert_int_equal(in_map(8), 1);
	assert_int_equal(fake.begun, 2);
	/* before it was written: the child's entry is there from now on only */
	e = forked(7, 9, fake.now - 5);
	fake.now += 50;
	mw_runtimes_fork(r, &e, false);
	assert_int_equal(fake.told[2].ts_ns, fake.now);
	assert_int_equal(fake.told[2].flags, MW_EVF_CANDIDATE);
	/* of a parent without one, or another parent of that number */
	e = forked(6, 10, fake.now);
	mw_runtimes_fork(r, &e, true);
	e = forked(7, 10, fake.now);
	e.hdr.start_ns = 6;
	mw_runtimes_fork(r, &e, true);
	assert_int_equal(fake.n_told, 3);
	/* what ran there before is known no more */
	e = forked(7, 8, fake.now);
	e.child_start_ns = 88;
	mw_runtimes_fork(r, &e, true);
	assert_int_equal(fake.n_told, 4);
	assert_int_equal(fake.told_found.rt.start_ns, 88);
	mw_runtimes_exit(r, 8, 8);
	assert_int_equal(in_map(8), 1);
	mw_runtimes_free(r);
}

static void test_later(void **state)
{
	struct mw_runtimes *r = new ();
	struct mw_event_hdr h = head(7, 7);
	struct mw_ev_fork e = forked(7, 8, fake.now);
	struct mw_runtimes_stats s;
	uint64_t due, last = 0;
	int n = 1;

	assert_int_equal(mw_runtimes_due(r), 0);
	fake.answer = -EAGAIN;
	mw_runtimes_exec(r, &h, true);
	due = mw_runtimes_due(r);
	assert_in_range(due, fake.now + 1, fake.now + 5000000);
	mw_runtimes_poll(r); /* not yet */
	assert_int_equal(fake.n_looks, 1);
	/* at growing intervals, and not for ever */
	while ((due = mw_runtimes_due(r))) {
		assert_true(due - fake.now > last);
		last = due - fake.now;
		fake.now = due;
		mw_runtimes_poll(r);
		assert_int_equal(fake.n_looks, ++n);
	}
	assert_int_equal(n, 1 + MW_RUNTIMES_TRIES);
	assert_in_range(fake.now, 120 * SEC, 140 * SEC);
	/* that nothing is known of it is said too */
	assert_int_equal(fake.n_told, 1);
	assert_int_equal(fake.told_found.rt.kind, MW_RT_NONE);
	assert_true(strlen(fake.told_found.note) > 0);
	fake.n_told = 0;
	assert_int_equal(known(r), 0);
	mw_runtimes_stats(r, &s);
	assert_int_equal(s.refused, 1);
	assert_int_equal(s.waiting, 0);

	/* the child of one that waits waits too; both have it in the end */
	mw_runtimes_exec(r, &h, true);
	mw_runtimes_fork(r, &e, true);
	fake.answer = 0;
	fake.now += SEC;
	mw_runtimes_poll(r);
	assert_int_equal(fake.n_told, 2);
	assert_int_equal(mw_runtimes_due(r), 0);
	assert_int_equal(in_map(7) + in_map(8), 2);
	/* one that waits ends */
	fake.answer = -EAGAIN;
	mw_runtimes_exec(r, &h, true);
	mw_runtimes_exit(r, 7, 7);
	assert_int_equal(mw_runtimes_due(r), 0);
	mw_runtimes_free(r);
}

/* What hangs costs a few milliseconds, once, and its process its own runtime. */
static void test_stuck(void **state)
{
	struct mw_runtimes *r = new ();
	struct mw_event_hdr h;
	struct mw_runtimes_stats s;

	fake.stuck = true;
	for (uint32_t i = 0; i < MW_LOOKER_THREADS + 3; i++) {
		h = head(10 + i, 1);
		mw_runtimes_exec(r, &h, true);
	}
	mw_runtimes_stats(r, &s);
	assert_int_equal(s.waiting, MW_LOOKER_THREADS + 3);
	for (int i = 0; i < 5; i++) {
		fake.now += SEC / 100;
		mw_runtimes_poll(r);
	}
	assert_int_equal(fake.n_told, 0);
	/* two of them ended or run something else meanwhile: their answers are dropped */
	mw_runtimes_exit(r, 10, 1);
	h = head(11, 1);
	mw_runtimes_exec(r, &h, true);
	unstick(MW_LOOKER_THREADS);
	assert_int_equal(fake.n_looks, MW_LOOKER_THREADS);
	fake.now += SEC;
	/* the last of them may not have handed over what it saw */
	for (int i = 0; i < 6000 && fake.n_told < MW_LOOKER_THREADS + 2; i++) {
		mw_runtimes_poll(r);
		usleep(10000);
	}
	assert_int_equal(fake.n_told, MW_LOOKER_THREADS + 2);
	assert_int_equal(in_map(10), 0);
	/* freed while one hangs: that one frees what is left */
	fake.stuck = true;
	mw_runtimes_exec(r, &h, true);
	mw_runtimes_free(r);
	unstick(MW_LOOKER_THREADS + 1);
}

static void test_full(void **state)
{
	struct mw_runtimes *r = new ();
	struct mw_runtimes_stats s;
	struct mw_event_hdr h;
	struct mw_ev_fork e;

	/* the kernel's map */
	fake.map_max = 1;
	h = head(1, 1);
	mw_runtimes_exec(r, &h, true);
	assert_true(fake.told_found.reads);
	e = forked(1, 2, fake.now);
	mw_runtimes_fork(r, &e, true);
	assert_false(fake.told_found.reads);
	assert_true(strlen(fake.told_found.note) > 0);
	mw_runtimes_stats(r, &s);
	assert_int_equal(s.refused, 1);

	/* the table */
	fake.map_max = SIZE_MAX;
	for (uint32_t i = 3; i <= MW_RUNTIMES_MAX; i++) {
		h = head(i, i);
		mw_runtimes_exec(r, &h, true);
	}
	assert_int_equal(known(r), MW_RUNTIMES_MAX);
	assert_true(fake.told_found.reads);
	h = head(5000, 5000);
	mw_runtimes_exec(r, &h, true);
	assert_int_equal(known(r), MW_RUNTIMES_MAX);
	assert_false(fake.told_found.reads);
	assert_int_equal(fake.told[fake.n_told - 1].tgid, 5000);
	e = forked(1, 5001, fake.now);
	mw_runtimes_fork(r, &e, true);
	assert_false(fake.told_found.reads);
	assert_int_equal(fake.told[fake.n_told - 1].tgid, 5001);
	mw_runtimes_stats(r, &s);
	assert_int_equal(s.refused, 3);
	/* nothing was heard of their ends */
	fake.all_dead = true;
	fake.now += 10 * SEC;
	mw_runtimes_exec(r, &h, true);
	assert_int_equal(known(r), 1);
	assert_true(fake.told_found.reads);
	mw_runtimes_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),  cmocka_unit_test(test_fork),
		cmocka_unit_test(test_later), cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
