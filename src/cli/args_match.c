/* SPDX-License-Identifier: Apache-2.0 */
/* args_match.c - `log --args-match`: what the log would say of exactly these arguments (filter.h)
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/filter.h"
#include "io/file.h"
#include "io/keys.h"

/* Longer than any message that is kept whole (engine.h, message_max). */
#define ARGS_MAX (256u << 20)

/* Only looks: a key that is made now matches nothing. */
static int read_key(const char *dir, uint8_t key[MW_MAC_KEY_LEN])
{
	_cleanup_(mw_close) int dir_fd = -1, fd = -1;
	uint8_t raw[MW_MAC_KEY_LEN + 1];
	ssize_t n;

	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd >= 0)
		fd = openat(dir_fd, "mac.key", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return mw_cli_fail("--args-match needs the key that the log was written with, and "
				   "cannot read %s/mac.key: %s; name its folder with --keys",
				   dir, strerror(errno));
	n = read(fd, raw, sizeof(raw));
	if (n == MW_MAC_KEY_LEN)
		memcpy(key, raw, MW_MAC_KEY_LEN);
	OPENSSL_cleanse(raw, sizeof(raw));
	return n == MW_MAC_KEY_LEN
		   ? MW_EXIT_OK
		   : mw_cli_fail("%s/mac.key is no key: it has not %d bytes", dir, MW_MAC_KEY_LEN);
}

static int read_args(const char *path, char **ret, size_t *ret_n)
{
	_cleanup_(mw_freep) char *buf = NULL;
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t n = 0, cap = 65536, k;
	char *p;

	if (!f)
		return mw_cli_fail("cannot read %s: %s", path, strerror(errno));
	do {
		p = realloc(buf, cap);
		if (!p)
			break;
		buf = p;
		k = fread(buf + n, 1, cap - n, f);
		n += k;
		if (n == cap)
			cap *= 2;
	} while (k > 0 && n < ARGS_MAX);
	k = (size_t)ferror(f);
	if (f != stdin)
		fclose(f);
	if (!p || k || n >= ARGS_MAX)
		return mw_cli_fail("cannot read %s: %s", path,
				   !p  ? "not enough memory"
				   : k ? "read error"
				       : "longer than any arguments that are kept");
	*ret = MW_TAKE(buf);
	*ret_n = n;
	return MW_EXIT_OK;
}

static void put_hex(char hex[65], struct mw_mac *mac, const char *p, size_t n)
{
	uint8_t out[32];
	size_t i;

	mw_mac_run(mac, MW_MAC_CONTENT, p, n, out);
	for (i = 0; i < sizeof(out); i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
}

int mw_filter_args(struct mw_filter *f, const char *path, const char *keys_dir)
{
	_cleanup_(mw_mac_freep) struct mw_mac *mac = NULL;
	_cleanup_(mw_freep) char *args = NULL;
	uint8_t key[MW_MAC_KEY_LEN];
	size_t n = 0;
	int r;

	r = read_key(keys_dir, key);
	if (r != MW_EXIT_OK)
		return r;
	r = read_args(path, &args, &n);
	if (r == MW_EXIT_OK && mw_mac_new(key, &mac) < 0)
		r = mw_cli_fail("not enough memory");
	OPENSSL_cleanse(key, sizeof(key));
	if (r != MW_EXIT_OK)
		return r;
	put_hex(f->args_hmac[f->n_args_hmac++], mac, args, n);
	/* the newline that an editor puts at a file's end is none of the arguments */
	if (n > 0 && args[n - 1] == '\n')
		put_hex(f->args_hmac[f->n_args_hmac++], mac, args, n - 1);
	return MW_EXIT_OK;
}
