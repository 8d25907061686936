/* SPDX-License-Identifier: Apache-2.0 */
/* the loop's body: in what order events, held events and the core's wishes go */
#include "support.h"

#include <errno.h>

#include "io/heap.h"
#include "io/pump.h"
#include "io/sink_memory.h"
#include "io/source_memory.h"
#include "support_tape.h"

enum { SHELL = 100, CLIENT = 200, SERVER = 300 };

struct fx {
	struct tape t;
	struct mw_pump pump;
	struct mw_source *source;
	/* the scope that is played */
	uint32_t skip; /* events of this process are kept */
	uint64_t kept[16384];
	size_t kept_len, kept_at;
	bool release_now, released;
	char log[4096]; /* what the pump asked, a letter each */
	size_t n_log;
	struct mw_control asked[64];
	size_t n_asked;
};

static void note(struct fx *f, char c)
{
	f->log[f->n_log++] = c;
	f->log[f->n_log] = '\0';
}

static bool scope(void *ctx, const struct mw_event_hdr *h)
{
	struct fx *f = ctx;

	if (h->tgid != f->skip || !f->skip || f->released) {
		note(f, 'p');
		return true;
	}
	note(f, 's');
	memcpy((uint8_t *)f->kept + f->kept_len, h, h->len);
	((struct mw_event_hdr *)(void *)((uint8_t *)f->kept + f->kept_len))->cpu = MW_CPU_NONE;
	f->kept_len += h->len;
	return false;
}

static const struct mw_event_hdr *held(void *ctx)
{
	struct fx *f = ctx;
	const struct mw_event_hdr *h;

	if (!f->release_now || f->kept_at == f->kept_len)
		return NULL;
	h = (const struct mw_event_hdr *)(const void *)((uint8_t *)f->kept + f->kept_at);
	f->kept_at += h->len;
	note(f, 'h');
	return h;
}

static void control(void *ctx, const struct mw_control *c)
{
	struct fx *f = ctx;

	note(f, 'c');
	f->asked[f->n_asked++] = *c;
	f->release_now = f->released = true;
}

static void begin(struct fx *f)
{
	*f = (struct fx){ .pump = { .raw_fd = -1 } };
	tape_init(&f->t);
	tape_meta(&f->t, 7);
}

static size_t run(struct fx *f, size_t *ret_n)
{
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256 };
	size_t effects = 0;
	int r;

	assert_int_equal(mw_source_memory_new(f->t.p, f->t.len, &f->source), 0);
	assert_int_equal(mw_sink_memory_new(0, &f->pump.sinks[0]), 0);
	f->pump.n_sinks = 1;
	f->pump.source = f->source;
	f->pump.scope_ctx = f;
	assert_int_equal(mw_engine_new(&cfg, &f->pump.engine), 0);
	while ((r = mw_pump_step(&f->pump, 0)) >= 0)
		;
	assert_int_equal(r, -ENODATA);
	assert_int_equal(mw_pump_finish(&f->pump), 0);
	*ret_n = mw_sink_memory_count(f->pump.sinks[0]);
	for (size_t i = 0; i < *ret_n; i++)
		effects +=
		    strstr(mw_sink_memory_get(f->pump.sinks[0], i), "\"type\":\"effect\"") != NULL;
	mw_engine_free(f->pump.engine);
	mw_sink_free(f->pump.sinks[0]);
	mw_source_free(f->source);
	tape_done(&f->t);
	return effects;
}

/* A conversation of which the server's actions are kept until the core has asked for something. */
static void test_held(void **state)
{
	struct tape_chan up, down;
	struct fx f;
	size_t n;

	begin(&f);
	f.skip = SERVER;
	f.pump.scope = scope;
	f.pump.held = held;
	f.pump.control = control;
	tape_open(&f.t, SERVER, "/kept", 1, 3);
	tape_unlink(&f.t, SERVER, "/kept2", 0);
	up = tape_chan(&f.t, MW_CHAN_PIPE);
	down = tape_chan(&f.t, MW_CHAN_PIPE);
	(void)down;
	/* the client's write alone makes the core want the channel */
	tape_write(&f.t, &up, CLIENT,
		   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
		   "call\",\"params\":{\"name\":\"t\"}}\n");
	tape_unlink(&f.t, SERVER, "/now", 0);
	assert_int_equal(run(&f, &n), 3);
	assert_true(f.n_asked >= 1);
	assert_int_equal(f.asked[0].kind, MW_CONTROL_CHAN_KEEP);
	/* META, two kept, the write with its wish and both that were kept, the last */
	assert_memory_equal(f.log, "pssp", 4);
	assert_non_null(strstr(f.log, "pc"));
	assert_non_null(strstr(f.log, "hhp"));
	assert_null(strstr(f.log + 4, "s"));
}

/* Without a scope all goes on and the source is asked. */
static void test_plain(void **state)
{
	const struct mw_control *asked;
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256 };
	struct tape_chan up;
	struct fx f;
	size_t n;

	begin(&f);
	tape_unlink(&f.t, SERVER, "/x", 0);
	up = tape_chan(&f.t, MW_CHAN_PIPE);
	tape_write(&f.t, &up, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n");
	assert_int_equal(mw_source_memory_new(f.t.p, f.t.len, &f.source), 0);
	f.pump.source = f.source;
	assert_int_equal(mw_engine_new(&cfg, &f.pump.engine), 0);
	while (mw_pump_step(&f.pump, 0) >= 0)
		;
	asked = mw_source_memory_controls(f.source, &n);
	assert_true(n >= 1);
	assert_int_equal(asked[0].kind, MW_CONTROL_CHAN_KEEP);
	assert_int_equal(mw_pump_finish(&f.pump), 0);
	mw_engine_free(f.pump.engine);
	mw_source_free(f.source);
	tape_done(&f.t);
}

/* What is kept and never let out leaves no trace, and no hole either. */
static void test_skipped(void **state)
{
	struct fx f;
	size_t n;

	begin(&f);
	f.skip = SERVER;
	f.pump.scope = scope;
	f.pump.held = held;
	f.pump.control = control;
	for (int i = 0; i < 200; i++)
		tape_unlink(&f.t, SERVER, "/secret", 0);
	tape_unlink(&f.t, CLIENT, "/x", 0);
	assert_int_equal(run(&f, &n), 1);
	assert_int_equal(n, 3); /* daemon start and stop, the effect: no gap */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
