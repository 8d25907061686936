/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte that says how it is cut, then pieces, each behind two bytes: what (read, written,
 * missing, closed, time) and its length. Played as it is and byte by byte: the same actions, but
 * where a connection is looked at in its midst, as only a piece that begins a whole head tells
 * there.
 */
#include "fuzz.h"

#include <sys/socket.h>

#include "base/hash.h"
#include "core/sql.h"
#include "core/wire.h"

struct run {
	struct mw_wire *w;
	struct mw_chan chan[2];
	uint64_t off[2], ts, n, hash;
	bool midst;
};

static void pull(struct run *r)
{
	struct mw_wire_event ev;

	while (mw_wire_next(r->w, &ev) == 1) {
		const struct mw_action *a = &ev.act;

		if (ev.kind != MW_WIRE_ACTION)
			continue;
		FUZZ_CHECK(a->kind == MW_EFFECT_NET_HTTP || a->kind == MW_EFFECT_DB_STATEMENT);
		FUZZ_CHECK(a->ret <= 0 && a->asked.n <= MW_WIRE_TEXT_MAX);
		FUZZ_CHECK(ev.chan == &r->chan[MW_END_WRITE]);
		r->n++;
		r->hash = mw_hash64(a->verb, r->hash);
		r->hash = mw_hash64(a->object, r->hash);
		r->hash = mw_hash64(a->target, r->hash);
		r->hash = mw_hash64(a->asked, r->hash);
		r->hash = mw_hash64(mw_slice(a->mode, strlen(a->mode)), r->hash) ^ (uint64_t)a->ret;
	}
}

static void push(struct run *r, enum mw_end end, struct mw_slice bytes, uint64_t gap, bool closed,
		 bool inside)
{
	struct mw_chunk c = { .chan = &r->chan[end],
			      .end = end,
			      .off = r->off[end],
			      .bytes = bytes,
			      .gap = gap,
			      .closed = closed,
			      .inside = inside,
			      .ts_ns = r->ts,
			      .proc = { 1, 7 },
			      .sock = 1,
			      .gen = 1 };

	if (c.off && !inside && !c.chan->wire[end] && !c.chan->back->wire[!end])
		r->midst = true;
	r->off[end] += bytes.n + gap;
	(void)mw_wire_push(r->w, &c);
	pull(r);
}

static void play(struct run *r, const uint8_t *data, size_t n, bool small)
{
	*r = (struct run){ .ts = 1 };
	FUZZ_CHECK(mw_wire_new(&fuzz_alloc, 4, &r->w) == 0);
	for (int i = 0; i < 2; i++) {
		r->chan[i].kind = MW_CHAN_TCP4;
		r->chan[i].back = &r->chan[!i];
		r->chan[i].src.family = r->chan[i].dst.family = AF_INET;
	}
	while (n >= 2) {
		const unsigned int what = data[0] & 7;
		const enum mw_end end = what & 1 ? MW_END_WRITE : MW_END_READ;
		size_t len = data[1];

		data += 2;
		n -= 2;
		r->ts += 1000;
		if (what == 6) {
			r->ts += (uint64_t)len << 26;
			mw_wire_tick(r->w, r->ts);
			pull(r);
			continue;
		}
		if (what == 4 || what == 5) {
			push(r, end, mw_slice(NULL, 0), len + 1, false, false);
			continue;
		}
		if (what == 7) {
			push(r, MW_END_READ, mw_slice(NULL, 0), 0, true, false);
			continue;
		}
		len = len < n ? len : n;
		for (size_t at = 0, k; at < len; at += k) {
			k = small ? 1 : len;
			push(r, end, mw_slice(data + at, k), 0, false, at != 0);
		}
		data += len;
		n -= len;
	}
	mw_wire_finish(r->w);
	pull(r);
	for (int i = 0; i < 2; i++) {
		struct mw_chunk gone = { .chan = &r->chan[i], .evicted = true };

		mw_wire_push(r->w, &gone);
		pull(r);
	}
	mw_wire_free(r->w);
}

static void sql(struct mw_slice s)
{
	for (int d = 0; d < 3; d++) {
		struct mw_buf b;
		struct mw_slice c;
		struct mw_sql q;
		size_t pos = 0, was = 0;

		while (mw_sql_next(s, (enum mw_sql_dialect)d, &pos, &q) == 1) {
			FUZZ_CHECK(pos > was && pos <= s.n && q.text.n > 0);
			FUZZ_CHECK(q.text.p >= s.p && q.text.p + q.text.n <= s.p + s.n);
			was = pos;
		}
		for (pos = 0; mw_sql_constant(s, (enum mw_sql_dialect)d, &pos, &c) == 1;)
			FUZZ_CHECK(pos <= s.n);
		mw_buf_init(&b, &fuzz_alloc, 1 << 20);
		FUZZ_CHECK(mw_sql_redact(NULL, &b, s, (enum mw_sql_dialect)d) == 0);
		b.len = 0;
		FUZZ_CHECK(mw_sql_fold(&b, s) == 0 && b.len <= s.n);
		mw_buf_done(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct run a, b;

	sql(mw_slice(data, n));
	play(&a, data, n, false);
	play(&b, data, n, true);
	FUZZ_CHECK(a.midst || b.midst || (a.n == b.n && a.hash == b.hash));
	return 0;
}
