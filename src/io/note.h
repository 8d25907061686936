/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note.h - signed notes, checkpoints and their keys
 *
 * C2SP signed-note (Ed25519, algorithm byte 0x01), tlog-checkpoint and tlog-cosignature (algorithm
 * byte 0x04, for what witnesses answer). A verifier key is "<name>+<id, 8 hex digits>+<base64 of
 * algorithm byte and public key>". Names hold no space and no '+'.
 */
#ifndef MW_IO_NOTE_H
#define MW_IO_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/tlog.h"

#define MW_KEY_LEN	32 /* Ed25519: seed, public key */
#define MW_SIG_LEN	64
#define MW_NOTE_NAME_MAX 256
#define MW_VKEY_MAX	384 /* as text, with its NUL */
#define MW_NOTE_MAX	16384

enum mw_note_alg { MW_NOTE_ED25519 = 1, MW_NOTE_COSIGNATURE = 4 };

struct mw_vkey {
	char name[MW_NOTE_NAME_MAX];
	uint8_t alg; /* enum mw_note_alg */
	uint32_t id;
	uint8_t public_key[MW_KEY_LEN];
};

struct mw_skey {
	struct mw_vkey pub;
	uint8_t seed[MW_KEY_LEN];
};

/* A new key for a name. 0, -EINVAL (the name), -EIO (no randomness). */
int mw_skey_new(const char *name, struct mw_skey *ret);
/* The key of a seed. 0, -EINVAL, -ENOMEM. */
int mw_skey_of(const char *name, const uint8_t seed[MW_KEY_LEN], struct mw_skey *ret);
/* Overwrites it in memory. */
void mw_skey_done(struct mw_skey *k);
/* Text of a verifier key. */
void mw_vkey_print(const struct mw_vkey *k, char ret[MW_VKEY_MAX]);
/* And back: n bytes without a newline. 0, -EINVAL: also if id and key do not fit each other. */
int mw_vkey_parse(const char *text, size_t n, struct mw_vkey *ret);

/* Appends to the note in text[0..*n), which ends in a newline, the signature line of a key (with the
 * empty line before the first one, where *n is body_len). A NUL follows it. 0, -ENOBUFS (beyond max),
 * -ENOMEM. */
int mw_note_sign(char *text, size_t max, size_t *n, size_t body_len, const struct mw_skey *key);

/* A note taken apart: the text that is signed (with its last newline), and the signature lines. */
struct mw_note {
	const char *body;
	size_t body_len;
	const char *sigs;
	size_t sigs_len;
};
/* 0, -EBADMSG (not UTF-8, control characters, no signatures or one that can be none, more than
 * MW_NOTE_MAX bytes). Borrows text. */
int mw_note_parse(const char *text, size_t n, struct mw_note *ret);
/* 1: it bears a good signature of this key; 0: none of this key; -EBADMSG: one of this key that is
 * wrong; -ENOMEM. A cosignature's time (s since 1970) in *ret_time, which may be NULL. */
int mw_note_verify(const struct mw_note *note, const struct mw_vkey *key, uint64_t *ret_time);

/* What a checkpoint says: "origin\nsize\nbase64(root)\n", nothing behind it. */
struct mw_checkpoint {
	char origin[MW_NOTE_NAME_MAX];
	uint64_t size;
	struct mw_hash root;
};
/* 0, -ENOBUFS. */
int mw_checkpoint_print(const struct mw_checkpoint *c, char *text, size_t max, size_t *ret_n);
/* 0, -EBADMSG. */
int mw_checkpoint_parse(const char *text, size_t n, struct mw_checkpoint *ret);

/* The name of the one-time key of an epoch: "<origin>/fs/<epoch>". */
void mw_epoch_name(const char *origin, uint64_t epoch, char ret[MW_NOTE_NAME_MAX]);

#endif
