/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: two bytes of a size, then lines. Each is a request to the control socket, a record to be
 * counted, and a line of what a daemon tells top: then the metrics and the picture are made of it.
 */
#include <cjson/cJSON.h>

#include "fuzz.h"

#include "base/json.h"
#include "io/control_sock.h"
#include "io/heap.h"
#include "io/live.h"
#include "io/metrics.h"

static void request(const char *p, size_t n)
{
	enum mw_control_request r = 0, again = 0;
	const int used = mw_control_parse(p, n, &r);
	size_t i;

	FUZZ_CHECK(used <= (int)n);
	if (used > 0)
		FUZZ_CHECK(p[used - 1] == '\n' && r);
	/* a byte at a time it is the same request, and no sooner */
	for (i = 0; i < n && i < MW_CONTROL_LINE_MAX; i++)
		if (mw_control_parse(p, i, &again) != 0) {
			FUZZ_CHECK(used != 0);
			return;
		}
}

/* One line of JSON that its readers read: this one's rules, and cJSON. */
static void check_json(const char *json, const char *list)
{
	cJSON *o;

	FUZZ_CHECK(json && !strchr(json, '\n'));
	FUZZ_CHECK(mw_json_check(mw_slice_str(json), MW_JSON_DEPTH_MAX, NULL, NULL) == 0);
	o = cJSON_Parse(json);
	FUZZ_CHECK(cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(o, list)));
	cJSON_Delete(o);
}

static void metrics(const struct mw_tally *t)
{
	const struct mw_health h = { .host = "h", .version = "v", .log_dir = "/l", .tally = t };
	struct mw_buf b;
	size_t i;
	char *json;

	mw_buf_init(&b, &mw_heap, MW_METRICS_MAX);
	FUZZ_CHECK(mw_metrics_print(&h, &b) == 0);
	for (i = 0; i < b.len; i++)
		FUZZ_CHECK(b.p[i] == '\n' || (b.p[i] >= 0x20 && b.p[i] != 0x7f));
	FUZZ_CHECK(memcmp(b.p + b.len - 7, "\n# EOF\n", 7) == 0);
	mw_buf_done(&b);
	json = mw_health_json(&h);
	check_json(json, "servers");
	free(json);
}

static void draw(const struct mw_live *l, unsigned int rows, unsigned int cols)
{
	const struct mw_live_view v = { .sort = rows % MW_LIVE_SORTS };
	struct mw_live_grid g = { 0 };
	size_t i;

	FUZZ_CHECK(mw_live_grid_size(&g, rows, cols) == 0);
	mw_live_draw(l, &v, 1795300000000000000ll, &g);
	for (i = 0; i < (size_t)rows * cols; i++) {
		const unsigned char c = (unsigned char)g.cell[i].text[0];

		FUZZ_CHECK(c == 0 || (c >= 0x20 && c != 0x7f));
	}
	mw_live_grid_done(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct mw_live l;
	static struct mw_tally t;
	uint64_t hour[MW_TALLY_SEVERITIES];
	const char *p, *nl;
	char *copy, *json;
	size_t left, len;

	if (n < 2)
		return 0;
	memset(&l, 0, sizeof(l));
	memset(&t, 0, sizeof(t));
	/* a copy that ends where it ends */
	left = n - 2;
	copy = malloc(left ? left : 1);
	memcpy(copy, data + 2, left);
	request(copy, left);
	for (p = copy; left; p += len, left -= len) {
		nl = memchr(p, '\n', left);
		len = nl ? (size_t)(nl - p) : left;
		mw_tally_add(&t, p, len);
		(void)mw_live_feed(&l, p, len, 1795300000000000000ll);
		len += nl != NULL;
	}
	mw_tally_hour(&t, 60000000000, hour);
	FUZZ_CHECK(t.n_servers <= MW_TALLY_SERVERS_MAX && t.n_names <= MW_TALLY_NAMES_MAX);
	metrics(&t);
	if (!l.at_ns)
		mw_live_look(&l, 1795300000000000000ll);
	draw(&l, data[0] % 40 + 1, data[1] + 1u);
	json = mw_live_json(&l, 1795300000000000000ll);
	check_json(json, "in_flight");
	free(json);
	mw_live_done(&l);
	free(copy);
	return 0;
}
