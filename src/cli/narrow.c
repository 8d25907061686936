/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/narrow.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/filter.h"
#include "io/file.h"
#include "io/index.h"
#include "io/logread.h"
#include "io/render.h"

struct asked {
	const struct mw_filter *f;
	const char *const *types;
};

/* By name, of those that ask for something: what leaves out narrows nothing. */
static const struct mw_patterns *patterns(const struct mw_filter *f, enum mw_index_field field)
{
	switch (field) {
	case MW_INDEX_SERVER:
		return &f->servers;
	case MW_INDEX_TOOL:
		return &f->tools;
	case MW_INDEX_KIND:
		return &f->kinds;
	case MW_INDEX_TARGET:
		return &f->targets;
	case MW_INDEX_PRINCIPAL:
		return &f->principals;
	case MW_INDEX_ALERT:
		return &f->alerts;
	case MW_INDEX_STATUS:
		return &f->statuses;
	case MW_INDEX_CALL:
		return &f->calls;
	case MW_INDEX_SESSION:
		return &f->sessions;
	case MW_INDEX_HOST:
		return &f->hosts;
	case MW_INDEX_PID:
		return &f->pids;
	default:
		return NULL;
	}
}

static bool match(const void *arg, enum mw_index_field field, struct mw_slice value)
{
	const struct mw_filter *f = ((const struct asked *)arg)->f;
	struct mw_matched m = { 0 };
	unsigned int i;

	switch (field) {
	case MW_INDEX_SEVERITY:
		/* the record itself says whether it is grave enough */
		return true;
	case MW_INDEX_ARGS:
		for (i = 0; i < f->n_args_hmac; i++)
			if (mw_slice_eq_str(value, f->args_hmac[i]))
				return true;
		return false;
	case MW_INDEX_TARGET:
		mw_patterns_target(&f->targets, value, &m);
		return m.yes;
	case MW_INDEX_SERVER:
		/* what a line shows of a key is a name of its server, too */
		mw_patterns_name(&f->servers, mw_render_key(value), &m);
		break;
	default:
		break;
	}
	mw_patterns_name(patterns(f, field), value, &m);
	return m.yes;
}

static bool type(const void *arg, const char *name)
{
	const struct asked *a = arg;
	const struct mw_logrec rec = { .type = name,
				       .time_ns = a->f->have_since   ? a->f->since_ns
						  : a->f->have_until ? a->f->until_ns - 1
								     : 0 };

	return mw_filter_head(a->f, &rec, a->types);
}

static int narrow(struct mw_logread *l, size_t input, const char *path,
		  const struct mw_index_query *q, const char *index)
{
	struct mw_index_plan *plan;
	char err[MW_ERR_MAX] = "";
	struct stat st;
	int r;

	/* a file of records has none */
	if (!index && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
		return 0;
	r = mw_index_ask(path, index, q, err, sizeof(err), &plan);
	if (r <= 0) {
		if (err[0])
			mw_cli_fail("%s; the log is read without it, see 'mcpwatch index --help'",
				    err);
		return 0;
	}
	return mw_logread_narrow(l, input, plan);
}

struct mw_logread *mw_cli_open_narrow(const struct mw_cli_list *logs, bool follow,
				      const struct mw_index_query *q, const char *index)
{
	static const char *const fallback[] = { MW_DEFAULT_LOG };
	const char *const *paths = logs->n ? logs->p : fallback;
	const size_t n = logs->n ? logs->n : 1;
	struct mw_logread *l = mw_cli_open_logs(logs, follow);
	size_t i;

	if (!l || (index && strcmp(index, "none") == 0))
		return l;
	if (index && n > 1) {
		mw_cli_fail("--index is of one log");
		mw_logread_free(l);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		if (narrow(l, i, paths[i], q, index) == 0)
			continue;
		/* what it says of the verifier is not this log's */
		mw_logread_free(l);
		mw_cli_fail("the index of %s does not fit it; the log is read without it",
			    paths[i]);
		return mw_cli_open_logs(logs, follow);
	}
	return l;
}

static int learn(void *arg, const struct mw_logrec *rec)
{
	return mw_filter_learn(arg, rec);
}

/* Who is called what, before the first record is held against it. */
static struct mw_logread *learn_servers(struct mw_logread *l, struct mw_filter *f)
{
	bool all;

	if (!l || !f->servers.n)
		return l;
	if (mw_logread_servers(l, learn, f, &all) < 0) {
		mw_cli_fail("not enough memory");
		mw_logread_free(l);
		return NULL;
	}
	if (!all)
		mw_cli_fail(
		    "what comes through a pipe is read once: of a server it is what follows "
		    "its name");
	if (mw_filter_missed(f))
		mw_cli_fail("there are too many servers to know all by name: give a server's id to "
			    "be sure of it");
	return l;
}

static struct mw_logread *open_filtered(const struct mw_cli_list *logs, bool follow,
					struct mw_filter *f, const char *const *types,
					bool all_tools, const char *index)
{
	const struct asked a = { f, types };
	struct mw_index_query q = {
		.have_since = f->have_since,
		.since_ns = f->since_ns,
		.have_until = f->have_until,
		.until_ns = f->until_ns,
		.all_effects = mw_filter_asks_effects(f),
		.match = match,
		.type = type,
		.text = f->have_grep ? f->grep_part : mw_slice(NULL, 0),
		.all_tools = all_tools,
		.arg = &a,
	};
	unsigned int i;

	for (i = 0; i < MW_INDEX_ASKED; i++) {
		const struct mw_patterns *l = patterns(f, (enum mw_index_field)i);

		if (l && l->n_yes)
			q.asked |= 1u << i;
	}
	if (f->severity)
		q.asked |= 1u << MW_INDEX_SEVERITY;
	if (f->n_args_hmac)
		q.asked |= 1u << MW_INDEX_ARGS;
	return learn_servers(mw_cli_open_narrow(logs, follow, &q, index), f);
}

struct mw_logread *mw_cli_open_filtered(const struct mw_cli_list *logs, bool follow,
					struct mw_filter *f, const char *const *types,
					const char *index)
{
	return open_filtered(logs, follow, f, types, false, index);
}

struct mw_logread *mw_cli_open_known(const struct mw_cli_list *logs, struct mw_filter *f,
				     const char *index)
{
	return open_filtered(logs, false, f, NULL, true, index);
}
