/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - see watch.h */
#include "watch.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct watch watch;

void watch_begin(bool execs, uint64_t undecided, uint64_t candidate)
{
	char err[256] = "";
	struct mw_source_bpf_config cfg = { .watch_execs = execs,
					    .undecided_max = undecided,
					    .candidate_max = candidate,
					    .err = err,
					    .err_len = sizeof(err) };

	if (mw_source_bpf_new(&cfg, &watch.source) < 0)
		fail_msg("%s", err);
}

void watch_forget(void)
{
	while (watch.n_ev)
		free(watch.ev[--watch.n_ev]);
}

void watch_end(void)
{
	watch_forget();
	mw_source_free(watch.source);
	watch.source = NULL;
}

void watch_collect(void)
{
	const void *p;
	int r;

	while ((r = mw_source_next(watch.source, 0, &p)) > 0) {
		assert_true(watch.n_ev < sizeof(watch.ev) / sizeof(*watch.ev));
		watch.ev[watch.n_ev] = malloc((size_t)r);
		memcpy(watch.ev[watch.n_ev++], p, (size_t)r);
	}
}

const void *watch_nth(uint16_t type, uint32_t tgid, size_t n)
{
	for (size_t i = 0; i < watch.n_ev; i++)
		if (watch.ev[i]->type == type && (!tgid || watch.ev[i]->tgid == tgid) && n-- == 0)
			return watch.ev[i];
	return NULL;
}

size_t watch_count(uint16_t type, uint32_t tgid)
{
	size_t n = 0;

	while (watch_nth(type, tgid, n))
		n++;
	return n;
}

int watch_listen_on(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(*port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (void *)&a, len) || listen(fd, 8) || getsockname(fd, (void *)&a, &len))
		return -1;
	*port = ntohs(a.sin_port);
	return fd;
}

int watch_connect_to(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (void *)&a, sizeof(a)) ? -1 : fd;
}

uint64_t watch_ino_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

/* --- a process that does what it is told ----------------------------------------------------- */

struct puppet watch_puppet_start(int (*act)(int))
{
	int ask[2], answer[2];
	struct puppet p;

	assert_int_equal(pipe(ask) | pipe(answer), 0);
	p.pid = fork();
	if (p.pid == 0) {
		unsigned char what;
		int r;

		close(ask[1]);
		close(answer[0]);
		while (read(ask[0], &what, 1) == 1) {
			r = act(what);
			if (write(answer[1], &r, sizeof(r)) != sizeof(r))
				_exit(1);
		}
		_exit(0);
	}
	p.ask = ask[1];
	p.answer = answer[0];
	close(ask[0]);
	close(answer[1]);
	return p;
}

int watch_tell(struct puppet *p, unsigned char what)
{
	int r = -1;

	assert_int_equal(write(p->ask, &what, 1), 1);
	assert_int_equal(read(p->answer, &r, sizeof(r)), sizeof(r));
	return r;
}

void watch_puppet_end(struct puppet *p)
{
	int status;

	close(p->ask);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_int_equal(status, 0);
	close(p->answer);
	assert_int_equal(mw_source_bpf_tag_of(watch.source, (uint32_t)p->pid), 0);
}
