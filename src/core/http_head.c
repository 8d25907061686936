/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http_priv.h"

#include <errno.h>

#include "base/ascii.h"

#define METHOD_MAX 32u
#define LENGTH_MAX ((uint64_t)INT64_MAX)

bool mw_http_tchar(uint8_t c)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       memchr(marks, c, sizeof(marks) - 1);
}

static bool same_name(struct mw_slice s, const char *name)
{
	return mw_slice_eq_nocase(s, mw_slice_str(name));
}

/* White space, and the line ends within a folded value. */
static bool is_white(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct mw_slice trim(struct mw_slice s)
{
	while (s.n && is_white(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_white(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* --- the start line -------------------------------------------------------------------- */

enum { START_ANY = 0, START_METHOD, START_TARGET, START_VERSION };

enum mw_sniff mw_http_start_feed(struct mw_http_start *s, uint8_t c)
{
	static const char version[] = "HTTP/1.";

	switch (s->phase) {
	case START_ANY: /* a method may begin as the version does, but has no '/' */
		if (c == (uint8_t)version[s->n]) {
			if (c == '/') {
				s->told = s->response = true;
				s->phase = START_VERSION;
			}
			s->n++;
			return MW_SNIFF_MORE;
		}
		s->phase = START_METHOD;
		s->told = true;
		/* fall through */
	case START_METHOD:
		if (c == ' ' && s->n) {
			s->phase = START_TARGET;
			s->n = 0;
			return MW_SNIFF_MORE;
		}
		return mw_http_tchar(c) && ++s->n <= METHOD_MAX ? MW_SNIFF_MORE : MW_SNIFF_NO;
	case START_TARGET:
		if (c == ' ' && s->n) {
			s->phase = START_VERSION;
			s->n = 0;
			return MW_SNIFF_MORE;
		}
		s->n = 1;
		return c > ' ' && c != 0x7f ? MW_SNIFF_MORE : MW_SNIFF_NO;
	default:
		if (c != (uint8_t)version[s->n])
			return MW_SNIFF_NO;
		return ++s->n == sizeof(version) - 1 ? MW_SNIFF_YES : MW_SNIFF_MORE;
	}
}

enum mw_sniff mw_http_sniff(struct mw_slice bytes, bool *ret_response)
{
	struct mw_http_start s = { 0 };
	size_t i = 0;

	while (i < bytes.n && (bytes.p[i] == '\r' || bytes.p[i] == '\n'))
		i++;
	for (; i < bytes.n; i++) {
		enum mw_sniff r = mw_http_start_feed(&s, bytes.p[i]);

		if (r == MW_SNIFF_YES)
			*ret_response = s.response;
		if (r != MW_SNIFF_MORE)
			return r;
	}
	return MW_SNIFF_MORE;
}

/* The line at *pos without its end; *pos goes behind it. `bare`: its end was an LF alone. */
static struct mw_slice line_next(struct mw_slice s, size_t *pos, bool *bare)
{
	const uint8_t *p = s.p + *pos, *lf = memchr(p, '\n', s.n - *pos);
	size_t n = lf ? (size_t)(lf - p) : s.n - *pos;

	*pos += n + (lf ? 1 : 0);
	if (n && p[n - 1] == '\r')
		n--;
	else if (lf)
		*bare = true;
	return mw_slice(p, n);
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* "1 200 OK" behind "HTTP/1." */
static int status_parse(struct mw_slice s, struct mw_http_head *h)
{
	if (s.n < 5 || !digit(s.p[0]) || s.p[1] != ' ' || !digit(s.p[2]) || !digit(s.p[3]) ||
	    !digit(s.p[4]) || (s.n > 5 && s.p[5] != ' '))
		return -EBADMSG;
	h->minor = s.p[0] - (unsigned int)'0';
	h->status = (unsigned int)(s.p[2] - '0') * 100u + (unsigned int)(s.p[3] - '0') * 10u +
		    (unsigned int)(s.p[4] - '0');
	return h->status < 100 ? -EBADMSG : 0;
}

static int start_parse(struct mw_slice line, struct mw_http_head *h)
{
	static const size_t n_version = sizeof("HTTP/1.") - 1;
	struct mw_http_start s = { 0 };
	enum mw_sniff r = MW_SNIFF_MORE;
	const uint8_t *space;
	size_t i = 0;

	while (i < line.n && r == MW_SNIFF_MORE)
		r = mw_http_start_feed(&s, line.p[i++]);
	if (r != MW_SNIFF_YES)
		return -EBADMSG;
	h->response = s.response;
	if (s.response)
		return status_parse(mw_slice_from(line, i), h);
	if (line.n != i + 1 || !digit(line.p[i]))
		return -EBADMSG;
	h->minor = line.p[i] - (unsigned int)'0';
	space = memchr(line.p, ' ', line.n);
	h->method = mw_slice(line.p, (size_t)(space - line.p));
	space++;
	h->target = mw_slice(space, i - n_version - 1 - (size_t)(space - line.p));
	return 0;
}

int mw_http_head_parse(struct mw_slice bytes, struct mw_http_head *ret)
{
	struct mw_http_head h = { 0 };
	size_t pos = 0, end;
	bool bare = false;
	int r;

	r = start_parse(line_next(bytes, &pos, &bare), &h);
	if (r < 0)
		return r;
	h.fields = mw_slice_from(bytes, pos);
	for (end = pos; end < bytes.n;) {
		size_t at = end;

		if (line_next(bytes, &end, &bare).n == 0) {
			h.fields.n = at - pos;
			break;
		}
	}
	*ret = h;
	return 0;
}

/* --- fields ---------------------------------------------------------------------------- */

int mw_http_field_next(const struct mw_http_head *h, size_t *pos, struct mw_slice *ret_name,
		       struct mw_slice *ret_value)
{
	const uint8_t *colon;
	struct mw_slice line;
	bool bare = false;

	if (*pos >= h->fields.n)
		return 0;
	line = line_next(h->fields, pos, &bare);
	while (*pos < h->fields.n && (h->fields.p[*pos] == ' ' || h->fields.p[*pos] == '\t')) {
		struct mw_slice more = line_next(h->fields, pos, &bare);

		line.n = (size_t)(more.p + more.n - line.p);
	}
	colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	if (!colon) {
		*ret_name = line;
		*ret_value = mw_slice(NULL, 0);
		return 1;
	}
	*ret_name = mw_slice(line.p, (size_t)(colon - line.p));
	*ret_value = trim(mw_slice(colon + 1, line.n - ret_name->n - 1));
	return 1;
}

/* A name without the white space behind it, which only careless writers put there. */
static struct mw_slice name_trim(struct mw_slice name)
{
	while (name.n && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	return name;
}

struct mw_slice mw_http_field(const struct mw_http_head *h, const char *name, size_t *ret_n)
{
	struct mw_slice ret = { NULL, 0 }, field, value;
	size_t pos = 0, n = 0;

	while (mw_http_field_next(h, &pos, &field, &value))
		if (same_name(name_trim(field), name) && n++ == 0)
			ret = value;
	if (ret_n)
		*ret_n = n;
	return ret;
}

/* The next element of a comma-separated list, empty ones passed over, its parameters cut off (but
 * for *ret_more: whether there were some). */
static bool element_next(struct mw_slice list, size_t *pos, struct mw_slice *ret, bool *ret_more)
{
	while (*pos < list.n) {
		bool quoted = false, more = false;
		size_t i = *pos, end = list.n;

		for (; i < list.n && (quoted || list.p[i] != ','); i++) {
			if (list.p[i] == '"')
				quoted = !quoted;
			else if (quoted && list.p[i] == '\\')
				i++;
			if (i < list.n && !more && !quoted && list.p[i] == ';') {
				more = true;
				end = i;
			}
		}
		if (i > list.n)
			i = list.n;
		if (!more)
			end = i;
		*ret = trim(mw_slice(list.p + *pos, end - *pos));
		*pos = i + 1;
		if (ret->n || more) {
			*ret_more = more;
			return true;
		}
	}
	return false;
}

bool mw_http_has_token(struct mw_slice list, const char *token)
{
	struct mw_slice e;
	size_t pos = 0;
	bool more;

	while (element_next(list, &pos, &e, &more))
		if (same_name(e, token))
			return true;
	return false;
}

/* --- the judgement of a head ----------------------------------------------------------- */

struct judge {
	const char *odd; /* the first oddity, or why it is refused */
	bool response;
	bool has_length, has_chunked, has_transfer, last_chunked, bad_transfer;
	uint64_t length;
	enum mw_coding coding, transfer;
	bool upgrade_field, upgrade_token;
};

static void odd(struct judge *j, const char *what)
{
	if (!j->odd)
		j->odd = what;
}

static int refuse(struct judge *j, const char *what)
{
	j->odd = what;
	return -EBADMSG;
}

static int length_parse(struct mw_slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -EBADMSG;
	for (size_t i = 0; i < s.n; i++)
		if (!digit(s.p[i]) || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) || v > LENGTH_MAX)
			return -EBADMSG;
	*ret = v;
	return 0;
}

/* Some senders repeat the length, as a field or a list (RFC 9112 section 6.3, 5). */
static int length_field(struct judge *j, struct mw_slice value)
{
	size_t pos = 0;

	do {
		const uint8_t *comma = value.n ? memchr(value.p + pos, ',', value.n - pos) : NULL;
		size_t end = comma ? (size_t)(comma - value.p) : value.n;
		uint64_t v;

		if (length_parse(trim(mw_slice(value.p + pos, end - pos)), &v) < 0)
			return refuse(j, "http.length");
		if (j->has_length && v != j->length)
			return refuse(j, "http.two_lengths");
		if (j->has_length)
			odd(j, "http.two_lengths");
		j->has_length = true;
		j->length = v;
		pos = end + 1;
	} while (pos <= value.n);
	return 0;
}

static enum mw_coding coding_of(struct mw_slice e, bool more)
{
	if (more)
		return MW_CODING_OTHER;
	if (same_name(e, "identity"))
		return MW_CODING_NONE;
	if (same_name(e, "gzip") || same_name(e, "x-gzip"))
		return MW_CODING_GZIP;
	if (same_name(e, "deflate"))
		return MW_CODING_DEFLATE;
	return MW_CODING_OTHER;
}

static void coding_add(enum mw_coding *coding, enum mw_coding more)
{
	if (more == MW_CODING_NONE)
		return;
	*coding = *coding == MW_CODING_NONE ? more : MW_CODING_OTHER;
}

static void coding_field(struct judge *j, struct mw_slice value)
{
	struct mw_slice e;
	size_t pos = 0;
	bool more;

	while (element_next(value, &pos, &e, &more))
		coding_add(&j->coding, coding_of(e, more));
}

static void transfer_field(struct judge *j, struct mw_slice value)
{
	struct mw_slice e;
	size_t pos = 0, n = 0, n_commas = 0;
	bool more;

	j->has_transfer = true;
	while (element_next(value, &pos, &e, &more)) {
		n++;
		j->last_chunked = !more && same_name(e, "chunked");
		if (j->last_chunked) {
			j->bad_transfer |= j->has_chunked;
			j->has_chunked = true;
		} else {
			coding_add(&j->transfer, coding_of(e, more));
		}
	}
	/* an empty element is nothing (RFC 9110 section 5.6.1), but not to everybody */
	for (size_t i = 0; i < value.n; i++)
		n_commas += value.p[i] == ',';
	if (n != n_commas + 1)
		odd(j, "http.transfer");
}

static int name_check(struct judge *j, struct mw_slice name)
{
	size_t n = name_trim(name).n;

	if (n == 0)
		return refuse(j, "http.field");
	for (size_t i = 0; i < n; i++)
		if (!mw_http_tchar(name.p[i]))
			return refuse(j, "http.field");
	if (n == name.n)
		return 0;
	/* RFC 9112 section 5.1: a request is to be refused, in an answer it is taken away */
	if (!j->response)
		return refuse(j, "http.space_colon");
	odd(j, "http.space_colon");
	return 0;
}

static int value_check(struct judge *j, struct mw_slice v)
{
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c >= ' ' && c != 0x7f)
			continue;
		if (c == '\n')
			odd(j, "http.obs_fold");
		else if (c == '\r' && (i + 1 == v.n || v.p[i + 1] != '\n'))
			return refuse(j, "http.bare_cr");
		else if (c == 0)
			return refuse(j, "http.nul");
		else if (c != '\t' && c != '\r')
			odd(j, "http.control");
	}
	return 0;
}

static int field_judge(struct judge *j, struct mw_slice name, struct mw_slice value)
{
	struct mw_slice e;
	size_t pos = 0;
	bool more;

	name = name_trim(name);
	if (same_name(name, "content-length"))
		return length_field(j, value);
	if (same_name(name, "transfer-encoding"))
		transfer_field(j, value);
	else if (same_name(name, "content-encoding"))
		coding_field(j, value);
	else if (same_name(name, "upgrade"))
		j->upgrade_field = element_next(value, &pos, &e, &more);
	else if (same_name(name, "connection"))
		j->upgrade_token |= mw_http_has_token(value, "upgrade");
	return 0;
}

/* Every field line of s: well-formed, not too many. A trailer's fields say nothing of the framing.
 */
static int fields_judge(struct judge *j, struct mw_slice s, bool trailer)
{
	struct mw_http_head h = { .fields = s };
	struct mw_slice name, value;
	size_t pos = 0, n = 0, from = 0;
	int r = 0;

	while (r == 0 && mw_http_field_next(&h, &pos, &name, &value)) {
		struct mw_slice line = { s.p + from, pos - from };

		from = pos;
		if (++n > MW_HTTP_FIELDS_MAX)
			return refuse(j, "http.fields");
		if (!value.p) /* no colon */
			return refuse(j, "http.field");
		r = name_check(j, name);
		/* the line's end is no part of it */
		line.n -= line.n && line.p[line.n - 1] == '\n';
		line.n -= line.n && line.p[line.n - 1] == '\r';
		if (r == 0)
			r = value_check(j, mw_slice_from(line, name.n + 1));
		if (r == 0 && !trailer)
			r = field_judge(j, name, value);
	}
	return r;
}

/* RFC 9112 section 6.3 */
static int framing_judge(struct judge *j, const struct mw_http_head *h, struct mw_http_framing *f)
{
	bool none = h->response && (h->status < 200 || h->status == 204 || h->status == 304);

	if (j->bad_transfer)
		return refuse(j, "http.transfer");
	if (j->has_transfer && j->has_length)
		odd(j, "http.length_and_transfer");
	if (j->has_transfer && h->minor == 0)
		odd(j, "http.transfer_1_0");
	if (j->has_transfer && !j->last_chunked) {
		if (!h->response)
			return refuse(j, "http.transfer");
		odd(j, "http.transfer");
	}
	f->coding = j->coding;
	coding_add(&f->coding, j->transfer);
	if (none)
		f->body = MW_HTTP_BODY_NONE;
	else if (j->has_transfer)
		f->body = j->last_chunked ? MW_HTTP_BODY_CHUNKED : MW_HTTP_BODY_CLOSE;
	else if (j->has_length)
		f->body = j->length ? MW_HTTP_BODY_LENGTH : MW_HTTP_BODY_NONE;
	else
		f->body = h->response ? MW_HTTP_BODY_CLOSE : MW_HTTP_BODY_NONE;
	f->length = f->body == MW_HTTP_BODY_LENGTH ? j->length : 0;
	f->upgrade = !h->response && ((j->upgrade_field && j->upgrade_token) ||
				      mw_slice_eq_str(h->method, "CONNECT"));
	return 0;
}

static bool any_bare_lf(struct mw_slice s)
{
	const uint8_t *p = s.p, *end = s.p + s.n;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (p == s.p || p[-1] != '\r')
			return true;
		p++;
	}
	return false;
}

static int start_judge(struct judge *j, struct mw_slice line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '\r')
			return refuse(j, "http.bare_cr");
		if (line.p[i] == 0)
			return refuse(j, "http.nul");
		if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			odd(j, "http.control");
	}
	return 0;
}

int mw_http_head_check(struct mw_slice bytes, struct mw_http_head *ret,
		       struct mw_http_framing *ret_framing, const char **ret_odd)
{
	struct mw_http_framing f = { 0 };
	struct judge j = { 0 };
	struct mw_http_head h;
	bool bare = false;
	size_t pos = 0;
	int r;

	r = mw_http_head_parse(bytes, &h);
	if (r < 0) {
		refuse(&j, "http.start");
	} else {
		j.response = h.response;
		if (any_bare_lf(bytes))
			odd(&j, "http.bare_lf");
		r = start_judge(&j, line_next(bytes, &pos, &bare));
		/* RFC 9112 section 2.2: not folded onto the start line */
		if (r == 0 && h.fields.n && (h.fields.p[0] == ' ' || h.fields.p[0] == '\t'))
			r = refuse(&j, "http.field");
		if (r == 0)
			r = fields_judge(&j, h.fields, false);
		if (r == 0)
			r = framing_judge(&j, &h, &f);
	}
	if (r < 0) {
		*ret_odd = j.odd;
		return r;
	}
	f.odd = j.odd;
	*ret = h;
	*ret_framing = f;
	return 0;
}

int mw_http_trailer_check(struct mw_slice bytes, const char **ret_odd)
{
	struct judge j = { .response = true };
	size_t pos = 0, at;
	bool bare = false;
	int r;

	if (any_bare_lf(bytes))
		odd(&j, "http.bare_lf");
	do
		at = pos;
	while (line_next(bytes, &pos, &bare).n);
	r = fields_judge(&j, mw_slice(bytes.p, at), true);
	*ret_odd = j.odd;
	return r;
}
