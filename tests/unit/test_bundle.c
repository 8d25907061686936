/* SPDX-License-Identifier: Apache-2.0 */
/* test_bundle.c - bundles of made logs: what is in them */
#include "bundle_fx.h"

/* Against the log: exactly what was to be kept, and the records of the log itself. */
static void check_content(struct bx *b)
{
	uint64_t i, n = 0;
	struct arc a;
	char *at;

	arc_read(&a, b->path);
	at = arc_find(&a, "log-1/records.jsonl")->p;
	for (i = 0; i < b->f.n; i++) {
		const size_t len = strlen(b->f.line[i]);

		if (!b->keep[i] && !is_type(b, i, "seal") && !is_type(b, i, "daemon"))
			continue;
		assert_memory_equal(at, b->f.line[i], len);
		assert_int_equal(at[len], '\n');
		at += len + 1;
		n++;
	}
	assert_int_equal(*at, '\0');
	assert_int_equal(b->made.records, n);
	assert_int_equal(b->made.left_out, b->f.n - n);
	assert_int_equal(b->rep->n_logs, 1);
	assert_int_equal(b->rep->logs[0].records, n);
	assert_int_equal(b->rep->logs[0].left_out, b->f.n - n);
	assert_int_equal(b->rep->logs[0].unproved, 0);
	assert_int_equal(b->rep->logs[0].report.sealed, b->f.n);
	assert_int_equal(b->rep->logs[0].report.seals, 6);
	assert_true(b->rep->logs[0].report.epoch_enrolled);
	arc_done(&a);
}

static void test_selections(void **state)
{
	struct bx *b = new_bx();
	unsigned int round;
	uint64_t i;

	srand(3);
	for (round = 0; round < 40; round++) {
		const int of = round < 2 ? 1 : 1 << round % 9;

		for (i = 0; i < b->f.n; i++)
			b->keep[i] = round > 0 && rand() % of == 0;
		assert_int_equal(make(b), 0);
		assert_false(b->wrong);
		expect_whole(b);
		check_content(b);
	}
	assert_string_equal(b->rep->filter, "--tool 't'");
	assert_string_equal(b->rep->version, MW_VERSION);
	assert_int_equal(b->rep->made_ns / 1000000000,
			 (FX_TIME_NS + (int64_t)b->f.n * 1000000) / 1000000000);
	done(b);
}

static void test_same_bytes(void **state)
{
	struct bx *b = new_bx();
	struct arc one, two;
	size_t i;

	memset(b->keep, 1, sizeof(b->keep) / 3);
	assert_int_equal(make(b), 0);
	arc_read(&one, b->path);
	assert_int_equal(make(b), 0);
	arc_read(&two, b->path);
	assert_int_equal(one.n, two.n);
	for (i = 0; i < one.n; i++) {
		assert_int_equal(one.file[i].n, two.file[i].n);
		assert_memory_equal(one.file[i].p, two.file[i].p, one.file[i].n);
	}
	arc_done(&one);
	arc_done(&two);
	done(b);
}

/* The oldest segments are gone, with a record that says so. */
static void test_deleted(void **state)
{
	struct bx *b = calloc(1, sizeof(*b));
	const struct mw_segment seg[2] = { { .first = 0 }, { .first = 16 } };
	unsigned int i;
	int seg_fd;

	fx_new(&b->f, 9);
	fx_calls(&b->f, 11);
	fx_seal(&b->f);
	fx_calls(&b->f, 3);
	fx_seal(&b->f);
	fx_segment(&b->f);
	fx_calls(&b->f, 300);
	fx_seal(&b->f);
	fx_segment(&b->f);
	fx_record(&b->f, "daemon", ",\"event\":\"prune\",\"to_seq\":%d", 316);
	fx_calls(&b->f, 20);
	fx_seal(&b->f);
	fx_write(&b->f);
	seg_fd = openat(b->f.dir_fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < 2; i++) {
		assert_int_equal(mw_segment_keep_seals(b->f.dir_fd, seg_fd, &seg[i]), 0);
		assert_int_equal(unlinkat(b->f.dir_fd, fx_seg_name(&b->f, i), 0), 0);
	}
	close(seg_fd);
	memset(b->keep, 1, sizeof(b->keep));
	assert_int_equal(make(b), 0);
	expect_whole(b);
	/* three seals' records of what was deleted, and all that is left */
	assert_int_equal(b->rep->logs[0].records, 3 + b->f.n - 317);
	assert_int_equal(b->rep->logs[0].left_out, 314);
	done(b);
}

static void test_tail(void **state)
{
	struct bx *b = new_bx();

	fx_calls(&b->f, 5);
	fx_write(&b->f);
	memset(b->keep, 1, sizeof(b->keep));
	assert_int_equal(make(b), 0);
	assert_int_equal(b->made.unproved, 5);
	assert_int_equal(verify(b), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_SHORT);
	assert_int_equal(b->rep->logs[0].report.finding, MW_FOUND_UNSEALED);
	assert_int_equal(b->rep->logs[0].report.seq, 923);
	assert_int_equal(b->rep->logs[0].unproved, 5);
	/* not asked for, not in it */
	memset(b->keep, 0, sizeof(b->keep));
	assert_int_equal(make(b), 0);
	assert_int_equal(b->made.unproved, 0);
	expect_whole(b);
	done(b);
}

static void test_not_sealed(void **state)
{
	struct bx *b = calloc(1, sizeof(*b));

	fx_new(&b->f, 9);
	fx_calls(&b->f, 3);
	fx_write(&b->f);
	unlinkat(b->f.dir_fd, "seals.jsonl", 0);
	assert_int_equal(make(b), -EINVAL);
	done(b);
}

/* A log that is tampered with: what is proved of it is, and the bundle is marked. */
static void test_tampered(void **state)
{
	struct bx *b = new_bx();

	b->f.line[500][40] ^= 1;
	fx_write(&b->f);
	memset(b->keep, 1, sizeof(b->keep));
	assert_int_equal(make(b), 0);
	assert_true(b->wrong);
	assert_int_equal(b->made.records, 320);
	assert_int_equal(verify(b), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
	assert_int_equal(b->rep->logs[0].report.seq, 500);
	assert_int_equal(b->rep->logs[0].records, 320);
	assert_int_equal(b->rep->logs[0].unproved, 603);
	/* from its first seal on */
	b->f.line[3][40] ^= 1;
	fx_write(&b->f);
	assert_int_equal(make(b), -EKEYREJECTED);
	assert_non_null(strstr(b->err, "TAMPERED"));
	done(b);
}

static void test_keys(void **state)
{
	struct bx *b = new_bx();
	struct mw_verify_config none = { 0 }, other = { .n_vkeys = 1 };
	const char *anchor = b->f.note[5];
	struct mw_vkey keys[2];
	struct fx g;

	memset(b->keep, 1, 300);
	assert_int_equal(make(b), 0);
	assert_int_equal(verify_with(b, &none), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_WHOLE);
	assert_false(b->rep->logs[0].report.epoch_enrolled);
	/* keys of another log of that name */
	fx_new(&g, 8);
	other.vkeys = &g.identity.pub;
	assert_int_equal(verify_with(b, &other), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
	assert_int_equal(b->rep->logs[0].report.finding, MW_FOUND_REPLACED);
	fx_done(&g);
	/* anchors: of a seal in it; of one that came later; that saw another tree */
	other = fx_config(&b->f, keys, 1);
	other.n_anchors = 1;
	other.anchors = &anchor;
	assert_int_equal(verify_with(b, &other), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_WHOLE);
	fx_calls(&b->f, 2);
	fx_seal(&b->f);
	anchor = b->f.note[6];
	assert_int_equal(verify_with(b, &other), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_SHORT);
	assert_int_equal(b->rep->logs[0].report.finding, MW_FOUND_EARLY);
	b->f.line[700][40] ^= 1;
	b->f.n = 923;
	b->f.n_seals = 5;
	b->f.no_tiles = true;
	fx_seal_sign(&b->f, 5, &b->f.identity, &b->f.epoch[5]);
	anchor = b->f.note[5];
	assert_int_equal(verify_with(b, &other), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
	assert_int_equal(b->rep->logs[0].report.finding, MW_FOUND_ANCHOR);
	done(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selections), cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_deleted),	   cmocka_unit_test(test_tail),
		cmocka_unit_test(test_not_sealed), cmocka_unit_test(test_tampered),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
