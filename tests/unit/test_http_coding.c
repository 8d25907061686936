/* SPDX-License-Identifier: Apache-2.0 */
#include "support_http.h"

#include <zlib.h>

#include "core/inflate.h"

#define GZIP 31
#define ZLIB 15
#define RAW  (-15)

/* n bytes of text, and their coded form behind what b holds. */
static void code(struct mw_buf *b, const void *p, size_t n, int bits)
{
	uLong max = compressBound(n) + 64;
	z_stream z = { .next_in = (uint8_t *)p, .avail_in = (unsigned int)n };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(mw_buf_reserve(b, max), 0);
	z.next_out = b->p + b->len;
	z.avail_out = (unsigned int)max;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b->len += max - z.avail_out;
	deflateEnd(&z);
}

struct body {
	struct mw_buf coded;
	const char *coding;
};

static void body_init(struct body *b, const char *coding)
{
	*b = (struct body){ .coding = coding };
	mw_buf_init(&b->coded, &test_alloc, SIZE_MAX);
}

/* An answer with this body, then one without; step: how many bytes at once. */
static void run(struct http_run *r, const struct mw_alloc *a, const struct body *b, size_t step)
{
	struct mw_buf s;
	char head[128];

	mw_buf_init(&s, &test_alloc, SIZE_MAX);
	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
		 b->coding, b->coded.len);
	mw_buf_append_str(&s, head);
	mw_buf_append(&s, b->coded.p, b->coded.len);
	mw_buf_append_str(&s, "HTTP/1.1 204 No\r\n\r\n");
	http_run_init(r, a);
	for (size_t i = 0; i < s.len; i += step)
		http_feed(r, mw_slice(s.p + i, s.len - i < step ? s.len - i : step));
	mw_buf_done(&s);
}

/* The body comes out as `want`, and what follows it is found. tail: how its END looks. */
static void check(struct body *b, struct mw_slice want, const char *tail)
{
	static const size_t steps[] = { SIZE_MAX, 1, 2, 7, 4096, 5000 };
	struct mw_buf all;
	char line[128];

	mw_buf_init(&all, &test_alloc, SIZE_MAX);
	mw_buf_append_str(&all, "1 answer 200 1.1\n");
	if (want.n) {
		mw_buf_append_str(&all, "body ");
		mw_buf_append(&all, want.p, want.n);
		mw_buf_append_str(&all, "\n");
	}
	snprintf(line, sizeof(line), "1 end %zu%s\n2 answer 204 1.1\n2 end 19\n",
		 strlen("HTTP/1.1 200 OK\r\nContent-Encoding: \r\nContent-Length: \r\n\r\n") +
		     strlen(b->coding) + (size_t)snprintf(NULL, 0, "%zu", b->coded.len) +
		     b->coded.len,
		 tail);
	mw_buf_append_str(&all, line);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct http_run r;

		run(&r, &test_alloc, b, steps[i]);
		assert_int_equal(r.out.len, all.len);
		assert_memory_equal(r.out.p, all.p, all.len);
		http_run_done(&r);
	}
	mw_buf_done(&all);
	mw_buf_done(&b->coded);
}

static const char text[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}";

static void codings(void **state)
{
	static const struct {
		const char *name;
		int bits;
	} cases[] = {
		{ "gzip", GZIP },    { "x-gzip", GZIP },     { "GZip", GZIP },
		{ "deflate", ZLIB }, { "deflate", RAW },     { "identity, gzip", GZIP },
		{ "gzip,", GZIP },   { " , deflate", ZLIB },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct body b;

		body_init(&b, cases[i].name);
		code(&b.coded, text, sizeof(text) - 1, cases[i].bits);
		check(&b, mw_slice_str(text), "");
	}
}

static void large(void **state)
{
	size_t n = 300000;
	uint8_t *p = malloc(n);
	uint32_t x = 1;
	struct body b;

	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245 + 12345;
		p[i] = (uint8_t)('a' + (x >> 16) % 20);
	}
	body_init(&b, "gzip");
	code(&b.coded, p, n, GZIP);
	assert_true(b.coded.len > 100000);
	check(&b, mw_slice(p, n), "");
	free(p);
}

static void members(void **state)
{
	struct body b;

	body_init(&b, "gzip");
	code(&b.coded, "one ", 4, GZIP);
	code(&b.coded, "", 0, GZIP);
	code(&b.coded, "two", 3, GZIP);
	check(&b, mw_slice_str("one two"), "");
}

static void damaged(void **state)
{
	struct body b;

	body_init(&b, "gzip");
	mw_buf_append_str(&b.coded, "no gzip at all");
	check(&b, mw_slice(NULL, 0), " http.coding");
	/* its end is wanting */
	body_init(&b, "gzip");
	code(&b.coded, text, sizeof(text) - 1, GZIP);
	b.coded.len -= 4;
	check(&b, mw_slice_str(text), " http.coding");
	/* its sum is wrong: known when all has been given */
	body_init(&b, "deflate");
	code(&b.coded, text, sizeof(text) - 1, ZLIB);
	b.coded.p[b.coded.len - 1] ^= 1;
	check(&b, mw_slice_str(text), " http.coding");
	/* more behind its end */
	body_init(&b, "deflate");
	code(&b.coded, text, sizeof(text) - 1, RAW);
	mw_buf_append_str(&b.coded, "more");
	check(&b, mw_slice_str(text), " http.coding");
	/* coded twice, or by what is not known here */
	body_init(&b, "gzip, gzip");
	code(&b.coded, text, sizeof(text) - 1, GZIP);
	check(&b, mw_slice(NULL, 0), " http.coding");
	body_init(&b, "zstd");
	mw_buf_append_str(&b.coded, "x");
	check(&b, mw_slice(NULL, 0), " http.coding");
}

/* Zeros shrink about a thousandfold: what comes of the first block is within the free part only. */
static void bomb(void **state)
{
	size_t n = 20u << 20;
	uint8_t *zeros = calloc(1, n);
	struct body b;

	body_init(&b, "gzip");
	code(&b.coded, zeros, n, GZIP);
	assert_true(b.coded.len > 4 * MW_INFLATE_BLOCK && b.coded.len < 6 * MW_INFLATE_BLOCK);
	check(&b, mw_slice(zeros, MW_INFLATE_FREE), " http.bomb");

	/* as much as is allowed: no bomb */
	body_init(&b, "gzip");
	code(&b.coded, zeros, MW_INFLATE_FREE, GZIP);
	check(&b, mw_slice(zeros, MW_INFLATE_FREE), "");
	body_init(&b, "gzip");
	code(&b.coded, zeros, MW_INFLATE_FREE + 1, GZIP);
	check(&b, mw_slice(zeros, MW_INFLATE_FREE), " http.bomb");
	free(zeros);
}

/* Chunked, coded by the transfer; the pieces are no more than what came in. */
static void as_it_comes(void **state)
{
	size_t live = test_alloc_live();
	struct mw_buf coded;
	struct http_run r;
	char size[16];

	mw_buf_init(&coded, &test_alloc, SIZE_MAX);
	code(&coded, text, sizeof(text) - 1, GZIP);
	http_run_init(&r, &test_alloc);
	http_feed(&r, mw_slice_str("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"));
	for (size_t i = 0; i < coded.len; i += 20) {
		size_t n = coded.len - i < 20 ? coded.len - i : 20;

		snprintf(size, sizeof(size), "%zx\r\n", n);
		http_feed(&r, mw_slice_str(size));
		http_feed(&r, mw_slice(coded.p + i, n));
		http_feed(&r, mw_slice_str("\r\n"));
		if (i == 40)
			assert_true(r.body.len > 0);
		/* what is held while a coded body passes */
		assert_true(test_alloc_live() - live < 52u << 10);
	}
	http_feed(&r, mw_slice_str("0\r\n\r\n"));
	assert_null(r.h.inflate);
	assert_null(r.h.head.p);
	mw_buf_append_byte(&r.out, 0);
	assert_non_null(strstr((const char *)r.out.p, text));
	assert_null(strstr((const char *)r.out.p, "http."));
	http_run_done(&r);
	mw_buf_done(&coded);
}

static void behind_a_gap(void **state)
{
	struct http_run r;

	http_run_init(&r, &test_alloc);
	http_feed(&r, mw_slice_str("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
				   "Content-Length: 20\r\n\r\n\x1f\x8b\x08"));
	http_gap(&r, 10);
	http_feed(&r, mw_slice_str("1234567HTTP/1.1 204 No\r\n\r\n"));
	assert_buf_equal(&r.out,
			 "1 answer 200 1.1\n1 end 83 partial\n2 answer 204 1.1\n2 end 19\n");
	http_run_done(&r);
}

static void no_memory(void **state)
{
	struct body b;

	body_init(&b, "gzip");
	code(&b.coded, text, sizeof(text) - 1, GZIP);
	TEST_EACH_FAILURE(n)
	{
		struct http_run r;

		run(&r, &test_alloc_failing, &b, SIZE_MAX);
		mw_buf_append_byte(&r.out, 0);
		assert_int_equal(r.n_nomem, test_alloc_failed());
		assert_int_equal(!strstr((const char *)r.out.p, "partial"), !r.n_nomem);
		/* what follows is found */
		assert_non_null(strstr((const char *)r.out.p, "2 answer 204 1.1\n2 end 19\n"));
		http_run_done(&r);
	}
	mw_buf_done(&b.coded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codings),	cmocka_unit_test(large),
		cmocka_unit_test(members),	cmocka_unit_test(damaged),
		cmocka_unit_test(bomb),		cmocka_unit_test(as_it_comes),
		cmocka_unit_test(behind_a_gap), cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
