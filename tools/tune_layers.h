/* SPDX-License-Identifier: Apache-2.0 */
/* tune_layers.h: see tune_layers.c. */
#ifndef CVK_TUNE_LAYERS_H
#define CVK_TUNE_LAYERS_H

extern const char *const tune_layers[]; /* ends with NULL */

#endif
