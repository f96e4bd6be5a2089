/* SPDX-License-Identifier: Apache-2.0 */
/* test_gemm.c: the matrix product row on every instruction set against a double loop, |y - ref| <= 4 * 2^-24 * sum|a||b|: sizes around the
 * tiles, transposes, alpha, beta, every broadcast of c, batches that broadcast, post-ops, NaN rules, constant and run-time b, 1 and 3
 * threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"
#include "run_op.h"

typedef struct product {
  int64_t m, n, k;
  int32_t trans_a, trans_b;
  float alpha, beta;
  int32_t c_rank; /* -1: none, 0: scalar, 1: [n], 2: [m,n], 3: [m,1] */
  int32_t relu, positive;
} product;

static float *values(int64_t n, uint32_t seed, int positive) {
  float *p = malloc((size_t)n * sizeof *p + 1);
  run_fill(p, n, seed, positive);
  return p;
}

static float element(const float *p, int64_t rows, int64_t columns, int32_t trans, int64_t r, int64_t c) {
  return trans ? p[c * rows + r] : p[r * columns + c];
}

/* Runs every candidate under every cap; want and bound are y's. */
static void run_all(run_op *op, int64_t count, const double *want, const double *bound, const char *what) {
  float *y = op->out_data[0], *again = malloc((size_t)count * sizeof *again + 1);
  int ran = 0;
  for (int isa = 0; mini_host_caps[isa]; isa++) {
    mini_host one, three;
    cvk_candidate c[RUN_CANDIDATES];
    if (!mini_host_open(&one, mini_host_caps[isa], 1)) continue;
    ck_assert(mini_host_open(&three, mini_host_caps[isa], 3));
    for (op->constant[1] = 0; op->constant[1] < 2; op->constant[1]++) {
      const int n = run_candidates(&one, op, c);
      ck_assert_msg(n > 0, "%s: no row takes %s", mini_host_caps[isa], what);
      for (int i = 0; i < n; i++, ran++) {
        cvk_status status = run_row(&one, op, &c[i], op->constant[1] ? RUN_END : RUN_BEGIN, 1, NULL);
        ck_assert_msg(status == CVK_OK, "%s: %s: %s", c[i].row, what, one.message);
        for (int64_t e = 0; e < count; e++)
          ck_assert_msg(isnan(want[e]) ? isnan(y[e]) : fabs((double)y[e] - want[e]) <= 4 * 0x1p-24 * bound[e],
                        "%s: %s: output %lld is %.9g, want %.9g", c[i].row, what, (long long)e, (double)y[e], want[e]);
        memcpy(again, y, (size_t)count * sizeof *y);
        status = run_row(&three, op, &c[i], RUN_END, 1, NULL);
        ck_assert_int_eq(status, CVK_OK);
        ck_assert_msg(memcmp(again, y, (size_t)count * sizeof *y) == 0, "%s: %s: other bits on 3 threads", c[i].row, what);
      }
    }
    mini_host_close(&one);
    mini_host_close(&three);
  }
  ck_assert_int_gt(ran, 0);
  free(again);
}

static void check(const product *p) {
  const cvk_gemm_attr attr = {.struct_size = sizeof attr, .trans_a = p->trans_a, .trans_b = p->trans_b, .alpha = p->alpha, .beta = p->beta};
  const int64_t count = p->m * p->n, c_count = p->c_rank == 2 ? count : p->c_rank == 1 ? p->n : p->c_rank == 3 ? p->m : 1;
  float *a = values(p->m * p->k, 1, p->positive), *b = values(p->k * p->n, 2, p->positive), *c = values(c_count, 3, 0),
        *y = values(count, 4, 0);
  double *want = malloc((size_t)count * sizeof *want + 1), *bound = malloc((size_t)count * sizeof *bound + 1);
  run_op op = {.kind = CVK_OP_GEMM, .n_in = 3, .n_out = 1, .attr = &attr};
  char what[128];
  for (int64_t i = 0; i < count; i++) {
    const int64_t m = i / p->n, n = i % p->n;
    double sum = 0, size = 0;
    for (int64_t k = 0; k < p->k; k++) {
      const double one = (double)element(a, p->m, p->k, p->trans_a, m, k) * (double)element(b, p->k, p->n, p->trans_b, k, n);
      sum += one;
      size += fabs(one);
    }
    const double add = p->c_rank < 0 ? 0 : (double)p->beta * (double)c[p->c_rank == 2 ? i : p->c_rank == 1 ? n : p->c_rank == 3 ? m : 0];
    want[i] = (double)p->alpha * sum + add;
    bound[i] = fabs((double)p->alpha) * size + fabs(add);
    if (p->relu && want[i] < 0) want[i] = 0;
  }
  op.in[0] = run_desc(CVK_F32, 2, p->trans_a ? (int64_t[]){p->k, p->m} : (int64_t[]){p->m, p->k});
  op.in[1] = run_desc(CVK_F32, 2, p->trans_b ? (int64_t[]){p->n, p->k} : (int64_t[]){p->k, p->n});
  op.in[2] = run_desc(CVK_F32, p->c_rank == 3 ? 2 : p->c_rank,
                      p->c_rank == 2   ? (int64_t[]){p->m, p->n}
                      : p->c_rank == 3 ? (int64_t[]){p->m, 1}
                                       : (int64_t[]){p->n});
  op.out[0] = run_desc(CVK_F32, 2, (int64_t[]){p->m, p->n});
  op.in_data[0] = a, op.in_data[1] = b, op.in_data[2] = c, op.out_data[0] = y;
  op.n_post = p->relu;
  op.post[0] = (cvk_post_op){.kind = CVK_OP_RELU, .input = -1};
  snprintf(what, sizeof what, "%lldx%lldx%lld trans %d%d alpha %g beta %g c %d", (long long)p->m, (long long)p->n, (long long)p->k,
           p->trans_a, p->trans_b, (double)p->alpha, (double)p->beta, p->c_rank);
  run_all(&op, count, want, bound, what);
  free(a), free(b), free(c), free(y), free(want), free(bound);
}

START_TEST(sizes_around_the_tiles) {
  static const int64_t rows[] = {1, 2, 5, 6, 7, 13, 14, 15, 29}, columns[] = {1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65};
  for (int i = 0; i < 9; i++)
    for (int j = 0; j < 13; j++) check(&(product){.m = rows[i], .n = columns[j], .k = 5 + i * 9 + j, .alpha = 1, .beta = 1, .c_rank = 1});
}
END_TEST

START_TEST(transposes_scales_and_broadcasts) {
  for (int t = 0; t < 4; t++)
    for (int c = -1; c <= 3; c++)
      for (int m = 1; m <= 19; m += 18)
        check(&(product){.m = m,
                         .n = 37,
                         .k = 41,
                         .trans_a = t & 1,
                         .trans_b = t >> 1,
                         .alpha = 0.5f,
                         .beta = c == 0 ? 2 : -1.5f,
                         .c_rank = c,
                         .relu = c == 2});
}
END_TEST

START_TEST(long_sums) {
  check(&(product){.m = 1, .n = 70, .k = 4096, .alpha = 1, .beta = 1, .c_rank = 1, .positive = 1});
  check(&(product){.m = 3, .n = 33, .k = 5000, .trans_b = 1, .alpha = 1, .c_rank = -1, .positive = 1});
  check(&(product){.m = 130, .n = 40, .k = 700, .alpha = 1, .c_rank = -1});
}
END_TEST

START_TEST(empty_sums_and_nan_rules) {
  const float nan4[4] = {NAN, NAN, NAN, NAN}, c4[4] = {1, 2, 3, 4};
  const double doubled[4] = {2, 4, 6, 8}, zeros[6] = {0}, bound[6] = {0};
  float y[6];
  cvk_gemm_attr attr = {.struct_size = sizeof attr, .alpha = 0, .beta = 2};
  run_op op = {.kind = CVK_OP_GEMM, .n_in = 3, .n_out = 1, .attr = &attr, .in_data = {nan4, nan4, c4}, .out_data = {y}};
  for (int i = 0; i < 3; i++) op.in[i] = run_desc(CVK_F32, 2, (int64_t[]){2, 2});
  op.out[0] = op.in[0];
  run_all(&op, 4, doubled, bound, "alpha 0");
  const float c6[6] = {NAN, NAN, NAN, NAN, NAN, NAN};
  attr.alpha = 1, attr.beta = 0;
  op.in[0] = run_desc(CVK_F32, 2, (int64_t[]){2, 0});
  op.in[1] = run_desc(CVK_F32, 2, (int64_t[]){0, 3});
  op.in[2] = op.out[0] = run_desc(CVK_F32, 2, (int64_t[]){2, 3});
  op.in_data[2] = c6;
  run_all(&op, 6, zeros, bound, "k 0, beta 0");
}
END_TEST

static void check_matmul(int32_t ra, const int64_t *da, int32_t rb, const int64_t *db, int32_t ry, const int64_t *dy, int64_t m, int64_t n,
                         int64_t k, int64_t batch, const int64_t *of_a, const int64_t *of_b) {
  float *a = values(cvk_count(ra, da), 1, 0), *b = values(cvk_count(rb, db), 2, 0), *y = values(batch * m * n, 3, 0);
  double *want = malloc((size_t)(batch * m * n) * sizeof *want), *bound = malloc((size_t)(batch * m * n) * sizeof *bound);
  run_op op = {.kind = CVK_OP_MATMUL, .n_in = 2, .n_out = 1, .in_data = {a, b}, .out_data = {y}};
  op.in[0] = run_desc(CVK_F32, ra, da);
  op.in[1] = run_desc(CVK_F32, rb, db);
  op.out[0] = run_desc(CVK_F32, ry, dy);
  for (int64_t i = 0; i < batch * m * n; i++) {
    const float *pa = a + (of_a[i / m / n] * m + i / n % m) * k, *pb = b + of_b[i / m / n] * k * n + i % n;
    want[i] = bound[i] = 0;
    for (int64_t j = 0; j < k; j++) {
      want[i] += (double)pa[j] * (double)pb[j * n];
      bound[i] += fabs((double)pa[j] * (double)pb[j * n]);
    }
  }
  run_all(&op, batch * m * n, want, bound, "matmul");
  free(a), free(b), free(y), free(want), free(bound);
}

START_TEST(matmul_broadcasts_batches) {
  check_matmul(4, (int64_t[]){2, 1, 3, 4}, 3, (int64_t[]){5, 4, 2}, 4, (int64_t[]){2, 5, 3, 2}, 3, 2, 4, 10,
               (int64_t[]){0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, (int64_t[]){0, 1, 2, 3, 4, 0, 1, 2, 3, 4});
  check_matmul(3, (int64_t[]){3, 7, 9}, 2, (int64_t[]){9, 35}, 3, (int64_t[]){3, 7, 35}, 7, 35, 9, 3, (int64_t[]){0, 1, 2},
               (int64_t[]){0, 0, 0});
  check_matmul(1, (int64_t[]){9}, 2, (int64_t[]){9, 35}, 1, (int64_t[]){35}, 1, 35, 9, 1, (int64_t[]){0}, (int64_t[]){0});
  check_matmul(3, (int64_t[]){2, 17, 9}, 1, (int64_t[]){9}, 2, (int64_t[]){2, 17}, 17, 1, 9, 2, (int64_t[]){0, 1}, (int64_t[]){0, 0});
  check_matmul(1, (int64_t[]){9}, 1, (int64_t[]){9}, 0, NULL, 1, 1, 9, 1, (int64_t[]){0}, (int64_t[]){0});
  check_matmul(3, (int64_t[]){2, 20, 6}, 3, (int64_t[]){2, 6, 33}, 3, (int64_t[]){2, 20, 33}, 20, 33, 6, 2, (int64_t[]){0, 1},
               (int64_t[]){0, 1});
}
END_TEST

SUITE("cpu gemm", sizes_around_the_tiles, transposes_scales_and_broadcasts, long_sums, empty_sums_and_nan_rules, matmul_broadcasts_batches)
