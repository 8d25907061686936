/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binary.h - reads an ELF file that somebody else made
 *
 * For 64-bit little-endian ELF, all a runtime is looked for in. The file is hostile: every offset
 * and length is checked against the file's size, no table is read beyond the limits below, and no
 * more than MW_BINARY_READ_MAX bytes in all are read through one struct. Reading may block where
 * the file system does (FUSE, NFS): io/looker.h. Formats: the System V ABI, gABI chapters 4 and 5;
 * DT_GNU_HASH as glibc's elf/dl-lookup.c reads it.
 */
#ifndef MW_IO_BINARY_H
#define MW_IO_BINARY_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_BINARY_READ_MAX     (4u << 20)
#define MW_BINARY_SEGMENTS_MAX 64
#define MW_BINARY_SECTIONS_MAX 256
#define MW_BINARY_DYNAMIC_MAX  256

struct mw_binary {
	int fd;
	uint64_t size;
	uint64_t left; /* bytes that may still be read */
	uint64_t dev, ino, mtime_ns, ctime_ns;
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MW_BINARY_SEGMENTS_MAX];
	size_t n_ph;
};

/*
 * The program that a process runs: the very file, whatever its path names by now. 0; -ESRCH no such
 * process (or one of the kernel); -ENOEXEC not such an ELF file; -EBADMSG a broken one; or another
 * errno.
 */
int mw_binary_open(uint32_t pid, struct mw_binary *ret);
/* The same for any file, here by its path; it must be a regular one. */
int mw_binary_open_path(const char *path, struct mw_binary *ret);
/* Takes one that was zeroed or opened, and leaves it so that it may come again. */
void mw_binary_close(struct mw_binary *b);

/* Exactly `len` bytes of the file. 0; -EBADMSG beyond its end; -EFBIG too much was read; an errno.
 */
int mw_binary_read(struct mw_binary *b, uint64_t off, void *buf, size_t len);
/* Exactly `len` bytes that a PT_LOAD segment maps at `addr` (not yet relocated). As above. */
int mw_binary_read_addr(struct mw_binary *b, uint64_t addr, void *buf, size_t len);

/* The section of this name. 0; -ENOENT: none, or it has no sections; -EBADMSG, -EFBIG. */
int mw_binary_section(struct mw_binary *b, const char *name, Elf64_Shdr *ret);
/* A symbol it defines and exports, by DT_GNU_HASH. 0; -ENOENT; -EBADMSG, -EFBIG. */
int mw_binary_symbol(struct mw_binary *b, const char *name, Elf64_Sym *ret);
/* Whether it needs a library whose name begins so (DT_NEEDED): 1, 0, -EBADMSG, -EFBIG. */
int mw_binary_needs(struct mw_binary *b, const char *prefix);

#endif
