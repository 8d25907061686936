/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define HEAD	      12u
#define NAME_WIRE_MAX 255u
#define T_A	      1
#define T_AAAA	      28

static unsigned int u16(struct mw_slice p, size_t at)
{
	return (unsigned int)p.p[at] << 8 | p.p[at + 1];
}

static void put(struct mw_dns_name *name, uint8_t c)
{
	if (c > 0x20 && c < 0x7f) {
		if (c == '.' || c == '\\')
			name->s[name->n++] = '\\';
		name->s[name->n++] = (char)c;
		return;
	}
	name->s[name->n++] = '\\';
	name->s[name->n++] = (char)('0' + c / 100);
	name->s[name->n++] = (char)('0' + c / 10 % 10);
	name->s[name->n++] = (char)('0' + c % 10);
}

/* The name at *at, which moves behind it; ret NULL: only passed over. */
static int name_at(struct mw_slice p, size_t *at, struct mw_dns_name *ret)
{
	size_t pos = *at, floor = *at, wire = 1, end = 0;

	if (ret)
		ret->n = 0;
	for (;;) {
		unsigned int c;

		if (pos >= p.n)
			return -EBADMSG;
		c = p.p[pos];
		if (c >= 0xc0) {
			if (p.n - pos < 2)
				return -EBADMSG;
			if (!end)
				end = pos + 2;
			pos = (c & 0x3f) << 8 | p.p[pos + 1];
			if (pos >= floor) /* forward, or to itself: a loop */
				return -EBADMSG;
			floor = pos;
			continue;
		}
		if (c > 63)
			return -EBADMSG;
		pos++;
		if (c == 0)
			break;
		wire += c + 1;
		if (c > p.n - pos || wire > NAME_WIRE_MAX)
			return -EBADMSG;
		if (ret && ret->n)
			ret->s[ret->n++] = '.';
		for (unsigned int i = 0; i < c && ret; i++)
			put(ret, p.p[pos + i]);
		pos += c;
	}
	if (ret && ret->n == 0)
		ret->s[ret->n++] = '.';
	*at = end ? end : pos;
	return 0;
}

/* Types whose data is a name: NS, CNAME, PTR, DNAME. */
static bool is_name(uint16_t type)
{
	return type == 2 || type == 5 || type == 12 || type == 39;
}

static void answer(struct mw_slice p, size_t at, size_t len, uint16_t type, struct mw_dns *d)
{
	struct mw_dns_answer a = { .type = type };
	const size_t end = at + len;

	if (d->n_answers == MW_DNS_ANSWERS_MAX) {
		d->cut = true;
		return;
	}
	if (type == T_A && len == 4) {
		a.addr.family = AF_INET;
		memcpy(a.addr.ip, p.p + at, 4);
	} else if (type == T_AAAA && len == 16) {
		a.addr.family = AF_INET6;
		memcpy(a.addr.ip, p.p + at, 16);
	} else if (is_name(type) && d->n_names < sizeof(d->names) / sizeof(d->names[0])) {
		if (name_at(p, &at, &d->names[d->n_names]) < 0 || at != end)
			return;
		a.target = (uint16_t)++d->n_names;
	} else {
		return;
	}
	d->answers[d->n_answers++] = a;
}

static void answers(struct mw_slice p, size_t at, unsigned int n, struct mw_dns *d)
{
	for (; n; n--) {
		unsigned int type, class, len;

		if (name_at(p, &at, NULL) < 0 || p.n - at < 10)
			break;
		type = u16(p, at);
		class = u16(p, at + 2);
		len = u16(p, at + 8);
		at += 10;
		if (len > p.n - at)
			break;
		if (class == d->class)
			answer(p, at, len, (uint16_t)type, d);
		at += len;
	}
	d->cut |= n != 0;
}

int mw_dns_parse(struct mw_slice p, struct mw_dns *ret)
{
	unsigned int flags;
	size_t at = HEAD;

	if (p.n < HEAD || u16(p, 4) != 1)
		return -EBADMSG;
	flags = u16(p, 2);
	if ((flags >> 11 & 15) != 0) /* no standard query */
		return -EBADMSG;
	/* in the caller's place: it is too large for a second one */
	ret->n_answers = ret->n_names = 0;
	ret->id = (uint16_t)u16(p, 0);
	ret->response = flags >> 15;
	ret->cut = flags >> 9 & 1;
	ret->rcode = flags & 15;
	if (name_at(p, &at, &ret->name) < 0 || p.n - at < 4)
		return -EBADMSG;
	ret->type = (uint16_t)u16(p, at);
	ret->class = (uint16_t)u16(p, at + 2);
	if (ret->response)
		answers(p, at + 4, u16(p, 6), ret);
	return 0;
}

const char *mw_dns_type_name(uint16_t type, char buf[16])
{
	/* IANA's registry of resource record types */
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ 1, "A" },	 { 2, "NS" },	   { 5, "CNAME" },  { 6, "SOA" },
		{ 12, "PTR" },	 { 15, "MX" },	   { 16, "TXT" },   { 28, "AAAA" },
		{ 33, "SRV" },	 { 35, "NAPTR" },  { 39, "DNAME" }, { 43, "DS" },
		{ 46, "RRSIG" }, { 48, "DNSKEY" }, { 52, "TLSA" },  { 64, "SVCB" },
		{ 65, "HTTPS" }, { 251, "IXFR" },  { 252, "AXFR" }, { 255, "ANY" },
		{ 257, "CAA" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	snprintf(buf, 16, "TYPE%u", type);
	return buf;
}

const char *mw_dns_rcode_name(unsigned int rcode, char buf[16])
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					     "NOTIMP",	"REFUSED", "YXDOMAIN", "YXRRSET",
					     "NXRRSET", "NOTAUTH", "NOTZONE" };

	if (rcode < sizeof(names) / sizeof(names[0]))
		return names[rcode];
	snprintf(buf, 16, "RCODE%u", rcode);
	return buf;
}
