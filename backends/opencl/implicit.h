/* SPDX-License-Identifier: Apache-2.0 */
/* implicit.h: the matrix product of kernels_cl/conv_implicit.cl as the rows on it see it. */
#ifndef CVK_OPENCL_IMPLICIT_H
#define CVK_OPENCL_IMPLICIT_H

#include "class.h"
#include "conv.h"

typedef struct ocl_implicit { /* y[n][g][row][pixel] = sum over depth (channel, kh, kw) of weights times cells of x[n][g][channel][h][w] */
  int64_t batch, groups, rows, channels; /* rows, channels: of one group */
  int64_t in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
  int64_t w_first, w_row, w_channel, w_tap; /* the plain weights of a group: the first element, and strides */
  int64_t up;             /* the cells of x stand so far apart, with zeros between them; 0 counts as 1 */
  int32_t image, weights; /* the op's inputs that they are; both 0 counts as 0 and 1 */
  int32_t repairs;        /* the weights may be infinite or NaN, and meet pads */
  const ocl_tile *tile;   /* wanted; NULL: the best of the class's */
  int32_t whole;          /* the depth is not to be split */
} ocl_implicit;

typedef struct ocl_implicit_plan {
  const ocl_tile *tile; /* NULL: the device can run none */
  int32_t splits;       /* parts of the depth: 1, or their sums need parts_bytes of workspace */
  uint64_t parts_bytes;
  double ns; /* estimated */
} ocl_implicit_plan;

/* The wanted tile, or that of the device's class which the estimate likes best; where its limits allow none, one of a class that asks less.
 */
ocl_implicit_plan ocl_implicit_choose(const cvk_backend_device *dev, const ocl_implicit *s);
/* For a row on the product with constant or run-time weights as input 1: sets pack and workspace. The plan, its tile NULL after a refusal.
 */
ocl_implicit_plan ocl_implicit_accept(ocl_query *q, const ocl_implicit *s, uint64_t pack_number);
int32_t ocl_implicit_fits(const ocl_implicit *s);   /* all offsets fit 32 bits */
uint64_t ocl_implicit_bytes(const ocl_implicit *s); /* of the packed weights, a multiple of 64 */
/* Packs plain weights [group][row][channel][kh][kw] on the host's threads. */
void ocl_implicit_fill(const cvk_host *host, const ocl_implicit *s, const float *w, float *dst);

/* A whole op: x is input 0, weights are input 1 (packed here when they come at run time, into the workspace's start), then a bias;
 * post-ops. The workspace has ocl_implicit_bytes for run-time weights and the plan's parts_bytes. */
cvk_status ocl_implicit_prepare(ocl_build *b, const ocl_implicit *s);

/* Only the product, in two halves: between them the caller adds the arguments x, w, bias, post and y, in this order. The tile is the plan's
 * or, where the built kernel can't run it, one of a class that asks less. NULL only when out of memory. */
ocl_launch *ocl_implicit_begin(ocl_build *b, const ocl_implicit *s, ocl_implicit_plan *plan);
cvk_status ocl_implicit_end(ocl_build *b, ocl_launch *l, const ocl_implicit *s, const ocl_implicit_plan *plan);

#endif
