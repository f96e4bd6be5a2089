/* SPDX-License-Identifier: Apache-2.0 */
/* widen.c: ops of float16 and bfloat16 that no device but the reference has are computed in float32, by kernels, between casts: each result
 * is rounded to the narrow type as the reference does, so that they differ by no more than one rounding. Ops that choose among their inputs
 * and keep the order of numbers (maximum, ReLU) read what was not rounded yet: rounding after them is the same, and they fuse. Constants
 * are cast when they are read. A session on the reference computes in the narrow type: it is what others are held against. */
#include <string.h>

#include "fold.h"
#include "plan.h"
#include "weights.h"

#define DERIVED 1000 /* weights.h: the number of input i's float32 is this and i; smaller ones are affine.c's */

static int32_t is_narrow(int32_t dtype) {
  return dtype == CVK_F16 || dtype == CVK_BF16;
}

static int32_t is_arithmetic(int32_t kind) {
  static const int32_t ranges[][2] = {{CVK_OP_CONV, CVK_OP_GLOBAL_LP_POOL},   {CVK_OP_GEMM, CVK_OP_LOG_SOFTMAX},
                                      {CVK_OP_RELU, CVK_OP_THRESHOLDED_RELU}, {CVK_OP_EXP, CVK_OP_SHRINK},
                                      {CVK_OP_ADD, CVK_OP_GREATER},           {CVK_OP_REDUCE_MEAN, CVK_OP_REDUCE_PROD}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (kind >= ranges[i][0] && kind <= ranges[i][1]) return 1;
  return 0;
}

/* Rounding before or after such an op is the same. */
static int32_t keeps_order(int32_t kind) {
  return kind == CVK_OP_RELU || kind == CVK_OP_MAX_POOL || kind == CVK_OP_GLOBAL_MAX_POOL || kind == CVK_OP_MAX || kind == CVK_OP_MIN ||
         kind == CVK_OP_REDUCE_MAX || kind == CVK_OP_REDUCE_MIN || kind == CVK_OP_ABS || kind == CVK_OP_NEG;
}

/* Whether the session's device, or the CPU's where it may stand in, has the op. */
static int32_t some_device_has(cvk_plan *p, const cvk_op *op) {
  cvk_plan_option options[CVK_MAX_OPTIONS];
  int32_t n;
  for (int32_t d = 0; d < 2; d++) {
    if (d == 1 && p->options->fallback == CVK_FALLBACK_NONE) return 0;
    if (p->devices[d] == NULL) p->devices[d] = p->fallback(p->session, d);
    if (p->devices[d] == NULL || p->devices[d]->info.type == CVK_DEVICE_REFERENCE) continue;
    if (d >= p->n_devices) p->n_devices = d + 1;
    if (cvk_plan_ask(p, d, op, options, &n) == CVK_OK) return 1;
  }
  return 0;
}

static void show_as_float(cvk_tensor_desc *d, int32_t n, const cvk_tensor_desc *const *shown) {
  for (int32_t i = 0; i < n; i++) {
    if (shown[i] == NULL || !is_narrow(d[i].dtype)) continue;
    d[i].dtype = CVK_F32;
    d[i].const_data = NULL;
  }
}

int32_t cvk_plan_is_widened(cvk_plan *p, const cvk_plan_op *op) {
  cvk_op_view view;
  cvk_plan_op asked = *op;
  int32_t narrow = 0;
  if (p->devices[0] == NULL || p->devices[0]->info.type == CVK_DEVICE_REFERENCE || !is_arithmetic(op->kind)) return 0;
  for (int32_t i = 0; i < op->n_in; i++) narrow |= op->in[i] >= 0 && is_narrow(p->values[op->in[i]].desc.dtype);
  if (!narrow) return 0;
  if (op->kind == CVK_OP_CONV || op->kind == CVK_OP_CONV_TRANSPOSE) asked.attr.conv.activation = 0;
  cvk_op_view_fill(p, &asked, 0, NULL, &view);
  if (some_device_has(p, &view.op)) return 0;
  show_as_float(view.in_desc, op->n_in, view.in);
  show_as_float(view.out_desc, op->n_out, view.out);
  return some_device_has(p, &view.op);
}

/* An op of the plan, with in and out copied. */
static cvk_status append(cvk_plan *p, const cvk_plan_op *like, const int32_t *in, const int32_t *out) {
  cvk_plan_op *op = &p->ops[p->n_ops];
  *op = *like;
  op->in = cvk_arena_alloc(&p->memory, (size_t)(like->n_in + like->n_out), sizeof *op->in);
  if (op->in == NULL) return cvk_plan_no_memory();
  op->out = op->in + like->n_in;
  memcpy(op->in, in, (size_t)like->n_in * sizeof *in);
  memcpy(op->out, out, (size_t)like->n_out * sizeof *out);
  p->n_ops++;
  return CVK_OK;
}

static cvk_status append_cast(cvk_plan *p, int32_t node, int32_t from, int32_t to) {
  cvk_plan_op cast = {.kind = CVK_OP_CAST, .node = node, .n_in = 1, .n_out = 1, .has_attr = 1};
  cast.attr.cast = (cvk_cast_attr){.struct_size = sizeof cast.attr.cast, .dtype = p->values[to].desc.dtype};
  return append(p, &cast, &from, &to);
}

static cvk_status add_float(cvk_plan *p, int32_t like, cvk_tensor *constant, int32_t *out) {
  cvk_tensor_desc desc = p->values[like].desc;
  desc.dtype = CVK_F32;
  return cvk_plan_add_value(p, &desc, constant, out);
}

/* The float32 of a constant that is input i of the node: one tensor for all plans, or packs would not be shared. NULL: a cast makes it. */
static cvk_tensor *float_constant(cvk_plan *p, int32_t node, int32_t i, cvk_tensor *narrow) {
  const cvk_cast_attr to = {.dtype = CVK_F32};
  cvk_tensor *t = cvk_weights_derived(p->weights, node, DERIVED + i);
  if (t) return cvk_tensor_retain(t);
  t = cvk_fold(CVK_OP_CAST, &to, 1, &narrow, NULL);
  if (t) cvk_weights_keep_derived(p->weights, node, DERIVED + i, t);
  return t;
}

static cvk_status widen_input(cvk_plan *p, const cvk_plan_op *op, int32_t i, int32_t *out) {
  const int32_t v = op->in[i];
  int32_t wide = 0;
  cvk_status status = CVK_OK;
  *out = v;
  if (v < 0 || !is_narrow(p->values[v].desc.dtype)) return CVK_OK;
  if (keeps_order(op->kind)) wide = p->values[v].raw;
  if (wide == 0) wide = p->values[v].wide;
  if (wide == 0) {
    cvk_tensor *constant = p->values[v].constant ? float_constant(p, op->node, i, p->values[v].constant) : NULL;
    status = add_float(p, v, constant, &wide);
    if (status == CVK_OK && constant == NULL) status = append_cast(p, op->node, v, wide);
    if (status == CVK_OK) p->values[v].wide = wide;
    cvk_tensor_release(constant);
  }
  *out = wide;
  return status;
}

cvk_status cvk_plan_widen(cvk_plan *p, const cvk_plan_op *op) {
  int32_t in[CVK_MAX_INPUTS], out[CVK_MAX_OUTPUTS];
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < op->n_in && status == CVK_OK; i++) status = widen_input(p, op, i, &in[i]);
  for (int32_t i = 0; i < op->n_out && status == CVK_OK; i++) {
    out[i] = op->out[i];
    if (is_narrow(p->values[out[i]].desc.dtype)) status = add_float(p, op->out[i], NULL, &out[i]);
  }
  if (status == CVK_OK) status = append(p, op, in, out);
  if (status == CVK_OK) status = cvk_plan_split_activation(p, &p->ops[p->n_ops - 1]);
  for (int32_t i = 0; i < op->n_out && status == CVK_OK; i++) {
    if (out[i] == op->out[i]) continue;
    p->values[op->out[i]].raw = out[i];
    status = append_cast(p, op->node, out[i], op->out[i]);
  }
  return status;
}
