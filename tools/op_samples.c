/* SPDX-License-Identifier: Apache-2.0 */
/* op_samples.c: the families' lists as one. */
#include "op_samples.h"

#include "op_sample.h"

static const char *const *const families[] = {op_samples_conv,  op_samples_window, op_samples_math, op_samples_move,
                                              op_samples_image, op_samples_index,  op_samples_learn, op_samples_chain};

const char *op_samples_at(int32_t index) {
  for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
    for (const char *const *at = families[f]; *at; at++) {
      if (index-- == 0) return *at;
    }
  }
  return NULL;
}
