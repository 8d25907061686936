/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - tells the service manager (sd_notify(3), "Notes": a datagram to $NOTIFY_SOCKET) */
#ifndef MW_IO_NOTIFY_H
#define MW_IO_NOTIFY_H

/* "READY=1", "STOPPING=1", ... 0 also if nobody wants to know; negative errno. */
int mw_notify(const char *state);

#endif
