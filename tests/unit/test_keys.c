/* SPDX-License-Identifier: Apache-2.0 */
/* test_keys.c - the keys folder, epoch files, keyed hashes */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/keys.h"

static char dir[] = "/tmp/mw-keys-XXXXXX";

static int setup(void **state)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *in_dir(const char *name)
{
	static char path[64][256];
	static unsigned int n;

	n = (n + 1) % 64;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static struct mw_keys *open_ok(const char *name)
{
	struct mw_keys *k = NULL;
	char err[512];

	if (mw_keys_open(in_dir(name), err, sizeof(err), &k) < 0)
		fail_msg("refused: %s", err);
	return k;
}

static void refused(int want, const char *what)
{
	struct mw_keys *k = NULL;
	char err[512] = "";

	assert_int_equal(mw_keys_open(in_dir("k"), err, sizeof(err), &k), want);
	assert_null(k);
	assert_non_null(strstr(err, what));
	assert_null(strchr(err, '\n'));
}

static unsigned int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_made_once(void **state)
{
	uint8_t id[MW_KEY_LEN], mac[2][32];
	struct mw_keys *k = open_ok("a/b/k");

	memcpy(id, mw_keys_identity(k), sizeof(id));
	mw_mac_run(mw_keys_mac(k), MW_MAC_CONTENT, "x", 1, mac[0]);
	mw_keys_free(k);
	assert_int_equal(mode_of(in_dir("a/b/k")), 0700);
	assert_int_equal(mode_of(in_dir("a/b/k/identity.key")), 0600);
	assert_int_equal(mode_of(in_dir("a/b/k/mac.key")), 0600);
	k = open_ok("a/b/k");
	assert_memory_equal(id, mw_keys_identity(k), sizeof(id));
	mw_mac_run(mw_keys_mac(k), MW_MAC_CONTENT, "x", 1, mac[1]);
	assert_memory_equal(mac[0], mac[1], 32);
	mw_keys_free(k);
	k = open_ok("other");
	assert_memory_not_equal(id, mw_keys_identity(k), sizeof(id));
	mw_keys_free(k);
	mw_keys_free(NULL);
}

static void test_refused(void **state)
{
	static const char *const names[] = { "k/identity.key", "k/mac.key" };
	struct stat was, is;
	size_t i;

	mw_keys_free(open_ok("k"));
	for (i = 0; i < 2; i++) {
		const char *key = in_dir(names[i]);

		assert_int_equal(truncate(key, 31), 0);
		assert_int_equal(stat(key, &was), 0);
		refused(-EBADMSG, "has 31 bytes and must have 32");
		assert_int_equal(stat(key, &is), 0);
		assert_int_equal(was.st_ino, is.st_ino);
		assert_int_equal(is.st_size, 31);
		assert_int_equal(truncate(key, 33), 0);
		refused(-EBADMSG, "has 33 bytes");
		assert_int_equal(truncate(key, 32), 0);
		assert_int_equal(chmod(key, 0640), 0);
		refused(-EPERM, "has mode 0640 and must have 0600");
		assert_int_equal(chmod(key, 0600), 0);
		if (geteuid() == 0) {
			assert_int_equal(chown(key, 1, 0), 0);
			refused(-EPERM, "belongs to user 1 and must belong to user 0");
			assert_int_equal(chown(key, 0, 0), 0);
		}
		assert_int_equal(rename(key, in_dir("elsewhere")), 0);
		assert_int_equal(symlink(in_dir("elsewhere"), key), 0);
		refused(-ELOOP, "symbolic link");
		assert_int_equal(unlink(key), 0);
		assert_int_equal(mkdir(key, 0700), 0);
		refused(-EPERM, "no plain file");
		assert_int_equal(rmdir(key), 0);
		assert_int_equal(mkfifo(key, 0600), 0);
		refused(-EPERM, "no plain file");
		assert_int_equal(unlink(key), 0);
		assert_int_equal(rename(in_dir("elsewhere"), key), 0);
	}
	assert_int_equal(chmod(in_dir("k"), 0755), 0);
	refused(-EPERM, "has mode 0755 and must have 0700");
	assert_int_equal(chmod(in_dir("k"), 0700), 0);
	mw_keys_free(open_ok("k"));
	assert_int_equal(rename(in_dir("k"), in_dir("k2")), 0);
	assert_int_equal(symlink("k2", in_dir("k")), 0);
	refused(-ENOTDIR, "no folder");
}

static void test_inside(void **state)
{
	struct mw_keys *k = open_ok("log/x/keys");
	_cleanup_(mw_close) int log = open(in_dir("log"), O_RDONLY | O_DIRECTORY);
	_cleanup_(mw_close) int x = open(in_dir("log/x/keys"), O_RDONLY | O_DIRECTORY);
	_cleanup_(mw_close) int other = -1;

	assert_int_equal(mw_keys_inside(k, log), 1);
	assert_int_equal(mw_keys_inside(k, x), 1);
	assert_int_equal(mkdir(in_dir("other"), 0700), 0);
	other = open(in_dir("other"), O_RDONLY | O_DIRECTORY);
	assert_int_equal(mw_keys_inside(k, other), 0);
	mw_keys_free(k);
}

static void test_uuid(void **state)
{
	uint8_t a[MW_UUID_LEN], b[MW_UUID_LEN];
	char text[MW_UUID_TEXT_LEN + 1];

	assert_int_equal(mw_uuid_new(a), 0);
	mw_uuid_print(a, text);
	assert_int_equal(strlen(text), MW_UUID_TEXT_LEN);
	assert_int_equal(text[14], '4');
	assert_int_equal(mw_uuid_parse(text, strlen(text), b), 0);
	assert_memory_equal(a, b, sizeof(a));
	text[0] = 'G';
	assert_int_equal(mw_uuid_parse(text, strlen(text), b), -EINVAL);
	text[0] = 'a';
	text[8] = 'a';
	assert_int_equal(mw_uuid_parse(text, strlen(text), b), -EINVAL);
	assert_int_equal(mw_uuid_parse(text, 35, b), -EINVAL);
}

static void test_epoch(void **state)
{
	static const uint8_t uuid[MW_UUID_LEN] = { 1, 2, 3 };
	const char *path = in_dir("k/01020300-0000-0000-0000-000000000000.epoch");
	struct mw_epoch e, f, was;
	struct mw_keys *k = open_ok("k");
	uint8_t raw[MW_EPOCH_LEN + 1];
	char err[512];
	size_t i;
	int fd, fd2;

	assert_int_equal(mw_epoch_open(k, uuid, err, sizeof(err), &e, &fd), -ENOENT);
	assert_int_equal(mw_epoch_new(k, uuid, err, sizeof(err), &e, &fd), 0);
	assert_int_equal(mw_epoch_new(k, uuid, err, sizeof(err), &f, &fd2), -EEXIST);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(e.epoch, 0);
	assert_int_equal(e.plan_size, 0);
	assert_memory_not_equal(e.seed, e.next, MW_KEY_LEN);
	e.plan_size = 77;
	memset(e.plan_root.p, 9, MW_HASH_LEN);
	assert_int_equal(mw_epoch_write(fd, &e), 0);
	assert_int_equal(mw_epoch_open(k, uuid, err, sizeof(err), &f, &fd2), 0);
	assert_memory_equal(&e, &f, sizeof(e));
	close(fd2);
	was = e;
	assert_int_equal(mw_epoch_advance(&e), 0);
	assert_int_equal(mw_epoch_write(fd, &e), 0);
	assert_int_equal(e.epoch, 1);
	assert_int_equal(e.plan_size, 0);
	assert_memory_equal(e.seed, was.next, MW_KEY_LEN);
	/* of the old key nothing is left in the file */
	assert_int_equal(pread(fd, raw, sizeof(raw), 0), MW_EPOCH_LEN);
	assert_null(memmem(raw, MW_EPOCH_LEN, was.seed, 8));
	assert_non_null(memmem(raw, MW_EPOCH_LEN, e.seed, MW_KEY_LEN));
	/* any byte that is not what was written */
	for (i = 0; i < MW_EPOCH_LEN; i += 7) {
		uint8_t c = raw[i] ^ 0x10;

		assert_int_equal(pwrite(fd, &c, 1, (off_t)i), 1);
		assert_int_equal(mw_epoch_open(k, uuid, err, sizeof(err), &f, &fd2), -EBADMSG);
		assert_non_null(strstr(err, "damaged"));
		assert_int_equal(pwrite(fd, raw + i, 1, (off_t)i), 1);
	}
	/* another log's */
	assert_int_equal(rename(path, in_dir("k/09020300-0000-0000-0000-000000000000.epoch")), 0);
	assert_int_equal(
	    mw_epoch_open(k, (const uint8_t[MW_UUID_LEN]){ 9, 2, 3 }, err, sizeof(err), &f, &fd2),
	    -EBADMSG);
	close(fd);
	mw_keys_free(k);
}

/* The derivation as mac.h has it, by another interface of the library. */
static void test_mac(void **state)
{
	uint8_t master[32], key[32], want[32], got[32], text[13] = "mcpwatch mac";
	struct mw_mac *m, *n;
	unsigned int len;

	memset(master, 7, sizeof(master));
	assert_int_equal(mw_mac_new(master, &m), 0);
	text[12] = MW_MAC_FINGERPRINT;
	HMAC(EVP_sha256(), master, 32, text, 13, key, &len);
	HMAC(EVP_sha256(), key, 32, (const uint8_t *)"secret", 6, want, &len);
	mw_mac_run(m, MW_MAC_FINGERPRINT, "secret", 6, got);
	assert_memory_equal(want, got, 32);
	/* again, and of nothing */
	mw_mac_run(m, MW_MAC_FINGERPRINT, "", 0, got);
	mw_mac_run(m, MW_MAC_FINGERPRINT, "secret", 6, got);
	assert_memory_equal(want, got, 32);
	mw_mac_run(m, MW_MAC_CONTENT, "secret", 6, got);
	assert_memory_not_equal(want, got, 32);
	assert_int_equal(mw_mac_new_random(&n), 0);
	mw_mac_run(n, MW_MAC_FINGERPRINT, "secret", 6, got);
	assert_memory_not_equal(want, got, 32);
	/* two replays of a capture, and one of another */
	assert_int_equal(mw_mac_set_run(m, 5), 0);
	assert_int_equal(mw_mac_set_run(n, 5), 0);
	mw_mac_run(m, MW_MAC_CONTENT, "a", 1, want);
	mw_mac_run(n, MW_MAC_CONTENT, "a", 1, got);
	assert_memory_equal(want, got, 32);
	assert_int_equal(mw_mac_set_run(n, 6), 0);
	mw_mac_run(n, MW_MAC_CONTENT, "a", 1, got);
	assert_memory_not_equal(want, got, 32);
	mw_mac_free(m);
	mw_mac_free(n);
	mw_mac_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inside, setup, teardown),
		cmocka_unit_test(test_uuid),
		cmocka_unit_test_setup_teardown(test_epoch, setup, teardown),
		cmocka_unit_test(test_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
