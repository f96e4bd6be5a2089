/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.c: GEMM, y [M,N] = alpha op(a) op(b) + beta c (ONNX Gemm). c broadcasts to y only. With alpha 0 the product is not formed and with
 * beta 0 c is not read, so a NaN in an operand that has no weight stays out (the BLAS rule). */
#include "element.h"
#include "ops_internal.h"
#include "product.h"
#include "train/gradient.h"

void cvk_defaults_gemm(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->gemm.alpha = a->gemm.beta = 1;
}

static cvk_status check_types(const cvk_op_call *call) {
  static const int32_t floats[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_status s = cvk_require_dtype(call, 0, 4, floats);
  for (int32_t i = 1; s == CVK_OK && i < call->n_in; i++)
    if (call->in[i] != NULL && call->in[i]->dtype != call->in[0]->dtype)
      return cvk_fail(CVK_INVALID_ARGUMENT, "gemm: a is %s, input %d is %s; all must be of one type", cvk_dtype_name(call->in[0]->dtype), i,
                      cvk_dtype_name(call->in[i]->dtype));
  return s;
}

static cvk_status check_c(const cvk_tensor_desc *c, const int64_t *y) {
  for (int32_t a = 0; a < c->rank; a++) {
    const int32_t axis = 2 - c->rank + a;
    if (c->rank > 2 || (c->dim[a] != 1 && c->dim[a] != y[axis])) {
      char tc[CVK_DIMS_TEXT], ty[CVK_DIMS_TEXT];
      return cvk_fail(CVK_INVALID_SHAPE, "gemm: c of shape %s does not broadcast to the result %s", cvk_dims_text(c->rank, c->dim, tc),
                      cvk_dims_text(2, y, ty));
    }
  }
  return CVK_OK;
}

cvk_status cvk_infer_gemm(cvk_op_call *call) {
  const cvk_gemm_attr *attr = &call->attr->gemm;
  const cvk_tensor_desc *a = call->in[0], *b = call->in[1], *c = call->n_in > 2 ? call->in[2] : NULL;
  cvk_status s = check_types(call);
  if (s != CVK_OK) return s;
  if (a->rank != 2 || b->rank != 2)
    return cvk_fail(CVK_INVALID_SHAPE, "gemm: a has rank %d and b rank %d, both must be 2", a->rank, b->rank);
  const int64_t y[2] = {a->dim[attr->trans_a != 0], b->dim[attr->trans_b == 0]};
  const int64_t ka = a->dim[attr->trans_a == 0], kb = b->dim[attr->trans_b != 0];
  if (ka != kb)
    return cvk_fail(CVK_INVALID_SHAPE, "gemm: op(a) is %lld by %lld and op(b) %lld by %lld: %lld columns against %lld rows",
                    (long long)y[0], (long long)ka, (long long)kb, (long long)y[1], (long long)ka, (long long)kb);
  s = c != NULL ? check_c(c, y) : CVK_OK;
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "gemm: output", a->dtype, 2, y) : s;
}

cvk_status cvk_ref_gemm(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_gemm_attr *attr = op->attr;
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1], *c = op->n_in > 2 ? op->in[2] : NULL, *y = op->out[0];
  cvk_product p = {
      .dtype = a->dtype, .m = y->dim[0], .n = y->dim[1], .k = a->dim[attr->trans_a == 0], .alpha = (double)attr->alpha, .y = out[0]};
  p.a = attr->trans_a ? (cvk_matrix){in[0], 0, 1, a->dim[1]} : (cvk_matrix){in[0], 0, a->dim[1], 1};
  p.b = attr->trans_b ? (cvk_matrix){in[1], 0, 1, b->dim[1]} : (cvk_matrix){in[1], 0, b->dim[1], 1};
  if (c != NULL) {
    const int64_t rows = c->rank == 2 ? c->dim[0] : 1, columns = c->rank > 0 ? c->dim[c->rank - 1] : 1;
    p.beta = (double)attr->beta;
    p.c = (cvk_matrix){in[2], 0, rows == 1 ? 0 : columns, columns == 1 ? 0 : 1};
  }
  if (out[0] != NULL) cvk_product_run(&p);
  return CVK_OK;
}

static cvk_value product(cvk_gradient *c, cvk_value a, int32_t trans_a, cvk_value b, int32_t trans_b) {
  const cvk_gemm_attr attr = {.struct_size = sizeof attr, .trans_a = trans_a, .trans_b = trans_b, .alpha = c->attr->gemm.alpha};
  const cvk_value in[2] = {a, b};
  return cvk_grad_op(c, CVK_OP_GEMM, &attr, 2, in);
}

/* With y = a b: ga = gy b', gb = a' gy; a transposed operand gets the transposed gradient. */
cvk_status cvk_grad_gemm(cvk_gradient *c) {
  const int32_t ta = c->attr->gemm.trans_a != 0, tb = c->attr->gemm.trans_b != 0;
  const cvk_value a = c->x[0], b = c->x[1], gy = c->gy[0];
  if (c->wanted[0]) c->gx[0] = ta ? product(c, b, tb, gy, 1) : product(c, gy, 0, b, !tb);
  if (c->wanted[1]) c->gx[1] = tb ? product(c, gy, 1, a, ta) : product(c, a, !ta, gy, 0);
  if (c->n_in < 3 || !c->wanted[2]) return c->status;
  const cvk_value gc = cvk_grad_sum_to(c, gy, &c->out[0], c->in[2]);
  c->gx[2] = c->attr->gemm.beta == 1 ? gc : cvk_grad_op2(c, CVK_OP_MUL, gc, cvk_grad_scalar(c, c->in[2]->dtype, (double)c->attr->gemm.beta));
  return c->status;
}
