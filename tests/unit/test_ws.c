/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <zlib.h>

#include "core/inflate.h"
#include "core/ws.h"

#define MAX  200u
#define HEAD 20u
#define TAIL 10u

struct run {
	struct mw_buf out;
	size_t n_nomem, n_messages;
	bool lost;
};

/* "t|bytes| len from..to flags" */
static void note(struct run *r, const struct mw_ws_message *m)
{
	char line[160];

	assert_true(m->bytes.n <= m->len);
	mw_buf_append_str(&r->out, m->text ? "t|" : "b|");
	mw_buf_append(&r->out, m->bytes.p, m->bytes.n);
	snprintf(line, sizeof(line), "| %llu %llu..%llu%s%s%s%s\n", (unsigned long long)m->len,
		 (unsigned long long)m->from, (unsigned long long)m->to, m->cut ? " cut" : "",
		 m->broken ? " broken" : "", m->odd ? " " : "", m->odd ? m->odd : "");
	mw_buf_append_str(&r->out, line);
	r->n_messages++;
}

struct stream {
	struct mw_slice bytes;
	bool client;
	size_t at;
	uint64_t gap;
};

static void run(struct run *r, const struct mw_alloc *a, const struct stream *s, size_t split,
		size_t step)
{
	struct mw_ws_message m;
	struct test_guard g;
	struct mw_ws *w;

	memset(r, 0, sizeof(*r));
	mw_buf_init(&r->out, &test_alloc, 1 << 22);
	mw_buf_reserve(&r->out, 1);
	if (mw_ws_new(a, s->client, MAX, HEAD, TAIL, &w) < 0) {
		r->n_nomem++;
		return;
	}
	test_guard_init(&g, 1 << 20);
	for (size_t i = 0, n; i < s->bytes.n && !r->lost; i += n) {
		struct mw_slice piece;
		size_t used;
		int k;

		if (s->gap && i == s->at && !mw_ws_gap(w, s->gap))
			r->lost = true;
		n = s->bytes.n - i < step ? s->bytes.n - i : step;
		if (i < split && n > split - i)
			n = split - i;
		if (s->gap && i < s->at && n > s->at - i)
			n = s->at - i;
		piece = test_guard_copy(&g, mw_slice(s->bytes.p + i, n));
		do {
			k = mw_ws_next(w, piece, &used, &m);
			assert_true(used <= piece.n);
			piece.p += used;
			piece.n -= used;
			if (k == 1)
				note(r, &m);
			r->n_nomem += k == -ENOMEM;
			r->lost |= k == -EBADMSG;
		} while (k && !r->lost);
		assert_true(r->lost || piece.n == 0);
	}
	if (r->lost)
		assert_int_equal(mw_ws_next(w, mw_slice_str("x"), &(size_t){ 0 }, &m), -EBADMSG);
	if (mw_ws_finish(w, &m)) {
		assert_true(m.broken);
		note(r, &m);
	}
	if (r->lost)
		mw_buf_append_str(&r->out, "lost\n");
	mw_ws_free(w);
	test_guard_done(&g);
}

static void check(const struct stream *s, const char *want)
{
	size_t live = test_alloc_live();
	struct run r;

	for (size_t step = 1; step < 8; step++) {
		run(&r, &test_alloc, s, 0, step == 7 ? SIZE_MAX : step);
		assert_buf_equal(&r.out, want);
		mw_buf_done(&r.out);
	}
	for (size_t split = 1; split < s->bytes.n && s->bytes.n < 1000; split++) {
		run(&r, &test_alloc, s, split, SIZE_MAX);
		assert_buf_equal(&r.out, want);
		mw_buf_done(&r.out);
	}
	assert_int_equal(test_alloc_live(), live);
}

#define SERVER(lit, want) check(&(struct stream){ .bytes = MW_SLICE_LIT(lit) }, want)
#define CLIENT(lit, want)                                                                          \
	check(&(struct stream){ .bytes = MW_SLICE_LIT(lit), .client = true }, want)

/* RFC 6455 section 5.7 */
static void examples(void **state)
{
	SERVER("\x81\x05Hello", "t|Hello| 5 0..7\n");
	CLIENT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "t|Hello| 5 0..11\n");
	SERVER("\x01\x03Hel\x80\x02lo", "t|Hello| 5 0..9\n");
	SERVER("\x89\x05Hello\x82\x00", "b|| 0 7..9\n");
}

static void fragments(void **state)
{
	SERVER("\x01\x02{\"\x89\x00\x00\x02"
	       "a\"\x8a\x03xyz\x80\x03:1}\x81\x02[]",
	       "t|{\"a\":1}| 7 0..20\nt|[]| 2 20..24\n");
	CLIENT("\x01\x81\x01\x02\x03\x04z\x80\x81\x05\x06\x07\x08~", "t|{{| 2 0..14\n");
	SERVER("\x02\x00\x00\x00\x80\x00", "b|| 0 0..6\n");
}

static void closed(void **state)
{
	SERVER("\x81\x02{}\x88\x02\x03\xe8\xff\xff junk", "t|{}| 2 0..4\n");
	SERVER("\x01\x02{}\x88\x00\x80\x00", "t|{}| 2 0..6 broken\n");
	SERVER("\x81\x05{}", "t|{}| 2 0..4 broken\n");
	SERVER("\x81", "");
}

static void oddities(void **state)
{
	SERVER("\x81\x82\x01\x02\x03\x04z\x7f\x81\x00", "t|{}| 2 0..8 ws.masked\nt|| 0 8..10\n");
	CLIENT("\x81\x02{}", "t|{}| 2 0..4 ws.unmasked\n");
	SERVER("\x81\x7e\x00\x02{}", "t|{}| 2 0..6 ws.length\n");
	SERVER("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x02{}", "t|{}| 2 0..12 ws.length\n");
}

static void refused(void **state)
{
	SERVER("\x81\x02{}\x83\x00", "t|{}| 2 0..4\nlost\n");
	SERVER("\x91\x00", "lost\n");
	SERVER("\xa1\x00", "lost\n");
	SERVER("\x8b\x00", "lost\n");
	SERVER("\x80\x00", "lost\n");
	SERVER("\xc0\x00", "lost\n");
	SERVER("\x09\x00", "lost\n");
	SERVER("\xc9\x00", "lost\n");
	SERVER("\x89\x7e\x00\x80", "lost\n");
	SERVER("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "lost\n");
	SERVER("\x01\x02{}\x81\x00", "t|{}| 2 0..6 broken\nlost\n");
	SERVER("\x01\x02{}\xc0\x00", "t|{}| 2 0..5 broken\nlost\n");
	SERVER("{\"jsonrpc\"", "lost\n");
}

static void gaps(void **state)
{
	struct stream s = { .bytes = MW_SLICE_LIT("\x81\x08Hell\x81\x02{}"), .at = 4, .gap = 4 };

	check(&s, "t|Hell| 4 0..6 broken\nt|{}| 2 6..10\n");
	s.gap = 7;
	check(&s, "t|He| 2 0..4 broken\nlost\n");
	s = (struct stream){ .bytes = MW_SLICE_LIT("\x81\x02{}\x81\x02{}"), .at = 4, .gap = 1 };
	check(&s, "t|{}| 2 0..4\nlost\n");
	s = (struct stream){ .bytes = MW_SLICE_LIT("\x89\x05Hx\x81\x02{}"), .at = 3, .gap = 3 };
	check(&s, "t|{}| 2 4..8\n");
	/* the mask goes on behind it */
	s = (struct stream){ .bytes = MW_SLICE_LIT("\x81\x86\x01\x02\x03\x04"
						   "`eg"),
			     .client = true,
			     .at = 7,
			     .gap = 3 };
	check(&s, "t|ade| 3 0..9 broken\n");
	/* what is deflated cannot go on, nor refer to what is missing; a new window can */
	s = (struct stream){ .bytes = MW_SLICE_LIT("\xc1\x07\xf2\x48\x07\x00"
						   "\xc1\x05\xf2\x00\x11\x00\x00"
						   "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),
			     .at = 4,
			     .gap = 3 };
	check(&s, "t|H| 1 0..6 broken\nt|H| 1 6..13 broken ws.deflate\nt|Hello| 5 13..22\n");
}

/* --- permessage-deflate ------------------------------------------------------------------------
 */

/* RFC 7692 section 7.2.3 */
static void deflated(void **state)
{
	SERVER("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", "t|Hello| 5 0..9\n");
	SERVER("\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", "t|Hello| 5 0..11\n");
	/* with the window of the one before; and each with its own */
	SERVER("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00",
	       "t|Hello| 5 0..9\nt|Hello| 5 9..16\n");
	SERVER("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
	       "t|Hello| 5 0..9\nt|Hello| 5 9..18\n");
	/* stored; ended by a last block; two blocks; nothing; not deflated among them */
	SERVER("\xc1\x0b\x00\x05\x00\xfa\xffHello\x00", "t|Hello| 5 0..13\n");
	SERVER("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xc1\x05\xf2\x00\x11\x00\x00",
	       "t|Hello| 5 0..10\nt|Hello| 5 10..17\n");
	SERVER("\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
	       "t|Hello| 5 0..15\n");
	SERVER("\xc1\x01\x00\x81\x01x\xc2\x01\x00", "t|| 0 0..3\nt|x| 1 3..6\nb|| 0 6..9\n");
	/* no such code, then a new window */
	SERVER("\xc1\x02\xff\xff\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
	       "t|| 0 0..4 broken ws.deflate\nt|Hello| 5 4..13\n");
}

/* Many messages, with and without the window of those before. */
static void conversation(void **state)
{
	static uint8_t wire[100000];
	char text[150], line[256];

	for (size_t anew = 0; anew < 2; anew++) {
		z_stream z = { 0 };
		struct mw_buf want;
		size_t n = 0;

		mw_buf_init(&want, &test_alloc, SIZE_MAX);
		assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
		for (unsigned int i = 0; i < 30; i++) {
			size_t from = n;

			snprintf(text, sizeof(text),
				 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\"}",
				 i * 7919);
			z.next_in = (uint8_t *)text;
			z.avail_in = (unsigned int)strlen(text);
			z.next_out = wire + n + 2;
			z.avail_out = 120;
			assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
			wire[n] = 0xc1;
			wire[n + 1] = (uint8_t)(120 - z.avail_out - 4);
			n += 2 + wire[n + 1];
			if (anew)
				deflateReset(&z);
			snprintf(line, sizeof(line), "t|%s| %zu %zu..%zu\n", text, strlen(text),
				 from, n);
			mw_buf_append_str(&want, line);
		}
		deflateEnd(&z);
		mw_buf_append_byte(&want, 0);
		check(&(struct stream){ .bytes = { wire, n } }, (const char *)want.p);
		mw_buf_done(&want);
	}
}

static void bomb(void **state)
{
	size_t n = 8u << 20, n_wire;
	uint8_t *zeros = calloc(1, n), *wire = malloc(20000);
	z_stream z = { .next_in = zeros, .avail_in = (unsigned int)n };
	char want[128];
	struct run r;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = wire + 4;
	z.avail_out = 19000;
	assert_int_equal(deflate(&z, Z_SYNC_FLUSH), Z_OK);
	n_wire = 19000 - z.avail_out - 4;
	deflateEnd(&z);
	wire[0] = 0xc2;
	wire[1] = 126;
	wire[2] = (uint8_t)(n_wire >> 8);
	wire[3] = (uint8_t)n_wire;
	memcpy(wire + 4 + n_wire, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 9);
	for (size_t step = 1; step < 20000; step += 6000) {
		run(&r, &test_alloc, &(struct stream){ .bytes = { wire, 4 + n_wire + 9 } }, 0,
		    step);
		assert_int_equal(r.n_messages, 2);
		mw_buf_append_byte(&r.out, 0);
		snprintf(want, sizeof(want), "| 1048576 0..%zu cut broken ws.bomb\nt|Hello| 5 ",
			 4 + n_wire);
		assert_ptr_equal(strstr((const char *)r.out.p + 2 + HEAD + TAIL, want),
				 r.out.p + 2 + HEAD + TAIL);
		mw_buf_done(&r.out);
	}
	free(zeros);
	free(wire);
}

/* --- bounds ------------------------------------------------------------------------------------
 */

static void long_messages(void **state)
{
	static uint8_t wire[70100] = "\x01\x7e\x01\x00";
	size_t n = 4;
	struct run r;

	/* 256 bytes and 65536 in one message */
	for (size_t i = 0; i < 256; i++)
		wire[n++] = (uint8_t)('a' + i % 26);
	memcpy(wire + n, "\x80\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
	n += 10;
	for (size_t i = 0; i < 65536; i++)
		wire[n++] = (uint8_t)('A' + i % 26);
	for (size_t step = 1; step < 70000; step += 4099) {
		run(&r, &test_alloc, &(struct stream){ .bytes = { wire, n } }, 0, step);
		assert_buf_equal(&r.out, "t|abcdefghijklmnopqrstGHIJKLMNOP| 65792 0..65806 cut\n");
		mw_buf_done(&r.out);
	}
	/* 2^63 - 1 bytes announced: held is what came */
	SERVER("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"
	       "abc",
	       "b|abc| 3 0..13 broken\n");
}

static void no_memory(void **state)
{
	static const struct stream s = { .bytes =
					     MW_SLICE_LIT("\x81\x05Hello"
							  "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"
							  "\x81\x02{}") };

	TEST_EACH_FAILURE(n)
	{
		struct run r;

		run(&r, &test_alloc_failing, &s, 0, SIZE_MAX);
		assert_int_equal(r.n_nomem, test_alloc_failed());
		if (r.n_messages) {
			mw_buf_append_byte(&r.out, 0);
			assert_int_equal(r.n_messages, 3);
			assert_int_equal(!!strstr((const char *)r.out.p, "broken"), r.n_nomem);
		}
		mw_buf_done(&r.out);
	}
}

static void looks(void **state)
{
#define LOOKS(lit, client) mw_ws_looks(MW_SLICE_LIT(lit), client)
	assert_true(LOOKS("\x81\x02{}", false));
	assert_true(LOOKS("\x81\x82\x01\x02\x03\x04z~", true));
	assert_true(LOOKS("\x81\x02{}\x89\x00\x81", false));
	assert_true(LOOKS("\x81\x02", false));
	assert_true(LOOKS("\x81\x7f\x00\x00\x00\x00\x01\x00\x00\x00{", false));
	assert_true(LOOKS("\x88\x02\x03\xe8junk", false));
	assert_false(LOOKS("\x81\x02{}", true));
	assert_false(LOOKS("\x81\x82\x01\x02\x03\x04z~", false));
	assert_false(LOOKS("\x81\x02{}{\"", false));
	assert_false(LOOKS("\x80\x02{}", false));
	assert_false(LOOKS("\x81\x05{}", false));
	assert_false(LOOKS("\x81\x7e\x00\x02{}", false));
	assert_false(LOOKS("\x81", false));
	assert_false(LOOKS("", false));
	assert_false(LOOKS("{\"a\":1}", false));
	assert_false(LOOKS("HTTP/1.1", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),  cmocka_unit_test(fragments),
		cmocka_unit_test(closed),    cmocka_unit_test(oddities),
		cmocka_unit_test(refused),   cmocka_unit_test(gaps),
		cmocka_unit_test(deflated),  cmocka_unit_test(conversation),
		cmocka_unit_test(bomb),	     cmocka_unit_test(long_messages),
		cmocka_unit_test(no_memory), cmocka_unit_test(looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
