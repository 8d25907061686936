/* SPDX-License-Identifier: Apache-2.0 */
#include "io/logread.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "io/logread_priv.h"

int mw_lr_fail(struct mw_logread *l, int r, const char *file, uint64_t line_no, const char *what)
{
	if (line_no)
		snprintf(l->err, sizeof(l->err), "%s: line %" PRIu64 ": %s", file, line_no, what);
	else
		snprintf(l->err, sizeof(l->err), "cannot read %s: %s", file, what);
	l->failed = r;
	return r;
}

/* What was read of the other inputs is looked at to its end, so that what is known does not depend
 * on which thread is faster. */
static int failed(struct mw_logread *l, int r)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->inputs[i].prove)
			mw_lr_prove_wait(l->inputs[i].prove);
	return r;
}

int mw_logread_next(struct mw_logread *l, struct mw_logrec *ret)
{
	struct mw_lr_input *best = NULL;
	bool done = true;
	size_t i;
	int r;

	if (l->failed)
		return l->failed;
	for (i = 0; i < l->n; i++) {
		struct mw_lr_input *in = &l->inputs[i];

		if (!in->have) {
			r = mw_lr_next(l, in);
			if (r < 0)
				return failed(l, r);
		}
		done &= in->done;
		if (in->have && (!best || in->rec.time_ns < best->rec.time_ns))
			best = in;
	}
	if (!best)
		return done ? (l->failed = -ENODATA) : 0;
	best->have = false;
	*ret = best->rec;
	return 1;
}

int mw_logread_again(struct mw_logread *l)
{
	size_t i;
	int r = 0;

	if (l->follow || (!l->failed && !l->inputs[0].again))
		return -EINVAL;
	for (i = 0; i < l->n; i++)
		if (l->inputs[i].from)
			return -EINVAL;
	l->failed = 0;
	for (i = 0; i < l->n && r == 0; i++)
		r = mw_lr_again(l, &l->inputs[i]);
	return r;
}

const struct mw_verify_report *mw_logread_report(const struct mw_logread *l, size_t input)
{
	struct mw_lr_prove *p = l->inputs[input].prove;

	return p ? mw_verify_report(mw_lr_prove_wait(p)) : NULL;
}

struct cJSON *mw_logread_json(const struct mw_logrec *rec)
{
	return cJSON_ParseWithLength(rec->line, rec->len);
}

const char *mw_logread_error(const struct mw_logread *l)
{
	return l->err;
}

const char *mw_logread_hole(const struct mw_logread *l)
{
	return l->hole[0] ? l->hole : NULL;
}

const char *mw_logread_tampered(struct mw_logread *l)
{
	const struct mw_verify_report *rep;
	char place[sizeof(rep->file) + 32];
	size_t i;

	for (i = 0; i < l->n && !l->tampered[0]; i++) {
		rep = l->inputs[i].prove ? mw_lr_prove_tampered(l->inputs[i].prove) : NULL;
		if (!rep)
			continue;
		place[0] = '\0';
		if (rep->line)
			snprintf(place, sizeof(place), "/%s: line %" PRIu64, rep->file, rep->line);
		if (rep->has_seq)
			snprintf(l->tampered, sizeof(l->tampered), "%s%s: record %" PRIu64 " %s",
				 l->inputs[i].path, place, rep->seq, rep->text);
		else
			snprintf(l->tampered, sizeof(l->tampered), "%s%s: %s", l->inputs[i].path,
				 place, rep->text);
	}
	return l->tampered[0] ? l->tampered : NULL;
}

int mw_logread_new(const char *const *paths, size_t n, bool follow, char *err, size_t err_len,
		   struct mw_logread **ret)
{
	_cleanup_(mw_logread_freep) struct mw_logread *l = calloc(1, sizeof(*l));
	size_t i;
	int r;

	if (l)
		l->inputs = calloc(n, sizeof(*l->inputs));
	if (!l || !l->inputs) {
		snprintf(err, err_len, "cannot read %s: not enough memory", paths[0]);
		return -ENOMEM;
	}
	l->follow = follow;
	l->n = n;
	for (i = 0; i < n; i++)
		l->inputs[i].fd = l->inputs[i].seg_dir_fd = -1;
	if (getrandom(l->secret, sizeof(l->secret), 0) != sizeof(l->secret)) {
		snprintf(err, err_len, "cannot read %s: no random bytes", paths[0]);
		return -EIO;
	}
	for (i = 0; i < n; i++) {
		r = mw_lr_open(l, &l->inputs[i], paths[i]);
		if (r < 0) {
			snprintf(err, err_len, "%s", l->err);
			return r;
		}
	}
	*ret = MW_TAKE(l);
	return 0;
}

void mw_logread_free(struct mw_logread *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; l->inputs && i < l->n; i++)
		mw_lr_close(&l->inputs[i]);
	free(l->inputs);
	free(l);
}
