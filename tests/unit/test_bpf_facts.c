/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_facts.h: events that the source makes itself, of this very process and of clocks made up */
#include "support.h"

#include <errno.h>
#include <unistd.h>

#include "io/bpf_facts.h"

#define HOUR 3600000000000ll

static void clock_steps(void **state)
{
	int64_t known = 1700000000000000000ll, was = known;
	const struct mw_ev_clock *c;
	struct mw_evq q = { 0 };

	/* it drifts: nothing */
	assert_int_equal(mw_facts_clock(&q, was + MW_CLOCK_STEP_NS, &known), 0);
	assert_int_equal(mw_facts_clock(&q, was - MW_CLOCK_STEP_NS, &known), 0);
	assert_null(mw_evq_peek(&q));
	assert_int_equal(known, was);
	/* set back, and forward again */
	assert_int_equal(mw_facts_clock(&q, was - HOUR, &known), 0);
	assert_int_equal(known, was - HOUR);
	assert_int_equal(mw_facts_clock(&q, was - HOUR, &known), 0);
	assert_int_equal(mw_facts_clock(&q, was, &known), 0);
	assert_int_equal(known, was);
	c = (const void *)mw_evq_peek(&q);
	assert_int_equal(c->hdr.type, MW_EV_CLOCK);
	assert_int_equal(c->realtime_ns, was - HOUR);
	assert_in_range(c->clock.state, MW_CLOCK_SYNCED, MW_CLOCK_FREE);
	mw_evq_pop(&q);
	c = (const void *)mw_evq_peek(&q);
	assert_int_equal(c->realtime_ns, was);
	mw_evq_pop(&q);
	assert_null(mw_evq_peek(&q));
	/* slewed so far that it is as good as a step */
	assert_int_equal(mw_facts_clock(&q, was + MW_CLOCK_STEP_NS + 1, &known), 0);
	assert_int_equal(mw_evq_peek(&q)->type, MW_EV_CLOCK);
	mw_evq_done(&q);
}

static void meta_has_the_clock(void **state)
{
	struct mw_evq q = { 0 };
	const char *const sources[] = { "raw_tp sys_exit", "iter task, task_file" };
	const struct mw_ev_meta *m;
	const char *p;

	assert_int_equal(mw_facts_meta(&q, 5, sources, 2), 0);
	m = (const void *)mw_evq_peek(&q);
	assert_int_equal(m->realtime_ns, 5);
	assert_int_equal(m->version, MW_EVENT_VERSION);
	assert_in_range(m->clock.state, MW_CLOCK_SYNCED, MW_CLOCK_FREE);
	p = (const char *)(m + 1) + m->host_len + m->kernel_len + m->boot_id_len + m->mcpwatch_len;
	assert_int_equal(m->sources_len, 16 + 21);
	assert_string_equal(p, sources[0]);
	assert_string_equal(p + 16, sources[1]);
	mw_evq_done(&q);
}

/* When this process began, as exactly as /proc has it. */
static uint64_t own_start(void)
{
	unsigned long long ticks = 0;
	char stat[1024], *p;
	FILE *f = fopen("/proc/self/stat", "r");
	size_t n = fread(stat, 1, sizeof(stat) - 1, f);

	fclose(f);
	stat[n] = '\0';
	p = strrchr(stat, ')');
	for (int field = 2; field < 22; field++)
		p = strchr(p + 1, ' ');
	ticks = strtoull(p, NULL, 10);
	return ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void environment(void **state)
{
	static struct mw_environ env;
	const uint32_t self = (uint32_t)getpid();
	char own[sizeof(env.p)];
	const struct mw_ev_env *e;
	struct mw_evq q = { 0 };
	FILE *f = fopen("/proc/self/environ", "r");
	size_t n = fread(own, 1, sizeof(own), f);

	fclose(f);
	assert_int_equal(mw_facts_environ(self, own_start(), &env), 0);
	assert_int_equal(env.n, n);
	assert_memory_equal(env.p, own, n);
	/* another process had the pid, and there is none */
	assert_int_equal(mw_facts_environ(self, own_start() + 1000000000, &env), -ESRCH);
	assert_int_equal(mw_facts_environ(UINT32_MAX, 1, &env), -ESRCH);
	env.n = 3;
	memcpy(env.p, "A=b", 3);
	env.cut = true;
	assert_int_equal(mw_facts_env(&q, 77, 88, &env), 0);
	e = (const void *)mw_evq_peek(&q);
	assert_int_equal(e->hdr.type, MW_EV_ENV);
	assert_int_equal(e->hdr.tgid, 77);
	assert_int_equal(e->hdr.start_ns, 88);
	assert_int_equal(e->hdr.len % 8, 0);
	assert_int_equal(e->env_len, 3);
	assert_int_equal(e->cut, 1);
	assert_memory_equal(e + 1, "A=b", 3);
	mw_evq_done(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_steps),
		cmocka_unit_test(meta_has_the_clock),
		cmocka_unit_test(environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
