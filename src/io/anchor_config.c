/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "io/anchor.h"
#include "io/net_helper.h"
#include "io/syslog.h"

#define EVERY_MAX   86400 /* seconds */
#define TIMEOUT_MAX 60

struct one {
	struct mw_anchor_config c;
	bool has_vkey;
};

static int on_type(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const char *const names[] = {
		[MW_ANCHOR_SYSLOG] = "syslog",
		[MW_ANCHOR_JOURNAL] = "journal",
		[MW_ANCHOR_FILE] = "file",
		[MW_ANCHOR_WITNESS] = "witness",
	};
	struct one *o = p;
	size_t i;

	for (i = 1; v->kind == MW_YAML_TEXT && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(v->text, names[i]) == 0) {
			o->c.type = (enum mw_anchor_type)i;
			return 0;
		}
	return mw_yaml_fail(r, v, "'type' must be syslog, journal, file or witness");
}

static int on_address(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *o = p;

	return mw_yaml_text(r, v, MW_NET_ADDRESS_MAX - 1, &o->c.address);
}

static int on_vkey(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *o = p;
	const char *text;
	int e;

	e = mw_yaml_text(r, v, MW_VKEY_MAX, &text);
	if (e < 0)
		return e;
	o->has_vkey = true;
	if (mw_vkey_parse(text, strlen(text), &o->c.vkey) < 0)
		return mw_yaml_fail(r, v, "'vkey' is no verifier key (NAME+ID+KEY)");
	if (o->c.vkey.alg != MW_NOTE_COSIGNATURE)
		return mw_yaml_fail(r, v, "'vkey' is not the key of a witness (algorithm 4)");
	return 0;
}

static int seconds(const struct mw_yaml_read *r, const struct mw_yaml_node *v, uint64_t max,
		   uint32_t *ret)
{
	uint32_t n;
	int e = mw_yaml_positive(r, v, max, &n);

	if (e == 0)
		*ret = n * 1000;
	return e;
}

static int on_every(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *o = p;

	return seconds(r, v, EVERY_MAX, &o->c.every_ms);
}

static int on_timeout(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *o = p;

	return seconds(r, v, TIMEOUT_MAX, &o->c.timeout_ms);
}

static bool is_url(const char *s)
{
	size_t n = strncmp(s, "http://", 7) == 0 ? 7 : strncmp(s, "https://", 8) == 0 ? 8 : 0;

	return n && s[n] && s[n] != '/' && strcspn(s, " \t\r\n") == strlen(s);
}

/* What a type needs, and what it has no use for. */
static int check(const struct mw_yaml_read *r, const struct mw_yaml_node *at, struct one *o)
{
	const char *address = o->c.address;

	if (o->c.type != MW_ANCHOR_JOURNAL && !address)
		return mw_yaml_fail(r, at, "'address' is missing");
	if (o->has_vkey != (o->c.type == MW_ANCHOR_WITNESS))
		return mw_yaml_fail(r, at,
				    o->has_vkey ? "'vkey' is for a witness alone"
						: "'vkey' is missing: without it what a witness "
						  "answers proves nothing");
	switch (o->c.type) {
	case MW_ANCHOR_SYSLOG:
		if (!mw_syslog_address(address))
			return mw_yaml_fail(
			    r, at,
			    "'address' must be udp://HOST[:PORT], tcp://HOST[:PORT] "
			    "or unix:/PATH");
		return 0;
	case MW_ANCHOR_JOURNAL:
		if (address)
			return mw_yaml_fail(r, at, "a journal has no 'address'");
		o->c.address = "journal";
		return 0;
	case MW_ANCHOR_FILE:
		if (address[0] != '/')
			return mw_yaml_fail(r, at, "'address' must be a path from the root");
		return 0;
	case MW_ANCHOR_WITNESS:
		if (!is_url(address))
			return mw_yaml_fail(r, at, "'address' must be an http or https URL");
		return 0;
	}
	return 0;
}

static int read_list(const struct mw_yaml_read *r, const struct mw_yaml_node *list,
		     struct mw_anchor_list *ret)
{
	static const struct mw_yaml_field fields[] = {
		{ "type", on_type, true },	  { "address", on_address, false },
		{ "vkey", on_vkey, false },	  { "every", on_every, false },
		{ "timeout", on_timeout, false },
	};
	const struct mw_yaml_node *v;
	int e;

	/* "anchors:" with all below it commented out */
	if (list->kind == MW_YAML_TEXT && !list->n)
		return 0;
	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v; v = v->next) {
		struct one o = { .c = { .every_ms = 1000, .timeout_ms = 10000 } };

		e = mw_yaml_fields(r, v, fields, sizeof(fields) / sizeof(fields[0]), &o);
		if (e == 0)
			e = check(r, v, &o);
		if (e < 0)
			return e;
		if (ret->n == MW_ANCHORS_MAX)
			return mw_yaml_fail(r, v, "more than %u anchors", MW_ANCHORS_MAX);
		ret->anchor[ret->n++] = o.c;
	}
	return e;
}

int mw_anchor_list_load(const char *path, struct mw_yaml_err err, struct mw_anchor_list *ret)
{
	const struct mw_yaml_node *root, *v;
	struct mw_yaml_read r = { .err = err };
	int e;

	*ret = (struct mw_anchor_list){ 0 };
	e = mw_yaml_load(path, err, &ret->y, &root);
	if (e < 0)
		return e;
	r.y = ret->y;
	for (v = root && root->kind == MW_YAML_MAP ? root->first : NULL; v; v = v->next)
		if (strcmp(v->key->text, "anchors") == 0)
			return read_list(&r, v, ret);
	return 0;
}

void mw_anchor_list_done(struct mw_anchor_list *l)
{
	mw_yaml_free(l->y);
	*l = (struct mw_anchor_list){ 0 };
}
