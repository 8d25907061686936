/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_policy_server.c - what rules may ask of a server
 *
 * Filled once, and again when anything is learned about a process (as engine_cache.c does it for
 * parts of records).
 *
 * Roots are what its command line names as folders: absolute arguments (or ".", "./x", "~/x") that
 * are neither the program, the script, an option, nor behind an option, of which at least one does
 * not look like a file; and what its clients declare (roots/list). As one process may serve several
 * clients, what one of them declared stays. These stand in its record. As the core cannot follow a
 * link, the path that such a folder turns out to have when it is opened counts too.
 */
#include "core/engine_policy.h"

#include <errno.h>

#include "base/hash.h"
#include "core/path.h"

#define DECLARED_MAX 65536u
#define PATH_LEN_MAX 4096u

static struct mw_slice copy(struct mw_engine *e, struct pol_server *ps, struct mw_slice s)
{
	struct mw_slice ret = { NULL, 0 };

	mw_eng_note_error(e, mw_pol_keep(e, &ps->texts, s, &ret));
	return ret;
}

/* --- roots --------------------------------------------------------------------------------------
 */

static bool is_below(struct mw_slice path, struct mw_slice root)
{
	while (root.n > 1 && root.p[root.n - 1] == '/')
		root.n--;
	if (root.n == 1)
		return path.n && path.p[0] == '/';
	return mw_slice_starts(path, root) && (path.n == root.n || path.p[root.n] == '/');
}

bool mw_pol_in_roots(const struct pol_server *ps, struct mw_slice path)
{
	for (size_t i = 0; i < ps->f.roots.n; i++)
		if (is_below(path, ps->f.roots.v[i]))
			return true;
	return ps->f.roots.n == 0 || ps->more_roots;
}

static bool is_listed(const struct mw_buf *list, struct mw_slice path)
{
	struct mw_slice rest = mw_buf_slice(list), one;

	while (rest.n) {
		one = mw_argv_at(rest, 0);
		if (mw_slice_eq(one, path))
			return true;
		rest = mw_slice_from(rest, one.n + 1);
	}
	return false;
}

/* Whether it is one that was not there. */
static bool add_root(struct mw_engine *e, struct pol_server *ps, struct mw_buf *list,
		     struct mw_slice path)
{
	int r;

	if (!path.n || path.n > PATH_LEN_MAX || memchr(path.p, 0, path.n) || is_listed(list, path))
		return false;
	r = mw_buf_append(list, path.p, path.n);
	if (r == 0 && (r = mw_buf_append_byte(list, 0)) < 0)
		list->len -= path.n;
	if (r == -ENOMEM)
		mw_eng_note_error(e, r);
	if (r == -E2BIG && list == &ps->declared)
		ps->declared_more = true;
	ps->gen = UINT64_MAX;
	return r == 0;
}

void mw_pol_root_is(struct mw_engine *e, struct pol_server *ps, struct mw_slice path)
{
	(void)add_root(e, ps, &ps->resolved, path);
}

static void put_root(struct mw_engine *e, struct pol_server *ps, struct mw_slice root)
{
	for (size_t i = 0; i < ps->f.roots.n; i++)
		if (mw_slice_eq(ps->roots[i], root))
			return;
	if (ps->f.roots.n == MW_POL_ROOTS_MAX)
		ps->more_roots = true;
	else if (root.n)
		ps->roots[ps->f.roots.n++] = copy(e, ps, root);
}

/* "x.db", "a.json": what stands behind the last dot is short. */
static bool looks_like_file(struct mw_slice path)
{
	for (size_t i = path.n; i > 1; i--) {
		if (path.p[i - 1] == '/')
			return false;
		if (path.p[i - 1] == '.')
			return path.p[i - 2] != '/' && path.n - i >= 1 && path.n - i <= 7;
	}
	return false;
}

static bool is_path(struct mw_slice s)
{
	return s.n &&
	       (s.p[0] == '/' || mw_slice_eq_str(s, ".") || mw_slice_eq_str(s, "..") ||
		mw_slice_starts(s, MW_SLICE_LIT("./")) || mw_slice_starts(s, MW_SLICE_LIT("../")) ||
		mw_slice_starts(s, MW_SLICE_LIT("~/")));
}

static void put_argv_root(struct mw_engine *e, struct pol_server *ps, const struct mw_proc *p,
			  struct mw_slice arg)
{
	struct mw_slice base = p->cwd;
	struct mw_buf path;
	int r;

	if (arg.p[0] == '~') {
		base = mw_procs_home(e->procs, p->uid);
		arg = mw_slice_from(arg, 2);
	}
	mw_buf_init(&path, e->a, 2 * PATH_LEN_MAX);
	r = mw_path_join(&path, base, arg);
	if (r == 0 && path.p[0] == '/')
		put_root(e, ps, mw_buf_slice(&path));
	mw_eng_note_error(e, r == -ENOMEM ? r : 0);
	mw_buf_done(&path);
}

/* The first argument that is the server's own, not its interpreter's. */
static size_t own_argv(struct mw_engine *e, const struct pol_server *ps, const struct mw_proc *p)
{
	const struct mw_slice script = mw_eng_script_of(p);

	(void)e;
	for (size_t i = 0; script.n && i < ps->f.argv.n; i++)
		if (mw_slice_eq(ps->argv[i], script))
			return i + 1;
	return 1;
}

static void argv_roots(struct mw_engine *e, struct pol_server *ps, const struct mw_proc *p)
{
	const size_t from = own_argv(e, ps, p);
	bool folder = false;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = from; i < ps->f.argv.n; i++) {
			const struct mw_slice arg = ps->argv[i];

			if (!is_path(arg) ||
			    (i > from && ps->argv[i - 1].n && ps->argv[i - 1].p[0] == '-'))
				continue;
			if (pass == 0)
				folder |= !looks_like_file(arg);
			else if (folder)
				put_argv_root(e, ps, p, arg);
		}
}

static void listed_roots(struct mw_engine *e, struct pol_server *ps, const struct mw_buf *list)
{
	struct mw_slice root;

	for (size_t i = 0; (root = mw_argv_at(mw_buf_slice(list), i)).p && root.n; i++)
		put_root(e, ps, root);
}

/* --- the rest -----------------------------------------------------------------------------------
 */

static uint64_t client_of(const struct mw_engine *e, const struct mw_server *sv)
{
	if (mw_prockey_none(sv->client))
		return 0;
	return mw_hash64(mw_slice(&sv->client, sizeof(sv->client)), e->run_id) | 1;
}

static void put_key(struct mw_engine *e, struct pol_server *ps)
{
	struct mw_buf key;
	int r;

	mw_buf_init(&key, e->a, MW_ENG_KEY_MAX);
	r = mw_eng_server_key(e, ps->sv, &key);
	if (r == 0)
		ps->f.key = copy(e, ps, mw_buf_slice(&key));
	mw_eng_note_error(e, r == -ENOMEM ? r : 0);
	mw_buf_done(&key);
}

static void put_proc(struct mw_engine *e, struct pol_server *ps, const struct mw_proc *p)
{
	struct mw_slice argv = copy(e, ps, p->argv), arg;

	ps->f.exe = copy(e, ps, p->exe);
	ps->f.cwd = copy(e, ps, p->cwd);
	ps->f.uid = p->uid;
	ps->f.has_uid = true;
	ps->f.user = copy(e, ps, mw_procs_user(e->procs, p->uid));
	ps->f.container = copy(e, ps, mw_cgroup_container(p->cgroup));
	while (argv.n && ps->f.argv.n < MW_POL_ARGV_MAX) {
		arg = mw_argv_at(argv, 0);
		ps->argv[ps->f.argv.n++] = arg;
		argv = arg.n < argv.n ? mw_slice(arg.p + arg.n + 1, argv.n - arg.n - 1)
				      : mw_slice(NULL, 0);
	}
	argv_roots(e, ps, p);
}

static void fill(struct mw_engine *e, struct pol_server *ps)
{
	const struct mw_server *sv = ps->sv;
	const struct mw_proc *p = mw_procs_get(e->procs, sv->proc);
	bool more;

	mw_pol_texts_free(e, &ps->texts);
	ps->more_roots = ps->declared_more;
	ps->gen = e->policy->gen;
	ps->f = (struct mw_fact_server){
		.id = ps->id,
		.argv = { ps->argv, 0 },
		.roots = { ps->roots, 0 },
		.client = client_of(e, sv),
		.transport = mw_slice_str(mw_eng_server_transport(sv)),
		.remote = mw_prockey_none(sv->proc) || ps->remote_client,
	};
	put_key(e, ps);
	ps->f.name = copy(e, ps, sv->name);
	ps->f.configured_name = copy(e, ps, mw_eng_configured_name(e, sv));
	if (p)
		put_proc(e, ps, p);
	listed_roots(e, ps, &ps->declared);
	ps->n_told = ps->f.roots.n;
	more = ps->more_roots; /* what it makes of its links does not count */
	listed_roots(e, ps, &ps->resolved);
	ps->more_roots = more;
	ps->f.home = mw_buf_slice(&ps->home);
}

static void server_free(struct mw_engine *e, struct pol_server *ps)
{
	mw_pol_wait_flush(e, ps, UINT64_MAX);
	if (mw_table_get(e->policy->launched, &ps->top) == ps)
		(void)mw_table_remove(e->policy->launched, &ps->top);
	for (struct pol_call *pc = ps->open; pc; pc = pc->next)
		pc->is_open = false;
	mw_pol_texts_free(e, &ps->texts);
	mw_buf_done(&ps->home);
	mw_buf_done(&ps->declared);
	mw_buf_done(&ps->resolved);
	mw_alloc_free(e->a, ps, sizeof(*ps));
}

struct pol_server *mw_pol_server_by_id(struct mw_engine *e, uint64_t id)
{
	struct pol_server *ps = mw_table_get(e->policy->servers, &id);

	if (ps && ps->gen != e->policy->gen)
		fill(e, ps);
	return ps;
}

struct pol_server *mw_pol_server(struct mw_engine *e, const struct mw_server *sv)
{
	struct mw_table *t = e->policy->servers;
	struct pol_server *ps;

	if (!sv)
		return NULL;
	ps = mw_pol_server_by_id(e, sv->id);
	if (ps)
		return ps;
	if (mw_table_count(t) == MW_POL_SERVERS_MAX) {
		ps = mw_table_oldest(t);
		(void)mw_table_remove(t, &ps->id);
		server_free(e, ps);
		e->policy->lost.servers++;
	}
	ps = mw_alloc_zero(e->a, sizeof(*ps));
	if (ps) {
		ps->id = sv->id;
		ps->sv = sv;
		mw_buf_init(&ps->home, e->a, PATH_LEN_MAX);
		mw_buf_init(&ps->declared, e->a, DECLARED_MAX);
		mw_buf_init(&ps->resolved, e->a, DECLARED_MAX);
	}
	if (!ps || mw_table_put(t, &ps->id, ps) < 0) {
		mw_alloc_free(e->a, ps, sizeof(*ps));
		mw_eng_note_error(e, -ENOMEM);
		return NULL;
	}
	fill(e, ps);
	return ps;
}

void mw_eng_policy_env(struct mw_engine *e, const struct mw_ev_env *ev)
{
	struct mw_slice rest = mw_event_env(ev), one;
	struct pol_server *ps;

	if (!e->policy)
		return;
	ps = mw_pol_server(e, mw_session_server(e->session, mw_prockey_of(&ev->hdr)));
	while (ps && rest.n) {
		one = mw_argv_at(rest, 0);
		rest = mw_slice_from(rest, one.n);
		if (rest.n)
			rest = mw_slice_from(rest, 1);
		if (!mw_slice_starts(one, MW_SLICE_LIT("HOME=/")))
			continue;
		ps->home.len = 0;
		if (mw_buf_append(&ps->home, one.p + 5, one.n - 5) == -ENOMEM)
			mw_eng_note_error(e, -ENOMEM);
		ps->f.home = mw_buf_slice(&ps->home);
		return;
	}
}

void mw_eng_policy_roots(struct mw_engine *e, const struct mw_server *sv, struct mw_texts *ret)
{
	struct pol_server *ps = e->policy ? mw_pol_server(e, sv) : NULL;

	if (ps)
		*ret = (struct mw_texts){ ps->f.roots.v, ps->n_told };
}

void mw_pol_servers_free(struct mw_engine *e)
{
	struct pol_server *ps;

	while (e->policy->servers && (ps = mw_table_oldest(e->policy->servers))) {
		(void)mw_table_remove(e->policy->servers, &ps->id);
		mw_pol_texts_free(e, &ps->texts);
		mw_buf_done(&ps->home);
		mw_buf_done(&ps->declared);
		mw_buf_done(&ps->resolved);
		mw_alloc_free(e->a, ps, sizeof(*ps));
	}
	mw_table_free(e->policy->servers);
	mw_table_free(e->policy->launched);
}

/* --- what its client declares -------------------------------------------------------------------
 */

static int hex_of(const uint8_t *p)
{
	int v = 0;

	for (int i = 0; i < 2; i++) {
		const int c = p[i] | 0x20;

		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* The path of a file: URL (RFC 8089), in place. */
static struct mw_slice file_path(struct mw_buf *url)
{
	static const struct mw_slice head = MW_SLICE_LIT("file://");
	size_t from = head.n, n = 0;

	if (!mw_slice_starts(mw_buf_slice(url), head))
		return mw_slice(NULL, 0);
	while (from < url->len && url->p[from] != '/')
		from++; /* a host: this one */
	for (size_t i = from; i < url->len; i++, n++) {
		const int v = url->p[i] == '%' && url->len - i > 2 ? hex_of(url->p + i + 1) : -1;

		url->p[n] = v > 0 ? (uint8_t)v : url->p[i];
		i += v > 0 ? 2 : 0;
	}
	while (n > 1 && url->p[n - 1] == '/')
		n--;
	return mw_slice(url->p, n);
}

bool mw_pol_roots_listed(struct mw_engine *e, struct pol_server *ps, struct mw_slice result)
{
	struct mw_slice roots, one, uri;
	struct mw_json_item it;
	struct mw_json j;
	bool more = false;
	size_t n = 0;

	if (mw_json_member(result, "roots", &roots, NULL) < 0 || roots.p[0] != '[')
		return false;
	mw_json_init(&j, roots, MW_JSON_DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1)
		return false;
	while (mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_OBJECT) {
		struct mw_buf *text = &e->policy->text;

		if (n++ == MW_POL_ROOTS_MAX) {
			ps->declared_more = true;
			ps->gen = UINT64_MAX;
			break;
		}
		if (mw_json_skip(&j, &it, &one) < 0)
			break;
		text->len = 0;
		if (mw_json_member(one, "uri", &uri, NULL) == 0 &&
		    mw_json_str_decode_head(uri, PATH_LEN_MAX, text) == 0)
			more |= add_root(e, ps, &ps->declared, file_path(text));
	}
	return more;
}
