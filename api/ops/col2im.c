/* SPDX-License-Identifier: Apache-2.0 */
/* col2im.c: COL2IM (ONNX Col2Im): blocks x [N, C block cells, blocks] added up into images [N,C,image], any number of spatial axes: a block
 * is where a convolution's window would lie. Its attribute is a convolution's: kernel is the block's shape (input 2), output_shape the
 * image's (input 1). Reals are summed in double, integers wrap around. */
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "window.h"

enum { IMAGE = 1, BLOCK = 2 }; /* inputs */

static int32_t length_of(const int64_t *v) {
  int32_t n = 0;
  while (n < CVK_MAX_SPATIAL && v[n] != 0) n++;
  return n;
}

/* The two shapes: inputs, or the attribute's. *axes: how many extents they have. */
static cvk_status read_shapes(const cvk_op_call *call, cvk_conv_attr *a, int32_t *axes) {
  int64_t image[CVK_MAX_SPATIAL], block[CVK_MAX_SPATIAL];
  int32_t n_image, n_block;
  cvk_status s = cvk_read_ints(call, IMAGE, CVK_MAX_SPATIAL, image, &n_image);
  if (s == CVK_OK) s = cvk_read_ints(call, BLOCK, CVK_MAX_SPATIAL, block, &n_block);
  if (s != CVK_OK) return s;
  if (n_image >= 0) memcpy(a->output_shape, image, (size_t)n_image * sizeof *image);
  if (n_block >= 0) memcpy(a->kernel, block, (size_t)n_block * sizeof *block);
  if (n_image < 0) n_image = length_of(a->output_shape);
  if (n_block < 0) n_block = length_of(a->kernel);
  if (n_image < 1 || n_image != n_block)
    return cvk_fail(CVK_INVALID_ARGUMENT, "col2im: the image has %d extents, the block %d, wanted as many and at least one", n_image,
                    n_block);
  *axes = n_image;
  for (int32_t i = n_image; i < CVK_MAX_SPATIAL; i++) a->output_shape[i] = a->kernel[i] = 0;
  for (int32_t i = 0; i < n_image; i++)
    if (a->output_shape[i] < 1)
      return cvk_fail(CVK_INVALID_ARGUMENT, "col2im: extent %d of the image is %lld, allowed >= 1", i, (long long)a->output_shape[i]);
  return CVK_OK;
}

/* Blocks along each axis and in all. */
static cvk_status count_blocks(cvk_conv_attr *a, int32_t axes, int64_t *blocks) {
  const cvk_window_params p = {&a->auto_pad, a->kernel, a->stride, a->dilation, a->pad_begin, a->pad_end};
  return cvk_window_resolve("col2im", axes, a->output_shape, &p, NULL, blocks);
}

cvk_status cvk_infer_col2im(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16,
                                  CVK_I32, CVK_I64, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  const cvk_tensor_desc *x = call->in[0];
  cvk_conv_attr *a = &call->attr->conv;
  int64_t blocks[CVK_MAX_SPATIAL], dim[CVK_MAX_RANK];
  char text[CVK_DIMS_TEXT];
  int32_t axes = 0;
  cvk_status s = cvk_require_dtype(call, 0, 12, types);
  if (s == CVK_OK) s = read_shapes(call, a, &axes);
  if (s == CVK_OK && a->auto_pad != CVK_PAD_EXPLICIT) s = cvk_fail(CVK_INVALID_ARGUMENT, "col2im: auto_pad is %d, allowed 0", a->auto_pad);
  if (s == CVK_OK) s = count_blocks(a, axes, blocks);
  if (s != CVK_OK) return s;
  const int64_t cells = cvk_count(axes, a->kernel), all = cvk_count(axes, blocks);
  if (x->rank != 3 || cells < 0 || x->dim[1] % cells != 0 || x->dim[2] != all)
    return cvk_fail(CVK_INVALID_SHAPE, "col2im: x has shape %s, wanted [N, a multiple of %lld, %lld]", cvk_dims_text(x->rank, x->dim, text),
                    (long long)cells, (long long)all);
  dim[0] = x->dim[0];
  dim[1] = x->dim[1] / cells;
  for (int32_t i = 0; i < axes; i++) dim[i + 2] = a->output_shape[i];
  return cvk_desc_set(&call->out[0], "col2im: output", x->dtype, axes + 2, dim);
}

/* The block of which cell k of the kernel falls on cell `at` of the image; -1: none. */
static int64_t block_at(const cvk_conv_attr *a, int32_t axes, const int64_t *blocks, const int64_t *at, int64_t k) {
  int64_t block = 0, step = 1;
  for (int32_t i = axes - 1; i >= 0; i--) {
    const int64_t from = at[i] + a->pad_begin[i] - k % a->kernel[i] * a->dilation[i], b = from / a->stride[i];
    if (from < 0 || from % a->stride[i] != 0 || b >= blocks[i]) return -1;
    block += b * step;
    step *= blocks[i];
    k /= a->kernel[i];
  }
  return block;
}

cvk_status cvk_ref_col2im(const cvk_op *op, const void *const *in, void *const *out) {
  cvk_conv_attr a = *(const cvk_conv_attr *)op->attr;
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  const int32_t axes = y->rank - 2, is_real = cvk_dtype_class(x->dtype) == CVK_CLASS_REAL;
  const int64_t cells = cvk_count(axes, a.kernel), image = cvk_count(axes, y->dim + 2);
  int64_t blocks[CVK_MAX_SPATIAL];
  const cvk_status s = count_blocks(&a, axes, blocks);
  if (s != CVK_OK || out[0] == NULL) return s;
  for (int64_t plane = 0; plane < y->dim[0] * y->dim[1]; plane++)
    for (int64_t i = 0; i < image; i++) {
      int64_t at[CVK_MAX_SPATIAL], rest = i, whole = 0, one;
      double real = 0;
      for (int32_t d = axes - 1; d >= 0; rest /= y->dim[2 + d--]) at[d] = rest % y->dim[d + 2];
      for (int64_t k = 0; k < cells; k++) {
        const int64_t block = block_at(&a, axes, blocks, at, k), from = (plane * cells + k) * x->dim[2] + block;
        if (block < 0) continue;
        if (is_real) {
          real += cvk_load_real(x->dtype, in[0], from);
        } else {
          cvk_load_ints(x->dtype, in[0], from, 1, 1, &one);
          whole = (int64_t)((uint64_t)whole + (uint64_t)one);
        }
      }
      if (is_real)
        cvk_store_real(y->dtype, out[0], plane * image + i, real);
      else
        cvk_store_ints(y->dtype, out[0], plane * image + i, 1, 1, &whole);
    }
  return CVK_OK;
}
