/* SPDX-License-Identifier: Apache-2.0 */
#include "anchor_fx.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

/* --- the configuration
 * ---------------------------------------------------------------------------- */

static int load(const char *yaml, struct mw_anchor_list *l, char err[512])
{
	char path[] = "/tmp/mw-anchor-XXXXXX";
	int r, fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	r = mw_anchor_list_load(path, (struct mw_yaml_err){ err, 512 }, l);
	unlink(path);
	return r;
}

static void test_config(void **state)
{
	static const struct {
		const char *yaml, *want;
	} bad[] = {
		{ "anchors: 1\n", ":1:10: 'anchors' must be a list, not a single value" },
		{ "anchors:\n- type: smoke\n",
		  ":2:9: 'type' must be syslog, journal, file or witness" },
		{ "anchors:\n- address: x\n", ":2:3: 'type' is missing" },
		{ "anchors:\n- {type: file, path: /x}\n",
		  ":2:16: unknown key 'path'; known are: type, address, vkey, every, timeout" },
		{ "anchors:\n- type: file\n", ":2:3: 'address' is missing" },
		{ "anchors:\n- {type: file, address: x}\n",
		  ":2:3: 'address' must be a path from the root" },
		{ "anchors:\n- {type: journal, address: x}\n", ":2:3: a journal has no 'address'" },
		{ "anchors:\n- {type: syslog, address: 'host:514'}\n",
		  ":2:3: 'address' must be udp://HOST[:PORT], tcp://HOST[:PORT] or unix:/PATH" },
		{ "anchors:\n- {type: syslog, address: 'udp://h:x'}\n", NULL },
		{ "anchors:\n- {type: syslog, address: 'udp://h:123456'}\n", NULL },
		{ "anchors:\n- {type: syslog, address: 'udp://:514'}\n", NULL },
		{ "anchors:\n- {type: syslog, address: 'udp://[::1:514'}\n", NULL },
		{ "anchors:\n- {type: witness, address: 'http://x'}\n",
		  ":2:3: 'vkey' is missing: without it what a witness answers proves nothing" },
		{ "anchors:\n- {type: witness, address: 'http://x', vkey: a+b}\n",
		  ":2:46: 'vkey' is no verifier key (NAME+ID+KEY)" },
		{ "anchors:\n- {type: file, address: /x, every: 0}\n",
		  ":2:36: 'every' must be at least 1" },
		{ "anchors:\n- {type: file, address: /x, timeout: 61}\n",
		  ":2:38: 'timeout' must be a number from 0 to 60" },
	};
	char err[512] = "", yaml[1024], vkey[MW_VKEY_MAX];
	struct mw_anchor_list l;
	struct mw_vkey k;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(load(bad[i].yaml, &l, err), -EINVAL);
		if (bad[i].want)
			assert_string_equal(strchr(err, ':'), bad[i].want);
		mw_anchor_list_done(&l);
	}
	assert_int_equal(load("ring: 1MiB\nanchors:\n", &l, err), 0);
	assert_int_equal(l.n, 0);
	mw_anchor_list_done(&l);
	witness_vkey(&k, vkey);
	snprintf(yaml, sizeof(yaml),
		 "ring: 1MiB\nanchors:\n- {type: journal}\n- {type: file, address: /x, every: 5}\n"
		 "- {type: syslog, address: 'tcp://[::1]:10', timeout: 3}\n"
		 "- {type: witness, address: 'https://w.example/x/', vkey: %s}\n",
		 vkey);
	if (load(yaml, &l, err) < 0)
		fail_msg("%s", err);
	assert_int_equal(l.n, 4);
	assert_int_equal(l.anchor[0].type, MW_ANCHOR_JOURNAL);
	assert_int_equal(l.anchor[0].every_ms, 1000);
	assert_int_equal(l.anchor[0].timeout_ms, 10000);
	assert_int_equal(l.anchor[1].every_ms, 5000);
	assert_int_equal(l.anchor[2].timeout_ms, 3000);
	assert_int_equal(l.anchor[3].vkey.id, k.id);
	mw_anchor_list_done(&l);
	/* an ordinary key is not a witness's */
	mw_vkey_print(&witness.pub, vkey);
	snprintf(yaml, sizeof(yaml), "anchors:\n- {type: witness, address: 'http://x', vkey: %s}\n",
		 vkey);
	assert_int_equal(load(yaml, &l, err), -EINVAL);
	assert_non_null(strstr(err, "'vkey' is not the key of a witness"));
	mw_anchor_list_done(&l);
}

/* --- places
 * --------------------------------------------------------------------------------------- */

static void test_file(void **state)
{
	char path[128], elsewhere[128], err[512] = "", note[MW_NOTE_MAX + 1];
	struct got g = { 0 };
	struct mw_anchor_list l;
	struct mw_anchors *a;
	struct stat st;
	uint64_t n_bad = 9;
	int fd;

	snprintf(path, sizeof(path), "%s/elsewhere", dir);
	a = start(&l, MW_ANCHOR_FILE, path);
	mw_anchors_push(a, note, grow(3, note), 3);
	wait_for(a, 1, 0);
	/* half a line of an earlier one */
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, ORIGIN "\n4\nabc", 32), 32);
	close(fd);
	mw_anchors_push(a, note, grow(4, note), 4);
	wait_for(a, 2, 0);
	mw_anchors_push(a, note, grow(5, note), 5);
	assert_int_equal(mw_anchors_stop(a, 60000), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(mw_anchor_file_read(path, on_found, &g, NULL, &n_bad, err, 512), 0);
	assert_int_equal(g.n, 3);
	assert_int_equal(g.size[2], 5);

	/* never through a link, the last part of the path or another */
	snprintf(elsewhere, sizeof(elsewhere), "%s/link", dir);
	assert_int_equal(symlink(path, elsewhere), 0);
	a = start(&l, MW_ANCHOR_FILE, elsewhere);
	mw_anchors_push(a, note, grow(6, note), 6);
	wait_for(a, 0, 1);
	assert_true(
	    was_said("there is a symbolic link in its path: the checkpoint of 6 records did "
		     "not get there"));
	assert_int_equal(mw_anchors_stop(a, 5000), 1);
	unlink(elsewhere);
	assert_int_equal(symlink(dir, elsewhere), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/link/elsewhere", dir);
	a = start(&l, MW_ANCHOR_FILE, elsewhere);
	mw_anchors_push(a, note, grow(6, note), 6);
	assert_int_equal(mw_anchors_stop(a, 5000), 1);
	a = start(&l, MW_ANCHOR_FILE, "/dev/null");
	mw_anchors_push(a, note, grow(6, note), 6);
	assert_int_equal(mw_anchors_stop(a, 5000), 1);
	assert_true(was_said("it is no regular file"));
}

/* A journal's socket of our own, in a mount namespace of our own. */
static void test_journal(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX,
				  .sun_path = "/run/systemd/journal/socket" };
	char note[MW_NOTE_MAX + 1], got[16384], err[512] = "", path[128];
	struct mw_anchor_list l;
	struct got g = { 0 };
	struct mw_anchors *a;
	ssize_t n;
	int fd;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/run", "tmpfs", 0, NULL) < 0)
		skip();
	a = start(&l, MW_ANCHOR_JOURNAL, "journal");
	mw_anchors_push(a, note, grow(7, note), 7);
	wait_for(a, 0, 1);
	assert_true(was_said("no journal takes entries"));
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(mw_anchors_stop(a, 60000), 0);
	n = recv(fd, got, sizeof(got) - 20, MSG_DONTWAIT);
	close(fd);
	umount("/run");
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, "MESSAGE=checkpoint of 7 records of " ORIGIN "\n"));
	assert_non_null(memmem(got, (size_t)n, "MCPWATCH_SIZE=7\n", 16));
	assert_non_null(memmem(got, (size_t)n, "PRIORITY=5\n", 11));
	assert_non_null(
	    memmem(got, (size_t)n, "MESSAGE_ID=8d1c4e2a6f0b4f0c9f5a7f6c2b3d1e07\n", 44));
	/* what the journal got is how it exports */
	snprintf(path, sizeof(path), "%s/journal", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, "__CURSOR=1\n", 11), 11);
	assert_int_equal(write(fd, got, (size_t)n), n);
	close(fd);
	assert_int_equal(mw_anchor_file_read(path, on_found, &g, NULL, NULL, err, 512), 0);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.size[0], 7);
}

/* --- what they have in common
 * --------------------------------------------------------------------- */

/* Many are pushed; few go out, the newest one for sure, and pushing never waits. */
static void test_newest(void **state)
{
	char note[MW_NOTE_MAX + 1], path[128], err[512];
	struct mw_anchor_list l;
	struct mw_anchors *a;
	struct got g = { 0 };
	int64_t begin;
	uint64_t i;

	snprintf(path, sizeof(path), "%s/newest", dir);
	a = start(&l, MW_ANCHOR_FILE, path);
	begin = mw_anchor_now_ms();
	for (i = 0; mw_anchor_now_ms() - begin < 1000; i++) {
		mw_anchors_push(a, note, grow(500 + i, note), 500 + i);
		usleep(500);
	}
	begin = mw_anchor_now_ms() - begin;
	assert_int_equal(mw_anchors_stop(a, 60000), 0);
	assert_int_equal(mw_anchor_file_read(path, on_found, &g, NULL, NULL, err, 512), 0);
	assert_in_range(g.n, 2, begin / 50 + 3);
	assert_int_equal(g.size[g.n - 1], 499 + i);
}

static void read_status(pid_t pid, char *text, size_t len)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, len - 1);
	assert_true(n > 0);
	text[n] = '\0';
	close(fd);
}

/* The process that listens to strangers has nothing to give. */
static void test_helper(void **state)
{
	char note[MW_NOTE_MAX + 1], address[64], text[8192], path[64], link[256];
	struct mw_anchor_list l;
	struct mw_anchors *a;
	unsigned int port = 0, fds = 0, i;
	int fd = listener(SOCK_DGRAM, &port);
	pid_t pid;

	if (geteuid() != 0)
		skip();
	snprintf(address, sizeof(address), "udp://127.0.0.1:%u", port);
	a = start(&l, MW_ANCHOR_SYSLOG, address);
	mw_anchors_push(a, note, grow(1000, note), 1000);
	recv_line(fd, 1000);
	wait_for(a, 1, 0);
	pid = a->anchor[0].helper.pid;
	assert_true(pid > 0);
	read_status(pid, text, sizeof(text));
	assert_non_null(strstr(text, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(text, "\nGroups:\t \n"));
	assert_non_null(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nCapBnd:\t0000000000000000\n"));
	assert_non_null(strstr(text, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "\nSeccomp:\t2\n"));
	for (i = 0; i < 64; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%u", pid, i);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = '\0';
		fds++;
		if (i < 3)
			assert_string_equal(link, "/dev/null");
		else
			assert_memory_equal(link, "socket:", 7);
	}
	assert_in_range(fds, 4, 5);
	/* it is killed: the next one takes its place */
	kill(pid, SIGKILL);
	mw_anchors_push(a, note, grow(1001, note), 1001);
	recv_line(fd, 1001);
	wait_for(a, 2, 0);
	assert_int_not_equal(a->anchor[0].helper.pid, pid);
	pid = a->anchor[0].helper.pid;
	assert_int_equal(mw_anchors_stop(a, 60000), 0);
	assert_int_equal(kill(pid, 0), -1);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),	cmocka_unit_test(test_file),
		cmocka_unit_test(test_newest),	cmocka_unit_test(test_helper),
		cmocka_unit_test(test_journal),
	};

	/* the helper is this program anew */
	if (argc == 2 && strcmp(argv[1], MW_NET_VERB) == 0)
		_exit(mw_net_helper());
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
