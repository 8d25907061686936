/* SPDX-License-Identifier: Apache-2.0 */
/* what the log asks of the core (engine_store.c), and what it was found to have (engine_resume.c)
 */
#include "engine_fx.h"

#define KEYS(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		"v", "seq", "time", "boot_ns", "host", "type", __VA_ARGS__, NULL                   \
	}

static void push(struct fx *f, struct mw_event_hdr *h, uint16_t type, size_t len)
{
	h->len = (uint32_t)len;
	h->type = type;
	h->cpu = MW_CPU_NONE;
	assert_int_equal(mw_engine_push(f->e, h, len), 0);
	pull(f);
}

static void store(struct fx *f, struct mw_ev_store ev)
{
	if (ev.state == MW_STORE_STOPPED)
		f->n = ev.seq - f->first_seq; /* what is behind that was not taken */
	push(f, &ev.hdr, MW_EV_STORE, sizeof(ev));
}

static void seal(struct fx *f, uint64_t epoch, enum mw_seal_reason reason)
{
	struct {
		struct mw_ev_seal ev;
		char vkey[8];
	} s = { .ev = { .epoch = epoch, .reason = (uint16_t)reason, .vkey_len = 8 },
		.vkey = "a+b/c+d=" };

	push(f, &s.ev.hdr, MW_EV_SEAL, sizeof(s));
}

/* Five records, of the least kind there is. */
static void five(struct fx *f)
{
	int i;

	for (i = 0; i < 5; i++) {
		struct mw_ev_store ev = { .state = MW_STORE_PRUNE, .first = 1, .seq = 2 };

		push(f, &ev.hdr, MW_EV_STORE, sizeof(ev));
	}
}

static void start(struct fx *f)
{
	begin(f);
	go(f);
	assert_int_equal(f->n, 1);
}

static void seals_and_prunes(void **state)
{
	struct fx f;

	start(&f);
	seal(&f, 3, MW_SEAL_START);
	assert_keys(&f, "\"type\":\"seal\"",
		    KEYS("epoch", "next_vkey", "counts", "records", "calls", "effects", "alerts",
			 "gaps", "reason"));
	assert_count(&f, "\"epoch\":3,\"next_vkey\":\"a+b/c+d=\",\"counts\":{\"records\":1,", 1);
	assert_count(&f, "\"reason\":\"start\"", 1);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_PRUNE, .first = 10, .seq = 99 });
	assert_count(&f, "\"type\":\"daemon\",\"event\":\"prune\",\"from_seq\":10,\"to_seq\":99}",
		     1);
	end(&f);
}

/* Numbers go on where the log ended; what it did not take is counted, and said once it takes again.
 */
static void stopped_and_resumed(void **state)
{
	struct mw_engine_stats stats;
	struct fx f;

	start(&f);
	five(&f);
	/* records 4 and 5 were given and not taken */
	store(&f, (struct mw_ev_store){ .state = MW_STORE_STOPPED, .seq = 4, .error = -ENOSPC });
	five(&f);
	seal(&f, 0, MW_SEAL_TIME);
	assert_int_equal(f.n, 4);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_RESUMED, .seq = 4 });
	assert_int_equal(f.n, 5);
	assert_count(&f,
		     "\"type\":\"gap\",\"reason\":\"log_full\",\"where\":\"log\",\"records\":8,"
		     "\"error\":\"ENOSPC\",\"from\":\"",
		     1);
	mw_engine_stats(f.e, &stats);
	assert_int_equal(stats.unwritten, 8);
	five(&f);
	assert_int_equal(f.n, 10);
	end(&f);
}

/* The gap record was not taken either: what it said is missing is so still. */
static void not_even_the_gap(void **state)
{
	struct fx f;

	start(&f);
	five(&f);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_STOPPED, .seq = 4, .error = -EIO });
	five(&f);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_RESUMED, .seq = 4 });
	assert_count(
	    &f, "\"reason\":\"log_error\",\"where\":\"log\",\"records\":7,\"error\":\"EIO\"", 1);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_STOPPED, .seq = 4, .error = -EIO });
	five(&f);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_RESUMED, .seq = 4 });
	assert_count(&f, "\"records\":12,\"error\":\"EIO\"", 1);
	/* that one was: the next begins anew */
	five(&f);
	store(&f, (struct mw_ev_store){ .state = MW_STORE_STOPPED, .seq = 9, .error = -EIO });
	store(&f, (struct mw_ev_store){ .state = MW_STORE_RESUMED, .seq = 9 });
	assert_count(&f, "\"records\":1,\"error\":\"EIO\"", 1);
	end(&f);
}

static void what_was_found(void **state)
{
	struct mw_engine_found found = { .unsealed = 12, .torn_n = 345 };
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ .first_seq = 50, .found = &found });
	tape_meta(&f.t, 0x77);
	go(&f);
	assert_count(&f, "\"event\":\"start\"", 1);
	assert_count(&f, "\"unsealed\":12}", 1);
	assert_count(
	    &f, "\"type\":\"gap\",\"reason\":\"torn_record\",\"where\":\"log\",\"bytes\":345}", 1);
	end(&f);
	found = (struct mw_engine_found){ .damaged_why = "it \"was\" cut",
					  .damaged_origin = "h/mcpwatch/x",
					  .damaged_root = "00ff",
					  .damaged_size = 7 };
	begin_with(&f, (struct mw_engine_config){ .found = &found });
	tape_meta(&f.t, 0x77);
	go(&f);
	assert_count(&f,
		     "\"damaged\":{\"origin\":\"h/mcpwatch/x\",\"size\":7,\"root\":\"00ff\","
		     "\"what\":\"it \\\"was\\\" cut\"}}",
		     1);
	assert_count(&f, "torn_record", 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_and_prunes),
		cmocka_unit_test(stopped_and_resumed),
		cmocka_unit_test(not_even_the_gap),
		cmocka_unit_test(what_was_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
