/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff_http [N [SEED]] - core/http against Debian's http-parser (node's, to version 11)
 *
 * Makes N streams of requests or answers, most of them then damaged, and holds what the two parsers
 * say against each other: start lines, fields, bodies, boundaries. Where one of the two refuses
 * what the other takes, the pair of reasons must be one of those in `known`, each with the reason
 * why ours is right to differ. Exit status 0: nothing else came. The sums are in the last lines.
 */
#include "diff_http.h"

#include <http_parser.h>

#include "core/http.h"

#define MESSAGES_MAX 24

struct message {
	struct mw_buf head; /* start line and fields in a common form */
	struct mw_buf body;
	bool leaves;		    /* 101 or CONNECT: what follows may be another protocol */
	const char *odd, *odd_body; /* ours */
};

enum how { HOW_WHOLE = 0, HOW_CUT, HOW_REFUSED, HOW_LEFT };

/* What a parser said: n_whole messages, then how it ended. */
struct verdict {
	struct message m[MESSAGES_MAX];
	size_t n, n_whole; /* begun (their head is there), whole */
	bool in_section;   /* ours: it ends in a head or a trailer */
	enum how how;	   /* LEFT: for another protocol, or as the connection was to be closed */
	const char *why;
};

/* --- pairs of reasons that are known -----------------------------------------------------------
 */

static const struct {
	const char *theirs; /* NULL: they take it */
	const char *ours; /* a refusal; where they refuse: the oddity ours says, "+" any, "" none */
	const char *because;
} known[] = {
	{ NULL, "http.start",
	  "theirs takes HTTP/0.9, a status below 100, control characters in a target" },
	{ NULL, "http.direction",
	  "theirs takes any bytes between two answers that it can pass over" },
	{ NULL, "http.field", "theirs takes spaces in names, and a CR alone for an empty line" },
	{ NULL, "http.bare_cr", "theirs takes a CR alone for a line end in some places" },
	{ NULL, "http.nul", "theirs takes it in a reason phrase and in trailers" },
	{ NULL, "http.space_colon",
	  "theirs takes a space in a name, and then knows no field by it" },
	{ NULL, "http.length", "theirs takes lengths from 2^63 on" },
	{ NULL, "http.transfer", "theirs takes chunked twice" },
	{ NULL, "http.chunk", "theirs takes any two bytes for the end of a chunk, and bare LFs" },
	{ "HPE_INVALID_METHOD", "", "a method that is not in its list" },
	{ "HPE_INVALID_METHOD", "+", "the same" },
	{ "HPE_INVALID_URL", "", "bytes above 0x7f and other forms of a target" },
	{ "HPE_INVALID_URL", "+", "the same" },
	{ "HPE_INVALID_HEADER_TOKEN", "+", "control characters in a value: ours says them" },
	{ "HPE_INVALID_HEADER_TOKEN", "",
	  "the same in an interim answer, of which ours says nothing" },
	{ "HPE_UNEXPECTED_CONTENT_LENGTH", "+",
	  "a length beside chunked: ours takes chunked and says so" },
	{ "HPE_UNEXPECTED_CONTENT_LENGTH", "", "the same in an interim answer" },
	{ "HPE_INVALID_CONTENT_LENGTH", "+", "the same length twice: ours takes it and says so" },
	{ "HPE_INVALID_CONTENT_LENGTH", "", "a bad one in a trailer or an interim answer" },
	{ "HPE_INVALID_CONSTANT", "", "it is told that requests come, or answers; ours sees" },
	{ "HPE_INVALID_CONSTANT", "+", "the same" },
	{ "HPE_INVALID_TRANSFER_ENCODING", "", "takes a name that begins as this one for it" },
	{ "HPE_INVALID_TRANSFER_ENCODING", "+", "the same" },
	{ "bodies", "", "theirs knows no chunked beside an empty element or a tab" },
	{ "boundaries", "", "a CR alone: to theirs a line end, or an empty line" },
	{ NULL, NULL, NULL },
};

static size_t n_seen[sizeof(known) / sizeof(*known)];

static bool is_known(const char *theirs, const char *ours)
{
	for (size_t i = 0; known[i].ours; i++) {
		bool same = theirs && known[i].theirs ? !strcmp(theirs, known[i].theirs)
						      : theirs == known[i].theirs;

		if (same && (!strcmp(ours, known[i].ours) || (*ours && *known[i].ours == '+'))) {
			n_seen[i]++;
			return true;
		}
	}
	return false;
}

/* --- a common form -----------------------------------------------------------------------------
 */

static void put(struct mw_buf *b, const void *p, size_t n)
{
	FUZZ_CHECK(mw_buf_append(b, p, n) == 0);
}

/* White space within a value is nothing: folds are joined in different ways. */
static void put_dense(struct mw_buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r' && p[i] != '\n')
			put(b, p + i, 1);
}

static void put_number(struct mw_buf *b, unsigned int n)
{
	mw_buf_append_u64(b, n);
	put(b, " ", 1);
}

static void verdict_init(struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	for (size_t i = 0; i < MESSAGES_MAX; i++) {
		mw_buf_init(&v->m[i].head, &fuzz_alloc, SIZE_MAX);
		mw_buf_init(&v->m[i].body, &fuzz_alloc, SIZE_MAX);
		put(&v->m[i].head, "\n", 1);
		put(&v->m[i].body, "\n", 1);
	}
}

static void verdict_done(struct verdict *v)
{
	for (size_t i = 0; i < MESSAGES_MAX; i++) {
		mw_buf_done(&v->m[i].head);
		mw_buf_done(&v->m[i].body);
	}
}

/* --- ours --------------------------------------------------------------------------------------
 */

static void our_head(struct verdict *v, const struct mw_http_event *e)
{
	struct mw_buf *b = &v->m[v->n].head;
	struct mw_slice name, value;
	size_t pos = 0;

	put_number(b, e->head.minor);
	put_number(b, e->head.status);
	put(b, e->head.method.p, e->head.method.n);
	put(b, " ", 1);
	put(b, e->head.target.p, e->head.target.n);
	while (mw_http_field_next(&e->head, &pos, &name, &value)) {
		put(b, "\n", 1);
		put_dense(b, name.p, name.n);
		put(b, ":", 1);
		put_dense(b, value.p, value.n);
	}
	v->m[v->n].leaves = e->head.status == 101 || mw_slice_eq_str(e->head.method, "CONNECT");
	v->m[v->n++].odd = e->odd;
}

static void our_event(struct verdict *v, const struct mw_http_event *e)
{
	switch (e->kind) {
	case MW_HTTP_HEAD:
		FUZZ_CHECK(v->n < MESSAGES_MAX);
		our_head(v, e);
		break;
	case MW_HTTP_BODY:
		put(&v->m[v->n - 1].body, e->bytes.p, e->bytes.n);
		break;
	case MW_HTTP_END:
		v->m[v->n - 1].odd_body = e->odd;
		if (e->partial)
			v->how = HOW_CUT;
		else
			v->n_whole++;
		break;
	case MW_HTTP_UPGRADED:
		v->how = HOW_LEFT;
		break;
	default:
		v->how = HOW_REFUSED;
		v->why = e->odd;
	}
}

static void our_run(struct verdict *v, struct mw_slice s, unsigned int asked, size_t step)
{
	struct mw_http_event e;
	struct mw_http h;

	verdict_init(v);
	mw_http_init(&h, &fuzz_alloc);
	for (unsigned int i = 0; i < 16; i++)
		if (asked >> i & 1)
			mw_http_bodyless(&h, i + 1);
	while (s.n && !v->why && v->how != HOW_LEFT) {
		struct mw_slice piece = { s.p, s.n < step ? s.n : step };
		size_t used;
		int r;

		do {
			r = mw_http_next(&h, piece, &used, &e);
			piece.p += used;
			piece.n -= used;
			s.p += used;
			s.n -= used;
			if (r != MW_HTTP_NEED)
				our_event(v, &e);
		} while (r != MW_HTTP_NEED && !v->why && v->how != HOW_LEFT);
	}
	if (!v->why && v->how == HOW_WHOLE) {
		v->in_section = h.head.len;
		if (v->in_section)
			v->how = HOW_CUT;
		if (mw_http_close(&h, &e))
			our_event(v, &e);
	}
	mw_http_done(&h);
}

/* --- theirs ------------------------------------------------------------------------------------
 */

struct their {
	struct verdict *v;
	unsigned int asked;
	struct mw_buf target, fields;
	bool in_value, in_head, interim;
};

static int their_begin(http_parser *p)
{
	struct their *t = p->data;

	t->target.len = t->fields.len = 0;
	t->in_value = false;
	t->in_head = true;
	return 0;
}

static int their_target(http_parser *p, const char *at, size_t n)
{
	put(&((struct their *)p->data)->target, at, n);
	return 0;
}

static int their_name(http_parser *p, const char *at, size_t n)
{
	struct their *t = p->data;

	if (!t->in_head) /* a trailer */
		return 0;
	if (t->in_value || t->fields.len == 0)
		put(&t->fields, "\n", 1);
	t->in_value = false;
	put_dense(&t->fields, (const uint8_t *)at, n);
	return 0;
}

static int their_value(http_parser *p, const char *at, size_t n)
{
	struct their *t = p->data;

	if (!t->in_head)
		return 0;
	if (!t->in_value)
		put(&t->fields, ":", 1);
	t->in_value = true;
	put_dense(&t->fields, (const uint8_t *)at, n);
	return 0;
}

static int their_head(http_parser *p)
{
	struct their *t = p->data;
	struct mw_buf *b;

	t->in_head = false;
	t->interim = p->type == HTTP_RESPONSE && p->status_code < 200 && p->status_code != 101;
	if (t->interim)
		return 1;
	FUZZ_CHECK(t->v->n < MESSAGES_MAX);
	b = &t->v->m[t->v->n].head;
	put_number(b, p->http_minor);
	put_number(b, p->type == HTTP_RESPONSE ? p->status_code : 0);
	if (p->type == HTTP_REQUEST) {
		const char *method = http_method_str((enum http_method)p->method);

		put(b, method, strlen(method));
	}
	put(b, " ", 1);
	put(b, t->target.p, t->target.len);
	put(b, t->fields.p, t->fields.len);
	t->v->n++;
	/* it leaves to its caller what has no body whatever the fields say */
	return p->type == HTTP_RESPONSE && (p->status_code == 204 || p->status_code == 304 ||
					    (t->v->n < 17 && (t->asked >> (t->v->n - 1) & 1)));
}

static int their_body(http_parser *p, const char *at, size_t n)
{
	struct their *t = p->data;

	put(&t->v->m[t->v->n - 1].body, at, n);
	return 0;
}

static int their_end(http_parser *p)
{
	struct their *t = p->data;

	t->v->n_whole += !t->interim;
	return 0;
}

static void their_run(struct verdict *v, struct mw_slice s, bool response, unsigned int asked,
		      size_t step)
{
	static const http_parser_settings settings = {
		.on_message_begin = their_begin,
		.on_url = their_target,
		.on_header_field = their_name,
		.on_header_value = their_value,
		.on_headers_complete = their_head,
		.on_body = their_body,
		.on_message_complete = their_end,
	};
	struct their t = { .v = v, .asked = asked };
	http_parser p;
	size_t left = s.n;
	int e;

	verdict_init(v);
	mw_buf_init(&t.target, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&t.fields, &fuzz_alloc, SIZE_MAX);
	put(&t.target, "", 1);
	put(&t.fields, "", 1);
	http_parser_init(&p, response ? HTTP_RESPONSE : HTTP_REQUEST);
	p.data = &t;
	while (left && HTTP_PARSER_ERRNO(&p) == HPE_OK && !p.upgrade) {
		size_t n = left < step ? left : step;

		http_parser_execute(&p, &settings, (const char *)s.p + s.n - left, n);
		left -= n;
	}
	e = (int)HTTP_PARSER_ERRNO(&p);
	if (e == HPE_OK && !p.upgrade) {
		http_parser_execute(&p, &settings, NULL, 0);
		e = (int)HTTP_PARSER_ERRNO(&p);
	}
	if (p.upgrade || e == HPE_CLOSED_CONNECTION) {
		v->how = HOW_LEFT;
	} else if (e == HPE_INVALID_EOF_STATE) {
		v->how = HOW_CUT;
	} else if (e != HPE_OK) {
		v->how = HOW_REFUSED;
		v->why = http_errno_name((enum http_errno)e);
	}
	mw_buf_done(&t.target);
	mw_buf_done(&t.fields);
}

/* --- the comparison ----------------------------------------------------------------------------
 */

static size_t n_agree, n_both_refuse, n_left, n_cut, n_known, n_bad;

static void show(const char *what, struct mw_slice s)
{
	printf("  %s: ", what);
	for (size_t i = 0; i < s.n && i < 2000; i++)
		if (s.p[i] == '\n')
			printf("\\n\n    ");
		else if (s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '\\')
			putchar(s.p[i]);
		else
			printf(s.p[i] == '\r' ? "\\r" : "\\x%02x", s.p[i]);
	printf("\n");
}

static const char *odd_of(const struct verdict *o, size_t k)
{
	const char *odd = k < o->n ? o->m[k].odd : NULL;

	if (!odd && k < o->n)
		odd = o->m[k].odd_body;
	return odd ? odd : "";
}

static void bad(size_t i, const char *what, struct mw_slice s, const struct verdict *o,
		const struct verdict *t)
{
	static const char *const how[] = { "whole", "cut", "refused", "left" };

	if (n_bad++ > 20)
		return;
	printf("case %zu: %s\n  ours: %zu heads, %zu whole, %s %s (%s)\n"
	       "  theirs: %zu heads, %zu whole, %s %s\n",
	       i, what, o->n, o->n_whole, how[o->how], o->why ? o->why : "", odd_of(o, t->n_whole),
	       t->n, t->n_whole, how[t->how], t->why ? t->why : "");
	show("stream", s);
}

static bool same_buf(const struct mw_buf *a, const struct mw_buf *b)
{
	return mw_slice_eq(mw_buf_slice(a), mw_buf_slice(b));
}

/* Whether there is a CR that no LF follows. */
static bool any_bare_cr(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return true;
	return false;
}

/* Whether a head (in the common form) has a Transfer-Encoding with an empty element. */
static bool empty_element(const struct mw_buf *head)
{
	static const char name[] = "transfer-encoding:";
	const char *p = (const char *)head->p, *end = p + head->len, *value, *line;

	for (; p < end; p = line + 1) {
		line = memchr(p, '\n', (size_t)(end - p));
		if (!line)
			line = end;
		value = p + sizeof(name) - 1;
		if (value > line || strncasecmp(p, name, sizeof(name) - 1))
			continue;
		if (value == line || *value == ',' || line[-1] == ',' ||
		    memmem(value, (size_t)(line - value), ",,", 2))
			return true;
	}
	return false;
}

static void compare(size_t i, struct mw_slice s, const struct verdict *o, const struct verdict *t)
{
	size_t n = o->n_whole < t->n_whole ? o->n_whole : t->n_whole;

	for (size_t k = 0; k < o->n && k < t->n; k++) {
		if (!same_buf(&o->m[k].head, &t->m[k].head)) {
			show("our head", mw_buf_slice(&o->m[k].head));
			show("their head", mw_buf_slice(&t->m[k].head));
			bad(i, "heads differ", s, o, t);
			return;
		}
		/* theirs gives the caller what follows, and looks at more fields than ours to know
		 */
		if (o->m[k].leaves) {
			n_left++;
			return;
		}
		/* of a coding not known here no body is given */
		if (k < n && !(o->m[k].odd_body && !strcmp(o->m[k].odd_body, "http.coding")) &&
		    !same_buf(&o->m[k].body, &t->m[k].body)) {
			if ((empty_element(&o->m[k].head) || memmem(s.p, s.n, "hunked\t", 7)) &&
			    is_known("bodies", ""))
				n_known++;
			else
				bad(i, "bodies differ", s, o, t);
			return;
		}
	}
	/* they stop where the connection is to be closed, or asks for another protocol */
	if (t->how == HOW_LEFT && t->n_whole == n) {
		n_left++;
		return;
	}
	if (o->how == HOW_REFUSED && t->how == HOW_REFUSED && o->n_whole == t->n_whole) {
		n_both_refuse++;
		return;
	}
	if (o->how == HOW_REFUSED && o->n_whole == n) {
		if (is_known(NULL, o->why))
			n_known++;
		else
			bad(i, "only ours refuses", s, o, t);
		return;
	}
	/* an unfinished head or trailer is not judged yet */
	if (t->how == HOW_REFUSED && o->in_section && o->n_whole == n && t->n_whole == n) {
		n_agree++;
		n_cut++;
		return;
	}
	if (t->how == HOW_REFUSED && t->n_whole == n) {
		if (is_known(t->why, odd_of(o, n)))
			n_known++;
		else
			bad(i, "only theirs refuses", s, o, t);
		return;
	}
	if (o->in_section && o->n_whole == n && any_bare_cr(s)) {
		n_known += is_known("boundaries", "");
		return;
	}
	if (o->n_whole != t->n_whole || o->n != t->n || o->how != t->how) {
		bad(i, "boundaries differ", s, o, t);
		return;
	}
	for (size_t k = n; k < o->n; k++)
		if (!same_buf(&o->m[k].head, &t->m[k].head) ||
		    !same_buf(&o->m[k].body, &t->m[k].body)) {
			bad(i, "unfinished messages differ", s, o, t);
			return;
		}
	n_agree++;
	n_cut += o->how == HOW_CUT;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
	uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	struct mw_buf b;

	mw_buf_init(&b, &fuzz_alloc, SIZE_MAX);
	for (size_t i = 0; i < n; i++) {
		struct verdict o, t;
		unsigned int asked;
		bool response;
		size_t step;

		diff_seed(seed << 32 | i);
		response = diff_random(2);
		asked = diff_random(4) ? 0 : (unsigned int)diff_random(1u << 16);
		diff_stream_make(&b, response);
		step = diff_random(2) ? DIFF_STREAM_MAX : 1 + diff_random(40);
		our_run(&o, mw_buf_slice(&b), response ? asked : 0, step);
		their_run(&t, mw_buf_slice(&b), response, asked, step);
		compare(i, mw_buf_slice(&b), &o, &t);
		verdict_done(&o);
		verdict_done(&t);
	}
	mw_buf_done(&b);
	for (size_t i = 0; known[i].ours; i++)
		printf("%6zu  theirs: %s, ours: %s: %s\n", n_seen[i],
		       known[i].theirs ? known[i].theirs : "taken",
		       *known[i].ours ? known[i].ours : "taken", known[i].because);
	printf("http-diff: %zu streams: %zu taken alike (%zu of them cut), %zu refused by both, "
	       "%zu alike to where theirs leaves, %zu known differences, %zu others\n",
	       n, n_agree, n_cut, n_both_refuse, n_left, n_known, n_bad);
	/* a comparison of nothing would be no comparison */
	if (n_agree < n / 4 || n_both_refuse < n / 50)
		n_bad++;
	printf("%zu passed, %zu failed\n", n - (n_bad < n ? n_bad : n), n_bad);
	return n_bad ? 1 : 0;
}
