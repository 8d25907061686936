/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "core/sse.h"

/*
 * The input: a byte of bits (1: a gap), two bytes where it is, a byte that turns the splitting;
 * then the stream. Without a gap it is held against the steps of the standard, done plainly.
 */
#define OPTIONS	 4
#define DATA_MAX 40u
#define HEAD	 16u
#define TAIL	 9u

static size_t fail_at;

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	if (n && fail_at && --fail_at == 0)
		return NULL;
	return fuzz_resize(ctx, p, old, n);
}

static const struct mw_alloc failing = { .resize = resize };

struct result {
	struct mw_buf out;
	size_t n_events, n_broken, n_nomem;
	uint64_t end;
};

static void put(struct result *res, const void *p, size_t n)
{
	FUZZ_CHECK(mw_buf_append(&res->out, p, n) == 0);
}

static void note(struct result *res, const struct mw_sse_event *e)
{
	uint64_t line[] = {
		e->len, e->from, e->to, e->cut, e->broken, e->data.n, e->type.n, e->id.n
	};

	FUZZ_CHECK(e->data.n <= e->len && e->cut == (e->data.n < e->len));
	FUZZ_CHECK(e->data.n <= DATA_MAX && (!e->cut || e->data.n == HEAD + TAIL));
	FUZZ_CHECK(e->type.n <= MW_SSE_NAME_MAX && e->id.n <= MW_SSE_NAME_MAX);
	FUZZ_CHECK(e->from >= res->end && e->to >= e->from);
	res->end = e->to;
	put(res, line, sizeof(line));
	put(res, e->data.p, e->data.n);
	put(res, e->type.p, e->type.n);
	put(res, e->id.p, e->id.n);
	res->n_events++;
	res->n_broken += e->broken;
}

static void run(struct mw_slice s, const struct mw_alloc *a, size_t gap_at, size_t step,
		struct result *res)
{
	struct mw_sse_event e;
	uint64_t state = step;
	struct mw_sse *p;

	*res = (struct result){ 0 };
	mw_buf_init(&res->out, &fuzz_alloc, SIZE_MAX);
	put(res, "", 1);
	if (mw_sse_new(a, DATA_MAX, HEAD, TAIL, &p) < 0) {
		res->n_nomem++;
		return;
	}
	for (size_t i = 0, n; i < s.n; i += n) {
		size_t done = 0, used;
		uint8_t *copy;
		int r;

		if (i == gap_at)
			mw_sse_gap(p);
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		n = s.n - i;
		if (step && n > 1 + (state >> 40) % step)
			n = 1 + (state >> 40) % step;
		if (i < gap_at && n > gap_at - i)
			n = gap_at - i;
		copy = malloc(n);
		memcpy(copy, s.p + i, n);
		do {
			r = mw_sse_next(p, mw_slice(copy + done, n - done), &used, &e);
			FUZZ_CHECK(used <= n - done);
			done += used;
			if (r == 1)
				note(res, &e);
			res->n_nomem += r < 0;
		} while (r);
		FUZZ_CHECK(done == n);
		free(copy);
	}
	if (mw_sse_finish(p, &e)) {
		FUZZ_CHECK(e.broken);
		note(res, &e);
	}
	FUZZ_CHECK(mw_sse_finish(p, &e) == 0);
	mw_sse_free(p);
}

/* --- the standard, plainly ---------------------------------------------------------------------
 */

struct plain {
	struct mw_buf data, type, id;
	bool has_data;
	uint64_t from, to;
};

static void plain_give(struct plain *p, bool broken, struct result *res)
{
	struct mw_buf kept;

	mw_buf_init(&kept, &fuzz_alloc, SIZE_MAX);
	FUZZ_CHECK(mw_buf_append(&kept, "", 1) == 0);
	kept.len = 0;
	if (p->data.len <= DATA_MAX) {
		FUZZ_CHECK(mw_buf_append(&kept, p->data.p, p->data.len) == 0);
	} else {
		mw_buf_append(&kept, p->data.p, HEAD);
		mw_buf_append(&kept, p->data.p + p->data.len - TAIL, TAIL);
	}
	note(res,
	     &(struct mw_sse_event){ .data = mw_buf_slice(&kept),
				     .type = { p->type.p, p->type.len < 128 ? p->type.len : 128 },
				     .id = { p->id.p, p->id.len < 128 ? p->id.len : 128 },
				     .len = p->data.len,
				     .from = p->from,
				     .to = p->to,
				     .cut = p->data.len > DATA_MAX,
				     .broken = broken });
	mw_buf_done(&kept);
}

static void plain_line(struct plain *p, struct mw_slice line, bool whole)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);
	struct mw_slice name = { line.p, colon ? (size_t)(colon - line.p) : line.n }, value;

	value = colon ? mw_slice(colon + 1, line.n - name.n - 1) : mw_slice(line.p, 0);
	if (value.n && value.p[0] == ' ')
		value = mw_slice(value.p + 1, value.n - 1);
	if (!whole && !colon)
		return;
	if (mw_slice_eq_str(name, "data")) {
		if (p->has_data)
			mw_buf_append(&p->data, "\n", 1);
		mw_buf_append(&p->data, value.p, value.n);
		p->has_data = true;
	} else if (mw_slice_eq_str(name, "event")) {
		p->type.len = 0;
		mw_buf_append(&p->type, value.p, value.n);
	} else if (mw_slice_eq_str(name, "id") && whole &&
		   !(value.n && memchr(value.p, 0, value.n))) {
		p->id.len = 0;
		mw_buf_append(&p->id, value.p, value.n);
	}
}

static void plain_run(struct mw_slice s, struct result *res)
{
	struct plain p = { 0 };
	size_t i = s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	bool fresh = true;

	*res = (struct result){ 0 };
	mw_buf_init(&res->out, &fuzz_alloc, SIZE_MAX);
	put(res, "", 1);
	mw_buf_init(&p.data, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&p.type, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&p.id, &fuzz_alloc, SIZE_MAX);
	while (i < s.n) {
		size_t end = i;

		while (end < s.n && s.p[end] != '\n' && s.p[end] != '\r')
			end++;
		if (fresh)
			p.from = i;
		fresh = false;
		if (end > i)
			plain_line(&p, mw_slice(s.p + i, end - i), end < s.n);
		p.to = end + 1;
		if (end == i || end == s.n) {
			if (end == s.n)
				p.to = s.n;
			if (p.has_data)
				plain_give(&p, end == s.n, res);
			p.has_data = false;
			p.data.len = p.type.len = 0;
			fresh = true;
		}
		i = end + 1;
		if (end < s.n && s.p[end] == '\r' && i < s.n && s.p[i] == '\n')
			i++;
	}
	p.to = s.n;
	if (p.has_data)
		plain_give(&p, true, res);
	mw_buf_done(&p.data);
	mw_buf_done(&p.type);
	mw_buf_done(&p.id);
}

static void same(const struct result *a, const struct result *b)
{
	FUZZ_CHECK(a->n_events == b->n_events);
	FUZZ_CHECK(a->out.len == b->out.len);
	FUZZ_CHECK(memcmp(a->out.p, b->out.p, a->out.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole, other;
	struct mw_slice s;
	size_t gap_at;

	if (n < OPTIONS)
		return 0;
	gap_at = data[0] & 1 ? data[1] | (size_t)data[2] << 8 : SIZE_MAX;
	s = mw_slice(data + OPTIONS, n - OPTIONS);
	run(s, &fuzz_alloc, gap_at, 0, &whole);
	for (size_t k = 0; k < 2; k++) {
		run(s, &fuzz_alloc, gap_at, k ? 1 + data[3] : 1, &other);
		same(&whole, &other);
		mw_buf_done(&other.out);
	}
	if (gap_at == SIZE_MAX) {
		plain_run(s, &other);
		same(&whole, &other);
		mw_buf_done(&other.out);
	} else if (gap_at < s.n) {
		FUZZ_CHECK(whole.n_broken);
	}
	fail_at = 1 + data[3] % 16;
	run(s, &failing, gap_at, 5, &other);
	fail_at = 0;
	FUZZ_CHECK(!other.n_nomem || other.n_broken || !other.n_events);
	if (!other.n_nomem)
		same(&whole, &other);
	mw_buf_done(&other.out);
	mw_buf_done(&whole.out);
	mw_sse_looks(s);
	return 0;
}
