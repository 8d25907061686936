/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <endian.h>
#include <errno.h>
#include <unistd.h>

#include "io/anchor_read.h"
#include "io/anchor_text.h"
#include "io/syslog_text.h"
#include "io/note.h"

#define ORIGIN "host.example/mcpwatch/0a1b"

static struct mw_skey identity, epoch;

/* The signed checkpoint of a made-up tree. */
static size_t make_note(uint64_t size, char note[MW_NOTE_MAX + 1])
{
	struct mw_checkpoint c = { .origin = ORIGIN, .size = size };
	size_t n, body;

	memset(c.root.p, (int)size, sizeof(c.root.p));
	assert_int_equal(mw_checkpoint_print(&c, note, MW_NOTE_MAX, &n), 0);
	body = n;
	assert_int_equal(mw_note_sign(note, MW_NOTE_MAX, &n, body, &identity), 0);
	assert_int_equal(mw_note_sign(note, MW_NOTE_MAX, &n, body, &epoch), 0);
	return n;
}

static int keys(void **state)
{
	uint8_t seed[MW_KEY_LEN] = { 1 };

	assert_int_equal(mw_skey_of(ORIGIN, seed, &identity), 0);
	seed[0] = 2;
	return mw_skey_of(ORIGIN "/fs/7", seed, &epoch);
}

struct got {
	uint64_t size[16], line[16];
	unsigned int n, whole; /* whole: with both signatures */
	int answer;
};

static int on_found(void *ctx, const struct mw_anchor_found *found)
{
	struct got *g = ctx;
	struct mw_note note;

	assert_true(g->n < 16);
	assert_int_equal(found->note[found->n], 0);
	assert_string_equal(found->checkpoint.origin, ORIGIN);
	assert_int_equal(found->checkpoint.root.p[5], found->checkpoint.size & 0xff);
	assert_int_equal(mw_note_parse(found->note, found->n, &note), 0);
	g->whole += mw_note_verify(&note, &identity.pub, NULL) == 1 &&
		    mw_note_verify(&note, &epoch.pub, NULL) == 1;
	g->size[g->n] = found->checkpoint.size;
	g->line[g->n++] = found->line;
	return g->answer;
}

static int read_text(const void *text, size_t n, struct got *g, uint64_t *n_bad, char err[512])
{
	char path[] = "/tmp/mw-anchor-XXXXXX";
	int r, fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
	g->n = g->whole = 0;
	r = mw_anchor_file_read(path, on_found, g, NULL, n_bad, err, 512);
	unlink(path);
	return r;
}

static void test_syslog(void **state)
{
	char note[MW_NOTE_MAX + 1], back[MW_NOTE_MAX + 1], line[MW_ANCHOR_LINE_MAX];
	size_t n = make_note(42, note), len, k;
	char *p;

	assert_int_equal(mw_anchor_syslog(note, n, "my host", 77, 1600000000123456789, line, &len),
			 0);
	assert_int_equal(strlen(line), len);
	assert_int_equal(strncmp(line,
				 "<109>1 2020-09-13T12:26:40.123456Z myhost mcpwatch 77 checkpoint "
				 "[mcpwatch@32473 origin=\"" ORIGIN "\" size=\"42\" root=\"Kioq",
				 60),
			 0);
	assert_non_null(strstr(line, " epoch=\"7\" sig=\"" ORIGIN " "));
	assert_non_null(strstr(line, "\" sig=\"" ORIGIN "/fs/7 "));
	p = strstr(line, "] checkpoint of 42 records: [mcpwatch@32473 ");
	assert_non_null(p);
	assert_true(len <= 2048);
	assert_int_equal(mw_anchor_syslog_read(line, len, back, &k), 1);
	assert_int_equal(k, n);
	assert_memory_equal(back, note, n);
	/* a collector that keeps the message alone */
	assert_int_equal(mw_anchor_syslog_read(p + 2, strlen(p + 2), back, &k), 1);
	assert_memory_equal(back, note, n);
	assert_int_equal(mw_anchor_syslog(note, n, "", 77, -1, line, &len), 0);
	assert_non_null(strstr(line, "1970-01-01T00:00:00.000000Z - mcpwatch"));
	assert_int_equal(mw_anchor_syslog(note, n - 1, "h", 77, 0, line, &len), -EBADMSG);
	assert_int_equal(mw_anchor_syslog("x\n\n", 3, "h", 77, 0, line, &len), -EBADMSG);
	assert_int_equal(mw_anchor_syslog_read("nothing", 7, back, &k), 0);
}

/* A name that must be escaped, and a line too long to stand twice. */
static void test_syslog_odd(void **state)
{
	static const char *const odd[] = { "h]\"\\x/mcpwatch/1", NULL };
	char note[MW_NOTE_MAX + 1], back[MW_NOTE_MAX + 1], line[MW_ANCHOR_LINE_MAX];
	char longest[MW_NOTE_NAME_MAX];
	uint8_t seed[MW_KEY_LEN] = { 9 };
	struct mw_skey key;
	size_t i, n, k, len;

	memset(longest, 'h', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (i = 0; i < 2; i++) {
		struct mw_checkpoint c = { .size = 1 };
		unsigned int j;

		snprintf(c.origin, sizeof(c.origin), "%s", odd[i] ? odd[i] : longest);
		assert_int_equal(mw_checkpoint_print(&c, note, MW_NOTE_MAX, &n), 0);
		assert_int_equal(mw_skey_of(c.origin, seed, &key), 0);
		for (j = 0, k = n; j < (odd[i] ? 1 : 3); j++)
			assert_int_equal(mw_note_sign(note, MW_NOTE_MAX, &n, k, &key), 0);
		assert_int_equal(mw_anchor_syslog(note, n, "h", 1, 0, line, &len), 0);
		assert_int_equal(strstr(strstr(line, MW_SYSLOG_SD) + 1, MW_SYSLOG_SD) != NULL,
				 odd[i] != NULL);
		assert_null(strstr(line, "epoch="));
		assert_int_equal(mw_anchor_syslog_read(line, len, back, &k), 1);
		assert_int_equal(k, n);
		assert_memory_equal(back, note, n);
	}
}

/* A line that is cut or altered anywhere is no checkpoint, or still the same one. */
static void test_syslog_cut(void **state)
{
	char note[MW_NOTE_MAX + 1], back[MW_NOTE_MAX + 1], line[MW_ANCHOR_LINE_MAX], *end;
	size_t n = make_note(42, note), len, i, k, first;

	assert_int_equal(mw_anchor_syslog(note, n, "h", 1, 0, line, &len), 0);
	end = strstr(line, "] checkpoint of");
	first = (size_t)(end - line) + 1;
	for (i = 0; i < first; i++) {
		char *copy = malloc(i ? i : 1);

		memcpy(copy, line, i);
		assert_true(mw_anchor_syslog_read(copy, i, back, &k) <= 0);
		free(copy);
	}
	for (i = 0; i < len; i++) {
		line[i] ^= 1;
		if (mw_anchor_syslog_read(line, len, back, &k) > 0 && i < first)
			assert_int_equal(back[k], 0);
		line[i] ^= 1;
	}
}

static void test_notes(void **state)
{
	char text[4 * MW_NOTE_MAX], err[512] = "";
	struct got g = { 0 };
	uint64_t n_bad = 9;
	size_t n = 0, first;

	n += (size_t)snprintf(text, sizeof(text), "a heading\n\n");
	n += make_note(1, text + n);
	first = n;
	n += make_note(2, text + n); /* without a line between */
	n += (size_t)snprintf(text + n, 100, "\n\nsomething\n");
	n += make_note(3, text + n);
	assert_int_equal(read_text(text, n, &g, &n_bad, err), 0);
	assert_int_equal(g.n, 3);
	assert_int_equal(g.whole, 3);
	assert_int_equal(n_bad, 0);
	assert_int_equal(g.size[0], 1);
	assert_int_equal(g.line[0], 3);
	assert_int_equal(g.size[2], 3);
	/* cut anywhere in the second: the first is there, and the second never as whole */
	n = first + make_note(2, text + first);
	for (first++; first + 1 < n; first += 7) {
		assert_int_equal(read_text(text, first, &g, &n_bad, err), 0);
		assert_in_range(g.n, 1, 2);
		assert_int_equal(g.whole, 1);
	}
	/* who reads may end it */
	g.answer = -ECANCELED;
	assert_int_equal(read_text(text, n, &g, &n_bad, err), -ECANCELED);
	assert_int_equal(g.n, 1);
}

static void test_journal(void **state)
{
	char note[MW_NOTE_MAX + 1], text[8 * MW_NOTE_MAX], err[512] = "", line[MW_ANCHOR_LINE_MAX];
	size_t n, i, k, len = make_note(5, note);
	uint64_t n_bad = 9, le = htole64(len);
	struct got g = { 0 };

	/* as -o export */
	n = (size_t)snprintf(text, sizeof(text), "__CURSOR=s=1\nPRIORITY=6\nMCPWATCH_CHECKPOINT\n");
	memcpy(text + n, &le, 8);
	memcpy(text + n + 8, note, len);
	n += 8 + len;
	n += (size_t)snprintf(text + n, 100, "\nMESSAGE=x\n\n__CURSOR=s=2\nOTHER\n");
	le = htole64(3);
	memcpy(text + n, &le, 8);
	n += 8;
	n += (size_t)snprintf(text + n, 100, "a\nb\n_PID=1\n\n");
	assert_int_equal(read_text(text, n, &g, &n_bad, err), 0);
	assert_int_equal(g.n, 1);
	assert_int_equal(n_bad, 0);
	assert_int_equal(g.size[0], 5);
	/* a length beyond the file */
	le = htole64(1ull << 60);
	memcpy(text + 44, &le, 8);
	assert_memory_equal(text + 24, "MCPWATCH_CHECKPOINT\n", 20);
	assert_int_equal(read_text(text, n, &g, &n_bad, err), -EINVAL);
	assert_non_null(strstr(err, "holds no checkpoint that is whole"));
	assert_int_equal(n_bad, 1);

	/* as -o json, a string and an array; a line of seals.jsonl; a line of syslog in a member */
	n = 0;
	for (i = 0; i < 3; i++) {
		static const char *const names[] = { "\"A\":1,\"MCPWATCH_CHECKPOINT\":",
						     "\"MCPWATCH_CHECKPOINT\":",
						     "\"epoch\":7,\"checkpoint\":" };

		n += (size_t)snprintf(text + n, 200, "{%s%s", names[i], i == 1 ? "[" : "\"");
		for (k = 0; k < len; k++)
			if (i == 1)
				n += (size_t)snprintf(text + n, 8, "%s%u", k ? "," : "",
						      (unsigned char)note[k]);
			else if (note[k] == '\n')
				n += (size_t)snprintf(text + n, 8, "\\n");
			else
				text[n++] = note[k];
		n += (size_t)snprintf(text + n, 100, "%s}\n", i == 1 ? "]" : "\"");
	}
	assert_int_equal(mw_anchor_syslog(note, len, "h", 1, 0, line, &k), 0);
	n += (size_t)snprintf(text + n, 100, "{\"MESSAGE\":\"");
	for (i = 0; i < k; i++) {
		if (line[i] == '"' || line[i] == '\\')
			text[n++] = '\\';
		text[n++] = line[i];
	}
	n += (size_t)snprintf(text + n, 100,
			      "\"}\n{\"MESSAGE\":\"no\"}\n{\"MCPWATCH_CHECKPOINT\":\"x");
	assert_true(n < sizeof(text));
	assert_int_equal(read_text(text, n, &g, &n_bad, err), 0);
	assert_int_equal(g.n, 4);
	assert_int_equal(g.whole, 4);
	assert_int_equal(n_bad, 1);
	assert_int_equal(g.line[3], 4);
}

static void test_refused(void **state)
{
	static char big[3 << 20];
	char err[512] = "";
	struct got g = { 0 };
	uint64_t n_bad;

	assert_int_equal(read_text("", 0, &g, &n_bad, err), -EINVAL);
	assert_non_null(strstr(err, ": holds no checkpoint"));
	memset(big, 'x', sizeof(big));
	assert_int_equal(read_text(big, sizeof(big), &g, &n_bad, err), -EINVAL);
	memset(big, '\n', sizeof(big));
	assert_int_equal(read_text(big, sizeof(big), &g, &n_bad, err), -EINVAL);
	memset(big, 0, sizeof(big));
	assert_int_equal(read_text(big, sizeof(big), &g, &n_bad, err), -EINVAL);
	assert_int_equal(mw_anchor_file_read("/nowhere/x", on_found, &g, NULL, NULL, err, 512),
			 -ENOENT);
	assert_string_equal(err, "cannot read /nowhere/x: No such file or directory");
	assert_int_equal(mw_anchor_file_read("/tmp", on_found, &g, NULL, NULL, err, 512), -EISDIR);
	assert_int_equal(mw_anchor_file_read("/dev/zero", on_found, &g, NULL, NULL, err, 512),
			 -EINVAL);
	assert_string_equal(err, "/dev/zero: a device, which may have no end; name a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syslog),	   cmocka_unit_test(test_syslog_odd),
		cmocka_unit_test(test_syslog_cut), cmocka_unit_test(test_notes),
		cmocka_unit_test(test_journal),	   cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, keys, NULL);
}
