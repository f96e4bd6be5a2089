/* SPDX-License-Identifier: Apache-2.0 */
/* op_cost.c: multiply-adds of an op, for reports and estimates. Ops without products count one per output element. Counts that do not fit are
 * INT64_MAX. */
#include "plan.h"

static int64_t times(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t largest_extent(const cvk_tensor_desc *a, const cvk_tensor_desc *b) {
  int64_t most = 1;
  for (int32_t i = 0; i < a->rank; i++) most = a->dim[i] > most ? a->dim[i] : most;
  for (int32_t i = 0; i < b->rank; i++) most = b->dim[i] > most ? b->dim[i] : most;
  return most;
}

/* All letters of an equation run through all their places: no more than every element of one operand with every one of the others. */
static int64_t all_combinations(int32_t n_in, const cvk_tensor_desc *const *in) {
  int64_t n = 1;
  for (int32_t i = 0; i < n_in; i++) n = times(n, cvk_count(in[i]->rank, in[i]->dim));
  return n;
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
    case CVK_OP_CONV_GRAD_WEIGHT: /* as the convolution: each cell of gy with a filter's weights */
      for (int32_t i = 1; out0 && i < out0->rank; i++) per_output = times(per_output, out0->dim[i]);
      return times(cvk_count(in[1]->rank, in[1]->dim), per_output);
    case CVK_OP_MAX_POOL_GRAD: case CVK_OP_AVG_POOL_GRAD:
      for (int32_t i = 0; i + 2 < in[1]->rank; i++) per_output = times(per_output, attr->pool.kernel[i]);
      return times(cvk_count(in[1]->rank, in[1]->dim), per_output);
    case CVK_OP_GEMM:
      k = in[0]->dim[attr->gemm.trans_a ? 0 : 1];
      return times(n, k);
    case CVK_OP_DEFORM_CONV:
      for (int32_t i = 1; i < in[1]->rank; i++) per_output = times(per_output, in[1]->dim[i]);
      return times(n, per_output);
    case CVK_OP_LSTM: case CVK_OP_GRU: case CVK_OP_RNN: /* a step multiplies with all of w and r */
      return times(times(in[0]->dim[0], in[0]->dim[1]), cvk_count(in[1]->rank, in[1]->dim) + cvk_count(in[2]->rank, in[2]->dim));
    case CVK_OP_DFT: return times(n, largest_extent(in[0], out0));
    case CVK_OP_DET: return times(cvk_count(in[0]->rank, in[0]->dim), in[0]->dim[in[0]->rank - 1]);
    case CVK_OP_LINEAR_ATTENTION: return times(cvk_count(in[0]->rank, in[0]->dim), largest_extent(in[0], in[2]));
    case CVK_OP_MATMUL:
      k = in[0]->rank ? in[0]->dim[in[0]->rank - 1] : 1;
      return times(n, k);
    default: return n;
  }
}

/* Of ops that compare or look up more often than they move. 0: of another op. */
static int64_t visits(int32_t kind, const cvk_any_attr *attr, int32_t n_in, const cvk_tensor_desc *const *in, const cvk_tensor_desc *out0) {
  const int64_t n = cvk_count(out0->rank, out0->dim);
  int64_t k;
  switch (kind) {
    case CVK_OP_EINSUM: return all_combinations(n_in, in);
    case CVK_OP_LRN: /* channels summed for each element */
      k = out0->rank > 1 ? out0->dim[1] : 1;
      return times(n, attr->norm.size < k ? attr->norm.size : k);
    case CVK_OP_NON_MAX_SUPPRESSION: return times(cvk_count(in[1]->rank, in[1]->dim), in[0]->dim[1]);
    case CVK_OP_TOP_K: case CVK_OP_UNIQUE: return times(cvk_count(in[0]->rank, in[0]->dim), 64); /* n log n */
    case CVK_OP_RESIZE: case CVK_OP_GRID_SAMPLE: return times(n, 64);
    case CVK_OP_ROI_ALIGN: /* as many samples as a bin has cells, if not said */
      k = attr->roi_align.sampling_ratio ? attr->roi_align.sampling_ratio : largest_extent(in[0], in[0]);
      return times(times(n, k), k);
    default: return 0;
  }
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

uint64_t cvk_op_work(int32_t kind, const cvk_any_attr *attr, int32_t n_in, const cvk_tensor_desc *const *in, int32_t n_out, const cvk_tensor_desc *out) {
  uint64_t moved = 0;
  for (int32_t i = 0; i < n_in && kind != CVK_OP_SHAPE; i++) moved += in[i] ? (uint64_t)cvk_count(in[i]->rank, in[i]->dim) : 0;
  for (int32_t i = 0; i < n_out; i++) moved += (uint64_t)cvk_count(out[i].rank, out[i].dim);
  const uint64_t work = (uint64_t)larger(visits(kind, attr, n_in, in, &out[0]), cvk_op_multiply_adds(kind, attr, in, &out[0]));
  return work > moved ? work : moved;
}
