/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "core/frame.h"

/*
 * The input: a byte that chooses how it is split and which allocation fails, then a stream: 0xf1 to
 * 0xf7 a gap of 1 to 7 bytes, 0xf8 and a byte n a run of n times 512 bytes, 0xf9 the beginning of a
 * system call, 0xfa the end of the connection, any other byte itself.
 */
#define MAX	  (MW_FRAME_HEAD + MW_FRAME_TAIL)
#define BYTES_MAX (2 * MAX + 1000)

static size_t fail_at;

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	if (n && fail_at && --fail_at == 0)
		return NULL;
	return fuzz_resize(ctx, p, old, n);
}

static const struct mw_alloc failing = { .resize = resize };

struct segment {
	size_t from, n; /* in the bytes */
	uint64_t gap;
	bool closed, first; /* the first bytes are those of a system call */
};

struct stream {
	uint8_t *bytes;
	size_t n;
	struct segment *seg;
	size_t n_seg;
};

static void stream_make(struct stream *s, const uint8_t *p, size_t n)
{
	*s = (struct stream){ .bytes = malloc(BYTES_MAX + n),
			      .seg = calloc(n + 1, sizeof(*s->seg)) };
	for (size_t i = 0; i < n; i++) {
		struct segment *last = s->n_seg ? &s->seg[s->n_seg - 1] : NULL;

		if (p[i] >= 0xf1 && p[i] <= 0xf7) {
			s->seg[s->n_seg++] = (struct segment){ .gap = p[i] - 0xf0u };
			continue;
		}
		if (p[i] == 0xf9 || p[i] == 0xfa) {
			s->seg[s->n_seg++] =
			    (struct segment){ .from = s->n, .first = true, .closed = p[i] == 0xfa };
			continue;
		}
		if (!last || last->gap || last->closed) {
			last = &s->seg[s->n_seg++];
			*last = (struct segment){ .from = s->n };
		}
		if (p[i] == 0xf8 && i + 1 < n) {
			size_t run = (size_t)p[++i] * 512;

			if (s->n + run > BYTES_MAX)
				continue;
			for (size_t k = 0; k < run; k++)
				s->bytes[s->n + k] = (uint8_t)('a' + k % 23);
			s->n += run;
			last->n += run;
		} else {
			s->bytes[s->n++] = p[i];
			last->n++;
		}
	}
}

struct result {
	struct mw_buf out; /* what does not depend on the split */
	uint64_t n_bytes, n_broken, n_nomem;
	bool cut, web;
};

static void put(struct result *res, struct mw_slice s)
{
	FUZZ_CHECK(mw_buf_append(&res->out, &s.n, sizeof(s.n)) == 0);
	FUZZ_CHECK(mw_buf_append(&res->out, s.p, s.n) == 0);
}

static void note(struct result *res, const struct mw_frame *f, uint64_t end)
{
	bool line = f->carrier == MW_CARRIER_LINE;
	/* where a coded event ends is known to the chunk only */
	uint64_t head[] = { f->off,
			    f->carrier == MW_CARRIER_SSE ? 0 : f->span,
			    f->len,
			    f->gap,
			    f->xchg,
			    (uint64_t)f->kind << 8 | f->carrier,
			    f->cut | (uint64_t)f->broken << 1 | (uint64_t)f->headless << 2 |
				(uint64_t)f->partial << 3 | (uint64_t)f->response << 4 };

	FUZZ_CHECK(f->bytes.n <= f->len);
	FUZZ_CHECK(f->bytes.n <= MAX);
	FUZZ_CHECK(f->kind == MW_FRAME_IS_END || f->cut == (f->bytes.n < f->len) || f->broken);
	FUZZ_CHECK(f->kind != MW_FRAME_IS_END || (f->bytes.n == 0 && f->xchg));
	FUZZ_CHECK(!f->headless || f->broken);
	FUZZ_CHECK(f->gap == 0 || f->headless);
	FUZZ_CHECK(f->begin_ns <= f->end_ns);
	FUZZ_CHECK(f->off + f->span <= end);
	FUZZ_CHECK(!f->store || (f->store->p == f->bytes.p && f->store->len == f->bytes.n));
	FUZZ_CHECK(!line || !f->bytes.n || !memchr(f->bytes.p, '\n', f->bytes.n));
	FUZZ_CHECK(mw_buf_append(&res->out, head, sizeof(head)) == 0);
	put(res, f->bytes);
	put(res, f->event);
	put(res, mw_slice_str(f->odd));
	res->n_bytes += f->len;
	res->n_broken += f->broken;
	res->cut |= f->cut;
	res->web |= !line;
}

/* step 0: whole segments; else pieces of a length that the step turns out. */
static void run(const struct stream *s, const struct mw_alloc *a, size_t step, struct result *res)
{
	static struct mw_chan chan = { .kind = MW_CHAN_TCP4 };
	uint64_t off = 0, ts = 0, state = step;
	struct mw_framer f;
	struct mw_frame fr;

	*res = (struct result){ 0 };
	mw_buf_init(&res->out, &fuzz_alloc, SIZE_MAX);
	mw_framer_init(&f, a, MAX);
	for (size_t i = 0; i < s->n_seg; i++) {
		const struct segment *seg = &s->seg[i];
		size_t done = 0;

		do {
			struct mw_chunk c = { .chan = &chan,
					      .off = off,
					      .gap = seg->gap,
					      .closed = seg->closed,
					      .inside = done || !seg->first,
					      .ts_ns = ++ts };
			size_t n = seg->n - done;
			uint8_t *copy;

			state = state * 6364136223846793005ull + 1442695040888963407ull;
			if (step && n > 1 + (state >> 40) % step)
				n = 1 + (state >> 40) % step;
			copy = malloc(n ? n : 1);
			memcpy(copy, s->bytes + seg->from + done, n);
			if (!seg->gap && !seg->closed)
				c.bytes = mw_slice(copy, n);
			off += n + seg->gap;
			FUZZ_CHECK(mw_framer_push(&f, &c) == 0);
			while (mw_framer_next(&f, &fr) == 1)
				note(res, &fr, off);
			res->web |= f.web != NULL; /* an interim answer gives no frame */
			free(copy);
			FUZZ_CHECK(f.line.text.buf.cap <= MAX);
			done += n;
		} while (done < seg->n);
	}
	while (mw_framer_finish(&f, &fr))
		note(res, &fr, off);
	res->n_nomem = f.n_nomem;
	mw_framer_done(&f);
}

static size_t count_skipped(const struct stream *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->bytes[i] == '\n' || s->bytes[i] == '\r';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole, split;
	struct stream s;

	if (n < 1)
		return 0;
	stream_make(&s, data + 1, n - 1);
	run(&s, &fuzz_alloc, 0, &whole);
	FUZZ_CHECK(whole.web || whole.n_bytes <= s.n);
	FUZZ_CHECK(whole.web || whole.n_bytes >= s.n - count_skipped(&s));

	for (size_t k = 0; k < 2; k++) {
		size_t step = k ? 1 + data[0] % 32 : 1 + (size_t)data[0] * 300;

		if (s.n > 20000)
			step += 3000;
		run(&s, &fuzz_alloc, step, &split);
		FUZZ_CHECK(split.out.len == whole.out.len);
		FUZZ_CHECK(!whole.out.len || memcmp(split.out.p, whole.out.p, whole.out.len) == 0);
		FUZZ_CHECK(split.n_nomem == 0);
		mw_buf_done(&split.out);
	}

	/* without memory what is broken says so, and of lines no byte is lost */
	fail_at = 1 + data[0] % 16;
	run(&s, &failing, s.n > 20000 ? 5000 : 7, &split);
	fail_at = 0;
	FUZZ_CHECK(!split.n_nomem || split.n_broken);
	if (!split.web && !whole.web)
		FUZZ_CHECK(split.n_bytes <= s.n && split.n_bytes >= whole.n_bytes);
	mw_buf_done(&split.out);
	mw_buf_done(&whole.out);
	free(s.bytes);
	free(s.seg);
	return 0;
}
