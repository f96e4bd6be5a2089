/* SPDX-License-Identifier: Apache-2.0 */
/* attention.c: Attention (opsets 23 to 25) of matrix products and a softmax, as its function in ONNX has it. Inside, heads are axis 1:
 * q [batch, heads, queries, d], k and v [batch, kv heads, keys, d]. Heads that share a key head are a further axis of q, so that nothing is
 * repeated in memory. float16 and bfloat16 are computed in float32, so that results are rounded once and the kernels for it serve. The bias
 * is what is added to the scores: 0, -inf, or the float mask's numbers. */
#include <math.h>

#include "fill.h"
#include "parts.h"

#define INT64S CVK_INT64S

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_KEY, IN_PAST_VALUE, IN_NONPAD };
enum { OUT_Y, OUT_KEY, OUT_VALUE, OUT_SCORES };
enum { SCORES_RAW, SCORES_CAPPED, SCORES_BIASED, SCORES_SOFTMAX };

typedef struct attention {
  int32_t is_3d;
  int32_t type, dtype;       /* of q, k and y; of what is computed */
  int64_t q_heads, kv_heads; /* attributes; 0: in the shapes */
  int32_t is_causal;
  int64_t left, right; /* of the window; -1: unbounded */
  int64_t precision;   /* the softmax's type; 0: dtype */
  int64_t output_mode;
  int32_t has_scale;
  float scale, softcap;
  cvk_value q, k, v;       /* in heads; k and v as they came */
  cvk_value queries, keys; /* extents, int64 [1] */
} attention;

static void take(cvk_onnx_call *c, attention *a) {
  cvk_onnx_take_i64(c, "q_num_heads", 1, INT32_MAX, &a->q_heads);
  cvk_onnx_take_i64(c, "kv_num_heads", 1, INT32_MAX, &a->kv_heads);
  cvk_onnx_take_flag(c, "is_causal", &a->is_causal);
  cvk_onnx_take_i64(c, "softmax_precision", 1, CVK_BF16, &a->precision);
  cvk_onnx_take_i64(c, "qk_matmul_output_mode", SCORES_RAW, SCORES_SOFTMAX, &a->output_mode);
  cvk_onnx_take_f32(c, "softcap", &a->softcap);
  a->has_scale = cvk_onnx_take_f32(c, "scale", &a->scale);
  if (c->model->opset >= 25) {
    cvk_onnx_take_i64(c, "left_window_size", -1, INT32_MAX, &a->left);
    cvk_onnx_take_i64(c, "right_window_size", -1, INT32_MAX, &a->right);
  }
  if (a->has_scale && !(a->scale >= 0))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'scale' is %g, expected 0 or more: q and k are each scaled by its root",
                  (double)a->scale);
  if (!(a->softcap >= 0)) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'softcap' is %g, expected 0 or more", (double)a->softcap);
  if (a->precision != 0 && a->precision != CVK_F32 && a->precision != CVK_F16 && a->precision != CVK_F64 && a->precision != CVK_BF16)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'softmax_precision' is %lld, expected 1, 10, 11 or 16", (long long)a->precision);
  if (cvk_onnx_given(c, IN_PAST_KEY) != cvk_onnx_given(c, IN_PAST_VALUE))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "past_key and past_value are only given together");
  if (cvk_onnx_given(c, IN_PAST_KEY) && cvk_onnx_given(c, IN_NONPAD))
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "nonpad_kv_seqlen is given with past_key: the cache is either outside the operator or inside");
}

/* [batch, tokens, heads d] to [batch, heads, tokens, d]. */
static cvk_value to_heads(cvk_onnx_call *c, cvk_value x, int64_t heads) {
  const cvk_value cut = cvk_onnx_reshape_to(c, x, 4, (const int64_t[]){0, 0, heads, -1});
  return cvk_onnx_transpose(c, cut, 4, (const int32_t[]){0, 2, 1, 3});
}

/* q, k and v in heads, k and v behind the past. */
static void take_operands(cvk_onnx_call *c, attention *a) {
  int32_t rank = -1;
  for (int32_t i = IN_Q; i <= IN_V && rank < 0; i++) rank = cvk_onnx_rank_of_input(c, i);
  a->is_3d = rank >= 0 ? rank == 3 : a->q_heads > 0;
  a->q = cvk_onnx_input(c, IN_Q);
  a->k = cvk_onnx_input(c, IN_K);
  a->v = cvk_onnx_input(c, IN_V);
  a->type = cvk_onnx_dtype_of(c, a->q);
  a->dtype = a->type == CVK_F16 || a->type == CVK_BF16 ? CVK_F32 : a->type;
  if (a->is_3d) {
    if (a->q_heads == 0 || a->kv_heads == 0)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "q is of rank 3, which needs the attributes 'q_num_heads' and 'kv_num_heads'");
    a->q = to_heads(c, a->q, a->q_heads);
    a->k = to_heads(c, a->k, a->kv_heads);
    a->v = to_heads(c, a->v, a->kv_heads);
  }
  if (a->q_heads && a->kv_heads && a->q_heads % a->kv_heads != 0)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "%lld heads of q cannot share %lld heads of k evenly", (long long)a->q_heads,
                  (long long)a->kv_heads);
  if (cvk_onnx_given(c, IN_PAST_KEY)) {
    a->k = cvk_onnx_join(c, 2, 2, (const cvk_value[]){cvk_onnx_input(c, IN_PAST_KEY), a->k});
    a->v = cvk_onnx_join(c, 2, 2, (const cvk_value[]){cvk_onnx_input(c, IN_PAST_VALUE), a->v});
  }
  a->queries = cvk_onnx_extent(c, a->q, 2);
  a->keys = cvk_onnx_extent(c, a->k, 2);
}

/* ---- the bias ---- */

/* Position of each query among the keys, [queries, 1], or [batch, 1, queries, 1] where the cache's fill differs from image to image. */
static cvk_value positions(cvk_onnx_call *c, const attention *a) {
  const cvk_value i = cvk_onnx_reshape(c, cvk_onnx_count_to(c, a->queries), INT64S(c, -1, 1));
  if (cvk_onnx_given(c, IN_PAST_KEY)) return cvk_onnx_op2(c, CVK_OP_ADD, NULL, i, cvk_onnx_extent(c, cvk_onnx_input(c, IN_PAST_KEY), 2));
  if (!cvk_onnx_given(c, IN_NONPAD)) return i;
  const cvk_value before = cvk_onnx_op2(c, CVK_OP_SUB, NULL, cvk_onnx_input(c, IN_NONPAD), a->queries);
  return cvk_onnx_op2(c, CVK_OP_ADD, NULL, i, cvk_onnx_reshape(c, before, INT64S(c, -1, 1, 1, 1)));
}

/* -inf where a key is past `most` or before `least` (each CVK_NO_VALUE: no such bound) of a query, added to the bias so far. */
static cvk_value bar(cvk_onnx_call *c, const attention *a, cvk_value bias, int32_t kind, cvk_value bound) {
  const cvk_value outside = cvk_onnx_op2(c, kind, NULL, cvk_onnx_count_to(c, a->keys), bound);
  const cvk_value minus = cvk_onnx_where(c, outside, cvk_onnx_scalar(c, a->dtype, -INFINITY), cvk_onnx_scalar(c, a->dtype, 0));
  return bias == CVK_NO_VALUE ? minus : cvk_onnx_op2(c, CVK_OP_ADD, NULL, bias, minus);
}

/* The mask as numbers to add, continued to all keys by -inf where it is shorter. */
static cvk_value mask_bias(cvk_onnx_call *c, const attention *a) {
  cvk_value mask = cvk_onnx_input(c, IN_MASK);
  if (cvk_onnx_dtype_of(c, mask) == CVK_BOOL)
    mask = cvk_onnx_where(c, mask, cvk_onnx_scalar(c, a->dtype, 0), cvk_onnx_scalar(c, a->dtype, -INFINITY));
  const cvk_pad_attr barred = {.mode = CVK_PAD_CONSTANT, .value = -INFINITY};
  const cvk_value lacking = cvk_onnx_op2(c, CVK_OP_SUB, NULL, a->keys, cvk_onnx_extent(c, mask, -1));
  const cvk_value more = cvk_onnx_op2(c, CVK_OP_MAX, NULL, lacking, INT64S(c, 0));
  const cvk_value in[] = {mask, cvk_onnx_join(c, 0, 2, (const cvk_value[]){INT64S(c, 0), more}), CVK_NO_VALUE, INT64S(c, -1)};
  return cvk_onnx_cast(c, cvk_onnx_op(c, CVK_OP_PAD, &barred, 4, in), a->dtype);
}

/* CVK_NO_VALUE: none. *may_bar_all: a query may be left without any key. */
static cvk_value bias_of(cvk_onnx_call *c, const attention *a, int32_t *may_bar_all) {
  const int64_t right = a->is_causal ? 0 : a->right;
  cvk_value bias = CVK_NO_VALUE;
  if (cvk_onnx_given(c, IN_MASK)) bias = mask_bias(c, a);
  *may_bar_all = bias != CVK_NO_VALUE || cvk_onnx_given(c, IN_NONPAD) || a->left >= 0;
  if (right >= 0) bias = bar(c, a, bias, CVK_OP_GREATER, cvk_onnx_op2(c, CVK_OP_ADD, NULL, positions(c, a), INT64S(c, right)));
  if (a->left >= 0) bias = bar(c, a, bias, CVK_OP_LESS, cvk_onnx_op2(c, CVK_OP_SUB, NULL, positions(c, a), INT64S(c, a->left)));
  if (cvk_onnx_given(c, IN_NONPAD)) {
    const cvk_value last = cvk_onnx_op2(c, CVK_OP_SUB, NULL, cvk_onnx_input(c, IN_NONPAD), INT64S(c, 1));
    bias = bar(c, a, bias, CVK_OP_GREATER, cvk_onnx_reshape(c, last, INT64S(c, -1, 1, 1, 1)));
  }
  return bias;
}

/* ---- the products ---- */

/* The root of the scale, by which both q and k are multiplied: their product stays in range. */
static cvk_value root_of_scale(cvk_onnx_call *c, const attention *a) {
  if (a->has_scale) return cvk_onnx_scalar(c, a->dtype, sqrt((double)a->scale));
  const cvk_value d = cvk_onnx_op1(c, CVK_OP_SQUEEZE, NULL, cvk_onnx_cast(c, cvk_onnx_extent(c, a->q, 3), CVK_F64));
  const cvk_value scale = cvk_onnx_op1(c, CVK_OP_RECIPROCAL, NULL, cvk_onnx_op1(c, CVK_OP_SQRT, NULL, d));
  return cvk_onnx_cast(c, cvk_onnx_op1(c, CVK_OP_SQRT, NULL, scale), a->dtype);
}

static int32_t one_to_one(const attention *a) {
  return a->q_heads > 0 && a->q_heads == a->kv_heads;
}

/* x [batch, heads, ...] y [batch, kv heads, ...], a matrix product a head. */
static cvk_value head_product(cvk_onnx_call *c, const attention *a, cvk_value x, cvk_value y) {
  const cvk_axes_attr third = {.n_axes = 1, .axis = {2}};
  if (one_to_one(a)) return cvk_onnx_op2(c, CVK_OP_MATMUL, NULL, x, y);
  const cvk_value grouped[] = {cvk_onnx_extents(c, y, 0, 2), INT64S(c, -1), cvk_onnx_extents(c, x, 2, 4)};
  const cvk_value product = cvk_onnx_op2(c, CVK_OP_MATMUL, NULL, cvk_onnx_reshape(c, x, cvk_onnx_join(c, 0, 3, grouped)),
                                         cvk_onnx_op1(c, CVK_OP_UNSQUEEZE, &third, y));
  const cvk_value plain[] = {cvk_onnx_extents(c, x, 0, 3), cvk_onnx_extent(c, y, 3)};
  return cvk_onnx_reshape(c, product, cvk_onnx_join(c, 0, 2, plain));
}

static cvk_value cap(cvk_onnx_call *c, const attention *a, cvk_value scores) {
  const cvk_value most = cvk_onnx_scalar(c, a->dtype, (double)a->softcap);
  if (a->softcap == 0) return scores;
  return cvk_onnx_op2(c, CVK_OP_MUL, NULL, cvk_onnx_op1(c, CVK_OP_TANH, NULL, cvk_onnx_op2(c, CVK_OP_DIV, NULL, scores, most)), most);
}

/* A query without any key has zeros. */
static cvk_value softmax(cvk_onnx_call *c, const attention *a, cvk_value scores, cvk_value bias, int32_t may_bar_all) {
  const cvk_axis_attr last = {.axis = -1};
  const cvk_axes_attr along = {.n_axes = 1, .axis = {-1}, .keep_dims = 1};
  const cvk_value x = cvk_onnx_cast(c, scores, a->precision ? (int32_t)a->precision : a->dtype);
  const cvk_value y = cvk_onnx_cast(c, cvk_onnx_op1(c, CVK_OP_SOFTMAX, &last, x), a->dtype);
  if (!may_bar_all) return y;
  const cvk_value most = cvk_onnx_op1(c, CVK_OP_REDUCE_MAX, &along, bias);
  const cvk_value barred = cvk_onnx_op2(c, CVK_OP_EQUAL, NULL, most, cvk_onnx_scalar(c, a->dtype, -INFINITY));
  return cvk_onnx_where(c, barred, cvk_onnx_scalar(c, a->dtype, 0), y);
}

void cvk_onnx_emit_attention(cvk_onnx_call *c) {
  attention a = {.left = -1, .right = -1};
  int32_t may_bar_all = 0;
  take(c, &a);
  if (c->status != CVK_OK) return;
  take_operands(c, &a);
  const cvk_value root = root_of_scale(c, &a);
  const cvk_value q = cvk_onnx_cast(c, a.q, a.dtype), v = cvk_onnx_cast(c, a.v, a.dtype);
  const cvk_value k = cvk_onnx_transpose(c, cvk_onnx_cast(c, a.k, a.dtype), 4, (const int32_t[]){0, 1, 3, 2});
  cvk_value scores[4];
  scores[SCORES_RAW] = head_product(c, &a, cvk_onnx_op2(c, CVK_OP_MUL, NULL, q, root), cvk_onnx_op2(c, CVK_OP_MUL, NULL, k, root));
  scores[SCORES_CAPPED] = cap(c, &a, scores[SCORES_RAW]);
  const cvk_value bias = bias_of(c, &a, &may_bar_all);
  scores[SCORES_BIASED] = bias == CVK_NO_VALUE ? scores[SCORES_CAPPED] : cvk_onnx_op2(c, CVK_OP_ADD, NULL, scores[SCORES_CAPPED], bias);
  scores[SCORES_SOFTMAX] = softmax(c, &a, scores[SCORES_BIASED], bias, may_bar_all);
  cvk_value y = cvk_onnx_cast(c, head_product(c, &a, scores[SCORES_SOFTMAX], v), a.type);
  if (a.is_3d) y = cvk_onnx_reshape_to(c, cvk_onnx_transpose(c, y, 4, (const int32_t[]){0, 2, 1, 3}), 3, (const int64_t[]){0, 0, -1});
  cvk_onnx_define(c, OUT_Y, y, a.is_3d ? 3 : 4);
  cvk_onnx_define(c, OUT_KEY, a.k, 4);
  cvk_onnx_define(c, OUT_VALUE, a.v, 4);
  cvk_onnx_define(c, OUT_SCORES, cvk_onnx_cast(c, scores[a.output_mode], a.type), 4);
}
