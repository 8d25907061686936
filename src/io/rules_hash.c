/* SPDX-License-Identifier: Apache-2.0 */
#include "io/rules_hash.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/rules.h"

struct mw_rules_hash {
	EVP_MD_CTX *sha;
};

int mw_rules_hash_new(struct mw_rules_hash **ret)
{
	_cleanup_(mw_rules_hash_freep) struct mw_rules_hash *h = calloc(1, sizeof(*h));

	if (h)
		h->sha = EVP_MD_CTX_new();
	if (!h || !h->sha || !EVP_DigestInit_ex(h->sha, EVP_sha256(), NULL))
		return -ENOMEM;
	*ret = MW_TAKE(h);
	return 0;
}

void mw_rules_hash_free(struct mw_rules_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->sha);
	free(h);
}

static void add_head(struct mw_rules_hash *h, const char *name, uint64_t n)
{
	const uint64_t le = htole64(n);

	EVP_DigestUpdate(h->sha, name, strlen(name) + 1);
	EVP_DigestUpdate(h->sha, &le, sizeof(le));
}

void mw_rules_hash_default(struct mw_rules_hash *h)
{
	struct mw_slice text;
	const char *name;
	size_t i;

	for (i = 0; mw_rules_default(i, &name, &text); i++) {
		add_head(h, name, text.n);
		EVP_DigestUpdate(h->sha, text.p, text.n);
	}
}

static int fail(int r, const char *path, struct mw_yaml_err err)
{
	snprintf(err.text, err.len, "cannot read %s: %s", path, strerror(-r));
	return r;
}

static int add_file(struct mw_rules_hash *h, const char *path, struct mw_yaml_err err)
{
	_cleanup_(mw_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char buf[16384];
	struct stat st;
	uint64_t left;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(-errno, path, err);
	left = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	add_head(h, path, left);
	while (left && (n = read(fd, buf, left < sizeof(buf) ? left : sizeof(buf))) > 0) {
		EVP_DigestUpdate(h->sha, buf, (size_t)n);
		left -= (uint64_t)n;
	}
	return n < 0 ? fail(-errno, path, err) : 0;
}

static int add_dir(struct mw_rules_hash *h, const char *dir, struct mw_yaml_err err)
{
	_cleanup_(mw_freep) struct dirent **found = NULL;
	char path[4096];
	int i, n, r = 0;

	n = scandir(dir, &found, mw_rules_is_file, alphasort);
	if (n < 0)
		return fail(-errno, dir, err);
	for (i = 0; i < n; i++) {
		if (r == 0 && (size_t)snprintf(path, sizeof(path), "%s/%s", dir,
					       found[i]->d_name) >= sizeof(path))
			r = fail(-ENAMETOOLONG, dir, err);
		if (r == 0)
			r = add_file(h, path, err);
		free(found[i]);
	}
	return r;
}

int mw_rules_hash_path(struct mw_rules_hash *h, const char *path, bool missing_ok,
		       struct mw_yaml_err err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return missing_ok && errno == ENOENT ? 0 : fail(-errno, path, err);
	return S_ISDIR(st.st_mode) ? add_dir(h, path, err) : add_file(h, path, err);
}

void mw_rules_hash_done(struct mw_rules_hash *h, uint8_t ret[32])
{
	EVP_DigestFinal_ex(h->sha, ret, NULL);
}
