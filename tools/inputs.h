/* SPDX-License-Identifier: Apache-2.0 */
/* inputs.h: the tensors that run and compare feed to a model: files given with --input NAME=FILE, shapes given with --shape NAME=1x3x224x224,
 * and where neither names an input, the deterministic values of cvk's test models. */
#ifndef CVK_INPUTS_H
#define CVK_INPUTS_H

#include "cli.h"

/* One tensor an input of the graph, in order; each the caller's. CLI_OK, or the exit status, told. */
int inputs_make(const cvk_graph *g, const cli_list *files, const cli_list *shapes, cvk_tensor **out);
/* Element i of the deterministic input, seed k: in -1..1. */
float inputs_value(uint32_t i, uint32_t k);

#endif
