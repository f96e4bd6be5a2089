/* SPDX-License-Identifier: Apache-2.0 */
/* recurrent.c: the attributes of ONNX RNN, GRU and LSTM. */
#include "fill.h"

/* Names by CVK_GATE_*, what alpha and beta are where the file does not say, and whether the function has them: the lists of values hold one
 * for each function that does, in order. Affine and ScaledTanh are no operators with defaults of their own; theirs change nothing. */
static const char *const names[] = {"",           "Relu",        "Tanh", "Sigmoid",  "Affine",  "LeakyRelu", "ThresholdedRelu",
                                    "ScaledTanh", "HardSigmoid", "Elu",  "Softsign", "Softplus"};
static const struct {
  float alpha, beta;
  int32_t has_alpha, has_beta;
} functions[] = {
    [CVK_GATE_AFFINE] = {1, 0, 1, 1},      [CVK_GATE_LEAKY_RELU] = {0.01f, 0, 1, 0},     [CVK_GATE_THRESHOLDED_RELU] = {1, 0, 1, 0},
    [CVK_GATE_SCALED_TANH] = {1, 1, 1, 1}, [CVK_GATE_HARD_SIGMOID] = {0.2f, 0.5f, 1, 1}, [CVK_GATE_ELU] = {1, 0, 1, 0},
    [CVK_GATE_SOFTPLUS] = {0, 0, 0, 0},
};

static void take_activations(cvk_onnx_call *c, cvk_recurrent_attr *a) {
  float alpha[CVK_MAX_GATE_FUNCTIONS], beta[CVK_MAX_GATE_FUNCTIONS];
  int32_t n = 0, n_alpha = 0, n_beta = 0, next_alpha = 0, next_beta = 0;
  const int32_t wanted = (c->row->kind == CVK_OP_LSTM  ? 3
                          : c->row->kind == CVK_OP_GRU ? 2
                                                       : 1) *
                         (a->direction == CVK_BIDIRECTIONAL ? 2 : 1);
  cvk_onnx_take_f32s(c, "activation_alpha", CVK_MAX_GATE_FUNCTIONS, alpha, &n_alpha);
  cvk_onnx_take_f32s(c, "activation_beta", CVK_MAX_GATE_FUNCTIONS, beta, &n_beta);
  if (!cvk_onnx_take_choices(c, "activations", (int32_t)(sizeof names / sizeof *names), names, CVK_MAX_GATE_FUNCTIONS, a->activation, &n))
    return;
  if (c->status == CVK_OK && n != wanted)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute 'activations' has %d entries, expected %d", n, wanted);
  for (int32_t i = 0; c->status == CVK_OK && i < n; i++) {
    const int32_t f = a->activation[i];
    a->alpha[i] = functions[f].has_alpha && next_alpha < n_alpha ? alpha[next_alpha++] : functions[f].alpha;
    a->beta[i] = functions[f].has_beta && next_beta < n_beta ? beta[next_beta++] : functions[f].beta;
  }
}

void cvk_onnx_fill_recurrent(cvk_onnx_call *c, cvk_any_attr *attr) {
  static const char *const directions[] = {[CVK_FORWARD] = "forward", [CVK_REVERSE] = "reverse", [CVK_BIDIRECTIONAL] = "bidirectional"};
  cvk_recurrent_attr *a = &attr->recurrent;
  cvk_onnx_take_choice(c, "direction", 3, directions, &a->direction);
  cvk_onnx_take_i64(c, "hidden_size", 1, INT64_MAX, &a->hidden_size);
  cvk_onnx_take_f32(c, "clip", &a->clip);
  if (c->model->opset >= 14) cvk_onnx_take_flag(c, "layout", &a->layout);
  if (c->model->opset < 7) cvk_onnx_ignore(c, "output_sequence"); /* whether y is there says the same */
  if (c->row->kind == CVK_OP_LSTM) cvk_onnx_take_flag(c, "input_forget", &a->input_forget);
  if (c->row->kind == CVK_OP_GRU && c->model->opset >= 3) cvk_onnx_take_i32(c, "linear_before_reset", &a->linear_before_reset);
  take_activations(c, a);
}
