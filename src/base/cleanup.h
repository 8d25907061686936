/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup.h - cleanup attributes: `_cleanup_(mw_x_freep) struct mw_x *x = NULL;` */
#ifndef MW_BASE_CLEANUP_H
#define MW_BASE_CLEANUP_H

#define _cleanup_(f) __attribute__((cleanup(f)))
/* Hands the value over and leaves NULL behind, so that cleanup does not free it. */
#define MW_TAKE(p)                    \
	({                            \
		__typeof__(p) _p = (p); \
		(p) = NULL;           \
		_p;                   \
	})

#endif
