/* SPDX-License-Identifier: Apache-2.0 */
/* scope_name.c - how its client's configuration calls a server that was found */
#include <pwd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/scope_priv.h"

#define ARGVS_MAX 8

/* A question for names.h and the memory it borrows. */
struct ask {
	struct mw_slice argvs[ARGVS_MAX];
	size_t n_argvs;
	struct mw_names_place places[2];
	size_t n_places;
	char text[ARGVS_MAX][MW_ARGV_MAX];
	char root[2][32], cwd[2][MW_PATH_MAX + 1], home[2][MW_PATH_MAX + 1];
};

static void add_argv(struct ask *a, struct mw_slice argv)
{
	if (!argv.n || argv.n > MW_ARGV_MAX || a->n_argvs == ARGVS_MAX)
		return;
	memcpy(a->text[a->n_argvs], argv.p, argv.n);
	a->argvs[a->n_argvs] = mw_slice(a->text[a->n_argvs], argv.n);
	a->n_argvs++;
}

static void home_of(uint32_t uid, char *home, size_t len)
{
	struct passwd pw, *found = NULL;
	char text[4096];

	home[0] = '\0';
	if (getpwuid_r(uid, &pw, text, sizeof(text), &found) == 0 && found)
		snprintf(home, len, "%s", found->pw_dir);
}

/* Where a process's user keeps configuration. */
static void add_place(struct mw_scope *s, struct ask *a, uint32_t pid)
{
	const size_t i = a->n_places;
	struct mw_look *l = &s->look;

	if (!pid || s->ops->look(s->ctx, pid, l) < 0 || l->uid == UINT32_MAX)
		return;
	memcpy(a->root[i], l->root, sizeof(l->root));
	memcpy(a->cwd[i], l->cwd.p, l->cwd.n);
	a->cwd[i][l->cwd.n] = '\0';
	home_of(l->uid, a->home[i], sizeof(a->home[i]));
	a->places[i] = (struct mw_names_place){ a->root[i], a->home[i], a->cwd[i], l->uid };
	a->n_places++;
}

bool mw_scope_name(struct mw_scope *s, const struct mw_control *c, uint32_t client)
{
	_cleanup_(mw_freep) struct ask *a = calloc(1, sizeof(*a));
	struct mw_prockey key = { c->start_ns, c->tgid };
	const struct mw_member *m = mw_member_get(s, key);
	uint32_t pid = c->tgid, started_by = 0;
	struct mw_names_query q;
	const char *name, *file;

	if (!a)
		return false;
	if (m) {
		add_argv(a, mw_slice(m->tree->argv, m->tree->argv_len));
		started_by = (uint32_t)m->tree->parent.tgid;
	}
	/* the server itself, and what stands between it and its client */
	while (pid && pid != client && pid != started_by && a->n_argvs < ARGVS_MAX &&
	       s->ops->look(s->ctx, pid, &s->look) == 0) {
		add_argv(a, s->look.argv);
		if (!started_by && !client && pid == c->tgid)
			client = s->look.ppid;
		pid = s->look.ppid;
	}
	add_place(s, a, started_by ? started_by : client);
	add_place(s, a, c->tgid);
	q = (struct mw_names_query){ .places = a->places,
				     .n_places = a->n_places,
				     .argvs = a->argvs,
				     .n_argvs = a->n_argvs,
				     .addr = c->addr.family ? &c->addr : NULL };
	if (!mw_names_find(s->names, &q, &name, &file))
		return false;
	return s->ops->name(s->ctx, c->tgid, c->start_ns, name, file) == 0;
}
