/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_fx.h - a bundle of a made log, and what verify says of it */
#ifndef MW_TESTS_BUNDLE_FX_H
#define MW_TESTS_BUNDLE_FX_H

#include "support_forge.h"

#include <errno.h>
#include <unistd.h>

#include "io/bundle.h"
#include "io/logread.h"
#include "support_bundle.h"

/* One bundle, and what is kept in it. */
struct bx {
	struct fx f;
	char path[48];
	bool keep[FX_LINES];
	uint64_t n_keep;
	struct mw_bundle_made made;
	struct mw_bundle_report *rep;
	char err[512];
	bool wrong; /* the log */
};

static inline bool keep(void *ctx, const struct mw_logrec *rec)
{
	const struct bx *b = ctx;

	return rec->seq < FX_LINES && b->keep[rec->seq];
}

/* As a reading of the log finds it. */
static inline void read_log(struct bx *b, struct mw_export_input *in, struct mw_verify_report *rep)
{
	const char *dir = b->f.dir;
	struct mw_logread *l;
	struct mw_logrec rec;

	*in = (struct mw_export_input){ .path = dir };
	assert_int_equal(mw_logread_new(&dir, 1, false, b->err, sizeof(b->err), &l), 0);
	while (mw_logread_next(l, &rec) == 1)
		;
	if (mw_logread_report(l, 0)) {
		*rep = *mw_logread_report(l, 0);
		in->report = rep;
	}
	b->wrong = mw_logread_tampered(l) != NULL;
	mw_logread_free(l);
}

static inline int make(struct bx *b)
{
	struct mw_export_about about = { .n_inputs = 1,
					 .filter = "--tool 't'",
					 .made_ns = FX_TIME_NS + (int64_t)b->f.n * 1000000 };
	struct mw_bundle_config c = { .about = &about, .keep = keep, .ctx = b, .dir = b->f.dir };
	struct mw_verify_report rep;
	struct mw_export_input in;
	FILE *f;
	int r;

	read_log(b, &in, &rep);
	about.inputs = &in;
	about.wrong = b->wrong ? "tampered" : NULL;
	snprintf(b->path, sizeof(b->path), "%s/b.tgz", b->f.dir);
	f = fopen(b->path, "we");
	assert_non_null(f);
	b->err[0] = '\0';
	r = mw_bundle_make(&c, f, b->err, sizeof(b->err), &b->made);
	assert_true(r == 0 || b->err[0]);
	fclose(f);
	return r;
}

/* The keys are enrolled. */
static inline int verify_with(struct bx *b, const struct mw_verify_config *config)
{
	int r;

	mw_bundle_report_free(b->rep);
	b->rep = NULL;
	r = mw_bundle_verify(b->path, config, b->err, sizeof(b->err), &b->rep);
	assert_true((r == 0) == (b->rep != NULL));
	return r;
}

static inline int verify(struct bx *b)
{
	struct mw_vkey keys[2];
	struct mw_verify_config c = fx_config(&b->f, keys, 1);

	return verify_with(b, &c);
}

static inline void expect_whole(struct bx *b)
{
	if (verify(b) != 0)
		fail_msg("%s", b->err);
	if (b->rep->verdict != MW_LOG_WHOLE)
		fail_msg("%s: %s; %s %s", mw_finding_name(b->rep->logs[0].report.finding),
			 b->rep->logs[0].report.text, b->rep->file, b->rep->text);
}

static inline void done(struct bx *b)
{
	mw_bundle_report_free(b->rep);
	unlink(b->path);
	fx_done(&b->f);
	free(b);
}

static inline struct bx *new_bx(void)
{
	struct bx *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	fx_make(&b->f);
	fx_write(&b->f);
	return b;
}

static inline bool is_type(const struct bx *b, uint64_t seq, const char *type)
{
	char text[32];

	snprintf(text, sizeof(text), "\"type\":\"%s\"", type);
	return strstr(b->f.line[seq], text) != NULL;
}

#endif
