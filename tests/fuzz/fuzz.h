/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what the fuzzers share: memory, and a check that ends the run */
#ifndef MW_TESTS_FUZZ_H
#define MW_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define FUZZ_CHECK(x)                                                             \
	do {                                                                      \
		if (!(x)) {                                                       \
			dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #x);        \
			abort();                                                  \
		}                                                                 \
	} while (0)

/* What the verbs say of wrong options is not what a fuzzer has to tell. */
static inline void fuzz_quiet(void)
{
	stderr = fopen("/dev/null", "we");
	FUZZ_CHECK(stderr);
}

static inline void *fuzz_resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	(void)old;
	if (n)
		return realloc(p, n);
	free(p);
	return NULL;
}

static const struct mw_alloc fuzz_alloc = { .resize = fuzz_resize };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
