/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy.c - conditions, kinds, ties, severities, which calls; memory that runs out */
#include "policy_fx.h"

/* --- conditions ---------------------------------------------------------------------------------
 */

struct cond_case {
	const char *when;
	bool holds;
};

/* Each alone in a rule, so that none is decided by another. */
static void hold_all(struct fx *x, enum mw_fact_kind kind, const char *on,
		     const struct cond_case *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mw_policy_error e;
		struct mw_rules *old;
		char yaml[1024];
		struct mw_alert a;
		bool fired;

		snprintf(yaml, sizeof(yaml),
			 "lists:\n  - id: many\n    items: [a1, a2, a3, a4, a5, a6, a7, a8, a9, "
			 "x.py, /tmp/x, /srv/ann, read]\n"
			 "rules:\n  - id: t\n    title: t\n    severity: low\n    on: %s\n"
			 "    when: >-\n      %s\n",
			 on, v[i].when);
		old = x->rules;
		x->rules = fx_rules(yaml);
		assert_int_equal(mw_policy_change(x->p, mw_rules_policy(x->rules), &e), 0);
		mw_rules_free(old);
		x->f.kind = kind;
		x->f.phase = MW_PHASE_BOTH;
		x->f.ts_ns = x->ts_ns += 1000 * SEC;
		assert_int_equal(mw_policy_push(x->p, &x->f), 0);
		fired = mw_policy_next(x->p, &a) == 1;
		if (fired != v[i].holds)
			fail_msg("'%s': %s", v[i].when, fired ? "holds" : "does not hold");
	}
}

#define NONE "rules: []\n"

static void test_texts(void **state)
{
	static const struct cond_case v[] = {
		{ "effect.target = /srv/ann/Key.PEM", true },
		{ "effect.target = /srv/ann/key.pem", false },
		{ "effect.target ieq /srv/ANN/key.pem", true },
		{ "effect.target != /etc/x", true },
		{ "effect.target2 != /etc/x", false }, /* not known */
		{ "not effect.target2 = /etc/x", true },
		{ "effect.target2 = /etc/x", false },
		{ "effect.target2", false },
		{ "effect.target", true },
		{ "effect.target in (/a, /b, /srv/ann/Key.PEM)", true },
		{ "effect.target in (/a, /b)", false },
		{ "effect.target contains ann/K", true },
		{ "effect.target contains ann/k", false },
		{ "effect.target icontains ann/k", true },
		{ "effect.target startswith /srv", true },
		{ "effect.target startswith srv", false },
		{ "effect.target endswith .PEM", true },
		{ "effect.target endswith .pem", false },
		{ "effect.target endswith (many)", false },
		{ "effect.exe endswith (many, node)", true },
		{ "effect.exe startswith (many, /usr/bin/n)", true },
		{ "effect.exe startswith (many, /usr/bin/x)", false },
		{ "effect.exe contains (many, bin/n)", true },
		{ "effect.exe contains (many, bin/N)", false },
		{ "effect.exe icontains (many, bin/N)", true },
		{ "effect.target glob '/srv/*.PEM'", true },
		{ "effect.target glob '/srv/?nn/*'", true },
		{ "effect.target glob '/srv/?/*'", false },
		{ "effect.target glob '*'", true },
		{ "effect.target regex '^/srv/[a-z]+/K'", true },
		{ "effect.target regex '^/srv/[a-z]+/k'", false },
		{ "effect.target regex ('x', '(?i)KEY[.]pem$')", true },
		{ "effect.argv = --root", true },
		{ "effect.argv = (many, --root)", true },
		{ "effect.argv = --roo", false },
		{ "effect.argv startswith --r", true },
		{ "effect.argv", true },
		{ "effect.mode startswith r and not effect.mode contains w", true },
	};
	struct fx x;

	(void)state;
	fx_init(&x, NONE);
	x.act.target = S("/srv/ann/Key.PEM");
	x.effect.argv = TEXTS(S("sh"), S("--root"));
	x.f = (struct mw_fact){ .server = &x.server, .effect = &x.effect };
	hold_all(&x, MW_FACT_EFFECT, "effect", v, sizeof(v) / sizeof(*v));
	fx_done(&x);
}

static void test_paths(void **state)
{
	static const struct {
		const char *target, *when;
		bool holds;
	} v[] = {
		{ "/etc/ssh/key", "effect.target under /etc/ssh", true },
		{ "/etc/ssh", "effect.target under /etc/ssh", true },
		{ "/etc/sshd", "effect.target under /etc/ssh", false },
		{ "/etc", "effect.target under /etc/ssh", false },
		{ "/etc//ssh/./key", "effect.target under /etc/ssh/", true },
		{ "etc/ssh", "effect.target under /etc/ssh", false },
		{ "/x", "effect.target under /", true },
		{ "/srv/ann/.ssh/id", "effect.target under '~/.ssh'", true }, /* the fact's home */
		{ "/srv/bob/.ssh/id", "effect.target under '~/.ssh'", false },
		{ "/root/.ssh/id", "effect.target under '~/.ssh'", true },
		{ "/home/bob/.ssh/id", "effect.target under '~/.ssh'", true },
		{ "/home/.ssh/id", "effect.target under '~/.ssh'", false },
		{ "/rooty/.ssh/id", "effect.target under '~/.ssh'", false },
		{ "/home/bob/.mozilla/p1/key4.db", "effect.target under '~/.mozilla/*/key4.db'",
		  true },
		{ "/home/bob/.mozilla/p1/q/key4.db", "effect.target under '~/.mozilla/*/key4.db'",
		  false },
		{ "/proc/12/mem", "effect.target under (/proc/*/environ, /proc/*/mem)", true },
		{ "/proc/12/maps", "effect.target under (/proc/*/environ, /proc/*/mem)", false },
		{ "/opt/a1/b2/c", "effect.target under ('/opt/a?/b?/d', '/opt/a*/b2/c')", true },
	};
	struct fx x;

	(void)state;
	fx_init(&x, NONE);
	x.f = (struct mw_fact){ .server = &x.server, .effect = &x.effect };
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		const struct cond_case c = { v[i].when, v[i].holds };

		x.act.target = S(v[i].target);
		hold_all(&x, MW_FACT_EFFECT, "effect", &c, 1);
	}
	fx_done(&x);
}

static void test_addresses(void **state)
{
	static const struct cond_case v4[] = {
		{ "effect.addr cidr 169.254.0.0/16", true },
		{ "effect.addr cidr 169.254.169.254", true },
		{ "effect.addr cidr '::ffff:169.254.169.254'", true },
		{ "effect.addr cidr (10.0.0.0/8, 192.168.0.0/16)", false },
		{ "effect.addr cidr (10.0.0.0/8, 169.254.169.252/30)", true },
		{ "effect.addr = 169.254.169.254", true },
		{ "effect.addr = 169.254.169.253", false },
		{ "effect.addr", true },
		{ "effect.target cidr 169.254.169.254", true },
		{ "effect.port = 443", true },
		{ "effect.port in (80, 8080)", false },
		{ "effect.port < 1024", true },
		{ "effect.port >= 443", true },
		{ "effect.port > 443", false },
		{ "effect.name host internal", true },
		{ "effect.name host google.internal", true },
		{ "effect.name host GOOGLE.internal", true },
		{ "effect.name host oogle.internal", false },
		{ "effect.names host example.com", true },
		{ "effect.names = example.com", true },
	};
	static const struct cond_case v6[] = {
		{ "effect.addr cidr 'fd00:ec2::254'", true },
		{ "effect.addr cidr 'fc00::/7'", true },
		{ "effect.addr cidr 'fd00:ec2::/65'", true },
		{ "effect.addr cidr 'fe00::/7'", false },
		{ "effect.addr cidr 0.0.0.0/0", false },
		{ "effect.addr = 'fd00:ec2::254'", true },
	};
	static const struct cond_case mapped[] = {
		{ "effect.addr cidr 169.254.169.254", true },
		{ "effect.addr = 169.254.169.254", true },
	};
	struct fx x;

	(void)state;
	fx_init(&x, NONE);
	x.f = (struct mw_fact){ .server = &x.server, .effect = &x.effect };
	x.act.kind = MW_EFFECT_NET_CONNECT;
	fx_addr(&x, "169.254.169.254");
	x.act.name = S("Metadata.google.internal.");
	x.act.names[0] = x.act.name;
	x.act.names[1] = S("example.com");
	x.act.n_names = 2;
	hold_all(&x, MW_FACT_EFFECT, "effect", v4, sizeof(v4) / sizeof(*v4));
	x.act.peer = (struct mw_addr){ .family = AF_INET6,
				       .ip = { 0xfd, 0, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 } };
	hold_all(&x, MW_FACT_EFFECT, "effect", v6, sizeof(v6) / sizeof(*v6));
	x.act.peer =
	    (struct mw_addr){ .family = AF_INET6, .ip = { [10] = 0xff, 0xff, 169, 254, 169, 254 } };
	hold_all(&x, MW_FACT_EFFECT, "effect", mapped, 2);
	fx_done(&x);
}

static void test_other_types(void **state)
{
	static const struct cond_case v[] = {
		{ "effect.kind = file.open", true },
		{ "effect.kind in (file.delete, file.open)", true },
		{ "effect.kind startswith file.", true },
		{ "effect.kind startswith net.", false },
		{ "effect.kind != net.connect", true },
		{ "effect.confidence in (likely, certain)", true },
		{ "effect.link = sole", true },
		{ "effect.basis = kernel", true },
		{ "effect.ok", true },
		{ "not effect.ok", false },
		{ "effect.ok = true", true },
		{ "effect.ok = false", false },
		{ "effect.write", false },
		{ "effect.result = ok", true },
		{ "effect.uid = 1000", false },
		{ "effect.uid = 0", true },
		{ "effect.bytes_r >= 0", false }, /* not known */
		{ "call.declared = destructive", true },
		{ "call.declared in (read_low, execute)", false },
		{ "call.dir = c2s", true },
		{ "call.not_destructive", false },
		{ "call.status = ok", false }, /* of calls that have ended, not of effects */
		{ "server.uid = 1000 and principal.uid = 1000", true },
		{ "(effect.ok or effect.write) and not (effect.write or effect.after)", true },
		{ "not not effect.ok", true },
		{ "effect.ok and effect.ok and effect.ok or effect.write", true },
	};
	struct fx x;

	(void)state;
	fx_init(&x, NONE);
	x.call.declared = MW_POWER_DESTRUCTIVE | MW_POWER_WRITE_LOW;
	x.f = (struct mw_fact){
		.server = &x.server, .principal = &x.principal, .call = &x.call, .effect = &x.effect
	};
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		if (!strstr(v[i].when, "call.status"))
			hold_all(&x, MW_FACT_EFFECT, "effect", &v[i], 1);
	fx_done(&x);
}

/* --- what a rule may not say --------------------------------------------------------------------
 */

static void refused(const struct mw_policy_rule *rule, const char *why)
{
	const struct mw_policy_rules rules = { rule, 1 };
	struct mw_policy_error e;
	struct mw_policy *p;

	assert_int_equal(mw_policy_new(&test_alloc, &rules, &e, &p), -EINVAL);
	assert_string_equal(e.why, why);
	assert_int_equal(e.rule, 0);
}

static uint32_t field(const char *name)
{
	int i = mw_fact_field_find(S(name));

	if (i < 0)
		fail_msg("no field %s", name);
	return (uint32_t)i;
}

static void test_refused(void **state)
{
	struct mw_cond_value v = { .text = S("(a"), .number = 1 };
	struct mw_cond c = {
		.op = MW_COND_REGEX, .field = field("effect.target"), .values = &v, .n_values = 1
	};
	struct mw_policy_step steps[2] = { { MW_FACT_EFFECT, { NULL, 0 } },
					   { MW_FACT_EFFECT, { NULL, 0 } } };
	struct mw_policy_rule r = { .id = "x", .title = "x", .severity = 1, .on = MW_FACT_EFFECT };

	(void)state;
	r.when = (struct mw_when){ &c, 1 };
	refused(&r, "a pattern does not compile");
	c.op = MW_COND_UNDER;
	refused(&r, "a path begins with \"/\" or \"~/\", and is no longer than 4096 bytes");
	c.op = MW_COND_LT;
	refused(&r, "a field of this type has no such test");
	c.op = MW_COND_SAME;
	c.n_values = 0;
	refused(&r, "\"same\" stands in a step behind the first, and with all else of it under "
		    "\"and\"");
	c.op = MW_COND_EQ;
	refused(&r, "a test without a value");
	c.n_values = 1;
	c.field = field("effect.kind");
	refused(&r, "the field never has this value");
	c.field = field("effect.uid");
	refused(&r, "a value is no number");
	c.field = field("call.declared");
	refused(&r, "there is no such power");
	c.field = field("call.status");
	refused(&r, "what the rule is on never has this field");
	c.field = 100000;
	refused(&r, "there is no such field");
	c = (struct mw_cond){ .op = MW_COND_AND };
	refused(&r, "a condition whose parts stand behind it");
	r.when = (struct mw_when){ NULL, 0 };
	r.severity = 5;
	refused(&r, "a rule without a severity");
	r.severity = 1;
	r.on = MW_FACT_ALERT;
	refused(&r, "only a step of a sequence is on alerts");
	r.on = MW_FACT_TOOL;
	r.at_least = 2;
	refused(&r, "a count without a time");
	r.over_ns = SEC;
	r.by = MW_KEY_CALL;
	refused(&r, "what the rule is on never has this key");
	r.by = 0;
	r.distinct = 1 + field("tool.name");
	r.at_least = 257;
	refused(&r, "at most 256 different values are counted");
	r.distinct = 0;
	r.sum = 1 + field("tool.name");
	refused(&r, "only numbers have a sum");
	r.at_least = 0;
	r.sum = 0;
	r.on = MW_FACT_EFFECT;
	r.steps = steps;
	r.n_steps = 1;
	refused(&r, "a sequence has two to eight steps");
	r.n_steps = 2;
	r.over_ns = 0;
	refused(&r, "a sequence without a time");
}

/* --- kinds --------------------------------------------------------------------------------------
 */

static const char kinds_yaml[] =
    "macros:\n"
    "  - {id: opens, when: effect.kind = file.open}\n"
    "rules:\n"
    "  - {id: a, title: t, severity: low, on: effect, when: opens and effect.write}\n"
    "  - {id: b, title: t, severity: low, on: effect, when: effect.kind startswith net. and "
    "effect.port = 443}\n"
    "  - {id: c, title: t, severity: low, on: effect, when: not opens and effect.write}\n"
    "  - {id: d, title: t, severity: low, on: effect, when: effect.write}\n"
    "  - {id: e, title: t, severity: low, on: call, when: call.acts = 0}\n";

/* A rule stands only in the lists of kinds that it can hold for. */
static void test_kinds(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, kinds_yaml);
	assert_int_equal(x.p->set->effect[MW_EFFECT_FILE_OPEN].n, 2);	/* a, d */
	assert_int_equal(x.p->set->effect[MW_EFFECT_FILE_DELETE].n, 2); /* c, d */
	assert_int_equal(x.p->set->effect[MW_EFFECT_NET_CONNECT].n, 3); /* b, c, d */
	assert_int_equal(x.p->set->kind[MW_FACT_CALL].n, 1);
	assert_int_equal(x.p->set->kind[MW_FACT_REQUEST].n, 0);
	/* a and d are the same there: what is left is one test */
	assert_int_equal(x.p->set->effect[MW_EFFECT_FILE_OPEN].v[0].node,
			 x.p->set->effect[MW_EFFECT_FILE_OPEN].v[1].node);
	x.effect.write = true;
	fx_open(&x, "/x");
	fx_got(&x, "a:low:1 d:low:1 ");
	fx_connect(&x, "1.2.3.4");
	fx_got(&x, "b:low:1 c:low:1 d:low:1 ");
	fx_call(&x, MW_FACT_CALL);
	fx_got(&x, "e:low:1 ");
	fx_call(&x, MW_FACT_REQUEST);
	fx_got(&x, "");
	assert_true(mw_policy_wants(x.p, field("effect.write")));
	assert_false(mw_policy_wants(x.p, field("effect.injected")));
	fx_done(&x);
}

/* --- severities, exceptions ---------------------------------------------------------------------
 */

static const char raise_yaml[] =
    "rules:\n"
    "  - id: r\n    title: t\n    severity: low\n    on: effect\n"
    "    when: effect.target startswith /etc\n"
    "    except:\n"
    "      - when: effect.exe endswith /ssh\n"
    "      - when: effect.target = /etc/hosts\n"
    "    raise:\n"
    "      - {to: medium, when: effect.ok}\n"
    "      - {to: critical, when: effect.write}\n"
    "      - {to: high, when: effect.write}\n"
    "    detail: [effect.target, effect.exe, effect.target2, effect.port]\n";

static void test_raise(void **state)
{
	struct fx x;

	(void)state;
	fx_init(&x, raise_yaml);
	x.effect.ok = false;
	fx_open(&x, "/etc/a");
	fx_got(&x, "r:low:1 ");
	x.effect.ok = true;
	fx_open(&x, "/etc/b");
	fx_got(&x, "r:medium:1 ");
	assert_slice_equal(x.last.tool, "read");
	assert_slice_equal(x.last.outcome, "ok");
	assert_int_equal(x.last.server, 1);
	assert_int_equal(x.last.session, 3);
	assert_int_equal(x.last.principal, 5);
	assert_int_equal(x.last.n_calls, 1);
	assert_int_equal(x.last.calls[0], 11);
	assert_int_equal(x.last.n_seqs, 1);
	assert_int_equal(x.last.seqs[0], 101);
	x.effect.write = true;
	fx_open(&x, "/etc/c");
	fx_got(&x, "r:critical:1 ");
	fx_open(&x, "/etc/hosts");
	fx_got(&x, "");
	x.effect.exe = S("/usr/bin/ssh");
	fx_open(&x, "/etc/d");
	fx_got(&x, "");
	fx_done(&x);
}

static void test_detail(void **state)
{
	struct mw_alert a;
	struct fx x;

	(void)state;
	fx_init(&x, raise_yaml);
	x.act.target = S("/etc/a");
	x.f = (struct mw_fact){ .kind = MW_FACT_EFFECT,
				.phase = MW_PHASE_BOTH,
				.seq = UINT64_MAX,
				.effect = &x.effect };
	assert_int_equal(mw_policy_push(x.p, &x.f), 0);
	assert_int_equal(mw_policy_next(x.p, &a), 1);
	assert_slice_equal(a.detail, "effect.target=/etc/a effect.exe=/usr/bin/node");
	assert_int_equal(a.n_targets, 1);
	assert_slice_equal(a.targets[0], "/etc/a");
	assert_int_equal(a.n_seqs, 0);
	assert_int_equal(a.n_calls, 0);
	fx_done(&x);
}

/* --- ties ---------------------------------------------------------------------------------------
 */

static const char tie_yaml[] =
    "rules:\n"
    "  - {id: seen, title: t, severity: low, on: effect, when: effect.target under /etc}\n"
    "  - {id: tied, title: t, severity: low, on: effect, when: effect.target under /etc and "
    "not effect.named}\n"
    "  - id: sure\n    title: t\n    severity: low\n    on: effect\n"
    "    when: effect.target under /etc\n"
    "    raise: [{to: high, when: effect.confidence = certain}]\n";

static void test_phases(void **state)
{
	const char *ids[4];
	struct fx x;

	(void)state;
	fx_init(&x, tie_yaml);
	x.act.target = S("/etc/x");
	fx_effect(&x, MW_PHASE_SEEN);
	fx_got(&x, "seen:low:1 ");
	assert_int_equal(mw_policy_fired(x.p, 11, ids, 4), 0);
	/* what fired when it was seen is known of the call when that is, and not said again */
	x.effect.confidence = MW_CONF_CERTAIN;
	fx_effect(&x, MW_PHASE_TIED);
	fx_got(&x, "tied:low:1 sure:high:1 ");
	assert_int_equal(mw_policy_fired(x.p, 11, ids, 4), 3);
	assert_string_equal(ids[0], "seen");
	assert_string_equal(ids[2], "sure");
	assert_int_equal(mw_policy_fired(x.p, 11, ids, 1), 3);
	mw_policy_forget(x.p, 11);
	assert_int_equal(mw_policy_fired(x.p, 11, ids, 4), 0);
	fx_done(&x);
}

static void candidate(struct fx *x, uint32_t i, uint32_t n, uint64_t call, bool named)
{
	x->call.id = call;
	x->effect.named = named;
	x->f = (struct mw_fact){ .kind = MW_FACT_EFFECT,
				 .phase = MW_PHASE_TIED,
				 .ts_ns = x->ts_ns,
				 .seq = x->seq,
				 .candidate = i,
				 .n_candidates = n,
				 .server = &x->server,
				 .principal = &x->principal,
				 .call = &x->call,
				 .effect = &x->effect };
	assert_int_equal(mw_policy_push(x->p, &x->f), 0);
	fx_pull(x);
}

/* Of one of several calls: only what holds for all, with the least severity of them. */
static void test_candidates(void **state)
{
	const char *ids[4];
	struct fx x;

	(void)state;
	fx_init(&x, tie_yaml);
	x.act.target = S("/etc/x");
	candidate(&x, 0, 3, 1, false);
	x.effect.confidence = MW_CONF_CERTAIN;
	candidate(&x, 1, 3, 2, true);
	fx_got(&x, "");
	candidate(&x, 2, 3, 3, false);
	fx_got(&x, "sure:low:1 ");
	assert_int_equal(x.last.n_calls, 3);
	assert_int_equal(mw_policy_fired(x.p, 2, ids, 4), 2); /* seen, sure */
	/* another server's tool now, so that nothing is folded */
	x.server.key = S("other");
	x.call.tool = S("a");
	candidate(&x, 0, 2, 4, false);
	x.call.tool = S("b");
	candidate(&x, 1, 2, 5, false);
	fx_got(&x, "tied:low:1 sure:high:1 ");
	assert_int_equal(x.last.tool.n, 0); /* it is not the same of all */
	assert_int_equal(x.last.session, 3);
	/* one is missing: nothing is said */
	x.server.key = S("third");
	candidate(&x, 0, 3, 6, false);
	candidate(&x, 2, 3, 7, false);
	fx_got(&x, "");
	fx_done(&x);
}

/* --- memory -------------------------------------------------------------------------------------
 */

static const char memory_yaml[] =
    "rules:\n"
    "  - id: plain\n    title: t\n    severity: low\n    on: effect\n"
    "    when: effect.target regex '^/etc/x' and effect.exe icontains (a1, a2, a3, a4, a5, "
    "a6, a7, node) and effect.target under (/etc, '~/*/a')\n"
    "    detail: [effect.target]\n"
    "  - id: many\n    title: t\n    severity: low\n    on: effect\n"
    "    when: effect.target under /etc and effect.exe in (/usr/bin/node, x)\n"
    "    count: {by: [server], over: 60s, at_least: 2, distinct: effect.target}\n"
    "  - id: seq\n    title: t\n    severity: low\n    sequence: {by: [call], over: 60s}\n"
    "    steps:\n"
    "      - {on: alert, when: alert.rule = many}\n"
    "      - {on: effect, when: effect.kind = file.open and effect.exe same}\n";

static int work(const struct mw_alloc *a, struct fx *x, const struct mw_policy_rules *other)
{
	struct mw_policy_error e;
	struct mw_alert alert;
	struct mw_policy *p;
	struct mw_policy_stats st;
	uint64_t failed = 0;
	int r, n = 0;

	r = mw_policy_new(a, mw_rules_policy(x->rules), &e, &p);
	if (r < 0)
		return r;
	x->f = (struct mw_fact){ .kind = MW_FACT_EFFECT,
				 .phase = MW_PHASE_BOTH,
				 .server = &x->server,
				 .call = &x->call,
				 .effect = &x->effect };
	for (unsigned int i = 0; i < 6; i++) {
		static const char *const targets[] = { "/etc/x1", "/etc/x2", "/etc/x1" };

		x->act.target = S(targets[i % 3]);
		x->f.seq = i;
		x->f.ts_ns = (1000 + i) * SEC;
		if (i == 4)
			(void)mw_policy_change(p, other, &e);
		failed += mw_policy_push(p, &x->f) < 0;
		while (mw_policy_next(p, &alert) == 1)
			n++;
	}
	mw_policy_tick(p, 9000 * SEC);
	mw_policy_finish(p, 9000 * SEC);
	while (mw_policy_next(p, &alert) == 1)
		n++;
	mw_policy_stats(p, &st);
	assert_int_equal(st.facts, 6);
	assert_true(failed == 0 || st.nomem >= failed);
	mw_policy_free(p);
	return n;
}

static void test_memory(void **state)
{
	struct mw_rules *other = fx_rules(memory_yaml);
	struct fx x;
	int all;

	(void)state;
	fx_init(&x, memory_yaml);
	all = work(&test_alloc, &x, mw_rules_policy(other));
	assert_true(all > 4);
	TEST_EACH_FAILURE(n)
	{
		int r = work(&test_alloc_failing, &x, mw_rules_policy(other));

		assert_true(r == -ENOMEM || r >= 0);
	}
	mw_rules_free(other);
	fx_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),	  cmocka_unit_test(test_paths),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_raise),	  cmocka_unit_test(test_detail),
		cmocka_unit_test(test_phases),	  cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
