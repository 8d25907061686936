/* SPDX-License-Identifier: Apache-2.0 */
/* What a container engine sends behind an upgrade: output in frames, whose heads have bytes that
 * test_web has no way to write. */
#include "support_web.h"

#define HEAD	  "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define HEAD_SAID "head 0+60r#1:60\nend 60+0r#1\n"
#define OUT(n)	  "\1\0\0\0\0\0\0" n
#define ERR(n)	  "\2\0\0\0\0\0\0" n
#define BYTES(...)                                                                                 \
	{                                                                                          \
		.bytes = MW_SLICE_LIT(__VA_ARGS__)                                                 \
	}

/* Each part but a gap is a system call. */
struct part {
	struct mw_slice bytes;
	uint64_t gap;
};

static void check(const char *name, const struct part *parts, size_t n, const char *want)
{
	static const size_t steps[] = { SIZE_MAX, 1, 2, 3, 7, 11 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct mw_frame f;
		struct web w;

		web_init(&w, &test_alloc);
		web_push(&w, (struct mw_chunk){ .bytes = MW_SLICE_LIT(HEAD) });
		for (size_t k = 0; k < n; k++) {
			struct mw_slice s = parts[k].bytes;

			if (parts[k].gap)
				web_push(&w, (struct mw_chunk){ .gap = parts[k].gap });
			for (size_t at = 0, m; at < s.n; at += m) {
				m = s.n - at < steps[i] ? s.n - at : steps[i];
				web_push(&w, (struct mw_chunk){ .bytes = mw_slice(s.p + at, m),
								.inside = at > 0 });
			}
		}
		while (mw_framer_finish(&w.f, &f) == 1)
			web_note(&w, &f);
		mw_buf_append_byte(&w.out, 0);
		if (strcmp((const char *)w.out.p, want) != 0)
			fail_msg("%s, step %zu\ngot:\n%s\nwant:\n%s", name, steps[i],
				 (const char *)w.out.p, want);
		web_done(&w);
		assert_int_equal(test_alloc_live(), 0);
	}
}
#define CHECK(name, want, ...)                                                                     \
	do {                                                                                       \
		static const struct part parts[] = { __VA_ARGS__ };                                \
		check(name, parts, sizeof(parts) / sizeof(*parts), HEAD_SAID want);                \
	} while (0)

static void frames(void **state)
{
	CHECK("lines over frames, errors between",
	      "line 87+8={\"a\":1}\n"
	      "line 95+5={\"\"}\n"
	      "line 136+4=[1]\n"
	      "line 140+6 broken={\"b\":2\n",
	      BYTES(ERR("\x0b") "{\"err\": 1}\n"), BYTES(OUT("\x09") "{\"a\":1}\n{"),
	      BYTES(ERR("\x04") "x\ny\n" OUT("\x00") OUT("\x04") "\"\"}\n"),
	      BYTES(OUT("\x0a") "[1]\n{\"b\":2"));
	CHECK("gaps in frames",
	      "line 68+3={}\n"
	      "line 71+1 broken={\n"
	      "line 75+2 broken headless gap3=}\n"
	      "line 77+3={}\n"
	      "line 100+3=[]\n",
	      BYTES(OUT("\x0c") "{}\n{"), { .gap = 3 }, BYTES("}\n{}\n" ERR("\x04")), { .gap = 4 },
	      BYTES(OUT("\x03") "[]\n"));
	CHECK("a gap over the end of a frame",
	      "line 68+1 broken={\n"
	      "body 69+17 cut broken headless gap3:14\n"
	      "head 86+38r#2:38\n"
	      "body 124+2r#2=[]\n"
	      "end 124+2r#2:2\n",
	      BYTES(OUT("\x03") "{"), { .gap = 3 }, BYTES(OUT("\x03") "}\n{}\n\n"),
	      BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"));
}

static void none(void **state)
{
	CHECK("a frame's head that is none",
	      "line 68+3={}\n"
	      "line 71+1 broken tunnel.frame={\n"
	      "body 80+3 cut broken headless:3\n",
	      BYTES(OUT("\x04") "{}\n{"), BYTES("\3\0\0\0\0\0\0\3{}\n"));
	CHECK("no line in progress there",
	      "line 68+3={}\n"
	      "line 79+0r#1 broken tunnel.frame\n"
	      "body 79+3 cut broken headless:3\n",
	      BYTES(OUT("\x03") "{}\n"), BYTES("\1\0\1\0\0\0\0\3{}\n"));
	CHECK("no frame at first", "", BYTES("\1\0\1\0\0\0\0\3{}\n"), BYTES("{}\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
