/* SPDX-License-Identifier: Apache-2.0 */
#include "io/keys.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/heap.h"

#define EPOCH_MAGIC   "mwepoch1"
#define NAME_LEN      (MW_UUID_TEXT_LEN + sizeof(".epoch"))
#define HASH_AT	      136
#define PARENTS_MAX   4096

struct mw_keys {
	char *dir;
	int dir_fd;
	uint8_t identity[MW_KEY_LEN];
	struct mw_mac *mac;
};

static int __attribute__((format(printf, 4, 5)))
fail(int r, char *err, size_t err_len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, err_len, fmt, ap);
	va_end(ap);
	return r;
}

static int random_bytes(uint8_t *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n ? 0 : -EIO;
}

/* --- files --- */

/* A key file: checked, and read whole. The descriptor. */
static int open_key(const struct mw_keys *k, const char *name, int flags, void *p, size_t n,
		    char *err, size_t err_len)
{
	_cleanup_(mw_close) int fd = -1;
	struct stat st;
	ssize_t got;
	int r;

	fd = openat(k->dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		return fail(r, err, err_len, "cannot open key %s/%s: %s", k->dir, name,
			    r == -ELOOP ? "it is a symbolic link" : strerror(-r));
	}
	if (!S_ISREG(st.st_mode))
		return fail(-EPERM, err, err_len, "key %s/%s is no plain file", k->dir, name);
	if (st.st_uid != geteuid())
		return fail(-EPERM, err, err_len,
			    "key %s/%s belongs to user %u and must belong to user %u", k->dir, name,
			    st.st_uid, geteuid());
	if ((st.st_mode & 07777) != 0600)
		return fail(-EPERM, err, err_len, "key %s/%s has mode %04o and must have 0600",
			    k->dir, name, st.st_mode & 07777);
	if (st.st_size != (off_t)n)
		return fail(-EBADMSG, err, err_len, "key %s/%s has %jd bytes and must have %zu",
			    k->dir, name, (intmax_t)st.st_size, n);
	got = pread(fd, p, n, 0);
	if (got != (ssize_t)n) {
		r = got < 0 ? -errno : -EBADMSG;
		return fail(r, err, err_len, "cannot read key %s/%s: %s", k->dir, name,
			    strerror(-r));
	}
	r = fd;
	fd = -1;
	return r;
}

/* A new key file, whole and on disk when it has its name. */
static int make_key(const struct mw_keys *k, const char *name, const void *p, size_t n, char *err,
		    size_t err_len)
{
	_cleanup_(mw_close) int fd = -1;
	char beside[NAME_LEN + 8];
	int r;

	snprintf(beside, sizeof(beside), "%s.new", name);
	if (unlinkat(k->dir_fd, beside, 0) < 0 && errno != ENOENT)
		goto failed;
	fd = openat(k->dir_fd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0)
		goto failed;
	r = mw_file_write(fd, p, n, NULL);
	if (r < 0)
		return fail(r, err, err_len, "cannot write key %s/%s: %s", k->dir, beside,
			    strerror(-r));
	if (fsync(fd) < 0 ||
	    renameat2(k->dir_fd, beside, k->dir_fd, name, RENAME_NOREPLACE) < 0 ||
	    fsync(k->dir_fd) < 0)
		goto failed;
	return 0;
failed:
	r = -errno;
	return fail(r, err, err_len, "cannot make key %s/%s: %s", k->dir, name, strerror(-r));
}

/* 32 bytes of a name; made if there are none. */
static int take_key(const struct mw_keys *k, const char *name, uint8_t *p, char *err,
		    size_t err_len)
{
	uint8_t fresh[MW_KEY_LEN];
	int r;

	r = open_key(k, name, O_RDONLY, p, MW_KEY_LEN, err, err_len);
	if (r == -ENOENT) {
		r = random_bytes(fresh, sizeof(fresh));
		if (r < 0)
			return fail(r, err, err_len, "cannot make key %s/%s: no randomness", k->dir,
				    name);
		r = make_key(k, name, fresh, sizeof(fresh), err, err_len);
		OPENSSL_cleanse(fresh, sizeof(fresh));
		/* another start may have been quicker: its key is the one, then */
		if (r == 0 || r == -EEXIST)
			r = open_key(k, name, O_RDONLY, p, MW_KEY_LEN, err, err_len);
	}
	if (r < 0)
		return r;
	close(r);
	return 0;
}

/* Without links and dots as far as the path is there; the rest as it was given. */
static bool plain_path(const char *path, char ret[PATH_MAX])
{
	char at[PATH_MAX], real[PATH_MAX];
	size_t n = strlen(path), rest = n;

	if (n == 0 || n >= sizeof(at))
		return false;
	memcpy(at, path, n + 1);
	while (!realpath(at, real)) {
		if (rest == 0)
			return false;
		while (rest > 0 && at[rest - 1] == '/')
			rest--;
		while (rest > 0 && at[rest - 1] != '/')
			rest--;
		at[rest] = '\0';
		if (rest == 0) {
			at[0] = '.';
			at[1] = '\0';
		}
	}
	n = (size_t)snprintf(ret, PATH_MAX, "%s/%s", real, path + rest);
	return n < PATH_MAX;
}

bool mw_keys_in_log(const char *dir, const char *log_dir)
{
	char keys[PATH_MAX], log[PATH_MAX];
	size_t n;

	if (!plain_path(dir, keys) || !plain_path(log_dir, log))
		return false;
	for (n = strlen(log); n > 0 && log[n - 1] == '/'; n--)
		;
	return strncmp(keys, log, n) == 0 && (keys[n] == '/' || keys[n] == '\0');
}

int mw_keys_open(const char *dir, char *err, size_t err_len, struct mw_keys **ret)
{
	_cleanup_(mw_keys_freep) struct mw_keys *k = calloc(1, sizeof(*k));
	uint8_t master[MW_MAC_KEY_LEN];
	int r;

	if (k) {
		k->dir_fd = -1;
		k->dir = strdup(dir);
	}
	if (!k || !k->dir)
		return fail(-ENOMEM, err, err_len, "keys folder %s: not enough memory", dir);
	r = mw_file_open_private(dir, "keys", true, err, err_len);
	if (r < 0)
		return r;
	k->dir_fd = r;
	r = take_key(k, "identity.key", k->identity, err, err_len);
	if (r == 0)
		r = take_key(k, "mac.key", master, err, err_len);
	if (r < 0)
		return r;
	r = mw_mac_new(master, &k->mac);
	OPENSSL_cleanse(master, sizeof(master));
	if (r < 0)
		return fail(r, err, err_len, "keys folder %s: not enough memory", dir);
	*ret = MW_TAKE(k);
	return 0;
}

void mw_keys_free(struct mw_keys *k)
{
	if (!k)
		return;
	mw_mac_free(k->mac);
	mw_close(&k->dir_fd);
	free(k->dir);
	OPENSSL_cleanse(k, sizeof(*k));
	free(k);
}

const char *mw_keys_dir(const struct mw_keys *k)
{
	return k->dir;
}

const uint8_t *mw_keys_identity(const struct mw_keys *k)
{
	return k->identity;
}

struct mw_mac *mw_keys_mac(struct mw_keys *k)
{
	return k->mac;
}

int mw_keys_inside(const struct mw_keys *k, int dir_fd)
{
	_cleanup_(mw_close) int at = -1;
	struct stat want, st, below;
	int i;

	if (fstat(dir_fd, &want) < 0 || fstat(k->dir_fd, &st) < 0)
		return -errno;
	for (i = 0; i < PARENTS_MAX; i++) {
		int up;

		if (st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return 1;
		below = st;
		up = openat(at < 0 ? k->dir_fd : at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return -errno;
		mw_close(&at);
		at = up;
		if (fstat(at, &st) < 0)
			return -errno;
		if (st.st_dev == below.st_dev && st.st_ino == below.st_ino)
			return 0; /* the root is its own parent */
	}
	return -ELOOP;
}

/* --- uuid --- */

int mw_uuid_new(uint8_t ret[MW_UUID_LEN])
{
	int r = random_bytes(ret, MW_UUID_LEN);

	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40);
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
	return r;
}

static bool dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void mw_uuid_print(const uint8_t uuid[MW_UUID_LEN], char ret[MW_UUID_TEXT_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	size_t i, k = 0;

	for (i = 0; i < MW_UUID_TEXT_LEN; i++)
		if (dash_at(i)) {
			ret[i] = '-';
		} else {
			ret[i] = hex[k % 2 ? uuid[k / 2] & 15 : uuid[k / 2] >> 4];
			k++;
		}
	ret[i] = '\0';
}

int mw_uuid_parse(const char *text, size_t n, uint8_t ret[MW_UUID_LEN])
{
	uint8_t uuid[MW_UUID_LEN] = { 0 };
	size_t i, k = 0;

	if (n != MW_UUID_TEXT_LEN)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		const char c = text[i];
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (dash_at(i) ? c != '-' : v < 0)
			return -EINVAL;
		if (dash_at(i))
			continue;
		uuid[k / 2] = (uint8_t)(uuid[k / 2] << 4 | v);
		k++;
	}
	memcpy(ret, uuid, sizeof(uuid));
	return 0;
}

/* --- epochs --- */

static void name_of(const uint8_t uuid[MW_UUID_LEN], char ret[NAME_LEN])
{
	char text[MW_UUID_TEXT_LEN + 1];

	mw_uuid_print(uuid, text);
	snprintf(ret, NAME_LEN, "%s.epoch", text);
}

static void pack(const struct mw_epoch *e, uint8_t p[MW_EPOCH_LEN])
{
	const uint64_t epoch = htole64(e->epoch), size = htole64(e->plan_size);

	memcpy(p, EPOCH_MAGIC, 8);
	memcpy(p + 8, e->uuid, MW_UUID_LEN);
	memcpy(p + 24, &epoch, 8);
	memcpy(p + 32, e->seed, MW_KEY_LEN);
	memcpy(p + 64, e->next, MW_KEY_LEN);
	memcpy(p + 96, &size, 8);
	memcpy(p + 104, e->plan_root.p, MW_HASH_LEN);
	mw_sha256(p, HASH_AT, p + HASH_AT);
}

static int unpack(const uint8_t p[MW_EPOCH_LEN], struct mw_epoch *ret)
{
	uint64_t epoch, size;
	uint8_t hash[32];

	mw_sha256(p, HASH_AT, hash);
	if (memcmp(p, EPOCH_MAGIC, 8) != 0 || memcmp(p + HASH_AT, hash, 32) != 0)
		return -EBADMSG;
	memcpy(ret->uuid, p + 8, MW_UUID_LEN);
	memcpy(&epoch, p + 24, 8);
	memcpy(ret->seed, p + 32, MW_KEY_LEN);
	memcpy(ret->next, p + 64, MW_KEY_LEN);
	memcpy(&size, p + 96, 8);
	memcpy(ret->plan_root.p, p + 104, MW_HASH_LEN);
	ret->epoch = le64toh(epoch);
	ret->plan_size = le64toh(size);
	return 0;
}

int mw_epoch_open(const struct mw_keys *k, const uint8_t uuid[MW_UUID_LEN], char *err,
		  size_t err_len, struct mw_epoch *ret, int *ret_fd)
{
	_cleanup_(mw_close) int fd = -1;
	uint8_t p[MW_EPOCH_LEN];
	struct mw_epoch e;
	char name[NAME_LEN];
	int r;

	name_of(uuid, name);
	r = fd = open_key(k, name, O_RDWR | O_DSYNC, p, sizeof(p), err, err_len);
	if (r < 0)
		return r;
	r = unpack(p, &e);
	OPENSSL_cleanse(p, sizeof(p));
	if (r < 0 || memcmp(e.uuid, uuid, MW_UUID_LEN) != 0) {
		mw_epoch_done(&e);
		return fail(-EBADMSG, err, err_len, "key %s/%s is damaged", k->dir, name);
	}
	*ret = e;
	mw_epoch_done(&e);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int mw_epoch_new(const struct mw_keys *k, const uint8_t uuid[MW_UUID_LEN], char *err,
		 size_t err_len, struct mw_epoch *ret, int *ret_fd)
{
	struct mw_epoch e = { 0 };
	uint8_t p[MW_EPOCH_LEN];
	char name[NAME_LEN];
	int r;

	name_of(uuid, name);
	memcpy(e.uuid, uuid, MW_UUID_LEN);
	if (random_bytes(e.seed, sizeof(e.seed)) < 0 || random_bytes(e.next, sizeof(e.next)) < 0)
		return fail(-EIO, err, err_len, "cannot make key %s/%s: no randomness", k->dir,
			    name);
	pack(&e, p);
	mw_epoch_done(&e);
	r = make_key(k, name, p, sizeof(p), err, err_len);
	OPENSSL_cleanse(p, sizeof(p));
	return r < 0 ? r : mw_epoch_open(k, uuid, err, err_len, ret, ret_fd);
}

int mw_epoch_write(int fd, const struct mw_epoch *e)
{
	uint8_t p[MW_EPOCH_LEN];
	ssize_t n;

	pack(e, p);
	do
		n = pwrite(fd, p, sizeof(p), 0);
	while (n < 0 && errno == EINTR);
	OPENSSL_cleanse(p, sizeof(p));
	return n == (ssize_t)sizeof(p) ? 0 : n < 0 ? -errno : -EIO;
}

int mw_epoch_advance(struct mw_epoch *e)
{
	uint8_t fresh[MW_KEY_LEN];

	if (random_bytes(fresh, sizeof(fresh)) < 0)
		return -EIO;
	e->epoch++;
	memcpy(e->seed, e->next, MW_KEY_LEN);
	memcpy(e->next, fresh, MW_KEY_LEN);
	e->plan_size = 0;
	e->plan_root = (struct mw_hash){ { 0 } };
	OPENSSL_cleanse(fresh, sizeof(fresh));
	return 0;
}

void mw_epoch_done(struct mw_epoch *e)
{
	OPENSSL_cleanse(e, sizeof(*e));
}
