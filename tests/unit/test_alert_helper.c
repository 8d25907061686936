/* SPDX-License-Identifier: Apache-2.0 */
/* test_alert_helper.c - alerts to commands and webhooks, kind and hostile ones */
#include "alert_fx.h"

#include <openssl/hmac.h>
#include <signal.h>

/* --- commands -------------------------------------------------------------------------------- */

/* A script in the test's folder; what it writes must be allowed to nobody. */
static const char *script(const char *name, const char *text)
{
	char all[4096];

	snprintf(all, sizeof(all), "#!/bin/sh\n%s\n", text);
	put(in_dir(name), all, 0755);
	return in_dir(name);
}

static const char *out_file(const char *name)
{
	put(in_dir(name), "", 0666);
	return in_dir(name);
}

/* What the kernel says of the command itself, what it is given, and that no descriptor is left. */
static void test_command(void **state)
{
	const char *out = out_file("out"), *text;
	char body[1024];
	struct mw_sink *s;

	if (geteuid() != 0)
		skip();
	snprintf(
	    body, sizeof(body),
	    "exec >>%s\ncat\ngrep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' "
	    "/proc/self/status\necho \"dir $(pwd) args $#:$1:$2 umask $(umask)\"\n"
	    "env | sort | grep -v ^_= | grep -v ^PWD= | sed 's/^/env /'\n"
	    "echo \"session $(cut -d' ' -f6 /proc/$$/stat) pid $$\"\n"
	    "for i in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo \"fd $i\"; done\n"
	    "sed -n 's/^\\(Uid\\|CapPrm\\|CapBnd\\|NoNewPrivs\\):/helper &/p' /proc/$PPID/status\n"
	    "ulimit -c | sed 's/^/core /'; ulimit -n | sed 's/^/files /'\n",
	    out);
	setenv("SECRET_OF_THE_DAEMON", "x", 1);
	s = start(list_of("alerts: [{type: command, argv: ['%s', 'a b', \"c'd\"], severity: low}]",
			  script("look", body)));
	push(s, MW_SEVERITY_LOW, 1, "");
	wait_for(s, 1, 0);
	text = slurp(out);
	assert_memory_equal(text, "{\"v\":1,\"seq\":1,", 15);
	assert_non_null(strstr(text, "was read\"}\n"));
	assert_non_null(strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGroups:\t \n"));
	assert_non_null(strstr(text, "\nCapInh:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapBnd:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapAmb:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\ndir / args 2:a b:c'd umask 0077\n"));
	assert_non_null(strstr(text, "\nenv HOME=/\nenv LANG=C.UTF-8\nenv PATH=/usr/local/sbin:"));
	assert_null(strstr(text, "SECRET"));
	/* the shell's own is 10 or more */
	assert_non_null(
	    strstr(text, "\nfd 0\nfd 1\nfd 2\nhelper Uid:\t65534\t65534\t65534\t65534\n"
			 "helper CapPrm:\t0000000000000000\nhelper CapBnd:\t0000000000000000\n"
			 "helper NoNewPrivs:\t1\ncore 0\n"));
	assert_non_null(strstr(text, "\nfiles 256\n"));
	{
		const char *at = strstr(text, "\nsession ");
		char *end;
		long session = strtol(at + 9, &end, 10);

		assert_int_equal(strtol(end + 5, NULL, 10), session);
	}
	stop(s, NULL, 0, 0);
}

/* As a user of the configuration. */
static void test_command_user(void **state)
{
	const char *out = out_file("user");
	char body[256];
	struct mw_sink *s;

	if (geteuid() != 0)
		skip();
	snprintf(body, sizeof(body), "id -u >%s; id -G >>%s", out, out);
	s = start(list_of("alerts: [{type: command, argv: ['%s'], user: daemon}]",
			  script("who", body)));
	push(s, MW_SEVERITY_MEDIUM, 1, "");
	wait_for(s, 1, 0);
	assert_string_equal(slurp(out), "1\n1\n");
	stop(s, NULL, 0, 0);
}

/* Seconds to sleep that no other process of the host does: so many, and this process's pid. */
static const char *nap(unsigned int seconds)
{
	static char s[32];

	snprintf(s, sizeof(s), "%u.%d", seconds, getpid());
	return s;
}

static bool naps(const char *s)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "pgrep -f '^sleep %s$' >/dev/null", s);
	return system(cmd) == 0;
}

/* Nothing is left of them: who was killed may need a moment to be gone. */
static void gone(const char *s)
{
	for (int i = 0; i < 600 && naps(s); i++)
		usleep(100000);
	assert_false(naps(s));
}

static void test_command_fails(void **state)
{
	static const struct {
		const char *body, *want;
		int error;
	} cases[] = {
		{ "exit 3", "exit status 3: an alert did not get there", -EIO },
		{ "kill -9 $$", "ended by signal 9", -EIO },
		{ "sleep $nap", "killed after 1 s", -ETIMEDOUT },
		/* it does not read, does not die of signals, and leaves others behind */
		{ "trap '' TERM HUP INT; setsid sleep $nap & (sleep $nap &) ; sleep $nap",
		  "killed after 1 s", -ETIMEDOUT },
		{ "yes", "killed after 1 s", -ETIMEDOUT },
	};
	char body[256];
	char name[256];
	struct mw_sink *s;
	const char *path;
	size_t i;

	if (geteuid() != 0)
		skip();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(body, sizeof(body), "nap=%s\n%s", nap(777), cases[i].body);
		path = script("fails", body);
		snprintf(name, sizeof(name), "command %s", path);
		s = start(list_of("alerts: [{type: command, argv: ['%s'], timeout: %d}]", path,
				  cases[i].error == -ETIMEDOUT ? 1 : 30));
		push(s, MW_SEVERITY_MEDIUM, 1, "");
		wait_for(s, 0, 1);
		if (!was_said(cases[i].want))
			fail_msg("case %zu: %s", i, said);
		stop(s, name, 1, cases[i].error);
		gone(nap(777));
	}
	/* what cannot be executed, and is found out only then */
	put(in_dir("bad"), "#!/nowhere/sh\n", 0755);
	s = start(list_of("alerts: [{type: command, argv: ['%s']}]", in_dir("bad")));
	push(s, MW_SEVERITY_MEDIUM, 1, "");
	wait_for(s, 0, 1);
	assert_true(was_said("it cannot be run: No such file or directory"));
	snprintf(name, sizeof(name), "command %s", in_dir("bad"));
	stop(s, name, 1, -ENOENT);
}

/* What a command leaves in the background ends with it: within the limit, one at a time. */
static void test_command_leaves(void **state)
{
	char body[128];
	struct mw_sink *s;
	unsigned int i;

	if (geteuid() != 0)
		skip();
	snprintf(body, sizeof(body), "setsid sleep %s & sleep %s &\nexit 0", nap(778), nap(778));
	s = start(list_of("alerts: [{type: command, argv: ['%s']}]", script("leaves", body)));
	for (i = 0; i < 10; i++)
		push(s, MW_SEVERITY_MEDIUM, i, "");
	wait_for(s, 10, 0);
	gone(nap(778));
	stop(s, NULL, 0, 0);
}

/* The end does not wait for a command that does. */
static void test_command_hangs(void **state)
{
	char name[256], body[64];
	struct mw_sink *s;
	int64_t begin;

	if (geteuid() != 0)
		skip();
	snprintf(body, sizeof(body), "sleep %s", nap(779));
	s = start(
	    list_of("alerts: [{type: command, argv: ['%s'], timeout: 60}]", script("hangs", body)));
	push(s, MW_SEVERITY_MEDIUM, 1, "");
	push(s, MW_SEVERITY_MEDIUM, 2, "");
	for (int i = 0; i < 600 && !naps(nap(779)); i++)
		usleep(100000);
	begin = now_ms();
	snprintf(name, sizeof(name), "command %s", in_dir("hangs"));
	stop(s, name, 2, -EPIPE);
	assert_in_range(now_ms() - begin, MW_ALERT_STOP_MS - 500, MW_ALERT_STOP_MS + 20000);
}

/* --- webhooks -------------------------------------------------------------------------------- */

struct web {
	int fd;
	pthread_t thread;
	enum { STATUS, GARBAGE, HUGE, ENDLESS_HEAD, HANG, DRIP, CLOSE, REDIRECT } how;
	_Atomic unsigned int status,
	    then; /* then: of what comes behind the next answer, if not 0 */
	_Atomic bool stop;
	_Atomic unsigned int n;
	char head[8192], body[80000];
};

static void answer(struct web *w, int c)
{
	char text[8192];
	unsigned int i;

	switch (w->how) {
	case STATUS:
		snprintf(text, sizeof(text),
			 "HTTP/1.1 %u X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
			 w->status);
		w->status = w->then ? w->then : w->status;
		(void)!write(c, text, strlen(text));
		return;
	case REDIRECT:
		snprintf(text, sizeof(text),
			 "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: "
			 "0\r\nConnection: close\r\n\r\n");
		(void)!write(c, text, strlen(text));
		return;
	case GARBAGE:
		(void)!write(c, "\x00\x01\xff garbage\n\n", 13);
		return;
	case HUGE:
	case ENDLESS_HEAD:
		(void)!write(c, "HTTP/1.1 200 OK\r\n\r\n", w->how == HUGE ? 19 : 17);
		memset(text, 'x', sizeof(text));
		text[0] = 'X', text[1] = ':', text[8190] = '\r', text[8191] = '\n';
		for (i = 0; i < 200; i++)
			if (send(c, text, sizeof(text), MSG_NOSIGNAL) < 0)
				return;
		return;
	case HANG:
		while (!w->stop)
			usleep(10000);
		return;
	case DRIP:
		(void)!write(c, "HTTP/1.1 200 OK\r\nX: ", 20);
		while (!w->stop && send(c, "x", 1, MSG_NOSIGNAL) == 1)
			usleep(50000);
		return;
	case CLOSE:
		return;
	}
}

static void *serve(void *p)
{
	struct web *w = p;
	static char got[90000];
	char *end;
	size_t n, len;
	ssize_t k;
	int c;

	while ((c = accept(w->fd, NULL, NULL)) >= 0) {
		for (n = 0, len = SIZE_MAX, end = NULL; n < len; n += (size_t)k) {
			k = recv(c, got + n, sizeof(got) - 1 - n, 0);
			if (k <= 0)
				break;
			got[n + (size_t)k] = '\0';
			end = end ? end : strstr(got, "\r\n\r\n");
			if (end && len == SIZE_MAX) {
				const char *l = strcasestr(got, "content-length:");

				len = (size_t)(end + 4 - got) + (l ? strtoul(l + 15, NULL, 10) : 0);
			}
		}
		if (end) {
			snprintf(w->head, sizeof(w->head), "%.*s\r\n", (int)(end - got), got);
			snprintf(w->body, sizeof(w->body), "%s", end + 4);
			w->n++;
			answer(w, c);
		}
		close(c);
	}
	return NULL;
}

static unsigned int web_start(struct web *w)
{
	unsigned int port = 0;

	memset(w, 0, sizeof(*w));
	w->status = 200;
	w->fd = listener(SOCK_STREAM, &port);
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
	return port;
}

static void web_stop(struct web *w)
{
	w->stop = true;
	shutdown(w->fd, SHUT_RDWR);
	pthread_join(w->thread, NULL);
	close(w->fd);
}

static struct web w;

static void test_webhook(void **state)
{
	unsigned int port = web_start(&w), i, len = 0;
	char want[128], name[64];
	const char *key = in_dir("key"), *token = in_dir("token");
	uint8_t mac[32];
	struct mw_sink *s;

	put(key, "0123456789abcdef\n", 0600);
	put(token, "Authorization: Bearer of-bad-news\n", 0600);
	s = start(list_of("alerts: [{type: webhook, "
			  "address: 'http://127.0.0.1:%u/hook/secret?a=b', "
			  "header_file: '%s', hmac_key_file: '%s'}]",
			  port, token, key));
	push(s, MW_SEVERITY_LOW, 1, "");
	push(s, MW_SEVERITY_MEDIUM, 2, ",\"tool\":\"t\"");
	wait_for(s, 1, 0);
	assert_memory_equal(w.head, "POST /hook/secret?a=b HTTP/1.1\r\n", 32);
	assert_non_null(strstr(w.head, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(w.head, "\r\nUser-Agent: mcpwatch/"));
	assert_non_null(strstr(w.head, "\r\nAuthorization: Bearer of-bad-news\r\n"));
	assert_memory_equal(w.body, "{\"v\":1,\"seq\":2,", 15);
	assert_string_equal(w.body + strlen(w.body) - 13, ",\"tool\":\"t\"}\n");
	HMAC(EVP_sha256(), "0123456789abcdef", 16, (uint8_t *)w.body, strlen(w.body), mac, &len);
	snprintf(want, sizeof(want), "\r\nX-Mcpwatch-Signature: sha256=");
	for (i = 0; i < 32; i++)
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "%02x", mac[i]);
	assert_non_null(strstr(w.head, want));
	assert_int_equal(w.n, 1);

	/* the token is another one in the same file */
	{
		const char *text =
		    "alerts: [{type: webhook, address: 'http://127.0.0.1:%u/hook/secret"
		    "?a=b', header_file: '%s', hmac_key_file: '%s'}]";
		struct mw_alert_list *l = list_of(text, port, token, key);

		assert_true(mw_sink_alert_has(s, l));
		mw_alert_list_free(l);
		put(token, "Authorization: Bearer of-bad-newt\n", 0600);
		l = list_of(text, port, token, key);
		assert_false(mw_sink_alert_has(s, l));
		mw_alert_list_free(l);
	}

	/* busy: tried again, and it is told what did not come; for good: not again */
	w.then = 400;
	w.status = 503;
	push(s, MW_SEVERITY_MEDIUM, 3, "");
	wait_for(s, 1, 1);
	/* an address may hold a secret */
	snprintf(name, sizeof(name), "alerts to webhook http://127.0.0.1:%u: it answers with 503",
		 port);
	assert_true(was_said(name));
	assert_false(was_said("secret"));
	wait_for(s, 1, 2);
	usleep(100000);
	w.then = 0;
	w.status = 204;
	push(s, MW_SEVERITY_MEDIUM, 4, "");
	wait_for(s, 2, 2);
	assert_memory_equal(w.body, "{\"v\":1,\"seq\":4,", 15);
	assert_non_null(strstr(w.body, ",\"not_sent\":1}\n"));
	push(s, MW_SEVERITY_MEDIUM, 5, "");
	wait_for(s, 3, 2);
	assert_null(strstr(w.body, "not_sent"));
	snprintf(name, sizeof(name), "webhook http://127.0.0.1:%u", port);
	stop(s, name, 1, -EIO);
	web_stop(&w);
}

static void test_webhook_hostile(void **state)
{
	static const struct {
		int how;
		unsigned int status;
		bool sent, again;
		const char *want;
		int error;
	} cases[] = {
		{ STATUS, 301, false, false, "it answers with 301", -EIO },
		{ REDIRECT, 0, false, false, "it answers with 307", -EIO },
		{ STATUS, 429, false, true, "it answers with 429", -EIO },
		{ STATUS, 999, false, true, "it answers with 999", -EIO },
		{ STATUS, 404, false, false, "it answers with 404", -EIO },
		{ GARBAGE, 0, false, true, "HTTP", -EIO },
		{ HUGE, 0, true, false, "", 0 }, /* it has taken the alert, whatever it adds */
		{ ENDLESS_HEAD, 0, false, true, "header", -EIO },
		{ CLOSE, 0, false, true, "mpty reply", -EIO },
		{ DRIP, 0, false, true, "timed out", -ETIMEDOUT },
		{ HANG, 0, false, true, "timed out", -ETIMEDOUT },
	};
	char name[64], big[60000];
	struct mw_sink *s;
	unsigned int port;
	int64_t begin;
	size_t i;

	snprintf(big, sizeof(big), ",\"detail\":\"%*s\"", 59000, "x");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		port = web_start(&w);
		w.how = cases[i].how;
		w.status = cases[i].status;
		s = start(list_of(
		    "alerts: [{type: webhook, address: 'http://127.0.0.1:%u/', timeout: %d}]", port,
		    cases[i].error == -ETIMEDOUT ? 1 : 30));
		push(s, MW_SEVERITY_MEDIUM, 1, big);
		wait_for(s, cases[i].sent, cases[i].sent ? 0 : 1);
		if (!was_said(cases[i].want))
			fail_msg("case %zu: %s", i, said);
		if (!cases[i].sent && !was_said(cases[i].again ? "it is tried again"
							       : "an alert did not get there"))
			fail_msg("case %zu: %s", i, said);
		snprintf(name, sizeof(name), "webhook http://127.0.0.1:%u", port);
		begin = now_ms();
		stop(s, cases[i].sent ? NULL : name, 1, cases[i].error);
		assert_in_range(now_ms() - begin, 0, MW_ALERT_STOP_MS - 500);
		web_stop(&w);
	}
}

/* The helper's own end is no end of the outlet. */
static void test_helper_killed(void **state)
{
	unsigned int port = web_start(&w);
	struct mw_sink *s = start(
	    list_of("alerts: [{type: webhook, address: 'http://127.0.0.1:%u/'}]", port));
	char cmd[128];

	push(s, MW_SEVERITY_MEDIUM, 1, "");
	wait_for(s, 1, 0);
	snprintf(cmd, sizeof(cmd), "pkill -9 -P %d -f '[n]et-helper'", getpid());
	assert_int_equal(system(cmd), 0);
	push(s, MW_SEVERITY_MEDIUM, 2, "");
	wait_for(s, 2, 1);
	assert_true(was_said("its helper has ended: it is tried again"));
	stop(s, NULL, 0, 0);
	web_stop(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_command_user),
		cmocka_unit_test(test_command_fails),
		cmocka_unit_test(test_command_leaves),
		cmocka_unit_test(test_command_hangs),
		cmocka_unit_test(test_webhook),
		cmocka_unit_test(test_webhook_hostile),
		cmocka_unit_test(test_helper_killed),
	};

	be_helper(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
