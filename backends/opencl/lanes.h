/* SPDX-License-Identifier: Apache-2.0 */
/* lanes.h: weights as [batch][block of 16 outputs][depth][16], zero past the last output: on the host for constants, by
 * kernels_cl/pack_lanes.cl into the workspace for run-time weights. */
#ifndef CVK_OPENCL_LANES_H
#define CVK_OPENCL_LANES_H

#include "cl.h"

typedef struct ocl_lanes { /* element (batch, out, d) stands at batch_index[batch] + out * out_stride + d / inner * depth_stride + d % inner
                            */
  int64_t batch, outs, depth, inner, out_stride, depth_stride;
  int64_t batch_inner;        /* so many batches interleave: theirs are neighbours; 0: one */
  const int64_t *batch_index; /* NULL: batch / batch_inner * batch_inner * outs * depth + batch % batch_inner */
} ocl_lanes;

uint64_t ocl_lanes_bytes(const ocl_lanes *s);
void ocl_lanes_fill(const cvk_host *host, const ocl_lanes *s, const float *w, float *dst); /* on the host's threads */
/* A launch of pack_lanes in `file` from input `input` into the workspace's start. */
cvk_status ocl_lanes_launch(ocl_build *b, const ocl_lanes *s, const char *file, int32_t input);
/* The weights as a kernel argument: the pack, or the workspace's start. */
void ocl_arg_packed(ocl_launch *l, ocl_build *b, int32_t input);

#endif
