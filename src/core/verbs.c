/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - the words of a tool's name; hosts in arguments */
#include "core/verbs.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "core/redact_priv.h"

#define WORDS_MAX   16
#define WORD_LEN    24
#define HOST_LEN    253
#define STRINGS_MAX 4096
#define STRING_LEN  65536

/* --- verbs ---------------------------------------------------------------------------------------
 */

struct words {
	char v[WORDS_MAX][WORD_LEN];
	size_t n;
};

/* "deleteFile", "delete_file", "HTTPGet": its words in lower case. */
static void split(struct mw_slice s, struct words *w)
{
	size_t n = 0;

	w->n = 0;
	for (size_t i = 0; i <= s.n && w->n < WORDS_MAX; i++) {
		const uint8_t c = i < s.n ? s.p[i] : 0;
		const bool letter = mw_is_alnum(c) || c >= 0x80;
		const bool next_small = i + 1 < s.n && s.p[i + 1] >= 'a' && s.p[i + 1] <= 'z';
		const bool hump =
		    i > 0 && mw_is_upper(c) && (!mw_is_upper(s.p[i - 1]) || next_small);

		if ((!letter || hump) && n) {
			w->v[w->n++][n] = '\0';
			n = 0;
		}
		if (letter && n + 1 < WORD_LEN && w->n < WORDS_MAX)
			w->v[w->n][n++] = (char)mw_lower(c);
	}
}

struct verb {
	const char *word;
	unsigned int bits;
};

#define A MW_VERB_ACTS
#define D (MW_VERB_ACTS | MW_VERB_DELETES)
#define S (MW_VERB_ACTS | MW_VERB_SENDS)
#define R MW_VERB_READS
#define K MW_VERB_KEEPS
#define C (MW_VERB_KEEPS | MW_VERB_DELETES)

/* clang-format off */
static const struct verb verbs[] = {
	{ "delete", D }, { "remove", D }, { "del", D }, { "rm", D }, { "rmdir", D }, { "erase", D },
	{ "drop", D }, { "purge", D }, { "destroy", D }, { "wipe", D }, { "truncate", D },
	{ "unlink", D }, { "clear", C }, { "trash", D }, { "uninstall", D }, { "prune", D },
	{ "send", S }, { "post", S }, { "upload", S }, { "publish", S }, { "email", S },
	{ "mail", S }, { "notify", S }, { "forward", S }, { "share", S }, { "push", S },
	{ "reply", S }, { "tweet", S }, { "broadcast", S }, { "submit", S }, { "transfer", S },
	{ "pay", S }, { "message", S }, { "dm", S },
	{ "write", A }, { "create", A }, { "add", A }, { "insert", A }, { "update", A },
	{ "edit", A }, { "modify", A }, { "set", K }, { "put", A }, { "patch", A }, { "save", A },
	{ "store", A }, { "append", A }, { "mkdir", A }, { "touch", A },
	{ "run", A }, { "execute", A }, { "exec", A }, { "start", K }, { "stop", K },
	{ "restart", K }, { "kill", A }, { "launch", A }, { "spawn", A }, { "invoke", A },
	{ "move", A }, { "mv", A }, { "rename", A }, { "copy", A }, { "cp", A },
	{ "install", A }, { "deploy", A }, { "commit", A }, { "merge", A }, { "revert", A },
	{ "rollback", A }, { "checkout", A }, { "clone", A }, { "pull", A }, { "apply", A },
	{ "chmod", A }, { "chown", A }, { "enable", K }, { "disable", K }, { "register", K },
	{ "unregister", C }, { "assign", K }, { "buy", A },
	{ "cancel", K }, { "approve", K }, { "grant", K }, { "revoke", K }, { "replace", A },
	{ "rotate", A }, { "reset", K }, { "restore", A }, { "backup", A }, { "download", A },
	{ "export", A }, { "import", A }, { "sync", A }, { "upsert", A }, { "schedule", K },
	{ "extract", A }, { "unzip", A }, { "zip", A }, { "compress", A }, { "archive", A },
	{ "get", R }, { "list", R }, { "read", R }, { "search", R }, { "find", R }, { "show", R },
	{ "fetch", R }, { "view", R }, { "describe", R }, { "query", R }, { "check", R },
	{ "count", R }, { "is", R }, { "has", R }, { "can", R }, { "validate", R },
	{ "preview", R }, { "verify", R }, { "lookup", R }, { "stat", R }, { "status", R },
	{ "diff", R }, { "compare", R }, { "explain", R }, { "analyze", R }, { "analyse", R },
	{ "test", R }, { "dry", R }, { "simulate", R }, { "estimate", R }, { "inspect", R },
	{ "watch", R }, { "log", R }, { "head", R }, { "tail", R }, { "cat", R }, { "ls", R },
	{ "ask", R }, { "what", R }, { "which", R }, { "suggest", R }, { "summarize", R },
	{ "calculate", R }, { "convert", R }, { "format", R }, { "parse", R }, { "echo", R },
};
/* clang-format on */

static bool is(const char *word, const char *other)
{
	return word[0] == other[0] && mw_slice_eq(mw_slice_str(word), mw_slice_str(other));
}

static unsigned int bits_of(const char *word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (is(word, verbs[i].word))
			return verbs[i].bits;
	return 0;
}

static bool is_of_numbers(const char *word)
{
	static const char *const words[] = { "two",    "numbers", "ints",    "integers",
					     "floats", "values",  "vectors", "matrices" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(word, words[i]))
			return true;
	return false;
}

static unsigned int by_name(struct mw_slice name)
{
	size_t first = 0;
	unsigned int bits;
	struct words w;

	for (size_t i = 0; i + 2 < name.n; i++) /* "mcp__files__delete" */
		if (name.p[i] == '_' && name.p[i + 1] == '_')
			first = i + 2;
	split(mw_slice_from(name, first), &w);
	/* "add" alone, or of numbers, adds up */
	if (w.n == 0 || (is(w.v[0], "add") && (w.n == 1 || is_of_numbers(w.v[1]))))
		return 0;
	/* "git_push", "browser_click": one word of what it belongs to may stand before */
	for (size_t i = 0; i < 2 && i < w.n; i++) {
		bits = bits_of(w.v[i]);
		/* "post" of "blog_post_list" is no verb */
		if (bits && i == 1 && w.n > 2 && bits_of(w.v[w.n - 1]))
			break;
		if (bits)
			return bits;
	}
	return w.n > 1 ? bits_of(w.v[w.n - 1]) : 0;
}

unsigned int mw_verbs(struct mw_slice name, struct mw_slice title)
{
	const unsigned int bits = by_name(name);
	struct words w;

	if (bits)
		return bits;
	split(title, &w);
	return w.n ? bits_of(w.v[0]) : 0;
}

/* --- hosts ---------------------------------------------------------------------------------------
 */

struct taking {
	struct mw_buf *text;
	struct mw_slice *ret;
	size_t start, n, max;
	int r;
};

static void take(struct taking *t, struct mw_slice host)
{
	const size_t at = t->text->len;
	size_t was = t->start;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0 || host.n > HOST_LEN || t->n == t->max || t->r < 0)
		return;
	for (size_t i = 0; i < host.n && t->r == 0; i++)
		t->r = mw_buf_append_byte(t->text, mw_lower(host.p[i]));
	if (t->r < 0) {
		t->text->len = at;
		t->r = t->r == -ENOMEM ? t->r : 0;
		return;
	}
	host = mw_slice(t->text->p + at, host.n);
	for (size_t i = 0; i < t->n; was += t->ret[i].n, i++) {
		if (!mw_slice_eq(mw_slice(t->text->p + was, t->ret[i].n), host))
			continue;
		t->text->len = at;
		return;
	}
	t->ret[t->n++] = mw_slice(NULL, host.n); /* where: once `text` no longer moves */
}

static bool is_host_byte(uint8_t c)
{
	return mw_is_alnum(c) || c == '-' || c == '_' || c == '.' || c >= 0x80;
}

/* The host at the beginning of what stands behind "://". */
static struct mw_slice authority_host(struct mw_slice s)
{
	size_t n = 0, from = 0, end;

	while (n < s.n && n < 1024 && s.p[n] > ' ' && !memchr("/?#\\\"'<>`)", s.p[n], 10))
		n++;
	for (size_t i = 0; i < n; i++)
		if (s.p[i] == '@')
			from = i + 1;
	if (from < n && s.p[from] == '[') {
		for (end = ++from; end < n && s.p[end] != ']';)
			end++;
		return mw_slice(s.p + from, end - from);
	}
	for (end = from; end < n && is_host_byte(s.p[end]);)
		end++;
	return mw_slice(s.p + from, end - from);
}

static bool is_port(struct mw_slice s)
{
	unsigned int v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (!mw_is_digit(s.p[i]) || s.n > 5)
			return false;
		v = v * 10 + (unsigned int)(s.p[i] - '0');
	}
	return s.n && v && v < 65536;
}

static bool is_v4(struct mw_slice s)
{
	unsigned int v = 0, dots = 0, digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (digits == 0)
				return false;
			dots++;
			v = digits = 0;
			continue;
		}
		v = v * 10 + (unsigned int)(s.p[i] - '0');
		if (!mw_is_digit(s.p[i]) || ++digits > 3 || v > 255)
			return false;
	}
	return dots == 3 && digits;
}

static bool is_v6(struct mw_slice s)
{
	size_t colons = 0;

	for (size_t i = 0; i < s.n; i++) {
		const uint8_t c = s.p[i] | 0x20;

		colons += s.p[i] == ':';
		if (s.p[i] != ':' && s.p[i] != '.' && !mw_is_digit(s.p[i]) &&
		    !(c >= 'a' && c <= 'f'))
			return s.p[i] == '%' && colons > 1; /* a zone */
	}
	return colons > 1 && s.n <= 45;
}

/* Endings of files that are no top-level domains, or that are but seldom meant as such. */
static bool is_file(struct mw_slice ending)
{
	static const char *const files[] = {
		"txt",	   "md",   "py",   "js",	 "ts",	   "json",    "yaml",	"yml",
		"toml",	   "xml",  "html", "htm",	 "css",	   "csv",     "tsv",	"log",
		"c",	   "h",	   "cc",   "cpp",	 "hpp",	   "rs",      "go",	"java",
		"rb",	   "php",  "sh",   "bash",	 "sql",	   "db",      "sqlite", "pdf",
		"doc",	   "docx", "xls",  "xlsx",	 "ppt",	   "pptx",    "png",	"jpg",
		"jpeg",	   "gif",  "svg",  "webp",	 "mp3",	   "mp4",     "wav",	"avi",
		"mov",	   "zip",  "gz",   "tar",	 "bz2",	   "xz",      "tgz",	"7z",
		"exe",	   "dll",  "so",   "o",		 "a",	   "jar",     "war",	"ini",
		"conf",	   "cfg",  "env",  "lock",	 "bak",	   "tmp",     "old",	"swp",
		"pem",	   "key",  "crt",  "pub",	 "patch",  "diff",    "ipynb",	"tsx",
		"jsx",	   "mjs",  "cjs",  "vue",	 "lua",	   "pl",      "r",	"kt",
		"swift",   "bin",  "dat",  "iso",	 "img",	   "deb",     "rpm",	"whl",
		"parquet", "rst",  "tex",  "properties", "gradle", "service", "plist",	"bat",
		"ps1",	   "wasm",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct mw_slice f = mw_slice_str(files[i]);
		size_t k = 0;

		if (f.n != ending.n)
			continue;
		while (k < f.n && mw_lower(ending.p[k]) == f.p[k])
			k++;
		if (k == f.n)
			return true;
	}
	return false;
}

/* "a.example": labels of letters and digits, the last of letters and no file's ending. */
static bool is_name(struct mw_slice s, bool sure)
{
	size_t label = 0, last = 0, dots = 0;
	bool alpha = true;

	for (size_t i = 0; i < s.n; i++) {
		if (!is_host_byte(s.p[i]) || s.p[i] == '_')
			return false;
		if (s.p[i] != '.') {
			alpha &= !mw_is_digit(s.p[i]);
			label++;
			continue;
		}
		if (label == 0 || label > 63)
			return false;
		label = 0;
		alpha = true;
		last = i + 1;
		dots++;
	}
	if (mw_slice_eq_str(s, "localhost"))
		return true;
	if (label == 0 || !alpha || dots == 0)
		return sure && label && s.n;
	return label > 1 && (sure || !is_file(mw_slice(s.p + last, label)));
}

/* A whole string: a host, an address, with port or user. */
static void take_whole(struct taking *t, struct mw_slice s)
{
	const uint8_t *at = memchr(s.p, '@', s.n), *colon;
	struct mw_slice host = s, port;
	bool sure = false;

	if (at) { /* an e-mail address, or user@host */
		host = mw_slice(at + 1, s.n - (size_t)(at + 1 - s.p));
		sure = true;
	}
	if (host.n > 2 && host.p[0] == '[') {
		const uint8_t *end = memchr(host.p, ']', host.n);

		if (end && is_v6(mw_slice(host.p + 1, (size_t)(end - host.p - 1))))
			take(t, mw_slice(host.p + 1, (size_t)(end - host.p - 1)));
		return;
	}
	if (is_v6(host)) {
		take(t, host);
		return;
	}
	colon = memchr(host.p, ':', host.n);
	if (colon) {
		port = mw_slice(colon + 1, host.n - (size_t)(colon + 1 - host.p));
		host.n = (size_t)(colon - host.p);
		/* "host:path", as scp and git have it */
		if (!is_port(port) && !(sure && port.n))
			return;
		sure |= is_port(port);
	}
	if (is_v4(host) || is_name(host, sure && !mw_is_digit(host.n ? host.p[0] : '0')))
		take(t, host);
}

static void take_string(struct taking *t, struct mw_slice s)
{
	bool url = false, slash = false, other = false;

	if (s.n == 0)
		return;
	for (const uint8_t *p = s.p, *end = s.p + s.n;
	     (p = memmem(p, (size_t)(end - p), "://", 3)) && t->n < t->max; p += 3) {
		take(t, authority_host(mw_slice(p + 3, (size_t)(end - p - 3))));
		url = true;
	}
	if (url || s.n > HOST_LEN + 64)
		return;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ')
			return;
		slash |= s.p[i] == '/';
		other |= s.p[i] == '@' || s.p[i] == ':' || s.p[i] == '[';
	}
	if (other || !slash) /* else a path */
		take_whole(t, s);
}

int mw_arg_hosts(const struct mw_alloc *a, struct mw_slice args, struct mw_buf *text,
		 struct mw_slice *ret, size_t max)
{
	struct taking t = { .text = text, .ret = ret, .start = text->len, .max = max };
	_cleanup_(mw_buf_done) struct mw_buf s;
	struct mw_json_item it;
	size_t n = 0;
	struct mw_json j;
	int r;

	mw_buf_init(&s, a, 3 * STRING_LEN + 64);
	mw_json_init(&j, args, MW_JSON_DEPTH_MAX);
	while (t.r == 0 && t.n < max && n < STRINGS_MAX && mw_json_next(&j, &it) == 1) {
		if (it.tok != MW_JSON_STRING)
			continue;
		n++;
		s.len = 0;
		r = mw_json_str_decode_head(it.raw, STRING_LEN, &s);
		if (r == -ENOMEM)
			return r;
		if (r >= 0)
			take_string(&t, mw_buf_slice(&s));
	}
	if (t.r < 0)
		return t.r;
	for (size_t i = 0, at = t.start; i < t.n; at += ret[i].n, i++)
		ret[i].p = text->p + at;
	return (int)t.n;
}
