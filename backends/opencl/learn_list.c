/* SPDX-License-Identifier: Apache-2.0 */
/* learn_list.c: rows of RELU_GRAD, DROPOUT_TRAIN, SGD, ADAM and of SOFTMAX_CROSS_ENTROPY with its gradient: kernels_cl/learn.cl. */
#include <math.h>

#include "lists.h"
#include "view.h"

static const char *options_of(const cvk_backend_device *dev) { return dev->cpu_class ? "-DWIDE=16" : "-DWIDE=1"; }

static ocl_launch *begin(ocl_build *b, const char *name) { return ocl_launch_begin(b, "learn", options_of(b->dev), name); }

/* The length and each item's share as the next arguments; how many items that is. */
static int64_t arg_shares(ocl_launch *l, const ocl_build *b, int64_t length) {
  const int64_t per_item = b->dev->cpu_class ? ocl_split_rows(b->dev, 1, length).per_item : 1;
  ocl_arg_long(l, length);
  ocl_arg_long(l, per_item);
  return (length + per_item - 1) / per_item;
}

static int32_t relu_accepts(ocl_query *q) {
  if (!ocl_takes_f32(q) || !ocl_takes_no_post(q)) return 0;
  if (q->row->layout != CVK_PLAIN && q->op->in[0]->rank < 3) return ocl_refuse(q, "rank %d has no channel layout worth keeping", q->op->in[0]->rank);
  for (int32_t i = 0; i < 2; i++) ocl_want_in(q, i, q->row->layout);
  ocl_want_out(q, 0, q->row->layout);
  q->candidate->inplace = 1;
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(q->op->in[0]), ocl_traffic(q->op), 0.3);
  return 1;
}

static cvk_status relu_prepare(ocl_build *b) {
  const int64_t length = (int64_t)(cvk_desc_bytes(b->op->in[0]) / sizeof(float));
  ocl_launch *l = begin(b, "relu_grad");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_out(l, b, 0);
  const int64_t items = arg_shares(l, b, length);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

static int32_t dropout_accepts(ocl_query *q) {
  const cvk_tensor_desc *x = q->op->in[0];
  if (x->dtype != CVK_F32) return ocl_refuse(q, "the input has type %d, this row works on f32", x->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  q->candidate->inplace = 0;
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(x) * 20, ocl_traffic(q->op), 0.1);
  return 1;
}

static cvk_status dropout_prepare(ocl_build *b) {
  const cvk_dropout_attr *a = b->op->attr;
  const int64_t length = ocl_elements(b->op->in[0]), blocks = (length + 3) / 4, per_item = ocl_rows_per_item(b->dev, blocks, 16);
  const int64_t items = (blocks + per_item - 1) / per_item;
  const cl_uint least = (cl_uint)(a->ratio * 4294967296.0f);
  ocl_launch *l = begin(b, "dropout_train");
  ocl_arg_in(l, b, 0);
  ocl_arg_in(l, b, 1);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 3, (int64_t[]){length, per_item, a->stream});
  ocl_arg_value(l, sizeof least, &least);
  ocl_arg_float(l, (float)(1 / (1 - (double)a->ratio)));
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

static int32_t optimizer_accepts(ocl_query *q) {
  const cvk_tensor_desc *w = q->op->in[0];
  if (w->dtype != CVK_F32) return ocl_refuse(q, "the weights have type %d, this row works on f32", w->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (!q->op->out[0]) return ocl_refuse(q, "nobody reads the new weights");
  q->candidate->inplace = 0;
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(w) * (q->op->kind == CVK_OP_ADAM ? 40 : 5), ocl_traffic(q->op), 0.3);
  return 1;
}

static cvk_status sgd_prepare(ocl_build *b) {
  const cvk_sgd_attr *a = b->op->attr;
  ocl_launch *l = begin(b, "sgd");
  for (int32_t i = 0; i < 5; i++) ocl_arg_in(l, b, i);
  for (int32_t i = 0; i < 2; i++) ocl_arg_out(l, b, i);
  const int64_t items = arg_shares(l, b, ocl_elements(b->op->in[0]));
  ocl_arg_float(l, a->momentum);
  ocl_arg_float(l, a->decay);
  ocl_arg_int(l, a->nesterov != 0);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

static void arg_beta(ocl_launch *l, float beta) {
  ocl_arg_float(l, beta);
  ocl_arg_float(l, (float)(1 - (double)beta));
  ocl_arg_float(l, (float)log((double)beta));
}

static cvk_status adam_prepare(ocl_build *b) {
  const cvk_adam_attr *a = b->op->attr;
  ocl_launch *l = begin(b, "adam");
  for (int32_t i = 0; i < 7; i++) ocl_arg_in(l, b, i);
  for (int32_t i = 0; i < 3; i++) ocl_arg_out(l, b, i);
  const int64_t items = arg_shares(l, b, ocl_elements(b->op->in[0]));
  arg_beta(l, a->beta1);
  arg_beta(l, a->beta2);
  ocl_arg_float(l, a->epsilon);
  ocl_arg_float(l, a->decay);
  ocl_arg_int(l, a->decoupled != 0);
  return ocl_launch_end(b, l, 1, &items, ocl_line_local);
}

/* ---- cross-entropy ---- */

static int64_t rows_of(const cvk_op *op) { return ocl_elements(op->in[1]); }

/* Where the mean's divisor depends on the targets it is a sum of its own. */
static int32_t sums_weights(const cvk_op *op) {
  const cvk_cross_entropy_attr *a = op->attr;
  return a->reduction == CVK_LOSS_MEAN && (a->has_ignore || (op->n_in > 3 && op->in[3]));
}

static int32_t loss_accepts(ocl_query *q) {
  const cvk_op *op = q->op;
  const cvk_cross_entropy_attr *a = op->attr;
  if (op->in[0]->dtype != CVK_F32) return ocl_refuse(q, "the input has type %d, this row works on f32", op->in[0]->dtype);
  if (!ocl_takes_no_post(q)) return 0;
  if (!op->out[0]) return ocl_refuse(q, "nobody reads the output");
  if (op->kind == CVK_OP_SOFTMAX_CROSS_ENTROPY && a->reduction != CVK_LOSS_NONE)
    q->candidate->workspace_bytes = (uint64_t)rows_of(op) * 2 * sizeof(float);
  if (op->kind == CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD && sums_weights(op)) q->candidate->workspace_bytes = sizeof(float);
  q->candidate->estimated_ns = ocl_estimate(q->dev, (double)ocl_elements(op->in[0]) * 60, 2 * ocl_traffic(op), 0.1);
  return 1;
}

static void arg_targets(ocl_launch *l, ocl_build *b, int32_t weight) {
  const cvk_cross_entropy_attr *a = b->op->attr;
  const int32_t wide = b->op->in[1]->dtype == CVK_I64;
  ocl_arg_in(l, b, wide ? 1 : b->op->n_in);
  ocl_arg_in(l, b, wide ? b->op->n_in : 1);
  ocl_arg_in(l, b, weight);
  ocl_arg_long(l, b->op->in[0]->dim[1]);
  ocl_arg_int(l, a->has_ignore != 0);
  ocl_arg_long(l, a->ignore_index);
}

/* A work-group for each line, of one item on devices of class cpu. */
static cvk_status end_groups(ocl_build *b, ocl_launch *l, int64_t lines, int64_t elements) {
  return ocl_launch_lines(b, l, lines, b->dev->cpu_class ? 1 : elements);
}

static cvk_status loss_prepare(ocl_build *b) {
  const cvk_cross_entropy_attr *a = b->op->attr;
  const cvk_tensor_desc *x = b->op->in[0];
  const int64_t rows = rows_of(b->op);
  const int32_t each = a->reduction == CVK_LOSS_NONE;
  ocl_launch *l = begin(b, "cross_entropy_rows");
  ocl_arg_in(l, b, 0);
  arg_targets(l, b, 2);
  if (each) ocl_arg_out(l, b, 0);
  else ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_int(l, each ? 1 : 2);
  ocl_arg_long(l, ocl_pixels(x));
  ocl_arg_float(l, a->label_smoothing);
  const cvk_status status = end_groups(b, l, rows, x->dim[1]);
  if (status != CVK_OK || each) return status;
  l = begin(b, "cross_entropy_sum");
  ocl_arg_workspace(l, 0, sizeof(float));
  ocl_arg_out(l, b, 0);
  ocl_arg_long(l, rows);
  ocl_arg_int(l, a->reduction == CVK_LOSS_MEAN);
  return end_groups(b, l, 1, rows);
}

static cvk_status loss_grad_prepare(ocl_build *b) {
  const cvk_cross_entropy_attr *a = b->op->attr;
  const cvk_tensor_desc *x = b->op->in[0];
  const int64_t rows = rows_of(b->op);
  ocl_launch *l;
  if (sums_weights(b->op)) {
    l = begin(b, "cross_entropy_divisor");
    arg_targets(l, b, 3);
    ocl_arg_workspace(l, 0, sizeof(float));
    ocl_arg_long(l, rows);
    const cvk_status status = end_groups(b, l, 1, rows);
    if (status != CVK_OK) return status;
  }
  l = begin(b, "cross_entropy_grad");
  ocl_arg_in(l, b, 0);
  arg_targets(l, b, 3);
  ocl_arg_in(l, b, 2);
  if (sums_weights(b->op)) ocl_arg_workspace(l, 0, sizeof(float));
  else ocl_arg_none(l);
  ocl_arg_out(l, b, 0);
  ocl_arg_float(l, a->reduction == CVK_LOSS_MEAN ? (float)rows : 1.0f);
  ocl_arg_int(l, a->reduction == CVK_LOSS_NONE);
  ocl_arg_long(l, ocl_pixels(x));
  ocl_arg_float(l, a->label_smoothing);
  return end_groups(b, l, rows, x->dim[1]);
}

static const int32_t relu_kinds[] = {CVK_OP_RELU_GRAD};
static const ocl_row relu_rows[] = {
    {.name = "relu_grad_blocked", .layout = CVK_BLOCKED, .accepts = relu_accepts, .prepare = relu_prepare},
    {.name = "relu_grad_plain", .layout = CVK_PLAIN, .accepts = relu_accepts, .prepare = relu_prepare},
};
const ocl_list ocl_relu_grad_list = {relu_kinds, 1, sizeof relu_rows / sizeof *relu_rows, relu_rows};

static const int32_t dropout_kinds[] = {CVK_OP_DROPOUT_TRAIN};
static const ocl_row dropout_rows[] = {
    {.name = "dropout_train_plain", .layout = CVK_PLAIN, .accepts = dropout_accepts, .prepare = dropout_prepare}};
const ocl_list ocl_dropout_train_list = {dropout_kinds, 1, 1, dropout_rows};

static const int32_t sgd_kinds[] = {CVK_OP_SGD};
static const ocl_row sgd_rows[] = {{.name = "sgd_plain", .layout = CVK_PLAIN, .accepts = optimizer_accepts, .prepare = sgd_prepare}};
const ocl_list ocl_sgd_list = {sgd_kinds, 1, 1, sgd_rows};

static const int32_t adam_kinds[] = {CVK_OP_ADAM};
static const ocl_row adam_rows[] = {{.name = "adam_plain", .layout = CVK_PLAIN, .accepts = optimizer_accepts, .prepare = adam_prepare}};
const ocl_list ocl_adam_list = {adam_kinds, 1, 1, adam_rows};

static const int32_t loss_kinds[] = {CVK_OP_SOFTMAX_CROSS_ENTROPY};
static const ocl_row loss_rows[] = {{.name = "cross_entropy_plain", .layout = CVK_PLAIN, .accepts = loss_accepts, .prepare = loss_prepare}};
const ocl_list ocl_cross_entropy_list = {loss_kinds, 1, 1, loss_rows};

static const int32_t loss_grad_kinds[] = {CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD};
static const ocl_row loss_grad_rows[] = {
    {.name = "cross_entropy_grad_plain", .layout = CVK_PLAIN, .accepts = loss_accepts, .prepare = loss_grad_prepare}};
const ocl_list ocl_cross_entropy_grad_list = {loss_grad_kinds, 1, 1, loss_grad_rows};
