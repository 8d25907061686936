/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h - the segments of a log, plain or compressed, to be read
 *
 * A finished segment may be compressed (zstd, RFC 8878: any number of frames) under the same name with
 * ".zst" behind it. Where both are there, compressing it was not finished: the plain one counts.
 */
#ifndef MW_IO_SEGMENT_H
#define MW_IO_SEGMENT_H

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The name of a segment in DIR/seg. */
#define MW_SEGMENT_NAME_FMT "%020" PRIu64 ".jsonl"
#define MW_SEGMENT_NAME_LEN 26
bool mw_segment_name_parse(const char *name, uint64_t *ret_first_seq);
/* Opens the folder of segments anew, to be read from its beginning; for closedir(). 0 or negative
 * errno. */
int mw_segments_open(int seg_dir_fd, DIR **ret);

#define MW_SEGMENT_FILE_MAX 40 /* of a name, with its NUL */

struct mw_segment {
	uint64_t first; /* the seq that its name says */
	bool zst;
};

/* What there is in the folder, by first. 0, -ENOMEM and others. *ret is for free(). */
int mw_segments_list(int seg_dir_fd, struct mw_segment **ret, size_t *ret_n);
void mw_segment_file(const struct mw_segment *s, char ret[MW_SEGMENT_FILE_MAX]);

/*
 * Before a segment is deleted: appends its seal records, the exact lines, to DIR/pruned.jsonl, and that
 * is on disk when it returns 0. The next key stands in each of them, so that the seals behind can still
 * be proved: their hashes are in the tiles. Can be done again.
 */
#define MW_SEGMENT_KEPT "pruned.jsonl"
int mw_segment_keep_seals(int dir_fd, int seg_dir_fd, const struct mw_segment *s);

struct mw_segread;

/* Opens it; a link or anything that is no plain file is refused with -ELOOP, -EINVAL. 0, -ENOMEM and
 * others. */
int mw_segread_open(int seg_dir_fd, const struct mw_segment *s, struct mw_segread **ret);
/* Up to n of its bytes, uncompressed. > 0; 0: no more, for now where it is plain; -EBADMSG: what is
 * compressed is damaged or cut off; others. */
ssize_t mw_segread_read(struct mw_segread *r, void *p, size_t n);
/* Goes on at this of its bytes, uncompressed. What is compressed is read again up to there. 0, or as
 * mw_segread_read, -EBADMSG also where it has not so many. */
int mw_segread_seek(struct mw_segread *r, uint64_t off);
/* Takes NULL. */
void mw_segread_free(struct mw_segread *r);

static inline void mw_segread_freep(struct mw_segread **r)
{
	mw_segread_free(*r);
}

#endif
