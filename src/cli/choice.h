/* SPDX-License-Identifier: Apache-2.0 */
/* choice.h - which records the filters of a verb mean, as a survey asks for it (survey.h) */
#ifndef MW_CLI_CHOICE_H
#define MW_CLI_CHOICE_H

#include "cli/filter.h"

struct mw_logrec;

/* Zeroed at first. */
struct mw_choice {
	struct mw_filter filter;
	const char *const
	    *types; /* those meant if none are asked for, NULL-terminated; NULL: all */
};

/* Both for struct mw_survey_config; `choice`: a struct mw_choice. */
int mw_choice_learn(void *choice, const struct mw_logrec *rec);
unsigned int mw_choice_match(void *choice, const struct mw_logrec *rec);
void mw_choice_done(struct mw_choice *c);

#endif
