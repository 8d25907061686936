/* SPDX-License-Identifier: Apache-2.0 */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* execvp's search, done before the fork: the failed tries would be actions of the command. */
static int find(const char *name, char *path, size_t len)
{
	const char *dirs = getenv("PATH"), *end;
	struct stat st;
	int found = -ENOENT, n;

	if (strchr(name, '/')) {
		n = snprintf(path, len, "%s", name);
		if (n < 0 || (size_t)n >= len)
			return -ENAMETOOLONG;
		if (stat(path, &st) < 0)
			return -errno;
		return S_ISDIR(st.st_mode) || access(path, X_OK) < 0 ? -EACCES : 0;
	}
	if (!*name)
		return -ENOENT;
	for (dirs = dirs ? dirs : "/usr/local/bin:/usr/bin:/bin"; dirs;
	     dirs = *end ? end + 1 : NULL) {
		end = strchrnul(dirs, ':');
		n = snprintf(path, len, "%.*s%s%s", (int)(end - dirs), dirs,
			     end > dirs ? "/" : "./", name);
		if (n < 0 || (size_t)n >= len || stat(path, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (access(path, X_OK) == 0)
			return 0;
		found = -EACCES;
	}
	return found;
}

static int find_user(const char *user, struct passwd *ret)
{
	struct passwd *pw = getpwnam(user);
	char *end;
	unsigned long uid;

	if (!pw && *user >= '0' && *user <= '9') {
		uid = strtoul(user, &end, 10);
		pw = *end || uid > UINT_MAX ? NULL : getpwuid((uid_t)uid);
	}
	if (!pw)
		return -ESRCH;
	*ret = *pw;
	return 0;
}

static void run_child(const char *path, char *const argv[], const struct passwd *pw, int go,
		      int fail)
{
	int error;
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(125);
	if (pw && (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
		   setuid(pw->pw_uid) < 0))
		goto failed;
	execv(path, argv);
failed:
	error = errno;
	if (write(fail, &error, sizeof(error)) < 0)
		_exit(125);
	_exit(error == ENOENT ? 127 : 126);
}

int mw_child_start(char *const argv[], const char *user, char *err, size_t err_len,
		   struct mw_child *ret)
{
	int go[2], fail[2], r;
	struct passwd pw = { 0 };
	char path[PATH_MAX];
	pid_t pid;

	r = find(argv[0], path, sizeof(path));
	if (r < 0) {
		snprintf(err, err_len, "%s: %s", argv[0],
			 r == -ENOENT ? "command not found" : strerror(-r));
		return r;
	}
	if (user && find_user(user, &pw) < 0) {
		snprintf(err, err_len, "--user %s: no such user", user);
		return -ESRCH;
	}
	if (pipe2(go, O_CLOEXEC) < 0)
		goto failed;
	if (pipe2(fail, O_CLOEXEC) < 0) {
		close(go[0]);
		close(go[1]);
		goto failed;
	}
	pid = fork();
	if (pid == 0) {
		close(go[1]); /* or it would wait for itself when we are killed */
		close(fail[0]);
		run_child(path, argv, user ? &pw : NULL, go[0], fail[1]);
	}
	close(go[0]);
	close(fail[1]);
	if (pid < 0) {
		close(go[1]);
		close(fail[0]);
		goto failed;
	}
	*ret = (struct mw_child){ .pid = pid, .go = go[1], .fail = fail[0] };
	return 0;
failed:
	r = -errno;
	snprintf(err, err_len, "%s: cannot start: %s", argv[0], strerror(-r));
	return r;
}

int mw_child_go(struct mw_child *c)
{
	int error = 0;
	ssize_t n;

	if (write(c->go, "g", 1) != 1)
		error = errno;
	do
		n = read(c->fail, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(c->go);
	close(c->fail);
	c->go = c->fail = -1;
	if (error)
		waitpid(c->pid, NULL, 0);
	return -error;
}

void mw_child_cancel(struct mw_child *c)
{
	if (c->go < 0)
		return;
	close(c->go);
	close(c->fail);
	waitpid(c->pid, NULL, 0);
}
