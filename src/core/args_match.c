/* SPDX-License-Identifier: Apache-2.0 */
/* args_match.c - whether arguments name an action */
#include <sys/socket.h>

#include "core/args_priv.h"
#include "core/host.h"
#include "core/path.h"

/* --- URLs ---------------------------------------------------------------------------------------
 */

static bool is_web(struct mw_slice scheme, struct mw_slice *ret_port)
{
	static const char *const names[] = { "http", "ws", "https", "wss" };

	for (size_t i = 0; i < 4; i++) {
		if (!mw_slice_lower_eq(scheme, names[i]))
			continue;
		*ret_port = i < 2 ? MW_SLICE_LIT(":80") : MW_SLICE_LIT(":443");
		return true;
	}
	return false;
}

size_t mw_args_url_put(uint8_t *out, size_t max, struct mw_slice url, bool query)
{
	struct mw_slice scheme = mw_slice(url.p, find(url, ':')), host, rest, port;
	unsigned int unused;
	size_t n = 0;

	if (!is_web(scheme, &port))
		return 0;
	host = mw_host_authority(url, &unused);
	rest = from(url, (size_t)(host.p - url.p) + host.n);
	rest.n = find(rest, '#');
	if (!query || find(rest, '?') == rest.n) {
		rest.n = find(rest, '?');
		while (rest.n && rest.p[rest.n - 1] == '/')
			rest.n--;
	}
	if (mw_slice_ends(host, port))
		host.n -= port.n;
	if (host.n == 0 || scheme.n + 3 + host.n + rest.n > max)
		return 0;
	for (size_t i = 0; i < scheme.n; i++)
		out[n++] = mw_lower(scheme.p[i]);
	memcpy(out + n, "://", 3);
	n += 3;
	for (size_t i = 0; i < host.n; i++)
		out[n++] = mw_lower(host.p[i]);
	if (rest.n)
		memcpy(out + n, rest.p, rest.n);
	return n + rest.n;
}

/* --- asking -------------------------------------------------------------------------------------
 */

static void query_path(struct mw_args_query *q, struct mw_slice s, bool ends)
{
	struct mw_args_path *p = &q->path[q->n_path];
	uint64_t h = 0;

	if (s.n == 0)
		return;
	q->n_path++;
	p->s = s;
	p->n_above = p->n_end = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '/' && i > 0 && p->n_above < sizeof(p->above) / sizeof(p->above[0])) {
			p->above[p->n_above].hash = h;
			p->above[p->n_above++].n = i;
		}
		h = hash_step(h, s.p[i]);
	}
	p->full = h;
	if (!ends || s.p[0] != '/')
		return;
	h = 0;
	for (size_t i = s.n; i > 0 && p->n_end < sizeof(p->end) / sizeof(p->end[0]); i--) {
		if (s.p[i - 1] == '/' && s.n - i >= END_MIN) {
			p->end[p->n_end].hash = h;
			p->end[p->n_end++].n = s.n - i;
		}
		h = hash_step(h, s.p[i - 1]);
	}
}

static void query_argv(struct mw_args_query *q, struct mw_slice argv)
{
	while (argv.n && q->n_word < sizeof(q->word) / sizeof(q->word[0])) {
		struct mw_slice s = mw_slice(argv.p, find(argv, '\0'));

		if (s.n >= 6 || (s.n >= 3 && find(s, '/') < s.n)) {
			q->word[q->n_word].s = s;
			q->word[q->n_word++].hash = hash_fwd(s);
		}
		argv = from(argv, s.n + 1);
	}
}

static void query_host(struct mw_args_query *q, struct mw_slice host)
{
	uint64_t h = 0;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0 || q->n_host == sizeof(q->host) / sizeof(q->host[0]))
		return;
	for (size_t i = 0; i < host.n; i++)
		h = hash_step(h, mw_lower(host.p[i]));
	q->host[q->n_host].s = host;
	q->host[q->n_host++].hash = h;
}

static void query_constants(struct mw_args_query *q, struct mw_slice text)
{
	struct mw_slice c;
	size_t pos = 0;

	while (q->n_word < sizeof(q->word) / sizeof(q->word[0]) &&
	       mw_sql_constant(text, MW_SQL_ANY, &pos, &c) == 1) {
		const bool number = c.n && c.p[0] >= '0' && c.p[0] <= '9';

		if (c.n < (number ? DIGITS_MIN : CONSTANT_MIN))
			continue;
		q->word[q->n_word].s = c;
		q->word[q->n_word++].hash = hash_fwd(c);
	}
	q->loose = true;
}

static struct mw_slice url_put(struct mw_args_query *q, unsigned int i, struct mw_slice url)
{
	const size_t n = mw_args_url_put(q->urls[i], sizeof(q->urls[i]), url, i == 0);

	return mw_slice(q->urls[i], n);
}

/* A request: its URL with its query and without it, and its path, which may end with an id. */
static void query_request(struct mw_args_query *q, const struct mw_action *act)
{
	struct mw_slice url = url_put(q, 0, act->object), bare = url_put(q, 1, act->target), path;
	unsigned int port;
	size_t at;

	query_path(q, url, false);
	if (!mw_slice_eq(url, bare))
		query_path(q, bare, false);
	path = mw_host_authority(act->target, &port);
	at = (size_t)(path.p - act->target.p) + path.n;
	path = from(act->target, at);
	if (path.n > 1)
		query_path(q, path, true);
}

void mw_args_query_init(struct mw_args_query *q, const struct mw_action *act)
{
	static const struct mw_slice unix_ = MW_SLICE_LIT("unix:");
	const bool inet = act->peer.family == AF_INET || act->peer.family == AF_INET6;

	q->n_path = q->n_word = q->n_host = 0;
	q->statement = mw_slice(NULL, 0);
	q->loose = false;
	q->peer = act->peer;
	q->addr = inet && (act->kind == MW_EFFECT_NET_CONNECT || act->kind == MW_EFFECT_NET_SEND);
	if (q->addr) {
		for (size_t i = 0; i < act->n_names && i < MW_ACT_NAMES_MAX; i++)
			query_host(q, act->names[i]);
		return;
	}
	switch (act->kind) {
	case MW_EFFECT_NET_DNS:
		query_host(q, act->target);
		return;
	case MW_EFFECT_NET_HTTP:
		query_request(q, act);
		return;
	case MW_EFFECT_DB_STATEMENT:
		if (!act->asked_n)
			q->statement = act->asked;
		query_constants(q, act->asked);
		return;
	default:
		break;
	}
	if (act->kind == MW_EFFECT_NET_CONNECT && mw_slice_starts(act->target, unix_)) {
		query_path(q, from(act->target, unix_.n), true);
		return;
	}
	query_path(q, act->target, true);
	query_path(q, act->target2, true);
	query_path(q, act->asked, false);
	if (act->kind == MW_EFFECT_PROC_EXEC)
		query_argv(q, act->argv);
}

static const struct word *look(const struct mw_args *x, uint64_t hash, struct mw_slice s)
{
	size_t mask = x->n_slots - 1;

	for (size_t i = hash_slot(hash, mask); x->slots[i]; i = (i + 1) & mask) {
		const struct word *w = &x->words[x->slots[i] - 1];

		if (w->fwd == hash && mw_slice_eq(word_text(x, w), s))
			return w;
	}
	return NULL;
}

static bool look_end(const struct mw_args *x, uint64_t hash, struct mw_slice s)
{
	const uint16_t *slots = x->slots + x->n_slots;
	size_t mask = x->n_slots - 1;

	for (size_t i = hash_slot(hash, mask); slots[i]; i = (i + 1) & mask) {
		const struct word *w = &x->words[slots[i] - 1];

		if (w->rev == hash && mw_slice_eq(word_text(x, w), s))
			return true;
	}
	return false;
}

static bool match_addr(const struct mw_args *x, const struct mw_addr *peer)
{
	uint32_t v4 = 0, want;
	bool is_v4 = mw_addr_v4(peer, &v4), hit;

	for (size_t i = 0; i < x->n_addrs; i++) {
		const struct mw_addr *a = &x->addrs[i];

		if (a->port && a->port != peer->port)
			continue;
		if (a->family == AF_UNSPEC)
			hit = mw_addr_loopback(peer);
		else if (mw_addr_v4(a, &want))
			hit = is_v4 && v4 == want;
		else
			hit = !is_v4 && memcmp(a->ip, peer->ip, 16) == 0;
		if (hit)
			return true;
	}
	return false;
}

static bool match_host(const struct mw_args *x, const struct mw_args_query *q)
{
	for (size_t k = 0; k < x->n_hosts; k++) {
		const struct host *h = &x->hosts[k];

		/* a question to the DNS is of no port */
		if (q->addr && h->port && h->port != q->peer.port)
			continue;
		for (size_t i = 0; i < q->n_host; i++)
			if (h->hash == q->host[i].hash &&
			    mw_slice_eq_nocase(mw_slice(x->text.p + h->off, h->n), q->host[i].s))
				return true;
	}
	return false;
}

/* The next byte of a text with its white space folded, as mw_sql_fold does; -1 the end. */
static int folded_next(struct mw_slice *s, bool *begun)
{
	const size_t was = s->n;
	uint8_t c;

	while (s->n && (*s->p == ' ' || (*s->p >= '\t' && *s->p <= '\r')))
		*s = from(*s, 1);
	if (s->n == 0)
		return -1;
	if (*begun && s->n < was) {
		*begun = false; /* the blank is given: what follows is not behind white space */
		return ' ';
	}
	c = *s->p;
	*s = from(*s, 1);
	*begun = true;
	return c;
}

static bool match_statement(const struct mw_args *x, struct mw_slice text)
{
	const size_t mask = x->n_slots - 1;
	struct mw_slice s;
	uint64_t h = 0;
	bool begun = false;
	int c;

	while (text.n && (text.p[text.n - 1] <= ' ' || text.p[text.n - 1] == ';'))
		text.n--;
	for (s = text; (c = folded_next(&s, &begun)) >= 0;)
		h = hash_step(h, (uint8_t)c);
	for (size_t i = hash_slot(h, mask); x->slots[i]; i = (i + 1) & mask) {
		const struct word *w = &x->words[x->slots[i] - 1];
		size_t n = 0;

		if (w->fwd != h)
			continue;
		begun = false;
		for (s = text; (c = folded_next(&s, &begun)) >= 0 && n < w->n; n++)
			if (x->text.p[w->off + n] != c)
				break;
		if (c < 0 && n == w->n)
			return true;
	}
	return false;
}

static bool match_loose(const struct mw_args *x, const struct mw_args_path *p)
{
	const struct word *w;

	for (size_t i = 0; i < p->n_above; i++) {
		w = look(x, p->above[i].hash, mw_slice(p->s.p, p->above[i].n));
		if (w && w->dir)
			return true;
	}
	for (size_t i = 0; i < p->n_end; i++)
		if (look_end(x, p->end[i].hash,
			     mw_slice(p->s.p + p->s.n - p->end[i].n, p->end[i].n)))
			return true;
	return false;
}

enum mw_args_hit mw_args_match(const struct mw_args *x, const struct mw_args_query *q)
{
	if (q->n_host && match_host(x, q))
		return MW_ARGS_EXACT;
	if (q->addr)
		return match_addr(x, &q->peer) ? MW_ARGS_EXACT : MW_ARGS_NONE;
	if (x->n_words == 0)
		return MW_ARGS_NONE;
	if (q->statement.n && match_statement(x, q->statement))
		return MW_ARGS_EXACT;
	for (size_t i = 0; i < q->n_path; i++)
		if (look(x, q->path[i].full, q->path[i].s))
			return MW_ARGS_EXACT;
	for (size_t i = 0; i < q->n_word; i++)
		if (look(x, q->word[i].hash, q->word[i].s))
			return q->loose ? MW_ARGS_LOOSE : MW_ARGS_EXACT;
	for (size_t i = 0; i < q->n_path; i++)
		if (match_loose(x, &q->path[i]))
			return MW_ARGS_LOOSE;
	return MW_ARGS_NONE;
}

static bool is_of_word(uint8_t c)
{
	return mw_is_alnum(c) || c >= 0x80 || c == '_' || c == '-' || c == '.';
}

bool mw_args_mention(const struct mw_args *x, struct mw_slice path)
{
	const struct mw_slice name = mw_slice_name(path);
	const size_t n = name.n;
	size_t left = MENTION_MAX;
	struct mw_slice text;

	if (n < END_MIN)
		return false;
	for (size_t i = 0; i < x->n_words && left; i++) {
		text = mw_slice(x->text.p + x->words[i].off,
				x->words[i].n < left ? x->words[i].n : left);
		left -= text.n;
		for (size_t at = 0; at + n <= text.n; at++)
			if (text.p[at] == name.p[0] && !memcmp(text.p + at, name.p, n) &&
			    (at == 0 || !is_of_word(text.p[at - 1])) &&
			    (at + n == text.n || !is_of_word(text.p[at + n])))
				return true;
	}
	return false;
}
