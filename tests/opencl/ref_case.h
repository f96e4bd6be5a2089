/* SPDX-License-Identifier: Apache-2.0 */
/* ref_case.h: one op on every row that offers itself, against the plain-C reference of api/ops. */
#ifndef CVK_TESTS_REF_CASE_H
#define CVK_TESTS_REF_CASE_H

#include "mini_host.h"
#include "op_table.h"

typedef struct case_tensor {
  cvk_tensor_desc desc;
  void *data;
} case_tensor;

case_tensor case_new(int32_t dtype, int32_t rank, const int64_t *dim);    /* zeros */
case_tensor case_random(int32_t rank, const int64_t *dim, uint32_t seed); /* f32 in -1..1 */
case_tensor case_floats(int32_t rank, const int64_t *dim, const float *v);
case_tensor case_longs(int32_t n, const int64_t *v);
case_tensor case_typed(int32_t dtype, int32_t rank, const int64_t *dim, uint32_t seed); /* small numbers of any type */
void case_free(case_tensor *t);

/* Which inputs the plugin sees as constants: bit i. */
typedef struct case_options {
  uint32_t constants;
  uint32_t absent_outputs; /* bit i: nobody reads output i */
  int32_t post;            /* an activation's kind, applied to f32 output 0 as a post-op; 0: none */
  const cvk_unary_attr *post_attr;
  double relative, absolute; /* |got - want| <= absolute + relative |want|; both 0: bit for bit, but for the bits of a NaN */
} case_options;

/* Resolves the op, computes the reference and runs each of the rows named (ends with NULL), which must all offer themselves. */
void case_check(int32_t kind, const void *attr, int32_t n_in, const case_tensor *const *in, int32_t n_out, const char *const *rows,
                const case_options *options);
/* One input and one output, within `relative` of the reference (and the same as an absolute error). */
void case_check1(int32_t kind, const void *attr, const case_tensor *x, const char *const *rows, double relative);
/* No row offers itself, and the last reason contains `text`. */
void case_refused(int32_t kind, const void *attr, int32_t n_in, const case_tensor *const *in, int32_t n_out, const char *text);

#define DIMS(...)                                                                    \
  (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) { \
    __VA_ARGS__                                                                      \
  }
#define ROWS(...)         \
  (const char *const[]) { \
    __VA_ARGS__, NULL     \
  }

#endif
