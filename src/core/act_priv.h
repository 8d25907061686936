/* SPDX-License-Identifier: Apache-2.0 */
/* act_priv.h - what act.c and its parts share */
#ifndef MW_CORE_ACT_PRIV_H
#define MW_CORE_ACT_PRIV_H

#include "base/table.h"
#include "core/act.h"

/* Joined paths of one action. */
#define MW_ACT_TEXT_MAX	 (4 * (size_t)MW_EVENT_MAX)
#define MW_ACT_TEXT_KEEP 16384

#define MW_ACT_RESULTS 64
/* Connections whose end is waited for. */
#define MW_ACT_CONNS_MAX 8192

/* A socket. No padding: it is a table key. */
struct mw_act_key {
	uint64_t chan, gen;
};

struct mw_act_held {
	struct mw_action act;
	struct mw_act_key key;
	struct mw_act_held *next; /* in ready */
	char text[64];
	bool tcp;
};

/* A result that came before its connect, or (told) that was given with it. */
struct mw_act_result {
	struct mw_act_key key;
	uint64_t ts_ns;
	struct mw_addr peer;
	int err; /* >= 0 */
	bool used, told;
};

/* An end that came before its connection. */
struct mw_act_ended {
	struct mw_act_key key;
	uint64_t ts_ns, sent, received;
	bool used;
};

struct mw_act {
	const struct mw_alloc *a;
	struct mw_table *held;
	struct mw_act_held *ready, *ready_tail, *lent;
	struct mw_action now;
	bool has_now;
	struct mw_buf text;
	struct mw_act_result results[MW_ACT_RESULTS];
	unsigned int result_at;
	/* act_net.c */
	struct mw_table *conns;	  /* struct mw_act_held: each end as it will come out */
	struct mw_act_held *then; /* an end that comes out behind `now` */
	struct mw_act_ended ended[MW_ACT_RESULTS];
	unsigned int ended_at;
	uint64_t conns_lost;
	/* act_file.c */
	struct mw_table *files; /* struct openfile by mw_ev_act.file */
	size_t files_bytes;
	bool files_evicted;
	uint64_t files_lost;
};

/* act.c */
/* An action with what every event's header says. */
struct mw_action mw_act_begin(enum mw_effect_kind kind, const struct mw_event_hdr *h);
/* The next one to come out; its slices in the event or in a->text. Always 0. */
int mw_act_give(struct mw_act *a, const struct mw_action *act);
/* Comes out after all that are queued, and before the one given. Takes it. */
void mw_act_queue(struct mw_act *a, struct mw_act_held *h);
/* A part of a->text. */
struct mw_slice mw_act_text(const struct mw_act *a, size_t from, size_t to);

/* act_net.c */
int mw_conns_init(struct mw_act *a);
void mw_conns_done(struct mw_act *a);
/* Whether the socket of a CONNECT or ACCEPT is TCP's. */
bool mw_act_is_tcp(const struct mw_ev_act *ev);
/* The address as target and peer, joined where it is a relative name. 1, 0 it has no printed form,
 * -E2BIG, -ENOMEM. a->text was reset. */
int mw_act_addr(struct mw_act *a, const struct mw_ev_act *ev, const struct mw_addr *addr,
		struct mw_action *act);
/* Notes a connection that was made: its end is to come. 0 or -ENOMEM: it will not come. */
int mw_conn_add(struct mw_act *a, const struct mw_action *act);
/* Its owner ended: so did its connections, for it. */
void mw_conn_exit(struct mw_act *a, struct mw_prockey proc, uint64_t ts_ns);
int mw_act_on_close(struct mw_act *a, const struct mw_ev_close *ev);
/* A MW_EV_ACT on sockets but connect; others are ignored. As mw_act_push. */
int mw_act_on_net(struct mw_act *a, const struct mw_ev_act *ev);

/* act_proc.c */
/* A MW_EV_ACT on processes, namespaces and the kernel; others are ignored. As mw_act_push. */
int mw_act_on_proc(struct mw_act *a, const struct mw_ev_act *ev);

/* act_file.c */
/* 0 or -ENOMEM, and then done may be called. */
int mw_openfiles_init(struct mw_act *a);
void mw_openfiles_done(struct mw_act *a);
/* Whether a name goes on from there; what is only a name is no directory. enum mw_path_state. */
bool mw_act_base_usable(uint8_t state);
/* A MW_EV_ACT on files, or an exec that failed; others are ignored. As mw_act_push. */
int mw_act_on_file(struct mw_act *a, const struct mw_ev_act *ev);

#endif
