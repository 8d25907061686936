/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/event.h"
#include "core/mounts.h"

#define NS 4026532500ull

static const char host[] =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "30 22 0:25 / /run rw,nosuid shared:5 - tmpfs tmpfs rw,mode=755\n"
    "41 22 254:2 / /srv rw - xfs /dev/vdb rw\n"
    "42 22 254:2 /deep/er /mnt/with\\040space rw - xfs /dev/vdb rw\n"
    "50 22 0:60 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw,lowerdir=/l1:/l2,"
    "upperdir=/var/lib/docker/overlay2/abc/diff,workdir=/w\n"
    "60 22 254:3 /only /part rw - ext4 /dev/vdc rw\n";

static const char docker[] =
    "700 600 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l1:/l2,upperdir=/up,workdir=/w\n"
    "701 700 0:70 / /proc rw - proc proc rw\n"
    "702 700 254:1 /home/me/project /code rw - ext4 /dev/vda1 rw\n"
    "703 700 254:1 /etc/hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
    "704 700 254:2 / /data rw - xfs /dev/vdb rw\n"
    "705 700 254:3 / /disk rw - ext4 /dev/vdc rw\n";

static const char hidden[] =
    "700 600 0:99 / / rw - overlay overlay rw,lowerdir=/l1,upperdir=/snap/12/fs,workdir=/w\n"
    "701 700 0:98 / /tmp rw - tmpfs tmpfs rw\n";

static int push(struct mw_mounts *m, uint64_t ns, const char *h, const char *own)
{
	const struct mw_slice s[2] = { mw_slice_str(h), mw_slice_str(own) };
	uint8_t *mem = mw_alloc_zero(&test_alloc, MW_EVENT_MAX);
	struct mw_ev_mounts *ev = (void *)mem;
	int r;

	ev->hdr.type = MW_EV_MOUNTS;
	ev->mntns = ns;
	ev->host_len = (uint16_t)s[0].n;
	ev->ns_len = (uint16_t)s[1].n;
	if (s[0].n)
		memcpy(mem + sizeof(*ev), s[0].p, s[0].n);
	if (s[1].n)
		memcpy(mem + sizeof(*ev) + s[0].n, s[1].p, s[1].n);
	ev->hdr.len = (uint32_t)((sizeof(*ev) + s[0].n + s[1].n + 7) & ~7ull);
	assert_int_equal(mw_event_check(ev, ev->hdr.len), ev->hdr.len);
	r = mw_mounts_push(m, ev);
	mw_alloc_free(&test_alloc, mem, MW_EVENT_MAX);
	return r;
}

static void expect(const struct mw_mounts *m, uint64_t ns, const char *path, bool written,
		   const char *want)
{
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 4096);
	assert_int_equal(mw_buf_append_str(&b, "x"), 0);
	assert_int_equal(mw_mounts_host(m, ns, mw_slice_str(path), written, &b), want ? 1 : 0);
	assert_slice_equal(mw_slice(b.p + 1, b.len - 1), want ? want : "");
	mw_buf_done(&b);
}

static void bind_mounts_and_overlays(void **state)
{
	struct mw_mounts *m;

	assert_int_equal(mw_mounts_new(&test_alloc, &m), 0);
	expect(m, NS, "/etc/passwd", true, NULL);
	assert_int_equal(push(m, NS, host, docker), 0);
	expect(m, NS, "/code/a.txt", false, "/home/me/project/a.txt");
	expect(m, NS, "/code", false, "/home/me/project");
	expect(m, NS, "/codeshop/a", true, "/var/lib/docker/overlay2/abc/merged/codeshop/a");
	expect(m, NS, "/etc/hosts", true, NULL); /* the same there and here */
	expect(m, NS, "/etc/passwd", false, "/var/lib/docker/overlay2/abc/merged/etc/passwd");
	expect(m, NS, "/", false, "/var/lib/docker/overlay2/abc/merged");
	expect(m, NS, "/data/x", false, "/srv/x");
	expect(m, NS, "/data/deep/er/y", false, "/mnt/with space/y");
	expect(m, NS, "/data/deep/error", false, "/srv/deep/error");
	expect(m, NS, "/disk/only/z", false, "/part/z");
	expect(m, NS, "/disk/other", true, NULL);
	expect(m, NS, "/proc/1/status", false, NULL);
	expect(m, NS, "relative", true, NULL);
	expect(m, NS, "", true, NULL);
	expect(m, NS + 1, "/code/a.txt", true, NULL);
	expect(m, 0, "/code/a.txt", true, NULL);
	mw_mounts_free(m);
}

static void an_overlay_not_mounted_on_the_host(void **state)
{
	struct mw_mounts *m;

	assert_int_equal(mw_mounts_new(&test_alloc, &m), 0);
	assert_int_equal(push(m, NS, host, hidden), 0);
	expect(m, NS, "/etc/new", true, "/snap/12/fs/etc/new");
	expect(m, NS, "/etc/new", false, NULL);
	expect(m, NS, "/tmp/x", true, NULL);
	/* told again: another one now */
	assert_int_equal(push(m, NS, host, docker), 0);
	expect(m, NS, "/code/a", true, "/home/me/project/a");
	mw_mounts_free(m);
}

static void odd_text(void **state)
{
	static const char *const odd[] = {
		"",
		"\n\n\n",
		"x",
		"1 2 3",
		"1 2 a:b / / rw - ext4 x rw",
		"1 2 254:1 root / rw - ext4 x rw",
		"1 2 254:1 / point rw - ext4 x rw",
		"1 2 254:1",
		"1 2 99999999999999999999:1 / / rw - ext4 x rw",
		"1 2 254:1 / / rw tag tag tag",
		"1 2 0:9 / / rw - overlay o upperdir=relative",
		"1 2 0:9 / / rw - overlay o upperdir=",
	};
	struct mw_mounts *m;
	struct mw_buf b;

	assert_int_equal(mw_mounts_new(&test_alloc, &m), 0);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		assert_int_equal(push(m, NS, host, odd[i]), 0);
		mw_buf_init(&b, &test_alloc, 4096);
		assert_true(mw_mounts_host(m, NS, mw_slice_str("/etc/x"), true, &b) >= 0);
		mw_buf_done(&b);
	}
	/* an escape cut short stays as it is */
	assert_int_equal(push(m, NS, "1 2 254:1 / /h\\04 rw - ext4 x rw", docker), 0);
	expect(m, NS, "/code/q", false, "/h\\04/home/me/project/q");
	mw_mounts_free(m);
}

static void only_so_many(void **state)
{
	struct mw_mounts *m;

	assert_int_equal(mw_mounts_new(&test_alloc, &m), 0);
	for (uint64_t i = 1; i <= MW_MOUNTS_NS_MAX + 10; i++)
		assert_int_equal(push(m, i, host, docker), 0);
	expect(m, 10, "/code/a", true, NULL);
	expect(m, 11, "/code/a", true, "/home/me/project/a");
	mw_mounts_free(m);
}

static void no_memory(void **state)
{
	struct mw_mounts *m;
	int r;

	TEST_EACH_FAILURE(n)
	{
		if (mw_mounts_new(&test_alloc_failing, &m) < 0)
			continue;
		r = push(m, NS, host, docker);
		assert_true(r == 0 || r == -ENOMEM);
		mw_mounts_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bind_mounts_and_overlays),
		cmocka_unit_test(an_overlay_not_mounted_on_the_host),
		cmocka_unit_test(odd_text),
		cmocka_unit_test(only_so_many),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
