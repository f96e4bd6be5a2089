/* SPDX-License-Identifier: Apache-2.0 */
/* import_table.c: a row for each ONNX operator that Convoke reads, or for each range of opsets in which it is read in one way. The rows are
 * in strcmp order of op_type. A row begins at the first opset whose form means what the later ones mean. */
#include <stdlib.h>
#include <string.h>

#include "fill.h"

static const cvk_onnx_row rows[] = {
    {"Abs", 1, CVK_ONNX_NEWEST, CVK_OP_ABS, CVK_RANK_SAME, NULL, NULL},
    {"Add", 1, 6, CVK_OP_ADD, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Add", 7, CVK_ONNX_NEWEST, CVK_OP_ADD, CVK_RANK_BROADCAST, NULL, NULL},
    {"And", 7, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_and},
    {"AveragePool", 1, CVK_ONNX_NEWEST, CVK_OP_AVG_POOL, CVK_RANK_SAME, cvk_onnx_fill_avg_pool, NULL},
    {"BatchNormalization", 1, CVK_ONNX_NEWEST, CVK_OP_BATCH_NORM, CVK_RANK_SAME, NULL, cvk_onnx_emit_batch_norm},
    {"Cast", 6, CVK_ONNX_NEWEST, CVK_OP_CAST, CVK_RANK_SAME, cvk_onnx_fill_cast, NULL},
    {"Ceil", 1, CVK_ONNX_NEWEST, CVK_OP_CEIL, CVK_RANK_SAME, NULL, NULL},
    {"Celu", 12, CVK_ONNX_NEWEST, CVK_OP_CELU, CVK_RANK_SAME, cvk_onnx_fill_alpha, NULL},
    {"Clip", 1, CVK_ONNX_NEWEST, CVK_OP_CLIP, CVK_RANK_SAME, cvk_onnx_fill_clip, NULL},
    {"Concat", 1, CVK_ONNX_NEWEST, CVK_OP_CONCAT, CVK_RANK_SAME, cvk_onnx_fill_concat, NULL},
    {"Constant", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_constant},
    {"ConstantOfShape", 9, CVK_ONNX_NEWEST, CVK_OP_CONSTANT_OF_SHAPE, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_constant_of_shape},
    {"Conv", 1, CVK_ONNX_NEWEST, CVK_OP_CONV, CVK_RANK_SAME, cvk_onnx_fill_conv, NULL},
    {"ConvTranspose", 1, CVK_ONNX_NEWEST, CVK_OP_CONV_TRANSPOSE, CVK_RANK_SAME, cvk_onnx_fill_conv_transpose, NULL},
    {"DepthToSpace", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_depth_to_space},
    {"Div", 1, 6, CVK_OP_DIV, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Div", 7, CVK_ONNX_NEWEST, CVK_OP_DIV, CVK_RANK_BROADCAST, NULL, NULL},
    {"Dropout", 1, CVK_ONNX_NEWEST, CVK_OP_DROPOUT, CVK_RANK_SAME, NULL, cvk_onnx_emit_dropout},
    {"Elu", 1, CVK_ONNX_NEWEST, CVK_OP_ELU, CVK_RANK_SAME, cvk_onnx_fill_alpha, NULL},
    {"Equal", 1, 6, CVK_OP_EQUAL, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Equal", 7, CVK_ONNX_NEWEST, CVK_OP_EQUAL, CVK_RANK_BROADCAST, NULL, NULL},
    {"Erf", 9, CVK_ONNX_NEWEST, CVK_OP_ERF, CVK_RANK_SAME, NULL, NULL},
    {"Exp", 1, CVK_ONNX_NEWEST, CVK_OP_EXP, CVK_RANK_SAME, NULL, NULL},
    {"Expand", 8, CVK_ONNX_NEWEST, CVK_OP_EXPAND, CVK_RANK_UNKNOWN, NULL, NULL},
    {"Flatten", 1, CVK_ONNX_NEWEST, CVK_OP_FLATTEN, CVK_RANK_2, cvk_onnx_fill_axis, NULL},
    {"Floor", 1, CVK_ONNX_NEWEST, CVK_OP_FLOOR, CVK_RANK_SAME, NULL, NULL},
    {"Gather", 1, CVK_ONNX_NEWEST, CVK_OP_GATHER, CVK_RANK_UNKNOWN, cvk_onnx_fill_axis, NULL},
    {"Gelu", 20, CVK_ONNX_NEWEST, CVK_OP_GELU, CVK_RANK_SAME, cvk_onnx_fill_gelu, NULL},
    {"Gemm", 1, CVK_ONNX_NEWEST, CVK_OP_GEMM, CVK_RANK_2, cvk_onnx_fill_gemm, NULL},
    {"GlobalAveragePool", 1, CVK_ONNX_NEWEST, CVK_OP_GLOBAL_AVG_POOL, CVK_RANK_SAME, NULL, NULL},
    {"GlobalLpPool", 1, CVK_ONNX_NEWEST, CVK_OP_GLOBAL_LP_POOL, CVK_RANK_SAME, cvk_onnx_fill_global_lp_pool, NULL},
    {"GlobalMaxPool", 1, CVK_ONNX_NEWEST, CVK_OP_GLOBAL_MAX_POOL, CVK_RANK_SAME, NULL, NULL},
    {"Greater", 1, 6, CVK_OP_GREATER, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Greater", 7, CVK_ONNX_NEWEST, CVK_OP_GREATER, CVK_RANK_BROADCAST, NULL, NULL},
    {"GreaterOrEqual", 12, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_greater_or_equal},
    {"HardSigmoid", 1, CVK_ONNX_NEWEST, CVK_OP_HARD_SIGMOID, CVK_RANK_SAME, cvk_onnx_fill_hard_sigmoid, NULL},
    {"HardSwish", 14, CVK_ONNX_NEWEST, CVK_OP_HARD_SWISH, CVK_RANK_SAME, NULL, NULL},
    {"Identity", 1, CVK_ONNX_NEWEST, CVK_OP_IDENTITY, CVK_RANK_SAME, NULL, NULL},
    {"InstanceNormalization", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_instance_norm},
    {"LRN", 1, CVK_ONNX_NEWEST, CVK_OP_LRN, CVK_RANK_SAME, cvk_onnx_fill_lrn, NULL},
    {"LayerNormalization", 17, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_layer_norm},
    {"LeakyRelu", 1, CVK_ONNX_NEWEST, CVK_OP_LEAKY_RELU, CVK_RANK_SAME, cvk_onnx_fill_alpha, NULL},
    {"Less", 1, 6, CVK_OP_LESS, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Less", 7, CVK_ONNX_NEWEST, CVK_OP_LESS, CVK_RANK_BROADCAST, NULL, NULL},
    {"LessOrEqual", 12, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_less_or_equal},
    {"Log", 1, CVK_ONNX_NEWEST, CVK_OP_LOG, CVK_RANK_SAME, NULL, NULL},
    {"LogSoftmax", 1, 12, CVK_OP_LOG_SOFTMAX, CVK_RANK_SAME, NULL, cvk_onnx_emit_softmax_1},
    {"LogSoftmax", 13, CVK_ONNX_NEWEST, CVK_OP_LOG_SOFTMAX, CVK_RANK_SAME, cvk_onnx_fill_axis, NULL},
    {"LpPool", 1, CVK_ONNX_NEWEST, CVK_OP_LP_POOL, CVK_RANK_SAME, cvk_onnx_fill_lp_pool, NULL},
    {"MatMul", 1, CVK_ONNX_NEWEST, CVK_OP_MATMUL, CVK_RANK_MATMUL, NULL, NULL},
    {"Max", 1, CVK_ONNX_NEWEST, CVK_OP_MAX, CVK_RANK_BROADCAST, NULL, NULL},
    {"MaxPool", 1, CVK_ONNX_NEWEST, CVK_OP_MAX_POOL, CVK_RANK_SAME, cvk_onnx_fill_max_pool, NULL},
    {"Mean", 1, CVK_ONNX_NEWEST, CVK_OP_MEAN, CVK_RANK_BROADCAST, NULL, NULL},
    {"Min", 1, CVK_ONNX_NEWEST, CVK_OP_MIN, CVK_RANK_BROADCAST, NULL, NULL},
    {"Mish", 18, CVK_ONNX_NEWEST, CVK_OP_MISH, CVK_RANK_SAME, NULL, NULL},
    {"Mul", 1, 6, CVK_OP_MUL, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Mul", 7, CVK_ONNX_NEWEST, CVK_OP_MUL, CVK_RANK_BROADCAST, NULL, NULL},
    {"Neg", 1, CVK_ONNX_NEWEST, CVK_OP_NEG, CVK_RANK_SAME, NULL, NULL},
    {"Not", 1, CVK_ONNX_NEWEST, CVK_OP_NOT, CVK_RANK_SAME, NULL, NULL},
    {"Or", 7, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_or},
    {"PRelu", 1, 6, CVK_OP_PRELU, CVK_RANK_SAME, NULL, cvk_onnx_emit_prelu_6},
    {"PRelu", 7, CVK_ONNX_NEWEST, CVK_OP_PRELU, CVK_RANK_SAME, NULL, NULL},
    {"Pad", 2, 10, CVK_OP_PAD, CVK_RANK_SAME, NULL, cvk_onnx_emit_pad_2},
    {"Pad", 11, CVK_ONNX_NEWEST, CVK_OP_PAD, CVK_RANK_SAME, cvk_onnx_fill_pad, NULL},
    {"Pow", 1, 6, CVK_OP_POW, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Pow", 7, CVK_ONNX_NEWEST, CVK_OP_POW, CVK_RANK_BROADCAST, NULL, NULL},
    {"Reciprocal", 1, CVK_ONNX_NEWEST, CVK_OP_RECIPROCAL, CVK_RANK_SAME, NULL, NULL},
    {"ReduceL1", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_reduce_l1},
    {"ReduceL2", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_reduce_l2},
    {"ReduceLogSum", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_reduce_log_sum},
    {"ReduceLogSumExp", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_reduce_log_sum_exp},
    {"ReduceMax", 1, CVK_ONNX_NEWEST, CVK_OP_REDUCE_MAX, CVK_RANK_UNKNOWN, cvk_onnx_fill_reduce, NULL},
    {"ReduceMean", 1, CVK_ONNX_NEWEST, CVK_OP_REDUCE_MEAN, CVK_RANK_UNKNOWN, cvk_onnx_fill_reduce, NULL},
    {"ReduceMin", 1, CVK_ONNX_NEWEST, CVK_OP_REDUCE_MIN, CVK_RANK_UNKNOWN, cvk_onnx_fill_reduce, NULL},
    {"ReduceSum", 1, CVK_ONNX_NEWEST, CVK_OP_REDUCE_SUM, CVK_RANK_UNKNOWN, cvk_onnx_fill_reduce, NULL},
    {"ReduceSumSquare", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_reduce_sum_square},
    {"Relu", 1, CVK_ONNX_NEWEST, CVK_OP_RELU, CVK_RANK_SAME, NULL, NULL},
    {"Reshape", 5, CVK_ONNX_NEWEST, CVK_OP_RESHAPE, CVK_RANK_UNKNOWN, cvk_onnx_fill_reshape, NULL},
    {"Selu", 6, CVK_ONNX_NEWEST, CVK_OP_SELU, CVK_RANK_SAME, cvk_onnx_fill_selu, NULL},
    {"Shape", 1, CVK_ONNX_NEWEST, CVK_OP_SHAPE, CVK_RANK_UNKNOWN, cvk_onnx_fill_shape, NULL},
    {"Sigmoid", 1, CVK_ONNX_NEWEST, CVK_OP_SIGMOID, CVK_RANK_SAME, NULL, NULL},
    {"Size", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_size},
    {"Slice", 1, CVK_ONNX_NEWEST, CVK_OP_SLICE, CVK_RANK_SAME, cvk_onnx_fill_slice, NULL},
    {"Softmax", 1, 12, CVK_OP_SOFTMAX, CVK_RANK_SAME, NULL, cvk_onnx_emit_softmax_1},
    {"Softmax", 13, CVK_ONNX_NEWEST, CVK_OP_SOFTMAX, CVK_RANK_SAME, cvk_onnx_fill_axis, NULL},
    {"Softplus", 1, CVK_ONNX_NEWEST, CVK_OP_SOFTPLUS, CVK_RANK_SAME, NULL, NULL},
    {"Softsign", 1, CVK_ONNX_NEWEST, CVK_OP_SOFTSIGN, CVK_RANK_SAME, NULL, NULL},
    {"SpaceToDepth", 1, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_space_to_depth},
    {"Split", 2, CVK_ONNX_NEWEST, CVK_OP_SPLIT, CVK_RANK_SAME, cvk_onnx_fill_split, NULL},
    {"Sqrt", 1, CVK_ONNX_NEWEST, CVK_OP_SQRT, CVK_RANK_SAME, NULL, NULL},
    {"Squeeze", 1, CVK_ONNX_NEWEST, CVK_OP_SQUEEZE, CVK_RANK_UNKNOWN, cvk_onnx_fill_squeeze, NULL},
    {"Sub", 1, 6, CVK_OP_SUB, CVK_RANK_BROADCAST, NULL, cvk_onnx_emit_broadcast_axis},
    {"Sub", 7, CVK_ONNX_NEWEST, CVK_OP_SUB, CVK_RANK_BROADCAST, NULL, NULL},
    {"Sum", 1, CVK_ONNX_NEWEST, CVK_OP_SUM, CVK_RANK_BROADCAST, NULL, NULL},
    {"Swish", 24, CVK_ONNX_NEWEST, CVK_OP_SWISH, CVK_RANK_SAME, cvk_onnx_fill_alpha, NULL},
    {"Tanh", 1, CVK_ONNX_NEWEST, CVK_OP_TANH, CVK_RANK_SAME, NULL, NULL},
    {"ThresholdedRelu", 10, CVK_ONNX_NEWEST, CVK_OP_THRESHOLDED_RELU, CVK_RANK_SAME, cvk_onnx_fill_alpha, NULL},
    {"Tile", 6, CVK_ONNX_NEWEST, CVK_OP_TILE, CVK_RANK_SAME, NULL, NULL},
    {"Transpose", 1, CVK_ONNX_NEWEST, CVK_OP_TRANSPOSE, CVK_RANK_SAME, cvk_onnx_fill_transpose, NULL},
    {"Unsqueeze", 1, CVK_ONNX_NEWEST, CVK_OP_UNSQUEEZE, CVK_RANK_UNKNOWN, cvk_onnx_fill_unsqueeze, NULL},
    {"Where", 9, CVK_ONNX_NEWEST, CVK_OP_WHERE, CVK_RANK_BROADCAST, NULL, NULL},
    {"Xor", 7, CVK_ONNX_NEWEST, 0, CVK_RANK_UNKNOWN, NULL, cvk_onnx_emit_xor},
};
#define N_ROWS ((int32_t)(sizeof rows / sizeof *rows))

const cvk_onnx_row *cvk_onnx_row_at(int32_t index) {
  return index >= 0 && index < N_ROWS ? &rows[index] : NULL;
}

static int compare_row(const void *key, const void *row) {
  const char *name = ((const cvk_onnx_row *)row)->op_type;
  return cvk_view_compare(*(const cvk_view *)key, (cvk_view){(const uint8_t *)name, strlen(name)});
}

const cvk_onnx_row *cvk_onnx_row_find(cvk_view domain, cvk_view op_type, int64_t opset) {
  if (!cvk_view_is(domain, "") && !cvk_view_is(domain, "ai.onnx")) return NULL;
  const cvk_onnx_row *hit = bsearch(&op_type, rows, sizeof rows / sizeof *rows, sizeof *rows, compare_row);
  if (!hit) return NULL;
  while (hit > rows && compare_row(&op_type, hit - 1) == 0) hit--;
  for (; hit < rows + N_ROWS && compare_row(&op_type, hit) == 0; hit++)
    if (opset >= hit->since && opset <= hit->until) return hit;
  return NULL;
}
