/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h - one DNS message taken apart
 *
 * Source: RFC 1035 section 4, RFC 3596 (AAAA), RFC 9460 (SVCB, HTTPS: their names and hints are not
 * looked into). Of a message of one question (all resolvers ask one) it gives the question, the
 * code of the answer, and of the answer section the addresses and, for types whose data is one
 * name, the names. Strict: names are at most 255 bytes of labels of at most 63, a pointer goes
 * back only, to before the name it stands in, so that none loops; the question must be whole. An
 * answer section that is cut (TC, or bytes that were not captured) or broken gives what came
 * before.
 *
 * Names are written as RFC 1035 section 5.1 and RFC 4343 do: '.' and '\' in a label with '\' before
 * them, bytes that are not printable ASCII as \DDD; letters as they are; without the last dot, the
 * root is ".".
 */
#ifndef MW_CORE_DNS_H
#define MW_CORE_DNS_H

#include <mcpwatch/event.h>

#include "base/slice.h"

/* The longest name as it is written: 255 bytes, each as \DDD. */
#define MW_DNS_NAME_MAX 1024
/* Answers that are kept of one message, and bytes of the names in them. */
#define MW_DNS_ANSWERS_MAX 16

struct mw_dns_name {
	size_t n;
	char s[MW_DNS_NAME_MAX];
};

struct mw_dns_answer {
	struct mw_addr addr; /* A, AAAA; else family 0 */
	uint16_t type;
	uint16_t target; /* of others: index into `names`, from 1; 0 not kept */
};

struct mw_dns {
	uint16_t id;
	bool response;
	bool cut;	    /* not all answers are here: TC, or more than are kept */
	unsigned int rcode; /* without EDNS's upper bits */
	uint16_t type, class;
	struct mw_dns_name name;
	size_t n_answers;
	struct mw_dns_answer answers[MW_DNS_ANSWERS_MAX];
	size_t n_names;
	struct mw_dns_name names[4];
};

/* p: the first bytes of a message that may be longer. 0; -EBADMSG: no query or answer with one
 * whole question. Takes no memory; *ret is some 6 KiB. */
int mw_dns_parse(struct mw_slice p, struct mw_dns *ret);
/* "A", "AAAA", "TYPE65280"; buf holds what has no name. */
const char *mw_dns_type_name(uint16_t type, char buf[16]);
/* "NOERROR", "NXDOMAIN", "RCODE11". */
const char *mw_dns_rcode_name(unsigned int rcode, char buf[16]);

#endif
