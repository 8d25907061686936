/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_helper.h - the process that talks to a collector, a witness or a webhook
 *
 * A helper process (helper.h) for each of them: first comes struct mw_net_hello, then for each
 * message of at most MW_NET_BODY_MAX bytes one struct mw_net_answer goes back. Both are fixed in
 * size, so that the daemon has nothing to parse that came from outside; whoever gets something else
 * closes. The end of file ends the helper.
 */
#ifndef MW_IO_NET_HELPER_H
#define MW_IO_NET_HELPER_H

#include <stdint.h>

#include <mcpwatch/record.h>

#include "io/note.h"

#define MW_NET_VERB	   "net-helper"
#define MW_NET_ADDRESS_MAX 1024
#define MW_NET_PATH_MAX	   1024
#define MW_NET_HEADER_MAX  2048
#define MW_NET_KEY_MAX	   128
#define MW_NET_BODY_MAX	   (MW_RECORD_MAX + 4096)
/* of a cosignature: key id, time, signature (C2SP tlog-cosignature) */
#define MW_COSIGNATURE_LEN (4 + 8 + MW_SIG_LEN)

enum mw_net_type {
	MW_NET_SYSLOG = 1, /* syslog.h: a message each */
	MW_NET_WITNESS,	   /* POST to <address>/add-checkpoint */
	MW_NET_WEBHOOK,	   /* POST of JSON to the address itself */
};

struct mw_net_hello {
	uint32_t type; /* enum mw_net_type */
	uint32_t timeout_ms;
	uint32_t key_id;       /* WITNESS: whose line of the answer is wanted */
	uint32_t hmac_key_len; /* WEBHOOK: 0: nothing is signed */
	char address[MW_NET_ADDRESS_MAX];
	char name[MW_NOTE_NAME_MAX];	/* WITNESS */
	char header[MW_NET_HEADER_MAX]; /* WEBHOOK: "Name: value", or "" */
	char ca_file[MW_NET_PATH_MAX];	/* WEBHOOK: authorities instead of the system's, or "" */
	uint8_t hmac_key[MW_NET_KEY_MAX];
};

struct mw_net_answer {
	int32_t error;	 /* negative errno: nobody answered; else 0 */
	uint32_t status; /* WITNESS, WEBHOOK: HTTP's */
	uint64_t size;	 /* WITNESS: with 409: how many records it has seen, if has_size */
	uint8_t has_size, has_cosignature;
	uint8_t cosignature[MW_COSIGNATURE_LEN];
	char why[130]; /* printable ASCII, NUL-terminated; "" without an error */
};

/* The helper: gives up its privileges (sandbox.h) and serves to its end. The exit status. */
int mw_net_helper(void);

#endif
