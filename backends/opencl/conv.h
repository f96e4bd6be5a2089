/* SPDX-License-Identifier: Apache-2.0 */
/* conv.h: convolutions as the conv rows see them: always three spatial axes, the leading ones of extent 1 where the op has fewer. */
#ifndef CVK_OPENCL_CONV_H
#define CVK_OPENCL_CONV_H

#include "cl.h"

typedef struct ocl_conv { /* CONV, and CONV_TRANSPOSE (in, out: of the op, not of its gradient) */
  int64_t batch, channels_in, channels_out, group;
  int64_t in_group, out_group; /* channels of one group */
  int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3];
  int64_t taps, pixels_in, pixels_out;
  double multiply_adds;
} ocl_conv;

/* 0, with the reason in q->why, when the op is not f32 or has more than three spatial axes. */
int32_t ocl_conv_accept(ocl_query *q, ocl_conv *c);
void ocl_conv_read(const cvk_op *op, ocl_conv *c);
/* 1: a 3x3 convolution that Winograd's algorithm may take, with constant and finite weights; else 0 and the reason. */
int32_t ocl_winograd_accept(ocl_query *q, ocl_conv *c);
/* U = G g G^T of one 3x3 kernel, computed in double; rows: the `side` rows of G. */
void ocl_winograd_weights(int64_t side, const double (*rows)[3], const float *g, float *u);
extern const double ocl_winograd_rows2[4][3]; /* G of F(2x2, 3x3) with the points 0, 1, -1 and infinity */
int32_t ocl_conv_finite(const cvk_op *op); /* the weights are constant and hold no Inf or NaN */
/* How many taps, each of so many terms, are summed before they join the total. */
int64_t ocl_conv_chunk(const ocl_conv *c, int64_t terms_a_tap);
/* How many of `tiles` tiles, of `products` multiply-adds each, a work-item should take when there are `others` times as many in other
 * dimensions: more cost a CPU fewer calls, too few items leave units idle. */
int64_t ocl_conv_tiles_an_item(const cvk_backend_device *dev, int64_t tiles, int64_t others, double products);
void ocl_arg_conv(ocl_launch *l, const ocl_conv *c); /* the whole shape and the chunk: the arguments of the plain kernels */

/* Blocks of 16 that n channels fill. */
static inline int64_t ocl_blocks(int64_t n) {
  return (n + OCL_BLOCK - 1) / OCL_BLOCK;
}

/* Rows of the conv lists, by file. */
int32_t conv_direct_accepts(ocl_query *q);
cvk_status conv_direct_prepare(ocl_build *b);
uint64_t conv_direct_pack_bytes(const ocl_build *b, int32_t input);
void conv_direct_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t conv_first_accepts(ocl_query *q);
cvk_status conv_first_prepare(ocl_build *b);
uint64_t conv_first_pack_bytes(const ocl_build *b, int32_t input);
void conv_first_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t conv_depthwise_accepts(ocl_query *q);
cvk_status conv_depthwise_prepare(ocl_build *b);
uint64_t conv_depthwise_pack_bytes(const ocl_build *b, int32_t input);
void conv_depthwise_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t conv_generic_accepts(ocl_query *q);
cvk_status conv_generic_prepare(ocl_build *b);

int32_t conv_implicit_accepts(ocl_query *q);
cvk_status conv_implicit_prepare(ocl_build *b);
uint64_t conv_implicit_pack_bytes(const ocl_build *b, int32_t input);
void conv_implicit_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t conv_winograd_plain_accepts(ocl_query *q);
cvk_status conv_winograd_plain_prepare(ocl_build *b);
uint64_t conv_winograd_plain_pack_bytes(const ocl_build *b, int32_t input);
void conv_winograd_plain_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t conv_depthwise_plain_accepts(ocl_query *q);
cvk_status conv_depthwise_plain_prepare(ocl_build *b);

int32_t conv_winograd_accepts(ocl_query *q);
cvk_status conv_winograd_prepare(ocl_build *b);
uint64_t conv_winograd_pack_bytes(const ocl_build *b, int32_t input);
void conv_winograd_pack_fill(const ocl_build *b, int32_t input, void *dst);

/* Rows of the list of CONV_TRANSPOSE. */
int32_t conv_transpose_direct_accepts(ocl_query *q);
cvk_status conv_transpose_direct_prepare(ocl_build *b);
uint64_t conv_transpose_direct_pack_bytes(const ocl_build *b, int32_t input);
void conv_transpose_direct_pack_fill(const ocl_build *b, int32_t input, void *dst);

int32_t conv_transpose_implicit_accepts(ocl_query *q);
cvk_status conv_transpose_implicit_prepare(ocl_build *b);
uint64_t conv_transpose_implicit_pack_bytes(const ocl_build *b, int32_t input);
void conv_transpose_implicit_pack_fill(const ocl_build *b, int32_t input, void *dst);

#endif
