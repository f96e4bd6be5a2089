/* SPDX-License-Identifier: Apache-2.0 */
/* test_eager.c: ops called one by one: results, where they run, weights that are written between calls, many shapes, errors, threads. */
#include <pthread.h>
#include <stdlib.h>

#include "net.h"

static cvk_context *ctx;
static cvk_device *dev;

static void open_device(void) {
  ctx = net_context(2);
  ck_ok(cvk_device_open(ctx, "cpu", &dev));
}

static void close_device(void) {
  cvk_device_release(dev);
  cvk_context_release(ctx);
}

static cvk_tensor *on_device(int32_t rank, const int64_t *dim, const float *v) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(dev, CVK_F32, rank, dim, v, &t));
  return t;
}

START_TEST(results_are_tensors_of_the_device) {
  open_device();
  cvk_tensor *x = on_device(DIMS(1, 1, 2, 2), (float[]){1, 2, 3, 4}), *w = on_device(DIMS(1, 1, 1, 1), (float[]){2}), *y = NULL, *z = NULL;
  float got[4];
  ck_ok(cvk_conv(x, w, NULL, NULL, &y));
  ck_assert_ptr_eq(cvk_tensor_device(y), dev);
  ck_ok(cvk_sub(y, x, &z));
  net_read(z, got, 4);
  ck_assert(got[0] == 1 && got[3] == 4);
  cvk_tensor_release(x);
  cvk_tensor_release(w);
  cvk_tensor_release(y);
  cvk_tensor_release(z);
  close_device();
}
END_TEST

START_TEST(host_tensors_go_with_any_device) {
  open_device();
  cvk_tensor *x = on_device(DIMS(3), (float[]){1, 2, 3}), *host = net_tensor(DIMS(3), 1), *y = NULL;
  ck_ok(cvk_add(x, host, &y));
  ck_assert_ptr_eq(cvk_tensor_device(y), dev);
  cvk_tensor_release(y);
  ck_fails(cvk_add(host, host, &y), CVK_INVALID_ARGUMENT, "no input is a device's");
  cvk_tensor_release(x);
  cvk_tensor_release(host);
  close_device();
}
END_TEST

/* A weight is packed once; writing it, or another tensor at its place, packs it anew. */
START_TEST(written_weights_are_seen) {
  open_device();
  cvk_tensor *x = on_device(DIMS(1, 1, 2, 2), (float[]){1, 2, 3, 4}), *w = on_device(DIMS(1, 1, 1, 1), (float[]){0}), *y = NULL;
  float got[4];
  for (int i = 0; i < 300; i++) {
    const float v = (float)(i / 3);
    if (i % 3 == 0) ck_ok(cvk_tensor_write(w, &v, sizeof v));
    ck_ok(cvk_conv(x, w, NULL, NULL, &y));
    net_read(y, got, 4);
    ck_assert_msg(got[3] == 4 * v, "call %d: %g, wanted %g", i, (double)got[3], 4 * (double)v);
    cvk_tensor_release(y);
  }
  for (int i = 0; i < 300; i++) { /* new tensors that may get the old one's address */
    const float v = (float)i;
    cvk_tensor_release(w);
    w = on_device(DIMS(1, 1, 1, 1), &v);
    ck_ok(cvk_conv(x, w, NULL, NULL, &y));
    net_read(y, got, 4);
    ck_assert(got[3] == 4 * v);
    cvk_tensor_release(y);
  }
  cvk_tensor_release(x);
  cvk_tensor_release(w);
  close_device();
}
END_TEST

START_TEST(more_shapes_than_are_kept) {
  open_device();
  for (int round = 0; round < 2; round++)
    for (int64_t n = 0; n < 300; n++) {
      cvk_tensor *host = net_tensor(DIMS(n), 1), *x = NULL, *y = NULL;
      float *v = calloc((size_t)n + 1, sizeof *v), *w = calloc((size_t)n + 1, sizeof *w);
      net_read(host, v, n);
      ck_ok(cvk_tensor_create(dev, CVK_F32, 1, &n, v, &x));
      ck_ok(cvk_neg(x, &y));
      net_read(y, w, n);
      for (int64_t i = 0; i < n; i++) ck_assert(w[i] == -v[i]);
      free(v);
      free(w);
      cvk_tensor_release(host);
      cvk_tensor_release(x);
      cvk_tensor_release(y);
    }
  close_device();
}
END_TEST

START_TEST(values_decide_shapes) {
  open_device();
  cvk_tensor *x = on_device(DIMS(2, 3), (float[]){1, 2, 3, 4, 5, 6});
  for (int i = 0; i < 12; i++) {
    cvk_tensor *shape = net_ints(2, (int64_t[]){i % 2 ? 3 : 6, -1}), *in[2] = {x, shape}, *y = NULL;
    ck_ok(cvk_op_run(CVK_OP_RESHAPE, NULL, 2, in, 1, &y));
    ck_assert_int_eq(cvk_tensor_dims(y)[0], i % 2 ? 3 : 6);
    cvk_tensor_release(shape);
    cvk_tensor_release(y);
  }
  cvk_tensor_release(x);
  close_device();
}
END_TEST

START_TEST(several_outputs) {
  open_device();
  cvk_tensor *x = on_device(DIMS(2, 3), (float[]){1, 2, 3, 4, 5, 6}), *y[3] = {NULL};
  float got[2];
  ck_ok(cvk_split(x, &(cvk_split_attr){.axis = 1}, 3, y));
  for (int i = 0; i < 3; i++) {
    net_read(y[i], got, 2);
    ck_assert(got[0] == (float)(1 + i) && got[1] == (float)(4 + i));
    cvk_tensor_release(y[i]);
  }
  cvk_tensor_release(x);
  close_device();
}
END_TEST

/* Shapes that hang on values, and several inputs, some absent, with several outputs: ops that run on the reference. */
START_TEST(forms_of_later_ops) {
  open_device();
  cvk_tensor *x = on_device(DIMS(5), (float[]){0, 3, 1, 3, 0}), *y[4] = {NULL}, *where = NULL, *best = NULL, *place = NULL;
  float got[5];
  int64_t index[5];
  ck_ok(cvk_non_zero(x, &where));
  ck_assert_int_eq(cvk_tensor_dims(where)[1], 3);
  ck_ok(cvk_top_k(x, &(cvk_top_k_attr){.k = 2, .largest = 1, .sorted = 1}, &best, &place));
  net_read(best, got, 2);
  ck_assert(got[0] == 3 && got[1] == 3);
  ck_ok(cvk_tensor_read(place, index, 2 * sizeof *index));
  ck_assert(index[0] == 1 && index[1] == 3);
  ck_ok(cvk_unique(x, NULL, 4, y));
  net_read(y[0], got, 3);
  ck_assert(got[0] == 0 && got[1] == 1 && got[2] == 3);
  ck_ok(cvk_tensor_read(y[3], index, 3 * sizeof *index));
  ck_assert(index[0] == 2 && index[1] == 1 && index[2] == 2);
  for (int i = 0; i < 4; i++) cvk_tensor_release(y[i]);
  cvk_tensor *sequence = on_device(DIMS(1, 1, 1), (float[]){2}), *w = on_device(DIMS(1, 4, 1), (float[]){0, 0, 0, 1}),
             *first = on_device(DIMS(1, 1, 1), (float[]){4}), *r = on_device(DIMS(1, 4, 1), (float[]){0, 0, 0, 0});
  ck_ok(cvk_lstm(7, (cvk_tensor *[]){sequence, w, r, NULL, NULL, NULL, first}, NULL, 3, y));
  net_read(y[2], got, 1);
  ck_assert_float_eq_tol(got[0], 2 + 0.5f * 0.96402758f, 1e-6); /* half of 4, and half of tanh 2 */
  for (int i = 0; i < 3; i++) cvk_tensor_release(y[i]);
  cvk_tensor *all[] = {x, where, best, place, sequence, w, first, r};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cvk_tensor_release(all[i]);
  close_device();
}
END_TEST

START_TEST(errors) {
  open_device();
  cvk_device *reference = NULL;
  cvk_tensor *x = on_device(DIMS(2, 3), (float[6]){0}), *wide = on_device(DIMS(2, 4), (float[8]){0}), *away = NULL, *y = NULL;
  ck_ok(cvk_device_open(ctx, "reference", &reference));
  ck_ok(cvk_tensor_create(reference, CVK_F32, 2, (int64_t[]){2, 3}, NULL, &away));
  ck_fails(cvk_add(x, wide, &y), CVK_INVALID_SHAPE, "[2,4]");
  ck_fails(cvk_add(x, away, &y), CVK_DEVICE_MISMATCH, "reference");
  ck_fails(cvk_op_run(9999, NULL, 1, &x, 1, &y), CVK_INVALID_ARGUMENT, "9999");
  ck_fails(cvk_op_run(CVK_OP_ADD, NULL, 1, &x, 1, &y), CVK_INVALID_ARGUMENT, "1 inputs");
  ck_fails(cvk_add(x, NULL, &y), CVK_INVALID_ARGUMENT, "NULL");
  ck_fails(cvk_softmax(x, &(cvk_axis_attr){.axis = 5}, &y), CVK_INVALID_ARGUMENT, "5");
  ck_assert_ptr_null(y);
  cvk_tensor_release(x);
  cvk_tensor_release(wide);
  cvk_tensor_release(away);
  cvk_device_release(reference);
  close_device();
}
END_TEST

/* What an op gives outlives device and context handles. */
START_TEST(released_in_any_order) {
  open_device();
  cvk_tensor *x = on_device(DIMS(3), (float[]){-1, 2, 3}), *y = NULL;
  float got[3];
  ck_ok(cvk_relu(x, &y));
  close_device();
  cvk_tensor_release(x);
  net_read(y, got, 3);
  ck_assert(got[0] == 0 && got[2] == 3);
  cvk_tensor_release(y);
}
END_TEST

static void *call_ops(void *arg) {
  const uint32_t seed = *(uint32_t *)arg;
  for (uint32_t i = 0; i < 60; i++) {
    const int64_t n = 1 + (i * 7 + seed) % 40;
    float v[40], w[40];
    cvk_tensor *x = NULL, *y = NULL, *z = NULL;
    for (int64_t k = 0; k < n; k++) v[k] = (float)(k - (int64_t)seed);
    int bad = cvk_tensor_create(dev, CVK_F32, 1, &n, v, &x) != CVK_OK || cvk_relu(x, &y) != CVK_OK || cvk_add(x, y, &z) != CVK_OK ||
              cvk_tensor_read(z, w, (uint64_t)n * sizeof *w) != CVK_OK;
    for (int64_t k = 0; k < n && !bad; k++) bad = w[k] != v[k] + (v[k] > 0 ? v[k] : 0);
    cvk_tensor_release(x);
    cvk_tensor_release(y);
    cvk_tensor_release(z);
    if (bad) return (void *)1;
  }
  return NULL;
}

START_TEST(threads) {
  open_device();
  pthread_t id[4];
  uint32_t seed[4];
  for (uint32_t i = 0; i < 4; i++) {
    seed[i] = i;
    ck_assert_int_eq(pthread_create(&id[i], NULL, call_ops, &seed[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    void *result = NULL;
    ck_assert_int_eq(pthread_join(id[i], &result), 0);
    ck_assert_ptr_null(result);
  }
  close_device();
}
END_TEST

SUITE("eager", results_are_tensors_of_the_device, host_tensors_go_with_any_device, written_weights_are_seen, more_shapes_than_are_kept, values_decide_shapes,
      several_outputs, forms_of_later_ops, errors, released_in_any_order, threads)
