/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_tag.c - how the kernel side sets tags, and what each brings */
#include "watch.h"

#include <mcpwatch/loader.h>

/* --- exec ------------------------------------------------------------------------------------ */

static void test_exec_candidate(void **state)
{
	struct mw_fd_info *f = NULL;
	const struct mw_ev_proc *x;
	const struct mw_ev_io *io;
	int in[2], out[2], status;
	size_t n = 0, found = 0;
	char buf[8];
	pid_t pid;

	(void)state;
	watch_begin(true, 0, 0);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[0], 1);
		close(in[1]);
		close(out[1]);
		execl("/bin/cat", "cat", NULL);
		_exit(1);
	}
	close(in[0]);
	close(out[0]);
	assert_int_equal(write(in[1], "line\n", 5), 5);
	assert_int_equal(read(out[1], buf, 8), 5);
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)pid), MW_SOURCE_CANDIDATE);
	/* who started it is this process, and a source never has itself observed */
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)getpid()), 0);
	assert_int_equal(mw_source_bpf_files(watch.source, &f, &n), 0);
	close(in[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	watch_collect();
	x = watch_nth(MW_EV_EXEC, (uint32_t)pid, 0);
	assert_non_null(x);
	assert_int_equal(x->hdr.flags, MW_EVF_CANDIDATE);
	assert_true(x->chan_in && x->chan_out);
	for (size_t i = 0; (io = watch_nth(MW_EV_IO, (uint32_t)pid, i)); i++) {
		assert_int_equal(io->hdr.flags, MW_EVF_CANDIDATE);
		assert_int_equal(io->chan, io->dir == MW_DIR_READ ? x->chan_in : x->chan_out);
		assert_true(io->gen < x->hdr.ts_ns); /* the entries were there before it ran */
		assert_int_equal(io->off, 0);
		assert_memory_equal(io + 1, "line\n", 5);
	}
	assert_int_equal(watch_count(MW_EV_IO, (uint32_t)pid), 2);
	for (size_t i = 0; i < n; i++) {
		if (f[i].tgid != (uint32_t)pid || f[i].fd > 1)
			continue;
		found++;
		assert_int_equal(f[i].is, f[i].fd ? MW_FD_UNIX : MW_FD_PIPE);
		assert_int_equal(f[i].chan, f[i].fd ? x->chan_out : x->chan_in);
		assert_int_equal(f[i].readable, 1);
		assert_int_equal(f[i].writable, f[i].fd);
		assert_int_equal(f[i].other != 0, f[i].fd);
		assert_true(f[i].ino);
	}
	assert_int_equal(found, 2);
	free(f);
	close(out[1]);
	watch_end();
}

/* The parent of a candidate is seen on its channels, and nowhere else. */
static int parent_talks(int what)
{
	int in[2], out[2], other[2], status;
	char buf[16];
	pid_t pid;

	(void)what;
	if (pipe(in) || pipe(out) || pipe(other))
		return 1;
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execl("/bin/cat", "cat", NULL);
		_exit(1);
	}
	close(in[0]);
	close(out[1]);
	/* before its child has run exec it is nobody's client */
	for (int i = 0; i < 30000 && !mw_source_bpf_tag_of(watch.source, (uint32_t)getpid()); i++)
		usleep(1000);
	if (write(in[1], "to child\n", 9) != 9 || read(out[0], buf, 16) != 9 ||
	    write(other[1], "unseen", 6) != 6)
		return 2;
	open("/dev/null", O_RDONLY);
	close(in[1]);
	return waitpid(pid, &status, 0) != pid;
}

static void test_parent_is_seen_on_its_streams(void **state)
{
	const struct mw_ev_io *io;
	struct puppet p;

	(void)state;
	watch_begin(true, 0, 0);
	p = watch_puppet_start(parent_talks);
	assert_int_equal(watch_tell(&p, 0), 0);
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)p.pid), MW_SOURCE_STREAM);
	watch_collect();
	for (size_t i = 0; i < 2; i++) {
		io = watch_nth(MW_EV_IO, (uint32_t)p.pid, i);
		assert_non_null(io);
		assert_int_equal(io->hdr.flags, MW_EVF_STREAM);
		assert_int_equal(io->dir, i ? MW_DIR_READ : MW_DIR_WRITE);
		assert_memory_equal(io + 1, "to child\n", 9);
	}
	assert_int_equal(watch_count(MW_EV_IO, (uint32_t)p.pid), 2);
	watch_puppet_end(&p);
	watch_collect();
	assert_int_equal(watch_count(MW_EV_ACT, (uint32_t)p.pid), 0);
	assert_int_equal(watch_count(MW_EV_FORK, (uint32_t)p.pid), 0);
	/* its end is told: nobody waits for it any more */
	assert_int_equal(watch_count(MW_EV_EXIT, (uint32_t)p.pid), 1);
	watch_end();
}

/* --- listeners and clients ------------------------------------------------------------------- */

static uint16_t *shared_port;

static int serve(int what)
{
	static int l, l2, s, aside[2];
	char buf[16];

	switch (what) {
	case 'l':
		*shared_port = 0;
		l = watch_listen_on(shared_port);
		return pipe(aside) || l < 0;
	case 'L':
		l2 = watch_listen_on(shared_port); /* two of one port */
		return l2 < 0;
	case 'a':
		s = accept(l, NULL, NULL);
		return s < 0 || read(s, buf, 16) != 4 || write(s, "answer", 6) != 6 ||
		       write(aside[1], "unseen", 6) != 6;
	case '1':
		return close(l2);
	case '2':
		return close(l);
	case 'f': {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(write(s, "child", 5) != 5);
		return waitpid(pid, &status, 0) != pid || status;
	}
	default:
		close(s);
		return 0;
	}
}

static int use(int what)
{
	static int c, aside[2];
	char buf[16];

	switch (what) {
	case 'c':
		c = watch_connect_to(*shared_port);
		return c < 0 || pipe(aside);
	case 'w':
		return write(c, "ask!", 4) != 4 || write(aside[1], "unseen", 6) != 6;
	case 'r':
		return read(c, buf, 6) != 6;
	default:
		return close(c);
	}
}

static void test_listener_and_client(void **state)
{
	const struct mw_ev_io *io;
	struct puppet server, client;
	struct mw_fd_info *f;
	uint32_t who;
	size_t n, listening = 0, tcp = 0;

	(void)state;
	shared_port = (void *)&live.sh->v[0];
	watch_begin(true, 0, 0);
	server = watch_puppet_start(serve);
	client = watch_puppet_start(use);
	assert_int_equal(watch_tell(&server, 'l'), 0);
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)server.pid),
			 MW_SOURCE_LISTENER);
	mw_source_bpf_mcp_port(watch.source, *shared_port, true);
	assert_int_equal(watch_tell(&client, 'c'), 0);
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)client.pid),
			 MW_SOURCE_STREAM);
	assert_int_equal(watch_tell(&client, 'w'), 0);
	assert_int_equal(watch_tell(&server, 'a'), 0);
	assert_int_equal(watch_tell(&client, 'r'), 0);
	assert_int_equal(mw_source_bpf_files(watch.source, &f, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (f[i].local.port != *shared_port || f[i].tgid != (uint32_t)server.pid)
			continue;
		assert_int_equal(f[i].local.family, AF_INET);
		assert_true(f[i].netns);
		if (f[i].is == MW_FD_LISTEN)
			listening++;
		else if (f[i].is == MW_FD_TCP && f[i].peer.port)
			tcp++;
	}
	free(f);
	assert_int_equal(listening, 1);
	assert_int_equal(tcp, 1);
	assert_int_equal(watch_tell(&server, 'f'), 0); /* a child of it is one too, unseen else */
	watch_collect();
	who = (uint32_t)server.pid;
	assert_int_equal(watch_count(MW_EV_IO, who), 2);
	assert_int_equal(watch_count(MW_EV_FORK, who), 0);
	for (size_t i = 0; i < 2; i++) {
		io = watch_nth(MW_EV_IO, who, i);
		assert_int_equal(io->hdr.flags, MW_EVF_CANDIDATE);
		assert_int_equal(io->local.port, *shared_port);
		assert_memory_equal(io + 1, i ? "answer" : "ask!", i ? 6 : 4);
	}
	who = (uint32_t)client.pid;
	assert_int_equal(watch_count(MW_EV_IO, who), 2);
	for (size_t i = 0; i < 2; i++) {
		io = watch_nth(MW_EV_IO, who, i);
		assert_int_equal(io->hdr.flags, MW_EVF_STREAM);
		assert_int_equal(io->peer.port, *shared_port);
		assert_memory_equal(io + 1, i ? "answer" : "ask!", i ? 6 : 4);
	}
	for (size_t i = 0, seen = 0; (io = watch_nth(MW_EV_IO, 0, i)); i++)
		if (io->call_len == 5 && io->local.port == *shared_port) {
			assert_int_equal(io->hdr.flags, MW_EVF_CANDIDATE);
			assert_memory_equal(io + 1, "child", 5);
			assert_int_equal(++seen, 1);
		}
	watch_puppet_end(&client);
	watch_puppet_end(&server);
	watch_end();
}

/* What was read and written at the port: the host may have other listeners. */
static size_t at_port(void)
{
	const struct mw_ev_io *io;
	size_t n = 0;

	for (size_t i = 0; (io = watch_nth(MW_EV_IO, 0, i)); i++)
		n += io->local.port == *shared_port || io->peer.port == *shared_port;
	return n;
}

/* While one of two sockets listens the port counts; then it does no more. */
static void test_listening_is_counted(void **state)
{
	struct puppet server, client;

	(void)state;
	shared_port = (void *)&live.sh->v[0];
	watch_begin(true, 0, 0);
	server = watch_puppet_start(serve);
	client = watch_puppet_start(use);
	assert_int_equal(watch_tell(&server, 'l'), 0);
	assert_int_equal(watch_tell(&server, 'L'), 0);
	assert_int_equal(watch_tell(&server, '1'), 0);
	assert_int_equal(watch_tell(&client, 'c'), 0);
	assert_int_equal(watch_tell(&client, 'w'), 0);
	assert_int_equal(watch_tell(&server, 'a'), 0);
	watch_collect();
	assert_int_equal(watch_count(MW_EV_IO, (uint32_t)server.pid), 2);
	/* nobody said that MCP is served here */
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)client.pid), 0);
	assert_int_equal(watch_tell(&server, '2'), 0);
	assert_int_equal(watch_tell(&server, 'f'), 0);
	watch_forget();
	watch_collect();
	assert_int_equal(at_port(), 0);
	/* what user space found itself counts the same */
	mw_source_bpf_listen_port(watch.source, *shared_port, true);
	assert_int_equal(watch_tell(&server, 'f'), 0);
	mw_source_bpf_listen_port(watch.source, *shared_port, false);
	mw_source_bpf_listen_port(watch.source, *shared_port, false);
	assert_int_equal(watch_tell(&server, 'f'), 0);
	watch_collect();
	assert_int_equal(at_port(), 1);
	watch_puppet_end(&client);
	watch_puppet_end(&server);
	watch_end();
}

static int exec_with(int what)
{
	uint16_t port = 0;
	int l = watch_listen_on(&port), status;
	char path[64], name[32] = "";
	pid_t pid = fork();

	if (pid == 0) {
		if (what == 'n')
			close(l);
		else
			dup2(l, 3);
		execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	live.sh->v[1] = pid;
	/* until it has run exec it has what this process has */
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	for (int i = 0; i < 30000 && strcmp(name, "sleep\n") != 0; i++) {
		int fd = open(path, O_RDONLY);

		memset(name, 0, sizeof(name));
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) < 0)
			return 1;
		close(fd);
		usleep(1000);
	}
	/* the name is there a little before the tag */
	usleep(20000);
	for (int i = 0; i < 30000; i++) {
		live.sh->v[2] = mw_source_bpf_tag_of(watch.source, (uint32_t)pid);
		if (live.sh->v[2] == (what == 'n' ? 0 : MW_SOURCE_LISTENER))
			break;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) != pid;
}

static void test_exec_and_listeners(void **state)
{
	struct puppet p;

	(void)state;
	watch_begin(true, 0, 0);
	p = watch_puppet_start(exec_with);
	assert_int_equal(watch_tell(&p, 'n'), 0);
	assert_int_equal(live.sh->v[2], 0);
	assert_int_equal(watch_tell(&p, 'y'), 0);
	assert_int_equal(live.sh->v[2], MW_SOURCE_LISTENER);
	/* also where nobody knew of it: a socket handed over by activation */
	mw_source_bpf_tag(watch.source, (uint32_t)p.pid, 0);
	assert_int_equal(watch_tell(&p, 'y'), 0);
	assert_int_equal(live.sh->v[2], MW_SOURCE_LISTENER);
	watch_puppet_end(&p);
	watch_end();
}

const struct CMUnitTest live_tag_tests[] = {
	cmocka_unit_test(test_exec_candidate),
	cmocka_unit_test(test_parent_is_seen_on_its_streams),
	cmocka_unit_test(test_listener_and_client),
	cmocka_unit_test(test_listening_is_counted),
	cmocka_unit_test(test_exec_and_listeners),
};
const size_t n_live_tag_tests = sizeof(live_tag_tests) / sizeof(*live_tag_tests);
