/* SPDX-License-Identifier: Apache-2.0 */
/* control_ask.h - the client's side of the control socket (control_sock.h) */
#ifndef MW_IO_CONTROL_ASK_H
#define MW_IO_CONTROL_ASK_H

#include <stddef.h>

#include "base/buf.h"

/* No answer is longer, nor a line of one that goes on. */
#define MW_CONTROL_ANSWER_MAX (8u << 20)

/*
 * Connects to the socket at `path` and sends one request (without its newline). The descriptor, or
 * a negative errno and one line in err: what, why, what to do. -ENOENT and -ECONNREFUSED: no daemon
 * runs there; -EACCES: only for root.
 */
int mw_control_ask(const char *path, const char *request, char *err, size_t err_len);
/*
 * Reads an answer to its end, at most `timeout_ms` for all of it. 0, or a negative errno and one
 * line in err: -ETIMEDOUT, -EFBIG, -EREMOTEIO (the daemon said an error), -ENODATA (nothing came),
 * others.
 */
int mw_control_answer(int fd, int timeout_ms, struct mw_buf *out, char *err, size_t err_len);

#endif
