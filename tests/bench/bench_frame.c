/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_frame.c - what the byte lane takes: events to chunks, chunks to lines, lines to messages;
 * in megabytes and thousands of messages a second of processor time, best and worst of several runs
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/event.h"
#include "core/frame.h"
#include "core/rpc.h"
#include "core/stream.h"

#define RUNS 5

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	(void)old;
	if (n)
		return realloc(p, n);
	free(p);
	return NULL;
}

static const struct mw_alloc heap = { .resize = resize };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The lines of one stream, and how they were moved. */
struct load {
	const char *name;
	uint8_t *p;
	size_t n, cap;
	size_t n_msgs;
	size_t chunk; /* 0: one event a line */
};

static void put(struct load *l, const char *s, size_t n)
{
	while (l->n + n > l->cap) {
		l->cap = l->cap ? 2 * l->cap : 1 << 20;
		l->p = realloc(l->p, l->cap);
	}
	memcpy(l->p + l->n, s, n);
	l->n += n;
}

static void put_str(struct load *l, const char *s)
{
	put(l, s, strlen(s));
}

static void small(struct load *l, size_t n)
{
	char s[512];

	for (size_t i = 0; i < n; i++) {
		int k = snprintf(s, sizeof(s),
				 "{\"method\":\"tools/call\",\"params\":{\"name\":\"read_file\","
				 "\"arguments\":{\"path\":\"/home/user/src/file-%zu.c\"},\"_meta\":"
				 "{\"progressToken\":%zu}},\"jsonrpc\":\"2.0\",\"id\":%zu}\n",
				 i, i, i);

		put(l, s, (size_t)k);
	}
	l->n_msgs = n;
}

/* A file in a result, twice, as the servers send it; `step` bytes of text between two escapes. */
static void large(struct load *l, size_t n, size_t len, size_t step)
{
	for (size_t i = 0; i < n; i++) {
		put_str(l, "{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
		for (int copy = 0; copy < 2; copy++) {
			for (size_t k = 0; k < len / 2; k += step + 2) {
				for (size_t j = 0; j < step; j++)
					put(l, (const char[]){ (char)('a' + (k + j) % 26) }, 1);
				put_str(l, k % 3 ? "\\n" : "\\\"");
			}
			if (copy == 0)
				put_str(l, "\"}],\"structuredContent\":{\"text\":\"");
		}
		put_str(l, "\"}},\"jsonrpc\":\"2.0\",\"id\":7}\n");
	}
	l->n_msgs = n;
}

/* Many small values: the worst for the scanner. */
static void table(struct load *l, size_t n, size_t rows)
{
	char s[128];

	for (size_t i = 0; i < n; i++) {
		put_str(l, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"rows\":[");
		for (size_t k = 0; k < rows; k++) {
			int m =
			    snprintf(s, sizeof(s),
				     "%s{\"id\":%zu,\"name\":\"n%zu\",\"ok\":true,\"v\":[1,2.5]}",
				     k ? "," : "", k, k);

			put(l, s, (size_t)m);
		}
		put_str(l, "]}}\n");
	}
	l->n_msgs = n;
}

enum { STREAM = 1, FRAME = 2, RPC = 4 };

static size_t n_out;

static void take(const struct mw_frame *f, unsigned int what)
{
	struct mw_rpc m;

	if (what & RPC) {
		if (mw_rpc_parse(f->bytes, &m, NULL) < 0)
			abort();
		n_out += m.kind != 0;
	} else {
		n_out++;
	}
}

static double run(const struct load *l, unsigned int what)
{
	static union {
		uint64_t align;
		struct mw_ev_io io;
		uint8_t bytes[sizeof(struct mw_ev_io) + MW_IO_CHUNK];
	} ev;
	struct mw_stream *s;
	struct mw_framer f;
	struct mw_frame fr;
	struct mw_chunk c;
	size_t off = 0, n;
	double t;

	if (mw_stream_new(&heap, 16, &s) < 0)
		abort();
	mw_framer_init(&f, &heap, 64u << 20);
	ev.io.kind = MW_CHAN_PIPE;
	ev.io.dir = MW_DIR_WRITE;
	ev.io.hdr.type = MW_EV_IO;
	n_out = 0;
	t = now();
	for (off = 0; off < l->n; off += n) {
		const uint8_t *p = l->p + off;

		n = l->n - off;
		if (l->chunk == 0)
			n = (size_t)((const uint8_t *)memchr(p, '\n', n) - p) + 1;
		else if (n > l->chunk)
			n = l->chunk;
		if (n > MW_IO_CHUNK)
			n = MW_IO_CHUNK;
		if (what & STREAM) {
			/* the copy stands for the ring buffer's */
			memcpy(ev.bytes + sizeof(ev.io), p, n);
			ev.io.off = off;
			ev.io.moved = ev.io.captured = (uint32_t)n;
			ev.io.hdr.len = (uint32_t)(sizeof(ev.io) + ((n + 7) & ~(size_t)7));
			if (mw_event_check(&ev, ev.io.hdr.len) <= 0 ||
			    mw_stream_push(s, &ev.io) < 0)
				abort();
			while (mw_stream_next(s, &c) == 1) {
				if (!(what & FRAME)) {
					n_out += c.bytes.n;
					continue;
				}
				mw_framer_push(&f, &c);
				while (mw_framer_next(&f, &fr) == 1)
					take(&fr, what);
			}
		} else {
			c = (struct mw_chunk){ .off = off, .bytes = { p, n } };
			mw_framer_push(&f, &c);
			while (mw_framer_next(&f, &fr) == 1)
				take(&fr, what);
		}
	}
	t = now() - t;
	if ((what & FRAME) && n_out != l->n_msgs)
		abort();
	mw_framer_done(&f);
	mw_stream_free(s);
	return t;
}

/* Only mw_rpc_parse, on lines that lie ready. */
static double run_rpc(const struct load *l)
{
	const uint8_t *p = l->p, *end = l->p + l->n;
	double t = now();
	struct mw_rpc m;

	while (p < end) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));

		if (mw_rpc_parse(mw_slice(p, (size_t)(lf - p)), &m, NULL) < 0)
			abort();
		p = lf + 1;
	}
	return now() - t;
}

static void show(const struct load *l, const char *what, double t, double worst)
{
	printf("%-34s %-13s %6.0f (%6.0f) MB/s %9.1f (%9.1f) k messages/s\n", l->name, what,
	       (double)l->n / t / 1e6, (double)l->n / worst / 1e6, (double)l->n_msgs / t / 1e3,
	       (double)l->n_msgs / worst / 1e3);
}

int main(void)
{
	static struct load loads[] = {
		{ .name = "small (170 B), one a write" },
		{ .name = "small, 8 KiB reads", .chunk = 8192 },
		{ .name = "10 MiB text, 32 KiB chunks", .chunk = 32768 },
		{ .name = "10 MiB of escapes, 32 KiB chunks", .chunk = 32768 },
		{ .name = "10 MiB of rows, 32 KiB chunks", .chunk = 32768 },
	};
	static const struct {
		const char *name;
		unsigned int what;
	} stages[] = {
		{ "event+stream", STREAM },
		{ "frame", FRAME },
		{ "rpc", RPC },
		{ "all", STREAM | FRAME | RPC },
	};

	small(&loads[0], 300000);
	small(&loads[1], 300000);
	large(&loads[2], 10, 10 << 20, 60);
	large(&loads[3], 10, 10 << 20, 6);
	table(&loads[4], 10, 200000);
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		for (size_t k = 0; k < sizeof(stages) / sizeof(stages[0]); k++) {
			double best = 1e9, worst = 0;

			for (int n = 0; n < RUNS; n++) {
				double t = stages[k].what == RPC ? run_rpc(&loads[i])
								 : run(&loads[i], stages[k].what);

				if (t < best)
					best = t;
				if (t > worst)
					worst = t;
			}
			show(&loads[i], stages[k].name, best, worst);
		}
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		free(loads[i].p);
	return 0;
}
