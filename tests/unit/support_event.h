/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_event.h - events made by hand
 *
 * Each builder gives a sound event (it is checked) that is valid until 8 more were made.
 */
#ifndef MW_TESTS_SUPPORT_EVENT_H
#define MW_TESTS_SUPPORT_EVENT_H

#include "support.h"

#include "core/event.h"
#include "core/types.h"

/* A process of the tests: its start is a fixed function of the pid, unless said otherwise. */
struct mw_prockey tp(uint32_t pid);

const struct mw_event_hdr *tev_fork(struct mw_prockey parent, struct mw_prockey child, uint64_t ts);
const struct mw_event_hdr *tev_exit(struct mw_prockey p, int32_t status, uint64_t ts);

struct tev_proc {
	uint16_t type; /* 0: MW_EV_EXEC */
	struct mw_prockey proc, parent;
	uint64_t ts, cgroup_id, dev, ino;
	uint32_t uid, gid, loginuid, session;
	const char *exe, *cwd, *cgroup;
	uint8_t exe_state; /* 0: FULL if there is one */
	const void *argv;
	size_t argv_len;
	bool argv_cut;
};
const struct mw_event_hdr *tev_proc(struct tev_proc p);

/* Strings are given with a length where they may hold NUL, else up to their NUL. */
struct tev_act {
	uint16_t op;
	struct mw_prockey proc;
	uint64_t ts;
	int64_t ret;
	const char *path, *base, *asked, *base2, *asked2;
	size_t asked_len;
	uint8_t path_state, base_state, base2_state; /* 0: FULL if there is one */
	uint32_t flags, mode;
	uint64_t chan, gen, ino, dev;
	struct mw_addr local, peer;
	uint32_t sysno;
	int32_t fd; /* 0: none, -1 in the event; else itself */
	bool compat;
	uint8_t peer_from;
	uint8_t path_from, asked_cut;
	uint64_t num[4], bytes_r, bytes_w, file, mntns;
};
const struct mw_event_hdr *tev_act(struct tev_act a);
const struct mw_event_hdr *tev_sock(uint64_t chan, uint64_t gen, int err, uint64_t ts);
/* A connection's end. */
const struct mw_event_hdr *tev_close(uint64_t chan, uint64_t gen, bool ended, uint64_t sent,
				     uint64_t received, uint64_t ts);
const struct mw_event_hdr *tev_home(uint32_t uid, const char *name, const char *home);
const struct mw_event_hdr *tev_user(uint32_t uid, const char *name);

struct mw_addr t_addr4(const char *ip, uint16_t port);
struct mw_addr t_addr6(const char *ip, uint16_t port);

#endif
