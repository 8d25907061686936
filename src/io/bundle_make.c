/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_make.c
 *
 * The reading before has verified the logs and says how far each is sealed; this one takes that
 * much of them, and no more than was verified. The tree that is written down is put together again
 * as it is written, and must give the root of the last seal.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "io/bundle_priv.h"
#include "io/bundle_tree.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/verify_priv.h"

int mw_bundle_fail(struct mw_bundle_make *m, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->err, m->err_len, fmt, ap);
	va_end(ap);
	return r;
}

static int fail_part(struct mw_bundle_make *m, const struct mw_bundle_part *p, int r)
{
	return mw_bundle_fail(m, r, "cannot bundle %s: %s", p->path, strerror(-r));
}

FILE *mw_bundle_temporary(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), e;
	char path[PATH_MAX];
	FILE *f;

	/* not every file system has files without a name */
	if (fd < 0 &&
	    snprintf(path, sizeof(path), "%s/.mcpwatch-XXXXXX", dir) < (int)sizeof(path)) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	f = fd < 0 ? NULL : fdopen(fd, "w+");
	e = errno;
	if (!f && fd >= 0)
		close(fd);
	errno = e;
	return f;
}

int mw_bundle_file_new(struct mw_bundle_make *m, FILE **ret)
{
	FILE *f = mw_bundle_temporary(m->config->dir);

	if (!f)
		return mw_bundle_fail(m, -errno, "cannot make a file in %s: %s", m->config->dir,
				      strerror(errno));
	*ret = f;
	return 0;
}

/* --- records ------------------------------------------------------------------------------------
 */

/* Writes a stretch down, and puts it into the tree that is held against the seal at the end. */
static int put_range(struct mw_bundle_part *p, const struct mw_range *range, bool record)
{
	int r;

	if (range->to == range->from)
		return 0;
	mw_buf_reset(&p->text, MW_RANGE_LINE_MAX);
	r = mw_range_append(&p->sum, range);
	if (r == 0)
		r = mw_range_print(range, record, &p->text);
	if (r == 0 && fwrite(p->text.p, 1, p->text.len, p->tree) != p->text.len)
		r = -errno;
	if (!record)
		p->said.left_out += range->to - range->from;
	return r;
}

static int put_line(struct mw_bundle_part *p, const char *line, size_t n)
{
	return fwrite(line, 1, n, p->records) == n && putc('\n', p->records) != EOF ? 0 : -errno;
}

/* The sealed record p->next, or its hash alone. */
static int put_sealed(struct mw_bundle_part *p, const char *line, size_t n,
		      const struct mw_hash *leaf)
{
	struct mw_range one;
	int r;

	if (!line) {
		mw_range_add(&p->gap, leaf);
		p->next++;
		return 0;
	}
	r = put_range(p, &p->gap, false);
	mw_range_init(&one, p->next++);
	mw_range_init(&p->gap, p->next);
	mw_range_add(&one, leaf);
	if (r == 0)
		r = put_range(p, &one, true);
	if (r == 0)
		r = put_line(p, line, n);
	p->said.records++;
	return r;
}

/* The next line of pruned.jsonl whose record is not before p->next: 1 and its seq, 0 there is none.
 */
static int next_kept(const struct mw_bundle_part *p, FILE *f, char **line, size_t *cap,
		     size_t *ret_n, uint64_t *ret_seq)
{
	ssize_t n;

	while (f && (n = getline(line, cap, f)) > 0 && n <= MW_RECORD_MAX + 1) {
		if ((*line)[n - 1] != '\n')
			break;
		*ret_n = (size_t)n - 1;
		if (mw_record_seq(*line, *ret_n, ret_seq) == 0 && *ret_seq >= p->next)
			return 1;
	}
	return 0;
}

/* The records before `first` were deleted: their leaves are in the tiles, their seals kept. */
static int put_deleted(struct mw_bundle_part *p, uint64_t first)
{
	const int fd = openat(p->dir_fd, MW_SEGMENT_KEPT, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_(mw_freep) char *line = NULL;
	struct mw_hash leaf[MW_TILE_WIDTH], own;
	size_t cap = 0, n = 0, k, i;
	uint64_t seq = 0;
	int r = 0, have;

	have = next_kept(p, f, &line, &cap, &n, &seq);
	while (r == 0 && p->next < first) {
		k = (size_t)(first - p->next < MW_TILE_WIDTH ? first - p->next : MW_TILE_WIDTH);
		r = mw_tiles_leaves(p->dir_fd, p->report.sealed, p->next, k, leaf);
		for (i = 0; r == 0 && i < k; i++) {
			const bool kept = have && seq == p->next;

			if (kept)
				mw_tlog_leaf(line, n, &own);
			if (kept && memcmp(&own, &leaf[i], sizeof(own)) != 0)
				r = -EBADMSG;
			else
				r = put_sealed(p, kept ? line : NULL, n, &leaf[i]);
			if (kept)
				have = next_kept(p, f, &line, &cap, &n, &seq);
		}
	}
	if (f)
		fclose(f);
	return r;
}

/* Those that prove and say what the log went through are always there. */
static bool always(const struct mw_logrec *rec)
{
	return strcmp(rec->type, "seal") == 0 || strcmp(rec->type, "daemon") == 0;
}

static int take_record(struct mw_bundle_make *m, const struct mw_logrec *rec)
{
	const struct mw_bundle_config *c = m->config;
	struct mw_bundle_part *p = &m->parts[rec->input];
	struct mw_hash leaf;
	bool keep;
	int r = 0;

	if (p->next == 0 && rec->seq > 0 && p->next < p->report.sealed)
		r = put_deleted(p, rec->seq < p->report.sealed ? rec->seq : p->report.sealed);
	if (r < 0)
		return r;
	keep = c->keep(c->ctx, rec);
	if (p->next < p->report.sealed) {
		mw_tlog_leaf(rec->line, rec->len, &leaf);
		keep |= always(rec);
		return put_sealed(p, keep ? rec->line : NULL, rec->len, &leaf);
	}
	if (!keep)
		return 0;
	if (p->report.writer) {
		m->made.waiting++;
		return 0;
	}
	p->said.unproved++;
	return put_line(p, rec->line, rec->len);
}

static int read_logs(struct mw_bundle_make *m)
{
	_cleanup_(mw_logread_freep) struct mw_logread *l = NULL;
	const struct mw_export_about *about = m->config->about;
	_cleanup_(mw_freep) const char **paths = calloc(about->n_inputs, sizeof(*paths));
	struct mw_logrec rec;
	size_t i;
	int r;

	if (!paths)
		return mw_bundle_fail(m, -ENOMEM, "not enough memory");
	for (i = 0; i < about->n_inputs; i++)
		paths[i] = about->inputs[i].path;
	r = mw_logread_new(paths, about->n_inputs, false, m->err, m->err_len, &l);
	if (r < 0)
		return r;
	while ((r = mw_logread_next(l, &rec)) == 1) {
		r = take_record(m, &rec);
		if (r < 0)
			return fail_part(m, &m->parts[rec.input], r);
	}
	/* one that is damaged beyond reading was so before */
	if (r != -ENODATA && !about->wrong)
		return mw_bundle_fail(m, r, "%s", mw_logread_error(l));
	return 0;
}

/* --- seals --------------------------------------------------------------------------------------
 */

/* The note in the last line of seals.jsonl that is taken: the checkpoint. */
static int take_checkpoint(struct mw_bundle_part *p, struct mw_slice line)
{
	struct mw_slice raw;
	struct mw_checkpoint c;
	struct mw_hash root;
	struct mw_note note;
	unsigned int same;

	if (mw_json_member(line, "checkpoint", &raw, &same) < 0 || same != 1 ||
	    mw_json_str_decode(raw, &p->checkpoint) < 0 ||
	    mw_note_parse((const char *)p->checkpoint.p, p->checkpoint.len, &note) < 0 ||
	    mw_checkpoint_parse(note.body, note.body_len, &c) < 0)
		return -EBADMSG;
	mw_tlog_root(&p->sum, &root);
	if (c.size != p->sum.n || memcmp(&root, &c.root, sizeof(root)) != 0)
		return -EAGAIN;
	return 0;
}

static int copy_seals(struct mw_bundle_part *p)
{
	const int fd = openat(p->dir_fd, MW_VERIFY_SEALS, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_(mw_freep) char *line = NULL;
	size_t cap = 0;
	uint64_t i;
	ssize_t n;
	int r = f ? 0 : -errno;

	for (i = 0; r == 0 && i < p->report.seals; i++) {
		n = getline(&line, &cap, f);
		if (n <= 0 || n > MW_VERIFY_SEAL_MAX || line[n - 1] != '\n')
			r = -EAGAIN;
		else if (fwrite(line, 1, (size_t)n, p->seals) != (size_t)n)
			r = -errno;
		else if (i + 1 == p->report.seals)
			r = take_checkpoint(p, mw_slice(line, (size_t)n - 1));
	}
	if (f)
		fclose(f);
	return r;
}

/* The tree is whole, and that of the last seal. */
static int end_part(struct mw_bundle_make *m, struct mw_bundle_part *p)
{
	int r = put_range(p, &p->gap, false);

	if (r == 0)
		r = p->sum.n == p->report.sealed ? copy_seals(p) : -EAGAIN;
	if (r == -EAGAIN)
		return mw_bundle_fail(m, r, "cannot bundle %s: it was changed while it was read",
				      p->path);
	if (r < 0)
		return fail_part(m, p, r);
	m->made.records += p->said.records;
	m->made.left_out += p->said.left_out;
	m->made.unproved += p->said.unproved;
	return 0;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

/* What is known of the log from the reading before. */
static int open_part(struct mw_bundle_make *m, struct mw_bundle_part *p,
		     const struct mw_export_input *in)
{
	const struct mw_verify_report *rep = in->report;
	int r;

	p->path = in->path;
	if (!rep)
		return mw_bundle_fail(
		    m, -EINVAL, "cannot bundle %s: it is not sealed, and nothing would prove it",
		    p->path);
	p->report = *rep;
	if (rep->verdict == MW_LOG_TAMPERED) {
		p->said.tampered = true;
		p->said.has_seq = rep->has_seq;
		p->said.seq = rep->seq;
		memcpy(p->said.text, rep->text, sizeof(p->said.text));
	}
	if (rep->seals == 0 && p->said.tampered)
		return mw_bundle_fail(
		    m, -EKEYREJECTED,
		    "cannot bundle %s: THE LOG IS TAMPERED OR FORGED from its first "
		    "record on: %s",
		    p->path, p->said.text);
	if (rep->seals == 0)
		return mw_bundle_fail(
		    m, -EINVAL,
		    "cannot bundle %s: nothing of it is sealed yet, and nothing would "
		    "prove it",
		    p->path);
	memcpy(p->said.origin, rep->origin, sizeof(p->said.origin));
	p->said.sealed = rep->sealed;
	p->said.seals = rep->seals;
	mw_range_init(&p->gap, 0);
	p->dir_fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = p->dir_fd < 0
		? mw_bundle_fail(m, -errno, "cannot read %s: %s", p->path, strerror(errno))
		: mw_bundle_file_new(m, &p->records);
	if (r == 0)
		r = mw_bundle_file_new(m, &p->tree);
	return r == 0 ? mw_bundle_file_new(m, &p->seals) : r;
}

static void part_done(struct mw_bundle_part *p)
{
	FILE *files[] = { p->records, p->tree, p->seals };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i])
			fclose(files[i]);
	mw_close(&p->dir_fd);
	mw_buf_done(&p->checkpoint);
	mw_buf_done(&p->text);
}

static int make(struct mw_bundle_make *m)
{
	const struct mw_export_about *about = m->config->about;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < about->n_inputs; i++)
		r = open_part(m, &m->parts[i], &about->inputs[i]);
	if (r == 0)
		r = read_logs(m);
	for (i = 0; r == 0 && i < about->n_inputs; i++)
		r = end_part(m, &m->parts[i]);
	return r == 0 ? mw_bundle_pack(m) : r;
}

int mw_bundle_make(const struct mw_bundle_config *config, FILE *out, char *err, size_t err_len,
		   struct mw_bundle_made *ret)
{
	struct mw_bundle_make m = {
		.config = config, .fd = fileno(out), .err = err, .err_len = err_len
	};
	const size_t n = config->about->n_inputs;
	size_t i;
	int r;

	if (n > MW_BUNDLE_LOGS_MAX)
		return mw_bundle_fail(&m, -EINVAL, "cannot bundle %zu logs: at most %d", n,
				      MW_BUNDLE_LOGS_MAX);
	m.parts = calloc(n, sizeof(*m.parts));
	if (!m.parts)
		return mw_bundle_fail(&m, -ENOMEM, "not enough memory");
	for (i = 0; i < n; i++) {
		m.parts[i].dir_fd = -1;
		mw_buf_init(&m.parts[i].checkpoint, &mw_heap, MW_NOTE_MAX);
		mw_buf_init(&m.parts[i].text, &mw_heap, MW_RANGE_LINE_MAX);
	}
	mw_buf_init(&m.sums, &mw_heap, 1u << 20);
	r = make(&m);
	for (i = 0; i < n; i++)
		part_done(&m.parts[i]);
	mw_buf_done(&m.sums);
	free(m.parts);
	if (r == 0)
		*ret = m.made;
	return r;
}
