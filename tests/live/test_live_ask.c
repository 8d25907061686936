/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_ask.c - limits, wake-ups, and what user space asks of the kernel side */
#include "watch.h"

#include <limits.h>
#include <time.h>

#include <mcpwatch/loader.h>

/* --- limits, wake-ups, asking ---------------------------------------------------------------- */

static int fill_pipe(int what)
{
	static char buf[3000];
	static int p[2];

	if (what == 'o')
		return pipe(p);
	return write(p[1], buf, sizeof(buf)) != sizeof(buf);
}

static void test_candidates_have_a_limit_of_their_own(void **state)
{
	const struct mw_ev_io *io;
	uint64_t captured = 0;
	struct puppet p;

	(void)state;
	watch_begin(false, 20000, 4000);
	p = watch_puppet_start(fill_pipe);
	assert_int_equal(watch_tell(&p, 'o'), 0);
	mw_source_bpf_tag(watch.source, (uint32_t)p.pid, MW_SOURCE_CANDIDATE);
	assert_int_equal(watch_tell(&p, 'w'), 0);
	assert_int_equal(watch_tell(&p, 'w'), 0);
	assert_int_equal(mw_source_bpf_tag_change(watch.source, (uint32_t)p.pid, MW_SOURCE_OBSERVED,
						  MW_SOURCE_CANDIDATE),
			 0);
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)p.pid), MW_SOURCE_OBSERVED);
	assert_int_equal(watch_tell(&p, 'w'), 0);
	watch_collect();
	for (size_t i = 0; (io = watch_nth(MW_EV_IO, (uint32_t)p.pid, i)); i++)
		if (io->call_len == 3000)
			captured += io->captured;
	assert_int_equal(captured, 4000 + 3000);
	assert_int_equal(mw_source_bpf_tag_change(watch.source, 0, 1, 0), -ERANGE);
	assert_int_equal(mw_source_bpf_tag_change(watch.source, MW_N_TAGS, 1, 0), -ERANGE);
	watch_puppet_end(&p);
	watch_end();
}

/* --- the environment of a process ------------------------------------------------------------ */

static int in_env(int what)
{
	static const char *const args[] = { "sleep", "60", NULL };
	static const char *const env[] = { "API_KEY=k-1", "EMPTY=", "X=a=b", NULL };
	static char *big[] = { NULL, NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	if (what == 'b') {
		big[0] = malloc(100000);
		memset(big[0], 'b', 99999);
		big[0][99999] = '\0';
	}
	execve("/bin/sleep", (char *const *)args, what == 'b' ? big : (char *const *)env);
	_exit(1);
}

/* It runs /bin/sleep by now. */
static void wait_exec(int pid)
{
	char path[32], exe[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	for (int i = 0; i < 20000 && strncmp(exe, "sleep", 5) != 0; i++) {
		int fd = open(path, O_RDONLY);

		if (fd >= 0 && read(fd, exe, sizeof(exe) - 1) < 0)
			exe[0] = '\0';
		if (fd >= 0)
			close(fd);
		usleep(1000);
	}
	assert_int_equal(strncmp(exe, "sleep", 5), 0);
}

static void test_environment(void **state)
{
	static const char want[] = "API_KEY=k-1\0EMPTY=\0X=a=b";
	struct mw_control ask = { .kind = MW_CONTROL_ENV };
	const struct mw_ev_env *e;
	const struct mw_ev_proc *p;
	int pid, big;

	(void)state;
	watch_begin(false, 0, 0);
	pid = in_env('e');
	big = in_env('b');
	wait_exec(pid);
	wait_exec(big);
	assert_int_equal(mw_source_bpf_snapshot(watch.source, (uint32_t)pid), 0);
	assert_int_equal(mw_source_bpf_snapshot(watch.source, (uint32_t)big), 0);
	watch_collect();
	assert_int_equal(watch_count(MW_EV_ENV, 0), 0); /* nobody asked */
	p = watch_nth(MW_EV_PROC, (uint32_t)pid, 0);
	assert_non_null(p);
	ask.tgid = (uint32_t)pid;
	ask.start_ns = p->hdr.start_ns;
	assert_int_equal(mw_source_control(watch.source, &ask), 0);
	ask.start_ns += 1000000000; /* another process had that pid */
	assert_int_equal(mw_source_control(watch.source, &ask), 0);
	ask.tgid = (uint32_t)big;
	ask.start_ns = ((const struct mw_ev_proc *)watch_nth(MW_EV_PROC, (uint32_t)big, 0))->hdr.start_ns;
	assert_int_equal(mw_source_control(watch.source, &ask), 0);
	/* a slow machine: the next tick asks again */
	for (int i = 0; i < 3000 && (!watch_count(MW_EV_ENV, (uint32_t)pid) ||
				     !watch_count(MW_EV_ENV, (uint32_t)big));
	     i++) {
		usleep(10000);
		watch_collect();
	}
	assert_int_equal(watch_count(MW_EV_ENV, (uint32_t)pid), 1);
	e = watch_nth(MW_EV_ENV, (uint32_t)pid, 0);
	assert_int_equal(e->hdr.start_ns, p->hdr.start_ns);
	assert_int_equal(e->hdr.cpu, MW_CPU_NONE);
	assert_int_equal(e->env_len, sizeof(want));
	assert_memory_equal(e + 1, want, sizeof(want));
	assert_int_equal(e->cut, 0);
	e = watch_nth(MW_EV_ENV, (uint32_t)big, 0);
	assert_non_null(e);
	assert_int_equal(e->env_len, MW_ENV_MAX);
	assert_int_equal(e->cut, 1);
	kill(pid, SIGKILL);
	kill(big, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waitpid(big, NULL, 0), big);
	watch_end();
}

/* Milliseconds until the first event of a new channel is there. */
static long until_first(struct puppet *p)
{
	struct timespec a, b;
	const void *ev;
	int r;

	assert_int_equal(watch_tell(p, 'o'), 0);
	watch_collect();
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(write(p->ask, "w", 1), 1);
	do {
		r = mw_source_next(watch.source, 90, &ev);
	} while (r > 0 && ((const struct mw_event_hdr *)ev)->type != MW_EV_IO);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(read(p->answer, &r, sizeof(r)), sizeof(r));
	return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

/*
 * The reader sleeps; the first event of a channel wakes it long before it would look by itself. A
 * machine with other things to do may be late now and then, but not each time.
 */
static void test_first_event_wakes(void **state)
{
	long least = LONG_MAX;
	struct puppet p;

	(void)state;
	watch_begin(false, 0, 0);
	p = watch_puppet_start(fill_pipe);
	mw_source_bpf_tag(watch.source, (uint32_t)p.pid, MW_SOURCE_CANDIDATE);
	for (int i = 0; i < LIVE_N && least >= 50; i++) {
		long took = until_first(&p);

		least = took < least ? took : least;
	}
	assert_true(least < 50);
	watch_puppet_end(&p);
	watch_end();
}

static int pipe_talk(int what)
{
	static int p[2];

	if (what == 'o') {
		if (pipe(p))
			return 1;
		live.sh->v[3] = p[1];
		live.sh->v[4] = (int64_t)watch_ino_of(p[1]);
		return 0;
	}
	return write(p[1], "streamed", 8) != 8;
}

/* A channel found among the open files is watched; a stream process is seen on it from then on. */
static void test_watch(void **state)
{
	const struct mw_ev_io *io;
	struct mw_fd_info *f;
	struct mw_control c = { .kind = MW_CONTROL_CHAN_DROP };
	uint64_t chan = 0;
	struct puppet p;
	size_t n;

	(void)state;
	watch_begin(false, 0, 0);
	p = watch_puppet_start(pipe_talk);
	assert_int_equal(watch_tell(&p, 'o'), 0);
	assert_int_equal(
	    mw_source_bpf_tag_change(watch.source, (uint32_t)p.pid, MW_SOURCE_STREAM, 0), 0);
	assert_int_equal(watch_tell(&p, 'w'), 0);
	assert_int_equal(mw_source_bpf_files(watch.source, &f, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (f[i].tgid == (uint32_t)p.pid && f[i].fd == live.sh->v[3]) {
			assert_int_equal(f[i].is, MW_FD_PIPE);
			assert_int_equal(f[i].ino, live.sh->v[4]);
			assert_int_equal(f[i].readable, 0);
			assert_int_equal(f[i].writable, 1);
			chan = f[i].chan;
		}
	free(f);
	assert_true(chan != 0);
	assert_int_equal(mw_source_bpf_watch(watch.source, chan, (uint64_t)live.sh->v[4]), 0);
	assert_int_equal(watch_tell(&p, 'w'), 0);
	watch_collect();
	assert_int_equal(watch_count(MW_EV_IO, 0), 1);
	io = watch_nth(MW_EV_IO, (uint32_t)p.pid, 0);
	assert_int_equal(io->chan, chan);
	assert_int_equal(io->off, 0); /* from the first touch on */
	assert_int_equal(io->hdr.flags, MW_EVF_STREAM);
	assert_memory_equal(io + 1, "streamed", 8);
	c.chan = io->chan;
	c.gen = io->gen;
	assert_int_equal(mw_source_control(watch.source, &c), 0);
	assert_int_equal(watch_tell(&p, 'w'), 0);
	watch_collect();
	assert_int_equal(watch_count(MW_EV_IO, 0), 1);
	c.kind = MW_CONTROL_SERVER;
	assert_int_equal(mw_source_control(watch.source, &c), -EOPNOTSUPP);
	c.kind = MW_CONTROL_CLIENT;
	assert_int_equal(mw_source_control(watch.source, &c), -EOPNOTSUPP);
	watch_puppet_end(&p);
	watch_end();
}

static void test_name(void **state)
{
	static char longer[MW_PATH_MAX + 2];
	const struct mw_ev_name *e;

	(void)state;
	watch_begin(false, 0, 0);
	memset(longer, 'x', sizeof(longer) - 1);
	assert_int_equal(mw_source_bpf_name(watch.source, 4711, 99, "files", "/home/u/.mcp.json"),
			 0);
	assert_int_equal(mw_source_bpf_name(watch.source, 4711, 99, longer, "x"), -E2BIG);
	watch_collect();
	assert_int_equal(watch_count(MW_EV_NAME, 0), 1);
	e = watch_nth(MW_EV_NAME, 4711, 0);
	assert_int_equal(e->hdr.start_ns, 99);
	assert_int_equal(e->hdr.cpu, MW_CPU_NONE);
	assert_int_equal(e->name_len, 5);
	assert_int_equal(e->file_len, 17);
	assert_memory_equal(e + 1, "files/home/u/.mcp.json", 22);
	watch_end();
}

/* A thread that was made while its process had no tag, and one whose stack was another's before. */
static void test_tags_reach_every_thread(void **state)
{
	struct puppet p;

	(void)state;
	watch_begin(false, 0, 0);
	p = watch_puppet_start(pipe_talk);
	assert_int_equal(watch_tell(&p, 'o'), 0);
	for (int i = 0; i < LIVE_N; i++) {
		/* known to have none, then tagged, then not */
		assert_int_equal(watch_tell(&p, 'w'), 0);
		mw_source_bpf_tag(watch.source, (uint32_t)p.pid, MW_SOURCE_OBSERVED);
		assert_int_equal(watch_tell(&p, 'w'), 0);
		mw_source_bpf_tag(watch.source, (uint32_t)p.pid, 0);
	}
	watch_collect();
	for (size_t i = 0, n = 0; i < watch.n_ev; i++)
		if (watch.ev[i]->type == MW_EV_IO &&
		    ((struct mw_ev_io *)(void *)watch.ev[i])->call_len == 8)
			assert_true(++n <= LIVE_N);
	assert_true(watch_count(MW_EV_IO, (uint32_t)p.pid) >= LIVE_N);
	watch_puppet_end(&p);
	watch_end();
}

const struct CMUnitTest live_ask_tests[] = {
	cmocka_unit_test(test_candidates_have_a_limit_of_their_own),
	cmocka_unit_test(test_first_event_wakes),
	cmocka_unit_test(test_environment),
	cmocka_unit_test(test_watch),
	cmocka_unit_test(test_name),
	cmocka_unit_test(test_tags_reach_every_thread),
};
const size_t n_live_ask_tests = sizeof(live_ask_tests) / sizeof(*live_ask_tests);
