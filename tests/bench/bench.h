/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the measured programs share
 *
 * Each speaks with tests/bench/run over its stdio: it prints "pids A B" (whom a tracer is to
 * follow), waits for a line, measures, and prints "cell NAME VALUE N" for each window, N what it
 * counted. The end of stdin
 * while it waits ends it, so that nothing outlives the run.
 */
#ifndef MW_BENCH_H
#define MW_BENCH_H

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static inline long number(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (*s && !*end)
		return n;
	fprintf(stderr, "%s: not a number\n", s);
	exit(2);
}

/* -1: any cpu. */
static inline void pin(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu >= 0) {
		CPU_SET((size_t)cpu, &set);
	} else {
		for (size_t i = 0; i < CPU_SETSIZE; i++)
			CPU_SET(i, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		die("sched_setaffinity");
}

static inline void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static inline void wait_go(pid_t other)
{
	char line[16];

	printf("pids %d %d\n", (int)getpid(), (int)other);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

/* Whole, or the end of the program. */
static inline void write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n > 0) {
		ssize_t k = write(fd, s, n);

		if (k <= 0)
			die("write");
		s += k;
		n -= (size_t)k;
	}
}

/* false at the end of the pipe. */
static inline int read_all(int fd, void *p, size_t n)
{
	char *s = p;

	while (n > 0) {
		ssize_t k = read(fd, s, n);

		if (k < 0)
			die("read");
		if (k == 0)
			return 0;
		s += k;
		n -= (size_t)k;
	}
	return 1;
}

/* A child and a pipe each way: to[1] and from[0] are ours, to[0] and from[1] the child's. */
static inline pid_t fork_pair(int to[2], int from[2])
{
	pid_t pid;

	if (pipe(to) < 0 || pipe(from) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	close(pid ? to[0] : to[1]);
	close(pid ? from[1] : from[0]);
	return pid;
}

#endif
