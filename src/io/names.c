/* SPDX-License-Identifier: Apache-2.0 */
#include "io/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/table.h"
#include "io/file.h"
#include "io/heap.h"

#define CACHE_MAX 64
#define UP_MAX	  32 /* folders above the working directory */

static const char *const in_project[] = {
	".mcp.json",	      ".cursor/mcp.json",   ".vscode/mcp.json", ".gemini/settings.json",
	".zed/settings.json", ".codex/config.toml",
};

static const char *const in_home[] = {
	".claude.json",
	".config/Claude/claude_desktop_config.json",
	".cursor/mcp.json",
	".config/Code/User/mcp.json",
	".codeium/windsurf/mcp_config.json",
	".config/zed/settings.json",
	".gemini/settings.json",
	".codex/config.toml",
	".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
};

/* A file as it was when it was read. */
struct cached {
	uint64_t key[2]; /* dev, ino */
	struct timespec mtime;
	off_t size;
	struct mw_name_list list;
};

struct mw_names {
	struct mw_table *cache;
	char path[MW_PATH_MAX], name[MW_NAMES_LEN_MAX + 1];
};

int mw_names_new(struct mw_names **ret)
{
	struct mw_names *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	r = mw_table_new(&mw_heap, sizeof(uint64_t[2]), CACHE_MAX, &n->cache);
	if (r < 0) {
		free(n);
		return r;
	}
	*ret = n;
	return 0;
}

static void cached_free(struct cached *c)
{
	if (!c)
		return;
	mw_name_list_done(&c->list);
	free(c);
}

void mw_names_free(struct mw_names *n)
{
	struct cached *c;
	size_t pos = 0;

	if (!n)
		return;
	while ((c = mw_table_next(n->cache, &pos)))
		cached_free(c);
	mw_table_free(n->cache);
	free(n);
}

void mw_name_done(struct mw_name *e)
{
	free(e->name);
	free(e->command);
	free(e->url);
	free(e->dir);
	free(e->args);
	*e = (struct mw_name){ 0 };
}

void mw_name_list_done(struct mw_name_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		mw_name_done(&l->v[i]);
	free(l->v);
	*l = (struct mw_name_list){ 0 };
}

/* --- reading -------------------------------------------------------------------------------------
 */

static int open_below(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static char *read_all(int fd, size_t n)
{
	char *text = malloc(n + 1);
	size_t done = 0;
	ssize_t k;

	if (!text)
		return NULL;
	while (done < n && (k = read(fd, text + done, n - done)) > 0)
		done += (size_t)k;
	if (done != n) { /* it is being written */
		free(text);
		return NULL;
	}
	return text;
}

static bool is_toml(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && strcmp(path + n - 5, ".toml") == 0;
}

static const struct mw_name_list *keep(struct mw_names *n, const struct stat *st,
				       struct mw_name_list *list)
{
	struct cached *c = calloc(1, sizeof(*c)), *old;

	if (!c) {
		mw_name_list_done(list);
		return NULL;
	}
	c->key[0] = st->st_dev;
	c->key[1] = st->st_ino;
	c->mtime = st->st_mtim;
	c->size = st->st_size;
	c->list = *list;
	cached_free(mw_table_remove(n->cache, c->key));
	if (mw_table_count(n->cache) == CACHE_MAX) {
		old = mw_table_oldest(n->cache);
		cached_free(mw_table_remove(n->cache, old->key));
	}
	if (mw_table_put(n->cache, c->key, c) < 0) {
		cached_free(c);
		return NULL;
	}
	return &c->list;
}

/* What a file says, from the cache if it has not changed; NULL: nothing to be used. */
static const struct mw_name_list *load(struct mw_names *n, int root, const char *path, uint32_t uid)
{
	_cleanup_(mw_close) int fd = open_below(root, path);
	_cleanup_(mw_freep) char *text = NULL;
	struct mw_name_list list = { 0 };
	const struct cached *c;
	uint64_t key[2];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > MW_NAMES_FILE_MAX || (st.st_uid != uid && st.st_uid != 0))
		return NULL;
	key[0] = st.st_dev;
	key[1] = st.st_ino;
	c = mw_table_get(n->cache, key);
	if (c && c->size == st.st_size && c->mtime.tv_sec == st.st_mtim.tv_sec &&
	    c->mtime.tv_nsec == st.st_mtim.tv_nsec)
		return &c->list;
	text = read_all(fd, (size_t)st.st_size);
	if (!text)
		return NULL;
	if (is_toml(path))
		r = mw_names_parse_toml(text, (size_t)st.st_size, &list);
	else
		r = mw_names_parse_json(text, (size_t)st.st_size, &list);
	return r == -ENOMEM ? NULL : keep(n, &st, &list);
}

/* --- matching ------------------------------------------------------------------------------------
 */

/* Whether an argv ends with the arguments, and what stands before them is the command. An
 * interpreter may stand before that, as it does for scripts. */
static bool is_command(const struct mw_name *e, struct mw_slice argv)
{
	struct mw_slice head = argv, command = mw_slice_str(e->command);
	size_t from;

	if (argv.n && argv.p[argv.n - 1] != 0) /* cut: its end is not known */
		return false;
	if (!mw_slice_ends(argv, mw_slice(e->args, e->args_len)))
		return false;
	head.n -= e->args_len;
	if (head.n < 2 || head.p[head.n - 1] != 0)
		return false;
	head.n--; /* the NUL behind the last argument */
	for (from = head.n; from > 0 && head.p[from - 1]; from--)
		;
	head = mw_slice_from(head, from);
	if (memchr(command.p, '/', command.n) && head.n && head.p[0] == '/' && command.p[0] == '/')
		return mw_slice_eq(head, command);
	return mw_slice_eq(mw_slice_name(head), mw_slice_name(command));
}

/* Whether a url's host is this one, as far as it says so itself, and its port that of the server.
 */
static bool is_url(const char *url, const struct mw_addr *addr)
{
	uint8_t ip[16];
	char host[256];
	unsigned long port;
	const char *p, *end;
	size_t n;

	if (strncasecmp(url, "http://", 7) == 0) {
		port = 80;
		p = url + 7;
	} else if (strncasecmp(url, "https://", 8) == 0) {
		port = 443;
		p = url + 8;
	} else {
		return false;
	}
	end = p + strcspn(p, "/?#");
	if (memchr(p, '@', (size_t)(end - p)))
		return false;
	if (*p == '[') {
		p++;
		n = strcspn(p, "]");
	} else {
		n = strcspn(p, ":/?#");
	}
	if (n >= sizeof(host) || p + n > end)
		return false;
	memcpy(host, p, n);
	host[n] = '\0';
	p += n + (p[n] == ']');
	if (*p == ':') {
		char *stop;

		port = strtoul(p + 1, &stop, 10);
		if (stop != end || stop == p + 1)
			return false;
	} else if (p != end) {
		return false;
	}
	if (port != addr->port)
		return false;
	if (strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	    strcmp(host, "::1") == 0 || strcmp(host, "0.0.0.0") == 0)
		return true;
	if (inet_pton(AF_INET, host, ip) == 1)
		return (addr->family == AF_INET && memcmp(ip, addr->ip, 4) == 0) ||
		       (addr->family == AF_INET6 && memcmp(ip, addr->ip + 12, 4) == 0);
	return inet_pton(AF_INET6, host, ip) == 1 && addr->family == AF_INET6 &&
	       memcmp(ip, addr->ip, 16) == 0;
}

static bool matches(const struct mw_name *e, const struct mw_names_query *q)
{
	if (q->addr && e->url && is_url(e->url, q->addr))
		return true;
	for (size_t i = 0; e->command && i < q->n_argvs; i++)
		if (is_command(e, q->argvs[i]))
			return true;
	return false;
}

static bool is_within(const char *dir, const char *cwd)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return cwd && strncmp(cwd, dir, n) == 0 && (!cwd[n] || cwd[n] == '/' || n == 1);
}

/* 1 found, 0 not, -1 two names fit. Entries for a folder come before those for all. */
static int search(struct mw_names *n, const struct mw_name_list *list,
		  const struct mw_names_query *q, const char *cwd)
{
	const struct mw_name *hit = NULL;

	for (int for_all = 0; for_all < 2 && !hit; for_all++)
		for (size_t i = 0; i < list->n; i++) {
			const struct mw_name *e = &list->v[i];

			if (for_all ? e->dir != NULL : !e->dir || !is_within(e->dir, cwd))
				continue;
			if (!matches(e, q))
				continue;
			if (hit && strcmp(hit->name, e->name) != 0)
				return -1;
			hit = e;
		}
	if (!hit)
		return 0;
	snprintf(n->name, sizeof(n->name), "%s", hit->name);
	return 1;
}

static int look_in(struct mw_names *n, int root, const struct mw_names_place *place,
		   const struct mw_names_query *q, const char *dir, size_t dir_len,
		   const char *const *files, size_t n_files)
{
	const struct mw_name_list *list;
	size_t i;
	int r;

	for (i = 0; i < n_files; i++) {
		r = snprintf(n->path, sizeof(n->path), "%.*s/%s", (int)dir_len, dir, files[i]);
		if (r < 0 || (size_t)r >= sizeof(n->path))
			continue;
		list = load(n, root, n->path, place->uid);
		r = list ? search(n, list, q, place->cwd) : 0;
		if (r)
			return r;
	}
	return 0;
}

static int look_at(struct mw_names *n, const struct mw_names_place *place,
		   const struct mw_names_query *q)
{
	_cleanup_(mw_close) int root = open(place->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t len;
	int r = 0;

	if (root < 0)
		return 0;
	if (place->cwd && place->cwd[0] == '/') {
		len = strlen(place->cwd);
		for (int i = 0; i < UP_MAX && r == 0; i++) {
			while (len > 0 && place->cwd[len - 1] == '/')
				len--;
			r = look_in(n, root, place, q, place->cwd, len, in_project,
				    sizeof(in_project) / sizeof(*in_project));
			if (len == 0)
				break;
			while (len > 0 && place->cwd[len - 1] != '/')
				len--;
		}
	}
	if (r == 0 && place->home && place->home[0] == '/')
		r = look_in(n, root, place, q, place->home, strlen(place->home), in_home,
			    sizeof(in_home) / sizeof(*in_home));
	return r;
}

int mw_names_find(struct mw_names *n, const struct mw_names_query *q, const char **ret_name,
		  const char **ret_file)
{
	int r = 0;

	for (size_t i = 0; i < q->n_places && r == 0; i++)
		r = look_at(n, &q->places[i], q);
	if (r != 1)
		return 0;
	*ret_name = n->name;
	*ret_file = n->path;
	return 1;
}
