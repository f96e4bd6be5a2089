/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_norm.c: batch normalisation, local response normalisation, softmax and its logarithm. */
#include <math.h>

#include "ref_case.h"

static void check_batch_norm(const case_tensor *x, uint32_t constants, int32_t negative, int32_t post, const char *const *rows) {
  const int64_t c = x->desc.dim[1];
  case_tensor p[4];
  const case_tensor *in[5] = {x};
  for (int32_t i = 0; i < 4; i++) {
    p[i] = case_random(DIMS(c), (uint32_t)(i + 10));
    in[i + 1] = &p[i];
  }
  for (int64_t i = 0; i < c; i++) ((float *)p[3].data)[i] = fabsf(((float *)p[3].data)[i]) + 0.01f;
  if (negative) ((float *)p[3].data)[c - 1] = -1;
  const cvk_norm_attr attr = {.struct_size = sizeof attr, .epsilon = 1e-5f};
  case_check(CVK_OP_BATCH_NORM, &attr, 5, in, 1, rows,
             &(case_options){.constants = constants, .post = post, .relative = 16 * MINI_EPS, .absolute = 64 * MINI_EPS});
  for (int32_t i = 0; i < 4; i++) case_free(&p[i]);
}

START_TEST(batch_norm) {
  if (!mini_open()) return;
  static const int64_t channels[] = {1, 15, 16, 17, 40};
  for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
    for (uint32_t constants = 0; constants <= 0x1e; constants += 0x1e) {
      case_tensor x = case_random(DIMS(2, channels[i], 5, 7), 1), flat = case_random(DIMS(3, channels[i]), 2);
      check_batch_norm(&x, constants, 0, CVK_OP_RELU, ROWS("batch_norm_blocked", "batch_norm_plain"));
      check_batch_norm(&x, constants, 1, 0, ROWS("batch_norm_blocked", "batch_norm_plain"));
      check_batch_norm(&flat, constants, 0, CVK_OP_RELU, ROWS("batch_norm_plain"));
      case_free(&x);
      case_free(&flat);
    }
  case_tensor wide = case_random(DIMS(1, 3, 111, 97), 1), empty = case_new(CVK_F32, DIMS(0, 3, 2, 2));
  check_batch_norm(&wide, 0x1e, 0, 0, ROWS("batch_norm_blocked", "batch_norm_plain"));
  check_batch_norm(&empty, 0, 0, 0, ROWS("batch_norm_blocked", "batch_norm_plain"));
  case_free(&wide);
  case_free(&empty);
  mini_close();
}
END_TEST

START_TEST(local_response_norm) {
  if (!mini_open()) return;
  static const int64_t channels[] = {1, 5, 16, 19, 48}, sizes[] = {1, 2, 4, 5, 7, 32};
  static const float betas[] = {0.75f, 0.5f};
  for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (size_t b = 0; b < 2; b++) {
        const cvk_norm_attr attr = {.struct_size = sizeof attr, .size = sizes[s], .alpha = 0.5f, .beta = betas[b], .bias = 1.5f};
        case_tensor x = case_random(DIMS(2, channels[c], 3, 7), (uint32_t)s);
        case_check1(CVK_OP_LRN, &attr, &x, ROWS("lrn_blocked", "lrn_plain"), 8 * MINI_EPS);
        case_free(&x);
      }
  const cvk_norm_attr wide = {.struct_size = sizeof wide, .size = 41, .alpha = 0.5f, .beta = 0.75f, .bias = 1};
  case_tensor x = case_random(DIMS(1, 50, 3, 29), 1);
  case_check1(CVK_OP_LRN, &wide, &x, ROWS("lrn_plain"), 8 * MINI_EPS);
  case_free(&x);
  mini_close();
}
END_TEST

static void check_softmax(const case_tensor *x, int32_t axis) {
  const cvk_axis_attr attr = {.struct_size = sizeof attr, .axis = axis};
  case_check1(CVK_OP_SOFTMAX, &attr, x, ROWS("softmax_plain"), 8 * MINI_EPS);
  case_check1(CVK_OP_LOG_SOFTMAX, &attr, x, ROWS("softmax_plain"), 16 * MINI_EPS);
}

START_TEST(softmax_over_any_axis) {
  if (!mini_open()) return;
  for (int64_t n = 1; n < 40; n += 3) {
    case_tensor x = case_random(DIMS(3, n, 2, 17), (uint32_t)n), row = case_random(DIMS(n), 2), rows = case_random(DIMS(67, n), 3);
    for (int32_t axis = -1; axis < 4; axis++) check_softmax(&x, axis);
    check_softmax(&row, 0);
    check_softmax(&rows, 1);
    check_softmax(&rows, 0);
    case_free(&x);
    case_free(&row);
    case_free(&rows);
  }
  case_tensor large = case_random(DIMS(2, 50000), 3), scalar = case_random(0, NULL, 1), empty = case_new(CVK_F32, DIMS(2, 0, 3)),
              none = case_new(CVK_F32, DIMS(0, 5));
  check_softmax(&large, 1);
  check_softmax(&empty, 1);
  check_softmax(&none, 1);
  case_free(&large);
  case_free(&scalar);
  case_free(&empty);
  case_free(&none);
  mini_close();
}
END_TEST

START_TEST(softmax_of_large_and_special_values) {
  if (!mini_open()) return;
  case_tensor x = case_floats(DIMS(6, 3), (float[]){1000, 1001, 1002, -1000, -1001, -1002, 0, -INFINITY, 0, INFINITY, 0, 0, -INFINITY,
                                                    -INFINITY, -INFINITY, NAN, 0, 0});
  check_softmax(&x, -1);
  check_softmax(&x, 0);
  case_free(&x);
  mini_close();
}
END_TEST

SUITE("opencl_norm", batch_norm, local_response_norm, softmax_over_any_axis, softmax_of_large_and_special_values)
