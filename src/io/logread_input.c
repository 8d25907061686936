/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/logread_priv.h"

static const char too_long[] = "longer than a record can be; the file is damaged or no log";
static const char changed[] = "it was changed or deleted while it was read";

/* --- segments -----------------------------------------------------------------------------------
 */

/* The segments there are now. */
static int list_segments(struct mw_lr_input *in)
{
	free(in->segs);
	in->segs = NULL;
	in->n_segs = 0;
	return mw_segments_list(in->seg_dir_fd, &in->segs, &in->n_segs);
}

/* The one behind the one being read, of those listed; NULL: none. */
static struct mw_segment *next_segment(const struct mw_lr_input *in)
{
	size_t i;

	for (i = 0; i < in->n_segs; i++)
		if (in->segs[i].first >= in->from &&
		    (!in->segment || in->segs[i].first > in->first))
			return &in->segs[i];
	return NULL;
}

int mw_lr_open_file(struct mw_logread *l, struct mw_lr_input *in, struct mw_segment *s)
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
		return mw_lr_fail(l, -ENOMEM, in->path, 0, "not enough memory");
	}
	if (r < 0)
		return mw_lr_fail(l, r, in->file, 0,
				  in->again && r == -ENOENT ? changed : strerror(-r));
	mw_segread_free(in->segment);
	in->segment = segment;
	in->first = s->first;
	in->line_no = 0;
	return 0;
}

/* 1; 0: in->done; negative errno. */
static int open_segment(struct mw_logread *l, struct mw_lr_input *in, struct mw_segment *s)
{
	char name[MW_SEGMENT_FILE_MAX];
	int r = 0;

	if (l->hook)
		r = l->hook->fn(l->hook->arg, in->prove ? mw_lr_prove_wait(in->prove) : NULL,
				s->first);
	if (r > 0)
		in->done = true;
	if (r < 0)
		l->failed = r;
	if (r != 0)
		return r < 0 ? r : 0;
	r = mw_lr_open_file(l, in, s);
	if (r < 0)
		return r;
	mw_segment_file(s, name);
	if (in->prove)
		mw_verify_segment(mw_lr_prove_wait(in->prove), s->first, name);
	if (in->any && s->first != in->next_seq && !l->hole[0])
		snprintf(l->hole, sizeof(l->hole),
			 "%s: line 1: begins with record %" PRIu64 " where %" PRIu64 " must follow",
			 in->file, s->first, in->next_seq);
	if (!in->any)
		in->next_seq = s->first;
	in->any = true;
	return 1;
}

/* --- bytes --------------------------------------------------------------------------------------
 */

/* Bytes behind the last whole line. */
static size_t torn(const struct mw_lr_input *in)
{
	const struct mw_lr_block *b = &in->block[in->cur];

	return b->len - (b->n_lines ? b->end[b->n_lines - 1] + 1 : 0);
}

/* The next block, with what stands behind the last whole line of this one. */
static void turn(struct mw_lr_input *in)
{
	const struct mw_lr_block *old = &in->block[in->cur];
	const size_t n = torn(in);
	struct mw_lr_block *b;

	in->cur = (in->cur + 1) % MW_LR_BLOCKS;
	b = &in->block[in->cur];
	if (in->prove)
		mw_lr_prove_release(in->prove, b);
	memcpy(b->buf, old->buf + old->len - n, n);
	b->len = n;
	b->n_lines = 0;
	in->next = 0;
}

static ssize_t read_bytes(struct mw_lr_input *in, char *p, size_t n)
{
	ssize_t k;

	if (in->segment)
		return mw_segread_read(in->segment, p, n);
	/* a log that has no segment yet has nothing to read from */
	if (in->fd < 0)
		return 0;
	do
		k = read(in->fd, p, n);
	while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

void mw_lr_find_lines(struct mw_lr_block *b, size_t at)
{
	char *nl;

	while ((nl = memchr(b->buf + at, '\n', b->len - at)) != NULL) {
		*nl = '\0';
		at = (size_t)(nl - b->buf) + 1;
		b->end[b->n_lines++] = (uint32_t)(at - 1);
	}
}

/* The whole lines that come with the bytes from `at` on: as they were read. */
static int remember(struct mw_logread *l, struct mw_lr_input *in, size_t at)
{
	const struct mw_lr_block *b = &in->block[in->cur];
	const size_t from = b->len - torn(in);
	const char *last = memrchr(b->buf + at, '\n', b->len - at);
	struct mw_lr_seen *p;
	size_t n;

	if (l->follow || in->from || !last)
		return 0;
	n = (size_t)(last - b->buf) + 1 - from;
	if ((in->n_seen & (in->n_seen - 1)) == 0) {
		p = reallocarray(in->seen, in->n_seen ? 2 * in->n_seen : 1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		in->seen = p;
	}
	in->seen[in->n_seen++] = (struct mw_lr_seen){
		XXH3_128bits_withSecret(b->buf + from, n, l->secret, sizeof(l->secret)),
		n,
		in->first,
	};
	return 0;
}

/* More bytes of this file: their number, 0 at its end, negative errno. */
static ssize_t fill(struct mw_logread *l, struct mw_lr_input *in)
{
	struct mw_lr_block *b;
	size_t lines, at;
	ssize_t n;

	if (in->block[in->cur].len == MW_LR_BLOCK_LEN)
		turn(in);
	b = &in->block[in->cur];
	n = read_bytes(in, b->buf + b->len, MW_LR_BLOCK_LEN - b->len);
	if (n <= 0)
		return n;
	lines = b->n_lines;
	at = b->len;
	b->len += (size_t)n;
	if (remember(l, in, at) < 0)
		return -ENOMEM;
	mw_lr_find_lines(b, at);
	if (in->prove)
		mw_lr_prove_lines(in->prove, b, lines, b->n_lines);
	return n;
}

/* Nothing more comes: what was read is held against its seals. */
static void end_input(struct mw_lr_input *in)
{
	struct mw_verify *v;

	in->done = true;
	if (!in->prove)
		return;
	v = mw_lr_prove_wait(in->prove);
	mw_verify_poll(v);
	mw_verify_end(v, torn(in));
	mw_lr_prove_look(in->prove);
}

static int no_bytes(struct mw_logread *l, struct mw_lr_input *in, ssize_t r)
{
	static const char broken[] = "what is compressed is damaged or cut off";

	if (r == -EBADMSG && in->prove)
		mw_verify_broken(mw_lr_prove_wait(in->prove), broken);
	return mw_lr_fail(l, (int)r, in->file, in->line_no + 1,
			  r == -EBADMSG ? broken : strerror((int)-r));
}

/* Whether a seal came that is of lines that are on disk by now. */
static bool sealed_more(struct mw_lr_input *in)
{
	bool r = in->prove && mw_verify_poll(mw_lr_prove_wait(in->prove));

	if (in->prove)
		mw_lr_prove_look(in->prove);
	return r;
}

/* At the end of what the file holds. 1: there may be more now; 0: not now, or never (in->done). */
static int at_end(struct mw_logread *l, struct mw_lr_input *in)
{
	struct mw_segment *next = next_segment(in);
	ssize_t n;
	int r;

	/* a log that is written may have a new one, and a seal for what was read */
	if (!next && in->seg_dir_fd >= 0 && (l->follow || in->prove)) {
		const bool more = sealed_more(in);

		r = list_segments(in);
		if (r < 0)
			return mw_lr_fail(l, r, in->path, 0, strerror(-r));
		next = next_segment(in);
		/* what was written before the new segment, or before that seal */
		n = (next || more) && in->segment ? fill(l, in) : 0;
		if (n < 0)
			return no_bytes(l, in, n);
		if (n > 0)
			return 1;
	}
	if (!next && l->follow)
		return 0;
	if (torn(in)) {
		bool live = in->prove && mw_verify_report(mw_lr_prove_wait(in->prove))->writer;

		/* the line that is being written is the next reading's */
		if (next || !live)
			return mw_lr_fail(l, -EBADMSG, in->file, in->line_no + 1,
					  !next ? "cut off: the last line has no end (a log being "
						  "written is read with -f)"
						: "cut off: the last line has no end; the log is "
						  "damaged");
	}
	if (!next) {
		end_input(in);
		return 0;
	}
	return open_segment(l, in, next);
}

/* --- the same bytes again -----------------------------------------------------------------------
 */

/* The lines that were read at a time then. 1, 0 the end (in->done), negative errno. */
static int fill_again(struct mw_logread *l, struct mw_lr_input *in)
{
	struct mw_lr_block *b = &in->block[in->cur];
	const struct mw_lr_seen *s = &in->seen[in->at_seen];
	XXH128_hash_t hash;
	ssize_t n = 1;
	int r;

	if (in->at_seen == in->n_seen) {
		in->done = true;
		return 0;
	}
	if (in->seg_dir_fd >= 0 && (!in->segment || s->first != in->first)) {
		r = mw_lr_open_file(l, in, &(struct mw_segment){ .first = s->first });
		if (r < 0)
			return r;
	}
	in->at_seen++;
	in->next = 0;
	b->n_lines = 0;
	for (b->len = 0; b->len < s->len && n > 0; b->len += (size_t)(n > 0 ? n : 0))
		n = read_bytes(in, b->buf + b->len, s->len - b->len);
	if (n < 0 && n != -EBADMSG)
		return mw_lr_fail(l, (int)n, in->file, 0, strerror((int)-n));
	hash = XXH3_128bits_withSecret(b->buf, b->len, l->secret, sizeof(l->secret));
	if (b->len < s->len || !XXH128_isEqual(hash, s->hash))
		return mw_lr_fail(l, -ESTALE, in->file, 0, changed);
	mw_lr_find_lines(b, 0);
	return 1;
}

int mw_lr_again(struct mw_logread *l, struct mw_lr_input *in)
{
	size_t i;

	in->again = true;
	in->done = in->have = in->any = false;
	in->at_seen = in->cur = in->next = 0;
	for (i = 0; i < MW_LR_BLOCKS; i++)
		in->block[i].len = in->block[i].n_lines = 0;
	mw_segread_free(in->segment);
	in->segment = NULL;
	in->line_no = 0;
	if (in->fd >= 0 && lseek(in->fd, 0, SEEK_SET) < 0)
		return mw_lr_fail(l, -errno, in->path, 0, "it cannot be read twice");
	return 0;
}

/* --- lines --------------------------------------------------------------------------------------
 */

/* The next whole line, a NUL behind it. 1, 0 not now or the end, negative errno. */
static int next_line(struct mw_logread *l, struct mw_lr_input *in, char **ret, size_t *ret_n)
{
	ssize_t n;
	int r;

	while (!in->done && (in->next == in->block[in->cur].n_lines || mw_lr_part_skips(in))) {
		if (in->next < in->block[in->cur].n_lines)
			continue;
		if (in->again || in->plan) {
			r = in->again ? fill_again(l, in) : mw_lr_part(l, in);
			if (r < 0)
				return r;
			continue;
		}
		if (torn(in) > MW_RECORD_MAX)
			return mw_lr_fail(l, -EBADMSG, in->file, in->line_no + 1, too_long);
		n = fill(l, in);
		if (n < 0)
			return no_bytes(l, in, n);
		if (n > 0)
			continue;
		r = at_end(l, in);
		if (r <= 0)
			return r;
	}
	if (in->done)
		return 0;
	*ret = mw_lr_line(&in->block[in->cur], in->next++, ret_n);
	in->line_no++;
	in->seq++;
	if (*ret_n > MW_RECORD_MAX)
		return mw_lr_fail(l, -EBADMSG, in->file, in->line_no, too_long);
	return 1;
}

/* What cannot be shown any more is still held against its seal, to say which record is the bad one.
 */
static void drain(struct mw_logread *l, struct mw_lr_input *in)
{
	char err[MW_ERR_MAX];
	const int failed = l->failed;
	char *line;
	size_t n;

	if (!in->prove || in->again)
		return;
	memcpy(err, l->err, sizeof(err));
	while (next_line(l, in, &line, &n) == 1)
		;
	if (!in->done)
		end_input(in);
	memcpy(l->err, err, sizeof(err));
	l->failed = failed;
}

/* The first line of what was exported (export_jsonl.c). */
static void note_excerpt(struct mw_logread *l, struct mw_lr_input *in)
{
	const struct mw_slice wrong = mw_logrec_get(&in->rec, "wrong");

	in->excerpt = true;
	if (wrong.n && !l->tampered[0])
		snprintf(l->tampered, sizeof(l->tampered), "%s: as it was exported: %.*s", in->file,
			 (int)wrong.n, (const char *)wrong.p);
}

static void note_hole(struct mw_logread *l, struct mw_lr_input *in)
{
	if (in->line_no == 1 && !in->prove && strcmp(in->type, "export") == 0)
		note_excerpt(l, in);
	if (in->excerpt)
		return;
	if (in->any && in->rec.seq != in->next_seq && !l->hole[0])
		snprintf(l->hole, sizeof(l->hole),
			 "%s: line %" PRIu64 ": record %" PRIu64 " where %" PRIu64 " must follow",
			 in->file, in->line_no, in->rec.seq, in->next_seq);
	in->next_seq = in->rec.seq + 1;
	in->any = true;
}

int mw_lr_next(struct mw_logread *l, struct mw_lr_input *in)
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
	what = in->again ? mw_lr_known(in, line, n) : mw_lr_check(in, line, n);
	if (what) {
		r = mw_lr_fail(l, -EBADMSG, in->file, in->line_no, what);
		drain(l, in);
		return r;
	}
	in->rec.line = line;
	in->rec.len = n;
	in->rec.type = in->type;
	in->rec.file = in->file;
	in->rec.line_no = in->line_no;
	in->rec.input = (size_t)(in - l->inputs);
	if (in->plan && in->rec.seq != in->seq - 1)
		return mw_lr_fail(l, -ESTALE, in->file, in->line_no,
				  "the index does not fit the log; remove it and try again");
	if (!in->plan)
		note_hole(l, in);
	in->have = true;
	return 1;
}

/* --- its life -----------------------------------------------------------------------------------
 */

static int open_prove(struct mw_logread *l, struct mw_lr_input *in)
{
	const struct mw_verify_config config = { 0 };
	struct mw_verify *v;
	int r;

	r = mw_verify_open(in->path, &config, l->err, sizeof(l->err), &v);
	if (r < 0)
		l->failed = r;
	if (r <= 0)
		return r;
	mw_verify_ahead(v);
	in->prove = mw_lr_prove_new(v);
	if (!in->prove)
		return mw_lr_fail(l, -ENOMEM, in->path, 0, "not enough memory");
	mw_lr_prove_look(in->prove);
	return 0;
}

static int open_blocks(struct mw_lr_input *in)
{
	size_t i;

	for (i = 0; i < MW_LR_BLOCKS; i++) {
		in->block[i].buf = malloc(MW_LR_BLOCK_LEN);
		/* a line may be empty; what is not used is never touched */
		in->block[i].end = malloc(MW_LR_BLOCK_LEN * sizeof(*in->block[i].end));
		if (!in->block[i].buf || !in->block[i].end)
			return -ENOMEM;
	}
	return 0;
}

static const char archive[] =
    "a compressed archive, not a log; unpack a bundle with tar and name the records.jsonl in it "
    "('mcpwatch verify' takes it as it is)";

static bool is_archive(int fd)
{
	static const uint8_t gzip[2] = { 0x1f, 0x8b };
	uint8_t head[sizeof(gzip)];

	return pread(fd, head, sizeof(head), 0) == sizeof(head) &&
	       memcmp(head, gzip, sizeof(gzip)) == 0;
}

int mw_lr_open(struct mw_logread *l, struct mw_lr_input *in, const char *path)
{
	struct stat st;
	int r;

	in->path = path;
	in->file = strdup(path);
	if (!in->file || open_blocks(in) < 0)
		return mw_lr_fail(l, -ENOMEM, path, 0, "not enough memory");
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->fd < 0 || fstat(in->fd, &st) < 0) {
		r = -errno;
		return mw_lr_fail(l, r, path, 0,
				  r == -ENOENT	 ? "there is no such log; name one with --log"
				  : r == -EACCES ? "not permitted; a log is root's"
						 : strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return is_archive(in->fd) ? mw_lr_fail(l, -EBADMSG, path, 0, archive) : 0;
	in->seg_dir_fd = openat(in->fd, "seg", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = in->seg_dir_fd < 0 ? -errno : 0;
	mw_close(&in->fd);
	if (r == 0)
		r = list_segments(in);
	if (r < 0)
		return mw_lr_fail(l, r, path, 0,
				  r == -ENOENT ? "the folder holds no log (no seg in it)"
					       : strerror(-r));
	return open_prove(l, in);
}

void mw_lr_close(struct mw_lr_input *in)
{
	size_t i;

	/* first the thread: it may be at work in the blocks */
	mw_lr_prove_free(in->prove);
	mw_index_plan_free(in->plan);
	mw_close(&in->fd);
	mw_close(&in->seg_dir_fd);
	mw_segread_free(in->segment);
	for (i = 0; i < MW_LR_BLOCKS; i++) {
		free(in->block[i].buf);
		free(in->block[i].end);
	}
	free(in->segs);
	free(in->seen);
	free(in->file);
}
