/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/config.h"

static struct mw_config *parse_ok(const char *text)
{
	struct mw_config *c = NULL;
	char err[512] = "";

	if (mw_config_parse("f", text, strlen(text), err, sizeof(err), &c) < 0)
		fail_msg("refused: %s", err);
	return c;
}

static bool match(const struct mw_config_rules *rules, struct mw_slice exe, struct mw_slice argv,
		  uint32_t uid, struct mw_slice cgroup)
{
	struct mw_config_who who = { exe, argv, cgroup, uid };

	return mw_config_match(rules, &who);
}

static void check_refused(const char *text, size_t n, const char *want)
{
	struct mw_config *c = NULL;
	char err[512] = "";

	assert_int_equal(mw_config_parse("f", text, n, err, sizeof(err), &c), -EINVAL);
	assert_null(c);
	assert_null(strchr(err, '\n'));
	if (want)
		assert_string_equal(err, want);
}

static void test_empty(void **state)
{
	static const char *const texts[] = { "", "# only\n", "---\n", "{}\n", "watch: []\n" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct mw_config *c = parse_ok(texts[i]);

		assert_int_equal(c->watch.n, 0);
		assert_int_equal(c->ignore.n, 0);
		assert_true(c->discover);
		assert_null(c->log.dir);
		assert_null(c->keys_dir);
		assert_true(c->log.compress && c->log.append_only);
		assert_int_equal(c->ring_len, 0);
		assert_int_equal(c->message_max, 0);
		assert_null(c->control);
		assert_null(c->metrics_file);
		assert_int_equal(c->metrics_ns, 15000000000);
		assert_false(match(&c->watch, MW_SLICE_LIT("/x"), MW_SLICE_LIT("x\0"), 0,
					     MW_SLICE_LIT("/")));
		mw_config_free(c);
	}
}

static void test_all(void **state)
{
	struct mw_config *c = parse_ok("watch:\n"
				       "  - exe: /usr/bin/node\n"
				       "    argv: '*mcp*'\n"
				       "  - user: root\n"
				       "    cgroup: /a/*\n"
				       "  - user: 1234\n"
				       "    container: abc*\n"
				       "ignore:\n"
				       "  - exe: /bin/sh\n"
				       "discover: no\n"
				       "log:\n"
				       "  dir: /var/log/x\n"
				       "  keys: /var/keys\n"
				       "  segment_max: 8MiB\n"
				       "  compress: no\n"
				       "  append_only: no\n"
				       "  retention_days: 30\n"
				       "  retention_size: 1GiB\n"
				       "  seal_time: 200ms\n"
				       "  seal_records: 100\n"
				       "  seal_urgent: 5ms\n"
				       "  seal_idle: 2m\n"
				       "ring: 16MiB\n"
				       "message_max: 1048576\n");

	assert_int_equal(c->watch.n, 3);
	assert_string_equal(c->watch.rule[0].exe, "/usr/bin/node");
	assert_string_equal(c->watch.rule[0].argv, "*mcp*");
	assert_null(c->watch.rule[0].user);
	assert_int_equal(c->watch.rule[1].uid, 0);
	assert_int_equal(c->watch.rule[2].uid, 1234);
	assert_string_equal(c->watch.rule[2].container, "abc*");
	assert_int_equal(c->ignore.n, 1);
	assert_string_equal(c->ignore.rule[0].exe, "/bin/sh");
	assert_false(c->discover);
	assert_string_equal(c->log.dir, "/var/log/x");
	assert_string_equal(c->keys_dir, "/var/keys");
	assert_int_equal(c->log.segment_max, 8 << 20);
	assert_false(c->log.compress);
	assert_false(c->log.append_only);
	assert_int_equal(c->log.retention_ns, 30 * 86400 * 1000000000ull);
	assert_int_equal(c->log.retention_len, 1 << 30);
	assert_int_equal(c->log.seal_ns, 200000000);
	assert_int_equal(c->log.seal_records, 100);
	assert_int_equal(c->log.seal_urgent_ns, 5000000);
	assert_int_equal(c->log.seal_idle_ns, 120000000000ull);
	assert_int_equal(c->ring_len, 16 << 20);
	assert_int_equal(c->message_max, 1 << 20);
	mw_config_free(c);
	mw_config_free(NULL);
}

static void test_told(void **state)
{
	struct mw_config *c = parse_ok("control: none\n"
				       "metrics_file: /x/m.prom\n"
				       "metrics_every: 2m\n");

	assert_string_equal(c->control, "none");
	assert_string_equal(c->metrics_file, "/x/m.prom");
	assert_int_equal(c->metrics_ns, 120000000000);
	mw_config_free(c);
#define REFUSED(text, want) check_refused(text, strlen(text), want)
	REFUSED("control: x.sock\n", "f: line 1: 'control' must be an absolute path, or 'none'");
	REFUSED("ring: 1MiB\nmetrics_file: m.prom\n",
		"f: line 2: 'metrics_file' must be an absolute path");
	REFUSED("metrics_every: 0s\n", "f: line 1: 'metrics_every' must be from 1s to 1h, as 15s");
	REFUSED("metrics_every: 61m\n", "f: line 1: 'metrics_every' must be from 1s to 1h, as 15s");
	REFUSED("metrics_every: 15\n", "f: line 1: 'metrics_every' must be from 1s to 1h, as 15s");
#undef REFUSED
}

static void test_match(void **state)
{
	struct mw_config *c = parse_ok("watch:\n"
				       "  - {exe: /usr/bin/node, argv: '*mcp server*'}\n"
				       "  - {user: 0, cgroup: /a/*}\n");
	struct mw_slice node = MW_SLICE_LIT("/usr/bin/node"), py = MW_SLICE_LIT("/usr/bin/python3");
	struct mw_slice argv = MW_SLICE_LIT("node\0mcp\0server.js\0"), other = MW_SLICE_LIT("node\0x");
	struct mw_slice in = MW_SLICE_LIT("/a/b/c"), out = MW_SLICE_LIT("/b");

	assert_true(match(&c->watch, node, argv, 5, out));
	assert_false(match(&c->watch, node, other, 5, out));
	assert_false(match(&c->watch, py, argv, 5, out));
	assert_true(match(&c->watch, py, other, 0, in));
	assert_false(match(&c->watch, py, other, 1, in));
	assert_false(match(&c->watch, py, other, 0, out));
	assert_false(match(&c->watch, mw_slice(NULL, 0), mw_slice(NULL, 0), 5, mw_slice(NULL, 0)));
	mw_config_free(c);
}

static void test_container(void **state)
{
	static const char id[] =
		"4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339c4c01db0b339caaaa";
	struct mw_config *c = parse_ok("ignore:\n"
				       "  - {container: '4c01*aaaa', exe: /x}\n"
				       "  - container: box\n");
	struct mw_slice x = MW_SLICE_LIT("/x"), y = MW_SLICE_LIT("/y"), none = { NULL, 0 };
	char docker[128];

	snprintf(docker, sizeof(docker), "/system.slice/docker-%s.scope", id);
	assert_true(match(&c->ignore, x, none, 0, mw_slice_str(docker)));
	assert_false(match(&c->ignore, y, none, 0, mw_slice_str(docker)));
	assert_false(match(&c->ignore, x, none, 0, MW_SLICE_LIT("/system.slice/x.service")));
	assert_false(match(&c->ignore, x, none, 0, none));
	assert_true(match(&c->ignore, y, none, 0, MW_SLICE_LIT("/lxc.payload.box/init.scope")));
	assert_false(match(&c->watch, x, none, 0, mw_slice_str(docker)));
	mw_config_free(c);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "watch:\n- exe: a\n  foo: b\n", "f: line 3: unknown key 'foo'" },
		{ "\nwatc:\n", "f: line 2: unknown key 'watc'" },
		{ "watch: 3\n", "f: line 1: 'watch' must be a list, not a single value" },
		{ "watch:\n- exe: [a]\n", "f: line 2: 'exe' must be a single value, not a list" },
		{ "- 1\n", "f: line 1: 'the file' must be a mapping (key: value), not a list" },
		{ "watch:\n- {}\n", "f: line 1: entry 1 of 'watch' has no condition" },
		{ "watch:\n- exe:\n", "f: line 2: 'exe' has no value" },
		{ "ignore:\n- {}\n", "f: line 1: entry 1 of 'ignore' has no condition" },
		{ "ignore:\n- user: no-such-user-here\n",
		  "f: line 2: there is no user 'no-such-user-here'" },
		{ "discover: maybe\n", "f: line 1: 'discover' must be yes or no" },
		{ "discover: [x]\n", "f: line 1: 'discover' must be a single value, not a list" },
		{ "ring: 8MiB\nring: 16MiB\n", "f: line 2: key 'ring' is there twice" },
		{ "\n\nring: 3MiB\n",
		  "f: line 3: 'ring' must be a power of two from 64KiB to 1GiB, as 8MiB" },
		{ "ring: 4K\n", NULL },
		{ "log:\n  dir: x\n", "f: line 2: 'dir' must be a path from the root" },
		{ "log:\n  keys: x\n", "f: line 2: 'keys' must be a path from the root" },
		{ "log:\n  seal_time: 1\n",
		  "f: line 2: 'seal_time' must be from 10ms to 1h, as 1s" },
		{ "log:\n  seal_time: 5ms\n", NULL },
		{ "log:\n  seal_urgent: 2s\n", NULL },
		{ "log:\n  seal_idle: 99999999999999999h\n", NULL },
		{ "log:\n  retention_days: 6\n",
		  "f: line 2: 'retention_days' must be a number of days from 7 to 36500" },
		{ "log:\n  retention_days: 90d\n", NULL },
		{ "log:\n  segment_max: 2GiB\n",
		  "f: line 2: 'segment_max' must be from 1MiB to 1GiB, as 64MiB" },
		{ "log:\n  compress: zstd\n", "f: line 2: 'compress' must be yes or no" },
		{ "log:\n  append_only: 1\n", "f: line 2: 'append_only' must be yes or no" },
		{ "log:\n  seal: 1\n", "f: line 2: unknown key 'seal'" },
		{ "ring: -1\n", NULL },
		{ "content:\n- server: 'a*'\n  keep: some\n",
		  "f: line 3: 'keep' must be full, args or hash" },
		{ "content:\n- server: 'a*'\n", NULL },
		{ "content:\n- keep: hash\n", NULL },
		{ "ring: 99999999999999999999GiB\n", NULL },
		{ "message_max: 1\n",
		  "f: line 1: 'message_max' must be from 1KiB to 1GiB, as 32MiB" },
		{ "watch:\n- user: no-such-user-here\n",
		  "f: line 2: there is no user 'no-such-user-here'" },
		{ "log: {dir: x}\n", "f: line 1: 'dir' must be a path from the root" },
		{ "log: x\n", NULL },
		{ "log: {dirr: /x}\n", "f: line 1: unknown key 'dirr'" },
		{ "ring: 8MiB\n---\nring: 16MiB\n",
		  "f: line 2: a second document; the file may hold one" },
		{ "watch: &w\n- exe: a\nring: *w\n",
		  "f: line 3: aliases (*name) are not taken; write the value out" },
		{ "ring: 8MiB\nwatch: [\n", NULL },
		{ "ring: \"abc\n", NULL },
		{ "a: b: c\n", NULL },
		{ "\tring: 1\n", NULL },
		{ "%YAML 9.9\n---\n", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(cases[i].text, strlen(cases[i].text), cases[i].want);
}

static void test_hostile(void **state)
{
	static char deep[100000];
	static const char binary[] = "ring: 8MiB\n\x01\x02\0\xff\xfe";
	static const char nul[] = "ring: 8MiB\0x: y\n";

	memset(deep, '[', sizeof(deep));
	check_refused(deep, sizeof(deep), "f: line 1: nested too deeply");
	check_refused(binary, sizeof(binary) - 1,
		      "f: line 2: not valid YAML: control characters are not allowed");
	check_refused(nul, sizeof(nul) - 1, NULL);
	check_refused("\xff\xfe", 2, NULL);
	check_refused("ring: \xc3\x28\n", 8, NULL);
}

static void test_file(void **state)
{
	char path[] = "/tmp/mw-config-XXXXXX", err[512] = "", *big;
	struct mw_config *c = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ring: 8M\n", 9), 9);
	assert_int_equal(mw_config_load(path, err, sizeof(err), &c), 0);
	assert_int_equal(c->ring_len, 8 << 20);
	mw_config_free(c);
	c = NULL;

	big = malloc(MW_CONFIG_MAX + 10);
	memset(big, '#', MW_CONFIG_MAX + 10);
	assert_int_equal(pwrite(fd, big, MW_CONFIG_MAX + 10, 0), MW_CONFIG_MAX + 10);
	free(big);
	assert_int_equal(mw_config_load(path, err, sizeof(err), &c), -EINVAL);
	assert_non_null(strstr(err, "longer than 1 MiB"));
	close(fd);
	unlink(path);
	assert_int_equal(mw_config_load(path, err, sizeof(err), &c), -ENOENT);
	assert_non_null(strstr(err, path));
	assert_int_equal(mw_config_load("/tmp", err, sizeof(err), &c), -EISDIR);
	assert_null(c);
}

/* The file that is installed: all of its examples hold when they are not comments. */
static void test_default_file(void **state)
{
	char err[512] = "", text[8192], out[8192];
	struct mw_config *c = NULL;
	size_t n, i, k = 0;
	FILE *f;

	f = fopen("../../src/dist/mcpwatch.yaml", "r");
	if (!f)
		skip();
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_true(n < sizeof(text));
	c = NULL;
	assert_int_equal(mw_config_parse("f", text, n, err, sizeof(err), &c), 0);
	assert_int_equal(c->watch.n, 0);
	mw_config_free(c);
	c = NULL;
	/* "#key" is an example, "# word" is prose; there is no user "agent" here */
	for (i = 0; i < n; i++) {
		bool start = i == 0 || text[i - 1] == '\n';

		if (start && text[i] == '#' && i + 1 < n && text[i + 1] != ' ' && text[i + 1] != '\n')
			continue;
		if (start && text[i] == '#' && i + 2 < n && text[i + 1] == ' ' && text[i + 2] == ' ' &&
		    (memmem(text + i, 8, "- ", 2) || memmem(text + i, 12, "argv: '", 7) ||
		     memmem(text + i, 10, "dir: /", 6) || memmem(text + i, 12, "keep: ", 6)))
			continue;
		out[k++] = text[i];
	}
	for (i = 0; i + 5 < k; i++)
		if (memcmp(out + i, "agent\n", 6) == 0 && out[i - 1] == ' ')
			memcpy(out + i, "root ", 5);
	if (mw_config_parse("f", out, k, err, sizeof(err), &c) < 0)
		fail_msg("%s", err);
	assert_int_equal(c->watch.n, 3);
	assert_int_equal(c->ignore.n, 2);
	assert_true(c->discover);
	assert_int_equal(c->ring_len, 32 << 20);
	assert_int_equal(c->message_max, 32 << 20);
	assert_int_equal(c->content.n, 2);
	assert_string_equal(c->content.rule[0].server, "crm uid=*");
	assert_int_equal(c->content.rule[0].keep, MW_CONTENT_HASH);
	assert_int_equal(c->content.rule[1].keep, MW_CONTENT_ARGS);
	assert_string_equal(c->log.dir, "/var/lib/mcpwatch/log");
	mw_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	cmocka_unit_test(test_all),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_match),	cmocka_unit_test(test_container),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_file),
		cmocka_unit_test(test_default_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
