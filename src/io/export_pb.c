/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_pb.h"

#include <errno.h>

#include "io/heap.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LEN = 2 };

#define LEN_BYTES 4
#define LEN_MAX	  ((1u << 7 * LEN_BYTES) - 1)

void mw_pb_init(struct mw_pb *p, size_t max)
{
	p->r = 0;
	mw_buf_init(&p->buf, &mw_heap, max);
}

void mw_pb_done(struct mw_pb *p)
{
	mw_buf_done(&p->buf);
}

void mw_pb_reset(struct mw_pb *p)
{
	p->r = 0;
	mw_buf_reset(&p->buf, p->buf.cap);
}

static void put(struct mw_pb *p, const void *bytes, size_t n)
{
	if (p->r == 0)
		p->r = mw_buf_append(&p->buf, bytes, n);
}

static void put_varint(struct mw_pb *p, uint64_t v)
{
	uint8_t text[10];
	size_t n = 0;

	while (v >= 0x80) {
		text[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	text[n++] = (uint8_t)v;
	put(p, text, n);
}

static void put_tag(struct mw_pb *p, unsigned int field, unsigned int wire)
{
	put_varint(p, (uint64_t)field << 3 | wire);
}

void mw_pb_varint(struct mw_pb *p, unsigned int field, uint64_t v)
{
	put_tag(p, field, WIRE_VARINT);
	put_varint(p, v);
}

void mw_pb_fixed64(struct mw_pb *p, unsigned int field, uint64_t v)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> 8 * i);
	put_tag(p, field, WIRE_FIXED64);
	put(p, bytes, sizeof(bytes));
}

void mw_pb_bytes(struct mw_pb *p, unsigned int field, struct mw_slice bytes)
{
	put_tag(p, field, WIRE_LEN);
	put_varint(p, bytes.n);
	put(p, bytes.p, bytes.n);
}

void mw_pb_str(struct mw_pb *p, unsigned int field, const char *s)
{
	mw_pb_bytes(p, field, mw_slice_str(s));
}

size_t mw_pb_open(struct mw_pb *p, unsigned int field)
{
	static const uint8_t len[LEN_BYTES] = { 0 };

	put_tag(p, field, WIRE_LEN);
	put(p, len, sizeof(len));
	return p->buf.len;
}

void mw_pb_close(struct mw_pb *p, size_t at)
{
	size_t n;

	if (p->r < 0)
		return;
	n = p->buf.len - at;
	if (n > LEN_MAX) {
		p->r = -E2BIG;
		return;
	}
	for (unsigned int i = 0; i < LEN_BYTES; i++)
		p->buf.p[at - LEN_BYTES + i] =
		    (uint8_t)((n >> 7 * i & 0x7f) | (i + 1 < LEN_BYTES ? 0x80 : 0));
}
