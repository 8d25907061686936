/* SPDX-License-Identifier: Apache-2.0 */
#include "io/logread.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "io/file.h"
#include "io/segment.h"
#include "io/verify.h"
#include "io/when.h"

#define BUF_LEN (2 * (MW_RECORD_MAX + 1))

struct input {
	const char *path; /* as named */
	char *file;	  /* the one being read */
	char *buf;	  /* BUF_LEN */
	size_t at, len;
	int fd;		/* a single file; else -1 */
	int seg_dir_fd; /* a folder; else -1 */
	struct mw_segread *segment;
	struct mw_verify *verify; /* NULL: nothing proves this input */
	struct mw_segment *segs;  /* by first */
	size_t n_segs;
	uint64_t first; /* of the segment being read */
	uint64_t line_no, next_seq;
	bool any;  /* a record was read: next_seq is what must follow */
	bool done; /* and nothing more will come */
	bool have; /* rec is read and not given yet */
	struct mw_logrec rec;
	char type[32];
};

struct mw_logread {
	struct input *inputs;
	size_t n;
	bool follow;
	int failed;
	char err[MW_ERR_MAX];
	char hole[MW_ERR_MAX];
	char tampered[2 * MW_ERR_MAX];
};

static int parse_u64(struct mw_slice s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (s.n == 0)
		return -EINVAL;
	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -EINVAL;
	*ret = v;
	return 0;
}

int mw_record_seq(const char *line, size_t n, uint64_t *ret)
{
	struct mw_slice v;
	unsigned int same;

	if (mw_json_member(mw_slice(line, n), "seq", &v, &same) < 0 || same != 1)
		return -EINVAL;
	return parse_u64(v, ret);
}

/* --- one line -----------------------------------------------------------------------------------
 */

static int fail(struct mw_logread *l, int r, const char *file, uint64_t line_no, const char *what)
{
	if (line_no)
		snprintf(l->err, sizeof(l->err), "%s: line %" PRIu64 ": %s", file, line_no, what);
	else
		snprintf(l->err, sizeof(l->err), "cannot read %s: %s", file, what);
	l->failed = r;
	return r;
}

enum { HEAD_V = 1, HEAD_SEQ = 2, HEAD_TIME = 4, HEAD_TYPE = 8, HEAD_ALL = 15 };

static const char not_json[] = "not valid JSON; the file is damaged or no log";
static const char no_record[] = "not a record; the file is damaged or no log";

/* One member of the head. NULL, or what is wrong. */
static const char *head_member(struct input *in, struct mw_slice key, struct mw_slice v, int *seen)
{
	uint64_t version;
	int bit;

	if (mw_slice_eq_str(key, "\"v\""))
		bit = HEAD_V;
	else if (mw_slice_eq_str(key, "\"seq\""))
		bit = HEAD_SEQ;
	else if (mw_slice_eq_str(key, "\"time\""))
		bit = HEAD_TIME;
	else if (mw_slice_eq_str(key, "\"type\""))
		bit = HEAD_TYPE;
	else
		return NULL;
	if (*seen & bit)
		return no_record;
	*seen |= bit;
	switch (bit) {
	case HEAD_V:
		if (parse_u64(v, &version) < 0 || version == 0)
			return no_record;
		if (version > MW_RECORD_VERSION)
			return "written by a newer mcpwatch; read it with that one";
		return NULL;
	case HEAD_SEQ:
		return parse_u64(v, &in->rec.seq) < 0 ? no_record : NULL;
	case HEAD_TIME:
		if (v.n < 2 ||
		    mw_when_rfc3339((const char *)v.p + 1, v.n - 2, &in->rec.time_ns) < 0)
			return no_record;
		return NULL;
	default:
		if (v.n < 3 || v.p[0] != '"' || v.n - 2 >= sizeof(in->type) ||
		    memchr(v.p, '\\', v.n))
			return no_record;
		memcpy(in->type, v.p + 1, v.n - 2);
		in->type[v.n - 2] = '\0';
		return NULL;
	}
}

/* Checks the line and takes its head. NULL, or what is wrong. */
static const char *check_line(struct input *in, const char *line, size_t n)
{
	struct mw_json_item it;
	struct mw_slice v;
	const char *what;
	struct mw_json j;
	int seen = 0, r;

	mw_json_init(&j, mw_slice(line, n), MW_JSON_DEPTH_MAX);
	r = mw_json_next(&j, &it);
	if (r == 1 && it.tok != MW_JSON_OBJECT)
		return no_record;
	while (r == 1) {
		r = mw_json_next(&j, &it);
		if (r != 1 || it.tok != MW_JSON_KEY)
			continue;
		r = mw_json_skip(&j, &it, &v);
		if (r < 0)
			break;
		r = 1;
		what = head_member(in, it.raw, v, &seen);
		if (what)
			return what;
	}
	/* What is nested beyond any sense was nested so by the observed: the record stands. */
	if (r < 0 && !(r == -E2BIG && seen == HEAD_ALL))
		return not_json;
	if (j.flags & MW_JSON_BAD_UTF8)
		return "not UTF-8; the file is damaged or no log";
	return seen == HEAD_ALL ? NULL : no_record;
}

/* --- bytes --------------------------------------------------------------------------------------
 */

/* The segments there are now. */
static int list_segments(struct input *in)
{
	free(in->segs);
	in->segs = NULL;
	in->n_segs = 0;
	return mw_segments_list(in->seg_dir_fd, &in->segs, &in->n_segs);
}

/* The one behind the one being read, of those listed; NULL: none. */
static struct mw_segment *next_segment(const struct input *in)
{
	size_t i;

	for (i = 0; i < in->n_segs; i++)
		if (!in->segment || in->segs[i].first > in->first)
			return &in->segs[i];
	return NULL;
}

static int open_segment(struct mw_logread *l, struct input *in, struct mw_segment *s)
{
	char name[MW_SEGMENT_FILE_MAX];
	struct mw_segread *segment;
	int r;

	r = mw_segread_open(in->seg_dir_fd, s, &segment);
	if (r == -ENOENT && !s->zst) {
		/* it was compressed since it was listed */
		s->zst = true;
		r = mw_segread_open(in->seg_dir_fd, s, &segment);
	}
	mw_segment_file(s, name);
	free(in->file);
	if (asprintf(&in->file, "%s/seg/%s", in->path, name) < 0) {
		in->file = NULL;
		if (r == 0)
			mw_segread_free(segment);
		return fail(l, -ENOMEM, in->path, 0, "not enough memory");
	}
	if (r < 0)
		return fail(l, r, in->file, 0, strerror(-r));
	mw_segread_free(in->segment);
	in->segment = segment;
	in->first = s->first;
	in->line_no = 0;
	if (in->verify)
		mw_verify_segment(in->verify, s->first, name);
	if (in->any && s->first != in->next_seq && !l->hole[0])
		snprintf(l->hole, sizeof(l->hole),
			 "%s: line 1: begins with record %" PRIu64 " where %" PRIu64 " must follow",
			 in->file, s->first, in->next_seq);
	if (!in->any)
		in->next_seq = s->first;
	in->any = true;
	return 0;
}

/* More bytes of this file: their number, 0 at its end, negative errno. */
static ssize_t fill(struct input *in)
{
	ssize_t n;

	if (in->at > 0) {
		memmove(in->buf, in->buf + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	if (in->segment) {
		n = mw_segread_read(in->segment, in->buf + in->len, BUF_LEN - in->len);
		if (n < 0)
			return n;
	} else {
		do
			n = read(in->fd, in->buf + in->len, BUF_LEN - in->len);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return -errno;
	}
	in->len += (size_t)n;
	return n;
}

/* Nothing more comes: what was read is held against its seals. */
static void end_input(struct input *in)
{
	in->done = true;
	if (!in->verify)
		return;
	mw_verify_poll(in->verify);
	mw_verify_end(in->verify, in->len - in->at);
}

static int no_bytes(struct mw_logread *l, struct input *in, ssize_t r)
{
	static const char broken[] = "what is compressed is damaged or cut off";

	if (r == -EBADMSG && in->verify)
		mw_verify_broken(in->verify, broken);
	return fail(l, (int)r, in->file, in->line_no + 1,
		    r == -EBADMSG ? broken : strerror((int)-r));
}

/* At the end of what the file holds. 1: there may be more now; 0: not now, or never (in->done). */
static int at_end(struct mw_logread *l, struct input *in)
{
	struct mw_segment *next = next_segment(in);
	ssize_t n;
	int r;

	/* a log that is written may have a new one, and a seal for what was read */
	if (!next && in->seg_dir_fd >= 0 && (l->follow || in->verify)) {
		bool sealed_more = in->verify && mw_verify_poll(in->verify);

		r = list_segments(in);
		if (r < 0)
			return fail(l, r, in->path, 0, strerror(-r));
		next = next_segment(in);
		/* what was written before the new segment, or before that seal */
		n = (next || sealed_more) && in->segment ? fill(in) : 0;
		if (n < 0)
			return no_bytes(l, in, n);
		if (n > 0)
			return 1;
	}
	if (!next && l->follow)
		return 0;
	if (in->at < in->len) {
		bool live = in->verify && mw_verify_report(in->verify)->writer;

		/* the line that is being written is the next reading's */
		if (next || !live)
			return fail(l, -EBADMSG, in->file, in->line_no + 1,
				    !next ? "cut off: the last line has no end (a log being "
					    "written is read with -f)"
					  : "cut off: the last line has no end; the log is "
					    "damaged");
	}
	if (!next) {
		end_input(in);
		return 0;
	}
	r = open_segment(l, in, next);
	return r < 0 ? r : 1;
}

static void note_hole(struct mw_logread *l, struct input *in)
{
	if (in->any && in->rec.seq != in->next_seq && !l->hole[0])
		snprintf(l->hole, sizeof(l->hole),
			 "%s: line %" PRIu64 ": record %" PRIu64 " where %" PRIu64 " must follow",
			 in->file, in->line_no, in->rec.seq, in->next_seq);
	in->next_seq = in->rec.seq + 1;
	in->any = true;
}

/* The next whole line, its newline still behind it. 1, 0 not now or the end, negative errno. */
static int next_line(struct mw_logread *l, struct input *in, char **ret, size_t *ret_n)
{
	char *line, *nl;
	ssize_t n;
	int r;

	if (in->done)
		return 0;
	for (;;) {
		nl = memchr(in->buf + in->at, '\n', in->len - in->at);
		if (nl)
			break;
		if (in->len - in->at > MW_RECORD_MAX)
			return fail(l, -EBADMSG, in->file, in->line_no + 1,
				    "longer than a record can be; the file is damaged or no log");
		/* a log that has no segment yet has nothing to fill from */
		n = in->segment || in->fd >= 0 ? fill(in) : 0;
		if (n < 0)
			return no_bytes(l, in, n);
		if (n > 0)
			continue;
		r = at_end(l, in);
		if (r <= 0)
			return r;
	}
	line = in->buf + in->at;
	n = nl - line;
	in->at += (size_t)n + 1;
	in->line_no++;
	if (n > MW_RECORD_MAX)
		return fail(l, -EBADMSG, in->file, in->line_no,
			    "longer than a record can be; the file is damaged or no log");
	if (in->verify)
		mw_verify_line(in->verify, line, (size_t)n);
	*ret = line;
	*ret_n = (size_t)n;
	return 1;
}

/* What cannot be shown any more is still held against its seal, to say which record is the bad one.
 */
static void drain(struct mw_logread *l, struct input *in)
{
	char err[MW_ERR_MAX];
	const int failed = l->failed;
	char *line;
	size_t n;

	if (!in->verify)
		return;
	memcpy(err, l->err, sizeof(err));
	while (next_line(l, in, &line, &n) == 1)
		;
	if (!in->done)
		end_input(in);
	memcpy(l->err, err, sizeof(err));
	l->failed = failed;
}

/* Reads one record into in->rec. 1, 0 not now or the end, negative errno. */
static int input_next(struct mw_logread *l, struct input *in)
{
	const char *what;
	char *line;
	size_t n;
	int r;

	r = next_line(l, in, &line, &n);
	if (r <= 0) {
		if (r == -EBADMSG)
			drain(l, in);
		return r;
	}
	what = check_line(in, line, n);
	if (what) {
		r = fail(l, -EBADMSG, in->file, in->line_no, what);
		drain(l, in);
		return r;
	}
	line[n] = '\0';
	in->rec.line = line;
	in->rec.len = n;
	in->rec.type = in->type;
	in->rec.file = in->file;
	in->rec.line_no = in->line_no;
	in->rec.input = (size_t)(in - l->inputs);
	note_hole(l, in);
	in->have = true;
	return 1;
}

/* --- all inputs ---------------------------------------------------------------------------------
 */

int mw_logread_next(struct mw_logread *l, struct mw_logrec *ret)
{
	struct input *best = NULL;
	bool done = true;
	size_t i;
	int r;

	if (l->failed)
		return l->failed;
	for (i = 0; i < l->n; i++) {
		struct input *in = &l->inputs[i];

		if (!in->have) {
			r = input_next(l, in);
			if (r < 0)
				return r;
		}
		done &= in->done;
		if (in->have && (!best || in->rec.time_ns < best->rec.time_ns))
			best = in;
	}
	if (!best)
		return done ? (l->failed = -ENODATA) : 0;
	best->have = false;
	*ret = best->rec;
	return 1;
}

struct cJSON *mw_logread_json(const struct mw_logrec *rec)
{
	return cJSON_ParseWithLength(rec->line, rec->len);
}

const char *mw_logread_error(const struct mw_logread *l)
{
	return l->err;
}

const char *mw_logread_hole(const struct mw_logread *l)
{
	return l->hole[0] ? l->hole : NULL;
}

const char *mw_logread_tampered(struct mw_logread *l)
{
	const struct mw_verify_report *rep;
	char place[sizeof(rep->file) + 32];
	size_t i;

	for (i = 0; i < l->n && !l->tampered[0]; i++) {
		if (!l->inputs[i].verify)
			continue;
		rep = mw_verify_report(l->inputs[i].verify);
		if (rep->verdict != MW_LOG_TAMPERED)
			continue;
		place[0] = '\0';
		if (rep->line)
			snprintf(place, sizeof(place), "/%s: line %" PRIu64, rep->file, rep->line);
		if (rep->has_seq)
			snprintf(l->tampered, sizeof(l->tampered), "%s%s: record %" PRIu64 " %s",
				 l->inputs[i].path, place, rep->seq, rep->text);
		else
			snprintf(l->tampered, sizeof(l->tampered), "%s%s: %s", l->inputs[i].path,
				 place, rep->text);
	}
	return l->tampered[0] ? l->tampered : NULL;
}

static int open_verify(struct mw_logread *l, struct input *in)
{
	const struct mw_verify_config config = { 0 };
	int r;

	r = mw_verify_open(in->path, &config, l->err, sizeof(l->err), &in->verify);
	if (r < 0)
		l->failed = r;
	return r < 0 ? r : 0;
}

static int open_input(struct mw_logread *l, struct input *in, const char *path)
{
	struct stat st;
	int r;

	in->path = path;
	in->buf = malloc(BUF_LEN + 1);
	in->file = strdup(path);
	if (!in->buf || !in->file)
		return fail(l, -ENOMEM, path, 0, "not enough memory");
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->fd < 0 || fstat(in->fd, &st) < 0) {
		r = -errno;
		return fail(l, r, path, 0,
			    r == -ENOENT   ? "there is no such log; name one with --log"
			    : r == -EACCES ? "not permitted; a log is root's"
					   : strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	in->seg_dir_fd = openat(in->fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = in->seg_dir_fd < 0 ? -errno : 0;
	mw_close(&in->fd);
	if (r == 0)
		r = list_segments(in);
	if (r < 0)
		return fail(l, r, path, 0,
			    r == -ENOENT ? "the folder holds no log (no seg in it)" : strerror(-r));
	return open_verify(l, in);
}

int mw_logread_new(const char *const *paths, size_t n, bool follow, char *err, size_t err_len,
		   struct mw_logread **ret)
{
	_cleanup_(mw_logread_freep) struct mw_logread *l = calloc(1, sizeof(*l));
	size_t i;
	int r;

	if (l)
		l->inputs = calloc(n, sizeof(*l->inputs));
	if (!l || !l->inputs) {
		snprintf(err, err_len, "cannot read %s: not enough memory", paths[0]);
		return -ENOMEM;
	}
	l->follow = follow;
	l->n = n;
	for (i = 0; i < n; i++)
		l->inputs[i].fd = l->inputs[i].seg_dir_fd = -1;
	for (i = 0; i < n; i++) {
		r = open_input(l, &l->inputs[i], paths[i]);
		if (r < 0) {
			snprintf(err, err_len, "%s", l->err);
			return r;
		}
	}
	*ret = MW_TAKE(l);
	return 0;
}

void mw_logread_free(struct mw_logread *l)
{
	size_t i;

	if (!l)
		return;
	for (i = 0; i < l->n; i++) {
		mw_close(&l->inputs[i].fd);
		mw_close(&l->inputs[i].seg_dir_fd);
		mw_segread_free(l->inputs[i].segment);
		mw_verify_free(l->inputs[i].verify);
		free(l->inputs[i].segs);
		free(l->inputs[i].buf);
		free(l->inputs[i].file);
	}
	free(l->inputs);
	free(l);
}
