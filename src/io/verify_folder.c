/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/verify_priv.h"

/* Large enough that reading is a copy and not calls; small enough for the second-level cache. */
#define BUF_LEN (512u << 10)

/* --- the object's beginning ---------------------------------------------------------------------
 */

/* Generations that were found damaged lie beside, as they were found. */
static void look_at_damaged(struct mw_verify *v)
{
	_cleanup_(mw_close) int fd =
	    openat(v->dir_fd, "damaged", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[512];
	struct dirent *e;
	DIR *d;

	if (fd < 0 || mw_segments_open(fd, &d) < 0)
		return;
	while ((e = readdir(d)) != NULL) {
		_cleanup_(mw_freep) char *why = NULL;
		size_t n = 0;

		if (e->d_name[0] == '.' || strcmp(e->d_name, "next") == 0)
			continue;
		snprintf(path, sizeof(path), "damaged/%.255s/why", e->d_name);
		(void)mw_vf_file(v->dir_fd, path, 4096, &why, &n);
		mw_vf_soft(v, MW_FOUND_GENERATION,
			   "an older generation of this log was found damaged and lies in "
			   "damaged/%.255s%s%.*s",
			   e->d_name, n ? ": " : "", why ? (int)strcspn(why, "\n") : 0,
			   why ? why : "");
	}
	closedir(d);
}

/* Whether somebody writes it: the lock is taken only where nobody has it, and given back at once.
 */
static bool has_writer(int dir_fd)
{
	if (flock(dir_fd, LOCK_SH | LOCK_NB) == 0) {
		flock(dir_fd, LOCK_UN);
		return false;
	}
	return errno == EWOULDBLOCK;
}

int mw_verify_open(const char *dir, const struct mw_verify_config *config, char *err,
		   size_t err_len, struct mw_verify **ret)
{
	_cleanup_(mw_verify_freep) struct mw_verify *v = calloc(1, sizeof(*v));
	int r;

	if (v)
		v->mark = calloc(MW_VERIFY_MARKS, sizeof(*v->mark));
	if (!v || !v->mark) {
		snprintf(err, err_len, "cannot verify %s: not enough memory", dir);
		return -ENOMEM;
	}
	v->dir_fd = v->seals.fd = v->kept.fd = -1;
	mw_buf_init(&v->text, &mw_heap, MW_VERIFY_SEAL_MAX);
	v->now_ns = config->now_ns;
	v->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->dir_fd < 0) {
		r = -errno;
		snprintf(err, err_len, "cannot read %s: %s", dir, strerror(-r));
		return r;
	}
	v->rep.writer = has_writer(v->dir_fd);
	r = mw_vf_keys(v, config, err, err_len);
	if (r <= 0)
		return r;
	r = mw_vf_anchors(v, config, err, err_len);
	if (r < 0)
		return r;
	look_at_damaged(v);
	*ret = MW_TAKE(v);
	return 1;
}

/* --- all of a folder ----------------------------------------------------------------------------
 */

struct reader {
	struct mw_verify *v;
	int seg_fd;
	struct mw_segment *segs;
	size_t n_segs, seg; /* seg: the one being read */
	struct mw_segread *in;
	char *buf; /* BUF_LEN */
	size_t len;
	uint64_t next; /* the least `first` that is not read yet */
	bool any;
};

/* Takes the whole lines in the buffer; what is left of one moves to its beginning. */
static void take_lines(struct reader *rd)
{
	size_t at = 0;
	char *nl;

	while ((nl = memchr(rd->buf + at, '\n', rd->len - at)) != NULL) {
		mw_verify_line(rd->v, rd->buf + at, (size_t)(nl - rd->buf) - at);
		at = (size_t)(nl - rd->buf) + 1;
	}
	memmove(rd->buf, rd->buf + at, rd->len - at);
	rd->len -= at;
	if (rd->len > MW_RECORD_MAX)
		mw_verify_broken(rd->v, "longer than a record can be");
}

/* Reads what there is of the segment. 1: something; 0: nothing; negative errno. */
static int read_segment(struct reader *rd)
{
	int any = 0;
	ssize_t n;

	while (!rd->v->stop) {
		n = mw_segread_read(rd->in, rd->buf + rd->len, BUF_LEN - rd->len);
		if (n == -EBADMSG) {
			mw_verify_broken(rd->v,
					 "its segment is compressed, and damaged or cut off");
			break;
		}
		if (n <= 0)
			return n < 0 ? (int)n : any;
		any = 1;
		rd->len += (size_t)n;
		take_lines(rd);
	}
	return any;
}

/* The first segment from `next` on: 1, 0 there is none now, negative errno. */
static int next_segment(struct reader *rd)
{
	char file[MW_SEGMENT_FILE_MAX];
	struct mw_segment *s;
	size_t i;
	int r, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < rd->n_segs; i++)
			if (!rd->any || rd->segs[i].first > rd->next)
				break;
		if (i < rd->n_segs)
			break;
		free(rd->segs);
		rd->segs = NULL;
		rd->n_segs = 0;
		r = mw_segments_list(rd->seg_fd, &rd->segs, &rd->n_segs);
		if (r < 0)
			return r;
	}
	if (k == 2)
		return 0;
	/* what was written of the one before, until the new one was made */
	if (rd->in) {
		r = read_segment(rd);
		if (r < 0)
			return r;
		if (rd->len > 0)
			mw_verify_broken(rd->v, "its line has no end, and another segment follows");
	}
	s = &rd->segs[i];
	mw_segread_free(rd->in);
	rd->in = NULL;
	mw_segment_file(s, file);
	mw_verify_segment(rd->v, s->first, file);
	rd->next = s->first;
	rd->any = true;
	rd->len = 0;
	r = mw_segread_open(rd->seg_fd, s, &rd->in);
	if (r == -ENOENT && !s->zst) {
		/* compressed meanwhile */
		s->zst = true;
		r = mw_segread_open(rd->seg_fd, s, &rd->in);
	}
	return r < 0 ? r : 1;
}

/* Until there is nothing more, for now or for ever. */
static int read_all(struct reader *rd)
{
	bool waits;
	int r, more;

	do {
		waits = rd->v->have_next;
		more = 0;
		r = rd->in ? read_segment(rd) : 0;
		if (r < 0)
			return r;
		more |= r;
		while (!rd->v->stop && (r = next_segment(rd)) == 1) {
			more = 1;
			r = read_segment(rd);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
		/* a seal that came since is of lines that were written before it: they are there
		 * now */
	} while (mw_verify_poll(rd->v) && (more || !waits));
	return 0;
}

static int run(struct reader *rd)
{
	int r;

	rd->seg_fd = openat(rd->v->dir_fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rd->seg_fd < 0 && errno != ENOENT)
		return -errno;
	rd->buf = malloc(BUF_LEN);
	if (!rd->buf)
		return -ENOMEM;
	r = rd->seg_fd < 0 ? 0 : read_all(rd);
	if (r < 0)
		return r;
	mw_verify_poll(rd->v);
	mw_verify_end(rd->v, rd->len);
	return mw_verify_error(rd->v);
}

int mw_verify_folder(const char *dir, const struct mw_verify_config *config, char *err,
		     size_t err_len, struct mw_verify_report *ret)
{
	_cleanup_(mw_verify_freep) struct mw_verify *v = NULL;
	struct reader rd = { .seg_fd = -1 };
	int r;

	r = mw_verify_open(dir, config, err, err_len, &v);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret = (struct mw_verify_report){
			.verdict =
			    config->n_vkeys || config->n_anchors ? MW_LOG_TAMPERED : MW_LOG_SHORT,
			.finding = MW_FOUND_NOT_SEALED,
			.text = "the log is not sealed: it has records alone, and nothing that "
				"proves them",
		};
		return 0;
	}
	mw_verify_ahead(v);
	rd.v = v;
	r = run(&rd);
	mw_segread_free(rd.in);
	mw_close(&rd.seg_fd);
	free(rd.segs);
	free(rd.buf);
	if (r < 0) {
		snprintf(err, err_len, "cannot read %s: %s", dir, strerror(-r));
		return r;
	}
	*ret = *mw_verify_report(v);
	return 0;
}
