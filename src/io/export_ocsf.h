/* SPDX-License-Identifier: Apache-2.0 */
/* export_ocsf.h - shared inside export_ocsf*.c, not for others: what every event of OCSF has */
#ifndef MW_IO_EXPORT_OCSF_H
#define MW_IO_EXPORT_OCSF_H

#include "io/export_json.h"
#include "io/export_out.h"
#include "io/export_text.h"
#include "io/exporter.h"

/* The version that is claimed; what is written is valid by the later ones of 1.x, too. */
#define MW_OCSF_VERSION "1.5.0"

enum mw_ocsf_severity {
	MW_OCSF_INFO = 1,
	MW_OCSF_LOW,
	MW_OCSF_MEDIUM,
	MW_OCSF_HIGH,
	MW_OCSF_CRITICAL,
};

enum { MW_OCSF_SUCCESS = 1, MW_OCSF_FAILURE = 2, MW_OCSF_OTHER_STATUS = 99 };
enum { MW_OCSF_OTHER = 99 }; /* an activity that the class has no number for */

/* A class and what was done, with the names that the schema gives. */
struct mw_ocsf_class {
	unsigned int uid, category;
	const char *name, *category_name;
};

struct mw_ocsf {
	struct mw_exporter e;
	struct mw_ejson j;
	struct mw_buf line, tmp;
	bool wrong;
};

/* Opens an event and writes what all have: class, activity, type, severity, time, message,
 * metadata, device. `activity_name` NULL: the kind of what stands for it is not named. s->line is
 * its message. */
void mw_ocsf_open(struct mw_ocsf *s, const struct mw_ocsf_class *cl, unsigned int activity,
		  const char *activity_name, enum mw_ocsf_severity severity, int64_t ns,
		  const struct mw_export_item *item);
void mw_ocsf_close(struct mw_ocsf *s);
void mw_ocsf_status(struct mw_ocsf *s, unsigned int id, struct mw_slice detail);
/* A decoded string's last part, behind its last '/'. */
struct mw_slice mw_ocsf_base(struct mw_slice path);

/* An `effect` record. 0, -ENOMEM. */
int mw_ocsf_effect(struct mw_ocsf *s, const struct mw_export_item *item);

#endif
