/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.c - the verb `bundle`: one archive with records and what proves them
 *
 * The survey says which records are meant, and hands them to the page; what the page was given is
 * what goes into the bundle.
 */
#include "io/bundle.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/choice.h"
#include "cli/cli.h"
#include "cli/filter_options.h"
#include "io/file.h"
#include "io/outfile.h"
#include "io/survey.h"

struct args {
	struct mw_cli_list logs;
	struct mw_choice choice;
	const char *output;
	bool json;
};

/* --- what the page is given ---------------------------------------------------------------------
 */

/* Passes all on to the page, and keeps which records they were. */
struct tee {
	struct mw_exporter e;
	struct mw_exporter *page;
	struct seen {
		uint64_t *seq; /* ascending */
		size_t n, cap, at;
	} seen[MW_BUNDLE_LOGS_MAX];
};

/* What the page has become goes on to where all goes. */
static int pass_on(struct tee *t, int r)
{
	struct mw_outbuf *page = &t->page->out;

	mw_out_slice(&t->e.out, mw_slice(page->p, page->len));
	page->len = 0;
	return r < 0 ? r : mw_out_error(page);
}

static int tee_begin(struct mw_exporter *e, const struct mw_export_about *about)
{
	struct tee *t = (struct tee *)e;

	return pass_on(t, t->page->ops->begin(t->page, about));
}

static int tee_item(struct mw_exporter *e, const struct mw_export_item *item)
{
	struct tee *t = (struct tee *)e;
	struct seen *s = &t->seen[item->rec->input];

	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 1024;
		uint64_t *p = reallocarray(s->seq, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->seq = p;
		s->cap = cap;
	}
	s->seq[s->n++] = item->rec->seq;
	return pass_on(t, t->page->ops->item(t->page, item));
}

static int tee_end(struct mw_exporter *e)
{
	struct tee *t = (struct tee *)e;

	return pass_on(t, t->page->ops->end(t->page));
}

static const struct mw_exporter_ops tee_ops = { .begin = tee_begin,
						.item = tee_item,
						.end = tee_end };

static bool keep(void *ctx, const struct mw_logrec *rec)
{
	struct tee *t = ctx;
	struct seen *s = &t->seen[rec->input];

	while (s->at < s->n && s->seq[s->at] < rec->seq)
		s->at++;
	return s->at < s->n && s->seq[s->at] == rec->seq;
}

static void tee_done(struct tee *t)
{
	size_t i;

	for (i = 0; i < MW_BUNDLE_LOGS_MAX; i++)
		free(t->seen[i].seq);
	mw_exporter_freep(&t->page);
	mw_out_done(&t->e.out);
}

/* --- the verb -----------------------------------------------------------------------------------
 */

static int say(const struct args *a, const struct mw_bundle_made *made, const char *wrong)
{
	cJSON *o;
	char *text;

	if (!a->json) {
		printf("%s: %" PRIu64 " records with their proofs; %" PRIu64
		       " others are left out, their hashes are in it\n",
		       a->output, made->records, made->left_out);
		if (made->unproved)
			printf("and %" PRIu64
			       " records behind the last seal, which nothing proves\n",
			       made->unproved);
		if (made->waiting)
			printf("not in it: %" PRIu64 " records that are not sealed yet\n",
			       made->waiting);
		return mw_cli_stdout_done();
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "bundle", a->output);
	cJSON_AddNumberToObject(o, "records", (double)made->records);
	cJSON_AddNumberToObject(o, "left_out", (double)made->left_out);
	cJSON_AddNumberToObject(o, "unproved", (double)made->unproved);
	cJSON_AddNumberToObject(o, "waiting", (double)made->waiting);
	cJSON_AddBoolToObject(o, "tampered", wrong != NULL);
	text = cJSON_PrintUnformatted(o);
	puts(text ? text : "");
	cJSON_free(text);
	cJSON_Delete(o);
	return mw_cli_stdout_done();
}

/* The page, and which records are on it. */
static int make_page(struct mw_survey *s, FILE *page, struct tee *t, char *err, size_t err_len)
{
	int r = mw_export_html_new(page, &t->page);

	t->e = (struct mw_exporter){ .ops = &tee_ops, .to = page };
	if (r < 0)
		snprintf(err, err_len, "not enough memory");
	else
		r = mw_survey_export(s, &t->e, err, err_len);
	if (r == 0 && fflush(page) != 0) {
		r = -errno;
		snprintf(err, err_len, "cannot write the page: %s", strerror(-r));
	}
	return r;
}

static int make(struct mw_survey *s, const char *dir, FILE *out, struct mw_bundle_made *ret,
		char *err, size_t err_len)
{
	FILE *page = mw_bundle_temporary(dir);
	struct tee t = { .page = NULL };
	const struct mw_bundle_config config = {
		.about = mw_survey_about(s), .keep = keep, .ctx = &t, .dir = dir, .page = page
	};
	int r;

	if (!page) {
		r = -errno;
		snprintf(err, err_len, "cannot make a file in %s: %s", dir, strerror(-r));
		return r;
	}
	errno = 0;
	r = make_page(s, page, &t, err, err_len);
	if (r < 0 && ferror(page))
		snprintf(err, err_len, "cannot write the page in %s: %s", dir,
			 strerror(errno ? errno : EIO));
	if (r == 0)
		r = mw_bundle_make(&config, out, err, err_len, ret);
	tee_done(&t);
	fclose(page);
	return r;
}

static int bundle(struct args *a)
{
	static const char *const fallback[] = { MW_DEFAULT_LOG };
	_cleanup_(mw_survey_freep) struct mw_survey *s = NULL;
	_cleanup_(mw_outfile_freep) struct mw_outfile *out = NULL;
	_cleanup_(mw_freep) char *path = strdup(a->output);
	struct mw_survey_config config = { .paths = a->logs.n ? a->logs.p : fallback,
					   .n_paths = a->logs.n ? a->logs.n : 1,
					   .filter = mw_filter_text(&a->choice.filter),
					   .match = mw_choice_match,
					   .learn = a->choice.filter.servers.n ? mw_choice_learn : NULL,
					   .arg = &a->choice };
	char err[2 * MW_ERR_MAX];
	struct mw_bundle_made made;
	const char *wrong;
	struct timespec now;
	int r;

	if (!path)
		return mw_cli_fail("not enough memory");
	if (config.n_paths > MW_BUNDLE_LOGS_MAX)
		return mw_cli_usage("bundle",
				    "%zu logs are more than the %d that go into one bundle",
				    config.n_paths, MW_BUNDLE_LOGS_MAX);
	clock_gettime(CLOCK_REALTIME, &now);
	config.now_ns = (int64_t)now.tv_sec * 1000000000;
	r = mw_outfile_open(a->output, err, sizeof(err), &out);
	if (r == 0)
		r = mw_survey_new(&config, err, sizeof(err), &s);
	if (r == 0)
		r = make(s, dirname(path), mw_outfile_stream(out), &made, err, sizeof(err));
	if (r == 0)
		r = mw_outfile_commit(out, err, sizeof(err));
	if (r < 0) {
		mw_cli_fail("%s", err);
		return r == -EKEYREJECTED ? MW_EXIT_TAMPERED : MW_EXIT_FAIL;
	}
	wrong = mw_survey_about(s)->wrong;
	if (say(a, &made, wrong) != MW_EXIT_OK)
		return MW_EXIT_FAIL;
	if (wrong)
		mw_cli_fail("DO NOT RELY ON %s, as it says itself: %s", a->output, wrong);
	return wrong ? MW_EXIT_TAMPERED : MW_EXIT_OK;
}

#define AT(member) offsetof(struct args, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("output", 'o', "FILE", AT(output),
		       "the archive; written beside and put in place when it is whole"),
	MW_OPTION_LIST("log", 0, "DIR", AT(logs),
		       "a log folder; repeatable: of several hosts, each with its own proof "
		       "(default " MW_DEFAULT_LOG ")"),
	MW_OPTION_FLAG("json", 0, AT(json), "what is in it, as one JSON object"),
	MW_FILTER_ROWS(AT(choice.filter), mw_filter_take),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "bundle -o FILE [OPTION...] [FILTER...]",
	.what = "One archive (.tar.gz) to hand over: the records that the filters let through,\n"
		"what proves that each is in the sealed log unchanged, the log's seals and public\n"
		"keys, and the timeline as a page. 'mcpwatch verify FILE' checks it on any\n"
		"machine, without root; README.txt in it says how other software does. Records\n"
		"that the log itself writes (seals, starts, stops) are always in it; of all\n"
		"others it has the hashes.\n",
	.table = table,
	.after = MW_FILTER_AFTER
	"\n"
	"Exit status: 0 done, 3 a log is tampered or forged (and the bundle says so), 1\n"
	"could not, 2 wrong usage.\n",
};

int cmd_bundle(int argc, char **argv)
{
	struct args a = { 0 };
	int status;

	status = mw_options_parse(&options, argc, argv, &a);
	if (status == MW_OPTIONS_GO_ON) {
		if (optind < argc)
			status = mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
		else if (!a.output || strcmp(a.output, "-") == 0)
			status = mw_cli_usage(argv[0], "which file? (-o F)");
		else
			status = bundle(&a);
	}
	mw_choice_done(&a.choice);
	mw_cli_list_done(&a.logs);
	return status;
}
