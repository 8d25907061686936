/* SPDX-License-Identifier: Apache-2.0 */
/* test_state_dir.c - the folder of state: kept, locked, damaged */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/event.h"
#include "core/state.h"
#include "io/file.h"
#include "io/state.h"

#define H64  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "{\"mcpwatch_state\":1}\n"
#define PIN(name, since)                                                                           \
	"{\"pin\":\"tool\",\"server\":\"s\",\"name\":\"" name "\",\"hash\":\"" H64                 \
	"\",\"first\":1,"                                                                          \
	"\"since\":" since "}"

static char top[] = "/tmp/mw-state-XXXXXX";
static char dir[64], file[96];
static char note[MW_ERR_MAX];

static int setup(void **state)
{
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	if (!mkdtemp(top))
		return -1;
	snprintf(dir, sizeof(dir), "%s/a/state", top);
	snprintf(file, sizeof(file), "%s/state.jsonl", dir);
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", top);
	return system(cmd) == 0 ? 0 : -1;
}

static struct mw_state_dir *open_it(bool write)
{
	struct mw_state_dir *d;
	int r = mw_state_dir_open(dir, write, note, sizeof(note), &d);

	if (r < 0)
		fail_msg("%s", note);
	return d;
}

static int open_fails(void)
{
	struct mw_state_dir *d = (void *)1;
	int r = mw_state_dir_open(dir, true, note, sizeof(note), &d);

	assert_true(r < 0);
	assert_ptr_equal(d, (void *)1);
	assert_true(note[0]);
	assert_null(strchr(note, '\n'));
	return r;
}

static void put(const char *text, size_t n)
{
	_cleanup_(mw_close) int fd = -1;

	assert_int_equal(mw_file_make_dirs(dir), 0);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(mw_file_write(fd, text, n, NULL), 0);
}

static char *content(void)
{
	static char buf[8192];
	FILE *f = fopen(file, "r");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

/* How many files the folder has besides the one. */
static size_t others(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && strcmp(e->d_name, "state.jsonl") != 0;
	closedir(d);
	return n;
}

/* The next thing told: a line (lost false) or a loss. */
static void tells(struct mw_state_dir *d, uint32_t kind, const char *text)
{
	const struct mw_event_hdr *h = mw_state_dir_next(d);

	assert_non_null(h);
	assert_int_equal(mw_event_check(h, h->len), h->len);
	assert_int_equal(h->type, MW_EV_STATE);
	assert_int_equal(((const struct mw_ev_state *)h)->kind, kind);
	assert_slice_equal(mw_event_state((const struct mw_ev_state *)h), text);
}

static void tells_no_more(struct mw_state_dir *d)
{
	assert_null(mw_state_dir_next(d));
}

static void keep(struct mw_state_dir *d, const char *line)
{
	mw_state_dir_write(d, mw_slice_str(line));
}

static void lines_last(void **state)
{
	struct mw_state_dir *d = open_it(true);
	struct stat st;

	assert_string_equal(note, "");
	tells_no_more(d);
	keep(d, PIN("a", "1"));
	keep(d, PIN("b", "1"));
	keep(d, PIN("a", "2"));
	mw_state_dir_close(d);
	assert_string_equal(content(),
			    HEAD PIN("a", "1") "\n" PIN("b", "1") "\n" PIN("a", "2") "\n");
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	d = open_it(true);
	assert_string_equal(note, "");
	/* what was replaced is gone */
	assert_string_equal(content(), HEAD PIN("a", "2") "\n" PIN("b", "1") "\n");
	keep(d, PIN("c", "3"));
	tells(d, MW_STATE_LINE, PIN("a", "2"));
	tells(d, MW_STATE_LINE, PIN("b", "1"));
	tells_no_more(d);
	mw_state_dir_close(d);
	d = open_it(true);
	assert_string_equal(content(),
			    HEAD PIN("a", "2") "\n" PIN("b", "1") "\n" PIN("c", "3") "\n");
	mw_state_dir_close(d);
	assert_int_equal(others(), 0);
	mw_state_dir_close(NULL);
}

static void second_one_reads(void **state)
{
	struct mw_state_dir *d = open_it(true), *e;

	keep(d, PIN("a", "1"));
	e = open_it(true);
	assert_non_null(strstr(note, "in use by another mcpwatch"));
	tells(e, MW_STATE_LINE, PIN("a", "1"));
	tells_no_more(e);
	keep(e, PIN("b", "1"));
	assert_int_equal(mw_state_dir_unkept(e, NULL), 0);
	mw_state_dir_close(e);
	/* half a line is being written: it is none yet, and no damage */
	put(HEAD PIN("a", "1") "\n{\"pin\"", strlen(HEAD PIN("a", "1") "\n{\"pin\""));
	e = open_it(true);
	assert_null(strstr(note, "cut"));
	tells(e, MW_STATE_LINE, PIN("a", "1"));
	tells_no_more(e);
	mw_state_dir_close(e);
	mw_state_dir_close(d);
	assert_int_equal(others(), 0);
}

static void reader_makes_nothing(void **state)
{
	struct mw_state_dir *d = open_it(false);
	struct stat st;

	assert_string_equal(note, "");
	tells_no_more(d);
	keep(d, PIN("a", "1"));
	mw_state_dir_close(d);
	assert_int_equal(stat(dir, &st), -1);
	put(HEAD PIN("a", "1") "\nnonsense\n", strlen(HEAD PIN("a", "1") "\nnonsense\n"));
	d = open_it(false);
	assert_non_null(strstr(note, "1 of its lines cannot be read"));
	tells(d, MW_STATE_LINE, PIN("a", "1"));
	tells(d, MW_STATE_LOST, "1 of its lines cannot be read");
	tells_no_more(d);
	mw_state_dir_close(d);
	assert_int_equal(others(), 0);
}

static void damage_is_kept_and_told(void **state)
{
	static char big[100000];
	static const struct {
		const char *text;
		size_t n;
		const char *lost;
		bool line; /* the sound one is told all the same */
	} cases[] = {
		{ "", 0, "it is no file of state", false },
		{ "\0\0\0\0", 4, "it is no file of state", false },
		{ "hello\n", 6, "it is no file of state", false },
		{ "\x7f"
		  "ELF\n\n\n",
		  7, "it is no file of state", false },
		{ big, sizeof(big), "it is no file of state", false },
		{ PIN("a", "1") "\n", sizeof(PIN("a", "1")), "it is no file of state", false },
#define T HEAD PIN("a", "1") "\nx\n\n"
		{ T, sizeof(T) - 1, "2 of its lines cannot be read", true },
#undef T
#define T HEAD PIN("a", "1") "\n" HEAD
		{ T, sizeof(T) - 1, "1 of its lines cannot be read", true },
#undef T
#define T HEAD PIN("a", "1") "\n{\"pin\":"
		{ T, sizeof(T) - 1, "its last line is cut", true },
#undef T
#define T HEAD PIN("a", "1") "\n\0\0\0\0"
		{ T, sizeof(T) - 1, "its last line is cut", true },
#undef T
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_state_dir *d;

		teardown(NULL);
		put(cases[i].text, cases[i].n);
		d = open_it(true);
		assert_non_null(strstr(note, cases[i].lost));
		assert_non_null(strstr(note, "moved to damaged-"));
		if (cases[i].line)
			tells(d, MW_STATE_LINE, PIN("a", "1"));
		tells(d, MW_STATE_LOST, cases[i].lost);
		tells_no_more(d);
		mw_state_dir_close(d);
		assert_int_equal(others(), 1);
		assert_string_equal(content(), cases[i].line ? HEAD PIN("a", "1") "\n" : HEAD);
		d = open_it(true);
		assert_string_equal(note, "");
		mw_state_dir_close(d);
	}
}

/* A line of any length costs no memory, and is one bad line. */
static void long_lines(void **state)
{
	const size_t n = 5u << 20;
	char *text = malloc(n);
	struct mw_state_dir *d;
	size_t at;

	assert_non_null(text);
	memset(text, 'x', n);
	at = strlen(HEAD);
	memcpy(text, HEAD, at);
	memcpy(text + n - 1 - strlen("\n" PIN("a", "1")), "\n" PIN("a", "1"),
	       strlen("\n" PIN("a", "1")));
	text[n - 1] = '\n';
	put(text, n);
	free(text);
	d = open_it(true);
	tells(d, MW_STATE_LINE, PIN("a", "1"));
	tells(d, MW_STATE_LOST, "1 of its lines cannot be read");
	mw_state_dir_close(d);
}

static void what_is_not_ours_is_refused(void **state)
{
	char link[128];

	put("{\"mcpwatch_state\":2}\nx\n", 23);
	assert_int_equal(open_fails(), -EPROTONOSUPPORT);
	assert_non_null(strstr(note, "version 2, of a newer mcpwatch"));
	assert_string_equal(content(), "{\"mcpwatch_state\":2}\nx\n");
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(open_fails(), -EPERM);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(open_fails(), -EPERM);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/etc/hostname", file), 0);
	assert_int_equal(open_fails(), -ELOOP);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(open_fails(), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	snprintf(link, sizeof(link), "%s/link", top);
	assert_int_equal(symlink(dir, link), 0);
	snprintf(dir, sizeof(dir), "%s/link", top);
	assert_int_equal(open_fails(), -ENOTDIR);
	snprintf(dir, sizeof(dir), "/proc/self/none");
	assert_true(open_fails() < 0);
}

static void a_full_disk_is_told_once(void **state)
{
	const struct rlimit none = { 60, RLIM_INFINITY };
	struct mw_state_dir *d = open_it(true);
	struct rlimit old;
	int error;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	keep(d, PIN("a", "1"));
	keep(d, PIN("b", "1"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	tells(d, MW_STATE_LOST, "what is learned cannot be kept: File too large");
	keep(d, PIN("c", "1"));
	tells_no_more(d);
	assert_int_equal(mw_state_dir_unkept(d, &error), 3);
	assert_int_equal(error, -EFBIG);
	mw_state_dir_close(d);
	assert_string_equal(content(), HEAD); /* no half a line */
}

static void none_tells_why(void **state)
{
	struct mw_state_dir *d;

	assert_int_equal(mw_state_dir_none("so", &d), 0);
	tells(d, MW_STATE_LOST, "so");
	tells_no_more(d);
	keep(d, PIN("a", "1"));
	mw_state_dir_close(d);
}

/* It is rewritten while it runs, too: the file has a bound. */
static void does_not_grow_for_ever(void **state)
{
	struct mw_state_dir *d = open_it(true);
	const size_t n = MW_STATE_DIR_GROW / strlen(PIN("a", "1000000")) + 1000;
	char line[256];
	struct stat st;
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(line, sizeof(line), PIN("a", "%zu"), 1000000 + i);
		keep(d, line);
	}
	assert_int_equal(mw_state_dir_unkept(d, NULL), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_true(st.st_size < 1 << 20);
	mw_state_dir_close(d);
	d = open_it(true);
	assert_string_equal(note, "");
	tells(d, MW_STATE_LINE, line);
	mw_state_dir_close(d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lines_last),
		T(second_one_reads),
		T(reader_makes_nothing),
		T(damage_is_kept_and_told),
		T(long_lines),
		T(what_is_not_ours_is_refused),
		T(a_full_disk_is_told_once),
		T(none_tells_why),
		T(does_not_grow_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
