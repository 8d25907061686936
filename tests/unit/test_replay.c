/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay.c - capture files: written by capture.c, read by source_replay.c; source_memory.c */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/event.h>

#include "io/capture.h"
#include "io/source_memory.h"
#include "io/source_replay.h"

static char dir[] = "/tmp/mw-replay-XXXXXX";
static char path[64];

static int setup(void **state)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/c", dir);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static struct mw_event_hdr head(uint16_t type, size_t len)
{
	return (struct mw_event_hdr){ .len = (uint32_t)len, .type = type, .cpu = MW_CPU_NONE };
}

/* A META, n events of every length an I/O event can have, a TICK. */
static void write_capture(size_t n_io)
{
	struct mw_ev_meta meta = { .hdr = head(MW_EV_META, sizeof(meta)), .version = MW_EVENT_VERSION };
	struct mw_event_hdr tick = head(MW_EV_TICK, sizeof(tick));
	struct mw_capture *c;
	char err[512];
	size_t i;

	assert_int_equal(mw_capture_new(path, err, sizeof(err), &c), 0);
	assert_int_equal(mw_capture_write(c, &meta, sizeof(meta)), 0);
	for (i = 0; i < n_io; i++) {
		size_t data = i * 977 % (MW_IO_CHUNK + 1), len = sizeof(struct mw_ev_io) + data;
		struct mw_ev_io *io;

		len = (len + 7) & ~(size_t)7;
		io = calloc(1, len);
		io->hdr = head(MW_EV_IO, len);
		io->moved = io->captured = io->call_len = (uint32_t)data;
		io->kind = MW_CHAN_PIPE;
		io->off = i;
		assert_int_equal(mw_capture_write(c, io, len), 0);
		free(io);
	}
	assert_int_equal(mw_capture_write(c, &tick, sizeof(tick)), 0);
	assert_int_equal(mw_capture_end(c), 0);
	mw_capture_free(c);
}

static void test_round_trip(void **state)
{
	struct mw_source_stats stats;
	struct mw_source *s;
	const void *ev;
	char err[512];
	size_t i;

	write_capture(500);
	assert_int_equal(mw_source_replay_new(path, err, sizeof(err), &s), 0);
	assert_int_equal(mw_source_next(s, 0, &ev), sizeof(struct mw_ev_meta));
	for (i = 0; i < 500; i++) {
		const struct mw_ev_io *io;

		assert_true(mw_source_next(s, 0, &ev) > 0);
		io = ev;
		assert_int_equal((uintptr_t)ev % 8, 0);
		assert_int_equal(io->off, i);
	}
	assert_int_equal(mw_source_next(s, 0, &ev), sizeof(struct mw_event_hdr));
	assert_int_equal(mw_source_next(s, 0, &ev), -ENODATA);
	assert_int_equal(mw_source_next(s, 0, &ev), -ENODATA);
	assert_string_equal(mw_source_replay_error(s), "");
	mw_source_stats(s, &stats);
	assert_int_equal(stats.events, 502);
	assert_int_equal(mw_source_fd(s), -1);
	mw_source_free(s);
	mw_source_free(NULL);
}

static size_t load(uint8_t *buf, size_t max)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, max);

	close(fd);
	assert_true(n > 0 && (size_t)n < max);
	return (size_t)n;
}

static void store(const uint8_t *buf, size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_int_equal(write(fd, buf, n), n);
	close(fd);
}

/* Reads it all: how it ends, with its line in err. */
static int read_all(char *err, size_t err_len, size_t *ret_n)
{
	struct mw_source *s;
	const void *ev;
	int r;

	*ret_n = 0;
	r = mw_source_replay_new(path, err, err_len, &s);
	if (r < 0)
		return r;
	while ((r = mw_source_next(s, 0, &ev)) > 0)
		++*ret_n;
	snprintf(err, err_len, "%s", mw_source_replay_error(s));
	assert_int_equal(mw_source_next(s, 0, &ev), r);
	mw_source_free(s);
	return r;
}

/* Cut at any byte, between two events too: the end mark is missing. */
static void test_cut_anywhere(void **state)
{
	static uint8_t buf[8192];
	char err[512];
	size_t n, cut, events;

	write_capture(2);
	n = load(buf, sizeof(buf) - 1);
	for (cut = 0; cut < n; cut++) {
		store(buf, cut);
		err[0] = '\0';
		assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
		assert_non_null(strstr(err, path));
		assert_non_null(strstr(err, "at byte "));
		assert_null(strchr(err, '\n'));
	}
	store(buf, n);
	assert_int_equal(read_all(err, sizeof(err), &events), -ENODATA);
	assert_int_equal(events, 4);
	/* and what follows the end mark is damage */
	store(buf, n + 1);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
}

static void test_wrong_header(void **state)
{
	static uint8_t buf[8192];
	uint32_t version;
	size_t n, events;
	char err[512], want[32];

	write_capture(0);
	n = load(buf, sizeof(buf));
	buf[0] ^= 1;
	store(buf, n);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	assert_non_null(strstr(err, "not a capture file"));
	buf[0] ^= 1;
	version = MW_EVENT_VERSION + 1;
	memcpy(buf + 8, &version, 4);
	store(buf, n);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	snprintf(want, sizeof(want), "version %u", version);
	assert_non_null(strstr(err, want));
	version = 0x01000000;
	memcpy(buf + 8, &version, 4);
	store(buf, n);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	assert_non_null(strstr(err, "byte order"));
	store((const uint8_t *)"", 0);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	assert_int_equal(truncate(path, 1 << 20), 0);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	unlink(path);
	assert_int_equal(read_all(err, sizeof(err), &events), -ENOENT);
	assert_int_equal(mw_source_replay_new("/tmp", err, sizeof(err), &(struct mw_source *){ 0 }),
			 -EISDIR);
}

static void test_damage(void **state)
{
	static uint8_t buf[8192];
	size_t n, events, at = sizeof(struct mw_capture_hdr);
	struct mw_event_hdr tick = head(MW_EV_TICK, sizeof(tick));
	char err[512], want[64];

	/* the second event's length is none */
	write_capture(1);
	n = load(buf, sizeof(buf));
	at += sizeof(struct mw_ev_meta);
	buf[at] ^= 0x01;
	store(buf, n);
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	assert_int_equal(events, 1);
	snprintf(want, sizeof(want), "at byte %zu", at);
	assert_non_null(strstr(err, want));

	/* does not begin with META */
	memcpy(buf + sizeof(struct mw_capture_hdr), &tick, sizeof(tick));
	store(buf, sizeof(struct mw_capture_hdr) + sizeof(tick));
	assert_int_equal(read_all(err, sizeof(err), &events), -EBADMSG);
	assert_int_equal(events, 0);
	assert_non_null(strstr(err, "at byte 16"));
}

static void test_capture_file(void **state)
{
	struct mw_capture *c;
	char err[512], link[80];
	struct stat st;

	/* what was there is overwritten, and not readable for others any more */
	store((const uint8_t *)"old and longer than a header", 28);
	assert_int_equal(chmod(path, 0644), 0);
	write_capture(0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, sizeof(struct mw_capture_hdr) + sizeof(struct mw_ev_meta) +
					     2 * sizeof(struct mw_event_hdr));
	snprintf(link, sizeof(link), "%s/l", dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(mw_capture_new(link, err, sizeof(err), &c), -ELOOP);
	assert_non_null(strstr(err, "symbolic link"));
	unlink(link);
	assert_int_equal(mw_capture_new(dir, err, sizeof(err), &c), -EISDIR);
	assert_int_equal(mw_capture_new("/nowhere/x", err, sizeof(err), &c), -ENOENT);
	mw_capture_free(NULL);
}

static void test_capture_full(void **state)
{
	struct mw_event_hdr tick = head(MW_EV_TICK, sizeof(tick));
	struct mw_capture *c;
	char err[512];
	int r = 0;

	if (access("/dev/full", W_OK) < 0)
		skip();
	assert_int_equal(mw_capture_new("/dev/full", err, sizeof(err), &c), 0);
	for (size_t i = 0; i < 10000 && r == 0; i++)
		r = mw_capture_write(c, &tick, sizeof(tick));
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(mw_capture_write(c, &tick, sizeof(tick)), -ENOSPC);
	assert_int_equal(mw_capture_flush(c), -ENOSPC);
	mw_capture_free(c);
}

static void test_memory(void **state)
{
	struct mw_event_hdr events[2] = { head(MW_EV_TICK, sizeof(*events)),
					  head(MW_EV_TICK, sizeof(*events)) };
	struct mw_control want = { .kind = MW_CONTROL_CHAN_KEEP, .chan = 7, .gen = 8 };
	const struct mw_control *got;
	struct mw_source *s;
	const void *ev;
	size_t n;

	assert_int_equal(mw_source_memory_new(events, sizeof(events), &s), 0);
	assert_int_equal(mw_source_next(s, 0, &ev), sizeof(*events));
	assert_ptr_equal(ev, events);
	assert_int_equal(mw_source_control(s, &want), 0);
	assert_int_equal(mw_source_next(s, 0, &ev), sizeof(*events));
	assert_int_equal(mw_source_next(s, 0, &ev), -ENODATA);
	got = mw_source_memory_controls(s, &n);
	assert_int_equal(n, 1);
	assert_memory_equal(got, &want, sizeof(want));
	mw_source_free(s);

	assert_int_equal(mw_source_memory_new(events, sizeof(events) - 8, &s), 0);
	assert_int_equal(mw_source_next(s, 0, &ev), sizeof(*events));
	assert_int_equal(mw_source_next(s, 0, &ev), -EBADMSG);
	mw_source_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capture_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_capture_full, setup, teardown),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
