/* SPDX-License-Identifier: Apache-2.0 */
/* dataset_internal.h: a dataset as the files of this folder see it. */
#ifndef CVK_DATASET_INTERNAL_H
#define CVK_DATASET_INTERNAL_H

#include <convoke/dataset.h>
#include <stdatomic.h>

#include "augment.h"

struct cvk_dataset {
  _Atomic int32_t refs;
  cvk_context *ctx; /* retained */
  int64_t count;
  cvk_tensor_desc raw_x, raw_target; /* a sample as `read` writes it */
  cvk_tensor_desc x, target;         /* as batches hand it out */
  float scale, offset;
  int32_t threads;
  int32_t augments; /* the options ask for any */
  cvk_augment augment;
  cvk_dataset_read_fn read;
  void (*release)(void *arg);
  void *arg;
};

/* The third word of a counter is the epoch, the fourth tells apart what is drawn for the same sample or place. */
enum { CVK_DRAW_ORDER = 0x6f726465, CVK_DRAW_WARP = 0x77617270, CVK_DRAW_WARP_MORE = 0x77617271 };

/* Four words from a sample's (or a place's) number, the epoch and what they are for. */
static inline void cvk_dataset_draw(uint64_t seed, int64_t epoch, int64_t index, uint32_t what, uint32_t out[4]) {
  const uint32_t counter[4] = {(uint32_t)index, (uint32_t)((uint64_t)index >> 32), (uint32_t)epoch, what};
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  cvk_philox(counter, key, out);
}

#endif
