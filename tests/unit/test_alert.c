/* SPDX-License-Identifier: Apache-2.0 */
/* test_alert.c - outlets of a configuration, and alerts as text (alert_config.c, alert_text.c) */
#include "alert_fx.h"

#include <cjson/cJSON.h>

#include "io/alert_text.h"
#include "io/note.h"
#include "io/anchor_text.h"
#include "io/syslog_text.h"

/* --- the configuration ----------------------------------------------------------------------- */

static void test_config(void **state)
{
	struct mw_alert_list *l;
	const struct mw_alert_outlet *o;

	put(in_dir("key"), "0123456789abcdef\n", 0600);
	put(in_dir("token"), "X-Token: a b\n", 0600);
	l = list_of("discover: yes\n"
		    "alerts:\n"
		    "  - type: stderr\n"
		    "  - {type: syslog, severity: critical, rate: 5, burst: 2, format: json}\n"
		    "  - {type: journal}\n"
		    "  - {type: command, argv: [/bin/true, a], user: daemon, timeout: 3}\n"
		    "  - type: webhook\n"
		    "    address: https://hooks.example:8443/services/T0/secret?x=y\n"
		    "    header_file: %s\n"
		    "    hmac_key_file: %s\n"
		    "    ca_file: /etc/passwd\n",
		    in_dir("token"), in_dir("key"));
	assert_int_equal(l->n, 5);
	o = &l->outlet[0];
	assert_int_equal(o->type, MW_ALERT_STDERR);
	assert_int_equal(o->severity, MW_SEVERITY_LOW);
	assert_int_equal(o->rate, 60);
	assert_int_equal(o->burst, 20);
	assert_false(o->json);
	assert_string_equal(o->name, "stderr");
	o = &l->outlet[1];
	assert_string_equal(o->address, "unix:/dev/log");
	assert_string_equal(o->name, "syslog unix:/dev/log");
	assert_int_equal(o->severity, MW_SEVERITY_CRITICAL);
	assert_int_equal(o->rate, 5);
	assert_int_equal(o->burst, 2);
	assert_true(o->json);
	assert_string_equal(l->outlet[2].name, "journal");
	o = &l->outlet[3];
	assert_string_equal(o->name, "command /bin/true");
	assert_int_equal(o->severity, MW_SEVERITY_MEDIUM);
	assert_int_equal(o->n_argv, 2);
	assert_string_equal(o->argv[1], "a");
	assert_int_equal(o->uid, 1);
	assert_int_equal(o->timeout_ms, 3000);
	o = &l->outlet[4];
	/* what may be secret in an address goes nowhere */
	assert_string_equal(o->name, "webhook https://hooks.example:8443");
	assert_string_equal(o->address, "https://hooks.example:8443/services/T0/secret?x=y");
	assert_string_equal(o->header, "X-Token: a b");
	assert_int_equal(o->hmac_key_len, 16);
	assert_memory_equal(o->hmac_key, "0123456789abcdef", 16);
	assert_int_equal(o->severity, MW_SEVERITY_MEDIUM);
	assert_int_equal(o->uid, 65534);
	mw_alert_list_free(l);

	l = list_of("discover: yes\n");
	assert_int_equal(l->n, 0);
	mw_alert_list_free(l);
	l = list_of("alerts:\n");
	assert_int_equal(l->n, 0);
	mw_alert_list_free(l);
	l = list_of("alerts: []\n");
	assert_int_equal(l->n, 0);
	mw_alert_list_free(l);
}

static void test_config_faults(void **state)
{
	static const struct {
		const char *text, *want; /* want: behind the file's name */
	} cases[] = {
		{ "alerts: 3", ":1:9: 'alerts' must be a list" },
		{ "alerts:\n  - type: mail", ":2:11: 'type' must be stderr, syslog" },
		{ "alerts:\n  - severity: low", ":2:5: 'type' is missing" },
		{ "alerts:\n  - type: stderr\n    severity: fatal", ":3:15: 'severity' must be" },
		{ "alerts:\n  - type: stderr\n    address: x", ":3:5: 'address' is not for type "
							       "stderr" },
		{ "alerts:\n  - type: journal\n    format: json", ":3:5: 'format' is not for" },
		{ "alerts:\n  - type: stderr\n    format: xml", ":3:13: 'format' must be" },
		{ "alerts:\n  - type: stderr\n    rate: 0", ":3:11: 'rate' must be at least 1" },
		{ "alerts:\n  - type: stderr\n    rate: 6001", ":3:11: 'rate' must be a number" },
		{ "alerts:\n  - type: stderr\n    burst: -1", ":3:12: 'burst' must be a number" },
		{ "alerts:\n  - type: stderr\n    colour: red", ":3:5: unknown key 'colour'" },
		{ "alerts:\n  - type: syslog\n    address: http://x",
		  ":3:14: 'address' must be udp:" },
		{ "alerts:\n  - type: webhook", ":2:5: 'address' is missing" },
		{ "alerts:\n  - type: webhook\n    address: ftp://x",
		  ":3:14: 'address' must be an" },
		{ "alerts:\n  - type: webhook\n    address: http:///x",
		  ":3:14: 'address' must be" },
		{ "alerts:\n  - type: webhook\n    address: 'http://a:b@x/'", ":3:14: 'address'" },
		{ "alerts:\n  - type: webhook\n    address: 'http://x /'", ":3:14: 'address'" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    timeout: 61",
		  ":4:14: 'timeout' must be" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    header_file: /nowhere",
		  ":4:18: cannot read '/nowhere'" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    header_file: DIR/open",
		  ":4:18: 'DIR/open' must be a file of root's and of mode 0600" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    header_file: DIR/link",
		  ":4:18: cannot read 'DIR/link'" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    header_file: DIR/two",
		  ":4:18: 'DIR/two' must hold one line" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    header_file: DIR/short",
		  ":4:18: 'DIR/short' must hold one line" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    hmac_key_file: DIR/short",
		  ":4:20: a key of less than 16" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    hmac_key_file: DIR/empty",
		  ":4:20: 'DIR/empty' must hold 1 to 128" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    hmac_key_file: DIR",
		  ":4:20: 'DIR' must be a file" },
		{ "alerts:\n  - type: webhook\n    address: http://x\n    ca_file: /nowhere",
		  ":4:14: cannot read '/nowhere'" },
		{ "alerts:\n  - type: command", ":2:5: 'argv' is missing" },
		{ "alerts:\n  - type: command\n    argv: /bin/true",
		  ":3:11: 'argv' must be a list" },
		{ "alerts:\n  - type: command\n    argv: []", ":3:11: 'argv' must be 1 to 32" },
		{ "alerts:\n  - type: command\n    argv: [true]", ":3:12: the program must be a" },
		{ "alerts:\n  - type: command\n    argv: [/nowhere]",
		  ":3:12: '/nowhere' cannot be" },
		{ "alerts:\n  - type: command\n    argv: [/bin/true]\n    user: root",
		  ":4:11: 'user' must not be root" },
		{ "alerts:\n  - type: command\n    argv: [/bin/true]\n    user: 0",
		  ":4:11: 'user' must not be root" },
		{ "alerts:\n  - type: command\n    argv: [/bin/true]\n    user: no-such-user",
		  ":4:11: there is no user 'no-such-user'" },
	};
	char err[512], text[1024], want[512];
	struct mw_alert_list *l = NULL;
	size_t i, n;

	put(in_dir("open"), "A: b\n", 0644);
	put(in_dir("two"), "A: b\r\nC: d\n", 0600);
	put(in_dir("short"), "short\n", 0600);
	put(in_dir("empty"), "\n", 0600);
	assert_int_equal(symlink("short", in_dir("link")), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *from[] = { cases[i].text, cases[i].want }, *at;
		char *to[] = { text, want };
		int k;

		for (k = 0; k < 2; k++) {
			at = strstr(from[k], "DIR");
			n = at ? (size_t)(at - from[k]) : 0;
			snprintf(to[k], 512, "%.*s%s%s", (int)n, from[k], at ? dir : "",
				 at ? at + 3 : from[k]);
		}
		put(in_dir("config"), text, 0600);
		assert_int_equal(
		    mw_alert_list_load(in_dir("config"), (struct mw_yaml_err){ err, 512 }, &l),
		    -EINVAL);
		if (strncmp(err + strlen(in_dir("config")), want, strlen(want)) != 0)
			fail_msg("case %zu: %s", i, err);
		assert_null(l);
	}
	n = (size_t)snprintf(text, sizeof(text), "alerts:\n");
	for (i = 0; i < MW_ALERT_OUTLETS_MAX + 1; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "  - type: journal\n");
	put(in_dir("config"), text, 0600);
	assert_int_equal(mw_alert_list_load(in_dir("config"), (struct mw_yaml_err){ err, 512 }, &l),
			 -EINVAL);
	assert_non_null(strstr(err, ":18:5: more than 16 outlets"));
	assert_int_equal(
	    mw_alert_list_load(in_dir("nothing"), (struct mw_yaml_err){ err, 512 }, &l), -ENOENT);
}

/* --- texts ----------------------------------------------------------------------------------- */

static char buf[MW_ALERT_TEXT_MAX], json[MW_RECORD_MAX + 1];

/* Its line of syslog, NUL-terminated. */
static const char *syslog_of(const char *more, uint64_t n_more, bool as_json, size_t *ret_n)
{
	struct mw_record r = alert(MW_SEVERITY_HIGH, 5, more, json);
	cJSON *rec = cJSON_ParseWithLength(r.json, r.len);

	assert_non_null(rec);
	assert_int_equal(
	    mw_alert_syslog(rec, n_more, as_json ? r.json : NULL, r.len, "my host", buf, ret_n), 0);
	cJSON_Delete(rec);
	assert_int_equal(strlen(buf), *ret_n);
	return buf;
}

static void test_syslog(void **state)
{
	char more[40000], head[128];
	const char *line;
	size_t n, i;

	line = syslog_of(
	    ",\"server\":{\"name\":\"s\"},\"tool\":\"t\",\"principal\":{\"user\":\"ann\"},"
	    "\"outcome\":\"ok\",\"calls\":[\"c1\"],\"targets\":[\"/a\",\"/b\"],\"count\":4,"
	    "\"tags\":[\"owasp.mcp01\"]",
	    2, false, &n);
	snprintf(head, sizeof(head),
		 "<83>1 2026-11-21T10:00:00.123456Z myhost mcpwatch %d secret.read ", getpid());
	assert_memory_equal(line, head, strlen(head));
	assert_string_equal(
	    line + strlen(head),
	    "[mcpwatchAlert@32473 rule=\"secret.read\" severity=\"high\" seq=\"5\" title=\"A file "
	    "that holds secrets was read\" notSent=\"2\" count=\"4\" server=\"s\" tool=\"t\" "
	    "user=\"ann\" outcome=\"ok\" call=\"c1\" target=\"/a\" target=\"/b\" "
	    "tag=\"owasp.mcp01\"] ALERT  high  secret.read  A file that holds secrets was read  s  "
	    "t  "
	    "/a  /b  (4 times)  call c1  (2 more alerts not sent)");
	/* nothing that was seen ends a line, an element or a value */
	line = syslog_of(",\"tool\":\"a\\nb\\\"]<13>1\\u0000\"", 0, false, &n);
	assert_null(strchr(line, '\n'));
	assert_non_null(strstr(line, " tool=\"a\\\\nb\\\"\\]<13>1\"] "));
	/* nor is it a checkpoint */
	line = syslog_of(",\"tool\":\"[mcpwatch@32473 origin=\"", 0, false, &n);
	assert_null(strstr(line, MW_SYSLOG_SD));
	assert_int_equal(mw_anchor_syslog_read(line, n, more, &i), 0);
	/* however long: it fits what every receiver takes, and ends with whole characters */
	n = (size_t)snprintf(more, sizeof(more), ",\"targets\":[");
	for (i = 0; i < 8; i++)
		n += (size_t)snprintf(more + n, sizeof(more) - n, "%s\"/%0*d\xe2\x82\xac\"",
				      i ? "," : "", 4000 + (int)i, 7);
	snprintf(more + n, sizeof(more) - n, "]");
	line = syslog_of(more, 0, false, &n);
	assert_in_range(n, 1000, MW_SYSLOG_ALL_TAKE);
	assert_non_null(strstr(line, "] ALERT  high  secret.read"));
	/* too long for a datagram: text */
	snprintf(more, sizeof(more), ",\"detail\":\"%*s\"", 36000, "x");
	line = syslog_of(more, 0, true, &n);
	assert_in_range(n, 100, MW_SYSLOG_ALL_TAKE);
	line = syslog_of(",\"detail\":\"y\"", 0, true, &n);
	assert_non_null(strstr(line, "] {\"v\":1,"));
	assert_non_null(strstr(line, ",\"detail\":\"y\"}"));
}

/* Characters of no width: many bytes, no column. */
static void test_no_width(void **state)
{
	char more[30000];
	size_t n, i;

	n = (size_t)snprintf(more, sizeof(more), ",\"tool\":\"a");
	for (i = 0; i < 8000; i++, n += 2)
		memcpy(more + n, "\xcc\x81", 2);
	snprintf(more + n, sizeof(more) - n, "\",\"targets\":[\"/b\"]");
	syslog_of(more, 0, false, &n);
	assert_in_range(n, 100, MW_SYSLOG_ALL_TAKE);
}

static void test_json(void **state)
{
	struct mw_record r = alert(MW_SEVERITY_LOW, 1, "", json);
	size_t n;

	assert_int_equal(mw_alert_json(r.json, r.len, 0, buf, &n), 0);
	assert_int_equal(n, r.len);
	assert_memory_equal(buf, r.json, n);
	assert_int_equal(mw_alert_json(r.json, r.len, UINT64_MAX, buf, &n), 0);
	assert_string_equal(buf + r.len - 1, ",\"not_sent\":18446744073709551615}");
	assert_int_equal(strlen(buf), n);
	assert_int_equal(mw_alert_json("{}", 2, 0, buf, &n), -EBADMSG);
	assert_int_equal(mw_alert_json("[1]", 3, 0, buf, &n), -EBADMSG);
	assert_int_equal(mw_alert_json("{\"a\":1", 6, 0, buf, &n), -EBADMSG);
}

static void test_line(void **state)
{
	struct mw_record r = alert(MW_SEVERITY_CRITICAL, 1, ",\"tool\":\"\\u001b[2J\"", json);
	cJSON *rec = cJSON_ParseWithLength(r.json, r.len), *other = cJSON_Parse("{\"a\":1}");
	size_t n;

	assert_int_equal(mw_alert_line(rec, 3, false, false, buf, &n), 0);
	assert_string_equal(buf,
			    "ALERT  critical  secret.read  A file that holds secrets was read  "
			    "\\x1b[2J  (3 more alerts not sent)\n");
	assert_int_equal(strlen(buf), n);
	assert_int_equal(mw_alert_line(rec, 0, true, true, buf, &n), 0);
	assert_non_null(strstr(buf, "\x1b[1;31mcritical\x1b[0m"));
	assert_null(strstr(buf, "\x1b[2J"));
	assert_int_equal(mw_alert_line(other, 0, false, true, buf, &n), -EBADMSG);
	assert_int_equal(mw_alert_syslog(other, 0, NULL, 0, "h", buf, &n), -EBADMSG);
	cJSON_Delete(rec);
	cJSON_Delete(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config), cmocka_unit_test(test_config_faults),
		cmocka_unit_test(test_syslog), cmocka_unit_test(test_no_width),
		cmocka_unit_test(test_json),   cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
