/* SPDX-License-Identifier: Apache-2.0 */
/* matmul.c: GEMM with alpha 1 and no c, or a c that is a row with beta 1 (oneDNN's bias); MATMUL of operands of rank 2 and more, with broadcast
 * batches. A constant second operand of rank 2 is packed. */
#include "onednn.h"

static int32_t md_matrix(dnnl_memory_desc_t *md, int64_t rows, int64_t columns, int32_t transposed) {
  const dnnl_dims_t dims = {rows, columns}, plain = {columns, 1}, turned = {1, rows};
  return dnnl_memory_desc_init_by_strides(md, 2, dims, dnnl_f32, transposed ? turned : plain) == dnnl_success;
}

static const char *ask(const cvk_backend_device *dev, const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b, const dnnl_memory_desc_t *c,
                       const dnnl_memory_desc_t *y, plan *p) {
  dnnl_matmul_desc_t desc;
  p->n_in = c ? 3 : 2;
  if (dnnl_matmul_desc_init(&desc, a, b, c, y) != dnnl_success) return "onednn: matmul: oneDNN refuses this shape";
  return plan_ask(dev, &desc, p);
}

const char *plan_gemm(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1], *c = op->n_in > 2 ? op->in[2] : NULL, *y = op->out[0];
  const cvk_gemm_attr *attr = op->attr;
  const int64_t rows = y->dim[0], columns = y->dim[1], depth = a->dim[attr->trans_a == 0], dim[2] = {depth, columns};
  dnnl_memory_desc_t ma, mb, mc, my;
  if (variant > 0) return "onednn: gemm: no further variant";
  if (attr->alpha != 1) return "onednn: gemm: takes alpha 1 only";
  if (attr->beta == 0) c = NULL;
  if (c != NULL && (attr->beta != 1 || c->rank == 0 || c->dim[c->rank - 1] != columns || (c->rank == 2 && c->dim[0] != 1)))
    return "onednn: gemm: takes c as one row with beta 1 only";
  p->row = "gemm_onednn";
  p->packs = b->const_data != NULL;
  p->depth = depth;
  p->work = (double)rows * (double)columns * (double)depth;
  const int32_t ok = md_matrix(&ma, rows, depth, attr->trans_a) && (p->packs ? md_any(&mb, 2, dim) : md_matrix(&mb, depth, columns, attr->trans_b)) &&
                     (c == NULL || md_matrix(&mc, 1, columns, 0)) && md_matrix(&my, rows, columns, 0);
  return ok ? ask(dev, &ma, &mb, c ? &mc : NULL, &my, p) : "onednn: gemm: oneDNN refuses this shape";
}

/* The shape of an operand with ones in front, of the result's rank. */
static int32_t md_operand(dnnl_memory_desc_t *md, const cvk_tensor_desc *d, int32_t rank) {
  int64_t dim[CVK_MAX_RANK];
  for (int32_t i = 0; i < rank; i++) dim[i] = i < rank - d->rank ? 1 : d->dim[i - (rank - d->rank)];
  return md_plain(md, rank, dim);
}

const char *plan_matmul(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p) {
  const cvk_tensor_desc *a = op->in[0], *b = op->in[1], *y = op->out[0];
  dnnl_memory_desc_t ma, mb, my;
  if (variant > 0) return "onednn: matmul: no further variant";
  if (a->rank < 2 || b->rank < 2) return "onednn: matmul: takes no operand of rank 1";
  p->row = "matmul_onednn";
  p->packs = y->rank == 2 && b->const_data != NULL;
  p->depth = a->dim[a->rank - 1];
  p->work = (double)cvk_count(y->rank, y->dim) * (double)p->depth;
  const int32_t ok = md_operand(&ma, a, y->rank) && (p->packs ? md_any(&mb, 2, b->dim) : md_operand(&mb, b, y->rank)) && md_operand(&my, y, y->rank);
  return ok ? ask(dev, &ma, &mb, NULL, &my, p) : "onednn: matmul: oneDNN refuses this shape";
}
