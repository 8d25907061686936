/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "io/export_html.h"
#include "io/export_out.h"
#include "io/survey.h"

/* Records in, a page out: what stands around its blocks, and what is in them. tests/page looks at
 * it with a browser's eyes. */

static char records[] = "/tmp/mw-export-html-XXXXXX";
static FILE *in;
static uint64_t seq;
static char *page;
static size_t page_len;

static int setup(void **state)
{
	int fd;

	memcpy(records + sizeof(records) - 7, "XXXXXX", 6);
	fd = mkstemp(records);
	in = fdopen(fd, "w");
	seq = 0;
	page = NULL;
	return fd < 0 || !in;
}

static int teardown(void **state)
{
	free(page);
	return unlink(records);
}

static void put(const char *type, const char *rest, ...) __attribute__((format(printf, 2, 3)));

static void put(const char *type, const char *rest, ...)
{
	va_list ap;

	fprintf(in,
		"{\"v\":1,\"seq\":%" PRIu64
		",\"time\":\"2026-01-31T10:%02d:%02d.%09dZ\",\"boot_ns\":1,"
		"\"host\":\"h\",\"type\":\"%s\"",
		seq, (int)(seq / 60000) % 60, (int)(seq / 1000) % 60, (int)(seq % 1000) * 1000000,
		type);
	seq++;
	if (*rest)
		fputc(',', in);
	va_start(ap, rest);
	vfprintf(in, rest, ap);
	va_end(ap);
	fputs("}\n", in);
}

static unsigned int all(void *arg, const struct mw_logrec *rec)
{
	return MW_SURVEY_OWN | MW_SURVEY_WHO;
}

static int export_to(FILE *out, const char *filter)
{
	const char *paths[] = { records };
	struct mw_survey_config config = {
		.paths = paths, .n_paths = 1, .filter = filter, .match = all, .now_ns = 1
	};
	struct mw_exporter *e = NULL;
	struct mw_survey *s = NULL;
	char err[512] = "";
	int r;

	fflush(in);
	r = mw_survey_new(&config, err, sizeof(err), &s);
	if (r < 0)
		fail_msg("%s", err);
	assert_int_equal(mw_export_html_new(out, &e), 0);
	r = mw_survey_export(s, e, err, sizeof(err));
	e->ops->free(e);
	mw_survey_free(s);
	return r;
}

static void make_page(const char *filter)
{
	FILE *out = open_memstream(&page, &page_len);

	fclose(in);
	in = fopen(records, "a");
	assert_int_equal(export_to(out, filter), 0);
	fclose(out);
	fclose(in);
}

static unsigned int times(const char *what)
{
	unsigned int n = 0;
	const char *p;

	for (p = page; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

/* What the first block of a class holds; NUL-terminated, to be freed. */
static char *block(char class, size_t *ret_n)
{
	char mark[] = "<script type=\"text/plain\" class=\"?\">";
	struct libdeflate_decompressor *z = libdeflate_alloc_decompressor();
	char *p, *end, *out = malloc(4u << 20);
	unsigned char *packed;
	size_t n;

	*strchr(mark, '?') = class;
	p = strstr(page, mark);
	assert_non_null(p);
	p += strlen(mark);
	end = strchr(p, '<');
	packed = malloc((size_t)(end - p));
	n = (size_t)EVP_DecodeBlock(packed, (unsigned char *)p, (int)(end - p));
	n -= (size_t)((end[-1] == '=') + (end[-2] == '='));
	assert_int_equal(libdeflate_deflate_decompress(z, packed, n, out, (4u << 20) - 1, ret_n),
			 0);
	out[*ret_n] = '\0';
	libdeflate_free_decompressor(z);
	free(packed);
	return out;
}

static void the_blocks_hold_the_records(void **state)
{
	char want[4096];
	size_t n, wanted;
	char *got;
	FILE *f;

	put("server", "\"event\":\"seen\",\"server\":{\"id\":\"s-1\",\"name\":\"files\"}");
	put("request", "\"call\":\"c-1\",\"dir\":\"c2s\",\"method\":\"tools/call\",\"tool\":\"t\"");
	put("effect",
	    "\"kind\":\"file.open\",\"target\":\"/a\",\"call\":\"c-1\",\"link\":\"sole\"");
	put("call", "\"call\":\"c-1\",\"dir\":\"c2s\",\"method\":\"tools/call\",\"tool\":\"t\","
		    "\"status\":\"ok\",\"evidence\":\"complete\"");
	make_page("");
	f = fopen(records, "r");
	wanted = fread(want, 1, sizeof(want) - 1, f);
	want[wanted] = '\0';
	fclose(f);
	got = block('r', &n);
	/* all but the request, which its call tells */
	assert_int_equal(memcmp(got, want, (size_t)(strchr(want, '\n') - want + 1)), 0);
	assert_null(strstr(got, "\"type\":\"request\""));
	assert_string_equal(strstr(got, "{\"v\":1,\"seq\":2"), strstr(want, "{\"v\":1,\"seq\":2"));
	free(got);
	got = block('i', &n);
	assert_memory_equal(got, "{\"n\":3,\"from\":2,\"dict\":[", 24);
	assert_non_null(strstr(got, "\"text\":[0,\"/a\",0]}\n"));
	/* columns of eight, four and one byte */
	assert_int_equal(n - (size_t)(strchr(got, '\n') + 1 - got), 3 * (3 * 8 + 9 * 4 + 5));
	free(got);
	assert_int_equal(times("{\"rows\":3,\"dropped\":0}</script>"), 1);
}

static void what_is_said_of_it_stays_text(void **state)
{
	put("call",
	    "\"call\":\"</script><script>alert(1)</script>-1\",\"dir\":\"c2s\",\"method\":\"m\","
	    "\"tool\":\"</script><img src=x>\",\"status\":\"ok\",\"evidence\":\"complete\","
	    "\"server\":{\"id\":\"s\",\"name\":\"<!--<script>\"},"
	    "\"principal\":{\"user\":\"</title>\\u2028<b>\"}");
	make_page("--grep '</script><script>alert(2)</script>'");
	assert_int_equal(times("alert("), 1); /* of the filter, escaped */
	assert_int_equal(times("<script>"), 1);
	assert_int_equal(times("<img"), 0);
	assert_int_equal(times("<!--"), 0);
	assert_int_equal(times("</title>"), 1);
	assert_int_equal(times("\xe2\x80\xa8"), 0);
	assert_int_equal(times("default-src 'none'; script-src 'sha256-"), 1);
	/* page.html's own marks are all used */
	assert_null(memmem(page, page_len, "@policy@", 8));
	assert_null(memmem(page, page_len, "@data@", 6));
}

static void requests_wait_in_a_bounded_table(void **state)
{
	const unsigned int n = 5000, held = 4096;
	char want[64];
	unsigned int i;

	for (i = 1; i <= n; i++)
		put("request", "\"call\":\"c-%u\",\"dir\":\"c2s\",\"method\":\"m\"", i);
	for (i = 1; i <= n; i++)
		put("call", "\"call\":\"c-%u\",\"dir\":\"c2s\",\"method\":\"m\",\"status\":\"ok\"",
		    i);
	/* and two that never end */
	put("request", "\"call\":\"c-%u\",\"dir\":\"c2s\",\"method\":\"m\"", i);
	put("request", "\"call\":\"odd\",\"dir\":\"c2s\",\"method\":\"m\"");
	make_page("");
	snprintf(want, sizeof(want), "{\"rows\":%u,", n + (n - held) + 2);
	assert_int_equal(times(want), 1);
}

static void names_that_find_no_room_are_counted(void **state)
{
	struct mw_html_pack *pack;
	struct mw_html_rows *rows;
	char name[32];
	uint32_t i, id, again;
	struct mw_outbuf out = { 0 };

	assert_int_equal(mw_html_pack_new(&out, &pack), 0);
	assert_int_equal(mw_html_rows_new(pack, &rows), 0);
	for (i = 0; i < MW_HTML_DICT_MAX + 10; i++) {
		snprintf(name, sizeof(name), "\"%u\"", i);
		assert_int_equal(mw_html_rows_name(rows, mw_slice_str(name), &id), 0);
		assert_int_equal(id, i < MW_HTML_DICT_MAX ? i + 2 : 1);
		assert_int_equal(mw_html_rows_name(rows, mw_slice_str(name), &again), 0);
		assert_int_equal(again, id);
	}
	assert_int_equal(mw_html_rows_dropped(rows), 20);
	assert_int_equal(mw_html_rows_name(rows, mw_slice(NULL, 0), &id), 0);
	assert_int_equal(id, 0);
	mw_html_rows_free(rows);
	mw_html_pack_free(pack);
	mw_out_done(&out);
}

static void a_call_is_a_prefix_and_a_number(void **state)
{
	static const struct {
		const char *raw;
		uint32_t number;
		bool same; /* prefix as the first one's */
	} ids[] = {
		{ "\"c1-7\"", 7, true },
		{ "\"c1-0\"", 0, true },
		{ "\"c1-999999999\"", 999999999, true },
		{ "\"c1-1000000000\"", UINT32_MAX, false },
		{ "\"c1-07\"", UINT32_MAX, false },
		{ "\"c1-\"", UINT32_MAX, false },
		{ "\"c1\"", UINT32_MAX, true },
		{ "\"-5\"", UINT32_MAX, false },
		{ "\"\"", UINT32_MAX, false },
		{ "12", UINT32_MAX, false },
	};
	struct mw_html_row row, first = { 0 };
	struct mw_html_pack *pack;
	struct mw_html_rows *rows;
	struct mw_outbuf out = { 0 };
	size_t i;

	assert_int_equal(mw_html_pack_new(&out, &pack), 0);
	assert_int_equal(mw_html_rows_new(pack, &rows), 0);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		row = (struct mw_html_row){ 0 };
		assert_int_equal(mw_html_rows_call(rows, mw_slice_str(ids[i].raw), &row), 0);
		if (i == 0)
			first = row;
		assert_int_equal(row.calln, ids[i].number);
		assert_int_equal(row.callp == first.callp, ids[i].same);
	}
	mw_html_rows_free(rows);
	mw_html_pack_free(pack);
	mw_out_done(&out);
}

static void what_cannot_be_written_is_an_error(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	unsigned int i;

	assert_non_null(full);
	for (i = 1; i <= 3000; i++)
		put("call", "\"call\":\"c-%u\",\"dir\":\"c2s\",\"method\":\"m\",\"status\":\"ok\"",
		    i);
	assert_int_equal(export_to(full, ""), -EIO);
	fclose(full);
	fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_blocks_hold_the_records, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_said_of_it_stays_text, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_wait_in_a_bounded_table, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_find_no_room_are_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_call_is_a_prefix_and_a_number, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_an_error, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
