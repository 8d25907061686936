/* SPDX-License-Identifier: Apache-2.0 */
/* diff_http.h - between diff_http.c and diff_http_make.c */
#ifndef MW_TESTS_DIFF_HTTP_H
#define MW_TESTS_DIFF_HTTP_H

#include "fuzz.h"

#include "base/buf.h"

#define DIFF_STREAM_MAX 65536u

/* What comes after depends on it alone. */
void diff_seed(uint64_t seed);
/* Below n > 0. */
size_t diff_random(size_t n);
/* One stream in place of what b holds. */
void diff_stream_make(struct mw_buf *b, bool response);

#endif
