/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor_helper.h - the process that talks to a collector or witness, and how the daemon talks to
 * it
 *
 * One for each such anchor, the program itself started anew (so nothing of the daemon's memory is
 * in it) with the socket as descriptor MW_ANCHOR_FD, a SOCK_SEQPACKET: first struct
 * mw_anchor_hello, then for each message of at most MW_ANCHOR_BODY_MAX bytes one struct
 * mw_anchor_answer. Both are fixed in size, so that the daemon has nothing to parse that came from
 * outside; whoever gets something else closes. The end of file ends the helper.
 */
#ifndef MW_IO_ANCHOR_HELPER_H
#define MW_IO_ANCHOR_HELPER_H

#include <stdint.h>

#include "io/note.h"

#define MW_ANCHOR_VERB	      "anchor-helper"
#define MW_ANCHOR_FD	      3
#define MW_ANCHOR_ADDRESS_MAX 1024
#define MW_ANCHOR_BODY_MAX    24576
/* of a cosignature: key id, time, signature (C2SP tlog-cosignature) */
#define MW_COSIGNATURE_LEN (4 + 8 + MW_SIG_LEN)

enum mw_anchor_type {
	MW_ANCHOR_SYSLOG = 1,
	MW_ANCHOR_JOURNAL,
	MW_ANCHOR_FILE,
	MW_ANCHOR_WITNESS,
};

struct mw_anchor_hello {
	uint32_t type; /* SYSLOG, WITNESS */
	uint32_t timeout_ms;
	uint32_t key_id; /* WITNESS: whose line of the answer is wanted */
	char address[MW_ANCHOR_ADDRESS_MAX];
	char name[MW_NOTE_NAME_MAX];
};

struct mw_anchor_answer {
	int32_t error;	 /* negative errno: nobody answered; else 0 */
	uint32_t status; /* WITNESS: HTTP's */
	uint64_t size;	 /* with 409: how many records it has seen, if has_size */
	uint8_t has_size, has_cosignature;
	uint8_t cosignature[MW_COSIGNATURE_LEN];
	char why[130]; /* printable ASCII, NUL-terminated; "" without an error */
};

/* The helper: gives up its privileges (sandbox.h) and serves MW_ANCHOR_FD to its end. The exit
 * status. */
int mw_anchor_helper(void);

#endif
