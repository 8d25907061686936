/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.h - one archive to hand over: records of sealed logs, and what proves them
 *
 * A .tar.gz (tgz.h) of these files, in this order, all in the folder mcpwatch-bundle:
 *
 *	README.txt		what it is, how to check it
 *	manifest.json		when, by which filters, of which logs, how many
 *	timeline.html		the page; may be missing
 *	log-1/origin		of each log, log-1 to log-<n>: its name,
 *	log-1/vkeys		its verifier keys,
 *	log-1/checkpoint	the signed note of the last seal in here,
 *	log-1/cosigned/<key id>	what witnesses have cosigned,
 *	log-1/seals.jsonl	all seals from epoch 0,
 *	log-1/tree		the hashes (bundle_tree.h),
 *	log-1/records.jsonl	the records: exact lines, by seq
 *	SHA256SUMS		of all before, as sha256sum(1) writes it
 *
 * Beside the records that were asked for there are, always, those of type `seal`, in which the next
 * keys stand, and `daemon`, which say what the log went through.
 *
 * What is proved: each record is in the log, at its place, as it was sealed, by the seal of its own
 * epoch (verify.h); and how many others there are. Not proved: that these are all that the filters
 *let through; the README, the manifest and the page, which nobody signs. What stands in the page
 *stands in the records, too.
 */
#ifndef MW_IO_BUNDLE_H
#define MW_IO_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "io/exporter.h"
#include "io/verify.h"

#define MW_BUNDLE_VERSION  1
#define MW_BUNDLE_LOGS_MAX 64

/* --- making one (bundle_make.c) --- */

struct mw_bundle_config {
	/* Of a reading of the logs (survey.h): which, how far they are sealed, by which filters,
	 * when, and whether they are tampered with. Log folders only, MW_BUNDLE_LOGS_MAX at most.
	 */
	const struct mw_export_about *about;
	/* Asked of each record, of each log in its order. */
	bool (*keep)(void *ctx, const struct mw_logrec *rec);
	void *ctx;
	const char *dir; /* for what is not yet in order: files without a name */
	FILE *page;	 /* a plain file, read from its beginning; NULL: there is none */
};

struct mw_bundle_made {
	uint64_t records;  /* in it, proved */
	uint64_t left_out; /* sealed ones that are not */
	uint64_t unproved; /* in it, behind the last seal */
	uint64_t waiting;  /* not in it: behind the last seal of a log that is being written */
};

/*
 * Reads the logs once more and writes the bundle to `out`, a plain file. Of a log that is tampered
 * with there is what is proved, with its proof, and what is asked for of the rest, and the bundle
 * says so. Two bundles of the same differ only in the time they were made. 0; on failure err holds
 * one line: -EINVAL (not sealed), -EKEYREJECTED (tampered with or forged from its first record on),
 * -EAGAIN (what was read first was another later) and others.
 */
int mw_bundle_make(const struct mw_bundle_config *config, FILE *out, char *err, size_t err_len,
		   struct mw_bundle_made *ret);

/* A file without a name in dir, to be written and read; NULL and errno. */
FILE *mw_bundle_temporary(const char *dir);

/* --- verifying one (bundle_verify.c) --- */

struct mw_bundle_log {
	char folder[16]; /* "log-1" */
	struct mw_verify_report report;
	uint64_t records;  /* in it, proved, seals among them */
	uint64_t left_out; /* sealed, known by their hashes only */
	uint64_t unproved; /* in it, behind the last seal */
};

struct mw_bundle_report {
	enum mw_verdict verdict;   /* the worst of all */
	char text[MW_VERIFY_TEXT]; /* what is wrong with the bundle; "": nothing, but its logs */
	char file[MW_VERIFY_TEXT / 4]; /* of which file in it */
	/* What the manifest says, which nothing proves. */
	char version[64]; /* of the mcpwatch that made it */
	int64_t made_ns;
	char filter[4096];
	bool page;
	struct mw_bundle_log *logs;
	size_t n_logs;
};

/* Whether a file begins as a bundle does. */
bool mw_bundle_is(const char *path);
/* Whether an archive, packed by whomever, calls itself a bundle. */
bool mw_bundle_claims(const char *path);
/*
 * All of it. 0 and the report; on failure err holds one line: -EBADMSG (damaged, cut off), -EILSEQ
 * (packed otherwise than a bundle is, or with other files), -EPROTONOSUPPORT (of a newer version),
 * -EINVAL (an anchor cannot be used) and others.
 */
int mw_bundle_verify(const char *path, const struct mw_verify_config *config, char *err,
		     size_t err_len, struct mw_bundle_report **ret);
/* Takes NULL. */
void mw_bundle_report_free(struct mw_bundle_report *r);

static inline void mw_bundle_report_freep(struct mw_bundle_report **r)
{
	mw_bundle_report_free(*r);
}

#endif
