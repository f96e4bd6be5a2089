/* SPDX-License-Identifier: Apache-2.0 */
/* one_node.h: the model of a single node with inputs a b c ... and outputs named by the test, run and compared or refused. */
#ifndef CVK_TESTS_ONNX_ONE_NODE_H
#define CVK_TESTS_ONNX_ONE_NODE_H

#include "run_model.h"

/* in, out: names separated by spaces, "-": absent. All named outputs are graph outputs. */
static inline bytes one(int64_t opset, const char *op, bytes *attrs, const char *in, const char *out, int32_t n_in, const array *x) {
  static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
  bytes g = {0};
  for (int32_t i = 0; i < n_in; i++) declare(&g, names[i], x[i]);
  node(&g, op, in, out, attrs);
  while (*out) {
    char name[8] = {0};
    const size_t n = strcspn(out, " ");
    memcpy(name, out, n);
    if (name[0] != '-') output(&g, name);
    out += n + (out[n] == ' ');
  }
  return model(&g, opset);
}

static inline void check_op(int64_t opset, const char *op, bytes *attrs, const char *in, int32_t n_in, const array *x, array want) {
  bytes m = one(opset, op, attrs, in, "y", n_in, x);
  expect(&m, n_in, x, 1, &want);
}

static inline void check_refused(int64_t opset, const char *op, bytes *attrs, const char *in, int32_t n_in, const array *x,
                                 cvk_status status, const char *text) {
  bytes m = one(opset, op, attrs, in, "y", n_in, x);
  expect_failure(&m, n_in, x, status, text);
}

#endif
