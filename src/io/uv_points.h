/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_points.h - where in a program libuv's functions stand, and what a probe there is told
 *
 * The exported functions that submit and register are all that is needed: callbacks show themselves
 * there. A symbol table, if the program has one, also names the callbacks that node has, so that
 * the very first call of one is seen, and the functions that libuv's workers run.
 */
#ifndef MW_IO_UV_POINTS_H
#define MW_IO_UV_POINTS_H

#include "io/binary.h"

/* What is read of one program's symbol table and its names. Node 26: 4 and 19 MB. */
#define MW_UV_SYMTAB_MAX (64u << 20)
#define MW_UV_POINTS_MAX 160

struct mw_uv_point {
	uint64_t off;						  /* in the file */
	uint64_t cookie;					  /* loader.h */
	enum { MW_UV_P_CALL, MW_UV_P_BEGIN, MW_UV_P_BOTH } progs; /* BOTH: mw_uv_begin, mw_uv_end */
};

struct mw_uv_points {
	struct mw_uv_point p[MW_UV_POINTS_MAX];
	size_t n;
};

/* 0; -ENOENT: it has no libuv; -EBADMSG a broken file; -ENOMEM, -EFBIG, an errno. */
int mw_uv_points_read(struct mw_binary *b, struct mw_uv_points *ret);

/* Adds one, unless there is one at that place. False: it was there, or there is no room. */
bool mw_uv_points_add(struct mw_uv_points *p, const struct mw_uv_point *at);

#endif
