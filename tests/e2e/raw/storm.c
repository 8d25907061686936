/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm.c - a raw MCP server whose tools do very much, or name their files badly
 *
 * storm FOLDER. Each call has a thread of its own. What the call with id N does, it does to files
 * called FOLDER/c<N - 1, four digits>-something, which its arguments do not name; id 0 is
 * initialize. Tools, all with
 * {"n"}: fork (n children that make a file and remove it), open (n files made and removed), paths
 * (names nobody would choose; n is not used), pids (n children, one after the other, all with the
 * pid {"pid"}).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *folder;
static pthread_mutex_t out = PTHREAD_MUTEX_INITIALIZER;

struct job {
	long id, n, pid;
	char tool[16];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Makes a file and removes it. */
static void act(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	close(fd);
	if (unlink(path))
		die(path);
}

static void name(const struct job *j, const char *what, long i, char *ret, size_t n)
{
	snprintf(ret, n, "%s/c%04ld-%s-%ld", folder, j->id - 1, what, i);
}

static void opens(const struct job *j)
{
	char path[4200];

	for (long i = 0; i < j->n; i++) {
		name(j, "open", i, path, sizeof(path));
		act(path);
	}
}

static void forks(const struct job *j)
{
	enum { AT_ONCE = 16 };
	pid_t alive[AT_ONCE] = { 0 };
	char path[4200];

	for (long i = 0; i < j->n + AT_ONCE; i++) {
		pid_t *slot = &alive[i % AT_ONCE];
		if (*slot)
			waitpid(*slot, NULL, 0);
		*slot = 0;
		if (i >= j->n)
			continue;
		name(j, "fork", i, path, sizeof(path));
		*slot = fork();
		if (*slot == 0) {
			act(path);
			_exit(0);
		}
		if (*slot < 0)
			die("fork");
	}
}

/* A child with the pid asked for: clone3(2), set_tid. Others may have it for the moment. */
static pid_t child(pid_t pid)
{
	struct clone_args a = { .exit_signal = SIGCHLD,
				.set_tid = (uint64_t)(uintptr_t)&pid,
				.set_tid_size = 1 };
	long r;

	while ((r = syscall(SYS_clone3, &a, sizeof(a))) < 0 && errno == EEXIST)
		usleep(200);
	if (r < 0)
		die("clone3");
	return (pid_t)r;
}

static void pids(const struct job *j)
{
	char path[4200];

	for (long i = 0; i < j->n; i++) {
		name(j, "pid", i, path, sizeof(path));
		pid_t p = child((pid_t)j->pid);
		if (p == 0) {
			act(path);
			_exit(0);
		}
		waitpid(p, NULL, 0);
		usleep(300);
	}
}

static void paths(const struct job *j)
{
	static const char *const names[] = {
		"line\nfeed",
		"\033]0;owned\007\033[2J\033[31mred",
		"\xff\xfe\xc0\xaf\xed\xa0\x80",
		"quote\"back\\slash",
		"\u202egpj.exe",
		"tab\tnul\\u0000",
		"{\"v\":1,\"seq\":0}",
		"\x7f\x9b\x1b",
	};
	char path[5000], dir[5000];
	size_t top;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/c%04ld-%s", folder, j->id - 1, names[i]);
		act(path);
	}
	/* 4,095 bytes, the longest there is, by way of dots and of folders */
	snprintf(path, sizeof(path), "%s/", folder);
	while (strlen(path) < 4060)
		strcat(path, "./");
	snprintf(path + strlen(path), 64, "c%04ld-", j->id - 1);
	while (strlen(path) < 4095)
		strcat(path, "x");
	act(path);
	top = (size_t)snprintf(path, sizeof(path), "%s/c%04ld-deep", folder, j->id - 1);
	mkdir(path, 0700);
	while (strlen(path) < 4095 - 202) {
		memset(path + strlen(path) + 1, 'y', 200);
		path[strlen(path) + 201] = 0;
		path[strlen(path)] = '/';
		mkdir(path, 0700);
	}
	size_t len = strlen(path);
	memcpy(dir, path, len + 1);
	memset(path + len, 'z', 4095 - len);
	path[len] = '/';
	path[4095] = 0;
	act(path);
	for (; len >= top; dir[len] = 0) {
		rmdir(dir);
		while (len > 0 && dir[--len] != '/')
			;
	}
}

static void *serve(void *arg)
{
	struct job *j = arg;
	char answer[256];
	int n;

	if (!strcmp(j->tool, "fork"))
		forks(j);
	else if (!strcmp(j->tool, "open"))
		opens(j);
	else if (!strcmp(j->tool, "pids"))
		pids(j);
	else if (!strcmp(j->tool, "paths"))
		paths(j);
	n = snprintf(answer, sizeof(answer), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":{%s}}\n",
		     j->id,
		     j->id ? "\"content\":[{\"type\":\"text\",\"text\":\"done\"}]"
			   : "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
			     "\"serverInfo\":{\"name\":\"e2e-storm\",\"version\":\"1\"}");
	pthread_mutex_lock(&out);
	if (write(1, answer, (size_t)n) != n)
		exit(1);
	pthread_mutex_unlock(&out);
	free(j);
	return NULL;
}

static long number(const char *line, const char *key)
{
	const char *p = strstr(line, key);
	return p ? strtol(p + strlen(key), NULL, 10) : -1;
}

int main(int argc, char **argv)
{
	char line[8192];

	if (argc != 2)
		return 2;
	folder = argv[1];
	while (fgets(line, sizeof(line), stdin)) {
		const char *tool = strstr(line, "\"name\":\"");
		struct job *j = calloc(1, sizeof(*j));
		pthread_t t;

		j->id = number(line, "\"id\":");
		j->n = number(line, "\"n\":");
		j->pid = number(line, "\"pid\":");
		if (j->id > 0 && tool)
			sscanf(tool, "\"name\":\"%15[a-z]", j->tool);
		if (j->id < 0) {
			free(j);
			continue;
		}
		if (pthread_create(&t, NULL, serve, j))
			die("pthread_create");
		pthread_detach(t);
	}
	return 0;
}
