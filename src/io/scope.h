/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - which processes `run` watches
 *
 * The kernel makes a candidate of whatever is executed with a pipe or socket as its fd 0 and its fd
 * 1, and with it of all below it: a tree. The core gets its bytes and hears of its processes at
 * once, but what it does is held back (hold.h). When the core says that one of them is an MCP
 * server, the whole tree becomes observed and what was held comes out in its order; when it says
 * that what passes there is no MCP, or nobody holds these channels any more, the tree is let go,
 * and nothing of what it did is kept. What is executed below with channels of its own at both ends
 * is a tree of its own.
 *
 * HTTP servers are found on their listening sockets, what runs already by the channels that
 * processes share (discover.h). The client of a server is seen on its MCP streams alone. Over all
 * this stand the configuration's lists: `ignore` wins over what is found, `watch` over `ignore`,
 * and a process without a verdict of its own has that of its nearest ancestor that has one.
 *
 * To the kernel side and to /proc it speaks through struct mw_scope_ops: so it is tested without
 * them.
 */
#ifndef MW_IO_SCOPE_H
#define MW_IO_SCOPE_H

#include <mcpwatch/loader.h>
#include <mcpwatch/source.h>

#include "io/config.h"
#include "io/look.h"

/* Limits; what does not fit is let go, counted, and said as MW_EV_LOST (MW_LOST_TABLE). */
#define MW_SCOPE_TREES_MAX   1024
#define MW_SCOPE_MEMBERS_MAX 32768
#define MW_SCOPE_SERVERS_MAX 4096
#define MW_SCOPE_STREAMS_MAX 8192
#define MW_SCOPE_PAIRS_MAX   4096
#define MW_SCOPE_CLIENTS_MAX 256 /* questions for a client that wait for the next tick */
/* How long a decided or ended process is remembered: its last events are still on their way. */
#define MW_SCOPE_LINGER_NS 2000000000ull

/* The functions of source_bpf.h, look.h and source.h of these names. */
struct mw_scope_ops {
	int (*tag_change)(void *ctx, uint32_t tgid, unsigned int set, unsigned int clear);
	unsigned int (*tag_of)(void *ctx, uint32_t tgid);
	int (*snapshot)(void *ctx, uint32_t tgid);
	int (*watch)(void *ctx, uint64_t chan, uint64_t ino);
	void (*listen_port)(void *ctx, uint16_t port, bool on);
	void (*mcp_port)(void *ctx, uint16_t port, bool on);
	int (*files)(void *ctx, struct mw_fd_info **ret, size_t *ret_n);
	int (*name)(void *ctx, uint32_t tgid, uint64_t start_ns, const char *name,
		    const char *file);
	int (*control)(void *ctx, const struct mw_control *c);
	int (*look)(void *ctx, uint32_t pid, struct mw_look *ret);
	uint32_t (*parent)(void *ctx, uint32_t pid);
	int (*pids)(void *ctx, uint32_t **ret, size_t *ret_n);
	uint64_t (*now)(void *ctx); /* boot time, ns */
};
/* Those of a kernel source (ctx). */
extern const struct mw_scope_ops mw_scope_bpf_ops;

struct mw_scope;

struct mw_scope_found {
	size_t watched;	  /* running processes that the configuration names */
	size_t listeners; /* that listen on TCP */
	size_t pairs;	  /* that share channels both ways */
};

struct mw_scope_stats {
	size_t trees, members, held_bytes;
	uint64_t promoted, let_go, dropped; /* trees; events pushed out of a hold */
	uint64_t refused;		    /* what found no room */
};

/* config, ops and ctx are borrowed; config may be replaced. 0, -ENOMEM. */
int mw_scope_new(const struct mw_config *config, const struct mw_scope_ops *ops, void *ctx,
		 struct mw_scope **ret);
void mw_scope_free(struct mw_scope *s);

/* For mw_pump.scope: whether the event goes on as it is. */
bool mw_scope_event(void *scope, const struct mw_event_hdr *ev);
/* For mw_pump.held. */
const struct mw_event_hdr *mw_scope_held(void *scope);
/* For mw_pump.control. */
void mw_scope_control(void *scope, const struct mw_control *c);

/*
 * Looks at what runs already. 0, or a negative errno: /proc cannot be read. Where the kernel side
 * cannot list open files, nothing is found but what the configuration names: *ret_files is its
 * errno.
 */
int mw_scope_scan(struct mw_scope *s, struct mw_scope_found *ret, int *ret_files);
/* A new configuration: what it names is watched, what it excludes is let go. As mw_scope_scan. */
int mw_scope_reload(struct mw_scope *s, const struct mw_config *config);
void mw_scope_stats(const struct mw_scope *s, struct mw_scope_stats *ret);

static inline void mw_scope_freep(struct mw_scope **s)
{
	mw_scope_free(*s);
}

#endif
