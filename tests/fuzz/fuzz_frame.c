/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "core/frame.h"

/*
 * The input: a byte that chooses how it is split and which allocation fails, then a stream: 0xf1 to
 * 0xf7 a gap of 1 to 7 bytes, 0xf8 and a byte n a run of n times 512 bytes, any other byte itself.
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
		if (!last || last->gap) {
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
	bool cut;
};

static void note(struct result *res, const struct mw_frame *f)
{
	uint64_t head[] = { f->off, f->len, f->gap, f->bytes.n,
			    f->cut | (uint64_t)f->broken << 1 | (uint64_t)f->headless << 2 };

	FUZZ_CHECK(f->bytes.n <= f->len);
	FUZZ_CHECK(f->bytes.n <= MAX);
	FUZZ_CHECK(f->cut == (f->bytes.n < f->len));
	FUZZ_CHECK(!f->headless || f->broken);
	FUZZ_CHECK(f->gap == 0 || f->headless);
	FUZZ_CHECK(f->begin_ns <= f->end_ns);
	FUZZ_CHECK(!f->bytes.n || !memchr(f->bytes.p, '\n', f->bytes.n));
	FUZZ_CHECK(mw_buf_append(&res->out, head, sizeof(head)) == 0);
	FUZZ_CHECK(mw_buf_append(&res->out, f->bytes.p, f->bytes.n) == 0);
	res->n_bytes += f->len;
	res->n_broken += f->broken;
	res->cut |= f->cut;
}

/* step 0: whole segments; else pieces of a length that the step turns out. */
static void run(const struct stream *s, const struct mw_alloc *a, size_t step, struct result *res)
{
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
			struct mw_chunk c = { .off = off, .gap = seg->gap, .ts_ns = ++ts };
			size_t n = seg->n - done;
			uint8_t *copy;

			state = state * 6364136223846793005ull + 1442695040888963407ull;
			if (step && n > 1 + (state >> 40) % step)
				n = 1 + (state >> 40) % step;
			copy = malloc(n ? n : 1);
			memcpy(copy, s->bytes + seg->from + done, n);
			if (!seg->gap)
				c.bytes = mw_slice(copy, n);
			FUZZ_CHECK(mw_framer_push(&f, &c) == 0);
			while (mw_framer_next(&f, &fr) == 1)
				note(res, &fr);
			free(copy);
			FUZZ_CHECK(f.line.cap <= MAX);
			off += n + seg->gap;
			done += n;
		} while (done < seg->n);
	}
	if (mw_framer_finish(&f, &fr))
		note(res, &fr);
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
	FUZZ_CHECK(whole.n_bytes <= s.n && whole.n_bytes >= s.n - count_skipped(&s));

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

	/* without memory no byte is lost, and what is broken says so */
	fail_at = 1 + data[0] % 16;
	run(&s, &failing, s.n > 20000 ? 5000 : 7, &split);
	fail_at = 0;
	FUZZ_CHECK(split.n_bytes <= s.n && split.n_bytes >= whole.n_bytes);
	FUZZ_CHECK(!split.n_nomem || split.n_broken);
	if (!split.n_nomem)
		FUZZ_CHECK(split.out.len == whole.out.len);
	mw_buf_done(&split.out);
	mw_buf_done(&whole.out);
	free(s.bytes);
	free(s.seg);
	return 0;
}
