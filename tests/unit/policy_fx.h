/* SPDX-License-Identifier: Apache-2.0 */
/* policy_fx.h - rules of a text, facts pushed one by one, alerts as one line */
#ifndef MW_TESTS_POLICY_FX_H
#define MW_TESTS_POLICY_FX_H

#include "support.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/policy_state.h"
#include "core/power.h"
#include "io/rules.h"

#define S(x) ((struct mw_slice){ (const uint8_t *)(x), strlen(x) })
#define SEC  1000000000ull
#define TEXTS(...)                                                                                 \
	((struct mw_texts){ (const struct mw_slice[]){ __VA_ARGS__ },                              \
			    sizeof((struct mw_slice[]){ __VA_ARGS__ }) /                           \
				sizeof(struct mw_slice) })

/* A call of tool `read` at server `files`, and an effect of it; what is pushed is told by fx_*. */
struct fx {
	struct mw_rules *rules;
	struct mw_policy *p;
	uint64_t ts_ns, seq;
	struct mw_fact f;
	struct mw_fact_server server;
	struct mw_fact_principal principal;
	struct mw_fact_call call;
	struct mw_fact_effect effect;
	struct mw_action act;
	struct mw_fact_tool tool;
	char got[8192]; /* "rule:severity:count " an alert */
	struct mw_alert last;
	uint8_t words[1 << 18];
	size_t n_words;
};

static inline struct mw_rules *fx_rules(const char *yaml)
{
	struct mw_rules *r;
	char text[512] = "";
	const struct mw_yaml_err err = { text, sizeof(text) };

	assert_int_equal(mw_rules_new(&r), 0);
	if (mw_rules_add_text(r, "test", yaml, strlen(yaml), err) < 0)
		fail_msg("%s", text);
	if (mw_rules_finish(r, true, err) < 0)
		fail_msg("%s", text);
	return r;
}

static inline void fx_defaults(struct fx *x)
{
	x->server = (struct mw_fact_server){ .id = 1,
					     .key = S("files-key"),
					     .name = S("files"),
					     .exe = S("/usr/bin/node"),
					     .client = 77,
					     .uid = 1000,
					     .has_uid = true };
	x->principal = (struct mw_fact_principal){ .id = 5, .uid = 1000, .has_uid = true };
	x->call = (struct mw_fact_call){ .id = 11,
					 .session = 3,
					 .method = S("tools/call"),
					 .tool = S("read"),
					 .args = S("{\"path\":\"/tmp/x\"}"),
					 .destructive_hint = true };
	x->act =
	    (struct mw_action){ .kind = MW_EFFECT_FILE_OPEN, .target = S("/tmp/x"), .mode = "r" };
	x->effect = (struct mw_fact_effect){ .act = &x->act,
					     .exe = S("/usr/bin/node"),
					     .home = S("/srv/ann"),
					     .ok = true,
					     .link = MW_LINK_SOLE,
					     .confidence = MW_CONF_LIKELY };
	x->tool = (struct mw_fact_tool){ .what = S("tool"), .name = S("read") };
}

static inline void fx_init(struct fx *x, const char *yaml)
{
	struct mw_policy_error e;

	memset(x, 0, sizeof(*x));
	x->rules = fx_rules(yaml);
	x->ts_ns = 1000 * SEC;
	x->seq = 100;
	fx_defaults(x);
	assert_int_equal(mw_policy_new(&test_alloc, mw_rules_policy(x->rules), &e, &x->p), 0);
}

static inline void fx_done(struct fx *x)
{
	mw_policy_free(x->p);
	mw_rules_free(x->rules);
}

/* An alert's words are lent until the next one is asked for. */
static inline struct mw_slice fx_kept(struct fx *x, struct mw_slice s)
{
	const size_t at = x->n_words;

	assert_true(at + s.n <= sizeof(x->words));
	if (s.n)
		memcpy(x->words + at, s.p, s.n);
	x->n_words += s.n;
	return mw_slice(x->words + at, s.n);
}

static inline void fx_keep(struct fx *x, const struct mw_alert *a)
{
	x->last = *a;
	x->n_words = 0;
	x->last.tool = fx_kept(x, a->tool);
	x->last.outcome = fx_kept(x, a->outcome);
	x->last.detail = fx_kept(x, a->detail);
	for (size_t i = 0; i < a->n_targets && i < MW_ALERT_TARGETS_MAX; i++)
		x->last.targets[i] = fx_kept(x, a->targets[i]);
}

static inline void fx_pull(struct fx *x)
{
	struct mw_alert a;

	while (mw_policy_next(x->p, &a) == 1) {
		size_t n = strlen(x->got);

		snprintf(x->got + n, sizeof(x->got) - n, "%s:%s:%llu ", a.rule->id,
			 mw_severity_name(a.severity), (unsigned long long)a.count);
		fx_keep(x, &a);
	}
}

static inline void fx_push_fact(struct fx *x, enum mw_fact_kind kind, enum mw_fact_phase phase)
{
	x->f.kind = kind;
	x->f.phase = phase;
	x->f.ts_ns = x->ts_ns;
	x->f.seq = x->seq++;
	assert_int_equal(mw_policy_push(x->p, &x->f), 0);
	fx_pull(x);
}

/* An effect of the call; of none, if `phase` is SEEN. */
static inline void fx_effect(struct fx *x, enum mw_fact_phase phase)
{
	x->f = (struct mw_fact){ .server = &x->server, .effect = &x->effect };
	if (phase != MW_PHASE_SEEN) {
		x->f.call = &x->call;
		x->f.principal = &x->principal;
	}
	fx_push_fact(x, MW_FACT_EFFECT, phase);
}

static inline void fx_open(struct fx *x, const char *path)
{
	x->act.kind = MW_EFFECT_FILE_OPEN;
	x->act.target = S(path);
	fx_effect(x, MW_PHASE_BOTH);
}

static inline void fx_addr(struct fx *x, const char *addr)
{
	static char buf[64];
	unsigned int a, b, c, d;

	assert_int_equal(sscanf(addr, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
	x->act.peer = (struct mw_addr){ .family = AF_INET,
					.ip = { (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d },
					.port = 443 };
	snprintf(buf, sizeof(buf), "%s:443", addr);
	x->act.target = S(buf);
}

static inline void fx_connect(struct fx *x, const char *addr)
{
	x->act.kind = MW_EFFECT_NET_CONNECT;
	fx_addr(x, addr);
	fx_effect(x, MW_PHASE_BOTH);
}

static inline void fx_call(struct fx *x, enum mw_fact_kind kind)
{
	x->f =
	    (struct mw_fact){ .server = &x->server, .principal = &x->principal, .call = &x->call };
	fx_push_fact(x, kind, MW_PHASE_BOTH);
}

static inline void fx_tool(struct fx *x)
{
	x->f = (struct mw_fact){ .server = &x->server, .tool = &x->tool };
	fx_push_fact(x, MW_FACT_TOOL, MW_PHASE_BOTH);
}

/* What came since the last time. */
#define fx_got(x, want)                                                                            \
	do {                                                                                       \
		assert_string_equal((x)->got, want);                                               \
		(x)->got[0] = 0;                                                                   \
	} while (0)

#endif
