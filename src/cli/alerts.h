/* SPDX-License-Identifier: Apache-2.0 */
/* alerts.h - the outlets of alerts, as run has them */
#ifndef MW_CLI_ALERTS_H
#define MW_CLI_ALERTS_H

#include "io/sink_alert.h"

/* Starts them; takes the list over. 0, or a negative errno after a line. */
int mw_cli_alerts_start(struct mw_alert_list **list, struct mw_sink **ret);

#endif
