/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "core/redact.h"

/* Of a raw string, what is decoded to be written. */
#define STRING_HEAD 65536u
/* Of a text whose end is missing, a last word up to this long goes too. */
#define TAIL_MAX 512u

static void put(struct mw_emit *r, int error)
{
	if (!r->error)
		r->error = error;
}

static inline void raw(struct mw_emit *r, const void *p, size_t n)
{
	if (!r->error)
		r->error = mw_buf_append(r->out, p, n);
}

static inline void raw_byte(struct mw_emit *r, char c)
{
	raw(r, &c, 1);
}

#define RAW(r, literal) raw(r, literal, sizeof(literal) - 1)

static void raw_str(struct mw_emit *r, const char *s)
{
	raw(r, s, strlen(s));
}

/* The comma that may be needed, the key if there is one, and room for n more bytes. */
static uint8_t *key_and_room(struct mw_emit *r, const char *key, size_t n)
{
	size_t n_key = key ? strlen(key) : 0;
	uint8_t last, *p;

	if (!r->error)
		r->error = mw_buf_reserve(r->out, n_key + n + sizeof(",\"\":"));
	if (r->error)
		return NULL;
	p = r->out->p + r->out->len;
	last = p[-1];
	if (last != '{' && last != '[')
		*p++ = ',';
	if (key) {
		*p++ = '"';
		memcpy(p, key, n_key);
		p += n_key;
		*p++ = '"';
		*p++ = ':';
	}
	r->out->len = (size_t)(p - r->out->p);
	return p;
}

static void put_key(struct mw_emit *r, const char *key)
{
	(void)key_and_room(r, key, 0);
}

void mw_emit_again(struct mw_emit *r, struct mw_slice member)
{
	put_key(r, NULL);
	raw(r, member.p, member.n);
}

void mw_emit_reopen(struct mw_emit *r)
{
	if (!r->error)
		r->out->len--;
}

void mw_emit_open(struct mw_emit *r, const char *key, char bracket)
{
	put_key(r, key);
	raw_byte(r, bracket);
}

void mw_emit_close(struct mw_emit *r, char bracket)
{
	raw_byte(r, bracket);
}

void mw_emit_ours(struct mw_emit *r, const char *key, struct mw_slice ours)
{
	uint8_t *p;

	if (!ours.n)
		return;
	p = key_and_room(r, key, ours.n + 2);
	if (!p)
		return;
	*p++ = '"';
	memcpy(p, ours.p, ours.n);
	p[ours.n] = '"';
	r->out->len += ours.n + 2;
}

void mw_emit_u64(struct mw_emit *r, const char *key, uint64_t v)
{
	put_key(r, key);
	if (!r->error)
		put(r, mw_buf_append_u64(r->out, v));
}

void mw_emit_i64(struct mw_emit *r, const char *key, int64_t v)
{
	put_key(r, key);
	if (!r->error)
		put(r, mw_buf_append_i64(r->out, v));
}

void mw_emit_true(struct mw_emit *r, const char *key, bool v)
{
	if (!v)
		return;
	put_key(r, key);
	RAW(r, "true");
}

/* The last n decimal digits of v. */
static void digits(char *at, size_t n, uint64_t v)
{
	for (; n > 0; v /= 10)
		at[--n] = (char)('0' + v % 10);
}

void mw_emit_bool(struct mw_emit *r, const char *key, bool v)
{
	put_key(r, key);
	raw_str(r, v ? "true" : "false");
}

void mw_emit_ms(struct mw_emit *r, const char *key, uint64_t ns)
{
	char text[] = ".000";

	digits(text + 1, 3, ns / 1000 % 1000);
	mw_emit_u64(r, key, ns / 1000000);
	raw_str(r, text);
}

void mw_emit_hex(struct mw_emit *r, const char *key, const void *p, size_t n)
{
	put_key(r, key);
	raw_byte(r, '"');
	if (!r->error)
		put(r, mw_buf_append_hex(r->out, p, n));
	raw_byte(r, '"');
}

void mw_emit_id(struct mw_emit *r, const char *key, char kind, uint32_t run, uint64_t n)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t *p = key_and_room(r, key, sizeof("\"k01234567-"));

	if (!p)
		return;
	*p++ = '"';
	*p++ = (uint8_t)kind;
	for (unsigned int shift = 32; shift > 0; shift -= 4)
		*p++ = (uint8_t)hex[run >> (shift - 4) & 15];
	*p++ = '-';
	r->out->len = (size_t)(p - r->out->p);
	put(r, mw_buf_append_u64(r->out, n));
	raw_byte(r, '"');
}

/* Days to civil date: Howard Hinnant, "chrono-compatible low-level date algorithms". */
void mw_time_print(int64_t realtime_ns, char ret[MW_TIME_LEN + 1])
{
	int64_t s = realtime_ns / 1000000000, ns = realtime_ns % 1000000000, days, rest;
	int64_t era, doe, yoe, doy, mp;

	if (ns < 0) {
		ns += 1000000000;
		s--;
	}
	days = s / 86400;
	rest = s % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	memcpy(ret, "0000-00-00T00:00:00.000000000Z", MW_TIME_LEN + 1);
	digits(ret, 4, (uint64_t)(yoe + era * 400 + (mp >= 10)));
	digits(ret + 5, 2, (uint64_t)(mp < 10 ? mp + 3 : mp - 9));
	digits(ret + 8, 2, (uint64_t)(doy - (153 * mp + 2) / 5 + 1));
	digits(ret + 11, 2, (uint64_t)(rest / 3600));
	digits(ret + 14, 2, (uint64_t)(rest / 60 % 60));
	digits(ret + 17, 2, (uint64_t)(rest % 60));
	digits(ret + 20, 9, (uint64_t)ns);
}

void mw_emit_time(struct mw_emit *r, const char *key, const struct mw_emit_head *head,
		  uint64_t boot_ns)
{
	char text[MW_TIME_LEN + 1];
	uint8_t *p;

	/* a hostile capture may name any time: it wraps, and is no error */
	mw_time_print((int64_t)(boot_ns + (uint64_t)head->realtime_ns), text);
	p = key_and_room(r, key, MW_TIME_LEN + 2);
	if (!p)
		return;
	p[0] = '"';
	memcpy(p + 1, text, MW_TIME_LEN);
	p[MW_TIME_LEN + 1] = '"';
	r->out->len += MW_TIME_LEN + 2;
}

void mw_emit_begin(struct mw_emit *r, struct mw_buf *out, struct mw_buf *scratch,
		   struct mw_emit_head *head, const char *type, uint64_t boot_ns)
{
	*r = (struct mw_emit){
		.out = out, .scratch = scratch, .redact = head->redact, .start = out->len
	};
	raw_byte(r, '{');
	mw_emit_u64(r, "v", MW_RECORD_VERSION);
	mw_emit_u64(r, "seq", head->seq);
	mw_emit_time(r, "time", head, boot_ns);
	mw_emit_u64(r, "boot_ns", boot_ns);
	mw_emit_text(r, "host", head->host);
	mw_emit_str(r, "type", type);
}

int mw_emit_end(struct mw_emit *r, struct mw_emit_head *head)
{
	mw_emit_true(r, "lossy", r->lossy);
	raw_byte(r, '}');
	if (!r->error && r->out->len - r->start > MW_RECORD_MAX)
		r->error = -E2BIG;
	if (r->error) {
		r->out->len = r->start;
		return r->error;
	}
	head->seq++;
	return 0;
}

/* The longest beginning of an escaped text of at most max bytes that ends between two characters.
 */
static size_t cut_at(struct mw_slice escaped, size_t max)
{
	size_t n = max, i;

	if (escaped.n <= max)
		return escaped.n;
	while (n > 0 && (escaped.p[n] & 0xc0) == 0x80)
		n--;
	/* not inside \x or \uXXXX: an escape begins at most five bytes before its last one */
	for (i = n > 6 ? n - 6 : 0; i < n; i++) {
		if (escaped.p[i] != '\\')
			continue;
		/* an odd number of backslashes up to here begins an escape at i */
		size_t k = i, len = i + 1 < escaped.n && escaped.p[i + 1] == 'u' ? 6 : 2;

		while (k > 0 && escaped.p[k - 1] == '\\')
			k--;
		if ((i - k) % 2)
			continue;
		if (i + len > n)
			return i;
	}
	return n;
}

size_t mw_emit_room(const struct mw_emit *r)
{
	size_t used = r->out->len - r->start + MW_EMIT_RESERVE;

	return used < MW_RECORD_MAX ? MW_RECORD_MAX - used : 0;
}

/* The most bytes of a text here: every further one finds half of what there is. */
static size_t text_max(const struct mw_emit *r)
{
	size_t half = mw_emit_room(r) / 2;

	return half < MW_EMIT_TEXT_MAX ? half : MW_EMIT_TEXT_MAX;
}

static void raw_mark(struct mw_emit *r, size_t bytes)
{
	char mark[40];

	snprintf(mark, sizeof(mark), "[CUT:%zu]", bytes);
	raw_str(r, mark);
}

void mw_emit_cut(struct mw_emit *r, const char *key, size_t n)
{
	put_key(r, key);
	raw_byte(r, '"');
	raw_mark(r, n);
	raw_byte(r, '"');
}

/* What is in scratch, and the end of the text: of n bytes, of which more may be missing. */
static void text_end(struct mw_emit *r, size_t n, bool cut, size_t max)
{
	struct mw_slice escaped = mw_buf_slice(r->scratch);

	raw(r, escaped.p, cut_at(escaped, max));
	if (escaped.n > max || cut)
		raw_mark(r, n);
	raw_byte(r, '"');
}

static bool parts_words(uint8_t c)
{
	return c <= ' ' || c == '/' || c == '"' || c == '\'' || c == ',' || c == ';' || c == '&';
}

/* Of a text whose end is missing, what is no piece of a word: the beginning of a secret does not
 * show to be one. A path loses no more than the name it ends in. */
static struct mw_slice whole_words(struct mw_slice text)
{
	size_t n = text.n;

	while (n > 0 && text.n - n < TAIL_MAX && !parts_words(text.p[n - 1]))
		n--;
	return mw_slice(text.p, text.n - n < TAIL_MAX ? n : text.n);
}

typedef int redact_fn(struct mw_redact *x, struct mw_buf *out, struct mw_slice text, bool *lossy);

/* The text, redacted, of which there were n bytes and more may be missing. */
static void redacted_of(struct mw_emit *r, const char *key, struct mw_slice text, size_t n,
			size_t max, redact_fn *redact)
{
	size_t at;

	put_key(r, key);
	raw_byte(r, '"');
	at = r->out->len;
	if (n == text.n && n <= max && !r->error) {
		put(r, redact(r->redact, r->out, text, &r->lossy));
		if (r->out->len - at <= max) {
			raw_byte(r, '"');
			return;
		}
		r->out->len = at;
	}
	r->scratch->len = 0;
	if (n > text.n)
		text = whole_words(text);
	put(r, redact(r->redact, r->scratch, text, &r->lossy));
	text_end(r, n, n > text.n, max);
}

static void text_of(struct mw_emit *r, const char *key, struct mw_slice text, size_t n, size_t max)
{
	redacted_of(r, key, text, n, max, mw_redact_text);
}

void mw_emit_claim(struct mw_emit *r, const char *key, struct mw_slice text, size_t max)
{
	size_t most = text_max(r);

	if (text.n && !r->error)
		redacted_of(r, key, text, text.n, max < most ? max : most, mw_redact_claim);
}

void mw_emit_text_max(struct mw_emit *r, const char *key, struct mw_slice text, size_t max)
{
	size_t most = text_max(r);

	if (text.n && !r->error)
		text_of(r, key, text, text.n, max < most ? max : most);
}

void mw_emit_target(struct mw_emit *r, const char *key, struct mw_slice target, size_t max)
{
	size_t most = text_max(r);

	if (!target.n || r->error)
		return;
	put_key(r, key);
	raw_byte(r, '"');
	r->scratch->len = 0;
	put(r, mw_redact_target(r->redact, r->scratch, target, &r->lossy));
	text_end(r, target.n, false, max < most ? max : most);
}

void mw_emit_text_of(struct mw_emit *r, const char *key, struct mw_slice text, size_t n)
{
	size_t most = text_max(r);

	if (text.n && !r->error)
		text_of(r, key, text, n, most < MW_EMIT_TEXT_MAX ? most : MW_EMIT_TEXT_MAX);
}

void mw_emit_text(struct mw_emit *r, const char *key, struct mw_slice text)
{
	mw_emit_text_max(r, key, text, MW_EMIT_TEXT_MAX);
}

/* As much of an array of strings as fits in max bytes: whole ones. */
static size_t strings_within(struct mw_slice array, size_t max)
{
	struct mw_json_item it;
	struct mw_json j;
	size_t end = 0, at;

	mw_json_init(&j, array, 4);
	while (mw_json_next(&j, &it) == 1) {
		at = (size_t)(it.raw.p + it.raw.n - array.p);
		if (it.tok == MW_JSON_STRING && at <= max)
			end = at;
	}
	return end;
}

void mw_emit_argv(struct mw_emit *r, const char *key, struct mw_slice argv)
{
	size_t max = text_max(r), end;
	struct mw_slice all;

	if (!argv.n || r->error)
		return;
	r->scratch->len = 0;
	put(r, mw_redact_argv(r->redact, r->scratch, argv, &r->lossy));
	if (r->error)
		return;
	put_key(r, key);
	all = mw_buf_slice(r->scratch);
	if (all.n <= max) {
		raw(r, all.p, all.n);
		return;
	}
	end = strings_within(all, max);
	raw(r, end ? all.p : (const uint8_t *)"[", end ? end : 1);
	mw_emit_cut(r, NULL, argv.n);
	raw_byte(r, ']');
}

bool mw_emit_json(struct mw_emit *r, const char *key, struct mw_slice value, size_t max)
{
	size_t room = mw_emit_room(r), at = r->out->len;
	int err;

	if (!value.n || r->error)
		return true;
	put_key(r, key);
	if (r->error)
		return true;
	err = mw_redact_json_head(r->redact, r->out, value, max < room ? max : room, &r->lossy);
	if (err)
		r->out->len = at;
	if (err < 0)
		put(r, err);
	return err <= 0;
}

void mw_emit_json_str(struct mw_emit *r, const char *key, struct mw_slice value)
{
	mw_emit_json_str_max(r, key, value, MW_EMIT_TEXT_MAX);
}

static void json_str(struct mw_emit *r, const char *key, struct mw_slice value, size_t max,
		     redact_fn *redact)
{
	size_t most = text_max(r);
	struct mw_slice head = value, plain;
	struct mw_buf text, part;

	if (!value.n || r->error)
		return;
	if (value.n > 2 && value.n < 256 && mw_json_str_plain(value, &plain)) {
		redacted_of(r, key, plain, plain.n, max < most ? max : most, redact);
		return;
	}
	mw_buf_init(&text, r->out->a, 4 * STRING_HEAD);
	mw_buf_init(&part, r->out->a, STRING_HEAD + 8);
	if (value.n > STRING_HEAD) { /* more than a record takes: its beginning will do */
		put(r, mw_buf_append(&part, value.p, cut_at(value, STRING_HEAD)));
		put(r, mw_buf_append_byte(&part, '"'));
		head = mw_buf_slice(&part);
	}
	if (!r->error)
		put(r, mw_json_str_decode(head, &text));
	if (!r->error && text.len)
		redacted_of(r, key, mw_buf_slice(&text),
			    value.n > STRING_HEAD ? value.n - 2 : text.len, max < most ? max : most,
			    redact);
	mw_buf_done(&text);
	mw_buf_done(&part);
}

void mw_emit_json_str_max(struct mw_emit *r, const char *key, struct mw_slice value, size_t max)
{
	json_str(r, key, value, max, mw_redact_text);
}

void mw_emit_claim_json(struct mw_emit *r, const char *key, struct mw_slice raw, size_t max)
{
	json_str(r, key, raw, max, mw_redact_claim);
}

void mw_emit_escaped(struct mw_emit *r, const char *key, struct mw_slice escaped)
{
	put_key(r, key);
	raw_byte(r, '"');
	raw(r, escaped.p, escaped.n);
	raw_byte(r, '"');
}

int mw_emit_body(struct mw_redact *redact, struct mw_buf *text, struct mw_buf *scratch,
		 struct mw_slice value, bool *lossy, size_t *ret_parts)
{
	struct mw_slice redacted;
	size_t parts = 0, keep;
	char mark[40];
	int r, more;

	scratch->len = 0;
	text->len = 0;
	more = mw_redact_json_head(redact, scratch, value, MW_EMIT_BODY_MAX, lossy);
	if (more < 0)
		return more;
	redacted = mw_buf_slice(scratch);
	keep = redacted.n;
	if (keep > MW_EMIT_BODY_MAX) {
		keep = MW_EMIT_BODY_MAX;
		while (keep > 0 && (redacted.p[keep] & 0xc0) == 0x80)
			keep--;
	}
	r = mw_json_escape(text, mw_slice(redacted.p, keep), lossy);
	if (r < 0)
		return r;
	if (more) {
		snprintf(mark, sizeof(mark), "[CUT:%zu]", value.n);
		r = mw_buf_append_str(text, mark);
		if (r < 0)
			return r;
	}
	while (mw_emit_body_part(mw_buf_slice(text), parts).n)
		parts++;
	*ret_parts = parts;
	return 0;
}

struct mw_slice mw_emit_body_part(struct mw_slice text, size_t i)
{
	size_t n = cut_at(text, MW_EMIT_PART_MAX);

	while (i--) {
		text = mw_slice_from(text, n);
		n = cut_at(text, MW_EMIT_PART_MAX);
	}
	return mw_slice(text.p, n);
}
