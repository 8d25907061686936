/* SPDX-License-Identifier: Apache-2.0 */
/* test_sink_check.c - what a start finds: damage, tiles to be made again, old segments */
#include "support_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

static char dir[LOGW_TMP_LEN];
static struct logw w;

static int setup(void **state)
{
	return logw_init_tmp(&w, dir);
}

static int teardown(void **state)
{
	char cmd[128];

	logw_done(&w);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *in_log(const char *name)
{
	static char path[64][600];
	static unsigned int n;

	n = (n + 1) % 64;
	snprintf(path[n], sizeof(path[n]), "%.255s/%.300s", w.dir, name);
	return path[n];
}

#define SEG "seg/00000000000000000000.jsonl"

static bool is_there(const char *name)
{
	return access(in_log(name), F_OK) == 0;
}

static void open_ok(void)
{
	if (logw_open(&w) < 0)
		fail_msg("refused: %s", w.err);
}

/* One run: `n` seals beside the first and the last. */
static void run(int n)
{
	open_ok();
	logw_write(&w, 150, false);
	logw_until_sealed(&w, w.seals);
	for (; n > 0; n--) {
		logw_ask(&w, w.now_ns + 30000000);
		logw_write(&w, 150, true);
		logw_until_sealed(&w, w.seals);
	}
	assert_int_equal(logw_stop(&w), 0);
}

static void flip(const char *name, off_t at)
{
	int fd = open(in_log(name), O_RDWR);
	char c;

	assert_true(fd >= 0);
	if (at < 0)
		at += lseek(fd, 0, SEEK_END);
	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

/* The name of the one file in a folder of the log. */
static const char *only_file(const char *folder)
{
	static char name[600];
	DIR *d = opendir(in_log(folder));
	struct dirent *e;

	name[0] = '\0';
	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "next") != 0) {
			assert_string_equal(name, "");
			snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
		}
	closedir(d);
	return name;
}

/* The next start finds it damaged: all of it goes away, and a new log begins that is sealed. */
static void found_damaged(const char *why)
{
	char was[300], seg[700];

	open_ok();
	assert_true(w.found.damaged);
	assert_non_null(strstr(w.found.damaged_why, why));
	assert_int_equal(w.found.next_seq, 0);
	assert_true(is_there("damaged/next"));
	snprintf(was, sizeof(was), "%s", only_file("damaged"));
	snprintf(seg, sizeof(seg), "%s/seg", was);
	assert_true(is_there(seg));
	snprintf(seg, sizeof(seg), "%s/why", was);
	assert_true(is_there(seg));
	/* a start in between says it again */
	logw_close(&w);
	open_ok();
	assert_true(w.found.damaged);
	assert_non_null(strstr(w.found.damaged_why, why));
	w.seals = 0;
	logw_write(&w, 100, false);
	logw_until_sealed(&w, 1);
	assert_false(is_there("damaged/next"));
	assert_int_equal(logw_stop(&w), 0);
	assert_int_equal(logw_check(&w), 2);
	open_ok();
	assert_false(w.found.damaged);
	logw_close(&w);
}

static void again(int n)
{
	teardown(NULL);
	setup(NULL);
	run(n);
}

static void test_sealed_lines(void **state)
{
	char origin[MW_NOTE_NAME_MAX];
	struct mw_sink_log_names names;
	struct stat st;

	/* a byte of the first line, of the last, its newline; the end cut off */
	again(3);
	flip(SEG, 70);
	assert_int_equal(mw_sink_log_names(w.dir, w.err, sizeof(w.err), &names), 0);
	memcpy(origin, names.origin, sizeof(origin));
	open_ok();
	assert_string_equal(w.found.damaged_origin, origin);
	assert_int_equal(w.found.damaged_size, 9);
	assert_int_equal(strlen(w.found.damaged_root), 64);
	logw_close(&w);
	found_damaged("record 0 in " SEG " is not what was sealed");
	again(3);
	flip(SEG, -10);
	found_damaged("is not what was sealed");
	again(3);
	flip(SEG, -1);
	found_damaged("are gone or broken, 9 were sealed");
	again(3);
	assert_int_equal(stat(in_log(SEG), &st), 0);
	assert_int_equal(truncate(in_log(SEG), st.st_size / 2), 0);
	found_damaged("are gone or broken, 9 were sealed");
	again(3);
	assert_int_equal(unlink(in_log(SEG)), 0);
	found_damaged("its last records are gone");
}

static void cut_last_line(const char *name)
{
	char buf[65536], *nl;
	int fd = open(in_log(name), O_RDWR);
	ssize_t n = read(fd, buf, sizeof(buf));

	assert_true(n > 1);
	nl = memrchr(buf, '\n', (size_t)n - 1);
	assert_int_equal(ftruncate(fd, nl ? nl + 1 - buf : 0), 0);
	close(fd);
}

static void copy(const char *from, const char *to)
{
	char cmd[1300];

	snprintf(cmd, sizeof(cmd), "cp -a %s %s", from, to);
	assert_int_equal(system(cmd), 0);
}

static void test_seals(void **state)
{
	char keys[300], cmd[700];

	again(2);
	cut_last_line("seals.jsonl");
	found_damaged("its last seals are gone");
	again(2);
	assert_int_equal(truncate(in_log("seals.jsonl"), 0), 0);
	found_damaged("its seals are gone");
	again(2);
	assert_int_equal(unlink(in_log("seals.jsonl")), 0);
	found_damaged("seals.jsonl is gone");
	again(2);
	flip("seals.jsonl", -100);
	found_damaged("");
	again(2);
	assert_int_equal(unlink(in_log("checkpoint")), 0);
	found_damaged("checkpoint is gone");
	again(2);
	flip("checkpoint", -20);
	found_damaged("checkpoint is not that of the last seal");
	again(2);
	assert_int_equal(unlink(in_log("origin")), 0);
	found_damaged("origin is gone");
	again(2);
	assert_int_equal(truncate(in_log("origin"), 5), 0);
	found_damaged("origin is no log's name");
	/* the keys of an earlier day */
	again(2);
	snprintf(keys, sizeof(keys), "%s/keys.old", dir);
	copy(w.keys_dir, keys);
	run(1);
	snprintf(cmd, sizeof(cmd), "cp -a %s/*.epoch %s/", keys, w.keys_dir);
	assert_int_equal(system(cmd), 0);
	found_damaged("its keys are older than it");
	/* the log of an earlier day */
	again(2);
	snprintf(keys, sizeof(keys), "%s/log.old", dir);
	copy(w.dir, keys);
	run(1);
	snprintf(cmd, sizeof(cmd), "rm -rf %.200s && cp -a %.200s %.200s", w.dir, keys, w.dir);
	assert_int_equal(system(cmd), 0);
	found_damaged("its last seals are gone");
}

/* The checkpoint of the seal before the last: its rename was not on disk when the power went. */
static void test_checkpoint_behind(void **state)
{
	char old[300];
	struct stat a, b;

	open_ok();
	logw_write(&w, 150, false);
	logw_until_sealed(&w, 1);
	snprintf(old, sizeof(old), "%s/checkpoint.old", dir);
	copy(in_log("checkpoint"), old);
	assert_int_equal(logw_stop(&w), 0);
	copy(in_log("checkpoint"), in_log("../checkpoint.new"));
	copy(old, in_log("checkpoint"));
	open_ok();
	assert_false(w.found.damaged);
	logw_close(&w);
	assert_int_equal(stat(in_log("checkpoint"), &a), 0);
	assert_int_equal(stat(in_log("../checkpoint.new"), &b), 0);
	assert_int_equal(a.st_size, b.st_size);
	run(1);
	assert_int_equal(logw_check(&w), w.seals);
}

/* Tiles are made of lines: those that a lost power took are made again, those changed are put
 * right. */
static void test_tiles(void **state)
{
	char cmd[700];
	int i;

	open_ok();
	for (i = 0; i < 700; i++)
		logw_write(&w, 100, false);
	assert_int_equal(logw_stop(&w), 0);
	flip("tile/0/001", 100);
	run(1);
	assert_false(w.found.damaged);
	snprintf(cmd, sizeof(cmd), "rm -rf %s/tile/0/001 %s/tile/1", w.dir, w.dir);
	assert_int_equal(system(cmd), 0);
	run(1);
	assert_false(w.found.damaged);
	snprintf(cmd, sizeof(cmd), "rm -rf %s/tile", w.dir);
	assert_int_equal(system(cmd), 0);
	run(1);
	assert_false(w.found.damaged);
	assert_true(is_there("tile/0/001"));
	assert_int_equal(logw_check(&w), w.seals);
}

/* A crash while a damaged log is being moved away: parts are here and parts are there. */
static void test_move_again(void **state)
{
	static const char *const parts[] = { "origin", "vkeys", "checkpoint", "seals.jsonl",
					     "tile" };
	char was[300], from[700];
	size_t n, i;

	for (n = 1; n <= sizeof(parts) / sizeof(parts[0]); n++) {
		again(2);
		flip(SEG, 70);
		open_ok();
		logw_close(&w);
		snprintf(was, sizeof(was), "%s", only_file("damaged"));
		/* what the new one has made so far was not there then */
		for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			snprintf(from, sizeof(from), "rm -rf %s", in_log(parts[i]));
			assert_int_equal(system(from), 0);
		}
		for (i = 0; i < n; i++) {
			snprintf(from, sizeof(from), "%s/%s", was, parts[i]);
			assert_int_equal(rename(in_log(from), in_log(parts[i])), 0);
		}
		open_ok();
		assert_true(w.found.damaged);
		for (i = 0; i < n; i++) {
			snprintf(from, sizeof(from), "%s/%s", was, parts[i]);
			assert_true(is_there(from));
		}
		w.seals = 0;
		logw_write(&w, 100, false);
		assert_int_equal(logw_stop(&w), 0);
		assert_int_equal(logw_check(&w), w.seals);
	}
}

/* --- old segments --- */

static unsigned int count(const char *folder, const char *tail)
{
	DIR *d = opendir(in_log(folder));
	struct dirent *e;
	unsigned int n = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		const size_t len = strlen(e->d_name), k = strlen(tail);

		n += len > k && strcmp(e->d_name + len - k, tail) == 0;
	}
	closedir(d);
	return n;
}

static off_t total(void)
{
	DIR *d = opendir(in_log("seg"));
	char name[300];
	struct dirent *e;
	struct stat st;
	off_t sum = 0;

	while ((e = readdir(d))) {
		snprintf(name, sizeof(name), "seg/%.200s", e->d_name);
		if (e->d_name[0] != '.' && stat(in_log(name), &st) == 0)
			sum += st.st_size;
	}
	closedir(d);
	return sum;
}

/* The compressed file has its name before the other one goes. */
static void wait_compressed(unsigned int least)
{
	int i;

	for (i = 0; count("seg", ".zst") < least || count("seg", ".jsonl") > 2; i++) {
		if (i > 60000)
			fail_msg("%u compressed", count("seg", ".zst"));
		usleep(1000);
		logw_ask(&w, w.now_ns);
	}
}

static void wait_pruned(uint64_t prunes, off_t most)
{
	int i;

	for (i = 0; w.prunes < prunes || total() > most; i++) {
		if (i > 60000)
			fail_msg("%" PRIu64 " prunes, %jd bytes", w.prunes, (intmax_t)total());
		usleep(1000);
		logw_ask(&w, w.now_ns + 1000000);
	}
}

static void fill(int segments)
{
	int i;

	for (i = 0; i < segments; i++) {
		logw_write(&w, 1200, false);
		logw_until_sealed(&w, w.seals);
	}
}

static void test_compress(void **state)
{
	char in[4096], out[8192];
	size_t n;
	int fd;

	w.cfg.segment_max = 1000;
	w.cfg.compress = true;
	open_ok();
	fill(6);
	/* all but the last two */
	wait_compressed(4);
	assert_int_equal(count("seg", ".zst"), 4);
	assert_int_equal(count("seg", ".jsonl"), 2);
	assert_int_equal(logw_stop(&w), 0);
	fd = open(in_log(SEG ".zst"), O_RDONLY);
	n = ZSTD_decompress(out, sizeof(out), in, (size_t)read(fd, in, sizeof(in)));
	close(fd);
	assert_false(ZSTD_isError(n));
	assert_memory_equal(out, "{\"v\":1,\"seq\":0,", 15);
	assert_int_equal(out[n - 1], '\n');
	/* goes on behind compressed ones */
	open_ok();
	assert_int_equal(w.found.next_seq, w.seq);
	assert_false(w.found.damaged);
	fill(1);
	assert_int_equal(logw_stop(&w), 0);
}

static void age(time_t by)
{
	DIR *d = opendir(in_log("seg"));
	struct timespec ts[2];
	struct dirent *e;
	char name[300];
	struct stat st;

	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "seg/%.200s", e->d_name);
		assert_int_equal(stat(in_log(name), &st), 0);
		ts[0] = ts[1] = st.st_mtim;
		ts[0].tv_sec = ts[1].tv_sec = st.st_mtim.tv_sec - by;
		assert_int_equal(utimensat(AT_FDCWD, in_log(name), ts, 0), 0);
	}
	closedir(d);
}

static void test_retention(void **state)
{
	unsigned int was;

	w.cfg.segment_max = 1000;
	w.cfg.retention_len = 4000;
	open_ok();
	fill(6);
	assert_int_equal(logw_stop(&w), 0);
	/* too much, but all of it young */
	open_ok();
	fill(2);
	usleep(100000);
	fill(1);
	assert_int_equal(w.prunes, 0);
	assert_int_equal(logw_stop(&w), 0);
	assert_true(total() > 8000);
	was = count("seg", ".jsonl");
	/* eight days later: as much as is too much, oldest first */
	age(8 * 86400);
	open_ok();
	fill(1);
	wait_pruned(1, 4000 + 1700);
	assert_false(is_there(SEG));
	assert_true(count("seg", ".jsonl") > 1);
	assert_true(count("seg", ".jsonl") < was);
	assert_int_equal(logw_stop(&w), 0);
	/* ninety days later: all but what is in use; the tiles stay */
	age(91 * 86400);
	w.cfg.retention_len = 0;
	open_ok();
	assert_false(w.found.damaged);
	fill(1);
	wait_pruned(2, 2 * 1700);
	assert_false(is_there("seg/00000000000000000012.jsonl"));
	assert_int_equal(w.prunes, 2);
	assert_int_equal(logw_stop(&w), 0);
	assert_true(is_there("tile/0/000.p"));
	run(1);
	assert_false(w.found.damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sealed_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checkpoint_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tiles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_move_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compress, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
