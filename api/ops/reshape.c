/* SPDX-License-Identifier: Apache-2.0 */
/* reshape.c: RESHAPE, FLATTEN, SQUEEZE and UNSQUEEZE: the shape rules of the ops that only rename axes, and the copy that runs them (and
 * IDENTITY). A resolved RESHAPE holds the final extents with allow_zero set, so that a 0 in it means 0. */
#include <string.h>

#include "ops_internal.h"
#include "train/gradient.h"

cvk_status cvk_ref_copy(const cvk_op *op, const void *const *in, void *const *out) {
  const uint64_t bytes = cvk_desc_bytes(op->in[0]);
  if (out[0] != NULL && out[0] != in[0] && bytes > 0) memcpy(out[0], in[0], (size_t)bytes);
  return CVK_OK;
}

/* Replaces the zeros that copy an extent and the one -1. Copied axes cancel on both sides, so [0,3] to [0,-1] is well defined: [0,3]. */
static cvk_status resolve_extents(const cvk_tensor_desc *x, cvk_shape_attr *attr) {
  int64_t known = 1, available = 1;
  int32_t inferred = -1, copied[CVK_MAX_RANK] = {0};
  char tx[CVK_DIMS_TEXT], ty[CVK_DIMS_TEXT];
  cvk_dims_text(x->rank, x->dim, tx);
  cvk_dims_text(attr->rank, attr->dim, ty);
  for (int32_t a = 0; a < attr->rank; a++) {
    const int64_t extent = attr->dim[a];
    if (extent < -1)
      return cvk_fail(CVK_INVALID_ARGUMENT, "reshape: extent %lld on axis %d of %s, allowed -1 (inferred), 0 or more", (long long)extent, a,
                      ty);
    if (extent == -1 && inferred >= 0) return cvk_fail(CVK_INVALID_ARGUMENT, "reshape: two extents of %s are -1, allowed one", ty);
    if (extent == -1) inferred = a;
    if (extent == 0 && !attr->allow_zero) {
      if (a >= x->rank)
        return cvk_fail(CVK_INVALID_ARGUMENT, "reshape: extent 0 on axis %d of %s copies an axis that x of shape %s lacks", a, ty, tx);
      attr->dim[a] = x->dim[a];
      copied[a] = 1;
    } else if (extent >= 0) {
      if (extent > 0 && known > INT64_MAX / extent) return cvk_fail(CVK_SIZE_OVERFLOW, "reshape: %s has more than 2^63-1 elements", ty);
      known *= extent;
    }
  }
  if (inferred < 0) return CVK_OK;
  for (int32_t a = 0; a < x->rank; a++)
    if (!copied[a]) available *= x->dim[a];
  if (known == 0 || available % known != 0)
    return cvk_fail(CVK_INVALID_SHAPE, "reshape: the -1 of %s cannot be inferred from x of shape %s: %lld elements by %lld", ty, tx,
                    (long long)available, (long long)known);
  attr->dim[inferred] = available / known;
  return CVK_OK;
}

cvk_status cvk_infer_reshape(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_shape_attr *attr = &call->attr->shape;
  cvk_status s = cvk_read_shape(call, 1);
  if (s != CVK_OK) return s;
  s = resolve_extents(x, attr);
  if (s == CVK_OK) s = cvk_desc_set(&call->out[0], "reshape: output", x->dtype, attr->rank, attr->dim);
  if (s != CVK_OK) return s;
  attr->allow_zero = 1;
  if (cvk_count(x->rank, x->dim) != cvk_count(attr->rank, attr->dim)) {
    char tx[CVK_DIMS_TEXT], ty[CVK_DIMS_TEXT];
    return cvk_fail(CVK_INVALID_SHAPE, "reshape: x of shape %s has %lld elements, %s has %lld", cvk_dims_text(x->rank, x->dim, tx),
                    (long long)cvk_count(x->rank, x->dim), cvk_dims_text(attr->rank, attr->dim, ty),
                    (long long)cvk_count(attr->rank, attr->dim));
  }
  return CVK_OK;
}

void cvk_defaults_flatten(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->axis.axis = 1;
}

cvk_status cvk_infer_flatten(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  int32_t *axis = &call->attr->axis.axis;
  if (*axis < -x->rank || *axis > x->rank)
    return cvk_fail(CVK_INVALID_ARGUMENT, "flatten: axis is %d, allowed %d to %d", *axis, -x->rank, x->rank);
  if (*axis < 0) *axis += x->rank;
  const int64_t dim[2] = {cvk_count(*axis, x->dim), cvk_count(x->rank - *axis, x->dim + *axis)};
  if (dim[0] < 0 || dim[1] < 0) /* an empty tensor's other axes may still overflow */
    return cvk_fail(CVK_SIZE_OVERFLOW, "flatten: the axes on one side of axis %d have more than 2^63-1 elements", *axis);
  return cvk_desc_set(&call->out[0], "flatten: output", x->dtype, 2, dim);
}

/* SQUEEZE's and UNSQUEEZE's axes, from input 1 or the attribute, marked in `named` and rising in the attribute. `rank` is that of the
 * tensor which has them. *n: how many; -1 where neither gives any. */
static cvk_status resolve_axes(cvk_op_call *call, int32_t rank, int32_t *named, int32_t *n) {
  cvk_axes_attr *attr = &call->attr->axes;
  int64_t axes[CVK_MAX_RANK];
  cvk_status s = cvk_read_ints(call, 1, CVK_MAX_RANK, axes, n);
  if (s != CVK_OK) return s;
  if (*n < 0) {
    *n = attr->n_axes == 0 ? -1 : attr->n_axes;
    for (int32_t i = 0; i < attr->n_axes; i++) axes[i] = attr->axis[i];
  }
  for (int32_t i = 0; i < *n; i++) {
    int32_t axis;
    s = cvk_axis_resolve(call->def->name, "axis", axes[i], rank, &axis);
    if (s != CVK_OK) return s;
    if (named[axis]++) return cvk_fail(CVK_INVALID_ARGUMENT, "%s: axis %d is given twice", call->def->name, axis);
  }
  attr->n_axes = 0;
  for (int32_t a = 0; a < rank; a++)
    if (named[a]) attr->axis[attr->n_axes++] = a;
  return CVK_OK;
}

static cvk_status check_axis_count(const cvk_op_call *call) {
  const int32_t n = call->attr->axes.n_axes;
  return n >= 0 && n <= CVK_MAX_RANK ? CVK_OK
                                     : cvk_fail(CVK_INVALID_ARGUMENT, "%s: %d axes, allowed 0 to %d", call->def->name, n, CVK_MAX_RANK);
}

cvk_status cvk_infer_squeeze(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0];
  cvk_axes_attr *attr = &call->attr->axes;
  int32_t named[CVK_MAX_RANK] = {0}, n, rank = 0;
  int64_t dim[CVK_MAX_RANK];
  cvk_status s = check_axis_count(call);
  if (s == CVK_OK) s = resolve_axes(call, x->rank, named, &n);
  if (s != CVK_OK) return s;
  for (int32_t a = 0; a < x->rank; a++) {
    if (n < 0 && x->dim[a] == 1) {
      attr->axis[attr->n_axes++] = a;
    } else if (!named[a]) {
      dim[rank++] = x->dim[a];
    } else if (x->dim[a] != 1) {
      char text[CVK_DIMS_TEXT];
      return cvk_fail(CVK_INVALID_SHAPE, "squeeze: axis %d of x of shape %s has extent %lld, must be 1", a,
                      cvk_dims_text(x->rank, x->dim, text), (long long)x->dim[a]);
    }
  }
  return cvk_desc_set(&call->out[0], "squeeze: output", x->dtype, rank, dim);
}

cvk_status cvk_infer_unsqueeze(cvk_op_call *call) {
  const cvk_tensor_desc *x = call->in[0], *list = call->n_in > 1 ? call->in[1] : NULL;
  int32_t named[CVK_MAX_RANK] = {0}, n, next = 0;
  int64_t dim[CVK_MAX_RANK];
  cvk_status s = check_axis_count(call);
  if (s != CVK_OK) return s;
  const int64_t added = list != NULL ? cvk_count(list->rank, list->dim) : call->attr->axes.n_axes;
  if (list == NULL && added == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "unsqueeze: no axes are given");
  if (added > CVK_MAX_RANK - x->rank)
    return cvk_fail(CVK_INVALID_SHAPE, "unsqueeze: %lld axes more than rank %d, allowed rank %d", (long long)added, x->rank, CVK_MAX_RANK);
  const int32_t rank = x->rank + (int32_t)added;
  s = resolve_axes(call, rank, named, &n);
  if (s != CVK_OK) return s;
  for (int32_t a = 0; a < rank; a++) dim[a] = named[a] ? 1 : x->dim[next++];
  return cvk_desc_set(&call->out[0], "unsqueeze: output", x->dtype, rank, dim);
}

cvk_status cvk_grad_reshape_op(cvk_gradient *c) {
  c->gx[0] = cvk_grad_reshape(c, c->gy[0], c->in[0]);
  return c->status;
}
