/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_alert.c - whatever stands in an alert record, what is made of it stays one line, one element
 * and within its bounds. The first byte chooses how many alerts were not sent.
 */
#include "fuzz.h"

#include <cjson/cJSON.h>

#include "io/alert_text.h"
#include "io/syslog_text.h"

#define FIELDS_MAX 64

static char buf[MW_ALERT_TEXT_MAX];

/* One line of what a terminal and a collector may see; `end` behind it. */
static void check_line(size_t n, bool end)
{
	size_t i;

	FUZZ_CHECK(n < sizeof(buf) && buf[n] == '\0' && strlen(buf) == n);
	FUZZ_CHECK(!end || (n && buf[n - 1] == '\n'));
	for (i = 0; i < n - end; i++)
		FUZZ_CHECK((unsigned char)buf[i] >= ' ' && buf[i] != 0x7f);
}

/* The element: from its bracket to the one that ends it, by RFC 5424's own rules. */
static void check_element(void)
{
	const char *p = buf;
	bool quoted = false;
	int i;

	/* behind the six words of the head */
	for (i = 0; i < 6; i++)
		p = strchr(p, ' ') + 1;
	FUZZ_CHECK(strncmp(p, MW_SYSLOG_SD_ALERT, strlen(MW_SYSLOG_SD_ALERT)) == 0);
	FUZZ_CHECK(!strstr(buf, MW_SYSLOG_SD));
	for (p++; *p && (quoted || *p != ']'); p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	FUZZ_CHECK(!quoted && p[0] == ']' && p[1] == ' ');
	FUZZ_CHECK(strncmp(p + 2, "ALERT", 5) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct iovec field[FIELDS_MAX];
	const char *json = (const char *)data + 1;
	size_t len, i;
	uint64_t more;
	cJSON *rec;
	int r;

	if (n < 2 || n > MW_RECORD_MAX)
		return 0;
	more = data[0] % 3 ? data[0] : 0;
	n--;
	r = mw_alert_json(json, n, more, buf, &len);
	FUZZ_CHECK(r < 0 || (len >= n && len < sizeof(buf) && buf[len - 1] == '}'));
	rec = cJSON_ParseWithLength(json, n);
	if (!rec)
		return 0;
	if (mw_alert_line(rec, more, false, true, buf, &len) == 0)
		check_line(len, true);
	if (mw_alert_syslog(rec, more, NULL, 0, "host", buf, &len) == 0) {
		FUZZ_CHECK(len <= MW_SYSLOG_ALL_TAKE);
		check_line(len, false);
		check_element();
	}
	r = mw_alert_journal(rec, more, json, n, field, FIELDS_MAX);
	for (i = 0; r > 0 && i < (size_t)r; i++)
		FUZZ_CHECK(memchr(field[i].iov_base, '=', field[i].iov_len));
	if (r > 0)
		mw_alert_fields_done(field, (size_t)r);
	cJSON_Delete(rec);
	return 0;
}
