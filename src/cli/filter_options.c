/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/filter_options.h"

int mw_filter_take(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	return mw_filter_option(at, verb, o->id, value);
}

int mw_pager_take(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	return mw_pager_option(at, verb, o->id, value);
}
