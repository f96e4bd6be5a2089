/* SPDX-License-Identifier: Apache-2.0 */
/* fixture_graph.c: a case as a graph, see fixture.h. */
#include <convoke/ops.h>
#include <convoke/tensor.h>
#include <convoke/train.h>
#include <stdio.h>

#include "fixture.h"

static cvk_status add_input(cvk_graph *g, const fixture_tensor *t, int32_t i, int32_t constant, cvk_value *v, cvk_tensor **kept) {
  char name[16];
  cvk_tensor *tensor = NULL;
  snprintf(name, sizeof name, "in%d", i);
  cvk_status status = cvk_tensor_create(NULL, t->dtype, t->rank, t->dim, t->data, &tensor);
  if (status == CVK_OK) status = constant ? cvk_graph_constant(g, name, tensor, v) : cvk_graph_input(g, name, t->dtype, t->rank, t->dim, v);
  if (status == CVK_OK && !constant)
    *kept = tensor;
  else
    cvk_tensor_release(tensor);
  return status;
}

/* The gradients of sum(y gy) in the op's inputs are those that gy makes. */
static cvk_status add_backward(cvk_graph *g, const fixture *f, const cvk_value *v, cvk_value *out) {
  cvk_value y, product, loss;
  cvk_status status = cvk_graph_op(g, f->kind, f->attr, f->n_in - 1, v, 1, &y, f->id);
  if (status == CVK_OK) status = cvk_graph_mul(g, y, v[f->n_in - 1], &product);
  if (status == CVK_OK) status = cvk_graph_reduce_sum(g, product, NULL, &loss);
  return status == CVK_OK ? cvk_graph_gradients(g, loss, f->n_out, v, out) : status;
}

cvk_status fixture_graph(cvk_context *ctx, const fixture *f, int32_t constants, cvk_graph **g, cvk_tensor **tensors, int32_t *n_in) {
  cvk_value v[FIXTURE_INPUTS], out[FIXTURE_OUTPUTS];
  cvk_status status = cvk_graph_create(ctx, g);
  *n_in = 0;
  for (int32_t i = 0; i < f->n_in && status == CVK_OK; i++) {
    status = add_input(*g, &f->in[i], i, i >= constants, &v[i], &tensors[*n_in]);
    *n_in += i < constants;
  }
  if (status == CVK_OK)
    status = f->backward ? add_backward(*g, f, v, out) : cvk_graph_op(*g, f->kind, f->attr, f->n_in, v, f->n_out, out, f->id);
  for (int32_t i = 0; i < f->n_out && status == CVK_OK; i++)
    status = cvk_graph_output(*g, out[i], i == 0 ? "out0" : i == 1 ? "out1" : "out2");
  return status;
}
