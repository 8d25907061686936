/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover.h - who talks to whom, from the table of all open pipes and stream sockets
 *
 * The table (struct mw_fd_info, loader.h) is one moment of the whole host.
 */
#ifndef MW_IO_DISCOVER_H
#define MW_IO_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/loader.h>
#include <mcpwatch/source.h>

/* Who shares channels with more than so many others is a hub (a bus, a log daemon, a display): its
 * pairs are left out. */
#define MW_DISCOVER_HUB 256
/* A channel that more processes hold than make so many pairs was inherited at random: left out. */
#define MW_DISCOVER_HOLDERS 64
#define MW_PAIR_CHANS	    8

/* Two processes of which each reads what the other writes, over pipes or unix sockets. */
struct mw_pair {
	uint32_t a, b;
	size_t n; /* channels, of both directions; more than fit are left out */
	struct {
		uint64_t chan, ino;
	} chans[MW_PAIR_CHANS];
};

/*
 * All pairs, but none of `self`, as an array for free(): at most max. 0, -ENOMEM.
 */
int mw_discover_pairs(const struct mw_fd_info *files, size_t n, uint32_t self, size_t max,
		      struct mw_pair **ret, size_t *ret_n);

/*
 * Who holds the other end of the channel that a control of kind CLIENT speaks of: pids, each once,
 * without the server's; of both ends, where the server is not known (tgid 0). How many, at most
 * max.
 */
size_t mw_discover_holders(const struct mw_fd_info *files, size_t n, const struct mw_control *c,
			   uint32_t *ret, size_t max);

#endif
