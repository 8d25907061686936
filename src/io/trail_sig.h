/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trail_sig.h - the signature of a trail (Ed25519, RFC 8032)
 *
 * Either of the whole file, in a file beside it (TRAIL.sig): 64 bytes, their base64, or what
 * `ssh-keygen -Y sign -n file` makes (OpenSSH, PROTOCOL.sshsig); or of each line, in its last
 *member:
 *
 *	{"tool":"read_file","id":7,"sig":"<base64>"}	signed is {"tool":"read_file","id":7}
 *	tool=read_file id=7 sig=<base64>		signed is tool=read_file id=7
 *
 * so signed are the line's own bytes without that member and the comma (the white space) before it;
 * white space between ',' and "sig" and behind its ':' may be there. Lines that are signed one by
 *one do not show that one of them is missing; the comparison does.
 */
#ifndef MW_IO_TRAIL_SIG_H
#define MW_IO_TRAIL_SIG_H

#include "io/trail.h"

#define MW_TRAIL_KEY_LEN 32
/* A whole file with a plain signature is held in memory: no longer than that. */
#define MW_TRAIL_SIGNED_MAX (1ull << 30)

/*
 * A public key: the name of a file that holds one, or the key itself: PEM, base64 of its 32 bytes,
 * a C2SP verifier key (name+hash+base64), OpenSSH's "ssh-ed25519 ...". 0; -EINVAL and others: err
 * holds one line.
 */
int mw_trail_key_load(const char *text, char *err, size_t err_len, uint8_t ret[MW_TRAIL_KEY_LEN]);

/*
 * Checks a trail, rewound before and after. 0, and *ret_lines whether it was line by line;
 * -EKEYREJECTED: a signature is wrong or missing; another negative errno: could not. err holds one
 * line, which names the line of the trail.
 */
int mw_trail_sig_check(struct mw_trail *t, const uint8_t key[MW_TRAIL_KEY_LEN], char *err,
		       size_t err_len, bool *ret_lines);

/* Takes a line apart: what is signed into out (emptied before), and the signature. 0, -ENODATA: it
 * bears none, -ENOMEM. */
int mw_trail_sig_split(struct mw_slice line, bool logfmt, struct mw_buf *out, uint8_t ret[64]);

#endif
