/* SPDX-License-Identifier: Apache-2.0 */
#include "io/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/export_out.h"
#include "io/export_pipe.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/survey_priv.h"

/* A host's or server's name, a version: no member of a record is longer. */
#define TEXT_MAX       (4 * MW_RECORD_MAX)
#define CHECKPOINT_MAX (64 << 10)

static int fail(int r, char *err, size_t err_len, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(int r, char *err, size_t err_len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_len, fmt, ap);
	va_end(ap);
	return r;
}

static int no_memory(char *err, size_t err_len)
{
	return fail(-ENOMEM, err, err_len, "not enough memory");
}

/* --- the first reading ---------------------------------------------------------------------------
 */

/* Whether it can be read twice. What cannot be looked at at all, its reader will say. */
static int check_path(const char *path, char *err, size_t err_len)
{
	struct stat st;

	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
		return 0;
	return fail(-ESPIPE, err, err_len,
		    "cannot read %s: it is no file, and a log is read twice; save it as one first",
		    path);
}

/* The newest checkpoint of a folder: its text; NULL: there is none. */
static char *read_checkpoint(const char *dir)
{
	_cleanup_(mw_freep) char *path = NULL, *text = NULL;
	_cleanup_(mw_close) int fd = -1;
	ssize_t n;

	if (asprintf(&path, "%s/checkpoint", dir) < 0) {
		path = NULL;
		return NULL;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	text = fd < 0 ? NULL : malloc(CHECKPOINT_MAX);
	if (!text)
		return NULL;
	n = read(fd, text, CHECKPOINT_MAX - 1);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return MW_TAKE(text);
}

/* What is wrong with what was read, as one text; it stays NULL where nothing is. */
static int note_wrong(struct mw_survey *s, bool failed)
{
	const char *tampered = mw_logread_tampered(s->log), *hole = mw_logread_hole(s->log);
	int r = 0;

	if (tampered && failed)
		r = asprintf(&s->wrong,
			     "the log is tampered or forged: %s; nothing from there on is in this "
			     "export, as it cannot be read: %s",
			     tampered, mw_logread_error(s->log));
	else if (tampered)
		r = asprintf(&s->wrong, "the log is tampered or forged: %s", tampered);
	else if (hole)
		r = asprintf(&s->wrong, "the log is not whole, records are missing: %s", hole);
	if (r < 0) {
		s->wrong = NULL;
		return -ENOMEM;
	}
	s->about.wrong = s->wrong;
	return 0;
}

static int read_once(struct mw_survey *s, char *err, size_t err_len)
{
	struct mw_logrec rec;
	bool all;
	size_t i;
	int r, taken = 0;

	r = mw_logread_new(s->config.paths, s->config.n_paths, false, err, err_len, &s->log);
	if (r < 0)
		return r;
	if (s->config.learn)
		taken = mw_logread_servers(s->log, s->config.learn, s->config.arg, &all);
	while (taken == 0 && (r = mw_logread_next(s->log, &rec)) == 1)
		taken = mw_survey_take(s, &rec);
	if (taken == -E2BIG)
		return fail(taken, err, err_len, "%s: records of more than %d hosts", rec.file,
			    SURVEY_SOURCES_MAX);
	if (taken == -EOVERFLOW)
		return fail(taken, err, err_len, "%s: too many calls to tell apart", rec.file);
	if (taken < 0)
		return no_memory(err, err_len);
	if (r != -ENODATA && !mw_logread_tampered(s->log))
		return fail(r, err, err_len, "%s", mw_logread_error(s->log));
	for (i = 0; i < s->config.n_paths; i++) {
		s->inputs[i].report = mw_logread_report(s->log, i);
		if (s->inputs[i].report)
			s->checkpoints[i] = read_checkpoint(s->config.paths[i]);
	}
	r = note_wrong(s, r != -ENODATA);
	return r < 0 ? no_memory(err, err_len) : 0;
}

/* All names are known, and stay where they are. */
static void name_inputs(struct mw_survey *s)
{
	size_t i;

	for (i = 0; i < s->config.n_paths; i++) {
		const struct survey_input *m = &s->marks[i];
		struct mw_export_input *in = &s->inputs[i];

		in->path = s->config.paths[i];
		in->host = m->host ? mw_intern_str(&s->hosts, m->host - 1) : "";
		in->version = m->version ? mw_intern_str(&s->versions, m->version - 1) : "";
		in->checkpoint = s->checkpoints[i] ? s->checkpoints[i] : "";
	}
}

static int make_survey(const struct mw_survey_config *config, struct mw_survey **ret)
{
	_cleanup_(mw_survey_freep) struct mw_survey *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->config = *config;
	mw_buf_init(&s->tmp, &mw_heap, TEXT_MAX);
	s->filter = strdup(config->filter);
	s->inputs = calloc(config->n_paths, sizeof(*s->inputs));
	s->checkpoints = calloc(config->n_paths, sizeof(*s->checkpoints));
	s->marks = calloc(config->n_paths, sizeof(*s->marks));
	if (!s->filter || !s->inputs || !s->checkpoints || !s->marks)
		return -ENOMEM;
	s->about.filter = s->filter;
	s->about.made_ns = config->now_ns;
	s->about.inputs = s->inputs;
	s->about.n_inputs = config->n_paths;
	*ret = MW_TAKE(s);
	return 0;
}

int mw_survey_new(const struct mw_survey_config *config, char *err, size_t err_len,
		  struct mw_survey **ret)
{
	_cleanup_(mw_survey_freep) struct mw_survey *s = NULL;
	size_t i;
	int r;

	if (config->n_paths > MW_SURVEY_INPUTS_MAX)
		return fail(-E2BIG, err, err_len, "at most %d logs are read together",
			    MW_SURVEY_INPUTS_MAX);
	for (i = 0; i < config->n_paths; i++) {
		r = check_path(config->paths[i], err, err_len);
		if (r < 0)
			return r;
	}
	r = make_survey(config, &s);
	if (r < 0)
		return no_memory(err, err_len);
	r = read_once(s, err, err_len);
	if (r < 0)
		return r;
	r = mw_survey_finish(s);
	if (r < 0)
		return no_memory(err, err_len);
	name_inputs(s);
	*ret = MW_TAKE(s);
	return 0;
}

void mw_survey_free(struct mw_survey *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->hosts.n; i++)
		free(s->sources[i].e);
	for (i = 0; s->checkpoints && i < s->config.n_paths; i++)
		free(s->checkpoints[i]);
	for (i = 0; i < NAME_KINDS; i++)
		mw_survey_names_done(&s->names[i]);
	mw_intern_done(&s->hosts);
	mw_intern_done(&s->ids);
	mw_intern_done(&s->versions);
	mw_pairs_done(&s->pairs);
	mw_buf_done(&s->tmp);
	free(s->sources);
	free(s->calls);
	free(s->more);
	free(s->sides);
	free(s->inputs);
	mw_logread_free(s->log);
	free(s->checkpoints);
	free(s->marks);
	free(s->filter);
	free(s->wrong);
	free(s);
}

const struct mw_export_about *mw_survey_about(const struct mw_survey *s)
{
	return &s->about;
}

uint64_t mw_survey_read(const struct mw_survey *s)
{
	return s->n_read;
}

/* --- the second reading --------------------------------------------------------------------------
 */

static struct mw_export_item make_item(const struct mw_survey *s, const struct mw_logrec *rec,
				       uint32_t source, const struct survey_entry *e)
{
	struct mw_export_item item = {
		.rec = rec,
		.host = mw_intern_str(&s->hosts, source),
		.tie = { .call = "", .link = "", .confidence = "" },
		.joined = "",
	};

	if (e->type == TYPE_EFFECT) {
		item.tie = (struct mw_export_tie){
			.call = e->call ? mw_intern_str(&s->ids, e->call - 1) : "",
			.link = e->link ? mw_survey_links[e->link - 1] : "",
			.confidence = e->confidence ? mw_survey_confidences[e->confidence - 1] : "",
			.settled = e->flags & ENTRY_SETTLED,
		};
	} else if (e->type == TYPE_CALL && e->call && s->calls[e->call - 1].peer) {
		item.joined = mw_intern_str(&s->ids, s->calls[e->call - 1].peer - 1);
	}
	return item;
}

static int give(struct mw_survey *s, const struct mw_logrec *rec, struct mw_export_pipe *out)
{
	const struct survey_entry *entry;
	struct mw_export_item item;
	struct survey_source *src;
	uint32_t source;
	int r;

	r = mw_survey_source(s, rec, false, &source);
	if (r < 0)
		return r;
	src = &s->sources[source];
	entry = &src->e[src->at++];
	if (!(entry->flags & ENTRY_EXPORT))
		return 0;
	item = make_item(s, rec, source, entry);
	return mw_export_pipe_item(out, &item);
}

static int read_again(struct mw_survey *s, struct mw_exporter *e, char *err, size_t err_len)
{
	_cleanup_(mw_export_pipe_freep) struct mw_export_pipe *out = NULL;
	struct mw_logrec rec;
	uint64_t left;
	size_t i;
	int r;

	for (i = 0; i < s->hosts.n; i++)
		s->sources[i].at = 0;
	for (i = 0; i < s->config.n_paths; i++)
		s->marks[i].last = 0;
	if (mw_logread_again(s->log) < 0)
		return fail(-EIO, err, err_len, "%s", mw_logread_error(s->log));
	r = mw_export_pipe_new(e, &out);
	if (r < 0)
		return no_memory(err, err_len);
	/* where the first reading failed, this one stops before it */
	for (left = s->n_read; left > 0; left--) {
		r = mw_logread_next(s->log, &rec);
		if (r != 1)
			return fail(r == 0 ? -EIO : r, err, err_len, "%s",
				    mw_logread_error(s->log));
		r = give(s, &rec, out);
		if (r < 0)
			return fail(r, err, err_len, "%s", strerror(-r));
	}
	r = mw_export_pipe_finish(out);
	return r < 0 ? fail(r, err, err_len, "%s", strerror(-r)) : 0;
}

int mw_survey_export(struct mw_survey *s, struct mw_exporter *e, char *err, size_t err_len)
{
	int r;

	r = e->ops->begin(e, &s->about);
	r = r < 0 ? r : mw_export_flush(e);
	if (r < 0)
		return fail(r, err, err_len, "%s", strerror(-r));
	if (s->n_read > 0) {
		r = read_again(s, e, err, err_len);
		if (r < 0)
			return r;
	}
	r = e->ops->end(e);
	r = r < 0 ? r : mw_export_flush(e);
	return r < 0 ? fail(r, err, err_len, "%s", strerror(-r)) : 0;
}
