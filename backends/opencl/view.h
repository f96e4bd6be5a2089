/* SPDX-License-Identifier: Apache-2.0 */
/* view.h: how the element-wise and data-movement rows see their tensors: a common list of axes, outermost first, with a stride for each
 * tensor (0 where it broadcasts), merged to as few axes as describe it; and how such work is cut into work-items. */
#ifndef CVK_OPENCL_VIEW_H
#define CVK_OPENCL_VIEW_H

#include "cl.h"

#define OCL_VIEW_AXES 20 /* while it is put together */
#define OCL_VIEW_TENSORS 4
#define OCL_KERNEL_AXES 8 /* what the kernels take: a long8 */

typedef struct ocl_view {
  int32_t rank, tensors;
  int64_t dim[OCL_VIEW_AXES];
  int64_t stride[OCL_VIEW_TENSORS][OCL_VIEW_AXES];
} ocl_view;

/* Adds an axis inside the ones there are; `stride` has an entry for each tensor. */
void ocl_view_add(ocl_view *v, int64_t dim, const int64_t *stride);
/* Drops axes of extent 1 and joins neighbours that are one axis for every tensor; at least one axis stays. Axis `keep` (-1: none) is left
 * alone, extent 1 or not; returns where it is now. */
int32_t ocl_view_merge(ocl_view *v, int32_t keep);
int64_t ocl_view_rows(const ocl_view *v); /* the product of all axes but the innermost */

/* Strides of a dense row-major tensor. */
void ocl_dense_strides(int32_t rank, const int64_t *dim, int64_t *stride);
/* Strides of a tensor seen in the axes of `rank` output axes, NumPy's rule: 0 where it has extent 1 or no such axis. */
void ocl_broadcast_strides(const cvk_tensor_desc *t, int32_t rank, int64_t *stride);

/* Work-items of rows x inner elements. CPU-class: long runs, few items; else 16 elements an item. */
typedef struct ocl_split {
  int64_t per_item, rows_per_item; /* elements of a row (a multiple of 16), and rows, that an item takes */
  int64_t items[2];
} ocl_split;
ocl_split ocl_split_rows(const cvk_backend_device *dev, int64_t rows, int64_t inner);
/* Rows of `weight` elements' work each over one dimension of items: rows per item. */
int64_t ocl_rows_per_item(const cvk_backend_device *dev, int64_t rows, int64_t weight);
/* Ends a launch of a work-group for each line of `elements`: of a power of two of items, up to 128, as many as the kernel may have and the line can
 * use. Its last parameter is a local float2 for each of them. */
cvk_status ocl_launch_lines(ocl_build *b, ocl_launch *l, int64_t lines, int64_t elements);
size_t ocl_line_items(const ocl_launch *l, int64_t elements); /* of that work-group */
extern const size_t
    ocl_line_local[3]; /* {64, 1, 1}: the local size of kernels whose neighbours along dimension 0 touch neighbouring memory */

/* A .cl long8 or long4 from n values; the rest is `fill`. */
void ocl_arg_long8(ocl_launch *l, int32_t n, const int64_t *v, int64_t fill);
void ocl_arg_long4(ocl_launch *l, int32_t n, const int64_t *v, int64_t fill);
void ocl_arg_int4(ocl_launch *l, int32_t n, const int64_t *v, int64_t fill);

/* Elements of a tensor; supports() has seen valid shapes, so the product does not overflow. */
int64_t ocl_elements(const cvk_tensor_desc *t);
int64_t ocl_pixels(const cvk_tensor_desc *t); /* the product of the spatial axes */
/* 1 when all present inputs and outputs are f32; else a refusal. */
int32_t ocl_takes_f32(ocl_query *q);
int32_t ocl_takes_no_post(ocl_query *q);
/* An activation of lanes.cl's simple16 as the only post-op, or none (kind 0). */
typedef struct ocl_simple_post {
  int32_t kind;
  float alpha, beta;
} ocl_simple_post;
int32_t ocl_takes_simple_post(ocl_query *q);
ocl_simple_post ocl_post_of(const cvk_op *op);
void ocl_arg_simple_post(ocl_launch *l, ocl_simple_post post);
int32_t ocl_post_moves_zero(ocl_simple_post post); /* f(0) may be another number than 0 */
/* Memory traffic of the op in bytes, for estimates. */
double ocl_traffic(const cvk_op *op);

#endif
