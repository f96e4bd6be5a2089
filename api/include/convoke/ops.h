/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/ops.h: two typed functions for each op of ops.def (docs/ops.md lists them with their rules):
 *   eager:  cvk_conv(x, w, b, &attr, &y)             runs now; *y is a new tensor, the caller's, on the inputs' device
 *   graph:  cvk_graph_conv(g, x, w, b, &attr, &y)    adds the op to a graph
 * attr NULL: ONNX's defaults. An absent optional input is NULL (eager) or CVK_NO_VALUE (graph). Inputs of two devices: DEVICE_MISMATCH; host
 * tensors go with any. Eager calls keep prepared kernels in a bounded least-recently-used cache of the context. */
#ifndef CONVOKE_OPS_H
#define CONVOKE_OPS_H

#include <convoke/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs any op eagerly; outputs[i] receives a new tensor. At least one input must be a device's tensor: it says where the op runs. */
CVK_EXPORT cvk_status cvk_op_run(int32_t kind, const void *attr, int32_t n_in, cvk_tensor *const *inputs, int32_t n_out, cvk_tensor **outputs);

/* Facts about an op kind; NULL for an unknown one. */
CVK_EXPORT const char *cvk_op_name(int32_t kind);      /* "conv" */
CVK_EXPORT const char *cvk_op_onnx_name(int32_t kind); /* "Conv"; "" where ONNX has none */

#define CVK_FN_U(name, A)                                                                             \
  static inline cvk_status cvk_##name(cvk_tensor *x, cvk_tensor **y) {                                \
    return cvk_op_run(CVK_KIND_##name, NULL, 1, &x, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value x, cvk_value *y) {                \
    return cvk_graph_op(g, CVK_KIND_##name, NULL, 1, &x, 1, y, NULL);                                 \
  }
#define CVK_FN_UA(name, A)                                                                            \
  static inline cvk_status cvk_##name(cvk_tensor *x, const A *attr, cvk_tensor **y) {                 \
    return cvk_op_run(CVK_KIND_##name, attr, 1, &x, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value x, const A *attr, cvk_value *y) { \
    return cvk_graph_op(g, CVK_KIND_##name, attr, 1, &x, 1, y, NULL);                                 \
  }
#define CVK_FN_B(name, A)                                                                             \
  static inline cvk_status cvk_##name(cvk_tensor *a, cvk_tensor *b, cvk_tensor **y) {                 \
    cvk_tensor *in[2] = {a, b};                                                                       \
    return cvk_op_run(CVK_KIND_##name, NULL, 2, in, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value a, cvk_value b, cvk_value *y) {   \
    const cvk_value in[2] = {a, b};                                                                   \
    return cvk_graph_op(g, CVK_KIND_##name, NULL, 2, in, 1, y, NULL);                                 \
  }
#define CVK_FN_BA(name, A)                                                                            \
  static inline cvk_status cvk_##name(cvk_tensor *a, cvk_tensor *b, const A *attr, cvk_tensor **y) {  \
    cvk_tensor *in[2] = {a, b};                                                                       \
    return cvk_op_run(CVK_KIND_##name, attr, 2, in, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value a, cvk_value b, const A *attr,    \
                                            cvk_value *y) {                                           \
    const cvk_value in[2] = {a, b};                                                                   \
    return cvk_graph_op(g, CVK_KIND_##name, attr, 2, in, 1, y, NULL);                                 \
  }
#define CVK_FN_T(name, A)                                                                             \
  static inline cvk_status cvk_##name(cvk_tensor *c, cvk_tensor *a, cvk_tensor *b, cvk_tensor **y) {  \
    cvk_tensor *in[3] = {c, a, b};                                                                    \
    return cvk_op_run(CVK_KIND_##name, NULL, 3, in, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value c, cvk_value a, cvk_value b,      \
                                            cvk_value *y) {                                           \
    const cvk_value in[3] = {c, a, b};                                                                \
    return cvk_graph_op(g, CVK_KIND_##name, NULL, 3, in, 1, y, NULL);                                 \
  }
#define CVK_FN_TA(name, A)                                                                            \
  static inline cvk_status cvk_##name(cvk_tensor *x, cvk_tensor *w, cvk_tensor *b, const A *attr,     \
                                      cvk_tensor **y) {                                               \
    cvk_tensor *in[3] = {x, w, b};                                                                    \
    return cvk_op_run(CVK_KIND_##name, attr, 3, in, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value x, cvk_value w, cvk_value b,      \
                                            const A *attr, cvk_value *y) {                            \
    const cvk_value in[3] = {x, w, b};                                                                \
    return cvk_graph_op(g, CVK_KIND_##name, attr, 3, in, 1, y, NULL);                                 \
  }
#define CVK_FN_QA(name, A)                                                                            \
  static inline cvk_status cvk_##name(cvk_tensor *x, cvk_tensor *scale, cvk_tensor *bias,             \
                                      cvk_tensor *mean, cvk_tensor *var, const A *attr,               \
                                      cvk_tensor **y) {                                               \
    cvk_tensor *in[5] = {x, scale, bias, mean, var};                                                  \
    return cvk_op_run(CVK_KIND_##name, attr, 5, in, 1, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value x, cvk_value scale,               \
                                            cvk_value bias, cvk_value mean, cvk_value var,            \
                                            const A *attr, cvk_value *y) {                            \
    const cvk_value in[5] = {x, scale, bias, mean, var};                                              \
    return cvk_graph_op(g, CVK_KIND_##name, attr, 5, in, 1, y, NULL);                                 \
  }
#define CVK_FN_N(name, A)                                                                             \
  static inline cvk_status cvk_##name(int32_t n, cvk_tensor *const *x, cvk_tensor **y) {              \
    return cvk_op_run(CVK_KIND_##name, NULL, n, x, 1, y);                                             \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, int32_t n, const cvk_value *x,              \
                                            cvk_value *y) {                                           \
    return cvk_graph_op(g, CVK_KIND_##name, NULL, n, x, 1, y, NULL);                                  \
  }
#define CVK_FN_NA(name, A)                                                                            \
  static inline cvk_status cvk_##name(int32_t n, cvk_tensor *const *x, const A *attr,                 \
                                      cvk_tensor **y) {                                               \
    return cvk_op_run(CVK_KIND_##name, attr, n, x, 1, y);                                             \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, int32_t n, const cvk_value *x,              \
                                            const A *attr, cvk_value *y) {                            \
    return cvk_graph_op(g, CVK_KIND_##name, attr, n, x, 1, y, NULL);                                  \
  }
/* indices may be NULL. */
#define CVK_FN_P(name, A)                                                                             \
  static inline cvk_status cvk_##name(cvk_tensor *x, const A *attr, cvk_tensor **y,                   \
                                      cvk_tensor **indices) {                                         \
    cvk_tensor *out[2] = {NULL, NULL};                                                                \
    const cvk_status s = cvk_op_run(CVK_KIND_##name, attr, 1, &x, indices ? 2 : 1, out);              \
    if (s == CVK_OK) *y = out[0];                                                                     \
    if (s == CVK_OK && indices) *indices = out[1];                                                    \
    return s;                                                                                         \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value x, const A *attr, cvk_value *y,   \
                                            cvk_value *indices) {                                     \
    cvk_value out[2];                                                                                 \
    const cvk_status s = cvk_graph_op(g, CVK_KIND_##name, attr, 1, &x, indices ? 2 : 1, out, NULL);   \
    if (s == CVK_OK) *y = out[0];                                                                     \
    if (s == CVK_OK && indices) *indices = out[1];                                                    \
    return s;                                                                                         \
  }
#define CVK_FN_S(name, A)                                                                             \
  static inline cvk_status cvk_##name(cvk_tensor *x, const A *attr, int32_t n, cvk_tensor **y) {      \
    return cvk_op_run(CVK_KIND_##name, attr, 1, &x, n, y);                                            \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, cvk_value x, const A *attr, int32_t n,      \
                                            cvk_value *y) {                                           \
    return cvk_graph_op(g, CVK_KIND_##name, attr, 1, &x, n, y, NULL);                                 \
  }
#define CVK_FN_M(name, A)                                                                             \
  static inline cvk_status cvk_##name(int32_t n, cvk_tensor *const *x, const A *attr, int32_t n_out,  \
                                      cvk_tensor **y) {                                               \
    return cvk_op_run(CVK_KIND_##name, attr, n, x, n_out, y);                                         \
  }                                                                                                   \
  static inline cvk_status cvk_graph_##name(cvk_graph *g, int32_t n, const cvk_value *x,              \
                                            const A *attr, int32_t n_out, cvk_value *y) {             \
    return cvk_graph_op(g, CVK_KIND_##name, attr, n, x, n_out, y, NULL);                              \
  }

#define CVK_ROW(KIND, name, onnx, form, lo, hi, outs, A, d, i, r, grad, v, doc) enum { CVK_KIND_##name = CVK_OP_##KIND };
#include <convoke/ops.def>
#undef CVK_ROW
#define CVK_ROW(KIND, name, onnx, form, lo, hi, outs, A, d, i, r, grad, v, doc) CVK_FN_##form(name, A)
#include <convoke/ops.def>
#undef CVK_ROW

#ifdef __cplusplus
}
#endif
#endif
