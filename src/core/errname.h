/* SPDX-License-Identifier: Apache-2.0 */
/* errname.h - what the kernel calls its errors */
#ifndef MW_CORE_ERRNAME_H
#define MW_CORE_ERRNAME_H

#include <stdint.h>

/* "ok" for ret >= 0, else the name of errno -ret ("ENOENT"), both static; if it has none
 * "E<number>", written to buf, or "E?" where no errno can be (below -4095). */
const char *mw_errno_name(int64_t ret, char buf[16]);

#endif
