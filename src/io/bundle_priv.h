/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_priv.h - the parts of bundle.h among themselves
 *
 *	bundle_make.c	reads logs, writes the files of a bundle
 *	bundle_pack.c	puts them into the archive
 *	bundle_text.c	what the README and the manifest say
 *	bundle_read.c	the archive: which files, how long, which hashes
 *	bundle_verify.c	what the files of a log prove
 */
#ifndef MW_IO_BUNDLE_PRIV_H
#define MW_IO_BUNDLE_PRIV_H

#include "base/buf.h"
#include "io/bundle.h"
#include "io/bundle_tree.h"
#include "io/tgz.h"

#define MW_BUNDLE_TOP	       "mcpwatch-bundle/"
#define MW_BUNDLE_MANIFEST_MAX (1u << 20)
#define MW_BUNDLE_COSIGNED_MAX 16 /* of a log */

/* In the order of the archive. */
enum mw_bundle_kind {
	MW_BUNDLE_README,
	MW_BUNDLE_MANIFEST,
	MW_BUNDLE_PAGE,
	MW_BUNDLE_ORIGIN,
	MW_BUNDLE_VKEYS,
	MW_BUNDLE_CHECKPOINT,
	MW_BUNDLE_COSIGNED,
	MW_BUNDLE_SEALS,
	MW_BUNDLE_TREE,
	MW_BUNDLE_RECORDS,
	MW_BUNDLE_SUMS,
};

/* --- bundle_text.c --- */

/* What the manifest says of a log. */
struct mw_bundle_said {
	char origin[MW_NOTE_NAME_MAX];
	uint64_t sealed, seals, records, left_out, unproved;
	bool tampered; /* it was, when the bundle was made */
	bool has_seq;
	uint64_t seq;
	char text[MW_VERIFY_TEXT];
};

struct mw_bundle_manifest {
	char version[64];
	int64_t made_ns;
	char filter[4096];
	struct mw_bundle_said *logs; /* for free() */
	size_t n_logs;
};

/* 0, -E2BIG, -ENOMEM. */
int mw_bundle_manifest_print(const struct mw_bundle_manifest *m, struct mw_buf *out);
/* 0, -EBADMSG, -EPROTONOSUPPORT (of a newer version), -ENOMEM. */
int mw_bundle_manifest_parse(const char *text, size_t n, struct mw_bundle_manifest *ret);
int mw_bundle_readme_print(const struct mw_bundle_manifest *m, bool page, struct mw_buf *out);
/* A line of SHA256SUMS. */
int mw_bundle_sum_print(const uint8_t sha256[MW_SHA256_LEN], const char *name, struct mw_buf *out);

/* --- bundle_make.c --- */

/* A log, and the files that are made of it. */
struct mw_bundle_part {
	const char *path;
	int dir_fd;
	struct mw_verify_report report;
	FILE *records, *tree, *seals;
	struct mw_range gap; /* left out, and not yet written down */
	struct mw_tlog_tree sum;
	uint64_t next; /* the seq that comes next */
	struct mw_bundle_said said;
	struct mw_buf checkpoint, text;
};

struct mw_bundle_make {
	const struct mw_bundle_config *config;
	struct mw_bundle_part *parts; /* of each input */
	struct mw_bundle_made made;
	int fd;
	struct mw_buf sums;
	char *err;
	size_t err_len;
};

/* Puts the line into m->err. Returns r. */
int mw_bundle_fail(struct mw_bundle_make *m, int r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A file without a name, for fclose. 0 or negative errno with a line. */
int mw_bundle_file_new(struct mw_bundle_make *m, FILE **ret);

/* --- bundle_pack.c --- */

/* Writes the archive to m->fd. 0 or negative errno with a line. */
int mw_bundle_pack(struct mw_bundle_make *m);

/* --- bundle_read.c --- */

struct mw_bundle_file {
	enum mw_bundle_kind kind;
	size_t log; /* from 0; of those that are a log's */
	struct mw_tgz_entry entry;
	uint8_t sha256[MW_SHA256_LEN];
	char *text; /* of the short ones: all of it, a NUL behind; else NULL */
};

struct mw_bundle_read {
	const char *path;
	int fd;
	struct mw_bundle_file *files;
	size_t n_files;
	struct mw_bundle_manifest manifest;
	/* The first file that is not what SHA256SUMS says; NULL: none. */
	const struct mw_bundle_file *odd;
	bool page;
};

/* Goes through the archive once. 0; negative errno and a line. *ret is to be ended with done also
 * on failure. */
int mw_bundle_read(const char *path, char *err, size_t err_len, struct mw_bundle_read *ret);
void mw_bundle_read_done(struct mw_bundle_read *b);
/* A log's file of that kind; NULL: there is none. */
const struct mw_bundle_file *mw_bundle_find(const struct mw_bundle_read *b, size_t log,
					    enum mw_bundle_kind kind);
/* Its name without the folder of the bundle, and without that of the log. */
const char *mw_bundle_name(const struct mw_bundle_file *f);
const char *mw_bundle_name_in_log(const struct mw_bundle_file *f);

#endif
