/* SPDX-License-Identifier: Apache-2.0 */
/* test_gemm.c: GEMM: transposes and broadcasts of c against a plain loop over sizes at and off the tile edges, weights of zero, errors. */
#include <math.h>

#include "ref_run.h"

static cvk_status gemm(const ref_tensor *a, const ref_tensor *b, const ref_tensor *c, const cvk_gemm_attr *attr, ref_tensor *y) {
  const ref_tensor *const in[] = {a, b, c};
  return ref_run(CVK_OP_GEMM, attr, 3, in, 1, y);
}

static void check(uint32_t *seed, int64_t m, int64_t k, int64_t n, int32_t trans_a, int32_t trans_b, int32_t c_rank, const int64_t *c_dim) {
  const cvk_gemm_attr attr = {.trans_a = trans_a, .trans_b = trans_b, .alpha = 0.5f, .beta = -2};
  ref_tensor a = ref_random(seed, 2, trans_a ? (int64_t[]){k, m} : (int64_t[]){m, k});
  ref_tensor b = ref_random(seed, 2, trans_b ? (int64_t[]){n, k} : (int64_t[]){k, n});
  ref_tensor c = ref_random(seed, c_rank, c_dim), y;
  const float *av = a.data, *bv = b.data, *cv = c.data;
  const int64_t c_rows = c_rank == 2 ? c_dim[0] : 1, c_columns = c_rank ? c_dim[c_rank - 1] : 1;
  ck_ok(gemm(&a, &b, &c, &attr, &y));
  ref_expect_shape(&y.desc, SHAPE(m, n));
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t l = 0; l < k; l++) sum += (double)av[trans_a ? l * m + i : i * k + l] * (double)bv[trans_b ? j * k + l : l * n + j];
      const double want = 0.5 * sum - 2 * (double)cv[(c_rows == 1 ? 0 : i) * c_columns + (c_columns == 1 ? 0 : j)];
      ck_assert_float_eq(((const float *)y.data)[i * n + j], (float)want);
    }
  ref_free(&a), ref_free(&b), ref_free(&c), ref_free(&y);
}

START_TEST(agrees_with_a_plain_loop) {
  const int64_t sizes[] = {1, 3, 16, 17, 64, 65};
  uint32_t seed = 1;
  for (int32_t round = 0; round < 60; round++) {
    const int64_t m = sizes[ref_next(&seed, 6)], k = sizes[ref_next(&seed, 6)], n = sizes[ref_next(&seed, 6)];
    const int64_t c_dims[][2] = {{m, n}, {1, n}, {m, 1}, {1, 1}}, row[] = {n};
    const uint32_t which = ref_next(&seed, 6);
    const int32_t rank = which < 4 ? 2 : which == 4 ? 1 : 0;
    check(&seed, m, k, n, (int32_t)ref_next(&seed, 2), (int32_t)ref_next(&seed, 2), rank, which < 4 ? c_dims[which] : row);
  }
}
END_TEST

START_TEST(alpha_zero_keeps_nan_out) {
  const float nan4[] = {NAN, NAN, NAN, NAN};
  ref_tensor a = ref_of(CVK_F32, SHAPE(2, 2), nan4), c = ref_of(CVK_F32, SHAPE(2, 2), (float[]){1, 2, 3, 4}), y;
  ck_ok(gemm(&a, &a, &c, &(cvk_gemm_attr){.alpha = 0, .beta = 2}, &y));
  ref_expect(&y, 0, SHAPE(2, 2), (float[]){2, 4, 6, 8});
  ref_free(&a), ref_free(&c), ref_free(&y);
}
END_TEST

START_TEST(beta_zero_does_not_read_c) {
  const float nan6[] = {NAN, NAN, NAN, NAN, NAN, NAN};
  ref_tensor a = ref_new(CVK_F32, SHAPE(2, 0)), b = ref_new(CVK_F32, SHAPE(0, 3)), c = ref_of(CVK_F32, SHAPE(2, 3), nan6), y;
  ck_ok(gemm(&a, &b, &c, &(cvk_gemm_attr){.alpha = 1, .beta = 0}, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){0, 0, 0, 0, 0, 0});
  ref_free(&a), ref_free(&b), ref_free(&c), ref_free(&y);
}
END_TEST

START_TEST(defaults_and_doubles) {
  ref_tensor a = ref_of(CVK_F64, SHAPE(1, 2), (double[]){1, 1e-17}), b = ref_of(CVK_F64, SHAPE(2, 1), (double[]){2, 1e17}), y;
  ck_ok(gemm(&a, &b, NULL, NULL, &y));
  ref_expect_bytes(&y, CVK_F64, SHAPE(1, 1), (double[]){3});
  ref_free(&a), ref_free(&b), ref_free(&y);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor a = ref_new(CVK_F32, SHAPE(4, 5)), b = ref_new(CVK_F32, SHAPE(6, 3)), v = ref_new(CVK_F32, SHAPE(5)),
             d = ref_new(CVK_F64, SHAPE(5, 3)), i = ref_new(CVK_I32, SHAPE(4, 5)), ok = ref_new(CVK_F32, SHAPE(5, 3)), y;
  ck_fails(gemm(&a, &b, NULL, NULL, &y), CVK_INVALID_SHAPE, "5 columns against 6 rows");
  ck_fails(gemm(&a, &v, NULL, NULL, &y), CVK_INVALID_SHAPE, "b rank 1");
  ck_fails(gemm(&a, &d, NULL, NULL, &y), CVK_INVALID_ARGUMENT, "input 1 is float64");
  ck_fails(gemm(&i, &ok, NULL, NULL, &y), CVK_INVALID_ARGUMENT, "int32");
  ck_fails(gemm(&a, &ok, &ok, NULL, &y), CVK_INVALID_SHAPE, "c of shape [5,3] does not broadcast to the result [4,3]");
  ref_free(&a), ref_free(&b), ref_free(&v), ref_free(&d), ref_free(&i), ref_free(&ok);
}
END_TEST

SUITE("gemm", agrees_with_a_plain_loop, alpha_zero_keeps_nan_out, beta_zero_does_not_read_c, defaults_and_doubles, bad_arguments)
