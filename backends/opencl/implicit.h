/* SPDX-License-Identifier: Apache-2.0 */
/* implicit.h: the matrix product of kernels_cl/conv_implicit.cl as the rows on it see it. */
#ifndef CVK_OPENCL_IMPLICIT_H
#define CVK_OPENCL_IMPLICIT_H

#include "class.h"
#include "conv.h"

typedef struct ocl_implicit { /* y[n][g][row][pixel] = sum over depth (channel, kh, kw) of weights times cells of x[n][g][channel][h][w] */
  int64_t batch, groups, rows, channels; /* rows, channels: of one group */
  int64_t in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
  const ocl_tile *tile; /* wanted; NULL: the class's */
} ocl_implicit;

/* The tile of the device's class or, where its limits do not allow that, of one that asks for less; NULL: none. */
const ocl_tile *ocl_implicit_tile(const cvk_backend_device *dev);
/* Whether the device's limits and the packed weights allow tile t. */
int32_t ocl_implicit_can(const cvk_backend_device *dev, const ocl_implicit *s, const ocl_tile *t);
int32_t ocl_implicit_fits(const ocl_implicit *s);   /* all offsets fit 32 bits */
uint64_t ocl_implicit_bytes(const ocl_implicit *s); /* of the packed weights */
/* Packs plain weights [group][row][channel][kh][kw] on the host's threads. */
void ocl_implicit_fill(const cvk_host *host, const ocl_implicit *s, const float *w, float *dst);

/* A launch in two halves: between them the caller adds the arguments x, w, bias, post and y, in this order. The tile is the wanted one or,
 * where the built kernel can't run it, the best of the classes' that it can. NULL only when out of memory. */
ocl_launch *ocl_implicit_begin(ocl_build *b, const ocl_implicit *s, const ocl_tile **chosen);
cvk_status ocl_implicit_end(ocl_build *b, ocl_launch *l, const ocl_tile *chosen, const ocl_implicit *s);
/* Run-time weights: a launch that packs input `input` into the workspace's start. */
cvk_status ocl_implicit_pack(ocl_build *b, const ocl_implicit *s, int32_t input);

#endif
