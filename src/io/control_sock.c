/* SPDX-License-Identifier: Apache-2.0 */
#include "io/control_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/metrics.h"

/* In one poll, so that many clients cost the loop no more than a few. */
#define ANSWERS_MAX 4
#define ACCEPTS_MAX 4
#define SEND_MAX    (256u << 10)
/* An empty queue's memory is given back beyond this. */
#define KEEP (64u << 10)

int mw_control_parse(const char *p, size_t n, enum mw_control_request *ret)
{
	static const struct {
		const char *line;
		enum mw_control_request request;
	} all[] = {
		{ "status\n", MW_CONTROL_STATUS },
		{ "metrics\n", MW_CONTROL_METRICS },
		{ "watch\n", MW_CONTROL_WATCH },
	};
	size_t i, len;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		len = strlen(all[i].line);
		if (n >= len && memcmp(p, all[i].line, len) == 0) {
			*ret = all[i].request;
			return (int)len;
		}
		if (n < len && memcmp(p, all[i].line, n) == 0)
			return 0;
	}
	return -EBADMSG;
}

enum state {
	FREE = 0,
	ASKING, /* its request is still to come */
	WATCHING,
	ANSWERED, /* it is closed when it has all */
};

struct client {
	enum state state;
	int fd;
	bool wants_write;   /* epoll was told so */
	uint64_t since_ns;  /* of its last progress */
	uint64_t status_ns; /* WATCHING: when it was told last */
	uint64_t untold;    /* records it did not get */
	size_t n_line, at;  /* of line; of what is sent of queue */
	char line[MW_CONTROL_LINE_MAX];
	struct mw_buf queue;
};

struct mw_control_sock {
	const struct mw_control_ops *ops;
	int fd, epoll_fd;
	char *path;
	dev_t dev; /* of the socket's name */
	ino_t ino;
	uint64_t now_ns;
	size_t n_watching;
	unsigned int answers; /* in this poll */
	struct mw_health_control stats;
	struct client client[MW_CONTROL_CLIENTS_MAX];
};

/* --- clients ------------------------------------------------------------------------------------
 */

static void drop(struct mw_control_sock *c, struct client *x)
{
	if (x->state == WATCHING) {
		c->n_watching--;
		c->stats.dropped += x->untold;
	}
	close(x->fd);
	mw_buf_done(&x->queue);
	x->state = FREE;
	c->stats.clients--;
}

static void want_write(struct mw_control_sock *c, struct client *x, bool on)
{
	struct epoll_event ev = { .events = EPOLLIN | (on ? EPOLLOUT : 0),
				  .data.u32 = (uint32_t)(x - c->client) };

	if (x->wants_write != on && epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, x->fd, &ev) == 0)
		x->wants_write = on;
}

/* Sends what the socket takes. False: the client is gone. */
static bool flush(struct mw_control_sock *c, struct client *x)
{
	size_t left, sent = 0;
	ssize_t n = 0;

	while ((left = x->queue.len - x->at) && sent < SEND_MAX) {
		n = send(x->fd, x->queue.p + x->at, left, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			break;
		x->at += (size_t)n;
		sent += (size_t)n;
	}
	if (sent)
		x->since_ns = c->now_ns;
	if (left && n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(c, x);
		return false;
	}
	if (!left) {
		x->at = 0;
		mw_buf_reset(&x->queue, KEEP);
		if (x->state == ANSWERED) {
			drop(c, x);
			return false;
		}
	}
	want_write(c, x, x->queue.len != 0);
	return true;
}

static int append_line(struct mw_buf *b, const char *p, size_t n)
{
	const size_t was = b->len;
	int r = mw_buf_append(b, p, n);

	if (r == 0)
		r = mw_buf_append_byte(b, '\n');
	if (r < 0)
		b->len = was;
	return r;
}

/* Whole or not at all. */
static bool queue(struct client *x, const char *p, size_t n)
{
	int r = append_line(&x->queue, p, n);

	if (r == -E2BIG && x->at) {
		mw_buf_consume(&x->queue, x->at);
		x->at = 0;
		r = append_line(&x->queue, p, n);
	}
	return r == 0;
}

static bool queue_status(struct mw_control_sock *c, struct client *x)
{
	struct mw_health h = { 0 };
	_cleanup_(mw_freep) char *json = NULL;

	c->ops->health(c->ops->ctx, &h);
	mw_control_sock_stats(c, &h.control);
	json = mw_health_json(&h);
	x->status_ns = c->now_ns;
	return json && queue(x, json, strlen(json));
}

static bool queue_metrics(struct mw_control_sock *c, struct client *x)
{
	struct mw_health h = { 0 };

	c->ops->health(c->ops->ctx, &h);
	mw_control_sock_stats(c, &h.control);
	return mw_metrics_print(&h, &x->queue) == 0;
}

static void say_error(struct mw_control_sock *c, struct client *x, const char *what)
{
	c->stats.refused++;
	x->state = ANSWERED;
	x->queue.len = x->at = 0;
	if (queue(x, what, strlen(what)))
		flush(c, x);
	else
		drop(c, x);
}

static void answer(struct mw_control_sock *c, struct client *x, enum mw_control_request request)
{
	bool ok = true;

	c->stats.requests++;
	c->answers++;
	x->since_ns = c->now_ns;
	switch (request) {
	case MW_CONTROL_STATUS:
		ok = queue_status(c, x);
		break;
	case MW_CONTROL_METRICS:
		ok = queue_metrics(c, x);
		break;
	case MW_CONTROL_WATCH:
		x->state = WATCHING;
		c->n_watching++;
		ok = queue_status(c, x);
		break;
	}
	if (!ok) {
		if (x->state == WATCHING)
			c->n_watching--;
		say_error(c, x, "error: not enough memory");
		return;
	}
	if (x->state == ASKING)
		x->state = ANSWERED;
	flush(c, x);
}

static void read_request(struct mw_control_sock *c, struct client *x)
{
	enum mw_control_request request;
	ssize_t n;
	int r;

	n = recv(x->fd, x->line + x->n_line, sizeof(x->line) - x->n_line, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c, x);
		return;
	}
	x->n_line += (size_t)n;
	r = mw_control_parse(x->line, x->n_line, &request);
	if (r > 0 && (size_t)r == x->n_line)
		answer(c, x, request);
	else if (r != 0 || x->n_line == sizeof(x->line))
		say_error(c, x, "error: a request is one line: status, metrics or watch");
}

/* One that asks no more has nothing to say: it may have gone. What it says all the same is not
 * read for ever. */
static void look_whether_gone(struct mw_control_sock *c, struct client *x)
{
	char junk[256];
	const ssize_t n = recv(x->fd, junk, sizeof(junk), MSG_DONTWAIT);

	if (n > 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		c->stats.refused += n > 0;
		drop(c, x);
	} else if (n == 0 && x->state == WATCHING) {
		drop(c, x);
	} else if (n == 0) {
		/* it has shut its side down and waits for the answer */
		struct epoll_event ev = { .events = EPOLLOUT,
					  .data.u32 = (uint32_t)(x - c->client) };

		(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, x->fd, &ev);
		x->wants_write = true;
	}
}

static bool is_allowed(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void accept_one(struct mw_control_sock *c, int fd)
{
	static const char full[] = "error: too many clients\n", denied[] = "error: only for root\n";
	struct epoll_event ev = { .events = EPOLLIN };
	const bool allowed = is_allowed(fd);
	struct client *x = NULL;
	size_t i;

	for (i = 0; allowed && i < MW_CONTROL_CLIENTS_MAX; i++)
		if (c->client[i].state == FREE) {
			x = &c->client[i];
			break;
		}
	ev.data.u32 = (uint32_t)i;
	if (!x || epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		c->stats.refused++;
		(void)!send(fd, allowed ? full : denied,
			    allowed ? sizeof(full) - 1 : sizeof(denied) - 1,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		return;
	}
	*x = (struct client){ .state = ASKING, .fd = fd, .since_ns = c->now_ns };
	mw_buf_init(&x->queue, &mw_heap, MW_CONTROL_QUEUE_MAX);
	c->stats.clients++;
}

static void accept_some(struct mw_control_sock *c)
{
	unsigned int i;
	int fd;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		accept_one(c, fd);
	}
}

/* --- the loop's side ----------------------------------------------------------------------------
 */

static void tell_dropped(struct client *x, struct mw_control_sock *c)
{
	char line[64];

	snprintf(line, sizeof(line), "{\"type\":\"dropped\",\"n\":%" PRIu64 "}", x->untold);
	if (!queue(x, line, strlen(line)))
		return;
	c->stats.dropped += x->untold;
	x->untold = 0;
}

void mw_control_sock_record(struct mw_control_sock *c, const char *json, size_t n)
{
	struct client *x;

	if (c->n_watching == 0)
		return;
	for (x = c->client; x < c->client + MW_CONTROL_CLIENTS_MAX; x++) {
		if (x->state != WATCHING)
			continue;
		if (x->untold || !queue(x, json, n))
			x->untold++;
	}
}

static void look_at(struct mw_control_sock *c, struct client *x)
{
	if (x->state == WATCHING) {
		/* once it was full, half of the queue is to be free before records go in again */
		if (x->untold && x->queue.len - x->at < MW_CONTROL_QUEUE_MAX / 2)
			tell_dropped(x, c);
		if (c->now_ns - x->status_ns >= MW_CONTROL_STATUS_NS && !x->untold)
			(void)queue_status(c, x); /* the next one will do */
		if (x->queue.len == 0)
			x->since_ns = c->now_ns; /* there is nothing that it could take */
	}
	if (x->state != FREE && x->queue.len && !flush(c, x))
		return;
	if (x->state != FREE && c->now_ns - x->since_ns > MW_CONTROL_SLOW_NS) {
		c->stats.slow++;
		drop(c, x);
	}
}

void mw_control_sock_poll(struct mw_control_sock *c, uint64_t boot_ns)
{
	struct epoll_event ev[MW_CONTROL_CLIENTS_MAX + 1];
	struct client *x;
	int n, i;

	c->now_ns = boot_ns;
	c->answers = 0;
	n = epoll_wait(c->epoll_fd, ev, MW_CONTROL_CLIENTS_MAX + 1, 0);
	for (i = 0; i < n; i++) {
		if (ev[i].data.u32 == MW_CONTROL_CLIENTS_MAX) {
			accept_some(c);
			continue;
		}
		x = &c->client[ev[i].data.u32];
		if (x->state == ASKING && c->answers < ANSWERS_MAX)
			read_request(c, x);
		else if (x->state == WATCHING || x->state == ANSWERED)
			look_whether_gone(c, x);
	}
	for (x = c->client; c->stats.clients && x < c->client + MW_CONTROL_CLIENTS_MAX; x++)
		look_at(c, x);
}

void mw_control_sock_stats(const struct mw_control_sock *c, struct mw_health_control *ret)
{
	const struct client *x;

	*ret = c->stats;
	for (x = c->client; x < c->client + MW_CONTROL_CLIENTS_MAX; x++)
		if (x->state == WATCHING)
			ret->dropped += x->untold;
}

/* --- begin and end ------------------------------------------------------------------------------
 */

static int fail(char *err, size_t err_len, int r, const char *path, const char *what)
{
	snprintf(err, err_len, "control socket %s: %s", path, what ? what : strerror(-r));
	return r;
}

/* The folder, made if it is missing, and locked: of two that begin at once one is first. */
static int open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(mw_freep) char *dir = slash == path ? strdup("/")
					: slash	      ? strndup(path, (size_t)(slash - path))
						      : strdup(".");
	_cleanup_(mw_close) int fd = -1;
	int r;

	if (!dir)
		return -ENOMEM;
	r = mw_file_make_dirs(dir);
	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	r = fd;
	fd = -1;
	return r;
}

/* Whether somebody listens there. 0: nobody, and the name is free now; negative errno. */
static int clear_name(const struct sockaddr_un *addr, const char **ret_why)
{
	_cleanup_(mw_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		*ret_why = "what is there is no socket: remove it, or name another place";
		return -EEXIST;
	}
	/* EAGAIN: it listens, but its queue of clients is full */
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN) {
		*ret_why = "another mcpwatch that runs has it: stop that one, or give this one "
			   "--control PATH or --control none";
		return -EADDRINUSE;
	}
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(addr->sun_path) < 0 ? -errno : 0;
}

static int begin(struct mw_control_sock *c, const char **ret_why)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = MW_CONTROL_CLIENTS_MAX };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_(mw_close) int dir_fd = -1;
	struct stat st;
	int r;

	if (strlen(c->path) >= sizeof(addr.sun_path)) {
		*ret_why = "a socket's path has at most 107 bytes";
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, c->path, strlen(c->path) + 1);
	dir_fd = open_folder(c->path);
	if (dir_fd < 0)
		return dir_fd;
	r = clear_name(&addr, ret_why);
	if (r < 0)
		return r;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* before bind: the name has this mode from its first moment on (net/unix/af_unix.c,
	 * unix_bind_bsd) */
	if (c->fd < 0 || fchmod(c->fd, 0600) < 0 ||
	    bind(c->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(c->fd, MW_CONTROL_CLIENTS_MAX) < 0 || stat(c->path, &st) < 0)
		return -errno;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0 || epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		return -errno;
	return 0;
}

int mw_control_sock_new(const char *path, const struct mw_control_ops *ops, char *err,
			size_t err_len, struct mw_control_sock **ret)
{
	_cleanup_(mw_control_sock_freep) struct mw_control_sock *c = calloc(1, sizeof(*c));
	const char *why = NULL;
	int r;

	if (!c)
		return fail(err, err_len, -ENOMEM, path, NULL);
	c->ops = ops;
	c->fd = c->epoll_fd = -1;
	c->path = strdup(path);
	r = c->path ? begin(c, &why) : -ENOMEM;
	if (r < 0)
		return fail(err, err_len, r, path, why);
	*ret = MW_TAKE(c);
	return 0;
}

void mw_control_sock_free(struct mw_control_sock *c)
{
	struct client *x;
	struct stat st;

	if (!c)
		return;
	for (x = c->client; x < c->client + MW_CONTROL_CLIENTS_MAX; x++)
		if (x->state != FREE)
			drop(c, x);
	if (c->ino && stat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino)
		(void)unlink(c->path);
	mw_close(&c->epoll_fd);
	mw_close(&c->fd);
	free(c->path);
	free(c);
}
