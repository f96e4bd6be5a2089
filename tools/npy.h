/* SPDX-License-Identifier: Apache-2.0 */
/* npy.h: NumPy's .npy files (format 1.0 to 3.0, C order, little endian) to and from host tensors. Errors are sentences in `error`. */
#ifndef CVK_NPY_H
#define CVK_NPY_H

#include <convoke/convoke.h>

#define TOOL_ERROR_BYTES 512

/* 1: *out is a new host tensor. 0: error says why. */
int npy_load(const char *path, cvk_tensor **out, char error[TOOL_ERROR_BYTES]);
/* Writes by way of a temporary file in the same folder, so that a reader never sees half a file. */
int npy_save(const char *path, const cvk_tensor *t, char error[TOOL_ERROR_BYTES]);

#endif
