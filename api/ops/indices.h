/* SPDX-License-Identifier: Apache-2.0 */
/* indices.h: what gathering and scattering by element or by tuple share: the indices' type and shape, and reading one with its bounds
 * checked. */
#ifndef CVK_INDICES_H
#define CVK_INDICES_H

#include "op_table.h"

/* INVALID_ARGUMENT unless input i is int64 or int32. */
cvk_status cvk_check_index_type(const cvk_op_call *call, int32_t i);
/* Input 1 has the rank of input 0, from 1 on, and but for `axis` no longer axes. INVALID_SHAPE. */
cvk_status cvk_check_index_shape(const cvk_op_call *call, int32_t axis);
/* Entry i of the indices, negative ones counted from the end; INVALID_ARGUMENT with the numbers outside -extent .. extent-1. */
cvk_status cvk_read_index(const char *op, int32_t dtype, const void *indices, int64_t i, int32_t axis, int64_t extent, int64_t *out);
/* Tuple t of k indices into the axes dim[0..k-1], which are axes first_axis .. of the tensor: the row-major number of the slice. */
cvk_status cvk_read_tuple(const char *op, int32_t dtype, const void *indices, int64_t t, int32_t k, const int64_t *dim, int32_t first_axis,
                          int64_t *out);

#endif
