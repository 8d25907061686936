/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - the keys folder: who this host is, what its keyed hashes use, what its logs sign with next
 *
 *	DIR/			0700, owned by who runs this
 *	DIR/identity.key	0600; 32 bytes: the seed of the host's Ed25519 key
 *	DIR/mac.key		0600; 32 bytes: the master key of mac.h
 *	DIR/<uuid>.epoch	0600; the one-time keys of the log of that name, below
 *
 * Made with a file beside, which is synced and renamed: so a key is whole or not there. A file that
 * is a link, of another's, open to others or of another size is refused, and nothing is changed. The
 * folder must not be the log's or lie in it: who copies the log must not copy the keys.
 *
 * An epoch file is MW_EPOCH_LEN bytes, less than any sector, and is overwritten in place by one write
 * with O_DSYNC: so the disk has the old or the new one, and of an old key nothing stays, as far as a
 * file system can promise that (not on one that copies what is written, as btrfs does, nor below on
 * flash).
 *
 *	offset	size
 *	0	8	"mwepoch1"
 *	8	16	uuid
 *	24	8	epoch, little-endian
 *	32	32	seed of the epoch's key, "origin/fs/<epoch>"
 *	64	32	seed of the next epoch's
 *	96	8	plan: size of the tree that this epoch signs, little-endian; 0: none yet
 *	104	32	plan: its root
 *	136	32	SHA-256 of what stands before
 *
 * Once there is a plan, this epoch signs that tree and no other, ever.
 */
#ifndef MW_IO_KEYS_H
#define MW_IO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/mac.h"
#include "io/note.h"

#define MW_DEFAULT_KEYS "/var/lib/mcpwatch/keys"

#define MW_UUID_LEN	 16
#define MW_UUID_TEXT_LEN 36
#define MW_EPOCH_LEN	 168

struct mw_keys;

/* Whether a keys folder of that name would be the log's folder or lie in it, by their names alone: to be
 * asked before keys are made there. Links are followed as far as there are any. */
bool mw_keys_in_log(const char *dir, const char *log_dir);
/*
 * Opens the folder and makes what is missing: the folder, identity.key, mac.key. 0; on failure err
 * holds one line: -EPERM (owner or mode), -ELOOP (a link), -EBADMSG (size), -EACCES and others.
 */
int mw_keys_open(const char *dir, char *err, size_t err_len, struct mw_keys **ret);
/* Overwrites them in memory. Takes NULL. */
void mw_keys_free(struct mw_keys *k);

static inline void mw_keys_freep(struct mw_keys **k)
{
	mw_keys_free(*k);
}

/* The folder's name as given. */
const char *mw_keys_dir(const struct mw_keys *k);
/* The identity's seed, MW_KEY_LEN bytes. */
const uint8_t *mw_keys_identity(const struct mw_keys *k);
/* Keyed hashes with mac.key; owned by k. */
struct mw_mac *mw_keys_mac(struct mw_keys *k);
/* Whether the folder is the one behind dir_fd or lies below it: 1, 0, negative errno. */
int mw_keys_inside(const struct mw_keys *k, int dir_fd);

struct mw_epoch {
	uint8_t uuid[MW_UUID_LEN];
	uint64_t epoch;
	uint8_t seed[MW_KEY_LEN], next[MW_KEY_LEN];
	uint64_t plan_size; /* 0: no plan */
	struct mw_hash plan_root;
};

/* A fresh uuid (RFC 9562, version 4). 0, -EIO. */
int mw_uuid_new(uint8_t ret[MW_UUID_LEN]);
void mw_uuid_print(const uint8_t uuid[MW_UUID_LEN], char ret[MW_UUID_TEXT_LEN + 1]);
/* -EINVAL. */
int mw_uuid_parse(const char *text, size_t n, uint8_t ret[MW_UUID_LEN]);

/*
 * Makes the epoch file of a new log: epoch 0, two fresh keys, no plan; and opens it. 0; on failure err
 * holds one line. *ret_fd is for mw_epoch_write, owned by the caller.
 */
int mw_epoch_new(const struct mw_keys *k, const uint8_t uuid[MW_UUID_LEN], char *err,
		 size_t err_len, struct mw_epoch *ret, int *ret_fd);
/* Opens that of a log. 0; -ENOENT, -EPERM, -ELOOP, -EBADMSG (size, checksum, uuid) and others: err
 * holds one line. */
int mw_epoch_open(const struct mw_keys *k, const uint8_t uuid[MW_UUID_LEN], char *err,
		  size_t err_len, struct mw_epoch *ret, int *ret_fd);
/* Overwrites the file; on disk when it returns 0. Negative errno: the old or the new one is there. */
int mw_epoch_write(int fd, const struct mw_epoch *e);
/* The epoch is over: the next key becomes its key, a fresh one the next. In memory only. 0, -EIO. */
int mw_epoch_advance(struct mw_epoch *e);
/* Overwrites it in memory. */
void mw_epoch_done(struct mw_epoch *e);

#endif
