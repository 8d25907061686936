/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_where.c - where in the file a byte of a text stands */
#include <stdbool.h>
#include <string.h>

#include "io/yaml_priv.h"

struct walk {
	const char *p, *end;
	size_t line, column;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One character on. */
static void step(struct walk *w)
{
	if (w->p == w->end)
		return;
	if (*w->p == '\n') {
		w->line++;
		w->column = 0;
	}
	w->column++;
	do
		w->p++;
	while (w->p < w->end && ((unsigned char)*w->p & 0xC0) == 0x80);
}

/* Over what stands for one character of the text; whether that is no space. */
static bool step_char(struct walk *w, char style)
{
	static const char hex[] = "xuU";
	const char *kind;
	unsigned int v = 0;
	char c = w->p < w->end ? *w->p : 0;
	int i;

	step(w);
	if (style == '\'' && c == '\'')
		step(w);
	if (style != '"' || c != '\\')
		return !is_space(c);
	c = w->p < w->end ? *w->p : 0;
	step(w);
	kind = c ? strchr(hex, c) : NULL;
	for (i = 0; kind && i < 2 << (kind - hex) && w->p < w->end; i++) {
		char d = *w->p | 0x20;

		v = v << 4 | (unsigned int)(d >= 'a' ? d - 'a' + 10 : d - '0');
		step(w);
	}
	return kind ? v != ' ' && v != '\t' && v != '\n' && v != '\r' : !strchr(" \tnrt\n", c);
}

/* What folds and indents is space, and nothing else is lost or moved: so the nth character of the
 * text that is none is the nth of the source that is none. */
void mw_yaml_where(struct mw_slice source, const struct mw_yaml_node *text, size_t offset,
		   size_t *ret_line, size_t *ret_column)
{
	const char *p = (const char *)source.p;
	struct walk w = { p, p + source.n, 1, 1 };
	bool inside = offset < text->n && !is_space(text->text[offset]);
	size_t i, n = 0;

	for (i = 0; i < offset && i < text->n; i++)
		n += !is_space(text->text[i]) && ((unsigned char)text->text[i] & 0xC0) != 0x80;
	while (w.p < w.end && (w.line < text->line || w.column < text->column))
		step(&w);
	if (text->style == '|' || text->style == '>')
		while (w.p < w.end && *w.p != '\n')
			step(&w);
	else if (text->style)
		step(&w);
	while (n && w.p < w.end)
		n -= step_char(&w, text->style);
	while (inside && w.p < w.end) {
		struct walk before = w;

		if (step_char(&w, text->style)) {
			w = before;
			break;
		}
	}
	*ret_line = w.line;
	*ret_column = w.column;
}
