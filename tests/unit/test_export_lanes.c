/* SPDX-License-Identifier: Apache-2.0 */
/* lanes and owners of the trace (export_lanes.c), and its messages (export_pb.c) */
#include "support.h"

#include <errno.h>

#include "io/export_lanes.h"
#include "io/export_pb.h"

static void lanes_are_used_again(void **state)
{
	struct mw_lanes l = { 0 };

	/* by their ends: [0,10] [5,20] [12,25] [20,30] [26,40] need two */
	assert_int_equal(mw_lanes_take(&l, 0, 10), 0);
	assert_int_equal(mw_lanes_take(&l, 5, 20), 1);
	assert_int_equal(mw_lanes_take(&l, 12, 25), 0);
	assert_int_equal(mw_lanes_take(&l, 20, 30), 1);
	assert_int_equal(mw_lanes_take(&l, 26, 40), 0);
	/* the one that ended last, so that the other stays free for what began earlier */
	assert_int_equal(mw_lanes_take(&l, 50, 60), 0);
	assert_int_equal(mw_lanes_take(&l, 35, 61), 1);
	assert_int_equal(l.n, 2);
	free(l.end);
}

static void lanes_come_to_an_end(void **state)
{
	struct mw_lanes l = { 0 };

	for (int i = 0; i < MW_LANES_MAX; i++)
		assert_int_equal(mw_lanes_take(&l, i, 1000 + i), i);
	assert_int_equal(mw_lanes_take(&l, 500, 2000), -ENOSPC);
	assert_int_equal(mw_lanes_take(&l, 1000, 2000), 0);
	free(l.end);
}

static void no_two_owners_have_a_pid(void **state)
{
	struct mw_owner *a, *b, *c;
	struct mw_owners o;

	assert_int_equal(mw_owners_init(&o), 0);
	assert_int_equal(mw_owners_get(&o, MW_SLICE_LIT("a"), 7, &a), 0);
	assert_int_equal(mw_owners_get(&o, MW_SLICE_LIT("b"), 7, &b), 0);
	assert_int_equal(mw_owners_get(&o, MW_SLICE_LIT(""), 0, &c), 0);
	assert_int_equal(a->pid, 7);
	assert_true(b->pid != 7 && b->pid != c->pid && b->pid > 4194304);
	assert_true(a->index == 0 && b->index == 1 && c->index == 2);
	assert_int_equal(mw_owners_get(&o, MW_SLICE_LIT("b"), 9, &c), 0);
	assert_ptr_equal(b, c);
	mw_owners_done(&o);
}

static void owners_are_bounded(void **state)
{
	struct mw_owner *w, *last = NULL;
	struct mw_owners o;
	char key[16];

	assert_int_equal(mw_owners_init(&o), 0);
	for (unsigned int i = 0; i < MW_LANES_OWNERS_MAX; i++) {
		snprintf(key, sizeof(key), "%u", i);
		assert_int_equal(mw_owners_get(&o, mw_slice_str(key), 0, &last), 0);
	}
	assert_int_equal(mw_owners_get(&o, MW_SLICE_LIT("more"), 0, &w), 0);
	assert_ptr_equal(w, last);
	assert_int_equal(o.refused, 1);
	mw_owners_done(&o);
}

static void owners_without_memory(void **state)
{
	struct mw_owners none = { 0 };

	/* what init could not make is no fault of done */
	mw_owners_done(&none);
}

static void fields_are_as_protobuf_says(void **state)
{
	/* 1: 150, 2: "testing", 3: fixed64, 4: { 1: 150, 5: {} } */
	static const uint8_t want[] = {
		0x08, 0x96, 0x01, 0x12, 0x07, 't',  'e',  's',	't',  'i',  'n',  'g',
		0x19, 8,    7,	  6,	5,    4,    3,	  2,	1,    0x22, 0x88, 0x80,
		0x80, 0x00, 0x08, 0x96, 0x01, 0x2a, 0x80, 0x80, 0x80, 0x00,
	};
	struct mw_pb p;
	size_t outer, inner;

	mw_pb_init(&p, 4096);
	mw_pb_varint(&p, 1, 150);
	mw_pb_str(&p, 2, "testing");
	mw_pb_fixed64(&p, 3, 0x0102030405060708);
	outer = mw_pb_open(&p, 4);
	mw_pb_varint(&p, 1, 150);
	inner = mw_pb_open(&p, 5);
	mw_pb_close(&p, inner);
	mw_pb_close(&p, outer);
	assert_int_equal(p.r, 0);
	assert_int_equal(p.buf.len, sizeof(want));
	assert_memory_equal(p.buf.p, want, sizeof(want));
	/* the largest: ten bytes */
	mw_pb_reset(&p);
	mw_pb_varint(&p, 1, UINT64_MAX);
	assert_int_equal(p.buf.len, 11);
	assert_int_equal(p.buf.p[10], 1);
	mw_pb_done(&p);
}

static void a_failure_stays(void **state)
{
	struct mw_pb p;
	size_t at;

	mw_pb_init(&p, 16);
	at = mw_pb_open(&p, 1);
	mw_pb_str(&p, 2, "more than there is room for");
	mw_pb_varint(&p, 3, 1);
	mw_pb_close(&p, at);
	assert_int_equal(p.r, -E2BIG);
	mw_pb_reset(&p);
	mw_pb_varint(&p, 3, 1);
	assert_int_equal(p.r, 0);
	assert_int_equal(p.buf.len, 2);
	mw_pb_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lanes_are_used_again),
		cmocka_unit_test(lanes_come_to_an_end),
		cmocka_unit_test(no_two_owners_have_a_pid),
		cmocka_unit_test(owners_are_bounded),
		cmocka_unit_test(owners_without_memory),
		cmocka_unit_test(fields_are_as_protobuf_says),
		cmocka_unit_test(a_failure_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
