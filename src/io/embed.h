/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.h - a file compiled in: the bytes from `name` up to `name`_end, without a NUL behind them
 *
 * .incbin, because a string literal may not be so long. The Makefile says what depends on the file;
 * its path is from the top folder.
 */
#ifndef MW_IO_EMBED_H
#define MW_IO_EMBED_H

#define MW_EMBED(name, path)                                                                       \
	__asm__(".pushsection .rodata\n"                                                           \
		".global " #name "\n" #name ":\n"                                                  \
		".incbin \"" path "\"\n"                                                           \
		".global " #name "_end\n" #name "_end:\n"                                          \
		".popsection\n");                                                                  \
	extern const char name[] __attribute__((visibility("hidden")));                            \
	extern const char name##_end[] __attribute__((visibility("hidden")))

#endif
