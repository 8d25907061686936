/* SPDX-License-Identifier: Apache-2.0 */
/* fact_field.c - the fields that rules may name */
#include "core/fact_field.h"

#include <errno.h>

#define ON(k) (1u << MW_FACT_##k)
/* An alert has what the fact had that it fired on. */
#define EFFECT	ON(EFFECT) | ON(ALERT)
#define CALLED	ON(REQUEST) | ON(CALL) | ON(EFFECT) | ON(ANOMALY) | ON(ALERT)
#define ENDED	ON(CALL) | ON(ALERT) /* only known when the call has its end */
#define TOOL	ON(TOOL) | ON(ALERT)
#define NOTICE	ON(NOTICE) | ON(ALERT)
#define ANOMALY ON(ANOMALY) | ON(ALERT)
#define GAP	ON(GAP) | ON(ALERT)
#define ALERT	ON(ALERT)
#define ALL                                                                                        \
	ON(REQUEST) | ON(CALL) | ON(EFFECT) | ON(TOOL) | ON(SERVER) | ON(NOTICE) | ON(ANOMALY) |   \
		ON(GAP) | ON(ALERT)

enum part {
	PART_SERVER = 1,
	PART_PRINCIPAL,
	PART_CALL,
	PART_EFFECT,
	PART_ACT,
	PART_TOOL,
	PART_NOTICE,
	PART_ANOMALY,
	PART_GAP,
	PART_ALERT,
};

/* How a member lies in its struct. */
enum raw { RAW_BOOL = 1, RAW_U64, RAW_U32, RAW_UINT, RAW_SLICE, RAW_TEXTS };

struct field {
	struct mw_fact_field pub;
	enum part part;
	enum raw raw;
	size_t at;
	/* where the value is no plain member; not called without the part */
	void (*get)(const struct mw_fact *f, struct mw_value *ret);
	const char *(*name_of)(unsigned int i); /* ENUM */
};

static void set_text(struct mw_slice s, struct mw_value *ret)
{
	ret->text = s;
	ret->known = s.n > 0;
}

static void set_number(uint64_t n, bool known, struct mw_value *ret)
{
	ret->number = n > INT64_MAX ? INT64_MAX : (int64_t)n;
	ret->known = known;
}

static void set_enum(unsigned int ord, const char *name, struct mw_value *ret)
{
	ret->ord = ord;
	ret->text = mw_slice_str(name);
	ret->known = name != NULL;
}

/* --- effects ------------------------------------------------------------------------------------
 */

static const char *kind_name(unsigned int i)
{
	return i >= 1 && i <= MW_EFFECT_KERNEL_MODULE ? mw_effect_kind_name(i) : NULL;
}

static void effect_kind(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->effect->act->kind, kind_name(f->effect->act->kind), ret);
}

static void effect_mode(const struct mw_fact *f, struct mw_value *ret)
{
	const char *m = f->effect->act->mode;
	const char *end = memchr(m, 0, sizeof(f->effect->act->mode));

	set_text(mw_slice(m, end ? (size_t)(end - m) : sizeof(f->effect->act->mode)), ret);
}

static void effect_names(const struct mw_fact *f, struct mw_value *ret)
{
	const struct mw_action *a = f->effect->act;

	ret->texts = (struct mw_texts){ a->names, a->n_names };
	if (ret->texts.n == 0 && a->name.n)
		ret->texts = (struct mw_texts){ &a->name, 1 };
	ret->known = ret->texts.n > 0;
}

static bool is_net(const struct mw_action *a)
{
	return a->kind >= MW_EFFECT_NET_CONNECT && a->kind <= MW_EFFECT_NET_HTTP;
}

static void effect_addr(const struct mw_fact *f, struct mw_value *ret)
{
	ret->known = mw_fact_addr(&f->effect->act->peer, ret->addr);
}

static void effect_port(const struct mw_fact *f, struct mw_value *ret)
{
	const struct mw_action *a = f->effect->act;

	set_number(a->peer.port, is_net(a) && mw_fact_addr(&a->peer, ret->addr), ret);
}

static void effect_result(const struct mw_fact *f, struct mw_value *ret)
{
	ret->text = mw_slice_str(mw_errno_name(f->effect->act->ret, ret->buf));
	ret->known = true;
}

static void effect_bytes_r(const struct mw_fact *f, struct mw_value *ret)
{
	set_number(f->effect->act->bytes_r, f->effect->act->has_bytes, ret);
}

static void effect_bytes_w(const struct mw_fact *f, struct mw_value *ret)
{
	set_number(f->effect->act->bytes_w, f->effect->act->has_bytes, ret);
}

static void effect_signal(const struct mw_fact *f, struct mw_value *ret)
{
	const struct mw_action *a = f->effect->act;

	ret->number = a->signal;
	ret->known = a->kind == MW_EFFECT_PROC_EXIT && a->signal != 0;
}

static void effect_code(const struct mw_fact *f, struct mw_value *ret)
{
	const struct mw_action *a = f->effect->act;

	ret->number = a->code;
	ret->known = a->kind == MW_EFFECT_PROC_EXIT && a->code >= 0;
}

static const char *link_name(unsigned int i)
{
	return i <= MW_LINK_ORDER ? mw_link_name(i) : NULL;
}

static void effect_link(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->effect->link, link_name(f->effect->link), ret);
}

static const char *confidence_name(unsigned int i)
{
	return i <= MW_CONF_CERTAIN ? mw_confidence_name(i) : NULL;
}

static void effect_confidence(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->effect->confidence, confidence_name(f->effect->confidence), ret);
}

static const char *basis_name(unsigned int i)
{
	return i == 0 ? "kernel" : i == 1 ? "runtime" : NULL;
}

static void effect_basis(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->effect->by_runtime, basis_name(f->effect->by_runtime), ret);
}

/* --- the others ---------------------------------------------------------------------------------
 */

static const char *dir_name(unsigned int i)
{
	return i == 0 ? "c2s" : i == 1 ? "s2c" : NULL;
}

static void call_dir(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->call->s2c, dir_name(f->call->s2c), ret);
}

static void notice_dir(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->notice->s2c, dir_name(f->notice->s2c), ret);
}

static void anomaly_dir(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->anomaly->s2c, dir_name(f->anomaly->s2c), ret);
}

static void call_result_bytes(const struct mw_fact *f, struct mw_value *ret)
{
	set_number(f->call->result_bytes, f->call->has_result, ret);
}

static void call_not_destructive(const struct mw_fact *f, struct mw_value *ret)
{
	ret->truth = !f->call->destructive_hint;
	ret->known = true;
}

static void server_uid(const struct mw_fact *f, struct mw_value *ret)
{
	set_number(f->server->uid, f->server->has_uid, ret);
}

static void principal_uid(const struct mw_fact *f, struct mw_value *ret)
{
	set_number(f->principal->uid, f->principal->has_uid, ret);
}

static void principal_loginuid(const struct mw_fact *f, struct mw_value *ret)
{
	set_number(f->principal->loginuid, f->principal->has_loginuid, ret);
}

static void alert_severity(const struct mw_fact *f, struct mw_value *ret)
{
	set_enum(f->alert->severity, mw_severity_name(f->alert->severity), ret);
}

/* --- the table ----------------------------------------------------------------------------------
 */

#define PARTED_SERVER	 struct mw_fact_server
#define PARTED_PRINCIPAL struct mw_fact_principal
#define PARTED_CALL	 struct mw_fact_call
#define PARTED_EFFECT	 struct mw_fact_effect
#define PARTED_ACT	 struct mw_action
#define PARTED_TOOL	 struct mw_fact_tool
#define PARTED_NOTICE	 struct mw_fact_notice
#define PARTED_ANOMALY	 struct mw_fact_anomaly
#define PARTED_GAP	 struct mw_fact_gap
#define PARTED_ALERT	 struct mw_fact_alert


/* clang-format off */
#define AT(n, t, k, tie, p, m, r, d)                                                               \
	{ .pub = { n, MW_FIELD_##t, d, k, tie }, .part = PART_##p, .raw = RAW_##r,                 \
	  .at = offsetof(PARTED_##p, m) }
#define BY(n, t, k, tie, p, f, d)                                                                  \
	{ .pub = { n, MW_FIELD_##t, d, k, tie }, .part = PART_##p, .get = f }
#define OF(n, k, tie, p, f, names, d)                                                              \
	{ .pub = { n, MW_FIELD_ENUM, d, k, tie }, .part = PART_##p, .get = f, .name_of = names }

static const struct field fields[] = {
	OF("effect.kind", EFFECT, false, ACT, effect_kind, kind_name,
	   "what was done: file.open, net.connect, proc.exec, ..."),
	AT("effect.target", TEXT, EFFECT, false, ACT, target, SLICE,
	   "the path, address or process that it was done to"),
	AT("effect.target2", TEXT, EFFECT, false, ACT, target2, SLICE,
	   "rename, link: the new path; symlink: what it says"),
	AT("effect.asked", TEXT, EFFECT, false, ACT, asked, SLICE,
	   "what the program asked for, where that differs"),
	AT("effect.asked_changed", BOOL, EFFECT, false, ACT, asked_changed, BOOL,
	   "another thread wrote over it while the kernel used it"),
	AT("effect.host_target", TEXT, EFFECT, false, EFFECT, host_target, SLICE,
	   "the target's path on the host, where that differs"),
	BY("effect.mode", TEXT, EFFECT, false, ACT, effect_mode,
	   "how: r, w, rw, a, +create, +trunc, 0644, SIGKILL, ..."),
	AT("effect.name", TEXT, EFFECT, false, ACT, name, SLICE,
	   "the DNS name that the address was last found by"),
	BY("effect.names", TEXTS, EFFECT, false, ACT, effect_names,
	   "all DNS names that the address was found by"),
	AT("effect.verb", TEXT, EFFECT, false, ACT, verb, SLICE,
	   "net.http: the method; db.statement: the verb; net.dns: the type"),
	AT("effect.object", TEXT, EFFECT, false, ACT, object, SLICE,
	   "net.http: the URL; db.statement: the table; net.dns: the answers"),
	BY("effect.addr", ADDR, EFFECT, false, ACT, effect_addr,
	   "net.*: the other side's address"),
	BY("effect.port", NUMBER, EFFECT, false, ACT, effect_port,
	   "net.*: its port"),
	BY("effect.result", TEXT, EFFECT, false, ACT, effect_result,
	   "ok, or the error's name: ENOENT, EACCES, ..."),
	AT("effect.ok", BOOL, EFFECT, false, EFFECT, ok, BOOL,
	   "it succeeded, or is a connect in progress"),
	AT("effect.write", BOOL, EFFECT, false, EFFECT, write, BOOL,
	   "it changes what lies there"),
	AT("effect.exe", TEXT, EFFECT, false, EFFECT, exe, SLICE,
	   "the program that did it"),
	AT("effect.argv", TEXTS, EFFECT, false, EFFECT, argv, TEXTS,
	   "proc.exec: the arguments of the new program"),
	BY("effect.bytes_r", NUMBER, EFFECT, false, ACT, effect_bytes_r,
	   "bytes read or received, once closed"),
	BY("effect.bytes_w", NUMBER, EFFECT, false, ACT, effect_bytes_w,
	   "bytes written or sent, once closed"),
	AT("effect.uid", NUMBER, EFFECT, false, ACT, uid, U32,
	   "the user that did it"),
	OF("effect.link", EFFECT, true, EFFECT, effect_link, link_name,
	   "what ties it to its call: none, shared, sole, argument, ..."),
	OF("effect.confidence", EFFECT, true, EFFECT, effect_confidence, confidence_name,
	   "how sure the tie is: none, shared, likely, certain"),
	OF("effect.basis", EFFECT, true, EFFECT, effect_basis, basis_name,
	   "whose word the tie is: kernel, runtime"),
	AT("effect.after", BOOL, EFFECT, true, EFFECT, after, BOOL,
	   "its call had ended"),
	AT("effect.background", BOOL, EFFECT, true, EFFECT, background, BOOL,
	   "it is tied to no call"),
	AT("effect.startup", BOOL, EFFECT, false, EFFECT, startup, BOOL,
	   "before the server answered its first request, or launch"),
	AT("effect.launch", BOOL, EFFECT, false, EFFECT, launch, BOOL,
	   "by what started the server: sh -c, npx, uvx and what these ran beside it"),
	AT("effect.leads", BOOL, EFFECT, false, EFFECT, leads, BOOL,
	   "... by a process that the server comes from"),
	AT("effect.named", BOOL, EFFECT, true, EFFECT, named, BOOL,
	   "the arguments of its call name the target"),
	AT("effect.named_near", BOOL, EFFECT, true, EFFECT, named_near, BOOL,
	   "they name it, or a folder above it"),
	AT("effect.own", BOOL, EFFECT, false, EFFECT, own, BOOL,
	   "a file that the same server made before"),
	AT("effect.own_child", BOOL, EFFECT, false, EFFECT, own_child, BOOL,
	   "done to a process that the same server started"),
	AT("effect.outside_roots", BOOL, EFFECT, false, EFFECT, outside_roots, BOOL,
	   "the server has roots, and the target is in none"),
	AT("effect.injected", BOOL, EFFECT, true, EFFECT, injected, BOOL,
	   "a shell's command line holds an argument's metacharacters"),
	AT("effect.sql_no_where", BOOL, EFFECT, false, EFFECT, sql_no_where, BOOL,
	   "UPDATE or DELETE without WHERE"),
	AT("effect.other_uid", BOOL, EFFECT, false, EFFECT, other_uid, BOOL,
	   "done to another user's process"),
	AT("effect.memfd", BOOL, EFFECT, false, EFFECT, memfd, BOOL,
	   "proc.exec of a file that has no name"),
	AT("effect.habit", BOOL, EFFECT, true, EFFECT, habit, BOOL,
	   "the server did the same to this target in another call, or in none"),
	BY("effect.signal", NUMBER, EFFECT, false, ACT, effect_signal,
	   "proc.exit: the signal that ended it"),
	BY("effect.code", NUMBER, EFFECT, false, ACT, effect_code,
	   "proc.exit: its exit code"),
	AT("effect.is_dir", BOOL, EFFECT, false, ACT, is_dir, BOOL,
	   "file.open of a folder"),
	AT("call.method", TEXT, CALLED, true, CALL, method, SLICE,
	   "the JSON-RPC method"),
	AT("call.tool", TEXT, CALLED, true, CALL, tool, SLICE,
	   "the tool, of tools/call"),
	OF("call.dir", CALLED, true, CALL, call_dir, dir_name,
	   "c2s, or s2c where the server asks the client"),
	AT("call.args", TEXT, CALLED, true, CALL, args, SLICE,
	   "the arguments, raw JSON"),
	AT("call.args_bytes", NUMBER, CALLED, true, CALL, args_bytes, U64,
	   "their length"),
	AT("call.status", TEXT, ENDED, true, CALL, status, SLICE,
	   "ok, tool_error, rpc_error, ..."),
	BY("call.result_bytes", NUMBER, ENDED, true, CALL, call_result_bytes,
	   "the answer's length"),
	AT("call.elapsed_ms", NUMBER, ENDED, true, CALL, elapsed_ms, U64,
	   "how long it took"),
	AT("call.declared", POWER, CALLED, true, CALL, declared, UINT,
	   "what the tool's annotations say that it may do"),
	AT("call.observed", POWER, ENDED, true, CALL, observed, UINT,
	   "what was seen of it"),
	AT("call.annotated", BOOL, CALLED, true, CALL, annotated, BOOL,
	   "the tool has annotations that say something"),
	AT("call.readonly", BOOL, CALLED, true, CALL, readonly, BOOL,
	   "readOnlyHint is true"),
	BY("call.not_destructive", BOOL, CALLED, true, CALL, call_not_destructive,
	   "destructiveHint is false"),
	AT("call.known_tool", BOOL, CALLED, true, CALL, known_tool, BOOL,
	   "the tool's definition was seen"),
	AT("call.unexpected", TEXTS, CALLED, true, CALL, unexpected, TEXTS,
	   "what does not fit inputSchema: unknown:NAME, type:NAME, ..."),
	AT("call.new_shape", BOOL, CALLED, true, CALL, new_shape, BOOL,
	   "arguments of a form that was never seen of this tool"),
	AT("call.arg_secrets", TEXTS, CALLED, true, CALL, arg_secrets, TEXTS,
	   "secrets in the arguments, by the names of their rules"),
	AT("call.result_secrets", TEXTS, ENDED, true, CALL, result_secrets, TEXTS,
	   "secrets in the answer, likewise"),
	AT("call.arg_hosts", TEXTS, CALLED, true, CALL, arg_hosts, TEXTS,
	   "hosts that the arguments name"),
	AT("call.verb_acts", BOOL, CALLED, true, CALL, verb_acts, BOOL,
	   "the tool's name says that it must do something"),
	AT("call.verb_deletes", BOOL, CALLED, true, CALL, verb_deletes, BOOL,
	   "... that it deletes"),
	AT("call.verb_sends", BOOL, CALLED, true, CALL, verb_sends, BOOL,
	   "... that it sends"),
	AT("call.poison_args", BOOL, CALLED, true, CALL, poison_args, BOOL,
	   "instructions to a model in what the server asks of its client"),
	AT("call.poison_result", BOOL, ENDED, true, CALL, poison_result, BOOL,
	   "instructions to a model in the answer"),
	AT("call.effects", NUMBER, ENDED, true, CALL, effects, U64,
	   "how many effects are tied to it"),
	AT("call.acts", NUMBER, ENDED, true, CALL, acts, U64,
	   "of these, what changes or leaves the host"),
	AT("call.remote", BOOL, CALLED, true, CALL, remote, BOOL,
	   "the caller is on another host"),
	AT("call.credential", BOOL, CALLED, true, CALL, credential, BOOL,
	   "the request bore a credential"),
	AT("call.evidence", TEXT, ENDED, true, CALL, evidence, SLICE,
	   "complete, incomplete, one_sided"),
	AT("call.overlapped", BOOL, ENDED, true, CALL, overlapped, BOOL,
	   "other calls were open at the server meanwhile"),
	AT("server.key", TEXT, ALL, false, SERVER, key, SLICE,
	   "what stays the same of a server across restarts"),
	AT("server.name", TEXT, ALL, false, SERVER, name, SLICE,
	   "what it calls itself"),
	AT("server.configured_name", TEXT, ALL, false, SERVER, configured_name, SLICE,
	   "what the agent's configuration calls it"),
	AT("server.exe", TEXT, ALL, false, SERVER, exe, SLICE,
	   "its program"),
	AT("server.argv", TEXTS, ALL, false, SERVER, argv, TEXTS,
	   "its command line"),
	AT("server.home", TEXT, ALL, false, SERVER, home, SLICE,
	   "HOME of its environment, as that stands in its memory"),
	AT("server.cwd", TEXT, ALL, false, SERVER, cwd, SLICE,
	   "the folder it was started in"),
	BY("server.uid", NUMBER, ALL, false, SERVER, server_uid,
	   "its user"),
	AT("server.user", TEXT, ALL, false, SERVER, user, SLICE,
	   "its user's name"),
	AT("server.container", TEXT, ALL, false, SERVER, container, SLICE,
	   "its container"),
	AT("server.transport", TEXT, ALL, false, SERVER, transport, SLICE,
	   "stdio, http, ..."),
	AT("server.roots", TEXTS, ALL, false, SERVER, roots, TEXTS,
	   "folders that it is to stay in"),
	AT("server.remote", BOOL, ALL, false, SERVER, remote, BOOL,
	   "it, or its client, is on another host"),
	BY("principal.uid", NUMBER, CALLED, true, PRINCIPAL, principal_uid,
	   "the caller's user"),
	AT("principal.user", TEXT, CALLED, true, PRINCIPAL, user, SLICE,
	   "its name"),
	BY("principal.loginuid", NUMBER, CALLED, true, PRINCIPAL, principal_loginuid,
	   "who logged in"),
	AT("principal.unit", TEXT, CALLED, true, PRINCIPAL, unit, SLICE,
	   "the caller's systemd unit"),
	AT("principal.container", TEXT, CALLED, true, PRINCIPAL, container, SLICE,
	   "the caller's container"),
	AT("principal.address", TEXT, CALLED, true, PRINCIPAL, address, SLICE,
	   "a remote caller's address"),
	AT("principal.tokens", NUMBER, CALLED, true, PRINCIPAL, tokens, U64,
	   "how many tokens the request bore"),
	AT("principal.token_expired", BOOL, CALLED, true, PRINCIPAL, token_expired, BOOL,
	   "one of them had expired when it was answered"),
	AT("principal.token_back", BOOL, CALLED, true, PRINCIPAL, token_back, BOOL,
	   "the session had gone over to another token, and here is the old one"),
	AT("principal.token_kind", TEXT, CALLED, true, PRINCIPAL, token_kind, SLICE,
	   "of the first token: its kind"),
	AT("principal.sub", TEXT, CALLED, true, PRINCIPAL, sub, SLICE,
	   "... its subject"),
	AT("principal.iss", TEXT, CALLED, true, PRINCIPAL, iss, SLICE,
	   "... its issuer"),
	AT("principal.client_id", TEXT, CALLED, true, PRINCIPAL, client_id, SLICE,
	   "... its client"),
	AT("principal.scope", TEXT, CALLED, true, PRINCIPAL, scope, SLICE,
	   "... its scope"),
	AT("tool.what", TEXT, TOOL, false, TOOL, what, SLICE,
	   "tool, prompt, resource, instructions"),
	AT("tool.name", TEXT, TOOL, false, TOOL, name, SLICE,
	   "its name"),
	AT("tool.definition", TEXT, TOOL, false, TOOL, definition, SLICE,
	   "its definition, raw JSON"),
	AT("tool.changed", BOOL, TOOL, false, TOOL, changed, BOOL,
	   "another definition was pinned for this server"),
	AT("tool.in_session", BOOL, TOOL, false, TOOL, in_session, BOOL,
	   "... and seen by the same client process"),
	AT("tool.new", BOOL, TOOL, false, TOOL, new_tool, BOOL,
	   "the server was pinned before, without this tool"),
	AT("tool.shadows", TEXT, TOOL, false, TOOL, shadows, SLICE,
	   "another server of the client that has a tool of this name"),
	AT("tool.shadows_alike", BOOL, TOOL, false, TOOL, shadows_alike, BOOL,
	   "... and that takes much the same arguments"),
	AT("tool.shadows_copied", BOOL, TOOL, false, TOOL, shadows_copied, BOOL,
	   "... and that is described in much the same words"),
	AT("tool.poison", TEXTS, TOOL, false, TOOL, poison, TEXTS,
	   "instructions to a model in it: hidden, bidi, imperative, ..."),
	AT("tool.poison_score", NUMBER, TOOL, false, TOOL, poison_score, U64,
	   "how much of that"),
	AT("tool.annotated", BOOL, TOOL, false, TOOL, annotated, BOOL,
	   "it has annotations that say something"),
	AT("tool.declared", POWER, TOOL, false, TOOL, declared, UINT,
	   "what they say that it may do"),
	AT("notice.method", TEXT, NOTICE, false, NOTICE, method, SLICE,
	   "the JSON-RPC method"),
	OF("notice.dir", NOTICE, false, NOTICE, notice_dir, dir_name,
	   "c2s, s2c"),
	AT("anomaly.what", TEXT, ANOMALY, false, ANOMALY, what, SLICE,
	   "id.respelled, json.duplicate, ..."),
	OF("anomaly.dir", ANOMALY, false, ANOMALY, anomaly_dir, dir_name,
	   "c2s, s2c"),
	AT("anomaly.bytes", NUMBER, ANOMALY, false, ANOMALY, bytes, U64,
	   "how many bytes it is about"),
	AT("gap.reason", TEXT, GAP, false, GAP, reason, SLICE,
	   "why something was not seen"),
	AT("gap.where", TEXT, GAP, false, GAP, where, SLICE,
	   "where it was lost"),
	AT("gap.events", NUMBER, GAP, false, GAP, events, U64,
	   "how many events"),
	AT("gap.bytes", NUMBER, GAP, false, GAP, bytes, U64,
	   "how many bytes"),
	AT("alert.rule", TEXT, ALERT, false, ALERT, rule, SLICE,
	   "sequences: the rule that fired"),
	OF("alert.severity", ALERT, false, ALERT, alert_severity, mw_severity_name,
	   "... how bad: low, medium, high, critical"),
};
/* clang-format on */

#define N_FIELDS (sizeof(fields) / sizeof(*fields))

int mw_fact_field_find(struct mw_slice name)
{
	for (uint32_t i = 0; i < N_FIELDS; i++)
		if (mw_slice_eq_str(name, fields[i].pub.name))
			return (int)i;
	return -ENOENT;
}

const struct mw_fact_field *mw_fact_field_at(uint32_t i)
{
	return i < N_FIELDS ? &fields[i].pub : NULL;
}

const char *mw_fact_enum_name(uint32_t field, unsigned int i)
{
	return i < 64 && fields[field].name_of ? fields[field].name_of(i) : NULL;
}

bool mw_fact_plain(uint32_t field, struct mw_fact_plain *ret)
{
	static const uint16_t parts[] = {
		[PART_SERVER] = offsetof(struct mw_fact, server),
		[PART_PRINCIPAL] = offsetof(struct mw_fact, principal),
		[PART_CALL] = offsetof(struct mw_fact, call),
		[PART_EFFECT] = offsetof(struct mw_fact, effect),
		[PART_TOOL] = offsetof(struct mw_fact, tool),
		[PART_NOTICE] = offsetof(struct mw_fact, notice),
		[PART_ANOMALY] = offsetof(struct mw_fact, anomaly),
		[PART_GAP] = offsetof(struct mw_fact, gap),
	};
	const struct field *x = &fields[field];
	size_t at = x->at;

	if (x->part >= sizeof(parts) / sizeof(*parts) || !parts[x->part] || x->get)
		return false;
	if (x->raw == RAW_SLICE)
		at += offsetof(struct mw_slice, n);
	else if (x->raw == RAW_TEXTS)
		at += offsetof(struct mw_texts, n);
	else if (x->raw != RAW_BOOL)
		return false;
	*ret = (struct mw_fact_plain){ parts[x->part], (uint16_t)at, x->raw == RAW_BOOL };
	return true;
}

static const void *part_of(const struct mw_fact *f, enum part part)
{
	switch (part) {
	case PART_SERVER:
		return f->server;
	case PART_PRINCIPAL:
		return f->principal;
	case PART_CALL:
		return f->call;
	case PART_EFFECT:
		return f->effect;
	case PART_ACT:
		return f->effect ? f->effect->act : NULL;
	case PART_TOOL:
		return f->tool;
	case PART_NOTICE:
		return f->notice;
	case PART_ANOMALY:
		return f->anomaly;
	case PART_GAP:
		return f->gap;
	case PART_ALERT:
		return f->alert;
	}
	return NULL;
}

static void get_raw(const struct field *x, const uint8_t *p, struct mw_value *ret)
{
	switch (x->raw) {
	case RAW_BOOL:
		ret->truth = *(const bool *)p;
		ret->known = true;
		break;
	case RAW_U64:
		set_number(*(const uint64_t *)(const void *)p, true, ret);
		break;
	case RAW_U32:
		set_number(*(const uint32_t *)(const void *)p, true, ret);
		break;
	case RAW_UINT:
		ret->ord = *(const unsigned int *)(const void *)p;
		ret->known = ret->ord != 0;
		break;
	case RAW_SLICE:
		set_text(*(const struct mw_slice *)(const void *)p, ret);
		break;
	case RAW_TEXTS:
		ret->texts = *(const struct mw_texts *)(const void *)p;
		ret->known = ret->texts.n > 0;
		break;
	}
}

void mw_fact_get(const struct mw_fact *f, enum mw_fact_kind kind, uint32_t field,
		 struct mw_value *ret)
{
	const struct field *x = &fields[field];
	const uint8_t *part = part_of(f, x->part);

	ret->known = false;
	if (!part || (x->part == PART_CALL && !(x->pub.kinds & (1u << kind))))
		return;
	if (x->get)
		x->get(f, ret);
	else
		get_raw(x, part + x->at, ret);
}
