/* SPDX-License-Identifier: Apache-2.0 */
/* sink_file.h - records as JSON lines to a file or descriptor, one write call a record */
#ifndef MW_IO_SINK_FILE_H
#define MW_IO_SINK_FILE_H

#include <stdbool.h>

#include <mcpwatch/sink.h>

/* A file written anew, 0600 ("-": stdout), as mw_file_create (file.h) says. 0, or a negative errno and
 * one line in err. */
int mw_sink_file_new(const char *path, char *err, size_t err_len, struct mw_sink **ret);
/* To a descriptor, which the sink closes at its end if `owned`. 0, -ENOMEM. */
int mw_sink_file_new_fd(int fd, bool owned, struct mw_sink **ret);

#endif
