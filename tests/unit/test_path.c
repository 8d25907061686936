/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "core/errname.h"
#include "core/host.h"
#include "core/path.h"

static void expect_join(const char *base, const char *asked, const char *want)
{
	struct test_guard g1, g2;
	struct mw_buf b;

	test_guard_init(&g1, 4096);
	test_guard_init(&g2, 4096);
	mw_buf_init(&b, &test_alloc, 1000);
	assert_int_equal(mw_buf_append_str(&b, "before"), 0);
	assert_int_equal(mw_path_join(&b, test_guard_copy(&g1, mw_slice_str(base)),
				      test_guard_copy(&g2, mw_slice_str(asked))),
			 0);
	assert_true(b.len >= 6 && memcmp(b.p, "before", 6) == 0);
	assert_slice_equal(mw_slice(b.p + 6, b.len - 6), want);
	mw_buf_done(&b);
	test_guard_done(&g1);
	test_guard_done(&g2);
}

static void joins(void **state)
{
	expect_join("/a/b", "c", "/a/b/c");
	expect_join("/a/b", "/c", "/c");
	expect_join("/a/b", "", "/a/b");
	expect_join("", "", ".");
	expect_join("/", "x", "/x");
	expect_join("/", ".", "/");
	expect_join("/", "../..", "/");
	expect_join("/a/b", "../c", "/a/c");
	expect_join("/a/b", "../../c", "/c");
	expect_join("/a/b", "../../../c", "/c");
	expect_join("/a/b", "./c//d/./e/", "/a/b/c/d/e");
	expect_join("/a/b", "..", "/a");
	expect_join("/a", "..", "/");
	expect_join("", "/", "/");
	expect_join("", "//a//", "/a");
	expect_join("", "/a/../../b", "/b");
	expect_join("", "a/../b", "b");
	expect_join("", "a/..", ".");
	expect_join("", "../a", "../a");
	expect_join("", "../../a/..", "../..");
	expect_join("a", "../../b", "../b");
	expect_join("", "...", "...");
	expect_join("/x", "..a/.b", "/x/..a/.b");
	expect_join("/a\xff", "b\nc", "/a\xff/b\nc");
}

static void join_keeps_its_bounds(void **state)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 6);
	assert_int_equal(mw_path_join(&b, MW_SLICE_LIT("/a"), MW_SLICE_LIT("bc")), 0);
	assert_int_equal(mw_path_join(&b, MW_SLICE_LIT("/a"), MW_SLICE_LIT("bc")), -E2BIG);
	assert_buf_equal(&b, "/a/bc");
	mw_buf_done(&b);
	test_alloc_fail_at(1);
	mw_buf_init(&b, &test_alloc_failing, 100);
	assert_int_equal(mw_path_join(&b, MW_SLICE_LIT("/a"), MW_SLICE_LIT("bc")), -ENOMEM);
	assert_int_equal(b.len, 0);
	test_alloc_fail_at(0);
}

static void expect_addr(struct mw_addr a, struct mw_slice name, const char *want)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 1000);
	assert_int_equal(mw_addr_print(&b, &a, name), 0);
	assert_buf_equal(&b, want);
	mw_buf_done(&b);
}

static void prints_addresses(void **state)
{
	const struct mw_slice none = { NULL, 0 };
	struct mw_addr un = { .family = AF_UNIX }, no = { 0 };
	struct mw_buf b;

	expect_addr(t_addr4("1.2.3.4", 80), none, "1.2.3.4:80");
	expect_addr(t_addr4("255.255.255.255", 65535), none, "255.255.255.255:65535");
	expect_addr(t_addr6("::", 0), none, "[::]:0");
	expect_addr(t_addr6("::1", 80), none, "[::1]:80");
	expect_addr(t_addr6("::ffff:127.0.0.1", 8080), none, "127.0.0.1:8080");
	expect_addr(un, MW_SLICE_LIT("/run/x.sock"), "unix:/run/x.sock");
	expect_addr(un, MW_SLICE_LIT("\0abstract"), "unix:@abstract");
	expect_addr(un, none, "unix:");
	mw_buf_init(&b, &test_alloc, 8);
	assert_int_equal(mw_addr_print(&b, &no, none), -EINVAL);
	assert_int_equal(mw_addr_print(&b, &un, MW_SLICE_LIT("\0long")), -E2BIG);
	assert_int_equal(b.len, 0);
	mw_buf_done(&b);
}

/* Every pattern of zero groups against the C library. */
static void prints_v6_as_the_c_library(void **state)
{
	char want[80], ip[INET6_ADDRSTRLEN];

	for (unsigned int bits = 0; bits < 256; bits++) {
		struct mw_addr a = { .family = AF_INET6, .port = 1 };
		for (int i = 0; i < 8; i++)
			if (bits >> i & 1) {
				a.ip[2 * i] = (uint8_t)(i * 3);
				a.ip[2 * i + 1] = (uint8_t)(17 * i + 1);
			}
		if (memcmp(a.ip, "\0\0\0\0\0\0\0\0\0\0\0\0", 12) == 0 && bits & 0x40)
			continue; /* glibc prints ::a.b.c.d */
		assert_non_null(inet_ntop(AF_INET6, a.ip, ip, sizeof(ip)));
		snprintf(want, sizeof(want), "[%s]:1", ip);
		expect_addr(a, mw_slice(NULL, 0), want);
	}
}

static void expect_host(const char *s, const char *want)
{
	struct mw_addr a = { .family = 77 };
	struct mw_buf b;
	bool ok;

	mw_buf_init(&b, &test_alloc, 1000);
	ok = strstr(s, "://") ? mw_host_url(mw_slice_str(s), &a)
			      : mw_host_parse(mw_slice_str(s), 0, &a);
	if (!want) {
		if (ok)
			fail_msg("%s is an address", s);
		assert_int_equal(a.family, 77);
		return;
	}
	if (!ok)
		fail_msg("%s is no address", s);
	if (a.family == AF_UNSPEC) {
		assert_int_equal(mw_buf_append_str(&b, "localhost:"), 0);
		assert_int_equal(mw_buf_append_u64(&b, a.port), 0);
	} else {
		assert_int_equal(mw_addr_print(&b, &a, mw_slice(NULL, 0)), 0);
	}
	assert_buf_equal(&b, want);
	mw_buf_done(&b);
}

static void parses_hosts(void **state)
{
	expect_host("1.2.3.4", "1.2.3.4:0");
	expect_host("1.2.3.4:80", "1.2.3.4:80");
	expect_host("::1", "[::1]:0");
	expect_host("[::1]", "[::1]:0");
	expect_host("[2001:db8::5]:443", "[2001:db8::5]:443");
	expect_host("fe80::1%eth0", "[fe80::1]:0");
	expect_host("::ffff:1.2.3.4", "1.2.3.4:0");
	expect_host("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:0");
	expect_host("1::", "[1::]:0");
	expect_host("::", "[::]:0");
	expect_host("LocalHost:3000", "localhost:3000");
	expect_host("http://127.0.0.1/x?y", "127.0.0.1:80");
	expect_host("https://u:p@10.0.0.1/x@y", "10.0.0.1:443");
	expect_host("http://127.0.0.1:8080", "127.0.0.1:8080");
	expect_host("postgres://u@[::1]/db", "[::1]:5432");
	expect_host("x://127.0.0.1#z", "127.0.0.1:0");
	expect_host("WSS://localhost", "localhost:443");
	for (const char *const *s = (const char *const[]){ "",
							   ":",
							   "1.2.3",
							   "1.2.3.4.5",
							   "1.2.3.256",
							   "1.2.3.4:",
							   "1.2.3.4:65536",
							   "1.2.3.4:x",
							   "1.2.3.4:80x",
							   "1..3.4",
							   "example.com",
							   "a b",
							   "[::1",
							   "[::1]x",
							   "[1.2.3.4",
							   "1:2:3:4:5:6:7",
							   "1:2:3:4:5:6:7:8:9",
							   "1::2::3",
							   ":::",
							   "12345::",
							   "::g",
							   "1:",
							   "1:2:3:4:5:6:7:",
							   "::1:",
							   "1:2:3:4:5:6:7:1.2.3.4",
							   "::1.2.3",
							   "http://",
							   "http:///x",
							   "http://example.com/",
							   "://1.2.3.4x",
							   "localhost:",
							   NULL };
	     *s; s++)
		expect_host(*s, NULL);
}

static void names_errors(void **state)
{
	char buf[16];

	assert_string_equal(mw_errno_name(0, buf), "ok");
	assert_string_equal(mw_errno_name(7, buf), "ok");
	assert_string_equal(mw_errno_name(-1, buf), "EPERM");
	assert_string_equal(mw_errno_name(-ENOENT, buf), "ENOENT");
	assert_string_equal(mw_errno_name(-EAGAIN, buf), "EAGAIN");
	assert_string_equal(mw_errno_name(-EINPROGRESS, buf), "EINPROGRESS");
	assert_string_equal(mw_errno_name(-133, buf), "EHWPOISON");
	assert_string_equal(mw_errno_name(-41, buf), "E41"); /* 41 and 58 are unused */
	assert_string_equal(mw_errno_name(-134, buf), "E134");
	assert_string_equal(mw_errno_name(-4095, buf), "E4095");
	assert_string_equal(mw_errno_name(-4096, buf), "E?");
	assert_string_equal(mw_errno_name(INT64_MIN, buf), "E?");
	for (int i = 1; i <= 133; i++)
		if (i != 41 && i != 58)
			assert_string_equal(mw_errno_name(-i, buf),
					    i == EOPNOTSUPP ? "EOPNOTSUPP" : strerrorname_np(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(join_keeps_its_bounds),
		cmocka_unit_test(prints_addresses),
		cmocka_unit_test(prints_v6_as_the_c_library),
		cmocka_unit_test(parses_hosts),
		cmocka_unit_test(names_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
