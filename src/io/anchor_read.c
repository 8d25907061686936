/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor_read.c
 *
 * One pass, line by line; a line longer than LINE_MAX_LEN is passed over. In an export of the
 * journal (systemd's JOURNAL_EXPORT_FORMATS) a field with a newline in it is its name on a line, 8
 * bytes of length, little endian, the bytes, a newline.
 */
#include "io/anchor_read.h"

#include <cjson/cJSON.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "io/anchor_text.h"
#include "io/syslog_text.h"
#include "io/file.h"

#define LINE_LEN_MAX (1u << 20)
#define FIELD	     "MCPWATCH_CHECKPOINT"
#define DASH	     "\xe2\x80\x94 "

struct reader {
	FILE *f;
	int (*fn)(void *ctx, const struct mw_anchor_found *found);
	void *ctx;
	uint64_t line, n, n_bad;
	char *text; /* the line, without its newline; NUL-terminated */
	size_t len;
	bool export; /* an export of the journal: it has said so */
	/* the last three lines, of which a checkpoint's body may be, and the note that is being
	 * read */
	char last[3][MW_NOTE_NAME_MAX];
	char note[MW_NOTE_MAX + 1];
	size_t note_len;
	uint64_t note_line;
	bool in_note;
};

/* 1, 0 at the end, or a negative errno. */
static int next_line(struct reader *r)
{
	bool all = true;
	int c;

	r->len = 0;
	while ((c = getc_unlocked(r->f)) != EOF && c != '\n') {
		if (r->len < LINE_LEN_MAX)
			r->text[r->len++] = (char)c;
		else
			all = false;
	}
	if (c == EOF && ferror(r->f))
		return errno ? -errno : -EIO;
	if (c == EOF && !r->len)
		return 0;
	if (!all)
		r->len = 0;
	r->text[r->len] = '\0';
	r->line++;
	return 1;
}

static int give(struct reader *r, const char *note, size_t n, uint64_t line)
{
	struct mw_anchor_found found = { .note = note, .n = n, .line = line };
	struct mw_note parts;

	if (mw_note_parse(note, n, &parts) < 0 ||
	    mw_checkpoint_parse(parts.body, parts.body_len, &found.checkpoint) < 0) {
		r->n_bad++;
		return 0;
	}
	r->n++;
	return r->fn(r->ctx, &found);
}

/* --- notes --------------------------------------------------------------------------------- */

static int end_note(struct reader *r)
{
	r->in_note = false;
	return give(r, r->note, r->note_len, r->note_line);
}

/* An empty line: are the three before it a checkpoint's? */
static void begin_note(struct reader *r)
{
	struct mw_checkpoint c;
	int n;

	n = snprintf(r->note, sizeof(r->note), "%s\n%s\n%s\n", r->last[0], r->last[1], r->last[2]);
	if (mw_checkpoint_parse(r->note, (size_t)n, &c) < 0)
		return;
	r->note[n++] = '\n';
	r->note[n] = '\0';
	r->note_len = (size_t)n;
	r->note_line = r->line - 3;
	r->in_note = true;
}

/* 1: the line was a note's; 0: not; or what fn answered. */
static int take_note(struct reader *r)
{
	int e;

	if (r->in_note && r->len > 4 && memcmp(r->text, DASH, 4) == 0) {
		if (r->len + 1 >= sizeof(r->note) - r->note_len) {
			r->in_note = false;
			r->n_bad++;
			return 1;
		}
		memcpy(r->note + r->note_len, r->text, r->len);
		r->note_len += r->len;
		r->note[r->note_len++] = '\n';
		r->note[r->note_len] = '\0';
		return 1;
	}
	e = r->in_note ? end_note(r) : 0;
	if (e < 0)
		return e;
	if (!r->len)
		begin_note(r);
	memmove(r->last[0], r->last[1], 2 * sizeof(r->last[0]));
	snprintf(r->last[2], sizeof(r->last[2]), "%s", r->len < sizeof(r->last[2]) ? r->text : "");
	return 0;
}

/* --- the journal --------------------------------------------------------------------------- */

/* An entry as JSON, or a line of seals.jsonl: the note is a member, as a string or as an array of
 * bytes; or a member is a line of syslog. */
static int take_json(struct reader *r)
{
	cJSON *o = cJSON_ParseWithLength(r->text, r->len);
	const cJSON *field = cJSON_GetObjectItemCaseSensitive(o, FIELD), *item;
	char bytes[MW_NOTE_MAX + 1];
	const char *s = NULL;
	size_t n = 0;
	int e = 0;

	if (!field)
		field = cJSON_GetObjectItemCaseSensitive(o, "checkpoint");
	if (cJSON_IsString(field)) {
		s = field->valuestring;
		n = strlen(s);
	} else if (cJSON_IsArray(field)) {
		cJSON_ArrayForEach(item, field)
		{
			if (!cJSON_IsNumber(item) || n == MW_NOTE_MAX)
				break;
			bytes[n++] = (char)item->valueint;
		}
		bytes[n] = '\0';
		s = bytes;
	}
	for (item = o && !s ? o->child : NULL; item; item = item->next) {
		if (!cJSON_IsString(item))
			continue;
		e = mw_anchor_syslog_read(item->valuestring, strlen(item->valuestring), bytes, &n);
		if (e > 0)
			s = bytes;
		if (e != 0)
			break;
	}
	if (s)
		e = give(r, s, n, r->line);
	else if (e < 0 || (!o && (strstr(r->text, FIELD) || strstr(r->text, MW_SYSLOG_SD))))
		e = 0, r->n_bad++;
	cJSON_Delete(o);
	return e;
}

/* The bytes of a field whose name was a line by itself. */
static int take_binary(struct reader *r, bool wanted)
{
	char bytes[MW_NOTE_MAX + 1];
	uint64_t len, i, n = 0, lines = 0;
	int c = 0;

	if (fread(&len, sizeof(len), 1, r->f) != 1) {
		r->n_bad += wanted;
		return ferror(r->f) ? -EIO : 0;
	}
	len = le64toh(len);
	for (i = 0; i < len && (c = getc_unlocked(r->f)) != EOF; i++) {
		lines += c == '\n';
		if (n < MW_NOTE_MAX)
			bytes[n++] = (char)c;
	}
	if (ferror(r->f))
		return -EIO;
	if (c != EOF)
		(void)getc_unlocked(r->f); /* its newline */
	bytes[n] = '\0';
	if (wanted && (i < len || len > MW_NOTE_MAX)) {
		r->n_bad++;
		wanted = false;
	}
	i = r->line;
	r->line += lines + 1;
	return wanted ? give(r, bytes, n, i) : 0;
}

/* A line that is a field's name alone. */
static bool is_name(const struct reader *r)
{
	return r->len && r->len <= 64 &&
	       strspn(r->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == r->len;
}

/* --- a file -------------------------------------------------------------------------------- */

static int take_line(struct reader *r)
{
	char note[MW_NOTE_MAX + 1];
	size_t n;
	int e;

	e = take_note(r);
	if (e != 0)
		return e < 0 ? e : 0;
	if (r->text[0] == '{')
		return take_json(r);
	if (strncmp(r->text, "__CURSOR=", 9) == 0)
		r->export = true;
	if (r->export && is_name(r))
		return take_binary(r, strcmp(r->text, FIELD) == 0);
	e = mw_anchor_syslog_read(r->text, r->len, note, &n);
	if (e < 0)
		r->n_bad++;
	return e > 0 ? give(r, note, n, r->line) : 0;
}

static void close_file(FILE **f)
{
	if (*f && *f != stdin)
		fclose(*f);
}

static int fail(const char *path, int e, char *err, size_t err_len)
{
	snprintf(err, err_len, "cannot read %s: %s", path, strerror(-e));
	return e;
}

int mw_anchor_file_read(const char *path, int (*fn)(void *ctx, const struct mw_anchor_found *found),
			void *ctx, uint64_t *ret_n, uint64_t *ret_bad, char *err, size_t err_len)
{
	_cleanup_(mw_freep) struct reader *r = calloc(1, sizeof(*r));
	_cleanup_(mw_freep) char *text = malloc(LINE_LEN_MAX + 1);
	_cleanup_(close_file) FILE *f = NULL;
	struct stat st;
	int e, given = 0;

	if (!r || !text)
		return fail(path, -ENOMEM, err, err_len);
	errno = 0;
	f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!f || fstat(fileno(f), &st) < 0)
		return fail(path, -errno, err, err_len);
	if (f != stdin && S_ISCHR(st.st_mode)) {
		snprintf(err, err_len, "%s: a device, which may have no end; name a file", path);
		return -EINVAL;
	}
	r->f = f;
	r->fn = fn;
	r->ctx = ctx;
	r->text = text;
	while ((e = next_line(r)) > 0) {
		given = take_line(r);
		if (given < 0)
			return given;
	}
	if (e < 0)
		return fail(path, e, err, err_len);
	given = r->in_note ? end_note(r) : 0;
	if (given < 0)
		return given;
	if (ret_bad)
		*ret_bad = r->n_bad;
	if (!r->n) {
		snprintf(err, err_len, "%s: holds no checkpoint%s", path,
			 r->n_bad ? " that is whole" : "");
		return -EINVAL;
	}
	if (ret_n)
		*ret_n = r->n;
	return 0;
}
