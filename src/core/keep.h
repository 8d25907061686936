/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep.h - a message that is being gathered: whole up to a size, beyond it its head and its tail
 */
#ifndef MW_CORE_KEEP_H
#define MW_CORE_KEEP_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

struct mw_keep {
	uint64_t len; /* bytes added */
	bool cut;     /* more than max: what is kept is head and tail */
	struct mw_buf buf; /* after mw_keep_slice it holds that and nothing else, and may be emptied */
	/* private */
	size_t max, head, tail;
	size_t ring_pos; /* where the next byte goes in the tail */
};

/* Allocates nothing yet. max: longest kept whole; head + tail <= max, tail > 0. */
void mw_keep_init(struct mw_keep *k, const struct mw_alloc *a, size_t max, size_t head,
		  size_t tail);
/* Frees what it holds; usable again. */
void mw_keep_done(struct mw_keep *k);
/* Empty; keeps memory up to `bytes`. */
void mw_keep_reset(struct mw_keep *k, size_t bytes);
/* 0, -ENOMEM: nothing happened. */
int mw_keep_add(struct mw_keep *k, const void *p, size_t n);
/* What is kept; if cut, head then tail. Borrowed until the next call. */
struct mw_slice mw_keep_slice(struct mw_keep *k);

#endif
