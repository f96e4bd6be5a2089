/* SPDX-License-Identifier: Apache-2.0 */
/* view.c: merging of axes, cutting of work into items. See view.h. */
#include "view.h"

#include <string.h>

#define CPU_ELEMENTS_PER_ITEM 4096 /* 16 KiB of f32: well above the cost of a work-group, and enough groups for every core */
#define LANES 16

const size_t ocl_line_local[3] = {64, 1, 1};

void ocl_view_add(ocl_view *v, int64_t dim, const int64_t *stride) {
  v->dim[v->rank] = dim;
  for (int32_t t = 0; t < v->tensors; t++) v->stride[t][v->rank] = stride[t];
  v->rank++;
}

/* Axis `from` inside axis `to` is one longer axis for all tensors. */
static int32_t joins(const ocl_view *v, int32_t to, int32_t from) {
  for (int32_t t = 0; t < v->tensors; t++)
    if (v->stride[t][to] != v->stride[t][from] * v->dim[from]) return 0;
  return 1;
}

static void put(ocl_view *v, int32_t to, int32_t from) {
  v->dim[to] = v->dim[from];
  for (int32_t t = 0; t < v->tensors; t++) v->stride[t][to] = v->stride[t][from];
}

int32_t ocl_view_merge(ocl_view *v, int32_t keep) {
  int32_t n = 0, kept = -1;
  for (int32_t i = 0; i < v->rank; i++) {
    if (i != keep && v->dim[i] == 1) continue;
    if (i != keep && n > 0 && n - 1 != kept && joins(v, n - 1, i)) {
      const int64_t outer = v->dim[n - 1];
      put(v, n - 1, i);
      v->dim[n - 1] *= outer;
      continue;
    }
    put(v, n, i);
    if (i == keep) kept = n;
    n++;
  }
  if (n == 0) {
    v->dim[0] = 1;
    for (int32_t t = 0; t < v->tensors; t++) v->stride[t][0] = 1;
    n = 1;
  }
  v->rank = n;
  return kept;
}

int64_t ocl_view_rows(const ocl_view *v) {
  int64_t rows = 1;
  for (int32_t i = 0; i + 1 < v->rank; i++) rows *= v->dim[i];
  return rows;
}

void ocl_dense_strides(int32_t rank, const int64_t *dim, int64_t *stride) {
  int64_t s = 1;
  for (int32_t i = rank - 1; i >= 0; i--) {
    stride[i] = s;
    s *= dim[i];
  }
}

void ocl_broadcast_strides(const cvk_tensor_desc *t, int32_t rank, int64_t *stride) {
  int64_t own[CVK_MAX_RANK];
  ocl_dense_strides(t->rank, t->dim, own);
  for (int32_t i = 0; i < rank; i++) {
    const int32_t a = i - (rank - t->rank);
    stride[i] = a < 0 || t->dim[a] == 1 ? 0 : own[a];
  }
}

static int64_t ceil_div(int64_t a, int64_t b) {
  return a / b + (a % b != 0);
}

ocl_split ocl_split_rows(const cvk_backend_device *dev, int64_t rows, int64_t inner) {
  const int64_t share = dev->cpu_class ? CPU_ELEMENTS_PER_ITEM : LANES;
  ocl_split s = {.per_item = share, .rows_per_item = 1};
  if (rows <= 0 || inner <= 0) return (ocl_split){LANES, 1, {0, 0}};
  if (inner < share) {
    s.per_item = ceil_div(inner, LANES) * LANES;
    s.rows_per_item = dev->cpu_class ? ceil_div(share, s.per_item) : 1;
  }
  s.items[0] = ceil_div(inner, s.per_item);
  s.items[1] = ceil_div(rows, s.rows_per_item);
  return s;
}

int64_t ocl_rows_per_item(const cvk_backend_device *dev, int64_t rows, int64_t weight) {
  const int64_t n = dev->cpu_class ? CPU_ELEMENTS_PER_ITEM / (weight > 0 ? weight : 1) : 1;
  return n < 1 ? 1 : n > rows && rows > 0 ? rows : n;
}

static void fill(int64_t *out, int32_t room, int32_t n, const int64_t *v, int64_t rest) {
  for (int32_t i = 0; i < room; i++) out[i] = i < n ? v[i] : rest;
}

void ocl_arg_long8(ocl_launch *l, int32_t n, const int64_t *v, int64_t rest) {
  cl_long8 value;
  int64_t e[8];
  fill(e, 8, n, v, rest);
  memcpy(&value, e, sizeof value);
  ocl_arg_value(l, sizeof value, &value);
}

void ocl_arg_long4(ocl_launch *l, int32_t n, const int64_t *v, int64_t rest) {
  cl_long4 value;
  int64_t e[4];
  fill(e, 4, n, v, rest);
  memcpy(&value, e, sizeof value);
  ocl_arg_value(l, sizeof value, &value);
}

size_t ocl_line_items(const ocl_launch *l, int64_t elements) {
  const size_t most = l ? ocl_launch_most_items(l) : 0;
  size_t items = 1;
  while (items < 128 && 2 * items <= most && 2 * items <= l->dev->max_item[0] && (int64_t)items < elements) items *= 2;
  return items;
}

cvk_status ocl_launch_lines(ocl_build *b, ocl_launch *l, int64_t lines, int64_t elements) {
  const size_t items = ocl_line_items(l, elements);
  ocl_arg_local(l, items * 2 * sizeof(float));
  return ocl_launch_groups(b, l, 1, &lines, &items);
}

void ocl_arg_int4(ocl_launch *l, int32_t n, const int64_t *v, int64_t rest) {
  cl_int4 value;
  for (int32_t i = 0; i < 4; i++) value.s[i] = (cl_int)(i < n ? v[i] : rest);
  ocl_arg_value(l, sizeof value, &value);
}

int64_t ocl_elements(const cvk_tensor_desc *t) {
  return cvk_count(t->rank, t->dim);
}

int64_t ocl_pixels(const cvk_tensor_desc *t) {
  return t->rank > 2 ? cvk_count(t->rank - 2, t->dim + 2) : 1;
}

int32_t ocl_takes_no_post(ocl_query *q) {
  if (q->op->n_post > 0) return ocl_refuse(q, "post-ops are not fused into this op");
  return 1;
}

int32_t ocl_takes_f32(ocl_query *q) {
  const cvk_op *op = q->op;
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] && op->in[i]->dtype != CVK_F32) return ocl_refuse(q, "input %d has type %d, this row works on f32", i, op->in[i]->dtype);
  for (int32_t i = 0; i < op->n_out; i++)
    if (op->out[i] && op->out[i]->dtype != CVK_F32)
      return ocl_refuse(q, "output %d has type %d, this row works on f32", i, op->out[i]->dtype);
  return 1;
}

int32_t ocl_takes_simple_post(ocl_query *q) {
  static const int32_t simple[] = {CVK_OP_RELU, CVK_OP_LEAKY_RELU, CVK_OP_CLIP, CVK_OP_HARD_SIGMOID, CVK_OP_HARD_SWISH};
  if (q->op->n_post == 0) return 1;
  if (q->op->n_post > 1) return ocl_refuse(q, "%d post-ops; this row takes one activation", q->op->n_post);
  for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
    if (q->op->post[0]->kind == simple[i]) return 1;
  return ocl_refuse(q, "post-op %d is not one of the cheap activations", q->op->post[0]->kind);
}

ocl_simple_post ocl_post_of(const cvk_op *op) {
  const cvk_unary_attr *attr = op->n_post ? op->post[0]->attr : NULL;
  return (ocl_simple_post){op->n_post ? op->post[0]->kind : 0, attr ? attr->alpha : 0.0f, attr ? attr->beta : 0.0f};
}

void ocl_arg_simple_post(ocl_launch *l, ocl_simple_post post) {
  ocl_arg_int(l, post.kind);
  ocl_arg_float(l, post.alpha);
  ocl_arg_float(l, post.beta);
}

int32_t ocl_post_moves_zero(ocl_simple_post post) {
  return post.kind == CVK_OP_CLIP || post.kind == CVK_OP_HARD_SIGMOID;
}

double ocl_traffic(const cvk_op *op) {
  double bytes = 0;
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i]) bytes += (double)ocl_elements(op->in[i]) * (double)cvk_dtype_bytes(op->in[i]->dtype);
  for (int32_t i = 0; i < op->n_out; i++)
    if (op->out[i]) bytes += (double)ocl_elements(op->out[i]) * (double)cvk_dtype_bytes(op->out[i]->dtype);
  return bytes;
}
