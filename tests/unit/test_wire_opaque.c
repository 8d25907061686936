/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection begins with that is not read, by the side that says it first */
#include "support_tls.h"
#include "support_wire.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct seen {
	unsigned int n;
	enum mw_opaque opaque;
	enum mw_end end;
	bool answered;
	char name[64];
};

static void take(struct wire_run *r, struct seen *s)
{
	struct mw_wire_event ev;

	while (mw_wire_next(r->w, &ev) == 1) {
		if (ev.kind != MW_WIRE_OPAQUE)
			continue;
		s->n++;
		s->opaque = ev.opaque;
		s->end = ev.end;
		s->answered = ev.answered;
		snprintf(s->name, sizeof(s->name), "%.*s", (int)ev.name.n, (const char *)ev.name.p);
		assert_int_equal(ev.proc.tgid, 7);
	}
}

static void push(struct wire_run *r, struct seen *s, enum mw_end end, const void *p, size_t n,
		 size_t piece)
{
	struct mw_chunk c;

	for (size_t at = 0, k; at < n; at += k) {
		k = piece && piece < n - at ? piece : n - at;
		c = wr_chunk(r, end);
		c.bytes = mw_slice((const uint8_t *)p + at, k);
		c.inside = at != 0;
		/* who answers may be another one of its processes */
		if (s->n == 0 && r->off[!end])
			c.proc.tgid = 8;
		r->off[end] += k;
		assert_int_equal(mw_wire_push(r->w, &c), 0);
		take(r, s);
	}
}

static void said_and_answered(void **state)
{
	static const char settings[] = "\0\0\x12\4\0\0\0\0\0";
	static const struct {
		const void *hello, *answer;
		size_t n, n_answer;
		enum mw_opaque want;
		bool answered;
	} v[] = {
		{ hello_tls, "\x16\x03\x03\0\x30\x02\0\0", sizeof(hello_tls), 8, MW_OPAQUE_TLS,
		  true },
		/* an alert; a server that does not speak it */
		{ hello_tls, "\x15\x03\x03\0\x02\x02\x28", sizeof(hello_tls), 7, MW_OPAQUE_TLS,
		  false },
		{ hello_tls, "HTTP/1.1 400 x\r\n", sizeof(hello_tls), 16, MW_OPAQUE_TLS, false },
		{ PREFACE, settings, sizeof(PREFACE) - 1, 9, MW_OPAQUE_HTTP2, true },
		{ PREFACE, "HTTP/1.1 400 x\r\n", sizeof(PREFACE) - 1, 16, MW_OPAQUE_HTTP2, false },
		/* a ServerHello, an alert, a request, text */
		{ "\x16\x03\x03\0\x30\x02\0\0", "\x16\x03", 8, 2, MW_OPAQUE_NONE, false },
		{ "\x15\x03\x03\0\x02\x01\0", "\x16\x03", 7, 2, MW_OPAQUE_NONE, false },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03", 27, 2, MW_OPAQUE_NONE, false },
		{ "PRINT", "\x16\x03", 5, 2, MW_OPAQUE_NONE, false },
	};
	static const size_t pieces[] = { 0, 1, 5, 7 };

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]) * 2 * 4; i++) {
		const size_t k = i / 8;
		const enum mw_end end = i & 1 ? MW_END_READ : MW_END_WRITE;
		const size_t piece = pieces[i / 2 % 4];
		struct seen s = { 0 };
		struct wire_run r;

		wr_init(&r, &test_alloc, MW_CHAN_TCP4);
		push(&r, &s, end, v[k].hello, v[k].n, piece);
		assert_int_equal(s.n, 0);
		push(&r, &s, !end, v[k].answer, v[k].n_answer, piece);
		/* and never again */
		push(&r, &s, end, v[k].hello, v[k].n, piece);
		push(&r, &s, !end, v[k].answer, v[k].n_answer, piece);
		assert_int_equal(s.n, v[k].want ? 1 : 0);
		assert_int_equal(s.opaque, v[k].want);
		if (s.n) {
			assert_int_equal(s.end, end);
			assert_int_equal(s.answered, v[k].answered);
			assert_string_equal(s.name,
					    v[k].want == MW_OPAQUE_TLS ? "Mcp-1.example.org" : "");
		}
		wr_done(&r);
	}
}

/* Its end, missing bytes, or more than any hello has: as far as it was seen. */
static void cut_off(void **state)
{
	static const struct {
		size_t n;
		bool close, flood;
		unsigned int want;
		const char *name;
	} v[] = {
		{ 5, false, false, 0, "" },
		{ 6, false, false, 1, "" },
		{ 100, true, false, 1, "" },
		{ sizeof(hello_tls), false, false, 1, "Mcp-1.example.org" },
		{ sizeof(hello_tls), true, false, 1, "Mcp-1.example.org" },
		{ 6, false, true, 1, "" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		static const uint8_t more[20000];
		uint8_t hello[sizeof(hello_tls)];
		struct seen s = { 0 };
		struct mw_chunk c;
		struct wire_run r;

		memcpy(hello, hello_tls, sizeof(hello));
		if (v[i].flood)
			hello[HELLO_RECORD_LEN] = 0xff;
		wr_init(&r, &test_alloc, MW_CHAN_TCP4);
		push(&r, &s, MW_END_READ, hello, v[i].n, 0);
		if (v[i].flood) {
			push(&r, &s, MW_END_READ, more, sizeof(more), 1000);
		} else {
			c = wr_chunk(&r, MW_END_READ);
			c.closed = v[i].close;
			c.gap = v[i].close ? 0 : 10;
			assert_int_equal(mw_wire_push(r.w, &c), 0);
			take(&r, &s);
		}
		assert_int_equal(s.n, v[i].want);
		if (s.n) {
			assert_int_equal(s.opaque, MW_OPAQUE_TLS);
			assert_false(s.answered);
			assert_string_equal(s.name, v[i].name);
		}
		wr_done(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(said_and_answered),
		cmocka_unit_test(cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
