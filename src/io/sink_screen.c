/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sink_screen.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "io/escape.h"
#include "io/render.h"

struct screen {
	struct mw_sink sink;
	FILE *f;
	bool colour;
};

bool mw_screen_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(f)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

unsigned int mw_screen_width(FILE *f)
{
	struct winsize ws;

	if (!isatty(fileno(f)) || ioctl(fileno(f), TIOCGWINSZ, &ws) < 0)
		return 0;
	return ws.ws_col;
}

/* Whether a record is one of those shown: cheap, since most are effects. The head has no value that
 * the observed could have written. */
static bool is_shown(const char *json, size_t len)
{
	static const char *const types[] = { "call", "alert", "gap", "anomaly" };
	static const char key[] = "\"type\":\"";
	const char *p = memmem(json, len < 512 ? len : 512, key, sizeof(key) - 1);
	size_t i, left;

	if (!p)
		return false;
	p += sizeof(key) - 1;
	left = len - (size_t)(p - json);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i]);

		if (left > n && memcmp(p, types[i], n) == 0 && p[n] == '"')
			return true;
	}
	return false;
}

static int screen_write(struct mw_sink *sink, const struct mw_record *record)
{
	const char *json = record->json;
	const size_t len = record->len;
	struct screen *s = (struct screen *)sink;
	struct mw_line line = { .max_cols = mw_screen_width(s->f), .colour = s->colour };
	cJSON *rec;

	if (!is_shown(json, len))
		return 0;
	rec = cJSON_ParseWithLength(json, len);
	if (!rec) {
		fputs("(a record too deep to show)\n", s->f);
		return 0;
	}
	if (mw_render_record(&line, rec, false) && line.p && !line.failed) {
		line.p[line.len] = '\n';
		fwrite(line.p, 1, line.len + 1, s->f);
		fflush(s->f);
	}
	mw_line_done(&line);
	cJSON_Delete(rec);
	return 0;
}

static int screen_flush(struct mw_sink *sink)
{
	fflush(((struct screen *)sink)->f);
	return 0;
}

static void screen_free(struct mw_sink *sink)
{
	free(sink);
}

static const struct mw_sink_ops screen_ops = {
	.write = screen_write,
	.flush = screen_flush,
	.free = screen_free,
};

int mw_sink_screen_new(FILE *f, struct mw_sink **ret)
{
	struct screen *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = &screen_ops;
	s->f = f;
	s->colour = mw_screen_colour(f);
	*ret = &s->sink;
	return 0;
}
