/* SPDX-License-Identifier: Apache-2.0 */
/* export_move.c: attributes of ops on shapes, indices and orders. What is an input in ONNX and an attribute here becomes a constant. */
#include "export.h"

static int32_t axes_of(cvk_onnx_written *n, int64_t *axes) {
  const int32_t count = cvk_onnx_checked(n, n->attr.axes.n_axes, CVK_MAX_RANK);
  for (int32_t i = 0; i < count; i++) axes[i] = n->attr.axes.axis[i];
  return count;
}

void cvk_onnx_write_reshape(cvk_onnx_written *n) {
  const cvk_shape_attr *a = &n->attr.shape;
  const int32_t rank = cvk_onnx_checked(n, a->rank, CVK_MAX_RANK);
  int32_t zeros = cvk_onnx_given_to(n, 1);
  for (int32_t i = 0; i < rank; i++) zeros |= a->dim[i] == 0;
  cvk_onnx_put_ints_in(n, 1, "shape", rank, a->dim);
  if (!a->allow_zero || !zeros) return;
  cvk_onnx_need(n, 14);
  cvk_onnx_put_int(n, "allowzero", 1);
}

/* The shape of EXPAND, the repeats of TILE. */
void cvk_onnx_write_shape_in(cvk_onnx_written *n) {
  cvk_onnx_put_ints_in(n, 1, "shape", cvk_onnx_checked(n, n->attr.shape.rank, CVK_MAX_RANK), n->attr.shape.dim);
}

void cvk_onnx_write_transpose(cvk_onnx_written *n) {
  int64_t axes[CVK_MAX_RANK];
  const int32_t count = axes_of(n, axes);
  if (count) cvk_onnx_put_ints(n, "perm", count, axes);
}

/* Equal parts, the last of which may be smaller, are ONNX's since opset 18; before that the sizes are written where they are known. */
void cvk_onnx_write_split(cvk_onnx_written *n) {
  const cvk_split_attr *a = &n->attr.split;
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0);
  const int32_t axis = x && a->axis < 0 ? a->axis + x->rank : a->axis;
  cvk_onnx_put_int(n, "axis", a->axis);
  if (a->n_split) {
    cvk_onnx_put_ints_in(n, 1, "sizes", cvk_onnx_checked(n, a->n_split, CVK_MAX_SPLIT), a->size);
  } else if (!cvk_onnx_given_to(n, 1)) {
    const int64_t extent = x && axis >= 0 && axis < x->rank ? x->dim[axis] : -1;
    if (n->all->opset >= 18)
      cvk_onnx_put_int(n, "num_outputs", n->n_out);
    else if (extent < 0 || extent % n->n_out != 0)
      cvk_onnx_need(n, 18);
  }
}

void cvk_onnx_write_slice(cvk_onnx_written *n) {
  const cvk_slice_attr *a = &n->attr.slice;
  int64_t axis[CVK_MAX_RANK], step[CVK_MAX_RANK];
  if (cvk_onnx_given_to(n, 1)) return;
  const int32_t count = cvk_onnx_checked(n, a->n_axes, CVK_MAX_RANK);
  for (int32_t i = 0; i < count; i++) {
    axis[i] = a->axis[i];
    step[i] = a->step[i] ? a->step[i] : 1;
  }
  cvk_onnx_put_ints_in(n, 1, "starts", count, a->start);
  cvk_onnx_put_ints_in(n, 2, "ends", count, a->end);
  cvk_onnx_put_ints_in(n, 3, "axes", count, axis);
  cvk_onnx_put_ints_in(n, 4, "steps", count, step);
}

/* SQUEEZE and UNSQUEEZE. */
void cvk_onnx_write_squeeze(cvk_onnx_written *n) {
  int64_t axes[CVK_MAX_RANK];
  const int32_t count = axes_of(n, axes);
  if (count) cvk_onnx_put_ints_in(n, 1, "axes", count, axes);
}

void cvk_onnx_write_cast(cvk_onnx_written *n) {
  static const char *const ways[] = {[CVK_ROUND_UP] = "up", [CVK_ROUND_DOWN] = "down", [CVK_ROUND_NEAREST] = "nearest"};
  const cvk_cast_attr *a = &n->attr.cast;
  cvk_onnx_put_int(n, "to", a->dtype);
  if (a->overflow) {
    cvk_onnx_need(n, 19);
    cvk_onnx_put_int(n, "saturate", 0);
  }
  if (a->dtype == CVK_F8E8M0) cvk_onnx_put_choice(n, "round_mode", 3, ways, a->rounding);
}

void cvk_onnx_write_bitcast(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "to", n->attr.cast.dtype);
}

/* A part of the shape since opset 15. */
void cvk_onnx_write_shape(cvk_onnx_written *n) {
  const cvk_cast_attr *a = &n->attr.cast;
  if (a->start == 0 && a->end == INT32_MAX) return;
  cvk_onnx_need(n, 15);
  cvk_onnx_put_int(n, "start", a->start);
  if (a->end != INT32_MAX) cvk_onnx_put_int(n, "end", a->end);
}

void cvk_onnx_write_constant_of_shape(cvk_onnx_written *n) {
  const cvk_shape_attr *a = &n->attr.shape;
  cvk_onnx_put_ints_in(n, 0, "shape", cvk_onnx_checked(n, a->rank, CVK_MAX_RANK), a->dim);
  cvk_onnx_put_scalar(n, "value", a->dtype ? a->dtype : CVK_F32, a->value);
}

void cvk_onnx_write_gather_nd(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "batch_dims", n->attr.gather_nd.batch_dims);
}

/* SCATTER_ELEMENTS and SCATTER_ND; sums and products since opset 16, the rest since 18. */
void cvk_onnx_write_scatter(cvk_onnx_written *n) {
  static const char *const names[] = {[CVK_SCATTER_NONE] = "none",
                                      [CVK_SCATTER_ADD] = "add",
                                      [CVK_SCATTER_MUL] = "mul",
                                      [CVK_SCATTER_MAX] = "max",
                                      [CVK_SCATTER_MIN] = "min"};
  const cvk_scatter_attr *a = &n->attr.scatter;
  if (n->kind == CVK_OP_SCATTER_ELEMENTS) cvk_onnx_put_int(n, "axis", a->axis);
  if (a->reduction == CVK_SCATTER_NONE) return;
  cvk_onnx_need(n, a->reduction <= CVK_SCATTER_MUL ? 16 : 18);
  cvk_onnx_put_choice(n, "reduction", 5, names, a->reduction);
}

/* CUM_SUM and CUM_PROD. */
void cvk_onnx_write_cumulative(cvk_onnx_written *n) {
  const cvk_cumulative_attr *a = &n->attr.cumulative;
  cvk_onnx_put_int_in(n, 1, "axis", a->axis);
  cvk_onnx_put_int(n, "exclusive", a->exclusive != 0);
  cvk_onnx_put_int(n, "reverse", a->reverse != 0);
}

void cvk_onnx_write_top_k(cvk_onnx_written *n) {
  const cvk_top_k_attr *a = &n->attr.top_k;
  cvk_onnx_put_ints_in(n, 1, "k", 1, &a->k);
  if (n->n_out == 1) n->out[n->n_out++] = cvk_onnx_put_name(n, "indices"); /* ONNX has no node without them */
  cvk_onnx_put_int(n, "axis", a->axis);
  cvk_onnx_put_int(n, "largest", a->largest != 0);
  cvk_onnx_put_int(n, "sorted", a->sorted != 0);
}

void cvk_onnx_write_trilu(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "upper", n->attr.trilu.upper != 0);
  if (n->attr.trilu.k) cvk_onnx_put_int_in(n, 1, "k", n->attr.trilu.k);
}

void cvk_onnx_write_unique(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "axis", n->attr.unique.axis);
  cvk_onnx_put_int(n, "sorted", n->attr.unique.sorted != 0);
}

void cvk_onnx_write_reverse_sequence(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "batch_axis", n->attr.reverse_sequence.batch_axis);
  cvk_onnx_put_int(n, "time_axis", n->attr.reverse_sequence.time_axis);
}
