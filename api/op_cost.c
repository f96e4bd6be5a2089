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
