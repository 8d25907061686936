/* SPDX-License-Identifier: Apache-2.0 */
#include "io/health.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "io/bpf_facts.h"

#define SECOND	 1000000000ull
#define STALE_NS (60 * SECOND)

void mw_health_self(struct mw_health *h)
{
	unsigned long long pages = 0;
	struct timespec now;
	struct rusage ru;
	char line[128];
	FILE *f;

	clock_gettime(CLOCK_REALTIME, &now);
	h->now_ns = (int64_t)now.tv_sec * (int64_t)SECOND + now.tv_nsec;
	h->boot_ns = mw_boot_ns();
	h->pid = (uint32_t)getpid();
	if (getrusage(RUSAGE_SELF, &ru) == 0)
		h->cpu_seconds = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
				 (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	f = fopen("/proc/self/statm", "re");
	if (f && fgets(line, sizeof(line), f)) {
		char *end;

		/* size, then resident, in pages */
		(void)strtoull(line, &end, 10);
		pages = strtoull(end, NULL, 10);
	}
	if (f)
		fclose(f);
	h->rss = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

/* --- what is wrong ------------------------------------------------------------------------------
 */

struct list {
	struct mw_health_problem *p;
	size_t n;
};

static void __attribute__((format(printf, 3, 4)))
add(struct list *l, bool bad, const char *fmt, ...)
{
	struct mw_health_problem *x;
	va_list ap;

	if (l->n == MW_HEALTH_PROBLEMS_MAX)
		return;
	x = &l->p[l->n++];
	x->bad = bad;
	va_start(ap, fmt);
	vsnprintf(x->what, sizeof(x->what), fmt, ap);
	va_end(ap);
}

static unsigned long long ull(uint64_t v)
{
	return v;
}

static void look_at_log(const struct mw_health *h, struct list *l)
{
	const uint64_t waits = h->log.records - h->log.sealed;
	const uint64_t since = h->log.sealed_ns ? h->log.sealed_ns : h->started_boot_ns;

	if (h->log.error)
		add(l, true,
		    "the log takes no records (%s), %llu not written: make room, or see the disk "
		    "of "
		    "%.60s",
		    strerror(-h->log.error), ull(h->engine.unwritten), h->log_dir);
	else if (waits && h->boot_ns - since > STALE_NS)
		add(l, true, "%llu records wait for a seal since %llu s: see the disk of %.60s",
		    ull(waits), ull((h->boot_ns - since) / SECOND), h->log_dir);
	else if (h->engine.unwritten)
		add(l, false, "the log took no records for a while: %llu were not written (a gap)",
		    ull(h->engine.unwritten));
}

static void look_at_losses(const struct mw_health *h, struct list *l)
{
	uint64_t full = 0;
	size_t i;

	if (h->source.lost_ring)
		add(l, false,
		    "%llu events found no room in the ring buffer (gaps): raise 'ring' in the "
		    "configuration",
		    ull(h->source.lost_ring));
	else if (h->engine.lost_events)
		add(l, false, "%llu events of the kernel were lost (gaps)",
		    ull(h->engine.lost_events));
	if (h->engine.lost_argv)
		add(l, false,
		    "%llu processes did not let their arguments be read (gaps): 'log --type gap' "
		    "says when",
		    ull(h->engine.lost_argv));
	if (h->engine.alloc_failed)
		add(l, false, "memory was short %llu times (gaps): see 'message_max'",
		    ull(h->engine.alloc_failed));
	for (i = 0; i < h->n_tables; i++)
		full += h->tables[i].lost;
	if (full)
		add(l, false,
		    "%llu entries found no room in tables (gaps): 'status --json' names "
		    "them",
		    ull(full));
}

static void look_at_places(const struct mw_health *h, struct list *l)
{
	if (h->n_anchors && h->anchors.failed)
		add(l, false, "anchors failed %llu times of %llu: see the daemon's messages",
		    ull(h->anchors.failed), ull(h->anchors.failed + h->anchors.sent));
	if (h->outlets.not_sent)
		add(l, false, "%llu alerts did not reach an outlet: see the daemon's messages",
		    ull(h->outlets.not_sent));
	if (h->state_unkept)
		add(l, false, "%llu lines of state were not kept: see the disk of the state folder",
		    ull(h->state_unkept));
	if (h->metrics_failed)
		add(l, false, "the metrics file could not be written %llu times: see %.80s",
		    ull(h->metrics_failed), h->metrics_file ? h->metrics_file : "its folder");
	if (h->reloads_failed)
		add(l, false, "%llu reloads failed, what was before holds: 'mcpwatch run --check'",
		    ull(h->reloads_failed));
}

size_t mw_health_problems(const struct mw_health *h,
			  struct mw_health_problem ret[MW_HEALTH_PROBLEMS_MAX])
{
	struct list l = { .p = ret };

	look_at_log(h, &l);
	look_at_losses(h, &l);
	look_at_places(h, &l);
	return l.n;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void put_u64(cJSON *o, const char *name, uint64_t v)
{
	cJSON_AddNumberToObject(o, name, (double)v);
}

static void put_seconds(cJSON *o, const char *name, uint64_t ns)
{
	cJSON_AddNumberToObject(o, name, (double)(ns / 1000000) / 1000);
}

static void put_time(cJSON *o, const char *name, int64_t ns)
{
	const time_t t = (time_t)(ns / (int64_t)SECOND);
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		cJSON_AddStringToObject(o, name, text);
}

static void put_hash(cJSON *o, const char *name, const uint8_t hash[32])
{
	static const uint8_t none[32];
	char text[65];
	size_t i;

	if (memcmp(hash, none, sizeof(none)) == 0)
		return;
	for (i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	cJSON_AddStringToObject(o, name, text);
}

static void put_words(cJSON *o, const char *name, const struct mw_tally_words *words)
{
	cJSON *x = cJSON_AddObjectToObject(o, name);
	size_t i;

	for (i = 0; x && i < words->n; i++)
		put_u64(x, words->w[i].name, words->w[i].n);
}

static void put_severities(cJSON *o, const char *name, const uint64_t n[MW_TALLY_SEVERITIES])
{
	cJSON *x = cJSON_AddObjectToObject(o, name);
	size_t i;

	for (i = 0; x && i < MW_TALLY_SEVERITIES; i++)
		put_u64(x, mw_tally_severity[i], n[i]);
}

static void put_source(cJSON *o, const struct mw_health *h)
{
	cJSON *x = cJSON_AddObjectToObject(o, "source");

	if (!x)
		return;
	cJSON_AddStringToObject(x, "kind", "bpf");
	put_u64(x, "events", h->source.events);
	put_u64(x, "bytes", h->source.bytes);
	put_u64(x, "ring", h->source.ring_len);
	put_u64(x, "lost_ring", h->source.lost_ring);
	put_u64(x, "lost_run", h->source.lost_run);
	put_u64(x, "lost_table", h->source.lost_table);
	put_u64(x, "faults", h->source.faults);
	put_u64(x, "task_faults", h->source.task_faults);
	put_u64(x, "runtimes", h->bpf.runtimes);
	put_u64(x, "runtimes_refused", h->bpf.runtimes_refused);
}

static void put_tables(cJSON *o, const struct mw_health *h)
{
	cJSON *list = cJSON_AddArrayToObject(o, "tables"), *x;
	size_t i;

	for (i = 0; list && i < h->n_tables; i++) {
		x = cJSON_CreateObject();
		if (!x || !cJSON_AddItemToArray(list, x))
			return;
		cJSON_AddStringToObject(x, "name", h->tables[i].name);
		if (h->tables[i].max) {
			put_u64(x, "n", h->tables[i].n);
			put_u64(x, "max", h->tables[i].max);
		}
		put_u64(x, "lost", h->tables[i].lost);
	}
}

static void put_engine(cJSON *o, const struct mw_health *h)
{
	const struct mw_engine_stats *e = &h->engine;
	cJSON *x = cJSON_AddObjectToObject(o, "lost");

	if (x) {
		put_u64(x, "events", e->lost_events);
		put_u64(x, "runs", e->lost_runs);
		put_u64(x, "kernel_table", e->lost_table);
		put_u64(x, "arguments", e->lost_argv);
		put_u64(x, "bytes", e->gap_bytes);
		put_u64(x, "no_memory", e->alloc_failed);
		put_u64(x, "places", e->places_lost);
		put_u64(x, "unwritten", e->unwritten);
		put_u64(x, "unscanned", e->unscanned);
		put_u64(x, "scope_refused", h->scope.refused);
		put_u64(x, "scope_dropped", h->scope.dropped);
	}
	x = cJSON_AddObjectToObject(o, "memory");
	if (x) {
		put_u64(x, "rss", h->rss);
		put_u64(x, "reassembly", e->memory);
		put_u64(x, "reassembly_max", e->memory_max);
		put_u64(x, "held", h->scope.held_bytes);
	}
	put_tables(o, h);
}

static void put_log(cJSON *o, const struct mw_health *h)
{
	cJSON *x = cJSON_AddObjectToObject(o, "log");

	if (!x)
		return;
	cJSON_AddStringToObject(x, "dir", h->log_dir);
	put_u64(x, "records", h->log.records);
	put_u64(x, "sealed", h->log.sealed);
	put_u64(x, "seals", h->log.seals);
	put_u64(x, "bytes", h->log.bytes);
	if (h->log.sealed_ns) {
		put_seconds(x, "seal_age", h->boot_ns - h->log.sealed_ns);
		put_time(x, "sealed_at", h->now_ns - (int64_t)(h->boot_ns - h->log.sealed_ns));
	}
	if (h->log.error)
		cJSON_AddStringToObject(x, "error", strerror(-h->log.error));
}

static void put_places(cJSON *o, const struct mw_health *h)
{
	cJSON *x = cJSON_AddObjectToObject(o, "anchors");

	if (x) {
		put_u64(x, "n", h->n_anchors);
		put_u64(x, "sent", h->anchors.sent);
		put_u64(x, "failed", h->anchors.failed);
	}
	x = cJSON_AddObjectToObject(o, "outlets");
	if (x) {
		put_u64(x, "n", h->outlets.outlets);
		put_u64(x, "sent", h->outlets.sent);
		put_u64(x, "failed", h->outlets.failed);
		put_u64(x, "not_sent", h->outlets.not_sent);
		put_u64(x, "waiting", h->outlets.waiting);
	}
	x = cJSON_AddObjectToObject(o, "state");
	if (x) {
		cJSON_AddBoolToObject(x, "kept", h->state_on);
		put_u64(x, "pins", h->engine.state_pins);
		put_u64(x, "tools", h->engine.state_tools);
		put_u64(x, "unkept", h->state_unkept);
	}
	x = cJSON_AddObjectToObject(o, "control");
	if (x) {
		put_u64(x, "clients", h->control.clients);
		put_u64(x, "requests", h->control.requests);
		put_u64(x, "refused", h->control.refused);
		put_u64(x, "slow", h->control.slow);
		put_u64(x, "dropped", h->control.dropped);
	}
}

static void put_gaps(cJSON *o, const struct mw_tally_words *reasons)
{
	cJSON *list = cJSON_AddArrayToObject(o, "gaps"), *x;
	size_t i;

	for (i = 0; list && i < reasons->n; i++) {
		x = cJSON_CreateObject();
		if (!x || !cJSON_AddItemToArray(list, x))
			return;
		cJSON_AddStringToObject(x, "reason", reasons->w[i].name);
		put_u64(x, "n", reasons->w[i].n);
		put_u64(x, "events", reasons->w[i].events);
		put_u64(x, "bytes", reasons->w[i].bytes);
	}
}

static void put_text(cJSON *o, const char *name, const char *s)
{
	if (*s)
		cJSON_AddStringToObject(o, name, s);
}

static void put_ties(cJSON *o, const struct mw_tally_server *s)
{
	cJSON *x = cJSON_AddObjectToObject(o, "ties");
	size_t i;

	for (i = 0; x && i < MW_TALLY_TIES; i++)
		put_u64(x, mw_tally_tie[i], s->c.ties[i]);
}

static const struct mw_engine_opaque *opaque_of(const struct mw_health *h, const char *id)
{
	size_t i;

	for (i = 0; i < h->n_opaque; i++)
		if (strcmp(h->opaque[i].id, id) == 0)
			return &h->opaque[i];
	return NULL;
}

static void put_opaque(cJSON *o, const struct mw_engine_opaque *opaque)
{
	cJSON *x = cJSON_AddObjectToObject(o, "opaque");

	if (!x)
		return;
	put_u64(x, "tls_in", opaque->tls_in);
	put_u64(x, "http2_in", opaque->http2_in);
	put_u64(x, "tls_out", opaque->tls_out);
	put_u64(x, "http2_out", opaque->http2_out);
}

static void __attribute__((format(printf, 3, 4)))
note(char *text, size_t max, const char *fmt, ...)
{
	const size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, max - n, fmt, ap);
	va_end(ap);
}

/* How well it is seen, in a line's words. */
static void put_seen(cJSON *o, const struct mw_tally_server *s,
		     const struct mw_engine_opaque *opaque)
{
	char text[160];

	if (!*s->io)
		return;
	snprintf(text, sizeof(text), "%s%s%s", s->io, *s->link ? " " : "", s->link);
	if (opaque && opaque->tls_in + opaque->http2_in)
		note(text, sizeof(text), ", %llu to it unread",
		     ull(opaque->tls_in + opaque->http2_in));
	if (opaque && opaque->tls_out)
		note(text, sizeof(text), ", asks by TLS %llu", ull(opaque->tls_out));
	if (opaque && opaque->http2_out)
		note(text, sizeof(text), ", by HTTP/2 %llu", ull(opaque->http2_out));
	if (s->c.gaps)
		note(text, sizeof(text), ", gaps %llu", ull(s->c.gaps));
	cJSON_AddStringToObject(o, "seen", text);
}

static void put_servers(cJSON *o, const struct mw_health *h)
{
	const struct mw_tally *t = h->tally;
	cJSON *list = cJSON_AddArrayToObject(o, "servers"), *x;
	size_t i;

	for (i = 0; list && i < t->n_servers; i++) {
		const struct mw_tally_server *s = &t->servers[i];
		const struct mw_engine_opaque *opaque = opaque_of(h, s->id);

		if (s->gone)
			continue;
		x = cJSON_CreateObject();
		if (!x || !cJSON_AddItemToArray(list, x))
			return;
		put_text(x, "id", s->id);
		put_text(x, "name", s->name);
		put_text(x, "key", s->key);
		put_u64(x, "pid", s->pid);
		put_text(x, "transport", s->transport);
		put_text(x, "protocol", s->protocol);
		put_text(x, "io", s->io);
		put_text(x, "link", s->link);
		put_u64(x, "calls", s->c.calls);
		put_u64(x, "tool_calls", s->c.tool_calls);
		put_u64(x, "in_flight", s->in_flight);
		put_u64(x, "failed", s->c.failed);
		put_u64(x, "effects", s->c.effects);
		put_u64(x, "alerts", s->c.alerts);
		put_u64(x, "gaps", s->c.gaps);
		put_u64(x, "anomalies", s->c.anomalies);
		put_ties(x, s);
		if (opaque)
			put_opaque(x, opaque);
		put_seen(x, s, opaque);
		put_seconds(x, "idle", h->boot_ns > s->last_ns ? h->boot_ns - s->last_ns : 0);
	}
	put_u64(o, "servers_alive", mw_tally_alive(t));
	put_u64(o, "servers_untold", t->refused);
}

static void put_tally(cJSON *o, const struct mw_health *h)
{
	const struct mw_tally *t = h->tally;
	uint64_t hour[MW_TALLY_SEVERITIES];
	cJSON *x;

	put_words(o, "records", &t->types);
	x = cJSON_AddObjectToObject(o, "calls");
	if (x) {
		put_u64(x, "n", mw_tally_of(&t->types, "call"));
		put_u64(x, "open", h->engine.calls_open);
		put_words(x, "status", &t->status);
	}
	x = cJSON_AddObjectToObject(o, "effects");
	if (x) {
		put_u64(x, "n", mw_tally_of(&t->types, "effect"));
		put_words(x, "confidence", &t->sure);
		put_words(x, "kind", &t->kinds);
	}
	mw_tally_hour(t, h->boot_ns, hour);
	x = cJSON_AddObjectToObject(o, "alerts");
	if (x) {
		put_u64(x, "n", mw_tally_of(&t->types, "alert"));
		put_severities(x, "severity", t->alerts);
		put_severities(x, "last_hour", hour);
		put_u64(x, "folded", h->engine.alerts_folded);
	}
	put_gaps(o, &t->reasons);
	put_words(o, "anomalies", &t->anomalies);
	put_servers(o, h);
}

static void put_problems(cJSON *o, const struct mw_health *h)
{
	struct mw_health_problem p[MW_HEALTH_PROBLEMS_MAX];
	const size_t n = mw_health_problems(h, p);
	cJSON *list, *x;
	size_t i;

	/* bad ones stand first */
	cJSON_AddBoolToObject(o, "healthy", n == 0 || !p[0].bad);
	list = cJSON_AddArrayToObject(o, "problems");
	for (i = 0; list && i < n; i++) {
		x = cJSON_CreateObject();
		if (!x || !cJSON_AddItemToArray(list, x))
			return;
		cJSON_AddBoolToObject(x, "bad", p[i].bad);
		cJSON_AddStringToObject(x, "what", p[i].what);
	}
}

char *mw_health_json(const struct mw_health *h)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	if (!o)
		return NULL;
	put_u64(o, "v", 1);
	cJSON_AddStringToObject(o, "type", "status");
	put_time(o, "time", h->now_ns);
	cJSON_AddStringToObject(o, "host", h->host);
	cJSON_AddStringToObject(o, "version", h->version);
	put_u64(o, "pid", h->pid);
	put_time(o, "started", h->started_ns);
	put_seconds(o, "uptime", h->boot_ns - h->started_boot_ns);
	cJSON_AddNumberToObject(o, "cpu_seconds", h->cpu_seconds);
	put_hash(o, "config_hash", h->config_hash);
	put_hash(o, "rules_hash", h->rules_hash);
	cJSON_AddBoolToObject(o, "stopping", h->stopping);
	put_u64(o, "reloads", h->reloads);
	put_u64(o, "reloads_failed", h->reloads_failed);
	put_problems(o, h);
	put_source(o, h);
	put_tally(o, h);
	put_engine(o, h);
	put_log(o, h);
	put_places(o, h);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}
