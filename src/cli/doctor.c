/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.c - the verb `doctor`: what this kernel allows, what will be used, what stays unseen */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "core/event.h"
#include "io/file.h"
#include "io/probe.h"
#include "io/runtime.h"
#include "io/source_bpf.h"

#define LIVE_TIMEOUT_MS 5000
/* Opened for the live event: it is everywhere, and nothing happens by it. */
#define LIVE_PATH "/dev/null"

struct doctor_opts {
	bool live, json;
};

static const struct mw_option table[] = {
	MW_OPTION_FLAG("live", 0, offsetof(struct doctor_opts, live),
		       "also load everything, make a real event (open " LIVE_PATH
		       ") and wait for it"),
	MW_OPTION_FLAG("json", 0, offsetof(struct doctor_opts, json), "as one JSON object"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "doctor [--live] [--json]",
	.what = "Tries what this kernel and this user allow, says which sources of events will be\n"
		"used and what stays unseen. Exit status 1 if observing is not possible.\n",
	.table = table,
};

/* What no kernel lets this version see. */
static const char *const unseen[] = {
	"what is said over TLS: servers reached by https give no calls",
	"bytes of files that mmap or io_uring move, and what an io_uring operation gave",
	"the bytes that io_uring, splice, sendfile and tee move: each is a gap of known length",
};

static const char unseen_uring[] = "on this kernel: that io_uring moves bytes at all";

/* Whose tasks are read, so that what a call did is proven by the runtime (link `causal`). */
static const struct runtime {
	const char *name, *tasks;
	const char *(*tested)(void); /* versions, "" for none */
	const char *needs;	     /* a probe's name, or NULL */
} runtimes[] = {
	{ "Go", "goroutines, amd64", mw_runtime_go_tested, NULL },
	{ "Python", "context variables", mw_runtime_python_tested, NULL },
	{ "node", "libuv's requests and callbacks, amd64", mw_runtime_node_tested, "uprobe" },
};

#define N_RUNTIMES (sizeof(runtimes) / sizeof(runtimes[0]))

static const char fall_back[] =
    "other versions and runtimes: ties by argument, file, order and time, at most `likely`";

struct live {
	bool tried, seen;
	double ms;
	char err[MW_ERR_MAX];
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static bool is_ours(const struct mw_event_hdr *h, int fd)
{
	const struct mw_ev_act *act = (const void *)h;
	struct mw_slice path;

	if (h->type != MW_EV_ACT || h->tgid != (uint32_t)getpid() || act->op != MW_OP_OPEN)
		return false;
	path = mw_event_act_strings(act).path;
	return act->ret == fd && mw_slice_eq_str(path, LIVE_PATH);
}

static void wait_for_it(struct mw_source *s, int fd, struct live *live)
{
	double start = now_ms();
	const void *ev;
	int r;

	while (now_ms() - start < LIVE_TIMEOUT_MS) {
		r = mw_source_next(s, 100, &ev);
		if (r < 0 && r != -EINTR) {
			snprintf(live->err, sizeof(live->err), "reading events failed: %s",
				 strerror(-r));
			return;
		}
		if (r > 0 && mw_event_check(ev, (size_t)r) == r && is_ours(ev, fd)) {
			live->seen = true;
			live->ms = now_ms() - start;
			return;
		}
	}
	snprintf(live->err, sizeof(live->err),
		 "everything loaded, but the event did not come within %d s",
		 LIVE_TIMEOUT_MS / 1000);
}

static void try_live(struct live *live)
{
	struct mw_source_bpf_config cfg = { .err = live->err, .err_len = sizeof(live->err) };
	struct mw_source *s;
	int r, fd;

	live->tried = true;
	r = mw_source_bpf_new(&cfg, &s);
	if (r < 0) {
		if (!live->err[0])
			snprintf(live->err, sizeof(live->err), "%s", strerror(-r));
		return;
	}
	r = mw_source_bpf_tag(s, (uint32_t)getpid(), MW_SOURCE_OBSERVED);
	fd = open(LIVE_PATH, O_RDONLY | O_CLOEXEC);
	if (r < 0 || fd < 0)
		snprintf(live->err, sizeof(live->err), "cannot make the event: %s",
			 strerror(r < 0 ? -r : errno));
	else
		wait_for_it(s, fd, live);
	mw_close(&fd);
	mw_source_free(s);
}

static const struct mw_probe_item *find(const struct mw_probe_report *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->n_items; i++)
		if (strcmp(p->item[i].name, name) == 0)
			return &p->item[i];
	return NULL;
}

static void print_items(const struct mw_probe_report *p, bool needed)
{
	size_t i;

	printf("\n%s\n", needed ? "Needed" : "Not needed");
	for (i = 0; i < p->n_items; i++) {
		const struct mw_probe_item *it = &p->item[i];

		if (it->needed != needed)
			continue;
		printf("  %-4s %-14s %s\n", it->ok ? "yes" : "NO", it->name, it->means);
		if (!it->ok && it->err)
			printf("  %-19s (%s)\n", "", strerror(it->err));
	}
}

static bool has_fentry(const struct mw_probe_report *p)
{
	const struct mw_probe_item *it = find(p, "fentry");

	return it && it->ok;
}

static bool has_uring(const struct mw_probe_report *p)
{
	const struct mw_probe_item *it = find(p, "io_uring");

	return it && it->ok;
}

static size_t sources_of(const struct mw_probe_report *p, const char *ret[MW_SOURCE_BPF_NAMES_MAX])
{
	return p->can_run ? mw_source_bpf_names(has_uring(p), has_fentry(p), ret) : 0;
}

static bool is_read(const struct mw_probe_report *p, const struct runtime *r)
{
	const struct mw_probe_item *it = r->needs ? find(p, r->needs) : NULL;

	return r->tested()[0] && (!r->needs || (it && it->ok));
}

static void print_runtimes(const struct mw_probe_report *p)
{
	puts("\nRuntimes whose calls are told apart by proof (versions that tests have run)");
	for (size_t i = 0; i < N_RUNTIMES; i++) {
		const struct runtime *r = &runtimes[i];
		const char *tested = r->tested();

		if (is_read(p, r))
			printf("  yes  %-7s %s: %s\n", r->name, tested, r->tasks);
		else if (tested[0])
			printf("  NO   %-7s %s: it needs %s\n", r->name, tested, r->needs);
		else
			printf("  NO   %-7s recognised, its tasks are not read\n", r->name);
	}
	printf("       %s\n", fall_back);
}

static void print_text(const struct mw_probe_report *p, const struct live *live)
{
	const struct mw_probe_item *root = find(p, "root"), *cap = find(p, "cap_bpf");
	const char *sources[MW_SOURCE_BPF_NAMES_MAX];
	const size_t n_sources = sources_of(p, sources);
	size_t i;

	printf("kernel %s, %s, %lu cpus\n", p->kernel, p->machine, p->n_cpus);
	print_items(p, true);
	print_items(p, false);
	puts("\nSources of events");
	for (i = 0; i < n_sources; i++)
		printf("  %s\n", sources[i]);
	if (!n_sources)
		puts("  none");
	print_runtimes(p);
	puts("\nStays unseen");
	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		printf("  %s\n", unseen[i]);
	if (!has_uring(p))
		printf("  %s\n", unseen_uring);
	putchar('\n');
	if (live->tried && live->seen)
		printf("A real event was made and came after %.1f ms.\n", live->ms);
	if (p->can_run && !(live->tried && !live->seen))
		puts("This host can be observed.");
	else if (!p->can_run && ((root && !root->ok) || (cap && !cap->ok)))
		puts("This host cannot be observed by this user: run it as root.");
	else
		puts("This host cannot be observed.");
}

/* Strings of the report are fixed text and the kernel's own names: none needs escaping. */
static void print_json(const struct mw_probe_report *p, const struct live *live, bool possible)
{
	const char *sources[MW_SOURCE_BPF_NAMES_MAX];
	const size_t n_sources = sources_of(p, sources);
	size_t i;

	printf("{\"kernel\":\"%s\",\"machine\":\"%s\",\"cpus\":%lu,\"possible\":%s,\"probes\":[",
	       p->kernel, p->machine, p->n_cpus, possible ? "true" : "false");
	for (i = 0; i < p->n_items; i++) {
		const struct mw_probe_item *it = &p->item[i];

		printf("%s{\"name\":\"%s\",\"ok\":%s,\"needed\":%s", i ? "," : "", it->name,
		       it->ok ? "true" : "false", it->needed ? "true" : "false");
		if (!it->ok && it->err)
			printf(",\"error\":\"%s\"", strerror(it->err));
		printf(",\"means\":\"%s\"}", it->means);
	}
	fputs("],\"sources\":[", stdout);
	for (i = 0; i < n_sources; i++)
		printf("%s\"%s\"", i ? "," : "", sources[i]);
	fputs("],\"runtimes\":[", stdout);
	for (i = 0; i < N_RUNTIMES; i++)
		printf("%s{\"name\":\"%s\",\"causal\":%s,\"versions\":\"%s\"}", i ? "," : "",
		       runtimes[i].name, is_read(p, &runtimes[i]) ? "true" : "false",
		       runtimes[i].tested());
	fputs("],\"unseen\":[", stdout);
	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		printf("%s\"%s\"", i ? "," : "", unseen[i]);
	if (!has_uring(p))
		printf(",\"%s\"", unseen_uring);
	putchar(']');
	if (live->tried) {
		printf(",\"live\":{\"seen\":%s", live->seen ? "true" : "false");
		if (live->seen)
			printf(",\"ms\":%.3f", live->ms);
		putchar('}');
	}
	puts("}");
}

int cmd_doctor(int argc, char **argv)
{
	static struct mw_probe_report report;
	struct doctor_opts o = { 0 };
	struct live live = { 0 };
	bool possible;
	int r;

	r = mw_options_parse(&options, argc, argv, &o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	mw_probe_run(&report);
	if (o.live)
		try_live(&live);
	possible = report.can_run && !(live.tried && !live.seen);
	if (o.json)
		print_json(&report, &live, possible);
	else
		print_text(&report, &live);
	if (mw_cli_stdout_done() != MW_EXIT_OK)
		return MW_EXIT_FAIL;
	if (live.tried && !live.seen)
		return mw_cli_fail("no live event: %s", live.err);
	if (!possible)
		return mw_cli_fail("observing is not possible: what is needed is not there; "
				   "see above");
	return MW_EXIT_OK;
}
