/* SPDX-License-Identifier: Apache-2.0 */
/* test_pool.c: MAX_POOL, AVG_POOL, LP_POOL: windows at the border, divisors, indices, NaN, integer types, errors, and random shapes against
 * a loop that asks of each input cell whether it lies in the window. */
#include <math.h>

#include "ref_run.h"

static const float steps[] = {1, -2, 3, -4, 5};

static void expect_1d(int32_t kind, const cvk_pool_attr *attr, int64_t nx, const float *xv, double tolerance, int64_t n,
                      const float *want) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 1, nx), xv), y;
  ck_ok(ref_run1(kind, attr, &x, &y));
  ref_expect(&y, tolerance, SHAPE(1, 1, n), want);
  ref_free(&x), ref_free(&y);
}

START_TEST(pads_never_win_the_maximum) {
  const cvk_pool_attr a = {.kernel = {3}, .pad_begin = {1}, .pad_end = {1}};
  expect_1d(CVK_OP_MAX_POOL, &a, 3, (float[]){-1, -2, -3}, 0, 3, (float[]){-1, -1, -2});
}
END_TEST

START_TEST(nan_wins_wherever_it_sits) {
  const cvk_pool_attr a = {.kernel = {3}, .stride = {3}};
  expect_1d(CVK_OP_MAX_POOL, &a, 12, (float[]){NAN, 1, INFINITY, 1, NAN, 2, 2, INFINITY, NAN, 1, 3, 2}, 0, 4, (float[]){NAN, NAN, NAN, 3});
}
END_TEST

START_TEST(indices_run_over_the_whole_tensor) {
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 2, 2, 3), (float[]){1, 5, 5, 2, 0, 5, -INFINITY, -INFINITY, 7, -INFINITY, -INFINITY, NAN}), y[2];
  const ref_tensor *const in[] = {&x};
  cvk_pool_attr a = {.kernel = {2, 2}};
  ck_ok(ref_run(CVK_OP_MAX_POOL, &a, 1, in, 2, y));
  ref_expect(&y[0], 0, SHAPE(1, 2, 1, 2), (float[]){5, 5, -INFINITY, NAN});
  ref_expect_i64(&y[1], SHAPE(1, 2, 1, 2), (int64_t[]){1, 1, 6, 11});
  ref_free(&y[0]), ref_free(&y[1]);
  a.storage_order = 1;
  ck_ok(ref_run(CVK_OP_MAX_POOL, &a, 1, in, 2, y));
  ref_expect_i64(&y[1], SHAPE(1, 2, 1, 2), (int64_t[]){2, 2, 6, 11});
  ref_free(&y[0]), ref_free(&y[1]), ref_free(&x);
}
END_TEST

START_TEST(column_major_in_three_dimensions) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 1, 2, 3, 4)), y[2];
  const ref_tensor *const in[] = {&x};
  ((float *)x.data)[1 * 12 + 2 * 4 + 3] = 1;
  ck_ok(ref_run(CVK_OP_MAX_POOL, &(cvk_pool_attr){.kernel = {2, 3, 4}, .storage_order = 1}, 1, in, 2, y));
  ref_expect_i64(&y[1], SHAPE(1, 1, 1, 1, 1), (int64_t[]){(3 * 3 + 2) * 2 + 1});
  ref_free(&x), ref_free(&y[0]), ref_free(&y[1]);
}
END_TEST

START_TEST(max_pool_of_bytes) {
  ref_tensor u = ref_of(CVK_U8, SHAPE(1, 1, 4), (uint8_t[]){1, 200, 0, 0}),
             i = ref_of(CVK_I8, SHAPE(1, 1, 4), (int8_t[]){-100, -128, -128, -128}), y;
  const cvk_pool_attr a = {.kernel = {2}, .stride = {2}};
  ck_ok(ref_run1(CVK_OP_MAX_POOL, &a, &u, &y));
  ck_assert_int_eq(y.desc.dtype, CVK_U8);
  ck_assert_mem_eq(y.data, ((uint8_t[]){200, 0}), 2);
  ref_free(&y);
  ck_ok(ref_run1(CVK_OP_MAX_POOL, &a, &i, &y));
  ck_assert_mem_eq(y.data, ((int8_t[]){-100, -128}), 2);
  ref_free(&y);
  ck_fails(ref_run1(CVK_OP_AVG_POOL, &a, &u, &y), CVK_INVALID_ARGUMENT, "type uint8");
  ref_free(&u), ref_free(&i);
}
END_TEST

START_TEST(average_divides_by_the_cells_it_saw) {
  cvk_pool_attr a = {.kernel = {3}, .stride = {2}, .pad_begin = {1}, .pad_end = {1}, .ceil_mode = 1};
  expect_1d(CVK_OP_AVG_POOL, &a, 5, steps, 1e-7, 3, (float[]){-0.5f, -1, 0.5f});
  a.count_include_pad = 1;
  expect_1d(CVK_OP_AVG_POOL, &a, 5, steps, 1e-6, 3, (float[]){-1.f / 3, -1, 1.f / 3});
  const cvk_pool_attr overhang = {.kernel = {2}, .stride = {2}, .ceil_mode = 1, .count_include_pad = 1};
  expect_1d(CVK_OP_AVG_POOL, &overhang, 5, steps, 0, 3, (float[]){-0.5f, -0.5f, 5});
  const cvk_pool_attr dilated = {.kernel = {2}, .dilation = {2}, .pad_begin = {1}, .pad_end = {1}};
  expect_1d(CVK_OP_AVG_POOL, &dilated, 5, steps, 0, 5, (float[]){-2, 2, -3, 4, -4});
}
END_TEST

START_TEST(ceil_mode_drops_windows_outside) {
  const cvk_pool_attr a = {.kernel = {2}, .stride = {2}, .pad_begin = {1}, .pad_end = {1}, .ceil_mode = 1};
  expect_1d(CVK_OP_MAX_POOL, &a, 5, steps, 0, 3, (float[]){1, 3, 5});
  const cvk_pool_attr valid = {.kernel = {2}, .stride = {2}, .auto_pad = CVK_VALID, .ceil_mode = 1};
  expect_1d(CVK_OP_MAX_POOL, &valid, 5, steps, 0, 2, (float[]){1, 3});
}
END_TEST

/* Values of ONNX Runtime. */
START_TEST(norms) {
  expect_1d(CVK_OP_LP_POOL, &(cvk_pool_attr){.kernel = {2}, .stride = {2}}, 5, steps, 1e-6, 2, (float[]){2.236068f, 5});
  expect_1d(CVK_OP_LP_POOL, &(cvk_pool_attr){.kernel = {2}, .stride = {2}, .p = 1}, 5, steps, 1e-6, 2, (float[]){3, 7});
  expect_1d(CVK_OP_LP_POOL, &(cvk_pool_attr){.kernel = {3}, .stride = {2}, .p = 3, .pad_begin = {1}, .pad_end = {1}}, 5, steps, 1e-6, 3,
            (float[]){2.0800838f, 4.6260653f, 5.738794f});
  expect_1d(CVK_OP_LP_POOL, &(cvk_pool_attr){.kernel = {2}, .stride = {2}, .ceil_mode = 1}, 5, steps, 1e-6, 3, (float[]){2.236068f, 5, 5});
}
END_TEST

static cvk_status infer(int32_t kind, int32_t rank, const int64_t *dim, const cvk_pool_attr *attr, cvk_tensor_desc *y) {
  cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = rank};
  const cvk_tensor_desc *const in[] = {&x};
  memcpy(x.dim, dim, (size_t)rank * sizeof *dim);
  return ref_infer(kind, attr, 1, in, y);
}

START_TEST(extents_are_whole_numbers) {
  cvk_tensor_desc y;
  ck_ok(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 33554433), &(cvk_pool_attr){.kernel = {2}, .stride = {2}}, &y));
  ck_assert_int_eq(y.dim[2], 16777216);
  ck_ok(infer(CVK_OP_MAX_POOL, SHAPE(0, 2, 4, 4), &(cvk_pool_attr){.kernel = {2, 2}, .stride = {2, 2}}, &y));
  ref_expect_shape(&y, SHAPE(0, 2, 2, 2));
}
END_TEST

START_TEST(errors_are_named) {
  cvk_tensor_desc y;
  ck_fails(infer(CVK_OP_AVG_POOL, SHAPE(1, 1, 1, 1),
                 &(cvk_pool_attr){.kernel = {3, 3}, .stride = {3, 3}, .pad_begin = {3, 3}, .pad_end = {3, 3}}, &y),
           CVK_INVALID_ARGUMENT, "pads 3 and 3 on axis 2, allowed less than the kernel extent 3");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 1), &(cvk_pool_attr){.kernel = {2}, .dilation = {3}, .pad_begin = {2}, .pad_end = {3}}, &y),
           CVK_INVALID_ARGUMENT, "window 0 on axis 2 holds no input");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 5), NULL, &y), CVK_INVALID_SHAPE, "kernel extent 0 on axis 2");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 5), &(cvk_pool_attr){.kernel = {6}}, &y), CVK_INVALID_SHAPE, "padded input extent 5");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 0), &(cvk_pool_attr){.kernel = {1}}, &y), CVK_INVALID_SHAPE, "input extent 0 on axis 2");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 5), &(cvk_pool_attr){.kernel = {1}}, &y), CVK_INVALID_SHAPE, "rank 2");
  ck_fails(infer(CVK_OP_LP_POOL, SHAPE(1, 1, 5), &(cvk_pool_attr){.kernel = {1}, .p = -1}, &y), CVK_INVALID_ARGUMENT, "p is -1");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 5), &(cvk_pool_attr){.kernel = {1}, .storage_order = 2}, &y), CVK_INVALID_ARGUMENT,
           "storage_order is 2");
  ck_fails(infer(CVK_OP_MAX_POOL, SHAPE(1, 1, 5), &(cvk_pool_attr){.kernel = {INT64_MAX}, .dilation = {3}, .pad_end = {1}}, &y),
           CVK_SIZE_OVERFLOW, "spans more");
}
END_TEST

/* Output cell (o of each axis) over one plane, by asking every input cell. counted: cells of the padded input in the window. */
static void brute(const float *plane, const int64_t *in, const int64_t *o, const cvk_pool_attr *a, int32_t n, double *max, double *sum,
                  int64_t *seen, int64_t *counted) {
  const int64_t cells = cvk_count(n, in);
  *max = -INFINITY, *sum = 0, *seen = 0, *counted = 1;
  for (int64_t i = 0; i < cells; i++) {
    int64_t rest = i;
    int inside = 1;
    for (int32_t k = n - 1; k >= 0; k--) {
      const int64_t tap = rest % in[k] + a->pad_begin[k] - o[k] * a->stride[k];
      rest /= in[k];
      if (tap < 0 || tap % a->dilation[k] != 0 || tap / a->dilation[k] >= a->kernel[k]) inside = 0;
    }
    if (!inside) continue;
    *max = fmax(*max, plane[i]);
    *sum += plane[i];
    ++*seen;
  }
  for (int32_t k = 0; k < n; k++) {
    int64_t taps = 0;
    for (int64_t t = 0; t < a->kernel[k]; t++) taps += o[k] * a->stride[k] + t * a->dilation[k] < in[k] + a->pad_begin[k] + a->pad_end[k];
    *counted *= taps;
  }
}

START_TEST(random_shapes_agree_with_brute_force) {
  uint32_t seed = 3;
  int run = 0;
  for (int round = 0; round < 400; round++) {
    const int32_t n = 1 + round % 3;
    int64_t xd[5] = {2, 3};
    cvk_pool_attr a = {.ceil_mode = (int32_t)ref_next(&seed, 2), .count_include_pad = (int32_t)ref_next(&seed, 2)};
    for (int32_t k = 0; k < n; k++) {
      a.kernel[k] = 1 + ref_next(&seed, 3);
      a.stride[k] = 1 + ref_next(&seed, 3);
      a.dilation[k] = 1 + ref_next(&seed, 2);
      a.pad_begin[k] = ref_next(&seed, (uint32_t)a.kernel[k]);
      a.pad_end[k] = ref_next(&seed, (uint32_t)a.kernel[k]);
      xd[k + 2] = (a.kernel[k] - 1) * a.dilation[k] + 1 + ref_next(&seed, 4);
    }
    ref_tensor x = ref_random(&seed, n + 2, xd), top, mean;
    ck_ok(ref_run1(CVK_OP_MAX_POOL, &a, &x, &top));
    ck_ok(ref_run1(CVK_OP_AVG_POOL, &a, &x, &mean));
    const int64_t out_cells = cvk_count(n, top.desc.dim + 2), in_cells = cvk_count(n, xd + 2);
    for (int64_t i = 0; i < 6 * out_cells; i++, run++) {
      int64_t o[3], rest = i % out_cells, seen, counted;
      double max, sum;
      for (int32_t k = n - 1; k >= 0; k--) o[k] = rest % top.desc.dim[k + 2], rest /= top.desc.dim[k + 2];
      brute((const float *)x.data + i / out_cells * in_cells, xd + 2, o, &a, n, &max, &sum, &seen, &counted);
      ck_assert(((const float *)top.data)[i] == max);
      ck_assert(((const float *)mean.data)[i] == (float)(sum / (double)(a.count_include_pad ? counted : seen)));
    }
    ref_free(&x), ref_free(&top), ref_free(&mean);
  }
  ck_assert_int_gt(run, 10000);
}
END_TEST

SUITE("pool", pads_never_win_the_maximum, nan_wins_wherever_it_sits, indices_run_over_the_whole_tensor, column_major_in_three_dimensions,
      max_pool_of_bytes, average_divides_by_the_cells_it_saw, ceil_mode_drops_windows_outside, norms, extents_are_whole_numbers,
      errors_are_named, random_shapes_agree_with_brute_force)
