/* SPDX-License-Identifier: Apache-2.0 */
/* op_cost.c: multiply-adds of an op, for reports and estimates. Ops without products count one per output element. Counts that do not fit are
 * INT64_MAX. */
#include "plan.h"

static int64_t times(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t cvk_op_multiply_adds(int32_t kind, const cvk_any_attr *attr, const cvk_tensor_desc *const *in, const cvk_tensor_desc *out0) {
  const int64_t n = out0 ? cvk_count(out0->rank, out0->dim) : 0;
  int64_t per_output = 1, k;
  switch (kind) {
    case CVK_OP_CONV:
      for (int32_t i = 1; i < in[1]->rank; i++) per_output = times(per_output, in[1]->dim[i]);
      return times(n, per_output);
    case CVK_OP_CONV_TRANSPOSE:
      for (int32_t i = 1; i < in[1]->rank; i++) per_output = times(per_output, in[1]->dim[i]);
      return times(cvk_count(in[0]->rank, in[0]->dim), per_output);
    case CVK_OP_MAX_POOL: case CVK_OP_AVG_POOL: case CVK_OP_LP_POOL:
      for (int32_t i = 0; i + 2 < out0->rank; i++) per_output = times(per_output, attr->pool.kernel[i]);
      return times(n, per_output);
    case CVK_OP_GEMM:
      k = in[0]->dim[attr->gemm.trans_a ? 0 : 1];
      return times(n, k);
    case CVK_OP_MATMUL:
      k = in[0]->rank ? in[0]->dim[in[0]->rank - 1] : 1;
      return times(n, k);
    default: return n;
  }
}

uint64_t cvk_op_work(int32_t kind, const cvk_any_attr *attr, int32_t n_in, const cvk_tensor_desc *const *in, int32_t n_out, const cvk_tensor_desc *out) {
  uint64_t moved = 0;
  for (int32_t i = 0; i < n_in && kind != CVK_OP_SHAPE; i++) moved += in[i] ? (uint64_t)cvk_count(in[i]->rank, in[i]->dim) : 0;
  for (int32_t i = 0; i < n_out; i++) moved += (uint64_t)cvk_count(out[i].rank, out[i].dim);
  if (kind == CVK_OP_LRN && out[0].rank > 1) /* channels summed for each element */
    return moved * (uint64_t)(attr->norm.size < out[0].dim[1] ? attr->norm.size : out[0].dim[1]);
  const uint64_t work = (uint64_t)cvk_op_multiply_adds(kind, attr, in, &out[0]);
  return work > moved ? work : moved;
}
