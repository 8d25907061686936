/* SPDX-License-Identifier: Apache-2.0 */
/* live_draw.c - top's picture: from what is known to cells */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/escape.h"
#include "io/live.h"

#define SIZE_MAX_CELLS 4096u

int mw_live_grid_size(struct mw_live_grid *g, unsigned int rows, unsigned int cols)
{
	struct mw_live_cell *cell;

	if (!rows || !cols || rows > SIZE_MAX_CELLS || cols > SIZE_MAX_CELLS)
		return -EINVAL;
	cell = calloc((size_t)rows * cols, sizeof(*cell));
	if (!cell)
		return -ENOMEM;
	free(g->cell);
	*g = (struct mw_live_grid){ .rows = rows, .cols = cols, .cell = cell };
	return 0;
}

void mw_live_grid_done(struct mw_live_grid *g)
{
	free(g->cell);
	*g = (struct mw_live_grid){ 0 };
}

/* --- a pen --------------------------------------------------------------------------------------
 */

struct pen {
	struct mw_live_grid *g;
	unsigned int row, col, end; /* end: the first column that is not ours */
	enum mw_live_attr attr;
};

static struct pen pen_at(struct mw_live_grid *g, unsigned int row)
{
	return (struct pen){ .g = g, .row = row, .end = g->cols };
}

/* What had this column or the one before it is cut in two: blanks stay. */
static void clear(struct mw_live_cell *row, unsigned int col, unsigned int cols)
{
	if (row[col].second && col)
		row[col - 1].text[0] = '\0';
	if (col + 1 < cols && row[col + 1].second)
		row[col + 1].second = false;
	row[col] = (struct mw_live_cell){ 0 };
}

/* A character of so many columns; false: it has no room. */
static bool put_char(struct pen *p, const char *text, unsigned int cols)
{
	struct mw_live_cell *row;
	const size_t n = strlen(text);
	unsigned int i;

	if (p->row >= p->g->rows)
		return false;
	if (cols == 0)
		return true; /* a mark on the one before: left out */
	if (cols > p->end || p->col > p->end - cols || n >= sizeof(row->text))
		return false;
	row = &p->g->cell[(size_t)p->row * p->g->cols];
	for (i = 0; i < cols; i++) {
		clear(row, p->col + i, p->g->cols);
		row[p->col + i].attr = (uint8_t)p->attr;
	}
	memcpy(row[p->col].text, text, n);
	for (i = 1; i < cols; i++)
		row[p->col + i].second = true;
	p->col += cols;
	return true;
}

static void full(struct pen *p)
{
	/* the last column says that there is more */
	if (p->end) {
		p->col = p->end - 1;
		(void)put_char(p, "…", 1);
	}
}

static bool put_ascii(struct pen *p, const char *s)
{
	char one[2] = { 0 };

	for (; *s; s++) {
		one[0] = *s;
		if (!put_char(p, one, 1))
			return false;
	}
	return true;
}

/* Text of the observed world (raw), or one that was escaped before. */
static void put_text(struct pen *p, const char *s, bool is_escaped)
{
	size_t n = strlen(s), used;
	char esc[MW_ESCAPE_MAX];
	unsigned int cols;

	for (; n; s += used, n -= used) {
		used = mw_escape_next(s, n, esc, &cols);
		if (is_escaped && *s == '\\') {
			used = 1;
			esc[1] = '\0';
		}
		if (esc[0] == '\\' ? !put_ascii(p, esc) : !put_char(p, esc, cols)) {
			full(p);
			return;
		}
	}
}

static void __attribute__((format(printf, 2, 3))) put(struct pen *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_text(p, text, false);
}

static void put_as(struct pen *p, enum mw_live_attr attr, const char *text)
{
	const enum mw_live_attr was = p->attr;

	p->attr = attr;
	put_text(p, text, false);
	p->attr = was;
}

/* The rest of the line is blank, in the pen's colour. */
static void fill(struct pen *p)
{
	while (p->col < p->end && put_char(p, " ", 1))
		;
}

static void put_age(struct pen *p, double s)
{
	if (s < 0)
		s = 0;
	if (s < 100)
		put(p, "%.1f s", s);
	else if (s < 7200)
		put(p, "%.0f min", s / 60);
	else if (s < 172800)
		put(p, "%.0f h", s / 3600);
	else
		put(p, "%.0f days", s / 86400);
}

/* --- the filter ---------------------------------------------------------------------------------
 */

static bool lets(const struct mw_live_view *v, const char *server, const char *tool)
{
	return !v->filter[0] || strcasestr(server, v->filter) || strcasestr(tool, v->filter);
}

/* --- the head -----------------------------------------------------------------------------------
 */

static void draw_first(const struct mw_live *l, const struct mw_live_view *v, struct pen p)
{
	p.attr = MW_LIVE_BOLD;
	put(&p, "mcpwatch ");
	p.attr = MW_LIVE_PLAIN;
	if (l->is_log)
		put_as(&p, MW_LIVE_YELLOW, "log, not verified ");
	else if (!l->at_ns)
		put_as(&p, MW_LIVE_DIM, "waiting ");
	else
		put_as(&p, l->healthy ? MW_LIVE_GREEN : MW_LIVE_RED,
		       l->healthy ? "watching " : "NOT HEALTHY ");
	if (v->paused)
		put_as(&p, MW_LIVE_TITLE, "PAUSED");
	if (v->paused)
		put(&p, " ");
	put_text(&p, l->source, false);
	if (l->at_ns) {
		put(&p, ", up ");
		put_age(&p, l->uptime);
	}
}

static void draw_counts(const struct mw_live *l, struct pen p)
{
	static const enum mw_live_attr attr[] = { MW_LIVE_PLAIN, MW_LIVE_YELLOW, MW_LIVE_RED,
						  MW_LIVE_RED };
	size_t i;

	put(&p, "calls %llu (%.1f/s) %llu open  effects %llu (%.1f/s)  alerts",
	    (unsigned long long)l->calls, l->calls_rate, (unsigned long long)l->open,
	    (unsigned long long)l->effects, l->effects_rate);
	for (i = MW_TALLY_SEVERITIES; i-- > 0;) {
		p.attr = l->hour[i] ? attr[i] : MW_LIVE_PLAIN;
		put(&p, " %llu %s", (unsigned long long)l->hour[i], mw_tally_severity[i]);
	}
	p.attr = MW_LIVE_PLAIN;
	put(&p, l->is_log ? "" : " (1 h)");
}

static void draw_losses(const struct mw_live *l, struct pen p)
{
	if (l->problem[0]) {
		put_as(&p, l->healthy ? MW_LIVE_YELLOW : MW_LIVE_RED, l->problem);
		put(&p, "  ");
	}
	if (l->at_ns) {
		put(&p, "sealed ");
		put_age(&p, l->seal_age);
		put(&p, " ago, %llu wait  ", (unsigned long long)l->waiting);
	}
	p.attr = l->gaps || l->lost_events ? MW_LIVE_YELLOW : MW_LIVE_PLAIN;
	put(&p, "gaps %llu", (unsigned long long)l->gaps);
	if (l->lost_events)
		put(&p, "  events lost %llu", (unsigned long long)l->lost_events);
	p.attr = MW_LIVE_YELLOW;
	if (l->dropped)
		put(&p, "  %llu records were too fast to be shown here",
		    (unsigned long long)l->dropped);
	if (l->unread)
		put(&p, "  %llu lines could not be read", (unsigned long long)l->unread);
}

/* --- the parts ----------------------------------------------------------------------------------
 */

static const char *const sorts[MW_LIVE_SORTS] = { "calls",  "rate",   "effects",
						  "failed", "alerts", "name" };

struct order {
	const struct mw_live_server *s;
	enum mw_live_sort sort;
};

static int more_first(double a, double b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int by_order(const void *pa, const void *pb)
{
	const struct order *x = pa, *y = pb;
	const struct mw_live_server *a = x->s, *b = y->s;
	int r = 0;

	switch (x->sort) {
	case MW_LIVE_BY_CALLS:
		r = more_first((double)a->calls, (double)b->calls);
		break;
	case MW_LIVE_BY_RATE:
		r = more_first(a->rate, b->rate);
		break;
	case MW_LIVE_BY_EFFECTS:
		r = more_first((double)a->effects, (double)b->effects);
		break;
	case MW_LIVE_BY_FAILED:
		r = more_first((double)a->failed, (double)b->failed);
		break;
	case MW_LIVE_BY_ALERTS:
		r = more_first((double)a->alerts, (double)b->alerts);
		break;
	default:
		break;
	}
	if (r == 0)
		r = strcmp(a->name, b->name);
	return r ? r : strcmp(a->id, b->id);
}

static size_t chosen(const struct mw_live *l, const struct mw_live_view *v,
		     struct order ret[MW_LIVE_SERVERS_MAX])
{
	size_t i, n = 0;

	for (i = 0; i < l->n_servers; i++)
		if (lets(v, l->server[i].name, ""))
			ret[n++] = (struct order){ &l->server[i], v->sort };
	qsort(ret, n, sizeof(*ret), by_order);
	return n;
}

static void title(struct pen p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void title(struct pen p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p.attr = MW_LIVE_TITLE;
	put_text(&p, text, false);
	fill(&p);
}

/* The numbers of a server need so many columns; a narrow terminal shows the first of them. */
#define CALLS_COLS 9
#define ALL_COLS   60

static void draw_server(const struct mw_live_server *s, struct pen p)
{
	const unsigned int cols = p.end;
	const unsigned int numbers = cols >= ALL_COLS + 12 ? ALL_COLS : CALLS_COLS;
	const unsigned int name = cols > numbers + 1 ? cols - numbers - 1 : cols;

	p.end = name;
	p.attr = s->alerts ? MW_LIVE_RED : MW_LIVE_PLAIN;
	put_text(&p, s->name[0] ? s->name : s->id, false);
	if (name == cols)
		return;
	p.col = name;
	p.end = cols;
	p.attr = MW_LIVE_PLAIN;
	if (numbers == CALLS_COLS) {
		put(&p, " %9llu", (unsigned long long)s->calls);
		return;
	}
	put(&p, " %8llu %6.1f %4llu %6llu %8llu %6llu  ", (unsigned long long)s->calls, s->rate,
	    (unsigned long long)s->in_flight, (unsigned long long)s->failed,
	    (unsigned long long)s->effects, (unsigned long long)s->alerts);
	if (s->seen[0])
		put(&p, "%s", s->seen);
	else
		put(&p, "%s %s", s->io, s->link);
}

static void draw_servers(const struct mw_live *l, const struct mw_live_view *v,
			 struct mw_live_grid *g, unsigned int row, unsigned int rows)
{
	struct order order[MW_LIVE_SERVERS_MAX];
	const size_t n = chosen(l, v, order);
	const unsigned int cols = g->cols;
	const size_t skip = v->skip < n ? v->skip : n ? n - 1 : 0;
	struct pen p;
	unsigned int i;

	title(pen_at(g, row), "SERVERS %zu", n);
	if (cols >= ALL_COLS + 12) {
		p = pen_at(g, row);
		p.attr = MW_LIVE_TITLE;
		p.col = cols - ALL_COLS - 1;
		put(&p, " %8s %6s %4s %6s %8s %6s  %s", "CALLS", "/S", "OPEN", "FAILED", "EFFECTS",
		    "ALERTS", "READ");
	}
	for (i = 1; i < rows && skip + i - 1 < n; i++)
		draw_server(order[skip + i - 1].s, pen_at(g, row + i));
}

static int older_first(const void *pa, const void *pb)
{
	const struct mw_live_open *a = *(const struct mw_live_open *const *)pa;
	const struct mw_live_open *b = *(const struct mw_live_open *const *)pb;

	return a->begin_ns < b->begin_ns ? -1 : a->begin_ns > b->begin_ns;
}

static size_t in_flight(const struct mw_live *l, const struct mw_live_view *v,
			const struct mw_live_open *ret[MW_LIVE_OPEN_MAX])
{
	size_t i, n = 0;

	for (i = 0; i < MW_LIVE_OPEN_MAX; i++)
		if (l->in_flight[i].id[0] && lets(v, l->in_flight[i].server, l->in_flight[i].tool))
			ret[n++] = &l->in_flight[i];
	qsort(ret, n, sizeof(*ret), older_first);
	return n;
}

static void draw_open(const struct mw_live_open *const *open, size_t n, int64_t now_ns,
		      struct mw_live_grid *g, unsigned int row, unsigned int rows)
{
	struct pen p;
	unsigned int i;

	title(pen_at(g, row), "IN FLIGHT %zu", n);
	for (i = 1; i < rows && i - 1 < n; i++) {
		p = pen_at(g, row + i);
		put_age(&p, (double)(now_ns - open[i - 1]->begin_ns) / 1e9);
		put(&p, "  ");
		put_text(&p, open[i - 1]->server, false);
		put(&p, "  ");
		p.attr = MW_LIVE_BOLD;
		put_text(&p, open[i - 1]->tool, false);
		p.attr = MW_LIVE_DIM;
		put(&p, "  ");
		put_text(&p, open[i - 1]->id, false);
	}
}

/* The newest that fit, oldest of them first. How many lines the filter lets through at all. */
static size_t draw_lines(const struct mw_live_lines *lines, const struct mw_live_view *v,
			 const char *name, struct mw_live_grid *g, unsigned int row,
			 unsigned int rows)
{
	const struct mw_live_line *shown[MW_LIVE_LINES_MAX];
	size_t i, at, n = 0, begin;
	struct pen p;

	for (i = 0; i < lines->n; i++) {
		at = (lines->next + MW_LIVE_LINES_MAX - lines->n + i) % MW_LIVE_LINES_MAX;
		if (lets(v, lines->line[at].server, lines->line[at].tool))
			shown[n++] = &lines->line[at];
	}
	if (!rows)
		return n;
	title(pen_at(g, row), "%s", name);
	begin = n > rows - 1 ? n - (rows - 1) : 0;
	for (i = begin; i < n; i++) {
		p = pen_at(g, row + 1 + (unsigned int)(i - begin));
		p.attr = shown[i]->bad ? MW_LIVE_RED : MW_LIVE_PLAIN;
		put_text(&p, shown[i]->text, true);
	}
	return n;
}

static void draw_foot(const struct mw_live_view *v, struct pen p)
{
	if (v->typing) {
		put_as(&p, MW_LIVE_BOLD, "filter: ");
		put_text(&p, v->filter, false);
		put(&p, "_");
		return;
	}
	p.attr = MW_LIVE_DIM;
	put(&p, "q quit  h help  s sort: %s  / filter", sorts[v->sort]);
	if (v->filter[0]) {
		put(&p, ": ");
		p.attr = MW_LIVE_BOLD;
		put_text(&p, v->filter, false);
		p.attr = MW_LIVE_DIM;
	}
	put(&p, "  p %s", v->paused ? "go on" : "pause");
}

static void draw_help(struct mw_live_grid *g)
{
	static const char *const lines[] = {
		"q  quit",
		"s  sort servers by the next column; S by the one before",
		"/  filter by a part of a server's or tool's name; Enter ends it, Esc clears it",
		"p  pause: the picture stays, what comes meanwhile is counted",
		"j, k, arrows  scroll the servers",
		"h  this help; any key ends it",
		"",
		"READ  how a server's traffic is read: clear, tls, unread",
		"TIES  the runtimes whose own word ties effects to calls; none: by order, names, "
		"time",
		"~ a likely tie, ? shared with other calls, none: certain",
	};
	struct pen p;
	unsigned int i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]) && i < g->rows; i++) {
		p = pen_at(g, i);
		put_text(&p, lines[i], false);
	}
}

/* How the rows between head and foot are shared out. */
struct parts {
	unsigned int servers, open, calls, alerts; /* each with its title; 0: not shown */
};

static unsigned int least(size_t a, unsigned int b)
{
	return a < b ? (unsigned int)a : b;
}

static struct parts share(unsigned int rows, size_t n_servers, size_t n_open, size_t n_alerts)
{
	struct parts p = { 0 };

	if (rows < 6) {
		p.servers = least(n_servers + 1, rows > 3 ? rows - 2 : rows);
		p.calls = rows - p.servers > 1 ? rows - p.servers : 0;
		return p;
	}
	p.servers = least(n_servers + 1, rows / 3);
	p.open = n_open ? least(n_open + 1, rows / 5) : 0;
	p.alerts = n_alerts ? least(n_alerts + 1, rows / 4) : 0;
	p.open = p.open == 1 ? 2 : p.open;
	p.alerts = p.alerts == 1 ? 2 : p.alerts;
	p.calls = rows - p.servers - p.open - p.alerts;
	return p;
}

void mw_live_draw(const struct mw_live *l, const struct mw_live_view *v, int64_t now_ns,
		  struct mw_live_grid *g)
{
	const struct mw_live_open *open[MW_LIVE_OPEN_MAX];
	const unsigned int head = g->rows >= 8 ? 3 : g->rows >= 4 ? 2 : 1;
	const unsigned int foot = !v->plain && (g->rows >= 5 || v->typing) ? 1 : 0;
	struct mw_live_grid none = { 0 };
	struct order order[MW_LIVE_SERVERS_MAX];
	struct parts part;
	size_t n_open;
	unsigned int row = head;

	memset(g->cell, 0, (size_t)g->rows * g->cols * sizeof(*g->cell));
	if (v->help) {
		draw_help(g);
		return;
	}
	draw_first(l, v, pen_at(g, 0));
	if (head > 1)
		draw_counts(l, pen_at(g, 1));
	if (head > 2)
		draw_losses(l, pen_at(g, 2));
	if (foot)
		draw_foot(v, pen_at(g, g->rows - 1));
	if (g->rows <= head + foot)
		return;
	n_open = in_flight(l, v, open);
	part = share(g->rows - head - foot, chosen(l, v, order), n_open,
		     draw_lines(&l->alert_lines, v, "", &none, 0, 0));
	if (part.servers)
		draw_servers(l, v, g, row, part.servers);
	row += part.servers;
	if (part.open)
		draw_open(open, n_open, now_ns, g, row, part.open);
	row += part.open;
	if (part.calls)
		draw_lines(&l->latest, v, "CALLS", g, row, part.calls);
	row += part.calls;
	if (part.alerts)
		draw_lines(&l->alert_lines, v, "ALERTS, GAPS", g, row, part.alerts);
}
