/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink.c - the sinks: file, screen, memory; the log has its own */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "io/sink_file.h"
#include "io/sink_memory.h"
#include "io/sink_screen.h"

static char dir[] = "/tmp/mw-sink-XXXXXX";

static int setup(void **state)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *in_dir(const char *name)
{
	static char path[16][256];
	static unsigned int n;

	n = (n + 1) % 16;
	snprintf(path[n], sizeof(path[n]), "%s/%s", dir, name);
	return path[n];
}

static char *slurp(const char *path)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
	return buf;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static unsigned int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

static void test_file(void **state)
{
	const char *path = in_dir("out");
	struct mw_sink *s;
	char err[512];

	put(path, "old content\n");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(mw_sink_file_new(path, err, sizeof(err), &s), 0);
	assert_int_equal(sink_line(s, "{\"a\":1}", 7), 0);
	/* written at once, not at the end */
	assert_string_equal(slurp(path), "{\"a\":1}\n");
	assert_int_equal(sink_line(s, "{}", 2), 0);
	assert_int_equal(mw_sink_flush(s), 0);
	assert_int_equal(sink_line(s, path, MW_RECORD_MAX + 1), -E2BIG);
	mw_sink_free(s);
	assert_string_equal(slurp(path), "{\"a\":1}\n{}\n");
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mw_sink_file_new(dir, err, sizeof(err), &s), -EISDIR);
	assert_int_equal(symlink(path, in_dir("link")), 0);
	assert_int_equal(mw_sink_file_new(in_dir("link"), err, sizeof(err), &s), -ELOOP);
	mw_sink_free(NULL);
}

/* A file that may not grow beyond `max`: writes end in the middle of a line. */
static void limit(rlim_t max)
{
	struct rlimit rl = { max, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

static void test_file_full(void **state)
{
	const char *path = in_dir("out");
	struct mw_sink *s;
	char err[512];

	assert_int_equal(mw_sink_file_new(path, err, sizeof(err), &s), 0);
	assert_int_equal(sink_line(s, "{\"a\":1}", 7), 0);
	limit(12);
	assert_int_equal(sink_line(s, "{\"b\":2}", 7), -EFBIG);
	assert_string_equal(slurp(path), "{\"a\":1}\n");
	limit(RLIM_INFINITY);
	assert_int_equal(sink_line(s, "{\"c\":3}", 7), 0);
	mw_sink_free(s);
	assert_string_equal(slurp(path), "{\"a\":1}\n{\"c\":3}\n");
}

#define HEAD "{\"v\":1,\"seq\":0,\"time\":\"2026-11-21T12:00:01.234567890Z\",\"boot_ns\":1,\"host\":\"h\","

static char *screen(const char *rec)
{
	struct mw_sink *s;
	char *out = NULL;
	int fds[2];
	FILE *f;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	f = fdopen(fds[1], "w");
	assert_int_equal(mw_sink_screen_new(f, &s), 0);
	assert_int_equal(sink_line(s, rec, strlen(rec)), 0);
	assert_int_equal(mw_sink_flush(s), 0);
	mw_sink_free(s);
	fclose(f);
	out = calloc(1, 65536);
	n = read(fds[0], out, 65535);
	assert_true(n >= 0);
	close(fds[0]);
	return out;
}

static void check_screen(const char *rec, const char *want)
{
	char *got = screen(rec);

	assert_string_equal(got, want);
	free(got);
}

static void test_screen(void **state)
{
	setenv("TZ", "UTC", 1);
	check_screen(HEAD "\"type\":\"call\",\"call\":\"c1\",\"server\":{\"id\":\"s1\",\"name\":\"billing\"},"
			  "\"method\":\"tools/call\",\"tool\":\"delete_user\",\"status\":\"ok\","
			  "\"elapsed_ms\":3.1,\"effects\":[{\"kind\":\"file.open\",\"target\":\"/a\","
			  "\"confidence\":\"certain\"},{\"kind\":\"file.delete\",\"target\":\"/x/y\","
			  "\"confidence\":\"certain\"}],\"effects_n\":4}",
		     "12:00:01.234  billing  delete_user  ok  3.1 ms  file.delete /x/y, file.open /a, "
		     "+2\n");
	check_screen(HEAD "\"type\":\"call\",\"server\":{\"id\":\"s1\"},\"dir\":\"s2c\","
			  "\"method\":\"sampling/createMessage\",\"status\":\"no_response\","
			  "\"evidence\":\"incomplete\",\"effects\":[{\"kind\":\"net.connect\","
			  "\"target\":\"1.2.3.4:80\",\"confidence\":\"shared\",\"n\":3,"
			  "\"result\":\"ECONNREFUSED\"},{\"kind\":\"proc.exec\",\"target\":\"/bin/sh\","
			  "\"confidence\":\"likely\",\"result\":\"ok\"}]}",
		     "12:00:01.234  s1  sampling/createMessage (asked by the server)  no_response  "
		     "[incomplete]  ~proc.exec /bin/sh, ?net.connect 1.2.3.4:80 (3 times) "
		     "ECONNREFUSED\n");
	check_screen(HEAD "\"type\":\"gap\",\"reason\":\"events_lost\",\"where\":\"kernel\","
			  "\"events\":12}",
		     "12:00:01.234  GAP  events_lost  kernel  12 events missing\n");
	check_screen(HEAD "\"type\":\"alert\",\"rule\":\"r\",\"severity\":\"high\",\"title\":\"T\"}",
		     "12:00:01.234  ALERT  high  r  T\n");
	check_screen(HEAD "\"type\":\"anomaly\",\"what\":\"w\",\"where\":\"c2s\"}",
		     "12:00:01.234  ANOMALY  w  c2s\n");
	/* not shown */
	check_screen(HEAD "\"type\":\"effect\",\"kind\":\"file.open\"}", "");
	check_screen(HEAD "\"type\":\"callx\",\"kind\":\"file.open\"}", "");
	check_screen("{}", "");
	/* what the observed wrote does not reach the terminal as it is */
	check_screen(HEAD "\"type\":\"call\",\"method\":\"tools/call\",\"tool\":"
			  "\"\\u001b[2J\\u202etxt\\n\",\"status\":\"ok\"}",
		     "12:00:01.234  \\x1b[2J\\u{202e}txt\\n  ok\n");
	/* of another shape than ours: no crash */
	check_screen(HEAD "\"type\":\"call\",\"server\":3,\"tool\":[],\"status\":{},\"effects\":{\"a\":1},"
			  "\"effects_n\":\"x\",\"elapsed_ms\":null,\"alerts\":7}",
		     "12:00:01.234  effect\n");
}

static void test_memory(void **state)
{
	struct mw_sink *s;

	assert_int_equal(mw_sink_memory_new(3, &s), 0);
	assert_int_equal(sink_line(s, "ab--", 2), 0);
	assert_int_equal(sink_line(s, "c", 1), 0);
	assert_int_equal(sink_line(s, "d", 1), -ENOSPC);
	assert_int_equal(sink_line(s, "e", 1), -ENOSPC);
	assert_int_equal(mw_sink_flush(s), 0);
	assert_int_equal(mw_sink_memory_count(s), 2);
	assert_string_equal(mw_sink_memory_get(s, 0), "ab");
	assert_null(mw_sink_memory_get(s, 2));
	mw_sink_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_full, setup, teardown),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
