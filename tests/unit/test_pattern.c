/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "cli/pattern.h"

static bool target(const char *pattern, const char *value)
{
	struct mw_patterns l = { 0 };
	struct mw_matched m = { 0 };
	bool pass;

	if (mw_patterns_add_target(&l, pattern) < 0)
		fail_msg("'%s' was refused", pattern);
	mw_patterns_target(&l, mw_slice_str(value), &m);
	pass = mw_patterns_pass(&l, m);
	mw_patterns_done(&l);
	return pass;
}

static void test_paths(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool want;
	} cases[] = {
		{ "/etc/passwd", "/etc/passwd", true },
		{ "/etc/passwd", "/etc/passwd-", false },
		{ "/etc/passwd", "/srv/etc/passwd", false },
		/* * within one part */
		{ "/etc/*", "/etc/passwd", true },
		{ "/etc/*", "/etc/ssh/sshd_config", false },
		{ "/etc/*.conf", "/etc/ld.so.conf", true },
		{ "/*/passwd", "/etc/passwd", true },
		{ "/*/passwd", "/a/b/passwd", false },
		{ "/etc/passw?", "/etc/passwd", true },
		{ "/etc?passwd", "/etc/passwd", false },
		{ "/etc[/]passwd", "/etc/passwd", false },
		/* ** beyond it */
		{ "/etc/**", "/etc/ssh/sshd_config", true },
		{ "/etc/**", "/etcetera", false },
		{ "/**/id_rsa", "/id_rsa", true },
		{ "/**/id_rsa", "/home/a/.ssh/id_rsa", true },
		{ "/**/id_rsa", "/home/a/xid_rsa", false },
		{ "/a/**/b", "/a/b", true },
		{ "/a/**/b", "/a/x/y/b", true },
		{ "/a/**/b", "/a/x/b/c", false },
		{ "/a/**/b/*.c", "/a/b/x/b/y.c", true },
		{ "/a/**/b/*.c", "/a/b/x/y.c", false },
		{ "**/x", "/x", true },
		{ "/a**z", "/a/b/cz", true },
		/* a folder and what is below it */
		{ "/etc/ssh/", "/etc/ssh", true },
		{ "/etc/ssh/", "/etc/ssh/a/b", true },
		{ "/etc/ssh/", "/etc/sshd", false },
		{ "/home/*/.ssh/", "/home/a/.ssh/id_rsa", true },
		{ ".ssh/", "/home/a/.ssh/id_rsa", true },
		{ ".ssh/", "/home/a/.sshx/id_rsa", false },
		{ "/", "/", true },
		/* the last part */
		{ "id_rsa", "/home/a/.ssh/id_rsa", true },
		{ "id_rsa", "/home/a/id_rsa/x", false },
		{ "*.key", "/etc/ssl/own.key", true },
		{ "*.key", "/etc/own.key/x", false },
		{ "*", "/etc/passwd", true },
		/* from no root */
		{ "ssh/id_rsa", "/home/ssh/id_rsa", true },
		{ "ssh/id_rsa", "/home/xssh/id_rsa", false },
		/* sets and what is meant as it is */
		{ "[a-c]x", "/bx", true },
		{ "[a-c]x", "/dx", false },
		{ "[!a-c]x", "/dx", true },
		{ "[]x]", "/]", true },
		{ "[\\]]", "/]", true },
		{ "a[", "/a[", true },
		{ "\\*", "/*", true },
		{ "\\*", "/x", false },
		{ "/srv/[x]", "/srv/[x]", true },
		/* left out */
		{ "!/etc/**", "/etc/passwd", false },
		{ "!/etc/**", "/srv/x", true },
		{ "\\!x", "/!x", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (target(cases[i].pattern, cases[i].value) != cases[i].want)
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].value);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *pattern, *value;
		bool want;
	} cases[] = {
		{ "10.0.0.0/8", "10.200.3.4:443", true },
		{ "10.0.0.0/8", "11.0.0.1:443", false },
		{ "10.0.0.0/8", "10.1.2.3", true },
		{ "10.0.0.0/8", "[::ffff:10.1.2.3]:80", true },
		{ "10.0.0.0/8", "/10.0.0.1", false },
		{ "10.0.0.0/31", "10.0.0.1:1", true },
		{ "10.0.0.0/31", "10.0.0.2:1", false },
		{ "0.0.0.0/0", "8.8.8.8:53", true },
		{ "0.0.0.0/0", "[2001:db8::1]:53", false },
		{ "192.0.2.7", "192.0.2.7:80", true },
		{ "192.0.2.7", "192.0.2.70:80", false },
		{ "192.0.2.7:443", "192.0.2.7:443", true },
		{ "192.0.2.7:443", "192.0.2.7:80", false },
		{ "192.0.2.7:443", "192.0.2.7", false },
		{ ":443", "192.0.2.7:443", true },
		{ ":443", "[::1]:443", true },
		{ ":443", "192.0.2.7:4430", false },
		{ ":443", "/x:443", false },
		{ "[::1]:443", "[::1]:443", true },
		{ "[::1]:443", "[::1]:80", false },
		{ "::1", "[::1]:443", true },
		{ "[::1]", "[0:0:0:0:0:0:0:1]:443", true },
		{ "fd00::/8", "[fd12::1]:443", true },
		{ "fd00::/8", "[fe80::1]:443", false },
		{ "::/0", "[fe80::1]:443", true },
		{ "!10.0.0.0/8", "10.0.0.1:80", false },
		{ "!10.0.0.0/8", "192.0.2.7:80", true },
		{ "example.com", "example.com", true },
		{ "*.example.com", "api.example.com", true },
		{ "unix:/run/x", "unix:/run/x", true },
	};
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/", "::1/129",
					   "192.0.2.7:70000", ":70000", "", "!" };
	struct mw_patterns l = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (target(cases[i].pattern, cases[i].value) != cases[i].want)
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].value);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mw_patterns_add_target(&l, bad[i]) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(l.n, 0);
	mw_patterns_done(&l);
}

static void test_lists(void **state)
{
	static const struct {
		const char *value;
		bool want;
	} cases[] = { { "get_a", true }, { "set_a", true }, { "get_secret", false }, { "x", false } };
	struct mw_patterns l = { 0 };
	struct mw_matched m;

	assert_int_equal(mw_patterns_add_name(&l, "get_*"), 0);
	assert_int_equal(mw_patterns_add_name(&l, "set_*"), 0);
	assert_int_equal(mw_patterns_add_name(&l, "!*secret*"), 0);
	for (size_t i = 0; i < 4; i++) {
		m = (struct mw_matched){ 0 };
		mw_patterns_name(&l, mw_slice_str(cases[i].value), &m);
		assert_int_equal(mw_patterns_pass(&l, m), cases[i].want);
	}
	mw_patterns_done(&l);
	/* in names a star crosses slashes */
	assert_true(mw_pattern_glob(MW_SLICE_LIT("a*z"), MW_SLICE_LIT("a/b/z"), false));
	/* leaving out alone leaves in what has no value */
	assert_int_equal(mw_patterns_add_name(&l, "!x"), 0);
	m = (struct mw_matched){ 0 };
	mw_patterns_name(&l, mw_slice(NULL, 0), &m);
	assert_true(mw_patterns_pass(&l, m));
	mw_patterns_done(&l);
}

/* A matcher of the plainest kind, to hold the quick one against. */
static bool plain(const char *g, const char *s, bool path)
{
	if (!*g)
		return !*s;
	if (path && g[0] == '*' && g[1] == '*') {
		do
			if (plain(g + 2, s, path))
				return true;
		while (*s++);
		return false;
	}
	if (*g == '*') {
		for (;; s++) {
			if (plain(g + 1, s, path))
				return true;
			if (!*s || (path && *s == '/'))
				return false;
		}
	}
	if (!*s || (*g == '?' && path && *s == '/'))
		return false;
	return (*g == '?' || *g == *s) && plain(g + 1, s + 1, path);
}

static void test_against_the_plain(void **state)
{
	static const char letters[] = "ab/*?", text[] = "ab/";
	uint32_t seed = 1;
	char g[8], s[10];

	for (int i = 0; i < 200000; i++) {
		size_t n, k;

		for (n = 0; n < sizeof(g) - 1 && (seed = seed * 1664525 + 1013904223) >> 29; n++)
			g[n] = letters[(seed >> 16) % 5];
		g[n] = '\0';
		for (k = 0; k < sizeof(s) - 1 && (seed = seed * 1664525 + 1013904223) >> 29; k++)
			s[k] = text[(seed >> 16) % 3];
		s[k] = '\0';
		/* that a ** may be no part at all is a rule of its own */
		if (strstr(g, "**/"))
			continue;
		if (mw_pattern_glob(mw_slice_str(g), mw_slice_str(s), i & 1) != plain(g, s, i & 1))
			fail_msg("'%s' against '%s', %d", g, s, i & 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_against_the_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
