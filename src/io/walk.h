/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h - one description of some bytes that serves both ways: writing them and reading them back,
 * so that the two cannot differ
 *
 * A function goes over a structure and hands each part to mw_walk_raw and what is built on it:
 * where `out` is set, it is appended there; else it is filled from `in`, which is somebody else's
 * word and checked by whoever reads it. The first error stays, and nothing happens after it.
 */
#ifndef MW_IO_WALK_H
#define MW_IO_WALK_H

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/slice.h"

struct mw_walk {
	struct mw_buf *out; /* NULL: reading back from `in` */
	struct mw_slice in; /* what is left of it */
	int r;		    /* 0; -EBADMSG: there is too little; what mw_buf_append fails with */
};

static inline void mw_walk_raw(struct mw_walk *w, void *p, size_t n)
{
	if (w->r < 0 || n == 0)
		return;
	if (w->out) {
		w->r = mw_buf_append(w->out, p, n);
		return;
	}
	if (w->in.n < n) {
		w->r = -EBADMSG;
		return;
	}
	memcpy(p, w->in.p, n);
	w->in.p += n;
	w->in.n -= n;
}

#endif
