/* SPDX-License-Identifier: Apache-2.0 */
#include "io/scope.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <mcpwatch/event.h>

#include "base/cleanup.h"
#include "base/table.h"
#include "core/event.h"
#include "core/types.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/source_bpf.h"

#define LET_GO_MAX 16384
#define ARGS_MAX   8192

/* A candidate that was let go, until its end. */
struct gone {
	struct mw_prockey key;
};

struct mw_scope {
	const struct mw_config *config;
	struct mw_source *source;
	struct mw_table *gone;
};

int mw_scope_new(const struct mw_config *config, struct mw_source *source, struct mw_scope **ret)
{
	struct mw_scope *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = config;
	s->source = source;
	r = mw_table_new(&mw_heap, sizeof(struct mw_prockey), LET_GO_MAX, &s->gone);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void mw_scope_free(struct mw_scope *s)
{
	struct gone *g;
	size_t pos = 0;

	if (!s)
		return;
	while ((g = mw_table_next(s->gone, &pos)))
		free(g);
	mw_table_free(s->gone);
	free(s);
}

void mw_scope_set_config(struct mw_scope *s, const struct mw_config *config)
{
	s->config = config;
}

static void forget(struct mw_scope *s, struct mw_prockey key)
{
	free(mw_table_remove(s->gone, &key));
}

static void let_go(struct mw_scope *s, struct mw_prockey key)
{
	struct gone *g, *old;

	(void)mw_source_bpf_tag(s->source, (uint32_t)key.tgid, 0);
	if (mw_table_get(s->gone, &key))
		return;
	g = malloc(sizeof(*g));
	if (!g)
		return; /* its last events are taken for in scope: more than asked for, never less
			 */
	g->key = key;
	if (mw_table_put(s->gone, &key, g) == -ENOSPC) {
		old = mw_table_oldest(s->gone);
		forget(s, old->key);
		(void)mw_table_put(s->gone, &key, g);
	}
}

static bool matches(const struct mw_scope *s, const struct mw_ev_proc *ev)
{
	struct mw_event_proc_strings str = mw_event_proc_strings(ev);

	return mw_config_match(s->config, str.exe, str.argv, ev->hdr.uid, str.cgroup);
}

/* An EXEC has no cgroup path yet: the PROC behind it has, and may still bring the process in. */
static bool decide(struct mw_scope *s, const struct mw_event_hdr *h)
{
	struct mw_prockey key = mw_prockey_of(h);

	if (matches(s, (const struct mw_ev_proc *)h)) {
		forget(s, key);
		(void)mw_source_bpf_tag(s->source, h->tgid, MW_SOURCE_OBSERVED);
		return true;
	}
	let_go(s, key);
	return false;
}

bool mw_scope_event(void *scope, const struct mw_event_hdr *h)
{
	struct mw_scope *s = scope;
	struct mw_prockey key = mw_prockey_of(h), child;
	bool out = !mw_prockey_none(key) && mw_table_get(s->gone, &key);

	switch (h->type) {
	case MW_EV_EXEC:
		return h->flags & MW_EVF_CANDIDATE || out ? decide(s, h) : true;
	case MW_EV_PROC:
		return out ? decide(s, h) : true;
	case MW_EV_FORK:
		child = (struct mw_prockey){ ((const struct mw_ev_fork *)h)->child_start_ns,
					     ((const struct mw_ev_fork *)h)->child_tgid };
		if (out)
			let_go(s, child);
		return !out;
	case MW_EV_EXIT:
		forget(s, key);
		return !out;
	default:
		return !out;
	}
}

/* --- what runs already ---------------------------------------------------------------------------
 */

static size_t read_file(const char *dir, const char *name, char *buf, size_t len)
{
	_cleanup_(mw_close) int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/%.20s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, len);
	return n < 0 ? 0 : (size_t)n;
}

/* The effective uid; all ones if it cannot be read. */
static uint32_t uid_of(const char *dir)
{
	char buf[2048], *line;
	size_t n = read_file(dir, "status", buf, sizeof(buf) - 1);

	buf[n] = 0;
	line = strstr(buf, "\nUid:");
	line = line ? strchr(line + 5, '\t') : NULL; /* real */
	line = line ? strchr(line + 1, '\t') : NULL; /* effective */
	return line ? (uint32_t)strtoul(line + 1, NULL, 10) : UINT32_MAX;
}

/* The cgroup v2 path: the line that begins with "0::". */
static struct mw_slice cgroup_of(char *text, size_t n)
{
	char *at, *end;

	text[n] = 0;
	at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!at)
		return mw_slice(NULL, 0);
	at = strchr(at, ':') + 2;
	end = strchrnul(at, '\n');
	return mw_slice(at, (size_t)(end - at));
}

static bool is_named(const struct mw_scope *s, const char *dir)
{
	char link[64], exe[MW_PATH_MAX], argv[ARGS_MAX], cgroup[MW_PATH_MAX];
	ssize_t n_exe;
	size_t n_argv, n_cgroup;

	snprintf(link, sizeof(link), "/proc/%.20s/exe", dir);
	n_exe = readlink(link, exe, sizeof(exe));
	if (n_exe <= 0)
		return false; /* a kernel thread, or gone */
	n_argv = read_file(dir, "cmdline", argv, sizeof(argv));
	n_cgroup = read_file(dir, "cgroup", cgroup, sizeof(cgroup) - 1);
	return mw_config_match(s->config, mw_slice(exe, (size_t)n_exe), mw_slice(argv, n_argv),
			       uid_of(dir), cgroup_of(cgroup, n_cgroup));
}

int mw_scope_scan(struct mw_scope *s)
{
	struct dirent *d;
	DIR *proc = opendir("/proc");
	uint32_t pid;
	int n = 0;

	if (!proc)
		return -errno;
	while ((d = readdir(proc))) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		pid = (uint32_t)strtoul(d->d_name, NULL, 10);
		if (pid == (uint32_t)getpid() || !is_named(s, d->d_name))
			continue;
		if (mw_source_bpf_tag(s->source, pid, MW_SOURCE_OBSERVED) < 0)
			continue;
		/* -ESRCH: it ended meanwhile, and took its tag along */
		(void)mw_source_bpf_snapshot(s->source, pid);
		n++;
	}
	closedir(proc);
	return n;
}
