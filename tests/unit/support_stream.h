/* SPDX-License-Identifier: Apache-2.0 */
/* support_stream.h - a stream, fed and written down, for test_stream and test_stream_chan */
#ifndef MW_TEST_SUPPORT_STREAM_H
#define MW_TEST_SUPPORT_STREAM_H

#include "support.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/event.h"
#include "core/stream.h"

#define MS 1000000ull

/*
 * What comes out is written down, one word a chunk: "1w@0:abc" (channel 1, its writing end, offset
 * 0), "1w@3-2L" (2 bytes missing, Lost, Fault, liMit, Carrier, Uring), "1w." (closed), "1!" (evicted). Chunks that
 * continue one another are joined, so that a case reads the same however it is split.
 */
struct run {
	struct mw_stream *s;
	struct mw_buf out;
	union {
		uint64_t align;
		struct mw_ev_io io;
		uint8_t bytes[sizeof(struct mw_ev_io) + MW_IO_CHUNK];
	} ev;
	struct test_guard g;
	uint64_t ts;
	uint64_t chan_last, end_last, next; /* to join chunks */
	char kind_last;
	uint64_t n_bytes, n_gap;
	uint64_t closed_ns;	    /* of the last one that said so */
	const struct mw_chan *chan; /* of the last chunk */
	int r;
};

static inline bool run_init(struct run *r, const struct mw_alloc *a, size_t chan_max)
{
	memset(r, 0, sizeof(*r));
	if (mw_stream_new(a, chan_max, &r->s) < 0)
		return false;
	mw_buf_init(&r->out, &test_alloc, 1 << 24);
	mw_buf_reserve(&r->out, 1);
	test_guard_init(&r->g, sizeof(r->ev));
	r->ts = 1000 * MS;
	return true;
}

static inline void run_done(struct run *r)
{
	if (r->s) {
		mw_buf_done(&r->out);
		test_guard_done(&r->g);
	}
	mw_stream_free(r->s);
}

static inline void note(struct run *r, const struct mw_chunk *c)
{
	static const char reasons[] = "?LFMC?U";
	char s[96];

	assert_true(c->chan->half[c->end] || c->evicted);
	r->chan = c->chan;
	if (c->evicted) {
		snprintf(s, sizeof(s), " %llu!", (unsigned long long)c->chan->id);
		mw_buf_append_str(&r->out, s);
		r->kind_last = '!';
		return;
	}
	if (c->closed) {
		assert_true(!c->gap && !c->bytes.n);
		snprintf(s, sizeof(s), " %llu%c.", (unsigned long long)c->chan->id,
			 c->end == MW_END_WRITE ? 'w' : 'r');
		mw_buf_append_str(&r->out, s);
		r->kind_last = '.';
		r->closed_ns = c->ts_ns;
		return;
	}
	assert_true((c->gap > 0) != (c->bytes.n > 0));
	if (!(r->kind_last == (c->gap ? '-' : ':') && r->chan_last == c->chan->id &&
	      r->end_last == c->end && r->next == c->off && !c->gap)) {
		snprintf(s, sizeof(s), " %llu%c@%llu%c", (unsigned long long)c->chan->id,
			 c->end == MW_END_WRITE ? 'w' : 'r', (unsigned long long)c->off,
			 c->gap ? '-' : ':');
		mw_buf_append_str(&r->out, s);
	}
	if (c->gap) {
		snprintf(s, sizeof(s), "%llu%c", (unsigned long long)c->gap, reasons[c->reason]);
		mw_buf_append_str(&r->out, s);
	} else {
		mw_buf_append(&r->out, c->bytes.p, c->bytes.n);
	}
	r->kind_last = c->gap ? '-' : ':';
	r->chan_last = c->chan->id;
	r->end_last = c->end;
	r->next = c->off + c->bytes.n + c->gap;
	r->n_bytes += c->bytes.n;
	r->n_gap += c->gap;
}

static inline void pull(struct run *r)
{
	struct mw_chunk c;

	while (mw_stream_next(r->s, &c) == 1)
		note(r, &c);
	assert_int_equal(mw_stream_next(r->s, &c), 0);
}

static struct mw_ev_io *ev_pipe(struct run *r, uint64_t chan, enum mw_dir dir, uint64_t off,
				const char *bytes)
{
	struct mw_ev_io *ev = &r->ev.io;
	size_t n = strlen(bytes);

	memset(ev, 0, sizeof(*ev));
	memcpy(r->ev.bytes + sizeof(*ev), bytes, n);
	ev->hdr = (struct mw_event_hdr){
		.type = MW_EV_IO, .ts_ns = r->ts += 1000, .tgid = 10 + dir, .tid = 20, .start_ns = 5
	};
	ev->chan = chan;
	ev->gen = 1;
	ev->ino = 77;
	ev->off = off;
	ev->moved = ev->captured = (uint32_t)n;
	ev->dir = (uint8_t)dir;
	ev->kind = MW_CHAN_PIPE;
	return ev;
}

static inline void give(struct run *r)
{
	size_t n = sizeof(struct mw_ev_io) + r->ev.io.captured;
	struct mw_slice s;

	/* at the end of what may be read; its length rounded so that it is aligned */
	n = (n + 7) & ~(size_t)7;
	r->ev.io.hdr.len = (uint32_t)n;
	s = test_guard_copy(&r->g, mw_slice(&r->ev, n));
	r->r = mw_stream_push(r->s, (const void *)s.p);
	pull(r);
}

/* Writes on a pipe. */
static inline void w(struct run *r, uint64_t off, const char *bytes)
{
	ev_pipe(r, 1, MW_DIR_WRITE, off, bytes);
	give(r);
}

static inline void w_miss(struct run *r, uint64_t off, const char *bytes, uint32_t moved, uint8_t miss)
{
	struct mw_ev_io *ev = ev_pipe(r, 1, MW_DIR_WRITE, off, bytes);

	ev->moved = moved;
	ev->miss = miss;
	give(r);
}

static inline void tick(struct run *r, uint64_t after_ns)
{
	r->ts += after_ns;
	mw_stream_tick(r->s, r->ts);
	pull(r);
}

static inline void end(struct run *r)
{
	mw_stream_finish(r->s);
	pull(r);
}

static inline struct mw_addr v4(uint8_t last, uint16_t port)
{
	return (struct mw_addr){ .ip = { 127, 0, 0, last }, .port = port, .family = AF_INET };
}

static inline struct mw_addr mapped(uint8_t last, uint16_t port)
{
	return (struct mw_addr){ .ip = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, last },
				 .port = port,
				 .family = AF_INET6 };
}

static inline struct mw_addr v6(uint8_t last, uint16_t port)
{
	return (
	    struct mw_addr){ .ip = { 0xfe, 0x80, [15] = last }, .port = port, .family = AF_INET6 };
}

/* From the first byte of a connection; the socket's gen is its chan. */
static inline void tcp(struct run *r, uint64_t chan, enum mw_dir dir, struct mw_addr local,
		struct mw_addr peer, const char *bytes)
{
	struct mw_ev_io *ev = ev_pipe(r, chan, dir, 0, bytes);

	ev->gen = chan;
	ev->netns = 9;
	ev->kind = local.family == AF_INET ? MW_CHAN_TCP4 : MW_CHAN_TCP6;
	ev->local = local;
	ev->peer = peer;
	give(r);
}

#endif
