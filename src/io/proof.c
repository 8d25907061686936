/* SPDX-License-Identifier: Apache-2.0 */
#include "io/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/note.h"
#include "io/segment.h"
#include "io/verify_priv.h"

#define BUF_LEN (256u << 10)

/* What it is made of. */
struct made {
	const char *dir;
	int dir_fd;
	uint64_t seq;
	struct mw_checkpoint at;
	struct mw_hash leaf, hash[MW_PROOF_MAX];
	size_t n_hash;
	char *note; /* at's text */
	char *err;
	size_t err_len;
};

static int __attribute__((format(printf, 3, 4))) fail(struct made *m, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->err, m->err_len, fmt, ap);
	va_end(ap);
	return r;
}

/* Of the file `vkeys`, the one that is named as the log is. */
static int check_signature(struct made *m, const struct mw_note *note)
{
	_cleanup_(mw_freep) char *text = NULL;
	char *line, *nl;
	struct mw_vkey k;
	size_t n;

	if (mw_vf_file(m->dir_fd, "vkeys", MW_NOTE_MAX, &text, &n) == 0)
		for (line = text; (nl = memchr(line, '\n', n - (size_t)(line - text)));
		     line = nl + 1)
			if (mw_vkey_parse(line, (size_t)(nl - line), &k) == 0 &&
			    strcmp(k.name, m->at.origin) == 0 &&
			    mw_note_verify(note, &k, NULL) == 1)
				return 0;
	return fail(m, -EBADMSG, "%s: the checkpoint is not signed by the log's identity", m->dir);
}

static int read_checkpoint(struct made *m)
{
	struct mw_note note;
	size_t n;
	int r;

	r = mw_vf_file(m->dir_fd, "checkpoint", MW_NOTE_MAX, &m->note, &n);
	if (r < 0)
		return fail(m, r == -ENOENT ? -ENODATA : r, "%s: %s", m->dir,
			    r == -ENOENT ? "the log has no checkpoint: nothing of it is sealed"
					 : strerror(-r));
	if (mw_note_parse(m->note, n, &note) < 0 ||
	    mw_checkpoint_parse(note.body, note.body_len, &m->at) < 0)
		return fail(m, -EBADMSG, "%s: the checkpoint is damaged", m->dir);
	if (m->seq >= m->at.size)
		return fail(m, -ENODATA,
			    "%s: record %" PRIu64 " is not sealed (yet): %" PRIu64 " records are",
			    m->dir, m->seq, m->at.size);
	return check_signature(m, &note);
}

/* Line `skip` of what is read, from 0. 0, -EBADMSG (it has not so many), others. */
static int read_line(struct mw_segread *in, uint64_t skip, struct mw_buf *line)
{
	_cleanup_(mw_freep) char *buf = malloc(BUF_LEN);
	size_t n = 0, at;
	ssize_t k;
	char *nl;

	if (!buf)
		return -ENOMEM;
	while ((k = mw_segread_read(in, buf + n, BUF_LEN - n)) > 0) {
		n += (size_t)k;
		for (at = 0; (nl = memchr(buf + at, '\n', n - at)); at = (size_t)(nl + 1 - buf))
			if (skip-- == 0)
				return mw_buf_append(line, buf + at, (size_t)(nl - buf) - at);
		memmove(buf, buf + at, n - at);
		n -= at;
		if (n > MW_RECORD_MAX)
			return -EBADMSG;
	}
	return k < 0 ? (int)k : -EBADMSG;
}

static int find_line(struct made *m, struct mw_buf *line)
{
	_cleanup_(mw_segread_freep) struct mw_segread *in = NULL;
	_cleanup_(mw_freep) struct mw_segment *segs = NULL;
	_cleanup_(mw_close) int seg_fd = -1;
	char name[MW_SEGMENT_FILE_MAX];
	size_t n = 0;
	int r;

	seg_fd = openat(m->dir_fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = seg_fd < 0 ? -errno : mw_segments_list(seg_fd, &segs, &n);
	if (r < 0)
		return fail(m, r, "cannot read %s/seg: %s", m->dir, strerror(-r));
	while (n > 0 && segs[n - 1].first > m->seq)
		n--;
	if (n == 0)
		return fail(m, -ENODATA,
			    "%s: record %" PRIu64 " was deleted from this log, with its segment",
			    m->dir, m->seq);
	mw_segment_file(&segs[n - 1], name);
	r = mw_segread_open(seg_fd, &segs[n - 1], &in);
	if (r == 0)
		r = read_line(in, m->seq - segs[n - 1].first, line);
	if (r == -EBADMSG)
		return fail(m, r, "%s/seg/%s: record %" PRIu64 " is missing or cannot be read",
			    m->dir, name, m->seq);
	return r < 0 ? fail(m, r, "cannot read %s/seg/%s: %s", m->dir, name, strerror(-r)) : 0;
}

static int prove(struct made *m)
{
	struct mw_hash root;
	int r;

	r = mw_tiles_prove(m->dir_fd, m->at.size, m->seq, m->hash, &m->n_hash);
	if (r == -ENOENT || r == -EBADMSG)
		return fail(m, -EBADMSG, "%s: the tiles of the log are missing or damaged", m->dir);
	if (r < 0)
		return fail(m, r, "cannot read %s/tile: %s", m->dir, strerror(-r));
	if (mw_tlog_proof_root(m->at.size, m->seq, &m->leaf, m->hash, m->n_hash, &root) < 0 ||
	    memcmp(&root, &m->at.root, sizeof(root)) != 0)
		return fail(m, -EBADMSG,
			    "%s: record %" PRIu64
			    " is not what was sealed, or the tiles are not; 'mcpwatch verify' says "
			    "more",
			    m->dir, m->seq);
	return 0;
}

static int put_base64(struct mw_buf *out, const void *p, size_t n)
{
	_cleanup_(mw_freep) uint8_t *text = malloc((n + 2) / 3 * 4 + 1);
	int len;

	if (!text)
		return -ENOMEM;
	len = EVP_EncodeBlock(text, p, (int)n);
	return mw_buf_append(out, text, (size_t)len);
}

static int print(const struct made *m, struct mw_slice line, struct mw_buf *out)
{
	size_t i;
	int r;

	r = mw_buf_append_str(out, "c2sp.org/tlog-proof@v1\nextra ");
	if (r == 0)
		r = put_base64(out, line.p, line.n);
	if (r == 0)
		r = mw_buf_append_str(out, "\nindex ");
	if (r == 0)
		r = mw_buf_append_u64(out, m->seq);
	for (i = 0; r == 0 && i < m->n_hash; i++) {
		r = mw_buf_append_byte(out, '\n');
		if (r == 0)
			r = put_base64(out, m->hash[i].p, MW_HASH_LEN);
	}
	if (r == 0)
		r = mw_buf_append_str(out, "\n\n");
	return r == 0 ? mw_buf_append_str(out, m->note) : r;
}

int mw_proof_export(const char *dir, uint64_t seq, struct mw_buf *line, struct mw_buf *proof,
		    char *err, size_t err_len)
{
	_cleanup_(mw_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct made m = {
		.dir = dir, .dir_fd = dir_fd, .seq = seq, .err = err, .err_len = err_len
	};
	int r;

	if (dir_fd < 0) {
		r = -errno;
		return fail(&m, r, "cannot read %s: %s", dir, strerror(-r));
	}
	r = read_checkpoint(&m);
	if (r == 0)
		r = find_line(&m, line);
	if (r == 0) {
		mw_tlog_leaf(line->p, line->len, &m.leaf);
		r = prove(&m);
	}
	if (r == 0) {
		r = print(&m, mw_buf_slice(line), proof);
		if (r < 0)
			fail(&m, r, "cannot export from %s: %s", dir, strerror(-r));
	}
	free(m.note);
	return r;
}
