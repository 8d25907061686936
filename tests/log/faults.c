/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.c - for LD_PRELOAD: the Nth operation on a folder fails, or the process dies there
 *
 * Counted is what changes a file below FAULT_DIRS (colons between them): open that makes or empties
 * one, write, sync, rename, unlink, truncate, fallocate, mkdir.
 *
 *	FAULT_LOG	a line for each counted operation: its number, what, path
 *	FAULT_AT	the first that fails (1 is the first; 0 none)
 *	FAULT_FOR	how many from there (0: all)
 *	FAULT_HOW	EIO, ENOSPC: it fails so. short: a write takes half. kill, half, after: the
 *			process is killed before it, in the middle of the write, behind it. power:
 *as half, and what was written and not synced is lost
 *	FAULT_CLOCK	seconds that CLOCK_REALTIME is ahead
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))
#define FILES	   512
#define SMALL	   65536 /* of smaller files the synced bytes are kept, of larger ones the length */

/* One that was written here, by its inode. */
struct file {
	dev_t dev;
	ino_t ino;
	char path[PATH_MAX];
	bool dirty, whole;
	off_t synced;
	char image[SMALL];
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct file *files[FILES];
static size_t n_files;
static unsigned long count;

static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		abort();
	return f;
}

static const char *setting(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "";
}

static bool is(const char *how)
{
	return strcmp(setting("FAULT_HOW"), how) == 0;
}

static bool below(const char *path)
{
	const char *dirs = setting("FAULT_DIRS"), *end;
	size_t n;

	for (; *dirs; dirs = *end ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		n = (size_t)(end - dirs);
		if (n && strncmp(path, dirs, n) == 0 && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

static bool path_of(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n <= 0)
		return false;
	ret[n] = 0;
	return below(ret);
}

static bool path_at(int dir, const char *name, char ret[PATH_MAX])
{
	char base[PATH_MAX];

	if (name[0] == '/' || dir == AT_FDCWD) {
		if (name[0] != '/')
			return false;
		snprintf(ret, PATH_MAX, "%s", name);
		return below(ret);
	}
	if (!path_of(dir, base))
		return false;
	snprintf(ret, PATH_MAX, "%.2000s/%.2000s", base, name);
	return true;
}

/* --- what a loss of power takes ------------------------------------------------------------------
 */

static struct file *file_of(int fd)
{
	struct stat st;
	size_t i;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	for (i = 0; i < n_files; i++)
		if (files[i]->dev == st.st_dev && files[i]->ino == st.st_ino)
			return files[i];
	if (n_files == FILES)
		n_files = 0; /* the oldest are long synced */
	files[n_files] = calloc(1, sizeof(struct file));
	if (!files[n_files])
		abort();
	files[n_files]->dev = st.st_dev;
	files[n_files]->ino = st.st_ino;
	return files[n_files++];
}

/* What is on disk of it now: before its first write, and after a sync. */
static void take(int fd, struct file *f)
{
	char link[64];
	struct stat st;
	int r;

	path_of(fd, f->path);
	if (fstat(fd, &st) < 0)
		return;
	f->synced = st.st_size;
	f->whole = st.st_size <= SMALL;
	f->dirty = false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	r = f->whole ? REAL(open)(link, O_RDONLY | O_CLOEXEC) : -1;
	if (r >= 0 && read(r, f->image, SMALL) != st.st_size)
		f->whole = false;
	if (r >= 0)
		close(r);
}

static void before_write(int fd)
{
	struct file *f;

	if (!is("power"))
		return;
	f = file_of(fd);
	if (f && !f->dirty) {
		take(fd, f);
		f->dirty = true;
	}
}

static void after_write(int fd)
{
	struct file *f = is("power") && fcntl(fd, F_GETFL) & O_DSYNC ? file_of(fd) : NULL;

	if (f)
		take(fd, f);
}

static void power_off(void)
{
	size_t i;
	int fd;

	for (i = 0; i < n_files; i++) {
		struct file *f = files[i];

		if (!f->dirty)
			continue;
		fd = REAL(open)(f->path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (f->whole && REAL(pwrite)(fd, f->image, (size_t)f->synced, 0) != f->synced)
			abort();
		if (REAL(ftruncate)(fd, f->synced) < 0 && errno != EPERM) /* EPERM: append only */
			abort();
		close(fd);
	}
}

/* --- the fault -----------------------------------------------------------------------------------
 */

enum fate { GO_ON, FAIL, HALF };

static void die(void)
{
	if (is("power"))
		power_off();
	kill(getpid(), SIGKILL);
	pause();
}

/* Called with the lock. */
static enum fate next(const char *what, const char *path)
{
	unsigned long at = strtoul(setting("FAULT_AT"), NULL, 10);
	unsigned long n = strtoul(setting("FAULT_FOR"), NULL, 10);
	char line[PATH_MAX + 64];
	int fd, len;

	count++;
	if (*setting("FAULT_LOG")) {
		fd = REAL(open)(setting("FAULT_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
				0600);
		len = snprintf(line, sizeof(line), "%lu %s %s\n", count, what, path);
		if (fd < 0 || REAL(write)(fd, line, (size_t)len) != len)
			abort();
		close(fd);
	}
	if (at == 0 || count < at || (n && count >= at + n))
		return GO_ON;
	if (is("kill"))
		die();
	if (is("short"))
		return HALF;
	if (is("half") || is("power") || is("after"))
		return HALF;
	errno = is("ENOSPC") ? ENOSPC : EIO;
	return FAIL;
}

/* An operation that has no middle: what the caller returns on FAIL is r. */
#define WHOLE(what, path, call)                                                                    \
	({                                                                                         \
		__typeof__(call) r_ = -1;                                                          \
		enum fate fate_;                                                                   \
		pthread_mutex_lock(&lock);                                                         \
		fate_ = next(what, path);                                                          \
		if (fate_ != FAIL)                                                                 \
			r_ = (call);                                                               \
		if (fate_ == HALF && !is("short"))                                                 \
			die();                                                                     \
		pthread_mutex_unlock(&lock);                                                       \
		r_;                                                                                \
	})

static ssize_t written(int fd, const char *path, const void *p, size_t n, off_t at)
{
	enum fate fate;
	ssize_t r = -1;
	size_t take_n = n;

	pthread_mutex_lock(&lock);
	before_write(fd);
	fate = next(at < 0 ? "write" : "pwrite", path);
	/* less than a sector in place is written whole or not at all */
	if (fate == HALF && !is("after") && (at < 0 || n > 512))
		take_n = n > 1 ? n / 2 : n;
	if (fate != FAIL)
		r = at < 0 ? REAL(write)(fd, p, take_n) : REAL(pwrite)(fd, p, take_n, at);
	if (fate == HALF && !is("short"))
		die();
	if (r > 0)
		after_write(fd);
	pthread_mutex_unlock(&lock);
	return r;
}

ssize_t write(int fd, const void *p, size_t n)
{
	char path[PATH_MAX];

	return path_of(fd, path) ? written(fd, path, p, n, -1) : REAL(write)(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	char path[PATH_MAX];

	return path_of(fd, path) ? written(fd, path, p, n, at) : REAL(pwrite)(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return pwrite(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	char path[PATH_MAX], *p;
	size_t len = 0;
	ssize_t r;

	if (!path_of(fd, path))
		return REAL(writev)(fd, v, n);
	for (int i = 0; i < n; i++)
		len += v[i].iov_len;
	p = malloc(len + 1);
	if (!p)
		abort();
	len = 0;
	for (int i = 0; i < n; i++) {
		memcpy(p + len, v[i].iov_base, v[i].iov_len);
		len += v[i].iov_len;
	}
	r = written(fd, path, p, len, -1);
	free(p);
	return r;
}

static int synced(const char *what, int fd, int (*f)(int))
{
	char path[PATH_MAX];
	struct file *file;
	int r;

	if (!path_of(fd, path))
		return f(fd);
	pthread_mutex_lock(&lock);
	r = WHOLE(what, path, f(fd));
	file = r == 0 && is("power") ? file_of(fd) : NULL;
	if (file)
		take(fd, file);
	pthread_mutex_unlock(&lock);
	return r;
}

int fdatasync(int fd)
{
	return synced("fdatasync", fd, REAL(fdatasync));
}

int fsync(int fd)
{
	return synced("fsync", fd, REAL(fsync));
}

/* Of all that was written here. */
int syncfs(int fd)
{
	char path[PATH_MAX];
	size_t i;
	int r, at;

	if (!path_of(fd, path))
		return REAL(syncfs)(fd);
	pthread_mutex_lock(&lock);
	r = WHOLE("syncfs", path, REAL(syncfs)(fd));
	for (i = 0; r == 0 && is("power") && i < n_files; i++) {
		at = REAL(open)(files[i]->path, O_RDONLY | O_CLOEXEC);
		if (at >= 0) {
			take(at, files[i]);
			close(at);
		}
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static int opened(int dir, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	int fd;

	if (!(flags & (O_CREAT | O_TRUNC)) || !path_at(dir, name, path))
		return REAL(openat)(dir, name, flags, mode);
	fd = WHOLE("open", path, REAL(openat)(dir, name, flags, mode));
	pthread_mutex_lock(&lock);
	if (fd >= 0)
		before_write(fd);
	pthread_mutex_unlock(&lock);
	return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name, params, dir)                                                                    \
	int name params                                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = mode_of(flags, ap);                                                         \
		va_end(ap);                                                                        \
		return opened(dir, file, flags, mode);                                             \
	}
OPEN(open, (const char *file, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *file, int flags, ...), AT_FDCWD)
OPEN(openat, (int dirfd, const char *file, int flags, ...), dirfd)
OPEN(openat64, (int dirfd, const char *file, int flags, ...), dirfd)

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	char a[PATH_MAX], b[PATH_MAX];
	size_t i;
	int r;

	if (!path_at(from_dir, from, a) || !path_at(to_dir, to, b))
		return REAL(renameat2)(from_dir, from, to_dir, to, flags);
	pthread_mutex_lock(&lock);
	r = WHOLE("rename", b, REAL(renameat2)(from_dir, from, to_dir, to, flags));
	for (i = 0; r == 0 && i < n_files; i++)
		if (strcmp(files[i]->path, a) == 0)
			memcpy(files[i]->path, b, sizeof(b));
	pthread_mutex_unlock(&lock);
	return r;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX];

	if (!path_at(dir, name, path))
		return REAL(unlinkat)(dir, name, flags);
	return WHOLE("unlink", path, REAL(unlinkat)(dir, name, flags));
}

int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH_MAX];

	if (!path_at(dir, name, path))
		return REAL(mkdirat)(dir, name, mode);
	return WHOLE("mkdir", path, REAL(mkdirat)(dir, name, mode));
}

int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}

int ftruncate(int fd, off_t n)
{
	char path[PATH_MAX];

	return path_of(fd, path) ? WHOLE("truncate", path, REAL(ftruncate)(fd, n))
				 : REAL(ftruncate)(fd, n);
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	char path[PATH_MAX];

	return path_of(fd, path) ? WHOLE("fallocate", path, REAL(fallocate)(fd, mode, at, n))
				 : REAL(fallocate)(fd, mode, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	char path[PATH_MAX];
	int r;

	if (!path_of(fd, path))
		return REAL(posix_fallocate)(fd, at, n);
	r = WHOLE("fallocate", path, REAL(posix_fallocate)(fd, at, n));
	return r < 0 ? errno : r;
}

/* --- the clock -----------------------------------------------------------------------------------
 */

static time_t ahead(void)
{
	return (time_t)strtol(setting("FAULT_CLOCK"), NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = REAL(clock_gettime)(clock, ts);

	if (r == 0 && clock == CLOCK_REALTIME)
		ts->tv_sec += ahead();
	return r;
}

time_t time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
	return 0;
}
