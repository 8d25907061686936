/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c
 *
 * libcyaml fills the structs and refuses what does not fit its schema, but says the line of the
 * item before the bad one. So libyaml goes over the text first, for its own errors, and once more
 * to find the line of a key that libcyaml names.
 */
#include "io/config.h"

#include <ctype.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdarg.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "core/proc.h"
#include "io/config_content.h"
#include "io/config_log.h"
#include "io/file.h"

#define DEPTH_MAX   32
#define MESSAGE_MIN 1024
#define MESSAGE_MAX (1ull << 30)
#define RING_MIN    (64u << 10)
#define RING_MAX    (1u << 30)
#define METRICS_MIN 1000000000ull
#define METRICS_MAX (3600 * METRICS_MIN)
#define METRICS_NS  (15 * METRICS_MIN)

/* As the file has it. */
struct file {
	struct mw_config_rule *watch, *ignore;
	unsigned int watch_count, ignore_count;
	struct mw_config_log *log;
	struct mw_config_keep *content;
	unsigned int content_count;
	char *discover;
	char *ring, *message_max;
	char *state;
	char *control, *metrics_file, *metrics_every;
};

#define TEXT(name, type, member)                                                                   \
	CYAML_FIELD_STRING_PTR(name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1,    \
			       8192)

static const cyaml_schema_field_t rule_fields[] = {
	TEXT("exe", struct mw_config_rule, exe),
	TEXT("argv", struct mw_config_rule, argv),
	TEXT("user", struct mw_config_rule, user),
	TEXT("cgroup", struct mw_config_rule, cgroup),
	TEXT("container", struct mw_config_rule, container),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t rule_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mw_config_rule, rule_fields),
};

static const cyaml_schema_field_t file_fields[] = {
	TEXT("discover", struct file, discover),
	CYAML_FIELD_SEQUENCE("watch", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, watch,
			     &rule_value, 0, 4096),
	CYAML_FIELD_SEQUENCE("ignore", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file,
			     ignore, &rule_value, 0, 4096),
	CYAML_FIELD_MAPPING_PTR("log", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, log,
				mw_config_log_fields),
	CYAML_FIELD_SEQUENCE("content", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file,
			     content, &mw_config_content_value, 0, 4096),
	TEXT("ring", struct file, ring),
	TEXT("message_max", struct file, message_max),
	TEXT("state", struct file, state),
	TEXT("control", struct file, control),
	TEXT("metrics_file", struct file, metrics_file),
	TEXT("metrics_every", struct file, metrics_every),
	CYAML_FIELD_IGNORE("redact", CYAML_FLAG_OPTIONAL), /* io/rules.h */
	CYAML_FIELD_IGNORE("lists", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("macros", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("rules", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("overrides", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("power", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_IGNORE("anchors", CYAML_FLAG_OPTIONAL), /* io/anchor.h */
	CYAML_FIELD_IGNORE("alerts", CYAML_FLAG_OPTIONAL),  /* io/alert.h */
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

/* What is being read, and what libcyaml said of it. */
struct text {
	const char *name, *p;
	size_t n;
	char *err;
	size_t err_len;
	char what[256];	    /* libcyaml's first message */
	char field[64];	    /* the innermost field of its backtrace */
	unsigned long line; /* and its line */
};

static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct text *t = ctx;
	char text[256], *at;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	at = strstr(text, "(line: ");
	if (at && !t->line) {
		const char *name = strchr(text, '\''), *end = name ? strchr(name + 1, '\'') : NULL;

		t->line = strtoul(at + strlen("(line: "), NULL, 10);
		if (strstr(text, "field") && end && end < at)
			snprintf(t->field, sizeof(t->field), "%.*s", (int)(end - name - 1),
				 name + 1);
	} else if (!at && !t->what[0] && strncmp(text, "Load: Backtrace", 15) != 0) {
		snprintf(t->what, sizeof(t->what), "%s",
			 strncmp(text, "Load: ", 6) == 0 ? text + 6 : text);
	}
}

static int __attribute__((format(printf, 3, 4)))
fail(const struct text *t, unsigned long line, const char *fmt, ...)
{
	char what[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(t->err, t->err_len, "%s: line %lu: %s", t->name, line ? line : 1, what);
	return -EINVAL;
}

/* Called for each event; a non-zero answer ends the pass. */
typedef int (*on_event)(const struct text *t, const yaml_event_t *e, void *ctx);

static int each_event(const struct text *t, on_event fn, void *ctx)
{
	yaml_event_type_t type;
	yaml_parser_t parser;
	yaml_event_t e;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)t->p, t->n);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	do {
		if (!yaml_parser_parse(&parser, &e)) {
			unsigned long line = parser.problem_mark.line + 1;

			if (parser.error == YAML_READER_ERROR) {
				line = 1;
				for (size_t i = 0; i < parser.problem_offset && i < t->n; i++)
					line += t->p[i] == '\n';
			}
			r = fail(t, line, "not valid YAML: %s",
				 parser.problem ? parser.problem : "cannot be read");
			break;
		}
		r = fn(t, &e, ctx);
		type = e.type;
		yaml_event_delete(&e);
	} while (r == 0 && type != YAML_STREAM_END_EVENT);
	yaml_parser_delete(&parser);
	return r;
}

struct shape {
	unsigned int depth, n_documents;
	bool empty; /* "---" and nothing more */
};

/* What libcyaml would pass over, or recurse into. */
static int check_shape(const struct text *t, const yaml_event_t *e, void *ctx)
{
	unsigned long line = e->start_mark.line + 1;
	struct shape *s = ctx;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->n_documents > 1)
			return fail(t, line, "a second document; the file may hold one");
		return 0;
	case YAML_ALIAS_EVENT:
		return fail(t, line, "aliases (*name) are not taken; write the value out");
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		if (++s->depth > DEPTH_MAX)
			return fail(t, line, "nested too deeply");
		return 0;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		s->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
		s->empty = s->depth == 0 && e->data.scalar.length == 0;
		return 0;
	default:
		return 0;
	}
}

struct search {
	const char *word;
	unsigned int skip; /* so many finds are passed over */
	unsigned long line;
};

static int find_word(const struct text *t, const yaml_event_t *e, void *ctx)
{
	struct search *s = ctx;

	(void)t;
	if (e->type != YAML_SCALAR_EVENT || e->data.scalar.length != strlen(s->word) ||
	    memcmp(e->data.scalar.value, s->word, e->data.scalar.length) != 0)
		return 0;
	if (s->skip) {
		s->skip--;
		return 0;
	}
	s->line = e->start_mark.line + 1;
	return 1;
}

static unsigned long line_of(const struct text *t, const char *word, unsigned int skip)
{
	struct search s = { .word = word, .skip = skip };

	each_event(t, find_word, &s);
	return s.line;
}

static const char *shape_name(const char *event)
{
	if (strncmp(event, "SEQUENCE", 8) == 0)
		return "a list";
	if (strncmp(event, "MAPPING", 7) == 0)
		return "a mapping (key: value)";
	return "a single value";
}

/* libcyaml refused it: one line of what it said. */
static int refuse(struct text *t, cyaml_err_t err)
{
	static const char unknown[] = "Unexpected key: ", twice[] = "Mapping field already seen: ";
	static const char expecting[] = "Expecting ", got[] = "got event: ";
	const char *where = t->field[0] ? t->field : "the file", *p;

	if (err == CYAML_ERR_OOM)
		return fail(t, t->line, "not enough memory");
	if (strncmp(t->what, unknown, strlen(unknown)) == 0) {
		p = t->what + strlen(unknown);
		return fail(t, line_of(t, p, 0), "unknown key '%s'", p);
	}
	if (strncmp(t->what, twice, strlen(twice)) == 0) {
		p = t->what + strlen(twice);
		return fail(t, line_of(t, p, 1), "key '%s' is there twice", p);
	}
	p = strstr(t->what, got);
	if (strncmp(t->what, expecting, strlen(expecting)) == 0 && p)
		return fail(t, t->line, "'%s' must be %s, not %s", where,
			    shape_name(t->what + strlen(expecting)), shape_name(p + strlen(got)));
	if (err == CYAML_ERR_STRING_LENGTH_MIN)
		return fail(t, t->line, "'%s' has no value", where);
	return fail(t, t->line, "'%s': %s", where, t->what[0] ? t->what : cyaml_strerror(err));
}

int mw_size_parse(const char *s, uint64_t *ret)
{
	static const struct {
		const char *name;
		unsigned int shift;
	} units[] = {
		{ "", 0 },   { "B", 0 },    { "K", 10 }, { "KiB", 10 },
		{ "M", 20 }, { "MiB", 20 }, { "G", 30 }, { "GiB", 30 },
	};
	unsigned long long v;
	char *end;
	size_t i;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno)
		return -EINVAL;
	while (*end == ' ')
		end++;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].name) == 0) {
			if (v > UINT64_MAX >> units[i].shift)
				return -EINVAL;
			*ret = v << units[i].shift;
			return 0;
		}
	return -EINVAL;
}

static int parse_user(const char *s, uint32_t *ret)
{
	unsigned long long v;
	struct passwd *pw;
	char *end;

	if (isdigit((unsigned char)*s)) {
		errno = 0;
		v = strtoull(s, &end, 10);
		if (!*end && !errno && v < UINT32_MAX) {
			*ret = (uint32_t)v;
			return 0;
		}
	}
	pw = getpwnam(s);
	if (!pw)
		return -ENOENT;
	*ret = pw->pw_uid;
	return 0;
}

static int check_rules(const struct text *t, const char *key, struct mw_config_rule *rule, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct mw_config_rule *w = &rule[i];

		if (!w->exe && !w->argv && !w->user && !w->cgroup && !w->container)
			return fail(t, line_of(t, key, 0), "entry %zu of '%s' has no condition",
				    i + 1, key);
		if (w->user && parse_user(w->user, &w->uid) < 0)
			return fail(t, line_of(t, w->user, 0), "there is no user '%s'", w->user);
	}
	return 0;
}

/* libcyaml takes every word it does not know for true. */
static int parse_bool(const char *s, bool *ret)
{
	*ret = strcasecmp(s, "yes") == 0 || strcasecmp(s, "true") == 0;
	return *ret || strcasecmp(s, "no") == 0 || strcasecmp(s, "false") == 0 ? 0 : -EINVAL;
}

/* What the schema cannot say. */
static int check_values(const struct text *t, struct file *f, struct mw_config *c)
{
	const char *key;
	char what[128];
	uint64_t v;
	int r;

	r = check_rules(t, "watch", f->watch, f->watch_count);
	if (r == 0)
		r = check_rules(t, "ignore", f->ignore, f->ignore_count);
	if (r < 0)
		return r;
	if (f->discover && parse_bool(f->discover, &c->discover) < 0)
		return fail(t, line_of(t, "discover", 0), "'discover' must be yes or no");
	if (f->ring) {
		if (mw_size_parse(f->ring, &v) < 0 || v < RING_MIN || v > RING_MAX || (v & (v - 1)))
			return fail(t, line_of(t, "ring", 0),
				    "'ring' must be a power of two from 64KiB to 1GiB, as 8MiB");
		c->ring_len = (uint32_t)v;
	}
	if (f->message_max) {
		if (mw_size_parse(f->message_max, &v) < 0 || v < MESSAGE_MIN || v > MESSAGE_MAX)
			return fail(t, line_of(t, "message_max", 0),
				    "'message_max' must be from 1KiB to 1GiB, as 32MiB");
		c->message_max = v;
	}
	if (f->state && f->state[0] != '/' && strcmp(f->state, "none") != 0)
		return fail(t, line_of(t, "state", 0),
			    "'state' must be an absolute path, or 'none'");
	r = mw_config_content_take(f->content, f->content_count, &c->content, &key);
	if (r == -ENOMEM)
		return fail(t, 0, "not enough memory");
	if (r < 0)
		return fail(t, line_of(t, key, 0), "'keep' must be full, args or hash");
	if (f->control && f->control[0] != '/' && strcmp(f->control, "none") != 0)
		return fail(t, line_of(t, "control", 0),
			    "'control' must be an absolute path, or 'none'");
	if (f->metrics_file && f->metrics_file[0] != '/')
		return fail(t, line_of(t, "metrics_file", 0),
			    "'metrics_file' must be an absolute path");
	if (f->metrics_every) {
		if (mw_time_parse(f->metrics_every, &v) < 0 || v < METRICS_MIN || v > METRICS_MAX)
			return fail(t, line_of(t, "metrics_every", 0),
				    "'metrics_every' must be from 1s to 1h, as 15s");
		c->metrics_ns = v;
	}
	if (f->log &&
	    mw_config_log_take(f->log, what, sizeof(what), &key, &c->log, &c->keys_dir) < 0)
		return fail(t, line_of(t, key, 0), "%s", what);
	return 0;
}

static cyaml_config_t cyaml_of(struct text *t)
{
	return (cyaml_config_t){ .log_fn = on_log,
				 .log_ctx = t,
				 .mem_fn = cyaml_mem,
				 .log_level = CYAML_LOG_ERROR,
				 .flags = CYAML_CFG_NO_ALIAS };
}

int mw_config_default(struct mw_config **ret)
{
	struct mw_config *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->discover = true;
	c->metrics_ns = METRICS_NS;
	mw_config_log_default(&c->log);
	*ret = c;
	return 0;
}

int mw_config_parse(const char *name, const char *text, size_t n, char *err, size_t err_len,
		    struct mw_config **ret)
{
	struct text t = { .name = name, .p = text, .n = n, .err = err, .err_len = err_len };
	_cleanup_(mw_config_freep) struct mw_config *c = NULL;
	cyaml_config_t cyaml = cyaml_of(&t);
	struct shape shape = { 0 };
	struct file *f = NULL;
	cyaml_err_t e;
	int r;

	r = mw_config_default(&c);
	if (r < 0) {
		snprintf(err, err_len, "%s: not enough memory", name);
		return r;
	}
	r = each_event(&t, check_shape, &shape);
	if (r < 0)
		return r;
	e = CYAML_OK;
	if (!shape.empty)
		e = cyaml_load_data((const uint8_t *)text, n, &cyaml, &file_value,
				    (cyaml_data_t **)&f, NULL);
	if (e != CYAML_OK)
		return refuse(&t, e);
	if (f) {
		r = check_values(&t, f, c);
		if (r < 0) {
			cyaml_free(&cyaml, &file_value, f, 0);
			return r;
		}
		/* allocated by cyaml_mem, which is realloc: ours from now on */
		c->watch = (struct mw_config_rules){ f->watch, f->watch_count };
		c->ignore = (struct mw_config_rules){ f->ignore, f->ignore_count };
		mw_config_keep_free(f->content, f->content_count);
		free(f->discover);
		mw_config_log_free(f->log);
		free(f->ring);
		free(f->message_max);
		free(f->metrics_every);
		c->state_dir = f->state;
		c->control = f->control;
		c->metrics_file = f->metrics_file;
		free(f);
	}
	*ret = MW_TAKE(c);
	return 0;
}

int mw_config_load(const char *path, char *err, size_t err_len, struct mw_config **ret)
{
	_cleanup_(mw_freep) char *text = malloc(MW_CONFIG_MAX + 1);
	_cleanup_(mw_close) int fd = -1;
	size_t n = 0;
	ssize_t k;
	int r;

	if (!text) {
		snprintf(err, err_len, "%s: not enough memory", path);
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		r = -errno;
		snprintf(err, err_len, "cannot read %s: %s", path, strerror(-r));
		return r;
	}
	while (n <= MW_CONFIG_MAX) {
		k = read(fd, text + n, MW_CONFIG_MAX + 1 - n);
		if (k == 0)
			return mw_config_parse(path, text, n, err, err_len, ret);
		if (k > 0) {
			n += (size_t)k;
		} else if (errno != EINTR) {
			r = -errno;
			snprintf(err, err_len, "cannot read %s: %s", path, strerror(-r));
			return r;
		}
	}
	snprintf(err, err_len, "%s: longer than 1 MiB; that is no configuration", path);
	return -EINVAL;
}

static void free_rules(struct mw_config_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		free(rules->rule[i].exe);
		free(rules->rule[i].argv);
		free(rules->rule[i].user);
		free(rules->rule[i].cgroup);
		free(rules->rule[i].container);
	}
	free(rules->rule);
}

void mw_config_free(struct mw_config *c)
{
	if (!c)
		return;
	free_rules(&c->watch);
	free_rules(&c->ignore);
	mw_config_content_done(&c->content);
	free((char *)c->log.dir);
	free(c->keys_dir);
	free(c->state_dir);
	free(c->control);
	free(c->metrics_file);
	free(c);
}

/* A NUL-terminated copy, its inner NULs made spaces and the last one dropped. */
static char *text_of(struct mw_slice s)
{
	char *p = malloc(s.n + 1);
	size_t i;

	if (!p)
		return NULL;
	if (s.n && s.p[s.n - 1] == 0)
		s.n--;
	for (i = 0; i < s.n; i++)
		p[i] = s.p[i] ? (char)s.p[i] : ' ';
	p[s.n] = '\0';
	return p;
}

static bool glob(const char *pattern, const char *s)
{
	return !pattern || (s && fnmatch(pattern, s, 0) == 0);
}

bool mw_config_match(const struct mw_config_rules *rules, const struct mw_config_who *who)
{
	_cleanup_(mw_freep) char *e = NULL, *a = NULL, *g = NULL, *c = NULL;
	struct mw_slice container;
	size_t i;

	if (!rules->n)
		return false;
	container = mw_cgroup_container(who->cgroup);
	e = text_of(who->exe);
	a = text_of(who->argv);
	g = text_of(who->cgroup);
	c = container.n ? text_of(container) : NULL;
	for (i = 0; i < rules->n; i++) {
		const struct mw_config_rule *w = &rules->rule[i];

		if ((!w->user || w->uid == who->uid) && glob(w->exe, e) && glob(w->argv, a) &&
		    glob(w->cgroup, g) && glob(w->container, c))
			return true;
	}
	return false;
}
