/* SPDX-License-Identifier: Apache-2.0 */
/* the control socket: requests, hostile and slow clients, what is there before it and after */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/control_ask.h"
#include "io/control_sock.h"
#include "io/file.h"
#include "io/heap.h"

#define SECOND 1000000000ull

struct fx {
	char dir[64], path[96];
	struct mw_control_ops ops;
	struct mw_control_sock *c;
	struct mw_tally *tally;
	uint64_t now;
	unsigned int asked;
};

static void health(void *ctx, struct mw_health *h)
{
	struct fx *f = ctx;

	f->asked++;
	h->host = "host.example";
	h->version = "0.0.0";
	h->log_dir = "/log";
	h->boot_ns = f->now;
	h->tally = f->tally;
}

static int setup(void **state)
{
	struct fx *f = calloc(1, sizeof(*f));
	char err[MW_ERR_MAX];

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/run/control.sock", f->dir);
	f->tally = calloc(1, sizeof(*f->tally));
	f->ops = (struct mw_control_ops){ .health = health, .ctx = f };
	f->now = SECOND;
	assert_int_equal(mw_control_sock_new(f->path, &f->ops, err, sizeof(err), &f->c), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fx *f = *state;
	char sub[96];

	mw_control_sock_free(f->c);
	unlink(f->path);
	snprintf(sub, sizeof(sub), "%s/run", f->dir);
	rmdir(sub);
	assert_int_equal(rmdir(f->dir), 0);
	free(f->tally);
	free(f);
	return 0;
}

static int dial(const struct fx *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(addr.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say(int fd, const char *s)
{
	assert_int_equal(send(fd, s, strlen(s), MSG_NOSIGNAL), strlen(s));
}

static void poll_it(struct fx *f, unsigned int n)
{
	while (n--)
		mw_control_sock_poll(f->c, f->now);
}

/* What is there now; *ret_end: the other side has closed. */
static size_t take(int fd, char *buf, size_t max, bool *ret_end)
{
	size_t n = 0;
	ssize_t k;

	while ((k = recv(fd, buf + n, max - 1 - n, MSG_DONTWAIT)) > 0)
		n += (size_t)k;
	*ret_end = k == 0 || (k < 0 && errno != EAGAIN);
	buf[n] = '\0';
	return n;
}

/* Asks, polling meanwhile, to the end. For free(). */
static char *ask(struct fx *f, const char *request)
{
	char *buf = malloc(1 << 20);
	int fd = dial(f), i;
	bool end = false;
	size_t n = 0;

	say(fd, request);
	for (i = 0; i < 1000 && !end; i++) {
		poll_it(f, 1);
		n += take(fd, buf + n, (1 << 20) - n, &end);
	}
	assert_true(end);
	close(fd);
	return buf;
}

static struct mw_health_control stats(const struct fx *f)
{
	struct mw_health_control s;

	mw_control_sock_stats(f->c, &s);
	return s;
}

static void parse(void **state)
{
	static const char *const bad[] = { "\n",	"x",	      "Status\n", "status \n",
					   " status\n", "status\r\n", "statusx",  "metrics2\n",
					   "w\n",	"watch\t" };
	enum mw_control_request r = 0;
	size_t i;

	assert_int_equal(mw_control_parse("status\n", 7, &r), 7);
	assert_int_equal(r, MW_CONTROL_STATUS);
	assert_int_equal(mw_control_parse("metrics\nx", 9, &r), 8);
	assert_int_equal(r, MW_CONTROL_METRICS);
	assert_int_equal(mw_control_parse("watch\n", 6, &r), 6);
	assert_int_equal(r, MW_CONTROL_WATCH);
	for (i = 0; i < 7; i++)
		assert_int_equal(mw_control_parse("status\n", i, &r), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(mw_control_parse(bad[i], strlen(bad[i]), &r), -EBADMSG);
	assert_int_equal(mw_control_parse("status\0", 7, &r), -EBADMSG);
}

static void answers(void **state)
{
	struct fx *f = *state;
	struct stat st;
	char *text;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	text = ask(f, "status\n");
	assert_non_null(strstr(text, "\"host\":\"host.example\""));
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
	text = ask(f, "metrics\n");
	assert_non_null(strstr(text, "\nmcpwatch_healthy 1\n"));
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
	free(text);
	text = ask(f, "status\nmetrics\n");
	assert_int_equal(strncmp(text, "error: ", 7), 0);
	free(text);
	text = ask(f, "shutdown\n");
	assert_int_equal(strncmp(text, "error: ", 7), 0);
	free(text);
	assert_int_equal(stats(f).requests, 2);
	assert_int_equal(stats(f).refused, 2);
	assert_int_equal(stats(f).clients, 0);
}

/* A byte a poll, then silence, then nothing at all. */
static void slow_requests(void **state)
{
	struct fx *f = *state;
	char buf[64];
	bool end;
	int fd = dial(f), mute = dial(f);

	say(fd, "sta");
	poll_it(f, 3);
	assert_int_equal(stats(f).clients, 2);
	say(fd, "tus\n");
	poll_it(f, 3);
	assert_int_equal(stats(f).requests, 1);
	assert_int_equal(stats(f).clients, 1);
	f->now += MW_CONTROL_SLOW_NS + 1;
	poll_it(f, 2);
	assert_int_equal(stats(f).clients, 0);
	assert_int_equal(stats(f).slow, 1);
	take(mute, buf, sizeof(buf), &end);
	assert_true(end);
	close(mute);
	close(fd);
	/* one that goes without a word */
	fd = dial(f);
	poll_it(f, 1);
	close(fd);
	poll_it(f, 2);
	assert_int_equal(stats(f).clients, 0);
}

static void many_clients(void **state)
{
	struct fx *f = *state;
	int fd[MW_CONTROL_CLIENTS_MAX + 2];
	char buf[128];
	bool end;
	size_t i;

	for (i = 0; i < MW_CONTROL_CLIENTS_MAX + 2; i++) {
		fd[i] = dial(f);
		poll_it(f, 2);
	}
	assert_int_equal(stats(f).clients, MW_CONTROL_CLIENTS_MAX);
	assert_int_equal(stats(f).refused, 2);
	take(fd[MW_CONTROL_CLIENTS_MAX], buf, sizeof(buf), &end);
	assert_string_equal(buf, "error: too many clients\n");
	assert_true(end);
	/* all at once: each has its answer, a few in each turn of the loop */
	for (i = 0; i < MW_CONTROL_CLIENTS_MAX; i++)
		say(fd[i], "status\n");
	f->asked = 0;
	poll_it(f, 1);
	assert_true(f->asked <= 4);
	poll_it(f, 4);
	assert_int_equal(f->asked, MW_CONTROL_CLIENTS_MAX);
	for (i = 0; i < MW_CONTROL_CLIENTS_MAX + 2; i++)
		close(fd[i]);
	poll_it(f, 2);
	assert_int_equal(stats(f).clients, 0);
}

static size_t count(const char *s, const char *what)
{
	size_t n = 0;

	while ((s = strstr(s, what))) {
		n++;
		s++;
	}
	return n;
}

static void watching(void **state)
{
	struct fx *f = *state;
	char *buf = malloc(1 << 20);
	int fd = dial(f);
	bool end;

	say(fd, "watch\n");
	poll_it(f, 2);
	mw_control_sock_record(f->c, "{\"a\":1}", 7);
	mw_control_sock_record(f->c, "{\"b\":2}", 7);
	poll_it(f, 1);
	take(fd, buf, 1 << 20, &end);
	assert_false(end);
	assert_int_equal(count(buf, "\"type\":\"status\""), 1);
	assert_non_null(strstr(buf, "}\n{\"a\":1}\n{\"b\":2}\n"));
	f->now += MW_CONTROL_STATUS_NS;
	poll_it(f, 1);
	take(fd, buf, 1 << 20, &end);
	assert_int_equal(count(buf, "\"type\":\"status\""), 1);
	/* it takes all there is: that there is little does not make it slow */
	f->now += MW_CONTROL_SLOW_NS + 1;
	poll_it(f, 1);
	assert_int_equal(stats(f).clients, 1);
	/* what it says now is none of ours */
	say(fd, "status\n");
	poll_it(f, 1);
	assert_int_equal(stats(f).clients, 0);
	close(fd);
	free(buf);
}

/* One that does not read: the queue is bounded, what it misses is counted and told, and in the end
 * it is let go. */
static void slow_watcher(void **state)
{
	struct fx *f = *state;
	char *big = malloc(60000), *buf = malloc(8u << 20);
	uint64_t n = 0, told = 0;
	int fd = dial(f), i;
	char *at;
	bool end;
	size_t got = 0, k;

	memset(big, 'x', 60000);
	say(fd, "watch\n");
	poll_it(f, 2);
	for (i = 0; i < 100; i++, n++) {
		mw_control_sock_record(f->c, big, 60000);
		poll_it(f, 1);
	}
	assert_true(stats(f).dropped > 50);
	assert_int_equal(stats(f).clients, 1);
	/* it wakes up and takes all: what came through and what is told to have not are all */
	for (i = 0; i < 50; i++) {
		k = take(fd, buf + got, (8u << 20) - got, &end);
		got += k;
		poll_it(f, 2);
	}
	at = strstr(buf, "{\"type\":\"dropped\",\"n\":");
	assert_non_null(at);
	told = strtoull(at + strlen("{\"type\":\"dropped\",\"n\":"), NULL, 10);
	for (at = buf, k = 0; (at = strstr(at, "\nxxx")); at++)
		k++;
	assert_int_equal(k + told, n);
	assert_int_equal(stats(f).dropped, told);
	/* and now never again */
	for (i = 0; i < 100; i++)
		mw_control_sock_record(f->c, big, 60000);
	poll_it(f, 2);
	f->now += MW_CONTROL_SLOW_NS + 1;
	poll_it(f, 2);
	assert_int_equal(stats(f).clients, 0);
	assert_int_equal(stats(f).slow, 1);
	close(fd);
	free(big);
	free(buf);
}

static void other_at_the_place(void **state)
{
	struct fx *f = *state;
	struct mw_control_sock *second = NULL;
	char err[MW_ERR_MAX];
	struct stat was, is;
	int fd;

	/* a living one */
	assert_int_equal(mw_control_sock_new(f->path, &f->ops, err, sizeof(err), &second),
			 -EADDRINUSE);
	assert_non_null(strstr(err, f->path));
	assert_non_null(strstr(err, "another mcpwatch"));
	assert_int_equal(stat(f->path, &was), 0);
	/* what was left behind by a dead one */
	poll_it(f, 2);
	mw_control_sock_free(f->c);
	f->c = NULL;
	assert_int_equal(stat(f->path, &is), -1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	memcpy(addr.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(mw_control_sock_new(f->path, &f->ops, err, sizeof(err), &f->c), 0);
	/* somebody took the place meanwhile: that one stays */
	unlink(f->path);
	fd = open(f->path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	mw_control_sock_free(f->c);
	f->c = NULL;
	assert_int_equal(stat(f->path, &is), 0);
	/* and what is no socket is not taken away */
	assert_int_equal(mw_control_sock_new(f->path, &f->ops, err, sizeof(err), &f->c), -EEXIST);
	assert_int_equal(stat(f->path, &is), 0);
}

static void bad_places(void **state)
{
	struct fx *f = *state;
	struct mw_control_sock *c = NULL;
	char err[MW_ERR_MAX], path[256];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(mw_control_sock_new(path, &f->ops, err, sizeof(err), &c), -ENAMETOOLONG);
	assert_true(mw_control_sock_new("/proc/nothing/x.sock", &f->ops, err, sizeof(err), &c) < 0);
	assert_null(strchr(err, '\n'));
	assert_null(c);
}

/* The client's side: nobody there, and answers that end early or say an error. */
static void asking(void **state)
{
	struct fx *f = *state;
	char err[MW_ERR_MAX], path[128];
	struct mw_buf out;
	int fd, i;

	snprintf(path, sizeof(path), "%s/none", f->dir);
	assert_int_equal(mw_control_ask(path, "status", err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "not running"));
	fd = mw_control_ask(f->path, "bad", err, sizeof(err));
	assert_true(fd >= 0);
	poll_it(f, 3);
	mw_buf_init(&out, &mw_heap, MW_CONTROL_ANSWER_MAX);
	assert_int_equal(mw_control_answer(fd, 1000, &out, err, sizeof(err)), -EREMOTEIO);
	assert_non_null(strstr(err, "a request is one line"));
	mw_buf_done(&out);
	close(fd);
	fd = mw_control_ask(f->path, "status", err, sizeof(err));
	assert_int_equal(mw_control_answer(fd, 50, &out, err, sizeof(err)), -ETIMEDOUT);
	for (i = 0; i < 3; i++)
		poll_it(f, 1);
	assert_int_equal(mw_control_answer(fd, 1000, &out, err, sizeof(err)), 0);
	assert_non_null(memmem(out.p, out.len, "\"healthy\":true", 14));
	mw_buf_done(&out);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(many_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(watching, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_watcher, setup, teardown),
		cmocka_unit_test_setup_teardown(other_at_the_place, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_places, setup, teardown),
		cmocka_unit_test_setup_teardown(asking, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
