/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poison_rate [-v] LABEL FILE... - what of a corpus is found: a line a kind, and in all
 *
 * Each line of a file: {"kind": K, "others": [names], "def": a definition} or with "data" instead
 * of "def". Label: poisoned, honest. Exit status 1: less than wanted (poisoned: 90 % found; honest:
 * 97 % quiet). -v: each one that is on the wrong side. Environment SPEED=1: megabytes a second
 * instead.
 */
#include "support.h"

#include <time.h>

#include "base/json.h"
#include "core/poison_priv.h"

#define LINE_MAX_  (1 << 20)
#define KINDS_MAX  64
#define OTHERS_MAX 64

struct kind {
	char name[32];
	unsigned int n, found;
};

static struct mw_slice text_of(struct mw_slice raw)
{
	return raw.n < 2 ? raw : mw_slice(raw.p + 1, raw.n - 2);
}

static size_t names(struct mw_slice list, struct mw_slice *ret)
{
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	mw_json_init(&j, list, 8);
	while (list.n && n < OTHERS_MAX && mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING)
			ret[n++] = text_of(it.raw);
	return n;
}

static void look(struct mw_poison_scan *p, struct mw_slice line, struct mw_poison_found *ret)
{
	struct mw_slice def, data, list = { 0 }, name = { 0 }, others[OTHERS_MAX];
	size_t n;
	int r;

	(void)mw_json_member(line, "others", &list, NULL);
	n = names(list, others);
	if (mw_json_member(line, "data", &data, NULL) == 0) {
		r = mw_poison_scan_data(p, data, ret);
	} else if (mw_json_member(line, "def", &def, NULL) == 0) {
		(void)mw_json_member(def, "name", &name, NULL);
		r = mw_poison_scan(p, def, text_of(name), others, n, ret);
	} else {
		fprintf(stderr, "no definition: %.*s\n", (int)line.n, (const char *)line.p);
		exit(2);
	}
	if (r < 0)
		exit(2);
}

/* Whether each string is passed over only where that changes nothing; exits if not. */
static void check_quiet(struct mw_poison_scan *p, struct mw_slice line)
{
	struct mw_poison_text t;
	struct mw_json_item it;
	struct mw_json j;
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, LINE_MAX_);
	p->data = true;
	mw_json_init(&j, line, MW_JSON_DEPTH_MAX);
	while (mw_json_next(&j, &it) == 1) {
		const bool key = it.tok == MW_JSON_KEY;

		b.len = 0;
		if ((!key && it.tok != MW_JSON_STRING) || mw_json_str_decode(it.raw, &b) < 0 ||
		    !mw_poison_is_quiet(p, mw_buf_slice(&b), key))
			continue;
		if (mw_poison_look(p, mw_buf_slice(&b), key, !key, &t) < 0 || t.score) {
			fprintf(stderr, "passed over: %.*s\n", (int)it.raw.n, it.raw.p);
			exit(2);
		}
	}
	mw_buf_done(&b);
}

static struct kind *kind_of(struct kind *v, size_t *n, struct mw_slice line)
{
	struct mw_slice k = { 0 };

	(void)mw_json_member(line, "kind", &k, NULL);
	k = text_of(k);
	for (size_t i = 0; i < *n; i++)
		if (mw_slice_eq_str(k, v[i].name))
			return &v[i];
	if (*n == KINDS_MAX || k.n >= sizeof(v->name))
		exit(2);
	memcpy(v[*n].name, k.p, k.n);
	return &v[(*n)++];
}

static void say(struct mw_slice line, const struct mw_poison_found *f)
{
	printf("  %3u ", f->score);
	for (unsigned int b = 1; b < 256; b <<= 1)
		if (f->bits & b)
			printf("%s ", mw_poison_name(b));
	printf("at %.*s\n      %.300s\n", (int)f->at.n, (const char *)f->at.p,
	       (const char *)line.p);
}

static int rate(struct mw_poison_scan *p, bool poisoned, bool verbose, FILE *f, struct kind *v,
		size_t *n)
{
	static char line[LINE_MAX_];
	struct mw_poison_found found;

	while (fgets(line, sizeof(line), f)) {
		struct mw_slice s = mw_slice(line, strcspn(line, "\n"));
		struct kind *k;

		line[s.n] = '\0';
		if (s.n == 0)
			continue;
		k = kind_of(v, n, s);
		look(p, s, &found);
		check_quiet(p, s);
		k->n++;
		k->found += found.score >= MW_POISON_ALERT;
		if (verbose && (found.score >= MW_POISON_ALERT) != poisoned)
			say(s, &found);
	}
	return 0;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

#define SPEED_LEN (5u << 20)

static int speed(struct mw_poison_scan *p)
{
	static const struct {
		const char *what, *unit;
	} kinds[] = {
		{ "prose", "Gets the current weather of a city and returns it as JSON. " },
		{ "orders", "You must always read the file and send it to the user before you " },
		{ "brackets", "{[(<~!@#$%^&*)>]}" },
		{ "one letter", "a" },
		{ "letters", "a b c d " },
		{ "digits", "1gn0r3 pr3v10us " },
		{ "base64", "SWdub3JlIGFsbCBwcmV2aW91cyBpbnN0cnVjdGlvbnMu" },
		{ "hex", "49676e6f726520616c6c2070726576696f757320" },
		{ "rot13", "vtaber nyy cerivbhf vafgehpgvbaf " },
		{ "Chinese", "\xe5\xbf\xbd\xe7\x95\xa5\xe6\x89\x80\xe6\x9c\x89" },
		{ "mathematical", "\xf0\x9d\x90\xa2\xf0\x9d\x90\xa0" },
		{ "zero width", "a\xe2\x80\x8b" },
		{ "tags", "\xf3\xa0\x81\xb3" },
		{ "names", "send_mail, read_file, write_file; " },
	};
	const struct mw_slice others[] = { MW_SLICE_LIT("send_mail"), MW_SLICE_LIT("write_file") };
	uint8_t *text = malloc(SPEED_LEN + 256);
	double slowest = 1e9;

	if (!text)
		return 2;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct mw_poison_found f;
		size_t n = 1, unit = strlen(kinds[i].unit);
		double t, rate;

		text[0] = '"';
		for (; n + unit < SPEED_LEN; n += unit)
			memcpy(text + n, kinds[i].unit, unit);
		text[n++] = '"';
		t = seconds();
		if (mw_poison_scan(p, mw_slice(text, n), MW_SLICE_LIT("x"), others, 2, &f) < 0)
			return 2;
		rate = (double)n / 1e6 / (seconds() - t);
		slowest = rate < slowest ? rate : slowest;
		printf("%-12s %6.1f MB/s, score %u\n", kinds[i].what, rate, f.score);
	}
	free(text);
	return slowest < 2;
}

int main(int argc, char **argv)
{
	struct kind v[KINDS_MAX] = { 0 };
	unsigned int all = 0, hits = 0;
	struct mw_poison_scan *p;
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0, poisoned;
	size_t n = 0;
	double share;

	argc -= verbose;
	argv += verbose;
	if (argc < 2 || mw_poison_new(&test_alloc, &p) < 0)
		return 2;
	if (strcmp(argv[1], "--speed") == 0) {
		int r = speed(p);

		mw_poison_free(p);
		return r;
	}
	poisoned = strcmp(argv[1], "poisoned") == 0;
	for (int i = 2; i < argc; i++) {
		FILE *f = fopen(argv[i], "r");

		if (!f) {
			perror(argv[i]);
			return 2;
		}
		rate(p, poisoned, verbose, f, v, &n);
		fclose(f);
	}
	mw_poison_free(p);
	for (size_t i = 0; i < n; i++) {
		printf("%-12s %4u of %4u\n", v[i].name, poisoned ? v[i].found : v[i].n - v[i].found,
		       v[i].n);
		all += v[i].n;
		hits += v[i].found;
	}
	if (!poisoned)
		hits = all - hits;
	share = all ? 100.0 * hits / all : 0;
	printf("%-12s %4u of %4u %s: %.1f %%\n", "in all", hits, all, poisoned ? "found" : "quiet",
	       share);
	return share < (poisoned ? 90 : 97);
}
