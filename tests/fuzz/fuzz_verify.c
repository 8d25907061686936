/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: files of a log folder, as "=NAME\n" and what is in them up to the next: o origin, k vkeys,
 * s seals.jsonl, c checkpoint, p pruned.jsonl, 0 and 9 the first segment and another, z a
 * compressed one, t and u tiles. The same log is always tried with keys enrolled too.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/verify.h"

static char dir[] = "/dev/shm/mw-fuzz-verify-XXXXXX";
static int dir_fd = -1;

static const struct {
	char letter;
	const char *name;
} files[] = {
	{ 'o', "origin" },
	{ 'k', "vkeys" },
	{ 's', "seals.jsonl" },
	{ 'c', "checkpoint" },
	{ 'p', "pruned.jsonl" },
	{ '0', "seg/00000000000000000000.jsonl" },
	{ '9', "seg/00000000000000000009.jsonl" },
	{ 'z', "seg/00000000000000000003.jsonl.zst" },
	{ 't', "tile/0/000.p/3" },
	{ 'u', "tile/0/000.p/9" },
};

static void remove_dir(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd) != 0)
		fprintf(stderr, "cannot remove %s\n", dir);
}

static void begin(void)
{
	FUZZ_CHECK(mkdtemp(dir));
	atexit(remove_dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	FUZZ_CHECK(mkdirat(dir_fd, "seg", 0700) == 0 && mkdirat(dir_fd, "tile", 0700) == 0 &&
		   mkdirat(dir_fd, "tile/0", 0700) == 0 &&
		   mkdirat(dir_fd, "tile/0/000.p", 0700) == 0);
}

static void put(char letter, const uint8_t *p, size_t n)
{
	size_t i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (files[i].letter != letter)
			continue;
		fd = openat(dir_fd, files[i].name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		FUZZ_CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
		close(fd);
	}
}

static void check(const struct mw_verify_config *config)
{
	struct mw_verify_report r;
	char err[512];

	if (mw_verify_folder(dir, config, err, sizeof(err), &r) < 0)
		return;
	/* nobody but who has the keys makes a seal, so nothing is proved, unless the seed is */
	FUZZ_CHECK((r.finding == MW_FOUND_NONE) == (r.verdict == MW_LOG_WHOLE));
	FUZZ_CHECK(r.verdict != MW_LOG_WHOLE || r.seals > 0);
	FUZZ_CHECK(r.seals <= r.sealed);
	FUZZ_CHECK(memchr(r.text, 0, sizeof(r.text)) && memchr(r.file, 0, sizeof(r.file)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_verify_config none = { 0 }, some = { .n_vkeys = 1 };
	struct mw_skey key;
	size_t i, from = 0;
	char letter = 0;

	if (dir_fd < 0)
		begin();
	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(dir_fd, files[i].name, 0);
	for (i = 0; i + 2 < n; i++) {
		if (data[i] != '=' || data[i + 2] != '\n' || (i && data[i - 1] != '\n'))
			continue;
		if (letter)
			put(letter, data + from, i - from);
		letter = (char)data[i + 1];
		from = i + 3;
	}
	if (letter)
		put(letter, data + from, n - from);
	check(&none);
	FUZZ_CHECK(mw_skey_of("h/mcpwatch/u/fs/0",
			      (const uint8_t *)"0123456789abcdef0123456789abcdef", &key) == 0);
	some.vkeys = &key.pub;
	check(&some);
	return 0;
}
