/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_sock.h - the control socket of `run`
 *
 * A Unix stream socket, 0600, in a folder of mode 0700 if it is made here. A client sends one line,
 * and gets an answer until the connection is closed:
 *
 *	status		one line of JSON (health.h)
 *	metrics		Prometheus text (metrics.h)
 *	watch		lines of JSON until one side closes: a status at once and each second, and
 *			each record as it is given to the log. What a slow client could not be given
 *			is told by {"type":"dropped","n":N} in its place
 *
 * A request is at most MW_CONTROL_LINE_MAX bytes with its newline, of one of these words and nothing
 * else; "error: ..." answers all others. A client must be root or who runs the daemon (SO_PEERCRED).
 *
 * All is done in the loop, which never waits for a client: sockets do not block, each client has a
 * bounded queue, and one that does not send its request, or takes nothing of what waits for it, for
 * MW_CONTROL_SLOW_NS is let go. There are MW_CONTROL_CLIENTS_MAX at most; who comes beyond is told so.
 */
#ifndef MW_IO_CONTROL_SOCK_H
#define MW_IO_CONTROL_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/sink.h>

#include "base/buf.h"
#include "io/health.h"

#define MW_DEFAULT_CONTROL "/run/mcpwatch/control.sock"

#define MW_CONTROL_LINE_MAX    64
#define MW_CONTROL_CLIENTS_MAX 8
#define MW_CONTROL_QUEUE_MAX   (1u << 20) /* bytes of one client */
#define MW_CONTROL_SLOW_NS     5000000000ull
#define MW_CONTROL_STATUS_NS   1000000000ull /* from one status of a watching client to the next */

enum mw_control_request {
	MW_CONTROL_STATUS = 1,
	MW_CONTROL_METRICS,
	MW_CONTROL_WATCH,
};

/* Reads a request from p[0..n): its length with the newline, and *ret; 0: more is needed; -EBADMSG:
 * it is none. */
int mw_control_parse(const char *p, size_t n, enum mw_control_request *ret);

struct mw_control_sock;

struct mw_control_ops {
	/* Fills *ret, but for `control`; what it points to is valid until the loop goes on. */
	void (*health)(void *ctx, struct mw_health *ret);
	void *ctx;
};

/*
 * Begins to listen at `path`. What is left there of a daemon that is gone is replaced. 0; on
 * failure err holds one line: -EADDRINUSE: a living daemon has it; -EBUSY: another one is just
 * beginning there; -ENAMETOOLONG, -EEXIST (what is there is no socket), -EACCES and others. Does not
 * wait.
 */
int mw_control_sock_new(const char *path, const struct mw_control_ops *ops, char *err,
			size_t err_len, struct mw_control_sock **ret);
/* Lets all clients go and removes the socket, unless another one is there by now. Takes NULL. */
void mw_control_sock_free(struct mw_control_sock *c);
/* Does what can be done without waiting; to be called at least every 10 ms. */
void mw_control_sock_poll(struct mw_control_sock *c, uint64_t boot_ns);
/* A record, for clients that watch. */
void mw_control_sock_record(struct mw_control_sock *c, const char *json, size_t n);
void mw_control_sock_stats(const struct mw_control_sock *c, struct mw_health_control *ret);

static inline void mw_control_sock_freep(struct mw_control_sock **c)
{
	mw_control_sock_free(*c);
}

#endif
