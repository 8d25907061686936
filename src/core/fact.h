/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fact.h - what the rules look at: one thing that was seen, with all that is known of it
 *
 * engine_policy.c fills these structs from the stages' own and lends them to the policy (policy.h).
 * Each member that a rule may name stands in the table of fact_field.c: its name in rules (such as
 * "effect.target"), its type and its place. A member that is not known is empty, NULL or 0 with its
 * `has_` false; comparing it is false, and `exists` says so.
 *
 * All texts are raw bytes of the observed world (decoded where they came as JSON strings) unless
 * said otherwise: redaction is the record's.
 */
#ifndef MW_CORE_FACT_H
#define MW_CORE_FACT_H

#include "core/act.h"
#include "core/correlate.h"

enum mw_fact_kind {
	MW_FACT_REQUEST = 1, /* a request was read whole: call, server, principal */
	MW_FACT_CALL,	     /* it has its end: call, server, principal; before its record */
	MW_FACT_EFFECT,	     /* an action of a server's: effect; call, if tied to one. What it did
			      * before it was known to be one comes when it is, and so does what
			      * those did that started it */
	MW_FACT_TOOL,	     /* a definition, first or changed: tool, server */
	MW_FACT_SERVER,	     /* a server was seen or changed: server */
	MW_FACT_NOTICE,	     /* a notification: notice, server */
	MW_FACT_ANOMALY,     /* anomaly, server, call if of one */
	MW_FACT_GAP,	     /* gap, server if of one */
	MW_FACT_ALERT,	     /* a rule fired: alert, and what it fired on. In sequences only */
	MW_FACT_KINDS,
};

/* Several texts: borrowed, as what lends them says. */
struct mw_texts {
	const struct mw_slice *v;
	size_t n;
};

struct mw_fact_server {
	uint64_t id;		 /* mw_server.id */
	struct mw_slice key;	 /* server.key: stable across restarts */
	struct mw_slice name, configured_name, exe, cwd, user, container, transport;
	struct mw_slice home; /* HOME of its environment, on the server's word */
	struct mw_texts argv;
	struct mw_texts roots;	 /* folders it was started with or its client declared */
	uint64_t client;	 /* number of its client's process (or address), for keys; 0 unknown */
	uint32_t uid;
	bool has_uid, remote; /* remote: its client, or it, is on another host */
};

/* Of who called: what the kernel says, and what is claimed. */
struct mw_fact_principal {
	uint64_t id; /* hash of uid, login and tokens' fingerprints, for keys; 0 unknown */
	uint32_t uid, loginuid;
	bool has_uid, has_loginuid;
	struct mw_slice user, unit, container, address; /* address: of a remote caller */
	/* of the tokens the request bore (not those of the server's environment) */
	uint64_t tokens;	       /* how many */
	bool token_expired;	       /* the `exp` of one had passed when it was answered */
	bool token_back; /* its HTTP session had gone over to other tokens, and here the old ones are
			  * again: who renews his own does not go back, but for what was under way */
	struct mw_slice token_kind, sub, iss, client_id, scope; /* of the first that has it */
};

struct mw_fact_call {
	uint64_t id, session;
	bool s2c;
	struct mw_slice method, tool; /* tool: of tools/call alone */
	struct mw_slice args;	      /* raw JSON; may be empty */
	uint64_t args_bytes;
	struct mw_slice status; /* of MW_FACT_CALL: ok, tool_error, ... */
	bool has_result;
	uint64_t result_bytes, elapsed_ms;
	unsigned int declared, observed; /* enum mw_power bits; observed: of MW_FACT_CALL */
	bool annotated;			 /* the definition has annotations that say something */
	bool readonly, destructive_hint; /* as declared; destructive_hint: false only where declared false */
	bool known_tool;		 /* its definition was seen */
	struct mw_texts unexpected; /* schema.h: "unknown:NAME", "missing:NAME", "type:NAME",
				     * "enum:NAME", ... */
	bool new_shape;		    /* after the learning period: never seen of this tool */
	struct mw_texts arg_secrets, result_secrets; /* names of what redaction found, not PII */
	struct mw_texts arg_hosts;   /* hosts that the arguments name, lower case */
	bool verb_acts;		     /* the tool's name says that it must act (delete_, send_, ...) */
	bool verb_deletes, verb_sends;
	bool poison_result;	     /* instructions to the model in the result (and not in a
				      * definition, which is a fact of its own) */
	bool poison_args;	     /* likewise in what the server asks of its client */
	uint64_t effects;	     /* MW_FACT_CALL: tied to it, in all */
	uint64_t acts;		     /* of these, what changes or leaves the host */
	bool remote, credential;     /* remote: the caller is on another host; it bore a credential */
	struct mw_slice http_session; /* the fingerprint of its Mcp-Session-Id */
	struct mw_slice evidence;     /* complete, incomplete, one_sided */
	bool overlapped;	      /* other calls were open at the server meanwhile */
};

struct mw_fact_effect {
	const struct mw_action *act; /* kind, target, target2, asked, mode, name, verb, object, ... */
	struct mw_slice host_target; /* where it differs from act->target */
	struct mw_slice exe;	     /* of the process that did it */
	struct mw_slice home;	     /* of the process's user, as passwd has it */
	struct mw_texts argv;	     /* proc.exec: of the new program */
	bool ok;		     /* it succeeded (a connect in progress counts) */
	bool write;		     /* it changes what lies there */
	enum mw_link link;
	enum mw_confidence confidence;
	bool by_runtime, after, background; /* background: tied to no call */
	bool startup;	/* before the server answered its first request; or `launch` */
	bool launch;	/* by what started the server (sh -c, npx, uvx), or another child of that: of
			 * no call, whenever it was */
	bool leads;	/* ... by a process that the server comes from */
	bool named;	/* the arguments of its call name the target itself */
	bool named_near; /* or a folder above it; of what is taken away also its last name, as a
			  * word of a text; or may do so: they are not known whole */
	bool own;	/* a file that the same server made before */
	bool own_child; /* done to a process that the same server started, or by one to itself; of
			 * `launch` to one that was started for the server, or to it */
	bool outside_roots; /* the server has roots, and the target's resolved path is in none */
	bool injected;	/* proc.exec: a shell's command line holds an argument with metacharacters
			 * (inject.h) */
	bool sql_no_where; /* db.statement: UPDATE or DELETE without WHERE */
	bool other_uid;	/* proc.kill, ptrace, ...: done to another user's process */
	bool memfd;	/* proc.exec: of a file that has no name (memfd, deleted) */
	bool habit;	/* the same server did this to the same target before, in another call or none */
};

struct mw_fact_tool {
	struct mw_slice what; /* "tool", "prompt", "resource", "instructions" */
	struct mw_slice name;
	struct mw_slice definition; /* raw JSON */
	bool changed;		    /* another definition was pinned for this server */
	bool in_session;	    /* ... and was seen by the same client process */
	bool new_tool;		    /* the server was pinned before, without this tool */
	struct mw_slice shadows;    /* key of another live server of the same client with this name */
	bool shadows_alike;	    /* ... that takes much the same arguments */
	bool shadows_copied;	    /* ... and is described in much the same words */
	struct mw_texts poison;	    /* poison.h: "hidden", "bidi", "tags", "imperative", "secret",
				     * "other_tool", ... */
	uint64_t poison_score;
	bool annotated;
	unsigned int declared;
};

struct mw_fact_notice {
	struct mw_slice method;
	bool s2c;
};

struct mw_fact_anomaly {
	struct mw_slice what; /* "id.respelled", ... */
	bool s2c;
	uint64_t bytes;
};

struct mw_fact_gap {
	struct mw_slice reason, where;
	uint64_t events, bytes;
};

struct mw_fact_alert {
	struct mw_slice rule;
	unsigned int severity;
};

/* What must be known for a rule: those that need the tie of an effect wait for it. */
enum mw_fact_phase {
	MW_PHASE_SEEN = 1, /* rules that name nothing of the tie or call */
	MW_PHASE_TIED = 2, /* those that do */
	MW_PHASE_BOTH = 3,
};

struct mw_fact {
	enum mw_fact_kind kind;
	enum mw_fact_phase phase; /* BOTH but for effects whose tie is not settled yet */
	uint64_t ts_ns;
	uint64_t seq; /* of the record that says it; UINT64_MAX: none (yet) */
	/* TIED, of what is settled on no single call: pushed once for each candidate, in a row, the
	 * i-th of n. A rule fires with the last one, if it held for all. 0, 0 else. */
	uint32_t candidate, n_candidates;
	/* NULL where there is none */
	const struct mw_fact_server *server;
	const struct mw_fact_principal *principal;
	const struct mw_fact_call *call;
	const struct mw_fact_effect *effect;
	const struct mw_fact_tool *tool;
	const struct mw_fact_notice *notice;
	const struct mw_fact_anomaly *anomaly;
	const struct mw_fact_gap *gap;
	const struct mw_fact_alert *alert;
};

#endif
