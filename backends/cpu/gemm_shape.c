/* SPDX-License-Identifier: Apache-2.0 */
/* gemm_shape.c: see gemm_shape.h. */
#include "gemm_shape.h"

static int32_t read_gemm(const cvk_op *op, gemm_shape *s, cpu_reason *why) {
  const cvk_gemm_attr *attr = op->attr;
  const cvk_tensor_desc *a = op->in[0], *c = op->n_in > 2 ? op->in[2] : NULL;
  for (int32_t i = 0; i < op->n_post; i++)
    if (op->post[i]->input == 2) c = NULL;
  s->trans_a = attr->trans_a != 0;
  s->trans_b = attr->trans_b != 0;
  s->m = op->out[0]->dim[0];
  s->n = op->out[0]->dim[1];
  s->k = attr->alpha == 0 ? 0 : a->dim[s->trans_a ? 0 : 1]; /* alpha 0: a and b are not read, as in the BLAS */
  s->alpha = attr->alpha;
  s->beta = attr->beta;
  s->batch = s->n_a = s->n_b = 1;
  s->has_c = c && attr->beta != 0;
  if (!s->has_c) return 1;
  if (c->rank > 2) return cpu_refuse(why, "c has rank %d", c->rank);
  const int64_t columns = c->rank > 0 ? c->dim[c->rank - 1] : 1, rows = c->rank > 1 ? c->dim[0] : 1;
  s->c_column = columns == 1 ? 0 : 1;
  s->c_row = rows == 1 ? 0 : columns;
  return 1;
}

static int32_t read_matmul(const cvk_op *op, gemm_shape *s, cpu_reason *why) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1];
  if (a->rank < 1 || b->rank < 1) return cpu_refuse(why, "a scalar has no matrix");
  const int32_t ra = a->rank > 2 ? a->rank - 2 : 0, rb = b->rank > 2 ? b->rank - 2 : 0;
  s->alpha = 1;
  s->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
  s->k = a->dim[a->rank - 1];
  s->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
  s->batch_rank = ra > rb ? ra : rb;
  s->batch = s->n_a = s->n_b = 1;
  for (int32_t i = s->batch_rank - 1; i >= 0; i--) {
    const int32_t ia = i - (s->batch_rank - ra), ib = i - (s->batch_rank - rb);
    const int64_t da = ia >= 0 ? a->dim[ia] : 1, db = ib >= 0 ? b->dim[ib] : 1;
    s->batch_dim[i] = da == 1 ? db : da;
    s->a_step[i] = da == 1 ? 0 : s->n_a;
    s->b_step[i] = db == 1 ? 0 : s->n_b;
    s->n_a *= da;
    s->n_b *= db;
    s->batch *= s->batch_dim[i];
  }
  if (s->n_b == 1 && s->n_a == s->batch) { /* all products share b: one taller product */
    s->m *= s->n_a;
    s->batch = s->n_a = 1;
    s->batch_rank = 0;
  }
  return 1;
}

int32_t gemm_shape_read(const cvk_op *op, gemm_shape *s, cpu_reason *why) {
  *s = (gemm_shape){0};
  if (!cpu_all_f32(op, why)) return 0;
  return op->kind == CVK_OP_GEMM ? read_gemm(op, s, why) : read_matmul(op, s, why);
}

void gemm_batch(const gemm_shape *s, int64_t index, int64_t *a, int64_t *b) {
  *a = *b = 0;
  for (int32_t i = s->batch_rank - 1; i >= 0; i--) {
    const int64_t at = index % s->batch_dim[i];
    index /= s->batch_dim[i];
    *a += at * s->a_step[i];
    *b += at * s->b_step[i];
  }
}
