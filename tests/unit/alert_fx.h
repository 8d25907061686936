/* SPDX-License-Identifier: Apache-2.0 */
/* alert_fx.h - alert records made by hand, outlets to push them to, and who listens */
#ifndef ALERT_FX_H
#define ALERT_FX_H

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/event.h"
#include "core/policy.h"
#include "io/command_helper.h"
#include "io/net_helper.h"
#include "io/sink_alert.h"

static char dir[] = "/tmp/mw-alert-XXXXXX";

static __attribute__((unused)) int set_up(void **state)
{
	return mkdtemp(dir) && chmod(dir, 0755) == 0 ? 0 : -1;
}

static __attribute__((unused)) int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static __attribute__((unused)) const char *in_dir(const char *name)
{
	static char path[16][128];
	static unsigned int n;

	n = (n + 1) % 16;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static __attribute__((unused)) void put(const char *path, const char *text, unsigned int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* All of a file, "" while it is not there. */
static __attribute__((unused)) const char *slurp(const char *path)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static __attribute__((unused)) int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- records --------------------------------------------------------------------------------- */

static const char *const severities[] = { "", "low", "medium", "high", "critical" };

/* The record of an alert; `more`: further members, each with a comma before it. */
static __attribute__((unused)) struct mw_record alert(unsigned int severity, uint64_t seq,
						      const char *more, char ret[MW_RECORD_MAX + 1])
{
	int n = snprintf(ret, MW_RECORD_MAX + 1,
			 "{\"v\":1,\"seq\":%llu,\"time\":\"2026-11-21T10:00:00.123456789Z\","
			 "\"boot_ns\":1,\"host\":\"h\",\"type\":\"alert\",\"rule\":\"secret.read\","
			 "\"severity\":\"%s\",\"title\":\"A file that holds secrets was read\"%s}",
			 (unsigned long long)seq, severities[severity], more);

	assert_in_range(n, 1, MW_RECORD_MAX);
	return (struct mw_record){
		.json = ret, .len = (size_t)n, .seq = seq, .urgent = true, .alert = severity
	};
}

/* --- outlets --------------------------------------------------------------------------------- */

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[8192];

static __attribute__((unused)) void on_say(void *ctx, const char *line)
{
	size_t n;

	pthread_mutex_lock(&said_lock);
	n = strlen(said);
	snprintf(said + n, sizeof(said) - n, "%s\n", line);
	pthread_mutex_unlock(&said_lock);
}

static __attribute__((unused)) bool was_said(const char *what)
{
	bool yes;

	pthread_mutex_lock(&said_lock);
	yes = strstr(said, what);
	pthread_mutex_unlock(&said_lock);
	return yes;
}

/* The outlets that a configuration's text names. */
static __attribute__((unused)) struct mw_alert_list *list_of(const char *fmt, ...)
{
	struct mw_alert_list *l = NULL;
	char text[4096], err[512] = "";
	const char *path = in_dir("config");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(path, text, 0600);
	if (mw_alert_list_load(path, (struct mw_yaml_err){ err, sizeof(err) }, &l) < 0)
		fail_msg("%s", err);
	return l;
}

static __attribute__((unused)) struct mw_sink *start(struct mw_alert_list *l)
{
	struct mw_sink *s = NULL;

	pthread_mutex_lock(&said_lock);
	said[0] = '\0';
	pthread_mutex_unlock(&said_lock);
	assert_int_equal(mw_sink_alert_new(l, on_say, NULL, &s), 0);
	return s;
}

static __attribute__((unused)) void push(struct mw_sink *s, unsigned int severity, uint64_t seq,
					 const char *more)
{
	static char json[MW_RECORD_MAX + 1];
	struct mw_record rec = alert(severity, seq, more, json);

	assert_int_equal(mw_sink_write(s, &rec), 0);
}

static __attribute__((unused)) void wait_for(struct mw_sink *s, uint64_t sent, uint64_t failed)
{
	struct mw_alert_stats st = { 0 };
	int i;

	for (i = 0; i < 6000; i++) {
		mw_sink_alert_stats(s, &st);
		if (st.sent >= sent && st.failed >= failed)
			return;
		usleep(10000);
	}
	fail_msg("sent %llu, failed %llu, waiting %llu; said: %s", (unsigned long long)st.sent,
		 (unsigned long long)st.failed, (unsigned long long)st.waiting, said);
}

/* The end: what its outlets tell then, which are expected to be these; name NULL: nothing. */
static __attribute__((unused)) void expect_told(struct mw_sink *s, uint64_t now_ns,
						const char *name, uint64_t n, int error)
{
	const struct mw_event_hdr *h = mw_sink_ask(s, now_ns);
	const struct mw_ev_outlet *ev = (const void *)h;

	if (!name) {
		if (h)
			fail_msg("told %llu, %d; said: %s", (unsigned long long)ev->alerts,
				 ev->error, said);
		return;
	}
	if (!h)
		fail_msg("nothing told; said: %s", said);
	assert_int_equal(mw_event_check(h, h->len), h->len);
	assert_int_equal(h->type, MW_EV_OUTLET);
	assert_slice_equal(mw_event_outlet(ev), name);
	assert_int_equal(ev->alerts, n);
	assert_int_equal(ev->error, error);
}

/* Its end, at which all of n alerts of one outlet (NULL: none) turn out not to be delivered. */
static __attribute__((unused)) void stop(struct mw_sink *s, const char *name, uint64_t n, int error)
{
	expect_told(s, UINT64_MAX, name, n, error);
	if (name)
		expect_told(s, UINT64_MAX, NULL, 0, 0);
	mw_sink_free(s);
}

/* --- who listens ----------------------------------------------------------------------------- */

static __attribute__((unused)) int listener(int type, unsigned int *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (*ret_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	in.sin_port = htons((uint16_t)*ret_port);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

/* One datagram, NUL-terminated. */
static __attribute__((unused)) const char *datagram(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static char line[80000];
	ssize_t n;

	if (poll(&p, 1, 60000) != 1)
		fail_msg("no message; said: %s", said);
	n = recv(fd, line, sizeof(line) - 1, 0);
	assert_true(n > 0);
	line[n] = '\0';
	return line;
}

/* For main: the helpers are this program anew. */
static __attribute__((unused)) void be_helper(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], MW_NET_VERB) == 0)
		_exit(mw_net_helper());
	if (argc == 2 && strcmp(argv[1], MW_COMMAND_VERB) == 0)
		_exit(mw_command_helper());
}

#endif
