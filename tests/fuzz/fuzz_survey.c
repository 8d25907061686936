/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The survey and the formats over records of any content: the input is members of records, a line each.
 *
 * A line that makes no record is left out. Whatever the rest says, each format exports it, and its
 * reader can read it: what is JSON or protobuf parses, a row of CSV has the header's fields and
 * none that is a formula, and of the page no text of a record is more than what its blocks expand to.
 */
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cjson/cJSON.h>
#include <openssl/evp.h>

#include "fuzz.h"

#include "base/json.h"
#include "io/exporter.h"
#include "io/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int match(void *arg, const struct mw_logrec *rec)
{
	(void)arg;
	/* all four there are, by a number that the record chooses */
	return (unsigned int)rec->len & (MW_SURVEY_OWN | MW_SURVEY_WHO | MW_SURVEY_BY_EFFECT);
}

static void put_line(FILE *f, const uint8_t *p, size_t n, unsigned int seq)
{
	static const char *const types[] = { "call", "effect", "alert", "gap",
					     "ties", "server", "tool",	"daemon" };
	char *line = NULL;
	size_t len;
	FILE *mem = open_memstream(&line, &len);

	fprintf(mem, "{\"v\":1,\"seq\":%u,\"time\":\"2026-11-21T10:00:00Z\",\"host\":\"h\",\"type\":\"%s\",%.*s}",
		seq, types[n % 8], (int)n, (const char *)p);
	fclose(mem);
	if (len < 60000 && mw_json_check(mw_slice(line, len), 64, NULL, NULL) == 0)
		fprintf(f, "%s\n", line);
	free(line);
}

typedef void see_fn(const cJSON *o);

static void each_line(const char *text, size_t n, see_fn *see)
{
	const char *p = text, *nl;
	cJSON *o;

	for (; p < text + n; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(text + n - p));
		FUZZ_CHECK(nl && mw_json_check(mw_slice(p, (size_t)(nl - p)), MW_JSON_DEPTH_MAX,
					       NULL, NULL) == 0);
		o = cJSON_ParseWithLength(p, (size_t)(nl - p));
		FUZZ_CHECK(cJSON_IsObject(o));
		if (see)
			see(o);
		cJSON_Delete(o);
	}
}

static void check_lines(const char *text, size_t n)
{
	each_line(text, n, NULL);
}

static bool is_text(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsString(v) && v->valuestring[0];
}

static bool is_number(const cJSON *o, const char *name)
{
	return cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(o, name));
}

static void see_timesketch(const cJSON *o)
{
	FUZZ_CHECK(is_text(o, "message") && is_text(o, "datetime") && is_text(o, "timestamp_desc"));
}

static void check_timesketch(const char *text, size_t n)
{
	each_line(text, n, see_timesketch);
}

static void see_ocsf(const cJSON *o)
{
	FUZZ_CHECK(is_number(o, "class_uid") && is_number(o, "category_uid") &&
		   is_number(o, "type_uid") && is_number(o, "time") && is_number(o, "severity_id"));
}

static void check_ocsf(const char *text, size_t n)
{
	each_line(text, n, see_ocsf);
}

static bool varint(struct mw_slice *s, uint64_t *ret)
{
	unsigned int shift;

	for (*ret = 0, shift = 0; s->n && shift < 64; shift += 7) {
		const uint8_t c = *s->p++;

		s->n--;
		*ret |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

/* The next field of a message; what has a length in *ret. */
static uint64_t field(struct mw_slice *s, struct mw_slice *ret)
{
	static const size_t fixed[] = { [1] = 8, [5] = 4 };
	uint64_t tag, v;

	FUZZ_CHECK(varint(s, &tag) && tag >> 3);
	*ret = mw_slice(NULL, 0);
	if ((tag & 7) == 0) {
		FUZZ_CHECK(varint(s, &v));
		return tag >> 3;
	}
	FUZZ_CHECK((tag & 7) == 1 || (tag & 7) == 2 || (tag & 7) == 5);
	v = fixed[(tag & 7) == 2 ? 0 : tag & 7];
	if ((tag & 7) == 2)
		FUZZ_CHECK(varint(s, &v));
	FUZZ_CHECK(v <= s->n);
	if ((tag & 7) == 2)
		*ret = mw_slice(s->p, (size_t)v);
	s->p += v;
	s->n -= (size_t)v;
	return tag >> 3;
}

/* perfetto.protos.Trace: packets, field 1, and nothing else. */
static void check_trace(const char *text, size_t n)
{
	struct mw_slice s = mw_slice(text, n), packet, inside;

	while (s.n) {
		FUZZ_CHECK(field(&s, &packet) == 1 && packet.n);
		while (packet.n)
			(void)field(&packet, &inside);
	}
}

/* --- CSV ----------------------------------------------------------------------------------------
 */

/* What spreadsheets take for the beginning of a formula. */
static bool is_formula(const unsigned char *p, const unsigned char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p < end && strchr("=+-@\t\r", *p))
		return true;
	return end - p >= 3 && p[0] == 0xef && p[1] == 0xbc && memchr("\x9d\x8b\x8d\xa0", p[2], 4);
}

/* RFC 4180, its rules 1, 2, 5, 6 and 7: all fields stand in quotes. */
static void check_csv(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n, *from;
	unsigned int fields, want = 0;

	while (p < end) {
		for (fields = 1;; fields++) {
			const bool quoted = *p == '"';

			p += quoted;
			for (from = p; p < end; p++) {
				FUZZ_CHECK(*p != 0x7f && (*p >= ' ' || !quoted));
				if (quoted && *p == '"') {
					if (p + 1 == end || p[1] != '"')
						break;
					p++;
				} else if (!quoted && (*p == ',' || *p == '\r')) {
					break;
				}
				FUZZ_CHECK(quoted || *p != '"');
			}
			FUZZ_CHECK(p < end && !is_formula(from, p));
			p += quoted;
			FUZZ_CHECK(p < end);
			if (*p != ',')
				break;
			p++;
		}
		FUZZ_CHECK(end - p >= 2 && p[0] == '\r' && p[1] == '\n');
		p += 2;
		want = want ? want : fields;
		FUZZ_CHECK(fields == want);
	}
	FUZZ_CHECK(want > 1);
}

/* --- the page -----------------------------------------------------------------------------------
 */

static unsigned int count(const char *text, size_t n, const char *what)
{
	const char *end = text + n;
	unsigned int k = 0;

	while ((text = memmem(text, (size_t)(end - text), what, strlen(what)))) {
		text += strlen(what);
		k++;
	}
	return k;
}

/* What stands between `begin` and the end of that element, and what is behind it. */
static struct mw_slice element(struct mw_slice *text, const char *begin)
{
	const char *p = memmem(text->p, text->n, begin, strlen(begin)), *end;
	struct mw_slice ret;

	FUZZ_CHECK(p);
	p += strlen(begin);
	end = memmem(p, (size_t)((const char *)text->p + text->n - p), "</script>", 9);
	FUZZ_CHECK(end);
	ret = mw_slice(p, (size_t)(end - p));
	*text = mw_slice(end + 9, (size_t)((const char *)text->p + text->n - end - 9));
	return ret;
}

static void check_json(struct mw_slice s)
{
	cJSON *o = cJSON_ParseWithLength((const char *)s.p, s.n);

	FUZZ_CHECK(cJSON_IsObject(o) && !memchr(s.p, '<', s.n));
	cJSON_Delete(o);
}

static void check_rows(const char *p, size_t n)
{
	const char *nl = memchr(p, '\n', n);
	cJSON *o;

	FUZZ_CHECK(nl);
	o = cJSON_ParseWithLength(p, (size_t)(nl - p));
	FUZZ_CHECK(is_number(o, "n") && is_number(o, "from"));
	FUZZ_CHECK((size_t)(p + n - nl - 1) ==
		   (size_t)cJSON_GetObjectItemCaseSensitive(o, "n")->valuedouble * (3 * 8 + 9 * 4 + 5));
	FUZZ_CHECK(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(o, "text")) ==
		   cJSON_GetObjectItemCaseSensitive(o, "n")->valueint);
	cJSON_Delete(o);
}

static void check_block(struct mw_slice s, char class)
{
	uint8_t *packed = malloc(s.n + 1), *out = malloc(4u << 20);
	z_stream z = { 0 };
	int n;

	for (size_t i = 0; i < s.n; i++)
		FUZZ_CHECK(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
				  s.p[i]));
	n = EVP_DecodeBlock(packed, s.p, (int)s.n);
	FUZZ_CHECK(n > 0 && inflateInit2(&z, -MAX_WBITS) == Z_OK);
	z.next_in = packed;
	z.avail_in = (unsigned int)n;
	z.next_out = out;
	z.avail_out = 4u << 20;
	FUZZ_CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END);
	if (class == 'r')
		check_lines((const char *)out, z.total_out);
	else
		check_rows((const char *)out, z.total_out);
	inflateEnd(&z);
	free(packed);
	free(out);
}

static void check_page(const char *text, size_t n)
{
	static const char block[] = "<script type=\"text/plain\" class=\"";
	struct mw_slice rest = mw_slice(text, n);
	const unsigned int blocks = count(text, n, block);

	FUZZ_CHECK(count(text, n, "<script") == blocks + 3 && count(text, n, "</script") == blocks + 3);
	FUZZ_CHECK(!count(text, n, "<!--") && !count(text, n, "\xe2\x80\xa8") &&
		   !count(text, n, "\xe2\x80\xa9"));
	check_json(element(&rest, "<script type=\"application/json\" id=\"about\">"));
	element(&rest, "<script>");
	for (unsigned int i = 0; i < blocks; i++) {
		const struct mw_slice e = element(&rest, block);

		FUZZ_CHECK(e.n > 3 && (e.p[0] == 'r' || e.p[0] == 'i') && memcmp(e.p + 1, "\">", 2) == 0);
		check_block(mw_slice(e.p + 3, e.n - 3), (char)e.p[0]);
	}
	check_json(element(&rest, "<script type=\"application/json\" id=\"end\">"));
}

static void export(struct mw_survey *s, mw_exporter_new_fn *make,
		   void (*check)(const char *text, size_t n))
{
	struct mw_exporter *e;
	char *text = NULL, err[1024];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f || make(f, &e) < 0)
		abort();
	if (mw_survey_export(s, e, err, sizeof(err)) < 0 || fclose(f) != 0)
		abort();
	if (check)
		check(text, len);
	e->ops->free(e);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;
	const char *paths[] = { path };
	const struct mw_survey_config config = { .paths = paths, .n_paths = 1, .filter = "--tool x",
						 .now_ns = 1, .match = match };
	struct mw_survey *s;
	const uint8_t *p = data, *end = data + size, *nl;
	unsigned int seq = 0;
	char err[1024];
	FILE *f;

	if (fd < 0) {
		fd = memfd_create("log", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0)
		abort();
	f = fopen(path, "w");
	for (; p < end && seq < 64; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		put_line(f, p, (size_t)(nl - p), seq++);
	}
	fclose(f);
	if (mw_survey_new(&config, err, sizeof(err), &s) < 0)
		return 0; /* a member of the head twice */
	export(s, mw_export_jsonl_new, check_lines);
	export(s, mw_export_csv_new, check_csv);
	export(s, mw_export_timesketch_new, check_timesketch);
	export(s, mw_export_trace_new, check_trace);
	export(s, mw_export_ocsf_new, check_ocsf);
	export(s, mw_export_otlp_new, check_lines);
	export(s, mw_export_html_new, check_page);
	mw_survey_free(s);
	return 0;
}
