/* SPDX-License-Identifier: Apache-2.0 */
/* conv_grad.h: CONV_GRAD_WEIGHT as its rows see it: always three spatial axes, the leading ones of extent 1 where the op has fewer. */
#ifndef CVK_OPENCL_CONV_GRAD_H
#define CVK_OPENCL_CONV_GRAD_H

#include "cl.h"

typedef struct ocl_conv_grad {
  int64_t batch, groups, in_group, out_group; /* channels of x and of gy in one group */
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
  int64_t filters, taps, pixels_in, pixels_out;
  int64_t weights, columns; /* of one filter; with the bias, if that is wanted */
  double multiply_adds;
} ocl_conv_grad;

/* 0, with the reason in q->why, when the op is not f32. */
int32_t ocl_conv_grad_accept(ocl_query *q, ocl_conv_grad *g);
void ocl_conv_grad_read(const cvk_op *op, ocl_conv_grad *g);

/* The row of devices that are no CPU: kernels_cl/conv_grad_tile.cl. */
int32_t conv_grad_tile_accepts(ocl_query *q);
cvk_status conv_grad_tile_prepare(ocl_build *b);

#endif
