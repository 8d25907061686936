/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/alerts.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int mw_cli_alerts_start(struct mw_alert_list **list, struct mw_sink **ret)
{
	int r;

	r = mw_sink_alert_new(*list, mw_cli_say, NULL, ret);
	if (r < 0)
		mw_cli_fail("cannot start the outlets of alerts: %s", strerror(-r));
	else
		*list = NULL;
	return r;
}
