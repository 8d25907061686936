/* SPDX-License-Identifier: Apache-2.0 */
#include "io/environs.h"

#include <errno.h>
#include <stdlib.h>

#include "io/looker.h"

#define WAIT_MS 10

struct wanted {
	uint32_t tgid;
	uint64_t start_ns, since_ns;
};

struct mw_environs {
	struct mw_evq *queue;
	struct mw_looker *looker;
	size_t n;
	struct wanted wanted[MW_ENVIRONS_MAX];
	struct mw_environ env;
};

static int look(uint32_t pid, uint64_t start_ns, void *ret)
{
	return mw_facts_environ(pid, start_ns, ret);
}

int mw_environs_new(struct mw_evq *queue, struct mw_environs **ret)
{
	struct mw_environs *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->queue = queue;
	r = mw_looker_new(look, sizeof(e->env), &e->looker);
	if (r < 0) {
		free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void mw_environs_free(struct mw_environs *e)
{
	if (!e)
		return;
	mw_looker_free(e->looker);
	free(e);
}

static void tell_none(struct mw_environs *e, const struct wanted *w)
{
	e->env.n = 0;
	e->env.cut = true;
	(void)mw_facts_env(e->queue, w->tgid, w->start_ns, &e->env);
}

/* True: it has its answer, if there ever is one. */
static bool ask(struct mw_environs *e, const struct wanted *w)
{
	int r = mw_looker_ask(e->looker, w->tgid, w->start_ns, WAIT_MS, &e->env);

	if (r == -EINPROGRESS || r == -EBUSY)
		return false;
	if (r == -ESRCH)
		return true;
	if (r == 0) /* without memory the next poll may find some */
		return mw_facts_env(e->queue, w->tgid, w->start_ns, &e->env) == 0;
	tell_none(e, w);
	return true;
}

void mw_environs_ask(struct mw_environs *e, uint32_t tgid, uint64_t start_ns)
{
	const struct wanted w = { tgid, start_ns, mw_boot_ns() };

	/* what it ran before is of no use */
	mw_looker_forget(e->looker, tgid, start_ns);
	for (size_t i = 0; i < e->n; i++)
		if (e->wanted[i].tgid == tgid && e->wanted[i].start_ns == start_ns)
			return;
	if (ask(e, &w))
		return;
	if (e->n == MW_ENVIRONS_MAX)
		tell_none(e, &w);
	else
		e->wanted[e->n++] = w;
}

void mw_environs_poll(struct mw_environs *e)
{
	const uint64_t now = e->n ? mw_boot_ns() : 0;
	size_t i, n = 0;

	for (i = 0; i < e->n; i++) {
		const struct wanted *w = &e->wanted[i];

		if (ask(e, w))
			continue;
		if (now > w->since_ns + MW_ENVIRONS_NS) {
			mw_looker_forget(e->looker, w->tgid, w->start_ns);
			tell_none(e, w);
			continue;
		}
		e->wanted[n++] = *w;
	}
	e->n = n;
}
