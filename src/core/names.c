/* SPDX-License-Identifier: Apache-2.0 */
/* What the records call kinds, links and confidences: act.h, correlate.h */
#include "core/correlate.h"

const char *mw_effect_kind_name(enum mw_effect_kind k)
{
	switch (k) {
	case MW_EFFECT_FILE_OPEN:
		return "file.open";
	case MW_EFFECT_FILE_DELETE:
		return "file.delete";
	case MW_EFFECT_FILE_RENAME:
		return "file.rename";
	case MW_EFFECT_FILE_RMDIR:
		return "file.rmdir";
	case MW_EFFECT_PROC_EXEC:
		return "proc.exec";
	case MW_EFFECT_PROC_EXIT:
		return "proc.exit";
	case MW_EFFECT_NET_CONNECT:
		return "net.connect";
	}
	return "unknown";
}

const char *mw_link_name(enum mw_link l)
{
	switch (l) {
	case MW_LINK_NONE:
		return "none";
	case MW_LINK_SHARED:
		return "shared";
	case MW_LINK_SOLE:
		return "sole";
	case MW_LINK_ARGUMENT:
		return "argument";
	case MW_LINK_LINEAGE:
		return "lineage";
	}
	return "unknown";
}

const char *mw_confidence_name(enum mw_confidence c)
{
	switch (c) {
	case MW_CONF_NONE:
		return "none";
	case MW_CONF_SHARED:
		return "shared";
	case MW_CONF_LIKELY:
		return "likely";
	case MW_CONF_CERTAIN:
		return "certain";
	}
	return "unknown";
}
