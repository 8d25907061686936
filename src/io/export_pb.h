/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_pb.h - protocol buffers written field by field (protobuf.dev, "Encoding")
 *
 * Messages are built in memory: the length of an inner one is known only at its end. It takes four
 * bytes, padded (a varint may be), so nothing is moved. A failure stays, and is looked at once, at
 * the end of the outermost message.
 */
#ifndef MW_IO_EXPORT_PB_H
#define MW_IO_EXPORT_PB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct mw_pb {
	struct mw_buf buf;
	int r; /* 0, or what failed first */
};

/* Empty; `max` bytes at most. */
void mw_pb_init(struct mw_pb *p, size_t max);
void mw_pb_done(struct mw_pb *p);
/* Drops what was built, its failure too; memory is kept. */
void mw_pb_reset(struct mw_pb *p);

void mw_pb_varint(struct mw_pb *p, unsigned int field, uint64_t v); /* also bool, enum, int64 */
void mw_pb_fixed64(struct mw_pb *p, unsigned int field, uint64_t v);
void mw_pb_bytes(struct mw_pb *p, unsigned int field, struct mw_slice bytes);
void mw_pb_str(struct mw_pb *p, unsigned int field, const char *s);
/* An inner message: what open returns is for close, which ends it; they nest. At most 2^28 - 1
 * bytes. */
size_t mw_pb_open(struct mw_pb *p, unsigned int field);
void mw_pb_close(struct mw_pb *p, size_t at);

#endif
