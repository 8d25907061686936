/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "core/http.h"

/*
 * The input: a byte of bits (1, 2: joined inside a body; 4: a gap; 8: the close), two bytes that
 * say which answers are to a HEAD, two where the gap is, one how long, one that turns the
 * splitting; then the stream.
 */
#define OPTIONS 7

struct options {
	uint8_t how, turn;
	uint16_t asked;
	size_t gap_at;
	uint64_t gap;
};

struct result {
	struct mw_buf out; /* what does not depend on the split */
	uint64_t n_heads, n_ends, n_body, n_wire, last_n;
	size_t n_nomem;
	bool open, stopped;
};

static size_t fail_at;

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	if (n && fail_at && --fail_at == 0)
		return NULL;
	return fuzz_resize(ctx, p, old, n);
}

static const struct mw_alloc failing = { .resize = resize };

static void put(struct result *res, const void *p, size_t n)
{
	FUZZ_CHECK(mw_buf_append(&res->out, p, n) == 0);
}

static void put_slice(struct result *res, struct mw_slice s)
{
	put(res, &s.n, sizeof(s.n));
	put(res, s.p, s.n);
}

static bool inside(struct mw_slice in, struct mw_slice all)
{
	return in.n <= all.n && (in.n == 0 || (in.p >= all.p && in.p + in.n <= all.p + all.n));
}

static void note_head(struct result *res, const struct mw_http_event *e)
{
	struct mw_slice name, value;
	struct mw_http_head again;
	size_t pos = 0, n = 0;

	FUZZ_CHECK(!res->open && e->n > res->last_n);
	FUZZ_CHECK(e->bytes.n && e->bytes.n <= MW_HTTP_HEAD_MAX);
	FUZZ_CHECK(e->bytes.p[e->bytes.n - 1] == '\n');
	FUZZ_CHECK(mw_http_head_parse(e->bytes, &again) == 0);
	FUZZ_CHECK(again.response == e->head.response && again.status == e->head.status);
	FUZZ_CHECK(mw_slice_eq(again.fields, e->head.fields));
	FUZZ_CHECK(inside(e->head.method, e->bytes) && inside(e->head.target, e->bytes));
	FUZZ_CHECK(inside(e->head.fields, e->bytes));
	while (mw_http_field_next(&e->head, &pos, &name, &value)) {
		FUZZ_CHECK(name.n && inside(name, e->bytes) && inside(value, e->bytes));
		put_slice(res, name);
		put_slice(res, value);
		mw_http_has_token(value, "chunked");
		n++;
	}
	FUZZ_CHECK(n <= MW_HTTP_FIELDS_MAX);
	put(res, &e->head.status, sizeof(e->head.status));
	put_slice(res, e->head.method);
	put_slice(res, e->head.target);
	put_slice(res, e->bytes);
	res->open = true;
	res->last_n = e->n;
	res->n_heads++;
}

static void note(struct result *res, const struct mw_http_event *e, bool joined)
{
	uint64_t line[] = { e->kind, e->n, e->wire, e->partial, (uintptr_t)e->odd };

	if (e->kind == MW_HTTP_BODY) {
		FUZZ_CHECK(e->bytes.n && (res->open || joined) && !e->odd);
		put(res, e->bytes.p, e->bytes.n);
		res->n_body += e->bytes.n;
		return;
	}
	put(res, line, sizeof(line));
	switch (e->kind) {
	case MW_HTTP_HEAD:
		note_head(res, e);
		break;
	case MW_HTTP_END:
		FUZZ_CHECK(res->open || (joined && res->n_ends == 0));
		FUZZ_CHECK(res->open || e->partial);
		res->open = false;
		res->n_ends++;
		res->n_wire += e->wire;
		break;
	case MW_HTTP_UPGRADED:
		FUZZ_CHECK(!res->open);
		res->stopped = true;
		break;
	default:
		FUZZ_CHECK(e->kind == MW_HTTP_BROKEN && e->odd && !res->open);
		res->stopped = true;
	}
}

static void feed(struct mw_http *h, struct mw_slice bytes, bool joined, struct result *res)
{
	uint8_t *copy = malloc(bytes.n ? bytes.n : 1);
	struct mw_http_event e;
	size_t done = 0, used;

	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	while (!res->stopped) {
		int r = mw_http_next(h, mw_slice(copy + done, bytes.n - done), &used, &e);

		FUZZ_CHECK(used <= bytes.n - done);
		done += used;
		if (r == MW_HTTP_NEED) {
			FUZZ_CHECK(done == bytes.n);
			break;
		}
		FUZZ_CHECK(r > 0 || r == -12);
		if (r > 0)
			note(res, &e, joined);
		else
			res->n_nomem++;
	}
	FUZZ_CHECK(h->head.cap <= MW_HTTP_HEAD_MAX);
	free(copy);
}

/* step 0: whole; else pieces of a length that the step turns out, at most it. */
static void run(const struct options *o, struct mw_slice s, const struct mw_alloc *a, size_t step,
		struct result *res)
{
	uint64_t state = step + o->turn;
	bool joined = (o->how & 3) != 0;
	struct mw_http_event e;
	struct mw_http h;

	*res = (struct result){ 0 };
	mw_buf_init(&res->out, &fuzz_alloc, SIZE_MAX);
	put(res, "", 1);
	mw_http_init(&h, a);
	for (unsigned int i = 0; i < 16; i++)
		if (o->asked >> i & 1)
			mw_http_bodyless(&h, i + 1);
	if (o->how & 1)
		mw_http_join_chunked(&h);
	else if (o->how & 2)
		mw_http_join_identity(&h);
	for (size_t i = 0, n; i < s.n && !res->stopped; i += n) {
		if (o->gap && i == o->gap_at && !mw_http_gap(&h, o->gap))
			feed(&h, mw_slice(NULL, 0), joined, res);
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		n = s.n - i;
		if (step && n > 1 + (state >> 40) % step)
			n = 1 + (state >> 40) % step;
		if (o->gap && i < o->gap_at && n > o->gap_at - i)
			n = o->gap_at - i;
		feed(&h, mw_slice(s.p + i, n), joined, res);
	}
	if (o->how & 8 && !res->stopped) {
		if (mw_http_close(&h, &e))
			note(res, &e, joined);
		FUZZ_CHECK(!res->open);
		FUZZ_CHECK(!h.head.p && !h.inflate);
	}
	mw_http_done(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole, split;
	struct options o;
	struct mw_slice s;

	if (n < OPTIONS)
		return 0;
	o = (struct options){ .how = data[0],
			      .turn = data[6],
			      .asked = (uint16_t)(data[1] | data[2] << 8),
			      .gap_at = data[3] | (size_t)data[4] << 8,
			      .gap = data[0] & 4 ? data[5] : 0 };
	s = mw_slice(data + OPTIONS, n - OPTIONS);
	run(&o, s, &fuzz_alloc, 0, &whole);
	FUZZ_CHECK(whole.n_wire <= s.n + o.gap);
	FUZZ_CHECK(whole.n_nomem == 0);
	for (size_t k = 0; k < 2; k++) {
		run(&o, s, &fuzz_alloc, k ? 1 + (size_t)o.turn * 5 : 1, &split);
		FUZZ_CHECK(split.out.len == whole.out.len);
		FUZZ_CHECK(memcmp(split.out.p, whole.out.p, whole.out.len) == 0);
		mw_buf_done(&split.out);
	}
	fail_at = 1 + o.turn % 16;
	run(&o, s, &failing, 7, &split);
	fail_at = 0;
	FUZZ_CHECK(split.n_body <= whole.n_body);
	if (!split.n_nomem)
		FUZZ_CHECK(split.out.len == whole.out.len);
	mw_buf_done(&split.out);
	mw_buf_done(&whole.out);

	bool response;

	mw_http_sniff(s, &response);
	return 0;
}
