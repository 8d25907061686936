/* SPDX-License-Identifier: Apache-2.0 */
/* agents' configuration files: what they name, and what they must not do to us */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/names.h"
#include "scope_fx.h"

#define ARGV(s) MW_SLICE_LIT(s)

static void parse(const char *text, bool toml, int want, struct mw_name_list *l)
{
	*l = (struct mw_name_list){ 0 };
	assert_int_equal(toml ? mw_names_parse_toml(text, strlen(text), l)
			      : mw_names_parse_json(text, strlen(text), l),
			 want);
}

static void check(const struct mw_name *e, const char *name, const char *command, const char *args,
		  size_t args_len, const char *url)
{
	assert_string_equal(e->name, name);
	if (command)
		assert_string_equal(e->command, command);
	else
		assert_null(e->command);
	if (url)
		assert_string_equal(e->url, url);
	else
		assert_null(e->url);
	assert_int_equal(e->args_len, args_len);
	assert_memory_equal(e->args, args, args_len);
}

static void test_json(void **state)
{
	struct mw_name_list l;

	parse("{\"mcpServers\":{\"fs\":{\"command\":\"npx\",\"args\":[\"-y\",\"a b\"],\"env\":{}},"
	      "\"h\":{\"type\":\"http\",\"url\":\"http://localhost:1/mcp\"}}}",
	      false, 0, &l);
	assert_int_equal(l.n, 2);
	check(&l.v[0], "fs", "npx", "-y\0a b\0", 7, NULL);
	check(&l.v[1], "h", NULL, "", 0, "http://localhost:1/mcp");
	mw_name_list_done(&l);
	/* VS Code and Zed: other keys, comments, commas */
	parse("// mine\n{ \"servers\": { \"v\": { \"command\": \"c\", /* x, } */ \"args\": "
	      "[\"//n\",] }, } }",
	      false, 0, &l);
	assert_int_equal(l.n, 1);
	check(&l.v[0], "v", "c", "//n\0", 4, NULL);
	mw_name_list_done(&l);
	parse("{\"theme\":1,\"context_servers\":{\"z\":{\"command\":{\"path\":\"/"
	      "p\",\"args\":[\"q\"]}}}}",
	      false, 0, &l);
	check(&l.v[0], "z", "/p", "q\0", 2, NULL);
	mw_name_list_done(&l);
	parse("{\"mcpServers\":{\"g\":{\"httpUrl\":\"http://a\"},\"w\":{\"serverUrl\":\"http://"
	      "b\"}}}",
	      false, 0, &l);
	check(&l.v[0], "g", NULL, "", 0, "http://a");
	check(&l.v[1], "w", NULL, "", 0, "http://b");
	mw_name_list_done(&l);
	/* by project, as .claude.json has it */
	parse("{\"mcpServers\":{},\"projects\":{\"/src/"
	      "x\":{\"mcpServers\":{\"p\":{\"command\":\"c\"}}}}}",
	      false, 0, &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.v[0].dir, "/src/x");
	mw_name_list_done(&l);
}

/* None of these names anything, and none does harm. */
static void test_hostile_json(void **state)
{
	static const char *const odd[] = {
		"{}",
		"{\"mcpServers\":[]}",
		"{\"mcpServers\":{\"a\":1,\"b\":[],\"c\":{},\"d\":{\"command\":5},\"e\":{"
		"\"command\":\"\"}}}",
		"{\"mcpServers\":{\"\":{\"command\":\"x\"}}}",
		"{\"mcpServers\":{\"a\":{\"command\":\"x\",\"args\":[1]},\"b\":{\"command\":\"x\","
		"\"args\":[\"y\",null]}}}",
		"{\"projects\":{\"rel\":{\"mcpServers\":{\"p\":{\"command\":\"c\"}}},\"/x\":5}}",
	};
	static const char *const broken[] = { "",     "[]",  "{",	   "\"", "{\"a\": /* ",
					      "{\"a", "nul", "{\"a\":\"\\" };
	struct mw_name_list l;
	char *text;
	size_t i, n;

	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		parse(odd[i], false, 0, &l);
		for (size_t k = 0; k < l.n; k++)
			assert_null(l.v[k].command);
		mw_name_list_done(&l);
	}
	for (i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		parse(broken[i], false, -EBADMSG, &l);
	/* nested deeper than we go */
	text = calloc(1, 200001);
	memset(text, '[', 200000);
	parse(text, false, -EBADMSG, &l);
	memset(text, '{', 200000);
	parse(text, false, -EBADMSG, &l);
	/* more servers than a file may have; a name and arguments that are too long */
	n = (size_t)snprintf(text, 200001, "{\"servers\":{");
	for (i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, 200001 - n, "%s\"s%zu\":{\"command\":\"c\"}",
				      i ? "," : "", i);
	snprintf(text + n, 200001 - n, "}}");
	parse(text, false, 0, &l);
	assert_int_equal(l.n, MW_NAMES_SERVERS_MAX);
	mw_name_list_done(&l);
	memset(text, 'x', 20000);
	memcpy(text, "{\"mcpServers\":{\"a\":{\"command\":\"c\",\"args\":[\"",
	       strlen("{\"mcpServers\":{\"a\":{\"command\":\"c\",\"args\":[\""));
	memcpy(text + 20000, "\"]}}}", 6);
	parse(text, false, 0, &l);
	assert_true(l.n == 0 || !l.v[0].command);
	mw_name_list_done(&l);
	memset(text, 'x', 20000);
	memcpy(text, "{\"mcpServers\":{\"", 16);
	memcpy(text + 20000, "\":{\"command\":\"c\"}}}", 20);
	parse(text, false, 0, &l);
	assert_int_equal(l.n, 0);
	mw_name_list_done(&l);
	free(text);
}

static void test_toml(void **state)
{
	struct mw_name_list l;

	parse("model = \"o\"\n"
	      "[mcp_servers.plain] # a comment\n"
	      "command = \"npx\"\n"
	      "args = [\"-y\", 'lit\\eral',\n"
	      "  # between\n"
	      "  \"tab\\t\\u00e9\",\n"
	      "]\n"
	      "startup = 3\n"
	      "[mcp_servers.plain.env]\n"
	      "command = \"not this\"\n"
	      "[mcp_servers.\"quoted name\"]\n"
	      "url = 'http://localhost:99/mcp'\n"
	      "[ mcp_servers . spaced ]\n"
	      "command=\"c\"\n"
	      "[other]\n"
	      "command = \"x\"\n",
	      true, 0, &l);
	assert_int_equal(l.n, 3);
	check(&l.v[0], "plain", "npx", "-y\0lit\\eral\0tab\t\xc3\xa9\0", 19, NULL);
	check(&l.v[1], "quoted name", NULL, "", 0, "http://localhost:99/mcp");
	check(&l.v[2], "spaced", "c", "", 0, NULL);
	mw_name_list_done(&l);
}

static void test_hostile_toml(void **state)
{
	static const char *const none[] = {
		"",
		"[",
		"[mcp_servers",
		"[mcp_servers.",
		"[mcp_servers.]\ncommand = \"x\"",
		"[mcp_servers.a",
		"[mcp_servers.a]",
		"[mcp_servers.a]\nargs = [\"x\"]\n",
		"[mcp_servers.a]\ncommand = \"x\nargs = []\n",
		"[mcp_servers.a]\ncommand = \"x\"\nargs = [\"a\"\n",
		"[mcp_servers.a]\ncommand = \"x\"\nargs = [1]\n",
		"[mcp_servers.a]\ncommand = \"x\\q\"\n",
		"[mcp_servers.a]\ncommand = \"x\\u12\"\n",
		"[mcp_servers.a]\ncommand = \"x\\ud800\"\n",
		"[mcp_servers.a]\ncommand = \"x\\u0000\"\n",
		"[mcp_servers.a.env]\ncommand = \"x\"\n",
		"[[mcp_servers.a]]\ncommand = \"x\"\n",
		"command = \"x\"\n",
		"[mcp_servers.\"\"]\ncommand = \"x\"\n",
	};
	struct mw_name_list l;
	char *text = malloc(100000);
	size_t n = 0;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		struct test_guard g;
		struct mw_slice copy;

		test_guard_init(&g, 256);
		copy = test_guard_copy(&g, mw_slice_str(none[i]));
		l = (struct mw_name_list){ 0 };
		assert_int_equal(mw_names_parse_toml((const char *)copy.p, copy.n, &l), 0);
		if (l.n)
			fail_msg("%s: %s", none[i], l.v[0].name);
		mw_name_list_done(&l);
		test_guard_done(&g);
	}
	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, 64, "[mcp_servers.s%d]\ncommand='c'\n", i);
	parse(text, true, 0, &l);
	assert_int_equal(l.n, MW_NAMES_SERVERS_MAX);
	mw_name_list_done(&l);
	memset(text, 'x', 50000);
	memcpy(text, "[mcp_servers.a]\ncommand='", 25);
	memcpy(text + 50000, "'\n", 3);
	parse(text, true, 0, &l);
	assert_int_equal(l.n, 0);
	mw_name_list_done(&l);
	free(text);
}

/* --- files ---------------------------------------------------------------------------------------
 */

struct dir {
	char root[64];
	struct mw_names *names;
	struct mw_names_place place;
	char found[MW_NAMES_LEN_MAX + 1], file[512];
};

static void setup(struct dir *d)
{
	*d = (struct dir){ .root = "/tmp/mw-names-XXXXXX" };
	assert_non_null(mkdtemp(d->root));
	d->place = (struct mw_names_place){
		.root = d->root, .home = "/home/u", .cwd = "/src/a/b", .uid = getuid()
	};
	assert_int_equal(mw_names_new(&d->names), 0);
}

static void teardown(struct dir *d)
{
	char cmd[128];

	mw_names_free(d->names);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", d->root);
	assert_int_equal(system(cmd), 0);
}

/* Its path below the root of the client; the folders above are made. */
static void put(struct dir *d, const char *path, const char *text)
{
	char full[512], *p;
	int fd;

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	for (p = full + strlen(d->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *find(struct dir *d, struct mw_slice argv, const struct mw_addr *addr)
{
	struct mw_names_query q = {
		.places = &d->place, .n_places = 1, .argvs = &argv, .n_argvs = 1, .addr = addr
	};
	const char *name, *file;

	if (!mw_names_find(d->names, &q, &name, &file))
		return NULL;
	snprintf(d->found, sizeof(d->found), "%s", name);
	snprintf(d->file, sizeof(d->file), "%s", file);
	return d->found;
}

#define NAMED(x) "{\"mcpServers\":{\"" x "\":{\"command\":\"npx\",\"args\":[\"-y\",\"pkg\"]}}}"

/* Nearest first: the project, the folders above it, the home. A change of a file is seen. */
static void test_places(void **state)
{
	struct mw_slice argv = ARGV("node\0/usr/bin/npx\0-y\0pkg\0");
	struct dir d;

	setup(&d);
	put(&d, "/home/u/.other", "");
	put(&d, "/src/a/b/file", "");
	assert_null(find(&d, argv, NULL));
	put(&d, "/home/u/.gemini/settings.json", NAMED("gemini"));
	assert_string_equal(find(&d, argv, NULL), "gemini");
	put(&d, "/home/u/.claude.json", NAMED("home"));
	assert_string_equal(find(&d, argv, NULL), "home");
	assert_string_equal(d.file, "/home/u/.claude.json");
	put(&d, "/home/u/.claude.json",
	    "{\"mcpServers\":{\"home\":{\"command\":\"npx\",\"args\":[\"-y\",\"pkg\"]}},"
	    "\"projects\":{\"/src/a\":" NAMED("project") "}}");
	assert_string_equal(find(&d, argv, NULL), "project");
	d.place.cwd = "/src/ab";
	assert_string_equal(find(&d, argv, NULL), "home");
	d.place.cwd = "/src/a/b";
	put(&d, "/.mcp.json", NAMED("root"));
	assert_string_equal(find(&d, argv, NULL), "root");
	put(&d, "/src/.cursor/mcp.json", NAMED("above"));
	assert_string_equal(find(&d, argv, NULL), "above");
	put(&d, "/src/a/b/.vscode/mcp.json",
	    "{\"servers\":{\"here\":{\"command\":\"npx\",\"args\":[\"-y\",\"pkg\"]}}}");
	assert_string_equal(find(&d, argv, NULL), "here");
	put(&d, "/src/a/b/.codex/config.toml",
	    "[mcp_servers.toml]\ncommand=\"npx\"\nargs=[\"-y\",\"pkg\"]\n");
	assert_string_equal(find(&d, argv, NULL), "here");
	put(&d, "/src/a/b/.vscode/mcp.json", "{}  ");
	assert_string_equal(find(&d, argv, NULL), "toml");
	assert_string_equal(d.file, "/src/a/b/.codex/config.toml");
	teardown(&d);
}

static void test_match(void **state)
{
	static const struct {
		const char *command, *args;
		struct mw_slice argv;
		bool hit;
	} cases[] = {
		{ "npx", "\"-y\",\"pkg\"", ARGV("npx\0-y\0pkg\0"), true },
		{ "npx", "\"-y\",\"pkg\"", ARGV("/usr/bin/env\0node\0/usr/bin/npx\0-y\0pkg\0"),
		  true },
		{ "/opt/npx", "\"-y\",\"pkg\"", ARGV("node\0/opt/npx\0-y\0pkg\0"), true },
		{ "/opt/npx", "\"-y\",\"pkg\"", ARGV("node\0/usr/bin/npx\0-y\0pkg\0"), false },
		{ "/opt/npx", "\"-y\",\"pkg\"", ARGV("npx\0-y\0pkg\0"), true },
		{ "npx", "\"-y\",\"pkg\"", ARGV("npx\0-y\0pkg\0more\0"), false },
		{ "npx", "\"-y\",\"pkg\"", ARGV("npx\0-y\0pkg2\0"), false },
		{ "npx", "\"-y\",\"pkg\"", ARGV("npx\0--\0-y\0pkg\0"), false },
		{ "npx", "\"-y\",\"pkg\"", ARGV("npx\0-y\0pkg"), false },
		{ "npx", "\"-y\",\"pkg\"", ARGV("-y\0pkg\0"), false },
		{ "npx", "\"y\"", ARGV("npx\0-y\0"), false },
		{ "uvx", "\"mcp-server-time\"", ARGV("uv\0tool\0uvx\0mcp-server-time\0"), true },
		{ "/s/run.py", "", ARGV("/usr/bin/python3\0/s/run.py\0"), true },
		{ "run.py", "", ARGV("/usr/bin/python3\0/s/run.py\0"), true },
		{ "run.py", "", ARGV("/usr/bin/python3\0/s/rerun.py\0"), false },
		{ "run.py", "", ARGV(""), false },
		{ "run.py", "", ARGV("\0"), false },
		{ "run.py", "\"\"", ARGV("run.py\0\0"), true },
	};
	char text[512];
	struct dir d;

	setup(&d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		/* each of another length: the cache goes by that and by time */
		snprintf(text, sizeof(text),
			 "{\"mcpServers\":{\"n\":{\"command\":\"%s\",\"args\":[%s]}}}%*s",
			 cases[i].command, cases[i].args, (int)(100 + i), "");
		put(&d, "/src/a/b/.mcp.json", text);
		if (!find(&d, cases[i].argv, NULL) == cases[i].hit)
			fail_msg("case %zu", i);
	}
	/* two names for the same: none can be told; twice the same is no doubt */
	put(&d, "/src/a/b/.mcp.json",
	    "{\"mcpServers\":{\"a\":{\"command\":\"npx\"},\"b\":{\"command\":\"npx\"}}}");
	put(&d, "/home/u/.claude.json", "{\"mcpServers\":{\"c\":{\"command\":\"npx\"}}}");
	assert_null(find(&d, ARGV("npx\0"), NULL));
	put(&d, "/src/a/b/.mcp.json",
	    "{\"mcpServers\":{\"a\":{\"command\":\"npx\"}},\"servers\":{\"a\":{\"command\":\"npx\"}"
	    "}}");
	assert_string_equal(find(&d, ARGV("npx\0"), NULL), "a");
	teardown(&d);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		bool hit;
	} cases[] = {
		{ "http://localhost:8080/mcp", true },
		{ "http://127.0.0.1:8080", true },
		{ "HTTP://LOCALHOST:8080?x", true },
		{ "https://localhost:8080/", true },
		{ "http://[::1]:8080/mcp", true },
		{ "http://10.0.0.7:8080/mcp", true },
		{ "http://10.0.0.8:8080/mcp", false },
		{ "http://localhost:8081/mcp", false },
		{ "http://localhost/mcp", false },
		{ "http://example.org:8080/mcp", false },
		{ "http://localhost:8080@evil/", false },
		{ "http://localhost:80800/", false },
		{ "http://localhost:", false },
		{ "http://localhost:8080x/", false },
		{ "ws://localhost:8080/", false },
		{ "http://", false },
		{ "http://[::1", false },
	};
	struct mw_addr addr = t_addr4("10.0.0.7", 8080), mapped = t_addr6("::ffff:10.0.0.7", 8080);
	char text[512];
	struct dir d;

	setup(&d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "{\"mcpServers\":{\"n\":{\"url\":\"%s\"}}}%*s",
			 cases[i].url, (int)(100 + i), "");
		put(&d, "/src/a/b/.mcp.json", text);
		if (!find(&d, ARGV("x\0"), &addr) == cases[i].hit)
			fail_msg("case %zu", i);
		if (!find(&d, ARGV("x\0"), &mapped) == cases[i].hit)
			fail_msg("case %zu, mapped", i);
		assert_null(find(&d, ARGV("x\0"), NULL));
	}
	teardown(&d);
}

/* Links, devices, others' files, large ones: not opened, or not used. */
static void test_hostile_files(void **state)
{
	struct mw_slice argv = ARGV("npx\0-y\0pkg\0");
	char from[512], to[512], *big;
	struct dir d;

	setup(&d);
	put(&d, "/src/a/b/real.json", NAMED("n"));
	snprintf(from, sizeof(from), "%s/src/a/b/real.json", d.root);
	snprintf(to, sizeof(to), "%s/src/a/b/.mcp.json", d.root);
	assert_int_equal(symlink("real.json", to), 0);
	assert_null(find(&d, argv, NULL));
	unlink(to);
	assert_int_equal(mkfifo(to, 0644), 0);
	assert_null(find(&d, argv, NULL));
	unlink(to);
	assert_int_equal(mkdir(to, 0755), 0);
	assert_null(find(&d, argv, NULL));
	rmdir(to);
	/* a folder that leads out of the client's root leads back into it */
	snprintf(to, sizeof(to), "%s/src/a/b/.cursor", d.root);
	assert_int_equal(symlink("/../../../../../../../../tmp", to), 0);
	assert_null(find(&d, argv, NULL));
	unlink(to);
	assert_int_equal(symlink("/real", to), 0);
	put(&d, "/real/mcp.json", NAMED("linked"));
	assert_string_equal(find(&d, argv, NULL), "linked");
	unlink(to);
	/* neither root's nor the client's */
	put(&d, "/src/a/b/.mcp.json", NAMED("theirs"));
	snprintf(to, sizeof(to), "%s/src/a/b/.mcp.json", d.root);
	if (getuid() == 0) {
		assert_int_equal(chown(to, 12345, 12345), 0);
		assert_null(find(&d, argv, NULL));
		d.place.uid = 12345;
		assert_string_equal(find(&d, argv, NULL), "theirs");
		d.place.uid = getuid();
	}
	unlink(to);
	big = malloc(MW_NAMES_FILE_MAX + 100);
	memset(big, ' ', MW_NAMES_FILE_MAX + 99);
	memcpy(big, NAMED("n"), strlen(NAMED("n")));
	big[MW_NAMES_FILE_MAX] = '\0';
	put(&d, "/src/a/b/.mcp.json", big);
	assert_string_equal(find(&d, argv, NULL), "n");
	big[MW_NAMES_FILE_MAX] = ' ';
	big[MW_NAMES_FILE_MAX + 1] = '\0';
	put(&d, "/src/a/b/.mcp.json", big);
	assert_null(find(&d, argv, NULL));
	free(big);
	teardown(&d);
	/* no root, no folders, names that are no paths */
	setup(&d);
	d.place.cwd = "relative";
	d.place.home = "";
	assert_null(find(&d, argv, NULL));
	d.place.cwd = d.place.home = NULL;
	assert_null(find(&d, argv, NULL));
	d.place.root = "/nonexistent";
	assert_null(find(&d, argv, NULL));
	teardown(&d);
}

/* From a server that was recognised to its name: by what its wrapper was called with. */
static void test_scope_names(void **state)
{
	struct fx *f = fx_new("");
	struct dir d;

	setup(&d);
	put(&d, "/src/.mcp.json",
	    "{\"mcpServers\":{\"wrapped\":{\"command\":\"npx\"},\"web\":{\"url\":\"http://"
	    "localhost:8080/\"},"
	    "\"run\":{\"command\":\"old\"}}}");
	fx_proc(f, 10, 1, "/client")->cwd = "/src";
	f->proc[10].root = d.root;
	f->proc[10].uid = getuid();
	fx_exec(f, 20, 10, "/usr/bin/npx", 5, 6);
	fx_fork(f, 20, 21);
	fx_exec(f, 21, 20, "/usr/bin/node", 5, 6);
	f->proc[20].argv = "npm exec pkg"; /* as npm names itself once it runs */
	f->proc[20].argv_len = 13;
	fx_server(f, 21, 0);
	assert_int_equal(f->named, 21);
	assert_string_equal(f->name, "wrapped");
	assert_string_equal(f->file, "/src/.mcp.json");
	/* only once */
	f->named = 0;
	fx_server(f, 21, 0);
	assert_int_equal(f->named, 0);
	/* one that ran before: by its ancestors */
	fx_proc(f, 30, 10, "/bin/old");
	fx_proc(f, 31, 30, "/bin/inner");
	fx_pipe(f, 10, 31, 100);
	fx_server(f, 31, 0);
	assert_int_equal(f->named, 0); /* whose child it is it cannot know: 30 may be the client */
	fx_client(f, 31, 100, MW_CHAN_PIPE);
	assert_int_equal(f->named, 31);
	assert_string_equal(f->name, "run");
	/* HTTP: the one who connects has it configured */
	fx_proc(f, 40, 1, "/httpd");
	f->proc[40].root = "/nonexistent";
	fx_tcp(f, 40, 10, 8080, 5000, 300);
	fx_server(f, 40, 8080);
	assert_int_equal(f->named, 31);
	{
		struct mw_control c = { .kind = MW_CONTROL_CLIENT,
					.tgid = 40,
					.start_ns = tp(40).start_ns,
					.chan = 300,
					.chan_kind = MW_CHAN_TCP6,
					.addr = t_addr4("127.0.0.1", 8080) };

		fx_control_do(f, &c);
		fx_tick(f, FX_SEC);
	}
	assert_int_equal(f->named, 40);
	assert_string_equal(f->name, "web");
	fx_free(f);
	teardown(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),	    cmocka_unit_test(test_hostile_json),
		cmocka_unit_test(test_toml),	    cmocka_unit_test(test_hostile_toml),
		cmocka_unit_test(test_places),	    cmocka_unit_test(test_match),
		cmocka_unit_test(test_urls),	    cmocka_unit_test(test_hostile_files),
		cmocka_unit_test(test_scope_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
