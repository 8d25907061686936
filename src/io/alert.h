/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert.h - where alerts go besides the log: `alerts:` of the configuration
 *
 *	alerts:
 *	  - type: stderr	a line each
 *	    format: text|json	text
 *	  - type: syslog	RFC 5424 (alert_text.h), facility authpriv
 *	    address: udp://HOST[:PORT] | tcp://HOST[:PORT] | unix:/PATH		unix:/dev/log
 *	    format: text|json	what stands behind the element: text
 *	  - type: journal	an entry with MCPWATCH_RULE and others
 *	  - type: command	a program with the alert's JSON on its stdin (command_helper.h)
 *	    argv: [/PATH, ARG...]
 *	    user: NAME|UID	nobody; not root
 *	    timeout: SECONDS	10
 *	  - type: webhook	a POST of the alert's JSON
 *	    address: http[s]://...
 *	    header_file: PATH	one more header line, "Name: value"; a file of mode 0600
 *	    hmac_key_file: PATH	16 to 128 bytes, 0600: X-Mcpwatch-Signature: sha256=HEX of the body
 *	    ca_file: PATH	authorities (PEM) instead of the system's
 *	    timeout: SECONDS	10
 *
 * and of each of them
 *
 *	    severity: low|medium|high|critical	the least that goes there: low; command and
 *						webhook medium
 *	    rate: N		so many in a minute: 60; at most 6000
 *	    burst: N		so many at once: 20
 *
 * sink_alert.h says how they are delivered.
 */
#ifndef MW_IO_ALERT_H
#define MW_IO_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/yaml.h"

#define MW_ALERT_OUTLETS_MAX 16

enum mw_alert_type {
	MW_ALERT_STDERR = 1,
	MW_ALERT_SYSLOG,
	MW_ALERT_JOURNAL,
	MW_ALERT_COMMAND,
	MW_ALERT_WEBHOOK,
};

/* Texts lie in the list's memory. */
struct mw_alert_outlet {
	enum mw_alert_type type;
	unsigned int severity; /* enum mw_severity */
	uint32_t rate, burst;
	uint32_t timeout_ms;
	bool json;
	const char *name;    /* for messages and gaps: without what may be secret in an address */
	const char *address; /* SYSLOG, WEBHOOK */
	const char **argv;   /* COMMAND: n_argv of them */
	size_t n_argv;
	uint32_t uid, gid;
	const char *header, *ca_file; /* WEBHOOK; NULL: none */
	const uint8_t *hmac_key;
	size_t hmac_key_len; /* 0: none */
};

struct mw_alert_list {
	struct mw_alert_outlet outlet[MW_ALERT_OUTLETS_MAX];
	size_t n;
	struct mw_yaml *y; /* what the texts lie in; NULL: nothing */
};

/*
 * The `alerts` of a configuration; its other keys are not looked at. The files that it names are
 * read now, the user looked up. 0 (without the key: none); -EINVAL, -ENOENT and others with one
 * line in err. path NULL: none.
 */
int mw_alert_list_load(const char *path, struct mw_yaml_err err, struct mw_alert_list **ret);
/* Also what it holds of secrets. Takes NULL. */
void mw_alert_list_free(struct mw_alert_list *l);

static inline void mw_alert_list_freep(struct mw_alert_list **l)
{
	mw_alert_list_free(*l);
}

#endif
