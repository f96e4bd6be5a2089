/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_dense.c: Gemm and MatMul at tile edges, transposed, broadcast, batched, with constant and run-time b. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mini_host.h"

static float *fresh(int64_t n, uint32_t seed) {
  float *p = malloc((size_t)n * sizeof *p + 4);
  mini_random(p, n, seed);
  return p;
}

typedef struct gemm_case {
  int64_t m, n, k;
  int32_t trans_a, trans_b, c_rank; /* c_rank -1: no c */
  int64_t c_dim[2];
  float alpha, beta;
  int32_t constant, relu;
} gemm_case;

static void gemm_check(const char *row, const gemm_case *g) {
  const int64_t c_count = cvk_count(g->c_rank < 0 ? 0 : g->c_rank, g->c_dim);
  float *a = fresh(g->m * g->k, 1), *b = fresh(g->k * g->n, 2), *c = fresh(c_count, 3), *y = fresh(g->m * g->n, 4);
  const cvk_gemm_attr attr = {.struct_size = sizeof attr, .trans_a = g->trans_a, .trans_b = g->trans_b, .alpha = g->alpha, .beta = g->beta};
  const cvk_post_op relu = {.struct_size = sizeof relu, .kind = CVK_OP_RELU, .input = -1};
  mini_op op = {.kind = CVK_OP_GEMM, .attr = &attr, .n_in = 3, .n_out = 1};
  op.in[0] = mini_f32(2, g->trans_a ? (int64_t[]){g->k, g->m} : (int64_t[]){g->m, g->k}, a);
  op.in[1] = mini_f32(2, g->trans_b ? (int64_t[]){g->n, g->k} : (int64_t[]){g->k, g->n}, b);
  op.in[1].constant = g->constant;
  op.in[2] = mini_f32(g->c_rank < 0 ? 0 : g->c_rank, g->c_dim, g->c_rank < 0 ? NULL : c);
  op.out[0] = mini_f32(2, (int64_t[]){g->m, g->n}, y);
  if (g->relu) {
    op.post[0] = &relu;
    op.n_post = 1;
  }
  mini_must_run(row, &op);
  for (int64_t i = 0; i < g->m; i++)
    for (int64_t j = 0; j < g->n; j++) {
      double want = 0, bound = 0;
      for (int64_t k = 0; k < g->k; k++) {
        const double p = (double)a[g->trans_a ? k * g->m + i : i * g->k + k] * b[g->trans_b ? j * g->k + k : k * g->n + j];
        want += p;
        bound += fabs(p);
      }
      const int64_t rows = g->c_rank > 1 ? g->c_dim[0] : 1, columns = g->c_rank > 0 ? g->c_dim[g->c_rank - 1] : 1;
      const double add = g->c_rank < 0 ? 0 : g->beta * c[(rows > 1 ? i : 0) * columns + (columns > 1 ? j : 0)];
      want = g->alpha * want + add;
      bound = (strcmp(row, "dense_clblast") == 0 ? 64 : 4) * MINI_EPS * (fabs(g->alpha) * bound + fabs(add));
      if (g->relu && want < 0) want = 0;
      ck_assert_msg(fabs(y[i * g->n + j] - want) <= bound, "%s %lldx%lldx%lld: y[%lld][%lld] = %.9g, want %.9g +- %.2g", row,
                    (long long)g->m, (long long)g->n, (long long)g->k, (long long)i, (long long)j, y[i * g->n + j], want, bound);
    }
  free(a);
  free(b);
  free(c);
  free(y);
}

START_TEST(corners) {
  if (!mini_open()) return;
  static const int64_t sizes[] = {1, 2, 3, 7, 16, 17, 33, 65};
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < 8; j++)
      for (int k = 0; k < 8; k++)
        gemm_check("dense_tile",
                   &(gemm_case){sizes[i], sizes[j], sizes[k], .c_rank = -1, .alpha = 1, .beta = 1, .constant = (i + j + k) % 2});
  mini_close();
}
END_TEST

static void variants(const char *row) {
  for (int32_t v = 0; v < 16; v++)
    for (int64_t m = 1; m <= 9; m += 4) {
      const gemm_case base = {
          m, 37, 150, v & 1, v >> 1 & 1, .alpha = v & 4 ? 0.5f : 1, .beta = v & 8 ? -2.0f : 1, .constant = v & 1, .relu = v >> 2 & 1};
      gemm_case g = base;
      g.c_rank = 2, g.c_dim[0] = m, g.c_dim[1] = 37;
      gemm_check(row, &g);
      g.c_dim[0] = 1;
      gemm_check(row, &g);
      g.c_dim[0] = m, g.c_dim[1] = 1;
      gemm_check(row, &g);
      g.c_rank = 1, g.c_dim[0] = 37;
      gemm_check(row, &g);
      g.c_rank = 0;
      gemm_check(row, &g);
    }
}

START_TEST(transposed_and_broadcast) {
  if (!mini_open()) return;
  variants("dense_tile");
  mini_close();
}
END_TEST

START_TEST(long_sums) {
  if (!mini_open()) return;
  gemm_check("dense_tile", &(gemm_case){1, 40, 9216, .trans_b = 1, .c_rank = -1, .alpha = 1, .constant = 1});
  gemm_check("dense_tile", &(gemm_case){16, 40, 4099, .c_rank = -1, .alpha = 1, .constant = 1});
  gemm_check("dense_tile", &(gemm_case){3, 5, 0, .c_rank = 1, .c_dim = {5}, .alpha = 1, .beta = 1});
  gemm_check("dense_tile", &(gemm_case){0, 5, 3, .c_rank = -1, .alpha = 1, .beta = 1});
  mini_close();
}
END_TEST

/* y[n] = a[n / a_repeat] b[n % b_count] for shapes that are written out; MatMul against loops over broadcast indices. */
static void matmul_check(int32_t ra, const int64_t *da, int32_t rb, const int64_t *db, int32_t constant) {
  int64_t dy[CVK_MAX_RANK], batch = 1;
  const int64_t m = ra > 1 ? da[ra - 2] : 1, k = da[ra - 1], n = rb > 1 ? db[rb - 1] : 1;
  const int32_t axes_a = ra > 2 ? ra - 2 : 0, axes_b = rb > 2 ? rb - 2 : 0, axes = axes_a > axes_b ? axes_a : axes_b;
  int32_t ry = axes;
  for (int32_t i = 0; i < axes; i++) {
    const int64_t ea = i < axes - axes_a ? 1 : da[i - (axes - axes_a)], eb = i < axes - axes_b ? 1 : db[i - (axes - axes_b)];
    dy[i] = ea > eb ? ea : eb;
    batch *= dy[i];
  }
  if (ra > 1) dy[ry++] = m;
  if (rb > 1) dy[ry++] = n;
  float *a = fresh(cvk_count(ra, da), 1), *b = fresh(cvk_count(rb, db), 2), *y = fresh(batch * m * n, 3);
  mini_op op = {.kind = CVK_OP_MATMUL, .n_in = 2, .n_out = 1};
  op.in[0] = mini_f32(ra, da, a);
  op.in[1] = mini_f32(rb, db, b);
  op.in[1].constant = constant;
  op.out[0] = mini_f32(ry, dy, y);
  mini_must_run("dense_tile", &op);
  for (int64_t p = 0; p < batch; p++) {
    int64_t rest = p, at_a = 0, at_b = 0, step_a = 1, step_b = 1;
    for (int32_t i = axes - 1; i >= 0; i--) {
      const int64_t at = rest % dy[i], ia = i - (axes - axes_a), ib = i - (axes - axes_b);
      rest /= dy[i];
      if (ia >= 0) at_a += da[ia] > 1 ? at * step_a : 0, step_a *= da[ia];
      if (ib >= 0) at_b += db[ib] > 1 ? at * step_b : 0, step_b *= db[ib];
    }
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        double want = 0, bound = 0;
        for (int64_t q = 0; q < k; q++) {
          const double v = (double)a[(at_a * m + i) * k + q] * b[(at_b * k + q) * n + j];
          want += v;
          bound += fabs(v);
        }
        const double got = y[(p * m + i) * n + j];
        ck_assert_msg(fabs(got - want) <= 4 * MINI_EPS * bound, "matmul matrix %lld (%lld,%lld): %g, want %g", (long long)p, (long long)i,
                      (long long)j, got, want);
      }
  }
  free(a);
  free(b);
  free(y);
}

START_TEST(matmul_shapes) {
  if (!mini_open()) return;
  for (int32_t c = 0; c < 2; c++) {
    matmul_check(2, (int64_t[]){5, 33}, 2, (int64_t[]){33, 20}, c);
    matmul_check(1, (int64_t[]){33}, 2, (int64_t[]){33, 20}, c);
    matmul_check(2, (int64_t[]){5, 33}, 1, (int64_t[]){33}, c);
    matmul_check(1, (int64_t[]){33}, 1, (int64_t[]){33}, c);
    matmul_check(3, (int64_t[]){4, 5, 12}, 2, (int64_t[]){12, 20}, c);
    matmul_check(3, (int64_t[]){4, 5, 12}, 3, (int64_t[]){4, 12, 20}, c);
    matmul_check(2, (int64_t[]){5, 12}, 3, (int64_t[]){4, 12, 20}, c);
    matmul_check(4, (int64_t[]){2, 1, 5, 12}, 4, (int64_t[]){1, 3, 12, 20}, c);
    matmul_check(4, (int64_t[]){2, 3, 5, 12}, 3, (int64_t[]){3, 12, 20}, c);
    matmul_check(1, (int64_t[]){12}, 3, (int64_t[]){3, 12, 20}, c);
    matmul_check(3, (int64_t[]){70, 2, 6}, 3, (int64_t[]){70, 6, 3}, c);
  }
  mini_close();
}
END_TEST

/* The BLAS rule: with alpha 0 the product is not formed, with beta 0 c is not read; the NaN in them stays out. */
START_TEST(operands_without_weight_stay_out) {
  if (!mini_open()) return;
  float nan[6] = {NAN, NAN, NAN, NAN, NAN, NAN}, c[4] = {1, 2, 3, 4}, none[1], y[6];
  for (int32_t constant = 0; constant < 2; constant++) {
    mini_op op = {.kind = CVK_OP_GEMM, .n_in = 3, .n_out = 1};
    op.attr = &(cvk_gemm_attr){.struct_size = sizeof(cvk_gemm_attr), .alpha = 0, .beta = 2};
    op.in[0] = op.in[1] = mini_f32(2, (int64_t[]){2, 2}, nan);
    op.in[1].constant = constant;
    op.in[2] = mini_f32(2, (int64_t[]){2, 2}, c);
    op.out[0] = mini_f32(2, (int64_t[]){2, 2}, y);
    mini_must_run("dense_tile", &op);
    for (int32_t i = 0; i < 4; i++) ck_assert_float_eq(y[i], 2 * c[i]);
    op.attr = &(cvk_gemm_attr){.struct_size = sizeof(cvk_gemm_attr), .alpha = 1, .beta = 0};
    op.in[0] = mini_f32(2, (int64_t[]){2, 0}, none);
    op.in[1] = mini_f32(2, (int64_t[]){0, 3}, none);
    op.in[1].constant = constant;
    op.in[2] = mini_f32(2, (int64_t[]){2, 3}, nan);
    op.out[0] = mini_f32(2, (int64_t[]){2, 3}, y);
    mini_must_run("dense_tile", &op);
    for (int32_t i = 0; i < 6; i++) ck_assert_float_eq(y[i], 0);
  }
  mini_close();
}
END_TEST

/* A device opened anew must not meet programs of the old one. */
static void gemm_again(void) {
  ck_assert_int_eq(mini_open(), 1);
  gemm_check("dense_clblast", &(gemm_case){64, 64, 64, .c_rank = -1, .alpha = 1, .constant = 1});
  mini_close();
}

/* CLBlast compiles for seconds at its first call: few sizes. */
START_TEST(clblast_agrees) {
  if (!mini_open()) return;
  float x[1];
  mini_op op = {.kind = CVK_OP_MATMUL, .n_in = 2, .n_out = 1};
  op.in[0] = op.in[1] = op.out[0] = mini_f32(2, (int64_t[]){64, 64}, x);
  if (!mini_offers("dense_clblast", &op)) {
    printf("skipped: no CLBlast\n");
    return;
  }
  gemm_check("dense_clblast", &(gemm_case){65, 33, 127, .c_rank = -1, .alpha = 1, .constant = 1});
  gemm_check("dense_clblast", &(gemm_case){33, 65, 64, .trans_a = 1, .trans_b = 1, .c_rank = 1, .c_dim = {65}, .alpha = 0.5f, .beta = -2});
  mini_close();
  gemm_again();
}
END_TEST

/* On devices that are no CPU: few rows, any depth and number of columns. */
START_TEST(vectors) {
  const char *class = getenv("CONVOKE_CL_CLASS");
  if (!class || strcmp(class, "gpu") == 0 || strcmp(class, "cpu") == 0 || !mini_open()) return;
  for (int64_t k = 1; k <= 140; k = 2 * k + 3)
    for (int64_t m = 1; m <= 8; m += 7)
      gemm_check("dense_vector", &(gemm_case){.m = m,
                                              .n = k % 37 + 1,
                                              .k = k,
                                              .trans_a = k > 50,
                                              .trans_b = 1,
                                              .c_rank = m == 1 ? 1 : 2,
                                              .c_dim = {m == 1 ? k % 37 + 1 : m, k % 37 + 1},
                                              .alpha = m == 1 ? 1.0f : -0.5f,
                                              .beta = 2.0f,
                                              .constant = m == 1,
                                              .relu = 1});
  mini_close();
}
END_TEST

/* On devices that are no CPU: any number of rows, as a convolution of one pixel, with the depth in one part and in several. */
START_TEST(as_convolutions) {
  const char *class = getenv("CONVOKE_CL_CLASS");
  if (!class || strcmp(class, "gpu") == 0 || strcmp(class, "cpu") == 0 || !mini_open()) return;
  static const int64_t sizes[][3] = {{1, 1, 1}, {9, 65, 17}, {33, 31, 16}, {64, 64, 130}, {5, 70, 1025}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int32_t way = 0; way < 4; way++)
      gemm_check("dense_implicit", &(gemm_case){.m = sizes[i][0], .n = sizes[i][1], .k = sizes[i][2], .trans_b = way % 2,
                                                .c_rank = way == 3 ? -1 : 1, .c_dim = {sizes[i][1]}, .alpha = 1, .beta = 1,
                                                .constant = way / 2, .relu = way == 1});
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) /* a turned around: it serves as the weights */
    for (int32_t way = 0; way < 2; way++)
      gemm_check("dense_implicit", &(gemm_case){.m = sizes[i][0], .n = sizes[i][1], .k = sizes[i][2], .trans_a = 1, .c_rank = -1, .alpha = 1,
                                                .beta = 1, .constant = way, .relu = way == 1});
  mini_close();
}
END_TEST

SUITE("opencl_dense", vectors, as_convolutions, clblast_agrees, corners, transposed_and_broadcast, long_sums, matmul_shapes,
      operands_without_weight_stay_out)
