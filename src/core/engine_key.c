/* SPDX-License-Identifier: Apache-2.0 */
/* engine_key.c - what a server is called from one start to the next */
#include <errno.h>

#include "core/engine_priv.h"

#define PATH_LEN_MAX 4096

static struct mw_slice after_last(struct mw_slice s, const char *mark)
{
	struct mw_slice m = mw_slice_str(mark);
	size_t i;

	for (i = s.n; i >= m.n && m.n; i--)
		if (memcmp(s.p + i - m.n, m.p, m.n) == 0)
			return mw_slice_from(s, i);
	return mw_slice(NULL, 0);
}

/* What the interpreter runs: the first argument that looks like a script, or -m's module. */
static struct mw_slice script_of(struct mw_slice argv)
{
	static const char *const tails[] = { ".py", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php" };
	struct mw_slice arg;
	size_t i, k;

	for (i = 1; i < 32; i++) {
		arg = mw_argv_at(argv, i);
		if (!arg.p)
			break;
		if (mw_slice_eq_str(arg, "-m"))
			return mw_argv_at(argv, i + 1);
		if (!arg.n || arg.p[0] == '-')
			continue;
		for (k = 0; k < sizeof(tails) / sizeof(*tails); k++)
			if (mw_slice_ends(arg, mw_slice_str(tails[k])))
				return arg;
		return i == 1 && memchr(arg.p, '/', arg.n) ? arg : mw_slice(NULL, 0);
	}
	return mw_slice(NULL, 0);
}

static bool is_interpreter(struct mw_slice exe)
{
	static const char *const names[] = { "python", "node", "bun",  "deno", "ruby", "php",
					     "perl",   "sh",   "bash", "dash", "java" };
	struct mw_slice base = after_last(exe, "/");
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mw_slice_starts(base, mw_slice_str(names[i])))
			return true;
	return false;
}

struct mw_slice mw_eng_script_of(const struct mw_proc *p)
{
	return is_interpreter(p->exe) ? script_of(p->argv) : mw_slice(NULL, 0);
}

/* The executable, and of an interpreter what it runs, without the folders that package runners name
 * by hash. */
static int program_key(struct mw_engine *e, const struct mw_proc *p, struct mw_buf *out)
{
	struct mw_slice script = mw_eng_script_of(p);
	struct mw_slice pkg = { NULL, 0 };
	struct mw_buf path;
	int r;

	mw_buf_init(&path, e->a, PATH_LEN_MAX);
	if (script.n) {
		pkg = after_last(script, "/node_modules/.bin/");
		if (!pkg.n)
			pkg = after_last(script, "/node_modules/");
		if (!pkg.n)
			pkg = script;
		if (pkg.p == script.p && memchr(script.p, '/', script.n) && script.p[0] != '/' &&
		    p->cwd.n) {
			r = mw_path_join(&path, p->cwd, script);
			if (r == -ENOMEM)
				goto done;
			if (r == 0)
				pkg = mw_buf_slice(&path);
		}
	}
	r = mw_buf_append(out, p->exe.p, p->exe.n);
	if (r == 0 && pkg.n)
		r = mw_buf_append_byte(out, ' ');
	if (r == 0)
		r = mw_buf_append(out, pkg.p, pkg.n);
done:
	mw_buf_done(&path);
	return r;
}

/* As an agent would be told to reach it. */
static int url_key(const struct mw_server *sv, struct mw_buf *out)
{
	const char *scheme = "tcp://";
	int r;

	if (!sv->addr.family)
		return 0;
	if (sv->transport == MW_TRANSPORT_HTTP || sv->transport == MW_TRANSPORT_SSE)
		scheme = "http://";
	else if (sv->transport == MW_TRANSPORT_WEBSOCKET)
		scheme = "ws://";
	r = mw_buf_append_str(out, scheme);
	if (r == 0)
		r = mw_addr_print(out, &sv->addr, mw_slice(NULL, 0));
	if (r != -EINVAL)
		return r;
	out->len = 0;
	return 0;
}

struct mw_slice mw_eng_configured_name(const struct mw_engine *e, const struct mw_server *sv)
{
	return mw_procs_name(e->procs, mw_procs_named(e->procs, sv->proc, sv->client));
}

int mw_eng_server_key(struct mw_engine *e, const struct mw_server *sv, struct mw_buf *out)
{
	const struct mw_proc *p = mw_procs_get(e->procs, sv->proc);
	struct mw_slice name = mw_eng_configured_name(e, sv);
	int r;

	if (!name.n && (!p || !p->exe.n))
		return url_key(sv, out);
	r = name.n ? mw_buf_append(out, name.p, name.n) : program_key(e, p, out);
	if (r == 0)
		r = mw_buf_append_str(out, " uid=");
	if (r == 0)
		r = mw_buf_append_u64(out, p->uid);
	return r;
}
