/* SPDX-License-Identifier: Apache-2.0 */
/* product.c: GEMM and MATMUL. alpha, beta and c enter when a tile's sums are stored. As in BLAS, alpha 0 forms no product and beta 0 reads no
 * c, so that a NaN without weight stays out. */
#include "blas.h"

static const char *check(const product *p) {
  const int32_t fits = fits_cblas(p->stride_a) && fits_cblas(p->stride_b) && fits_cblas(p->grid.depth);
  return fits ? NULL : "blas: a matrix extent is past the integers of cblas";
}

const char *gemm_read(const cvk_op *op, product *out) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1], *c = op->n_in > 2 ? op->in[2] : NULL, *y = op->out[0];
  const cvk_gemm_attr *attr = op->attr;
  product p = {.trans_a = attr->trans_a != 0, .trans_b = attr->trans_b != 0, .stride_a = a->dim[1], .stride_b = b->dim[1], .alpha = attr->alpha};
  if (cvk_count(y->rank, y->dim) > 0) p.grid = grid_make(1, y->dim[0], y->dim[1], a->dim[!p.trans_a]);
  if (c != NULL) {
    p.beta = attr->beta;
    p.c_column = c->rank > 0 && c->dim[c->rank - 1] != 1;
    p.c_row = c->rank == 2 && c->dim[0] != 1 ? c->dim[1] : 0;
  }
  *out = p;
  return check(&p);
}

/* The steps of an operand along the axes of the batch, of which it may lack the first ones. */
static void batch_steps(const cvk_tensor_desc *d, int32_t rank, int64_t *step) {
  int64_t cells = d->rank > 1 ? d->dim[d->rank - 2] * d->dim[d->rank - 1] : 0;
  const int32_t own = d->rank > 2 ? d->rank - 2 : 0;
  for (int32_t i = own; i-- > 0;) {
    step[rank - own + i] = d->dim[i] == 1 ? 0 : cells;
    cells *= d->dim[i];
  }
}

const char *matmul_read(const cvk_op *op, product *out) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1], *y = op->out[0];
  const int64_t rows = a->rank > 1 ? a->dim[a->rank - 2] : 1, depth = a->dim[a->rank - 1], columns = b->rank > 1 ? b->dim[b->rank - 1] : 1;
  product p = {.stride_a = depth, .stride_b = columns, .alpha = 1};
  const int32_t rank_a = a->rank > 2 ? a->rank - 2 : 0, rank_b = b->rank > 2 ? b->rank - 2 : 0;
  if (cvk_count(y->rank, y->dim) > 0) {
    p.batch_rank = rank_a > rank_b ? rank_a : rank_b;
    for (int32_t i = 0; i < p.batch_rank; i++) p.batch[i] = y->dim[i];
    batch_steps(a, p.batch_rank, p.batch_a);
    batch_steps(b, p.batch_rank, p.batch_b);
    p.grid = grid_make(cvk_count(p.batch_rank, p.batch), rows, columns, depth);
  }
  *out = p;
  return check(&p);
}

static void sum_steps(const product *p, const float *a, const float *b, const tile *t, const scratch *s) {
  for (int64_t index = t->stack, i = p->batch_rank; i-- > 0; index /= p->batch[i]) {
    a += index % p->batch[i] * p->batch_a[i];
    b += index % p->batch[i] * p->batch_b[i];
  }
  for (int64_t k = 0; k < p->grid.depth; k += p->grid.step) {
    const matrix ma = {a + (p->trans_a ? k * p->stride_a + t->row : t->row * p->stride_a + k), p->stride_a, p->trans_a};
    const matrix mb = {b + (p->trans_b ? t->column * p->stride_b + k : k * p->stride_b + t->column), p->stride_b, p->trans_b};
    sums_add(t, min64(p->grid.step, p->grid.depth - k), ma, mb, s);
  }
}

void product_tile(const product *p, const float *const in[3], float *y, const tile *t, const scratch *s) {
  sums_clear(t, s);
  if (p->alpha != 0) sum_steps(p, in[0], in[1], t, s);
  for (int64_t i = 0; i < t->rows; i++) {
    float *to = y + (t->stack * p->grid.rows + t->row + i) * p->grid.columns + t->column;
    const float *c = p->beta != 0 ? in[2] + (t->row + i) * p->c_row + t->column * p->c_column : NULL;
    for (int64_t j = 0; j < t->columns; j++) {
      const double sum = (double)p->alpha * s->sum[i * t->columns + j];
      to[j] = (float)(c ? sum + (double)p->beta * (double)c[j * p->c_column] : sum);
    }
  }
}
