/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_log.c: the sealed log by itself, and behind the whole pipeline
 *
 * sync DIR N: what the disk takes for 4 KiB and fdatasync, N times.
 *
 * append DIR KEYS RECORDS: the lines of a file of records into a new log as fast as it takes them,
 * sealed as always.
 *
 * pipeline DIR KEYS CAPTURE: a capture through the engine with the rules and keyed hashes of `run`,
 * into a new log; DIR "-": to nowhere.
 *
 * One line on stdout: names and numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "bench.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/keys.h"
#include "io/pump.h"
#include "io/rules.h"
#include "io/sink_log.h"
#include "io/source_replay.h"

#define HEAD "{\"v\":1,\"seq\":"

static uint64_t now_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t now(void)
{
	return now_of(CLOCK_BOOTTIME);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sync_latency(const char *dir, long n)
{
	static const char page[4096] = { 'x' };
	uint64_t *ns = calloc((size_t)n, sizeof(*ns));
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/sync", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || !ns || n < 1)
		die(path);
	for (long i = 0; i < n; i++) {
		uint64_t begin = now();

		if (write(fd, page, sizeof(page)) != sizeof(page) || fdatasync(fd) < 0)
			die(path);
		ns[i] = now() - begin;
	}
	close(fd);
	unlink(path);
	qsort(ns, (size_t)n, sizeof(*ns), by_size);
	printf("sync_us %.0f p90_us %.0f max_us %.0f\n", (double)ns[n / 2] / 1e3,
	       (double)ns[n * 9 / 10] / 1e3, (double)ns[n - 1] / 1e3);
	free(ns);
}

/* --- append --------------------------------------------------------------------------------------
 */

struct feed {
	struct mw_sink *log;
	uint64_t seq, bytes, seals;
};

static void put(struct feed *f, const char *line, size_t n, bool urgent, bool seal)
{
	struct mw_record r = {
		.json = line, .len = n, .seq = f->seq, .urgent = urgent, .seal = seal
	};
	int e = mw_sink_write(f->log, &r);

	if (e < 0) {
		errno = -e;
		die("the log");
	}
	f->seq++;
	f->bytes += n + 1;
}

/* What the engine does when the log asks; at_ns UINT64_MAX: for the last time. */
static void answer(struct feed *f, uint64_t at_ns)
{
	const struct mw_event_hdr *h;
	char line[1024];

	while ((h = mw_sink_ask(f->log, at_ns))) {
		const struct mw_ev_seal *ev = (const void *)h;
		int n;

		if (h->type != MW_EV_SEAL)
			die("the log takes no more");
		n = snprintf(line, sizeof(line),
			     HEAD "%llu,\"time\":\"2026-01-01T00:00:00.000000000Z\",\"boot_ns\":1,"
				  "\"host\":\"h\",\"type\":\"seal\",\"epoch\":%llu,\"next_vkey\":"
				  "\"%.*s\"}",
			     (unsigned long long)f->seq, (unsigned long long)ev->epoch,
			     ev->vkey_len, (const char *)(ev + 1));
		put(f, line, (size_t)n, false, true);
		f->seals++;
	}
}

/* Its number is another in a log that has seals between. */
static size_t renumber(char *to, const char *line, size_t n, uint64_t seq)
{
	size_t at = sizeof(HEAD) - 1;
	int head;

	if (n > MW_RECORD_MAX || n < at || memcmp(line, HEAD, at) != 0)
		die("a line that is no record");
	while (at < n && line[at] != ',')
		at++;
	head = snprintf(to, 64, HEAD "%llu", (unsigned long long)seq);
	memcpy(to + head, line + at, n - at);
	return (size_t)head + n - at;
}

static void feed_all(struct feed *f, const char *p, size_t n)
{
	static char line[MW_RECORD_MAX + 64];
	const char *end = p + n, *next;

	for (; p < end; p = next + 1) {
		next = memchr(p, '\n', (size_t)(end - p));
		if (!next)
			break;
		put(f, line, renumber(line, p, (size_t)(next - p), f->seq), false, false);
		answer(f, now());
	}
}

static struct mw_sink *open_log(const char *dir, const char *keys_dir, struct mw_keys **keys)
{
	struct mw_sink_log_config cfg = { .dir = dir };
	struct mw_sink_log_found found;
	struct mw_sink *log;
	char err[MW_ERR_MAX];

	if (mw_keys_open(keys_dir, err, sizeof(err), keys) < 0)
		goto failed;
	cfg.keys = *keys;
	if (strcmp(dir, "-") == 0)
		return NULL;
	if (mw_sink_log_new(&cfg, err, sizeof(err), &found, &log) == 0)
		return log;
failed:
	fprintf(stderr, "%s\n", err);
	exit(1);
}

static void append(const char *dir, const char *keys_dir, const char *records)
{
	struct mw_keys *keys;
	struct feed f = { .log = open_log(dir, keys_dir, &keys) };
	int fd = open(records, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint64_t begin, cpu, appended, end;
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(records);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		die(records);
	begin = now();
	cpu = now_of(CLOCK_PROCESS_CPUTIME_ID);
	feed_all(&f, p, (size_t)st.st_size);
	appended = now();
	answer(&f, UINT64_MAX);
	if (mw_sink_flush(f.log) < 0)
		die("flush");
	end = now();
	cpu = now_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	mw_sink_free(f.log);
	mw_keys_free(keys);
	printf("records %llu bytes %llu seals %llu append_s %.3f all_s %.3f cpu_s %.3f\n",
	       (unsigned long long)f.seq, (unsigned long long)f.bytes, (unsigned long long)f.seals,
	       (double)(appended - begin) / 1e9, (double)(end - begin) / 1e9, (double)cpu / 1e9);
}

/* --- pipeline ------------------------------------------------------------------------------------
 */

/* The capture's time goes on from now: the log seals by the clock. */
struct shifted {
	struct mw_source source;
	struct mw_source *capture;
	uint64_t by;
};

static int shifted_next(struct mw_source *source, int timeout_ms, const void **ret)
{
	struct shifted *s = (struct shifted *)source;
	int r = mw_source_next(s->capture, timeout_ms, ret);
	struct mw_event_hdr *h;

	if (r <= 0)
		return r;
	h = (struct mw_event_hdr *)(uintptr_t)*ret; /* stands in the capture's own buffer */
	if (!s->by)
		s->by = now() - h->ts_ns;
	h->ts_ns += s->by;
	return r;
}

static const struct mw_source_ops shifted_ops = { .next = shifted_next };

static struct mw_rules *default_rules(void)
{
	struct mw_rules *rules;
	char text[MW_ERR_MAX];
	struct mw_yaml_err err = { text, sizeof(text) };

	if (mw_rules_new(&rules) < 0 || mw_rules_add_default(rules, err) < 0 ||
	    mw_rules_finish(rules, true, err) < 0)
		die("rules");
	return rules;
}

static void pipeline(const char *dir, const char *keys_dir, const char *capture)
{
	struct shifted source = { .source.ops = &shifted_ops };
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256, .mac = mw_mac_run };
	struct mw_pump pump = { .source = &source.source, .raw_fd = -1 };
	struct mw_rules *rules = default_rules();
	struct mw_engine_stats stats;
	struct mw_keys *keys;
	char err[MW_ERR_MAX];
	uint64_t begin, cpu;
	int r;

	pump.sinks[0] = open_log(dir, keys_dir, &keys);
	pump.n_sinks = pump.sinks[0] ? 1 : 0;
	cfg.mac_ctx = mw_keys_mac(keys);
	cfg.redact = mw_rules_redact(rules);
	if (mw_source_replay_new(capture, err, sizeof(err), &source.capture) < 0 ||
	    mw_engine_new(&cfg, &pump.engine) < 0)
		die(capture);
	begin = now();
	cpu = now_of(CLOCK_PROCESS_CPUTIME_ID);
	do
		r = mw_pump_step(&pump, 0);
	while (r >= 0);
	if (r != -ENODATA || mw_pump_finish(&pump) < 0)
		die("the pipeline");
	mw_engine_stats(pump.engine, &stats);
	printf("calls %llu records %llu gaps %llu all_s %.3f cpu_s %.3f\n",
	       (unsigned long long)stats.calls, (unsigned long long)stats.records,
	       (unsigned long long)stats.gaps, (double)(now() - begin) / 1e9,
	       (double)(now_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e9);
	mw_engine_free(pump.engine);
	mw_sink_free(pump.sinks[0]);
	mw_source_free(source.capture);
	mw_rules_free(rules);
	mw_keys_free(keys);
}

int main(int argc, char **argv)
{
	mw_heap_init();
	if (argc == 4 && strcmp(argv[1], "sync") == 0)
		sync_latency(argv[2], number(argv[3]));
	else if (argc == 5 && strcmp(argv[1], "append") == 0)
		append(argv[2], argv[3], argv[4]);
	else if (argc == 5 && strcmp(argv[1], "pipeline") == 0)
		pipeline(argv[2], argv[3], argv[4]);
	else
		return 2;
	return 0;
}
