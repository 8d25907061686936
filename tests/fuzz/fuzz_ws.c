/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>
#include <zlib.h>

#include "core/ws.h"

/*
 * The input: a byte of bits (1: from the client; 2: a gap; 4: what follows are messages to be
 * written as frames, which must come out again; 8: their deflated ones begin with a new window),
 * two bytes where the gap is, one how long, one that turns the splitting; then the stream.
 */
#define OPTIONS	 5
#define DATA_MAX 3000u
#define HEAD	 100u
#define TAIL	 30u

static size_t fail_at;

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	if (n && fail_at && --fail_at == 0)
		return NULL;
	return fuzz_resize(ctx, p, old, n);
}

static const struct mw_alloc failing = { .resize = resize };

struct options {
	bool client, has_gap;
	size_t gap_at;
	uint64_t gap;
	uint8_t turn;
};

struct result {
	struct mw_buf out;
	size_t n_messages, n_broken, n_nomem;
	uint64_t end, n_data;
	bool lost;
};

static void result_init(struct result *res)
{
	*res = (struct result){ 0 };
	mw_buf_init(&res->out, &fuzz_alloc, SIZE_MAX);
	FUZZ_CHECK(mw_buf_append(&res->out, "", 1) == 0);
}

static void note(struct result *res, const struct mw_ws_message *m)
{
	uint64_t line[] = { m->len, m->from, m->to, m->text, m->cut, m->broken, (uintptr_t)m->odd };

	FUZZ_CHECK(m->bytes.n <= m->len && m->cut == (m->bytes.n < m->len));
	FUZZ_CHECK(m->bytes.n <= DATA_MAX && (!m->cut || m->bytes.n == HEAD + TAIL));
	FUZZ_CHECK(m->from >= res->end && m->to >= m->from);
	res->end = m->to;
	FUZZ_CHECK(mw_buf_append(&res->out, line, sizeof(line)) == 0);
	FUZZ_CHECK(mw_buf_append(&res->out, m->bytes.p, m->bytes.n) == 0);
	res->n_messages++;
	res->n_broken += m->broken;
	res->n_data += m->len;
}

static void feed(struct mw_ws *w, struct mw_slice bytes, struct result *res)
{
	uint8_t *copy = malloc(bytes.n ? bytes.n : 1);
	struct mw_ws_message m;
	size_t done = 0, used;
	int r;

	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	do {
		r = mw_ws_next(w, mw_slice(copy + done, bytes.n - done), &used, &m);
		FUZZ_CHECK(used <= bytes.n - done);
		done += used;
		if (r == 1)
			note(res, &m);
		res->n_nomem += r == -ENOMEM;
		res->lost |= r == -EBADMSG;
	} while (r && !res->lost);
	FUZZ_CHECK(res->lost || done == bytes.n);
	free(copy);
}

static void run(const struct options *o, struct mw_slice s, const struct mw_alloc *a, size_t step,
		struct result *res)
{
	uint64_t state = step + o->turn;
	struct mw_ws_message m;
	struct mw_ws *w;

	result_init(res);
	if (mw_ws_new(a, o->client, DATA_MAX, HEAD, TAIL, &w) < 0) {
		res->n_nomem++;
		return;
	}
	for (size_t i = 0, n; i < s.n && !res->lost; i += n) {
		if (o->has_gap && i == o->gap_at && !mw_ws_gap(w, o->gap)) {
			feed(w, mw_slice(NULL, 0), res);
			FUZZ_CHECK(res->lost);
			break;
		}
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		n = s.n - i;
		if (step && n > 1 + (state >> 40) % step)
			n = 1 + (state >> 40) % step;
		if (o->has_gap && i < o->gap_at && n > o->gap_at - i)
			n = o->gap_at - i;
		feed(w, mw_slice(s.p + i, n), res);
	}
	if (mw_ws_finish(w, &m)) {
		FUZZ_CHECK(m.broken);
		note(res, &m);
	}
	FUZZ_CHECK(mw_ws_finish(w, &m) == 0);
	mw_ws_free(w);
}

static void same(const struct result *a, const struct result *b)
{
	FUZZ_CHECK(a->lost == b->lost && a->n_messages == b->n_messages);
	FUZZ_CHECK(a->out.len == b->out.len);
	FUZZ_CHECK(memcmp(a->out.p, b->out.p, a->out.len) == 0);
}

/* --- messages to frames ------------------------------------------------------------------------
 */

struct writer {
	const uint8_t *p; /* what says how */
	size_t n;
	struct mw_buf wire;
	bool client;
};

static uint8_t turn(struct writer *w)
{
	if (w->n == 0)
		return 0;
	w->n--;
	return *w->p++;
}

static void frame_put(struct writer *w, uint8_t first, const uint8_t *p, size_t n)
{
	uint8_t mask[4] = { turn(w), 0x81, 0, 0x7e }, head[10] = { first };
	size_t n_head = 2, n_len = n > 65535 ? 8 : n > 125 ? 2 : 0;

	head[1] = (uint8_t)(n_len == 8 ? 127 : n_len ? 126 : n);
	for (size_t i = n_len; i > 0; i--)
		head[n_head++] = (uint8_t)((uint64_t)n >> (i - 1) * 8);
	if (w->client)
		head[1] |= 0x80;
	mw_buf_append(&w->wire, head, n_head);
	if (w->client)
		mw_buf_append(&w->wire, mask, 4);
	for (size_t i = 0; i < n; i++)
		mw_buf_append_byte(&w->wire, w->client ? p[i] ^ mask[i % 4] : p[i]);
}

/* A payload as some frames, with control frames in between. from, to: its place. */
static void message_put(struct writer *w, uint8_t first, struct mw_slice s, uint64_t *from,
			uint64_t *to)
{
	size_t n_frames = 1 + turn(w) % 4;

	*from = w->wire.len;
	for (size_t i = 0; i < n_frames; i++) {
		size_t n = i + 1 == n_frames ? s.n : s.n ? (turn(w) * 7u) % (s.n + 1) : 0;

		if (i && turn(w) % 3 == 0)
			frame_put(w, turn(w) & 1 ? 0x89 : 0x8a, (const uint8_t *)"ping",
				  turn(w) % 5);
		frame_put(w, (uint8_t)((i ? 0 : first) | (i + 1 == n_frames ? 0x80 : 0)), s.p, n);
		s.p += n;
		s.n -= n;
	}
	*to = w->wire.len;
}

static void expect(struct result *res, struct mw_slice s, bool text, uint64_t from, uint64_t to)
{
	struct mw_buf kept;

	mw_buf_init(&kept, &fuzz_alloc, SIZE_MAX);
	FUZZ_CHECK(mw_buf_append(&kept, "", 1) == 0);
	kept.len = 0;
	mw_buf_append(&kept, s.p, s.n > DATA_MAX ? HEAD : s.n);
	if (s.n > DATA_MAX)
		mw_buf_append(&kept, s.p + s.n - TAIL, TAIL);
	note(res, &(struct mw_ws_message){ .bytes = mw_buf_slice(&kept),
					   .len = s.n,
					   .from = from,
					   .to = to,
					   .text = text,
					   .cut = s.n > DATA_MAX });
	mw_buf_done(&kept);
}

static void written(struct writer *w, bool new_window, struct result *res)
{
	uint8_t *data = malloc(70000), *packed = malloc(80000);
	z_stream z = { 0 };

	FUZZ_CHECK(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	for (size_t k = 0; w->n && k < 12; k++) {
		size_t how = turn(w), n = turn(w), n_wire;
		bool text = how & 1, deflated = how & 2;
		uint64_t from, to;

		if (how & 4)
			n *= 15;
		if ((how & 0x18) == 0x18)
			n *= 18;
		for (size_t i = 0; i < n; i++)
			data[i] =
			    (uint8_t)(i % 37 == how % 37 ? turn(w) : 'a' + i % (2 + how % 23));
		memcpy(packed, data, n);
		n_wire = n;
		if (deflated) {
			z.next_in = data;
			z.avail_in = (unsigned int)n;
			z.next_out = packed;
			z.avail_out = 80000;
			FUZZ_CHECK(deflate(&z, Z_SYNC_FLUSH) >= Z_BUF_ERROR);
			n_wire = 80000 - z.avail_out;
			/* nothing new, nothing flushed: an empty stored block */
			if (n_wire < 4)
				memcpy(packed, "\0\0\0\xff\xff", n_wire = 5);
			FUZZ_CHECK(memcmp(packed + n_wire - 4, "\0\0\xff\xff", 4) == 0);
			n_wire -= 4;
			if (new_window)
				FUZZ_CHECK(deflateReset(&z) == Z_OK);
		}
		message_put(w, (uint8_t)((text ? 1 : 2) | (deflated ? 0x40 : 0)),
			    mw_slice(packed, n_wire), &from, &to);
		expect(res, mw_slice(data, n), text, from, to);
	}
	if (turn(w) & 1) {
		frame_put(w, 0x88, (const uint8_t *)"\x03\xe8", 2);
		mw_buf_append(&w->wire, "\xff\xff", 2);
	}
	deflateEnd(&z);
	free(data);
	free(packed);
}

/* --------------------------------------------------------------------------------------------- */

static void check(const struct options *o, struct mw_slice s, struct result *whole)
{
	struct result other;

	run(o, s, &fuzz_alloc, 0, whole);
	FUZZ_CHECK(whole->n_nomem == 0);
	for (size_t k = 0; k < 2; k++) {
		run(o, s, &fuzz_alloc, k ? 1 + (size_t)o->turn * 5 : 1, &other);
		same(whole, &other);
		mw_buf_done(&other.out);
	}
	fail_at = 1 + o->turn % 16;
	run(o, s, &failing, 7, &other);
	fail_at = 0;
	FUZZ_CHECK(!other.n_nomem || other.n_broken || !other.n_messages);
	if (!other.n_nomem)
		same(whole, &other);
	mw_buf_done(&other.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole, want;
	struct options o;

	if (n < OPTIONS)
		return 0;
	o = (struct options){ .client = data[0] & 1,
			      .has_gap = data[0] & 2,
			      .gap_at = data[1] | (size_t)data[2] << 8,
			      .gap = 1 + data[3],
			      .turn = data[4] };
	if (data[0] & 4) {
		struct writer w = { .p = data + OPTIONS, .n = n - OPTIONS, .client = o.client };

		mw_buf_init(&w.wire, &fuzz_alloc, SIZE_MAX);
		o.has_gap = false;
		result_init(&want);
		written(&w, data[0] & 8, &want);
		check(&o, mw_buf_slice(&w.wire), &whole);
		same(&whole, &want);
		FUZZ_CHECK(!w.wire.len || mw_ws_looks(mw_buf_slice(&w.wire), o.client));
		mw_buf_done(&w.wire);
		mw_buf_done(&want.out);
	} else {
		check(&o, mw_slice(data + OPTIONS, n - OPTIONS), &whole);
		mw_ws_looks(mw_slice(data + OPTIONS, n - OPTIONS), o.client);
	}
	mw_buf_done(&whole.out);
	return 0;
}
