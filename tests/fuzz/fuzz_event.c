/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>

#include "core/event.h"
#include "core/stream.h"

/*
 * The first byte chooses: even, what follows are events as in a capture file; odd, every 8 bytes
 * are one I/O event in short, so that the fuzzer gets at the order of them. Either way the I/O
 * events go through the stream stage, which has to account for every byte.
 */
#define CHANS 3

static size_t fail_at;

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	if (n && fail_at && --fail_at == 0)
		return NULL;
	return fuzz_resize(ctx, p, old, n);
}

static const struct mw_alloc failing = { .resize = resize };

static uint64_t sum; /* so that reading is not optimised away */

static void touch(struct mw_slice s, const void *event, size_t n)
{
	FUZZ_CHECK(s.n == 0 ||
		   (s.p >= (const uint8_t *)event && s.p + s.n <= (const uint8_t *)event + n));
	for (size_t i = 0; i < s.n; i++)
		sum += s.p[i];
}

static void strings(const struct mw_event_hdr *h, size_t n)
{
	const void *p = h;
	struct mw_slice home;

	switch (h->type) {
	case MW_EV_IO:
		touch(mw_event_io_bytes(p), p, n);
		break;
	case MW_EV_EXEC:
	case MW_EV_PROC: {
		struct mw_event_proc_strings s = mw_event_proc_strings(p);

		touch(s.exe, p, n);
		touch(s.argv, p, n);
		touch(s.cwd, p, n);
		touch(s.cgroup, p, n);
		break;
	}
	case MW_EV_ACT: {
		struct mw_event_act_strings s = mw_event_act_strings(p);

		touch(s.path, p, n);
		touch(s.base, p, n);
		touch(s.asked, p, n);
		touch(s.base2, p, n);
		touch(s.asked2, p, n);
		break;
	}
	case MW_EV_META: {
		struct mw_event_meta_strings s = mw_event_meta_strings(p);

		touch(s.host, p, n);
		touch(s.kernel, p, n);
		touch(s.boot_id, p, n);
		touch(s.mcpwatch, p, n);
		touch(s.sources, p, n);
		break;
	}
	case MW_EV_USER:
		touch(mw_event_user(p, &home), p, n);
		touch(home, p, n);
		break;
	case MW_EV_STATE:
		touch(mw_event_state(p), p, n);
		break;
	case MW_EV_OUTLET:
		touch(mw_event_outlet(p), p, n);
		break;
	default:
		break;
	}
}

struct lane {
	struct mw_stream *s;
	struct mw_seq *seq;
	/* of each half in turn: where it must go on */
	struct {
		uint64_t id[2], next[2];
	} at[CHANS + 1];
	uint64_t pushed, evicted;
};

static void pull(struct lane *l)
{
	struct mw_chunk c;

	while (mw_stream_next(l->s, &c) == 1) {
		unsigned int i;

		FUZZ_CHECK(c.chan && c.chan->id);
		if (c.evicted) {
			l->evicted++;
			for (i = 0; i <= CHANS; i++)
				for (int e = 0; e < 2; e++)
					if (l->at[i].id[e] == c.chan->id)
						l->at[i].id[e] = 0;
			continue;
		}
		FUZZ_CHECK((c.gap > 0) != (c.bytes.n > 0));
		FUZZ_CHECK(c.chan->half[c.end]);
		for (size_t k = 0; k < c.bytes.n; k++)
			sum += c.bytes.p[k];
		for (i = 0; i <= CHANS; i++)
			if (l->at[i].id[c.end] == c.chan->id)
				break;
		if (i > CHANS) {
			for (i = 0; i <= CHANS && l->at[i].id[c.end]; i++)
				;
			FUZZ_CHECK(i <= CHANS);
			l->at[i].id[c.end] = c.chan->id;
			l->at[i].next[c.end] = 0;
		}
		FUZZ_CHECK(c.off == l->at[i].next[c.end]);
		FUZZ_CHECK(
		    !__builtin_add_overflow(c.off, c.bytes.n + c.gap, &l->at[i].next[c.end]));
	}
	FUZZ_CHECK(mw_stream_next(l->s, &c) == 0);
}

static void push(struct lane *l, const struct mw_event_hdr *h)
{
	const void *p = h;
	int r;

	if (h->cpu != MW_CPU_NONE)
		mw_seq_push(l->seq, h->cpu, h->seq);
	if (h->type == MW_EV_LOST)
		mw_seq_finish(l->seq, ((const struct mw_ev_lost *)p)->cpu,
			      ((const struct mw_ev_lost *)p)->count);
	if (h->type == MW_EV_TICK)
		mw_stream_tick(l->s, h->ts_ns);
	if (h->type == MW_EV_IO) {
		r = mw_stream_push(l->s, p);
		FUZZ_CHECK(r == 0 || r == -ENOMEM);
		l->pushed += ((const struct mw_ev_io *)p)->moved;
	}
	pull(l);
}

static void raw(struct lane *l, const uint8_t *data, size_t n)
{
	while (n) {
		/* just as long as it says it may read, and 8-aligned */
		void *copy = malloc(n);
		int r;

		memcpy(copy, data, n);
		r = mw_event_check(copy, n);
		if (r > 0) {
			FUZZ_CHECK((size_t)r <= n && r % 8 == 0 && r <= MW_EVENT_MAX);
			FUZZ_CHECK(mw_event_check(copy, (size_t)r - 8) == 0);
			strings(copy, (size_t)r);
			push(l, copy);
		}
		free(copy);
		if (r <= 0) {
			FUZZ_CHECK(r == 0 || r == -EBADMSG);
			break;
		}
		data += r;
		n -= (size_t)r;
	}
}

static void brief(struct lane *l, const uint8_t *p, size_t n)
{
	uint64_t ts = 1;

	for (; n >= 8; p += 8, n -= 8) {
		size_t captured = p[3] % 32, len = sizeof(struct mw_ev_io) + ((captured + 7) & ~7u);
		struct mw_ev_io *ev = calloc(1, len);

		ts += (uint64_t)p[7] << 20;
		ev->hdr = (struct mw_event_hdr){ .len = (uint32_t)len,
						 .type = MW_EV_IO,
						 .ts_ns = ts,
						 .tgid = p[6],
						 .cpu = p[6] & 3,
						 .seq = p[4] };
		ev->chan = p[0] & 3;
		ev->gen = p[0] >> 2 & 3;
		ev->dir = p[0] >> 4 & 1;
		ev->kind = (uint8_t)(1 + (p[0] >> 5 & 3));
		ev->local = (struct mw_addr){ .port = p[1] & 3, .family = p[1] & 4 ? 2 : 10 };
		ev->peer = (struct mw_addr){ .port = p[1] >> 3 & 3, .family = p[1] & 4 ? 2 : 10 };
		ev->off = p[2];
		ev->captured = (uint32_t)captured;
		ev->moved = (uint32_t)(captured + (p[5] & 8 ? p[5] & 7 : 0));
		ev->miss = p[5] >> 4 & 3;
		FUZZ_CHECK(mw_event_check(ev, len) == (int)len);
		push(l, &ev->hdr);
		free(ev);
		if (p[5] & 0x80) {
			mw_stream_tick(l->s, ts);
			pull(l);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_stream_stats st;
	struct lane l = { 0 };

	if (n < 2)
		return 0;
	FUZZ_CHECK(mw_stream_new(&failing, CHANS, &l.s) == 0);
	FUZZ_CHECK(mw_seq_new(&failing, 4, &l.seq) == 0);
	fail_at = data[1];
	if (data[0] % 2)
		brief(&l, data + 2, n - 2);
	else
		raw(&l, data + 2, n - 2);
	mw_stream_finish(l.s);
	pull(&l);
	fail_at = 0;
	mw_stream_stats(l.s, &st);
	FUZZ_CHECK(st.held_bytes == 0);
	FUZZ_CHECK(st.evicted + st.replaced == l.evicted);
	/* all that moved came out, or was late, or had no channel; gaps add what never came */
	FUZZ_CHECK(st.bytes + st.gap_bytes + st.late_bytes + st.dropped_bytes >= l.pushed);
	mw_stream_free(l.s);
	mw_seq_free(l.seq);
	return 0;
}
