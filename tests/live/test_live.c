/* SPDX-License-Identifier: Apache-2.0 */
/* test_live.c - the frame of the live tests; see live.h */
#include "live.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "io/probe.h"

struct live live = { .tag = MW_SOURCE_OBSERVED };

/* --- collecting ------------------------------------------------------------------------------ */

static void check_order(const struct mw_event_hdr *h)
{
	uint64_t expected;

	assert_true(h->len >= sizeof(*h) && h->len <= MW_EVENT_MAX && h->len % 8 == 0);
	if (h->cpu == MW_CPU_NONE)
		return;
	assert_true(h->cpu < 1024);
	expected = live.next_seq[h->cpu];
	live.next_seq[h->cpu] = h->seq + 1;
	assert_int_equal(h->seq, expected);
}

static bool take_one(int timeout_ms)
{
	const void *p;
	const struct mw_event_hdr *h;
	int r = mw_source_next(live.source, timeout_ms, &p);

	assert_true(r >= 0 || r == -EINTR);
	if (r <= 0)
		return false;
	h = p;
	assert_int_equal(h->len, r);
	check_order(h);
	if (live.n_ev == live.cap_ev) {
		live.cap_ev = live.cap_ev ? 2 * live.cap_ev : 256;
		live.ev = realloc(live.ev, live.cap_ev * sizeof(*live.ev));
		assert_non_null(live.ev);
	}
	live.ev[live.n_ev] = malloc(h->len);
	assert_non_null(live.ev[live.n_ev]);
	memcpy(live.ev[live.n_ev++], h, h->len);
	return true;
}

void live_drain(void)
{
	while (take_one(0))
		;
}

static void forget(void)
{
	for (size_t i = 0; i < live.n_ev; i++)
		free(live.ev[i]);
	live.n_ev = 0;
}

static uint64_t start_ticks(pid_t pid)
{
	char path[64], buf[1024], *p;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = '\0';
	p = strrchr(buf, ')');
	for (int field = 2; field < 22; field++)
		p = strchr(p + 1, ' ');
	return strtoull(p + 1, NULL, 10);
}

/* --- running --------------------------------------------------------------------------------- */

void live_stop(void)
{
	raise(SIGSTOP);
}

void live_run(int (*fn)(void *), void *arg)
{
	const char *seconds = getenv("LIVE_SECONDS"); /* an emulated machine is slow */
	time_t end = time(NULL) + (seconds ? strtol(seconds, NULL, 10) : 60);
	const struct mw_ev_lost *lost;
	int status;

	live_drain();
	forget();
	memset(live.sh, 0, sizeof(*live.sh));
	live.pid = fork();
	assert_true(live.pid >= 0);
	if (live.pid == 0) {
		raise(SIGSTOP);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(live.pid, &status, WUNTRACED), live.pid);
	assert_true(WIFSTOPPED(status));
	live.start_ticks = start_ticks(live.pid);
	assert_int_equal(mw_source_bpf_tag(live.source, (uint32_t)live.pid, live.tag), 0);
	kill(live.pid, SIGCONT);
	for (;;) {
		pid_t r;

		take_one(1);
		r = waitpid(live.pid, &status, WNOHANG | WUNTRACED);
		if (r == live.pid && WIFSTOPPED(status)) {
			live_drain();
			if (live.on_stop)
				live.on_stop();
			kill(live.pid, SIGCONT);
		} else if (r == live.pid) {
			break;
		}
		if (time(NULL) > end) {
			kill(live.pid, SIGKILL);
			fail_msg("the child did not end");
		}
	}
	live.status = status;
	live.on_stop = NULL;
	while (!live_nth(MW_EV_EXIT, live.pid, 0) && time(NULL) <= end)
		take_one(10);
	live_drain();
	lost = live_nth(MW_EV_LOST, 0, 0);
	if (lost)
		fail_msg("lost %llu for reason %u", (unsigned long long)lost->count, lost->reason);
	assert_int_equal(live_count(MW_EV_EXIT, live.pid), 1);
	assert_int_equal(mw_source_bpf_tag_of(live.source, (uint32_t)live.pid), 0);
}

void live_keep_all(void)
{
	for (size_t i = 0; i < live.n_ev; i++) {
		const struct mw_ev_io *e = (const void *)live.ev[i];
		struct mw_control c = { .kind = MW_CONTROL_CHAN_KEEP };

		if (e->hdr.type != MW_EV_IO)
			continue;
		c.chan = e->chan;
		c.gen = e->gen;
		assert_int_equal(mw_source_control(live.source, &c), 0);
	}
}

/* --- looking --------------------------------------------------------------------------------- */

const void *live_nth(uint16_t type, pid_t pid, size_t n)
{
	for (size_t i = 0; i < live.n_ev; i++) {
		const struct mw_event_hdr *h = live.ev[i];

		if (h->type == type && (!pid || h->tgid == (uint32_t)pid) && n-- == 0)
			return h;
	}
	return NULL;
}

size_t live_count(uint16_t type, pid_t pid)
{
	size_t n = 0;

	while (live_nth(type, pid, n))
		n++;
	return n;
}

void live_check_hdr(const struct mw_event_hdr *h)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	assert_true(h->ts_ns <= (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
	assert_true(h->ts_ns > h->start_ns);
	assert_int_equal(h->start_ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK)),
			 live.start_ticks);
	assert_int_equal(h->tgid, live.pid);
	assert_int_equal(h->tid, live.pid);
	if (!live.other_uid || h->uid != live.other_uid)
		assert_int_equal(h->uid, geteuid());
	assert_true(h->cpu < (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
	assert_int_equal(h->flags & MW_EVF_CANDIDATE,
			 live.tag == MW_SOURCE_OBSERVED ? 0 : MW_EVF_CANDIDATE);
}

/* An action of the child with this op. */
static const struct mw_ev_act *as_act(const struct mw_event_hdr *h, uint16_t op)
{
	const struct mw_ev_act *e = (const void *)h;

	return h->type == MW_EV_ACT && h->tgid == (uint32_t)live.pid && e->op == op ? e : NULL;
}

static const struct mw_ev_act *nth_act(uint16_t op, size_t n)
{
	for (size_t i = 0; i < live.n_ev; i++)
		if (as_act(live.ev[i], op) && n-- == 0)
			return (const void *)live.ev[i];
	return NULL;
}

size_t live_count_act(uint16_t op)
{
	size_t n = 0;

	for (size_t i = 0; i < live.n_ev; i++)
		n += as_act(live.ev[i], op) != NULL;
	return n;
}

static char *cut_string(const char **p, size_t n)
{
	char *s = calloc(1, n + 1);

	assert_non_null(s);
	memcpy(s, *p, n);
	*p += n;
	return s;
}

bool live_hooks(void)
{
	static int err = -1;

	if (err < 0)
		err = mw_probe_hooks();
	return !err;
}

static uint64_t own_mntns(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	return st.st_ino;
}

void live_check_path(const char *path, const char *want)
{
	size_t n = strlen(path), m = strlen(want);

	assert_string_equal(live.other_mntns && n > m ? path + n - m : path, want);
}

void live_check_object(const struct live_act *a, const char *path, int path_state)
{
	live_check_path(a->path, path);
	assert_int_equal(a->e->path_state, path_state);
	assert_int_equal(a->e->path_from, 1);
	assert_true(a->e->dev && a->e->ino);
}

void live_check_no_object(const struct live_act *a)
{
	assert_string_equal(a->path, "");
	assert_int_equal(a->e->path_state, MW_PATH_NONE);
	assert_int_equal(a->e->path_from, 0);
	assert_int_equal(a->e->dev | a->e->ino, 0);
}

struct live_act live_act(uint16_t op, size_t n)
{
	struct live_act a = { .e = nth_act(op, n) };
	const char *p;

	assert_non_null(a.e);
	live_check_hdr(&a.e->hdr);
	if (!live.other_mntns)
		assert_int_equal(a.e->mntns, own_mntns());
	p = (const char *)(a.e + 1);
	a.path = cut_string(&p, a.e->path_len);
	a.base = cut_string(&p, a.e->base_len);
	a.asked = cut_string(&p, a.e->asked_len);
	a.base2 = cut_string(&p, a.e->base2_len);
	a.asked2 = cut_string(&p, a.e->asked2_len);
	assert_true(p <= (const char *)a.e + a.e->hdr.len);
	for (; p < (const char *)a.e + a.e->hdr.len; p++)
		assert_int_equal(*p, 0);
	return a;
}

void live_act_done(struct live_act *a)
{
	free(a->path);
	free(a->base);
	free(a->asked);
	free(a->base2);
	free(a->asked2);
}

struct live_proc live_proc(const void *ev)
{
	struct live_proc r = { .e = ev };
	const char *p;

	assert_non_null(ev);
	p = (const char *)(r.e + 1);
	r.exe = cut_string(&p, r.e->exe_len);
	r.argv = cut_string(&p, r.e->argv_len);
	r.cwd = cut_string(&p, r.e->cwd_len);
	r.cgroup = cut_string(&p, r.e->cgroup_len);
	assert_true(p <= (const char *)ev + r.e->hdr.len && p + 8 > (const char *)ev + r.e->hdr.len);
	return r;
}

void live_proc_done(struct live_proc *p)
{
	free(p->exe);
	free(p->argv);
	free(p->cwd);
	free(p->cgroup);
}

void live_check_ino(uint64_t dev, uint64_t ino, const char *path)
{
	struct statfs fs;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(statfs(path, &fs), 0);
	assert_true(dev && ino);
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return;
	assert_int_equal(dev, (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev));
	assert_int_equal(ino, st.st_ino);
}

bool live_overlay(void)
{
	struct statfs fs;

	return !statfs(live.dir, &fs) && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

uint8_t live_byte(uint64_t off)
{
	return (uint8_t)(off * 131 + (off >> 8) * 7 + (off >> 16));
}

void live_fill(uint8_t *p, size_t n, uint64_t off)
{
	for (size_t i = 0; i < n; i++)
		p[i] = live_byte(off + i);
}

const struct mw_ev_io *live_io(pid_t pid, int dir, size_t n)
{
	const struct mw_ev_io *e;

	for (size_t i = 0; (e = live_nth(MW_EV_IO, pid, i)); i++)
		if (e->dir == dir && n-- == 0)
			return e;
	return NULL;
}

const struct mw_ev_io *live_check_stream(pid_t pid, int dir, uint64_t chan, uint64_t total)
{
	const struct mw_ev_io *e, *first = NULL;
	uint64_t off = 0;

	for (size_t n = 0; (e = live_io(pid, dir, n)); n++) {
		const uint8_t *p = (const uint8_t *)(e + 1);

		if (chan && e->chan != chan)
			continue;
		if (!first)
			first = e;
		if (e->chan != first->chan)
			continue;
		assert_int_equal(e->gen, first->gen);
		assert_int_equal(e->ino, first->ino);
		assert_int_equal(e->off, off);
		assert_int_equal(e->miss, MW_MISS_NONE);
		assert_int_equal(e->captured, e->moved);
		assert_true(e->moved > 0 && e->moved <= MW_IO_CHUNK);
		assert_true(e->call_off + e->moved <= e->call_len);
		assert_int_equal(e->hdr.len, (sizeof(*e) + e->captured + 7) & ~7ul);
		for (uint32_t i = 0; i < e->captured; i++)
			if (p[i] != live_byte(off + i))
				fail_msg("byte %llu differs", (unsigned long long)(off + i));
		for (const uint8_t *q = p + e->captured; q < (const uint8_t *)e + e->hdr.len; q++)
			assert_int_equal(*q, 0);
		off += e->moved;
	}
	assert_int_equal(off, total);
	return first;
}

/* --- frame ----------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	char err[512] = "";
	/* a ring in which all of a test finds room: losing is not what is tested here */
	struct mw_source_bpf_config cfg = {
		.ring_len = 64 << 20, .undecided_max = 4 << 20, .err = err, .err_len = sizeof(err)
	};
	const struct mw_ev_meta *meta;
	const void *p;

	(void)state;
	if (mw_source_bpf_new(&cfg, &live.source) < 0) {
		print_error("no source: %s\n", err);
		return -1;
	}
	live.sh = mmap(NULL, sizeof(*live.sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	assert_true(live.sh != MAP_FAILED);
	snprintf(live.dir, sizeof(live.dir), "/tmp/mcpwatch-live-%d", (int)getpid());
	assert_int_equal(mkdir(live.dir, 0700), 0);
	assert_int_equal(chdir(live.dir), 0);

	assert_true(mw_source_next(live.source, 0, &p) > 0);
	meta = p;
	assert_int_equal(meta->hdr.type, MW_EV_META);
	assert_int_equal(meta->version, MW_EVENT_VERSION);
	return 0;
}

static int tear_down(void **state)
{
	char cmd[128];

	(void)state;
	forget();
	free(live.ev);
	mw_source_free(live.source);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", live.dir);
	return chdir("/") || system(cmd) ? -1 : 0;
}

int main(void)
{
	static const struct {
		const struct CMUnitTest *t;
		const size_t *n;
	} part[] = {
		{ live_io_tests, &n_live_io_tests },
		{ live_chan_tests, &n_live_chan_tests },
		{ live_file_tests, &n_live_file_tests },
		{ live_fileop_tests, &n_live_fileop_tests },
		{ live_filefd_tests, &n_live_filefd_tests },
		{ live_filebytes_tests, &n_live_filebytes_tests },
		{ live_proc_tests, &n_live_proc_tests },
		{ live_procop_tests, &n_live_procop_tests },
		{ live_net_tests, &n_live_net_tests },
		{ live_netop_tests, &n_live_netop_tests },
		{ live_kernelop_tests, &n_live_kernelop_tests },
		{ live_bound_tests, &n_live_bound_tests },
		{ live_uring_tests, &n_live_uring_tests },
		{ live_tag_tests, &n_live_tag_tests },
		{ live_close_tests, &n_live_close_tests },
		{ live_ask_tests, &n_live_ask_tests },
		{ live_runtime_go_tests, &n_live_runtime_go_tests },
		{ live_runtime_python_tests, &n_live_runtime_python_tests },
		{ live_runtime_node_tests, &n_live_runtime_node_tests },
	};
	static struct CMUnitTest all[256];
	const char *filter = getenv("CMOCKA_TEST_FILTER");
	size_t n = 0;

	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++)
		for (size_t j = 0; j < *part[i].n && n < 256; j++)
			all[n++] = part[i].t[j];
	if (filter)
		cmocka_set_test_filter(filter);
	signal(SIGPIPE, SIG_IGN);
	return _cmocka_run_group_tests("live", all, n, set_up, tear_down) ? 1 : 0;
}
