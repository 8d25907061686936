/* SPDX-License-Identifier: Apache-2.0 */
#include "io/escape.h"

#include <stdarg.h>
#include <string.h>
#include <utf8proc.h>

/* Columns below which a path is only cut. */
#define PATH_LEFT_MIN 12

static bool is_plain(utf8proc_int32_t c, unsigned int *ret_cols)
{
	const utf8proc_property_t *prop = utf8proc_get_property(c);

	switch (prop->category) {
	case UTF8PROC_CATEGORY_CN: /* unassigned: here, and perhaps there */
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CF: /* bidi controls, joiners, tags */
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_CO:
		return false;
	case UTF8PROC_CATEGORY_ZS: /* a space that is none */
		*ret_cols = 1;
		return c == ' ';
	default:
		break;
	}
	if (prop->ignorable)
		return false;
	*ret_cols = (unsigned int)utf8proc_charwidth(c);
	return true;
}

size_t mw_escape_next(const char *p, size_t n, char ret[MW_ESCAPE_MAX], unsigned int *ret_cols)
{
	unsigned char b = (unsigned char)*p;
	utf8proc_ssize_t used = 1;
	utf8proc_int32_t c = b;

	if (b >= 0x20 && b < 0x7f && b != '\\') {
		ret[0] = *p;
		ret[1] = '\0';
		*ret_cols = 1;
		return 1;
	}
	if (b >= 0x80) {
		used = utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c);
		if (used <= 0) {
			*ret_cols = (unsigned int)snprintf(ret, MW_ESCAPE_MAX, "\\x%02x", b);
			return 1;
		}
		if (is_plain(c, ret_cols)) {
			memcpy(ret, p, (size_t)used);
			ret[used] = '\0';
			return (size_t)used;
		}
	}
	if (c == '\\' || c == '\n' || c == '\r' || c == '\t')
		snprintf(ret, MW_ESCAPE_MAX, "\\%c",
			 c == '\n'   ? 'n'
			 : c == '\r' ? 'r'
			 : c == '\t' ? 't'
				     : '\\');
	else if (c < 0x100)
		snprintf(ret, MW_ESCAPE_MAX, "\\x%02x", (unsigned int)c);
	else
		snprintf(ret, MW_ESCAPE_MAX, "\\u{%x}", (unsigned int)c);
	*ret_cols = (unsigned int)strlen(ret);
	return (size_t)used;
}

void mw_escape_print(FILE *f, const char *p, size_t n)
{
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t used;

	for (; n > 0; p += used, n -= used) {
		used = mw_escape_next(p, n, esc, &cols);
		fputs(esc, f);
	}
}

static void append(struct mw_line *l, const char *p, size_t n)
{
	if (l->len + n + 1 > l->cap) {
		size_t cap = (l->len + n + 1) * 2;
		char *q = realloc(l->p, cap);

		if (!q) {
			l->failed = true;
			return;
		}
		l->p = q;
		l->cap = cap;
	}
	memcpy(l->p + l->len, p, n);
	l->len += n;
	l->p[l->len] = '\0';
}

void mw_line_put(struct mw_line *l, const char *sgr, const char *text, size_t n)
{
	bool colour = l->colour && sgr;
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t used;

	if (l->full || n == 0)
		return;
	if (colour) {
		append(l, "\x1b[", 2);
		append(l, sgr, strlen(sgr));
		append(l, "m", 1);
	}
	for (; n > 0; text += used, n -= used) {
		used = mw_escape_next(text, n, esc, &cols);
		/* the last column is the ellipsis's */
		if (l->max_cols && l->cols + cols >= l->max_cols) {
			append(l, "…", strlen("…"));
			l->cols++;
			l->full = true;
			break;
		}
		append(l, esc, strlen(esc));
		l->cols += cols;
	}
	if (colour)
		append(l, "\x1b[0m", 4);
}

static size_t width_of(const char *p, size_t n, size_t max)
{
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t w = 0, used;

	for (; n > 0 && w <= max; p += used, n -= used) {
		used = mw_escape_next(p, n, esc, &cols);
		w += cols;
	}
	return w;
}

void mw_line_put_path(struct mw_line *l, const char *sgr, const char *text, size_t n)
{
	const unsigned int left = l->max_cols > l->cols + 1 ? l->max_cols - l->cols - 1 : 0;
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;
	size_t head = 0, tail, used;
	size_t w = 0;

	if (!l->max_cols || left < PATH_LEFT_MIN || width_of(text, n, left) <= left) {
		mw_line_put(l, sgr, text, n);
		return;
	}
	/* a third of it, the ellipsis, and from the end what then fits */
	for (; head < n; head += used) {
		used = mw_escape_next(text + head, n - head, esc, &cols);
		if (w + cols > left / 3)
			break;
		w += cols;
	}
	for (tail = n > left ? n - left : 0; tail < n; tail++) {
		/* not within a character */
		if (((unsigned char)text[tail] & 0xc0) == 0x80)
			continue;
		if (width_of(text + tail, n - tail, left) + w + 1 <= left)
			break;
	}
	mw_line_put(l, sgr, text, head);
	mw_line_puts(l, sgr, "…");
	mw_line_put(l, sgr, text + tail, n - tail);
}

void mw_line_puts(struct mw_line *l, const char *sgr, const char *text)
{
	mw_line_put(l, sgr, text, strlen(text));
}

void mw_line_printf(struct mw_line *l, const char *sgr, const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n > 0)
		mw_line_put(l, sgr, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

void mw_line_done(struct mw_line *l)
{
	free(l->p);
	*l = (struct mw_line){ 0 };
}
