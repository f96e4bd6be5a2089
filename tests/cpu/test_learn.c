/* SPDX-License-Identifier: Apache-2.0 */
/* test_learn.c: rows of the ops for learning: RELU_GRAD. */
#include <math.h>

#include "row_check.h"

static const int64_t channels[] = {1, 3, 6, 16, 17, 33};
enum { CHANNELS = sizeof channels / sizeof *channels };

static void relu_grad_case(row_tensor y, row_tensor gy, int32_t blocked) {
  row_case k = {.kind = CVK_OP_RELU_GRAD, .n_in = 2, .row = "relu_grad", .blocked = blocked, .in = {y, gy}};
  row_check(&k);
}

START_TEST(relu_grad) {
  for (int64_t n = 0; n <= 150; n += n < 70 ? 1 : 13) {
    row_tensor y = row_random(CVK_F32, DIMS(n), 1), gy = row_random(CVK_F32, DIMS(n), 2);
    row_sprinkle(&y);
    if (n > 5) ((float *)gy.data)[5] = NAN;
    relu_grad_case(y, gy, 0);
  }
  for (int i = 0; i < CHANNELS; i++) {
    row_tensor y = row_random(CVK_F32, DIMS(2, channels[i], 3, 5), 1), gy = row_random(CVK_F32, DIMS(2, channels[i], 3, 5), 2);
    row_sprinkle(&y);
    row_sprinkle(&gy);
    relu_grad_case(y, gy, 1);
  }
  relu_grad_case(row_random(CVK_F32, DIMS(3, 17, 31, 33), 1), row_random(CVK_F32, DIMS(3, 17, 31, 33), 2), 1);
}
END_TEST

SUITE("cpu_learn", relu_grad)
