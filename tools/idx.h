/* SPDX-License-Identifier: Apache-2.0 */
/* idx.h: IDX files (MNIST's format), plain or gzip: unsigned bytes of rank 1 to 4, as a host tensor of u8. */
#ifndef CVK_IDX_H
#define CVK_IDX_H

#include "npy.h"

int idx_load(const char *path, cvk_tensor **out, char error[TOOL_ERROR_BYTES]);

#endif
