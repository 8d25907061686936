/* SPDX-License-Identifier: Apache-2.0 */
/* rules_list.c - mcpwatch rules list */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/rules.h"
#include "io/escape.h"
#include "io/heap.h"

#define COND_MAX (4u << 20) /* bytes of one condition written out */

static void print_text(const char *text)
{
	mw_escape_print(stdout, text, strlen(text));
}

/* --- one line a rule ----------------------------------------------------------------------- */

static int put(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	if (!text)
		return -ENOMEM;
	puts(text);
	cJSON_free(text);
	return 0;
}

static bool add_tags(cJSON *o, const struct mw_policy_rule *rule)
{
	cJSON *tags = rule->n_tags ? cJSON_CreateStringArray(rule->tags, (int)rule->n_tags) : NULL;

	return !rule->n_tags || (tags && cJSON_AddItemToObject(o, "tags", tags));
}

static int print_json(const struct mw_rules_info *info)
{
	const struct mw_policy_rule *alert = info->alert;
	cJSON *o = cJSON_CreateObject();
	int r = -ENOMEM;

	if (o && cJSON_AddStringToObject(o, "id", info->id) &&
	    cJSON_AddStringToObject(o, "kind", alert ? "alert" : "redact") &&
	    (!alert ||
	     (cJSON_AddStringToObject(o, "severity", mw_severity_name(alert->severity)) &&
	      cJSON_AddStringToObject(o, "title", info->description) && add_tags(o, alert))) &&
	    cJSON_AddStringToObject(o, "file", info->file) &&
	    cJSON_AddNumberToObject(o, "line", info->line) &&
	    (alert || !info->description[0] ||
	     cJSON_AddStringToObject(o, "description", info->description)) &&
	    (!info->disabled || cJSON_AddTrueToObject(o, "disabled")))
		r = put(o);
	cJSON_Delete(o);
	return r;
}

static void print_line(const struct mw_rules_info *info)
{
	const struct mw_policy_rule *alert = info->alert;
	size_t i;

	printf("%-36s %-8s ", info->id,
	       info->disabled ? "disabled"
	       : alert	      ? mw_severity_name(alert->severity)
			      : "redact");
	print_text(info->file);
	printf(":%u", info->line);
	if (alert) {
		fputs("  ", stdout);
		print_text(info->description);
		for (i = 0; i < alert->n_tags; i++)
			printf("%s%s", i ? " " : "  [", alert->tags[i]);
		fputs(alert->n_tags ? "]" : "", stdout);
	}
	putchar('\n');
}

/* --- fields -------------------------------------------------------------------------------- */

static const char *const kinds[MW_FACT_KINDS] = {
	[MW_FACT_REQUEST] = "request", [MW_FACT_CALL] = "call",	    [MW_FACT_EFFECT] = "effect",
	[MW_FACT_TOOL] = "tool",       [MW_FACT_SERVER] = "server", [MW_FACT_NOTICE] = "notice",
	[MW_FACT_ANOMALY] = "anomaly", [MW_FACT_GAP] = "gap",	    [MW_FACT_ALERT] = "alert",
};

static const char *type_name(enum mw_field_type type)
{
	static const char *const names[] = {
		[MW_FIELD_BOOL] = "bool",    [MW_FIELD_NUMBER] = "number", [MW_FIELD_TEXT] = "text",
		[MW_FIELD_TEXTS] = "texts",  [MW_FIELD_ADDR] = "address",  [MW_FIELD_ENUM] = "word",
		[MW_FIELD_POWER] = "powers",
	};

	return names[type];
}

static int field_json(const struct mw_fact_field *f)
{
	cJSON *o = cJSON_CreateObject(), *on = NULL;
	int r = -ENOMEM;
	unsigned int i;

	if (o && cJSON_AddStringToObject(o, "field", f->name) &&
	    cJSON_AddStringToObject(o, "type", type_name(f->type)) &&
	    cJSON_AddStringToObject(o, "doc", f->doc))
		on = cJSON_AddArrayToObject(o, "on");
	for (i = MW_FACT_REQUEST; on && i < MW_FACT_KINDS; i++)
		if (f->kinds & 1u << i && !cJSON_AddItemToArray(on, cJSON_CreateString(kinds[i])))
			on = NULL;
	if (on)
		r = put(o);
	cJSON_Delete(o);
	return r;
}

static int fields(bool json)
{
	const struct mw_fact_field *f;
	unsigned int k;
	uint32_t i;

	for (i = 0; (f = mw_fact_field_at(i)) != NULL; i++) {
		if (json) {
			if (field_json(f) < 0)
				return mw_cli_fail("not enough memory");
			continue;
		}
		printf("%-24s %-8s %s; on:", f->name, type_name(f->type), f->doc);
		for (k = MW_FACT_REQUEST; k < MW_FACT_KINDS; k++)
			if (f->kinds & 1u << k)
				printf(" %s", kinds[k]);
		putchar('\n');
	}
	return mw_cli_stdout_done();
}

/* --- one rule ------------------------------------------------------------------------------ */

static void print_when(const char *lead, const struct mw_when *when)
{
	struct mw_buf out;

	mw_buf_init(&out, &mw_heap, COND_MAX);
	fputs(lead, stdout);
	fputs("when: >-\n", stdout);
	printf("%*s", (int)strspn(lead, " -") + 4, "");
	if (mw_rules_print(&out, when) < 0)
		fputs("(too long)", stdout);
	else
		mw_escape_print(stdout, (const char *)out.p, out.len);
	putchar('\n');
	mw_buf_done(&out);
}

static void print_keys(unsigned int by)
{
	static const char *const names[] = { "server", "tool",	 "principal", "session",
					     "call",   "client", "target",    "http_session" };
	const char *comma = "";
	size_t i;

	fputs("by: [", stdout);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (by & 1u << i) {
			printf("%s%s", comma, names[i]);
			comma = ", ";
		}
	putchar(']');
}

static void print_time(const char *name, uint64_t ns)
{
	if (ns % 1000000000)
		printf("%s: %llums", name, (unsigned long long)(ns / 1000000));
	else
		printf("%s: %llus", name, (unsigned long long)(ns / 1000000000));
}

static void print_windows(const struct mw_policy_rule *r)
{
	size_t i;

	if (r->at_least) {
		fputs("    count: {", stdout);
		print_keys(r->by);
		print_time(", over", r->over_ns);
		printf(", at_least: %llu", (unsigned long long)r->at_least);
		if (r->distinct)
			printf(", distinct: %s", mw_fact_field_at(r->distinct - 1)->name);
		if (r->sum)
			printf(", sum: %s", mw_fact_field_at(r->sum - 1)->name);
		fputs("}\n", stdout);
	}
	if (r->n_steps) {
		fputs("    sequence: {", stdout);
		print_keys(r->by);
		print_time(", over", r->over_ns);
		fputs("}\n    steps:\n", stdout);
	}
	for (i = 0; i < r->n_steps; i++) {
		printf("      - on: %s\n", kinds[r->steps[i].on]);
		if (r->steps[i].when.n)
			print_when("        ", &r->steps[i].when);
	}
}

static void print_rule(const struct mw_rules_info *info)
{
	const struct mw_policy_rule *r = info->alert;
	size_t i;

	printf("# ");
	print_text(info->file);
	printf(":%u\nrules:\n  - id: %s\n    title: ", info->line, info->id);
	print_text(info->description);
	printf("\n    severity: %s\n", mw_severity_name(r->severity));
	if (info->disabled)
		puts("    disabled: yes");
	if (!r->n_steps)
		printf("    on: %s\n", kinds[r->on]);
	if (r->when.n)
		print_when("    ", &r->when);
	print_windows(r);
	if (r->n_except)
		puts("    except:");
	for (i = 0; i < r->n_except; i++)
		print_when("      - ", &r->except[i]);
	if (r->n_raise)
		puts("    raise:");
	for (i = 0; i < r->n_raise; i++) {
		printf("      - to: %s\n", mw_severity_name(r->raise[i].to));
		print_when("        ", &r->raise[i].when);
	}
	if (r->suppress_by || r->suppress_ns) {
		fputs("    suppress: {", stdout);
		if (r->suppress_by)
			print_keys(r->suppress_by);
		if (r->suppress_ns)
			print_time(r->suppress_by ? ", for" : "for", r->suppress_ns);
		fputs("}\n", stdout);
	}
	for (i = 0; i < r->n_detail; i++)
		printf("%s%s", i ? ", " : "    detail: [", mw_fact_field_at(r->detail[i])->name);
	fputs(r->n_detail ? "]\n" : "", stdout);
	for (i = 0; i < r->n_tags; i++)
		printf("%s%s", i ? ", " : "    tags: [", r->tags[i]);
	fputs(r->n_tags ? "]\n" : "", stdout);
}

static int show(const struct mw_rules *rules, const char *id)
{
	struct mw_rules_info info;
	size_t i, n = mw_rules_count(rules, NULL);

	for (i = 0; i < n; i++) {
		mw_rules_info(rules, i, &info);
		if (strcmp(info.id, id) != 0)
			continue;
		if (!info.alert)
			return mw_cli_fail("'%s' is a rule of redaction, and stands as it is in "
					   "%s:%u",
					   id, info.file, info.line);
		print_rule(&info);
		return mw_cli_stdout_done();
	}
	return mw_cli_fail("there is no rule '%s'; 'mcpwatch rules list' has all", id);
}

int mw_cli_rules_list(const struct mw_cli_list *paths, const struct mw_rules_list_opts *o)
{
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	struct mw_rules_info info;
	size_t i, n;

	if (o->fields)
		return fields(o->json);
	if (mw_cli_rules(paths, true, o->config, &rules) < 0)
		return MW_EXIT_FAIL;
	if (o->show)
		return show(rules, o->show);
	n = mw_rules_count(rules, NULL);
	for (i = 0; i < n; i++) {
		mw_rules_info(rules, i, &info);
		if (!o->json)
			print_line(&info);
		else if (print_json(&info) < 0)
			return mw_cli_fail("not enough memory");
	}
	return mw_cli_stdout_done();
}
