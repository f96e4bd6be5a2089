/* SPDX-License-Identifier: Apache-2.0 */
/* dense_implicit.c: the row of kernels_cl/conv_implicit.cl for matrix products, on devices that are no CPU: a row of a is an image of one
 * pixel with `depth` channels, a column of b an output channel. */
#include "dense.h"
#include "implicit.h"
#include "post.h"

#define PACK_NUMBER 10
#define PACK_NUMBER_TURNED 13

/* a comes with its rows as columns: it serves as weights then, and b as one image of as many pixels as columns. */
static int32_t is_turned(const ocl_dense *d) { return d->a_depth != 1; }

static ocl_implicit turned_shape_of(const ocl_dense *d) {
  return (ocl_implicit){.batch = 1,
                        .groups = 1,
                        .rows = d->rows,
                        .channels = d->depth,
                        .in_h = 1,
                        .in_w = d->columns,
                        .out_h = 1,
                        .out_w = d->columns,
                        .kernel_h = 1,
                        .kernel_w = 1,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1,
                        .w_row = d->a_row,
                        .w_channel = d->a_depth,
                        .image = 1,
                        .weights = 0};
}

static ocl_implicit shape_of(const ocl_dense *d) {
  if (is_turned(d)) return turned_shape_of(d);
  return (ocl_implicit){.batch = d->rows,
                        .groups = 1,
                        .rows = d->columns,
                        .channels = d->depth,
                        .in_h = 1,
                        .in_w = 1,
                        .out_h = 1,
                        .out_w = 1,
                        .kernel_h = 1,
                        .kernel_w = 1,
                        .stride_h = 1,
                        .stride_w = 1,
                        .dilation_h = 1,
                        .dilation_w = 1,
                        .w_row = d->b_column,
                        .w_channel = d->b_depth};
}

int32_t dense_implicit_accepts(ocl_query *q) {
  ocl_dense d;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_dense_accept(q, &d) || !ocl_post_accept(q, CVK_PLAIN)) return 0;
  if (d.batch != 1 || d.b_batch != 1) return ocl_refuse(q, "%lld matrices, takes 1", (long long)d.batch);
  if (d.depth < 1 || d.columns < 1) return ocl_refuse(q, "empty rows");
  if (is_turned(&d) && (d.has_c || d.b_column != 1)) return ocl_refuse(q, "a transposed, and c, or b transposed too");
  if (d.alpha != 1 || (d.has_c && (d.beta != 1 || d.c_row != 0 || (d.c_column != 1 && d.columns > 1))))
    return ocl_refuse(q, "scaled by %g and %g, or c is no row, takes a b + a row", (double)d.alpha, (double)d.beta);
  if (!d.has_c && ocl_own_inputs(q->op) > 2 && q->op->in[2]) return ocl_refuse(q, "a c that does not count");
  const ocl_implicit s = shape_of(&d);
  const ocl_implicit_plan plan = ocl_implicit_accept(q, &s, is_turned(&d) ? PACK_NUMBER_TURNED : PACK_NUMBER);
  if (!plan.tile) return 0;
  q->candidate->estimated_ns = plan.ns;
  return 1;
}

uint64_t dense_implicit_pack_bytes(const ocl_build *b, int32_t input) {
  ocl_dense d;
  (void)input;
  ocl_dense_read(b->op, &d);
  const ocl_implicit s = shape_of(&d);
  return ocl_implicit_bytes(&s);
}

void dense_implicit_pack_fill(const ocl_build *b, int32_t input, void *dst) {
  ocl_dense d;
  ocl_dense_read(b->op, &d);
  const ocl_implicit s = shape_of(&d);
  ocl_implicit_fill(b->dev->host, &s, b->op->in[input]->const_data, dst);
}

cvk_status dense_implicit_prepare(ocl_build *b) {
  ocl_dense d;
  ocl_dense_read(b->op, &d);
  const ocl_implicit s = shape_of(&d);
  return ocl_implicit_prepare(b, &s);
}
