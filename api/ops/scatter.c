/* SPDX-License-Identifier: Apache-2.0 */
/* scatter.c: SCATTER_ELEMENTS and SCATTER_ND, a copy of x with elements or slices replaced by updates, or reduced with them (ONNX
 * ScatterElements, ScatterND). Updates are taken in row-major order, so of duplicates without a reduction the last stays; each result of a
 * reduction is rounded to the element type. Indices are int32 or int64, negative ones count from the end; one outside its axis is
 * INVALID_ARGUMENT when the op runs. */
#include <math.h>
#include <string.h>

#include "element.h"
#include "indices.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

static double real_add(double a, double b) {
  return a + b;
}
static double real_multiply(double a, double b) {
  return a * b;
}
static double real_max(double a, double b) {
  return isnan(a) || a > b ? a : b; /* NaN wins, as b it fails the comparison */
}
static double real_min(double a, double b) {
  return isnan(a) || a < b ? a : b;
}
static int64_t int_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static int64_t int_multiply(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}
static int64_t signed_max(int64_t a, int64_t b) {
  return a > b ? a : b;
}
static int64_t signed_min(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static int64_t unsigned_max(int64_t a, int64_t b) {
  return (uint64_t)a > (uint64_t)b ? a : b;
}
static int64_t unsigned_min(int64_t a, int64_t b) {
  return (uint64_t)a < (uint64_t)b ? a : b;
}

typedef struct reduction {
  double (*real)(double, double);
  int64_t (*on_signed)(int64_t, int64_t), (*on_unsigned)(int64_t, int64_t);
} reduction;

static const reduction reductions[] = {
    [CVK_SCATTER_NONE] = {NULL, NULL, NULL},
    [CVK_SCATTER_ADD] = {real_add, int_add, int_add},
    [CVK_SCATTER_MUL] = {real_multiply, int_multiply, int_multiply},
    [CVK_SCATTER_MAX] = {real_max, signed_max, unsigned_max},
    [CVK_SCATTER_MIN] = {real_min, signed_min, unsigned_min},
};
#define REDUCTIONS ((int32_t)(sizeof reductions / sizeof *reductions))

/* n updates from element `from` of u on go to y from `to` on. */
static void update(int32_t dtype, int32_t how, void *y, int64_t to, const void *u, int64_t from, int64_t n) {
  const int32_t class = cvk_dtype_class(dtype);
  if (how == CVK_SCATTER_NONE) {
    cvk_copy_run(cvk_dtype_bytes(dtype), n, y, to, 1, u, from, 1);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (class == CVK_CLASS_REAL) {
      cvk_store_real(dtype, y, to + i, reductions[how].real(cvk_load_real(dtype, y, to + i), cvk_load_real(dtype, u, from + i)));
    } else {
      int64_t a, b;
      cvk_load_ints(dtype, y, to + i, 1, 1, &a);
      cvk_load_ints(dtype, u, from + i, 1, 1, &b);
      a = class == CVK_CLASS_SIGNED ? reductions[how].on_signed(a, b) : reductions[how].on_unsigned(a, b);
      cvk_store_ints(dtype, y, to + i, 1, 1, &a);
    }
  }
}

static cvk_status check_types(const cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0], *updates = call->in[2];
  const int32_t how = call->attr->scatter.reduction;
  const char *op = call->def->name;
  const cvk_status s = cvk_check_index_type(call, 1);
  if (s != CVK_OK) return s;
  if (x->dtype != updates->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "%s: x is %s, the updates are %s; both must be of one type", op, cvk_dtype_name(x->dtype),
                    cvk_dtype_name(updates->dtype));
  if (how < 0 || how >= REDUCTIONS) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: reduction is %d, allowed 0 to %d", op, how, REDUCTIONS - 1);
  if (how != CVK_SCATTER_NONE && x->dtype == CVK_BOOL) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: bool has no reduction", op);
  return CVK_OK;
}

static cvk_status check_updates(const cvk_op_call *call, int32_t rank, const int64_t *dim) {
  const cvk_tensor_desc *u = call->in[2];
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  if (u->rank != rank || memcmp(u->dim, dim, (size_t)rank * sizeof *dim) != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "%s: the updates have shape %s, must have %s", call->def->name, cvk_dims_text(u->rank, u->dim, got),
                    cvk_dims_text(rank, dim, want));
  return cvk_desc_set(&call->out[0], call->def->name, call->in[0]->dtype, call->in[0]->rank, call->in[0]->dim);
}

cvk_status cvk_infer_scatter_elements(cvk_op_call *call) {
  const cvk_tensor_desc *indices = call->in[1];
  int32_t *axis = &call->attr->scatter.axis;
  cvk_status s = check_types(call);
  if (s == CVK_OK) s = cvk_axis_resolve("scatter_elements", "axis", *axis, call->in[0]->rank, axis);
  if (s == CVK_OK) s = cvk_check_index_shape(call, *axis);
  return s == CVK_OK ? check_updates(call, indices->rank, indices->dim) : s;
}

static void copy_whole(const cvk_tensor_desc *x, const void *from, void *to) {
  memcpy(to, from, (size_t)cvk_count(x->rank, x->dim) * cvk_dtype_bytes(x->dtype));
}

cvk_status cvk_ref_scatter_elements(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *indices = op->in[1];
  const cvk_scatter_attr *attr = op->attr;
  int64_t stride[CVK_MAX_RANK], index;
  cvk_walk w;
  if (out[0] == NULL) return CVK_OK;
  cvk_dense_strides(x->rank, x->dim, stride);
  const int64_t extent = x->dim[attr->axis], along = stride[attr->axis];
  stride[attr->axis] = 0;
  copy_whole(x, in[0], out[0]);
  cvk_walk_begin(&w, x->rank, indices->dim);
  cvk_walk_add_broadcast(&w, indices->rank, indices->dim);
  cvk_walk_add(&w, stride, 0);
  for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
    for (int64_t i = 0; i < w.run; i++) {
      const int64_t from = w.offset[0] + i * w.step[0];
      const cvk_status s = cvk_read_index("scatter_elements", indices->dtype, in[1], from, attr->axis, extent, &index);
      if (s != CVK_OK) return s;
      update(x->dtype, attr->reduction, out[0], w.offset[1] + i * w.step[1] + index * along, in[2], from, 1);
    }
  return CVK_OK;
}

cvk_status cvk_infer_scatter_nd(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0], *indices = call->in[1];
  int64_t dim[2 * CVK_MAX_RANK];
  int32_t rank = 0;
  const cvk_status s = check_types(call);
  if (s != CVK_OK) return s;
  if (x->rank == 0 || indices->rank == 0)
    return cvk_fail(CVK_INVALID_SHAPE, "scatter_nd: x has rank %d and the indices %d, must be at least 1", x->rank, indices->rank);
  const int64_t k = indices->dim[indices->rank - 1];
  if (k < 1 || k > x->rank)
    return cvk_fail(CVK_INVALID_SHAPE, "scatter_nd: index tuples have %lld entries, allowed 1 to %d", (long long)k, x->rank);
  for (int32_t a = 0; a < indices->rank - 1; a++) dim[rank++] = indices->dim[a];
  for (int32_t a = (int32_t)k; a < x->rank; a++) dim[rank++] = x->dim[a];
  if (rank > CVK_MAX_RANK) return cvk_fail(CVK_INVALID_SHAPE, "scatter_nd: the updates have rank %d, allowed 0 to %d", rank, CVK_MAX_RANK);
  return check_updates(call, rank, dim);
}

cvk_status cvk_ref_scatter_nd(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0], *indices = op->in[1];
  const int32_t k = (int32_t)indices->dim[indices->rank - 1];
  const int64_t tuples = cvk_count(indices->rank - 1, indices->dim), slice = cvk_count(x->rank - k, x->dim + k);
  if (out[0] == NULL) return CVK_OK;
  copy_whole(x, in[0], out[0]);
  for (int64_t t = 0; t < tuples; t++) {
    int64_t at;
    const cvk_status s = cvk_read_tuple("scatter_nd", indices->dtype, in[1], t, k, x->dim, 0, &at);
    if (s != CVK_OK) return s;
    update(x->dtype, ((const cvk_scatter_attr *)op->attr)->reduction, out[0], at * slice, in[2], t * slice, slice);
  }
  return CVK_OK;
}

/* With ADD x gets gy; with NONE all of it that was not replaced. The updates get what stands where they went: without a reduction indices must
 * not repeat, as ONNX has it. */
cvk_status cvk_grad_scatter(cvk_gradient *c) {
  const int32_t elements = c->def->kind == CVK_OP_SCATTER_ELEMENTS, how = c->attr->scatter.reduction;
  const cvk_axis_attr axis = {.struct_size = sizeof axis, .axis = c->attr->scatter.axis};
  const cvk_value read[2] = {c->gy[0], c->x[1]};
  if (how != CVK_SCATTER_NONE && how != CVK_SCATTER_ADD)
    return cvk_fail(CVK_UNSUPPORTED, "%s has a gradient with reductions none and add alone, it is %d", c->def->name, how);
  if (c->wanted[2])
    c->gx[2] = elements ? cvk_grad_op(c, CVK_OP_GATHER_ELEMENTS, &axis, 2, read) : cvk_grad_op2(c, CVK_OP_GATHER_ND, c->gy[0], c->x[1]);
  if (!c->wanted[0]) return c->status;
  c->gx[0] = c->gy[0];
  if (how == CVK_SCATTER_NONE) {
    const cvk_value cut[3] = {c->gy[0], c->x[1], cvk_grad_zeros(c, c->in[2])};
    c->gx[0] = cvk_grad_op(c, c->def->kind, c->attr, 3, cut);
  }
  return c->status;
}
