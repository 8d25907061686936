/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_verify.c
 *
 * The seals, keys and anchors are verify.h's. The tree is put together from the stretches of
 * `tree`, and each record held against its leaf there. A leaf that is not the record's is told only
 * when the tree is known to be the sealed one: else it is the tree that is wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/bundle_priv.h"
#include "io/bundle_tree.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/verify_priv.h"

#define LINES_LEN (256u << 10)
_Static_assert(LINES_LEN > MW_RECORD_MAX + 1 && LINES_LEN > MW_RANGE_LINE_MAX, "a line fits");

/* A file of the archive, line by line. */
struct lines {
	struct mw_tgz *tgz;
	char *buf; /* LINES_LEN */
	size_t at, len;
	uint64_t line_no; /* of the line that peek gives, from 1 */
	bool have;
	struct mw_slice line;
};

/* One log of the bundle. */
struct proof {
	const struct mw_bundle_read *b;
	size_t log;
	struct mw_verify *v;
	struct mw_tgz *seals;
	struct lines tree, records;
	struct mw_bundle_log *ret;
	/* the first record that is not what the tree has, until the tree is known to be good */
	enum mw_finding found;
	uint64_t found_seq, found_line;
	char found_text[MW_VERIFY_TEXT];
	struct mw_line_mark mark; /* of the record before, if it is a seal or of the daemon */
	uint64_t mark_end;	  /* its seq + 1; 0: none */
	char *err;
	size_t err_len;
};

/* --- lines --------------------------------------------------------------------------------------
 */

static int open_file(const struct proof *p, enum mw_bundle_kind kind, struct mw_tgz **ret)
{
	const struct mw_bundle_file *f = mw_bundle_find(p->b, p->log, kind);
	struct mw_tgz_entry e;
	int r;

	r = f ? mw_tgz_open(p->b->fd, f->entry.at, ret) : -EBADMSG;
	if (r == 0)
		r = mw_tgz_next(*ret, &e);
	return r == 1 ? 0 : r < 0 ? r : -EBADMSG;
}

static int open_lines(const struct proof *p, enum mw_bundle_kind kind, struct lines *l)
{
	l->buf = malloc(LINES_LEN);
	return l->buf ? open_file(p, kind, &l->tgz) : -ENOMEM;
}

static void lines_done(struct lines *l)
{
	mw_tgz_free(l->tgz);
	free(l->buf);
}

/* The next line, which stays until lines_take: 1 and l->line; 0: no more; -EBADMSG: what is left
 * has no end; others. */
static int lines_peek(struct lines *l)
{
	char *nl;
	ssize_t n;

	if (l->have)
		return 1;
	while (!(nl = l->len > l->at ? memchr(l->buf + l->at, '\n', l->len - l->at) : NULL)) {
		memmove(l->buf, l->buf + l->at, l->len - l->at);
		l->len -= l->at;
		l->at = 0;
		if (l->len == LINES_LEN)
			return -EBADMSG;
		n = mw_tgz_read(l->tgz, l->buf + l->len, LINES_LEN - l->len);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return l->len ? -EBADMSG : 0;
		l->len += (size_t)n;
	}
	l->line = mw_slice(l->buf + l->at, (size_t)(nl - l->buf) - l->at);
	l->at += l->line.n + 1;
	l->line_no++;
	l->have = true;
	return 1;
}

static void lines_take(struct lines *l)
{
	l->have = false;
}

/* --- the store that verify.h reads from ---------------------------------------------------------
 */

static int store_file(void *ctx, const char *name, size_t max, char **ret, size_t *ret_n)
{
	const struct proof *p = ctx;
	size_t i;

	for (i = 0; i < p->b->n_files; i++) {
		const struct mw_bundle_file *f = &p->b->files[i];

		if (!f->text || f->log != p->log || f->kind < MW_BUNDLE_ORIGIN ||
		    f->kind > MW_BUNDLE_RECORDS || strcmp(mw_bundle_name_in_log(f), name) != 0)
			continue;
		if (f->entry.size > max)
			return -EFBIG;
		*ret = malloc((size_t)f->entry.size + 1);
		if (!*ret)
			return -ENOMEM;
		memcpy(*ret, f->text, (size_t)f->entry.size + 1);
		*ret_n = (size_t)f->entry.size;
		return 0;
	}
	return -ENOENT;
}

static ssize_t store_seals(void *ctx, void *buf, size_t n)
{
	const struct proof *p = ctx;

	return mw_tgz_read(p->seals, buf, n);
}

/* --- records ------------------------------------------------------------------------------------
 */

static void note(struct proof *p, enum mw_finding f, uint64_t seq, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void note(struct proof *p, enum mw_finding f, uint64_t seq, const char *fmt, ...)
{
	va_list ap;

	if (p->found)
		return;
	p->found = f;
	p->found_seq = seq;
	p->found_line = p->records.have ? p->records.line_no : 0;
	va_start(ap, fmt);
	vsnprintf(p->found_text, sizeof(p->found_text), fmt, ap);
	va_end(ap);
}

/* Tells what was noted: the tree is the sealed one. */
static void tell(struct proof *p)
{
	char file[64];

	if (!p->found)
		return;
	snprintf(file, sizeof(file), "%s/records.jsonl", p->ret->folder);
	mw_vf_found_in(p->v, p->found, p->found_seq, file, p->found_line, "%s", p->found_text);
}

/* The number of the record at hand. 1, 0: there is none; what is none is noted, and 0. */
static int next_seq(struct proof *p, uint64_t at, uint64_t *ret)
{
	struct mw_line_head head;
	int r;

	if (p->found)
		return 0;
	r = lines_peek(&p->records);
	if (r == -EBADMSG) {
		mw_line_head(p->records.buf, p->records.len, &head);
		note(p, MW_FOUND_CUT, head.has_seq ? head.seq : at, "has no end in this bundle");
	}
	if (r <= 0)
		return r == -EBADMSG ? 0 : r;
	mw_line_head((const char *)p->records.line.p, p->records.line.n, &head);
	if (!head.has_seq) {
		note(p, MW_FOUND_EDITED, at, "or one behind it is no record any more");
		return 0;
	}
	*ret = head.seq;
	return 1;
}

static void take_record(struct proof *p, const struct mw_range *want)
{
	const struct mw_slice line = p->records.line;
	struct mw_line_head head;
	struct mw_hash leaf;

	mw_tlog_leaf(line.p, line.n, &leaf);
	if (memcmp(&leaf, &want->hash[0], sizeof(leaf)) != 0) {
		note(p, MW_FOUND_EDITED, want->from, "is not what was sealed");
		return;
	}
	mw_line_head((const char *)line.p, line.n, &head);
	if (head.kind) {
		mw_line_mark((const char *)line.p, line.n, &head, &p->mark);
		p->mark_end = want->to;
		mw_vf_told(p->v, &p->mark);
	}
	p->v->rep.read_len += line.n + 1;
	p->ret->records++;
	lines_take(&p->records);
}

/* A stretch of the tree, and the records that are of it. 0 or negative errno. */
static int take_range(struct proof *p, const struct mw_range *range, bool record)
{
	uint64_t seq = 0;
	int r = next_seq(p, range->from, &seq);

	if (r < 0)
		return r;
	if (r == 1 && seq < range->from)
		note(p, MW_FOUND_INSERTED, seq,
		     "stands where record %" PRIu64 " or one behind it must: twice, or not in its "
		     "place",
		     range->from);
	else if (r == 1 && !record && seq < range->to)
		note(p, MW_FOUND_INSERTED, seq, "is in here, and nothing proves it");
	else if (record && r == 1 && seq == range->from)
		take_record(p, range);
	else if (record && !p->found)
		note(p, MW_FOUND_DELETED, range->from, "is missing: the bundle had it");
	if (!record)
		p->ret->left_out += range->to - range->from;
	return 0;
}

/* --- a seal -------------------------------------------------------------------------------------
 */

static void bad_tree(struct proof *p, const char *what)
{
	const struct mw_verify *v = p->v;
	char file[64];

	snprintf(file, sizeof(file), "%s/tree", p->ret->folder);
	mw_vf_found_in(p->v, MW_FOUND_CHANGED,
		       p->found && p->found_seq < v->next.size ? p->found_seq : v->last.size, file,
		       p->tree.line_no, "or one behind it, up to %" PRIu64 ", %s", v->next.size - 1,
		       what);
}

/* Goes on in the tree to the end of the next seal. 1; 0: there is a finding; negative errno. */
static int grow(struct proof *p)
{
	struct mw_verify *v = p->v;
	struct mw_range range;
	bool record;
	int r;

	while (v->tree.n < v->next.size) {
		r = lines_peek(&p->tree);
		if (r < 0 && r != -EBADMSG)
			return r;
		if (r != 1 || mw_range_parse(p->tree.line, &range, &record) < 0 ||
		    range.to > v->next.size || mw_range_append(&v->tree, &range) < 0) {
			bad_tree(p, "is not proved: its hash is missing or damaged");
			return 0;
		}
		lines_take(&p->tree);
		r = take_range(p, &range, record);
		if (r < 0)
			return r;
	}
	return 1;
}

static int prove_seal(struct proof *p)
{
	struct mw_verify *v = p->v;
	struct mw_line_mark seal = { 0 };
	struct mw_hash root;
	int r = grow(p);

	if (r != 1)
		return r;
	mw_tlog_root(&v->tree, &root);
	if (memcmp(&root, &v->next.root, sizeof(root)) != 0) {
		bad_tree(p, "is not what was sealed");
		return 0;
	}
	/* from here on the tree up to this seal is the sealed one */
	tell(p);
	if (v->stop)
		return 0;
	if (v->next_anchor < v->n_anchors && v->anchor[v->next_anchor].c.size < v->tree.n)
		v->bad_anchor = &v->anchor[v->next_anchor];
	else
		mw_vf_anchors_here(v);
	mw_vf_bad_anchor(v);
	if (p->mark_end == v->tree.n)
		seal = p->mark;
	mw_vf_sealed(v, &seal);
	return 0;
}

/* --- a log --------------------------------------------------------------------------------------
 */

/* What follows the last seal: records that nothing proves. */
static int take_tail(struct proof *p)
{
	struct mw_verify *v = p->v;
	uint64_t seq, next = v->tree.n;
	int r;

	r = lines_peek(&p->tree);
	if (r < 0 && r != -EBADMSG)
		return r;
	if (r != 0) {
		mw_vf_found(v, MW_FOUND_SEAL_MISSING, v->tree.n,
			    "and those behind it are in a seal that is missing");
		return 0;
	}
	while ((r = next_seq(p, next, &seq)) == 1) {
		if (seq < next) {
			note(p, MW_FOUND_INSERTED, seq, "is in here a second time, or moved");
			break;
		}
		next = seq + 1;
		p->ret->unproved++;
		lines_take(&p->records);
	}
	tell(p);
	return r < 0 ? r : 0;
}

static void check_said(struct proof *p)
{
	const struct mw_bundle_said *said = &p->b->manifest.logs[p->log];
	struct mw_verify *v = p->v;

	if (said->tampered)
		mw_vf_found_in(v, MW_FOUND_CHANGED, said->has_seq ? said->seq : UINT64_MAX,
			       "manifest.json", 0,
			       "the log was found tampered or forged when the bundle was made: %s",
			       said->text);
	if (strcmp(said->origin, v->origin) != 0 || said->sealed != v->tree.n ||
	    said->seals != v->n_seals || said->records != p->ret->records ||
	    said->left_out != p->ret->left_out || said->unproved != p->ret->unproved)
		mw_vf_found_in(
		    v, MW_FOUND_CHANGED, UINT64_MAX, "manifest.json", 0,
		    "the manifest tells of another number of records, or of another log");
}

static int prove_all(struct proof *p)
{
	struct mw_verify *v = p->v;
	int r = 0;

	while (r == 0 && !v->stop && mw_vf_seal_next(v))
		r = prove_seal(p);
	if (r == 0)
		r = v->error;
	if (r < 0 || v->stop)
		return r;
	if (v->n_seals == 0)
		mw_vf_found_in(v, MW_FOUND_SEAL_MISSING, 0, MW_VERIFY_SEALS, 0,
			       "the bundle has no seal");
	else
		mw_vf_checkpoint(v);
	r = v->stop ? 0 : take_tail(p);
	if (r < 0)
		return r;
	check_said(p);
	if (v->says_damaged)
		mw_vf_found_in(v, MW_FOUND_GENERATION, UINT64_MAX, "", 0,
			       "the log says that an older generation of it was found damaged; the "
			       "records in here are as they were sealed");
	if (!v->stop)
		mw_vf_early(v);
	if (!v->stop && p->ret->unproved)
		mw_vf_found(v, MW_FOUND_UNSEALED, v->tree.n,
			    "and all behind it (%" PRIu64
			    " in here) were not sealed: nothing proves them",
			    p->ret->unproved);
	if (!v->stop)
		mw_vf_age(v);
	v->rep.tail = p->ret->unproved;
	return 0;
}

static struct mw_verify *new_verify(struct proof *p)
{
	struct mw_verify *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->dir_fd = v->seals.fd = v->kept.fd = -1;
	v->store = (struct mw_verify_store){ store_file, store_seals, p };
	/* its age is that at which it was made */
	v->now_ns = p->b->manifest.made_ns;
	mw_buf_init(&v->text, &mw_heap, MW_VERIFY_SEAL_MAX);
	return v;
}

static int prove(struct proof *p, const struct mw_verify_config *config)
{
	int r;

	snprintf(p->ret->folder, sizeof(p->ret->folder), "log-%u", (unsigned int)p->log + 1);
	p->v = new_verify(p);
	r = p->v ? mw_vf_keys(p->v, config, p->err, p->err_len) : -ENOMEM;
	if (r == 1)
		r = mw_vf_anchors(p->v, config, p->err, p->err_len);
	if (r < 0)
		return r;
	r = open_file(p, MW_BUNDLE_SEALS, &p->seals);
	if (r == 0)
		r = open_lines(p, MW_BUNDLE_TREE, &p->tree);
	if (r == 0)
		r = open_lines(p, MW_BUNDLE_RECORDS, &p->records);
	if (r == 0 && !p->v->stop)
		r = prove_all(p);
	p->ret->report = *mw_verify_report(p->v);
	return r;
}

static int prove_log(const struct mw_bundle_read *b, size_t log,
		     const struct mw_verify_config *config, char *err, size_t err_len,
		     struct mw_bundle_log *ret)
{
	struct proof p = { .b = b, .log = log, .ret = ret, .err = err, .err_len = err_len };
	int r;

	*err = '\0';
	r = prove(&p, config);
	if (r < 0 && !*err)
		snprintf(err, err_len, "cannot verify %s: %s", b->path, strerror(-r));
	lines_done(&p.tree);
	lines_done(&p.records);
	mw_tgz_free(p.seals);
	mw_verify_free(p.v);
	return r;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static void sum_up(const struct mw_bundle_read *b, struct mw_bundle_report *rep)
{
	size_t i;

	for (i = 0; i < rep->n_logs; i++)
		if (rep->logs[i].report.verdict > rep->verdict)
			rep->verdict = rep->logs[i].report.verdict;
	if (!b->odd)
		return;
	rep->verdict = MW_LOG_TAMPERED;
	snprintf(rep->file, sizeof(rep->file), "%s", mw_bundle_name(b->odd));
	snprintf(rep->text, sizeof(rep->text), "%s",
		 b->odd->kind == MW_BUNDLE_SUMS
		     ? "says more than there is: the bundle was changed since it was made"
		     : "is not what SHA256SUMS says: it was changed since the bundle was made");
}

int mw_bundle_verify(const char *path, const struct mw_verify_config *config, char *err,
		     size_t err_len, struct mw_bundle_report **ret)
{
	_cleanup_(mw_bundle_report_freep) struct mw_bundle_report *rep = calloc(1, sizeof(*rep));
	struct mw_bundle_read b;
	int r;

	if (!rep) {
		snprintf(err, err_len, "cannot verify %s: not enough memory", path);
		return -ENOMEM;
	}
	r = mw_bundle_read(path, err, err_len, &b);
	if (r == 0)
		rep->logs = calloc(b.manifest.n_logs, sizeof(*rep->logs));
	if (r == 0 && !rep->logs) {
		snprintf(err, err_len, "cannot verify %s: not enough memory", path);
		r = -ENOMEM;
	}
	for (; r == 0 && rep->n_logs < b.manifest.n_logs; rep->n_logs++)
		r = prove_log(&b, rep->n_logs, config, err, err_len, &rep->logs[rep->n_logs]);
	if (r == 0) {
		memcpy(rep->version, b.manifest.version, sizeof(rep->version));
		memcpy(rep->filter, b.manifest.filter, sizeof(rep->filter));
		rep->made_ns = b.manifest.made_ns;
		rep->page = b.page;
		sum_up(&b, rep);
		*ret = MW_TAKE(rep);
	}
	mw_bundle_read_done(&b);
	return r;
}

void mw_bundle_report_free(struct mw_bundle_report *r)
{
	if (!r)
		return;
	free(r->logs);
	free(r);
}
