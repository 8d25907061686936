/* SPDX-License-Identifier: Apache-2.0 */
/* engine_priv.h - what engine.c and its parts share */
#ifndef MW_CORE_ENGINE_PRIV_H
#define MW_CORE_ENGINE_PRIV_H

#include <mcpwatch/engine.h>

#include "base/table.h"
#include "core/act.h"
#include "core/correlate.h"
#include "core/ends.h"
#include "core/event.h"
#include "core/mounts.h"
#include "core/proc.h"
#include "core/record.h"
#include "core/resolve.h"
#include "core/session.h"
#include "core/state.h"
#include "core/stream.h"
#include "core/wire.h"

/* Loading, of a process and for a call (0: for none). No padding: it is a table key. */
struct fold_key {
	struct mw_prockey proc;
	uint64_t call;
};

struct fold {
	struct fold_key key;
	struct mw_tie tie;
	uint64_t n_ok, n_failed, last_ns;
	uint32_t tid;
};
#define MW_ENG_FOLDS_MAX 4096

/* The last definition seen of a server's tool. */
struct tool {
	uint64_t key[2]; /* server, hash of the name */
	uint8_t hash[32];
	unsigned int declared; /* enum mw_power */
};
#define MW_ENG_TOOLS_MAX 16384

/* Of the log's stops, so many of the last are remembered. */
#define MW_ENG_STORE_ERAS 64u

/* Longest key of a server, as it is made. */
#define MW_ENG_KEY_MAX 16384
/* Most of a name, and of a path, that a record has beside what it is about. */
#define MW_ENG_NAME_MAX 1024
#define MW_ENG_PATH_MAX 4096

#define MW_ENG_CHANS_MAX   4096
#define MW_ENG_CALLS_MAX   65536
#define MW_ENG_SERVERS_MAX 16384
#define MW_ENG_PROCS_MAX   65536

/* Tables of the core whose full state is a gap. */
#define MW_ENG_TABLES 19

/* Why evidence is missing where no channel can be named. */
struct losses {
	uint64_t events, missed_runs, table, argv, memory;
	uint64_t since_ns;
	uint64_t said[MW_ENG_TABLES]; /* of what found no room, by table (engine_record.c) */
	uint64_t said_places;	      /* of places that were lost (wire.h) */
	uint64_t looked_ns;
};

struct mw_eng_policy; /* engine_policy.h */
struct mw_token;
struct mw_fact_gap;

struct mw_engine {
	struct mw_engine_config cfg;
	const struct mw_alloc *a;
	struct mw_budget bytes; /* of stream and ends: what is reassembled */
	struct mw_seq *seq;
	struct mw_stream *stream;
	struct mw_ends *ends;
	struct mw_session *session;
	struct mw_procs *procs;
	struct mw_act *act;
	struct mw_correlate *correlate;
	struct mw_mounts *mounts;
	struct mw_wire *wire;
	struct mw_resolve *resolve;
	struct mw_table *folds; /* by fold_key */
	struct mw_table *parts; /* engine_cache.c */
	struct mw_table *tools; /* struct tool by server and name */
	struct mw_table *tokens; /* engine_token.c: of servers, by process */
	struct mw_eng_policy *policy; /* NULL: there are no rules */
	uint64_t tokens_ended, tokens_evicted;
	struct mw_state *state;
	struct {
		uint64_t server, at_ns;
		bool found;
	} pin_twin; /* engine_pin.c: what it asked last */
	uint64_t state_refused, state_evicted; /* as said already */
	struct mw_buf out;	/* records, one behind the other */
	struct mw_buf scratch, body;
	struct {
		enum mw_out_kind kind;
		size_t at, len;
		struct mw_control control;
		uint64_t seq;
		bool urgent, seal;
		unsigned int alert;
	} * outs;
	size_t n_outs, outs_cap, outs_pos;
	struct mw_emit_head head;
	struct mw_buf host;
	uint64_t run_id;
	uint32_t run;	  /* in every id: of run_id */
	uint64_t n_nomem; /* of ends, as counted already */
	uint64_t n_corr_nomem;
	bool begun, ended;
	/* Since the log was sealed last, by type; while it takes nothing, what was not written. */
	struct {
		uint64_t records, calls, effects, alerts, gaps;
	} since_seal;
	struct {
		bool on;
		int error;
		uint64_t records, since_ns;
		uint64_t said, said_seq; /* by the last gap, and its number */
	} unwritten;
	/* How often the log stopped taking records, and the first number it did not take each time. */
	uint64_t store_era, store_cut[MW_ENG_STORE_ERAS];
	uint64_t now_ns;
	struct losses losses;
	struct mw_engine_stats stats;
};

/* engine.c */
struct mw_emit mw_eng_begin(struct mw_engine *e, const char *type, uint64_t ts_ns);
/* Ends a record and makes it an output. A record that cannot be built is a loss that is said. */
void mw_eng_end(struct mw_engine *e, struct mw_emit *r);
/* r < 0: memory was short, something was not followed. */
void mw_eng_note_error(struct mw_engine *e, int r);

/* Bytes that are no record: a copy goes out. */
void mw_eng_put_out(struct mw_engine *e, enum mw_out_kind kind, struct mw_slice bytes);
void mw_eng_control(struct mw_engine *e, const struct mw_control *control);
void mw_eng_pull_session(struct mw_engine *e);

/* engine_wire.c */
int mw_eng_wire_new(struct mw_engine *e);
void mw_eng_wire_free(struct mw_engine *e);
/* The names that the address of its other side has. */
void mw_eng_name(struct mw_engine *e, struct mw_action *act);
void mw_eng_on_dgram(struct mw_engine *e, const struct mw_ev_dgram *ev);
void mw_eng_wire_push(struct mw_engine *e, const struct mw_chunk *c);
void mw_eng_wire_connect(struct mw_engine *e, const struct mw_ev_act *ev);
void mw_eng_wire_tick(struct mw_engine *e);
void mw_eng_wire_finish(struct mw_engine *e);
/* This call's record is about to be written: requests of it that wait for an answer come before. */
void mw_eng_wire_hurry(struct mw_engine *e, uint64_t call);

/* engine_store.c */
void mw_eng_on_seal(struct mw_engine *e, const struct mw_ev_seal *ev);
/* A record's number, to be kept for later; and later: false where the log did not take that record. */
uint64_t mw_eng_seq_keep(const struct mw_engine *e, uint64_t seq);
/* Kept, of the record that was begun as `seq`; UINT64_MAX: there is none. */
uint64_t mw_eng_seq_of(const struct mw_engine *e, uint64_t seq);
bool mw_eng_seq_written(const struct mw_engine *e, uint64_t kept, uint64_t *ret_seq);
void mw_eng_on_store(struct mw_engine *e, const struct mw_ev_store *ev);
void mw_eng_on_outlet(struct mw_engine *e, const struct mw_ev_outlet *ev);

/* engine_state.c; what is learned goes through e->state (state.h) */
void mw_eng_on_state(struct mw_engine *e, const struct mw_ev_state *ev);
/* What was learned since becomes outputs. */
void mw_eng_state_pull(struct mw_engine *e);
/* What could not be read, or was forgotten for room, becomes a gap. */
void mw_eng_state_losses(struct mw_engine *e);

/* engine_cache.c */
enum mw_eng_part {
	MW_ENG_PART_SERVER = 1,
	MW_ENG_PART_PRINCIPAL,
	MW_ENG_PART_PARENTS,
	MW_ENG_PART_CLIENT,
};
struct mw_eng_part_key {
	uint64_t part; /* enum mw_eng_part; above its 8 bits more of whom */
	uint64_t a, b; /* of whom */
};
int mw_eng_parts_new(struct mw_engine *e);
void mw_eng_parts_free(struct mw_engine *e);
/* Something was learned: none of them holds any more. */
void mw_eng_forget_parts(struct mw_engine *e);
/* Writes a part that is known, or says false. */
bool mw_eng_part_again(struct mw_engine *e, struct mw_emit *r, const struct mw_eng_part_key *key);
/* Keeps what was written since e->out.len was `at`. */
void mw_eng_part_keep(struct mw_engine *e, const struct mw_emit *r,
		      const struct mw_eng_part_key *key, size_t at);

/* engine_daemon.c */
/* start: with its META event. */
void mw_eng_say_daemon(struct mw_engine *e, const char *event, const struct mw_ev_meta *meta);
/* The clock was stepped. */
void mw_eng_on_clock(struct mw_engine *e, const struct mw_ev_clock *ev);

/* engine_stats.c: what found no room in each table, in all, and what a gap calls it */
void mw_eng_tables_lost(const struct mw_engine *e, uint64_t ret[MW_ENG_TABLES]);
extern const char *const mw_eng_table_names[MW_ENG_TABLES];

/* engine_record.c */
void mw_eng_say_losses(struct mw_engine *e);
/* A gap's record was begun as `seq` and ended. */
void mw_eng_said_gap(struct mw_engine *e, const struct mw_server *sv,
		     const struct mw_fact_gap *gap, uint64_t seq);
void mw_eng_server_ref(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv);
void mw_eng_on_session(struct mw_engine *e, const struct mw_sess_event *ev);
/* A process has its configured name: the servers that it names are said again. */
void mw_eng_on_name(struct mw_engine *e, struct mw_prockey named);
/* More is known of it, or of the server that this process is: if it was said, it is said again. */
void mw_eng_say_server_again(struct mw_engine *e, const struct mw_server *sv);
void mw_eng_say_again(struct mw_engine *e, struct mw_prockey proc);

/* engine_key.c */
/* How an agent's configuration calls this server, or empty. Borrowed until the next push. */
struct mw_slice mw_eng_configured_name(const struct mw_engine *e, const struct mw_server *sv);
/* Stable across restarts: configured name; else executable, and of an interpreter what it runs;
 * each with the uid; of a server elsewhere its URL. Empty: nothing is known. 0, -ENOMEM. */
int mw_eng_server_key(struct mw_engine *e, const struct mw_server *sv, struct mw_buf *out);

/* What an interpreter runs, as its command line has it; empty: it is none, or that is not known. */
struct mw_slice mw_eng_script_of(const struct mw_proc *p);

/* engine_resume.c */
/* What an earlier run left, after the first META. Once. */
/* What the log was found to have, as members of the first daemon record. */
void mw_eng_found(struct mw_engine *e, struct mw_emit *r);
void mw_eng_resume(struct mw_engine *e, struct mw_slice boot_id);

/* engine_tool.c */
/* The hash of the canonical form; of the exact bytes where the text has none (RFC 8785 refuses
 * equal keys and numbers beyond a double). 0, -ENOMEM. */
int mw_eng_hash_definition(struct mw_engine *e, struct mw_slice definition, uint8_t out[32]);
/* The answer to tools/list. */
void mw_eng_on_tools(struct mw_engine *e, const struct mw_sess_event *ev);
/* What a server's tool declares of its power; undeclared where it is not known. */
unsigned int mw_eng_declared(const struct mw_engine *e, const struct mw_server *sv,
			     struct mw_slice name);

/* engine_state.c */
/* Now, in ns since 1970. */
int64_t mw_eng_realtime(const struct mw_engine *e);

/* engine_pin.c */
/* A definition of this server, as state.h has it; ret is left alone where that fails. */
void mw_eng_pin(struct mw_engine *e, const struct mw_server *sv, struct mw_slice what,
		struct mw_slice name, const uint8_t hash[32], struct mw_state_pin *ret);

/* engine_content.c */
/* How much of what is said with this server (NULL: not known) is written. */
enum mw_content mw_eng_content(struct mw_engine *e, const struct mw_server *sv);
/* Says so, where it is not all. */
void mw_eng_put_content_mark(struct mw_emit *r, enum mw_content keep);
/* mw_emit_json of a value that is written only if `keep`, and redacted in any case. */
bool mw_eng_put_content(struct mw_emit *r, const char *key, struct mw_slice value, size_t max,
			bool keep);

/* engine_call.c */
const char *mw_eng_status_name(enum mw_call_status s);
const char *mw_eng_evidence_name(const struct mw_call *c);
void mw_eng_on_request(struct mw_engine *e, const struct mw_sess_event *ev);
void mw_eng_on_call(struct mw_engine *e, const struct mw_sess_event *ev);
void mw_eng_principal(struct mw_engine *e, struct mw_emit *r, struct mw_prockey who, bool parents);
void mw_eng_body(struct mw_engine *e, uint64_t call, const char *what, struct mw_slice value,
		 uint64_t ts_ns);

/* engine_carrier.c; each writes what is known, or nothing */
const char *mw_eng_server_transport(const struct mw_server *sv);
void mw_eng_put_addr(struct mw_engine *e, struct mw_emit *r, const struct mw_addr *addr);
void mw_eng_put_client(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c);
/* The principal: of the host what is known of who called, and the tokens: those that the request
 * with these arguments bore, and those its server was given. */
void mw_eng_put_caller(struct mw_engine *e, struct mw_emit *r, struct mw_call *c,
		       struct mw_slice args, bool parents);
/* That of a server: whose client's process began it, and the tokens it was given. */
void mw_eng_put_server_caller(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv);
/* transport, http, hops, rounds, task. */
void mw_eng_put_way(struct mw_engine *e, struct mw_emit *r, const struct mw_call *c);
void mw_eng_put_trace(struct mw_emit *r, const struct mw_call *c);

/* Whose process the host part speaks of: of a client elsewhere there is none here. */
struct mw_prockey mw_eng_who_called(const struct mw_call *c);

/* engine_token.c */
int mw_eng_tokens_new(struct mw_engine *e);
void mw_eng_tokens_free(struct mw_engine *e);
/* This process is a server: its environment is asked for. */
void mw_eng_tokens_watch(struct mw_engine *e, struct mw_prockey proc);
/* It runs another program, with another environment. */
void mw_eng_tokens_exec(struct mw_engine *e, struct mw_prockey proc);
void mw_eng_tokens_exit(struct mw_engine *e, struct mw_prockey proc);
void mw_eng_tokens_tick(struct mw_engine *e);
void mw_eng_on_env(struct mw_engine *e, const struct mw_ev_env *ev);
/* The tokens of a call (NULL: none) with these arguments, and of its server (NULL: none). */
void mw_eng_put_tokens(struct mw_engine *e, struct mw_emit *r, const struct mw_server *sv,
		       struct mw_call *c, struct mw_slice args);
/* The keyed hash of content, also into ret. False: there is no key, or no content. */
bool mw_eng_put_mac(struct mw_engine *e, struct mw_emit *r, const char *key, struct mw_slice exact,
		    uint8_t ret[32]);

/* engine_effect.c */
/* summary: what act stands for, where it is several; NULL for one. Listed with its call. */
void mw_eng_say_effect(struct mw_engine *e, const struct mw_action *act, const struct mw_tie *tie,
		       const char *summary);
void mw_eng_on_action(struct mw_engine *e, struct mw_action *act);

/* engine_policy*.c: what rules look at, and alerts. All do nothing where there are no rules. `seq`:
 * kept (mw_eng_seq_keep); UINT64_MAX: there is no record. */
int mw_eng_policy_new(struct mw_engine *e);
void mw_eng_policy_free(struct mw_engine *e);
/* Something was learned about a process. */
void mw_eng_policy_stale(struct mw_engine *e);
/* The folders that it was started with, or that a client of it has declared (NULL and 0: none, or
 * there are no rules). Borrowed until the next push. */
struct mw_texts;
void mw_eng_policy_roots(struct mw_engine *e, const struct mw_server *sv, struct mw_texts *ret);
/* The environment of a server's process: its HOME. */
void mw_eng_policy_env(struct mw_engine *e, const struct mw_ev_env *ev);
void mw_eng_policy_server(struct mw_engine *e, const struct mw_server *sv, bool seen, uint64_t seq);
/* A definition that is new, or another than before. */
struct mw_eng_tool {
	const struct mw_server *server;
	struct mw_slice raw_name, definition, annotations;
	unsigned int declared;
	bool changed; /* this very process had another one */
	struct mw_state_pin pin;
};
void mw_eng_policy_tool(struct mw_engine *e, const struct mw_eng_tool *d, uint64_t ts_ns,
			uint64_t seq);
void mw_eng_policy_notice(struct mw_engine *e, const struct mw_sess_event *ev, uint64_t seq);
void mw_eng_policy_anomaly(struct mw_engine *e, const struct mw_sess_event *ev, uint64_t seq);
void mw_eng_policy_gap(struct mw_engine *e, const struct mw_server *sv,
		       const struct mw_fact_gap *gap, uint64_t seq);
/* A call begins; acts: its server may act on it. */
void mw_eng_policy_open(struct mw_engine *e, struct mw_call *c, bool acts);
void mw_eng_policy_moved(struct mw_engine *e, struct mw_call *c);
void mw_eng_policy_answered(struct mw_engine *e, const struct mw_call *c);
/* The tokens of a request are about to be told, one after the other. */
void mw_eng_policy_tokens_begin(struct mw_engine *e, const struct mw_call *c);
void mw_eng_policy_token(struct mw_engine *e, const struct mw_call *c, const struct mw_token *t);
/* Its record is written; redaction was watched while that was. */
void mw_eng_policy_request(struct mw_engine *e, const struct mw_sess_event *ev, uint64_t seq);
void mw_eng_policy_withdrawn(struct mw_engine *e, const struct mw_call *c);
/* Its end: what is tied to it is settled, before its record is begun; the call itself, within it,
 * redaction having been watched since its result; alerts, behind all of its records. */
void mw_eng_policy_settle(struct mw_engine *e, const struct mw_call *c);
void mw_eng_policy_call(struct mw_engine *e, const struct mw_sess_event *ev);
void mw_eng_policy_put_alerts(struct mw_engine *e, struct mw_emit *r, uint64_t call);
void mw_eng_policy_call_done(struct mw_engine *e, const struct mw_sess_event *ev);
void mw_eng_policy_effect(struct mw_engine *e, const struct mw_action *act,
			  const struct mw_tie *tie, uint64_t seq);
void mw_eng_policy_tick(struct mw_engine *e);
void mw_eng_policy_finish(struct mw_engine *e);
/* What found no room, in all. */
struct mw_eng_policy_lost {
	uint64_t servers, tools, wait, early, made, rules;
};
void mw_eng_policy_lost(const struct mw_engine *e, struct mw_eng_policy_lost *ret);
struct mw_policy_stats;
/* Left alone where there are no rules. */
void mw_eng_policy_stats(const struct mw_engine *e, struct mw_policy_stats *ret);

/* engine_fold.c */
/* Whether an action was folded: it is not to be written then. */
bool mw_eng_fold(struct mw_engine *e, const struct mw_action *act, const struct mw_tie *tie);
/* What was folded of a process, or of a call, is written. */
void mw_eng_unfold(struct mw_engine *e, struct mw_prockey proc);
void mw_eng_unfold_call(struct mw_engine *e, uint64_t call);
void mw_eng_unfold_all(struct mw_engine *e);

#endif
