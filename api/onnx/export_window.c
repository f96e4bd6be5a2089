/* SPDX-License-Identifier: Apache-2.0 */
/* export_window.c: attributes of convolutions, pools and what else has a window. ONNX's lists have an entry for each spatial axis, so their
 * number must be known: from the shapes, or from the entries that are given. */
#include <math.h>
#include <string.h>

#include "export.h"

static const char *const auto_pads[] = {
    [CVK_PAD_EXPLICIT] = "NOTSET", [CVK_SAME_UPPER] = "SAME_UPPER", [CVK_SAME_LOWER] = "SAME_LOWER", [CVK_VALID] = "VALID"};

/* Spatial axes: of input 0, or of input 1 where that is a kernel, or as many as the list has entries. */
static int32_t spatial_axes(cvk_onnx_written *n, int32_t weights, const int64_t *kernel) {
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0), *w = weights ? cvk_onnx_shape_in(n, 1) : NULL;
  int32_t count = x ? x->rank - 2 : w ? w->rank - 2 : 0;
  if (x == NULL && w == NULL)
    while (count < CVK_MAX_SPATIAL && kernel[count] > 0) count++;
  if (count < 1 || count > CVK_MAX_SPATIAL) n->lacking = "the number of its spatial axes is not known";
  return n->lacking ? 0 : count;
}

/* The entries, zeros as ONNX's default; no axes: nothing. */
static void put_list(cvk_onnx_written *n, const char *name, int32_t count, const int64_t *v, int64_t standard) {
  int64_t list[CVK_MAX_SPATIAL];
  if (count == 0) return;
  for (int32_t i = 0; i < count; i++) list[i] = v[i] ? v[i] : standard;
  cvk_onnx_put_ints(n, name, count, list);
}

static int32_t any_but(int32_t count, const int64_t *v, int64_t standard) {
  for (int32_t i = 0; i < count; i++)
    if (v[i] != 0 && v[i] != standard) return 1;
  return 0;
}

static void put_pads(cvk_onnx_written *n, int32_t count, int32_t auto_pad, const int64_t *begin, const int64_t *end) {
  int64_t pads[2 * CVK_MAX_SPATIAL];
  if (auto_pad != CVK_PAD_EXPLICIT) {
    cvk_onnx_put_choice(n, "auto_pad", 4, auto_pads, auto_pad);
    return;
  }
  if (count == 0) return;
  memcpy(pads, begin, (size_t)count * sizeof *pads);
  memcpy(pads + count, end, (size_t)count * sizeof *pads);
  cvk_onnx_put_ints(n, "pads", 2 * count, pads);
}

/* All as ONNX has it where nothing is said: lists need not be written then. */
static int32_t is_plain(const cvk_conv_attr *a) {
  return !any_but(CVK_MAX_SPATIAL, a->stride, 1) && !any_but(CVK_MAX_SPATIAL, a->dilation, 1) &&
         !any_but(CVK_MAX_SPATIAL, a->pad_begin, 0) && !any_but(CVK_MAX_SPATIAL, a->pad_end, 0) &&
         !any_but(CVK_MAX_SPATIAL, a->output_shape, 0) && !any_but(CVK_MAX_SPATIAL, a->output_padding, 0);
}

static int32_t put_conv(cvk_onnx_written *n) {
  const cvk_conv_attr *a = &n->attr.conv;
  const cvk_tensor_desc *w = cvk_onnx_shape_in(n, 1);
  const int32_t count = spatial_axes(n, 1, a->kernel);
  int64_t kernel[CVK_MAX_SPATIAL];
  int32_t known = count > 0;
  if (count == 0 && is_plain(a)) n->lacking = NULL;
  for (int32_t i = 0; i < count; i++) {
    kernel[i] = a->kernel[i] || w == NULL ? a->kernel[i] : w->dim[i + 2];
    known &= kernel[i] > 0;
  }
  if (known) cvk_onnx_put_ints(n, "kernel_shape", count, kernel);
  put_list(n, "strides", count, a->stride, 1);
  put_list(n, "dilations", count, a->dilation, 1);
  cvk_onnx_put_int(n, "group", a->group ? a->group : 1);
  return count;
}

void cvk_onnx_write_conv(cvk_onnx_written *n) {
  const cvk_conv_attr *a = &n->attr.conv;
  const int32_t count = put_conv(n);
  put_pads(n, count, a->auto_pad, a->pad_begin, a->pad_end);
}

void cvk_onnx_write_conv_transpose(cvk_onnx_written *n) {
  const cvk_conv_attr *a = &n->attr.conv;
  const int32_t count = put_conv(n), asked = any_but(count, a->output_shape, 0);
  for (int32_t i = 0; asked && i < count; i++)
    if (a->output_shape[i] == 0) n->lacking = "output_shape says some of the extents only";
  if (asked) cvk_onnx_put_ints(n, "output_shape", count, a->output_shape);
  if (any_but(count, a->output_padding, 0)) cvk_onnx_put_ints(n, "output_padding", count, a->output_padding);
  put_pads(n, count, a->auto_pad, a->pad_begin, a->pad_end);
}

void cvk_onnx_write_deform_conv(cvk_onnx_written *n) {
  const cvk_deform_conv_attr *a = &n->attr.deform_conv;
  if (a->kernel[0] > 0 && a->kernel[1] > 0) cvk_onnx_put_ints(n, "kernel_shape", 2, a->kernel);
  put_list(n, "strides", 2, a->stride, 1);
  put_list(n, "dilations", 2, a->dilation, 1);
  put_pads(n, 2, CVK_PAD_EXPLICIT, a->pad_begin, a->pad_end);
  cvk_onnx_put_int(n, "group", a->group ? a->group : 1);
  cvk_onnx_put_int(n, "offset_group", a->offset_group ? a->offset_group : 1);
}

/* The image and the block are inputs. */
void cvk_onnx_write_col2im(cvk_onnx_written *n) {
  const cvk_conv_attr *a = &n->attr.conv;
  const cvk_tensor_desc *image = cvk_onnx_shape_in(n, 1);
  int32_t count = 0;
  while (count < CVK_MAX_SPATIAL && a->output_shape[count] > 0) count++;
  if (cvk_onnx_given_to(n, 1)) count = image && image->rank == 1 ? (int32_t)image->dim[0] : 0;
  if (count < 1 || count > CVK_MAX_SPATIAL) {
    if (!cvk_onnx_given_to(n, 1) || !cvk_onnx_given_to(n, 2) || !is_plain(a)) n->lacking = "the number of its spatial axes is not known";
    return;
  }
  cvk_onnx_put_ints_in(n, 1, "image", count, a->output_shape);
  cvk_onnx_put_ints_in(n, 2, "block", count, a->kernel);
  put_list(n, "strides", count, a->stride, 1);
  put_list(n, "dilations", count, a->dilation, 1);
  put_pads(n, count, CVK_PAD_EXPLICIT, a->pad_begin, a->pad_end);
}

/* Whether ceil_mode asks for a window that would begin in the pad behind x: it is left out, which ONNX says since opset 22. */
static int32_t drops_window(cvk_onnx_written *n, int32_t count) {
  const cvk_pool_attr *a = &n->attr.pool;
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0);
  for (int32_t i = 0; x && a->ceil_mode && a->auto_pad == CVK_PAD_EXPLICIT && i < count; i++) {
    const double stride = a->stride[i] ? (double)a->stride[i] : 1, dilation = a->dilation[i] ? (double)a->dilation[i] : 1;
    const double end = (double)x->dim[i + 2] + (double)a->pad_begin[i]; /* of x, from the begin of the pads */
    const double last = end + (double)a->pad_end[i] - ((double)a->kernel[i] - 1) * dilation - 1;
    if (x->dim[i + 2] >= 0 && last >= 0 && ceil(last / stride) * stride >= end) return 1;
  }
  return 0;
}

/* Of MAX_POOL, AVG_POOL, LP_POOL and MAX_UNPOOL; ONNX's averages and norms have no dilations before these opsets. */
void cvk_onnx_write_pool(cvk_onnx_written *n) {
  const cvk_pool_attr *a = &n->attr.pool;
  const int32_t count = spatial_axes(n, 0, a->kernel), dilated = any_but(count, a->dilation, 1);
  cvk_onnx_put_ints(n, "kernel_shape", count, a->kernel);
  put_list(n, "strides", count, a->stride, 1);
  put_pads(n, count, a->auto_pad, a->pad_begin, a->pad_end);
  if (n->kind == CVK_OP_MAX_UNPOOL) return;
  if (drops_window(n, count)) cvk_onnx_need(n, 22);
  if (n->kind == CVK_OP_LP_POOL && (dilated || a->ceil_mode)) cvk_onnx_need(n, 18);
  if (n->kind == CVK_OP_AVG_POOL && dilated) cvk_onnx_need(n, 19);
  if (dilated) put_list(n, "dilations", count, a->dilation, 1);
  if (a->ceil_mode) cvk_onnx_put_int(n, "ceil_mode", 1);
  if (n->kind == CVK_OP_MAX_POOL) cvk_onnx_put_int(n, "storage_order", a->storage_order);
  if (n->kind == CVK_OP_AVG_POOL) cvk_onnx_put_int(n, "count_include_pad", a->count_include_pad != 0);
  if (n->kind == CVK_OP_LP_POOL) cvk_onnx_put_int(n, "p", a->p ? a->p : 2);
}

void cvk_onnx_write_global_lp_pool(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "p", n->attr.pool.p ? n->attr.pool.p : 2);
}

/* ---- pad ---- */

void cvk_onnx_write_pad(cvk_onnx_written *n) {
  static const char *const modes[] = {
      [CVK_PAD_CONSTANT] = "constant", [CVK_PAD_REFLECT] = "reflect", [CVK_PAD_EDGE] = "edge", [CVK_PAD_WRAP] = "wrap"};
  const cvk_pad_attr *a = &n->attr.pad;
  const cvk_tensor_desc *x = cvk_onnx_shape_in(n, 0);
  int64_t pads[2 * CVK_MAX_RANK];
  cvk_onnx_put_choice(n, "mode", 4, modes, a->mode);
  if (a->mode == CVK_PAD_WRAP) cvk_onnx_need(n, 19);
  if (cvk_onnx_given_to(n, 3)) cvk_onnx_need(n, 18); /* the axes */
  if (!cvk_onnx_given_to(n, 1) && x == NULL) {
    n->lacking = "the rank of its input is not known";
    return;
  }
  for (int32_t i = 0; x && i < x->rank; i++) {
    pads[i] = a->begin[i];
    pads[x->rank + i] = a->end[i];
  }
  if (x) cvk_onnx_put_ints_in(n, 1, "pads", 2 * x->rank, pads);
  if (a->mode == CVK_PAD_CONSTANT && a->value != 0) cvk_onnx_put_scalar_in(n, 2, "value", cvk_onnx_dtype_in(n, 0), a->value);
}
