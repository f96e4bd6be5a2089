/* SPDX-License-Identifier: Apache-2.0 */
/* sequence.c: operators on sequences of tokens that stand around Attention: RotaryEmbedding, CausalConvWithState, LinearAttention. float16
 * and bfloat16 are computed in float32 and rounded once. */
#include "fill.h"
#include "parts.h"

#define INT64S CVK_INT64S

/* ---- RotaryEmbedding ---- */

/* The angles' cosines or sines as [batch, 1, tokens, n], or [batch, tokens, 1, n] where heads come after tokens. */
static cvk_value angles(cvk_onnx_call *c, int32_t input, int32_t heads_axis, int32_t dtype) {
  const cvk_axis_attr rows = {.axis = 0};
  const cvk_axes_attr heads = {.n_axes = 1, .axis = {heads_axis}};
  cvk_value table = cvk_onnx_cast(c, cvk_onnx_input(c, input), dtype);
  if (cvk_onnx_given(c, 3)) table = cvk_onnx_op2(c, CVK_OP_GATHER, &rows, table, cvk_onnx_input(c, 3));
  return cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &heads, table);
}

static cvk_value every_second(cvk_onnx_call *c, cvk_value x, int64_t first) {
  const cvk_slice_attr part = {.n_axes = 1, .axis = {3}, .start = {first}, .end = {INT64_MAX}, .step = {2}};
  return cvk_onnx_op1(c, CVK_OP_SLICE, &part, x);
}

/* x [.., n] with its cells in pairs, which are turned: neighbours, or one of the first half with one of the second. */
static cvk_value turn(cvk_onnx_call *c, cvk_value x, cvk_value cosine, cvk_value sine, int32_t neighbours) {
  const cvk_axes_attr inner = {.n_axes = 1, .axis = {4}};
  const cvk_split_attr halves = {.axis = 3};
  cvk_value a[2] = {CVK_NO_VALUE, CVK_NO_VALUE}, y[2];
  if (neighbours) {
    a[0] = every_second(c, x, 0);
    a[1] = every_second(c, x, 1);
  } else if (c->status == CVK_OK) {
    c->status = cvk_graph_op(c->graph, CVK_OP_SPLIT, &halves, 1, &x, 2, a, c->label);
  }
  for (int32_t i = 0; i < 2; i++) {
    const cvk_value along = cvk_onnx_op2(c, CVK_OP_MUL, NULL, cosine, a[i]), across = cvk_onnx_op2(c, CVK_OP_MUL, NULL, sine, a[1 - i]);
    y[i] = cvk_onnx_op2(c, i == 0 ? CVK_OP_SUB : CVK_OP_ADD, NULL, along, across);
  }
  if (!neighbours) return cvk_onnx_join(c, 3, 2, y);
  for (int32_t i = 0; i < 2; i++) y[i] = cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &inner, y[i]);
  return cvk_onnx_reshape_like(c, cvk_onnx_join(c, 4, 2, y), x);
}

void cvk_onnx_emit_rotary_embedding(cvk_onnx_call *c) {
  int32_t neighbours = 0;
  int64_t heads = 0, turned = 0;
  cvk_onnx_take_flag(c, "interleaved", &neighbours);
  cvk_onnx_take_i64(c, "num_heads", 0, INT32_MAX, &heads);
  cvk_onnx_take_i64(c, "rotary_embedding_dim", 0, INT32_MAX, &turned);
  const int32_t rank = cvk_onnx_rank_of_input(c, 0), is_3d = rank >= 0 ? rank == 3 : heads > 0;
  if (is_3d && heads == 0) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "x is of rank 3, which needs the attribute 'num_heads'");
  const cvk_value given = cvk_onnx_input(c, 0);
  const int32_t type = cvk_onnx_dtype_of(c, given), dtype = type == CVK_F64 ? CVK_F64 : CVK_F32;
  cvk_value x = cvk_onnx_cast(c, given, dtype);
  if (is_3d) x = cvk_onnx_reshape_to(c, x, 4, (const int64_t[]){0, 0, heads, -1});
  const cvk_value cosine = angles(c, 1, is_3d ? 2 : 1, dtype), sine = angles(c, 2, is_3d ? 2 : 1, dtype);
  cvk_value y;
  if (turned == 0) {
    y = turn(c, x, cosine, sine, neighbours);
  } else {
    const cvk_value parts[] = {turn(c, cvk_onnx_slice(c, x, 3, 0, turned), cosine, sine, neighbours),
                               cvk_onnx_slice(c, x, 3, turned, INT64_MAX)};
    y = cvk_onnx_join(c, 3, 2, parts);
  }
  y = cvk_onnx_reshape_like(c, y, given); /* fails for angles of another extent that broadcast */
  cvk_onnx_define(c, 0, cvk_onnx_cast(c, y, type), rank);
}

/* ---- CausalConvWithState ---- */

enum { NO_ACTIVATION, SILU, SWISH };

void cvk_onnx_emit_causal_conv(cvk_onnx_call *c) {
  static const char *const activations[] = {"none", "silu", "swish"};
  const cvk_unary_attr plain = {.alpha = 1};
  const cvk_pad_attr zeros = {.mode = CVK_PAD_CONSTANT};
  int32_t activation = NO_ACTIVATION;
  cvk_onnx_take_choice(c, "activation", 3, activations, &activation);
  const cvk_value given = cvk_onnx_input(c, 0), w = cvk_onnx_input(c, 1), bias = cvk_onnx_input(c, 2);
  const cvk_conv_attr depthwise = {.group = cvk_onnx_known_extent(c, w, 0)};
  if (depthwise.group < 0)
    cvk_onnx_fail(c, CVK_UNSUPPORTED,
                  "the number of channels is not known while the model is read; the weight must be constant or of a declared shape");
  const cvk_value reach = cvk_onnx_op2(c, CVK_OP_SUB, NULL, cvk_onnx_extent(c, w, 2), INT64S(c, 1));
  const int32_t type = cvk_onnx_dtype_of(c, given), dtype = type == CVK_F64 ? CVK_F64 : CVK_F32;
  cvk_value x;
  if (cvk_onnx_given(c, 3)) {
    x = cvk_onnx_join(c, 2, 2, (const cvk_value[]){cvk_onnx_input(c, 3), given});
  } else {
    const cvk_value in[] = {given, cvk_onnx_join(c, 0, 2, (const cvk_value[]){reach, INT64S(c, 0)}), CVK_NO_VALUE, INT64S(c, 2)};
    x = cvk_onnx_op(c, CVK_OP_PAD, &zeros, 4, in);
  }
  const cvk_value in[] = {cvk_onnx_cast(c, x, dtype), cvk_onnx_cast(c, w, dtype),
                          bias == CVK_NO_VALUE ? bias : cvk_onnx_cast(c, bias, dtype)};
  cvk_value y = cvk_onnx_op(c, CVK_OP_CONV, &depthwise, 3, in);
  if (activation != NO_ACTIVATION) y = cvk_onnx_op1(c, CVK_OP_SWISH, &plain, y);
  cvk_onnx_define(c, 0, cvk_onnx_cast(c, y, type), 3);
  if (!cvk_onnx_output_used(c, 1)) return;
  const cvk_value length = cvk_onnx_extent(c, x, 2);
  const cvk_value part[] = {x, cvk_onnx_op2(c, CVK_OP_SUB, NULL, length, reach), length, INT64S(c, 2)};
  cvk_onnx_define(c, 1, cvk_onnx_op(c, CVK_OP_SLICE, NULL, 4, part), 3);
}

/* ---- LinearAttention ---- */

void cvk_onnx_fill_linear_attention(cvk_onnx_call *c, cvk_any_attr *a) {
  static const char *const rules[] = {[CVK_RULE_LINEAR] = "linear",
                                      [CVK_RULE_GATED] = "gated",
                                      [CVK_RULE_DELTA] = "delta",
                                      [CVK_RULE_GATED | CVK_RULE_DELTA] = "gated_delta"};
  cvk_linear_attention_attr *l = &a->linear_attention;
  l->rule = CVK_RULE_GATED | CVK_RULE_DELTA;
  cvk_onnx_take_choice(c, "update_rule", 4, rules, &l->rule);
  if (!cvk_onnx_take_i64(c, "q_num_heads", 1, INT32_MAX, &l->q_heads) || !cvk_onnx_take_i64(c, "kv_num_heads", 1, INT32_MAX, &l->kv_heads))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'q_num_heads' or 'kv_num_heads' is missing");
  cvk_onnx_take_f32(c, "scale", &l->scale);
  cvk_onnx_ignore(c, "chunk_size"); /* of ways to compute it */
}
