/* SPDX-License-Identifier: Apache-2.0 */
/* test_graph_dtype.c: the element types that a graph says of its values while it is built are those of the shape rules, for every op that
 * selftest has a sample of. */
#include <stdio.h>
#include <stdlib.h>

#include "../../tools/op_sample.h"
#include "graph_internal.h"
#include "net.h"

/* Adds the step to the graph, resolves it and compares. previous: the desc and value of the step before, then of this one. */
static void check_step(cvk_graph *g, const op_sample *s, const sample_step *step, const cvk_tensor_desc *tensors, const cvk_value *values,
                       cvk_tensor_desc *previous, cvk_value *previous_value) {
  const cvk_tensor_desc *in[CVK_MAX_INPUTS];
  cvk_tensor_desc out[CVK_MAX_OUTPUTS];
  cvk_value v[CVK_MAX_INPUTS], y[CVK_MAX_OUTPUTS];
  cvk_any_attr resolved;
  for (int32_t i = 0; i < step->n_in; i++) {
    const int32_t at = step->in[i];
    in[i] = at == OPERAND_PREVIOUS ? previous : at == OPERAND_ABSENT ? NULL : &tensors[at];
    v[i] = at == OPERAND_PREVIOUS ? *previous_value : at == OPERAND_ABSENT ? CVK_NO_VALUE : values[at];
  }
  const void *attr = step->has_attr ? &step->attr : NULL;
  ck_ok(cvk_graph_op(g, step->kind, attr, step->n_in, v, step->n_out, y, NULL));
  ck_ok(cvk_op_resolve(step->kind, attr, step->n_in, in, step->n_out, out, &resolved));
  for (int32_t i = 0; i < step->n_out; i++)
    ck_assert_msg(g->values[y[i]].dtype == out[i].dtype, "%s: output %d of op kind %d has type %d, api/graph_dtype.c says %d", s->text, i,
                  step->kind, out[i].dtype, g->values[y[i]].dtype);
  *previous = out[0];
  *previous_value = y[0];
}

START_TEST(every_sample) {
  cvk_context *ctx = net_context(1);
  int32_t n = 0;
  for (const char *text; (text = op_samples_at(n)) != NULL; n++) {
    cvk_graph *g = net_graph(ctx);
    op_sample s;
    cvk_tensor_desc desc[SAMPLE_TENSORS], previous = {0};
    cvk_value value[SAMPLE_TENSORS], previous_value = CVK_NO_VALUE;
    void *data[SAMPLE_TENSORS];
    char name[16], why[200];
    ck_assert_msg(op_sample_parse(text, &s, why, sizeof why), "%s: %s", text, why);
    for (int32_t i = 0; i < s.n_tensors; i++) {
      const sample_tensor *t = &s.tensor[i];
      snprintf(name, sizeof name, "%d", i);
      ck_ok(cvk_graph_input(g, name, t->dtype, t->rank, t->dim, &value[i]));
      ck_ok(cvk_desc_set(&desc[i], name, t->dtype, t->rank, t->dim));
      desc[i].const_data = data[i] = op_sample_data(&s, i);
    }
    for (int32_t k = 0; k < s.n_steps; k++) check_step(g, &s, &s.step[k], desc, value, &previous, &previous_value);
    for (int32_t i = 0; i < s.n_tensors; i++) free(data[i]);
    cvk_graph_release(g);
  }
  ck_assert_int_gt(n, 300);
  cvk_context_release(ctx);
}
END_TEST

SUITE("graph_dtype", every_sample)
