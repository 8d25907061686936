/* SPDX-License-Identifier: Apache-2.0 */
/* banned.h - string functions without a length and parsers without errors do not compile.
 * Included by the build before every source file (-include). */
#ifndef MW_BASE_BANNED_H
#define MW_BASE_BANNED_H

/* the headers that declare them come first */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef alloca /* a macro in glibc; poison wants a plain name */
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll alloca
#pragma GCC poison scanf sscanf fscanf

#endif
