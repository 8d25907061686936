/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tgz.h - a .tar.gz of plain files that anybody can open, and a reader that takes no other
 *
 * Written: POSIX ustar (IEEE Std 1003.1-1988), each file a gzip member of its own (RFC 1952,
 * section 2.2: members may follow each other), so that a reader can begin at any file; in the end
 * one with the two blocks of zeros. Nothing in it depends on when, where and by whom it was made.
 *
 * Read: exactly that. A file's header must be, byte for byte, the one that is written for its name
 * and length: so there are no links, devices, folders, long names or other extensions, and nothing
 * to be taken in two ways. Nothing is made on disk. What a file expands to is bounded by the length
 * in its header, which the caller sees before it reads on.
 */
#ifndef MW_IO_TGZ_H
#define MW_IO_TGZ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MW_TGZ_NAME_MAX 101		   /* with its NUL */
#define MW_TGZ_FILE_MAX ((1ull << 33) - 1) /* 11 octal digits */
#define MW_SHA256_LEN	32

/*
 * Appends a file to the archive: `size` bytes of from_fd, from its beginning. Its SHA-256 in
 * ret_sha256. 0, -EINVAL (the name), -EFBIG, -ENODATA (from_fd holds fewer), -ENOMEM and others.
 */
int mw_tgz_add(int to_fd, const char *name, int from_fd, uint64_t size,
	       uint8_t ret_sha256[MW_SHA256_LEN]);
/* Ends the archive. 0 or negative errno. */
int mw_tgz_finish(int to_fd);

struct mw_tgz_entry {
	char name[MW_TGZ_NAME_MAX];
	uint64_t size;
	uint64_t at; /* of its gzip member: for mw_tgz_open */
};

struct mw_tgz;

/* A reader of the archive from `at` on (0: all of it; or the `at` of an entry). fd is borrowed,
 * must be a plain file, and any number of readers may share it. 0, -ENOMEM. */
int mw_tgz_open(int fd, uint64_t at, struct mw_tgz **ret);
/*
 * The next file, behind what is left of the one before: 1; 0: the end, and the file ends here too;
 * -EBADMSG: damaged or cut off, -EILSEQ: no archive as mw_tgz_add writes it, and why in mw_tgz_why;
 * -ENOMEM, -EIO and others.
 */
int mw_tgz_next(struct mw_tgz *t, struct mw_tgz_entry *ret);
/* Up to n bytes of the file. 0: no more of it. Errors as above. */
ssize_t mw_tgz_read(struct mw_tgz *t, void *p, size_t n);
const char *mw_tgz_why(const struct mw_tgz *t);
/* Takes NULL. */
void mw_tgz_free(struct mw_tgz *t);

static inline void mw_tgz_freep(struct mw_tgz **t)
{
	mw_tgz_free(*t);
}

/* What the first file of a .tar.gz is called, whoever packed it. 0, -EBADMSG and others as above.
 */
int mw_tgz_first(int fd, char ret[MW_TGZ_NAME_MAX]);

#endif
