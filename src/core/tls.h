/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - how a connection of TLS begins, as its client says it
 *
 * One record of a handshake, of a version that begins with 3, and in it a ClientHello (RFC 8446,
 * sections 5.1 and 4.1.2). Nothing behind that is ever read.
 */
#ifndef MW_CORE_TLS_H
#define MW_CORE_TLS_H

#include "core/http.h"

/* A name of DNS is shorter (RFC 1035, section 2.3.4). */
#define MW_TLS_NAME_MAX 255u

/* Whether bytes begin so. MORE: they may, but the first record is not all there. */
enum mw_sniff mw_tls_sniff(struct mw_slice bytes);
/* The host that such bytes ask for (server_name, RFC 6066, section 3), a part of them: letters,
 * digits, '-', '_' and '.'. Empty: none, none that is whole in the first record, or something else
 * than a name. It is the client's word, and with Encrypted Client Hello a cover name. */
struct mw_slice mw_tls_name(struct mw_slice bytes);

#endif
