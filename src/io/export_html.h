/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_html.h - the parts of the timeline's page: for export_html*.c alone
 *
 * The page is one file. Behind its head, style, script and facts come blocks, each an element
 *
 *	<script type="text/plain" class="C">base64(deflate(bytes))</script>
 *
 * which no browser runs and no text of a record can leave. Class "r": records, whole lines. Class
 * "i": up to MW_HTML_ROWS_MAX rows that say what is drawn and filtered, and which line of which "r"
 * block tells all of it:
 *
 *	{"n":rows,"from":number,"dict":[names from that on],"text":[a row's texts, or 0]}\n
 *	then n of each, little-endian, in this order:
 *	  double   t, d, seq      ns behind `base` and ns long; the record's number
 *	  uint32_t server, session, name, aux, who, callp, calln, chunk, off
 *	  uint8_t  type, status, conf, flags, input
 *
 * Names are numbers: 0 none, 1 no room (MW_HTML_DICT_*), n the (n-2)th of all blocks' `dict`. A
 *call's id is its name without its last number (callp) and the number (calln, UINT32_MAX: callp is
 *all).
 */
#ifndef MW_IO_EXPORT_HTML_H
#define MW_IO_EXPORT_HTML_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "io/exporter.h"

#define MW_HTML_ROWS_MAX   8192
#define MW_HTML_TEXT_MAX   (1u << 20)	/* bytes of texts or names in a block, about */
#define MW_HTML_CHUNK_MAX  (512u << 10) /* bytes of records in a block, about */
#define MW_HTML_BLOCK_MAX  (8u << 20)
#define MW_HTML_DICT_MAX   (1u << 17) /* names */
#define MW_HTML_DICT_BYTES (16u << 20)

/* --- export_html_pack.c: blocks, compressed by threads of their own --- */

struct mw_html_pack;

/* 0, -ENOMEM, or what pthread_create failed with. `out` is borrowed. */
int mw_html_pack_new(struct mw_outbuf *out, struct mw_html_pack **ret);
/* A block of what is in `in`, which is empty afterwards, of MW_HTML_BLOCK_MAX and mw_heap. 0,
 * -ENOMEM. */
int mw_html_pack_push(struct mw_html_pack *p, char class, struct mw_buf *in);
/* Waits for what is under way. 0, -ENOMEM. */
int mw_html_pack_end(struct mw_html_pack *p);
void mw_html_pack_free(struct mw_html_pack *p);

/* --- export_html_rows.c: rows and names --- */

struct mw_html_row {
	double t, d, seq;
	uint32_t server, session, name, aux, who, callp, calln, chunk, off;
	uint8_t type, status, conf, flags, input;
};

/* What `type` is; the page knows the same numbers. */
enum mw_html_type {
	MW_HTML_OTHER = 0,
	MW_HTML_CALL,
	MW_HTML_EFFECT,
	MW_HTML_ALERT,
	MW_HTML_GAP,
	MW_HTML_ANOMALY,
	MW_HTML_SERVER,
	MW_HTML_TOOL,
	MW_HTML_NOTICE,
	MW_HTML_DAEMON,
	MW_HTML_REQUEST, /* that has no call's record */
	MW_HTML_BODY,
	MW_HTML_TIES,
	MW_HTML_SEAL,
};

/* flags */
#define MW_HTML_SETTLED	   0x01 /* the tie is what the call's record says */
#define MW_HTML_AFTER	   0x02
#define MW_HTML_INCOMPLETE 0x04
#define MW_HTML_ONE_SIDED  0x08
#define MW_HTML_FAILED	   0x10 /* an effect that did not succeed */
#define MW_HTML_SUMMARY	   0x20

struct mw_html_rows;

/* 0, -ENOMEM. `pack` is borrowed. */
int mw_html_rows_new(struct mw_html_pack *pack, struct mw_html_rows **ret);
/* The number of a name, a raw JSON value. */
int mw_html_rows_name(struct mw_html_rows *rows, struct mw_slice raw, uint32_t *ret);
/* Sets callp and calln. */
int mw_html_rows_call(struct mw_html_rows *rows, struct mw_slice raw, struct mw_html_row *row);
/* Appends a row, its texts (raw JSON; n 0: none) and its record; chunk and off are set here. */
int mw_html_rows_push(struct mw_html_rows *rows, struct mw_html_row *row, struct mw_slice text,
		      struct mw_slice line);
int mw_html_rows_end(struct mw_html_rows *rows);
uint64_t mw_html_rows_n(const struct mw_html_rows *rows);
/* Names that found no room. */
uint64_t mw_html_rows_dropped(const struct mw_html_rows *rows);
void mw_html_rows_free(struct mw_html_rows *rows);

/* --- export_html_page.c: what stands around the blocks --- */

/* 0, -ENOMEM, -EIO (the library of digests has none). */
int mw_html_page_begin(struct mw_outbuf *out, const struct mw_export_about *about, int64_t base_ns);
/* `rows`: how many there are, so that a page that was cut off is known as one. */
void mw_html_page_end(struct mw_outbuf *out, uint64_t rows, uint64_t dropped);

#endif
