/* SPDX-License-Identifier: Apache-2.0 */
/* top's picture: fed with lines, drawn in any size */
#include "support.h"

#include <errno.h>

#include "io/live.h"

#define NOW 1795300000000000000ll
#define HEAD                                                                                       \
	"{\"v\":1,\"seq\":1,\"time\":\"2026-11-22T02:00:00.5Z\",\"boot_ns\":1,\"host\":\"h\","     \
	"\"type\":"

static void feed(struct mw_live *l, const char *line, int64_t now)
{
	assert_int_equal(mw_live_feed(l, line, strlen(line), now), 0);
}

static const char status[] = "{\"v\":1,\"type\":\"status\",\"host\":\"vm\",\"healthy\":%s,"
			     "\"problems\":[{\"bad\":false,\"what\":\"look here\"}],"
			     "\"uptime\":90,\"calls\":{\"n\":%d,\"open\":2},\"effects\":{\"n\":50},"
			     "\"alerts\":{\"n\":3,\"last_hour\":"
			     "{\"low\":1,\"medium\":0,\"high\":2,\"critical\":0}},\"gaps\":[{"
			     "\"reason\":\"x\",\"n\":4}],\"lost\":{\"events\":0},"
			     "\"log\":{\"records\":10,\"sealed\":8,\"seal_age\":1.5},\"servers\":["
			     "{\"id\":\"s1\",\"name\":\"billing\",\"io\":\"clear\",\"link\":"
			     "\"python\",\"calls\":%d,\"in_flight\":1,\"failed\":0,"
			     "\"effects\":7,\"alerts\":0},{\"id\":\"s2\",\"name\":\"\\u001b["
			     "2Jfiles\\u202e\\u65e5\\u672c\",\"io\":\"tls\",\"calls\":5,"
			     "\"in_flight\":0,\"failed\":3,\"effects\":9,\"alerts\":2}]}";

static void feed_status(struct mw_live *l, const char *healthy, int calls, int64_t now)
{
	char line[2048];

	snprintf(line, sizeof(line), status, healthy, calls, calls);
	feed(l, line, now);
}

/* The row as text, blanks as such. */
static char *row_of(const struct mw_live_grid *g, unsigned int row)
{
	static char text[8192];
	size_t n = 0;
	unsigned int col;

	for (col = 0; col < g->cols; col++) {
		const struct mw_live_cell *c = &g->cell[(size_t)row * g->cols + col];

		if (!c->second)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
					      c->text[0] ? c->text : " ");
	}
	while (n && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
	return text;
}

static const char *find(const struct mw_live_grid *g, const char *what)
{
	unsigned int row;

	for (row = 0; row < g->rows; row++)
		if (strstr(row_of(g, row), what))
			return row_of(g, row);
	return NULL;
}

static struct mw_live *make(void)
{
	struct mw_live *l = calloc(1, sizeof(*l));

	feed_status(l, "true", 10, NOW);
	feed_status(l, "true", 30, NOW + 2000000000);
	feed(l,
	     HEAD "\"request\",\"call\":\"c1\",\"server\":{\"id\":\"s1\",\"name\":\"billing\"},"
		  "\"method\":\"tools/call\","
		  "\"tool\":\"delete_user\"}",
	     NOW);
	feed(l,
	     HEAD "\"request\",\"call\":\"c2\",\"server\":{\"id\":\"s1\",\"name\":\"billing\"},"
		  "\"method\":\"tools/list\"}",
	     NOW);
	feed(
	    l,
	    HEAD
	    "\"call\",\"call\":\"c2\",\"server\":{\"id\":\"s1\",\"name\":\"billing\"},\"method\":"
	    "\"tools/call\","
	    "\"tool\":\"get_invoice\",\"status\":\"ok\",\"elapsed_ms\":3.1,\"effects\":[{\"kind\":"
	    "\"file.open\","
	    "\"target\":\"/x/\\u001b]0;evil\\u0007y\",\"confidence\":\"likely\"}],\"effects_n\":1}",
	    NOW);
	feed(l,
	     HEAD "\"alert\",\"rule\":\"exec.shell\",\"severity\":\"high\",\"title\":\"A "
		  "shell\",\"server\":{\"id\":\"s2\","
		  "\"name\":\"files\"},\"calls\":[\"c9\"]}",
	     NOW);
	feed(l, HEAD "\"effect\",\"kind\":\"file.open\",\"target\":\"x\"}", NOW);
	feed(l, "{\"type\":\"dropped\",\"n\":12}", NOW);
	return l;
}

static void done(struct mw_live *l, struct mw_live_grid *g)
{
	mw_live_done(l);
	mw_live_grid_done(g);
	free(l);
}

static void picture(void **state)
{
	struct mw_live *l = make();
	struct mw_live_grid g = { 0 };
	struct mw_live_view v = { 0 };

	assert_int_equal(mw_live_grid_size(&g, 24, 100), 0);
	mw_live_draw(l, &v, 1795312803000000000ll, &g);
	assert_string_equal(row_of(&g, 0), "mcpwatch watching vm, up 90.0 s");
	assert_string_equal(row_of(&g, 1),
			    "calls 30 (10.0/s) 2 open  effects 50 (0.0/s)  alerts 0 critical "
			    "2 high 0 medium 1 low (1 h)");
	assert_string_equal(row_of(&g, 2),
			    "look here  sealed 1.5 s ago, 2 wait  gaps 4  12 records were too "
			    "fast to be shown here");
	assert_non_null(strstr(row_of(&g, 3), "SERVERS 2"));
	assert_non_null(strstr(row_of(&g, 4), "billing"));
	assert_non_null(
	    strstr(row_of(&g, 4), "30   10.0    1      0        7      0  clear python"));
	/* what could move the cursor or reorder is written out */
	assert_non_null(strstr(row_of(&g, 5), "\\x1b[2Jfiles\\u{202e}日本"));
	assert_non_null(find(&g, "IN FLIGHT 1"));
	assert_non_null(strstr(find(&g, "delete_user"), "2.5 s  billing  delete_user  c1"));
	assert_non_null(strstr(find(&g, "get_invoice"), "~file.open /x/\\x1b]0;evil\\x07y"));
	assert_non_null(find(&g, "exec.shell"));
	assert_non_null(find(&g, "q quit"));
	done(l, &g);
}

static void sorted_and_filtered(void **state)
{
	struct mw_live *l = make();
	struct mw_live_grid g = { 0 };
	struct mw_live_view v = { .sort = MW_LIVE_BY_FAILED };

	assert_int_equal(mw_live_grid_size(&g, 24, 100), 0);
	mw_live_draw(l, &v, NOW, &g);
	assert_non_null(strstr(row_of(&g, 4), "files"));
	v = (struct mw_live_view){ .filter = "BILL" };
	mw_live_draw(l, &v, NOW, &g);
	assert_non_null(find(&g, "SERVERS 1"));
	assert_null(find(&g, "files"));
	assert_null(find(&g, "exec.shell"));
	v = (struct mw_live_view){ .filter = "get_inv", .typing = true, .skip = 9 };
	mw_live_draw(l, &v, NOW, &g);
	assert_non_null(find(&g, "get_invoice"));
	assert_null(find(&g, "delete_user"));
	assert_non_null(find(&g, "filter: get_inv_"));
	v = (struct mw_live_view){ .help = true };
	mw_live_draw(l, &v, NOW, &g);
	assert_non_null(find(&g, "q  quit"));
	assert_null(find(&g, "billing"));
	done(l, &g);
}

/* In every size, with more than there is room for: nothing outside the cells (sanitizers), no
 * control character in any, and no wide character cut in two. */
static void any_size(void **state)
{
	struct mw_live *l = make();
	struct mw_live_grid g = { 0 };
	char line[512];
	size_t i, k;
	unsigned int rows, cols;

	for (i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line),
			 HEAD
			 "\"request\",\"call\":\"d%zu\",\"server\":{\"id\":\"s1\",\"name\":\"b\"},"
			 "\"method\":\"m\",\"tool\":\"t\\u65e5\\n\"}",
			 i);
		feed(l, line, NOW);
		snprintf(line, sizeof(line),
			 HEAD "\"call\",\"call\":\"e%zu\",\"server\":{\"id\":\"s1\",\"name\":"
			      "\"\\u65e5\\u672c\"},"
			      "\"method\":\"m\",\"tool\":\"\\u65e5\\u672c\\u8a9e\\u0301\\t\","
			      "\"status\":\"rpc_error\"}",
			 i);
		feed(l, line, NOW);
	}
	for (rows = 1; rows < 40; rows += rows < 12 ? 1 : 7)
		for (cols = 1; cols < 310; cols += cols < 90 ? 1 : 43)
			for (k = 0; k < 4; k++) {
				const struct mw_live_view v = { .help = k == 1,
								.typing = k == 2,
								.filter = "b",
								.plain = k == 3 };

				assert_int_equal(mw_live_grid_size(&g, rows, cols), 0);
				mw_live_draw(l, &v, NOW, &g);
				for (i = 0; i < (size_t)rows * cols; i++) {
					const struct mw_live_cell *c = &g.cell[i];

					assert_true(memchr(c->text, 0, sizeof(c->text)));
					if (c->text[0]) {
						assert_true((unsigned char)c->text[0] >= 0x20);
						assert_true(c->text[0] != 0x7f);
						assert_false(c->second);
					}
					if (c->second)
						assert_true(i % cols > 0 && g.cell[i - 1].text[0]);
				}
			}
	assert_int_equal(mw_live_grid_size(&g, 0, 5), -EINVAL);
	assert_int_equal(mw_live_grid_size(&g, 5, 5000), -EINVAL);
	done(l, &g);
}

static void of_a_log(void **state)
{
	struct mw_live *l = calloc(1, sizeof(*l));
	struct mw_live_grid g = { 0 };
	struct mw_live_view v = { 0 };
	char *json;

	l->is_log = true;
	snprintf(l->source, sizeof(l->source), "/l\x1bog");
	feed(l,
	     HEAD "\"call\",\"call\":\"c2\",\"server\":{\"id\":\"s1\",\"name\":\"billing\"},"
		  "\"method\":\"tools/call\","
		  "\"tool\":\"get\",\"status\":\"ok\",\"elapsed_ms\":3.1}",
	     NOW);
	mw_live_look(l, NOW);
	feed(l,
	     HEAD "\"call\",\"call\":\"c3\",\"server\":{\"id\":\"s1\",\"name\":\"billing\"},"
		  "\"method\":\"tools/call\","
		  "\"tool\":\"get\",\"status\":\"ok\",\"elapsed_ms\":3.1}",
	     NOW);
	mw_live_look(l, NOW + 1000000000);
	assert_int_equal(mw_live_feed(l, "nonsense", 8, NOW), -EBADMSG);
	assert_int_equal(mw_live_feed(l, "{}", 2, NOW), -EBADMSG);
	assert_int_equal(mw_live_grid_size(&g, 20, 80), 0);
	mw_live_draw(l, &v, NOW, &g);
	assert_string_equal(row_of(&g, 0), "mcpwatch log, not verified /l\\x1bog");
	assert_non_null(find(&g, "calls 2 (1.0/s)"));
	assert_non_null(find(&g, "billing"));
	assert_non_null(find(&g, "2 lines could not be read"));
	json = mw_live_json(l, NOW);
	assert_non_null(strstr(json, "\"verified\":false"));
	assert_non_null(strstr(json, "\"calls\":2"));
	free(json);
	done(l, &g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picture),
		cmocka_unit_test(sorted_and_filtered),
		cmocka_unit_test(any_size),
		cmocka_unit_test(of_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
