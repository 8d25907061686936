/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a bundle as it is (it begins as gzip does); or its files, as "=NAME\n" and what is in them
 * up to the next, packed with sums that fit; "~" instead of "=": the sums as they are given. Always
 * with the key enrolled too.
 */
#include "fuzz.h"

#include <sys/stat.h>

#include "io/bundle.h"
#include "support_bundle.h"

static char path[] = "/dev/shm/mw-fuzz-bundle-XXXXXX";

static void remove_path(void)
{
	unlink(path);
}

static void begin(void)
{
	int fd = mkstemp(path);

	FUZZ_CHECK(fd >= 0);
	close(fd);
	atexit(remove_path);
}

static void put(const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static void add(struct arc *a, const uint8_t *p, size_t n)
{
	const uint8_t *nl = memchr(p, '\n', n);
	char name[MW_TGZ_NAME_MAX];
	size_t len;

	if (!nl || a->n == ARC_FILES)
		return;
	snprintf(name, sizeof(name), ARC_TOP "%.*s", (int)(nl - p), (const char *)p);
	len = n - (size_t)(nl + 1 - p);
	arc_add(a, name, nl + 1, len);
}

static void pack(const uint8_t *data, size_t n)
{
	struct arc a = { .n = 0 };
	size_t i, from = 0;
	bool any = false;

	for (i = 0; i < n; i++) {
		if ((data[i] != '=' && data[i] != '~') || (i && data[i - 1] != '\n'))
			continue;
		if (any)
			add(&a, data + from, i - from);
		any = true;
		from = i + 1;
	}
	if (any)
		add(&a, data + from, n - from);
	if (n && data[0] == '=' && arc_find(&a, "SHA256SUMS"))
		arc_sums(&a);
	arc_write(&a, path);
	arc_done(&a);
}

static void check(const struct mw_verify_config *config)
{
	struct mw_bundle_report *r = NULL;
	char err[512] = "";
	size_t i;

	if (mw_bundle_verify(path, config, err, sizeof(err), &r) < 0) {
		FUZZ_CHECK(!r && *err && !strchr(err, '\n'));
		return;
	}
	FUZZ_CHECK(r->n_logs > 0);
	for (i = 0; i < r->n_logs; i++) {
		const struct mw_bundle_log *l = &r->logs[i];

		FUZZ_CHECK(r->verdict >= l->report.verdict);
		FUZZ_CHECK((l->report.finding == MW_FOUND_NONE) ==
			   (l->report.verdict == MW_LOG_WHOLE));
		/* what is whole is accounted for, each record of it */
		if (l->report.verdict == MW_LOG_WHOLE)
			FUZZ_CHECK(l->report.seals > 0 &&
				   l->records + l->left_out == l->report.sealed &&
				   l->unproved == 0);
	}
	mw_bundle_report_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_verify_config none = { 0 }, some = { .n_vkeys = 1 };
	static bool begun;
	struct mw_skey key;

	if (!begun)
		begin();
	begun = true;
	if (n >= 2 && data[0] == 0x1f && data[1] == 0x8b)
		put(data, n);
	else
		pack(data, n);
	check(&none);
	FUZZ_CHECK(mw_skey_of("h/mcpwatch/u/fs/0",
			      (const uint8_t *)"0123456789abcdef0123456789abcdef", &key) == 0);
	some.vkeys = &key.pub;
	check(&some);
	return 0;
}
