/* SPDX-License-Identifier: Apache-2.0 */
/* autodiff.c: cvk_graph_gradients: reverse-mode differentiation. Shapes come from lowering the graph as a plan does; then the nodes are walked
 * backwards, and each op's gradient function adds ops that make the gradients of its inputs out of those of its outputs. */
#include <convoke/ops.h>
#include <convoke/train.h>
#include <stdio.h>
#include <stdlib.h>

#include "gradient.h"
#include "plan.h"

typedef struct tape {
  cvk_graph *g;
  cvk_plan *plan;     /* lowered: shapes, and values that are known */
  int32_t n_values;   /* of the graph as it was given */
  uint8_t *moves;     /* a value: whether it depends on one that is asked for */
  cvk_value *gradient;/* a value: what has been collected so far */
} tape;

static cvk_status lower(cvk_graph *g, const cvk_session_options *options, cvk_plan **out) {
  cvk_plan *p = calloc(1, sizeof *p);
  if (p == NULL) return cvk_plan_no_memory();
  *out = p;
  p->graph = g;
  p->options = options;
  p->inputs = cvk_arena_alloc(&p->memory, (size_t)g->n_inputs + 1, sizeof *p->inputs);
  if (p->inputs == NULL) return cvk_plan_no_memory();
  for (int32_t i = 0; i < g->n_inputs; i++) {
    const cvk_graph_value *v = &g->values[g->inputs[i]];
    p->inputs[i] = (cvk_io_key){.dtype = v->dtype, .rank = v->rank};
    if (v->rank < 0) return cvk_fail(CVK_INVALID_SHAPE, "graph_gradients: input '%s' has no rank: all shapes must be known", v->name);
    for (int32_t d = 0; d < v->rank; d++) {
      if (v->dim[d] < 0) return cvk_fail(CVK_INVALID_SHAPE, "graph_gradients: input '%s' has no extent on axis %d: all shapes must be known", v->name, d);
      p->inputs[i].dim[d] = v->dim[d];
    }
  }
  return cvk_plan_lower(p);
}

static int32_t is_real(int32_t dtype) { return dtype == CVK_F32 || dtype == CVK_F64; }

static void collect(tape *t, cvk_gradient *c, cvk_value v, cvk_value gradient) {
  if (gradient == CVK_NO_VALUE || c->status != CVK_OK) return;
  t->gradient[v] = t->gradient[v] == CVK_NO_VALUE ? gradient : cvk_grad_op2(c, CVK_OP_ADD, t->gradient[v], gradient);
}

/* A convolution with its activation as attribute: the gradient behind the activation becomes the one before it. */
static cvk_status through_activation(cvk_gradient *c, cvk_any_attr *attr, cvk_value *gy) {
  const int32_t kind = c->def->kind == CVK_OP_CONV || c->def->kind == CVK_OP_CONV_TRANSPOSE ? attr->conv.activation : 0;
  if (kind == 0) return CVK_OK;
  if (kind != CVK_OP_RELU)
    return cvk_fail(CVK_UNSUPPORTED, "graph_gradients: %s as an attribute of a convolution hides what its gradient needs: add it as an op",
                    cvk_op_name(kind));
  *gy = cvk_grad_op2(c, CVK_OP_RELU_GRAD, c->y[0], *gy);
  attr->conv.activation = 0;
  return c->status;
}

static cvk_status differentiate(tape *t, int32_t index) {
  const cvk_graph_node node = t->g->nodes[index]; /* a copy: the array grows */
  const cvk_op_def *def = cvk_op_def_find(node.kind);
  const cvk_tensor_desc *in[CVK_MAX_INPUTS];
  cvk_tensor_desc out[CVK_MAX_OUTPUTS];
  cvk_value gy[CVK_MAX_OUTPUTS], gx[CVK_MAX_INPUTS];
  int32_t wanted[CVK_MAX_INPUTS], some_in = 0, some_out = 0;
  cvk_any_attr attr;
  char name[128];
  for (int32_t i = 0; i < node.n_out; i++) {
    gy[i] = t->gradient[node.out[i]];
    some_out |= gy[i] != CVK_NO_VALUE;
  }
  for (int32_t i = 0; i < node.n_in; i++) {
    const cvk_value v = node.in[i];
    if (v != CVK_NO_VALUE && t->plan->values[v].constant && (def->values >> i & 1)) {
      const cvk_status status = cvk_plan_pin(t->plan, v);
      if (status != CVK_OK) return status;
    }
    in[i] = v == CVK_NO_VALUE ? NULL : &t->plan->values[v].desc;
    wanted[i] = v != CVK_NO_VALUE && t->moves[v];
    gx[i] = CVK_NO_VALUE;
    some_in |= wanted[i];
  }
  if (!some_in || !some_out) return CVK_OK;
  cvk_status status = cvk_op_resolve(node.kind, node.has_attr ? &node.attr : NULL, node.n_in, in, node.n_out, out, &attr);
  if (status != CVK_OK) return status;
  snprintf(name, sizeof name, "%.100s.grad", node.name ? node.name : def->name);
  cvk_gradient c = {.graph = t->g, .def = def, .attr = &attr, .n_in = node.n_in, .n_out = node.n_out, .in = in, .out = out, .x = node.in,
                    .y = node.out, .gy = gy, .wanted = wanted, .gx = gx, .name = name};
  status = through_activation(&c, &attr, &gy[0]);
  if (status == CVK_OK) status = def->gradient(&c);
  for (int32_t i = 0; i < node.n_in && status == CVK_OK; i++) {
    if (wanted[i]) collect(t, &c, node.in[i], gx[i]);
  }
  if (status == CVK_OK) status = c.status;
  return status == CVK_OK || node.name == NULL ? status : cvk_fail_within(status, "node '%.100s'", node.name);
}

static cvk_status seed(tape *t, cvk_value loss) {
  const cvk_tensor_desc *d = &t->plan->values[loss].desc;
  cvk_gradient c = {.graph = t->g, .name = "loss.grad"};
  const int64_t n = cvk_count(d->rank, d->dim);
  if (n != 1 || !is_real(d->dtype))
    return cvk_fail(CVK_INVALID_ARGUMENT, "graph_gradients: the loss has %lld elements of %s, it is one number of float32 or float64", (long long)n,
                    cvk_dtype_name(d->dtype));
  t->gradient[loss] = cvk_grad_scalar(&c, d->dtype, 1);
  if (d->rank > 0) t->gradient[loss] = cvk_grad_reshape(&c, t->gradient[loss], d);
  return c.status;
}

cvk_status cvk_graph_gradients(cvk_graph *g, cvk_value loss, int32_t n, const cvk_value *of, cvk_value *gradients) {
  const cvk_session_options options = {.keep_values = 1};
  if (g == NULL || (n > 0 && (of == NULL || gradients == NULL))) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_gradients: an argument is NULL");
  tape t = {.g = g, .n_values = g->n_values};
  const int32_t n_nodes = g->n_nodes;
  if (loss < 0 || loss >= t.n_values) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_gradients: the loss is value %d, the graph has %d", loss, t.n_values);
  for (int32_t i = 0; i < n; i++) {
    if (of[i] < 0 || of[i] >= t.n_values) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_gradients: value %d is asked for, the graph has %d", of[i], t.n_values);
  }
  t.moves = calloc((size_t)t.n_values, sizeof *t.moves);
  t.gradient = calloc((size_t)t.n_values, sizeof *t.gradient);
  cvk_status status = t.moves && t.gradient ? lower(g, &options, &t.plan) : cvk_plan_no_memory();
  for (int32_t i = 0; i < t.n_values && status == CVK_OK; i++) t.gradient[i] = CVK_NO_VALUE;
  for (int32_t i = 0; i < n && status == CVK_OK; i++) t.moves[of[i]] = 1;
  for (int32_t k = 0; k < n_nodes && status == CVK_OK; k++) {
    const cvk_graph_node *node = &g->nodes[k];
    uint8_t moves = 0;
    for (int32_t i = 0; i < node->n_in; i++) moves |= node->in[i] != CVK_NO_VALUE && t.moves[node->in[i]];
    for (int32_t i = 0; i < node->n_out; i++) t.moves[node->out[i]] |= moves && is_real(t.plan->values[node->out[i]].desc.dtype);
  }
  if (status == CVK_OK) status = seed(&t, loss);
  for (int32_t k = n_nodes - 1; k >= 0 && status == CVK_OK; k--) status = differentiate(&t, k);
  for (int32_t i = 0; i < n && status == CVK_OK; i++) gradients[i] = t.gradient[of[i]];
  cvk_plan_free(t.plan);
  free(t.moves);
  free(t.gradient);
  return status;
}
