/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log.h - the log folder: records as JSON lines in segments, one writer
 *
 *	DIR/				0700 (made with what is missing above it)
 *	DIR/seg/<first seq, 20 digits>.jsonl	0600; one write call a record, append only
 *	DIR/quarantine/			what a crash left half-written
 *
 * What was written survives the death of this process at once, and that of the machine after flush.
 * A DIR has one writer: an flock on the folder itself, held until free.
 */
#ifndef MW_IO_SINK_LOG_H
#define MW_IO_SINK_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/sink.h>

/* What was there. */
struct mw_sink_log_found {
	uint64_t next_seq; /* one more than the last whole record's; 0 for a new log */
	/* A last line without its end was moved out of the log, and where. */
	bool torn;
	uint64_t torn_n; /* its bytes */
	char torn_path[512];
};

/*
 * Opens or makes a log. `segment_max`: a segment that has so many bytes is followed by a new one; 0:
 * 64 MiB. 0; on failure err holds one line: -ENOTDIR (dir is a file), -EBUSY (another writer),
 * -EBADMSG (what is there is no log: nothing was changed), -EACCES and others.
 */
int mw_sink_log_new(const char *dir, uint64_t segment_max, char *err, size_t err_len,
		    struct mw_sink_log_found *ret_found, struct mw_sink **ret);

#endif
