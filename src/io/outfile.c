/* SPDX-License-Identifier: Apache-2.0 */
#include "io/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/file.h"

#define BUF_LEN	    (256 << 10)
#define LINK_NAMES  16
#define TMP_PATTERN ".XXXXXX"

struct mw_outfile {
	FILE *f;
	char *path; /* NULL: stdout */
	char *tmp;  /* what it is called meanwhile; NULL: nothing */
	bool nameless, as_it_is;
};

int mw_outfile_failed(const struct mw_outfile *o, int error, char *err, size_t err_len)
{
	error = error ? error : EIO;
	snprintf(err, err_len, "cannot write %s: %s", o->path ? o->path : "the output",
		 strerror(error));
	return -error;
}

/* The file beside which another one is made. Negative errno. */
static int open_nameless(const char *path)
{
	_cleanup_(mw_freep) char *copy = strdup(path);
	int fd;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int open_fd(struct mw_outfile *o)
{
	struct stat st;
	int fd;

	if (!o->path)
		return STDOUT_FILENO;
	if (stat(o->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		o->as_it_is = true;
		fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? -errno : fd;
	}
	fd = open_nameless(o->path);
	o->nameless = fd >= 0;
	if (fd >= 0 || fd == -ENOMEM)
		return fd;
	if (asprintf(&o->tmp, "%s" TMP_PATTERN, o->path) < 0) {
		o->tmp = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(o->tmp, O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fd = -errno;
	free(MW_TAKE(o->tmp));
	return fd;
}

int mw_outfile_open(const char *path, char *err, size_t err_len, struct mw_outfile **ret)
{
	_cleanup_(mw_outfile_freep) struct mw_outfile *o = calloc(1, sizeof(*o));
	const bool is_stdout = strcmp(path, "-") == 0;
	int fd;

	if (o && !is_stdout)
		o->path = strdup(path);
	if (!o || (!is_stdout && !o->path)) {
		snprintf(err, err_len, "cannot write %s: not enough memory", path);
		return -ENOMEM;
	}
	fd = open_fd(o);
	if (fd < 0)
		return mw_outfile_failed(o, -fd, err, err_len);
	o->f = is_stdout ? stdout : fdopen(fd, "w");
	if (!o->f) {
		close(fd);
		return mw_outfile_failed(o, ENOMEM, err, err_len);
	}
	/* without it stdio goes on with a buffer of its own */
	setvbuf(o->f, NULL, _IOFBF, BUF_LEN);
	*ret = MW_TAKE(o);
	return 0;
}

FILE *mw_outfile_stream(struct mw_outfile *o)
{
	return o->f;
}

/* Gives what has no name one beside the file's. 0, negative errno. */
static int give_name(struct mw_outfile *o)
{
	char fd_path[sizeof("/proc/self/fd/") + 12];
	uint32_t random;
	int i, r = -EEXIST;

	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", fileno(o->f));
	for (i = 0; i < LINK_NAMES && r == -EEXIST; i++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			random = (uint32_t)getpid() + (uint32_t)i;
		free(MW_TAKE(o->tmp));
		if (asprintf(&o->tmp, "%s.%08" PRIx32, o->path, random) < 0) {
			o->tmp = NULL;
			return -ENOMEM;
		}
		r = linkat(AT_FDCWD, fd_path, AT_FDCWD, o->tmp, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	}
	if (r < 0)
		free(MW_TAKE(o->tmp));
	return r;
}

int mw_outfile_commit(struct mw_outfile *o, char *err, size_t err_len)
{
	int r = 0;

	errno = 0;
	if (fflush(o->f) != 0 || ferror(o->f))
		return mw_outfile_failed(o, errno, err, err_len);
	if (!o->path)
		return 0;
	if (o->nameless)
		r = give_name(o);
	/* some file systems say it only now */
	if (fclose(MW_TAKE(o->f)) != 0 && r == 0)
		r = -errno;
	if (r == 0 && !o->as_it_is && rename(o->tmp, o->path) < 0)
		r = -errno;
	if (r < 0)
		return mw_outfile_failed(o, -r, err, err_len);
	free(MW_TAKE(o->tmp));
	return 0;
}

void mw_outfile_free(struct mw_outfile *o)
{
	if (!o)
		return;
	if (o->f && o->path)
		fclose(o->f);
	if (o->tmp)
		unlink(o->tmp);
	free(o->tmp);
	free(o->path);
	free(o);
}
