/* SPDX-License-Identifier: Apache-2.0 */
/* ref_run.h: runs one op by its reference from arrays, for the tests of api/ops. A ref_tensor owns exactly its bytes (a sanitizer sees the
 * first byte past them); ref_free gives them back. */
#ifndef CVK_TESTS_REF_RUN_H
#define CVK_TESTS_REF_RUN_H

#include "../harness.h"
#include "op_table.h"

typedef struct ref_tensor {
  cvk_tensor_desc desc;
  void *data;
} ref_tensor;

/* A shape in place: SHAPE(1, 3, 4, 4) stands for the two arguments rank, dim. */
#define SHAPE(...)                                                                   \
  (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) { \
    __VA_ARGS__                                                                      \
  }
#define SCALAR 0, NULL

ref_tensor ref_new(int32_t dtype, int32_t rank, const int64_t *dim);                      /* zeros */
ref_tensor ref_of(int32_t dtype, int32_t rank, const int64_t *dim, const void *elements); /* a copy */
ref_tensor ref_ramp(int32_t mul, int32_t add, int32_t mod, int32_t sub, int32_t div, int32_t rank,
                    const int64_t *dim);                                 /* f32, as the cases' */
ref_tensor ref_random(uint32_t *seed, int32_t rank, const int64_t *dim); /* f32 in -1 .. 1, multiples of 2^-8 */
uint32_t ref_next(uint32_t *seed, uint32_t below);                       /* 0 .. below - 1 */
void ref_free(ref_tensor *t);

/* Resolves the op (inputs that the rule reads come with their values), allocates the outputs and runs the reference. An absent input is
 * NULL. On failure out[] is empty. */
cvk_status ref_run(int32_t kind, const void *attr, int32_t n_in, const ref_tensor *const *in, int32_t n_out, ref_tensor *out);
/* One input, one output. */
cvk_status ref_run1(int32_t kind, const void *attr, const ref_tensor *x, ref_tensor *y);
/* Two inputs (either may be NULL), one output. */
cvk_status ref_run2(int32_t kind, const void *attr, const ref_tensor *a, const ref_tensor *b, ref_tensor *y);
/* The shape rule alone: out[0]'s desc. */
cvk_status ref_infer(int32_t kind, const void *attr, int32_t n_in, const cvk_tensor_desc *const *in, cvk_tensor_desc *out);

/* Shape and values: |got - want| <= tolerance * max(1, |want|), NaN for NaN, infinities equal. f32. */
void ref_expect(const ref_tensor *t, double tolerance, int32_t rank, const int64_t *dim, const float *want);
void ref_expect_i64(const ref_tensor *t, int32_t rank, const int64_t *dim, const int64_t *want);
void ref_expect_bytes(const ref_tensor *t, int32_t dtype, int32_t rank, const int64_t *dim, const void *want); /* any type, bit for bit */
void ref_expect_shape(const cvk_tensor_desc *d, int32_t rank, const int64_t *dim);

#endif
