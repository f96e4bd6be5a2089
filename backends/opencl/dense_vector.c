/* SPDX-License-Identifier: Apache-2.0 */
/* dense_vector.c: the row of kernels_cl/dense_vector.cl: few rows by weights whose depth is contiguous, on devices that are no CPU. */
#include <stdio.h>

#include "dense.h"
#include "post.h"

#define MOST_ROWS 8

/* The class whose local size the device allows, or NULL. */
static const ocl_class *class_for(const cvk_backend_device *dev) {
  const ocl_class *c = dev->class;
  while (c && (c->gemv_x * c->gemv_y > dev->max_group || c->gemv_x > dev->max_item[0] || c->gemv_y > dev->max_item[1]))
    c = ocl_class_next(c);
  return c;
}

int32_t dense_vector_accepts(ocl_query *q) {
  ocl_dense d;
  if (q->dev->cpu_class) return ocl_refuse(q, "a CPU device");
  if (!ocl_dense_accept(q, &d) || !ocl_post_accept(q, CVK_PLAIN)) return 0;
  if (d.batch != 1 || d.b_batch != 1) return ocl_refuse(q, "%lld matrices, takes 1", (long long)d.batch);
  if (d.rows > MOST_ROWS) return ocl_refuse(q, "%lld rows, takes at most %d", (long long)d.rows, MOST_ROWS);
  if (d.b_depth != 1) return ocl_refuse(q, "weights whose depth is not contiguous");
  if (!class_for(q->dev)) return ocl_refuse(q, "work-groups of %zu items are too small", q->dev->max_group);
  const double weights = (double)d.columns * (double)d.depth;
  q->candidate->estimated_ns = ocl_estimate(q->dev, 2 * weights * (double)d.rows, weights * sizeof(float) * (double)d.rows, 0.2);
  return 1;
}

cvk_status dense_vector_prepare(ocl_build *b) {
  ocl_dense d;
  char options[64];
  ocl_dense_read(b->op, &d);
  ocl_launch *l = NULL;
  const ocl_class *c = class_for(b->dev);
  for (;; c = ocl_class_next(c)) { /* what the built kernel can have may be less than what the device says */
    snprintf(options, sizeof options, "-DLX=%zu -DLY=%zu", c->gemv_x, c->gemv_y);
    l = ocl_launch_begin(b, "dense_vector", options, "dense_vector");
    if (!l || l->status != CVK_OK || !ocl_class_next(c) || ocl_launch_most_items(l) >= c->gemv_x * c->gemv_y) break;
    ocl_launch_drop(b, l);
  }
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_in(l, b, d.has_c ? 2 : b->op->n_in);
  ocl_arg_post(l, b);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 6, (int64_t[]){d.columns, d.depth, d.a_row, d.a_depth, d.c_row, d.c_column});
  ocl_arg_float(l, d.alpha);
  ocl_arg_float(l, d.beta);
  return ocl_launch_groups(b, l, 3, (int64_t[]){1, (d.columns + (int64_t)c->gemv_y - 1) / (int64_t)c->gemv_y, d.rows},
                           (size_t[]){c->gemv_x, c->gemv_y, 1});
}
