/* SPDX-License-Identifier: Apache-2.0 */
/* export_math.c: attributes of what computes: normalisation, products, activations, reductions, recurrence, transforms. */
#include <math.h>
#include <string.h>

#include "export.h"

/* ---- normalisation and products ---- */

void cvk_onnx_write_batch_norm(cvk_onnx_written *n) {
  cvk_onnx_put_float(n, "epsilon", n->attr.norm.epsilon);
}

void cvk_onnx_write_lrn(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "size", n->attr.norm.size);
  cvk_onnx_put_float(n, "alpha", n->attr.norm.alpha);
  cvk_onnx_put_float(n, "beta", n->attr.norm.beta);
  cvk_onnx_put_float(n, "bias", n->attr.norm.bias);
}

void cvk_onnx_write_axis(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "axis", n->attr.axis.axis);
}

/* At inference neither the ratio nor the mode is looked at. */
void cvk_onnx_write_dropout(cvk_onnx_written *n) {
  n->n_in = 1;
}

void cvk_onnx_write_gemm(cvk_onnx_written *n) {
  cvk_onnx_put_float(n, "alpha", n->attr.gemm.alpha);
  cvk_onnx_put_float(n, "beta", n->attr.gemm.beta);
  cvk_onnx_put_int(n, "transA", n->attr.gemm.trans_a != 0);
  cvk_onnx_put_int(n, "transB", n->attr.gemm.trans_b != 0);
}

void cvk_onnx_write_einsum(cvk_onnx_written *n) {
  if (memchr(n->attr.einsum.equation, 0, sizeof n->attr.einsum.equation))
    cvk_onnx_put_text(n, "equation", n->attr.einsum.equation);
  else
    n->lacking = "its equation has no end";
}

void cvk_onnx_write_dft(cvk_onnx_written *n) {
  const cvk_dft_attr *a = &n->attr.dft;
  cvk_onnx_put_int(n, "inverse", a->inverse != 0);
  cvk_onnx_put_int(n, "onesided", a->onesided != 0);
  if (a->length) cvk_onnx_put_int_in(n, 1, "length", a->length);
  if (cvk_onnx_given_to(n, 2)) cvk_onnx_need(n, 20); /* an attribute before */
  if (n->all->opset >= 20)
    cvk_onnx_put_int_in(n, 2, "axis", a->axis);
  else
    cvk_onnx_put_int(n, "axis", a->axis);
}

void cvk_onnx_write_linear_attention(cvk_onnx_written *n) {
  static const char *const rules[] = {[CVK_RULE_LINEAR] = "linear",
                                      [CVK_RULE_GATED] = "gated",
                                      [CVK_RULE_DELTA] = "delta",
                                      [CVK_RULE_GATED | CVK_RULE_DELTA] = "gated_delta"};
  const cvk_linear_attention_attr *a = &n->attr.linear_attention;
  cvk_onnx_put_choice(n, "update_rule", 4, rules, a->rule);
  cvk_onnx_put_int(n, "q_num_heads", a->q_heads);
  cvk_onnx_put_int(n, "kv_num_heads", a->kv_heads);
  cvk_onnx_put_float(n, "scale", a->scale);
}

/* ---- activations and other elementwise ops ---- */

void cvk_onnx_write_alpha(cvk_onnx_written *n) {
  cvk_onnx_put_float(n, "alpha", n->attr.unary.alpha);
}

void cvk_onnx_write_selu(cvk_onnx_written *n) {
  cvk_onnx_write_alpha(n);
  cvk_onnx_put_float(n, "gamma", n->attr.unary.beta);
}

void cvk_onnx_write_hard_sigmoid(cvk_onnx_written *n) {
  cvk_onnx_write_alpha(n);
  cvk_onnx_put_float(n, "beta", n->attr.unary.beta);
}

/* The limits are inputs; an infinite one of an attribute limits nothing. */
void cvk_onnx_write_clip(cvk_onnx_written *n) {
  const cvk_unary_attr *a = &n->attr.unary;
  const int32_t dtype = cvk_onnx_dtype_in(n, 0);
  if (a->alpha != -INFINITY) cvk_onnx_put_scalar_in(n, 1, "min", dtype, (double)a->alpha);
  if (a->beta != INFINITY) cvk_onnx_put_scalar_in(n, 2, "max", dtype, (double)a->beta);
}

void cvk_onnx_write_gelu(cvk_onnx_written *n) {
  cvk_onnx_put_text(n, "approximate", n->attr.unary.alpha != 0 ? "tanh" : "none");
}

/* ONNX has the operator late; a sigmoid and a product are read everywhere, and planning makes one op of them. */
void cvk_onnx_write_swish(cvk_onnx_written *n) {
  if (n->all->opset < 24 && n->attr.unary.alpha == 1) {
    n->in[1] = cvk_onnx_put_before(n, "Sigmoid", 1, n->in, NULL);
    n->value[1] = CVK_NO_VALUE;
    n->n_in = 2;
    n->op_type = "Mul";
  } else {
    cvk_onnx_need(n, 24);
    cvk_onnx_write_alpha(n);
  }
}

void cvk_onnx_write_shrink(cvk_onnx_written *n) {
  cvk_onnx_put_float(n, "lambd", n->attr.unary.alpha);
  cvk_onnx_put_float(n, "bias", n->attr.unary.beta);
}

void cvk_onnx_write_is_inf(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "detect_negative", n->attr.is_inf.negative != 0);
  cvk_onnx_put_int(n, "detect_positive", n->attr.is_inf.positive != 0);
}

void cvk_onnx_write_mod(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "fmod", n->attr.mod.fmod != 0);
}

void cvk_onnx_write_bit_shift(cvk_onnx_written *n) {
  cvk_onnx_put_text(n, "direction", n->attr.bit_shift.right ? "RIGHT" : "LEFT");
}

/* ---- reductions ---- */

/* The axes are an input, of all but ReduceSum since opset 18. */
void cvk_onnx_write_reduce(cvk_onnx_written *n) {
  const cvk_axes_attr *a = &n->attr.axes;
  const int32_t as_input = n->kind == CVK_OP_REDUCE_SUM || n->all->opset >= 18, count = cvk_onnx_checked(n, a->n_axes, CVK_MAX_RANK);
  int64_t axes[CVK_MAX_RANK];
  for (int32_t i = 0; i < count; i++) axes[i] = a->axis[i];
  cvk_onnx_put_int(n, "keepdims", a->keep_dims != 0);
  if (!as_input && (cvk_onnx_given_to(n, 1) || a->noop_with_empty_axes)) cvk_onnx_need(n, 18);
  if (as_input) cvk_onnx_put_int(n, "noop_with_empty_axes", a->noop_with_empty_axes != 0);
  if (count == 0) return;
  if (as_input)
    cvk_onnx_put_ints_in(n, 1, "axes", count, axes);
  else
    cvk_onnx_put_ints(n, "axes", count, axes);
}

void cvk_onnx_write_arg(cvk_onnx_written *n) {
  cvk_onnx_put_int(n, "axis", n->attr.arg.axis);
  cvk_onnx_put_int(n, "keepdims", n->attr.arg.keep_dims != 0);
  cvk_onnx_put_int(n, "select_last_index", n->attr.arg.select_last_index != 0);
}

/* ---- recurrence ---- */

static const char *const gate_functions[] = {"",           "Relu",        "Tanh", "Sigmoid",  "Affine",  "LeakyRelu", "ThresholdedRelu",
                                             "ScaledTanh", "HardSigmoid", "Elu",  "Softsign", "Softplus"};
enum { GATE_FUNCTIONS = sizeof gate_functions / sizeof *gate_functions };

static int32_t has_alpha(int32_t f) {
  return f == CVK_GATE_AFFINE || f == CVK_GATE_LEAKY_RELU || f == CVK_GATE_THRESHOLDED_RELU || f == CVK_GATE_SCALED_TANH ||
         f == CVK_GATE_HARD_SIGMOID || f == CVK_GATE_ELU;
}
static int32_t has_beta(int32_t f) {
  return f == CVK_GATE_AFFINE || f == CVK_GATE_SCALED_TANH || f == CVK_GATE_HARD_SIGMOID;
}

/* The lists of values have an entry for each function that takes one, in order. */
static void put_activations(cvk_onnx_written *n, int32_t count) {
  static const int32_t standard[] = {CVK_GATE_SIGMOID, CVK_GATE_TANH, CVK_GATE_TANH};
  const cvk_recurrent_attr *a = &n->attr.recurrent;
  const int32_t one = n->kind == CVK_OP_LSTM ? 3 : n->kind == CVK_OP_GRU ? 2 : 1;
  const char *names[CVK_MAX_GATE_FUNCTIONS];
  float alpha[CVK_MAX_GATE_FUNCTIONS], beta[CVK_MAX_GATE_FUNCTIONS];
  int32_t n_alpha = 0, n_beta = 0, any = 0;
  for (int32_t i = 0; i < count; i++) {
    int32_t f = a->activation[i];
    any |= f != CVK_GATE_DEFAULT;
    if (f == CVK_GATE_DEFAULT) f = n->kind == CVK_OP_RNN ? CVK_GATE_TANH : standard[i % one];
    if (f < 0 || f >= GATE_FUNCTIONS) {
      n->lacking = "an activation is out of range";
      return;
    }
    names[i] = gate_functions[f];
    if (has_alpha(f)) alpha[n_alpha++] = a->alpha[i];
    if (has_beta(f)) beta[n_beta++] = a->beta[i];
  }
  if (!any) return;
  cvk_onnx_put_texts(n, "activations", count, names);
  if (n_alpha) cvk_onnx_put_floats(n, "activation_alpha", n_alpha, alpha);
  if (n_beta) cvk_onnx_put_floats(n, "activation_beta", n_beta, beta);
}

void cvk_onnx_write_recurrent(cvk_onnx_written *n) {
  static const char *const directions[] = {[CVK_FORWARD] = "forward", [CVK_REVERSE] = "reverse", [CVK_BIDIRECTIONAL] = "bidirectional"};
  const cvk_recurrent_attr *a = &n->attr.recurrent;
  const cvk_tensor_desc *r = cvk_onnx_shape_in(n, 2);
  const int32_t functions = n->kind == CVK_OP_LSTM ? 3 : n->kind == CVK_OP_GRU ? 2 : 1;
  const int64_t hidden = a->hidden_size ? a->hidden_size : r && r->rank == 3 ? r->dim[2] : 0;
  cvk_onnx_put_choice(n, "direction", 3, directions, a->direction);
  if (hidden > 0) cvk_onnx_put_int(n, "hidden_size", hidden);
  if (a->clip > 0) cvk_onnx_put_float(n, "clip", a->clip);
  if (a->layout) {
    cvk_onnx_need(n, 14);
    cvk_onnx_put_int(n, "layout", 1);
  }
  if (n->kind == CVK_OP_LSTM) cvk_onnx_put_int(n, "input_forget", a->input_forget != 0);
  if (n->kind == CVK_OP_GRU) cvk_onnx_put_int(n, "linear_before_reset", a->linear_before_reset != 0);
  put_activations(n, functions * (a->direction == CVK_BIDIRECTIONAL ? 2 : 1));
}
