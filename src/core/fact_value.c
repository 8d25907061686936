/* SPDX-License-Identifier: Apache-2.0 */
/* fact_value.c - what a field says, as a number, an address and a text */
#include "core/fact_field.h"

#include <stdio.h>
#include <sys/socket.h>

const char *mw_severity_name(unsigned int s)
{
	static const char *const names[] = { [MW_SEVERITY_LOW] = "low",
					     [MW_SEVERITY_MEDIUM] = "medium",
					     [MW_SEVERITY_HIGH] = "high",
					     [MW_SEVERITY_CRITICAL] = "critical" };

	return s < sizeof(names) / sizeof(*names) ? names[s] : NULL;
}

bool mw_fact_addr(const struct mw_addr *a, uint8_t ret[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family == AF_INET6) {
		memcpy(ret, a->ip, 16);
		return true;
	}
	if (a->family != AF_INET)
		return false;
	memcpy(ret, mapped, 12);
	memcpy(ret + 12, a->ip, 4);
	return true;
}

/* Without its port. */
static struct mw_slice addr_text(const uint8_t addr[16], char buf[64])
{
	struct mw_buf b = { .p = (uint8_t *)buf, .cap = 64, .max = 64 };
	struct mw_addr a = { .family = AF_INET6 };
	struct mw_slice s;

	memcpy(a.ip, addr, 16);
	if (mw_addr_print(&b, &a, mw_slice(NULL, 0)) < 0)
		return mw_slice(NULL, 0);
	s = mw_buf_slice(&b);
	s.n -= 2; /* ":0" */
	return s.p[0] == '[' ? mw_slice_inside(s) : s;
}

struct mw_slice mw_value_text(uint32_t field, const struct mw_value *v, char buf[64])
{
	static const struct mw_slice none;
	int n = 0;

	if (!v->known)
		return none;
	switch (mw_fact_field_at(field)->type) {
	case MW_FIELD_TEXT:
	case MW_FIELD_ENUM:
		return v->text;
	case MW_FIELD_TEXTS:
		return v->texts.v[0];
	case MW_FIELD_BOOL:
		return mw_slice_str(v->truth ? "true" : "false");
	case MW_FIELD_NUMBER:
		n = snprintf(buf, 64, "%lld", (long long)v->number);
		break;
	case MW_FIELD_POWER:
		n = snprintf(buf, 64, "%u", v->ord);
		break;
	case MW_FIELD_ADDR:
		return addr_text(v->addr, buf);
	}
	return mw_slice(buf, (size_t)n);
}
