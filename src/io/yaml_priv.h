/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_priv.h - what yaml.c asks of yaml_where.c */
#ifndef MW_IO_YAML_PRIV_H
#define MW_IO_YAML_PRIV_H

#include "base/slice.h"
#include "io/yaml.h"

/* Line and column, from 1, of a text's byte; of its length: behind its last. */
void mw_yaml_where(struct mw_slice source, const struct mw_yaml_node *text, size_t offset,
		   size_t *ret_line, size_t *ret_column);

#endif
