/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: rules, then facts, each byte a choice; texts are of a small stock and of the input itself.
 * What fires is what the conditions say when they are looked at the plain way; two runs say the
 * same; what is lost by memory that runs out does no harm.
 */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/policy_state.h"
#include "core/power.h"
#include "core/redact_priv.h"

#define RULES_MAX 12
#define CONDS_MAX 24
#define SEC	  1000000000ull

struct in {
	const uint8_t *p;
	size_t n;
};

static unsigned int byte(struct in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

static struct mw_slice text(struct in *in)
{
	static const char *const stock[] = {
		"",
		"/",
		"/etc/x",
		"~/.ssh",
		"~",
		"/home/ann/.ssh/id",
		"/root",
		"/proc/*/mem",
		"*a*a*b",
		"a?c",
		"tools/call",
		"read",
		"file.open",
		"net.connect",
		"certain",
		"10.0.0.1",
		"::ffff:10.0.0.1",
		"10.0.0.1:443",
		"example.com",
		".Example.COM",
		"^(a+)+$",
		"(a|aa)+b",
		"a.*b",
		"read_low",
		"true",
		"no",
		"7",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	};
	const unsigned int i = byte(in);
	struct mw_slice s;

	if (i < sizeof(stock) / sizeof(*stock))
		return mw_slice_str(stock[i]);
	s = mw_slice(in->p, i % 32 < in->n ? i % 32 : in->n);
	in->p += s.n;
	in->n -= s.n;
	return s;
}

static uint32_t field(struct in *in)
{
	uint32_t n = 0;

	while (mw_fact_field_at(n))
		n++;
	return byte(in) % (n + 1) % n;
}

/* --- rules --------------------------------------------------------------------------------------
 */

struct made {
	struct mw_policy_rule rule[RULES_MAX];
	struct mw_cond cond[RULES_MAX][4][CONDS_MAX];
	struct mw_cond_value value[RULES_MAX][4][CONDS_MAX][10];
	struct mw_when except[RULES_MAX];
	struct mw_policy_raise raise[RULES_MAX];
	struct mw_policy_step step[RULES_MAX][3];
	uint32_t detail[RULES_MAX][2];
	char id[RULES_MAX][4];
	size_t n;
};

static struct mw_when when(struct in *in, struct mw_cond *c, struct mw_cond_value (*v)[10])
{
	const size_t n = byte(in) % CONDS_MAX;

	for (uint32_t i = 0; i < n; i++) {
		c[i] = (struct mw_cond){ .op = byte(in) % 21, .field = field(in) };
		if (i) {
			c[i].left = byte(in) % i;
			c[i].right = byte(in) % i;
		}
		c[i].values = v[i];
		c[i].n_values = byte(in) % 11;
		for (size_t k = 0; k < c[i].n_values; k++) {
			v[i][k] = (struct mw_cond_value){ .text = text(in) };
			v[i][k].number = (int)byte(in) - 8;
			v[i][k].is_number = v[i][k].number < 200;
			v[i][k].net_bits = (uint8_t)byte(in);
			memcpy(v[i][k].net, "\0\0\0\0\0\0\0\0\0\0\377\377\12\0\0\1", 16);
		}
	}
	return (struct mw_when){ c, n };
}

static void make(struct in *in, struct made *m)
{
	m->n = byte(in) % (RULES_MAX + 1);
	for (size_t i = 0; i < m->n; i++) {
		struct mw_policy_rule *r = &m->rule[i];
		const unsigned int how = byte(in) % 8;

		snprintf(m->id[i], sizeof(m->id[i]), "%u", byte(in) % 16);
		*r = (struct mw_policy_rule){ .id = m->id[i], .title = "t" };
		r->severity = byte(in) % 6;
		r->on = byte(in) % 4 ? MW_FACT_EFFECT : byte(in) % 11;
		r->when = when(in, m->cond[i][0], m->value[i][0]);
		r->by = byte(in);
		r->over_ns = byte(in) * SEC;
		r->suppress_ns = byte(in);
		if (how & 1) {
			m->except[i] = when(in, m->cond[i][1], m->value[i][1]);
			r->except = &m->except[i];
			r->n_except = 1;
		}
		if (how & 2) {
			m->raise[i].to = byte(in) % 5;
			m->raise[i].when = when(in, m->cond[i][2], m->value[i][2]);
			r->raise = &m->raise[i];
			r->n_raise = 1;
			m->detail[i][0] = field(in);
			m->detail[i][1] = field(in);
			r->detail = m->detail[i];
			r->n_detail = 2;
		}
		if (how == 4) {
			r->at_least = byte(in);
			r->distinct = byte(in) % 2 ? 1 + field(in) : 0;
			r->sum = byte(in) % 4 == 3 ? 1 + field(in) : 0;
		}
		if (how == 5) {
			r->n_steps = 2 + byte(in) % 2;
			r->steps = m->step[i];
			for (size_t k = 0; k < r->n_steps; k++) {
				m->step[i][k].on = 1 + byte(in) % 9;
				m->step[i][k].when =
				    when(in, m->cond[i][k + 1], m->value[i][k + 1]);
				r->on = m->step[i][k].on;
			}
		}
	}
}

/* --- facts --------------------------------------------------------------------------------------
 */

struct all {
	struct mw_fact f;
	struct mw_fact_server server;
	struct mw_fact_principal principal;
	struct mw_fact_call call;
	struct mw_fact_effect effect;
	struct mw_action act;
	struct mw_fact_tool tool;
	struct mw_fact_notice notice;
	struct mw_fact_anomaly anomaly;
	struct mw_fact_gap gap;
	struct mw_slice texts[3];
};

static void fact(struct in *in, struct all *x, uint64_t i)
{
	const unsigned int parts = byte(in);
	struct mw_texts t = { x->texts, byte(in) % 4 };

	memset(x, 0, sizeof(*x));
	for (size_t k = 0; k < 3; k++)
		x->texts[k] = text(in);
	x->f.kind = byte(in) % 3 ? MW_FACT_EFFECT : 1 + byte(in) % 8;
	x->f.phase = byte(in) % 8 ? MW_PHASE_BOTH : byte(in) % 4;
	x->f.ts_ns = byte(in) % 16 ? i * SEC : (uint64_t)byte(in) << 56;
	x->f.seq = byte(in) % 8 ? i : UINT64_MAX;
	x->server = (struct mw_fact_server){
		.id = 1 + byte(in) % 2, .key = text(in), .client = byte(in), .roots = t
	};
	x->principal = (struct mw_fact_principal){ .id = byte(in), .user = text(in) };
	x->call = (struct mw_fact_call){ .id = 1 + i,
					 .session = byte(in),
					 .method = text(in),
					 .tool = text(in),
					 .args = text(in),
					 .result_bytes = (uint64_t)byte(in) << byte(in) % 64,
					 .has_result = byte(in) & 1,
					 .declared = byte(in),
					 .unexpected = t };
	x->act = (struct mw_action){ .kind = byte(in) % 40,
				     .target = text(in),
				     .name = text(in),
				     .ret = byte(in) % 3 - 2,
				     .peer = { .family = byte(in) % 2 ? AF_INET : AF_INET6,
					       .ip = { 10, 0, 0, 1 },
					       .port = 443 } };
	x->effect = (struct mw_fact_effect){ .act = byte(in) ? &x->act : NULL,
					     .home = text(in),
					     .ok = byte(in) & 1,
					     .confidence = byte(in) % 5,
					     .link = byte(in) % 10,
					     .argv = t };
	x->tool = (struct mw_fact_tool){ .name = text(in), .definition = text(in), .poison = t };
	x->f.server = parts & 1 ? &x->server : NULL;
	x->f.principal = parts & 2 ? &x->principal : NULL;
	x->f.call = parts & 4 ? &x->call : NULL;
	x->f.effect = parts & 8 ? &x->effect : NULL;
	x->f.tool = parts & 16 ? &x->tool : NULL;
	x->f.notice = parts & 32 ? &x->notice : NULL;
	x->f.anomaly = parts & 64 ? &x->anomaly : NULL;
	x->f.gap = parts & 128 ? &x->gap : NULL;
}

/* --- the plain way ------------------------------------------------------------------------------
 */

static bool plain(const struct mw_when *w, size_t at, const struct mw_try *t,
		  const struct mw_compile *c)
{
	const struct mw_cond *n = &w->cond[at];
	struct mw_test test = { .op = n->op, .field = n->field, .v = n->values, .n = n->n_values };
	bool holds;

	if (n->op == MW_COND_AND)
		return plain(w, n->left, t, c) && plain(w, n->right, t, c);
	if (n->op == MW_COND_OR)
		return plain(w, n->left, t, c) || plain(w, n->right, t, c);
	if (n->op == MW_COND_NOT)
		return !plain(w, n->left, t, c);
	test.type = mw_fact_field_at(n->field)->type;
	FUZZ_CHECK(mw_test_init(c, &test) == 0);
	holds = mw_test_try(&test, t);
	mw_test_done(c->a, &test);
	return holds;
}

static bool should(const struct mw_policy *p, const struct mw_policy_rule *r,
		   const struct mw_fact *f)
{
	struct mw_arena arena = { .a = &fuzz_alloc };
	struct mw_policy_error e;
	uint64_t failed = 0;
	const struct mw_compile c = {
		.a = &fuzz_alloc,
		.arena = &arena,
		.pcre = pcre2_compile_context_create(p->set->general),
		.error = &e,
	};
	const struct mw_try t = { .fact = f,
				  .kind = f->kind,
				  .match = p->set->match,
				  .data = p->set->data,
				  .failed = &failed };
	bool holds = r->when.n == 0 || plain(&r->when, r->when.n - 1, &t, &c);

	for (size_t i = 0; i < r->n_except && holds; i++)
		holds = r->except[i].n > 0 && !plain(&r->except[i], r->except[i].n - 1, &t, &c);
	pcre2_compile_context_free(c.pcre);
	mw_arena_done(&arena);
	return holds;
}

static void check(const struct mw_policy *p, const struct made *m, const struct mw_fact *f)
{
	const char *ids[RULES_MAX];
	const size_t n = f->call ? mw_policy_fired(p, f->call->id, ids, RULES_MAX) : 0;

	if (f->phase != MW_PHASE_BOTH || !f->call ||
	    (f->kind == MW_FACT_EFFECT &&
	     (!f->effect || !f->effect->act ||
	      !mw_fact_enum_name((uint32_t)mw_fact_field_find(MW_SLICE_LIT("effect.kind")),
				 f->effect->act->kind))))
		return;
	for (size_t i = 0; i < m->n; i++) {
		const struct mw_policy_rule *r = &m->rule[i];
		bool fired = false;

		if (r->n_steps || r->at_least || r->on != f->kind)
			continue;
		for (size_t k = 0; k < n; k++)
			fired |= ids[k] == r->id;
		FUZZ_CHECK(fired == should(p, r, f));
	}
}

static uint64_t sum_of(uint64_t h, const struct mw_alert *a)
{
	h = h * 31 + (uint64_t)a->rule->id[0] + a->severity + a->count + a->n_calls + a->n_seqs;
	for (size_t i = 0; i < a->detail.n; i++)
		h = h * 31 + a->detail.p[i];
	FUZZ_CHECK(a->count > 0 && a->severity >= MW_SEVERITY_LOW &&
		   a->severity <= MW_SEVERITY_CRITICAL);
	FUZZ_CHECK(a->n_targets <= MW_ALERT_TARGETS_MAX);
	return h;
}

/* Takes out the rules that are refused. */
static void leave_good(struct made *m)
{
	struct mw_policy_error e;
	struct mw_policy *p;
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct mw_policy_rules rules = { m->rule, n + 1 };
		int r;

		m->rule[n] = m->rule[i];
		r = mw_policy_new(&fuzz_alloc, &rules, &e, &p);
		FUZZ_CHECK(r == 0 || (r == -EINVAL && e.why && e.rule == n));
		n += r == 0;
		if (r == 0)
			mw_policy_free(p);
	}
	m->n = n;
}

static uint64_t run(const struct made *m, struct in in, bool checked)
{
	const struct mw_policy_rules rules = { m->rule, m->n };
	struct mw_policy_error e;
	struct mw_policy *p;
	struct mw_alert a;
	struct all x;
	uint64_t h = 0;

	FUZZ_CHECK(mw_policy_new(&fuzz_alloc, &rules, &e, &p) == 0);
	for (uint64_t i = 0; in.n && i < 200; i++) {
		fact(&in, &x, i);
		if (byte(&in) == 7)
			FUZZ_CHECK(mw_policy_change(p, &rules, &e) == 0);
		FUZZ_CHECK(mw_policy_push(p, &x.f) == 0);
		if (checked)
			check(p, m, &x.f);
		while (mw_policy_next(p, &a) == 1)
			h = sum_of(h, &a);
		mw_policy_tick(p, x.f.ts_ns);
	}
	mw_policy_finish(p, 1000 * SEC);
	while (mw_policy_next(p, &a) == 1)
		h = sum_of(h, &a);
	mw_policy_free(p);
	return h;
}

static bool in_any_case(struct mw_slice s, struct mw_slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++) {
		size_t k = 0;

		while (k < part.n && mw_lower(s.p[i + k]) == part.p[k])
			k++;
		if (k == part.n)
			return true;
	}
	return false;
}

/* What a pattern matches holds one of its factors. */
static void factors(struct in in)
{
	static const char *const parts[] = { "ab", "(",	  ")",	  "|",	   "[a-c]", "[xy]", "?",
					     "*",  "+",	  "{2}",  "{0,1}", "\\.",   ".",    "^",
					     "$",  "(?:", "(?i)", "\\d",   "(?=",   "c",    "/" };
	struct mw_arena arena = { .a = &fuzz_alloc };
	const struct mw_slice *v;
	char pattern[128] = "";
	char subject[17];
	pcre2_match_data *data;
	pcre2_code *code;
	PCRE2_SIZE offset;
	size_t n, i;
	int err;

	for (i = byte(&in) % 16; i > 0; i--)
		strncat(pattern, parts[byte(&in) % (sizeof(parts) / sizeof(*parts))],
			sizeof(pattern) - strlen(pattern) - 1);
	code = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), 0, &err, &offset, NULL);
	if (code && mw_factors(&arena, mw_slice_str(pattern), &v, &n) == 0) {
		data = pcre2_match_data_create(1, NULL);
		for (int round = 0; round < 8; round++) {
			for (i = 0; i < sizeof(subject) - 1; i++)
				subject[i] = "abcxyABC./17"[byte(&in) % 12];
			subject[byte(&in) % sizeof(subject)] = 0;
			if (pcre2_match(code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, data,
					NULL) < 0)
				continue;
			for (i = 0; i < n && !in_any_case(mw_slice_str(subject), v[i]); i++)
				;
			FUZZ_CHECK(i < n);
		}
		pcre2_match_data_free(data);
	}
	pcre2_code_free(code);
	mw_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct made m;
	struct in in = { data, n };
	uint64_t h;

	factors(in);
	make(&in, &m);
	leave_good(&m);
	h = run(&m, in, true);
	FUZZ_CHECK(h == run(&m, in, false));
	return 0;
}
