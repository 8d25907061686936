/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_alert.c - alerts to collectors and the journal; rates, folding, and what is told of it
 */
#include "alert_fx.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#define HEAD	"<84>1 2026-11-21T10:00:00.123456Z "
#define MS	1000000ull
#define TELL_NS (MW_ALERT_TELL_MS * MS)

static void test_udp(void **state)
{
	unsigned int port = 0;
	int fd = listener(SOCK_DGRAM, &port);
	struct mw_sink *s = start(list_of(
	    "alerts:\n  - {type: syslog, address: 'udp://127.0.0.1:%u', severity: medium}\n",
	    port));
	const struct mw_record call = { .json = "{}", .len = 2 };
	const char *line;

	/* what is no alert, and what is not severe enough, goes nowhere */
	assert_int_equal(mw_sink_write(s, &call), 0);
	push(s, MW_SEVERITY_LOW, 1, "");
	push(s, MW_SEVERITY_MEDIUM, 2, ",\"tool\":\"t\",\"targets\":[\"/a\\\"]\\\\b\\n\"]");
	line = datagram(fd);
	assert_memory_equal(line, HEAD, strlen(HEAD));
	assert_non_null(strstr(line, " mcpwatch "));
	assert_non_null(strstr(line, " secret.read [mcpwatchAlert@32473 rule=\"secret.read\" "
				     "severity=\"medium\" seq=\"2\" title=\"A file that holds "
				     "secrets was read\" tool=\"t\" "
				     "target=\"/a\\\"\\]\\\\\\\\b\\\\n\"] ALERT  medium  "));
	push(s, MW_SEVERITY_CRITICAL, 3, "");
	assert_memory_equal(datagram(fd), "<82>1 ", 6);
	stop(s, NULL, 0, 0);
	close(fd);
}

/* A dead collector: kept, and sent when it is there. */
static void test_unix(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct mw_sink *s;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/log", dir);
	s = start(
	    list_of("alerts: [{type: syslog, address: 'unix:%s', format: json}]", un.sun_path));
	push(s, MW_SEVERITY_HIGH, 1, "");
	wait_for(s, 0, 1);
	assert_true(was_said("alerts to syslog unix:"));
	assert_true(was_said("No such file or directory: it is tried again; 1 wait"));
	push(s, MW_SEVERITY_HIGH, 2, "");
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(chmod(un.sun_path, 0666), 0);
	assert_non_null(strstr(datagram(fd), "] {\"v\":1,\"seq\":1,"));
	assert_non_null(strstr(datagram(fd), "] {\"v\":1,\"seq\":2,"));
	wait_for(s, 2, 1);
	assert_true(was_said("works again"));
	/* nothing was lost */
	stop(s, NULL, 0, 0);
	close(fd);
}

static void test_tcp(void **state)
{
	unsigned int port = 0, round;
	int fd = listener(SOCK_STREAM, &port), c;
	char got[8192], *end;
	struct mw_sink *s =
	    start(list_of("alerts: [{type: syslog, address: 'tcp://localhost:%u'}]", port));
	size_t n, len;
	ssize_t k;

	/* a collector that ends and comes back; octet counting */
	for (round = 0; round < 2; round++) {
		push(s, MW_SEVERITY_MEDIUM, round, "");
		c = accept(fd, NULL, NULL);
		assert_true(c >= 0);
		for (n = 0, len = 1; n < len && n < sizeof(got) - 1; n += (size_t)k) {
			k = recv(c, got + n, sizeof(got) - 1 - n, 0);
			assert_true(k > 0);
			got[n + (size_t)k] = '\0';
			end = strchr(got, ' ');
			len = end ? strtoul(got, NULL, 10) + (size_t)(end - got) + 1 : n + 2;
		}
		assert_int_equal(n, len);
		assert_memory_equal(strchr(got, ' ') + 1, HEAD, strlen(HEAD));
		wait_for(s, round + 1, 0);
		close(c);
	}
	close(fd);
	push(s, MW_SEVERITY_MEDIUM, 9, "");
	push(s, MW_SEVERITY_MEDIUM, 10, "");
	wait_for(s, 2, 1);
	assert_true(was_said("Connection refused"));
	snprintf(got, sizeof(got), "syslog tcp://localhost:%u", port);
	stop(s, got, 2, -ECONNREFUSED);
}

/* A collector that takes connections and reads nothing: the loop does not notice. */
static void test_stuck(void **state)
{
	unsigned int port = 0, i;
	int fd = listener(SOCK_STREAM, &port);
	char name[64], more[4096] = ",\"detail\":\"";
	struct mw_sink *s = start(list_of("alerts: [{type: syslog, address: 'tcp://127.0.0.1:%u', "
					  "format: json, rate: 6000, burst: 6000}]",
					  port));
	struct mw_alert_stats st;
	int64_t begin = now_ms();

	memset(more + strlen(more), 'x', 4000);
	memcpy(more + 4050, "\"", 2);
	memset(more + 11, 'x', 4039);
	for (i = 0; i < 6000; i++)
		push(s, MW_SEVERITY_MEDIUM, i, more);
	assert_in_range(now_ms() - begin, 0, 20000);
	mw_sink_alert_stats(s, &st);
	assert_in_range(st.waiting, 1, MW_ALERT_QUEUE_MAX + 1);
	begin = now_ms();
	snprintf(name, sizeof(name), "syslog tcp://127.0.0.1:%u", port);
	while (mw_sink_ask(s, UINT64_MAX))
		;
	mw_sink_alert_stats(s, &st);
	assert_int_equal(st.sent + st.not_sent, 6000);
	assert_true(st.not_sent > 0);
	mw_sink_free(s);
	assert_in_range(now_ms() - begin, 0, MW_ALERT_STOP_MS + 20000);
	close(fd);
}

static void test_journal(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX,
				  .sun_path = "/run/systemd/journal/socket" };
	struct mw_sink *s;
	const char *got;
	int fd;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) < 0)
		skip();
	s = start(list_of("alerts: [{type: journal}]"));
	push(s, MW_SEVERITY_HIGH, 7,
	     ",\"calls\":[\"c1\",\"c2\"],\"server\":{\"name\":\"billing\"},\"tool\":\"pay\","
	     "\"targets\":[\"/etc/shadow\"],\"count\":3,\"tags\":[\"attack.t1552.001\"]");
	wait_for(s, 0, 1);
	assert_true(was_said("no journal takes entries"));
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	got = datagram(fd);
	stop(s, NULL, 0, 0);
	close(fd);
	umount("/run");
	assert_non_null(strstr(got,
			       "MESSAGE=ALERT  high  secret.read  A file that holds secrets "
			       "was read  billing  pay  /etc/shadow  (3 times)  call c1, +1\n"));
	assert_non_null(strstr(got, "\nPRIORITY=3\n"));
	assert_non_null(strstr(got, "\nMESSAGE_ID=5b6f0c6e6f0d4d3f9a3a5d1c7e0b8f42\n"));
	assert_non_null(strstr(got, "\nSYSLOG_IDENTIFIER=mcpwatch\n"));
	assert_non_null(strstr(got, "\nSYSLOG_FACILITY=10\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_RULE=secret.read\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_SEQ=7\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_CALL=c1\nMCPWATCH_CALL=c2\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_TARGET=/etc/shadow\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_TAG=attack.t1552.001\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_COUNT=3\n"));
	assert_non_null(strstr(got, "\nMCPWATCH_ALERT={\"v\":1,\"seq\":7,"));
	assert_null(strstr(got, "NOT_SENT"));
}

static uint64_t not_sent(const char *line)
{
	const char *at = strstr(line, " notSent=\"");

	return at ? strtoull(at + 10, NULL, 10) : 0;
}

/* Beyond the rate: the most severe of them goes when it may, and tells of the others. */
static void test_rate(void **state)
{
	unsigned int port = 0, i;
	int fd = listener(SOCK_DGRAM, &port);
	struct mw_sink *s = start(list_of("alerts: [{type: syslog, address: 'udp://127.0.0.1:%u', "
					  "rate: 30, burst: 3}]",
					  port));
	char name[64];
	const char *line;
	uint64_t n = 0;

	snprintf(name, sizeof(name), "syslog udp://127.0.0.1:%u", port);
	for (i = 0; i < 3; i++)
		push(s, MW_SEVERITY_LOW, i, "");
	for (; i < 20; i++)
		push(s, i == 11 ? MW_SEVERITY_HIGH : MW_SEVERITY_MEDIUM, i, "");
	for (i = 0; i < 3; i++) {
		line = datagram(fd);
		assert_non_null(strstr(line, "severity=\"low\""));
		n += not_sent(line);
	}
	line = datagram(fd); /* two seconds later */
	assert_non_null(strstr(line, "seq=\"11\" "));
	assert_int_equal(n + not_sent(line), 16);
	/* told once; the next time is a minute later */
	expect_told(s, 5 * MS, name, 16, 0);
	expect_told(s, 5 * MS, NULL, 0, 0);
	usleep(2200000); /* one more is allowed */
	push(s, MW_SEVERITY_LOW, 50, "");
	assert_null(strstr(datagram(fd), "notSent"));
	push(s, MW_SEVERITY_LOW, 51, "");
	push(s, MW_SEVERITY_LOW, 52, "");
	push(s, MW_SEVERITY_LOW, 53, "");
	expect_told(s, 5 * MS + TELL_NS - 1, NULL, 0, 0);
	expect_told(s, 5 * MS + TELL_NS, name, 2, 0);
	/* at the end what is held still goes */
	stop(s, NULL, 0, 0);
	line = datagram(fd);
	assert_non_null(strstr(line, "seq=\"51\""));
	assert_non_null(strstr(line, " notSent=\"2\"]"));
	assert_non_null(strstr(line, "  (2 more alerts not sent)"));
	close(fd);
}

static void test_flood(void **state)
{
	unsigned int port = 0, i;
	int fd = listener(SOCK_DGRAM, &port);
	struct mw_sink *s = start(list_of("alerts:\n"
					  "  - {type: syslog, address: 'udp://127.0.0.1:%u'}\n"
					  "  - {type: webhook, address: 'http://127.0.0.1:1/'}\n"
					  "  - {type: command, argv: [/bin/true]}\n",
					  port));
	static char json[MW_RECORD_MAX + 1];
	struct mw_record rec = alert(MW_SEVERITY_HIGH, 1, "", json);
	struct mw_alert_stats st;
	int64_t begin = now_ms();

	for (i = 0; i < 1000000; i++)
		assert_int_equal(mw_sink_write(s, &rec), 0);
	/* had any of them waited for a millisecond, it were more than a quarter of an hour */
	assert_in_range(now_ms() - begin, 0, 120000);
	mw_sink_alert_stats(s, &st);
	assert_in_range(st.waiting, 0, 3 * (20 + 1) + 20);
	while (mw_sink_ask(s, UINT64_MAX))
		;
	mw_sink_alert_stats(s, &st);
	assert_int_equal(st.sent + st.not_sent, 3000000);
	assert_int_equal(st.waiting, 0);
	assert_in_range(st.sent, 2, 3 * (20 + 20));
	mw_sink_free(s);
	close(fd);
}

/* Other outlets: what waits in the old ones is theirs, for a while, and nobody waits for it. */
static void test_change(void **state)
{
	unsigned int port = 0, other = 0;
	int fd = listener(SOCK_DGRAM, &port), fd2 = listener(SOCK_DGRAM, &other);
	struct mw_sink *s = start(list_of("alerts:\n"
					  "  - {type: syslog, address: 'udp://127.0.0.1:%u'}\n"
					  "  - {type: syslog, address: 'unix:%s'}\n",
					  port, in_dir("nobody")));
	char name[128];
	int64_t begin;
	const struct mw_event_hdr *h = NULL;

	push(s, MW_SEVERITY_HIGH, 1, "");
	assert_non_null(strstr(datagram(fd), "seq=\"1\""));
	begin = now_ms();
	/* what is prepared and then given up changes nothing */
	assert_int_equal(
	    mw_sink_alert_prepare(
		s, list_of("alerts: [{type: syslog, address: 'udp://127.0.0.1:%u'}]", other)),
	    0);
	mw_sink_alert_cancel(s);
	mw_sink_alert_commit(s);
	push(s, MW_SEVERITY_HIGH, 4, "");
	assert_non_null(strstr(datagram(fd), "seq=\"4\""));
	begin = now_ms();
	assert_int_equal(
	    mw_sink_alert_prepare(
		s, list_of("alerts: [{type: syslog, address: 'udp://127.0.0.1:%u'}]", other)),
	    0);
	mw_sink_alert_commit(s);
	assert_in_range(now_ms() - begin, 0, MW_ALERT_STOP_MS - 500);
	push(s, MW_SEVERITY_HIGH, 2, "");
	assert_non_null(strstr(datagram(fd2), "seq=\"2\""));
	while (!(h = mw_sink_ask(s, 7)) && now_ms() - begin < 60000)
		usleep(10000);
	assert_non_null(h);
	snprintf(name, sizeof(name), "syslog unix:%s", in_dir("nobody"));
	assert_slice_equal(mw_event_outlet((const void *)h), name);
	assert_int_equal(((const struct mw_ev_outlet *)h)->alerts, 2);
	assert_null(mw_sink_ask(s, 8));
	/* none at all */
	assert_int_equal(mw_sink_alert_prepare(s, list_of("alerts:\n")), 0);
	mw_sink_alert_commit(s);
	push(s, MW_SEVERITY_HIGH, 3, "");
	stop(s, NULL, 0, 0);
	close(fd);
	close(fd2);
}

/* stderr is a pipe that nobody reads: the thread says so, and nothing else waits. */
static void test_stderr(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO), r;
	static char got[1 << 17];
	struct mw_sink *s;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	s = start(list_of("alerts:\n  - {type: stderr}\n  - {type: stderr, format: json, severity: "
			  "critical}\n"));
	push(s, MW_SEVERITY_LOW, 1, ",\"server\":{\"name\":\"\\u001b[31mevil\\u202e\"}");
	wait_for(s, 1, 0);
	push(s, MW_SEVERITY_CRITICAL, 2, "");
	wait_for(s, 3, 0);
	n = read(fds[0], got, sizeof(got) - 1);
	/* full */
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	memset(got + n + 1, 'x', 4096);
	while (write(fds[1], got + n + 1, 4096) > 0)
		;
	push(s, MW_SEVERITY_LOW, 3, "");
	wait_for(s, 3, 1);
	r = was_said("alerts to stderr: nobody reads it: it is tried again");
	expect_told(s, UINT64_MAX, "stderr", 1, -EAGAIN);
	mw_sink_free(s);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[0]);
	close(fds[1]);
	assert_true(n > 0);
	got[n] = '\0';
	assert_true(r);
	assert_non_null(strstr(got,
			       "  ALERT  low  secret.read  A file that holds secrets was read  "
			       "\\x1b[31mevil\\u{202e}\n"));
	assert_non_null(strstr(got, "\n{\"v\":1,\"seq\":2,"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),	cmocka_unit_test(test_unix),
		cmocka_unit_test(test_tcp),	cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_rate),	cmocka_unit_test(test_flood),
		cmocka_unit_test(test_change),	cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_journal),
	};

	be_helper(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
