/* SPDX-License-Identifier: Apache-2.0 */
/* test_precision.c: one small CNN (Conv, BatchNormalization, Relu, MaxPool, Gemm) with weights and activations of each float type, on the
 * reference and on the cpu: as the same network of float32, whose weights are the narrow ones, to the precision of the type. */
#include <math.h>

#include "ops/element.h"
#include "run_model.h"

enum { CHANNELS = 8, PIXELS = 8, CLASSES = 5, FEATURES = CHANNELS * PIXELS * PIXELS / 4 };

/* Made-up numbers in low..high, as this type holds them. */
static void fill(int32_t dtype, void *to, int64_t n, uint32_t seed, double low, double high) {
  for (int64_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    cvk_store_real(dtype, to, i, low + (high - low) * (seed >> 8) * 0x1p-24);
  }
}

/* The weights are those of `narrow`, stored as `dtype`. */
static void weights(bytes *g, int32_t narrow, int32_t dtype, const char *name, const char *dims, int64_t n, uint32_t seed, double low,
                    double high) {
  static double room[CLASSES * FEATURES], data[CLASSES * FEATURES];
  fill(narrow, room, n, seed, low, high);
  for (int64_t i = 0; i < n; i++) cvk_store_real(dtype, data, i, cvk_load_real(narrow, room, i));
  constant(g, name, (array){dtype, dims, data});
}

static bytes network(int32_t narrow, int32_t dtype) {
  bytes g = {0}, a = {0};
  weights(&g, narrow, dtype, "w", "8x3x3x3", 216, 1, -0.5, 0.5);
  weights(&g, narrow, dtype, "b", "8", 8, 2, -0.5, 0.5);
  weights(&g, narrow, dtype, "scale", "8", 8, 3, 0.5, 1.5);
  weights(&g, narrow, dtype, "bias", "8", 8, 4, -0.5, 0.5);
  weights(&g, narrow, dtype, "mean", "8", 8, 5, -0.5, 0.5);
  weights(&g, narrow, dtype, "var", "8", 8, 6, 0.5, 1.5);
  weights(&g, narrow, dtype, "m", "5x128", CLASSES * FEATURES, 7, -0.125, 0.125);
  weights(&g, narrow, dtype, "c", "5", 5, 8, -1, 1);
  value_info(&g, 11, "x", dtype, 4, DIMS(-1, 3, PIXELS, PIXELS));
  attr_ints(&a, "pads", 4, DIMS(1, 1, 1, 1));
  node(&g, "Conv", "x w b", "c1", &a);
  node(&g, "BatchNormalization", "c1 scale bias mean var", "n1", NULL);
  node(&g, "Relu", "n1", "r1", NULL);
  attr_ints(&a, "kernel_shape", 2, DIMS(2, 2));
  attr_ints(&a, "strides", 2, DIMS(2, 2));
  node(&g, "MaxPool", "r1", "p1", &a);
  node(&g, "Flatten", "p1", "f1", NULL);
  attr_int(&a, "transB", 1);
  node(&g, "Gemm", "f1 m c", "y", &a);
  output(&g, "y");
  return model(&g, 17);
}

/* Two images; y: their classes as double. */
static void run(int32_t narrow, int32_t dtype, const char *device, double *y) {
  static double room[2 * 3 * PIXELS * PIXELS], x[2 * 3 * PIXELS * PIXELS];
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  cvk_tensor *in = NULL, *out = NULL;
  uint64_t data[2 * CLASSES];
  bytes m = network(narrow, dtype);
  fill(narrow, room, 2 * 3 * PIXELS * PIXELS, 9, -1, 1);
  for (int64_t i = 0; i < 2 * 3 * PIXELS * PIXELS; i++) cvk_store_real(dtype, x, i, cvk_load_real(narrow, room, i));
  ck_ok(cvk_context_create(&(cvk_context_options){.num_threads = 1, .backends = "cpu"}, &ctx));
  ck_ok(cvk_graph_load_onnx_memory(ctx, m.data, m.n, &g));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = device}, &s));
  ck_ok(cvk_tensor_create(NULL, dtype, 4, DIMS(2, 3, PIXELS, PIXELS), x, &in));
  ck_ok(cvk_session_run(s, 1, &in, 1, &out));
  ck_assert_int_eq(cvk_tensor_dtype(out), dtype);
  ck_assert_int_eq(cvk_tensor_count(out), 2 * CLASSES);
  ck_ok(cvk_tensor_read(out, data, cvk_tensor_bytes(out)));
  cvk_load_reals(dtype, data, 0, 1, 2 * CLASSES, y);
  cvk_tensor_release(in), cvk_tensor_release(out);
  cvk_session_release(s);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  empty(&m);
}

START_TEST(test_each_type) {
  static const char *const devices[] = {"reference", "cpu"};
  static const struct {
    int32_t dtype;
    double places; /* of the largest result: four roundings of the type on the way, and sums that average them */
  } types[] = {{CVK_F32, 0x1p-20}, {CVK_F64, 0x1p-20}, {CVK_F16, 0x1p-9}, {CVK_BF16, 0x1p-6}};
  for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
    double want[2 * CLASSES], got[2 * CLASSES], largest = 0;
    run(types[k].dtype, CVK_F32, "reference", want);
    for (int i = 0; i < 2 * CLASSES; i++) largest = fmax(largest, fabs(want[i]));
    ck_assert_double_gt(largest, 0.5);
    for (int d = 0; d < 2; d++) {
      run(types[k].dtype, types[k].dtype, devices[d], got);
      for (int i = 0; i < 2 * CLASSES; i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= types[k].places * largest, "type %d on %s: element %d is %g, want %g", types[k].dtype,
                      devices[d], i, got[i], want[i]);
    }
  }
}
END_TEST

SUITE("precision", test_each_type)
