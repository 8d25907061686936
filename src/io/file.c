/* SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static const char *why(int err)
{
	switch (err) {
	case ELOOP:
		return "it is a symbolic link; name the file itself";
	case EISDIR:
		return "it is a directory; name a file";
	case ENOENT:
		return "its directory does not exist";
	default:
		return strerror(err);
	}
}

int mw_file_create(const char *path, char *err, size_t err_len)
{
	_cleanup_(mw_close) int fd = -1;
	struct stat st;
	int r, ret;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		snprintf(err, err_len, "cannot write %s: %s", path, why(-r));
		return r;
	}
	/* emptied only now that it is known to be a plain file */
	if (S_ISREG(st.st_mode) && strcmp(path, "-") != 0 &&
	    (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0)) {
		r = -errno;
		snprintf(err, err_len, "cannot write %s: %s", path, why(-r));
		return r;
	}
	ret = fd;
	fd = -1;
	return ret;
}

int mw_file_write(int fd, const void *p, size_t n, size_t *ret_n)
{
	size_t done = 0;
	int r = 0;

	while (done < n) {
		ssize_t k = write(fd, (const char *)p + done, n - done);

		if (k > 0) {
			done += (size_t)k;
		} else if (k < 0 && errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			poll(&pfd, 1, 1000);
		} else if (k == 0 || errno != EINTR) {
			r = k == 0 ? -EIO : -errno;
			break;
		}
	}
	if (ret_n)
		*ret_n = done;
	return r;
}

int mw_file_make_dirs(const char *dir)
{
	char path[PATH_MAX];
	size_t n = strlen(dir), i;

	if (n == 0)
		return -ENOENT;
	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, n + 1);
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		path[i] = dir[i];
	}
	return 0;
}

int mw_file_open_private(const char *dir, const char *what, bool make, char *err, size_t err_len)
{
	_cleanup_(mw_close) int fd = -1;
	struct stat st;
	int r = make ? mw_file_make_dirs(dir) : 0;

	if (r == 0) {
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			r = -errno;
	}
	if (r == -ENOTDIR || r == -ELOOP || r == -EEXIST) {
		snprintf(err, err_len, "%s folder %s is no folder, or a symbolic link", what, dir);
		return r;
	}
	if (r < 0) {
		snprintf(err, err_len, "cannot open %s folder %s: %s%s", what, dir, strerror(-r),
			 r == -EACCES && geteuid() != 0 ? "; it is root's: run this as root" : "");
		return r;
	}
	if (st.st_uid != geteuid()) {
		snprintf(err, err_len, "%s folder %s belongs to user %u and must belong to user %u",
			 what, dir, st.st_uid, geteuid());
		return -EPERM;
	}
	if ((st.st_mode & 0777) != 0700) {
		snprintf(err, err_len, "%s folder %s has mode %04o and must have 0700", what, dir,
			 st.st_mode & 0777);
		return -EPERM;
	}
	r = fd;
	fd = -1;
	return r;
}

void mw_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void mw_freep(void *p)
{
	free(*(void **)p);
}
