/* SPDX-License-Identifier: Apache-2.0 */
/* pcre.h - PCRE2 with the core's memory */
#ifndef MW_CORE_PCRE_H
#define MW_CORE_PCRE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/alloc.h"

/* All that is made with it gets its memory from `a`, which is borrowed. NULL: none. */
pcre2_general_context *mw_pcre_context(const struct mw_alloc *a);

#endif
