/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.h - one record of a sealed log with what proves it, to be checked alone (C2SP tlog-proof)
 *
 *	c2sp.org/tlog-proof@v1
 *	extra <base64 of the record's line>
 *	index <seq>
 *	<base64 of a hash>		from the leaf's sibling up
 *
 *	<the newest checkpoint, a signed note>
 *
 * The leaf is SHA-256(0x00 || line), the line's exact bytes without its newline. The extra data is
 * not authenticated by itself: who checks hashes it.
 */
#ifndef MW_IO_PROOF_H
#define MW_IO_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Beyond the longest record, its base64, 64 hashes and a note. */
#define MW_PROOF_TEXT_MAX (1u << 18)

/*
 * Appends the line of a record and its proof. It was held against the checkpoint, and that against the
 * log's identity, before 0 is said. On failure err holds one line: -ENODATA (no such record, it is not
 * sealed yet, or it was deleted), -EBADMSG (it is not what was sealed: the log is tampered), -ENOENT
 * and others (it could not be read).
 */
int mw_proof_export(const char *dir, uint64_t seq, struct mw_buf *line, struct mw_buf *proof,
		    char *err, size_t err_len);

#endif
